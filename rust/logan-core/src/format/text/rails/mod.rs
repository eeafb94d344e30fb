//! Ruby on Rails: `Completed 200 OK in 127ms (Views: 1.2ms | ActiveRecord: 0.5ms)`.
//!
//! # Accepted
//! Perhaps the front of Ruby's logger (`I, [2024-01-24T10:15:32.123456 #1234]  INFO -- : `, whose
//! letter, time and level word must be there), then any number of tags in brackets with a space
//! behind each, and one of
//! - `Completed `, a status, words, ` in `, digits, and `ms` with no letter or digit behind it: the
//!   only one of these that is a request;
//! - `Started `, a method, the path in quotes, perhaps ` [WebSocket]`, ` for `, the client, ` at `, a
//!   timestamp, which counts if the logger gave none;
//! - `Processing by `, something that holds `#`, ` as `;
//! - behind the front, blanks and `Rendered `, anything, and a parenthesis: a part of a response, whose
//!   time is none of its own;
//! - before Rails 3, `Processing `, something that holds `#`, ` (for `, the client, ` at `, a timestamp,
//!   `) [`, a method and `]`; and `Completed in `, a number with `ms`, or in seconds before ` (`, anything
//!   to the last ` | `, a status, and words before ` [`, the URL and `]`.
//!
//! All other lines of a Rails log are left to other formats.
//!
//! Where the plan lists it, `Completed` has the method, path and client of the `Started` of
//! [its request](requests), and both lines after that its time if they have none. In envelopes, too, where
//! the tags hold an id.

mod requests;

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::slices::{digits, letters};
use crate::format::text::duration::decimal;
use crate::format::{
    Continuation, Entry, Facts, Info, Kind, LineFormat, MultiLineFormat, Parse, Part, Unit, fields,
    line_format, multi_line,
};
use crate::record::{Columns, Level, NO_TIME, Record, Text};
use crate::time::{Stamp, TimestampParser};
use requests::{Key, Requests, Start, Step};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "rails",
        title: "Ruby on Rails requests",
        example: "I, [2024-01-24T10:15:32.123456 #1234]  INFO -- : Completed 200 OK in 127ms (Views: 1.2ms | ActiveRecord: 0.5ms)",
        time_field: "front of the logger, or behind \"at\"",
        duration: Some(("behind \"in\"", "ms")),
    },
    facts: Facts { kind: Kind::Stateful, continuations: WITHIN_REQUESTS, ..Facts::PLAIN },
    build: |params| match params.rejoin || params.is_payload {
        true => multi_line(Rails { is_payload: params.is_payload }),
        false => line_format(Rails { is_payload: false }),
    },
};

/// What is logged between `Processing` and `Completed`, or instead of the latter.
const WITHIN_REQUESTS: &[Continuation] = &[
    within(b"Redirected to ", |rest| memchr::memmem::find(rest, b"://").is_some()),
    within(b"Filter chain halted as ", |_| true),
    within(b"Unpermitted parameter", |rest| matches!(rest, [b':', ..] | [b's', b':', ..])),
    within(b"Can't verify CSRF token authenticity", |_| true),
    within(b"HTTP Origin header (", |_| true),
    within(b"Sent file ", |rest| rest.ends_with(b"ms)")),
    within(b"Sent data ", |rest| rest.ends_with(b"ms)")),
    within(b"Successfully upgraded to WebSocket (", |_| true),
    within(b"Finished \"/", |rest| memchr::memmem::find(rest, b" for ").is_some()),
    within(b"Registered connection (", |_| true),
    within(b"[ActiveJob] ", |_| true),
    within(b"Action", is_exception),
    within(b"Active", is_exception),
];

const fn within(prefix: &'static [u8], is_one: fn(&[u8]) -> bool) -> Continuation {
    Continuation { prefix, is_one }
}

/// `Controller::RoutingError (No route matches [GET] "/x"):`
fn is_exception(rest: &[u8]) -> bool {
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_');
    let name = rest.iter().position(|b| !is_of_name(b)).unwrap_or(rest.len());
    memchr::memmem::find(&rest[..name], b"::").is_some() && rest[name..].starts_with(b" (")
}

