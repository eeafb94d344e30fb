//! How the scanner drives a format: lines of a run one by one or in bulk, lines among others, and
//! lines outside of a run.

use super::prefilter::RequiredBytes;
use super::run::line_of;
use super::{Context, LineFormat, LineRef, LineSubset, Part, Run, classify, keys};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::record::{BATCH_ROWS, Columns, Record};

/// One log format, as the scanner drives it.
pub trait Format: Send + Sync {
    /// See [`LineFormat::may_begin_with`].
    fn may_begin_with(&self, byte: u8) -> bool;

    /// See [`LineFormat::NEEDS`].
    fn needs(&self) -> RequiredBytes;

    /// Parses lines until the run's lines end, the batch is full, or a line is empty or not of
    /// this format; that line is then the run's next. Parts of records are passed and counted where
    /// [parts are all](LineFormat::PART_SUBSUMES_PARSE).
    fn parse_run(&self, run: &mut Run<'_>);

    /// Parses each of the lines into its row.
    fn parse_scattered(&self, lines: &mut LineSubset<'_>);

    /// The columns that records may fill.
    fn columns(&self) -> Columns;

    /// Tells the values of keys and the host of a line that is a record of this format.
    fn keys(&self, line: Line<'_>, found: &mut keys::Found<'_>);

    /// Parses one line outside of a run.
    fn parse_line(
        &self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool;

    /// See [`LineFormat::has_parts`].
    fn has_parts(&self) -> bool;

    /// Whether the format has parts, and these are [all](LineFormat::PART_SUBSUMES_PARSE): lines are then
    /// taken by [`parse_run`](Self::parse_run) and [`part_one`](Self::part_one) alone.
    fn parts_are_all(&self) -> bool;

    /// See [`LineFormat::ends_at_blank`].
    fn ends_at_blank(&self) -> bool;

    /// Takes the run's next line, whose offset in the source is `offset`, as [`LineFormat::part`]
    /// does; a record is the batch's next row. The batch must not be full.
    fn part_one(&self, run: &mut Run<'_>, offset: u64) -> Part;

    /// Takes one line outside of a run.
    fn part_line(
        &self,
        line: Line<'_>,
        offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part;
}

/// Blank lines and headers come before all formats.
#[inline(always)]
pub(super) fn is_never_a_record(line: Line<'_>) -> bool {
    line.len() == 0 || classify::is_header(line.bytes())
}

/// Parses each of `some` of the lines on its own.
#[inline(always)]
pub(crate) fn one_by_one<S: Simd, F: LineFormat>(
    simd: S,
    format: &F,
    some: &[LineRef],
    lines: &mut LineSubset<'_>,
) {
    for spot in some {
        let line = line_of(lines.block, spot.start, spot.end);
        let mut record = Record::EMPTY;
        if format.parse(simd, line, lines.context, &mut lines.batch.arena, &mut record) {
            let row = spot.row as usize;
            lines.batch.put(row, F::COLUMNS, &record, spot.start, line.len() as u32);
        } else {
            lines.refused.push(*spot);
        }
    }
}

#[inline(always)]
fn each<S: Simd, F: LineFormat>(simd: S, format: &F, lines: &mut LineSubset<'_>) {
    format.parse_each(simd, lines);
}

/// Lines of a format with a bulk way that are parsed one by one before that is tried again.
const STEPS_MAX: usize = 16;

/// Parses up to `most` lines one by one, until one is not of the format; whether one was not.
#[inline(always)]
fn steps<S: Simd, F: LineFormat>(simd: S, format: &F, run: &mut Run<'_>, most: usize) -> bool {
    // The loop's state in registers; `run` is told at the end.
    let block = run.block;
    let mut start = run.start;
    let room = (BATCH_ROWS - run.batch.len).min(most);
    let lines = &run.ends[run.next..];
    let lines = &lines[..lines.len().min(room)];
    let mut parsed = 0;
    for &end in lines {
        let line = line_of(block, start, end);
        let mut record = Record::EMPTY;
        // The first byte last: before, it would be asked of every line and decide hardly any.
        if is_never_a_record(line)
            || !format.parse(simd, line, run.context, &mut run.batch.arena, &mut record)
            || !LineFormat::may_begin_with(format, line.byte(0))
        {
            break;
        }
        run.batch.push(F::COLUMNS, &record, start, line.len() as u32);
        start = end + 1;
        parsed += 1;
    }
    run.start = start;
    run.next += parsed;
    parsed < lines.len()
}

/// As [`steps`], for a format whose parts are all: what goes on with a record is passed.
#[inline(always)]
fn parts<S: Simd, F: LineFormat>(simd: S, format: &F, run: &mut Run<'_>, most: usize) -> bool {
    let most = (BATCH_ROWS - run.batch.len).min(most);
    let lines = &run.ends[run.next..];
    for &end in &lines[..lines.len().min(most)] {
        let start = run.start;
        let line = line_of(run.block, start, end);
        let is_none = match line.len() {
            0 => !format.ends_at_blank(),
            _ => {
                is_never_a_record(line)
                    || !LineFormat::may_begin_with(format, line.byte(0))
                    || line.byte(0) <= b' ' && classify::is_blank(line.bytes())
            }
        };
        if is_none {
            return true;
        }
        let offset = (run.offset + i64::from(start)) as u64;
        let mut record = Record::EMPTY;
        let arena = &mut run.batch.arena;
        match format.part(simd, line, offset, run.context, arena, &mut record) {
            Part::Foreign => return true,
            Part::Continuation => run.continuations += 1,
            Part::Record => run.batch.push(F::COLUMNS, &record, start, line.len() as u32),
        }
        run.advance(end);
    }
    false
}

#[inline(always)]
fn one_line<S: Simd, F: LineFormat>(
    simd: S,
    format: &F,
    line: Line<'_>,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> bool {
    LineFormat::may_begin_with(format, line.byte(0))
        && format.parse(simd, line, context, arena, record)
}

#[inline(always)]
fn keys_of<S: Simd, F: LineFormat>(
    simd: S,
    format: &F,
    line: Line<'_>,
    found: &mut keys::Found<'_>,
) {
    format.keys(simd, line, found);
}

#[inline(always)]
fn one_part<S: Simd, F: LineFormat>(
    simd: S,
    format: &F,
    line: Line<'_>,
    offset: u64,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> Part {
    format.part(simd, line, offset, context, arena, record)
}

impl<F: LineFormat> Format for F {
    fn may_begin_with(&self, byte: u8) -> bool {
        LineFormat::may_begin_with(self, byte)
    }

    fn needs(&self) -> RequiredBytes {
        F::NEEDS
    }

    fn parse_run(&self, run: &mut Run<'_>) {
        let mut most = if F::HAS_MANY { 1 } else { BATCH_ROWS };
        let parts_are_all = Format::parts_are_all(self);
        loop {
            if F::HAS_MANY {
                let before = run.next;
                self.parse_many(run);
                // Lines that have no bulk way come in company.
                most = if run.next == before { STEPS_MAX.min(2 * most) } else { 1 };
            }
            let is_foreign = if F::PART_SUBSUMES_PARSE && parts_are_all {
                crate::dispatch!(parts::<F>(format: &F, run: &mut Run<'_>, most: usize) -> bool
                    where F: LineFormat; self, run, most)
            } else {
                crate::dispatch!(steps::<F>(format: &F, run: &mut Run<'_>, most: usize) -> bool
                    where F: LineFormat; self, run, most)
            };
            if is_foreign || run.next == run.ends.len() || run.batch.is_full() {
                return;
            }
        }
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        crate::dispatch!(each::<F>(format: &F, lines: &mut LineSubset<'_>) -> ()
            where F: LineFormat; self, lines)
    }

    fn columns(&self) -> Columns {
        F::COLUMNS
    }

    fn keys(&self, line: Line<'_>, found: &mut keys::Found<'_>) {
        crate::dispatch!(keys_of::<F>(format: &F, line: Line<'_>, found: &mut keys::Found<'_>)
            -> () where F: LineFormat; self, line, found)
    }

    fn parse_line(
        &self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        crate::dispatch!(one_line::<F>(format: &F, line: Line<'_>, context: &mut Context,
            arena: &mut Vec<u8>, record: &mut Record) -> bool where F: LineFormat;
            self, line, context, arena, record)
    }

    fn has_parts(&self) -> bool {
        LineFormat::has_parts(self)
    }

    fn parts_are_all(&self) -> bool {
        F::PART_SUBSUMES_PARSE && LineFormat::has_parts(self)
    }

    fn ends_at_blank(&self) -> bool {
        LineFormat::ends_at_blank(self)
    }

    fn part_one(&self, run: &mut Run<'_>, offset: u64) -> Part {
        let (line, end) = run.line();
        let mut record = Record::EMPTY;
        let part = self.part_line(line, offset, run.context, &mut run.batch.arena, &mut record);
        if part == Part::Record {
            run.batch.push(F::COLUMNS, &record, run.start, line.len() as u32);
            run.advance(end);
        }
        part
    }

    fn part_line(
        &self,
        line: Line<'_>,
        offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part {
        crate::dispatch!(one_part::<F>(format: &F, line: Line<'_>, offset: u64,
            context: &mut Context, arena: &mut Vec<u8>, record: &mut Record) -> Part
            where F: LineFormat; self, line, offset, context, arena, record)
    }
}
