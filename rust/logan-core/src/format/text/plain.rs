//! Lines without a date: text that programs write where something else is meant to add the time.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it, since it
//! takes any line that does not go on with one before it.
//!
//! # Accepted
//! What is behind the [indent](crate::format::Params::indent) of all lines. A time of day at its front, perhaps in a bracket,
//! is the record's, on the day that the plan says; the level is that of [`leveled`](super::leveled), or else
//! where [`app`](super::app) looks for one behind a timestamp; a request and its status are those of
//! [`request`](crate::format::access::request), else the response time is found by the rule of
//! [`text_duration`](super::text_duration).

use super::{leveled, levels, text_duration};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::access::request;
use crate::format::slices::digits;
use crate::format::tails::is_tail;
use crate::format::{
    Candidate, Entry, Facts, Format, Info, Kind, MultiLineFormat, Params, Parse, Part, listed,
};
use crate::record::{Columns, Level, NO_TIME, Record, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "plain",
        title: "lines without a date",
        example: "INFO order placed in 127 ms",
        time_field: "a time of day, if any",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts { kind: Kind::Stateful, trial: Candidate::Alone, ..Facts::PLAIN },
    build: |params| {
        listed(params, || Plain {
            indent: params.indent as usize,
            request: (request::entry::ENTRY.build)(&Params::of_payloads()),
        })
    },
};

struct Plain {
    indent: usize,
    request: Box<dyn Format>,
}

impl MultiLineFormat for Plain {
    const COLUMNS: Columns = Columns::ALL;
    type State = ();

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        _offset: u64,
        _state: &mut (),
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let bytes = line.bytes();
        let Some((blank, text)) = bytes.split_at_checked(self.indent) else { return Part::Foreign };
        if text.is_empty() || !blank.iter().all(|b| matches!(b, b' ' | b'\t')) || is_tail(text) {
            return Part::Foreign;
        }
        let Parse { context, arena, record, .. } = cx;
        let inner = line.slice(self.indent, bytes.len());
        if self.request.parse_line(inner, context, arena, record) {
            record.for_each_text(|text| *text = text.at(self.indent as u32));
        } else {
            **record = Record::EMPTY;
            let (level, message) = level_and_message(text);
            record.level = level;
            let message = self.indent + message;
            record.message = Text::of_line(message, bytes.len());
            record.duration_ns = text_duration::find_one(line, message, &mut context.memo);
        }
        if record.time_ns == NO_TIME
            && let Some(stamp) = time_of_day(text, &mut context.clock)
        {
            record.set_time(stamp);
        }
        Part::Record
    }
}

fn level_and_message(text: &[u8]) -> (Level, usize) {
    if let Some(found) = leveled::front(text) {
        return found;
    }
    let start = clock(text).map_or(0, |(_, _, end)| end);
    let front = &text[start..text.len().min(start + levels::LEVEL_OFFSET_MAX)];
    match levels::leading(front) {
        Some((level, end)) => {
            let end = start + end;
            let dressing = text[end..].iter().take_while(|b| b" \t]:-|)>".contains(b)).count();
            (level, end + dressing)
        }
        None => (Level::None, 0),
    }
}

/// The instant of the time of day at the front of a text, if the plan says of which day it is.
pub(super) fn time_of_day(text: &[u8], clock_parser: &mut TimestampParser) -> Option<Stamp> {
    if !clock_parser.reads_clocks() {
        return None;
    }
    let (second, nanos, _) = clock(text)?;
    clock_parser.of_clock(second, nanos)
}

/// Second of the day, nanoseconds, and end of the time of day at the front, perhaps in a bracket.
fn clock(text: &[u8]) -> Option<(u32, u32, usize)> {
    let open = usize::from(matches!(text.first(), Some(b'[' | b'(')));
    let text = &text[open..];
    let number = |at: usize, len: usize| {
        let part = text.get(at..at + len).filter(|part| part.iter().all(u8::is_ascii_digit))?;
        Some(part.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0')))
    };
    let hour_len = digits(text);
    let (hour, minute) =
        (number(0, hour_len).filter(|_| (1..=2).contains(&hour_len))?, hour_len + 1);
    if text.get(hour_len) != Some(&b':') {
        return None;
    }
    let minutes = number(minute, 2)?;
    let mut end = minute + 2;
    let (mut seconds, mut nanos) = (0, 0);
    if text.get(end) == Some(&b':') {
        seconds = number(end + 1, 2)?;
        end += 3;
        if matches!(text.get(end), Some(b'.' | b',')) {
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
    let follows = text.get(end).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b':');
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
            ("13:05PM x", None),
        ] {
            assert_eq!(clock(text.as_bytes()), expected, "{text}");
        }
    }
}
