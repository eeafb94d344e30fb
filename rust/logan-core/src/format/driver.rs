//! How the scanner drives a format: lines of a run one by one or in bulk, lines among others, and
//! lines outside of a run.
//!
//! The three drivers make a [`Format`] of what authors write. A call of its methods costs once per run;
//! the loops are compiled for each format and instruction set.

use super::prefilter::RequiredBytes;
use super::run::line_of;
use super::{
    BulkFormat, Context, LineFormat, LineRef, LineSubset, MultiLineFormat, Params, Parse, Part,
    Run, address, classify, keys,
};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::record::{BATCH_ROWS, Columns, Record};

/// One log format, as the scanner drives it.
pub trait Format: Send + Sync {
    /// See [`LineFormat::may_begin_with`].
    fn may_begin_with(&self, byte: u8) -> bool;

    /// See [`LineFormat::NEEDS`].
    fn needs(&self) -> RequiredBytes;

    /// The columns that records may fill.
    fn columns(&self) -> Columns;

    /// Tells the values of keys and the host of a line that is a record of this format.
    fn keys(&self, _line: Line<'_>, _found: &mut keys::Found<'_>) {}

    /// Parses lines until the run's lines end, the batch is full, or a line is empty or not of
    /// this format; that line is then the run's next. Lines that are parts of records and no records
    /// themselves are passed and counted.
    fn parse_run(&self, run: &mut Run<'_>);

    /// Parses each of the lines into its row. Not of formats [of several lines](Self::is_multi_line).
    fn parse_scattered(&self, lines: &mut LineSubset<'_>);

    /// Parses one line outside of a run, as if no lines were before it; whether it is a record.
    fn parse_line(
        &self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool;

    /// Whether records may have several lines.
    fn is_multi_line(&self) -> bool {
        false
    }

    /// See [`MultiLineFormat::ENDS_AT_BLANK`].
    fn ends_at_blank(&self) -> bool {
        false
    }

    /// Takes one line outside of a run, given its offset in the source.
    fn part_line(
        &self,
        line: Line<'_>,
        _offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part {
        match line.len() > 0 && self.parse_line(line, context, arena, record) {
            true => Part::Record,
            false => Part::Foreign,
        }
    }

    /// Takes the run's next line, whose offset in the source is `offset`; a record is the batch's next
    /// row. The batch must not be full.
    fn part_one(&self, run: &mut Run<'_>, offset: u64) -> Part {
        let (line, _) = run.line();
        let mut record = Record::EMPTY;
        let part = self.part_line(line, offset, run.context, &mut run.batch.arena, &mut record);
        if part == Part::Record {
            run.push(self.columns(), &record);
        }
        part
    }
}

/// Drives a format whose lines are records, each for itself.
pub(crate) fn line_format<F: LineFormat>(format: F) -> Box<dyn Format> {
    Box::new(Lines(format))
}

/// Drives such a format that parses many lines in one call.
pub(crate) fn bulk<F: BulkFormat>(format: F) -> Box<dyn Format> {
    Box::new(Bulk(Lines(format)))
}

/// Drives a format whose records may have several lines.
pub(crate) fn multi_line<F: MultiLineFormat>(format: F) -> Box<dyn Format> {
    Box::new(Parts(format))
}

/// Drives the format of several lines that `make` makes, of which any line could be one: it takes
/// nothing where the plan does not list it.
pub(crate) fn listed<F: MultiLineFormat>(
    params: &Params,
    make: impl FnOnce() -> F,
) -> Box<dyn Format> {
    if params.rejoin { multi_line(make()) } else { Box::new(Unlisted) }
}

/// Blank lines and headers come before all formats.
#[inline(always)]
pub(super) fn is_never_a_record(line: Line<'_>) -> bool {
    line.len() == 0 || classify::is_header(line.bytes())
}

struct Lines<F>(F);

impl<F: LineFormat> Format for Lines<F> {
    fn may_begin_with(&self, byte: u8) -> bool {
        self.0.may_begin_with(byte)
    }

    fn needs(&self) -> RequiredBytes {
        F::NEEDS
    }

    fn columns(&self) -> Columns {
        F::COLUMNS
    }

    fn keys(&self, line: Line<'_>, found: &mut keys::Found<'_>) {
        crate::dispatch!(keys_of::<F>(format: &F, line: Line<'_>, found: &mut keys::Found<'_>)
            -> () where F: LineFormat; &self.0, line, found)
    }

    fn parse_run(&self, run: &mut Run<'_>) {
        steps(&self.0, run, BATCH_ROWS);
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        let some = lines.lines;
        crate::dispatch!(one_by_one::<F>(format: &F, some: &[LineRef], lines: &mut LineSubset<'_>)
            -> () where F: LineFormat; &self.0, some, lines)
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
            &self.0, line, context, arena, record)
    }
}

struct Bulk<F>(Lines<F>);

/// Lines of a format with a bulk way that are parsed one by one before that is tried again.
const STEPS_MAX: usize = 16;

impl<F: BulkFormat> Format for Bulk<F> {
    fn may_begin_with(&self, byte: u8) -> bool {
        self.0.may_begin_with(byte)
    }

    fn needs(&self) -> RequiredBytes {
        F::NEEDS
    }

    fn columns(&self) -> Columns {
        F::COLUMNS
    }

    fn keys(&self, line: Line<'_>, found: &mut keys::Found<'_>) {
        self.0.keys(line, found);
    }

    fn parse_run(&self, run: &mut Run<'_>) {
        if !F::HAS_MANY {
            return self.0.parse_run(run);
        }
        let format = &self.0.0;
        let mut most = 1;
        loop {
            let before = run.next;
            format.parse_many(run);
            // Lines that have no bulk way come in company.
            most = if run.next == before { STEPS_MAX.min(2 * most) } else { 1 };
            let is_foreign = steps(format, run, most);
            if is_foreign || run.next == run.ends.len() || run.batch.is_full() {
                return;
            }
        }
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        crate::dispatch!(each::<F>(format: &F, lines: &mut LineSubset<'_>) -> ()
            where F: BulkFormat; &self.0.0, lines)
    }

    fn parse_line(
        &self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        self.0.parse_line(line, context, arena, record)
    }
}

struct Parts<F>(F);

impl<F: MultiLineFormat> Format for Parts<F> {
    fn may_begin_with(&self, byte: u8) -> bool {
        self.0.may_begin_with(byte)
    }

    fn needs(&self) -> RequiredBytes {
        F::NEEDS
    }

    fn columns(&self) -> Columns {
        F::COLUMNS
    }

    fn parse_run(&self, run: &mut Run<'_>) {
        let mut state = run.context.history.take::<F::State>();
        let kept = &mut *state;
        crate::dispatch!(parts::<F>(format: &F, run: &mut Run<'_>, state: &mut F::State) -> ()
            where F: MultiLineFormat; &self.0, run, kept);
        run.context.history.put(state);
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        // What a line is may depend on those between them.
        lines.refused.extend_from_slice(lines.lines);
    }

    fn parse_line(
        &self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        self.part_with(line, 0, &mut F::State::default(), context, arena, record) == Part::Record
    }

    fn is_multi_line(&self) -> bool {
        true
    }

    fn ends_at_blank(&self) -> bool {
        F::ENDS_AT_BLANK
    }

    fn part_line(
        &self,
        line: Line<'_>,
        offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part {
        let mut state = context.history.take::<F::State>();
        let part = self.part_with(line, offset, &mut state, context, arena, record);
        context.history.put(state);
        part
    }
}

impl<F: MultiLineFormat> Parts<F> {
    fn part_with(
        &self,
        line: Line<'_>,
        offset: u64,
        state: &mut F::State,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part {
        crate::dispatch!(one_part::<F>(format: &F, line: Line<'_>, offset: u64,
            state: &mut F::State, context: &mut Context, arena: &mut Vec<u8>, record: &mut Record)
            -> Part where F: MultiLineFormat; &self.0, line, offset, state, context, arena, record)
    }
}

/// What stands for a format that the plan does not list.
struct Unlisted;

impl Format for Unlisted {
    fn may_begin_with(&self, _byte: u8) -> bool {
        false
    }

    fn needs(&self) -> RequiredBytes {
        RequiredBytes::NONE
    }

    fn columns(&self) -> Columns {
        Columns::ALL
    }

    fn parse_run(&self, _run: &mut Run<'_>) {}

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        lines.refused.extend_from_slice(lines.lines);
    }

    fn parse_line(
        &self,
        _line: Line<'_>,
        _context: &mut Context,
        _arena: &mut Vec<u8>,
        _record: &mut Record,
    ) -> bool {
        false
    }
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
        let (context, arena) = (&mut *lines.context, &mut lines.batch.arena);
        let cx = &mut Parse { simd, context, arena, record: &mut record };
        if format.parse(line, cx).is_some() {
            finish(F::COLUMNS, line, cx);
            let row = spot.row as usize;
            lines.batch.put(row, F::COLUMNS, &record, spot.start, line.len() as u32);
        } else {
            lines.refused.push(*spot);
        }
    }
}

#[inline(always)]
fn each<S: Simd, F: BulkFormat>(simd: S, format: &F, lines: &mut LineSubset<'_>) {
    format.parse_each(simd, lines);
}

/// Parses up to `most` lines one by one, until one is not of the format; whether one was not.
fn steps<F: LineFormat>(format: &F, run: &mut Run<'_>, most: usize) -> bool {
    crate::dispatch!(steps_of::<F>(format: &F, run: &mut Run<'_>, most: usize) -> bool
        where F: LineFormat; format, run, most)
}

#[inline(always)]
fn steps_of<S: Simd, F: LineFormat>(simd: S, format: &F, run: &mut Run<'_>, most: usize) -> bool {
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
        let (context, arena) = (&mut *run.context, &mut run.batch.arena);
        let cx = &mut Parse { simd, context, arena, record: &mut record };
        // The first byte last: before, it would be asked of every line and decide hardly any.
        if is_never_a_record(line)
            || format.parse(line, cx).is_none()
            || !format.may_begin_with(line.byte(0))
        {
            break;
        }
        finish(F::COLUMNS, line, cx);
        run.batch.push(F::COLUMNS, &record, start, line.len() as u32);
        start = end + 1;
        parsed += 1;
    }
    run.start = start;
    run.next += parsed;
    parsed < lines.len()
}

/// Takes lines until one is not of the format or the batch is full; what goes on with a record is
/// passed.
#[inline(always)]
fn parts<S: Simd, F: MultiLineFormat>(
    simd: S,
    format: &F,
    run: &mut Run<'_>,
    state: &mut F::State,
) {
    for &end in &run.ends[run.next..] {
        let start = run.start;
        let line = line_of(run.block, start, end);
        let is_none = match line.len() {
            0 => !F::ENDS_AT_BLANK,
            _ => {
                is_never_a_record(line)
                    || !format.may_begin_with(line.byte(0))
                    || line.byte(0) <= b' ' && classify::is_blank(line.bytes())
            }
        };
        if is_none || run.batch.is_full() {
            return;
        }
        let offset = (run.offset + i64::from(start)) as u64;
        let mut record = Record::EMPTY;
        let (context, arena) = (&mut *run.context, &mut run.batch.arena);
        let cx = &mut Parse { simd, context, arena, record: &mut record };
        match format.part(line, offset, state, cx) {
            Part::Foreign => return,
            Part::Continuation => run.continuations += 1,
            Part::Record => run.batch.push(F::COLUMNS, &record, start, line.len() as u32),
        }
        run.advance(end);
    }
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
    let cx = &mut Parse { simd, context, arena, record };
    if !format.may_begin_with(line.byte(0)) || format.parse(line, cx).is_none() {
        return false;
    }
    finish(F::COLUMNS, line, cx);
    true
}

/// Puts what a format found into the form in which it counts.
#[inline(always)]
fn finish<S: Simd>(columns: Columns, line: Line<'_>, cx: &mut Parse<'_, S>) {
    if columns.has(Columns::CLIENT) {
        address::in_one_form(line.bytes(), cx.arena, cx.record);
    }
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
fn one_part<S: Simd, F: MultiLineFormat>(
    simd: S,
    format: &F,
    line: Line<'_>,
    offset: u64,
    state: &mut F::State,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> Part {
    let may_be =
        if line.len() == 0 { F::ENDS_AT_BLANK } else { format.may_begin_with(line.byte(0)) };
    if !may_be {
        return Part::Foreign;
    }
    format.part(line, offset, state, &mut Parse { simd, context, arena, record })
}
