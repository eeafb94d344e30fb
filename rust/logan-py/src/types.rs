//! The classes and functions that Python sees; `_logan.pyi` documents them.
//!
//! Only translation: arguments to the core's types, through the [gate](crate::gate), and back.

use crate::gate::{Fault, PANIC, attended, detached, over};
use crate::{memory, pipe};
use logan_core::archive;
use logan_core::bytes::input;
use logan_core::bytes::input::{Check, Source};
use logan_core::chunk;
use logan_core::engine::Request;
use logan_core::engine::{self, Archives, Chunk, Control};
use logan_core::error::Error;
use logan_core::scan::Scanner;
use logan_core::select::seek::Found;
use logan_core::summary::{self, codec, merge_tree};
use logan_core::{format, spec};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyType};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Time between two calls of a progress callback: often enough for the eye.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Bounds of that time where the caller may choose it.
const PROGRESS_INTERVALS: [Duration; 2] = [Duration::from_millis(1), Duration::from_secs(86_400)];

/// Most chunks of a merge tree: far more than a plan has, and the tree still ends at once.
const TREE_CHUNKS_MAX: u64 = 1 << 20;

/// What to compute, and how to read each source.
#[pyclass(frozen, eq, hash, module = "logan._logan")]
#[derive(PartialEq)]
pub struct Spec(Arc<spec::Spec>, Idle);

/// Scanners of a spec that nobody uses now, with all the memory and what they learnt of its logs:
/// whoever scans chunk after chunk need not begin anew each time. There are as many as were ever in
/// use at once.
#[derive(Default)]
struct Idle(Mutex<Vec<Scanner>>);

impl PartialEq for Idle {
    /// They are no part of what a spec says.
    fn eq(&self, _: &Idle) -> bool {
        true
    }
}

impl Spec {
    /// Does something with a scanner. One that failed is not used again.
    fn with_scanner<T>(
        &self,
        work: impl FnOnce(&mut Scanner) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = || self.1.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
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
        Ok(Spec(Arc::new(spec), Idle::default()))
    }

    fn to_json(&self) -> String {
        self.0.to_json()
    }

    #[getter]
    fn digest(&self) -> String {
        format!("{:032x}", self.0.digest())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (String,)) {
        (py.get_type::<Spec>(), (self.to_json(),))
    }

    fn __repr__(&self) -> String {
        let sources = self.0.sources.len();
        format!("Spec(sources={sources}, top={}, digest={}…)", self.0.top, &self.digest()[..8])
    }
}

/// Identity of a source's planned bytes.
#[pyclass(frozen, eq, hash, module = "logan._logan")]
#[derive(PartialEq)]
pub struct Fingerprint(input::Fingerprint);

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let input::Fingerprint { size, head, tail, inode, device, host, mtime_ns } = self.0;
        (size, head, tail, inode, device, host, mtime_ns).hash(state);
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
            Ok(match self.0.check(&Source::open(path, None)?)? {
                Check::Same | Check::Touched => None,
                Check::Changed(why) => Some(why),
            })
        })
    }

    fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("a fingerprint is plain data")
    }

    #[staticmethod]
    fn from_json(json: &str) -> PyResult<Fingerprint> {
        let fingerprint = serde_json::from_str(json);
        fingerprint
            .map(Fingerprint)
            .map_err(|e| PyValueError::new_err(format!("this is no fingerprint of logan: {e}")))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (String,))> {
        Ok((py.get_type::<Fingerprint>().getattr("from_json")?, (self.to_json(),)))
    }

    fn __repr__(&self) -> String {
        format!("Fingerprint(size={}, mtime_ns={})", self.0.size, self.0.mtime_ns)
    }
}

