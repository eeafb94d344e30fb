//! Gin: `[GIN] 2024/01/24 - 10:15:32 | 200 |     127.123µs |  10.0.0.1 | GET      "/ping"`.
//!
//! # Accepted
//! `[GIN] ` and a timestamp, then four fields, each behind ` | ` or `|` and spaces: the status, the
//! response time as Go prints it, the client, and the method before the path in quotes. Colors, which it
//! writes to a terminal, are read over.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::{digits, letters};
use crate::format::text::ansi::{self, ESC};
use crate::format::text::duration::with_unit;
use crate::format::{Continuation, Entry, Facts, Info, LineFormat, Parse, fields, line_format};
use crate::record::{Columns, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "gin",
        title: "Gin (Go) access log",
        example: r#"[GIN] 2024/01/24 - 10:15:32 | 200 |     127.123µs |        10.0.0.1 | GET      "/api/data""#,
        time_field: "behind [GIN]",
        duration: Some(("third field", "in the text")),
    },
    facts: Facts {
        // Errors that handlers attached to the request.
        continuations: &[Continuation { prefix: b"Error #", is_one: |rest| digits(rest) > 0 }],
        ..Facts::PLAIN
    },
    build: |_| line_format(Gin),
};

struct Gin;

impl LineFormat for Gin {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::DURATION)
        .or(Columns::STATUS)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::TIME.or(RequiredBytes::QUOTE);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'['
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.u32_at(1) != u32::from_le_bytes(*b"GIN]") || line.len() < 6 {
            return None;
        }
        if line.find(cx.simd, 0, ESC) < line.len() {
            return ansi::uncolored(line, &mut cx.again(), take);
        }
        take(line, cx)
    }
}

/// A line without colors.
#[inline(always)]
fn take<S>(line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
    let (stamp, end) = cx.context.clock.any(line, 6)?;
    let text = line.bytes();
    let mut parts = text[end..].splitn(5, |&b| b == b'|');
    let mut part = || parts.next().map(<[u8]>::trim_ascii);
    part().filter(|nothing| nothing.is_empty())?;
    cx.record.status = fields::status(part()?)?;
    cx.record.duration_ns = with_unit(part()?)?;
    let (client, request) = (part()?, part()?);
    let method = letters(request);
    let path = request[method..].trim_ascii_start();
    let path = path.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    cx.record.set_time(stamp);
    cx.record.method = Text::of_part(text, &request[..method]);
    cx.record.path = Text::of_part(text, path);
    if let Some(range) = fields::client(client) {
        cx.record.client = Text::of_part(text, &client[range]);
    }
    Some(())
}
