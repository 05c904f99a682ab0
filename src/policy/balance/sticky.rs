//! Stickiness: a client keeps its backend while that is healthy.
//!
//! A client (an address) that is not known yet is given a backend by another strategy, round robin
//! or least connections, and keeps it for as long as it is in the list and healthy. When it is
//! not, the other strategy chooses anew and the client stays with the new one. At most `limit`
//! clients are remembered; for one more, the client that was given its backend longest ago is
//! forgotten. Memory is therefore bounded: about 100 bytes a client, 1 MB with the default of ten
//! thousand. Unlike a hash of the address, nobody moves when a server joins.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::least::Least;
use super::load::InFlight;
use super::{Answer, Ask, Backend, Balancer, Entry, Memory, Pick, RoundRobin};
use crate::policy::{Knob, Knobs};
use crate::sim::{Line, Rng, Time, Why};

/// A strategy that is asked only for clients it has not met.
#[derive(Clone, Debug)]
pub struct Sticky {
    first: Box<dyn Balancer>,
    limit: usize,
    /// By client, the number of its backend ([`Backend::id`]).
    known: BTreeMap<IpAddr, u32>,
    /// The clients, the one that was given its backend longest ago in front.
    by_age: VecDeque<IpAddr>,
}

impl Sticky {
    /// Remembers at most `limit` clients (at least one), and asks `first` for new ones.
    pub fn new(first: Box<dyn Balancer>, limit: usize) -> Sticky {
        let (known, by_age) = (BTreeMap::new(), VecDeque::new());
        Sticky { first, limit: limit.max(1), known, by_age }
    }

    /// The place of the client's backend, if it may still be chosen.
    fn kept(&self, client: IpAddr, backends: &[Backend]) -> Option<usize> {
        let id = *self.known.get(&client)?;
        // Numbers only grow along the list, because newcomers are appended.
        let place = backends.binary_search_by_key(&id, |backend| backend.id).ok()?;
        backends[place].healthy.then_some(place)
    }

    fn remember(&mut self, client: IpAddr, id: u32) {
        if self.known.insert(client, id).is_some() {
            // It lost its backend, which is rare: looking it up in the line may take a while.
            self.by_age.retain(|&known| known != client);
        }
        self.by_age.push_back(client);
        if self.by_age.len() > self.limit
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl Balancer for Sticky {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], rng: &mut Rng, why: &mut Why) -> Pick {
        if let Some(place) = self.kept(ask.client, backends) {
            let name = &backends[place].name;
            let (known, limit) = (self.known.len(), self.limit);
            why.line(|| Line {
                subject: name.to_string(),
                numbers: format!("kept for {}; {known} of {limit} clients known", ask.client),
                chosen: true,
            });
            why.say(|| format!("{} was given {name} before, and it is healthy.", ask.client));
            return Pick::Backend(place);
        }
        let pick = self.first.pick(ask, backends, rng, why);
        if let Pick::Backend(place) = pick {
            let moved = self.known.contains_key(&ask.client);
            self.remember(ask.client, backends[place].id);
            if why.wanted() {
                let how = if moved { "lost its server" } else { "is new" };
                let rule = std::mem::take(&mut why.sentence);
                why.sentence = format!("{} {how}. {rule}", ask.client);
            }
        }
        pick
    }

    fn added(&mut self, backends: &[Backend]) {
        self.first.added(backends);
    }

    fn removed(&mut self, place: usize, backends: &[Backend]) {
        self.first.removed(place, backends);
    }

    fn changed(&mut self, place: usize, backends: &[Backend]) {
        self.first.changed(place, backends);
    }

    fn sent(&mut self, place: usize, backends: &[Backend]) {
        self.first.sent(place, backends);
    }

    fn answered(&mut self, place: usize, answer: &Answer, backends: &[Backend]) {
        self.first.answered(place, answer, backends);
    }

    fn reads_times(&self) -> bool {
        self.first.reads_times()
    }

    fn reads_key(&self) -> bool {
        self.first.reads_key()
    }

    fn memory(&self, backends: &[Backend], now: Time) -> Memory {
        self.first.memory(backends, now)
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        let (known, ages) = (self.known.len(), self.by_age.len());
        if known != ages || known > self.limit {
            return Err(format!("{known} clients known, {ages} in order, {} allowed", self.limit));
        }
        self.first.check(backends)
    }
}

