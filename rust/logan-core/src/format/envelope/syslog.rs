//! Syslog lines as daemons write them to files: RFC 5424, and what goes by the name of RFC 3164.
//!
//! # RFC 5424
//! `<PRI>1 TIMESTAMP HOST APP PROCID MSGID SD MSG`: a priority of 0 to 191, the version 1, an ISO
//! timestamp ([`TimestampParser::iso`]) or `-`, four words, structured data (`-`, or elements in brackets whose
//! quoted values may hold `\"`, `\]` and `\\`), and, behind a space, the payload, which may begin with
//! a byte order mark and may be missing.
//!
//! # RFC 3164
//! `<PRI>Mmm dd hh:mm:ss HOST TAG: MSG`. The timestamp has a month's name ([`TimestampParser::any`]; in the
//! language of the user of `journalctl`, too; a year may follow) or is ISO with `T` and a zone, as rsyslog writes by default today. The tag is a word of
//! letters, digits and `_./()@%-`, possibly with `[…]`, ` (…)` or a space and a version behind it, then
//! `:` and a space or the end; what follows is the payload. Files mostly lack the priority; then there
//! must be a tag (or one of `last message repeated`, `message repeated`, `-- MARK --` in its place),
//! and neither host nor tag may be the name of a level: such a line is app text. With a priority the
//! host may be missing before a tag, as on systems whose daemon is BSD's. With a priority
//! and without a tag all behind the host is the payload, and so it is where it begins as
//! [some formats](Facts::untagged) do, perhaps behind a tag without a colon, or with a time of NetScaler (`01/24/2024:10:15:32 GMT`), before which a
//! blank may stand.
//!
//! Behind a tag, the number of a message and of its part is passed (`[3-1] `, PostgreSQL).
//!
//! The level is the priority's severity, or that of a host such as `daemon.err` (OpenWrt), or of
//! `<daemon.err>` before the host (FreeBSD, NetScaler); without one there is none. That of a message that
//! a switch names as its tag, `%LINK-3-UPDOWN:` or `%%10IFNET/3/PHY_UPDOWN:`, comes before it. White space at the front of a
//! payload means nothing where the tag is `kernel` or `sudo` or such a message, or the facility 0 or written as a name. As `journalctl -o
//! short-full` writes it, the timestamp has a weekday, a date in digits and the name of a zone: `UTC`
//! or one that is not looked at.

use super::{Envelope, Head, Opened, Payload};
use crate::bytes::line::Line;
use crate::bytes::simd::{Classes, Simd};
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::{self, digits};
use crate::format::text::levels::{is_facility, of_cisco, of_comware};
use crate::format::{Candidate, Entry, Facts, Fragments, Info, Kind, REGISTRY};
use crate::record::Level;
use crate::time::TimestampParser;
use std::sync::LazyLock;

