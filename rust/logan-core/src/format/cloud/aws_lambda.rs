//! AWS Lambda's own lines: `REPORT RequestId: …\tDuration: 3.52 ms\tBilled Duration: 4 ms\t…`.
//!
//! # Accepted
//! Perhaps a timestamp and a blank (as exports of CloudWatch write it), then `START RequestId: `,
//! `END RequestId: `, `REPORT RequestId: `, or `INIT_START `, and something behind it.
//!
//! The response time is a report's first field `Duration: `, which is not that of its start
//! (`Init Duration`) nor what is paid for. What functions write between these lines is of other
//! formats.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::text::duration::with_unit;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::{Columns, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "aws-lambda",
        title: "AWS Lambda's start, end and report lines",
        example: "2024-01-24T10:15:32.223Z REPORT RequestId: 5b5f\tDuration: 3.52 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 47 MB",
        time_field: "start of the line, where it is written",
        duration: Some(("Duration", "in the text")),
    },
    facts: Facts { also_taken_by: &["syslog"], ..Facts::PLAIN },
    build: |_| line_format(Lambda),
};

struct Lambda;

const BEGINNINGS: [&[u8]; 4] =
    [b"REPORT RequestId: ", b"START RequestId: ", b"END RequestId: ", b"INIT_START "];
const DURATION: &[u8] = b"\tDuration: ";

impl LineFormat for Lambda {
    const COLUMNS: Columns = Columns::TIME.or(Columns::DURATION).or(Columns::MESSAGE);

    fn may_begin_with(&self, byte: u8) -> bool {
        matches!(byte, b'R' | b'S' | b'E' | b'I') || byte.is_ascii_digit()
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        let mut at = 0;
        if text[0].is_ascii_digit() {
            // Where the word would stand behind a time in UTC; most lines end here.
            let blank = text.iter().take(40).position(|b| matches!(b, b' ' | b'\t'))?;
            at = blank + 1;
        }
        if !BEGINNINGS.iter().any(|beginning| text[at..].starts_with(beginning)) {
            return None;
        }
        if at > 0 {
            let (stamp, end) = cx.clock().iso(line, 0)?;
            if end + 1 != at {
                return None;
            }
            cx.record.set_time(stamp);
        }
        cx.record.message = Text::of_line(at, text.len());
        if text[at] == b'R'
            && let Some(found) = memchr::memmem::find(&text[at..], DURATION)
        {
            let value = &text[at + found + DURATION.len()..];
            let len = memchr::memchr(b'\t', value).unwrap_or(value.len());
            if let Some(nanos) = with_unit(value[..len].trim_ascii_end()) {
                cx.record.duration_ns = nanos;
            }
        }
        Some(())
    }
}
