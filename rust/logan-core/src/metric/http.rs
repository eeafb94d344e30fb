//! HTTP status codes and bytes sent.

use super::{Metric, State, latency::sum_and_range};
use crate::record::{Batch, Block, Columns, NO_ANSWER, NO_BYTES, NO_DURATION, NO_STATUS};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Accumulator.
pub struct Http {
    /// One for each of four rows: most have the same status, and a count waits for its last store.
    status: Box<[[u32; 1000]; 4]>,
    bytes_sent: u128,
    sized: u64,
}

/// Requests by status (0: no answer), and the bytes of all responses that say how many.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpCounts {
    status: BTreeMap<u16, u64>,
    bytes_sent: u128,
    sized: u64,
}

impl Default for Http {
    fn default() -> Self {
        Http { status: Box::new([[0; 1000]; 4]), bytes_sent: 0, sized: 0 }
    }
}

impl Metric for Http {
    type State = HttpCounts;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        if batch.has(Columns::STATUS) {
            for (i, &status) in batch.status()[..batch.len].iter().enumerate() {
                // Formats answer 100 to 999, NO_ANSWER, or NO_STATUS, whose count is dropped by `take`.
                self.status[i & 3][usize::from(status).min(999)] += 1;
            }
        }
        if batch.has(Columns::BYTES) {
            let column = &batch.bytes_sent()[..batch.len];
            // NO_BYTES is to sizes what NO_DURATION is to response times.
            const _: () = assert!(NO_BYTES == NO_DURATION);
            self.bytes_sent += sum_and_range(column).0;
            self.sized += column.iter().map(|&bytes| u64::from(bytes != NO_BYTES)).sum::<u64>();
        }
    }

    fn take(&mut self) -> HttpCounts {
        let mut status = BTreeMap::new();
        for code in 0..1000 {
            let count = self.status.iter_mut().map(|n| u64::from(std::mem::take(&mut n[code])));
            let count = count.sum::<u64>();
            if count > 0 && code != usize::from(NO_STATUS) {
                let is_answer = code != usize::from(NO_ANSWER);
                status.insert(if is_answer { code as u16 } else { 0 }, count);
            }
        }
        HttpCounts {
            status,
            bytes_sent: std::mem::take(&mut self.bytes_sent),
            sized: std::mem::take(&mut self.sized),
        }
    }
}

impl State for HttpCounts {
    fn merge(&mut self, other: &Self) {
        for (&code, &count) in &other.status {
            *self.status.entry(code).or_default() += count;
        }
        self.bytes_sent += other.bytes_sent;
        self.sized += other.sized;
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.status.keys().any(|code| *code != 0 && !(100..=999).contains(code)) {
            return Err("an HTTP status is neither 0 nor between 100 and 999");
        }
        super::sane(self.status.values().copied())?;
        super::sane([self.sized])?;
        super::sane_sum(self.bytes_sent, self.sized)
    }
}

impl HttpCounts {
    /// The report's `status`.
    pub fn evaluate(&self) -> Value {
        let codes = self.status.iter().map(|(code, &n)| (code.to_string(), n.into()));
        Value::Object(codes.collect::<Map<_, _>>())
    }

    /// The share of requests with a status of 5xx among those with a status; None without any.
    pub fn failing_ratio(&self) -> Option<f64> {
        let all: u64 = self.status.values().sum();
        let failing: u64 = self.status.range(500..600).map(|(_, count)| count).sum();
        (all > 0).then(|| failing as f64 / all as f64)
    }

    /// The report's `bytes_sent`, null if no record says.
    pub fn evaluate_bytes(&self) -> Value {
        if self.sized == 0 { Value::Null } else { super::integer(self.bytes_sent) }
    }
}
