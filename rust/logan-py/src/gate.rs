//! The gate between Python and the core: the one place that lets go of the interpreter, turns what
//! goes wrong in the core into Python's exceptions, and looks after signals.
//!
//! ```text
//! calling thread, attached     -> detached(work): work runs here, the interpreter serves others
//!                              -> attended(work): work runs on a thread of its own; here, now and
//!                                 then attached: pending signals, progress
//! ```
//! An exception out of a signal handler or a progress callback stops the work and is raised once
//! the work has ended, so nothing runs on behind the caller's back. A panic in the core is a bug of
//! ours. Over bytes of an input the core itself makes it an error, which arrives as an `InputError` of
//! kind "panic"; any other arrives as a `RuntimeError`. None arrives as pyo3's `PanicException`, which
//! passes by `except Exception`, or prints anything.

use logan_core::error::{Error, PANIC};
use logan_core::panics;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyType};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

pyo3::import_exception!(logan.errors, CancelledError);
pyo3::import_exception!(logan.errors, ConditionError);
pyo3::import_exception!(logan.errors, FormatError);
pyo3::import_exception!(logan.errors, InputError);
pyo3::import_exception!(logan.errors, MergeError);
pyo3::import_exception!(logan.errors, SourceChangedError);
pyo3::import_exception!(logan.errors, SummaryError);

/// How long a signal may wait for its handler. Short for a human, long beside what a look costs.
const SIGNAL_WAIT_MAX: Duration = Duration::from_millis(50);

