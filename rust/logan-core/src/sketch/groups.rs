//! Counts per key, for the most frequent keys, in bounded memory.
//!
//! A [`GroupTable`] is what one thread fills: a hash table from keys to payloads. What it leaves
//! behind is [`Groups`]: the same as sorted bytes, compact and canonical, which merge in one pass
//! over both. This file knows nothing of what a key or a payload means.
//!
//! Up to `cap` different keys all is exact: the bytes depend on what was counted and on nothing
//! else. Beyond it the tables keep the heavy keys as Misra and Gries do, in batches and mergeably
//! (Agarwal et al., "Mergeable summaries", 2012). An entry's *weight* is how often its key was
//! counted since its insertion, less what was subtracted. To *reduce* a table that has more than
//! `cap` entries: t is the (cap + 1)-th largest weight; subtract t from all weights; drop the
//! entries that have none left; add t to the table's *error*. At most `cap` entries remain, and
//! each reduction takes at least (cap + 1) · t of the total weight, so
//!
//! - `true count − error <= weight <= count kept in the payload <= true count` for every key, a
//!   key that is not there counting as 0;
//! - `error <= calls ÷ (cap + 1)`: every key that is more frequent than that is there.
//!
//! A live table is reduced when it holds half as many again as `cap` (so that a hostile log, each
//! key new, pays for one pass over the table per `cap / 2` keys at the worst), and when it is
//! frozen; frozen groups when a merge gives more than `cap`. What results is a function of the
//! calls and the order of merging, not of time or memory addresses. The first reduction also
//! starts a [`Distinct`] count of all keys.

use super::distinct::Distinct;
use super::varint::{get_bytes, get_u64, put_bytes, put_u64};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::marker::PhantomData;
use xxhash_rust::xxh3::xxh3_64;

/// Longest key in bytes: room for a path that people can still read in a report.
pub const KEY_BYTES_MAX: usize = 256;
/// Bytes kept of a longer key; `~` and 15 hex digits of its hash follow.
const PREFIX_BYTES: usize = 240;
/// Largest cap: indices of entries share a 32-bit slot with bits of the hash.
const CAP_MAX: usize = 1 << 19;
const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const SLOTS_MIN: usize = 1024;
/// Longest payload as bytes; far above what any metric writes.
const PAYLOAD_BYTES_MAX: usize = 1 << 16;

/// More calls than there can be: far more than bytes in the largest file.
const CALLS_MAX: u64 = crate::metric::COUNT_MAX;

/// What is kept for each key.
pub trait Payload: Default + Clone + PartialEq {
    /// Adds the figures of `other`: commutative and associative, with `default()` as identity.
    fn merge(&mut self, other: &Self);

    /// Appends the canonical bytes, at most 65,536.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes one payload off the front of `bytes`, which may be anything; None if they do not
    /// begin with what [`encode`](Self::encode) writes.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

/// The hash of a key, with the fixed seed that tables, files and distinct counts share.
#[inline(always)]
pub fn hash_of(key: &[u8]) -> u64 {
    xxh3_64(key)
}

/// A key as it is kept: itself, or if it is too long its prefix, `~` and 15 digits of its hash.
fn shortened(key: &[u8]) -> ([u8; KEY_BYTES_MAX], usize) {
    // Not in the middle of a character, where there are characters.
    let end = (PREFIX_BYTES - 3..=PREFIX_BYTES)
        .rev()
        .find(|&end| key[end] & 0xC0 != 0x80)
        .unwrap_or(PREFIX_BYTES);
    let mut short = [0; KEY_BYTES_MAX];
    short[..end].copy_from_slice(&key[..end]);
    short[end] = b'~';
    let hash = hash_of(key);
    for (i, digit) in short[end + 1..end + 16].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(hash >> (60 - 4 * i) & 0xF) as usize];
    }
    (short, end + 16)
}

/// Whether two keys are the same; most are short, and a call of memcmp costs more than they do.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    let len = a.len();
    if len != b.len() {
        return false;
    }
    let word = |bytes: &[u8], at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    let both = |at: usize| word(a, at) == word(b, at);
    match len {
        8..=16 => both(0) && both(len - 8),
        17..=32 => both(0) && both(8) && both(len - 16) && both(len - 8),
        33..=48 => {
            both(0) && both(8) && both(16) && both(len - 24) && both(len - 16) && both(len - 8)
        }
        _ => a == b,
    }
}

