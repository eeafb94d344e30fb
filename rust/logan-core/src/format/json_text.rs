//! Tokens of JSON: white space, numbers and strings, as RFC 8259 has them but for what
//! [`json`](super::json) says.

use super::fields::code_unit;
use super::slices::digits;
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;

#[inline(always)]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The first position from `at` on without white space.
#[inline(always)]
pub(super) fn skip_space(line: Line<'_>, at: usize) -> usize {
    if line.byte(at) > b' ' {
        return at;
    }
    // Python's and PostgreSQL's writers put one space behind each comma and colon.
    if line.byte(at) == b' ' && line.byte(at + 1) > b' ' { at + 1 } else { skip_spaces(line, at) }
}

#[cold]
#[inline(never)]
fn skip_spaces(line: Line<'_>, mut at: usize) -> usize {
    while at < line.len() && is_space(line.byte(at)) {
        at += 1;
    }
    at
}

/// Where the number at `at` ends, if it is one.
#[inline(always)]
pub(super) fn number_end<S: Simd>(simd: S, line: Line<'_>, at: usize) -> Option<usize> {
    let start = at + usize::from(line.byte(at) == b'-');
    let digits = line.range32(simd, start, b'0', b'9');
    let whole = digits.trailing_ones() as usize;
    if whole == 0 || whole > 1 && line.byte(start) == b'0' {
        return None;
    }
    let end = start + whole;
    match line.byte(end) {
        b'.' if whole < 31 => {
            let fraction = (digits >> whole >> 1).trailing_ones() as usize;
            let end = end + 1 + fraction;
            match line.byte(end) {
                b'e' | b'E' | b'0'..=b'9' => long_number_end(line, start),
                _ => (fraction > 0).then_some(end),
            }
        }
        b'.' | b'e' | b'E' | b'0'..=b'9' => long_number_end(line, start),
        _ => Some(end),
    }
}

/// The same byte by byte, for a number without sign and needless zeros.
#[cold]
#[inline(never)]
fn long_number_end(line: Line<'_>, start: usize) -> Option<usize> {
    let digits = |from: usize| {
        let count = digits(line.bytes().get(from..).unwrap_or(&[]));
        (count > 0).then_some(from + count)
    };
    let at = |i: usize| line.bytes().get(i).copied().unwrap_or(0);
    let mut end = digits(start)?;
    if at(end) == b'.' {
        end = digits(end + 1)?;
    }
    if matches!(at(end), b'e' | b'E') {
        end = digits(end + 1 + usize::from(matches!(at(end + 1), b'+' | b'-')))?;
    }
    Some(end)
}

/// Where the string that starts at `start` has its closing quote, and whether it holds escapes.
#[inline(always)]
pub(super) fn string_end<S: Simd>(simd: S, line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = start;
    loop {
        let quotes = line.eq32(simd, at, b'"');
        let first = quotes | line.eq32(simd, at, b'\\');
        if first == 0 {
            at += 32;
            if at >= line.len() {
                return None;
            }
            continue;
        }
        let i = first.trailing_zeros();
        at += i as usize;
        if quotes >> i & 1 != 0 {
            return Some((at, escaped));
        }
        escaped = true;
        at += escape_len(line, at)?;
    }
}

/// Length of the escape at `at`.
#[inline(always)]
fn escape_len(line: Line<'_>, at: usize) -> Option<usize> {
    match line.byte(at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => code_unit(line.bytes().get(at..)?).map(|_| 6),
        _ => None,
    }
}
