//! What a table leaves behind: sorted bytes that merge.

use super::{KEY_BYTES_MAX, Payload, hash_of, same, weight_beyond};
use crate::sketch::distinct::Distinct;
use crate::sketch::varint::{get_bytes, get_u64, put_behind, put_bytes, put_u64};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::marker::PhantomData;

/// Longest payload as bytes; far above what any metric writes.
const PAYLOAD_BYTES_MAX: usize = 1 << 16;

/// More calls than there can be: far more than bytes in the largest file.
const CALLS_MAX: u64 = crate::limits::COUNT_MAX;

/// Keys and payloads, frozen: canonical, compact, mergeable. `default()` is the merge's identity.
///
/// Groups that came from elsewhere must pass [`check`](Self::check) before anything else is done
/// with them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Groups<P> {
    /// Entries in the blob.
    pub(super) entries: u64,
    /// How much the weight of a key may be too small; 0 if all is exact.
    pub(super) error: u64,
    /// All keys there ever were, if that is not the number of entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) distinct: Option<Distinct>,
    /// For each entry, in the order of (hash of the key, key): the key's length and the key, the
    /// weight, the payload's length and the payload; numbers as varints.
    #[serde(with = "serde_bytes")]
    pub(super) blob: Vec<u8>,
    #[serde(skip)]
    pub(super) payload: PhantomData<fn() -> P>,
}

impl<P> Default for Groups<P> {
    fn default() -> Self {
        Groups { entries: 0, error: 0, distinct: None, blob: Vec::new(), payload: PhantomData }
    }
}

/// An entry of a blob, undecoded.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) key: &'a [u8],
    pub(super) weight: u64,
    pub(super) payload: &'a [u8],
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
    pub(super) fn next(blob: &mut &'a [u8]) -> Option<Raw<'a>> {
        (!blob.is_empty()).then(|| Raw::read(blob).expect("groups are checked when they arrive"))
    }

    #[inline]
    pub(super) fn decoded<P: Payload>(&self) -> P {
        P::decode(&mut &self.payload[..]).expect("groups are checked when they arrive")
    }
}

/// The order of two different keys.
#[inline]
fn order(a: (u64, &[u8]), b: (u64, &[u8])) -> Ordering {
    a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1))
}

/// The `n` with the largest score, as [`Groups::top`]: compiled once for all payloads.
fn largest(mut all: Vec<(u128, Raw<'_>)>, n: usize) -> Vec<(u128, Raw<'_>)> {
    let order =
        |a: &(u128, Raw<'_>), b: &(u128, Raw<'_>)| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(b.1.key));
    if n < all.len() {
        all.select_nth_unstable_by(n, order);
        all.truncate(n);
    }
    all.sort_unstable_by(order);
    all
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
    fn key<'b>(blob: &'b [u8], row: &Row) -> Option<&'b [u8]> {
        Raw::next(&mut &blob[row.start as usize..]).map(|raw| raw.key)
    }
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
    /// The hash of its key, once it was computed.
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

#[inline]
pub(super) fn write_head(blob: &mut Vec<u8>, key: &[u8], weight: u64) {
    put_bytes(blob, key);
    put_u64(blob, weight);
}

/// Appends what `write` appends, behind its length.
#[inline]
pub(super) fn write_payload(blob: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    put_behind(blob, |blob| {
        let at = blob.len();
        write(blob);
        (blob.len() - at) as u64
    });
}

