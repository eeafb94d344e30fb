//! Requests of the most frequent routes over time, at the step of an analysis grid.
//!
//! The step depends on the set of seconds of all timed records that name a route, which is kept
//! beside the table, as routes that are dropped take theirs along.

use crate::metric::State;
use crate::metric::grid::{BITS, LOG2, SKETCH_BUCKETS, for_each_run};
use crate::metric::object::object;
use crate::record::{Batch, Columns, ERROR, NO_DURATION, NO_TIME, REQUEST};
use crate::sketch::buckets;
use crate::sketch::groups::{GroupTable, Groups, Payload};
use crate::sketch::time_slots::{BUCKETS_MAX, STEPS_S, TimeSlots, is_possible, step_that_fits};
use crate::sketch::varint::{get_u64, get_u128, put_behind, put_u64, put_u128, unzigzag, zigzag};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

use super::NOWHERE;

/// Different routes up to which all counts over time are exact.
pub const ROUTES_MAX: usize = 256;

/// Routes that are held within a chunk. Many sites have some thousands; to make room for each one that
/// comes back costs more than all else that is counted here, and more of them take more memory.
const ROUTES_AT_ONCE: usize = 2_048;

/// Routes in a report: those that lead by requests, and those that lead by errors or time.
const BY_REQUESTS: usize = 64;
const BY_TROUBLE: usize = 16;

const CHECKED: &str = "groups are checked when they arrive";

/// The largest logarithm of a response time.
const LOG2_MAX: u64 = LOG2[SKETCH_BUCKETS - 1] as u64;

/// Accumulator.
pub struct OverTime {
    pub(super) is_on: bool,
    slots: TimeSlots,
    table: GroupTable<Times>,
    /// The place in `table` of each place in the table of routes, as long as neither moves.
    places: Vec<u32>,
    moves: [u64; 2],
    rows: u64,
    earlier: RoutesOverTime,
}

/// What one route did in one time bucket.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Start of the bucket in steps since 1970.
    index: i64,
    requests: u64,
    errors: u64,
    measured: u64,
    /// Sums of the logarithms of the response times, and of their squares.
    log_sum: u128,
    log_sq: u128,
}

/// What one route did in one time bucket, within one chunk.
#[derive(Debug, Default, Clone, Copy)]
pub struct Cell {
    index: i64,
    requests: u32,
    errors: u32,
    measured: u32,
    log_sum: u64,
    log_sq: u64,
}

/// What one route did within one chunk, oldest first: as many as it has buckets, as most routes of a
/// site are rare.
#[derive(Debug, Default)]
pub struct Cells(Vec<Cell>);

/// What one route did, by time bucket, oldest first; those without anything are left out.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Times(Vec<Bucket>);

/// Routes over time.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutesOverTime {
    /// Index into [`STEPS_S`].
    step: u8,
    /// All buckets with a timed record that names a route: the first index (signed), then each
    /// less the one before.
    #[serde(with = "serde_bytes")]
    indices: Vec<u8>,
    groups: Groups<Times>,
}

impl Default for OverTime {
    fn default() -> Self {
        OverTime {
            is_on: true,
            slots: TimeSlots::default(),
            table: GroupTable::with_room(ROUTES_MAX, ROUTES_AT_ONCE),
            places: Vec::new(),
            moves: [u64::MAX; 2],
            rows: 0,
            earlier: RoutesOverTime::default(),
        }
    }
}

impl OverTime {
    /// Counts a batch, given the places of its rows in the table of routes.
    #[inline(always)]
    pub(super) fn update<P: Payload>(
        &mut self,
        batch: &Batch,
        routes: &GroupTable<P>,
        places: &[u32],
    ) {
        if !batch.has(Columns::TIME) || !self.is_on {
            return;
        }
        self.expect(batch.len);
        let OverTime { slots, table, places: known, moves, .. } = self;
        if *moves != [routes.moves(), table.moves()] {
            *moves = [routes.moves(), table.moves()];
            known.clear();
        }
        let measured = batch.has(Columns::DURATION);
        for_each_run(batch, |second, rows| {
            // A second whose records name no route must not take a place.
            let Some(first) = places[rows.clone()].iter().position(|&p| p != NOWHERE) else {
                return;
            };
            let slot = slots.place(second, |_, factor| coarsen(table, factor));
            let index = slots.indices()[slot];
            let placed = places[..rows.end].iter().enumerate().skip(rows.start + first);
            for (row, &place) in placed {
                if place == NOWHERE {
                    continue;
                }
                let at = match known.get(place as usize) {
                    Some(&at) if at != NOWHERE => at,
                    _ => find(table, known, moves, routes, place),
                };
                let ns = if measured { batch.duration_ns()[row] } else { NO_DURATION };
                table.count(at as usize).at(index).add(batch.flags()[row], ns);
            }
        });
    }

