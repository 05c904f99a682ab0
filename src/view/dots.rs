//! Where each request on a wire is, as dots.

use super::camera::Point;
use super::curve::Curve;
use crate::scenario::build::Run;
use crate::sim::{LinkId, Op, Outcome, Place, Time};

/// Above this many requests on wires, one dot stands for several.
pub const DOTS_MAX: usize = 5_000;

/// What a dot stands for: shape and colour both tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A request on its way: a filled circle.
    Request,
    /// An answer on its way back: a small circle.
    Answer,
    /// A failure on its way back: a cross.
    Failure,
    /// Somebody asking how a server is, or hearing it: a small ring.
    Check,
}

/// A request on a wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dot {
    /// The request's serial number.
    pub request: u64,
    /// Where, in canvas units.
    pub at: Point,
    /// What it stands for.
    pub mark: Mark,
}

/// How many requests one dot stands for, so that there are at most `DOTS_MAX` dots.
pub fn per_dot(on_wires: usize) -> u64 {
    let mut each = 1;
    for next in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        if on_wires / each <= DOTS_MAX {
            break;
        }
        each = next;
    }
    each as u64
}

/// Fills `dots` with the requests that are on wires now, in the order of their slots. `curve` gives
/// a wire's line, if it has one on the screen. Returns how many requests a dot stands for.
pub fn gather<'a>(
    run: &Run,
    curve: impl Fn(LinkId) -> Option<&'a Curve>,
    dots: &mut Vec<Dot>,
) -> u64 {
    dots.clear();
    let now = run.now();
    let each = per_dot(run.requests().len());
    for (_, request) in run.requests().iter() {
        let (link, back) = match request.place {
            Place::Going(link) => (link, false),
            Place::Returning(link) => (link, true),
            Place::Waiting(_)
            | Place::Serving(_)
            | Place::Calling(_)
            | Place::At(_)
            | Place::AtDoor(_) => continue,
        };
        // Serial numbers are spread evenly over the wires, so every so-manieth is a fair sample.
        if each > 1 && request.id % each != 0 {
            continue;
        }
        let Some(curve) = curve(link) else { continue };
        let share = match request.until {
            // The wire holds it: it comes to the middle, and stays there.
            Time::MAX => {
                let latency = run.links()[usize::from(link.0)].latency;
                share(request.since, request.since + latency, now).min(0.5)
            }
            until => share(request.since, until, now),
        };
        let failed = matches!(request.outcome, Outcome::Failed(..));
        let (share, mark) = match (back, failed) {
            // Lost on the way out: it gets half as far, then what comes back is the failure.
            (false, true) if share <= 0.5 => (share, Mark::Request),
            (false, true) => (1.0 - share, Mark::Failure),
            (false, false) => (share, Mark::Request),
            (true, true) => (1.0 - share, Mark::Failure),
            (true, false) => (1.0 - share, Mark::Answer),
        };
        let mark = match (request.op, mark) {
            (Op::Check, Mark::Request | Mark::Answer) => Mark::Check,
            _ => mark,
        };
        dots.push(Dot { request: request.id, at: curve.at(share), mark });
    }
    each
}

/// The dot nearest to a point, if one is within `reach`.
pub fn nearest(dots: &[Dot], p: Point, reach: f64) -> Option<Dot> {
    let distance = |dot: &&Dot| dot.at.distance2(p);
    // What a node does on its own has no request to show.
    let for_somebody = dots.iter().filter(|dot| dot.request > 0);
    let best = for_somebody.min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    (best.at.distance2(p) <= reach * reach).then_some(*best)
}

fn share(since: Time, until: Time, now: Time) -> f64 {
    let whole = until.since(since).ns();
    match whole {
        0 => 1.0,
        _ => now.since(since).ns() as f64 / whole as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::build;
    use crate::scenario::gallery::GALLERY;
    use crate::sim::{Request, Silent};

    #[test]
    fn every_request_on_a_wire_is_one_dot_and_can_be_found_again() {
        let scenario = GALLERY[0].scenario();
        let mut run = build::build(&scenario);
        run.run_until(Time::from_ns(3_000_000_000), u64::MAX, &mut Silent);
        let curve = Curve::between(Point::new(0.0, 0.0), Point::new(300.0, 80.0));
        let mut dots = Vec::new();
        assert_eq!(gather(&run, |_| Some(&curve), &mut dots), 1);
        let on_wire =
            |request: &Request| matches!(request.place, Place::Going(_) | Place::Returning(_));
        let on_wires = run.requests().iter().filter(|(_, request)| on_wire(request)).count();
        assert_eq!(dots.len(), on_wires);
        assert!(on_wires > 0);
        assert!(nearest(&dots, dots[0].at, 5.0).is_some());
        assert_eq!(nearest(&dots, Point::new(-500.0, 0.0), 5.0), None);
    }

    #[test]
    fn dots_are_bounded() {
        assert_eq!(per_dot(5_000), 1);
        assert_eq!(per_dot(49_000), 10);
        assert!(5_000_000 / per_dot(5_000_000) as usize <= DOTS_MAX);
    }
}
