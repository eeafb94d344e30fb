//! Log formats: the trait, the registry, and what every format shares.
//!
//! A format decides for one line, from its bytes alone, whether it is a record of that format,
//! and what the record says. It knows nothing of files, chunks or metrics. To add one, write
//! `format/x.rs` with a [`LineFormat`] and put one line in [`REGISTRY`]. Where a line's meaning
//! hangs on lines before it, what those left is in [`history`].
//!
//! The registry's order is the order in which formats are tried on a line when detection saw none
//! of them; what detection saw comes first, most frequent first.

pub mod access;
pub mod classify;
pub mod cloud;
pub(crate) mod cursor;
pub mod custom;
pub mod database;
pub mod envelope;
pub mod fields;
pub(crate) mod http;
pub mod json;
pub mod keys;
pub mod logfmt;
mod multi_line;
pub mod prefilter;
pub mod proxy;
pub mod security;
pub mod state;
pub mod text;
pub mod w3c;

use crate::bytes::line::{LINE_BYTES_MAX, Line};
use crate::bytes::simd::Simd;
use crate::fast::{FastPath, FastPaths};
use crate::format::prefilter::RequiredBytes;
use crate::record::{BATCH_ROWS, Batch, Columns, Record};
use crate::time::TimestampParser;
use serde::{Deserialize, Serialize};

/// A table of 256 answers: true for the bytes in `members`.
pub(crate) const fn byte_set(members: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut i = 0;
    while i < members.len() {
        set[members[i] as usize] = true;
        i += 1;
    }
    set
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

impl Unit {
    /// Nanoseconds in one unit.
    #[inline(always)]
    pub const fn nanos(self) -> u64 {
        match self {
            Unit::Nanoseconds => 1,
            Unit::Microseconds => 1_000,
            Unit::Milliseconds => 1_000_000,
            Unit::Seconds => 1_000_000_000,
        }
    }

    /// Its usual abbreviation.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "ns",
            Unit::Microseconds => "us",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
        }
    }
}

/// What the plan decided about a format of a source, beyond its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Unit of a response time that is written without one (the field after the user agent of an
    /// access log): detection decides it once per source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_unit: Option<Unit>,
    /// Whether records that an envelope wrote in pieces are put together. Only of formats that
    /// the plan lists: chunks of other sources then need not look back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejoin: bool,
    /// Text of a [format of the user's own](custom), and of no other format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// What a registered format is, for people.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Info {
    /// Name for `--format`.
    pub name: &'static str,
    /// One line of explanation.
    pub title: &'static str,
    /// A line of this format.
    pub example: &'static str,
    /// Which part of the line is the time.
    pub time_field: &'static str,
    /// Which part of the line is the response time, if any.
    pub duration_field: Option<&'static str>,
    /// The unit of the response time: `ns`, `us`, `ms`, `s`, or `in the text`.
    pub duration_unit: Option<&'static str>,
}

/// What parsing one line may use and change: caches whose state never shows in the outcome, and
/// the history, on which the formats that say so depend.
pub struct Context {
    /// Turns timestamps into nanoseconds.
    pub clock: TimestampParser,
    /// What was decided about words before numbers in free text.
    pub memo: text::text_duration::Cache,
    /// What the heads of JSON members were found to mean.
    pub heads: json::Heads,
    /// What JSON lines have in common; None while a line is read with it.
    pub shapes: Option<Box<json::templates::Templates>>,
    /// Room for a line without its colors, with its pad.
    pub plain: Vec<u8>,
    /// Whether records of every level need their message, not only those of WARN and above.
    pub all_messages: bool,
    /// The columns on request that the job asks for; no others are looked for.
    pub wanted: Columns,
    /// What the lines before left.
    pub history: state::ParserState,
    /// The fast paths that may be taken.
    pub fast: FastPaths,
}

impl Context {
    /// Empty caches around a clock.
    pub fn new(clock: TimestampParser) -> Context {
        Context {
            clock,
            memo: Default::default(),
            heads: Default::default(),
            shapes: Some(Default::default()),
            plain: Vec::new(),
            all_messages: false,
            wanted: Columns::NONE,
            history: Default::default(),
            fast: FastPaths::ALL,
        }
    }

    /// Leaves these fast paths, with caches that are empty, around another clock.
    pub fn restrict(&mut self, fast: FastPaths) {
        self.fast = fast;
        if !fast.has(FastPath::Timestamps) {
            self.clock.forget();
        }
        if !fast.has(FastPath::DurationContexts) {
            self.memo.switch_off();
        }
        if !fast.has(FastPath::JsonKeys) {
            self.heads.switch_off();
        }
        if !fast.has(FastPath::JsonTemplates) {
            self.shapes = None;
        }
        if let Some(shapes) = self.shapes.as_mut().filter(|_| !fast.has(FastPath::JsonGroups)) {
            shapes.switch_groups_off();
        }
    }
}

