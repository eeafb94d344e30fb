//! Response times whose names say their unit: `duration_ms=12.3`, `"elapsedMs": 12`.
//!
//! # The rule
//! A number counts that stands behind a *name*, perhaps a `"`, and `=`, `=>`, or `:` and perhaps one space.
//! It is decimal digits, perhaps with `.` and more digits, and ends with the text, before white space,
//! one of `,;|&)]}"'`, or a `.` that no letter or digit follows. The name is the letters, digits and
//! `_-.` right before, up to 32 bytes, as words: runs of letters, cut further where a small letter is
//! followed by a capital. Compare without case, from the number leftwards:
//! 1. the last word is a unit: `ns us ms s nanos micros millis nsecs usecs msecs secs` or
//!    `nanoseconds microseconds milliseconds seconds`; `_`, `-` or `.` stands before it, or a letter;
//! 2. skip `in` and the words that fill in;
//! 3. the next word is `took`, a name of a response time or of a span, or it is `time` (which also
//!    names points in time) behind a word that makes it a span, such as `request`;
//! 4. none of the words speaks of waiting or of a limit, and the one before is not that of another
//!    timer (`queue_duration_ms`) or of a session;
//! 5. it is not that of any span, of a second or more, in a text whose first 32 bytes speak of a
//!    [lifetime](super).
//!
//! The last total counts (`total_time_ms`), else the first that is not a part (`db_time_ms`).
//!
//! Two programs name the unit in their documentation only, [Postfix and Solr](super).

use super::words::{Roles, Word, Words};
use super::{
    CONTEXT_BYTES, Lifetime, NAMED_LIFETIME_NANOS_MIN, NO_DURATION, lifetime_first, may_be_granted,
    plausible,
};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::Unit;
use crate::format::text::duration;

/// Bytes of a name that count.
const NAME_BYTES_MAX: usize = 32;

static OF_NAME: [bool; 256] =
    crate::format::byte_set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.");
static BEHIND_NUMBER: [bool; 256] = crate::format::byte_set(b" \t\n\x0b\x0c\r,;|&)]}\"'");

/// What names say, in nanoseconds or [`NO_DURATION`].
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// A response time.
    pub(super) whole: u64,
    /// A part of one.
    pub(super) part: u64,
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Total,
    Whole,
    Part,
}

/// The response times in `line[from..]` whose names say the unit; sets `is_refused` if one is what
/// something was granted for.
#[inline(always)]
pub(super) fn find<S: Simd>(simd: S, line: Line<'_>, from: usize, is_refused: &mut bool) -> Found {
    let (mut total, mut first, mut part) = (NO_DURATION, NO_DURATION, NO_DURATION);
    let mut end = line.len();
    loop {
        let below = end.saturating_sub(from);
        let mut signs = super::triggers(simd, line.window_before(end)).1 & super::kept(below);
        while signs != 0 {
            let bit = 63 - signs.leading_zeros() as usize;
            match behind(line.bytes(), from, end + bit - 64, is_refused) {
                Some((Kind::Total, nanos)) if total == NO_DURATION => total = nanos,
                Some((Kind::Total, _)) | None => {}
                Some((Kind::Whole, nanos)) => first = nanos,
                Some((Kind::Part, nanos)) => part = nanos,
            }
            signs &= !(1 << bit);
        }
        if below <= 64 {
            break;
        }
        // A letter and a quote before a sign are seen together with it.
        end -= 62;
    }
    Found { whole: if total == NO_DURATION { first } else { total }, part }
}

/// What the number behind the sign at `at` says, if its name makes it a response time; sets `is_refused`
/// if it is what something was granted for.
#[cold]
#[inline(never)]
fn behind(text: &[u8], from: usize, at: usize, is_refused: &mut bool) -> Option<(Kind, u64)> {
    let start = match (text[at], text.get(at + 1)) {
        (b':', Some(b' ')) | (b'=', Some(b'>')) => at + 2,
        _ => at + 1,
    };
    let before = &text[from..at];
    if let Some(found) = documented(before, &text[start..]) {
        return Some((Kind::Whole, found));
    }
    let number = number(text.get(start..)?)?;
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    let shown = &before[before.len().saturating_sub(NAME_BYTES_MAX)..];
    let len = shown.iter().rev().take_while(|&&b| OF_NAME[usize::from(b)]).count();
    let (kind, unit, span) = meaning_of(&shown[shown.len() - len..])?;
    let may_be_epoch = unit != Unit::Seconds && !number.contains(&b'.');
    let nanos = plausible(duration::decimal(number, unit), may_be_epoch)?;
    if nanos >= NAMED_LIFETIME_NANOS_MIN
        && let Some(is_measured) = span
    {
        match lifetime_first(&text[from..], CONTEXT_BYTES) {
            Lifetime::Over => return None,
            Lifetime::Granted if !is_measured && may_be_granted(nanos) => {
                *is_refused = true;
                return None;
            }
            _ => {}
        }
    }
    Some((kind, nanos))
}

