//! Members of a JSON object, for envelopes that are one: only the outermost object is looked at.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::json_text::{skip_space, string_end};
use std::ops::ControlFlow;

/// A member's value as it stands in the line.
#[derive(Clone, Copy)]
pub(crate) struct Value {
    /// Where it begins and ends, of text without its quotes.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it is text.
    pub(crate) is_text: bool,
    /// Whether the text holds escapes.
    pub(crate) is_escaped: bool,
}

impl Value {
    /// The text, if it is some and holds no escapes.
    pub(crate) fn plain<'a>(&self, line: Line<'a>) -> Option<&'a [u8]> {
        (self.is_text && !self.is_escaped).then(|| &line.bytes()[self.start..self.end])
    }
}

/// Calls `f` with the key, as written, and the value of each member, in order, until it breaks;
/// None if the line is not one object or `f` broke. What is inside of values is not checked but for
/// quotes and brackets.
#[inline(always)]
pub(crate) fn members<S: Simd>(
    simd: S,
    line: Line<'_>,
    mut f: impl FnMut(&[u8], Value) -> ControlFlow<()>,
) -> Option<()> {
    let mut at = skip_space(line, 0);
    if line.byte(at) != b'{' {
        return None;
    }
    at = skip_space(line, at + 1);
    loop {
        if at >= line.len() || line.byte(at) != b'"' {
            return None;
        }
        let key = at + 1;
        let (key_end, _) = string_end(simd, line, key)?;
        at = skip_space(line, key_end + 1);
        if line.byte(at) != b':' {
            return None;
        }
        at = skip_space(line, at + 1);
        if at >= line.len() {
            return None;
        }
        let value = if line.byte(at) == b'"' {
            let (end, is_escaped) = string_end(simd, line, at + 1)?;
            let value = Value { start: at + 1, end, is_text: true, is_escaped };
            at = end + 1;
            value
        } else {
            let end = value_end(simd, line, at)?;
            let value = Value { start: at, end, is_text: false, is_escaped: false };
            at = end;
            value
        };
        if f(&line.bytes()[key..key_end], value).is_break() {
            return None;
        }
        at = skip_space(line, at);
        match line.bytes().get(at)? {
            b',' => at = skip_space(line, at + 1),
            b'}' => {
                let rest = &line.bytes()[at + 1..];
                return rest.trim_ascii().is_empty().then_some(());
            }
            _ => return None,
        }
    }
}

/// Where a value that is no text ends.
fn value_end<S: Simd>(simd: S, line: Line<'_>, at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut i = at;
    loop {
        match *line.bytes().get(i)? {
            b'"' => i = string_end(simd, line, i + 1)?.0,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return (i > at).then_some(i),
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i + 1);
                }
            }
            b',' | b' ' | b'\t' if depth == 0 => return (i > at).then_some(i),
            _ => {}
        }
        i += 1;
    }
}
