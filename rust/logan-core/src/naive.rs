//! The slow, obvious twin of lines, formats and metrics: the oracle of the tests.
//!
//! Written from the module texts of `lines`, `timestamp`, `level`, `format::*`, `metric::*` and
//! from `metrics.md`, with plain vectors and maps, one line and one byte at a time, the whole input
//! at once. It shares no code with the engine but tables that are data (names of fields, the
//! registry's order, the ladder of steps), the hash of keys that are too long, and the parsers of
//! formats that it has no twin of: their oracle are their vectors. It knows nothing
//! of chunks, batches or caches; [`analyze`] says what the figures of some bytes are, and whoever
//! disagrees is wrong or has found a gap in those texts. Formats that are little more than their
//! text have no second parser here: of those, only how they work together with others is checked.

use crate::format::fields::{
    DURATIONS, KEY_BYTES_MAX, Meaning, NAMES, Rule, SEE_THROUGH, SUFFIXES,
};
use crate::format::{Context, Params, Part, REGISTRY, Unit, by_name, fields, logfmt};
use crate::level::Level;
use crate::lines::{LINE_BYTES_MAX, PaddedLine};
use crate::metric::{lines, messages, series, slowest};
use crate::sketch::groups;
use crate::spec::Spec;
use crate::{batch, timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::cmp::Reverse;
use std::collections::BTreeMap;

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
    /// HTTP status.
    pub status: Option<u16>,
    /// Response time in nanoseconds.
    pub duration_ns: Option<u64>,
    /// Bytes of the response.
    pub bytes_sent: Option<u64>,
    /// HTTP method; empty for none, as in the texts below.
    pub method: Vec<u8>,
    /// Path of the request.
    pub path: Vec<u8>,
    /// Who asked.
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
    /// All response times in nanoseconds, sorted.
    pub durations: Vec<u64>,
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
pub struct Naive {
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
    /// Records of WARN and above with a message, by level and template.
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

impl Naive {
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
pub fn analyze(bytes: &[u8], spec: &Spec, source: u32) -> Naive {
    analyze_selected(bytes, spec, source, &Selection { keep: &|_, _, _| true, by: Vec::new() })
}

/// The same of the records that the spec's time and a selection leave; the spec's own condition
/// and group tables are not looked at.
///
/// # Panics
/// If the spec has no such source, or cannot be used.
pub fn analyze_selected(
    bytes: &[u8],
    spec: &Spec,
    source: u32,
    selection: &Selection<'_>,
) -> Naive {
    let reader = Reader::new(spec, source);
    let mut naive = Naive { step_s: 1, ..Naive::default() };
    naive.by.resize(selection.by.len(), Default::default());
    let mut start = 0;
    while start < bytes.len() {
        let newline = bytes[start..].iter().position(|&b| b == b'\n').map(|n| start + n);
        let end = newline.unwrap_or(bytes.len());
        let mut offset = start;
        let mut line = &bytes[start..end];
        if start == 0 && line.starts_with(b"\xef\xbb\xbf") {
            // A byte order mark is no part of the line, which starts behind it.
            line = &line[3..];
            offset = 3;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        naive.add((&reader, spec, selection), offset as u64, line);
        start = end + 1;
    }
    naive.finish(spec.top as usize);
    naive
}

impl Naive {
    fn add(
        &mut self,
        (reader, spec, selection): (&Reader, &Spec, &Selection<'_>),
        offset: u64,
        whole: &[u8],
    ) {
        self.total += 1;
        let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
        match reader.classify(whole) {
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
                        spec.since_ns.is_none_or(|since| time >= since)
                            && spec.until_ns.is_none_or(|until| time < until)
                    }
                    None => spec.since_ns.is_none() && spec.until_ns.is_none(),
                };
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
            let group = groups.entry(kept_key(key)).or_default();
            group.records += 1;
            group.requests += u64::from(record.is_request());
            group.errors += u64::from(record.is_error());
            group.durations.extend(record.duration_ns);
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
            let bucket = self.series.entry(time.div_euclid(SECOND)).or_default();
            bucket.records += 1;
            bucket.requests += request;
            bucket.errors += error;
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
        if !record.client.is_empty() {
            groups.push((&mut self.clients, record.client.clone()));
        }
        for (groups, key) in groups {
            let group = groups.entry(kept_key(key)).or_default();
            group.records += 1;
            group.requests += request;
            group.errors += error;
            group.durations.extend(record.duration_ns);
        }
        if record.level >= Level::Warn && !record.message.is_empty() {
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
        for group in self.routes.values_mut().chain(self.clients.values_mut()).chain(by) {
            group.durations.sort_unstable();
        }
        let seconds = std::mem::take(&mut self.series);
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
    // A character has at most three bytes of continuation; what has more is no text at all.
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

// ---------------------------------------------------------------------------------------- lines

/// Reads the lines of one source.
pub struct Reader {
    clock: Clock,
    formats: Vec<Parser>,
}

struct Parser {
    name: &'static str,
    /// Nanoseconds of the unit of an integer response time of an access log.
    integer_unit_ns: u64,
}

impl Reader {
    /// A reader for source `source` of the spec.
    ///
    /// # Panics
    /// If the spec has no such source, or cannot be used.
    pub fn new(spec: &Spec, source: u32) -> Reader {
        let zone = TimeZone::get(&spec.input_tz).expect("a known zone");
        let source = &spec.sources[source as usize];
        let mut formats: Vec<Parser> = Vec::new();
        for listed in &source.formats {
            let (_, entry) = by_name(&listed.name).expect("a registered format");
            let unit = listed.params.duration_unit.unwrap_or(Unit::Microseconds);
            formats.push(Parser { name: entry.info.name, integer_unit_ns: unit.nanos() });
        }
        for entry in REGISTRY.iter().filter(|_| !source.only) {
            if !formats.iter().any(|f| f.name == entry.info.name) {
                formats.push(Parser { name: entry.info.name, integer_unit_ns: 1_000 });
            }
        }
        // What takes lines of others, too, comes last.
        formats.sort_by_key(|f| by_name(f.name).is_some_and(|(_, entry)| entry.last_resort));
        let anchor_ns = source.anchor_ns.unwrap_or(spec.anchor_ns);
        Reader { clock: Clock { zone, anchor_ns }, formats }
    }

    /// What a line, whole and without its end, is.
    pub fn classify(&self, whole: &[u8]) -> Class {
        let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
        if line.iter().all(u8::is_ascii_whitespace) {
            return Class::Blank;
        }
        if is_header(line) {
            return Class::Header;
        }
        for format in &self.formats {
            let record = match format.name {
                "json" => json_record(line, &self.clock),
                "logfmt" => logfmt_record(line, &self.clock),
                "app" => app_record(line, &self.clock),
                "text" => text_record(line, &self.clock),
                "combined" | "common" | "access" | "traefik" | "ingress-nginx" => {
                    let access = access_record(line, &self.clock, format.integer_unit_ns);
                    access.filter(|(found, _)| *found == format.name).map(|(_, record)| record)
                }
                name => match delegated(name, line, &self.clock) {
                    Some(Class::Record(_, record)) => Some(*record),
                    Some(class) => return class,
                    None => None,
                },
            };
            if let Some(record) = record {
                return Class::Record(format.name, Box::new(record));
            }
        }
        if is_continuation(line) { Class::Continuation } else { Class::Malformed(reason(whole)) }
    }
}

/// What the engine's own parser says of a line of a format that has no twin; None if it is not of
/// that format.
fn delegated(name: &str, line: &[u8], clock: &Clock) -> Option<Class> {
    let (_, entry) = by_name(name).expect("a registered format");
    let clock = timestamp::Clock::new(clock.zone.clone(), clock.anchor_ns);
    let (mut arena, mut found) = (Vec::new(), batch::Record::EMPTY);
    let format = (entry.build)(&Params::default());
    let padded = PaddedLine::new(line);
    let mut context = Context::new(clock);
    if !format.parse_line(padded.line(), &mut context, &mut arena, &mut found) {
        if !format.has_parts() {
            return None;
        }
        (arena, found) = (Vec::new(), batch::Record::EMPTY);
        match format.part_line(padded.line(), 0, &mut context, &mut arena, &mut found) {
            Part::Foreign => return None,
            Part::Continuation => return Some(Class::Continuation),
            Part::Record => {}
        }
    }
    let text = |text: batch::Text| text.bytes(line, &arena).to_vec();
    let record = Record {
        time_ns: Some(found.time_ns).filter(|&t| t != batch::NO_TIME),
        level: found.level,
        status: Some(found.status).filter(|&s| s != batch::NO_STATUS),
        duration_ns: Some(found.duration_ns).filter(|&d| d != batch::NO_DURATION),
        bytes_sent: Some(found.bytes_sent).filter(|&b| b != batch::NO_BYTES),
        method: text(found.method),
        path: text(found.path),
        client: text(found.client),
        message: text(found.message),
    };
    Some(Class::Record(entry.info.name, Box::new(record)))
}

fn is_header(line: &[u8]) -> bool {
    let names = ["Version", "Fields", "Software", "Date", "Start-Date", "End-Date", "Remark"];
    let zeek =
        ["set_separator", "empty_field", "unset_field", "path", "open", "close", "fields", "types"];
    names.iter().any(|name| line.starts_with(format!("#{name}:").as_bytes()))
        || zeek.iter().any(|name| line.starts_with(format!("#{name}\t").as_bytes()))
        || line.starts_with(b"#separator ")
        || line.starts_with(b"version account-id ")
}

fn is_continuation(line: &[u8]) -> bool {
    let beginnings =
        ["Traceback (", "Caused by:", "at ", "... ", "Suppressed:", "goroutine ", "[stacktrace]"];
    if matches!(line.first(), Some(b' ' | b'\t'))
        || beginnings.iter().any(|beginning| line.starts_with(beginning.as_bytes()))
    {
        return true;
    }
    // A numbered frame, or what closes a block.
    if let Some(frame) = line.strip_prefix(b"#") {
        let words: Vec<&[u8]> = frame.splitn(2, |&b| b == b' ').collect();
        if words.len() == 2 && !words[0].is_empty() && words[0].iter().all(u8::is_ascii_digit) {
            return true;
        }
    }
    let closing = line.iter().filter(|b| b"}])".contains(b)).count();
    let others = line.iter().filter(|b| b"\"',; ".contains(b)).count();
    if closing > 0 && closing + others == line.len() {
        return true;
    }
    // A dotted name that says what went wrong, alone or before a colon.
    let name = line.split(|&b| b == b':').next().unwrap_or(line);
    let dotted = name.iter().all(|b| b.is_ascii_alphanumeric() || b"._$".contains(b));
    let kinds = ["Error", "Exception", "Warning"];
    dotted
        && name.first().is_some_and(u8::is_ascii_alphabetic)
        && kinds.iter().any(|kind| name.ends_with(kind.as_bytes()))
}

fn reason(whole: &[u8]) -> &'static str {
    let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
    let date = digits(line, 0, 4).is_some()
        && matches!(line.get(4), Some(b'-' | b'/'))
        && digits(line, 5, 2).is_some()
        && matches!(line.get(7), Some(b'-' | b'/'))
        && digits(line, 8, 2).is_some();
    let time =
        digits(line, 0, 2).is_some() && line.get(2) == Some(&b':') && digits(line, 3, 2).is_some();
    // What was cut, and what is just as long as what is left of that.
    if whole.len() >= LINE_BYTES_MAX {
        "overlong"
    } else if line.contains(&0) {
        "binary"
    } else if line.trim_ascii_start().starts_with(b"{") {
        if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
            "no_known_field"
        } else {
            "invalid_json"
        }
    } else if date || time {
        "invalid_timestamp"
    } else {
        "no_timestamp"
    }
}

// ----------------------------------------------------------------------------------------- bytes

fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// The number written with exactly so many digits at `at`.
fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    let part = text.get(at..at + count)?;
    if !part.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(part).ok()?.parse().ok()
}

/// How many bytes from `at` on satisfy `test`.
fn run(text: &[u8], at: usize, test: impl Fn(u8) -> bool) -> usize {
    text.iter().skip(at).take_while(|&&b| test(b)).count()
}

fn find(text: &[u8], from: usize, byte: u8) -> Option<usize> {
    (from..text.len()).find(|&i| text[i] == byte)
}

// ---------------------------------------------------------------------------------------- levels

fn level_of_word(word: &[u8]) -> Option<Level> {
    let words = [
        (Level::Trace, "VERBOSE TRACE FINEST FINER SILLY TRC TRCE VRB"),
        (Level::Debug, "DEBUG DEBG DBUG DBG FINE CONFIG DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5"),
        (Level::Info, "INFO INFORMATION INFORMATIONAL INF"),
        (Level::Notice, "NOTICE"),
        (Level::Warn, "WARN WARNING WRN WARNI"),
        (Level::Error, "ERR ERROR SEVERE EROR"),
        (Level::Fatal, "FATAL CRIT CRITICAL ALERT EMERG EMERGENCY PANIC DPANIC FTL PNC CRITI"),
    ];
    level_in_lists(word, &words)
}

fn level_of_weak_word(word: &[u8]) -> Option<Level> {
    level_in_lists(word, &[(Level::Info, "LOG NOTE SYSTEM SUCCESS"), (Level::Error, "FAIL")])
}

fn level_in_lists(word: &[u8], words: &[(Level, &str)]) -> Option<Level> {
    let upper = word.to_ascii_uppercase();
    let found = words.iter().find(|(_, list)| list.split(' ').any(|w| w.as_bytes() == upper));
    found.map(|(level, _)| *level)
}

/// A word with a sign and digits behind it, as slog writes what lies between levels.
fn level_of_shifted_word(value: &[u8]) -> Option<Level> {
    let word = &value[..run(value, 0, |b| b != b'+' && b != b'-')];
    let offset = value.get(word.len() + 1..).filter(|offset| !offset.is_empty())?;
    offset.iter().all(u8::is_ascii_digit).then(|| level_of_word(word))?
}

fn level_of_letter(letter: u8) -> Option<Level> {
    let letters = [
        (Level::Trace, "VT"),
        (Level::Debug, "D"),
        (Level::Info, "I"),
        (Level::Notice, "N"),
        (Level::Warn, "W"),
        (Level::Error, "E"),
        (Level::Fatal, "FCA"),
    ];
    let upper = char::from(letter.to_ascii_uppercase());
    letters.iter().find(|(_, list)| list.contains(upper)).map(|(level, _)| *level)
}

/// The level that a field says; it is not empty.
fn level_of_field(value: &[u8]) -> Level {
    const SYSLOG: [Level; 8] = [
        Level::Fatal,
        Level::Fatal,
        Level::Fatal,
        Level::Error,
        Level::Warn,
        Level::Notice,
        Level::Info,
        Level::Debug,
    ];
    const BUNYAN: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
    let known = match (value.len(), digits(value, 0, value.len())) {
        (1, Some(severity)) => SYSLOG.get(severity as usize).copied(),
        (2, Some(number)) => BUNYAN.get((number as usize / 10).wrapping_sub(1)).copied(),
        (1, None) => level_of_letter(value[0]),
        _ => level_of_word(value)
            .or_else(|| level_of_weak_word(value))
            .or_else(|| level_of_shifted_word(value)),
    };
    known.unwrap_or(Level::Other)
}

// ------------------------------------------------------------------------------------ timestamps

/// What timestamps without zone or year mean.
struct Clock {
    zone: TimeZone,
    anchor_ns: i64,
}

/// Nanoseconds since 1970, and where the timestamp ends.
type Stamp = Option<(i64, usize)>;

impl Clock {
    /// A timestamp of any layout that has a date.
    fn any(&self, line: &[u8], at: usize) -> Stamp {
        let layouts = [
            Clock::iso,
            Clock::clf,
            Clock::spark,
            Clock::compact,
            Clock::hdfs,
            Clock::logcat,
            Clock::named,
            Clock::day_month,
            Clock::epoch_at,
        ];
        let whole =
            |found: &(i64, usize)| !line.get(found.1).is_some_and(u8::is_ascii_alphanumeric);
        let found = layouts.iter().find_map(|layout| layout(self, line, at)).filter(whole);
        if let Some((_, end)) = found {
            let behind = line[end..].to_ascii_lowercase();
            let half = behind.starts_with(b" am") || behind.starts_with(b" pm");
            if !half || behind.get(3).is_some_and(u8::is_ascii_alphanumeric) {
                return found;
            }
        }
        let rare = match line.get(at)? {
            b'0'..=b'9' => self.rare(line, at),
            initial if b"JFMASONDTW".contains(initial) => self.rare(line, at),
            _ => None,
        };
        rare.filter(whole).or(found)
    }

    /// The layouts of `timestamp::layouts`: a pattern for each date, gap and time.
    ///
    /// Of patterns, `Y` is a run of four digits, `y` of two, `n` of one or two, `M` and `D` of two
    /// digits without regard to those around them, `B` the name of a month, and all else itself.
    fn rare(&self, line: &[u8], at: usize) -> Stamp {
        const DATES: [&str; 20] = [
            "Y-n-n", "Y/n/n", "Y.n.n", "n/n/Y", "n-n-Y", "n.n.Y", "n/n/y", "n.n.y", "n-n-y",
            "n.n ", "n-B-Y", "n/B/Y", "n-B-y", "n B Y", "nBY", "n B", "B n, Y", "B  n, Y", "B n Y",
            "B  n Y",
        ];
        let digits_here = run(line, at, |b| b.is_ascii_digit());
        if digits_here == 1 && line.get(at + 1) == Some(&b'.') {
            let number =
                &line[at..][..run(line, at, |b| b.is_ascii_digit() || b".e+".contains(&b))];
            if number.ends_with(b"e+09")
                && let Some(time) = epoch(number)
            {
                return Some((time, at + number.len()));
            }
        }
        if let 6 | 8 | 14 = digits_here {
            let year_digits = if digits_here == 6 { 2 } else { 4 };
            let century = if digits_here == 6 { 2000 } else { 0 };
            let year = century + digits(line, at, year_digits)?;
            let month = digits(line, at + year_digits, 2)?;
            let day = digits(line, at + year_digits + 2, 2)?;
            let end = at + year_digits + 4;
            let date = (Some(year), month, day);
            if digits_here == 14 {
                return self.rare_time(line, end, date, (true, b' '));
            }
            return self.rare_gap(line, end, date, digits_here == 8);
        }
        let mut start = at;
        if let Some(len) = name_of(line, at, &DAY_NAMES).map(|(_, len)| len) {
            start += len + usize::from(line.get(at + len) == Some(&b','));
            (line.get(start) == Some(&b' ')).then_some(())?;
            start += 1;
        }
        let by_name = start > at || digits_here == 0;
        let short_names = ["B n", "B  n"];
        for pattern in DATES.iter().chain(&short_names) {
            if by_name && (!pattern.contains('B') || pattern.starts_with("Y")) {
                continue;
            }
            let Some((date, end)) = rare_date(line, start, pattern) else { continue };
            return self.rare_gap(line, end, date, false);
        }
        None
    }

    fn rare_gap(&self, line: &[u8], at: usize, date: RareDate, compact: bool) -> Stamp {
        let gap = &line[at..][..run(line, at, |b| b" T_-|;,:".contains(&b))];
        // A second mark ends the gap, and so does its fourth byte, which is one too many.
        let marks: Vec<usize> = (0..gap.len()).filter(|&i| gap[i] != b' ').collect();
        let len = marks.get(1).copied().unwrap_or(gap.len());
        if !(1..=3).contains(&len) {
            return None;
        }
        let mark = marks.first().map_or(b' ', |&i| gap[i]);
        self.rare_time(line, at + len, date, (compact, mark))
    }

    fn rare_time(
        &self,
        line: &[u8],
        at: usize,
        (year, month, day): RareDate,
        (compact, gap): (bool, u8),
    ) -> Stamp {
        let count = |at: usize| run(line, at, |b| b.is_ascii_digit());
        let (hour, minute, second, mut end);
        if compact && count(at) == 6 {
            (hour, minute) = (digits(line, at, 2)?, digits(line, at + 2, 2)?);
            (second, end) = (Some(digits(line, at + 4, 2)?), at + 6);
        } else {
            let hour_digits = count(at);
            hour = digits(line, at, hour_digits).filter(|_| hour_digits <= 2 && hour_digits > 0)?;
            end = at + hour_digits;
            let mark = *line.get(end)?;
            if mark != b':' && !(mark == b'.' && gap == b'-') {
                return None;
            }
            minute = digits(line, end + 1, 2).filter(|_| count(end + 1) == 2)?;
            end += 3;
            if line.get(end) == Some(&mark) {
                second = Some(digits(line, end + 1, 2).filter(|_| count(end + 1) == 2)?);
                end += 3;
            } else if mark == b'.' || line.get(end) == Some(&b'.') {
                return None;
            } else {
                second = None;
            }
        }
        let mut nanos = 0;
        if second.is_some() {
            (nanos, end) = fraction(line, end)?;
        }
        let mut hour = hour;
        let half_at = end + usize::from(line.get(end) == Some(&b' '));
        if let Some(half) = line.get(half_at..half_at + 2).map(<[u8]>::to_ascii_lowercase)
            && (half == b"am" || half == b"pm")
            && !line.get(half_at + 2).is_some_and(u8::is_ascii_alphanumeric)
            && (1..=12).contains(&hour)
        {
            hour = hour % 12 + if half == b"pm" { 12 } else { 0 };
            end = half_at + 2;
        }
        let seconds = of_day(hour, minute, second.unwrap_or(0))?;
        match year {
            Some(year) => self.zoned(line, end, date(year, month, day)?, seconds, nanos),
            None => Some((self.yearless(month, day, seconds, nanos)?, end)),
        }
    }

    /// `2024-01-24 10:15:32.123 +0000`.
    fn iso(&self, line: &[u8], at: usize) -> Stamp {
        let mark = line.get(at + 4).filter(|m| b"-/".contains(m))?;
        if line.get(at + 7) != Some(mark) || !matches!(line.get(at + 10), Some(b' ' | b'T')) {
            return None;
        }
        let date = date(digits(line, at, 4)?, digits(line, at + 5, 2)?, digits(line, at + 8, 2)?)?;
        self.timed(line, at + 11, date)
    }

    /// `24/Jan/2024:10:15:32 +0000`, `24-Jan-2024 10:15:32.123`.
    fn clf(&self, line: &[u8], at: usize) -> Stamp {
        let mark = line.get(at + 2).filter(|m| b"-/".contains(m))?;
        if line.get(at + 6) != Some(mark) || !matches!(line.get(at + 11), Some(b' ' | b':')) {
            return None;
        }
        let date = date(digits(line, at + 7, 4)?, month(line, at + 3)?, digits(line, at, 2)?)?;
        self.timed(line, at + 12, date)
    }

    /// `17/06/09 20:10:40`.
    fn spark(&self, line: &[u8], at: usize) -> Stamp {
        let marks = [line.get(at + 2)?, line.get(at + 5)?, line.get(at + 8)?];
        if marks != [&b'/', &b'/', &b' '] {
            return None;
        }
        let year = 2000 + digits(line, at, 2)?;
        let date = date(year, digits(line, at + 3, 2)?, digits(line, at + 6, 2)?)?;
        self.timed(line, at + 9, date)
    }

    /// `20240124T101532`, `20240124 10:15:32.123`, `20240124-10:15:32:123`.
    fn compact(&self, line: &[u8], at: usize) -> Stamp {
        let (year, month) = (digits(line, at, 4)?, digits(line, at + 4, 2)?);
        let date = date(year, month, digits(line, at + 6, 2)?)?;
        match line.get(at + 8)? {
            b'T' => {
                let (nanos, end) = fraction(line, at + 15)?;
                self.zoned(line, end, date, six_digits(line, at + 9)?, nanos)
            }
            b' ' | b'-' => self.timed(line, at + 9, date),
            _ => None,
        }
    }

    /// `081109 203615`.
    fn hdfs(&self, line: &[u8], at: usize) -> Stamp {
        let (year, month) = (2000 + digits(line, at, 2)?, digits(line, at + 2, 2)?);
        let date = date(year, month, digits(line, at + 4, 2)?)?;
        if line.get(at + 6) != Some(&b' ') {
            return None;
        }
        let (nanos, end) = fraction(line, at + 13)?;
        self.zoned(line, end, date, six_digits(line, at + 7)?, nanos)
    }

    /// `01-24 10:15:32.123`.
    fn logcat(&self, line: &[u8], at: usize) -> Stamp {
        if line.get(at + 2) != Some(&b'-') || line.get(at + 5) != Some(&b' ') {
            return None;
        }
        self.time_of_day(line, at + 6, digits(line, at, 2)?, digits(line, at + 3, 2)?)
    }

    /// `Sun Dec 04 04:47:44.123 2005`, `Wed, 24 Jan 2024 10:15:32`, `Jan 24 10:15:32`.
    fn named(&self, line: &[u8], at: usize) -> Stamp {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let name = line.get(at..at + 3)?;
        if !days.iter().any(|day| day.as_bytes() == name) {
            return self.month_first(line, at);
        }
        match (line.get(at + 3)?, line.get(at + 4)) {
            (b',', Some(b' ')) => self.day_month(line, at + 5),
            (b' ', _) => self.month_first(line, at + 4),
            _ => None,
        }
    }

    /// `Jan 24, 2024 10:15:32 AM`, `Dec 04 04:47:44.123 2005`, `Jan 24 10:15:32`.
    fn month_first(&self, line: &[u8], at: usize) -> Stamp {
        let month = month(line, at)?;
        if line.get(at + 3) != Some(&b' ') {
            return None;
        }
        let padding = usize::from(line.get(at + 4) == Some(&b' '));
        let (day, at) = day(line, at + 4 + padding)?;
        if line.get(at) == Some(&b',') {
            return self.with_noon(line, at, month, day);
        }
        if line.get(at) != Some(&b' ') {
            return None;
        }
        let seconds = time(line, at + 1)?;
        let (nanos, end) = fraction(line, at + 9)?;
        // Four digits that are no year belong to the message.
        let year = line.get(end).filter(|&&b| b == b' ').and_then(|_| digits(line, end + 1, 4));
        let alone = !line.get(end + 5).is_some_and(u8::is_ascii_alphanumeric);
        match year.filter(|_| alone).and_then(|year| date(year, month, day)) {
            Some(date) => Some((self.local(date, seconds)? * SECOND + nanos, end + 5)),
            None => Some((self.yearless(month, day, seconds, nanos)?, end)),
        }
    }

    /// `, 2024 10:15:32 AM`, behind month and day.
    fn with_noon(&self, line: &[u8], at: usize, month: i64, day: i64) -> Stamp {
        let date = date(digits(line, at + 2, 4)?, month, day)?;
        let hour_digits = if line.get(at + 8) == Some(&b':') { 1 } else { 2 };
        let mut hour = digits(line, at + 7, hour_digits)?;
        let at_minute = at + 7 + hour_digits + 1;
        let (minute, second) = (digits(line, at_minute, 2)?, digits(line, at_minute + 3, 2)?);
        let marks = [at + 1, at + 6, at_minute - 1, at_minute + 2].map(|i| line[i]);
        if marks != *b"  ::" {
            return None;
        }
        let mut end = at_minute + 5;
        let noon = line.get(end..end + 3).filter(|_| (1..=12).contains(&hour));
        if let Some(half @ (b" AM" | b" PM")) = noon {
            hour = hour % 12 + if half == b" PM" { 12 } else { 0 };
            end += 3;
        }
        self.zoned(line, end, date, of_day(hour, minute, second)?, 0)
    }

    /// `24 Jan 2024 10:15:32.123`.
    fn day_month(&self, line: &[u8], at: usize) -> Stamp {
        let (day, at) = day(line, at)?;
        if [at, at + 4, at + 9].iter().any(|&i| line.get(i) != Some(&b' ')) {
            return None;
        }
        self.timed(line, at + 10, date(digits(line, at + 5, 4)?, month(line, at + 1)?, day)?)
    }

    /// Ten digits or more, and possibly a fraction.
    fn epoch_at(&self, line: &[u8], at: usize) -> Stamp {
        let number = &line[at..][..run(line, at, |b| b.is_ascii_digit() || b == b'.')];
        // A full stop at the end is punctuation.
        let number = number.strip_suffix(b".").unwrap_or(number);
        let whole = run(number, 0, |b| b.is_ascii_digit());
        if !(10..=19).contains(&whole) {
            return None;
        }
        Some((epoch(number)?, at + number.len()))
    }

    /// Time of day, fraction and zone, on a date.
    fn timed(&self, line: &[u8], at: usize, date: Date) -> Stamp {
        let seconds = time(line, at)?;
        let (nanos, end) = fraction(line, at + 8)?;
        self.zoned(line, end, date, seconds, nanos)
    }

    /// A zone may stand at `at`.
    fn zoned(&self, line: &[u8], at: usize, date: Date, seconds: i64, nanos: i64) -> Stamp {
        let (second, end) = match zone(line, at) {
            Some((east, end)) => (seconds_of(date, &TimeZone::UTC, seconds)? - east, end),
            None => (self.local(date, seconds)?, at),
        };
        Some((second * SECOND + nanos, end))
    }

    fn time_of_day(&self, line: &[u8], at: usize, month: i64, day: i64) -> Stamp {
        let seconds = time(line, at)?;
        let (nanos, end) = fraction(line, at + 8)?;
        Some((self.yearless(month, day, seconds, nanos)?, end))
    }

    /// The latest year that puts it at or before the anchor and 48 hours.
    fn yearless(&self, month: i64, day: i64, seconds: i64, nanos: i64) -> Option<i64> {
        let limit = self.anchor_ns.div_euclid(SECOND) + 48 * 3600;
        let anchor = TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(limit).ok()?);
        let latest = i64::from(anchor.year()) + 1;
        (latest - 10..=latest).rev().find_map(|year| {
            let second = self.local(date(year, month, day)?, seconds)?;
            (second <= limit).then_some(second * SECOND + nanos)
        })
    }

    fn local(&self, date: Date, seconds: i64) -> Option<i64> {
        seconds_of(date, &self.zone, seconds)
    }
}

/// Year, if there is one, month and day.
type RareDate = (Option<i64>, i64, i64);

const DAY_NAMES: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Which of the names stands at `at` as a whole word of letters, in full or by three letters, and
/// how long it is.
fn name_of(line: &[u8], at: usize, names: &[&str]) -> Option<(i64, usize)> {
    let word = line.get(at..)?;
    let word = &word[..run(word, 0, |b| b.is_ascii_alphabetic())];
    let lower = String::from_utf8(word.to_ascii_lowercase()).ok()?;
    let place = names.iter().position(|name| *name == lower || name[..3] == lower)?;
    Some((place as i64, word.len()))
}

fn rare_date(line: &[u8], start: usize, pattern: &str) -> Option<(RareDate, usize)> {
    let months = "january february march april may june july august september october november \
                  december";
    let months: Vec<&str> = months.split(' ').collect();
    let (mut at, mut year, mut month) = (start, None, None);
    let mut numbers = Vec::new();
    for part in pattern.bytes() {
        let count = run(line, at, |b| b.is_ascii_digit());
        match part {
            b'Y' | b'y' => {
                let fits = count == if part == b'Y' { 4 } else { 2 };
                let century = if part == b'Y' { 0 } else { 2000 };
                year = Some(century + digits(line, at, count).filter(|_| fits)?);
                at += count;
            }
            b'n' => {
                numbers.push(digits(line, at, count).filter(|_| count == 1 || count == 2)?);
                at += count;
            }
            b'B' => {
                let (place, len) = name_of(line, at, &months)?;
                month = Some(place + 1);
                at += len;
            }
            byte if line.get(at) == Some(&byte) => at += 1,
            _ => return None,
        }
    }
    let date = match (month, &numbers[..]) {
        (Some(month), [day]) => (year, month, *day),
        (None, [first, second]) => {
            let last = year.unwrap_or(0);
            match pattern {
                "Y-n-n" | "Y/n/n" | "Y.n.n" => (year, *first, *second),
                // The space tells it from the two numbers of another date, and belongs to the gap.
                "n.n " => {
                    at -= 1;
                    if *first <= 12 { (None, *first, *second) } else { (None, *second, *first) }
                }
                "n-n-y" => (Some(2000 + first), *second, last - 2000),
                "n/n/Y" | "n/n/y" if *first <= 12 => (year, *first, *second),
                "n-n-Y" | "n.n.Y" if *second > 12 => (year, *first, *second),
                _ => (year, *second, *first),
            }
        }
        _ => return None,
    };
    Some((date, at))
}

fn seconds_of(date: Date, zone: &TimeZone, seconds: i64) -> Option<i64> {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = date.at(h as i8, m as i8, s as i8, 0);
    // Compatible: the offset before a gap, the earlier instant of a fold.
    Some(zone.to_ambiguous_timestamp(time).compatible().ok()?.as_second())
}

fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    if !(1678..=2261).contains(&year) {
        return None;
    }
    Date::new(year as i16, month as i8, day as i8).ok()
}

fn month(line: &[u8], at: usize) -> Option<i64> {
    let names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let name = line.get(at..at + 3)?;
    names.split(' ').position(|n| n.as_bytes() == name).map(|i| i as i64 + 1)
}

/// A day of one digit or two, and where it ends.
fn day(line: &[u8], at: usize) -> Option<(i64, usize)> {
    let two = digits(line, at, 2).map(|day| (day, at + 2));
    two.or_else(|| Some((digits(line, at, 1)?, at + 1)))
}

fn of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// `10:15:32` as seconds.
fn time(line: &[u8], at: usize) -> Option<i64> {
    if line.get(at + 2) != Some(&b':') || line.get(at + 5) != Some(&b':') {
        return None;
    }
    of_day(digits(line, at, 2)?, digits(line, at + 3, 2)?, digits(line, at + 6, 2)?)
}

/// `101532` as seconds.
fn six_digits(line: &[u8], at: usize) -> Option<i64> {
    of_day(digits(line, at, 2)?, digits(line, at + 2, 2)?, digits(line, at + 4, 2)?)
}

/// Nanoseconds of the fraction at `at`, and where it ends; None if the seconds have a third digit.
fn fraction(line: &[u8], at: usize) -> Option<(i64, usize)> {
    if is_digit(line, at) {
        return None;
    }
    if !matches!(line.get(at), Some(b'.' | b',' | b':')) || !is_digit(line, at + 1) {
        return Some((0, at));
    }
    let count = run(line, at + 1, |b| b.is_ascii_digit());
    let mut nine = line[at + 1..at + 1 + count.min(9)].to_vec();
    nine.resize(9, b'0');
    Some((digits(&nine, 0, 9)?, at + 1 + count))
}

/// Seconds east of UTC, and where the zone ends.
fn zone(line: &[u8], at: usize) -> Option<(i64, usize)> {
    let spaced = line.get(at) == Some(&b' ');
    let at = at + usize::from(spaced);
    let rest = &line[at.min(line.len())..];
    let (east, len) = if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") {
        (0, 3)
    } else if rest.starts_with(b"Z") && !spaced {
        (0, 1)
    } else {
        let sign = match rest.first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours = digits(rest, 1, 2)?;
        let colon = usize::from(rest.get(3) == Some(&b':'));
        let (minutes, len) = match digits(rest, 3 + colon, 2) {
            Some(minutes) => (minutes, 5 + colon),
            None if !spaced && colon == 0 => (0, 3),
            None => return None,
        };
        (sign * of_day(hours, minutes, 0)?, len)
    };
    let goes_on = rest.get(len).is_some_and(u8::is_ascii_alphanumeric);
    (!goes_on).then_some((east, at + len))
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, by magnitude.
fn epoch(text: &[u8]) -> Option<i64> {
    let (mantissa, exponent) = match text.iter().position(|b| b"eE".contains(b)) {
        None => (text, 0),
        Some(i) => {
            let exponent = text[i + 1..].strip_prefix(b"+").unwrap_or(&text[i + 1..]);
            if !(1..=2).contains(&exponent.len()) {
                return None;
            }
            (&text[..i], digits(exponent, 0, exponent.len())?)
        }
    };
    let whole = run(mantissa, 0, |b| b.is_ascii_digit());
    let decimals = match mantissa.get(whole) {
        None => &[][..],
        Some(b'.') => &mantissa[whole + 1..],
        Some(_) => return None,
    };
    if whole == 0 || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = run(mantissa, 0, |b| b == b'0').min(whole - 1);
    let magnitude = whole - zeros + exponent as usize;
    let decimals_of_unit = match magnitude {
        ..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18..=19 => 0,
        _ => return None,
    };
    // All digits down to the nanosecond, those that are not written being 0.
    let mut all = [&mantissa[zeros..whole], decimals].concat();
    all.resize(magnitude + decimals_of_unit, b'0');
    let nanos: i64 = std::str::from_utf8(&all).ok()?.parse().ok()?;
    let year =
        TimeZone::UTC.to_datetime(jiff::Timestamp::from_nanosecond(nanos.into()).ok()?).year();
    (year <= 2261).then_some(nanos)
}

// ------------------------------------------------------------------------------------- app text

fn app_record(line: &[u8], clock: &Clock) -> Option<Record> {
    read_over_colours(line, |line| {
        let open = match line {
            [b'[' | b'<', ..] => 1,
            [b'-', b' ', ..] => 2,
            _ => 0,
        };
        let special = ["apache-error", "nginx-error", "postgres"];
        let found = timed_record(line, open, clock)?;
        // Lines of which another format says more.
        special.iter().all(|name| delegated(name, line, clock).is_none()).then_some(found)
    })
}

fn text_record(line: &[u8], clock: &Clock) -> Option<Record> {
    if line.starts_with(b"{") {
        return None;
    }
    read_over_colours(line, |line| {
        let mut places = (1..line.len().min(128))
            .filter(|&at| !line.starts_with(b"{") && b" \t[(|<>\"'=;:,@".contains(&line[at - 1]));
        let (at, (mut record, message)) =
            places.find_map(|at| timed_record(line, at, clock).map(|record| (at, record)))?;
        if record.level == Level::None {
            record.level = level_among_tokens(&line[..at])?.0;
        }
        Some((record, message))
    })
}

/// What `read` says of the line, or of the line without its colours, if there are some before the
/// message, or no time or level is found. It says where the message starts, too.
fn read_over_colours(
    line: &[u8],
    read: impl Fn(&[u8]) -> Option<(Record, usize)>,
) -> Option<Record> {
    let found = read(line);
    let far = match &found {
        Some((record, message)) if record.level != Level::None => message + 1,
        _ => line.len(),
    };
    if line[..far.min(line.len())].contains(&0x1b)
        && let Some(plain) = without_colours(line)
        && let Some((record, _)) = read(&plain)
    {
        return Some(record);
    }
    found.map(|(record, _)| record)
}

/// The line without its control sequences, if it has any.
fn without_colours(line: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let inner = run(line, at + 2, |b| (0x20..0x40).contains(&b));
        let is_sequence = line[at..].starts_with(b"\x1b[")
            && line.get(at + 2 + inner).is_some_and(|b| (0x40..0x7f).contains(b));
        if is_sequence {
            at += inner + 3;
        } else {
            plain.push(line[at]);
            at += 1;
        }
    }
    (plain.len() < line.len()).then_some(plain)
}

/// The record whose timestamp stands at `at`, and where its message starts.
fn timed_record(line: &[u8], at: usize, clock: &Clock) -> Option<(Record, usize)> {
    let (time_ns, level, behind) = match clock.any(line, at) {
        Some((time_ns, end)) => {
            let text = &line[end..line.len().min(end + 160)];
            let (level, len) = level_among_tokens(text).unwrap_or((Level::None, 0));
            (time_ns, level, end + len)
        }
        None => klog(line, at, clock)?,
    };
    let dressing = run(line, behind, |b| b" \t])>|:-,;\"".contains(&b));
    let message = &line[behind + dressing..];
    let record = Record {
        time_ns: Some(time_ns),
        level,
        duration_ns: text_duration(message),
        message: message.to_vec(),
        ..Record::default()
    };
    Some((record, behind + dressing))
}

/// `I0124 10:15:32.123456`, `I20240124 10:15:32.123456`.
fn klog(line: &[u8], at: usize, clock: &Clock) -> Option<(i64, Level, usize)> {
    let letter = line.get(at).filter(|b| b"IWEF".contains(b))?;
    if digits(line, at + 1, 8).is_some() && line.get(at + 9) == Some(&b' ') {
        let (time_ns, end) = clock.any(line, at + 1)?;
        return Some((time_ns, level_of_letter(*letter)?, end));
    }
    let (month, day) = (digits(line, at + 1, 2)?, digits(line, at + 3, 2)?);
    if line.get(at + 5) != Some(&b' ') {
        return None;
    }
    let (time_ns, end) = clock.time_of_day(line, at + 6, month, day)?;
    Some((time_ns, level_of_letter(*letter)?, end))
}

/// The level among the first eight tokens, and where its token ends.
fn level_among_tokens(text: &[u8]) -> Option<(Level, usize)> {
    let separates = |b: u8| b" \t[]()|<>,;\"'={}".contains(&b);
    let mut tokens = 0;
    let mut numbers_only = true;
    let mut weak = None;
    let mut at = 0;
    while tokens < 8 {
        at += run(text, at, separates);
        let len = run(text, at, |b| !separates(b));
        if len == 0 {
            break;
        }
        let (token, end) = (&text[at..at + len], at + len);
        let before = at.checked_sub(1).map(|i| text[i]);
        at = end;
        if token.iter().all(|b| b"-:/*".contains(b)) {
            continue;
        }
        if let Some((level, len)) =
            level_of_token(token, before, &text[end..], tokens, numbers_only)
        {
            return Some((level, end - token.len() + len));
        }
        if weak.is_none() {
            let front = &text[..end - token.len()];
            weak = weak_level(token, front, &text[end..]).map(|level| (level, end));
        }
        numbers_only &= token[0].is_ascii_digit() || b"+-".contains(&token[0]);
        tokens += 1;
    }
    weak
}

fn is_enclosed(token: &[u8], before: Option<u8>, behind: &[u8]) -> bool {
    before.is_some_and(|b| b"[(|<\"=".contains(&b))
        || behind.first().is_some_and(|b| b"])|>\"".contains(b))
        || token.ends_with(b":")
}

/// A token without its colon, and where behind its last `:` or `/` its word starts.
fn word_of(token: &[u8]) -> (&[u8], usize) {
    let bare = token.strip_suffix(b":").unwrap_or(token);
    (bare, bare.iter().rposition(|b| b":/".contains(b)).map_or(0, |i| i + 1))
}

/// A word that is a level if nothing else is.
fn weak_level(token: &[u8], front: &[u8], behind: &[u8]) -> Option<Level> {
    let (bare, inner) = word_of(token);
    let word = &bare[inner..];
    let column = front.trim_ascii_end().last() == Some(&b'|')
        && behind.trim_ascii_start().first() == Some(&b'|');
    let loud = word.iter().all(u8::is_ascii_uppercase) && (column || behind.starts_with(b" ["));
    (loud || is_enclosed(token, front.last().copied(), behind)).then(|| level_of_weak_word(word))?
}

/// The level that a token says, and how much of it; `place` tokens came before it.
fn level_of_token(
    token: &[u8],
    before: Option<u8>,
    behind: &[u8],
    place: usize,
    numbers_before: bool,
) -> Option<(Level, usize)> {
    let colon = token.ends_with(b":");
    let (bare, inner) = word_of(token);
    // Old logcat: `D/Tag`.
    if numbers_before
        && bare.len() > 2
        && bare[0].is_ascii_uppercase()
        && bare[1] == b'/'
        && let Some(level) = level_of_letter(bare[0])
    {
        return Some((level, 2));
    }
    let loud = |word: &[u8]| word.iter().all(u8::is_ascii_uppercase);
    let word = &bare[inner..];
    let level = if word.len() == 1 {
        // MongoDB writes a component in capitals, or a dash, behind the letter.
        let component = behind.starts_with(b" - ")
            || behind.starts_with(b" | ")
            || behind.get(1..3).is_some_and(|two| two.iter().all(u8::is_ascii_uppercase));
        let logcat = numbers_before && behind.starts_with(b" ") && (place > 0 || component);
        let bracketed = before == Some(b'[') || behind.starts_with(b"]");
        (loud(word) && (logcat || bracketed)).then(|| level_of_letter(word[0])).flatten()
    } else {
        (loud(word) || place == 0 || is_enclosed(token, before, behind))
            .then(|| level_of_word(word))
            .flatten()
    };
    let slash = bare.iter().position(|&b| b == b'/').map(|i| &bare[..i]);
    let point = bare.iter().rposition(|&b| b == b'.').map(|i| &bare[i + 1..]).filter(|_| colon);
    let parts = [slash, point];
    let part = parts.into_iter().flatten().filter(|part| loud(part)).find_map(level_of_word);
    Some((level.or(part)?, token.len()))
}

/// The response time in a message.
fn text_duration(message: &[u8]) -> Option<u64> {
    for start in (0..message.len()).rev() {
        let before = start.checked_sub(1).map(|i| message[i]);
        let digit_at = start + usize::from(message[start] == b'.');
        if !is_digit(message, digit_at) || !before.is_some_and(|b| b" \t=:(\"'[,~".contains(&b)) {
            continue;
        }
        // `1,234`: what stands before a comma may belong to the number.
        let group = run(message, start, |b| b.is_ascii_digit());
        if group == 3 && before == Some(b',') && start > 1 && is_digit(message, start - 2) {
            continue;
        }
        let mut len = group;
        while (len == group && group <= 3 || len > group)
            && message.get(start + len) == Some(&b',')
            && run(message, start + len + 1, |b| b.is_ascii_digit()) == 3
        {
            len += 4;
        }
        if message.get(start + len) == Some(&b'.') && is_digit(message, start + len + 1) {
            len += 1 + run(message, start + len + 1, |b| b.is_ascii_digit());
        }
        let number = &message[start..start + len];
        let space = usize::from(message.get(start + len) == Some(&b' '));
        let Some(unit_ns) = text_unit(&message[start + len + space..]) else {
            continue;
        };
        if speaks_of_response_time(&message[start.saturating_sub(32)..start]) {
            let number: Vec<u8> = number.iter().copied().filter(|&b| b != b',').collect();
            return decimal(&number, unit_ns);
        }
    }
    None
}

/// Nanoseconds of the unit at the beginning of `text`.
fn text_unit(text: &[u8]) -> Option<u64> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    for micro in ["µs", "μs"] {
        if let Some(rest) = text.strip_prefix(micro.as_bytes()) {
            return (!rest.first().is_some_and(|&b| is_word(b))).then_some(1_000);
        }
    }
    let word = &text[..run(text, 0, is_word)];
    match word {
        b"ns" => return Some(1),
        b"us" => return Some(1_000),
        b"ms" => return Some(1_000_000),
        b"s" => return Some(1_000_000_000),
        _ => {}
    }
    let spelled = [
        (1, "nsec nsecs nanos nanosecond nanoseconds"),
        (1_000, "usec usecs micros microsecond microseconds"),
        (1_000_000, "msec msecs millis millisecond milliseconds"),
        (1_000_000_000, "sec secs second seconds"),
    ];
    let lower = word.to_ascii_lowercase();
    let found = spelled.iter().find(|(_, list)| list.split(' ').any(|u| u.as_bytes() == lower));
    found.map(|(nanos, _)| *nanos)
}

