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
//! | time | text that is a timestamp ([`TimestampParser::any`](crate::time::TimestampParser::any)) from end to end; else a number by [`epoch`](crate::time::epoch) that is not before [`EPOCH_SECONDS_MIN`] |
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
//! Text that [`with_unit`] reads has its own unit, whatever the key says. Any other
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

mod names;
#[cfg(test)]
mod tests;
mod values;

pub use names::{
    DURATIONS, Group, KEY_BYTES_MAX, Known, Meaning, NAMES, Names, ON_REQUEST, Rule, SEE_THROUGH,
    SUFFIXES,
};
pub(crate) use values::whole;
pub use values::{EPOCH_SECONDS_MIN, code_unit, unescape};
pub(super) use values::{client, is_sure_of_millis, path, request, status, usual_time};

use super::{Context, Parse, Unit, address};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::text::duration::decimal;
use crate::record::{Column, Columns, Level, Record, Text};
use crate::time::Stamp;
use values::*;

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
    /// The columns that it gives.
    pub wins: Columns,
    /// Whether no other value has the same meaning.
    pub alone: bool,
}

/// What has been found in a line so far, beside the record itself.
pub struct Fields<'a> {
    line: Line<'a>,
    ranks: Ranks,
    message: Value,
    /// Where the number is whose unit was a guess that its writer may know better.
    open: Value,
    /// The same of a whole number, or 0.
    open_whole: u64,
    all_messages: bool,
}

/// The columns that a value of this meaning counts for if it is usable: text, or a number.
///
/// [`Meaning::RequestTime`] counts for the time as well, where it is no duration.
pub(super) fn columns_of(meaning: Meaning, text: bool) -> Columns {
    let only_text = |columns| if text { columns } else { Columns::NONE };
    match meaning {
        Meaning::Nothing => Columns::NONE,
        Meaning::Time => Columns::TIME,
        Meaning::Level | Meaning::ShortLevel => Columns::LEVEL,
        Meaning::Message => only_text(Columns::MESSAGE),
        Meaning::Status => Columns::STATUS,
        Meaning::Duration(_) | Meaning::RequestTime => Columns::DURATION,
        Meaning::Method => only_text(Columns::METHOD),
        Meaning::Path => only_text(Columns::PATH),
        Meaning::Request => only_text(Columns::ROUTE),
        Meaning::Client | Meaning::Forwarded => only_text(Columns::CLIENT),
        Meaning::Bytes => Columns::BYTES,
        Meaning::OnRequest(column) => only_text(Columns::of(column)),
    }
}

/// Text of a column on request; `-` is none.
fn on_request(text: &[u8]) -> Option<std::ops::Range<usize>> {
    (text != b"-").then_some(0..text.len())
}

/// The highest rank of a usable value per column, 0 for none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ranks([u8; Column::COUNT]);

impl std::ops::Index<Column> for Ranks {
    type Output = u8;

    #[inline(always)]
    fn index(&self, column: Column) -> &u8 {
        &self.0[column as usize]
    }
}

impl std::ops::IndexMut<Column> for Ranks {
    #[inline(always)]
    fn index_mut(&mut self, column: Column) -> &mut u8 {
        &mut self.0[column as usize]
    }
}

impl<'a> Fields<'a> {
    /// Nothing found in this line.
    #[inline(always)]
    pub fn new(line: Line<'a>) -> Self {
        let nothing = Value { start: 0, end: 0, escaped: false, number: false };
        Fields {
            line,
            ranks: Ranks([0; Column::COUNT]),
            message: nothing,
            open: nothing,
            open_whole: 0,
            all_messages: false,
        }
    }

