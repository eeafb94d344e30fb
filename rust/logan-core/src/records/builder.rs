//! Rows of a scanner's batches into Arrow arrays, chunk by chunk.
//!
//! A [`RowSink`] belongs to one scanner. Records come in batches, lines that are not records one by
//! one and earlier than the records around them; both are put into the order of the lines. At the
//! end of a chunk its arrays go to the [`Queue`].
//!
//! Whether continuation lines before a chunk's first record belong to a record that was selected,
//! only the chunk before knows: they go into batches of their own, marked as such.

use super::columns::{Origin, RecordColumn};
use super::queue::{Piece, Queue, Unit};
use super::rows::{Rows, push_key};
use crate::bytes::line::LINE_BYTES_MAX;
use crate::bytes::simd::Simd;
use crate::format;
use crate::record::{
    Batch, Block, Columns, Field, Level, LineCounts, NO_ANSWER, NO_BYTES, NO_DURATION, NO_STATUS,
    NO_TIME, OtherLine, RecordOutput, RecordSink, RouteNormalizer, Text,
};
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most rows of a batch: enough that what a batch costs besides its rows does not count.
const ROWS_MAX: usize = 1 << 16;

/// Bytes of text from which on a batch ends: far from what 32-bit offsets hold, and few enough that
/// a queue of batches fits in memory.
const TEXT_BYTES_MAX: usize = 32 << 20;

/// What is wanted of records, and where it goes.
pub struct Output {
    columns: Vec<RecordColumn>,
    fields: Vec<Field>,
    schema: Arc<Schema>,
    malformed: bool,
    continuation: bool,
    /// By the source's index, what the column `source` says.
    names: Vec<String>,
    queue: Arc<Queue>,
    /// By column, values that did not fit its type.
    misfits: Arc<[AtomicU64]>,
}

impl Output {
    /// An output of these columns, with lines that are not records if asked for.
    pub fn new(
        columns: Vec<RecordColumn>,
        malformed: bool,
        continuation: bool,
        names: Vec<String>,
        queue: Arc<Queue>,
    ) -> Output {
        let fields = columns.iter().filter_map(RecordColumn::field).collect();
        let schema = super::schema_of(&columns);
        let misfits = columns.iter().map(|_| AtomicU64::new(0)).collect();
        Output { columns, fields, schema, malformed, continuation, names, queue, misfits }
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// By column, how many values did not fit its type.
    pub fn misfits(&self) -> Vec<(String, u64)> {
        let counts = self.misfits.iter().map(|count| count.load(Ordering::Relaxed));
        let named = self.columns.iter().map(|column| column.name.clone()).zip(counts);
        named.filter(|(_, count)| *count > 0).collect()
    }
}

impl RecordOutput for Output {
    fn sink(&self, places: &[Option<usize>]) -> Box<dyn RecordSink> {
        let mut fields = places.iter();
        let place = |column: &RecordColumn| {
            let place = column.field().and_then(|_| fields.next().copied().flatten());
            place.unwrap_or_default()
        };
        let places = self.columns.iter().map(place).collect();
        let typed = |column: &RecordColumn| Rows::new(&column.origin);
        Box::new(RowSink {
            origins: self.columns.iter().map(|column| column.origin.clone()).collect(),
            rows: self.columns.iter().map(typed).collect(),
            schema: self.schema.clone(),
            filters: self.continuation,
            names: self.names.clone(),
            queue: self.queue.clone(),
            misfits: self.misfits.clone(),
            places,
            routes: RouteNormalizer::new(),
            source: 0,
            start: 0,
            len: 0,
            leading: false,
            pieces: Vec::new(),
            others: Vec::new(),
            found: Vec::new(),
            last_kept: None,
            lines: Vec::new(),
            line: 0,
        })
    }

    fn fields(&self) -> &[Field] {
        &self.fields
    }

    fn other_lines(&self) -> (bool, bool) {
        (self.malformed, self.continuation)
    }

    fn line_numbers(&self) -> bool {
        self.columns.iter().any(|column| column.origin == Origin::Line)
    }

