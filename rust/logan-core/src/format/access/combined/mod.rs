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
//! **status** is number3, or `-`, which says the same. **size** is `-` (none), or digits, of which 20 or more are none; a space
//! or the end of the line follows it.
//!
//! **Request** (what is inside the first quoted). It has a route if it is `method SP rest`, method
//! being 1–20 letters, `-` or `_`, and either rest is `target SP protocol`, where protocol begins
//! with `HTTP/` and holds no space and target is not empty, or rest begins with `/`, and all of it
//! is the target (HTTP/0.9). The target is the path, as written. Anything else (`-`, TLS
//! handshakes, junk) is a record without method and path. Of a target that is a URL (`SCHEME://`) the
//! path is what is behind scheme and host, and `/` if nothing is. In a *bare* line target and protocol
//! hold no space, and the next word after the target is the protocol if it begins with `HTTP/`.
//!
//! **Response time.** A *number* is 1–19 digits, then possibly `.` and one or more digits, then
//! possibly a unit (`ns us µs ms s`), then the end of the line or one of ` `, `,`, `;`. Its unit
//! is the one written; else seconds if it has decimals; else (it is an *integer*)
//! [`Params::duration_unit`], microseconds if that is not given. Digits after the ninth decimal
//! are ignored, what is less than a nanosecond is rounded half up, and a time above
//! [`DURATION_NS_MAX`] is none.
//!
//! After *agents*, `rest` is looked at if it begins with a space, from after that; in *common*
//! `tail`. Its fields are read from the left, each after one space, until one decides, at most 16:
//!
//! 1. a quoted field: if its inside begins with a number (here the closing quote may end it too,
//!    the end of the line not), that is the time; else it is skipped (nginx's
//!    `"$http_x_forwarded_for"`);
//! 2. a field that begins with a digit: if it begins with a number, that is the time, else there
//!    is none. If the number has no unit, and ` ms` and one of the line's end, ` `, `,` and `;` follow
//!    it, that is its unit. But after an integer without unit that a space follows, a number with decimals and
//!    without unit right after that space is the time instead (nginx's `$request_length
//!    $request_time`); if ` [` follows that one, the rest is that of ingress-nginx. And else, an
//!    integer without unit there means that there is no time: both count bytes (Apache's
//!    `combinedio`, `%I %O`), unless what follows is of Nexus (a quoted field and, to the line's end, one
//!    in brackets: the second integer is milliseconds) or of HAProxy (three quoted fields, four
//!    integers, perhaps negative, and one, perhaps with a `+`, before a space: that is
//!    milliseconds). And else, if the line goes on with two quoted fields, each after one
//!    space, a space, 1–18 digits and `ms`, and ends there, those are the time, and the rest is
//!    that of Traefik, which counts requests in the first field;
//! 3. 1–32 letters, digits or `_`, the first one not a digit, then `=`: if the name is `rt` or
//!    `request_time`, what follows (after a `"`, if there is one) must begin with a number as
//!    in 1, or in 2 without the exceptions, else there is no time; if it is one of `duration`,
//!    `elapsed`, `latency`, `response_time`, `time` and `took`, and a number with a unit follows (after
//!    a `"`, if there is one), that is the time; other names are skipped with
//!    their value, which is quoted or ends before the next space;
//! 4. anything else (`-`, an address): no time, but for
//! 5. what the line ends with, from the field of 4 on: digits and points as a number behind a space,
//!    `[` or `(`; perhaps `]`; perhaps a space; a unit of [`duration`](crate::format::text::duration) other than `m`
//!    and `h`; perhaps `]` or `)`: `in [1234] milliseconds`, `[35ms]`, `- 12.345 ms`.
//!
//! A skipped quoted field or value must be closed and a space must follow it, else there is no
//! time; but a *glued* time may follow a quoted field without a space: `rt=`, `request_time=`, or a
//! number with decimals.
//!
//! A number with decimals and without unit that is the time by rule 1, 2 or 3 may begin a *list*
//! (nginx's `$upstream_response_time`: one time for each server that was asked, one after the
//! other, so that the request took their sum). `, ` or ` : ` and then a number with decimals and
//! without unit, or `-`, go on with it; the numbers are added, `-` adds nothing, and at most 64
//! are. A number that `m`, `u`, `n`, `s`, or the first byte of µ or μ follows is not taken for one. A field that begins with `-`, or a quoted one whose inside does, is such a list too if one
//! of its elements is a number and every element before that is `-`. *Integer* or unit: no list.
//!
//! In *bare*, if `after` begins with a number that has decimals or a unit, that is the time; else
//! if it begins with a size, that is the size, and if a space and a number follow, that is the
//! time. Whatever else follows is ignored.

