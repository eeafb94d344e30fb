//! Records that begin with a level and have no date: `WARNING:root:message`.
//!
//! # Accepted
//! Only where the level is certain. A line begins with one of
//! - a level, then `:` with another byte behind it (Python's `logging.basicConfig`, java.util.logging's
//!   second line, winston, uvicorn), `[` and a digit (logrus on a terminal), or a space or more and
//!   `[` (Alembic);
//! - `fail` and `: ` (.NET);
//! - `I (743) wifi: `: one of `IWEDV`, milliseconds in parentheses, a name and a colon (ESP-IDF);
//! - `[Info   : Unity Log] `: a level and a source in brackets, in any case, `Message` among them (BepInEx);
//! - `[10:15:32 INF] ` or `10:15AM INF `, with a level of three capitals (Serilog, zerolog);
//! - a level in brackets, perhaps with spaces before the closing one, and a space or a bracket behind
//!   it (Maven);
//! - a *front*, and behind it, and spaces, a level with a space or a colon behind it; in brackets, it
//!   may be of any case, and be the last word behind a `/`.
//!
//! A level is a word of [`Level::from_word`], all upper or all lower case. A front is a time of day
//! (`10:15:32`, perhaps with a fraction, perhaps in brackets), a number of seconds in brackets
//! (`[0.005s]`, Java's virtual machine), each perhaps with a group in brackets behind it; or a number of
//! milliseconds and a group in brackets (Log4j); or a group in brackets alone (SLF4J). Between a time of
//! day and a level in brackets up to four `key=value` may stand (Elixir). Behind a time of
//! day without a group, only a level in brackets will do, or one in upper case before ` [`:
//! `10:15:33.001 INFO Incomplete` is a damaged line.
//!
//! Lines in which the format `text` finds a timestamp are left to it: the time of a record of this
//! format is unknown, unless the plan says of which day times of day are. Behind `INFO:`, `client - "GET / HTTP/1.1" 200` is a request
//! (uvicorn), and so is `client - 25183 "A IN example.org. udp 40 false 512" NOERROR … 0.066s`
//! (CoreDNS), without a route. So is a message that begins with a method, a path and a status, perhaps
//! behind `HTTP `, or with `Sent 200 in `, and one with the pairs `method=` and `path=`. Else the response time in the message is found by the rule of
//! [`text_duration`](super::text_duration). Colors are read over as in [`app`](super::app), wherever
//! they are.

use super::ansi::{self, ESC};
use super::duration::with_unit;
use super::levels::is_name_of_other;
use super::levels::message_start;
use super::{clock, text_duration, timed};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::access::request::{of_message, of_pairs_in_message};
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::{digits, letters, spaces};
use crate::format::{Entry, Facts, Info, LineFormat, Parse, fields, line_format};
use crate::record::{Columns, Level, NO_STATUS, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "leveled",
        title: "level first, without a date",
        example: "WARNING:root:Request processed in 127ms",
        time_field: "none",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Leveled),
};

/// Longest name of a thread in brackets.
const GROUP_BYTES_MAX: usize = 96;

struct Leveled;

impl LineFormat for Leveled {
    const COLUMNS: Columns = Columns::LEVEL
        .or(Columns::TIME)
        .or(Columns::DURATION)
        .or(Columns::STATUS)
        .or(Columns::MESSAGE)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::NO_YEAR_FIRST;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'[' || byte == ESC
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.find(cx.simd, 0, ESC) == line.len() {
            return take(line, cx);
        }
        let parsed = ansi::uncolored(line, &mut cx.again(), take);
        parsed.or_else(|| take(line, cx))
    }
}

