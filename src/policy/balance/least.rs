//! The least loaded of all, written once for every load that only changes with what happens.
//!
//! A winner tree keeps the smallest load at hand: a pick looks at one number, and a change costs
//! log2 n comparisons, so 512 servers are not scanned for each request. Unhealthy ones do
//! not take part. Of equal loads the earliest in the list is taken.
//!
//! Entries: least connections, the same by weight, least response time.

use super::load::{InFlight, InFlightPerWeight, MeanResponse, Steady};
use super::winner_tree::WinnerTree;
use super::{Answer, Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Time, Why};

/// Takes the backend with the smallest load of all, the earliest of equals.
#[derive(Clone, Debug)]
pub struct Least<L> {
    load: L,
    tree: WinnerTree,
}

impl<L: Steady> Least<L> {
    /// No backends yet.
    pub fn new(load: L) -> Least<L> {
        Least { load, tree: WinnerTree::default() }
    }

    /// The load, or infinity for who cannot be chosen.
    fn key(&self, place: usize, backends: &[Backend]) -> f64 {
        match backends[place].healthy {
            true => self.load.load(place, backends, Time::ZERO),
            false => f64::INFINITY,
        }
    }

    fn update(&mut self, place: usize, backends: &[Backend]) {
        self.tree.set(place, self.key(place, backends));
    }

    fn explain(&self, chosen: Option<usize>, backends: &[Backend], why: &mut Why) {
        for (place, backend) in backends.iter().enumerate() {
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: match backend.healthy {
                    true => self.load.numbers(place, backends, Time::ZERO),
                    false => "unhealthy: skipped".to_owned(),
                },
                chosen: chosen == Some(place),
            });
        }
        why.say(|| match chosen {
            Some(place) => {
                let equal = |key: &&f64| **key == self.tree.keys()[place];
                let tie = match self.tree.keys().iter().filter(equal).count() {
                    1 => "",
                    _ => "; of equals, the earliest in the list is taken",
                };
                format!("{} has the smallest {}{tie}.", backends[place].name, L::NAME)
            }
            None => format!("None of the {} servers can be chosen.", backends.len()),
        });
    }
}

impl<L: Steady + 'static> Balancer for Least<L> {
    fn reads_times(&self) -> bool {
        L::FROM_TIMES
    }

    fn pick(&mut self, _: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let first = self.tree.first();
        if why.wanted() {
            self.explain(first, backends, why);
        }
        first.map_or(Pick::Nobody, Pick::Backend)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.load.added(backends);
        self.tree.push(self.key(backends.len() - 1, backends));
    }

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        self.load.removed(place, backends);
        self.tree.remove(place);
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        self.update(place, backends);
    }

    fn sent(&mut self, place: usize, backends: &[Backend]) {
        self.update(place, backends);
    }

    fn answered(&mut self, place: usize, answer: &Answer, backends: &[Backend]) {
        self.load.answered(place, answer, backends);
        self.update(place, backends);
    }

    fn memory(&self, backends: &[Backend], _: Time) -> Memory {
        let (unit, times) = L::UNIT;
        let load = |place| self.load.load(place, backends, Time::ZERO) * times;
        Memory::Loads((0..backends.len()).map(load).collect(), unit)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let fresh: Vec<f64> = (0..backends.len()).map(|place| self.key(place, backends)).collect();
        match fresh == self.tree.keys() {
            true => Ok(()),
            false => Err(format!("loads are {fresh:?}, kept are {:?}", self.tree.keys())),
        }
    }
}

/// Least connections.
pub(super) const LEAST_CONNECTIONS: Entry = Entry {
    key: "least_connections",
    wire: 3,
    name: "Least connections",
    whose: "general; named in the course's list of strategies",
    rule: "The healthy server with the fewest requests in flight, waiting and in service alike; \
           the earliest in the list of equals. Weights are ignored.",
    cost: "O(1) time to pick, O(log n) when a request is sent or answered; two numbers per server",
    when: "Requests take very different times, or servers differ in speed: a slow server \
           collects requests and therefore gets fewer.",
    when_not: "Many balancers share the servers and see only their own requests, or a server \
               fails so fast that it always looks idle.",
    source: "System Design Basics, Questions and answers",
    knobs: &[],
    make: |_| Box::new(Least::new(InFlight)),
};

/// Least connections, by weight.
pub(super) const WEIGHTED_LEAST_CONNECTIONS: Entry = Entry {
    key: "weighted_least_connections",
    wire: 18,
    name: "Weighted least connections",
    whose: "general; the quotient that nginx compares, without its tie rule",
    rule: "The healthy server with the fewest requests in flight for its weight; \
           the earliest in the list of equals. A weight below 1 gets nothing.",
    cost: LEAST_CONNECTIONS.cost,
    when: "Servers differ in capacity, and requests in duration.",
    when_not: "Little traffic: idle servers are equal whatever their weight, and the earliest \
               gets everything.",
    source: "nginx reference, least_conn",
    knobs: &[],
    make: |_| Box::new(Least::new(InFlightPerWeight)),
};

