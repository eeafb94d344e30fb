//! The Common Event Format (CEF) of ArcSight, which security devices of many vendors write.
//!
//! ```text
//! "CEF:" [SP] version "|" vendor "|" product "|" version "|" signature "|" name "|" severity
//! ["|" extension]
//! extension = [key "=" value {SP key "=" value}]
//! ```
//!
//! In the header `\|` and `\\` stand for a bar and a backslash, in the extension `\=`, `\\`, `\n` and
//! `\r` for an equal sign, a backslash and line ends. A value goes on to the blank before the next
//! key, and may hold blanks and even bare equal signs where no key stands before them (`?a=1`). Keys
//! are letters, digits and `_.-[]`.
//!
//! - **time**: `rt`, else `end`, else `start`: the first that is an epoch (in milliseconds; others by
//!   their magnitude) or a date such as `Jan 24 2024 10:15:32.123 UTC`, where year, fraction and zone
//!   may be missing. Of zones with a name only UTC and GMT are known; others, and any behind a date
//!   without a year, count as none.
//! - **level**: *severity* is 0–3 or `Low` (INFO), 4–6 or `Medium` (WARN), 7–8 or `High` (ERROR), 9–10
//!   or `Very-High` (FATAL); `Unknown` and all else is none.
//! - **message**: *name*. **client**: `src`. **route**: `requestMethod`, and of `request` what
//!   stands behind scheme and host. **host**: that of `request`. **user agent**:
//!   `requestClientApplication`. **referrer**: `requestContext`.
//!
//! There is no standard key for the status of a response (`outcome` is none), nor for its time; vendors
//! differ on what `in` and `out` count, so neither is its size. A status is the value of a custom key
//! (`cn1`, `cs2`, `flexNumber1`, …) whose label (`cn1Label`) says so, that of a key whose name does
//! (`rdwrCldResponseCode`), and `cn1` where vendors document it ([`STATUS_KEYS`]).
//!
//! Behind a syslog header no tag is needed, nor a colon behind one; what the line does not say, the header does.
//!
//! Sources: <https://www.microfocus.com/documentation/arcsight/arcsight-smartconnectors-8.3/cef-implementation-standard/Content/CEF/Chapter%201%20What%20is%20CEF.htm>,
//! <https://www.elastic.co/docs/reference/beats/filebeat/exported-fields-cef>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Span;
use crate::format::http::url_host;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::digits;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, fields, line_format};
use crate::record::{Column, Columns, Level, Record, Text};
use crate::time::{Stamp, TimestampParser, epoch};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "cef",
        title: "Common Event Format (CEF) of ArcSight and others",
        example: "CEF:0|Example|WAF|2.1|500|request blocked|8|rt=1706091332123 src=203.0.113.9 \
                  requestMethod=GET request=https://shop.example.com/cart",
        time_field: "rt, else end, else start",
        duration: None,
    },
    facts: Facts { untagged: &[b"CEF:"], ..Facts::PLAIN },
    build: |_| line_format(Cef),
};

struct Cef;

/// Vendors whose status is under a key without a label.
///
/// Source: <https://docs.imperva.com/bundle/cloud-application-security/page/more/log-file-structure.htm>.
const STATUS_KEYS: [(&[u8], &[u8]); 1] = [(b"Incapsula", b"cn1")];

/// Names that say a status, in lower case without `_`, `-` and blanks.
const STATUS_NAMES: [&str; 6] = [
    "responsecode",
    "httpstatus",
    "httpstatuscode",
    "statuscode",
    "responsestatus",
    "httpresponsecode",
];

/// Custom keys that are looked at.
const CUSTOM_MAX: usize = 16;

impl LineFormat for Cef {
    const COLUMNS: Columns = Columns::TIME
        .or(Columns::LEVEL)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT)
        .or(Columns::STATUS)
        .or(Columns::MESSAGE)
        .or(Columns::ON_REQUEST);

    const NEEDS: RequiredBytes = RequiredBytes::BAR.or(RequiredBytes::NO_YEAR_FIRST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'C'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        read(line, cx.context.wanted, &mut cx.context.clock, cx.arena, cx.record)
    }
}

