//! Keys that move between databases: handed over with their version, taken in without a commit, and
//! held from the beginning when they came in a parcel.

mod common;

use std::sync::Arc;

use switchyard::node::database::Is;
use switchyard::node::{ClientsConfig, DatabaseConfig};
use switchyard::scenario::build::{Run, build};
use switchyard::sim::sink::Full;
use switchyard::sim::{Found, Key, LinkId, NodeId, Op, Outcome, Request, Stamp, Want};

use common::{at_ms, clients, database, link, scenario, the_database};

/// Quiet clients and a database of ten records with one replica.
fn world() -> (Run, Full) {
    let quiet = ClientsConfig { rate: 0.0, ..ClientsConfig::default() };
    let config = DatabaseConfig { records: 10, replicas: 1, ..DatabaseConfig::default() };
    let nodes = vec![clients("c", quiet), database("db", config)];
    (build(&scenario(1, nodes, vec![link("c", "db", 1.0)])), Full::default())
}

/// Asks for it and gives the answer, a second later.
fn ask(world: &mut (Run, Full), op: Op, key: u32, (found, stamp): (Found, Stamp)) -> Request {
    let (run, full) = world;
    run.with_node(NodeId(0), full, |_, cx| {
        let slot = cx.send_new(Want::one(op, Key::numbered(key)), 7);
        cx.found(slot, found, stamp);
        cx.forward(slot, LinkId(0));
    });
    let later = at_ms(run.now().ns() / 1_000_000 + 1_000);
    run.run_until(later, u64::MAX, full);
    let request = full.finished.last().expect("it has come back").1;
    assert_eq!(request.outcome, Outcome::Done);
    request
}

const UNASKED: (Found, Stamp) = (Found::Unasked, Stamp { commit: 0, by: 0 });

#[test]
fn a_key_is_handed_over_with_its_version_and_forgotten() {
    let mut world = world();
    let loaded = ask(&mut world, Op::MoveOut, 3, UNASKED);
    assert_eq!((loaded.found, loaded.stamp), (Found::Value, Stamp::default()));
    assert_eq!(ask(&mut world, Op::Read, 3, UNASKED).found, Found::Nothing);
    let wrote = ask(&mut world, Op::Write, 4, UNASKED).stamp;
    assert_eq!(wrote.commit, 1);
    let written = ask(&mut world, Op::MoveOut, 4, UNASKED);
    assert_eq!((written.found, written.stamp), (Found::Value, wrote));
    let again = ask(&mut world, Op::MoveOut, 4, UNASKED);
    assert_eq!((again.found, again.stamp), (Found::Value, wrote), "the first answer may be lost");
    assert_eq!(ask(&mut world, Op::Read, 4, UNASKED).found, Found::Nothing);
    let deleted = ask(&mut world, Op::Delete, 5, UNASKED).stamp;
    let gone = ask(&mut world, Op::MoveOut, 5, UNASKED);
    assert_eq!((gone.found, gone.stamp), (Found::Nothing, deleted));
    assert_eq!(world.0.truth().commits(), 2, "moving commits nothing");
    let db = the_database(&world.0, "db");
    for member in 0..2 {
        let is = db.cell(member, Key::numbered(4)).is;
        assert_eq!(is, Is::Moved(Found::Value), "replicas follow");
    }
}

#[test]
fn a_key_is_taken_in_with_the_version_that_comes_along() {
    let mut world = world();
    let stamp = Stamp { commit: 41, by: 9 };
    ask(&mut world, Op::MoveIn, 300, (Found::Value, stamp));
    let read = ask(&mut world, Op::Read, 300, UNASKED);
    assert_eq!((read.found, read.stamp), (Found::Value, stamp));
    ask(&mut world, Op::MoveIn, 301, (Found::Nothing, stamp));
    let read = ask(&mut world, Op::Read, 301, UNASKED);
    assert_eq!((read.found, read.stamp), (Found::Nothing, stamp));
    assert_eq!(world.0.truth().commits(), 0);
    assert_eq!(the_database(&world.0, "db").acknowledged(), 2);
}

#[test]
fn a_parcel_says_which_keys_are_there_from_the_start() {
    let mut world = world();
    let mut held = |key| ask(&mut world, Op::Read, key, UNASKED).found == Found::Value;
    assert!(held(9) && !held(10) && !held(70));
    let keys: Arc<[u64]> = Arc::from([1 << 3, 1 << 6]);
    world.0.with_node(NodeId(0), &mut world.1, |_, cx| cx.hand(LinkId(0), keys));
    let mut held = |key| ask(&mut world, Op::Read, key, UNASKED).found == Found::Value;
    assert!(held(3) && held(70) && !held(9) && !held(64) && !held(1_000));
}
