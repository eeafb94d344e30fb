//! The client of a line with a request.

use super::find::Request;
use crate::format::address;
use crate::format::cursor::Span;

/// The client's address, perhaps with brackets and port.
pub(super) fn client(text: &[u8], request: &Request) -> Option<Span> {
    let mut at = 0;
    let before = &text[..request.start];
    while at < before.len() {
        let skip = before[at..].iter().take_while(|b| b" \t\"'(|,/=".contains(b)).count();
        at += skip;
        let len = before[at..].iter().take_while(|b| !b" \t\"'()|,".contains(b)).count();
        let word = &before[at..at + len];
        // The server that a request went on to: `to: 10.0.0.5:8080`.
        if before[..at].ends_with(b" to: ") {
            at += len.max(1);
            continue;
        }
        let opens = memchr::memchr_iter(b'[', word).filter(|&open| open > 0);
        // `[info]192.0.2.7` of fly.io.
        let closes = memchr::memchr_iter(b']', word).map(|close| close + 1);
        for from in std::iter::once(0).chain(opens).chain(closes) {
            if let Some((start, end)) = address(&word[from..]) {
                return Some((at + from + start, at + from + end));
            }
        }
        // What closes is passed, too.
        at += len.max(1);
    }
    let behind = &text[request.end..];
    if let Some(inner) = behind.strip_prefix(b" (")
        && let Some(close) = memchr::memchr(b')', inner)
    {
        let user = memchr::memchr(b'@', &inner[..close]).map_or(0, |at| at + 1);
        if let Some((start, end)) = address(&inner[user..close]) {
            let at = request.end + 2 + user;
            return Some((at + start, at + end));
        }
    }
    const NAMES: [&[u8]; 6] =
        [b"from ", b"Client ", b"client ", b"client: ", b"client=", b"fwd=\""];
    for name in NAMES {
        for found in memchr::memmem::find_iter(behind, name) {
            let starts = found == 0 || b" \t[(,|".contains(&behind[found - 1]);
            let at = found + name.len();
            let len = behind[at..].iter().take_while(|b| !b" \t\"'()|,;".contains(b)).count();
            if starts && let Some((start, end)) = address(&behind[at..at + len]) {
                return Some((request.end + at + start, request.end + at + end));
            }
        }
    }
    None
}

/// Where in a word an address with its port is, if the word is one: perhaps in brackets.
pub(super) fn address(word: &[u8]) -> Option<Span> {
    const WORD_BYTES_MAX: usize = 64;
    if !(3..=WORD_BYTES_MAX).contains(&word.len()) {
        return None;
    }
    // What opens before an address may close behind another word.
    let (start, rest) = match word {
        [b'[', b'/', rest @ ..] => (2, rest),
        [b'[', rest @ ..] => (1, rest),
        _ => (0, word),
    };
    let is_port = |text: &[u8]| {
        text.is_empty()
            || text[0] == b':' && text.len() > 1 && text[1..].iter().all(u8::is_ascii_digit)
    };
    let trimmed = rest.strip_suffix(b":").unwrap_or(rest);
    if start == 1
        && let Some(close) = memchr::memchr(b']', rest)
        && address::v6(&rest[..close]).is_some()
    {
        return is_port(&rest[close + 1..]).then_some((0, word.len()));
    }
    let trimmed = trimmed.strip_suffix(b"]").unwrap_or(trimmed);
    let v4 = trimmed.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    if address::is_v4(&trimmed[..v4]) && is_port(&trimmed[v4..]) {
        return Some((start, start + trimmed.len()));
    }
    let colons = memchr::memchr_iter(b':', trimmed).count();
    let zone = memchr::memchr(b'%', trimmed).unwrap_or(trimmed.len());
    let is_v6 = || address::v6(address::without_port(&trimmed[..zone])).is_some();
    (colons >= 2 && is_v6()).then_some((start, start + trimmed.len()))
}
