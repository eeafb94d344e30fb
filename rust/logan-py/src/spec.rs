//! What to compute, and how to read each source.

use crate::gate::detached;
use logan_core::error::Error;
use logan_core::scan::Scanner;
use logan_core::spec;
use pyo3::prelude::*;
use pyo3::types::PyType;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock};

/// What to compute, and how to read each source.
#[pyclass(frozen, eq, hash, module = "logan._logan")]
#[derive(PartialEq)]
pub struct Spec(pub(crate) Arc<spec::Spec>, Cached);

/// What a spec keeps beside what it says.
#[derive(Default)]
struct Cached {
    idle: Idle,
    plan_digest: OnceLock<u128>,
}

impl PartialEq for Cached {
    /// It is not part of what a spec says.
    fn eq(&self, _: &Cached) -> bool {
        true
    }
}

/// Scanners of a spec that no thread uses now, with all the memory and what they learned of its logs:
/// a caller that scans chunk after chunk need not begin anew each time. There are as many as were ever in
/// use at once.
#[derive(Default)]
struct Idle(Mutex<Vec<Scanner>>);

impl Spec {
    /// Does something with a scanner. One that failed is not used again.
    pub(crate) fn with_scanner<T>(
        &self,
        work: impl FnOnce(&mut Scanner) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = || self.1.idle.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // In a statement of its own: the lock is not held while a new one is made.
        let found = idle().pop();
        let mut scanner = match found {
            Some(scanner) => scanner,
            None => Scanner::new(self.0.clone())?,
        };
        let done = work(&mut scanner)?;
        idle().push(scanner);
        Ok(done)
    }

    /// The digest of its sources, of which there may be thousands.
    pub(crate) fn plan_digest(&self) -> u128 {
        *self.1.plan_digest.get_or_init(|| self.0.plan_digest())
    }
}

impl Hash for Spec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest().hash(state);
    }
}

#[pymethods]
impl Spec {
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Spec> {
        let spec = detached(py, || Ok(spec::Spec::from_json(json)?))?;
        Ok(Spec(Arc::new(spec), Cached::default()))
    }

    fn to_json(&self) -> String {
        self.0.to_json()
    }

    #[getter]
    fn digest(&self) -> String {
        format!("{:032x}", self.0.digest())
    }

    #[getter]
    fn meaning_digest(&self) -> String {
        format!("{:032x}", self.0.meaning.digest())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (String,)) {
        (py.get_type::<Spec>(), (self.to_json(),))
    }

    fn __repr__(&self) -> String {
        let sources = self.0.sources.len();
        format!("Spec(sources={sources}, top={}, digest={}…)", self.0.top, &self.digest()[..8])
    }
}
