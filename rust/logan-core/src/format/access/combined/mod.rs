//! Access logs of web servers: combined, common (CLF) and bare, with or without a request time.
//!
//! One line, one record, bytes only: nothing here knows what other lines hold. Three formats share
//! one head, and so do those of Traefik and ingress-nginx, which are combined but for what their tail
//! says; no line is of two of them. The grammar, exactly (`SP` is one space, a *digit* is
//! `0`–`9`, a *letter* `A`–`Z` or `a`–`z`):
//!
//! ```text
//! agents   = head SP quoted SP status SP size SP quoted SP quoted [rest]    (referer, user agent)
//! traefik  = agents, rest being that of Traefik (below)
//! ingress-nginx = agents, rest being that of ingress-nginx (below)
//! combined = agents                                                         and neither of them
//! common   = head SP quoted SP status SP size [SP tail]                     and not agents
//! bare     = head SP method SP target [SP protocol] SP number3 [SP after]
//! head     = words SP "[" time "]"
//! ```
//!
//! A *common* line or one with *agents* may also have `"[" time "]"` alone for a head, right at its
//! front (Django's server); it has no client.
//!
//! **head.** The line begins with a letter, a digit, or one of `-:_[`. Its first `[` that follows
//! a space opens the timestamp and lies below position 512; [`TimestampParser::clf`] must read a timestamp
//! right after it, and `]` must follow that. Before the `[` are at least three spaces. Host is
//! what comes before the first space, what follows are ident and user, which may hold spaces.
//! Where there are four spaces or more, the first word ends in `:` and 1–5 digits, and the second
//! word is neither empty nor `-`, the first word is a virtual host and the second one the host
//! (Apache's `vhost_combined`). So it is where there are four spaces or more, the first word is no
//! address and the second one is (`www.example.com 192.0.2.7 - -`, `- 192.0.2.7 - -`), an address
//! being digits and three dots, or hex digits, dots and two colons or more. Where there are four
//! spaces or more and the first word ends in `,`, what stands before that is the host (the first
//! of a list of X-Forwarded-For). Where there are four or more, none of these is so, the first word
//! is no address and the third from behind is one, that is the host (a logger's front before the
//! line). Of a host that begins with a capital, a level, `:`, a name and `:` before it are taken off
//! (`INFO:werkzeug:192.0.2.7`). The host is the client, in [one form](crate::format::address); `-` is none.
//!
//! **quoted** begins with `"` and runs to the first later `"` that an even number of backslashes
//! (0 is even), counted back no further than the opening quote, precedes. Servers do not all escape
//! what clients send, so a quote that closes too early is passed over: of the request one that
//! ` status size` does not follow; of the referer one that ` "` does not follow; of the user agent
//! one that neither a space nor the line's end nor a *glued* time follows, and then the next that closes is one
//! before the line's end, or before a space and then the line's end, a digit, `"`, `-`, or
//! letters, digits and `_` with `=` behind them. A quote passed over counts as an opening one for
//! the next. 64 further quotes are tried; if none fits, the line is no record, has no agents, or
//! the user agent ends at the first quote, in this order.
//!
//! **number3** is three digits, the first not `0`; or `000`, which is a request without an answer.
//! **status** is number3, or `-`, which says the same as 000, and so does `0` if a quoted field follows
//! the size, and that is not 100 to 599. **size** is `-` (none), or digits, of which 20 or more are none;
//! a space or the end of the line follows it.
//!
//! **Request** (what is inside the first quoted). It has a route if it is `method SP rest`, method
//! being 1–20 letters, `-` or `_`, and either rest is `target SP protocol`, where protocol begins
//! with `HTTP/` and holds no space and target is not empty, or rest begins with `/`, and all of it
//! is the target (HTTP/0.9). The target is the path, as written. Anything else (`-`, TLS
//! handshakes, junk) is a record without method and path. Of a target that is a URL (`SCHEME://`) the
//! path is what is behind scheme and host, and `/` if nothing is. Where target or rest begin with `\/`,
//! each `\/` of the request is `/`. In a *bare* line target and protocol
//! hold no space, and the next word after the target is the protocol if it begins with `HTTP/`.
//!
//! **Other protocols.** Servers of FTP, SIP and others write such lines, too (ProFTPD's
//! [default](https://proftpd.org/docs/directives/linked/config_ref_LogFormat.html)). If the request has three words or more, of which the last names
//! [another protocol](crate::format::http::is_of_other_protocol) with its version (`SIP/2.0`), or the first is a
//! [command](crate::format::http::is_command) (`RETR`) and the last does not begin with `HTTP/`, the line
//! has neither method nor path, status nor response time, unless the status is 400, 405, 408, 414, 501
//! or 505: that is what servers of HTTP answer to such requests. A *bare* line with a command and no protocol is no record.
//!
//! **Response time.** A *number* is 1–19 digits, then possibly `.` and one or more digits, then
//! possibly a unit (`ns us µs ms s`, or ` ms`), then the end of the line or one of ` `, `,`, `;`. One
//! without a unit is *bare*: whether it is the response time, and in which unit, is
//! [decided](crate::format::units) for the input by its place in the tail. Without a decision the first one
//! with exactly three decimals below 1,000,000 is, in seconds (nginx). Digits after the ninth decimal
//! are ignored, what is less than a nanosecond is rounded half up, and a time above
//! [`DURATION_NS_MAX`] is none.
//!
//! After *agents*, `rest` is looked at if it begins with a space, from after that; in *common*
//! `tail`. Its fields are read from the left, each after one space, until one decides, at most 16:
//!
//! 1. a whole number that only quoted and named fields precede, by what follows it: a bare number with decimals and ` [`: that is
//!    the time, in seconds, and the rest is that of ingress-nginx; two quoted fields, 1–18 digits and
//!    `ms`, and the line's end: those are the time, and the rest is that of Traefik, which counts
//!    requests first; a whole number, a quoted field and, to the line's end, one in brackets: the
//!    second number is milliseconds (Nexus); a whole number, three quoted fields, four integers,
//!    perhaps negative, and one, perhaps with a `+`, before a space: that is milliseconds (HAProxy).
//!    Of Traefik's two fields each may also be `-` without quotes;
//! 2. a field that is a number, or a quoted one whose inside begins with one (here the closing quote
//!    may end it too, the end of the line not): if it has a unit or is the one that was decided, it is
//!    the time. Others are skipped;
//! 3. 1–32 letters, digits or `_`, the first one not a digit, then `=`: if the name is `rt` or
//!    `request_time`, what follows (after a `"`, if there is one) is the time, in seconds if it has
//!    decimals, else as decided; if it is one of `duration`, `elapsed`, `latency`, `response_time`,
//!    `time` and `took`, and a number with a unit follows (after a `"`, if there is one), that is the
//!    time; other names are skipped with their value, which is quoted or ends before the next space;
//! 4. anything else (`-`, an address) is skipped up to the next space;
//! 5. if none is the time, what the line ends with, from the first field of 4 or bare number on:
//!    digits and points as a number behind a space, `[` or `(`; perhaps `]`; perhaps a space; a unit of
//!    [`duration`](crate::format::text::duration) other than `m` and `h`; perhaps `]` or `)`: `in [1234]
//!    milliseconds`, `[35ms]`, `- 12.345 ms`.
//!
//! A skipped quoted field or value must be closed and a space must follow it, else there is no
//! time; but a *glued* time may follow a quoted field without a space: `rt=`, `request_time=`, or a
//! number with decimals.
//!
//! A bare number with decimals may begin a *list* (nginx's `$upstream_response_time`: one time for
//! each server that was asked, one after the other, so that the request took their sum). `, ` or ` : `
//! and then a bare number with decimals, or `-`, go on with it; the numbers are added, `-` adds nothing,
//! and at most 64 are. It is one field, and so is one that begins with `-`.
//!
//! In *bare*, if `after` begins with a number that has decimals or a unit, that may be the time as by 2;
//! else if it begins with a size, that is the size, and if a space and a number follow, that may be
//! the time. Whatever else follows is ignored.

