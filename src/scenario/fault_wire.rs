//! Faults in the wire form, version 1, whose records hold an instant, a place and a number of the
//! kind, and are frozen.
//!
//! What does not fit in one record is said in two: an amount is a record of its own before the
//! fault it belongs to, and holds it where the other holds its instant. For a fault of a wire the
//! place is that in the list of links. Numbers of kinds are never reused.

use super::check::Problem;
use super::fault::{Fault, FaultKind, Target};
use crate::sim::Time;

/// The kind of a record that holds the amount of the next one.
const AMOUNT: u8 = 7;
const ERRORS: u8 = 8;
const PAUSE: u8 = 9;
const RESUME: u8 = 10;
const FLUSH: u8 = 11;
const CHECK_CLOCK: u8 = 12;
const WIRE_CUT: u8 = 80;
const WIRE_JOIN: u8 = 81;
const WIRE_PAUSE: u8 = 82;
const WIRE_RESUME: u8 = 83;
const WIRE_LOSE: u8 = 84;
const WIRE_DELAY: u8 = 85;

/// A record: instant or amount, place, kind.
pub(super) type Record = (u64, u16, u8);

/// The records of a fault; `node` and `link` give places in the lists.
pub(super) fn pack(
    fault: &Fault,
    node: impl Fn(&str) -> u16,
    link: impl Fn(&str, &str) -> u16,
) -> Vec<Record> {
    let place = match &fault.on {
        Target::Node(id) => node(id),
        Target::Wire(from, to) => link(from, to),
    };
    let (number, amount) = number(fault.kind, matches!(fault.on, Target::Wire(..)));
    let amount = amount.map(|amount| (u64::from(amount), 0, AMOUNT));
    amount.into_iter().chain([(fault.at.ns(), place, number)]).collect()
}

/// The number of a kind, and what it needs beside.
fn number(kind: FaultKind, wire: bool) -> (u8, Option<u16>) {
    let number = match kind {
        FaultKind::Crash => 0,
        FaultKind::Restart => 1,
        FaultKind::RefuseWrites => 2,
        FaultKind::AcceptWrites => 3,
        FaultKind::Normal => 4,
        FaultKind::Drain => 5,
        FaultKind::Ready => 6,
        // Those with a part have a row of sixteen each, the factor one of a hundred.
        FaultKind::CrashPart(part) => 16 + part,
        FaultKind::RestartPart(part) => 32 + part,
        FaultKind::CutPart(part) => 48 + part,
        FaultKind::JoinPart(part) => 64 + part,
        FaultKind::Slow(factor) => 128 + factor,
        FaultKind::Errors(_) => ERRORS,
        FaultKind::Pause if wire => WIRE_PAUSE,
        FaultKind::Pause => PAUSE,
        FaultKind::Resume if wire => WIRE_RESUME,
        FaultKind::Resume => RESUME,
        FaultKind::Flush => FLUSH,
        FaultKind::CheckClock(_) => CHECK_CLOCK,
        FaultKind::Cut => WIRE_CUT,
        FaultKind::Join => WIRE_JOIN,
        FaultKind::Lose(_) => WIRE_LOSE,
        FaultKind::Delay(_) => WIRE_DELAY,
    };
    let beside = matches!(number, ERRORS | CHECK_CLOCK | WIRE_LOSE | WIRE_DELAY);
    (number, kind.number().filter(|_| beside))
}

/// The kind with this number, and whether it happens to a wire.
fn kind(number: u8) -> Option<(FaultKind, bool)> {
    let node = match number {
        0 => FaultKind::Crash,
        1 => FaultKind::Restart,
        2 => FaultKind::RefuseWrites,
        3 => FaultKind::AcceptWrites,
        4 => FaultKind::Normal,
        5 => FaultKind::Drain,
        6 => FaultKind::Ready,
        ERRORS => FaultKind::Errors(0),
        PAUSE => FaultKind::Pause,
        RESUME => FaultKind::Resume,
        FLUSH => FaultKind::Flush,
        CHECK_CLOCK => FaultKind::CheckClock(1),
        16..32 => FaultKind::CrashPart(number - 16),
        32..48 => FaultKind::RestartPart(number - 32),
        48..64 => FaultKind::CutPart(number - 48),
        64..80 => FaultKind::JoinPart(number - 64),
        130..=228 => FaultKind::Slow(number - 128),
        WIRE_CUT => return Some((FaultKind::Cut, true)),
        WIRE_JOIN => return Some((FaultKind::Join, true)),
        WIRE_PAUSE => return Some((FaultKind::Pause, true)),
        WIRE_RESUME => return Some((FaultKind::Resume, true)),
        WIRE_LOSE => return Some((FaultKind::Lose(0), true)),
        WIRE_DELAY => return Some((FaultKind::Delay(0), true)),
        _ => return None,
    };
    Some((node, false))
}

