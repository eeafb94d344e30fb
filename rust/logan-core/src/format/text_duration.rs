//! Response times in free text: `Request processed in 127ms`.
//!
//! # The rule
//! A *candidate* is a number (decimal digits, optionally `.` and more digits), a unit, and
//! boundaries: at most one space between number and unit; the byte before the number is white
//! space or one of `=:("'[,~`; the byte after the unit is not a letter, digit or `_` (or the text
//! ends). Units: `ns us µs μs ms s`, and in any case `nsec nsecs nanos nanosecond nanoseconds usec
//! usecs micros microsecond microseconds msec msecs millis millisecond milliseconds sec secs second
//! seconds`.
//!
//! The candidates are tried from right to left; the first whose *context* qualifies is the response
//! time, unless it exceeds 2^63 − 1 ns, and then the record has none. The context is the part of the
//! message in the 32 bytes before the number, split into words: runs of ASCII letters, cut further
//! where a lower-case letter is followed by an upper-case one (`responseTime` is two words).
//! Compare without case, from the number leftwards:
//! 1. between number and nearest word stand only spaces, tabs and `=:("'[,~`, at least one byte;
//! 2. skip words that fill in: `of was is about only just approximately taken spent`;
//! 3. the next word is one of `in took duration elapsed latency time cost rt`;
//! 4. none of the three words before it is among `retry retrying retries retried wait waiting waits
//!    sleep sleeping timeout timeouts every next expires expire expiring expiry interval delay
//!    backoff ttl uptime`.
//!
//! Bare numbers without a unit are no response times: nobody knows their unit.

use super::Unit;
use crate::batch::{DURATION_NS_MAX, NO_DURATION};
use crate::lines::Line;
use crate::simd::Simd;
use crate::timestamp::{eight_digits, trailing_digits};

/// Bytes before a number that decide whether it is a response time.
const CONTEXT_BYTES: usize = 32;
/// Remembered contexts. The log statements of one program that end with a time are few.
const MEMO_SLOTS: usize = 16;

/// Remembers what was decided about contexts. A context decides alone, so this never shows.
#[derive(Clone)]
pub struct Memo {
    slots: [Slot; MEMO_SLOTS],
}

/// A context, right-aligned, how many bytes of it there are, and what was decided.
#[derive(Clone, Copy)]
struct Slot {
    context: [u8; CONTEXT_BYTES],
    len: u32,
    qualifies: bool,
}

impl Default for Memo {
    fn default() -> Self {
        // No context of no bytes qualifies.
        Memo { slots: [Slot { context: [0; CONTEXT_BYTES], len: 0, qualifies: false }; MEMO_SLOTS] }
    }
}

/// The response time in `line[from..]` in nanoseconds, or [`NO_DURATION`].
#[inline(always)]
pub fn find<S: Simd>(line: Line<'_>, from: usize, memo: &mut Memo) -> u64 {
    // Windows of 64 bytes, from the right. In the masks of one, a shift to the right by n is a
    // look n bytes ahead, and behind the window's end there is nothing.
    let mut end = line.len();
    // Candidates stand below this position; above it they had their turn.
    let mut limit = end;
    loop {
        let digits = line.range64_before::<S>(end, b'0', b'9');
        let upper = line.range64_before::<S>(end, b'A', b'Z');
        let lower = line.range64_before::<S>(end, b'a', b'z');
        let word = digits | upper | lower | line.eq64_before::<S>(end, b'_');
        let s = line.eq64_before::<S>(end, b's');
        let prefix = line.eq64_before::<S>(end, b'm')
            | line.eq64_before::<S>(end, b'u')
            | line.eq64_before::<S>(end, b'n');
        let spaces = line.eq64_before::<S>(end, b' ');
        // `s`, `ms`, `us`, `ns` before something that is no part of a word, and what else may be
        // the beginning of a unit: that is looked at closely.
        let short = (s & !(word >> 1)) | (prefix & s >> 1 & !(word >> 2));
        let spelled = (line.range64_before::<S>(end, 0xc2, 0xce)
            | ((s | prefix | upper) & word >> 1 & word >> 2))
            & !short;
        let unit = short | spelled;
        let mut candidates = digits & (unit >> 1 | (spaces >> 1 & unit >> 2));
        // Bit k is position end - 64 + k; keep those in from..limit.
        let below = end.saturating_sub(from);
        if below < 64 {
            candidates &= u64::MAX.checked_shl(64 - below as u32).unwrap_or(0);
        }
        candidates &= u64::MAX.checked_shr((end - limit) as u32).unwrap_or(0);
        while candidates != 0 {
            let bit = 63 - candidates.leading_zeros() as usize;
            if let Some(nanos) = candidate::<S>(line, from, end + bit - 64, memo) {
                return nanos;
            }
            candidates &= !(1 << bit);
        }
        if below <= 64 {
            return NO_DURATION;
        }
        // The next window overlaps by what a candidate looks ahead: a space, a unit of two letters
        // and a byte behind it.
        limit = end - 64;
        end = limit + 4;
    }
}

