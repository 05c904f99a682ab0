//! A copy of the frozen wire form, by its description alone, to make links that we never would.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec;
use serde::{Deserialize, Serialize};
use switchyard::scenario::Scenario;
use switchyard::scenario::link::{LinkError, decode, encode};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Number {
    Whole(i64),
    Broken(f64),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Setting {
    Number(Number),
    Choice(u8),
    Switch(bool),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireNode {
    pub(crate) kind: u8,
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) settings: Vec<(u8, Setting)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireLink {
    pub(crate) from: u16,
    pub(crate) to: u16,
    pub(crate) latency_ms: Number,
    pub(crate) loss: Number,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireFault {
    pub(crate) at_ns: u64,
    pub(crate) node: u16,
    pub(crate) kind: u8,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WireSend {
    pub(crate) at_ns: u64,
    pub(crate) from: u16,
    pub(crate) key: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wire {
    pub(crate) title: String,
    pub(crate) note: String,
    pub(crate) seed: u64,
    pub(crate) speed: Number,
    pub(crate) nodes: Vec<WireNode>,
    pub(crate) links: Vec<WireLink>,
    pub(crate) faults: Vec<WireFault>,
    pub(crate) sends: Vec<WireSend>,
}

/// A link with these bytes as they stand and a checksum that fits.
pub(crate) fn sealed(flags: u8, stored: &[u8]) -> String {
    let mut bytes = vec![flags];
    bytes.extend(crc32fast::hash(stored).to_le_bytes());
    bytes.extend(stored);
    format!("1.{}", URL_SAFE_NO_PAD.encode(bytes))
}

pub(crate) fn deflated(body: &[u8]) -> String {
    sealed(1, &compress_to_vec(body, 10))
}

pub(crate) fn body_of(link: &str) -> Vec<u8> {
    let bytes = URL_SAFE_NO_PAD.decode(&link[2..]).expect("our own link");
    match bytes[0] {
        0 => bytes[5..].to_vec(),
        _ => miniz_oxide::inflate::decompress_to_vec(&bytes[5..]).expect("our own link"),
    }
}

pub(crate) fn wire_of(scenario: &Scenario) -> Wire {
    postcard::from_bytes(&body_of(&encode(scenario))).expect("the wire form as it is described")
}

pub(crate) fn decode_wire(wire: &Wire) -> Result<Scenario, LinkError> {
    decode(&sealed(0, &postcard::to_allocvec(wire).expect("it can be written")))
}
