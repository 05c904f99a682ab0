//! The kinds that concern circuit breakers, retries and adaptive limits: mostly defaults, and each
//! sentence beside a check that what is built does what it says.

use serde_json::{Value as Json, json};
use switchyard::policy::Knob;
use switchyard::policy::guard::{
    self, Aimd, Backoff, Ended, Guard, Make, Vegas, Verdict, defaults,
};
use switchyard::sim::{Rng, Span, Time, Why};

use super::guard::{admit, check, in_32_bits, knobs, known, make, ms, number};
use super::{Covered, is_true, items, text, whole};

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

const FINAGLE: &[&str] =
    &["ttl_s", "minRetriesPerSec", "percentCanRetry", "deposit", "withdraw", "reserve"];
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

fn finagle(case: &Json) -> Result<(), String> {
    let set = |knob| default("finagle_budget", knob);
    let (ttl, min, percent) = (set("ttl_s")?, set("min_per_s")?, set("percent")?);
    let withdraw = 1000.0 / percent;
    let reserve = min * ttl * withdraw;
    let balance = make("finagle_budget", &[])?.gauge(Time::ZERO).0;
    let words = format!("{min}*{ttl}*{withdraw} = {reserve} => balance {balance} at start");
    facts(
        case,
        &[
            ("ttl_s", json!(ttl)),
            ("minRetriesPerSec", json!(min)),
            ("percentCanRetry", json!(percent)),
            ("deposit", json!(1000)),
            ("withdraw", json!(withdraw)),
            ("reserve", json!(words)),
        ],
    )?;
    // Without a reserve a retry passes after just so many deposits.
    let mut guard = make("finagle_budget", &[("min_per_s", 0.0)])?;
    let mut deposits = 0.0;
    while deposits < 100.0 && admit(&mut *guard, Time::ZERO, 1) != Verdict::Pass {
        guard.began(Time::ZERO);
        deposits += 1.0;
    }
    check("deposits for one retry", &json!(withdraw / 1000.0), json!(deposits))
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
    let mut set = vec![("base_ms", 5.0), ("cap_ms", 2000.0)];
    if let Some(simulator) = simulator {
        // The network's delays belong to the simulator's world, not to a backoff.
        known(&simulator, &["base", "cap", "net_mean", "net_sd"])?;
        set =
            vec![("base_ms", number(&simulator, "base")?), ("cap_ms", number(&simulator, "cap")?)];
        for (key, value) in &set {
            check(key, &json!(value), json!(default("full_jitter", key)?))?;
        }
    }
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

fn adaptive(case: &Json) -> Result<(), String> {
    match text(case, "algo")? {
        "Vegas" => vegas(case),
        "AIMD" => aimd(case),
        other => Err(format!("the algorithm {other:?} is not known")),
    }
}

/// Those settings of a case that it has, under our names.
fn settings<'a>(case: &Json, names: &[(&str, &'a str)]) -> Result<Vec<(&'a str, f64)>, String> {
    let has = names.iter().filter(|(theirs, _)| case.get(theirs).is_some());
    has.map(|(theirs, ours)| Ok((*ours, number(case, theirs)?))).collect()
}

fn vegas(case: &Json) -> Result<(), String> {
    let names = [
        ("alpha", "alpha"),
        ("beta", "beta"),
        ("initial", "initial"),
        ("max", "most"),
        ("smoothing", "smoothing"),
    ];
    let others = ["algo", "decrease", "samples_rtt_ms_inflight", "limits"];
    let fields: Vec<&str> = names.iter().map(|(name, _)| *name).chain(others).collect();
    known(case, &fields)?;
    let mut set = settings(case, &names)?;
    if let Some(decrease) = case.get("decrease") {
        let divisor = decrease.as_str().and_then(|words| words.strip_prefix("x/"));
        let divisor = divisor.and_then(|divisor| divisor.parse().ok());
        set.push(("divisor", divisor.ok_or_else(|| format!("{decrease} is not known"))?));
    }
    let mut vegas = Vegas::new(&knobs("vegas", &set)?);
    let rng = &mut Rng::from_seed(1);
    let mut got = Vec::new();
    for sample in items(case, "samples_rtt_ms_inflight") {
        let rtt = Span::from_millis_f64(sample[0].as_f64().ok_or("a time is no number")?);
        let dropped = sample[2].as_bool().unwrap_or(false);
        got.push(json!(vegas.sample(rtt, in_32_bits(&sample[1])?, dropped, rng)));
    }
    check("limits", &case["limits"], json!(got))
}

fn aimd(case: &Json) -> Result<(), String> {
    let names = [
        ("initial", "initial"),
        ("max", "most"),
        ("min", "least"),
        ("backoff_ratio", "ratio"),
        ("timeout_ms", "timeout_ms"),
    ];
    let others = ["algo", "drop", "success_inflight", "rtt_ms", "limit"];
    let fields: Vec<&str> = names.iter().map(|(name, _)| *name).chain(others).collect();
    known(case, &fields)?;
    let mut aimd = Aimd::new(&knobs("aimd", &settings(case, &names)?)?);
    let rtt = Span::from_millis_f64(case["rtt_ms"].as_f64().unwrap_or(1.0));
    let dropped = is_true(case, "drop");
    let among = whole(case, "success_inflight", 0) as u32;
    check("limit", &case["limit"], json!(aimd.sample(rtt, among, dropped)))
}
