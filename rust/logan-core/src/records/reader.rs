//! Batches in the order of the input, for the reader of records.

use super::queue::{Failure, Next, Piece, Queue, Unit};
use crate::record::LineCounts;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

/// What was read, and what could not be.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Rows handed out.
    pub rows: u64,
    /// Lines of the chunks read.
    pub lines: LineCounts,
    /// What there are no records of.
    pub failures: Vec<Failure>,
    /// Everything was read.
    pub ended: bool,
}

/// Reads batches from a queue; dropping it stops the scan.
pub struct RecordReader {
    queue: Arc<Queue>,
    schema: Arc<Schema>,
    /// Where in the schema line numbers are.
    line_column: Option<usize>,
    ready: VecDeque<RecordBatch>,
    /// By source: whether the last record was selected, and lines so far, as far as known.
    kept: BTreeMap<u32, bool>,
    lines: BTreeMap<u32, Option<u64>>,
    progress: Arc<Mutex<Progress>>,
    /// Whether what cannot be read is an error, or only noted.
    strict: bool,
}

impl RecordReader {
    /// A reader of what comes through `queue`; with `strict`, what cannot be read ends it with an
    /// error.
    pub fn new(
        queue: Arc<Queue>,
        schema: Arc<Schema>,
        progress: Arc<Mutex<Progress>>,
        strict: bool,
    ) -> RecordReader {
        let line_column = schema.fields().iter().position(|field| field.name() == "line");
        RecordReader {
            queue,
            schema,
            line_column,
            ready: VecDeque::new(),
            kept: BTreeMap::new(),
            lines: BTreeMap::new(),
            progress,
            strict,
        }
    }

    /// The next batch, None after the last one.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(&mut self) -> Result<Option<RecordBatch>, Failure> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                self.progress().rows += batch.num_rows() as u64;
                return Ok(Some(batch));
            }
            match self.queue.next() {
                Next::Unit(unit) => self.take(unit),
                Next::Failure(failure) => {
                    self.progress().failures.push(failure.clone());
                    if self.strict {
                        self.queue.close();
                        return Err(failure);
                    }
                }
                Next::End => {
                    self.progress().ended = true;
                    return Ok(None);
                }
            }
        }
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn take(&mut self, unit: Unit) {
        let Unit { source, pieces, counts, lines, last_kept } = unit;
        self.progress().lines.add(&counts);
        let before = self.lines.get(&source).copied().unwrap_or(Some(0));
        // Without a record before them, continuation lines are of one that is not there.
        let kept = self.kept.get(&source).copied().unwrap_or(true);
        let wanted = pieces.into_iter().filter(|piece| kept || !piece.leading);
        for Piece { batch, .. } in wanted {
            let batch = match self.line_column {
                Some(column) => with_lines(&batch, column, before),
                None => batch,
            };
            self.ready.push_back(batch);
        }
        if let Some(last_kept) = last_kept {
            self.kept.insert(source, last_kept);
        }
        let after = before.zip(lines).map(|(before, lines)| before + lines);
        self.lines.insert(source, after);
    }
}

/// The batch with line numbers that count from the source's first line; after lines that could not
/// be counted there are none.
fn with_lines(batch: &RecordBatch, column: usize, before: Option<u64>) -> RecordBatch {
    let numbers = batch.column(column).as_primitive::<Int64Type>();
    let numbers: Int64Array = match before {
        Some(0) => return batch.clone(),
        Some(before) => numbers.unary(|number| number + before as i64),
        None => Int64Array::new_null(batch.num_rows()),
    };
    let mut columns = batch.columns().to_vec();
    columns[column] = Arc::new(numbers);
    RecordBatch::try_new(batch.schema(), columns).expect("one column was replaced by its like")
}

impl Iterator for RecordReader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().map_err(|failure| ArrowError::ExternalError(failure.why.into())).transpose()
    }
}

impl RecordBatchReader for RecordReader {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Drop for RecordReader {
    fn drop(&mut self) {
        self.queue.close();
    }
}
