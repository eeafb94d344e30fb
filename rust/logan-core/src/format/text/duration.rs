//! Response times in fields: one number whose unit is known, or numbers that carry theirs.
//!
//! # Accepted
//! - [`decimal`]: digits, optionally `.` and digits (one of the two may be empty, as in `5.` and
//!   `.5`), optionally `e` or `E`, a sign or none, and one to four digits. No other sign, no space.
//! - [`with_unit`]: a span in any of the spellings that programs document, and nothing after it:
//!   - one number, perhaps a space, and a unit of the table below (`72ms`, `1.5 sec`). The number may
//!     have an exponent (`1.2e3 ms`), groups of thousands (`1,234 ms`) or a comma for a point: one
//!     before other than three digits, or after a zero (`12,5 ms`, `0,250 s`). `1234,567` is neither;
//!   - more of them on end (`1h2m3.5s`, as Go prints durations), in any order;
//!   - after a unit of at least a minute, smaller ones after a space, a colon, `, ` or ` and ` (`1m 30s`,
//!     `1h:01m:52s`, `2 min 3 s`, `1 minute, 5 seconds`);
//!   - a clock, `H:MM:SS`, perhaps with decimals, alone or after days (`0:01:07`, `1 day, 0:00:05.5`,
//!     `1.00:00:05`).
//!
//! | unit | spellings |
//! |---|---|
//! | ns | `ns` `nsec` `nsecs` `nano` `nanos` `nanosecond` `nanoseconds` |
//! | µs | `us` `µs` (U+00B5) `μs` (U+03BC) `Âµs` (the former, encoded twice) `usec` `usecs` `micro` `micros` `microsecond` `microseconds` |
//! | ms | `ms` `msec` `msecs` `milli` `millis` `millisecond` `milliseconds` |
//! | s | `s` `sec` `secs` `second` `seconds` |
//! | minute | `m` `min` `mins` `minute` `minutes` |
//! | hour | `h` `hr` `hrs` `hour` `hours` |
//! | day | `d` `day` `days` |
//!
//!   Or a duration of ISO 8601 in days, hours, minutes and seconds, each of which may be left out and
//!   may have decimals: `PT0.127S`, `P1DT2H`, `PT1M2.5S`.
//!
//! Units are in lower case. Numbers are exact, rounded half up to whole nanoseconds. A number of
//! more than [`DIGITS_MAX`] digits, leading zeros included, is none, and neither is anything beyond
//! [`DURATION_NS_MAX`].

use crate::format::Unit;
use crate::format::slices::digits;
use crate::record::DURATION_NS_MAX;

/// Digits of a number: 24 digits times an hour of nanoseconds still fit 128 bits.
const DIGITS_MAX: u32 = 24;

/// A decimal number (`12`, `0.033`, `1.5e-3`) times a unit, in nanoseconds, rounded half up.
///
/// None if it is not one number, is negative, or exceeds [`DURATION_NS_MAX`].
#[inline]
pub fn decimal(text: &[u8], unit: Unit) -> Option<u64> {
    let (number, end) = Number::read(text, 0)?;
    if end == text.len() {
        return number.times(unit.nanos());
    }
    let (exponent, end) = exponent(text, end)?;
    if end != text.len() {
        return None;
    }
    number.scaled(i64::from(exponent), unit.nanos())
}

/// A duration that names its unit (`72ms`, `1.5s`, `430µs`, `0.5 sec`, `1h2m3s`), in nanoseconds.
///
/// None if it is not one, or exceeds [`DURATION_NS_MAX`].
#[inline]
pub fn with_unit(text: &[u8]) -> Option<u64> {
    // Nearly all have one part: a number and a unit.
    if let Some((number, end)) = Number::read(text, 0)
        && let Some(unit) = text.get(end..)
        && let Some(nanos) = unit_nanos(unit.strip_prefix(b" ").unwrap_or(unit))
    {
        return number.times(nanos);
    }
    if let Some(nanos) = of_time_span(text) {
        return Some(nanos);
    }
    let span = span_at(text, 0, unit_nanos, false)?;
    (span.end == text.len()).then_some(span.nanos?)
}

