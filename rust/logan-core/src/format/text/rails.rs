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
//! - `Processing by `, something that holds `#`, ` as `;
//! - before Rails 3, `Processing `, something that holds `#`, ` (for `, the client, ` at `, a timestamp,
//!   `) [`, a method and `]`; and `Completed in `, a number with `ms`, or in seconds before ` (`, anything
//!   to the last ` | `, a status, and words before ` [`, the URL and `]`.
//!
//! All other lines of a Rails log are left to other formats.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::slices::{digits, letters};
use crate::format::text::duration::decimal;
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
        completed(rest, text.len() - rest.len(), record)
    } else if let Some(rest) = message.strip_prefix(b"Started ") {
        started(line, text.len() - rest.len(), clock, record)
    } else {
        let Some(rest) = message.strip_prefix(b"Processing by ") else {
            return processing(line, at, clock, record);
        };
        let end = memchr::memmem::find(rest, b" as ")?;
        rest[..end].contains(&b'#').then_some(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::record::{NO_DURATION, NO_STATUS};

    fn read(text: &str) -> Option<(Record, Vec<u8>)> {
        let padded = PaddedLine::new(text.as_bytes());
        let mut record = Record::EMPTY;
        body(padded.line(), 0, &mut TimestampParser::utc(), &mut record)?;
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
