//! Apache's error log: `[Fri Jul 23 00:28:19.615325 2021] [core:error] [pid 1] [client …] message`.
//!
//! # Accepted
//! In brackets a timestamp that begins with the name of a day, a space, and in brackets a level in
//! lower case (`trace1` to `trace8` too), perhaps behind a module (or nothing) and a colon. Then any
//! number of groups in brackets that begin with `pid `, `tid `, `client ` or `remote `: the last of
//! the latter two is the client, without its port. The message is what follows.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::{Claims, Entry, Facts, Info, LineFormat, Parse, fields, line_format};
use crate::record::{Columns, Level, Text};
use std::ops::Range;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "apache-error",
        title: "Apache error log",
        example: "[Wed Jan 24 10:15:32.123456 2024] [core:error] [pid 35708:tid 4328636416] [client 10.0.0.1:51234] File does not exist: /srv/x",
        time_field: "start of the line, in brackets",
        duration: None,
    },
    facts: Facts {
        claims: Some(Claims { behind_time: b"]", is_one: |text, end| front(text, end).is_some() }),
        ..Facts::PLAIN
    },
    build: |_| line_format(ApacheError),
};

struct ApacheError;

/// Level and what is behind its bracket, of a line whose timestamp ends at `end`.
fn front(text: &[u8], end: usize) -> Option<(Level, usize)> {
    let day = text.get(1..5)?;
    if text[0] != b'[' || !day[..3].iter().all(u8::is_ascii_alphabetic) || day[3] != b' ' {
        return None;
    }
    let rest = text.get(end..)?.strip_prefix(b"] [")?;
    let group = &rest[..memchr::memchr(b']', rest)?];
    let name = match group.iter().position(|&b| b == b':') {
        Some(colon) => &group[colon + 1..],
        None => group,
    };
    let name = match name {
        [trace @ .., b'1'..=b'8'] if trace == b"trace" => trace,
        name => name,
    };
    if !name.iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    Some((Level::from_word(name)?, text.len() - rest.len() + group.len() + 1))
}

/// The client in the groups from `at` on, and where the message starts.
fn groups(text: &[u8], mut at: usize) -> (Option<Range<usize>>, usize) {
    let mut found = None;
    while let Some(rest) = text[at..].strip_prefix(b" [") {
        let Some(len) = memchr::memchr(b']', rest) else { break };
        let group = &rest[..len];
        let start = at + 2;
        match group {
            [b'p' | b't', b'i', b'd', b' ', ..] => {}
            [b'c', b'l', b'i', b'e', b'n', b't', b' ', ..]
            | [b'r', b'e', b'm', b'o', b't', b'e', b' ', ..] => {
                let part = fields::client(&group[7..]);
                found = part.map(|r| start + 7 + r.start..start + 7 + r.end).or(found);
            }
            _ => break,
        }
        at = start + len + 1;
    }
    let space = usize::from(text.get(at) == Some(&b' '));
    (found, at + space)
}

impl LineFormat for ApacheError {
    const COLUMNS: Columns = Columns::TEXT.or(Columns::CLIENT);

    const NEEDS: RequiredBytes = RequiredBytes::TIME;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'['
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.byte(0) != b'[' || !line.byte(1).is_ascii_uppercase() {
            return None;
        }
        let (stamp, end) = cx.clock().any(line, 1)?;
        let text = line.bytes();
        let (level, at) = front(text, end)?;
        cx.record.set_time(stamp);
        cx.record.level = level;
        let (client, message) = groups(text, at);
        if let Some(client) = client {
            cx.record.client = Text::of_line(client.start, client.end);
        }
        cx.record.message = Text::of_line(message, text.len());
        Some(())
    }
}
