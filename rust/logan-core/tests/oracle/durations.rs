//! Response times in free text. Part of the [twin](super).

use super::*;

/// A decimal number without exponent, times nanoseconds, rounded half up.
pub(super) fn decimal(number: &[u8], unit_ns: u64) -> Option<u64> {
    let digits: Vec<u8> = number.iter().copied().filter(|&b| b != b'.').collect();
    let decimals = number.iter().rev().take_while(|&&b| b != b'.').count();
    let decimals = if digits.len() == number.len() { 0 } else { decimals };
    scaled(&digits, -(decimals as i64), unit_ns)
}

/// Digits times ten to a power, times nanoseconds, rounded half up.
pub(super) fn scaled(digits: &[u8], power: i64, unit_ns: u64) -> Option<u64> {
    // 24 digits times an hour fit.
    if digits.is_empty() || digits.len() > 24 {
        return None;
    }
    let value: u128 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let value = value * u128::from(unit_ns);
    let ten = |power: i64| 10u128.checked_pow(power as u32);
    let nanos = if value == 0 {
        0
    } else if power >= 0 {
        value.checked_mul(ten(power)?)?
    } else {
        ten(-power).map_or(0, |p| value / p + u128::from(value % p * 2 >= p))
    };
    u64::try_from(nanos).ok().filter(|&nanos| nanos <= i64::MAX as u64)
}

/// The number, possibly with an exponent, that `text` is.
pub(super) fn number(text: &[u8], unit_ns: u64) -> Option<u64> {
    let (mantissa, exponent) = match text.iter().position(|b| b"eE".contains(b)) {
        None => (text, 0),
        Some(i) => {
            let rest = &text[i + 1..];
            let unsigned = rest.strip_prefix(b"-").or(rest.strip_prefix(b"+")).unwrap_or(rest);
            if !(1..=4).contains(&unsigned.len()) {
                return None;
            }
            let exponent = digits(unsigned, 0, unsigned.len())?;
            (&text[..i], if rest.starts_with(b"-") { -exponent } else { exponent })
        }
    };
    let parts: Vec<&[u8]> = mantissa.split(|&b| b == b'.').collect();
    let all = parts.concat();
    if parts.len() > 2 || !all.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let decimals = parts.get(1).map_or(0, |d| d.len()) as i64;
    scaled(&all, exponent - decimals, unit_ns)
}

/// A duration with its unit, or several on end.
pub(super) fn with_unit(text: &[u8]) -> Option<u64> {
    if text.starts_with(b"P") {
        return iso_span(&text[1..]);
    }
    let mut sum = 0u64;
    let mut at = 0;
    loop {
        let len = run(text, at, |b| b.is_ascii_digit() || b == b'.');
        let spaced = at == 0 && text.get(len) == Some(&b' ');
        let unit_at = at + len + usize::from(spaced);
        let end = unit_at + run(text, unit_at, |b| !b.is_ascii_digit() && b != b'.');
        let nanos = number(&text[at..at + len], field_unit(&text[unit_at..end])?)?;
        sum = sum.checked_add(nanos)?;
        if end == text.len() {
            return Some(sum).filter(|&sum| sum <= i64::MAX as u64);
        }
        if spaced {
            return None;
        }
        at = end;
    }
}

/// What follows the `P` of `P1DT2H3M4.5S`.
pub(super) fn iso_span(text: &[u8]) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    let mut parts = 0;
    for (letter, unit_ns) in [
        (b'D', 86_400 * SECOND as u64),
        (b'T', 0),
        (b'H', 3_600 * SECOND as u64),
        (b'M', 60 * SECOND as u64),
        (b'S', SECOND as u64),
    ] {
        if letter == b'T' {
            match rest {
                [b'T', more @ ..] if !more.is_empty() => rest = more,
                [] if parts > 0 => return Some(sum).filter(|&sum| sum <= i64::MAX as u64),
                _ => return None,
            }
            continue;
        }
        let len = run(rest, 0, |b| b.is_ascii_digit() || b == b'.');
        if rest.get(len) == Some(&letter) {
            let part = number(&rest[..len], unit_ns)?;
            sum = sum.checked_add(part)?;
            rest = &rest[len + 1..];
            parts += 1;
        }
    }
    (rest.is_empty() && parts > 0 && sum <= i64::MAX as u64).then_some(sum)
}

/// `00:00:00.127`.
pub(super) fn span_of_clock(text: &[u8]) -> Option<u64> {
    let parts: Vec<&[u8]> = text.split(|&b| b == b':').collect();
    let &[hours, minutes, seconds] = &parts[..] else { return None };
    let below_sixty = |text: &[u8]| digits(text, 0, 2).filter(|&n| n < 60);
    let decimals = seconds.get(3..).filter(|_| seconds[2] == b'.')?;
    let all_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if minutes.len() != 2 || !all_digits(hours) || !all_digits(decimals) {
        return None;
    }
    below_sixty(seconds)?;
    let hours = number(hours, 3_600 * SECOND as u64)?;
    let minutes = below_sixty(minutes)? as u64 * 60 * SECOND as u64;
    let sum = hours.checked_add(minutes)?.checked_add(number(seconds, SECOND as u64)?)?;
    Some(sum).filter(|&sum| sum <= i64::MAX as u64)
}

pub(super) fn field_unit(name: &[u8]) -> Option<u64> {
    let units = [
        (1, "ns nsec nsecs nano nanos nanosecond nanoseconds"),
        (1_000, "us µs μs usec usecs micro micros microsecond microseconds"),
        (1_000_000, "ms msec msecs milli millis millisecond milliseconds"),
        (1_000_000_000, "s sec secs second seconds"),
        (60_000_000_000, "m min mins minute minutes"),
        (3_600_000_000_000, "h hr hrs hour hours"),
    ];
    let found = units.iter().find(|(_, list)| list.split(' ').any(|u| u.as_bytes() == name));
    found.map(|(nanos, _)| *nanos)
}
