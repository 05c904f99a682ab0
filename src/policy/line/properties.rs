//! What every line keeps to, whatever happens and whenever.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::sim::Span;

proptest! {
    /// Everybody who joins leaves exactly once: served, dropped, or by giving up.
    #[test]
    fn nobody_is_lost_and_nobody_comes_twice(
        ops in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u32>()), 1..300),
    ) {
        for entry in CATALOGUE {
            let Make::Line(make) = entry.make else { continue };
            let (mut line, mut watched) = (make(Knobs::DEFAULTS), make(Knobs::DEFAULTS));
            let (mut now, mut here, mut next_id) = (Time::ZERO, BTreeSet::new(), 0);
            for &(what, priority, step) in &ops {
                now = match what % 16 {
                    0 => Time::MAX,
                    1 => Time::ZERO,
                    2 => now - Span::from_ns(u64::from(step)),
                    _ => now + Span::from_ns(u64::from(step) / 64),
                };
                match priority % 4 {
                    0 | 1 => {
                        let who = Waiting { id: next_id, since: now, priority };
                        line.push(who, now);
                        watched.push(who, now);
                        here.insert(next_id);
                        next_id += 1;
                    }
                    2 => {
                        let mut why = Why::on();
                        let next = line.pop(now, &mut Why::off());
                        prop_assert_eq!(next, watched.pop(now, &mut why), "{}", entry.key);
                        match next {
                            Next::Serve(who) | Next::Drop(who) => {
                                prop_assert!(here.remove(&who.id), "{}", entry.key);
                                prop_assert!(!why.sentence.is_empty());
                            }
                            Next::Nobody => prop_assert!(here.is_empty(), "{}", entry.key),
                        }
                    }
                    _ => {
                        let id = u64::from(step) % (next_id + 2);
                        prop_assert_eq!(line.remove(id), here.remove(&id));
                        watched.remove(id);
                    }
                }
                prop_assert_eq!((line.len(), line.is_empty()), (here.len(), here.is_empty()));
                let waiting: BTreeSet<u64> = line.waiting().iter().map(|who| who.id).collect();
                prop_assert_eq!(&waiting, &here, "{}", entry.key);
            }
        }
    }

    /// The work done is the time that servers were busy, to within a nanosecond or two an event.
    #[test]
    fn sharing_does_exactly_the_work_there_is(
        servers in 1u32..5,
        jobs in prop::collection::vec((0u64..2000, 0u64..3000, any::<bool>()), 1..60),
    ) {
        let mut cpu = ProcessorSharing::new(servers);
        let (mut now, mut busy, mut done, mut events) = (Time::ZERO, 0u64, 0u64, 0u64);
        let mut works = BTreeMap::new();
        let mut go_to = |cpu: &mut ProcessorSharing, now: &mut Time, to: Time| {
            busy += to.since(*now).ns() * u64::from(servers).min(cpu.len() as u64);
            *now = to;
        };
        for (id, &(step, work, gives_up)) in jobs.iter().enumerate() {
            let arrival = now + Span::from_ns(step);
            while let Some((when, first)) = cpu.next(now).filter(|(when, _)| *when <= arrival) {
                prop_assert!(when >= now);
                go_to(&mut cpu, &mut now, when);
                prop_assert_eq!(cpu.leave(first, when), Some(Span::ZERO));
                done += works.remove(&first).expect("it came");
                events += 1;
            }
            go_to(&mut cpu, &mut now, arrival);
            let id = id as u64;
            prop_assert!(cpu.arrive(id, Span::from_ns(work), now));
            works.insert(id, work);
            events += 1;
            if let (true, Some((&first, &work))) = (gives_up, works.first_key_value()) {
                let left = cpu.leave(first, now).expect("it is there").ns();
                prop_assert!(left <= work);
                done += work - left;
                works.remove(&first);
            }
            prop_assert_eq!(cpu.len(), works.len());
        }
        while let Some((when, first)) = cpu.next(now) {
            go_to(&mut cpu, &mut now, when);
            cpu.leave(first, when);
            done += works.remove(&first).expect("it came");
            events += 1;
        }
        let slack = 2 * events * u64::from(servers);
        prop_assert!(busy.abs_diff(done) <= slack, "{busy} ns busy, {done} ns of work done");
    }

    /// Looking, however often and whenever, changes nothing that comes later.
    #[test]
    fn looking_at_those_who_share_changes_nothing(
        servers in 1u32..4,
        ops in prop::collection::vec(
            (0u64..8, 0u64..2000, any::<[u16; 3]>(), any::<bool>()),
            1..60,
        ),
    ) {
        let mut seen = ProcessorSharing::new(servers);
        let (mut alone, mut now) = (seen.clone(), Time::ZERO);
        for (id, work, looks, leaves) in ops {
            for step in looks {
                now = now + Span::from_ns(u64::from(step) / 64);
                prop_assert!(seen.next(now).is_none_or(|(when, _)| when >= now));
                seen.remaining(id, now);
            }
            if leaves {
                prop_assert_eq!(seen.leave(id, now), alone.leave(id, now));
            } else {
                let work = Span::from_ns(work);
                prop_assert_eq!(seen.arrive(id, work, now), alone.arrive(id, work, now));
            }
            prop_assert_eq!(seen.next(now), alone.next(now));
            prop_assert_eq!(format!("{seen:?}"), format!("{alone:?}"));
        }
    }

    /// Absurd times and sizes do no harm, and what is next never lies in the past.
    #[test]
    fn sharing_survives_anything(
        servers in prop::sample::select(vec![0, 1, 3, u32::MAX]),
        ops in prop::collection::vec((0u64..6, any::<u8>(), any::<u64>()), 1..100),
    ) {
        let mut cpu = ProcessorSharing::new(servers);
        let mut latest = Time::ZERO;
        for (id, what, number) in ops {
            let now = Time::from_ns(number >> (what % 64));
            let changed = match what % 4 {
                0 => cpu.arrive(id, Span::from_ns(number), now),
                1 => cpu.leave(id, now).is_some(),
                2 => {
                    cpu.remaining(id, now);
                    false
                }
                _ => {
                    cpu.set_servers(u32::from(what), now);
                    true
                }
            };
            latest = if changed { latest.max(now) } else { latest };
            if let Some((when, first)) = cpu.next(now) {
                prop_assert!(when >= latest.max(now));
                prop_assert_eq!(cpu.in_service().next(), Some(first));
            }
        }
    }
}