    fn lost(&self, source: u32, start: u64) {
        self.queue.deliver(source, start, Unit::lost(source));
    }
}

/// A line that is not a record.
struct Other {
    offset: u64,
    text: Vec<u8>,
    what: OtherLine,
}

/// Takes the records of one scanner.
struct RowSink {
    origins: Vec<Origin>,
    rows: Vec<Rows>,
    schema: Arc<Schema>,
    /// Whether it is to be told which continuation lines belong to records that were selected.
    filters: bool,
    names: Vec<String>,
    queue: Arc<Queue>,
    misfits: Arc<[AtomicU64]>,
    /// By column, which of the batch's keys it is, if it is one.
    places: Vec<usize>,
    routes: RouteNormalizer,
    source: u32,
    start: u64,
    /// Rows that are in no batch yet.
    len: usize,
    /// Whether these are continuation lines of a record in a chunk before.
    leading: bool,
    pieces: Vec<Piece>,
    /// Lines that are not records and come after all rows.
    others: Vec<Other>,
    /// Where the records are that came before any was filtered out, and no line was compared with.
    found: Vec<u64>,
    /// Whether the last record was selected; None if there was none.
    last_kept: Option<bool>,
    /// Where lines start, and how many of them do so at or before the last row.
    lines: Vec<u64>,
    line: usize,
}

impl RecordSink for RowSink {
    fn begin(&mut self, source: u32, start: u64) {
        (self.source, self.start) = (source, start);
        if self.len > 0 {
            self.rows = self.origins.iter().map(Rows::new).collect();
        }
        (self.len, self.leading, self.last_kept, self.line) = (0, false, None, 0);
        self.pieces.clear();
        self.others.clear();
        self.found.clear();
        self.lines.clear();
    }

    fn lines(&mut self, start: usize, ends: &[u32], block_offset: i64) {
        let starts = ends.iter().map(|&end| i64::from(end) + 1).take(ends.len().saturating_sub(1));
        let starts = ends.first().map(|_| start as i64).into_iter().chain(starts);
        self.lines.extend(starts.map(|start| (block_offset + start) as u64));
    }

    fn other(&mut self, offset: u64, line: &[u8], what: OtherLine) {
        self.others.push(Other { offset, text: line.to_vec(), what });
    }

    fn found(&mut self, batch: &Batch, block: Block<'_>) {
        self.found.extend((0..batch.len).map(|row| block.offset_of(batch, row)));
    }

    fn batch(&mut self, batch: &Batch, block: Block<'_>) {
        if self.others.is_empty() && self.found.is_empty() {
            return self.push(batch, block, 0..batch.len);
        }
        let others = std::mem::take(&mut self.others);
        let found = std::mem::take(&mut self.found);
        let mut walk = Walk { found: &found, at: 0 };
        let mut next = 0;
        let mut rest = others.into_iter().peekable();
        let last = block.offset_of(batch, batch.len - 1);
        while let Some(other) = rest.next_if(|other| other.offset < last) {
            let before = (next..batch.len)
                .find(|&row| block.offset_of(batch, row) >= other.offset)
                .unwrap_or(batch.len);
            if before > next {
                self.push(batch, block, next..before);
                let kept = block.offset_of(batch, before - 1);
                self.pass(&mut walk, kept + 1, Some(kept));
                next = before;
            }
            self.pass(&mut walk, other.offset, None);
            self.push_other(&other);
        }
        self.push(batch, block, next..batch.len);
        self.pass(&mut walk, last + 1, Some(last));
        self.found = found[walk.at..].to_vec();
        self.others = rest.collect();
    }

    fn finish(&mut self, counts: LineCounts) {
        let found = std::mem::take(&mut self.found);
        let mut walk = Walk { found: &found, at: 0 };
        for other in std::mem::take(&mut self.others) {
            self.pass(&mut walk, other.offset, None);
            self.push_other(&other);
        }
        self.pass(&mut walk, u64::MAX, None);
        self.end_batch();
        let unit = Unit {
            source: self.source,
            pieces: std::mem::take(&mut self.pieces),
            counts,
            lines: Some(self.lines.len() as u64),
            last_kept: self.last_kept,
        };
        self.queue.deliver(self.source, self.start, unit);
    }
}

/// A walk over where records were found.
struct Walk<'f> {
    found: &'f [u64],
    at: usize,
}

impl RowSink {
    /// Passes the records that were found before `offset`, of which the one at `kept` was selected.
    fn pass(&mut self, walk: &mut Walk<'_>, offset: u64, kept: Option<u64>) {
        while let Some(&found) = walk.found.get(walk.at).filter(|&&found| found < offset) {
            self.last_kept = Some(kept == Some(found));
            walk.at += 1;
        }
    }

