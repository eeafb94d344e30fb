//! Any line with an HTTP request, a status and a timestamp, in any order and dressing: what is left
//! when no format of servers fits, and requests inside of app text.
//!
//! # Accepted
//! Lines with
//! - a [request](find),
//! - its [answer](status): a status, or a sign that there was none; a plan may say that a number
//!   [stands before it](StatusPlace). A line with a level, or with `request_time` behind a version, needs
//!   neither if the target is a path, and says no status then,
//! - a timestamp ([`TimestampParser::any`], or klog's): the first before the request, at the line's start or
//!   behind one of ``<space><tab>[(|<>"'=;:,@``, else the first behind it, outside of quotes. A number
//!   without colons is one only at the front of the line. Lines inside of an envelope need none.
//!
//! Where none is written so, [pairs](pairs) of keys and values may say a status and more. Lines that
//! only say [how a request was answered](status::sentence) (`Sent 200 in 12ms`) are accepted, too. They
//! have no route.
//!
//! Not lines that begin with `{` or a `key=` ([`logfmt`](crate::format::logfmt)) but for those with a
//! date of access logs in brackets before the request, start lines (`Request starting`,
//! `Started`), and calls to other services: a line that speaks of a [client library](outgoing) before
//! its request, or has an arrow (`-->`, `<--`) before a URL (OkHttp). Those are no requests of this
//! service.
//!
//! # What it says
//! - **Client**: the first address before the request, as a word of its own or in brackets, perhaps
//!   with a port or a `/` before it, perhaps first of a list in quotes; else the one in parentheses
//!   right behind it, perhaps with a user and `@` before (Tornado, Jupyter); else the first behind it
//!   that follows `from`, `Client`, `client`, `fwd="` or `srcIP="`.
//! - **Level and message**: as [app text](crate::format::text::app) finds them, between timestamp and
//!   request or, if there is none, before the timestamp. Without a level there is no message.
//! - **Size**: a whole number right behind a status that follows a certain request after one space; in
//!   TorchServe's access log (`ACCESS_LOG - /`) that is the response time in milliseconds.
//! - **Response time**, the first of
//!   1. `request_time` and a number with decimals behind it: seconds (nginx);
//!   2. a number with decimals in brackets right behind the timestamp's: seconds (nginx);
//!   3. a number with three decimals at the front of the line, perhaps a second one that is not more,
//!      and then the timestamp in brackets: seconds (nginx);
//!   4. what [`text_duration`](crate::format::text::text_duration) finds behind the request or in the message before it;
//!   5. a number with decimals right behind status and size: seconds (APISIX);
//!      what stands behind status, size and two quoted fields, as in a [combined](super::combined)
//!      line; a whole number only if nothing else is (milliseconds behind Jetty's `RequestLog`);
//!   6. behind status and size, a whole number and two with decimals, after ` werkzeug: `: the sum of the
//!      two, in seconds (Odoo); behind the status, two whole numbers with `/` between, and a number with decimals: seconds (SOGo);
//!      or `ok` and a whole number at the end: milliseconds (CouchDB); or `service=` behind `dyno=` (Heroku);
//!      or `len: N time: S`: seconds (OpenStack);
//!   7. behind `|STATUS|`, the third field, if three or more follow and the line begins with its timestamp:
//!      milliseconds (Artifactory);
//!      behind ` | STATUS | `, the fourth of five fields, if a bar ends the line: milliseconds (Bitbucket);
//!   8. hours, minutes and seconds with six decimals between timestamp and request (Dart's shelf);
//!      size and a number with three decimals that end the line behind a status that follows a quoted text: seconds (OAuth2 Proxy);
//!      behind `[HTTP-…]`, the number behind status and size, if four fields or more follow: milliseconds (Gerrit);
//!   9. the only number with a unit among the [`FIELDS_MAX`] fields behind the status, else among those
//!      between request and status.
//!
//!   A status 101, the methods CONNECT and WATCH, and targets of Kubernetes with `watch=true` or `watch=1`
//!   have none: their time is that of a connection.
//!
//! IIS without its header, in its default columns, has its own columns: `date time s-ip cs-method
//! cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) [cs(Referer)] sc-status sc-substatus
//! sc-win32-status time-taken`.

pub mod entry;
mod find;
mod pairs;
mod status;

use super::tail::tail_time;
use crate::bytes::line::{Line, PaddedLine};
use crate::bytes::simd::{Baseline, Simd};
use crate::format::cursor::{Cursor, Span};
use crate::format::http::{closing_quote, integer_at, nanos_of, path, url_host};
use crate::format::slices::letters;
use crate::format::text::ansi::{self, ESC};
use crate::format::text::duration::{decimal, with_unit};
use crate::format::text::{levels, text_duration, timed};
use crate::format::units::TailPlace;
use crate::format::{Context, LineFormat, Params, Parse, StatusPlace, Unit, address, fields};
use crate::record::{
    Column, Columns, Level, NO_ANSWER, NO_BYTES, NO_DURATION, NO_STATUS, Record, Text,
};
use crate::time::{Stamp, TimestampParser};
use find::Request;
use status::Answer;
pub(crate) use status::is_registered;

/// How far behind the request a timestamp may begin.
const TIME_BYTES_MAX: usize = 1024;
/// Fields behind a status among which a number with a unit is looked for.
const FIELDS_MAX: usize = 12;