/// Whether what stands before a number makes it a response time.
fn speaks_of_response_time(context: &[u8]) -> bool {
    let behind = context.iter().rev().take_while(|b| b" \t=:(\"'[,~".contains(b)).count();
    let text = &context[..context.len() - behind];
    if behind == 0 || !text.last().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let mut words: Vec<String> = Vec::new();
    let mut last = b' ';
    for &b in text {
        if b.is_ascii_alphabetic() {
            if !last.is_ascii_alphabetic() || last.is_ascii_lowercase() && b.is_ascii_uppercase() {
                words.push(String::new());
            }
            words.last_mut().expect("a word").push(char::from(b.to_ascii_lowercase()));
        }
        last = b;
    }
    let is = |word: &String, list: &str| list.split(' ').any(|w| w == word);
    let fill = "of was is about only just approximately taken spent";
    let say = "in took duration elapsed latency time cost rt";
    let wait = "retry retrying retries retried wait waiting waits sleep sleeping timeout timeouts \
                every next expires expire expiring expiry interval delay backoff ttl uptime";
    let mut words = words.iter().rev().skip_while(|word| is(word, fill));
    words.next().is_some_and(|word| is(word, say)) && !words.take(3).any(|word| is(word, wait))
}

// ------------------------------------------------------------------------------------ durations

