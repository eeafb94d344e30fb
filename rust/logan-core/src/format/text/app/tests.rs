use super::*;
use crate::bytes::line::PaddedLine;
use crate::format::{Context, Params};
use crate::record::{ERROR, MEASURED, REQUEST, TIMED};
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn context() -> Context {
    Context::new(TimestampParser::new(TimeZone::UTC, 0))
}

fn line() -> impl Strategy<Value = String> {
    let part = |usual: &'static str, other: &'static str| prop_oneof![8 => usual.prop_map(String::from), 1 => other.prop_map(String::from)];
    let end = prop_oneof![4 => Just(""), 1 => Just("\r")];
    (
        part("2024-01-2[45] 10:0[12]:[0-5][0-9][.,][0-9]{3} ", "[0-9T:. -]{0,30}"),
        part("(INFO|WARN|ERROR|DEBUG|TRACE|FATAL)  ?", "[A-Zfo:\\[\\] ]{0,8}"),
        part("([A-Za-z]{1,8} )(in|took) [0-9]{1,4}(ms|s|us)", "[ -~]{0,90}"),
        end,
    )
        .prop_map(|(time, level, text, end)| format!("{time}{level}{text}{end}"))
}

/// Lines that begin with an address, or nearly so, and may go on with a timestamp.
fn addressed() -> impl Strategy<Value = String> {
    (
        "[0-9]{1,4}\\.[0-9]{0,3}\\.[0-9]{0,4}[. ][0-9]{0,3}",
        prop_oneof![Just(""), Just(" "), Just("\x1b[0m"), Just("e+09 ")],
        "(- |10:15:32 |INFO |2024-01-24 |[ -~]){0,6}",
    )
        .prop_map(|(address, mark, rest)| format!("{address}{mark}{rest}"))
}

proptest! {
    #[test]
    fn many_lines_are_parsed_as_each(lines in prop::collection::vec(line(), 1..300), skip in 0usize..40) {
        let mut block = vec![0; PAD];
        let mut ends = Vec::new();
        for line in &lines {
            block.extend_from_slice(line.as_bytes());
            ends.push(block.len() as u32);
            block.push(b'\n');
        }
        block.resize(block.len() + PAD, 0);
        let format = (ENTRY.build)(&Params::default());
        let (mut batch, mut context, mut one_by_one) = (Batch::new(), context(), context());
        for _ in 0..skip {
            // Rows of another format in the same batch.
            let other = Record { status: 200, bytes_sent: 5, ..Record::EMPTY };
            batch.push(Columns::STATUS.or(Columns::BYTES), &other, 0, 1);
        }
        let mut run = Run::new(&block, &ends, (0, PAD as u32), &mut batch, &mut context);
        let mut row = skip;
        while run.next < ends.len() {
            let before = run.next;
            format.parse_run(&mut run);
            let after = run.next;
            for line in &lines[before..after] {
                let line = PaddedLine::new(line.strip_suffix('\r').unwrap_or(line).as_bytes());
                let mut record = Record::EMPTY;
                let parsed = format.parse_line(line.line(), &mut one_by_one, &mut Vec::new(), &mut record);
                prop_assert!(parsed);
                let batch = &*run.batch;
                prop_assert_eq!(batch.time_ns()[row], record.time_ns);
                prop_assert_eq!(batch.second()[row], record.second);
                prop_assert_eq!(batch.level()[row], record.level as u8);
                prop_assert_eq!(batch.duration_ns()[row], record.duration_ns);
                let text = record.message.bytes(line.line().bytes(), &[]);
                prop_assert_eq!(batch.message()[row].bytes(&block, &[]), text);
                let start = batch.line_start()[row] as usize;
                let bytes = &block[start..start + batch.line_len()[row] as usize];
                prop_assert_eq!(bytes, line.line().bytes());
                let measured = record.duration_ns != NO_DURATION;
                let flags = TIMED
                    | if record.level >= Level::Error { ERROR } else { 0 }
                    | if measured { REQUEST | MEASURED } else { 0 };
                prop_assert_eq!(batch.flags()[row], flags);
                if skip > 0 {
                    prop_assert_eq!((batch.status()[row], batch.bytes_sent()[row]), (0, u64::MAX));
                }
                row += 1;
            }
            prop_assert_eq!(run.batch.len, row);
            if run.next < ends.len() {
                let line = PaddedLine::new(lines[run.next].strip_suffix('\r').unwrap_or(&lines[run.next]).as_bytes());
                let refused = line.line().len() == 0
                    || !format.parse_line(line.line(), &mut one_by_one, &mut Vec::new(), &mut Record { ..Record::EMPTY });
                prop_assert!(refused || run.batch.is_full());
                let end = ends[run.next];
                run.advance(end);
            }
        }
    }

    #[test]
    fn each_line_is_parsed_as_alone(
        lines in prop::collection::vec(prop_oneof![3 => line(), 1 => addressed()], 1..400),
        base in 0usize..40,
        escapes: bool,
    ) {
        let mut block = vec![0; PAD];
        let mut spots = Vec::new();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty()) {
            let start = block.len() as u32;
            block.extend_from_slice(line.as_bytes());
            let end = block.len() as u32;
            block.push(b'\n');
            spots.push(LineRef { start, end, row: (base + i) as u32 });
        }
        let escapes = escapes || block.contains(&ESC);
        block.resize(block.len() + PAD, 0);
        // Every other line first: rows need not come in order.
        let (even, odd): (Vec<LineRef>, Vec<LineRef>) = spots.iter().partition(|s| s.row % 2 == 0);
        let spots = [even, odd].concat();
        let format = (ENTRY.build)(&Params::default());
        let (mut batch, mut context, mut alone) = (Batch::new(), context(), context());
        let mut refused = Vec::new();
        batch.open(base + lines.len(), App::COLUMNS);
        format.parse_scattered(&mut LineSubset {
            block: &block,
            lines: &spots,
            escapes,
            batch: &mut batch,
            context: &mut context,
            refused: &mut refused,
        });
        batch.close(base + lines.len(), App::COLUMNS);
        for spot in spots {
            let row = spot.row as usize;
            let line = &lines[row - base];
            let line = PaddedLine::new(line.strip_suffix('\r').unwrap_or(line).as_bytes());
            let (mut record, mut arena) = (Record::EMPTY, Vec::new());
            let parsed = format.parse_line(line.line(), &mut alone, &mut arena, &mut record);
            prop_assert_eq!(parsed, !refused.contains(&spot));
            if !parsed {
                continue;
            }
            prop_assert_eq!(batch.time_ns()[row], record.time_ns);
            prop_assert_eq!(batch.second()[row], record.second);
            prop_assert_eq!(batch.level()[row], record.level as u8);
            prop_assert_eq!(batch.duration_ns()[row], record.duration_ns);
            let text = record.message.bytes(line.line().bytes(), &arena);
            prop_assert_eq!(batch.message()[row].bytes(&block, &batch.arena), text);
            prop_assert_eq!(batch.line_start()[row], spot.start);
            prop_assert_eq!(batch.line_len()[row] as usize, line.line().len());
            let measured = record.duration_ns != NO_DURATION;
            let flags = if record.time_ns != crate::record::NO_TIME { TIMED } else { 0 }
                | if record.level >= Level::Error { ERROR } else { 0 }
                | if measured { REQUEST | MEASURED } else { 0 };
            prop_assert_eq!(batch.flags()[row], flags);
            prop_assert_eq!(batch.status()[row], 0);
        }
    }
}