fn read(
    line: Line<'_>,
    wanted: Columns,
    clock: &mut TimestampParser,
    arena: &mut Vec<u8>,
    record: &mut Record,
) -> Option<()> {
    let text = line.bytes();
    let version = text.strip_prefix(b"CEF:")?;
    // Trend Micro and others write a blank there.
    let version = version.strip_prefix(b" ").unwrap_or(version);
    let digits = digits(version);
    if digits == 0 || version.get(digits) != Some(&b'|') {
        return None;
    }
    let (mut start, mut end) = (0, text.len() - version.len() + digits);
    let mut vendor = (0, 0);
    // Vendor, product, its version, signature, name.
    for i in 0..5 {
        start = end + 1;
        end = bar(text, start)?;
        if i == 0 {
            vendor = (start, end);
        }
    }
    let of_vendor = STATUS_KEYS.iter().find(|(name, _)| *name == &text[vendor.0..vendor.1]);
    let status_key = of_vendor.map_or(&b""[..], |(_, key)| key);
    let mut customs: [(&[u8], Option<u16>); CUSTOM_MAX] = [(b"", None); CUSTOM_MAX];
    let mut custom_count = 0;
    let mut labeled: &[u8] = b"";
    let mut method = None;
    record.message = plain(text, (start, end), arena);
    start = end + 1;
    end = bar(text, start).unwrap_or(text.len());
    record.level = level(text[start..end].trim_ascii());
    let mut times = [None; 3];
    let on_request = |column, (start, end): Span, arena: &mut Vec<u8>, record: &mut Record| {
        if wanted.has(Columns::of(column)) && text[start..end] != *b"-" {
            record.set_text(column, plain(text, (start, end), arena));
        }
    };
    for_each_pair(text, end + 1, |key, value @ (start, end)| match key {
        b"rt" => times[0] = Some(value),
        b"end" => times[1] = Some(value),
        b"start" => times[2] = Some(value),
        b"requestMethod" => record.method = plain(text, value, arena),
        b"method" => method = Some(value),
        b"request" => {
            let url = &text[start..end];
            if let Some((from, to)) = url_host(url) {
                on_request(Column::HOST, (start + from, start + to), arena, record);
            }
            let path = path_of(url);
            record.path = plain(text, (start + path.start, start + path.end), arena);
        }
        b"requestClientApplication" => on_request(Column::USER_AGENT, value, arena, record),
        b"requestContext" => on_request(Column::REFERRER, value, arena, record),
        b"src" => {
            if let Some(client) = fields::client(&text[start..end]) {
                record.client = plain(text, (start + client.start, start + client.end), arena);
            }
        }
        key if key == status_key || says_status(key) => {
            record.status = fields::status(&text[start..end]).unwrap_or(record.status);
        }
        key => match key.strip_suffix(b"Label") {
            Some(custom) if says_status(&text[start..end]) => {
                let found = customs[..custom_count].iter().find(|(key, _)| *key == custom);
                match found {
                    Some((_, status)) => record.status = status.unwrap_or(record.status),
                    None => labeled = custom,
                }
            }
            Some(_) => {}
            None => {
                let status = fields::status(&text[start..end]);
                if key == labeled {
                    record.status = status.unwrap_or(record.status);
                } else if status.is_some() && custom_count < CUSTOM_MAX {
                    customs[custom_count] = (key, status);
                    custom_count += 1;
                }
            }
        },
    });
    if record.method.is_empty()
        && let Some(value) = method
    {
        record.method = plain(text, value, arena);
    }
    if let Some(stamp) = times.into_iter().flatten().find_map(|value| moment(line, value, clock)) {
        record.set_time(stamp);
    }
    Some(())
}

/// Whether a label or key says that its value is the status of a response.
fn says_status(name: &[u8]) -> bool {
    const NAME_BYTES_MAX: usize = 40;
    if name.len() > NAME_BYTES_MAX || name.len() < STATUS_NAMES[3].len() {
        return false;
    }
    let folded: Vec<u8> = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    STATUS_NAMES.iter().any(|known| folded.ends_with(known.as_bytes()))
}