/// Why work in the core gave no result.
pub enum Fault {
    /// The core said so.
    Core(Error),
    /// The operating system refused something that has no path.
    Os(io::Error),
    /// The caller uses an object that has done its work.
    Finished(&'static str),
    /// A bug.
    Panic(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Core(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Os(error)
    }
}

/// Runs `work` on this thread while the interpreter serves others.
pub fn detached<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> PyResult<T> {
    py.detach(|| caught(work)).map_err(|fault| raised(py, fault))
}

/// Runs `work` on a thread of its own, and meanwhile serves signals and calls `report` every
/// `interval` and at the end. What either raises sets `cancel`, on which `work` must end soon.
pub fn attended<T: Send>(
    py: Python<'_>,
    cancel: &AtomicBool,
    interval: Duration,
    mut report: impl FnMut() -> PyResult<()>,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> PyResult<T> {
    let (tell, mut told) = mpsc::sync_channel(1);
    thread::scope(|scope| {
        thread::Builder::new()
            .name("logan".into())
            .spawn_scoped(scope, move || tell.send(caught(work)))
            .map_err(|e| raised(py, Fault::Os(e)))?;
        let mut due = Instant::now() + interval;
        loop {
            let wait = SIGNAL_WAIT_MAX.min(due.saturating_duration_since(Instant::now()));
            let receiver = &mut told;
            match py.detach(move || receiver.recv_timeout(wait)) {
                Ok(result) => {
                    let value = result.map_err(|fault| raised(py, fault))?;
                    return report().map(|()| value);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(raised(py, Fault::Panic("a thread gave no result".into())));
                }
            }
            let mut served = py.check_signals();
            if served.is_ok() && Instant::now() >= due {
                served = report();
                due = Instant::now() + interval;
            }
            if let Err(error) = served {
                cancel.store(true, Ordering::Relaxed);
                // Its end; the result is not used.
                let receiver = &mut told;
                let _ = py.detach(move || receiver.recv());
                return Err(error);
            }
        }
    })
}

/// Runs `work`; a panic in it becomes a fault.
fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    // What a panic leaves half done is not used again: values are dropped, locks stay poisoned.
    panics::caught(work).unwrap_or_else(|why| Err(Fault::Panic(why)))
}

/// Runs `work`, which looks at these bytes of an input; a panic in it is an error of that input, and
/// others can be read all the same.
pub fn over<T>(
    path: &Path,
    bytes: Range<u64>,
    work: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    panics::caught(work).unwrap_or_else(|why| {
        let Range { start, end } = bytes;
        Err(Error::Panic { path: path.into(), start, end, decoded: false, why }.into())
    })
}

/// The exception for a fault.
fn raised(py: Python<'_>, fault: Fault) -> PyErr {
    let error = match fault {
        Fault::Core(error) => error,
        Fault::Os(error) => {
            let (errno, reason) = os_error(py, &error);
            return PyOSError::new_err((errno, reason));
        }
        Fault::Finished(what) => return PyValueError::new_err(what),
        Fault::Panic(why) => {
            return PyRuntimeError::new_err(format!(
                "internal error in logan: {why}; please report it, with a log that shows it"
            ));
        }
    };
    let message = error.to_string();
    match error {
        Error::Io { path, source } => {
            let (errno, reason) = os_error(py, &source);
            let error = PyOSError::new_err((errno, reason, path.into_os_string()));
            // The usual text of an OSError has no room for the next step.
            match error.value(py).call_method1("add_note", (message,)) {
                Ok(_) => error,
                Err(other) => other,
            }
        }
        Error::Changed { path, .. } => {
            changed(py, message, path.into_os_string()).unwrap_or_else(|failure| failure)
        }
        Error::Condition { text, position, message } => {
            misfit(py, py.get_type::<ConditionError>(), message, text, position)
                .unwrap_or_else(|failure| failure)
        }
        Error::Archive { .. } => InputError::new_err(message),
        Error::Panic { path, .. } => {
            panicked(py, message, path.into_os_string()).unwrap_or_else(|failure| failure)
        }
        Error::Format { text, position, message } => {
            misfit(py, py.get_type::<FormatError>(), message, text, position)
                .unwrap_or_else(|failure| failure)
        }
        Error::Cancelled => CancelledError::new_err(message),
        Error::Spec(_) => PyValueError::new_err(message),
        Error::Merge(_) => MergeError::new_err(message),
        Error::Summary(_) => SummaryError::new_err(message),
    }
}

fn changed(py: Python<'_>, message: String, path: std::ffi::OsString) -> PyResult<PyErr> {
    let class = py.get_type::<SourceChangedError>();
    let named = [("input", path)].into_py_dict(py)?;
    Ok(PyErr::from_value(class.call((message,), Some(&named))?))
}

fn panicked(py: Python<'_>, message: String, path: std::ffi::OsString) -> PyResult<PyErr> {
    let named = [("input", path.into_pyobject(py)?.into_any())].into_py_dict(py)?;
    named.set_item("kind", PANIC)?;
    Ok(PyErr::from_value(py.get_type::<InputError>().call((message,), Some(&named))?))
}

fn misfit(
    py: Python<'_>,
    class: Bound<'_, PyType>,
    message: String,
    text: String,
    position: usize,
) -> PyResult<PyErr> {
    let named = [("expression", text.into_pyobject(py)?.into_any())].into_py_dict(py)?;
    named.set_item("position", position)?;
    Ok(PyErr::from_value(class.call((message,), Some(&named))?))
}

/// The number and the text for an `OSError`, from which Python picks the subclass.
fn os_error(py: Python<'_>, error: &io::Error) -> (i32, String) {
    if let Some(errno) = error.raw_os_error() {
        let reason = py
            .import("os")
            .and_then(|os| os.call_method1("strerror", (errno,)))
            .and_then(|text| text.extract())
            .unwrap_or_else(|_| error.to_string());
        return (errno, reason);
    }
    let errno = match error.kind() {
        io::ErrorKind::NotFound => libc::ENOENT,
        io::ErrorKind::PermissionDenied => libc::EACCES,
        io::ErrorKind::IsADirectory => libc::EISDIR,
        io::ErrorKind::InvalidInput => libc::EINVAL,
        _ => libc::EIO,
    };
    (errno, error.to_string())
}
