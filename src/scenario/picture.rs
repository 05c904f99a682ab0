//! A scenario inside a picture: its link form in the metadata of an SVG drawing, or in a text chunk
//! of a PNG file, so that the picture can be opened like any other file.

use super::check::Problem;
use super::link::{self, ENCODED_MAX};
use super::types::Scenario;
use crate::policy::hash::crc::crc32;

/// What stands before the link form, in both.
const MARK: &str = "switchyard:";
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The length of a chunk around its content: length, name, checksum.
const CHUNK: usize = 12;
/// The largest picture that is looked into, in bytes.
pub const PICTURE_MAX: usize = 16 * 1024 * 1024;

/// What is put into a drawing.
pub fn inside(scenario: &Scenario) -> String {
    format!("{MARK}{}", link::encode(scenario))
}

/// A PNG file with a scenario in it; as it was when it is no PNG file.
pub fn png_with(scenario: &Scenario, png: &[u8]) -> Vec<u8> {
    // Behind the header, which is always the first chunk and 13 bytes long.
    let Some((head, rest)) = png.split_at_checked(SIGNATURE.len() + CHUNK + 13) else {
        return png.to_vec();
    };
    if !head.starts_with(SIGNATURE) {
        return png.to_vec();
    }
    let mut content = b"tEXtswitchyard\0".to_vec();
    content.extend(inside(scenario).into_bytes());
    let mut out = head.to_vec();
    out.extend((content.len() as u32 - 4).to_be_bytes());
    out.extend(&content);
    out.extend(crc32(&content).to_be_bytes());
    out.extend(rest);
    out
}

/// Is it a PNG file, by its first bytes?
pub fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}

/// The scenario in a PNG file.
pub fn from_png(bytes: &[u8]) -> Result<Scenario, Problem> {
    let none = || Problem::new("", "there is no scenario in this picture");
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or_else(none)?;
    while let Some((head, after)) = rest.split_at_checked(8) {
        let length = head.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize);
        let length = length.ok_or_else(none)?;
        let (content, after) = after.split_at_checked(length).ok_or_else(none)?;
        if &head[4..] == b"tEXt"
            && let Some(text) = content.strip_prefix(b"switchyard\0")
        {
            return from_text(std::str::from_utf8(text).map_err(|_| none())?);
        }
        let (_, next) = after.split_at_checked(4).ok_or_else(none)?;
        rest = next;
    }
    Err(none())
}

/// The scenario in an SVG drawing: in its metadata and nowhere else, because titles are anybody's.
pub fn from_svg(text: &str) -> Result<Scenario, Problem> {
    let none = || Problem::new("", "there is no scenario in this picture");
    let (_, metadata) = text.split_once("<metadata>").ok_or_else(none)?;
    from_text(metadata)
}

fn from_text(text: &str) -> Result<Scenario, Problem> {
    let none = || Problem::new("", "there is no scenario in this picture");
    let payload = text.strip_prefix(MARK).ok_or_else(none)?;
    let ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = payload.find(|c| !ours(c)).unwrap_or(payload.len());
    link::decode(&payload[..end.min(ENCODED_MAX + 1)])
        .map_err(|error| Problem::new("", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::gallery::GALLERY;

    /// The smallest PNG file: one pixel.
    fn png() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        let mut chunk = |name: &[u8; 4], content: &[u8]| {
            bytes.extend((content.len() as u32).to_be_bytes());
            let named = [name, content].concat();
            bytes.extend(&named);
            bytes.extend(crc32(&named).to_be_bytes());
        };
        chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
        chunk(b"IDAT", &[120, 156, 99, 0, 0, 0, 2, 0, 1]);
        chunk(b"IEND", &[]);
        bytes
    }

    #[test]
    fn every_example_comes_back_out_of_its_picture() {
        for preset in GALLERY {
            let scenario = preset.scenario();
            let picture = png_with(&scenario, &png());
            assert!(is_png(&picture) && picture.ends_with(&png()[png().len() - 12..]));
            assert_eq!(from_png(&picture).as_ref(), Ok(&scenario), "{}", preset.key);
            let drawing =
                format!("<svg><title>{0}</title><metadata>{0}</metadata>", inside(&scenario));
            assert_eq!(from_svg(&drawing).as_ref(), Ok(&scenario), "{}", preset.key);
        }
    }

    #[test]
    fn other_pictures_and_broken_ones_are_refused_in_words() {
        assert!(from_png(&png()).is_err() && from_png(b"").is_err() && from_svg("<svg>").is_err());
        let whole = png_with(&GALLERY[0].scenario(), &png());
        for length in 0..whole.len() {
            // Wherever it is cut: no panic, and never half a scenario.
            if let Ok(scenario) = from_png(&whole[..length]) {
                assert_eq!(scenario, GALLERY[0].scenario());
            }
        }
        let mut lying = png();
        lying.truncate(SIGNATURE.len());
        lying.extend([255, 255, 255, 255, b't', b'E', b'X', b't']);
        assert!(from_png(&lying).is_err());
        assert_eq!(png_with(&GALLERY[0].scenario(), b"no picture"), b"no picture");
        assert!(from_svg("<metadata>switchyard:1.AAAA").is_err());
        assert!(from_svg("<title>switchyard:1.AAAA</title>").is_err());
    }
}
