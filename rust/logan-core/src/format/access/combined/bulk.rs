//! Combined lines of the usual shape, many in one go.
//!
//! Nearly all lines of a combined log are alike: three words before the timestamp, which is that of
//! the line before or a second later, no quotes inside of quotes, sizes of a few digits. Here such a
//! line is taken apart with two masks at its front and one for each quote that is looked for, and
//! written into the columns; whatever is not of that shape is left to the format's `parse`, which
//! says the same of every line. Nothing here decides what a line means.
//!
//! # Fast path `combined-lines`
//! ```text
//! for each line:
//!     spaces and brackets of the first 64 bytes: host, where the timestamp is
//!     the timestamp is that of the line before: so is the time; else parse it
//!     the next three quotes: request, referrer, user agent; between them status and size
//!     anything else: stop; `parse` takes the line
//!     write the values to the row
//! ```
//! Reference: `Quoted::parse`. Compared by `bulk_says_what_parse_says` and
//! `tests/fast_paths.rs`. Gain: time without it 1.21 on combined logs, 1.01 on unlike ones
//! (2026-11-28, AMD EPYC with AVX-512, other work beside it).

use super::COLUMNS;
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::fast::FastPath;
use crate::format::access::combined::head::may_begin;
use crate::format::access::tail::{Dialect, tail_time};
use crate::format::cursor::Cursor;
use crate::format::http::{has_escaped_slashes, is_foreign, route, status_at};
use crate::format::units::{Tail, TailPlace};
use crate::format::{Run, address, line_of};
use crate::record::{
    BATCH_ROWS, Column, Columns, NO_ANSWER, NO_BYTES, NO_DURATION, Record, RowWriter, Rows, Text,
};
use crate::time::{Stamp, TimestampParser, eight_digits, leading_digits};

/// `[24/Jan/2024:00:00:00 +0000] "`
const STAMP_BYTES: usize = 30;
/// Of the 32 bytes that end with it all but the first, which is the end of a user's name.
const STAMP_MASK: [u8; 32] = {
    let mut mask = [0xFF; 32];
    mask[0] = 0;
    mask
};

/// The last timestamp, with what is around it, and what it means.
struct Last {
    bytes: [u8; 32],
    second: i64,
    nanos: i64,
}

#[inline(always)]
pub(super) fn many<S: Simd>(simd: S, run: &mut Run<'_>) {
    if !run.context.fast.has(FastPath::CombinedLines) {
        return;
    }
    let wanted = run.context.wanted;
    let block = run.block;
    let tail = run.context.durations.tail_of(TailPlace::Agent);
    let mut last = Last { bytes: [0; 32], second: 0, nanos: 0 };
    let mut start = run.start;
    let mut rows = run.batch.rows();
    let first = rows.first();
    let mut row = first;
    for &end in &run.ends[run.next..] {
        if row >= BATCH_ROWS {
            break;
        }
        let line = line_of(block, start, end);
        let clock = &mut run.context.clock;
        if one(simd, tail, wanted, line, start, clock, &mut last, &mut rows, row).is_none() {
            break;
        }
        start = end + 1;
        row += 1;
    }
    if row == first {
        return;
    }
    run.start = start;
    run.next += row - first;
    rows.finish(COLUMNS, row - first);
}

