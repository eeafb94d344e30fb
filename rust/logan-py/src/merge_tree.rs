//! Summaries of chunks, merged in the one order that gives the same bytes.

use crate::arguments::lock;
use crate::gate::{Fault, detached};
use crate::spec::Spec;
use crate::summary::Summary;
use logan_core::summary::merge_tree;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Mutex;

/// Most chunks of a merge tree: far more than a plan has, and the tree still ends at once.
const TREE_CHUNKS_MAX: u64 = 1 << 20;

/// The fixed tree over chunk ids.
#[pyclass(frozen, module = "logan._logan")]
pub struct MergeTree(pub(crate) Mutex<Option<Growing>>);

pub(crate) struct Growing {
    pub(crate) tree: merge_tree::MergeTree,
    /// One more than the largest chunk id.
    pub(crate) chunks: u64,
}

pub(crate) const TREE_FINISHED: &str = "this tree is finished; make a new one";

#[pymethods]
impl MergeTree {
    #[new]
    fn new(spec: &Spec) -> MergeTree {
        let tree = merge_tree::MergeTree::new(&spec.0);
        MergeTree(Mutex::new(Some(Growing { tree, chunks: 0 })))
    }

    fn insert(&self, py: Python<'_>, chunk: u64, summary: &Summary) -> PyResult<(u32, u64)> {
        self.insert_subtree(py, 0, chunk, summary)
    }

    fn insert_subtree(
        &self,
        py: Python<'_>,
        level: u32,
        place: u64,
        summary: &Summary,
    ) -> PyResult<(u32, u64)> {
        let past = place.saturating_add(1).checked_mul(1u64.checked_shl(level).unwrap_or(0));
        let Some(past @ 1..=TREE_CHUNKS_MAX) = past else {
            return Err(PyValueError::new_err(match level {
                0 => format!("chunk {place}: a tree accepts those below {TREE_CHUNKS_MAX}"),
                _ => format!("level {level}, place {place} is beyond {TREE_CHUNKS_MAX} chunks"),
            }));
        };
        detached(py, || {
            let mut growing = lock(&self.0)?;
            let growing = growing.as_mut().ok_or(Fault::Finished(TREE_FINISHED))?;
            let position = growing.tree.insert_subtree((level, place), summary.0.clone())?;
            growing.chunks = growing.chunks.max(past);
            Ok(position)
        })
    }

    fn subtree(&self, py: Python<'_>, level: u32, place: u64) -> PyResult<Option<Summary>> {
        detached(py, || {
            let growing = lock(&self.0)?;
            let growing = growing.as_ref().ok_or(Fault::Finished(TREE_FINISHED))?;
            Ok(growing.tree.subtree((level, place)).cloned().map(Summary))
        })
    }

    fn subtrees(&self, py: Python<'_>) -> PyResult<Vec<(u32, u64)>> {
        detached(py, || {
            let growing = lock(&self.0)?;
            let growing = growing.as_ref().ok_or(Fault::Finished(TREE_FINISHED))?;
            Ok(growing.tree.positions().collect())
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || {
            let growing = lock(&self.0)?.take().ok_or(Fault::Finished(TREE_FINISHED))?;
            Ok(Summary(growing.tree.finish(growing.chunks)?))
        })
    }
}
