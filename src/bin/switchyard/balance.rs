//! `switchyard balance`: one pick after another, with reasons.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use pico_args::Arguments;
use serde_json::{Value as Json, json};
use switchyard::policy::balance::{Answer, Ask, Backend, Balancer, CATALOGUE, Pick};
use switchyard::sim::{Line, Rng, Span, Time, Why};

use crate::options::{algorithm, knobs, line, needed, nothing_left, number, optional, weighted};

const PICKS_MAX: u64 = 1_000_000;
const TRIES_MAX: u64 = 1_000;
/// The text output ends with the sequence of at most this many.
const SEQUENCE_MAX: usize = 200;

/// What happens to a server before a pick.
struct Change {
    place: usize,
    /// Before the pick of this number, counted from 1.
    at: u64,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Down,
    Up,
    /// From then on it refuses connections, which the balancer does not know beforehand.
    Refuses,
}

/// What is asked for.
struct Plan {
    picks: u64,
    changes: Vec<Change>,
    keys: Vec<String>,
    clients: Vec<IpAddr>,
    /// Do requests stay in flight?
    hold: bool,
    /// So many servers are tried for one request.
    tries: u64,
    /// How long an answer takes, and how long after a pick the next comes.
    took: Span,
    json: bool,
}

/// Runs the command.
pub(crate) fn run(mut args: Arguments, out: &mut dyn Write) -> Result<(), String> {
    let entry = algorithm(CATALOGUE, &mut args, "--strategy")?;
    let knobs = knobs(&mut args, entry.knobs)?;
    let servers = weighted("--servers", &needed(&mut args, "--servers")?)?;
    let backend = |(place, (name, weight)): (usize, &(String, i64))| {
        Backend::new(place as u32 + 1, name, *weight)
    };
    let mut list: Vec<Backend> = servers.iter().enumerate().map(backend).collect();
    limits(&mut args, &mut list)?;
    backups(&mut args, &mut list)?;
    let seed = number(&mut args, "--seed", 1, 0..=u64::MAX)?;
    let plan = plan(&mut args, &list)?;
    nothing_left(args)?;
    let mut policy = (entry.make)(&knobs);
    (1..=list.len()).for_each(|joined| policy.added(&list[..joined]));
    let mut rng = Rng::from_seed(seed);
    if plan.json {
        let head = json!({ "strategy": entry.key, "whose": entry.whose, "rule": entry.rule });
        let head = head.to_string();
        line(out, &format!("{},\"steps\":[", head.trim_end_matches('}')))?;
    }
    let mut seen = Seen { picks: Vec::new(), refusals: vec![0; list.len()] };
    let mut refusing = vec![false; list.len()];
    for pick in 1..=plan.picks {
        for Change { place, what, .. } in plan.changes.iter().filter(|change| change.at == pick) {
            match what {
                What::Refuses => refusing[*place] = true,
                What::Down | What::Up => {
                    list[*place].healthy = *what == What::Up;
                    policy.changed(*place, &list);
                }
            }
        }
        let request = one(&plan, pick, policy.as_mut(), &mut list, &refusing, &mut rng)?;
        shown(&plan, pick, &request, &list, out)?;
        seen.picks.push(request.server);
        request.refused.iter().for_each(|(place, _)| seen.refusals[*place] += 1);
    }
    ends(&plan, &list, &seen, out)
}

/// What the whole run came to.
struct Seen {
    /// The server of each request.
    picks: Vec<Option<usize>>,
    /// How often each server refused one.
    refusals: Vec<u64>,
}

/// What became of one request.
struct Request {
    /// The servers that refused it, in order, with the reasons why they were asked.
    refused: Vec<(usize, Why)>,
    server: Option<usize>,
    why: Why,
}

