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
            latest = latest.max(now);
            match what % 4 {
                0 => { cpu.arrive(id, Span::from_ns(number), now); }
                1 => { cpu.leave(id, now); }
                2 => { cpu.remaining(id, now); }
                _ => cpu.set_servers(u32::from(what), now),
            }
            if let Some((when, first)) = cpu.next(now) {
                prop_assert!(when >= latest);
                prop_assert_eq!(cpu.in_service().next(), Some(first));
            }
        }
    }
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
