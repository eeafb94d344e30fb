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
//! them again. Such *idle* entries are not part of what is counted, and make way before anything is
//! reduced. A key's payload while it is counted ([`Payload::Live`]) may be more compact than the
//! payload of frozen groups, since a table counts at most [`CALLS_AT_ONCE_MAX`] calls before it is
//! frozen.

mod candidates;
mod frozen;
mod keys;
mod table;
#[cfg(test)]
mod tests;

pub use candidates::{Candidates, Score};
pub use frozen::Groups;
pub use keys::Keys;
pub use table::{CALLS_AT_ONCE_MAX, GroupTable, shortened_to};

use xxhash_rust::xxh3::xxh3_64;

/// Longest key in bytes: room for a path that people can still read in a report.
pub const KEY_BYTES_MAX: usize = 256;

/// What is kept for each key.
pub trait Payload: Default + Clone + PartialEq {
    /// What is kept for one key of a table that is being filled.
    type Live: Default;

    /// Appends the canonical bytes of what a table counted for a key, and leaves `live` as
    /// `default()` is, but for memory that it may keep.
    fn freeze(live: &mut Self::Live, out: &mut Vec<u8>);

    /// Makes `live` what `default()` is, but for memory that it may keep.
    #[inline]
    fn reset(live: &mut Self::Live) {
        *live = Self::Live::default();
    }

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

/// The (cap + 1)-th largest of more than `cap` weights, none of which is 0.
fn weight_beyond(cap: usize, weights: impl Iterator<Item = u64> + Clone) -> u64 {
    // In a flood of new keys it is the least there can be.
    if weights.clone().filter(|&weight| weight > 1).count() <= cap {
        return 1;
    }
    nth_largest(weights.collect(), cap)
}

fn nth_largest(mut weights: Vec<u64>, n: usize) -> u64 {
    *weights.select_nth_unstable_by(n, |a, b| b.cmp(a)).1
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
    let half = |bytes: &[u8], at: usize| bytes[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
    match len {
        1..=3 => a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1],
        4..=7 => half(a, 0) == half(b, 0) && half(a, len - 4) == half(b, len - 4),
        8..=16 => both(0) && both(len - 8),
        17..=32 => both(0) && both(8) && both(len - 16) && both(len - 8),
        33..=48 => {
            both(0) && both(8) && both(16) && both(len - 24) && both(len - 16) && both(len - 8)
        }
        _ => a == b,
    }
}
