//! What gateways show of their inside: the gates that a request passes, and the routes behind them.

use super::face::{Condition, Face, Inside};
use super::layout::ROWS_MAX;
use crate::node::gateway::{GATES, Gate};
use crate::node::{Gateway, GatewayConfig};
use crate::policy::gateway::Targets;
use crate::scenario::build::Run;
use crate::sim::Card;

/// Gates in a line.
const IN_A_LINE: usize = 5;

/// A gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateCell {
    /// Its name.
    pub name: &'static str,
    /// What it let through.
    pub passed: String,
    /// What it stopped, or sent another way, with a sign for which; nothing if that is nothing.
    pub stopped: String,
    /// The same in words.
    pub words: String,
    /// How far it is shut, from 0 to 1: the share that it stopped.
    pub shut: f64,
}

/// A route with its share.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteRow {
    /// Its name.
    pub name: String,
    /// Its share of the requests, from 0 to 1.
    pub share: f64,
    /// The number beside it.
    pub number: String,
    /// What went wrong there, or where its canary is: `12 misrouted`.
    pub note: String,
    /// Did something go to servers of other services?
    pub astray: bool,
}

/// How high the gates and the routes are together.
pub(super) fn height(config: &GatewayConfig) -> f64 {
    let on = GATES.iter().filter(|gate| gate.is_on(config)).count();
    let routes = config.table().all().len().clamp(1, ROWS_MAX);
    44.0 * on.div_ceil(IN_A_LINE) as f64 + 22.0 * routes as f64
}

fn cell(node: &Gateway, gate: Gate) -> GateCell {
    let count = node.gate(gate);
    let all = (count.passed + count.stopped).max(1) as f64;
    let word = match gate {
        Gate::Canary => "canary",
        Gate::Timeout | Gate::Deadline => "given up",
        Gate::Retry => "used up",
        Gate::Route | Gate::Auth | Gate::Limit | Gate::Room | Gate::Breaker => "stopped",
    };
    GateCell {
        name: gate.name(),
        passed: count.passed.to_string(),
        stopped: match (count.stopped, gate) {
            (0, _) => String::new(),
            (stopped, Gate::Canary) => format!("\u{2197} {stopped}"),
            (stopped, _) => format!("\u{2715} {stopped}"),
        },
        words: format!("{} {} passed, {} {word}", gate.name(), count.passed, count.stopped),
        shut: count.stopped as f64 / all,
    }
}

/// The first name in the table that nobody wired has.
fn unknown(node: &Gateway, run: &Run) -> Option<String> {
    let wired = |name: &str| {
        node.links().iter().any(|link| {
            let card = run.card(run.links()[usize::from(link.0)].to);
            *card.name == *name || *card.id == *name
        })
    };
    let named = node.door().routes().all().iter().flat_map(|route| {
        let stable = match &route.stable {
            Targets::All => &[][..],
            Targets::Named(names) => names,
        };
        stable.iter().chain(&route.canary)
    });
    named.into_iter().find(|name| !wired(name)).cloned()
}

/// The first instance that is wired and that no route names.
fn left_out(node: &Gateway, run: &Run) -> Option<String> {
    if node.config().shared {
        return None;
    }
    let cards = node.links().iter().map(|link| run.card(run.links()[usize::from(link.0)].to));
    let routes = node.door().routes().all();
    let named = |card: &Card| routes.iter().any(|route| route.serves(&card.name, &card.id));
    cards.into_iter().find(|card| !named(card)).map(|card| card.name.to_string())
}

/// What a gateway shows.
pub(super) fn face(node: &Gateway, run: &Run) -> Face {
    let now = run.now();
    let on = GATES.iter().filter(|gate| gate.is_on(node.config()));
    let gates: Vec<GateCell> = on.map(|gate| cell(node, *gate)).collect();
    let all: u64 = node.services().iter().map(|service| service.asked).sum();
    let routes = node.door().routes().all().iter().zip(node.services());
    let rows: Vec<RouteRow> = routes
        .take(ROWS_MAX)
        .map(|(route, count)| RouteRow {
            name: route.name(),
            share: count.asked as f64 / all.max(1) as f64,
            number: count.asked.to_string(),
            note: match (count.astray, count.canary) {
                (0, 0) => String::new(),
                (0, canary) => format!("{canary} to canary"),
                (astray, _) => format!("{astray} misrouted"),
            },
            astray: count.astray > 0,
        })
        .collect();
    let open = node.links().iter().filter_map(|link| {
        let state = node.breaker(*link)?.state(now);
        let card = run.card(run.links()[usize::from(link.0)].to);
        (!state.starts_with("closed")).then(|| format!("{} {state}", card.name))
    });
    let detail = match (open.into_iter().next(), unknown(node, run), left_out(node, run)) {
        (Some(open), ..) => format!("breaker: {open}"),
        (None, Some(name), _) => format!("{name} is in the routes and not wired"),
        (None, None, Some(name)) => format!("{name} is wired and in no route"),
        (None, None, None) if node.config().shared => "one balancer for all services".to_owned(),
        (None, None, None) => "one balancer per route".to_owned(),
    };
    let per_second = node.arrived().per_second(now);
    let gates_in_words = gates.iter().map(|gate| gate.words.clone());
    let rows_in_words =
        rows.iter().map(|row| format!("{}: {} requests {}", row.name, row.number, row.note));
    let words: Vec<String> = gates_in_words.chain(rows_in_words).collect();
    Face {
        condition: Condition::Fine,
        number: match per_second >= 9.95 {
            true => format!("{per_second:.0}/s"),
            false => format!("{per_second:.1}/s"),
        },
        detail,
        words: words.join("; "),
        inside: Inside::Gates(gates, rows),
    }
}

#[cfg(test)]
mod tests {
    use super::super::face::face;
    use super::*;
    use crate::scenario::build::build;
    use crate::scenario::gallery::Preset;
    use crate::sim::{Silent, Time};

    fn detail(routes: &str, shared: bool) -> (String, Vec<RouteRow>) {
        let mut scenario = Preset::find("course-gateway").expect("it is built in").scenario();
        let node = scenario.nodes.iter_mut().find(|node| node.id == "gwb").expect("it is there");
        node.kind.set("routes", crate::node::Value::Text(routes.into())).expect("a table");
        node.kind.set("shared", crate::node::Value::Switch(shared)).expect("a switch");
        let spec = node.clone();
        let mut run = build(&scenario);
        run.run_until(Time::from_ns(5_000_000_000), u64::MAX, &mut Silent);
        let shown = face(&scenario, &run, &spec).expect("it is in the run");
        match shown.inside {
            Inside::Gates(gates, rows) => {
                assert_eq!(gates.len(), 1, "no filter is on: only the routes are a gate");
                (shown.detail, rows)
            }
            other => panic!("a gateway shows its gates, not {other:?}"),
        }
    }

    #[test]
    fn it_says_who_is_missing_and_what_goes_astray() {
        let both = "users: b_users; orders: b_orders";
        assert_eq!(detail(both, false).0, "one balancer per route");
        assert_eq!(
            detail("users: b_users b_more", false).0,
            "b_more is in the routes and not wired"
        );
        assert_eq!(detail("users: b_users", false).0, "b_orders is wired and in no route");
        let (words, rows) = detail(both, true);
        assert_eq!(words, "one balancer for all services");
        assert!(rows.iter().all(|row| row.astray && row.note.ends_with(" misrouted")), "{rows:?}");
        assert!((rows[0].share + rows[1].share - 1.0).abs() < 1e-9);
    }
}
