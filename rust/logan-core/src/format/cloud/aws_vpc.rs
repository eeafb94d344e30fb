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
use crate::format::{Context, Entry, Facts, Info, LineFormat};
use crate::record::{Columns, Record};
use crate::time::epoch;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "aws-vpc",
        title: "AWS VPC flow log",
        example: "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1706091332 1706091392 ACCEPT OK",
        time_field: "start",
        duration_field: None,
        duration_unit: None,
    },
    facts: Facts { headers: &[b"version account-id "], ..Facts::PLAIN },
    build: |_| Box::new(Vpc),
};

struct Vpc;

impl Vpc {
    #[inline(always)]
    fn read<S: Simd>(simd: S, line: Line<'_>, record: &mut Record) -> Option<()> {
        let mut cursor = Cursor::new(line, 0);
        cursor.pass_text(b"2 ")?;
        cursor.word(simd)?;
        let interface = cursor.next_word(simd)?;
        if !cursor.bytes(interface).starts_with(b"eni-") {
            return None;
        }
        let source = cursor.next_word(simd)?;
        for _ in 0..5 {
            cursor.next_word(simd)?;
        }
        let bytes = cursor.next_size()?;
        let start = cursor.next_word(simd)?;
        let end = cursor.next_word(simd)?;
        let action = cursor.next_word(simd)?;
        let status = cursor.next_word(simd)?;
        let known = matches!(cursor.bytes(action), b"ACCEPT" | b"REJECT" | b"-")
            && matches!(cursor.bytes(status), b"OK" | b"NODATA" | b"SKIPDATA")
            && cursor.at == line.len();
        let stamp = epoch(cursor.bytes(start)).filter(|_| known)?;
        epoch(cursor.bytes(end))?;
        record.set_time(stamp);
        record.bytes_sent = bytes;
        record.client = cursor.text(source);
        Some(())
    }
}

impl LineFormat for Vpc {
    const COLUMNS: Columns = Columns::TIME.or(Columns::BYTES).or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::NO_YEAR_FIRST;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'2'
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        _context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        Vpc::read(simd, line, record).is_some()
    }
}