/// A clock behind days and a point: `1.00:00:05.5`.
///
/// Source: <https://learn.microsoft.com/dotnet/standard/base-types/standard-timespan-format-strings>.
#[cold]
fn of_time_span(text: &[u8]) -> Option<u64> {
    let days = digits(text);
    let [b'.', _, _, b':', ..] = text[days..] else { return None };
    let (number, _) = Number::read(&text[..days], 0)?;
    let (clock, end) = clock_at(text, days + 1)?;
    let nanos = number.times(DAY)?.checked_add(clock?)?;
    (end == text.len() && nanos <= DURATION_NS_MAX).then_some(nanos)
}

/// A span of time in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// None beyond [`DURATION_NS_MAX`].
    pub(super) nanos: Option<u64>,
    /// Behind its last byte.
    pub(super) end: usize,
    /// Whether it is a clock, which may be a time of day, too.
    pub(super) is_clock: bool,
}

/// The span that begins at `at`, in any spelling of [`with_unit`], as long as it goes on.
///
/// None if there is none, or if a letter, a digit or `_` follows it.
#[cold]
#[inline(never)]
pub(super) fn span_at(
    text: &[u8],
    at: usize,
    unit_of: impl Fn(&[u8]) -> Option<u64>,
    decimal_commas: bool,
) -> Option<Span> {
    let ends = |end: usize| !text.get(end).is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_');
    if text.get(at) == Some(&b'P') {
        let parts = &text[at + 1..];
        let len = parts.iter().take_while(|b| b.is_ascii_digit() || b"DTHMS.".contains(b)).count();
        // A point that ends the sentence is none of its parts.
        let len = len - usize::from(parts[..len].ends_with(b"."));
        let end = at + 1 + len;
        let nanos = iso_8601(&parts[..len]);
        return (nanos.is_some() && ends(end)).then_some(Span { nanos, end, is_clock: false });
    }
    if let Some((nanos, end)) = clock_at(text, at) {
        return Some(Span { nanos, end, is_clock: true });
    }
    let (mut sum, mut end, mut last_unit) = (Some(0u64), at, 0);
    let mut next = Some((at, false));
    while let Some((start, is_apart)) = next {
        if last_unit == DAY
            && is_apart
            && let Some((nanos, clock_end)) = clock_at(text, start)
        {
            let nanos = sum.zip(nanos).and_then(|(sum, nanos)| sum.checked_add(nanos));
            let nanos = nanos.filter(|&nanos| nanos <= DURATION_NS_MAX);
            return Some(Span { nanos, end: clock_end, is_clock: false });
        }
        let Some((number, exponent, number_end)) = number_in_text(text, start, decimal_commas)
        else {
            break;
        };
        let unit_start = number_end + usize::from(text.get(number_end) == Some(&b' '));
        let rest = &text[unit_start..];
        let micro = if matches!(rest, [0xc2, 0xb5, ..] | [0xce, 0xbc, ..]) { 2 } else { 0 };
        let letters = rest[micro..].iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let letters = micro + letters;
        let Some(unit) = unit_of(&rest[..letters]) else { break };
        if is_apart && unit >= last_unit {
            break;
        }
        let nanos = number.and_then(|number| number.scaled(exponent, unit));
        sum = sum.zip(nanos).and_then(|(sum, nanos)| sum.checked_add(nanos));
        (end, last_unit) = (unit_start + letters, unit);
        let rest = &text[end..];
        let gap = match rest {
            // `1 m30s` is none.
            [b'0'..=b'9' | b'.', ..] if unit_start == number_end => 0,
            _ if unit < MINUTE => break,
            [b' ' | b':', b'0'..=b'9', ..] => 1,
            [b',', b' ', b'0'..=b'9', ..] => 2,
            [b' ', b'a', b'n', b'd', b' ', b'0'..=b'9', ..] => 5,
            _ => break,
        };
        next = Some((end + gap, gap > 0));
    }
    let nanos = sum.filter(|&nanos| nanos <= DURATION_NS_MAX);
    (end > at && ends(end)).then_some(Span { nanos, end, is_clock: false })
}