/// Words before a request that say that this service made it: names of client libraries and what
/// they write, those that begin with this byte.
fn outgoing(first: u8) -> &'static [&'static [u8]] {
    match first {
        b'h' => &[b"httpx"],
        b'H' => &[b"HTTP Request:", b"HttpClient"],
        b'u' => &[b"urllib3"],
        b'e' => &[b"elastic_transport", b"elasticsearch:"],
        b'b' => &[b"botocore"],
        b'o' => &[b"openai", b"okhttp"],
        b'O' => &[b"OkHttp"],
        b'f' => &[b"feign"],
        b'a' => &[b"axios"],
        b'r' => &[b"resty"],
        b'S' => &[b"Sending HTTP request"],
        _ => &[],
    }
}

/// A slash in JSON that was written into JSON.
const ESCAPED_SLASH: &[u8] = br"\/";

/// Whether a target is a path.
fn is_path(target: &[u8]) -> bool {
    target.starts_with(b"/") || target.starts_with(ESCAPED_SLASH)
}

struct AnyRequest {
    /// Whether the line may lack a timestamp, since what is around it has one.
    is_payload: bool,
    status_place: StatusPlace,
}

impl AnyRequest {
    fn new(params: &Params) -> AnyRequest {
        let &Params { is_payload, status_place, .. } = params;
        AnyRequest { is_payload, status_place }
    }
}

impl LineFormat for AnyRequest {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::LEVEL)
        .or(Columns::STATUS)
        .or(Columns::BYTES)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT)
        .or(Columns::DURATION)
        .or(Columns::MESSAGE)
        .or(Columns::ON_REQUEST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte != b'{'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.find(cx.simd, 0, ESC) < line.len() {
            return ansi::uncolored(line, cx, |line, cx| self.uncolored(line, cx));
        }
        let found = find::find(cx.simd, line);
        // The rest is compiled once.
        let cx =
            &mut Parse { simd: Baseline, context: cx.context, arena: cx.arena, record: cx.record };
        match found {
            Some(request) => self.read(line, &request, cx),
            None if line.byte(0) == b'[' && refused(line, cx).is_some() => Some(()),
            None => pairs::read(self, line, cx).or_else(|| self.answered(line, cx)),
        }
    }
}

/// Reads a line of Nginx Proxy Manager whose client sent no request: `[…] 400 - - http localhost "-"
/// [Client 192.0.2.7] …`.
#[cold]
#[inline(never)]
fn refused(line: Line<'_>, cx: &mut Parse<'_, Baseline>) -> Option<()> {
    const CLIENT: &[u8] = b" \"-\" [Client ";
    let text = line.bytes();
    let at = memchr::memmem::find(text, CLIENT)? + CLIENT.len();
    let (stamp, end) = cx.clock().clf(line, 1)?;
    let rest = text[end..].strip_prefix(b"] ")?;
    let word = rest.strip_prefix(b"- ").unwrap_or(rest).split(|&b| b == b' ').next()?;
    let status = fields::status(word)?;
    let len = memchr::memchr(b']', &text[at..])?;
    let (start, stop) = address(&text[at..at + len])?;
    cx.record.set_time(stamp);
    cx.record.status = status;
    cx.record.client = Text::of_line(at + start, at + stop);
    Some(())
}

/// Whether a request stands in a text.
#[cold]
#[inline(never)]
pub(in crate::format) fn stands_in(line: Line<'_>) -> bool {
    find::find(Baseline, line).is_some()
}

/// Reads a line that holds a request, with a timestamp or without; whether it does.
pub(in crate::format) fn of_line<S>(line: Line<'_>, cx: &mut Parse<'_, S>) -> bool {
    let cx = &mut Parse { simd: Baseline, context: cx.context, arena: cx.arena, record: cx.record };
    AnyRequest::new(&Params::of_payloads()).plain(line, cx).is_some()
}

/// Fills status, route and response time of a record that has neither of the first two from a message
/// that begins with a request (`POST /push (200) 33.5ms`).
#[inline(always)]
pub(in crate::format) fn of_message(
    line: &[u8],
    context: &mut Context,
    arena: &[u8],
    record: &mut Record,
) {
    let message = record.message.bytes(line, arena);
    if matches!(message, [b'G' | b'H' | b'P' | b'D' | b'O', b'A'..=b'Z', b'A'..=b'Z', ..]) {
        fill_from(message, false, context, record);
    }
}

/// As [`of_message`], also where the parts of the request are values of keys: `done method=GET path=/a
/// status=200`, `done status=200 took=5ms`.
pub(in crate::format) fn of_pairs_in_message(
    line: &[u8],
    context: &mut Context,
    arena: &[u8],
    record: &mut Record,
) {
    let message = record.message.bytes(line, arena);
    let has = |key: &[u8]| memchr::memmem::find(message, key).is_some();
    if memchr::memchr(b'=', message).is_some() && (has(b"method=") || has(b"stat") || has(b"resp="))
    {
        fill_from(message, true, context, record);
    }
}

