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
use crate::format::{Context, Entry, Facts, Info, LineFormat, Unit};
use crate::record::{Columns, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "php-fpm",
        title: "PHP-FPM access log",
        example: r#"10.0.0.7 -  24/Jan/2024:10:15:32 +0000 "GET /index.php" 200"#,
        time_field: "third field",
        duration_field: Some("%{milli}d"),
        duration_unit: Some("ms"),
    },
    facts: Facts { continuations: &[b"script_filename = "], ..Facts::PLAIN },
    build: |_| Box::new(PhpFpm),
};

struct PhpFpm;

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
    fn parse<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let text = line.bytes();
        let front = &text[..text.len().min(CLIENT_BYTES_MAX + 1)];
        let Some(client) = memchr::memchr(b' ', front).filter(|&len| len > 0) else { return false };
        if !text[client..].starts_with(b" - ") {
            return false;
        }
        let user = client + 3;
        let rest = &text[user..text.len().min(user + USER_BYTES_MAX + 1)];
        let Some(time) = memchr::memchr(b' ', rest).map(|len| user + len + 1) else { return false };
        let Some((stamp, end)) = context.clock.clf(line, time) else { return false };
        if text.get(end..end + 2) != Some(b" \"") {
            return false;
        }
        let request = end + 2;
        let Some(close) = closing_quote(simd, line, request) else { return false };
        let behind = close + 5;
        if line.byte(close + 1) != b' ' || behind > line.len() {
            return false;
        }
        let Some(status) = status_at(line, close + 2) else { return false };
        if behind < line.len() && line.byte(behind) != b' ' {
            return false;
        }
        record.set_time(stamp);
        record.status = status;
        route(line, request, close, record);
        if &text[..client] != b"-" {
            record.client = Text::of_line(0, client);
        }
        let mut fields = text[behind..].rsplitn(4, |&b| b == b' ');
        if let (Some(cpu), Some(_), Some(millis), Some(script)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
            && cpu.ends_with(b"%")
            && script.len() > 1
            && let Some(nanos) = decimal(millis, Unit::Milliseconds)
        {
            record.duration_ns = nanos;
        }
        true
    }
}
