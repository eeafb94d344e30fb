//! Counts and response times on the analysis grid: at most 512 time buckets, each with the
//! response times that fell into it, for percentiles over time and for what stands out.
//!
//! The grid's step is that of [`time_slots`](crate::sketch::time_slots). A bucket counts its
//! response times in log-linear buckets of 3.2 %, as routes do, and keeps those that are not 0.
//! Sums of logarithms follow from these counts ([`buckets::log2_of`]), so they are exact whatever
//! was merged with what.
//!
//! Of answers that are no errors of a server but may be trouble it counts three sorts by themselves:
//! no answer at all, too many requests, and access denied ([`Outcome`]).

mod report;

pub use report::histogram;

use super::{Metric, State, latency::sum_and_range, series::run_length};
use crate::record::{
    Batch, Block, Columns, DURATION_NS_MAX, ERROR, NO_ANSWER, NO_DURATION, NO_TIME, REQUEST,
};
use crate::sketch::buckets;
use crate::sketch::time_slots::{BUCKETS_MAX, STEPS_S, TimeSlots, is_possible, step_that_fits};
use crate::sketch::varint::{get_u64, put_u64, unzigzag, zigzag};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Each power of two of response time is cut into 16 buckets: within 3.2 %.
pub(super) const BITS: u32 = 4;
pub(super) const SKETCH_BUCKETS: usize = buckets::bucket_count::<BITS>();
/// The logarithm of the response times of each bucket, in 1/256 of a power of two of nanoseconds.
pub(super) static LOG2: [u16; SKETCH_BUCKETS] = buckets::log2_of::<BITS, SKETCH_BUCKETS>();

/// More rows than a count of 32 bits could hold are never counted at once.
const ROWS_AT_ONCE_MAX: u64 = u32::MAX as u64;

/// How requests end that findings watch beside the errors.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// No answer: none is known, or the client or a proxy closed the connection before.
    Unanswered,
    /// Too many requests.
    Throttled,
    /// Not logged in, or not allowed.
    Denied,
}

/// Their names in a report, in the order of their counts.
const OUTCOMES: [&str; 3] = ["unanswered", "throttled", "denied"];

impl Outcome {
    #[inline(always)]
    fn of(status: u16) -> Option<Outcome> {
        match status {
            // nginx closes (444) or sees closed (499), AWS's load balancer sees closed (460), or cannot
            // read whom the request is for (463).
            NO_ANSWER | 444 | 460 | 463 | 499 => Some(Outcome::Unanswered),
            429 => Some(Outcome::Throttled),
            401 | 403 => Some(Outcome::Denied),
            _ => None,
        }
    }
}

/// Accumulator.
pub struct Grid {
    is_on: bool,
    slots: TimeSlots,
    /// By place; those behind the last place in use are empty.
    cells: Vec<Cell>,
    /// Rows since the cells were emptied, and what was in them when they had been too many.
    rows: u64,
    earlier: GridBuckets,
}

/// What falls into one bucket within one chunk.
struct Cell {
    records: u32,
    requests: u32,
    errors: u32,
    outcomes: [u32; OUTCOMES.len()],
    min_ns: u64,
    max_ns: u64,
    // One place more than there are buckets: records without a response time count there.
    counts: [u32; SKETCH_BUCKETS + 1],
}

const EMPTY: Cell = Cell {
    records: 0,
    requests: 0,
    errors: 0,
    outcomes: [0; OUTCOMES.len()],
    min_ns: u64::MAX,
    max_ns: 0,
    counts: [0; SKETCH_BUCKETS + 1],
};

/// What falls into one bucket.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    /// Start of the bucket in steps since 1970.
    index: i64,
    records: u64,
    requests: u64,
    errors: u64,
    outcomes: [u64; OUTCOMES.len()],
    /// `u64::MAX` and 0 without a response time.
    min_ns: u64,
    max_ns: u64,
    /// Response times by bucket, in order, none of them 0.
    counts: Vec<(u16, u64)>,
}

/// Buckets in the order of time, at one step.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridBuckets {
    /// Index into [`STEPS_S`].
    step: u8,
    count: u32,
    /// Per bucket: index (the first signed, then less the one before), records, requests, errors,
    /// how many buckets of response times; for each of these its number (less the one before),
    /// less 1 but for the first, and count; if there are any, least and greatest. All varints.
    #[serde(with = "serde_bytes")]
    rows: Vec<u8>,
    /// Per bucket the counts of the outcomes, varints. None without buckets, and where some of what
    /// was merged was counted before version 4 of the codec: then they are not known.
    #[serde(with = "serde_bytes", default, skip_serializing_if = "Option::is_none")]
    outcomes: Option<Vec<u8>>,
}

