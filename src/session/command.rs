//! Edits. Every one, whoever makes it, is a `Command`; applying it gives the command that takes it
//! back.

use crate::node::Value;
use crate::scenario::{
    Annotation, Fault, LinkSpec, NodeSpec, Problem, Scenario, SendOne, Target, check_place,
    connectable,
};

/// Why an edit was refused, in words for a person.
pub type Refusal = Problem;

/// One edit of the document.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Puts a node at this place in the list.
    AddNode(usize, NodeSpec),
    /// Takes a node out, with its links, faults and single requests.
    RemoveNode(String),
    /// Puts a link at this place in the list.
    AddLink(usize, LinkSpec),
    /// Takes the link between two nodes out.
    RemoveLink(String, String),
    /// Moves nodes and annotations to these places on the canvas.
    Move(Vec<(String, i32, i32)>),
    /// Sets a parameter of a node.
    Set(String, String, Value),
    /// Gives a node another name.
    Rename(String, String),
    /// Sets a link's latency in ms and its loss.
    SetLink(String, String, f64, f64),
    /// Sets the title.
    SetTitle(String),
    /// Sets the author's note.
    SetNote(String),
    /// Sets the seed.
    SetSeed(u64),
    /// Sets how much simulated time passes in a second on the screen.
    SetSpeed(f64),
    /// Puts a fault at this place in the list.
    AddFault(usize, Fault),
    /// Takes the fault at this place out.
    RemoveFault(usize),
    /// Puts another fault in the place of the one there: moves it, or changes what it is.
    SetFault(usize, Fault),
    /// Puts a single request at this place in the list.
    AddSend(usize, SendOne),
    /// Takes the single request at this place out.
    RemoveSend(usize),
    /// Puts an annotation at this place in the list.
    AddAnnotation(usize, Annotation),
    /// Takes an annotation out.
    RemoveAnnotation(String),
    /// Puts another annotation in the place of the one with the same id.
    SetAnnotation(Annotation),
    /// Puts a whole document in the place of this one, as somebody who writes it as a text does.
    Replace(Box<Scenario>),
    /// Several edits as one.
    All(Vec<Command>),
}

impl Command {
    /// A node after all others.
    pub fn append_node(scenario: &Scenario, node: NodeSpec) -> Command {
        Command::AddNode(scenario.nodes.len(), node)
    }

    /// A link after all others, with a small latency.
    pub fn connect(scenario: &Scenario, from: &str, to: &str) -> Command {
        let (from, to) = (from.to_owned(), to.to_owned());
        let latency_ms = typical_latency(scenario);
        Command::AddLink(scenario.links.len(), LinkSpec { from, to, latency_ms, loss: 0.0 })
    }

    /// Does it change the plan only, or only how things look?
    pub(super) fn leaves_run_alone(&self) -> bool {
        match self {
            Command::Move(_)
            | Command::SetTitle(_)
            | Command::SetNote(_)
            | Command::SetSpeed(_)
            | Command::AddFault(..)
            | Command::RemoveFault(_)
            | Command::SetFault(..)
            | Command::AddSend(..)
            | Command::RemoveSend(_)
            | Command::AddAnnotation(..)
            | Command::RemoveAnnotation(_)
            | Command::SetAnnotation(_) => true,
            Command::All(commands) => commands.iter().all(Command::leaves_run_alone),
            _ => false,
        }
    }

    /// Two commands of the same kind on the same thing can be one step of undo: a drag, a slider.
    pub(super) fn same_gesture(&self, other: &Command) -> bool {
        match (self, other) {
            (Command::Move(a), Command::Move(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0)
            }
            (Command::Set(node, key, _), Command::Set(other_node, other_key, _)) => {
                node == other_node && key == other_key
            }
            (Command::Rename(node, _), Command::Rename(other, _)) => node == other,
            (Command::SetFault(place, _), Command::SetFault(other, _)) => place == other,
            (Command::SetAnnotation(one), Command::SetAnnotation(other)) => one.id == other.id,
            // What was put down and is then moved, as a copy that is dragged.
            (Command::All(added), Command::Move(moved)) => {
                moved.iter().all(|(id, ..)| added.iter().any(|command| command.adds(id)))
            }
            (Command::All(a), Command::All(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_gesture(b))
            }
            (Command::SetLink(from, to, ..), Command::SetLink(other_from, other_to, ..)) => {
                from == other_from && to == other_to
            }
            (Command::SetTitle(_), Command::SetTitle(_))
            | (Command::SetNote(_), Command::SetNote(_))
            | (Command::SetSpeed(_), Command::SetSpeed(_))
            | (Command::Replace(_), Command::Replace(_)) => true,
            _ => false,
        }
    }