/// A number as text has it at `at`: its digits (None if there are too many), the power of ten
/// beside them, and where it ends. Commas are always before decimals, or only where they can be nothing
/// else.
fn number_in_text(
    text: &[u8],
    at: usize,
    decimal_commas: bool,
) -> Option<(Option<Number>, i64, usize)> {
    let digits = |at: usize| {
        text.get(at..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
    };
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let whole = digits(at);
    let mut end = at + whole;
    let mut decimals = 0;
    if whole == 0 {
        decimals = if is(at, b'.') { digits(at + 1) } else { 0 };
        if decimals == 0 {
            return None;
        }
        end = at + 1 + decimals;
    } else if is(end, b',') && digits(end + 1) > 0 {
        let group = digits(end + 1);
        if group == 3 && whole <= 3 && text[at] != b'0' && !decimal_commas {
            while is(end, b',') && digits(end + 1) == 3 {
                end += 4;
            }
            if is(end, b'.') && digits(end + 1) > 0 {
                decimals = digits(end + 1);
                end += 1 + decimals;
            }
        } else if group != 3 || text[at] == b'0' || decimal_commas {
            decimals = group;
            end += 1 + group;
        } else {
            return None;
        }
    } else if is(end, b'.') && digits(end + 1) > 0 {
        decimals = digits(end + 1);
        end += 1 + decimals;
    }
    if (is(end, b'.') || is(end, b',')) && digits(end + 1) > 0 {
        return None;
    }
    let mut number = Some(Number { digits: 0, decimals: decimals as u32 });
    let digits = text[at..end].iter().filter(|b| b.is_ascii_digit());
    for (count, digit) in digits.enumerate() {
        number = number.filter(|_| count < DIGITS_MAX as usize).map(|number| Number {
            digits: number.digits * 10 + u128::from(digit - b'0'),
            ..number
        });
    }
    match exponent(text, end) {
        Some((exponent, end)) => Some((number, exponent.into(), end)),
        None => Some((number, 0, end)),
    }
}

/// A clock at `at`, `H:MM:SS` and perhaps decimals, in nanoseconds, and where it ends.
fn clock_at(text: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let digits = |at: usize| {
        text.get(at..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
    };
    let hours = digits(at);
    let rest = text.get(at + hours..)?;
    let [b':', m, _, b':', s, _, ..] = rest else { return None };
    if !(1..=4).contains(&hours) || digits(at + hours + 1) != 2 || digits(at + hours + 4) != 2 {
        return None;
    }
    if *m > b'5' || *s > b'5' {
        return None;
    }
    let mut end = at + hours + 6;
    let mut decimals = 0;
    if matches!(text.get(end), Some(b'.' | b',')) {
        decimals = digits(end + 1);
        end += if decimals > 0 { 1 + decimals } else { 0 };
    }
    let goes_on = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':');
    if text.get(end).is_some_and(goes_on) || digits(end + 1) > 0 && b".,".contains(&text[end]) {
        return None;
    }
    let part = |from: usize, to: usize, decimals: usize, unit: u64| {
        let digits = text[from..to].iter().filter(|b| b.is_ascii_digit());
        (digits.clone().count() <= DIGITS_MAX as usize).then_some(())?;
        let digits = digits.fold(0, |number, b| number * 10 + u128::from(b - b'0'));
        Number { digits, decimals: decimals as u32 }.times(unit)
    };
    let minutes = at + hours + 1;
    let nanos = part(at, minutes - 1, 0, 60 * MINUTE)
        .zip(part(minutes, minutes + 2, 0, MINUTE))
        .zip(part(minutes + 3, end, decimals, SECOND))
        .and_then(|((h, m), s)| h.checked_add(m)?.checked_add(s));
    Some((nanos.filter(|&nanos| nanos <= DURATION_NS_MAX), end))
}

/// A decimal number without exponent, and a unit of the table, in nanoseconds.
///
/// None if they are not, or exceed [`DURATION_NS_MAX`].
pub fn of_parts(number: &[u8], unit: &[u8]) -> Option<u64> {
    let (read, end) = Number::read(number, 0)?;
    let nanos = read.times(unit_nanos(unit)?)?;
    (end == number.len() && nanos <= DURATION_NS_MAX).then_some(nanos)
}

/// What follows the `P` of a duration of ISO 8601, in nanoseconds.
#[cold]
fn iso_8601(parts: &[u8]) -> Option<u64> {
    const UNITS: [(u8, u64); 4] =
        [(b'D', DAY), (b'H', 60 * MINUTE), (b'M', MINUTE), (b'S', SECOND)];
    let (mut sum, mut at, mut unit, mut in_time) = (0u64, 0, 0, false);
    loop {
        if !in_time && parts.get(at) == Some(&b'T') {
            (in_time, at, unit) = (true, at + 1, 1);
        }
        let (number, end) = Number::read(parts, at)?;
        let place = UNITS[unit..].iter().position(|(name, _)| parts.get(end) == Some(name))?;
        // Only days stand before the `T`, and only the others behind it.
        if in_time != (unit + place > 0) {
            return None;
        }
        sum = sum.checked_add(number.times(UNITS[unit + place].1)?)?;
        (at, unit) = (end + 1, unit + place + 1);
        if at == parts.len() {
            return (sum <= DURATION_NS_MAX).then_some(sum);
        }
    }
}

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;

/// Nanoseconds of a unit by its name.
pub(super) fn unit_nanos(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"ms" | b"msec" | b"msecs" | b"milli" | b"millis" | b"millisecond" | b"milliseconds" => {
            Unit::Milliseconds.nanos()
        }
        b"s" | b"sec" | b"secs" | b"second" | b"seconds" => Unit::Seconds.nanos(),
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" | b"\xc3\x82\xc2\xb5s" | b"usec" | b"usecs"
        | b"micro" | b"micros" | b"microsecond" | b"microseconds" => Unit::Microseconds.nanos(),
        b"ns" | b"nsec" | b"nsecs" | b"nano" | b"nanos" | b"nanosecond" | b"nanoseconds" => {
            Unit::Nanoseconds.nanos()
        }
        b"m" | b"min" | b"mins" | b"minute" | b"minutes" => MINUTE,
        b"h" | b"hr" | b"hrs" | b"hour" | b"hours" => 60 * MINUTE,
        b"d" | b"day" | b"days" => DAY,
        _ => return None,
    })
}

