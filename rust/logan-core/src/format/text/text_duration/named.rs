//! Response times whose names say their unit: `duration_ms=12.3`, `"elapsedMs": 12`.
//!
//! # The rule
//! A number counts that stands behind a *name*, perhaps a `"`, and `=`, or `:` and perhaps one space.
//! It is decimal digits, perhaps with `.` and more digits, and ends with the text, before white space,
//! one of `,;|&)]}"'`, or a `.` that no letter or digit follows. The name is the letters, digits and
//! `_-.` right before, up to 32 bytes, as words: runs of letters, cut further where a small letter is
//! followed by a capital. Compare without case, from the number leftwards:
//! 1. the last word is a unit: `ns us ms s nanos micros millis nsecs usecs msecs secs` or
//!    `nanoseconds microseconds milliseconds seconds`; `_`, `-` or `.` stands before it, or a letter;
//! 2. skip `in` and the words that fill in;
//! 3. the next word is one of `took duration elapsed latency cost rt`, or it is `time` (which also
//!    names points in time) behind one of `response request resp req query processing process
//!    execution exec elapsed total run upstream service handling render db sql wall`;
//! 4. none of the words speaks of waiting.
//!
//! The last one in the text counts.

use super::{NO_DURATION, is, is_filler, letters, speaks_of_waiting, words_from_right};
use crate::bytes::line::{Line, Window};
use crate::bytes::simd::Simd;
use crate::format::Unit;
use crate::format::text::duration;
use crate::record::DURATION_NS_MAX;

/// Bytes of a name that count.
const NAME_BYTES_MAX: usize = 32;

static OF_NAME: [bool; 256] =
    crate::format::byte_set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.");
static BEHIND_NUMBER: [bool; 256] = crate::format::byte_set(b" \t\n\x0b\x0c\r,;|&)]}\"'");

/// Where in a window a sign stands behind a name that may end with a unit.
#[inline(always)]
pub(super) fn signs<S: Simd>(simd: S, window: Window) -> u64 {
    let last = (window.eq(simd, b's') | window.eq(simd, b'S')) << 1;
    let signs = window.eq(simd, b'=') | window.eq(simd, b':');
    signs & (last | (last & window.eq(simd, b'"')) << 1)
}

/// The response time in `line[from..]` in nanoseconds, or [`NO_DURATION`].
#[inline(always)]
pub(super) fn find<S: Simd>(simd: S, line: Line<'_>, from: usize) -> u64 {
    let mut end = line.len();
    loop {
        let below = end.saturating_sub(from);
        let mut signs = signs(simd, line.window_before(end)) & super::kept(below);
        while signs != 0 {
            let bit = 63 - signs.leading_zeros() as usize;
            if let Some(nanos) = behind(line.bytes(), from, end + bit - 64) {
                return nanos;
            }
            signs &= !(1 << bit);
        }
        if below <= 64 {
            return NO_DURATION;
        }
        // A letter and a quote before a sign are seen together with it.
        end -= 62;
    }
}

/// What the number behind the sign at `at` says, if its name makes it a response time.
#[cold]
#[inline(never)]
fn behind(text: &[u8], from: usize, at: usize) -> Option<u64> {
    let start = at + 1 + usize::from(text[at] == b':' && text.get(at + 1) == Some(&b' '));
    let number = number(text.get(start..)?)?;
    let before = &text[from..at];
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    let shown = &before[before.len().saturating_sub(NAME_BYTES_MAX)..];
    let len = shown.iter().rev().take_while(|&&b| OF_NAME[usize::from(b)]).count();
    let unit = unit_of(&shown[shown.len() - len..])?;
    duration::decimal(number, unit).filter(|&nanos| nanos <= DURATION_NS_MAX)
}

/// The number that `text` begins with, if nothing goes on behind it.
fn number(text: &[u8]) -> Option<&[u8]> {
    let digits = |at: usize| text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut len = digits(0);
    if len == 0 {
        return None;
    }
    if text.get(len) == Some(&b'.') {
        let decimals = digits(len + 1);
        len += if decimals > 0 { 1 + decimals } else { 0 };
    }
    let ends = match text.get(len) {
        None => true,
        Some(b'.') => !text.get(len + 1).is_some_and(u8::is_ascii_alphanumeric),
        Some(&byte) => BEHIND_NUMBER[usize::from(byte)],
    };
    ends.then_some(&text[..len])
}

