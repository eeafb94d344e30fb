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
//! `Started`), and calls to other services: a line that speaks of a [client library](outgoing::outgoing_host) before
//! its request, or has an arrow (`-->`, `<--`) before a URL (OkHttp). Those are no requests of this
//! service.
//!
//! # What it says
//! - **Client**: the first address before the request, as a word of its own or in brackets, perhaps
//!   with a port or a `/` before it, perhaps first of a list in quotes; else the one in parentheses
//!   right behind it, perhaps with a user and `@` before (Tornado, Jupyter); else the first behind it
//!   that follows `from`, `Client`, `client` or `fwd="`.
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

mod client;
pub mod entry;
mod find;
mod iis;
mod outgoing;
mod pairs;
mod status;
mod times;
mod timestamp;

pub use outgoing::outgoing_host;

use super::tail::tail_time;
use crate::bytes::line::{Line, PaddedLine};
use crate::bytes::simd::{Baseline, Simd};
use crate::format::cursor::{Cursor, Span};
use crate::format::http::{integer_at, nanos_of, path, url_host};
use crate::format::slices::letters;
use crate::format::text::ansi::{self, ESC};
use crate::format::text::{levels, text_duration};
use crate::format::units::TailPlace;
use crate::format::{Context, LineFormat, Params, Parse, StatusPlace, Unit, fields};
use crate::record::{
    Column, Columns, Level, NO_ANSWER, NO_BYTES, NO_DURATION, NO_STATUS, Record, Text,
};
use client::{address, client};
use find::Request;
use outgoing::is_of_another;
use status::Answer;
use times::{
    documented_time, integer_at_end, is_of_jetty, nginx_time, seconds, time_with_unit, unit_follows,
};
use timestamp::{Time, timestamp};

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
        let request = Request::unwritten(start);
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
        if iis::iis(line, request, cx) {
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

#[cfg(test)]
mod tests;
