//! What the keys of structured records mean: one table for JSON and logfmt.
//!
//! This module knows keys and values, and nothing of the syntax around them.
//!
//! # Names
//! The name of a value is its key; inside of nested objects, all keys on the way to it joined by
//! dots. `{"http":{"response":{"status_code":200}}}`, `{"http.response":{"status_code":200}}` and
//! `{"http.response.status_code":200}` give the same name. Two exceptions:
//! - [`SEE_THROUGH`] lists keys of objects whose members count as members of the outermost object
//!   (`{"fields":{"message":"x"}}` gives `message`). Only where the name so far is empty.
//! - Values inside of arrays have no name.
//!
//! [`NAMES`] and [`DURATIONS`] list the known names in lower case. A key matches without regard to
//! the case of ASCII letters, each `_` may be left out (so `status_code` is `statusCode` as well),
//! or all of them written as `-`, and one `@` or `_` before a key is ignored. A key is compared as
//! it is written, escapes included, and a key of more than [`KEY_BYTES_MAX`] bytes (without that
//! `@` or `_`) is unknown. A name that is not known but begins a known one (`http`) leads on.
//!
//! # Values
//! A value is text (a JSON string; any value in logfmt) or a number. Text that is a number is read
//! as a number wherever one is wanted. Every name has a meaning and a rank of 1 to 3. Among values
//! with the same meaning the usable one of the highest rank counts, among equal ranks the first in
//! the line. So does the first of duplicate keys. What is usable:
//!
//! | meaning | usable |
//! |---|---|
//! | time | text that is a timestamp ([`Clock::any`]) from end to end; else a number by [`timestamp::epoch`] that is not before [`EPOCH_SECONDS_MIN`] |
//! | level | anything non-empty, by [`Level::from_field`]; a level that this does not know (OTHER) has rank 1 |
//! | short level | one ASCII letter by [`Level::from_letter`], `D1` to `D5` as DEBUG, or a word by [`Level::from_word`] |
//! | message | text, even if empty |
//! | status | exactly three digits, 100 to 599 |
//! | duration | see below |
//! | method | text of 1 to 20 ASCII letters |
//! | path | non-empty text. If it begins with a scheme (letters, digits, `+`, `-`, `.`) and `://`: what begins with the first `/` behind that, or `/` if `?`, `#` or the end come first |
//! | request | text: up to 20 ASCII letters, one space, and a path that begins with `/` or a scheme as above, or is `*`, up to the next space or the end; gives method and path. Or text that begins with `/`: a path up to the next space or the end |
//! | forwarded | as a client, of what stands before the first comma |
//! | client | non-empty text other than `-`. If it begins with `[`, what stands before the next `]`; if it holds exactly one `:`, what stands before that, provided it is not empty (so ports are dropped) |
//! | bytes | 1 to 18 digits |
//!
//! Of message, path, request and client, escapes are undone first; all others are compared as they
//! are written.
//!
//! # Durations
//! Text that [`with_unit`] or [`of_clock`] reads has its own unit, whatever the key says. Any other
//! value must be a number ([`decimal`]), and its unit is that of the first rule that applies:
//!
//! | key | unit |
//! |---|---|
//! | one of [`DURATIONS`] with a suffix of [`SUFFIXES`], joined by `_` or nothing | the suffix's |
//! | `Duration`, in exactly this case, as the whole key (Traefik) | ns |
//! | a name with a fixed unit: `event.duration` (ns), `request_time` (s), … | that unit |
//! | `duration`, number with `.` or an exponent (zap, Caddy) | s, as a guess |
//! | `duration`, `elapsed`, `latency`, `dur`: whole number of at least 1,000,000 (Go's slog, echo) | ns, as a guess |
//! | any other | ms, as a guess |
//! | `latency_human`, `service` | none: without a unit of its own it is not usable |
//!
//! A guess has rank 1, anything else the rank of the name, which is 2 or 3. So `"latency":430000`
//! beside `"latency_human":"430µs"` is 430 µs.
//!
//! Who wrote the line may know better than a guess. Looked for as bytes of the whole line:
//!
//! | the line | writer | the number | unit |
//! |---|---|---|---|
//! | holds `"ts":` and, right behind it, digits and a point | zap, Caddy | with a point or exponent | s |
//! | begins with `{"level":"`, and behind its next `"` goes on with `,"ts":`, digits and a point | zap, Caddy | whole, 1 to 999, of `duration` | s |
//! | holds ` controller=` or `"controller":` | lograge | with a point or exponent | ms |
//! | begins with `{"time":"`, and behind its next `"` goes on with `,"level":"` and a capital letter | slog | whole, 10,000 to 999,999 | ns |
//!
//! `request_time` is a time for some (API Gateway): if it is no duration, it is tried as a time.

#[cfg(test)]
mod tests;

use super::duration::{decimal, of_clock, with_unit};
use super::{Context, Unit};
use crate::batch::{Record, Text};
use crate::level::Level;
use crate::lines::Line;
use crate::simd::Simd;
use crate::timestamp::{self, Clock, Stamp, eight_digits, leading_digits};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing known.
    Nothing,
    /// Time of the record.
    Time,
    /// Severity.
    Level,
    /// Severity under a key so short that only exact values count.
    ShortLevel,
    /// Message.
    Message,
    /// HTTP status.
    Status,
    /// Response time.
    Duration(Rule),
    /// Response time in seconds, or the time of the record.
    RequestTime,
    /// HTTP method.
    Method,
    /// Path or URL of the request.
    Path,
    /// Request line.
    Request,
    /// Client.
    Client,
    /// Clients, nearest last, with commas between them.
    Forwarded,
    /// Bytes sent.
    Bytes,
}

/// How a duration without a unit of its own is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The name fixes the unit.
    Fixed(Unit),
    /// Decimals are seconds, large whole numbers nanoseconds, small ones milliseconds.
    Seconds,
    /// Large whole numbers are nanoseconds, all else milliseconds.
    Whole,
    /// Milliseconds.
    Millis,
    /// Not at all.
    Never,
}

/// Longest key that can be known.
pub const KEY_BYTES_MAX: usize = 32;

