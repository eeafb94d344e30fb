//! Reading many lines at a time, member by member, straight into the columns of a batch.
//!
//! # Fast path `json-groups`
//! ```text
//! take up to 128 lines; each is at position 0
//! for each step of the template:
//!     for each line: if the bytes of the step are at its position,
//!                        write the value after them to the line's row, and go on after it
//!                    else the line is missed
//! lines that were missed are read one by one
//! where most of three groups in a row were missed, 1,024 lines are
//! ```
//! Reference: `one`, which reads values by the same code. Compared by `groups_do_not_show` and
//! `tests/fast_paths.rs`. Gain: time without it 1.15 on JSON, 1.00 on unlike JSON (2026-11-28,
//! AMD EPYC with AVX-512, other work beside it).

use super::read::{Kind, Sink, With, with_kind};
use super::values::is_at;
use super::{Op, Template, Templates, Tools};
use crate::bytes::line::{LINE_BYTES_MAX, Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::fields::{Fields, Value};
use crate::format::{Context, Run};
use crate::record::Level;
use crate::record::{BATCH_ROWS, Columns, NO_TIME, Record, RowWriter, Rows, Text};

/// Lines that are read together.
pub const GROUP: usize = 128;
/// Fewer lines than this are better read one by one.
const GROUP_MIN: usize = 4;
/// Groups in a row most lines of which had to be read one by one, before all are for a while.
const UNFIT_MAX: u32 = 3;
/// For so many lines.
const APART: u32 = 1024;
/// A position behind the end of any line.
const NOWHERE: u32 = u32::MAX;

/// Lines that were written as rows behind the last one of a batch.
pub struct Group {
    /// How many there are.
    pub rows: usize,
    /// Those that are not filled, as bits, because they are not of the shape.
    pub missed: u128,
    /// Where the line behind them starts.
    pub after: u32,
}

impl Templates {
    /// Reads the next lines of the run that are of the shape of the line before; all columns of
    /// those are written, but for the flags. None if that is not worth while.
    ///
    /// One member after the other, of all lines: what is looked for then stays in registers, and no
    /// line waits for another, or for a wrong guess about one.
    #[inline(always)]
    pub fn read_many<S: Simd>(&mut self, simd: S, run: &mut Run<'_>) -> Option<Group> {
        if self.pause > 0 || self.apart > 0 {
            self.apart = self.apart.saturating_sub(1);
            return None;
        }
        let shape = self.shapes.get(self.main)?;
        let (rows, after) = self.places.take(run, self.group, shape.steps[0].bytes[0]);
        if rows < GROUP_MIN {
            return None;
        }
        let Places { start, len, at } = &mut *self.places;
        let (start, len, at) = (&start[..rows], &len[..rows], &mut at[..rows]);
        let mut writer = run.batch.rows();
        let first = writer.first();
        let Rows { line_start, line_len, .. } = writer.parts();
        line_start[first..first + rows].copy_from_slice(start);
        line_len[first..first + rows].copy_from_slice(len);
        let lines = Lines { block: run.block, start, len };
        at.fill(0);
        shape.read_many(simd, &lines, at, &mut self.tools, run.context, &mut writer);
        let mut missed = 0;
        for (i, &at) in at.iter().enumerate() {
            missed |= u128::from(at == NOWHERE) << i;
        }
        self.hits = self.hits.saturating_add(rows as u32 - missed.count_ones());
        Some(Group { rows, missed, after })
    }

    /// Hears how many lines of a group were records without a gap.
    #[inline(always)]
    pub fn tell(&mut self, group: &Group, records: usize) {
        // What is behind a line that is no record has to be read again.
        let whole = records == group.rows;
        if 2 * group.missed.count_ones() as usize > group.rows {
            // The shape of the last line may fit better; if it does not, too many are mixed.
            self.main = self.last;
            self.unfit += 1;
            if self.unfit == UNFIT_MAX {
                (self.apart, self.unfit) = (APART, 0);
            }
        } else {
            self.unfit = 0;
        }
        self.group = if whole { GROUP.min(2 * self.group) } else { GROUP_MIN.max(self.group / 2) };
    }
}

/// Longest line of a group: positions in it and behind it are far from [`NOWHERE`].
const LINE_MAX: u32 = LINE_BYTES_MAX as u32 - 1;

/// Where the lines of a group are, and how far each has been read.
pub(super) struct Places {
    start: [u32; GROUP],
    len: [u32; GROUP],
    at: [u32; GROUP],
}

impl Default for Places {
    fn default() -> Self {
        Places { start: [0; GROUP], len: [0; GROUP], at: [0; GROUP] }
    }
}

impl Places {
    /// Takes the next lines of the run, at most `most`, that begin with the byte `opening`; how
    /// many, and where the line behind them starts. Each lies in the block with its pad.
    #[inline(always)]
    fn take(&mut self, run: &Run<'_>, most: usize, opening: u8) -> (usize, u32) {
        let block = run.block;
        let most = most.min(GROUP).min(BATCH_ROWS - run.batch.len);
        // Lines that end up to here have their pad.
        let last_end = block.len().saturating_sub(PAD).min(u32::MAX as usize) as u32;
        let mut after = run.start;
        assert!(after as usize >= PAD);
        let mut rows = 0;
        for &end in run.ends[run.next..].iter().take(most) {
            let len = end.wrapping_sub(after);
            if end > last_end || len.wrapping_sub(1) >= LINE_MAX {
                break;
            }
            if block[after as usize] != opening {
                break;
            }
            self.start[rows] = after;
            self.len[rows] = len - u32::from(block[end as usize - 1] == b'\r');
            after = end + 1;
            rows += 1;
        }
        (rows, after)
    }
}

/// The lines of a group: each lies in the block with its pad.
struct Lines<'b> {
    block: &'b [u8],
    start: &'b [u32],
    len: &'b [u32],
}

