//! Reading many lines at a time, member by member, straight into the columns of a batch.

use super::values::{
    Minute, WORDS, Word, any_text_end, epoch, is_at, other_text, other_time, other_value, remember,
    short_text_end, usual_count, usual_duration, usual_guess, usual_level, usual_number_end,
    usual_status, word_end,
};
use super::{Op, Step, Template, Templates, Tools};
use crate::bytes::line::{LINE_BYTES_MAX, Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::fields::{Fields, Value};
use crate::format::{Context, Run, Unit};
use crate::record::Level;
use crate::record::{BATCH_ROWS, Columns, Record, RowWriter, Rows, Text};

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
        if self.pause > 0 || self.apart > 0 || self.has_no_groups {
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
        let mut tools = Tools {
            minute: &mut self.minute,
            levels: &mut self.levels,
            methods: &mut self.methods,
        };
        let lines = Lines { block: run.block, start, len };
        at.fill(0);
        shape.read_many(simd, &lines, at, &mut tools, run.context, &mut writer);
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

/// What is done with the values of a step; a trait and not a closure, which would not be compiled
/// for the instruction set.
trait Take {
    /// Takes the value of line `i` that starts at `start`, and says where it ends; None if the line
    /// is not of the shape.
    fn take<S: Simd>(&mut self, simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize>;
}

/// Compares the bytes of a step in all lines, each `at` where it has been read up to, and takes the
/// values behind them.
#[inline(always)]
fn each<S: Simd>(simd: S, lines: &Lines<'_>, at: &mut [u32], step: &Step, mut value: impl Take) {
    let len = usize::from(step.len);
    for (i, at) in at.iter_mut().enumerate() {
        let line = lines.get(i);
        let start = *at as usize + len;
        // The first of these makes the checks within the others needless.
        *at = if start <= line.len()
            && is_at(simd, step, line, *at as usize)
            && let Some(end) = value.take(simd, i, line, start)
        {
            end as u32
        } else {
            NOWHERE
        };
    }
}

/// The part `start..end` of the line that starts at `line_start` of the block.
#[inline(always)]
fn in_block(line_start: u32, start: usize, end: usize) -> Text {
    let line_start = line_start as usize;
    Text::of_line(line_start + start, line_start + end)
}

struct More;

impl Take for More {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, _: usize, _: Line<'_>, start: usize) -> Option<usize> {
        Some(start)
    }
}

struct End;

impl Take for End {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        (start == line.len()).then_some(start)
    }
}

struct PassString;

impl Take for PassString {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        match short_text_end(simd, line, start) {
            None => Some(any_text_end(line, start)?.0),
            found => found,
        }
    }
}

struct PassNumber;

impl Take for PassNumber {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        usual_number_end(line, start)
    }
}

struct PassWord;

impl Take for PassWord {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        word_end(line, start)
    }
}

/// What values need that are not written in the most usual way.
struct Rest<'r> {
    step: &'r Step,
    context: &'r mut Context,
    arena: &'r mut Vec<u8>,
    record: Record,
}

impl Rest<'_> {
    #[inline(never)]
    fn text(&mut self, line: Line<'_>, start: usize) -> Option<usize> {
        other_text(line, start, self.step, self.context, self.arena, &mut self.record)
    }

    #[inline(never)]
    fn value(&mut self, line: Line<'_>, start: usize) -> Option<usize> {
        other_value(line, start, self.step, self.context, self.arena, &mut self.record)
    }
}

struct TakeTime<'r> {
    minute: &'r mut Minute,
    time_ns: &'r mut [i64],
    second: &'r mut [i64],
    rest: Rest<'r>,
}

impl Take for TakeTime<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let end = match self.minute.read(line, start) {
            Some((second, nanos, end)) => {
                self.second[i] = second;
                self.time_ns[i] = second * 1_000_000_000 + i64::from(nanos);
                end
            }
            None => {
                let Rest { step, context, arena, record } = &mut self.rest;
                let end = other_time(line, start, self.minute, step, context, arena, record)?;
                (self.time_ns[i], self.second[i]) = (record.time_ns, record.second);
                end
            }
        };
        Some(end)
    }
}

struct TakeLevel<'r> {
    levels: &'r mut [Word; WORDS],
    level: &'r mut [u8],
    rest: Rest<'r>,
}

impl Take for TakeLevel<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let bytes = line.u64_at(start);
        let word = &self.levels[Word::slot(bytes)];
        if word.begins(bytes) {
            self.level[i] = word.level as u8;
            return Some(start + word.len as usize);
        }
        let end = self.rest.text(line, start)?;
        let level = self.rest.record.level;
        self.level[i] = level as u8;
        remember(self.levels, bytes, end - start, level);
        Some(end)
    }
}

