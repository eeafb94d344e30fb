//! W3C extended logs: IIS, CloudFront, and others that say their columns in a `#Fields:` line.
//!
//! # Accepted
//! A line is a record if a [`Layout`] is known, the line has as many columns as it, and
//! - the columns `date` and `time` hold `YYYY-MM-DD` and `HH:MM:SS` with an optional fraction, or
//!   `-`; they are UTC, whatever the zone of other timestamps. With only one of the two the record
//!   has no time;
//! - `sc-status` holds three digits, `0` or `-`; below 100 (CloudFront's `000`) there was no answer.
//!
//! Columns are separated by tabs if the line has any, else by runs of spaces. A value that begins
//! with `"` goes to the next `"` that no second one follows and a separator or the end does; the quotes
//! are not part of it. Values of `-` are absent. Used are also `c-ip`, `cs-method`, `cs-uri-stem` (or `cs-uri`), `sc-bytes` (or
//! `bytes`), `cs(User-Agent)`, `cs(Referer)` and `x-host-header` (or `cs-host`, `cs(Host)`)
//! if the job asks for them, and the response
//! time:
//!
//! | kind of layout | told by | response time |
//! |---|---|---|
//! | CloudFront | a column `x-edge-location` | `time-taken` in s |
//! | IIS | a column `sc-win32-status`, `sc-substatus`, `s-sitename`, `s-computername` or `s-port` | `time-taken` in ms |
//! | generic | neither | by its name: `time-taken`, `duration`, `elapsed`, `latency` or `response-time`, perhaps behind `x-`, `s-`, `sc-` or `cs-`, and with a suffix `-ns`, `-us`, `-ms` or `-s`; without one a number with decimals is in s (Tomcat, as the draft of the W3C says), a whole one in ms (IIS with few columns, Blue Coat) |
//!
//! Of a line with more values than columns, those behind the path are counted from the end, if date, time,
//! client and status then are what they should be: clients send blanks in queries.
//!
//! IIS logs what it does by SMTP, FTP and NNTP, too, and other programs have this format for such
//! protocols. Where `s-sitename` names such a service (`SMTPSVC1`), `cs-version` such a protocol or
//! `cs-method` one of its commands, a line has neither method nor path, status nor response time. A
//! status of 0 without a method beside it says nothing.
//!
//! A layout with neither `date` and `time` nor `sc-status` says nothing that a record needs.
//!
//! Which layout counts for a line is in [`history`](crate::format::state).

use super::address;
use super::cursor::Cursor;
use super::http::{is_command, is_of_other_protocol, path};
use super::{Candidate, Context, Entry, Facts, Info, LineFormat, Parse, Unit, fields, line_format};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::text::duration;
use crate::record::{self, Columns, NO_ANSWER, NO_DURATION, NO_STATUS, Record, Text};
use crate::time::{Stamp, TimestampParser};
use std::sync::LazyLock;

/// Registry entry.
pub static IIS: Entry = Entry {
    info: Info {
        name: "iis",
        title: "Microsoft IIS (W3C extended), columns by #Fields:",
        example: "2024-01-24 10:15:32 10.0.0.1 GET /api/data - 443 - 192.168.1.1 Mozilla/5.0 - 200 0 0 127",
        time_field: "date and time",
        duration: Some(("time-taken", "ms")),
    },
    facts: Facts {
        trial: Candidate::Outer,
        example_header: Some(
            "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
         cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
        ),
        ..Facts::PLAIN
    },
    build: |_| line_format(W3c { kind: Kind::Iis }),
};

/// Registry entry.
pub static CLOUDFRONT: Entry = Entry {
    info: Info {
        name: "cloudfront",
        title: "Amazon CloudFront standard log, columns by #Fields:",
        example: "2024-01-24\t10:15:32\tFRA56-C1\t2390\t192.0.2.10\tGET\td111111abcdef8.cloudfront.net\t/api/data\t200\t0.127",
        time_field: "date and time",
        duration: Some(("time-taken", "s")),
    },
    facts: Facts {
        trial: Candidate::Outer,
        example_header: Some(
            "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem \
         sc-status time-taken",
        ),
        ..Facts::PLAIN
    },
    build: |_| line_format(W3c { kind: Kind::CloudFront }),
};

