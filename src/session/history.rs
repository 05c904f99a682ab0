//! Undo and redo: two stacks of inverse commands, bounded in memory.

use super::command::Command;

/// What undo may take, in bytes; the oldest steps go first.
const BYTES_MAX: usize = 8 * 1024 * 1024;

#[derive(Clone, Debug)]
struct Step {
    /// What takes it back.
    inverse: Command,
    /// What it was, to tell whether the next edit belongs to the same gesture.
    done: Command,
    /// Which gesture it belonged to.
    gesture: u64,
}

/// The steps that can be taken back, and those that can be made again.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    undo: Vec<Step>,
    redo: Vec<Command>,
    bytes: usize,
}

impl History {
    /// Notes an edit. Edits with the same non-zero gesture number and the same target are one step.
    pub(super) fn note(&mut self, done: Command, inverse: Command, gesture: u64) {
        self.redo.clear();
        let merges =
            |step: &Step| gesture != 0 && step.gesture == gesture && step.done.same_gesture(&done);
        if self.undo.last().is_some_and(merges) {
            // The older inverse leads back to before the whole gesture.
            return;
        }
        self.bytes += inverse.bytes() + done.bytes();
        self.undo.push(Step { inverse, done, gesture });
        while self.bytes > BYTES_MAX && self.undo.len() > 1 {
            let oldest = self.undo.remove(0);
            self.bytes -= oldest.inverse.bytes() + oldest.done.bytes();
        }
    }

    pub(super) fn take_undo(&mut self) -> Option<Command> {
        let step = self.undo.pop()?;
        self.bytes -= step.inverse.bytes() + step.done.bytes();
        Some(step.inverse)
    }

    pub(super) fn undone(&mut self, inverse: Command) {
        self.redo.push(inverse);
    }

    pub(super) fn take_redo(&mut self) -> Option<Command> {
        self.redo.pop()
    }

    pub(super) fn redone(&mut self, done: Command, inverse: Command) {
        self.bytes += inverse.bytes() + done.bytes();
        self.undo.push(Step { inverse, done, gesture: 0 });
    }

    pub(super) fn depth(&self) -> (usize, usize) {
        (self.undo.len(), self.redo.len())
    }
}