struct Rails {
    /// Lines of several processes that do not know each other may be in one envelope.
    is_payload: bool,
}

/// Said of requests that are told apart by nothing but the order of their lines.
const ASSUMED: &str =
    "requests of Rails without an id in their lines are those of the `Started` before them";

/// What a line is of its request.
struct Said {
    step: Option<Step>,
    key: Key,
}

/// Digits of a response time: far from the largest.
const DIGITS_MAX: usize = 9;

const COLUMNS: Columns = Columns::TIME
    .or(Columns::LEVEL)
    .or(Columns::DURATION)
    .or(Columns::STATUS)
    .or(Columns::MESSAGE)
    .or(Columns::ROUTE)
    .or(Columns::CLIENT);

fn may_begin_with(byte: u8) -> bool {
    matches!(byte, b'C' | b'S' | b'P' | b'D' | b'I' | b'W' | b'E' | b'F' | b'A' | b'[')
}

impl LineFormat for Rails {
    const COLUMNS: Columns = COLUMNS;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin_with(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        read(line, &mut cx.context.clock, cx.record).map(drop)
    }
}

impl MultiLineFormat for Rails {
    const COLUMNS: Columns = COLUMNS;
    type State = Requests;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin_with(byte)
    }

    #[inline(always)]
    fn may_be(line: Line<'_>) -> bool {
        is_of_logger(line) || is_of_message(line)
    }

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        requests: &mut Requests,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let Some(Said { step, key }) = read(line, &mut cx.context.clock, cx.record) else {
            return Part::Foreign;
        };
        let Some(step) = step.filter(|_| key.has_id || !self.is_payload) else {
            return Part::Record;
        };
        let start = requests.add(offset, key, step, cx.record, || Start::of(line, cx.record));
        let Some(start) = start else { return Part::Record };
        let is_timed_outside = self.is_payload && cx.context.is_timed_outside;
        let is_untimed = cx.record.time_ns == NO_TIME && !is_timed_outside;
        if is_untimed && start.time_ns != NO_TIME {
            cx.record.set_time(Stamp::from_nanos(start.time_ns));
        }
        if step == Step::Completed {
            let texts = [&start.method, &start.path, &start.client].map(|text| cx.keep(text));
            let Record { method, path, client, .. } = cx.record;
            for (text, started) in [method, path, client].into_iter().zip(texts) {
                if text.is_empty() {
                    *text = started;
                }
            }
            if is_untimed && !key.has_id {
                cx.context.assumed = Some(ASSUMED);
            }
        }
        Part::Record
    }
}

/// Fills the record if the line is one.
#[inline(always)]
fn read(line: Line<'_>, clock: &mut TimestampParser, record: &mut Record) -> Option<Said> {
    // What nearly all lines of other formats are not.
    if is_of_logger(line)
        && let Some(said) = front(line, clock, record)
    {
        return Some(said);
    }
    if is_of_message(line) { body(line, 0, &[], clock, record) } else { None }
}

#[inline(always)]
fn is_of_logger(line: Line<'_>) -> bool {
    line.byte(1) == b',' && line.byte(2) == b' ' && line.byte(3) == b'['
}

#[inline(always)]
fn is_of_message(line: Line<'_>) -> bool {
    let word = line.u32_at(0).to_le_bytes();
    matches!(&word, b"Comp" | b"Star" | b"Proc") || word[0] == b'['
}

/// A line with the front of Ruby's logger.
fn front(line: Line<'_>, clock: &mut TimestampParser, record: &mut Record) -> Option<Said> {
    let text = line.bytes();
    let (stamp, end) = clock.iso(line, 4)?;
    let rest = text.get(end..)?.strip_prefix(b" #")?;
    let close = memchr::memchr(b']', rest)?;
    let (process, rest) = (&rest[..close], rest[close + 1..].trim_ascii_start());
    let dashes = memchr::memmem::find(rest, b" -- ")?;
    let level = Level::from_word(&rest[..dashes])?;
    let colon = memchr::memmem::find(&rest[dashes..], b": ")?;
    record.set_time(stamp);
    record.level = level;
    let at = text.len() - rest.len() + dashes + colon + 2;
    body(line, at, process, clock, record)
}

