//! Range queries: a call to every shard that owns a key of the run, and one answer when all are in.

use super::{Errand, Router, Way};
use crate::sim::{Context, Key, Line, LinkId, Op, Outcome, Reason, Sink, Stamp, Want};

/// Of runs longer than this every shard is asked, without looking whose keys they are.
const KEYS_MAX: u32 = 1_000;

/// A range query whose parts are under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    /// Parts that are not back yet.
    left: u32,
    /// Why one of them failed, if one did.
    failed: Option<Reason>,
}

impl Router {
    /// The links to the shards with a key of this run.
    fn asked<S: Sink + ?Sized>(&self, key: Key, width: u32, cx: &Context<'_, S>) -> Vec<LinkId> {
        let all = || self.members().iter().map(|member| member.link).collect();
        let Some(first) = key.number() else {
            let mut name = String::new();
            cx.spell_key(key, &mut name);
            return match self.way(key, &name) {
                Way::To(link) => vec![link],
                Way::Hold(_) | Way::Nowhere => Vec::new(),
            };
        };
        if width > KEYS_MAX {
            return all();
        }
        let mut links: Vec<LinkId> = Vec::new();
        for number in first..first.saturating_add(width.max(1)) {
            let key = Key::numbered(number);
            let mut name = String::new();
            cx.spell_key(key, &mut name);
            let from = self.moves.get(&number).and_then(|on_its_way| self.link_to(on_its_way.from));
            let link = match (self.way(key, &name), from) {
                (Way::To(link), _) | (Way::Hold(_), Some(link)) => link,
                (Way::Hold(_) | Way::Nowhere, _) => continue,
            };
            if !links.contains(&link) {
                links.push(link);
            }
            if links.len() == self.members().len() {
                break;
            }
        }
        links.sort_unstable();
        links
    }

    pub(super) fn scatter<S: Sink + ?Sized>(&mut self, slot: u32, cx: &mut Context<'_, S>) {
        let Some(&request) = cx.request(slot) else { return };
        let links = match self.refusal {
            None => self.asked(request.key, request.width, cx),
            Some(_) => Vec::new(),
        };
        let mut why = cx.why(slot);
        let (n, all) = (links.len(), self.members().len());
        let own = cx.own_name();
        why.title(|| format!("{own} asked {n} of {all} shards"));
        if why.wanted() {
            for &link in &links {
                let subject = cx.peer(link).name.to_string();
                let numbers = "has keys of the run".to_owned();
                why.line(|| Line { subject, numbers, chosen: true });
            }
        }
        why.say(|| {
            let width = request.width;
            format!("The run of {width} keys lies on {n} of {all} shards; the last answer counts.")
        });
        cx.decided(slot, why);
        if links.is_empty() {
            self.homeless += 1;
            return cx.fail(slot, Reason::BadRequest);
        }
        self.scans.insert(slot, Scan { left: n as u32, failed: None });
        cx.wait_for_calls(slot);
        let want = Want { op: Op::Scan, key: request.key, width: request.width };
        for link in links {
            self.count_sent(link, cx);
            let call = cx.call(Some(slot), want, Stamp::default(), link);
            self.calls.insert(call, Errand::Scan(slot));
        }
    }

    /// A part of a range query is back.
    pub(super) fn part_is_back<S: Sink + ?Sized>(
        &mut self,
        call: u32,
        slot: u32,
        cx: &mut Context<'_, S>,
    ) {
        let outcome = cx.request(call).map(|request| request.outcome);
        cx.end_call(call);
        let Some(scan) = self.scans.get_mut(&slot) else { return };
        scan.left -= 1;
        if let Some(Outcome::Failed(reason, _)) = outcome {
            scan.failed = scan.failed.or(Some(reason));
        }
        if scan.left > 0 {
            return;
        }
        let failed = scan.failed;
        self.scans.remove(&slot);
        match failed {
            // A range with a hole in it is no answer.
            Some(reason) => cx.fail(slot, reason),
            None => cx.reply(slot, Outcome::Done),
        }
    }
}
