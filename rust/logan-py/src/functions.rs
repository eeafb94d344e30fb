//! The functions of the module.

use crate::arguments::{PROGRESS_INTERVAL, mode};
use crate::cancel::{Cancel, control};
use crate::gate::{attended, detached, over};
use crate::memory;
use crate::spec::Spec;
use logan_core::bytes::input::{Mode, Source};
use logan_core::engine;
use logan_core::select::seek::Found;
use logan_core::{archive, format, spec};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::path::PathBuf;

/// How a source is stored that begins with these bytes.
#[pyfunction]
pub fn compression(py: Python<'_>, head: &[u8]) -> PyResult<Option<String>> {
    detached(py, || Ok(archive::Container::of(head).map(archive::Container::name)))
}

/// Whether a compressed file is a copy of a plain one, or of its beginning.
#[pyfunction]
pub fn is_copy(
    py: Python<'_>,
    archive: PathBuf,
    compression: &str,
    plain: PathBuf,
) -> PyResult<bool> {
    detached(py, || {
        let packing = engine::packing(compression)?;
        let (archive, plain) =
            (Source::open(archive, Mode::READ)?, Source::open(plain, Mode::READ)?);
        let stored = engine::StoredFile::new(&archive, archive.size());
        Ok(archive::is_copy(packing, stored, engine::StoredFile::new(&plain, plain.size())))
    })
}

/// The first decoded bytes of an archive's head.
#[pyfunction]
pub fn decode_head<'py>(
    py: Python<'py>,
    data: &[u8],
    compression: &str,
    limit: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let head = detached(py, || {
        let packing = engine::packing(compression)?;
        let bytes = 0..data.len() as u64;
        over("".as_ref(), bytes, || Ok(archive::decode_head(packing, data, limit)))
    })?;
    Ok(PyBytes::new(py, &head))
}

/// JSON list of the registered formats.
#[pyfunction]
pub fn formats() -> String {
    let told: Vec<_> = format::REGISTRY.iter().map(|entry| entry.description()).collect();
    serde_json::to_string(&told).expect("descriptions are plain data")
}

/// JSON description of a format of the user's own.
#[pyfunction]
pub fn custom_format(py: Python<'_>, text: &str) -> PyResult<String> {
    detached(py, || {
        let description = format::custom::describe(text)?;
        Ok(serde_json::to_string(&description).expect("a description is plain data"))
    })
}

/// JSON description of what samples look like.
#[pyfunction]
pub fn detect(py: Python<'_>, samples: Vec<(u64, PyBackedBytes)>) -> PyResult<String> {
    detached(py, || {
        let samples: Vec<_> = samples.iter().map(|(at, bytes)| (*at, &bytes[..])).collect();
        let end = samples.last().map_or(0, |(at, bytes)| at + bytes.len() as u64);
        over("".as_ref(), 0..end, || Ok(archive::detect(&samples).to_string()))
    })
}

/// Canonical text of a condition.
#[pyfunction]
#[pyo3(signature = (text, *, input_tz="UTC"))]
pub fn condition(py: Python<'_>, text: &str, input_tz: &str) -> PyResult<String> {
    detached(py, || Ok(spec::condition(text, &spec::zone(input_tz)?)?.to_string()))
}

/// Canonical text of what a group table is made by.
#[pyfunction]
pub fn group_field(py: Python<'_>, name: &str) -> PyResult<String> {
    detached(py, || Ok(spec::group_of(name)?.to_string()))
}

/// Nanoseconds since 1970 of a moment as people type it.
#[pyfunction]
#[pyo3(signature = (text, *, input_tz="UTC"))]
pub fn moment(py: Python<'_>, text: &str, input_tz: &str) -> PyResult<Option<i64>> {
    detached(py, || Ok(logan_core::time::moment::parse(text, &spec::zone(input_tz)?)))
}

