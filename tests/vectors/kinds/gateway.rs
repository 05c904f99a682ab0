//! The course's `APIGateway`: the table of services, and the one balancer behind it.

use serde_json::{Value as Json, json};
use switchyard::policy::balance::{self, Ask, Backend, Memory};
use switchyard::policy::gateway::{Door, Route, Routes, url};
use switchyard::sim::{LinkId, Rng, Time, Why};

use super::{Covered, compare, is_true, items, text};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[Covered::course("gateway", gateway)];

/// A gateway of the course. Its map of services may never have been made.
struct Course {
    door: Door,
    has_map: bool,
    servers: Vec<(String, String)>,
}

impl Course {
    fn new(has_map: bool) -> Course {
        let entry = balance::find("round_robin_as_in_course").expect("it is in the catalogue");
        let door = Door::new(Routes::default(), entry, true);
        Course { door, has_map, servers: Vec::new() }
    }

    fn cursor(&self) -> usize {
        match self.door.memory(0, Time::ZERO) {
            Memory::Cursor(cursor) => cursor,
            other => panic!("a balancer that goes in turn keeps a cursor, not {other:?}"),
        }
    }

    fn route(&mut self, service: &str, path: &str) -> Json {
        let (mut rng, mut why) = (Rng::from_seed(1), Why::off());
        let route = self.door.find(service, path);
        let to = route
            .and_then(|route| self.door.choose(route, false, &Ask::NOTHING, &mut rng, &mut why));
        match to {
            Ok(to) => {
                let (_, address) = &self.servers[usize::from(to.link.0)];
                json!({ "url": url(address, path) })
            }
            Err(refusal) => json!({ "error": refusal.to_string() }),
        }
    }
}

fn gateway(case: &Json) -> Result<(), String> {
    let inputs = &case["inputs"];
    let mut course = Course::new(is_true(inputs, "services_map_initialised"));
    let mut steps = Vec::new();
    for (number, op) in items(inputs, "ops").iter().enumerate() {
        let step = match text(op, "op")? {
            "register" if course.has_map => {
                course.door.register(Route::all(text(op, "name")?));
                None
            }
            "register" => Some(json!({ "panic": "assignment to entry in nil map" })),
            "add_server" => {
                let (name, link) = (text(op, "id")?, LinkId(course.servers.len() as u16));
                let healthy = is_true(op, "healthy");
                course.door.enter(Backend { healthy, link, ..Backend::new(0, name, 1) }, name);
                course.servers.push((name.to_owned(), text(op, "address")?.to_owned()));
                None
            }
            "health" => {
                let name = text(op, "id")?;
                let place = course.servers.iter().position(|(known, _)| known == name);
                if let Some(place) = place {
                    course.door.mark(LinkId(place as u16), is_true(op, "healthy"), 1);
                }
                None
            }
            "route" => Some(course.route(text(op, "service")?, text(op, "path")?)),
            other => return Err(format!("op {number} is {other:?}, which is not known")),
        };
        if let Some(mut step) = step {
            step["op"] = json!(number);
            step["cursor"] = json!(course.cursor());
            let died = step.get("panic").is_some();
            steps.push(step);
            if died {
                // The course's program ends with its panic.
                break;
            }
        }
    }
    compare("expected", &case["expected"], &json!({ "steps": steps }))
}