#[cold]
#[inline(never)]
fn fill_from(message: &[u8], anywhere: bool, context: &mut Context, record: &mut Record) {
    let padded = PaddedLine::new(message);
    let line = padded.line();
    let (mut arena, mut found) = (Vec::new(), Record::EMPTY);
    let cx = &mut Parse { simd: Baseline, context, arena: &mut arena, record: &mut found };
    let format = AnyRequest::new(&Params::of_payloads());
    let is_one = match find::find(Baseline, line) {
        Some(request) if anywhere || request.start == 0 => format.read(line, &request, cx),
        None if anywhere => pairs::read(&format, line, cx),
        _ => None,
    };
    let is_whole = |text: Text| text.is_empty() || text.is_of_line();
    if is_one.is_none() || !is_whole(found.path) || !is_whole(found.method) {
        return;
    }
    let part = |text: Text| {
        let (start, end) = text.range();
        if text.is_empty() { Text::NONE } else { record.message.part(start, end) }
    };
    (record.method, record.path) = (part(found.method), part(found.path));
    record.status = found.status;
    if record.duration_ns == NO_DURATION {
        record.duration_ns = found.duration_ns;
    }
}

/// Whether a line begins with the name of Jetty's logger of requests, whose whole numbers are
/// milliseconds.
fn is_of_jetty(before: &[u8]) -> bool {
    memchr::memmem::find(before, b"RequestLog ").is_some()
}

/// The whole number that is all there is behind a space at `at`.
fn integer_at_end(text: &[u8], at: usize) -> Option<u64> {
    fields::whole(text[at..].strip_prefix(b" ")?)
}

/// Whether a request of Kubernetes lasts as long as its client wants to see changes.
fn is_watch(method: &[u8], target: &[u8]) -> bool {
    let is_api = target.starts_with(b"/api/") || target.starts_with(b"/apis/");
    let named = |name: &[u8]| memchr::memmem::find(target, name).is_some();
    method == b"WATCH" || is_api && (named(b"watch=true") || named(b"watch=1"))
}