/// The unit at the end of a name, if it is one of a response time.
fn unit_of(name: &[u8]) -> Option<Unit> {
    if !name.last()?.is_ascii_alphabetic() {
        return None;
    }
    let mut words = words_from_right(name);
    let last = words.next()?;
    let unit = match () {
        _ if is(last, is_nanos) => Unit::Nanoseconds,
        _ if is(last, is_micros) => Unit::Microseconds,
        _ if is(last, is_millis) => Unit::Milliseconds,
        _ if is(last, is_seconds) => Unit::Seconds,
        _ => return None,
    };
    // Behind anything else, such as a digit, it is part of something longer.
    let before = name[..name.len() - letters(last)].last()?;
    if !matches!(before, b'_' | b'-' | b'.') && !before.is_ascii_alphabetic() {
        return None;
    }
    let keyword = words.find(|&word| !is(word, |word| word == b"in" || is_filler(word)))?;
    let is_response_time = match is(keyword, |word| word == b"time") {
        true => words.clone().next().is_some_and(|word| is(word, is_of_request)),
        false => is(keyword, is_keyword),
    };
    let waits = words.any(|word| is(word, speaks_of_waiting));
    (is_response_time && !waits).then_some(unit)
}

fn is_nanos(word: &[u8]) -> bool {
    matches!(word, b"ns" | b"nanos" | b"nsecs" | b"nanoseconds")
}

fn is_micros(word: &[u8]) -> bool {
    matches!(word, b"us" | b"micros" | b"usecs" | b"microseconds")
}

fn is_millis(word: &[u8]) -> bool {
    matches!(word, b"ms" | b"millis" | b"msecs" | b"milliseconds")
}

fn is_seconds(word: &[u8]) -> bool {
    matches!(word, b"s" | b"secs" | b"seconds")
}

fn is_keyword(word: &[u8]) -> bool {
    matches!(word, b"took" | b"duration" | b"elapsed" | b"latency" | b"cost" | b"rt")
}

/// Words before `time` that make it a span.
fn is_of_request(word: &[u8]) -> bool {
    matches!(
        word,
        b"response"
            | b"request"
            | b"resp"
            | b"req"
            | b"query"
            | b"processing"
            | b"process"
            | b"execution"
            | b"exec"
            | b"elapsed"
            | b"total"
            | b"run"
            | b"upstream"
            | b"service"
            | b"handling"
            | b"render"
            | b"db"
            | b"sql"
            | b"wall"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Plain;
    use proptest::prelude::*;

    fn nanos(text: &str) -> Option<u64> {
        let padded = PaddedLine::new(text.as_bytes());
        let found = find(Plain, padded.line(), 0);
        (found != NO_DURATION).then_some(found)
    }

    #[test]
    fn names_say_units() {
        for (text, expected) in [
            ("request finished   duration_ms=12.3 status=200", 12_300_000),
            ("elapsed_ms=15", 15_000_000),
            ("{\"status\": 200, \"duration_ms\": 12}", 12_000_000),
            ("durationMs=5, x", 5_000_000),
            ("durationMS=5", 5_000_000),
            ("latency_us=1200.", 1_200_000),
            ("http.request.duration_seconds=0.25", 250_000_000),
            ("request-duration-ns:7", 7),
            ("response_time_ms: 7", 7_000_000),
            ("time=10:15 responseTimeMs=44", 44_000_000),
            ("duration_in_millis=3|x", 3_000_000),
            ("time_taken_ms=1 took_ms=2", 2_000_000),
            ("took_ms=2 retries=3", 2_000_000),
            ("totalTimeSecs=2", 2_000_000_000),
        ] {
            assert_eq!(nanos(text), Some(expected), "{text}");
        }
        for text in [
            "duration=5",
            "ms=5",
            "time_ms=1706091332123",
            "start_time_ms=1706091332123",
            "timeout_ms=500",
            "wait_duration_ms=5",
            "retry_elapsed_ms=5",
            "duration_ms=5ms",
            "duration_ms=1.2.3",
            "duration_ms=-5",
            "duration_ms= 5",
            "duration_ms=2024-01-24",
            "duration ms=5",
            "durations=5",
            "duration_2ms=5",
            "took 5 items=7",
            "duration_ms=99999999999999999999",
            "s=5",
            "=5",
            "",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn instruction_sets_agree(
            text in prop::collection::vec(
                prop_oneof![
                    3 => prop::sample::select(&[
                        "duration_ms=", "\"elapsedMs\": ", "tookS:", "time_us=", "12", "12.5", " ",
                        ".", "\"", ",", "_s=", "retry_", "total",
                    ][..]).prop_map(String::from),
                    1 => "[ -~]{0,60}",
                ],
                0..9,
            ),
            from in 0usize..9,
        ) {
            let text = text.concat();
            let padded = PaddedLine::new(text.as_bytes());
            let (line, from) = (padded.line(), from.min(text.len()));
            // From each sign in turn, the last one first.
            let signs = (from + 1..text.len()).rev().filter(|&at| {
                let before = text[from..at].strip_suffix('"').unwrap_or(&text[from..at]);
                matches!(text.as_bytes()[at], b'=' | b':') && before.ends_with(['s', 'S'])
            });
            let slowly =
                signs.filter_map(|at| behind(text.as_bytes(), from, at)).next().unwrap_or(NO_DURATION);
            prop_assert_eq!(find(Plain, line, from), slowly);
            #[cfg(target_arch = "x86_64")]
            prop_assert_eq!(find(crate::bytes::simd::Sse2, line, from), slowly);
        }
    }
}
