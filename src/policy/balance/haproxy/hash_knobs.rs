//! What can be set on HAProxy's hashes: `hash-type`, `hash-balance-factor`, `balance uri` options,
//! and which `balance` keyword an empty key is read by.

use super::key::{Source, UriPart};
use crate::policy::hash::haproxy::HaproxyHash;
use crate::policy::{Knob, Knobs};

pub(super) const CONSISTENT: Knob = Knob {
    key: "consistent",
    wire: 1,
    label: "Consistent",
    unit: "",
    help: "hash-type: 0 = map-based, 1 = consistent.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

pub(super) const FUNCTION: Knob = Knob {
    key: "function",
    wire: 2,
    label: "Hash function",
    unit: "",
    help: "0 = none named (sdbm; with an avalanche if consistent), 1 = sdbm, 2 = djb2, 3 = wt6, \
           4 = crc32, 5 = none (later versions: the key is a number already).",
    min: 0.0,
    max: 5.0,
    default: 0.0,
    whole: true,
};

pub(super) const AVALANCHE: Knob = Knob {
    key: "avalanche",
    wire: 3,
    label: "Avalanche",
    unit: "",
    help: "0 = as HAProxy does when nothing is said: only if consistent and no function is named; \
           1 = always, 2 = never.",
    min: 0.0,
    max: 2.0,
    default: 0.0,
    whole: true,
};

pub(super) const BALANCE_FACTOR: Knob = Knob {
    key: "balance_factor",
    wire: 4,
    label: "Balance factor",
    unit: "%",
    help: "hash-balance-factor, consistent only: a server with more than this percentage of its \
           share is passed over. 0 to 100 = no bound.",
    min: 0.0,
    max: 10_000.0,
    default: 0.0,
    whole: true,
};

pub(super) const PRESERVE_AFFINITY: Knob = Knob {
    key: "preserve_affinity",
    wire: 5,
    label: "A full server",
    unit: "",
    help: "Consistent only: 0 = keeps its keys, which wait there; 1 = is passed over while it is \
           full (HAProxy 3.x: hash-preserve-affinity maxconn).",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

pub(super) const WHOLE: Knob = Knob {
    key: "whole",
    wire: 6,
    label: "Whole URI",
    unit: "",
    help: "0 = up to the question mark, 1 = with the query.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

pub(super) const DEPTH: Knob = Knob {
    key: "depth",
    wire: 7,
    label: "Depth",
    unit: "",
    help: "At most so many directories of the path; 0 = all.",
    min: 0.0,
    max: 100.0,
    default: 0.0,
    whole: true,
};

pub(super) const LENGTH: Knob = Knob {
    key: "len",
    wire: 8,
    label: "Length",
    unit: "bytes",
    help: "At most so many bytes; 0 = all.",
    min: 0.0,
    max: 16_384.0,
    default: 0.0,
    whole: true,
};

pub(super) const PATH_ONLY: Knob = Knob {
    key: "path_only",
    wire: 9,
    label: "Path only",
    unit: "",
    help: "1 = without scheme and host, if the target has them.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

pub(super) const EMPTY_KEY: Knob = Knob {
    key: "empty_key",
    wire: 10,
    label: "An empty key",
    unit: "",
    help: "0 = is hashed, as url_param and hash do; 1 = counts as none, as hdr does.",
    min: 0.0,
    max: 1.0,
    default: 0.0,
    whole: true,
};

/// The hash function that is named, if any.
pub(super) fn named(knobs: &Knobs) -> Option<HaproxyHash> {
    match knobs.count(&FUNCTION) {
        1 => Some(HaproxyHash::Sdbm),
        2 => Some(HaproxyHash::Djb2),
        3 => Some(HaproxyHash::Wt6),
        4 => Some(HaproxyHash::Crc32),
        5 => Some(HaproxyHash::None),
        _ => None,
    }
}

/// How a key is looked at.
pub(super) fn key_source(knobs: &Knobs) -> Source {
    if knobs.count(&EMPTY_KEY) > 0 { Source::Header } else { Source::Key }
}

/// Which part of a URI is hashed.
pub(super) fn uri_part(knobs: &Knobs) -> UriPart {
    UriPart {
        whole: knobs.count(&WHOLE) > 0,
        path_only: knobs.count(&PATH_ONLY) > 0,
        length: knobs.count(&LENGTH),
        depth: knobs.count(&DEPTH),
    }
}