mod bare;
mod bulk;
mod head;

use super::forwarded;
use super::tail::{self, Dialect, tail_time};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::fast::FastPath;
use crate::format::cursor::Cursor;
use crate::format::http::{
    closing_quote, escaped_route, has_escaped_slashes, is_command, is_foreign, method_len,
    number_at, path, route, size_at, starts_with_http, status_at,
};
use crate::format::prefilter::RequiredBytes;
use crate::format::units::{Tail, TailPlace};
use crate::format::{
    BulkFormat, ClientPlace, Entry, Facts, Info, LineFormat, LineSubset, Parse, Run, bulk,
    line_format, one_by_one,
};
use crate::record::{Column, Columns, NO_ANSWER, Record, Text};
use crate::time::TimestampParser;
use bulk::many;
use head::{Head, head, headless, host, may_begin};

/// The combined log format of Apache and nginx.
pub static COMBINED: Entry = Entry {
    info: Info {
        name: "combined",
        title: "combined access log of Apache, nginx and others, with or without a request time",
        example: "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 512 \
                  \"https://example.com/\" \"Mozilla/5.0\" 0.033",
        time_field: "[time]",
        duration: Some(("the number after the user agent, rt= or request_time=", "s")),
    },
    facts: Facts { is_status_first: true, has_client_place: true, ..Facts::PLAIN },
    build: |params| match params.client_place {
        ClientPlace::Remote => bulk(Quoted::<COMBINED_KIND>),
        place => line_format(Forwarded { always: place == ClientPlace::Listed }),
    },
};

