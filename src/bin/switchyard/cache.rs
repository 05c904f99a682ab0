//! `switchyard cache`: a stream of keys through one eviction policy.
//!
//! Keys come one per line, as bytes. A line ends with `\n` or `\r\n`; an empty line is the empty
//! key. A key becomes a number by the 64-bit FNV-1a hash (two of ten million different keys collide
//! with a chance of 1 in 400,000; they would count as one). Nothing is kept of a line, so a stream
//! may be of any length; only `--trace` keeps the texts of the entries held.

use std::collections::BTreeMap;
use std::io::{BufRead, ErrorKind, Write};

use serde_json::json;
use switchyard::policy::Knobs;
use switchyard::policy::evict::expiry::{Expiring, Lifetime};
use switchyard::policy::evict::{Access, CATALOGUE, Entry, Eviction, find};
use switchyard::sim::{Rng, Span, Time, Why};

const HELP: &str = "\
switchyard cache --policy NAME --capacity N [options] < keys

Reads one key per line and says how many were hits. Any bytes are a key; an empty line is the
empty key.

  --policy NAME     who leaves when the cache is full (see below)
  --capacity N      how many entries fit
  --set KNOB=VALUE  a setting of the policy, any number of times
  --ttl MS          entries end so many milliseconds after they came in
  --jitter SHARE    each end is earlier or later by up to this share of --ttl, 0 to 1
  --every MS        time between two requests; 1 unless said. Only --ttl and Redis's policies
                    look at the time
  --seed N          for policies that draw lots; 1 unless said
  --trace           one line per key: hit or miss, whose time was over, who left, and why
  --json            for machines: one object, with --trace one per line; bytes that are no
                    UTF-8 are replaced. \"evicted\" is a key, a list of several, or null

Policies and their settings:
";

/// What was asked for.
struct Order {
    entry: &'static Entry,
    knobs: Knobs,
    capacity: usize,
    ttl: Option<f64>,
    jitter: f64,
    every: Span,
    seed: u64,
    trace: bool,
    json: bool,
}

/// Runs the command with what stands behind `cache`.
///
/// # Errors
/// In words, when something about the order is wrong or reading fails. A reader of the output who
/// goes away is no error.
pub(crate) fn run(
    args: &[&str],
    input: &mut dyn BufRead,
    out: &mut dyn Write,
) -> Result<(), String> {
    let lost = args == ["help"] || args.iter().any(|arg| ["--help", "-h"].contains(arg));
    let printed = match lost {
        true => writeln!(out, "{}", help()).map_err(Failure::Write),
        false => replay(&Order::read(args)?, input, out),
    };
    match printed.and_then(|()| out.flush().map_err(Failure::Write)) {
        Ok(()) => Ok(()),
        Err(Failure::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Failure::Write(error)) => Err(format!("cannot write: {error}")),
        Err(Failure::Read(error)) => Err(format!("cannot read the keys: {error}")),
        Err(Failure::Order(words)) => Err(words),
    }
}

enum Failure {
    Read(std::io::Error),
    Write(std::io::Error),
    Order(String),
}

fn help() -> String {
    let mut text = HELP.to_owned();
    for entry in CATALOGUE {
        text += &format!("  {:<15} {}\n", entry.key, entry.name);
        for knob in entry.knobs {
            let (key, min, max, default) = (knob.key, knob.min, knob.max, knob.default);
            text += &format!("    {key}={default} ({min} to {max})\n");
        }
    }
    text.pop();
    text
}

fn names() -> String {
    CATALOGUE.iter().map(|entry| entry.key).collect::<Vec<&str>>().join(", ")
}

