//! Logs of Microsoft's Configuration Manager and Intune, as its viewer CMTrace reads them.
//!
//! # Accepted
//! `<![LOG[`, a message, `]LOG]!><time="09:26:23.123-60" date="8-18-2025" component="…" context=""
//! type="1" thread="…" file="…">`. Behind the time stand the minutes that have to be added for UTC, if
//! any. The date is month, day and year. The type is 1 for INFO, 2 for WARN, 3 for ERROR.
//!
//! A message may have several lines: that which ends it is the record, and its first one goes on with
//! the record before.

use super::text_duration;
use crate::bytes::line::{Line, PAD, PaddedLine};
use crate::bytes::simd::Simd;
use crate::format::{Continuation, Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::{Columns, Level, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "cmtrace",
        title: "Microsoft Configuration Manager and Intune (CMTrace)",
        example: "<![LOG[Policy applied in 127 ms]LOG]!><time=\"10:15:32.123+000\" date=\"1-24-2024\" \
                  component=\"PolicyAgent\" context=\"\" type=\"1\" thread=\"4711\" file=\"agent.cpp:12\">",
        time_field: "time and date",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts {
        continuations: &[Continuation { prefix: OPENING, is_one: |_| true }],
        ..Facts::PLAIN
    },
    build: |_| line_format(CmTrace),
};

const OPENING: &[u8] = b"<![LOG[";
const CLOSING: &[u8] = b"]LOG]!><time=\"";

struct CmTrace;

impl LineFormat for CmTrace {
    const COLUMNS: Columns = Columns::TEXT.or(Columns::DURATION);

    fn may_begin_with(&self, _byte: u8) -> bool {
        true
    }

    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        if !text.ends_with(b">") {
            return None;
        }
        let end = memchr::memmem::rfind(text, CLOSING)?;
        let start = if text.starts_with(OPENING) { OPENING.len() } else { 0 };
        let tags = &text[end + CLOSING.len()..];
        let stamp = stamp(tags, cx.clock())?;
        cx.record.set_time(stamp);
        cx.record.level = match quoted(tags, b" type=\"")? {
            b"1" => Level::Info,
            b"2" => Level::Warn,
            b"3" => Level::Error,
            _ => Level::None,
        };
        cx.record.message = Text::of_line(start, end.max(start));
        let message = line.until(end.max(start));
        cx.record.duration_ns = text_duration::find_one(message, start, &mut cx.context.memo);
        Some(())
    }
}

/// What stands in quotes behind a tag's name.
fn quoted<'a>(tags: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let start = memchr::memmem::find(tags, name)? + name.len();
    let len = memchr::memchr(b'"', &tags[start..])?;
    Some(&tags[start..start + len])
}

/// The instant of `09:26:23.123-60" date="8-18-2025"`.
fn stamp(tags: &[u8], clock: &mut TimestampParser) -> Option<Stamp> {
    let time = std::str::from_utf8(&tags[..memchr::memchr(b'"', tags)?]).ok()?;
    let date = std::str::from_utf8(quoted(tags, b" date=\"")?).ok()?;
    let mut date = date.split('-').map(|part| part.parse::<u32>().ok());
    let (month, day, year) = (date.next()??, date.next()??, date.next()??);
    let (time, west) = match time.find(['+', '-']) {
        None => (time, None),
        Some(at) => (&time[..at], Some(time[at..].parse::<i32>().ok()?)),
    };
    let zone = west.map(|west| {
        let sign = if west > 0 { '-' } else { '+' };
        format!("{sign}{:02}:{:02}", west.abs() / 60, west.abs() % 60)
    });
    let written = format!("{year:04}-{month:02}-{day:02} {time}{}", zone.unwrap_or_default());
    if written.len() > PAD {
        return None;
    }
    let padded = PaddedLine::new(written.as_bytes());
    let (stamp, end) = clock.any(padded.line(), 0)?;
    (end == written.len()).then_some(stamp)
}
