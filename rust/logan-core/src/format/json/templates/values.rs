//! The usual values, read the short way.

use super::Step;
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::Unit;
use crate::format::fields::{Value, usual_time};
use crate::format::json_text::{number_end, string_end};
use crate::record::Level;
use crate::time::{Stamp, TimestampParser, eight_digits, leading_digits};

/// Short words by their bytes up to the closing quote.
#[derive(Clone, Copy)]
pub(super) struct Word {
    bytes: u64,
    mask: u64,
    pub(super) len: u32,
    pub(super) level: Level,
}

/// Words that are remembered of a kind.
pub(super) const WORDS: usize = 16;

impl Word {
    /// Equal to no bytes.
    pub(super) const NONE: Word = Word { bytes: 1, mask: 0, len: 0, level: Level::None };

    #[inline(always)]
    pub(super) fn slot(bytes: u64) -> usize {
        ((bytes as u32).wrapping_mul(0x9e37_79b1) >> 28) as usize % WORDS
    }

    /// The word of `len` bytes that begins `bytes`, with the quote behind it.
    fn new(bytes: u64, len: usize, level: Level) -> Word {
        debug_assert!(len < 8);
        let mask = u64::MAX >> (56 - 8 * len);
        Word { bytes: bytes & mask, mask, len: len as u32, level }
    }

    #[inline(always)]
    pub(super) fn begins(&self, bytes: u64) -> bool {
        bytes & self.mask == self.bytes
    }
}

/// A minute as timestamps begin, up to the minute's last digit, and what stands behind the
/// milliseconds: `Z`, or the closing quote.
#[derive(Clone, Copy)]
pub(super) struct Minute {
    words: [u64; 2],
    tail: u8,
    /// The second, in UTC, that it begins with.
    start: i64,
}

/// Remembers a short word, if it ends within eight bytes, with what it means.
#[cold]
#[inline(never)]
pub(super) fn remember(words: &mut [Word; WORDS], bytes: u64, len: usize, level: Level) {
    // An unknown level counts only where it has no rival, and what a number means depends on
    // the producer.
    if len < 8 && level > Level::Other && !(bytes as u8).is_ascii_digit() {
        words[Word::slot(bytes)] = Word::new(bytes, len, level);
    }
}

/// Whether the line has the bytes of the step at `at`.
#[inline(always)]
pub(super) fn is_at<S: Simd>(simd: S, step: &Step, line: Line<'_>, at: usize) -> bool {
    line.same32(simd, at, &step.bytes, &step.mask)
}

/// As [`string_end`], for a string that mostly ends within 64 bytes. The quote may be one behind
/// the line.
#[inline(always)]
pub(super) fn text_end<S: Simd>(simd: S, line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    match short_text_end(simd, line, start) {
        Some(end) => Some((end, false)),
        None => any_text_end(line, start),
    }
}

/// The same if it ends within 64 bytes and holds no escapes.
#[inline(always)]
pub(super) fn short_text_end<S: Simd>(simd: S, line: Line<'_>, start: usize) -> Option<usize> {
    let quotes = line.eq64(simd, start, b'"');
    let first = quotes | line.eq64(simd, start, b'\\');
    (quotes & first.wrapping_neg() & first != 0).then(|| start + first.trailing_zeros() as usize)
}

