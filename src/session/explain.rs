//! Why a request is where it is: the stretch of the run since its birth, replayed with somebody
//! looking at that one request.

use super::Session;
use crate::node::AnyNode;
use crate::sim::sink::Stay;
use crate::sim::{
    Focus, Found, LinkId, NodeId, Op, Outcome, Place, Request, Span, Stamp, Time, Why,
};
use crate::stats::judge::{Finding, Violation};

/// One stay of a request, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct StayLine {
    /// `to s1`, `wait in s1`, `serve in s1`.
    pub words: String,
    /// What kind of stay it was.
    pub place: Place,
    /// When it began, counted from the request's birth.
    pub offset: Span,
    /// How long it took so far.
    pub span: Span,
}

/// Everything there is to say about one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// Its serial number.
    pub request: u64,
    /// What it wants.
    pub op: Op,
    /// The key it asks for.
    pub key: String,
    /// What a read found, or which version a write made, in words; nothing when nobody looked.
    pub version: String,
    /// When it was made.
    pub born: Time,
    /// How long it took, or has taken so far. The stays add up to exactly this.
    pub latency: Span,
    /// How it stands.
    pub outcome: Outcome,
    /// How it stands, in words.
    pub ending: String,
    /// Where it was, in order.
    pub stays: Vec<StayLine>,
    /// Who decided about it, and why, in order.
    pub decisions: Vec<(NodeId, Why)>,
    /// The links it crossed away from the client, in order.
    pub path: Vec<LinkId>,
    /// What the judge of consistency found wrong with it.
    pub conflicts: Vec<Conflict>,
}

/// Another request that a read does not fit together with.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What is wrong: `stale read`.
    pub title: &'static str,
    /// What was known before, and what the read was given instead.
    pub words: String,
    /// The other request, by its serial number.
    pub other: u64,
    /// The links that the other crossed away from its client, in order.
    pub path: Vec<LinkId>,
}

/// How long a message is followed after its producer was answered.
const MESSAGE_FOLLOWED: Span = Span::from_millis(20_000);

impl Session {
    /// Explains the request with this serial number, as of the playhead. Absent when it is neither
    /// in flight, nor among those that ended last, nor part of one of the judge's last findings; or
    /// was made before the `earliest` instant.
    pub fn explain(&self, request: u64) -> Option<Explanation> {
        let now = self.run.now();
        let flying = self.run.request(request).copied();
        let (born, until) = match flying {
            Some(flying) => (flying.born, now),
            None => self.lifetime(request)?,
        };
        let mut focus = self.look_at(request, born, self.matters_until(until))?;
        let seen = flying.or(focus.last)?;
        if let Some(flying) = flying
            && focus.end.is_none()
            && now > flying.since
        {
            focus.stays.push(Stay { place: flying.place, from: flying.since, until: now });
        }
        let outcome = focus.end.map_or(seen.outcome, |(_, outcome)| outcome);
        // A place left in the instant it was entered took no time; it only matters for the path.
        let lasting = focus.stays.iter().filter(|stay| stay.span() > Span::ZERO);
        let stays = lasting.map(|stay| StayLine {
            words: self.place_words(stay.place),
            place: stay.place,
            offset: stay.from.since(seen.born),
            span: stay.span(),
        });
        Some(Explanation {
            request,
            op: seen.op,
            key: self.run.asked_name(&seen),
            version: version(seen),
            born: seen.born,
            latency: until.since(seen.born),
            outcome,
            ending: self.ending(outcome, flying.is_none()),
            stays: stays.collect(),
            path: path(&focus),
            decisions: focus.decisions.into_iter().map(|d| (d.node, d.why)).collect(),
            conflicts: self.conflicts(request),
        })
    }

    /// How long decisions are taken about a request that ended then: a message in a queue is handed
    /// to a worker long after whoever published it was answered.
    fn matters_until(&self, ended: Time) -> Time {
        let has_queue = self.run.nodes().iter().any(|node| matches!(node, AnyNode::Queue(_)));
        let later = if has_queue { ended + MESSAGE_FOLLOWED } else { ended };
        later.min(self.run.now())
    }

