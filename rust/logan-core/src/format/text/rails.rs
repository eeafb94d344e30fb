//! Ruby on Rails: `Completed 200 OK in 127ms (Views: 1.2ms | ActiveRecord: 0.5ms)`.
//!
//! # Accepted
//! Perhaps the front of Ruby's logger (`I, [2024-01-24T10:15:32.123456 #1234]  INFO -- : `, whose
//! letter, time and level word must be there), then any number of tags in brackets with a space
//! behind each, and one of
//! - `Completed `, a status, words, ` in `, digits, and `ms` with no letter or digit behind it: the
//!   only one of the three that is a request;
//! - `Started `, a method, the path in quotes, ` for `, the client, ` at `, a timestamp, which counts
//!   if the logger gave none;
//! - `Processing by `, something that holds `#`, ` as `.
//!
//! All other lines of a Rails log are left to other formats.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::slices::{digits, letters};
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, fields, line_format};
use crate::record::{Columns, Level, Record, Text};
use crate::time::TimestampParser;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "rails",
        title: "Ruby on Rails requests",
        example: "I, [2024-01-24T10:15:32.123456 #1234]  INFO -- : Completed 200 OK in 127ms (Views: 1.2ms | ActiveRecord: 0.5ms)",
        time_field: "front of the logger, or behind \"at\"",
        duration: Some(("behind \"in\"", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Rails),
};

struct Rails;

/// Digits of a response time: far from the largest.
const DIGITS_MAX: usize = 9;

impl LineFormat for Rails {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::LEVEL)
        .or(Columns::DURATION)
        .or(Columns::STATUS)
        .or(Columns::MESSAGE)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT);

    fn may_begin_with(&self, byte: u8) -> bool {
        matches!(byte, b'C' | b'S' | b'P' | b'D' | b'I' | b'W' | b'E' | b'F' | b'A' | b'[')
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        // What nearly all lines of other formats are not.
        let logger = line.byte(1) == b',' && line.byte(2) == b' ' && line.byte(3) == b'[';
        let word = line.u32_at(0).to_le_bytes();
        let Parse { context, record, .. } = cx;
        if logger && front(line, &mut context.clock, record).is_some() {
            return Some(());
        }
        let is_one = matches!(&word, b"Comp" | b"Star" | b"Proc") || word[0] == b'[';
        if is_one { body(line, 0, &mut context.clock, record) } else { None }
    }
}

/// A line with the front of Ruby's logger.
fn front(line: Line<'_>, clock: &mut TimestampParser, record: &mut Record) -> Option<()> {
    let text = line.bytes();
    let (stamp, end) = clock.iso(line, 4)?;
    let rest = text.get(end..)?.strip_prefix(b" #")?;
    let close = memchr::memchr(b']', rest)?;
    let rest = rest[close + 1..].trim_ascii_start();
    let dashes = memchr::memmem::find(rest, b" -- ")?;
    let level = Level::from_word(&rest[..dashes])?;
    let colon = memchr::memmem::find(&rest[dashes..], b": ")?;
    record.set_time(stamp);
    record.level = level;
    let at = text.len() - rest.len() + dashes + colon + 2;
    body(line, at, clock, record)
}

/// Tags and one of the three messages at `at`.
fn body(
    line: Line<'_>,
    mut at: usize,
    clock: &mut TimestampParser,
    record: &mut Record,
) -> Option<()> {
    let text = line.bytes();
    while text.get(at) == Some(&b'[') {
        // Up to the first bracket before a space.
        at += memchr::memmem::find(&text[at..], b"] ")? + 2;
    }
    let message = &text[at..];
    record.message = Text::of_line(at, text.len());
    if let Some(rest) = message.strip_prefix(b"Completed ") {
        completed(rest, record)
    } else if let Some(rest) = message.strip_prefix(b"Started ") {
        started(line, text.len() - rest.len(), clock, record)
    } else {
        let rest = message.strip_prefix(b"Processing by ")?;
        let end = memchr::memmem::find(rest, b" as ")?;
        rest[..end].contains(&b'#').then_some(())
    }
}

fn completed(rest: &[u8], record: &mut Record) -> Option<()> {
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

fn started(
    line: Line<'_>,
    start: usize,
    clock: &mut TimestampParser,
    record: &mut Record,
) -> Option<()> {
    let text = line.bytes();
    let method = letters(&text[start..]);
    let path = start + method + 2;
    if method == 0 || text.get(path - 2..path) != Some(b" \"") {
        return None;
    }
    const FOR: &[u8] = b"\" for ";
    let len = memchr::memmem::find(&text[path..], FOR)?;
    let client = path + len + FOR.len();
    let client_len = memchr::memmem::find(&text[client..], b" at ")?;
    let (stamp, _) = clock.iso(line, client + client_len + 4)?;
    if record.level == Level::None {
        record.set_time(stamp);
    }
    record.method = Text::of_line(start, start + method);
    record.path = Text::of_line(path, path + len);
    record.client = Text::of_line(client, client + client_len);
    Some(())
}
