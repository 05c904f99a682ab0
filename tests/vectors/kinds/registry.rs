//! The course's registry and what registers there, and Consul's own numbers.

use serde_json::{Value as Json, json};
use switchyard::policy::registry::{
    Answer, Catalogue, Check, DEREGISTER_MIN, Discovery, Handle, INTERVAL_MIN, Instance, Pick,
    REAP_INTERVAL, Registration, SCRIPT_TIMEOUT, SYNC_INTERVAL, Status, TIMEOUT_UNSET, Thresholds,
    deregisters_after, of_exit, sync_scale,
};
use switchyard::sim::{Rng, Span, Time, Why};

use super::{Covered, compare, items, text, whole};

/// What this file covers.
pub(crate) const KINDS: &[Covered] = &[
    Covered::course("registry", registry),
    Covered::course("registration_payload", registration_payload),
    Covered::field("consul_anti_entropy_scale", anti_entropy, &["scale"]),
    Covered::field("consul_timers", timers, &["*"]),
];

// ===== registry =====

/// The registry, the handles of the processes, and one that asks it anew for every call.
#[derive(Default)]
struct Course {
    list: Catalogue,
    down: bool,
    handles: Vec<(String, Handle)>,
    client: Discovery,
}

impl Course {
    fn handle(&mut self, name: &str) -> usize {
        let known = self.handles.iter().position(|(one, _)| one == name);
        known.unwrap_or_else(|| {
            self.handles.push((name.to_owned(), Handle::default()));
            self.handles.len() - 1
        })
    }

    fn register(&mut self, op: &Json) -> Result<Json, String> {
        let one = registration(op)?;
        let place = self.handle(text(op, "registry")?);
        let list = (!self.down).then_some(&mut self.list);
        Ok(json!(self.handles[place].1.register(one, list)))
    }

    fn deregister(&mut self, op: &Json) -> Result<Json, String> {
        let place = self.handle(text(op, "registry")?);
        let list = (!self.down).then_some(&mut self.list);
        Ok(json!(self.handles[place].1.deregister(list)))
    }

    fn ids(&self) -> Vec<String> {
        self.list.all().map(|one| one.registration.id.to_string()).collect()
    }

    /// `GetHealthyService`.
    fn get(&mut self, service: &str) -> Json {
        self.client.read(&self.list, service, Time::ZERO);
        let (mut rng, mut why) = (Rng::from_seed(1), Why::off());
        let picked = self.client.pick(Pick::First, &mut rng, &mut why, str::to_owned);
        match picked.and_then(|id| self.list.get(&id)) {
            Some(Instance { registration: one, .. }) => {
                json!({ "pick": &*one.id, "address": &*one.address, "port": one.port })
            }
            None => json!({ "error": format!("no healthy services found for {service}") }),
        }
    }
}

fn registration(op: &Json) -> Result<Registration, String> {
    let port = whole(op, "port", 0);
    Ok(Registration::as_in_course(text(op, "id")?, text(op, "service")?, port))
}

fn registry(case: &Json) -> Result<(), String> {
    let (mut course, mut steps) = (Course::default(), Vec::new());
    for (number, op) in items(&case["inputs"], "ops").iter().enumerate() {
        let told = |mut step: Json| {
            step["op"] = json!(number);
            step
        };
        match text(op, "op")? {
            kind @ ("register" | "deregister") => {
                let worked = match kind {
                    "register" => course.register(op)?,
                    _ => course.deregister(op)?,
                };
                let mut step = json!({ "catalog": course.ids() });
                if worked == json!(false) {
                    step["failed"] = json!(true);
                }
                steps.push(told(step));
            }
            "check" => {
                let wanted = text(op, "status")?;
                let status = Status::find(wanted).ok_or_else(|| format!("what is {wanted}?"))?;
                if let Some(check) = course.list.check_mut(text(op, "id")?) {
                    check.set(status, Time::ZERO);
                }
            }
            "down" => course.down = true,
            "up" => course.down = false,
            "discover" if !course.down => {
                let found = course.list.passing(text(op, "service")?);
                let ids: Vec<&str> = found.map(|one| &*one.registration.id).collect();
                steps.push(told(json!({ "ids": ids })));
            }
            "get" if !course.down => {
                let service = text(op, "service")?;
                for _ in 0..whole(op, "times", 1) {
                    steps.push(told(course.get(service)));
                }
            }
            "discover" => steps.push(told(json!({ "failed": true }))),
            "get" => {
                (0..whole(op, "times", 1)).for_each(|_| steps.push(told(json!({ "failed": true }))))
            }
            other => return Err(format!("op {number} is {other:?}, which is not known")),
        }
    }
    compare("expected", &case["expected"], &json!({ "steps": steps }))
}