/// Registry entry.
pub static GENERIC: Entry = Entry {
    info: Info {
        name: "w3c",
        title: "W3C extended log, columns by #Fields:",
        example: "2024-01-24 10:15:32 192.168.1.1 GET /api/data 200 0.127",
        time_field: "date and time",
        duration: Some(("time-taken or a column named alike", "by column")),
    },
    facts: Facts {
        trial: Candidate::Outer,
        headers: HEADERS,
        layout_header: Some(b"#Fields:"),
        example_header: Some("#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken"),
        ..Facts::PLAIN
    },
    build: |_| line_format(W3c { kind: Kind::Generic }),
};

/// Directives of the W3C extended log format, of Exchange and of Zeek.
const HEADERS: &[&[u8]] = &[
    b"#Version:",
    b"#Fields:",
    b"#Software:",
    b"#Date:",
    b"#Start-Date:",
    b"#End-Date:",
    b"#Remark:",
    b"#Log-type:",
    b"#separator ",
    b"#set_separator\t",
    b"#empty_field\t",
    b"#unset_field\t",
    b"#path\t",
    b"#open\t",
    b"#close\t",
    b"#fields\t",
    b"#types\t",
];

/// Columns that a layout may have: CloudFront has 33, the longest known ones about 100.
pub const COLUMNS_MAX: usize = 256;

/// Whose layout it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// None is known.
    #[default]
    Unknown,
    Iis,
    CloudFront,
    Generic,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Other,
    Date,
    Time,
    Client,
    Method,
    Path,
    Status,
    Bytes,
    Taken,
    /// The service and its number: `W3SVC1`.
    Site,
    /// Text of a column on request.
    OnRequest(record::Column),
}

/// What a `#Fields:` line says about the lines after it.
#[derive(Debug, Clone, Default)]
struct Layout {
    kind: Kind,
    columns: Vec<Column>,
    /// Whether there is a column of methods.
    has_method: bool,
    /// Of the response time, if the layout says it.
    unit: Option<Unit>,
    /// What was read, so that a repeated directive costs nothing.
    text: Vec<u8>,
}

impl Layout {
    /// Takes in the text behind `#Fields:`.
    fn read(&mut self, fields: &[u8]) {
        if self.text == fields {
            return;
        }
        self.text.clear();
        self.text.extend_from_slice(fields);
        let names = || fields.split(u8::is_ascii_whitespace).filter(|name| !name.is_empty());
        let any = |list: &[&str]| names().any(|name| list.iter().any(|l| is(name, l)));
        const OF_IIS: [&str; 5] =
            ["sc-win32-status", "sc-substatus", "s-sitename", "s-computername", "s-port"];
        let kind = match () {
            () if any(&["x-edge-location"]) => Kind::CloudFront,
            () if any(&OF_IIS) => Kind::Iis,
            () => Kind::Generic,
        };
        self.unit = None;
        self.columns.clear();
        for name in names().take(COLUMNS_MAX + 1) {
            let mut column = column(name);
            // The host of a distribution, beside the one that the client asked for.
            if is(name, "cs(host)") && any(&["x-host-header"]) {
                column = Column::Other;
            }
            let unit = match kind {
                Kind::CloudFront if is(name, "time-taken") => Some(Some(Unit::Seconds)),
                Kind::Iis if is(name, "time-taken") => Some(Some(Unit::Milliseconds)),
                Kind::Generic => unit_of(name),
                _ => None,
            };
            if let Some(unit) = unit {
                column = Column::Taken;
                if !self.columns.contains(&column) {
                    self.unit = unit;
                }
            }
            // The first of two counts.
            let repeated = column != Column::Other && self.columns.contains(&column);
            self.columns.push(if repeated { Column::Other } else { column });
        }
        let has = |column| self.columns.contains(&column);
        self.has_method = has(Column::Method);
        let useful = has(Column::Date) && has(Column::Time) || has(Column::Status);
        let fits = self.columns.len() <= COLUMNS_MAX;
        self.kind = if useful && fits { kind } else { Kind::Unknown };
    }
}