/// The path of a URL, perhaps without its scheme: `shop.example.com/cart`.
fn path_of(url: &[u8]) -> std::ops::Range<usize> {
    let path = fields::path(url).unwrap_or_default();
    let is_of_host = |b: &&u8| b.is_ascii_alphanumeric() || b".-:".contains(b);
    let host = url.iter().take_while(is_of_host).count();
    if path.start == 0 && host > 0 && url.get(host) == Some(&b'/') && url[..host].contains(&b'.') {
        return host..path.end;
    }
    path
}

/// Where the next bar is that no backslash stands before.
fn bar(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'|', b'\\', text.get(at..)?)?;
        if text[at] == b'|' {
            return Some(at);
        }
        at += 2;
    }
}

fn level(severity: &[u8]) -> Level {
    match severity {
        [b'0'..=b'3'] | b"Low" => Level::Info,
        [b'4'..=b'6'] | b"Medium" => Level::Warn,
        [b'7' | b'8'] | b"High" => Level::Error,
        b"9" | b"10" | b"Very-High" => Level::Fatal,
        _ => Level::None,
    }
}

/// Calls `each` with the keys of the extension at `from` and where their values stand.
fn for_each_pair<'a>(text: &'a [u8], from: usize, mut each: impl FnMut(&'a [u8], Span)) {
    let is_of_key = |b: &&u8| b.is_ascii_alphanumeric() || b"_.-[]".contains(b);
    let Some(extension) = text.get(from..) else { return };
    let mut last: Option<(&[u8], usize)> = None;
    let mut tell = |last: Option<(&'a [u8], usize)>, end: usize| {
        if let Some((key, start)) = last {
            let value = text[start..end].trim_ascii_end();
            each(key, (start, start + value.len()));
        }
    };
    // A key has a blank before it, so no escaped equal sign is behind one.
    for equals in memchr::memchr_iter(b'=', extension).map(|i| from + i) {
        let key = equals - text[from..equals].iter().rev().take_while(is_of_key).count();
        if key == equals || (key > from && text[key - 1] != b' ') {
            continue;
        }
        tell(last, key);
        last = Some((&text[key..equals], equals + 1));
    }
    tell(last, text.len());
}

/// The time that is all of a value.
fn moment(line: Line<'_>, (start, end): Span, clock: &mut TimestampParser) -> Option<Stamp> {
    const EPOCH_DIGITS_MIN: usize = 10;
    let value = &line.bytes()[start..end];
    if value.iter().all(u8::is_ascii_digit) {
        return if value.len() < EPOCH_DIGITS_MIN { None } else { epoch(value) };
    }
    let (stamp, after) = clock.any(line, start)?;
    let is_of_zone = |b: &u8| b.is_ascii_uppercase();
    let is_end = match value.get(after - start..)? {
        [] => true,
        [b' ', zone @ ..] => (2..=5).contains(&zone.len()) && zone.iter().all(is_of_zone),
        _ => false,
    };
    is_end.then_some(stamp)
}

