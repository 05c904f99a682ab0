//! The small map of a large picture: where everything is, and which part of it is in view.

use super::camera::{Camera, Point, Rect};
use super::layout;
use crate::scenario::Scenario;

/// Below so many nodes the picture is its own map.
const NODES_MIN: usize = 8;
/// Its size, in pixels.
pub const WIDTH: f64 = 176.0;
/// Its size, in pixels.
pub const HEIGHT: f64 = 112.0;
const MARGIN: f64 = 8.0;

/// How the canvas is drawn on the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    scale: f64,
    left: f64,
    top: f64,
}

impl Map {
    /// A map of all nodes. Where the camera looks beyond them is beyond the map: it stays as it is
    /// while one moves.
    pub fn new(scenario: &Scenario) -> Map {
        let all = layout::extent(scenario);
        let (left, top) = (all.x, all.y);
        let (right, bottom) = (all.x + all.width, all.y + all.height);
        let scale = ((WIDTH - 2.0 * MARGIN) / (right - left).max(1.0))
            .min((HEIGHT - 2.0 * MARGIN) / (bottom - top).max(1.0));
        let spare = |size: f64, from: f64, to: f64| (size - (to - from) * scale) / 2.0 / scale;
        Map { scale, left: left - spare(WIDTH, left, right), top: top - spare(HEIGHT, top, bottom) }
    }

    /// A box of the canvas, on the map.
    pub fn on_map(&self, b: Rect) -> Rect {
        Rect {
            x: (b.x - self.left) * self.scale,
            y: (b.y - self.top) * self.scale,
            width: b.width * self.scale,
            height: b.height * self.scale,
        }
    }

    /// The point of the canvas at a point of the map.
    pub fn on_canvas(&self, p: Point) -> Point {
        Point::new(p.x / self.scale + self.left, p.y / self.scale + self.top)
    }
}

/// Is there enough in it to lose one's way?
pub fn enough(scenario: &Scenario) -> bool {
    scenario.nodes.len() >= NODES_MIN
}

/// Is some of this out of sight?
pub fn is_cut(all: Rect, camera: Camera, screen: (f64, f64)) -> bool {
    !seen(camera, screen).holds(all)
}

/// What the camera shows of the canvas on a screen of this size.
pub fn seen(camera: Camera, (width, height): (f64, f64)) -> Rect {
    let a = camera.to_canvas(Point::new(0.0, 0.0));
    let b = camera.to_canvas(Point::new(width, height));
    Rect { x: a.x, y: a.y, width: b.x - a.x, height: b.y - a.y }
}

/// The camera that has this point of the canvas in the middle of a screen of this size.
pub fn centred(camera: Camera, p: Point, (width, height): (f64, f64)) -> Camera {
    let Camera { zoom, .. } = camera;
    Camera { x: width / 2.0 - p.x * zoom, y: height / 2.0 - p.y * zoom, zoom }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    #[test]
    fn everything_fits_on_the_map_and_points_go_both_ways() {
        let screen = (900.0, 600.0);
        for preset in GALLERY {
            let scenario = preset.scenario();
            for camera in [
                Camera::fitting(layout::extent(&scenario), 900.0, 600.0, 40.0),
                Camera { x: -4_000.0, y: 2_500.0, zoom: 2.0 },
            ] {
                let map = Map::new(&scenario);
                for b in scenario.nodes.iter().map(|node| layout::bounds(&scenario, node)) {
                    let on_map = map.on_map(b);
                    assert!(on_map.x > -0.01 && on_map.x + on_map.width < WIDTH + 0.01);
                    assert!(on_map.y > -0.01 && on_map.y + on_map.height < HEIGHT + 0.01);
                    let back = map.on_canvas(Point::new(on_map.x, on_map.y));
                    assert!((back.x - b.x).abs() < 1e-6 && (back.y - b.y).abs() < 1e-6);
                }
                let far = camera.zoom > 1.0;
                let all = layout::extent(&scenario);
                assert_eq!(is_cut(all, camera, screen), far, "{}", preset.key);
                assert_eq!(enough(&scenario), scenario.nodes.len() >= NODES_MIN);
                let there = centred(camera, Point::new(10.0, 20.0), screen);
                let middle = seen(there, screen).centre();
                assert!((middle.x - 10.0).abs() < 1e-9 && (middle.y - 20.0).abs() < 1e-9);
            }
        }
    }
}
