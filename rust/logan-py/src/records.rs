//! Records as Arrow batches, through the C interfaces that all Arrow libraries speak.

use crate::arguments::{chunk, lock, mode};
use crate::cancel::{Cancel, control};
use crate::descriptor::Descriptor;
use crate::fingerprint::Fingerprint;
use crate::gate::{Fault, attended, detached};
use crate::pipe;
use crate::spec::Spec;
use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Float64Type, Int16Type, Int32Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array, RecordBatch, RecordBatchReader, StringArray, StructArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, SchemaRef};
use logan_core::chunk::Chunk;
use logan_core::engine::{self, Archives, Control, Pushed, Stage};
use logan_core::error::Error;
use logan_core::records::builder::Output;
use logan_core::records::columns::{NAMED, RecordColumn};
use logan_core::records::export::{Kind, Writer};
use logan_core::records::reader::Progress;
use logan_core::records::{Failure, Queue, RecordReader};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyDict, PyList};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Units that may be ahead of the reader, for each thread and besides.
const UNITS_AHEAD: usize = 2;

/// Pushed pieces on their way.
const PIECES: usize = 8;

/// The name, the type and the meaning of each column that has a name, and whether it is standard.
#[pyfunction]
pub fn record_columns() -> Vec<(&'static str, String, bool, &'static str)> {
    let known = NAMED.iter().map(|column| {
        let parsed = RecordColumn::parse(column.name).ok().flatten();
        let data_type = parsed.map(|parsed| parsed.data_type().to_string()).unwrap_or_default();
        (column.name, data_type, column.standard, column.doc)
    });
    known.collect()
}

/// The canonical name of a column; None if it is unknown.
#[pyfunction]
pub fn record_column(py: Python<'_>, text: &str) -> PyResult<Option<String>> {
    detached(py, || Ok(RecordColumn::parse(text)?.map(|column| column.name)))
}

fn capsule_of_schema<'py>(py: Python<'py>, schema: &SchemaRef) -> PyResult<Bound<'py, PyCapsule>> {
    let exported = FFI_ArrowSchema::try_from(schema.as_ref()).map_err(|e| invalid(&e))?;
    PyCapsule::new_with_value(py, exported, c"arrow_schema")
}

