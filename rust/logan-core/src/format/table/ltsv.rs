//! Labeled Tab-separated Values: `time:[24/Jan/2024:10:15:32 +0000]<tab>host:192.0.2.7<tab>…`.
//!
//! # Accepted
//! A line of three fields or more between tabs, each of them a label, `:` and a value. Labels are
//! letters, digits and `_.-`. They mean what they mean as keys of JSON ([`fields`](crate::format::fields)),
//! but for those that the [documentation](http://ltsv.org) gives another meaning ([`LABELS`]). The
//! brackets around a time are not part of it; `-` is nothing. Where no label is known to be the time's,
//! one that begins with `time` or `date` is.

use crate::bytes::line::Line;
use crate::bytes::simd::{Baseline, Simd};
use crate::format::fields::{Fields, Group, Known, Meaning, Names, Value};
use crate::format::{Entry, Facts, Info, LineFormat, Parse, keys, line_format};
use crate::record::{Columns, NO_TIME};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "ltsv",
        title: "LTSV: label:value pairs between tabs",
        example: "time:[24/Jan/2024:10:15:32 +0000]\thost:192.0.2.7\treq:GET /cart HTTP/1.1\t\
                  status:200\tsize:1532\treqtime:0.036",
        time_field: "time",
        duration: Some(("reqtime, reqtime_microsec, ...", "by label")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(Ltsv::new()),
};

/// Fewer fields may be anything.
const FIELDS_MIN: usize = 3;

/// Labels and the keys that they are; none for parts of the response time.
const LABELS: [(&str, &str); 14] = [
    // Some use it for what the client asked for, beside a label that is the client for sure.
    ("host", "user_ip"),
    ("req", "request"),
    ("size", "bytes"),
    ("reqtime", "duration_s"),
    ("request_time", "duration_s"),
    ("reqtime_microsec", "duration_us"),
    ("usec", "duration_us"),
    ("microsec", "duration_us"),
    ("ua", "user_agent"),
    ("forwardedfor", ""),
    // Of the server behind, which is all that some write.
    ("apptime", "upstream_service_time"),
    ("runtime", ""),
    ("cache", ""),
    ("upstream_response_time", ""),
];

struct Ltsv {
    /// What [`LABELS`] are, and what they are if columns on request are wanted.
    labels: [[Known; LABELS.len()]; 2],
}

impl Ltsv {
    fn new() -> Ltsv {
        let names = Names::get();
        let all = [names, names.wanted(Columns::ON_REQUEST)];
        Ltsv { labels: all.map(|names| LABELS.map(|(_, key)| super::look_up(names, key))) }
    }
}

impl LineFormat for Ltsv {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::TEXT).or(Columns::ON_REQUEST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_alphabetic()
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let first = line.find(cx.simd, 0, b'\t');
        if first == line.len() || label_len(line.bytes()) == 0 {
            return None;
        }
        self.read(line, &mut cx.with(Baseline))
    }

    #[inline(always)]
    fn keys<S: Simd>(&self, _simd: S, line: Line<'_>, found: &mut keys::Found<'_>) {
        for_each(line.bytes(), |label, start, end| {
            for (i, name) in found.names().enumerate() {
                if name == label {
                    found.take(i, line, start, end, false);
                }
            }
        });
    }
}

/// Bytes of the label that `field` begins with; 0 if there is none.
fn label_len(field: &[u8]) -> usize {
    let is_one = |b: &&u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    let len = field.iter().take_while(is_one).count();
    if field.get(len) == Some(&b':') { len } else { 0 }
}

/// Calls `each` with each label and where its value is; how many fields there are, or None if one has
/// no label.
fn for_each<'a>(text: &'a [u8], mut each: impl FnMut(&'a [u8], usize, usize)) -> Option<usize> {
    let (mut at, mut count) = (0, 0);
    let text = text.strip_suffix(b"\t").unwrap_or(text);
    for field in text.split(|&b| b == b'\t') {
        let label = label_len(field);
        if label == 0 {
            return None;
        }
        each(&field[..label], at + label + 1, at + field.len());
        at += field.len() + 1;
        count += 1;
    }
    Some(count)
}

impl Ltsv {
    #[inline(never)]
    fn read(&self, line: Line<'_>, cx: &mut Parse<'_, Baseline>) -> Option<()> {
        let text = line.bytes();
        let names = Names::get().wanted(cx.context.wanted);
        let labels = &self.labels[usize::from(!cx.context.wanted.is_empty())];
        let mut fields = Fields::new(line);
        let count = for_each(text, |label, mut start, mut end| {
            if let [b'[', .., b']'] = &text[start..end] {
                (start, end) = (start + 1, end - 1);
            }
            let at = label.as_ptr() as usize - text.as_ptr() as usize;
            let place = LABELS.iter().position(|(known, _)| known.as_bytes() == label);
            let known = place.map_or_else(
                || names.look_up(line, Group::ROOT, at, at + label.len()),
                |place| labels[place],
            );
            fields.marks |= known.marks;
            if known.meaning != Meaning::Nothing && text[start..end] != *b"-" {
                let value = Value { start, end, escaped: false, number: false };
                fields.take(known, at, value, cx);
            }
        });
        if cx.record.time_ns == NO_TIME {
            late_time(line, &mut fields, cx);
        }
        let is_record = count? >= FIELDS_MIN && fields.looks_like_a_log();
        (is_record && fields.finish(cx)).then_some(())
    }
}

/// Takes the time from a label of its own making, such as `time_nginx`.
#[cold]
fn late_time(line: Line<'_>, fields: &mut Fields<'_>, cx: &mut Parse<'_, Baseline>) {
    let known = super::look_up(Names::get(), "time");
    for_each(line.bytes(), |label, mut start, mut end| {
        if label.starts_with(b"time") || label.starts_with(b"date") {
            if let [b'[', .., b']'] = &line.bytes()[start..end] {
                (start, end) = (start + 1, end - 1);
            }
            let value = Value { start, end, escaped: false, number: false };
            fields.take(known, start, value, cx);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::format::{Context, Params};
    use crate::record::Record;
    use crate::time::TimestampParser;

    #[test]
    fn labels() {
        let parse = |line: &str| {
            let padded = PaddedLine::new(line.as_bytes());
            let (mut record, mut arena) = (Record::EMPTY, Vec::new());
            let mut context = Context::new(TimestampParser::utc());
            let format = (ENTRY.build)(&Params::default());
            let taken = format.parse_line(padded.line(), &mut context, &mut arena, &mut record);
            taken.then_some(record)
        };
        let record = parse(ENTRY.info.example).unwrap();
        assert_eq!(record.time_ns, 1_706_091_332_000_000_000);
        assert_eq!((record.status, record.duration_ns, record.bytes_sent), (200, 36_000_000, 1532));
        let record = parse("time:2024-01-24T10:15:32Z\tapptime:5\treqtime_microsec:1250").unwrap();
        assert_eq!(record.duration_ns, 1_250_000);
        let record = parse("time:2024-01-24T10:15:32Z\tapptime:0.057\treqtime:0.060").unwrap();
        assert_eq!(record.duration_ns, 60_000_000);
        let record = parse("time:2024-01-24T10:15:32Z\tapptime:57ms\tstatus:200").unwrap();
        assert_eq!(record.duration_ns, 57_000_000);
        for line in ["a:1\tb:2\tc:3", "time:2024-01-24T10:15:32Z\tx", "time:1\tx y\tz:2", "x:1"] {
            assert!(parse(line).is_none(), "{line}");
        }
    }
}