/// A number before this many seconds after 1970 (1973-03-03) is no time: counters and offsets
/// such as `"t": 12` are far more likely than logs of that age.
pub const EPOCH_SECONDS_MIN: i64 = 100_000_000;

/// A whole number from which on a guess says nanoseconds: 1 ms as such, or 17 minutes.
const NANOSECONDS_FROM: u64 = 1_000_000;

/// Whole numbers without a unit that are nanoseconds if slog wrote them. Requests below 10 µs are as
/// rare as ones of more than 10 s, which is what smaller numbers would be if their unit was wrong.
const SLOG_NANOSECONDS: Range<u64> = 10_000..NANOSECONDS_FROM;

/// Keys of objects whose members count as members of the outermost object.
pub const SEE_THROUGH: &str =
    "fields attributes properties json_payload extra context mdc meta attr";

/// Known names other than durations: meaning, rank, names.
pub const NAMES: &[(Meaning, u8, &str)] = &[
    (
        Meaning::Time,
        3,
        "time timestamp ts datetime date_time date t t.$date asctime event_time event_timestamp \
         logged_at log_time log_timestamp time_local time_iso8601 time_unix_nano time_millis \
         edge_start_timestamp request_time_epoch record.time.repr \
         request_received_timestamp time_stamp last_timestamp",
    ),
    (
        Meaning::Time,
        2,
        "start_time started_at start_utc stage_timestamp timestamp.seconds instant.epoch_second \
         created_at created event.created receive_timestamp timestamp_seconds msec",
    ),
    (
        Meaning::Level,
        3,
        "level severity lvl log_level level_name log.level severity_text error_severity priority \
         level.name record.level.name",
    ),
    (Meaning::ShortLevel, 3, "l s"),
    (Meaning::ShortLevel, 2, "at"),
    (Meaning::Message, 3, "message msg short_message record.message text_payload"),
    (
        Meaning::Message,
        2,
        "event text log log.message body body.string_value m full_message rendered_message mt \
         message_template",
    ),
    (
        Meaning::Message,
        1,
        "error err error.message err.message err.msg error_message exception exception.message",
    ),
    (
        Meaning::Status,
        3,
        "status status_code http_status http_status_code http_code response_status response_code \
         response_status_code http.response.status_code http.status_code http.status \
         res.status_code res.status response.status response.status_code response_status.code \
         http_request.status downstream_status edge_response_status http_response_code \
         http_response_status http.response.status http.response.code resp.status resp_status",
    ),
    (Meaning::Status, 2, "code origin_status"),
    (
        Meaning::Method,
        3,
        "method http_method request_method verb http.method http.request.method request.method \
         req.method http_request.request_method http_request.http_method client_request_method",
    ),
    (
        Meaning::Path,
        3,
        "path url uri request_uri request_path request_url http_path http_url uri_path \
         resource_path http.url http.target http.path url.path url.original url.full request.uri \
         request.url request.path req.url req.path http_request.request_url http_request.uri \
         client_request_uri client_request_path",
    ),
    (Meaning::Path, 2, "route http.route full_path"),
    (Meaning::Request, 1, "request request_line http_request"),
    (
        Meaning::Client,
        3,
        "client client_ip remote_addr remote_ip remote_address remote_host remote client_host \
         client_addr client_address source_ip source_ip_address source.ip source.address client.ip \
         client.address request.remote_ip request.remote_addr request.client_ip req.remote_address \
         req.ip http_request.remote_ip http_request.client_ip http.client_ip network.client.ip \
         downstream_remote_address",
    ),
    (Meaning::Client, 2, "ip real_ip x_real_ip user_ip src_ip"),
    (Meaning::Forwarded, 1, "fwd x_forwarded_for http_x_forwarded_for forwarded_for"),
    (
        Meaning::Bytes,
        3,
        "bytes_sent body_bytes_sent bytes_out bytes_written response_size response_bytes \
         response_length resp_size content_length http.response.body.bytes http.response.bytes \
         http.response_size http_request.response_size response.size res.content_length \
         network.bytes_written downstream_content_size edge_response_bytes \
         res.headers.content_length resp_bytes",
    ),
    (Meaning::Bytes, 2, "bytes size"),
    (Meaning::Duration(Rule::Fixed(Unit::Nanoseconds)), 3, "event.duration"),
    (
        Meaning::Duration(Rule::Fixed(Unit::Seconds)),
        3,
        "http.server.request.duration http.server.duration",
    ),
    (
        Meaning::Duration(Rule::Fixed(Unit::Milliseconds)),
        3,
        "latencies.request response_latency elasticsearch.slowlog.took \
         record.metrics.duration_ms origin_response_duration_ms",
    ),
    (Meaning::Duration(Rule::Fixed(Unit::Milliseconds)), 2, "time_ms ms upstream_service_time"),
    (Meaning::Duration(Rule::Fixed(Unit::Seconds)), 2, "upstream_response_time"),
    (Meaning::Duration(Rule::Whole), 3, "http_request.latency"),
    (Meaning::Duration(Rule::Never), 3, "latency_human"),
    (Meaning::Duration(Rule::Never), 2, "service"),
];

/// Names of durations, which may have a suffix of [`SUFFIXES`]: meaning without one, names.
/// All have rank 3.
pub const DURATIONS: &[(Meaning, &str)] = &[
    (Meaning::Duration(Rule::Seconds), "duration"),
    (Meaning::Duration(Rule::Whole), "elapsed latency dur"),
    (
        Meaning::Duration(Rule::Millis),
        "took response_time res.response_time processing_time process_time request_duration \
         request_latency time_taken time_elapsed elapsed_time execution_time exec_time runtime \
         run_time rt cost http.duration total_time total_duration query_time query_duration \
         handler_time service_time req_time resp_time response_duration http_duration",
    ),
    (Meaning::RequestTime, "request_time"),
];

/// Suffixes of durations.
pub const SUFFIXES: &[(Unit, &str)] = &[
    (Unit::Nanoseconds, "ns nanos nanoseconds"),
    (Unit::Microseconds, "us usec usecs micros microseconds"),
    (Unit::Milliseconds, "ms msec msecs millis milliseconds"),
    (Unit::Seconds, "s sec secs seconds"),
];

