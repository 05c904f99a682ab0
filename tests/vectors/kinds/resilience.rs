//! The kinds that concern circuit breakers, retries and adaptive limits: mostly defaults, and each
//! sentence beside a check that what is built does what it says.

use serde_json::{Value as Json, json};
use switchyard::policy::Knob;
use switchyard::policy::guard::{
    self, Aimd, Backoff, Ended, FinagleBudget, Gradient2, Guard, Make, Vegas, Verdict, defaults,
};
use switchyard::sim::{Rng, Span, Time, Why};

use super::guard::{admit, check, in_32_bits, knobs, known, make, ms, number};
use super::{Covered, items, text};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::field("adaptive_concurrency_netflix", adaptive, &["limits", "limit"]),
    Covered::field(
        "aws_backoff",
        aws_backoff,
        &["expo(n)", "full", "equal", "decorrelated", "botocore_standard"],
    ),
    Covered::field("finagle_retry_budget", finagle, FINAGLE),
    Covered::field("hystrix_defaults", hystrix, HYSTRIX),
    Covered::field("resilience4j_defaults", resilience4j, RESILIENCE4J),
];

const FINAGLE: &[&str] = &["deposit", "withdraw", "reserve", "balance"];
const HYSTRIX: &[&str] = &[
    "window_ms",
    "buckets",
    "requestVolumeThreshold",
    "errorThresholdPercentage",
    "sleepWindow_ms",
    "timeout_ms",
    "semaphore",
    "health_snapshot_ms",
    "trip",
    "half_open",
];
const RESILIENCE4J: &[&str] = &[
    "failureRateThreshold",
    "slowCallRateThreshold",
    "slowCallDurationThreshold_s",
    "waitDurationInOpen_s",
    "permittedInHalfOpen",
    "minimumNumberOfCalls",
    "slidingWindowSize",
    "slidingWindowType",
    "trip",
    "retry",
    "backoff",
    "bulkhead",
    "rateLimiter",
    "timeLimiter_s",
];

// ===== tools =====

/// The default of a setting.
fn default(guard: &str, knob: &str) -> Result<f64, String> {
    let entry = guard::find(guard).ok_or_else(|| format!("no guard {guard:?}"))?;
    let found: Option<&Knob> = entry.knobs.iter().find(|found| found.key == knob);
    found.map(|knob| knob.default).ok_or_else(|| format!("{guard:?} has no setting {knob:?}"))
}

fn backoff(key: &str, set: &[(&str, f64)]) -> Result<Box<dyn Backoff>, String> {
    match guard::find(key).map(|entry| entry.make) {
        Some(Make::Backoff(make)) => Ok(make(&knobs(key, set)?)),
        _ => Err(format!("{key:?} is no backoff")),
    }
}

// ===== circuit breakers =====