/// An entry but for its payload, which few look-ups need and most caches have no room for.
struct Head {
    hash: u64,
    weight: u64,
    key_start: u32,
    key_len: u16,
}

impl Head {
    #[inline(always)]
    fn key<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.key_start as usize..][..usize::from(self.key_len)]
    }
}

/// Keys and payloads of one thread, to be filled.
pub struct GroupTable<P> {
    cap: usize,
    /// Open addressing, a power of two: 0 is empty, else the index of an entry plus 1 in the low
    /// 20 bits and the highest 12 bits of its hash above.
    slots: Vec<u32>,
    /// In the order of insertion, as their keys in the arena.
    entries: Vec<Head>,
    payloads: Vec<P>,
    arena: Vec<u8>,
    error: u64,
    distinct: Option<Distinct>,
}

impl<P: Payload> GroupTable<P> {
    /// A table that is exact for up to `cap` different keys.
    ///
    /// # Panics
    /// If `cap` is 0 or above 524,288.
    pub fn new(cap: usize) -> Self {
        assert!((1..=CAP_MAX).contains(&cap));
        GroupTable {
            cap,
            slots: vec![0; SLOTS_MIN],
            entries: Vec::new(),
            payloads: Vec::new(),
            arena: Vec::new(),
            error: 0,
            distinct: None,
        }
    }

    /// The payload of this key, counting the call as one occurrence.
    #[inline(always)]
    pub fn entry(&mut self, key: &[u8]) -> &mut P {
        self.entry_hashed(key, hash_of(key))
    }

    /// As [`entry`](Self::entry), for a caller that has the key's [`hash_of`] already.
    #[inline(always)]
    pub fn entry_hashed(&mut self, key: &[u8], hash: u64) -> &mut P {
        let index = self.index_hashed(key, hash);
        &mut self.payloads[index]
    }

    /// As [`entry`](Self::entry), but the answer is where the payload is: see [`at`](Self::at).
    #[inline(always)]
    pub fn index(&mut self, key: &[u8]) -> usize {
        self.index_hashed(key, hash_of(key))
    }

    /// The payload at an index that [`index`](Self::index) gave, which holds for at least as
    /// many calls as [`room`](Self::room) said before the first of them.
    #[inline(always)]
    pub fn at(&mut self, index: usize) -> &mut P {
        &mut self.payloads[index]
    }