/// The objects that a key may stand in, as far as the table tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(u8);

impl Group {
    /// The outermost object.
    pub const ROOT: Group = Group(0);
    /// An object in which no name is known.
    pub const NOWHERE: Group = Group(u8::MAX);

    /// A number of its own for each group.
    #[inline(always)]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The group of this number.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Group {
        Group(number)
    }
}

/// What the table says of a key.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Meaning of the value.
    pub meaning: Meaning,
    /// Rank among values of the same meaning, 1 to 3.
    rank: u8,
    /// What the members of the value are, if it is an object.
    pub inside: Group,
}

impl Known {
    /// Nothing is known of the key.
    pub const NOTHING: Known = Known { meaning: Meaning::Nothing, rank: 0, inside: Group::NOWHERE };

    /// Rank among values of the same meaning, 1 to 3, if the value is usable and no guess.
    pub(super) fn rank(self) -> u8 {
        self.rank
    }
}

/// Keys are compared as integers: the first and the last eight bytes, then the second eight and
/// the last but eight, which overlap. Of keys up to eight bytes only the first word is used.
#[derive(Clone, Copy)]
struct Entry {
    /// The lower-case key.
    words: [u64; 4],
    /// 0x20 where the key has a letter: setting that bit makes the letter lower case.
    folds: [u64; 4],
    /// Length and group.
    size: u32,
    known: Known,
}

/// The table as a hash table with open addressing.
pub struct Names {
    /// Tag in the upper half, index + 1 in the lower; 0 if empty.
    slots: Box<[u32; SLOTS]>,
    entries: Vec<Entry>,
}

/// At least twice the number of entries, which a test asserts.
const SLOTS: usize = 8192;

/// Upper to lower case, for all bytes at once; not only of letters, which is enough for hashing.
const FOLD: u64 = 0x2020_2020_2020_2020;

#[inline(always)]
fn hash(first: u64, last: u64, size: u32) -> u64 {
    ((first | FOLD) ^ (last | FOLD).rotate_left(29) ^ u64::from(size))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline(always)]
fn size_of(group: Group, len: usize) -> u32 {
    len as u32 | u32::from(group.0) << 8
}

impl Names {
    /// The table, which is built once.
    pub fn get() -> &'static Names {
        static NAMES: LazyLock<Names> = LazyLock::new(build);
        &NAMES
    }

    /// What is known of the key `line[start..end]` in an object of this group.
    #[inline(always)]
    pub fn look_up(&self, line: Line<'_>, group: Group, start: usize, end: usize) -> Known {
        let mark = line.byte(start);
        let start = start + usize::from((mark == b'@' || mark == b'_') && start < end);
        let len = end - start;
        if len.wrapping_sub(1) >= KEY_BYTES_MAX {
            return Known::NOTHING;
        }
        let size = size_of(group, len);
        let (first, last) = if len <= 8 {
            (line.u64_at(start) & (u64::MAX >> (64 - 8 * len)), 0)
        } else {
            (line.u64_at(start), line.u64_before(end))
        };
        let hash = hash(first, last, size);
        let mut slot = (hash >> 32) as usize;
        loop {
            let found = self.slots[slot % SLOTS];
            if found == 0 {
                return Known::NOTHING;
            }
            if found >> 16 == (hash >> 48) as u32 {
                let entry = &self.entries[(found as u16 - 1) as usize];
                let same = entry.size == size
                    && first | entry.folds[0] == entry.words[0]
                    && last | entry.folds[1] == entry.words[1]
                    && (len <= 16
                        || line.u64_at(start + 8) | entry.folds[2] == entry.words[2]
                            && line.u64_before(end - 8) | entry.folds[3] == entry.words[3]);
                if same {
                    return entry.known;
                }
            }
            slot += 1;
        }
    }

    /// Adds a key; of a key that is there already, only what is not known yet.
    fn insert(&mut self, group: Group, key: &str, known: Known) {
        let bytes = key.as_bytes();
        let word = |range: Range<usize>| {
            let mut word = [0; 8];
            word[..range.len()].copy_from_slice(&bytes[range]);
            u64::from_le_bytes(word)
        };
        let len = bytes.len();
        assert!((1..=KEY_BYTES_MAX).contains(&len), "{key}");
        let words = [
            word(0..len.min(8)),
            if len > 8 { word(len - 8..len) } else { 0 },
            if len > 16 { word(8..16) } else { 0 },
            if len > 16 { word(len - 16..len - 8) } else { 0 },
        ];
        let size = size_of(group, len);
        let hash = hash(words[0], words[1], size);
        let mut slot = (hash >> 32) as usize;
        while self.slots[slot % SLOTS] != 0 {
            let old = &mut self.entries[(self.slots[slot % SLOTS] as u16 - 1) as usize];
            if old.size == size && old.words == words {
                if old.known.meaning == Meaning::Nothing {
                    (old.known.meaning, old.known.rank) = (known.meaning, known.rank);
                }
                if old.known.inside == Group::NOWHERE {
                    old.known.inside = known.inside;
                }
                return;
            }
            slot += 1;
        }
        let fold = |b: u8| u8::from(b.is_ascii_lowercase()) << 5;
        let folds = words.map(|w| u64::from_le_bytes(w.to_le_bytes().map(fold)));
        self.entries.push(Entry { words, folds, size, known });
        self.slots[slot % SLOTS] = ((hash >> 48) as u32) << 16 | self.entries.len() as u32;
    }
}

/// Every way to write `key`: each `_` there or left out, or all of them as `-`.
fn spellings(key: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for part in key.split_inclusive('_') {
        let (word, separated) = part.strip_suffix('_').map_or((part, false), |w| (w, true));
        let mut next = Vec::new();
        for begun in all {
            if separated && !word.is_empty() {
                next.push(format!("{begun}{word}"));
            }
            next.push(format!("{begun}{part}"));
        }
        all = next;
    }
    if key.contains('_') {
        all.push(key.replace('_', "-"));
    }
    all
}

