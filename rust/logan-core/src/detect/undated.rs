//! Sources next to none of whose lines has a date: whether lines of them are records all the same, and of
//! which day their times of day are.

use crate::bytes::line::Line;
use crate::format::fields::LineKeys;
use crate::format::{Candidate, Context, Entry, Format, Params, Parse, Part, REGISTRY};
use crate::record::{Level, NO_DURATION, NO_STATUS, NO_TIME, Record};
use serde_json::{Value, json};

/// Of so many lines fewer than one may have a date.
const DATED_ONE_IN: u64 = 20;
/// Of so many lines one has to have a level, a request or a response time.
const TELLING_ONE_IN: u64 = 5;
/// Or of so many one has to begin with a time of day.
const CLOCKED_ONE_IN: u64 = 2;
/// A step back by more seconds passes midnight.
const MIDNIGHT_STEP_S: u32 = 12 * 3_600;

pub(super) struct Undated {
    entry: &'static Entry,
    plain: Box<dyn Format>,
    indent: u32,
    /// Lines that nothing but `plain` takes, records with a date, and what tells more than that it
    /// is a line.
    plain_lines: u64,
    dated: u64,
    telling: u64,
    clocked: u64,
    measured: u64,
    last_clock: Option<u32>,
    passes_midnight: bool,
    example: Option<String>,
    /// A key for a time, and its value, that is none.
    unread: Option<(&'static str, String)>,
}

/// Keys that a time stands under.
const TIME_KEYS: [&str; 8] =
    ["timestamp", "@timestamp", "time", "ts", "datetime", "Timestamp", "Time", "date"];
/// Bytes of a value that are told.
const VALUE_BYTES_MAX: usize = 40;

/// Whether a record says more than that there is a line.
fn tells(record: &Record) -> bool {
    record.level != Level::None || record.status != NO_STATUS || record.duration_ns != NO_DURATION
}

/// What was decided.
#[derive(Default)]
pub(super) struct Decision {
    pub(super) last_clock: Option<u32>,
    /// The format of lines that no other takes, and how many there are.
    pub(super) format: Option<Value>,
    pub(super) lines: u64,
    pub(super) assumed: Option<String>,
}

impl Undated {
    pub(super) fn new(samples: &[(u64, &[u8])]) -> Undated {
        let lines = samples.iter().flat_map(|(_, bytes)| super::whole_lines(bytes));
        let lines = lines.filter(|line| !super::is_blank(line)).take(super::SAMPLE_LINES_MAX);
        let blanks =
            lines.map(|line| line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count());
        let indent = blanks.min().unwrap_or(0) as u32;
        let params = Params { rejoin: true, indent, ..Params::default() };
        let is_alone = |entry: &&&Entry| entry.facts.trial == Candidate::Alone;
        let entry = REGISTRY.iter().find(is_alone).expect("one takes any line");
        Undated {
            entry,
            plain: (entry.build)(&params),
            indent,
            plain_lines: 0,
            dated: 0,
            telling: 0,
            clocked: 0,
            measured: 0,
            last_clock: None,
            passes_midnight: false,
            example: None,
            unread: None,
        }
    }

    /// Learns from a record with named fields that has no time.
    pub(super) fn learn_unread(&mut self, line: &[u8]) {
        if self.unread.is_none() {
            let keys = LineKeys(line);
            self.unread = TIME_KEYS.iter().find_map(|key| {
                let value = keys.value(key)?;
                let end = match value.first()? {
                    b'"' => memchr::memchr(b'"', &value[1..])? + 2,
                    _ => value.iter().position(|b| b", }\t".contains(b)).unwrap_or(value.len()),
                };
                let value = &value[..end.min(VALUE_BYTES_MAX)];
                let says = value.iter().any(u8::is_ascii_digit);
                says.then(|| (*key, String::from_utf8_lossy(value).into_owned()))
            });
        }
    }

    /// Learns from a line that no format took.
    pub(super) fn learn(&mut self, line: Line<'_>, context: &mut Context) {
        let (mut record, mut arena) = (Record::EMPTY, Vec::new());
        context.clock.seen_clock = None;
        let cx = &mut Parse { simd: (), context, arena: &mut arena, record: &mut record };
        if self.plain.part(line, Some(0), cx) != Part::Record {
            return;
        }
        self.plain_lines += 1;
        self.measured += u64::from(record.duration_ns != NO_DURATION);
        let bytes = line.bytes();
        self.example.get_or_insert_with(|| {
            String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
        });
        self.learn_record(&record, context.clock.seen_clock);
    }

    /// Learns from a record, and the time of day at its front.
    pub(super) fn learn_record(&mut self, record: &Record, clock: Option<u32>) {
        self.dated += u64::from(record.time_ns != NO_TIME);
        self.telling += u64::from(tells(record));
        if let Some(second) = clock {
            self.clocked += 1;
            self.passes_midnight |=
                self.last_clock.is_some_and(|last| last > second + MIDNIGHT_STEP_S);
            self.last_clock = Some(second);
        }
    }

    /// What is decided, given how many lines are neither blank nor part of another record, and how many
    /// some format took.
    pub(super) fn decide(self, lines: u64, taken: u64) -> Decision {
        let is_log =
            self.telling * TELLING_ONE_IN >= lines || self.clocked * CLOCKED_ONE_IN >= lines;
        if self.dated * DATED_ONE_IN >= lines || !is_log {
            return Decision::default();
        }
        let assumed = match (self.last_clock, self.passes_midnight) {
            (Some(_), true) => {
                "times of day pass midnight and have no date, so that they are left out and there is no \
                 timeline"
            }
            (Some(_), false) => "times of day have no date: they are read as those of the last day",
            (None, _) if self.unread.is_some() => "",
            (None, _) => {
                "lines have no timestamp, so that there is no timeline; docker logs -t and \
                 kubectl logs --timestamps write them"
            }
        };
        let assumed = match self.unread {
            Some((key, value)) if self.last_clock.is_none() => {
                format!(
                    "`{key}` cannot be read as a timestamp ({value}), so that there is no timeline"
                )
            }
            _ => assumed.to_string(),
        };
        let has_plain = self.plain_lines > 0;
        let mut params = json!({ "rejoin": true });
        if self.indent > 0 {
            params["indent"] = json!(self.indent);
        }
        let info = &self.entry.info;
        let has_times = self.last_clock.is_some();
        let format = has_plain.then(|| {
            json!({
                "name": info.name,
                "params": params,
                "payload": [],
                "lines": self.plain_lines,
                "share": self.plain_lines as f64 / lines.max(1) as f64,
                "time_field": info.time_field,
                "duration_field": info.duration.filter(|_| self.measured > 0).map(|(field, _)| field),
                "duration_unit": info.duration.filter(|_| self.measured > 0).map(|(_, unit)| unit),
                // Without a time of day there is nothing that a zone or a year could be of.
                "timezone": has_times.then_some("not written"),
                "year": has_times.then_some("not written"),
                "example": self.example,
            })
        });
        Decision {
            last_clock: self.last_clock.filter(|_| !self.passes_midnight),
            format,
            lines: self.plain_lines,
            assumed: (has_plain || taken > 0).then_some(assumed),
        }
    }
}
