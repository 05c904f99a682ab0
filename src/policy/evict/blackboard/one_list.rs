//! Policies with one list of entries.

use super::{Model, one, take};

pub(super) struct Row {
    pub(super) list: Vec<u64>,
    pub(super) capacity: usize,
    pub(super) renew: bool,
}

impl Model for Row {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let full = self.list.len() == self.capacity;
        let left = if full { vec![self.list.remove(0)] } else { Vec::new() };
        self.list.push(key);
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        if self.renew {
            take(&mut self.list, key);
            self.list.push(key);
        }
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        take(&mut self.list, key);
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        vec![one(if self.renew { "list" } else { "queue" }, &self.list)]
    }
}

/// LFU and LRU-2: entries with all their requests, by the number of each.
pub(super) struct Histories {
    pub(super) entries: Vec<(u64, Vec<u64>)>,
    pub(super) capacity: usize,
    pub(super) requests: u64,
    pub(super) by_count: bool,
}

impl Histories {
    /// The lowest leaves first.
    fn rank(&self, requests: &[u64]) -> (u64, u64) {
        let last = requests[requests.len() - 1];
        match (self.by_count, requests.len()) {
            // At its count since its last request.
            (true, count) => (count as u64, last),
            (false, 1) => (0, last),
            (false, count) => (1, requests[count - 2]),
        }
    }

    fn ranked(&self) -> Vec<((u64, u64), u64)> {
        let ranked = self.entries.iter().map(|(key, requests)| (self.rank(requests), *key));
        let mut ranked: Vec<((u64, u64), u64)> = ranked.collect();
        ranked.sort_unstable();
        ranked
    }
}

impl Model for Histories {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        self.requests += 1;
        let mut left = Vec::new();
        if self.entries.len() == self.capacity {
            left.push(self.ranked()[0].1);
            self.remove(left[0]);
        }
        self.entries.push((key, vec![self.requests]));
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        self.requests += 1;
        let entry = self.entries.iter_mut().find(|(held, _)| *held == key);
        entry.expect("it is held").1.push(self.requests);
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        self.entries.retain(|(held, _)| *held != key);
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        let part = |wanted: &dyn Fn(u64) -> bool| -> Vec<u64> {
            let ranked = self.ranked().into_iter().filter(|((first, _), _)| wanted(*first));
            ranked.map(|(_, key)| key).collect()
        };
        match self.by_count {
            true => vec![one("counts", &part(&|_| true))],
            false => {
                vec![one("once", &part(&|first| first == 0)), one("twice", &part(&|f| f == 1))]
            }
        }
    }
}

pub(super) struct Clock {
    pub(super) list: Vec<(u64, u32)>,
    pub(super) capacity: usize,
    pub(super) most: u32,
}

impl Model for Clock {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let mut left = Vec::new();
        while self.list.len() == self.capacity {
            let (oldest, count) = self.list.remove(0);
            match count {
                0 => left.push(oldest),
                _ => self.list.push((oldest, count - 1)),
            }
        }
        self.list.push((key, 0));
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        for (held, count) in &mut self.list {
            *count += u32::from(*held == key && *count < self.most);
        }
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        self.list.retain(|(held, _)| *held != key);
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        vec![("queue".to_owned(), self.list.iter().map(|(key, _)| *key).collect())]
    }
}

pub(super) struct Sieve {
    pub(super) list: Vec<(u64, bool)>,
    /// The key at which the hand stands; none is the oldest.
    pub(super) hand: Option<u64>,
    pub(super) capacity: usize,
}

impl Sieve {
    fn hand(&self) -> usize {
        self.list.iter().position(|(key, _)| Some(*key) == self.hand).unwrap_or(0)
    }
}

impl Model for Sieve {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let mut left = Vec::new();
        if self.list.len() == self.capacity {
            let mut at = self.hand();
            while self.list[at].1 {
                self.list[at].1 = false;
                at = (at + 1) % self.list.len();
            }
            left.push(self.list.remove(at).0);
            self.hand = self.list.get(at).map(|(key, _)| *key);
        }
        self.list.push((key, false));
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        self.list.iter_mut().for_each(|(held, visited)| *visited |= *held == key);
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        let place = self.list.iter().position(|(held, _)| *held == key).expect("it is held");
        self.list.remove(place);
        if self.hand == Some(key) {
            self.hand = self.list.get(place).map(|(key, _)| *key);
        }
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        let mut keys: Vec<u64> = self.list.iter().map(|(key, _)| *key).collect();
        keys.rotate_left(self.hand());
        vec![one("queue", &keys)]
    }
}
