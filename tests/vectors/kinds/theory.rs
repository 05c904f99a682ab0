//! The kinds that concern theory: closed forms, phi, coordinated omission.

use serde_json::{Value as Json, json};
use switchyard::policy::phi::phi;
use switchyard::stats::{backfill, theory};

use super::guard::{check, in_32_bits, known, number};
use super::{Covered, items};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::field("coordinated_omission_backfill", omission, &["recorded"]),
    // Within the tolerance that the case states.
    Covered::field("phi_accrual_akka", phi_akka, &["phi"]).rough(),
    // The case is a set of tables, and a shorter table would be right as well.
    Covered::field(
        "queueing_closed_forms",
        closed_forms,
        &["mm1", "mmc", "erlang_b", "mg1", "mmck", "supermarket", "tandem"],
    )
    .rough(),
];

fn omission(case: &Json) -> Result<(), String> {
    known(case, &["value", "expected_interval", "recorded"])?;
    let whole = |key: &str| case[key].as_u64().ok_or_else(|| format!("needs {key:?}"));
    let got: Vec<u64> = backfill(whole("value")?, whole("expected_interval")?).collect();
    check("recorded", &case["recorded"], json!(got))
}

fn phi_akka(case: &Json) -> Result<(), String> {
    known(case, &["mean_ms", "stddev_ms", "tolerance", "phi"])?;
    let (mean, sd) = (number(case, "mean_ms")?, number(case, "stddev_ms")?);
    let tolerance = number(case, "tolerance")?;
    for (t, expected) in case["phi"].as_object().ok_or("needs a table")? {
        let t = t.parse().map_err(|_| format!("{t:?} is no number"))?;
        let (got, expected) = (phi(t, mean, sd), expected.as_f64().ok_or("phi is no number")?);
        if (got - expected).abs() > tolerance {
            return Err(format!("phi({t}) should be {expected}, is {got}"));
        }
    }
    Ok(())
}

/// The same in every digit that counts.
fn same(what: &str, row: &Json, key: &str, got: f64) -> Result<(), String> {
    let expected = number(row, key)?;
    match (expected - got).abs() <= 1e-12 * expected.abs() {
        true => Ok(()),
        false => Err(format!("{what}: {key} should be {expected}, is {got}: {row}")),
    }
}

fn all_same(what: &str, row: &Json, got: &[(&str, f64)]) -> Result<(), String> {
    got.iter().try_for_each(|(key, got)| same(what, row, key, *got))
}

/// Every field of a row is an input or an output.
fn fields(row: &Json, inputs: &[&str], outputs: &[(&str, f64)]) -> Result<(), String> {
    let outputs = outputs.iter().map(|(key, _)| *key);
    known(row, &inputs.iter().copied().chain(outputs).collect::<Vec<&str>>())
}

fn closed_forms(case: &Json) -> Result<(), String> {
    known(case, &["mm1", "mmc", "erlang_b", "mg1", "mmck", "supermarket", "tandem"])?;
    items(case, "mm1").iter().try_for_each(mm1)?;
    items(case, "mmc").iter().try_for_each(mmc)?;
    items(case, "erlang_b").iter().try_for_each(erlang_b)?;
    items(case, "mg1").iter().try_for_each(mg1)?;
    items(case, "mmck").iter().try_for_each(mmck)?;
    items(case, "supermarket").iter().try_for_each(supermarket)?;
    case.get("tandem").map_or(Ok(()), tandem)
}

fn mm1(row: &Json) -> Result<(), String> {
    let (rho, mu) = (number(row, "rho")?, number(row, "mu")?);
    let w = theory::mm1_response(rho) / mu;
    let wq = theory::mg1_wait(rho, 1.0) / mu;
    let quantile = |p| theory::mm1_quantile(rho, p) / mu;
    let outputs = [
        ("L", theory::little(rho * mu, w)),
        ("Lq", theory::little(rho * mu, wq)),
        ("W", w),
        ("Wq", wq),
        ("p0", theory::mm1_count(rho, 0)),
        ("W_p50", quantile(0.5)),
        ("W_p95", quantile(0.95)),
        ("W_p99", quantile(0.99)),
    ];
    fields(row, &["rho", "mu"], &outputs)?;
    all_same("mm1", row, &outputs)?;
    // The chance of waiting at all is the load, and the wait's tail has the mean wait as its area.
    let waits = theory::mm1_wait_tail(rho, 0.0);
    same("mm1", row, "rho", waits)?;
    same("mm1", row, "rho", theory::utilisation(rho * mu, 1.0 / mu))?;
    same("mm1", row, "Wq", waits / (1.0 - rho) / mu)
}