/// Mergeable figures of some byte segments of some sources.
#[pyclass(frozen, eq, hash, module = "logan._logan")]
#[derive(PartialEq)]
pub struct Summary(summary::Summary);

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
            let file = Source::open(path, None)?;
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
                let sources: Vec<_> = (0..=source).map(|_| (path.clone(), print.clone())).collect();
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

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = detached(py, || Ok(codec::encode(&self.0)))?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Summary> {
        detached(py, || Ok(codec::decode(data)?)).map(Summary)
    }

    #[pyo3(
        signature = (top=10, series_points=Some(2000)),
        text_signature = "($self, top=10, series_points=2000)"
    )]
    fn evaluate(
        &self,
        py: Python<'_>,
        top: usize,
        series_points: Option<usize>,
    ) -> PyResult<String> {
        detached(py, || Ok(self.0.evaluate(top, series_points).to_string()))
    }

    #[getter]
    fn spec_digest(&self) -> String {
        format!("{:032x}", self.0.spec)
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

    fn __repr__(&self) -> String {
        let coverage = &self.0.coverage;
        let bytes: u64 = coverage.0.keys().map(|&source| coverage.bytes(source)).sum();
        let (lines, sources) = (self.0.lines.total(), coverage.0.len());
        format!("Summary(lines={lines}, bytes={bytes}, sources={sources})")
    }
}

/// The fixed tree over chunk ids.
#[pyclass(frozen, module = "logan._logan")]
pub struct MergeTree(Mutex<Option<Growing>>);

struct Growing {
    tree: merge_tree::MergeTree,
    /// One more than the largest chunk id.
    chunks: u64,
}

const TREE_FINISHED: &str = "this tree is finished; make a new one";

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
                0 => format!("chunk {place}: a tree takes those below {TREE_CHUNKS_MAX}"),
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

/// A flag that stops scans, and how far those that were given it are.
#[pyclass(frozen, module = "logan._logan")]
pub struct Cancel(Arc<AtomicBool>, Arc<AtomicU64>);

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

fn control(cancel: Option<&Cancel>) -> Control {
    Control { cancel: cancel.map(|c| c.0.clone()).unwrap_or_default(), ..Control::default() }
}

fn chunk((source, start, end): (u32, u64, u64)) -> PyResult<Chunk> {
    if start > end {
        return Err(PyValueError::new_err(format!(
            "a chunk ends at {end}, before its start {start}"
        )));
    }
    Ok(Chunk { source, start, end })
}

/// What `scan` did.
#[pyclass(frozen, module = "logan._logan")]
pub struct Outcome {
    summary: Py<Summary>,
    failures: Vec<(u32, u64, u64, &'static str, String)>,
    archives: Vec<ArchiveFacts>,
}

/// Source, decoded bytes, members, where foreign bytes begin; of a container what was in it, in
/// words, and how many of its members were left out.
type ArchiveFacts = (u32, u64, u64, Option<u64>, Option<String>, u64);

/// What a compressed source left: its summary, what damage ended it (kind and text), its facts.
type Decoded = (Summary, Option<(&'static str, String)>, ArchiveFacts);

fn facts(source: u32, facts: &logan_core::engine::Facts) -> ArchiveFacts {
    let told = facts.contents.as_ref().map(archive::Contents::told);
    let left_out = facts.contents.as_ref().map_or(0, archive::Contents::left_out);
    (source, facts.decoded, facts.members, facts.foreign_at, told, left_out)
}

#[pymethods]
impl Outcome {
    #[getter]
    fn summary(&self, py: Python<'_>) -> Py<Summary> {
        self.summary.clone_ref(py)
    }

    #[getter]
    fn failures(&self) -> Vec<(u32, u64, u64, &'static str, String)> {
        self.failures.clone()
    }

    #[getter]
    fn archives(&self) -> Vec<ArchiveFacts> {
        self.archives.clone()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.failures.iter().any(|failure| failure.3 == CANCELLED)
    }

    fn __repr__(&self) -> String {
        let summary = self.summary.get().__repr__();
        format!("Outcome({summary}, failures={})", self.failures.len())
    }
}

const CANCELLED: &str = "cancelled";

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Changed { .. } => "changed",
        Error::Cancelled => CANCELLED,
        Error::Archive { .. } => "archive",
        Error::Panic { .. } => PANIC,
        _ => "unreadable",
    }
}

/// Scans chunks on threads and merges them along the tree.
#[pyfunction]
#[pyo3(signature = (sources, chunks, spec, *, threads, archives=None, chunk_size=33_554_432,
    expansion_max=0, tree=None, cancel=None, progress=None, progress_interval_s=0.1))]
