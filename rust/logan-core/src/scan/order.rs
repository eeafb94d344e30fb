//! Whether the records of a chunk are in the order of their times.

use crate::record::{Batch, Columns, NO_TIME};

/// Order and range of the times seen, in file order.
#[derive(Default)]
pub(super) struct Order {
    pub(super) times: Option<(i64, i64)>,
    pub(super) range: Option<(i64, i64)>,
    pub(super) out_of_order: u64,
}

impl Order {
    pub(super) fn update(&mut self, batch: &Batch) {
        if !batch.has(Columns::TIME) {
            return;
        }
        let times = &batch.time_ns()[..batch.len];
        // NO_TIME is the least number: without a fall behind a timed first row all rows are timed
        // and in order.
        if times[0] == NO_TIME || falls(times) > 0 {
            for &time in times.iter().filter(|&&t| t != NO_TIME) {
                self.one(time);
            }
            return;
        }
        let (first, last) = (times[0], times[times.len() - 1]);
        self.one(first);
        self.times = self.times.map(|t| (t.0, last));
        self.range = self.range.map(|r| (r.0, r.1.max(last)));
    }

    fn one(&mut self, time: i64) {
        self.out_of_order += u64::from(self.times.is_some_and(|(_, before)| time < before));
        self.times = Some((self.times.map_or(time, |t| t.0), time));
        self.range = Some(self.range.map_or((time, time), |r| (r.0.min(time), r.1.max(time))));
    }
}

/// How many times are less than the one before them.
fn falls(times: &[i64]) -> u32 {
    #[inline(always)]
    fn count<S: crate::bytes::simd::Simd>(_simd: S, times: &[i64]) -> u32 {
        times.iter().zip(times.iter().skip(1)).map(|(a, b)| u32::from(b < a)).sum()
    }
    crate::dispatch!(count::<>(times: &[i64]) -> u32; times)
}
