//! Requests by route: method and path with ids folded, so that `/item/1` and `/item/2` are one.
//!
//! Keys are those of [`RouteNormalizer`]; where the processor can, [`memo`] finds the entry of a
//! request without making its key, and a test compares the two.

#[cfg(target_arch = "x86_64")]
mod memo;
mod over_time;

use crate::metric::object::object;
use over_time::{OverTime, RoutesOverTime};

use super::latency::sum_and_range;
use super::rows::{Order, Ranked, Rows, bytes, ratio, total};
use super::{Metric, State, Whole};
use crate::bytes::simd::{Simd, prefetch};
use crate::record::{
    BATCH_ROWS, Batch, Block, CLIENT_ERROR, Columns, DURATION_NS_MAX, ERROR, NO_BYTES, NO_DURATION,
    REQUEST, RouteNormalizer,
};
use crate::sketch::buckets;
use crate::sketch::groups::{GroupTable, Groups, Keys, Payload, Score};
use crate::sketch::varint::{get_u64, get_u128, put_all, put_same, put_sums, put_u64, put_u128};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Different routes up to which all counts are exact.
pub const ROUTES_MAX: usize = 10_000;

/// Each power of two of response time is cut into 16 buckets: within 3.2 %.
const BITS: u32 = 4;
const BUCKETS: usize = buckets::bucket_count::<BITS>();

/// Windows grow by so many buckets: two powers of two, which most routes stay within, so that a
/// window is rarely moved.
const WINDOW: usize = 32;

/// Accumulator.
pub struct Routes {
    table: GroupTable<Route>,
    finder: RouteIndex,
    over_time: OverTime,
}

/// Finds where in a table the routes of records are.
#[derive(Default)]
pub(super) struct RouteIndex {
    folder: RouteNormalizer,
    keys: Keys,
    #[cfg(target_arch = "x86_64")]
    memo: memo::Cache,
}

/// What is known of one route.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Route {
    requests: u64,
    errors: u64,
    client_errors: u64,
    /// Sum of the sizes of the responses that say how large they are.
    bytes: u128,
    /// Records with a response time; of them sum, longest, and counts by bucket.
    measured: u64,
    sum_ns: u128,
    /// 0 and 0 without a response time.
    min_ns: u64,
    max_ns: u64,
    window: Window<u64>,
}

/// What is known of one route within one chunk.
#[derive(Debug, Default)]
pub struct Tally {
    requests: u32,
    errors: u32,
    client_errors: u32,
    /// Sums of the sizes and of the response times, and how often each passed 2^64.
    bytes: u64,
    sum_ns: u64,
    bytes_high: u32,
    sum_high: u32,
    /// The complement of the shortest, so that 0 stands for none.
    min_complement: u64,
    max_ns: u64,
    window: Window<u32>,
}

/// Counts by bucket.
#[derive(Debug, Default, Clone, PartialEq)]
struct Window<T> {
    /// The bucket that `counts` begins with. Window and counts are the smallest that hold every
    /// bucket in use and consist of whole multiples of [`WINDOW`].
    first: u16,
    counts: Vec<T>,
}

/// Records that name a path, by route.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteGroups {
    groups: Groups<Route>,
    over_time: RoutesOverTime,
}

impl Default for Routes {
    fn default() -> Self {
        Routes {
            table: GroupTable::new(ROUTES_MAX),
            finder: RouteIndex::default(),
            over_time: OverTime::default(),
        }
    }
}

impl Routes {
    /// An accumulator, with the cache of folded paths or without, and with routes over time or not.
    pub fn new(_cached: bool, over_time: bool) -> Routes {
        let mut routes = Routes::default();
        routes.over_time.is_on = over_time;
        #[cfg(target_arch = "x86_64")]
        if !_cached {
            routes.finder.memo.switch_off();
        }
        routes
    }
}

impl Metric for Routes {
    type State = RouteGroups;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, block: Block<'_>) {
        if batch.has(Columns::ROUTE) {
            crate::dispatch!(update::<>(routes: &mut Routes, batch: &Batch, block: Block<'_>) -> ();
                self, batch, block);
        }
    }

