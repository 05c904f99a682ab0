//! Cache-aside: in which order a server asks the cache that it manages and the stores behind it.
//!
//! The order is that of the course's `CacheService`. `GetUser`: the cache; a hit is the answer, and
//! anything else, an error of the cache too, is a miss: the store, then the cache is filled and
//! what came of that is ignored. `SetUser`: the store, and its error is the answer; then the cache,
//! and its error is the answer although the store has committed. `InvalidateUser`: the cache alone.
//!
//! Pure: nobody is asked here. [`Aside::begin`] says whom to ask first, [`Aside::hear`] whom next.

use crate::sim::Op;

/// What a write does to the cache once the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWrite {
    /// Puts the new version there, as the course does. A deletion deletes it there.
    Update,
    /// Deletes it there.
    Invalidate,
    /// Nothing: the old version stays until it expires.
    Leave,
}

/// Whom to ask next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The cache, for this.
    Cache(Op),
    /// The stores, for what was asked.
    Stores,
    /// Nobody: the answer is what was found or done.
    Answer,
    /// Nobody: the answer is the failure last heard of.
    Fail,
}

/// What was heard from whoever was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It has a value.
    Value,
    /// It is done, or has nothing.
    Done,
    /// It failed.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The cache is asked whether it has the key.
    Looking,
    /// The stores are asked.
    Storing,
    /// The cache is told.
    Telling,
}

/// One request on its way through cache and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aside {
    op: Op,
    on_write: OnWrite,
    stage: Stage,
}

impl Aside {
    /// A request for `op`, and whom to ask first.
    pub fn begin(op: Op, on_write: OnWrite) -> (Aside, Next) {
        let (stage, next) = match op {
            Op::Read => (Stage::Looking, Next::Cache(Op::Read)),
            Op::Invalidate => (Stage::Telling, Next::Cache(Op::Invalidate)),
            _ => (Stage::Storing, Next::Stores),
        };
        (Aside { op, on_write, stage }, next)
    }

    /// Is the cache being told, so that what it answers says nothing about the key?
    pub fn is_telling(&self) -> bool {
        self.stage == Stage::Telling
    }

    /// Whoever was asked has answered: whom to ask next.
    pub fn hear(&mut self, heard: Heard) -> Next {
        match (self.stage, heard) {
            (Stage::Looking, Heard::Value) => Next::Answer,
            (Stage::Looking, Heard::Done | Heard::Failed) => {
                self.stage = Stage::Storing;
                Next::Stores
            }
            (Stage::Storing, Heard::Failed) => Next::Fail,
            (Stage::Storing, Heard::Value | Heard::Done) => {
                self.stage = Stage::Telling;
                match (self.op, self.on_write) {
                    (Op::Read, _) | (Op::Write, OnWrite::Update) => Next::Cache(Op::Fill),
                    (Op::Write, OnWrite::Invalidate)
                    | (Op::Delete, OnWrite::Update | OnWrite::Invalidate) => {
                        Next::Cache(Op::Invalidate)
                    }
                    _ => Next::Answer,
                }
            }
            (Stage::Telling, Heard::Failed) if self.op != Op::Read => Next::Fail,
            (Stage::Telling, _) => Next::Answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whom it asks when this is heard.
    fn way(op: Op, on_write: OnWrite, heard: &[Heard]) -> Vec<Next> {
        let (mut aside, first) = Aside::begin(op, on_write);
        let rest = heard.iter().map(|&heard| aside.hear(heard));
        [first].into_iter().chain(rest).collect()
    }

    #[test]
    fn a_read_asks_the_cache_then_the_store_then_fills() {
        use Heard::{Done, Failed, Value};
        let read = |heard: &[Heard]| way(Op::Read, OnWrite::Update, heard);
        let (look, fill) = (Next::Cache(Op::Read), Next::Cache(Op::Fill));
        assert_eq!(read(&[Value]), [look, Next::Answer]);
        for (miss, filled) in [(Done, Done), (Failed, Done), (Done, Failed), (Failed, Failed)] {
            let whole = [look, Next::Stores, fill, Next::Answer];
            assert_eq!(read(&[miss, Value, filled]), whole);
            assert_eq!(read(&[miss, Done, filled]), whole);
        }
        assert_eq!(read(&[Done, Failed]), [look, Next::Stores, Next::Fail]);
    }

    #[test]
    fn a_change_goes_to_the_store_first() {
        use Heard::{Done, Failed};
        use OnWrite::{Invalidate, Leave, Update};
        let (fill, forget) = (Next::Cache(Op::Fill), Next::Cache(Op::Invalidate));
        let rows = [
            (Op::Write, Update, Some(fill)),
            (Op::Write, Invalidate, Some(forget)),
            (Op::Write, Leave, None),
            (Op::Delete, Update, Some(forget)),
            (Op::Delete, Invalidate, Some(forget)),
            (Op::Delete, Leave, None),
            (Op::Scan, Update, None),
        ];
        for (op, on_write, told) in rows {
            assert_eq!(way(op, on_write, &[Failed]), [Next::Stores, Next::Fail]);
            match told {
                None => assert_eq!(way(op, on_write, &[Done]), [Next::Stores, Next::Answer]),
                Some(told) => {
                    let told_well = [Next::Stores, told, Next::Answer];
                    assert_eq!(way(op, on_write, &[Done, Done]), told_well);
                    // The store has committed, and the caller hears of an error all the same.
                    let told_badly = [Next::Stores, told, Next::Fail];
                    assert_eq!(way(op, on_write, &[Done, Failed]), told_badly);
                }
            }
        }
        assert_eq!(way(Op::Invalidate, Leave, &[Done]), [forget, Next::Answer]);
        assert_eq!(way(Op::Invalidate, Leave, &[Failed]), [forget, Next::Fail]);
    }
}
