//! systemd's journal: `journalctl -o json`, one entry a line, and `journalctl -o export`, one field
//! a line and an empty line behind each entry.
//!
//! # JSON
//! One object whose first key begins with an upper-case letter or `_`, and with a
//! `__REALTIME_TIMESTAMP` (microseconds since 1970, as text or number). The payload is `MESSAGE`:
//! text, or the array of its bytes where it is no text; anything else is none. The level is
//! `PRIORITY`. Where `SYSLOG_IDENTIFIER` is `kernel`, white space at the front means nothing.
//!
//! # Export
//! Lines are of this format only where the plan lists it ([`rejoin`](crate::format::Params::rejoin)).
//! - `__REALTIME_TIMESTAMP=` and microseconds begin an entry, wherever they stand. The lines after it
//!   count as long as this one starts less than
//!   [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES) before them, so what a line is
//!   depends on those bytes alone: a larger entry is cut off there and is no record.
//! - `NAME=value`, the name of upper-case letters, digits and `_` and at most 64 bytes, is a field of
//!   the entry; the last of two counts. A name that begins with `__` is one outside of entries, too.
//! - A name alone has a *binary* value: behind its line end stand the length in eight bytes, little
//!   endian, so many bytes, and a newline. All lines that begin in there are its.
//! - An empty line ends the entry and is the record.
//!
//! All lines but the last one are continuations.

use super::object::members;
use super::{Envelope, Head, Inner, Opened, Payload};
use crate::bytes::line::{LINE_BYTES_MAX, Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::fields::unescape;
use crate::format::state::reaches;
use crate::format::{
    Candidate, Entry, Facts, Fragments, Info, Kind, MultiLineFormat, Parse, Part, byte_set, listed,
};
use crate::record::{Columns, Level};
use crate::time::{Stamp, TimestampParser};
use std::ops::ControlFlow;

/// Registry entry.
pub static JSON: Entry = Entry {
    info: Info {
        name: "journald-json",
        title: "systemd journal (journalctl -o json) around messages of other formats",
        example: r#"{"__REALTIME_TIMESTAMP":"1706091332123456","PRIORITY":"6","SYSLOG_IDENTIFIER":"app","MESSAGE":"Request processed in 127ms"}"#,
        time_field: "the message's, else __REALTIME_TIMESTAMP",
        duration: Some(("the message's", "in the payload")),
    },
    facts: Facts {
        kind: Kind::Envelope {
            open: |line, clock| super::opened(&Json, line, clock),
            fragments: Fragments::Never,
        },
        trial: Candidate::Outer,
        also_taken_by: &["json"],
        ..Facts::PLAIN
    },
    build: |params| Envelope::build(Json, params),
};

/// Registry entry.
pub static EXPORT: Entry = Entry {
    info: Info {
        name: "journald-export",
        title: "systemd journal (journalctl -o export) around messages of other formats",
        example: "__REALTIME_TIMESTAMP=1706091332123456\nPRIORITY=6\nMESSAGE=Request processed in 127ms\n\n",
        time_field: "the message's, else __REALTIME_TIMESTAMP",
        duration: Some(("the message's", "in the payload")),
    },
    facts: Facts { kind: Kind::Stateful, trial: Candidate::Outer, ..Facts::PLAIN },
    build: |params| listed(params, || Export { inner: Inner::new() }),
};

/// Longest name of a field; the journal takes no longer ones.
const NAME_BYTES_MAX: usize = 64;

/// Bytes of the length in front of a binary value.
const LENGTH_BYTES: usize = 8;

/// The field that begins an entry.
const TIME: &[u8] = b"__REALTIME_TIMESTAMP";

/// Microseconds since 1970.
fn micros(text: &[u8]) -> Option<Stamp> {
    let micros = crate::format::fields::whole(text)?;
    Some(Stamp::from_nanos(i64::try_from(micros).ok()?.checked_mul(1_000)?))
}

fn priority(text: &[u8]) -> Level {
    match text {
        [digit @ b'0'..=b'7'] => Level::from_severity(digit - b'0'),
        _ => Level::None,
    }
}

pub(super) struct Json;

impl Head for Json {
    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'{' || byte.is_ascii_whitespace()
    }

    #[inline(always)]
    fn open<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        _clock: &mut TimestampParser,
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let mut stamp = None;
        let mut level = Level::None;
        let mut message = None;
        let mut is_indented = false;
        let mut is_first = true;
        members(simd, line, |key, value| {
            if is_first && !key.first().is_some_and(|b| b.is_ascii_uppercase() || *b == b'_') {
                return ControlFlow::Break(());
            }
            is_first = false;
            let text = &line.bytes()[value.start..value.end];
            match key {
                b"__REALTIME_TIMESTAMP" => stamp = stamp.or_else(|| micros(text)),
                b"PRIORITY" if level == Level::None => level = priority(text),
                b"SYSLOG_IDENTIFIER" => is_indented |= text == b"kernel",
                b"MESSAGE" => message = message.or(Some(value)),
                _ => {}
            }
            ControlFlow::Continue(())
        })?;
        let payload = match message {
            Some(m) if m.is_text && !m.is_escaped => Payload::Line(m.start, m.end),
            Some(m) => {
                let text = &line.bytes()[m.start..m.end];
                buffer.clear();
                buffer.resize(PAD, 0);
                if m.is_text {
                    unescape(text, buffer);
                    Payload::Buffer
                } else if bytes_of(text, buffer).is_some() {
                    Payload::Buffer
                } else {
                    Payload::None
                }
            }
            None => Payload::None,
        };
        Some(Opened { stamp: Some(stamp?), level, payload, is_indented, ..Opened::NOTHING })
    }
}

