//! Figures of one chunk whose bytes the caller pushes.

use crate::arguments::{chunk, lock};
use crate::gate::{Fault, detached};
use crate::spec::Spec;
use crate::summary::Summary;
use logan_core::chunk;
use pyo3::prelude::*;
use std::sync::Mutex;

/// Figures of one chunk whose bytes the caller pushes.
#[pyclass(frozen, module = "logan._logan")]
pub struct ChunkFeed(Mutex<Option<chunk::ChunkFeed>>);

const CHUNK_FINISHED: &str = "this chunk is finished; make a new feed";

#[pymethods]
impl ChunkFeed {
    #[new]
    fn new(py: Python<'_>, spec: &Spec, source: u32, start: u64, end: u64) -> PyResult<ChunkFeed> {
        let chunk = chunk((source, start, end))?;
        let feed = detached(py, || Ok(chunk::ChunkFeed::new(spec.0.clone(), chunk)?))?;
        Ok(ChunkFeed(Mutex::new(Some(feed))))
    }

    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<u64> {
        detached(py, || {
            let feed = lock(&self.0)?;
            Ok(feed.as_ref().ok_or(Fault::Finished(CHUNK_FINISHED))?.position())
        })
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<bool> {
        detached(py, || {
            let mut feed = lock(&self.0)?;
            Ok(feed.as_mut().ok_or(Fault::Finished(CHUNK_FINISHED))?.push(data)?)
        })
    }

    #[pyo3(signature = (name="-"))]
    fn finish(&self, py: Python<'_>, name: &str) -> PyResult<Summary> {
        detached(py, || {
            let feed = lock(&self.0)?.take().ok_or(Fault::Finished(CHUNK_FINISHED))?;
            Ok(feed.finish(name.as_ref())?)
        })
        .map(Summary)
    }
}