    fn take(&mut self) -> RouteGroups {
        self.finder.restart();
        RouteGroups { groups: self.table.take(), over_time: self.over_time.take() }
    }

    fn start_at(&mut self, step: u8) {
        self.over_time.start_at(step);
    }
}

/// The place of a row without a path.
pub(super) const NOWHERE: u32 = u32::MAX;

#[inline(always)]
fn update<S: Simd>(simd: S, routes: &mut Routes, batch: &Batch, block: Block<'_>) {
    let Routes { table, finder, over_time } = routes;
    table.expect(batch.len);
    if table.room() < batch.len {
        // Entries may move: one row at a time.
        for row in 0..batch.len {
            if let Some(index) = finder.index(simd, table, batch, block, row) {
                table.count(index).add(batch, row);
                over_time.add(batch, row, table.key(index));
            }
        }
        return;
    }
    // All keys first, then all payloads: in the second loop nothing waits for anything but
    // memory, and the processor fetches several payloads at once.
    let mut places = [NOWHERE; BATCH_ROWS];
    let places = &mut places[..batch.len];
    finder.places(simd, table, batch, block, places);
    over_time.update(batch, table, places);
    let rows = places.iter().zip(batch.flags()).zip(batch.duration_ns()).zip(batch.bytes_sent());
    for (((&place, &flags), &duration_ns), &bytes) in rows {
        if place != NOWHERE {
            table.count(place as usize).add_values(flags, duration_ns, bytes);
        }
    }
}

impl RouteIndex {
    /// Begins a chunk.
    pub(super) fn restart(&mut self) {
        #[cfg(target_arch = "x86_64")]
        self.memo.restart();
    }

    /// The place of a row's route; None if the row has no path.
    #[inline(always)]
    pub(super) fn index<S: Simd, P: Payload>(
        &mut self,
        simd: S,
        table: &mut GroupTable<P>,
        batch: &Batch,
        block: Block<'_>,
        row: usize,
    ) -> Option<usize> {
        index(simd, &mut self.folder, table, batch, block, row)
    }

    /// The places of all rows of a batch, [`NOWHERE`] for those without a path, in a table that has
    /// room for all of them.
    #[inline(always)]
    pub(super) fn places<S: Simd, P: Payload>(
        &mut self,
        simd: S,
        table: &mut GroupTable<P>,
        batch: &Batch,
        block: Block<'_>,
        places: &mut [u32],
    ) {
        let folder = &mut self.folder;
        #[cfg(target_arch = "x86_64")]
        if !self.memo.is_off {
            let moves = table.moves();
            let slow = |row| index(simd, folder, table, batch, block, row);
            return self.memo.places(batch, block, moves, slow, places);
        }
        places.fill(NOWHERE);
        let keys = &mut self.keys;
        for row in 0..places.len() {
            let Some((key, _)) = folder.key(simd, batch, block, row) else { continue };
            keys.begin().extend_from_slice(key);
            if keys.end(row) {
                keys.find(table, |_, row, place| places[row] = place as u32);
            }
        }
        keys.find(table, |_, row, place| places[row] = place as u32);
    }
}

#[inline(always)]
fn index<S: Simd, P: Payload>(
    simd: S,
    folder: &mut RouteNormalizer,
    table: &mut GroupTable<P>,
    batch: &Batch,
    block: Block<'_>,
    row: usize,
) -> Option<usize> {
    folder.key(simd, batch, block, row).map(|(key, _)| table.index(key))
}

impl Tally {
    /// Counts a record.
    #[inline(always)]
    pub(super) fn add(&mut self, batch: &Batch, row: usize) {
        self.add_values(batch.flags()[row], batch.duration_ns()[row], batch.bytes_sent()[row]);
    }

    /// Counts a timer of a record that has these flags.
    pub(super) fn add_timer(&mut self, flags: u8, nanos: u64) {
        self.add_values(flags, nanos, NO_BYTES);
    }