/// A decimal number without exponent, times nanoseconds, rounded half up.
fn decimal(number: &[u8], unit_ns: u64) -> Option<u64> {
    let digits: Vec<u8> = number.iter().copied().filter(|&b| b != b'.').collect();
    let decimals = number.iter().rev().take_while(|&&b| b != b'.').count();
    let decimals = if digits.len() == number.len() { 0 } else { decimals };
    scaled(&digits, -(decimals as i64), unit_ns)
}

/// Digits times ten to a power, times nanoseconds, rounded half up.
fn scaled(digits: &[u8], power: i64, unit_ns: u64) -> Option<u64> {
    // 24 digits times an hour fit.
    if digits.is_empty() || digits.len() > 24 {
        return None;
    }
    let value: u128 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let value = value * u128::from(unit_ns);
    let ten = |power: i64| 10u128.checked_pow(power as u32);
    let nanos = if value == 0 {
        0
    } else if power >= 0 {
        value.checked_mul(ten(power)?)?
    } else {
        ten(-power).map_or(0, |p| value / p + u128::from(value % p * 2 >= p))
    };
    u64::try_from(nanos).ok().filter(|&nanos| nanos <= i64::MAX as u64)
}

/// The number, possibly with an exponent, that `text` is.
fn number(text: &[u8], unit_ns: u64) -> Option<u64> {
    let (mantissa, exponent) = match text.iter().position(|b| b"eE".contains(b)) {
        None => (text, 0),
        Some(i) => {
            let rest = &text[i + 1..];
            let unsigned = rest.strip_prefix(b"-").or(rest.strip_prefix(b"+")).unwrap_or(rest);
            if !(1..=4).contains(&unsigned.len()) {
                return None;
            }
            let exponent = digits(unsigned, 0, unsigned.len())?;
            (&text[..i], if rest.starts_with(b"-") { -exponent } else { exponent })
        }
    };
    let parts: Vec<&[u8]> = mantissa.split(|&b| b == b'.').collect();
    let all = parts.concat();
    if parts.len() > 2 || !all.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let decimals = parts.get(1).map_or(0, |d| d.len()) as i64;
    scaled(&all, exponent - decimals, unit_ns)
}

