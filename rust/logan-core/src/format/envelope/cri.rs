//! Kubernetes CRI: `2024-01-24T10:15:32.123456789Z stdout F payload`.
//!
//! # Accepted
//! A timestamp with `T` ([`TimestampParser::iso`]), a space, `stdout` or `stderr`, a space, and tags with `:`
//! between them, the first of which is `F` (the line ends here) or `P` (it goes on in the stream's
//! next line). What follows the space behind the tags is the payload; nothing may follow, too.
//! Which stream a line came from is no level: many programs write all they have to `stderr`.

use super::{Envelope, Head, Opened, Payload};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::{Candidate, Entry, Facts, Fragments, Info, Kind};
use crate::time::TimestampParser;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "cri",
        title: "Kubernetes container log (CRI) around lines of other formats",
        example: "2024-01-24T10:15:32.123456789Z stdout F Request processed in 127ms",
        time_field: "the payload's, else start of the line",
        duration: Some(("the payload's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Cri, line, clock),
            fragments: Fragments::Always,
        },
        trial: Candidate::Outer,
        also_taken_by: &["text-json"],
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Cri, params),
};

pub(super) struct Cri;

impl Head for Cri {
    const NEEDS: RequiredBytes = RequiredBytes::CLOCK.or(RequiredBytes::YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit()
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
        _buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let (stamp, end) = clock.iso(line, 0)?;
        let rest = line.bytes().get(end..)?;
        if line.byte(10) != b'T' || rest.len() < 9 {
            return None;
        }
        let stream = match &rest[..8] {
            b" stdout " => 0,
            b" stderr " => 1,
            _ => return None,
        };
        let tags = rest[8..].iter().position(|&b| b == b' ').map_or(rest.len(), |n| 8 + n);
        let is_piece = match rest[8] {
            b'F' => false,
            b'P' => true,
            _ => return None,
        };
        if !matches!(rest.get(9), None | Some(b' ' | b':')) {
            return None;
        }
        let start = (end + tags + 1).min(line.len());
        Some(Opened {
            stamp: Some(stamp),
            payload: Payload::Line(start, line.len()),
            stream: Some(stream),
            is_piece,
            ..Opened::NOTHING
        })
    }
}