/// One log format, as its author writes it.
pub trait LineFormat: Send + Sync + 'static {
    /// The columns that [`parse`](Self::parse) may fill.
    const COLUMNS: Columns;

    /// Whether [`parse_many`](Self::parse_many) does anything.
    const HAS_MANY: bool = false;

    /// Whether a line that begins with `byte` may be of this format.
    ///
    /// A cheap filter, and part of what the format accepts: a line that begins with another byte is
    /// not of this format, whatever [`parse`](Self::parse) would say of it. Only
    /// [`parse_many`](Self::parse_many) has to see to that itself.
    fn may_begin_with(&self, byte: u8) -> bool;

    /// What a line of this format cannot lack: another cheap filter, for all formats at once. Where
    /// [parts are all](Self::PART_SUBSUMES_PARSE), no part of its records can lack it either.
    const NEEDS: RequiredBytes = RequiredBytes::NONE;

    /// Fills `record`, which is [`Record::EMPTY`], if the line is of this format.
    ///
    /// The line is not empty and has no line end. Text that the line does not hold as such goes
    /// to `arena`. A function of the line, the parameters and the clock's settings alone. When it
    /// answers false, what it left in `record` and `arena` is ignored.
    fn parse<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool;

    /// Tells the values of keys and the host of a line that is a record of this format.
    #[inline(always)]
    fn keys<S: Simd>(&self, _simd: S, _line: Line<'_>, _found: &mut keys::Found<'_>) {}

    /// Parses lines of the run as [`parse`](Self::parse) would, for as long as it can do so in
    /// bulk; the next line may be of this format all the same.
    fn parse_many(&self, _run: &mut Run<'_>) {}

    /// Parses each of the lines as [`parse`](Self::parse) would.
    #[inline(always)]
    fn parse_each<S: Simd>(&self, simd: S, lines: &mut LineSubset<'_>)
    where
        Self: Sized,
    {
        one_by_one(simd, self, lines.lines, lines);
    }

    /// Whether lines that [`parse`](Self::parse) refuses may be parts of this format's records:
    /// [`part`](Self::part) is then asked.
    fn has_parts(&self) -> bool {
        false
    }

    /// Whether [`part`](Self::part), where the format [has parts](Self::has_parts), takes each line
    /// that [`parse`](Self::parse) takes, too, and as the same record: then it alone is asked, once
    /// for a line.
    const PART_SUBSUMES_PARSE: bool = false;

    /// Whether empty lines end records of this format; [`part`](Self::part) is asked about them.
    fn ends_at_blank(&self) -> bool {
        false
    }

    /// What a line that [`parse`](Self::parse) refused (or any, where
    /// [parts are all](Self::PART_SUBSUMES_PARSE)) is as part of a record, given its offset in the source.
    /// Fills `record` if the line completes one. A function of the line and the
    /// [`LOOK_BACK_BYTES`](state::LOOK_BACK_BYTES) before it, whatever is pushed in between.
    fn part<S: Simd>(
        &self,
        _simd: S,
        _line: Line<'_>,
        _offset: u64,
        _context: &mut Context,
        _arena: &mut Vec<u8>,
        _record: &mut Record,
    ) -> Part {
        Part::Foreign
    }
}

/// What a line is to a format whose records may have several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// None of its lines.
    Foreign,
    /// It goes on with a record, or is a piece of one that a later line completes.
    Continuation,
    /// It is or completes a record.
    Record,
}

/// A stretch of lines of one block, being parsed into a batch.
pub struct Run<'a> {
    /// The block: [`PAD`](crate::bytes::line::PAD) bytes are readable around each of its lines.
    pub block: &'a [u8],
    /// Where in the block each line's newline is.
    pub ends: &'a [u32],
    /// The line to parse next, as an index into `ends`.
    pub next: usize,
    /// Where in the block that line starts.
    pub start: u32,
    /// Offset in the source of the block's first byte.
    pub offset: i64,
    /// Lines passed that are parts of records and no records themselves.
    pub continuations: usize,
    /// Where the records go.
    pub batch: &'a mut Batch,
    /// Caches.
    pub context: &'a mut Context,
}