/// The response time whose number ends with the digit at `last`, if it is one.
#[inline(always)]
fn candidate<S: Simd>(line: Line<'_>, from: usize, last: usize, memo: &mut Memo) -> Option<u64> {
    let unit_ns = unit_after(line, last + 1)?;
    let (count, values) = trailing_digits(line.u64_before(last + 1));
    let start = (last + 1) - count as usize;
    // Up to seven digits and no point before them; all else is rare.
    let before = line.byte(start.wrapping_sub(1));
    let (start, nanos) = if count < 8 && before != b'.' {
        (start, Some(eight_digits(values & !0 << (64 - 8 * count)) * unit_ns))
    } else {
        long_number(line, from, last, unit_ns)?
    };
    if start <= from || !OPENING[usize::from(line.byte(start - 1))] {
        return None;
    }
    if !qualifies::<S>(line, from, start, memo) {
        return None;
    }
    Some(nanos.filter(|&n| n <= DURATION_NS_MAX).unwrap_or(NO_DURATION))
}

static OPENING: [bool; 256] = super::byte_set(b" \t=:(\"'[,~");
static SPELLED_FIRST: [bool; 256] = super::byte_set(b"mnsuMNSU\xc2\xce");
static WORD: [bool; 256] =
    super::byte_set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

/// A number of any length that ends at `last`: where it starts and its nanoseconds (None where
/// they overflow). None if it is no number: two points, or a point at its start.
#[cold]
fn long_number(
    line: Line<'_>,
    from: usize,
    last: usize,
    unit_ns: u64,
) -> Option<(usize, Option<u64>)> {
    let bytes = &line.bytes()[from..=last];
    let start = bytes.iter().rposition(|b| !b.is_ascii_digit() && *b != b'.').map_or(0, |i| i + 1);
    let number = &bytes[start..];
    if number[0] == b'.' || number.iter().filter(|&&b| b == b'.').count() > 1 {
        return None;
    }
    let unit = [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds]
        .into_iter()
        .find(|unit| unit.nanos() == unit_ns)?;
    Some((from + start, super::duration::decimal(number, unit)))
}

/// Nanoseconds of the unit at `at` or behind one space, if a unit and nothing but a unit stands
/// there.
#[inline(always)]
fn unit_after(line: Line<'_>, at: usize) -> Option<u64> {
    let at = at + usize::from(line.byte(at) == b' ');
    let bytes = line.u16_at(at);
    let (nanos, end) = match bytes {
        _ if bytes == u16::from_le_bytes(*b"ms") => (1_000_000, at + 2),
        _ if bytes == u16::from_le_bytes(*b"us") => (1_000, at + 2),
        _ if bytes == u16::from_le_bytes(*b"ns") => (1, at + 2),
        _ if bytes as u8 == b's' => (1_000_000_000, at + 1),
        _ => return spelled_unit(line, at),
    };
    if end == line.len() || (end < line.len() && !WORD[usize::from(line.byte(end))]) {
        return Some(nanos);
    }
    spelled_unit(line, at)
}

