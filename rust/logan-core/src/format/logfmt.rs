//! logfmt: `ts=2024-01-24T10:15:33.001Z level=info msg="Request processed" duration=72ms`.
//!
//! # Accepted
//! A line is tokens with blanks (spaces and tabs) between them, and possibly behind them. A token is
//! - a pair: a key, `=`, and a value. The key is one or more bytes other than blanks, `=` and `"`.
//!   The value is either all up to the next blank or the end (nothing, too), if it does not begin
//!   with `"`; or it begins with `"` and goes to the next `"` that no backslash escapes, and behind
//!   that a blank, a comma or the end must follow;
//! - or a flag: the same as a key, with no `=` behind it.
//!
//! A comma at the end of a value without quotes, with another token behind it, parts them and is not of
//! the value: `method=GET, status=200`.
//!
//! It is a record if all of this holds:
//! - its first token is a pair, and begins with a letter, a digit, or one of `_.-@/`;
//! - it has at least two pairs and at most [`FLAGS_MAX`] flags;
//! - it has a usable time, level or message, by the table of [`fields`](super::fields), or a usable
//!   method, path and status (lograge); a message of rank 1 (`error` and the like) is not enough.
//!   So `foo=1 bar=2` is no record.
//!
//! Where no value is a time, `date` and `time` [beside each other](super::text::keyed) are one, else what
//! stands in `msg=audit(1706091332.123:456)` (auditd).
//!
//! Values are text. In quotes the escapes of JSON are undone, and anything else behind a backslash
//! stays as it is, backslash included; without quotes a backslash is a byte like others.

use super::access::request;
use super::database::operations;
use super::fields::{Fields, Group, Known, Meaning, Names, Value};
use super::{Entry, Facts, Info, LineFormat, Parse, keys, line_format};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::format::text::keyed;
use crate::record::{Columns, NO_DURATION, NO_STATUS, NO_TIME, Record, Text};
use crate::time::epoch;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "logfmt",
        title: "logfmt: key=value pairs",
        example: r#"ts=2024-01-24T10:15:33.001Z level=info msg="Request processed" method=GET path=/api/data status=200 duration=72ms"#,
        time_field: "time, timestamp, ts, t, ...",
        duration: Some(("duration, elapsed, latency, took, response_time, ...", "by key")),
    },
    facts: Facts {
        named_fields: true,
        // SonicWall's appliances.
        untagged: &[b"id=firewall "],
        ..Facts::PLAIN
    },
    build: |_| line_format(Logfmt { names: Names::get() }),
};

/// Words without `=` that a record may have: logs of some programs have a few, prose has many.
pub const FLAGS_MAX: usize = 8;

struct Logfmt {
    names: &'static Names,
}

impl LineFormat for Logfmt {
    #[inline(always)]
    fn keys<S: Simd>(&self, simd: S, line: Line<'_>, found: &mut keys::Found<'_>) {
        pairs(simd, line, |key, start, end, escaped| {
            for (i, name) in found.names().enumerate() {
                if name == &line.bytes()[key.clone()] {
                    found.take(i, line, start, end, escaped);
                }
            }
        });
    }

    const COLUMNS: Columns = Columns::ACCESS.or(Columns::TEXT).or(Columns::ON_REQUEST);
    const NEEDS: RequiredBytes = RequiredBytes::EQUALS;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/')
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if !self.may_begin_with(line.byte(0)) {
            return None;
        }
        let names = self.names.wanted(cx.context.wanted);
        let mut fields = Fields::new(line);
        let mut pairs = 0;
        let mut flags = 0;
        let mut at = 0;
        while at < line.len() {
            let key = at;
            let key_end = token_end(cx.simd, line, at);
            let mark = if key_end < line.len() { line.byte(key_end) } else { b' ' };
            if mark != b'=' {
                // Most lines of text that are no logfmt end here, at their first blank.
                if mark == b'"' || pairs == 0 || flags == FLAGS_MAX {
                    return None;
                }
                flags += 1;
                at = skip_blanks(line, key_end);
                continue;
            }
            if key_end == key {
                return None;
            }
            pairs += 1;
            let known: Known = names.look_up(line, Group::ROOT, key, key_end);
            fields.marks |= known.marks;
            let mut start = key_end + 1;
            let end;
            let mut escaped = false;
            if start < line.len() && line.byte(start) == b'"' {
                start += 1;
                (end, escaped) = quoted_end(cx.simd, line, start)?;
                at = end + 1;
                if at < line.len() && !is_blank(line.byte(at)) {
                    if line.byte(at) != b',' {
                        return None;
                    }
                    at += 1;
                }
            } else {
                at = blank(cx.simd, line, start);
                end = without_comma(line, start, at);
            }
            if known.meaning != Meaning::Nothing {
                let value = Value { start, end, escaped, number: false };
                fields.take(known, key, value, cx);
            }
            at = skip_blanks(line, at);
        }
        if pairs < 2 || !fields.looks_like_a_log() || !fields.finish(cx) {
            return None;
        }
        if cx.record.time_ns == NO_TIME {
            match keyed::of_two_keys(line.bytes(), &mut cx.context.clock) {
                Some(stamp) => cx.record.set_time(stamp),
                None => audited(line.bytes(), cx.record),
            }
        }
        if cx.record.status == NO_STATUS && cx.record.path.is_empty() {
            request::of_message(line.bytes(), cx.context, cx.arena, cx.record);
        }
        if cx.record.status == NO_STATUS {
            without_request(line.bytes(), cx.arena, cx.record);
        }
        Some(())
    }
}

