//! Counts and response times per time bucket, with a step that adapts.
//!
//! The step is the finest of [`STEPS_S`] at which no more than [`BUCKETS_MAX`] buckets hold
//! something. Each step divides the next, so buckets of a fine step fall whole into those of a
//! coarse one, and a union of buckets needs at least the step that any part of it needs: the step
//! depends on the set of seconds alone, in whatever order or pieces they come.

use super::{Metric, State, latency::sum_and_range};
use crate::metric::object::object;
use crate::record::{Batch, Block, Columns, ERROR, MEASURED, NO_TIME, REQUEST};
use crate::sketch::varint;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The ladder of steps, in seconds; 30 days are of fixed length and counted from 1970.
pub const STEPS_S: [i64; 7] = [1, 10, 60, 600, 3_600, 86_400, 2_592_000];

/// Most buckets that hold something: a hundred thousand seconds are more than a day.
pub const BUCKETS_MAX: usize = 100_000;

/// What falls into one bucket.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Start of the bucket in steps since 1970.
    pub index: i64,
    /// Records.
    pub records: u64,
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
    /// Records with a response time.
    pub measured: u64,
    /// Sum of the response times in nanoseconds.
    pub sum_ns: u128,
    /// Longest response time in nanoseconds.
    pub max_ns: u64,
}

impl Bucket {
    fn add(&mut self, other: &Bucket) {
        self.records += other.records;
        self.requests += other.requests;
        self.errors += other.errors;
        self.measured += other.measured;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
    }
}

/// Accumulator: the bucket at hand, a few others, a heap of those that had to make way for them, and
/// a sorted run of what the heap held when it was last emptied. A bucket may be in all of these.
///
/// Lines that are a little out of order find their bucket among the few. Where timestamps jump about,
/// to sort buckets now and then is a third of the work of finding each in a table that no cache
/// holds, and to coarsen a run is to add up neighbors. Things are moved to the run when it is worth a
/// pass over it, so that for a while there may be more than [`BUCKETS_MAX`]; that does not show in
/// the end.
pub struct Series {
    step: usize,
    current: Bucket,
    /// By the low bits of their index; without records where there is none.
    recent: Box<[Bucket; RECENT]>,
    heap: Vec<Bucket>,
    run: Vec<Bucket>,
}

/// Buckets that are at hand beside the current one: a power of two, 4 KiB.
const RECENT: usize = 64;

/// Most buckets on the heap while the run is short.
const HEAP_MAX: usize = BUCKETS_MAX / 4;

/// Most bits of a set of buckets: half a megabyte.
const SET_BITS_MAX: u64 = 1 << 22;

/// Buckets in the order of time, at one step; as compact bytes, since a hundred thousand of them
/// wait at each node of a merge tree.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeriesBuckets {
    /// Index into [`STEPS_S`].
    step: u8,
    count: u32,
    /// Per bucket: index (the first signed, then less the one before), records, requests, errors,
    /// measured, sum, max; all varints.
    #[serde(with = "serde_bytes")]
    rows: Vec<u8>,
}

impl Default for Series {
    fn default() -> Self {
        Series {
            step: 0,
            current: Bucket::default(),
            recent: Box::new([Bucket::default(); RECENT]),
            heap: Vec::new(),
            run: Vec::new(),
        }
    }
}

impl Metric for Series {
    type State = SeriesBuckets;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        if !batch.has(Columns::TIME) {
            return;
        }
        if !batch.all_timed() {
            return self.rest(batch, 0);
        }
        let step = self.step;
        let seconds = &batch.second()[..batch.len];
        let mut start = 0;
        while start < seconds.len() {
            // Records of one second nearly always come together.
            let second = seconds[start];
            let end = start + run_length(&seconds[start..], second);
            let index = index_of(second, self.step);
            if index != self.current.index || self.current.records == 0 {
                self.switch_to(index);
                if self.step != step {
                    // The step grew under way: begin anew with the rest.
                    return self.rest(batch, start);
                }
            }
            tally(&mut self.current, batch, start, end);
            start = end;
        }
    }

    fn take(&mut self) -> SeriesBuckets {
        self.empty();
        // A run is short, or of a log that needs its memory elsewhere.
        let run = std::mem::take(&mut self.run);
        let state = SeriesBuckets::encode(self.step, run.iter());
        self.step = 0;
        state
    }
}

