//! The reasons that a database gives: which member answered, how old it is, who acknowledged.

use super::{Database, Poll, Reads, Replication, Waiting};
use crate::sim::{Context, Line, Reason, Request, Sink, Stamp};

/// Who answers a read, and how that came about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The member.
    pub(super) place: usize,
    /// Its number among the replicas, if the cursor chose it; the cursor afterwards.
    pub(super) taken: Option<usize>,
    pub(super) replicas: usize,
    pub(super) after: usize,
    /// How many replicas were passed over because they are known to be gone, or, under sync, have
    /// not caught up yet.
    pub(super) skipped: usize,
    /// The replica whose turn it was had applied this, and the session has written that.
    pub(super) behind: Option<(usize, u64, u64)>,
}

impl Database {
    pub(super) fn explain_turn<S: Sink + ?Sized>(
        &self,
        slot: u32,
        turn: &Turn,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let name = cx.own_name();
            let Turn { place, taken, replicas, after, skipped, behind } = *turn;
            if skipped > 0 {
                why.line(|| Line {
                    subject: "passed over".to_owned(),
                    numbers: format!("{skipped} known to be gone, or not level under sync"),
                    chosen: false,
                });
            }
            if let Some(taken) = taken {
                why.line(|| Line {
                    subject: format!("replicas[{taken}]"),
                    numbers: format!("cursor ({taken} + 1) mod {replicas} = {after}"),
                    chosen: behind.is_none(),
                });
            }
            why.title(|| format!("{name} asked member {place}"));
            why.say(|| match (taken, behind) {
                (_, Some((replica, applied, needs))) => {
                    let needs = match needs {
                        u64::MAX => "one that no replica has".to_owned(),
                        n => format!("entry {n}"),
                    };
                    let what = match self.config.reads {
                        Reads::Monotonic => "this client was shown",
                        _ => "this client's last change is",
                    };
                    format!(
                        "It was the turn of member {replica}, which has applied entry {applied}; \
                         {what} {needs}: so the primary."
                    )
                }
                (Some(taken), None) if !self.members[place].up => {
                    format!("It was the turn of replicas[{taken}], member {place}, which is down.")
                }
                (Some(taken), None) => format!("It was the turn of replicas[{taken}]."),
                (None, None) if replicas == 0 => "There are no replicas: the primary.".to_owned(),
                (None, None) => "Reads go to the primary.".to_owned(),
            });
        }
        cx.decided(slot, why);
    }

    pub(super) fn explain_slowdown<S: Sink + ?Sized>(
        &self,
        slot: u32,
        place: usize,
        at_work: usize,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let name = cx.own_name();
            let (contention, coherency) = (self.config.contention, self.config.coherency);
            let (others, factor) = (at_work - 1, self.config.slowdown(at_work));
            why.line(|| Line {
                subject: format!("{at_work} at work"),
                numbers: format!(
                    "1 + {contention} % \u{d7} {others} + {coherency} % \u{d7} {at_work} \u{d7} \
                     {others} = {factor:.2}"
                ),
                chosen: true,
            });
            why.title(|| format!("{name} is crowded: {factor:.2} times as long"));
            why.say(|| {
                format!(
                    "With this one, {at_work} are at work in member {place}. They wait for what \
                     only one can have, and every pair of them has to agree."
                )
            });
        }
        cx.decided(slot, why);
    }

    pub(super) fn explain_answer<S: Sink + ?Sized>(
        &self,
        slot: u32,
        place: usize,
        newest: Stamp,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted()
            && let Some(&Request { key, .. }) = cx.request(slot)
        {
            let name = cx.own_name();
            let member = &self.members[place];
            let (applied, head) = (member.applied, self.log.head());
            let found_cell = member.cell(key);
            let found = found_cell.stamp;
            let stale = newest > found;
            why.line(|| Line {
                subject: format!("member {place}"),
                numbers: self.distance(place, cx),
                chosen: true,
            });
            why.line(|| Line {
                subject: "version".to_owned(),
                numbers: match stale {
                    true => format!("{}, the primary has {}", found.commit, newest.commit),
                    false => format!("{}, as the primary has", found.commit),
                },
                chosen: !stale,
            });
            let expired = self.expired(found_cell, cx.now());
            why.title(|| match (expired, stale) {
                (true, _) => format!("{name} found an expired key"),
                (_, true) => format!("{name} gave an old value"),
                (_, false) => format!("{name} gave the newest value"),
            });
            why.say(|| match head.saturating_sub(applied) {
                _ if expired => format!(
                    "It was written at {} and lives {} ms. Member {place} is a replica: it \
                     answers as if the key were gone, and deletes it when the primary does.",
                    found_cell.at, self.config.lifetime_ms
                ),
                0 => format!("Member {place} had applied the whole log, {applied} entries."),
                behind if stale => format!(
                    "Member {place} had applied entry {applied} of {head}; the change of this key \
                     is among the {behind} it had not."
                ),
                behind => format!(
                    "Member {place} had applied entry {applied} of {head}; none of the {behind} it \
                     had not is about this key."
                ),
            });
        }
        cx.decided(slot, why);
    }

    /// `log 117 of 121: 4 behind, 12 ms`.
    fn distance<S: Sink + ?Sized>(&self, place: usize, cx: &Context<'_, S>) -> String {
        let (applied, head) = (self.members[place].applied, self.log.head());
        match self.log.get(applied + 1) {
            Some(next) => {
                let since = cx.now().since(next.after.at);
                format!("log {applied} of {head}: {} behind, {since}", head - applied)
            }
            None => format!("log {applied} of {head}"),
        }
    }

    pub(super) fn explain_change<S: Sink + ?Sized>(
        &self,
        slot: u32,
        leader: usize,
        refusal: Option<Reason>,
        reached: usize,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let name = cx.own_name();
            let members = self.members.len();
            let (write, _) = self.config.quorums();
            let heard = self.heard_from(leader, cx.now());
            why.line(|| Line {
                subject: format!("member {leader}"),
                numbers: format!("reaches {reached} of {members}"),
                chosen: refusal.is_none(),
            });
            why.title(|| match refusal {
                None => format!("{name} gave it to its primary"),
                Some(reason) => format!("{name} refused it: {}", reason.words()),
            });
            why.say(|| match refusal {
                None => format!("Changes go to the primary, member {leader}."),
                Some(Reason::WriteRefused) => "It takes no changes just now.".to_owned(),
                Some(Reason::NotLeader) => format!(
                    "This client still asked member {leader}; the primary is member {} now.",
                    self.primary
                ),
                Some(Reason::QuorumNotReached) if heard < self.config.min_replicas => {
                    format!(
                        "Member {leader} has heard from {heard} replicas within {} s, and takes \
                         changes only with {} in touch.",
                        self.config.max_silence_s, self.config.min_replicas
                    )
                }
                Some(Reason::QuorumNotReached) => {
                    format!("W = {write} members must have it, and only {reached} can be reached.")
                }
                Some(_) => {
                    let stuck = self.stuck().map(|why| format!(" {why}")).unwrap_or_default();
                    format!("The primary, member {leader}, is down.{stuck}")
                }
            });
        }
        cx.decided(slot, why);
    }

    pub(super) fn explain_acknowledged<S: Sink + ?Sized>(
        &self,
        waiting: &Waiting,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(waiting.slot);
        if why.wanted()
            && let Some(&Request { stamp, .. }) = cx.request(waiting.slot)
        {
            let name = cx.own_name();
            let Waiting { leader, position, .. } = *waiting;
            for place in self.replicas() {
                let member = &self.members[place];
                let (received, applied) = (member.received, member.applied);
                why.line(|| Line {
                    subject: format!("member {place}"),
                    numbers: format!("received {received}, applied {applied}"),
                    chosen: match self.config.replication {
                        Replication::SemiSync => received >= position,
                        _ => applied >= position,
                    },
                });
            }
            let (write, _) = self.config.quorums();
            why.title(|| format!("{name} acknowledged version {}", stamp.commit));
            why.say(|| match self.config.replication {
                _ if position == 0 => format!(
                    "Member {leader} holds itself for the primary; nobody else has this change."
                ),
                Replication::Async => {
                    format!(
                        "Member {leader} has it as entry {position}; nobody else was waited for."
                    )
                }
                Replication::SemiSync if self.alone => format!(
                    "Member {leader} has it as entry {position}; replicas took too long, so nobody \
                     is waited for until one has caught up."
                ),
                Replication::SemiSync => {
                    format!("Entry {position} is at member {leader} and was received by a replica.")
                }
                Replication::Sync => {
                    format!("Entry {position} is applied at every replica that is waited for.")
                }
                Replication::Quorum => {
                    format!("Entry {position} is applied at W = {write} members.")
                }
                Replication::Wait => {
                    let (wanted, have) = (self.config.wait_for, self.having(position));
                    let took = cx.now().since(waiting.since);
                    let over = match have < wanted {
                        true => format!("the time of {} ms was over", self.config.semi_timeout_ms),
                        false => format!("{wanted} were wanted"),
                    };
                    format!(
                        "Entry {position} is applied at {have} replicas after {took}: {over}. The \
                         client is told {have}."
                    )
                }
            });
        }
        cx.decided(waiting.slot, why);
    }

    pub(super) fn explain_poll<S: Sink + ?Sized>(
        &self,
        slot: u32,
        first: usize,
        need: usize,
        reached: usize,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(slot);
        if why.wanted() {
            let name = cx.own_name();
            let members = self.members.len();
            let after = self.cursor;
            let enough = reached >= need;
            why.line(|| Line {
                subject: format!("from member {first}"),
                numbers: format!("cursor ({first} + 1) mod {members} = {after}"),
                chosen: enough,
            });
            why.title(|| match enough {
                true => format!("{name} asked R = {need} members"),
                false => format!("{name} refused it: quorum not reached"),
            });
            why.say(|| match enough {
                true => format!("R = {need} of {members}, beginning with member {first}."),
                false => format!("R = {need} must answer, and only {reached} can be reached."),
            });
        }
        cx.decided(slot, why);
    }

    pub(super) fn explain_share<S: Sink + ?Sized>(
        &self,
        poll: &Poll,
        best: usize,
        newest: Stamp,
        cx: &mut Context<'_, S>,
    ) {
        let mut why = cx.why(poll.slot);
        if why.wanted() {
            let name = cx.own_name();
            let found = poll.best.unwrap_or_default().0.stamp;
            let stale = newest > found;
            let (write, _) = self.config.quorums();
            let (need, members) = (poll.need, self.members.len());
            why.line(|| Line {
                subject: format!("member {best}"),
                numbers: format!("version {}", found.commit),
                chosen: true,
            });
            why.title(|| match stale {
                true => format!("{name} gave an old value"),
                false => format!("{name} gave the newest value"),
            });
            why.say(|| {
                let sum = usize::from(need) + write;
                let than = if sum > members { "more than" } else { "not more than" };
                format!(
                    "Of {need} answers the newest is version {}. R + W = {need} + {write} = {sum} \
                     is {than} N = {members}.",
                    found.commit
                )
            });
        }
        cx.decided(poll.slot, why);
    }
}