impl<'a> Run<'a> {
    /// The lines from `ends[next]` on, which starts at `start`, of a block at a source's front.
    pub fn new(
        block: &'a [u8],
        ends: &'a [u32],
        (next, start): (usize, u32),
        batch: &'a mut Batch,
        context: &'a mut Context,
    ) -> Run<'a> {
        Run { block, ends, next, start, offset: 0, continuations: 0, batch, context }
    }

    /// The line at hand without its line end (of an overlong line the prefix that counts), and
    /// the position of its newline.
    #[inline(always)]
    pub fn line(&self) -> (Line<'a>, u32) {
        let end = self.ends[self.next];
        (line_of(self.block, self.start, end), end)
    }

    /// Makes the next line a record, which is the batch's next row, and goes on behind it.
    pub(crate) fn push(&mut self, columns: Columns, record: &Record) {
        let (line, end) = self.line();
        self.batch.push(columns, record, self.start, line.len() as u32);
        self.advance(end);
    }

    /// Goes on to the line after the newline at `end`.
    #[inline(always)]
    pub fn advance(&mut self, end: u32) {
        self.start = end + 1;
        self.next += 1;
    }
}

/// A line among others of other formats, and the row of the batch that is its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineRef {
    /// Where in the block the line starts.
    pub start: u32,
    /// Where its newline is.
    pub end: u32,
    /// Its row.
    pub row: u32,
}

/// Lines of one block with others between them, none of them blank or a header.
pub struct LineSubset<'a> {
    /// The block: [`PAD`](crate::bytes::line::PAD) bytes are readable around each of its lines.
    pub block: &'a [u8],
    /// The lines.
    pub lines: &'a [LineRef],
    /// Whether there may be a byte ESC in any of them.
    pub escapes: bool,
    /// Where the records go: into rows that were [opened](Batch::open).
    pub batch: &'a mut Batch,
    /// Caches.
    pub context: &'a mut Context,
    /// Takes the lines that are not of the format.
    pub refused: &'a mut Vec<LineRef>,
}

/// Lines that a format parses together.
pub(crate) const LINE_REFS_MAX: usize = 128;

/// Up to [`LINE_REFS_MAX`] lines.
pub(crate) struct LineRefs {
    spots: [LineRef; LINE_REFS_MAX],
    len: usize,
}

impl Default for LineRefs {
    fn default() -> Self {
        LineRefs { spots: [LineRef { start: 0, end: 0, row: 0 }; LINE_REFS_MAX], len: 0 }
    }
}

impl LineRefs {
    /// Adds one, without a branch; what does not fit is dropped.
    #[inline(always)]
    pub(crate) fn push_if(&mut self, spot: LineRef, wanted: bool) {
        if let Some(place) = self.spots.get_mut(self.len) {
            *place = spot;
            self.len += usize::from(wanted);
        }
    }

    pub(crate) fn all(&self) -> &[LineRef] {
        &self.spots[..self.len]
    }
}

#[inline(always)]
pub(crate) fn line_of(block: &[u8], start: u32, end: u32) -> Line<'_> {
    let (start, mut end) = (start as usize, end as usize);
    // The byte before an empty line is that line's predecessor's newline.
    if block[end - 1] == b'\r' && end > start {
        end -= 1;
    }
    Line::new(block, start, end.min(start + LINE_BYTES_MAX))
}

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
fn is_never_a_record(line: Line<'_>) -> bool {
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

/// How a format's lines make records.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Each line is one.
    Plain,
    /// A line is around a line of another format.
    Envelope {
        /// What is left when the envelope is taken off.
        open: fn(Line<'_>, &mut TimestampParser) -> Option<Vec<u8>>,
        /// Whether one record may be in several lines.
        fragments: Fragments,
    },
    /// What a line is always depends on lines before it, so lines are of the format only where the
    /// plan lists it.
    Stateful,
}

/// Whether lines of an envelope may hold parts of one payload.
#[derive(Clone, Copy)]
pub enum Fragments {
    /// They do not.
    Never,
    /// Some may.
    Always,
    /// Some may if this is true of any line.
    IfAny(fn(Line<'_>) -> bool),
}

/// When a format is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Candidate {
    /// Before all others: its lines begin with a timestamp or are JSON, so formats that say less
    /// about them would take them, too. It is never looked for in the payload of an envelope.
    Outer,
    /// The more frequent, the earlier.
    Usual,
    /// Last: it takes lines of others, too.
    LastResort,
}

/// What the rest of the crate must know of a format. No other file names one.
#[derive(Clone, Copy)]
pub struct Facts {
    /// How its lines make records.
    pub kind: Kind,
    /// When it is tried.
    pub trial: Candidate,
    /// How lines begin that say what the lines after them are.
    pub headers: &'static [&'static [u8]],
    /// How lines begin that no format takes and that go on with a record of this one.
    pub continuations: &'static [&'static [u8]],
    /// How lines begin that stand behind a syslog header without a tag.
    pub untagged: &'static [&'static [u8]],
    /// A header that the example needs before it.
    pub example_header: Option<&'static str>,
    /// Whether it takes lines with a timestamp of many formats that say more about them. Where it
    /// would take a line of another format, detection puts that one first.
    pub is_general: bool,
    /// The response time of a line if that is a whole number without a unit, which detection then
    /// guesses.
    pub bare_unit: Option<fn(Line<'_>, &mut TimestampParser) -> Option<u64>>,
    /// Whether fields have names in the line.
    pub named_fields: bool,
}