/// Calls `each` for every run of rows of one second, leaving out those without a time.
#[inline(always)]
pub(super) fn for_each_run(batch: &Batch, mut each: impl FnMut(i64, Range<usize>)) {
    let seconds = &batch.second()[..batch.len];
    let all_timed = batch.all_timed();
    let mut start = 0;
    while start < seconds.len() {
        if !all_timed && batch.time_ns()[start] == NO_TIME {
            start += 1;
            continue;
        }
        let mut end = start + run_length(&seconds[start..], seconds[start]);
        if !all_timed {
            let times = &batch.time_ns()[start..end];
            end = start + times.iter().position(|&ns| ns == NO_TIME).unwrap_or(times.len());
        }
        each(seconds[start], start..end);
        start = end;
    }
}

impl Metric for Grid {
    type State = GridBuckets;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        if !batch.has(Columns::TIME) || !self.is_on {
            return;
        }
        self.rows += batch.len as u64;
        if self.rows > ROWS_AT_ONCE_MAX {
            let state = self.freeze();
            self.earlier.merge(&state);
            self.rows = batch.len as u64;
        }
        let Grid { slots, cells, .. } = self;
        for_each_run(batch, |second, rows| {
            let place = slots.place(second, |places, _| coarsen(cells, places));
            if cells.len() <= place {
                cells.resize_with(place + 1, || EMPTY);
            }
            cells[place].add(batch, rows);
        });
    }

    fn take(&mut self) -> GridBuckets {
        let state = self.freeze();
        self.rows = 0;
        if self.earlier.count == 0 {
            return state;
        }
        let mut all = std::mem::take(&mut self.earlier);
        all.merge(&state);
        all
    }

    fn start_at(&mut self, step: u8) {
        self.slots.start_at(step.into());
    }
}

impl Grid {
    /// An accumulator, which counts nothing if it is off.
    pub fn new(is_on: bool) -> Grid {
        Grid {
            is_on,
            slots: TimeSlots::default(),
            cells: Vec::new(),
            rows: 0,
            earlier: GridBuckets::default(),
        }
    }

    fn freeze(&mut self) -> GridBuckets {
        let Grid { slots, cells, .. } = self;
        let mut order: Vec<(i64, usize)> =
            slots.indices().iter().enumerate().map(|(place, &index)| (index, place)).collect();
        order.sort_unstable();
        let rows = order.into_iter().map(|(index, place)| cells[place].freeze(index));
        // Without buckets every step fits; the finest is the canonical one.
        let step = if slots.indices().is_empty() { 0 } else { slots.step() };
        let state = GridBuckets::encode(step, rows, true);
        slots.clear();
        state
    }
}

/// Moves what is counted at each place to its new one.
#[cold]
fn coarsen(cells: &mut [Cell], places: &[u16]) {
    for (old, &new) in places.iter().enumerate() {
        let new = usize::from(new);
        if let Some((before, [cell, ..])) = cells.split_at_mut_checked(old)
            && new < old
        {
            before[new].merge(cell);
            *cell = EMPTY;
        }
    }
}

impl Cell {
    #[inline(always)]
    fn add(&mut self, batch: &Batch, rows: Range<usize>) {
        let flags = &batch.flags()[rows.clone()];
        let count = |flag| u32::from(flags.iter().map(|&f| u16::from(f & flag != 0)).sum::<u16>());
        self.records += rows.len() as u32;
        self.requests += count(REQUEST);
        self.errors += count(ERROR);
        if batch.has(Columns::STATUS) {
            let statuses = &batch.status()[rows.clone()];
            let is_other = |status: u16| status == NO_ANSWER || status.wrapping_sub(400) < 100;
            if statuses.iter().fold(false, |any, &status| any | is_other(status)) {
                for outcome in statuses.iter().filter_map(|&status| Outcome::of(status)) {
                    self.outcomes[outcome as usize] += 1;
                }
            }
        }
        if batch.has(Columns::DURATION) {
            let durations = &batch.duration_ns()[rows];
            for &ns in durations {
                self.counts[buckets::bucket_of::<BITS>(ns).min(SKETCH_BUCKETS)] += 1;
            }
            let (_, min, max) = sum_and_range(durations);
            self.min_ns = self.min_ns.min(min);
            self.max_ns = self.max_ns.max(max);
        }
    }

