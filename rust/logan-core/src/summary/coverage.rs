//! Which bytes of which sources a summary covers, and in what order their records are.
//!
//! Every summary proves its own coverage: merging neighbors joins their segments, merging what
//! overlaps is an error. So nothing can be counted twice, in any engine, and a complete job ends
//! with exactly one segment `[0, size)` per source.

use crate::error::Error;
use crate::format;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Consecutive bytes of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// Times of the first and last timed record in file order, nanoseconds since 1970.
    pub times: Option<(i64, i64)>,
}

/// What is covered of one source.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCoverage {
    /// Segments in order; no two touch.
    pub segments: Vec<Segment>,
    /// Records by format name, be they filtered or not.
    pub formats: BTreeMap<String, u64>,
    /// Timed records that are earlier than the timed record before them; of this and of all times
    /// here, only records of the selected time count.
    pub out_of_order: u64,
    /// Earliest and latest time of a record, nanoseconds since 1970.
    pub range: Option<(i64, i64)>,
}

/// What is covered of each source, by its index in the plan.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage(pub BTreeMap<u32, SourceCoverage>);

impl Coverage {
    /// Adds what `other` covers.
    ///
    /// # Errors
    /// [`Error::Summary`] if both cover a same byte; `self` is then as before.
    pub fn merge(&mut self, other: &Coverage) -> Result<(), Error> {
        let mut joined = Vec::new();
        for (&source, theirs) in &other.0 {
            let ours = self.0.get(&source).cloned().unwrap_or_default();
            joined.push((source, ours.joined(theirs, source)?));
        }
        self.0.extend(joined);
        Ok(())
    }

    /// Records in all.
    pub fn records(&self) -> u64 {
        self.0.values().flat_map(|s| s.formats.values()).sum()
    }

    /// Bytes covered of a source.
    pub fn bytes(&self, source: u32) -> u64 {
        let segments = self.0.get(&source).map_or(&[][..], |s| &s.segments);
        segments.iter().map(|s| s.end - s.start).sum()
    }

    /// Earliest and latest time of a record in any source.
    pub fn range(&self) -> Option<(i64, i64)> {
        self.0.values().filter_map(|s| s.range).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Records out of order in their source.
    pub fn out_of_order(&self) -> u64 {
        self.0.values().map(|s| s.out_of_order).sum()
    }

    /// Whether decoded coverage makes sense.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self) -> Result<(), &'static str> {
        for source in self.0.values() {
            let mut free_from = 0;
            for (i, segment) in source.segments.iter().enumerate() {
                if segment.start >= segment.end || segment.start < free_from + u64::from(i > 0) {
                    return Err("segments overlap, touch or are out of order");
                }
                free_from = segment.end;
            }
            let records: u128 = source.formats.values().map(|&n| u128::from(n)).sum();
            if records > u128::from(crate::limits::COUNT_MAX)
                || u128::from(source.out_of_order) > records
            {
                return Err("a count of records is impossibly large");
            }
            if source.range.is_some_and(|(first, last)| first > last)
                || source.formats.keys().any(|name| format::info(name).is_none())
            {
                return Err("a source's formats or times are not valid");
            }
        }
        Ok(())
    }
}

impl SourceCoverage {
    fn joined(mut self, other: &SourceCoverage, source: u32) -> Result<SourceCoverage, Error> {
        let mut segments: Vec<Segment> = Vec::new();
        self.segments.extend_from_slice(&other.segments);
        self.segments.sort_by_key(|s| (s.start, s.end));
        self.out_of_order += other.out_of_order;
        for segment in self.segments.drain(..) {
            match segments.last_mut() {
                Some(last) if segment.start < last.end => {
                    return Err(Error::Summary(format!(
                        "both summaries cover bytes {}..{} of source {source}: the same chunk was \
                         merged twice",
                        segment.start,
                        last.end.min(segment.end)
                    )));
                }
                Some(last) if segment.start == last.end => {
                    if let (Some((_, before)), Some((after, _))) = (last.times, segment.times) {
                        self.out_of_order += u64::from(after < before);
                    }
                    last.end = segment.end;
                    last.times = match (last.times, segment.times) {
                        (Some((first, _)), Some((_, last))) => Some((first, last)),
                        (times, None) => times,
                        (None, times) => times,
                    };
                }
                _ => segments.push(segment),
            }
        }
        self.segments = segments;
        for (name, count) in &other.formats {
            *self.formats.entry(name.clone()).or_default() += count;
        }
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        Ok(self)
    }
}
