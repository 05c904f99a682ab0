//! Why a query touches the partitions it touches, in numbers that can be redone on paper.

use super::Table;
use super::config::Scheme;
use super::spelled;
use crate::policy::hash::md5::{hex, md5};
use crate::policy::place::course::{PARTITIONS, partition_of};
use crate::sim::{Context, Key, Line, Op, Sink, Why};

/// How many partitions the reasons name one by one.
const SHOWN: usize = 8;

impl Table {
    /// The rule for one key, without asking anybody: for `Try a key`.
    pub fn try_key(&self, key: &str) -> Why {
        let mut why = Why::on();
        self.rule(key, &mut why);
        why
    }

    /// The rule for one key: its partition and how it is found.
    fn rule(&self, key: &str, why: &mut Why) {
        let part = self.parts.of(key);
        let name = &self.parts.all[part].name;
        match self.config.scheme {
            Scheme::Hash => {
                let (byte, number) = partition_of(key.as_bytes());
                why.line(|| Line {
                    subject: name.to_string(),
                    numbers: format!("{byte} mod {PARTITIONS} = {number}"),
                    chosen: true,
                });
                why.say(|| {
                    let digest = hex(&md5(key.as_bytes()));
                    format!(
                        "md5({key:?}) is {digest}; its first byte {byte:#04x} = {byte}; \
                         {byte} mod {PARTITIONS} = {number}: {name}."
                    )
                });
            }
            Scheme::Range => {
                let ((place, words), n) = (self.parts.words(part), self.parts.all.len());
                why.line(|| Line {
                    subject: name.to_string(),
                    numbers: format!("range {place} of {n}: {words}"),
                    chosen: true,
                });
                why.say(|| format!("{key:?} is in range {place} of {n}, {words}: {name}."));
            }
        }
    }

    pub(super) fn explain<S: Sink + ?Sized>(
        &self,
        slot: u32,
        touched: &[usize],
        why: &mut Why,
        cx: &Context<'_, S>,
    ) {
        let Some(request) = cx.request(slot) else { return };
        let (name, key) = (cx.own_name(), spelled(request.key, cx));
        match (request.op, request.key.number()) {
            (Op::Scan, Some(number)) => {
                let last = number.saturating_add(request.width.max(1) - 1);
                self.explain_run(&key, &spelled(Key::numbered(last), cx), touched, why);
            }
            _ => self.rule(&key, why),
        }
        let missing = touched.iter().find(|&&part| !self.parts.all[part].attached);
        let full = touched.iter().find(|&&part| self.is_full(part));
        let of = |part: usize| self.parts.all[part].name.clone();
        let (n, all) = (touched.len(), self.parts.all.len());
        match (missing, full) {
            (Some(&part), _) => {
                let missing = of(part);
                why.title(|| format!("partition {missing} not found"));
                add(why, &format!("{missing} is not attached to {name}."));
            }
            (None, Some(&part)) => {
                let full = of(part);
                why.title(|| format!("{full} of {name} turned it away"));
                add(why, &format!("Every worker and every waiting place of {full} is taken."));
            }
            (None, None) => {
                why.title(|| format!("{name} touched {n} of {all} partitions"));
            }
        }
    }

    fn explain_run(&self, first: &str, last: &str, touched: &[usize], why: &mut Why) {
        for &part in touched.iter().take(SHOWN) {
            let found = &self.parts.all[part];
            let (busy, waiting) = (found.busy.value(), found.waiting.value());
            why.line(|| Line {
                subject: found.name.to_string(),
                numbers: match self.config.scheme {
                    Scheme::Hash => format!("{busy} working, {waiting} waiting"),
                    Scheme::Range => self.parts.words(part).1,
                },
                chosen: true,
            });
        }
        let (n, all) = (touched.len(), self.parts.all.len());
        why.say(|| match self.config.scheme {
            Scheme::Hash => format!(
                "Touched {n} of {all}, pruned none: a hash scatters neighbours, so any partition \
                 may hold a row from {first} to {last}."
            ),
            Scheme::Range => format!(
                "Touched {n} of {all}, pruned {}: only these ranges meet {first} to {last}.",
                all - n
            ),
        });
    }
}

/// One sentence more.
fn add(why: &mut Why, words: &str) {
    let before = std::mem::take(&mut why.sentence);
    why.say(|| format!("{before} {words}"));
}
