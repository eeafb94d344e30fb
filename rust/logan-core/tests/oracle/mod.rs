//! The oracle of the tests: a slow, obvious reference implementation of lines, formats and metrics.
//!
//! Written from the module texts of `bytes::line`, `time`, `record::level`, `format::*`, `metric::*` and
//! from `metrics.md`, with plain vectors and maps, one line and one byte at a time, the whole input
//! at once. It shares no code with the engine but tables that are data (names of fields, the
//! registry's order, the ladder of steps), the hash of keys that are too long, and the parsers of
//! formats that it has no twin of: their oracle are their vectors. It knows nothing
//! of chunks, batches or caches; [`analyze`] says what the figures of some bytes are. Where the engine
//! disagrees, one of the two is wrong or those texts have a gap. Formats that are little more than their
//! text have no second parser here: of those, only how they work together with others is checked.

mod access;
mod app;
mod bytes;
mod classes;
mod durations;
mod json;
mod keys;
mod leading;
mod levels;
mod meanings;
mod pairs;
mod tails;
mod timestamps;

pub use access::*;
use app::*;
use bytes::*;
pub use classes::*;
use durations::*;
use jiff::civil::Date;
use jiff::tz::TimeZone;
pub use json::*;
pub use keys::*;
use leading::*;
use levels::*;
use logan_core::bytes::line::{LINE_BYTES_MAX, PaddedLine};
use logan_core::format::fields::{
    DURATIONS, KEY_BYTES_MAX, Meaning, NAMES, ON_REQUEST, Rule, SEE_THROUGH, SUFFIXES, Scale,
};
use logan_core::format::units::TailColumn;
use logan_core::format::{
    Context, DurationReading, Params, Parse, Part, REGISTRY, by_name, fields, logfmt,
};
use logan_core::metric::{lines, messages, series, slowest};
use logan_core::record::Level;
use logan_core::sketch::groups;
use logan_core::spec::Spec;
use logan_core::time::TimeReading;
use logan_core::{record, time};
use meanings::*;
use pairs::*;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tails::*;
use timestamps::*;

const SECOND: i64 = 1_000_000_000;

/// The formats that have a twin here; the others are read by the engine's own parsers.
pub const TWINS: [&str; 9] =
    ["json", "combined", "common", "access", "traefik", "ingress-nginx", "app", "logfmt", "text"];

/// What one line says, by its format.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Record {
    /// Nanoseconds since 1970.
    pub time_ns: Option<i64>,
    /// Severity.
    pub level: Level,
    /// HTTP status; 0 is a request without an answer.
    pub status: Option<u16>,
    /// Response time in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Bytes of the response.
    pub bytes_sent: Option<u64>,
    /// HTTP method; empty for none, as in the texts below.
    pub method: Vec<u8>,
    /// Path of the request.
    pub path: Vec<u8>,
    /// Client that sent the request.
    pub client: Vec<u8>,
    /// Message.
    pub message: Vec<u8>,
}

impl Record {
    fn is_request(&self) -> bool {
        self.status.is_some() || self.duration_ns.is_some()
    }

    fn is_error(&self) -> bool {
        self.level >= Level::Error || self.status.is_some_and(|s| (500..600).contains(&s))
    }
}

/// What a line is.
#[derive(Debug, Clone, PartialEq)]
pub enum Class {
    /// Nothing but white space.
    Blank,
    /// A directive.
    Header,
    /// A record, and of which format.
    Record(&'static str, Box<Record>),
    /// Goes on with a record.
    Continuation,
    /// None of these, and why.
    Malformed(&'static str),
}

/// Counts and response times of one time bucket.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Bucket {
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

/// Requests of one route or client.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Group {
    /// Records that name it.
    pub records: u64,
    /// Requests among them.
    pub requests: u64,
    /// Errors among them.
    pub errors: u64,
    /// Client errors among them.
    pub client_errors: u64,
    /// Sum of the sizes of those that say how large they are.
    pub bytes: u128,
    /// All response times in nanoseconds, sorted.
    pub durations: Vec<u64>,
}

impl Group {
    fn add(&mut self, record: &Record) {
        self.records += 1;
        self.requests += u64::from(record.is_request());
        self.errors += u64::from(record.is_error());
        self.client_errors += u64::from(record.status.is_some_and(|s| (400..500).contains(&s)));
        self.bytes += u128::from(record.bytes_sent.unwrap_or(0));
        self.durations.extend(record.duration_ns);
    }
}

/// Messages of one level and template.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Messages {
    /// How many.
    pub count: u64,
    /// Earliest time.
    pub first_ns: Option<i64>,
    /// Latest time.
    pub last_ns: Option<i64>,
    /// Where the first of them stands.
    pub offset: u64,
    /// What it says.
    pub sample: Vec<u8>,
}

