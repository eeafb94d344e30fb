//! The pieces of timestamps: digits, times of day, fractions, days.

use crate::bytes::line::Line;
use crate::time::civil::{midnight, month_by_name};

/// `HH:MM:SS` in eight bytes, as seconds. A leap second counts as the one before it, so that it stays
/// in the minute that it is written in.
#[inline(always)]
pub(super) fn read_hms(bytes: u64) -> Option<i64> {
    // Digits become their values and colons 0. A byte is in range if adding what is missing to
    // 0x7f leaves its highest bit clear.
    let x = bytes ^ 0x3030_3a30_303a_3030;
    const ROOM: u64 = 0x767a_7f76_7a7f_767d;
    if (x.wrapping_add(ROOM) | x) & 0x8080_8080_8080_8080 != 0 {
        return leap_second(bytes);
    }
    let pairs = x.wrapping_mul(10).wrapping_add(x >> 8);
    let hour = pairs & 0xff;
    if hour >= 24 {
        return None;
    }
    Some((hour * 3600 + (pairs >> 24 & 0xff) * 60 + (pairs >> 48 & 0xff)) as i64)
}

/// `HH:MM:60`.
#[cold]
#[inline(never)]
fn leap_second(bytes: u64) -> Option<i64> {
    const SECOND: u64 = u64::from_le_bytes(*b"\0\0\0\0\0\x0060");
    const MASK: u64 = 0xffff_0000_0000_0000;
    // No endless recursion: `59` is no leap second.
    (bytes & MASK == SECOND)
        .then(|| read_hms(bytes & !MASK | u64::from_le_bytes(*b"\0\0\0\0\0\x0059")))?
}

pub(super) fn compact_time(hour: u32, minute: u32, second: u32) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60)
        .then(|| i64::from(hour * 3600 + minute * 60 + second.min(59)))
}

/// The number of ASCII digits, at most eight, at the low end of `bytes`, and their values.
#[inline(always)]
pub(crate) fn leading_digits(bytes: u64) -> (u32, u64) {
    let x = bytes ^ 0x3030_3030_3030_3030;
    let other = (x.wrapping_add(0x7676_7676_7676_7676) | x) & 0x8080_8080_8080_8080;
    (other.trailing_zeros() / 8, x)
}

/// The number of ASCII digits, at most eight, at the high end of `bytes`, and their values.
#[inline(always)]
pub(crate) fn trailing_digits(bytes: u64) -> (u32, u64) {
    let x = bytes ^ 0x3030_3030_3030_3030;
    // Without the highest bits nothing carries into the byte above, which is looked at first.
    let low = (x & 0x7f7f_7f7f_7f7f_7f7f).wrapping_add(0x7676_7676_7676_7676);
    let other = (low | x) & 0x8080_8080_8080_8080;
    (other.leading_zeros() / 8, x)
}

/// Eight digit values, most significant in the lowest byte, as a number.
#[inline(always)]
pub(crate) fn eight_digits(values: u64) -> u64 {
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    low.wrapping_add(high) >> 32
}

/// Powers of ten.
pub(crate) const POWERS: [u32; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Nanoseconds of the fraction at `at`, if one is there, and where it ends.
///
/// `.`, `,` or `:` and at least one digit; digits after the ninth are read over. One or two digits
/// behind `:` are a number of milliseconds: who writes it pads none. Digits between two commas are the
/// next value of a table, unless there are 3, 6, 7 or 9; so are more than nine behind one. None if a
/// digit stands at `at`: then what was read before is not a time.
#[inline(always)]
pub(super) fn read_fraction(line: Line<'_>, at: usize) -> Option<(u32, usize)> {
    let mark = line.byte(at);
    if at >= line.len() || (mark != b'.' && mark != b',' && mark != b':') {
        return (at >= line.len() || !mark.is_ascii_digit()).then_some((0, at));
    }
    let (count, values) = leading_digits(line.u64_at(at + 1));
    let count = (count as usize).min(line.len() - at - 1);
    match count {
        3 => {
            let millis = (values & 0xff) * 100 + (values >> 8 & 0xff) * 10 + (values >> 16 & 0xff);
            Some((millis as u32 * 1_000_000, at + 4))
        }
        0 => Some((0, at)),
        1..=7 if mark == b',' && !matches!(count, 6 | 7) && line.byte(at + 1 + count) == b',' => {
            Some((0, at))
        }
        1..=7 => {
            let number = eight_digits(values << (64 - 8 * count)) as u32;
            let digits = if mark == b':' { count.max(3) } else { count };
            Some((number * POWERS[9 - digits], at + 1 + count))
        }
        _ => {
            let (nanos, end) = long_fraction(line, at + 1);
            let is_value =
                mark == b',' && (end - at > 10 || end - at == 9 && line.byte(end) == b',');
            Some(if is_value { (0, at) } else { (nanos, end) })
        }
    }
}

#[cold]
pub(super) fn long_fraction(line: Line<'_>, at: usize) -> (u32, usize) {
    let (mut nanos, mut digits, mut i) = (0u32, 0, at);
    while i < line.len() && line.byte(i).is_ascii_digit() {
        if digits < 9 {
            nanos = nanos * 10 + u32::from(line.byte(i) - b'0');
            digits += 1;
        }
        i += 1;
    }
    (nanos * POWERS[9 - digits], i)
}

#[inline(always)]
pub(super) fn two_digits(line: Line<'_>, at: usize) -> Option<u32> {
    let (tens, ones) = (line.byte(at).wrapping_sub(b'0'), line.byte(at + 1).wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9 && at + 2 <= line.len()).then(|| u32::from(tens * 10 + ones))
}

/// A day of one digit or two at `at`, and where it ends.
pub(super) fn day_number(line: Line<'_>, at: usize) -> Option<(u32, usize)> {
    match two_digits(line, at) {
        Some(day) => Some((day, at + 2)),
        None => {
            let day = line.byte(at).wrapping_sub(b'0');
            (day <= 9 && at < line.len()).then_some((u32::from(day), at + 1))
        }
    }
}

/// The midnight of `YYYY-MM-DD` or `YYYY/MM/DD`, given as eight bytes and two.
#[cold]
pub(super) fn read_iso_day((date, day): (u64, u16)) -> Option<i64> {
    let date = date.to_le_bytes();
    let day = day.to_le_bytes();
    let digit = |b: u8| b.is_ascii_digit().then(|| u32::from(b - b'0'));
    if date[4] != date[7] || (date[4] != b'-' && date[4] != b'/') {
        return None;
    }
    let year =
        digit(date[0])? * 1000 + digit(date[1])? * 100 + digit(date[2])? * 10 + digit(date[3])?;
    midnight(year, digit(date[5])? * 10 + digit(date[6])?, digit(day[0])? * 10 + digit(day[1])?)
}

/// The midnight of `DD/Mon/YYYY` or `DD-Mon-YYYY`.
#[cold]
pub(super) fn read_clf_day(line: Line<'_>, at: usize) -> Option<i64> {
    let separator = line.byte(at + 2);
    if (separator != b'/' && separator != b'-') || line.byte(at + 6) != separator {
        return None;
    }
    let year = two_digits(line, at + 7)? * 100 + two_digits(line, at + 9)?;
    midnight(year, month_by_name(line, at + 3)?, two_digits(line, at)?)
}
