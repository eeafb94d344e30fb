//! Requests that ASP.NET Core finished, as .NET writes them to a console: `info:
//! Microsoft.AspNetCore.Hosting.Diagnostics[2]`, and on the line behind it the message.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it.
//!
//! # Accepted
//! A *head* is perhaps a timestamp or a time of day, perhaps in brackets or before a dash or bar; one of `trce`,
//! `dbug`, `info`, `warn`, `fail` and `crit`; `: `; a category without spaces; and the number of the
//! event in brackets, which ends the line. Colors are read over. It is a record of another format.
//! A line behind it that begins with six spaces and `Request finished `, and holds a
//! [request](crate::format::access::request) or how one was answered (`Request finished HTTP/1.1 GET
//! http://localhost/cart - 200 - text/html 36.5ms`), is a record, too, with the time of the head. All
//! other lines are left to other formats.
//!
//! A head reaches [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES).
//!
//! Source: <https://learn.microsoft.com/en-us/dotnet/core/extensions/console-log-formatter>.

use super::{ansi, clock};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::access::request;
use crate::format::slices::digits_at_end;
use crate::format::state::Chain;
use crate::format::{Candidate, Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, listed};
use crate::record::{Columns, NO_TIME, Record, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "dotnet",
        title: "requests of ASP.NET Core on the console of .NET",
        example: "info: Microsoft.AspNetCore.Hosting.Diagnostics[2]\n      Request finished HTTP/1.1 GET http://localhost/cart - 200 - text/html 127.4307ms\n",
        time_field: "front of the level, if any",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts { kind: Kind::Stateful, trial: Candidate::Outer, ..Facts::PLAIN },
    build: |params| listed(params, || DotNet),
};

/// What the message begins with.
const FINISHED: &[u8] = b"      Request finished ";
/// What lines of messages begin with.
const INDENT: &[u8] = b"      ";
/// Bytes between two lines of a record: a line end.
const GAP_BYTES_MAX: u64 = 2;
/// Longest head: a time, and the name of a class with its namespaces.
const HEAD_BYTES_MAX: usize = 512;
/// How levels are written.
const LEVELS: [&[u8]; 6] = [b"trce", b"dbug", b"info", b"warn", b"fail", b"crit"];
/// Bytes of a level.
const LEVEL_BYTES: usize = 4;

struct DotNet;

/// What the head of the record at hand said.
#[derive(Default)]
struct Head {
    lines: Chain,
    stamp: Option<Stamp>,
}

impl MultiLineFormat for DotNet {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::MESSAGE)
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
        if !text.starts_with(INDENT) {
            if let Some(stamp) = head_of(line, cx.clock()) {
                head.stamp = stamp;
                head.lines.begin(offset, text.len());
            }
            return Part::Foreign;
        }
        if !head.lines.goes_on(offset, GAP_BYTES_MAX) {
            return Part::Foreign;
        }
        head.lines.extend(offset, text.len());
        if !text.starts_with(FINISHED) || !request::of_line(line, cx) {
            return Part::Foreign;
        }
        cx.record.time_ns = NO_TIME;
        cx.record.second = Record::EMPTY.second;
        if let Some(stamp) = head.stamp {
            cx.record.set_time(stamp);
        }
        cx.record.message = Text::of_line(INDENT.len(), text.len());
        Part::Record
    }
}

/// The time of a head, which may have none.
fn head_of(line: Line<'_>, clock: &mut TimestampParser) -> Option<Option<Stamp>> {
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
fn plain_head(line: Line<'_>, clock: &mut TimestampParser) -> Option<Option<Stamp>> {
    let text = line.bytes();
    let number = text.strip_suffix(b"]")?;
    let event = number.len() - digits_at_end(number);
    let named = number[..event].strip_suffix(b"[").filter(|_| event < number.len())?;
    let category = memchr::memrchr(b' ', named)? + 1;
    let front = named[..category - 1].strip_suffix(b":").filter(|_| category < named.len())?;
    let (before, word) = front.split_at_checked(front.len().checked_sub(LEVEL_BYTES)?)?;
    if !LEVELS.contains(&word) {
        return None;
    }
    if before.is_empty() {
        return Some(None);
    }
    // What closes a timestamp may stand behind it.
    let ends = |end: usize| {
        before.get(end..).is_some_and(|rest| rest.iter().all(|b| b"]) -|\t".contains(b)))
    };
    let dated = clock.any(line, usize::from(before[0] == b'[')).filter(|&(_, end)| ends(end));
    let stamp = match dated {
        Some((stamp, _)) => Some(stamp),
        None if clock::clock(before).is_some_and(|(.., end)| ends(end)) => {
            clock::time_of_day(before, clock)
        }
        None => return None,
    };
    Some(stamp)
}
