//! The log by itself.

use proptest::prelude::*;

use super::*;
use crate::sim::Span;

fn ms(ms: u64) -> Time {
    Time::ZERO + Span::from_millis(ms)
}

fn owners_of(log: &Log<u32>) -> Vec<Option<u32>> {
    log.groups()[0].cursors().iter().map(|cursor| cursor.owner).collect()
}

#[test]
fn what_was_taken_and_not_committed_is_read_again() {
    let mut log = Log::new(1, 1);
    log.join(0, 1, "a");
    log.share_out(0, Sharing::Range, ms(0));
    for body in 0..5 {
        log.append(None, body, ms(0));
    }
    let taken: Vec<_> = (0..3).filter_map(|_| log.take(ms(0), 0, false, |_| true)).collect();
    assert_eq!(log.done(&taken[1], false), (0, 0), "offset 0 comes first");
    assert_eq!(log.done(&taken[0], false), (2, 0));
    log.rewind_member(0, 1);
    assert_eq!(log.done(&taken[2], false), (0, 0), "of a reading that is over");
    let again = log.take(ms(0), 0, false, |_| true).expect("there is more");
    assert_eq!((again.offset, again.body), (2, 2));
    assert_eq!(log.counts(), (2, 1));
}

#[test]
fn cooperative_moves_little_and_stops_only_what_moves() {
    for (how, moves, still) in [(Sharing::Range, 3, 6), (Sharing::Cooperative, 2, 2)] {
        let mut log = Log::<u32>::new(6, 1);
        log.join(0, 1, "a");
        log.join(0, 2, "b");
        log.share_out(0, how, ms(0));
        assert_eq!(owners_of(&log).iter().flatten().count(), 6);
        log.join(0, 3, "c");
        assert_eq!(log.share_out(0, how, ms(50)), moves);
        let stopped = log.groups()[0].cursors().iter().filter(|c| c.still_until == ms(50));
        assert_eq!(stopped.count(), still);
    }
}

proptest! {
    /// Everything appended waits, is out, or was committed; nobody reads what somebody else reads.
    #[test]
    fn every_record_is_somewhere(steps in prop::collection::vec((0u8..6, any::<u8>()), 0..200)) {
        let mut log = Log::new(3, 2);
        let (mut appended, mut passed) = (0u64, 0u64);
        let mut held = Vec::new();
        for (number, (what, gene)) in steps.into_iter().enumerate() {
            let (now, member) = (ms(number as u64), u32::from(gene % 3));
            let group = usize::from(gene / 3 % 2);
            match what {
                0 | 1 => {
                    log.append(gene.is_multiple_of(2).then_some(&[gene][..]), gene, now);
                    appended += 2;
                }
                2 => held.extend(log.take(now, 2, false, |_| true)),
                3 if !held.is_empty() => {
                    let taken = held.remove(usize::from(gene) % held.len());
                    let (handled, skipped) = log.done(&taken, gene.is_multiple_of(5));
                    passed += handled + skipped;
                }
                4 => {
                    if log.groups()[group].members().contains_key(&member) {
                        log.rewind_member(group, member);
                        log.leave(group, member);
                    } else {
                        log.join(group, member, "m");
                    }
                    log.share_out(group, Sharing::Sticky, now);
                }
                _ => log.rewind(group, usize::from(gene % 3), now),
            }
            let (waiting, out) = log.counts();
            prop_assert_eq!(appended, waiting + out + passed);
            for readers in log.groups() {
                for cursor in readers.cursors() {
                    let owner = cursor.owner;
                    prop_assert!(owner.is_none_or(|one| readers.members().contains_key(&one)));
                    prop_assert!(owner.is_some() || readers.members().is_empty());
                }
            }
        }
    }
}