impl Order {
    fn read(args: &[&str]) -> Result<Order, String> {
        let (mut entry, mut capacity, mut settings) = (None, None, Vec::new());
        let (mut ttl, mut jitter, mut every, mut seed) = (None, None, None, None);
        let (mut trace, mut json) = (false, false);
        let mut args = args.iter();
        while let Some(&option) = args.next() {
            let mut value = || match args.next() {
                Some(&value) => Ok(value),
                None => Err(format!("{option} needs a value")),
            };
            match option {
                "--trace" => trace = true,
                "--json" => json = true,
                "--policy" => {
                    let name = value()?;
                    let found = find(name);
                    entry = Some(found.ok_or_else(|| {
                        format!("there is no policy {name:?}; there is {}", names())
                    })?);
                }
                "--capacity" => capacity = Some(whole(option, value()?)?),
                "--seed" => seed = Some(whole(option, value()?)?),
                "--set" => settings.push(value()?),
                "--ttl" => ttl = Some(number(option, value()?, 1e15)?),
                "--every" => every = Some(number(option, value()?, 1e9)?),
                "--jitter" => jitter = Some(number(option, value()?, 1.0)?),
                other => return Err(format!("cache does not know the option {other}")),
            }
        }
        let entry = entry.ok_or_else(|| format!("--policy is missing; there is {}", names()))?;
        let capacity = capacity.ok_or("--capacity is missing")?;
        if jitter.is_some() && ttl.is_none() {
            return Err("--jitter spreads --ttl, which is missing".to_owned());
        }
        let mut knobs = Knobs::default();
        for setting in settings {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("--set needs KNOB=VALUE, got {setting:?}"))?;
            let value =
                value.parse().map_err(|_| format!("{key} needs a number, got {value:?}"))?;
            knobs.set(entry.knobs, key, value).map_err(|refusal| refusal.to_string())?;
        }
        Ok(Order {
            entry,
            knobs,
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            ttl,
            jitter: jitter.unwrap_or(0.0),
            every: Span::from_millis_f64(every.unwrap_or(1.0)),
            seed: seed.unwrap_or(1),
            trace,
            json,
        })
    }

    fn cache(&self) -> Result<Cache, Failure> {
        let made = (self.entry.make)(&self.knobs, self.capacity);
        let policy = made.map_err(|refusal| Failure::Order(refusal.to_string()))?;
        Ok(match self.ttl {
            None => Cache::Plain(policy),
            Some(ttl) => {
                let ttl = Span::from_millis_f64(ttl);
                let life = Lifetime { ttl, jitter: self.jitter, active: true };
                Cache::Mortal(Box::new(Expiring::new(policy, life)))
            }
        })
    }
}

fn whole(option: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{option} needs a whole number, got {text:?}"))
}

fn number(option: &str, text: &str, most: f64) -> Result<f64, String> {
    let parsed = text.parse::<f64>().ok().filter(|value| (0.0..=most).contains(value));
    parsed.ok_or_else(|| format!("{option} needs a number from 0 to {most}, got {text:?}"))
}

/// A policy, with or without a time to live.
enum Cache {
    Plain(Box<dyn Eviction>),
    Mortal(Box<Expiring>),
}

impl Cache {
    fn access(&mut self, key: u64, rng: &mut Rng, why: &mut Why) -> Access {
        match self {
            Cache::Plain(policy) => policy.access(key, rng, why),
            Cache::Mortal(cache) => cache.access(key, rng, why),
        }
    }

    /// Time passes; keys that end by it are handed to `gone`.
    fn advance(&mut self, now: Time, rng: &mut Rng, gone: &mut dyn FnMut(u64)) {
        match self {
            Cache::Plain(policy) => policy.tick(now, rng),
            Cache::Mortal(cache) => cache.advance(now, rng, gone),
        }
    }

