//! Summaries: the mergeable figures of some byte segments of some sources.
//!
//! A commutative, associative merge with the identity [`Summary::empty`]. Equal inputs and options
//! give equal bytes ([`codec`](crate::summary::codec)), whatever the number of threads, workers or failures;
//! while no table is over its cap for any split into chunks, beyond it for the plan's grid and the
//! fixed [tree](crate::summary::merge_tree).

pub mod codec;
pub mod coverage;
mod evaluate;
pub mod merge_tree;

use crate::error::Error;
use crate::metric::{Figures, State, lines::Lines};
use crate::spec::Spec;
use crate::summary::coverage::Coverage;
use serde::{Deserialize, Serialize};

/// The figures of some segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Digest of the spec under which the figures were made.
    pub spec: u128,
    /// What is covered.
    pub coverage: Coverage,
    /// Lines by class.
    pub lines: Lines,
    /// All metrics.
    pub figures: Figures,
}

impl Summary {
    /// The identity of merging under a spec.
    pub fn empty(spec: &Spec) -> Summary {
        Summary::empty_with(spec.digest())
    }

    /// The identity of merging under the spec with this digest.
    pub fn empty_with(spec: u128) -> Summary {
        Summary {
            spec,
            coverage: Coverage::default(),
            lines: Lines::default(),
            figures: Figures::default(),
        }
    }

    /// Adds the figures of `other`.
    ///
    /// # Errors
    /// [`Error::Summary`] if the specs differ or both cover a same byte; `self` is then as before.
    pub fn merge(&mut self, other: &Summary) -> Result<(), Error> {
        if self.spec != other.spec {
            return Err(Error::Summary(
                "the summaries were made under different specs; analyze again with one".into(),
            ));
        }
        self.coverage.merge(&other.coverage)?;
        self.lines.merge(&other.lines);
        self.figures.merge(&other.figures);
        Ok(())
    }

    /// Whether decoded figures make sense, each for itself and together.
    ///
    /// # Errors
    /// [`Error::Summary`] that says what does not.
    pub fn check(&self) -> Result<(), Error> {
        let fail = |what: &str| Err(Error::Summary(format!("damaged summary: {what}")));
        if let Err(what) = self
            .coverage
            .check()
            .and_then(|()| self.lines.check())
            .and_then(|()| self.figures.check())
        {
            return fail(what);
        }
        let records = self.lines.parsed;
        if self.coverage.records() != records + self.lines.filtered
            || self.figures.totals.records != records
            || self.figures.levels.records() != records
            || !self.figures.by.records_agree(records)
        {
            return fail("the numbers of records disagree");
        }
        Ok(())
    }
}
