//! Why a request is where it is: the stretch of the run since its birth, replayed with somebody
//! looking at that one request.

use super::Session;
use crate::sim::sink::Stay;
use crate::sim::{
    Focus, Found, LinkId, NodeId, Op, Outcome, Place, Request, Span, Stamp, Time, Why,
};

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
}

impl Session {
    /// Explains the request with this serial number, as of the playhead. Absent when it is neither
    /// in flight nor among those that ended last, or was made before the `earliest` instant.
    pub fn explain(&self, request: u64) -> Option<Explanation> {
        let now = self.run.now();
        let flying = self.run.request(request).copied();
        let ended = match flying {
            Some(_) => None,
            None => self.series.finished(now).find(|finished| finished.request.id == request),
        };
        let seen = flying.or(ended.map(|finished| finished.request))?;
        let until = ended.map_or(now, |finished| finished.at);
        let mut focus = Focus::on(request);
        // From before its birth, so that the decisions at that very instant are seen.
        let place = self.snapshots.place_before(seen.born)?;
        self.replay_from(place, until, self.run.events(), &mut focus)?;
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
            key: self.run.key_name(seen.key),
            version: version(flying.unwrap_or(seen)),
            born: seen.born,
            latency: until.since(seen.born),
            outcome,
            ending: self.ending(outcome, ended.is_some()),
            stays: stays.collect(),
            path: path(&focus),
            decisions: focus.decisions.into_iter().map(|d| (d.node, d.why)).collect(),
        })
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
