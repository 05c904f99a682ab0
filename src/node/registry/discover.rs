//! The clients' side: a list that is read or in hand, and an instance taken from it.

use super::{LOOKUP, Registry};
use crate::policy::registry::Discovery;
use crate::sim::{Context, LinkId, Outcome, Place, Reason, Sink, Span};

/// Stands for the client of a request that was made here.
const NOBODY: LinkId = LinkId(u16::MAX);

impl Registry {
    /// A client wants to send a request to an instance.
    pub(super) fn arrive<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(request) = cx.request(slot) else { return };
        let client = request.path().last().copied().unwrap_or(NOBODY);
        let (now, ttl) = (cx.now(), self.config.ttl());
        let in_hand = self.clients.get(&client).is_some_and(|one| one.fresh(now, ttl).is_some());
        if in_hand {
            self.counts.from_list += 1;
            return self.choose(slot, client, cx);
        }
        if !self.up {
            self.counts.unreachable += 1;
            self.explain_unreachable(slot, client, cx);
            return cx.fail(slot, Reason::ConnectionRefused);
        }
        self.counts.lookups += 1;
        let takes = Span::from_millis_f64(self.config.lookup_ms);
        if takes == Span::ZERO {
            return self.read(slot, client, cx);
        }
        self.look_ups = self.look_ups.wrapping_add(1);
        self.waiting.insert(self.look_ups, slot);
        cx.wait(slot);
        cx.wake_in(takes, LOOKUP, self.look_ups);
    }

    /// A client has its list.
    pub(super) fn listed<S: Sink + ?Sized>(&mut self, look_up: u32, cx: &mut Context<'_, S>) {
        let Some(slot) = self.waiting.remove(&look_up) else { return };
        let Some(request) = cx.request(slot) else { return };
        let client = request.path().last().copied().unwrap_or(NOBODY);
        self.read(slot, client, cx);
    }

    fn read<S: Sink + ?Sized>(&mut self, slot: u32, client: LinkId, cx: &mut Context<'_, S>) {
        let now = cx.now();
        self.clients.entry(client).or_default().read(&self.list, super::SERVICE, now);
        self.choose(slot, client, cx);
    }

    /// Takes an instance from the client's list and sends the request there.
    fn choose<S: Sink + ?Sized>(&mut self, slot: u32, client: LinkId, cx: &mut Context<'_, S>) {
        let mut why = cx.why(slot);
        let members = &self.members;
        let called = |id: &str| {
            let found = members.iter().find(|member| *member.id == *id);
            found.map_or(id, |member| &member.name).to_owned()
        };
        let discovery = self.clients.entry(client).or_default();
        let picked = discovery.pick(self.config.pick, &mut self.picks, &mut why, called);
        let place =
            picked.as_ref().and_then(|id| self.members.iter().position(|member| member.id == *id));
        if why.wanted() {
            self.explain(place, client, &mut why, cx);
        }
        cx.decided(slot, why);
        match place {
            Some(place) => {
                let now = cx.now();
                let member = &mut self.members[place];
                if cx.forward(slot, member.link) {
                    member.sent += 1;
                    self.sent.mark(now);
                }
            }
            None => {
                self.counts.nobody += 1;
                let wired = !self.members.is_empty();
                cx.fail(slot, if wired { Reason::NoHealthyEndpoints } else { Reason::BadRequest });
            }
        }
    }

    /// Something has come back: a check, or a request on its way to its client.
    pub(super) fn back<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&request) = cx.request(slot) else { return };
        if request.is_call && request.path().is_empty() {
            return self.check_is_back(slot, cx);
        }
        if let Outcome::Failed(Reason::ConnectionRefused | Reason::ConnectionLost, at) =
            request.outcome
        {
            self.came_to_nothing(slot, at, cx);
        }
        cx.pass_back(slot);
    }

    /// A connection to an instance was refused or lost.
    fn came_to_nothing<S: Sink + ?Sized>(&mut self, slot: u32, at: Place, cx: &mut Context<'_, S>) {
        let own = |link: LinkId| {
            [Place::Going(link), Place::Returning(link), Place::At(cx.far_end(link))].contains(&at)
        };
        let Some(place) = self.members.iter().position(|member| own(member.link)) else { return };
        let member = &mut self.members[place];
        self.counts.in_vain += 1;
        member.in_vain += 1;
        member.vain_since_good += 1;
        let client = cx.request(slot).and_then(|request| request.path().last().copied());
        if self.config.forget
            && let Some(discovery) = self.clients.get_mut(&client.unwrap_or(NOBODY))
        {
            discovery.drop_one(&member.id);
        }
    }

    /// The list that the client at the other end of this link has.
    pub(super) fn list_of(&self, client: LinkId) -> Option<&Discovery> {
        self.clients.get(&client)
    }
}
