//! Shapes of JSON lines: what lines of one log repeat, learnt once and then only compared.
//!
//! Lines of one log have the same members in the same order. All that stands between their values
//! (`","status":`) is the *shape* of a line, and what a name means is decided when a shape is
//! learnt. A line of a known shape is then read in steps: some bytes that must be there, and a
//! value of the kind that stood there before, whose end is searched for; it is decoded only if it
//! counts. Whatever deviates, be it one space, is left to the general way of
//! [`json`](super::json).
//!
//! # Why the outcome is the same
//! A line of the shape of a line that is JSON is that line with other strings, numbers and words in
//! the same places, hence JSON with the same names. Of all values with the same meaning, the one of
//! the highest rank counts, and among equal ranks the first, *if it is usable with that rank*
//! ([`fields`](super::fields)): so that one alone is asked, and if it is not, neither is the shape.
//! What two meanings share is in [`Shape::new`].
//!
//! The shapes are a cache: which there are depends on the lines before, what a line says does not.

use super::fields::{Fields, Known, Meaning, Names, Part, Rule, Value, places};
use super::json::{Open, Scope, number_end, skip_space, string_end};
use super::{Context, Run, Unit};
use crate::batch::{
    BATCH_ROWS, Batch, ERROR, MEASURED, NO_BYTES, NO_DURATION, NO_STATUS, NO_TIME, REQUEST, Record,
    TIMED, Text,
};
use crate::level::Level;
use crate::lines::{LINE_BYTES_MAX, Line, PAD};
use crate::simd::Simd;
use crate::timestamp::{Clock, eight_digits, leading_digits};
use std::ops::Range;

/// Shapes that are remembered.
const SHAPES: usize = 8;
/// Most steps of a shape; lines with more are rare, and long enough for the general way.
const STEPS_MAX: usize = 96;
/// Bytes that a step compares; what is longer takes several steps.
const STEP_BYTES: usize = 32;

/// Some bytes, and the value behind them.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Step {
    bytes: [u8; STEP_BYTES],
    /// All ones where the bytes count.
    mask: [u8; STEP_BYTES],
    /// How many bytes count.
    len: u8,
    op: Op,
    /// How far before the value its key is.
    key_back: u8,
    /// Whether no other value could count in its stead.
    alone: bool,
    known: Known,
    /// What the value counts as.
    wins: u16,
}

/// What to do with the value behind the bytes of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    /// There is none: more bytes follow.
    More,
    /// There is none: the line ends here.
    End,
    /// Strings, numbers, and `true`, `false`, `null` that mean nothing.
    PassString,
    PassNumber,
    PassWord,
    /// The usual ways to write what counts.
    Time,
    Level,
    Message,
    Status,
    Duration(Unit),
    Method,
    Path,
    Client,
    Bytes,
    /// Any other.
    Text,
    Number,
}

/// The steps of lines that are alike.
#[derive(Clone)]
struct Shape {
    steps: Vec<Step>,
    /// The parts of a record that it fills.
    wins: u16,
}

/// Short words by their bytes up to the closing quote.
#[derive(Clone, Copy)]
struct Word {
    bytes: u64,
    mask: u64,
    len: u32,
    level: Level,
}

/// Words that are remembered of a kind.
const WORDS: usize = 16;

impl Word {
    /// Equal to no bytes.
    const NONE: Word = Word { bytes: 1, mask: 0, len: 0, level: Level::None };

    #[inline(always)]
    fn slot(bytes: u64) -> usize {
        ((bytes as u32).wrapping_mul(0x9e37_79b1) >> 28) as usize % WORDS
    }

    /// The word of `len` bytes that begins `bytes`, with the quote behind it.
    fn new(bytes: u64, len: usize, level: Level) -> Word {
        debug_assert!(len < 8);
        let mask = u64::MAX >> (56 - 8 * len);
        Word { bytes: bytes & mask, mask, len: len as u32, level }
    }

    #[inline(always)]
    fn begins(&self, bytes: u64) -> bool {
        bytes & self.mask == self.bytes
    }
}

/// A minute as timestamps begin, up to the minute's last digit, and what stands behind the
/// milliseconds: `Z`, or the closing quote.
#[derive(Clone, Copy)]
struct Minute {
    words: [u64; 2],
    tail: u8,
    /// The second, in UTC, that it begins with.
    start: i64,
}

/// Remembered shapes, and what helps with values.
pub struct Shapes {
    shapes: Vec<Shape>,
    /// The shape that the line before had.
    last: usize,
    /// The shape that goes when another comes.
    oldest: usize,
    /// Lines of known shapes since the last other one.
    hits: u32,
    /// Lines of known shapes pay for the learning of new ones,
    credit: u32,
    /// and make up for the trials of the others.
    luck: u32,
    /// Lines for which nothing is tried, for want of luck.
    pause: u32,
    /// Most lines of the next group.
    group: usize,
    /// The shape of groups.
    main: usize,
    /// Groups in a row that it did not fit.
    unfit: u32,
    /// Lines that are read one by one.
    apart: u32,
    places: Box<Places>,
    minute: Minute,
    levels: [Word; WORDS],
    methods: [Word; WORDS],
}

/// What learning a shape costs in lines of known shapes.
const LEARNING: u32 = 16;
const CREDIT_MAX: u32 = 16 * LEARNING;
/// So many lines of unknown shapes in excess of the others end the trials for a while.
const LUCK_MAX: u32 = 64;
/// How many lines.
const PAUSE: u32 = 256;

