//! Summaries that wait, compressed.

use crate::gate::detached;
use crate::summary::Summary;
use logan_core::summary::packed::Packed;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A summary that waits, compressed.
#[pyclass(frozen, module = "logan._logan")]
pub struct PackedSummary(Packed);

#[pymethods]
impl PackedSummary {
    #[new]
    fn new(py: Python<'_>, summary: &Summary) -> PyResult<PackedSummary> {
        detached(py, || Ok(Packed::new(&summary.0))).map(PackedSummary)
    }

    #[staticmethod]
    fn from_bytes(bytes: &[u8], like: &Summary) -> PackedSummary {
        PackedSummary(Packed::from_bytes(bytes, &like.0.meaning))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }

    fn summary(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || Ok(self.0.summary()?)).map(Summary)
    }
}