fn build() -> Names {
    let mut names = Names { slots: Box::new([0; SLOTS]), entries: Vec::new() };
    let mut groups: HashMap<String, Group> = HashMap::from([(String::new(), Group::ROOT)]);
    let mut add = |name: &str, meaning, rank| {
        let segments: Vec<&str> = name.split('.').collect();
        for from in 0..segments.len() {
            let group = groups[&segments[..from].join(".")];
            for to in from + 1..=segments.len() {
                let known = if to == segments.len() {
                    Known { meaning, rank, inside: Group::NOWHERE }
                } else {
                    let next = Group(groups.len() as u8);
                    let inside = *groups.entry(segments[..to].join(".")).or_insert(next);
                    assert!(inside != Group::NOWHERE, "too many groups");
                    Known { inside, ..Known::NOTHING }
                };
                for key in spellings(&segments[from..to].join(".")) {
                    names.insert(group, &key, known);
                }
            }
        }
    };
    for &(meaning, rank, list) in NAMES {
        list.split_whitespace().for_each(|name| add(name, meaning, rank));
    }
    for &(meaning, list) in DURATIONS {
        for name in list.split_whitespace() {
            add(name, meaning, 3);
            for &(unit, suffixes) in SUFFIXES {
                for suffix in suffixes.split_whitespace() {
                    let meaning = Meaning::Duration(Rule::Fixed(unit));
                    add(&format!("{name}_{suffix}"), meaning, 3);
                }
            }
        }
    }
    let through = Known { inside: Group::ROOT, ..Known::NOTHING };
    for key in SEE_THROUGH.split_whitespace().flat_map(spellings) {
        names.insert(Group::ROOT, &key, through);
    }
    names
}

/// A value: where it is in the line, without its quotes.
#[derive(Debug, Clone, Copy)]
pub struct Value {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
    /// Whether it holds escapes.
    pub escaped: bool,
    /// Whether it can only be a number.
    pub number: bool,
}

/// What a value counts as.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// What is known of its key.
    pub known: Known,
    /// The [parts](places) of the record that it gives, as bits.
    pub wins: u16,
    /// Whether no other value has the same meaning.
    pub alone: bool,
}

/// What has been found in a line so far, beside the record itself.
pub struct Fields<'a> {
    line: Line<'a>,
    /// The highest rank of a usable value per meaning, 0 for none.
    ranks: [u8; PLACES],
    message: Value,
    /// Where the number is whose unit was a guess that its writer may know better.
    open: Value,
    /// The same of a whole number, or 0.
    open_whole: u64,
    all_messages: bool,
}

pub(super) const PLACES: usize = 9;
pub(super) const TIME: usize = 0;
pub(super) const LEVEL: usize = 1;
pub(super) const MESSAGE: usize = 2;
pub(super) const STATUS: usize = 3;
pub(super) const DURATION: usize = 4;
pub(super) const METHOD: usize = 5;
pub(super) const PATH: usize = 6;
pub(super) const CLIENT: usize = 7;
pub(super) const BYTES: usize = 8;

/// What values compete for: the parts of a record.
pub(super) mod places {
    use super::Meaning;

    pub(in crate::format) use super::{
        BYTES, CLIENT, DURATION, LEVEL, MESSAGE, METHOD, PATH, PLACES as COUNT, STATUS, TIME,
    };

    /// For which parts, as bits, a value of this meaning counts if it is usable: text, or a number.
    ///
    /// [`Meaning::RequestTime`] counts for the time as well, where it is no duration.
    pub fn of(meaning: Meaning, text: bool) -> u16 {
        let only_text = |bits| if text { bits } else { 0 };
        match meaning {
            Meaning::Nothing => 0,
            Meaning::Time => 1 << TIME,
            Meaning::Level | Meaning::ShortLevel => 1 << LEVEL,
            Meaning::Message => only_text(1 << MESSAGE),
            Meaning::Status => 1 << STATUS,
            Meaning::Duration(_) | Meaning::RequestTime => 1 << DURATION,
            Meaning::Method => only_text(1 << METHOD),
            Meaning::Path => only_text(1 << PATH),
            Meaning::Request => only_text(1 << METHOD | 1 << PATH),
            Meaning::Client | Meaning::Forwarded => only_text(1 << CLIENT),
            Meaning::Bytes => 1 << BYTES,
        }
    }
}

/// Longest method, in a field of its own or in a request line.
const METHOD_BYTES_MAX: usize = 20;

impl<'a> Fields<'a> {
    /// Nothing found in this line.
    #[inline(always)]
    pub fn new(line: Line<'a>) -> Self {
        let nothing = Value { start: 0, end: 0, escaped: false, number: false };
        Fields {
            line,
            ranks: [0; PLACES],
            message: nothing,
            open: nothing,
            open_whole: 0,
            all_messages: false,
        }
    }

    /// Takes in the value of a key, which was written at `key`.
    #[inline(always)]
    pub fn take<S: Simd>(
        &mut self,
        known: Known,
        key: usize,
        value: Value,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) {
        let (line, rank) = (self.line, known.rank);
        let bytes = &line.bytes()[value.start..value.end];
        match known.meaning {
            Meaning::Nothing => {}
            Meaning::Level => self.level(rank, level(line, value, bytes), record),
            Meaning::Message => {
                if rank > self.ranks[MESSAGE] {
                    self.ranks[MESSAGE] = rank;
                    self.message = value;
                    self.all_messages = context.all_messages;
                }
            }
            Meaning::Method => {
                if rank > self.ranks[METHOD] && is_method::<S>(line, value, bytes) {
                    self.ranks[METHOD] = rank;
                    record.method = Text::of_line(value.start, value.end);
                }
            }
            Meaning::Path => {
                // Behind an empty text may stand a slash, too, but empty it remains.
                let text = if !value.escaped && line.byte(value.start) == b'/' {
                    Text::of_line(value.start, value.end)
                } else {
                    kept(value, bytes, arena, path)
                };
                if rank > self.ranks[PATH] && !text.is_empty() {
                    self.ranks[PATH] = rank;
                    record.path = text;
                }
            }
            Meaning::Client => {
                let plain =
                    !value.escaped && Fields::is_plain_client::<S>(line, value.start, value.end);
                let text = if plain {
                    Text::of_line(value.start, value.end)
                } else {
                    kept(value, bytes, arena, client)
                };
                if rank > self.ranks[CLIENT] && !text.is_empty() {
                    self.ranks[CLIENT] = rank;
                    record.client = text;
                }
            }
            Meaning::Request => self.request(rank, value, bytes, arena, record),
            Meaning::Forwarded => self.forwarded(rank, value, bytes, arena, record),
            _ => self.take_scalar(known, key, value, context, record),
        }
    }

