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
//! - `NAME=value`, the name of upper-case letters, digits and `_` and at most 64 bytes, is a field;
//!   the last of two counts.
//! - A name alone is a field with a *binary* value: the lines after it, up to the next field, begin
//!   with its length in eight bytes, little endian.
//! - An empty line ends the entry, except directly behind a name alone, where it is the first byte
//!   of a length. It is the record, if there was a `__REALTIME_TIMESTAMP` since the last such line;
//!   else it is blank.
//!
//! All lines but that one are continuations. Nothing says where a binary value ends but its length,
//! which a chunk that begins in it has not seen. So an empty line in it ends the entry, too; what
//! follows has no time of its own and is no record, but continuation up to the next field.
//! Fields count that start at most [`LOOK_BACK_BYTES`](crate::format::history::LOOK_BACK_BYTES)
//! before the empty line: a larger entry has lost its time and is no record.

use super::object::members;
use super::{Envelope, Head, Inner, Opened, Payload};
use crate::batch::{Columns, Record};
use crate::format::fields::unescape;
use crate::format::history::{Binary, JournalEntry, reaches};
use crate::format::{Context, Entry, Info, LineFormat, Part};
use crate::level::Level;
use crate::lines::{LINE_BYTES_MAX, Line, PAD};
use crate::simd::Simd;
use crate::timestamp::{Clock, Stamp};
use std::ops::ControlFlow;

/// Registry entry.
pub static JSON: Entry = Entry {
    info: Info {
        name: "journald-json",
        title: "systemd journal (journalctl -o json) around messages of other formats",
        example: r#"{"__REALTIME_TIMESTAMP":"1706091332123456","PRIORITY":"6","SYSLOG_IDENTIFIER":"app","MESSAGE":"Request processed in 127ms"}"#,
        time_field: "the message's, else __REALTIME_TIMESTAMP",
        duration_field: Some("the message's"),
        duration_unit: Some("in the payload"),
    },
    last_resort: false,
    build: |params| Box::new(Envelope::new(Json, params)),
};

/// Registry entry.
pub static EXPORT: Entry = Entry {
    info: Info {
        name: "journald-export",
        title: "systemd journal (journalctl -o export) around messages of other formats",
        example: "__REALTIME_TIMESTAMP=1706091332123456\nPRIORITY=6\nMESSAGE=Request processed in 127ms\n\n",
        time_field: "the message's, else __REALTIME_TIMESTAMP",
        duration_field: Some("the message's"),
        duration_unit: Some("in the payload"),
    },
    last_resort: false,
    build: |params| Box::new(Export { inner: Inner::new(params), rejoin: params.rejoin }),
};

/// Longest name of a field; the journal takes no longer ones.
const NAME_BYTES_MAX: usize = 64;