/// Traefik's access log in its common form.
pub static TRAEFIK: Entry = Entry {
    info: Info {
        name: "traefik",
        title: "access log of Traefik in the common log format",
        example: "203.0.113.9 - - [24/Jan/2024:10:15:32 +0000] \"GET /cart HTTP/2.0\" 200 1532 \
                  \"-\" \"-\" 117 \"shop@docker\" \"http://10.0.0.66:8080\" 36ms",
        time_field: "[time]",
        duration: Some(("the last field", "ms")),
    },
    facts: Facts { is_status_first: true, ..Facts::PLAIN },
    build: |_| line_format(Quoted::<TRAEFIK_KIND>),
};

/// The default access log of ingress-nginx.
pub static INGRESS_NGINX: Entry = Entry {
    info: Info {
        name: "ingress-nginx",
        title: "default access log of Kubernetes' ingress-nginx",
        example: "203.0.113.9 - - [24/Jan/2024:10:15:32 +0000] \"GET /cart HTTP/2.0\" 200 1532 \
                  \"-\" \"Mozilla/5.0\" 214 0.036 [shop-web-80] [] 10.0.0.66:8080 1532 0.035 \
                  200 8f3c2a61b7d94e0f9a5b6c7d8e9f0a1b",
        time_field: "[time]",
        duration: Some(("request time, the second number after the user agent", "s")),
    },
    facts: Facts { is_status_first: true, ..Facts::PLAIN },
    build: |_| line_format(Quoted::<INGRESS_KIND>),
};

/// The common log format (CLF).
pub static COMMON: Entry = Entry {
    info: Info {
        name: "common",
        title: "common access log (CLF), with or without a request time",
        example: "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 512",
        time_field: "[time]",
        duration: Some(("the number after the size, rt= or request_time=", "s")),
    },
    facts: Facts { is_status_first: true, ..Facts::PLAIN },
    build: |_| line_format(Quoted::<COMMON_KIND>),
};