/// A duration with its unit, or several on end.
fn with_unit(text: &[u8]) -> Option<u64> {
    if text.starts_with(b"P") {
        return iso_span(&text[1..]);
    }
    let mut sum = 0u64;
    let mut at = 0;
    loop {
        let len = run(text, at, |b| b.is_ascii_digit() || b == b'.');
        let spaced = at == 0 && text.get(len) == Some(&b' ');
        let unit_at = at + len + usize::from(spaced);
        let end = unit_at + run(text, unit_at, |b| !b.is_ascii_digit() && b != b'.');
        let nanos = number(&text[at..at + len], field_unit(&text[unit_at..end])?)?;
        sum = sum.checked_add(nanos)?;
        if end == text.len() {
            return Some(sum).filter(|&sum| sum <= i64::MAX as u64);
        }
        if spaced {
            return None;
        }
        at = end;
    }
}

/// What follows the `P` of `P1DT2H3M4.5S`.
fn iso_span(text: &[u8]) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    let mut parts = 0;
    for (letter, unit_ns) in [
        (b'D', 86_400 * SECOND as u64),
        (b'T', 0),
        (b'H', 3_600 * SECOND as u64),
        (b'M', 60 * SECOND as u64),
        (b'S', SECOND as u64),
    ] {
        if letter == b'T' {
            match rest {
                [b'T', more @ ..] if !more.is_empty() => rest = more,
                [] if parts > 0 => return Some(sum).filter(|&sum| sum <= i64::MAX as u64),
                _ => return None,
            }
            continue;
        }
        let len = run(rest, 0, |b| b.is_ascii_digit() || b == b'.');
        if rest.get(len) == Some(&letter) {
            let part = number(&rest[..len], unit_ns)?;
            sum = sum.checked_add(part)?;
            rest = &rest[len + 1..];
            parts += 1;
        }
    }
    (rest.is_empty() && parts > 0 && sum <= i64::MAX as u64).then_some(sum)
}