/// Registry entry.
pub static RFC5424: Entry = Entry {
    info: Info {
        name: "syslog-5424",
        title: "syslog (RFC 5424) around messages of other formats",
        example: "<165>1 2024-01-24T10:15:32.123Z host app 42 ID47 [x@32473 a=\"b\"] Request processed in 127ms",
        time_field: "the payload's, else TIMESTAMP",
        duration: Some(("the payload's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Rfc5424, line, clock),
            fragments: Fragments::Never,
        },
        trial: Candidate::Outer,
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Rfc5424, params),
};

/// Registry entry.
pub static RFC3164: Entry = Entry {
    info: Info {
        name: "syslog",
        title: "syslog (RFC 3164, also without priority) around messages of other formats",
        example: "Jan 24 10:15:32 host app[42]: Request processed in 127ms",
        time_field: "the payload's, else start of the line",
        duration: Some(("the payload's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Rfc3164, line, clock),
            fragments: Fragments::Never,
        },
        trial: Candidate::Outer,
        also_taken_by: &["text-json"],
        // What `journalctl` puts between lines.
        headers: &[
            b"-- Logs begin at ",
            b"-- Journal begins at ",
            b"-- Boot ",
            b"-- Reboot --",
            b"-- No entries --",
        ],
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Rfc3164, params),
};

/// Longest host name.
const HOST_BYTES_MAX: usize = 255;
/// Longest tag with what belongs to it: RFC 3164 allows 32 bytes, programs write more.
const TAG_BYTES_MAX: usize = 128;

/// `<PRI>` at the front: the priority, and where it ends.
#[inline(always)]
fn priority(line: &[u8]) -> Option<(u8, usize)> {
    slices::priority(line).filter(|&(value, _)| value < 192).map(|(value, end)| (value as u8, end))
}

/// The word at `at` and where it ends: at a space.
#[inline(always)]
fn word(line: &[u8], at: usize, most: usize) -> Option<(&[u8], usize)> {
    let rest = line.get(at..)?;
    let len = rest.iter().take(most + 1).position(|&b| b == b' ')?;
    (len > 0).then(|| (&rest[..len], at + len))
}

/// What hosts and tags are made of.
static CLASSES: Classes = Classes::new(&[
    // Digits and letters.
    (0b0000_0011_1111_1111, 1 << 0x3),
    (!1, 1 << 0x4 | 1 << 0x6),
    (0b0000_0111_1111_1111, 1 << 0x5 | 1 << 0x7),
    // `-.%`, `_`, `:`, `/()`, `@`.
    (1 << 0xd | 1 << 0xe | 1 << 0x5, 1 << 0x2),
    (1 << 0xf, 1 << 0x5),
    (1 << 0xa, 1 << 0x3),
    (1 << 0xf | 1 << 0x8 | 1 << 0x9, 1 << 0x2),
    (1 << 0x0, 1 << 0x4),
]);
const HOST: u8 = (1 << 6) - 1;
const NAME: u8 = !(1 << 5);

/// Where the bytes of `set` end that stand at `at`, of which at most `most` are looked at.
#[inline(always)]
fn run_of<S: Simd>(simd: S, line: Line<'_>, at: usize, set: u8, most: usize) -> usize {
    let last = line.len().min(at + most);
    let mut end = at;
    while end < last {
        let [of_set] = line.window_at(end).classes(simd, &CLASSES, [set]);
        let len = of_set.trailing_ones() as usize;
        end += len;
        if len < 64 {
            break;
        }
    }
    end.min(last)
}

pub(super) struct Rfc5424;

impl Head for Rfc5424 {
    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'<'
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
        _buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let bytes = line.bytes();
        let (priority, at) = priority(bytes)?;
        if bytes.get(at..at + 2) != Some(b"1 ") {
            return None;
        }
        let time = at + 2;
        let (stamp, mut at) = match bytes.get(time..time + 2) {
            Some(b"- ") => (None, time + 1),
            _ => clock.iso(line, time).map(|(stamp, end)| (Some(stamp), end))?,
        };
        // Host, app, process, message.
        for _ in 0..4 {
            if bytes.get(at) != Some(&b' ') {
                return None;
            }
            (_, at) = word(bytes, at + 1, HOST_BYTES_MAX)?;
        }
        at = structured_data(bytes, at + 1)?;
        let payload = match bytes.get(at) {
            None => Payload::None,
            Some(b' ') => {
                let text = &bytes[at + 1..];
                let mark = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                match text.len() {
                    0 => Payload::None,
                    _ => Payload::Line(at + 1 + mark, bytes.len()),
                }
            }
            Some(_) => return None,
        };
        Some(Opened {
            stamp,
            level: Level::from_severity(priority & 7),
            payload,
            is_indented: priority >> 3 == 0,
            ..Opened::NOTHING
        })
    }
}

/// Where the structured data at `at` ends.
fn structured_data(line: &[u8], mut at: usize) -> Option<usize> {
    if line.get(at) == Some(&b'-') {
        return Some(at + 1);
    }
    if line.get(at) != Some(&b'[') {
        return None;
    }
    while line.get(at) == Some(&b'[') {
        let mut is_quoted = false;
        at += 1;
        loop {
            match *line.get(at)? {
                b'"' => is_quoted = !is_quoted,
                b'\\' if is_quoted => at += 1,
                b']' if !is_quoted => break,
                _ => {}
            }
            at += 1;
        }
        at += 1;
    }
    Some(at)
}

pub(super) struct Rfc3164;

impl Head for Rfc3164 {
    const NEEDS: RequiredBytes = RequiredBytes::TIME;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'<' || byte.is_ascii_alphanumeric() || byte >= 0x80
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
        _buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let bytes = line.bytes();
        let (priority, at) = match priority(bytes) {
            Some((priority, at)) => (Some(priority), at),
            None => (None, 0),
        };
        let (stamp, at) = stamp(line, at, clock)?;
        if bytes.get(at) != Some(&b' ') {
            return None;
        }
        let (named, at) = match bytes.get(at + 1) {
            Some(b'<') => named_priority(bytes, at + 1).map(|(level, end)| (Some(level), end))?,
            _ => (None, at),
        };
        let is_sure = priority.is_some() || named.is_some();
        let mut end = run_of(simd, line, at + 1, HOST, HOST_BYTES_MAX + 1);
        let mut host = &bytes[at + 1..end];
        let is_host = (1..=HOST_BYTES_MAX).contains(&host.len())
            && bytes.get(end) == Some(&b' ')
            && !host.ends_with(b":");
        if !is_host {
            let name_end = run_of(simd, line, at + 1, NAME, TAG_BYTES_MAX);
            if !is_sure || tag(bytes, at + 1, name_end).is_none() {
                return None;
            }
            (host, end) = (&[], at);
        }
        let rest = end + 1;
        let name_end = run_of(simd, line, rest, NAME, TAG_BYTES_MAX);
        let (name, start) = match tag(bytes, rest, name_end) {
            // `CEF: 0|Vendor|…`: the payload's own beginning, not the name of a program.
            Some((name, _)) if is_beginning(name) => (&[][..], rest),
            Some((name, end)) => {
                let end = end + usize::from(bytes.get(end) == Some(&b' '));
                (name, end + numbered(&bytes[end..]))
            }
            None if is_sure || is_of_syslogd(&bytes[rest..]) || is_untagged(&bytes[rest..]) => {
                (&[][..], rest + usize::from(has_own_time(&bytes[rest..]) && bytes[rest] == b' '))
            }
            None if has_own_time(&bytes[rest..]) => {
                (&[][..], rest + usize::from(bytes[rest] == b' '))
            }
            None if without_colon(bytes, rest, name_end) > 0 => (&[][..], rest),
            None => return None,
        };
        let start = match name {
            [] => start + without_colon(bytes, start, name_end),
            _ => start,
        };
        let is_level = |word| Level::from_word(word).is_some();
        if !is_sure && (is_level(host) || is_level(name)) {
            return None;
        }
        let of_message = match name {
            [b'%', b'%', ..] => of_comware(name),
            [b'%', ..] => of_cisco(name),
            _ => None,
        };
        Some(Opened {
            stamp: Some(stamp),
            level: match (of_message.or(named), priority) {
                (Some(level), _) => level,
                (None, Some(priority)) => Level::from_severity(priority & 7),
                (None, None) => selector(host).unwrap_or(Level::None),
            },
            payload: Payload::Line(start, bytes.len()),
            is_indented: name == b"kernel"
                || name == b"sudo"
                || of_message.is_some()
                || named.is_some()
                || priority.is_some_and(|p| p >> 3 == 0),
            ..Opened::NOTHING
        })
    }
}

