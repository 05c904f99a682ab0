//! The reasons that a cluster gives: who holds a key and why, who was asked, who answered what.

use super::ask::spelled;
use super::config::{Level, ReadsFrom};
use super::ground::Homes;
use super::member::Kept;
use super::{Cluster, Hands, Work, name_of};
use crate::node::shelf::Entry;
use crate::sim::{Found, Key, Line, Reason, Span, Time, Why};

/// Names of members: `m2, m0`.
fn names(places: &[u8]) -> String {
    let names: Vec<String> = places.iter().map(|place| name_of(usize::from(*place))).collect();
    names.join(", ")
}

/// How many a level asks of so many copies, as a calculation.
fn needed(level: Level, copies: usize) -> String {
    match level {
        Level::One => "one is enough".to_owned(),
        Level::Quorum => format!("a quorum is {copies} / 2 + 1 = {}", level.of(copies)),
        Level::All => format!("all {copies} are needed"),
    }
}

/// One more sentence.
fn more(why: &mut Why, words: &str) {
    let before = std::mem::take(&mut why.sentence);
    let gap = if before.is_empty() { "" } else { " " };
    why.say(|| format!("{before}{gap}{words}"));
}

/// An entry, or that there is none: `version 17, in at 2.1 s`.
fn shown(entry: Option<Entry>) -> String {
    match entry {
        None => "nothing".to_owned(),
        Some(Entry { stamp, found: Found::Nothing, .. }) => {
            format!("deleted by version {}", stamp.commit)
        }
        Some(Entry { stamp, since, .. }) => format!("version {}, in at {since}", stamp.commit),
    }
}

impl Cluster {
    /// Who owns a key and who else holds it, as the placement says it.
    fn explain_homes(&self, why: &mut Why, key: &str, homes: &Homes) {
        if let Some(ground) = &self.ground {
            ground.owner(key, why);
        }
        if let Some(words) = &self.refusal {
            return more(why, &format!("It cannot place keys: {words}."));
        }
        if homes.copies == 0 {
            return more(why, "No member owns the key.");
        }
        for (number, &place) in (1..).zip(&homes.acting) {
            why.line(|| Line {
                subject: name_of(usize::from(place)),
                numbers: format!("number {number} of {} that hold it", homes.copies),
                chosen: number == 1,
            });
        }
        for &place in &homes.passed {
            why.line(|| Line {
                subject: name_of(usize::from(place)),
                numbers: "known to be gone: passed over".to_owned(),
                chosen: false,
            });
        }
    }

    /// The reasons for which a key is where it is. Nothing is asked.
    pub fn try_key(&self, key: &str) -> Why {
        let mut why = Why::on();
        let homes = self.homes(key);
        self.explain_homes(&mut why, key, &homes);
        if homes.copies > 1
            && let Some(ground) = &self.ground
        {
            more(&mut why, ground.placement.second().words());
        }
        why
    }

    /// What a request is asked for: empty reasons when nobody looks.
    fn reasons(&self, slot: u32, cx: &Hands<'_>) -> Option<(Why, String, String)> {
        let why = cx.why(slot);
        let key = cx.request(slot).filter(|_| why.wanted())?.key;
        Some((why, cx.own_name().to_string(), spelled(key, cx)))
    }

    pub(super) fn explain_asking(
        &self,
        slot: u32,
        homes: &Homes,
        list: &[u8],
        need: usize,
        turn: u32,
        cx: &mut Hands<'_>,
    ) {
        let Some((mut why, own, word)) = self.reasons(slot, cx) else { return };
        self.explain_homes(&mut why, &word, homes);
        let level = needed(self.config.read_level, homes.copies);
        let there = list.len();
        match there < need || homes.copies == 0 {
            true => self.refused(&mut why, &own, need, there, &level),
            false => {
                why.title(|| format!("{own} asked {}", names(&list[..need])));
                let mut words = format!("Of those that hold it, {level}.");
                if self.config.reads_from == ReadsFrom::InTurn && there > 1 {
                    let first = turn as usize % there;
                    let whom = names(&list[..1]);
                    words += &format!(" In turn: {turn} mod {there} = {first}, so {whom} first.");
                }
                more(&mut why, &words);
            }
        }
        cx.decided(slot, why);
    }

    fn refused(&self, why: &mut Why, own: &str, need: usize, there: usize, level: &str) {
        why.title(|| format!("{own} could not ask anybody"));
        if need > 0 {
            let is_gone = "known to be there";
            more(why, &format!("Of those that hold it, {level}, and only {there} are {is_gone}."));
        }
    }

