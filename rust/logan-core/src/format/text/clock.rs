//! Times of day at the front of lines that have no date.

use crate::format::slices::{digits, letters};
use crate::record::Level;
use crate::time::{Stamp, TimestampParser};

/// The instant of the time of day at the front of a text, if the plan says of which day it is.
pub(super) fn time_of_day(text: &[u8], clock_parser: &mut TimestampParser) -> Option<Stamp> {
    if !clock_parser.reads_clocks() {
        return None;
    }
    let (second, nanos, _) = clock(text)?;
    clock_parser.of_clock(second, nanos)
}

/// The level before a time of day, and where that begins: `D 10:15:32`, `[LOG 10:15:32]`.
pub(super) fn behind_level(text: &[u8]) -> Option<(Level, usize)> {
    let open = usize::from(text.first() == Some(&b'['));
    let len = letters(&text[open..]);
    let word = &text[open..open + len];
    if text.get(open + len) != Some(&b' ') || !word.iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let level = match word {
        [letter] => Level::from_letter(*letter)?,
        _ => Level::from_word(word).or_else(|| Level::from_weak_word(word))?,
    };
    let at = open + len + 1;
    let is_digit = text.get(at).is_some_and(u8::is_ascii_digit);
    clock(&text[at..]).filter(|_| is_digit).map(|_| (level, at))
}

/// Second of the day, nanoseconds, and end of the time of day at the front, perhaps in a bracket.
pub(super) fn clock(text: &[u8]) -> Option<(u32, u32, usize)> {
    let open = usize::from(matches!(text.first(), Some(b'[' | b'(')));
    let text = &text[open..];
    let number = |at: usize, len: usize| {
        let part = text.get(at..at + len).filter(|part| part.iter().all(u8::is_ascii_digit))?;
        Some(part.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0')))
    };
    let hour_len = digits(text);
    if !(1..=2).contains(&hour_len) || text.get(hour_len) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (number(0, hour_len)?, hour_len + 1);
    let minutes = number(minute, 2)?;
    let mut end = minute + 2;
    let (mut seconds, mut nanos) = (0, 0);
    if text.get(end) == Some(&b':') {
        seconds = number(end + 1, 2)?;
        end += 3;
        // Behind a colon three digits are milliseconds, and fewer a fourth number.
        let is_millis =
            text.get(end) == Some(&b':') && digits(text.get(end + 1..).unwrap_or_default()) == 3;
        if matches!(text.get(end), Some(b'.' | b',')) || is_millis {
            let len = digits(&text[end + 1..]);
            let kept = len.min(9);
            nanos = number(end + 1, kept)? * 10u32.pow(9 - kept as u32);
            end += if len > 0 { 1 + len } else { 0 };
        }
    }
    let half = match text.get(end..) {
        Some([b'A', b'M', ..] | [b' ', b'A', b'M', ..]) => Some(0),
        Some([b'P', b'M', ..] | [b' ', b'P', b'M', ..]) => Some(12),
        _ => None,
    };
    // Hours and minutes alone are a score or a verse.
    if half.is_none() && end == minute + 2 {
        return None;
    }
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    if half.is_some() {
        end += 2 + usize::from(text[end] == b' ');
    }
    let follows = match text.get(end..).unwrap_or_default() {
        [] | [b':', b' ', ..] => true,
        [next, ..] => !next.is_ascii_alphanumeric() && *next != b':',
    };
    (hour < 24 && minutes < 60 && seconds <= 60 && follows).then_some((
        hour * 3600 + minutes * 60 + seconds,
        nanos,
        open + end,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_before_times_of_day() {
        for (text, expected) in [
            ("D 10:15:32.1234567 GameState.Debug() - x", Some((Level::Debug, 2))),
            ("[LOG 10:15:32.123] x", Some((Level::Info, 5))),
            ("[ERR 10:15:32.123] x", Some((Level::Error, 5))),
            ("took 10:15:32 x", None),
            ("error 10:15:32 x", None),
            ("DISK 10:15:32 x", None),
            ("D [10:15:32] x", None),
            ("D 10:15 x", None),
        ] {
            assert_eq!(behind_level(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn times_of_day() {
        for (text, expected) in [
            ("10:15:32 INFO x", Some((36_932, 0, 8))),
            ("[10:15:32.5] x", Some((36_932, 500_000_000, 11))),
            ("9:05:02,123 x", Some((32_702, 123_000_000, 11))),
            ("1:05PM INF x", Some((47_100, 0, 6))),
            ("12:05:00 AM x", Some((300, 0, 11))),
            ("10:15 x", None),
            ("25:00:00 x", None),
            ("10:15:32:05 x", None),
            ("10:15:32:1234 x", None),
            ("10:15:32:125 x", Some((36_932, 125_000_000, 12))),
            ("10:15:32.125: x", Some((36_932, 125_000_000, 12))),
            ("10:15:32:x", None),
            ("13:05PM x", None),
        ] {
            assert_eq!(clock(text.as_bytes()), expected, "{text}");
        }
    }
}
