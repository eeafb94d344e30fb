//! Arguments that several classes and functions take.

use crate::gate::Fault;
use logan_core::bytes::input::Mode;
use logan_core::chunk::Chunk;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Time between two calls of a progress callback: often enough for the eye.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

pub(crate) fn chunk((source, start, end): (u32, u64, u64)) -> PyResult<Chunk> {
    if start > end {
        return Err(PyValueError::new_err(format!(
            "a chunk ends at {end}, before its start {start}"
        )));
    }
    Ok(Chunk { source, start, end })
}

/// Locks what was not left half done by a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Fault> {
    mutex.lock().map_err(|_| Fault::Panic("an earlier call failed halfway".into()))
}

/// How files are read: mapped where that is cheap.
pub(crate) fn mode() -> Mode {
    // SAFETY: scanners, detection and the searches by time take bytes of a log as they come: what a
    // byte was at an earlier look decides figures at the most, never what `unsafe` code relies on.
    unsafe { Mode::map_where_it_suits() }
}
