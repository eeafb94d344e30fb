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
//! - Values inside of arrays have no name, but for the first element of a list of clients or of texts on
//!   request, which is text, and the only object of lists such as `resourceLogs` and `Records`, whose
//!   members count as members of the outermost object (a line with more of them is no record: only
//!   one could count). In OpenTelemetry's lists of attributes the text of `key` is the name of what
//!   stands in `value` after it.
//!
//! Objects that no name leads into are *loose*: a request in them counts (method, path, and a status
//! there or outside, with the client, bytes and response time beside them) if the record names
//! neither a method nor a path itself. In objects that are known to be about a request (`http`,
//! `request`, `response`, …) what the table knows elsewhere counts with rank 2. Its method must be one of HTTP, its status registered, its
//! path begin with a slash or a scheme.
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
//! | time | text that is a timestamp ([`TimestampParser::any`](crate::time::TimestampParser::any)) from end to end, perhaps in brackets; or `/Date(MILLISECONDS)/`, with an offset or none; else a number by [`epoch`](crate::time::epoch) that is not before [`EPOCH_SECONDS_MIN`] |
//! | nanoseconds | a whole number below a second, beside a time without decimals, to which it is added |
//! | level | anything non-empty without white space around it: a number by its [`Scale`], which the key or the [producer](Producer) says, else by [`Level::from_field`]. Words beat numbers of the same rank, and a level that nothing knows (OTHER) is beaten by all. Where the producer's key is no severity, there is none |
//! | short level | one ASCII letter by [`Level::from_letter`], `D1` to `D5` as DEBUG, or a word by [`Level::from_word`] |
//! | message | text, even if empty |
//! | status | exactly three digits, 100 to 599; or a registered status, with `HTTP/1.1 ` before it or up to 64 bytes behind it that begin as phrases of the registry and of usual servers do and are letters, blanks, `_`, `-` and `'` (`503 Service Unavailable`, `404 NotFound`, `500 INTERNAL_SERVER_ERROR`, `499: Client Closed Request`). Where there is none, but a method of HTTP and a path, `-` and `000` under a key of a status, or under `status`, say that the request was not answered, and so does 0 under Envoy's `response_code`: elsewhere it often stands for a status that was never set, and sent as 200. Under a key that begins with `http`, what the registry calls it, too (`NOT_FOUND`, `Not Found`) |
//! | bare status | as a status, beside a usable method or path; else a registered one, if the message speaks of a request, a response or HTTP, or under `status` if there is a response time. It beats a status of lower rank only |
//! | duration | see below |
//! | method | text of 1 to 20 ASCII letters |
//! | path | text with a letter or digit, or `*`, that is not below `/var/log` or `/var/lib`, where collectors find files. What neither begins with `/` or a scheme nor is `*` has rank 1, and is none under a name of rank 1. Text that is a method of HTTP, a blank and a path counts as a request. If it begins with a scheme (letters, digits, `+`, `-`, `.`) and `://`: what begins with the first `/` behind that, or `/` if `?`, `#` or the end come first |
//! | request | text: up to 20 ASCII letters, one space, and a path that begins with `/` or a scheme as above, or is `*`, up to the next space or the end; gives method and path. Or text that begins with `/`: a path up to the next space or the end |
//! | forwarded | as a client, of what stands before the first comma |
//! | client | non-empty text other than `-` and `unknown`, of a list between commas the first address. If it begins with `[`, what stands before the next `]`; if it holds exactly one `:`, what stands before that, provided it is not empty (so ports are dropped) |
//! | bytes | 1 to 18 digits |
//!
//! Of message, path, request and client, escapes are undone first, of path and request those of slashes
//! twice, as some write JSON into JSON; all others are compared as they are written.
//!
//! # Durations
//! Text that [`with_unit`] reads has its own unit, whatever the key says; a number of days (`30d`) is none. Any other value must be a
//! number ([`decimal`]), in quotes or not, and its unit is that of the first rule that applies:
//!
//! | key | unit |
//! |---|---|
//! | one of [`DURATIONS`] with a suffix of [`SUFFIXES`], joined by `_` or nothing, or by `in` | the suffix's |
//! | a name with a fixed unit: `event.duration` (ns), … | that unit |
//! | `latency_human`, `service` | none: without a unit of its own it is not usable |
//! | any other | what is [decided](crate::format::units) for the key; none without a decision |
//!
//! What has its own unit, or a name with one, counts before numbers of the same rank whose unit was
//! decided. Of those the first four are looked at.
//!
//! `duration`, `elapsed` and `dur` without a suffix are the names of much else: their bare numbers
//! count only beside a usable method, path or status, or a message with a word of
//! completion (`video uploaded, duration 3600` is no response time).
//!
//! These three, with a unit, a suffix or neither, are no response time if no method, path or status stands
//! beside them and the first 32 bytes of the message speak of a [lifetime](super::text::text_duration):
//! that something is over (`connection closed`), or, but for `elapsed`, that it was granted (`Lease
//! renewed`) and they are of whole seconds, or of 30 s or more. Numbers whose unit does not stand in the
//! value are asked only from a second on.
//!
//! `request_time` is a time for some (API Gateway): if it is no duration with a unit, it is tried as
//! a time first.