    #[inline(always)]
    pub(super) fn add_values(&mut self, flags: u8, duration_ns: u64, bytes: u64) {
        self.requests += u32::from(flags & REQUEST != 0);
        self.errors += u32::from(flags & ERROR != 0);
        self.client_errors += u32::from(flags & CLIENT_ERROR != 0);
        let (sum, carry) = self.bytes.overflowing_add(if bytes == NO_BYTES { 0 } else { bytes });
        self.bytes = sum;
        self.bytes_high += u32::from(carry);
        if duration_ns == NO_DURATION {
            return;
        }
        let (sum_ns, carry) = self.sum_ns.overflowing_add(duration_ns);
        self.sum_ns = sum_ns;
        self.sum_high += u32::from(carry);
        self.min_complement = self.min_complement.max(!duration_ns);
        self.max_ns = self.max_ns.max(duration_ns);
        self.window.count(duration_ns);
    }

    /// Counts so few rows that a sum of 32-bit numbers of them fits in 64 bits.
    #[inline(always)]
    pub(super) fn add_all(&mut self, flags: &[u8], durations_ns: &[u64], bytes: &[u64]) {
        let count = |flag| flags.iter().map(|&flags| u32::from(flags & flag != 0)).sum::<u32>();
        self.requests += count(REQUEST);
        self.errors += count(ERROR);
        self.client_errors += count(CLIENT_ERROR);
        let (mut low, mut high) = (0, 0);
        for &bytes in bytes {
            let bytes = if bytes == NO_BYTES { 0 } else { bytes };
            (low, high) = (low + (bytes & 0xFFFF_FFFF), high + (bytes >> 32));
        }
        let sum = self.bytes() + (u128::from(high) << 32) + u128::from(low);
        (self.bytes, self.bytes_high) = (sum as u64, (sum >> 64) as u32);
        let (sum_ns, min_ns, max_ns) = sum_and_range(durations_ns);
        let sum = self.sum_ns() + sum_ns;
        (self.sum_ns, self.sum_high) = (sum as u64, (sum >> 64) as u32);
        self.min_complement = self.min_complement.max(!min_ns);
        self.max_ns = self.max_ns.max(max_ns);
        for &duration_ns in durations_ns {
            if duration_ns != NO_DURATION {
                self.window.count(duration_ns);
            }
        }
    }

    /// Asks for the memory in which a response time is counted.
    #[inline(always)]
    pub(super) fn prefetch(&self, duration_ns: u64) {
        let at = buckets::bucket_of::<BITS>(duration_ns).wrapping_sub(self.window.first.into());
        if let Some(count) = self.window.counts.get(at) {
            prefetch(count);
        }
    }

    fn bytes(&self) -> u128 {
        u128::from(self.bytes_high) << 64 | u128::from(self.bytes)
    }

    fn sum_ns(&self) -> u128 {
        u128::from(self.sum_high) << 64 | u128::from(self.sum_ns)
    }
}

impl Window<u32> {
    #[inline(always)]
    fn count(&mut self, duration_ns: u64) {
        let bucket = buckets::bucket_of::<BITS>(duration_ns);
        match self.counts.get_mut(bucket.wrapping_sub(usize::from(self.first))) {
            Some(count) => *count += 1,
            None => {
                self.widen(bucket, bucket + 1);
                self.counts[bucket - usize::from(self.first)] += 1;
            }
        }
    }
}

impl<T: Copy + Default + PartialEq> Window<T> {
    /// Makes the counts hold the buckets from `first` to `end`.
    #[cold]
    #[inline(never)]
    fn widen(&mut self, first: usize, end: usize) {
        let first = first / WINDOW * WINDOW;
        let end = end.next_multiple_of(WINDOW);
        let old = usize::from(self.first);
        if self.counts.is_empty() {
            self.first = first as u16;
        } else if first < old {
            self.counts.splice(..0, std::iter::repeat_n(T::default(), old - first));
            self.first = first as u16;
        }
        let len = end.saturating_sub(usize::from(self.first));
        if self.counts.len() < len {
            self.counts.reserve_exact(len - self.counts.len());
            self.counts.resize(len, T::default());
        }
    }

    /// The counts from the first to the last that is not 0.
    fn used(&self) -> &[T] {
        let is_used = |count: &T| *count != T::default();
        let first = self.counts.iter().position(is_used).unwrap_or(0);
        let last = self.counts.iter().rposition(is_used);
        &self.counts[first..last.map_or(0, |last| last + 1)]
    }
}

