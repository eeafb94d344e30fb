//! The slowest requests, with where they stand.

use super::{Metric, State};
use crate::metric::object::object;
use crate::record::{Batch, Block, Columns, NO_DURATION, NO_TIME};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a line that are kept with it.
pub const TEXT_BYTES_MAX: usize = 200;

/// Accumulator.
pub struct Slowest {
    limit: usize,
    /// A row is looked at only if it took longer than this (plus one; 0 while there is room).
    threshold: u64,
    found: Vec<Slow>,
}

/// One slow request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slow {
    duration_ns: u64,
    source: u32,
    offset: u64,
    time_ns: Option<i64>,
    #[serde(with = "serde_bytes")]
    text: Vec<u8>,
}

impl Slow {
    /// Slowest first, then by input and offset.
    fn key(&self) -> (std::cmp::Reverse<u64>, u32, u64) {
        (std::cmp::Reverse(self.duration_ns), self.source, self.offset)
    }
}

/// The slowest requests, sorted.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowestRequests {
    /// How many are kept; 0 where none were found.
    limit: u32,
    requests: Vec<Slow>,
}

impl Slowest {
    /// Keeps so many.
    pub fn new(limit: u32) -> Slowest {
        Slowest { limit: limit as usize, threshold: 0, found: Vec::new() }
    }

    #[cold]
    fn look_at(&mut self, batch: &Batch, block: Block<'_>) {
        for row in 0..batch.len {
            let duration_ns = batch.duration_ns()[row];
            if duration_ns == NO_DURATION || duration_ns.wrapping_add(1) <= self.threshold {
                continue;
            }
            let line = block.line(batch, row);
            let time_ns = batch.time_ns()[row];
            let slow = Slow {
                duration_ns,
                source: block.source,
                offset: block.offset_of(batch, row),
                time_ns: (time_ns != NO_TIME).then_some(time_ns),
                text: line[..line.len().min(TEXT_BYTES_MAX)].to_vec(),
            };
            let at = self.found.partition_point(|s| s.key() < slow.key());
            self.found.insert(at, slow);
            self.found.truncate(self.limit);
            if self.found.len() == self.limit {
                // Offsets only grow within a chunk, so an equal duration does not get in.
                self.threshold = self.found[self.limit - 1].duration_ns + 1;
            }
        }
    }
}

impl Metric for Slowest {
    type State = SlowestRequests;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, block: Block<'_>) {
        if !batch.has(Columns::DURATION) {
            return;
        }
        // Without a duration a row becomes 0 and passes no threshold but the first, 0.
        let column = &batch.duration_ns()[..batch.len];
        let most = column.iter().fold(0, |most, ns| ns.wrapping_add(1).max(most));
        if most > self.threshold {
            self.look_at(batch, block);
        }
    }

    fn take(&mut self) -> SlowestRequests {
        self.threshold = 0;
        if self.found.is_empty() {
            // What found nothing is the identity.
            return SlowestRequests::default();
        }
        SlowestRequests { limit: self.limit as u32, requests: std::mem::take(&mut self.found) }
    }
}

impl State for SlowestRequests {
    fn merge(&mut self, other: &Self) {
        // Where one has dropped rows that the other would have kept, nothing is known of those: the
        // shorter list says how far the sum is complete. What found nothing has dropped nothing.
        self.limit = match (self.limit, other.limit) {
            (0, limit) | (limit, 0) => limit,
            (ours, theirs) => ours.min(theirs),
        };
        self.requests.extend_from_slice(&other.requests);
        self.requests.sort_by_key(Slow::key);
        self.requests.truncate(self.limit as usize);
    }

    fn renumber(&mut self, number: &dyn Fn(u32) -> u32) {
        self.requests.iter_mut().for_each(|slow| slow.source = number(slow.source));
        self.requests.sort_by_key(Slow::key);
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.requests.len() > self.limit as usize
            || self.limit > crate::spec::TOP_MAX
            || !self.requests.is_sorted_by(|a, b| a.key() < b.key())
            || self.requests.iter().any(|s| s.text.len() > TEXT_BYTES_MAX)
        {
            return Err("slowest requests out of order or too many");
        }
        Ok(())
    }
}

impl SlowestRequests {
    /// The report's `slowest`; inputs by their index.
    pub fn evaluate(&self, top: usize) -> Value {
        let one = |slow: &Slow| {
            object! {
                "ms": slow.duration_ns as f64 / 1e6,
                "time": slow.time_ns.map(crate::time::rfc3339),
                "input": slow.source,
                "offset": slow.offset,
                "text": String::from_utf8_lossy(&slow.text),
            }
        };
        self.requests.iter().take(top).map(one).collect()
    }
}