/// `digits` divided by ten to the power of `decimals`.
#[derive(Clone, Copy)]
struct Number {
    digits: u128,
    decimals: u32,
}

impl Number {
    /// The number at `at` and the position behind it.
    #[inline(always)]
    fn read(text: &[u8], at: usize) -> Option<(Number, usize)> {
        let mut end = at;
        let mut count = 0;
        // Nearly all numbers are short: 19 digits fit 64 bits, where arithmetic is cheap.
        let mut low = 0u64;
        let mut point = None;
        while let Some(&b) = text.get(end) {
            let digit = b.wrapping_sub(b'0');
            if digit < 10 {
                if count == 19 {
                    return Number::read_long(text, at);
                }
                low = low * 10 + u64::from(digit);
                count += 1;
            } else if b == b'.' && point.is_none() {
                point = Some(count);
            } else {
                break;
            }
            end += 1;
        }
        if count == 0 {
            return None;
        }
        Some((Number { digits: low.into(), decimals: point.map_or(0, |p| count - p) }, end))
    }

    #[cold]
    fn read_long(text: &[u8], at: usize) -> Option<(Number, usize)> {
        let mut number = Number { digits: 0, decimals: 0 };
        let mut count = 0;
        let mut point = None;
        let mut end = at;
        while let Some(&b) = text.get(end) {
            if b.is_ascii_digit() {
                count += 1;
                if count > DIGITS_MAX {
                    return None;
                }
                number.digits = number.digits * 10 + u128::from(b - b'0');
            } else if b == b'.' && point.is_none() {
                point = Some(count);
            } else {
                break;
            }
            end += 1;
        }
        number.decimals = point.map_or(0, |p| count - p);
        Some((number, end))
    }