    pub(super) fn explain_keeping(
        &self,
        slot: u32,
        homes: &Homes,
        need: usize,
        entry: Entry,
        cx: &mut Hands<'_>,
    ) {
        let Some((mut why, own, word)) = self.reasons(slot, cx) else { return };
        self.explain_homes(&mut why, &word, homes);
        let level = needed(self.config.write_level, homes.copies);
        let there = homes.acting.len();
        match there < need || homes.copies == 0 {
            true => self.refused(&mut why, &own, need, there, &level),
            false => {
                let version = entry.stamp.commit;
                why.title(|| format!("{own} gave version {version} to its members"));
                let lag = Span::from_millis_f64(self.config.lag_ms);
                let mut words = format!("Of those that hold it, {level}.");
                if there > need {
                    let rest = names(&homes.acting[need..]);
                    words += &format!(" It goes to {rest} {lag} later, and nobody waits for that.");
                }
                if self.config.hints && !homes.passed.is_empty() {
                    words += &format!(" It is kept for {}.", names(&homes.passed));
                }
                more(&mut why, &words);
            }
        }
        cx.decided(slot, why);
    }

    pub(super) fn explain_passing(&self, slot: u32, cx: &mut Hands<'_>) {
        let Some((mut why, own, word)) = self.reasons(slot, cx) else { return };
        why.title(|| format!("{own} sent {word} on to the store"));
        why.say(|| "The store is asked first.".to_owned());
        cx.decided(slot, why);
    }

    /// Says so when somebody had to leave for a version, or it was not taken.
    pub(super) fn explain_kept(
        &self,
        (slot, place): (u32, usize),
        (key, entry): (Key, Entry),
        kept: &Kept,
        mut why: Why,
        cx: &mut Hands<'_>,
    ) {
        if !why.wanted() {
            return;
        }
        let (name, word) = (name_of(place), spelled(key, cx));
        for line in &mut why.lines {
            // A policy knows keys as numbers.
            if let Ok(number) = line.subject.parse::<u32>() {
                line.subject = spelled(Key(number), cx);
            }
        }
        match kept {
            Kept::In(out) if out.is_empty() => return,
            Kept::In(out) => {
                let left: Vec<String> = out.iter().map(|key| spelled(*key, cx)).collect();
                let left = left.join(", ");
                why.title(|| format!("{name} evicted {left} for {word}"));
            }
            Kept::Not => {
                why.title(|| format!("{name} did not take {word}"));
                let held = self.entry_at(place, key);
                if held.is_some_and(|held| held.stamp > entry.stamp) {
                    let version = entry.stamp.commit;
                    why.say(|| format!("It has {}; this is version {version}.", shown(held)));
                }
            }
        }
        cx.decided(slot, why);
    }

    pub(super) fn explain_silence(
        &self,
        work: &Work,
        instead: u8,
        next: Option<u8>,
        reason: Reason,
        cx: &mut Hands<'_>,
    ) {
        let Some((mut why, own, _)) = self.reasons(work.slot, cx) else { return };
        let silent = name_of(usize::from(instead));
        why.title(|| match next {
            Some(place) => format!("{own} asked {} instead", name_of(usize::from(place))),
            None if work.again => format!("{own} asked nobody else"),
            None => format!("{own} gave up: {}", reason.words()),
        });
        let patience = Span::from_millis_f64(self.config.timeout_ms);
        let cause = match reason {
            Reason::QueueFull => format!("{silent} had no waiting place for it"),
            _ => format!("{silent} did not answer within {patience}"),
        };
        let noticed = match self.members.get(usize::from(instead)) {
            Some(member) if !member.in_reach() && !member.gone => {
                " That it is gone has not been noticed yet."
            }
            _ => "",
        };
        let then = match next {
            Some(_) => ".",
            None if work.again => ", and the others have nothing: a miss.",
            None => ", and nobody else holds the key.",
        };
        why.say(|| format!("{cause}{then}{noticed}"));
        cx.decided(work.slot, why);
    }

    /// Who answered with what.
    fn explain_answers(&self, why: &mut Why, work: &Work, best: Option<Entry>, cx: &Hands<'_>) {
        for &(place, answer) in &work.answers {
            why.line(|| Line {
                subject: name_of(usize::from(place)),
                numbers: match answer {
                    Some(_) => shown(answer),
                    None => self.departure(usize::from(place), work.key, cx),
                },
                chosen: answer.is_some() && answer == best,
            });
        }
    }

