//! What parsing a line works with: caches, and what the lines before left.

use super::slots::Slots;
use super::units::{DurationReading, Durations};
use super::{state, text};
use crate::fast::{FastPath, FastPaths};
use crate::record::{Columns, Record, Text};
use crate::time::TimestampParser;

/// What parsing one line may use and change: caches whose state never shows in the outcome, and
/// the history, on which the formats that say so depend.
pub struct Context {
    /// Turns timestamps into nanoseconds.
    pub clock: TimestampParser,
    /// What was decided about response times without a unit.
    pub durations: Durations,
    /// What was decided about words before numbers in free text.
    pub memo: text::text_duration::Cache,
    /// What formats remember of lines, for speed alone.
    pub caches: Slots,
    /// Room for a line without its colors, with its pad.
    pub plain: Vec<u8>,
    /// Whether records of every level need their message, not only those of WARN and above.
    pub all_messages: bool,
    /// The columns on request that the job asks for; no others are looked for.
    pub wanted: Columns,
    /// What the lines before left.
    pub history: state::ParserState,
    /// Whether the line is a payload of an envelope that has a time.
    pub is_timed_outside: bool,
    /// What a format read that may be otherwise. For detection.
    pub assumed: Option<&'static str>,
    /// The fast paths that may be taken.
    pub fast: FastPaths,
}

impl Context {
    /// Empty caches around a clock.
    pub fn new(clock: TimestampParser) -> Context {
        Context {
            clock,
            durations: Durations::default(),
            memo: Default::default(),
            caches: Slots::default(),
            plain: Vec::new(),
            all_messages: false,
            wanted: Columns::NONE,
            history: Default::default(),
            is_timed_outside: false,
            assumed: None,
            fast: FastPaths::ALL,
        }
    }

    /// Reads response times as `reading` says from now on.
    pub fn read_durations(&mut self, reading: &DurationReading) {
        self.memo.decimal_commas = reading.decimal_commas;
        if !self.durations.are_of(reading) {
            self.durations = Durations::new(reading);
            // Templates of lines hold units.
            self.caches.clear();
        }
    }

    /// Leaves these fast paths, with caches that are empty.
    pub fn restrict(&mut self, fast: FastPaths) {
        self.fast = fast;
        self.caches.clear();
        if !fast.has(FastPath::Timestamps) {
            self.clock.forget();
        }
        if !fast.has(FastPath::DurationContexts) {
            self.memo.switch_off();
        }
    }
}

/// What parsing one line works with, and where the record goes: references alone, which are gone
/// when the compiler is done with it.
pub struct Parse<'a, S> {
    /// The instruction set.
    pub simd: S,
    /// Caches, and what the lines before left.
    pub context: &'a mut Context,
    /// Takes text that the line does not hold as such.
    pub arena: &'a mut Vec<u8>,
    /// What the line says.
    pub record: &'a mut Record,
}

impl<S: Copy> Parse<'_, S> {
    /// The same with another instruction set, or with none where one is still to be chosen.
    #[inline(always)]
    pub fn with<T>(&mut self, simd: T) -> Parse<'_, T> {
        let Parse { context, arena, record, .. } = self;
        Parse { simd, context, arena, record }
    }

    /// The same again, for code that is not compiled into the parser: so the parser's own never has
    /// to be in memory.
    #[inline(always)]
    pub fn again(&mut self) -> Parse<'_, S> {
        self.with(self.simd)
    }

    /// What turns timestamps into nanoseconds.
    #[inline(always)]
    pub fn clock(&mut self) -> &mut TimestampParser {
        &mut self.context.clock
    }

    /// Keeps a text that the line does not hold.
    pub fn keep(&mut self, text: &[u8]) -> Text {
        let from = self.arena.len();
        self.arena.extend_from_slice(text);
        Text::of_arena(from, self.arena.len())
    }
}
