//! What platforms and shippers put before the lines of programs: Heroku, Fly, Fluent Bit's stdout.
//!
//! # Accepted
//! - `TIME app[web.1]: PAYLOAD` and `TIME heroku[router]: PAYLOAD`, as `heroku logs` prints them.
//! - `TIME app[e784079b449483] fra [info]PAYLOAD`, as `flyctl logs` does: process and machine, region,
//!   level; earlier versions wrote a space before the payload.
//! - `[0] TAG: [[EPOCH, {…}], {…}]` and `[0] TAG: [EPOCH, {…}]`, as Fluent Bit's output `stdout` does:
//!   a counter, the tag, seconds with decimals and metadata, and the fields as a hash in Ruby's
//!   notation, which is read as JSON.
//!
//! Sources: <https://devcenter.heroku.com/articles/logging#log-format>,
//! <https://fly.io/docs/flyctl/logs/>, <https://docs.fluentbit.io/manual/pipeline/outputs/standard-output>.

use super::{Envelope, Head, Opened, Payload};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::slices::digits;
use crate::format::{Candidate, Entry, Facts, Fragments, Info, Kind};
use crate::record::Level;
use crate::time::{TimestampParser, epoch};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "platform",
        title: "Heroku, Fly and Fluent Bit's stdout around lines of other formats",
        example: "2024-01-24T10:15:32.123456+00:00 app[web.1]: INFO Request processed in 127ms",
        time_field: "the payload's, else the first field",
        duration: Some(("the payload's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Platform, line, clock),
            fragments: Fragments::Never,
        },
        trial: Candidate::Outer,
        also_taken_by: &["app"],
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Platform, params),
};

pub(super) struct Platform;

impl Head for Platform {
    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit() || byte == b'['
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        if line.byte(0) == b'[' {
            return of_fluent_bit(line.bytes(), buffer);
        }
        // Most lines with a timestamp have no bracket right behind the word after it.
        let (stamp, end) = clock.iso(line, 0)?;
        let rest = line.bytes().get(end..)?.strip_prefix(b" ")?;
        let name = rest.iter().take(NAME_BYTES_MAX).position(|&b| matches!(b, b'[' | b' '))?;
        if rest[name] != b'[' {
            return None;
        }
        let close = name + memchr::memchr(b']', &rest[name..])?;
        let behind = &rest[close + 1..];
        let (level, payload) = match behind {
            [b':', b' ', payload @ ..] if matches!(&rest[..name], b"app" | b"heroku") => {
                (Level::None, payload)
            }
            [b' ', a, b, c, b' ', b'[', rest @ ..]
                if [a, b, c].into_iter().all(u8::is_ascii_lowercase) =>
            {
                let close = rest.iter().take(NAME_BYTES_MAX).position(|&b| b == b']')?;
                let payload = &rest[close + 1..];
                let payload = payload.strip_prefix(b" ").unwrap_or(payload);
                (Level::from_word(&rest[..close])?, payload)
            }
            _ => return None,
        };
        let start = line.len() - payload.len();
        let payload = match payload {
            [] => Payload::None,
            _ => Payload::Line(start, line.len()),
        };
        Some(Opened { stamp: Some(stamp), level, payload, ..Opened::NOTHING })
    }
}

/// Longest name of a process or level.
const NAME_BYTES_MAX: usize = 32;

#[cold]
fn of_fluent_bit(line: &[u8], buffer: &mut Vec<u8>) -> Option<Opened> {
    let counter = digits(&line[1..]);
    let rest = line[1 + counter..].strip_prefix(b"] ").filter(|_| counter > 0)?;
    let tag = memchr::memmem::find(rest, b": [")?;
    if rest[..tag].contains(&b' ') {
        return None;
    }
    let rest = rest[tag + 3..].strip_suffix(b"]")?;
    let (time, fields) = match rest.strip_prefix(b"[") {
        Some(rest) => {
            let end = memchr::memmem::find(rest, b"], {")?;
            let time = memchr::memchr(b',', &rest[..end])?;
            (&rest[..time], &rest[end + 3..])
        }
        None => {
            let end = memchr::memmem::find(rest, b", {")?;
            (&rest[..end], &rest[end + 2..])
        }
    };
    let stamp = epoch(time)?;
    buffer.clear();
    buffer.resize(PAD, 0);
    let mut is_text = false;
    let mut bytes = fields.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'=' if !is_text && bytes.as_slice().first() == Some(&b'>') => {
                bytes.next();
                buffer.push(b':');
                continue;
            }
            b'\\' if is_text => {
                buffer.push(byte);
                buffer.extend(bytes.next());
                continue;
            }
            b'"' => is_text = !is_text,
            _ => {}
        }
        buffer.push(byte);
    }
    Some(Opened { stamp: Some(stamp), payload: Payload::Buffer, ..Opened::NOTHING })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Plain;

    fn opened(line: &str) -> Option<(Level, String)> {
        let padded = PaddedLine::new(line.as_bytes());
        let mut buffer = Vec::new();
        let opened =
            Platform.open(Plain, padded.line(), &mut TimestampParser::utc(), &mut buffer)?;
        assert_eq!(opened.stamp.unwrap().second, 1_706_091_332, "{line}");
        let payload = match opened.payload {
            Payload::None => "",
            Payload::Line(start, end) => &line[start..end],
            Payload::Buffer => std::str::from_utf8(&buffer[PAD..]).unwrap(),
        };
        Some((opened.level, payload.to_string()))
    }

    #[test]
    fn prefixes() {
        for (line, level, payload) in [
            ("2024-01-24T10:15:32.1+00:00 app[web.1]: x y", Level::None, "x y"),
            ("2024-01-24T10:15:32.1+00:00 heroku[router]: at=info", Level::None, "at=info"),
            ("2024-01-24T10:15:32Z app[e78] fra [warning]x", Level::Warn, "x"),
            ("2024-01-24T10:15:32Z app[e78] fra [error] x y", Level::Error, "x y"),
            ("2024-01-24T10:15:32Z app[e78] fra [info]   at f", Level::Info, "  at f"),
            (
                "[0] a.log: [1706091332.5, {\"a\"=>1, \"b\"=>\"=>\\\"\"}]",
                Level::None,
                "{\"a\":1, \"b\":\"=>\\\"\"}",
            ),
            (
                "[12] a: [[1706091332.5, {\"m\"=>1}], {\"a\"=>{\"b\"=>nil}}]",
                Level::None,
                "{\"a\":{\"b\":nil}}",
            ),
        ] {
            assert_eq!(opened(line), Some((level, payload.to_string())), "{line}");
        }
        for line in [
            "2024-01-24T10:15:32Z sshd[12]: x",
            "2024-01-24T10:15:32Z app[e78] fra [x]y",
            "2024-01-24T10:15:32Z INFO [main] x",
            "2024-01-24T10:15:32Z",
            "[0] a: x",
            "[a] b: [1706091332.5, {}]",
            "[0] a b: [1706091332.5, {}]",
        ] {
            assert_eq!(opened(line), None, "{line}");
        }
    }
}