    /// This number of units, rounded half up.
    #[inline(always)]
    fn times(self, per_unit: u64) -> Option<u64> {
        if let Some(&power) = POWERS.get(self.decimals as usize)
            && self.digits <= u128::from(u64::MAX)
            && per_unit.is_multiple_of(power)
        {
            let nanos = (self.digits as u64).checked_mul(per_unit / power)?;
            return (nanos <= DURATION_NS_MAX).then_some(nanos);
        }
        self.scaled(0, per_unit)
    }

    /// This number times ten to the power of `exponent`, in units, rounded half up.
    #[cold]
    fn scaled(self, exponent: i64, per_unit: u64) -> Option<u64> {
        let nanos = self.digits * u128::from(per_unit);
        let shift = exponent - i64::from(self.decimals);
        let power = |n: u64| 10u128.checked_pow(u32::try_from(n).ok()?);
        let nanos = if nanos == 0 {
            0
        } else if shift >= 0 {
            nanos.checked_mul(power(shift.unsigned_abs())?)?
        } else {
            // A power beyond 128 bits divides everything down to nothing.
            power(shift.unsigned_abs()).map_or(0, |p| nanos / p + u128::from(nanos % p >= p / 2))
        };
        u64::try_from(nanos).ok().filter(|&n| n <= DURATION_NS_MAX)
    }
}