mod levels;
mod names;
mod producers;
mod settle;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use levels::scale_of;
pub use levels::{Marks, Producer, Scale};
pub use names::unit_of_suffix;
pub use names::{
    DURATIONS, Group, KEY_BYTES_MAX, Known, Meaning, NAMES, Names, ON_REQUEST, Rule, SEE_THROUGH,
    SUFFIXES,
};
pub(super) use producers::is_of_producer;
pub use producers::{LineKeys, documented, documented_unit, hint};
pub(crate) use values::whole;
pub use values::{EPOCH_SECONDS_MIN, code_unit, unescape};
pub(super) use values::{
    client, is_log_file, key_at, may_hold_request, nanos_of_second, path, request,
    speaks_of_request, status, status_of_key, unescape_slashes, usual_time,
};

use super::{Context, Parse, Unit, address};
use crate::bytes::line::Line;
use crate::bytes::simd::{Baseline, Simd};
use crate::format::http::is_registered_status;
use crate::format::text::duration::{decimal, with_unit};
use crate::format::text::text_duration::{self, NAMED_LIFETIME_NANOS_MIN};
use crate::record::{
    Column, Columns, DURATION_NS_MAX, Level, NO_ANSWER, NO_DURATION, NO_STATUS, NO_TIME, Record,
    Text,
};
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
    /// Whether a request stands beside it, if it is the number of a response time.
    pub has_request: bool,
}

/// What has been found in a line so far, beside the record itself.
pub struct Fields<'a> {
    line: Line<'a>,
    ranks: Ranks,
    message: Value,
    /// Bare numbers that are response times if their unit is known, the first ones.
    open: [Open; OPEN_MAX],
    open_count: usize,
    all_messages: bool,
    /// What keys tell of the producer.
    pub(super) marks: Marks,
    /// A level that is a number which means what the producer says, and its rank.
    number: (u8, u32),
    /// A status that counts only beside a request, and its rank.
    bare: (u8, u16),
    /// Whether the key of a status says that there was none: a request was not answered.
    is_unanswered: bool,
    /// Nanoseconds after the second of the time.
    nanos: u32,
    /// Whether the response time may be a lifetime, by its name and its length.
    may_be_lifetime: bool,
    /// Whether its name says that it has elapsed.
    is_measured: bool,
    /// What objects say that the table does not know; in few lines.
    loose: Option<Box<Loose>>,
}

/// Values of objects that the table does not know: they count where they are a request and the
/// record says nothing of one.
struct Loose {
    ranks: Ranks,
    record: Record,
    /// The first bare number that is a response time if its unit is known.
    open: Option<Open>,
}

/// The rank of a number or text under a key for a level or for anything else: words beat numbers.
pub(in crate::format) fn rank_in(known: Known, column: Column, is_number: bool) -> u8 {
    match column {
        Column::LEVEL => 2 * known.rank + u8::from(!is_number),
        _ => known.rank,
    }
}

/// A number without a unit, under the name of a response time.
#[derive(Clone, Copy)]
struct Open {
    /// Where its key is written.
    key: usize,
    /// Where it stands; nowhere for a whole number.
    start: usize,
    end: usize,
    whole: u64,
    rank: u8,
    is_generic: bool,
    is_measured: bool,
}

impl Open {
    const NOTHING: Open =
        Open { key: 0, start: 0, end: 0, whole: 0, rank: 0, is_generic: false, is_measured: false };

