//! A text as a QR code, as the path of one drawing.

use std::fmt::Write as _;

use fast_qr::{ECL, QRBuilder};

/// The longest text for which a code is offered: it can still be read off a projector.
pub const CHARACTERS_MAX: usize = 1_200;
/// The quiet zone around a code, in modules, as the standard asks for.
pub const QUIET: usize = 4;

/// The side of the code in modules, with its quiet zone, and the path of its dark modules. Absent
/// for a text that is too long.
pub fn code(text: &str) -> Option<(usize, String)> {
    if text.len() > CHARACTERS_MAX {
        return None;
    }
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let mut path = String::new();
    for (place, module) in code.data[..code.size * code.size].iter().enumerate() {
        if module.value() {
            let (x, y) = (place % code.size + QUIET, place / code.size + QUIET);
            // Writing to a String cannot fail.
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Some((code.size + 2 * QUIET, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_finders_and_a_quiet_zone() {
        let (side, path) = code("https://example.org/#s=1.AAAA").expect("short");
        assert_eq!(side, 25 + 2 * QUIET);
        let dark = |x: usize, y: usize| path.contains(&format!("M{x} {y}h"));
        for (x, y) in [(4, 4), (22, 4), (4, 22)] {
            assert!(dark(x, y) && dark(x + 6, y) && dark(x, y + 6) && dark(x + 3, y + 3));
            assert!(!dark(x + 1, y + 1), "the ring around the middle of a finder is light");
        }
        assert!(!dark(3, 4) && !dark(4, 3));
    }

    #[test]
    fn a_long_text_gets_none() {
        assert!(code(&"x".repeat(CHARACTERS_MAX)).is_some());
        assert!(code(&"x".repeat(CHARACTERS_MAX + 1)).is_none());
    }
}
