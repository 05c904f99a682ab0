//! Policies that move entries between lists, most of them with ghosts.

use super::{Model, one, take};

pub(super) struct TwoQ {
    pub(super) young: Vec<u64>,
    pub(super) main: Vec<u64>,
    pub(super) out: Vec<u64>,
    pub(super) young_max: usize,
    pub(super) out_max: usize,
    pub(super) capacity: usize,
}

impl Model for TwoQ {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let remembered = take(&mut self.out, key);
        let mut left = Vec::new();
        if self.young.len() + self.main.len() == self.capacity {
            if self.young.len() > self.young_max || self.main.is_empty() {
                left.push(self.young.remove(0));
                self.out.push(left[0]);
                if self.out.len() > self.out_max {
                    self.out.remove(0);
                }
            } else {
                left.push(self.main.remove(0));
            }
        }
        if remembered {
            self.main.push(key)
        } else {
            self.young.push(key)
        }
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        if take(&mut self.main, key) {
            self.main.push(key);
        }
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        take(&mut self.young, key);
        take(&mut self.main, key);
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        vec![one("in", &self.young), one("main", &self.main)]
    }
}

pub(super) struct Arc {
    pub(super) t1: Vec<u64>,
    pub(super) t2: Vec<u64>,
    pub(super) b1: Vec<u64>,
    pub(super) b2: Vec<u64>,
    pub(super) p: f64,
    pub(super) capacity: usize,
}

impl Arc {
    fn make_room(&mut self, in_b2: bool) -> Vec<u64> {
        if self.t1.len() + self.t2.len() < self.capacity {
            return Vec::new();
        }
        let t1 = self.t1.len() as f64;
        let gives = t1 > self.p || (t1 == self.p && in_b2);
        let (from, to) = match !self.t1.is_empty() && (gives || self.t2.is_empty()) {
            true => (&mut self.t1, &mut self.b1),
            false => (&mut self.t2, &mut self.b2),
        };
        let key = from.remove(0);
        to.push(key);
        vec![key]
    }
}

impl Model for Arc {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let (b1, b2, c) = (self.b1.len() as f64, self.b2.len() as f64, self.capacity);
        if take(&mut self.b1, key) {
            self.p = (self.p + (b2 / b1).max(1.0)).min(c as f64);
            let left = self.make_room(false);
            self.t2.push(key);
            return left;
        }
        if take(&mut self.b2, key) {
            self.p = (self.p - (b1 / b2).max(1.0)).max(0.0);
            let left = self.make_room(true);
            self.t2.push(key);
            return left;
        }
        let all = self.t1.len() + self.t2.len() + self.b1.len() + self.b2.len();
        let left = if self.t1.len() + self.b1.len() == c {
            if self.b1.is_empty() {
                vec![self.t1.remove(0)]
            } else {
                self.b1.remove(0);
                self.make_room(false)
            }
        } else {
            if all == 2 * c {
                self.b2.remove(0);
            }
            self.make_room(false)
        };
        self.t1.push(key);
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        self.remove(key);
        self.t2.push(key);
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        take(&mut self.t1, key);
        take(&mut self.t2, key);
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        vec![one("T1", &self.t1), one("T2", &self.t2)]
    }
}

pub(super) struct S3Fifo {
    pub(super) small: Vec<(u64, u32)>,
    pub(super) main: Vec<(u64, u32)>,
    pub(super) ghost: Vec<u64>,
    pub(super) small_max: usize,
    pub(super) ghost_max: usize,
    pub(super) threshold: u32,
    pub(super) filled: bool,
    pub(super) capacity: usize,
}

impl S3Fifo {
    fn sweep_main(&mut self) -> u64 {
        loop {
            let (key, count) = self.main.remove(0);
            match count {
                0 => return key,
                _ => self.main.push((key, count - 1)),
            }
        }
    }

    fn make_room(&mut self) -> u64 {
        if self.main.len() > self.capacity - self.small_max {
            return self.sweep_main();
        }
        while !self.small.is_empty() {
            let (key, count) = self.small.remove(0);
            if count >= self.threshold {
                self.main.push((key, 0));
                continue;
            }
            self.ghost.push(key);
            if self.ghost.len() > self.ghost_max {
                self.ghost.remove(0);
            }
            return key;
        }
        self.sweep_main()
    }
}

impl Model for S3Fifo {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let remembered = take(&mut self.ghost, key);
        let mut left = Vec::new();
        if self.small.len() + self.main.len() == self.capacity {
            self.filled = true;
            left.push(self.make_room());
        }
        let first_filling = !self.filled && self.small.len() >= self.small_max;
        let list = if remembered || first_filling { &mut self.main } else { &mut self.small };
        list.push((key, 0));
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        for (held, count) in self.small.iter_mut().chain(&mut self.main) {
            *count += u32::from(*held == key && *count < 3);
        }
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        self.small.retain(|(held, _)| *held != key);
        self.main.retain(|(held, _)| *held != key);
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        let keys = |list: &[(u64, u32)]| list.iter().map(|(key, _)| *key).collect::<Vec<u64>>();
        vec![one("small", &keys(&self.small)), one("main", &keys(&self.main))]
    }
}

