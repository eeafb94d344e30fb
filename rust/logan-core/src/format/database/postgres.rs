//! PostgreSQL's server log: `2024-01-24 10:15:32.123 UTC [123] LOG:  duration: 12.3 ms  statement: …`,
//! and the same as CSV.
//!
//! # Accepted
//! A timestamp at the start of the line, then `:`, or a space and `[` or a capital letter, whatever
//! else `log_line_prefix` gives, and within
//! [`PREFIX_BYTES_MAX`] bytes one of the words of [`WORDS`], a colon and two spaces. What stands
//! between timestamp and word holds `[` and a digit (the process), and the word begins behind a
//! space, a colon or a bracket.
//!
//! The words of details (`DETAIL`, `STATEMENT`, …) have no level. A message that begins with
//! `duration: ` has its number of milliseconds as response time, unless `parse` or `bind` follows. The client is what follows
//! `client=` or `host=` in the prefix.
//!
//! As CSV: a timestamp at the start of the line, perhaps a space and a zone in capitals, and at least
//! thirteen fields behind a comma each, in quotes or not: the third holds digits (the process), the
//! fourth is the client with its port, the eleventh one of [`WORDS`], the twelfth five letters and
//! digits (the state), and the thirteenth the message, whose quotes may close on a later line.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::text::duration::decimal;
use crate::format::{Claims, Entry, Facts, Info, LineFormat, Parse, Unit, fields, line_format};
use crate::record::{Columns, Level, NO_DURATION, Text};
use std::ops::Range;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "postgres",
        title: "PostgreSQL server log",
        example: "2024-01-24 10:15:32.123 UTC [123] LOG:  duration: 12.345 ms  statement: SELECT 1",
        time_field: "start of the line",
        duration: Some(("duration:", "ms")),
    },
    facts: Facts { claims: Some(Claims { behind_time: b" :,", is_one }), ..Facts::PLAIN },
    build: |_| line_format(Postgres),
};

/// How far behind the timestamp the word may begin: prefixes hold names of users and applications.
pub const PREFIX_BYTES_MAX: usize = 256;

/// The words before messages and their levels.
pub const WORDS: [(&str, Level); 20] = [
    ("LOG", Level::Info),
    ("ERROR", Level::Error),
    ("STATEMENT", Level::None),
    ("DETAIL", Level::None),
    ("HINT", Level::None),
    ("CONTEXT", Level::None),
    ("QUERY", Level::None),
    ("LOCATION", Level::None),
    ("BACKTRACE", Level::None),
    ("FATAL", Level::Fatal),
    ("PANIC", Level::Fatal),
    ("WARNING", Level::Warn),
    ("NOTICE", Level::Notice),
    ("INFO", Level::Info),
    ("DEBUG", Level::Debug),
    ("DEBUG1", Level::Debug),
    ("DEBUG2", Level::Debug),
    ("DEBUG3", Level::Debug),
    ("DEBUG4", Level::Debug),
    ("DEBUG5", Level::Debug),
];

struct Postgres;

/// Level, where its word starts, and where the message starts, of a line whose timestamp ends at
/// `end`.
fn front(text: &[u8], end: usize) -> Option<(Level, usize, usize)> {
    let rest = text.get(end..)?;
    let begins = match rest {
        [b':', ..] | [b' ', b'[', ..] => true,
        [b' ', letter, ..] => letter.is_ascii_uppercase(),
        _ => false,
    };
    if !begins || !text[0].is_ascii_digit() {
        return None;
    }
    let window = &rest[..rest.len().min(PREFIX_BYTES_MAX)];
    // Most text has no bracket at all.
    memchr::memchr(b'[', window)?;
    for at in memchr::memchr_iter(b':', window) {
        if !window[at + 1..].starts_with(b"  ") {
            continue;
        }
        let word = window[..at].iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
        let start = at - word;
        let Some(&(_, level)) = WORDS.iter().find(|(w, _)| w.as_bytes() == &window[start..at])
        else {
            continue;
        };
        let prefix = &window[..start];
        let separated = matches!(prefix.last(), Some(b' ' | b':' | b']' | b')'));
        if separated && prefix.windows(2).any(|two| two[0] == b'[' && two[1].is_ascii_digit()) {
            return Some((level, end + start, end + at + 3));
        }
    }
    None
}