impl Facts {
    /// Of a format whose lines are records, each for itself.
    pub const PLAIN: Facts = Facts {
        kind: Kind::Plain,
        trial: Candidate::Usual,
        headers: &[],
        continuations: &[],
        untagged: &[],
        example_header: None,
        is_general: false,
        bare_unit: None,
        named_fields: false,
    };

    /// Whether what a line is always depends on lines before it.
    pub fn is_stateful(&self) -> bool {
        matches!(self.kind, Kind::Stateful)
    }
}

/// One entry of the registry.
pub struct Entry {
    /// What it is.
    pub info: Info,
    /// What the rest of the crate must know of it.
    pub facts: Facts,
    /// Makes the format with the parameters that a plan gives.
    pub build: fn(&Params) -> Box<dyn Format>,
}

/// Every format, in the order in which undetected ones are tried. The [outer](Trial::Outer) ones come
/// first: what they hold looks like lines of others. HAProxy knows the syslog header before its
/// lines, and comes before syslog.
pub static REGISTRY: &[&Entry] = &[
    &w3c::IIS,
    &w3c::CLOUDFRONT,
    &w3c::GENERIC,
    &envelope::cri::ENTRY,
    &envelope::docker::ENTRY,
    &envelope::journald::JSON,
    &envelope::journald::EXPORT,
    &database::mysql_slow::ENTRY,
    &text::erlang::ENTRY,
    &proxy::haproxy::HTTP,
    &proxy::haproxy::TCP,
    &cloud::aws_lambda::ENTRY,
    &envelope::syslog::RFC5424,
    &envelope::syslog::RFC3164,
    &envelope::prefixed::ENTRY,
    &database::oracle_alert::ENTRY,
    &json::ENTRY,
    &access::combined::COMBINED,
    &access::combined::COMMON,
    &access::combined::BARE,
    &access::combined::TRAEFIK,
    &access::combined::INGRESS_NGINX,
    &cloud::aws_elb::APPLICATION,
    &cloud::aws_elb::CLASSIC,
    &cloud::aws_s3::ENTRY,
    &cloud::aws_vpc::ENTRY,
    &proxy::envoy::ENTRY,
    &proxy::squid::ENTRY,
    &access::uwsgi::ENTRY,
    &text::apache_error::ENTRY,
    &text::nginx_error::ENTRY,
    &database::postgres::ENTRY,
    &database::redis::ENTRY,
    &text::dmesg::ENTRY,
    &text::rails::ENTRY,
    &access::gin::ENTRY,
    &access::morgan::ENTRY,
    &access::php_fpm::ENTRY,
    &security::cef::ENTRY,
    &text::app::ENTRY,
    &logfmt::ENTRY,
    &text::leveled::ENTRY,
    &text::app::ANYWHERE,
];

/// Places of formats: those of the registry, and behind them that of users' own.
pub const PLACES: usize = REGISTRY.len() + 1;

/// Most formats that lines of one source can try: sets of them are the bits of a `u64`.
pub const FORMATS_MAX: usize = u64::BITS as usize;

const _: () = assert!(PLACES <= FORMATS_MAX, "sets of formats need more bits than a u64 has");

/// What is known of the format of this name, [registered](REGISTRY) or [of users' own](custom).
pub fn info(name: &str) -> Option<&'static Info> {
    if name == custom::NAME {
        return Some(&custom::INFO);
    }
    by_name(name).map(|(_, entry)| &entry.info)
}

/// The name of the format at a place below [`PLACES`].
pub fn name_at(place: usize) -> &'static str {
    REGISTRY.get(place).map_or(custom::NAME, |entry| entry.info.name)
}

/// The registered format of this name, and its place in the registry.
pub fn by_name(name: &str) -> Option<(usize, &'static Entry)> {
    REGISTRY.iter().position(|e| e.info.name == name).map(|i| (i, REGISTRY[i]))
}

#[cfg(test)]
mod requested;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_in_order_of_trial() {
        assert!(REGISTRY.is_sorted_by_key(|e| e.facts.trial == Candidate::LastResort));
        let place = |entry: &Entry| by_name(entry.info.name).unwrap().0;
        assert!(place(&proxy::haproxy::TCP) < place(&envelope::syslog::RFC5424));
        let last = REGISTRY.iter().rposition(|e| e.facts.trial == Candidate::Outer).unwrap();
        assert!(last < place(&json::ENTRY) && last < place(&text::app::ENTRY));
    }
}