impl AnyRequest {
    #[cold]
    #[inline(never)]
    fn uncolored<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let Parse { context, arena, record, .. } = cx;
        self.plain(line, &mut Parse { simd: Baseline, context, arena, record })
    }

    fn plain(&self, line: Line<'_>, cx: &mut Parse<'_, Baseline>) -> Option<()> {
        match find::find(Baseline, line) {
            Some(request) => self.read(line, &request, cx),
            None => pairs::read(self, line, cx).or_else(|| self.answered(line, cx)),
        }
    }

    /// Reads a line that says how a request was answered, and not which it was.
    #[inline(never)]
    fn answered(&self, line: Line<'_>, cx: &mut Parse<'_, Baseline>) -> Option<()> {
        let status::Sentence { start, code, nanos } = status::sentence(line.bytes())?;
        let request = Request {
            start,
            method: (start, start),
            target: (start, start),
            end: start,
            is_certain: false,
            is_barred: false,
        };
        let time = match start {
            0 => None,
            _ => timestamp(line, &request, cx.clock()).filter(|time| time.end <= start),
        };
        if time.is_none() && !self.is_payload {
            return None;
        }
        if let Some(time) = &time {
            cx.record.set_time(time.stamp);
        }
        if self.level(line, &request, time.as_ref(), cx).is_none() {
            cx.record.message = Text::of_line(start, line.len());
        }
        cx.record.status = code;
        cx.record.duration_ns = if code == 101 { NO_DURATION } else { nanos };
        Some(())
    }

    #[inline(never)]
    fn read(&self, line: Line<'_>, request: &Request, cx: &mut Parse<'_, Baseline>) -> Option<()> {
        let text = line.bytes();
        if iis(line, request, cx) {
            return Some(());
        }
        let answer = match self.status_place {
            StatusPlace::First => status::answer(text, request),
            place => status::beside_number(text, request, place == StatusPlace::Second),
        };
        // In the text of an app a request may stand alone; an access log says what became of it.
        let is_alone = answer.is_none();
        if is_of_another(text, request) || is_alone && !is_path(&text[request.target.0..]) {
            return None;
        }
        let answer = answer.unwrap_or(Answer::Unknown);
        let time = timestamp(line, request, cx.clock());
        if time.is_none() && !self.is_payload {
            return None;
        }
        if let Some(time) = &time {
            cx.record.set_time(time.stamp);
        }
        let (code, behind) = match answer {
            Answer::Status(code, at) => (code, at + 3),
            Answer::Nothing(end) => (NO_ANSWER, end),
            Answer::Unknown => (NO_STATUS, request.end),
        };
        cx.record.status = code;
        let method = &text[request.method.0..request.method.1];
        cx.record.method = if method.iter().any(u8::is_ascii_lowercase) {
            let from = cx.arena.len();
            cx.arena.extend(method.iter().map(u8::to_ascii_uppercase));
            Text::of_arena(from, cx.arena.len())
        } else {
            Text::of_line(request.method.0, request.method.1)
        };
        if cx.context.wanted.has(Columns::HOST) {
            let (start, end) = request.target;
            let host = url_host(&text[start..end]).map(|(from, to)| (start + from, start + to));
            Cursor::new(line, 0).request_some(cx.context.wanted, Column::HOST, host, cx.record);
        }
        let target = match request.target {
            (start, end) if start == end => quoted_path(line, request.end),
            target => Some(target),
        };
        if let Some((start, end)) = target {
            cx.record.path = if text[start..end].starts_with(ESCAPED_SLASH) {
                let from = cx.arena.len();
                fields::unescape_slashes(&text[start..end], cx.arena);
                Text::of_arena(from, cx.arena.len())
            } else {
                path(line, start, end)
            };
        }
        if let Some((start, end)) = client(text, request) {
            cx.record.client = Text::of_line(start, end);
        }
        let message = self.level(line, request, time.as_ref(), cx);
        let is_timed = || nginx_time(text, request, time.as_ref()).is_some();
        if is_alone && cx.record.level == Level::None && !(request.is_certain && is_timed()) {
            return None;
        }
        let mut tail = behind;
        if let Answer::Status(_, at) = answer {
            let size = size(line, request, at);
            if memchr::memmem::find(&text[..request.start], b"ACCESS_LOG - /").is_some() {
                cx.record.duration_ns = match size.0 {
                    NO_BYTES => NO_DURATION,
                    millis => nanos_of(millis, 0, Unit::Milliseconds.nanos()),
                };
                return Some(());
            }
            cx.record.bytes_sent = size.0;
            tail = size.1;
        }
        let agents = agents(line, tail);
        if let Some((referrer, agent)) = agents
            && !cx.context.wanted.is_empty()
        {
            let c = Cursor::new(line, 0);
            c.request_escaped(Column::REFERRER, referrer, cx);
            c.request_escaped(Column::USER_AGENT, agent, cx);
        }
        let target = &text[request.target.0..request.target.1];
        if code != 101 && method != b"CONNECT" && !is_watch(method, target) {
            let memo = &mut cx.context.memo;
            let mut find = |from: usize, to: usize| {
                let found = text_duration::find_beside_request(line.until(to), from, memo);
                (found != NO_DURATION).then_some(found)
            };
            let found = nginx_time(text, request, time.as_ref())
                .or_else(|| find(request.end, line.len()))
                .or_else(|| find(message?, request.start))
                .or_else(|| {
                    let rest = text[tail..].strip_prefix(b" ").filter(|_| tail > behind)?;
                    seconds(rest, b" ")
                })
                .or_else(|| {
                    let at = agents?.1.1 + 1;
                    match integer_at_end(text, at) {
                        Some(integer) if is_of_jetty(&text[..request.start]) => {
                            Some(nanos_of(integer, 0, Unit::Milliseconds.nanos()))
                        }
                        _ => {
                            let tail = cx.context.durations.tail(TailPlace::Agent, line, at);
                            let nanos = tail_time(line, at, tail).nanos;
                            (nanos != NO_DURATION).then_some(nanos)
                        }
                    }
                })
                .or_else(|| documented_time(text, request, answer, time.as_ref()))
                .or_else(|| time_with_unit(text, behind))
                .or_else(|| match answer {
                    Answer::Status(_, at) if at > request.end => {
                        time_with_unit(&text[..at], request.end)
                    }
                    _ => None,
                });
            cx.record.duration_ns = found.unwrap_or(NO_DURATION);
        }
        Some(())
    }

    /// Sets level and message; where the message starts.
    fn level(
        &self,
        line: Line<'_>,
        request: &Request,
        time: Option<&Time>,
        cx: &mut Parse<'_, Baseline>,
    ) -> Option<usize> {
        let (time_start, time_end) = match time {
            Some(time) if time.end <= request.start => (time.start, time.end),
            _ => (0, 0),
        };
        if let Some(Time { level: Some(level), .. }) = time {
            cx.record.level = *level;
            let message = levels::message_start(line, time_end);
            cx.record.message = Text::of_line(message, line.len());
            return Some(message);
        }
        let to = request.start.min(time_end + levels::LEVEL_OFFSET_MAX);
        let found = levels::level_in(line.slice(time_end, to))
            .map(|(level, after)| (level, time_end + after))
            .or_else(|| {
                let before = line.until(time_start);
                let level = match before.bytes() {
                    // Tornado: `[I 240124 10:15:32 web:2348]`.
                    [b'[', letter, b' '] => Level::from_letter(*letter),
                    // `logging.basicConfig`: `INFO:aiohttp.access:192.0.2.7`.
                    text if letters(text) > 2 && text.get(letters(text)) == Some(&b':') => {
                        Level::from_word(&text[..letters(text)])
                    }
                    _ => levels::level_in(before).map(|(level, _)| level),
                };
                Some((level?, time_end))
            });
        let (level, after) = found?;
        cx.record.level = level;
        let message = levels::message_start(line, after);
        cx.record.message = Text::of_line(message, line.len());
        Some(message)
    }
}

/// Fills the record from a line of IIS without its header; whether it is one.
fn iis(line: Line<'_>, request: &Request, cx: &mut Parse<'_, Baseline>) -> bool {
    const COLUMNS_MAX: usize = 15;
    let text = line.bytes();
    if !text[0].is_ascii_digit() || memchr::memchr_iter(b' ', &text[..request.start]).count() != 3 {
        return false;
    }
    let mut columns = [&b""[..]; COLUMNS_MAX];
    let mut count = 0;
    for column in text.split(|&b| b == b' ') {
        let Some(room) = columns.get_mut(count) else { return false };
        *room = column;
        count += 1;
    }
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_address = |text: &[u8]| address::is_v4(text) || address::v6(text).is_some();
    let (c, last) = (&columns, count - 4);
    let fits = (14..=COLUMNS_MAX).contains(&count)
        && is_address(c[2])
        && is_number(c[6])
        && is_address(c[8])
        && c[last..count].iter().all(|text| is_number(text))
        && c[last].len() == 3;
    let status = fields::status(c[if fits { last } else { 0 }]);
    let Some(status) = status.filter(|_| fits) else { return false };
    let Some((stamp, 19)) = cx.clock().any(line, 0) else { return false };
    cx.record.set_time(stamp);
    cx.record.method = Text::of_line(request.method.0, request.method.1);
    cx.record.path = path(line, request.target.0, request.target.1);
    cx.record.status = status;
    cx.record.client = Text::of_part(text, c[8]);
    cx.record.duration_ns = match status {
        101 => NO_DURATION,
        _ => decimal(c[count - 1], Unit::Milliseconds).unwrap_or(NO_DURATION),
    };
    let cursor = Cursor::new(line, 0);
    let agent = Text::of_part(text, c[9]).range();
    cursor.request(cx.context.wanted, Column::USER_AGENT, agent, cx.record);
    if count == COLUMNS_MAX {
        let referrer = Text::of_part(text, c[10]).range();
        cursor.request(cx.context.wanted, Column::REFERRER, referrer, cx.record);
    }
    true
}