/// Whether a line with a timestamp up to `end` is of this format.
fn is_one(text: &[u8], end: usize) -> bool {
    front(text, end).is_some() || fields_of_csv(text, end).is_some()
}

/// What fields of CSV say, and where in the line it stands.
struct Fields {
    level: Level,
    client: Range<usize>,
    message: Range<usize>,
}

/// The fields of a line of CSV whose timestamp ends at `end`.
fn fields_of_csv(text: &[u8], end: usize) -> Option<Fields> {
    let rest = text.get(end..)?;
    let zone = match rest {
        [b' ', zone @ ..] => 1 + zone.iter().take_while(|b| b.is_ascii_uppercase()).count(),
        _ => 0,
    };
    // Users and databases stand in quotes, or there are none.
    if !matches!(rest.get(zone..)?, [b',', b'"' | b',', ..]) || !text[0].is_ascii_digit() {
        return None;
    }
    const LAST: usize = 13;
    let mut fields = [const { 0..0 }; LAST];
    let mut at = end + zone;
    for (i, field) in fields.iter_mut().enumerate() {
        let value = text.get(at..)?.strip_prefix(b",")?;
        let start = at + 1;
        if value.starts_with(b"\"") {
            let closing = quote_of_csv(&value[1..]);
            let len = closing.or_else(|| (i == LAST - 1).then_some(value.len() - 1))?;
            *field = start + 1..start + 1 + len;
            at = (start + 2 + len).min(text.len());
        } else {
            let len = memchr::memchr(b',', value).unwrap_or(value.len());
            *field = start..start + len;
            at = start + len;
        }
    }
    let [_, _, process, client, .., word, state, message] = fields;
    let of_process = &text[process];
    let is_state = text[state.clone()].iter().all(u8::is_ascii_alphanumeric) && state.len() == 5;
    if of_process.is_empty() || !of_process.iter().all(u8::is_ascii_digit) || !is_state {
        return None;
    }
    let &(_, level) = WORDS.iter().find(|(known, _)| known.as_bytes() == &text[word.clone()])?;
    Some(Fields { level, client, message })
}

/// The first quote that is not doubled.
fn quote_of_csv(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', &text[from..])?;
        if text.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// The response time that a message begins with.
fn duration_of(message: &[u8]) -> Option<u64> {
    let duration = message.strip_prefix(b"duration: ")?;
    let len = duration.iter().position(|&b| b == b' ')?;
    let behind = duration[len..].strip_prefix(b" ms")?.trim_ascii_start();
    // Parts of the execute that follows.
    let is_part = [&b"parse "[..], b"bind "].iter().any(|step| behind.starts_with(step));
    if is_part { None } else { decimal(&duration[..len], Unit::Milliseconds) }
}

impl LineFormat for Postgres {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::LEVEL)
        .or(Columns::DURATION)
        .or(Columns::MESSAGE)
        .or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::TIME;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit()
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if !line.byte(0).is_ascii_digit() {
            return None;
        }
        let (stamp, end) = cx.clock().any(line, 0)?;
        let text = line.bytes();
        cx.record.set_time(stamp);
        let Some((level, word, message)) = front(text, end) else {
            let Fields { level, client, message } = fields_of_csv(text, end)?;
            cx.record.level = level;
            cx.record.duration_ns = duration_of(&text[message.clone()]).unwrap_or(NO_DURATION);
            cx.record.message = Text::of_line(message.start, message.end);
            let client = &text[client];
            if let Some(part) = fields::client(client) {
                cx.record.client = Text::of_part(text, &client[part]);
            }
            return Some(());
        };
        cx.record.level = level;
        cx.record.message = Text::of_line(message, text.len());
        cx.record.duration_ns = duration_of(&text[message..]).unwrap_or(NO_DURATION);
        for key in [&b"client="[..], b"host="] {
            if let Some(at) = memchr::memmem::find(&text[end..word], key) {
                let value = &text[end + at + key.len()..word];
                let len =
                    value.iter().position(|b| matches!(b, b',' | b' ')).unwrap_or(value.len());
                if let Some(part) = fields::client(&value[..len]) {
                    cx.record.client = Text::of_part(text, &value[part]);
                    break;
                }
            }
        }
        Some(())
    }
}