fn invalid(error: &ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The columns of record batches.
#[pyclass(frozen, module = "logan._logan")]
pub struct RecordSchema(SchemaRef);

#[pymethods]
impl RecordSchema {
    #[new]
    #[pyo3(signature = (columns, *, others=false))]
    fn new(py: Python<'_>, columns: Vec<String>, others: bool) -> PyResult<RecordSchema> {
        let columns = parsed(py, &columns, others)?;
        Ok(RecordSchema(logan_core::records::schema_of(&columns)))
    }

    #[getter]
    fn names(&self) -> Vec<String> {
        self.0.fields().iter().map(|field| field.name().clone()).collect()
    }

    #[getter]
    fn types(&self) -> Vec<String> {
        self.0.fields().iter().map(|field| field.data_type().to_string()).collect()
    }

    #[getter]
    fn descriptions(&self) -> Vec<String> {
        let of = |field: &Arc<arrow_schema::Field>| field.metadata().get("description").cloned();
        self.0.fields().iter().map(|field| of(field).unwrap_or_default()).collect()
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule_of_schema(py, &self.0)
    }

    /// An empty stream of this schema.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let none = arrow_array::RecordBatchIterator::new(Vec::new(), self.0.clone());
        let stream = FFI_ArrowArrayStream::new(Box::new(none));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __repr__(&self) -> String {
        let fields = self.0.fields().iter();
        let shown: Vec<_> = fields.map(|f| format!("{}: {}", f.name(), f.data_type())).collect();
        format!("RecordSchema({})", shown.join(", "))
    }
}

/// Rows of records, as columns.
#[pyclass(frozen, module = "logan._logan")]
pub struct Batch(RecordBatch);

#[pymethods]
impl Batch {
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    #[getter]
    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    #[getter]
    fn schema(&self) -> RecordSchema {
        RecordSchema(self.0.schema())
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    /// The values of a column as Python has them; times are nanoseconds since 1970.
    fn values<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        let column = self.0.column_by_name(name);
        let column = column
            .ok_or_else(|| PyValueError::new_err(format!("the batch has no column {name:?}")))?;
        if let Some(rows) = column.as_primitive_opt::<Int64Type>() {
            return PyList::new(py, rows.iter().collect::<Vec<_>>());
        }
        if let Some(rows) = column.as_primitive_opt::<TimestampNanosecondType>() {
            return PyList::new(py, rows.iter().collect::<Vec<_>>());
        }
        if let Some(rows) = column.as_primitive_opt::<Int16Type>() {
            return PyList::new(py, rows.iter().collect::<Vec<_>>());
        }
        if let Some(rows) = column.as_primitive_opt::<Float64Type>() {
            return PyList::new(py, rows.iter().collect::<Vec<_>>());
        }
        if let Some(rows) = column.as_boolean_opt() {
            return PyList::new(py, rows.iter().collect::<Vec<_>>());
        }
        if let Some(rows) = column.as_binary_opt::<i32>() {
            let bytes = |row: Option<&[u8]>| row.map(|row| PyBytes::new(py, row));
            return PyList::new(py, rows.iter().map(bytes).collect::<Vec<_>>());
        }
        if let Some(rows) = column.as_string_opt::<i32>() {
            return PyList::new(py, rows.iter().collect::<Vec<_>>());
        }
        let rows = column.as_dictionary_opt::<Int32Type>();
        let rows = rows.and_then(|rows| rows.downcast_dict::<StringArray>());
        let rows =
            rows.ok_or_else(|| PyValueError::new_err(format!("{name}: values of another type")))?;
        PyList::new(py, rows.into_iter().collect::<Vec<_>>())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsule_of_schema(py, &self.0.schema())
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        let data = StructArray::from(self.0.clone()).into_data();
        let array = arrow_array::ffi::FFI_ArrowArray::new(&data);
        let array = PyCapsule::new_with_value(py, array, c"arrow_array")?;
        Ok((capsule_of_schema(py, &self.0.schema())?, array))
    }

    fn __repr__(&self) -> String {
        format!("Batch(rows={}, columns={})", self.0.num_rows(), self.0.num_columns())
    }
}

type Begin = Box<dyn FnOnce() -> std::io::Result<()> + Send>;

/// Reads batches; the scan begins with the first.
struct LazyReader {
    reader: RecordReader,
    schema: SchemaRef,
    begin: Option<Begin>,
    /// Set when inputs that can be read only once are.
    used: Option<Arc<AtomicBool>>,
    /// Python pushes bytes, which it cannot while a reader holds on to the interpreter.
    lets_python_run: bool,
}

impl LazyReader {
    fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        if let Some(begin) = self.begin.take() {
            let fail = |why: String| {
                let (source, start, end, kind) = (0, 0, None, "unreadable");
                Failure { source, start, end, kind, why }
            };
            if self.used.as_ref().is_some_and(|used| used.swap(true, Ordering::Relaxed)) {
                return Err(fail(READ_BEFORE.into()));
            }
            begin().map_err(|error| fail(format!("a thread cannot be started: {error}")))?;
        }
        self.reader.read()
    }
}

impl Iterator for LazyReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = match self.lets_python_run {
            true => Python::attach(|py| py.detach(|| self.read())),
            false => self.read(),
        };
        read.map_err(|failure| ArrowError::ExternalError(failure.why.into())).transpose()
    }
}

impl RecordBatchReader for LazyReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

