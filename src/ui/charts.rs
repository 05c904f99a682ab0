//! The strip of time: latency as a heat map with faults as marks, and two charts beside it.

use leptos::html;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast as _;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement};

use super::plan::Marks;
use super::store::{Store, store};
use super::theme;
use crate::node::AnyNode;
use crate::session::{Session, cell_floor};
use crate::stats::Latency;
use crate::view::strip::{self, HeatMap, Lines, Window};

/// The strip and the charts.
#[component]
pub(super) fn Charts() -> impl IntoView {
    let store = store();
    let heat = NodeRef::<html::Canvas>::new();
    let flow = NodeRef::<html::Canvas>::new();
    let ranks = NodeRef::<html::Canvas>::new();
    Effect::new(move |_| {
        store.pulse.track();
        store.rev.track();
        store.viewport.track();
        if let (Some(heat), Some(flow), Some(ranks)) = (heat.get(), flow.get(), ranks.get()) {
            store.with(|session| {
                let window = Window::around(session.frontier(), session.scenario());
                paint_heat(&heat, session, window);
                paint_flow(&flow, session, window);
                paint_ranks(&ranks, session, window);
            });
        }
    });
    let window = move || {
        store.pulse.track();
        store.with(|session| Window::around(session.frontier(), session.scenario()))
    };
    let now = move || {
        store.pulse.track();
        store.with(|session| session.run().now().seconds())
    };
    let width = move || {
        store.pulse.track();
        store.viewport.track();
        heat.get().map_or(0.0, |canvas| f64::from(canvas.client_width()))
    };
    let seek = move |event: web_sys::Event| {
        if let Ok(seconds) = event_target_value(&event).parse::<f64>() {
            store.playing.set(false);
            let at = window().instant(window().share(seconds));
            store.travel(|session| session.seek(at));
            store.refresh();
            super::surface::draw(store);
        }
    };
    view! {
        <figure class="strip">
            <figcaption>"Latency over time" <b>{move || rows_words(store)}</b></figcaption>
            <div class="track">
                <canvas node_ref=heat aria-hidden="true"></canvas>
                <input type="range" aria-label="Go to an earlier moment" step="any"
                    aria-valuetext=move || format!("{:.2} seconds", now())
                    min=move || window().from.to_string() max=move || window().until.to_string()
                    prop:value=now on:input=seek />
                <Marks width=Signal::derive(width) />
            </div>
        </figure>
        <figure class="chart">
            <figcaption>"Answered of sent" <b>{move || flow_words(store)}</b></figcaption>
            <canvas node_ref=flow role="img" aria-label=move || flow_words(store)></canvas>
        </figure>
        <figure class="chart">
            <figcaption>"p50 \u{b7} p95 \u{b7} p99" <b>{move || ranks_words(store)}</b></figcaption>
            <canvas node_ref=ranks role="img" aria-label=move || ranks_words(store)></canvas>
        </figure>
    }
}

fn rows_words(store: Store) -> String {
    store.pulse.track();
    store.with(|session| {
        let window = Window::around(session.frontier(), session.scenario());
        let map = strip::heat_map(session.series(), window);
        if map.rows == 0 {
            return String::new();
        }
        let top = cell_floor(map.lowest + map.rows);
        format!("{} to {top} ms", cell_floor(map.lowest))
    })
}

fn flow_words(store: Store) -> String {
    store.pulse.track();
    store.with(|session| {
        let now = session.run().now();
        let sum = |rate: fn(&crate::node::Clients) -> &crate::stats::Meter| {
            let all = session.run().nodes().iter().filter_map(|node| match node {
                AnyNode::Clients(clients) => Some(rate(clients).per_second(now)),
                _ => None,
            });
            // An empty sum of floats is -0.
            all.sum::<f64>() + 0.0
        };
        format!("{:.0} / {:.0} per s", sum(|c| c.answered()), sum(|c| c.sent()))
    })
}

fn ranks_words(store: Store) -> String {
    store.pulse.track();
    store.with(|session| {
        let first = session.run().nodes().iter().find_map(|node| match node {
            AnyNode::Clients(clients) => Some(clients.latency()),
            _ => None,
        });
        let ms = |latency: &Latency, percent| latency.percentile(percent).millis();
        first.map_or("no clients".to_owned(), |latency| {
            let [a, b, c] = [50.0, 95.0, 99.0].map(|percent| ms(latency, percent));
            format!("{a:.0} \u{b7} {b:.0} \u{b7} {c:.0} ms")
        })
    })
}

/// A canvas cleared and scaled to CSS pixels, with its width and height.
struct Sheet {
    context: CanvasRenderingContext2d,
    width: f64,
    height: f64,
}

fn sheet(canvas: &HtmlCanvasElement) -> Option<Sheet> {
    let scale = window().device_pixel_ratio().clamp(1.0, 2.0);
    let (width, height) = (f64::from(canvas.client_width()), f64::from(canvas.client_height()));
    if width < 16.0 || height < 16.0 {
        // Hidden on a small screen.
        return None;
    }
    let (w, h) = ((width * scale) as u32, (height * scale) as u32);
    if (canvas.width(), canvas.height()) != (w, h) {
        canvas.set_width(w);
        canvas.set_height(h);
    }
    let context = canvas.get_context("2d").ok()??.dyn_into::<CanvasRenderingContext2d>().ok()?;
    context.set_transform(scale, 0.0, 0.0, scale, 0.0, 0.0).ok()?;
    context.clear_rect(0.0, 0.0, width, height);
    Some(Sheet { context, width, height })
}

