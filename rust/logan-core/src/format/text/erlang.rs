//! Reports of Erlang's `error_logger` and of what is built on it, such as RabbitMQ before 3.7:
//! `=ERROR REPORT==== 24-Jan-2024::10:15:32 ===`, and lines of text behind it.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it.
//!
//! # Accepted
//! A *head* is `=`, words in capitals, the last of which is `REPORT`, `==== `, a day of one digit or
//! two, `-`, a month, `-`, a year, `::`, a time of day, perhaps with a fraction and ` UTC`, and ` ===`.
//! The first line behind it is the record, with the head's time; the lines after that, up to a blank
//! line or another head, are continuations, as heads are. Lines that any format of an
//! [envelope's payload](crate::format::envelope) takes are none of them. The level is the first word's: that of
//! crash and supervisor reports is ERROR, that of progress reports INFO.
//!
//! A report reaches [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES) from its head.

use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::envelope::Inner;
use crate::format::state::Chain;
use crate::format::{Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, listed};
use crate::record::{Columns, Level, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "erlang",
        title: "reports of Erlang's error_logger, of RabbitMQ and others",
        example: "=INFO REPORT==== 24-Jan-2024::10:15:32 ===\naccepting AMQP connection <0.512.0>\n\n",
        time_field: "head of the report",
        duration: None,
    },
    facts: Facts { kind: Kind::Stateful, ..Facts::PLAIN },
    build: |params| listed(params, || Erlang { others: Inner::new() }),
};

struct Erlang {
    /// Lines of these go on with no report.
    others: Inner,
}

/// What the head of the report at hand said.
#[derive(Default)]
struct Report {
    lines: Chain,
    /// Time and level, until the record is there.
    head: Option<(Stamp, Level)>,
    /// Room for a time as other programs write it.
    scratch: Vec<u8>,
}

/// Bytes between two lines of a report: a line end.
const GAP_BYTES_MAX: u64 = 2;

impl MultiLineFormat for Erlang {
    const COLUMNS: Columns = Columns::TEXT;
    const ENDS_AT_BLANK: bool = true;
    type State = Report;

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        report: &mut Report,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let text = line.bytes();
        if text.is_empty() {
            report.lines = Chain::default();
            return Part::Foreign;
        }
        if let Some(head) = head(text, cx.clock(), &mut report.scratch) {
            report.head = Some(head);
            report.lines.begin(offset, text.len());
            return Part::Continuation;
        }
        if !report.lines.goes_on(offset, GAP_BYTES_MAX) || self.others.take(line, cx) {
            return Part::Foreign;
        }
        report.lines.extend(offset, text.len());
        let Some((stamp, level)) = report.head.take() else { return Part::Continuation };
        cx.record.set_time(stamp);
        cx.record.level = level;
        let white = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
        cx.record.message = Text::of_line(white, text.len());
        Part::Record
    }
}

/// Time and level of a head.
fn head(text: &[u8], clock: &mut TimestampParser, scratch: &mut Vec<u8>) -> Option<(Stamp, Level)> {
    let rest = text.strip_prefix(b"=")?.strip_suffix(b" ===")?;
    const REPORT: &[u8] = b" REPORT==== ";
    let name_len = memchr::memmem::find(rest, REPORT)?;
    let name = &rest[..name_len];
    if name.is_empty() || !name.iter().all(|b| b.is_ascii_uppercase() || *b == b' ') {
        return None;
    }
    let level = match name {
        b"CRASH" | b"SUPERVISOR" => Level::Error,
        b"PROGRESS" => Level::Info,
        word => Level::from_word(word).unwrap_or_default(),
    };
    // As other programs write it, with one byte between day and time.
    let time = &rest[name_len + REPORT.len()..];
    let colons = memchr::memmem::find(time, b"::")?;
    scratch.clear();
    scratch.resize(PAD, 0);
    scratch.extend_from_slice(&time[..colons]);
    scratch.push(b' ');
    scratch.extend_from_slice(&time[colons + 2..]);
    let end = scratch.len();
    scratch.resize(end + PAD, 0);
    let line = Line::new(scratch, PAD, end);
    let (stamp, behind) = clock.any(line, 0).filter(|_| line.byte(0).is_ascii_digit())?;
    (behind == line.len()).then_some((stamp, level))
}