/// An access log whose request is not quoted and whose response time has its unit.
pub static BARE: Entry = Entry {
    info: Info {
        name: "access",
        title: "access log with an unquoted request and a response time with its unit",
        example: "192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms",
        time_field: "[time]",
        duration: Some(("the number after the status or the size", "in the text")),
    },
    facts: Facts { is_status_first: true, ..Facts::PLAIN },
    build: |_| bulk(Bare),
};

/// Unescaped quotes inside a field that are looked at.
const INNER_QUOTES_MAX: usize = 64;

const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);

/// What follows the size, as a parameter of types.
const COMMON_KIND: u8 = 0;
const COMBINED_KIND: u8 = 1;
const TRAEFIK_KIND: u8 = 2;
const INGRESS_KIND: u8 = 3;

/// One of the formats with a quoted request.
struct Quoted<const KIND: u8>;

impl BulkFormat for Quoted<COMBINED_KIND> {
    fn parse_many(&self, run: &mut Run<'_>) {
        crate::dispatch!(many::<>(run: &mut Run<'_>) -> (); run)
    }
}

impl<const KIND: u8> LineFormat for Quoted<KIND> {
    const COLUMNS: Columns = COLUMNS;
    const NEEDS: RequiredBytes = RequiredBytes::DATE.or(RequiredBytes::QUOTE);
    const IN_AVX512: bool = KIND == COMBINED_KIND;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        self.read(line, cx).map(|_| ())
    }
}

impl<const KIND: u8> Quoted<KIND> {
    /// Fills the record; where its tail begins.
    #[inline(always)]
    fn read<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<usize> {
        let parts = quoted_parts(cx.simd, line, cx.clock())?;
        if parts.combined != (KIND != COMMON_KIND) {
            return None;
        }
        let place = if parts.combined { TailPlace::Agent } else { TailPlace::Size };
        let tail = cx.context.durations.tail(place, line, parts.tail);
        let time = tail_time(line, parts.tail, tail);
        let kind = match time.dialect {
            Dialect::Plain => COMBINED_KIND,
            Dialect::Traefik => TRAEFIK_KIND,
            Dialect::IngressNginx => INGRESS_KIND,
        };
        if KIND != COMMON_KIND && kind != KIND {
            return None;
        }
        parts.head.store(cx.record);
        let (from, to) = parts.request;
        cx.record.bytes_sent = parts.bytes_sent;
        if !is_foreign(line, from, to, parts.status) {
            route(line, from, to, cx.record);
            if has_escaped_slashes(line, from, to, cx.record) {
                escaped_route(line, from, to, cx.arena, cx.record);
            }
            cx.record.status = parts.status;
            cx.record.duration_ns = time.nanos;
        }
        if !cx.context.wanted.is_empty() {
            parts.requested(line, cx);
        }
        Some(parts.tail)
    }
}

/// As the combined format, where the client is the first public address of a list that a proxy forwarded.
struct Forwarded {
    /// Also where the request comes from a public address.
    always: bool,
}

impl LineFormat for Forwarded {
    const COLUMNS: Columns = COLUMNS;
    const NEEDS: RequiredBytes = <Quoted<COMBINED_KIND> as LineFormat>::NEEDS;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let agent_end = Quoted::<COMBINED_KIND>.read(line, cx)?;
        forwarded::take(line, agent_end, self.always, cx);
        Some(())
    }
}

/// An unquoted request.
struct Bare;

impl BulkFormat for Bare {
    const HAS_MANY: bool = false;

    fn parse_each(&self, lines: &mut LineSubset<'_>) {
        if lines.context.fast.has(FastPath::AccessLines) {
            bare::each(lines);
        } else {
            one_by_one(self, lines.lines, lines);
        }
    }
}