/// How many seconds from the first on equal `second`.
#[inline(always)]
pub(super) fn run_length(seconds: &[i64], second: i64) -> usize {
    // Groups are compared without an early exit, which is what vector code can do.
    const GROUP: usize = 16;
    let whole = seconds
        .chunks_exact(GROUP)
        .take_while(|group| group.iter().fold(0, |differ, &s| differ | (s ^ second)) == 0)
        .count();
    let tail = &seconds[whole * GROUP..];
    whole * GROUP + tail.iter().take_while(|&&s| s == second).count()
}

/// Adds rows of one bucket to it.
#[inline(always)]
fn tally(bucket: &mut Bucket, batch: &Batch, start: usize, end: usize) {
    let flags = &batch.flags()[start..end];
    let count = |flag: u8| u64::from(flags.iter().map(|&f| u16::from(f & flag != 0)).sum::<u16>());
    bucket.records += (end - start) as u64;
    bucket.requests += count(REQUEST);
    bucket.errors += count(ERROR);
    if batch.has(Columns::DURATION) {
        bucket.measured += count(MEASURED);
        let (sum, _, max) = sum_and_range(&batch.duration_ns()[start..end]);
        bucket.sum_ns += sum;
        bucket.max_ns = bucket.max_ns.max(max);
    }
}

impl Series {
    /// The rows from `start` on, one by one: some carry no time, or the step may change.
    #[cold]
    fn rest(&mut self, batch: &Batch, start: usize) {
        for row in start..batch.len {
            if batch.time_ns()[row] == NO_TIME {
                continue;
            }
            loop {
                let step = self.step;
                let index = index_of(batch.second()[row], step);
                if index != self.current.index || self.current.records == 0 {
                    self.switch_to(index);
                }
                if self.step == step {
                    break;
                }
            }
            tally(&mut self.current, batch, row, row + 1);
        }
    }

    /// Puts the current bucket away and begins the one of `index`, unless the step changes.
    fn switch_to(&mut self, index: i64) {
        self.settle();
        if self.heap.len() >= HEAP_MAX.max(self.run.len()) {
            let step = self.step;
            self.empty();
            if self.step != step {
                return;
            }
        }
        self.current.index = index;
    }

    /// Adds the current bucket to the others at hand and empties it.
    fn settle(&mut self) {
        if self.current.records == 0 {
            return;
        }
        let bucket = std::mem::take(&mut self.current);
        let place = &mut self.recent[bucket.index as usize % RECENT];
        if place.index == bucket.index {
            place.add(&bucket);
        } else {
            let other = std::mem::replace(place, bucket);
            if other.records > 0 {
                self.heap.push(other);
            }
        }
    }

    /// Moves all buckets to the run, and takes coarser steps until they are few enough.
    #[cold]
    #[inline(never)]
    fn empty(&mut self) {
        self.settle();
        let recent = self.recent.iter_mut().map(std::mem::take);
        self.heap.extend(recent.filter(|bucket| bucket.records > 0));
        if self.heap.len() + self.run.len() > BUCKETS_MAX {
            self.coarsen_to(self.step_that_fits());
        }
        let order = sorted(self.heap.iter().map(|bucket| bucket.index));
        let new = Summed::new(order, |i| self.heap[i]);
        self.run = merged(std::mem::take(&mut self.run).into_iter(), new);
        self.heap.clear();
        while self.run.len() > BUCKETS_MAX && self.step + 1 < STEPS_S.len() {
            self.coarsen_to(self.step + 1);
        }
    }

    /// The step that what is in the run and on the heap needs, if that can be told without sorting;
    /// else a finer one.
    fn step_that_fits(&self) -> usize {
        let step_s = STEPS_S[self.step];
        let seconds = || self.run.iter().chain(&self.heap).map(|bucket| bucket.index * step_s);
        let range = seconds().fold((i64::MAX, i64::MIN), |(min, max), s| (min.min(s), max.max(s)));
        // The coarsest is always long enough.
        for step in (self.step..STEPS_S.len() - 1).rev() {
            let first = index_of(range.0, step);
            let span = index_of(range.1, step).abs_diff(first) + 1;
            if span > SET_BITS_MAX {
                return self.step;
            }
            let indices = seconds().map(|second| index_of(second, step));
            if span > BUCKETS_MAX as u64 && distinct(first, span as usize, indices) > BUCKETS_MAX {
                return step + 1;
            }
        }
        self.step
    }

    /// Takes a coarser step; nothing may be at hand.
    fn coarsen_to(&mut self, step: usize) {
        let factor = STEPS_S[step] / STEPS_S[self.step];
        self.step = step;
        if factor > 1 {
            coarsen(&mut self.run, factor);
            for bucket in &mut self.heap {
                bucket.index = bucket.index.div_euclid(factor);
            }
        }
    }
}

