//! Reading the value of a step, once for all who read lines: each kind of value the short way, and
//! what is not written like that as the slow path does. Where values go is a [`Sink`]'s business.

use super::values::{
    any_number_end, any_text_end, epoch, remember, short_text_end, text_end, usual_count,
    usual_duration, usual_level, usual_number_end, usual_status, word_end,
};
use super::{Op, Step, Tools, Word};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::Context;
use crate::format::fields::{
    Fields, Part, Value, is_log_file, may_hold_request, nanos_of_second, status_of_key,
};
use crate::format::http::is_registered_status;
use crate::format::text::text_duration::NAMED_LIFETIME_NANOS_MIN;
use crate::record::{Columns, Level, Record};

/// Takes what values mean: a record, or a row of a batch. Texts are ranges of the line.
pub(super) trait Sink {
    fn time(&mut self, second: i64, nanos: u32);
    /// Adds to a time of whole seconds.
    fn nanos(&mut self, nanos: u32);
    fn level(&mut self, level: Level);
    fn status(&mut self, status: u16);
    fn duration(&mut self, nanos: u64);
    fn bytes(&mut self, count: u64);
    fn method(&mut self, start: usize, end: usize);
    fn path(&mut self, start: usize, end: usize);
    fn client(&mut self, start: usize, end: usize);
    fn message(&mut self, start: usize, end: usize, has_escapes: bool);
    /// Takes these columns of a record.
    fn take(&mut self, columns: Columns, record: &Record);
    /// Where text goes that is not in the line as such.
    fn arena(&mut self) -> &mut Vec<u8>;
}

/// What reading a value needs beside the line.
pub(super) struct With<'w> {
    pub(super) step: &'w Step,
    pub(super) tools: &'w mut Tools,
    pub(super) context: &'w mut Context,
}

impl With<'_> {
    /// A value that is not written in the most usual way, as the slow path takes it; where it ends,
    /// and its level. None if another value of the line might count in its stead.
    #[inline(never)]
    fn other(
        &mut self,
        line: Line<'_>,
        start: usize,
        sink: &mut impl Sink,
    ) -> Option<(usize, Level)> {
        let (end, escaped) = match self.step.text {
            true => any_text_end(line, start)?,
            false => (any_number_end(line, start)?, false),
        };
        let value = Value { start, end, escaped, number: !self.step.text };
        let mut record = Record::EMPTY;
        if !take_alone(line, value, self, sink.arena(), &mut record) {
            return None;
        }
        sink.take(self.step.wins, &record);
        Some((end, record.level))
    }

    /// A time that is not of the minute of the one before, or written otherwise; where it ends.
    #[inline(never)]
    fn other_time(&mut self, line: Line<'_>, start: usize, sink: &mut impl Sink) -> Option<usize> {
        let clock = &mut self.context.clock;
        match clock.iso(line, start) {
            Some((stamp, end)) if line.byte(end) == b'"' => {
                sink.time(stamp.second, stamp.nanos);
                if end - start == 23 || end - start == 24 {
                    self.tools.minute.learn(line, start, stamp.second, clock);
                }
                Some(end)
            }
            _ => Some(self.other(line, start, sink)?.0),
        }
    }
}

/// Takes a value as if it was the only one of its meanings; false if another might count.
fn take_alone(
    line: Line<'_>,
    value: Value,
    with: &mut With<'_>,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> bool {
    #[inline(always)]
    fn take<S: Simd>(
        simd: S,
        line: Line<'_>,
        value: Value,
        with: &mut With<'_>,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let step = with.step;
        let key = value.start - usize::from(step.key_back);
        let has_request = step.unit.is_some();
        let part = Part { known: step.known, wins: step.wins, alone: step.alone, has_request };
        Fields::take_alone(simd, line, part, key, value, with.context, arena, record)
    }
    crate::dispatch!(take::<>(line: Line<'_>, value: Value, with: &mut With<'_>,
        arena: &mut Vec<u8>, record: &mut Record) -> bool; line, value, with, arena, record)
}