#[inline(always)]
fn take<S: Simd>(line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
    let (level, mut message) = front(line.bytes())?;
    if timed::anywhere(cx.simd, line, cx.clock()).is_some() {
        return None;
    }
    cx.record.level = level;
    if let Some(stamp) = clock::time_of_day(line.bytes(), cx.clock()) {
        cx.record.set_time(stamp);
    } else if let Some(stamp) = clock::time_of_day(&line.bytes()[message..], cx.clock()) {
        // `[INFO] 10:15:32 started`
        cx.record.set_time(stamp);
        let end = clock::clock(&line.bytes()[message..]).map_or(0, |(.., end)| end);
        message = message_start(line, message + end);
    }
    cx.record.message = Text::of_line(message, line.len());
    if request(line.bytes(), message, cx.record).is_none()
        && query(line.bytes(), message, cx.record).is_none()
    {
        let memo = &mut cx.context.memo;
        cx.record.duration_ns = text_duration::find(cx.simd, line, message, memo);
        answer(line.bytes(), message, cx);
    }
    Some(())
}

/// Status and route of `HTTP GET /cart responded 200 in 36 ms` (Serilog), `GET /cart 200`, and the status
/// of `Sent 200 in 12ms` (Phoenix).
#[inline(always)]
fn answer<S: Simd>(line: &[u8], message: usize, cx: &mut Parse<'_, S>) {
    let text = &line[message..];
    if let Some([a, b, c, b' ', b'i', b'n', b' ', ..]) =
        text.strip_prefix(b"Sent ").or_else(|| text.strip_prefix(b"Chunked "))
    {
        cx.record.status = fields::status(&[*a, *b, *c]).unwrap_or_default();
        return;
    }
    let whole = cx.record.message;
    if text.starts_with(b"HTTP ") {
        cx.record.message = Text::of_line(message + 5, line.len());
    }
    of_message(line, cx.context, &[], cx.record);
    cx.record.message = whole;
    if cx.record.status == NO_STATUS {
        of_pairs_in_message(line, cx.context, &[], cx.record);
    }
}

/// The level that `word` is, if it is all upper or all lower case.
fn level(word: &[u8]) -> Option<Level> {
    let level = Level::from_word(word).filter(|_| !is_name_of_other(word))?;
    (word.iter().all(|b| !b.is_ascii_lowercase()) || word.iter().all(|b| !b.is_ascii_uppercase()))
        .then_some(level)
}

/// What is between brackets at the start of `text`.
fn group(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"[")?;
    let close = memchr::memchr(b']', &rest[..rest.len().min(GROUP_BYTES_MAX)])?;
    Some(&rest[..close])
}

/// The level in brackets at the start of `text`, and what is behind.
fn bracketed(text: &[u8]) -> Option<(Level, &[u8])> {
    bracketed_of(text, group(text)?)
}

/// As [`bracketed`], given what is between the brackets.
fn bracketed_of<'a>(text: &'a [u8], inner: &[u8]) -> Option<(Level, &'a [u8])> {
    let word = inner.trim_ascii_end();
    let word = word.iter().rposition(|&b| b == b'/').map_or(word, |i| &word[i + 1..]);
    Some((level(word)?, &text[inner.len() + 2..]))
}

