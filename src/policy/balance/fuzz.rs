//! Every strategy of the catalogue, whatever happens to its list: joins, leaves, health, weights,
//! limits, names, requests sent and answered in any order, a clock that jumps.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::sim::{Rng, Time};

/// Something that happens to a balancer. Places count round the list as it is then.
#[derive(Clone, Debug)]
enum Op {
    Join { weight: i64, name: u8 },
    Leave(usize),
    Health(usize, bool),
    Weight(usize, i64),
    Limit(usize, u32),
    Backup(usize, bool),
    Rename(usize, u8),
    Pick { key: u8, client: u8, tried: bool, explain: bool },
    Answer { which: usize, ok: bool, took: u64 },
    Clock(u64),
}

fn weights() -> impl Strategy<Value = i64> {
    prop_oneof![
        12 => 1..20i64,
        2 => Just(0i64),
        2 => -5..0i64,
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 1 << 40, 1_000_000]),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let place = any::<usize>();
    let op = prop_oneof![
        3 => (weights(), 0..12u8).prop_map(|(weight, name)| Op::Join { weight, name }),
        1 => place.prop_map(Op::Leave),
        2 => (place, any::<bool>()).prop_map(|(place, up)| Op::Health(place, up)),
        1 => (place, weights()).prop_map(|(place, weight)| Op::Weight(place, weight)),
        1 => (place, 0..3u32).prop_map(|(place, max)| Op::Limit(place, max)),
        1 => (place, any::<bool>()).prop_map(|(place, on)| Op::Backup(place, on)),
        1 => (place, 0..12u8).prop_map(|(place, name)| Op::Rename(place, name)),
        12 => (0..9u8, 0..9u8, any::<bool>(), any::<bool>()).prop_map(
            |(key, client, tried, explain)| Op::Pick { key, client, tried, explain }
        ),
        6 => (any::<usize>(), prop::bool::weighted(0.8), any::<u64>()).prop_map(
            |(which, ok, took)| Op::Answer { which, ok, took: took >> (took % 64) }
        ),
        2 => prop_oneof![0..60_000_000_000u64, any::<u64>(), Just(u64::MAX)].prop_map(Op::Clock),
    ];
    prop::collection::vec(op, 1..120)
}

/// All defaults, but for rings and tables that are small enough to be built thousands of times.
fn small(entry: &'static Entry) -> Knobs {
    let mut knobs = Knobs::default();
    for (key, value) in [("maximum_ring_size", 4_096.0), ("table_size", 251.0)] {
        if entry.knobs.iter().any(|knob| knob.key == key) {
            knobs.set(entry.knobs, key, value).expect("in range");
        }
    }
    knobs
}

/// Names that repeat, are empty, long, or look like addresses.
fn name(number: u8) -> &'static str {
    const NAMES: [&str; 8] =
        ["", "s", "10.0.0.1:80", "10.0.0.1:", "unix:/run/s", "[::1]:443", ":", "sérvér 🙂"];
    NAMES[usize::from(number) % NAMES.len()]
}

/// No key, an empty one, one that is no UTF-8, a long one, and a few that are like any other.
fn key(number: u8) -> Option<&'static [u8]> {
    match number {
        0 => None,
        1 => Some(b""),
        2 => Some(b"\xff\xfe\x00\x80"),
        3 => Some(&[b'x'; 5_000]),
        4 => Some(b"/path?query=1"),
        5 => Some(b"?"),
        6 => Some(b"{}"),
        7 => Some(b"user:1"),
        _ => Some(b"user:2"),
    }
}

fn client(number: u8) -> IpAddr {
    match number {
        0 => IpAddr::V6(Ipv6Addr::LOCALHOST),
        1 => IpAddr::V6(Ipv6Addr::from(u128::MAX)),
        n => IpAddr::V4(Ipv4Addr::new(192, 168, n, n)),
    }
}

/// A balancer's list and what its strategy was told.
struct World {
    entry: &'static Entry,
    policy: Box<dyn Balancer>,
    list: Vec<Backend>,
    joined: u32,
    /// The numbers of the backends to which requests are on their way.
    pending: Vec<u32>,
    /// The numbers of those that failed once.
    failed: Vec<u32>,
    now: Time,
    rng: Rng,
}

impl World {
    fn new(entry: &'static Entry) -> World {
        World {
            entry,
            policy: (entry.make)(&small(entry)),
            list: Vec::new(),
            joined: 0,
            pending: Vec::new(),
            failed: Vec::new(),
            now: Time::ZERO,
            rng: Rng::from_seed(1),
        }
    }

    fn edit(&mut self, place: usize, edit: impl FnOnce(&mut Backend)) {
        if !self.list.is_empty() {
            let place = place % self.list.len();
            edit(&mut self.list[place]);
            self.policy.changed(place, &self.list);
        }
    }

