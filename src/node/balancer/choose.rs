//! Which server gets a request: the strategy's choice, as far as guards and slow starts let it.

use std::net::{IpAddr, Ipv4Addr};

use super::super::guarded::Passed;
use super::Balancer;
use crate::policy::balance::{Ask, Pick};
use crate::policy::guard::Withdrawn;
use crate::sim::{Context, Reason, Sink, Time, Why};

impl Balancer {
    /// Asks the strategy for a backend and sends the request there, or lets it wait.
    #[inline]
    pub(super) fn choose<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        if self.line.anybody_waits() && !self.policy.asked_past_queue() {
            let why = cx.why(slot);
            return self.let_wait(slot, (None, None), why, cx);
        }
        self.choose_with(slot, None, cx);
    }

    /// As [`Balancer::choose`], whoever waits; with the number it drew if it has waited already.
    pub(super) fn choose_with<S: Sink + ?Sized>(
        &mut self,
        slot: u32,
        ticket: Option<u32>,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        let Some(request) = cx.request(slot) else { return };
        let client = IpAddr::V4(Ipv4Addr::from_bits(request.address));
        self.key.clear();
        if self.policy.reads_key() {
            cx.spell_key(request.key, &mut self.key);
        }
        let tried = self.places_tried(slot);
        let keeps_limits = self.config.queue.is_on() && !self.policy.knows_limits();
        let quick = self.doors.is_empty() && !self.belief.anybody_returns(cx.now());
        let (pick, passed) = match quick && !keeps_limits {
            true => (self.pick(cx.now(), client, &tried, &mut why), Ok(Passed::default())),
            false => self.pick_and_ask(client, &tried, &mut why, cx),
        };
        self.retried += u64::from(!tried.is_empty() && ticket.is_none());
        match pick {
            Pick::Backend(place) if self.is_full(place) => {
                return self.let_wait(slot, (ticket, Some(place)), why, cx);
            }
            Pick::Nobody if self.somebody_is_full() => {
                return self.let_wait(slot, (ticket, None), why, cx);
            }
            _ => {}
        }
        if why.wanted() {
            self.title(&pick, &mut why, cx);
            self.tell_beliefs(cx.now(), &mut why);
        }
        cx.decided(slot, why);
        match pick {
            Pick::Backend(place) => {
                if cx.forward(slot, self.backends[place].link) {
                    self.picks[place] += 1;
                    self.picked.mark(cx.now());
                    self.sent(place, slot, passed.unwrap_or_default(), cx);
                } else {
                    self.tried.remove(&slot);
                    self.give_back(place, cx.now());
                }
            }
            Pick::Nobody => {
                self.refused += 1;
                self.tried.remove(&slot);
                let wired = !self.backends.is_empty();
                let nobody = if wired { Reason::NoHealthyBackend } else { Reason::BadRequest };
                cx.fail(slot, passed.err().unwrap_or(nobody));
            }
            Pick::Crash(words) => {
                self.refused += 1;
                self.last_words = Some(words);
                self.tried.remove(&slot);
                cx.fail(slot, Reason::ConnectionLost);
                cx.crash_self();
            }
        }
    }

    #[inline]
    fn pick(&mut self, now: Time, client: IpAddr, tried: &[usize], why: &mut Why) -> Pick {
        let key = Some(self.key.as_bytes());
        let ask = Ask { now, key, client, tried };
        self.policy.pick(&ask, &self.backends, &mut self.rng, why)
    }

    /// Picks until the guards before the one picked let the request pass. One that they refuse, or
    /// whose slow start spares it this time, is left out as if it were not to be used.
    fn pick_and_ask<S: Sink + ?Sized>(
        &mut self,
        client: IpAddr,
        tried: &[usize],
        why: &mut Why,
        cx: &Context<'_, S>,
    ) -> (Pick, Result<Passed, Reason>) {
        let now = cx.now();
        let (mut left_out, mut spared) = (Vec::new(), None);
        let (mut stop, mut end) = (None, Pick::Nobody);
        let mut passed = Passed::default();
        for _ in 0..=self.backends.len() {
            let mut said = if why.wanted() { Why::on() } else { Why::off() };
            let pick = self.pick(now, client, tried, &mut said);
            // Some strategies look at no marks: they would choose the same one for ever.
            let Pick::Backend(place) = pick else {
                *why = said;
                end = pick;
                break;
            };
            if left_out.contains(&place) {
                break;
            }
            *why = said;
            if self.is_full(place) {
                if self.policy.knows_limits() {
                    // It is to wait for that very one.
                    (end, stop) = (Pick::Backend(place), None);
                    break;
                }
            } else if self.belief.spares(place, now) {
                spared = spared.or(Some(place));
            } else {
                match self.knock(place, why, now) {
                    Ok(stood) => {
                        (passed, end, stop) = (stood, Pick::Backend(place), None);
                        break;
                    }
                    Err(reason) => stop = Some(reason),
                }
            }
            left_out.push(place);
            self.leave_out(place, true);
        }
        for place in left_out {
            self.leave_out(place, false);
        }
        // Better a server that starts slowly than none.
        if let (Pick::Nobody, Some(place)) = (&end, spared)
            && let Ok(stood) = self.knock(place, why, now)
        {
            return (Pick::Backend(place), Ok(stood));
        }
        self.stopped += u64::from(stop.is_some());
        (end, stop.map_or(Ok(passed), Err))
    }

    fn knock(&mut self, place: usize, why: &mut Why, now: Time) -> Result<Passed, Reason> {
        match self.doors.get_mut(place) {
            Some(door) => door.admit(now, &mut self.guards, why),
            None => Ok(Passed::default()),
        }
    }

    /// What a guard let pass did not go out.
    fn give_back(&mut self, place: usize, now: Time) {
        if let Some(door) = self.doors.get_mut(place) {
            door.withdrawn(&Withdrawn::given_up(now, now));
        }
    }

    /// Marks a server for one choice as not to be used, or as it was again.
    fn leave_out(&mut self, place: usize, out: bool) {
        self.backends[place].healthy = !out;
        self.policy.changed(place, &self.backends);
    }

    /// Notes who was tried in vain. False when the request has to go back as it is.
    pub(super) fn may_try_another(&mut self, place: usize, slot: u32) -> bool {
        if self.config.tries < 2 {
            return false;
        }
        let tried = self.tried.entry(slot).or_default();
        tried.push(self.backends[place].id);
        tried.len() < usize::from(self.config.tries)
    }

    /// The places of the backends that this request tried and that are still in the list.
    #[inline]
    fn places_tried(&self, slot: u32) -> Vec<usize> {
        if self.tried.is_empty() {
            return Vec::new();
        }
        let ids = self.tried.get(&slot).map_or(&[][..], Vec::as_slice);
        let place = |id: &u32| self.backends.binary_search_by_key(id, |backend| backend.id).ok();
        ids.iter().filter_map(place).collect()
    }

    fn title<S: Sink + ?Sized>(&self, pick: &Pick, why: &mut Why, cx: &Context<'_, S>) {
        let name = cx.own_name();
        match pick {
            Pick::Backend(place) => {
                let chosen = &self.backends[*place].name;
                why.title(|| format!("{name} chose {chosen}"));
            }
            Pick::Nobody => {
                why.title(|| format!("{name} had nobody to choose"));
                if self.backends.is_empty() {
                    why.say(|| "No server is wired to it.".to_owned());
                }
            }
            Pick::Crash(words) => {
                why.title(|| format!("{name} fell over"));
                why.say(|| format!("The strategy itself failed: {words}."));
            }
        }
    }
}