    /// Whether a client without escapes is so written that nothing of it is cut off.
    #[inline(always)]
    pub(super) fn is_plain_client<S: Simd>(line: Line<'_>, start: usize, end: usize) -> bool {
        let len = end - start;
        let colons = line.eq32::<S>(start, b':');
        (2..32).contains(&len) && colons & ((1 << len) - 1) == 0 && line.byte(start) != b'['
    }

    /// The text of a message with escapes.
    #[cold]
    #[inline(never)]
    pub(super) fn whole_message(line: Line<'_>, value: Value, arena: &mut Vec<u8>) -> Text {
        kept(value, &line.bytes()[value.start..value.end], arena, whole_text)
    }

    /// Takes a value into its parts of the record as if there was no other for them; false if
    /// another could count: where this one is not usable, or has rivals and not the rank of its name.
    #[inline(always)]
    pub(super) fn take_alone<S: Simd>(
        line: Line<'_>,
        part: Part,
        key: usize,
        value: Value,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let Part { known, wins, alone } = part;
        let Some(bytes) = line.bytes().get(value.start..value.end) else { return false };
        let mut fields = Fields::new(line);
        let mut found = Record::EMPTY;
        match whole(bytes).filter(|_| value.number && bytes.len() < 8) {
            Some(number) => fields.take_whole(known, key, number, bytes.len() as u32, &mut found),
            None if value.number => fields.take_scalar(known, key, value, context, &mut found),
            None => fields.take::<S>(known, key, value, context, arena, &mut found),
        }
        fields.settle_if_open(&mut found);
        for place in (0..PLACES).filter(|place| wins >> place & 1 != 0) {
            let rank = fields.ranks[place];
            if rank == 0 || rank != known.rank && !alone {
                return false;
            }
            match place {
                TIME => (record.time_ns, record.second) = (found.time_ns, found.second),
                LEVEL => record.level = found.level,
                STATUS => record.status = found.status,
                DURATION => record.duration_ns = found.duration_ns,
                METHOD => record.method = found.method,
                PATH => record.path = found.path,
                CLIENT => record.client = found.client,
                BYTES => record.bytes_sent = found.bytes_sent,
                // Messages wait for the level, so that they are not taken one by one.
                _ => return false,
            }
        }
        true
    }

    /// The same for a number, or for text where text as such is not wanted.
    #[inline(never)]
    pub fn take_scalar(
        &mut self,
        known: Known,
        key: usize,
        value: Value,
        context: &mut Context,
        record: &mut Record,
    ) {
        let (line, rank) = (self.line, known.rank);
        let bytes = &line.bytes()[value.start..value.end];
        match known.meaning {
            Meaning::Time => self.time(rank, time(line, &mut context.clock, value), record),
            Meaning::Level => self.level(rank, Level::from_field(bytes), record),
            Meaning::ShortLevel => self.level(rank, short_level(bytes), record),
            Meaning::Status => self.status(rank, status(bytes), record),
            Meaning::Duration(rule) => {
                let before = self.ranks[DURATION];
                self.duration(rank, duration(line, key, bytes, rule), record);
                if before == 0 && self.ranks[DURATION] == 1 {
                    match whole(bytes) {
                        Some(number) if is_open(rule, number) => self.open_whole = number,
                        Some(_) => {}
                        None => self.open = value,
                    }
                }
            }
            Meaning::RequestTime => match duration(line, key, bytes, Rule::Fixed(Unit::Seconds)) {
                None => self.time(rank, time(line, &mut context.clock, value), record),
                found => self.duration(rank, found, record),
            },
            Meaning::Bytes => {
                if let Some(count) = whole(bytes) {
                    self.bytes(rank, count, record);
                }
            }
            // What can only be text.
            Meaning::Nothing
            | Meaning::Message
            | Meaning::Method
            | Meaning::Path
            | Meaning::Request
            | Meaning::Forwarded
            | Meaning::Client => {}
        }
    }

    /// The same for a whole number of one to seven digits, which has been read already.
    #[inline(always)]
    pub fn take_whole(
        &mut self,
        known: Known,
        key: usize,
        number: u64,
        digits: u32,
        record: &mut Record,
    ) {
        let (line, rank) = (self.line, known.rank);
        match known.meaning {
            Meaning::Duration(rule) => {
                let (unit, guess) = match rule {
                    Rule::Fixed(unit) => (unit, false),
                    Rule::Never => return,
                    rule => unit_of(line, key, rule, number >= NANOSECONDS_FROM),
                };
                if guess && is_open(rule, number) && self.ranks[DURATION] == 0 {
                    self.open_whole = number;
                }
                // Ten million seconds are far from the largest duration.
                self.duration(rank, Some((number * unit.nanos(), guess)), record);
            }
            Meaning::Status => {
                let valid = digits == 3 && (100..600).contains(&number);
                self.status(rank, valid.then_some(number as u16), record);
            }
            Meaning::Bytes => self.bytes(rank, number, record),
            Meaning::RequestTime => {
                self.duration(rank, Some((number * Unit::Seconds.nanos(), false)), record);
            }
            Meaning::Level => {
                let (tens, ones) = (number / 10 % 10, number % 10);
                let text = [b'0' + tens as u8, b'0' + ones as u8];
                let level = match digits {
                    1 => Level::from_field(&text[1..]),
                    2 => Level::from_field(&text),
                    _ => Level::Other,
                };
                self.level(rank, level, record);
            }
            // Of times, this would be before EPOCH_SECONDS_MIN.
            _ => {}
        }
    }