/// The level and where the message starts.
fn front(text: &[u8]) -> Option<(Level, usize)> {
    let message = |level: Level, rest: &[u8]| {
        let dressing = rest.iter().take_while(|b| b" \t]:-|".contains(b)).count();
        // The client `::1` of a request.
        let of_address = if rest[..dressing].ends_with(b" ::") { 2 } else { 0 };
        Some((level, text.len() - rest.len() + dressing - of_address))
    };
    // .NET writes `fail: Name[0]`, which elsewhere is a word like others.
    if let Some(rest) = text.strip_prefix(b"fail") {
        return if rest.starts_with(b": ") { message(Level::Error, rest) } else { None };
    }
    if let Some((letter, rest)) = of_esp(text) {
        return message(Level::from_letter(letter)?, rest);
    }
    let len = letters(text);
    if len > 0 {
        // Go's last words are the head of a crash.
        if text.starts_with(b"panic: ") {
            return None;
        }
        let (level, rest) = (level(&text[..len])?, &text[len..]);
        return match rest {
            [b':', _, ..] | [b'[', b'0'..=b'9', ..] => message(level, rest),
            [b' ', ..] if rest[spaces(rest)..].starts_with(b"[") => message(level, rest),
            _ => None,
        };
    }
    let first = group(text);
    if let Some(inner) = first
        && let Some(level) = of_bepinex(inner)
        && text[inner.len() + 2..].starts_with(b" ")
    {
        return message(level, &text[inner.len() + 2..]);
    }
    if let Some(inner) = first
        && let Some((level, rest)) = bracketed_of(text, inner)
        && matches!(rest.first(), Some(b' ' | b'['))
    {
        return message(level, rest);
    }
    if let Some(found) = timed_level(text, first) {
        return message(found.0, found.1);
    }
    let (mut rest, timed) = behind_time(text, first)?;
    rest = &rest[spaces(rest)..];
    if timed {
        rest = behind_pairs(rest);
    }
    if let Some((level, rest)) = bracketed(rest) {
        return message(level, rest);
    }
    let grouped = group(rest);
    if let Some(inner) = grouped {
        rest = &rest[inner.len() + 2..];
        rest = &rest[spaces(rest)..];
    }
    if let Some((level, rest)) = bracketed(rest) {
        return message(level, rest);
    }
    let len = letters(rest);
    let level = level(&rest[..len]).filter(|_| rest[0].is_ascii_uppercase())?;
    let rest = &rest[len..];
    let certain = match (timed, grouped.is_some()) {
        (_, true) => matches!(rest.first(), Some(b' ' | b':')),
        (true, false) => rest[spaces(rest)..].starts_with(b"[") && rest[0] == b' ',
        (false, false) => false,
    };
    if certain { message(level, rest) } else { None }
}

/// The letter of `I (743) wifi: `, and what is behind the parentheses.
fn of_esp(text: &[u8]) -> Option<(u8, &[u8])> {
    let [letter @ (b'I' | b'W' | b'E' | b'D' | b'V'), b' ', b'(', rest @ ..] = text else {
        return None;
    };
    let count = digits(rest);
    let behind = rest[count..].strip_prefix(b") ").filter(|_| count > 0)?;
    let name = behind.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    (name > 1 && behind[name - 1] == b':').then_some((*letter, behind))
}

/// The level of `Info   : Unity Log`.
fn of_bepinex(inner: &[u8]) -> Option<Level> {
    const WORD_BYTES: usize = 7;
    let word = letters(inner);
    let gap = spaces(&inner[word..]);
    let [b':', b' ', _, ..] = inner.get(word + gap..)? else { return None };
    let level = match &inner[..word] {
        b"Message" => Level::Info,
        word => Level::from_word(word)?,
    };
    (inner[0].is_ascii_uppercase() && word + gap == WORD_BYTES).then_some(level)
}

/// A level of three capitals and what is behind it, of `[10:15:32 INF] ` (Serilog) and `10:15AM INF `
/// (zerolog).
fn timed_level<'a>(text: &'a [u8], first: Option<&[u8]>) -> Option<(Level, &'a [u8])> {
    let word = |text: &[u8]| {
        let word = text.get(..3).filter(|word| word.iter().all(u8::is_ascii_uppercase))?;
        Level::from_word(word)
    };
    if let Some(inner) = first {
        let behind = &inner[time_of_day(inner)?..];
        let level = word(behind.strip_prefix(b" ").filter(|rest| rest.len() == 3)?)?;
        return text[inner.len() + 2..]
            .starts_with(b" ")
            .then(|| (level, &text[inner.len() + 2..]));
    }
    let hour = text.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    let [b':', a, b, b'A' | b'P', b'M', b' ', rest @ ..] = text.get(hour..)? else { return None };
    if !(1..=2).contains(&hour) || !a.is_ascii_digit() || !b.is_ascii_digit() {
        return None;
    }
    let level = word(rest)?;
    rest[3..].starts_with(b" ").then(|| (level, &rest[3..]))
}

