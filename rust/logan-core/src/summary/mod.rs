//! Summaries: the mergeable figures of some byte segments of some sources.
//!
//! A commutative, associative merge with the identity [`Summary::empty`]: of chunks of one job, and
//! of different jobs whose figures have one [meaning](crate::spec::Meaning), whatever sources they
//! are of ([`coverage`] says what makes two sources one). Within one job, equal inputs and options
//! give equal bytes ([`codec`](crate::summary::codec)), whatever the number of threads, workers or failures;
//! while no table is over its cap for any split into chunks, beyond it for the plan's grid and the
//! fixed [tree](crate::summary::merge_tree). Across jobs the figures do not depend on the order; the
//! indexes of sources do, and so does which of equally early or slow records is shown.

pub mod codec;
pub mod coverage;
mod distributions;
mod evaluate;
pub mod merge_tree;
pub mod packed;

use crate::bytes::content::Content;
use crate::error::Error;
use crate::metric::{Figures, State, lines::Lines};
use crate::spec::{Meaning, Spec};
use crate::summary::coverage::{Coverage, Renumbering, SourceId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The figures of some segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// What the figures stand for.
    pub meaning: Arc<Meaning>,
    /// What is covered.
    pub coverage: Coverage,
    /// Lines by class.
    pub lines: Lines,
    /// All metrics.
    pub figures: Figures,
}

impl Summary {
    /// The identity of merging summaries of a spec's meaning.
    pub fn empty(spec: &Spec) -> Summary {
        Summary::empty_with(Arc::new(spec.meaning.clone()))
    }

    /// The identity of merging summaries of this meaning.
    pub fn empty_with(meaning: Arc<Meaning>) -> Summary {
        Summary {
            meaning,
            coverage: Coverage::default(),
            lines: Lines::default(),
            figures: Figures::default(),
        }
    }

    /// Adds the figures of `other`, be it of another chunk of the same job or of another job.
    ///
    /// # Errors
    /// [`Error::Merge`] if their meanings differ or both cover a same byte, named; `self` is then as
    /// before.
    pub fn merge(&mut self, other: &Summary) -> Result<(), Error> {
        self.check_meaning(other)?;
        match self.coverage.numbers(&other.coverage)? {
            None => self.add(other),
            Some(numbers) => self.add(&other.renumbered(&numbers)),
        }
        Ok(())
    }

    /// The sum of several, in their order; None of none.
    ///
    /// Neighbors are merged first, so that what each has of its own is copied as few times as there
    /// are levels.
    ///
    /// # Errors
    /// As [`merge`](Self::merge).
    pub fn sum(parts: &[&Summary]) -> Result<Option<Summary>, Error> {
        match parts {
            [] => Ok(None),
            [one] => Ok(Some((*one).clone())),
            [first, second] => {
                let mut sum = (*first).clone();
                sum.merge(second)?;
                Ok(Some(sum))
            }
            _ => {
                let (left, right) = parts.split_at(parts.len().div_ceil(2));
                let mut sum = Summary::sum(left)?;
                if let (Some(sum), Some(right)) = (&mut sum, Summary::sum(right)?) {
                    sum.merge(&right)?;
                }
                Ok(sum)
            }
        }
    }

    /// The same without what the named metrics counted: part of the figures, for those who look at no
    /// others.
    ///
    /// # Errors
    /// [`Error::Spec`] for a name that no metric has, and for those that others must agree with.
    pub fn without(&self, names: &[&str]) -> Result<Summary, Error> {
        const ESSENTIAL: [&str; 2] = ["totals", "levels"];
        for name in names {
            if !Figures::NAMES.contains(name) || ESSENTIAL.contains(name) {
                return Err(Error::Spec(format!("there is no summary without {name:?}")));
            }
        }
        Ok(Summary {
            meaning: self.meaning.clone(),
            coverage: self.coverage.clone(),
            lines: self.lines.clone(),
            figures: self.figures.without(names),
        })
    }

    /// The index that each source of `other` whose index changes gets when it is merged.
    ///
    /// # Errors
    /// As [`merge`](Self::merge).
    pub fn numbers(&self, other: &Summary) -> Result<Renumbering, Error> {
        self.check_meaning(other)?;
        Ok(self.coverage.numbers(&other.coverage)?.unwrap_or_default())
    }

    fn check_meaning(&self, other: &Summary) -> Result<(), Error> {
        // Chunks of one job share it, so this is nearly always one comparison of pointers.
        if self.meaning != other.meaning {
            let difference = self.meaning.difference(&other.meaning).unwrap_or_default();
            return Err(Error::Merge(format!("{difference}; analyze again with the same options")));
        }
        Ok(())
    }

    fn add(&mut self, other: &Summary) {
        self.coverage.merge(&other.coverage);
        self.lines.merge(&other.lines);
        self.figures.merge(&other.figures);
    }

    /// The same with other indexes of its sources, wherever there are any.
    fn renumbered(&self, numbers: &Renumbering) -> Summary {
        let mut renumbered = Summary {
            meaning: self.meaning.clone(),
            coverage: self.coverage.renumbered(numbers),
            lines: self.lines.clone(),
            figures: self.figures.clone(),
        };
        let number = |source: u32| numbers.get(&source).copied().unwrap_or(source);
        renumbered.lines.renumber(&number);
        renumbered.figures.renumber(&number);
        renumbered
    }

    /// The same as a part of the job of `spec`, whose [`Spec::plan_digest`] is `plan`: each source
    /// becomes the source of `spec` that `numbers` gives for it.
    ///
    /// # Errors
    /// [`Error::Spec`] if `spec` has no such source, or two would become one.
    pub fn replanned(
        &self,
        spec: &Spec,
        plan: u128,
        numbers: &Renumbering,
    ) -> Result<Summary, Error> {
        let mut replanned = self.renumbered(numbers);
        if replanned.coverage.0.len() != self.coverage.0.len() {
            return Err(Error::Spec("two sources cannot become one".into()));
        }
        for (&source, covered) in &mut replanned.coverage.0 {
            let mut id = SourceId::of(spec, plan, source)?;
            if id.identity.content.is_none() {
                // Of an archive or a stream it was found out when all of it was read.
                id.identity.content.clone_from(&covered.id.identity.content);
            }
            covered.id = Arc::new(id);
        }
        Ok(replanned)
    }

    /// Says what the content of a source was found to be, if the plan did not know it.
    pub fn identify(&mut self, source: u32, content: Content) {
        self.coverage.identify(source, content);
    }

    /// How this differs from a part of the job of `spec`, whose [`Spec::plan_digest`] is `plan`, in
    /// words; None if it may be one.
    pub fn difference(&self, spec: &Spec, plan: u128) -> Option<String> {
        self.meaning.difference(&spec.meaning).or_else(|| self.coverage.difference(spec, plan))
    }

    /// Whether decoded figures make sense, each for itself and together.
    ///
    /// # Errors
    /// [`Error::Summary`] that says what does not.
    pub fn check(&self) -> Result<(), Error> {
        let fail = |what: &str| Err(Error::damaged(what));
        if self.meaning.check().is_err() {
            return fail("its meaning is not valid");
        }
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
            || !self.figures.by.records_agree(&self.meaning.by, records)
        {
            return fail("the numbers of records disagree");
        }
        Ok(())
    }
}
