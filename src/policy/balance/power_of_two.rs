//! Two drawn at random, the less loaded of them taken: the power of two choices.
//!
//! Two different healthy backends are drawn; the one with the smaller load is taken, the first
//! drawn of equals. That little knowledge is nearly as good as full knowledge: with n requests
//! thrown at n servers the fullest holds about ln ln n / ln 2 instead of ln n / ln ln n.
//!
//! Drawing two *different* ones takes one trick (Finagle's): the second draw is from one place
//! fewer, and a draw at or above the first moves up by one, so the first is a hole in it.
//!
//! Sources: Mitzenmacher, The Power of Two Choices in Randomized Load Balancing (2001); Finagle,
//! P2CPick and PeakEwma.

use super::healthy::Healthy;
use super::load::{InFlight, PeakEwma};
use super::{Answer, Ask, Backend, Balancer, Entry, Load, Memory, Pick};
use crate::policy::Knob;
use crate::sim::{Line, Rng, Span, Time, Why};

/// Takes the less loaded of two drawn, the first drawn of equals.
#[derive(Clone, Debug)]
pub struct P2c<L> {
    load: L,
    healthy: Healthy,
}

impl<L: Load> P2c<L> {
    /// No backends yet.
    pub fn new(load: L) -> P2c<L> {
        P2c { load, healthy: Healthy::default() }
    }

    fn explain(&self, drawn: [usize; 2], ask: &Ask, backends: &[Backend], why: &mut Why) {
        let [chosen, other] = drawn;
        let mut row = |place: usize| {
            why.line(|| Line {
                subject: backends[place].name.to_string(),
                numbers: self.load.numbers(place, backends, ask.now),
                chosen: place == chosen,
            });
        };
        row(chosen);
        if other == chosen {
            let name = &backends[chosen].name;
            why.say(|| format!("{name} is the only one that is healthy, so nothing was drawn."));
            return;
        }
        row(other);
        let [load, its] = drawn.map(|place| self.load.load(place, backends, ask.now));
        why.say(|| {
            let [name, second] = drawn.map(|place| &backends[place].name);
            let how = match load < its {
                true => format!("{name} has the smaller {}", L::NAME),
                false => format!("{name} was drawn first, and the loads are equal"),
            };
            let all = self.healthy.places().len();
            format!("{name} and {second} were drawn from {all} healthy servers; {how}.")
        });
    }
}

impl<L: Load + 'static> Balancer for P2c<L> {
    fn reads_times(&self) -> bool {
        L::FROM_TIMES
    }

    fn pick(&mut self, ask: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        let places = self.healthy.places();
        let drawn = match places {
            [] => {
                why.say(|| format!("None of the {} servers is healthy.", backends.len()));
                return Pick::Nobody;
            }
            [only] => [*only, *only],
            _ => {
                let n = places.len() as u32;
                let first = rng.below(n);
                let second = rng.below(n - 1);
                let second = if second >= first { second + 1 } else { second };
                let [a, b] = [first, second].map(|draw| places[draw as usize]);
                let [mine, its] = [a, b].map(|place| self.load.load(place, backends, ask.now));
                if mine <= its { [a, b] } else { [b, a] }
            }
        };
        if why.wanted() {
            self.explain(drawn, ask, backends, why);
        }
        drawn.into_iter().for_each(|place| self.load.looked(place, ask.now));
        Pick::Backend(drawn[0])
    }

    fn added(&mut self, backends: &[Backend]) {
        self.load.added(backends);
        self.healthy.refresh(backends);
    }

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        self.load.removed(place, backends);
        self.healthy.refresh(backends);
    }

    fn changed(&mut self, _: usize, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn answered(&mut self, place: usize, answer: &Answer, backends: &[Backend]) {
        self.load.answered(place, answer, backends);
    }

    fn memory(&self, backends: &[Backend], now: Time) -> Memory {
        let (unit, times) = L::UNIT;
        let load = |place| self.load.load(place, backends, now) * times;
        Memory::Loads((0..backends.len()).map(load).collect(), unit)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.healthy.check(backends)
    }
}

/// Power of two choices over requests in flight.
pub(super) const POWER_OF_TWO: Entry = Entry {
    key: "power_of_two",
    wire: 8,
    name: "Power of two choices",
    whose: "Mitzenmacher 2001; drawn as Finagle draws",
    rule: "Two different healthy servers are drawn; the one with fewer requests in flight is \
           taken, the first drawn of equals. Weights are ignored.",
    cost: "O(1) time; one number per server",
    when: "Many servers, or many balancers with old or partial counts: two looks are enough and \
           balancers do not all run to the same idle server.",
    when_not: "A handful of servers and one balancer: least connections is better and no dearer.",
    source: "Mitzenmacher, The Power of Two Choices in Randomized Load Balancing (2001)",
    knobs: &[],
    make: |_| Box::new(P2c::new(InFlight)),
};

const DECAY: Knob = Knob {
    key: "decay",
    wire: 0,
    label: "Decay",
    unit: "s",
    help: "How long a slow answer is remembered: after this time 37 % of it are left.",
    min: 0.001,
    max: 3_600.0,
    default: 10.0,
    whole: false,
};