/// Whether the line is one of key-value pairs, a start line, or a call to another service.
fn is_of_another(text: &[u8], request: &Request) -> bool {
    let name = text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(b)).count();
    let before = &text[..request.start];
    if name > 0 && text.get(name) == Some(&b'=') {
        // `remote=192.0.2.7 [24/Jan/2024:10:15:32 +0000] status=200 request="GET / HTTP/1.1"`.
        let is_dated = |at: usize| {
            let date = text[at + 2..].first_chunk();
            matches!(date, Some([a, b, b'/']) if a.is_ascii_digit() && b.is_ascii_digit())
        };
        return !request.is_certain || !memchr::memmem::find_iter(before, b" [").any(is_dated);
    }
    let front = before.trim_ascii_end();
    let front = match memchr::memmem::rfind(front, b"HTTP/") {
        Some(at) if !front[at..].contains(&b' ') => front[..at].trim_ascii_end(),
        _ => front,
    };
    if front.ends_with(b"Request starting")
        || front.ends_with(b"Started")
        || front.ends_with(b"<--") && !is_url(text, request)
    {
        return true;
    }
    let arrow = front.ends_with(b"-->") || front.ends_with(b"<--");
    arrow && is_url(text, request)
        || (0..before.len())
            .any(|at| outgoing(before[at]).iter().any(|name| before[at..].starts_with(name)))
}

/// The host of a call to another service that a line speaks of; None if it speaks of none. What
/// tells is a [client library](outgoing), or an arrow, before a URL.
pub fn outgoing_host(line: &[u8]) -> Option<&[u8]> {
    let urls = memchr::memmem::find_iter(line, b"://").filter_map(|at| {
        let len = line[..at].iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
        let scheme = &line[at - len..at];
        matches!(scheme, b"http" | b"https").then_some(at - len)
    });
    for start in urls {
        let before = &line[..start];
        let calls = before.windows(4).any(|arrow| matches!(arrow, b"--> " | b"<-- "))
            || (0..before.len())
                .any(|at| outgoing(before[at]).iter().any(|name| before[at..].starts_with(name)))
            || memchr::memmem::find(before, b"Received HTTP response").is_some();
        if calls {
            let (from, to) = url_host(&line[start..])?;
            return Some(&line[start + from..start + to]);
        }
    }
    None
}

fn is_url(text: &[u8], request: &Request) -> bool {
    text.get(request.target.0) != Some(&b'/')
}

/// A timestamp and where it is.
struct Time {
    stamp: Stamp,
    start: usize,
    end: usize,
    /// The level that klog writes in front.
    level: Option<Level>,
}

/// The timestamp of a line with a request.
fn timestamp(line: Line<'_>, request: &Request, clock: &mut TimestampParser) -> Option<Time> {
    let text = line.bytes();
    let mut at = 0;
    while at < request.start {
        if (at == 0 || is_front(text[at - 1]))
            && let Some(time) = timestamp_at(line, at, clock)
            && time.end <= request.start
        {
            return Some(time);
        }
        at += 1;
    }
    let limit = line.len().min(request.end + TIME_BYTES_MAX);
    at = request.end;
    while at < limit {
        if text[at] == b'"' {
            at = closing_quote(Baseline, line, at + 1)?;
        } else if is_front(text[at - 1])
            && let Some(time) = timestamp_at(line, at, clock)
        {
            return Some(time);
        }
        at += 1;
    }
    None
}

/// What may stand before a timestamp.
fn is_front(byte: u8) -> bool {
    static FRONTS: [bool; 256] = crate::format::byte_set(b" \t[(|<>\"'=;:,@");
    FRONTS[usize::from(byte)]
}

fn timestamp_at(line: Line<'_>, at: usize, clock: &mut TimestampParser) -> Option<Time> {
    let byte = line.byte(at);
    if !byte.is_ascii_digit() && !byte.is_ascii_uppercase() {
        return None;
    }
    if matches!(byte, b'I' | b'W' | b'E' | b'F')
        && line.byte(at + 1).is_ascii_digit()
        && let Some((stamp, level, end)) = timed::klog(line, at, clock)
    {
        return Some(Time { stamp, start: at, end, level: Some(level) });
    }
    if !TimestampParser::may_begin(line, at) {
        return None;
    }
    let (stamp, end) = clock.any(line, at)?;
    // Other numbers are ids far more often than times.
    let is_number = line.bytes()[at..end].iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let is_front = at == 0 || at == 1 && line.byte(0) == b'[' && line.byte(end) == b']';
    (!is_number || is_front).then_some(Time { stamp, start: at, end, level: None })
}

