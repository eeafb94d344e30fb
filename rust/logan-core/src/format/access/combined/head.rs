//! What comes before the request of an access log: who asked, and when. The grammar is in the
//! text of the module above.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::http::{eq64, method_len, url_host};
use crate::format::slices::digits_at_end;
use crate::record::{Level, Record, Text};
use crate::time::{Stamp, TimestampParser};

/// Position before which the timestamp's bracket must be: long user names are a few dozen bytes.
const HEAD_BYTES_MAX: usize = 512;

/// Whether a line may begin so. Control bytes, quotes and brackets other than `[` begin other
/// formats.
#[inline(always)]
pub(super) fn may_begin(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'_' | b'[')
}

/// What comes before the request.
pub(super) struct Head {
    /// Where the client is; empty for none.
    pub(super) client: (usize, usize),
    pub(super) time: Stamp,
    /// Position of the `]`.
    pub(super) end: usize,
}

impl Head {
    #[inline(always)]
    pub(super) fn store(&self, record: &mut Record) {
        record.set_time(self.time);
        record.client = Text::of_line(self.client.0, self.client.1);
    }
}

#[inline(always)]
pub(super) fn head<S: Simd>(simd: S, line: Line<'_>, clock: &mut TimestampParser) -> Option<Head> {
    // Nearly always the bracket is within 64 bytes, and one word of masks answers everything.
    let spaces = eq64(simd, line, 0, b' ');
    let brackets = eq64(simd, line, 0, b'[') & spaces << 1;
    let (client, open) = if brackets != 0 {
        let open = brackets.trailing_zeros() as usize;
        let spaces = spaces & ((1 << open) - 1);
        let host_end = spaces.trailing_zeros() as usize;
        match spaces.count_ones() {
            0..3 => return None,
            3 => ((0, host_end), open),
            _ if begins_with_date(line) => return None,
            _ => (client_of_many_words(line, host_end, open), open),
        }
    } else if line.len() <= 64 {
        return None;
    } else {
        long_head(line)?
    };
    let (time, end) = clock.clf(line, open + 1)?;
    if end >= line.len() || line.byte(end) != b']' || !may_begin(line.byte(0)) {
        return None;
    }
    let client = match line.byte(client.0).is_ascii_uppercase() {
        true => behind_logger(line, client),
        false => client,
    };
    let client =
        if client.1 - client.0 == 1 && line.byte(client.0) == b'-' { (0, 0) } else { client };
    Some(Head { client, time, end })
}

/// Whether a logger put its own date in front: such lines may have a level, too, and are read by the
/// [tolerant reader](super::super::request).
#[cold]
#[inline(never)]
fn begins_with_date(line: Line<'_>) -> bool {
    let Some(&[a, b, c, d, mark, e, f, other, g, h, gap]) = line.bytes().first_chunk() else {
        return false;
    };
    [a, b, c, d, e, f, g, h].iter().all(u8::is_ascii_digit)
        && matches!(mark, b'-' | b'/')
        && mark == other
        && matches!(gap, b' ' | b'T')
}

/// The head of a line that begins with its timestamp, as Django's server writes it.
#[cold]
#[inline(never)]
pub(super) fn headless(line: Line<'_>, clock: &mut TimestampParser) -> Option<Head> {
    let (time, end) = clock.clf(line, 1)?;
    (end < line.len() && line.byte(end) == b']').then_some(Head { client: (0, 0), time, end })
}

/// The client without what Python's logger puts before messages: `INFO:werkzeug:127.0.0.1`.
#[cold]
#[inline(never)]
fn behind_logger(line: Line<'_>, (start, end): (usize, usize)) -> (usize, usize) {
    let word = &line.bytes()[start..end];
    let mut parts = word.splitn(3, |&b| b == b':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(level), Some(name), Some(client))
            if Level::from_word(level).is_some() && !name.is_empty() && !client.is_empty() =>
        {
            (end - client.len(), end)
        }
        _ => (start, end),
    }
}

/// Client and bracket of a line whose first 64 bytes do not hold the timestamp's bracket.
#[cold]
#[inline(never)]
fn long_head(line: Line<'_>) -> Option<((usize, usize), usize)> {
    let bytes = &line.bytes()[..line.len().min(HEAD_BYTES_MAX)];
    let open = memchr::memchr_iter(b'[', bytes).find(|&i| i > 0 && bytes[i - 1] == b' ')?;
    let words = &bytes[..open];
    let host_end = memchr::memchr(b' ', words)?;
    match memchr::memchr_iter(b' ', words).take(4).count() {
        0..3 => None,
        3 => Some(((0, host_end), open)),
        _ if begins_with_date(line) => None,
        _ => Some((client_of_many_words(line, host_end, open), open)),
    }
}

/// The host of a line whose request begins at `request`: the virtual host before the client, or else
/// that of a target that is a URL; without its port.
#[cold]
pub(super) fn host(line: Line<'_>, request: usize) -> Option<(usize, usize)> {
    virtual_host(line).or_else(|| {
        let method = method_len(line, request, line.len());
        let target = request + method + 1;
        let (start, end) = url_host(line.bytes().get(target..).filter(|_| method > 0)?)?;
        Some((target + start, target + end))
    })
}

fn virtual_host(line: Line<'_>) -> Option<(usize, usize)> {
    let ((client, _), _) = long_head(line)?;
    let name = &line.bytes()[..client.checked_sub(1)?];
    let port = digits_at_end(name);
    let has_port = (1..=5).contains(&port) && name[..name.len() - port].ends_with(b":");
    // What a logger wrote is no host.
    let is_host = !name.contains(&b' ');
    is_host.then_some((0, if has_port { name.len() - port - 1 } else { name.len() }))
}

/// The client where four spaces or more come before the timestamp, whose bracket is at `open`: the
/// first of a list of addresses, the second word if the first one is a virtual host, or the address
/// before ident and user if a logger wrote something else at the front.
#[cold]
fn client_of_many_words(line: Line<'_>, first_end: usize, open: usize) -> (usize, usize) {
    let bytes = line.bytes();
    if first_end > 1 && bytes[first_end - 1] == b',' {
        return (0, first_end - 1);
    }
    let port = digits_at_end(&bytes[..first_end]);
    let has_port =
        (1..=5).contains(&port) && first_end > port && bytes[first_end - port - 1] == b':';
    let second = first_end + 1;
    let second_end = second + memchr::memchr(b' ', &bytes[second..]).unwrap_or(0);
    let (first, other) = (&bytes[..first_end], &bytes[second..second_end]);
    let is_named = has_port && !other.is_empty() && other != b"-";
    if is_named || is_address(other) && !is_address(first) {
        return (second, second_end);
    }
    let mut words = bytes[..open - 1].rsplitn(4, |&b| b == b' ');
    let (user, ident, host) = (words.next(), words.next(), words.next());
    if let (Some(user), Some(ident), Some(host)) = (user, ident, host)
        && is_address(host)
        && !is_address(first)
    {
        let end = open - 3 - user.len() - ident.len();
        return (end - host.len(), end);
    }
    (0, first_end)
}

/// Whether a word is an IPv4 address, or could be nothing but an IPv6 address.
fn is_address(word: &[u8]) -> bool {
    let count = |byte| memchr::memchr_iter(byte, word).count();
    word.iter().all(|&b| b.is_ascii_digit() || b == b'.') && count(b'.') == 3
        || word.iter().all(|&b| b.is_ascii_hexdigit() || b == b'.' || b == b':') && count(b':') > 1
}
