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

/// By how much the moving box has to be moved each way to meet others that are no further than
/// `reach`, with the lines that show it. An edge or middle of another comes before an equal gap.
pub fn align(
    moving: Rect,
    others: &[Rect],
    reach: f64,
) -> ((Option<f64>, Option<f64>), Vec<Guide>) {
    let across = nearest(span_x(moving), others.iter().map(|b| span_x(*b)), reach);
    let along = nearest(span_y(moving), others.iter().map(|b| span_y(*b)), reach);
    let gap_x = if across.is_some() { None } else { equal_gap(moving, others, reach, false) };
    let gap_y = if along.is_some() { None } else { equal_gap(moving, others, reach, true) };
    let by = |met: Option<(f64, f64)>, gap: &Option<Gap>| {
        met.map(|(by, _)| by).or(gap.as_ref().map(|gap| gap.by))
    };
    let (dx, dy) = (by(across, &gap_x), by(along, &gap_y));
    let (x, y) = (moving.x + dx.unwrap_or(0.0), moving.y + dy.unwrap_or(0.0));
    let moved = Rect { x, y, ..moving };
    let mut guides = Vec::new();
    if let Some((_, at)) = across {
        let with = others.iter().filter(|b| meets(span_x(**b), at));
        guides.push(line(true, at, with.map(|b| span_y(*b)), span_y(moved)));
    }
    if let Some((_, at)) = along {
        let with = others.iter().filter(|b| meets(span_y(**b), at));
        guides.push(line(false, at, with.map(|b| span_x(*b)), span_x(moved)));
    }
    let middle = moved.centre();
    for (gap, upright, at) in [(gap_x, false, middle.y), (gap_y, true, middle.x)] {
        let gaps = gap.map(|gap| gap.gaps).into_iter().flatten();
        guides.extend(gaps.map(|(from, to)| Guide { upright, at, from, to }));
    }
    ((dx, dy), guides)
}

/// A place at which two gaps are equal.
struct Gap {
    /// How far it is there.
    by: f64,
    /// From where to where the two gaps reach.
    gaps: [(f64, f64); 2],
}

/// The nearest place within reach that makes the gap to a neighbour equal to the one between that
/// and the next, or stands in the middle between two; among those in the same row, or column.
fn equal_gap(moving: Rect, others: &[Rect], reach: f64, down: bool) -> Option<Gap> {
    let side = |b: &Rect| if down { (b.y, b.y + b.height) } else { (b.x, b.x + b.width) };
    let cross = |b: &Rect| if down { (b.x, b.x + b.width) } else { (b.y, b.y + b.height) };
    let (top, bottom) = cross(&moving);
    let beside = others.iter().filter(|b| cross(b).0 < bottom && cross(b).1 > top);
    let mut row: Vec<(f64, f64)> = beside.map(side).collect();
    row.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (start, end) = side(&moving);
    let long = end - start;
    let pairs = row.windows(2).filter(|pair| pair[1].0 > pair[0].1);
    let places = pairs.flat_map(|pair| {
        let [(a0, a1), (b0, b1)] = [pair[0], pair[1]];
        let gap = b0 - a1;
        let between = (gap - long) / 2.0;
        [
            (gap > 0.0).then_some(Gap { by: b1 + gap - start, gaps: [(a1, b0), (b1, b1 + gap)] }),
            (gap > 0.0).then_some(Gap { by: a0 - gap - end, gaps: [(a0 - gap, a0), (a1, b0)] }),
            (between > 0.0).then_some(Gap {
                by: a1 + between - start,
                gaps: [(a1, a1 + between), (b0 - between, b0)],
            }),
        ]
    });
    let near = places.flatten().filter(|gap| gap.by.abs() <= reach);
    near.min_by(|a, b| a.by.abs().total_cmp(&b.by.abs()))
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
) -> Option<(f64, f64)> {
    let pairs = others.flat_map(|other| {
        // Middles meet middles, edges meet edges.
        let edges = [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1)];
        edges.map(|(a, b)| (other[b] - own[a], other[b]))
    });
    let near = pairs.filter(|(by, _)| by.abs() <= reach);
    near.min_by(|a, b| a.0.abs().total_cmp(&b.0.abs()))
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
        assert_eq!(by, (Some(-5.0), None));
        assert_eq!(guides, [Guide { upright: true, at: 0.0, from: 0.0, to: 130.0 }]);
        // Its right edge meets the left edge of the other; its middle the middle of none.
        let (by, guides) = align(at(197.0, 203.0), &others, 8.0);
        assert_eq!(by, (Some(3.0), Some(-3.0)));
        assert_eq!(guides.len(), 2);
        assert_eq!(guides[1], Guide { upright: false, at: 200.0, from: 200.0, to: 400.0 });
        assert_eq!(align(at(150.0, 100.0), &others, 8.0), ((None, None), vec![]));
        assert_eq!(align(at(1.0, 1.0), &[], 8.0), ((None, None), vec![]));
    }

    #[test]
    fn equal_gaps_are_met_behind_before_and_between() {
        // Two in a row with 50 between them; a little lower, so that no edge is met.
        let row = [at(0.0, 0.0), at(150.0, 0.0)];
        let (by, guides) = align(at(304.0, 15.0), &row, 8.0);
        assert_eq!(by, (Some(-4.0), None));
        let gap = |from, to| Guide { upright: false, at: 35.0, from, to };
        assert_eq!(guides, [gap(100.0, 150.0), gap(250.0, 300.0)]);
        assert_eq!(align(at(-153.0, 15.0), &row, 8.0).0.0, Some(3.0));
        let far = [at(0.0, 0.0), at(400.0, 0.0)];
        let (by, guides) = align(at(195.0, 15.0), &far, 8.0);
        assert_eq!(by.0, Some(5.0));
        assert_eq!(guides, [gap(100.0, 200.0), gap(300.0, 400.0)]);
        // In a column too; and those in another row do not count.
        let turned = |b: Rect| Rect { x: b.y, y: b.x, width: b.height, height: b.width };
        let column = row.map(turned);
        assert_eq!(align(turned(at(304.0, 15.0)), &column, 8.0).0, (None, Some(-4.0)));
        assert_eq!(align(at(304.0, 95.0), &row, 8.0).0, (None, None));
    }
}
