//! Scenarios and edits from a few bytes each, so that proptest can shrink what fails. Absurd ones
//! are made on purpose; `random_command` also makes such as must be refused.

use proptest::prelude::*;
use switchyard::node::{CATALOGUE, Kind, Range, Spec, Value};
use switchyard::scenario::{
    Annotation, AnnotationKind, Fault, FaultKind, LinkSpec, NodeSpec, Scenario, SendOne, Target,
    connectable,
};
use switchyard::session::Command;
use switchyard::sim::{Op, Span, Time};

/// What one thing is made from.
pub(crate) type Genes = [u8; 8];

/// An allowed value: at a limit as often as not.
pub(crate) fn value(spec: &Spec, gene: u8) -> Value {
    match spec.range {
        Range::Number { min, max, handy, step, whole } => {
            let n = match gene % 8 {
                0 => min,
                1 => max,
                2 if !whole => min + 1e-9,
                3 => min + step,
                _ => min + (handy - min) * f64::from(gene) / 255.0,
            };
            Value::Number(if whole { n.round() } else { n })
        }
        Range::Choice(all) => {
            let all = all();
            Value::Choice(all[usize::from(gene) % all.len()].key.to_owned())
        }
        Range::Switch => Value::Switch(!gene.is_multiple_of(4)),
        Range::Text { example, .. } => Value::Text(example.to_owned()),
    }
}

/// A value that must be refused, whatever the parameter.
fn bad_value(spec: &Spec, gene: u8) -> Value {
    match (spec.range, gene % 4) {
        (Range::Number { min, .. }, 0) => Value::Number(min - 1.0),
        (Range::Number { max, .. }, 1) => Value::Number(max * 2.0),
        (Range::Number { .. }, 2) => Value::Number(f64::NAN),
        (Range::Number { .. }, _) => Value::Switch(true),
        (Range::Choice(_), _) => Value::Choice("no such thing".to_owned()),
        (Range::Switch, _) => Value::Number(f64::INFINITY),
        (Range::Text { most, .. }, 0) => Value::Text("1".repeat(most + 1)),
        (Range::Text { .. }, _) => Value::Text("\u{202e}no form".to_owned()),
    }
}

pub(crate) fn node(id: String, genes: Genes) -> NodeSpec {
    let entry = &CATALOGUE[usize::from(genes[0]) % CATALOGUE.len()];
    let mut kind = (entry.make)();
    // One at a time, because a choice may bring others with it.
    let mut place = 0;
    while let Some(spec) = kind.specs().get(place) {
        let gene = genes[1 + place % 7];
        // Half of the parameters stay as they are.
        if gene % 2 == 1 {
            kind.set(spec.key, value(spec, gene / 2)).expect("an allowed value");
        }
        place += 1;
    }
    let (x, y) = (i32::from(genes[6]) * 16, i32::from(genes[7]) * -16);
    NodeSpec { label: id.clone(), id, x, y, kind }
}

fn latency(gene: u8) -> f64 {
    match gene % 8 {
        0..=2 => 0.0,
        3 => 60_000.0,
        4 => 1e-6,
        _ => f64::from(gene) / 3.0,
    }
}

fn loss(gene: u8) -> f64 {
    [0.0, 0.0, 0.0, 0.1, 0.5, 1.0][usize::from(gene) % 6]
}

fn time(gene: u8) -> Time {
    Time::ZERO + Span::from_millis(u64::from(gene) * 10)
}

/// A valid scenario; links that may not be drawn are left out.
pub(crate) fn scenario(seed: u8, nodes: &[Genes], links: &[Genes], plan: &[Genes]) -> Scenario {
    let mut made = Scenario { seed: u64::from(seed), ..Scenario::default() };
    for (number, genes) in nodes.iter().enumerate() {
        made.nodes.push(node(format!("n{number}"), *genes));
    }
    for genes in links {
        let link = link(&made, *genes);
        if connectable(&made, &link.from, &link.to).is_ok() {
            made.links.push(link);
        }
    }
    for genes in plan {
        let (fault, send) = (fault(&made, *genes), send(&made, *genes));
        let is_clients = made.node(&send.from).is_some_and(|n| n.kind.entry().key == "clients");
        match (made.nodes.is_empty(), is_clients && genes[0] % 2 == 0) {
            (true, _) => {}
            _ if genes[7] % 4 == 0 => {
                let id = made.fresh_id("a");
                made.annotations.push(annotation(id, *genes));
                // Not every text and size is allowed.
                if made.check().is_err() {
                    made.annotations.pop();
                }
            }
            (_, true) => made.sends.push(send),
            (_, false) => {
                made.faults.push(fault);
                // Not everything can happen to everybody.
                if made.check().is_err() {
                    made.faults.pop();
                }
            }
        }
    }
    made.check().expect("what is made here is valid");
    made
}

