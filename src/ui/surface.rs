//! The layer of moving dots: rastered in Rust, put on one canvas once a frame.

use std::cell::RefCell;

use leptos::prelude::*;
use leptos::wasm_bindgen::{Clamped, JsCast as _};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::store::{Selection, Store};
use super::theme;
use crate::sim::LinkId;
use crate::view::dots;
use crate::view::raster::{Patch, Raster};

/// How far dots that are not meant are dimmed, of 255, while one request is selected.
const DIMMED: u8 = 70;
/// The most device pixels along an edge; a canvas without its style sheet would grow for ever.
const EDGE_MAX: f64 = 4096.0;
/// The radius of a dot in canvas units at full size.
const RADIUS: f64 = 4.5;

struct Surface {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    raster: Raster,
    /// Device pixels per CSS pixel, at most two.
    scale: f64,
    /// The zoom for which the marks were drawn, as a whole number, and whether in dark colours.
    look: (i32, bool),
    /// The place of each link's line; kept, so that a frame allocates nothing.
    lines: Vec<Option<usize>>,
    /// Is the tag shown?
    tagged: bool,
}

thread_local! {
    static SURFACE: RefCell<Option<Surface>> = const { RefCell::new(None) };
}

/// Takes the canvas element that dots are drawn on.
pub(super) fn attach(store: Store, canvas: HtmlCanvasElement) {
    let context = canvas.get_context("2d").ok().flatten();
    let context = context.and_then(|c| c.dyn_into::<CanvasRenderingContext2d>().ok());
    let Some(context) = context else {
        store.warn("This browser cannot draw: the moving dots are missing, all else works.");
        return;
    };
    let surface = Surface {
        canvas,
        context,
        raster: Raster::default(),
        scale: 1.0,
        look: (0, false),
        lines: Vec::new(),
        tagged: false,
    };
    SURFACE.with_borrow_mut(|slot| *slot = Some(surface));
    resize(store);
}

/// Follows the size of the canvas on the screen.
pub(super) fn resize(store: Store) {
    let (width, height) = store.viewport.get_untracked();
    SURFACE.with_borrow_mut(|slot| {
        let Some(surface) = slot else { return };
        surface.scale = window().device_pixel_ratio().clamp(1.0, 2.0);
        let pixels = |size: f64| (size * surface.scale).round().clamp(1.0, EDGE_MAX) as usize;
        let (w, h) = (pixels(width), pixels(height));
        if surface.raster.size() != (w, h) {
            surface.canvas.set_width(w as u32);
            surface.canvas.set_height(h as u32);
            surface.raster.resize(w, h);
        }
    });
    draw(store);
}

/// Draws the requests that are on wires now.
pub(super) fn draw(store: Store) {
    SURFACE.with_borrow_mut(|slot| {
        let Some(surface) = slot else { return };
        let camera = store.camera.get_untracked();
        surface.set_look(camera.zoom);
        let chosen = match store.selection.get_untracked() {
            Selection::Request(id) => Some(id),
            _ => None,
        };
        let each = gather(store, &mut surface.lines);
        if each != store.per_dot.get_untracked() {
            store.per_dot.set(each);
        }
        let old = surface.raster.clear();
        let mut found = None;
        store.with_dots(|all| {
            for dot in all.iter() {
                let at = camera.to_screen(dot.at);
                let is_it = chosen == Some(dot.request);
                if is_it {
                    found = Some(at);
                }
                let opacity = if chosen.is_none() || is_it { 255 } else { DIMMED };
                let (x, y) = (at.x * surface.scale, at.y * surface.scale);
                surface.raster.draw(dot.mark, crate::view::camera::Point::new(x, y), opacity);
            }
        });
        surface.put(old);
        if surface.tagged || found.is_some() {
            surface.tagged = found.is_some();
            place_tag(chosen, found);
        }
    });
}

/// Collects the dots; wires are found by the ids of their ends.
fn gather(store: Store, lines: &mut Vec<Option<usize>>) -> u64 {
    if theme::reduced_motion() && store.playing.get_untracked() {
        // Nothing travels: widths of wires and numbers on nodes tell instead.
        store.with_dots(Vec::clear);
        return 1;
    }
    store.with(|session| {
        store.with_places(|curves| {
            let run = session.run();
            lines.clear();
            lines.extend(
                run.links()
                    .iter()
                    .map(|link| curves.place(&run.card(link.from).id, &run.card(link.to).id)),
            );
            let line = |link: LinkId| {
                let place = lines.get(usize::from(link.0)).copied().flatten()?;
                curves.line(place)
            };
            store.with_dots(|all| dots::gather(run, line, all))
        })
    })
}

impl Surface {
    /// Draws the marks anew when the zoom or the theme has changed.
    fn set_look(&mut self, zoom: f64) {
        let size = (zoom.clamp(0.5, 1.6) * 20.0) as i32;
        let look = (size, theme::is_dark());
        if look != self.look {
            let radius = RADIUS * f64::from(size) / 20.0 * self.scale;
            let tokens = ["--rq-ok", "--rq-hit", "--rq-fail", "--text-3"];
            self.raster.set_look(radius, tokens.map(theme::colour));
            self.look = look;
        }
    }

    /// Puts what was cleared and what was drawn on the screen.
    fn put(&self, cleared: Option<Patch>) {
        let (width, _) = self.raster.size();
        let patch = match (cleared, self.raster.touched()) {
            (Some(a), Some(b)) => a.around(b),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => return,
        };
        let pixels = Clamped(self.raster.pixels());
        let Ok(image) = ImageData::new_with_u8_clamped_array(pixels, width as u32) else { return };
        // A canvas that cannot take the picture shows none.
        let _ =
            self.context.put_image_data_with_dirty_x_and_dirty_y_and_dirty_width_and_dirty_height(
                &image,
                0.0,
                0.0,
                patch.x as f64,
                patch.y as f64,
                (patch.right - patch.x) as f64,
                (patch.bottom - patch.y) as f64,
            );
    }
}

/// The tag that follows the selected request.
fn place_tag(chosen: Option<u64>, at: Option<crate::view::camera::Point>) {
    let Some(tag) = document().get_element_by_id("tag") else { return };
    let Ok(tag) = tag.dyn_into::<web_sys::HtmlElement>() else { return };
    let (text, style) = match (chosen, at) {
        (Some(id), Some(p)) => {
            (format!("#{id}"), format!("opacity:1;transform:translate({:.1}px,{:.1}px)", p.x, p.y))
        }
        _ => (String::new(), "opacity:0".to_owned()),
    };
    tag.set_text_content(Some(&text));
    // The attribute name is a constant that every browser accepts.
    let _ = tag.set_attribute("style", &style);
}
