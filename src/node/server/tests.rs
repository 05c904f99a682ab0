//! A server between clients and stand-ins for a cache and for stores: who is asked, in which order,
//! and what becomes of the answer.

use super::super::aside::OnWrite;
use super::{Calls, Server, ServerConfig, Service};
use crate::sim::{
    Card, Context, Event, Found, Key, Link, LinkId, Node, NodeId, Op, Outcome, Place, Reason,
    Request, Rng, Signal, Silent, Sink, Span, Stamp, Time, Want, What, World,
};

/// What a stand-in answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    /// This version.
    Has(u32),
    /// That it is not there; for a cache, that it was not asked to fetch.
    Nothing,
    /// That it failed.
    Fails,
}

/// Something behind the server: it answers at once, or after a while, and notes what it was asked.
#[derive(Clone, Debug)]
struct Other {
    says: Says,
    after: Span,
    asked: Vec<(Op, Found, u32)>,
}

#[derive(Clone, Debug)]
enum Stand {
    /// Sends one request when told to, and notes what came back.
    Client {
        want: Op,
        got: Vec<Request>,
    },
    Server(Box<Server>),
    Other(Other),
}

impl Node for Stand {
    fn start<S: Sink + ?Sized>(&mut self, _: &mut Context<'_, S>) {}

    fn on_event<S: Sink + ?Sized>(&mut self, event: Event, cx: &mut Context<'_, S>) {
        match self {
            Stand::Server(server) => server.on_event(event, cx),
            Stand::Client { got, .. } => {
                got.extend(cx.request(event.arg).copied());
                cx.finish(event.arg);
            }
            Stand::Other(other) => match event.what {
                What::Arrive => {
                    let request = cx.request(event.arg).expect("it has arrived");
                    other.asked.push((request.op, request.found, request.stamp.commit));
                    cx.serve(event.arg, other.after);
                    cx.wake_in(other.after, 0, event.arg);
                }
                _ => match other.says {
                    Says::Fails => cx.fail(event.arg, Reason::WriteRefused),
                    says => {
                        let op = cx.request(event.arg).expect("it is here").op;
                        let stamp = |commit| Stamp { commit, by: 1 };
                        match (op, says) {
                            (Op::Fill | Op::Invalidate, _) => {}
                            (_, Says::Has(n)) => cx.found(event.arg, Found::Value, stamp(n)),
                            _ => cx.found(event.arg, Found::Nothing, Stamp::default()),
                        }
                        cx.reply(event.arg, Outcome::Done);
                    }
                },
            },
        }
    }

    fn on_signal<S: Sink + ?Sized>(&mut self, signal: Signal, cx: &mut Context<'_, S>) {
        match self {
            Stand::Server(server) => server.on_signal(signal, cx),
            Stand::Client { want, .. } if signal == Signal::Restart => {
                let slot = cx.send_new(Want::one(*want, Key::numbered(7)), 1);
                cx.forward(slot, LinkId(0));
            }
            Stand::Client { .. } | Stand::Other(_) => {}
        }
    }
}

/// What came of one request.
struct Came {
    answer: Request,
    /// What each of those behind the server was asked.
    asked: Vec<Vec<(Op, Found, u32)>>,
    server: Server,
    took: Span,
}

/// One request through a server of 1 ms to these, the first of which looks aside if `aside`.
fn one(op: Op, config: ServerConfig, aside: bool, others: &[(Says, u64)]) -> Came {
    let mut world = World::default();
    let client = world.add_node(
        Stand::Client { want: op, got: Vec::new() },
        Card::new("c", "c"),
        &mut Silent,
    );
    let config = ServerConfig { service_ms: 1.0, service: Service::Constant, ..config };
    let server = Stand::Server(Box::new(Server::new("s", 1, config)));
    let server = world.add_node(server, Card::new("s", "s"), &mut Silent);
    let link = |from, to| Link::new(from, to, Span::ZERO, 0.0, Rng::from_seed(1));
    world.add_link(link(client, server), &mut Silent);
    let mut behind = Vec::new();
    for (place, &(says, ms)) in others.iter().enumerate() {
        let name = format!("o{place}");
        let card = Card { looks_aside: aside && place == 0, ..Card::new(&name, &name) };
        let other = Other { says, after: Span::from_millis(ms), asked: Vec::new() };
        let other = world.add_node(Stand::Other(other), card, &mut Silent);
        world.add_link(link(server, other), &mut Silent);
        behind.push(other);
    }
    world.with_node(client, &mut Silent, |node, cx| node.on_signal(Signal::Restart, cx));
    let mut took = Span::ZERO;
    while let Some((at, _)) = world.step(Time::MAX, &mut Silent) {
        if took == Span::ZERO && !answers(&world, client).is_empty() {
            took = at.since(Time::ZERO);
        }
        assert!(world.conserved());
    }
    assert!(world.requests().is_empty());
    let asked = behind.into_iter().map(|id| match &world.nodes()[usize::from(id.0)] {
        Stand::Other(other) => other.asked.clone(),
        _ => unreachable!("only others are behind it"),
    });
    let Stand::Server(running) = &world.nodes()[usize::from(server.0)] else {
        unreachable!("it is the server")
    };
    assert_eq!((running.here, running.tasks.len(), running.calls.len()), (0, 0, 0));
    assert_eq!([running.busy.value(), running.held.value(), running.asking.value()], [0; 3]);
    let [answer] = answers(&world, client) else { panic!("one answer, not none or more") };
    Came { answer: *answer, asked: asked.collect(), server: (**running).clone(), took }
}

fn answers(world: &World<Stand>, client: NodeId) -> &[Request] {
    match &world.nodes()[usize::from(client.0)] {
        Stand::Client { got, .. } => got,
        _ => unreachable!("it is the client"),
    }
}

fn ops(asked: &[(Op, Found, u32)]) -> Vec<Op> {
    asked.iter().map(|(op, ..)| *op).collect()
}

#[test]
fn in_turn_times_add_up_and_at_once_the_slowest_counts() {
    for (calls, ms) in [(Calls::InTurn, 1 + 5 + 3 + 9), (Calls::AtOnce, 1 + 9)] {
        for hold in [true, false] {
            let config = ServerConfig { calls, hold, ..Default::default() };
            let three = [(Says::Has(1), 5), (Says::Has(4), 3), (Says::Has(2), 9)];
            let came = one(Op::Read, config, false, &three);
            assert_eq!((came.answer.outcome, came.answer.op), (Outcome::Done, Op::Read));
            assert_eq!(came.took, Span::from_millis(ms), "{calls:?}");
            assert!(came.asked.iter().all(|asked| ops(asked) == [Op::Read]));
            // In turn the last has the word, at once the newest version.
            let newest = if calls == Calls::InTurn { 2 } else { 4 };
            assert_eq!((came.answer.found, came.answer.stamp.commit), (Found::Value, newest));
            let held = came.server.held.area(Time::from_ns(1 << 30));
            assert_eq!(held > 0, hold);
        }
    }
}

#[test]
fn the_first_failure_is_the_answer() {
    let three = [(Says::Has(1), 5), (Says::Fails, 3), (Says::Has(2), 9)];
    for (calls, ms, third) in [(Calls::InTurn, 9, 0), (Calls::AtOnce, 4, 1)] {
        let config = ServerConfig { calls, ..Default::default() };
        let came = one(Op::Write, config, false, &three);
        let culprit = Place::At(NodeId(3));
        assert_eq!(came.answer.outcome, Outcome::Failed(Reason::WriteRefused, culprit));
        assert_eq!((came.took, came.asked[2].len()), (Span::from_millis(ms), third));
        assert_eq!((came.server.failed_behind(), came.server.served().total()), (1, 0));
    }
}

#[test]
fn a_hit_asks_no_store_and_a_miss_fills() {
    let read =
        |cache, store| one(Op::Read, ServerConfig::default(), true, &[(cache, 1), (store, 10)]);
    let hit = read(Says::Has(5), Says::Has(9));
    assert_eq!((ops(&hit.asked[0]), hit.asked[1].len()), (vec![Op::Read], 0));
    assert_eq!((hit.answer.found, hit.answer.stamp.commit), (Found::Value, 5));
    // An error of the cache counts as a miss, and what comes of the filling is ignored.
    for cache in [Says::Nothing, Says::Fails] {
        let miss = read(cache, Says::Has(9));
        assert_eq!(miss.asked[0][0].0, Op::Read);
        assert_eq!(miss.asked[0][1], (Op::Fill, Found::Value, 9));
        assert_eq!(ops(&miss.asked[1]), [Op::Read]);
        assert_eq!((miss.answer.outcome, miss.answer.op), (Outcome::Done, Op::Read));
        assert_eq!((miss.answer.found, miss.answer.stamp.commit), (Found::Value, 9));
    }
    let failed = read(Says::Nothing, Says::Fails);
    assert_eq!(ops(&failed.asked[0]), [Op::Read]);
    assert!(matches!(failed.answer.outcome, Outcome::Failed(Reason::WriteRefused, _)));
}

#[test]
fn a_write_goes_to_the_store_and_then_to_the_cache_as_it_is_set() {
    let rows = [
        (Op::Write, OnWrite::Update, vec![(Op::Fill, Found::Value, 9)]),
        (Op::Write, OnWrite::Invalidate, vec![(Op::Invalidate, Found::Value, 9)]),
        (Op::Write, OnWrite::Leave, vec![]),
        (Op::Delete, OnWrite::Update, vec![(Op::Invalidate, Found::Value, 9)]),
    ];
    for calls in [Calls::InTurn, Calls::AtOnce] {
        for (op, on_write, told) in &rows {
            let config = ServerConfig { on_write: *on_write, calls, ..Default::default() };
            let write = |cache, store| one(*op, config.clone(), true, &[(cache, 1), (store, 10)]);
            let came = write(Says::Nothing, Says::Has(9));
            assert_eq!((&came.asked[0], ops(&came.asked[1])), (told, vec![*op]));
            assert_eq!((came.answer.outcome, came.answer.op), (Outcome::Done, *op));
            assert_eq!(came.answer.stamp.commit, 9);
            // The store has it, and yet the caller hears of the cache's error.
            let torn = write(Says::Fails, Says::Has(9));
            assert_eq!(ops(&torn.asked[1]), [*op]);
            assert_eq!(torn.answer.outcome == Outcome::Done, told.is_empty());
            let stopped = write(Says::Nothing, Says::Fails);
            assert!(stopped.asked[0].is_empty() && stopped.answer.outcome != Outcome::Done);
        }
    }
}

#[test]
fn with_a_cache_and_no_store_what_it_works_out_is_kept() {
    let came = one(Op::Read, ServerConfig::default(), true, &[(Says::Nothing, 1)]);
    let fills: Vec<_> = came.asked[0].iter().filter(|(op, ..)| *op == Op::Fill).collect();
    assert_eq!((fills.len(), came.answer.outcome), (1, Outcome::Done));
}