// ===== registration_payload =====

/// A length of time as Go and Consul write it: `10s`, `1m`.
fn go_time(span: Span) -> String {
    match span.ns() / 1_000_000_000 {
        s if s >= 60 && s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn registration_payload(case: &Json) -> Result<(), String> {
    let one = registration(&case["inputs"])?;
    let got = json!({
        "id": &*one.id,
        "name": &*one.service,
        "address": &*one.address,
        "port": one.port,
        "check_http": &*one.check_http,
        "interval": go_time(one.interval),
        "timeout": go_time(one.timeout),
        "deregister_critical_after": go_time(one.deregister_after),
        "initial_status": one.initial_status.map_or("", Status::words),
    });
    compare("expected", &case["expected"], &got)
}

// ===== consul_anti_entropy_scale, consul_timers =====

fn anti_entropy(case: &Json) -> Result<(), String> {
    let got = sync_scale(whole(case, "nodes", 0) as u32);
    compare("scale", &case["scale"], &json!(got))
}

/// The shortest time after which an instance goes, to the nanosecond, when `wanted` says when, and
/// whether exactly that long is enough.
fn reaped(wanted: Span) -> Option<(Span, bool)> {
    let after = deregisters_after(wanted)?;
    let overdue = |for_ns: u64| {
        let mut list = Catalogue::default();
        let one = Registration::as_in_course("a", "users", 80);
        list.register(Registration { deregister_after: wanted, ..one });
        let check = list.check_mut("a").expect("it has just registered");
        check.heard(Answer::Error, Time::from_ns(1), Thresholds::default());
        !list.reap(Time::from_ns(1 + for_ns)).is_empty()
    };
    assert!(overdue(after.ns() + 1) && !overdue(after.ns() - 1));
    Some((after, !overdue(after.ns())))
}

fn timers(case: &Json) -> Result<(), String> {
    let said = |answer: Answer| {
        let mut check = Check::new(Status::Critical);
        check.heard(answer, Time::ZERO, Thresholds::default());
        check.status.words()
    };
    // The same for all answers of a class, or it is no class.
    let class = |answers: &[Answer]| {
        let all: Vec<&str> = answers.iter().map(|answer| said(*answer)).collect();
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?} differ");
        all[0]
    };
    let fine: Vec<Answer> = (200..300).map(Answer::Http).collect();
    let codes = (100..600).filter(|code| !(200..300).contains(code) && *code != 429);
    let mut others: Vec<Answer> = codes.map(Answer::Http).collect();
    others.extend([Answer::Error, Answer::TimedOut]);
    let exit = |code| of_exit(code).words();
    assert!([2, 3, 127, 255, -1].iter().all(|code| exit(*code) == exit(2)));
    let (least, strict) = reaped(Span::from_ns(1)).ok_or("no time at all is a wish too")?;
    let unset = match reaped(Span::ZERO) {
        None => "timeout > 0 && ",
        Some(_) => "",
    };
    let condition = match strict {
        true => "critical_for > timeout (strict)",
        false => "critical_for >= timeout",
    };
    let got = json!({
        "check_deregister_interval_min": go_time(least),
        "check_reap_interval": go_time(REAP_INTERVAL),
        "ae_interval": go_time(SYNC_INTERVAL),
        "check_min_interval": go_time(INTERVAL_MIN),
        "http_tcp_timeout_default": go_time(TIMEOUT_UNSET),
        "script_timeout_default": go_time(SCRIPT_TIMEOUT),
        "http": {
            "2xx": class(&fine),
            "429": said(Answer::Http(429)),
            "other_or_error": class(&others),
        },
        "script_exit": { "0": exit(0), "1": exit(1), "other": exit(2) },
        "reap_condition": format!(
            "{unset}{condition}, evaluated every {} s", REAP_INTERVAL.seconds()
        ),
    });
    assert_eq!(least, DEREGISTER_MIN);
    compare("", case, &got)
}