fn spelled_unit(line: Line<'_>, at: usize) -> Option<u64> {
    // Most of what stands behind numbers is no unit at all.
    if !SPELLED_FIRST[usize::from(line.byte(at))] {
        return None;
    }
    let rest = line.bytes().get(at..)?;
    if let [0xc2, 0xb5, b's', rest @ ..] | [0xce, 0xbc, b's', rest @ ..] = rest {
        return rest.first().is_none_or(|&b| !WORD[usize::from(b)]).then_some(1_000);
    }
    let len = rest.iter().position(|&b| !WORD[usize::from(b)]).unwrap_or(rest.len());
    let mut word = [0u8; 12];
    let word = word.get_mut(..len)?;
    word.copy_from_slice(&rest[..len]);
    word.make_ascii_lowercase();
    Some(match &*word {
        b"nsec" | b"nsecs" | b"nanos" | b"nanosecond" | b"nanoseconds" => 1,
        b"usec" | b"usecs" | b"micros" | b"microsecond" | b"microseconds" => 1_000,
        b"msec" | b"msecs" | b"millis" | b"millisecond" | b"milliseconds" => 1_000_000,
        b"sec" | b"secs" | b"second" | b"seconds" => 1_000_000_000,
        _ => return None,
    })
}

/// 32 bytes of zeros and 32 of ones: from `n` on, a mask that keeps the last `n` bytes of 32.
static KEEP_LAST: [u8; 64] = {
    let mut mask = [0; 64];
    let mut i = CONTEXT_BYTES;
    while i < 64 {
        mask[i] = 0xff;
        i += 1;
    }
    mask
};

