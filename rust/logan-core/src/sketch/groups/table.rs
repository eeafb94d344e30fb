//! The table that one thread fills.

use super::frozen::{Groups, write_head, write_payload};
use super::{KEY_BYTES_MAX, Payload, hash_of, same, weight_beyond};
use crate::bytes::simd::prefetch;
use crate::sketch::distinct::Distinct;
use std::cmp::Ordering;

/// Largest cap: indices of entries share a 32-bit slot with bits of the hash.
const CAP_MAX: usize = 1 << 19;
const INDEX_BITS: u32 = 20;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;
const SLOTS_MIN: usize = 1024;

/// Most calls that a table counts before it is frozen, so that 32 bits hold any count of them.
pub const CALLS_AT_ONCE_MAX: u64 = u32::MAX as u64;

const CACHE_LINE_BYTES: usize = 64;

/// Entries that are in the first-level cache anyway.
const CACHED_MAX: usize = 256;

/// Entries whose memory is asked for before they are frozen.
const AHEAD: usize = 8;

/// Idle entries that a table keeps from one chunk to the next.
const IDLE_MAX: usize = 1 << 15;

/// The prefix of a key that is longer than `MOST` bytes, `~` and 15 digits of its hash: `MOST` bytes
/// at most.
pub fn shortened_to<const MOST: usize>(key: &[u8]) -> ([u8; MOST], usize) {
    // Not in the middle of a character, where there are characters.
    let prefix = MOST - 16;
    let end = (prefix - 3..=prefix).rev().find(|&end| key[end] & 0xC0 != 0x80).unwrap_or(prefix);
    let mut short = [0; MOST];
    short[..end].copy_from_slice(&key[..end]);
    short[end] = b'~';
    let hash = hash_of(key);
    for (i, digit) in short[end + 1..end + 16].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[(hash >> (60 - 4 * i) & 0xF) as usize];
    }
    (short, end + 16)
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
    pub(super) cap: usize,
    /// Entries at which an insertion first reduces the table; more than `cap`.
    entries_max: usize,
    /// Open addressing, a power of two: 0 is empty, else the index of an entry plus 1 in the low
    /// 20 bits and the highest 12 bits of its hash above.
    pub(super) slots: Vec<u32>,
    /// In the order of insertion, as their cells and their keys in the arena.
    heads: Vec<Head>,
    /// Those behind the last entry's are for later ones: they have memory that need not be
    /// allocated again.
    cells: Vec<Cell<P::Live>>,
    arena: Vec<u8>,
    /// The first entries, as many as this has, in the order of (hash, key).
    order: Vec<u32>,
    /// How often indices of entries changed.
    moves: u64,
    error: u64,
    distinct: Option<Distinct>,
    /// Of the last frozen groups.
    blob_bytes: usize,
    /// Calls since the table was frozen; and what had to be frozen before the chunk ended.
    pub(super) calls: u64,
    earlier: Groups<P>,
}

impl<P: Payload> GroupTable<P> {
    /// A table that is exact for up to `cap` different keys.
    ///
    /// # Panics
    /// If `cap` is 0 or above 524,288.
    pub fn new(cap: usize) -> Self {
        Self::with_room(cap, cap + cap / 2 + 1)
    }