    /// The same for text that is a timestamp.
    #[inline(always)]
    pub fn take_time(&mut self, known: Known, stamp: Stamp, record: &mut Record) {
        self.time(known.rank, Some(stamp), record);
    }

    #[inline(always)]
    fn time(&mut self, rank: u8, stamp: Option<Stamp>, record: &mut Record) {
        if let Some(stamp) = stamp
            && rank > self.ranks[TIME]
        {
            self.ranks[TIME] = rank;
            record.time_ns = stamp.nanos_since_epoch();
            record.second = stamp.second;
        }
    }

    #[inline(always)]
    fn level(&mut self, rank: u8, level: Level, record: &mut Record) {
        let rank = match level {
            Level::None => 0,
            Level::Other => 1,
            _ => rank,
        };
        if rank > self.ranks[LEVEL] {
            self.ranks[LEVEL] = rank;
            record.level = level;
        }
    }

    #[inline(always)]
    fn status(&mut self, rank: u8, status: Option<u16>, record: &mut Record) {
        if let Some(status) = status
            && rank > self.ranks[STATUS]
        {
            self.ranks[STATUS] = rank;
            record.status = status;
        }
    }

    #[inline(always)]
    fn duration(&mut self, rank: u8, found: Option<(u64, bool)>, record: &mut Record) {
        if let Some((nanos, guess)) = found {
            let rank = if guess { 1 } else { rank };
            if rank > self.ranks[DURATION] {
                self.ranks[DURATION] = rank;
                record.duration_ns = nanos;
            }
        }
    }

    #[inline(always)]
    fn bytes(&mut self, rank: u8, count: u64, record: &mut Record) {
        if rank > self.ranks[BYTES] {
            self.ranks[BYTES] = rank;
            record.bytes_sent = count;
        }
    }

    #[cold]
    #[inline(never)]
    fn request(
        &mut self,
        rank: u8,
        value: Value,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) {
        let target = kept(value, bytes, arena, |text| Some(request(text)?.1));
        if !target.is_empty() && rank > self.ranks[PATH] {
            self.ranks[PATH] = rank;
            record.path = target;
        }
        let method = kept(value, bytes, arena, |text| Some(request(text)?.0));
        if !method.is_empty() && rank > self.ranks[METHOD] {
            self.ranks[METHOD] = rank;
            record.method = method;
        }
    }

    #[cold]
    #[inline(never)]
    fn forwarded(
        &mut self,
        rank: u8,
        value: Value,
        bytes: &[u8],
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) {
        let text = kept(value, bytes, arena, |text| {
            let first = text.iter().position(|&b| b == b',').unwrap_or(text.len());
            client(&text[..first])
        });
        if rank > self.ranks[CLIENT] && !text.is_empty() {
            self.ranks[CLIENT] = rank;
            record.client = text;
        }
    }

    #[inline(always)]
    fn settle_if_open(&self, record: &mut Record) {
        if self.ranks[DURATION] == 1 && (self.open.end > 0) | (self.open_whole > 0) {
            self.settle(record);
        }
    }

    /// Reads a duration again whose unit was a guess, if the line tells who wrote it.
    #[cold]
    #[inline(never)]
    fn settle(&self, record: &mut Record) {
        let line = self.line.bytes();
        let number = &line[self.open.start..self.open.end];
        if number.iter().any(|b| !b.is_ascii_digit()) {
            let unit = if is_of_zap(line) {
                Unit::Seconds
            } else if is_of_lograge(line) {
                Unit::Milliseconds
            } else {
                return;
            };
            if let Some(nanos) = decimal(number, unit) {
                record.duration_ns = nanos;
            }
            return;
        }
        match self.open_whole {
            seconds @ 1..1_000 if is_of_zap_alone(line) => {
                record.duration_ns = seconds * Unit::Seconds.nanos();
            }
            nanos if SLOG_NANOSECONDS.contains(&nanos) && is_of_slog(line) => {
                record.duration_ns = nanos;
            }
            _ => {}
        }
    }

    /// Whether a time, a level or a message was found, whose names are those of logs, or a whole
    /// request: method, path and status.
    ///
    /// A message that is only an error does not count.
    #[inline(always)]
    pub fn looks_like_a_log(&self) -> bool {
        let ranks = &self.ranks;
        ranks[TIME] > 0
            || ranks[LEVEL] > 0
            || ranks[MESSAGE] > 1
            || ranks[METHOD] > 0 && ranks[PATH] > 0 && ranks[STATUS] > 0
    }

    /// Completes the record when the whole line has been read; whether anything was found.
    #[inline(always)]
    pub fn finish(&self, arena: &mut Vec<u8>, record: &mut Record) -> bool {
        self.settle_if_open(record);
        let Value { start, end, escaped, .. } = self.message;
        if !escaped {
            record.message = Text::of_line(start, end);
        } else if record.level >= Level::Warn || self.all_messages {
            // Of lesser records nobody reads the message, unless a condition does.
            record.message = kept(self.message, &self.line.bytes()[start..end], arena, whole_text);
        }
        self.ranks != [0; PLACES]
    }
}

fn whole_text(text: &[u8]) -> Option<Range<usize>> {
    Some(0..text.len())
}

/// The part of a value that `part` chooses after escapes are undone; no text for None.
#[inline(never)]
fn kept(
    value: Value,
    bytes: &[u8],
    arena: &mut Vec<u8>,
    part: impl Fn(&[u8]) -> Option<Range<usize>>,
) -> Text {
    if !value.escaped {
        return part(bytes)
            .map_or(Text::NONE, |r| Text::of_line(value.start + r.start, value.start + r.end));
    }
    let from = arena.len();
    unescape(bytes, arena);
    match part(&arena[from..]) {
        Some(r) if !r.is_empty() => Text::of_arena(from + r.start, from + r.end),
        _ => {
            arena.truncate(from);
            Text::NONE
        }
    }
}

