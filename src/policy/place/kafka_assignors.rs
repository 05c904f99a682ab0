//! Kafka's consumer groups: which member reads which partitions?
//!
//! - range: topic by topic, members in order of name get runs of partitions; the first few get one
//!   more when it does not divide evenly, and in every topic these are the same few.
//! - round robin: all partitions of all topics in order, dealt in turn to members in order of name;
//!   who is not subscribed is passed over.
//! - sticky: who has a partition keeps it; the free ones, those with fewest possible readers first,
//!   go to whoever has fewest (the earlier name of equals); then partitions move one at a time from
//!   members that have at least two more than another that could read them.
//!
//! Kafka calls sticky's cooperative form by another name; it ends with the same assignment and only
//! lets a moving partition rest for one round.
//!
//! Source: Apache Kafka `RangeAssignor`, `RoundRobinAssignor`, `StickyAssignor` (October 2024). The
//! sticky one here balances by the same rule but not by the same code: with differing
//! subscriptions Kafka may find another, equally balanced assignment.

use std::collections::BTreeMap;

/// A topic and one of its partitions.
pub type Partition<'a> = (&'a str, u32);
/// The partitions of each member, in the order in which it got them.
pub type Assignment<'a> = BTreeMap<&'a str, Vec<Partition<'a>>>;

/// A consumer group: who wants what, and what there is.
#[derive(Clone, Debug, Default)]
pub struct Group<'a> {
    /// The topics each member subscribes to.
    pub members: BTreeMap<&'a str, Vec<&'a str>>,
    /// How many partitions each topic has.
    pub topics: BTreeMap<&'a str, u32>,
}

impl<'a> Group<'a> {
    fn wants(&self, member: &str, topic: &str) -> bool {
        self.members.get(member).is_some_and(|topics| topics.contains(&topic))
    }

