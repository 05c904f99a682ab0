//! What HAProxy hashes of a request, for each `balance` keyword, and how it comes to a number.
//!
//! * **source**: the address. An IPv4 one is a 32-bit number, of an IPv6 one its four 32-bit words
//!   are put together by exclusive or. No hash function is applied.
//! * **uri**: the target up to the first `?`, or all of it (`whole`); at most `len` bytes; at most
//!   `depth` directories, that is up to the slash after them; without scheme and host if
//!   `path-only`.
//! * **url_param, hash**: the key as it is. An empty one is hashed like any other.
//! * **hdr**: the same, but an empty header counts as none.
//!
//! The function is sdbm unless one is named. `avalanche` follows if it is asked for, and also with
//! consistent hashing if no function is named.
//!
//! While only one server is in use, source, uri and hdr look at nothing: the number is 0.

use std::net::IpAddr;

use crate::policy::balance::Ask;
use crate::policy::hash::haproxy::{HaproxyHash, avalanche};

/// What is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Client,
    Uri(UriPart),
    /// `url_param` and `hash`.
    Key,
    /// `hdr`.
    Header,
}

/// Which part of a URI; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UriPart {
    pub(super) whole: bool,
    pub(super) path_only: bool,
    pub(super) length: usize,
    pub(super) depth: usize,
}

impl UriPart {
    /// That part of `target`.
    pub(super) fn of<'a>(&self, target: &'a [u8]) -> &'a [u8] {
        let target = if self.path_only { path(target) } else { target };
        let most = if self.length > 0 { self.length.min(target.len()) } else { target.len() };
        let mut slashes = 0;
        for (end, byte) in target[..most].iter().enumerate() {
            slashes += usize::from(*byte == b'/');
            let deep = *byte == b'/' && self.depth > 0 && slashes == self.depth.saturating_add(1);
            if deep || (*byte == b'?' && !self.whole) {
                return &target[..end];
            }
        }
        &target[..most]
    }
}

/// A target without its scheme and host: `http://host/a` is `/a`.
fn path(target: &[u8]) -> &[u8] {
    let Some(colon) = target.windows(3).position(|three| three == b"://") else { return target };
    if target[..colon].contains(&b'/') {
        return target;
    }
    let host = &target[colon + 3..];
    let end = host.iter().position(|byte| *byte == b'/').unwrap_or(host.len());
    &host[end..]
}

/// How a request becomes a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) source: Source,
    pub(super) function: HaproxyHash,
    pub(super) avalanche: bool,
}

impl Reader {
    /// The number of a request, before and after the avalanche; nothing if it has no key.
    pub(super) fn read(&self, ask: &Ask) -> Option<(u32, u32)> {
        let hash = match self.source {
            Source::Client => words(ask.client),
            Source::Uri(part) => self.function.of(part.of(ask.key?)),
            Source::Key => self.function.of(ask.key?),
            Source::Header => self.function.of(ask.key.filter(|key| !key.is_empty())?),
        };
        Some((hash, if self.avalanche { avalanche(hash) } else { hash }))
    }

    /// How that came about, for people.
    pub(super) fn words(&self, ask: &Ask, (hash, spread): (u32, u32)) -> String {
        let shown = |key: &[u8]| {
            let text = String::from_utf8_lossy(key);
            let more = if text.chars().count() > 40 { "\u{2026}" } else { "" };
            format!("\"{}{more}\"", text.chars().take(40).collect::<String>())
        };
        let hashed = |key: &[u8]| match self.function {
            HaproxyHash::None => format!("{} as a number", shown(key)),
            function => format!("{} of {}", function.name(), shown(key)),
        };
        let key = ask.key.unwrap_or(b"");
        let of = match self.source {
            Source::Client => shown_address(ask.client),
            Source::Uri(part) => hashed(part.of(key)),
            Source::Key | Source::Header => hashed(key),
        };
        match self.avalanche {
            true => format!("{of} is {hash}, avalanche of that {spread}"),
            false => format!("{of} is {hash}"),
        }
    }
}

/// What is done to an address, so that it can be done again.
fn shown_address(client: IpAddr) -> String {
    match client {
        IpAddr::V4(_) => format!("{client} as a number"),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let words = [96, 64, 32, 0].map(|shift| format!("{:x}", (bits >> shift) as u32));
            format!("{client} as an exclusive or of four words, {} in hex,", words.join(" xor "))
        }
    }
}

/// The exclusive or of an address's 32-bit words.
fn words(client: IpAddr) -> u32 {
    match client {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [96, 64, 32, 0].iter().fold(0, |all, shift| all ^ (bits >> shift) as u32)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(part: UriPart, target: &str) -> &str {
        std::str::from_utf8(part.of(target.as_bytes())).expect("a part of text")
    }

    #[test]
    fn parts_of_a_uri() {
        let default = UriPart::default();
        assert_eq!(part(default, "/a/b/c?x=1"), "/a/b/c");
        assert_eq!(part(UriPart { whole: true, ..default }, "/a?x=1"), "/a?x=1");
        assert_eq!(part(UriPart { depth: 2, ..default }, "/a/b/c"), "/a/b");
        assert_eq!(part(UriPart { depth: 2, ..default }, "/a?x=1"), "/a");
        assert_eq!(part(UriPart { length: 3, ..default }, "/a/b/c"), "/a/");
        assert_eq!(part(UriPart { path_only: true, ..default }, "http://h:80/a?x"), "/a");
        assert_eq!(part(UriPart { path_only: true, ..default }, "/a/http://h/b"), "/a/http://h/b");
        assert_eq!(part(default, "http://h/a?x"), "http://h/a");
        assert_eq!(part(default, ""), "");
    }

    #[test]
    fn addresses_are_folded_to_32_bits() {
        let word = |address: &str| words(address.parse().expect("an address"));
        assert_eq!(word("127.0.0.1"), 0x7f00_0001);
        assert_eq!(word("2001:db8::1"), 0x2001_0db8 ^ 1);
        let reader =
            Reader { source: Source::Client, function: HaproxyHash::Sdbm, avalanche: false };
        let said = |address: &str| {
            let ask = Ask { client: address.parse().expect("an address"), ..Ask::NOTHING };
            reader.words(&ask, reader.read(&ask).expect("an address is a number"))
        };
        assert_eq!(said("127.0.0.1"), "127.0.0.1 as a number is 2130706433");
        let six = "2001:db8::1 as an exclusive or of four words, 20010db8 xor 0 xor 0 xor 1 in \
                   hex, is 536939961";
        assert_eq!(said("2001:db8::1"), six);
    }

    #[test]
    fn an_empty_header_is_none_and_an_empty_key_is_one() {
        let read = |source| {
            let reader = Reader { source, function: HaproxyHash::Djb2, avalanche: false };
            reader.read(&Ask { key: Some(b""), ..Ask::NOTHING })
        };
        assert_eq!((read(Source::Key), read(Source::Header)), (Some((5_381, 5_381)), None));
    }

    proptest! {
        #[test]
        fn any_target_has_a_part(
            target in prop::collection::vec(any::<u8>(), 0..20),
            flags in any::<(bool, bool)>(),
            limits in (0..6usize, prop_oneof![0..4usize, Just(usize::MAX)]),
        ) {
            let (whole, path_only) = flags;
            let part = UriPart { whole, path_only, length: limits.0, depth: limits.1 };
            prop_assert!(part.of(&target).len() <= target.len());
        }
    }
}