/// A slow request.
#[derive(Debug, Clone, PartialEq)]
pub struct Slow {
    /// Response time in nanoseconds.
    pub duration_ns: u64,
    /// Where its line starts.
    pub offset: u64,
    /// Its time.
    pub time_ns: Option<i64>,
    /// The beginning of its line.
    pub text: Vec<u8>,
}

/// The figures of a source, every one exact.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Expected {
    /// Lines in all, counted by newlines.
    pub total: u64,
    /// Lines that are records.
    pub parsed: u64,
    /// Lines of nothing but white space.
    pub blank: u64,
    /// Lines that go on with a record.
    pub continuation: u64,
    /// Directives.
    pub header: u64,
    /// Records outside of the selected time, or not selected.
    pub filtered: u64,
    /// Those outside of a selected time for want of one.
    pub untimed: u64,
    /// Requests and errors that have a time.
    pub timed_requests: u64,
    pub timed_errors: u64,
    /// Malformed lines by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Offset and beginning of the first malformed lines.
    pub samples: Vec<(u64, Vec<u8>)>,
    /// Records by format.
    pub formats: BTreeMap<&'static str, u64>,
    /// Records with a time.
    pub timed: u64,
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
    /// Records by level.
    pub levels: BTreeMap<Level, u64>,
    /// Records by status.
    pub status: BTreeMap<u16, u64>,
    /// Sum of all sizes, if there is any.
    pub bytes_sent: Option<u128>,
    /// All response times in nanoseconds, sorted.
    pub durations: Vec<u64>,
    /// Times of the first and the last timed record in file order.
    pub ends: Option<(i64, i64)>,
    /// Earliest and latest time.
    pub range: Option<(i64, i64)>,
    /// Timed records earlier than the timed record before them.
    pub out_of_order: u64,
    /// Seconds of a bucket of `series`.
    pub step_s: i64,
    /// Buckets by their start in steps since 1970.
    pub series: BTreeMap<i64, Bucket>,
    /// Records that name a path, by route.
    pub routes: BTreeMap<Vec<u8>, Group>,
    /// Records that name a client.
    pub clients: BTreeMap<Vec<u8>, Group>,
    /// Requests by method.
    pub methods: BTreeMap<Vec<u8>, Group>,
    /// Requests of routes that were not found.
    pub not_found: BTreeMap<Vec<u8>, Group>,
    /// The clients of each day since 1970.
    pub clients_per_day: BTreeMap<i64, std::collections::BTreeSet<Vec<u8>>>,
    /// Seconds of a bucket of `grid`, and its buckets with all their response times.
    pub grid_step_s: i64,
    /// As `series`.
    pub grid: BTreeMap<i64, (Bucket, Vec<u64>)>,
    /// Records with a message, by level and template.
    pub messages: BTreeMap<(Reverse<Level>, Vec<u8>), Messages>,
    /// The slowest requests, slowest first.
    pub slowest: Vec<Slow>,
    /// For each key of the selection, records by it, and how many have none.
    pub by: Vec<(BTreeMap<Vec<u8>, Group>, u64)>,
}

/// Something of a record: given its format and its line.
pub type Of<'a, T> = &'a dyn Fn(&'static str, &Record, &[u8]) -> T;

/// Which records count, beside those that the spec's time leaves out.
pub struct Selection<'a> {
    /// Whether a record counts.
    pub keep: Of<'a, bool>,
    /// What records are grouped by.
    pub by: Vec<Of<'a, Option<Vec<u8>>>>,
}

impl Expected {
    /// Malformed lines.
    pub fn malformed(&self) -> u64 {
        self.reasons.values().sum()
    }
}

/// The smallest of sorted values that `permille` of them do not exceed.
pub fn quantile(sorted: &[u64], permille: u64) -> Option<u64> {
    let rank = (permille * sorted.len() as u64).div_ceil(1_000).max(1);
    sorted.get(rank as usize - 1).copied()
}

/// The figures of `bytes`, which are the whole of source `source`.
///
/// # Panics
/// If the spec has no such source, or cannot be used.
pub fn analyze(bytes: &[u8], spec: &Spec, source: u32) -> Expected {
    analyze_selected(bytes, spec, source, &Selection { keep: &|_, _, _| true, by: Vec::new() })
}

