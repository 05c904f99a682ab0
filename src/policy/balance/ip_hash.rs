//! The client's address decides: one client, one server.
//!
//! The plain version, for the course's list: the CRC-32 of the address's bytes (4 of an IPv4
//! address, 16 of an IPv6 one, in network order), modulo the number of healthy backends, counts
//! into their list. Anybody can check it with a calculator that knows CRC-32. Its price is in
//! the modulo: when one of n servers goes or comes, all but about one in n clients get another one.
//! nginx's `ip_hash`, which keeps most of them, is `nginx_ip_hash`.

use std::net::IpAddr;

use super::healthy::Healthy;
use super::{Ask, Backend, Balancer, Entry, Pick};
use crate::policy::hash::crc::crc32;
use crate::sim::{Line, Rng, Why};

/// CRC-32 of the address modulo the number of healthy backends.
#[derive(Clone, Debug, Default)]
pub struct AddressHash {
    healthy: Healthy,
}

fn hash(client: IpAddr) -> u32 {
    match client {
        IpAddr::V4(address) => crc32(&address.octets()),
        IpAddr::V6(address) => crc32(&address.octets()),
    }
}

impl Balancer for AddressHash {
    fn pick(&mut self, ask: &Ask, backends: &[Backend], _: &mut Rng, why: &mut Why) -> Pick {
        let places = self.healthy.places();
        if places.is_empty() {
            why.say(|| format!("None of the {} servers is healthy.", backends.len()));
            return Pick::Nobody;
        }
        let (hash, n) = (hash(ask.client), places.len());
        let number = hash as usize % n;
        let chosen = places[number];
        if why.wanted() {
            why.lines.extend(places.iter().enumerate().map(|(number, &place)| Line {
                subject: backends[place].name.to_string(),
                numbers: format!("remainder {number}"),
                chosen: place == chosen,
            }));
        }
        why.say(|| format!("CRC-32 of {} is {hash}; {hash} mod {n} = {number}.", ask.client));
        Pick::Backend(chosen)
    }

    fn added(&mut self, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn removed(&mut self, _: usize, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn changed(&mut self, _: usize, backends: &[Backend]) {
        self.healthy.refresh(backends);
    }

    fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.healthy.check(backends)
    }
}

/// As people meet it.
pub(super) const ENTRY: Entry = Entry {
    key: "ip_hash",
    wire: 5,
    name: "IP hash",
    whose: "general; named in the course's list of strategies",
    rule: "The CRC-32 of the client's address modulo the number of healthy servers.",
    cost: "O(1) time; nothing is remembered about clients",
    when: "A client should meet the same server again, and servers hardly ever come or go.",
    when_not: "Servers come and go (nearly every client moves), or many clients share one address.",
    source: "System Design Basics, Questions and answers; the hash is this project's choice",
    knobs: &[],
    make: |_| Box::<AddressHash>::default(),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(client: &str, healthy: &[bool], why: &mut Why) -> Pick {
        let backend = |(place, &healthy): (usize, &bool)| Backend {
            healthy,
            ..Backend::new(place as u32 + 1, &format!("s{}", place + 1), 1)
        };
        let list: Vec<Backend> = healthy.iter().enumerate().map(backend).collect();
        let mut policy = AddressHash::default();
        policy.added(&list);
        let ask = Ask { client: client.parse().expect("an address"), ..Ask::NOTHING };
        policy.pick(&ask, &list, &mut Rng::from_seed(1), why)
    }

    /// Python's `zlib.crc32(bytes([192, 168, 1, 1]))` is 4001250325; mod 3 that is 1.
    #[test]
    fn an_address_has_its_server() {
        let mut why = Why::on();
        assert_eq!(pick("192.168.1.1", &[true; 3], &mut why), Pick::Backend(1));
        let words = "CRC-32 of 192.168.1.1 is 4001250325; 4001250325 mod 3 = 1.";
        assert_eq!(why.sentence, words);
    }

    #[test]
    fn only_the_healthy_are_counted() {
        let off = &mut Why::off();
        let with_one_down = pick("192.168.1.1", &[false, true, true], off);
        assert_eq!(with_one_down, Pick::Backend(2));
        assert_eq!(pick("::1", &[false; 3], off), Pick::Nobody);
    }
}
