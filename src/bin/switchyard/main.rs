//! The engine on a command line: run a scenario, print what came out, print its link; try one
//! algorithm by itself.

mod balance;
mod cache;
mod options;
mod place;
mod strategies;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use pico_args::Arguments;
use switchyard::scenario::gallery::{GALLERY, Preset};
use switchyard::scenario::{Scenario, link};
use switchyard::session::Session;
use switchyard::sim::Span;

const HELP: &str = "\
switchyard: run a scenario without a page, or try one algorithm by itself

  switchyard run FILE [--seconds S] [--json]   run it (10 s unless said) and report
  switchyard link FILE                         print the end of its share link
  switchyard show LINK                         print the scenario in a share link as JSON
  switchyard presets                           list the built-in scenarios
  switchyard schema                            print the JSON Schema of scenario files

  switchyard place --strategy NAME --nodes a,b,c[=weight] [--add d | --remove b] [--] KEY...
      where each key lives and why; which keys move when nodes change
      --replicas N           the first N of the preference list as well
      --summary              only the counts
      --split KEY[=node]     range only, again and again: KEY and what follows in its range go to
                             the node, or else to another with fewest ranges
      --list KEY=node,...    directory only, again and again: the node where KEY lives, and
                             perhaps those of its replicas
      KEYs after -- may begin with --. Without a KEY, keys are read from standard input, one a
      line. They may have any bytes but line feeds; a line of text may end in \\r\\n.
  switchyard balance --strategy NAME --servers a=5,b=1,c=1 [--picks N] [--down b@6] [--up b@9]
      one pick after another, with the numbers; b is down from the 6th pick on
      --refuse b@6           from the 6th pick on b refuses connections: the next server is asked
      --tries N              so many servers are tried for a request; as many as there are
      --limit a=2,b=1        the most requests each may have in flight; and
      --backup c             only to be used when no other can be: both for nginx's and HAProxy's
      --hold                 requests stay in flight (each is answered before the next otherwise)
      --keys k1,k2           keys of the requests, in turn
      --clients 10.0.0.1,... addresses of the clients, in turn
      --every MS, --seed N   10 ms between picks and until an answer; seed 1
  switchyard cache --policy NAME --capacity N [--ttl MS] [--trace] < keys
      hits and misses of a stream of keys; switchyard cache --help says more
  switchyard strategies [ROOM] [--json | --markdown]
      every algorithm: balance, place, evict, line, guard

place and balance take --json, and --set KNOB=VALUE for the algorithm's own settings.
FILE is a scenario in JSON or the name of a built-in one.
The exit status is 0 when it ran, 2 when the input was refused.";

/// What a command says when whoever read its output has gone: nothing to complain about.
const NOBODY_READS: &str = "nobody reads";

fn main() -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = command(&mut out).and_then(|()| out.flush().map_err(options::unwritten));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) if text == NOBODY_READS => ExitCode::SUCCESS,
        Err(text) => {
            // What was said so far comes first, whatever becomes of it.
            let _written = out.flush();
            eprintln!("switchyard: {text}");
            ExitCode::from(2)
        }
    }
}

fn command(out: &mut dyn Write) -> Result<(), String> {
    let mut args = Arguments::from_env();
    let name = args.subcommand().map_err(|error| error.to_string())?;
    match name.as_deref() {
        Some("place") => place::run(args, &mut io::stdin().lock(), out),
        Some("balance") => balance::run(args, out),
        Some("cache") => {
            let rest = args.finish();
            let rest: Vec<String> =
                rest.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
            cache::run(&rest, &mut io::stdin().lock(), out)
        }
        Some("strategies") => strategies::run(args, out),
        Some("run") => options::line(out, &run(args)?),
        Some("link") => options::line(out, &link::encode(&read(&file(args)?)?)),
        Some("show") => {
            let text = file(args)?;
            let payload = text.split_once("s=").map_or(text.as_str(), |(_, payload)| payload);
            let payload = payload.split('&').next().unwrap_or(payload);
            let scenario = link::decode(payload).map_err(|error| error.to_string())?;
            options::line(out, &scenario.to_json())
        }
        Some("presets") => {
            options::nothing_left(args)?;
            let row = |p: &Preset| format!("{:<20} {}\n", p.key, p.blurb);
            options::line(out, &GALLERY.iter().map(row).collect::<String>())
        }
        Some("schema") => {
            options::nothing_left(args)?;
            let schema = serde_json::to_string_pretty(&switchyard::scenario::schema());
            options::line(out, &schema.map_err(|error| error.to_string())?)
        }
        None | Some("help") => options::line(out, HELP),
        Some(other) => Err(format!("does not know the command {other:?}\n\n{HELP}")),
    }
}

/// The one argument of a command that takes one.
fn file(mut args: Arguments) -> Result<String, String> {
    let file = args.free_from_str().map_err(|error| format!("{error}\n\n{HELP}"))?;
    options::nothing_left(args)?;
    Ok(file)
}

fn run(mut args: Arguments) -> Result<String, String> {
    let json = args.contains("--json");
    let wrong = "--seconds needs a number from 0 to 1000000";
    let seconds = match options::optional(&mut args, "--seconds")? {
        None => 10.0,
        Some(text) => {
            let parsed = text.parse::<f64>().ok().filter(|s| (0.0..=1e6).contains(s));
            parsed.ok_or(wrong)?
        }
    };
    let scenario = read(&file(args)?)?.finished().map_err(|problem| problem.to_string())?;
    let mut session = Session::new(scenario).map_err(|problem| problem.to_string())?;
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
