//! Sessions, and everything that can be seen of their runs.

use switchyard::node::Value;
use switchyard::scenario::{FaultKind, Scenario};
use switchyard::session::{Command, Report, Session};
use switchyard::sim::{Op, Place, Rng, Span, Tally, Time};

use super::{fault, link, presets, send, steady, trio};

pub(crate) const NO_LIMIT: u64 = u64::MAX;

/// Everything that can be seen of a run at one instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) now: Time,
    pub(crate) tally: Tally,
    pub(crate) next: Option<Time>,
    pub(crate) in_flight: Vec<(u64, Place, Time)>,
    pub(crate) report: Report,
}

pub(crate) fn state(session: &Session) -> State {
    let run = session.run();
    let in_flight = run.requests().iter().map(|(_, r)| (r.id, r.place, r.since));
    State {
        now: run.now(),
        tally: *run.tally(),
        next: run.next_event(),
        in_flight: in_flight.collect(),
        report: session.report(),
    }
}

/// What was measured, as text: every count, percentile, ended request and failure.
pub(crate) fn measured(session: &Session) -> String {
    format!("{:?}", session.series())
}

pub(crate) fn open(scenario: &Scenario) -> Session {
    Session::new(scenario.clone()).expect("the scenario is valid")
}

pub(crate) fn advance_ms(session: &mut Session, ms: u64) {
    let advanced = session.advance(Span::from_millis(ms), NO_LIMIT);
    assert!(advanced.reached, "{advanced:?}");
}

/// A scenario with everything in it: loss, a crash, a restart, single requests, a full queue.
pub(crate) fn eventful() -> Scenario {
    let mut eventful = trio(3, 90.0);
    eventful.links[2].loss = 0.1;
    eventful.faults =
        vec![fault(1_500, "s1", FaultKind::Crash), fault(2_500, "s1", FaultKind::Restart)];
    eventful.sends = vec![send(1_000, "c", "user:a"), send(1_000, "c", "user:b")];
    eventful
}

pub(crate) fn all() -> impl Iterator<Item = (&'static str, Scenario)> {
    presets().chain([("eventful", eventful())])
}

/// Goes on for `seconds` in odd steps and gives the states met on the way.
pub(crate) fn wander(
    session: &mut Session,
    seconds: u64,
    rng: &mut Rng,
    edits: bool,
) -> Vec<State> {
    let end = session.run().now() + Span::from_millis(seconds * 1_000);
    let mut met = Vec::new();
    let mut turn = 0;
    while session.run().now() < end {
        let span = Span::from_ns(u64::from(rng.below(333_333_333)) + 1);
        while !session
            .advance(span.min(end.since(session.run().now())), 1 + u64::from(rng.below(997)))
            .reached
            && rng.below(4) > 0
        {}
        turn += 1;
        if edits && turn % 5 == 0 {
            live_edit(session, turn / 5);
        }
        met.push(state(session));
    }
    met
}

pub(crate) fn live_edit(session: &mut Session, turn: u32) {
    let nodes = session.scenario().nodes.len();
    let links = session.scenario().links.len();
    let done = match turn % 7 {
        0 => session.apply(set("s3", "cores", Value::Number(f64::from(turn % 4 + 1))), 0),
        1 => session.kill("s2"),
        2 => session.revive("s2"),
        3 => session.apply(Command::RemoveNode("s1".into()), 0),
        4 => session.undo().map(|_| ()),
        5 => session.apply(
            Command::All(vec![
                Command::AddNode(nodes, steady(&format!("x{turn}"), 25.0)),
                Command::AddLink(links, link("lb", &format!("x{turn}"), 3.0)),
            ]),
            0,
        ),
        _ => session.send_one("c", &format!("by hand {turn}"), Op::Read),
    };
    done.unwrap_or_else(|refusal| panic!("edit {turn}: {refusal}"));
}

pub(crate) fn set(node: &str, key: &str, value: Value) -> Command {
    Command::Set(node.into(), key.into(), value)
}
