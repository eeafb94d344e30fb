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
//!
//! The keys of one chunk are nearly always those of the next, so a table that was frozen keeps
//! them, and their order, with a weight of 0: the next chunk finds them there, and need not sort
//! them again. Such *idle* entries are no part of what is counted, and make way before anything is
//! reduced. A key's payload while it is counted ([`Payload::Live`]) may be more compact than the
//! payload of frozen groups, since a table counts at most [`CALLS_AT_ONCE_MAX`] calls before it is
//! frozen.

use super::distinct::Distinct;
use super::varint::{get_bytes, get_u64, put_bytes, put_u64};
use crate::simd::prefetch;
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

/// Most calls that a table counts before it is frozen, so that 32 bits hold any count of them.
pub const CALLS_AT_ONCE_MAX: u64 = u32::MAX as u64;

/// Idle entries that a table keeps from one chunk to the next.
const IDLE_MAX: usize = 1 << 15;

/// What is kept for each key.
pub trait Payload: Default + Clone + PartialEq {
    /// The same for one key of a table that is being filled.
    type Live: Default;

    /// Appends the canonical bytes of what a table counted for a key, and leaves `live` as
    /// `default()` is, but for memory that it may keep.
    fn freeze(live: &mut Self::Live, out: &mut Vec<u8>);

    /// Adds the figures of `other`: commutative and associative, with `default()` as identity.
    fn merge(&mut self, other: &Self);

    /// Appends the canonical bytes, at most 65,536.
    fn encode(&self, out: &mut Vec<u8>);

    /// Takes one payload off the front of `bytes`, which may be anything; None if they do not
    /// begin with what [`encode`](Self::encode) writes.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;

    /// Appends the bytes of the sum of two payloads, given theirs, which are checked.
    #[inline]
    fn merge_bytes(a: &[u8], b: &[u8], out: &mut Vec<u8>) {
        let [mut sum, other] = [a, b].map(|mut bytes| {
            Self::decode(&mut bytes).expect("groups are checked when they arrive")
        });
        sum.merge(&other);
        sum.encode(out);
    }
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

/// The key of an entry.
#[derive(Clone, Copy)]
struct Head {
    hash: u64,
    key_start: u32,
    key_len: u16,
}

impl Head {
    #[inline(always)]
    fn key<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.key_start as usize..][..usize::from(self.key_len)]
    }
}

/// What is counted of an entry, in one place: a look-up that knows the entry touches nothing else.
#[derive(Default)]
struct Cell<L> {
    /// 0 for an entry that is idle.
    weight: u32,
    live: L,
}

