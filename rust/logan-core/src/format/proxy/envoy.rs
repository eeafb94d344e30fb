//! Envoy's default access log, and Istio's, which puts a few fields before the sizes.
//!
//! ```text
//! "[" time "]" SP quoted SP status SP flags [SP field]{0,3} SP received SP sent SP duration SP
//! upstream [SP quoted …]
//! ```
//!
//! *time* is in ISO layout. *field* is a word or quoted and does not begin with a digit (Istio:
//! the response's details, how the connection ended, why the upstream failed); *status* is one
//! digit `0`, which is a request without an answer, or three. The sizes and times are integers or `-`, which is none;
//! *duration* is the response time in milliseconds. The client is the first address of the quoted
//! field behind them (X-Forwarded-For); the quoted fields after that one are the user agent, an id and the
//! host.
//!
//! Sources: <https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>,
//! <https://istio.io/latest/docs/tasks/observability/logs/access-log/>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Cursor;
use crate::format::http::route;
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Column, Columns, NO_ANSWER, NO_DURATION, NO_STATUS};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "envoy",
        title: "default access log of Envoy and Istio",
        example: "[2024-01-24T10:15:32.123Z] \"GET /cart HTTP/2\" 200 - 0 1532 36 34 \
                  \"203.0.113.9\" \"Mozilla/5.0\" \"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2\" \
                  \"shop.example.com\" \"10.0.0.66:8080\"",
        time_field: "[time]",
        duration: Some(("duration, the third number behind the flags", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Envoy),
};

/// Fields between flags and sizes.
const FIELDS_MAX: usize = 3;

struct Envoy;

impl LineFormat for Envoy {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);

    const NEEDS: RequiredBytes = RequiredBytes::CLOCK.or(RequiredBytes::QUOTE);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'['
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut c = Cursor::new(line, 0);
        c.pass(b'[')?;
        let (time, end) = cx.clock().iso(line, c.at)?;
        c.at = end;
        c.pass_text(b"] ")?;
        let request = c.quoted(cx.simd)?;
        cx.record.status = if c.pass_text(b" 0 ").is_some() {
            c.at -= 1;
            NO_ANSWER
        } else {
            c.next_status()?
        };
        // The flags: `-` or capitals.
        let flags = c.next_word(cx.simd)?;
        if c.bytes(flags)[0].is_ascii_digit() {
            return None;
        }
        for _ in 0..FIELDS_MAX {
            c.pass(b' ')?;
            let first = c.line.byte(c.at);
            if first.is_ascii_digit() {
                c.at -= 1;
                break;
            }
            if first == b'"' {
                c.quoted(cx.simd)?
            } else {
                c.word(cx.simd)?
            };
        }
        c.next_size()?;
        cx.record.bytes_sent = c.next_size()?;
        cx.record.duration_ns = c.next_time(Unit::Milliseconds)?;
        c.next_time(Unit::Milliseconds)?;
        cx.record.set_time(time);
        route(line, request.0, request.1, cx.record);
        if cx.record.method.is_empty() && cx.record.status == NO_ANSWER {
            // A connection of a TCP listener: `- - -`.
            (cx.record.status, cx.record.duration_ns) = (NO_STATUS, NO_DURATION);
        }
        if c.pass(b' ').is_some()
            && let Some((start, end)) = c.quoted(cx.simd)
        {
            let comma = line.find(cx.simd, start, b',').min(end);
            cx.record.client = c.text((start, comma));
            if !cx.context.wanted.is_empty()
                && let Some(user_agent) = c.next_quoted(cx.simd)
            {
                c.request(cx.context.wanted, Column::USER_AGENT, user_agent, cx.record);
                // The request's id stands before the authority.
                let host = c.next_quoted(cx.simd).and_then(|_| c.next_quoted(cx.simd));
                c.request_some(cx.context.wanted, Column::HOST, host, cx.record);
            }
        }
        Some(())
    }
}