mod bare;
mod bulk;
mod head;

use super::tail::{self, Dialect, tail_time};
use crate::bytes::line::Line;
use crate::bytes::simd::{Plain, Simd};
use crate::fast::FastPath;
use crate::format::cursor::Cursor;
use crate::format::http::{
    closing_quote, method_len, number_at, path, route, size_at, starts_with_http, status_at,
};
use crate::format::prefilter::RequiredBytes;
use crate::format::{
    BulkFormat, Entry, Facts, Info, LineFormat, LineSubset, Params, Parse, Run, Unit, bulk, keys,
    line_format, one_by_one,
};
use crate::record::{Column, Columns, NO_ANSWER, Record, Text};
use crate::time::TimestampParser;
use bulk::many;
use head::{Head, head, headless, host_of_url, may_begin, virtual_host};

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
    facts: Facts { bare_unit: Some(integer_time), ..Facts::PLAIN },
    build: |params| bulk(Quoted::<COMBINED_KIND>::new(params)),
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
    facts: Facts::PLAIN,
    build: |params| line_format(Quoted::<TRAEFIK_KIND>::new(params)),
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
    facts: Facts::PLAIN,
    build: |params| line_format(Quoted::<INGRESS_KIND>::new(params)),
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
    facts: Facts { bare_unit: Some(integer_time), ..Facts::PLAIN },
    build: |params| line_format(Quoted::<COMMON_KIND>::new(params)),
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
    facts: Facts::PLAIN,
    build: |params| bulk(Bare { integer_unit_ns: integer_unit_ns(params) }),
};

/// Unescaped quotes inside a field that are looked at.
const INNER_QUOTES_MAX: usize = 64;

const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);

/// The response time of a combined or common line that is written as an integer without a unit:
/// by which detection guesses the unit. None for every other line.
pub fn integer_time(line: Line<'_>, clock: &mut TimestampParser) -> Option<u64> {
    let parts = quoted_parts(Plain, line, clock)?;
    let time = tail_time(Plain, line, parts.tail);
    time.is_integer.then_some(time.value)
}

fn integer_unit_ns(params: &Params) -> u64 {
    params.duration_unit.unwrap_or(Unit::Microseconds).nanos()
}

/// What follows the size, as a parameter of types.
const COMMON_KIND: u8 = 0;
const COMBINED_KIND: u8 = 1;
const TRAEFIK_KIND: u8 = 2;
const INGRESS_KIND: u8 = 3;

/// One of the formats with a quoted request.
struct Quoted<const KIND: u8> {
    /// Nanoseconds of the unit of a time that is written as an integer.
    integer_unit_ns: u64,
}

impl<const KIND: u8> Quoted<KIND> {
    fn new(params: &Params) -> Self {
        Quoted { integer_unit_ns: integer_unit_ns(params) }
    }
}