impl Route {
    /// Requests, errors, client errors, and records with a response time.
    pub(super) fn counts(&self) -> [u64; 4] {
        [self.requests, self.errors, self.client_errors, self.measured]
    }

    /// Appends what a table of the report says of a row behind its key: of `volume` out of `all`.
    /// Percentiles are within the least and greatest value.
    pub(super) fn write(&self, row: &mut Map<String, Value>, volume: u64, of: Whole) {
        let ms = |ns: Option<u64>| Value::from(ns.map(millis));
        let mut put = |name: &str, value: Value| row.insert(name.into(), value);
        put("requests", self.requests.into());
        put("errors", self.errors.into());
        put("client_errors", self.client_errors.into());
        put("share", of.share(volume));
        put("mean_ms", self.mean_ms().into());
        put("p50_ms", ms(self.quantile(2)));
        put("p95_ms", ms(self.quantile(20)));
        put("p99_ms", ms(self.quantile(100)));
        put("max_ms", ms(self.max_ns()));
        put("bytes", of.bytes(self.bytes));
    }

    fn max_ns(&self) -> Option<u64> {
        (self.measured > 0).then_some(self.max_ns)
    }

    fn mean_ms(&self) -> Option<f64> {
        (self.measured > 0).then(|| self.sum_ns as f64 / self.measured as f64 / 1e6)
    }

    /// The smallest value with at least all but one in `parts` of all at or below it, to within the
    /// relative error.
    fn quantile(&self, parts: u64) -> Option<u64> {
        if self.measured < parts {
            return self.max_ns();
        }
        let first = usize::from(self.window.first);
        let counts = self.window.counts.iter().enumerate().map(|(i, &n)| (first + i, n));
        let value = buckets::quantile::<BITS>(counts, self.measured, parts)?;
        Some(value.clamp(self.min_ns, self.max_ns))
    }
}

impl Payload for Route {
    type Live = Tally;

    fn freeze(live: &mut Tally, out: &mut Vec<u8>) {
        put_u64(out, u64::from(std::mem::take(&mut live.requests)));
        put_u64(out, u64::from(std::mem::take(&mut live.errors)));
        put_u64(out, u64::from(std::mem::take(&mut live.client_errors)));
        put_u128(out, live.bytes());
        (live.bytes, live.bytes_high) = (0, 0);
        let used = live.window.used();
        put_u64(out, used.len() as u64);
        if !used.is_empty() {
            put_u128(out, live.sum_ns());
            put_u64(out, live.max_ns);
            put_u64(out, !live.min_complement);
            put_all(out, used);
            live.window.counts.fill(0);
            (live.sum_ns, live.sum_high) = (0, 0);
            (live.min_complement, live.max_ns) = (0, 0);
        }
    }

