//! Summaries that wait, compressed.

use crate::gate::detached;
use crate::summary::Summary;
use logan_core::summary::packed;
use pyo3::prelude::*;

/// A summary that waits in memory, compressed.
#[pyclass(frozen, module = "logan._logan")]
pub struct PackedSummary(packed::Packed);

#[pymethods]
impl PackedSummary {
    #[new]
    fn new(py: Python<'_>, summary: &Summary) -> PyResult<PackedSummary> {
        detached(py, || Ok(packed::Packed::new(&summary.0))).map(PackedSummary)
    }

    fn summary(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || Ok(self.0.summary())).map(Summary)
    }

    #[getter]
    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
