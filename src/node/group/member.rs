//! One server of a group: its life, its cores, its line.

use std::collections::VecDeque;

use crate::sim::Time;

/// How a server of a group is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It comes up, serves nothing yet, and costs.
    Starting {
        /// When it will serve.
        until: Time,
    },
    /// It serves.
    Up,
    /// It finishes what it has and gets nothing more.
    Draining,
    /// It is dead, or out of reach, and not noticed yet.
    Dead,
}

impl Life {
    /// In one word.
    pub fn words(self) -> &'static str {
        match self {
            Life::Starting { .. } => "starting",
            Life::Up => "up",
            Life::Draining => "draining",
            Life::Dead => "dead",
        }
    }
}

/// A server of a group.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) life: Life,
    /// Tells it from those that were in this place before: what they were doing never ends.
    pub(super) number: u32,
    pub(super) cores: Vec<Option<u32>>,
    pub(super) queue: VecDeque<u32>,
    pub(super) served: u64,
}

impl Member {
    pub(super) fn new(number: u32, cores: usize, life: Life) -> Member {
        Member { life, number, cores: vec![None; cores], queue: VecDeque::new(), served: 0 }
    }

    /// Cores at work.
    pub(super) fn busy(&self) -> u32 {
        self.cores.iter().flatten().count() as u32
    }

    /// Requests in its hands: at work and waiting.
    pub(super) fn in_hand(&self) -> u32 {
        self.busy() + self.queue.len() as u32
    }

    /// Is it chosen for new requests? A dead one still is, because nobody knows.
    pub(super) fn in_rotation(&self) -> bool {
        matches!(self.life, Life::Up | Life::Dead)
    }

    /// Takes everything out of its hands.
    pub(super) fn drop_all(&mut self) -> Vec<u32> {
        let working = self.cores.iter_mut().filter_map(Option::take);
        working.chain(self.queue.drain(..)).collect()
    }
}
