//! Lines by class, and what is wrong with the malformed ones.
//!
//! Not fed by batches but by the scanner, which alone sees lines that are not records.

use super::State;
use crate::format::classify::{REASONS, Reason};
use crate::metric::object::object;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Malformed lines that are kept.
pub const SAMPLES_MAX: usize = 5;
/// Bytes that are kept of each.
pub const SAMPLE_BYTES_MAX: usize = 200;

/// One malformed line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// Index of the source.
    pub source: u32,
    /// Offset of the line in it.
    pub offset: u64,
    /// Its first bytes.
    #[serde(with = "serde_bytes")]
    pub text: Vec<u8>,
}

/// Accumulator and state.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// Lines that are records.
    pub parsed: u64,
    /// Lines without anything but white space.
    pub blank: u64,
    /// Lines that continue a record.
    pub continuation: u64,
    /// Directives such as `#Fields`.
    pub header: u64,
    /// Records that the user excluded.
    pub filtered: u64,
    /// Those of them that a time range excluded because they have no time.
    // Written only where there are some, so that other summaries stay what they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untimed: u64,
    /// Malformed lines, indexed by [`Reason`].
    #[serde(with = "reasons")]
    pub reasons: [u64; REASONS.len()],
    /// The first malformed lines, in order.
    pub samples: Vec<Sample>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Counts by reason, without those at the end that are 0: reasons are added there, and summaries of
/// logs that have none of them stay what they are.
mod reasons {
    use super::REASONS;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Reasons that are always written.
    const ALWAYS: usize = 6;

    pub(super) fn serialize<S: Serializer>(
        counts: &[u64; REASONS.len()],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let last = counts.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
        counts[..last.max(ALWAYS)].serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u64; REASONS.len()], D::Error> {
        let written = Vec::<u64>::deserialize(deserializer)?;
        let is_short = written.len() == ALWAYS
            || (ALWAYS..=REASONS.len()).contains(&written.len()) && written.last() != Some(&0);
        if !is_short {
            return Err(Error::custom("counts of malformed lines by reason"));
        }
        let mut counts = [0; REASONS.len()];
        counts[..written.len()].copy_from_slice(&written);
        Ok(counts)
    }
}

impl Lines {
    /// Counts a malformed line. Within one source lines must come in order.
    pub fn malformed(&mut self, source: u32, offset: u64, line: &[u8], reason: Reason) {
        self.reasons[reason as usize] += 1;
        if self.samples.len() < SAMPLES_MAX {
            let text = line[..line.len().min(SAMPLE_BYTES_MAX)].to_vec();
            self.samples.push(Sample { source, offset, text });
        }
    }

    /// Malformed lines.
    pub fn malformed_count(&self) -> u64 {
        self.reasons.iter().sum()
    }

    /// All lines.
    pub fn total(&self) -> u64 {
        self.parsed
            + self.malformed_count()
            + self.blank
            + self.continuation
            + self.header
            + self.filtered
    }

    /// The report's `lines`.
    pub fn evaluate(&self) -> Value {
        object! {
            "total": self.total(),
            "parsed": self.parsed,
            "malformed": self.malformed_count(),
            "blank": self.blank,
            "continuation": self.continuation,
            "header": self.header,
            "filtered": self.filtered,
        }
    }

    /// The report's `malformed`; inputs by their index.
    pub fn evaluate_malformed(&self) -> Value {
        let reasons: Map<_, _> = REASONS
            .iter()
            .zip(self.reasons)
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| (name.to_string(), n.into()))
            .collect();
        let sample = |s: &Sample| {
            object! {
                "input": s.source,
                "offset": s.offset,
                "text": String::from_utf8_lossy(&s.text),
            }
        };
        object! { "reasons": reasons, "samples": self.samples.iter().map(sample).collect::<Vec<_>>() }
    }
}

impl State for Lines {
    fn merge(&mut self, other: &Self) {
        self.parsed += other.parsed;
        self.blank += other.blank;
        self.continuation += other.continuation;
        self.header += other.header;
        self.filtered += other.filtered;
        self.untimed += other.untimed;
        for (count, more) in self.reasons.iter_mut().zip(other.reasons) {
            *count += more;
        }
        self.samples.extend_from_slice(&other.samples);
        self.samples.sort();
        self.samples.truncate(SAMPLES_MAX);
    }

    fn renumber(&mut self, number: &dyn Fn(u32) -> u32) {
        self.samples.iter_mut().for_each(|sample| sample.source = number(sample.source));
        self.samples.sort();
    }

    fn check(&self) -> Result<(), &'static str> {
        let rest = [self.parsed, self.blank, self.continuation, self.header, self.filtered];
        super::sane(rest.into_iter().chain(self.reasons))?;
        if self.untimed > self.filtered {
            return Err("more records without a time are excluded than records");
        }
        if self.samples.len() as u64 != self.malformed_count().min(SAMPLES_MAX as u64)
            || !self.samples.is_sorted()
            || self.samples.iter().any(|s| s.text.len() > SAMPLE_BYTES_MAX)
        {
            return Err("samples of malformed lines do not agree with their count");
        }
        Ok(())
    }
}