/// What is behind up to four `key=value` and the space behind each, as Elixir's logger writes its
/// metadata.
fn behind_pairs(text: &[u8]) -> &[u8] {
    let mut rest = text;
    for _ in 0..4 {
        let key = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        if key == 0 || rest.get(key) != Some(&b'=') {
            break;
        }
        let Some(len) = rest.iter().take(GROUP_BYTES_MAX).position(|&b| b == b' ') else { break };
        rest = &rest[len + 1..];
    }
    rest
}

/// What is behind a time of day, seconds in brackets, or milliseconds before a bracket, and whether
/// it was a time; all of the text if it begins with another bracket.
fn behind_time<'a>(text: &'a [u8], first: Option<&[u8]>) -> Option<(&'a [u8], bool)> {
    if let Some(inner) = first {
        let seconds = inner.strip_suffix(b"s").is_some_and(|number| {
            number.contains(&b'.') && number.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        });
        let is_time = seconds || time_of_day(inner) == Some(inner.len());
        let behind = if is_time { &text[inner.len() + 2..] } else { text };
        return Some((behind, is_time));
    }
    if let Some(len) = time_of_day(text) {
        let rest = &text[len..];
        return rest.starts_with(b" ").then_some((rest, true));
    }
    let millis = digits(text);
    let rest = text.get(millis..).filter(|_| (1..10).contains(&millis))?;
    let behind = &rest[spaces(rest)..];
    (rest.starts_with(b" ") && behind.starts_with(b"[")).then_some((behind, false))
}

/// How long the time of day is that `text` begins with.
fn time_of_day(text: &[u8]) -> Option<usize> {
    let [a, b, b':', c, d, b':', e, f, rest @ ..] = text else { return None };
    if ![a, b, c, d, e, f].iter().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction = match rest {
        [b'.' | b',', decimals @ ..] => digits(decimals),
        _ => 0,
    };
    Some(8 + if fraction > 0 { fraction + 1 } else { 0 })
}

/// uvicorn's `127.0.0.1:52345 - "GET /items HTTP/1.1" 200 OK` at `at`.
fn request(text: &[u8], at: usize, record: &mut Record) -> Option<()> {
    let rest = &text[at..];
    const BEFORE: &[u8] = b" - \"";
    let len = memchr::memchr(b' ', rest)?;
    let line = rest[len..].strip_prefix(BEFORE)?;
    let line_len = memchr::memchr(b'"', line)?;
    let (method, path) = fields::request(&line[..line_len])?;
    let [b'"', b' ', a, b, c, behind @ ..] = &line[line_len..] else { return None };
    if behind.first().is_some_and(|&b| b != b' ') {
        return None;
    }
    record.status = fields::status(&[*a, *b, *c])?;
    record.method = Text::of_part(text, &line[method]);
    record.path = Text::of_part(text, &line[path]);
    if let Some(client) = fields::client(&rest[..len]) {
        record.client = Text::of_part(text, &rest[client]);
    }
    Some(())
}

/// CoreDNS's `10.0.0.7:51234 - 25183 "A IN example.org. udp 40 false 512" NOERROR qr,rd,ra 71 0.066s` at
/// `at`.
fn query(text: &[u8], at: usize, record: &mut Record) -> Option<()> {
    let rest = &text[at..];
    let len = memchr::memchr(b' ', rest)?;
    let behind = rest[len..].strip_prefix(b" - ")?;
    let number = digits(behind);
    let question = behind[number..].strip_prefix(b" \"").filter(|_| number > 0)?;
    let close = memchr::memchr(b'"', question)?;
    let mut answer = question[close + 1..].rsplit(|&b| b == b' ');
    let is_long = answer.clone().count() == 5;
    let time = answer.next().filter(|time| is_long && time.ends_with(b"s"));
    record.duration_ns = time.and_then(with_unit)?;
    if let Some(client) = fields::client(&rest[..len]) {
        record.client = Text::of_part(text, &rest[client]);
    }
    Some(())
}
