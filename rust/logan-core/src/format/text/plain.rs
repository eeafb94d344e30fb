//! Lines without a date: text that programs write where something else is meant to add the time.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it, since it
//! takes any line that does not go on with one before it.
//!
//! # Accepted
//! What is behind the [indent](crate::format::Params::indent) of all lines. A time of day at its front, perhaps in a bracket,
//! is the record's, on the day that the plan says; a level in capitals may stand before it (`D 10:15:32`,
//! `[LOG 10:15:32]`), else the level is where [`app`](super::app) looks for one behind a timestamp; a request and its status are those of
//! [`request`](crate::format::access::request), else the response time is found by the rule of
//! [`text_duration`](super::text_duration).

use super::{clock, levels, text_duration};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::access::request;
use crate::format::tails::is_tail;
use crate::format::{Candidate, Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, listed};
use crate::record::{Columns, Level, NO_TIME, Record, Text};

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
    build: |params| listed(params, || Plain { indent: params.indent as usize }),
};

struct Plain {
    indent: usize,
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
        let inner = line.slice(self.indent, bytes.len());
        let is_request = request::of_line(inner, cx);
        let Parse { context, record, .. } = cx;
        if is_request {
            record.for_each_text(|text| *text = text.at(self.indent as u32));
            if record.level == Level::None {
                // Before a time of day, which the reader of requests does not look for.
                record.level = level_and_message(text).0;
            }
        } else {
            **record = Record::EMPTY;
            let (level, message) = level_and_message(text);
            record.level = level;
            let message = self.indent + message;
            record.message = Text::of_line(message, bytes.len());
            record.duration_ns = text_duration::find_one(line, message, &mut context.memo);
        }
        if record.time_ns == NO_TIME
            && let Some(stamp) = {
                let at = clock::behind_level(text).map_or(0, |(_, at)| at);
                clock::time_of_day(&text[at..], &mut context.clock)
            }
        {
            record.set_time(stamp);
        }
        Part::Record
    }
}

fn level_and_message(text: &[u8]) -> (Level, usize) {
    if let Some((level, at)) = clock::behind_level(text) {
        let end = at + clock::clock(&text[at..]).map_or(0, |(_, _, end)| end);
        return (level, end + dressing(&text[end..]));
    }
    let start = clock::clock(text).map_or(0, |(_, _, end)| end);
    let front = &text[start..text.len().min(start + levels::LEVEL_OFFSET_MAX)];
    let Some((level, end)) = levels::leading(front) else { return (Level::None, 0) };
    let end = start + end;
    (level, end + dressing(&text[end..]))
}

/// How many bytes stand between a level and its message.
fn dressing(text: &[u8]) -> usize {
    text.iter().take_while(|b| b" \t]:-|)>".contains(b)).count()
}