#[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
pub fn scan(
    py: Python<'_>,
    sources: Vec<(PathBuf, Py<Fingerprint>)>,
    chunks: Vec<(u32, u64, u64)>,
    spec: &Spec,
    threads: usize,
    archives: Option<BTreeMap<u32, String>>,
    chunk_size: u64,
    expansion_max: u64,
    tree: Option<&MergeTree>,
    cancel: Option<&Cancel>,
    progress: Option<&Bound<'_, PyAny>>,
    progress_interval_s: f64,
) -> PyResult<Outcome> {
    let interval = Duration::try_from_secs_f64(progress_interval_s)
        .map_err(|e| PyValueError::new_err(format!("progress_interval_s: {e}")))?
        .clamp(PROGRESS_INTERVALS[0], PROGRESS_INTERVALS[1]);
    let sources: Vec<_> =
        sources.into_iter().map(|(path, print)| (path, print.get().0.clone())).collect();
    let chunks = chunks.into_iter().map(chunk).collect::<PyResult<Vec<_>>>()?;
    let total = chunks.iter().fold(0u64, |sum, c| sum.saturating_add(c.end - c.start));
    let control = control(cancel);
    let mut packings = BTreeMap::new();
    for (source, name) in archives.unwrap_or_default() {
        packings.insert(source, detached(py, || Ok(engine::packing(&name)?))?);
    }
    let archives = Archives { packings, grid_bytes: chunk_size, expansion_max };
    let report = || match progress {
        Some(call) => call.call1((control.bytes.load(Ordering::Relaxed), total)).map(|_| ()),
        None => Ok(()),
    };
    let outcome = attended(py, &control.cancel, interval, report, || {
        let Some(tree) = tree else {
            return Ok(engine::run_all(&sources, &archives, &chunks, &spec.0, threads, &control)?);
        };
        let mut place = lock(&tree.0)?;
        let growing = place.take().ok_or(Fault::Finished(TREE_FINISHED))?;
        let (tree, outcome) = engine::run_into(
            growing.tree,
            &sources,
            &archives,
            &chunks,
            &spec.0,
            threads,
            &control,
        )?;
        let chunks = growing.chunks.max(chunks.len() as u64);
        *place = Some(Growing { tree, chunks });
        Ok(outcome)
    })?;
    let archives = outcome.archives.iter().map(|(source, known)| facts(*source, known)).collect();
    let failures = outcome.failures.into_iter().map(|failure| {
        let Chunk { source, start, end } = failure.chunk;
        (source, start, end, kind(&failure.error), failure.error.to_string())
    });
    let failures = failures.collect();
    Ok(Outcome { summary: Py::new(py, Summary(outcome.summary))?, failures, archives })
}

/// Figures of bytes that the caller pushes.
#[pyclass(frozen, module = "logan._logan")]
pub struct Feed(Mutex<Option<chunk::Feed>>);

const FEED_FINISHED: &str = "this feed is finished; make a new one";

impl Feed {
    /// Does something with the feed. To be called detached: another thread may be scanning.
    fn with<T>(&self, work: impl FnOnce(&mut chunk::Feed) -> Result<T, Error>) -> Result<T, Fault> {
        let mut feed = lock(&self.0)?;
        Ok(work(feed.as_mut().ok_or(Fault::Finished(FEED_FINISHED))?)?)
    }
}

