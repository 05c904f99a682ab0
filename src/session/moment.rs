//! A moment of a run, as a link names it: where the playhead stands, and what was looked at. With
//! it goes the checksum of the event log up to there, so that who opens it can tell that it is the
//! same run.

use std::fmt;

use crate::scenario::build;
use crate::sim::{Silent, Time};

use super::Session;

/// How many events are run, at most, to come to a moment.
pub const MOMENT_EVENTS_MAX: u64 = 5_000_000;
/// How late a moment may be.
const LATEST: Time = Time::from_ns(1_000_000_000_000_000);

/// A moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Where the playhead stands.
    pub at: Time,
    /// How many events were handled by then: at one instant there may be several.
    pub events: u64,
    /// The checksum of these events.
    pub checksum: u64,
    /// The number of the request that is looked at.
    pub request: Option<u64>,
    /// The middle of the picture on the canvas, and the zoom.
    pub view: Option<(f64, f64, f64)>,
    /// The panel that is open.
    pub panel: Option<String>,
}

/// Is the run that was come to the one that the link was made from?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// Every event is the same, in the same order.
    Yes,
    /// Some event is another.
    No,
    /// It was not run so far: a moment this late takes too many events.
    TooFar,
}

impl fmt::Display for Moment {
    /// What stands after the scenario in a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "&m={}.{}.{:016x}", self.at.ns(), self.events, self.checksum)?;
        if let Some(request) = self.request {
            write!(f, "&r={request}")?;
        }
        if let Some((x, y, zoom)) = self.view {
            write!(f, "&v={:.0},{:.0},{:.3}", x, y, zoom)?;
        }
        match &self.panel {
            Some(panel) => write!(f, "&p={panel}"),
            None => Ok(()),
        }
    }
}

impl Moment {
    /// Reads what stands after the scenario in a link; nothing when no moment is named, or none
    /// that could be.
    pub fn read(fragment: &str) -> Option<Moment> {
        let part = |name: &str| {
            let mut parts = fragment.trim_start_matches('#').split('&');
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let mut numbers = part("m")?.split('.');
        let at = Time::from_ns(numbers.next()?.parse().ok()?);
        let events = numbers.next()?.parse().ok()?;
        let checksum = u64::from_str_radix(numbers.next()?, 16).ok()?;
        if at > LATEST || numbers.next().is_some() {
            return None;
        }
        let request = part("r").and_then(|number| number.parse().ok());
        let word = |text: &str| text.len() <= 20 && text.bytes().all(|b| b.is_ascii_lowercase());
        let panel = part("p").filter(|text| word(text)).map(str::to_owned);
        Some(Moment { at, events, checksum, request, view: part("v").and_then(view), panel })
    }
}

fn view(text: &str) -> Option<(f64, f64, f64)> {
    let mut numbers = text.split(',').map(|number| number.parse::<f64>().ok());
    let (x, y, zoom) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let fine = x.abs() <= 1e6 && y.abs() <= 1e6 && (0.05..=8.0).contains(&zoom);
    (fine && numbers.next().is_none()).then_some((x, y, zoom))
}

impl Session {
    /// The moment at the playhead, of the run that a link gives: the one from the beginning with
    /// the settings as they are now. Absent when coming there takes too many events.
    pub fn moment(&self) -> Option<Moment> {
        let at = self.run.now();
        let (mut events, mut checksum) = (self.run.events(), self.run.trace_hash());
        if self.edited {
            let mut fresh = build::build(&self.scenario);
            if !fresh.run_until(at, MOMENT_EVENTS_MAX, &mut Silent).reached {
                return None;
            }
            (events, checksum) = (fresh.events(), fresh.trace_hash());
        }
        let far = events > MOMENT_EVENTS_MAX || at > LATEST;
        (!far).then_some(Moment { at, events, checksum, request: None, view: None, panel: None })
    }

    /// Starts again and goes to a moment, as if it had been watched all along.
    pub fn go_to(&mut self, moment: &Moment) -> Same {
        self.restart();
        let before = Time::from_ns(moment.at.ns().saturating_sub(1));
        let mut left = MOMENT_EVENTS_MAX;
        loop {
            let to_go = before.since(self.run.now());
            let advanced = self.advance(to_go, left.min(10_000));
            left = left.saturating_sub(advanced.events);
            if advanced.reached {
                break;
            }
            if advanced.halt.is_some() || left == 0 {
                return Same::TooFar;
            }
        }
        while self.run.events() < moment.events {
            if left == 0 {
                return Same::TooFar;
            }
            left -= 1;
            if self.run.next_event().is_none_or(|next| next > moment.at) || self.step().is_none() {
                break;
            }
        }
        // What is left is time in which nothing happens.
        if self.run.next_event().is_none_or(|next| next > moment.at) {
            self.advance(moment.at.since(self.run.now()), 1);
        }
        let here = (self.run.now(), self.run.events(), self.run.trace_hash());
        match here == (moment.at, moment.events, moment.checksum) {
            true => Same::Yes,
            false => Same::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Value;
    use crate::scenario::gallery::GALLERY;
    use crate::session::Command;
    use crate::sim::Span;

    fn at(ms: u64) -> Session {
        let mut session = Session::new(GALLERY[0].scenario()).expect("a built-in scenario");
        session.advance(Span::from_millis(ms), u64::MAX);
        session
    }

    #[test]
    fn a_moment_is_come_to_again_also_in_the_middle_of_an_instant() {
        let mut session = at(3_000);
        for steps in 0..40 {
            let moment = session.moment().expect("near");
            let mut other = at(0);
            assert_eq!(other.go_to(&moment), Same::Yes, "after {steps} steps");
            assert_eq!(other.report(), session.report());
            session.step();
        }
    }

    #[test]
    fn it_is_written_and_read() {
        let moment = Moment {
            request: Some(17),
            view: Some((120.0, -64.0, 1.25)),
            panel: Some("inspect".into()),
            ..at(1_500).moment().expect("near")
        };
        let text = format!("#s=1.AAAA{moment}");
        assert_eq!(Moment::read(&text), Some(moment));
        for odd in [
            "",
            "#s=1.A",
            "#s=1.A&m=",
            "#s=1.A&m=5.6",
            "#s=1.A&m=5.6.x",
            "#m=5.6.7.8",
            "#m=9999999999999999.1.1",
        ] {
            assert_eq!(Moment::read(odd), None, "{odd}");
        }
        let bare = Moment::read("#m=5.6.7&r=x&v=1,2&p=<b>").expect("a moment");
        assert_eq!((bare.request, bare.view, bare.panel), (None, None, None));
    }

    #[test]
    fn another_run_is_told_from_it() {
        let moment = at(2_000).moment().expect("near");
        let mut other = at(0);
        other.apply(Command::SetSeed(12_345), 0).expect("any seed");
        assert_eq!(other.go_to(&moment), Same::No);
        let late = Moment { at: Time::from_ns(u64::MAX / 2), ..moment };
        assert_eq!(Moment::read(&late.to_string()), None);
    }

    #[test]
    fn a_run_that_was_edited_gives_the_moment_of_the_run_from_its_beginning() {
        let mut session = at(2_000);
        session
            .apply(Command::Set("clients".into(), "rate".into(), Value::Number(9.0)), 0)
            .expect("a rate");
        session.advance(Span::from_millis(500), u64::MAX);
        let moment = session.moment().expect("near");
        let mut fresh = Session::new(session.scenario().clone()).expect("a scenario");
        assert_eq!(fresh.go_to(&moment), Same::Yes);
        assert_eq!(fresh.run().now(), session.run().now());
    }
}