    fn merge(&mut self, other: &Cell) {
        self.records += other.records;
        self.requests += other.requests;
        self.errors += other.errors;
        for (count, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *count += more;
        }
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        for (count, &more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// What was counted; it is empty then.
    fn freeze(&mut self, index: i64) -> Row {
        // The bucket of NO_DURATION counts what has no response time.
        self.counts[buckets::bucket_of::<BITS>(NO_DURATION).min(SKETCH_BUCKETS)] = 0;
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let row = Row {
            index,
            records: self.records.into(),
            requests: self.requests.into(),
            errors: self.errors.into(),
            outcomes: self.outcomes.map(u64::from),
            min_ns: self.min_ns,
            max_ns: self.max_ns,
            counts: counts.map(|(bucket, &count)| (bucket as u16, count.into())).collect(),
        };
        *self = EMPTY;
        row
    }
}

impl Row {
    fn measured(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    fn add(&mut self, other: &Row) {
        self.records += other.records;
        self.requests += other.requests;
        self.errors += other.errors;
        for (count, more) in self.outcomes.iter_mut().zip(other.outcomes) {
            *count += more;
        }
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        let ours = std::mem::take(&mut self.counts);
        let (mut left, mut right) = (&ours[..], &other.counts[..]);
        while let ([a, rest @ ..], [b, more @ ..]) = (left, right) {
            match a.0.cmp(&b.0) {
                std::cmp::Ordering::Less => (left, _) = (rest, self.counts.push(*a)),
                std::cmp::Ordering::Greater => (right, _) = (more, self.counts.push(*b)),
                std::cmp::Ordering::Equal => {
                    self.counts.push((a.0, a.1 + b.1));
                    (left, right) = (rest, more);
                }
            }
        }
        self.counts.extend_from_slice(left);
        self.counts.extend_from_slice(right);
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_u64(out, self.records);
        put_u64(out, self.requests);
        put_u64(out, self.errors);
        put_u64(out, self.counts.len() as u64);
        let mut next = 0;
        for &(bucket, count) in &self.counts {
            put_u64(out, u64::from(bucket - next));
            put_u64(out, count);
            next = bucket + 1;
        }
        if !self.counts.is_empty() {
            put_u64(out, self.min_ns);
            put_u64(out, self.max_ns);
        }
    }

    fn read(index: i64, bytes: &mut &[u8]) -> Option<Row> {
        let [records, requests, errors] = [get_u64(bytes)?, get_u64(bytes)?, get_u64(bytes)?];
        let len = usize::try_from(get_u64(bytes)?).ok().filter(|&len| len <= SKETCH_BUCKETS)?;
        let mut counts = Vec::with_capacity(len);
        let mut next = 0;
        for _ in 0..len {
            let bucket = get_u64(bytes)?.checked_add(next)?;
            if bucket >= SKETCH_BUCKETS as u64 {
                return None;
            }
            counts.push((bucket as u16, get_u64(bytes)?));
            next = bucket + 1;
        }
        let (mut min_ns, mut max_ns) = (u64::MAX, 0);
        if len > 0 {
            (min_ns, max_ns) = (get_u64(bytes)?, get_u64(bytes)?);
        }
        let outcomes = Default::default();
        Some(Row { index, records, requests, errors, outcomes, min_ns, max_ns, counts })
    }

    fn check(&self) -> Result<(), &'static str> {
        super::sane([self.records, self.requests, self.errors])?;
        super::sane(self.outcomes)?;
        super::sane(self.counts.iter().map(|(_, count)| *count))?;
        let ended = self.outcomes.iter().sum();
        let most = self.requests.max(self.errors).max(self.measured()).max(ended);
        let bucket = |ns| buckets::bucket_of::<BITS>(ns) as u16;
        let edges = match (self.counts.first(), self.counts.last()) {
            (Some(first), Some(last)) => {
                self.max_ns <= DURATION_NS_MAX
                    && self.min_ns <= self.max_ns
                    && (first.0, last.0) == (bucket(self.min_ns), bucket(self.max_ns))
            }
            _ => true,
        };
        let counted = self.counts.iter().all(|(_, count)| *count > 0);
        if self.records == 0 || most > self.records || !edges || !counted {
            return Err("buckets of the analysis grid do not agree with their totals");
        }
        Ok(())
    }
}

/// Reads buckets from their bytes, oldest first; ends early where the bytes make no sense.
#[derive(Clone)]
struct Rows<'a> {
    bytes: &'a [u8],
    /// None where they are not known.
    outcomes: Option<&'a [u8]>,
    left: u32,
    before: Option<i64>,
}

impl Rows<'_> {
    fn read(&mut self) -> Option<Row> {
        let first = get_u64(&mut self.bytes)?;
        let index = match self.before {
            None => unzigzag(first),
            Some(before) => before.checked_add(i64::try_from(first).ok().filter(|&d| d > 0)?)?,
        };
        let mut row = Row::read(index, &mut self.bytes)?;
        if let Some(bytes) = &mut self.outcomes {
            row.outcomes = [get_u64(bytes)?, get_u64(bytes)?, get_u64(bytes)?];
        }
        (self.before, self.left) = (Some(index), self.left - 1);
        Some(row)
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if self.left == 0 { None } else { self.read() }
    }
}

