//! Why a request goes where it goes: the placement's own numbers, and where the row is just now.

use super::{Router, Way};
use crate::sim::{Context, Key, NodeId, Sink, Why};

impl Router {
    /// The reasons for which a key would go where it would go, and the place of that shard. Nothing
    /// is sent.
    pub fn try_key(&self, key: &str) -> (Option<usize>, Why) {
        let mut why = Why::on();
        let place = self.ground.as_ref().and_then(|ground| ground.owner(key, &mut why));
        if let Some(words) = &self.refusal {
            why.say(|| format!("It cannot place keys: {words}."));
        }
        (place, why)
    }

    pub(super) fn explain<S: Sink + ?Sized>(
        &self,
        way: &Way,
        key: Key,
        name: &str,
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        if let Some(ground) = &self.ground {
            ground.owner(name, why);
        }
        let own = cx.own_name();
        let mut more = |words: String| {
            let before = std::mem::take(&mut why.sentence);
            let gap = if before.is_empty() { "" } else { " " };
            why.say(|| format!("{before}{gap}{words}"));
        };
        let title = match way {
            Way::To(link) => {
                let to = cx.peer(*link).name.clone();
                let at = self.astray.get(key).map(NodeId);
                let ground = self.ground.as_ref();
                match at.and_then(|at| ground.and_then(|ground| ground.member(at))) {
                    Some(old) if old.link == *link => {
                        more(format!("Its row has not moved yet: it is still on {to}."));
                    }
                    Some(old) => {
                        more(format!("But its row is on {}, and {to} does not have it.", old.name));
                    }
                    None => {}
                }
                format!("{own} sent it to {to}")
            }
            Way::Hold(_) => {
                more("Its row is on its way to that shard just now, so it waits.".to_owned());
                format!("{own} lets it wait")
            }
            Way::Nowhere => {
                let words = self.refusal.clone();
                more(words.map_or("No shard owns the key.".to_owned(), |w| format!("{w}.")));
                format!("{own} has nowhere to send it")
            }
        };
        why.title(|| title);
    }
}