/// The client's address, perhaps with brackets and port.
fn client(text: &[u8], request: &Request) -> Option<Span> {
    let mut at = 0;
    let before = &text[..request.start];
    while at < before.len() {
        let skip = before[at..].iter().take_while(|b| b" \t\"'(|,/=".contains(b)).count();
        at += skip;
        let len = before[at..].iter().take_while(|b| !b" \t\"'()|,".contains(b)).count();
        let word = &before[at..at + len];
        // The server that a request went on to: `to: 10.0.0.5:8080`.
        if before[..at].ends_with(b" to: ") {
            at += len.max(1);
            continue;
        }
        let opens = memchr::memchr_iter(b'[', word).filter(|&open| open > 0);
        // `[info]192.0.2.7` of fly.io.
        let closes = memchr::memchr_iter(b']', word).map(|close| close + 1);
        for from in std::iter::once(0).chain(opens).chain(closes) {
            if let Some((start, end)) = address(&word[from..]) {
                return Some((at + from + start, at + from + end));
            }
        }
        // What closes is passed, too.
        at += len.max(1);
    }
    let behind = &text[request.end..];
    if let Some(inner) = behind.strip_prefix(b" (")
        && let Some(close) = memchr::memchr(b')', inner)
    {
        let user = memchr::memchr(b'@', &inner[..close]).map_or(0, |at| at + 1);
        if let Some((start, end)) = address(&inner[user..close]) {
            let at = request.end + 2 + user;
            return Some((at + start, at + end));
        }
    }
    const NAMES: [&[u8]; 7] =
        [b"from ", b"Client ", b"client ", b"client: ", b"client=", b"fwd=\"", b"srcIP=\""];
    for name in NAMES {
        for found in memchr::memmem::find_iter(behind, name) {
            let starts = found == 0 || b" \t[(,|".contains(&behind[found - 1]);
            let at = found + name.len();
            let len = behind[at..].iter().take_while(|b| !b" \t\"'()|,;".contains(b)).count();
            if starts && let Some((start, end)) = address(&behind[at..at + len]) {
                return Some((request.end + at + start, request.end + at + end));
            }
        }
    }
    None
}

/// Where in a word an address with its port is, if the word is one: perhaps in brackets.
fn address(word: &[u8]) -> Option<Span> {
    const WORD_BYTES_MAX: usize = 64;
    if !(3..=WORD_BYTES_MAX).contains(&word.len()) {
        return None;
    }
    // What opens before an address may close behind another word.
    let (start, rest) = match word {
        [b'[', b'/', rest @ ..] => (2, rest),
        [b'[', rest @ ..] => (1, rest),
        _ => (0, word),
    };
    let is_port = |text: &[u8]| {
        text.is_empty()
            || text[0] == b':' && text.len() > 1 && text[1..].iter().all(u8::is_ascii_digit)
    };
    let trimmed = rest.strip_suffix(b":").unwrap_or(rest);
    if start == 1
        && let Some(close) = memchr::memchr(b']', rest)
        && address::v6(&rest[..close]).is_some()
    {
        return is_port(&rest[close + 1..]).then_some((0, word.len()));
    }
    let trimmed = trimmed.strip_suffix(b"]").unwrap_or(trimmed);
    let v4 = trimmed.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    if address::is_v4(&trimmed[..v4]) && is_port(&trimmed[v4..]) {
        return Some((start, start + trimmed.len()));
    }
    let colons = memchr::memchr_iter(b':', trimmed).count();
    let zone = memchr::memchr(b'%', trimmed).unwrap_or(trimmed.len());
    (colons >= 2 && address::v6(&trimmed[..zone]).is_some())
        .then_some((start, start + trimmed.len()))
}

/// The size behind a status at `at`, and where what is behind both begins.
fn size(line: Line<'_>, request: &Request, at: usize) -> (u64, usize) {
    let text = line.bytes();
    let behind = at + 3;
    if !request.is_certain || at < request.end || text.get(behind) != Some(&b' ') {
        return (NO_BYTES, behind);
    }
    let end = |end: usize| end == text.len() || text[end] == b' ';
    if text.get(behind + 1) == Some(&b'-') && end(behind + 2) {
        return (NO_BYTES, behind + 2);
    }
    match integer_at(line, behind + 1) {
        Some((size, after)) if end(after) && !unit_follows(&text[after..]) => (size, after),
        _ => (NO_BYTES, behind),
    }
}

/// Whether what follows a number is a unit of time.
fn unit_follows(text: &[u8]) -> bool {
    let word = text.trim_ascii_start();
    let len = word.iter().take_while(|b| b.is_ascii_alphabetic() || !b.is_ascii()).count();
    matches!(
        &word[..len],
        b"ms" | b"us" | b"ns" | b"s" | b"sec" | b"secs" | b"seconds" | b"msec" | b"millis"
    ) || word.starts_with("\u{b5}s".as_bytes())
        || word.starts_with("\u{3bc}s".as_bytes())
}

