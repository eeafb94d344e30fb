//! PHP-FPM's access log: `10.0.0.7 -  24/Jan/2024:10:15:32 +0000 "GET /index.php" 200`.
//!
//! # Accepted
//! The client (or `-`), ` - `, a user, which may be empty, a space, a timestamp as in the common log
//! format but without brackets, a space, the request in quotes, a space, and the status. Then perhaps
//! a script, milliseconds, kilobytes and a per cent of the processor, as `www.conf` proposes: the
//! milliseconds are the response time.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::http::{closing_quote, route, status_at};
use crate::format::prefilter::RequiredBytes;
use crate::format::text::duration::decimal;
use crate::format::{Continuation, Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Columns, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "php-fpm",
        title: "PHP-FPM access log",
        example: r#"10.0.0.7 -  24/Jan/2024:10:15:32 +0000 "GET /index.php" 200"#,
        time_field: "third field",
        duration: Some(("%{milli}d", "ms")),
    },
    facts: Facts {
        // What the slow log says of a request.
        continuations: &[
            Continuation { prefix: b"script_filename = ", is_one: |_| true },
            Continuation { prefix: b"[0x", is_one: is_frame },
        ],
        ..Facts::PLAIN
    },
    build: |_| line_format(PhpFpm),
};

struct PhpFpm;

/// Whether `[0x` goes on as frames of a stack do: `[0x00007f00deadbeef] f() /app/x.php:12`.
fn is_frame(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    digits > 0 && rest[digits..].starts_with(b"] ")
}

/// Longest address of a client.
const CLIENT_BYTES_MAX: usize = 45;
/// Longest name of a user.
const USER_BYTES_MAX: usize = 64;

impl LineFormat for PhpFpm {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::STATUS)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT)
        .or(Columns::DURATION);

    const NEEDS: RequiredBytes =
        RequiredBytes::CLOCK.or(RequiredBytes::QUOTE).or(RequiredBytes::NO_YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_hexdigit() || matches!(byte, b'-' | b':')
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        let front = &text[..text.len().min(CLIENT_BYTES_MAX + 1)];
        let client = memchr::memchr(b' ', front).filter(|&len| len > 0)?;
        if !text[client..].starts_with(b" - ") {
            return None;
        }
        let user = client + 3;
        let rest = &text[user..text.len().min(user + USER_BYTES_MAX + 1)];
        let time = memchr::memchr(b' ', rest).map(|len| user + len + 1)?;
        let (stamp, end) = cx.clock().clf(line, time)?;
        if text.get(end..end + 2) != Some(b" \"") {
            return None;
        }
        let request = end + 2;
        let close = closing_quote(cx.simd, line, request)?;
        let behind = close + 5;
        if line.byte(close + 1) != b' ' || behind > line.len() {
            return None;
        }
        let status = status_at(line, close + 2)?;
        if behind < line.len() && line.byte(behind) != b' ' {
            return None;
        }
        cx.record.set_time(stamp);
        cx.record.status = status;
        route(line, request, close, cx.record);
        if &text[..client] != b"-" {
            cx.record.client = Text::of_line(0, client);
        }
        let mut fields = text[behind..].rsplitn(4, |&b| b == b' ');
        if let (Some(cpu), Some(_), Some(millis), Some(script)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
            && cpu.ends_with(b"%")
            && script.len() > 1
            && let Some(nanos) = decimal(millis, Unit::Milliseconds)
        {
            cx.record.duration_ns = nanos;
        }
        Some(())
    }
}