/// Writes a line to a row; None if it is not of the usual shape, and the row means nothing.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "the instruction set is one of them")]
fn one<S: Simd>(
    simd: S,
    tail: Tail,
    wanted: Columns,
    line: Line<'_>,
    start: u32,
    clock: &mut TimestampParser,
    last: &mut Last,
    rows: &mut RowWriter<'_>,
    row: usize,
) -> Option<()> {
    assert!(row < BATCH_ROWS);
    // What lies beyond the line's end can match too, but what must follow it then does not lie
    // inside the line, and that is checked: of the last quote by position, of all others by it.
    let spaces = line.all64(simd, 0, b' ');
    let brackets = line.all64(simd, 0, b'[') & spaces << 1;
    let open = brackets.trailing_zeros() as usize;
    let spaces = spaces & brackets.wrapping_sub(1) & !brackets;
    // What begins with a capital may be what a logger puts before lines.
    let begins_so = may_begin(line.byte(0)) && !line.byte(0).is_ascii_uppercase();
    if brackets == 0 || spaces.count_ones() != 3 || !begins_so {
        return None;
    }
    let host_end = spaces.trailing_zeros() as usize;
    let request = open + STAMP_BYTES;
    if request >= line.len() {
        return None;
    }
    if !line.same32_before(simd, request, &last.bytes, &STAMP_MASK) {
        let stamp = read_stamp(line, open, clock)?;
        last.bytes = line.bytes32_before(request);
        (last.second, last.nanos) = (stamp.second, stamp.nanos_since_epoch());
    }

    let request_end = quote(simd, line, request);
    // `" 200 `
    const AROUND_STATUS: u64 = u64::from_le_bytes(*b"\" \0\0\0 \0\0");
    if line.u64_at(request_end) & 0x0000_FF00_0000_FFFF != AROUND_STATUS {
        return None;
    }
    let status = status_at(line, request_end + 2).filter(|&status| status != NO_ANSWER)?;
    let size = request_end + 6;
    let word = line.u64_at(size);
    let (digits, values) = leading_digits(word);
    let mut digits = digits as usize;
    let mut bytes_sent = eight_digits(values << (64 - 8 * digits.clamp(1, 8)));
    if digits == 0 && word as u8 == b'-' {
        (digits, bytes_sent) = (1, NO_BYTES);
    }
    let size_end = size + digits;
    const OPEN: u16 = u16::from_le_bytes(*b" \"");
    if digits == 0 || digits == 8 || line.u16_at(size_end) != OPEN {
        return None;
    }
    let referer_end = quote(simd, line, size_end + 2);
    if line.u16_at(referer_end + 1) != OPEN {
        return None;
    }
    let agent_end = quote(simd, line, referer_end + 3);
    // Where no quote was found, there is none at this position either.
    let is_escaped = |quote: usize| line.byte(quote - 1) == b'\\';
    let escapes = is_escaped(request_end) | is_escaped(referer_end) | is_escaped(agent_end);
    if agent_end >= line.len() || line.byte(agent_end) != b'"' || escapes {
        return None;
    }
    let (referrer, agent) = ((size_end + 2, referer_end), (referer_end + 3, agent_end));
    if wanted.has(Columns::REFERRER.or(Columns::USER_AGENT))
        && has_backslash(simd, line, referrer.0, agent_end)
    {
        // Escapes are to be undone.
        return None;
    }
    let mut duration_ns = NO_DURATION;
    let end = agent_end + 1;
    if end < line.len() {
        let time = tail_time(line, end, tail);
        if line.byte(end) != b' ' || time.dialect != Dialect::Plain {
            return None;
        }
        duration_ns = time.nanos;
    }

    let mut record = Record::EMPTY;
    route(line, request, request_end, &mut record);
    if has_escaped_slashes(line, request, request_end, &record)
        || is_foreign(line, request, request_end, status)
    {
        return None;
    }
    if wanted.has(Columns::HOST)
        && (record.method.is_empty() || line.byte(record.method.range().1 + 1) != b'/')
    {
        // Only a target that is a URL names its host: in this shape no host comes before the client.
        // A request without a version may have such a target, and has no method.
        return None;
    }
    let is_named = host_end != 1 || line.byte(0) != b'-';
    let mut client = Text::of_line(0, if is_named { host_end } else { 0 });
    let Rows { cells, line_start, line_len, arena } = rows.parts();
    if line.all64(simd, 0, b':') & ((1 << host_end) - 1) != 0 {
        client = address::of_colons(line.bytes(), arena, client);
    }
    cells.time_ns[row] = last.nanos;
    cells.second[row] = last.second;
    cells.duration_ns[row] = duration_ns;
    cells.bytes_sent[row] = bytes_sent;
    cells.status[row] = status;
    cells.method[row] = record.method.at(start);
    cells.path[row] = record.path.at(start);
    cells.client[row] = client.at(start);
    if !wanted.is_empty() {
        let c = Cursor::new(line, 0);
        c.request(wanted, Column::REFERRER, referrer, &mut record);
        c.request(wanted, Column::USER_AGENT, agent, &mut record);
        let moved = |text: Text| if text.is_empty() { Text::NONE } else { text.at(start) };
        cells.referrer[row] = moved(record.referrer);
        cells.user_agent[row] = moved(record.user_agent);
        (cells.host[row], cells.protocol[row]) = (Text::NONE, Text::NONE);
    }
    line_start[row] = start;
    line_len[row] = line.len() as u32;
    Some(())
}

