//! `switchyard strategies`: the catalogues, as a list, as the README's tables, as JSON.

use std::io::Write;

use pico_args::Arguments;
use serde_json::Value as Json;
use switchyard::policy::{ROOMS, Room};

use crate::options::{line, nothing_left};

/// Runs the command.
pub(crate) fn run(mut args: Arguments, out: &mut dyn Write) -> Result<(), String> {
    let (json, markdown) = (args.contains("--json"), args.contains("--markdown"));
    let wanted: Option<String> =
        args.opt_free_from_str().map_err(|error| format!("the room: {error}"))?;
    nothing_left(args)?;
    let rooms: Vec<&Room> = match &wanted {
        None => ROOMS.iter().collect(),
        Some(key) => match ROOMS.iter().find(|room| room.key == key) {
            Some(room) => vec![room],
            None => {
                let known: Vec<&str> = ROOMS.iter().map(|room| room.key).collect();
                return Err(format!("there is no room {key:?}; there is {}", known.join(", ")));
            }
        },
    };
    if json {
        let all: serde_json::Map<String, Json> =
            rooms.iter().map(|room| (room.key.to_owned(), room.to_json())).collect();
        let text = serde_json::to_string_pretty(&all).map_err(|error| error.to_string())?;
        return line(out, &text);
    }
    for room in rooms {
        if markdown {
            line(out, room.markdown().trim_end())?;
            line(out, "")?;
            continue;
        }
        line(out, &format!("{}: {}", room.key, room.question))?;
        for entry in (room.entries)() {
            line(out, &format!("  {:<28} {}", entry.key, entry.rule))?;
        }
    }
    Ok(())
}