impl Default for Shapes {
    fn default() -> Self {
        Shapes {
            shapes: Vec::new(),
            last: 0,
            oldest: 0,
            hits: 0,
            credit: CREDIT_MAX,
            luck: LUCK_MAX,
            pause: 0,
            group: GROUP,
            main: 0,
            unfit: 0,
            apart: 0,
            places: Box::new(Places { start: [0; GROUP], len: [0; GROUP], at: [0; GROUP] }),
            minute: Minute { words: [0; 2], tail: 0, start: 0 },
            levels: [Word::NONE; WORDS],
            methods: [Word::NONE; WORDS],
        }
    }
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is a record, and the record is filled.
    Read,
    /// The general way must be taken.
    Unknown,
    /// As before; and if it gives a record, its shape is worth [learning](Shapes::learn).
    New,
}

impl Shapes {
    /// Reads a line of a known shape.
    #[inline(always)]
    pub fn read<S: Simd>(
        &mut self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Outcome {
        if self.pause == 0
            && let Some(shape) = self.shapes.get(self.last)
        {
            let mut tools = Tools {
                minute: &mut self.minute,
                levels: &mut self.levels,
                methods: &mut self.methods,
            };
            if shape.read::<S>(line, &mut tools, context, arena, record) {
                self.hits = self.hits.wrapping_add(1);
                return Outcome::Read;
            }
        }
        self.read_other(line, context, arena, record)
    }

    #[cfg(test)]
    pub(super) fn hits(&self) -> u32 {
        self.hits
    }

    #[cfg(test)]
    pub(super) fn is_pausing(&self) -> bool {
        self.pause > 0
    }

    /// Tries the shapes other than the last one.
    #[inline(never)]
    fn read_other(
        &mut self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Outcome {
        #[inline(always)]
        fn read<S: Simd>(
            shapes: &mut Shapes,
            line: Line<'_>,
            context: &mut Context,
            arena: &mut Vec<u8>,
            record: &mut Record,
        ) -> Outcome {
            shapes.read_others::<S>(line, context, arena, record)
        }
        crate::dispatch!(read::<>(shapes: &mut Shapes, line: Line<'_>, context: &mut Context,
            arena: &mut Vec<u8>, record: &mut Record) -> Outcome;
            self, line, context, arena, record)
    }

    #[inline(always)]
    fn read_others<S: Simd>(
        &mut self,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Outcome {
        *record = Record::EMPTY;
        if self.pause > 0 {
            self.pause -= 1;
            return Outcome::Unknown;
        }
        for (i, shape) in self.shapes.iter().enumerate() {
            // Shapes differ at the front or at the end more often than in between.
            if i == self.last || !shape.may_be::<S>(line) {
                continue;
            }
            let mut tools = Tools {
                minute: &mut self.minute,
                levels: &mut self.levels,
                methods: &mut self.methods,
            };
            if shape.read::<S>(line, &mut tools, context, arena, record) {
                self.last = i;
                self.hits = self.hits.wrapping_add(1);
                return Outcome::Read;
            }
            *record = Record::EMPTY;
        }
        let hits = std::mem::take(&mut self.hits);
        self.credit = CREDIT_MAX.min(self.credit.saturating_add(hits));
        self.luck = LUCK_MAX.min(self.luck.saturating_add(hits)) - 1;
        if self.luck == 0 {
            (self.pause, self.luck) = (PAUSE, LUCK_MAX / 4);
            // So that one shape may be learnt behind the pause, if it was for want of the right one.
            self.credit = self.credit.max(LEARNING);
            return Outcome::Unknown;
        }
        if self.credit < LEARNING { Outcome::Unknown } else { Outcome::New }
    }

    /// Remembers the shape of a line that the general way found to be a record.
    #[cold]
    #[inline(never)]
    pub fn learn<S: Simd>(&mut self, names: &Names, line: Line<'_>) {
        self.credit = self.credit.saturating_sub(LEARNING);
        let Some(shape) = Shape::new::<S>(names, line) else { return };
        if self.shapes.len() < SHAPES {
            self.last = self.shapes.len();
            self.shapes.push(shape);
        } else {
            while self.oldest == self.last || self.oldest == self.main {
                self.oldest = (self.oldest + 1) % SHAPES;
            }
            self.shapes[self.oldest] = shape;
            self.last = self.oldest;
            self.oldest = (self.oldest + 1) % SHAPES;
        }
    }
}

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

impl Shapes {
    /// Reads the next lines of the run that are of the shape of the line before; all columns of
    /// those are written, but for the flags. None if that is not worth while.
    ///
    /// One member after the other, of all lines: what is looked for then stays in registers, and no
    /// line waits for another, or for a wrong guess about one.
    #[inline(always)]
    pub fn read_many<S: Simd>(&mut self, run: &mut Run<'_>) -> Option<Group> {
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
        let batch = &mut *run.batch;
        let first = batch.len;
        batch.line_start[first..first + rows].copy_from_slice(start);
        batch.line_len[first..first + rows].copy_from_slice(len);
        let mut tools = Tools {
            minute: &mut self.minute,
            levels: &mut self.levels,
            methods: &mut self.methods,
        };
        let lines = Lines { block: run.block, start, len };
        at.fill(0);
        shape.read_many::<S>(&lines, at, &mut tools, run.context, batch);
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
struct Places {
    start: [u32; GROUP],
    len: [u32; GROUP],
    at: [u32; GROUP],
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize>;
}

/// Compares the bytes of a step in all lines, each `at` where it has been read up to, and takes the
/// values behind them.
#[inline(always)]
fn each<S: Simd>(lines: &Lines<'_>, at: &mut [u32], step: &Step, mut value: impl Take) {
    for (i, at) in at.iter_mut().enumerate() {
        let line = lines.get(i);
        *at = if is_at::<S>(step, line, *at as usize)
            && let Some(end) = value.take::<S>(i, line, *at as usize + usize::from(step.len))
        {
            end as u32
        } else {
            NOWHERE
        };
    }
}

struct More;

impl Take for More {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: usize, _: Line<'_>, start: usize) -> Option<usize> {
        Some(start)
    }
}

struct End;

impl Take for End {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        (start == line.len()).then_some(start)
    }
}

struct PassString;

impl Take for PassString {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        Some(text_end::<S>(line, start)?.0)
    }
}

struct PassNumber;

impl Take for PassNumber {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
        usual_number_end(line, start)
    }
}

struct PassWord;

impl Take for PassWord {
    #[inline(always)]
    fn take<S: Simd>(&mut self, _: usize, line: Line<'_>, start: usize) -> Option<usize> {
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
    fn number(&mut self, line: Line<'_>, start: usize) -> Option<usize> {
        other_number(line, start, self.step, self.context, self.arena, &mut self.record)
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let end = match self.minute.read(line, start) {
            Some((second, nanos, end)) => {
                self.second[i] = second;
                self.time_ns[i] = second * 1_000_000_000 + i64::from(nanos);
                end
            }
            None => {
                let Rest { step, context, arena, record } = &mut self.rest;
                let end =
                    other_time(line, start, self.minute, step, context, arena, record)?;
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let bytes = line.u64_at(start);
        let word = &self.methods[Word::slot(bytes)];
        if word.begins(bytes) {
            let end = start + word.len as usize;
            self.method[i] = Text::of_line(start, end).at(self.starts[i]);
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let (end, has_escapes) = text_end::<S>(line, start)?;
        self.message[i] = Text::of_line(start, end).at(self.starts[i]);
        if has_escapes {
            *self.escaped |= 1 << i;
        }
        Some(end)
    }
}

struct TakeStatus<'r> {
    status: &'r mut [u16],
}

impl Take for TakeStatus<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((nanos, len)) = usual_duration(line.u64_at(start), self.unit) {
            self.duration_ns[i] = nanos;
            return Some(start + len);
        }
        let end = self.rest.number(line, start)?;
        self.duration_ns[i] = self.rest.record.duration_ns;
        Some(end)
    }
}

struct TakeBytes<'r> {
    bytes_sent: &'r mut [u64],
    rest: Rest<'r>,
}

impl Take for TakeBytes<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        if let Some((count, len)) = usual_count(line.u64_at(start)) {
            self.bytes_sent[i] = count;
            return Some(start + len);
        }
        let end = self.rest.number(line, start)?;
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let (end, has_escapes) = text_end::<S>(line, start)?;
        if !has_escapes && line.byte(start) == b'/' {
            self.path[i] = Text::of_line(start, end).at(self.starts[i]);
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
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let (end, has_escapes) = text_end::<S>(line, start)?;
        if !has_escapes && Fields::is_plain_client::<S>(line, start, end) {
            self.client[i] = Text::of_line(start, end).at(self.starts[i]);
            return Some(end);
        }
        let end = self.rest.text(line, start)?;
        self.client[i] = self.rest.record.client.at(self.starts[i]);
        Some(end)
    }
}