    fn expired(&self) -> u64 {
        match self {
            Cache::Plain(_) => 0,
            Cache::Mortal(cache) => cache.expired(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Cache::Plain(policy) => policy.len(),
            Cache::Mortal(cache) => cache.len(),
        }
    }
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Reads the next key into `line`, without its end. False when there is none.
fn next_key(input: &mut dyn BufRead, line: &mut Vec<u8>) -> Result<bool, Failure> {
    line.clear();
    if input.read_until(b'\n', line).map_err(Failure::Read)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(true)
}

/// The texts of the entries held, to name who left.
type Texts = BTreeMap<u64, Vec<u8>>;

fn replay(order: &Order, input: &mut dyn BufRead, out: &mut dyn Write) -> Result<(), Failure> {
    let mut cache = order.cache()?;
    let (mut rng, mut off) = (Rng::from_seed(order.seed), Why::off());
    let (mut texts, mut line) = (Texts::new(), Vec::new());
    let (mut hits, mut requests, mut now) = (0u64, 0u64, Time::ZERO);
    while next_key(input, &mut line)? {
        let (key, mut over) = (hash(&line), Vec::new());
        // Without --trace nobody has a text.
        cache.advance(now, &mut rng, &mut |gone| over.extend(texts.remove(&gone)));
        requests += 1;
        now = now + order.every;
        if !order.trace {
            hits += u64::from(cache.access(key, &mut rng, &mut off).is_hit());
            continue;
        }
        let (mut why, expired) = (Why::on(), cache.expired());
        let access = cache.access(key, &mut rng, &mut why);
        hits += u64::from(access.is_hit());
        texts.entry(key).or_insert_with(|| line.clone());
        let left = access.evicted().iter().filter_map(|left| texts.remove(left)).collect();
        let row = Row {
            order,
            key: &line,
            hit: access.is_hit(),
            over,
            was_over: cache.expired() > expired,
            left,
            why: &why,
        };
        row.print(out).map_err(Failure::Write)?;
    }
    let total = Total { hits, requests, expired: cache.expired(), held: cache.len() };
    total.print(order, out).map_err(Failure::Write)
}

/// One request, told.
struct Row<'a> {
    order: &'a Order,
    key: &'a [u8],
    hit: bool,
    /// Other keys that were removed before it because their time was over.
    over: Vec<Vec<u8>>,
    /// Was the key itself held until its time was over? Then the reason says so.
    was_over: bool,
    left: Vec<Vec<u8>>,
    why: &'a Why,
}

impl Row<'_> {
    fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if self.order.json {
            return writeln!(out, "{}", self.json());
        }
        // Keys as they came, whatever their bytes.
        out.write_all(if self.hit { b"hit  " } else { b"miss " })?;
        out.write_all(self.key)?;
        for (word, keys) in [("expired", &self.over), ("evicted", &self.left)] {
            if !keys.is_empty() {
                write!(out, "  {word} ")?;
                out.write_all(&keys.join(&b", "[..]))?;
            }
        }
        if !self.why.sentence.is_empty() {
            write!(out, "  {}", self.why.sentence)?;
        }
        writeln!(out)
    }

    fn json(&self) -> serde_json::Value {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let texts = |keys: &[Vec<u8>]| keys.iter().map(|key| text(key)).collect::<Vec<String>>();
        let mut expired = texts(&self.over);
        expired.extend(self.was_over.then(|| text(self.key)));
        json!({
            "key": text(self.key),
            "hit": self.hit,
            "expired": expired,
            "evicted": match texts(&self.left).as_slice() {
                [] => json!(null),
                [one] => json!(one),
                several => json!(several),
            },
            "why": (!self.why.sentence.is_empty()).then_some(&self.why.sentence),
        })
    }
}

/// What came out.
struct Total {
    hits: u64,
    requests: u64,
    expired: u64,
    held: usize,
}

impl Total {
    fn print(&self, order: &Order, out: &mut dyn Write) -> std::io::Result<()> {
        let misses = self.requests - self.hits;
        // Of no requests no share is a hit.
        let ratio = self.hits as f64 / self.requests.max(1) as f64;
        if order.json {
            let total = json!({
                "policy": order.entry.key,
                "capacity": order.capacity,
                "requests": self.requests,
                "hits": self.hits,
                "misses": misses,
                "hit_ratio": ratio,
                "expired": self.expired,
                "held": self.held,
            });
            return writeln!(out, "{total}");
        }
        writeln!(out, "{}, {} entries", order.entry.name, order.capacity)?;
        writeln!(out, "requests   {}", self.requests)?;
        writeln!(out, "hits       {}", self.hits)?;
        writeln!(out, "misses     {misses}")?;
        if order.ttl.is_some() {
            writeln!(out, "expired    {}", self.expired)?;
        }
        writeln!(out, "hit ratio  {ratio:.6}")
    }
}
