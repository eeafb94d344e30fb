//! What .NET writes to a console: `info: Shop.Cart[2]`, and the message on the lines behind it.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it.
//!
//! # Accepted
//! A *head* is perhaps a timestamp or a time of day, perhaps in brackets, and a space; one of `trce`,
//! `dbug`, `info`, `warn`, `fail` and `crit`; `: `; a category without spaces; and the number of the
//! event in brackets, which ends the line. Colors are read over. The first line behind it that begins
//! with six spaces is the record, with the time and level of the head; heads, and indented lines after
//! that, are continuations. So are scopes (`=> ConnectionId:0HN`) before the message. A message in
//! which a request stands with its answer is [one](crate::format::access::request) (`Request finished
//! HTTP/1.1 GET http://localhost/cart - 200 - text/html 36.5ms`).
//!
//! A record reaches [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES) from its head.
//!
//! Source: <https://learn.microsoft.com/en-us/dotnet/core/extensions/console-log-formatter>.

use super::{ansi, clock, text_duration};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::access::request;
use crate::format::slices::digits_at_end;
use crate::format::state::Chain;
use crate::format::{Candidate, Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, listed};
use crate::record::{Columns, Level, NO_TIME, Record, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "dotnet",
        title: ".NET and ASP.NET Core on a console",
        example: "info: Shop.Cart[2]\n      Request finished HTTP/1.1 GET http://localhost/cart - 200 - text/html 127.4307ms\n",
        time_field: "front of the level, if any",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts {
        kind: Kind::Stateful,
        trial: Candidate::Outer,
        also_taken_by: &["leveled"],
        ..Facts::PLAIN
    },
    build: |params| listed(params, || DotNet),
};

/// What lines of a message begin with.
const INDENT: &[u8] = b"      ";
/// What the scopes begin with that a message was written in.
const SCOPE: &[u8] = b"=> ";
/// Bytes between two lines of a record: a line end.
const GAP_BYTES_MAX: u64 = 2;
/// Longest head: a time, and the name of a class with its namespaces.
const HEAD_BYTES_MAX: usize = 512;
/// Bytes of a level.
const LEVEL_BYTES: usize = 4;

struct DotNet;

/// What the head of the record at hand said.
#[derive(Default)]
struct Head {
    lines: Chain,
    /// Time and level, until the record is there.
    said: Option<(Option<Stamp>, Level)>,
}

impl MultiLineFormat for DotNet {
    const COLUMNS: Columns = Columns::TEXT
        .or(Columns::DURATION)
        .or(Columns::STATUS)
        .or(Columns::BYTES)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT)
        .or(Columns::ON_REQUEST);
    type State = Head;

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        head: &mut Head,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let text = line.bytes();
        let Some(message) = text.strip_prefix(INDENT) else {
            return match head_of(line, cx.clock()) {
                Some(said) => {
                    head.said = Some(said);
                    head.lines.begin(offset, text.len());
                    Part::Continuation
                }
                None => Part::Foreign,
            };
        };
        if !head.lines.goes_on(offset, GAP_BYTES_MAX) {
            return Part::Foreign;
        }
        head.lines.extend(offset, text.len());
        if message.starts_with(SCOPE) {
            return Part::Continuation;
        }
        let Some((stamp, level)) = head.said.take() else { return Part::Continuation };
        let start = text.len() - message.trim_ascii_start().len();
        if !request::of_line(line, cx) {
            *cx.record = Record::EMPTY;
            cx.record.duration_ns = text_duration::find_one(line, start, &mut cx.context.memo);
        }
        cx.record.time_ns = NO_TIME;
        cx.record.second = Record::EMPTY.second;
        if let Some(stamp) = stamp {
            cx.record.set_time(stamp);
        }
        cx.record.level = level;
        cx.record.message = Text::of_line(start, text.len());
        Part::Record
    }
}

/// Time and level of a head.
fn head_of(line: Line<'_>, clock: &mut TimestampParser) -> Option<(Option<Stamp>, Level)> {
    // What nearly all lines of other programs lack.
    if line.len() > HEAD_BYTES_MAX || !line.bytes().ends_with(b"]") {
        return None;
    }
    if !line.bytes().contains(&ansi::ESC) {
        return plain_head(line, clock);
    }
    let mut plain = Vec::new();
    if !ansi::strip(line.bytes(), &mut plain) {
        return None;
    }
    plain_head(Line::new(&plain, PAD, plain.len() - PAD), clock)
}

/// As [`head_of`], of a line without colors.
fn plain_head(line: Line<'_>, clock: &mut TimestampParser) -> Option<(Option<Stamp>, Level)> {
    let text = line.bytes();
    let number = text.strip_suffix(b"]")?;
    let event = number.len() - digits_at_end(number);
    let named = number[..event].strip_suffix(b"[").filter(|_| event < number.len())?;
    let category = memchr::memrchr(b' ', named)? + 1;
    let front = named[..category - 1].strip_suffix(b":").filter(|_| category < named.len())?;
    let (before, word) = front.split_at_checked(front.len().checked_sub(LEVEL_BYTES)?)?;
    let level = level(word)?;
    if before.is_empty() {
        return Some((None, level));
    }
    // What closes a timestamp may stand behind it.
    let ends =
        |end: usize| before.get(end..).is_some_and(|rest| rest.iter().all(|b| b"]) ".contains(b)));
    let dated = clock.any(line, usize::from(before[0] == b'[')).filter(|&(_, end)| ends(end));
    let stamp = match dated {
        Some((stamp, _)) => Some(stamp),
        None if clock::clock(before).is_some_and(|(.., end)| ends(end)) => {
            clock::time_of_day(before, clock)
        }
        None => return None,
    };
    before.ends_with(b" ").then_some((stamp, level))
}

/// The level that a word of four letters is.
fn level(word: &[u8]) -> Option<Level> {
    Some(match word {
        b"trce" => Level::Trace,
        b"dbug" => Level::Debug,
        b"info" => Level::Info,
        b"warn" => Level::Warn,
        b"fail" => Level::Error,
        b"crit" => Level::Fatal,
        _ => return None,
    })
}