/// Any value that counts.
struct TakeOther<'r> {
    step: &'r Step,
    context: &'r mut Context,
    batch: &'r mut Batch,
}

impl Take for TakeOther<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        self.take_other(i, line, start)
    }
}

impl TakeOther<'_> {
    #[inline(never)]
    fn take_other(&mut self, i: usize, line: Line<'_>, start: usize) -> Option<usize> {
        let mut record = Record::EMPTY;
        let arena = &mut self.batch.arena;
        let read = if self.step.op == Op::Text { other_text } else { other_number };
        let end = read(line, start, self.step, self.context, arena, &mut record)?;
        put(self.batch, self.batch.len + i, self.step.wins, &record);
        Some(end)
    }
}

impl Shape {
    /// Reads the lines as far as they are of this shape, and writes their columns; `at` is then
    /// [`NOWHERE`] for the others.
    #[inline(always)]
    fn read_many<S: Simd>(
        &self,
        lines: &Lines<'_>,
        at: &mut [u32],
        tools: &mut Tools<'_>,
        context: &mut Context,
        batch: &mut Batch,
    ) {
        let all = batch.len..batch.len + at.len();
        let starts = lines.start;
        clear_parts(batch, all.clone(), !self.wins);
        let mut escaped = 0;
        for step in &self.steps {
            macro_rules! rest {
                () => {
                    Rest { step, context, arena: &mut batch.arena, record: Record::EMPTY }
                };
            }
            match step.op {
                Op::More => each::<S>(lines, at, step, More),
                Op::End => each::<S>(lines, at, step, End),
                Op::PassString => each::<S>(lines, at, step, PassString),
                Op::PassNumber => each::<S>(lines, at, step, PassNumber),
                Op::PassWord => each::<S>(lines, at, step, PassWord),
                Op::Time => {
                    let time_ns = &mut batch.time_ns[all.clone()];
                    let second = &mut batch.second[all.clone()];
                    let minute = &mut *tools.minute;
                    each::<S>(lines, at, step, TakeTime { minute, time_ns, second, rest: rest!() });
                }
                Op::Level => {
                    let level = &mut batch.level[all.clone()];
                    let levels = &mut *tools.levels;
                    each::<S>(lines, at, step, TakeLevel { levels, level, rest: rest!() });
                }
                Op::Method => {
                    let method = &mut batch.method[all.clone()];
                    let methods = &mut *tools.methods;
                    let rest = rest!();
                    each::<S>(lines, at, step, TakeMethod { methods, method, starts, rest });
                }
                Op::Message => {
                    let message = &mut batch.message[all.clone()];
                    let escaped = &mut escaped;
                    each::<S>(lines, at, step, TakeMessage { message, starts, escaped });
                }
                Op::Status => {
                    let status = &mut batch.status[all.clone()];
                    each::<S>(lines, at, step, TakeStatus { status });
                }
                Op::Duration(unit) => {
                    let duration_ns = &mut batch.duration_ns[all.clone()];
                    each::<S>(lines, at, step, TakeDuration { duration_ns, unit, rest: rest!() });
                }
                Op::Bytes => {
                    let bytes_sent = &mut batch.bytes_sent[all.clone()];
                    each::<S>(lines, at, step, TakeBytes { bytes_sent, rest: rest!() });
                }
                Op::Path => {
                    let path = &mut batch.path[all.clone()];
                    each::<S>(lines, at, step, TakePath { path, starts, rest: rest!() });
                }
                Op::Client => {
                    let client = &mut batch.client[all.clone()];
                    each::<S>(lines, at, step, TakeClient { client, starts, rest: rest!() });
                }
                Op::Text | Op::Number => {
                    each::<S>(lines, at, step, TakeOther { step, context, batch });
                }
            }
        }
        while escaped != 0 {
            let i = escaped.trailing_zeros() as usize;
            escaped &= escaped - 1;
            if at[i] != NOWHERE {
                unescape_message(lines.get(i), batch, batch.len + i, context.all_messages);
            }
        }
    }
}

