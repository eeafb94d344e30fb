//! Shapes of JSON lines: what lines of one log repeat, learned once and then only compared.
//!
//! Lines of one log have the same members in the same order. All that stands between their values
//! (`","status":`) is the *shape* of a line, and what a name means is decided when a shape is
//! learned. A line of a known shape is then read in steps: some bytes that must be there, and a
//! value of the kind that stood there before, whose end is searched for; it is decoded only if it
//! counts. Whatever deviates, be it one space, is left to the general way of
//! [`json`](crate::format::json).
//!
//! # Why the outcome is the same
//! A line of the shape of a line that is JSON is that line with other strings, numbers and words in
//! the same places, hence JSON with the same names. Of all values with the same meaning, the one of
//! the highest rank counts, and among equal ranks the first, *if it is usable with that rank*
//! ([`fields`](crate::format::fields)): so that one alone is asked, and if it is not, neither is the shape.
//! What two meanings share is in `learn`.
//!
//! Lines are read one by one (`one`) or, where many of a shape follow one another, member by member
//! (`many`).
//!
//! The shapes are a cache: which there are depends on the lines before, what a line says does not.
//!
//! # Fast path `json-templates`
//! ```text
//! for each step of the template that the line before had, else of the seven others:
//!     if the bytes of the step are not here, the line is not of the template
//!     read the value after them the short way, or else as the slow path reads one value
//! no template: the slow path; if the line is a record, learn its template
//!              (what lines of known ones earned pays for that)
//! ```
//! Reference: `parse_generally` in `format/json`. Compared by `shapes_do_not_show` and
//! `tests/fast_paths.rs`. Gain: time without it 1.5 on JSON, 1.01 on unlike JSON, 1.08 on mixed
//! logs (2026-11-28, AMD EPYC with AVX-512, other work beside it).

mod learn;
mod many;
mod one;
mod read;
mod values;

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::fields::{Known, Names};
use crate::format::units::Durations;
use crate::format::{Context, Unit};
use crate::record::{Columns, Record};
use values::{Minute, WORDS, Word};

pub use many::{GROUP, Group};

/// Shapes that are remembered.
const SHAPES: usize = 8;
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
    /// Whether the value is a string.
    text: bool,
    /// Whether it consisted of digits and points.
    numeric: bool,
    /// Whether it was a registered status.
    is_code: bool,
    /// Whether only a registered status counts.
    is_checked: bool,
    /// How far before the value its key is.
    key_back: u8,
    /// Whether no other value could count in its stead.
    alone: bool,
    known: Known,
    /// What the value counts as.
    wins: Columns,
    /// What is decided of a response time without a unit.
    unit: Option<Unit>,
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
    /// A string and a number that mean nothing unless they are a status, which other values decide.
    PassNoStatus,
    PassNoCode,
    /// A string that would be a path if it was not that of a log file.
    PassLogFile,
    /// The usual ways to write what counts.
    Time,
    Level,
    Message,
    /// A message that may hold a request, which the record then lacks.
    OpenMessage,
    Status,
    /// A status that only counts if it is registered.
    Code,
    Duration(Unit),
    /// A duration that the message cannot make a lifetime, because it is short.
    ShortDuration(Unit),
    /// A time in seconds or milliseconds since 1970.
    Epoch,
    /// Nanoseconds to add to the time.
    Nanos,
    /// A level as a number.
    LevelNumber,
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
struct Template {
    steps: Vec<Step>,
    /// The parts of a record that it fills.
    wins: Columns,
}

/// What values of the lines before were.
struct Tools {
    minute: Minute,
    levels: [Word; WORDS],
    methods: [Word; WORDS],
}

/// Remembered shapes, and what helps with values.
pub struct Templates {
    shapes: Vec<Template>,
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
    places: Box<many::Places>,
    tools: Tools,
}

/// What learning a shape costs in lines of known shapes.
const LEARNING: u32 = 16;
const CREDIT_MAX: u32 = 16 * LEARNING;
/// So many lines of unknown shapes in excess of the others end the trials for a while.
const LUCK_MAX: u32 = 64;
/// How many lines.
const PAUSE: u32 = 4096;

impl Default for Templates {
    fn default() -> Self {
        Templates {
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
            places: Box::new(many::Places::default()),
            tools: Tools {
                minute: Minute::NONE,
                levels: [Word::NONE; WORDS],
                methods: [Word::NONE; WORDS],
            },
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

impl Templates {
    /// Reads a line of a known shape.
    #[inline(always)]
    pub fn read<S: Simd>(
        &mut self,
        simd: S,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Outcome {
        if self.pause > 0 {
            self.pause -= 1;
            return Outcome::Unknown;
        }
        if let Some(shape) = self.shapes.get(self.last)
            && shape.read(simd, line, &mut self.tools, context, arena, record)
        {
            self.hits = self.hits.wrapping_add(1);
            return Outcome::Read;
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
            simd: S,
            shapes: &mut Templates,
            line: Line<'_>,
            context: &mut Context,
            arena: &mut Vec<u8>,
            record: &mut Record,
        ) -> Outcome {
            shapes.read_others(simd, line, context, arena, record)
        }
        crate::dispatch!(read::<>(shapes: &mut Templates, line: Line<'_>, context: &mut Context,
            arena: &mut Vec<u8>, record: &mut Record) -> Outcome;
            self, line, context, arena, record)
    }

    #[inline(always)]
    fn read_others<S: Simd>(
        &mut self,
        simd: S,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Outcome {
        *record = Record::EMPTY;
        for (i, shape) in self.shapes.iter().enumerate() {
            // Shapes differ at the front or at the end more often than in between.
            if i == self.last || !shape.may_be(simd, line) {
                continue;
            }
            if shape.read(simd, line, &mut self.tools, context, arena, record) {
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
            // So that one shape may be learned behind the pause, if it was for want of the right one.
            self.credit = self.credit.max(LEARNING);
            return Outcome::Unknown;
        }
        if self.credit < LEARNING { Outcome::Unknown } else { Outcome::New }
    }

    /// Remembers the shape of a line that the general way found to be a record.
    #[cold]
    #[inline(never)]
    pub fn learn<S: Simd>(
        &mut self,
        simd: S,
        names: &Names,
        durations: &Durations,
        line: Line<'_>,
    ) {
        self.credit = self.credit.saturating_sub(LEARNING);
        let Some(shape) = Template::new(simd, names, durations, line) else { return };
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
