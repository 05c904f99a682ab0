//! Watchers beside the members that decide about a failover, as Redis Sentinel does: who misses
//! the primary, whether enough of them agree, whether a majority votes, and whom they promote.
//!
//! Watchers are not placed in the network: all that answer see the same, at the same time. They
//! reach every member that the other members reach. One who misses a member for the detection time
//! holds it for down (`+sdown`); when a quorum does, the primary is down for all (`+odown`), and
//! one of them tries to lead the failover. A majority of all must vote for it, awake or not. A
//! failover that was tried goes on although the old primary comes back, and that one follows then.
//!
//! Not modelled: the votes of single watchers, second tries after `failover-timeout` (a new try is
//! made when settings or members change), TILT.
//!
//! Source: Redis 7.0 `sentinel.c` (`sentinelSelectSlave`, `compareSlavesForPromotion`,
//! `sentinelGetLeader`), and its log.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::{Database, Replication, SENTINEL};
use crate::sim::{Context, Sink, Span, Time};

/// Watchers look, ask each other and go on ten times a second (`sentinelTimer`, hz 10).
const TICK: Span = Span::from_millis(100);
/// They ask a replica how it is once a second while a failover is under way.
const INFO: Span = Span::from_millis(1_000);
/// How many events are listed.
const LISTED_MAX: usize = 100;

/// What watchers say in their log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// A member has not answered for the detection time.
    SubjectivelyDown,
    /// It answers again.
    BackAgain,
    /// As many watchers as the quorum hold the primary for down.
    ObjectivelyDown,
    /// Not so many any more.
    NoLongerDown,
    /// A new number for whatever is decided now.
    NewEpoch,
    /// One of them wants to lead the failover.
    TryFailover,
    /// They vote for it; so many do.
    Votes(u8),
    /// It has a majority.
    ElectedLeader,
    /// It has chosen whom to promote.
    SelectedReplica,
    /// It found nobody to promote.
    NoGoodReplica,
    /// The chosen one says that it is the primary.
    PromotedReplica,
    /// Clients are told the new address.
    SwitchMaster,
    /// The others follow.
    FailoverEnd,
}

impl Said {
    /// Its name in the log of Redis Sentinel.
    pub fn name(self) -> &'static str {
        match self {
            Said::SubjectivelyDown => "+sdown",
            Said::BackAgain => "-sdown",
            Said::ObjectivelyDown => "+odown",
            Said::NoLongerDown => "-odown",
            Said::NewEpoch => "+new-epoch",
            Said::TryFailover => "+try-failover",
            Said::Votes(_) => "+vote-for-leader",
            Said::ElectedLeader => "+elected-leader",
            Said::SelectedReplica => "+selected-slave",
            Said::NoGoodReplica => "-failover-abort-no-good-slave",
            Said::PromotedReplica => "+promoted-slave",
            Said::SwitchMaster => "+switch-master",
            Said::FailoverEnd => "+failover-end",
        }
    }
}

/// A line of the watchers' log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentinelEvent {
    /// When.
    pub at: Time,
    /// What.
    pub said: Said,
    /// About which member.
    pub member: u8,
}

impl SentinelEvent {
    /// `1.10 s +odown member 0`.
    pub fn words(&self) -> String {
        let SentinelEvent { at, said, member } = self;
        let name = said.name();
        match said {
            Said::NewEpoch => format!("{at} {name}"),
            Said::Votes(votes) => format!("{at} {name}: {votes}"),
            _ => format!("{at} {name} member {member}"),
        }
    }
}

/// What the watchers do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Ask each other whether the primary is down.
    Agree,
    /// Count the votes.
    Elect,
    /// Choose whom to promote.
    Select,
    /// Hear from the chosen one that it is the primary.
    Promote(u8),
    /// See the others point to the new one.
    Close(u8),
    /// End it.
    End,
}

/// The watchers' log, and how far a failover is.
#[derive(Clone, Debug, Default)]
pub(super) struct Sentinels {
    log: VecDeque<SentinelEvent>,
    epoch: u32,
    /// What is next, and about whom.
    next: Option<(Step, u8)>,
    /// Counts the steps: a timer of an old one means nothing.
    steps: u32,
}

impl Database {
    /// Is it left to watchers who is promoted when?
    pub(super) fn watched(&self) -> bool {
        self.config.sentinels > 0
    }

    fn say<S: Sink + ?Sized>(&mut self, said: Said, member: usize, cx: &Context<'_, S>) {
        let log = &mut self.sentinels.log;
        if log.len() == LISTED_MAX {
            log.pop_front();
        }
        log.push_back(SentinelEvent { at: cx.now(), said, member: member as u8 });
    }