/// Writes what record and rows share of these parts.
fn put(batch: &mut Batch, row: usize, parts: u16, record: &Record) {
    let start = batch.line_start[row];
    let has = |place: usize| parts >> place & 1 != 0;
    if has(places::TIME) {
        (batch.time_ns[row], batch.second[row]) = (record.time_ns, record.second);
    }
    if has(places::LEVEL) {
        batch.level[row] = record.level as u8;
    }
    if has(places::MESSAGE) {
        batch.message[row] = record.message.at(start);
    }
    if has(places::STATUS) {
        batch.status[row] = record.status;
    }
    if has(places::DURATION) {
        batch.duration_ns[row] = record.duration_ns;
    }
    if has(places::METHOD) {
        batch.method[row] = record.method.at(start);
    }
    if has(places::PATH) {
        batch.path[row] = record.path.at(start);
    }
    if has(places::CLIENT) {
        batch.client[row] = record.client.at(start);
    }
    if has(places::BYTES) {
        batch.bytes_sent[row] = record.bytes_sent;
    }
}

/// Writes a record to a row of a group.
#[inline(never)]
pub(super) fn put_whole(batch: &mut Batch, row: usize, record: &Record) {
    put(batch, row, u16::MAX, record);
}

/// Writes defaults to rows.
#[inline(never)]
pub(super) fn clear(batch: &mut Batch, rows: Range<usize>) {
    clear_parts(batch, rows, u16::MAX);
}

/// Writes defaults for these parts.
fn clear_parts(batch: &mut Batch, rows: Range<usize>, parts: u16) {
    let has = |place: usize| parts >> place & 1 != 0;
    if has(places::TIME) {
        batch.time_ns[rows.clone()].fill(NO_TIME);
        batch.second[rows.clone()].fill(0);
    }
    if has(places::LEVEL) {
        batch.level[rows.clone()].fill(Level::None as u8);
    }
    if has(places::MESSAGE) {
        batch.message[rows.clone()].fill(Text::NONE);
    }
    if has(places::STATUS) {
        batch.status[rows.clone()].fill(NO_STATUS);
    }
    if has(places::DURATION) {
        batch.duration_ns[rows.clone()].fill(NO_DURATION);
    }
    if has(places::METHOD) {
        batch.method[rows.clone()].fill(Text::NONE);
    }
    if has(places::PATH) {
        batch.path[rows.clone()].fill(Text::NONE);
    }
    if has(places::CLIENT) {
        batch.client[rows.clone()].fill(Text::NONE);
    }
    if has(places::BYTES) {
        batch.bytes_sent[rows].fill(NO_BYTES);
    }
}

/// Writes the flags of rows from their other columns.
#[inline(always)]
pub(super) fn put_flags(batch: &mut Batch, rows: Range<usize>) {
    let flags = &mut batch.flags[rows.clone()];
    for (flags, &time) in flags.iter_mut().zip(&batch.time_ns[rows.clone()]) {
        *flags = u8::from(time != NO_TIME) * TIMED;
    }
    for (flags, &nanos) in flags.iter_mut().zip(&batch.duration_ns[rows.clone()]) {
        *flags |= u8::from(nanos != NO_DURATION) * (REQUEST | MEASURED);
    }
    for (flags, &level) in flags.iter_mut().zip(&batch.level[rows.clone()]) {
        *flags |= u8::from(level >= Level::Error as u8) * ERROR;
    }
    for (flags, &status) in flags.iter_mut().zip(&batch.status[rows]) {
        *flags |= u8::from(status != NO_STATUS) * REQUEST;
        *flags |= u8::from(status.wrapping_sub(500) < 100) * ERROR;
    }
}

