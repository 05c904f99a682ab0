//! A doubly linked list of slots: every queue, stack and segment in this room is one.
//!
//! The links lie in somebody else's memory ([`Links`]): in the nodes of a [`Table`](super::index),
//! or in a vector beside it when a slot is in two lists at once. A list itself is three numbers, so
//! moving an entry from one list to another copies nothing. All operations take constant time.
//! Policies that keep an order of age call the front the newest end.

/// No slot: the end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// Who is in front of and behind a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    prev: u32,
    next: u32,
}

impl Link {
    /// In no list.
    pub(super) const LOOSE: Link = Link { prev: NONE, next: NONE };

    /// Of an unused slot: the next unused one.
    pub(super) fn to_free(next: u32) -> Link {
        Link { prev: NONE, next }
    }

    /// The next unused slot.
    pub(super) fn next_free(self) -> u32 {
        self.next
    }
}

/// Where links are kept.
pub(super) trait Links {
    /// The link of `slot`.
    fn link(&mut self, slot: u32) -> &mut Link;

    /// The link of `slot`, to be looked at.
    fn peek(&self, slot: u32) -> Link;
}

impl Links for Vec<Link> {
    #[inline]
    fn link(&mut self, slot: u32) -> &mut Link {
        &mut self[slot as usize]
    }

    #[inline]
    fn peek(&self, slot: u32) -> Link {
        self[slot as usize]
    }
}

/// A list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    front: u32,
    back: u32,
    len: u32,
}

impl Default for List {
    fn default() -> List {
        List { front: NONE, back: NONE, len: 0 }
    }
}

impl List {
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// The slot at the front.
    #[inline]
    pub(super) fn front(&self) -> Option<u32> {
        (self.front != NONE).then_some(self.front)
    }

    /// The slot at the back.
    #[inline]
    pub(super) fn back(&self) -> Option<u32> {
        (self.back != NONE).then_some(self.back)
    }

    #[inline]
    pub(super) fn push_front(&mut self, links: &mut impl Links, slot: u32) {
        *links.link(slot) = Link { prev: NONE, next: self.front };
        match self.front {
            NONE => self.back = slot,
            front => links.link(front).prev = slot,
        }
        self.front = slot;
        self.len += 1;
    }

    #[inline]
    pub(super) fn push_back(&mut self, links: &mut impl Links, slot: u32) {
        *links.link(slot) = Link { prev: self.back, next: NONE };
        match self.back {
            NONE => self.front = slot,
            back => links.link(back).next = slot,
        }
        self.back = slot;
        self.len += 1;
    }

    /// Puts `slot` right behind `place`, which is in this list.
    pub(super) fn push_after(&mut self, links: &mut impl Links, place: u32, slot: u32) {
        let next = links.peek(place).next;
        if next == NONE {
            return self.push_back(links, slot);
        }
        *links.link(slot) = Link { prev: place, next };
        links.link(place).next = slot;
        links.link(next).prev = slot;
        self.len += 1;
    }

    /// Takes `slot`, which is in this list, out of it.
    #[inline]
    pub(super) fn remove(&mut self, links: &mut impl Links, slot: u32) {
        let Link { prev, next } = links.peek(slot);
        match prev {
            NONE => self.front = next,
            prev => links.link(prev).next = next,
        }
        match next {
            NONE => self.back = prev,
            next => links.link(next).prev = prev,
        }
        self.len -= 1;
    }

    /// Moves `slot`, which is in this list, to the front.
    #[inline]
    pub(super) fn move_front(&mut self, links: &mut impl Links, slot: u32) {
        if self.front != slot {
            self.remove(links, slot);
            self.push_front(links, slot);
        }
    }

    /// The slots from the back to the front.
    pub(super) fn walk<'a>(&self, links: &'a impl Links) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.back;
        std::iter::from_fn(move || {
            let here = at;
            at = if here == NONE { NONE } else { links.peek(here).prev };
            (here != NONE).then_some(here)
        })
    }

    /// The slot in front of `slot`.
    #[inline]
    pub(super) fn before(links: &impl Links, slot: u32) -> Option<u32> {
        let prev = links.peek(slot).prev;
        (prev != NONE).then_some(prev)
    }

    /// The slot behind `slot`.
    #[inline]
    pub(super) fn after(links: &impl Links, slot: u32) -> Option<u32> {
        let next = links.peek(slot).next;
        (next != NONE).then_some(next)
    }

    /// Do the links agree with each other, and with the ends and the length? For tests.
    pub(super) fn check(&self, links: &impl Links, name: &str) -> Result<(), String> {
        let (mut behind, mut counted) = (NONE, 0);
        for slot in self.walk(links) {
            if links.peek(slot).next != behind {
                return Err(format!("{name}: the links of slot {slot} do not meet"));
            }
            behind = slot;
            counted += 1;
            if counted > self.len {
                break;
            }
        }
        match behind == self.front && counted == self.len {
            true => Ok(()),
            false => Err(format!("{name}: {} entries counted, {} claimed", counted, self.len)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_and_go_at_both_ends_and_in_the_middle() {
        let (mut links, mut list) = (vec![Link::LOOSE; 4], List::default());
        let order = |list: &List, links: &Vec<Link>| list.walk(links).collect::<Vec<u32>>();
        (0..3).for_each(|slot| list.push_front(&mut links, slot));
        list.push_back(&mut links, 3);
        assert_eq!(order(&list, &links), [3, 0, 1, 2]);
        list.move_front(&mut links, 0);
        assert_eq!(order(&list, &links), [3, 1, 2, 0]);
        list.remove(&mut links, 2);
        assert_eq!(order(&list, &links), [3, 1, 0]);
        assert_eq!((list.front(), list.back(), list.len()), (Some(0), Some(3), 3));
        assert_eq!((List::before(&links, 1), List::after(&links, 1)), (Some(0), Some(3)));
        assert_eq!(list.check(&links, "list"), Ok(()));
        list.push_after(&mut links, 1, 2);
        assert_eq!(order(&list, &links), [3, 2, 1, 0]);
        [3, 1, 2, 0].into_iter().for_each(|slot| list.remove(&mut links, slot));
        assert_eq!((list.front(), list.back(), list.len()), (None, None, 0));
    }
}
