//! Messages that are records of their own: a line of an access log, or text with a level, in the
//! `message` or `log` of what a collector or a program writes around it.
//!
//! Where a record lacks a request, and a level unless the message may hold a request, its message is
//! read by the formats that [payloads](crate::format::envelope) are read by, or as JSON, and gives what
//! the record lacks. Of a message of several lines the first one counts. A message that no format reads
//! gives the level that it begins with, if that is in capitals, or enclosed, or before a colon or bar.
//! One of fewer than [`MESSAGE_BYTES_MIN`] bytes gives nothing. Where escapes of quotes or slashes are left
//! in a message that no format reads, as in JSON that was written into JSON twice, these are undone and it
//! is tried once more.
//!
//! A time in the message is the record's if it has a zone. Without one it is off by the zone of who
//! wrote it, so it is moved by the quarters of an hour that bring it to within [`LAG_NS_MAX`] of the
//! time of who collected it; if none do, the latter stays.

use super::{Heads, Json};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Baseline;
use crate::format::Parse;
use crate::format::envelope::{Inner, keep};
use crate::format::fields::{Fields, Value, unescape};
use crate::format::slices::{digits, letters};
use crate::record::{Columns, Level, NO_TIME, Record};
use crate::time::Stamp;
use std::sync::OnceLock;

/// Nanoseconds by which a collector may be late.
const LAG_NS_MAX: i64 = 60 * 1_000_000_000;

/// A quarter of an hour in nanoseconds, and how many of them a zone can be away from UTC.
const QUARTER_NS: i64 = 900 * 1_000_000_000;
const QUARTERS_MAX: i64 = 56;

/// Shorter messages are no records.
const MESSAGE_BYTES_MIN: usize = 6;

/// The formats that messages are read by, made when the first one is.
#[derive(Default)]
pub(super) struct Messages(OnceLock<Inner>);

impl Json {
    /// Fills what a record lacks from its message, if that is a record of its own.
    #[cold]
    #[inline(never)]
    pub(super) fn open(
        &self,
        line: Line<'_>,
        message: Value,
        heads: &mut Heads,
        buffer: &mut Vec<u8>,
        cx: &mut Parse<'_, Baseline>,
    ) {
        let bytes = &line.bytes()[message.start..message.end];
        buffer.clear();
        buffer.resize(PAD, 0);
        if message.escaped {
            unescape(bytes, buffer);
        } else {
            buffer.extend_from_slice(bytes);
        }
        let end = memchr::memchr(b'\n', &buffer[PAD..]).map_or(buffer.len(), |i| PAD + i);
        let end = end - usize::from(end > PAD && buffer[end - 1] == b'\r');
        if end < PAD + MESSAGE_BYTES_MIN {
            return;
        }
        buffer.truncate(end);
        buffer.resize(end + PAD, 0);
        let mut payload = Line::new(buffer, PAD, end);
        let mut found = Record::EMPTY;
        let mut is_record = |payload: Line<'_>, cx: &mut Parse<'_, Baseline>| {
            let Parse { context, arena, .. } = cx;
            let cx = &mut Parse { simd: Baseline, context, arena, record: &mut found };
            match payload.byte(0) {
                b'{' => self.parse_generally(payload, heads, cx).is_some(),
                _ => self.messages.0.get_or_init(Inner::new).take(payload, cx),
            }
        };
        let mut again = vec![0; PAD];
        if !is_record(payload, cx) {
            let is_escaped = message.escaped && holds_escapes(payload.bytes());
            if is_escaped {
                unescape(payload.bytes(), &mut again);
            }
            again.resize(again.len() + PAD, 0);
            let inner = Line::new(&again, PAD, again.len() - PAD);
            if !is_escaped || !is_record(inner, cx) {
                if cx.record.level == Level::None {
                    cx.record.level = leading_level(payload.bytes());
                }
                return;
            }
            payload = inner;
        }
        keep(&mut found, payload.bytes(), cx.arena);
        let record = &mut *cx.record;
        if record.time_ns != NO_TIME && found.time_ns != NO_TIME {
            let outer = record.time_ns;
            if let Some(time_ns) = reconciled(outer, found.time_ns, has_zone(payload.bytes())) {
                record.set_time(Stamp::from_nanos(time_ns));
            }
        }
        if found.message.is_empty() {
            if message.escaped && record.message.is_empty() && found.level >= Level::Warn {
                record.message = Fields::whole_message(line, message, cx.arena);
            }
        } else {
            record.message = found.message;
        }
        for column in Columns::ALL.iter().map(Columns::of) {
            if record.is_within(Columns::ALL.without(column)) {
                record.take(column, &found);
            }
        }
    }
}

