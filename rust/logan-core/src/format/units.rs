//! Response times that are written without a unit: what detection or the user decided about them.
//!
//! A [`DurationReading`] travels with the spec, so that all chunks of a source read alike; nothing
//! is decided by the size of one number. A number under a key has the unit that the user chose, else
//! the one that the reading has for the key (for each producer, where several write it), else the
//! one that its producer [documents](super::fields::documented_unit), else none: it is then no
//! response time. Of the numbers after an access log's user agent or size the reading says which one
//! is the response time, if any. Without a reading, the first with exactly three decimals is, which
//! is how nginx writes times; those of a million and more are its timestamps.

use super::Unit;
use super::fields::{LineKeys, documented_unit, is_of_producer};
use crate::bytes::line::Line;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the response time of an access log is called where the user gives its unit.
pub const RESPONSE_TIME: &str = "response_time";

/// The decisions about one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DurationReading {
    /// Units by key as the user says; None for what is not a response time.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, Option<Unit>>,
    /// Units by key: the first entry that fits a record counts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, Vec<KeyUnit>>,
    /// What is decided of the numbers after a user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_agent: Option<TailColumn>,
    /// What is decided of the numbers after a size without a user agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_size: Option<TailColumn>,
    /// Whether commas in texts stand before decimals, also before three of them: `1,500 s`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimal_commas: bool,
}

/// The unit of a key in the records of some producer, or in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyUnit {
    /// Of records of this [documented](super::fields::documented_unit) producer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// Of records that have this key, too, only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// None if the values contradict each other, so that they are left out.
    pub unit: Option<Unit>,
}

/// What is the response time in the tail of an access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TailColumn {
    /// Whether the first number with exactly three decimals below 1,000,000 is, in seconds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub like_nginx: bool,
    /// Which field of the tail is, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<u32>,
    /// The unit of that field, and of whole numbers that have a name.
    pub unit: Unit,
}

impl DurationReading {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        *self == DurationReading::default()
    }
}

/// After what a tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TailPlace {
    Agent,
    Size,
}

/// How bare numbers of a tail are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Whether the first one that nginx would write as a time is one, in seconds.
    pub(crate) like_nginx: bool,
    /// Which field is one, too.
    pub(crate) field: Option<u32>,
    /// The unit of that field, and of whole numbers that have a name; None if it is not known.
    pub(crate) unit: Option<Unit>,
}

/// How one bare number is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bare {
    /// As seconds if it has exactly three decimals and is no timestamp.
    pub(crate) like_nginx: bool,
    /// In this unit, any other.
    pub(crate) unit: Option<Unit>,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail { like_nginx: true, field: None, unit: None }
    }
}

impl Tail {
    /// How the number of a field is read.
    #[inline(always)]
    pub(crate) fn at(self, field: u32) -> Bare {
        let unit = if self.field == Some(field) { self.unit } else { None };
        Bare { like_nginx: self.like_nginx, unit }
    }

    /// How a whole number that has a name is read.
    pub(crate) fn named(self) -> Bare {
        Bare { like_nginx: true, unit: self.unit }
    }
}

impl Bare {
    /// In this unit.
    pub(crate) const fn of(unit: Unit) -> Bare {
        Bare { like_nginx: false, unit: Some(unit) }
    }
}

/// What detection learns from a line.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Numbers under keys: the key, what is written, and the line.
    pub(crate) numbers: Vec<(String, String, Vec<u8>)>,
    /// The tail of a line, if it has one.
    pub(crate) tail: Option<(TailPlace, Vec<u8>)>,
}

/// Numbers of a line that are kept.
const SAMPLE_NUMBERS_MAX: usize = 8;

impl Sample {
    pub(super) fn number(&mut self, key: &[u8], text: String, line: &[u8]) {
        if self.numbers.len() < SAMPLE_NUMBERS_MAX {
            let key = String::from_utf8_lossy(key).into_owned();
            self.numbers.push((key, text, line.to_vec()));
        }
    }
}

/// A reading as parsers use it.
#[derive(Debug, Default)]
pub struct Durations {
    reading: DurationReading,
    tails: [Tail; 2],
    /// What was met, where detection asks for it; numbers then count as milliseconds.
    pub(crate) sample: Option<Sample>,
}

impl Durations {
    /// What parsers need of a reading.
    pub fn new(reading: &DurationReading) -> Durations {
        let chosen = reading.chosen.get(RESPONSE_TIME);
        let tail =
            |column: Option<TailColumn>| {
                let decided =
                    column.map_or_else(Tail::default, |TailColumn { like_nginx, field, unit }| {
                        Tail { like_nginx, field, unit: Some(unit) }
                    });
                match chosen {
                    None => decided,
                    Some(None) => Tail { like_nginx: false, field: None, ..decided },
                    Some(unit) => {
                        Tail { like_nginx: false, field: decided.field.or(Some(0)), unit: *unit }
                    }
                }
            };
        let tails = [tail(reading.after_agent), tail(reading.after_size)];
        Durations { reading: reading.clone(), tails, sample: None }
    }

    /// Whether these are of this reading.
    pub(super) fn are_of(&self, reading: &DurationReading) -> bool {
        self.reading == *reading && self.sample.is_none()
    }

    /// The unit of a bare number under a key of a record.
    pub(super) fn unit_of(&self, line: &[u8], key: &[u8]) -> Option<Unit> {
        if self.sample.is_some() {
            return Some(Unit::Milliseconds);
        }
        let keys = LineKeys(line);
        let name = std::str::from_utf8(key).ok()?;
        if let Some(unit) = self.reading.chosen.get(name) {
            return *unit;
        }
        let Some(decided) = self.reading.keys.get(name) else {
            return documented_unit(keys, key);
        };
        let fits = |entry: &&KeyUnit| {
            entry.producer.as_ref().is_none_or(|name| is_of_producer(keys, name))
                && entry.beside.as_ref().is_none_or(|beside| keys.has(beside))
        };
        decided.iter().find(fits)?.unit
    }

    /// The unit that the user says a name has, or that it has none; None if the user says nothing.
    pub(super) fn chosen(&self, name: &[u8]) -> Option<Option<Unit>> {
        if self.reading.chosen.is_empty() {
            return None;
        }
        self.reading.chosen.get(std::str::from_utf8(name).ok()?).copied()
    }

    /// How the tail that begins at `end` of a line is read.
    #[inline(always)]
    pub(crate) fn tail(&mut self, place: TailPlace, line: Line<'_>, end: usize) -> Tail {
        if let Some(sample) = &mut self.sample {
            sample.tail = line.bytes().get(end..).map(|tail| (place, tail.to_vec()));
        }
        self.tail_of(place)
    }

    /// How tails of a place are read.
    #[inline(always)]
    pub(crate) fn tail_of(&self, place: TailPlace) -> Tail {
        self.tails[place as usize]
    }
}
