//! Hsieh's SuperFastHash in the form that twemproxy calls `hsieh`.
//!
//! Two bytes at a time are added and shifted in. Twemproxy starts at 0 rather than at the length,
//! gives 0 for an empty key, and reads the third of three left-over bytes as a signed number.
//!
//! Source: Paul Hsieh, 2004; twemproxy 0.5.0 `nc_hsieh.c`.

/// The hash of `bytes`.
pub fn superfast(bytes: &[u8]) -> u32 {
    let pair = |low: u8, high: u8| u32::from(low) | u32::from(high) << 8;
    let mut hash = 0u32;
    let (blocks, tail) = bytes.as_chunks::<4>();
    for &[a, b, c, d] in blocks {
        hash = hash.wrapping_add(pair(a, b));
        hash = (hash << 16) ^ (pair(c, d) << 11) ^ hash;
        hash = hash.wrapping_add(hash >> 11);
    }
    match *tail {
        [a, b, c] => {
            hash = hash.wrapping_add(pair(a, b));
            hash ^= hash << 16;
            hash ^= (i32::from(c as i8) as u32) << 18;
            hash = hash.wrapping_add(hash >> 11);
        }
        [a, b] => {
            hash = hash.wrapping_add(pair(a, b));
            hash ^= hash << 11;
            hash = hash.wrapping_add(hash >> 17);
        }
        [a] => {
            hash = hash.wrapping_add(u32::from(a));
            hash ^= hash << 10;
            hash = hash.wrapping_add(hash >> 1);
        }
        _ => {}
    }
    for (left, right) in [(3, 5), (4, 17), (25, 6)] {
        hash ^= hash << left;
        hash = hash.wrapping_add(hash >> right);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_in_twemproxys_own_test() {
        assert_eq!(superfast(b"apple"), 3_738_850_110);
        assert_eq!(superfast(b""), 0);
    }
}
