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
use crate::format::{Context, Entry, Facts, Info, LineFormat};
use crate::record::Level;
use crate::record::{Columns, Record, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "redis",
        title: "Redis server log",
        example: "123:M 24 Jan 2024 10:15:32.123 * Ready to accept connections tcp",
        time_field: "behind the process",
        duration_field: None,
        duration_unit: None,
    },
    facts: Facts::PLAIN,
    build: |_| Box::new(Redis),
};

struct Redis;

/// Where the timestamp starts.
fn behind_process(text: &[u8]) -> Option<usize> {
    let open = usize::from(text.first() == Some(&b'['));
    let digits = text[open..].iter().take_while(|b| b.is_ascii_digit()).count();
    let at = open + digits;
    let role = match text.get(at..at + 3)? {
        [b':', b'X' | b'C' | b'S' | b'M', b' '] if open == 0 => 3,
        [b']', b' ', _] if open == 1 => 2,
        _ => return None,
    };
    (digits > 0).then_some(at + role)
}

impl LineFormat for Redis {
    const COLUMNS: Columns = Columns::TIME.or(Columns::LEVEL).or(Columns::MESSAGE);

    const NEEDS: RequiredBytes = RequiredBytes::TIME.or(RequiredBytes::NO_YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_digit() || byte == b'['
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let text = line.bytes();
        let Some(at) = behind_process(text) else { return false };
        // `24 Jan`: Suricata's lines look like those of old servers but for their date.
        let is_day = |b: &&u8| b.is_ascii_digit();
        let day = text[at..].iter().take(3).take_while(is_day).count();
        if !matches!(text[at + day..], [b' ', month, ..] if month.is_ascii_uppercase()) {
            return false;
        }
        let Some((stamp, end)) = context.clock.any(line, at) else { return false };
        let level = match text.get(end..end + 2) {
            Some([b' ', b'.']) => Level::Debug,
            Some([b' ', b'-']) => Level::Info,
            Some([b' ', b'*']) => Level::Notice,
            Some([b' ', b'#']) => Level::Warn,
            _ => return false,
        };
        let message = match text.get(end + 2) {
            Some(b' ') => end + 3,
            Some(_) => return false,
            None => end + 2,
        };
        record.set_time(stamp);
        record.level = level;
        record.message = Text::of_line(message, text.len());
        true
    }
}