/// Bytes of the length in front of a binary value.
const LENGTH_BYTES: usize = 8;

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
        line: Line<'_>,
        _clock: &mut Clock,
        buffer: &mut Vec<u8>,
    ) -> Option<Opened> {
        let mut stamp = None;
        let mut level = Level::None;
        let mut message = None;
        let mut is_indented = false;
        let mut is_first = true;
        members::<S>(line, |key, value| {
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
        Some(Opened {
            stamp: Some(stamp?),
            level,
            payload,
            stream: None,
            is_piece: false,
            is_indented,
        })
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
    rejoin: bool,
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

fn field(line: &[u8]) -> Field<'_> {
    let is_of_name = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    let len = line.iter().take(NAME_BYTES_MAX + 1).take_while(|b| is_of_name(b)).count();
    if !(1..=NAME_BYTES_MAX).contains(&len) || line[0].is_ascii_digit() {
        return Field::Other;
    }
    match line.get(len) {
        None => Field::Binary(line),
        Some(b'=') => Field::Text(&line[..len], &line[len + 1..]),
        _ => Field::Other,
    }
}

impl LineFormat for Export {
    const COLUMNS: Columns = Columns::ALL;

    fn may_begin_with(&self, _byte: u8) -> bool {
        // Binary values begin with anything; what a line is depends on those before it.
        self.rejoin
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        _line: Line<'_>,
        _context: &mut Context,
        _arena: &mut Vec<u8>,
        _record: &mut Record,
    ) -> bool {
        false
    }

    fn has_parts(&self) -> bool {
        self.rejoin
    }

    fn ends_at_blank(&self) -> bool {
        self.rejoin
    }

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part {
        let entry = &mut context.history.entry;
        if line.len() > 0 || entry.binary.is_some_and(|b| b.is_fresh && reaches(b.start, offset)) {
            return entry.take(line.bytes(), offset);
        }
        let has_time = entry.time.filter(|&(at, _)| reaches(at, offset));
        let Some((_, stamp)) = has_time else {
            entry.end();
            return Part::Foreign;
        };
        let has_message = entry.message.is_some_and(|at| reaches(at, offset));
        let opened = Opened {
            stamp: Some(stamp),
            level: entry.level.filter(|&(at, _)| reaches(at, offset)).map_or(Level::None, |l| l.1),
            payload: if has_message { Payload::Buffer } else { Payload::None },
            stream: None,
            is_piece: false,
            is_indented: entry.is_of_kernel.is_some_and(|(at, is)| is && reaches(at, offset)),
        };
        entry.finish_binary();
        let mut buffer = std::mem::take(&mut context.history.joined);
        buffer.clear();
        buffer.resize(PAD, 0);
        buffer.extend_from_slice(&context.history.entry.text);
        buffer.resize(buffer.len() + PAD, 0);
        context.history.entry.end();
        let part = if has_message {
            let payload = Line::new(&buffer, PAD, buffer.len() - PAD);
            let part = self.inner.read::<S>(payload, &opened, context, arena, record);
            super::keep(record, payload.bytes(), arena);
            part
        } else {
            super::fill(&opened, record);
            Part::Record
        };
        context.history.joined = buffer;
        part
    }
}

impl JournalEntry {
    /// Takes in a line of the entry.
    fn take(&mut self, line: &[u8], offset: u64) -> Part {
        match field(line) {
            Field::Text(name, value) => {
                self.finish_binary();
                self.binary = None;
                self.field(name, value, offset);
            }
            Field::Binary(name) => {
                self.finish_binary();
                let is_message = name == b"MESSAGE";
                if is_message {
                    self.message = Some(offset);
                    self.text.clear();
                }
                let end = offset + line.len() as u64;
                self.binary = Some(Binary { start: offset, is_message, end, is_fresh: true });
            }
            Field::Other => match &mut self.binary {
                Some(binary) if reaches(binary.start, offset) => {
                    if binary.is_message {
                        // One byte of line end before it, or two.
                        let gap = offset - binary.end;
                        if !binary.is_fresh {
                            self.text.extend_from_slice(if gap == 2 { b"\r\n" } else { b"\n" });
                        }
                        let room = (LINE_BYTES_MAX + LENGTH_BYTES).saturating_sub(self.text.len());
                        self.text.extend_from_slice(&line[..line.len().min(room)]);
                    }
                    binary.is_fresh = false;
                    binary.end = offset + line.len() as u64;
                }
                _ => return Part::Foreign,
            },
        }
        Part::Continuation
    }

    /// Of a binary message, takes off the length and what follows.
    fn finish_binary(&mut self) {
        let Some(binary) = self.binary.as_mut().filter(|binary| binary.is_message) else {
            return;
        };
        // What comes later is no part of the message.
        binary.is_message = false;
        let Some((length, rest)) = self.text.split_first_chunk::<LENGTH_BYTES>() else {
            self.text.clear();
            return;
        };
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let length = length.min(rest.len());
        self.text.drain(..LENGTH_BYTES);
        self.text.truncate(length);
    }

    fn field(&mut self, name: &[u8], value: &[u8], offset: u64) {
        match name {
            b"__REALTIME_TIMESTAMP" => self.time = micros(value).map(|stamp| (offset, stamp)),
            b"PRIORITY" => self.level = Some((offset, priority(value))),
            b"SYSLOG_IDENTIFIER" => self.is_of_kernel = Some((offset, value == b"kernel")),
            b"MESSAGE" => {
                self.message = Some(offset);
                self.text.clear();
                self.text.extend_from_slice(value);
            }
            _ => {}
        }
    }
}