    /// Counts a row of this route.
    pub(super) fn add(&mut self, batch: &Batch, row: usize, route: &[u8]) {
        if batch.time_ns()[row] == NO_TIME || !self.is_on {
            return;
        }
        self.expect(1);
        let OverTime { slots, table, .. } = self;
        let second = batch.second()[row];
        let slot = slots.place(second, |_, factor| coarsen(table, factor));
        let index = slots.indices()[slot];
        let at = table.index(route);
        table.count(at).at(index).add(batch.flags()[row], batch.duration_ns()[row]);
    }

    #[inline(always)]
    fn expect(&mut self, rows: usize) {
        self.rows += rows as u64;
        if self.rows > u64::from(u32::MAX) {
            let state = self.freeze();
            self.earlier.merge(&state);
            self.rows = rows as u64;
        }
        self.table.expect(rows);
    }

    /// Begins with this step, or a coarser one.
    pub(super) fn start_at(&mut self, step: u8) {
        self.slots.start_at(step.into());
    }

    /// What was counted since the last call.
    pub(super) fn take(&mut self) -> RoutesOverTime {
        let state = self.freeze();
        self.rows = 0;
        if self.earlier.indices.is_empty() {
            return state;
        }
        let mut all = std::mem::take(&mut self.earlier);
        all.merge(&state);
        all
    }

    fn freeze(&mut self) -> RoutesOverTime {
        let groups = self.table.take();
        let mut indices = self.slots.indices().to_vec();
        indices.sort_unstable();
        // Without buckets every step fits; the finest is the canonical one.
        let step = if indices.is_empty() { 0 } else { self.slots.step() as u8 };
        self.slots.clear();
        RoutesOverTime { step, indices: put_indices(&indices), groups }
    }
}

impl Cells {
    /// The cell of a time bucket.
    #[inline(always)]
    fn at(&mut self, index: i64) -> &mut Cell {
        // Not `last_mut`, whose borrow would last to the end.
        let last = self.0.len().wrapping_sub(1);
        if self.0.get(last).is_some_and(|cell| cell.index == index) {
            return &mut self.0[last];
        }
        self.other(index)
    }

    /// The cell of a bucket that is not the last one, which mostly is a new one.
    #[inline(never)]
    fn other(&mut self, index: i64) -> &mut Cell {
        let at = match self.0.last() {
            Some(last) if last.index > index => self.0.partition_point(|cell| cell.index < index),
            _ => self.0.len(),
        };
        if self.0.get(at).is_none_or(|cell| cell.index != index) {
            // By a quarter, as there are many such lists.
            if self.0.len() == self.0.capacity() {
                self.0.reserve_exact((self.0.len() / 4).max(4));
            }
            self.0.insert(at, Cell { index, ..Cell::default() });
        }
        &mut self.0[at]
    }
}

/// The place of a route that is not known, or not known any more.
#[inline(never)]
fn find<P: Payload>(
    table: &mut GroupTable<Times>,
    known: &mut Vec<u32>,
    moves: &mut [u64; 2],
    routes: &GroupTable<P>,
    place: u32,
) -> u32 {
    let (key, hash) = (routes.key(place as usize), routes.hash(place as usize));
    let at = table.index_hashed(key, hash) as u32;
    if moves[1] != table.moves() {
        moves[1] = table.moves();
        known.clear();
    }
    if known.len() <= place as usize {
        known.resize(place as usize + 1, NOWHERE);
    }
    known[place as usize] = at;
    at
}

/// Moves what is counted to buckets so many times as long.
#[cold]
fn coarsen(table: &mut GroupTable<Times>, factor: i64) {
    for Cells(cells) in table.lives_mut() {
        cells.iter_mut().for_each(|cell| cell.index = cell.index.div_euclid(factor));
        cells.dedup_by(|cell, kept| {
            let same = cell.index == kept.index;
            if same {
                kept.merge(cell);
            }
            same
        });
    }
}

