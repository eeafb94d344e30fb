//! What a line is that no format took as a record: blank, a header, a continuation, or malformed
//! and why.
//!
//! It must not know any format. What only lines of one format look like, that format's
//! [facts](super::Facts) say; how stack traces go on is said in [`tails`](super::tails).
//! A line is looked at by its first byte first: which bytes may begin a header is computed from the
//! registry when the crate is compiled.

pub use super::preamble::is_preamble;

use super::REGISTRY;
use crate::bytes::line::LINE_BYTES_MAX;
use serde::de::IgnoredAny;

/// Whether there is only white space.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes.trim_ascii().is_empty()
}

/// The first bytes of all headers.
static BEGINS_HEADER: [bool; 256] = {
    let (mut set, mut i) = ([false; 256], 0);
    while i < REGISTRY.len() {
        let mut j = 0;
        while j < REGISTRY[i].facts.headers.len() {
            set[REGISTRY[i].facts.headers[j][0] as usize] = true;
            j += 1;
        }
        i += 1;
    }
    set
};

/// Whether a line says what the lines after it are, such as a directive of the W3C extended log
/// format: it begins with a [header](super::Facts::headers) of some format.
#[inline(always)]
pub fn is_header(line: &[u8]) -> bool {
    line.first().is_some_and(|&b| BEGINS_HEADER[usize::from(b)])
        && REGISTRY.iter().any(|entry| entry.facts.headers.iter().any(|p| line.starts_with(p)))
}

/// Whether a format says that a line with a timestamp up to `end` is one of its own, although a
/// [general](super::Facts::is_general) one would take it.
pub(super) fn is_claimed(line: &[u8], end: usize) -> bool {
    /// For each byte behind the timestamp, the formats that may claim the line.
    static MAY_CLAIM: [u64; 256] = {
        let (mut set, mut i) = ([0; 256], 0);
        while i < REGISTRY.len() {
            if let Some(claims) = REGISTRY[i].facts.claims {
                let mut j = 0;
                while j < claims.behind_time.len() {
                    set[claims.behind_time[j] as usize] |= 1 << i;
                    j += 1;
                }
            }
            i += 1;
        }
        set
    };
    let mut formats = line.get(end).map_or(0, |&byte| MAY_CLAIM[usize::from(byte)]);
    while formats != 0 {
        let claims = REGISTRY[formats.trailing_zeros() as usize].facts.claims;
        if claims.is_some_and(|claims| (claims.is_one)(line, end)) {
            return true;
        }
        formats &= formats - 1;
    }
    false
}

/// Why a line is malformed: the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Reason {
    /// [`LINE_BYTES_MAX`] bytes or more.
    Overlong,
    /// Holds a NUL byte.
    Binary,
    /// Begins with `{` and is no JSON.
    InvalidJson,
    /// Begins like a date or a time of day, which is incomplete or impossible.
    InvalidTimestamp,
    /// No timestamp where a format has one.
    NoTimestamp,
    /// A JSON object none of whose fields is known and usable.
    NoKnownField,
    /// A quoted value of a table that the line does not close: a line break stands in it.
    OpenQuote,
    /// More or fewer values than the header of a table has names.
    ColumnCount,
}

/// Names of the reasons in reports, indexed by [`Reason`].
pub const REASONS: [&str; 8] = [
    "overlong",
    "binary",
    "invalid_json",
    "invalid_timestamp",
    "no_timestamp",
    "no_known_field",
    "open_quote",
    "column_count",
];

/// Why no format took this line.
pub fn reason(line: &[u8]) -> Reason {
    let digits = |range: std::ops::Range<usize>| {
        line.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let is = |i: usize, list: &[u8]| line.get(i).is_some_and(|b| list.contains(b));
    if line.len() >= LINE_BYTES_MAX {
        return Reason::Overlong;
    }
    if line.contains(&0) {
        return Reason::Binary;
    }
    if line.trim_ascii_start().starts_with(b"{") {
        let is_json = serde_json::from_slice::<IgnoredAny>(line).is_ok();
        return if is_json { Reason::NoKnownField } else { Reason::InvalidJson };
    }
    let date = digits(0..4) && is(4, b"-/") && digits(5..7) && is(7, b"-/") && digits(8..10);
    let time = digits(0..2) && is(2, b":") && digits(3..5);
    if date || time { Reason::InvalidTimestamp } else { Reason::NoTimestamp }
}

/// Whether a format says that a line goes on with a record of its own.
fn of_formats(line: &[u8]) -> bool {
    let mut all = REGISTRY.iter().flat_map(|entry| entry.facts.continuations);
    all.any(|lines| line.strip_prefix(lines.prefix).is_some_and(lines.is_one))
}

/// Whether a line that no format took continues the record before it, by its beginning alone: as
/// [tails](super::tails) of records do, or as a format says.
pub fn is_continuation(line: &[u8]) -> bool {
    super::tails::is_tail(line) || of_formats(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuations() {
        for line in [
            "\tat com.foo.Bar.baz(Bar.java:12)",
            "  File \"x.py\", line 3",
            "Traceback (most recent call last):",
            "Caused by: java.io.IOException: x",
            "at Object.<anonymous> (x.js:1:2)",
            "... 12 more",
            "ValueError: x",
            "java.lang.NullPointerException",
            "KeyError: 'x'",
            "#0 /app/x.php(12): f()",
            "[stacktrace]",
            "script_filename = /app/x.php",
            "[0x00007f00deadbeef] f() /app/x.php:12",
            "}",
            "\"}",
            "  ],",
            "})';",
        ] {
            assert!(is_continuation(line.as_bytes()), "{line}");
        }
        for line in [
            "Invalid log line",
            "Error",
            "Errors: 5",
            "attempt 5",
            "2024-01-24 ERROR",
            "...",
            "A b Error: x",
            "# Time: 10:15",
            "#0",
            "[0x] f",
            "\"\"",
            "} x",
        ] {
            assert_eq!(is_continuation(line.as_bytes()), line == "Error", "{line}");
        }
    }

    #[test]
    fn reasons() {
        assert_eq!(reason(b"Invalid log line"), Reason::NoTimestamp);
        assert_eq!(reason(b"2024-01-24 ERROR"), Reason::InvalidTimestamp);
        assert_eq!(reason(b"10:15:33.001 INFO Incomplete"), Reason::InvalidTimestamp);
        assert_eq!(reason(b"{\"a\":"), Reason::InvalidJson);
        assert_eq!(reason(b"{\"a\":1}"), Reason::NoKnownField);
        assert_eq!(reason(b" {} "), Reason::NoKnownField);
        assert_eq!(reason(b"\0{"), Reason::Binary);
    }
}