fn is(name: &[u8], known: &str) -> bool {
    name.eq_ignore_ascii_case(known.as_bytes())
}

fn column(name: &[u8]) -> Column {
    const NAMES: [(&str, Column); 21] = [
        ("date", Column::Date),
        ("time", Column::Time),
        ("c-ip", Column::Client),
        ("cs-method", Column::Method),
        ("cs-uri-stem", Column::Path),
        ("cs-uri", Column::Path),
        ("sc-status", Column::Status),
        ("sc-bytes", Column::Bytes),
        ("bytes", Column::Bytes),
        ("cs(user-agent)", Column::OnRequest(record::Column::USER_AGENT)),
        ("cs(referer)", Column::OnRequest(record::Column::REFERRER)),
        ("cs-referer", Column::OnRequest(record::Column::REFERRER)),
        ("cs-ip", Column::Client),
        ("cs-uri-path", Column::Path),
        ("cs-user-agent", Column::OnRequest(record::Column::USER_AGENT)),
        ("x-host-header", Column::OnRequest(record::Column::HOST)),
        ("cs-version", Column::OnRequest(record::Column::PROTOCOL)),
        ("s-sitename", Column::Site),
        ("cs-protocol-version", Column::OnRequest(record::Column::PROTOCOL)),
        ("cs-host", Column::OnRequest(record::Column::HOST)),
        ("cs(host)", Column::OnRequest(record::Column::HOST)),
    ];
    NAMES.iter().find(|(known, _)| is(name, known)).map_or(Column::Other, |&(_, column)| column)
}

/// Whether a column of a program that is not known holds response times, and the unit that its name
/// says.
fn unit_of(name: &[u8]) -> Option<Option<Unit>> {
    let name = name.to_ascii_lowercase();
    let name = [&b"x-"[..], b"sc-", b"cs-", b"s-"]
        .iter()
        .find_map(|prefix| name.strip_prefix(*prefix))
        .unwrap_or(&name);
    let names = [&b"time-taken"[..], b"duration", b"elapsed", b"latency", b"response-time"];
    let suffix = names.iter().find_map(|known| name.strip_prefix(*known))?;
    Some(match suffix {
        b"-ns" => Some(Unit::Nanoseconds),
        b"-us" => Some(Unit::Microseconds),
        b"-ms" => Some(Unit::Milliseconds),
        b"-s" => Some(Unit::Seconds),
        b"" => None,
        _ => return None,
    })
}

struct W3c {
    kind: Kind,
}

impl LineFormat for W3c {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte > b' ' && byte != b'#' || byte == b'\t'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let Context { clock, history, wanted, .. } = &mut *cx.context;
        let separator = if line.find(cx.simd, 0, b'\t') < line.len() { b'\t' } else { b' ' };
        let layout = match history.layout::<Layout>() {
            Some((fields, layout)) => {
                layout.read(fields);
                &*layout
            }
            None if self.kind == Kind::CloudFront
                && line.byte(10) == b'\t'
                && is_headerless(line) =>
            {
                &HEADERLESS
            }
            None => return None,
        };
        if layout.kind != self.kind {
            return None;
        }
        let mut values =
            Values { layout, clock, wanted: *wanted, day: None, time: None, is_foreign: false };
        if in_order(cx.simd, line, separator, &mut values, cx.record).is_none() {
            if separator == b'\t' || self.kind == Kind::CloudFront {
                return None;
            }
            *cx.record = Record::EMPTY;
            (values.day, values.time, values.is_foreign) = (None, None, false);
            around_blanks(line, &mut values, cx.record)?;
        }
        let method = cx.record.method.bytes(line.bytes(), &[]);
        if values.is_foreign || is_foreign_method(method) {
            let Record { time_ns, second, bytes_sent, client, .. } = *cx.record;
            let Record { host, protocol, .. } = *cx.record;
            *cx.record =
                Record { time_ns, second, bytes_sent, client, host, protocol, ..Record::EMPTY };
        } else if cx.record.status == NO_ANSWER && method.is_empty() && layout.has_method {
            // Nothing was asked.
            cx.record.status = NO_STATUS;
        }
        if let (Some(midnight), Some((seconds, nanos))) = (values.day, values.time) {
            cx.record.set_time(Stamp { second: midnight + seconds, nanos });
        }
        Some(())
    }
}