/// A line for each server that refused, and one for the server that accepted.
fn shown(
    plan: &Plan,
    pick: u64,
    request: &Request,
    list: &[Backend],
    out: &mut dyn Write,
) -> Result<(), String> {
    let name = |place: usize| &*list[place].name;
    let server = request.server.map(name);
    if !plan.json {
        for (place, why) in &request.refused {
            line(out, &format!("{pick}\t{} refuses\t{}", name(*place), why.sentence))?;
        }
        let sentence = &request.why.sentence;
        return line(out, &format!("{pick}\t{}\t{sentence}", server.unwrap_or("-")));
    }
    let reasons = |server: Option<&str>, why: &Why| {
        let one = |line: &Line| {
            let Line { subject, numbers, chosen } = line;
            json!({ "server": subject, "numbers": numbers, "chosen": chosen })
        };
        let lines: Vec<Json> = why.lines.iter().map(one).collect();
        json!({ "server": server, "why": why.sentence, "numbers": lines })
    };
    let mut step = reasons(server, &request.why);
    step["pick"] = json!(pick);
    let refused = request.refused.iter().map(|(place, why)| reasons(Some(name(*place)), why));
    step["refused"] = refused.collect();
    let comma = if pick < plan.picks { "," } else { "" };
    line(out, &format!("{step}{comma}"))
}

/// The sequence, and how many each got.
fn ends(plan: &Plan, list: &[Backend], seen: &Seen, out: &mut dyn Write) -> Result<(), String> {
    let picks = &seen.picks;
    let name = |pick: &Option<usize>| pick.map(|place| &*list[place].name);
    let count = |wanted: Option<usize>| picks.iter().filter(|pick| **pick == wanted).count();
    let counts: Vec<(&str, usize)> =
        list.iter().enumerate().map(|(place, b)| (&*b.name, count(Some(place)))).collect();
    let nobody = count(None);
    let refusals = list.iter().zip(&seen.refusals).filter(|(_, count)| **count > 0);
    let refusals: Vec<(&str, u64)> = refusals.map(|(b, count)| (&*b.name, *count)).collect();
    if plan.json {
        let counts: serde_json::Map<String, Json> =
            counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let sequence: Vec<Option<&str>> = picks.iter().map(name).collect();
        let refusals: serde_json::Map<String, Json> =
            refusals.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let tail = json!({
            "picks": sequence, "counts": counts, "nobody": nobody, "refusals": refusals,
        });
        let tail = tail.to_string();
        return line(out, &format!("],{}", tail.trim_start_matches('{')));
    }
    let shown = picks.iter().take(SEQUENCE_MAX).map(|pick| name(pick).unwrap_or("-"));
    let more = if picks.len() > SEQUENCE_MAX { " …" } else { "" };
    line(out, &format!("# {}{more}", shown.collect::<Vec<_>>().join(" ")))?;
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let nobody = if nobody > 0 { format!("; nobody {nobody}") } else { String::new() };
    let each_refused: Vec<String> =
        refusals.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let refused = match each_refused.is_empty() {
        true => String::new(),
        false => format!("; refused by {}", each_refused.join(", ")),
    };
    line(out, &format!("# {}{nobody}{refused}", each.join(", ")))
}

/// The server of this name.
fn place(option: &str, name: &str, list: &[Backend]) -> Result<usize, String> {
    let place = list.iter().position(|backend| &*backend.name == name);
    place.ok_or_else(|| format!("{option}: there is no server {name:?}"))
}

/// `--limit a=2,b=1`: the most requests in flight.
fn limits(args: &mut Arguments, list: &mut [Backend]) -> Result<(), String> {
    let option = "--limit";
    while let Some(text) = optional(args, option)? {
        for part in text.split(',') {
            let wrong = || format!("{option} must be server=number, from 1, got {part:?}");
            let (name, most) = part.rsplit_once('=').ok_or_else(wrong)?;
            let place = place(option, name, list)?;
            let most = most.parse().ok().filter(|&most| most >= 1).ok_or_else(wrong)?;
            if list[place].in_flight_max > 0 {
                return Err(format!("{option}: {name:?} is there twice"));
            }
            list[place].in_flight_max = most;
        }
    }
    Ok(())
}

