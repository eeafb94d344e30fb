//! Docker's json-file: `{"log":"payload\n","stream":"stdout","time":"2024-01-24T10:15:32.123Z"}`.
//!
//! # Accepted
//! One JSON object whose first key is one of these or `attrs`, with a text `log`, a text `time` that
//! is a timestamp ([`TimestampParser::iso`]) as a whole, and a text `stream`; other members are passed over.
//! The payload is `log` without its last `\n` and a `\r` before that. With
//! [`rejoin`](crate::format::Params::rejoin) a line whose `log` does not end with `\n` goes on in
//! the stream's next line. Detection asks for that where it saw a `log` that ends with `\n`: what
//! some other programs write in Docker's manner never does, and each of its lines is whole.

use super::object::{Value, members};
use super::{Envelope, Head, Opened, Payload};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::fields::unescape;
use crate::format::{Candidate, Entry, Facts, Fragments, Info, Kind};
use crate::time::TimestampParser;
use std::ops::ControlFlow;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "docker",
        title: "Docker json-file around lines of other formats",
        example: r#"{"log":"Request processed in 127ms\n","stream":"stdout","time":"2024-01-24T10:15:32.123456789Z"}"#,
        time_field: "the payload's, else time",
        duration: Some(("the payload's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Docker { rejoin: false }, line, clock),
            fragments: Fragments::IfAny(ends_its_line),
        },
        trial: Candidate::Outer,
        also_taken_by: &["json"],
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Docker { rejoin: params.rejoin }, params),
};

pub(super) struct Docker {
    pub(super) rejoin: bool,
}

/// `log`, `stream` and `time`.
#[inline(always)]
fn parts<S: Simd>(simd: S, line: Line<'_>) -> Option<[Value; 3]> {
    let mut found = [None; 3];
    let mut is_first = true;
    members(simd, line, |key, value| {
        let place = match key {
            b"log" => 0,
            b"stream" => 1,
            b"time" => 2,
            b"attrs" => 3,
            _ => 4,
        };
        if is_first && place == 4 {
            return ControlFlow::Break(());
        }
        is_first = false;
        if let Some(slot @ None) = found.get_mut(place)
            && value.is_text
        {
            *slot = Some(value);
        }
        ControlFlow::Continue(())
    })?;
    let [log, stream, time] = found;
    Some([log?, stream?, time?])
}

/// Whether the line is one of Docker whose `log` ends its line.
pub fn ends_its_line(line: Line<'_>) -> bool {
    parts(crate::bytes::simd::Baseline, line)
        .is_some_and(|[log, ..]| ends_with(&line.bytes()[log.start..log.end], br"\n"))
}

/// Whether escaped text ends with this escape.
fn ends_with(text: &[u8], escape: &[u8; 2]) -> bool {
    // Backslashes before it that come in pairs are escaped ones.
    text.strip_suffix(escape)
        .is_some_and(|rest| rest.iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 0)
}

impl Head for Docker {
    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'{' || byte.is_ascii_whitespace()
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let [log, stream, time] = parts(simd, line)?;
        let (stamp, end) = clock.iso(line.until(time.end), time.start)?;
        if end != time.end {
            return None;
        }
        let stream = match stream.plain(line) {
            Some(b"stdout") => 0,
            Some(b"stderr") => 1,
            _ => 2,
        };
        let text = &line.bytes()[log.start..log.end];
        let is_ended = ends_with(text, br"\n");
        let mut body = if is_ended { &text[..text.len() - 2] } else { text };
        let payload = if !log.is_escaped || memchr::memchr(b'\\', body).is_none() {
            // Most lines hold no escape but that one.
            Payload::Line(log.start, log.start + body.len())
        } else {
            if is_ended && ends_with(body, br"\r") {
                body = &body[..body.len() - 2];
            }
            buffer.clear();
            buffer.resize(PAD, 0);
            unescape(body, buffer);
            Payload::Buffer
        };
        Some(Opened {
            stamp: Some(stamp),
            payload,
            stream: Some(stream),
            is_piece: self.rejoin && !is_ended,
            ..Opened::NOTHING
        })
    }
}
