//! Gin: `[GIN] 2024/01/24 - 10:15:32 | 200 |     127.123µs |  10.0.0.1 | GET      "/ping"`.
//!
//! # Accepted
//! `[GIN] ` and a timestamp, then four fields, each behind ` | ` or `|` and spaces: the status, the
//! response time as Go prints it, the client, and the method before the path in quotes.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::text::duration::with_unit;
use crate::format::{Context, Entry, Facts, Info, LineFormat, fields};
use crate::record::{Columns, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "gin",
        title: "Gin (Go) access log",
        example: r#"[GIN] 2024/01/24 - 10:15:32 | 200 |     127.123µs |        10.0.0.1 | GET      "/api/data""#,
        time_field: "behind [GIN]",
        duration_field: Some("third field"),
        duration_unit: Some("in the text"),
    },
    facts: Facts::PLAIN,
    build: |_| Box::new(Gin),
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
    fn parse<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        if line.u32_at(1) != u32::from_le_bytes(*b"GIN]") || line.len() < 6 {
            return false;
        }
        let Some((stamp, end)) = context.clock.any(line, 6) else { return false };
        let text = line.bytes();
        let mut parts = text[end..].splitn(5, |&b| b == b'|');
        let mut part = || parts.next().map(<[u8]>::trim_ascii);
        let (Some([]), Some(&[a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'])) =
            (part(), part())
        else {
            return false;
        };
        let (Some(duration), Some(client), Some(request)) = (part(), part(), part()) else {
            return false;
        };
        let Some(duration_ns) = with_unit(duration) else { return false };
        let method = request.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let path = request[method..].trim_ascii_start();
        let Some(path) = path.strip_prefix(b"\"").and_then(|path| path.strip_suffix(b"\"")) else {
            return false;
        };
        // All of these are parts of the line.
        let place = |part: &[u8]| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            Text::of_line(start, start + part.len())
        };
        record.set_time(stamp);
        record.status = [a, b, c].iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        record.duration_ns = duration_ns;
        record.method = place(&request[..method]);
        record.path = place(path);
        if let Some(range) = fields::client(client) {
            record.client = place(&client[range]);
        }
        true
    }
}
