//! Mergeable metrics.

use crate::arguments::{PROGRESS_INTERVAL, chunk, mode};
use crate::cancel::{Cancel, control};
use crate::fingerprint::Fingerprint;
use crate::gate::{attended, detached};
use crate::outcome::{Decoded, facts, kind};
use crate::spec::Spec;
use logan_core::bytes::input::{self, Check, Mode, Source};
use logan_core::chunk::Chunk;
use logan_core::engine::{self, Archives};
use logan_core::error::Error;
use logan_core::metric::rows::{Order, Rows};
use logan_core::summary::{self, codec};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

/// Mergeable metrics of some byte segments of some sources.
#[pyclass(frozen, eq, hash, module = "logan._logan")]
#[derive(PartialEq)]
pub struct Summary(pub(crate) summary::Summary);

impl Hash for Summary {
    fn hash<H: Hasher>(&self, state: &mut H) {
        codec::encode(&self.0).hash(state);
    }
}

#[pymethods]
impl Summary {
    #[staticmethod]
    fn empty(spec: &Spec) -> Summary {
        Summary(summary::Summary::empty(&spec.0))
    }

    #[staticmethod]
    #[pyo3(signature = (path, start, end, spec, *, source=0, fingerprint=None, cancel=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn from_chunk(
        py: Python<'_>,
        path: PathBuf,
        start: u64,
        end: u64,
        spec: &Spec,
        source: u32,
        fingerprint: Option<&Fingerprint>,
        cancel: Option<&Cancel>,
    ) -> PyResult<Summary> {
        let mut control = control(cancel);
        if let Some(cancel) = cancel {
            control.bytes = cancel.1.clone();
        }
        let chunk = chunk((source, start, end))?;
        let scan = || {
            let file = Source::open(path, mode())?;
            let size = fingerprint.map_or(file.size(), |f| f.0.size);
            let summary = spec.with_scanner(|scanner| {
                engine::scan_chunk(scanner, &file, size, chunk, &control)
            })?;
            match fingerprint.map(|f| f.0.check(&file)).transpose()? {
                Some(Check::Changed(why)) => {
                    Err(Error::Changed { path: file.path().into(), why }.into())
                }
                _ => Ok(summary),
            }
        };
        attended(py, &control.cancel, PROGRESS_INTERVAL, || Ok(()), scan).map(Summary)
    }

    #[staticmethod]
    #[pyo3(signature = (path, start, end, spec, cuts, *, source=0))]
    fn from_chunk_in_parts(
        py: Python<'_>,
        path: PathBuf,
        start: u64,
        end: u64,
        spec: &Spec,
        cuts: Vec<(u64, Vec<String>)>,
        source: u32,
    ) -> PyResult<Vec<Summary>> {
        let control = control(None);
        let chunk = chunk((source, start, end))?;
        if !cuts.is_sorted_by(|a, b| a.0 < b.0)
            || cuts.iter().any(|cut| cut.0 <= start || cut.0 > end)
        {
            return Err(PyValueError::new_err("cuts must lie in the chunk, in order"));
        }
        let cuts: Vec<_> = cuts.into_iter().map(|(at, held)| engine::Cut { at, held }).collect();
        let parts = detached(py, || {
            let file = Source::open(path, mode())?;
            Ok(spec.with_scanner(|scanner| {
                engine::scan_parts(scanner, &file, file.size(), chunk, &cuts, &control)
            })?)
        })?;
        Ok(parts.into_iter().map(Summary).collect())
    }

    #[staticmethod]
    #[pyo3(signature = (path, spec, compression, *, source=0, chunk_size=33_554_432,
        expansion_max=0, fingerprint=None, threads=1, cancel=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn from_archive(
        py: Python<'_>,
        path: PathBuf,
        spec: &Spec,
        compression: &str,
        source: u32,
        chunk_size: u64,
        expansion_max: u64,
        fingerprint: Option<&Fingerprint>,
        threads: usize,
        cancel: Option<&Cancel>,
    ) -> PyResult<Decoded> {
        let mut control = control(cancel);
        if let Some(cancel) = cancel {
            control.bytes = cancel.1.clone();
        }
        let (outcome, known) = attended(
            py,
            &control.cancel,
            PROGRESS_INTERVAL,
            || Ok(()),
            || {
                let print = match fingerprint {
                    Some(fingerprint) => fingerprint.0.clone(),
                    None => input::Fingerprint::of(&path, None)?,
                };
                let chunk = Chunk { source, start: 0, end: print.size };
                let archives = Archives {
                    packings: [(source, engine::packing(compression)?)].into(),
                    grid_bytes: chunk_size,
                    expansion_max,
                };
                // The engine finds sources by their index.
                let file = (path.clone(), Mode::READ);
                let sources: Vec<_> = (0..=source).map(|_| (file.clone(), print.clone())).collect();
                let outcome =
                    engine::run_all(&sources, &archives, &[chunk], &spec.0, threads, &control)?;
                let known = outcome.archives.get(&source).cloned();
                Ok((outcome, known))
            },
        )?;
        let fault = outcome.failures.into_iter().next().map(|failure| failure.error);
        let Some(known) = known else {
            // It gave nothing at all.
            let error = fault.unwrap_or(Error::Cancelled);
            return Err(detached(py, || Err::<(), _>(error.into())).expect_err("it is an error"));
        };
        let fault = fault.map(|error| (kind(&error), error.to_string()));
        Ok((Summary(outcome.summary), fault, facts(source, &known)))
    }

    fn merge(&self, py: Python<'_>, other: &Summary) -> PyResult<Summary> {
        detached(py, || {
            let mut merged = self.0.clone();
            merged.merge(&other.0)?;
            Ok(Summary(merged))
        })
    }

    #[staticmethod]
    #[pyo3(name = "sum")]
    fn sum_of(py: Python<'_>, parts: Vec<PyRef<'_, Summary>>) -> PyResult<Summary> {
        let parts: Vec<&Summary> = parts.iter().map(|part| &**part).collect();
        let parts: Vec<&summary::Summary> = parts.iter().map(|part| &part.0).collect();
        match detached(py, || Ok(summary::Summary::sum(&parts)?))? {
            Some(sum) => Ok(Summary(sum)),
            None => Err(PyValueError::new_err("there is no sum of no summaries")),
        }
    }

    fn without(&self, py: Python<'_>, metrics: Vec<String>) -> PyResult<Summary> {
        let names: Vec<&str> = metrics.iter().map(String::as_str).collect();
        detached(py, || Ok(self.0.without(&names)?)).map(Summary)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = detached(py, || Ok(codec::encode(&self.0)))?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Summary> {
        detached(py, || Ok(codec::decode(data)?)).map(Summary)
    }

    #[pyo3(
        signature = (
            top=10, series_points=Some(2000), *, analysis=true, orders=None, whole=Vec::new(), named=None
        ),
        text_signature = "($self, top=10, series_points=2000, *, analysis=True, orders=None, whole=(), named=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn evaluate(
        &self,
        py: Python<'_>,
        top: usize,
        series_points: Option<usize>,
        analysis: bool,
        orders: Option<BTreeMap<String, usize>>,
        whole: Vec<String>,
        named: Option<BTreeMap<String, Vec<String>>>,
    ) -> PyResult<String> {
        let mut rows = Rows::first(top);
        rows.whole.extend(whole);
        for (table, names) in named.into_iter().flatten() {
            rows.named.entry(table).or_default().extend(names);
        }
        for (name, n) in orders.into_iter().flatten() {
            let order = Order::of(&name);
            let order = order
                .ok_or_else(|| PyValueError::new_err(format!("tables have no order {name:?}")))?;
            rows.also(order, n);
        }
        detached(py, || {
            let report = self.0.evaluate_rows(&rows, series_points, analysis);
            // `to_string` of a value goes through a formatter, which costs as much again.
            Ok(serde_json::to_string(&report).expect("a report is plain data"))
        })
    }

    fn evaluate_at_step(&self, py: Python<'_>, step_s: i64) -> PyResult<String> {
        if step_s < 1 {
            return Err(PyValueError::new_err("a step must be 1 second or more"));
        }
        detached(py, || Ok(self.0.evaluate_at_step(step_s).to_string()))
    }

    fn distributions(&self, py: Python<'_>, top: usize) -> PyResult<String> {
        detached(py, || Ok(self.0.distributions(top).to_string()))
    }

    fn numbers(&self, py: Python<'_>, other: &Summary) -> PyResult<BTreeMap<u32, u32>> {
        detached(py, || {
            let numbers = self.0.numbers(&other.0)?;
            Ok(other.0.coverage.0.keys().map(|&i| (i, *numbers.get(&i).unwrap_or(&i))).collect())
        })
    }

    fn replanned(
        &self,
        py: Python<'_>,
        spec: &Spec,
        numbers: BTreeMap<u32, u32>,
    ) -> PyResult<Summary> {
        detached(py, || Ok(self.0.replanned(&spec.0, spec.plan_digest(), &numbers)?)).map(Summary)
    }

    #[getter]
    fn malformed_lines(&self) -> u64 {
        self.0.lines.malformed_count()
    }

    #[getter]
    fn meaning_digest(&self) -> String {
        format!("{:032x}", self.0.meaning.digest())
    }

    fn difference(&self, py: Python<'_>, spec: &Spec) -> PyResult<Option<String>> {
        detached(py, || Ok(self.0.difference(&spec.0, spec.plan_digest())))
    }

    fn segments(&self) -> Vec<(u32, u64, u64)> {
        let sources = self.0.coverage.0.iter();
        sources.flat_map(|(&i, s)| s.segments.iter().map(move |s| (i, s.start, s.end))).collect()
    }

    fn covered_bytes(&self, source: u32) -> u64 {
        self.0.coverage.bytes(source)
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((py.get_type::<Summary>().getattr("from_bytes")?, (self.to_bytes(py)?,)))
    }

    pub(crate) fn __repr__(&self) -> String {
        let coverage = &self.0.coverage;
        let bytes: u64 = coverage.0.keys().map(|&source| coverage.bytes(source)).sum();
        let (lines, sources) = (self.0.lines.total(), coverage.0.len());
        format!("Summary(lines={lines}, bytes={bytes}, sources={sources})")
    }
}