/// Tags and one of the messages at `at`, of a process.
fn body(
    line: Line<'_>,
    mut at: usize,
    process: &[u8],
    clock: &mut TimestampParser,
    record: &mut Record,
) -> Option<Said> {
    let (text, tags) = (line.bytes(), at);
    while text.get(at) == Some(&b'[') {
        // Up to the first bracket before a space.
        at += memchr::memmem::find(&text[at..], b"] ")? + 2;
    }
    let message = &text[at..];
    record.message = Text::of_line(at, text.len());
    let step = if let Some(rest) = message.strip_prefix(b"Completed ") {
        completed(rest, text.len() - rest.len(), record)?;
        Some(Step::Completed)
    } else if let Some(rest) = message.strip_prefix(b"Started ") {
        let is_request = started(line, text.len() - rest.len(), clock, record)?;
        is_request.then_some(Step::Started)
    } else if let Some(rest) = message.strip_prefix(b"Processing by ") {
        let end = memchr::memmem::find(rest, b" as ")?;
        rest[..end].contains(&b'#').then_some(Some(Step::Processing))?
    } else if record.level != Level::None && is_rendered(message) {
        None
    } else {
        processing(line, at, clock, record)?;
        Some(Step::StartedProcessing)
    };
    Some(Said { step, key: Key::of(process, &text[tags..at]) })
}

/// `  Rendered items/index.html.erb within layouts/application (Duration: 12.1ms | Allocations: 512)`
fn is_rendered(message: &[u8]) -> bool {
    let rest = message.trim_ascii_start().strip_prefix(b"Rendered ");
    rest.is_some_and(|rest| rest.ends_with(b")") && rest.contains(&b'('))
}

/// `Processing PagesController#show (for 203.0.113.9 at 2009-01-24 10:15:32) [GET]`
#[cold]
fn processing(
    line: Line<'_>,
    at: usize,
    clock: &mut TimestampParser,
    record: &mut Record,
) -> Option<()> {
    const FOR: &[u8] = b" (for ";
    let text = line.bytes();
    let rest = text[at..].strip_prefix(b"Processing ")?;
    let name = memchr::memmem::find(rest, FOR).filter(|&end| rest[..end].contains(&b'#'))?;
    let client = text.len() - rest.len() + name + FOR.len();
    let client_len = memchr::memmem::find(&text[client..], b" at ")?;
    let (stamp, end) = clock.iso(line, client + client_len + 4)?;
    let method = text.get(end..)?.strip_prefix(b") [")?;
    let start = text.len() - method.len();
    let len = letters(method);
    if len == 0 || method.get(len) != Some(&b']') {
        return None;
    }
    if record.level == Level::None {
        record.set_time(stamp);
    }
    record.method = Text::of_line(start, start + len);
    record.client = Text::of_line(client, client + client_len);
    Some(())
}

/// `207ms (View: 10, DB: 20) | 200 OK [http://shop.example/cart]`
#[cold]
fn completed_with_url(rest: &[u8], from: usize, record: &mut Record) -> Option<()> {
    let number = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let unit = match &rest[number..] {
        [b'm', b's', b' ', ..] => Unit::Milliseconds,
        [b' ', b'(', ..] => Unit::Seconds,
        _ => return None,
    };
    let duration_ns = decimal(&rest[..number], unit)?;
    let bar = memchr::memmem::rfind(rest, b" | ")? + 3;
    let [a, b, c, b' ', ..] = rest[bar..] else { return None };
    let open = bar + memchr::memmem::find(&rest[bar..], b" [")? + 2;
    let url = rest[open..].strip_suffix(b"]")?;
    record.status = fields::status(&[a, b, c])?;
    record.duration_ns = duration_ns;
    let path = fields::path(url)?;
    record.path = Text::of_line(from + open + path.start, from + open + path.end);
    Some(())
}