/// A timestamp with seconds and a zone, between `[` at `open` and `] "`.
#[inline(never)]
fn read_stamp(line: Line<'_>, open: usize, clock: &mut TimestampParser) -> Option<Stamp> {
    let (stamp, end) = clock.clf(line, open + 1)?;
    let closes = line.u32_at(end) & 0x00FF_FFFF == u32::from_le_bytes(*b"] \"\0");
    (end + 3 == open + STAMP_BYTES && closes).then_some(stamp)
}

/// Whether there is a backslash from `from` to `end`, which may be 320 bytes apart.
#[inline(always)]
fn has_backslash<S: Simd>(simd: S, line: Line<'_>, from: usize, end: usize) -> bool {
    (from..end).step_by(64).any(|at| {
        let rest = end - at;
        let inside = if rest < 64 { (1u64 << rest) - 1 } else { u64::MAX };
        line.all64(simd, at, b'\\') & inside != 0
    })
}

/// The first quote at or behind `from`, if it is within 128 bytes; else a position where no quote
/// of the line is.
#[inline(always)]
fn quote<S: Simd>(simd: S, line: Line<'_>, from: usize) -> usize {
    // Both at once: which of the two it is cannot be predicted.
    let second = (from + 64).min(line.len());
    let near = line.all64(simd, from, b'"').trailing_zeros() as usize;
    let far = line.all64(simd, second, b'"').trailing_zeros() as usize;
    if near < 64 { from + near } else { second + far }
}

#[cfg(test)]
mod tests {
    use super::super::{COMBINED_KIND, Quoted};
    use super::*;
    use crate::bytes::line::PAD;
    use crate::bytes::simd::Plain;
    use crate::format::{BulkFormat, Context, LineFormat, Parse};
    use crate::record::Batch;
    use proptest::prelude::*;

