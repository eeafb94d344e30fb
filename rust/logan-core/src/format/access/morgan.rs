//! Express' morgan: `GET /x 200 12.345 ms - 512`, and its like.
//!
//! # Accepted
//! Words with one space between them, and nothing else, in one of these orders:
//! - *dev*: method, path, status, response time, `ms`, `-`, size;
//! - *tiny*: method, path, status, size, `-`, response time, `ms`;
//! - *short*: client, user, method, path, `HTTP/` and a version, and then as *tiny* from the status on.
//!
//! A method has three capitals or more, perhaps with `-`; a path begins with `/`. Status, size and
//! response time may be `-`, which is none. Lines are read over their colors.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::text::ansi::{self, ESC};
use crate::format::text::duration::decimal;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, fields, line_format};
use crate::record::{Columns, NO_ANSWER, NO_BYTES, NO_DURATION, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "morgan",
        title: "morgan (Express), formats dev, tiny and short",
        example: "GET /api/data 200 12.345 ms - 512",
        time_field: "none",
        duration: Some(("before \"ms\"", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Morgan),
};

struct Morgan;

impl LineFormat for Morgan {
    const COLUMNS: Columns = Columns::STATUS
        .or(Columns::BYTES)
        .or(Columns::DURATION)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_uppercase() || byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-' | ESC)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.byte(0) == ESC {
            return ansi::uncolored(line, &mut cx.again(), |line, cx| {
                take(line.bytes(), cx.record)
            });
        }
        if ends_so(line.bytes()) { take(line.bytes(), cx.record) } else { None }
    }
}

/// Whether a line ends as nearly no line of other formats does: with ` - `, a word and ` ms`, or with
/// ` ms - ` and a size.
fn ends_so(text: &[u8]) -> bool {
    if let Some(before) = text.strip_suffix(b" ms") {
        let space = before.iter().rposition(|&b| b == b' ');
        return space.is_some_and(|space| before[..=space].ends_with(b" - "));
    }
    let is_of_size = |b: &&u8| b.is_ascii_digit() || **b == b'-';
    let size = text.iter().rev().take_while(is_of_size).count();
    size > 0 && text[..text.len() - size].ends_with(b" ms - ")
}

fn take(text: &[u8], record: &mut Record) -> Option<()> {
    const WORDS_MAX: usize = 10;
    let mut words = [&b""[..]; WORDS_MAX];
    let mut count = 0;
    for word in text.split(|&b| b == b' ') {
        *words.get_mut(count)? = word;
        count += 1;
    }
    // Client, method, path, status, size, response time.
    let [client, method, path, status, size, time] = match (count, words) {
        (7, [method, path, status, time, b"ms", b"-", size, ..]) => {
            [b"-", method, path, status, size, time]
        }
        (7, [method, path, status, size, b"-", time, b"ms", ..]) => {
            [b"-", method, path, status, size, time]
        }
        (10, [client, _, method, path, http, status, size, b"-", time, b"ms"])
            if http.starts_with(b"HTTP/") =>
        {
            [client, method, path, status, size, time]
        }
        _ => return None,
    };
    let is_method = method.len() >= 3
        && method.iter().all(|b| b.is_ascii_uppercase() || *b == b'-')
        && method[0] != b'-';
    if !is_method || !path.starts_with(b"/") {
        return None;
    }
    record.status = if status == b"-" { NO_ANSWER } else { fields::status(status)? };
    record.bytes_sent = if size == b"-" { NO_BYTES } else { fields::whole(size)? };
    record.duration_ns =
        if time == b"-" { NO_DURATION } else { decimal(time, Unit::Milliseconds)? };
    (record.method, record.path) = (Text::of_part(text, method), Text::of_part(text, path));
    if count == WORDS_MAX
        && let Some(range) = fields::client(client)
    {
        record.client = Text::of_part(text, &client[range]);
    }
    Some(())
}