impl BulkFormat for Quoted<COMBINED_KIND> {
    fn parse_many(&self, run: &mut Run<'_>) {
        crate::dispatch!(many::<>(format: &Quoted<COMBINED_KIND>, run: &mut Run<'_>) -> (); self, run)
    }
}

impl<const KIND: u8> LineFormat for Quoted<KIND> {
    const COLUMNS: Columns = COLUMNS;
    const NEEDS: RequiredBytes = RequiredBytes::DATE.or(RequiredBytes::QUOTE);

    #[inline(always)]
    fn keys<S: Simd>(&self, _simd: S, line: Line<'_>, found: &mut keys::Found<'_>) {
        virtual_host(line, found);
        host_of_url(line, found);
    }

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let parts = quoted_parts(cx.simd, line, cx.clock())?;
        if parts.combined != (KIND != COMMON_KIND) {
            return None;
        }
        let time = tail_time(cx.simd, line, parts.tail);
        let kind = match time.dialect {
            Dialect::Plain => COMBINED_KIND,
            Dialect::Traefik => TRAEFIK_KIND,
            Dialect::IngressNginx => INGRESS_KIND,
        };
        if KIND != COMMON_KIND && kind != KIND {
            return None;
        }
        parts.head.store(cx.record);
        route(line, parts.request.0, parts.request.1, cx.record);
        cx.record.status = parts.status;
        cx.record.bytes_sent = parts.bytes_sent;
        cx.record.duration_ns = time.nanos(self.integer_unit_ns);
        if !cx.context.wanted.is_empty() && parts.combined {
            parts.requested(cx.simd, line, cx.context.wanted, cx.record);
        }
        Some(())
    }
}

/// An unquoted request.
struct Bare {
    /// Nanoseconds of the unit of a time that is written as an integer.
    integer_unit_ns: u64,
}

impl BulkFormat for Bare {
    const HAS_MANY: bool = false;

    #[inline(always)]
    fn parse_each<S: Simd>(&self, simd: S, lines: &mut LineSubset<'_>) {
        if lines.context.fast.has(FastPath::AccessLines) {
            bare::each(simd, self, lines);
        } else {
            one_by_one(simd, self, lines.lines, lines);
        }
    }
}

impl LineFormat for Bare {
    const COLUMNS: Columns = COLUMNS;
    const NEEDS: RequiredBytes = RequiredBytes::DATE;

    #[inline(always)]
    fn keys<S: Simd>(&self, _simd: S, line: Line<'_>, found: &mut keys::Found<'_>) {
        virtual_host(line, found);
        host_of_url(line, found);
    }

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
        }
        let status = status_at(line, at)?;
        let after = at + 3;
        if after < line.len() {
            if line.byte(after) != b' ' {
                return None;
            }
            self.size_and_time(line, after + 1, cx.record);
        }
        head.store(cx.record);
        cx.record.method = Text::of_line(method, method + method_len);
        cx.record.path = path(line, target, target_end);
        cx.record.status = status;
        Some(())
    }
}

impl Bare {
    /// What may follow the status: a time, or a size and a time.
    #[inline(always)]
    fn size_and_time(&self, line: Line<'_>, at: usize, record: &mut Record) {
        let number_at = |at| number_at(line, at).filter(|number| number.ends_field(line));
        if let Some(number) = number_at(at).filter(|number| !number.is_integer()) {
            record.duration_ns = number.time().nanos(self.integer_unit_ns);
        } else if let Some((bytes_sent, end)) = size_at(line, at) {
            record.bytes_sent = bytes_sent;
            if let Some(number) = number_at(end + 1) {
                record.duration_ns = number.time().nanos(self.integer_unit_ns);
            }
        }
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
    /// Fills the columns on request from the two quoted fields after the size.
    #[cold]
    fn requested<S: Simd>(&self, simd: S, line: Line<'_>, wanted: Columns, record: &mut Record) {
        let Some((referrer_end, end)) = two_quoted(simd, line, self.size_end) else { return };
        let c = Cursor::new(line, 0);
        c.request(wanted, Column::REFERRER, (self.size_end + 2, referrer_end), record);
        c.request(wanted, Column::USER_AGENT, (referrer_end + 3, end - 1), record);
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

/// Status and size behind the closing quote of a request that holds quotes which nobody escaped,
/// or a status that is `-`; and that quote.
#[cold]
#[inline(never)]
fn unusual_answer<S: Simd>(simd: S, line: Line<'_>, request_end: usize) -> Option<(usize, Answer)> {
    let answer = |quote: usize| {
        let none = line.u32_at(quote + 1) & 0x00FF_FFFF == u32::from_le_bytes(*b" - \0");
        let status = match none {
            true => NO_ANSWER,
            false if line.byte(quote + 1) == b' ' && line.byte(quote + 5) == b' ' => {
                status_at(line, quote + 2)?
            }
            false => return None,
        };
        Some((status, size_at(line, quote + if none { 4 } else { 6 })?))
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