    /// Appends rows of a batch.
    fn push(&mut self, batch: &Batch, block: Block<'_>, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        self.make_room(false);
        crate::dispatch!(push_rows::<>(sink: &mut RowSink, batch: &Batch, block: Block<'_>, range: Range<usize>)
            -> (); self, batch, block, range);
    }

    /// Appends a line that is not a record, unless it continues one that was not selected.
    fn push_other(&mut self, other: &Other) {
        let (kind, reason) = match other.what {
            OtherLine::Malformed(reason) => ("malformed", Some(reason)),
            OtherLine::Continuation if self.filters && self.last_kept == Some(false) => return,
            OtherLine::Continuation => ("continuation", None),
        };
        let is_leading = other.what == OtherLine::Continuation && self.last_kept.is_none();
        self.make_room(is_leading);
        let number = self.line_of(other.offset);
        let name = self.names.get(self.source as usize).map_or("", String::as_str);
        for (origin, rows) in self.origins.iter().zip(&mut self.rows) {
            match (origin, rows) {
                (Origin::Message, rows) => rows.push_text(shown(&other.text)),
                (Origin::Raw, Rows::Bytes(rows)) => rows.append_value(&other.text),
                (Origin::Source, Rows::Dictionary(rows)) => rows.push_all(name.as_bytes(), 1),
                (Origin::Offset, Rows::Integer(rows)) => rows.append_value(other.offset as i64),
                (Origin::Line, Rows::Integer(rows)) => rows.append_value(number),
                (Origin::Kind, Rows::Dictionary(rows)) => rows.push_all(kind.as_bytes(), 1),
                (Origin::Reason, rows) => rows.push_text(reason.unwrap_or_default().as_bytes()),
                (_, rows) => rows.push_nulls(1),
            }
        }
        self.len += 1;
    }

    /// Ends the batch at hand if it is full, or of other lines than those that come.
    fn make_room(&mut self, leading: bool) {
        let is_full = || {
            let bytes: usize = self.rows.iter().map(Rows::text_bytes).sum();
            self.len >= ROWS_MAX || bytes >= TEXT_BYTES_MAX
        };
        if self.len > 0 && (self.leading != leading || is_full()) {
            self.end_batch();
        }
        self.leading = leading;
    }

    fn end_batch(&mut self) {
        if self.len == 0 {
            return;
        }
        let arrays = self.rows.iter_mut().map(Rows::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.len));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        let batch = batch.expect("columns are of their types and all of one length");
        self.pieces.push(Piece { batch, leading: self.leading });
        self.len = 0;
    }

    /// The number within the chunk, from 1, of the line that holds the byte at `offset`; rows come
    /// in order.
    fn line_of(&mut self, offset: u64) -> i64 {
        while self.lines.get(self.line).is_some_and(|&start| start <= offset) {
            self.line += 1;
        }
        self.line as i64
    }
}