    fn of(rule: Rule, rank: u8, key: usize) -> Option<Open> {
        let (is_generic, is_measured) = match rule {
            Rule::Open => (false, false),
            Rule::Generic { is_measured } => (true, is_measured),
            Rule::Fixed(_) | Rule::Named { .. } | Rule::Never => return None,
        };
        Some(Open { key, rank, is_generic, is_measured, ..Open::NOTHING })
    }
}

/// Numbers without a unit that are looked at in a record.
pub(super) const OPEN_MAX: usize = 4;

/// The columns that a value of this meaning counts for if it is usable: text, or a number.
///
/// [`Meaning::RequestTime`] counts for the time as well, where it is no duration.
pub(super) fn columns_of(meaning: Meaning, text: bool) -> Columns {
    let only_text = |columns| if text { columns } else { Columns::NONE };
    match meaning {
        Meaning::Nothing => Columns::NONE,
        Meaning::Time => Columns::TIME,
        Meaning::Level(_) | Meaning::ShortLevel => Columns::LEVEL,
        Meaning::Message => only_text(Columns::MESSAGE),
        Meaning::Status => Columns::STATUS,
        // Not by themselves.
        Meaning::BareStatus | Meaning::Nanos | Meaning::PairKey | Meaning::PairValue => {
            Columns::NONE
        }
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
            open: [Open::NOTHING; OPEN_MAX],
            open_count: 0,
            all_messages: false,
            marks: 0,
            number: (0, 0),
            bare: (0, NO_STATUS),
            is_unanswered: false,
            nanos: 0,
            may_be_lifetime: false,
            is_measured: false,
            loose: None,
        }
    }

    /// Nothing found in this line, whose message is known.
    pub(super) fn of_message(line: Line<'a>, start: usize, end: usize) -> Self {
        let message = Value { start, end, escaped: false, number: false };
        Fields { message, ..Fields::new(line) }
    }

    /// Takes in the value of a key, which was written at `key`.
    #[inline(always)]
    pub fn take<S: Simd>(&mut self, known: Known, key: usize, value: Value, cx: &mut Parse<'_, S>) {
        let Parse { simd, context, arena, record } = cx;
        let (line, rank) = (self.line, known.rank);
        let bytes = &line.bytes()[value.start..value.end];
        if known.is_loose {
            return self.loosely(known, bytes, record, |fields, known, record| {
                let cx = &mut Parse { simd: Baseline, context, arena, record };
                fields.take(known, key, value, cx);
            });
        }
        match known.meaning {
            Meaning::Nothing => {}
            Meaning::Level(scale) => match level(line, value, bytes) {
                Level::None => self.other_level(scale, known, bytes, record),
                level => self.level(rank_in(known, Column::LEVEL, false), level, record),
            },
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
                    kept_target(value, bytes, arena, path_or_request)
                };
                let rank = path_rank(rank, text.bytes(line.bytes(), arena));
                if rank > self.ranks[Column::PATH] {
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
        let marks = line.eq32(simd, start, b':') | line.eq32(simd, start, b',');
        (2..32).contains(&len)
            && marks & ((1 << len) - 1) == 0
            && !matches!(line.byte(start), b'[' | b'u' | b'U')
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
        let Part { known, wins, alone, has_request } = part;
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
        if known.is_loose {
            let Some(loose) = fields.loose.take() else { return false };
            (fields.ranks, found) = (loose.ranks, loose.record);
            loose.open.into_iter().for_each(|number| fields.remember(number));
        }
        fields.settle_if_open(context, has_request, &mut found);
        if fields.may_be_lifetime && !has_request {
            // The message decides.
            return false;
        }
        if known.meaning == Meaning::Path && is_request_line(bytes) {
            // Its method may count as well.
            return false;
        }
        // Messages wait for the level, so that they are not taken one by one.
        let is_usable = |column: Column| {
            let rank = fields.ranks[column];
            let wanted = rank_in(known, column, value.number);
            rank != 0 && (rank == wanted || alone) && column != Column::MESSAGE
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
        if known.is_loose {
            return self.loosely(known, bytes, record, |fields, known, record| {
                fields.take_scalar(known, key, value, context, record);
            });
        }
        match known.meaning {
            Meaning::Time => self.time(rank, time(line, &mut context.clock, value), record),
            Meaning::Level(scale) => self.other_level(scale, known, bytes, record),
            Meaning::ShortLevel => {
                self.level(rank_in(known, Column::LEVEL, false), short_level(bytes), record);
            }
            Meaning::Status => {
                self.is_unanswered |= self.says_no_answer(key, bytes);
                let status = status_of_key(bytes).or_else(|| self.named_status(key, bytes));
                self.status(rank, status, record);
            }
            Meaning::BareStatus => {
                self.is_unanswered |= rank == STATUS_RANK && self.says_no_answer(key, bytes);
                self.bare_status(rank, status_of_key(bytes));
            }
            Meaning::Nanos if self.nanos == 0 => self.nanos = nanos_of_second(bytes).unwrap_or(0),
            Meaning::Duration(rule) => {
                if let Some(nanos) = rule.unit().and_then(|unit| decimal(bytes, unit)) {
                    self.span(rule, rank, nanos, NAMED_LIFETIME_NANOS_MIN, record);
                } else if let Some(nanos) = with_unit(bytes) {
                    // `30d` is how long something is kept or valid.
                    if !is_of_days(bytes) {
                        self.span(rule, rank, nanos, 0, record);
                    }
                } else {
                    self.open(rule, rank, key, value, bytes);
                }
            }
            Meaning::RequestTime => match with_unit(bytes) {
                Some(nanos) => self.duration(rank, nanos, record),
                None => match time(line, &mut context.clock, value) {
                    None => self.open(Rule::Open, rank, key, value, bytes),
                    stamp => self.time(rank, stamp, record),
                },
            },
            Meaning::Bytes => {
                if let Some(count) = whole(bytes) {
                    self.bytes(rank, count, record);
                }
            }
            // What can only be text, or is known already.
            Meaning::Nothing
            | Meaning::Nanos
            | Meaning::Message
            | Meaning::Method
            | Meaning::Path
            | Meaning::Request
            | Meaning::Forwarded
            | Meaning::OnRequest(_)
            | Meaning::PairKey
            | Meaning::PairValue
            | Meaning::Client => {}
        }
    }

    /// Takes the value of a key in an object that the table does not know by `take`, if it can only be
    /// of a request.
    #[cold]
    #[inline(never)]
    fn loosely(
        &mut self,
        known: Known,
        bytes: &[u8],
        record: &mut Record,
        take: impl FnOnce(&mut Self, Known, &mut Record),
    ) {
        let is_one = match known.meaning {
            Meaning::Status | Meaning::BareStatus => {
                status_of_key(bytes).is_some_and(is_registered_status)
            }
            Meaning::Method => is_http_method(bytes),
            Meaning::Path => path_rank(2, bytes) == 2,
            Meaning::Request => request(bytes).is_some_and(|(method, _)| !method.is_empty()),
            _ => true,
        };
        if !is_one {
            return;
        }
        let meaning = match known.meaning {
            Meaning::BareStatus => Meaning::Status,
            meaning => meaning,
        };
        let open = (self.open, std::mem::take(&mut self.open_count));
        let lifetime = (self.may_be_lifetime, self.is_measured);
        let mut loose = self.loose.take().unwrap_or_else(|| {
            Box::new(Loose { ranks: Ranks([0; Column::COUNT]), record: Record::EMPTY, open: None })
        });
        std::mem::swap(&mut self.ranks, &mut loose.ranks);
        std::mem::swap(record, &mut loose.record);
        take(self, Known { is_loose: false, ..known.meaning(meaning) }, record);
        std::mem::swap(&mut self.ranks, &mut loose.ranks);
        std::mem::swap(record, &mut loose.record);
        if self.open_count > 0 {
            loose.open = loose.open.or(Some(self.open[0]));
        }
        (self.open, self.open_count) = open;
        (self.may_be_lifetime, self.is_measured) = lifetime;
        self.loose = Some(loose);
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
        let rank = known.rank;
        if known.is_loose {
            if known.meaning == Meaning::Nothing {
                return;
            }
            let mut text = [b'0'; 8];
            let mut rest = number;
            for digit in text[..digits as usize].iter_mut().rev() {
                *digit += (rest % 10) as u8;
                rest /= 10;
            }
            let text = &text[..digits as usize];
            return self.loosely(known, text, record, |fields, known, record| {
                fields.take_whole(known, key, number, digits, record);
            });
        }
        match known.meaning {
            Meaning::Nothing => {}
            // Ten million seconds are far from the largest duration.
            Meaning::Duration(Rule::Fixed(unit)) => {
                self.duration(rank, number * unit.nanos(), record);
            }
            Meaning::Duration(rule @ Rule::Named { unit, .. }) => {
                self.span(rule, rank, number * unit.nanos(), NAMED_LIFETIME_NANOS_MIN, record);
            }
            Meaning::Duration(rule) => self.open_whole(rule, rank, key, number),
            Meaning::RequestTime => self.open_whole(Rule::Open, rank, key, number),
            Meaning::Status => {
                let valid = digits == 3 && (100..600).contains(&number);
                self.is_unanswered |= number == 0 && self.is_of_envoy(key);
                self.status(rank, valid.then_some(number as u16), record);
            }
            Meaning::Bytes => self.bytes(rank, number, record),
            Meaning::BareStatus => {
                let valid = digits == 3 && (100..600).contains(&number);
                self.bare_status(rank, valid.then_some(number as u16));
            }
            Meaning::Level(scale) => self.number_level(scale, known, number as u32, record),
            Meaning::Nanos if self.nanos == 0 => self.nanos = number as u32,
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

    /// Takes the value of a key for a level that is none of the usual words.
    #[inline(never)]
    fn other_level(&mut self, scale: Scale, known: Known, bytes: &[u8], record: &mut Record) {
        let text = bytes.trim_ascii();
        match whole(text) {
            Some(number) => {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                self.number_level(scale, known, number, record);
            }
            None => {
                let rank = rank_in(known, Column::LEVEL, false);
                self.level(rank, Level::from_field(text), record);
            }
        }
    }

    fn number_level(&mut self, scale: Scale, known: Known, number: u32, record: &mut Record) {
        let rank = rank_in(known, Column::LEVEL, true);
        match scale {
            Scale::ByProducer if rank > self.number.0 => self.number = (rank, number),
            Scale::ByProducer => {}
            scale => self.level(rank, scale.level(number), record),
        }
    }

    fn bare_status(&mut self, rank: u8, status: Option<u16>) {
        if let Some(status) = status
            && rank > self.bare.0
        {
            self.bare = (rank, status);
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

    /// Takes a response time that by its name may be a lifetime from so many nanoseconds on.
    #[inline(always)]
    fn span(&mut self, rule: Rule, rank: u8, nanos: u64, nanos_min: u64, record: &mut Record) {
        if rank > self.ranks[Column::DURATION] {
            (self.may_be_lifetime, self.is_measured) = match rule {
                Rule::Generic { is_measured } | Rule::Named { is_measured, .. } => {
                    (nanos >= nanos_min, is_measured)
                }
                Rule::Fixed(_) | Rule::Open | Rule::Never => (false, false),
            };
        }
        self.duration(rank, nanos, record);
    }

    /// Takes a response time.
    #[inline(always)]
    pub fn duration(&mut self, rank: u8, nanos: u64, record: &mut Record) {
        if rank > self.ranks[Column::DURATION] {
            self.ranks[Column::DURATION] = rank;
            record.duration_ns = nanos;
        }
    }

    /// Remembers a number without a unit, if it is one and there is room.
    fn open(&mut self, rule: Rule, rank: u8, key: usize, value: Value, bytes: &[u8]) {
        if let Some(number) = Open::of(rule, rank, key)
            && is_bare(bytes)
        {
            let Value { start, end, .. } = value;
            self.remember(Open { start, end, ..number });
        }
    }

    #[inline(always)]
    fn open_whole(&mut self, rule: Rule, rank: u8, key: usize, whole: u64) {
        if let Some(number) = Open::of(rule, rank, key) {
            self.remember(Open { whole, ..number });
        }
    }

    #[inline(always)]
    fn remember(&mut self, number: Open) {
        if let Some(free) = self.open.get_mut(self.open_count) {
            *free = number;
            self.open_count += 1;
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
        let target = kept_target(value, bytes, arena, |text| Some(request(text)?.1));
        if !target.is_empty() && rank > self.ranks[Column::PATH] {
            self.ranks[Column::PATH] = rank;
            record.path = target;
        }
        let method = kept_target(value, bytes, arena, |text| Some(request(text)?.0));
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
}

/// The rank of `status` among keys of bare statuses.
pub(in crate::format) const STATUS_RANK: u8 = 3;

/// The least rank of messages that may be records: errors are not.
pub(in crate::format) const OPENED_RANK: u8 = 2;