#[pymethods]
impl Feed {
    #[new]
    #[pyo3(signature = (spec, *, source=0, chunk_size=33_554_432))]
    fn new(py: Python<'_>, spec: &Spec, source: u32, chunk_size: u64) -> PyResult<Feed> {
        let feed = detached(py, || Ok(chunk::Feed::new(spec.0.clone(), source, chunk_size)?))?;
        Ok(Feed(Mutex::new(Some(feed))))
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<()> {
        detached(py, || self.with(|feed| feed.push(data)))
    }

    #[pyo3(signature = (fd, *, cancel=None, progress=None))]
    fn push_fd(
        &self,
        py: Python<'_>,
        fd: i32,
        cancel: Option<&Cancel>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let control = control(cancel);
        let report = || match progress {
            Some(call) => call.call1((control.bytes.load(Ordering::Relaxed), 0)).map(|_| ()),
            None => Ok(()),
        };
        attended(py, &control.cancel, PROGRESS_INTERVAL, report, || {
            pipe::drain(fd, &control, |bytes| self.with(|feed| feed.push(bytes)).map(|()| true))
        })
    }

    #[getter]
    fn bytes(&self, py: Python<'_>) -> PyResult<u64> {
        detached(py, || self.with(|feed| Ok(feed.bytes())))
    }

    fn snapshot(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || self.with(chunk::Feed::snapshot)).map(Summary)
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Summary> {
        detached(py, || {
            let mut place = lock(&self.0)?;
            // A feed that the engine's panic ended stays, for a snapshot.
            place.as_mut().ok_or(Fault::Finished(FEED_FINISHED))?.close()?;
            let feed = place.take().ok_or(Fault::Finished(FEED_FINISHED))?;
            Ok(feed.finish()?)
        })
        .map(Summary)
    }
}

/// Figures of one chunk whose bytes the caller pushes.
#[pyclass(frozen, module = "logan._logan")]
pub struct ChunkFeed(Mutex<Option<chunk::ChunkFeed>>);

const CHUNK_FINISHED: &str = "this chunk is finished; make a new feed";

#[pymethods]
impl ChunkFeed {
    #[new]
    fn new(py: Python<'_>, spec: &Spec, source: u32, start: u64, end: u64) -> PyResult<ChunkFeed> {
        let chunk = chunk((source, start, end))?;
        let feed = detached(py, || Ok(chunk::ChunkFeed::new(spec.0.clone(), chunk)?))?;
        Ok(ChunkFeed(Mutex::new(Some(feed))))
    }

    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<u64> {
        detached(py, || {
            let feed = lock(&self.0)?;
            Ok(feed.as_ref().ok_or(Fault::Finished(CHUNK_FINISHED))?.position())
        })
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<bool> {
        detached(py, || {
            let mut feed = lock(&self.0)?;
            Ok(feed.as_mut().ok_or(Fault::Finished(CHUNK_FINISHED))?.push(data)?)
        })
    }

    #[pyo3(signature = (name="-"))]
    fn finish(&self, py: Python<'_>, name: &str) -> PyResult<Summary> {
        detached(py, || {
            let feed = lock(&self.0)?.take().ok_or(Fault::Finished(CHUNK_FINISHED))?;
            Ok(feed.finish(name.as_ref())?)
        })
        .map(Summary)
    }
}

/// Figures of an archive whose stored bytes the caller pushes.
#[pyclass(frozen, module = "logan._logan")]
pub struct ArchiveFeed {
    feed: Mutex<Option<logan_core::engine::ArchiveFeed>>,
    source: u32,
}

#[pymethods]
impl ArchiveFeed {
    #[new]
    #[pyo3(signature = (spec, compression, *, name=None, source=0, chunk_size=33_554_432,
        expansion_max=0, threads=1, cancel=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn new(
        py: Python<'_>,
        spec: &Spec,
        compression: &str,
        name: Option<PathBuf>,
        source: u32,
        chunk_size: u64,
        expansion_max: u64,
        threads: usize,
        cancel: Option<&Cancel>,
    ) -> PyResult<ArchiveFeed> {
        let cancel = control(cancel).cancel;
        let feed = detached(py, || {
            let packing = engine::packing(compression)?;
            let request = Request { source, packing, grid_bytes: chunk_size, expansion_max };
            let name = name.unwrap_or_else(|| "-".into());
            Ok(logan_core::engine::ArchiveFeed::new(
                spec.0.clone(),
                name,
                request,
                threads,
                cancel,
            )?)
        })?;
        Ok(ArchiveFeed { feed: Mutex::new(Some(feed)), source })
    }

