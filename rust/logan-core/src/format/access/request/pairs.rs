//! Requests that only the keys of a text tell: `INFO request done path=/cart status=200 took=5ms`.
//!
//! # The rule
//! A *pair* is a key, `=` and a value. A key is letters, digits and `_-.@`, at the line's start or
//! behind white space or one of ``[({|,;``. A value is in quotes, or goes to white space, or to one
//! of ``,;|)]}`` with white space, a quote, another pair or nothing behind it. The first [`PAIRS_MAX`] pairs
//! are looked at. Of them count method, path, status, client, size, and response times whose value or
//! key has a unit.
//!
//! What keys mean, and whether a status is one of HTTP, says the table of
//! [`fields`](crate::format::fields), as it does in logfmt and JSON; the message, where that asks for it, is
//! what stands before the first pair. Under `code`, `result`, `rc` and the like, which are exit codes as
//! often, a status must be a registered one of a line that says a method or speaks of a request.
//!
//! A line counts if it says a status so, and has a timestamp before the first pair.

use super::find::Request;
use super::outgoing::is_of_another;
use super::timestamp::timestamp;
use super::{AnyRequest, is_watch};
use crate::bytes::line::Line;
use crate::bytes::simd::Baseline;
use crate::format::Parse;
use crate::format::cursor::Span;
use crate::format::fields::{
    Fields, Group, Known, Meaning, Names, STATUS_RANK, Value, speaks_of_request, status_of_key,
};
use crate::format::http::{closing_quote, is_registered_status};
use crate::format::text::duration::with_unit;
use crate::format::text::text_duration;
use crate::record::{NO_DURATION, NO_STATUS};

/// Pairs of a line that are looked at.
const PAIRS_MAX: usize = 64;

/// What parts a value from what follows.
const ENDS: &[u8] = b",;|)]}";

struct Pair {
    key: Span,
    value: Value,
}

/// Reads a line without any other request; whether its pairs say a status.
#[cold]
#[inline(never)]
pub(super) fn read(
    format: &AnyRequest,
    line: Line<'_>,
    cx: &mut Parse<'_, Baseline>,
) -> Option<()> {
    let text = line.bytes();
    let names = Names::get().wanted(cx.context.wanted);
    let known = |pair: &Pair| names.look_up(line, Group::ROOT, pair.key.0, pair.key.1);
    let says_status =
        |pair: Pair| matches!(known(&pair).meaning, Meaning::Status | Meaning::BareStatus);
    if !Pairs::of(line).any(says_status) {
        return None;
    }
    let first = Pairs::of(line).next()?.key.0;
    let place = Request::unwritten(first);
    if is_of_another(text, &place) {
        return None;
    }
    let time = timestamp(line, &place, cx.clock()).filter(|time| time.end <= first);
    let before = *cx.record;
    match &time {
        Some(time) => cx.record.set_time(time.stamp),
        None if format.is_payload => {}
        None => return None,
    }
    let message = format.level(line, &place, time.as_ref(), cx);
    let front = message.or(time.map(|time| time.end)).unwrap_or(0).min(first);
    let whole = cx.record.message;
    let names_method = |pair: Pair| matches!(known(&pair).meaning, Meaning::Method);
    let is_of_request = speaks_of_request(&text[front..first]) || Pairs::of(line).any(names_method);
    let mut fields = Fields::of_message(line, front, first);
    for pair in Pairs::of(line) {
        let known = known(&pair);
        let value = &text[pair.value.start..pair.value.end];
        let is_sure = known.meaning != Meaning::BareStatus
            || known.rank() == STATUS_RANK
            || is_of_request && status_of_key(value).is_some_and(is_registered_status);
        if is_sure && counts(known, value) {
            fields.take(known, pair.key.0, pair.value, cx);
        }
    }
    fields.finish(cx);
    cx.record.message = whole;
    if cx.record.status == NO_STATUS {
        *cx.record = before;
        return None;
    }
    let method = cx.record.method.bytes(text, cx.arena);
    let target = cx.record.path.bytes(text, cx.arena);
    if cx.record.status == 101 || method == b"CONNECT" || is_watch(method, target) {
        cx.record.duration_ns = NO_DURATION;
    } else if cx.record.duration_ns == NO_DURATION {
        cx.record.duration_ns =
            text_duration::find_beside_request(line, front, &mut cx.context.memo);
    }
    Some(())
}

/// Whether a value of this key counts.
fn counts(known: Known, value: &[u8]) -> bool {
    match known.meaning {
        Meaning::Duration(rule) => rule.unit().is_some() || with_unit(value).is_some(),
        meaning => meaning.is_of_request(),
    }
}

/// The pairs of a line, in order.
struct Pairs<'a> {
    line: Line<'a>,
    at: usize,
    left: usize,
}

impl<'a> Pairs<'a> {
    fn of(line: Line<'a>) -> Pairs<'a> {
        Pairs { line, at: 0, left: PAIRS_MAX }
    }

    /// The value that begins at `start`, and where the search goes on.
    fn value(&self, start: usize) -> Option<(Value, usize)> {
        let text = self.line.bytes();
        let value = |start, end, escaped| Value { start, end, escaped, number: false };
        if text.get(start) == Some(&b'"') {
            let end = closing_quote(Baseline, self.line, start + 1)?;
            let escaped = memchr::memchr(b'\\', &text[start..end]).is_some();
            return Some((value(start + 1, end, escaped), end + 1));
        }
        let ends = |at: &usize| {
            text[*at].is_ascii_whitespace() || ENDS.contains(&text[*at]) && parts(&text[at + 1..])
        };
        let end = (start..text.len()).find(ends).unwrap_or(text.len());
        Some((value(start, end, false), end))
    }
}

impl Iterator for Pairs<'_> {
    type Item = Pair;

    fn next(&mut self) -> Option<Pair> {
        let text = self.line.bytes();
        while self.left > 0 {
            let mark = self.at + memchr::memchr(b'=', &text[self.at..])?;
            let before = &text[self.at..mark];
            let len = before.iter().rev().take_while(|&&b| is_of_key(b)).count();
            let key = (mark - len, mark);
            self.at = mark + 1;
            let starts = key.0 == 0
                || text[key.0 - 1].is_ascii_whitespace()
                || b"[({|,;".contains(&text[key.0 - 1]);
            if len == 0 || !starts {
                continue;
            }
            self.left -= 1;
            let (value, end) = self.value(mark + 1)?;
            self.at = end;
            return Some(Pair { key, value });
        }
        None
    }
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte)
}

/// Whether what follows a separator is no part of a value: nothing, white space, or another pair.
fn parts(rest: &[u8]) -> bool {
    let len = rest.iter().take_while(|&&b| is_of_key(b)).count();
    match rest.get(len) {
        None => len == 0,
        Some(b'=') => len > 0,
        Some(&byte) => {
            len == 0 && (byte.is_ascii_whitespace() || byte == b'"' || ENDS.contains(&byte))
        }
    }
}
