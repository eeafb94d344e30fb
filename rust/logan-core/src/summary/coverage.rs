//! Which bytes of which sources a summary covers, and in what order their records are.
//!
//! Every summary proves its own coverage: merging neighbors joins their segments, merging what
//! overlaps is an error. So nothing can be counted twice, in any engine, and a complete job ends
//! with exactly one segment `[0, size)` per source.
//!
//! A source's index means something within one job only. Across jobs a source is known by its
//! [identity](crate::spec::Identity):
//!
//! ```text
//! of one plan                    the same index: the same source, unless it begins with other bytes
//! same name or origin and head   the same source: its segments join, or must not overlap
//! same content, another name     a copy: refused
//! same 4 KiB head, other name    refused if they overlap and their first records have one time
//! else                           two sources; if both have one index, the second gets another one
//! ```

use crate::error::{Error, grouped};
use crate::format;
use crate::spec::{Identity, Relation, Spec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

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

/// Which source of which job it is, what it is beyond the job, and how it was read.
///
/// Of two jobs' parts of one source the later part's counts, so they are in order by how much of
/// the source they know.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceId {
    /// What the source is.
    pub identity: Identity,
    /// [Digest](Spec::plan_digest) of the sources of the job that it was planned in.
    pub plan: u128,
    /// Its index there.
    pub index: u32,
    /// [Digest](crate::spec::Reading::digest) of how it was read.
    pub reading: u128,
}

impl SourceId {
    /// A source of a spec, whose [`Spec::plan_digest`] is `plan`.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub fn of(spec: &Spec, plan: u128, index: u32) -> Result<SourceId, Error> {
        let source = spec.source(index)?;
        let (identity, reading) = (source.identity.clone(), source.reading.digest());
        Ok(SourceId { identity, plan, index, reading })
    }

    /// By what sources of other jobs are looked for that may be this one: two that share none of
    /// these are [`Relation::Different`].
    fn traits(&self) -> [u64; 5] {
        let content = self.identity.content.as_ref();
        let key = |kind: u8, parts: [&[u8]; 2]| {
            let mut bytes = vec![kind];
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
            xxh3_64(&bytes)
        };
        let number = |n: u64| n.to_le_bytes();
        let (length, tail) = content.map_or((0, 0), |content| (content.length, content.tail));
        let head = content.and_then(|content| content.whole_head()).unwrap_or(0);
        [
            key(0, [&self.plan.to_le_bytes(), &number(self.index.into())]),
            key(1, [self.identity.name.as_bytes(), &[]]),
            key(2, [self.identity.origin.as_bytes(), &[]]),
            key(3, [&number(length), &number(tail)]),
            key(4, [&number(head), &[]]),
        ]
    }
}

/// What is covered of one source.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCoverage {
    /// Which source.
    pub id: Arc<SourceId>,
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

/// What is covered of each source, by its index: in the plan, while all are of one plan.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coverage(pub BTreeMap<u32, SourceCoverage>);

/// By their index in one summary, the index of sources in another one.
pub type Renumbering = BTreeMap<u32, u32>;

impl Coverage {
    /// The index here of each source of `other`, if both can be merged; None if none changes.
    ///
    /// # Errors
    /// [`Error::Merge`] that names what both cover.
    pub fn numbers(&self, other: &Coverage) -> Result<Option<Renumbering>, Error> {
        if self.is_of_one_plan_with(other) {
            for (source, theirs) in &other.0 {
                if let Some(ours) = self.0.get(source) {
                    ours.check_apart(theirs, *source)?;
                }
            }
            return Ok(None);
        }
        let mut known: HashMap<u64, BTreeSet<u32>> = HashMap::new();
        for (&source, ours) in &self.0 {
            for key in ours.id.traits() {
                known.entry(key).or_default().insert(source);
            }
        }
        let mut next =
            self.0.keys().chain(other.0.keys()).max().map_or(0, |&most| most.saturating_add(1));
        let mut numbers = Renumbering::new();
        let mut parts: BTreeMap<u32, Vec<&SourceCoverage>> = BTreeMap::new();
        for (&source, theirs) in &other.0 {
            let keys = theirs.id.traits();
            let near: BTreeSet<u32> =
                keys.iter().filter_map(|key| known.get(key)).flatten().copied().collect();
            let number = match self.same_source(&near, theirs, source)? {
                Some(number) => number,
                None if !self.0.contains_key(&source) => source,
                None if next == u32::MAX => {
                    return Err(Error::Merge("together they have too many sources".into()));
                }
                None => {
                    next += 1;
                    next - 1
                }
            };
            let parts = parts.entry(number).or_default();
            for part in parts.iter().copied().chain(self.0.get(&number)) {
                part.check_apart(theirs, number)?;
            }
            parts.push(theirs);
            numbers.insert(source, number);
        }
        Ok(numbers.iter().any(|(from, to)| from != to).then_some(numbers))
    }

    /// Whether an index names the same source in both.
    fn is_of_one_plan_with(&self, other: &Coverage) -> bool {
        let Some(plan) = other.0.values().next().map(|source| source.id.plan) else { return true };
        let planned = |(&index, source): (&u32, &SourceCoverage)| {
            source.id.plan == plan && source.id.index == index
        };
        let agree = |(index, theirs): (&u32, &SourceCoverage)| {
            self.0.get(index).is_none_or(|ours| {
                ours.id == theirs.id || ours.id.identity.agrees(&theirs.id.identity)
            })
        };
        other.0.iter().all(|each| planned(each) && agree(each)) && self.0.iter().all(planned)
    }