/// Appends the bytes that an array of their numbers stands for.
fn bytes_of(array: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let inner = array.strip_prefix(b"[")?.strip_suffix(b"]")?;
    for number in inner.split(|&b| b == b',') {
        out.push(u8::try_from(crate::format::fields::whole(number.trim_ascii())?).ok()?);
    }
    Some(())
}

struct Export {
    inner: Inner,
}

/// A line of an entry.
enum Field<'a> {
    /// A name and a value.
    Text(&'a [u8], &'a [u8]),
    /// A name, and the value is in the lines after it.
    Binary(&'a [u8]),
    /// Part of a binary value, or nothing of the journal's.
    Other,
}

static OF_NAME: [bool; 256] = byte_set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

fn field(line: &[u8]) -> Field<'_> {
    let is_of_name = |b: &u8| OF_NAME[usize::from(*b)];
    let front = &line[..line.len().min(NAME_BYTES_MAX + 1)];
    let len = front.iter().position(|b| !is_of_name(b)).unwrap_or(front.len());
    if !(1..=NAME_BYTES_MAX).contains(&len) || line[0].is_ascii_digit() {
        return Field::Other;
    }
    match line.get(len) {
        None => Field::Binary(line),
        Some(b'=') => Field::Text(&line[..len], &line[len + 1..]),
        _ => Field::Other,
    }
}

impl MultiLineFormat for Export {
    const COLUMNS: Columns = Columns::ALL;
    const ENDS_AT_BLANK: bool = true;
    const KEEPS_NULS: bool = true;
    type State = JournalEntry;

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        entry: &mut JournalEntry,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        if line.len() > 0 || entry.is_in_binary(offset) {
            return entry.take(line.bytes(), offset);
        }
        let Some((_, stamp)) = entry.time.take().filter(|&(at, _)| reaches(at, offset)) else {
            return Part::Foreign;
        };
        entry.finish_binary();
        let opened = Opened {
            stamp: Some(stamp),
            level: entry.level,
            payload: if entry.has_message { Payload::Buffer } else { Payload::None },
            is_indented: entry.is_of_kernel,
            ..Opened::NOTHING
        };
        if !entry.has_message {
            super::fill(&opened, cx.record);
            return Part::Record;
        }
        let JournalEntry { text, padded, .. } = entry;
        padded.clear();
        padded.resize(PAD, 0);
        padded.extend_from_slice(text);
        padded.resize(padded.len() + PAD, 0);
        self.inner.buffered(padded, &opened, offset, cx)
    }
}