    fn apply(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Join { weight, name: number } => {
                self.joined += 1;
                self.list.push(Backend::new(self.joined, name(number), weight));
                self.policy.added(&self.list);
            }
            Op::Leave(place) if !self.list.is_empty() => {
                let place = place % self.list.len();
                self.list.remove(place);
                self.policy.removed(place, &self.list);
            }
            Op::Leave(_) => {}
            Op::Health(place, up) => self.edit(place, |backend| backend.healthy = up),
            Op::Weight(place, weight) => self.edit(place, |backend| backend.weight = weight),
            Op::Limit(place, max) => self.edit(place, |backend| backend.in_flight_max = max),
            Op::Backup(place, on) => self.edit(place, |backend| backend.backup = on),
            Op::Rename(place, number) => {
                self.edit(place, |backend| backend.name = name(number).into());
            }
            Op::Pick { key: number, client: from, tried, explain } => {
                let tried: Vec<usize> =
                    if tried { (0..self.list.len() / 2).collect() } else { vec![] };
                let (key, client) = (key(number), client(from));
                self.pick(&Ask { now: self.now, key, client, tried: &tried }, explain)?;
            }
            Op::Answer { which, ok, took } => self.answer(which, ok, Span::from_ns(took)),
            Op::Clock(at) => self.now = Time::from_ns(at),
        }
        Ok(())
    }

    fn pick(&mut self, ask: &Ask, explain: bool) -> Result<(), TestCaseError> {
        let key = self.entry.key;
        let (mut twin, mut rng) = (self.policy.clone(), self.rng.clone());
        let unseen = twin.pick(ask, &self.list, &mut rng, &mut Why::off());
        let mut why = if explain { Why::on() } else { Why::off() };
        let pick = self.policy.pick(ask, &self.list, &mut self.rng, &mut why);
        prop_assert_eq!(&pick, &unseen, "{} decides otherwise when it explains", key);
        prop_assert_eq!(&self.rng, &rng, "{} draws otherwise when it explains", key);
        let chosen: Vec<&str> =
            why.lines.iter().filter(|line| line.chosen).map(|line| line.subject.as_str()).collect();
        match pick {
            Pick::Backend(place) => {
                let Backend { healthy, in_flight, in_flight_max: max, .. } = self.list[place];
                prop_assert!(healthy, "{} picks the unhealthy", key);
                let full = max > 0 && in_flight >= max;
                prop_assert!(!full || !key.starts_with("nginx_"), "{} picks the full", key);
                if explain {
                    prop_assert_eq!(chosen, vec![&*self.list[place].name], "{}", key);
                    prop_assert!(!why.sentence.is_empty(), "{} says nothing", key);
                }
                self.list[place].in_flight += 1;
                self.pending.push(self.list[place].id);
                self.policy.sent(place, &self.list);
            }
            Pick::Nobody => {
                prop_assert!(chosen.is_empty(), "{} marks somebody and picks nobody", key);
                // nginx does not come back from the backups within a request.
                let on_backup = ask.tried.iter().any(|place| self.list[*place].backup);
                let open = |(place, b): (usize, &Backend)| {
                    let free = b.healthy && b.weight > 0 && b.in_flight_max == 0 && !b.backup;
                    let tried = on_backup || ask.tried.contains(&place);
                    free && !tried && !self.failed.contains(&b.id)
                };
                // HAProxy's random may draw full servers only; the request then waits in its queue.
                let may_wait = key == "haproxy_random";
                let any = self.list.iter().enumerate().any(open);
                prop_assert!(!any || may_wait, "{} finds nobody", key);
            }
            Pick::Crash(words) => {
                prop_assert!(key.ends_with("_as_in_course"), "{}: {}", key, words);
                // The process starts again, as after a crash.
                self.policy = (self.entry.make)(&small(self.entry));
                (1..=self.list.len()).for_each(|joined| self.policy.added(&self.list[..joined]));
            }
        }
        Ok(())
    }

    fn answer(&mut self, which: usize, ok: bool, took: Span) {
        if self.pending.is_empty() {
            return;
        }
        let id = self.pending.swap_remove(which % self.pending.len());
        if let Some(place) = self.list.iter().position(|backend| backend.id == id) {
            self.list[place].in_flight -= 1;
            if !ok {
                self.failed.push(id);
            }
            self.policy.answered(place, &Answer { now: self.now, took, ok }, &self.list);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_strategy_takes_whatever_happens(ops in ops()) {
        for entry in CATALOGUE {
            let mut world = World::new(entry);
            for op in ops.clone() {
                world.apply(op)?;
            }
            let checked = world.policy.check(&world.list);
            prop_assert_eq!(checked, Ok(()), "{}", entry.key);
            world.policy.memory(&world.list, Time::ZERO);
        }
    }
}
