//! Where something may be, by its hash: a cache of indices in sets of four.
//!
//! Which of four has the right tag is one comparison of all of them, so that nothing has to be
//! predicted, as it must be where a search goes from slot to slot. An index that is found is a
//! guess, which the caller verifies; and one that was put here may be gone, since a fifth one of a
//! set replaces another. So this never knows anything, it only saves time.

use crate::bytes::simd::prefetch;

/// Bits of a slot that are an index; the others are the tag: bits of the hash, and a 1 that tells
/// it from an empty slot.
const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
/// Largest index that can be put.
pub const INDEX_MAX: u32 = INDEX_MASK;

#[derive(Clone, Copy)]
#[repr(align(16))]
struct Set([u32; 4]);

/// Indices by hash.
pub struct SetAssociativeCache {
    sets: Vec<Set>,
    /// Which of a full set is replaced next.
    turn: usize,
}

impl SetAssociativeCache {
    /// Room for four times so many indices.
    ///
    /// # Panics
    /// If that is not a power of two.
    pub fn new(sets: usize) -> SetAssociativeCache {
        assert!(sets.is_power_of_two());
        SetAssociativeCache { sets: vec![Set([0; 4]); sets], turn: 0 }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.sets.fill(Set([0; 4]));
    }

    #[inline(always)]
    fn set_of(&self, hash: u64) -> usize {
        hash as usize & (self.sets.len() - 1)
    }

    #[inline(always)]
    fn tag_of(hash: u64) -> u32 {
        (hash >> 32) as u32 & !INDEX_MASK | 1 << INDEX_BITS
    }

    /// The slots that have the tag of this hash, a bit for each.
    #[inline(always)]
    fn matches(set: &Set, hash: u64) -> u32 {
        let tag = Self::tag_of(hash);
        let is = |i: usize| u32::from(set.0[i] & !INDEX_MASK == tag) << i;
        is(0) | is(1) | is(2) | is(3)
    }

    /// Asks for the memory that [`guess`](Self::guess) needs.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        prefetch(&raw const self.sets[self.set_of(hash)]);
    }

    /// An index that was put with this hash, or with one that looks like it; None if there is none.
    #[inline(always)]
    pub fn guess(&self, hash: u64) -> Option<u32> {
        let set = &self.sets[self.set_of(hash)];
        let matches = Self::matches(set, hash);
        // Without a match something is read, and not used.
        let slot = set.0[matches.trailing_zeros() as usize & 3];
        (matches != 0).then_some(slot & INDEX_MASK)
    }

    /// The index among all that may be it which passes.
    #[inline]
    pub fn find(&self, hash: u64, passes: impl Fn(u32) -> bool) -> Option<u32> {
        let set = &self.sets[self.set_of(hash)];
        let mut matches = Self::matches(set, hash);
        while matches != 0 {
            let index = set.0[matches.trailing_zeros() as usize] & INDEX_MASK;
            if passes(index) {
                return Some(index);
            }
            matches &= matches - 1;
        }
        None
    }

    /// Puts an index of at most [`INDEX_MAX`], which must not be there.
    pub fn put(&mut self, hash: u64, index: u32) {
        debug_assert!(index <= INDEX_MAX);
        let at = self.set_of(hash);
        let set = &mut self.sets[at].0;
        let free = set.iter().position(|&slot| slot == 0);
        let way = free.unwrap_or_else(|| {
            self.turn += 1;
            self.turn & 3
        });
        set[way] = Self::tag_of(hash) | index;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_found_was_put(
            hashes in prop::collection::vec((0u64..4, 0u64..3), 0..40),
        ) {
            let mut ways = SetAssociativeCache::new(2);
            let hash = |(set, tag): (u64, u64)| set | tag << 53;
            let mut put: Vec<u64> = Vec::new();
            for &parts in &hashes {
                let hash = hash(parts);
                // As many as fit are all there.
                let same = |index: u32| put[index as usize] == hash;
                let in_set = put.iter().filter(|&&other| other & 1 == hash & 1).count();
                let was_put = put.contains(&hash);
                if in_set <= 4 {
                    prop_assert_eq!(ways.find(hash, same).is_some(), was_put);
                }
                if let Some(index) = ways.guess(hash) {
                    prop_assert_eq!(put[index as usize] >> 53, hash >> 53);
                }
                if ways.find(hash, same).is_none() {
                    ways.put(hash, put.len() as u32);
                    put.push(hash);
                    let index = put.len() as u32 - 1;
                    prop_assert_eq!(ways.find(hash, |i| i == index), Some(index));
                }
            }
            ways.clear();
            prop_assert!(hashes.iter().all(|&parts| ways.guess(hash(parts)).is_none()));
        }
    }
}