fn mmc(row: &Json) -> Result<(), String> {
    let (c, rho) = (in_32_bits(&row["c"])?, number(row, "rho")?);
    let a = rho * f64::from(c);
    let (w, wq) = (theory::mmc_response(c, rho), theory::mmc_wait(c, rho));
    let outputs = [
        ("a", a),
        ("erlang_b", theory::erlang_b(c, a)),
        ("erlang_c", theory::erlang_c(c, a)),
        ("Wq", wq),
        ("W", w),
        ("Lq", theory::little(a, wq)),
        ("L", theory::little(a, w)),
    ];
    fields(row, &["c", "rho"], &outputs)?;
    all_same("mmc", row, &outputs)?;
    // Who finds all servers busy waits; the number of customers has the published mean.
    same("mmc", row, "erlang_c", theory::mmc_wait_tail(c, rho, 0.0))?;
    let mean = |n: u32| f64::from(n) * theory::mmc_count(c, rho, n);
    same("mmc", row, "L", (0..c + 2000).map(mean).sum())
}

fn erlang_b(row: &Json) -> Result<(), String> {
    let outputs = [("B", theory::erlang_b(in_32_bits(&row["c"])?, number(row, "a")?))];
    fields(row, &["c", "a"], &outputs)?;
    all_same("erlang_b", row, &outputs)
}

fn mg1(row: &Json) -> Result<(), String> {
    let (rho, cs2) = (number(row, "rho")?, number(row, "cs2")?);
    let wq = theory::mg1_wait(rho, cs2);
    let outputs = [("Wq", wq), ("W", theory::mg1_response(rho, cs2))];
    fields(row, &["rho", "cs2", "name"], &outputs)?;
    all_same("mg1", row, &outputs)
}

fn mmck(row: &Json) -> Result<(), String> {
    let (c, room) = (in_32_bits(&row["c"])?, in_32_bits(&row["K"])?);
    let got = theory::finite(c, room, number(row, "lam")?, number(row, "mu")?);
    let outputs = [
        ("p_block", got.blocked),
        ("L", got.in_system),
        ("W", got.response),
        ("throughput", got.throughput),
        ("p0", got.empty),
    ];
    fields(row, &["c", "K", "lam", "mu"], &outputs)?;
    all_same("mmck", row, &outputs)
}

fn supermarket(row: &Json) -> Result<(), String> {
    let (rho, d) = (number(row, "lam")?, in_32_bits(&row["d"])?);
    known(row, &["lam", "d", "W", "s_1_to_5"])?;
    same("supermarket", row, "W", theory::jsq_response(rho, d))?;
    for (n, expected) in (1..).zip(items(row, "s_1_to_5")) {
        same("supermarket", &json!({ "s": expected }), "s", theory::jsq_tail(rho, d, n))?;
    }
    match items(row, "s_1_to_5").len() {
        5 => Ok(()),
        other => Err(format!("s_1_to_5 has {other} items")),
    }
}

fn tandem(row: &Json) -> Result<(), String> {
    known(row, &["lam", "mu", "W", "total"])?;
    let rates: Vec<f64> = items(row, "mu").iter().filter_map(Json::as_f64).collect();
    let got = theory::tandem(number(row, "lam")?, &rates);
    if items(row, "W").len() != got.len() {
        return Err(format!("there are {} servers", got.len()));
    }
    for (expected, got) in items(row, "W").iter().zip(&got) {
        same("tandem", &json!({ "W": expected }), "W", *got)?;
    }
    same("tandem", row, "total", got.iter().sum())
}