/// Undoes the escapes of a row's message, if anybody reads it.
#[cold]
#[inline(never)]
fn unescape_message(line: Line<'_>, batch: &mut Batch, row: usize, all: bool) {
    let base = batch.line_start[row] as usize;
    let (start, end) = batch.message[row].range();
    let value = Value { start: start - base, end: end - base, escaped: true, number: false };
    batch.message[row] = if all || batch.level[row] >= Level::Warn as u8 {
        Fields::whole_message(line, value, &mut batch.arena)
    } else {
        Text::NONE
    };
}

/// Remembers a short word, if it ends within eight bytes, with what it means.
#[cold]
#[inline(never)]
fn remember(words: &mut [Word; WORDS], bytes: u64, len: usize, level: Level) {
    // A level that nobody knows counts only where it has no rival.
    if len < 8 && level > Level::Other {
        words[Word::slot(bytes)] = Word::new(bytes, len, level);
    }
}

struct Tools<'t> {
    minute: &'t mut Minute,
    levels: &'t mut [Word; WORDS],
    methods: &'t mut [Word; WORDS],
}

impl Shape {
    /// The shape of a line that is JSON, or None if it has none that is worth while.
    fn new<S: Simd>(names: &Names, line: Line<'_>) -> Option<Shape> {
        let mut steps = Steps { line, from: 0, steps: Vec::new() };
        let mut open = Open::new();
        let mut scope = Scope::ROOT;
        let mut at = skip_space(line, 0) + 1;
        loop {
            at = skip_space(line, at);
            if line.byte(at) == scope.closing_bracket() {
                at += 1;
                match open.close() {
                    Some(outer) => scope = outer,
                    None => break,
                }
                continue;
            }
            if !scope.is_fresh() {
                at = skip_space(line, at + 1);
            }
            let (mut known, mut key) = (Known::NOTHING, at);
            if scope.is_object() {
                key = at + 1;
                let (end, escaped) = string_end::<S>(line, key)?;
                if !escaped {
                    known = names.look_up(line, scope.group(), key, end);
                }
                at = skip_space(line, end + 1) + 1;
            }
            scope = scope.begun();
            at = skip_space(line, at);
            match line.byte(at) {
                b'"' => {
                    let (end, _) = string_end::<S>(line, at + 1)?;
                    steps.value(at + 1, end, key, known, Op::Text)?;
                    at = end + 1;
                }
                b'-' | b'0'..=b'9' => {
                    let end = number_end::<S>(line, at)?;
                    steps.value(at, end, key, known, Op::Number)?;
                    at = end;
                }
                bracket @ (b'{' | b'[') => {
                    let inner = Scope::fresh(known.inside, bracket == b'{');
                    open.open(scope).then_some(())?;
                    scope = inner;
                    at += 1;
                }
                word => {
                    let end = at + if word == b'f' { 5 } else { 4 };
                    steps.value(at, end, key, Known::NOTHING, Op::PassWord)?;
                    at = end;
                }
            }
        }
        let Steps { mut steps, .. } = steps.end()?;
        let wins = choose(&mut steps)?;
        Some(Shape { steps, wins })
    }

    /// Whether the line has the first bytes of this shape and the last.
    #[inline(always)]
    fn may_be<S: Simd>(&self, line: Line<'_>) -> bool {
        let (first, last) = (&self.steps[0], &self.steps[self.steps.len() - 1]);
        let end = line.len().wrapping_sub(usize::from(last.len));
        is_at::<S>(first, line, 0) && is_at::<S>(last, line, end)
    }

