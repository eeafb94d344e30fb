//! Many lines of the format `access` at once: those of the most usual shape on a short way.
//!
//! ```text
//! 192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms
//! ```
//! The first space tells where all up to the method is, the space behind the target where the rest
//! is. Where this answers, [`Bare::parse`](super::Bare) would answer the same; whatever else comes is
//! for it.
//!
//! # Fast path `access-lines`
//! ```text
//! part the lines by whether ` - - [` follows the first word, without a branch
//! for each that has it: the timestamp, then two spaces tell method and target, `HTTP/1.1`,
//!                       status, time in ms; anything else: to the others
//! for each of the others: `Bare::parse`
//! ```
//! Reference: `Bare::parse`. Compared by the test below and `tests/fast_paths.rs`. Gain: time
//! without it 1.04 on mixed logs, 0.97 on unlike ones (2026-11-28, AMD EPYC with AVX-512, other
//! work beside it).

use super::head::may_begin;
use super::{Bare, COLUMNS, size_and_time};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::http::{eq64, method_len, path, status_at};
use crate::format::units::TailPlace;
use crate::format::{
    Context, LINE_REFS_MAX, LineRef, LineRefs, LineSubset, address, line_of, one_by_one,
};
use crate::record::{Record, Text};
use crate::time::{eight_digits, leading_digits};