/// Where in a file the spec's selected time lies.
#[pyfunction]
#[pyo3(signature = (path, size, spec, *, source=0))]
pub fn seek(
    py: Python<'_>,
    path: PathBuf,
    size: u64,
    spec: &Spec,
    source: u32,
) -> PyResult<(&'static str, u64, u64)> {
    detached(py, || {
        let file = Source::open(&path, mode())?;
        let spec = &spec.0;
        let found = over(&path, 0..size, || {
            let (since, until) = (spec.meaning.since_ns, spec.meaning.until_ns);
            Ok(logan_core::select::seek::range(&file, size, spec, source, since, until)?)
        })?;
        Ok(match found {
            Found::Range(range) => ("range", range.start, range.end),
            Found::Unordered => ("unordered", 0, size),
            Found::Timeless => ("timeless", 0, size),
        })
    })
}

/// The latest time near the end of a file.
#[pyfunction]
#[pyo3(signature = (path, size, spec, *, source=0))]
pub fn last_time(
    py: Python<'_>,
    path: PathBuf,
    size: u64,
    spec: &Spec,
    source: u32,
) -> PyResult<Option<i64>> {
    detached(py, || {
        let file = Source::open(&path, mode())?;
        over(&path, 0..size, || {
            Ok(logan_core::select::seek::last_time(&file, size, &spec.0, source)?)
        })
    })
}

/// Where in a part of a file the first records start that are not older than given times.
#[pyfunction]
#[pyo3(signature = (path, start, end, spec, times, *, source=0))]
pub fn places(
    py: Python<'_>,
    path: PathBuf,
    start: u64,
    end: u64,
    spec: &Spec,
    times: Vec<i64>,
    source: u32,
) -> PyResult<Vec<u64>> {
    detached(py, || {
        let file = Source::open(&path, mode())?;
        over(&path, start..end, || {
            Ok(logan_core::select::seek::places(&file, start..end, &spec.0, source, &times)?)
        })
    })
}

/// Where in a file the repeated hours of local time turn, and whether it has records in one.
#[pyfunction]
#[pyo3(signature = (path, size, spec, *, source=0))]
pub fn turns(
    py: Python<'_>,
    path: PathBuf,
    size: u64,
    spec: &Spec,
    source: u32,
) -> PyResult<(Vec<u64>, bool)> {
    detached(py, || {
        let file = Source::open(&path, mode())?;
        over(&path, 0..size, || Ok(logan_core::select::seek::turns(&file, size, &spec.0, source)?))
    })
}

/// How many of these lines a file has, too.
#[pyfunction]
#[pyo3(signature = (path, size, spec, lines, *, source=0))]
pub fn occurring(
    py: Python<'_>,
    path: PathBuf,
    size: u64,
    spec: &Spec,
    lines: Vec<Vec<u8>>,
    source: u32,
) -> PyResult<usize> {
    detached(py, || {
        let file = Source::open(&path, mode())?;
        over(&path, 0..size, || {
            Ok(logan_core::select::seek::occurring(&file, size, &spec.0, source, &lines)?)
        })
    })
}

/// JSON list of where in a file the columns of its lines change.
#[pyfunction]
#[pyo3(signature = (path, size, *, cancel=None))]
pub fn layouts(
    py: Python<'_>,
    path: PathBuf,
    size: u64,
    cancel: Option<&Cancel>,
) -> PyResult<String> {
    let control = control(cancel);
    let found = attended(
        py,
        &control.cancel,
        PROGRESS_INTERVAL,
        || Ok(()),
        || {
            let source = Source::open(&path, mode())?;
            over(&path, 0..size, || Ok(engine::find_layouts(&source, size, &control)?))
        },
    )?;
    Ok(serde_json::to_string(&found).expect("layouts are plain data"))
}

/// Peak resident memory of this process.
#[pyfunction]
pub fn peak_rss_bytes(py: Python<'_>) -> PyResult<u64> {
    detached(py, || Ok(memory::peak_rss_bytes()?))
}