/// How many different indices there are, all of which are in `first..first + span`.
fn distinct(first: i64, span: usize, indices: impl Iterator<Item = i64>) -> usize {
    let mut set = vec![0u64; span.div_ceil(64)];
    for index in indices {
        let at = (index - first) as usize;
        set[at / 64] |= 1 << (at % 64);
    }
    set.iter().map(|word| word.count_ones() as usize).sum()
}

/// The bucket of a second at a step of the ladder.
#[inline(always)]
fn index_of(second: i64, step: usize) -> i64 {
    // By constants: dividing by a number that is not known costs as much as all else here.
    const { assert!(STEPS_S.len() == 7) };
    match step {
        0 => second,
        1 => second.div_euclid(STEPS_S[1]),
        2 => second.div_euclid(STEPS_S[2]),
        3 => second.div_euclid(STEPS_S[3]),
        4 => second.div_euclid(STEPS_S[4]),
        5 => second.div_euclid(STEPS_S[5]),
        _ => second.div_euclid(STEPS_S[6]),
    }
}

/// Buckets in order, those of one index added up.
struct Summed<B> {
    /// Their places.
    order: std::iter::Peekable<std::vec::IntoIter<u32>>,
    /// The one at a place.
    bucket: B,
}

impl<B: Fn(usize) -> Bucket> Summed<B> {
    fn new(order: Vec<u32>, bucket: B) -> Self {
        Summed { order: order.into_iter().peekable(), bucket }
    }
}

impl<B: Fn(usize) -> Bucket> Iterator for Summed<B> {
    type Item = Bucket;

    fn next(&mut self) -> Option<Bucket> {
        let at = |place: u32| (self.bucket)(place as usize);
        let mut bucket = at(self.order.next()?);
        while let Some(same) = self.order.next_if(|&place| at(place).index == bucket.index) {
            bucket.add(&at(same));
        }
        Some(bucket)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.order.len()))
    }
}

/// The sorted union of two sorted runs.
fn merged(left: impl Iterator<Item = Bucket>, right: impl Iterator<Item = Bucket>) -> Vec<Bucket> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    let most = |hint: (usize, Option<usize>)| hint.1.unwrap_or(hint.0);
    let mut merged = Vec::with_capacity(most(left.size_hint()) + most(right.size_hint()));
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.index.cmp(&b.index) {
            std::cmp::Ordering::Less => merged.extend(left.next()),
            std::cmp::Ordering::Greater => merged.extend(right.next()),
            std::cmp::Ordering::Equal => {
                let mut both = *a;
                both.add(b);
                merged.push(both);
                left.next();
                right.next();
            }
        }
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

/// Makes a sorted run one of a step `factor` times as long, in place.
fn coarsen(run: &mut Vec<Bucket>, factor: i64) {
    let mut kept = 0;
    for i in 0..run.len() {
        let bucket = Bucket { index: run[i].index.div_euclid(factor), ..run[i] };
        if kept > 0 && run[kept - 1].index == bucket.index {
            run[kept - 1].add(&bucket);
        } else {
            run[kept] = bucket;
            kept += 1;
        }
    }
    run.truncate(kept);
}

/// The places of buckets in the order of their indices.
fn sorted(indices: impl Iterator<Item = i64> + Clone) -> Vec<u32> {
    const BITS: u32 = 11;
    const PLACE: u32 = 32;
    let both = indices.clone().min().zip(indices.clone().max());
    let Some((min, max)) = both else { return Vec::new() };
    if max.wrapping_sub(min) as u64 >> PLACE != 0 {
        let mut rows: Vec<(i64, u32)> = indices.zip(0..).collect();
        rows.sort_unstable();
        return rows.into_iter().map(|(_, place)| place).collect();
    }
    // Index and place in one word: within a century all that there are.
    let word = |(index, place): (i64, u64)| (index.wrapping_sub(min) as u64) << PLACE | place;
    let mut words: Vec<u64> = indices.zip(0..).map(word).collect();
    if words.len() < 4096 {
        words.sort_unstable();
    } else {
        let mut other = vec![0; words.len()];
        for pass in 0..(64 - PLACE).div_ceil(BITS) {
            let digit = |word: u64| (word >> (PLACE + pass * BITS)) as usize % (1 << BITS);
            let mut places = [0u32; 1 << BITS];
            words.iter().for_each(|&word| places[digit(word)] += 1);
            let mut sum = 0;
            for place in &mut places {
                sum += std::mem::replace(place, sum);
            }
            for &word in &words {
                let place = &mut places[digit(word)];
                other[*place as usize] = word;
                *place += 1;
            }
            std::mem::swap(&mut words, &mut other);
        }
    }
    words.into_iter().map(|word| word as u32).collect()
}