/// Whether a value of `cs-method` is a command of FTP, SMTP or NNTP: `RETR`, `[12]USER` (IIS before 7),
/// `ControlChannelOpened`.
///
/// Source: <https://www.iis.net/configreference/system.applicationhost/sites/site/ftpserver/logfile>,
/// <https://docs.primeur.com/dwagent-2.0.0/configuring/configuring-dwa-emitters/dwa-emitter-for-microsoft-windows-iis-ftp-server-w3c-extended-log-format>.
#[inline(always)]
fn is_foreign_method(method: &[u8]) -> bool {
    #[cold]
    #[inline(never)]
    fn is_one(method: &[u8]) -> bool {
        let is_of_channel =
            method.ends_with(b"ChannelOpened") || method.ends_with(b"ChannelClosed");
        method.starts_with(b"[") || is_of_channel || is_command(method)
    }
    !matches!(method, b"" | b"GET" | b"POST" | b"HEAD" | b"PUT" | b"OPTIONS") && is_one(method)
}

/// Takes the values of all columns, one after the other.
#[inline(always)]
fn in_order<S: Simd>(
    simd: S,
    line: Line<'_>,
    separator: u8,
    values: &mut Values<'_>,
    record: &mut Record,
) -> Option<()> {
    let layout = values.layout;
    let mut at = 0;
    for &column in &layout.columns {
        if separator == b' ' {
            while line.byte(at) == b' ' {
                at += 1;
            }
        }
        if at >= line.len() {
            if std::ptr::eq(layout, &*HEADERLESS) {
                break;
            }
            return None;
        }
        let end = value_end(simd, line, at, separator);
        // Most columns are of no use.
        if column != Column::Other {
            values.take(line, column, (at, end), record)?;
        }
        at = end + 1;
    }
    // Behind the last column nothing may follow but a separator that ends it.
    line.bytes().get(at..).unwrap_or(&[]).iter().all(|&b| b == separator).then_some(())
}

/// Takes the values of a line whose path or query holds blanks, as clients sent them: those behind it
/// are counted from the end. Only where date, time, client, method, path and status are what they
/// should be.
#[cold]
#[inline(never)]
fn around_blanks(line: Line<'_>, values: &mut Values<'_>, record: &mut Record) -> Option<()> {
    let (text, layout) = (line.bytes(), values.layout);
    let path = layout.columns.iter().position(|column| *column == Column::Path)?;
    let mut words = Vec::new();
    let mut at = 0;
    for word in text.split(|&b| b == b' ') {
        if !word.is_empty() {
            words.push((at, at + word.len()));
        }
        at += word.len() + 1;
    }
    let extra = words.len().checked_sub(layout.columns.len()).filter(|&extra| extra > 0)?;
    for (i, &column) in layout.columns.iter().enumerate() {
        let (start, end) = words[if i <= path { i } else { i + extra }];
        if column != Column::Other {
            values.take(line, column, (start, end), record)?;
        }
    }
    let client = record.client.bytes(text, &[]);
    let is_client = address::is_v4(client) || address::v6(client).is_some();
    let is_method = record.method.bytes(text, &[]).iter().all(u8::is_ascii_alphabetic);
    let is_path = record.path.bytes(text, &[]).starts_with(b"/");
    let is_timed = values.day.is_some() && values.time.is_some();
    (is_client && is_method && is_path && is_timed && record.status >= 100).then_some(())
}