    /// Which of `near`, our sources, a source of another summary is.
    fn same_source(
        &self,
        near: &BTreeSet<u32>,
        theirs: &SourceCoverage,
        number: u32,
    ) -> Result<Option<u32>, Error> {
        let mut copy = None;
        for &source in near {
            let Some(ours) = self.0.get(&source) else { continue };
            if ours.id.plan == theirs.id.plan {
                let one = ours.id.index == theirs.id.index;
                if one && ours.id.identity.agrees(&theirs.id.identity) {
                    return Ok(Some(source));
                }
                // The plan has it twice on purpose.
                continue;
            }
            match ours.id.identity.relation(&theirs.id.identity) {
                Relation::Same => return Ok(Some(source)),
                Relation::Copy => copy = Some(source),
                Relation::Alike if ours.begins_as(theirs) => copy = Some(source),
                Relation::Alike | Relation::Different => {}
            }
        }
        let Some(source) = copy else { return Ok(None) };
        let ours = self.0[&source].id.identity.shown(source);
        Err(Error::Merge(format!(
            "{ours} and {} are the same log under two names; leave one of them out",
            theirs.id.identity.shown(number),
        )))
    }

    /// The same with other indexes. Sources that get one index must not overlap.
    pub fn renumbered(&self, numbers: &Renumbering) -> Coverage {
        let mut renumbered = Coverage::default();
        for (source, covered) in &self.0 {
            let number = numbers.get(source).copied().unwrap_or(*source);
            renumbered.join(number, covered);
        }
        renumbered
    }

    /// Adds what `other` covers, with its indexes; that this can be done was checked by
    /// [`numbers`](Self::numbers).
    pub fn merge(&mut self, other: &Coverage) {
        for (&source, theirs) in &other.0 {
            self.join(source, theirs);
        }
    }

    fn join(&mut self, source: u32, theirs: &SourceCoverage) {
        match self.0.get_mut(&source) {
            Some(ours) => ours.join(theirs),
            None => drop(self.0.insert(source, theirs.clone())),
        }
    }

    /// Says what the content of a source was found to be, if the plan did not know it.
    pub fn identify(&mut self, source: u32, content: crate::bytes::content::Content) {
        if let Some(covered) = self.0.get_mut(&source)
            && covered.id.identity.content.is_none()
        {
            Arc::make_mut(&mut covered.id).identity.content = Some(content);
        }
    }

    /// How what is covered differs from what `spec` plans, whose [`Spec::plan_digest`] is `plan`;
    /// None if all of it is of this plan.
    pub fn difference(&self, spec: &Spec, plan: u128) -> Option<String> {
        self.0.iter().find_map(|(&source, covered)| {
            let shown = covered.id.identity.shown(source);
            let Ok(planned) = SourceId::of(spec, plan, source) else {
                return Some(format!("{shown} is not among the job's sources"));
            };
            let identity = &planned.identity;
            if covered.id.reading != planned.reading {
                Some(format!("{shown} was read in another way"))
            } else if !identity.agrees(&covered.id.identity)
                || identity.content.is_some() && identity.content != covered.id.identity.content
            {
                Some(format!("{shown} is not the planned {}", identity.shown(source)))
            } else if (covered.id.plan, covered.id.index) != (planned.plan, planned.index) {
                Some("its sources are those of another job".into())
            } else {
                None
            }
        })
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
            if source.id.identity.check().is_err() {
                return Err("the identity of a source is not valid");
            }
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
    /// That no byte is covered by both, which are parts of one source.
    fn check_apart(&self, other: &SourceCoverage, source: u32) -> Result<(), Error> {
        let Some((start, end)) = self.overlap(other) else { return Ok(()) };
        let (ours, theirs) = (&self.id.identity, &other.id.identity);
        let both = if ours.name == theirs.name {
            ours.shown(source)
        } else {
            format!("{} (the other time {})", ours.shown(source), theirs.shown(source))
        };
        Err(Error::Merge(format!(
            "{both} is in both, bytes {}–{}; count each part of a log once",
            grouped(start),
            grouped(end)
        )))
    }

    /// The first bytes that both cover.
    fn overlap(&self, other: &SourceCoverage) -> Option<(u64, u64)> {
        let (mut ours, mut theirs) = (self.segments.iter(), other.segments.iter());
        let (mut a, mut b) = (ours.next()?, theirs.next()?);
        loop {
            let both = (a.start.max(b.start), a.end.min(b.end));
            if both.0 < both.1 {
                return Some(both);
            }
            if a.end <= b.end {
                a = ours.next()?;
            } else {
                b = theirs.next()?;
            }
        }
    }

    /// Whether both cover the beginning of a log, and the first record there has the same time, or
    /// none has any.
    fn begins_as(&self, other: &SourceCoverage) -> bool {
        let begin = |covered: &SourceCoverage| {
            let first = covered.segments.first().filter(|first| first.start == 0);
            first.map(|first| first.times.map(|times| times.0))
        };
        begin(self).is_some() && begin(self) == begin(other)
    }

    /// Adds another part of this source, which does not overlap.
    fn join(&mut self, other: &SourceCoverage) {
        if self.id < other.id {
            self.id = other.id.clone();
        }
        let mut segments: Vec<Segment> = Vec::new();
        self.segments.extend_from_slice(&other.segments);
        self.segments.sort_by_key(|s| (s.start, s.end));
        self.out_of_order += other.out_of_order;
        for segment in self.segments.drain(..) {
            match segments.last_mut() {
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
            match self.formats.get_mut(name) {
                Some(sum) => *sum += count,
                None => drop(self.formats.insert(name.clone(), *count)),
            }
        }
        self.range = match (self.range, other.range) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }
}
