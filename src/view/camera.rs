//! From canvas units to the screen and back.

/// The smallest magnification.
pub const ZOOM_MIN: f64 = 0.1;
/// The largest magnification.
pub const ZOOM_MAX: f64 = 4.0;

/// The magnifications that the zoom buttons and keys go through.
const STEPS: [f64; 8] = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0];

/// A point on the canvas or on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

impl Point {
    /// A point.
    pub const fn new(x: f64, y: f64) -> Point {
        Point { x, y }
    }

    /// The square of the distance to another point.
    pub fn distance2(self, other: Point) -> f64 {
        let (dx, dy) = (self.x - other.x, self.y - other.y);
        dx * dx + dy * dy
    }
}

/// A box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Rect {
    /// The middle.
    pub fn centre(&self) -> Point {
        Point::new(self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    /// Is the point inside?
    pub fn contains(&self, p: Point) -> bool {
        let across = p.x >= self.x && p.x <= self.x + self.width;
        across && p.y >= self.y && p.y <= self.y + self.height
    }

    /// Is the other wholly inside?
    pub fn holds(&self, other: Rect) -> bool {
        let across = other.x >= self.x && other.x + other.width <= self.x + self.width;
        across && other.y >= self.y && other.y + other.height <= self.y + self.height
    }

    /// Do they have some of the plane in common?
    pub fn touches(&self, other: Rect) -> bool {
        let across = other.x < self.x + self.width && self.x < other.x + other.width;
        across && other.y < self.y + self.height && self.y < other.y + other.height
    }

    /// The smallest box around both.
    pub fn around(self, other: Rect) -> Rect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Rect { x, y, width: right - x, height: bottom - y }
    }
}

/// What part of the canvas is seen, and how large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Screen position of the canvas origin.
    pub x: f64,
    /// Screen position of the canvas origin.
    pub y: f64,
    /// Screen pixels per canvas unit.
    pub zoom: f64,
}

impl Default for Camera {
    fn default() -> Self {
        Camera { x: 0.0, y: 0.0, zoom: 1.0 }
    }
}

impl Camera {
    /// Where a canvas point is on the screen.
    pub fn to_screen(self, p: Point) -> Point {
        Point::new(p.x * self.zoom + self.x, p.y * self.zoom + self.y)
    }

    /// Which canvas point is at a place on the screen.
    pub fn to_canvas(self, p: Point) -> Point {
        Point::new((p.x - self.x) / self.zoom, (p.y - self.y) / self.zoom)
    }

    /// Moved by so many screen pixels.
    pub fn panned(&self, dx: f64, dy: f64) -> Camera {
        Camera { x: self.x + dx, y: self.y + dy, zoom: self.zoom }
    }

    /// Magnified by `factor`, with the canvas point under `at` staying where it is.
    pub fn zoomed(&self, at: Point, factor: f64) -> Camera {
        let zoom = (self.zoom * factor).clamp(ZOOM_MIN, ZOOM_MAX);
        let fixed = self.to_canvas(at);
        Camera { x: at.x - fixed.x * zoom, y: at.y - fixed.y * zoom, zoom }
    }

    /// One step nearer or further, about a point of the screen.
    pub fn stepped(&self, at: Point, nearer: bool) -> Camera {
        // What is a hair away from a step counts as being on it.
        let next = match nearer {
            true => STEPS.into_iter().find(|step| *step > self.zoom * 1.001),
            false => STEPS.into_iter().rfind(|step| *step < self.zoom * 0.999),
        };
        next.map_or(*self, |next| self.zoomed(at, next / self.zoom))
    }

    /// The whole `content` in a view of this size, with a margin, never above full size.
    pub fn fitting(content: Rect, width: f64, height: f64, margin: f64) -> Camera {
        let room = |size: f64| (size - 2.0 * margin).max(1.0);
        let scale = (room(width) / content.width.max(1.0))
            .min(room(height) / content.height.max(1.0))
            .clamp(ZOOM_MIN, 1.0);
        let centre = content.centre();
        Camera {
            x: width / 2.0 - centre.x * scale,
            y: height / 2.0 - centre.y * scale,
            zoom: scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However often one zooms, the point under the pointer stays within half a pixel.
        #[test]
        fn zooming_keeps_the_point_under_the_pointer(
            x in 0.0..2000.0f64, y in 0.0..1200.0f64,
            factors in prop::collection::vec(0.5..2.0f64, 100),
        ) {
            let at = Point::new(x, y);
            let mut camera = Camera { x: 37.0, y: -12.0, zoom: 0.8 };
            let fixed = camera.to_canvas(at);
            for factor in factors {
                camera = camera.zoomed(at, factor);
                prop_assert!(camera.to_screen(fixed).distance2(at) < 0.25);
                prop_assert!((ZOOM_MIN..=ZOOM_MAX).contains(&camera.zoom));
            }
        }
    }

    #[test]
    fn steps_lead_through_round_numbers_and_end() {
        let at = Point::new(100.0, 50.0);
        let mut camera = Camera { zoom: 0.62, ..Camera::default() };
        let mut met = Vec::new();
        for _ in 0..6 {
            camera = camera.stepped(at, true);
            met.push((camera.zoom * 100.0).round());
        }
        assert_eq!(met, [75.0, 100.0, 150.0, 200.0, 400.0, 400.0]);
        for _ in 0..9 {
            camera = camera.stepped(at, false);
        }
        assert!((camera.zoom - ZOOM_MIN).abs() < 1e-9);
    }

    #[test]
    fn fitting_shows_everything_and_never_enlarges() {
        let content = Rect { x: -100.0, y: 50.0, width: 3000.0, height: 400.0 };
        let camera = Camera::fitting(content, 1000.0, 600.0, 48.0);
        let corner = camera.to_screen(Point::new(-100.0, 50.0));
        assert!((corner.x - 48.0).abs() < 1e-9 && corner.y > 0.0);
        let small = Rect { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };
        assert_eq!(Camera::fitting(small, 1000.0, 600.0, 48.0).zoom, 1.0);
    }
}
