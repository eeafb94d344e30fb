//! Seconds since the start, in brackets: the kernel's ring buffer and the X server.
//!
//! # Accepted
//! Perhaps a priority as in `<6>` (`dmesg -r`); `[`, perhaps spaces, 1 to 8 digits, a point and 3 to 6
//! digits (a date's epoch has more), perhaps `]` behind a processor's or thread's mark (`[12.3@0]`,
//! `[ 12.3][  T1]`); `]` and a space. The level is the priority's severity, or the X server's mark:
//! `(EE)` ERROR, `(WW)` WARN. When the machine started is not known, so there is no time.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::{Context, Entry, Facts, Info, LineFormat};
use crate::record::Level;
use crate::record::{Columns, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "dmesg",
        title: "kernel messages and X server, seconds since the start",
        example: "[   12.345678] EXT4-fs (sda1): mounted filesystem with ordered data mode",
        time_field: "none",
        duration_field: None,
        duration_unit: None,
    },
    facts: Facts::PLAIN,
    build: |_| Box::new(Dmesg),
};

struct Dmesg;

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Where the message starts, and the priority's level.
fn head(text: &[u8]) -> Option<(usize, Level)> {
    let (mut at, mut level) = (0, Level::None);
    if let Some(rest) = text.strip_prefix(b"<") {
        let len = digits(&rest[..rest.len().min(4)]);
        if !(1..=3).contains(&len) || rest.get(len) != Some(&b'>') {
            return None;
        }
        let priority = rest[..len].iter().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
        level = Level::from_severity((priority & 7) as u8);
        at = len + 2;
    }
    if text.get(at) != Some(&b'[') {
        return None;
    }
    at += 1;
    at += text[at..].iter().take_while(|&&b| b == b' ').count();
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

impl LineFormat for Dmesg {
    const COLUMNS: Columns = Columns::LEVEL.or(Columns::MESSAGE);

    fn may_begin_with(&self, byte: u8) -> bool {
        matches!(byte, b'[' | b'<')
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        _context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let text = line.bytes();
        let Some((start, level)) = head(text) else { return false };
        let (level, start) = match text.get(start..start + 5) {
            Some(b"(EE) ") => (Level::Error, start + 5),
            Some(b"(WW) ") => (Level::Warn, start + 5),
            _ => (level, start),
        };
        record.level = level;
        record.message = Text::of_line(start, text.len());
        true
    }
}