/// The figures of the records that the spec's time and a selection leave; the spec's own condition
/// and group tables are ignored.
///
/// # Panics
/// If the spec has no such source, or cannot be used.
pub fn analyze_selected(
    bytes: &[u8],
    spec: &Spec,
    source: u32,
    selection: &Selection<'_>,
) -> Expected {
    let mut reader = Reader::new(spec, source);
    let mut naive = Expected { step_s: 1, ..Expected::default() };
    naive.by.resize(selection.by.len(), Default::default());
    let mut start = 0;
    while start < bytes.len() {
        let newline = bytes[start..].iter().position(|&b| b == b'\n').map(|n| start + n);
        let end = newline.unwrap_or(bytes.len());
        let mut offset = start;
        let mut line = &bytes[start..end];
        if start == 0 && line.starts_with(b"\xef\xbb\xbf") {
            // A byte order mark is not part of the line, which starts behind it.
            line = &line[3..];
            offset = 3;
        }
        // Zeros in front, which a write after a cut leaves, are no part of the line either.
        let zeros = run(line, 0, |b| b == 0).min(line.len().saturating_sub(1));
        line = &line[zeros..];
        offset += zeros;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        naive.add((&mut reader, spec, selection), offset as u64, line);
        start = end + 1;
    }
    naive.finish(spec.top_kept() as usize);
    naive
}

