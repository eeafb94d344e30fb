//! Reading one line at a time, into a record.

use super::read::{Kind, Sink, With, with_kind};
use super::values::is_at;
use super::{Op, Template, Tools};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::Context;
use crate::format::fields::{Fields, Value};
use crate::record::{Columns, Level, NO_TIME, Record, Text};

struct OneRecord<'r> {
    record: &'r mut Record,
    arena: &'r mut Vec<u8>,
    has_escapes: bool,
}

impl Sink for OneRecord<'_> {
    #[inline(always)]
    fn time(&mut self, second: i64, nanos: u32) {
        self.record.second = second;
        self.record.time_ns = second * 1_000_000_000 + i64::from(nanos);
    }

    #[inline(always)]
    fn nanos(&mut self, nanos: u32) {
        let time = &mut self.record.time_ns;
        if *time != NO_TIME && *time % 1_000_000_000 == 0 {
            *time += i64::from(nanos);
        }
    }

    #[inline(always)]
    fn level(&mut self, level: Level) {
        self.record.level = level;
    }

    #[inline(always)]
    fn status(&mut self, status: u16) {
        self.record.status = status;
    }

    #[inline(always)]
    fn duration(&mut self, nanos: u64) {
        self.record.duration_ns = nanos;
    }

    #[inline(always)]
    fn bytes(&mut self, count: u64) {
        self.record.bytes_sent = count;
    }

    #[inline(always)]
    fn method(&mut self, start: usize, end: usize) {
        self.record.method = Text::of_line(start, end);
    }

    #[inline(always)]
    fn path(&mut self, start: usize, end: usize) {
        self.record.path = Text::of_line(start, end);
    }

    #[inline(always)]
    fn client(&mut self, start: usize, end: usize) {
        self.record.client = Text::of_line(start, end);
    }

    #[inline(always)]
    fn message(&mut self, start: usize, end: usize, has_escapes: bool) {
        self.record.message = Text::of_line(start, end);
        self.has_escapes |= has_escapes;
    }

    fn take(&mut self, columns: Columns, record: &Record) {
        self.record.take(columns, record);
    }

    fn arena(&mut self) -> &mut Vec<u8> {
        self.arena
    }
}

impl Template {
    /// Whether the line has the first bytes of this template and the last.
    #[inline(always)]
    pub(super) fn may_be<S: Simd>(&self, simd: S, line: Line<'_>) -> bool {
        let (first, last) = (&self.steps[0], &self.steps[self.steps.len() - 1]);
        let end = line.len().wrapping_sub(usize::from(last.len));
        is_at(simd, first, line, 0) && is_at(simd, last, line, end)
    }

    /// Reads a line if it is of this template; if not, what it left in the record means nothing.
    #[inline(always)]
    pub(super) fn read<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        tools: &mut Tools,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let mut sink = OneRecord { record, arena, has_escapes: false };
        let mut at = 0;
        for step in &self.steps {
            if !is_at(simd, step, line, at) {
                return false;
            }
            let start = at + usize::from(step.len);
            let mut with = With { step, tools, context };
            let end = with_kind!(step.op, K => K::read(simd, line, start, &mut with, &mut sink));
            match end {
                Some(end) => at = end,
                None => return false,
            }
        }
        if sink.has_escapes {
            sink.unescape(line, context.all_messages);
        }
        true
    }
}

impl OneRecord<'_> {
    /// Undoes the escapes of the message, if the job needs it.
    #[cold]
    #[inline(never)]
    fn unescape(&mut self, line: Line<'_>, all_messages: bool) {
        let (start, end) = self.record.message.range();
        let value = Value { start, end, escaped: true, number: false };
        self.record.message = match all_messages || self.record.level >= Level::Warn {
            true => Fields::whole_message(line, value, self.arena),
            false => Text::NONE,
        };
    }
}
