//! What runs several programs puts their names before their lines: docker compose, pm2, foreman,
//! kubectl.
//!
//! # Accepted
//! - `web_1  | PAYLOAD` and `0|api  | PAYLOAD`: a name of letters, digits and `_.-/`, perhaps behind a
//!   number and `|`; a space or more, `|`, a space. Foreman writes a time of day and a space before it.
//!   Neither the name of a level nor an IPv4 address counts as one.
//! - `[pod/NAME/CONTAINER] PAYLOAD`.
//!
//! Other lines look like this, too, so a line is of this format only if its payload is of one.

use super::{Envelope, Head, Opened, Payload};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::{digits, spaces};
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
        byte.is_ascii_alphanumeric() || byte == b'['
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        _clock: &mut TimestampParser,
        _buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let bytes = line.bytes();
        let start = if bytes[0] == b'[' { behind_pod(bytes)? } else { behind_name(bytes)? };
        (start < bytes.len()).then_some(Opened {
            payload: Payload::Line(start, bytes.len()),
            is_doubtful: true,
            ..Opened::NOTHING
        })
    }
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
    use super::behind_name;

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
