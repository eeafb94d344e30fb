//! Seconds since the start, in brackets: the kernel's ring buffer and the X server.
//!
//! # Accepted
//! Perhaps a priority as in `<6>` (`dmesg -r`), or facility and level with colons (`dmesg -x`); `[`, perhaps spaces, 1 to 8 digits, a point and 3 to 6
//! digits (a date's epoch has more), perhaps `]` behind a processor's or thread's mark (`[12.3@0]`,
//! `[ 12.3][  T1]`); `]` and a space. The level is the priority's severity, or the X server's mark:
//! `(EE)` ERROR, `(WW)` WARN. When the machine started is not known, so there is no time.

use super::levels::is_facility;
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::slices::{digits, priority, spaces};
use crate::format::{Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::{Columns, Level, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "dmesg",
        title: "kernel messages and X server, seconds since the start",
        example: "[   12.345678] EXT4-fs (sda1): mounted filesystem with ordered data mode",
        time_field: "none",
        duration: None,
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Dmesg),
};

struct Dmesg;

/// Where the message starts, and the priority's level.
fn head(text: &[u8]) -> Option<(usize, Level)> {
    let (mut at, mut level) = (0, Level::None);
    if text[0] == b'<' {
        let (priority, end) = priority(text)?;
        (at, level) = (end, Level::from_severity((priority & 7) as u8));
    }
    if text[0].is_ascii_lowercase() {
        (level, at) = decoded(text)?;
    }
    if text.get(at) != Some(&b'[') {
        return None;
    }
    at += 1;
    at += spaces(&text[at..]);
    let whole = digits(&text[at..]);
    at += whole;
    if !(1..=8).contains(&whole) || text.get(at) != Some(&b'.') {
        return None;
    }
    let fraction = digits(&text[at + 1..]);
    at += 1 + fraction;
    if !(3..=6).contains(&fraction) {
        return None;
    }
    if text.get(at) == Some(&b'@') {
        at += 1 + digits(&text[at + 1..]);
    }
    if text.get(at..at + 2) == Some(b"][") {
        let mark = &text[at + 2..text.len().min(at + 16)];
        at += 2 + mark.iter().position(|&b| b == b']')?;
    }
    (text.get(at..at + 2) == Some(b"] ")).then_some((at + 2, level))
}

/// The level of `kern  :warn  : `, and where what follows starts.
fn decoded(text: &[u8]) -> Option<(Level, usize)> {
    let mut parts = text.splitn(3, |&b| b == b':');
    let facility = parts.next()?.trim_ascii_end();
    let level = Level::from_word(parts.next()?.trim_ascii_end())?;
    let rest = parts.next()?.strip_prefix(b" ")?;
    is_facility(facility).then_some((level, text.len() - rest.len()))
}

impl LineFormat for Dmesg {
    const COLUMNS: Columns = Columns::LEVEL.or(Columns::MESSAGE);

    fn may_begin_with(&self, byte: u8) -> bool {
        matches!(byte, b'[' | b'<' | b'a'..=b'z')
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        let (start, level) = head(text)?;
        let (level, start) = match text.get(start..start + 5) {
            Some(b"(EE) ") => (Level::Error, start + 5),
            Some(b"(WW) ") => (Level::Warn, start + 5),
            _ => (level, start),
        };
        cx.record.level = level;
        cx.record.message = Text::of_line(start, text.len());
        Some(())
    }
}