/// `00:00:00.127`.
fn span_of_clock(text: &[u8]) -> Option<u64> {
    let parts: Vec<&[u8]> = text.split(|&b| b == b':').collect();
    let &[hours, minutes, seconds] = &parts[..] else { return None };
    let below_sixty = |text: &[u8]| digits(text, 0, 2).filter(|&n| n < 60);
    let decimals = seconds.get(3..).filter(|_| seconds[2] == b'.')?;
    let all_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if minutes.len() != 2 || !all_digits(hours) || !all_digits(decimals) {
        return None;
    }
    below_sixty(seconds)?;
    let hours = number(hours, 3_600 * SECOND as u64)?;
    let minutes = below_sixty(minutes)? as u64 * 60 * SECOND as u64;
    let sum = hours.checked_add(minutes)?.checked_add(number(seconds, SECOND as u64)?)?;
    Some(sum).filter(|&sum| sum <= i64::MAX as u64)
}

fn field_unit(name: &[u8]) -> Option<u64> {
    let units = [
        (1, "ns nsec nsecs nano nanos nanosecond nanoseconds"),
        (1_000, "us µs μs usec usecs micro micros microsecond microseconds"),
        (1_000_000, "ms msec msecs milli millis millisecond milliseconds"),
        (1_000_000_000, "s sec secs second seconds"),
        (60_000_000_000, "m min mins minute minutes"),
        (3_600_000_000_000, "h hr hrs hour hours"),
    ];
    let found = units.iter().find(|(_, list)| list.split(' ').any(|u| u.as_bytes() == name));
    found.map(|(nanos, _)| *nanos)
}

// --------------------------------------------------------------------------------------- access

/// The record of an access log, and which format of them it is of.
fn access_record(line: &[u8], clock: &Clock, integer_ns: u64) -> Option<(&'static str, Record)> {
    let first = *line.first()?;
    if !first.is_ascii_alphanumeric() && !b"-:_[".contains(&first) {
        return None;
    }
    let open = (1..line.len()).find(|&i| line[i] == b'[' && line[i - 1] == b' ')?;
    let (time_ns, close) = clock.clf(line, open + 1)?;
    let before: Vec<&[u8]> = line[..open].split(|&b| b == b' ').collect();
    let spaces = before.len() - 1;
    if open >= 512 || line.get(close) != Some(&b']') || spaces < 3 {
        return None;
    }
    let (first, second) = (before[0], before[1]);
    let behind_host = is_virtual_host(first) && !second.is_empty() && second != b"-"
        || is_address(second) && !is_address(first);
    let host = match first.strip_suffix(b",") {
        Some(address) if spaces >= 4 && !address.is_empty() => address,
        _ if spaces >= 4 && behind_host => second,
        _ => first,
    };
    let mut record = Record { time_ns: Some(time_ns), ..Record::default() };
    if host != b"-" {
        record.client = host.to_vec();
    }
    let rest = line[close + 1..].strip_prefix(b" ")?;
    if rest.starts_with(b"\"") {
        quoted_request(rest, record, integer_ns)
    } else {
        Some(("access", bare_request(rest, record, integer_ns)?))
    }
}

/// The virtual host before the client of an access line, without its port.
pub fn virtual_host(line: &[u8]) -> Option<Vec<u8>> {
    let open = (1..line.len()).find(|&i| line[i] == b'[' && line[i - 1] == b' ')?;
    let words: Vec<&[u8]> = line[..open].split(|&b| b == b' ').collect();
    let (first, second) = (words[0], *words.get(1)?);
    let has_port = is_virtual_host(first);
    let named = has_port && !second.is_empty() && second != b"-"
        || is_address(second) && !is_address(first);
    // One piece more than there are spaces; the first of a list of addresses is a client.
    if words.len() <= 4 || !named || first.len() > 1 && first.ends_with(b",") {
        return None;
    }
    let colon = first.iter().rposition(|&b| b == b':').filter(|_| has_port);
    Some(first[..colon.unwrap_or(first.len())].to_vec())
}

/// Whether a word ends in `:` and one to five digits.
fn is_virtual_host(word: &[u8]) -> bool {
    let port = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    (1..=5).contains(&port) && word[..word.len() - port].ends_with(b":")
}

/// Whether a word is an IPv4 address, or looks like nothing but an IPv6 address.
fn is_address(word: &[u8]) -> bool {
    let count = |byte| word.iter().filter(|&&b| b == byte).count();
    let only = |test: fn(&u8) -> bool| word.iter().all(test);
    only(|b| b.is_ascii_digit() || *b == b'.') && count(b'.') == 3
        || only(|b| b.is_ascii_hexdigit() || b":.".contains(b)) && count(b':') >= 2
}

/// The position behind the first quote that closes what the one at `open` opens and that passes,
/// among the first and 64 more.
fn closing(text: &[u8], open: usize, passes: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = open;
    for _ in 0..65 {
        let (_, end) = quoted(text, at)?;
        if passes(&text[end..]) {
            return Some(end);
        }
        at = end - 1;
    }
    None
}

