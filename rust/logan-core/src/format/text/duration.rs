//! Response times in fields: one number whose unit is known, or numbers that carry theirs.
//!
//! # Accepted
//! - [`decimal`]: digits, optionally `.` and digits (one of the two may be empty, as in `5.` and
//!   `.5`), optionally `e` or `E`, a sign or none, and one to four digits. No other sign, no space.
//! - [`with_unit`]: either one number without exponent, an optional space, and a unit of the table
//!   below; or two and more such pairs on end without any space (`1h2m3.5s`, as Go prints
//!   durations), each rounded by itself, in any order, which are added.
//!
//! | unit | spellings |
//! |---|---|
//! | ns | `ns` `nsec` `nsecs` `nano` `nanos` `nanosecond` `nanoseconds` |
//! | µs | `us` `µs` (U+00B5) `μs` (U+03BC) `usec` `usecs` `micro` `micros` `microsecond` `microseconds` |
//! | ms | `ms` `msec` `msecs` `milli` `millis` `millisecond` `milliseconds` |
//! | s | `s` `sec` `secs` `second` `seconds` |
//! | minute | `m` `min` `mins` `minute` `minutes` |
//! | hour | `h` `hr` `hrs` `hour` `hours` |
//!
//!   Or a duration of ISO 8601 in days, hours, minutes and seconds, each of which may be left out and
//!   may have decimals: `PT0.127S`, `P1DT2H`, `PT1M2.5S`.
//! - [`of_clock`]: hours, `:`, two digits of minutes, `:`, two digits of seconds, `.` and decimals,
//!   as .NET and Python print spans of time (`00:00:00.1270000`). Without decimals it may be a time
//!   of day, and is none.
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
pub fn with_unit(text: &[u8]) -> Option<u64> {
    if let Some(parts) = text.strip_prefix(b"P") {
        return iso_8601(parts);
    }
    let mut sum = 0u64;
    let mut at = 0;
    loop {
        let first = at == 0;
        let (number, end) = Number::read(text, at)?;
        // A space separates the only number from its unit, and nothing else.
        let spaced = first && text.get(end) == Some(&b' ');
        let unit_start = end + usize::from(spaced);
        let unit_len =
            text[unit_start..].iter().take_while(|b| !b.is_ascii_digit() && **b != b'.').count();
        at = unit_start + unit_len;
        sum = sum.checked_add(number.times(unit_nanos(&text[unit_start..at])?)?)?;
        if at == text.len() {
            return (sum <= DURATION_NS_MAX).then_some(sum);
        }
        if spaced {
            return None;
        }
    }
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
        [(b'D', 86_400_000_000_000), (b'H', 3_600_000_000_000), (b'M', MINUTE), (b'S', SECOND)];
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

/// A span of time as `H:MM:SS.fff`, in nanoseconds.
///
/// None if it is not one, or exceeds [`DURATION_NS_MAX`].
#[cold]
pub fn of_clock(text: &[u8]) -> Option<u64> {
    let first = text.iter().position(|&b| b == b':')?;
    let (hours, rest) = (&text[..first], &text[first + 1..]);
    let [m1, m0, b':', s1, s0, b'.', decimals @ ..] = rest else { return None };
    let digits = [m1, m0, s1, s0].into_iter().chain(hours).chain(decimals);
    if hours.is_empty() || decimals.is_empty() || !digits.clone().all(u8::is_ascii_digit) {
        return None;
    }
    let (minutes, seconds) = (&rest[..2], &rest[3..]);
    if *m1 > b'5' || *s1 > b'5' {
        return None;
    }
    let hours = Number::read(hours, 0)?.0.times(60 * MINUTE)?;
    let minutes = Number::read(minutes, 0)?.0.times(MINUTE)?;
    let sum = hours.checked_add(minutes)?.checked_add(decimal(seconds, Unit::Seconds)?)?;
    (sum <= DURATION_NS_MAX).then_some(sum)
}

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

/// Nanoseconds of a unit by its name.
fn unit_nanos(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"ms" | b"msec" | b"msecs" | b"milli" | b"millis" | b"millisecond" | b"milliseconds" => {
            Unit::Milliseconds.nanos()
        }
        b"s" | b"sec" | b"secs" | b"second" | b"seconds" => Unit::Seconds.nanos(),
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" | b"usec" | b"usecs" | b"micro" | b"micros"
        | b"microsecond" | b"microseconds" => Unit::Microseconds.nanos(),
        b"ns" | b"nsec" | b"nsecs" | b"nano" | b"nanos" | b"nanosecond" | b"nanoseconds" => {
            Unit::Nanoseconds.nanos()
        }
        b"m" | b"min" | b"mins" | b"minute" | b"minutes" => MINUTE,
        b"h" | b"hr" | b"hrs" | b"hour" | b"hours" => 60 * MINUTE,
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
            "1m 30s",
            "1 m30s",
            "1d",
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
            "1e3ms",
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
            ("123:00:00.0", Some(442_800_000_000_000)),
            ("00:00:00", None),
            (":00:00.5", None),
            ("00:60:00.5", None),
            ("00:00:60.5", None),
            ("00:0:00.5", None),
            ("00:00:00.", None),
            ("00:00:00.5.5", None),
            ("-00:00:00.5", None),
            ("9999999:00:00.5", None),
        ] {
            assert_eq!(of_clock(text.as_bytes()), nanos, "{text}");
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