/// The layout of CloudFront's lines where their header is lost. It has not changed but for columns at
/// its end.
///
/// Source: <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html>
static HEADERLESS: LazyLock<Layout> = LazyLock::new(|| {
    let mut layout = Layout::default();
    layout.read(
        b"date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
          cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header \
          cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher \
          x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port \
          time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len \
          sc-range-start sc-range-end",
    );
    layout
});

/// Whether a line has a day, a time, an edge location and a size between tabs, as CloudFront's have.
#[cold]
fn is_headerless(line: Line<'_>) -> bool {
    const COLUMNS_MIN: usize = 19;
    let mut columns = line.bytes().split(|&b| b == b'\t');
    let (Some(day), Some(time), Some(edge), Some(size)) =
        (columns.next(), columns.next(), columns.next(), columns.next())
    else {
        return false;
    };
    let is_edge = edge.len() >= 4 && edge[..3].iter().all(u8::is_ascii_uppercase);
    let is_size = !size.is_empty() && size.iter().all(u8::is_ascii_digit);
    day.len() == 10 && time.len() == 8 && is_edge && is_size && columns.count() + 4 >= COLUMNS_MIN
}

/// What the values of a line say, beside what the record holds.
struct Values<'a> {
    layout: &'a Layout,
    clock: &'a mut TimestampParser,
    wanted: Columns,
    /// The second at which the day begins.
    day: Option<i64>,
    /// Seconds and nanoseconds since then.
    time: Option<(i64, u32)>,
    /// Whether what was asked is of a protocol other than HTTP.
    is_foreign: bool,
}

impl Values<'_> {
    /// Takes the value of a column, perhaps in quotes; None if it cannot be one.
    #[inline(always)]
    fn take(
        &mut self,
        line: Line<'_>,
        column: Column,
        (mut start, mut end): (usize, usize),
        record: &mut Record,
    ) -> Option<()> {
        if line.byte(start) == b'"' && end > start + 1 && line.byte(end - 1) == b'"' {
            (start, end) = (start + 1, end - 1);
        }
        let value = &line.bytes()[start..end];
        if matches!(value, b"" | b"-") {
            return Some(());
        }
        match column {
            Column::Date => match self.clock.utc_day(line, start) {
                Some(midnight) if end == start + 10 => self.day = Some(midnight),
                _ => return None,
            },
            Column::Time => match TimestampParser::time_since_midnight(line, start) {
                Some((seconds, nanos, stop)) if stop == end => self.time = Some((seconds, nanos)),
                _ => return None,
            },
            Column::Status => match value {
                b"0" => record.status = NO_ANSWER,
                &[a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
                    let digit = |d: u8| u16::from(d - b'0');
                    let status = digit(a) * 100 + digit(b) * 10 + digit(c);
                    record.status = if status < 100 { NO_ANSWER } else { status };
                }
                _ => return None,
            },
            Column::Client => record.client = Text::of_line(start, end),
            Column::Method => record.method = Text::of_line(start, end),
            Column::Path => record.path = path_of(line, start, end),
            Column::Bytes => {
                let bytes = fields::whole(value);
                record.bytes_sent = bytes.unwrap_or(record.bytes_sent);
            }
            Column::Taken => {
                let has_point = value.contains(&b'.');
                let unit = if has_point { Unit::Seconds } else { Unit::Milliseconds };
                let unit = self.layout.unit.unwrap_or(unit);
                record.duration_ns = duration::decimal(value, unit).unwrap_or(NO_DURATION);
            }
            Column::Site => {
                let services = [&b"SMTPSVC"[..], b"MSFTPSVC", b"FTPSVC", b"NNTPSVC"];
                self.is_foreign |= services.iter().any(|service| value.starts_with(service));
            }
            Column::OnRequest(column) => {
                self.is_foreign |=
                    column == record::Column::PROTOCOL && is_of_other_protocol(value);
                Cursor::new(line, 0).request(self.wanted, column, (start, end), record);
            }
            Column::Other => {}
        }
        Some(())
    }
}

