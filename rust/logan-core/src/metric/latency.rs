//! Response times: exact count, sum, minimum and maximum, and log-linear buckets for percentiles.

use super::{Metric, State};
use crate::metric::object::object;
use crate::record::{Batch, Block, Columns, DURATION_NS_MAX, NO_DURATION};
use crate::sketch::buckets;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Each power of two is cut into 64 buckets, whose middles are within 0.79 % of all they hold.
const BITS: u32 = 6;
const BUCKETS: usize = buckets::bucket_count::<BITS>();

/// Accumulator.
pub struct Latency {
    // One place more than there are buckets: records without a response time count there, which
    // saves a branch that nothing could predict.
    counts: Box<[u32; BUCKETS + 1]>,
    sum_ns: u128,
    min_ns: u64,
    max_ns: u64,
}

/// Response times of some requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyFigures {
    count: u64,
    sum_ns: u128,
    /// `u64::MAX` and 0 where there are none, so that merging needs no special case.
    min_ns: u64,
    max_ns: u64,
    /// The first bucket in `counts`.
    first: u32,
    /// From the first to the last bucket that holds something.
    counts: Vec<u64>,
}

impl Default for LatencyFigures {
    fn default() -> Self {
        LatencyFigures {
            count: 0,
            sum_ns: 0,
            min_ns: u64::MAX,
            max_ns: 0,
            first: 0,
            counts: vec![],
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Latency { counts: Box::new([0; BUCKETS + 1]), sum_ns: 0, min_ns: u64::MAX, max_ns: 0 }
    }
}

impl Metric for Latency {
    type State = LatencyFigures;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        if !batch.has(Columns::DURATION) {
            return;
        }
        let column = &batch.duration_ns()[..batch.len];
        for &ns in column {
            // NO_DURATION falls on the last bucket, which no real one can reach.
            self.counts[buckets::bucket_of::<BITS>(ns).min(BUCKETS)] += 1;
        }
        let totals = sum_and_range(column);
        self.sum_ns += totals.0;
        self.min_ns = self.min_ns.min(totals.1);
        self.max_ns = self.max_ns.max(totals.2);
    }

    fn take(&mut self) -> LatencyFigures {
        self.counts[buckets::bucket_of::<BITS>(NO_DURATION)] = 0;
        let used = |&n: &u32| n > 0;
        let first = self.counts.iter().position(used).unwrap_or(0);
        let end = self.counts.iter().rposition(used).map_or(first, |i| i + 1);
        let counts: Vec<u64> = self.counts[first..end].iter().map(|&n| u64::from(n)).collect();
        self.counts[first..end].fill(0);
        let figures = LatencyFigures {
            count: counts.iter().sum(),
            sum_ns: self.sum_ns,
            min_ns: self.min_ns,
            max_ns: self.max_ns,
            first: first as u32,
            counts,
        };
        (self.sum_ns, self.min_ns, self.max_ns) = (0, u64::MAX, 0);
        figures
    }
}

/// Sum, least and greatest of the response times in a column of at most 512 rows.
#[inline(always)]
pub(super) fn sum_and_range(column: &[u64]) -> (u128, u64, u64) {
    // NO_DURATION is the greatest number: a minimum passes it by, and for the others it becomes 0.
    let (mut sum, mut min, mut max) = (0u64, u64::MAX, 0u64);
    for &ns in column {
        let value = if ns == NO_DURATION { 0 } else { ns };
        sum = sum.wrapping_add(value);
        min = min.min(ns);
        max = max.max(value);
    }
    if max < 1 << 54 {
        // 512 such values fit in 64 bits.
        return (u128::from(sum), min, max);
    }
    let exact = column.iter().filter(|&&ns| ns != NO_DURATION).map(|&ns| u128::from(ns)).sum();
    (exact, min, max)
}

impl State for LatencyFigures {
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        let first = self.first.min(other.first);
        let end = |f: &Self| f.first as usize + f.counts.len();
        let mut counts = vec![0; end(self).max(end(other)) - first as usize];
        for figures in [&*self, other] {
            let at = (figures.first - first) as usize;
            for (count, &more) in counts[at..].iter_mut().zip(&figures.counts) {
                *count += more;
            }
        }
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        (self.first, self.counts) = (first, counts);
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.count == 0 {
            let empty = *self == LatencyFigures::default();
            return if empty { Ok(()) } else { Err("response times without a count") };
        }
        super::sane(self.counts.iter().copied())?;
        super::sane_sum(self.sum_ns, self.count)?;
        let edges = [self.counts.first(), self.counts.last()];
        if self.first as usize + self.counts.len() > BUCKETS
            || edges.iter().any(|n| n.is_none_or(|&n| n == 0))
            || self.counts.iter().sum::<u64>() != self.count
            || self.max_ns > DURATION_NS_MAX
            || buckets::bucket_of::<BITS>(self.min_ns) != self.first as usize
            || buckets::bucket_of::<BITS>(self.max_ns) + 1
                != self.first as usize + self.counts.len()
        {
            return Err("response time buckets do not agree with their totals");
        }
        Ok(())
    }
}

impl LatencyFigures {
    /// Mean in milliseconds, None if there is no response time.
    pub fn mean_ms(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_ns as f64 / self.count as f64 / 1e6)
    }

    /// The smallest value with at least `ceil(quantile × count)` values at or below it, to within
    /// the relative error, in nanoseconds.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let rank = ((quantile * self.count as f64).ceil() as u64).clamp(1, self.count);
        if rank == self.count {
            return Some(self.max_ns);
        }
        let mut below = 0;
        let bucket = self.counts.iter().position(|&n| {
            below += n;
            below >= rank
        })?;
        let middle = buckets::bucket_middle::<BITS>(self.first as usize + bucket);
        Some(middle.clamp(self.min_ns, self.max_ns))
    }

    /// Counts by bucket; null if there is no response time.
    pub fn distribution(&self) -> Value {
        let one = || object! {"bits": BITS, "first": self.first, "counts": &self.counts[..]};
        (self.count > 0).then(one).into()
    }

    /// How many response times lie between log-spaced bounds.
    fn histogram(&self) -> Value {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let first = self.first as usize;
        let counts = counts.map(|(i, &count)| (first + i, count)).collect();
        let (bounds, mut columns) = super::grid::histogram::<BITS>(&[counts]);
        object! { "bounds_ms": bounds, "counts": columns.pop() }
    }

    /// The report's `response_time_ms`, of a log with so many requests.
    pub fn evaluate(&self, requests: u64) -> Value {
        let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
        let any = self.count > 0;
        object! {
            "count": self.count,
            "absent": requests.saturating_sub(self.count),
            "mean": self.mean_ms(),
            "min": ms(any.then_some(self.min_ns)),
            "max": ms(any.then_some(self.max_ns)),
            "p50": ms(self.quantile(0.5)),
            "p90": ms(self.quantile(0.9)),
            "p95": ms(self.quantile(0.95)),
            "p99": ms(self.quantile(0.99)),
            "p999": ms(self.quantile(0.999)),
            "relative_error": buckets::relative_error::<BITS>(),
            "histogram": self.histogram(),
        }
    }
}
