//! How the scanner drives a format: lines of a run one by one or in bulk, lines among others, and
//! lines outside of a run.
//!
//! The three drivers make a [`Format`] of what authors write. A format is compiled once for each
//! instruction set, as a function of one line ([`parse`], [`part`]); the loops around it are compiled
//! once for each format, as which columns they write is known then.

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
        steps(format, run, BATCH_ROWS);
    }

    fn parse_scattered(format: &F, lines: &mut LineSubset<'_>) {
        one_by_one(format, lines.lines, lines);
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
            let is_foreign = steps(format, run, most);
            if is_foreign || run.next == run.ends.len() || run.batch.is_full() {
                return;
            }
        }
    }

    fn parse_scattered(format: &F, lines: &mut LineSubset<'_>) {
        format.parse_each(lines);
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
        let may_be = line.len() > 0 && self.0.may_begin_with(line.byte(0));
        match may_be && parse(&self.0, line, cx).is_some() {
            true => Part::Record,
            false => Part::Foreign,
        }
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
        parts(&self.0, run, &mut state);
        run.context.history.kept.put(state);
    }

    fn parse_scattered(&self, lines: &mut LineSubset<'_>) {
        // What a line is may depend on those between them.
        lines.refused.extend_from_slice(lines.lines);
    }

    fn part(&self, line: Line<'_>, offset: Option<u64>, cx: &mut Parse<'_, ()>) -> Part {
        let may_be = match line.len() {
            0 => F::ENDS_AT_BLANK,
            _ => self.0.may_begin_with(line.byte(0)) && F::may_be(line),
        };
        if !may_be {
            return Part::Foreign;
        }
        let Some(offset) = offset else {
            return part(&self.0, line, 0, &mut F::State::default(), cx);
        };
        let mut state = cx.context.history.kept.take::<F::State>();
        let part = part(&self.0, line, offset, &mut state, cx);
        cx.context.history.kept.put(state);
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
pub(crate) fn one_by_one<F: LineFormat>(format: &F, some: &[LineRef], lines: &mut LineSubset<'_>) {
    for_each(F::COLUMNS, some, lines, |line, cx| parse(format, line, cx));
}

/// Parses each of `some` of the lines by `parse`, which may fill these columns.
#[inline(always)]
pub(crate) fn for_each(
    columns: Columns,
    some: &[LineRef],
    lines: &mut LineSubset<'_>,
    mut parse: impl FnMut(Line<'_>, &mut Parse<'_, ()>) -> Option<()>,
) {
    for spot in some {
        let line = line_of(lines.block, spot.start, spot.end);
        let mut record = Record::EMPTY;
        let (context, arena) = (&mut *lines.context, &mut lines.batch.arena);
        let cx = &mut Parse { simd: (), context, arena, record: &mut record };
        if parse(line, cx).is_some() {
            let row = spot.row as usize;
            lines.batch.put(row, columns, &record, spot.start, line.len() as u32);
        } else {
            lines.refused.push(*spot);
        }
    }
}

/// Parses up to `most` lines one by one, until one is not of the format; whether one was not.
fn steps<F: LineFormat>(format: &F, run: &mut Run<'_>, most: usize) -> bool {
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
        let cx = &mut Parse { simd: (), context, arena, record: &mut record };
        // The first byte last: before, it would be asked of every line and decide hardly any.
        if is_never_a_record(line)
            || parse(format, line, cx).is_none()
            || !format.may_begin_with(line.byte(0))
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

/// Takes lines until one is not of the format or the batch is full; what goes on with a record is
/// passed.
fn parts<F: MultiLineFormat>(format: &F, run: &mut Run<'_>, state: &mut F::State) {
    for &end in &run.ends[run.next..] {
        let start = run.start;
        let line = line_of(run.block, start, end);
        let is_none = match line.len() {
            0 => !F::ENDS_AT_BLANK,
            _ => {
                is_never_a_record(line)
                    || !format.may_begin_with(line.byte(0))
                    || !F::may_be(line)
                    || line.byte(0) <= b' ' && classify::is_blank(line.bytes())
            }
        };
        if is_none || run.batch.is_full() {
            return;
        }
        let offset = (run.offset + i64::from(start)) as u64;
        let mut record = Record::EMPTY;
        let (context, arena) = (&mut *run.context, &mut run.batch.arena);
        let cx = &mut Parse { simd: (), context, arena, record: &mut record };
        match part(format, line, offset, state, cx) {
            Part::Foreign => return,
            Part::Continuation => run.continuations += 1,
            Part::Record => run.batch.push(F::COLUMNS, &record, start, line.len() as u32),
        }
        run.advance(end);
    }
}

/// Fills the record if the line is of the format, and puts what was found into the form in which it
/// counts. Not compiled into its callers, of which each format has several.
#[inline(never)]
fn parse<F: LineFormat>(format: &F, line: Line<'_>, cx: &mut Parse<'_, ()>) -> Option<()> {
    #[inline(always)]
    fn body<S: Simd, F: LineFormat>(
        simd: S,
        format: &F,
        line: Line<'_>,
        cx: &mut Parse<'_, ()>,
    ) -> Option<()> {
        format.parse(line, &mut cx.with(simd))?;
        if F::COLUMNS.has(Columns::CLIENT) && !cx.record.client.is_empty() {
            address::in_one_form(simd, line, cx.arena, cx.record);
        }
        Some(())
    }
    if F::IN_AVX512 {
        crate::dispatch!(body::<F>(format: &F, line: Line<'_>, cx: &mut Parse<'_, ()>)
            -> Option<()> where F: LineFormat; format, line, cx)
    } else {
        crate::dispatch!(up to AVX2: body::<F>(format: &F, line: Line<'_>, cx: &mut Parse<'_, ()>)
            -> Option<()> where F: LineFormat; format, line, cx)
    }
}

/// What a line is to a format of several lines; as [`parse`].
#[inline(never)]
fn part<F: MultiLineFormat>(
    format: &F,
    line: Line<'_>,
    offset: u64,
    state: &mut F::State,
    cx: &mut Parse<'_, ()>,
) -> Part {
    #[inline(always)]
    fn body<S: Simd, F: MultiLineFormat>(
        simd: S,
        format: &F,
        line: Line<'_>,
        offset: u64,
        state: &mut F::State,
        cx: &mut Parse<'_, ()>,
    ) -> Part {
        format.part(line, offset, state, &mut cx.with(simd))
    }
    crate::dispatch!(up to AVX2: body::<F>(format: &F, line: Line<'_>, offset: u64,
        state: &mut F::State, cx: &mut Parse<'_, ()>) -> Part
        where F: MultiLineFormat; format, line, offset, state, cx)
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