/// The insides of two quoted fields, each behind a space, at `at`.
fn agents(line: Line<'_>, at: usize) -> Option<(Span, Span)> {
    let mut c = Cursor::new(line, at);
    c.pass(b' ')?;
    let referrer = c.quoted(Baseline)?;
    c.pass(b' ')?;
    let agent = c.quoted(Baseline)?;
    Some((referrer, agent))
}

/// A path that is alone in quotes behind `from`.
fn quoted_path(line: Line<'_>, from: usize) -> Option<Span> {
    let mut c = Cursor::new(line, from);
    while let Some(open) = memchr::memchr(b'"', &line.bytes()[c.at..]) {
        c.at += open;
        let inside = c.quoted(Baseline)?;
        if line.bytes()[inside.0..inside.1].starts_with(b"/") {
            return Some(inside);
        }
    }
    None
}

/// A number with decimals at the front of `text`, in seconds, if it ends there or before one of these.
fn seconds(text: &[u8], ends: &[u8]) -> Option<u64> {
    let len = text.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let number = &text[..len];
    let point = memchr::memchr(b'.', number)?;
    let decimals = len - 1 - point;
    let is_end = text.get(len).is_none_or(|b| ends.contains(b));
    if decimals == 0 || !is_end { None } else { decimal(number, Unit::Seconds) }
}

/// The response time where people put nginx's: under its name, or around the timestamp.
fn nginx_time(text: &[u8], request: &Request, time: Option<&Time>) -> Option<u64> {
    const NAME: &[u8] = b"request_time";
    for (part, skip) in [(&text[request.end..], 0), (&text[..request.start], 0)] {
        let found = memchr::memmem::find_iter(part, NAME).find_map(|at: usize| {
            let starts =
                at == skip || !(part[at - 1].is_ascii_alphanumeric() || part[at - 1] == b'_');
            let value = &part[at + NAME.len()..];
            let gap = value.iter().take_while(|b| b" =:\"[".contains(b)).count();
            let value = &value[gap..];
            if starts && gap > 0 { seconds(value, b" \",;])}") } else { None }
        });
        if found.is_some() {
            return found;
        }
    }
    let time = time.filter(|time| time.end < request.start)?;
    if let Some(rest) = text[time.end..].strip_prefix(b"] [")
        && let Some(found) = seconds(rest, b"]")
    {
        return Some(found);
    }
    let is_three = |word: &[u8]| word.len() > 4 && word[word.len() - 4] == b'.';
    let mut words = text[..time.start].strip_suffix(b" [")?.split(|&b| b == b' ');
    let first = words.next().filter(|word| is_three(word))?;
    let found = seconds(first, b"")?;
    match (words.next(), words.next()) {
        (None, None) | (Some(b"-"), None) => Some(found),
        (Some(second), None) if is_three(second) => {
            seconds(second, b"").filter(|&second| second <= found).map(|_| found)
        }
        _ => None,
    }
}

/// The response time of Heroku, SOGo, CouchDB, OpenStack and Artifactory.
fn documented_time(
    text: &[u8],
    request: &Request,
    answer: Answer,
    time: Option<&Time>,
) -> Option<u64> {
    let Answer::Status(_, at) = answer else { return None };
    if let Some(found) = of_heroku(text).or_else(|| of_gorouter(text, at)) {
        return Some(found);
    }
    if at < request.end {
        return None;
    }
    if let Some(found) = time.and_then(|time| of_shelf(text.get(time.end..request.start)?)) {
        return Some(found);
    }
    let rest = &text[at + 3..];
    if let Some(found) = of_odoo(&text[..request.start], rest) {
        return Some(found);
    }
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if let Some(found) = behind_agent(&text[..at], rest) {
        return Some(found);
    }
    if memchr::memmem::find(&text[..request.start], b" [HTTP-").is_some() {
        // Gerrit: size, milliseconds, processor times and memory.
        let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
        let millis = words.nth(1).filter(|number| is_number(number))?;
        return if words.count() > 3 { decimal(millis, Unit::Milliseconds) } else { None };
    }
    if let Some(number) = rest.strip_prefix(b" ok ").filter(|number| is_number(number)) {
        return decimal(number, Unit::Milliseconds);
    }
    if let Some(found) = of_openstack(rest) {
        return Some(found);
    }
    if let Some(found) = of_bitbucket(rest) {
        return Some(found);
    }
    if request.is_barred && text[at - 1] == b'|' {
        let mut columns = rest.strip_prefix(b"|")?.split(|&b| b == b'|');
        let number = columns.nth(2).filter(|number| is_number(number))?;
        let is_whole = columns.next().is_some() && time.is_some_and(|time| time.start == 0);
        return if is_whole { decimal(number, Unit::Milliseconds) } else { None };
    }
    let mut words = rest.strip_prefix(b" ")?.splitn(3, |&b| b == b' ');
    let (sizes, number) = (words.next()?, words.next()?);
    let slash = memchr::memchr(b'/', sizes)?;
    if is_number(&sizes[..slash]) && is_number(&sizes[slash + 1..]) {
        seconds(number, b"")
    } else {
        None
    }
}