/// Whether text that was a string of JSON holds such strings in turn: a quote or a slash is escaped.
fn holds_escapes(text: &[u8]) -> bool {
    memchr::memchr_iter(b'\\', text).any(|at| matches!(text.get(at + 1), Some(b'"' | b'/')))
}

/// The level that text begins with: a word in capitals, or one in brackets or before a colon or bar.
fn leading_level(text: &[u8]) -> Level {
    let text = text.trim_ascii_start();
    let is_enclosed = matches!(text.first(), Some(b'[' | b'(' | b'<'));
    let text = &text[usize::from(is_enclosed)..];
    let (word, rest) = text.split_at(letters(text));
    let is_marked = match rest.trim_ascii_start() {
        [b']' | b')' | b'>', ..] => is_enclosed,
        [b':' | b'|', ..] => true,
        _ => false,
    };
    let is_alone = word.iter().all(u8::is_ascii_uppercase)
        && matches!(rest.first(), None | Some(b' ' | b'\t' | b','));
    Level::from_word(word).filter(|_| is_marked || is_alone).unwrap_or(Level::None)
}

/// The time of a record whose message says `inner` and whose collector says `outer`; None for the
/// collector's.
fn reconciled(outer: i64, inner: i64, has_zone: bool) -> Option<i64> {
    if has_zone {
        return Some(inner);
    }
    let late = outer.checked_sub(inner)?;
    let quarters = late.checked_add(QUARTER_NS / 2)?.div_euclid(QUARTER_NS);
    let moved = inner + quarters * QUARTER_NS;
    (quarters.abs() <= QUARTERS_MAX && (outer - moved).abs() <= LAG_NS_MAX).then_some(moved)
}

/// Whether an offset, `Z`, UTC or GMT follows the first time of day in a text.
fn has_zone(text: &[u8]) -> bool {
    let is_clock = |part: &[u8]| {
        matches!(part, [b':', a, b, b':', c, d]
            if [a, b, c, d].into_iter().all(u8::is_ascii_digit))
    };
    let Some(at) = text.windows(6).position(is_clock) else { return false };
    let mut rest = &text[at + 6..];
    if let [b'.' | b',', fraction @ ..] = rest {
        rest = &fraction[digits(fraction)..];
    }
    rest = rest.strip_prefix(b" ").unwrap_or(rest);
    match rest {
        [b'Z', ..] => true,
        [b'+' | b'-', a, b, c, d, ..] => {
            let minutes = if *c == b':' { *d } else { *c };
            [a, b, &minutes].into_iter().all(u8::is_ascii_digit)
        }
        _ => rest.starts_with(b"UTC") || rest.starts_with(b"GMT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_at_the_front_of_messages() {
        for (text, expected) in [
            ("INFO order placed", Level::Info),
            ("[warn] x", Level::Warn),
            ("error: x", Level::Error),
            ("WARN | x", Level::Warn),
            ("Error handling enabled", Level::None),
            ("order ERROR", Level::None),
            ("[x] ERROR", Level::None),
            ("INFORM all", Level::None),
            ("", Level::None),
        ] {
            assert_eq!(leading_level(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn zones_are_told_from_what_follows_a_time_of_day() {
        for text in ["10:15:32Z x", "a 10:15:32.123+01:00", "10:15:32,1 +0100]", "10:15:32 UTC x"] {
            assert!(has_zone(text.as_bytes()), "{text}");
        }
        for text in ["10:15:32 x", "10:15:32.123", "10:15:32 - x", "10:15:32 -5 items", "10:15"] {
            assert!(!has_zone(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn local_times_are_moved_by_quarters_of_an_hour() {
        const SECOND: i64 = 1_000_000_000;
        let outer = 1_706_091_332 * SECOND;
        for (east, late, expected) in [
            (0, 1, true),
            (3600, 1, true),
            (-5 * 3600, 59, true),
            (19_800, 0, true),
            (3600, -2, true),
            (0, 300, false),
            (15 * 3600, 0, false),
        ] {
            let inner = outer + (east - late) * SECOND;
            let moved = expected.then_some(outer - late * SECOND);
            assert_eq!(reconciled(outer, inner, false), moved, "{east} {late}");
            assert_eq!(reconciled(outer, inner, true), Some(inner));
        }
    }
}
