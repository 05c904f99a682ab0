//! `switchyard balance`: one pick after another, with reasons.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use pico_args::Arguments;
use serde_json::{Value as Json, json};
use switchyard::policy::balance::{Answer, Ask, Backend, Balancer, CATALOGUE, Pick};
use switchyard::sim::{Line, Rng, Span, Time, Why};

use crate::options::{algorithm, knobs, line, needed, nothing_left, number, optional, weighted};

const PICKS_MAX: u64 = 1_000_000;
/// The text output ends with the sequence of at most this many.
const SEQUENCE_MAX: usize = 200;

/// A server that goes down or comes back before a pick.
struct Change {
    place: usize,
    /// Before the pick of this number, counted from 1.
    at: u64,
    healthy: bool,
}

/// What is asked for.
struct Plan {
    picks: u64,
    changes: Vec<Change>,
    keys: Vec<String>,
    clients: Vec<IpAddr>,
    /// Do requests stay in flight?
    hold: bool,
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
    let mut picks: Vec<Option<usize>> = Vec::new();
    for pick in 1..=plan.picks {
        for change in plan.changes.iter().filter(|change| change.at == pick) {
            list[change.place].healthy = change.healthy;
            policy.changed(change.place, &list);
        }
        let mut why = Why::on();
        let picked = one(&plan, pick, policy.as_mut(), &mut list, &mut rng, &mut why)?;
        picks.push(picked);
        let name = picked.map(|place| &*list[place].name);
        match plan.json {
            true => {
                let comma = if pick < plan.picks { "," } else { "" };
                line(out, &format!("{}{comma}", step(pick, name, &why)))?;
            }
            false => line(out, &format!("{pick}\t{}\t{}", name.unwrap_or("-"), why.sentence))?,
        }
    }
    ends(&plan, &list, &picks, out)
}

/// The sequence, and how many each got.
fn ends(
    plan: &Plan,
    list: &[Backend],
    picks: &[Option<usize>],
    out: &mut dyn Write,
) -> Result<(), String> {
    let name = |pick: &Option<usize>| pick.map(|place| &*list[place].name);
    let count = |wanted: Option<usize>| picks.iter().filter(|pick| **pick == wanted).count();
    let counts: Vec<(&str, usize)> =
        list.iter().enumerate().map(|(place, b)| (&*b.name, count(Some(place)))).collect();
    let nobody = count(None);
    if plan.json {
        let counts: serde_json::Map<String, Json> =
            counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        let sequence: Vec<Option<&str>> = picks.iter().map(name).collect();
        let tail = json!({ "picks": sequence, "counts": counts, "nobody": nobody }).to_string();
        return line(out, &format!("],{}", tail.trim_start_matches('{')));
    }
    let shown = picks.iter().take(SEQUENCE_MAX).map(|pick| name(pick).unwrap_or("-"));
    let more = if picks.len() > SEQUENCE_MAX { " …" } else { "" };
    line(out, &format!("# {}{more}", shown.collect::<Vec<_>>().join(" ")))?;
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let nobody = if nobody > 0 { format!("; nobody {nobody}") } else { String::new() };
    line(out, &format!("# {}{nobody}", each.join(", ")))
}

fn plan(args: &mut Arguments, list: &[Backend]) -> Result<Plan, String> {
    let mut changes = Vec::new();
    for (option, healthy) in [("--down", false), ("--up", true)] {
        while let Some(text) = optional(args, option)? {
            for part in text.split(',') {
                changes.push(change(option, part, healthy, list)?);
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
        took: Span::from_millis(number(args, "--every", 10, 0..=86_400_000)?),
        json: args.contains("--json"),
    })
}

/// `b@6`: b changes before pick 6.
fn change(option: &str, text: &str, healthy: bool, list: &[Backend]) -> Result<Change, String> {
    let wrong = || format!("{option} must be server@pick, got {text:?}");
    let (name, at) = text.rsplit_once('@').ok_or_else(wrong)?;
    let at = at.parse().ok().filter(|&at| at >= 1).ok_or_else(wrong)?;
    let place = list.iter().position(|backend| &*backend.name == name);
    let place = place.ok_or_else(|| format!("{option}: there is no server {name:?}"))?;
    Ok(Change { place, at, healthy })
}

/// One request: picked, sent, and answered unless it is held.
fn one(
    plan: &Plan,
    number: u64,
    policy: &mut dyn Balancer,
    list: &mut [Backend],
    rng: &mut Rng,
    why: &mut Why,
) -> Result<Option<usize>, String> {
    let turn = |length: usize| ((number - 1) % length.max(1) as u64) as usize;
    let now = Time::ZERO + Span::from_ns(plan.took.ns().saturating_mul(number - 1));
    let ask = Ask {
        now,
        key: plan.keys.get(turn(plan.keys.len())).map(|key| key.as_bytes()),
        client: plan.clients[turn(plan.clients.len())],
        tried: &[],
    };
    match policy.pick(&ask, list, rng, why) {
        Pick::Backend(place) => {
            list[place].in_flight += 1;
            policy.sent(place, list);
            if !plan.hold {
                list[place].in_flight -= 1;
                let answer = Answer { now: now + plan.took, took: plan.took, ok: true };
                policy.answered(place, &answer, list);
            }
            Ok(Some(place))
        }
        Pick::Nobody => Ok(None),
        Pick::Crash(words) => Err(format!("pick {number}: the strategy itself failed: {words}")),
    }
}

fn step(pick: u64, server: Option<&str>, why: &Why) -> Json {
    let one = |line: &Line| {
        let Line { subject, numbers, chosen } = line;
        json!({ "server": subject, "numbers": numbers, "chosen": chosen })
    };
    let lines: Vec<Json> = why.lines.iter().map(one).collect();
    json!({ "pick": pick, "server": server, "why": why.sentence, "numbers": lines })
}