/// What the quotes at `at` hold, and the position behind them.
fn quoted(text: &[u8], at: usize) -> Option<(&[u8], usize)> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut escaped = false;
    for i in at + 1..text.len() {
        match text[i] {
            b'"' if !escaped => return Some((&text[at + 1..i], i + 1)),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// Three digits, the first not 0.
fn status(text: &[u8], at: usize) -> Option<Option<u16>> {
    let status = digits(text, at, 3)?;
    match status {
        0 => Some(None),
        100.. => Some(Some(status as u16)),
        _ => None,
    }
}

/// `-` or digits, of which 20 are too many to say anything, and the position behind, where the line
/// ends or a space is.
fn size(text: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let len = run(text, at, |b| b != b' ');
    let word = &text[at.min(text.len())..][..len];
    if word == b"-" {
        return Some((None, at + 1));
    }
    if len == 0 || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if len > 19 {
        return Some((None, at + len));
    }
    let size = std::str::from_utf8(word).ok()?.parse().ok()?;
    Some((Some(size), at + len))
}

fn quoted_request(
    rest: &[u8],
    mut record: Record,
    integer_ns: u64,
) -> Option<(&'static str, Record)> {
    let request_end = closing(rest, 0, |text| answer(text).is_some())?;
    let request = &rest[1..request_end - 1];
    let rest = &rest[request_end..];
    let (status, bytes_sent, at) = answer(rest)?;
    (record.status, record.bytes_sent) = (status, bytes_sent);
    if let Some((method, path)) = route_of_request(request) {
        (record.method, record.path) = (method.to_vec(), path.to_vec());
    }
    let agents = agents_end(rest, at);
    let at = agents.unwrap_or(at);
    let mut dialect = "combined";
    if rest.get(at) == Some(&b' ') {
        record.duration_ns = time_in_tail(&rest[at + 1..], integer_ns, &mut dialect);
    }
    Some((if agents.is_some() { dialect } else { "common" }, record))
}

/// Status and size behind a request, and the position behind them.
fn answer(text: &[u8]) -> Option<(Option<u16>, Option<u64>, usize)> {
    let (status, at) = if text.starts_with(b" - ") { (None, 3) } else { (status(text, 1)?, 5) };
    if text[0] != b' ' || text.get(at - 1) != Some(&b' ') {
        return None;
    }
    let (bytes_sent, end) = size(text, at)?;
    Some((status, bytes_sent, end))
}

/// The position behind the referer and the user agent that begin with the space at `at`.
fn agents_end(text: &[u8], at: usize) -> Option<usize> {
    text.get(at).filter(|&&b| b == b' ')?;
    let referer_end = closing(text, at + 1, |rest| rest.starts_with(b" \""))?;
    let (_, end) = quoted(text, referer_end + 1)?;
    if matches!(text.get(end), None | Some(b' ')) {
        return Some(end);
    }
    let mut tried = 0;
    let mut open = end - 1;
    while tried < 64
        && let Some((_, end)) = quoted(text, open)
    {
        if begins_tail(&text[end..]) {
            return Some(end);
        }
        (tried, open) = (tried + 1, end - 1);
    }
    Some(end)
}

/// Whether the line ends here, or a field of a tail follows.
fn begins_tail(text: &[u8]) -> bool {
    let Some(field) = text.strip_prefix(b" ") else {
        return text.is_empty();
    };
    let name = run(field, 0, |b| b.is_ascii_alphanumeric() || b == b'_');
    field.first().is_none_or(|b| b.is_ascii_digit() || b"\"-".contains(b))
        || name > 0 && field.get(name) == Some(&b'=')
}

fn is_method(word: &[u8]) -> bool {
    (1..=20).contains(&word.len())
        && word.iter().all(|b| b.is_ascii_alphabetic() || b"-_".contains(b))
}

/// Method and path of what is inside the quotes.
fn route_of_request(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = find(request, 0, b' ')?;
    let (method, rest) = (&request[..space], &request[space + 1..]);
    if !is_method(method) {
        return None;
    }
    if let Some(last) = rest.iter().rposition(|&b| b == b' ')
        && last > 0
        && rest[last + 1..].starts_with(b"HTTP/")
    {
        return Some((method, &rest[..last]));
    }
    rest.starts_with(b"/").then_some((method, rest))
}

fn bare_request(rest: &[u8], mut record: Record, integer_ns: u64) -> Option<Record> {
    let mut words = rest.split(|&b| b == b' ');
    let (method, target) = (words.next()?, words.next()?);
    if !is_method(method) || target.is_empty() {
        return None;
    }
    let mut at = method.len() + 1 + target.len() + 1;
    let word = words.next()?;
    if word.starts_with(b"HTTP/") {
        at += word.len() + 1;
    }
    record.status = status(rest, at)?;
    (record.method, record.path) = (method.to_vec(), target.to_vec());
    match rest.get(at + 3) {
        None => return Some(record),
        Some(b' ') => {}
        Some(_) => return None,
    }
    let after = &rest[at + 4..];
    if let Some(number) = access_number(after, false).filter(|n| n.point || n.unit_ns.is_some()) {
        record.duration_ns = number.nanos(integer_ns);
    } else if let Some((bytes_sent, end)) = size(after, 0) {
        record.bytes_sent = bytes_sent;
        let time = after.get(end + 1..).and_then(|time| access_number(time, false));
        record.duration_ns = time.and_then(|time| time.nanos(integer_ns));
    }
    Some(record)
}

/// A response time as an access log writes it.
struct AccessNumber {
    text: Vec<u8>,
    point: bool,
    unit_ns: Option<u64>,
    /// Position behind it.
    end: usize,
}

impl AccessNumber {
    /// Nanoseconds, if an integer without a unit has this one.
    fn nanos(&self, integer_ns: u64) -> Option<u64> {
        let decimals_ns = if self.point { 1_000_000_000 } else { integer_ns };
        decimal(&self.text, self.unit_ns.unwrap_or(decimals_ns))
    }
}

/// The number at the beginning of `text`; inside of quotes a quote ends it, but not the line's end.
fn access_number(text: &[u8], in_quotes: bool) -> Option<AccessNumber> {
    let whole = run(text, 0, |b| b.is_ascii_digit());
    if !(1..=19).contains(&whole) {
        return None;
    }
    let mut end = whole;
    let mut number = text[..whole].to_vec();
    let point = text.get(end) == Some(&b'.') && is_digit(text, end + 1);
    if point {
        let decimals = run(text, end + 1, |b| b.is_ascii_digit());
        // Those after the ninth are ignored.
        number.extend_from_slice(&text[end..end + 1 + decimals.min(9)]);
        end += 1 + decimals;
    }
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
    ];
    let unit = units.iter().find(|(name, _)| text[end..].starts_with(name.as_bytes()));
    end += unit.map_or(0, |(name, _)| name.len());
    let ended = match text.get(end) {
        None => !in_quotes,
        Some(b'"') => in_quotes,
        Some(b) => b" ,;".contains(b),
    };
    let unit_ns = unit.map(|(_, ns)| *ns);
    ended.then_some(AccessNumber { text: number, point, unit_ns, end })
}

/// The response time among the fields behind the size or the user agent.
fn time_in_tail(tail: &[u8], integer_ns: u64, dialect: &mut &'static str) -> Option<u64> {
    let mut at = 0;
    for _ in 0..16 {
        let field = tail.get(at..)?;
        let end = if field.starts_with(b"\"") {
            let (_, end) = quoted(field, 0)?;
            if let Some(number) = access_number(&field[1..], true) {
                return number_or_list(&field[1..], &number, integer_ns);
            }
            if field[1] == b'-'
                && let Some(sum) = list(&field[1..])
            {
                return Some(sum);
            }
            end
        } else if is_digit(field, 0) {
            return time_of_digits(field, integer_ns, dialect);
        } else if field.starts_with(b"-") {
            return list(field);
        } else {
            let name = run(field, 0, |b| b.is_ascii_alphanumeric() || b == b'_');
            if !(1..=32).contains(&name) || field.get(name) != Some(&b'=') {
                return None;
            }
            let value = &field[name + 1..];
            if [&b"rt"[..], b"request_time"].contains(&&field[..name]) {
                if value.starts_with(b"\"") {
                    quoted(value, 0)?;
                    let inside = &value[1..];
                    if inside[0] == b'-' {
                        return list(inside);
                    }
                    return number_or_list(inside, &access_number(inside, true)?, integer_ns);
                }
                return number_or_list(value, &access_number(value, false)?, integer_ns);
            }
            let len = if value.starts_with(b"\"") {
                quoted(value, 0)?.1
            } else {
                run(value, 0, |b| b != b' ')
            };
            name + 1 + len
        };
        if field.get(end) != Some(&b' ') {
            return None;
        }
        at += end + 1;
    }
    None
}

/// The response time in a field that begins with a digit, and those behind it.
fn time_of_digits(field: &[u8], integer_ns: u64, dialect: &mut &'static str) -> Option<u64> {
    let number = access_number(field, false)?;
    if number.point || number.unit_ns.is_some() || field.get(number.end) != Some(&b' ') {
        return number_or_list(field, &number, integer_ns);
    }
    // An integer that does not end the line may be something else, as what follows shows.
    let after = &field[number.end + 1..];
    match access_number(after, false) {
        Some(next) if next.point && next.unit_ns.is_none() => {
            if after[next.end..].starts_with(b" [") {
                *dialect = "ingress-nginx";
                return next.nanos(integer_ns);
            }
            return number_or_list(after, &next, integer_ns);
        }
        Some(next) if next.unit_ns.is_none() => return None,
        _ => {}
    }
    if let Some(millis) = millis_of_traefik(after) {
        *dialect = "traefik";
        return decimal(millis, 1_000_000);
    }
    number.nanos(integer_ns)
}

/// The digits in `"router" "server" 12ms`.
fn millis_of_traefik(text: &[u8]) -> Option<&[u8]> {
    let (_, router) = quoted(text, 0)?;
    text.get(router).filter(|&&b| b == b' ')?;
    let (_, server) = quoted(text, router + 1)?;
    let millis = text[server..].strip_prefix(b" ")?.strip_suffix(b"ms")?;
    let fits = (1..=18).contains(&millis.len()) && millis.iter().all(u8::is_ascii_digit);
    fits.then_some(millis)
}

/// The time of the number that `text` begins with, or of the list that it begins.
fn number_or_list(text: &[u8], number: &AccessNumber, integer_ns: u64) -> Option<u64> {
    if number.point && number.unit_ns.is_none() { list(text) } else { number.nanos(integer_ns) }
}

/// The sum of a list of nginx's times.
fn list(text: &[u8]) -> Option<u64> {
    let mut sum = None;
    let mut at = 0;
    for _ in 0..64 {
        if text.get(at) == Some(&b'-') {
            at += 1;
        } else {
            let whole = run(text, at, |b| b.is_ascii_digit());
            let decimals = run(text, at + whole + 1, |b| b.is_ascii_digit());
            let end = at + whole + 1 + decimals;
            let point = text.get(at + whole) == Some(&b'.');
            // What begins like a unit is none of nginx's.
            let unit = text.get(end).is_some_and(|b| b"muns\xc2\xce".contains(b));
            if !(1..=19).contains(&whole) || !point || decimals == 0 || unit {
                break;
            }
            let nanos = decimal(&text[at..end.min(at + whole + 10)], 1_000_000_000)?;
            sum = Some(u128::from(nanos) + sum.unwrap_or(0));
            at = end;
        }
        at += match &text[at..] {
            rest if rest.starts_with(b", ") => 2,
            rest if rest.starts_with(b" : ") => 3,
            _ => break,
        };
    }
    u64::try_from(sum?).ok().filter(|&sum| sum <= batch::DURATION_NS_MAX)
}

// --------------------------------------------------------------------------------------- fields

/// A value of a structured record: the keys on the way to it, and what is written.
struct Field {
    keys: Vec<Vec<u8>>,
    raw: Vec<u8>,
    /// With escapes undone; None if it is a number.
    text: Option<Vec<u8>>,
}

/// The best value so far for one meaning.
struct Best<T> {
    rank: u8,
    value: Option<T>,
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Best { rank: 0, value: None }
    }
}

impl<T> Best<T> {
    fn offer(&mut self, rank: u8, value: Option<T>) {
        if value.is_some() && rank > self.rank {
            (self.rank, self.value) = (rank, value);
        }
    }
}

#[derive(Default)]
struct Fields {
    time: Best<i64>,
    level: Best<Level>,
    message: Best<Vec<u8>>,
    status: Best<u16>,
    duration: Best<u64>,
    /// The number whose unit was a guess, while that is the best there is, and its rule.
    guess: Option<(Vec<u8>, Rule)>,
    method: Best<Vec<u8>>,
    path: Best<Vec<u8>>,
    client: Best<Vec<u8>>,
    bytes: Best<u64>,
}

impl Fields {
    fn of(all: &[Field], clock: &Clock) -> Fields {
        let mut fields = Fields::default();
        for field in all {
            if let Some((meaning, rank, name)) = meaning(&field.keys) {
                fields.take(meaning, rank, name, field, clock);
            }
        }
        fields
    }

    fn take(&mut self, meaning: Meaning, rank: u8, name: Named, field: &Field, clock: &Clock) {
        let raw = &field.raw;
        let text = field.text.as_deref();
        match meaning {
            Meaning::Nothing => {}
            Meaning::Time => self.time.offer(rank, field_time(field, clock)),
            Meaning::Level if raw.is_empty() => {}
            Meaning::Level => match level_of_field(raw) {
                Level::Other => self.level.offer(1, Some(Level::Other)),
                level => self.level.offer(rank, Some(level)),
            },
            Meaning::ShortLevel => self.level.offer(rank, short_level(raw)),
            Meaning::Message => self.message.offer(rank, text.map(<[u8]>::to_vec)),
            Meaning::Status => {
                let status = digits(raw, 0, 3).filter(|_| raw.len() == 3);
                let status = status.filter(|status| (100..600).contains(status));
                self.status.offer(rank, status.map(|s| s as u16));
            }
            Meaning::Duration(rule) => self.duration(rule, rank, name, raw),
            Meaning::RequestTime => {
                let nanos = with_unit(raw)
                    .or_else(|| span_of_clock(raw))
                    .or_else(|| number(raw, 1_000_000_000));
                if nanos.is_none() {
                    self.time.offer(rank, field_time(field, clock));
                }
                self.duration.offer(rank, nanos);
            }
            Meaning::Method => self.method.offer(
                rank,
                text.filter(|_| (1..=20).contains(&raw.len()))
                    .filter(|_| raw.iter().all(u8::is_ascii_alphabetic))
                    .map(<[u8]>::to_vec),
            ),
            Meaning::Path => {
                self.path.offer(rank, text.filter(|t| !t.is_empty()).map(path_of_url));
            }
            Meaning::Request => {
                if let Some((method, path)) = text.and_then(request_line) {
                    self.path.offer(rank, Some(path));
                    self.method.offer(rank, Some(method).filter(|m| !m.is_empty()));
                }
            }
            Meaning::Client => self.client.offer(rank, text.and_then(client_of_address)),
            Meaning::Forwarded => {
                let first = text.map(|text| &text[..run(text, 0, |b| b != b',')]);
                self.client.offer(rank, first.and_then(client_of_address));
            }
            Meaning::Bytes => {
                let fits = (1..=18).contains(&raw.len());
                let count = digits(raw, 0, raw.len()).filter(|_| fits);
                self.bytes.offer(rank, count.map(|n| n as u64));
            }
        }
    }

