//! AWS VPC flow logs of version 2: `2 ACCOUNT ENI SRC DST SPORT DPORT PROTO PACKETS BYTES START END
//! ACTION STATUS`.
//!
//! # Accepted
//! Fourteen fields with one space between them: a version of 2, an interface that begins with `eni-`,
//! epoch seconds of start and end, an action of `ACCEPT`, `REJECT` or `-`, and a status of `OK`,
//! `NODATA` or `SKIPDATA`; the others are `-` where there is no data. The time is the start, the
//! client the source address. A flow is no request. The line that names the fields is a header.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Cursor;
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::Columns;
use crate::time::epoch;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "aws-vpc",
        title: "AWS VPC flow log",
        example: "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1706091332 1706091392 ACCEPT OK",
        time_field: "start",
        duration: None,
    },
    facts: Facts { headers: &[b"version account-id "], ..Facts::PLAIN },
    build: |_| line_format(Vpc),
};

struct Vpc;

impl LineFormat for Vpc {
    const COLUMNS: Columns = Columns::TIME.or(Columns::BYTES).or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::NO_YEAR_FIRST;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'2'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut c = Cursor::new(line, 0);
        c.pass_text(b"2 ")?;
        c.word(cx.simd)?;
        let interface = c.next_word(cx.simd)?;
        if !c.bytes(interface).starts_with(b"eni-") {
            return None;
        }
        let source = c.next_word(cx.simd)?;
        for _ in 0..5 {
            c.next_word(cx.simd)?;
        }
        let bytes = c.next_size()?;
        let start = c.next_word(cx.simd)?;
        let end = c.next_word(cx.simd)?;
        let action = c.next_word(cx.simd)?;
        let status = c.next_word(cx.simd)?;
        let known = matches!(c.bytes(action), b"ACCEPT" | b"REJECT" | b"-")
            && matches!(c.bytes(status), b"OK" | b"NODATA" | b"SKIPDATA")
            && c.at == line.len();
        let stamp = epoch(c.bytes(start)).filter(|_| known)?;
        epoch(c.bytes(end))?;
        cx.record.set_time(stamp);
        cx.record.bytes_sent = bytes;
        cx.record.client = c.text(source);
        Some(())
    }
}
