//! Tidying up any system that can be drawn: nothing lies on anything, wires lead to the right, and
//! what is tidy stays as it is.

mod common;

use proptest::prelude::*;
use switchyard::scenario::Scenario;
use switchyard::session::{Command, Session};
use switchyard::view::camera::Rect;
use switchyard::view::layout;
use switchyard::view::regions::follow;
use switchyard::view::tidy::tidy;

use common::random::{Genes, some_scenario};

fn tidied(scenario: &Scenario) -> Scenario {
    let places = tidy(scenario);
    let mut commands = vec![Command::Move(places.clone())];
    commands.extend(follow(scenario, &places));
    let mut session = Session::new(scenario.clone()).expect("valid");
    session.apply(Command::All(commands), 0).expect("it can be moved there");
    session.scenario().clone()
}

fn check(before: &Scenario) -> Result<(), TestCaseError> {
    let after = tidied(before);
    let boxes: Vec<Rect> = after.nodes.iter().map(|node| layout::bounds(&after, node)).collect();
    for (n, a) in boxes.iter().enumerate() {
        for b in &boxes[n + 1..] {
            prop_assert!(!a.touches(*b), "{:?} lies on {:?}", a, b);
        }
    }
    for link in &after.links {
        let x = |id: &str| after.node(id).map(|node| node.x);
        prop_assert!(x(&link.from) < x(&link.to), "{:?} leads to the left", link);
    }
    let again = tidied(&after);
    let place = |s: &Scenario| s.nodes.iter().map(|n| (n.x, n.y)).collect::<Vec<_>>();
    prop_assert_eq!(place(&again), place(&after), "what is tidy is moved again");
    Ok(())
}

/// A large system without rings: wires lead from earlier to later nodes only.
fn woven(nodes: usize, genes: &[Genes]) -> Scenario {
    let mut scenario = common::scenario(1, Vec::new(), Vec::new());
    for n in 0..nodes {
        let id = format!("n{n}");
        let node = match n % 3 {
            0 => common::balancer(&id, "round_robin"),
            _ => common::steady(&id, 1.0),
        };
        scenario.nodes.push(node);
    }
    for genes in genes {
        let (a, b) = (usize::from(genes[0]) % nodes, usize::from(genes[1]) % nodes);
        let (from, to) = (format!("n{}", a.min(b)), format!("n{}", a.max(b)));
        if switchyard::scenario::connectable(&scenario, &from, &to).is_ok() {
            scenario.links.push(common::link(&from, &to, 1.0));
        }
    }
    scenario
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_system_can_be_tidied(scenario in some_scenario()) {
        check(&scenario)?;
    }

    #[test]
    fn large_ones_too(nodes in 2usize..80, genes in prop::collection::vec(any::<Genes>(), 0..160)) {
        check(&woven(nodes, &genes))?;
    }
}
