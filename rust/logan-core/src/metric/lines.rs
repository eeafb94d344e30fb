//! Lines by class, and what is wrong with the malformed ones.
//!
//! Not fed by batches but by the scanner, which alone sees lines that are no records.

use super::State;
use crate::bytes::line::LINE_BYTES_MAX;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Malformed lines that are kept.
pub const SAMPLES_MAX: usize = 5;
/// Bytes that are kept of each.
pub const SAMPLE_BYTES_MAX: usize = 200;

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
}

/// Names of the reasons in reports, indexed by [`Reason`].
pub const REASONS: [&str; 6] =
    ["overlong", "binary", "invalid_json", "invalid_timestamp", "no_timestamp", "no_known_field"];

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

/// One malformed line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// Index of the source.
    pub source: u32,
    /// Offset of the line in it.
    pub offset: u64,
    /// Its first bytes.
    #[serde(with = "serde_bytes")]
    pub text: Vec<u8>,
}

/// Accumulator and state.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// Lines that are records.
    pub parsed: u64,
    /// Lines without anything but white space.
    pub blank: u64,
    /// Lines that continue a record.
    pub continuation: u64,
    /// Directives such as `#Fields`.
    pub header: u64,
    /// Records that the user excluded.
    pub filtered: u64,
    /// Malformed lines, indexed by [`Reason`].
    pub reasons: [u64; REASONS.len()],
    /// The first malformed lines, in order.
    pub samples: Vec<Sample>,
}

impl Lines {
    /// Counts a malformed line. Within one source lines must come in order.
    pub fn malformed(&mut self, source: u32, offset: u64, line: &[u8]) {
        self.reasons[reason(line) as usize] += 1;
        if self.samples.len() < SAMPLES_MAX {
            let text = line[..line.len().min(SAMPLE_BYTES_MAX)].to_vec();
            self.samples.push(Sample { source, offset, text });
        }
    }

    /// Malformed lines.
    pub fn malformed_count(&self) -> u64 {
        self.reasons.iter().sum()
    }

    /// All lines.
    pub fn total(&self) -> u64 {
        self.parsed
            + self.malformed_count()
            + self.blank
            + self.continuation
            + self.header
            + self.filtered
    }

    /// The report's `lines`.
    pub fn evaluate(&self) -> Value {
        json!({
            "total": self.total(),
            "parsed": self.parsed,
            "malformed": self.malformed_count(),
            "blank": self.blank,
            "continuation": self.continuation,
            "header": self.header,
            "filtered": self.filtered,
        })
    }

    /// The report's `malformed`; inputs by their index.
    pub fn evaluate_malformed(&self) -> Value {
        let reasons: Map<_, _> = REASONS
            .iter()
            .zip(self.reasons)
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| (name.to_string(), n.into()))
            .collect();
        let sample = |s: &Sample| {
            json!({
                "input": s.source,
                "offset": s.offset,
                "text": String::from_utf8_lossy(&s.text),
            })
        };
        json!({ "reasons": reasons, "samples": self.samples.iter().map(sample).collect::<Vec<_>>() })
    }
}

impl State for Lines {
    fn merge(&mut self, other: &Self) {
        self.parsed += other.parsed;
        self.blank += other.blank;
        self.continuation += other.continuation;
        self.header += other.header;
        self.filtered += other.filtered;
        for (count, more) in self.reasons.iter_mut().zip(other.reasons) {
            *count += more;
        }
        self.samples.extend_from_slice(&other.samples);
        self.samples.sort();
        self.samples.truncate(SAMPLES_MAX);
    }

    fn check(&self) -> Result<(), &'static str> {
        let rest = [self.parsed, self.blank, self.continuation, self.header, self.filtered];
        super::sane(rest.into_iter().chain(self.reasons))?;
        if self.samples.len() as u64 != self.malformed_count().min(SAMPLES_MAX as u64)
            || !self.samples.is_sorted()
            || self.samples.iter().any(|s| s.text.len() > SAMPLE_BYTES_MAX)
        {
            return Err("samples of malformed lines do not agree with their count");
        }
        Ok(())
    }
}