#[inline(always)]
fn push_rows<S: Simd>(
    simd: S,
    sink: &mut RowSink,
    batch: &Batch,
    block: Block<'_>,
    range: Range<usize>,
) {
    let count = range.len();
    let text = |text: &Text| text.bytes(block.bytes, &batch.arena);
    for column in 0..sink.origins.len() {
        if sink.origins[column] == Origin::Line {
            let offsets = range.clone().map(|row| block.offset_of(batch, row));
            let numbers: Vec<i64> = offsets.map(|offset| sink.line_of(offset)).collect();
            if let Rows::Integer(rows) = &mut sink.rows[column] {
                rows.append_slice(&numbers);
            }
            continue;
        }
        let misfits = &sink.misfits[column];
        match (&sink.origins[column], &mut sink.rows[column]) {
            (Origin::Time, Rows::Time(rows)) if batch.has(Columns::TIME) => {
                for &time in &batch.time_ns()[range.clone()] {
                    rows.append_option((time != NO_TIME).then_some(time));
                }
            }
            (Origin::Level, Rows::Dictionary(rows)) if batch.has(Columns::LEVEL) => {
                for &code in &batch.level()[range.clone()] {
                    match Level::from_u8(code).filter(|&level| level != Level::None) {
                        Some(level) => rows.push_code(code, || level.name()),
                        None => rows.push_nulls(1),
                    }
                }
            }
            (Origin::Status, Rows::Status(rows)) if batch.has(Columns::STATUS) => {
                for &status in &batch.status()[range.clone()] {
                    let shown = if status == NO_ANSWER { 0 } else { status as i16 };
                    rows.append_option((status != NO_STATUS).then_some(shown));
                }
            }
            (Origin::DurationMs, Rows::Float(rows)) if batch.has(Columns::DURATION) => {
                for &nanos in &batch.duration_ns()[range.clone()] {
                    rows.append_option((nanos != NO_DURATION).then_some(nanos as f64 / 1e6));
                }
            }
            (Origin::DurationNs, Rows::Integer(rows)) if batch.has(Columns::DURATION) => {
                for &nanos in &batch.duration_ns()[range.clone()] {
                    rows.append_option((nanos != NO_DURATION).then_some(nanos as i64));
                }
            }
            (Origin::Bytes, Rows::Integer(rows)) if batch.has(Columns::BYTES) => {
                for &bytes in &batch.bytes_sent()[range.clone()] {
                    let fits = i64::try_from(bytes).ok();
                    let is_misfit = fits.is_none() && bytes != NO_BYTES;
                    misfits.fetch_add(u64::from(is_misfit), Ordering::Relaxed);
                    rows.append_option(fits);
                }
            }
            (Origin::Message, Rows::Text(rows)) if batch.has(Columns::MESSAGE) => {
                batch.message()[range.clone()].iter().for_each(|t| rows.push(text(t)));
            }
            (Origin::Path, Rows::Text(rows)) if batch.has(Columns::PATH) => {
                for path in batch.path()[range.clone()].iter().map(text) {
                    rows.push(&path[..query_start(path)]);
                }
            }
            (Origin::Query, Rows::Text(rows)) if batch.has(Columns::PATH) => {
                for path in batch.path()[range.clone()].iter().map(text) {
                    rows.push(path.get(query_start(path) + 1..).unwrap_or_default());
                }
            }
            (Origin::Client, Rows::Text(rows)) if batch.has(Columns::CLIENT) => {
                batch.client()[range.clone()].iter().for_each(|t| rows.push(text(t)));
            }
            (Origin::Method, Rows::Dictionary(rows)) if batch.has(Columns::METHOD) => {
                batch.method()[range.clone()].iter().for_each(|t| rows.push(text(t)));
            }
            (Origin::Route, Rows::Dictionary(rows)) if batch.has(Columns::PATH) => {
                for row in range.clone() {
                    match sink.routes.key(simd, batch, block, row) {
                        Some((key, _)) => rows.push(key),
                        None => rows.push_nulls(1),
                    }
                }
            }
            (Origin::Text(wanted), Rows::Dictionary(rows)) if batch.has(Columns::of(*wanted)) => {
                match batch.texts(*wanted) {
                    Some(texts) => texts[range.clone()].iter().for_each(|t| rows.push(text(t))),
                    None => rows.push_nulls(count),
                }
            }
            (Origin::Format, Rows::Dictionary(rows)) => {
                for &code in &batch.format()[range.clone()] {
                    rows.push_code(code, || format::name_at(usize::from(code)));
                }
            }
            (Origin::Source, Rows::Dictionary(rows)) => {
                let name = sink.names.get(block.source as usize).map_or("", String::as_str);
                rows.push_all(name.as_bytes(), count);
            }
            (Origin::Offset, Rows::Integer(rows)) => {
                for row in range.clone() {
                    rows.append_value(block.offset_of(batch, row) as i64);
                }
            }
            (Origin::Raw, Rows::Bytes(rows)) => {
                range.clone().for_each(|row| rows.append_value(whole_line(batch, block, row)));
            }
            (Origin::Kind, Rows::Dictionary(rows)) => rows.push_all(b"record", count),
            (Origin::Key(_, read_as), rows) => {
                let keys = batch.extra(sink.places[column]);
                let values = keys[range.clone()].iter().map(text);
                let lost: u64 =
                    values.map(|value| u64::from(!push_key(rows, *read_as, value))).sum();
                misfits.fetch_add(lost, Ordering::Relaxed);
            }
            (_, rows) => rows.push_nulls(count),
        }
    }
    sink.len += count;
}

/// The line in this row with its carriage return, and with what parsers leave unread of long ones.
#[inline(always)]
fn whole_line<'b>(batch: &Batch, block: Block<'b>, row: usize) -> &'b [u8] {
    let start = batch.line_start()[row] as usize;
    let read = start + batch.line_len()[row] as usize;
    let rest = memchr::memchr(b'\n', &block.bytes[read..]).unwrap_or_default();
    &block.bytes[start..read + rest]
}

/// A line that is not a record as its message: as much as parsers read of any line.
fn shown(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    &line[..line.len().min(LINE_BYTES_MAX)]
}

/// Where the query begins, with its mark.
#[inline(always)]
fn query_start(path: &[u8]) -> usize {
    memchr::memchr2(b'?', b'#', path).unwrap_or(path.len())
}