/// The four things every discipline must say; how many wait follows from them.
#[derive(Clone, Debug)]
struct Least(Vec<Waiting>);

impl Discipline for Least {
    fn push(&mut self, who: Waiting, _: Time) {
        self.0.push(who);
    }

    fn pop(&mut self, _: Time, _: &mut Why) -> Next {
        self.0.pop().map_or(Next::Nobody, Next::Serve)
    }

    fn remove(&mut self, id: u64) -> bool {
        let before = self.0.len();
        self.0.retain(|who| who.id != id);
        self.0.len() < before
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.0.clone()
    }
}

#[test]
fn four_methods_make_a_discipline() {
    let mut line: Box<dyn Discipline> = Box::new(Least(Vec::new()));
    assert_eq!((line.len(), line.is_empty()), (0, true));
    (0..3).for_each(|id| line.push(Waiting { id, since: Time::ZERO, priority: 0 }, Time::ZERO));
    assert!(line.remove(1));
    assert_eq!((line.len(), line.is_empty()), (2, false));
}

#[test]
fn the_catalogue_is_in_order() {
    for (place, entry) in CATALOGUE.iter().enumerate() {
        assert_eq!(
            entry.wire as usize, place,
            "{}: numbers are given once and in order",
            entry.key
        );
        assert_eq!(find(entry.key).map(|found| found.wire), Some(entry.wire), "{}", entry.key);
    }
}
