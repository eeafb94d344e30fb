//! Stopping a scan from another thread.

use logan_core::engine::Control;
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A flag that stops scans, and how far those that were given it are.
#[pyclass(frozen, module = "logan._logan")]
pub struct Cancel(pub(crate) Arc<AtomicBool>, pub(crate) Arc<AtomicU64>);

#[pymethods]
impl Cancel {
    #[new]
    fn new() -> Cancel {
        Cancel(Arc::default(), Arc::default())
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[getter]
    fn scanned_bytes(&self) -> u64 {
        self.1.load(Ordering::Relaxed)
    }

    fn __repr__(&self) -> &'static str {
        if self.is_set() { "Cancel(set)" } else { "Cancel(not set)" }
    }
}

pub(crate) fn control(cancel: Option<&Cancel>) -> Control {
    Control { cancel: cancel.map(|c| c.0.clone()).unwrap_or_default(), ..Control::default() }
}
