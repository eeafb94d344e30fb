//! HAProxy's own logs: `option httplog` and `option tcplog`, alone or behind what syslog writes.
//!
//! ```text
//! http = [before] client ":" port SP "[" time "]" SP frontend SP backend "/" server SP timers5 SP
//!        status SP bytes SP cookie SP cookie SP state4 SP counts5 SP counts2 [SP "{" … "}"]*
//!        [SP quote request [quote …]]
//! tcp  = [before] client ":" port SP "[" time "]" SP frontend SP backend "/" server SP timers3 SP
//!        bytes SP state2 SP counts5 SP counts2 [SP …]
//! ```
//!
//! The first `[` behind a space before position 512 that `DD/` and `Mon/` follow opens the time,
//! which carries no zone. *before* is anything that ends in a space: a syslog header
//! (`Feb  6 12:14:14 lb1 haproxy[14389]: `) or none. *timersN* and *countsN* are so many integers
//! between slashes, each with a `-` or `+` before it or not. The last timer is the response time
//! in milliseconds (Tt, or Ta since 1.7) of an HTTP line; with `-`, or of a bad request, it is none; with
//! `+` (`option logasap`: written before the end) it is what was known. Status `-1` is a request
//! without an answer. A request that the line's end cuts counts as far as it goes.
//!
//! Source: <https://docs.haproxy.org/3.0/configuration.html#8.2>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::{Cursor, Span};
use crate::format::http::{closing_quote, nanos_of, route};
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Columns, NO_ANSWER, NO_DURATION, NO_STATUS};

/// `option httplog`.
pub static HTTP: Entry = Entry {
    info: Info {
        name: "haproxy",
        title: "HAProxy HTTP log (option httplog), with or without a syslog header",
        example: "203.0.113.9:51234 [24/Jan/2024:10:15:32.123] web~ app/srv1 0/0/1/34/36 200 512 \
                  - - ---- 12/11/3/1/0 0/0 \"GET /cart HTTP/1.1\"",
        time_field: "[time]",
        duration: Some(("the last of the five timers (Tt, Ta)", "ms")),
    },
    facts: Facts { also_taken_by: &["syslog"], ..Facts::PLAIN },
    build: |_| line_format(Haproxy::<true>),
};

/// `option tcplog`. The last timer is that of a session, which is no response time.
pub static TCP: Entry = Entry {
    info: Info {
        name: "haproxy-tcp",
        title: "HAProxy TCP log (option tcplog), with or without a syslog header",
        example: "203.0.113.9:51234 [24/Jan/2024:10:15:32.123] db pool/pg1 0/1/5007 2124 -- \
                  3/2/1/1/0 0/0",
        time_field: "[time]",
        duration: None,
    },
    facts: Facts { also_taken_by: &["syslog"], ..Facts::PLAIN },
    build: |_| line_format(Haproxy::<false>),
};

/// Position before which the time's bracket must be: a syslog header and an address are shorter.
const HEAD_BYTES_MAX: usize = 512;

struct Haproxy<const IS_HTTP: bool>;

impl<const IS_HTTP: bool> LineFormat for Haproxy<IS_HTTP> {
    const COLUMNS: Columns = if IS_HTTP {
        Columns::ACCESS
    } else {
        Columns::TIME.or(Columns::BYTES).or(Columns::CLIENT)
    };
    // A request that is cut off has no quote.
    const NEEDS: RequiredBytes = RequiredBytes::DATE;

    fn may_begin_with(&self, byte: u8) -> bool {
        // `<` begins a syslog header as it was sent, `:` an IPv6 address.
        byte.is_ascii_alphanumeric() || matches!(byte, b'<' | b':' | b'[')
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let (client, open) = front(cx.simd, line)?;
        let (time, end) = cx.clock().clf(line, open + 1)?;
        let mut c = Cursor::new(line, end);
        c.pass(b']')?;
        c.next_word(cx.simd)?;
        let server = c.next_word(cx.simd)?;
        memchr::memchr(b'/', c.bytes(server))?;
        let last = numbers(&mut c, if IS_HTTP { 5 } else { 3 })?;
        if IS_HTTP {
            let nanos = last.map(|millis| nanos_of(millis, 0, Unit::Milliseconds.nanos()));
            cx.record.duration_ns = nanos.unwrap_or(NO_DURATION);
            cx.record.status = if c.pass_text(b" -1 ").is_some() {
                c.at -= 1;
                NO_ANSWER
            } else {
                c.next_status()?
            };
        }
        c.pass(b' ')?;
        let _ = c.pass(b'+');
        cx.record.bytes_sent = c.integer()?;
        if IS_HTTP {
            c.next_word(cx.simd)?;
            c.next_word(cx.simd)?;
        }
        let state = c.next_word(cx.simd)?;
        if state.1 - state.0 != if IS_HTTP { 4 } else { 2 } {
            return None;
        }
        numbers(&mut c, 5)?;
        numbers(&mut c, 2)?;
        cx.record.set_time(time);
        cx.record.client = c.client(client);
        if IS_HTTP {
            // Quotes inside captured headers and requests are written as `#22`.
            let request = line.find(cx.simd, c.at, b'"') + 1;
            if request < line.len() {
                let end = closing_quote(cx.simd, line, request).unwrap_or(line.len());
                route(line, request, end, cx.record);
            }
            // `<BADREQ>`: a client that sent none, and how long it took to.
            match cx.record.status {
                _ if !cx.record.method.is_empty() => {}
                NO_ANSWER => cx.record.status = NO_STATUS,
                400 | 408 => cx.record.duration_ns = NO_DURATION,
                _ => {}
            }
        }
        Some(())
    }
}

/// The client with its port, and the bracket of the time.
#[inline(always)]
fn front<S: Simd>(simd: S, line: Line<'_>) -> Option<(Span, usize)> {
    let mut from = 0;
    loop {
        let open = line.find(simd, from, b'[');
        if open >= line.len().min(HEAD_BYTES_MAX) {
            return None;
        }
        if open > 1
            && line.byte(open - 1) == b' '
            && line.byte(open + 3) == b'/'
            && line.byte(open + 7) == b'/'
        {
            let end = open - 1;
            let start = memchr::memrchr(b' ', &line.bytes()[..end]).map_or(0, |i| i + 1);
            let client = (start, end);
            return Cursor::new(line, start).port_of(client).map(|_| (client, open));
        }
        from = open + 1;
    }
}

/// A space and exactly `count` integers between slashes; the last one, unless it is negative.
#[inline(always)]
fn numbers(c: &mut Cursor<'_>, count: usize) -> Option<Option<u64>> {
    c.pass(b' ')?;
    let mut last = None;
    for i in 0..count {
        if i > 0 {
            c.pass(b'/')?;
        }
        let negative = c.pass(b'-').is_some();
        let _ = c.pass(b'+');
        let value = c.integer()?;
        last = (!negative).then_some(value);
    }
    c.ends_field().then_some(last)
}