/// Appends the entry of a key that one or both of two tables have.
#[inline(always)]
fn write_both(
    blob: &mut Vec<u8>,
    a: Option<Raw<'_>>,
    b: Option<Raw<'_>>,
    write: &impl Fn(Option<&[u8]>, Option<&[u8]>, &mut Vec<u8>),
    weight: impl FnOnce(u64) -> u64,
) {
    let Some(raw) = a.or(b) else { return };
    let weight_of = |raw: Option<Raw<'_>>| raw.map_or(0, |raw| raw.weight);
    write_head(blob, raw.key, weight(weight_of(a).saturating_add(weight_of(b))));
    write_payload(blob, |blob| write(a.map(|raw| raw.payload), b.map(|raw| raw.payload), blob));
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
    pub fn top(&self, n: usize, score: impl Fn(&P) -> u128) -> Vec<(&[u8], P)> {
        let mut rest = &self.blob[..];
        let raws = std::iter::from_fn(|| Raw::next(&mut rest));
        let scored = raws.map(|raw| (score(&raw.decoded()), raw)).collect();
        largest(scored, n).into_iter().map(|(_, raw)| (raw.key, raw.decoded())).collect()
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
        self.merge_by(other, cap, |a, b, out| match (a, b) {
            (Some(a), Some(b)) => P::merge_bytes(a, b, out),
            (a, b) => out.extend_from_slice(a.or(b).unwrap_or_default()),
        });
    }

    /// As [`merge`](Self::merge), where `write` appends what becomes of the payloads of a key in both
    /// tables, at least one of which has it, given their bytes.
    pub fn merge_by(
        &mut self,
        other: &Self,
        cap: usize,
        write: impl Fn(Option<&[u8]>, Option<&[u8]>, &mut Vec<u8>),
    ) {
        let merged = if self.entries + other.entries > cap as u64 {
            self.heavy_union(other, cap, &write)
        } else {
            None
        };
        *self = merged.unwrap_or_else(|| self.union(other, &write));
    }

    /// Changes every payload; keys and weights stay.
    pub fn change(&mut self, change: impl Fn(&mut P)) {
        let mut blob = Vec::with_capacity(self.blob.len());
        let mut rest = &self.blob[..];
        while let Some(raw) = Raw::next(&mut rest) {
            let mut payload: P = raw.decoded();
            change(&mut payload);
            write_head(&mut blob, raw.key, raw.weight);
            write_payload(&mut blob, |blob| payload.encode(blob));
        }
        self.blob = blob;
    }

    /// Whether this is the merge's identity.
    pub(super) fn is_empty(&self) -> bool {
        self.entries == 0 && self.error == 0
    }

    /// All entries of both, however many.
    fn union(
        &self,
        other: &Self,
        write: &impl Fn(Option<&[u8]>, Option<&[u8]>, &mut Vec<u8>),
    ) -> Self {
        let mut blob = Vec::with_capacity(self.blob.len() + other.blob.len());
        let mut entries = 0;
        let (mut left, mut right) = (Reader::new(&self.blob), Reader::new(&other.blob));
        loop {
            let order = match (&left.at, &right.at) {
                // Both have mostly the same keys, which need no hash.
                (Some(a), Some(b)) if same(a.key, b.key) => Ordering::Equal,
                (&Some(a), &Some(b)) => order(left.hashed(a.key), right.hashed(b.key)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            entries += 1;
            let a = left.at.filter(|_| order != Ordering::Greater);
            let b = right.at.filter(|_| order != Ordering::Less);
            write_both(&mut blob, a, b, write, |weight| weight);
            if a.is_some() {
                left.advance();
            }
            if b.is_some() {
                right.advance();
            }
        }
        let distinct = (self.distinct.is_some() || other.distinct.is_some()).then(|| {
            let mut distinct = self.all_keys(&self.rows());
            distinct.merge(&other.all_keys(&other.rows()));
            distinct
        });
        let error = self.error.saturating_add(other.error);
        // Most keys of two tables are the same: about half of what was reserved is left over.
        blob.shrink_to_fit();
        Groups { entries, error, distinct, blob, payload: PhantomData }
    }

    /// The heavy entries of both, at most `cap`; None if there are not more than that in all.
    fn heavy_union(
        &self,
        other: &Self,
        cap: usize,
        write: &impl Fn(Option<&[u8]>, Option<&[u8]>, &mut Vec<u8>),
    ) -> Option<Self> {
        let (left, right) = (self.rows(), other.rows());
        let (a, b) = ((&left[..], &self.blob[..]), (&right[..], &other.blob[..]));
        let weight = |row: Option<&Row>| row.map_or(0, |row| row.weight);
        let mut weights = Vec::with_capacity(left.len() + right.len());
        join(a, b, |a, b| weights.push(weight(a).saturating_add(weight(b))));
        if weights.len() <= cap {
            return None;
        }
        let subtract = weight_beyond(cap, weights.iter().copied());
        let mut blob = Vec::with_capacity(self.blob.len() + other.blob.len());
        let mut entries = 0;
        let mut weights = weights.into_iter();
        join(a, b, |a, b| {
            if weights.next().unwrap_or(0) <= subtract {
                return;
            }
            entries += 1;
            let a = a.and_then(|row| Raw::next(&mut &self.blob[row.start as usize..]));
            let b = b.and_then(|row| Raw::next(&mut &other.blob[row.start as usize..]));
            write_both(&mut blob, a, b, write, |weight| weight - subtract);
        });
        blob.shrink_to_fit();
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