    /// Takes in the value of a key, which was written at `key`.
    #[inline(always)]
    pub fn take<S: Simd>(&mut self, known: Known, key: usize, value: Value, cx: &mut Parse<'_, S>) {
        let Parse { simd, context, arena, record } = cx;
        let (line, rank) = (self.line, known.rank);
        let bytes = &line.bytes()[value.start..value.end];
        match known.meaning {
            Meaning::Nothing => {}
            Meaning::Level => self.level(rank, level(line, value, bytes), record),
            Meaning::Message => {
                if rank > self.ranks[Column::MESSAGE] {
                    self.ranks[Column::MESSAGE] = rank;
                    self.message = value;
                    self.all_messages = context.all_messages;
                }
            }
            Meaning::Method => {
                if rank > self.ranks[Column::METHOD] && is_method(*simd, line, value, bytes) {
                    self.ranks[Column::METHOD] = rank;
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
                if rank > self.ranks[Column::PATH] && !text.is_empty() {
                    self.ranks[Column::PATH] = rank;
                    record.path = text;
                }
            }
            Meaning::Client => {
                let plain =
                    !value.escaped && Fields::is_plain_client(*simd, line, value.start, value.end);
                let text = if plain {
                    Text::of_line(value.start, value.end)
                } else {
                    let text = kept(value, bytes, arena, client);
                    address::of_colons(line.bytes(), arena, text)
                };
                if rank > self.ranks[Column::CLIENT] && !text.is_empty() {
                    self.ranks[Column::CLIENT] = rank;
                    record.client = text;
                }
            }
            Meaning::Request => self.request(rank, value, bytes, arena, record),
            Meaning::Forwarded => self.forwarded(rank, value, (line, bytes), arena, record),
            Meaning::OnRequest(column) => {
                if context.wanted.has(Columns::of(column)) && rank > self.ranks[column] {
                    let text = kept(value, bytes, arena, on_request);
                    if !text.is_empty() {
                        self.ranks[column] = rank;
                        record.set_text(column, text);
                    }
                }
            }
            _ => self.take_scalar(known, key, value, context, record),
        }
    }

    /// Whether a client without escapes is so written that nothing of it is cut off.
    #[inline(always)]
    pub(super) fn is_plain_client<S: Simd>(
        simd: S,
        line: Line<'_>,
        start: usize,
        end: usize,
    ) -> bool {
        let len = end - start;
        let colons = line.eq32(simd, start, b':');
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
    #[expect(clippy::too_many_arguments, reason = "the instruction set is one of them")]
    pub(super) fn take_alone<S: Simd>(
        simd: S,
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
            None => {
                let cx = &mut Parse { simd, context, arena, record: &mut found };
                fields.take(known, key, value, cx);
            }
        }
        fields.settle_if_open(&mut found);
        // Messages wait for the level, so that they are not taken one by one.
        let is_usable = |column: Column| {
            let rank = fields.ranks[column];
            rank != 0 && (rank == known.rank || alone) && column != Column::MESSAGE
        };
        if !wins.iter().all(is_usable) {
            return false;
        }
        record.take(wins, &found);
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
                let before = self.ranks[Column::DURATION];
                self.duration(rank, duration(line, key, bytes, rule), record);
                if before == 0 && self.ranks[Column::DURATION] == 1 {
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
            | Meaning::OnRequest(_)
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
                if guess && is_open(rule, number) && self.ranks[Column::DURATION] == 0 {
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
            && rank > self.ranks[Column::TIME]
        {
            self.ranks[Column::TIME] = rank;
            record.set_time(stamp);
        }
    }

    #[inline(always)]
    fn level(&mut self, rank: u8, level: Level, record: &mut Record) {
        let rank = match level {
            Level::None => 0,
            Level::Other => 1,
            _ => rank,
        };
        if rank > self.ranks[Column::LEVEL] {
            self.ranks[Column::LEVEL] = rank;
            record.level = level;
        }
    }

    #[inline(always)]
    fn status(&mut self, rank: u8, status: Option<u16>, record: &mut Record) {
        if let Some(status) = status
            && rank > self.ranks[Column::STATUS]
        {
            self.ranks[Column::STATUS] = rank;
            record.status = status;
        }
    }

    #[inline(always)]
    fn duration(&mut self, rank: u8, found: Option<(u64, bool)>, record: &mut Record) {
        if let Some((nanos, guess)) = found {
            let rank = if guess { 1 } else { rank };
            if rank > self.ranks[Column::DURATION] {
                self.ranks[Column::DURATION] = rank;
                record.duration_ns = nanos;
            }
        }
    }

    #[inline(always)]
    fn bytes(&mut self, rank: u8, count: u64, record: &mut Record) {
        if rank > self.ranks[Column::BYTES] {
            self.ranks[Column::BYTES] = rank;
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
        if !target.is_empty() && rank > self.ranks[Column::PATH] {
            self.ranks[Column::PATH] = rank;
            record.path = target;
        }
        let method = kept(value, bytes, arena, |text| Some(request(text)?.0));
        if !method.is_empty() && rank > self.ranks[Column::METHOD] {
            self.ranks[Column::METHOD] = rank;
            record.method = method;
        }
    }

    #[cold]
    #[inline(never)]
    fn forwarded(
        &mut self,
        rank: u8,
        value: Value,
        (line, bytes): (Line<'_>, &[u8]),
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) {
        let text = kept(value, bytes, arena, |text| {
            let first = text.iter().position(|&b| b == b',').unwrap_or(text.len());
            client(&text[..first])
        });
        let text = address::of_colons(line.bytes(), arena, text);
        if rank > self.ranks[Column::CLIENT] && !text.is_empty() {
            self.ranks[Column::CLIENT] = rank;
            record.client = text;
        }
    }

    #[inline(always)]
    fn settle_if_open(&self, record: &mut Record) {
        if self.ranks[Column::DURATION] == 1 && (self.open.end > 0) | (self.open_whole > 0) {
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
        ranks[Column::TIME] > 0
            || ranks[Column::LEVEL] > 0
            || ranks[Column::MESSAGE] > 1
            || ranks[Column::METHOD] > 0 && ranks[Column::PATH] > 0 && ranks[Column::STATUS] > 0
    }

    /// Completes the record when the whole line has been read; whether anything was found.
    #[inline(always)]
    pub fn finish(&self, arena: &mut Vec<u8>, record: &mut Record) -> bool {
        self.settle_if_open(record);
        let Value { start, end, escaped, .. } = self.message;
        if !escaped {
            record.message = Text::of_line(start, end);
        } else if record.level >= Level::Warn || self.all_messages {
            // The message of lesser records is read by conditions only.
            record.message = kept(self.message, &self.line.bytes()[start..end], arena, whole_text);
        }
        self.ranks.0[..Column::PARSED] != [0; Column::PARSED]
    }
}
