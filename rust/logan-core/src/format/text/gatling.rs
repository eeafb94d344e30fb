//! The `simulation.log` of Gatling before 3.12, which writes bytes since then: columns between tabs.
//!
//! # Accepted
//! `REQUEST` and `GROUP` with columns, the start, the end, and behind those `OK` or `KO`; `RUN`, `USER` and
//! `ERROR` with columns. Times are milliseconds since 1970, of 13 digits.
//!
//! The time of a request or a group is the first of the times before its outcome (Gatling 2.0 has four:
//! start and end of request and response), that of other lines the first number of 13 digits.
//!
//! # What it says
//! - **Response time** of a request: from the first of these times to the last one. A group's is that of
//!   several requests, and none.
//! - **Level**: ERROR for `KO`, INFO for `OK`; none for other lines.
//! - **Status**: the number behind `but actually found ` that ends the message of a request whose check of the
//!   status failed (`status.find.is(200), but actually found 503`). Others do not say it.
//! - **Message**: that of a `KO`; else the name, which is the column before the times; the first column
//!   of other lines.
//!
//! Source: <https://qiita.com/eielh/items/b91d83a1f90552f3401e>,
//! <https://github.com/gatling/gatling/issues/4596>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::slices::digits_at_end;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, fields, http};
use crate::format::{http::nanos_of, line_format};
use crate::record::{Columns, Level, Text};
use crate::time::epoch;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "gatling",
        title: "Gatling's simulation.log, in text",
        example: "REQUEST\t\tAdd to cart\t1706091332000\t1706091332127\tOK\t ",
        time_field: "start, in milliseconds since 1970",
        duration: Some(("from start to end", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Gatling),
};

/// Digits of milliseconds since 1970, from 2001 to 2286.
const DIGITS: usize = 13;
/// Columns of a line: of a request of Gatling 2.0 there are eleven, and messages may have tabs.
const COLUMNS_MAX: usize = 24;

struct Gatling;

impl LineFormat for Gatling {
    const COLUMNS: Columns = Columns::TEXT.or(Columns::STATUS).or(Columns::DURATION);

    fn may_begin_with(&self, byte: u8) -> bool {
        matches!(byte, b'R' | b'G' | b'U' | b'E')
    }

    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        let kind = &text[..memchr::memchr(b'\t', text)?];
        let is_request = kind == b"REQUEST";
        if !is_request && !matches!(kind, b"GROUP" | b"RUN" | b"USER" | b"ERROR") {
            return None;
        }
        let span = |part: &[u8]| {
            let start = part.as_ptr() as usize - text.as_ptr() as usize;
            Text::of_line(start, start + part.len())
        };
        let mut columns = text[kind.len() + 1..].splitn(COLUMNS_MAX, |&b| b == b'\t');
        let (mut name, mut times): (&[u8], Option<(u64, u64)>) = (b"", None);
        let record = &mut *cx.record;
        while let Some(column) = columns.next() {
            if let Some(millis) = millis(column) {
                times = Some((times.map_or(millis, |(first, _)| first), millis));
                continue;
            }
            let Some((start, end)) = times else {
                if !column.trim_ascii().is_empty() {
                    name = column;
                }
                continue;
            };
            if !is_request && kind != b"GROUP" {
                break;
            }
            if fields::whole(column).is_some() {
                // What the requests of a group took together.
                continue;
            }
            record.level = match column {
                b"OK" => Level::Info,
                b"KO" => Level::Error,
                _ => return None,
            };
            if is_request {
                record.duration_ns =
                    nanos_of(end.checked_sub(start)?, 0, Unit::Milliseconds.nanos());
            }
            let said = columns.next().unwrap_or_default().trim_ascii();
            if record.level == Level::Error && !said.is_empty() {
                record.status = status(said).filter(|_| is_request).unwrap_or(record.status);
                name = said;
            }
            break;
        }
        let (start, _) = times?;
        if (is_request || kind == b"GROUP") && record.level == Level::None {
            return None;
        }
        record.set_time(epoch(start.to_string().as_bytes())?);
        record.message = span(name);
        Some(())
    }
}