/// Whether the context before the number at `start`, in a message that begins at `from`, makes it
/// a response time.
#[inline(always)]
fn qualifies<S: Simd>(line: Line<'_>, from: usize, start: usize, memo: &mut Memo) -> bool {
    let len = (start - from).min(CONTEXT_BYTES);
    // What precedes the message (a time, which is always another one) is masked out.
    let mask = KEEP_LAST[len..len + CONTEXT_BYTES].try_into().expect("32 bytes");
    // The eight bytes before the number tell one log statement from another.
    let slot = (line.u64_before(start).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize;
    let slot = &mut memo.slots[slot % MEMO_SLOTS];
    if slot.len != len as u32 || !line.same32_before::<S>(start, &slot.context, mask) {
        *slot = Slot {
            context: line.bytes32_before(start),
            len: len as u32,
            qualifies: qualifies_slowly(&line.bytes()[start - len..start]),
        };
    }
    slot.qualifies
}

/// Longest word that means anything here.
const WORD_BYTES_MAX: usize = 13;

fn is_filler(word: &[u8]) -> bool {
    matches!(
        word,
        b"of" | b"was" | b"is" | b"about" | b"only" | b"just" | b"approximately" | b"taken" | b"spent"
    )
}

fn is_keyword(word: &[u8]) -> bool {
    matches!(
        word,
        b"in" | b"took" | b"duration" | b"elapsed" | b"latency" | b"time" | b"cost" | b"rt"
    )
}

fn speaks_of_waiting(word: &[u8]) -> bool {
    matches!(
        word,
        b"retry" | b"retrying" | b"retries" | b"retried" | b"wait" | b"waiting" | b"waits"
            | b"sleep" | b"sleeping" | b"timeout" | b"timeouts" | b"every" | b"next" | b"expires"
            | b"expire" | b"expiring" | b"expiry" | b"interval" | b"delay" | b"backoff" | b"ttl"
            | b"uptime"
    )
}

#[cold]
fn qualifies_slowly(context: &[u8]) -> bool {
    let lower = |word: &[u8], test: fn(&[u8]) -> bool| {
        let mut buffer = [0; WORD_BYTES_MAX];
        buffer.get_mut(..word.len()).is_some_and(|lower| {
            lower.copy_from_slice(word);
            lower.make_ascii_lowercase();
            test(lower)
        })
    };
    let opening = context.iter().rev().take_while(|&&b| OPENING[usize::from(b)]).count();
    let text = &context[..context.len() - opening];
    if opening == 0 || !text.last().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let mut words = words_from_right(text);
    let keyword = loop {
        match words.next() {
            Some(word) if lower(word, is_filler) => {}
            Some(word) => break word,
            None => return false,
        }
    };
    lower(keyword, is_keyword) && !words.take(3).any(|word| lower(word, speaks_of_waiting))
}

/// The words of `text`, last first.
fn words_from_right(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.iter().rposition(u8::is_ascii_alphabetic)? + 1;
        let mut start = end - 1;
        while start > 0
            && rest[start - 1].is_ascii_alphabetic()
            && !(rest[start - 1].is_ascii_lowercase() && rest[start].is_ascii_uppercase())
        {
            start -= 1;
        }
        let word = &rest[start..end];
        rest = &rest[..start];
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::PaddedLine;
    use crate::simd::Plain;
    use proptest::prelude::*;

    fn nanos(text: &str) -> Option<u64> {
        let padded = PaddedLine::new(text.as_bytes());
        let found = find::<Plain>(padded.line(), 0, &mut Memo::default());
        (found != NO_DURATION).then_some(found)
    }

    #[test]
    fn response_times() {
        for (text, expected) in [
            ("Request processed in 127ms", 127_000_000),
            ("Request processed in 127 ms for user 5", 127_000_000),
            ("GET /x took 1.5s", 1_500_000_000),
            ("duration=430µs", 430_000),
            ("duration: 127.3 ms  statement: x", 127_300_000),
            ("responseTime=12ms", 12_000_000),
            ("request_time=0.033s", 33_000_000),
            ("Finished in 2 seconds", 2_000_000_000),
            ("elapsed (15 Milliseconds)", 15_000_000),
            ("Completed 200 OK in 15ms (Views: 7.7ms | ActiveRecord: 0.0ms)", 15_000_000),
            ("took 5ms, then took 7ms", 7_000_000),
            ("took 5ms, retrying in 30s", 5_000_000),
            ("time taken: 12ms", 12_000_000),
            ("latency of 12ns", 12),
            ("processed in 12345678ms", 12_345_678_000_000),
            ("in 0.000000001s", 1),
        ] {
            assert_eq!(nanos(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn no_response_times() {
        for text in [
            "retrying in 30s", "will retry in 30 s", "next run in 5s", "sleeping for time 5s", "uptime 5s",
            "127ms", "in 127", "in 127 messages", "in 5m", "in x127ms", "in 1.2.3s", "in .5s", "in 127MS",
            "found 12 servers", "in 5 sites", "in 99999999999999999999s", "", "in 5s_total", "in5s",
            "wait time was about 5 ms",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn instruction_sets_and_memo_agree(parts in prop::collection::vec(
            prop_oneof!["[a-z ]{0,8}", Just(" in ".to_string()), Just("took=".into()), "[0-9.]{1,9}",
                Just("ms".into()), Just(" s".into()), Just(" µs".into()), Just("retry".into())], 0..14), from in 0usize..9) {
            let text = parts.concat();
            let padded = PaddedLine::new(text.as_bytes());
            let plain = find::<Plain>(padded.line(), from, &mut Memo::default());
            let mut memo = Memo::default();
            for _ in 0..2 {
                prop_assert_eq!(find::<Plain>(padded.line(), from, &mut memo), plain);
            }
            #[cfg(target_arch = "x86_64")]
            prop_assert_eq!(find::<crate::simd::Sse2>(padded.line(), from, &mut memo), plain);
        }
    }
}