    #[inline]
    fn reset(live: &mut Tally) {
        (live.requests, live.errors, live.client_errors) = (0, 0, 0);
        (live.bytes, live.bytes_high) = (0, 0);
        (live.sum_ns, live.sum_high) = (0, 0);
        (live.min_complement, live.max_ns) = (0, 0);
        live.window.first = 0;
        live.window.counts.clear();
        // What few routes need is not kept for all.
        live.window.counts.shrink_to(WINDOW);
    }

    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.bytes += other.bytes;
        self.min_ns = match (self.measured, other.measured) {
            (_, 0) => self.min_ns,
            (0, _) => other.min_ns,
            _ => self.min_ns.min(other.min_ns),
        };
        self.measured += other.measured;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
        if other.window.counts.is_empty() {
            return;
        }
        let first = usize::from(other.window.first);
        self.window.widen(first, first + other.window.counts.len());
        let at = first - usize::from(self.window.first);
        for (count, more) in self.window.counts[at..].iter_mut().zip(&other.window.counts) {
            *count += more;
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.requests);
        put_u64(out, self.errors);
        put_u64(out, self.client_errors);
        put_u128(out, self.bytes);
        let used = self.window.used();
        put_u64(out, used.len() as u64);
        if !used.is_empty() {
            put_u128(out, self.sum_ns);
            put_u64(out, self.max_ns);
            put_u64(out, self.min_ns);
            used.iter().for_each(|&count| put_u64(out, count));
        }
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut route = Route {
            requests: get_u64(bytes)?,
            errors: get_u64(bytes)?,
            client_errors: get_u64(bytes)?,
            bytes: get_u128(bytes).filter(|&sum| sum < 1 << 112)?,
            ..Route::default()
        };
        let len = usize::try_from(get_u64(bytes)?).ok().filter(|&len| len <= BUCKETS)?;
        if len == 0 {
            return Some(route);
        }
        route.sum_ns = get_u128(bytes)?;
        route.max_ns = get_u64(bytes).filter(|&ns| ns <= DURATION_NS_MAX)?;
        route.min_ns = get_u64(bytes).filter(|&ns| ns <= route.max_ns)?;
        // The longest response time is in the last bucket.
        let end = buckets::bucket_of::<BITS>(route.max_ns) + 1;
        let first = end.checked_sub(len)?;
        let window = &mut route.window;
        window.widen(first, end);
        let at = first - usize::from(window.first);
        for count in &mut window.counts[at..at + len] {
            *count = get_u64(bytes)?;
            route.measured = route.measured.checked_add(*count)?;
        }
        let edges = window.counts[at] > 0
            && window.counts[at + len - 1] > 0
            && buckets::bucket_of::<BITS>(route.min_ns) == first;
        let most = u128::from(route.measured) * u128::from(route.max_ns);
        (edges && route.sum_ns <= most).then_some(route)
    }

    fn merge_bytes(mut a: &[u8], mut b: &[u8], out: &mut Vec<u8>) {
        const CHECKED: &str = "groups are checked when they arrive";
        let get = |bytes: &mut &[u8]| get_u64(bytes).expect(CHECKED);
        // Requests, errors, client errors.
        for _ in 0..3 {
            put_u64(out, get(&mut a) + get(&mut b));
        }
        let bytes = [get_u128(&mut a), get_u128(&mut b)].map(|sum| sum.expect(CHECKED));
        put_u128(out, bytes[0] + bytes[1]);
        if a[0] == 0 || b[0] == 0 {
            // One of them has no response times.
            out.extend_from_slice(if a[0] == 0 { b } else { a });
            return;
        }
        let [left, right] = [get(&mut a), get(&mut b)].map(|len| len as usize);
        let sum_ns = [get_u128(&mut a), get_u128(&mut b)].map(|sum| sum.expect(CHECKED));
        let max_ns = [get(&mut a), get(&mut b)];
        let ends = max_ns.map(|ns| buckets::bucket_of::<BITS>(ns) + 1);
        let firsts = [ends[0] - left, ends[1] - right];
        let (first, end) = (firsts[0].min(firsts[1]), ends[0].max(ends[1]));
        put_u64(out, (end - first) as u64);
        put_u128(out, sum_ns[0] + sum_ns[1]);
        put_u64(out, max_ns[0].max(max_ns[1]));
        let min_ns = [get(&mut a), get(&mut b)];
        put_u64(out, min_ns[0].min(min_ns[1]));
        // What one of them has alone, both, or neither, as it follows from where each begins and ends.
        let mut borders = [firsts[0], firsts[1], ends[0], ends[1]];
        borders.sort_unstable();
        let mut bucket = first;
        for border in borders {
            let count = border - bucket;
            let has = |side: usize| (firsts[side]..ends[side]).contains(&bucket);
            let put = match (has(0), has(1)) {
                (true, true) => put_sums(out, &mut a, &mut b, count),
                (true, false) => put_same(out, &mut a, count),
                (false, true) => put_same(out, &mut b, count),
                (false, false) => {
                    out.resize(out.len() + count, 0);
                    Some(())
                }
            };
            put.expect(CHECKED);
            bucket = border;
        }
    }
}

impl State for RouteGroups {
    fn merge(&mut self, other: &Self) {
        self.groups.merge(&other.groups, ROUTES_MAX);
        self.over_time.merge(&other.over_time);
    }

    fn time_step(&self) -> u8 {
        self.over_time.time_step()
    }

    fn check(&self) -> Result<(), &'static str> {
        self.groups.check(ROUTES_MAX)?;
        self.over_time.check()?;
        super::sane(self.groups.iter().flat_map(|(_, route)| route.counts()))
    }
}

