//! Wires: a bent line from a port to a port, and where on it a given share of the way is.
//!
//! Flattened once, when a node moves; a dot's place is then one look-up.

use std::fmt::Write as _;

use super::camera::Point;

const PIECES: usize = 32;

/// A horizontal Bezier curve, flattened, with the length of the way up to each point.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    ends: [Point; 4],
    points: [Point; PIECES + 1],
    lengths: [f64; PIECES + 1],
}

impl Curve {
    /// The curve from a port on a right edge to a port on a left edge.
    pub fn between(from: Point, to: Point) -> Curve {
        let reach = ((to.x - from.x) / 2.0).abs().max(40.0);
        let ends = [from, Point::new(from.x + reach, from.y), Point::new(to.x - reach, to.y), to];
        let mut points = [from; PIECES + 1];
        let mut lengths = [0.0; PIECES + 1];
        for piece in 1..=PIECES {
            points[piece] = bezier(&ends, piece as f64 / PIECES as f64);
            let step = points[piece].distance2(points[piece - 1]).sqrt();
            lengths[piece] = lengths[piece - 1] + step;
        }
        Curve { ends, points, lengths }
    }

    /// Its length.
    pub fn length(&self) -> f64 {
        self.lengths[PIECES]
    }

    /// The point after this share of the way, 0 to 1.
    pub fn at(&self, share: f64) -> Point {
        let way = share.clamp(0.0, 1.0) * self.length();
        let after = self.lengths.partition_point(|&length| length < way).clamp(1, PIECES);
        let (a, b) = (self.points[after - 1], self.points[after]);
        let piece = self.lengths[after] - self.lengths[after - 1];
        let part = if piece > 0.0 { (way - self.lengths[after - 1]) / piece } else { 0.0 };
        Point::new(a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part)
    }

    /// The square of the distance from a point to the curve.
    pub fn distance2(&self, p: Point) -> f64 {
        self.points.iter().map(|q| q.distance2(p)).fold(f64::INFINITY, f64::min)
    }

    /// As an SVG path.
    pub fn path(&self) -> String {
        let [a, b, c, d] = &self.ends;
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            a.x, a.y, b.x, b.y, c.x, c.y, d.x, d.y
        );
        text
    }
}

fn bezier(ends: &[Point; 4], t: f64) -> Point {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    let sum = |axis: fn(&Point) -> f64| {
        ends.iter().zip(weights).map(|(point, weight)| axis(point) * weight).sum()
    };
    Point::new(sum(|p| p.x), sum(|p| p.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_moves_at_constant_speed_from_end_to_end() {
        let (from, to) = (Point::new(10.0, 20.0), Point::new(400.0, 250.0));
        let curve = Curve::between(from, to);
        assert!(curve.at(0.0).distance2(from) < 1e-9 && curve.at(1.0).distance2(to) < 1e-9);
        let steps: Vec<f64> = (0..100)
            .map(|n| curve.at(f64::from(n) / 100.0).distance2(curve.at(f64::from(n + 1) / 100.0)))
            .map(f64::sqrt)
            .collect();
        let mean = curve.length() / 100.0;
        assert!(steps.iter().all(|step| (step / mean - 1.0).abs() < 0.06), "{steps:?}");
    }
}
