//! Envoy's least request: of a few hosts drawn at random, the one with fewest requests in flight.
//!
//! Equal weights: `choice_count` healthy hosts are drawn, with replacement, so the same may come
//! twice; the fewest requests in flight win, waiting and in service alike, and the first drawn wins
//! ties. With the full scan all hosts are looked at instead, and each of those tied for the fewest
//! has the same chance (a reservoir of one). Different weights: neither of these, but the earliest
//! deadline (`edf.rs`) with the weight `weight / (in flight + 1)^bias`, computed when a host is put
//! in, which is when it is picked, before this request counts.
//!
//! Two choices instead of one bring the longest of n queues from about ln n / ln ln n down to about
//! ln ln n (Mitzenmacher, 1996). Source: Envoy `load_balancer_impl.cc`, `LeastRequestLoadBalancer`.

use super::edf::Generation;
use super::schedule::{SEED, Schedule, nobody, unhealthy};
use super::weight;
use crate::policy::balance::{Ask, Backend, Balancer, Entry, Memory, Pick};
use crate::policy::{Knob, Knobs};
use crate::sim::{Line, Rng, Time, Why};

const CHOICES: Knob = Knob {
    key: "choice_count",
    wire: 1,
    label: "Choices",
    unit: "",
    help: "How many hosts are drawn when weights are equal; a host may be drawn twice.",
    min: 2.0,
    max: 1024.0,
    default: 2.0,
    whole: true,
};