#[inline(always)]
fn time(line: Line<'_>, clock: &mut Clock, value: Value) -> Option<Stamp> {
    if !value.number
        && !value.escaped
        && let Some((stamp, end)) = clock.iso(line.until(value.end), value.start)
        && end == value.end
    {
        return Some(stamp);
    }
    other_time(line, clock, value)
}

#[inline(never)]
fn other_time(line: Line<'_>, clock: &mut Clock, value: Value) -> Option<Stamp> {
    if value.escaped {
        return None;
    }
    if !value.number
        && let Some((stamp, end)) = clock.any(line.until(value.end), value.start)
        && end == value.end
    {
        return Some(stamp);
    }
    usual_epoch(line, value)
        .or_else(|| timestamp::epoch(&line.bytes()[value.start..value.end]))
        .filter(|stamp| stamp.second >= EPOCH_SECONDS_MIN)
}

/// Ten digits with one to seven decimals, or thirteen digits: today's seconds and milliseconds.
///
/// Only up to the year 2128. Where this answers, [`timestamp::epoch`] answers the same, ten times
/// as slowly.
#[inline]
fn usual_epoch(line: Line<'_>, value: Value) -> Option<Stamp> {
    let Value { start, end, .. } = value;
    let (count, first) = leading_digits(line.u64_at(start));
    if count < 8 || !(1..5).contains(&(first & 0xff)) || end < start + 12 {
        return None;
    }
    let first = eight_digits(first) as i64;
    let (count, rest) = leading_digits(line.u64_at(start + 8));
    if count == 5 && end == start + 13 {
        let millis = first * 100_000 + eight_digits(rest << 24) as i64;
        return Some(Stamp { second: millis / 1000, nanos: (millis % 1000) as u32 * 1_000_000 });
    }
    let decimals = end - start - 11;
    if count != 2 || line.byte(start + 10) != b'.' || decimals > 7 {
        return None;
    }
    let second = first * 100 + eight_digits(rest << 48) as i64;
    let (count, fraction) = leading_digits(line.u64_at(start + 11));
    if (count as usize) < decimals {
        return None;
    }
    let fraction = eight_digits(fraction << (64 - 8 * decimals)) as u32;
    Some(Stamp { second, nanos: fraction * 10u32.pow(9 - decimals as u32) })
}

#[inline(always)]
fn level(line: Line<'_>, value: Value, bytes: &[u8]) -> Level {
    // Nearly every level is one of these; a byte that folds to a letter is that letter.
    const fn word(text: [u8; 5]) -> u64 {
        u64::from_le_bytes([text[0], text[1], text[2], text[3], text[4], 0, 0, 0])
    }
    let folded = line.u64_at(value.start) | FOLD;
    match bytes.len() {
        4 => match folded & 0xffff_ffff {
            w if w == word(*b"info\0") => return Level::Info,
            w if w == word(*b"warn\0") => return Level::Warn,
            _ => {}
        },
        5 => match folded & 0xff_ffff_ffff {
            w if w == word(*b"error") => return Level::Error,
            w if w == word(*b"debug") => return Level::Debug,
            _ => {}
        },
        _ => {}
    }
    other_level(bytes)
}

#[inline(never)]
fn other_level(bytes: &[u8]) -> Level {
    Level::from_field(bytes)
}

/// A level under a short key, or NONE.
fn short_level(bytes: &[u8]) -> Level {
    match bytes {
        [letter] => Level::from_letter(*letter),
        [b'D', b'1'..=b'5'] => Some(Level::Debug),
        word => Level::from_word(word),
    }
    .unwrap_or(Level::None)
}

#[inline(always)]
fn status(bytes: &[u8]) -> Option<u16> {
    let &[a, b, c] = bytes else { return None };
    let digits = [a, b, c].map(|d| u16::from(d.wrapping_sub(b'0')));
    let number = digits[0] * 100 + digits[1] * 10 + digits[2];
    ((1..=5).contains(&digits[0]) && digits[1] < 10 && digits[2] < 10).then_some(number)
}

/// A whole number of 1 to 18 digits.
#[inline(always)]
pub(crate) fn whole(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    let mut number = 0;
    for &b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

/// Nanoseconds, and whether their unit is a guess.
#[inline(always)]
fn duration(line: Line<'_>, key: usize, bytes: &[u8], rule: Rule) -> Option<(u64, bool)> {
    let &last = bytes.last()?;
    if !last.is_ascii_digit() && last != b'.' {
        return with_unit(bytes).map(|nanos| (nanos, false));
    }
    let (unit, guess) = match rule {
        Rule::Fixed(unit) => (unit, false),
        Rule::Never => return of_clock(bytes).map(|nanos| (nanos, false)),
        Rule::Seconds if bytes.iter().any(|b| !b.is_ascii_digit()) && !is_traefik(line, key) => {
            (Unit::Seconds, true)
        }
        rule => unit_of(line, key, rule, is_large(bytes)),
    };
    match decimal(bytes, unit) {
        Some(nanos) => Some((nanos, guess)),
        None => of_clock(bytes).map(|nanos| (nanos, false)),
    }
}

/// Whether who wrote the line could know another unit of a whole number than the guess.
#[inline(always)]
fn is_open(rule: Rule, number: u64) -> bool {
    rule == Rule::Seconds && (1..1_000).contains(&number) || SLOG_NANOSECONDS.contains(&number)
}

/// Whether a whole number without a unit is milliseconds whoever wrote the line, unless its key is
/// `duration`.
#[inline(always)]
pub(super) fn is_sure_of_millis(number: u64) -> bool {
    number < NANOSECONDS_FROM && !is_open(Rule::Whole, number)
}

/// A time written as [`usual_epoch`] reads it, if it is not too early to be one.
#[inline(always)]
pub(super) fn usual_time(line: Line<'_>, value: Value) -> Option<Stamp> {
    usual_epoch(line, value).filter(|stamp| stamp.second >= EPOCH_SECONDS_MIN)
}

/// Whether the line is of zap or of Caddy, which uses it: their time is `ts`, in seconds with a
/// fraction, and so are their durations.
fn is_of_zap(line: &[u8]) -> bool {
    const KEY: &[u8] = b"\"ts\":";
    memchr::memmem::find(line, KEY).is_some_and(|at| {
        let number = &line[at + KEY.len()..];
        let digits = number.iter().take_while(|b| b.is_ascii_digit()).count();
        digits > 0 && number.get(digits) == Some(&b'.')
    })
}

/// Whether the line is of zap by its first two members, of which the second is `ts`.
fn is_of_zap_alone(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"{\"level\":\"") else { return false };
    let end = rest.iter().position(|&b| b == b'"').unwrap_or(rest.len());
    rest[end..].starts_with(b"\",\"ts\":") && is_of_zap(&rest[end..])
}

