//! nginx's `ip_hash`: the client's network chooses the server.
//!
//! `hash = 89`, then for each of the first three octets of an IPv4 address, or all sixteen bytes of
//! an IPv6 one, `hash = (hash × 113 + byte) mod 6271`. The hash modulo the sum of weights
//! falls on a server's part of the weights. If that server cannot be chosen, the bytes are
//! applied again to the hash as it stands; after more than twenty such tries, round robin.
//!
//! Clients that share their first three octets therefore always share a server, and while a
//! server is merely down only its own clients move.

use std::net::IpAddr;

use super::peers::Peers;
use super::{Entry, KNOBS, Method, Nginx, Turn, WHOSE};

/// `ip_hash`.
#[derive(Clone, Debug, Default)]
pub struct IpHash;

impl IpHash {
    /// The hash of a client's address, below 6271: modulo the sum of weights it chooses the server.
    pub fn hash(client: IpAddr) -> u64 {
        round(FIRST, client)
    }
}

/// What a hash begins with.
const FIRST: u64 = 89;

/// The hash after one more round over the bytes.
fn round(hash: u64, client: IpAddr) -> u64 {
    let step = |hash: u64, byte: &u8| (hash * 113 + u64::from(*byte)) % 6271;
    match client {
        IpAddr::V4(address) => address.octets()[..3].iter().fold(hash, step),
        IpAddr::V6(address) => address.octets().iter().fold(hash, step),
    }
}

impl Method for IpHash {
    const READS_KEY: bool = false;
    const BY_RUNNING_WEIGHT: bool = false;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let Turn { ask, backends, why, .. } = turn;
        if backends.len() < 2 {
            return peers.fall_back("", ask, backends, why);
        }
        let (mut hash, mut number) = (FIRST, 0);
        why.say(|| {
            let bytes = match ask.client {
                IpAddr::V4(_) => "the first three bytes",
                IpAddr::V6(_) => "all bytes",
            };
            format!(
                "{}: from {FIRST}, hash × 113 + byte modulo 6271 over {bytes} is {}.",
                ask.client,
                IpHash::hash(ask.client)
            )
        });
        peers.walk(true, ask, backends, why, |wanted| {
            let before = hash;
            hash = round(hash, ask.client);
            let again = wanted && number > 0;
            number += 1;
            let how = if again { format!("from {before} again ") } else { String::new() };
            (hash, how)
        })
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_ip_hash",
    wire: 12,
    name: "nginx: ip_hash",
    whose: WHOSE,
    rule: "A hash of the client's first three octets (or whole IPv6 address) modulo the sum of \
           weights; hashed again while the server cannot be chosen.",
    cost: "O(n) time; six numbers per server, nothing about clients",
    when: "A client should meet the same server again, without any table of clients.",
    when_not: "Most clients sit in few networks, or servers are added often: nearly all move then.",
    source: "nginx documentation, ngx_http_upstream_module, ip_hash",
    knobs: KNOBS,
    make: Nginx::<IpHash>::make,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_256_addresses_hashes_alike() {
        let hash = |client: &str| IpHash::hash(client.parse().expect("an address"));
        assert_eq!((hash("192.168.1.1"), hash("192.168.1.200")), (154, 154));
        assert_ne!(hash("192.168.2.1"), 154);
    }
}
