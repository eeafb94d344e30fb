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
}

impl Metric for Totals {
    type State = Totals;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        let flags = &batch.flags()[..batch.len];
        self.records += batch.len as u64;
        self.timed += count(flags, TIMED);
        self.requests += count(flags, REQUEST);
        self.errors += count(flags, ERROR);
        self.measured += count(flags, MEASURED);
    }

    fn take(&mut self) -> Totals {
        std::mem::take(self)
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
    }

    fn check(&self) -> Result<(), &'static str> {
        super::sane([self.records, self.timed, self.requests, self.errors, self.measured])?;
        let most = self.timed.max(self.requests).max(self.errors);
        if most > self.records || self.measured > self.requests {
            return Err("more timed records, requests or errors than records");
        }
        Ok(())
    }
}
