//! Records by severity level.

use super::{Metric, State};
use crate::record::{Batch, Block, Columns};
use crate::record::{LEVELS, Level};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Accumulator.
#[derive(Default)]
pub struct Levels {
    counts: [u64; LEVELS],
}

/// Counts by level, indexed by [`Level`]'s discriminant.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelCounts {
    counts: [u64; LEVELS],
}

impl Metric for Levels {
    type State = LevelCounts;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, _block: Block<'_>) {
        if !batch.has(Columns::LEVEL) {
            self.counts[Level::None as usize] += batch.len as u64;
            return;
        }
        // A pass per level over a column of bytes is a few vector instructions; a count array
        // indexed by level would wait for its own last store on nearly every row.
        let column = &batch.level()[..batch.len];
        for (level, count) in self.counts.iter_mut().enumerate() {
            // Rows are at most 512, so 16 bits hold the count and the loop keeps narrow lanes.
            *count += u64::from(column.iter().map(|&l| u16::from(l == level as u8)).sum::<u16>());
        }
    }

    fn take(&mut self) -> LevelCounts {
        LevelCounts { counts: std::mem::take(&mut self.counts) }
    }
}

impl State for LevelCounts {
    fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        super::sane(self.counts)
    }
}

impl LevelCounts {
    /// Records in all.
    pub fn records(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// So many errors as a share of the records without those of TRACE and DEBUG, which can be switched on;
    /// None without any.
    pub fn ratio_of(&self, errors: u64) -> Option<f64> {
        let detailed = self.counts[Level::Trace as usize] + self.counts[Level::Debug as usize];
        let records = self.records() - detailed;
        // Errors by their status may be among the others.
        (records > 0).then(|| (errors as f64 / records as f64).min(1.0))
    }

    /// The report's `levels`: those that occur.
    pub fn evaluate(&self) -> Value {
        let mut levels = Map::new();
        for level in Level::ALL {
            let count = self.counts[level as usize];
            if count > 0 {
                levels.insert(level.name().into(), count.into());
            }
        }
        Value::Object(levels)
    }
}