const FIRST_GUESS: Knob = Knob {
    key: "first_guess",
    wire: 1,
    label: "First guess",
    unit: "ms",
    help: "What a newcomer counts as before its first answer. linkerd takes 30 ms; 0 is Finagle's.",
    min: 0.0,
    max: 3_600_000.0,
    default: 30.0,
    whole: false,
};

/// Power of two choices over peak EWMA.
pub(super) const PEAK_EWMA: Entry = Entry {
    key: "peak_ewma",
    wire: 9,
    name: "Peak EWMA",
    whose: "Finagle's rule, with linkerd's defaults",
    rule: "Two different healthy servers are drawn; the smaller cost × (requests in flight + 1) is \
           taken, the first drawn of equals. A slower answer becomes the cost at once; faster \
           ones and time lower it. Weights are ignored.",
    cost: "O(1) time, one exponential per look; three numbers per server",
    when: "Servers stall now and then: a slow answer keeps traffic away, and time forgives.",
    when_not: "Requests differ much in cost by themselves: one expensive request makes its server \
               look bad for seconds.",
    source: "Finagle, PeakEwma; linkerd2-proxy, defaults of its balancer",
    knobs: &[DECAY, FIRST_GUESS],
    make: |knobs| {
        let decay = Span::from_seconds_f64(knobs.get(&DECAY));
        let first_guess = Span::from_millis_f64(knobs.get(&FIRST_GUESS));
        Box::new(P2c::new(PeakEwma::new(decay, first_guess)))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Knobs;

    fn list(in_flight: &[u32]) -> Vec<Backend> {
        let backend = |(place, &in_flight): (usize, &u32)| Backend {
            in_flight,
            ..Backend::new(place as u32 + 1, &format!("s{}", place + 1), 1)
        };
        in_flight.iter().enumerate().map(backend).collect()
    }

    fn introduced(mut policy: Box<dyn Balancer>, list: &[Backend]) -> Box<dyn Balancer> {
        (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
        policy
    }

    #[test]
    fn the_fullest_is_never_taken_and_the_others_by_their_chances() {
        let list = list(&[3, 1, 0]);
        let mut policy = introduced(Box::new(P2c::new(InFlight)), &list);
        let rng = &mut Rng::from_seed(7);
        let mut counts = [0; 3];
        for _ in 0..3_000 {
            let picked = policy.pick(&Ask::NOTHING, &list, rng, &mut Why::off());
            let Pick::Backend(place) = picked else { panic!("{picked:?}") };
            counts[place] += 1;
        }
        // Of the three pairs s3 wins two and s2 one; three standard deviations are 77.
        assert_eq!(counts[0], 0);
        assert!((1_923..2_077).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn says_who_was_drawn_and_what_was_compared() {
        let list = list(&[4, 2]);
        let mut policy = introduced(Box::new(P2c::new(InFlight)), &list);
        let mut why = Why::on();
        let rng = &mut Rng::from_seed(1);
        assert_eq!(policy.pick(&Ask::NOTHING, &list, rng, &mut why), Pick::Backend(1));
        let rows: Vec<String> =
            why.lines.iter().map(|line| format!("{} {}", line.subject, line.numbers)).collect();
        assert_eq!(rows, ["s2 2 in flight", "s1 4 in flight"]);
        let words = "s2 and s1 were drawn from 2 healthy servers; \
                     s2 has the smaller number of requests in flight.";
        assert_eq!(why.sentence, words);
    }

    #[test]
    fn a_slow_answer_keeps_traffic_away_until_it_is_forgotten() {
        let picks = |decay: f64, first_guess: f64, at_ms: u64| {
            let mut knobs = Knobs::default();
            knobs.set(PEAK_EWMA.knobs, "decay", decay).expect("in range");
            knobs.set(PEAK_EWMA.knobs, "first_guess", first_guess).expect("in range");
            // The second has just joined: its guess has not decayed yet.
            let joined = Time::ZERO + Span::from_millis(at_ms);
            let mut list = list(&[0, 0]);
            list[1].joined = joined;
            let mut policy = introduced((PEAK_EWMA.make)(&knobs), &list);
            let now = Time::ZERO + Span::from_millis(1_000);
            let slow = Answer { now, took: Span::from_millis(90), ok: true };
            policy.answered(0, &slow, &list);
            let rng = &mut Rng::from_seed(1);
            let ask = Ask { now: joined, ..Ask::NOTHING };
            policy.pick(&ask, &list, rng, &mut Why::off())
        };
        // 90 ms against the guess of 30 ms; after 11 s 90 × 0.33 = 29.96 ms are left of it.
        assert_eq!(picks(10.0, 30.0, 1_000), Pick::Backend(1));
        assert_eq!(picks(10.0, 30.0, 12_000), Pick::Backend(0));
        assert_eq!(picks(20.0, 30.0, 12_000), Pick::Backend(1), "a longer memory");
        assert_eq!(picks(10.0, 20.0, 12_000), Pick::Backend(1), "a better guess");
    }
}