fn millis(column: &[u8]) -> Option<u64> {
    fields::whole(column).filter(|_| column.len() == DIGITS)
}

/// The status that the check of a request found.
fn status(message: &[u8]) -> Option<u16> {
    let front = &message[..message.len() - digits_at_end(message)];
    let found = fields::status(&message[front.len()..])?;
    let is_one = message.starts_with(b"status.") && front.ends_with(b"but actually found ");
    (is_one && http::is_registered_status(found)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::format::{Context, Params};
    use crate::record::{NO_DURATION, NO_STATUS, Record};
    use crate::time::TimestampParser;

    fn read(line: &str) -> Option<(i64, Level, u16, Option<u64>, String)> {
        let (mut context, mut record) = (Context::new(TimestampParser::utc()), Record::EMPTY);
        let format = (ENTRY.build)(&Params::default());
        let padded = PaddedLine::new(line.as_bytes());
        format.parse_line(padded.line(), &mut context, &mut Vec::new(), &mut record).then(|| {
            let ms = (record.duration_ns != NO_DURATION).then_some(record.duration_ns / 1_000_000);
            let message = record.message.bytes(line.as_bytes(), &[]);
            let message = String::from_utf8_lossy(message).into_owned();
            (record.time_ns / 1_000_000, record.level, record.status, ms, message)
        })
    }

    #[test]
    fn lines() {
        let start = 1_706_091_332_000;
        for (line, level, status, ms, message) in [
            (
                "REQUEST\t\tHome\t{}\t1706091332127\tOK\t ",
                Level::Info,
                NO_STATUS,
                Some(127),
                "Home",
            ),
            (
                "REQUEST\ta,b\tHome\t{}\t1706091332127\tOK",
                Level::Info,
                NO_STATUS,
                Some(127),
                "Home",
            ),
            (
                "REQUEST\tShop\t7\t\tHome\t{}\t1706091332127\tOK\t ",
                Level::Info,
                NO_STATUS,
                Some(127),
                "Home",
            ),
            (
                "REQUEST\tShop\t7\t\tHome\t{}\t1706091332001\t1706091332100\t1706091332127\tKO\tj.n.ConnectException: x",
                Level::Error,
                NO_STATUS,
                Some(127),
                "j.n.ConnectException: x",
            ),
            (
                "REQUEST\t\tPay\t{}\t1706091332450\tKO\tstatus.find.in(200,304), but actually found 503",
                Level::Error,
                503,
                Some(450),
                "status.find.in(200,304), but actually found 503",
            ),
            (
                "REQUEST\t\tPay\t{}\t1706091332450\tKO\tjsonPath($.n).find.is(200), but actually found 503",
                Level::Error,
                NO_STATUS,
                Some(450),
                "jsonPath($.n).find.is(200), but actually found 503",
            ),
            (
                "GROUP\tcheckout\t{}\t1706091332900\t577\tKO",
                Level::Error,
                NO_STATUS,
                None,
                "checkout",
            ),
            ("USER\tShop\tSTART\t{}", Level::None, NO_STATUS, None, "START"),
            ("RUN\ta.Shop\tshop\t{}\t \t3.9.5", Level::None, NO_STATUS, None, "shop"),
            (
                "ERROR\tNo attribute named 'id'\t{}",
                Level::None,
                NO_STATUS,
                None,
                "No attribute named 'id'",
            ),
        ] {
            let line = line.replace("{}", &start.to_string());
            assert_eq!(read(&line), Some((start, level, status, ms, message.into())), "{line}");
        }
        for line in [
            "REQUEST\t\tHome\t1706091332000\t1706091332127",
            "REQUEST\t\tHome\t1706091332127\t1706091332000\tOK\t ",
            "REQUEST\t\tHome\t1706091332000\t1706091332127\tMAYBE",
            "REQUEST\t\tHome\t12\t17\tOK",
            "REQUEST Home 1706091332000 1706091332127 OK",
            "USER\tShop\tSTART",
            "GETTING\t1706091332000",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