    /// Replays the life of a request with somebody looking at it.
    fn look_at(&self, request: u64, born: Time, until: Time) -> Option<Focus> {
        let mut focus = Focus::on(request);
        // From before its birth, so that the decisions at that very instant are seen.
        let place = self.snapshots.place_before(born)?;
        self.replay_from(place, until, self.run.events(), &mut focus)?;
        Some(focus)
    }

    /// When a request that has ended was made, and when it ended, as far as that is remembered.
    fn lifetime(&self, request: u64) -> Option<(Time, Time)> {
        let ended = self.series.finished(self.run.now()).find(|f| f.request.id == request);
        if let Some(ended) = ended {
            return Some((ended.request.born, ended.at));
        }
        let mut parties = self.findings().flat_map(|finding| [finding.first, finding.second]);
        let party = parties.find(|party| party.request == request)?;
        Some((party.born, party.ended))
    }

    /// What the judges of all clients found last, as of the playhead.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        let judges = self.run.nodes().iter().filter_map(|node| match node {
            AnyNode::Clients(clients) => Some(clients.judge()),
            _ => None,
        });
        judges.flat_map(|judge| judge.findings())
    }

    /// What is wrong with a read, and the requests that show it.
    fn conflicts(&self, request: u64) -> Vec<Conflict> {
        let about = self.findings().filter(|finding| finding.second.request == request);
        about.map(|finding| self.conflict(finding)).collect()
    }

    fn conflict(&self, finding: &Finding) -> Conflict {
        let Finding { violation, first, second, .. } = *finding;
        let seen = self.look_at(first.request, first.born, first.ended);
        let before = second.born.since(first.ended);
        let (number, commit) = (first.request, first.stamp.commit);
        let was = match violation {
            Violation::StaleRead | Violation::OwnWriteUnseen => "had made",
            Violation::BackInTime => "had been shown",
        };
        let given = match second.stamp.commit {
            0 => "the one from the beginning".to_owned(),
            n => format!("version {n}"),
        };
        Conflict {
            title: violation.words(),
            words: format!(
                "#{number} {was} version {commit}, and had its answer {before} before this read \
                 was asked; this one was given {given}."
            ),
            other: number,
            path: seen.map_or_else(Vec::new, |focus| path(&focus)),
        }
    }

    /// A place in words: `wait in s1`.
    pub fn place_words(&self, place: Place) -> String {
        let link = |link: LinkId| &self.run.links()[usize::from(link.0)];
        match place {
            Place::Going(id) => format!("to {}", self.name_of(link(id).to)),
            Place::Returning(id) => format!("back to {}", self.name_of(link(id).from)),
            Place::Waiting(node) => format!("wait in {}", self.name_of(node)),
            Place::Serving(node) => format!("serve in {}", self.name_of(node)),
            Place::Calling(node) => format!("{} asks others", self.name_of(node)),
            Place::At(node) => format!("at {}", self.name_of(node)),
            Place::AtDoor(node) => format!("outside {}, which stands still", self.name_of(node)),
        }
    }

    fn ending(&self, outcome: Outcome, ended: bool) -> String {
        match outcome {
            Outcome::Pending => "in flight".to_owned(),
            Outcome::Done if ended => "answered".to_owned(),
            Outcome::Done => "answered, on its way back".to_owned(),
            Outcome::Failed(reason, place) => {
                let place = match place {
                    Place::At(node) => format!("at {}", self.name_of(node)),
                    other => format!("on the way {}", self.place_words(other)),
                };
                format!("failed {place}: {}", reason.words())
            }
        }
    }
}

/// Which version of the key an answer is about.
fn version(request: Request) -> String {
    let Stamp { commit, by } = request.stamp;
    let which = match commit {
        0 => "as it was from the beginning".to_owned(),
        _ => format!("version {commit}, written by #{by}"),
    };
    match (request.op, request.found) {
        (Op::Write | Op::Delete, _) if commit > 0 => format!("made version {commit}"),
        (Op::Read, Found::Value) => format!("found {which}"),
        (Op::Read, Found::Nothing) => "found nothing".to_owned(),
        _ => String::new(),
    }
}

fn path(focus: &Focus) -> Vec<LinkId> {
    let going = focus.stays.iter().filter_map(|stay| match stay.place {
        Place::Going(link) => Some(link),
        _ => None,
    });
    going.collect()
}