impl Cell {
    #[inline(always)]
    fn add(&mut self, flags: u8, duration_ns: u64) {
        self.requests += u32::from(flags & REQUEST != 0);
        self.errors += u32::from(flags & ERROR != 0);
        if duration_ns != NO_DURATION {
            let log = u64::from(LOG2[buckets::bucket_of::<BITS>(duration_ns)]);
            self.measured += 1;
            self.log_sum += log;
            self.log_sq += log * log;
        }
    }

    fn merge(&mut self, other: &Cell) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.measured += other.measured;
        self.log_sum += other.log_sum;
        self.log_sq += other.log_sq;
    }

    fn is_empty(&self) -> bool {
        self.requests | self.errors | self.measured == 0
    }
}

impl Bucket {
    fn add(&mut self, other: &Bucket) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.measured += other.measured;
        self.log_sum += other.log_sum;
        self.log_sq += other.log_sq;
    }
}

/// Adds up neighbors of one index.
fn add_up(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|bucket, kept| {
        let same = bucket.index == kept.index;
        if same {
            kept.add(bucket);
        }
        same
    });
}

/// Writes buckets, oldest first.
#[derive(Default)]
struct Writer {
    before: Option<i64>,
    count: u64,
}

impl Writer {
    #[inline]
    fn put(&mut self, out: &mut Vec<u8>, bucket: &Bucket) {
        put_index(out, self.before, bucket.index);
        put_u64(out, bucket.requests);
        put_u64(out, bucket.errors);
        put_u64(out, bucket.measured);
        if bucket.measured > 0 {
            put_u128(out, bucket.log_sum);
            put_u128(out, bucket.log_sq);
        }
        self.before = Some(bucket.index);
        self.count += 1;
    }
}

/// Reads the buckets of checked bytes, at a step `factor` times as long: several may have one index.
struct Reader<'a> {
    bytes: &'a [u8],
    left: u64,
    /// Without the factor, of the last bucket that was read.
    index: i64,
    factor: i64,
    at: Option<Bucket>,
}

impl<'a> Reader<'a> {
    /// Reads nothing where there are no bytes.
    fn new(bytes: Option<&'a [u8]>, factor: i64) -> Reader<'a> {
        let mut reader =
            Reader { bytes: bytes.unwrap_or_default(), left: 0, index: 0, factor, at: None };
        if bytes.is_some() {
            reader.left = get_u64(&mut reader.bytes).expect(CHECKED);
            if reader.left > 0 {
                reader.index = unzigzag(get_u64(&mut reader.bytes).expect(CHECKED));
                reader.read();
            }
        }
        reader
    }

    /// Reads what is behind an index.
    #[inline]
    fn read(&mut self) {
        let mut get = || get_u64(&mut self.bytes).expect(CHECKED);
        let index = if self.factor == 1 { self.index } else { self.index.div_euclid(self.factor) };
        let [requests, errors, measured] = [get(), get(), get()];
        let mut bucket = Bucket { index, requests, errors, measured, ..Bucket::default() };
        if measured > 0 {
            bucket.log_sum = get_u128(&mut self.bytes).expect(CHECKED);
            bucket.log_sq = get_u128(&mut self.bytes).expect(CHECKED);
        }
        self.left -= 1;
        self.at = Some(bucket);
    }

    #[inline]
    fn advance(&mut self) {
        self.at = None;
        if self.left > 0 {
            self.index += get_u64(&mut self.bytes).expect(CHECKED) as i64;
            self.read();
        }
    }
}

/// Appends the sum of what one or two payloads say, each at a step so many times as long as its own.
fn put_sum(out: &mut Vec<u8>, sides: [(Option<&[u8]>, i64); 2]) {
    if let [(Some(bytes), 1), (None, _)] | [(None, _), (Some(bytes), 1)] = sides {
        return out.extend_from_slice(bytes);
    }
    let [mut left, mut right] = sides.map(|(bytes, factor)| Reader::new(bytes, factor));
    put_behind(out, |out| {
        let mut writer = Writer::default();
        let mut sum: Option<Bucket> = None;
        loop {
            let next = match (&left.at, &right.at) {
                (Some(a), Some(b)) if b.index < a.index => &mut right,
                (Some(_), _) => &mut left,
                (None, Some(_)) => &mut right,
                (None, None) => break,
            };
            if let Some(bucket) = next.at {
                match &mut sum {
                    Some(sum) if sum.index == bucket.index => sum.add(&bucket),
                    _ => {
                        sum.iter().for_each(|sum| writer.put(out, sum));
                        sum = Some(bucket);
                    }
                }
            }
            next.advance();
        }
        sum.iter().for_each(|sum| writer.put(out, sum));
        writer.count
    });
}

impl Payload for Times {
    type Live = Cells;