    fn nothing(&self) -> Assignment<'a> {
        self.members.keys().map(|&member| (member, Vec::new())).collect()
    }

    fn partitions(&self) -> impl Iterator<Item = Partition<'a>> + '_ {
        self.topics
            .iter()
            .flat_map(|(&topic, &count)| (0..count).map(move |number| (topic, number)))
    }

    /// Runs of each topic, by name.
    pub fn range(&self) -> Assignment<'a> {
        let mut given = self.nothing();
        for (&topic, &count) in &self.topics {
            let readers: Vec<&str> =
                self.members.keys().copied().filter(|member| self.wants(member, topic)).collect();
            let Some(each) = (count as usize).checked_div(readers.len()) else { continue };
            let odd = count as usize % readers.len();
            let mut next = 0u32;
            for (place, reader) in readers.iter().enumerate() {
                let run = (each + usize::from(place < odd)) as u32;
                if let Some(own) = given.get_mut(reader) {
                    own.extend((next..next + run).map(|number| (topic, number)));
                }
                next += run;
            }
        }
        given
    }

    /// All partitions in turn.
    pub fn round_robin(&self) -> Assignment<'a> {
        let mut given = self.nothing();
        let names: Vec<&str> = self.members.keys().copied().collect();
        let mut turn = 0usize;
        for (topic, number) in self.partitions() {
            let reader = (0..names.len())
                .map(|step| (turn + step) % names.len())
                .find(|&place| self.wants(names[place], topic));
            let Some(place) = reader else { continue };
            if let Some(own) = given.get_mut(names[place]) {
                own.push((topic, number));
            }
            turn = place + 1;
        }
        given
    }

    /// As much as possible stays as in `before`.
    pub fn sticky(&self, before: &Assignment<'a>) -> Assignment<'a> {
        let mut given = self.nothing();
        let mut free: Vec<Partition<'a>> = self.partitions().collect();
        for (member, partitions) in before {
            for &(topic, number) in partitions {
                let at = free.iter().position(|&partition| partition == (topic, number));
                if let (Some(at), true) = (at, self.wants(member, topic))
                    && let Some(own) = given.get_mut(member)
                {
                    own.push(free.remove(at));
                }
            }
        }
        let readers =
            |topic: &str| self.members.keys().filter(|member| self.wants(member, topic)).count();
        free.sort_by_key(|&(topic, number)| (readers(topic), topic, number));
        for partition in free {
            let fewest = given
                .iter_mut()
                .filter(|(member, _)| self.wants(member, partition.0))
                .min_by_key(|(_, own)| own.len());
            if let Some((_, own)) = fewest {
                own.push(partition);
            }
        }
        while self.move_one(&mut given) {}
        given
    }

    /// Moves one partition to a member that has at least two fewer. False when there is none.
    fn move_one(&self, given: &mut Assignment<'a>) -> bool {
        let mut takers: Vec<(usize, &'a str)> =
            given.iter().map(|(&member, own)| (own.len(), member)).collect();
        takers.sort_unstable();
        for &(few, taker) in &takers {
            for &(many, giver) in takers.iter().rev().take_while(|&&(many, _)| many >= few + 2) {
                let Some(own) = given.get_mut(giver) else { continue };
                debug_assert_eq!(own.len(), many);
                let Some(at) = own.iter().rposition(|&(topic, _)| self.wants(taker, topic)) else {
                    continue;
                };
                let partition = own.remove(at);
                if let Some(own) = given.get_mut(taker) {
                    own.push(partition);
                }
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(members: &[(&'static str, &[&'static str])]) -> Group<'static> {
        let members = members.iter().map(|(member, topics)| (*member, topics.to_vec())).collect();
        Group { members, topics: [("t0", 1), ("t1", 2), ("t2", 3)].into() }
    }

    const C0: (&str, &[&str]) = ("C0", &["t0"]);
    const C1: (&str, &[&str]) = ("C1", &["t0", "t1"]);
    const C2: (&str, &[&str]) = ("C2", &["t0", "t1", "t2"]);

    /// The example in Kafka's own comment: round robin leaves C2 with four of six.
    #[test]
    fn sticky_is_more_even_and_moves_less() {
        let all = group(&[C0, C1, C2]);
        assert_eq!(all.round_robin()["C2"].len(), 4);
        let before = all.sticky(&Assignment::default());
        assert_eq!(before["C1"], [("t1", 0), ("t1", 1)]);
        let after = group(&[C1, C2]).sticky(&before);
        assert_eq!(after["C1"], [("t1", 0), ("t1", 1), ("t0", 0)]);
        assert_eq!(after["C2"], before["C2"]);
    }

    #[test]
    fn a_newcomer_gets_its_share_and_nothing_else_moves() {
        let two = Group {
            members: [("a", vec!["t"]), ("b", vec!["t"])].into(),
            topics: [("t", 6)].into(),
        };
        let before = two.sticky(&Assignment::default());
        let mut three = two.clone();
        three.members.insert("c", vec!["t"]);
        let after = three.sticky(&before);
        assert!(after.values().all(|own| own.len() == 2));
        for member in ["a", "b"] {
            assert!(after[member].iter().all(|partition| before[member].contains(partition)));
        }
    }

    /// The other example there: of eight partitions only those of C1 move when it goes.
    #[test]
    fn who_stays_keeps_what_it_has() {
        let topics = ["t0", "t1", "t2", "t3"];
        let group = |members: &[&'static str]| Group {
            members: members.iter().map(|&member| (member, topics.to_vec())).collect(),
            topics: topics.map(|topic| (topic, 2)).into(),
        };
        let before = group(&["C0", "C1", "C2"]).sticky(&Assignment::default());
        assert_eq!(before["C0"], [("t0", 0), ("t1", 1), ("t3", 0)]);
        assert_eq!(before["C2"], [("t1", 0), ("t2", 1)]);
        let after = group(&["C0", "C2"]).sticky(&before);
        assert_eq!(after["C0"], [("t0", 0), ("t1", 1), ("t3", 0), ("t2", 0)]);
        assert_eq!(after["C2"], [("t1", 0), ("t2", 1), ("t0", 1), ("t3", 1)]);
    }

    #[test]
    fn a_topic_without_readers_stays_unread() {
        let none = group(&[C0]);
        assert_eq!(none.range()["C0"], [("t0", 0)]);
        assert_eq!(none.round_robin(), none.sticky(&Assignment::default()));
        assert!(Group::default().range().is_empty());
    }
}