    /// The watchers miss a member. Gives whether there is one who notices.
    pub(super) fn miss<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) -> bool {
        let notices = self.config.sentinels_awake() > 0;
        if notices {
            self.say(Said::SubjectivelyDown, place, cx);
        }
        notices
    }

    /// A member that was missed answers again.
    pub(super) fn find_again<S: Sink + ?Sized>(&mut self, place: usize, cx: &mut Context<'_, S>) {
        if self.config.sentinels_awake() > 0 {
            self.say(Said::BackAgain, place, cx);
        }
        // Before anybody has tried to lead, that is all.
        if matches!(self.sentinels.next, Some((Step::Agree, about)) if usize::from(about) == place)
        {
            self.sentinels.next = None;
        }
    }

    /// Begins a failover, if the primary is missed and none is under way.
    pub(super) fn begin_round<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        if self.sentinels.next.is_none() && self.is_down_for_all() {
            self.go_on(Step::Agree, self.primary, TICK, cx);
        }
    }

    /// Do as many watchers as the quorum miss the primary?
    fn is_down_for_all(&self) -> bool {
        let primary = &self.members[self.primary];
        let missed = primary.missed && !primary.in_reach();
        missed && self.config.sentinels_awake() >= self.config.sentinel_quorum
    }

    fn go_on<S: Sink + ?Sized>(
        &mut self,
        step: Step,
        about: usize,
        after: Span,
        cx: &mut Context<'_, S>,
    ) {
        self.sentinels.steps = self.sentinels.steps.wrapping_add(1);
        self.sentinels.next = Some((step, about as u8));
        cx.wake_in(after, SENTINEL, self.sentinels.steps);
    }

    /// The watchers take the next step of a failover.
    pub(super) fn step<S: Sink + ?Sized>(&mut self, number: u32, cx: &mut Context<'_, S>) {
        if number != self.sentinels.steps {
            return;
        }
        let Some((step, about)) = self.sentinels.next.take() else { return };
        let about = usize::from(about);
        match step {
            Step::Agree if self.is_down_for_all() => self.try_to_lead(cx),
            Step::Agree => {}
            Step::Elect if self.config.sentinels_awake() >= self.config.votes_needed() => {
                self.say(Said::ElectedLeader, about, cx);
                self.go_on(Step::Select, about, TICK, cx);
            }
            // No majority: nobody leads, nobody is promoted.
            Step::Elect => {}
            Step::Select => match self.heir() {
                Some(heir) => {
                    self.say(Said::SelectedReplica, heir, cx);
                    self.go_on(Step::Promote(heir as u8), about, INFO, cx);
                }
                None => self.say(Said::NoGoodReplica, about, cx),
            },
            Step::Promote(heir) => self.crown(usize::from(heir), about, cx),
            Step::Close(heir) => {
                self.say(Said::NoLongerDown, about, cx);
                self.go_on(Step::End, usize::from(heir), INFO, cx);
            }
            Step::End => {
                self.say(Said::FailoverEnd, about, cx);
                // The new primary may be gone by now.
                self.begin_round(cx);
            }
        }
    }

    /// The primary is down for all: one of the watchers asks the others for their votes.
    fn try_to_lead<S: Sink + ?Sized>(&mut self, cx: &mut Context<'_, S>) {
        let (about, votes) = (self.primary, self.config.sentinels_awake());
        self.sentinels.epoch += 1;
        for said in [Said::ObjectivelyDown, Said::NewEpoch, Said::TryFailover, Said::Votes(votes)] {
            self.say(said, about, cx);
        }
        self.go_on(Step::Elect, about, TICK, cx);
    }

    /// The chosen one is the primary from now on.
    fn crown<S: Sink + ?Sized>(&mut self, heir: usize, about: usize, cx: &mut Context<'_, S>) {
        let fits = about == self.primary && self.candidates().any(|place| place == heir);
        if !fits {
            self.say(Said::NoGoodReplica, about, cx);
            return self.begin_round(cx);
        }
        self.say(Said::PromotedReplica, heir, cx);
        self.say(Said::SwitchMaster, heir, cx);
        self.promote(heir, cx);
        // It came back too late, and is told to follow.
        self.step_down(about, cx);
        self.go_on(Step::Close(heir as u8), about, TICK, cx);
    }

    /// Who can be promoted.
    fn candidates(&self) -> impl Iterator<Item = usize> {
        let sync = self.config.replication == Replication::Sync;
        self.replicas().filter(move |place| {
            let member = &self.members[*place];
            let whole = member.received >= self.log.base() && member.apart.is_none();
            let willing = self.config.priority(*place) > 0;
            member.in_reach() && whole && willing && (member.in_sync || !sync)
        })
    }

    /// Who is promoted: the lowest priority number, then the longest log (Redis Cluster's rank 0),
    /// then the lowest member.
    pub(super) fn heir(&self) -> Option<usize> {
        let rank = |place: &usize| {
            let priority = Reverse(self.config.priority(*place));
            (priority, self.members[*place].received, Reverse(*place))
        };
        self.candidates().max_by_key(rank)
    }

    /// The watchers' log, oldest first, at most a hundred lines.
    pub fn sentinel_events(&self) -> impl Iterator<Item = &SentinelEvent> {
        self.sentinels.log.iter()
    }

    /// How often watchers tried a failover.
    pub fn epoch(&self) -> u32 {
        self.sentinels.epoch
    }

    /// Why nobody takes the place of a primary that is gone, if watchers keep it so.
    pub fn stuck(&self) -> Option<String> {
        let primary = &self.members[self.primary];
        if !self.watched() || !self.config.failover || primary.in_reach() {
            return None;
        }
        let (awake, all) = (self.config.sentinels_awake(), self.config.sentinels);
        let (quorum, votes) = (self.config.sentinel_quorum, self.config.votes_needed());
        match () {
            () if awake < quorum => Some(format!(
                "{awake} of {all} sentinels answer, and the quorum to hold the primary for down \
                 is {quorum}: nobody is promoted."
            )),
            () if awake < votes => Some(format!(
                "{awake} of {all} sentinels answer, and whoever leads a failover needs {votes} \
                 votes: nobody is promoted."
            )),
            () if primary.missed && self.heir().is_none() => {
                Some("No replica can be promoted.".to_owned())
            }
            () => None,
        }
    }
}