/// The timestamp at `at`, and where it ends.
#[inline(always)]
fn stamp(
    line: Line<'_>,
    at: usize,
    clock: &mut TimestampParser,
) -> Option<(crate::time::Stamp, usize)> {
    if line.byte(at).is_ascii_uppercase() {
        if line.byte(at + 8) == b'-' && line.byte(at + 4).is_ascii_digit() {
            return full(line, at, clock);
        }
        return clock.any(line, at);
    }
    if line.byte(at + 10) != b'T' || !line.byte(at).is_ascii_digit() {
        // A month in the user's language: `gen 24 10:15:32`, `1月 24 10:15:32`.
        let is_digit = line.byte(at).is_ascii_digit();
        let may_be = TimestampParser::may_be_localized(line, at)
            && (!is_digit || line.byte(at + 1) >= 0x80 || line.byte(at + 2) >= 0x80);
        return if may_be { clock.any(line, at) } else { None };
    }
    let (stamp, end) = clock.iso(line, at)?;
    // The zone is written: a `Z`, or a sign with two digits or more and a colon between them.
    let has_zone = line.byte(end - 1) == b'Z'
        || line.bytes()[at + 19..end].iter().any(|b| matches!(b, b'+' | b'-'));
    has_zone.then_some((stamp, end))
}

