//! What the commands that try out one algorithm have in common: options, names, errors.

use std::io::{self, Write};

use pico_args::Arguments;
use switchyard::policy::{Entry, Knob, Knobs};

/// An option that must be there.
pub(crate) fn needed(args: &mut Arguments, name: &'static str) -> Result<String, String> {
    args.value_from_str(name).map_err(|error| format!("{error}; see switchyard help"))
}

/// An option that may be there.
pub(crate) fn optional(args: &mut Arguments, name: &'static str) -> Result<Option<String>, String> {
    args.opt_value_from_str(name).map_err(|error| error.to_string())
}

/// A whole number that may be there, within its limits.
pub(crate) fn number(
    args: &mut Arguments,
    name: &'static str,
    otherwise: u64,
    limits: std::ops::RangeInclusive<u64>,
) -> Result<u64, String> {
    let Some(text) = optional(args, name)? else { return Ok(otherwise) };
    let parsed = text.parse().ok().filter(|n| limits.contains(n));
    parsed.ok_or_else(|| {
        let (least, most) = limits.into_inner();
        format!("{name} must be a whole number from {least} to {most}, got {text:?}")
    })
}

/// The algorithm that `--strategy` (or another option) names: hyphens do for underscores.
pub(crate) fn algorithm<Make>(
    catalogue: &'static [&'static Entry<Make>],
    args: &mut Arguments,
    option: &'static str,
) -> Result<&'static Entry<Make>, String> {
    let name = needed(args, option)?;
    let key = name.to_lowercase().replace('-', "_");
    switchyard::policy::find(catalogue, &key).ok_or_else(|| {
        let known: Vec<&str> = catalogue.iter().map(|entry| entry.key).collect();
        format!("{option} {name:?} is not known; there is {}", known.join(", "))
    })
}

/// Every `--set knob=value`.
pub(crate) fn knobs(args: &mut Arguments, known: &'static [Knob]) -> Result<Knobs, String> {
    let mut knobs = Knobs::default();
    while let Some(text) = optional(args, "--set")? {
        let wrong = || format!("--set must be knob=number, got {text:?}");
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        let value: f64 = value.parse().map_err(|_| wrong())?;
        knobs.set(known, key, value).map_err(|refusal| format!("--set: {refusal}"))?;
    }
    Ok(knobs)
}

/// Names with weights: `a=5,b,c=1`; without one the weight is 1. Names are not empty and differ.
pub(crate) fn weighted(option: &str, text: &str) -> Result<Vec<(String, i64)>, String> {
    let mut all: Vec<(String, i64)> = Vec::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (name, weight) = part.rsplit_once('=').unwrap_or((part, "1"));
        let weight = weight.parse().map_err(|_| {
            format!("{option}: the weight of {name:?} must be a whole number, got {weight:?}")
        })?;
        if name.is_empty() {
            return Err(format!("{option}: a name is missing in {text:?}"));
        }
        if all.iter().any(|(known, _)| known == name) {
            return Err(format!("{option}: {name:?} is there twice"));
        }
        all.push((name.to_owned(), weight));
    }
    match all.is_empty() {
        true => Err(format!("{option} names nobody")),
        false => Ok(all),
    }
}

/// Nothing that nobody asked for may be left.
pub(crate) fn nothing_left(args: Arguments) -> Result<(), String> {
    match args.finish().first() {
        None => Ok(()),
        Some(left) => Err(format!("does not understand {left:?}; see switchyard help")),
    }
}

/// A failure to write, in words. A reader that went away (`| head`) is told apart by `main`.
pub(crate) fn unwritten(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::BrokenPipe => crate::NOBODY_READS.to_owned(),
        _ => format!("cannot write: {error}"),
    }
}

/// One line of output.
pub(crate) fn line(out: &mut dyn Write, text: &str) -> Result<(), String> {
    writeln!(out, "{text}").map_err(unwritten)
}