fn id(scenario: &Scenario, gene: u8) -> String {
    match scenario.nodes.len() {
        0 => "nobody".to_owned(),
        n => scenario.nodes[usize::from(gene) % n].id.clone(),
    }
}

fn link(scenario: &Scenario, genes: Genes) -> LinkSpec {
    LinkSpec {
        from: id(scenario, genes[1]),
        to: id(scenario, genes[2]),
        latency_ms: latency(genes[3]),
        loss: loss(genes[4]),
    }
}

fn fault(scenario: &Scenario, genes: Genes) -> Fault {
    let kind = FaultKind::ALL[usize::from(genes[3]) % FaultKind::ALL.len()];
    let kind =
        if genes[5].is_multiple_of(2) { kind } else { kind.with(u16::from(genes[5] % 4 + 2)) };
    let wire = scenario.links.get(usize::from(genes[1]) % scenario.links.len().max(1));
    let on = match wire.filter(|_| kind.happens_to().1 && !genes[4].is_multiple_of(8)) {
        Some(link) => Target::wire(&link.from, &link.to),
        None => Target::Node(id(scenario, genes[1])),
    };
    Fault { at: time(genes[2]), on, kind }
}

fn annotation(id: String, genes: Genes) -> Annotation {
    let what = AnnotationKind::ALL[usize::from(genes[1]) % 2];
    let edge = |gene: u8| i32::from(gene) * 5 + 40;
    Annotation {
        id,
        what,
        text: text(genes[2], what.text_max()),
        x: i32::from(genes[3]) * -16,
        y: i32::from(genes[4]) * 16,
        width: edge(genes[5]),
        height: edge(genes[6]),
    }
}

fn send(scenario: &Scenario, genes: Genes) -> SendOne {
    let key = format!("key {}", genes[3] % 4);
    let op = [Op::Read, Op::Read, Op::Write, Op::Delete][usize::from(genes[4]) % 4];
    SendOne { at: time(genes[2]), from: id(scenario, genes[1]), key, op }
}

/// An edit that may or may not be allowed.
pub(crate) fn random_command(scenario: &Scenario, genes: Genes) -> Command {
    let [kind, a, b, c, d, ..] = genes;
    // Now and then just beyond the end of the list.
    let place = |length: usize| usize::from(a) % (length + 2);
    let ends = || match scenario.links.len() {
        0 => ("a".to_owned(), "b".to_owned()),
        n => {
            let link = &scenario.links[usize::from(a) % n];
            (link.from.clone(), link.to.clone())
        }
    };
    let drawn = || match scenario.annotations.len() {
        0 => id(scenario, a),
        n => scenario.annotations[usize::from(a) % n].id.clone(),
    };
    match kind % 24 {
        0 | 1 => {
            let fresh = if b % 8 == 0 { id(scenario, b) } else { scenario.fresh_id("x") };
            Command::AddNode(place(scenario.nodes.len()), node(fresh, [c, a, b, c, d, a, b, c]))
        }
        2 => Command::RemoveNode(id(scenario, a)),
        3..=6 => {
            Command::AddLink(place(scenario.links.len()), link(scenario, [0, b, c, d, a, 0, 0, 0]))
        }
        7 => Command::RemoveLink(ends().0, ends().1),
        8 => Command::Move(vec![
            (id(scenario, a), i32::from(b) * 16, i32::from(c)),
            (drawn(), i32::from(c) * 8, i32::from(b)),
            (id(scenario, b), if d % 8 == 0 { i32::MIN } else { 5 }, 7),
        ]),
        9..=11 => set(scenario, genes),
        12 => Command::Rename(id(scenario, a), text(b, 80)),
        13 => {
            let wild = [f64::NAN, -1.0, 1e9, f64::INFINITY];
            let slow = if c % 4 == 0 { wild[usize::from(d) % 4] } else { latency(c) };
            Command::SetLink(ends().0, ends().1, slow, loss(b))
        }
        14 => Command::SetTitle(text(a, 120)),
        15 => Command::SetNote(text(a, 4_000)),
        16 if a % 4 == 0 => Command::SetSeed(u64::from(b) << (c % 64)),
        16 => Command::SetSpeed(f64::from(a) / 100.0),
        17 if a % 2 == 0 => Command::RemoveFault(place(scenario.faults.len())),
        17 if a % 4 == 1 => Command::SetFault(place(scenario.faults.len()), fault(scenario, genes)),
        17 => Command::AddFault(place(scenario.faults.len()), fault(scenario, genes)),
        18 if a % 2 == 0 => Command::RemoveSend(place(scenario.sends.len())),
        18 => Command::AddSend(place(scenario.sends.len()), send(scenario, genes)),
        19 => {
            let id = if b % 8 == 0 { id(scenario, b) } else { scenario.fresh_id("note") };
            let place = place(scenario.annotations.len());
            Command::AddAnnotation(place, annotation(id, genes))
        }
        20 => Command::SetAnnotation(annotation(drawn(), genes)),
        21 => Command::RemoveAnnotation(drawn()),
        22 => {
            let nodes: Vec<Genes> = (0..a % 5).map(|n| [n, b, c, d, a, n, c, b]).collect();
            Command::Replace(Box::new(self::scenario(d % 2, &nodes, &[genes], &[])))
        }
        _ => Command::All(vec![
            random_command(scenario, [b % 22, c, d, a, b, c, d, a]),
            random_command(scenario, [c % 22, d, a, b, c, d, a, b]),
        ]),
    }
}