    /// Reads a line if it is of this shape; if not, what it left in the record means nothing.
    #[inline(always)]
    fn read<S: Simd>(
        &self,
        line: Line<'_>,
        tools: &mut Tools<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let mut at = 0;
        // Where the message starts if it holds escapes.
        let mut escaped = Value { start: 0, end: 0, escaped: false, number: false };
        for step in &self.steps {
            if !is_at::<S>(step, line, at) {
                return false;
            }
            let start = at + usize::from(step.len);
            match step.op {
                Op::More => at = start,
                Op::End => {
                    if start != line.len() {
                        return false;
                    }
                    if escaped.escaped && (record.level >= Level::Warn || context.all_messages) {
                        record.message = Fields::whole_message(line, escaped, arena);
                    }
                    return true;
                }
                Op::PassString => {
                    let Some((end, _)) = text_end::<S>(line, start) else { return false };
                    at = end;
                }
                Op::PassNumber => {
                    let Some(end) = usual_number_end(line, start) else { return false };
                    at = end;
                }
                Op::PassWord => {
                    let Some(end) = word_end(line, start) else { return false };
                    at = end;
                }
                Op::Time => {
                    if let Some((second, nanos, end)) = tools.minute.read(line, start) {
                        record.second = second;
                        record.time_ns = second * 1_000_000_000 + i64::from(nanos);
                        at = end;
                        continue;
                    }
                    let Some(end) =
                        other_time(line, start, tools.minute, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                }
                Op::Level => {
                    let bytes = line.u64_at(start);
                    let word = &tools.levels[Word::slot(bytes)];
                    if word.begins(bytes) {
                        record.level = word.level;
                        at = start + word.len as usize;
                        continue;
                    }
                    let Some(end) =
                        other_text(line, start, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                    remember(tools.levels, bytes, end - start, record.level);
                }
                Op::Method => {
                    let bytes = line.u64_at(start);
                    let word = &tools.methods[Word::slot(bytes)];
                    if word.begins(bytes) {
                        at = start + word.len as usize;
                        record.method = Text::of_line(start, at);
                        continue;
                    }
                    let Some(end) =
                        other_text(line, start, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                    remember(tools.methods, bytes, end - start, Level::Info);
                }
                Op::Message => {
                    let Some((end, has_escapes)) = text_end::<S>(line, start) else {
                        return false;
                    };
                    at = end;
                    if !has_escapes {
                        record.message = Text::of_line(start, end);
                    } else {
                        escaped = Value { start, end, escaped: true, number: false };
                    }
                }
                Op::Status => {
                    let Some(status) = usual_status(line, start) else { return false };
                    record.status = status;
                    at = start + 3;
                }
                Op::Duration(unit) => {
                    if let Some((nanos, len)) = usual_duration(line.u64_at(start), unit) {
                        record.duration_ns = nanos;
                        at = start + len;
                        continue;
                    }
                    let Some(end) =
                        other_number(line, start, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                }
                Op::Bytes => {
                    if let Some((count, len)) = usual_count(line.u64_at(start)) {
                        record.bytes_sent = count;
                        at = start + len;
                        continue;
                    }
                    let Some(end) =
                        other_number(line, start, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                }
                Op::Path => {
                    let Some((end, has_escapes)) = text_end::<S>(line, start) else {
                        return false;
                    };
                    at = end;
                    if !has_escapes && line.byte(start) == b'/' {
                        record.path = Text::of_line(start, end);
                        continue;
                    }
                    let value = Value { start, end, escaped: has_escapes, number: false };
                    if !take_alone(line, value, step, context, arena, record) {
                        return false;
                    }
                }
                Op::Client => {
                    let Some((end, has_escapes)) = text_end::<S>(line, start) else {
                        return false;
                    };
                    at = end;
                    if !has_escapes && Fields::is_plain_client::<S>(line, start, end) {
                        record.client = Text::of_line(start, end);
                        continue;
                    }
                    let value = Value { start, end, escaped: has_escapes, number: false };
                    if !take_alone(line, value, step, context, arena, record) {
                        return false;
                    }
                }
                Op::Text => {
                    let Some(end) =
                        other_text(line, start, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                }
                Op::Number => {
                    let Some(end) =
                        other_number(line, start, step, context, arena, record)
                    else {
                        return false;
                    };
                    at = end;
                }
            }
        }
        false
    }
}

/// Whether the line has the bytes of the step at `at`.
#[inline(always)]
fn is_at<S: Simd>(step: &Step, line: Line<'_>, at: usize) -> bool {
    line.same32::<S>(at, &step.bytes, &step.mask)
}

/// As [`string_end`], for a string that mostly ends within 64 bytes. The quote may be one behind
/// the line.
#[inline(always)]
fn text_end<S: Simd>(line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    let quotes = line.eq64::<S>(start, b'"');
    let first = quotes | line.eq64::<S>(start, b'\\');
    if quotes & first.wrapping_neg() & first != 0 {
        return Some((start + first.trailing_zeros() as usize, false));
    }
    any_text_end(line, start)
}

#[inline(never)]
fn any_text_end(line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    crate::dispatch!(string_end::<>(line: Line<'_>, start: usize) -> Option<(usize, bool)>;
        line, start)
}

/// As [`number_end`]; what goes on behind a whole number is for the next step to see.
#[inline(always)]
fn usual_number_end(line: Line<'_>, start: usize) -> Option<usize> {
    let word = line.u64_at(start);
    let (count, values) = leading_digits(word);
    if (1..8).contains(&count) && (count == 1 || values as u8 != 0) {
        let behind = (word >> (8 * count)) as u8;
        if !matches!(behind, b'.' | b'e' | b'E') {
            return Some(start + count as usize);
        }
    }
    any_number_end(line, start)
}

#[inline(never)]
fn any_number_end(line: Line<'_>, start: usize) -> Option<usize> {
    crate::dispatch!(number_end::<>(line: Line<'_>, start: usize) -> Option<usize>; line, start)
}

/// Three digits, of which the first is 1 to 5. That the number ends there is for the next step to
/// see.
#[inline(always)]
fn usual_status(line: Line<'_>, start: usize) -> Option<u16> {
    let x = line.u32_at(start) ^ 0x30_3030;
    let digits = [x & 0xff, x >> 8 & 0xff, x >> 16 & 0xff];
    let valid = digits[0].wrapping_sub(1) < 5 && digits[1] < 10 && digits[2] < 10;
    valid.then_some((digits[0] * 100 + digits[1] * 10 + digits[2]) as u16)
}

/// A whole number of up to seven digits, and how many; what goes on behind them is for the next
/// step to see.
#[inline(always)]
fn usual_count(bytes: u64) -> Option<(u64, usize)> {
    let (count, values) = leading_digits(bytes);
    let usual = (1..8).contains(&count) && (count == 1 || values as u8 != 0);
    usual.then(|| (eight_digits(values << (64 - 8 * count)), count as usize))
}

#[inline(always)]
fn word_end(line: Line<'_>, start: usize) -> Option<usize> {
    let word = line.u64_at(start);
    match word as u32 {
        w if w == u32::from_le_bytes(*b"true") => Some(start + 4),
        w if w == u32::from_le_bytes(*b"null") => Some(start + 4),
        w if w == u32::from_le_bytes(*b"fals") && word >> 32 & 0xff == u64::from(b'e') => {
            Some(start + 5)
        }
        _ => None,
    }
}

/// Nanoseconds of a unit divided by a power of ten; 0 if that is not whole.
const SCALES: [[u64; 8]; 4] = {
    let mut scales = [[0; 8]; 4];
    let units = [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds];
    let mut i = 0;
    while i < units.len() {
        let (mut scale, mut k) = (units[i].nanos(), 0);
        while scale % 10 == 0 && k < 8 {
            scales[units[i] as usize][k] = scale;
            scale /= 10;
            k += 1;
        }
        if k < 8 {
            scales[units[i] as usize][k] = scale;
        }
        i += 1;
    }
    scales
};

/// Nanoseconds and length of a number of up to seven bytes that are exact in nanoseconds.
#[inline(always)]
fn usual_duration(bytes: u64, unit: Unit) -> Option<(u64, usize)> {
    let (whole, values) = leading_digits(bytes);
    if !(1..8).contains(&whole) || whole > 1 && values as u8 == 0 {
        return None;
    }
    let shift = 8 * whole;
    if (bytes >> shift) as u8 != b'.' {
        // An exponent is for the next step to see.
        return Some((eight_digits(values << (64 - shift)) * unit.nanos(), whole as usize));
    }
    // What is shifted in is no digit.
    let (decimals, fraction) = leading_digits(bytes >> shift >> 8);
    let scale = SCALES[unit as usize][decimals as usize & 7];
    if decimals == 0 || scale == 0 || whole + decimals >= 7 {
        return None;
    }
    let values = values & ((1 << shift) - 1) | fraction << shift;
    let number = eight_digits(values << (64 - 8 * (whole + decimals)));
    Some((number * scale, (whole + decimals) as usize + 1))
}

impl Minute {
    /// The time at `at` if it is of this minute, with three decimals: second, nanoseconds, and
    /// where the closing quote should be.
    #[inline(always)]
    fn read(&self, line: Line<'_>, at: usize) -> Option<(i64, u32, usize)> {
        let words = [line.u64_at(at), line.u64_at(at + 8)];
        let (second, nanos) = seconds(line.u64_at(at + 16), self.tail)?;
        if (words[0] ^ self.words[0]) | (words[1] ^ self.words[1]) != 0 {
            return None;
        }
        Some((self.start + second, nanos, at + 23 + usize::from(self.tail == b'Z')))
    }

    /// Remembers the minute of the time at `at`, which was read as `second`.
    #[cold]
    #[inline(never)]
    fn learn(&mut self, line: Line<'_>, at: usize, second: i64, clock: &mut Clock) {
        let words = [line.u64_at(at), line.u64_at(at + 8), line.u64_at(at + 16)];
        let tail = (words[2] >> 56) as u8;
        let Some((seconds, _)) = seconds(words[2], tail).filter(|_| matches!(tail, b'Z' | b'"'))
        else {
            return;
        };
        let start = second - seconds;
        // A zone might change within the minute: it must be right at both of its ends.
        let mut buffer = [0; 2 * PAD + 25];
        for (i, word) in words.into_iter().enumerate() {
            buffer[PAD + 8 * i..PAD + 8 * i + 8].copy_from_slice(&word.to_le_bytes());
        }
        buffer[PAD + 24] = b'"';
        let end = 23 + usize::from(tail == b'Z');
        for (text, offset) in [(b"00", 0), (b"59", 59)] {
            buffer[PAD + 17..PAD + 19].copy_from_slice(text);
            let line = Line::new(&buffer, PAD, PAD + 25);
            match clock.iso(line, 0) {
                Some((stamp, to)) if to == end && stamp.second == start + offset => {}
                _ => return,
            }
        }
        *self = Minute { words: [words[0], words[1]], tail, start };
    }
}

/// Seconds and nanoseconds of `:SS.mmm` (or `,mmm`) and the byte `tail`.
#[inline(always)]
fn seconds(bytes: u64, tail: u8) -> Option<(i64, u32)> {
    // One bit tells `,` from `.`.
    let expected = u64::from_le_bytes(*b":00.000\0") | u64::from(tail) << 56;
    let x = (bytes | 0x0200_0000) ^ expected;
    const ROOM: u64 = 0x7f76_7676_7f76_7a7f;
    if (x.wrapping_add(ROOM) | x) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = x.wrapping_mul(10).wrapping_add(x >> 8);
    let nanos = ((pairs >> 32 & 0xff) * 10 + (x >> 48 & 0xff)) as u32 * 1_000_000;
    Some(((pairs >> 8 & 0xff) as i64, nanos))
}

/// A time that is not of the minute of the one before, or written otherwise; where it ends.
#[inline(never)]
fn other_time(
    line: Line<'_>,
    start: usize,
    minute: &mut Minute,
    step: &Step,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> Option<usize> {
    if let Some((stamp, end)) = context.clock.iso(line, start)
        && line.byte(end) == b'"'
    {
        record.time_ns = stamp.nanos_since_epoch();
        record.second = stamp.second;
        if end - start == 23 || end - start == 24 {
            minute.learn(line, start, stamp.second, &mut context.clock);
        }
        return Some(end);
    }
    other_text(line, start, step, context, arena, record)
}

/// Text that is read as the general way does; where it ends, or None if it does not count.
#[inline(never)]
fn other_text(
    line: Line<'_>,
    start: usize,
    step: &Step,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> Option<usize> {
    let (end, escaped) = any_text_end(line, start)?;
    let value = Value { start, end, escaped, number: false };
    take_alone(line, value, step, context, arena, record).then_some(end)
}

/// The same for a number.
#[inline(never)]
fn other_number(
    line: Line<'_>,
    start: usize,
    step: &Step,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> Option<usize> {
    let end = any_number_end(line, start)?;
    let value = Value { start, end, escaped: false, number: true };
    take_alone(line, value, step, context, arena, record).then_some(end)
}

/// Takes a value as if it was the only one of its meanings; false if another might count.
#[inline(never)]
fn take_alone(
    line: Line<'_>,
    value: Value,
    step: &Step,
    context: &mut Context,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> bool {
    #[inline(always)]
    fn take<S: Simd>(
        line: Line<'_>,
        value: Value,
        step: &Step,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let key = value.start - usize::from(step.key_back);
        let part = Part { known: step.known, wins: step.wins, alone: step.alone };
        Fields::take_alone::<S>(line, part, key, value, context, arena, record)
    }
    crate::dispatch!(take::<>(line: Line<'_>, value: Value, step: &Step, context: &mut Context,
        arena: &mut Vec<u8>, record: &mut Record) -> bool;
        line, value, step, context, arena, record)
}

/// Steps in the making.
struct Steps<'a> {
    line: Line<'a>,
    /// Where the bytes begin that no step has.
    from: usize,
    steps: Vec<Step>,
}

impl Steps<'_> {
    /// Adds the bytes up to a value and the value.
    fn value(&mut self, start: usize, end: usize, key: usize, known: Known, op: Op) -> Option<()> {
        self.bytes(start, op)?;
        let step = self.steps.last_mut()?;
        step.known = known;
        step.key_back = (start - key).try_into().ok()?;
        self.from = end;
        Some(())
    }

    /// Adds the bytes up to `to` with what comes behind them.
    fn bytes(&mut self, to: usize, op: Op) -> Option<()> {
        let text = &self.line.bytes()[self.from..to];
        let parts = text.len().div_ceil(STEP_BYTES).max(1);
        for i in 0..parts {
            let part = &text[i * STEP_BYTES..text.len().min((i + 1) * STEP_BYTES)];
            let mut step = Step {
                bytes: [0; STEP_BYTES],
                mask: [0; STEP_BYTES],
                len: part.len() as u8,
                op: if i + 1 == parts { op } else { Op::More },
                key_back: 0,
                alone: false,
                known: Known::NOTHING,
                wins: 0,
            };
            step.bytes[..part.len()].copy_from_slice(part);
            step.mask[..part.len()].fill(0xff);
            self.steps.push(step);
        }
        (self.steps.len() <= STEPS_MAX).then_some(())
    }

    fn end(mut self) -> Option<Self> {
        self.bytes(self.line.len(), Op::End)?;
        Some(self)
    }
}

/// Decides which values count, and how the others are passed; None if that cannot be said of all
/// lines of this shape.
fn choose(steps: &mut [Step]) -> Option<u16> {
    let mut wins = 0;
    for place in 0..places::COUNT {
        let candidate = |step: &Step| {
            let text = step.op == Op::Text;
            (text || step.op == Op::Number) && places::of(step.known.meaning, text) >> place & 1 != 0
        };
        let ranks = || steps.iter().enumerate().filter(|(_, s)| candidate(s));
        // The first of the highest rank.
        let best = ranks().rev().max_by_key(|(_, s)| s.known.rank()).map(|(i, _)| i);
        let alone = ranks().count() == 1;
        // Of a value that may be a duration or a time, the latter only if it is not the former.
        let odd = |step: &Step| step.known.meaning == Meaning::RequestTime;
        if place == places::DURATION
            && steps.iter().enumerate().any(|(i, s)| candidate(s) && odd(s) && Some(i) != best)
        {
            return None;
        }
        if let Some(best) = best {
            wins |= 1 << place;
            let step = &mut steps[best];
            step.wins |= 1 << place;
            step.alone = alone;
        }
    }
    for step in steps.iter_mut() {
        let text = match step.op {
            Op::Text => true,
            Op::Number => false,
            _ => continue,
        };
        step.op = match (step.known.meaning, text) {
            _ if step.wins == 0 => if text { Op::PassString } else { Op::PassNumber },
            (Meaning::Time, true) => Op::Time,
            (Meaning::Level, true) => Op::Level,
            (Meaning::Message, true) => Op::Message,
            (Meaning::Status, false) => Op::Status,
            (Meaning::Duration(Rule::Fixed(unit)), false) => Op::Duration(unit),
            (Meaning::RequestTime, false) => Op::Duration(Unit::Seconds),
            (Meaning::Method, true) => Op::Method,
            (Meaning::Path, true) => Op::Path,
            (Meaning::Client, true) => Op::Client,
            (Meaning::Bytes, false) => Op::Bytes,
            (_, true) => Op::Text,
            (_, false) => Op::Number,
        };
    }
    (wins != 0).then_some(wins)
}
