//! Scans of whole plans, and what they give.

use crate::arguments::{chunk, lock, mode};
use crate::cancel::{Cancel, control};
use crate::fingerprint::Fingerprint;
use crate::gate::{Fault, attended, detached};
use crate::merge_tree::{Growing, MergeTree, TREE_FINISHED};
use crate::spec::Spec;
use crate::summary::Summary;
use logan_core::archive;
use logan_core::chunk::Chunk;
use logan_core::engine::{self, Archives};
use logan_core::error::{CANCELLED, Error};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bounds of the time between two calls of a progress callback, where the caller may choose it.
const PROGRESS_INTERVALS: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(86_400)];

/// What `scan` did.
#[pyclass(frozen, module = "logan._logan")]
pub struct Outcome {
    summary: Py<Summary>,
    failures: Vec<(u32, u64, u64, &'static str, String)>,
    archives: Vec<ArchiveFacts>,
}

/// Source, decoded bytes, members, where foreign bytes begin; of a container what was in it, in
/// words, and how many of its members were left out.
pub(crate) type ArchiveFacts = (u32, u64, u64, Option<u64>, Option<String>, u64);

/// What a compressed source left: its summary, what damage ended it (kind and text), its facts.
pub(crate) type Decoded = (Summary, Option<(&'static str, String)>, ArchiveFacts);

pub(crate) fn facts(source: u32, facts: &logan_core::engine::Facts) -> ArchiveFacts {
    let told = facts.contents.as_ref().map(archive::Contents::told);
    let left_out = facts.contents.as_ref().map_or(0, archive::Contents::left_out);
    (source, facts.decoded, facts.members, facts.foreign_at, told, left_out)
}

#[pymethods]
impl Outcome {
    #[getter]
    fn summary(&self, py: Python<'_>) -> Py<Summary> {
        self.summary.clone_ref(py)
    }

    #[getter]
    fn failures(&self) -> Vec<(u32, u64, u64, &'static str, String)> {
        self.failures.clone()
    }

    #[getter]
    fn archives(&self) -> Vec<ArchiveFacts> {
        self.archives.clone()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.failures.iter().any(|failure| failure.3 == CANCELLED)
    }

    fn __repr__(&self) -> String {
        let summary = self.summary.get().__repr__();
        format!("Outcome({summary}, failures={})", self.failures.len())
    }
}

pub(crate) fn kind(error: &Error) -> &'static str {
    error.kind()
}

/// Scans chunks on threads and merges them along the tree.
#[pyfunction]
#[pyo3(signature = (sources, chunks, spec, *, threads, archives=None, chunk_size=33_554_432,
    expansion_max=0, tree=None, cancel=None, progress=None, progress_interval_s=0.1))]
#[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
pub fn scan(
    py: Python<'_>,
    sources: Vec<(PathBuf, Py<Fingerprint>)>,
    chunks: Vec<(u32, u64, u64)>,
    spec: &Spec,
    threads: usize,
    archives: Option<BTreeMap<u32, String>>,
    chunk_size: u64,
    expansion_max: u64,
    tree: Option<&MergeTree>,
    cancel: Option<&Cancel>,
    progress: Option<&Bound<'_, PyAny>>,
    progress_interval_s: f64,
) -> PyResult<Outcome> {
    let interval = Duration::try_from_secs_f64(progress_interval_s)
        .map_err(|e| PyValueError::new_err(format!("progress_interval_s: {e}")))?
        .clamp(PROGRESS_INTERVALS[0], PROGRESS_INTERVALS[1]);
    let sources: Vec<_> =
        sources.into_iter().map(|(path, print)| ((path, mode()), print.get().0.clone())).collect();
    let chunks = chunks.into_iter().map(chunk).collect::<PyResult<Vec<_>>>()?;
    let total = chunks.iter().fold(0u64, |sum, c| sum.saturating_add(c.end - c.start));
    let control = control(cancel);
    let mut packings = BTreeMap::new();
    for (source, name) in archives.unwrap_or_default() {
        packings.insert(source, detached(py, || Ok(engine::packing(&name)?))?);
    }
    let archives = Archives { packings, grid_bytes: chunk_size, expansion_max };
    let report = || match progress {
        Some(call) => call.call1((control.bytes.load(Ordering::Relaxed), total)).map(|_| ()),
        None => Ok(()),
    };
    let outcome = attended(py, &control.cancel, interval, report, || {
        let Some(tree) = tree else {
            return Ok(engine::run_all(&sources, &archives, &chunks, &spec.0, threads, &control)?);
        };
        let mut place = lock(&tree.0)?;
        let growing = place.take().ok_or(Fault::Finished(TREE_FINISHED))?;
        let (tree, outcome) = engine::run_into(
            growing.tree,
            &sources,
            &archives,
            &chunks,
            &spec.0,
            threads,
            &control,
        )?;
        let chunks = growing.chunks.max(chunks.len() as u64);
        *place = Some(Growing { tree, chunks });
        Ok(outcome)
    })?;
    let archives = outcome.archives.iter().map(|(source, known)| facts(*source, known)).collect();
    let failures = outcome.failures.into_iter().map(|failure| {
        let Chunk { source, start, end } = failure.chunk;
        (source, start, end, kind(&failure.error), failure.error.to_string())
    });
    let failures = failures.collect();
    Ok(Outcome { summary: Py::new(py, Summary(outcome.summary))?, failures, archives })
}