impl LineFormat for Bare {
    const COLUMNS: Columns = COLUMNS;
    const NEEDS: RequiredBytes = RequiredBytes::DATE;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let head = head(cx.simd, line, cx.clock())?;
        // `] `; what lies beyond the line's end can match too, but then no method is found.
        if line.u16_at(head.end) != u16::from_le_bytes(*b"] ") {
            return None;
        }
        let method = head.end + 2;
        let method_len = method_len(line, method, line.len());
        let target = method + method_len + 1;
        let target_end = line.find(cx.simd, target, b' ');
        if method_len == 0 || target_end <= target || target_end == line.len() {
            return None;
        }
        let mut at = target_end + 1;
        if starts_with_http(line, at) {
            at = line.find(cx.simd, at, b' ') + 1;
        } else if is_command(&line.bytes()[method..method + method_len]) {
            return None;
        }
        let status = status_at(line, at)?;
        let after = at + 3;
        if after < line.len() {
            if line.byte(after) != b' ' {
                return None;
            }
            let tail = cx.context.durations.tail(TailPlace::Size, line, after);
            size_and_time(line, after + 1, tail, cx.record);
        }
        head.store(cx.record);
        cx.record.method = Text::of_line(method, method + method_len);
        cx.record.path = path(line, target, target_end);
        cx.record.status = status;
        if cx.context.wanted.has(Columns::HOST) {
            let c = Cursor::new(line, 0);
            c.request_some(cx.context.wanted, Column::HOST, host(line, method), cx.record);
        }
        Some(())
    }
}

/// What may follow the status: a time, or a size and a time.
#[inline(always)]
fn size_and_time(line: Line<'_>, at: usize, tail: Tail, record: &mut Record) {
    let is_size = number_at(line, at).is_none_or(|number| number.is_integer());
    let (mut at, mut field) = (at, 0);
    if is_size && let Some((bytes_sent, end)) = size_at(line, at) {
        record.bytes_sent = bytes_sent;
        (at, field) = (end + 1, 1);
    }
    if at < line.len()
        && line.byte(at).is_ascii_digit()
        && let Some(time) = tail::bare_time(line, at, false, tail.at(field))
    {
        record.duration_ns = time.nanos;
    }
}

/// The parts of a combined or common line.
struct Parts {
    head: Head,
    /// Inside the quotes.
    request: (usize, usize),
    status: u16,
    bytes_sent: u64,
    /// Whether a quoted referer and a quoted user agent follow.
    combined: bool,
    /// After the size.
    size_end: usize,
    /// After the size, or after the user agent: the space before the tail, if there is one.
    tail: usize,
}

impl Parts {
    /// Fills the columns on request: the host, and the two quoted fields after the size.
    #[cold]
    fn requested<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) {
        let c = Cursor::new(line, 0);
        let host = host(line, self.request.0);
        c.request_some(cx.context.wanted, Column::HOST, host, cx.record);
        if !self.combined {
            return;
        }
        let Some((referrer_end, end)) = two_quoted(cx.simd, line, self.size_end) else { return };
        c.request_escaped(Column::REFERRER, (self.size_end + 2, referrer_end), cx);
        c.request_escaped(Column::USER_AGENT, (referrer_end + 3, end - 1), cx);
    }
}

#[inline(always)]
fn quoted_parts<S: Simd>(simd: S, line: Line<'_>, clock: &mut TimestampParser) -> Option<Parts> {
    let head = match head(simd, line, clock) {
        Some(head) => head,
        None if line.byte(0) == b'[' => headless(line, clock)?,
        None => return None,
    };
    // Loads that run over the line's end may find anything, but no closing quote is found there.
    if line.u32_at(head.end) & 0x00FF_FFFF != u32::from_le_bytes(*b"] \"\0") {
        return None;
    }
    let request = head.end + 3;
    let request_end = closing_quote(simd, line, request)?;
    let answer = if line.byte(request_end + 1) == b' ' && line.byte(request_end + 5) == b' ' {
        status_at(line, request_end + 2).zip(size_at(line, request_end + 6))
    } else {
        None
    };
    let (request_end, (status, (bytes_sent, size_end))) = match answer {
        Some(answer) => (request_end, answer),
        None => unusual_answer(simd, line, request_end)?,
    };
    let two = two_quoted(simd, line, size_end);
    Some(Parts {
        head,
        request: (request, request_end),
        status,
        bytes_sent,
        combined: two.is_some(),
        size_end,
        tail: two.map_or(size_end, |(_, end)| end),
    })
}

