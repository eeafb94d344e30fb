//! Detection: what a source's formats are, from samples of its content, never from its name.
//!
//! Each line of the samples goes to the first format of the registry that takes it; formats that
//! took any are listed, the most frequent first, but those whose lines are app text as well (a
//! line of HAProxy behind a syslog header) before all others, so that app text leaves them theirs. What lines alone cannot say (the unit of a bare
//! integer, the zone and year of timestamps without them, which number of `03/04/2024` is the month)
//! is decided here, once per source, and named among what was assumed.
//!
//! Which field a time or a duration came from is found out as users would: a field whose name is
//! made unknown, and then the value is gone, was it.

use super::{Context, Entry, Params, REGISTRY, access, app, json, logfmt};
use crate::batch::{NO_DURATION, NO_TIME, Record};
use crate::lines::{LINE_BYTES_MAX, PaddedLine};
use crate::metric::lines::{is_continuation, is_header};
use crate::timestamp::{Clock, DateOrder, NumericDate};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

/// Lines that are looked at in each sample: enough to see formats that are rare.
const SAMPLE_LINES_MAX: usize = 2_000;
/// Records of one format whose fields are looked for: writers hardly change names within a file.
const NAMED_RECORDS_MAX: u64 = 32;
/// Names of fields that are told: what is rarer is of no use to people.
const NAMES_TOLD_MAX: usize = 3;

#[derive(Default, Clone)]
struct Seen {
    lines: u64,
    measured: u64,
    zoneless: u64,
    yearless: u64,
    example: Option<String>,
    /// Whether app text would take one of the lines.
    like_app: bool,
    /// Fields that times and durations were found in.
    time_fields: Names,
    duration_fields: Names,
}

/// How often fields were what gave a value.
#[derive(Default, Clone)]
struct Names {
    records: u64,
    counts: BTreeMap<String, u64>,
}

impl Names {
    /// Looks for the field of a record's value, unless enough are known; `without` says what the
    /// value is if the bytes of a range are no name.
    fn learn(
        &mut self,
        line: &[u8],
        value: Option<u64>,
        without: impl FnMut(Range<usize>) -> Option<u64>,
    ) {
        if value.is_some() && self.records < NAMED_RECORDS_MAX {
            self.records += 1;
            if let Some(name) = field_of(line, value, without) {
                *self.counts.entry(name).or_default() += 1;
            }
        }
    }

    /// The most frequent ones, or `general` if none is known.
    fn told(&self, general: &str) -> String {
        let mut names: Vec<_> = self.counts.iter().collect();
        names.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
        let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        match names.len() {
            0 => general.to_string(),
            1..=NAMES_TOLD_MAX => names.join(", "),
            _ => format!("{}, ...", names[..NAMES_TOLD_MAX].join(", ")),
        }
    }
}

