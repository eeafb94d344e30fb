//! Routes: the method and the path of a request, the path with ids folded, so that `/item/1` and
//! `/item/2` are one.
//!
//! The key of a record with a path is its method, a space, and the path folded; the folded path
//! alone where there is no method. Folding drops everything from the first `?` or `#`, and
//! replaces by `{id}` each *segment* (what lies between slashes, or before the first or after the
//! last) that holds a digit and is one of: all digits; at least 8 hex digits; a UUID (hex digits
//! and dashes, 8-4-4-4-12). Hex digits are of either case. No segment without a digit is an id,
//! so that a path without digits is its own key.
//!
//! [`fold`] says the same in plain loops. [`RouteNormalizer::key`] works on masks with a bit for
//! each of up to 64 bytes and copies only what surrounds ids; a test compares the two.

use super::{Batch, Block};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;

const METHOD_BYTES_MAX: usize = 31;
/// Room for a method, a space and 64 bytes of path of which every second is an id (four more
/// bytes for each), and for copies that are rounded up to 16 bytes.
const KEY_ROOM: usize = METHOD_BYTES_MAX + 1 + 64 + 32 * 4 + 16;
const ID: &[u8; 4] = b"{id}";

/// Makes keys, in memory of its own where they do not stand so in the line.
pub struct RouteNormalizer {
    key: Vec<u8>,
    room: [u8; KEY_ROOM],
}

/// Longest path that [`short_key`] takes: its masks have a bit for each byte.
const PATH_BYTES_MAX: usize = 64;

impl Default for RouteNormalizer {
    fn default() -> Self {
        RouteNormalizer::new()
    }
}

impl RouteNormalizer {
    /// Without a key.
    pub fn new() -> RouteNormalizer {
        RouteNormalizer { key: Vec::new(), room: [0; KEY_ROOM] }
    }

    /// The key of a row, and where in it the folded path begins; None if the row has no path.
    #[inline(always)]
    pub fn key<'a, S: Simd>(
        &'a mut self,
        simd: S,
        batch: &Batch,
        block: Block<'a>,
        row: usize,
    ) -> Option<(&'a [u8], usize)> {
        let RouteNormalizer { key, room } = self;
        let path = batch.path()[row].bytes(block.bytes, &batch.arena);
        if path.is_empty() {
            return None;
        }
        let method = batch.method()[row].bytes(block.bytes, &batch.arena);
        let (line, at) = match request_line(method, path, block.bytes) {
            Some(found) => found,
            // Fields of their own, as in JSON: put together what an access log has in one piece.
            None if path.len() <= PATH_BYTES_MAX && method.len() <= METHOD_BYTES_MAX => {
                join(method, path, key)
            }
            None => {
                plain_key(method, path, key);
                let at = if method.is_empty() { 0 } else { method.len() + 1 };
                return Some((key, at));
            }
        };
        Some(match short_key(simd, line, at, room) {
            Key::AsWritten(end) => (&line.bytes()[..end], at),
            Key::InRoom(len) => (&room[..len], at),
        })
    }
}

/// Method, space and path as they stand in the block, and where in that the path begins; None if
/// they do not stand there so, or are too long for [`short_key`].
#[inline(always)]
fn request_line<'a>(method: &[u8], path: &[u8], block: &'a [u8]) -> Option<(Line<'a>, usize)> {
    // Positions in the block; something huge for texts in the arena.
    let position = |text: &[u8]| (text.as_ptr() as usize).wrapping_sub(block.as_ptr() as usize);
    let at = if method.is_empty() { 0 } else { method.len() + 1 };
    let start = position(path).wrapping_sub(at);
    let end = start.wrapping_add(at + path.len());
    let fits = path.len() <= PATH_BYTES_MAX && method.len() <= METHOD_BYTES_MAX;
    let inside = start >= PAD && start < end && end <= block.len().saturating_sub(PAD);
    if !fits || !inside || (at > 0 && (position(method) != start || block[start + at - 1] != b' '))
    {
        return None;
    }
    Some((Line::new(block, start, end), at))
}

/// Method, space and path in a padded buffer, and where in that the path begins.
#[inline(always)]
fn join<'a>(method: &[u8], path: &[u8], buffer: &'a mut Vec<u8>) -> (Line<'a>, usize) {
    buffer.clear();
    buffer.extend_from_slice(&[0; PAD]);
    buffer.extend_from_slice(method);
    if !method.is_empty() {
        buffer.push(b' ');
    }
    let at = buffer.len() - PAD;
    buffer.extend_from_slice(path);
    let end = buffer.len();
    buffer.extend_from_slice(&[0; PAD]);
    (Line::new(buffer, PAD, end), at)
}

enum Key {
    /// So many bytes of the line.
    AsWritten(usize),
    /// So many bytes of the room.
    InRoom(usize),
}