impl RouteGroups {
    /// Counts by bucket of the response times of the `top` routes that had most requests.
    pub fn distributions(&self, top: usize) -> Value {
        let one = |(name, route): (&[u8], Route)| {
            let Window { first, counts } = &route.window;
            let times = || object! {"bits": BITS, "first": *first, "counts": &counts[..]};
            object! {
                "route": String::from_utf8_lossy(name),
                "times": (route.measured > 0).then(times),
            }
        };
        self.groups.top(top, |route| route.requests.into()).into_iter().map(one).collect()
    }

    /// What they did over time.
    pub fn over_time(&self) -> &RoutesOverTime {
        &self.over_time
    }

    /// The report's `routes`.
    pub fn evaluate(&self, rows: &Rows, of: Whole) -> Value {
        evaluate("routes", &self.groups, "route", rows, of)
    }
}

impl Ranked for Route {
    fn volume(&self) -> u64 {
        self.requests
    }

    /// What only starts or is spoken of, such as `Started GET "/"` of Rails, has neither.
    fn is_row(&self) -> bool {
        self.requests > 0 || self.errors > 0
    }

    fn score(&self, order: Order) -> Score {
        let ms = |ns: Option<u64>| Score::Real(ns.map_or(0.0, millis));
        match order {
            Order::Volume => Score::Count(self.requests.into()),
            Order::Errors => Score::Count(self.errors.into()),
            Order::ClientErrors => Score::Count(self.client_errors.into()),
            Order::Ratio => ratio(self.errors, self.requests),
            Order::Total => total(self.mean_ms(), self.requests),
            Order::P95 => ms(self.quantile(20)),
            Order::Max => ms(self.max_ns()),
            Order::Bytes => bytes(self.bytes),
        }
    }
}

fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// A table of requests.
pub(super) fn evaluate(
    table: &str,
    groups: &Groups<Route>,
    key: &str,
    rows: &Rows,
    of: Whole,
) -> Value {
    let one = |name: &[u8], route: &Route| {
        let mut row = Map::new();
        row.insert(key.into(), String::from_utf8_lossy(name).into());
        route.write(&mut row, route.requests, of);
        row.into()
    };
    let more = vec![("relative_error", relative_error().into())];
    rows.table(table, groups, more, String::from_utf8_lossy, one)
}