pub(super) struct Slru {
    pub(super) segments: Vec<Vec<u64>>,
    pub(super) capacity: usize,
}

impl Slru {
    fn room(&self) -> usize {
        self.capacity / self.segments.len()
    }

    /// The last of a segment falls by one, after those below have made room; from the lowest it
    /// leaves.
    fn cool(&mut self, place: usize, left: &mut Vec<u64>) {
        let last = self.segments[place].remove(0);
        if place == 0 {
            return left.push(last);
        }
        while self.segments[place - 1].len() + 1 > self.room() {
            self.cool(place - 1, left);
        }
        self.segments[place - 1].push(last);
    }
}

impl Model for Slru {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        let (room, mut left) = (self.room(), Vec::new());
        if let Some(segment) = self.segments.iter_mut().find(|segment| segment.len() < room) {
            segment.push(key);
            return left;
        }
        while self.segments.iter().map(Vec::len).sum::<usize>() == self.capacity {
            let lowest = self.segments.iter_mut().find(|segment| !segment.is_empty());
            left.push(lowest.expect("it is full").remove(0));
        }
        self.segments[0].push(key);
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        let (top, mut left) = (self.segments.len() - 1, Vec::new());
        let place = self.segments.iter().position(|segment| segment.contains(&key));
        let place = place.expect("it is held");
        take(&mut self.segments[place], key);
        // Without room in the others only the lowest has entries.
        let above = if self.room() == 0 { place } else { top.min(place + 1) };
        self.segments[above].push(key);
        while above > place && self.segments[above].len() > self.room() {
            self.cool(above, &mut left);
        }
        left
    }

    fn remove(&mut self, key: u64) {
        self.segments.iter_mut().for_each(|segment| {
            take(segment, key);
        });
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        let numbered = self.segments.iter().enumerate();
        numbered.map(|(place, list)| one(&format!("segment {}", place + 1), list)).collect()
    }
}

/// The stack with its top at the end.
pub(super) struct Lirs {
    pub(super) stack: Vec<u64>,
    pub(super) lir: Vec<u64>,
    pub(super) queue: Vec<u64>,
    /// Keys in the stack that are not held, the first to have left in front.
    pub(super) ghosts: Vec<u64>,
    pub(super) last: Option<u64>,
    pub(super) hir_max: usize,
    pub(super) stack_max: usize,
    pub(super) capacity: usize,
}

impl Lirs {
    fn put_on_top(&mut self, key: u64) {
        take(&mut self.stack, key);
        self.stack.push(key);
    }

    fn ask(&mut self, key: u64, quick: bool) {
        self.put_on_top(key);
        let lir_max = self.capacity - self.hir_max;
        match quick || self.lir.len() < lir_max {
            true => self.lir.push(key),
            false => self.queue.push(key),
        }
        if self.lir.len() > lir_max {
            let bottom = self.stack.remove(0);
            take(&mut self.lir, bottom);
            self.queue.push(bottom);
        }
    }

    fn settle(&mut self) {
        while let Some(&bottom) = self.stack.first()
            && !self.lir.contains(&bottom)
        {
            self.stack.remove(0);
            take(&mut self.ghosts, bottom);
        }
        while self.stack.len() > self.stack_max && !self.ghosts.is_empty() {
            let ghost = self.ghosts.remove(0);
            take(&mut self.stack, ghost);
        }
    }
}

impl Model for Lirs {
    fn miss(&mut self, key: u64) -> Vec<u64> {
        self.last = Some(key);
        let remembered = take(&mut self.ghosts, key);
        let mut left = Vec::new();
        if self.lir.len() + self.queue.len() == self.capacity {
            left.push(self.queue.remove(0));
            if self.stack.contains(&left[0]) {
                self.ghosts.push(left[0]);
            }
        }
        self.ask(key, remembered);
        self.settle();
        left
    }

    fn hit(&mut self, key: u64) -> Vec<u64> {
        if self.last.replace(key) == Some(key) {
            return Vec::new();
        }
        let quick = self.stack.contains(&key);
        match take(&mut self.queue, key) {
            true => self.ask(key, quick),
            false => self.put_on_top(key),
        }
        self.settle();
        Vec::new()
    }

    fn remove(&mut self, key: u64) {
        take(&mut self.stack, key);
        take(&mut self.queue, key);
        take(&mut self.lir, key);
        self.settle();
    }

    fn lists(&self) -> Vec<(String, Vec<u64>)> {
        let lir = self.stack.iter().filter(|key| self.lir.contains(key));
        vec![one("HIR", &self.queue), one("LIR", &lir.copied().collect::<Vec<u64>>())]
    }
}