/// The finest step, from `step` on, at which sorted buckets are few enough; coarsens them to it.
fn fit(buckets: &mut Vec<Bucket>, mut step: usize) -> usize {
    while buckets.len() > BUCKETS_MAX && step + 1 < STEPS_S.len() {
        let factor = STEPS_S[step + 1] / STEPS_S[step];
        *buckets = coarsened(std::mem::take(buckets).into_iter(), factor).collect();
        step += 1;
    }
    step
}

/// Sorted buckets at a step `factor` times as long.
fn coarsened(buckets: impl Iterator<Item = Bucket>, factor: i64) -> impl Iterator<Item = Bucket> {
    let mut buckets = buckets
        .map(move |bucket| Bucket { index: bucket.index.div_euclid(factor), ..bucket })
        .peekable();
    std::iter::from_fn(move || {
        let mut bucket = buckets.next()?;
        while let Some(same) = buckets.next_if(|next| next.index == bucket.index) {
            bucket.add(&same);
        }
        Some(bucket)
    })
}

/// Reads buckets from their bytes, oldest first; ends early where the bytes make no sense.
struct Rows<'a> {
    bytes: &'a [u8],
    left: u32,
    before: Option<i64>,
}

impl Rows<'_> {
    fn read(&mut self) -> Option<Bucket> {
        let bytes = &mut self.bytes;
        let index = match self.before {
            None => varint::unzigzag(varint::get_u64(bytes)?),
            Some(before) => {
                let delta = i64::try_from(varint::get_u64(bytes)?).ok()?;
                before.checked_add(delta).filter(|_| delta > 0)?
            }
        };
        let bucket = Bucket {
            index,
            records: varint::get_u64(bytes)?,
            requests: varint::get_u64(bytes)?,
            errors: varint::get_u64(bytes)?,
            measured: varint::get_u64(bytes)?,
            sum_ns: varint::get_u128(bytes)?,
            max_ns: varint::get_u64(bytes)?,
        };
        (self.before, self.left) = (Some(index), self.left - 1);
        Some(bucket)
    }

    /// Whether all buckets there were have been read, and nothing else is there.
    fn ended_well(&self) -> bool {
        self.left == 0 && self.bytes.is_empty()
    }
}

impl Iterator for Rows<'_> {
    type Item = Bucket;

    fn next(&mut self) -> Option<Bucket> {
        if self.left == 0 { None } else { self.read() }
    }
}

