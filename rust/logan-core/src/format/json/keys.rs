//! The values of keys of a JSON record, whose names are their paths.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::json_text::string_end;
use crate::format::keys::{Found, KEYS_MAX};

/// How deep a key may lie.
const DEPTH_MAX: usize = 16;

/// How far each name is matched by the keys around the member at hand; none where they differ.
#[derive(Clone, Copy)]
struct PathMatch([u8; KEYS_MAX]);

const ASTRAY: u8 = u8::MAX;

/// The keys of a JSON record.
#[inline(always)]
pub(super) fn of_json<S: Simd>(simd: S, line: Line<'_>, found: &mut Found<'_>) {
    let mut at = memchr::memchr(b'{', line.bytes()).map_or(line.len(), |i| i + 1);
    let mut ways = [PathMatch([0; KEYS_MAX]); DEPTH_MAX];
    let mut depth = 0;
    // One member or closing bracket per round.
    while at < line.len() {
        match line.byte(at) {
            b'"' => {}
            b'}' if depth == 0 => return,
            b'}' => {
                depth -= 1;
                at += 1;
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        let key = at + 1;
        let Some((key_end, _)) = string_end(simd, line, key) else { return };
        let (here, inner) = follow(found, &ways[depth], &line.bytes()[key..key_end]);
        at = key_end + 1;
        while at < line.len() && matches!(line.byte(at), b':' | b' ' | b'\t' | b'\r') {
            at += 1;
        }
        let start = at;
        match line.byte(at) {
            b'"' => {
                let Some((end, escaped)) = string_end(simd, line, start + 1) else { return };
                take_all(here, line, start + 1, end, escaped, found);
                at = end + 1;
            }
            b'{' => match inner {
                Some(inner) if depth + 1 < DEPTH_MAX => {
                    depth += 1;
                    ways[depth] = inner;
                    at += 1;
                }
                _ => {
                    let Some(end) = skip(simd, line, at) else { return };
                    at = end;
                }
            },
            b'[' => {
                let Some(end) = skip(simd, line, at) else { return };
                at = end;
            }
            first => {
                while at < line.len()
                    && !matches!(line.byte(at), b',' | b'}' | b' ' | b'\t' | b'\r')
                {
                    at += 1;
                }
                if first != b'n' {
                    take_all(here, line, start, at, false, found);
                }
            }
        }
    }
}

/// The names, as bits, whose value a member with this key is, and how far the names are matched
/// inside of it.
#[inline(always)]
fn follow(found: &Found<'_>, way: &PathMatch, key: &[u8]) -> (u32, Option<PathMatch>) {
    let mut here = 0;
    let mut inner = None;
    for (i, name) in found.names().enumerate() {
        if way.0[i] == ASTRAY {
            continue;
        }
        let rest = &name[usize::from(way.0[i])..];
        if rest.len() < key.len() || rest.first() != key.first() || &rest[..key.len()] != key {
            continue;
        }
        if rest.len() == key.len() {
            here |= 1 << i;
        } else if rest[key.len()] == b'.' {
            let inner = inner.get_or_insert(PathMatch([ASTRAY; KEYS_MAX]));
            inner.0[i] = way.0[i] + key.len() as u8 + 1;
        }
    }
    (here, inner)
}

#[inline(always)]
fn take_all(
    mut names: u32,
    line: Line<'_>,
    start: usize,
    end: usize,
    escaped: bool,
    found: &mut Found<'_>,
) {
    while names != 0 {
        found.take(names.trailing_zeros() as usize, line, start, end, escaped);
        names &= names - 1;
    }
}

/// Where the object or array that begins at `at` ends.
#[inline(always)]
fn skip<S: Simd>(simd: S, line: Line<'_>, mut at: usize) -> Option<usize> {
    let mut open = 0usize;
    while at < line.len() {
        match line.byte(at) {
            b'"' => at = string_end(simd, line, at + 1)?.0,
            b'{' | b'[' => open += 1,
            b'}' | b']' => {
                open -= 1;
                if open == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}
