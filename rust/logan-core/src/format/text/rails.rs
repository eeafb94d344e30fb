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
use crate::format::{Context, Entry, Facts, Info, LineFormat};
use crate::record::Level;
use crate::record::{Columns, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "rails",
        title: "Ruby on Rails requests",
        example: "I, [2024-01-24T10:15:32.123456 #1234]  INFO -- : Completed 200 OK in 127ms (Views: 1.2ms | ActiveRecord: 0.5ms)",
        time_field: "front of the logger, or behind \"at\"",
        duration_field: Some("behind \"in\""),
        duration_unit: Some("ms"),
    },
    facts: Facts::PLAIN,
    build: |_| Box::new(Rails),
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
    fn parse<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        // What nearly all lines of other formats are not.
        let logger = line.byte(1) == b',' && line.byte(2) == b' ' && line.byte(3) == b'[';
        let word = line.u32_at(0).to_le_bytes();
        logger && front(line, context, record)
            || (matches!(&word, b"Comp" | b"Star" | b"Proc") || word[0] == b'[')
                && body(line, 0, context, record)
    }
}

/// A line with the front of Ruby's logger.
fn front(line: Line<'_>, context: &mut Context, record: &mut Record) -> bool {
    let text = line.bytes();
    let Some((stamp, end)) = context.clock.iso(line, 4) else { return false };
    let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix(b" #")) else {
        return false;
    };
    let Some(close) = memchr::memchr(b']', rest) else { return false };
    let rest = rest[close + 1..].trim_ascii_start();
    let Some(dashes) = memchr::memmem::find(rest, b" -- ") else { return false };
    let Some(level) = Level::from_word(&rest[..dashes]) else { return false };
    let Some(colon) = memchr::memmem::find(&rest[dashes..], b": ") else { return false };
    record.set_time(stamp);
    record.level = level;
    let at = text.len() - rest.len() + dashes + colon + 2;
    body(line, at, context, record)
}

/// Tags and one of the three messages at `at`.
fn body(line: Line<'_>, mut at: usize, context: &mut Context, record: &mut Record) -> bool {
    let text = line.bytes();
    while text.get(at) == Some(&b'[') {
        // Up to the first bracket before a space.
        loop {
            let Some(len) = memchr::memchr(b']', &text[at..]) else { return false };
            at += len + 1;
            if text.get(at) == Some(&b' ') {
                at += 1;
                break;
            }
        }
    }
    let message = &text[at..];
    let parsed = if let Some(rest) = message.strip_prefix(b"Completed ") {
        completed(rest, record)
    } else if let Some(rest) = message.strip_prefix(b"Started ") {
        started(line, text.len() - rest.len(), context, record)
    } else if let Some(rest) = message.strip_prefix(b"Processing by ") {
        memchr::memmem::find(rest, b" as ").is_some_and(|end| rest[..end].contains(&b'#'))
    } else {
        false
    };
    record.message = Text::of_line(at, text.len());
    parsed
}

fn completed(rest: &[u8], record: &mut Record) -> bool {
    let [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', words @ ..] = rest else {
        return false;
    };
    let at = match words.starts_with(b"in ") {
        true => 3,
        false => match memchr::memmem::find(words, b" in ") {
            Some(at) => at + 4,
            None => return false,
        },
    };
    let number = &words[at..];
    let digits = number.iter().take_while(|b| b.is_ascii_digit()).count();
    let goes_on = number.get(digits + 2).is_some_and(u8::is_ascii_alphanumeric);
    if !(1..=DIGITS_MAX).contains(&digits) || !number[digits..].starts_with(b"ms") || goes_on {
        return false;
    }
    let millis = number[..digits].iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0'));
    record.duration_ns = millis * 1_000_000;
    record.status = [a, b, c].iter().fold(0, |n, &&d| n * 10 + u16::from(d - b'0'));
    true
}

fn started(line: Line<'_>, start: usize, context: &mut Context, record: &mut Record) -> bool {
    let text = line.bytes();
    let method = text[start..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let path = start + method + 2;
    if method == 0 || text.get(path - 2..path) != Some(b" \"") {
        return false;
    }
    const FOR: &[u8] = b"\" for ";
    let Some(len) = memchr::memmem::find(&text[path..], FOR) else { return false };
    let client = path + len + FOR.len();
    let Some(client_len) = memchr::memmem::find(&text[client..], b" at ") else { return false };
    let Some((stamp, _)) = context.clock.iso(line, client + client_len + 4) else { return false };
    if record.level == Level::None {
        record.set_time(stamp);
    }
    record.method = Text::of_line(start, start + method);
    record.path = Text::of_line(path, path + len);
    record.client = Text::of_line(client, client + client_len);
    true
}
