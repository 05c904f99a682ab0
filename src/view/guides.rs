//! Alignment: a box that is dragged meets the edges and middles of others, and gaps between two
//! others.

use super::camera::Rect;

/// A line that shows with what a box is aligned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guide {
    /// Does it stand upright?
    pub upright: bool,
    /// Where: x of an upright one, y of one that lies.
    pub at: f64,
    /// From where along itself.
    pub from: f64,
    /// To where along itself.
    pub to: f64,
}

/// By how much the moving box has to be moved to meet others that are no further than `reach`, with
/// the lines that show it; the nearest one each way.
pub fn align(moving: Rect, others: &[Rect], reach: f64) -> ((f64, f64), Vec<Guide>) {
    let mut guides = Vec::new();
    let (dx, across) = nearest(span_x(moving), others.iter().map(|b| span_x(*b)), reach);
    let (dy, along) = nearest(span_y(moving), others.iter().map(|b| span_y(*b)), reach);
    let moved = Rect { x: moving.x + dx, y: moving.y + dy, ..moving };
    if let Some(at) = across {
        let with = others.iter().filter(|b| meets(span_x(**b), at));
        guides.push(line(true, at, with.map(|b| span_y(*b)), span_y(moved)));
    }
    if let Some(at) = along {
        let with = others.iter().filter(|b| meets(span_y(**b), at));
        guides.push(line(false, at, with.map(|b| span_x(*b)), span_x(moved)));
    }
    ((dx, dy), guides)
}

fn span_x(b: Rect) -> [f64; 3] {
    [b.x, b.x + b.width / 2.0, b.x + b.width]
}

fn span_y(b: Rect) -> [f64; 3] {
    [b.y, b.y + b.height / 2.0, b.y + b.height]
}

fn meets(span: [f64; 3], at: f64) -> bool {
    span.iter().any(|edge| (edge - at).abs() < 0.01)
}

/// The shortest move that makes one of the three places equal to one of another's.
fn nearest(
    own: [f64; 3],
    others: impl Iterator<Item = [f64; 3]>,
    reach: f64,
) -> (f64, Option<f64>) {
    let pairs = others.flat_map(|other| {
        // Middles meet middles, edges meet edges.
        let edges = [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)];
        edges.map(|(a, b)| (other[b] - own[a], other[b]))
    });
    let near = pairs.filter(|(by, _)| by.abs() <= reach);
    match near.min_by(|a, b| a.0.abs().total_cmp(&b.0.abs())) {
        Some((by, at)) => (by, Some(at)),
        None => (0.0, None),
    }
}

fn line(upright: bool, at: f64, with: impl Iterator<Item = [f64; 3]>, own: [f64; 3]) -> Guide {
    let all = with.chain([own]);
    let (from, to) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), span| {
        (from.min(span[0]), to.max(span[2]))
    });
    Guide { upright, at, from, to }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Rect {
        Rect { x, y, width: 100.0, height: 40.0 }
    }

    #[test]
    fn the_nearest_edge_or_middle_within_reach_is_met() {
        let others = [at(0.0, 0.0), at(300.0, 200.0)];
        let (by, guides) = align(at(5.0, 90.0), &others, 8.0);
        assert_eq!(by, (-5.0, 0.0));
        assert_eq!(guides, [Guide { upright: true, at: 0.0, from: 0.0, to: 130.0 }]);
        // Its right edge meets the left edge of the other; its middle the middle of none.
        let (by, guides) = align(at(197.0, 203.0), &others, 8.0);
        assert_eq!(by, (3.0, -3.0));
        assert_eq!(guides.len(), 2);
        assert_eq!(guides[1], Guide { upright: false, at: 200.0, from: 200.0, to: 400.0 });
        assert_eq!(align(at(150.0, 100.0), &others, 8.0), ((0.0, 0.0), vec![]));
        assert_eq!(align(at(1.0, 1.0), &[], 8.0), ((0.0, 0.0), vec![]));
    }
}