/// Describes samples, each with its offset in the source; those that do not start at 0 begin at a
/// line start. The last line of a sample counts only if it is whole, or alone.
///
/// The shape of the answer is in the stub of the Python extension.
pub fn detect(samples: &[(u64, &[u8])]) -> Value {
    let head = samples.iter().find(|(offset, _)| *offset == 0).map_or(&[][..], |(_, bytes)| bytes);
    let formats: Vec<_> = REGISTRY.iter().map(|e| (e, (e.build)(&Params::default()))).collect();
    let app = formats.iter().position(|(e, _)| e.info.name == app::ENTRY.info.name);
    let mut context = Context::new(Clock::utc());
    // A line whose time moves with the clock's zone has none of its own; one whose time moves with
    // the anchor has no year.
    let mut east = Context::new(Clock::new(jiff::tz::TimeZone::fixed(jiff::tz::offset(1)), 0));
    const DECADE_NS: i64 = 10 * 366 * 86_400_000_000_000;
    let mut later = Context::new(Clock::new(jiff::tz::TimeZone::UTC, DECADE_NS));
    let mut arena = Vec::new();
    let mut seen = vec![Seen::default(); formats.len()];
    let (mut blank, mut header, mut continuation, mut malformed) = (0u64, 0u64, 0u64, 0u64);
    let mut integers = Vec::new();
    // How often dates of numbers were read in an order, and whether it was a choice.
    let mut dates: BTreeMap<(DateOrder, bool), u64> = BTreeMap::new();
    for (offset, bytes) in samples {
        let bytes =
            if *offset == 0 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        for line in whole_lines(bytes).take(SAMPLE_LINES_MAX) {
            if line.trim_ascii().is_empty() {
                blank += 1;
                continue;
            }
            if is_header(line) {
                header += 1;
                continue;
            }
            let padded = PaddedLine::new(&line[..line.len().min(LINE_BYTES_MAX)]);
            let mut parse = |format: &dyn super::Format, context: &mut Context| {
                let mut record = Record::EMPTY;
                arena.clear();
                format.parse_line(padded.line(), context, &mut arena, &mut record).then_some(record)
            };
            let taken = formats.iter().enumerate().find_map(|(i, (_, format))| {
                context.clock.numeric_date = None;
                parse(format.as_ref(), &mut context).map(|record| (i, format, record))
            });
            let Some((i, format, record)) = taken else {
                if is_continuation(line) {
                    continuation += 1
                } else {
                    malformed += 1
                }
                continue;
            };
            if let Some(NumericDate { order, ambiguous }) = context.clock.numeric_date {
                *dates.entry((order, ambiguous)).or_default() += 1;
            }
            if let Some(app) = app.filter(|&app| i < app && !seen[i].like_app) {
                let app = formats[app].1.as_ref();
                seen[i].like_app =
                    app.may_begin_with(line[0]) && parse(app, &mut context).is_some();
            }
            let mut moves = |other: &mut Context| {
                parse(format.as_ref(), other).is_some_and(|r| r.time_ns != record.time_ns)
            };
            seen[i].lines += 1;
            seen[i].zoneless += u64::from(moves(&mut east));
            seen[i].yearless += u64::from(moves(&mut later));
            seen[i].measured += u64::from(record.duration_ns != NO_DURATION);
            seen[i].example.get_or_insert_with(|| {
                String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()
            });
            if has_named_fields(REGISTRY[i]) {
                let mut without = |name: Range<usize>| {
                    let mut changed = line.to_vec();
                    changed[name].fill(b'x');
                    let mut record = Record::EMPTY;
                    arena.clear();
                    let padded = PaddedLine::new(&changed[..changed.len().min(LINE_BYTES_MAX)]);
                    let format = format.as_ref();
                    format
                        .parse_line(padded.line(), &mut context, &mut arena, &mut record)
                        .then_some(record)
                };
                let time = |r: Record| (r.time_ns != NO_TIME).then_some(r.time_ns as u64);
                let duration = |r: Record| (r.duration_ns != NO_DURATION).then_some(r.duration_ns);
                let seen = &mut seen[i];
                seen.time_fields.learn(line, time(record), |name| without(name).and_then(time));
                seen.duration_fields
                    .learn(line, duration(record), |name| without(name).and_then(duration));
            }
            if format_is_quoted(REGISTRY[i]) {
                integers.extend(access::integer_time(padded.line(), &mut context.clock));
            }
        }
    }
    let lines: u64 = seen.iter().map(|s| s.lines).sum();
    let total = lines + blank + header + continuation + malformed;
    let mut order: Vec<usize> = (0..formats.len()).filter(|&i| seen[i].lines > 0).collect();
    order.sort_by_key(|&i| {
        (REGISTRY[i].last_resort, !seen[i].like_app, std::cmp::Reverse(seen[i].lines), i)
    });
    let unit = (!integers.is_empty()).then(|| access::guess_unit(&integers));
    let mut assumed = Vec::new();
    if let Some(unit) = unit {
        assumed.push(format!(
            "request times written as whole numbers are in {}, by their size",
            unit.name()
        ));
    }
    assumed.extend(
        [
            (DateOrder::MonthFirst, "month first (month/day/year)"),
            (DateOrder::DayFirst, "day first (day.month.year)"),
            (DateOrder::ShortYearFirst, "year first (year-month-day)"),
        ]
        .into_iter()
        .filter(|&(order, _)| dates.contains_key(&(order, true)))
        .map(|(order, told)| {
            let otherwise = dates.keys().any(|&(other, ambiguous)| other != order && !ambiguous);
            let doubt =
                if otherwise { ", though others in the file can only be otherwise" } else { "" };
            format!("dates of numbers that could be in another order are read {told}{doubt}")
        }),
    );
    let describe = |&i: &usize| {
        let (entry, seen) = (REGISTRY[i], &seen[i]);
        let quoted = format_is_quoted(entry) && unit.is_some();
        let params = if quoted { json!({ "duration_unit": unit }) } else { json!({}) };
        let measured = seen.measured > 0;
        let duration_unit = match unit {
            Some(unit) if quoted => Some(unit.name()),
            _ => entry.info.duration_unit,
        };
        json!({
            "name": entry.info.name,
            "params": params,
            "lines": seen.lines,
            "share": seen.lines as f64 / (total - blank).max(1) as f64,
            "time_field": seen.time_fields.told(entry.info.time_field),
            "duration_field": entry
                .info
                .duration_field
                .filter(|_| measured)
                .map(|general| seen.duration_fields.told(general)),
            "duration_unit": duration_unit.filter(|_| measured),
            "timezone": match seen.zoneless {
                0 => "written",
                n if n == seen.lines => "not written",
                _ => "written in some lines",
            },
            "year": if seen.yearless == 0 { "written" } else { "not written" },
            "example": seen.example,
        })
    };
    json!({
        "encoding": encoding(head, lines),
        "lines": total,
        "blank": blank,
        "continuation": continuation,
        "header": header,
        "malformed": malformed,
        "formats": order.iter().map(describe).collect::<Vec<_>>(),
        "assumed": assumed,
        "compression": compression(head),
    })
}