/// Powers of ten up to the digits of a second.
const POWERS: [u64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// The exponent at `at`, and the position behind it.
fn exponent(text: &[u8], at: usize) -> Option<(i32, usize)> {
    if !matches!(text.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let negative = text.get(at + 1) == Some(&b'-');
    let start = at + 1 + usize::from(matches!(text.get(at + 1), Some(b'-' | b'+')));
    let count = digits(&text[start..]);
    if !(1..=4).contains(&count) {
        return None;
    }
    let value = text[start..start + count].iter().fold(0, |n, b| n * 10 + i32::from(b - b'0'));
    Some((if negative { -value } else { value }, start + count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers() {
        let ms = |text: &str| decimal(text.as_bytes(), Unit::Milliseconds);
        for (text, nanos) in [
            ("0", 0),
            ("95", 95_000_000),
            ("00095", 95_000_000),
            ("58.33", 58_330_000),
            ("5.", 5_000_000),
            (".5", 500_000),
            ("0.0000004", 0),
            ("0.0000005", 1),
            ("1.0000014999", 1_000_001),
            ("1.5e3", 1_500_000_000),
            ("15e-1", 1_500_000),
            ("1.2E+2", 120_000_000),
            ("1e-4000", 0),
            ("0e4000", 0),
            ("0.00000000000000000001", 0),
            ("12.345678901234567890", 12_345_679),
            ("9223372036854.775807", DURATION_NS_MAX),
        ] {
            assert_eq!(ms(text), Some(nanos), "{text}");
        }
        for text in [
            "",
            "-",
            "-1",
            "+1",
            "1-",
            "1 ",
            " 1",
            ".",
            "1..2",
            "1.2.3",
            "e5",
            "1e",
            "1e+",
            "1ms",
            "1e12345",
            "9223372036854.775808",
            "1e30",
            "1e4000",
            "1000000000000000000000000000",
            "NaN",
            "inf",
            "0x10",
            "1_000",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn units() {
        for (text, nanos) in [
            ("72ms", 72_000_000),
            ("1.5s", 1_500_000_000),
            ("0.123s", 123_000_000),
            ("430µs", 430_000),
            ("430μs", 430_000),
            ("430us", 430_000),
            ("417ns", 417),
            ("1m2.5s", 62_500_000_000),
            ("1h2m3s", 3_723_000_000_000),
            ("1h0m0.000000001s", 3_600_000_000_001),
            ("72 ms", 72_000_000),
            ("2 seconds", 2_000_000_000),
            ("1.5min", 90_000_000_000),
            (".5s", 500_000_000),
            ("0s", 0),
            ("1m30s500ms", 90_500_000_000),
            ("PT0.127S", 127_000_000),
            ("PT1M2.5S", 62_500_000_000),
            ("P1DT2H", 93_600_000_000_000),
            ("P2D", 172_800_000_000_000),
            ("1m 30s", 90_000_000_000),
            ("1h:01m:52s", 3_712_000_000_000),
            ("2 min 3 s", 123_000_000_000),
            ("1 minute, 5.5 seconds", 65_500_000_000),
            ("1 hour and 5 minutes", 3_900_000_000_000),
            ("1 hr", 3_600_000_000_000),
            ("1d", 86_400_000_000_000),
            ("2 days 3 hours", 183_600_000_000_000),
            ("1 day, 2:03:04.5", 93_784_500_000_000),
            ("12,5 ms", 12_500_000),
            ("0,250 s", 250_000_000),
            ("1,234 ms", 1_234_000_000),
            ("1,234,567.5us", 1_234_567_500),
            ("1.2e3 ms", 1_200_000_000),
            ("1e-3s", 1_000_000),
        ] {
            assert_eq!(with_unit(text.as_bytes()), Some(nanos), "{text}");
        }
        for text in [
            "",
            "72",
            "ms",
            "72MS",
            "-72ms",
            "72  ms",
            "72ms ",
            "1s 30ms",
            "1 m30s",
            "1m 30m",
            "1 min  30 s",
            "1234,567ms",
            "1,23,456ms",
            "1.5,5ms",
            "1e99999 ms",
            "72ms!",
            "P",
            "PT",
            "PT5",
            "P5S",
            "PT1D",
            "P1DT",
            "PT1S2M",
            "PT-1S",
            "pt1s",
            "1h2",
            "9999999999h",
            "2562047h47m16.854775808s",
        ] {
            assert_eq!(with_unit(text.as_bytes()), None, "{text}");
        }
        assert_eq!(with_unit(b"2562047h47m16.854775807s"), Some(DURATION_NS_MAX));
    }

    #[test]
    fn spans_of_a_clock() {
        for (text, nanos) in [
            ("00:00:00.1270000", Some(127_000_000)),
            ("0:01:02.5", Some(62_500_000_000)),
            ("0:01:02,5", Some(62_500_000_000)),
            ("123:00:00.0", Some(442_800_000_000_000)),
            ("0:01:07", Some(67_000_000_000)),
            ("00:00:00", Some(0)),
            (":00:00.5", None),
            ("00:60:00.5", None),
            ("00:00:60.5", None),
            ("00:0:00.5", None),
            ("00:00:00.", None),
            ("00:00:00.5.5", None),
            ("00:00:00:00", None),
            ("-00:00:00.5", None),
            ("99999:00:00.5", None),
        ] {
            assert_eq!(with_unit(text.as_bytes()), nanos, "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_exact_arithmetic(whole in 0u64..10_000_000, fraction in "[0-9]{0,12}") {
            let text = format!("{whole}.{fraction}");
            let scale = 10u128.pow(fraction.len() as u32);
            let digits = u128::from(whole) * scale + fraction.parse::<u128>().unwrap_or(0);
            for unit in
                [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds]
            {
                let doubled = digits * u128::from(unit.nanos()) * 2;
                let expected = (doubled + scale) / (2 * scale);
                prop_assert_eq!(decimal(text.as_bytes(), unit), u64::try_from(expected).ok());
                let spelled = format!("{text}{}", unit.name());
                prop_assert_eq!(with_unit(spelled.as_bytes()), u64::try_from(expected).ok());
            }
        }

        #[test]
        fn any_bytes_are_survived(text: Vec<u8>, likely in "[0-9.eE+\\- smhunµ]{0,40}") {
            for text in [&text[..], likely.as_bytes()] {
                for nanos in [decimal(text, Unit::Seconds), with_unit(text)].into_iter().flatten() {
                    prop_assert!(nanos <= DURATION_NS_MAX);
                }
            }
        }
    }
}