/// Takes from a record without a status what only requests have: the lifetime of a firewall's
/// session, whose lines name the ports of both ends, and a method that is another one's than HTTP's.
#[inline(always)]
fn without_request(line: &[u8], arena: &[u8], record: &mut Record) {
    let names = |key: &[u8]| memchr::memmem::find(line, key).is_some();
    if record.duration_ns == NO_DURATION {
        record.duration_ns = operations::response_time(line);
    }
    if record.duration_ns != NO_DURATION && names(b"srcport=") && names(b"dstport=") {
        record.duration_ns = NO_DURATION;
    }
    let method = record.method.bytes(line, arena);
    // FortiGate's web filter says by what it found a category (`method="domain"`), Stormshield how a user
    // logged in (`method="OPENVPN"`).
    let is_one = match record.path.is_empty() {
        true => {
            method.iter().all(u8::is_ascii_uppercase)
                && (is_http(method) || EXTENSIONS.contains(&method))
        }
        false => method.iter().all(u8::is_ascii_uppercase) || is_http(method),
    };
    if !is_one {
        record.method = Text::NONE;
    }
}

/// Methods of WebDAV and of caches, in capitals.
const EXTENSIONS: [&[u8]; 14] = [
    b"PURGE",
    b"BAN",
    b"QUERY",
    b"SEARCH",
    b"REPORT",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"MKACTIVITY",
    b"CHECKOUT",
];

/// Whether a method is one of HTTP, in whatever case.
#[cold]
fn is_http(method: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"get", b"head", b"post", b"put", b"delete", b"patch", b"options", b"connect", b"trace"];
    METHODS.iter().any(|known| known.eq_ignore_ascii_case(method))
}

/// The time that auditd writes at the start of its message: `msg=audit(1706091332.123:456): `.
#[cold]
fn audited(line: &[u8], record: &mut Record) {
    const BEFORE: &[u8] = b" msg=audit(";
    let Some(found) = memchr::memmem::find(line, BEFORE) else { return };
    let text = &line[found + BEFORE.len()..];
    let len = text.iter().take(40).position(|&b| b == b':').unwrap_or(0);
    if let Some(stamp) = epoch(&text[..len]) {
        record.set_time(stamp);
    }
}

/// Calls `take` with each pair of a record: where the key is, where the value starts and ends, and
/// whether it holds escapes.
#[inline(always)]
fn pairs<S: Simd>(
    simd: S,
    line: Line<'_>,
    mut take: impl FnMut(std::ops::Range<usize>, usize, usize, bool),
) {
    let mut at = 0;
    while at < line.len() {
        let key_end = token_end(simd, line, at);
        if key_end < line.len() && line.byte(key_end) == b'=' {
            let key = at..key_end;
            let start = key_end + 1;
            if start < line.len() && line.byte(start) == b'"' {
                let Some((end, escaped)) = quoted_end(simd, line, start + 1) else { return };
                take(key, start + 1, end, escaped);
                at = end + 1 + usize::from(line.bytes().get(end + 1) == Some(&b','));
            } else {
                at = blank(simd, line, start);
                take(key, start, without_comma(line, start, at), false);
            }
        } else {
            // A flag; a quote cannot be here in a record, but the walk has to end all the same.
            at = key_end + usize::from(key_end < line.len() && line.byte(key_end) == b'"');
        }
        at = skip_blanks(line, at);
    }
}

/// Where a value ends that goes on to the blank at `end`.
#[inline(always)]
fn without_comma(line: Line<'_>, start: usize, end: usize) -> usize {
    let has_comma = end > start && end < line.len() && line.byte(end - 1) == b',';
    end - usize::from(has_comma)
}

#[inline(always)]
fn is_blank(byte: u8) -> bool {
    // auditd parts what it resolved from the fields by a group separator.
    byte == b' ' || byte == b'\t' || byte == 0x1d
}

/// The first position from `at` on without a blank, or the line's end.
#[inline(always)]
fn skip_blanks(line: Line<'_>, mut at: usize) -> usize {
    while at < line.len() && is_blank(line.byte(at)) {
        at += 1;
    }
    at
}

