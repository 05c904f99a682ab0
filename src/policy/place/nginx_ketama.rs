//! nginx's `hash ... consistent`: a ring of chained CRC-32s.
//!
//! A server of weight w has 160 · w points. The first is the CRC-32 of "host", a zero byte, "port"
//! and four zero bytes; for each further one the four bytes are the point before, little-endian. A
//! key is at its own CRC-32. Different weights give different numbers of points but never other
//! ones, so a heavier server keeps every point it had, and nobody's points hang on the others.
//!
//! The second in the preference is where nginx itself goes when it cannot use the first: it walks
//! on to the next point of another server (and deals in turn after 20 points). It is also the owner
//! once the first has left the list.
//!
//! nginx itself deals requests whose key is empty out in turn. Here an empty key is a key, and has
//! an owner like any other.
//!
//! Source: nginx 1.22 `ngx_http_upstream_hash_module.c`; the same ring is in Pingora.

use super::members::{MOST_POINTS, at_most, weights};
use super::ring::{Points, RingPlacement, Scheme};
use super::{Entry, Knob, Knobs, Refusal, Second, Shard};
use crate::policy::hash::crc::{crc32, crc32_more};

const POINTS: Knob = Knob {
    key: "points",
    wire: 0,
    label: "Points per weight",
    unit: "",
    help: "How many points one unit of weight gets; 160 in nginx, where it cannot be changed.",
    min: 1.0,
    max: 10_000.0,
    default: 160.0,
    whole: true,
};

/// Host and port, as nginx cuts a server's address: the port is the digits after the last colon.
fn host_and_port(name: &str) -> (&str, &str) {
    if let Some(path) = name.strip_prefix("unix:") {
        return (path, "");
    }
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    match name[..name.len() - digits].strip_suffix(':') {
        Some(host) => (host, &name[name.len() - digits..]),
        None => (name, ""),
    }
}

/// The first `count` points of the server called `name`.
fn chain(name: &str, count: usize) -> impl Iterator<Item = u32> {
    let (host, port) = host_and_port(name);
    let base = crc32_more(crc32_more(crc32(host.as_bytes()), &[0]), port.as_bytes());
    let next = move |before: &u32| Some(crc32_more(base, &before.to_le_bytes()));
    std::iter::successors(Some(crc32_more(base, &[0; 4])), next).take(count)
}

fn points(knobs: &Knobs, shards: &[Shard]) -> Result<Points, Refusal> {
    let weights = weights(shards)?;
    let per_weight = knobs.count(&POINTS) as u64;
    let counts = weights.iter().map(|&weight| weight.saturating_mul(per_weight));
    let total = counts.clone().fold(0, u64::saturating_add);
    at_most(MOST_POINTS, "points", usize::try_from(total).unwrap_or(usize::MAX))?;
    let mut points = Vec::with_capacity(total as usize);
    for (place, (shard, count)) in shards.iter().zip(counts).enumerate() {
        points.extend(
            chain(&shard.name, count as usize).map(|point| (u64::from(point), place as u32)),
        );
    }
    Ok(points)
}

static SCHEME: Scheme = Scheme {
    size: 1 << 32,
    points,
    position: |_, key| u64::from(crc32(key)),
    words: |_| "its crc32",
    shown: |position| position.to_string(),
    second: Second::Heir,
};

pub(super) const ENTRY: Entry = Entry {
    key: "nginx_ketama",
    wire: 3,
    name: "nginx ring",
    whose: "nginx 1.22, `hash ... consistent`, all servers up",
    rule: "Every server has 160 points per unit of weight, chained CRC-32s of its address; the \
           next point at or after the key's CRC-32 owns it.",
    cost: "O(log points) time; 160 points of memory per unit of weight",
    when: "Caches behind nginx that come and go.",
    when_not: "Loads must be even to a few percent.",
    source: "nginx ngx_http_upstream_hash_module.c",
    knobs: &[POINTS],
    make: |knobs, shards| Ok(Box::new(RingPlacement::new(&SCHEME, knobs, shards)?)),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_at_the_last_colon() {
        assert_eq!(host_and_port("10.0.0.1:80"), ("10.0.0.1", "80"));
        assert_eq!(host_and_port("shard7"), ("shard7", ""));
        assert_eq!(host_and_port("[::1]:80"), ("[::1]", "80"));
        assert_eq!(host_and_port("[::1]"), ("[::1]", ""));
        assert_eq!(host_and_port("unix:/tmp/a:80"), ("/tmp/a:80", ""));
        assert_eq!(host_and_port(":"), ("", ""));
        assert_eq!(host_and_port("7"), ("7", ""));
    }

    #[test]
    fn each_point_comes_from_the_one_before() {
        let mut points = chain("10.0.0.1:80", 2);
        let first = points.next().expect("a first point");
        assert_eq!(first, crc32(b"10.0.0.1\080\0\0\0\0"));
        let mut bytes = b"10.0.0.1\080".to_vec();
        bytes.extend(first.to_le_bytes());
        assert_eq!(points.next(), Some(crc32(&bytes)));
    }

    #[test]
    fn points_follow_weights_and_the_knob() {
        let list = [Shard::new("a", 2), Shard::new("b", 1), Shard::new("c", 0)];
        let count = |knobs: &Knobs| points(knobs, &list).map(|points| points.len());
        assert_eq!(count(Knobs::DEFAULTS), Ok(480));
        let mut knobs = Knobs::default();
        knobs.set(&[POINTS], "points", 10.0).expect("in range");
        assert_eq!(count(&knobs), Ok(30));
        assert!(points(Knobs::DEFAULTS, &[Shard::new("a", i64::MAX)]).is_err());
    }
}