fn paint_heat(canvas: &HtmlCanvasElement, session: &Session, window: Window) {
    const MARKS: f64 = 14.0;
    let Some(sheet) = sheet(canvas) else { return };
    let Sheet { context, width, height } = &sheet;
    let map: HeatMap = strip::heat_map(session.series(), window);
    context.set_fill_style_str(&theme::token_text("--accent"));
    let room = height - MARKS;
    let row = room / map.rows.max(6) as f64;
    for cell in &map.cells {
        context.set_global_alpha(0.14 + 0.86 * cell.strength);
        let top = room - (cell.row + 1) as f64 * row;
        let wide = (cell.width * width - 1.0).max(1.0);
        context.fill_rect(cell.left * width, top, wide, (row - 1.0).max(1.0));
    }
    context.set_global_alpha(1.0);
    paint_detections(&sheet, session, window);
    paint_alerts(&sheet, session, window);
    playhead(&sheet, session, window);
}

/// When alerts fired and cleared, along the upper edge, as far as the playhead has come.
fn paint_alerts(sheet: &Sheet, session: &Session, window: Window) {
    let Sheet { context, width, .. } = sheet;
    let boards = session.run().nodes().iter().filter_map(|node| match node {
        AnyNode::Board(board) => Some(board),
        _ => None,
    });
    for change in boards.flat_map(|board| board.log()) {
        let share = window.share(change.at.seconds());
        if !(0.0..=1.0).contains(&share) {
            continue;
        }
        let (token, sign) = match change.fired {
            true => ("--rq-fail", "!"),
            false => ("--rq-hit", "\u{2713}"),
        };
        let metric: String = change.rule.chars().take_while(|c| !"<>".contains(*c)).collect();
        context.set_fill_style_str(&theme::token_text(token));
        context.set_font("11px Inter, sans-serif");
        // What cannot be drawn is also in the inspector.
        let _ = context.fill_text(&format!("{sign} {metric}"), share * width + 2.0, 10.0);
        context.fill_rect(share * width, 0.0, 1.0, 12.0);
    }
}

/// Where a dead server was used because nobody knew: a band, and how many requests it cost.
fn paint_detections(sheet: &Sheet, session: &Session, window: Window) {
    const LINE: f64 = 12.0;
    let Sheet { context, width, height } = sheet;
    context.set_fill_style_str(&theme::token_text("--rq-fail"));
    context.set_font("10px Inter, sans-serif");
    for (place, band) in strip::detections(session.run(), window).iter().enumerate() {
        let (left, wide) = (band.left * width, (band.width * width).max(1.5));
        context.set_global_alpha(0.16);
        context.fill_rect(left, 0.0, wide, *height);
        context.set_global_alpha(1.0);
        // One under the other, so that neighbours do not cover one another.
        let line = LINE * (place % 3 + 1) as f64;
        // Text that cannot be drawn is also in the balancer's box.
        let _ = context.fill_text(&band.words, left + 2.0, line);
    }
}

fn paint_flow(canvas: &HtmlCanvasElement, session: &Session, window: Window) {
    let Some(sheet) = sheet(canvas) else { return };
    let lines = strip::throughput(session.series(), window);
    paint_lines(&sheet, &lines, &["--text-3", "--rq-ok"]);
    playhead(&sheet, session, window);
}

fn paint_ranks(canvas: &HtmlCanvasElement, session: &Session, window: Window) {
    let Some(sheet) = sheet(canvas) else { return };
    let lines = strip::percentiles(session.series(), window);
    paint_lines(&sheet, &lines, &["--rq-ok", "--text-3", "--text"]);
    playhead(&sheet, session, window);
}

fn paint_lines(sheet: &Sheet, lines: &Lines, tokens: &[&str]) {
    let Sheet { context, width, height } = sheet;
    context.set_stroke_style_str(&theme::token_text("--line"));
    context.set_line_width(1.0);
    for share in [0.0, 0.5, 1.0] {
        context.begin_path();
        let y = (0.5 + share * (height - 1.0)).round() - 0.5;
        context.move_to(0.0, y);
        context.line_to(*width, y);
        context.stroke();
    }
    for (line, token) in lines.lines.iter().zip(tokens) {
        context.set_stroke_style_str(&theme::token_text(token));
        context.set_line_width(1.5);
        context.begin_path();
        for (place, (x, y)) in line.iter().enumerate() {
            let (x, y) = (x * width, (1.0 - y) * (height - 4.0) + 2.0);
            if place == 0 { context.move_to(x, y) } else { context.line_to(x, y) }
        }
        context.stroke();
    }
    context.set_fill_style_str(&theme::token_text("--panel"));
    context.fill_rect(0.0, 1.0, 24.0, 12.0);
    context.set_fill_style_str(&theme::token_text("--text-3"));
    context.set_font("10px Inter, sans-serif");
    // A chart without its scale still shows its shape.
    let _ = context.fill_text(&lines.top.to_string(), 2.0, 10.0);
}

fn playhead(sheet: &Sheet, session: &Session, window: Window) {
    let x = window.share(session.run().now().seconds()) * sheet.width;
    sheet.context.set_fill_style_str(&theme::token_text("--text"));
    sheet.context.fill_rect(x.clamp(0.0, sheet.width - 1.5), 0.0, 1.5, sheet.height);
}