    fn push(&self, py: Python<'_>, data: &[u8]) -> PyResult<bool> {
        detached(py, || {
            let feed = lock(&self.feed)?;
            Ok(feed.as_ref().ok_or(Fault::Finished(FEED_FINISHED))?.push(data))
        })
    }

    #[pyo3(signature = (fd, *, cancel=None, progress=None))]
    fn push_fd(
        &self,
        py: Python<'_>,
        fd: i32,
        cancel: Option<&Cancel>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let control = control(cancel);
        let report = || match progress {
            Some(call) => call.call1((control.bytes.load(Ordering::Relaxed), 0)).map(|_| ()),
            None => Ok(()),
        };
        attended(py, &control.cancel, PROGRESS_INTERVAL, report, || {
            let feed = lock(&self.feed)?;
            let feed = feed.as_ref().ok_or(Fault::Finished(FEED_FINISHED))?;
            pipe::drain(fd, &control, |bytes| Ok(feed.push(bytes)))
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<Decoded> {
        let scanned = detached(py, || {
            let feed = lock(&self.feed)?.take().ok_or(Fault::Finished(FEED_FINISHED))?;
            Ok(feed.finish()?)
        })?;
        let fault = scanned.fault.map(|error| (kind(&error), error.to_string()));
        Ok((Summary(scanned.summary), fault, facts(self.source, &scanned.facts)))
    }
}

/// How a source is stored that begins with these bytes.
#[pyfunction]
pub fn compression(py: Python<'_>, head: &[u8]) -> PyResult<Option<&'static str>> {
    detached(py, || Ok(archive::Packing::of(head).map(archive::Packing::name)))
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

/// Locks what was not left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, Fault> {
    mutex.lock().map_err(|_| Fault::Panic("an earlier call failed halfway".into()))
}

/// JSON list of the registered formats.
#[pyfunction]
pub fn formats() -> String {
    let infos: Vec<_> = format::REGISTRY.iter().map(|entry| entry.info).collect();
    serde_json::to_string(&infos).expect("infos are plain data")
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
        over("".as_ref(), 0..end, || Ok(logan_core::detect::detect(&samples).to_string()))
    })
}

/// Canonical text of a condition.
#[pyfunction]
#[pyo3(signature = (text, *, input_tz="UTC"))]
pub fn condition(py: Python<'_>, text: &str, input_tz: &str) -> PyResult<String> {
    detached(py, || Ok(spec::condition(text, &spec::zone(input_tz)?)?.to_string()))
}

/// Canonical name of a field that group tables can be made by.
#[pyfunction]
pub fn group_field(py: Python<'_>, name: &str) -> PyResult<String> {
    detached(py, || Ok(spec::group_field(name)?.to_string()))
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
        let file = Source::open(&path, None)?;
        let spec = &spec.0;
        let found = over(&path, 0..size, || {
            let (since, until) = (spec.since_ns, spec.until_ns);
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
        let file = Source::open(&path, None)?;
        over(&path, 0..size, || {
            Ok(logan_core::select::seek::last_time(&file, size, &spec.0, source)?)
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
            let source = Source::open(&path, None)?;
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
