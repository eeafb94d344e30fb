//! nginx's error log: `2021/06/17 19:25:59 [error] 31#31: *7 open() "/x" failed, client: 1.2.3.4, …`.
//!
//! # Accepted
//! A timestamp `YYYY/MM/DD HH:MM:SS` at the start of the line, ` [level] `, digits, `#`, digits, `:`.
//! Behind that perhaps ` *` and the number of the connection, and the message, which ends before the
//! first `, client: ` if there is one. What follows `client: ` up to the next comma or the end is the
//! client; what stands in quotes behind the first `, request: "` is the request line.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::digits;
use crate::format::{Claims, Entry, Facts, Info, LineFormat, Parse, fields, line_format};
use crate::record::{Columns, Level, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "nginx-error",
        title: "nginx error log",
        example: r#"2024/01/24 10:15:32 [error] 31#31: *7 open() "/srv/x" failed (2: No such file or directory), client: 10.0.0.1, server: localhost, request: "GET /x HTTP/1.1", host: "localhost""#,
        time_field: "start of the line",
        duration: None,
    },
    facts: Facts {
        claims: Some(Claims { behind_time: b" ", is_one: |text, end| front(text, end).is_some() }),
        ..Facts::PLAIN
    },
    build: |_| line_format(NginxError),
};

struct NginxError;

/// Level and start of the message of a line whose timestamp ends at `end`.
fn front(text: &[u8], end: usize) -> Option<(Level, usize)> {
    if text.get(4) != Some(&b'/') {
        return None;
    }
    let rest = text.get(end..)?.strip_prefix(b" [")?;
    let close = rest.iter().position(|b| !b.is_ascii_lowercase())?;
    let level = Level::from_word(&rest[..close])?;
    let mut rest = &rest[close..];
    for mark in [&b"] "[..], b"#"] {
        rest = rest.strip_prefix(mark)?;
        rest = &rest[Some(digits(rest)).filter(|&count| count > 0)?..];
    }
    let mut message = rest.strip_prefix(b":")?;
    message = message.strip_prefix(b" ").unwrap_or(message);
    if let Some(connection) = message.strip_prefix(b"*") {
        let count = digits(connection);
        if count > 0 {
            message = connection[count..].strip_prefix(b" ").unwrap_or(&connection[count..]);
        }
    }
    Some((level, text.len() - message.len()))
}

impl LineFormat for NginxError {
    const COLUMNS: Columns = Columns::TEXT.or(Columns::ROUTE).or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::CLOCK.or(RequiredBytes::YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit()
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.byte(4) != b'/' {
            return None;
        }
        let (stamp, end) = cx.clock().iso(line, 0)?;
        let text = line.bytes();
        let (level, message) = front(text, end)?;
        cx.record.set_time(stamp);
        cx.record.level = level;
        const CLIENT: &[u8] = b", client: ";
        const REQUEST: &[u8] = b", request: \"";
        let mut message_end = text.len();
        if let Some(at) = memchr::memmem::find(&text[message..], CLIENT) {
            message_end = message + at;
            let start = message_end + CLIENT.len();
            let len = memchr::memchr(b',', &text[start..]).unwrap_or(text.len() - start);
            cx.record.client = Text::of_line(start, start + len);
        }
        cx.record.message = Text::of_line(message, message_end);
        if let Some(at) = memchr::memmem::find(&text[message_end..], REQUEST) {
            let start = message_end + at + REQUEST.len();
            let len = memchr::memchr(b'"', &text[start..]).unwrap_or(text.len() - start);
            let request = &text[start..start + len];
            if let Some((method, path)) = fields::request(request) {
                cx.record.method = Text::of_part(text, &request[method]);
                cx.record.path = Text::of_part(text, &request[path]);
            }
        }
        Some(())
    }
}
