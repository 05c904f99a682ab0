//! A map from keys to small values that is cheap to clone: a snapshot of a world with a hundred
//! thousand records shares them with the world and copies only the pages that change afterwards.
//!
//! Pages of 64 keys lie in a hash table with a fixed hash, so that a look costs the same whatever
//! the keys are. Nothing depends on the table's order: iteration goes by key.

use std::sync::Arc;

use hashbrown::HashTable;

use super::request::Key;

const PAGE_BITS: u32 = 6;
const PAGE: usize = 1 << PAGE_BITS;

#[derive(Clone, Debug)]
struct Page<T> {
    number: u32,
    /// Which of the places hold something.
    taken: u64,
    values: [T; PAGE],
}

/// A value for each of some keys.
#[derive(Clone, Debug)]
pub struct KeyMap<T> {
    pages: HashTable<Arc<Page<T>>>,
    len: usize,
}

impl<T> Default for KeyMap<T> {
    fn default() -> Self {
        KeyMap { pages: HashTable::new(), len: 0 }
    }
}

#[inline]
fn mix(number: u32) -> u64 {
    let product = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 32)
}

#[inline]
fn split(key: Key) -> (u32, usize) {
    (key.0 >> PAGE_BITS, (key.0 as usize) & (PAGE - 1))
}

impl<T: Copy + Default> KeyMap<T> {
    /// The value of a key.
    #[inline]
    pub fn get(&self, key: Key) -> Option<T> {
        let (number, place) = split(key);
        let page = self.pages.find(mix(number), |page| page.number == number)?;
        (page.taken >> place & 1 == 1).then(|| page.values[place])
    }

    /// Gives a key a value; the value it had.
    pub fn insert(&mut self, key: Key, value: T) -> Option<T> {
        let (number, place) = split(key);
        let page = self.page(number);
        let before = (page.taken >> place & 1 == 1).then(|| page.values[place]);
        page.taken |= 1 << place;
        page.values[place] = value;
        self.len += usize::from(before.is_none());
        before
    }

    /// Takes a key out; the value it had.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let before = self.get(key)?;
        let (number, place) = split(key);
        self.page(number).taken &= !(1 << place);
        self.len -= 1;
        Some(before)
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Has none a value?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All keys with their values, numbered keys first, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Key, T)> + '_ {
        let mut pages: Vec<&Arc<Page<T>>> = self.pages.iter().collect();
        pages.sort_unstable_by_key(|page| page.number);
        pages.into_iter().flat_map(|page| {
            let taken = (0..PAGE).filter(|place| page.taken >> place & 1 == 1);
            taken.map(|place| (Key(page.number << PAGE_BITS | place as u32), page.values[place]))
        })
    }

    /// The page of this number, for this map alone.
    fn page(&mut self, number: u32) -> &mut Page<T> {
        let fresh = || {
            let values = [T::default(); PAGE];
            Arc::new(Page { number, taken: 0, values })
        };
        let found =
            self.pages.entry(mix(number), |page| page.number == number, |page| mix(page.number));
        Arc::make_mut(found.or_insert_with(fresh).into_mut())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The same as an ordered map, and a clone stays as it was.
        #[test]
        fn is_a_map(steps in prop::collection::vec((0u32..300, 0u8..3, any::<u16>()), 0..200)) {
            let (mut map, mut model) = (KeyMap::<u16>::default(), BTreeMap::new());
            let key = |n: u32| match n.is_multiple_of(5) {
                true => Key::typed(n),
                false => Key::numbered(n * 37),
            };
            for (n, what, value) in steps {
                let before = (map.clone(), model.clone());
                match what {
                    0 => prop_assert_eq!(map.remove(key(n)), model.remove(&key(n))),
                    _ => prop_assert_eq!(map.insert(key(n), value), model.insert(key(n), value)),
                }
                prop_assert_eq!(map.get(key(n)), model.get(&key(n)).copied());
                prop_assert_eq!(map.len(), model.len());
                let now: Vec<_> = map.iter().collect();
                prop_assert_eq!(now, model.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
                let kept: Vec<_> = before.0.iter().collect();
                prop_assert_eq!(kept, before.1.iter().map(|(k, v)| (*k, *v)).collect::<Vec<_>>());
            }
        }
    }
}
