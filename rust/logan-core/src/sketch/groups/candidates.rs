//! Rows of a table that a report may show: the first in each of several orders, found in one pass
//! over the table's bytes.

use super::frozen::Raw;
use super::{Groups, Payload};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// What rows are ordered by, largest first.
#[derive(Debug, Clone, Copy)]
pub enum Score {
    /// A count, or a sum of whole numbers.
    Count(u128),
    /// A number that is not negative and not NaN.
    Real(f64),
}

impl Score {
    /// Orders scores of one kind. Numbers that are not negative compare as their bits do.
    fn rank(self) -> u128 {
        match self {
            Score::Count(count) => count,
            Score::Real(value) => value.to_bits().into(),
        }
    }

    fn value(self) -> f64 {
        match self {
            Score::Count(count) => count as f64,
            Score::Real(value) => value,
        }
    }
}

/// A sum that does not depend on the order of what is added, but for the last bit: what was rounded
/// away is summed beside it (Neumaier).
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        let (large, small) = if self.sum >= value { (self.sum, value) } else { (value, self.sum) };
        self.lost += (large - sum) + small;
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.lost
    }
}

/// An entry and its place in an order: the smallest comes first.
struct Ranked<'a> {
    rank: u128,
    volume: u64,
    raw: Raw<'a>,
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let descending = (other.rank, other.volume).cmp(&(self.rank, self.volume));
        descending.then_with(|| self.raw.key.cmp(other.raw.key))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked<'_> {}

/// The first `n` entries in one order of those that were offered; the last of them is on top.
struct First<'a> {
    n: usize,
    kept: BinaryHeap<Ranked<'a>>,
}

impl<'a> First<'a> {
    fn offer(&mut self, entry: Ranked<'a>) {
        if self.kept.len() < self.n {
            self.kept.push(entry);
        } else if let Some(mut last) = self.kept.peek_mut()
            && entry < *last
        {
            *last = entry;
        }
    }
}

/// Some entries of a table, and what all of its entries add up to.
pub struct Candidates<'a, P> {
    /// Keys and payloads, by volume, largest first; equal ones by their key's bytes.
    pub rows: Vec<(&'a [u8], P)>,
    /// For each order, the sum of the scores of all entries.
    pub sums: Vec<f64>,
    /// Entries that are no rows.
    pub others: u64,
}

impl<P: Payload> Groups<P> {
    /// The first `n` entries in each order of those that are rows, and those whose key is `named`.
    ///
    /// Entries of equal score are ordered by their volume, then by their key's bytes.
    pub fn candidates<O: Copy>(
        &self,
        orders: &[(O, usize)],
        volume: impl Fn(&P) -> u64,
        score: impl Fn(&P, O) -> Score,
        is_row: impl Fn(&P) -> bool,
        named: impl Fn(&[u8]) -> bool,
    ) -> Candidates<'_, P> {
        let first = |&(_, n): &(O, usize)| First { n, kept: BinaryHeap::new() };
        let mut firsts: Vec<First<'_>> = orders.iter().map(first).collect();
        let mut sums = vec![Sum::default(); orders.len()];
        let (mut found, mut others) = (Vec::new(), 0);
        let mut rest = &self.blob[..];
        while let Some(raw) = Raw::next(&mut rest) {
            let payload: P = raw.decoded();
            let volume = volume(&payload);
            if named(raw.key) {
                found.push((volume, raw));
            }
            if !is_row(&payload) {
                others += 1;
                continue;
            }
            for ((&(order, _), first), sum) in orders.iter().zip(&mut firsts).zip(&mut sums) {
                let score = score(&payload, order);
                sum.add(score.value());
                first.offer(Ranked { rank: score.rank(), volume, raw });
            }
        }
        for first in firsts {
            found.extend(first.kept.into_iter().map(|entry| (entry.volume, entry.raw)));
        }
        Candidates {
            rows: distinct(found).into_iter().map(|raw| (raw.key, raw.decoded())).collect(),
            sums: sums.into_iter().map(Sum::value).collect(),
            others,
        }
    }
}

/// Each entry once, by volume: compiled once for all payloads.
fn distinct(mut found: Vec<(u64, Raw<'_>)>) -> Vec<Raw<'_>> {
    found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(b.1.key)));
    found.dedup_by(|a, b| a.1.key == b.1.key);
    found.into_iter().map(|(_, raw)| raw).collect()
}
