//! A scenario as the end of a link: `1.<payload>` or `2.<payload>`, where the payload is
//! `base64url( flags | crc32 | body )` and the body is the wire form, deflated when that is
//! shorter.
//!
//! The version stands outside, so that an old page can say "made with a newer version". Everything
//! is bounded before it is believed: a link that would inflate to 100 MB is refused at once.
//! The same scenario gives the same link everywhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::check::Problem;
use super::types::Scenario;
use super::{wire, wire2};
use crate::policy::hash::crc::crc32;

/// The longest link that is read, in characters.
pub const ENCODED_MAX: usize = 64 * 1024;
/// The largest body that is inflated, in bytes.
pub const INFLATED_MAX: usize = 256 * 1024;

const DEFLATED: u8 = 1;
const HEADER: usize = 5;
/// As small as deflate gets; a scenario takes well under a millisecond.
const LEVEL: u8 = 10;

/// Why a link was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It does not look like one of ours.
    NotOurs,
    /// It was made with a newer version of the format.
    TooNew(u32),
    /// It is cut off or was changed on its way.
    Damaged,
    /// It, or what it unpacks to, is over the limit.
    TooLarge,
    /// It was read, but what it says is not right.
    Invalid(Problem),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::NotOurs => f.write_str("This does not look like a Switchyard link."),
            LinkError::TooNew(version) => write!(
                f,
                "This link was made with a newer version of Switchyard (format {version}). \
                 Reload the page to get it."
            ),
            LinkError::Damaged => f.write_str(
                "This link is damaged: part of it is missing or was changed. \
                 Chat and mail programs sometimes cut long links; ask for it as a file.",
            ),
            LinkError::TooLarge => write!(
                f,
                "This link is too large: at most {} kB, {} kB unpacked, are read.",
                ENCODED_MAX / 1024,
                INFLATED_MAX / 1024
            ),
            LinkError::Invalid(problem) => write!(f, "This link holds something wrong: {problem}."),
        }
    }
}

impl std::error::Error for LinkError {}

/// The link form of a scenario. It must have passed `Scenario::check`.
pub fn encode(scenario: &Scenario) -> String {
    let mut body = postcard::to_allocvec(&wire::Scenario::pack(scenario))
        .expect("numbers, texts and lists can always be written");
    let mut version = wire::VERSION;
    if !scenario.annotations.is_empty() {
        version = wire2::VERSION;
        body = postcard::to_extend(&wire2::Drawings::pack(&scenario.annotations), body)
            .expect("numbers, texts and lists can always be written");
    }
    let deflated = compress_to_vec(&body, LEVEL);
    let (flags, stored) = match deflated.len() < body.len() {
        true => (DEFLATED, &deflated),
        false => (0, &body),
    };
    let mut bytes = vec![flags];
    bytes.extend(crc32(stored).to_le_bytes());
    bytes.extend(stored);
    format!("{version}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a link form. Never panics, whatever the text; never unpacks beyond the limits.
pub fn decode(text: &str) -> Result<Scenario, LinkError> {
    if text.len() > ENCODED_MAX {
        return Err(LinkError::TooLarge);
    }
    let (version, payload) = text.split_once('.').ok_or(LinkError::NotOurs)?;
    let version = match version.parse::<u32>() {
        Ok(version @ (wire::VERSION | wire2::VERSION)) => version,
        Ok(version) if version > wire2::VERSION => return Err(LinkError::TooNew(version)),
        _ => return Err(LinkError::NotOurs),
    };
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| LinkError::Damaged)?;
    let (header, stored) = bytes.split_at_checked(HEADER).ok_or(LinkError::Damaged)?;
    if crc32(stored).to_le_bytes() != header[1..] {
        return Err(LinkError::Damaged);
    }
    let body = match header[0] {
        // Never over the limit for what is inflated: the limit for links is lower.
        0 => stored.to_vec(),
        DEFLATED => inflate(stored)?,
        _ => return Err(LinkError::NotOurs),
    };
    let (wire, mut rest): (wire::Scenario, &[u8]) =
        postcard::take_from_bytes(&body).map_err(|_| LinkError::Damaged)?;
    let mut scenario = wire.unpack().map_err(LinkError::Invalid)?;
    if version == wire2::VERSION {
        let (drawings, after): (wire2::Drawings, &[u8]) =
            postcard::take_from_bytes(rest).map_err(|_| LinkError::Damaged)?;
        scenario.annotations = drawings.unpack().map_err(LinkError::Invalid)?;
        rest = after;
    }
    if !rest.is_empty() {
        return Err(LinkError::Damaged);
    }
    scenario.check().map_err(LinkError::Invalid)?;
    Ok(scenario)
}

/// Unpacks all of `stored`, up to the limit and not a byte further.
fn inflate(stored: &[u8]) -> Result<Vec<u8>, LinkError> {
    let mut body = vec![0; INFLATED_MAX];
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut state = Box::<DecompressorOxide>::default();
    let (status, read, written) = decompress(&mut state, stored, &mut body, 0, flags);
    body.truncate(written);
    match status {
        TINFLStatus::Done if read == stored.len() => Ok(body),
        TINFLStatus::HasMoreOutput => Err(LinkError::TooLarge),
        _ => Err(LinkError::Damaged),
    }
}