/// The faults of the records; `node` and `link` give what stands at a place in the lists.
pub(super) fn unpack(
    records: impl Iterator<Item = Record>,
    node: impl Fn(u16) -> Option<Target>,
    link: impl Fn(u16) -> Option<Target>,
) -> Result<Vec<Fault>, Problem> {
    let mut faults = Vec::new();
    let mut amount = None;
    for (at_ns, place, number) in records {
        let path = format!("faults[{}]", faults.len());
        let wrong = |reason: &str| Problem::new(path.clone(), reason);
        if number == AMOUNT {
            match amount.replace(at_ns) {
                None => continue,
                Some(_) => return Err(wrong("has two amounts")),
            }
        }
        let known = kind(number).ok_or_else(|| wrong("is of a kind this version does not know"));
        let (plain, wire) = known?;
        let kind = match (amount.take(), number) {
            (given, ERRORS | CHECK_CLOCK | WIRE_LOSE | WIRE_DELAY) => {
                let range = plain.amount().map(|(_, range)| range);
                let given = given.and_then(|given| u16::try_from(given).ok());
                let fits = given.filter(|n| range.is_some_and(|range| range.contains(n)));
                plain.with(fits.ok_or_else(|| wrong("has an amount out of range"))?)
            }
            (None, _) => plain,
            (Some(_), _) => return Err(wrong("has an amount and needs none")),
        };
        let (on, names) = match wire {
            true => (link(place), "names no wire"),
            false => (node(place), "names no node"),
        };
        let on = on.ok_or_else(|| wrong(names))?;
        faults.push(Fault { at: Time::from_ns(at_ns), on, kind });
    }
    match amount {
        None => Ok(faults),
        Some(_) => {
            let path = format!("faults[{}]", faults.len());
            Err(Problem::new(path, "is an amount of nothing"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(records: &[Record]) -> Result<Vec<Fault>, String> {
        let node = |place: u16| (place < 2).then(|| Target::node(["a", "b"][usize::from(place)]));
        let link = |place: u16| (place < 1).then(|| Target::wire("a", "b"));
        unpack(records.iter().copied(), node, link).map_err(|problem| problem.to_string())
    }

    #[test]
    fn every_kind_comes_back_from_its_records() {
        let mut numbers = std::collections::BTreeSet::new();
        for kind in FaultKind::ALL {
            let (nodes, wires) = kind.happens_to();
            let node = nodes.then(|| Target::node("b"));
            for on in node.into_iter().chain(wires.then(|| Target::wire("a", "b"))) {
                let amounts = kind.amount().map_or(vec![None], |(_, range)| {
                    vec![Some(*range.start()), Some(*range.end())]
                });
                for amount in amounts {
                    let kind = amount.map_or(kind, |amount| kind.with(amount));
                    let fault = Fault { at: Time::from_ns(77), on: on.clone(), kind };
                    let records = pack(&fault, |_| 1, |_, _| 0);
                    numbers.insert(records[records.len() - 1].2);
                    assert_eq!(back(&records), Ok(vec![fault]));
                }
            }
        }
        assert!(!numbers.contains(&AMOUNT));
    }

    #[test]
    fn amounts_belong_to_what_follows_and_fit_it() {
        let refused = |records: &[Record]| back(records).expect_err("it is wrong");
        assert_eq!(refused(&[(5, 0, AMOUNT)]), "faults[0]: is an amount of nothing");
        assert_eq!(refused(&[(5, 0, AMOUNT), (6, 0, AMOUNT)]), "faults[0]: has two amounts");
        let unneeded = [(1, 0, 0), (5, 0, AMOUNT), (1, 0, 0)];
        assert_eq!(refused(&unneeded), "faults[1]: has an amount and needs none");
        let range = "faults[0]: has an amount out of range";
        assert_eq!(refused(&[(1, 0, ERRORS)]), range);
        assert_eq!(refused(&[(101, 0, AMOUNT), (1, 0, ERRORS)]), range);
        assert_eq!(refused(&[(u64::MAX, 0, AMOUNT), (1, 0, WIRE_DELAY)]), range);
        assert_eq!(refused(&[(1, 1, WIRE_CUT)]), "faults[0]: names no wire");
        assert_eq!(refused(&[(1, 2, PAUSE)]), "faults[0]: names no node");
        assert_eq!(refused(&[(1, 0, 255)]), "faults[0]: is of a kind this version does not know");
    }
}
