//! Redis: `123:M 24 Jan 2024 10:15:32.123 * Ready to accept connections`.
//!
//! # Accepted
//! The process as digits, `:` and one of `XCSM` (sentinel, child, replica, master); or, before
//! Redis 3, in brackets. A space, a timestamp that begins with a day and the name of a month, a space,
//! the level as one of `.-*#`, and a space or the end. `.` is DEBUG, `-` (verbose) INFO, `*` NOTICE, `#`
//! WARN.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::digits;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::{Columns, Level, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "redis",
        title: "Redis server log",
        example: "123:M 24 Jan 2024 10:15:32.123 * Ready to accept connections tcp",
        time_field: "behind the process",
        duration: None,
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Redis),
};

struct Redis;

/// Where the timestamp starts.
fn behind_process(text: &[u8]) -> Option<usize> {
    let open = usize::from(text.first() == Some(&b'['));
    let digits = digits(&text[open..]);
    let at = open + digits;
    let role = match text.get(at..at + 3)? {
        [b':', b'X' | b'C' | b'S' | b'M', b' '] if open == 0 => 3,
        [b']', b' ', _] if open == 1 => 2,
        _ => return None,
    };
    (digits > 0).then_some(at + role)
}

impl LineFormat for Redis {
    const COLUMNS: Columns = Columns::TEXT;

    const NEEDS: RequiredBytes = RequiredBytes::TIME.or(RequiredBytes::NO_YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit() || byte == b'['
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let text = line.bytes();
        let at = behind_process(text)?;
        // `24 Jan`: Suricata's lines look like those of old servers but for their date.
        let day = digits(&text[at..]).min(3);
        if !matches!(text[at + day..], [b' ', month, ..] if month.is_ascii_uppercase()) {
            return None;
        }
        let (stamp, end) = cx.clock().any(line, at)?;
        let level = match text.get(end..end + 2) {
            Some([b' ', b'.']) => Level::Debug,
            Some([b' ', b'-']) => Level::Info,
            Some([b' ', b'*']) => Level::Notice,
            Some([b' ', b'#']) => Level::Warn,
            _ => return None,
        };
        let message = match text.get(end + 2) {
            Some(b' ') => end + 3,
            Some(_) => return None,
            None => end + 2,
        };
        cx.record.set_time(stamp);
        cx.record.level = level;
        cx.record.message = Text::of_line(message, text.len());
        Some(())
    }
}
