//! Colors: escape sequences that programs write around parts of a line for terminals.
//!
//! A line with colors is read as if it had none. Only control sequences (`ESC [`, parameters, a
//! letter) are known; any other escape stays what it is.

use crate::bytes::line::{Line, PAD};
use crate::format::Parse;

/// Begins an escape sequence.
pub const ESC: u8 = 0x1b;

/// How long the control sequence is that `text` begins with; 0 if it begins with none.
fn sequence_len(text: &[u8]) -> usize {
    if !text.starts_with(b"\x1b[") {
        return 0;
    }
    let inner = text[2..].iter().take_while(|b| matches!(b, 0x20..=0x3f)).count();
    match text.get(2 + inner) {
        Some(0x40..=0x7e) => 3 + inner,
        _ => 0,
    }
}

/// Writes `line` without its control sequences to `out`, with [`PAD`] zeros around it, if it has
/// any; whether it has.
#[cold]
#[inline(never)]
pub fn strip(line: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let mut done = 0;
    for at in memchr::memchr_iter(ESC, line) {
        let len = sequence_len(&line[at..]);
        if len == 0 {
            continue;
        }
        if out.is_empty() {
            out.resize(PAD, 0);
        }
        out.extend_from_slice(&line[done..at]);
        done = at + len;
    }
    if done == 0 {
        return false;
    }
    out.extend_from_slice(&line[done..]);
    out.resize(out.len() + PAD, 0);
    true
}

/// Reads a line as if it had no colors: None if it has none, or if `read` gives no record. All texts
/// of the record are then in the arena.
#[inline(always)]
pub(in crate::format) fn uncolored<S>(
    line: Line<'_>,
    cx: &mut Parse<'_, S>,
    read: impl FnOnce(Line<'_>, &mut Parse<'_, S>) -> Option<()>,
) -> Option<()> {
    let mut plain = std::mem::take(&mut cx.context.plain);
    let parsed = strip(line.bytes(), &mut plain)
        .then(|| Line::new(&plain, PAD, plain.len() - PAD))
        .and_then(|line| {
            read(line, cx)?;
            let from = cx.arena.len();
            cx.arena.extend_from_slice(line.bytes());
            cx.record.for_each_text(|text| *text = text.moved_to_arena(from));
            Some(())
        });
    cx.context.plain = plain;
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sequences_go() {
        let stripped = |line: &str| {
            let mut out = Vec::new();
            let line = line.replace("\\e", "\x1b");
            strip(line.as_bytes(), &mut out).then(|| {
                assert_eq!((&out[..PAD], &out[out.len() - PAD..]), (&[0; PAD][..], &[0; PAD][..]));
                String::from_utf8(out[PAD..out.len() - PAD].to_vec()).unwrap()
            })
        };
        assert_eq!(stripped("\\e[2ma\\e[0m \\e[1;31mb\\e[0;39mc\\e[m").as_deref(), Some("a bc"));
        assert_eq!(stripped("\\e[0m").as_deref(), Some(""));
        assert_eq!(stripped("a\\e[Kb\\ec\\e[1").as_deref(), Some("ab\x1bc\x1b[1"));
        assert_eq!(stripped("a \\e b \\e[31"), None);
        assert_eq!(stripped(""), None);
    }
}
