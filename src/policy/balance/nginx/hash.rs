//! nginx's `hash $key`: a key chooses the server, modulo the sum of weights.
//!
//! `hash += (CRC-32(key) >> 16) & 0x7fff`; the hash modulo the sum of weights falls on a server's
//! part of the weights. If that server cannot be chosen, the number of the try is written before
//! the key (`1key`, `2key`, ...) and its hash added; after more than twenty tries, or
//! without a key, round robin. The Perl module Cache::Memcached places keys the same way.

use super::peers::Peers;
use super::{Entry, KNOBS, Method, Nginx, Turn, WHOSE};
use crate::policy::hash::crc::{crc32, crc32_more};

/// `hash`, not `consistent`.
#[derive(Clone, Debug, Default)]
pub struct Hash;

/// 15 bits of the CRC-32 of the key with the number of the try before it; none before the first.
fn part(number: u32, key: &[u8]) -> u64 {
    let mut crc = 0;
    if number > 0 {
        // As many digits as the largest number has.
        let mut digits = [0u8; 10];
        let (mut left, mut start) = (number, digits.len());
        while left > 0 {
            start -= 1;
            digits[start] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        crc = crc32(&digits[start..]);
    }
    u64::from((crc32_more(crc, key) >> 16) & 0x7fff)
}

impl Method for Hash {
    const READS_KEY: bool = true;
    const BY_RUNNING_WEIGHT: bool = false;

    fn pick(&mut self, peers: &mut Peers, turn: &mut Turn) -> Option<usize> {
        let Turn { ask, backends, why, .. } = turn;
        let key = ask.key.unwrap_or_default();
        if backends.len() < 2 || key.is_empty() {
            return peers.fall_back("There is no key, so round robin: ", ask, backends, why);
        }
        why.say(|| {
            let (shown, part) = (String::from_utf8_lossy(key), part(0, key));
            format!("CRC-32 of {shown:?}, shifted right by 16, is {part} in its last 15 bits.")
        });
        let (mut hash, mut number) = (0, 0);
        peers.walk(true, ask, backends, why, |wanted| {
            let (before, more) = (hash, part(number, key));
            hash += more;
            let mut how = String::new();
            if wanted && number > 0 {
                let tried = format!("{number}{}", String::from_utf8_lossy(key));
                how = format!("{tried:?} gives {more}, {before} + {more} = ");
            }
            number += 1;
            (hash, how)
        })
    }
}

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_hash",
    wire: 13,
    name: "nginx: hash",
    whose: WHOSE,
    rule: "15 bits of the key's CRC-32 modulo the sum of weights; while the server cannot be \
           chosen, the number of the try goes before the key and the sum goes on.",
    cost: "O(n) time; six numbers per server",
    when: "Servers cache by key, and their number never changes.",
    when_not: "Servers are added or removed: nearly every key moves. Use the consistent one.",
    source: "nginx documentation, ngx_http_upstream_module, hash",
    knobs: KNOBS,
    make: Nginx::<Hash>::make,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_try_is_written_before_the_key() {
        assert_eq!(part(0, b"apple"), u64::from((crc32fast::hash(b"apple") >> 16) & 0x7fff));
        assert_eq!(part(12, b"apple"), part(0, b"12apple"));
        assert_eq!(part(u32::MAX, b""), part(0, b"4294967295"));
    }
}
