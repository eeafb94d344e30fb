//! Times as numbers: how long since 1970.

use super::{POWERS, Stamp, eight_digits, leading_digits};
use crate::bytes::line::Line;

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970.
///
/// Ten digits or more, at `at`, not followed by more of a word.
pub(super) fn epoch_at(line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
    let rest = line.bytes().get(at..)?;
    if let Some((nanos, end)) = plain_epoch(rest)
        && rest.get(end) != Some(&b'.')
    {
        return Some((before_the_end(Stamp::from_nanos(nanos))?, at + end));
    }
    let end = rest.iter().position(|&b| !b.is_ascii_digit() && b != b'.').unwrap_or(rest.len());
    // A full stop at the end is punctuation.
    let number = rest[..end].strip_suffix(b".").unwrap_or(&rest[..end]);
    let whole = number.iter().position(|&b| b == b'.').unwrap_or(number.len());
    if !(10..=19).contains(&whole) {
        return None;
    }
    Some((epoch(number)?, at + number.len()))
}

/// A label of TAI64N at `at`, behind its `@`: sixteen hexadecimal digits for the second and eight for
/// the nanoseconds. The second is 2^62 + 10 + that of Unix, as daemontools, runit and qmail write it;
/// s6 may be built to add leap seconds, which the label does not tell.
#[cold]
#[inline(never)]
pub(super) fn tai64n_at(line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
    const START: i64 = (1 << 62) + 10;
    let label = line.bytes().get(at..at + 24)?;
    if !label.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let number = |part: &[u8]| i64::from_str_radix(std::str::from_utf8(part).ok()?, 16).ok();
    let (second, nanos) = (number(&label[..16])? - START, number(&label[16..])?);
    let nanos = u32::try_from(nanos).ok().filter(|&nanos| nanos < 1_000_000_000)?;
    let is_real = second > 0;
    Some((before_the_end(Stamp { second, nanos }).filter(|_| is_real)?, at + 24))
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude.
///
/// Decimal digits with an optional fraction and an optional exponent. With up to 11 digits before
/// the point they are seconds, up to 14 milliseconds, up to 17 microseconds, up to 19 nanoseconds.
pub fn epoch(text: &[u8]) -> Option<Stamp> {
    if let Some((nanos, end)) = plain_epoch(text)
        && end == text.len()
    {
        return before_the_end(Stamp::from_nanos(nanos));
    }
    epoch_in_general(text)
}

pub(super) fn epoch_in_general(text: &[u8]) -> Option<Stamp> {
    let (mantissa, exponent) = match text.iter().position(|&b| b == b'e' || b == b'E') {
        Some(i) => {
            let digits = text[i + 1..].strip_prefix(b"+").unwrap_or(&text[i + 1..]);
            if digits.is_empty() || digits.len() > 2 || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            (&text[..i], digits.iter().fold(0, |n, &b| n * 10 + usize::from(b - b'0')))
        }
        None => (text, 0),
    };
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = (&mantissa[..point], mantissa.get(point + 1..).unwrap_or(&[]));
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return None;
    }
    let leading_zeros = whole.iter().take_while(|&&b| b == b'0').count().min(whole.len() - 1);
    let digits = whole[leading_zeros..].len() + exponent;
    let decimals = match digits {
        ..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18..=19 => 0,
        _ => return None,
    };
    // All digits up to the nanosecond; those that are not written are zeros.
    let mut nanos = 0i64;
    for &b in whole[leading_zeros..]
        .iter()
        .chain(fraction)
        .chain(std::iter::repeat(&b'0'))
        .take(digits + decimals)
    {
        nanos = nanos.checked_mul(10)?.checked_add(i64::from(b - b'0'))?;
    }
    before_the_end(Stamp::from_nanos(nanos))
}

pub(super) fn before_the_end(stamp: Stamp) -> Option<Stamp> {
    /// 2262-01-01T00:00:00Z, the year behind [`YEAR_MAX`].
    const END: i64 = 9_214_646_400;
    (stamp.second < END).then_some(stamp)
}

/// Whole digits, and a fraction if they have one, without zeros in front: as [`epoch`] reads them, in
/// few steps; and how many bytes they take. None sends the text to the slow path.
#[inline(always)]
pub(super) fn plain_epoch(text: &[u8]) -> Option<(i64, usize)> {
    let (count, whole) = digit_run(text);
    let decimals = match count {
        10..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18..=19 => 0,
        _ => return None,
    };
    if text[0] == b'0' {
        return None;
    }
    let (behind, end) = match text.get(count) {
        Some(b'.') => {
            let (digits, fraction) = digit_run(&text[count + 1..]);
            if !(1..=9).contains(&digits) {
                return None;
            }
            let nanos = fraction * u64::from(POWERS[9 - digits]);
            (nanos / u64::from(POWERS[9 - decimals]), count + 1 + digits)
        }
        _ => (0, count),
    };
    let whole = i64::try_from(whole).ok()?.checked_mul(i64::from(POWERS[decimals]))?;
    Some((whole.checked_add(behind as i64)?, end))
}

/// How many digits a text begins with, and their value if they are at most nineteen.
#[inline(always)]
pub(super) fn digit_run(text: &[u8]) -> (usize, u64) {
    let (mut count, mut value) = (0, 0u64);
    while let Some(&eight) = text[count..].first_chunk::<8>() {
        let (digits, values) = leading_digits(u64::from_le_bytes(eight));
        if digits < 8 {
            let number = if digits == 0 { 0 } else { eight_digits(values << (64 - 8 * digits)) };
            value = value.wrapping_mul(u64::from(POWERS[digits as usize])).wrapping_add(number);
            return (count + digits as usize, value);
        }
        value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(values));
        count += 8;
    }
    for &byte in &text[count..] {
        if !byte.is_ascii_digit() {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
        count += 1;
    }
    (count, value)
}