/// Whether the line is of lograge, whose durations are milliseconds with decimals.
fn is_of_lograge(line: &[u8]) -> bool {
    [&b" controller="[..], b"\"controller\":"]
        .iter()
        .any(|key| memchr::memmem::find(line, key).is_some())
}

/// Whether the line is of Go's slog, whose durations are nanoseconds.
fn is_of_slog(line: &[u8]) -> bool {
    const TIME: &[u8] = b"{\"time\":\"";
    const LEVEL: &[u8] = b",\"level\":\"";
    let Some(rest) = line.strip_prefix(TIME) else { return false };
    let end = rest.iter().position(|&b| b == b'"').unwrap_or(rest.len());
    let level = rest[end..].get(1..).and_then(|rest| rest.strip_prefix(LEVEL));
    level.is_some_and(|level| level.first().is_some_and(u8::is_ascii_uppercase))
}

/// The unit of a number without decimals, and whether it is a guess.
#[inline(always)]
fn unit_of(line: Line<'_>, key: usize, rule: Rule, large: bool) -> (Unit, bool) {
    match rule {
        Rule::Fixed(unit) => (unit, false),
        Rule::Seconds if is_traefik(line, key) => (Unit::Nanoseconds, false),
        Rule::Seconds | Rule::Whole if large => (Unit::Nanoseconds, true),
        _ => (Unit::Milliseconds, true),
    }
}

/// Whether the key is `Duration`, provided that its rule is that of `duration`.
#[inline(always)]
fn is_traefik(line: Line<'_>, key: usize) -> bool {
    line.u64_at(key) == u64::from_le_bytes(*b"Duration")
}

/// Whether this is a whole number of at least [`NANOSECONDS_FROM`].
fn is_large(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
        && bytes.iter().fold(0u64, |n, b| n.saturating_mul(10).saturating_add(u64::from(b - b'0')))
            >= NANOSECONDS_FROM
}

#[inline(always)]
fn is_method<S: Simd>(line: Line<'_>, value: Value, bytes: &[u8]) -> bool {
    (1..=METHOD_BYTES_MAX).contains(&bytes.len())
        && (line.range32::<S>(value.start, b'A', b'Z').trailing_ones() as usize >= bytes.len()
            || bytes.iter().all(u8::is_ascii_alphabetic))
}

/// Where the scheme and `://` of a URL end.
fn behind_scheme(text: &[u8]) -> Option<usize> {
    let scheme = text
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        .count();
    (scheme > 0 && text[scheme..].starts_with(b"://")).then_some(scheme + 3)
}

/// The path of a URL.
fn path(text: &[u8]) -> Option<Range<usize>> {
    let Some(host) = behind_scheme(text) else {
        return Some(0..text.len());
    };
    match text[host..].iter().position(|b| matches!(b, b'/' | b'?' | b'#')) {
        Some(i) if text[host + i] == b'/' => Some(host + i..text.len()),
        // The slash before the host will do.
        _ => Some(host - 1..host),
    }
}

/// Method (empty if there is none) and path of a request line.
pub(super) fn request(text: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let method = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let start = match text.get(method) {
        Some(b' ') if (1..=METHOD_BYTES_MAX).contains(&method) => method + 1,
        Some(b'/') if method == 0 => 0,
        _ => return None,
    };
    let rest = &text[start..];
    let target = &rest[..rest.iter().position(|&b| b == b' ').unwrap_or(rest.len())];
    if !target.starts_with(b"/") && target != b"*" && behind_scheme(target).is_none() {
        return None;
    }
    let path = path(target)?;
    Some((0..method, start + path.start..start + path.end))
}

/// A client without brackets and port.
pub(super) fn client(text: &[u8]) -> Option<Range<usize>> {
    if text == b"-" {
        return None;
    }
    if text.first() == Some(&b'[')
        && let Some(end) = text.iter().position(|&b| b == b']')
    {
        return Some(1..end);
    }
    let mut colons = (0..text.len()).filter(|&i| text[i] == b':');
    match (colons.next(), colons.next()) {
        (Some(port), None) if port > 0 => Some(0..port),
        _ => Some(0..text.len()),
    }
}

/// Appends `text` to `out` with the escapes of JSON undone.
///
/// `\uXXXX` in pairs of surrogates is one character; a surrogate alone becomes U+FFFD. What is no
/// escape stays as it is.
pub fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(i) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..i]);
        let escape = &text[i..];
        let mut len = 2;
        match escape.get(1) {
            Some(&c @ (b'"' | b'\\' | b'/')) => out.push(c),
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'u') if code_unit(escape).is_some() => {
                let (character, used) = character(escape);
                len = used;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                out.push(b'\\');
                len = 1;
            }
        }
        text = &escape[len..];
    }
    out.extend_from_slice(text);
}

/// The number in `\uXXXX`.
pub fn code_unit(escape: &[u8]) -> Option<u32> {
    let &[b'\\', b'u', a, b, c, d, ..] = escape else {
        return None;
    };
    let mut unit = 0;
    for digit in [a, b, c, d] {
        unit = unit << 4 | (digit as char).to_digit(16)?;
    }
    Some(unit)
}

/// The character of the escape `\uXXXX` or two of them, and how many bytes those are.
fn character(escape: &[u8]) -> (char, usize) {
    let unit = code_unit(escape).unwrap_or(0xfffd);
    if (0xd800..0xdc00).contains(&unit)
        && let Some(low @ 0xdc00..0xe000) = code_unit(&escape[6..])
    {
        let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