    /// Why a member has nothing.
    fn departure(&self, place: usize, key: Key, cx: &Hands<'_>) -> String {
        match self.members.get(place).map(|member| member.shelf.departure(key)) {
            Some(Ok(Some(gone))) => gone.words(cx),
            Some(Ok(None)) => "never there".to_owned(),
            Some(Err(())) | None => "not there for long, if ever".to_owned(),
        }
    }

    /// `R + W = 2 + 2 = 4 is more than N = 3`.
    fn overlap(&self, copies: usize) -> String {
        let (read, write) = (self.config.read_level.of(copies), self.config.write_level.of(copies));
        let sum = read + write;
        let than = if sum > copies { "more than" } else { "not more than" };
        format!("R + W = {read} + {write} = {sum} is {than} N = {copies}.")
    }

    pub(super) fn explain_hit(&self, work: &Work, best: Entry, cx: &mut Hands<'_>) {
        let Some((mut why, own, word)) = self.reasons(work.slot, cx) else { return };
        self.explain_answers(&mut why, work, Some(best), cx);
        let version = best.stamp.commit;
        let expected = self.expected(work.key, work.since).commit;
        why.title(|| match expected > version {
            true => format!("{own} gave an old value of {word}"),
            false => format!("{own} had {word}"),
        });
        let copies = usize::from(work.copies);
        let answers = work.answers.len();
        let old = match expected > version {
            true => format!(" Version {expected} had been acknowledged when this read came."),
            false => String::new(),
        };
        why.say(|| {
            format!(
                "Of {answers} answers the newest is version {version}. {}{old}",
                self.overlap(copies)
            )
        });
        cx.decided(work.slot, why);
    }

    pub(super) fn explain_miss(&self, work: &Work, cx: &mut Hands<'_>) {
        let Some((mut why, own, word)) = self.reasons(work.slot, cx) else { return };
        self.explain_answers(&mut why, work, None, cx);
        why.title(|| format!("{own} did not have {word}"));
        let now: Time = cx.now();
        let holds = |place: &u8| {
            let member = self.members.get(usize::from(*place));
            member.is_some_and(|member| member.up && member.value(work.key, now).is_some())
        };
        let others: Vec<u8> = (0..self.members.len() as u8).filter(holds).collect();
        let next = match (self.config.pattern, self.store) {
            (super::Pattern::CacheAside, _) => "It says so: whoever asked manages it.",
            (_, Some(_)) => "The store is asked.",
            (_, None) => "No store is wired to it.",
        };
        why.say(|| match others.is_empty() {
            true => format!("Nobody who was asked had it. {next}"),
            false => {
                format!("Nobody who was asked had it; it is still at {}. {next}", names(&others))
            }
        });
        cx.decided(work.slot, why);
    }

    pub(super) fn explain_acknowledged(&self, work: &Work, cx: &mut Hands<'_>) {
        let Some((mut why, own, word)) = self.reasons(work.slot, cx) else { return };
        let kept: Vec<u8> = work.answers.iter().map(|(place, _)| *place).collect();
        self.explain_answers(&mut why, work, None, cx);
        let level = needed(self.config.write_level, usize::from(work.copies));
        why.title(|| format!("{own} acknowledged {word}"));
        why.say(|| format!("{} answered; {level}.", names(&kept)));
        cx.decided(work.slot, why);
    }

    pub(super) fn explain_loaded(
        &self,
        slot: u32,
        homes: &Homes,
        first: usize,
        entry: Entry,
        cx: &mut Hands<'_>,
    ) {
        let Some((mut why, own, word)) = self.reasons(slot, cx) else { return };
        let (at_once, later) = homes.acting.split_at(first.min(homes.acting.len()));
        let lag = Span::from_millis_f64(self.config.lag_ms);
        let version = entry.stamp.commit;
        why.title(|| format!("{own} gave {word} to {}", names(&homes.acting)));
        why.say(|| match later.is_empty() {
            true => format!("Version {version} came from the store. Nobody waits for the copies."),
            false => format!(
                "Version {version} came from the store. It goes to {} at once, to {} {lag} later; \
                 nobody waits for that.",
                names(at_once),
                names(later)
            ),
        });
        cx.decided(slot, why);
    }
}
