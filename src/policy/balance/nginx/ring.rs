//! The ring of nginx's `hash ... consistent`: points that each follow from the one before.
//!
//! A server called `HOST:PORT` has 160 points per unit of weight. With `base` the CRC-32 of
//! HOST, a zero byte and PORT, not finished, a point is the CRC-32 that goes on from `base` over
//! the previous point, four bytes with the lowest first (zero before the first). The port is
//! empty when there is none; the prefix `unix:` is dropped. Points are sorted; of equal ones
//! the earlier server keeps it. A key belongs to the first point that is not below its CRC-32,
//! and the ring closes: after the last comes the first.
//!
//! The Perl module Cache::Memcached::Fast and Cloudflare's pingora place keys on the same ring.

use crate::policy::Refusal;
use crate::policy::hash::crc::{crc32, crc32_more};

/// The points of a list of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KetamaRing {
    points: Vec<(u32, u32)>,
}

impl KetamaRing {
    /// Points per unit of weight.
    pub const PER_WEIGHT: u64 = 160;
    /// The most points a ring may have: 8 MB of them.
    pub const POINTS_MAX: usize = 1 << 20;

    /// The ring of these servers, each with its name and weight. A weight of zero has no points.
    ///
    /// # Errors
    /// When that would be more than [`KetamaRing::POINTS_MAX`] points.
    pub fn new(servers: &[(&str, u64)]) -> Result<KetamaRing, Refusal> {
        let weights = servers.iter().map(|(_, weight)| *weight).fold(0, u64::saturating_add);
        let wanted = weights.saturating_mul(Self::PER_WEIGHT);
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        if wanted > Self::POINTS_MAX {
            let most = Self::POINTS_MAX;
            return Err(Refusal::TooMany { what: "points on the ring", most, got: wanted });
        }
        let mut points = Vec::with_capacity(wanted);
        for (server, (name, weight)) in servers.iter().enumerate() {
            let base = base(name);
            let mut point = 0u32;
            for _ in 0..weight * Self::PER_WEIGHT {
                point = crc32_more(base, &point.to_le_bytes());
                points.push((point, server as u32));
            }
        }
        // By the server as well: a point that two of them share stays with the earlier one.
        points.sort_unstable();
        points.dedup_by_key(|(point, _)| *point);
        Ok(KetamaRing { points })
    }

    /// The points, ascending: position and number of the server.
    pub fn points(&self) -> &[(u32, u32)] {
        &self.points
    }

    /// Where to look for `key`: the place among the points of the first that is not below its
    /// CRC-32. May be one past the last; [`KetamaRing::server`] closes the ring.
    pub fn find(&self, key: &[u8]) -> usize {
        let hash = crc32(key);
        self.points.partition_point(|(point, _)| *point < hash)
    }

    /// The server at this place among the points, counted on round the ring.
    pub fn server(&self, place: usize) -> Option<usize> {
        let (_, server) = self.points.get(place.checked_rem(self.points.len())?)?;
        Some(*server as usize)
    }
}

/// The CRC-32 of host, zero byte and port.
fn base(name: &str) -> u32 {
    let (host, port) = split(name);
    crc32_more(crc32_more(crc32(host.as_bytes()), &[0]), port.as_bytes())
}

/// Host and port; the port is what follows the last colon if that is digits only.
fn split(name: &str) -> (&str, &str) {
    if let Some((prefix, path)) = name.split_at_checked(5)
        && prefix.eq_ignore_ascii_case("unix:")
    {
        return (path, "");
    }
    match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_split_as_nginx_splits_it() {
        let names =
            ["10.0.0.1:80", "10.0.0.1", "s1:a2", "[::1]:80", "unix:/run/s.sock:1", "a:", "é"];
        let parts = names.map(split);
        let expected = [
            ("10.0.0.1", "80"),
            ("10.0.0.1", ""),
            ("s1:a2", ""),
            ("[::1]", "80"),
            ("/run/s.sock:1", ""),
            ("a", ""),
            ("é", ""),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn every_point_follows_from_the_one_before() {
        let ring = KetamaRing::new(&[("h:1", 1)]).expect("a small ring");
        let first = crc32fast::hash(b"h\x001\0\0\0\0");
        let mut second = b"h\x001".to_vec();
        second.extend(first.to_le_bytes());
        let second = crc32fast::hash(&second);
        let has = |point: u32| ring.points().iter().any(|(p, _)| *p == point);
        assert!(has(first) && has(second));
        assert_eq!(ring.points().len(), 160);
        assert!(ring.points().is_sorted());
    }

    #[test]
    fn a_ring_can_be_empty_and_not_too_large() {
        let empty = KetamaRing::new(&[]).expect("nothing");
        assert_eq!((empty.find(b"key"), empty.server(0)), (0, None));
        assert!(KetamaRing::new(&[("a", u64::MAX), ("b", 1)]).is_err());
        assert!(KetamaRing::new(&[("a", 6_554)]).is_err());
    }

    #[test]
    fn the_same_name_twice_has_its_points_once() {
        let ring = KetamaRing::new(&[("a:1", 1), ("a:1", 2)]).expect("a small ring");
        let of = |server: u32| ring.points().iter().filter(|(_, s)| *s == server).count();
        assert_eq!((of(0), of(1)), (160, 160));
    }
}