/// Which fields say what, and where that comes from.
type Facts<'a> = &'a [(&'a str, Json)];

/// Every field is among the facts, and is as the facts say.
fn facts(case: &Json, facts: Facts) -> Result<(), String> {
    known(case, &facts.iter().map(|(key, _)| *key).collect::<Vec<&str>>())?;
    for (key, got) in facts.iter().filter(|(key, _)| case.get(key).is_some()) {
        check(key, &case[*key], got.clone())?;
    }
    Ok(())
}

/// Ends `total` requests at 0, the first `bad` of them badly, and asks at `at_ms`.
fn still_closed(breaker: &str, total: u32, bad: u32, at_ms: f64) -> Result<bool, String> {
    let mut guard = make(breaker, &[])?;
    for n in 0..total {
        let took = Span::from_millis(1);
        let ended = match n < bad {
            true => Ended::badly(Time::ZERO, took),
            false => Ended::well(Time::ZERO, took),
        };
        guard.ended(&ended, &mut Rng::from_seed(1));
    }
    Ok(admit(&mut *guard, ms(at_ms), 1) == Verdict::Pass)
}

fn hystrix(case: &Json) -> Result<(), String> {
    let set = |knob| default("hystrix", knob);
    let (volume, percent) = (set("volume")?, set("percent")?);
    let trip = format!("total >= {volume} and errorPct >= {percent} (CLOSED->OPEN)");
    let half_open = "one request after sleepWindow (strict >); \
                     success closes and resets, failure re-opens";
    facts(
        case,
        &[
            ("window_ms", json!(set("window_ms")?)),
            ("buckets", json!(defaults::HYSTRIX_BUCKETS)),
            ("requestVolumeThreshold", json!(volume)),
            ("errorThresholdPercentage", json!(percent)),
            ("sleepWindow_ms", json!(set("sleep_ms")?)),
            ("timeout_ms", json!(set("timeout_ms")?)),
            ("semaphore", json!(default("bulkhead_hystrix", "most")?)),
            ("health_snapshot_ms", json!(set("snapshot_ms")?)),
            ("trip", json!(trip)),
            ("half_open", json!(half_open)),
        ],
    )?;
    // And it does what those two sentences say.
    let (volume, snapshot) = (volume as u32, set("snapshot_ms")?);
    let bad = (f64::from(volume) * percent / 100.0) as u32;
    let closed = |total, bad| still_closed("hystrix", total, bad, snapshot);
    let trips = !closed(volume, bad)? && closed(volume - 1, bad)? && closed(volume, bad - 1)?;
    let mut guard = make("hystrix", &[])?;
    let rng = &mut Rng::from_seed(1);
    let bad = |at: f64| Ended::badly(ms(at), Span::ZERO);
    (0..volume).for_each(|_| guard.ended(&bad(0.0), rng));
    let over = snapshot + set("sleep_ms")?;
    let ask = |guard: &mut Box<dyn Guard>, at| admit(&mut **guard, ms(at), 1) == Verdict::Pass;
    let strict = !ask(&mut guard, over) && ask(&mut guard, over + 1.0);
    let one = !ask(&mut guard, over + 1.0);
    guard.ended(&bad(over + 2.0), rng);
    let again = over + 2.0 + set("sleep_ms")?;
    let reopened = !ask(&mut guard, again) && ask(&mut guard, again + 1.0);
    guard.ended(&Ended::well(ms(again + 2.0), Span::ZERO), rng);
    let closed = guard.state(ms(again + 2.0)) == "closed, 0 % of 0 failed";
    match trips && strict && one && reopened && closed {
        true => Ok(()),
        false => Err(format!("{trips} {strict} {one} {reopened} {closed}")),
    }
}

fn resilience4j(case: &Json) -> Result<(), String> {
    let set = |knob| default("resilience4j", knob);
    let by = if set("by_time")? == 0.0 { "COUNT_BASED" } else { "TIME_BASED" };
    let trip = "rate >= threshold once >= minimumNumberOfCalls recorded";
    let random = |knob| default("randomized_backoff", knob);
    let limiter = |knob| default("atomic_limiter", knob);
    facts(
        case,
        &[
            ("failureRateThreshold", json!(set("failure_rate")?)),
            ("slowCallRateThreshold", json!(set("slow_rate")?)),
            ("slowCallDurationThreshold_s", json!(set("slow_s")?)),
            ("waitDurationInOpen_s", json!(set("open_s")?)),
            ("permittedInHalfOpen", json!(set("trials")?)),
            ("minimumNumberOfCalls", json!(set("minimum")?)),
            ("slidingWindowSize", json!(set("window")?)),
            ("slidingWindowType", json!(by)),
            ("trip", json!(trip)),
            (
                "retry",
                json!({ "maxAttempts": defaults::RESILIENCE4J_ATTEMPTS,
                        "wait_ms": default("fixed_backoff", "wait_ms")? }),
            ),
            (
                "backoff",
                json!({ "initial_ms": random("base_ms")?, "multiplier": random("multiplier")?,
                        "randomization": random("factor")? }),
            ),
            (
                "bulkhead",
                json!({ "maxConcurrent": default("bulkhead", "most")?,
                        "maxWait_s": defaults::RESILIENCE4J_BULKHEAD_WAIT.seconds() }),
            ),
            (
                "rateLimiter",
                json!({ "timeout_s": limiter("wait_ms")? / 1000.0,
                        "period_ns": limiter("period_ns")?, "limitForPeriod": limiter("limit")? }),
            ),
            ("timeLimiter_s", json!(defaults::RESILIENCE4J_TIME_LIMIT.seconds())),
        ],
    )?;
    let (minimum, percent) = (set("minimum")? as u32, set("failure_rate")?);
    let bad = (f64::from(minimum) * percent / 100.0) as u32;
    let closed = |total, bad| still_closed("resilience4j", total, bad, 1.0);
    match !closed(minimum, bad)? && closed(minimum - 1, bad)? && closed(minimum, bad - 1)? {
        true => Ok(()),
        false => Err("it does not open exactly there".to_owned()),
    }
}

// ===== retries =====

/// A setting of the case, or the library's default.
fn or_default(case: &Json, field: &str, guard: &str, knob: &str) -> Result<f64, String> {
    match case.get(field) {
        Some(_) => number(case, field),
        None => default(guard, knob),
    }
}

fn finagle(case: &Json) -> Result<(), String> {
    let inputs = ["ttl_s", "minRetriesPerSec", "percentCanRetry"];
    known(case, &[&inputs[..], FINAGLE].concat())?;
    let set = |field, knob| or_default(case, field, "finagle_budget", knob);
    let (ttl, min) = (set("ttl_s", "ttl_s")?, set("minRetriesPerSec", "min_per_s")?);
    let percent = set("percentCanRetry", "percent")?;
    let budget = FinagleBudget::new(ttl as u32, min as u32, percent);
    let (withdraw, reserve) = (budget.withdrawal(), budget.reserve());
    let balance = budget.retries_at(Time::ZERO);
    let expect = |key: &str, got: Json| match case.get(key) {
        Some(expected) => check(key, expected, got),
        None => Ok(()),
    };
    expect("deposit", json!(budget.deposit()))?;
    expect("withdraw", json!(withdraw))?;
    expect("balance", json!(balance))?;
    match case["reserve"].is_number() {
        true => expect("reserve", json!(reserve))?,
        false => {
            let sum = format!("{min}*{ttl}*{withdraw} = {reserve}");
            expect("reserve", json!(format!("{sum} => balance {balance} at start")))?;
        }
    }
    // What is in the catalogue with these settings does what these numbers say: so many retries
    // pass at once, and one more after each time that enough has been paid in.
    let known = [("ttl_s", ttl), ("min_per_s", min), ("percent", percent)];
    let mut guard = make("finagle_budget", &known)?;
    let ask = |guard: &mut dyn Guard| admit(guard, Time::ZERO, 1) == Verdict::Pass;
    let passed = (0..=balance).take_while(|_| ask(&mut *guard)).count() as i64;
    check("retries at once", &json!(balance), json!(passed))?;
    if budget.deposit() == 0 {
        return Ok(());
    }
    let mut paid = reserve - balance * withdraw;
    for _ in 0..100 {
        guard.began(Time::ZERO);
        paid += budget.deposit();
        check("a retry passes", &json!(paid >= withdraw), json!(ask(&mut *guard.clone())))?;
    }
    Ok(())
}

/// RetryBudget() without arguments, and the simulator's base and cap.
#[test]
fn defaults_are_the_libraries() {
    let set = |guard, knobs: &[&str]| -> Vec<f64> {
        let default = |knob: &&str| default(guard, knob).expect("it has that setting");
        knobs.iter().map(default).collect()
    };
    assert_eq!(set("finagle_budget", &["ttl_s", "min_per_s", "percent"]), [10.0, 10.0, 0.2]);
    for jitter in ["exponential_backoff", "full_jitter", "equal_jitter", "decorrelated_jitter"] {
        assert_eq!(set(jitter, &["base_ms", "cap_ms"]), [5.0, 2000.0], "{jitter}");
    }
}

/// The formulas as they are stated, each beside a check that ours is that formula.
fn aws_backoff(case: &Json) -> Result<(), String> {
    if case.get("botocore_standard").is_some() {
        return botocore(case);
    }
    let formulas = [
        ("expo(n)", json!("min(cap, base * 2^n)")),
        ("full", json!("U(0, expo(n))")),
        ("equal", json!("expo/2 + U(0, expo/2)")),
        ("decorrelated", json!("sleep = min(cap, U(base, 3*prev)), prev starts at base")),
    ];
    let mut case = case.clone();
    let simulator = case.as_object_mut().and_then(|case| case.remove("simulator"));
    facts(&case, &formulas)?;
    let simulator = simulator.unwrap_or(json!({}));
    // The network's delays belong to the simulator's world, not to a backoff.
    known(&simulator, &["base", "cap", "net_mean", "net_sd"])?;
    let set = [
        ("base_ms", or_default(&simulator, "base", "full_jitter", "base_ms")?),
        ("cap_ms", or_default(&simulator, "cap", "full_jitter", "cap_ms")?),
    ];
    let (base, cap) = (set[0].1 * 1e6, set[1].1 * 1e6);
    let mut power = 1.0;
    for n in 1..20 {
        power *= 2.0;
        let expo = f64::min(cap, base * power);
        let previous = Span::from_ns(expo as u64);
        let uniform = |low: f64, high: f64| low + (high - low) * Rng::from_seed(n).unit();
        let wanted = [
            ("no_backoff", 0.0),
            ("exponential_backoff", expo),
            ("full_jitter", uniform(0.0, expo)),
            ("equal_jitter", expo / 2.0 + uniform(0.0, expo / 2.0)),
            ("decorrelated_jitter", f64::min(cap, uniform(base, 3.0 * expo))),
        ];
        for (key, wanted) in wanted {
            let set = if key == "no_backoff" { &[][..] } else { &set[..] };
            let rng = &mut Rng::from_seed(n);
            let got = backoff(key, set)?.wait(n as u32, Some(previous), rng, &mut Why::off());
            if (got.ns() as f64 - wanted).abs() > 1.0 {
                return Err(format!("{key} after {n}: should be {wanted} ns, is {got:?}"));
            }
        }
        // Before the first wait, "prev" is the base.
        let rng = &mut Rng::from_seed(n);
        let first = backoff("decorrelated_jitter", &set)?.wait(1, None, rng, &mut Why::off());
        let wanted = f64::min(cap, uniform(base, 3.0 * base));
        if (first.ns() as f64 - wanted).abs() > 1.0 {
            return Err(format!("decorrelated at first: should be {wanted} ns, is {first:?}"));
        }
    }
    Ok(())
}

fn botocore(case: &Json) -> Result<(), String> {
    known(case, &["botocore_standard"])?;
    let cap = default("botocore_backoff", "cap_ms")? / 1000.0;
    let throttled = defaults::BOTOCORE_SCALE_THROTTLED.seconds();
    let (scale, dynamo) =
        (defaults::BOTOCORE_SCALE.seconds(), defaults::BOTOCORE_SCALE_DYNAMODB.seconds());
    check("the base", &json!(scale * 1000.0), json!(default("botocore_backoff", "base_ms")?))?;
    let delay = format!(
        "U(0,1) * min(scale * 2^i, {cap}), i from 0; \
         scale {throttled} s when throttled, {scale} s otherwise ({dynamo} DynamoDB)"
    );
    let quota = |knob| default("retry_quota", knob);
    let standard = json!({
        "max_attempts": defaults::BOTOCORE_ATTEMPTS,
        "delay_s": delay,
        "quota_initial": quota("quota")?,
        "retry_cost": quota("retry_cost")?,
        "timeout_retry_cost": quota("timeout_cost")?,
        "success_without_retry_refund": quota("refund")?,
    });
    check("botocore_standard", &case["botocore_standard"], standard)?;
    let mut power = scale;
    for i in 0..20 {
        let unit = Rng::from_seed(i).unit();
        let wanted = unit * f64::min(power, cap);
        let rng = &mut Rng::from_seed(i);
        let got = backoff("botocore_backoff", &[])?.wait(i as u32 + 1, None, rng, &mut Why::off());
        if (got.seconds() - wanted).abs() > 1e-8 {
            return Err(format!("wait {i} should be {wanted} s, is {got:?}"));
        }
        power *= 2.0;
    }
    Ok(())
}

// ===== adaptive concurrency =====

/// One of the three rules, made with a case's settings.
enum Rule {
    Vegas(Vegas),
    Gradient2(Gradient2),
    Aimd(Aimd),
}

impl Rule {
    /// Under the names that the library's builders have, or short ones.
    fn new(case: &Json) -> Result<Rule, String> {
        let (key, own): (&str, &[(&str, &str)]) = match text(case, "algo")? {
            "Vegas" => {
                ("vegas", &[("alpha", "alpha"), ("beta", "beta"), ("smoothing", "smoothing")])
            }
            "Gradient2" => ("gradient2", GRADIENT2),
            "AIMD" => ("aimd", &[("backoff_ratio", "ratio"), ("timeout_ms", "timeout_ms")]),
            other => return Err(format!("the algorithm {other:?} is not known")),
        };
        let least: &[(&str, &str)] =
            if key == "vegas" { &[] } else { &[("min", "least"), ("minLimit", "least")] };
        let names = [LIMITS, own, least].concat();
        let inputs = names.iter().map(|(theirs, _)| *theirs);
        let decrease = (key == "vegas").then_some("decrease");
        known(case, &inputs.chain(decrease).chain(SAMPLES.iter().copied()).collect::<Vec<_>>())?;
        let has = names.iter().filter(|(theirs, _)| case.get(theirs).is_some());
        let mut set = has
            .map(|(theirs, ours)| Ok((*ours, number(case, theirs)?)))
            .collect::<Result<Vec<(&str, f64)>, String>>()?;
        if let Some(decrease) = case.get("decrease") {
            let divisor = decrease.as_str().and_then(|words| words.strip_prefix("x/"));
            let divisor = divisor.and_then(|divisor| divisor.parse().ok());
            set.push(("divisor", divisor.ok_or_else(|| format!("{decrease} is not known"))?));
        }
        let knobs = knobs(key, &set)?;
        Ok(match key {
            "vegas" => Rule::Vegas(Vegas::new(&knobs)),
            "gradient2" => Rule::Gradient2(Gradient2::new(&knobs)),
            _ => Rule::Aimd(Aimd::new(&knobs)),
        })
    }

    fn limit(&self) -> u32 {
        match self {
            Rule::Vegas(rule) => rule.limit(),
            Rule::Gradient2(rule) => rule.limit(),
            Rule::Aimd(rule) => rule.limit(),
        }
    }

    fn sample(&mut self, rtt: Span, among: u32, dropped: bool, rng: &mut Rng) -> u32 {
        match self {
            Rule::Vegas(rule) => rule.sample(rtt, among, dropped, rng),
            Rule::Gradient2(rule) => rule.sample(rtt, among),
            Rule::Aimd(rule) => rule.sample(rtt, among, dropped),
        }
    }
}

const LIMITS: &[(&str, &str)] = &[
    ("initial", "initial"),
    ("initialLimit", "initial"),
    ("max", "most"),
    ("maxLimit", "most"),
    ("maxConcurrency", "most"),
];
const GRADIENT2: &[(&str, &str)] = &[
    ("smoothing", "smoothing"),
    ("queue", "queue"),
    ("queueSize", "queue"),
    ("long_window", "window"),
    ("longWindow", "window"),
    ("tolerance", "tolerance"),
    ("rttTolerance", "tolerance"),
];
/// What a rule is asked, and what it answers.
const SAMPLES: &[&str] =
    &["algo", "samples_rtt_ms_inflight", "drop", "success_inflight", "rtt_ms", "limits", "limit"];

/// A rule learns from a list of samples (time in ms, under way, dropped), or from the one that the
/// case describes; a case that has none is about the limit before any.
fn adaptive(case: &Json) -> Result<(), String> {
    let mut rule = Rule::new(case)?;
    let one = ["drop", "success_inflight", "rtt_ms"].iter().any(|key| case.get(key).is_some());
    let samples = match case.get("samples_rtt_ms_inflight") {
        Some(_) if one => return Err("it has a list of samples and one besides".to_owned()),
        Some(list) => list.as_array().cloned().ok_or("the samples are no list")?,
        None if one => {
            let or = |key: &str, otherwise: Json| case.get(key).cloned().unwrap_or(otherwise);
            let rtt = or("rtt_ms", json!(1.0));
            vec![json!([rtt, or("success_inflight", json!(0)), or("drop", json!(false))])]
        }
        None => Vec::new(),
    };
    let rng = &mut Rng::from_seed(1);
    let mut limits = Vec::new();
    for sample in &samples {
        let rtt = Span::from_millis_f64(sample[0].as_f64().ok_or("a time is no number")?);
        let dropped = sample.get(2).map_or(Some(false), Json::as_bool);
        let dropped = dropped.ok_or("dropped is true or false")?;
        limits.push(rule.sample(rtt, in_32_bits(&sample[1])?, dropped, rng));
    }
    if samples.is_empty() {
        limits.push(rule.limit());
    }
    if case.get("limit").is_none() && items(case, "limits").is_empty() {
        return Err("it expects nothing".to_owned());
    }
    if let Some(expected) = case.get("limits") {
        check("limits", expected, json!(limits))?;
    }
    case.get("limit").map_or(Ok(()), |expected| check("limit", expected, json!(rule.limit())))
}

/// Cases beside the published ones: the limit before any sample, which no bound touches yet, and
/// the third rule.
#[test]
fn rules_are_made_from_what_a_case_says() {
    for right in [
        json!({ "algo": "AIMD", "initial": 10, "limit": 10 }),
        json!({ "algo": "AIMD", "initial": 20, "success_inflight": 10, "limit": 21 }),
        json!({ "algo": "AIMD", "initialLimit": 10, "success_inflight": 1, "limit": 20 }),
        json!({ "algo": "Vegas", "alpha": 3, "beta": 6, "initial": 10, "max": 20, "limit": 10 }),
        json!({ "algo": "Vegas", "initialLimit": 10, "limits": [10] }),
        json!({ "algo": "Gradient2", "limit": 20 }),
        json!({ "algo": "Gradient2", "smoothing": 1, "limits": [24, 28],
                "samples_rtt_ms_inflight": [[10, 20], [10, 20]] }),
        json!({ "algo": "Gradient2", "min": 1, "smoothing": 1, "tolerance": 1, "queue": 0,
                "samples_rtt_ms_inflight": [[10, 20], [30, 20]], "limits": [20, 13], "limit": 13 }),
    ] {
        assert_eq!(adaptive(&right), Ok(()), "{right}");
    }
    for wrong in [
        json!({ "algo": "AIMD", "initial": 10, "limit": 20 }),
        json!({ "algo": "AIMD", "initial": 10 }),
        json!({ "algo": "Vegas", "min": 10, "limit": 20 }),
        json!({ "algo": "Gradient", "limit": 20 }),
    ] {
        assert!(adaptive(&wrong).is_err(), "{wrong}");
    }
    for right in [
        json!({ "ttl_s": 5, "minRetriesPerSec": 2, "percentCanRetry": 0.5, "withdraw": 2000,
                "reserve": "2*5*2000 = 20000 => balance 10 at start" }),
        json!({ "ttl_s": 1, "minRetriesPerSec": 0, "percentCanRetry": 0.1, "withdraw": 10000,
                "reserve": 0, "balance": 0 }),
        json!({ "minRetriesPerSec": 3, "percentCanRetry": 0, "deposit": 0, "withdraw": 1,
                "reserve": 30, "balance": 30 }),
    ] {
        assert_eq!(finagle(&right), Ok(()), "{right}");
    }
    let other = json!({ "expo(n)": "min(cap, base * 2^n)", "simulator": { "base": 7, "cap": 99 } });
    assert_eq!(aws_backoff(&other), Ok(()));
}
