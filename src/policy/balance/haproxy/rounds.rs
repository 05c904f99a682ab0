//! The line, the trees and the rounds of HAProxy's roundrobin; the rule is told in `roundrobin.rs`.
//!
//! A server is in exactly one of three trees while it is usable, and in none otherwise. One
//! position passes with every server taken out, full ones included.

use super::tree::Tree;
use super::{EFFECTIVE_MAX, PARTS, Pool, Server, has_room};
use crate::policy::balance::Backend;

/// In which tree a server is. The two that take turns as *init* and *next* go by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum In {
    #[default]
    None,
    Current,
    ByWeight(usize),
}

/// Where a server is on the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub(super) tree: In,
    /// Its next position; 0 = never placed.
    pub(super) next: i64,
    /// Its last position.
    pub(super) last: i64,
    /// What its divisions have left over so far.
    pub(super) carried: i64,
}

/// The active servers, or the backups.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    current: Tree,
    by_weight: [Tree; 2],
    /// Which of the two is *init*; the other is *next*.
    pub(super) init: usize,
    /// The present position.
    pub(super) position: i64,
    /// The sum of the weights when this round began.
    round: i64,
    /// The sum of the weights now.
    pub(super) total: i64,
}

impl Group {
    fn tree(&mut self, of: In) -> Option<&mut Tree> {
        match of {
            In::None => None,
            In::Current => Some(&mut self.current),
            In::ByWeight(which) => Some(&mut self.by_weight[which]),
        }
    }

    fn trees(&mut self) -> impl Iterator<Item = &mut Tree> {
        self.by_weight.iter_mut().chain([&mut self.current])
    }

    fn new_round(&mut self) {
        self.init = 1 - self.init;
        self.round = self.total;
        self.position = self.round;
    }

    /// Whoever is due, or else the heaviest of those not yet placed, or else the next one due.
    fn first(&self, spots: &[Spot]) -> Option<usize> {
        let due = self.current.first();
        match due.is_some_and(|place| spots[place].next <= self.position) {
            true => due,
            false => self.by_weight[self.init].first().or(due),
        }
    }
}

/// The state.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    pub(super) pool: Pool,
    /// The active servers and the backups.
    pub(super) groups: [Group; 2],
    pub(super) spots: Vec<Spot>,
    /// Has the first request, or the first change at runtime, been seen?
    started: bool,
    /// Servers found full or avoided during a pick.
    passed: Vec<usize>,
}

impl Rounds {
    /// With or without `option allbackups`.
    pub(super) fn new(all_backups: bool) -> Rounds {
        Rounds {
            pool: Pool::new(all_backups),
            groups: Default::default(),
            spots: Vec::new(),
            started: false,
            passed: Vec::new(),
        }
    }

    /// All servers of the configuration are known: they are placed by weight.
    pub(super) fn start(&mut self) {
        if self.started {
            return;
        }
        self.started = true;
        for place in 0..self.pool.servers.len() {
            let server = self.pool.servers[place];
            if server.usable {
                self.groups[server.group()].total += i64::from(server.weight);
                self.queue_by_weight(place, 0);
            }
        }
        for group in &mut self.groups {
            group.round = group.total;
            group.position = group.total;
        }
    }

    fn queue_by_weight(&mut self, place: usize, which: usize) {
        let server = self.pool.servers[place];
        let key = u64::from(EFFECTIVE_MAX - server.weight);
        self.groups[server.group()].by_weight[which].insert(place, key);
        self.spots[place].tree = In::ByWeight(which);
    }

    /// Puts a server where its next position says: into this round or into the next.
    fn queue(&mut self, place: usize) {
        let server = self.pool.servers[place];
        let group = &mut self.groups[server.group()];
        let spot = &mut self.spots[place];
        if spot.next >= 2 * group.round || spot.next >= group.round + group.total {
            spot.next -= group.round;
            let next = 1 - group.init;
            return self.queue_by_weight(place, next);
        }
        let weight = i64::from(server.weight);
        // The lower eight bits: who has less still to carry. Positions are small and not negative.
        let carried = (i64::from(EFFECTIVE_MAX) + spot.carried - weight) / i64::from(PARTS);
        let key = (spot.next.max(0) as u64) * 256 + carried.max(0) as u64;
        group.current.insert(place, key);
        spot.tree = In::Current;
    }

    fn dequeue(&mut self, place: usize, group: usize) {
        if let Some(tree) = self.groups[group].tree(self.spots[place].tree) {
            tree.take(place);
        }
    }

    fn went_down(&mut self, place: usize, before: Server) {
        self.groups[before.group()].total -= i64::from(before.weight);
        self.dequeue(place, before.group());
        self.spots[place].tree = In::None;
    }

    fn came_up(&mut self, place: usize, now: Server) {
        let group = &mut self.groups[now.group()];
        group.total += i64::from(now.weight);
        let ahead = (group.total + group.round - group.position) / i64::from(now.weight);
        self.spots[place].next = group.position + ahead;
        self.queue(place);
    }

    fn reweighed(&mut self, place: usize, before: Server, now: Server) {
        let group = &mut self.groups[now.group()];
        group.total += i64::from(now.weight) - i64::from(before.weight);
        let spot = &mut self.spots[place];
        if spot.tree == In::ByWeight(group.init) {
            let init = group.init;
            return self.queue_by_weight(place, init);
        }
        let was = match spot.tree {
            In::Current => spot.next,
            _ => spot.next + group.round,
        };
        let step = group.total / i64::from(now.weight);
        spot.carried = 0;
        spot.next = (spot.last + step).min(was);
        if spot.next < group.position + 2 {
            spot.next = group.position + step;
        }
        self.dequeue(place, now.group());
        self.queue(place);
    }