fn completed(rest: &[u8], from: usize, record: &mut Record) -> Option<()> {
    if let Some(number) = rest.strip_prefix(b"in ") {
        return completed_with_url(number, from + 3, record);
    }
    let [a, b, c, b' ', words @ ..] = rest else { return None };
    let at = match words.starts_with(b"in ") {
        true => 3,
        false => memchr::memmem::find(words, b" in ")? + 4,
    };
    let number = &words[at..];
    let digits = digits(number);
    let goes_on = number.get(digits + 2).is_some_and(u8::is_ascii_alphanumeric);
    if !(1..=DIGITS_MAX).contains(&digits) || !number[digits..].starts_with(b"ms") || goes_on {
        return None;
    }
    record.status = fields::status(&[*a, *b, *c])?;
    record.duration_ns = fields::whole(&number[..digits])? * Unit::Milliseconds.nanos();
    Some(())
}

/// Whether it is a request, which is answered, and no connection that stays.
fn started(
    line: Line<'_>,
    start: usize,
    clock: &mut TimestampParser,
    record: &mut Record,
) -> Option<bool> {
    let text = line.bytes();
    let method = letters(&text[start..]);
    let path = start + method + 2;
    if method == 0 || text.get(path - 2..path) != Some(b" \"") {
        return None;
    }
    let len = memchr::memchr(b'"', &text[path..])?;
    let behind = &text[path + len + 1..];
    let rest = behind.strip_prefix(b" [WebSocket]");
    let client = text.len() - rest.unwrap_or(behind).strip_prefix(b" for ")?.len();
    let client_len = memchr::memmem::find(&text[client..], b" at ")?;
    let (stamp, _) = clock.iso(line, client + client_len + 4)?;
    if record.level == Level::None {
        record.set_time(stamp);
    }
    record.method = Text::of_line(start, start + method);
    record.path = Text::of_line(path, path + len);
    record.client = Text::of_line(client, client + client_len);
    Some(rest.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::record::{NO_DURATION, NO_STATUS};

    fn read(text: &str) -> Option<(Record, Vec<u8>)> {
        let padded = PaddedLine::new(text.as_bytes());
        let mut record = Record::EMPTY;
        body(padded.line(), 0, &[], &mut TimestampParser::utc(), &mut record)?;
        Some((record, text.as_bytes().to_vec()))
    }

    #[test]
    fn requests_before_rails_3() {
        let (record, line) =
            read("Processing CartController#show (for 203.0.113.9 at 2024-01-24 10:15:32) [GET]")
                .unwrap();
        assert_eq!(record.time_ns, 1_706_091_332_000_000_000);
        assert_eq!(record.method.bytes(&line, &[]), b"GET");
        assert_eq!(record.client.bytes(&line, &[]), b"203.0.113.9");
        assert_eq!((record.status, record.duration_ns), (NO_STATUS, NO_DURATION));
        for (text, ms, status, path) in [
            (
                "Completed in 207ms (View: 10, DB: 20) | 200 OK [http://shop.example/cart?id=1]",
                207,
                200,
                "/cart?id=1",
            ),
            (
                "Completed in 0.25000 (4 reqs/sec) | Rendering: 0.02 (8%) | DB: 0.03 (12%) | 302 Found [https://shop.example/]",
                250,
                302,
                "/",
            ),
        ] {
            let (record, line) = read(text).unwrap();
            assert_eq!((record.duration_ns, record.status), (ms * 1_000_000, status), "{text}");
            assert_eq!(record.path.bytes(&line, &[]), path.as_bytes(), "{text}");
        }
        for text in [
            "Completed in 207s | 200 OK [http://shop.example/]",
            "Completed in 207ms (View: 10) | OK [http://shop.example/]",
            "Completed in 207ms",
            "Processing CartController#show (for 203.0.113.9 at noon) [GET]",
            "Processing of orders (for 203.0.113.9 at 2024-01-24 10:15:32) [GET]",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