/// `Wed 2024-01-24 10:15:32 UTC` at `at`.
#[cold]
fn full(
    line: Line<'_>,
    at: usize,
    clock: &mut TimestampParser,
) -> Option<(crate::time::Stamp, usize)> {
    const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
    let bytes = line.bytes();
    if !DAYS.contains(&bytes.get(at..at + 3)?) || bytes.get(at + 14) != Some(&b' ') {
        return None;
    }
    let (stamp, end) = clock.expecting_zone(|clock| clock.iso(line, at + 4))?;
    let zone = bytes.get(end..)?.strip_prefix(b" ")?;
    let letters = zone.iter().take_while(|b| b.is_ascii_uppercase()).count();
    if !(2..=5).contains(&letters) {
        // The zone was read with the time, as `Z` or digits are.
        return Some((stamp, end));
    }
    Some((stamp, end + 1 + letters))
}

/// The level of `<daemon.err>` at `at`, as the daemons of BSD write priorities, and where the space behind it is.
#[cold]
fn named_priority(bytes: &[u8], at: usize) -> Option<(Level, usize)> {
    const BYTES_MAX: usize = 24;
    let text = &bytes[at + 1..bytes.len().min(at + BYTES_MAX)];
    let close = text.iter().position(|&b| b == b'>')?;
    let end = at + 1 + close + 1;
    let level = selector(&text[..close])?;
    (bytes.get(end) == Some(&b' ')).then_some((level, end))
}

/// The level of `daemon.err`, which OpenWrt's `logread` writes where others have the host.
fn selector(word: &[u8]) -> Option<Level> {
    const SEVERITIES: [&[u8]; 8] =
        [b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug"];
    const LONG: [(&[u8], &[u8]); 3] =
        [(b"panic", b"emerg"), (b"error", b"err"), (b"warning", b"warn")];
    let point = memchr::memchr(b'.', word)?;
    let (facility, severity) = (&word[..point], &word[point + 1..]);
    let severity =
        LONG.iter().find(|(long, _)| *long == severity).map_or(severity, |(_, short)| *short);
    let place = SEVERITIES.iter().position(|name| *name == severity)?;
    is_facility(facility).then(|| Level::from_severity(place as u8))
}

/// What syslog daemons say without a tag.
fn is_of_syslogd(text: &[u8]) -> bool {
    [&b"last message repeated "[..], b"message repeated ", b"-- MARK --"]
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

/// How payloads begin that are written without a tag. Collected once: nearly every line with a tag
/// such as `CRON` asks for it.
static UNTAGGED: LazyLock<Vec<&[u8]>> =
    LazyLock::new(|| REGISTRY.iter().flat_map(|e| e.facts.untagged).copied().collect());

/// Whether a payload begins as those that are written without a tag.
fn is_untagged(text: &[u8]) -> bool {
    UNTAGGED.iter().any(|beginning| text.starts_with(beginning))
}

/// Whether a tag is what the payload of such a format begins with: `CEF:`.
#[inline(always)]
fn is_beginning(name: &[u8]) -> bool {
    const BYTES: std::ops::RangeInclusive<usize> = 3..=4;
    #[cold]
    fn is_known(name: &[u8]) -> bool {
        UNTAGGED.iter().any(|beginning| beginning.strip_suffix(b":") == Some(name))
    }
    BYTES.contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase) && is_known(name)
}

/// How many bytes the tag at `at` has that no colon ends, if the payload of a format that needs none
/// follows: `syslogng[9] CEF:0|`.
#[cold]
fn without_colon(bytes: &[u8], at: usize, name_end: usize) -> usize {
    if name_end <= at || is_untagged(&bytes[at..]) {
        return 0;
    }
    let text = &bytes[name_end..];
    let id = match text.strip_prefix(b"[") {
        Some(inner) => digits(inner) + 2,
        None => 0,
    };
    match text.get(id..) {
        Some([b' ', rest @ ..]) if (id == 0 || text[id - 1] == b']') && is_untagged(rest) => {
            name_end + id + 1 - at
        }
        _ => 0,
    }
}

/// How many bytes the number has that PostgreSQL writes before what it sends to syslog: `[3-1] `, of
/// the message and of its part.
#[inline(always)]
fn numbered(payload: &[u8]) -> usize {
    #[cold]
    fn len(payload: &[u8]) -> usize {
        let message = digits(&payload[1..]);
        let part = digits(payload.get(message + 2..).unwrap_or_default());
        let is_one = message > 0
            && part > 0
            && payload[message + 1] == b'-'
            && payload[message + 2 + part..].starts_with(b"] ");
        if is_one { message + part + 4 } else { 0 }
    }
    match payload {
        [b'[', b'0'..=b'9', ..] => len(payload),
        _ => 0,
    }
}

/// Whether a payload begins with the time of NetScaler, behind one blank or none: `01/24/2024:10:15:32 GMT`.
fn has_own_time(payload: &[u8]) -> bool {
    const SHAPE: &[u8] = b"00/00/0000:00:00:00 ";
    let time = payload.strip_prefix(b" ").unwrap_or(payload);
    time.len() > SHAPE.len()
        && time.iter().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        })
}