impl<'b> Lines<'b> {
    #[inline(always)]
    fn get(&self, i: usize) -> Line<'b> {
        let (start, len) = (self.start[i] as usize, self.len[i] as usize);
        // SAFETY: `Places::take` let in only lines that start at or behind the first PAD bytes of
        // the block and end before the last ones.
        unsafe { Line::new_unchecked(self.block, start, start + len) }
    }
}

/// A row behind the last one of a batch.
struct OneRow<'r, 'b> {
    rows: &'r mut RowWriter<'b>,
    first: usize,
    /// Which of the group.
    i: usize,
    /// Where its line starts in the block.
    line_start: u32,
    /// Rows whose message holds escapes, as bits.
    escaped: u128,
}

impl OneRow<'_, '_> {
    #[inline(always)]
    fn text(&self, start: usize, end: usize) -> Text {
        let line_start = self.line_start as usize;
        Text::of_line(line_start + start, line_start + end)
    }
}

/// The cell of a row.
macro_rules! cell {
    ($row:ident . $column:ident) => {
        $row.rows.parts().cells.$column[$row.first + $row.i]
    };
}

impl Sink for OneRow<'_, '_> {
    #[inline(always)]
    fn time(&mut self, second: i64, nanos: u32) {
        cell!(self.second) = second;
        cell!(self.time_ns) = second * 1_000_000_000 + i64::from(nanos);
    }

    #[inline(always)]
    fn nanos(&mut self, nanos: u32) {
        let time = &mut cell!(self.time_ns);
        if *time != NO_TIME && *time % 1_000_000_000 == 0 {
            *time += i64::from(nanos);
        }
    }

    #[inline(always)]
    fn level(&mut self, level: Level) {
        cell!(self.level) = level as u8;
    }

    #[inline(always)]
    fn status(&mut self, status: u16) {
        cell!(self.status) = status;
    }

    #[inline(always)]
    fn duration(&mut self, nanos: u64) {
        cell!(self.duration_ns) = nanos;
    }

    #[inline(always)]
    fn bytes(&mut self, count: u64) {
        cell!(self.bytes_sent) = count;
    }

    #[inline(always)]
    fn method(&mut self, start: usize, end: usize) {
        cell!(self.method) = self.text(start, end);
    }

    #[inline(always)]
    fn path(&mut self, start: usize, end: usize) {
        cell!(self.path) = self.text(start, end);
    }

    #[inline(always)]
    fn client(&mut self, start: usize, end: usize) {
        cell!(self.client) = self.text(start, end);
    }

    #[inline(always)]
    fn message(&mut self, start: usize, end: usize, has_escapes: bool) {
        cell!(self.message) = self.text(start, end);
        self.escaped |= u128::from(has_escapes) << self.i;
    }

    fn take(&mut self, columns: Columns, record: &Record) {
        self.rows.put(self.first + self.i, columns, record);
    }

    fn arena(&mut self) -> &mut Vec<u8> {
        self.rows.parts().arena
    }
}

/// Compares the bytes of a step in all lines, each `at` where it has been read up to, and takes the
/// values behind them.
#[inline(always)]
fn each<S: Simd, K: Kind>(
    simd: S,
    lines: &Lines<'_>,
    at: &mut [u32],
    with: &mut With<'_>,
    row: &mut OneRow<'_, '_>,
) {
    let len = usize::from(with.step.len);
    assert!(row.first + at.len() <= BATCH_ROWS);
    for (i, at) in at.iter_mut().enumerate() {
        let line = lines.get(i);
        (row.i, row.line_start) = (i, lines.start[i]);
        let start = *at as usize + len;
        // The first of these makes the checks within the others needless.
        *at = if start <= line.len()
            && is_at(simd, with.step, line, *at as usize)
            && let Some(end) = K::read(simd, line, start, with, row)
        {
            end as u32
        } else {
            NOWHERE
        };
    }
}

impl Template {
    /// Reads the lines as far as they are of this template, and writes their columns; `at` is then
    /// [`NOWHERE`] for the others.
    #[inline(always)]
    fn read_many<S: Simd>(
        &self,
        simd: S,
        lines: &Lines<'_>,
        at: &mut [u32],
        tools: &mut Tools,
        context: &mut Context,
        rows: &mut RowWriter<'_>,
    ) {
        let first = rows.first();
        rows.clear(Columns::ALL.without(self.wins), first..first + at.len());
        let mut row = OneRow { rows, first, i: 0, line_start: 0, escaped: 0 };
        for step in &self.steps {
            let mut with = With { step, tools, context };
            with_kind!(step.op, K => each::<S, K>(simd, lines, at, &mut with, &mut row));
        }
        let mut escaped = row.escaped;
        while escaped != 0 {
            let i = escaped.trailing_zeros() as usize;
            escaped &= escaped - 1;
            if at[i] != NOWHERE {
                unescape_message(lines.get(i), rows, first + i, context.all_messages);
            }
        }
    }
}

/// Undoes the escapes of a row's message, if the job needs it.
#[cold]
#[inline(never)]
fn unescape_message(line: Line<'_>, rows: &mut RowWriter<'_>, row: usize, all: bool) {
    let Rows { cells, line_start, arena, .. } = rows.parts();
    let base = line_start[row] as usize;
    let (start, end) = cells.message[row].range();
    let value = Value { start: start - base, end: end - base, escaped: true, number: false };
    cells.message[row] = if all || cells.level[row] >= Level::Warn as u8 {
        Fields::whole_message(line, value, arena)
    } else {
        Text::NONE
    };
}