/// The lines of an entry of journald's export format, up to now: all that it says stands behind its
/// time.
#[derive(Default)]
struct JournalEntry {
    /// Where the line with its time starts, and the time; None between entries.
    time: Option<(u64, Stamp)>,
    level: Level,
    is_of_kernel: bool,
    has_message: bool,
    /// The message, of a binary one that is being read with its length in front.
    text: Vec<u8>,
    /// Room for the message with its pad.
    padded: Vec<u8>,
    /// The binary value that is being read.
    binary: Option<Binary>,
}

/// A value that is written with its length.
#[derive(Clone, Copy, Default)]
struct Binary {
    /// Whether it is the message.
    is_message: bool,
    /// Where its first line starts.
    start: Option<u64>,
    /// Where its last line ends up to now, without its line end.
    last_end: Option<u64>,
    /// The length, and how many bytes of it are known.
    length: u64,
    length_bytes: usize,
    /// Where it ends, once its length is known.
    end: Option<u64>,
}

impl JournalEntry {
    /// Forgets all but the room that it has.
    fn clear(&mut self) {
        let JournalEntry { mut text, padded, .. } = std::mem::take(self);
        text.clear();
        *self = JournalEntry { text, padded, ..JournalEntry::default() };
    }

    /// Whether a line at `offset` begins inside of a binary value.
    fn is_in_binary(&self, offset: u64) -> bool {
        self.time.is_some_and(|(at, _)| reaches(at, offset))
            && self.binary.is_some_and(|b| b.end.is_none_or(|end| offset <= end))
    }

    /// Takes in a line other than the one that ends an entry.
    fn take(&mut self, line: &[u8], offset: u64) -> Part {
        let field = field(line);
        if let Field::Text(TIME, value) = field
            && let Some(stamp) = micros(value)
        {
            self.clear();
            self.time = Some((offset, stamp));
            return Part::Continuation;
        }
        if self.is_in_binary(offset) {
            self.binary_line(line, offset);
            return Part::Continuation;
        }
        self.finish_binary();
        let is_open = self.time.is_some_and(|(at, _)| reaches(at, offset));
        match field {
            Field::Text(name, value) if is_open => self.field(name, value),
            Field::Binary(name) if is_open => {
                let is_message = name == b"MESSAGE";
                self.has_message |= is_message;
                if is_message {
                    self.text.clear();
                }
                self.binary = Some(Binary { is_message, ..Binary::default() });
            }
            Field::Text(name, _) if name.starts_with(b"__") => {}
            _ => return Part::Foreign,
        }
        Part::Continuation
    }

    /// Takes in a line of a binary value.
    fn binary_line(&mut self, line: &[u8], offset: u64) {
        let Some(binary) = &mut self.binary else { return };
        let start = *binary.start.get_or_insert(offset);
        // Line ends are not part of lines, and blank lines do not come here.
        let gap = offset - binary.last_end.unwrap_or(start);
        let mut put = |bytes: &[u8]| {
            for &byte in bytes.iter().take(LENGTH_BYTES - binary.length_bytes) {
                binary.length |= u64::from(byte) << (8 * binary.length_bytes);
                binary.length_bytes += 1;
            }
            if binary.is_message {
                let room = (LINE_BYTES_MAX + LENGTH_BYTES).saturating_sub(self.text.len());
                self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        };
        match gap {
            0 => {}
            1 => put(b"\n"),
            2 => put(b"\r\n"),
            _ => put(b"\n\n"),
        }
        put(line);
        binary.last_end = Some(offset + line.len() as u64);
        if binary.length_bytes == LENGTH_BYTES {
            let end = start.saturating_add(LENGTH_BYTES as u64).saturating_add(binary.length);
            binary.end = Some(end);
        }
    }

    /// Of a binary message, takes off the length and what follows.
    fn finish_binary(&mut self) {
        if let Some(binary) = self.binary.take().filter(|binary| binary.is_message) {
            let length = usize::try_from(binary.length).unwrap_or(usize::MAX);
            self.text.drain(..LENGTH_BYTES.min(self.text.len()));
            self.text.truncate(length);
        }
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        match name {
            b"PRIORITY" => self.level = priority(value),
            b"SYSLOG_IDENTIFIER" => self.is_of_kernel = value == b"kernel",
            b"MESSAGE" => {
                self.has_message = true;
                self.text.clear();
                self.text.extend_from_slice(value);
            }
            _ => {}
        }
    }
}