/// Bitbucket, behind the status: bytes read and written, labels, milliseconds, and the session, between
/// bars.
///
/// Source: <https://confluence.atlassian.com/bitbucketserverkb/how-to-read-the-bitbucket-server-log-formats-779171668.html>
fn of_bitbucket(rest: &[u8]) -> Option<u64> {
    let mut rest = rest.trim_ascii_end().strip_prefix(b" | ")?.strip_suffix(b" |")?;
    let mut columns = [&b""[..]; 4];
    for column in &mut columns {
        let end = memchr::memmem::find(rest, b" | ")?;
        (*column, rest) = (&rest[..end], &rest[end + 3..]);
    }
    let is_size = |text: &[u8]| text == b"-" || text.iter().all(u8::is_ascii_digit);
    let fits = is_size(columns[0]) && is_size(columns[1]) && !rest.contains(&b'|');
    let millis = columns[3];
    let is_number = !millis.is_empty() && millis.iter().all(u8::is_ascii_digit);
    if fits && is_number { decimal(millis, Unit::Milliseconds) } else { None }
}

/// OAuth2 Proxy: size and seconds end the line behind a status that follows the quoted user agent.
///
/// Source: <https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview#request-log-format>
fn behind_agent(before: &[u8], rest: &[u8]) -> Option<u64> {
    let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
    let (size, time) = (words.next()?, words.next()?);
    let fits = before.ends_with(b"\" ")
        && words.next().is_none()
        && size.iter().all(u8::is_ascii_digit)
        && time.len() > 4
        && time[time.len() - 4] == b'.';
    if fits { seconds(time, b"") } else { None }
}

/// Dart's shelf: hours, minutes and seconds between the timestamp and the request, `  0:00:00.012345 `.
///
/// Source: <https://pub.dev/documentation/shelf/latest/shelf/logRequests.html>
fn of_shelf(between: &[u8]) -> Option<u64> {
    let mut parts = between.trim_ascii().split(|&b| b == b':');
    let (hours, minutes, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let is_clock = minutes.len() == 2 && rest.len() == 9 && rest[2] == b'.';
    let unit = |number: &[u8], seconds: u64| {
        decimal(number, Unit::Seconds)?.checked_mul(seconds).filter(|_| is_clock)
    };
    let sum = unit(hours, 3_600)?.checked_add(unit(minutes, 60)?)?;
    sum.checked_add(unit(rest, 1)?).filter(|_| parts.next().is_none())
}

/// Cloud Foundry's router: seconds in a field of its own behind the request.
///
/// Source: <https://docs.cloudfoundry.org/concepts/cf-routing-architecture.html#access-logs>
fn of_gorouter(text: &[u8], from: usize) -> Option<u64> {
    const BEFORE: &[u8] = b" response_time:";
    let at = memchr::memmem::find(text.get(from..)?, BEFORE)?;
    seconds(&text[from + at + BEFORE.len()..], b" ")
}

/// Heroku's router: `connect=1ms service=18ms` are the time to reach the app, and its own.
fn of_heroku(text: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b" service=";
    let at = memchr::memmem::find(text, NAME)?;
    let value = &text[at + NAME.len()..];
    let len = value.iter().take_while(|&&b| b != b' ').count();
    memchr::memmem::find(&text[..at], b" dyno=")?;
    with_unit(&value[..len])
}

/// OpenStack's WSGI servers (`wsgi_log_format`): `status: 200  len: 1893 time: 0.2477829`.
fn of_openstack(behind_status: &[u8]) -> Option<u64> {
    let rest = behind_status.trim_ascii_start().strip_prefix(b"len: ")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = rest.get(digits..).filter(|_| digits > 0)?;
    seconds(rest.strip_prefix(b" time: ")?, b" ")
}

/// Odoo's server writes the number of its queries, the seconds that they took, and all others, behind
/// the size: `- 14 0.019 0.023`.
fn of_odoo(before: &[u8], rest: &[u8]) -> Option<u64> {
    let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
    let (_size, queries) = (words.next()?, words.next()?);
    let (queried, other) = (words.next()?, words.next()?);
    let is_whole = words.next().is_none() && queries.iter().all(u8::is_ascii_digit);
    memchr::memmem::find(before, b" werkzeug: ").filter(|_| is_whole)?;
    seconds(queried, b"")?.checked_add(seconds(other, b"")?)
}

/// The only number with a unit among the fields behind `from`.
fn time_with_unit(text: &[u8], from: usize) -> Option<u64> {
    let mut only = None;
    let mut words = text[from..]
        .split(|b| b" \t|,;".contains(b))
        .filter(|word| !word.is_empty())
        .take(FIELDS_MAX)
        .peekable();
    while let Some(word) = words.next() {
        if word.starts_with(b"\"") {
            break;
        }
        let word = word.strip_prefix(b"[").or(word.strip_prefix(b"(")).unwrap_or(word);
        let word =
            word.iter().rposition(|b| !b"])".contains(b)).map_or(word, |last| &word[..=last]);
        let value = match word.last() {
            Some(b's') if word[0].is_ascii_digit() || word[0] == b'.' => with_unit(word),
            Some(digit) if digit.is_ascii_digit() && word[0].is_ascii_digit() => {
                let unit =
                    words.peek().filter(|unit| unit_follows(unit) && unit[0].is_ascii_alphabetic());
                unit.and_then(|unit| {
                    let end = unit.iter().position(|b| b"])".contains(b)).unwrap_or(unit.len());
                    with_unit(&[word, b" ", &unit[..end]].concat())
                })
            }
            _ => None,
        };
        match (only, value) {
            (None, Some(_)) => only = value,
            // The line does not tell which of two is the response time.
            (Some(_), Some(_)) => return None,
            _ => {}
        }
    }
    only
}

#[cfg(test)]
mod tests;