const FIRST: Knob = Knob {
    key: "first",
    wire: 0,
    label: "First choice",
    unit: "",
    help: "How a new client gets its server: 0 by round robin, 1 by least connections.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

const LIMIT: Knob = Knob {
    key: "limit",
    wire: 1,
    label: "Clients remembered",
    unit: "",
    help: "How many clients are remembered; for one more, the one that was given its \
           server longest ago is forgotten.",
    min: 1.0,
    max: 1_000_000.0,
    default: 10_000.0,
    whole: true,
};

fn make(knobs: &Knobs) -> Box<dyn Balancer> {
    let first: Box<dyn Balancer> = match knobs.count(&FIRST) {
        0 => Box::new(RoundRobin::corrected()),
        _ => Box::new(Least::new(InFlight)),
    };
    Box::new(Sticky::new(first, knobs.count(&LIMIT)))
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "sticky",
    wire: 17,
    name: "Sticky sessions",
    whose: "general; as a table of client addresses without expiry",
    rule: "A client keeps the server it was first given while that is healthy; \
           new clients are spread by round robin or least connections.",
    cost: "O(log clients) time; about 100 bytes for each client remembered, up to the limit",
    when: "Servers keep sessions in their own memory.",
    when_not: "Few heavy clients, or many behind one address: load follows clients, not requests. \
               Sessions in a shared store need none of this.",
    source: "HAProxy documentation, stick tables; nginx documentation, session persistence",
    knobs: &[FIRST, LIMIT],
    make,
};

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        policy: Box<dyn Balancer>,
        list: Vec<Backend>,
    }

    impl Bench {
        fn new(knobs: &[(&str, f64)]) -> Bench {
            let mut set = Knobs::default();
            for (key, value) in knobs {
                set.set(ENTRY.knobs, key, *value).expect("in range");
            }
            let mut bench = Bench { policy: make(&set), list: Vec::new() };
            for (place, name) in ["s1", "s2", "s3"].into_iter().enumerate() {
                bench.list.push(Backend::new(place as u32 + 1, name, 1));
                bench.policy.added(&bench.list);
            }
            bench
        }

        fn ask(&mut self, client: u8, why: &mut Why) -> String {
            let ask = Ask { client: [10, 0, 0, client].into(), ..Ask::NOTHING };
            match self.policy.pick(&ask, &self.list, &mut Rng::from_seed(1), why) {
                Pick::Backend(place) => self.list[place].name.to_string(),
                other => format!("{other:?}"),
            }
        }

        fn asks(&mut self, clients: &[u8]) -> Vec<String> {
            clients.iter().map(|&client| self.ask(client, &mut Why::off())).collect()
        }
    }

    #[test]
    fn a_client_keeps_its_server_until_it_is_lost() {
        let mut bench = Bench::new(&[]);
        assert_eq!(bench.asks(&[1, 2, 1, 1, 3, 2]), ["s1", "s2", "s1", "s1", "s3", "s2"]);
        bench.list[0].healthy = false;
        bench.policy.changed(0, &bench.list);
        let mut why = Why::on();
        assert_eq!(bench.ask(1, &mut why), "s2");
        assert!(why.sentence.starts_with("10.0.0.1 lost its server. It was the turn of place 2."));
        bench.list[0].healthy = true;
        bench.policy.changed(0, &bench.list);
        let mut why = Why::on();
        assert_eq!(bench.ask(1, &mut why), "s2", "it stays with the new one");
        assert_eq!(why.sentence, "10.0.0.1 was given s2 before, and it is healthy.");
        // The list moves up: numbers are kept, not places.
        bench.list.remove(0);
        bench.policy.removed(0, &bench.list);
        assert_eq!(bench.asks(&[3, 2, 1]), ["s3", "s2", "s2"]);
    }

    #[test]
    fn beyond_the_limit_the_oldest_client_is_forgotten() {
        let mut bench = Bench::new(&[("limit", 2.0)]);
        assert_eq!(bench.asks(&[1, 2, 3]), ["s1", "s2", "s3"]);
        assert_eq!(bench.asks(&[2, 3, 1]), ["s2", "s3", "s1"], "1 is new again");
        assert_eq!(bench.asks(&[3, 1, 2]), ["s3", "s1", "s2"]);
        assert_eq!(bench.policy.check(&bench.list), Ok(()));
        let mut roomy = Bench::new(&[]);
        roomy.asks(&[1, 2, 3, 4]);
        assert_eq!(roomy.asks(&[1]), ["s1"]);
    }

    #[test]
    fn a_new_client_can_be_sent_to_the_least_busy() {
        let mut bench = Bench::new(&[("first", 1.0)]);
        bench.list[0].in_flight = 1;
        bench.policy.sent(0, &bench.list);
        assert_eq!(bench.asks(&[1, 2]), ["s2", "s2"]);
    }
}