    fn freeze(live: &mut Cells, out: &mut Vec<u8>) {
        let bucket = |cell: &Cell| Bucket {
            index: cell.index,
            requests: cell.requests.into(),
            errors: cell.errors.into(),
            measured: cell.measured.into(),
            log_sum: cell.log_sum.into(),
            log_sq: cell.log_sq.into(),
        };
        let mut writer = Writer::default();
        put_behind(out, |out| {
            let used = live.0.iter().filter(|cell| !cell.is_empty());
            used.for_each(|cell| writer.put(out, &bucket(cell)));
            writer.count
        });
        // The first chunk has finer buckets than the next ones.
        live.0.shrink_to(live.0.len());
        live.0.clear();
    }

    fn reset(live: &mut Cells) {
        live.0.clear();
    }

    fn merge(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort_by_key(|bucket| bucket.index);
        add_up(&mut self.0);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.0.len() as u64);
        let mut writer = Writer::default();
        self.0.iter().for_each(|bucket| writer.put(out, bucket));
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let len = usize::try_from(get_u64(bytes)?).ok().filter(|&len| len <= BUCKETS_MAX)?;
        let mut times = Vec::with_capacity(len);
        let mut before: Option<i64> = None;
        for _ in 0..len {
            let first = get_u64(bytes)?;
            let index = match before {
                None => unzigzag(first),
                Some(b) => b.checked_add(i64::try_from(first).ok().filter(|&delta| delta > 0)?)?,
            };
            before = Some(index);
            let [requests, errors, measured] = [get_u64(bytes)?, get_u64(bytes)?, get_u64(bytes)?];
            let mut bucket = Bucket { index, requests, errors, measured, ..Bucket::default() };
            if measured > 0 {
                bucket.log_sum = get_u128(bytes)?;
                bucket.log_sq = get_u128(bytes)?;
            }
            let most = u128::from(measured) * u128::from(LOG2_MAX);
            if requests | errors | measured == 0
                || bucket.log_sum > most
                || bucket.log_sq > bucket.log_sum * u128::from(LOG2_MAX)
            {
                return None;
            }
            times.push(bucket);
        }
        Some(Times(times))
    }
}

/// Appends an index, given the one before.
#[inline]
fn put_index(out: &mut Vec<u8>, before: Option<i64>, index: i64) {
    put_u64(out, before.map_or_else(|| zigzag(index), |before| (index - before) as u64));
}

fn put_indices(indices: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut before = None;
    for &index in indices {
        put_index(&mut bytes, before, index);
        before = Some(index);
    }
    bytes
}

/// None if these bytes are not what `put_indices` writes.
fn get_indices(mut bytes: &[u8]) -> Option<Vec<i64>> {
    let mut indices: Vec<i64> = Vec::new();
    while !bytes.is_empty() {
        let first = get_u64(&mut bytes)?;
        indices.push(match indices.last() {
            None => unzigzag(first),
            Some(before) => {
                before.checked_add(i64::try_from(first).ok().filter(|&delta| delta > 0)?)?
            }
        });
    }
    (indices.len() <= BUCKETS_MAX).then_some(indices)
}

impl RoutesOverTime {
    fn indices(&self) -> Vec<i64> {
        get_indices(&self.indices).expect(CHECKED)
    }

    /// The same at a step that is not finer than its own.
    fn coarsened(&self, step: u8) -> RoutesOverTime {
        let factor = STEPS_S[usize::from(step)] / STEPS_S[usize::from(self.step)];
        let mut coarse = self.clone();
        if factor > 1 {
            let mut indices = self.indices();
            indices.iter_mut().for_each(|index| *index = index.div_euclid(factor));
            indices.dedup();
            coarse.indices = put_indices(&indices);
            coarse.groups.change(|times| {
                times.0.iter_mut().for_each(|b| b.index = b.index.div_euclid(factor));
                add_up(&mut times.0);
            });
        }
        // Without buckets every step fits; the finest is the canonical one.
        coarse.step = if coarse.indices.is_empty() { 0 } else { step };
        coarse
    }

