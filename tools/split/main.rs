//! Cuts the page's program in two: what a page needs to open and to run, and the rest, which comes
//! when something of it is first called.
//!
//! ```text
//! split watch IN.wasm OUT.wasm                  each function notes in memory that it was called
//! split cut   IN.wasm CALLED CORE.wasm REST.wasm
//! ```
//!
//! `watch` prints where in memory the notes are and how many there are: a byte a function, in the
//! order of the functions. `CALLED` holds the numbers of the functions that were called, one a line.
//!
//! In the core a function of the rest is a few bytes that make sure the rest is there (the import
//! `split.load`) and call it through the table. The rest imports memory, tables, globals and
//! functions of the core, and fills the places in the table when it is instantiated.

mod cut;
mod module;
mod watch;

use std::fs;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["watch", from, to] => watch(from, to),
        ["cut", from, called, core, rest] => cut(from, called, core, rest),
        _ => Err("split watch IN OUT, or split cut IN CALLED CORE REST".into()),
    };
    if let Err(problem) = done {
        eprintln!("split: {problem}");
        std::process::exit(1);
    }
}

/// What went wrong, with the path it went wrong at.
type Problem = Box<dyn std::error::Error>;

fn read(path: &str) -> Result<Vec<u8>, Problem> {
    fs::read(path).map_err(|error| format!("{path}: {error}").into())
}

fn write(path: &str, bytes: &[u8]) -> Result<(), Problem> {
    fs::write(path, bytes).map_err(|error| format!("{path}: {error}").into())
}

fn watch(from: &str, to: &str) -> Result<(), Problem> {
    let bytes = read(from)?;
    let (watched, notes) = watch::watched(&bytes)?;
    write(to, &watched)?;
    println!("{} {}", notes.base, notes.count);
    Ok(())
}

fn cut(from: &str, called: &str, core: &str, rest: &str) -> Result<(), Problem> {
    let bytes = read(from)?;
    let mut kept = Vec::new();
    for line in String::from_utf8(read(called)?)?.lines() {
        kept.push(line.parse().map_err(|error| format!("{called}: {line}: {error}"))?);
    }
    let parts = cut::cut(&bytes, &kept)?;
    write(core, &parts.core)?;
    write(rest, &parts.rest)?;
    println!(
        "{} functions in the core, {} in the rest, {} doors",
        parts.kept, parts.moved, parts.doors
    );
    Ok(())
}