/// How far a percentile of a route may be off, relatively.
pub(super) fn relative_error() -> f64 {
    buckets::relative_error::<BITS>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PAD;
    use crate::record::{Record, Text};
    use proptest::prelude::*;
    use serde_json::json;

    /// The keys of the fast and of the plain way, through the whole metric.
    fn update(routes: &mut Routes, requests: &[(&str, &str, u16, u64)]) {
        let mut bytes = vec![b'7'; PAD];
        let mut batch = Batch::new();
        for &(method, path, status, duration_ns) in requests {
            let start = bytes.len();
            bytes.extend_from_slice(format!("{method} {path} HTTP/1.1").as_bytes());
            let record = Record {
                method: Text::of_line(0, method.len()),
                path: Text::of_line(method.len() + 1, method.len() + 1 + path.len()),
                status,
                duration_ns,
                ..Record::EMPTY
            };
            let columns = Columns::ROUTE.or(Columns::STATUS).or(Columns::DURATION);
            batch.push(columns, &record, start as u32, (bytes.len() - start) as u32);
        }
        bytes.resize(bytes.len() + PAD, b'7');
        routes.update(&batch, Block { bytes: &bytes, offset: 0, source: 0 });
    }

    proptest! {
        #[test]
        fn payloads_merge_and_round_trip(
            durations in prop::collection::vec(prop::option::of(any::<u64>()), 0..60),
            shift in 1u32..60,
            cut: prop::sample::Index,
        ) {
            let ns: Vec<u64> = durations.iter().map(|d| d.map_or(NO_DURATION, |d| d >> shift)).collect();
            let of = |ns: &[u64]| {
                let mut live = Tally::default();
                ns.iter().for_each(|&ns| live.add_values(REQUEST | CLIENT_ERROR, ns, ns / 3));
                let mut bytes = Vec::new();
                Route::freeze(&mut live, &mut bytes);
                // What is left behaves as new.
                let mut again = Vec::new();
                Route::freeze(&mut live, &mut again);
                assert_eq!(again, [0; 5]);
                Route::decode(&mut &bytes[..]).unwrap()
            };
            let (left, right) = ns.split_at(cut.index(ns.len() + 1));
            let (whole, mut merged) = (of(&ns), of(right));
            merged.merge(&of(left));
            prop_assert_eq!(&merged, &whole);
            let encoded = |route: &Route| {
                let mut bytes = Vec::new();
                route.encode(&mut bytes);
                bytes
            };
            let mut both = Vec::new();
            Route::merge_bytes(&encoded(&of(left)), &encoded(&of(right)), &mut both);
            prop_assert_eq!(both, encoded(&whole));
            let mut bytes = Vec::new();
            whole.encode(&mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(Route::decode(&mut rest), Some(whole.clone()));
            prop_assert!(rest.is_empty());

            let mut sorted: Vec<u64> = ns.into_iter().filter(|&ns| ns != NO_DURATION).collect();
            sorted.sort_unstable();
            let exact = (!sorted.is_empty()).then(|| sorted[(sorted.len() * 19).div_ceil(20) - 1]);
            match (whole.quantile(20), exact) {
                (Some(p95), Some(exact)) => {
                    prop_assert!(p95.abs_diff(exact) as f64 <= exact as f64 / 31.9);
                }
                (p95, exact) => prop_assert_eq!(p95, exact),
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            if let Some(route) = Route::decode(&mut rest) {
                route.quantile(20);
                let mut again = Vec::new();
                route.encode(&mut again);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn the_report() {
        let mut routes = Routes::default();
        let ms = 1_000_000;
        let long = format!("/{}/7", "long".repeat(30));
        update(
            &mut routes,
            &[
                ("GET", "/item/1?x", 200, 10 * ms),
                ("GET", "/item/22", 503, 30 * ms),
                ("GET", "/about", 404, NO_DURATION),
                ("POST", "/item/1", 0, NO_DURATION),
                ("GET", &long, 200, 5 * ms),
            ],
        );
        let mut state = routes.take();
        assert_eq!(state.check(), Ok(()));
        assert_eq!(routes.take(), RouteGroups::default());
        let long = format!("GET /{}/{{id}}", "long".repeat(30));
        let expected = json!({
            "exact": true, "error_bound": 0, "distinct": 3, "relative_error": 0.03125,
            "top": [
                {"route": "GET /item/{id}", "requests": 2, "errors": 1, "client_errors": 0,
                    "share": 0.5, "mean_ms": 20.0, "p50_ms": 10.223615, "p95_ms": 30.0,
                    "p99_ms": 30.0, "max_ms": 30.0, "bytes": null},
                {"route": "GET /about", "requests": 1, "errors": 0, "client_errors": 1,
                    "share": 0.25, "mean_ms": null, "p50_ms": null, "p95_ms": null,
                    "p99_ms": null, "max_ms": null, "bytes": null},
                {"route": long, "requests": 1, "errors": 0, "client_errors": 0,
                    "share": 0.25, "mean_ms": 5.0, "p50_ms": 5.0, "p95_ms": 5.0,
                    "p99_ms": 5.0, "max_ms": 5.0, "bytes": null},
            ],
        });
        let whole = Whole { volume: 4, sized: false };
        assert_eq!(state.evaluate(&Rows::first(3), whole), expected);
        state.merge(&state.clone());
        assert_eq!(state.check(), Ok(()));
        assert_eq!(state.evaluate(&Rows::first(3), whole)["top"][0]["requests"], 4);
        // A route without a request is no row, unless it is asked for.
        let all = |state: &RouteGroups, rows: &Rows| state.evaluate(rows, whole)["top"].clone();
        let mut rows = Rows::first(9);
        assert_eq!(all(&state, &rows).as_array().map(Vec::len), Some(3));
        let named = std::collections::BTreeSet::from(["POST /item/{id}".to_string()]);
        rows.named.insert("routes".into(), named);
        assert_eq!(all(&state, &rows)[3]["route"], "POST /item/{id}");
    }
}