type Fed = (SyncSender<Vec<u8>>, Arc<Mutex<Option<(&'static str, String)>>>);

/// One scan of inputs, whose records come as batches in the order of the input.
#[pyclass(frozen, module = "logan._logan")]
pub struct RecordScan {
    reader: Mutex<Option<LazyReader>>,
    schema: SchemaRef,
    output: Arc<Output>,
    queue: Arc<Queue>,
    progress: Arc<Mutex<Progress>>,
    control: Arc<Control>,
    feeds: Mutex<BTreeMap<u32, Fed>>,
}

const READ_BEFORE: &str = "the inputs can be read only once and were read already; save them to a \
     file, or keep what was read";

const TAKEN: &str = "the batches of this scan are read already; begin another scan";

fn parsed(py: Python<'_>, columns: &[String], others: bool) -> PyResult<Vec<RecordColumn>> {
    let mut found = detached(py, || {
        let parse = |text: &String| -> Result<RecordColumn, Fault> {
            let column = RecordColumn::parse(text)?;
            Ok(column.ok_or_else(|| Error::Spec(format!("there is no column {text:?}")))?)
        };
        columns.iter().map(parse).collect::<Result<Vec<_>, _>>()
    })?;
    if others {
        found.extend(RecordColumn::of_other_lines());
    }
    Ok(found)
}

/// Kind, source, chunks (of files).
type StageArgument = (String, u32, Vec<(u32, u64, u64)>);

/// By source: name, compression, and of a descriptor its first bytes and its number.
type StreamArgument = BTreeMap<u32, (PathBuf, Option<String>, Vec<u8>, Option<i32>)>;

#[pymethods]
impl RecordScan {
    #[new]
    #[pyo3(signature = (spec, columns, names, sources, stages, *, streams=None, archives=None,
        threads=1, expansion_max=0, malformed=false, continuation=false, strict=true,
        cancel=None, used=None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn new(
        py: Python<'_>,
        spec: &Spec,
        columns: Vec<String>,
        names: Vec<String>,
        sources: Vec<(PathBuf, Py<Fingerprint>)>,
        stages: Vec<StageArgument>,
        streams: Option<StreamArgument>,
        archives: Option<BTreeMap<u32, String>>,
        threads: usize,
        expansion_max: u64,
        malformed: bool,
        continuation: bool,
        strict: bool,
        cancel: Option<&Cancel>,
        used: Option<&Cancel>,
    ) -> PyResult<RecordScan> {
        let columns = parsed(py, &columns, malformed || continuation)?;
        let mut control = control(cancel);
        if let Some(cancel) = cancel {
            control.bytes = cancel.1.clone();
        }
        let control = Arc::new(control);
        let queue = Arc::new(Queue::new(threads + UNITS_AHEAD, control.cancel.clone()));
        let output = Output::new(columns, malformed, continuation, names, queue.clone());
        let output = Arc::new(output);
        let spec = detached(py, || Ok(engine::handing_out(&spec.0, output.clone())?))?;
        let sources: Vec<_> = sources
            .into_iter()
            .map(|(path, print)| ((path, mode()), print.get().0.clone()))
            .collect();
        let packing = |name: &str| detached(py, || Ok(engine::packing(name)?));
        let mut packings = BTreeMap::new();
        for (source, name) in archives.unwrap_or_default() {
            packings.insert(source, packing(&name)?);
        }
        let grid_bytes = 1;
        let archives = Archives { packings, grid_bytes, expansion_max };
        let mut streams = streams.unwrap_or_default();
        let (mut planned, mut feeds, mut descriptors) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (kind, source, chunks) in stages {
            planned.push(match kind.as_str() {
                "files" => {
                    let chunks = chunks.into_iter().map(chunk);
                    Stage::Files(chunks.collect::<PyResult<Vec<Chunk>>>()?)
                }
                "archive" => Stage::Archive(source),
                "serial" => Stage::Serial(source),
                "pushed" => {
                    let (name, compression, head, fd) =
                        streams.remove(&source).ok_or_else(|| {
                            PyValueError::new_err(format!("source {source} is not a stream"))
                        })?;
                    let packing = compression.as_deref().map(packing).transpose()?;
                    let (sender, pieces) = mpsc::sync_channel(PIECES);
                    let fault = Arc::new(Mutex::new(None));
                    match fd {
                        Some(fd) => {
                            // A copy, which outlives whatever the caller does.
                            let fd = Descriptor::copy_of(fd)?;
                            descriptors.push((fd, head, sender, fault.clone()));
                        }
                        None if head.is_empty() => {
                            feeds.insert(source, (sender, fault.clone()));
                        }
                        // All of it.
                        None => drop(sender.send(head)),
                    }
                    Stage::Pushed(Pushed { source, name, packing, pieces, fault })
                }
                other => return Err(PyValueError::new_err(format!("no stage {other:?}"))),
            });
        }
        let progress = Arc::new(Mutex::new(Progress::default()));
        let schema = output.schema().clone();
        let reader = RecordReader::new(queue.clone(), schema.clone(), progress.clone(), strict);
        let begin: Begin = {
            let (queue, control) = (queue.clone(), control.clone());
            Box::new(move || {
                for (fd, head, sender, fault) in descriptors {
                    let control = control.clone();
                    thread("logan-stream", move || {
                        read_descriptor(&fd, head, &sender, &fault, &control)
                    })?;
                }
                thread("logan-records", move || {
                    engine::run_in_order(
                        planned, &sources, &archives, &spec, threads, &control, &queue,
                    );
                })
            })
        };
        let lets_python_run = !feeds.is_empty();
        let used = used.map(|used| used.0.clone());
        let begin = Some(begin);
        let reader = LazyReader { reader, schema: schema.clone(), begin, used, lets_python_run };
        Ok(RecordScan {
            reader: Mutex::new(Some(reader)),
            schema,
            output,
            queue,
            progress,
            control,
            feeds: Mutex::new(feeds),
        })
    }

    #[getter]
    fn schema(&self) -> RecordSchema {
        RecordSchema(self.schema.clone())
    }

    /// Gives the next bytes of a source that is pushed; whether more are wanted.
    fn push(&self, py: Python<'_>, source: u32, data: Vec<u8>) -> PyResult<bool> {
        detached(py, || {
            let sender = lock(&self.feeds)?.get(&source).map(|(sender, _)| sender.clone());
            Ok(sender.is_some_and(|sender| sender.send(data).is_ok()))
        })
    }

    /// Ends a source that is pushed; `kind` and `why` say why that is not all of it.
    #[pyo3(signature = (source, why=None))]
    fn end(&self, py: Python<'_>, source: u32, why: Option<String>) -> PyResult<()> {
        detached(py, || {
            if let Some((_, fault)) = lock(&self.feeds)?.remove(&source)
                && let Some(why) = why
            {
                *lock(&fault)? = Some(("unreadable", why));
            }
            Ok(())
        })
    }

    /// The next batch; None after the last.
    fn read(&self, py: Python<'_>) -> PyResult<Option<Batch>> {
        let read = detached(py, || {
            let mut place = lock(&self.reader)?;
            let reader = place.as_mut().ok_or(Fault::Finished(TAKEN))?;
            Ok(reader.read())
        })?;
        match read {
            Ok(batch) => Ok(batch.map(Batch)),
            Err(failure) => Err(raised(py, failure)),
        }
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let reader = detached(py, || {
            let reader = lock(&self.reader)?.take();
            reader.ok_or(Fault::Finished(TAKEN))
        })?;
        let stream = FFI_ArrowArrayStream::new(Box::new(reader));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    /// Writes all batches to a descriptor as a file of this kind; how many rows.
    #[pyo3(signature = (kind, fd, *, total=0, progress=None))]
    fn write(
        &self,
        py: Python<'_>,
        kind: &str,
        fd: i32,
        total: u64,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let kind = Kind::ALL.iter().find(|(name, _)| *name == kind).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| PyValueError::new_err("no such kind of file"))?;
        let file = Descriptor::copy_of(fd)?;
        let report = || match progress {
            Some(call) => {
                call.call1((self.control.bytes.load(Ordering::Relaxed), total)).map(|_| ())
            }
            None => Ok(()),
        };
        let interval = Duration::from_millis(100);
        let written = attended(py, &self.control.cancel, interval, report, || {
            let reader = lock(&self.reader)?.take();
            let mut reader = reader.ok_or(Fault::Finished(TAKEN))?;
            let mut writer = Writer::new(kind, &self.schema, file)?;
            let mut rows = 0;
            loop {
                match reader.read() {
                    Ok(Some(batch)) => {
                        rows += batch.num_rows() as u64;
                        writer.write(&batch)?;
                    }
                    Ok(None) => break,
                    Err(failure) => return Ok(Err(failure)),
                }
            }
            writer.finish()?;
            Ok(Ok(rows))
        })?;
        written.map_err(|failure| raised(py, failure))
    }

    /// What was read by now.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let progress = detached(py, || Ok(lock(&self.progress)?.clone()))?;
        let lines = progress.lines;
        let counts = PyDict::new(py);
        for (name, count) in [
            ("total", lines.total()),
            ("parsed", lines.parsed),
            ("malformed", lines.malformed),
            ("blank", lines.blank),
            ("continuation", lines.continuation),
            ("header", lines.header),
            ("filtered", lines.filtered),
        ] {
            counts.set_item(name, count)?;
        }
        let misfits = PyDict::new(py);
        for (name, count) in self.output.misfits() {
            misfits.set_item(name, count)?;
        }
        let failures: Vec<_> = progress
            .failures
            .into_iter()
            .map(|each| (each.source, each.start, each.end, each.kind, each.why))
            .collect();
        let stats = PyDict::new(py);
        stats.set_item("rows", progress.rows)?;
        stats.set_item("lines", counts)?;
        stats.set_item("misfits", misfits)?;
        stats.set_item("failures", failures)?;
        stats.set_item("complete", progress.ended)?;
        Ok(stats)
    }

    /// Stops the scan.
    fn close(&self) {
        self.queue.close();
    }

    fn __repr__(&self) -> String {
        format!("RecordScan(columns={})", self.schema.fields().len())
    }
}

fn raised(py: Python<'_>, failure: Failure) -> PyErr {
    let error = crate::gate::InputError::new_err(failure.why);
    match error.value(py).setattr("kind", failure.kind) {
        Ok(()) => error,
        Err(other) => other,
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
}

/// Sends the head, and all that the descriptor has.
fn read_descriptor(
    fd: &Descriptor,
    head: Vec<u8>,
    sender: &SyncSender<Vec<u8>>,
    fault: &Mutex<Option<(&'static str, String)>>,
    control: &Control,
) {
    if sender.send(head).is_err() {
        return;
    }
    let push = |bytes: &[u8]| Ok(sender.send(bytes.to_vec()).is_ok());
    let why = match pipe::drain(fd.number(), control, push) {
        Ok(_) => return,
        Err(Fault::Core(error)) => (error.kind(), error.to_string()),
        Err(Fault::Os(error)) => ("unreadable", error.to_string()),
        Err(_) => ("unreadable", "it could not be read to its end".into()),
    };
    *fault.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(why);
}
