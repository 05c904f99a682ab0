//! The reasons of HAProxy's hashes: the slot or the points, and whose they are.

use super::hashed::{HaproxyHashed, Passed, Table};
use super::ring::Found;
use super::{avoided, has_room, out_of_it};
use crate::policy::balance::{Ask, Backend};
use crate::sim::{Line, Why};

impl HaproxyHashed {
    /// The slot that was taken, by key or in turn.
    pub(super) fn explain_slot(
        &self,
        ask: &Ask,
        number: Option<(u32, u32)>,
        (place, slot): (usize, usize),
        backends: &[Backend],
        why: &mut Why,
    ) {
        let Table::Map(map) = &self.table else { return };
        for (other, backend) in backends.iter().enumerate() {
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: map.words(other, &self.pool, backends),
                chosen: other == place,
            });
        }
        why.say(|| {
            let (name, (_, all)) = (&backends[place].name, map.share(place));
            match number {
                Some(_) if self.alone() => format!(
                    "Only one server is in use, so nothing is hashed: slot {slot} is {name}'s."
                ),
                Some(number) => format!(
                    "{}; modulo {all} that is {slot}, and slot {slot} is {name}'s.",
                    self.reader.words(ask, number)
                ),
                None => format!("There is no key; it was the turn of slot {slot}, {name}'s."),
            }
        });
    }

    /// The point that was next in turn.
    pub(super) fn explain_turn(
        &self,
        place: usize,
        point: u32,
        backends: &[Backend],
        why: &mut Why,
    ) {
        for (other, backend) in backends.iter().enumerate() {
            why.line(|| Line {
                subject: backend.name.to_string(),
                numbers: match out_of_it(other, &self.pool, backends) {
                    Some(words) => words.to_owned(),
                    None => format!("{} points", self.pool.servers[other].weight),
                },
                chosen: other == place,
            });
        }
        let name = &backends[place].name;
        why.say(|| format!("There is no key; the next point in turn, {point}, is {name}'s."));
    }

    /// Why a walk in turn found nobody although somebody has room.
    pub(super) fn explain_lost(&self, backends: &[Backend], why: &mut Why) {
        let Table::Ring(ring) = &self.table else { return };
        let room = |place| self.pool.serves(place) && has_room(&backends[place]);
        if ring.len() > 0 && (0..backends.len()).any(room) {
            let name = &backends[ring.point(0).0].name;
            why.say(|| {
                format!(
                    "There is no key. With no point to go on from, the walk looks at the lowest \
                     one alone, and its server, {name}, is full."
                )
            });
        }
    }

    /// The two points around the hash, and those walked past.
    pub(super) fn explain(
        &self,
        ask: &Ask,
        number: (u32, u32),
        found: Found,
        backends: &[Backend],
        why: &mut Why,
    ) {
        let Table::Ring(ring) = &self.table else { return };
        let [before, after] = found.around;
        let walk = (0..ring.len()).map(|step| (found.near + step) % ring.len());
        let walked = walk.take_while(|point| *point != found.taken).chain([found.taken]);
        let mut rows = vec![before];
        if after != before {
            rows.push(after);
        }
        for point in walked {
            let same = |row: &usize| ring.point(*row).0 == ring.point(point).0;
            // A server passed over several times has one row; the point taken always has its own.
            if !rows.contains(&point) && (point == found.taken || !rows.iter().any(same)) {
                rows.push(point);
            }
        }
        for point in rows {
            let (place, position) = ring.point(point);
            let mut numbers = format!("point {position}");
            if point == before {
                numbers += &format!(", {} before the hash", number.1.wrapping_sub(position));
            } else if point == after {
                numbers += &format!(", {} after the hash", position.wrapping_sub(number.1));
            }
            if let Some(passed) = self.passed_over(place, avoided(ask), backends) {
                numbers += &self.reason(passed, place, backends);
            }
            let subject = backends[place].name.to_string();
            why.line(|| Line { subject, numbers, chosen: point == found.taken });
        }
        let name = &backends[ring.point(found.taken).0].name;
        let words = match self.alone() {
            true => "Only one server is in use, so nothing is hashed: 0".to_owned(),
            false => self.reader.words(ask, number),
        };
        let rule = match found.taken == found.near {
            true => "which is nearest to a point of",
            false => "and those nearer on the ring being passed over, the next one up is that of",
        };
        why.say(|| format!("{words}, {rule} {name}."));
    }

    fn reason(&self, passed: Passed, place: usize, backends: &[Backend]) -> String {
        let in_flight = backends[place].in_flight;
        match passed {
            Passed::Tried => ": has just been tried".to_owned(),
            Passed::Full => format!(": full with {in_flight} in flight"),
            Passed::Share => format!(
                ": has {in_flight} of its {} slots, {} being in flight in all",
                self.bound.slots(place, &self.pool),
                self.bound.all()
            ),
        }
    }
}