    /// As [`new`](Self::new), with room for this many entries before light ones go, and for half of them
    /// then: the fewer go, the fewer of them come back.
    ///
    /// # Panics
    /// If `cap` is 0, or `room` is not above it or above 786,433.
    pub fn with_room(cap: usize, room: usize) -> Self {
        assert!((1..=CAP_MAX).contains(&cap));
        assert!((cap + 1..=CAP_MAX + CAP_MAX / 2 + 1).contains(&room));
        GroupTable {
            cap,
            entries_max: room,
            slots: vec![0; SLOTS_MIN],
            heads: Vec::new(),
            cells: Vec::new(),
            arena: Vec::new(),
            order: Vec::new(),
            moves: 0,
            error: 0,
            distinct: None,
            blob_bytes: 0,
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
        self.index_hashed(key, hash_of(key))
    }

    /// The hash of a key, for [`index_hashed`](Self::index_hashed), whose memory is asked for.
    #[inline(always)]
    pub fn hash_and_prefetch(&self, key: &[u8]) -> u64 {
        let hash = hash_of(key);
        prefetch(&raw const self.slots[hash as usize & (self.slots.len() - 1)]);
        hash
    }

    /// Asks for the memory of the entries that probably have these hashes, whose own memory was asked
    /// for: of each one after the other, [`index_hashed`](Self::index_hashed) would wait.
    #[inline(always)]
    pub fn prefetch_entries(&self, hashes: &[u64]) {
        if self.heads.len() <= CACHED_MAX {
            return;
        }
        // The place of a first slot: mostly the right one, or none.
        let place = |hash: u64| {
            let slot = self.slots[hash as usize & (self.slots.len() - 1)];
            (slot & INDEX_MASK).wrapping_sub(1)
        };
        for &hash in hashes {
            let place = place(hash);
            if let Some(head) = self.heads.get(place as usize) {
                prefetch(head);
            }
            self.prefetch(place);
        }
        hashes.iter().for_each(|&hash| self.prefetch_key(place(hash)));
    }

    /// As [`index`](Self::index), of a key that has this hash.
    #[inline(always)]
    pub fn index_hashed(&mut self, key: &[u8], hash: u64) -> usize {
        if key.len() > KEY_BYTES_MAX {
            return self.long_index(key);
        }
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

    /// The key at a place that [`index`](Self::index) gave.
    #[inline(always)]
    pub fn key(&self, index: usize) -> &[u8] {
        self.heads[index].key(&self.arena)
    }

    /// Whether this is the key at a place, which may be none.
    #[inline(always)]
    pub fn is_key(&self, index: usize, key: &[u8]) -> bool {
        self.heads.get(index).is_some_and(|head| same(head.key(&self.arena), key))
    }

    /// The hash of the key at a place that [`index`](Self::index) gave.
    #[inline(always)]
    pub fn hash(&self, index: usize) -> u64 {
        self.heads[index].hash
    }

    /// What is counted of each entry, idle ones included.
    pub fn lives_mut(&mut self) -> impl Iterator<Item = &mut P::Live> {
        self.cells[..self.heads.len()].iter_mut().map(|cell| &mut cell.live)
    }

    /// As [`count`](Self::count), of so many calls.
    #[inline(always)]
    pub fn count_many(&mut self, index: usize, calls: usize) -> &mut P::Live {
        let cell = &mut self.cells[index];
        cell.weight += calls as u32;
        &mut cell.live
    }

    /// What is counted at a place, which may be none.
    #[inline(always)]
    pub fn live(&self, place: u32) -> Option<&P::Live> {
        self.cells.get(place as usize).map(|cell| &cell.live)
    }

    /// Asks for the memory that [`count`](Self::count) needs; the place may be none.
    #[inline(always)]
    pub fn prefetch(&self, place: u32) {
        // Of memory that is not there the processor looks for a page, each time anew, which takes
        // longer than what it is asked for ahead of.
        let Some(cell) = self.cells.get(place as usize) else { return };
        let cell = &raw const *cell;
        prefetch(cell);
        if size_of::<Cell<P::Live>>() > CACHE_LINE_BYTES {
            prefetch(cell.wrapping_byte_add(CACHE_LINE_BYTES));
        }
    }

    /// Asks for the memory of the key at a place, which may be none.
    #[inline(always)]
    pub fn prefetch_key(&self, place: u32) {
        if let Some(head) = self.heads.get(place as usize) {
            prefetch(self.arena.as_ptr().wrapping_add(head.key_start as usize));
        }
    }

    /// How often places changed: those given before the last change mean nothing now.
    #[inline(always)]
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// How many keys can be inserted before places change.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.entries_max - self.heads.len()
    }

    #[cold]
    #[inline(never)]
    fn long_index(&mut self, key: &[u8]) -> usize {
        let (short, len) = shortened_to::<KEY_BYTES_MAX>(key);
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
        if self.heads.len() == self.entries_max {
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
        let key_start = self.arena.len() as u32;
        self.heads.push(Head { hash, key_start, key_len: key.len() as u16 });
        match self.cells.get_mut(index) {
            Some(cell) => {
                cell.weight = 0;
                P::reset(&mut cell.live);
            }
            None => self.cells.push(Cell::default()),
        }
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
        if self.heads.len() == self.entries_max {
            // Half of the room: those that are a little too rare come back soon.
            self.reduce(self.cap.max(self.entries_max / 2));
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

    /// Drops light entries until at most so many are left; there must be more, and none idle. The
    /// slots are then to be filled anew.
    fn reduce(&mut self, most: usize) {
        if self.distinct.is_none() {
            let mut distinct = Distinct::default();
            self.heads.iter().for_each(|head| distinct.insert(head.hash));
            self.distinct = Some(distinct);
        }
        let cells = &self.cells[..self.heads.len()];
        let weights = cells.iter().map(|cell| u64::from(cell.weight));
        let subtract = weight_beyond(most, weights);
        self.error += subtract;
        // It is one of the weights.
        let subtract = subtract as u32;
        self.drop_up_to(subtract);
        let cells = &mut self.cells[..self.heads.len()];
        cells.iter_mut().for_each(|cell| cell.weight -= subtract);
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
                self.reduce(self.cap);
            }
        }
        let has_moved = self.moves != moves;
        put_in_order(&self.heads, &self.arena, &mut self.order);
        let GroupTable { heads, cells, arena, order, .. } = self;
        let mut blob = Vec::with_capacity(self.blob_bytes.max(arena.len() + 16 * heads.len()));
        let mut entries = 0;
        for (i, &index) in order.iter().enumerate() {
            // Entries lie in the order in which they came.
            if let Some(&ahead) = order.get(i + 2 * AHEAD) {
                prefetch(&raw const heads[ahead as usize]);
                prefetch(&raw const cells[ahead as usize]);
            }
            if let Some(&ahead) = order.get(i + AHEAD) {
                prefetch(arena.as_ptr().wrapping_add(heads[ahead as usize].key_start as usize));
            }
            let cell = &mut cells[index as usize];
            if cell.weight > 0 {
                let weight = u64::from(std::mem::take(&mut cell.weight));
                write_head(&mut blob, heads[index as usize].key(arena), weight);
                write_payload(&mut blob, |blob| P::freeze(&mut cell.live, blob));
                entries += 1;
            }
        }
        self.blob_bytes = blob.len();
        blob.shrink_to_fit();
        let groups = Groups {
            entries,
            error: std::mem::take(&mut self.error),
            distinct: self.distinct.take(),
            blob,
            payload: std::marker::PhantomData,
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

/// Puts the places of all entries in the order of (hash, key); those of the first are, already.
/// Compiled once for all payloads, as [`sort_by_hash`].
fn put_in_order(heads: &[Head], arena: &[u8], order: &mut Vec<u32>) {
    let known = order.len();
    if known == heads.len() {
        return;
    }
    let mut new: Vec<(u64, u32)> =
        heads[known..].iter().zip(known as u32..).map(|(h, i)| (h.hash, i)).collect();
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

/// Sorts what begins with a hash by `less`, which compares the hashes first.
///
/// Hashes are spread evenly, so that counting how many begin with which bits tells nearly
/// where each one belongs; what is left to do is among neighbors.
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