impl Expected {
    fn add(
        &mut self,
        (reader, spec, selection): (&mut Reader, &Spec, &Selection<'_>),
        offset: u64,
        whole: &[u8],
    ) {
        self.total += 1;
        let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
        match reader.classify(whole, offset) {
            Class::Blank => self.blank += 1,
            Class::Header => self.header += 1,
            Class::Continuation => self.continuation += 1,
            Class::Malformed(reason) => {
                *self.reasons.entry(reason).or_default() += 1;
                if self.samples.len() < lines::SAMPLES_MAX {
                    let kept = line.len().min(lines::SAMPLE_BYTES_MAX);
                    self.samples.push((offset, line[..kept].to_vec()));
                }
            }
            Class::Record(format, record) => {
                *self.formats.entry(format).or_default() += 1;
                let inside = match record.time_ns {
                    Some(time) => {
                        spec.meaning.since_ns.is_none_or(|since| time >= since)
                            && spec.meaning.until_ns.is_none_or(|until| time < until)
                    }
                    None => spec.meaning.since_ns.is_none() && spec.meaning.until_ns.is_none(),
                };
                self.untimed += u64::from(!inside && record.time_ns.is_none());
                if inside {
                    self.time(&record);
                }
                if inside && (selection.keep)(format, &record, line) {
                    self.record(&record, offset, line);
                    self.group(selection, format, &record, line);
                } else {
                    self.filtered += 1;
                }
            }
        }
    }

    fn time(&mut self, record: &Record) {
        if let Some(time) = record.time_ns {
            self.out_of_order += u64::from(self.ends.is_some_and(|(_, before)| time < before));
            self.ends = Some((self.ends.map_or(time, |e| e.0), time));
            self.range = Some(self.range.map_or((time, time), |r| (r.0.min(time), r.1.max(time))));
        }
    }

    fn group(
        &mut self,
        selection: &Selection<'_>,
        format: &'static str,
        record: &Record,
        line: &[u8],
    ) {
        for ((groups, absent), key) in self.by.iter_mut().zip(&selection.by) {
            let Some(key) = key(format, record, line).filter(|key| !key.is_empty()) else {
                *absent += 1;
                continue;
            };
            groups.entry(kept_key(key)).or_default().add(record);
        }
    }

    fn record(&mut self, record: &Record, offset: u64, line: &[u8]) {
        let (request, error) = (u64::from(record.is_request()), u64::from(record.is_error()));
        self.parsed += 1;
        self.requests += request;
        self.errors += error;
        *self.levels.entry(record.level).or_default() += 1;
        if let Some(status) = record.status {
            *self.status.entry(status).or_default() += 1;
        }
        if let Some(bytes) = record.bytes_sent {
            *self.bytes_sent.get_or_insert(0) += u128::from(bytes);
        }
        if let Some(time) = record.time_ns {
            self.timed += 1;
            self.timed_requests += request;
            self.timed_errors += error;
            let bucket = self.series.entry(time.div_euclid(SECOND)).or_default();
            bucket.records += 1;
            bucket.requests += request;
            bucket.errors += error;
            self.grid.entry(time.div_euclid(SECOND)).or_default().1.extend(record.duration_ns);
            if let Some(ns) = record.duration_ns {
                bucket.measured += 1;
                bucket.sum_ns += u128::from(ns);
                bucket.max_ns = bucket.max_ns.max(ns);
            }
        }
        if let Some(duration_ns) = record.duration_ns {
            self.durations.push(duration_ns);
            let text = line[..line.len().min(slowest::TEXT_BYTES_MAX)].to_vec();
            self.slowest.push(Slow { duration_ns, offset, time_ns: record.time_ns, text });
        }
        let mut groups = Vec::new();
        if !record.path.is_empty() {
            groups.push((&mut self.routes, route(&record.method, &record.path)));
        }
        if record.status == Some(404) && !record.path.is_empty() {
            groups.push((&mut self.not_found, route(&record.method, &record.path)));
        }
        if record.is_request() && !record.method.is_empty() {
            groups.push((&mut self.methods, record.method.clone()));
        }
        if !record.client.is_empty() {
            groups.push((&mut self.clients, record.client.clone()));
            if let Some(time) = record.time_ns {
                let day = time.div_euclid(86_400 * SECOND);
                self.clients_per_day.entry(day).or_default().insert(record.client.clone());
            }
        }
        for (groups, key) in groups {
            groups.entry(kept_key(key)).or_default().add(record);
        }
        if !record.message.is_empty() {
            self.message(record, offset);
        }
    }

    fn message(&mut self, record: &Record, offset: u64) {
        // The level is part of the key, one byte of it, complemented: the worst come first.
        let mut key = vec![!(record.level as u8)];
        key.extend(template(&record.message));
        let template = kept_key(key)[1..].to_vec();
        let messages = self.messages.entry((Reverse(record.level), template)).or_default();
        if messages.count == 0 {
            messages.offset = offset;
            messages.sample = cut_at_character(&record.message, messages::SAMPLE_BYTES_MAX);
        }
        messages.count += 1;
        if let Some(time) = record.time_ns {
            messages.first_ns = Some(messages.first_ns.map_or(time, |t| t.min(time)));
            messages.last_ns = Some(messages.last_ns.map_or(time, |t| t.max(time)));
        }
    }

    fn finish(&mut self, top: usize) {
        self.durations.sort_unstable();
        self.slowest.sort_by_key(|s| (Reverse(s.duration_ns), s.offset));
        self.slowest.truncate(top);
        let by = self.by.iter_mut().flat_map(|(groups, _)| groups.values_mut());
        let by = by.chain(self.methods.values_mut()).chain(self.not_found.values_mut());
        for group in self.routes.values_mut().chain(self.clients.values_mut()).chain(by) {
            group.durations.sort_unstable();
        }
        let seconds = std::mem::take(&mut self.series);
        let times = std::mem::take(&mut self.grid);
        for step_s in [
            1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400, 2_592_000, 41_472_000,
        ] {
            self.grid_step_s = step_s;
            self.grid.clear();
            for (second, (_, more)) in &times {
                let (bucket, times) = self.grid.entry(second.div_euclid(step_s)).or_default();
                times.extend(more);
                bucket.records += seconds[second].records;
                bucket.requests += seconds[second].requests;
                bucket.errors += seconds[second].errors;
            }
            if self.grid.len() <= 512 {
                break;
            }
        }
        self.grid.values_mut().for_each(|(_, times)| times.sort_unstable());
        for step_s in series::STEPS_S {
            self.step_s = step_s;
            self.series.clear();
            for (second, more) in &seconds {
                let bucket = self.series.entry(second.div_euclid(step_s)).or_default();
                bucket.records += more.records;
                bucket.requests += more.requests;
                bucket.errors += more.errors;
                bucket.measured += more.measured;
                bucket.sum_ns += more.sum_ns;
                bucket.max_ns = bucket.max_ns.max(more.max_ns);
            }
            if self.series.len() <= series::BUCKETS_MAX {
                break;
            }
        }
    }
}

/// The first `most` bytes of `text`, less those of a character that would be cut.
fn cut_at_character(text: &[u8], most: usize) -> Vec<u8> {
    if text.len() <= most {
        return text.to_vec();
    }
    // A character has at most three bytes of continuation; what has more is not text.
    let end = (0..4).map(|back| most - back).find(|&end| !is_tail(text[end])).unwrap_or(most);
    text[..end].to_vec()
}

/// Whether the byte goes on with a character of UTF-8.
fn is_tail(byte: u8) -> bool {
    (0x80..0xc0).contains(&byte)
}

/// A key as tables keep it: of a long one 240 bytes, `~` and 15 digits of its hash.
fn kept_key(key: Vec<u8>) -> Vec<u8> {
    if key.len() <= groups::KEY_BYTES_MAX {
        return key;
    }
    let mut short = cut_at_character(&key, 240);
    short.extend_from_slice(&format!("~{:016x}", groups::hash_of(&key)).as_bytes()[..16]);
    short
}