fn format_is_quoted(entry: &Entry) -> bool {
    [access::COMBINED.info.name, access::COMMON.info.name].contains(&entry.info.name)
}

fn has_named_fields(entry: &Entry) -> bool {
    [json::ENTRY.info.name, logfmt::ENTRY.info.name].contains(&entry.info.name)
}

/// What may be names of fields: text in quotes before a colon, and what stands before `=`.
fn names(line: &[u8]) -> Vec<Range<usize>> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-@/$".contains(b);
    let mut found = Vec::new();
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'"' => {
                let start = at + 1;
                at = start;
                while at < line.len() && line[at] != b'"' {
                    at += if line[at] == b'\\' { 2 } else { 1 };
                }
                let end = at.min(line.len());
                at += 1;
                let behind = line.get(at..).unwrap_or(&[]).trim_ascii_start();
                if behind.starts_with(b":") && start < end {
                    found.push(start..end);
                }
            }
            b'=' => {
                let start = line[..at].iter().rposition(|b| !is_name(b)).map_or(0, |i| i + 1);
                if start < at {
                    found.push(start..at);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// The name of the field that gave `value`, behind the names of the objects around it.
fn field_of(
    line: &[u8],
    value: Option<u64>,
    mut without: impl FnMut(Range<usize>) -> Option<u64>,
) -> Option<String> {
    let is_object = |name: &Range<usize>| {
        let behind = line[name.end..].trim_ascii_start();
        behind.strip_prefix(b"\":").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"))
    };
    let text = |name: &Range<usize>| String::from_utf8_lossy(&line[name.clone()]).into_owned();
    let mut objects = Vec::new();
    let mut other = None;
    for name in names(line) {
        let changed = without(name.clone());
        if changed == value {
            continue;
        }
        if is_object(&name) {
            objects.push(text(&name));
        } else if changed.is_none() {
            other = Some(text(&name));
            break;
        } else {
            other = other.or_else(|| Some(text(&name)));
        }
    }
    objects.push(other?);
    Some(objects.join("."))
}

/// The lines of a sample without their ends; the last one only if it is whole or alone.
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = match memchr::memrchr(b'\n', bytes) {
        Some(newline) => newline,
        None => bytes.len(),
    };
    let lines = if bytes.is_empty() { None } else { Some(&bytes[..end]) };
    lines
        .into_iter()
        .flat_map(|lines| lines.split(|&b| b == b'\n'))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// `utf-16` by its mark or its zeros, `binary` if there are NUL bytes and nothing was recognised, else `utf-8`
/// (which stands for all encodings that keep ASCII).
fn encoding(head: &[u8], recognised: u64) -> &'static str {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return "utf-16";
    }
    if recognised > 0 || !head.contains(&0) {
        return "utf-8";
    }
    // Every second byte of ASCII in UTF-16 is 0, and next to none of the others.
    let nuls = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let half = head.len() / 2;
    if even.max(odd) * 10 >= half * 9 && even.min(odd) * 10 <= half { "utf-16" } else { "binary" }
}