/// The name in the tag at `at`, which ends at `name_end`, and where the tag ends, behind its colon.
#[inline(always)]
fn tag(line: &[u8], at: usize, name_end: usize) -> Option<(&[u8], usize)> {
    let text = &line[at..line.len().min(at + TAG_BYTES_MAX)];
    let len = name_end - at;
    let name = &text[..len];
    let closed =
        |from: usize, by: u8| text[from..].iter().position(|&b| b == by).map(|n| from + n + 1);
    let mut end = len;
    if len == 0 {
        return None;
    }
    if text.get(end) == Some(&b'[') {
        end = closed(end, b']')?;
    }
    if text.get(end..end + 2) == Some(b" (") {
        end = closed(end, b')')?;
    } else if text.get(end) == Some(&b' ') {
        let of_version = |b: &u8| b.is_ascii_digit() || *b == b'.';
        end += 1 + text[end + 1..].iter().take_while(|b| of_version(b)).count();
    }
    let is_end = matches!(text.get(end + 1), None | Some(b' ' | b'\t'));
    (text.get(end) == Some(&b':') && is_end).then_some((name, at + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Baseline;

    fn payload(text: &str) -> Option<String> {
        let padded = PaddedLine::new(text.as_bytes());
        let clock = &mut TimestampParser::utc();
        match Rfc3164.open(Baseline, padded.line(), clock, &mut Vec::new())?.payload {
            Payload::Line(start, end) => Some(text[start..end].into()),
            _ => None,
        }
    }

    #[test]
    fn payloads_without_a_tag_or_behind_one() {
        for (rest, expected) in [
            ("h app[4]: x", Some("x")),
            ("h CEF:0|a|b|1|2|c|3|", Some("CEF:0|a|b|1|2|c|3|")),
            ("h CEF: 0|a|b|1|2|c|3|", Some("CEF: 0|a|b|1|2|c|3|")),
            ("h app CEF:0|a|b|1|2|c|3|", Some("CEF:0|a|b|1|2|c|3|")),
            ("h app[4] CEF:0|a|b|1|2|c|3|", Some("CEF:0|a|b|1|2|c|3|")),
            ("h app[4: CEF:0|a|b|1|2|c|3|", None),
            ("h app[4] x", None),
            ("h postgres[4]: [3-1] LOG:  x", Some("LOG:  x")),
            ("h postgres[4]: [3-12]  x", Some(" x")),
            ("h app[4]: [3-] x", Some("[3-] x")),
            ("h app[4]: [3-1]x", Some("[3-1]x")),
            ("h app[4]: [31] x", Some("[31] x")),
            ("h app[4]: [3", Some("[3")),
        ] {
            let found = payload(&format!("Jan 24 10:15:32 {rest}"));
            assert_eq!(found.as_deref(), expected, "{rest}");
        }
    }
}
