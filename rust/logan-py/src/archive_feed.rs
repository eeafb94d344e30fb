//! Figures of an archive whose stored bytes the caller pushes.

use crate::arguments::lock;
use crate::cancel::{Cancel, control};
use crate::feed::FEED_FINISHED;
use crate::gate::{Fault, detached};
use crate::outcome::{Decoded, facts, kind};
use crate::pipe;
use crate::spec::Spec;
use crate::summary::Summary;
use logan_core::engine::{self, Request};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Mutex;

/// Figures of an archive whose stored bytes the caller pushes.
#[pyclass(frozen, module = "logan._logan")]
pub struct ArchiveFeed {
    feed: Mutex<Option<logan_core::engine::ArchiveFeed>>,
    source: u32,
}

impl ArchiveFeed {
    /// Whether the feed wants more. To be called detached: another thread may be scanning.
    fn pushed(&self, data: &[u8]) -> Result<bool, Fault> {
        let feed = lock(&self.feed)?;
        Ok(feed.as_ref().ok_or(Fault::Finished(FEED_FINISHED))?.push(data))
    }
}

#[pymethods]
impl ArchiveFeed {
    #[new]
    #[pyo3(signature = (spec, compression, *, name=None, source=0, chunk_size=33_554_432,
        expansion_max=0, threads=1, cancel=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn new(
        py: Python<'_>,
        spec: &Spec,
        compression: &str,
        name: Option<PathBuf>,
        source: u32,
        chunk_size: u64,
        expansion_max: u64,
        threads: usize,
        cancel: Option<&Cancel>,
    ) -> PyResult<ArchiveFeed> {
        let cancel = control(cancel).cancel;
        let feed = detached(py, || {
            let packing = engine::packing(compression)?;
            let request = Request { source, packing, grid_bytes: chunk_size, expansion_max };
            let name = name.unwrap_or_else(|| "-".into());
            Ok(logan_core::engine::ArchiveFeed::new(
                spec.0.clone(),
                name,
                request,
                threads,
                cancel,
            )?)
        })?;
        Ok(ArchiveFeed { feed: Mutex::new(Some(feed)), source })
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<bool> {
        detached(py, || self.pushed(data))
    }

    #[pyo3(signature = (fd, *, cancel=None, progress=None))]
    fn push_fd(
        &self,
        py: Python<'_>,
        fd: i32,
        cancel: Option<&Cancel>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        pipe::attended_drain(py, fd, cancel, progress, |bytes| self.pushed(bytes))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Decoded> {
        let scanned = detached(py, || {
            let feed = lock(&self.feed)?.take().ok_or(Fault::Finished(FEED_FINISHED))?;
            Ok(feed.finish()?)
        })?;
        let fault = scanned.fault.map(|error| (kind(&error), error.to_string()));
        Ok((Summary(scanned.summary), fault, facts(self.source, &scanned.facts)))
    }
}
