//! What a report says of the analysis grid.

use super::{BITS, GridBuckets, LOG2, OUTCOMES, Row};
use crate::metric::integer;
use crate::metric::object::object;
use crate::sketch::buckets;
use serde_json::{Map, Value};

/// Fewest values of which a bucket tells the median and the 95th percentile, and the 99th: one
/// value in so many lies beyond it.
const VALUES_MIN: u64 = 20;
const VALUES_MIN_P99: u64 = 100;

/// Bounds of the columns of histograms: these in every power of ten.
const BOUNDS: [u64; 3] = [1, 2, 5];

/// Counts of response times by bucket, in order.
pub type Counts = Vec<(usize, u64)>;

impl GridBuckets {
    /// The columns of the report's `analysis`, by name: a list each, with one entry a bucket.
    pub fn evaluate(&self) -> Map<String, Value> {
        let rows: Vec<Row> = self.rows().collect();
        let column = |of: &dyn Fn(&Row) -> Value| Value::from_iter(rows.iter().map(of));
        let mut analysis = Map::new();
        let mut put = |name: &str, values: Value| analysis.insert(name.into(), values);
        put("step_s", self.step_s().into());
        put("buckets", column(&|row| (row.index * self.step_s()).into()));
        put("records", column(&|row| row.records.into()));
        put("requests", column(&|row| row.requests.into()));
        put("errors", column(&|row| row.errors.into()));
        for (i, name) in OUTCOMES.into_iter().enumerate() {
            let is_known = self.outcomes.is_some() || self.count == 0;
            let counts = column(&|row| row.outcomes[i].into());
            put(name, if is_known { counts } else { Value::Null });
        }
        put("measured", column(&|row| row.measured().into()));
        put("log_sum", column(&|row| integer(row.log_power(1))));
        put("log_sq", column(&|row| integer(row.log_power(2))));
        analysis
    }

    /// Index into the ladder of steps.
    pub fn step(&self) -> usize {
        usize::from(self.step)
    }

    /// The index of each bucket, oldest first.
    pub fn indices(&self) -> Vec<i64> {
        self.rows().map(|row| row.index).collect()
    }

    /// The report's `response_times`: percentiles over time, and how often which response time
    /// came when.
    pub fn evaluate_response_times(&self) -> Value {
        self.response_times(self.step_s())
    }

    /// The same with points of so many seconds; None if that is no multiple of what is kept.
    pub fn evaluate_response_times_at(&self, step_s: i64) -> Option<Value> {
        let fits = step_s >= self.step_s() && step_s % self.step_s() == 0;
        fits.then(|| self.response_times(step_s))
    }

    fn response_times(&self, step_s: i64) -> Value {
        let mut rows: Vec<Row> = self.rows().filter(|row| !row.counts.is_empty()).collect();
        super::coarsen_rows(&mut rows, step_s / self.step_s());
        let ms = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e6);
        let point = |row: &Row| {
            let count = row.measured();
            let of = |parts, least| ms((count >= least).then(|| row.quantile(parts)).flatten());
            object! {
                "t": crate::time::rfc3339(row.index.saturating_mul(step_s).saturating_mul(1_000_000_000)),
                "count": count,
                "p50_ms": of(2, VALUES_MIN),
                "p95_ms": of(20, VALUES_MIN),
                "p99_ms": of(100, VALUES_MIN_P99),
            }
        };
        let counts = |row: &Row| -> Counts {
            row.counts.iter().map(|&(bucket, count)| (usize::from(bucket), count)).collect()
        };
        let all: Vec<Counts> = rows.iter().map(counts).collect();
        let (bounds, columns) = histogram::<BITS>(&all);
        object! {
            "step_s": step_s,
            "relative_error": buckets::relative_error::<BITS>(),
            "points": rows.iter().map(point).collect::<Vec<_>>(),
            "heatmap": object! { "bounds_ms": bounds, "counts": columns },
        }
    }
}

impl Row {
    /// The sum of a power of the logarithms of all response times.
    fn log_power(&self, power: u32) -> u128 {
        let of = |&(bucket, count): &(u16, u64)| {
            u128::from(LOG2[usize::from(bucket)]).pow(power) * u128::from(count)
        };
        self.counts.iter().map(of).sum()
    }

    fn quantile(&self, parts: u64) -> Option<u64> {
        let counts = self.counts.iter().map(|&(bucket, count)| (usize::from(bucket), count));
        let value = buckets::quantile::<BITS>(counts, self.measured(), parts)?;
        Some(value.clamp(self.min_ns, self.max_ns))
    }
}

/// Log-spaced bounds in milliseconds, 1, 2 and 5 in every power of ten, that hold all response
/// times, and for each of the inputs the counts between two of them. A response time counts where
/// the middle of its bucket is.
pub fn histogram<const BITS: u32>(inputs: &[Counts]) -> (Vec<f64>, Vec<Vec<u64>>) {
    // Nanoseconds; below 1 µs there is one column from 0 on.
    let tens = (0..=16).map(|power| 10u64.pow(power));
    let all: Vec<u64> = std::iter::once(0)
        .chain(tens.flat_map(|ten| BOUNDS.map(|part| ten * part)).filter(|&ns| ns >= 1_000))
        .chain([u64::MAX])
        .collect();
    let column = |bucket: usize| {
        let middle = buckets::bucket_middle::<BITS>(bucket);
        all.partition_point(|&bound| bound <= middle).saturating_sub(1)
    };
    let used = || inputs.iter().flatten().map(|&(bucket, _)| column(bucket));
    let (Some(first), Some(last)) = (used().min(), used().max()) else {
        return (Vec::new(), inputs.iter().map(|_| Vec::new()).collect());
    };
    let row = |counts: &Counts| {
        let mut columns = vec![0; last - first + 1];
        for &(bucket, count) in counts {
            columns[column(bucket) - first] += count;
        }
        columns
    };
    let bounds = all[first..=last + 1].iter().map(|&ns| ns as f64 / 1e6).collect();
    (bounds, inputs.iter().map(row).collect())
}
