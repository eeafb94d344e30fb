//! Lines that end with a JSON object which says what was requested: zap's console encoder (Caddy),
//! fluentd's files, drains of CDNs. The object is read by the table of names, as JSON is.

use super::{Plain, Request};
use crate::bytes::line::Line;
use crate::format::Parse;
use crate::format::envelope::object::members;
use crate::format::fields::{Fields, Group, Meaning, Names, Value};
use crate::record::{Level, NO_STATUS};
use std::ops::ControlFlow;

/// Deepest object that is looked into.
const DEPTH_MAX: usize = 4;
/// Position before which an object begins.
const OFFSET_MAX: usize = 512;

/// Fills the record from the object that a line ends with; what stands for the request of the line,
/// if the object tells of one, or of a level.
#[cold]
#[inline(never)]
pub(super) fn read(line: Line<'_>, cx: &mut Parse<'_, Plain>) -> Option<Request> {
    let text = line.bytes();
    let front = &text[..text.len().min(OFFSET_MAX)];
    let start = memchr::memmem::find(front, b"{\"").filter(|&start| start > 0)?;
    if !matches!(text[start - 1], b' ' | b'\t') {
        return None;
    }
    let mut fields = Fields::new(line);
    walk(line, (start, text.len()), Group::ROOT, DEPTH_MAX, &mut fields, cx)?;
    if !fields.finish(cx.arena, cx.record) {
        return None;
    }
    let is_request = cx.record.status != NO_STATUS || !cx.record.path.is_empty();
    (is_request || cx.record.level != Level::None).then_some(Request {
        start,
        method: (start, start),
        target: (start, start),
        end: text.len(),
        is_certain: false,
        is_barred: false,
    })
}

fn walk(
    line: Line<'_>,
    (start, end): (usize, usize),
    group: Group,
    depth: usize,
    fields: &mut Fields<'_>,
    cx: &mut Parse<'_, Plain>,
) -> Option<()> {
    let inside = line.slice(start, end);
    let names = Names::get().wanted(cx.context.wanted);
    members(Plain, inside, |key, value| {
        let at = key.as_ptr() as usize - line.bytes().as_ptr() as usize;
        let known = names.look_up(line, group, at, at + key.len());
        let (from, to) = (start + value.start, start + value.end);
        if !value.is_text && line.byte(from) == b'{' {
            if known.inside != Group::NOWHERE && depth > 0 {
                walk(line, (from, to), known.inside, depth - 1, fields, cx);
            }
        } else if known.meaning != Meaning::Nothing
            && !b"[nft".contains(&line.byte(from)) | value.is_text
        {
            let number = !value.is_text;
            fields.take(
                known,
                at,
                Value { start: from, end: to, escaped: value.is_escaped, number },
                cx,
            );
        }
        ControlFlow::Continue(())
    })
}