/// Keys and payloads of one thread, to be filled.
pub struct GroupTable<P: Payload> {
    cap: usize,
    /// Open addressing, a power of two: 0 is empty, else the index of an entry plus 1 in the low
    /// 20 bits and the highest 12 bits of its hash above.
    slots: Vec<u32>,
    /// In the order of insertion, as their cells and their keys in the arena.
    heads: Vec<Head>,
    cells: Vec<Cell<P::Live>>,
    arena: Vec<u8>,
    /// The first entries, as many as this has, in the order of (hash, key).
    order: Vec<u32>,
    /// How often indices of entries changed.
    moves: u64,
    error: u64,
    distinct: Option<Distinct>,
    /// Calls since the table was frozen; and what had to be frozen before the chunk ended.
    calls: u64,
    earlier: Groups<P>,
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
            heads: Vec::new(),
            cells: Vec::new(),
            arena: Vec::new(),
            order: Vec::new(),
            moves: 0,
            error: 0,
            distinct: None,
            calls: 0,
            earlier: Groups::default(),
        }
    }

    /// Announces so many calls of the methods below; nothing may be counted that is not announced.
    #[inline(always)]
    pub fn expect(&mut self, calls: usize) {
        self.calls += calls as u64;
        if self.calls > CALLS_AT_ONCE_MAX {
            self.spill(calls as u64);
        }
    }

    #[cold]
    fn spill(&mut self, calls: u64) {
        let groups = self.freeze();
        self.earlier.merge(&groups, self.cap);
        self.calls = calls;
    }

    /// The payload of this key, counting the call as one occurrence.
    #[inline(always)]
    pub fn entry(&mut self, key: &[u8]) -> &mut P::Live {
        let index = self.index(key);
        self.count(index)
    }

    /// The place of this key, for [`count`](Self::count), inserted if it is not there. Holds while
    /// [`moves`](Self::moves) stays the same.
    #[inline(always)]
    pub fn index(&mut self, key: &[u8]) -> usize {
        if key.len() > KEY_BYTES_MAX {
            return self.long_index(key);
        }
        let hash = hash_of(key);
        match self.find(key, hash) {
            Some(index) => index,
            None => self.insert(key, hash),
        }
    }

    /// The payload at a place that [`index`](Self::index) gave, counting the call as one
    /// occurrence of the key there.
    #[inline(always)]
    pub fn count(&mut self, index: usize) -> &mut P::Live {
        let cell = &mut self.cells[index];
        cell.weight += 1;
        &mut cell.live
    }

    /// Asks for the memory that [`count`](Self::count) needs; the place may be none.
    #[inline(always)]
    pub fn prefetch(&self, place: u32) {
        prefetch(self.cells.as_ptr().wrapping_add(place as usize));
    }

    /// How often places changed: those given before the last change mean nothing now.
    #[inline(always)]
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// How many keys can be inserted before places change.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.entries_max() - self.heads.len()
    }

    /// Entries at which an insertion first reduces the table; more than `cap`.
    #[inline(always)]
    fn entries_max(&self) -> usize {
        self.cap + self.cap / 2 + 1
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
                let head = &self.heads[index];
                if head.hash == hash && same(head.key(&self.arena), key) {
                    return Some(index);
                }
            }
            at = (at + 1) & mask;
        }
    }

    #[inline(never)]
    fn insert(&mut self, key: &[u8], hash: u64) -> usize {
        if self.heads.len() == self.entries_max() {
            self.make_room();
        }
        // At most half full: a second probe is a branch mispredicted more often than not.
        if (self.heads.len() + 1) * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            self.index_entries();
        }
        if let Some(distinct) = &mut self.distinct {
            distinct.insert(hash);
        }
        let index = self.heads.len();
        self.heads.push(Head {
            hash,
            key_start: self.arena.len() as u32,
            key_len: key.len() as u16,
        });
        self.cells.push(Cell::default());
        self.arena.extend_from_slice(key);
        place(&mut self.slots, hash, index);
        index
    }

    /// Fills the slots, which are empty.
    fn index_entries(&mut self) {
        for (index, head) in self.heads.iter().enumerate() {
            place(&mut self.slots, head.hash, index);
        }
    }

    /// Makes room for an entry: idle ones go, and if there are none, light ones.
    #[cold]
    fn make_room(&mut self) {
        self.drop_idle();
        if self.heads.len() == self.entries_max() {
            self.reduce();
        }
        self.slots.fill(0);
        self.index_entries();
    }

    /// Drops idle entries. The slots are then to be filled anew.
    fn drop_idle(&mut self) {
        // Only what was there when the table was frozen can be idle.
        if !self.order.is_empty() {
            self.drop_up_to(0);
        }
    }

    /// Drops light entries until at most `cap` are left; there must be more, and none idle. The
    /// slots are then to be filled anew.
    fn reduce(&mut self) {
        if self.distinct.is_none() {
            let mut distinct = Distinct::default();
            self.heads.iter().for_each(|head| distinct.insert(head.hash));
            self.distinct = Some(distinct);
        }
        let weights = self.cells.iter().map(|cell| u64::from(cell.weight));
        let subtract = weight_beyond(self.cap, weights);
        self.error += subtract;
        // It is one of the weights.
        let subtract = subtract as u32;
        self.drop_up_to(subtract);
        self.cells.iter_mut().for_each(|cell| cell.weight -= subtract);
    }

    /// Drops the entries of at most this weight. The slots are then to be filled anew.
    fn drop_up_to(&mut self, weight: u32) {
        self.moves += 1;
        self.order.clear();
        let (mut kept, mut arena_len) = (0, 0);
        for i in 0..self.heads.len() {
            if self.cells[i].weight <= weight {
                continue;
            }
            let mut head = self.heads[i];
            let key = head.key_start as usize..head.key_start as usize + usize::from(head.key_len);
            head.key_start = arena_len as u32;
            arena_len += key.len();
            self.arena.copy_within(key, head.key_start as usize);
            self.heads[kept] = head;
            self.cells.swap(kept, i);
            kept += 1;
        }
        self.heads.truncate(kept);
        self.cells.truncate(kept);
        self.arena.truncate(arena_len);
    }

    /// The frozen groups. The table is then empty and keeps its memory.
    pub fn take(&mut self) -> Groups<P> {
        let groups = self.freeze();
        self.calls = 0;
        if self.earlier.is_empty() {
            return groups;
        }
        let mut all = std::mem::take(&mut self.earlier);
        all.merge(&groups, self.cap);
        all
    }

    fn freeze(&mut self) -> Groups<P> {
        if self.calls == 0 {
            return Groups::default();
        }
        let moves = self.moves;
        if self.heads.len() > self.cap {
            self.drop_idle();
            if self.heads.len() > self.cap {
                self.reduce();
            }
        }
        let has_moved = self.moves != moves;
        self.sort();
        let GroupTable { heads, cells, arena, order, .. } = self;
        let mut blob = Vec::with_capacity(arena.len() + 16 * heads.len());
        let mut entries = 0;
        for &index in order.iter() {
            let cell = &mut cells[index as usize];
            if cell.weight > 0 {
                let weight = u64::from(std::mem::take(&mut cell.weight));
                write_head(&mut blob, heads[index as usize].key(arena), weight);
                write_payload(&mut blob, |blob| P::freeze(&mut cell.live, blob));
                entries += 1;
            }
        }
        let groups = Groups {
            entries,
            error: std::mem::take(&mut self.error),
            distinct: self.distinct.take(),
            blob,
            payload: PhantomData,
        };
        // The keys stay if it is likely that the next chunk has them, too.
        let many_idle = self.heads.len() as u64 > 4 * entries;
        if has_moved || groups.error > 0 || many_idle || self.heads.len() > IDLE_MAX {
            if has_moved {
                self.slots.fill(0);
            }
            self.clear();
        }
        groups
    }

    /// Puts the places of all entries in order.
    fn sort(&mut self) {
        let known = self.order.len();
        if known == self.heads.len() {
            return;
        }
        let mut new: Vec<(u64, u32)> =
            self.heads[known..].iter().zip(known as u32..).map(|(h, i)| (h.hash, i)).collect();
        let GroupTable { heads, arena, order, .. } = self;
        let key = |index: u32| heads[index as usize].key(arena);
        let less = |a: &(u64, u32), b: &(u64, u32)| a.0 < b.0 || a.0 == b.0 && key(a.1) < key(b.1);
        sort_by_hash(&mut new, &less);
        let old: Vec<(u64, u32)> = order.iter().map(|&i| (heads[i as usize].hash, i)).collect();
        order.clear();
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        while let (Some(a), Some(b)) = (old.peek(), new.peek()) {
            let next = if less(a, b) { old.next() } else { new.next() };
            order.extend(next.map(|&(_, index)| index));
        }
        order.extend(old.chain(new).map(|&(_, index)| index));
    }

    fn clear(&mut self) {
        if self.heads.len() < self.slots.len() / 16 {
            // Few slots are in use. Everything from an entry's first slot to the next empty one
            // is another entry, so the runs are emptied whole.
            let mask = self.slots.len() - 1;
            for head in &self.heads {
                let mut at = head.hash as usize & mask;
                while self.slots[at] != 0 {
                    self.slots[at] = 0;
                    at = (at + 1) & mask;
                }
            }
        } else {
            self.slots.fill(0);
        }
        self.heads.clear();
        self.cells.clear();
        self.arena.clear();
        self.order.clear();
        self.moves += 1;
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

/// The (cap + 1)-th largest of more than `cap` weights, none of which is 0.
fn weight_beyond(cap: usize, weights: impl Iterator<Item = u64> + Clone) -> u64 {
    // In a flood of new keys it is the least there can be.
    if weights.clone().filter(|&weight| weight > 1).count() <= cap {
        return 1;
    }
    let mut weights: Vec<u64> = weights.collect();
    *weights.select_nth_unstable_by(cap, |a, b| b.cmp(a)).1
}

/// Sorts what begins with a hash by `less`, which compares the hashes first.
///
/// Hashes are spread evenly, so that counting how many begin with which bits tells nearly
/// where each one belongs; what is left to do is among neighbours.
fn sort_by_hash(items: &mut Vec<(u64, u32)>, less: &impl Fn(&(u64, u32), &(u64, u32)) -> bool) {
    let order = |a: &(u64, u32), b: &(u64, u32)| {
        if less(a, b) { Ordering::Less } else { Ordering::Greater }
    };
    // About four to a place.
    let bits = (items.len() / 4).checked_ilog2().unwrap_or(0).min(16);
    if bits < 4 {
        items.sort_unstable_by(order);
        return;
    }
    let place = |hash: u64| (hash >> (64 - bits)) as usize;
    let mut ends = vec![0u32; 1 << bits];
    items.iter().for_each(|item| ends[place(item.0)] += 1);
    let mut end = 0;
    for count in &mut ends {
        // Where the place begins, which is moved to its end below.
        end += std::mem::replace(count, end);
    }
    let mut sorted = vec![(0, 0); items.len()];
    for &item in items.iter() {
        let at = &mut ends[place(item.0)];
        sorted[*at as usize] = item;
        *at += 1;
    }
    let mut start = 0;
    for &end in &ends {
        let few = &mut sorted[start..end as usize];
        if few.len() > 1 {
            few.sort_unstable_by(order);
        }
        start = end as usize;
    }
    *items = sorted;
}

#[inline]
fn write_head(blob: &mut Vec<u8>, key: &[u8], weight: u64) {
    put_bytes(blob, key);
    put_u64(blob, weight);
}

/// Appends what `write` appends, behind its length.
#[inline]
fn write_payload(blob: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = blob.len();
    blob.push(0);
    write(blob);
    let len = blob.len() - at - 1;
    if len < 0x80 {
        blob[at] = len as u8;
    } else {
        let mut varint = Vec::new();
        put_u64(&mut varint, len as u64);
        blob.splice(at..=at, varint);
    }
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
        Some(Raw { key, weight, payload })
    }

    /// The next entry of checked bytes.
    #[inline]
    fn next(blob: &mut &'a [u8]) -> Option<Raw<'a>> {
        (!blob.is_empty()).then(|| Raw::read(blob).expect("groups are checked when they arrive"))
    }

    #[inline]
    fn write(&self, blob: &mut Vec<u8>, weight: u64) {
        write_head(blob, self.key, weight);
        put_bytes(blob, self.payload);
    }

    #[inline]
    fn decoded<P: Payload>(&self) -> P {
        P::decode(&mut &self.payload[..]).expect("groups are checked when they arrive")
    }
}

/// The order of two different keys.
#[inline]
fn order(a: (u64, &[u8]), b: (u64, &[u8])) -> Ordering {
    a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

/// An entry of a blob: the hash of its key, its weight, and where in the blob it begins.
struct Row {
    hash: u64,
    weight: u64,
    start: u32,
}

/// Calls `both` for each key of two tables in their order, with its entries.
#[inline(always)]
fn join<'a>(
    (a, a_blob): (&'a [Row], &[u8]),
    (b, b_blob): (&'a [Row], &[u8]),
    mut both: impl FnMut(Option<&'a Row>, Option<&'a Row>),
) {
    let key = |blob: &[u8], row: &Row| -> Vec<u8> {
        Raw::next(&mut &blob[row.start as usize..]).map_or_else(Vec::new, |raw| raw.key.to_vec())
    };
    let (mut i, mut j) = (0, 0);
    while let (Some(left), Some(right)) = (a.get(i), b.get(j)) {
        let order = if left.hash == right.hash {
            key(a_blob, left).cmp(&key(b_blob, right))
        } else {
            left.hash.cmp(&right.hash)
        };
        both(order.is_le().then_some(left), order.is_ge().then_some(right));
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    a[i..].iter().for_each(|row| both(Some(row), None));
    b[j..].iter().for_each(|row| both(None, Some(row)));
}

/// A reader of a blob, at one of its entries.
struct Reader<'a> {
    rest: &'a [u8],
    at: Option<Raw<'a>>,
    /// The hash of its key, once anybody asked.
    hash: Option<u64>,
}

impl<'a> Reader<'a> {
    fn new(mut rest: &'a [u8]) -> Reader<'a> {
        let at = Raw::next(&mut rest);
        Reader { rest, at, hash: None }
    }

    #[inline]
    fn advance(&mut self) {
        self.at = Raw::next(&mut self.rest);
        self.hash = None;
    }

    #[inline]
    fn hashed(&mut self, key: &'a [u8]) -> (u64, &'a [u8]) {
        (*self.hash.get_or_insert_with(|| hash_of(key)), key)
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

    /// How full they are, as a share of `cap`; infinite where something was dropped.
    pub fn fullness(&self, cap: usize) -> f64 {
        if self.distinct.is_some() { f64::INFINITY } else { self.entries as f64 / cap as f64 }
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
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        let merged = if self.entries + other.entries > cap as u64 {
            self.heavy_union(other, cap)
        } else {
            None
        };
        *self = merged.unwrap_or_else(|| self.union(other));
    }

    /// Whether this is the merge's identity.
    fn is_empty(&self) -> bool {
        self.entries == 0 && self.error == 0
    }

    /// All entries of both, however many.
    fn union(&self, other: &Self) -> Self {
        let mut blob = Vec::with_capacity(self.blob.len() + other.blob.len());
        let mut entries = 0;
        let (mut left, mut right) = (Reader::new(&self.blob), Reader::new(&other.blob));
        loop {
            let order = match (&left.at, &right.at) {
                // Both have mostly the same keys, which need no hash.
                (Some(a), Some(b)) if same(a.key, b.key) => {
                    write_head(&mut blob, a.key, a.weight.saturating_add(b.weight));
                    write_payload(&mut blob, |blob| P::merge_bytes(a.payload, b.payload, blob));
                    Ordering::Equal
                }
                (&Some(a), &Some(b)) => order(left.hashed(a.key), right.hashed(b.key)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            entries += 1;
            if order != Ordering::Greater {
                if let Some(raw) = left.at.filter(|_| order == Ordering::Less) {
                    raw.write(&mut blob, raw.weight);
                }
                left.advance();
            }
            if order != Ordering::Less {
                if let Some(raw) = right.at.filter(|_| order == Ordering::Greater) {
                    raw.write(&mut blob, raw.weight);
                }
                right.advance();
            }
        }
        let distinct = (self.distinct.is_some() || other.distinct.is_some()).then(|| {
            let mut distinct = self.all_keys(&self.rows());
            distinct.merge(&other.all_keys(&other.rows()));
            distinct
        });
        let error = self.error.saturating_add(other.error);
        Groups { entries, error, distinct, blob, payload: PhantomData }
    }

    /// The heavy entries of both, at most `cap`; None if there are not more than that in all.
    fn heavy_union(&self, other: &Self, cap: usize) -> Option<Self> {
        let (left, right) = (self.rows(), other.rows());
        let (a, b) = ((&left[..], &self.blob[..]), (&right[..], &other.blob[..]));
        let weight = |row: Option<&Row>| row.map_or(0, |row| row.weight);
        let mut weights = Vec::with_capacity(left.len() + right.len());
        join(a, b, |a, b| weights.push(weight(a).saturating_add(weight(b))));
        if weights.len() <= cap {
            return None;
        }
        let subtract = weight_beyond(cap, weights.iter().copied());
        let mut blob = Vec::new();
        let mut entries = 0;
        let mut weights = weights.into_iter();
        join(a, b, |a, b| {
            let weight = weights.next().unwrap_or(0).saturating_sub(subtract);
            if weight == 0 {
                return;
            }
            entries += 1;
            let a = a.and_then(|row| Raw::next(&mut &self.blob[row.start as usize..]));
            let b = b.and_then(|row| Raw::next(&mut &other.blob[row.start as usize..]));
            match (a, b) {
                (Some(a), Some(b)) => {
                    write_head(&mut blob, a.key, weight);
                    write_payload(&mut blob, |blob| P::merge_bytes(a.payload, b.payload, blob));
                }
                (a, b) => a.or(b).iter().for_each(|raw| raw.write(&mut blob, weight)),
            }
        });
        let mut distinct = self.all_keys(&left);
        distinct.merge(&other.all_keys(&right));
        let error = self.error.saturating_add(other.error).saturating_add(subtract);
        Some(Groups { entries, error, distinct: Some(distinct), blob, payload: PhantomData })
    }

    /// All keys there ever were, given those that are left.
    fn all_keys(&self, rows: &[Row]) -> Distinct {
        self.distinct.clone().unwrap_or_else(|| {
            let mut distinct = Distinct::default();
            rows.iter().for_each(|row| distinct.insert(row.hash));
            distinct
        })
    }

    fn rows(&self) -> Vec<Row> {
        let mut rest = &self.blob[..];
        let mut rows = Vec::with_capacity(self.entries as usize);
        loop {
            let start = (self.blob.len() - rest.len()) as u32;
            let Some(raw) = Raw::next(&mut rest) else { return rows };
            rows.push(Row { hash: hash_of(raw.key), weight: raw.weight, start });
        }
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
        let mut last: Option<(u64, &[u8])> = None;
        let mut entries = 0;
        let mut calls = self.error;
        let mut again = Vec::new();
        while !rest.is_empty() {
            let raw = Raw::read(&mut rest).ok_or(BROKEN)?;
            let at = (hash_of(raw.key), raw.key);
            if last.is_some_and(|last| order(last, at) != Ordering::Less) {
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
            last = Some(at);
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
        type Live = Sum;

        fn freeze(live: &mut Sum, out: &mut Vec<u8>) {
            std::mem::take(live).encode(out);
        }

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
        table.expect(keys.len());
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

    /// What the text above says of merging, in its words.
    fn plainly_merged(a: &Groups<Sum>, b: &Groups<Sum>, cap: usize) -> Groups<Sum> {
        let mut all = BTreeMap::<(u64, Vec<u8>), (u64, Sum)>::new();
        let mut keys = Distinct::default();
        for groups in [a, b] {
            let mut rest = &groups.blob[..];
            while let Some(raw) = Raw::next(&mut rest) {
                let (weight, sum) = all.entry((hash_of(raw.key), raw.key.to_vec())).or_default();
                *weight += raw.weight;
                sum.merge(&raw.decoded());
                keys.insert(hash_of(raw.key));
            }
            groups.distinct.iter().for_each(|distinct| keys.merge(distinct));
        }
        let mut error = a.error + b.error;
        if all.len() > cap {
            let mut weights: Vec<u64> = all.values().map(|(weight, _)| *weight).collect();
            weights.sort_by_key(|&weight| std::cmp::Reverse(weight));
            all.retain(|_, (weight, _)| *weight > weights[cap]);
            all.values_mut().for_each(|(weight, _)| *weight -= weights[cap]);
            error += weights[cap];
        }
        let mut blob = Vec::new();
        for ((_, key), (weight, sum)) in &all {
            put_bytes(&mut blob, key);
            put_u64(&mut blob, *weight);
            let mut payload = Vec::new();
            sum.encode(&mut payload);
            put_bytes(&mut blob, &payload);
        }
        let distinct = (error > 0).then_some(keys);
        Groups { entries: all.len() as u64, error, distinct, blob, payload: PhantomData }
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
            for pair in groups.windows(2) {
                let mut both = pair[0].clone();
                both.merge(&pair[1], cap);
                prop_assert_eq!(both, plainly_merged(&pair[0], &pair[1], cap));
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
    fn more_calls_than_fit_are_counted() {
        let all: Vec<u32> = (0..300).map(|i| i % 70).collect();
        for cap in [50, 100] {
            let mut table = GroupTable::<Sum>::new(cap);
            table.expect(100);
            all[..100].iter().for_each(|&i| table.entry(&key(i)).count += 1);
            table.calls = CALLS_AT_ONCE_MAX;
            table.expect(200);
            assert_eq!(table.calls, 200);
            all[100..].iter().for_each(|&i| table.entry(&key(i)).count += 1);
            let groups = table.take();
            assert_eq!(groups.check(cap), Ok(()));
            assert_eq!(groups.exact(), cap == 100);
            if cap == 100 {
                assert_eq!(groups.iter().map(|(_, sum)| sum.count).sum::<u64>(), 300);
            }
            assert_eq!(table.take(), Groups::default());
        }
    }

    #[test]
    fn idle_keys_make_way() {
        // Known from the chunk before, and in nobody's way: the same as in a new table.
        for (before, then) in [(0..90, 80..225), (0..60, 50..70), (0..30, 0..140)] {
            let mut table = GroupTable::new(100);
            count(&mut table, &before.collect::<Vec<_>>());
            let then: Vec<u32> = then.flat_map(|i| [i, i % 7]).collect();
            assert_eq!(count(&mut table, &then), count(&mut GroupTable::new(100), &then));
        }
    }

    #[test]
    fn many_are_sorted_as_few() {
        let mut table = GroupTable::new(5_000);
        let groups = count(&mut table, &(0..5_000).collect::<Vec<_>>());
        assert!(groups.iter().map(|(key, _)| hash_of(key)).is_sorted());
        // Known ones and new ones.
        let groups = count(&mut table, &(1_000..4_900).rev().collect::<Vec<_>>());
        assert_eq!(groups.check(5_000), Ok(()));
        let groups = count(&mut table, &(0..4_990).rev().collect::<Vec<_>>());
        assert_eq!(groups.check(5_000), Ok(()));
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
        table.expect(5);
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