impl GridBuckets {
    fn encode(step: usize, rows: impl Iterator<Item = Row>, knows_outcomes: bool) -> GridBuckets {
        let mut state = GridBuckets { step: step as u8, ..GridBuckets::default() };
        let mut before = None;
        for row in rows {
            if knows_outcomes {
                let bytes = state.outcomes.get_or_insert_default();
                row.outcomes.iter().for_each(|&count| put_u64(bytes, count));
            }
            let delta = before.map_or_else(|| zigzag(row.index), |b| (row.index - b) as u64);
            put_u64(&mut state.rows, delta);
            row.write(&mut state.rows);
            before = Some(row.index);
            state.count += 1;
        }
        state.rows.shrink_to_fit();
        state.outcomes.as_mut().map(Vec::shrink_to_fit);
        state
    }

    fn rows(&self) -> Rows<'_> {
        let outcomes = self.outcomes.as_deref();
        Rows { bytes: &self.rows, outcomes, left: self.count, before: None }
    }

    /// The buckets at a step of the ladder that is not finer than their own.
    fn at_step(&self, step: usize) -> Vec<Row> {
        let mut rows = self.rows().collect();
        coarsen_rows(&mut rows, STEPS_S[step] / self.step_s());
        rows
    }

    /// Seconds of a bucket.
    pub fn step_s(&self) -> i64 {
        STEPS_S[usize::from(self.step)]
    }
}

/// Makes sorted buckets those of a step `factor` times as long.
fn coarsen_rows(rows: &mut Vec<Row>, factor: i64) {
    if factor == 1 {
        return;
    }
    rows.iter_mut().for_each(|row| row.index = row.index.div_euclid(factor));
    rows.dedup_by(|row, kept| {
        let same = row.index == kept.index;
        if same {
            kept.add(row);
        }
        same
    });
}

impl State for GridBuckets {
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            self.clone_from(other);
            return;
        }
        let step = usize::from(self.step.max(other.step));
        let mut rows = self.at_step(step);
        rows.extend(other.at_step(step));
        rows.sort_by_key(|row| row.index);
        let (step, factor) = step_that_fits(rows.iter().map(|row| row.index), step);
        rows.iter_mut().for_each(|row| row.index = row.index.div_euclid(factor));
        rows.dedup_by(|row, kept| {
            let same = row.index == kept.index;
            if same {
                kept.add(row);
            }
            same
        });
        let knows_outcomes = self.outcomes.is_some() && other.outcomes.is_some();
        *self = GridBuckets::encode(step, rows.into_iter(), knows_outcomes);
    }

    fn time_step(&self) -> u8 {
        self.step
    }

    fn check(&self) -> Result<(), &'static str> {
        const BAD: &str = "the analysis grid is damaged";
        if usize::from(self.step) >= STEPS_S.len()
            || self.count as usize > BUCKETS_MAX
            || self.count == 0 && (self.step != 0 || self.outcomes.is_some())
        {
            return Err(BAD);
        }
        let mut rows = self.rows();
        for row in rows.by_ref() {
            row.check()?;
            if !is_possible(row.index, usize::from(self.step)) {
                return Err(BAD);
            }
        }
        let is_read = rows.bytes.is_empty() && rows.outcomes.is_none_or(<[u8]>::is_empty);
        if rows.left == 0 && is_read { Ok(()) } else { Err(BAD) }
    }
}

#[cfg(test)]
mod tests;
