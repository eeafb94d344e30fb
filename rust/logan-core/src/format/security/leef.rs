//! Log Event Extended Format (IBM QRadar): `LEEF:1.0|Vendor|Product|Version|EventID|src=… <tab>dst=…`.
//!
//! # Accepted
//! `LEEF:1.` and four fields between bars, or `LEEF:2.` and five, of which the last is the separator of the
//! attributes: a character, or its number as `x09` or `0x09`; nothing is a tab, as in version 1, and a
//! tab is accepted where the field is left out. Attributes are `key=value`.
//!
//! - **time**: `devTime`, in any layout that logan knows, perhaps with a zone, or milliseconds since 1970.
//! - **level**: `sev`, 1 to 10: INFO up to 3, WARN up to 6, ERROR up to 8, FATAL above.
//! - **message**: `msg`, else the event. **client**: `src`. **route**: `url` (the path of it) and
//!   `method`. There is no standard key for a status or a response time.
//!
//! Source: <https://www.ibm.com/docs/en/dsm?topic=overview-leef-event-components>.

use crate::bytes::line::Line;
use crate::bytes::simd::{Plain, Simd};
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, fields, http, line_format};
use crate::record::{Columns, Level, Text};
use crate::time::epoch;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "leef",
        title: "LEEF events of security products",
        example: "LEEF:2.0|Example|FW|1.0|deny|^|src=203.0.113.67^dst=198.51.100.7^sev=8^\
                  devTime=Jan 24 2024 10:15:32",
        time_field: "devTime",
        duration: None,
    },
    facts: Facts { untagged: &[b"LEEF:"], ..Facts::PLAIN },
    build: |_| line_format(Leef),
};

struct Leef;

impl LineFormat for Leef {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::LEVEL)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT)
        .or(Columns::MESSAGE);

    const NEEDS: RequiredBytes = RequiredBytes::BAR.or(RequiredBytes::NO_YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'L'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if !line.bytes().starts_with(b"LEEF:") {
            return None;
        }
        read(line, &mut cx.with(Plain))
    }
}

#[inline(never)]
fn read(line: Line<'_>, cx: &mut Parse<'_, Plain>) -> Option<()> {
    let text = line.bytes();
    // Vendor, product, version, event.
    let mut bars = memchr::memchr_iter(b'|', text);
    let ends = [bars.next()?, bars.next()?, bars.next()?, bars.next()?, bars.next()?];
    let event = &text[ends[3] + 1..ends[4]];
    let mut start = ends[4] + 1;
    let mut separator = b'\t';
    if text[b"LEEF:".len()..].starts_with(b"2")
        && let Some(end) = bars.next()
        && let Some(written) = separator_of(&text[start..end])
    {
        (separator, start) = (written, end + 1);
    }
    cx.record.message = Text::of_part(text, event);
    for attribute in text[start..].split(|&b| b == separator) {
        let Some(equals) = memchr::memchr(b'=', attribute) else { continue };
        let (key, value) = (&attribute[..equals], attribute[equals + 1..].trim_ascii());
        match key.trim_ascii() {
            _ if value.is_empty() => {}
            b"devTime" => {
                let at = value.as_ptr() as usize - text.as_ptr() as usize;
                let found = cx.clock().any(line.until(at + value.len()), at);
                // A zone as a word may follow.
                let found = found.map(|(stamp, _)| stamp).or_else(|| epoch(value));
                if let Some(stamp) = found {
                    cx.record.set_time(stamp);
                }
            }
            b"sev" => cx.record.level = level(value),
            b"msg" => cx.record.message = Text::of_part(text, value),
            b"src" => {
                if let Some(range) = fields::client(value) {
                    cx.record.client = Text::of_part(text, &value[range]);
                }
            }
            b"method" => cx.record.method = Text::of_part(text, value),
            b"url" => {
                let at = value.as_ptr() as usize - text.as_ptr() as usize;
                cx.record.path = http::path(line, at, at + value.len());
            }
            _ => {}
        }
    }
    Some(())
}

/// The separator that a field of version 2 names; None if it names none.
fn separator_of(field: &[u8]) -> Option<u8> {
    match field {
        [] => Some(b'\t'),
        [one] => Some(*one),
        _ => {
            let hex = field.strip_prefix(b"0x").or(field.strip_prefix(b"x"))?;
            u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
        }
    }
}

fn level(severity: &[u8]) -> Level {
    match fields::whole(severity) {
        Some(0..=3) => Level::Info,
        Some(4..=6) => Level::Warn,
        Some(7..=8) => Level::Error,
        Some(9..=10) => Level::Fatal,
        _ => Level::None,
    }
}
