//! Cyclic redundancy checks: CRC-16/XMODEM as in Redis Cluster, CRC-32 as in zip and Ethernet.
//!
//! CRC-16: polynomial 0x1021, starts at 0, most significant bit first, nothing inverted at the end.
//! CRC-32: polynomial 0x04C11DB7 reflected, starts at all ones, inverted at the end; from the crate
//! `crc`, whose table is small (every page loads it). Checks find damaged bytes; as hashes they are
//! fair, but anybody can aim for a slot.
//!
//! CRC-16 is own code because twemproxy's variant needs its single steps.
//!
//! Source: Redis `crc16.c`; the check value of "123456789" is 0x31C3, and 0xCBF43926 for CRC-32.

/// What each leading byte adds to a CRC-16.
const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// What the leading byte `byte` adds to a CRC-16: for variants of it.
pub(super) fn step16(byte: u8) -> u16 {
    TABLE[usize::from(byte)]
}

/// CRC-16/XMODEM.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ step16((crc >> 8) as u8 ^ byte))
}

static CRC32: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// CRC-32 as in zip, PNG and Ethernet.
pub fn crc32(bytes: &[u8]) -> u32 {
    CRC32.checksum(bytes)
}

/// CRC-32 of what came before, whose CRC-32 is `before`, followed by `bytes`.
pub fn crc32_more(before: u32, bytes: &[u8]) -> u32 {
    // Going on from a finished CRC undoes the finish first.
    let mut digest = CRC32.digest_with_initial((!before).reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32_more(crc32(b"1234"), b"56789"), 0xcbf4_3926);
    }
}