/// A text with its escapes undone.
fn plain(text: &[u8], (start, end): Span, arena: &mut Vec<u8>) -> Text {
    let escaped = &text[start..end];
    if memchr::memchr(b'\\', escaped).is_none() {
        return Text::of_line(start, end);
    }
    let from = arena.len();
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        let meant = match (byte, bytes.as_slice().first()) {
            (b'\\', Some(&next @ (b'|' | b'=' | b'\\'))) => Some(next),
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            _ => None,
        };
        if meant.is_some() {
            bytes.next();
        }
        arena.push(meant.unwrap_or(byte));
    }
    Text::of_arena(from, arena.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::record::NO_TIME;
    use proptest::prelude::*;

    const TIME_NS: i64 = 1_706_091_332_000_000_000;

    fn parse(line: &str) -> Option<(Record, Vec<u8>)> {
        let padded = PaddedLine::new(line.as_bytes());
        let (mut record, mut arena) = (Record::EMPTY, Vec::new());
        let clock = &mut TimestampParser::utc();
        read(padded.line(), Columns::NONE, clock, &mut arena, &mut record)?;
        Some((record, arena))
    }

    fn event(severity: &str, extension: &str) -> String {
        format!("CEF:0|Example|WAF|2.1|500|a name|{severity}|{extension}")
    }

    #[test]
    fn times() {
        for (extension, expected) in [
            ("rt=1706091332000", TIME_NS),
            ("rt=1706091332123 end=1706091335000", TIME_NS + 123_000_000),
            ("start=1706091330000 end=1706091332000", TIME_NS),
            ("start=1706091332000 src=203.0.113.9", TIME_NS),
            ("rt=Jan 24 2024 10:15:32", TIME_NS),
            ("rt=Jan 24 2024 10:15:32.123 src=203.0.113.9", TIME_NS + 123_000_000),
            ("rt=Jan 24 2024 10:15:32 UTC", TIME_NS),
            ("rt=Jan 24 2024 10:15:32.123 GMT x=1", TIME_NS + 123_000_000),
            ("rt=Jan 24 2024 12:15:32 CEST", TIME_NS),
            ("rt=soon end=Jan 24 2024 10:15:32", TIME_NS),
            ("rt=Jan 24 2024 10:15:32 or so", NO_TIME),
            ("rt=5", NO_TIME),
            ("", NO_TIME),
        ] {
            let (record, _) = parse(&event("5", extension)).unwrap();
            assert_eq!(record.time_ns, expected, "{extension}");
        }
    }

    #[test]
    fn a_blank_may_stand_before_the_version() {
        let line = event("5", "rt=1706091332000").replace("CEF:0", "CEF: 0");
        assert_eq!(parse(&line).unwrap().0.time_ns, TIME_NS);
        assert!(parse(&line.replace("CEF: 0", "CEF:  0")).is_none());
    }

    #[test]
    fn levels() {
        for (severities, expected) in [
            (&["0", "1", "2", "3", "Low"][..], Level::Info),
            (&["4", "5", "6", "Medium"], Level::Warn),
            (&["7", "8", "High"], Level::Error),
            (&["9", "10", "Very-High"], Level::Fatal),
            (&["Unknown", "", "11", "-1"], Level::None),
        ] {
            for severity in severities {
                let (record, _) = parse(&event(severity, "")).unwrap();
                assert_eq!(record.level, expected, "{severity}");
            }
        }
    }

    #[test]
    fn escapes_and_blanks() {
        let line = r"CEF:0|a\|b|c\\|1|2|found \| and \\ here|3|src=203.0.113.9 msg=a key\=value \\ b
            request=https://shop.example.com/a b?x\=1&y=2 requestMethod=POST  act=blocked a";
        let line = line.replace('\n', " ");
        let (record, arena) = parse(&line).unwrap();
        let text = |text: Text| String::from_utf8(text.bytes(line.as_bytes(), &arena).to_vec());
        assert_eq!(text(record.message).unwrap(), r"found | and \ here");
        assert_eq!(text(record.client).unwrap(), "203.0.113.9");
        assert_eq!(text(record.method).unwrap(), "POST");
        assert_eq!(text(record.path).unwrap(), "/a b?x=1&y=2");
        assert_eq!(record.level, Level::Info);

        let mut pairs = Vec::new();
        let extension = br"a=1 2  b\=c d= cs1Label=x \\ y=z\n";
        for_each_pair(extension, 0, |key, (start, end)| {
            let mut arena = Vec::new();
            let value = plain(extension, (start, end), &mut arena);
            pairs.push((key, value.bytes(extension, &arena).to_vec()));
        });
        let expected: [(&[u8], &[u8]); 4] =
            [(b"a", b"1 2  b=c"), (b"d", b""), (b"cs1Label", b"x \\"), (b"y", b"z\n")];
        assert!(pairs.iter().map(|(key, value)| (*key, &value[..])).eq(expected), "{pairs:?}");
    }

    #[test]
    fn no_records() {
        for line in [
            "",
            "CEF:",
            "CEF:0",
            "CEF:|a|b|c|d|e|5|",
            "CEF:x|a|b|c|d|e|5|",
            "CEF:0|a|b|c|d",
            r"CEF:0|a|b|c|d|e\|5",
            "LEEF:1.0|a|b|c|d|e|5|",
        ] {
            assert!(parse(line).is_none(), "{line}");
        }
        assert!(parse("CEF:1|a|b|c|d|e|5").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[ -~é]{0,80}", extension in r"([a-z=\\| ]|rt=|src=|Jan 24 ){0,40}") {
            parse(&text);
            parse(&event(&text, &extension));
        }
    }
}