    /// Does it put something with this id into the document?
    fn adds(&self, id: &str) -> bool {
        match self {
            Command::AddNode(_, node) => node.id == id,
            Command::AddAnnotation(_, annotation) => annotation.id == id,
            _ => false,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        let own = size_of::<Command>();
        own + match self {
            Command::AddNode(..) => 256,
            Command::Move(all) => all.len() * 64,
            Command::SetNote(text) | Command::SetTitle(text) => text.len(),
            Command::AddAnnotation(_, a) | Command::SetAnnotation(a) => a.text.len() + 64,
            Command::All(all) => all.iter().map(Command::bytes).sum(),
            _ => 96,
        }
    }
}

/// New links are as slow as most others, so that a grown picture keeps its pace.
fn typical_latency(scenario: &Scenario) -> f64 {
    let mut all: Vec<f64> = scenario.links.iter().map(|link| link.latency_ms).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(20.0)
}

/// Applies a command to the document and gives its inverse. A refused command changes nothing.
pub(super) fn apply(scenario: &mut Scenario, command: Command) -> Result<Command, Refusal> {
    // Moving is done sixty times a second, and only places can be wrong about it.
    if let Command::Move(places) = command {
        for (id, x, y) in &places {
            let there = match scenario.annotations.iter().position(|a| a.id == *id) {
                Some(place) => format!("annotations[{place}]"),
                None => format!("nodes[{}]", node_place(scenario, id)?),
            };
            check_place((*x, *y), &there)?;
        }
        return move_all(scenario, places);
    }
    let mut edited = scenario.clone();
    let inverse = edit(&mut edited, command)?;
    edited.check()?;
    *scenario = edited;
    Ok(inverse)
}

fn edit_all(scenario: &mut Scenario, commands: Vec<Command>) -> Result<Command, Refusal> {
    let mut inverses = Vec::new();
    for command in commands {
        inverses.push(edit(scenario, command)?);
    }
    inverses.reverse();
    Ok(Command::All(inverses))
}

/// A node whose id is taken is refused at once: of two with one id, what follows in the same
/// command would change either.
fn add_node(scenario: &mut Scenario, place: usize, node: NodeSpec) -> Result<Command, Refusal> {
    let id = node.id.clone();
    if scenario.place(&id).is_some() {
        let reason = format!("another node has the id {id:?} already");
        return Err(Problem::new(format!("nodes[{place}].id"), reason));
    }
    insert("nodes", &mut scenario.nodes, place, node)?;
    Ok(Command::RemoveNode(id))
}

/// Taking a node out takes out what hangs on it, each of which must come back to its own place.
fn remove_node(scenario: &mut Scenario, id: &str) -> Result<Command, Refusal> {
    let place = node_place(scenario, id)?;
    let mut inverses = Vec::new();
    for place in (0..scenario.sends.len())
        .rev()
        .filter(|&n| scenario.sends[n].from == id)
        .collect::<Vec<_>>()
    {
        inverses.push(Command::AddSend(place, scenario.sends.remove(place)));
    }
    inverses.extend(take_faults(scenario, |on| on.touches(id)));
    let touches = |link: &LinkSpec| link.from == id || link.to == id;
    for place in
        (0..scenario.links.len()).rev().filter(|&n| touches(&scenario.links[n])).collect::<Vec<_>>()
    {
        inverses.push(Command::AddLink(place, scenario.links.remove(place)));
    }
    inverses.push(Command::AddNode(place, scenario.nodes.remove(place)));
    inverses.reverse();
    Ok(Command::All(inverses))
}

/// Takes out what happens to something that goes, and gives what puts it back, last first.
fn take_faults(scenario: &mut Scenario, goes: impl Fn(&Target) -> bool) -> Vec<Command> {
    let places = (0..scenario.faults.len()).rev();
    let places: Vec<usize> = places.filter(|&place| goes(&scenario.faults[place].on)).collect();
    let take = |place| Command::AddFault(place, scenario.faults.remove(place));
    places.into_iter().map(take).collect()
}

fn remove_link(scenario: &mut Scenario, from: &str, to: &str) -> Result<Command, Refusal> {
    let place = link_place(scenario, from, to)?;
    let mut inverses = take_faults(scenario, |on| on.is_wire(from, to));
    let link = Command::AddLink(place, scenario.links.remove(place));
    if inverses.is_empty() {
        return Ok(link);
    }
    inverses.push(link);
    inverses.reverse();
    Ok(Command::All(inverses))
}

fn move_all(scenario: &mut Scenario, places: Vec<(String, i32, i32)>) -> Result<Command, Refusal> {
    let mut back = Vec::new();
    for (id, x, y) in places {
        let (own_x, own_y) = match scenario.annotations.iter_mut().find(|a| a.id == id) {
            Some(annotation) => (&mut annotation.x, &mut annotation.y),
            None => {
                let place = node_place(scenario, &id)?;
                let node = &mut scenario.nodes[place];
                (&mut node.x, &mut node.y)
            }
        };
        back.push((id, std::mem::replace(own_x, x), std::mem::replace(own_y, y)));
    }
    back.reverse();
    Ok(Command::Move(back))
}

fn add_annotation(
    scenario: &mut Scenario,
    place: usize,
    annotation: Annotation,
) -> Result<Command, Refusal> {
    let id = annotation.id.clone();
    if scenario.place(&id).is_some() {
        let reason = format!("another thing has the id {id:?} already");
        return Err(Problem::new(format!("annotations[{place}].id"), reason));
    }
    insert("annotations", &mut scenario.annotations, place, annotation)?;
    Ok(Command::RemoveAnnotation(id))
}

/// Edits without the check at the end.
fn edit(scenario: &mut Scenario, command: Command) -> Result<Command, Refusal> {
    use std::mem::replace;
    Ok(match command {
        Command::AddNode(place, node) => add_node(scenario, place, node)?,
        Command::AddLink(place, link) => {
            connectable(scenario, &link.from, &link.to).map_err(|r| Problem::new("", r))?;
            let ends = (link.from.clone(), link.to.clone());
            insert("links", &mut scenario.links, place, link)?;
            Command::RemoveLink(ends.0, ends.1)
        }
        Command::RemoveLink(from, to) => remove_link(scenario, &from, &to)?,
        Command::Move(places) => move_all(scenario, places)?,
        Command::Set(id, key, value) => {
            let place = node_place(scenario, &id)?;
            let node = &mut scenario.nodes[place];
            let before = node.kind.get(&key);
            node.kind.set(&key, value).map_err(|r| Problem::new(key.clone(), r))?;
            let before = before.ok_or_else(|| Problem::new(key.clone(), "is not a parameter"))?;
            Command::Set(id, key, before)
        }
        Command::Rename(id, label) => {
            let place = node_place(scenario, &id)?;
            Command::Rename(id, replace(&mut scenario.nodes[place].label, label))
        }
        Command::SetLink(from, to, latency_ms, loss) => {
            let place = link_place(scenario, &from, &to)?;
            let link = &mut scenario.links[place];
            let before = (replace(&mut link.latency_ms, latency_ms), replace(&mut link.loss, loss));
            Command::SetLink(from, to, before.0, before.1)
        }
        Command::SetTitle(title) => Command::SetTitle(replace(&mut scenario.title, title)),
        Command::SetNote(note) => Command::SetNote(replace(&mut scenario.note, note)),
        Command::SetSeed(seed) => Command::SetSeed(replace(&mut scenario.seed, seed)),
        Command::SetSpeed(speed) => Command::SetSpeed(replace(&mut scenario.speed, speed)),
        Command::AddFault(place, fault) => {
            insert("faults", &mut scenario.faults, place, fault)?;
            Command::RemoveFault(place)
        }
        Command::RemoveFault(place) => {
            Command::AddFault(place, take("faults", &mut scenario.faults, place)?)
        }
        Command::SetFault(place, fault) => {
            let there = scenario.faults.get_mut(place);
            let beyond = || Problem::new(format!("faults[{place}]"), "is not there");
            Command::SetFault(place, replace(there.ok_or_else(beyond)?, fault))
        }
        Command::AddSend(place, send) => {
            insert("sends", &mut scenario.sends, place, send)?;
            Command::RemoveSend(place)
        }
        Command::RemoveSend(place) => {
            Command::AddSend(place, take("sends", &mut scenario.sends, place)?)
        }
        Command::AddAnnotation(place, annotation) => add_annotation(scenario, place, annotation)?,
        Command::RemoveAnnotation(id) => {
            let place = annotation_place(scenario, &id)?;
            Command::AddAnnotation(place, scenario.annotations.remove(place))
        }
        Command::SetAnnotation(annotation) => {
            let place = annotation_place(scenario, &annotation.id)?;
            Command::SetAnnotation(replace(&mut scenario.annotations[place], annotation))
        }
        Command::RemoveNode(id) => remove_node(scenario, &id)?,
        Command::Replace(other) => Command::Replace(Box::new(replace(scenario, *other))),
        Command::All(commands) => edit_all(scenario, commands)?,
    })
}

fn insert<T>(path: &str, list: &mut Vec<T>, place: usize, item: T) -> Result<(), Refusal> {
    if place > list.len() {
        return Err(Problem::new(format!("{path}[{place}]"), "is beyond the end of the list"));
    }
    list.insert(place, item);
    Ok(())
}

fn take<T>(path: &str, list: &mut Vec<T>, place: usize) -> Result<T, Refusal> {
    match place < list.len() {
        true => Ok(list.remove(place)),
        false => Err(Problem::new(format!("{path}[{place}]"), "is not there")),
    }
}

fn node_place(scenario: &Scenario, id: &str) -> Result<usize, Refusal> {
    let found = scenario.nodes.iter().position(|node| node.id == id);
    found.ok_or_else(|| Problem::new("", format!("there is no node {id:?}")))
}

fn annotation_place(scenario: &Scenario, id: &str) -> Result<usize, Refusal> {
    let found = scenario.annotations.iter().position(|annotation| annotation.id == id);
    found.ok_or_else(|| Problem::new("", format!("there is no region or note {id:?}")))
}

fn link_place(scenario: &Scenario, from: &str, to: &str) -> Result<usize, Refusal> {
    let found = scenario.links.iter().position(|link| link.from == from && link.to == to);
    found.ok_or_else(|| Problem::new("", format!("there is no wire from {from:?} to {to:?}")))
}
