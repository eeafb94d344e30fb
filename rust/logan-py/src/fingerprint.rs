//! Files that have not changed since they were planned.

use crate::gate::detached;
use logan_core::bytes::content::Content;
use logan_core::bytes::input::{self, Check, Mode, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

/// What tells `length` bytes that begin with `head` and end with `tail` from other logs.
#[pyfunction]
pub fn content(head: &[u8], tail: &[u8], length: u64) -> String {
    content_json(&Content::of(head, tail, length))
}

fn content_json(content: &Content) -> String {
    serde_json::to_string(content).expect("it is plain data")
}

/// Identity of a source's planned bytes.
#[pyclass(frozen, eq, hash, module = "logan._logan")]
#[derive(PartialEq)]
pub struct Fingerprint(pub(crate) input::Fingerprint);

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let input::Fingerprint { size, head, tail, heads, inode, device, host, mtime_ns } = &self.0;
        (size, head, tail, heads, inode, device, host, mtime_ns).hash(state);
    }
}

#[pymethods]
impl Fingerprint {
    #[staticmethod]
    #[pyo3(signature = (path, size=None))]
    fn of(py: Python<'_>, path: PathBuf, size: Option<u64>) -> PyResult<Fingerprint> {
        detached(py, || Ok(input::Fingerprint::of(path, size)?)).map(Fingerprint)
    }

    #[getter]
    fn size(&self) -> u64 {
        self.0.size
    }

    #[getter]
    fn mtime_ns(&self) -> i64 {
        self.0.mtime_ns
    }

    fn check(&self, py: Python<'_>, path: PathBuf) -> PyResult<Option<String>> {
        detached(py, || {
            Ok(match self.0.check(&Source::open(path, Mode::READ)?)? {
                Check::Same | Check::Touched => None,
                Check::Changed(why) => Some(why),
            })
        })
    }

    /// What tells the planned bytes from other logs, as JSON for the identity of a spec's source.
    #[getter]
    fn content(&self) -> Option<String> {
        self.0.content().map(|content| content_json(&content))
    }

    fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("a fingerprint is plain data")
    }

    #[staticmethod]
    fn from_json(json: &str) -> PyResult<Fingerprint> {
        let fingerprint = serde_json::from_str(json);
        fingerprint
            .map(Fingerprint)
            .map_err(|e| PyValueError::new_err(format!("this is not a fingerprint of logan: {e}")))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Fingerprint>().getattr("from_json")?, (self.to_json(),)))
    }

    fn __repr__(&self) -> String {
        format!("Fingerprint(size={}, mtime_ns={})", self.0.size, self.0.mtime_ns)
    }
}
