//! Figures of bytes that the caller pushes.

use crate::arguments::{PROGRESS_INTERVAL, lock};
use crate::cancel::{Cancel, control};
use crate::gate::{Fault, attended, detached};
use crate::pipe;
use crate::spec::Spec;
use crate::summary::Summary;
use logan_core::chunk;
use logan_core::error::Error;
use pyo3::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Figures of bytes that the caller pushes.
#[pyclass(frozen, module = "logan._logan")]
pub struct Feed(Mutex<Option<chunk::Feed>>);

pub(crate) const FEED_FINISHED: &str = "this feed is finished; make a new one";

impl Feed {
    /// Does something with the feed. To be called detached: another thread may be scanning.
    fn with<T>(&self, work: impl FnOnce(&mut chunk::Feed) -> Result<T, Error>) -> Result<T, Fault> {
        let mut feed = lock(&self.0)?;
        Ok(work(feed.as_mut().ok_or(Fault::Finished(FEED_FINISHED))?)?)
    }
}

#[pymethods]
impl Feed {
    #[new]
    #[pyo3(signature = (spec, *, source=0, chunk_size=33_554_432, start=0, before=None))]
    fn new(
        py: Python<'_>,
        spec: &Spec,
        source: u32,
        chunk_size: u64,
        start: u64,
        before: Option<&[u8]>,
    ) -> PyResult<Feed> {
        let before = before.unwrap_or_default();
        let feed = detached(py, || {
            let spec = spec.0.clone();
            Ok(chunk::Feed::starting_at(spec, source, chunk_size, start, before)?)
        })?;
        Ok(Feed(Mutex::new(Some(feed))))
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        detached(py, || self.with(|feed| feed.push(data)))
    }

    #[pyo3(signature = (fd, *, cancel=None, progress=None))]
    fn push_fd(
        &self,
        py: Python<'_>,
        fd: i32,
        cancel: Option<&Cancel>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let control = control(cancel);
        let report = || match progress {
            Some(call) => call.call1((control.bytes.load(Ordering::Relaxed), 0)).map(|_| ()),
            None => Ok(()),
        };
        attended(py, &control.cancel, PROGRESS_INTERVAL, report, || {
            pipe::drain(fd, &control, |bytes| self.with(|feed| feed.push(bytes)).map(|()| true))
        })
    }

    #[getter]
    fn bytes(&self, py: Python<'_>) -> PyResult<u64> {
        detached(py, || self.with(|feed| Ok(feed.bytes())))
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || self.with(chunk::Feed::snapshot)).map(Summary)
    }

    /// Counts the last line even without its newline; `snapshot` then has it.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.with(chunk::Feed::close))
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || {
            let mut place = lock(&self.0)?;
            // A feed that the engine's panic ended stays, for a snapshot.
            place.as_mut().ok_or(Fault::Finished(FEED_FINISHED))?.close()?;
            let feed = place.take().ok_or(Fault::Finished(FEED_FINISHED))?;
            Ok(feed.finish()?)
        })
        .map(Summary)
    }
}