    fn duration(&mut self, rule: Rule, rank: u8, name: Named, raw: &[u8]) {
        if let Some(nanos) = with_unit(raw).or_else(|| span_of_clock(raw)) {
            return self.duration.offer(rank, Some(nanos));
        }
        let whole = raw.iter().all(u8::is_ascii_digit);
        // More digits than these have leading zeros or are beyond everything.
        let value = std::str::from_utf8(raw).ok().and_then(|text| text.parse::<u128>().ok());
        let large = whole && value.is_none_or(|value| value >= 1_000_000);
        let (unit_ns, guess) = match rule {
            Rule::Never => return,
            Rule::Fixed(unit) => (unit.nanos(), false),
            Rule::Seconds if name.is_capital_duration => (1, false),
            Rule::Seconds if !whole => (1_000_000_000, true),
            Rule::Seconds | Rule::Whole if large => (1, true),
            _ => (1_000_000, true),
        };
        let nanos = number(raw, unit_ns);
        if guess && nanos.is_some() && self.duration.rank == 0 {
            self.guess = Some((raw.to_vec(), rule));
        }
        self.duration.offer(if guess { 1 } else { rank }, nanos);
    }

    /// Who wrote the line may know the unit that was a guess.
    fn settle(&mut self, line: &[u8]) {
        let Some((raw, rule)) = self.guess.take().filter(|_| self.duration.rank == 1) else {
            return;
        };
        let second = SECOND as u64;
        let value = std::str::from_utf8(&raw).ok().and_then(|text| text.parse::<u64>().ok());
        let value = value.filter(|_| raw.len() <= 18);
        let unit_ns = if raw.iter().any(|b| !b.is_ascii_digit()) {
            let lograge = [" controller=", "\"controller\":"];
            if holds_zap_time(line) {
                second
            } else if lograge.iter().any(|key| position(line, key.as_bytes()).is_some()) {
                1_000_000
            } else {
                return;
            }
        } else {
            let behind = |front: &str| {
                let rest = line.strip_prefix(front.as_bytes())?;
                Some(&rest[run(rest, 0, |b| b != b'"')..])
            };
            let zap = behind("{\"level\":\"")
                .is_some_and(|rest| rest.starts_with(b"\",\"ts\":") && holds_zap_time(rest));
            let slog = behind("{\"time\":\"")
                .and_then(|rest| rest.strip_prefix(b"\",\"level\":\""))
                .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_uppercase));
            match value {
                Some(1..1_000) if zap && rule == Rule::Seconds => second,
                Some(10_000..1_000_000) if slog => 1,
                _ => return,
            }
        };
        self.duration.value = number(&raw, unit_ns).or(self.duration.value);
    }

    fn record(self) -> Record {
        Record {
            time_ns: self.time.value,
            level: self.level.value.unwrap_or(Level::None),
            status: self.status.value,
            duration_ns: self.duration.value,
            bytes_sent: self.bytes.value,
            method: self.method.value.unwrap_or_default(),
            path: self.path.value.unwrap_or_default(),
            client: self.client.value.unwrap_or_default(),
            message: self.message.value.unwrap_or_default(),
        }
    }

    fn any_usable(&self) -> bool {
        [
            self.time.rank,
            self.level.rank,
            self.message.rank,
            self.status.rank,
            self.duration.rank,
            self.method.rank,
            self.path.rank,
            self.client.rank,
            self.bytes.rank,
        ]
        .iter()
        .any(|&rank| rank > 0)
    }
}

fn position(line: &[u8], part: &[u8]) -> Option<usize> {
    line.windows(part.len()).position(|window| window == part)
}

/// Whether the first `"ts":` has digits and a point behind it.
fn holds_zap_time(line: &[u8]) -> bool {
    position(line, b"\"ts\":").is_some_and(|at| {
        let digits = run(line, at + 5, |b| b.is_ascii_digit());
        digits > 0 && line.get(at + 5 + digits) == Some(&b'.')
    })
}

/// What of a name as it is written matters to its value.
#[derive(Clone, Copy)]
struct Named {
    /// It is one key, `Duration`.
    is_capital_duration: bool,
}

/// Meaning and rank of the name that these keys make.
fn meaning(keys: &[Vec<u8>]) -> Option<(Meaning, u8, Named)> {
    let mut keys = keys;
    while keys.len() > 1 && SEE_THROUGH.split_whitespace().any(|word| spells(word, &keys[0])) {
        keys = &keys[1..];
    }
    let named = Named { is_capital_duration: keys == [b"Duration"] };
    for &(meaning, rank, names) in NAMES {
        if names.split_whitespace().any(|name| names_value(name, keys)) {
            return Some((meaning, rank, named));
        }
    }
    for &(meaning, names) in DURATIONS {
        for name in names.split_whitespace() {
            if names_value(name, keys) {
                return Some((meaning, 3, named));
            }
            for &(unit, suffixes) in SUFFIXES {
                for suffix in suffixes.split_whitespace() {
                    if names_value(&format!("{name}_{suffix}"), keys) {
                        return Some((Meaning::Duration(Rule::Fixed(unit)), 3, named));
                    }
                }
            }
        }
    }
    None
}

/// Whether keys, joined by dots, are this name.
fn names_value(name: &str, keys: &[Vec<u8>]) -> bool {
    let [first, rest @ ..] = keys else {
        return false;
    };
    if rest.is_empty() {
        return spells(name, first);
    }
    name.match_indices('.')
        .any(|(dot, _)| spells(&name[..dot], first) && names_value(&name[dot + 1..], rest))
}

/// Whether a key is a spelling of (a part of) a name.
fn spells(name: &str, key: &[u8]) -> bool {
    let key = match key {
        [b'@' | b'_', rest @ ..] => rest,
        _ => key,
    };
    if key.len() > KEY_BYTES_MAX {
        return false;
    }
    let key = key.to_ascii_lowercase();
    if name.replace('_', "-").as_bytes() == key {
        return true;
    }
    let mut at = 0;
    for b in name.bytes() {
        if key.get(at) == Some(&b) {
            at += 1;
        } else if b != b'_' {
            return false;
        }
    }
    at == key.len()
}

fn field_time(field: &Field, clock: &Clock) -> Option<i64> {
    if field.text.is_some()
        && let Some((time_ns, end)) = clock.any(&field.raw, 0)
        && end == field.raw.len()
    {
        return Some(time_ns);
    }
    epoch(&field.raw).filter(|&ns| ns >= fields::EPOCH_SECONDS_MIN * SECOND)
}

fn short_level(raw: &[u8]) -> Option<Level> {
    match raw {
        [letter] => level_of_letter(*letter),
        [b'D', b'1'..=b'5'] => Some(Level::Debug),
        word => level_of_word(word),
    }
}

/// How long the scheme and `://` are that a URL begins with.
fn scheme(text: &[u8]) -> Option<usize> {
    let len = run(text, 0, |b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    (len > 0 && text[len..].starts_with(b"://")).then_some(len + 3)
}

fn path_of_url(text: &[u8]) -> Vec<u8> {
    let Some(host) = scheme(text) else {
        return text.to_vec();
    };
    let end = host + run(text, host, |b| !b"/?#".contains(&b));
    if text.get(end) == Some(&b'/') { text[end..].to_vec() } else { b"/".to_vec() }
}

/// Method (which may be empty) and path of a request line.
fn request_line(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let word = |text: &[u8]| text[..run(text, 0, |b| b != b' ')].to_vec();
    if text.starts_with(b"/") {
        return Some((Vec::new(), word(text)));
    }
    let method = word(text);
    if !(1..=20).contains(&method.len()) || !method.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let target = word(text.get(method.len() + 1..)?);
    let fits = target.starts_with(b"/") || target == b"*" || scheme(&target).is_some();
    fits.then(|| (method, path_of_url(&target)))
}

fn client_of_address(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"-" || text.is_empty() {
        return None;
    }
    if let (Some(b'['), Some(close)) = (text.first(), find(text, 0, b']')) {
        return Some(text[1..close].to_vec()).filter(|client| !client.is_empty());
    }
    let parts: Vec<&[u8]> = text.split(|&b| b == b':').collect();
    match parts[..] {
        [host, _] if !host.is_empty() => Some(host.to_vec()),
        _ => Some(text.to_vec()),
    }
}

// ----------------------------------------------------------------------------------------- JSON

fn json_record(line: &[u8], clock: &Clock) -> Option<Record> {
    let mut fields = Fields::of(&Json::object(line, false)?, clock);
    fields.settle(line);
    fields.any_usable().then(|| fields.record())
}

/// Whether the line is one object, as far as the format `json` is concerned.
pub fn is_json_object(line: &[u8]) -> bool {
    Json::object(line, false).is_some()
}

/// The first value of this name in a record that is not empty.
pub fn value_of_key(format: &str, line: &[u8], name: &str) -> Option<Vec<u8>> {
    let fields = match format {
        "json" => Json::object(line, true)?,
        "logfmt" => logfmt_pairs(line)?.0,
        _ => return None,
    };
    let named = fields.into_iter().filter(|field| field.keys.join(&b'.') == name.as_bytes());
    named.map(|field| field.text.unwrap_or(field.raw)).find(|value| !value.is_empty())
}

/// A parser that goes down the grammar of RFC 8259 a byte at a time.
struct Json<'a> {
    text: &'a [u8],
    at: usize,
    found: Vec<Field>,
    /// Whether `true` and `false` are values.
    words: bool,
}

impl<'a> Json<'a> {
    /// All scalar values with a name, if the text is one object.
    fn object(text: &'a [u8], words: bool) -> Option<Vec<Field>> {
        let mut json = Json { text, at: 0, found: Vec::new(), words };
        json.space();
        if json.peek() != Some(b'{') {
            return None;
        }
        json.value(Some(&[]), 0)?;
        (json.at == text.len()).then_some(json.found)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        self.at += run(self.text, self.at, |b| b" \t\r\n".contains(&b));
    }

    /// The byte, and white space behind it.
    fn token(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at += 1;
        self.space();
        Some(())
    }

    /// A value and white space; `keys` are None inside of arrays; so many objects and arrays are
    /// open.
    fn value(&mut self, keys: Option<&[Vec<u8>]>, open: usize) -> Option<()> {
        match self.peek()? {
            b'{' if open < 64 => self.members(keys, open + 1)?,
            b'[' if open < 64 => self.elements(open + 1)?,
            b'"' => {
                let raw = self.string()?;
                let text = Some(unescaped(raw));
                self.found.extend(keys.map(|keys| Field {
                    keys: keys.to_vec(),
                    raw: raw.to_vec(),
                    text,
                }));
            }
            b'-' | b'0'..=b'9' => {
                let raw = self.number()?.to_vec();
                self.found.extend(keys.map(|keys| Field { keys: keys.to_vec(), raw, text: None }));
            }
            _ => {
                let words = [&b"true"[..], b"false", b"null"];
                let word = words.iter().find(|word| self.text[self.at..].starts_with(word))?;
                self.at += word.len();
                self.found.extend(
                    keys.filter(|_| self.words && *word != b"null").map(|keys| Field {
                        keys: keys.to_vec(),
                        raw: word.to_vec(),
                        text: None,
                    }),
                );
            }
        }
        self.space();
        Some(())
    }