/// The path of a URL, perhaps without its scheme (Incapsula: `www.example.com/a`).
#[inline(always)]
fn path_of(line: Line<'_>, start: usize, end: usize) -> Text {
    if line.byte(start) == b'/' {
        return Text::of_line(start, end);
    }
    let value = &line.bytes()[start..end];
    let host = value.iter().take_while(|b| b.is_ascii_alphanumeric() || b".-:".contains(b)).count();
    match value.get(host) {
        Some(b'/') if value[..host].contains(&b'.') => Text::of_line(start + host, end),
        _ => path(line, start, end),
    }
}

/// Where the value at `at` ends.
#[inline(always)]
fn value_end<S: Simd>(simd: S, line: Line<'_>, at: usize, separator: u8) -> usize {
    if line.byte(at) == b'"'
        && let Some(end) = quoted_end(line.bytes(), at, separator)
    {
        return end;
    }
    line.find(simd, at, separator)
}

/// Where the text in quotes at `at` ends, quotes included; None if they do not close.
#[cold]
fn quoted_end(line: &[u8], at: usize, separator: u8) -> Option<usize> {
    let mut i = at + 1;
    loop {
        i += memchr::memchr(b'"', line.get(i..)?)? + 1;
        match line.get(i) {
            // Two of them are one that belongs to the text.
            Some(b'"') => i += 1,
            Some(&b) if b != separator => return None,
            _ => return Some(i),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::format::Params;
    use crate::record::{NO_BYTES, NO_TIME};

    fn parse(entry: &Entry, fields: &str, line: &str) -> Option<(Record, [String; 3])> {
        let mut context = Context::new(TimestampParser::utc());
        context.history.set_layout(crate::format::state::fields_of(fields.as_bytes()).unwrap());
        let format = (entry.build)(&Params::default());
        let padded = PaddedLine::new(line.as_bytes());
        let mut record = Record::EMPTY;
        format.parse_line(padded.line(), &mut context, &mut Vec::new(), &mut record).then(|| {
            let text =
                |t: Text| String::from_utf8_lossy(t.bytes(line.as_bytes(), &[])).into_owned();
            (record, [text(record.client), text(record.method), text(record.path)])
        })
    }

    #[test]
    fn examples() {
        for entry in [&IIS, &CLOUDFRONT, &GENERIC] {
            let name = entry.info.name;
            let fields = entry.facts.example_header.unwrap();
            let (record, texts) = parse(entry, fields, entry.info.example).expect(name);
            assert_eq!(record.time_ns, 1_706_091_332_000_000_000, "{name}");
            assert_eq!((record.status, record.duration_ns), (200, 127_000_000), "{name}");
            assert_eq!(texts[1..], ["GET", "/api/data"], "{name}");
            for other in [&IIS, &CLOUDFRONT, &GENERIC] {
                let taken = parse(other, fields, entry.info.example).is_some();
                assert_eq!(taken, other.info.name == name);
            }
        }
    }

    #[test]
    fn values() {
        let fields = "#Fields: date time sc-status bytes x-duration-us cs(Referer)";
        let get = |line: &str| parse(&GENERIC, fields, line).map(|(record, _)| record);
        let record = get("2024-01-24 10:15:32.5 404 12 250 \"a \"\"b\"\" c\"").unwrap();
        assert_eq!((record.status, record.bytes_sent, record.duration_ns), (404, 12, 250_000));
        assert_eq!(record.time_ns, 1_706_091_332_500_000_000);
        let record = get("- - 000 - - -").unwrap();
        assert_eq!((record.time_ns, record.status), (NO_TIME, NO_ANSWER));
        assert_eq!((record.bytes_sent, record.duration_ns), (NO_BYTES, NO_DURATION));
        assert!(get("2024-01-24\t10:15:32\t200\t\t\tx y ").is_some());
        for line in [
            "2024-01-24 10:15:32 200 - -",
            "2024-01-24 10:15:32 200 - - - -",
            "2024-13-24 10:15:32 200 - - -",
            "2024-01-24 10:15:61 200 - - -",
            "2024-01-24 10:15:32 20 - - -",
            "x",
        ] {
            assert!(get(line).is_none(), "{line}");
        }
        let fields =
            "#Fields: date time c-ip cs-method cs-uri-stem cs-uri-query sc-status time-taken";
        let get = |line: &str| parse(&GENERIC, fields, line);
        // Blanks in a query, quotes around values, whole milliseconds.
        let (record, texts) = get("2024-01-24 10:15:32 192.0.2.7 GET /a b=c d e 500 12").unwrap();
        assert_eq!((record.status, record.duration_ns, &texts[2][..]), (500, 12_000_000, "/a"));
        let (record, texts) = get(
            "\"2024-01-24\" \"10:15:32\" \"192.0.2.7\" \"GET\" \"shop.example/a b\" - \"502\" 0.5",
        )
        .unwrap();
        assert_eq!((record.status, record.duration_ns, &texts[2][..]), (502, 500_000_000, "/a b"));
        for line in [
            "2024-01-24 10:15:32 192.0.2.7 GET /a b c d x 12",
            "2024-01-24 10:15:32 GET x y /a b 200 12 z",
            "2024-01-24 10:15:32 192.0.2.7 \"GET /a b c\" x 200 12",
        ] {
            assert!(get(line).is_none(), "{line}");
        }
        assert!(parse(&GENERIC, "#Fields: a b", "x y").is_none());
    }

    #[test]
    fn answers_of_other_protocols_are_no_statuses() {
        let columns = "#Fields: date time c-ip s-sitename s-port cs-method cs-uri-stem sc-status \
                       sc-bytes time-taken cs-version";
        let get = |rest: &str| {
            let line = format!("2024-01-24 10:15:32 192.0.2.7 {rest}");
            let (record, texts) = parse(&IIS, columns, &line).expect(rest);
            assert_eq!((record.time_ns, &texts[0][..]), (1_706_091_332_000_000_000, "192.0.2.7"));
            let ms = (record.duration_ns != NO_DURATION).then_some(record.duration_ns / 1_000_000);
            let [_, method, path] = texts;
            (record.status, record.bytes_sent, ms, method, path)
        };
        for rest in [
            "SMTPSVC1 0 EHLO - 250 44 30 -",
            "SMTPSVC1 25 - - 0 44 30 SMTP",
            "- 25 - - 0 44 30 SMTP",
            "- 25 rcpt - 550 44 30 -",
            "MSFTPSVC1 21 [12]DELE /a 550 44 30 -",
            "- 21 [12]sent /a 226 44 30 -",
            "FTPSVC2 21 PASS *** 530 44 30 -",
            "- 21 ControlChannelOpened - 0 44 30 -",
            "- 21 DataChannelClosed - 0 44 30 -",
            "- 5060 INVITE sip:a@example.com 486 44 30 SIP/2.0",
        ] {
            assert_eq!(get(rest), (NO_STATUS, 44, None, String::new(), String::new()), "{rest}");
        }
        // Nothing was asked, but what the line says otherwise counts.
        let (status, _, ms, ..) = get("W3SVC1 80 - - 0 44 30 -");
        assert_eq!((status, ms), (NO_STATUS, Some(30)));
        for (rest, status) in [
            ("W3SVC1 80 GET /a 0 44 30 HTTP/1.1", NO_ANSWER),
            ("W3SVC1 80 GET /a 503 44 30 HTTP/1.1", 503),
            ("W3SVC1 80 PROPFIND /a 403 44 30 -", 403),
        ] {
            let (found, _, ms, method, path) = get(rest);
            assert_eq!((found, ms, &path[..]), (status, Some(30), "/a"), "{rest}");
            assert!(rest.contains(&method));
        }
        assert!(parse(&GENERIC, "#Fields:", "x").is_none());
    }
}