/// The first blank, `=` or `"` from `at` on, or the line's end.
#[inline(always)]
fn token_end<S: Simd>(simd: S, line: Line<'_>, mut at: usize) -> usize {
    while at < line.len() {
        let marks = line.eq32(simd, at, b'=')
            | line.eq32(simd, at, b' ')
            | line.eq32(simd, at, b'\t')
            | line.eq32(simd, at, b'"');
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += 32;
    }
    line.len()
}

/// The first blank from `at` on, or the line's end.
#[inline(always)]
fn blank<S: Simd>(simd: S, line: Line<'_>, mut at: usize) -> usize {
    while at < line.len() {
        let marks = line.eq32(simd, at, b' ') | line.eq32(simd, at, b'\t');
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += 32;
    }
    line.len()
}

/// Where the text that starts at `start` has its closing quote, and whether it holds backslashes.
#[inline(always)]
fn quoted_end<S: Simd>(simd: S, line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = start;
    while at < line.len() {
        let quotes = line.eq32(simd, at, b'"');
        let first = quotes | line.eq32(simd, at, b'\\');
        if first == 0 {
            at += 32;
            continue;
        }
        let i = first.trailing_zeros();
        at += i as usize;
        if quotes >> i & 1 != 0 {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::{PAD, PaddedLine};
    use crate::format::{Context, Params};
    use crate::record::Level;
    use crate::time::TimestampParser;
    use proptest::prelude::*;

    struct Parsed {
        record: Record,
        line: PaddedLine,
        arena: Vec<u8>,
    }

    impl Parsed {
        fn text(&self, text: crate::record::Text) -> String {
            String::from_utf8_lossy(text.bytes(self.line.line().bytes(), &self.arena)).into()
        }
    }

    fn context() -> Context {
        Context::new(TimestampParser::utc())
    }

    fn parse_bytes(bytes: &[u8]) -> Option<Parsed> {
        let line = PaddedLine::new(bytes);
        let mut arena = Vec::new();
        let mut record = Record::EMPTY;
        let logfmt = (ENTRY.build)(&Params::default());
        let found = logfmt.parse_line(line.line(), &mut context(), &mut arena, &mut record);
        found.then_some(Parsed { record, line, arena })
    }

    fn parse(line: &str) -> Parsed {
        parse_bytes(line.as_bytes()).unwrap_or_else(|| panic!("no record: {line}"))
    }

    /// 2024-01-24T10:15:33.001Z
    const TIME_NS: i64 = 1_706_091_333_001_000_000;

    #[test]
    fn the_example_is_a_record() {
        let found = parse(ENTRY.info.example);
        assert_eq!(found.record.time_ns, TIME_NS);
        assert_eq!(found.record.second, 1_706_091_333);
        assert_eq!(found.record.level, Level::Info);
        assert_eq!(found.record.status, 200);
        assert_eq!(found.record.duration_ns, 72_000_000);
        assert_eq!(found.text(found.record.message), "Request processed");
        assert_eq!(found.text(found.record.method), "GET");
        assert_eq!(found.text(found.record.path), "/api/data");
    }

    #[test]
    fn lines_of_several_programs() {
        // logrus
        let found = parse(
            r#"time="2024-01-24T10:15:33.001Z" level=warning msg="The group's \"number\" rose\n" number=122 omg=true"#,
        );
        assert_eq!(found.record.level, Level::Warn);
        assert_eq!(found.text(found.record.message), "The group's \"number\" rose\n");
        // lograge
        let found = parse(
            "method=GET path=/jobs/1.json format=json controller=JobsController  action=show status=200 duration=58.33 view=40.43 db=15.26",
        );
        assert_eq!((found.record.status, found.record.duration_ns), (200, 58_330_000));
        assert_eq!(found.text(found.record.path), "/jobs/1.json");
        // Heroku's router
        let found = parse(
            r#"at=info method=GET path="/x" host=h request_id=1 fwd="1.2.3.4, 10.0.0.1" dyno=web.1 connect=1ms service=18ms status=200 bytes=13 protocol=https"#,
        );
        assert_eq!((found.record.level, found.record.status), (Level::Info, 200));
        assert_eq!((found.record.duration_ns, found.record.bytes_sent), (18_000_000, 13));
        assert_eq!(found.text(found.record.client), "1.2.3.4");
        // go-kit, Prometheus
        let found = parse(
            "ts=2024-01-24T10:15:33.001Z caller=main.go:12 level=error err=\"open /x: no such file\"",
        );
        assert_eq!(found.record.level, Level::Error);
        assert_eq!(found.text(found.record.message), "open /x: no such file");
        // slog, text handler
        let found = parse(
            "time=2024-01-24T10:15:33.001Z level=INFO msg=served method=GET url=/x?y=1 dur=1.2345ms",
        );
        assert_eq!(found.record.duration_ns, 1_234_500);
        assert_eq!(found.text(found.record.path), "/x?y=1");
        // Grafana
        let found = parse(
            "logger=context userId=1 t=2024-01-24T10:15:33.001Z level=info msg=\"Request Completed\" method=GET path=/api/ds status=200 remote_addr=192.168.1.1 time_ms=3 duration=3.1ms size=2 referer=",
        );
        assert_eq!(found.record.time_ns, TIME_NS);
        assert_eq!(found.record.duration_ns, 3_100_000);
        assert_eq!(found.record.bytes_sent, 2);
        assert_eq!(found.text(found.record.client), "192.168.1.1");
        // hclog and others with an epoch and flags
        let found = parse("@timestamp=1706091333.001 @level=debug verbose dry-run took=95ms");
        assert_eq!(found.record.time_ns, TIME_NS);
        assert_eq!(found.record.duration_ns, 95_000_000);
        // A key and a value of their own for each blank, tab or several.
        let found = parse("level=info\t msg=  x=1  ");
        assert_eq!(found.text(found.record.message), "");
        assert_eq!(found.record.time_ns, NO_TIME);
        assert_eq!(found.record.status, NO_STATUS);
        assert_eq!(found.record.duration_ns, NO_DURATION);
    }

    #[test]
    fn no_records() {
        for line in [
            "",
            " level=info msg=x",
            "level=info",
            "foo=1 bar=2",
            "status=200 method=GET",
            "error=x bar=2",
            "msg=\"unterminated level=info",
            "msg=\"escaped end\\\" level=info",
            "msg=\"x\"y level=info",
            "level=info =x msg=y",
            "level=info a\"b=1 msg=y",
            "started level=info msg=x",
            "level=info msg=a b c d e f g h i j",
            "2024-01-24 10:15:32.123 INFO Request processed in 127ms",
            "{\"level\":\"info\",\"msg\":\"x\"}",
            "Invalid log line",
        ] {
            assert!(parse_bytes(line.as_bytes()).is_none(), "{line}");
        }
        assert!(parse_bytes(b"level=info msg=a b c d e f g h i").is_some());
    }

    #[test]
    fn quotes_and_backslashes_in_bare_values_are_bytes() {
        let found = parse(r#"level=error msg=C:\new"x" n=1"#);
        assert_eq!(found.text(found.record.message), r#"C:\new"x""#);
        let found = parse(r#"level=error msg="\x1b[0m \\ \u00e9""#);
        assert_eq!(found.text(found.record.message), r"\x1b[0m \ é");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            parse_bytes(&bytes);
        }

        #[test]
        fn likely_bytes_are_survived(line in "[a-z=\" \\\\\t0-9:.é-]{0,120}") {
            let line = format!("level=info {line}");
            if let Some(found) = parse_bytes(line.as_bytes()) {
                for text in [found.record.message, found.record.path, found.record.client] {
                    found.text(text);
                }
            }
        }

        #[test]
        fn what_stands_around_the_line_does_not_matter(
            line in "(level|ts|msg|status|dur|path|a)=[a-z0-9\"\\\\ =/.]{0,9}( (t|status|level|b)=\"?[a-z0-9]{0,9}\"?){0,4}",
            around in "[a-z=\" \\\\\t0-9:./-]{64}",
        ) {
            let block = [&around[..], &line, &around].concat();
            let inside = Line::new(block.as_bytes(), PAD, PAD + line.len());
            let mut record = Record::EMPTY;
            let logfmt = (ENTRY.build)(&Params::default());
            let found = logfmt.parse_line(inside, &mut context(), &mut Vec::new(), &mut record);
            let expected = parse_bytes(line.as_bytes());
            prop_assert_eq!(found, expected.is_some());
            if let Some(expected) = expected {
                prop_assert_eq!(record, expected.record);
            }
        }

        #[test]
        fn order_does_not_matter(order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle()) {
            let pairs = ["ts=1706091333.001", "level=warn", "msg=\"a \\\"b\\\"\"", "status=503",
                "duration_us=12", "path=/x", "client=1.2.3.4:5"];
            let line = order.iter().map(|&i| pairs[i]).collect::<Vec<_>>().join(" ");
            let found = parse(&line);
            prop_assert_eq!(found.record.time_ns, TIME_NS);
            prop_assert_eq!(found.record.level, Level::Warn);
            prop_assert_eq!(found.text(found.record.message), "a \"b\"");
            prop_assert_eq!(found.record.status, 503);
            prop_assert_eq!(found.record.duration_ns, 12_000);
            prop_assert_eq!(found.text(found.record.path), "/x");
            prop_assert_eq!(found.text(found.record.client), "1.2.3.4");
        }
    }
}
