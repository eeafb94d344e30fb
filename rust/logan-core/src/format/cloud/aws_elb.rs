//! Access logs of Amazon's load balancers: Application Load Balancer and classic.
//!
//! ```text
//! alb     = type SP common          type: http https h2 grpc grpcs ws wss
//! classic = common
//! common  = time SP name SP client SP target SP seconds SP seconds SP seconds SP status SP status
//!           SP received SP sent SP quote request [quote …]
//! ```
//!
//! The three times are those of the balancer with the request, of the target, and of the balancer
//! with the response; `-1` (or `-`) means that the one in question was not reached. The response
//! time is their sum, and none if one of them is missing. The first status is the balancer's own,
//! which the client saw; `-` is none (TCP listeners). Of a URL in the request the path counts.
//! The client's port is dropped. The first quoted field after the request is the user agent. A request that the line's end cuts counts as far as it goes.
//!
//! Sources: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/access-log-collection.html>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::{Cursor, Span};
use crate::format::http::{closing_quote, method_len, route, url_host};
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Column, Columns, DURATION_NS_MAX, NO_DURATION, Record, Text};

/// Application Load Balancer.
pub static APPLICATION: Entry = Entry {
    info: Info {
        name: "aws-alb",
        title: "access log of an AWS Application Load Balancer",
        example: "https 2024-01-24T10:15:32.123456Z app/shop/50dc6c495c0c9188 203.0.113.9:51234 \
                  10.0.0.66:8080 0.001 0.034 0.000 200 200 214 1532 \
                  \"GET https://shop.example.com:443/cart HTTP/2.0\" \"Mozilla/5.0\" - -",
        time_field: "second field",
        duration: Some(("request, target and response processing time added", "s")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Balancer::<true>),
};

/// Classic Load Balancer.
pub static CLASSIC: Entry = Entry {
    info: Info {
        name: "aws-elb",
        title: "access log of an AWS Classic Load Balancer",
        example: "2024-01-24T10:15:32.123456Z shop 203.0.113.9:51234 10.0.0.66:8080 0.000073 \
                  0.034048 0.000057 200 200 0 1532 \"GET http://shop.example.com:80/cart HTTP/1.1\" \
                  \"Mozilla/5.0\" - -",
        time_field: "first field",
        duration: Some(("request, backend and response processing time added", "s")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Balancer::<false>),
};

const TYPES: [&[u8]; 7] = [b"http", b"https", b"h2", b"grpc", b"grpcs", b"ws", b"wss"];

/// Quotes of a user agent that are tried as the closing one.
const QUOTES_MAX: usize = 64;

struct Balancer<const IS_APPLICATION: bool>;

impl<const IS_APPLICATION: bool> LineFormat for Balancer<IS_APPLICATION> {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);

    const NEEDS: RequiredBytes = RequiredBytes::CLOCK.or(RequiredBytes::QUOTE);

    fn may_begin_with(&self, byte: u8) -> bool {
        if IS_APPLICATION { matches!(byte, b'h' | b'g' | b'w') } else { byte.is_ascii_digit() }
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut c = Cursor::new(line, 0);
        if IS_APPLICATION {
            let kind = c.word(cx.simd)?;
            if !TYPES.contains(&c.bytes(kind)) {
                return None;
            }
            c.pass(b' ')?;
        }
        let (time, end) = cx.clock().iso(line, c.at)?;
        c.at = end;
        c.next_word(cx.simd)?;
        let client = c.next_word(cx.simd)?;
        c.next_word(cx.simd)?;
        let times =
            [c.next_time(Unit::Seconds)?, c.next_time(Unit::Seconds)?, c.next_time(Unit::Seconds)?];
        cx.record.status = c.next_status()?;
        c.next_status()?;
        c.next_size()?;
        cx.record.bytes_sent = c.next_size()?;
        c.pass(b' ')?;
        c.pass(b'"')?;
        let request = c.at;
        let request_end = closing_quote(cx.simd, line, request).unwrap_or(line.len());
        cx.record.set_time(time);
        cx.record.client = c.client(client);
        cx.record.duration_ns = sum(times);
        route(line, request, request_end, cx.record);
        let (start, end) = path_of_url(cx.simd, line, cx.record.path.range());
        cx.record.path = Text::of_line(start, end);
        if !cx.context.wanted.is_empty() {
            let target = request + method_len(line, request, request_end) + 1;
            let host = line.bytes().get(target..request_end).and_then(url_host);
            let host = host.map(|(start, end)| (target + start, target + end));
            c.request_some(cx.context.wanted, Column::HOST, host, cx.record);
            c.at = request_end;
            requested(cx.simd, c, cx.context.wanted, cx.record);
        }
        Some(())
    }
}

/// Fills the columns on request from what follows the request, at whose closing quote the cursor
/// stands.
#[cold]
fn requested<S: Simd>(
    simd: S,
    mut c: Cursor<'_>,
    wanted: Columns,
    record: &mut Record,
) -> Option<()> {
    c.pass(b'"')?;
    c.pass_text(b" \"")?;
    let start = c.at;
    // Quotes in it are not escaped: what closes it is the one that a cipher and a protocol follow.
    for _ in 0..QUOTES_MAX {
        let close = closing_quote(simd, c.line, c.at)?;
        c.at = close + 1;
        let after = c.at;
        let protocol = c.next_word(simd).and_then(|_| c.next_word(simd));
        let is_protocol = |span| matches!(c.bytes(span), b"-" | [_, b'L' | b'S', ..]);
        if after == c.line.len() || protocol.is_some_and(is_protocol) {
            c.request(wanted, Column::USER_AGENT, (start, close), record);
            return Some(());
        }
        c.at = after;
    }
    None
}

/// The sum of the times, if all of them are known.
#[inline(always)]
fn sum(times: [u64; 3]) -> u64 {
    // Known times are at most half of what 64 bits hold, so a sum of two does not overflow.
    times.into_iter().fold(0, |sum, time| match (sum, time) {
        (NO_DURATION, _) | (_, NO_DURATION) => NO_DURATION,
        _ if sum + time <= DURATION_NS_MAX => sum + time,
        _ => NO_DURATION,
    })
}

/// The path of `scheme://host/path`; what is no such URL, all of it.
#[inline(always)]
fn path_of_url<S: Simd>(simd: S, line: Line<'_>, (start, end): Span) -> Span {
    let colon = line.find(simd, start, b':');
    if colon + 3 > end || !line.bytes()[colon..].starts_with(b"://") {
        return (start, end);
    }
    let slash = line.find(simd, colon + 3, b'/');
    if slash < end { (slash, end) } else { (start, end) }
}