    /// The rows of the report's `routes` of the analysis, and whether they are exact, on a grid
    /// with this step and these buckets, which hold all of the routes'.
    pub fn evaluate(&self, step: usize, buckets: &[i64]) -> (Value, bool) {
        let mut coarse = self.coarsened(step as u8);
        let at = |bucket: &Bucket| buckets.binary_search(&bucket.index);
        coarse.groups.change(|times| times.0.retain(|bucket| at(bucket).is_ok()));
        let sum = |times: &Times, of: fn(&Bucket) -> u128| times.0.iter().map(of).sum::<u128>();
        let lead = |n, of: fn(&Bucket) -> u128| {
            let rows = coarse.groups.top(n, |times| sum(times, of));
            rows.into_iter().filter(move |(_, times)| sum(times, of) > 0)
        };
        let mut rows: Vec<(&[u8], Times)> =
            coarse.groups.top(BY_REQUESTS, |times| sum(times, |bucket| bucket.requests.into()));
        let mut names: BTreeSet<&[u8]> = rows.iter().map(|(name, _)| *name).collect();
        let troubled = lead(BY_TROUBLE, |b| b.errors.into()).chain(lead(BY_TROUBLE, |b| b.log_sum));
        rows.extend(troubled.filter(|(name, _)| names.insert(name)));
        let one = |(name, times): &(&[u8], Times)| {
            let column = |of: &dyn Fn(&Bucket) -> Value| Value::from_iter(times.0.iter().map(of));
            object! {
                "name": String::from_utf8_lossy(name),
                "at": column(&|bucket| at(bucket).unwrap_or_default().into()),
                "requests": column(&|bucket| bucket.requests.into()),
                "errors": column(&|bucket| bucket.errors.into()),
                "measured": column(&|bucket| bucket.measured.into()),
                "log_sum": column(&|bucket| crate::metric::integer(bucket.log_sum)),
                "log_sq": column(&|bucket| crate::metric::integer(bucket.log_sq)),
            }
        };
        (rows.iter().map(one).collect(), coarse.groups.exact())
    }
}

impl State for RoutesOverTime {
    fn merge(&mut self, other: &Self) {
        if other.indices.is_empty() {
            return;
        }
        if self.indices.is_empty() {
            self.clone_from(other);
            return;
        }
        let step = usize::from(self.step.max(other.step));
        let factor_to =
            |state: &Self, step: usize| STEPS_S[step] / STEPS_S[usize::from(state.step)];
        let mut indices = Vec::new();
        for state in [&*self, other] {
            let factor = factor_to(state, step);
            indices.extend(state.indices().into_iter().map(|index| index.div_euclid(factor)));
        }
        indices.sort_unstable();
        let (step, factor) = step_that_fits(indices.iter().copied(), step);
        indices.iter_mut().for_each(|index| *index = index.div_euclid(factor));
        indices.dedup();
        let factors = [factor_to(self, step), factor_to(other, step)];
        self.groups.merge_by(&other.groups, ROUTES_MAX, |left, right, out| {
            put_sum(out, [(left, factors[0]), (right, factors[1])]);
        });
        (self.step, self.indices) = (step as u8, put_indices(&indices));
    }

    fn time_step(&self) -> u8 {
        self.step
    }

    fn check(&self) -> Result<(), &'static str> {
        const BAD: &str = "routes over time are damaged";
        let step = usize::from(self.step);
        let indices = get_indices(&self.indices).ok_or(BAD)?;
        if step >= STEPS_S.len()
            || indices.is_empty() && *self != RoutesOverTime::default()
            || indices.iter().any(|&index| !is_possible(index, step))
        {
            return Err(BAD);
        }
        self.groups.check(ROUTES_MAX)?;
        let mut counts: Vec<u64> = Vec::new();
        for (_, times) in self.groups.iter() {
            for bucket in &times.0 {
                if indices.binary_search(&bucket.index).is_err() {
                    return Err(BAD);
                }
                counts.extend([bucket.requests, bucket.errors, bucket.measured]);
            }
        }
        crate::metric::sane(counts)
    }
}

#[cfg(test)]
mod tests;
