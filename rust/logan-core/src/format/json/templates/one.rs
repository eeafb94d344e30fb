//! Reading one line at a time.

use super::values::{
    epoch, is_at, other_text, other_time, other_value, remember, take_alone, text_end, usual_count,
    usual_duration, usual_guess, usual_level, usual_number_end, usual_status, word_end,
};
use super::{Op, Template, Tools, Word};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::Context;
use crate::format::fields::{Fields, Value};
use crate::record::Level;
use crate::record::{Record, Text};

impl Template {
    /// Whether the line has the first bytes of this shape and the last.
    #[inline(always)]
    pub(super) fn may_be<S: Simd>(&self, simd: S, line: Line<'_>) -> bool {
        let (first, last) = (&self.steps[0], &self.steps[self.steps.len() - 1]);
        let end = line.len().wrapping_sub(usize::from(last.len));
        is_at(simd, first, line, 0) && is_at(simd, last, line, end)
    }

    /// Reads a line if it is of this shape; if not, what it left in the record means nothing.
    #[inline(always)]
    pub(super) fn read<S: Simd>(
        &self,
        simd: S,
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
            if !is_at(simd, step, line, at) {
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
                    let Some((end, _)) = text_end(simd, line, start) else { return false };
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
                    let Some(end) = other_text(line, start, step, context, arena, record) else {
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
                    let Some(end) = other_text(line, start, step, context, arena, record) else {
                        return false;
                    };
                    at = end;
                    remember(tools.methods, bytes, end - start, Level::Info);
                }
                Op::Message => {
                    let Some((end, has_escapes)) = text_end(simd, line, start) else {
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
                    let Some(end) = other_value(line, start, step, context, arena, record) else {
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
                    let Some(end) = other_value(line, start, step, context, arena, record) else {
                        return false;
                    };
                    at = end;
                }
                Op::Guess => {
                    if let Some((nanos, len)) = usual_guess(line.u64_at(start)) {
                        record.duration_ns = nanos;
                        at = start + len;
                        continue;
                    }
                    let Some(end) = other_value(line, start, step, context, arena, record) else {
                        return false;
                    };
                    at = end;
                }
                Op::Epoch => {
                    if let Some((stamp, end)) = epoch(simd, line, start) {
                        record.time_ns = stamp.nanos_since_epoch();
                        record.second = stamp.second;
                        at = end;
                        continue;
                    }
                    let Some(end) = other_value(line, start, step, context, arena, record) else {
                        return false;
                    };
                    at = end;
                }
                Op::LevelNumber => {
                    if let Some((level, len)) = usual_level(line.u64_at(start)) {
                        record.level = level;
                        at = start + len;
                        continue;
                    }
                    let Some(end) = other_value(line, start, step, context, arena, record) else {
                        return false;
                    };
                    at = end;
                }
                Op::Path => {
                    let Some((end, has_escapes)) = text_end(simd, line, start) else {
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
                    let Some((end, has_escapes)) = text_end(simd, line, start) else {
                        return false;
                    };
                    at = end;
                    if !has_escapes && Fields::is_plain_client(simd, line, start, end) {
                        record.client = Text::of_line(start, end);
                        continue;
                    }
                    let value = Value { start, end, escaped: has_escapes, number: false };
                    if !take_alone(line, value, step, context, arena, record) {
                        return false;
                    }
                }
                Op::Text | Op::Number => {
                    let Some(end) = other_value(line, start, step, context, arena, record) else {
                        return false;
                    };
                    at = end;
                }
            }
        }
        false
    }
}
