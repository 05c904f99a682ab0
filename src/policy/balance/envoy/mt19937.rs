//! The Mersenne Twister with 32 bits, as in C++'s `std::mt19937`.
//!
//! Envoy seeds one with a request's hash where the same request must always meet the hosts in the
//! same order. Not for anything else: our own generator is far smaller. Own code, because the order
//! must be the same for ever. Source: Matsumoto and Nishimura, "Mersenne Twister", 1998.

const SIZE: usize = 624;

/// The generator.
pub(super) struct Mt19937 {
    state: [u32; SIZE],
    next: usize,
}

impl Mt19937 {
    /// Seeded as `std::mt19937` is: only the lower 32 bits of a longer seed count.
    pub(super) fn new(seed: u32) -> Mt19937 {
        let mut state = [seed; SIZE];
        for place in 1..SIZE {
            let before = state[place - 1];
            let mixed = (before ^ (before >> 30)).wrapping_mul(1_812_433_253);
            state[place] = mixed.wrapping_add(place as u32);
        }
        Mt19937 { state, next: SIZE }
    }

    /// The next 32 bits.
    pub(super) fn bits(&mut self) -> u32 {
        if self.next == SIZE {
            self.turn();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn turn(&mut self) {
        for place in 0..SIZE {
            let following = self.state[(place + 1) % SIZE];
            let joined = (self.state[place] & 0x8000_0000) | (following & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[place] = self.state[(place + 397) % SIZE] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The C++ standard says: number 10000 of a default-seeded one is 4123659995.
    #[test]
    fn the_number_in_the_cpp_standard() {
        let mut twister = Mt19937::new(5489);
        let last = (0..10_000).map(|_| twister.bits()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