    /// Moves a server that has its turn on to its next position.
    fn advance(&mut self, place: usize, group: usize) {
        let weight = i64::from(self.pool.servers[place].weight);
        let group = &mut self.groups[group];
        let spot = &mut self.spots[place];
        if spot.next == 0 {
            spot.next = group.position;
        }
        spot.last = spot.next;
        spot.next += group.total / weight;
        spot.carried += group.total % weight;
        if spot.carried >= weight {
            spot.carried -= weight;
            spot.next += 1;
        }
        group.position += 1;
    }

    /// The server whose turn it is, moved on and queued again.
    pub(super) fn choose(
        &mut self,
        group: usize,
        avoid: Option<usize>,
        backends: &[Backend],
    ) -> Option<usize> {
        self.passed.clear();
        let (mut switched, mut fallback) = (false, None);
        let chosen = loop {
            let state = &mut self.groups[group];
            if state.round == 0 {
                state.round = state.total;
                state.position = state.total;
            }
            let mut first = state.first(&self.spots);
            if first.is_none() && !switched {
                switched = true;
                state.new_round();
                first = state.first(&self.spots);
            }
            // Nobody else: the one to be avoided, which has been moved on already.
            let Some(place) = first else { break fallback };
            if self.spots[place].tree == In::ByWeight(self.groups[group].init) {
                self.spots[place] = Spot { next: 0, carried: 0, ..self.spots[place] };
            }
            self.dequeue(place, group);
            self.spots[place].tree = In::None;
            self.advance(place, group);
            if backends.get(place).is_some_and(has_room) {
                if avoid != Some(place) || fallback.is_some() {
                    break Some(place);
                }
                fallback = Some(place);
            }
            self.passed.push(place);
        };
        if let Some(place) = chosen {
            self.queue(place);
        }
        self.queue_passed(chosen, switched, group);
        chosen
    }

    /// Those passed over come back: to their new position, or, when a round has ended meanwhile,
    /// among those not yet placed.
    fn queue_passed(&mut self, chosen: Option<usize>, switched: bool, group: usize) {
        while let Some(place) = self.passed.pop() {
            match switched {
                _ if chosen == Some(place) => {}
                true => {
                    let init = self.groups[group].init;
                    self.queue_by_weight(place, init);
                }
                false => self.queue(place),
            }
        }
    }

    pub(super) fn added(&mut self, backends: &[Backend]) {
        let known = self.pool.servers.len();
        self.pool.added(backends);
        let count = self.pool.servers.len();
        self.spots.resize(count, Spot::default());
        self.groups.iter_mut().flat_map(Group::trees).for_each(|tree| tree.grow(count));
        if self.started {
            for place in known..count {
                let server = self.pool.servers[place];
                if server.usable {
                    self.came_up(place, server);
                }
            }
        }
    }

    pub(super) fn removed(&mut self, place: usize) {
        let Some(server) = self.pool.servers.get(place).copied() else { return };
        if self.started && server.usable {
            self.went_down(place, server);
        }
        self.pool.removed(place);
        self.spots.remove(place);
        self.groups.iter_mut().flat_map(Group::trees).for_each(|tree| tree.remove(place));
    }

    pub(super) fn changed(&mut self, place: usize, backends: &[Backend]) {
        self.start();
        match self.pool.changed(place, backends) {
            None => {}
            Some((before, now)) if before == now => {}
            Some((before, now)) if before.usable && now.usable && before.backup == now.backup => {
                self.reweighed(place, before, now);
            }
            Some((before, now)) => {
                if before.usable {
                    self.went_down(place, before);
                }
                if now.usable {
                    self.came_up(place, now);
                }
            }
        }
    }

    /// Is every server where it should be?
    pub(super) fn check(&self, backends: &[Backend]) -> Result<(), String> {
        self.pool.check(backends)?;
        if !self.started {
            return Ok(());
        }
        for (number, group) in self.groups.iter().enumerate() {
            let weights = self.pool.servers.iter().filter(|s| s.usable && s.group() == number);
            let total: i64 = weights.map(|server| i64::from(server.weight)).sum();
            if total != group.total {
                return Err(format!("group {number} weighs {total}, not {}", group.total));
            }
            for tree in group.by_weight.iter().chain([&group.current]) {
                tree.check()?;
            }
        }
        for (place, server) in self.pool.servers.iter().enumerate() {
            self.check_place(place, *server)?;
        }
        Ok(())
    }

    /// Where the next turn of the server at `place`, which has just had one, is on this round's
    /// line; and does that lie past the end of the round?
    pub(super) fn next_turn(&self, place: usize) -> (i64, bool) {
        let (spot, server) = (self.spots[place], self.pool.servers[place]);
        let group = &self.groups[server.group()];
        let past = spot.tree == In::ByWeight(1 - group.init);
        (spot.next + if past { group.round } else { 0 }, past)
    }

    /// A usable server is in the one tree it says, any other in none.
    fn check_place(&self, place: usize, server: Server) -> Result<(), String> {
        for (number, group) in self.groups.iter().enumerate() {
            let trees = [In::ByWeight(0), In::ByWeight(1), In::Current];
            for (tree, says) in group.by_weight.iter().chain([&group.current]).zip(trees) {
                let should =
                    server.usable && server.group() == number && self.spots[place].tree == says;
                if tree.key(place).is_some() != should {
                    return Err(format!("place {place}: {says:?} of group {number} is wrong"));
                }
            }
        }
        match server.usable && self.spots[place].tree == In::None {
            true => Err(format!("place {place} is usable and in no tree")),
            false => Ok(()),
        }
    }
}
