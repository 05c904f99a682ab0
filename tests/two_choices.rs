//! The supermarket model: many queues, each customer looks at d of them and joins the shorter.
//!
//! With infinitely many servers at load λ the mean time in the system is the sum over i ≥ 1 of
//! λ^((d^i − d)/(d − 1)): 10 service times at λ = 0.9 for d = 1, and 2.6141 for d = 2
//! (Vvedenskaya, Dobrushin and Karpelevich 1996; Mitzenmacher 2001). Five hundred are enough.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use switchyard::policy::Knobs;
use switchyard::policy::balance::{self, Answer, Ask, Backend, Balancer, Pick};
use switchyard::sim::{Rng, Span, Time, Why};

const SERVERS: usize = 500;
/// The mean service time: one second.
const SERVICE: f64 = 1e9;

/// Poisson arrivals for all, exponential service, one queue a server, first come first served.
struct Market {
    policy: Box<dyn Balancer>,
    list: Vec<Backend>,
    /// When each server will have done all it has.
    free_at: Vec<u64>,
    /// Who leaves when: time, server, length of stay.
    leaving: BinaryHeap<Reverse<(u64, usize, u64)>>,
    rng: Rng,
    picks: Rng,
}

impl Market {
    fn new(strategy: &str) -> Market {
        let entry = balance::find(strategy).expect("the strategy is in the catalogue");
        let mut market = Market {
            policy: (entry.make)(Knobs::DEFAULTS),
            list: Vec::new(),
            free_at: vec![0; SERVERS],
            leaving: BinaryHeap::new(),
            rng: Rng::from_seed(2),
            picks: Rng::from_seed(3),
        };
        for place in 0..SERVERS {
            market.list.push(Backend::new(place as u32 + 1, "s", 1));
            market.policy.added(&market.list);
        }
        market
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        (-mean * libm::log(1.0 - self.rng.unit())) as u64
    }

    fn leave_until(&mut self, now: u64) {
        while let Some(&Reverse((at, place, stay))) = self.leaving.peek()
            && at <= now
        {
            self.leaving.pop();
            self.list[place].in_flight -= 1;
            let answer = Answer { now: Time::from_ns(at), took: Span::from_ns(stay), ok: true };
            self.policy.answered(place, &answer, &self.list);
        }
    }

    /// The mean stay, in service times, of `customers` that come after as many as `warm_up`.
    fn mean_stay(&mut self, load: f64, warm_up: u32, customers: u32) -> f64 {
        let (mut now, mut total) = (0, 0.0);
        for number in 0..warm_up + customers {
            now += self.exponential(SERVICE / (load * SERVERS as f64));
            self.leave_until(now);
            let ask = Ask { now: Time::from_ns(now), ..Ask::NOTHING };
            let picked = self.policy.pick(&ask, &self.list, &mut self.picks, &mut Why::off());
            let Pick::Backend(place) = picked else { panic!("{picked:?}") };
            self.list[place].in_flight += 1;
            self.policy.sent(place, &self.list);
            let done = self.free_at[place].max(now) + self.exponential(SERVICE);
            self.free_at[place] = done;
            self.leaving.push(Reverse((done, place, done - now)));
            if number >= warm_up {
                total += (done - now) as f64 / SERVICE;
            }
        }
        assert_eq!(self.policy.check(&self.list), Ok(()));
        total / f64::from(customers)
    }
}

fn expect(strategy: &str, closed_form: f64, tolerance: f64) {
    let mean = Market::new(strategy).mean_stay(0.9, 500_000, 1_500_000);
    let off = mean / closed_form - 1.0;
    println!("{strategy}: {mean:.4}, {:+.2} %", off * 100.0);
    assert!(off.abs() < tolerance, "{strategy}: {mean}, should be {closed_form}");
}

/// The sum, from the closed form: λ^0 + λ^2 + λ^6 + λ^14 + ...
fn two_choices(load: f64) -> f64 {
    let (mut sum, mut power) = (0.0, 1.0);
    // The exponent goes from k to 2k + 2.
    while power > 1e-12 {
        sum += power;
        power = power * power * load * load;
    }
    sum
}

#[test]
fn two_choices_wait_a_fifth_as_long_as_none() {
    assert!((two_choices(0.9) - 2.6141).abs() < 5e-5);
    expect("power_of_two", two_choices(0.9), 0.03);
}

#[test]
fn chance_alone_is_five_hundred_lonely_queues() {
    expect("random", 10.0, 0.05);
}

/// Joining the shortest of five hundred queues: hardly anybody waits.
#[test]
fn full_knowledge_leaves_nothing_to_wait_for() {
    expect("least_connections", 1.0, 0.03);
}
