//! What runs several programs puts their names before their lines: docker compose, pm2, foreman,
//! kubectl.
//!
//! # Accepted
//! - `web_1  | PAYLOAD` and `0|api  | PAYLOAD`: a name of letters, digits and `_.-/`, perhaps behind a
//!   number and `|`; a space or more, `|`, a space. Foreman writes a time of day and a space before it.
//!   Neither the name of a level nor an IPv4 address counts as one.
//! - `[pod/NAME/CONTAINER] PAYLOAD`.
//!
//! Where the line begins with a color, all colors are read over.
//!
//! Other lines look like this, too, so a line is of this format only if its payload is of one.

use super::{Envelope, Head, Opened, Payload};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::{digits, spaces};
use crate::format::text::ansi;
use crate::format::{Candidate, Entry, Facts, Fragments, Info, Kind};
use crate::record::Level;
use crate::time::TimestampParser;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "compose",
        title: "docker compose, pm2, foreman or kubectl around lines of other formats",
        example: "web_1  | 2024-01-24 10:15:32.123 INFO Request processed in 127ms",
        time_field: "the payload's",
        duration: Some(("the payload's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Prefixed, line, clock),
            fragments: Fragments::Never,
        },
        trial: Candidate::Outer,
        also_taken_by: &["combined"],
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Prefixed, params),
};

/// Longest name: Kubernetes allows 253 bytes for a pod's, of which few use a third.
const NAME_BYTES_MAX: usize = 128;

pub(super) struct Prefixed;

impl Head for Prefixed {
    const NEEDS: RequiredBytes = RequiredBytes::BAR;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'[' || byte == ansi::ESC
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        _clock: &mut TimestampParser,
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let payload = if line.byte(0) == ansi::ESC {
            uncolored(line.bytes(), buffer)?;
            Payload::Buffer
        } else {
            Payload::Line(payload_start(line.bytes())?, line.len())
        };
        Some(Opened { payload, is_doubtful: true, ..Opened::NOTHING })
    }
}

/// Writes the payload of a line with colors to `buffer`, behind a pad.
#[cold]
fn uncolored(line: &[u8], buffer: &mut Vec<u8>) -> Option<()> {
    if !ansi::strip(line, buffer) {
        return None;
    }
    buffer.truncate(buffer.len() - PAD);
    let start = payload_start(&buffer[PAD..])?;
    buffer.drain(PAD..PAD + start);
    Some(())
}

fn payload_start(line: &[u8]) -> Option<usize> {
    let start = if line.first() == Some(&b'[') { behind_pod(line)? } else { behind_name(line)? };
    (start < line.len()).then_some(start)
}

static OF_NAME: [bool; 256] =
    crate::format::byte_set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-/");

fn behind_pod(line: &[u8]) -> Option<usize> {
    let rest = line.strip_prefix(b"[pod/")?;
    let close = rest.iter().take(2 * NAME_BYTES_MAX).position(|&b| b == b']')?;
    (rest.get(close + 1) == Some(&b' ')).then_some(b"[pod/".len() + close + 2)
}

fn behind_name(line: &[u8]) -> Option<usize> {
    let mut at = 0;
    if let [a, b, b':', c, d, b':', e, f, b' ', ..] = line
        && [a, b, c, d, e, f].iter().all(|b| b.is_ascii_digit())
    {
        at = 9;
    }
    let digits = digits(&line[at..]);
    if digits > 0 && line.get(at + digits) == Some(&b'|') {
        at += digits + 1;
    }
    let of_name = |b: &u8| OF_NAME[usize::from(*b)];
    let name = line[at..].iter().take(NAME_BYTES_MAX + 1).take_while(|b| of_name(b)).count();
    if !(1..=NAME_BYTES_MAX).contains(&name) || Level::from_word(&line[at..at + name]).is_some() {
        return None;
    }
    // The first column of a log of requests.
    if line[at].is_ascii_digit() && is_address(&line[at..at + name]) {
        return None;
    }
    at += name;
    let spaces = spaces(&line[at..]);
    at += spaces;
    (spaces > 0 && line[at..].starts_with(b"| ")).then_some(at + 2)
}

/// Whether a name is an IPv4 address.
#[cold]
fn is_address(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<std::net::Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_read_over() {
        for (line, expected) in [
            ("\x1b[36mapi-1  |\x1b[0m \x1b[31mERROR\x1b[0m:    a", Some("ERROR:    a")),
            ("\x1b[32mINFO\x1b[0m | a", None),
            ("\x1b a  | b", None),
        ] {
            let mut buffer = Vec::new();
            let found = uncolored(line.as_bytes(), &mut buffer).map(|()| &buffer[PAD..]);
            assert_eq!(found, expected.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn addresses_are_no_names() {
        for (line, expected) in [
            ("web_1  | x", Some(9)),
            ("0|api  | x", Some(9)),
            ("10.0.0  | x", Some(10)),
            ("203.0.113.9 | https | x", None),
            ("203.0.113.9-web | x", Some(18)),
        ] {
            assert_eq!(behind_name(line.as_bytes()), expected, "{line}");
        }
    }
}