    /// How many keys can be inserted before entries are moved.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.entries_max() - self.entries.len()
    }

    /// Entries at which an insertion first reduces the table; more than `cap`.
    #[inline(always)]
    fn entries_max(&self) -> usize {
        self.cap + self.cap / 2 + 1
    }

    #[inline(always)]
    fn index_hashed(&mut self, key: &[u8], hash: u64) -> usize {
        if key.len() > KEY_BYTES_MAX {
            return self.long_index(key);
        }
        let index = match self.find(key, hash) {
            Some(index) => index,
            None => self.insert(key, hash),
        };
        self.entries[index].weight += 1;
        index
    }

    #[cold]
    #[inline(never)]
    fn long_index(&mut self, key: &[u8]) -> usize {
        let (short, len) = shortened(key);
        self.index(&short[..len])
    }

    #[inline(always)]
    fn find(&self, key: &[u8], hash: u64) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let tag = (hash >> 32) as u32 & !INDEX_MASK;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return None;
            }
            if slot & !INDEX_MASK == tag {
                let index = (slot & INDEX_MASK) as usize - 1;
                let entry = &self.entries[index];
                if entry.hash == hash && same(entry.key(&self.arena), key) {
                    return Some(index);
                }
            }
            at = (at + 1) & mask;
        }
    }

    #[inline(never)]
    fn insert(&mut self, key: &[u8], hash: u64) -> usize {
        if self.entries.len() == self.entries_max() {
            self.reduce();
        }
        // At most half full: a second probe is a branch mispredicted more often than not.
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            self.index_entries();
        }
        if let Some(distinct) = &mut self.distinct {
            distinct.insert(hash);
        }
        let index = self.entries.len();
        self.entries.push(Head {
            hash,
            weight: 0,
            key_start: self.arena.len() as u32,
            key_len: key.len() as u16,
        });
        self.payloads.push(P::default());
        self.arena.extend_from_slice(key);
        place(&mut self.slots, hash, index);
        index
    }

    /// Fills the slots, which are empty.
    fn index_entries(&mut self) {
        for (index, entry) in self.entries.iter().enumerate() {
            place(&mut self.slots, entry.hash, index);
        }
    }

    /// Drops light entries until at most `cap` are left; there must be more.
    #[cold]
    fn reduce(&mut self) {
        if self.distinct.is_none() {
            let mut distinct = Distinct::default();
            self.entries.iter().for_each(|entry| distinct.insert(entry.hash));
            self.distinct = Some(distinct);
        }
        let subtract = weight_beyond(self.cap, self.entries.iter().map(|entry| entry.weight));
        self.error += subtract;
        let (mut kept, mut arena_len) = (0, 0);
        for i in 0..self.entries.len() {
            let entry = &mut self.entries[i];
            if entry.weight <= subtract {
                continue;
            }
            entry.weight -= subtract;
            let key =
                entry.key_start as usize..entry.key_start as usize + usize::from(entry.key_len);
            entry.key_start = arena_len as u32;
            arena_len += key.len();
            self.arena.copy_within(key, entry.key_start as usize);
            self.entries.swap(kept, i);
            self.payloads.swap(kept, i);
            kept += 1;
        }
        self.entries.truncate(kept);
        self.payloads.truncate(kept);
        self.arena.truncate(arena_len);
        self.slots.fill(0);
        self.index_entries();
    }

    /// The frozen groups. The table is then empty and keeps its memory.
    pub fn take(&mut self) -> Groups<P> {
        if self.entries.len() > self.cap {
            self.reduce();
        }
        let mut order: Vec<(u64, u32)> =
            self.entries.iter().zip(0..).map(|(entry, index)| (entry.hash, index)).collect();
        order.sort_unstable_by(|a, b| {
            let key = |index: u32| self.entries[index as usize].key(&self.arena);
            a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1)))
        });
        let mut blob = Vec::with_capacity(self.arena.len() + 16 * self.entries.len());
        let mut payload = Vec::new();
        for &(_, index) in &order {
            let entry = &self.entries[index as usize];
            payload.clear();
            self.payloads[index as usize].encode(&mut payload);
            write_entry(&mut blob, entry.key(&self.arena), entry.weight, &payload);
        }
        let groups = Groups {
            entries: self.entries.len() as u64,
            error: self.error,
            distinct: self.distinct.take(),
            blob,
            payload: PhantomData,
        };
        self.clear();
        groups
    }

    fn clear(&mut self) {
        if self.entries.len() < self.slots.len() / 16 {
            // Few slots are in use. Everything from an entry's first slot to the next empty one
            // is another entry, so the runs are emptied whole.
            let mask = self.slots.len() - 1;
            for entry in &self.entries {
                let mut at = entry.hash as usize & mask;
                while self.slots[at] != 0 {
                    self.slots[at] = 0;
                    at = (at + 1) & mask;
                }
            }
        } else {
            self.slots.fill(0);
        }
        self.entries.clear();
        self.payloads.clear();
        self.arena.clear();
        self.error = 0;
        self.distinct = None;
    }
}

#[inline(always)]
fn place(slots: &mut [u32], hash: u64, index: usize) {
    let mask = slots.len() - 1;
    let mut at = hash as usize & mask;
    while slots[at] != 0 {
        at = (at + 1) & mask;
    }
    slots[at] = (hash >> 32) as u32 & !INDEX_MASK | (index as u32 + 1);
}

/// The (cap + 1)-th largest weight.
fn weight_beyond(cap: usize, weights: impl Iterator<Item = u64>) -> u64 {
    let mut weights: Vec<u64> = weights.collect();
    *weights.select_nth_unstable_by(cap, |a, b| b.cmp(a)).1
}

#[inline]
fn write_entry(blob: &mut Vec<u8>, key: &[u8], weight: u64, payload: &[u8]) {
    put_bytes(blob, key);
    put_u64(blob, weight);
    put_bytes(blob, payload);
}

