//! The standard error of OpenLDAP's server since 2.5: seconds since 1970 in hexadecimal.
//!
//! # Accepted
//! Eight hexadecimal digits in lower case, from 2005 to 2038, perhaps a point and eight of nanoseconds;
//! a space; perhaps a thread such as `0x7fcfc624b000`; the message. The response time
//! is that of [`operations`](crate::format::database::operations): `etime`.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::database::operations;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::{Columns, Text};
use crate::time::Stamp;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "slapd",
        title: "OpenLDAP's slapd on its standard error",
        example: "65b0e3d4.0754d4c0 0x7fcfc624b000 conn=1000 op=1 SEARCH RESULT tag=101 err=0 \
                  qtime=0.000010 etime=0.001270 nentries=1 text=",
        time_field: "hexadecimal seconds since 1970",
        duration: Some(("etime", "s")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Slapd),
};

struct Slapd;

/// Seconds since 1970 that logs have: 2005 to 2038.
const SECONDS: std::ops::Range<u32> = 0x41d5_e800..0x8000_0000;

impl LineFormat for Slapd {
    const COLUMNS: Columns = Columns::TIME.or(Columns::DURATION).or(Columns::MESSAGE);

    fn may_begin_with(&self, byte: u8) -> bool {
        (b'4'..=b'7').contains(&byte)
    }

    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        let second = eight(text).filter(|second| SECONDS.contains(second))?;
        let mut at = 8;
        let mut nanos = 0;
        if text.get(at) == Some(&b'.') {
            nanos = eight(&text[at + 1..]).filter(|&nanos| nanos < 1_000_000_000)?;
            at += 9;
        }
        let rest = text[at..].strip_prefix(b" ")?;
        at += 1;
        if let Some(thread) = rest.strip_prefix(b"0x") {
            let digits = thread.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            if digits > 0 && thread.get(digits) == Some(&b' ') {
                at += 3 + digits;
            }
        }
        // Eight such digits may be a revision or an address; a message is more than a word.
        let message = &text[at..];
        if !message.contains(&b' ') && !message.contains(&b'=') {
            return None;
        }
        cx.record.set_time(Stamp { second: i64::from(second), nanos });
        cx.record.message = Text::of_line(at, text.len());
        cx.record.duration_ns = operations::response_time(message);
        Some(())
    }
}

/// The number of the eight hexadecimal digits in lower case at the front.
fn eight(text: &[u8]) -> Option<u32> {
    let digits = text.get(..8)?;
    digits.iter().try_fold(0u32, |number, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u32::from(digit))
    })
}