/// What a place of a program's own says whose unit is known from its documentation; `before` ends
/// before the sign of a name, `value` begins behind it.
fn documented(before: &[u8], value: &[u8]) -> Option<u64> {
    if before.ends_with(b" status") {
        // Solr: milliseconds.
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        if let Some(time) = value[digits..].strip_prefix(b" QTime=") {
            return plausible(duration::decimal(number(time)?, Unit::Milliseconds), true);
        }
    }
    // Postfix: seconds from the arrival of a message to the end of its delivery.
    let before = before.strip_suffix(b" delays").or(before.strip_suffix(b" status"))?;
    let before = before.strip_suffix(b",")?;
    let is_of_number = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let len = before.iter().rev().take_while(is_of_number).count();
    let (name, delay) = before.split_at(before.len() - len);
    name.strip_suffix(b", delay=")?;
    plausible(duration::decimal(delay, Unit::Seconds), false)
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

/// What a name stands for, the unit at its end, and if it is that of any span, whether of one that was
/// measured (`elapsed`); None if it is not one of a response time.
fn meaning_of(name: &[u8]) -> Option<(Kind, Unit, Option<bool>)> {
    if !name.last()?.is_ascii_alphabetic() {
        return None;
    }
    let mut words = Words::new(name);
    let last = words.next()?;
    let unit = match &*name[last.start..].to_ascii_lowercase() {
        b"ns" | b"nanos" | b"nsecs" | b"nanoseconds" => Unit::Nanoseconds,
        b"us" | b"micros" | b"usecs" | b"microseconds" => Unit::Microseconds,
        b"ms" | b"millis" | b"msecs" | b"milliseconds" => Unit::Milliseconds,
        b"s" | b"secs" | b"seconds" => Unit::Seconds,
        _ => return None,
    };
    // Behind anything else, such as a digit, it is part of something longer.
    let before = name[..last.start].last()?;
    if !matches!(before, b'_' | b'-' | b'.') && !before.is_ascii_alphabetic() {
        return None;
    }
    let keyword = words.find(|word| !word.roles.has(Roles::IN.or(Roles::FILLER)))?;
    let nearest = words.clone().next().unwrap_or(Word::NONE).roles;
    let names = match keyword.roles.has(Roles::TIME) {
        true => nearest.has(Roles::OF_REQUEST),
        false => keyword.roles.has(Roles::TOOK.or(Roles::NAME).or(Roles::SPAN)),
    };
    let others = Roles::WAIT.or(Roles::PAUSE).or(Roles::STALL).or(Roles::LIMIT);
    let another = nearest.has(Roles::OTHER.or(Roles::SESSION));
    if !names || another || words.clone().any(|word| word.roles.has(others)) {
        return None;
    }
    let kind = match () {
        _ if words.clone().any(|word| word.roles.has(Roles::TOTAL)) => Kind::Total,
        _ if nearest.has(Roles::PART) => Kind::Part,
        _ => Kind::Whole,
    };
    let is_measured = || name[keyword.start..keyword.end].eq_ignore_ascii_case(b"elapsed");
    Some((kind, unit, keyword.roles.has(Roles::SPAN).then(is_measured)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Plain;
    use proptest::prelude::*;

    fn nanos(text: &str) -> Option<u64> {
        let padded = PaddedLine::new(text.as_bytes());
        let found = find(Plain, padded.line(), 0, &mut false);
        let found = if found.whole == NO_DURATION { found.part } else { found.whole };
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
            ("took_ms=1 elapsed_ms=2", 1_000_000),
            ("took_ms=1 total_time_ms=2 request_time_ms=3", 2_000_000),
            ("db_time_ms=1 took_ms=2", 2_000_000),
            ("db_time_ms=1", 1_000_000),
            (":params=>{}, :took_in_nanos=>3027675106, :took_in_millis=>3027", 3_027_675_106),
            ("relay=none, delay=1.3, delays=0.1/0/1/0.2, dsn=2.0.0, status=sent", 1_300_000_000),
            ("relay=none, delay=1, status=sent (250 OK)", 1_000_000_000),
            ("webapp=/solr path=/select hits=10 status=0 QTime=127", 127_000_000),
            ("took_ms=2 retries=3", 2_000_000),
            ("Lease renewed duration_ms=60", 60_000_000),
            ("Lease renewed took_ms=6000", 6_000_000_000),
            ("Lease renewed elapsed_ms=6000", 6_000_000_000),
            ("Lease renewed duration_ms=29999", 29_999_000_000),
            ("connection closed duration_ms=999", 999_000_000),
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
            "max_latency_ms=5",
            "queue_duration_ms=5",
            "session_duration_s=5",
            "duration_ms=1706091332123",
            "duration_ms=1706091332",
            "duration_s=1706091332",
            "delay=1.3 delays=2",
            "durations=5",
            "duration_2ms=5",
            "took 5 items=7",
            "Lease renewed duration_ms=60000",
            "Lease renewed duration_ms=59981",
            "OTP sent duration_s=300",
            "connection closed duration_ms=1234",
            "connection closed elapsed_ms=1234",
            "connection closed duration_s=5",
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
            // From each sign in turn, the first one last.
            let signs = (from + 1..text.len()).rev().filter(|&at| {
                let before = text[from..at].strip_suffix('"').unwrap_or(&text[from..at]);
                matches!(text.as_bytes()[at], b'=' | b':') && before.ends_with(['s', 'S'])
            });
            let found: Vec<_> = signs.filter_map(|at| behind(text.as_bytes(), from, at, &mut false)).collect();
            let of = |kind| found.iter().filter(move |one| one.0 == kind).map(|one| one.1);
            let whole = of(Kind::Total).next().or(of(Kind::Whole).next_back());
            let slowly = [whole, of(Kind::Part).next_back()].map(|found| found.unwrap_or(NO_DURATION));
            let seen = |found: Found| [found.whole, found.part];
            prop_assert_eq!(seen(find(Plain, line, from, &mut false)), slowly);
            #[cfg(target_arch = "x86_64")]
            prop_assert_eq!(seen(find(crate::bytes::simd::Sse2, line, from, &mut false)), slowly);
        }
    }
}
