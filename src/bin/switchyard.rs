//! The engine on a command line: run a scenario, print what came out, print its link.

use std::process::ExitCode;

use switchyard::scenario::gallery::{GALLERY, Preset};
use switchyard::scenario::{Scenario, link};
use switchyard::session::Session;
use switchyard::sim::Span;

const HELP: &str = "\
switchyard: run a scenario without a page

  switchyard run FILE [--seconds S] [--json]   run it (10 s unless said) and report
  switchyard link FILE                         print the end of its share link
  switchyard show LINK                         print the scenario in a share link as JSON
  switchyard presets                           list the built-in scenarios

FILE is a scenario in JSON or the name of a built-in one.
The exit status is 0 when it ran, 2 when the input was refused.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("switchyard: {text}");
            ExitCode::from(2)
        }
    }
}

fn command(args: &[&str]) -> Result<String, String> {
    match args {
        ["run", file, options @ ..] => run(file, options),
        ["link", file] => Ok(link::encode(&read(file)?)),
        ["show", text] => {
            let payload = text.split_once("s=").map_or(*text, |(_, payload)| payload);
            let payload = payload.split('&').next().unwrap_or(payload);
            link::decode(payload).map(|s| s.to_json()).map_err(|error| error.to_string())
        }
        ["presets"] => Ok(GALLERY.iter().map(|p| format!("{:<20} {}\n", p.key, p.blurb)).collect()),
        [] | ["help" | "--help" | "-h"] => Ok(HELP.to_owned()),
        _ => Err(format!("does not understand {:?}\n\n{HELP}", args.join(" "))),
    }
}

fn run(file: &str, options: &[&str]) -> Result<String, String> {
    let mut seconds = 10.0;
    let mut json = false;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--json" => json = true,
            "--seconds" => {
                let value = options.next().and_then(|value| value.parse::<f64>().ok());
                let allowed = value.filter(|s| (0.0..=1e6).contains(s));
                seconds = allowed.ok_or("--seconds needs a number from 0 to 1000000")?;
            }
            other => return Err(format!("does not know the option {other}")),
        }
    }
    let mut session = Session::new(read(file)?).map_err(|problem| problem.to_string())?;
    session.advance(Span::from_seconds_f64(seconds), u64::MAX);
    let report = session.report();
    match json {
        true => serde_json::to_string_pretty(&report).map_err(|error| error.to_string()),
        false => Ok(report.to_text()),
    }
}

fn read(file: &str) -> Result<Scenario, String> {
    if let Some(preset) = Preset::find(file) {
        return Ok(preset.scenario());
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    Scenario::from_json(&text).map_err(|problem| format!("{file}: {problem}"))
}
