//! Figures of bytes that the caller pushes, given away in parts.

use crate::arguments::lock;
use crate::gate::{Fault, detached};
use crate::spec::Spec;
use crate::summary::Summary;
use logan_core::chunk;
use logan_core::error::Error;
use pyo3::prelude::*;
use std::sync::Mutex;

/// Figures of bytes that the caller pushes, given away in parts.
#[pyclass(frozen, module = "logan._logan")]
pub struct PartFeed(Mutex<chunk::PartFeed>);

impl PartFeed {
    /// Does something with the feed. To be called detached: another thread may be scanning.
    fn with<T>(
        &self,
        work: impl FnOnce(&mut chunk::PartFeed) -> Result<T, Error>,
    ) -> Result<T, Fault> {
        Ok(work(&mut *lock(&self.0)?)?)
    }
}

#[pymethods]
impl PartFeed {
    #[new]
    #[pyo3(signature = (spec, *, source=0, chunk_size=33_554_432, start=0, before=None, head=None))]
    fn new(
        py: Python<'_>,
        spec: &Spec,
        source: u32,
        chunk_size: u64,
        start: u64,
        before: Option<&[u8]>,
        head: Option<&[u8]>,
    ) -> PyResult<PartFeed> {
        let before = before.unwrap_or_default();
        let feed = detached(py, || {
            let spec = spec.0.clone();
            let mut feed = chunk::PartFeed::starting_at(spec, source, chunk_size, start, before)?;
            if let Some(head) = head {
                feed.know_content(head, before);
            }
            Ok(feed)
        })?;
        Ok(PartFeed(Mutex::new(feed)))
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        detached(py, || self.with(|feed| feed.push(data)))
    }

    fn part(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || self.with(chunk::PartFeed::part)).map(Summary)
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.with(chunk::PartFeed::close))
    }

    #[pyo3(signature = (sum, source=0))]
    fn identified(&self, py: Python<'_>, sum: &Summary, source: u32) -> PyResult<Summary> {
        detached(py, || {
            let mut identified = sum.0.clone();
            if let Some(content) = self.with(|feed| Ok(feed.content()))? {
                identified.identify(source, content);
            }
            Ok(identified)
        })
        .map(Summary)
    }
}
