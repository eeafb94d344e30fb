//! Which field of a record gave its time or its duration, by the names that the line has.
//!
//! Found out as users would: a field whose name is made unknown, and then the value is gone, was
//! it. So this knows no format's rules. For detection, which can afford it.

use crate::bytes::line::{LINE_BYTES_MAX, PaddedLine};
use crate::format::fields::{self, Group, Meaning};
use crate::format::{Context, Format};
use crate::record::{NO_DURATION, NO_TIME, Record};
use std::collections::BTreeMap;
use std::ops::Range;

/// Records of one format whose fields are looked for: writers hardly change names within a file.
const RECORDS_MAX: u64 = 32;
/// Names of fields that are told: what is rarer is of no use to people.
const NAMES_TOLD_MAX: usize = 3;

/// Fields that times and durations were found in.
#[derive(Default, Clone)]
pub struct Fields {
    /// Of times.
    pub time: Names,
    /// Of durations.
    pub duration: Names,
}

impl Fields {
    /// Learns from one line of `format` and its record.
    pub fn learn(
        &mut self,
        line: &[u8],
        record: Record,
        format: &dyn Format,
        context: &mut Context,
    ) {
        let mut without = |name: Range<usize>| {
            let mut changed = line[..line.len().min(LINE_BYTES_MAX)].to_vec();
            changed.get_mut(name)?.fill(b'x');
            let (mut record, mut arena) = (Record::EMPTY, Vec::new());
            let padded = PaddedLine::new(&changed);
            format.parse_line(padded.line(), context, &mut arena, &mut record).then_some(record)
        };
        let time = |r: Record| (r.time_ns != NO_TIME).then_some(r.time_ns as u64);
        let duration = |r: Record| (r.duration_ns != NO_DURATION).then_some(r.duration_ns);
        self.time.learn(line, time(record), |name| without(name).and_then(time));
        let padded = PaddedLine::new(&line[..line.len().min(LINE_BYTES_MAX)]);
        self.duration.learn(line, duration(record), |name| {
            // What only has to stand beside it, or makes the line a record, is not it.
            let known =
                fields::Names::get().look_up(padded.line(), Group::ROOT, name.start, name.end);
            match known.meaning {
                Meaning::Nothing
                | Meaning::Duration(_)
                | Meaning::RequestTime
                | Meaning::PairKey
                | Meaning::PairValue => without(name).and_then(duration),
                _ if known.inside != Group::NOWHERE => without(name).and_then(duration),
                _ => duration(record),
            }
        });
    }
}

/// How often fields were what gave a value.
#[derive(Default, Clone)]
pub struct Names {
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
        if value.is_some() && self.records < RECORDS_MAX {
            self.records += 1;
            if let Some(name) = field_of(line, value, without) {
                *self.counts.entry(name).or_default() += 1;
            }
        }
    }

    /// The names, most frequent first.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.counts.iter().collect();
        names.sort_by_key(|&(_, count)| std::cmp::Reverse(*count));
        names.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The most frequent ones, or `general` if none is known.
    pub fn told(&self, general: &str) -> String {
        let names = self.names();
        match names.len() {
            0 => general.to_string(),
            1..=NAMES_TOLD_MAX => names.join(", "),
            _ => format!("{}, ...", names[..NAMES_TOLD_MAX].join(", ")),
        }
    }
}

/// What may be names of fields: text in quotes before a colon, and what stands before `=`.
pub(super) fn names(line: &[u8]) -> Vec<Range<usize>> {
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