/// Parses each of the lines.
pub(super) fn each(lines: &mut LineSubset<'_>) {
    for some in lines.lines.chunks(LINE_REFS_MAX) {
        crate::dispatch!(each_of::<>(some: &[LineRef], lines: &mut LineSubset<'_>) -> (); some, lines);
    }
}

/// Parses some of the lines, at most [`LINE_REFS_MAX`].
#[inline(always)]
fn each_of<S: Simd>(simd: S, some: &[LineRef], lines: &mut LineSubset<'_>) {
    // Without a branch, since no branch predictor can tell which line is of which format.
    let (mut usual, mut others) = (LineRefs::default(), LineRefs::default());
    for &spot in some {
        let line = line_of(lines.block, spot.start, spot.end);
        let begins_so = line.u64_at(client_end(simd, line)) & BEHIND_CLIENT_MASK == BEHIND_CLIENT;
        usual.push_if(spot, begins_so);
        others.push_if(spot, !begins_so);
    }
    for &spot in usual.all() {
        let line = line_of(lines.block, spot.start, spot.end);
        let mut record = Record::EMPTY;
        if parse(simd, line, lines.context, &mut record).is_some() {
            address::in_one_form(simd, line, &mut lines.batch.arena, &mut record);
            let (row, len) = (spot.row as usize, line.len() as u32);
            lines.batch.put(row, COLUMNS, &record, spot.start, len);
        } else {
            others.push_if(spot, true);
        }
    }
    one_by_one(&Bare, others.all(), lines);
}

/// What stands between client and timestamp.
const BEHIND_CLIENT: u64 = u64::from_le_bytes(*b" - - [\0\0");
const BEHIND_CLIENT_MASK: u64 = (1 << 48) - 1;

/// The first space among the first 32 bytes, or what is behind those.
#[inline(always)]
fn client_end<S: Simd>(simd: S, line: Line<'_>) -> usize {
    line.eq32(simd, 0, b' ').trailing_zeros() as usize
}

/// Fills the record, which is empty, from a line of the usual shape that has [`BEHIND_CLIENT`] behind
/// its client.
#[inline(always)]
fn parse<S: Simd>(
    simd: S,
    line: Line<'_>,
    context: &mut Context,
    record: &mut Record,
) -> Option<()> {
    let client = client_end(simd, line);
    // A client of one byte may stand for none, and behind a capital there may be what a logger puts
    // before lines.
    if client < 2 || !may_begin(line.byte(0)) || line.byte(0).is_ascii_uppercase() {
        return None;
    }
    let (time, end) = context.clock.clf(line, client + 6)?;
    let method = client + 32;
    if end + 2 != method || line.u16_at(end) != u16::from_le_bytes(*b"] ") {
        return None;
    }
    let method_len = method_len(line, method, line.len());
    let target = method + method_len + 1;
    let spaces = eq64(simd, line, target, b' ');
    let version = target + spaces.trailing_zeros() as usize + 1;
    if method_len == 0
        || spaces == 0
        || spaces & 1 != 0
        || line.u64_at(version) != u64::from_le_bytes(*b"HTTP/1.1")
        || line.byte(version + 8) != b' '
    {
        return None;
    }
    record.status = status_at(line, version + 9)?;
    let after = version + 12;
    if after < line.len() {
        if line.byte(after) != b' ' {
            return None;
        }
        let word = line.u64_at(after + 1);
        let (digits, values) = leading_digits(word);
        let digits = digits as usize;
        let ends_so = (1..=5).contains(&digits)
            && (word >> (8 * digits)) as u16 == u16::from_le_bytes(*b"ms")
            && after + 1 + digits + 2 == line.len();
        if ends_so {
            record.duration_ns = eight_digits(values << (64 - 8 * digits)) * 1_000_000;
        } else {
            let tail = context.durations.tail(TailPlace::Size, line, after);
            size_and_time(line, after + 1, tail, record);
        }
    }
    record.set_time(time);
    record.client = Text::of_line(0, client);
    record.method = Text::of_line(method, method + method_len);
    record.path = path(line, target, version - 1);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::BARE;
    use super::*;
    use crate::bytes::line::{PAD, PaddedLine};
    use crate::format::{LineRef, Params};
    use crate::record::Batch;
    use crate::time::TimestampParser;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Lines of the usual shape, any part of which may be another.
    fn line() -> impl Strategy<Value = String> {
        let part = |usual: &'static [&'static str], odd: &'static [&'static str]| prop_oneof![12 => select(usual), 1 => select(odd)];
        (
            part(
                &["192.168.1.1", "10.1.18.103", "h"],
                &["-", "", "a b", "\"x", "[::1]", "2001:db8::1"],
            ),
            part(&[" - - ["], &[" - -  [", " - joe [", " [", " - - - ["]),
            part(
                &["24/Jan/2024:10:15:33.125", "24/Jan/2024:10:16:01.000"],
                &[
                    "24/Jan/2024:10:15:33",
                    "24/Jan/2024:10:15:33 +0100",
                    "24/Jan/2024:10:15:63.125",
                    "24/Jan/2024 10:15:33,125",
                    "24/Jan/2024:10:15:33.1254",
                    "",
                    "2024-01-24 10:15:33",
                ],
            ),
            part(&["] "], &["]", "]  ", " ", "] \""]),
            part(&["GET", "POST"], &["", "A-METHOD-OF-MANY-LETTERS-INDEED", "PROPFIND", "1"]),
            part(
                &[" /api/data", " /a?b=c"],
                &[
                    " ",
                    "",
                    "  /a",
                    " /a b",
                    " /a-very-long-path-that-needs-more-than-sixty-four-bytes-of-the-line-x",
                ],
            ),
            part(&[" HTTP/1.1"], &[" HTTP/2", " HTTP/1.0", "", " HTTP/1.1x", " http/1.1"]),
            part(&[" 200", " 503"], &[" 99", " 000", "", " 1000", " -", " 2x0"]),
            part(
                &[" 105ms", " 1ms", ""],
                &[
                    " 512",
                    " 512 105ms",
                    " 0.033",
                    " 5s",
                    " 1.5ms",
                    "x",
                    " 123456ms",
                    " 12ms ",
                    " 7msx",
                    " 7m",
                    " -",
                    " - 7ms",
                    " 12\u{b5}s",
                    " ms",
                ],
            ),
        )
            .prop_map(|(a, b, c, d, e, f, g, h, i)| [a, b, c, d, e, f, g, h, i].concat())
    }

    proptest! {
        #[test]
        fn each_line_is_parsed_as_alone(lines in prop::collection::vec(line(), 1..300)) {
            let mut block = vec![b'7'; PAD];
            let mut spots = Vec::new();
            for (line, row) in lines.iter().zip(0..).filter(|(line, _)| !line.is_empty()) {
                let start = block.len() as u32;
                block.extend_from_slice(line.as_bytes());
                spots.push(LineRef { start, end: block.len() as u32, row });
                block.push(b'\n');
            }
            block.extend_from_slice(&[b'7'; PAD]);
            let format = (BARE.build)(&Params::default());
            let (mut batch, mut refused) = (Batch::new(), Vec::new());
            let mut context = Context::new(TimestampParser::utc());
            batch.open(lines.len(), COLUMNS);
            format.parse_scattered(&mut LineSubset {
                block: &block,
                lines: &spots,
                escapes: false,
                batch: &mut batch,
                context: &mut context,
                refused: &mut refused,
            });
            batch.close(lines.len(), COLUMNS);
            for spot in spots {
                let row = spot.row as usize;
                let line = PaddedLine::new(lines[row].as_bytes());
                let (mut record, mut context) = (Record::EMPTY, Context::new(TimestampParser::utc()));
                let parsed = format.parse_line(line.line(), &mut context, &mut Vec::new(), &mut record);
                prop_assert_eq!(parsed, !refused.contains(&spot), "{}", lines[row]);
                if !parsed {
                    continue;
                }
                let start = spot.start as usize;
                let texts = [batch.client()[row], batch.method()[row], batch.path()[row]];
                let expected = [record.client, record.method, record.path];
                for (text, expected) in texts.into_iter().zip(expected) {
                    prop_assert_eq!(text.bytes(&block, &[]), expected.bytes(&block[start..], &[]));
                }
                prop_assert_eq!(batch.time_ns()[row], record.time_ns);
                prop_assert_eq!(batch.second()[row], record.second);
                prop_assert_eq!(batch.status()[row], record.status);
                prop_assert_eq!(batch.duration_ns()[row], record.duration_ns);
                prop_assert_eq!(batch.bytes_sent()[row], record.bytes_sent);
            }
        }
    }
}