/// A kind of value; types and not closures, which would not be compiled for the instruction set.
pub(super) trait Kind {
    /// Reads the value at `start`, and says where it ends; None if the line is not of the template.
    fn read<S: Simd>(
        simd: S,
        line: Line<'_>,
        start: usize,
        with: &mut With<'_>,
        sink: &mut impl Sink,
    ) -> Option<usize>;
}

/// Makes the types of all kinds.
macro_rules! kinds {
    ($($kind:ident: |$simd:ident, $line:ident, $start:ident, $with:ident, $sink:ident| $read:expr;)+) => {
        $(
            pub(super) struct $kind;

            impl Kind for $kind {
                #[inline(always)]
                fn read<S: Simd>(
                    $simd: S,
                    $line: Line<'_>,
                    $start: usize,
                    $with: &mut With<'_>,
                    $sink: &mut impl Sink,
                ) -> Option<usize> {
                    $read
                }
            }
        )+
    };
}

kinds! {
    More: |_simd, _line, start, _with, _sink| Some(start);
    End: |_simd, line, start, _with, _sink| (start == line.len()).then_some(start);
    PassString: |simd, line, start, _with, _sink| match short_text_end(simd, line, start) {
        None => Some(any_text_end(line, start)?.0),
        found => found,
    };
    PassNumber: |_simd, line, start, _with, _sink| usual_number_end(line, start);
    PassWord: |_simd, line, start, _with, _sink| word_end(line, start);
    PassNoStatus: |_simd, line, start, _with, _sink| {
        let end = any_text_end(line, start)?.0;
        is_no_status(line, start, end).then_some(end)
    };
    PassNoCode: |_simd, line, start, _with, _sink| {
        let end = usual_number_end(line, start)?;
        is_no_status(line, start, end).then_some(end)
    };
    Time: |_simd, line, start, with, sink| match with.tools.minute.read(line, start) {
        Some((second, nanos, end)) => {
            sink.time(second, nanos);
            Some(end)
        }
        None => with.other_time(line, start, sink),
    };
    Epoch: |simd, line, start, with, sink| match epoch(simd, line, start) {
        Some((stamp, end)) => {
            sink.time(stamp.second, stamp.nanos);
            Some(end)
        }
        None => Some(with.other(line, start, sink)?.0),
    };
    LevelWord: |_simd, line, start, with, sink| {
        let bytes = line.u64_at(start);
        let word = &with.tools.levels[Word::slot(bytes)];
        if word.begins(bytes) {
            sink.level(word.level);
            return Some(start + word.len as usize);
        }
        let (end, level) = with.other(line, start, sink)?;
        remember(&mut with.tools.levels, bytes, end - start, level);
        Some(end)
    };
    LevelNumber: |_simd, line, start, with, sink| match usual_level(line.u64_at(start)) {
        Some((level, len)) => {
            sink.level(level);
            Some(start + len)
        }
        None => Some(with.other(line, start, sink)?.0),
    };
    Method: |_simd, line, start, with, sink| {
        let bytes = line.u64_at(start);
        let word = &with.tools.methods[Word::slot(bytes)];
        if word.begins(bytes) {
            let end = start + word.len as usize;
            sink.method(start, end);
            return Some(end);
        }
        let (end, _) = with.other(line, start, sink)?;
        remember(&mut with.tools.methods, bytes, end - start, Level::Info);
        Some(end)
    };
    Message: |simd, line, start, _with, sink| {
        let (end, has_escapes) = text_end(simd, line, start)?;
        sink.message(start, end, has_escapes);
        Some(end)
    };
    OpenMessage: |simd, line, start, _with, sink| {
        let (end, has_escapes) = text_end(simd, line, start)?;
        let is_object = line.byte(start) == b'{';
        if (is_object || has_slash(simd, line, start, end))
            && may_hold_request(line.bytes().get(start..end)?) {
            return None;
        }
        sink.message(start, end, has_escapes);
        Some(end)
    };
    Nanos: |_simd, line, start, _with, sink| {
        let end = usual_number_end(line, start)?;
        sink.nanos(nanos_of_second(line.bytes().get(start..end)?).unwrap_or(0));
        Some(end)
    };
    Status: |_simd, line, start, _with, sink| {
        sink.status(usual_status(line, start)?);
        Some(start + 3)
    };
    Code: |_simd, line, start, _with, sink| {
        sink.status(usual_status(line, start).filter(|&status| is_registered_status(status))?);
        Some(start + 3)
    };
    Duration: |_simd, line, start, with, sink| {
        let Op::Duration(unit) = with.step.op else { return None };
        match usual_duration(line.u64_at(start), unit) {
            Some((nanos, len)) => {
                sink.duration(nanos);
                Some(start + len)
            }
            None => Some(with.other(line, start, sink)?.0),
        }
    };
    ShortDuration: |_simd, line, start, with, sink| {
        let Op::ShortDuration(unit) = with.step.op else { return None };
        match usual_duration(line.u64_at(start), unit) {
            Some((nanos, len)) if nanos < NAMED_LIFETIME_NANOS_MIN => {
                sink.duration(nanos);
                Some(start + len)
            }
            Some(_) => None,
            None => Some(with.other(line, start, sink)?.0),
        }
    };
    Bytes: |_simd, line, start, with, sink| match usual_count(line.u64_at(start)) {
        Some((count, len)) => {
            sink.bytes(count);
            Some(start + len)
        }
        None => Some(with.other(line, start, sink)?.0),
    };
    PassLogFile: |_simd, line, start, _with, _sink| {
        let end = any_text_end(line, start)?.0;
        is_log_file(line.bytes().get(start..end)?).then_some(end)
    };
    Path: |simd, line, start, with, sink| match short_text_end(simd, line, start) {
        Some(end) if line.byte(start) == b'/' && !is_log_file(line.bytes().get(start..end)?) => {
            sink.path(start, end);
            Some(end)
        }
        _ => Some(with.other(line, start, sink)?.0),
    };
    Client: |simd, line, start, with, sink| match short_text_end(simd, line, start) {
        Some(end) if Fields::is_plain_client(simd, line, start, end) => {
            sink.client(start, end);
            Some(end)
        }
        _ => Some(with.other(line, start, sink)?.0),
    };
    Other: |_simd, line, start, with, sink| Some(with.other(line, start, sink)?.0);
}