/// Keys and payloads, frozen: canonical, compact, mergeable. `default()` is the merge's identity.
///
/// Groups that came from elsewhere must pass [`check`](Self::check) before anything else is done
/// with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Groups<P> {
    /// Entries in the blob.
    entries: u64,
    /// How much the weight of a key may be too small; 0 if all is exact.
    error: u64,
    /// All keys there ever were, if that is not the number of entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    distinct: Option<Distinct>,
    /// For each entry, in the order of (hash of the key, key): the key's length and the key, the
    /// weight, the payload's length and the payload; numbers as varints.
    #[serde(with = "serde_bytes")]
    blob: Vec<u8>,
    #[serde(skip)]
    payload: PhantomData<fn() -> P>,
}

impl<P> Default for Groups<P> {
    fn default() -> Self {
        Groups { entries: 0, error: 0, distinct: None, blob: Vec::new(), payload: PhantomData }
    }
}

/// An entry of a blob, undecoded.
#[derive(Clone, Copy)]
struct Raw<'a> {
    hash: u64,
    key: &'a [u8],
    weight: u64,
    payload: &'a [u8],
}

impl<'a> Raw<'a> {
    #[inline]
    fn read(blob: &mut &'a [u8]) -> Option<Raw<'a>> {
        let key = get_bytes(blob, KEY_BYTES_MAX)?;
        let weight = get_u64(blob)?;
        let payload = get_bytes(blob, PAYLOAD_BYTES_MAX)?;
        Some(Raw { hash: hash_of(key), key, weight, payload })
    }

    /// The next entry of checked bytes.
    #[inline]
    fn next(blob: &mut &'a [u8]) -> Option<Raw<'a>> {
        (!blob.is_empty()).then(|| Raw::read(blob).expect("groups are checked when they arrive"))
    }

    #[inline]
    fn order(&self, other: &Raw<'_>) -> Ordering {
        self.hash.cmp(&other.hash).then_with(|| self.key.cmp(other.key))
    }

    #[inline]
    fn decoded<P: Payload>(&self) -> P {
        P::decode(&mut &self.payload[..]).expect("groups are checked when they arrive")
    }
}

impl<P: Payload> Groups<P> {
    /// Whether every count is exact and no key is missing.
    pub fn exact(&self) -> bool {
        self.error == 0
    }

    /// How much too small a count may be, a missing key counting as 0.
    pub fn error_bound(&self) -> u64 {
        self.error
    }

    /// How many keys are kept.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// How many different keys there were: exact if the groups are, else an estimate with
    /// [`RELATIVE_ERROR`](super::distinct::RELATIVE_ERROR).
    pub fn distinct(&self) -> u64 {
        match &self.distinct {
            // There are at least those that are kept.
            Some(distinct) => distinct.estimate().max(self.entries),
            None => self.entries,
        }
    }

    /// Keys and payloads, in the order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], P)> {
        let mut rest = &self.blob[..];
        std::iter::from_fn(move || Raw::next(&mut rest).map(|raw| (raw.key, raw.decoded())))
    }

    /// The `n` entries with the largest score, largest first, equal ones by their key's bytes.
    pub fn top<S: Ord>(&self, n: usize, score: impl Fn(&P) -> S) -> Vec<(&[u8], P)> {
        let mut all: Vec<(S, &[u8], P)> =
            self.iter().map(|(key, payload)| (score(&payload), key, payload)).collect();
        let order = |a: &(S, &[u8], P), b: &(S, &[u8], P)| b.0.cmp(&a.0).then(a.1.cmp(b.1));
        if n < all.len() {
            all.select_nth_unstable_by(n, order);
            all.truncate(n);
        }
        all.sort_unstable_by(order);
        all.into_iter().map(|(_, key, payload)| (key, payload)).collect()
    }

    /// Adds the groups of `other`; both were made with this `cap`.
    pub fn merge(&mut self, other: &Self, cap: usize) {
        if other.entries == 0 && other.error == 0 {
            return;
        }
        if self.entries == 0 && self.error == 0 {
            self.clone_from(other);
            return;
        }
        let merged = self.union(other);
        *self = merged;
        if self.entries > cap as u64 {
            self.reduce(cap);
        }
    }

    /// All entries of both, however many.
    fn union(&self, other: &Self) -> Self {
        let mut blob = Vec::with_capacity(self.blob.len() + other.blob.len());
        let mut entries = 0;
        let mut payload = Vec::new();
        let (mut left, mut right) = (&self.blob[..], &other.blob[..]);
        let (mut a, mut b) = (Raw::next(&mut left), Raw::next(&mut right));
        loop {
            let order = match (&a, &b) {
                (Some(a), Some(b)) => a.order(b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            if let (Some(a), Some(b), Ordering::Equal) = (&a, &b, order) {
                let mut sum: P = a.decoded();
                sum.merge(&b.decoded());
                payload.clear();
                sum.encode(&mut payload);
                write_entry(&mut blob, a.key, a.weight.saturating_add(b.weight), &payload);
            } else if let Some(raw) = if order == Ordering::Less { a } else { b } {
                write_entry(&mut blob, raw.key, raw.weight, raw.payload);
            }
            entries += 1;
            if order != Ordering::Greater {
                a = Raw::next(&mut left);
            }
            if order != Ordering::Less {
                b = Raw::next(&mut right);
            }
        }
        let distinct = (self.distinct.is_some() || other.distinct.is_some()).then(|| {
            let mut distinct = self.all_keys();
            distinct.merge(&other.all_keys());
            distinct
        });
        let error = self.error.saturating_add(other.error);
        Groups { entries, error, distinct, blob, payload: PhantomData }
    }

    /// All keys there ever were.
    fn all_keys(&self) -> Distinct {
        self.distinct.clone().unwrap_or_else(|| {
            let mut distinct = Distinct::default();
            self.raws().for_each(|raw| distinct.insert(raw.hash));
            distinct
        })
    }

    fn raws(&self) -> impl Iterator<Item = Raw<'_>> {
        let mut rest = &self.blob[..];
        std::iter::from_fn(move || Raw::next(&mut rest))
    }

    /// Drops light entries until at most `cap` are left; there must be more.
    fn reduce(&mut self, cap: usize) {
        let distinct = self.all_keys();
        let subtract = weight_beyond(cap, self.raws().map(|raw| raw.weight));
        let mut blob = Vec::with_capacity(self.blob.len());
        let mut entries = 0;
        for raw in self.raws().filter(|raw| raw.weight > subtract) {
            write_entry(&mut blob, raw.key, raw.weight - subtract, raw.payload);
            entries += 1;
        }
        let error = self.error.saturating_add(subtract);
        *self = Groups { entries, error, distinct: Some(distinct), blob, payload: PhantomData };
    }

    /// Whether these bytes are what a table with this `cap` may leave behind.
    ///
    /// # Errors
    /// If not: the entries are not in strict order, too many or not what they say, a key or a
    /// payload is too long or not canonical, or the error and the distinct count disagree.
    pub fn check(&self, cap: usize) -> Result<(), &'static str> {
        if self.entries > cap as u64 {
            return Err("a group table has more entries than its cap");
        }
        if (self.error == 0) != self.distinct.is_none() {
            return Err("a group table's error and distinct count do not belong together");
        }
        const BROKEN: &str = "the bytes of a group table are broken";
        let mut rest = &self.blob[..];
        let mut last: Option<Raw<'_>> = None;
        let mut entries = 0;
        let mut calls = self.error;
        let mut again = Vec::new();
        while !rest.is_empty() {
            let raw = Raw::read(&mut rest).ok_or(BROKEN)?;
            if last.is_some_and(|last| last.order(&raw) != Ordering::Less) {
                return Err("the entries of a group table are not in order");
            }
            let mut bytes = raw.payload;
            let payload = P::decode(&mut bytes).ok_or(BROKEN)?;
            again.clear();
            payload.encode(&mut again);
            if !bytes.is_empty() || again != raw.payload || raw.weight == 0 {
                return Err("an entry of a group table is not canonical");
            }
            calls = calls.saturating_add(raw.weight);
            last = Some(raw);
            entries += 1;
        }
        if calls > CALLS_MAX {
            return Err("a group table counts impossibly much");
        }
        if entries != self.entries {
            return Err("a group table has another number of entries than it says");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// How often, and the sum of something.
    #[derive(Debug, Default, Clone, PartialEq)]
    struct Sum {
        count: u64,
        sum: u64,
    }

    impl Payload for Sum {
        fn merge(&mut self, other: &Self) {
            self.count += other.count;
            self.sum += other.sum;
        }

        fn encode(&self, out: &mut Vec<u8>) {
            put_u64(out, self.count);
            put_u64(out, self.sum);
        }

        fn decode(bytes: &mut &[u8]) -> Option<Self> {
            Some(Sum { count: get_u64(bytes)?, sum: get_u64(bytes)? })
        }
    }

    fn key(i: u32) -> Vec<u8> {
        format!("/route/{i}").into_bytes()
    }

    fn count(table: &mut GroupTable<Sum>, keys: &[u32]) -> Groups<Sum> {
        for &i in keys {
            let sum = table.entry(&key(i));
            sum.count += 1;
            sum.sum += u64::from(i);
        }
        let groups = table.take();
        assert_eq!(groups.check(table.cap), Ok(()));
        groups
    }

    fn bytes(groups: &Groups<Sum>) -> Vec<u8> {
        rmp_serde::to_vec_named(groups).unwrap()
    }

    fn merged(groups: &[Groups<Sum>], cap: usize) -> Groups<Sum> {
        let mut all = Groups::default();
        for groups in groups {
            all.merge(groups, cap);
            assert_eq!(all.check(cap), Ok(()));
        }
        all
    }

    /// Keys of which a few are frequent.
    fn keys(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![0u32..4, 0u32..20, 0u32..400], n)
    }

    proptest! {
        #[test]
        fn up_to_the_cap_neither_split_nor_order_shows(
            all in prop::collection::vec(0u32..60, 0..300),
            mut cuts in prop::collection::vec(0usize..300, 2),
            order in Just([0usize, 1, 2]).prop_shuffle(),
        ) {
            const CAP: usize = 60;
            cuts.iter_mut().for_each(|cut| *cut = (*cut).min(all.len()));
            cuts.sort_unstable();
            let mut table = GroupTable::new(CAP);
            let whole = count(&mut table, &all);
            prop_assert!(whole.exact());
            prop_assert_eq!(whole.distinct(), all.iter().collect::<BTreeSet<_>>().len() as u64);
            let parts = [&all[..cuts[0]], &all[cuts[0]..cuts[1]], &all[cuts[1]..]];
            let parts = parts.map(|part| count(&mut table, part));
            let left = merged(&order.map(|i| parts[i].clone()), CAP);
            let mut right = parts[order[1]].clone();
            right.merge(&parts[order[2]], CAP);
            let right = merged(&[parts[order[0]].clone(), right], CAP);
            prop_assert_eq!(bytes(&left), bytes(&whole));
            prop_assert_eq!(bytes(&right), bytes(&whole));

            let mut sums = BTreeMap::<Vec<u8>, Sum>::new();
            for &i in &all {
                let sum = sums.entry(key(i)).or_default();
                sum.merge(&Sum { count: 1, sum: u64::from(i) });
            }
            let found: BTreeMap<Vec<u8>, Sum> =
                whole.iter().map(|(key, sum)| (key.to_vec(), sum)).collect();
            prop_assert_eq!(&found, &sums);
            let mut expected: Vec<_> = sums.iter().map(|(key, sum)| (&key[..], sum.clone())).collect();
            expected.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
            expected.truncate(5);
            prop_assert_eq!(whole.top(5, |sum| sum.count), expected);
        }

        #[test]
        fn beyond_the_cap_the_error_is_bounded(
            parts in prop::collection::vec(keys(0..400), 1..6),
            cap in 1usize..50,
        ) {
            let mut table = GroupTable::new(cap);
            let groups: Vec<_> = parts.iter().map(|part| count(&mut table, part)).collect();
            // The same parts and the same tree, with a table that has no past: the same bytes.
            let again: Vec<_> =
                parts.iter().map(|part| count(&mut GroupTable::new(cap), part)).collect();
            prop_assert_eq!(&groups, &again);
            let all = merged(&groups, cap);
            prop_assert_eq!(bytes(&merged(&again, cap)), bytes(&all));

            let mut truth = BTreeMap::<Vec<u8>, u64>::new();
            parts.iter().flatten().for_each(|&i| *truth.entry(key(i)).or_default() += 1);
            let calls: u64 = truth.values().sum();
            prop_assert!(all.error_bound() <= calls / (cap as u64 + 1));
            prop_assert_eq!(all.exact(), all.distinct.is_none());
            prop_assert!(all.exact() || truth.len() > cap);
            let kept: BTreeMap<Vec<u8>, u64> =
                all.iter().map(|(key, sum)| (key.to_vec(), sum.count)).collect();
            prop_assert_eq!(kept.len() as u64, all.entries());
            for (key, &count) in &truth {
                let reported = kept.get(key).copied().unwrap_or(0);
                prop_assert!(reported <= count && count - reported <= all.error_bound());
            }
            let distinct = all.distinct();
            prop_assert!(distinct.abs_diff(truth.len() as u64) <= 1 + truth.len() as u64 / 30);
        }

        #[test]
        fn serde_round_trips_and_bytes_are_checked(
            all in keys(0..200),
            cap in 1usize..50,
            at: prop::sample::Index,
            byte: u8,
        ) {
            let groups = count(&mut GroupTable::new(cap), &all);
            let bytes = bytes(&groups);
            prop_assert_eq!(&rmp_serde::from_slice::<Groups<Sum>>(&bytes).unwrap(), &groups);
            let mut spoiled = groups.clone();
            if !spoiled.blob.is_empty() {
                let at = at.index(spoiled.blob.len());
                spoiled.blob[at] = byte;
                // Whatever passes may be merged.
                if spoiled.check(cap).is_ok() {
                    spoiled.merge(&groups, cap);
                    prop_assert_eq!(spoiled.check(cap), Ok(()));
                }
                let mut short = groups.clone();
                short.blob.truncate(at);
                prop_assert!(short.check(cap).is_err());
            }
            let mut wrong = groups.clone();
            wrong.entries += 1;
            prop_assert!(wrong.check(cap).is_err());
            let mut wrong = groups.clone();
            wrong.error ^= if wrong.error == 0 { 1 } else { wrong.error };
            prop_assert!(wrong.check(cap).is_err());
            prop_assert!(groups.entries == 0 || groups.check(groups.entries as usize - 1).is_err());
        }

        #[test]
        fn same_is_equality(a in "[a]{0,60}[ab]{0,4}[a]{0,9}", b in "[a]{0,60}[ab]{0,4}[a]{0,9}") {
            prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
            prop_assert!(same(a.as_bytes(), a.clone().as_bytes()));
        }
    }

    #[test]
    fn a_table_grows_and_is_emptied() {
        let mut table = GroupTable::new(5_000);
        let many: Vec<u32> = (0..5_000).chain(0..5_000).collect();
        let first = count(&mut table, &many);
        assert_eq!((first.entries(), first.exact()), (5_000, true));
        assert!(first.iter().all(|(_, sum)| sum.count == 2));
        // After many, after few, after none.
        assert_eq!(count(&mut table, &[7]), count(&mut GroupTable::new(5_000), &[7]));
        assert!(table.slots.iter().all(|&slot| slot == 0));
        assert_eq!(table.take(), Groups::default());
        assert_eq!(count(&mut table, &many), first);
    }

    #[test]
    fn heavy_keys_survive_a_flood() {
        let mut table = GroupTable::new(100);
        let all: Vec<u32> = (1_000..21_000).flat_map(|i| [i, i % 7]).collect();
        let groups = count(&mut table, &all);
        assert!(!groups.exact());
        assert!(groups.entries() <= 100);
        assert!(groups.error_bound() <= 40_000 / 101);
        let top = groups.top(7, |sum| sum.count);
        let names: BTreeSet<&[u8]> = top.iter().map(|&(key, _)| key).collect();
        assert_eq!(names, (0..7).map(key).collect::<Vec<_>>().iter().map(|k| &k[..]).collect());
        assert!(groups.distinct().abs_diff(20_007) < 600);
    }

    #[test]
    fn long_keys_are_shortened() {
        let mut table = GroupTable::<Sum>::new(10);
        let long = |tail: &str| format!("{}{tail}", "é".repeat(128)).into_bytes();
        let odd = format!("x{}", "é".repeat(128)).into_bytes();
        for key in [&long(""), &long("a"), &long("b"), &long("a"), &odd] {
            table.entry(key).count += 1;
        }
        let groups = table.take();
        assert_eq!(groups.check(10), Ok(()));
        let mut kept: Vec<_> =
            groups.iter().map(|(k, s)| (String::from_utf8(k.to_vec()).unwrap(), s.count)).collect();
        kept.sort();
        assert_eq!(kept.len(), 4);
        assert_eq!(kept[0].0.len(), 239 + 16);
        assert!(kept.iter().all(|(k, _)| k.len() <= KEY_BYTES_MAX));
        assert_eq!(kept.iter().filter(|(k, _)| k.contains('~')).count(), 3);
        assert_eq!(kept.iter().map(|(_, count)| count).max(), Some(&2));
    }
}
