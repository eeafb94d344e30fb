//! The timestamp of a line with a request.

use super::find::Request;
use crate::bytes::line::Line;
use crate::bytes::simd::Baseline;
use crate::format::http::closing_quote;
use crate::format::text::timed;
use crate::record::Level;
use crate::time::{Stamp, TimestampParser};

/// How far behind the request a timestamp may begin.
const TIME_BYTES_MAX: usize = 1024;

/// A timestamp and where it is.
pub(super) struct Time {
    pub(super) stamp: Stamp,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The level that klog writes in front.
    pub(super) level: Option<Level>,
}

/// The timestamp of a line with a request.
pub(super) fn timestamp(
    line: Line<'_>,
    request: &Request,
    clock: &mut TimestampParser,
) -> Option<Time> {
    let text = line.bytes();
    let mut at = 0;
    while at < request.start {
        if (at == 0 || is_front(text[at - 1]))
            && let Some(time) = timestamp_at(line, at, clock)
            && time.end <= request.start
        {
            return Some(time);
        }
        at += 1;
    }
    let limit = line.len().min(request.end + TIME_BYTES_MAX);
    at = request.end;
    while at < limit {
        if text[at] == b'"' {
            at = closing_quote(Baseline, line, at + 1)?;
        } else if is_front(text[at - 1])
            && let Some(time) = timestamp_at(line, at, clock)
        {
            return Some(time);
        }
        at += 1;
    }
    None
}

/// What may stand before a timestamp.
fn is_front(byte: u8) -> bool {
    static FRONTS: [bool; 256] = crate::format::byte_set(b" \t[(|<>\"'=;:,@");
    FRONTS[usize::from(byte)]
}

fn timestamp_at(line: Line<'_>, at: usize, clock: &mut TimestampParser) -> Option<Time> {
    let byte = line.byte(at);
    if !byte.is_ascii_digit() && !byte.is_ascii_uppercase() {
        return None;
    }
    if matches!(byte, b'I' | b'W' | b'E' | b'F')
        && line.byte(at + 1).is_ascii_digit()
        && let Some((stamp, level, end)) = timed::klog(line, at, clock)
    {
        return Some(Time { stamp, start: at, end, level: Some(level) });
    }
    if !TimestampParser::may_begin(line, at) {
        return None;
    }
    let (stamp, end) = clock.any(line, at)?;
    // Other numbers are ids far more often than times.
    let is_number = line.bytes()[at..end].iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let is_front = at == 0 || at == 1 && line.byte(0) == b'[' && line.byte(end) == b']';
    (!is_number || is_front).then_some(Time { stamp, start: at, end, level: None })
}