/// Whether a slash stands in `start..end`.
#[inline(always)]
fn has_slash<S: Simd>(simd: S, line: Line<'_>, start: usize, end: usize) -> bool {
    let (mut at, mut found) = (start, 0);
    while at < end {
        let kept = u32::MAX >> 32usize.saturating_sub(end - at).min(31);
        found |= line.eq32(simd, at, b'/') & kept;
        at += 32;
    }
    found != 0
}

/// Whether a value is not a status that might count.
#[inline(always)]
fn is_no_status(line: Line<'_>, start: usize, end: usize) -> bool {
    let value = line.bytes().get(start..end).unwrap_or_default();
    !status_of_key(value).is_some_and(is_registered_status)
}

/// Evaluates an expression with a name for the type of a step's kind.
macro_rules! with_kind {
    ($op:expr, $kind:ident => $body:expr) => {
        with_kind!(@ $op, $kind, $body;
            More => More, End => End, PassString => PassString, PassNumber => PassNumber,
            PassWord => PassWord, PassNoStatus => PassNoStatus, PassNoCode => PassNoCode,
            PassLogFile => PassLogFile, OpenMessage => OpenMessage, Nanos => Nanos, Code => Code, Time => Time, Epoch => Epoch, Level => LevelWord,
            LevelNumber => LevelNumber, Method => Method, Message => Message, Status => Status,
            Bytes => Bytes, Path => Path, Client => Client, Text => Other,
            Number => Other)
    };
    (@ $op:expr, $kind:ident, $body:expr; $($name:ident => $type:ident),+) => {
        match $op {
            Op::Duration(_) => {
                type $kind = $crate::format::json::templates::read::Duration;
                $body
            }
            Op::ShortDuration(_) => {
                type $kind = $crate::format::json::templates::read::ShortDuration;
                $body
            }
            $(Op::$name => {
                type $kind = $crate::format::json::templates::read::$type;
                $body
            })+
        }
    };
}
pub(super) use with_kind;
