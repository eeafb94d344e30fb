//! Keys of routes and messages. Part of the [twin](super).

use super::*;

/// Method and path with ids folded.
pub fn route(method: &[u8], path: &[u8]) -> Vec<u8> {
    let path = &path[..run(path, 0, |b| b != b'?' && b != b'#')];
    let folded: Vec<&[u8]> = path
        .split(|&b| b == b'/')
        .map(|segment| if is_id(segment) { b"{id}" } else { segment })
        .collect();
    let folded = folded.join(&b'/');
    if method.is_empty() { folded } else { [method, b" ", &folded].concat() }
}

pub(super) fn is_id(segment: &[u8]) -> bool {
    segment.iter().any(u8::is_ascii_digit)
        && (segment.iter().all(u8::is_ascii_digit)
            || segment.len() >= 8 && segment.iter().all(u8::is_ascii_hexdigit)
            || segment.len() == 36 && uuid(segment).is_some())
}

/// The end of the UUID that `text` begins with.
pub(super) fn uuid(text: &[u8]) -> Option<usize> {
    let fits = |(i, b): (usize, &u8)| match i {
        8 | 13 | 18 | 23 => *b == b'-',
        _ => b.is_ascii_hexdigit(),
    };
    text.get(..36)?.iter().enumerate().all(fits).then_some(36)
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether no word byte stands before `at`.
pub(super) fn starts(text: &[u8], at: usize) -> bool {
    at == 0 || !is_word(text[at - 1])
}

/// Whether no word byte stands at `at`.
pub(super) fn ends(text: &[u8], at: usize) -> bool {
    !text.get(at).is_some_and(|&b| is_word(b))
}

/// A message with what varies masked.
pub fn template(message: &[u8]) -> Vec<u8> {
    let text = &message[..message.len().min(messages::TEMPLATE_OF_BYTES)];
    let mut out = Vec::new();
    // What is before `done` is in `out`.
    let (mut done, mut at) = (0, 0);
    while at < text.len() {
        let found = match text[at] {
            b'"' | b'\'' => mask_quoted(text, at),
            b'/' => mask_path(text, at),
            b if b.is_ascii_digit() => Some(mask_digit(text, at, done)),
            _ => None,
        };
        match found {
            Some((start, end, mask)) => {
                out.extend_from_slice(&text[done..start]);
                out.extend_from_slice(mask.as_bytes());
                (done, at) = (end, end);
            }
            None => at += 1,
        }
    }
    out.extend_from_slice(&text[done..]);
    out
}

/// From where to where, and what stands for it.
pub(super) type Mask = (usize, usize, &'static str);

/// Rule 1.
pub(super) fn mask_quoted(text: &[u8], open: usize) -> Option<Mask> {
    let single = text[open] == b'\'';
    if single && !starts(text, open) {
        return None;
    }
    let closes = |&i: &usize| {
        text[i] == text[open] && text[i - 1] != b'\\' && (!single || ends(text, i + 1))
    };
    let close = (open + 1..text.len()).find(closes)?;
    Some((open, close + 1, "<str>"))
}

/// Rule 6.
pub(super) fn mask_path(text: &[u8], slash: usize) -> Option<Mask> {
    if !starts(text, slash) {
        return None;
    }
    let len = run(text, slash, |b| is_word(b) || b"/.-+@%~=:&?#!*$".contains(&b));
    let mut path = &text[slash..slash + len];
    while path.last().is_some_and(|b| b".:?!".contains(b)) {
        path = &path[..path.len() - 1];
    }
    (path.len() >= 2).then_some((slash, slash + path.len(), "<path>"))
}

/// Rules 2 to 5 and 7, in their order.
pub(super) fn mask_digit(text: &[u8], at: usize, done: usize) -> Mask {
    let at_boundary = starts(text, at);
    if let Some(found) = mask_uuid_or_ipv6(text, at, done) {
        return found;
    }
    if at_boundary {
        if let Some(end) = ipv4(text, at) {
            return (at, end, "<ip>");
        }
        if text[at] == b'0' && matches!(text.get(at + 1), Some(b'x' | b'X')) {
            let len = run(text, at + 2, |b| b.is_ascii_hexdigit());
            if len > 0 && ends(text, at + 2 + len) {
                return (at, at + 2 + len, "<hex>");
            }
        }
    }
    let before = text[done..at].iter().rev().take_while(|b| b.is_ascii_hexdigit()).count();
    let (start, end) = (at - before, at + run(text, at, |b| b.is_ascii_hexdigit()));
    let has_letter = text[start..end].iter().any(u8::is_ascii_alphabetic);
    if end - start >= 8 && has_letter && starts(text, start) && ends(text, end) {
        return (start, end, "<hex>");
    }
    let mut end = at + run(text, at, |b| b.is_ascii_digit());
    if text.get(end) == Some(&b'.') && is_digit(text, end + 1) {
        end += 1 + run(text, end + 1, |b| b.is_ascii_digit());
    }
    (at, end, "<num>")
}

/// Rule 2.
pub(super) fn mask_uuid_or_ipv6(text: &[u8], at: usize, done: usize) -> Option<Mask> {
    let mut start = at;
    while start > done
        && at - start < 45
        && (text[start - 1].is_ascii_hexdigit() || b"-:".contains(&text[start - 1]))
    {
        start -= 1;
    }
    while text[start] == b'-' || text[start] == b':' && text.get(start + 1) != Some(&b':') {
        start += 1;
    }
    if !starts(text, start) {
        return None;
    }
    let rest = &text[start..];
    if let Some(end) = uuid(rest).filter(|&end| at < start + end && ends(rest, end)) {
        return Some((start, start + end, "<uuid>"));
    }
    let len = run(rest, 0, |b| b.is_ascii_hexdigit() || b == b':' || b == b'.');
    let address = &rest[..len];
    let colons = address.iter().filter(|&&b| b == b':').count();
    let double = address.windows(2).any(|pair| pair == b"::");
    if len > 46 || colons < 7 && !double {
        return None;
    }
    let reads = |text: &[u8]| {
        std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
    };
    let len = match address {
        _ if reads(address) => len,
        [shorter @ .., b':' | b'.'] if reads(shorter) => len - 1,
        _ => return None,
    };
    (at < start + len && ends(rest, len)).then_some((start, start + len, "<ip>"))
}

/// Rule 3: where the address ends.
pub(super) fn ipv4(text: &[u8], at: usize) -> Option<usize> {
    if at > 0 && text[at - 1] == b'.' {
        return None;
    }
    let mut end = at;
    for part in 0..4 {
        if part > 0 {
            (text.get(end)? == &b'.').then_some(())?;
            end += 1;
        }
        let len = run(text, end, |b| b.is_ascii_digit());
        if !(1..=3).contains(&len) || digits(text, end, len)? > 255 {
            return None;
        }
        end += len;
    }
    let port = run(text, end + 1, |b| b.is_ascii_digit());
    if text.get(end) == Some(&b':') && (1..=5).contains(&port) && ends(text, end + 1 + port) {
        end += 1 + port;
    }
    let more = text.get(end) == Some(&b'.') && is_digit(text, end + 1);
    (ends(text, end) && !more).then_some(end)
}