    fn members(&mut self, keys: Option<&[Vec<u8>]>, open: usize) -> Option<()> {
        self.token(b'{')?;
        if self.peek()? != b'}' {
            loop {
                let key = self.string()?.to_vec();
                self.space();
                self.token(b':')?;
                let inner = keys.map(|keys| [keys, &[key]].concat());
                self.value(inner.as_deref(), open)?;
                if self.peek()? != b',' {
                    break;
                }
                self.token(b',')?;
            }
        }
        (self.peek()? == b'}').then(|| self.at += 1)
    }

    fn elements(&mut self, open: usize) -> Option<()> {
        self.token(b'[')?;
        if self.peek()? != b']' {
            loop {
                self.value(None, open)?;
                if self.peek()? != b',' {
                    break;
                }
                self.token(b',')?;
            }
        }
        (self.peek()? == b']').then(|| self.at += 1)
    }

    /// What is between the quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        (self.peek()? == b'"').then_some(())?;
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.get(at)? {
                b'"' => break,
                b'\\' => match self.text.get(at + 1)? {
                    b'u' => {
                        hex(self.text, at + 2)?;
                        at += 6;
                    }
                    escape if b"\"\\/bfnrt".contains(escape) => at += 2,
                    _ => return None,
                },
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(&self.text[start..at])
    }

    fn number(&mut self) -> Option<&'a [u8]> {
        let text = self.text;
        let count = |at: usize| Some(run(text, at, |b| b.is_ascii_digit())).filter(|&n| n > 0);
        let start = self.at;
        let mut at = start + usize::from(text[start] == b'-');
        let whole = count(at)?;
        if whole > 1 && text[at] == b'0' {
            return None;
        }
        at += whole;
        if text.get(at) == Some(&b'.') {
            at += 1 + count(at + 1)?;
        }
        if matches!(text.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
            at += 1 + sign + count(at + 1 + sign)?;
        }
        self.at = at;
        Some(&text[start..at])
    }
}

/// Four hexadecimal digits.
fn hex(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Text with JSON's escapes undone; what is no escape stays.
fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let simple = match raw.get(at + 1).filter(|_| raw[at] == b'\\') {
            Some(c @ (b'"' | b'\\' | b'/')) => Some(*c),
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            _ => None,
        };
        if let Some(byte) = simple {
            out.push(byte);
            at += 2;
            continue;
        }
        let unit = |at: usize| {
            raw.get(at..).filter(|rest| rest.starts_with(b"\\u"))?;
            hex(raw, at + 2)
        };
        let Some(high) = unit(at) else {
            out.push(raw[at]);
            at += 1;
            continue;
        };
        at += 6;
        let mut character = char::from_u32(high);
        if (0xd800..0xdc00).contains(&high)
            && let Some(low) = unit(at).filter(|low| (0xdc00..0xe000).contains(low))
        {
            character = char::from_u32(0x1_0000 + (high - 0xd800) * 0x400 + (low - 0xdc00));
            at += 6;
        }
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.to_string().as_bytes());
    }
    out
}

// --------------------------------------------------------------------------------------- logfmt

fn logfmt_record(line: &[u8], clock: &Clock) -> Option<Record> {
    let (pairs, flags) = logfmt_pairs(line)?;
    let mut fields = Fields::of(&pairs, clock);
    fields.settle(line);
    let is_request =
        [&fields.method.rank, &fields.path.rank, &fields.status.rank].iter().all(|&&rank| rank > 0);
    let says =
        fields.time.rank > 0 || fields.level.rank > 0 || fields.message.rank > 1 || is_request;
    (pairs.len() >= 2 && flags <= logfmt::FLAGS_MAX && says).then(|| fields.record())
}

/// The pairs of a line, and how many flags it has.
fn logfmt_pairs(line: &[u8]) -> Option<(Vec<Field>, usize)> {
    let first = *line.first()?;
    if !first.is_ascii_alphanumeric() && !b"_.-@/".contains(&first) {
        return None;
    }
    let is_blank = |b: u8| b == b' ' || b == b'\t';
    let mut pairs: Vec<Field> = Vec::new();
    let mut flags = 0;
    let mut at = 0;
    while at < line.len() {
        let key_len = run(line, at, |b| !is_blank(b) && b != b'=' && b != b'"');
        let key = &line[at..at + key_len];
        at += key_len;
        match line.get(at) {
            _ if key.is_empty() => return None,
            Some(b'"') => return None,
            Some(b'=') => {
                let (raw, text, end) = logfmt_value(line, at + 1)?;
                pairs.push(Field { keys: vec![key.to_vec()], raw, text: Some(text) });
                at = end;
            }
            _ if pairs.is_empty() => return None,
            _ => flags += 1,
        }
        at += run(line, at, is_blank);
    }
    Some((pairs, flags))
}

/// A value as it is written, what it says, and where it ends.
fn logfmt_value(line: &[u8], at: usize) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let is_blank = |b: u8| b == b' ' || b == b'\t';
    if line.get(at) != Some(&b'"') {
        let value = line[at..][..run(line, at, |b| !is_blank(b))].to_vec();
        let end = at + value.len();
        return Some((value.clone(), value, end));
    }
    let (raw, end) = quoted(line, at)?;
    if line.get(end).is_some_and(|&b| !is_blank(b)) {
        return None;
    }
    Some((raw.to_vec(), unescaped(raw), end))
}

// --------------------------------------------------------------------------------------- groups

/// Method and path with ids folded.
pub fn route(method: &[u8], path: &[u8]) -> Vec<u8> {
    let path = &path[..run(path, 0, |b| b != b'?' && b != b'#')];
    let folded: Vec<&[u8]> = path
        .split(|&b| b == b'/')
        .map(|segment| if is_id(segment) { b"{id}" } else { segment })
        .collect();
    let folded = folded.join(&b'/');
    if method.is_empty() { folded } else { [method, b" ", &folded].concat() }
}

fn is_id(segment: &[u8]) -> bool {
    segment.iter().any(u8::is_ascii_digit)
        && (segment.iter().all(u8::is_ascii_digit)
            || segment.len() >= 8 && segment.iter().all(u8::is_ascii_hexdigit)
            || segment.len() == 36 && uuid(segment).is_some())
}

/// The end of the UUID that `text` begins with.
fn uuid(text: &[u8]) -> Option<usize> {
    let fits = |(i, b): (usize, &u8)| match i {
        8 | 13 | 18 | 23 => *b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.get(..36)?.iter().enumerate().all(fits).then_some(36)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether no word byte stands before `at`.
fn starts(text: &[u8], at: usize) -> bool {
    at == 0 || !is_word(text[at - 1])
}

/// Whether no word byte stands at `at`.
fn ends(text: &[u8], at: usize) -> bool {
    !text.get(at).is_some_and(|&b| is_word(b))
}

/// A message with what varies masked.
pub fn template(message: &[u8]) -> Vec<u8> {
    let text = &message[..message.len().min(messages::TEMPLATE_OF_BYTES)];
    let mut out = Vec::new();
    // What is before `done` is in `out`.
    let (mut done, mut at) = (0, 0);
    while at < text.len() {
        let found = match text[at] {
            b'"' | b'\'' => mask_quoted(text, at),
            b'/' => mask_path(text, at),
            b if b.is_ascii_digit() => Some(mask_digit(text, at, done)),
            _ => None,
        };
        match found {
            Some((start, end, mask)) => {
                out.extend_from_slice(&text[done..start]);
                out.extend_from_slice(mask.as_bytes());
                (done, at) = (end, end);
            }
            None => at += 1,
        }
    }
    out.extend_from_slice(&text[done..]);
    out
}

/// From where to where, and what stands for it.
type Mask = (usize, usize, &'static str);

/// Rule 1.
fn mask_quoted(text: &[u8], open: usize) -> Option<Mask> {
    let single = text[open] == b'\'';
    if single && !starts(text, open) {
        return None;
    }
    let closes = |&i: &usize| {
        text[i] == text[open] && text[i - 1] != b'\\' && (!single || ends(text, i + 1))
    };
    let close = (open + 1..text.len()).find(closes)?;
    Some((open, close + 1, "<str>"))
}

/// Rule 6.
fn mask_path(text: &[u8], slash: usize) -> Option<Mask> {
    if !starts(text, slash) {
        return None;
    }
    let len = run(text, slash, |b| is_word(b) || b"/.-+@%~=:&?#!*$".contains(&b));
    let mut path = &text[slash..slash + len];
    while path.last().is_some_and(|b| b".:?!".contains(b)) {
        path = &path[..path.len() - 1];
    }
    (path.len() >= 2).then_some((slash, slash + path.len(), "<path>"))
}

/// Rules 2 to 5 and 7, in their order.
fn mask_digit(text: &[u8], at: usize, done: usize) -> Mask {
    let at_boundary = starts(text, at);
    if let Some(found) = mask_uuid_or_ipv6(text, at, done) {
        return found;
    }
    if at_boundary {
        if let Some(end) = ipv4(text, at) {
            return (at, end, "<ip>");
        }
        if text[at] == b'0' && matches!(text.get(at + 1), Some(b'x' | b'X')) {
            let len = run(text, at + 2, |b| b.is_ascii_hexdigit());
            if len > 0 && ends(text, at + 2 + len) {
                return (at, at + 2 + len, "<hex>");
            }
        }
    }
    let before = text[done..at].iter().rev().take_while(|b| b.is_ascii_hexdigit()).count();
    let (start, end) = (at - before, at + run(text, at, |b| b.is_ascii_hexdigit()));
    let has_letter = text[start..end].iter().any(u8::is_ascii_alphabetic);
    if end - start >= 8 && has_letter && starts(text, start) && ends(text, end) {
        return (start, end, "<hex>");
    }
    let mut end = at + run(text, at, |b| b.is_ascii_digit());
    if text.get(end) == Some(&b'.') && is_digit(text, end + 1) {
        end += 1 + run(text, end + 1, |b| b.is_ascii_digit());
    }
    (at, end, "<num>")
}

/// Rule 2.
fn mask_uuid_or_ipv6(text: &[u8], at: usize, done: usize) -> Option<Mask> {
    let mut start = at;
    while start > done
        && at - start < 45
        && (text[start - 1].is_ascii_hexdigit() || b"-:".contains(&text[start - 1]))
    {
        start -= 1;
    }
    while text[start] == b'-' || text[start] == b':' && text.get(start + 1) != Some(&b':') {
        start += 1;
    }
    if !starts(text, start) {
        return None;
    }
    let rest = &text[start..];
    if let Some(end) = uuid(rest).filter(|&end| at < start + end && ends(rest, end)) {
        return Some((start, start + end, "<uuid>"));
    }
    let len = run(rest, 0, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    let address = &rest[..len];
    let colons = address.iter().filter(|&&b| b == b':').count();
    let double = address.windows(2).any(|pair| pair == b"::");
    if len > 46 || colons < 7 && !double {
        return None;
    }
    let reads = |text: &[u8]| {
        std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let len = match address {
        _ if reads(address) => len,
        [shorter @ .., b':' | b'.'] if reads(shorter) => len - 1,
        _ => return None,
    };
    (at < start + len && ends(rest, len)).then_some((start, start + len, "<ip>"))
}

/// Rule 3: where the address ends.
fn ipv4(text: &[u8], at: usize) -> Option<usize> {
    if at > 0 && text[at - 1] == b'.' {
        return None;
    }
    let mut end = at;
    for part in 0..4 {
        if part > 0 {
            (text.get(end)? == &b'.').then_some(())?;
            end += 1;
        }
        let len = run(text, end, |b| b.is_ascii_digit());
        if !(1..=3).contains(&len) || digits(text, end, len)? > 255 {
            return None;
        }
        end += len;
    }
    let port = run(text, end + 1, |b| b.is_ascii_digit());
    if text.get(end) == Some(&b':') && (1..=5).contains(&port) && ends(text, end + 1 + port) {
        end += 1 + port;
    }
    let more = text.get(end) == Some(&b'.') && is_digit(text, end + 1);
    (ends(text, end) && !more).then_some(end)
}