struct TakeMethod<'r> {
    methods: &'r mut [Word; WORDS],
    method: &'r mut [Text],
    starts: &'r [u32],
    rest: Rest<'r>,
}

impl Take for TakeMethod<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let bytes = line.u64_at(start);
        let word = &self.methods[Word::slot(bytes)];
        if word.begins(bytes) {
            let end = start + word.len as usize;
            self.method[i] = in_block(self.starts[i], start, end);
            return Some(end);
        }
        let end = self.rest.text(line, start)?;
        self.method[i] = self.rest.record.method.at(self.starts[i]);
        remember(self.methods, bytes, end - start, Level::Info);
        Some(end)
    }
}

struct TakeMessage<'r> {
    message: &'r mut [Text],
    starts: &'r [u32],
    /// Lines whose message holds escapes, as bits.
    escaped: &'r mut u128,
}

impl Take for TakeMessage<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let Some(end) = short_text_end(simd, line, start) else {
            return self.take_long(i, line, start);
        };
        self.message[i] = in_block(self.starts[i], start, end);
        Some(end)
    }
}

impl TakeMessage<'_> {
    #[inline(never)]
    fn take_long(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let (end, has_escapes) = any_text_end(line, start)?;
        self.message[i] = in_block(self.starts[i], start, end);
        *self.escaped |= u128::from(has_escapes) << i;
        Some(end)
    }
}

struct TakeStatus<'r> {
    status: &'r mut [u16],
}

impl Take for TakeStatus<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        self.status[i] = usual_status(line, start)?;
        Some(start + 3)
    }
}

struct TakeDuration<'r> {
    duration_ns: &'r mut [u64],
    unit: Unit,
    rest: Rest<'r>,
}

impl Take for TakeDuration<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((nanos, len)) = usual_duration(line.u64_at(start), self.unit) {
            self.duration_ns[i] = nanos;
            return Some(start + len);
        }
        let end = self.rest.value(line, start)?;
        self.duration_ns[i] = self.rest.record.duration_ns;
        Some(end)
    }
}

struct TakeGuess<'r> {
    duration_ns: &'r mut [u64],
    rest: Rest<'r>,
}

impl Take for TakeGuess<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((nanos, len)) = usual_guess(line.u64_at(start)) {
            self.duration_ns[i] = nanos;
            return Some(start + len);
        }
        let end = self.rest.value(line, start)?;
        self.duration_ns[i] = self.rest.record.duration_ns;
        Some(end)
    }
}

struct TakeEpoch<'r> {
    time_ns: &'r mut [i64],
    second: &'r mut [i64],
    rest: Rest<'r>,
}

impl Take for TakeEpoch<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((stamp, end)) = epoch(simd, line, start) {
            self.time_ns[i] = stamp.nanos_since_epoch();
            self.second[i] = stamp.second;
            return Some(end);
        }
        let end = self.rest.value(line, start)?;
        let record = &self.rest.record;
        (self.time_ns[i], self.second[i]) = (record.time_ns, record.second);
        Some(end)
    }
}

struct TakeLevelNumber<'r> {
    level: &'r mut [u8],
    rest: Rest<'r>,
}

impl Take for TakeLevelNumber<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((level, len)) = usual_level(line.u64_at(start)) {
            self.level[i] = level as u8;
            return Some(start + len);
        }
        let end = self.rest.value(line, start)?;
        self.level[i] = self.rest.record.level as u8;
        Some(end)
    }
}

struct TakeBytes<'r> {
    bytes_sent: &'r mut [u64],
    rest: Rest<'r>,
}

impl Take for TakeBytes<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((count, len)) = usual_count(line.u64_at(start)) {
            self.bytes_sent[i] = count;
            return Some(start + len);
        }
        let end = self.rest.value(line, start)?;
        self.bytes_sent[i] = self.rest.record.bytes_sent;
        Some(end)
    }
}

struct TakePath<'r> {
    path: &'r mut [Text],
    starts: &'r [u32],
    rest: Rest<'r>,
}

impl Take for TakePath<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some(end) = short_text_end(simd, line, start)
            && line.byte(start) == b'/'
        {
            self.path[i] = in_block(self.starts[i], start, end);
            return Some(end);
        }
        let end = self.rest.text(line, start)?;
        self.path[i] = self.rest.record.path.at(self.starts[i]);
        Some(end)
    }
}

struct TakeClient<'r> {
    client: &'r mut [Text],
    starts: &'r [u32],
    rest: Rest<'r>,
}

impl Take for TakeClient<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some(end) = short_text_end(simd, line, start)
            && Fields::is_plain_client(simd, line, start, end)
        {
            self.client[i] = in_block(self.starts[i], start, end);
            return Some(end);
        }
        let end = self.rest.text(line, start)?;
        self.client[i] = self.rest.record.client.at(self.starts[i]);
        Some(end)
    }
}

