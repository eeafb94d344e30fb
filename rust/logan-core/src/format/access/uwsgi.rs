//! uWSGI's default request log.
//!
//! ```text
//! [memory] "[pid: " … "]" SP [client] SP "(" [user] ")" SP "{" … "}" SP "[" time "]" SP method SP
//! uri " => generated " bytes " bytes in " number (" msecs" | " micros") … "(HTTP/" … SP status ")"
//! ```
//!
//! *memory* is what `--memory-report` writes, in braces. *time* is as C's `ctime` writes it, or
//! any other layout (`--log-date`). The URI ends at the first ` => generated `. The number is the
//! response time.
//!
//! Source: <https://uwsgi-docs.readthedocs.io/en/latest/LogFormat.html>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Cursor;
use crate::format::http::{method_len, nanos_of, starts_with_http, status_at};
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Columns, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "uwsgi",
        title: "default request log of uWSGI",
        example: "[pid: 9119|app: 0|req: 7/31] 192.0.2.7 () {28 vars in 442 bytes} \
                  [Wed Jan 24 10:15:32 2024] GET /cart => generated 1532 bytes in 36 msecs \
                  (HTTP/1.1 200) 2 headers in 65 bytes (1 switches on core 0)",
        time_field: "[time]",
        duration: Some(("generated … bytes in", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Uwsgi),
};

struct Uwsgi;

impl LineFormat for Uwsgi {
    const COLUMNS: Columns = Columns::ACCESS;

    const NEEDS: RequiredBytes = RequiredBytes::TIME;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'[' || byte == b'{'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut c = Cursor::new(line, 0);
        if c.is(b'{') {
            c.pass_text(b"{address space usage: ")?;
            c.at = line.find(cx.simd, c.at, b'[');
        }
        c.pass_text(b"[pid: ")?;
        c.at = line.find(cx.simd, c.at, b']');
        c.pass_text(b"] ")?;
        let client = c.at;
        let client_end = line.find(cx.simd, client, b' ');
        c.at = client_end;
        c.pass_text(b" (")?;
        // A user may be called anything but this.
        c.at = line.find(cx.simd, c.at, b'{');
        if line.u32_at(c.at.saturating_sub(2)) & 0x00FF_FFFF != u32::from_le_bytes(*b") {\0") {
            return None;
        }
        c.at = line.find(cx.simd, c.at, b'}');
        c.pass_text(b"} [")?;
        let (time, end) = cx.clock().any(line, c.at)?;
        c.at = end;
        c.pass_text(b"] ")?;
        let method = c.at;
        let len = method_len(line, method, line.len());
        let uri = method + len + 1;
        let uri_end = loop {
            let arrow = line.find(cx.simd, c.at, b'>');
            if arrow >= line.len() {
                return None;
            }
            c.at = arrow + 1;
            if line.byte(arrow - 1) == b'='
                && line.byte(arrow - 2) == b' '
                && c.pass_text(b" generated ").is_some()
            {
                break arrow - 2;
            }
        };
        cx.record.bytes_sent = c.integer()?;
        c.pass_text(b" bytes in ")?;
        let elapsed = c.integer()?;
        let unit = if c.pass_text(b" msecs").is_some() {
            Unit::Milliseconds
        } else {
            c.pass_text(b" micros")?;
            Unit::Microseconds
        };
        cx.record.duration_ns = nanos_of(elapsed, 0, unit.nanos());
        loop {
            c.at = line.find(cx.simd, c.at, b'(') + 1;
            if c.at > line.len() {
                return None;
            }
            if starts_with_http(line, c.at) {
                break;
            }
        }
        c.word(cx.simd)?;
        c.pass(b' ')?;
        cx.record.status = status_at(line, c.at)?;
        c.at += 3;
        c.pass(b')')?;
        cx.record.set_time(time);
        cx.record.client = c.text((client, client_end));
        if len > 0 && uri < uri_end {
            cx.record.method = Text::of_line(method, method + len);
            cx.record.path = Text::of_line(uri, uri_end);
        }
        Some(())
    }
}