impl SeriesBuckets {
    fn encode<'a>(
        step: usize,
        buckets: impl ExactSizeIterator<Item = &'a Bucket>,
    ) -> SeriesBuckets {
        let count = buckets.len();
        let mut rows = Vec::with_capacity(count * 12);
        let mut before = 0;
        for (i, bucket) in buckets.enumerate() {
            if i == 0 {
                varint::put_u64(&mut rows, varint::zigzag(bucket.index));
            } else {
                varint::put_u64(&mut rows, (bucket.index - before) as u64);
            }
            before = bucket.index;
            for value in [bucket.records, bucket.requests, bucket.errors, bucket.measured] {
                varint::put_u64(&mut rows, value);
            }
            varint::put_u128(&mut rows, bucket.sum_ns);
            varint::put_u64(&mut rows, bucket.max_ns);
        }
        rows.shrink_to_fit();
        // Without buckets every step fits; the finest is the canonical one.
        let step = if count == 0 { 0 } else { step };
        SeriesBuckets { step: step as u8, count: count as u32, rows }
    }

    /// The buckets, oldest first.
    fn rows(&self) -> Rows<'_> {
        Rows { bytes: &self.rows, left: self.count, before: None }
    }

    /// The buckets at a step of the ladder that is not finer than their own.
    fn at_step(&self, step: usize) -> impl Iterator<Item = Bucket> {
        coarsened(self.rows(), STEPS_S[step] / self.step_s())
    }

    /// Seconds of a bucket.
    pub fn step_s(&self) -> i64 {
        STEPS_S[self.step as usize]
    }

    /// Records that have a time.
    pub fn records(&self) -> u64 {
        self.rows().map(|bucket| bucket.records).sum()
    }

    /// Requests and start in seconds since 1970 of the busiest bucket, the earliest of equals.
    pub fn peak(&self) -> Option<(u64, i64)> {
        let busiest = self.rows().reduce(|a, b| if b.requests > a.requests { b } else { a })?;
        Some((busiest.requests, busiest.index * self.step_s()))
    }

    /// The report's `series`, coarsened to at most `points_max` points if given.
    ///
    /// Beyond the ladder the step is doubled until the points are few enough.
    pub fn evaluate(&self, points_max: Option<usize>) -> Value {
        let most = points_max.map_or(usize::MAX, |most| most.max(1));
        let mut step = self.step as usize;
        let mut step_s = self.step_s();
        while coarsened(self.rows(), step_s / self.step_s()).count() > most {
            step += 1;
            step_s = STEPS_S.get(step).copied().unwrap_or(step_s * 2);
        }
        self.points(step_s)
    }

    /// The same with points of so many seconds; None if that is no multiple of what is kept.
    pub fn evaluate_at(&self, step_s: i64) -> Option<Value> {
        (step_s >= self.step_s() && step_s % self.step_s() == 0).then(|| self.points(step_s))
    }

    fn points(&self, step_s: i64) -> Value {
        let point = |b: Bucket| {
            let measured = b.measured > 0;
            object! {
                "t": crate::time::rfc3339(b.index.saturating_mul(step_s).saturating_mul(1_000_000_000)),
                "records": b.records,
                "requests": b.requests,
                "errors": b.errors,
                "mean_ms": measured.then(|| b.sum_ns as f64 / b.measured as f64 / 1e6),
                "max_ms": measured.then(|| b.max_ns as f64 / 1e6),
            }
        };
        let buckets = coarsened(self.rows(), step_s / self.step_s());
        object! { "step_s": step_s, "points": buckets.map(point).collect::<Vec<_>>() }
    }
}