#[inline(never)]
pub(super) fn any_text_end(line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    crate::dispatch!(string_end::<>(line: Line<'_>, start: usize) -> Option<(usize, bool)>;
        line, start)
}

/// As [`number_end`]; what goes on behind a whole number is for the next step to see.
#[inline(always)]
pub(super) fn usual_number_end(line: Line<'_>, start: usize) -> Option<usize> {
    let word = line.u64_at(start);
    let (count, values) = leading_digits(word);
    if (1..8).contains(&count) && (count == 1 || values as u8 != 0) {
        let behind = (word >> (8 * count)) as u8;
        if !matches!(behind, b'.' | b'e' | b'E') {
            return Some(start + count as usize);
        }
    }
    any_number_end(line, start)
}

#[inline(never)]
pub(super) fn any_number_end(line: Line<'_>, start: usize) -> Option<usize> {
    crate::dispatch!(number_end::<>(line: Line<'_>, start: usize) -> Option<usize>; line, start)
}

/// Three digits, of which the first is 1 to 5. That the number ends there is for the next step to
/// see.
#[inline(always)]
pub(super) fn usual_status(line: Line<'_>, start: usize) -> Option<u16> {
    let x = line.u32_at(start) ^ 0x30_3030;
    let digits = [x & 0xff, x >> 8 & 0xff, x >> 16 & 0xff];
    let valid = digits[0].wrapping_sub(1) < 5 && digits[1] < 10 && digits[2] < 10;
    valid.then_some((digits[0] * 100 + digits[1] * 10 + digits[2]) as u16)
}

/// A whole number of up to seven digits, and how many; what goes on behind them is for the next
/// step to see.
#[inline(always)]
pub(super) fn usual_count(bytes: u64) -> Option<(u64, usize)> {
    let (count, values) = leading_digits(bytes);
    let usual = (1..8).contains(&count) && (count == 1 || values as u8 != 0);
    usual.then(|| (eight_digits(values << (64 - 8 * count)), count as usize))
}

/// The level of a number of two digits, such as `30`.
#[inline(always)]
pub(super) fn usual_level(bytes: u64) -> Option<(Level, usize)> {
    const LEVELS: [Level; 8] = [
        Level::None,
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
        Level::None,
    ];
    let tens = bytes as u8;
    let level = LEVELS[usize::from(tens) & 7];
    let fits = leading_digits(bytes).0 == 2 && tens & 0xf8 == b'0' && level != Level::None;
    fits.then_some((level, 2))
}

/// A time as a number of seconds or milliseconds since 1970, and where it ends.
#[inline(always)]
pub(super) fn epoch<S: Simd>(simd: S, line: Line<'_>, start: usize) -> Option<(Stamp, usize)> {
    let end = number_end(simd, line, start)?;
    let value = Value { start, end, escaped: false, number: true };
    Some((usual_time(line, value)?, end))
}

#[inline(always)]
pub(super) fn word_end(line: Line<'_>, start: usize) -> Option<usize> {
    let word = line.u64_at(start);
    match word as u32 {
        w if w == u32::from_le_bytes(*b"true") => Some(start + 4),
        w if w == u32::from_le_bytes(*b"null") => Some(start + 4),
        w if w == u32::from_le_bytes(*b"fals") && word >> 32 & 0xff == u64::from(b'e') => {
            Some(start + 5)
        }
        _ => None,
    }
}

/// Nanoseconds of a unit divided by a power of ten; 0 if that is not whole.
const SCALES: [[u64; 8]; 4] = {
    let mut scales = [[0; 8]; 4];
    let units = [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds];
    let mut i = 0;
    while i < units.len() {
        let (mut scale, mut k) = (units[i].nanos(), 0);
        while scale % 10 == 0 && k < 8 {
            scales[units[i] as usize][k] = scale;
            scale /= 10;
            k += 1;
        }
        if k < 8 {
            scales[units[i] as usize][k] = scale;
        }
        i += 1;
    }
    scales
};

/// Nanoseconds and length of a number of up to seven bytes that are exact in nanoseconds.
#[inline(always)]
pub(super) fn usual_duration(bytes: u64, unit: Unit) -> Option<(u64, usize)> {
    let (whole, values) = leading_digits(bytes);
    if !(1..8).contains(&whole) || whole > 1 && values as u8 == 0 {
        return None;
    }
    let shift = 8 * whole;
    if (bytes >> shift) as u8 != b'.' {
        // An exponent is for the next step to see.
        return Some((eight_digits(values << (64 - shift)) * unit.nanos(), whole as usize));
    }
    // What is shifted in is no digit.
    let (decimals, fraction) = leading_digits(bytes >> shift >> 8);
    let scale = SCALES[unit as usize][decimals as usize & 7];
    if decimals == 0 || scale == 0 || whole + decimals >= 7 {
        return None;
    }
    let values = values & ((1 << shift) - 1) | fraction << shift;
    let number = eight_digits(values << (64 - 8 * (whole + decimals)));
    Some((number * scale, (whole + decimals) as usize + 1))
}

impl Minute {
    /// Equal to no minute.
    pub(super) const NONE: Minute = Minute { words: [0; 2], tail: 0, start: 0 };

    /// The time at `at` if it is of this minute, with three decimals: second, nanoseconds, and
    /// where the closing quote should be.
    #[inline(always)]
    pub(super) fn read(&self, line: Line<'_>, at: usize) -> Option<(i64, u32, usize)> {
        let words = [line.u64_at(at), line.u64_at(at + 8)];
        let (second, nanos) = seconds(line.u64_at(at + 16), self.tail)?;
        if (words[0] ^ self.words[0]) | (words[1] ^ self.words[1]) != 0 {
            return None;
        }
        Some((self.start + second, nanos, at + 23 + usize::from(self.tail == b'Z')))
    }

    /// Remembers the minute of the time at `at`, which was read as `second`.
    #[cold]
    #[inline(never)]
    pub(super) fn learn(
        &mut self,
        line: Line<'_>,
        at: usize,
        second: i64,
        clock: &mut TimestampParser,
    ) {
        let words = [line.u64_at(at), line.u64_at(at + 8), line.u64_at(at + 16)];
        let tail = (words[2] >> 56) as u8;
        let Some((seconds, _)) = seconds(words[2], tail).filter(|_| matches!(tail, b'Z' | b'"'))
        else {
            return;
        };
        let start = second - seconds;
        // A zone might change within the minute: it must be right at both of its ends.
        let mut buffer = [0; 2 * PAD + 25];
        for (i, word) in words.into_iter().enumerate() {
            buffer[PAD + 8 * i..PAD + 8 * i + 8].copy_from_slice(&word.to_le_bytes());
        }
        buffer[PAD + 24] = b'"';
        let end = 23 + usize::from(tail == b'Z');
        for (text, offset) in [(b"00", 0), (b"59", 59)] {
            buffer[PAD + 17..PAD + 19].copy_from_slice(text);
            let line = Line::new(&buffer, PAD, PAD + 25);
            match clock.iso(line, 0) {
                Some((stamp, to)) if to == end && stamp.second == start + offset => {}
                _ => return,
            }
        }
        *self = Minute { words: [words[0], words[1]], tail, start };
    }
}

/// Seconds and nanoseconds of `:SS.mmm` (or `,mmm`) and the byte `tail`.
#[inline(always)]
fn seconds(bytes: u64, tail: u8) -> Option<(i64, u32)> {
    // One bit tells `,` from `.`.
    let expected = u64::from_le_bytes(*b":00.000\0") | u64::from(tail) << 56;
    let x = (bytes | 0x0200_0000) ^ expected;
    const ROOM: u64 = 0x7f76_7676_7f76_7a7f;
    if (x.wrapping_add(ROOM) | x) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = x.wrapping_mul(10).wrapping_add(x >> 8);
    let nanos = ((pairs >> 32 & 0xff) * 10 + (x >> 48 & 0xff)) as u32 * 1_000_000;
    Some(((pairs >> 8 & 0xff) as i64, nanos))
}
