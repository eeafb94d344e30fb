//! Squid's native access log, with times in epoch seconds or for people.
//!
//! ```text
//! time SP+ elapsed SP client SP result "/" status SP bytes SP method SP url SP user SP
//! hierarchy "/" peer [SP …]
//! time = epoch seconds with decimals | DD/Mon/YYYY:HH:MM:SS [SP zone] | the same in brackets
//! ```
//!
//! *elapsed* is in milliseconds; a negative one (a clock set back) is none. *result* is capitals,
//! digits and `_` (`TCP_MISS`); *status* three digits, `000` is a request without an answer. The path is
//! that of the URL.
//!
//! Sources: <https://wiki.squid-cache.org/Features/LogFormat>,
//! <http://www.squid-cache.org/Doc/config/logformat/>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Cursor;
use crate::format::http::{method_len, path, status_at, url_host};
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Column, Columns, Text};
use crate::time::epoch;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "squid",
        title: "native access log of Squid",
        example: "1706091332.123    163 192.0.2.7 TCP_MISS/200 1532 GET \
                  http://shop.example.com/cart - HIER_DIRECT/203.0.113.80 text/html",
        time_field: "first field",
        duration: Some(("elapsed, the second field", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Squid),
};

struct Squid;

impl LineFormat for Squid {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::HOST);

    const NEEDS: RequiredBytes = RequiredBytes::NO_YEAR_FIRST;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit() || byte == b'['
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut c = Cursor::new(line, 0);
        let time = if line.byte(10) == b'.' {
            let word = c.word(cx.simd)?;
            epoch(c.bytes(word))?
        } else {
            let bracketed = c.pass(b'[').is_some();
            let (time, end) = cx.clock().clf(line, c.at)?;
            c.at = end;
            if bracketed {
                c.pass(b']')?;
            }
            time
        };
        while c.line.byte(c.at + 1) == b' ' && c.is(b' ') {
            c.at += 1;
        }
        cx.record.duration_ns = c.next_time(Unit::Milliseconds)?;
        let client = c.next_word(cx.simd)?;
        let (start, end) = c.next_word(cx.simd)?;
        if end - start < 5 || line.byte(end - 4) != b'/' {
            return None;
        }
        cx.record.status = status_at(line, end - 3)?;
        let is_code = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
        if !c.bytes((start, end - 4)).iter().all(is_code) {
            return None;
        }
        cx.record.bytes_sent = c.next_size()?;
        c.pass(b' ')?;
        let method = c.at;
        let len = method_len(line, method, line.len());
        c.at += len;
        let url = c.next_word(cx.simd)?;
        c.next_word(cx.simd)?;
        let hierarchy = c.next_word(cx.simd)?;
        if len == 0 || !c.bytes(hierarchy).contains(&b'/') {
            return None;
        }
        cx.record.set_time(time);
        cx.record.client = c.text(client);
        cx.record.method = Text::of_line(method, method + len);
        cx.record.path = path(line, url.0, url.1);
        if cx.context.wanted.has(Columns::HOST) {
            let host = url_host(c.bytes(url)).map(|(start, end)| (url.0 + start, url.0 + end));
            c.request_some(cx.context.wanted, Column::HOST, host, cx.record);
        }
        Some(())
    }
}