/// Any value that counts.
struct TakeOther<'r, 'b> {
    step: &'r Step,
    context: &'r mut Context,
    rows: &'r mut RowWriter<'b>,
}

impl Take for TakeOther<'_, '_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _simd: S, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        self.take_other(i, line, start)
    }
}

impl TakeOther<'_, '_> {
    #[inline(never)]
    fn take_other(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let mut record = Record::EMPTY;
        let Rows { arena, .. } = self.rows.parts();
        let end = other_value(line, start, self.step, self.context, arena, &mut record)?;
        self.rows.put(self.rows.first() + i, self.step.wins, &record);
        Some(end)
    }
}

impl Template {
    /// Reads the lines as far as they are of this shape, and writes their columns; `at` is then
    /// [`NOWHERE`] for the others.
    #[inline(always)]
    fn read_many<S: Simd>(
        &self,
        simd: S,
        lines: &Lines<'_>,
        at: &mut [u32],
        tools: &mut Tools<'_>,
        context: &mut Context,
        rows: &mut RowWriter<'_>,
    ) {
        let first = rows.first();
        let all = first..first + at.len();
        let starts = lines.start;
        rows.clear(Columns::ALL.without(self.wins), all.clone());
        let mut escaped = 0;
        for step in &self.steps {
            if matches!(step.op, Op::Text | Op::Number) {
                each(simd, lines, at, step, TakeOther { step, context, rows });
                continue;
            }
            let Rows { cells, arena, .. } = rows.parts();
            macro_rules! rest {
                () => {
                    Rest { step, context, arena, record: Record::EMPTY }
                };
            }
            match step.op {
                Op::More => each(simd, lines, at, step, More),
                Op::End => each(simd, lines, at, step, End),
                Op::PassString => each(simd, lines, at, step, PassString),
                Op::PassNumber => each(simd, lines, at, step, PassNumber),
                Op::PassWord => each(simd, lines, at, step, PassWord),
                Op::Time => {
                    let time_ns = &mut cells.time_ns[all.clone()];
                    let second = &mut cells.second[all.clone()];
                    let minute = &mut *tools.minute;
                    each(
                        simd,
                        lines,
                        at,
                        step,
                        TakeTime { minute, time_ns, second, rest: rest!() },
                    );
                }
                Op::Level => {
                    let level = &mut cells.level[all.clone()];
                    let levels = &mut *tools.levels;
                    each(simd, lines, at, step, TakeLevel { levels, level, rest: rest!() });
                }
                Op::Method => {
                    let method = &mut cells.method[all.clone()];
                    let methods = &mut *tools.methods;
                    let rest = rest!();
                    each(simd, lines, at, step, TakeMethod { methods, method, starts, rest });
                }
                Op::Message => {
                    let message = &mut cells.message[all.clone()];
                    let escaped = &mut escaped;
                    each(simd, lines, at, step, TakeMessage { message, starts, escaped });
                }
                Op::Status => {
                    let status = &mut cells.status[all.clone()];
                    each(simd, lines, at, step, TakeStatus { status });
                }
                Op::Duration(unit) => {
                    let duration_ns = &mut cells.duration_ns[all.clone()];
                    each(simd, lines, at, step, TakeDuration { duration_ns, unit, rest: rest!() });
                }
                Op::Guess => {
                    let duration_ns = &mut cells.duration_ns[all.clone()];
                    each(simd, lines, at, step, TakeGuess { duration_ns, rest: rest!() });
                }
                Op::Epoch => {
                    let time_ns = &mut cells.time_ns[all.clone()];
                    let second = &mut cells.second[all.clone()];
                    each(simd, lines, at, step, TakeEpoch { time_ns, second, rest: rest!() });
                }
                Op::LevelNumber => {
                    let level = &mut cells.level[all.clone()];
                    each(simd, lines, at, step, TakeLevelNumber { level, rest: rest!() });
                }
                Op::Bytes => {
                    let bytes_sent = &mut cells.bytes_sent[all.clone()];
                    each(simd, lines, at, step, TakeBytes { bytes_sent, rest: rest!() });
                }
                Op::Path => {
                    let path = &mut cells.path[all.clone()];
                    each(simd, lines, at, step, TakePath { path, starts, rest: rest!() });
                }
                Op::Client => {
                    let client = &mut cells.client[all.clone()];
                    each(simd, lines, at, step, TakeClient { client, starts, rest: rest!() });
                }
                Op::Text | Op::Number => unreachable!("taken above"),
            }
        }
        while escaped != 0 {
            let i = escaped.trailing_zeros() as usize;
            escaped &= escaped - 1;
            if at[i] != NOWHERE {
                unescape_message(lines.get(i), rows, first + i, context.all_messages);
            }
        }
    }
}

/// Undoes the escapes of a row's message, if anybody reads it.
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