const FULL_SCAN: Knob = Knob {
    key: "full_scan",
    wire: 2,
    label: "Full scan",
    unit: "",
    help: "1 looks at every host instead of drawing some, when weights are equal.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

const BIAS: Knob = Knob {
    key: "active_request_bias",
    wire: 3,
    label: "Bias",
    unit: "",
    help: "How strongly requests in flight lower the weight, when weights differ: 0 is not at all.",
    min: 0.0,
    max: 8.0,
    default: 1.0,
    whole: false,
};

/// The state: a schedule for when weights differ.
#[derive(Clone, Debug)]
pub struct LeastRequest {
    schedule: Schedule,
    choices: usize,
    full_scan: bool,
    bias: f64,
}

impl LeastRequest {
    /// With no history.
    pub fn new(knobs: &Knobs) -> LeastRequest {
        LeastRequest {
            schedule: Schedule::new(Generation::New, knobs.get(&SEED)),
            choices: knobs.count(&CHOICES),
            full_scan: knobs.count(&FULL_SCAN) == 1,
            bias: knobs.get(&BIAS),
        }
    }

    /// A few at random: the place of the one with fewest, and which draw it was.
    fn draw(&self, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> usize {
        let hosts = &self.schedule.hosts;
        let count = hosts.len() as u64;
        let mut best = hosts[(rng.bits() % count) as usize];
        let mut drawn = 1;
        let mut best_draw = 1;
        row(best, drawn, backends, why);
        while drawn < self.choices {
            let place = hosts[(rng.bits() % count) as usize];
            drawn += 1;
            row(place, drawn, backends, why);
            if backends[place].in_flight < backends[best].in_flight {
                (best, best_draw) = (place, drawn);
            }
        }
        if why.wanted() {
            why.lines[best_draw - 1].chosen = true;
            unhealthy(backends, why);
            let Backend { name, in_flight, .. } = &backends[best];
            why.say(|| {
                format!(
                    "Of {drawn} draws, {name} is the first with the fewest in flight: {in_flight}."
                )
            });
        }
        best
    }

    /// Everybody: the place of the one with fewest, at random among those tied.
    fn scan(&self, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> usize {
        let hosts = &self.schedule.hosts;
        let (mut best, mut tied) = (hosts[0], 1u64);
        for &place in &hosts[1..] {
            let (own, fewest) = (backends[place].in_flight, backends[best].in_flight);
            if own < fewest {
                (best, tied) = (place, 1);
            } else if own == fewest {
                tied += 1;
                if rng.bits().is_multiple_of(tied) {
                    best = place;
                }
            }
        }
        if why.wanted() {
            for &place in hosts {
                why.line(|| Line {
                    subject: backends[place].name.to_string(),
                    numbers: format!("{} in flight", backends[place].in_flight),
                    chosen: place == best,
                });
            }
            unhealthy(backends, why);
            let Backend { name, in_flight, .. } = &backends[best];
            why.say(|| match tied {
                1 => format!("{name} has the fewest requests in flight: {in_flight}."),
                _ => format!("{tied} are tied at {in_flight} in flight; {name} was drawn of them."),
            });
        }
        best
    }
}

fn row(place: usize, draw: usize, backends: &[Backend], why: &mut Why) {
    why.line(|| Line {
        subject: backends[place].name.to_string(),
        numbers: format!("draw {draw}: {} in flight", backends[place].in_flight),
        chosen: false,
    });
}

/// The weight a host is scheduled by.
fn due(bias: f64) -> impl Fn(&Backend) -> f64 + Copy {
    move |backend| {
        let active = f64::from(backend.in_flight) + 1.0;
        let weight = f64::from(weight(backend));
        if bias == 1.0 {
            weight / active
        } else if bias == 0.0 {
            weight
        } else {
            weight / libm::pow(active, bias)
        }
    }
}

impl Balancer for LeastRequest {
    fn pick(&mut self, _: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        let due = due(self.bias);
        self.schedule.refresh(backends, rng, due);
        let bias = self.bias;
        let numbers = |backend: &Backend| {
            let (weight, active) = (weight(backend), backend.in_flight);
            format!("weight {weight} / ({active} in flight + 1)^{bias} = {}", due(backend))
        };
        if let Some(place) = self.schedule.pick(backends, why, due, numbers) {
            return Pick::Backend(place);
        }
        if self.schedule.hosts.is_empty() {
            nobody(backends, why);
            return Pick::Nobody;
        }
        Pick::Backend(match self.full_scan {
            true => self.scan(backends, rng, why),
            false => self.draw(backends, rng, why),
        })
    }

    fn added(&mut self, _: &[Backend]) {
        self.schedule.outdate();
    }

    fn removed(&mut self, _: usize, _: &[Backend]) {
        self.schedule.outdate();
    }

    fn changed(&mut self, _: usize, _: &[Backend]) {
        self.schedule.outdate();
    }

    fn memory(&self, _: &[Backend], _: Time) -> Memory {
        self.schedule.memory().unwrap_or(Memory::Nothing)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.schedule.check(backends)
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "envoy_least_request",
    wire: 52,
    name: "Envoy least request",
    whose: "Envoy's LEAST_REQUEST since 2024, one worker thread",
    rule: "Equal weights: of two random draws the one with fewer requests in flight, the first of \
           equals. Otherwise the earliest deadline, by weight / (in flight + 1).",
    cost: "O(choices) with equal weights, O(n) with the full scan, else O(log n) time; \
           one deadline per host",
    when: "Requests differ in length, or a host may slow down: it notices and needs no scan.",
    when_not: "A host that fails fast has few in flight and draws requests in: eject it.",
    source: "Envoy load_balancer_impl.cc, LeastRequestLoadBalancer; least_request.proto",
    knobs: &[SEED, CHOICES, FULL_SCAN, BIAS],
    make: |knobs| Box::new(LeastRequest::new(knobs)),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn list(in_flight: &[u32]) -> Vec<Backend> {
        let backend = |(n, &in_flight): (usize, &u32)| Backend {
            in_flight,
            ..Backend::new(n as u32 + 1, &format!("s{n}"), 1)
        };
        in_flight.iter().enumerate().map(backend).collect()
    }

    fn with(settings: &[(&str, f64)]) -> LeastRequest {
        let mut knobs = Knobs::default();
        for (key, value) in settings {
            knobs.set(ENTRY.knobs, key, *value).expect("in range");
        }
        LeastRequest::new(&knobs)
    }

    fn picks(policy: &mut LeastRequest, list: &[Backend], count: usize) -> Vec<usize> {
        let mut rng = Rng::from_seed(3);
        let mut one = || match policy.pick(&Ask::NOTHING, list, &mut rng, &mut Why::off()) {
            Pick::Backend(place) => place,
            other => panic!("{other:?}"),
        };
        (0..count).map(|_| one()).collect()
    }

    #[test]
    fn the_first_draw_wins_ties_and_may_be_the_second_too() {
        let list = list(&[2, 2, 2]);
        let mut policy = with(&[]);
        let (mut rng, mut same) = (Rng::from_seed(3), 0);
        for _ in 0..300 {
            let mut why = Why::on();
            policy.pick(&Ask::NOTHING, &list, &mut rng, &mut why);
            assert!(why.lines[0].chosen && why.lines.len() == 2);
            same += u32::from(why.lines[0].subject == why.lines[1].subject);
        }
        // One in three: 100, with a standard deviation of 8.
        assert!((60..140).contains(&same), "{same}");
    }

    #[test]
    fn more_choices_see_more_and_the_full_scan_sees_all() {
        let list = list(&[9, 9, 0, 9, 9, 9, 9, 9]);
        let hits = |settings: &[(&str, f64)]| {
            picks(&mut with(settings), &list, 800).iter().filter(|place| **place == 2).count()
        };
        // 1 - (7/8)^2 = 23 %, 1 - (7/8)^8 = 66 %, and all.
        assert!((150..230).contains(&hits(&[])));
        assert!((480..570).contains(&hits(&[("choice_count", 8.0)])));
        assert_eq!(hits(&[("full_scan", 1.0)]), 800);
    }

    #[test]
    fn the_full_scan_is_fair_among_ties() {
        let mut counts = [0; 4];
        for place in picks(&mut with(&[("full_scan", 1.0)]), &list(&[1, 0, 0, 0]), 3000) {
            counts[place] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1..].iter().all(|count| (880..1120).contains(count)), "{counts:?}");
    }

    #[test]
    fn different_weights_are_scheduled_by_weight_over_load() {
        let mut list = list(&[0, 3]);
        list[0].weight = 2;
        list[1].weight = 4;
        // 2 / 1 against 4 / 4: the first comes round twice as often.
        let first = |bias: f64| {
            let mut policy = with(&[("active_request_bias", bias), ("seed", 0.0)]);
            picks(&mut policy, &list, 900).iter().filter(|place| **place == 0).count()
        };
        assert!((595..605).contains(&first(1.0)));
        // Without bias 2 against 4; squared 2 against 4 / 16.
        assert!((295..305).contains(&first(0.0)));
        assert!((795..805).contains(&first(2.0)));
    }

    /// The supermarket model: with d choices the share of hosts with k requests or more comes to
    /// load^((d^k - 1) / (d - 1)) in the limit of many hosts (Mitzenmacher, 1996).
    #[test]
    fn queues_are_as_short_as_the_supermarket_model_says() {
        let (hosts, load, mut rng) = (200usize, 0.9, Rng::from_seed(11));
        let mut list = list(&vec![0; hosts]);
        let mut policy = with(&[]);
        let (mut at_least, mut looks) = ([0u64; 6], 0u64);
        for step in 0..600_000u32 {
            // Arrivals at rate 0.9 per host; every host that has one finishes at rate 1. A finish
            // at an idle host is a step in which nothing happens.
            if rng.unit() < load / (load + 1.0) {
                if let Pick::Backend(n) =
                    policy.pick(&Ask::NOTHING, &list, &mut rng, &mut Why::off())
                {
                    list[n].in_flight += 1;
                }
            } else {
                let n = rng.below(hosts as u32) as usize;
                list[n].in_flight = list[n].in_flight.saturating_sub(1);
            }
            if step > 100_000 && step % 100 == 0 {
                looks += hosts as u64;
                for (k, count) in at_least.iter_mut().enumerate() {
                    *count += list.iter().filter(|b| b.in_flight as usize >= k).count() as u64;
                }
            }
        }
        for (k, power) in [(1, 1.0), (2, 3.0), (3, 7.0), (4, 15.0), (5, 31.0)] {
            let (seen, said) = (at_least[k] as f64 / looks as f64, libm::pow(load, power));
            assert!((seen - said).abs() < 0.03, "at least {k}: {seen} instead of {said}");
        }
    }
}