fn set(scenario: &Scenario, [_, a, b, c, d, ..]: Genes) -> Command {
    let node = id(scenario, a);
    let specs = scenario.node(&node).map(|node| node.kind.specs()).unwrap_or_default();
    match specs.get(usize::from(b) % (specs.len() + 1)) {
        Some(spec) if d % 4 == 0 => Command::Set(node, spec.key.into(), bad_value(spec, c)),
        Some(spec) => Command::Set(node, spec.key.into(), value(spec, c)),
        None => Command::Set(node, "no_such_parameter".into(), Value::Number(1.0)),
    }
}

/// A text; now and then too long, or with a mark in it that must not be.
fn text(gene: u8, most: usize) -> String {
    match gene % 8 {
        0 => "x".repeat(most + 1),
        1 => "\u{202e}backwards".to_owned(),
        2 => "a\u{0}b".to_owned(),
        3 => "é".repeat(most),
        _ => format!("text {gene}"),
    }
}

pub(crate) fn some_text(most: usize) -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        8 => prop::char::range(' ', '~'),
        1 => prop::char::range('\u{a0}', '\u{2fff}'),
        1 => prop::char::range('\u{1f300}', '\u{1f6ff}'),
    ];
    let keep = |letters: Vec<char>| -> String {
        let is_ordering = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        letters.into_iter().filter(|c| !is_ordering(c) && !c.is_control()).collect()
    };
    prop::collection::vec(letter, 0..=most).prop_map(keep)
}

/// Any valid scenario: numbers with all their digits, texts in any script.
pub(crate) fn some_scenario() -> impl Strategy<Value = Scenario> {
    let genes = |most: usize| prop::collection::vec(any::<Genes>(), 0..most);
    let bones = (any::<u8>(), genes(12), genes(40), genes(8));
    let texts = (some_text(120), some_text(300), prop::collection::vec(some_text(80), 12));
    let numbers = (0..1u64 << 53, 0.001f64..1_000.0, prop::collection::vec(0.0f64..1.0, 64));
    (bones, texts, numbers).prop_map(|((seed, nodes, links, plan), texts, numbers)| {
        let mut made = scenario(seed, &nodes, &links, &plan);
        (made.title, made.note) = (texts.0, texts.1);
        (made.seed, made.speed) = (numbers.0, numbers.1);
        for (node, label) in made.nodes.iter_mut().zip(texts.2) {
            node.label = label;
        }
        for (number, broken) in numbers.2.into_iter().enumerate() {
            set_a_number(&mut made, number, broken);
        }
        made.check().expect("still valid");
        made
    })
}

/// Puts a number with many digits somewhere.
fn set_a_number(made: &mut Scenario, number: usize, broken: f64) {
    if let Some(link) = made.links.get_mut(number) {
        (link.latency_ms, link.loss) = (broken * 60_000.0, broken);
    }
    match made.nodes.get_mut(number).map(|node| &mut node.kind) {
        Some(Kind::Clients(config)) => config.rate = broken * 1e6,
        Some(Kind::Server(config)) => config.service_ms = 0.001 + broken,
        _ => {}
    }
    if let Some(send) = made.sends.get_mut(number) {
        send.at = Time::from_ns((broken * 1e15) as u64);
    }
}

/// Changes some bytes, as a slip or a stranger would.
pub(crate) fn mutated(mut body: Vec<u8>, changes: Vec<(usize, u8, u8)>) -> Vec<u8> {
    for (place, byte, how) in changes {
        let place = place % (body.len() + 1);
        match how % 4 {
            0 if place < body.len() => body[place] = byte,
            1 if place < body.len() => body[place] ^= 1 << (byte % 8),
            2 if place < body.len() => drop(body.remove(place)),
            _ => body.insert(place, byte),
        }
    }
    body
}

pub(crate) fn some_changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    prop::collection::vec(any::<(usize, u8, u8)>(), 1..6)
}