impl State for SeriesBuckets {
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = other.clone();
            return;
        }
        let step = self.step.max(other.step) as usize;
        let mut merged = if self.step == other.step {
            merged(self.rows(), other.rows())
        } else {
            merged(self.at_step(step), other.at_step(step))
        };
        let step = fit(&mut merged, step);
        *self = SeriesBuckets::encode(step, merged.iter());
    }

    fn check(&self) -> Result<(), &'static str> {
        const BAD: &str = "time buckets are damaged";
        if self.step as usize >= STEPS_S.len() || (self.count == 0 && self.step != 0) {
            return Err(BAD);
        }
        // The coarsest step spans the years that timestamps may have in far fewer buckets.
        if self.count as usize > BUCKETS_MAX {
            return Err("too many time buckets");
        }
        let second_max = i64::MAX / 1_000_000_000;
        let mut buckets = self.rows();
        for bucket in buckets.by_ref() {
            let second = bucket.index.checked_mul(self.step_s()).ok_or(BAD)?;
            super::sane([bucket.records, bucket.requests, bucket.errors, bucket.measured])?;
            super::sane_sum(bucket.sum_ns, bucket.measured)?;
            let most = bucket.requests.max(bucket.errors).max(bucket.measured);
            if second.abs() > second_max + self.step_s()
                || most > bucket.records
                || bucket.records == 0
            {
                return Err(BAD);
            }
        }
        if buckets.ended_well() { Ok(()) } else { Err(BAD) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BATCH_ROWS, DURATION_NS_MAX, NO_DURATION, NO_STATUS, Record};
    use proptest::prelude::*;

    fn series(seconds: &[i64]) -> SeriesBuckets {
        let mut series = Series::default();
        for part in seconds.chunks(BATCH_ROWS) {
            let mut batch = Batch::new();
            for &second in part {
                let record = Record {
                    time_ns: second * 1_000_000_000,
                    second,
                    duration_ns: second.unsigned_abs(),
                    ..Record::EMPTY
                };
                batch.push(Columns::TIME.or(Columns::DURATION), &record, 0, 0);
            }
            series.update(&batch, Block { bytes: &[], offset: 0, source: 0 });
        }
        series.take()
    }

    /// Scattered over `span` seconds; equal seeds give equal ones.
    fn scattered(count: usize, span: u64, seed: u64) -> Vec<i64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            ((state >> 20) % span) as i64 - (span / 3) as i64
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn the_step_depends_on_the_set_of_seconds_alone() {
        for (count, span) in
            [(1_000, 900), (150_000, 140_000), (150_000, 5_000_000), (130_000, 1 << 33)]
        {
            let seconds = scattered(count, span, 7);
            let whole = series(&seconds);
            whole.check().unwrap();
            let distinct_at = |step: i64| {
                let mut indices: Vec<i64> = seconds.iter().map(|s| s.div_euclid(step)).collect();
                indices.sort_unstable();
                indices.dedup();
                indices.len()
            };
            let step = STEPS_S.into_iter().find(|&s| distinct_at(s) <= BUCKETS_MAX).unwrap();
            assert_eq!((whole.step_s(), whole.count as usize), (step, distinct_at(step)));
            let mut parts = seconds.chunks(37_111).map(series);
            let mut merged = parts.next_back().unwrap();
            for part in parts {
                merged.merge(&part);
            }
            assert_eq!(merged, whole);
        }
    }

    /// Every sort of row, in an order in which they come scattered, and in that of their times.
    #[test]
    fn scattered_rows_count_as_ordered_ones_do() {
        let states = [
            (200_000, 3_000, "cells from the first rows on"),
            (200_000, 20_000_000, "a step that a set of buckets tells"),
            (400_000, 1 << 31, "days, the hours being just few enough for a while"),
            (260_000, 1 << 33, "years beyond those of the rows before"),
            (90_000, 1 << 33, "few rows, sorted"),
        ];
        for (count, span, what) in states {
            let seconds = scattered(count, span, 11);
            let mut rows: Vec<Record> = Vec::new();
            for (i, second) in seconds.into_iter().enumerate() {
                // Now and then one without a time, and one that is too long for a cell.
                let time_ns = if i % 997 == 5 { NO_TIME } else { second * 1_000_000_000 };
                let duration_ns = match i % 7 {
                    0 | 1 => NO_DURATION,
                    2 if i % 5 == 0 => DURATION_NS_MAX - i as u64,
                    _ => second.unsigned_abs() << (i % 13),
                };
                let status = [NO_STATUS, 200, 503][i % 3];
                rows.push(Record { time_ns, second, duration_ns, status, ..Record::EMPTY });
            }
            let mut series = Series::default();
            let mut state = |rows: &[Record]| {
                for part in rows.chunks(BATCH_ROWS) {
                    let mut batch = Batch::new();
                    for record in part {
                        let columns = Columns::TIME.or(Columns::DURATION).or(Columns::STATUS);
                        batch.push(columns, record, 0, 0);
                    }
                    series.update(&batch, Block { bytes: &[], offset: 0, source: 0 });
                }
                series.take()
            };
            let whole = state(&rows);
            whole.check().unwrap();
            let mut merged = SeriesBuckets::default();
            rows.chunks(70_001).for_each(|part| merged.merge(&state(part)));
            assert_eq!(merged, whole, "{what}");
            rows.sort_by_key(|row| row.second);
            assert_eq!(state(&rows), whole, "{what}");
        }
    }

    #[test]
    fn exactly_at_the_cap() {
        let seconds: Vec<i64> = (0..BUCKETS_MAX as i64 + 1).collect();
        assert_eq!(series(&seconds[1..]).step_s(), 1);
        assert_eq!(series(&seconds).step_s(), 10);
    }

    #[test]
    fn a_heap_is_emptied_into_a_run_again_and_again() {
        // Few buckets that never find each other at hand, then a second that comes back at last.
        let mut seconds: Vec<i64> =
            (0..9 * HEAP_MAX as i64).map(|i| i * 7_919 % 3_000 * RECENT as i64).collect();
        seconds.push(0);
        let whole = series(&seconds);
        whole.check().unwrap();
        assert_eq!((whole.step_s(), whole.count), (1, 3_000));
        assert_eq!(whole.rows().map(|b| b.records).sum::<u64>(), seconds.len() as u64);
        let mut ordered = seconds.clone();
        ordered.sort_unstable();
        assert_eq!(whole, series(&ordered));
    }

    proptest! {
        #[test]
        fn any_order_and_any_split(seconds in prop::collection::vec(-50i64..50, 0..1500), at in 0usize..1500) {
            let mut sorted = seconds.clone();
            sorted.sort_unstable();
            let whole = series(&sorted);
            prop_assert_eq!(&series(&seconds), &whole);
            let (left, right) = seconds.split_at(at.min(seconds.len()));
            let mut merged = series(right);
            merged.merge(&series(left));
            prop_assert_eq!(&merged, &whole);
            prop_assert!(merged.check().is_ok());
        }
    }
}
