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
use std::marker::PhantomData;

/// One log format, as the scanner drives it.
pub trait Format: Send + Sync {
    /// See [`LineFormat::may_begin_with`].
    fn may_begin_with(&self, byte: u8) -> bool;

    /// See [`LineFormat::NEEDS`].
    fn needs(&self) -> RequiredBytes;

    /// The columns that records may fill.
    fn columns(&self) -> Columns;

    /// Tells the values of keys of a line that is a record of this format.
    fn keys(&self, _line: Line<'_>, _found: &mut keys::Found<'_>) {}

    /// Parses lines until the run's lines end, the batch is full, or a line is empty or not of
    /// this format; that line is then the run's next. Lines that are parts of records and no records
    /// themselves are passed and counted.
    fn parse_run(&self, run: &mut Run<'_>);

    /// Parses each of the lines into its row. Not of formats [of several lines](Self::is_multi_line).
    fn parse_scattered(&self, lines: &mut LineSubset<'_>);

    /// What one line is outside of a run, given its offset in the source; without one, what it is if
    /// no lines are before it.
    fn part(&self, line: Line<'_>, offset: Option<u64>, cx: &mut Parse<'_, ()>) -> Part;

    /// Whether records may have several lines.
    fn is_multi_line(&self) -> bool {
        false
    }

    /// See [`MultiLineFormat::ENDS_AT_BLANK`].
    fn ends_at_blank(&self) -> bool {
        false
    }

    /// See [`MultiLineFormat::KEEPS_NULS`].
    fn keeps_nuls(&self) -> bool {
        false
    }

    /// Whether one line is a record if no lines are before it, as [`part`](Self::part) says.
    fn parse_line(
        &self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        self.part(line, None, &mut Parse { simd: (), context, arena, record }) == Part::Record
    }

    /// Takes the run's next line, whose offset in the source is `offset`; a record is the batch's next
    /// row. The batch must not be full.
    fn part_one(&self, run: &mut Run<'_>, offset: u64) -> Part {
        let (line, _) = run.line();
        let mut record = Record::EMPTY;
        let (context, arena) = (&mut *run.context, &mut run.batch.arena);
        let cx = &mut Parse { simd: (), context, arena, record: &mut record };
        let part = self.part(line, Some(offset), cx);
        if part == Part::Record {
            run.push(self.columns(), &record);
        }
        part
    }
}

/// Drives a format whose lines are records, each for itself.
pub(crate) fn line_format<F: LineFormat>(format: F) -> Box<dyn Format> {
    Box::new(Lines::<F, OneByOne>(format, PhantomData))
}

/// Drives such a format that parses many lines in one call.
pub(crate) fn bulk<F: BulkFormat>(format: F) -> Box<dyn Format> {
    Box::new(Lines::<F, InBulk>(format, PhantomData))
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
    if params.rejoin { multi_line(make()) } else { line_format(Unlisted) }
}

/// What stands for a format that the plan does not list.
struct Unlisted;

impl LineFormat for Unlisted {
    const COLUMNS: Columns = Columns::ALL;

    fn may_begin_with(&self, _byte: u8) -> bool {
        false
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, _line: Line<'_>, _cx: &mut Parse<'_, S>) -> Option<()> {
        None
    }
}

/// Blank lines and headers come before all formats.
#[inline(always)]
pub(super) fn is_never_a_record(line: Line<'_>) -> bool {
    line.len() == 0 || classify::is_header(line.bytes())
}

/// A format of lines, and how many of them are parsed.
struct Lines<F, W>(F, PhantomData<fn() -> W>);

/// How many lines of a format are parsed.
trait Way<F>: 'static {
    fn parse_run(format: &F, run: &mut Run<'_>);
    fn parse_scattered(format: &F, lines: &mut LineSubset<'_>);
}

struct OneByOne;

impl<F: LineFormat> Way<F> for OneByOne {
    fn parse_run(format: &F, run: &mut Run<'_>) {
        crate::dispatch!(up to AVX2: steps::<F>(format: &F, run: &mut Run<'_>, most: usize) -> bool
            where F: LineFormat; format, run, BATCH_ROWS);
    }

    fn parse_scattered(format: &F, lines: &mut LineSubset<'_>) {
        let some = lines.lines;
        crate::dispatch!(up to AVX2: one_by_one::<F>(format: &F, some: &[LineRef], lines: &mut LineSubset<'_>)
            -> () where F: LineFormat; format, some, lines)
    }
}

struct InBulk;

/// Lines of a format with a bulk way that are parsed one by one before that is tried again.
const STEPS_MAX: usize = 16;

impl<F: BulkFormat> Way<F> for InBulk {
    fn parse_run(format: &F, run: &mut Run<'_>) {
        let mut most = if F::HAS_MANY { 1 } else { BATCH_ROWS };
        loop {
            if F::HAS_MANY {
                let before = run.next;
                format.parse_many(run);
                // Lines that have no bulk way come in company.
                most = if run.next == before { STEPS_MAX.min(2 * most) } else { 1 };
            }
            let is_foreign = crate::dispatch!(steps::<F>(format: &F, run: &mut Run<'_>, most: usize)
                -> bool where F: BulkFormat; format, run, most);
            if is_foreign || run.next == run.ends.len() || run.batch.is_full() {
                return;
            }
        }
    }

    fn parse_scattered(format: &F, lines: &mut LineSubset<'_>) {
        crate::dispatch!(each::<F>(format: &F, lines: &mut LineSubset<'_>) -> ()
            where F: BulkFormat; format, lines)
    }
}

impl<F: LineFormat, W: Way<F>> Format for Lines<F, W> {
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
        crate::dispatch!(up to AVX2: keys_of::<F>(format: &F, line: Line<'_>, found: &mut keys::Found<'_>)
            -> () where F: LineFormat; &self.0, line, found)
    }

    fn parse_run(&self, run: &mut Run<'_>) {
        W::parse_run(&self.0, run);
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        W::parse_scattered(&self.0, lines);
    }

    fn part(&self, line: Line<'_>, _offset: Option<u64>, cx: &mut Parse<'_, ()>) -> Part {
        crate::dispatch!(up to AVX2: one_line::<F>(format: &F, line: Line<'_>, cx: &mut Parse<'_, ()>) -> Part
            where F: LineFormat; &self.0, line, cx)
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
        let mut state = run.context.history.kept.take::<F::State>();
        let kept = &mut *state;
        crate::dispatch!(parts::<F>(format: &F, run: &mut Run<'_>, state: &mut F::State) -> ()
            where F: MultiLineFormat; &self.0, run, kept);
        run.context.history.kept.put(state);
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        // What a line is may depend on those between them.
        lines.refused.extend_from_slice(lines.lines);
    }

    fn part(&self, line: Line<'_>, offset: Option<u64>, cx: &mut Parse<'_, ()>) -> Part {
        let mut state = match offset {
            Some(_) => cx.context.history.kept.take::<F::State>(),
            None => Box::default(),
        };
        let (at, kept) = (offset.unwrap_or(0), &mut *state);
        let part = crate::dispatch!(one_part::<F>(format: &F, line: Line<'_>, offset: u64,
            state: &mut F::State, cx: &mut Parse<'_, ()>) -> Part
            where F: MultiLineFormat; &self.0, line, at, kept, cx);
        if offset.is_some() {
            cx.context.history.kept.put(state);
        }
        part
    }

    fn is_multi_line(&self) -> bool {
        true
    }

    fn ends_at_blank(&self) -> bool {
        F::ENDS_AT_BLANK
    }

    fn keeps_nuls(&self) -> bool {
        F::KEEPS_NULS
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
    for_each(simd, F::COLUMNS, some, lines, format);
}

/// What parses one line. A closure would be a function of its own, without the instruction set.
pub(crate) trait ParseOne {
    /// As [`LineFormat::parse`].
    fn parse_one<S: Simd>(&mut self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()>;
}

impl<F: LineFormat> ParseOne for &F {
    #[inline(always)]
    fn parse_one<S: Simd>(&mut self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        self.parse(line, cx)
    }
}

/// Parses each of `some` of the lines by `parser`, which may fill these columns.
#[inline(always)]
pub(crate) fn for_each<S: Simd>(
    simd: S,
    columns: Columns,
    some: &[LineRef],
    lines: &mut LineSubset<'_>,
    mut parser: impl ParseOne,
) {
    for spot in some {
        let line = line_of(lines.block, spot.start, spot.end);
        let mut record = Record::EMPTY;
        let (context, arena) = (&mut *lines.context, &mut lines.batch.arena);
        let cx = &mut Parse { simd, context, arena, record: &mut record };
        if parser.parse_one(line, cx).is_some() {
            finish(columns, line, cx);
            let row = spot.row as usize;
            lines.batch.put(row, columns, &record, spot.start, line.len() as u32);
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
    cx: &mut Parse<'_, ()>,
) -> Part {
    let cx = &mut cx.with(simd);
    let may_be = line.len() > 0 && format.may_begin_with(line.byte(0));
    if !may_be || format.parse(line, cx).is_none() {
        return Part::Foreign;
    }
    finish(F::COLUMNS, line, cx);
    Part::Record
}

/// Puts what a format found into the form in which it counts.
#[inline(always)]
fn finish<S: Simd>(columns: Columns, line: Line<'_>, cx: &mut Parse<'_, S>) {
    if columns.has(Columns::CLIENT) && !cx.record.client.is_empty() {
        address::in_one_form(cx.simd, line, cx.arena, cx.record);
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
    cx: &mut Parse<'_, ()>,
) -> Part {
    let may_be = match line.len() {
        0 => F::ENDS_AT_BLANK,
        _ => format.may_begin_with(line.byte(0)),
    };
    match may_be {
        true => format.part(line, offset, state, &mut cx.with(simd)),
        false => Part::Foreign,
    }
}