/// Whether a line that no format took continues the record before it, by its beginning alone.
///
/// White space, how stack traces of usual languages go on, or nothing but what closes what was
/// opened before.
pub fn is_continuation(line: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 8] = [
        b"Traceback (",
        b"Caused by:",
        b"at ",
        b"... ",
        b"Suppressed:",
        b"goroutine ",
        b"[stacktrace]",
        b"script_filename = ",
    ];
    /// What the first byte leaves to ask: anything, whether it is a name, or nothing.
    const ANYTHING: u8 = 2;
    const NAME: u8 = 1;
    static KINDS: [u8; 256] = {
        let mut kinds = [0; 256];
        let mut letter = 0;
        while letter < 26 {
            kinds[b'A' as usize + letter] = NAME;
            kinds[b'a' as usize + letter] = NAME;
            letter += 1;
        }
        let (others, mut i) = (b" \t#[}])\"',;", 0);
        while i < others.len() {
            kinds[others[i] as usize] = ANYTHING;
            i += 1;
        }
        i = 0;
        while i < PREFIXES.len() {
            kinds[PREFIXES[i][0] as usize] = ANYTHING;
            i += 1;
        }
        kinds
    };
    static OF_NAME: [bool; 256] = crate::format::byte_set(
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._$",
    );
    let Some(&first) = line.first() else { return false };
    let kind = KINDS[usize::from(first)];
    if kind == 0 {
        return false;
    }
    if kind == ANYTHING {
        if matches!(first, b' ' | b'\t')
            || PREFIXES.iter().any(|p| p[0] == first && line.starts_with(p))
        {
            return true;
        }
        // PHP numbers the frames: `#0 /app/x.php(12): f()`.
        if first == b'#' {
            let digits = line.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
            return digits > 0 && line.get(1 + digits) == Some(&b' ');
        }
        // PHP-FPM's slow log gives their addresses: `[0x00007f00deadbeef] f() /app/x.php:12`.
        if let Some(frame) = line.strip_prefix(b"[0x") {
            let digits = frame.iter().take_while(|b| b.is_ascii_hexdigit()).count();
            return digits > 0 && frame[digits..].starts_with(b"] ");
        }
        let closes = |b: &u8| matches!(b, b'}' | b']' | b')');
        if line.iter().all(|b| closes(b) || b"\"',; ".contains(b)) {
            return line.iter().any(closes);
        }
    }
    // `ValueError: x`, `java.lang.IllegalStateException: x`: a dotted name that ends so, alone or
    // before a colon.
    if !first.is_ascii_alphabetic() {
        return false;
    }
    let end = line.iter().position(|&b| !OF_NAME[usize::from(b)]).unwrap_or(line.len());
    let name = &line[..end];
    matches!(line.get(end), None | Some(b':'))
        && (name.ends_with(b"Error") || name.ends_with(b"Exception") || name.ends_with(b"Warning"))
}

/// Whether a line says what the lines after it are: a directive of the W3C extended log format or
/// of Zeek, the names of the fields of AWS VPC flow logs, or what `journalctl` puts between entries.
pub fn is_header(line: &[u8]) -> bool {
    const NAMES: [&[u8]; 22] = [
        b"#Version:",
        b"#Fields:",
        b"#Software:",
        b"#Date:",
        b"#Start-Date:",
        b"#End-Date:",
        b"#Remark:",
        b"#separator ",
        b"#set_separator\t",
        b"#empty_field\t",
        b"#unset_field\t",
        b"#path\t",
        b"#open\t",
        b"#close\t",
        b"#fields\t",
        b"#types\t",
        b"version account-id ",
        b"-- Logs begin at ",
        b"-- Journal begins at ",
        b"-- Boot ",
        b"-- Reboot --",
        b"-- No entries --",
    ];
    NAMES.iter().any(|name| line.starts_with(name))
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