const GAIN: Knob = Knob {
    key: "gain",
    wire: 0,
    label: "Gain",
    unit: "",
    help: "The share of a new answer in a server's mean response time.",
    min: 0.001,
    max: 1.0,
    default: 0.125,
    whole: false,
};

/// Least response time.
pub(super) const LEAST_RESPONSE_TIME: Entry = Entry {
    key: "least_response_time",
    wire: 4,
    name: "Least response time",
    whose: "general; named in the course's list. The gain of 1/8 is that of TCP's smoothed \
            round-trip time (RFC 6298)",
    rule: "The healthy server with the smallest mean response time × (requests in flight + 1); \
           the earliest in the list of equals. The mean moves by the gain with each answer; who \
           never answered is asked once first. Weights are ignored.",
    cost: LEAST_CONNECTIONS.cost,
    when: "Servers differ in speed, and nobody knows by how much.",
    when_not: "A server that fails at once looks fast, and one that was slow once is not asked \
               again while the others are idle: peak EWMA forgets with time, this does not.",
    source: "System Design Basics, Questions and answers",
    knobs: &[GAIN],
    make: |knobs| Box::new(Least::new(MeanResponse::new(knobs.get(&GAIN)))),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Knobs;
    use crate::sim::Span;

    /// A strategy with its list, kept as a balancer would.
    struct Bench {
        policy: Box<dyn Balancer>,
        list: Vec<Backend>,
    }

    impl Bench {
        fn new(policy: Box<dyn Balancer>, weights: &[i64]) -> Bench {
            let mut bench = Bench { policy, list: Vec::new() };
            for (place, &weight) in weights.iter().enumerate() {
                let name = format!("s{}", place + 1);
                bench.list.push(Backend::new(place as u32 + 1, &name, weight));
                bench.policy.added(&bench.list);
            }
            bench
        }

        fn send(&mut self, why: &mut Why) -> String {
            let rng = &mut Rng::from_seed(1);
            let Pick::Backend(place) = self.policy.pick(&Ask::NOTHING, &self.list, rng, why) else {
                return "nobody".to_owned();
            };
            self.list[place].in_flight += 1;
            self.policy.sent(place, &self.list);
            self.list[place].name.to_string()
        }

        fn answer(&mut self, place: usize, took_ms: u64) {
            self.list[place].in_flight -= 1;
            let answer = Answer { now: Time::ZERO, took: Span::from_millis(took_ms), ok: true };
            self.policy.answered(place, &answer, &self.list);
        }
    }

    #[test]
    fn the_fewest_in_flight_and_of_equals_the_earliest() {
        let mut bench = Bench::new(Box::new(Least::new(InFlight)), &[1, 1, 1]);
        let off = &mut Why::off();
        assert_eq!([0; 4].map(|_| bench.send(off)), ["s1", "s2", "s3", "s1"]);
        bench.answer(1, 5);
        let mut why = Why::on();
        assert_eq!(bench.send(&mut why), "s2");
        let rows: Vec<&str> = why.lines.iter().map(|line| line.numbers.as_str()).collect();
        assert_eq!(rows, ["2 in flight", "0 in flight", "1 in flight"]);
        assert_eq!(why.sentence, "s2 has the smallest number of requests in flight.");
        let mut why = Why::on();
        assert_eq!(bench.send(&mut why), "s2");
        let words = "s2 has the smallest number of requests in flight; \
                     of equals, the earliest in the list is taken.";
        assert_eq!(why.sentence, words);
    }

    #[test]
    fn twice_the_weight_holds_twice_as_many() {
        let policy = Box::new(Least::new(InFlightPerWeight));
        let mut bench = Bench::new(policy, &[1, 2, 0]);
        let off = &mut Why::off();
        assert_eq!([0; 6].map(|_| bench.send(off)), ["s1", "s2", "s2", "s1", "s2", "s2"]);
    }

    #[test]
    fn everybody_is_asked_once_then_the_fast_one_is_preferred() {
        let make = LEAST_RESPONSE_TIME.make;
        let mut bench = Bench::new(make(Knobs::DEFAULTS), &[1, 1]);
        let off = &mut Why::off();
        assert_eq!([0; 2].map(|_| bench.send(off)), ["s1", "s2"]);
        bench.answer(0, 40);
        bench.answer(1, 10);
        // s2 is as good with three in flight as s1 with none: 10 × 4 = 40 × 1.
        assert_eq!([0; 4].map(|_| bench.send(off)), ["s2", "s2", "s2", "s1"]);
    }

    #[test]
    fn the_gain_says_how_fast_the_mean_follows() {
        let means = |gain: f64| {
            let mut knobs = Knobs::default();
            knobs.set(LEAST_RESPONSE_TIME.knobs, "gain", gain).expect("in range");
            let mut bench = Bench::new((LEAST_RESPONSE_TIME.make)(&knobs), &[1]);
            for took in [10, 50] {
                bench.send(&mut Why::off());
                bench.answer(0, took);
            }
            bench.policy.memory(&bench.list, Time::ZERO)
        };
        assert_eq!(means(0.5), Memory::Loads(vec![30.0], "ms"));
        assert_eq!(means(1.0), Memory::Loads(vec![50.0], "ms"));
    }
}
