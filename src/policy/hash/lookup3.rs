//! Jenkins's `lookup3`, which twemproxy calls `jenkins`.
//!
//! Twelve bytes at a time go into three words, which are stirred by subtractions and rotations; the
//! last one to twelve bytes get a final stir of their own. Here with twemproxy's start value 13.
//!
//! Own code because no well-kept crate has it.
//!
//! Source: Bob Jenkins, `hashlittle`, 2006; twemproxy 0.5.0 `nc_jenkins.c`.

/// The start value in libmemcached and twemproxy.
const START: u32 = 13;

/// The hash of `bytes`. Lengths are counted modulo 2^32.
pub fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32).wrapping_add(START);
    let mut state = [start; 3];
    let mut rest = bytes;
    // The last block is never stirred in here, even when it is full.
    while rest.len() > 12 {
        let (block, more) = rest.split_at(12);
        add(&mut state, block);
        stir(&mut state);
        rest = more;
    }
    if rest.is_empty() {
        return state[2];
    }
    add(&mut state, rest);
    last(&mut state);
    state[2]
}

/// Adds up to twelve bytes to the words, little-endian.
fn add(state: &mut [u32; 3], bytes: &[u8]) {
    for (place, &byte) in bytes.iter().enumerate() {
        let word = &mut state[place / 4];
        *word = word.wrapping_add(u32::from(byte) << (8 * (place % 4)));
    }
}

fn stir(state: &mut [u32; 3]) {
    // Each step takes the word before from a word, and gives the word after to that one.
    for (step, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
        let (this, after, before) = (step % 3, (step + 1) % 3, (step + 2) % 3);
        state[this] = state[this].wrapping_sub(state[before]) ^ state[before].rotate_left(turn);
        state[before] = state[before].wrapping_add(state[after]);
    }
}

fn last(state: &mut [u32; 3]) {
    for (step, turn) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (this, before) = ((step + 2) % 3, (step + 1) % 3);
        state[this] = (state[this] ^ state[before]).wrapping_sub(state[before].rotate_left(turn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_in_twemproxys_own_test() {
        assert_eq!(lookup3(b"apple"), 1_442_444_624);
        assert_eq!(lookup3(b""), 0xdead_beef + 13);
    }
}
