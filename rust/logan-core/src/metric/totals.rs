//! Records, requests, errors, requests with a response time.

use super::{Metric, State};
use crate::record::{Batch, Block, ERROR, MEASURED, REQUEST, TIMED};
use serde::{Deserialize, Serialize};

/// Accumulator and state.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Records.
    pub records: u64,
    /// Records with a timestamp.
    pub timed: u64,
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
    /// Records with a response time.
    pub measured: u64,
    /// Requests without a timestamp, which no span of time divides.
    // Written only where there are some, so that other summaries stay what they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untimed_requests: u64,
    /// Errors without a timestamp.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untimed_errors: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Metric for Totals {
    type State = Totals;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        let flags = &batch.flags()[..batch.len];
        self.records += batch.len as u64;
        let timed = count(flags, TIMED);
        self.timed += timed;
        self.requests += count(flags, REQUEST);
        self.errors += count(flags, ERROR);
        self.measured += count(flags, MEASURED);
        if timed < batch.len as u64 {
            self.count_untimed(flags);
        }
    }

    fn take(&mut self) -> Totals {
        std::mem::take(self)
    }
}

impl Totals {
    #[cold]
    #[inline(never)]
    fn count_untimed(&mut self, flags: &[u8]) {
        let untimed = |flag: u8| flags.iter().filter(|&&f| f & (flag | TIMED) == flag).count();
        self.untimed_requests += untimed(REQUEST) as u64;
        self.untimed_errors += untimed(ERROR) as u64;
    }

    /// Requests that have a timestamp.
    pub fn timed_requests(&self) -> u64 {
        self.requests - self.untimed_requests
    }

    /// Errors that have a timestamp.
    pub fn timed_errors(&self) -> u64 {
        self.errors - self.untimed_errors
    }
}

/// Rows that have this flag; at most 512, so narrow lanes suffice.
#[inline(always)]
fn count(flags: &[u8], flag: u8) -> u64 {
    u64::from(flags.iter().map(|&f| u16::from(f & flag != 0)).sum::<u16>())
}

impl State for Totals {
    fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.timed += other.timed;
        self.requests += other.requests;
        self.errors += other.errors;
        self.measured += other.measured;
        self.untimed_requests += other.untimed_requests;
        self.untimed_errors += other.untimed_errors;
    }

    fn check(&self) -> Result<(), &'static str> {
        super::sane([self.records, self.timed, self.requests, self.errors, self.measured])?;
        let most = self.timed.max(self.requests).max(self.errors);
        if most > self.records || self.measured > self.requests {
            return Err("more timed records, requests or errors than records");
        }
        let untimed = self.records - self.timed;
        if self.untimed_requests > self.requests.min(untimed)
            || self.untimed_errors > self.errors.min(untimed)
        {
            return Err("more requests or errors without a time than there are");
        }
        Ok(())
    }
}