/// `--backup c`: to be used only when no other can be.
fn backups(args: &mut Arguments, list: &mut [Backend]) -> Result<(), String> {
    let option = "--backup";
    while let Some(text) = optional(args, option)? {
        for name in text.split(',') {
            let place = place(option, name, list)?;
            if list[place].backup {
                return Err(format!("{option}: {name:?} is there twice"));
            }
            list[place].backup = true;
        }
    }
    Ok(())
}

fn plan(args: &mut Arguments, list: &[Backend]) -> Result<Plan, String> {
    let mut changes = Vec::new();
    let options = [("--down", What::Down), ("--up", What::Up), ("--refuse", What::Refuses)];
    for (option, what) in options {
        while let Some(text) = optional(args, option)? {
            for part in text.split(',') {
                changes.push(change(option, part, what, list)?);
            }
        }
    }
    let listed = |text: Option<String>| -> Vec<String> {
        text.map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default()
    };
    let keys = listed(optional(args, "--keys")?);
    let mut clients = Vec::new();
    for text in listed(optional(args, "--clients")?) {
        let parsed = text.parse();
        clients.push(parsed.map_err(|_| format!("--clients: {text:?} is no IP address"))?);
    }
    if clients.is_empty() {
        clients.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    Ok(Plan {
        picks: number(args, "--picks", 10, 1..=PICKS_MAX)?,
        changes,
        keys,
        clients,
        hold: args.contains("--hold"),
        tries: number(args, "--tries", list.len() as u64, 1..=TRIES_MAX)?,
        took: Span::from_millis(number(args, "--every", 10, 0..=86_400_000)?),
        json: args.contains("--json"),
    })
}

/// `b@6`: b changes before pick 6.
fn change(option: &str, text: &str, what: What, list: &[Backend]) -> Result<Change, String> {
    let wrong = || format!("{option} must be server@pick, got {text:?}");
    let (name, at) = text.rsplit_once('@').ok_or_else(wrong)?;
    let at = at.parse().ok().filter(|&at| at >= 1).ok_or_else(wrong)?;
    Ok(Change { place: place(option, name, list)?, at, what })
}

/// One request: picked, sent, and answered unless it is held. Whoever refuses it has failed, and
/// the next is asked for.
fn one(
    plan: &Plan,
    number: u64,
    policy: &mut dyn Balancer,
    list: &mut [Backend],
    refusing: &[bool],
    rng: &mut Rng,
) -> Result<Request, String> {
    let turn = |length: usize| ((number - 1) % length.max(1) as u64) as usize;
    let now = Time::ZERO + Span::from_ns(plan.took.ns().saturating_mul(number - 1));
    let key = plan.keys.get(turn(plan.keys.len())).map(|key| key.as_bytes());
    let client = plan.clients[turn(plan.clients.len())];
    let (mut tried, mut refused) = (Vec::new(), Vec::new());
    while (tried.len() as u64) < plan.tries {
        let ask = Ask { now, key, client, tried: &tried };
        let mut why = Why::on();
        let place = match policy.pick(&ask, list, rng, &mut why) {
            Pick::Backend(place) => place,
            Pick::Nobody => return Ok(Request { refused, server: None, why }),
            Pick::Crash(words) => {
                return Err(format!("pick {number}: the strategy itself failed: {words}"));
            }
        };
        list[place].in_flight += 1;
        policy.sent(place, list);
        let ok = !refusing[place];
        if !ok || !plan.hold {
            // A refusal takes no time.
            let took = if ok { plan.took } else { Span::ZERO };
            list[place].in_flight -= 1;
            policy.answered(place, &Answer { now: now + took, took, ok }, list);
        }
        if ok {
            return Ok(Request { refused, server: Some(place), why });
        }
        tried.push(place);
        refused.push((place, why));
    }
    let mut why = Why::on();
    why.say(|| match plan.tries {
        1 => "Refused; no other server is tried.".to_owned(),
        tries => format!("Refused {tries} times; no other server is tried."),
    });
    Ok(Request { refused, server: None, why })
}