/// Where the first of two quoted fields, each after a space, that begin at `at` closes, and the end
/// of both.
#[inline(always)]
fn two_quoted<S: Simd>(simd: S, line: Line<'_>, at: usize) -> Option<(usize, usize)> {
    let open = u16::from_le_bytes(*b" \"");
    if line.u16_at(at) != open {
        return None;
    }
    let mut first = closing_quote(simd, line, at + 2)?;
    if line.u16_at(first + 1) != open {
        first = later_quote(simd, line, first, |quote| line.u16_at(quote + 1) == open)?;
    }
    let second = closing_quote(simd, line, first + 3)?;
    if second + 1 == line.len() || line.byte(second + 1) == b' ' || tail::is_glued(line, second + 1)
    {
        return Some((first, second + 1));
    }
    let last = later_quote(simd, line, second, |quote| ends_agent(line, quote + 1));
    Some((first, last.unwrap_or(second) + 1))
}

/// Status, size, and the position behind them.
type Answer = (u16, (u64, usize));

/// Status and size behind the closing quote of a request that holds quotes that are not escaped,
/// or a status that is `-` or 0; and that quote.
#[cold]
#[inline(never)]
fn unusual_answer<S: Simd>(simd: S, line: Line<'_>, request_end: usize) -> Option<(usize, Answer)> {
    let answer = |quote: usize| {
        let word = line.u32_at(quote + 1) & 0x00FF_FFFF;
        let is_zero = word == u32::from_le_bytes(*b" 0 \0");
        let none = is_zero || word == u32::from_le_bytes(*b" - \0");
        let status = match none {
            true => NO_ANSWER,
            false if line.byte(quote + 1) == b' ' && line.byte(quote + 5) == b' ' => {
                status_at(line, quote + 2)?
            }
            false => return None,
        };
        let size = size_at(line, quote + if none { 4 } else { 6 })?;
        // A 0 may be a time before the status, but not where no number behind it can be one.
        let is_time =
            line.u16_at(size.1) != u16::from_le_bytes(*b" \"") || (100..600).contains(&size.0);
        let is_answer = !is_zero || !is_time;
        is_answer.then_some((status, size))
    };
    let quote = match answer(request_end) {
        Some(_) => request_end,
        None => later_quote(simd, line, request_end, |quote| answer(quote).is_some())?,
    };
    answer(quote).map(|answer| (quote, answer))
}

/// The first quote behind `quote` that is not escaped and passes; so many are tried.
#[cold]
#[inline(never)]
fn later_quote<S: Simd>(
    simd: S,
    line: Line<'_>,
    mut quote: usize,
    passes: impl Fn(usize) -> bool,
) -> Option<usize> {
    for _ in 0..INNER_QUOTES_MAX {
        quote = closing_quote(simd, line, quote + 1)?;
        if passes(quote) {
            return Some(quote);
        }
    }
    None
}

/// Whether what is at `at` may follow a user agent: the line's end, or a space and a tail's field.
fn ends_agent(line: Line<'_>, at: usize) -> bool {
    let Some((b' ', field)) = line.bytes()[at..].split_first() else {
        return at == line.len();
    };
    let name = field.iter().take_while(|&&b| b.is_ascii_alphanumeric() || b == b'_').count();
    match field.first() {
        None => true,
        Some(b'"' | b'-') => true,
        Some(first) => first.is_ascii_digit() || name > 0 && field.get(name) == Some(&b'='),
    }
}

#[cfg(test)]
mod tests;