fn compression(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 6] = [
        (b"\x1f\x8b", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x04\x22\x4d\x18", "lz4"),
        (b"PK\x03\x04", "zip"),
    ];
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_of_its_format() {
        for entry in REGISTRY {
            let found = detect(&[(0, entry.info.example.as_bytes())]);
            assert_eq!(found["formats"][0]["name"], entry.info.name, "{found}");
        }
    }

    #[test]
    fn mixed_lines_are_counted_by_format() {
        let text = "2024-01-24 10:15:32.123 INFO a\n{\"ts\":1706091332,\"msg\":\"b\"}\n\
                    2024-01-24 10:15:32.123 INFO c\n\nnonsense\n\tat x\n2024-01-24 10:15:32.1";
        let found = detect(&[(0, text.as_bytes())]);
        let names: Vec<_> =
            found["formats"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
        assert_eq!(names, ["app", "json"]);
        assert_eq!((&found["blank"], &found["malformed"]), (&json!(1), &json!(1)));
        assert_eq!(found["continuation"], 1);
        assert_eq!(found["formats"][0]["timezone"], "not written");
        assert_eq!(found["formats"][1]["timezone"], "written");
    }

    #[test]
    fn what_is_no_text() {
        assert_eq!(detect(&[(0, b"\xff\xfe2\0")])["encoding"], "utf-16");
        assert_eq!(detect(&[(0, b"\x7fELF\0\0\0")])["encoding"], "binary");
        assert_eq!(detect(&[(0, b"2\x000\x002\x004\0-\0")])["encoding"], "utf-16");
        assert_eq!(detect(&[(0, b"2024-01-24 10:15:32 a\0b\n")])["encoding"], "utf-8");
        assert_eq!(detect(&[(0, b"\x1f\x8b\x08")])["compression"], "gzip");
        assert_eq!(detect(&[])["lines"], 0);
    }

    #[test]
    fn fields_are_named_as_they_are_written() {
        let fields = |line: &str| {
            let found = detect(&[(0, line.as_bytes())]);
            let format = &found["formats"][0];
            (format["time_field"].clone(), format["duration_field"].clone())
        };
        for (line, time, duration) in [
            (
                r#"{"@timestamp":"2024-01-24T10:15:32Z","msg":"a=b","tookMs":5}"#,
                "@timestamp",
                "tookMs",
            ),
            (
                r#"{"ts":"2024-01-24T10:15:32Z","event":{"kind":"x", "duration" : 5}}"#,
                "ts",
                "event.duration",
            ),
            // Whose the unit is does not count.
            (r#"{"level":"info","ts":1706091332.5,"msg":"x","duration":5}"#, "ts", "duration"),
            // The second is there to fall back on.
            (r#"{"time":"2024-01-24T10:15:32Z","duration_ms":5,"took":6}"#, "time", "duration_ms"),
            ("time=2024-01-24T10:15:32Z level=info msg=\"a b=c\" elapsed=5ms", "time", "elapsed"),
        ] {
            assert_eq!(fields(line), (json!(time), json!(duration)), "{line}");
        }
        let (time, duration) = fields(r#"{"level":"info","msg":"no time"}"#);
        assert_eq!((time, duration), (json!(json::ENTRY.info.time_field), Value::Null));
    }

    #[test]
    fn orders_of_dates_are_told() {
        let assumed = |text: &str| detect(&[(0, text.as_bytes())])["assumed"].clone();
        let said = "dates of numbers that could be in another order are read";
        let us = "03/04/2024 10:15:32 INFO x\n";
        assert_eq!(assumed(us), json!([format!("{said} month first (month/day/year)")]));
        assert_eq!(
            assumed(&[us, "24/04/2024 10:15:32 INFO x\n"].concat()),
            json!([format!(
                "{said} month first (month/day/year), though others in the file can only be otherwise"
            )])
        );
        let german = "04.03.2024 10:15:32 INFO x\n";
        assert_eq!(assumed(german), json!([format!("{said} day first (day.month.year)")]));
        let short = "24-01-23 10:15:32 INFO x\n";
        assert_eq!(assumed(short), json!([format!("{said} year first (year-month-day)")]));
        for sure in ["01/24/2024 10:15:32 INFO x\n", "2024-01-02 10:15:32 INFO x\n"] {
            assert_eq!(assumed(sure), json!([]), "{sure}");
        }
    }

    #[test]
    fn years_and_units() {
        let found = detect(&[(0, b"01-24 16:13:38.811  1702  2395 D Tag: x")]);
        assert_eq!(found["formats"][0]["year"], "not written");
        let line =
            "1.2.3.4 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\" 95200\n";
        let found = detect(&[(0, line.repeat(3).as_bytes())]);
        assert_eq!(found["formats"][0]["params"], json!({"duration_unit": "us"}));
        assert_eq!(found["assumed"].as_array().unwrap().len(), 1);
    }
}