    /// Of combined lines, with what is usual and what is not.
    fn line() -> impl Strategy<Value = String> {
        let host = "(10\\.0\\.0\\.[0-9]|::1|-|a|www\\.example\\.com 10\\.0\\.0\\.1|10\\.0\\.0\\.1, 10\\.0\\.0\\.2)";
        let user = "( - -| - item|  -| -| a b)";
        let stamp = prop_oneof![
            8 => " \\[24/Jan/2024:10:15:[0-5][0-9] \\+0[0-9]00\\] ",
            1 => " \\[24/Jan/2024:10:15:3[0-9](\\.[0-9]{6})?\\] ",
            1 => " ?\\[2[0-9]/Fe[bc]/2024:10:15:32 \\+0000\\]  ?",
        ];
        let request = "\"(GET|POST|get-x|RETR|) ?[\\\\]?/[a-z0-9/?=\"]{0,90}( (HTTP|SIP)[\\\\]?/1\\.[01]|)[\\\\]?\" ";
        let answer = "([0-6][0-9]{2}|-|0|) ([0-9]{1,9}|-|) ?";
        let quoted = prop_oneof![
            4 => "\"(-|)\" \"(-|)\"",
            4 => "\"https://[a-z.]{0,100}\" \"[A-Za-z/0-9]{0,150}\"",
            1 => "\"[a\"\\\\ ]{0,6}\" ?\"[a\"\\\\ ]{0,6}\"",
        ];
        let tail = "( 0\\.[0-9]{3}| [0-9]{1,4}| rt=\"?0\\.1\"?| |x| 5 0\\.1 \\[a\\]|)\r?";
        (host, user, stamp, request, answer, quoted, tail)
            .prop_map(|(a, b, c, d, e, f, g)| [a, b, c, d, e, f, g].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]
        #[test]
        fn bulk_says_what_parse_says(
            lines in prop::collection::vec(line(), 1..5),
            wanted in prop::sample::subsequence(Columns::ON_REQUEST.iter().collect::<Vec<_>>(), 0..=3),
        ) {
            let columns = wanted.iter().map(|&column| Columns::of(column));
            let wanted = columns.fold(Columns::NONE, Columns::or);
            let mut block = vec![b'\n'; PAD];
            let mut ends = Vec::new();
            for line in &lines {
                block.extend_from_slice(line.as_bytes());
                ends.push(block.len() as u32);
                block.push(b'\n');
            }
            block.resize(block.len() + PAD, b'"');
            let format = Quoted::<COMBINED_KIND>;
            let (mut context, mut batch) = (Context::new(TimestampParser::utc()), Batch::new());
            context.wanted = wanted;
            let (mut start, mut next) = (PAD as u32, 0);
            while next < ends.len() {
                // From each line on, as after a line of another shape.
                let mut run = Run::new(&block, &ends, (next, start), &mut batch, &mut context);
                let first = run.batch.len;
                if next % 2 == 0 { many(Plain, &mut run) } else { format.parse_many(&mut run) }
                let (done, after) = (run.next, run.start);
                prop_assert_eq!(done - next, batch.len - first);
                for row in first..batch.len {
                    let end = ends[next];
                    let line = line_of(&block, start, end);
                    let mut record = Record::EMPTY;
                    let (context, mut arena) = (&mut context, Vec::new());
                    let cx = &mut Parse { simd: Plain, context, arena: &mut arena, record: &mut record };
                    prop_assert!(format.parse(line, cx).is_some(), "{:?}", lines[next]);
                    address::in_one_form(Plain, line, &mut Vec::new(), &mut record);
                    let mut expected = Batch::new();
                    expected.push(COLUMNS, &record, start, line.len() as u32);
                    prop_assert_eq!(batch.time_ns()[row], expected.time_ns()[0]);
                    prop_assert_eq!(batch.second()[row], expected.second()[0]);
                    prop_assert_eq!(batch.duration_ns()[row], expected.duration_ns()[0]);
                    prop_assert_eq!(batch.bytes_sent()[row], expected.bytes_sent()[0]);
                    prop_assert_eq!(batch.status()[row], expected.status()[0]);
                    prop_assert_eq!(batch.flags()[row], expected.flags()[0]);
                    prop_assert_eq!(batch.line_start()[row], expected.line_start()[0]);
                    prop_assert_eq!(batch.line_len()[row], expected.line_len()[0]);
                    let text = |text: Text| text.bytes(&block, &[]).to_vec();
                    prop_assert_eq!(text(batch.method()[row]), text(expected.method()[0]));
                    prop_assert_eq!(text(batch.path()[row]), text(expected.path()[0]));
                    prop_assert_eq!(text(batch.client()[row]), text(expected.client()[0]));
                    // Rows that it takes need no arena.
                    let cells = &mut batch.rows();
                    let cells = cells.parts().cells;
                    for (found, said) in [
                        (cells.user_agent[row], record.user_agent),
                        (cells.referrer[row], record.referrer),
                        (cells.host[row], record.host),
                        (cells.protocol[row], record.protocol),
                    ] {
                        let said = if said.is_empty() { said } else { said.at(start) };
                        prop_assert_eq!(text(found), said.bytes(&block, &arena).to_vec());
                    }
                    (start, next) = (end + 1, next + 1);
                }
                prop_assert_eq!((next, start), (done, after));
                if next < ends.len() {
                    (start, next) = (ends[next] + 1, next + 1);
                }
            }
        }
    }

    #[test]
    fn the_usual_shape_is_taken() {
        let line = "10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] \"GET /a HTTP/1.1\" 200 12 \"-\" \"x\" 0.500";
        let mut block = vec![b'\n'; PAD];
        let mut ends = Vec::new();
        for _ in 0..BATCH_ROWS + 9 {
            block.extend_from_slice(line.as_bytes());
            ends.push(block.len() as u32);
            block.push(b'\n');
        }
        block.resize(block.len() + PAD, b'\n');
        let format = Quoted::<COMBINED_KIND>;
        let (mut context, mut batch) = (Context::new(TimestampParser::utc()), Batch::new());
        let (batch, context) = (&mut *batch, &mut context);
        let mut run = Run::new(&block, &ends, (0, PAD as u32), batch, context);
        format.parse_many(&mut run);
        assert_eq!((run.next, run.batch.len), (BATCH_ROWS, BATCH_ROWS));
        assert_eq!(run.batch.duration_ns()[BATCH_ROWS - 1], 500_000_000);
    }
}
