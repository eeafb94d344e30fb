//! The response time in what follows the size or the user agent. The rules are in the text of the
//! module above.

use crate::batch::NO_DURATION;
use crate::format::Unit;
use crate::format::http::{
    Number, closing_quote, eight_digits, leading_digits, nanos_of, number_at,
};
use crate::lines::Line;
use crate::simd::Simd;

/// Fields of a tail that are looked at for the response time.
const TAIL_FIELDS_MAX: usize = 16;
/// Longest name of a named field of a tail, in bytes.
const NAME_BYTES_MAX: usize = 32;

/// A response time whose unit may not be known yet.
#[derive(Clone, Copy)]
pub(super) struct Time {
    /// Nanoseconds or [`NO_DURATION`]; or, of an integer, what is written.
    pub(super) value: u64,
    pub(super) is_integer: bool,
}

/// As a response time.
impl Number {
    #[inline(always)]
    pub(super) fn time(self) -> Time {
        if self.is_integer() {
            return Time { value: self.whole, is_integer: true };
        }
        let unit_ns = if self.unit_ns == 0 { Unit::Seconds.nanos() } else { self.unit_ns };
        Time { value: nanos_of(self.whole, self.billionths, unit_ns), is_integer: false }
    }
}

impl Time {
    pub(super) const NONE: Time = Time { value: NO_DURATION, is_integer: false };

    #[inline(always)]
    pub(super) fn nanos(self, integer_unit_ns: u64) -> u64 {
        if self.is_integer { nanos_of(self.value, 0, integer_unit_ns) } else { self.value }
    }
}

/// The response time in what follows the size or the user agent, which ends at `end`.
#[inline(always)]
pub(super) fn tail_time<S: Simd>(line: Line<'_>, end: usize) -> Time {
    let at = end + 1;
    if at >= line.len() || line.byte(end) != b' ' {
        return Time::NONE;
    }
    if let Some(value) = short_seconds_at(line, at) {
        Time { value, is_integer: false }
    } else if line.byte(at).is_ascii_digit() {
        unnamed_time(line, at)
    } else {
        fields_time::<S>(line, at)
    }
}

/// The nanoseconds of a number with decimals and without unit, if with what ends it it is at most
/// eight bytes long. What [`unnamed_time`] says too, but at half the price.
#[inline(always)]
pub(super) fn short_seconds_at(line: Line<'_>, at: usize) -> Option<u64> {
    const SCALE: [u64; 8] = [0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100];
    let word = line.u64_at(at);
    let whole = leading_digits(word);
    if whole == 0 || whole > 5 || (word >> (8 * whole)) as u8 != b'.' {
        return None;
    }
    let after = word >> (8 * whole) >> 8;
    let decimals = leading_digits(after).min(line.len().saturating_sub(at + whole + 1));
    let len = whole + 1 + decimals;
    let ends =
        at + len == line.len() || matches!((word >> (8 * (len & 7))) as u8, b' ' | b',' | b';');
    if decimals == 0 || len > 7 || !ends {
        return None;
    }
    // The digits without the point, as the last ones of eight.
    let digits = word & ((1 << (8 * whole)) - 1) | after << (8 * whole);
    let value = eight_digits(digits << (8 * (8 - whole - decimals)));
    Some(value * SCALE[decimals])
}

/// The response time of a field that begins with a digit: rule 2 of the module's text.
#[inline(always)]
pub(super) fn unnamed_time(line: Line<'_>, at: usize) -> Time {
    match number_at(line, at) {
        Some(number) if number.ends_field(line) => {
            if number.is_integer() && number.end < line.len() {
                after_integer(line, number)
            } else {
                number.time()
            }
        }
        _ => Time::NONE,
    }
}

/// An integer that does not end the line, unless what follows shows that it is not a time.
#[inline(never)]
fn after_integer(line: Line<'_>, integer: Number) -> Time {
    // A space is there: the line goes on.
    let next = if line.byte(integer.end) == b' ' { number_at(line, integer.end + 1) } else { None };
    match next {
        Some(next) if next.has_decimals && next.unit_ns == 0 && next.ends_field(line) => {
            return next.time();
        }
        _ => {}
    }
    traefik_time(line).unwrap_or(integer.time())
}

/// The milliseconds at the end of a line of Traefik.
fn traefik_time(line: Line<'_>) -> Option<Time> {
    let before = line.bytes().strip_suffix(b"ms")?;
    let count = before.iter().rev().take(19).take_while(|b| b.is_ascii_digit()).count();
    let (before, digits) = before.split_at(before.len() - count);
    if !(1..=18).contains(&count) || !before.ends_with(b"\" ") {
        return None;
    }
    let value = digits.iter().fold(0, |v, b| v * 10 + u64::from(b - b'0'));
    Some(Time { value: nanos_of(value, 0, Unit::Milliseconds.nanos()), is_integer: false })
}

/// The response time in fields of which the first is not a bare number: rules 1 to 4.
#[inline(never)]
fn fields_time<S: Simd>(line: Line<'_>, mut at: usize) -> Time {
    for _ in 0..TAIL_FIELDS_MAX {
        if at >= line.len() {
            return Time::NONE;
        }
        let first = line.byte(at);
        if first.is_ascii_digit() {
            return unnamed_time(line, at);
        }
        let end = if first == b'"' {
            let Some(close) = closing_quote::<S>(line, at + 1) else {
                return Time::NONE;
            };
            if let Some(time) = quoted_time(line, at + 1) {
                return time;
            }
            close + 1
        } else {
            match named_field::<S>(line, at) {
                Named::Time(time) => return time,
                Named::Other(end) => end,
                Named::No => return Time::NONE,
            }
        };
        if line.byte(end) != b' ' {
            return Time::NONE;
        }
        at = end + 1;
    }
    Time::NONE
}

/// The number that a closed quoted field, whose inside begins at `at`, begins with.
fn quoted_time(line: Line<'_>, at: usize) -> Option<Time> {
    let number = number_at(line, at)?;
    let ends =
        number.end < line.len() && matches!(line.byte(number.end), b' ' | b',' | b';' | b'"');
    ends.then(|| number.time())
}

enum Named {
    /// It is the response time, or was to be.
    Time(Time),
    /// It is another field, which ends here.
    Other(usize),
    /// It is not a named field, or it is not closed.
    No,
}

fn named_field<S: Simd>(line: Line<'_>, at: usize) -> Named {
    let bytes = &line.bytes()[at..];
    let name_len = bytes
        .iter()
        .take(NAME_BYTES_MAX + 1)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b == b'_')
        .count();
    if !(1..=NAME_BYTES_MAX).contains(&name_len) || bytes.get(name_len) != Some(&b'=') {
        return Named::No;
    }
    let value = at + name_len + 1;
    let is_quoted = bytes.get(name_len + 1) == Some(&b'"');
    let close = if is_quoted { closing_quote::<S>(line, value + 1) } else { None };
    if is_quoted && close.is_none() {
        return Named::No;
    }
    if matches!(&bytes[..name_len], b"rt" | b"request_time") {
        return Named::Time(if is_quoted {
            quoted_time(line, value + 1).unwrap_or(Time::NONE)
        } else {
            number_at(line, value).filter(|n| n.ends_field(line)).map_or(Time::NONE, Number::time)
        });
    }
    Named::Other(close.map_or_else(|| line.find::<S>(value, b' '), |close| close + 1))
}