/// Bits below `n`.
#[inline(always)]
fn below(n: usize) -> u64 {
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

/// The key of a line that is method, space and path, the path being at `at` and at most 64 long.
#[inline(always)]
fn short_key<S: Simd>(simd: S, line: Line<'_>, at: usize, room: &mut [u8; KEY_ROOM]) -> Key {
    let eq = |byte| {
        let low = line.eq32(simd, at, byte);
        u64::from(low) | u64::from(line.eq32(simd, at + 32, byte)) << 32
    };
    let end = (eq(b'?') | eq(b'#')).trailing_zeros() as usize;
    let end = end.min(line.len() - at);
    let digits = u64::from(line.range32(simd, at, b'0', b'9'))
        | u64::from(line.range32(simd, at + 32, b'0', b'9')) << 32;
    let digits = digits & below(end);
    if digits == 0 {
        return Key::AsWritten(at + end);
    }
    let slashes = eq(b'/') & below(end);
    // What is before `copied` in the line is in the room.
    let (mut copied, mut len) = (0, 0);
    let mut rest = digits;
    while rest != 0 {
        // The segment of the next digit.
        let digit = rest.trailing_zeros() as usize;
        let first = 64 - (slashes & below(digit)).leading_zeros() as usize;
        let last = ((slashes & !below(digit)).trailing_zeros() as usize).min(end);
        let segment = below(last) & !below(first);
        if digits & segment == segment
            || last - first >= 8 && is_hex_id(&line.bytes()[at + first..at + last])
        {
            len = copy(line, copied, at + first, room, len);
            room[len..len + 4].copy_from_slice(ID);
            len += 4;
            copied = at + last;
        }
        rest &= !below(last);
    }
    if copied == 0 {
        return Key::AsWritten(at + end);
    }
    Key::InRoom(copy(line, copied, at + end, room, len))
}

/// Copies `from..to` of the line to the room at `len`; answers where that ends.
#[inline(always)]
fn copy(line: Line<'_>, from: usize, to: usize, room: &mut [u8; KEY_ROOM], len: usize) -> usize {
    // In blocks of 16, the last one with bytes too many: they are overwritten or ignored.
    let mut i = 0;
    while i < to - from {
        let block = &mut room[len + i..len + i + 16];
        block[..8].copy_from_slice(&line.u64_at(from + i).to_le_bytes());
        block[8..].copy_from_slice(&line.u64_at(from + i + 8).to_le_bytes());
        i += 16;
    }
    len + to - from
}

/// The key, plainly.
#[cold]
pub(crate) fn plain_key(method: &[u8], path: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(method);
    if !method.is_empty() {
        key.push(b' ');
    }
    fold(path, key);
}

/// Appends `path` folded.
pub fn fold(path: &[u8], out: &mut Vec<u8>) {
    let end = path.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(path.len());
    for (i, segment) in path[..end].split(|&b| b == b'/').enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        let has_digit = segment.iter().any(u8::is_ascii_digit);
        let is_id = has_digit
            && (segment.iter().all(u8::is_ascii_digit) || segment.len() >= 8 && is_hex_id(segment));
        out.extend_from_slice(if is_id { ID } else { segment });
    }
}

/// Whether a segment of at least 8 bytes, which holds a digit, is all hex digits or a UUID.
#[inline(never)]
fn is_hex_id(segment: &[u8]) -> bool {
    let is_dash = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    let uuid = segment.len() == 36;
    let fits = |(i, &b): (usize, &u8)| {
        if uuid && is_dash(i) { b == b'-' } else { b.is_ascii_hexdigit() }
    };
    segment.iter().enumerate().all(fits) || uuid && segment.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Plain;
    use proptest::prelude::*;

    fn plain(method: &str, path: &[u8]) -> String {
        let mut key = Vec::new();
        plain_key(method.as_bytes(), path, &mut key);
        String::from_utf8_lossy(&key).into_owned()
    }

    #[test]
    fn folding() {
        let fold = |path: &str| plain("", path.as_bytes());
        assert_eq!(fold("/"), "/");
        assert_eq!(fold("/api/items"), "/api/items");
        assert_eq!(fold("/api/items/17"), "/api/items/{id}");
        assert_eq!(fold("/api/items/17/"), "/api/items/{id}/");
        assert_eq!(fold("/17"), "/{id}");
        assert_eq!(fold("17"), "{id}");
        assert_eq!(fold("/v1/a1b2/x-17"), "/v1/a1b2/x-17");
        assert_eq!(fold("/c/deadbeef"), "/c/deadbeef");
        assert_eq!(fold("/c/DeadBee5/1"), "/c/{id}/{id}");
        assert_eq!(fold("/c/deadbe5"), "/c/deadbe5");
        assert_eq!(fold("/u/123e4567-e89b-12d3-a456-426614174000"), "/u/{id}");
        assert_eq!(
            fold("/u/123e4567-e89b-12d3-a456-42661417400"),
            "/u/123e4567-e89b-12d3-a456-42661417400"
        );
        assert_eq!(fold("/u/123e4567e89b12d3a456426614174000"), "/u/{id}");
        assert_eq!(fold("/u/0123456789abcdef0123456789abcdef0123"), "/u/{id}");
        assert_eq!(fold("/a/1?b=/2#3"), "/a/{id}");
        assert_eq!(fold("/a#/1"), "/a");
        assert_eq!(fold("?1"), "");
        assert_eq!(fold("/a//1"), "/a//{id}");
        assert_eq!(fold("http://example.com:80/5"), "http://example.com:80/{id}");
        assert_eq!(plain("GET", b"/5?x"), "GET /{id}");
    }

    proptest! {
        #[test]
        fn the_fast_way_is_the_plain_way(
            method in "[A-Z]{0,31}",
            path in prop_oneof![
                "[/a-g0-9?#-]{1,64}",
                "(/|/[a-f0-9]{1,12}|/[0-9]{1,5}|/[a-f0-9]{8}-[a-f0-9]{4}-[0-9]{4}-[a-f]{4}-[0-9A-F]{12}|/[a-z]{1,9}|1/|[?#])+",
            ],
        ) {
            let path = &path[..path.len().min(64)];
            let text = if method.is_empty() { path.to_string() } else { format!("{method} {path}") };
            let padded = PaddedLine::new(text.as_bytes());
            let mut room = [0; KEY_ROOM];
            let key = match short_key(Plain, padded.line(), text.len() - path.len(), &mut room) {
                Key::AsWritten(end) => &text.as_bytes()[..end],
                Key::InRoom(len) => &room[..len],
            };
            prop_assert_eq!(String::from_utf8_lossy(key), plain(&method, path.as_bytes()));
        }
    }
}
