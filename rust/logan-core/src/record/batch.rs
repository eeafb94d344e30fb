//! Parsed records as columns: what every metric reads and every format writes.
//!
//! Which columns there are is said in [`columns`](super::columns). A format fills a [`Record`] on the
//! stack; [`Batch::push`] stores only the columns that the format ever fills (a constant, so the
//! other stores compile away), as long as all rows of the batch are of one format; the rows of a
//! second one are stored whole. Columns that were not filled hold defaults, and [`Batch::has`] tells a
//! metric that a column holds nothing else. 512 rows keep the columns in use within the first-level
//! cache.
//!
//! A format that reads many lines at a time writes through a [`RowWriter`]: straight into rows after
//! the last one, which count, with their flags, once it has [finished](RowWriter::finish).

use super::Mask;
use crate::bytes::simd::Simd;
use crate::record::Level;
use crate::record::columns::{Column, Columns, DenseBuckets, Record, compact};
use std::ops::Range;

/// Rows of a batch.
pub const BATCH_ROWS: usize = 512;

/// A record without a timestamp.
pub const NO_TIME: i64 = i64::MIN;
/// A record without a response time.
pub const NO_DURATION: u64 = u64::MAX;
/// A record without a size.
pub const NO_BYTES: u64 = u64::MAX;
/// A record without an HTTP status.
pub const NO_STATUS: u16 = 0;
/// The status of a request that got no answer. Logs write `0`, `000`, `-` or `-1`, reports 0.
pub const NO_ANSWER: u16 = 1;

/// Longest response time that a record may carry; longer ones are treated as garbage.
pub const DURATION_NS_MAX: u64 = i64::MAX as u64;

/// Flag of a row that carries a timestamp.
pub const TIMED: u8 = 1;
/// Flag of a row that is a request: it carries a response time or an HTTP status.
pub const REQUEST: u8 = 2;
/// Flag of a row that is an error: level ERROR or FATAL, or status 500–599.
pub const ERROR: u8 = 4;
/// Flag of a row that carries a response time.
pub const MEASURED: u8 = 8;
/// Flag of a row that is the client's error: status 400–499.
pub const CLIENT_ERROR: u8 = 16;

/// The status of a request whose connection goes on as another one's.
const SWITCHING_PROTOCOLS: u16 = 101;

/// A piece of text of a record: a range of its line, or of the batch's arena where the line does
/// not hold the text as such (escapes undone).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text {
    start: u32,
    len: u32,
}

const IN_ARENA: u32 = 1 << 31;

impl Text {
    /// No text, which is also what empty text counts as.
    pub const NONE: Text = Text { start: 0, len: 0 };

    /// The line's bytes `start..end`.
    #[inline(always)]
    pub fn of_line(start: usize, end: usize) -> Text {
        debug_assert!(start <= end && end < IN_ARENA as usize);
        Text { start: start as u32, len: (end - start) as u32 }
    }

    /// A part of the line's bytes.
    pub(crate) fn of_part(line: &[u8], part: &[u8]) -> Text {
        let start = part.as_ptr() as usize - line.as_ptr() as usize;
        Text::of_line(start, start + part.len())
    }

    /// The arena's bytes `start..end`.
    #[inline(always)]
    pub fn of_arena(start: usize, end: usize) -> Text {
        debug_assert!(start <= end && end < IN_ARENA as usize);
        Text { start: start as u32 | IN_ARENA, len: (end - start) as u32 }
    }

    /// The bytes `start..end` of the text.
    pub(crate) fn part(self, start: usize, end: usize) -> Text {
        debug_assert!(start <= end && end <= self.len as usize);
        Text { start: self.start + start as u32, len: (end - start) as u32 }
    }

    /// Where the text starts and ends, in what it is a range of.
    #[inline(always)]
    pub fn range(self) -> (usize, usize) {
        let start = self.start & !IN_ARENA;
        (start as usize, (start + self.len) as usize)
    }

    /// Whether there is no text.
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Whether the text is a range of its line.
    #[inline(always)]
    pub(crate) fn is_of_line(self) -> bool {
        self.start & IN_ARENA == 0
    }

    /// Moves a range of the line to the place of the line in what holds it.
    #[inline(always)]
    pub(crate) fn at(self, line_start: u32) -> Text {
        // A range in the arena is not relative to the line.
        let base = if self.start & IN_ARENA == 0 { line_start } else { 0 };
        Text { start: self.start + base, len: self.len }
    }

    /// A range of a line that was copied to the arena at `from`.
    pub fn moved_to_arena(self, from: usize) -> Text {
        if self.is_empty() {
            return Text::NONE;
        }
        let (start, end) = self.range();
        Text::of_arena(from + start, from + end)
    }

    /// The bytes, given the line (or, for a column of a batch, the block) and the arena.
    #[inline(always)]
    pub fn bytes<'a>(self, line: &'a [u8], arena: &'a [u8]) -> &'a [u8] {
        let (from, start) = if self.start & IN_ARENA == 0 {
            (line, self.start)
        } else {
            (arena, self.start & !IN_ARENA)
        };
        &from[start as usize..start as usize + self.len as usize]
    }
}

/// Up to [`BATCH_ROWS`] records in the order of their lines, as columns.
///
/// Only the first `len` rows of a column mean anything. Texts are resolved by [`Text::bytes`].
pub struct Batch {
    /// Rows in use.
    pub len: usize,
    /// What rows of this batch may hold.
    seen: Columns,
    /// The columns of the first row's format: rows of such formats are stored narrowly.
    narrow: Columns,
    /// Columns that hold anything but defaults anywhere, be it from an earlier batch.
    dirty: Columns,
    /// The columns on request that are stored.
    requested: Columns,
    /// The first row that is [open](Self::open), if any is.
    open_from: Option<usize>,
    cells: Box<DenseBuckets>,
    flags: [u8; BATCH_ROWS],
    line_start: [u32; BATCH_ROWS],
    line_len: [u32; BATCH_ROWS],
    /// Text that is not in the lines as such.
    pub arena: Vec<u8>,
    format: [u8; BATCH_ROWS],
    extra: Vec<Box<[Text; BATCH_ROWS]>>,
    /// Lifetimes of connections, where the job asks for them.
    lifetime: Option<Box<[u64; BATCH_ROWS]>>,
}

impl Batch {
    /// An empty batch without columns on request.
    pub fn new() -> Box<Batch> {
        Batch::requesting(Columns::NONE)
    }

    /// An empty batch, which stores these of the columns on request.
    pub fn requesting(requested: Columns) -> Box<Batch> {
        Box::new(Batch {
            len: 0,
            seen: Columns::NONE,
            narrow: Columns::NONE,
            dirty: Columns::NONE,
            requested: requested.and(Columns::ON_REQUEST),
            open_from: None,
            cells: DenseBuckets::new(),
            flags: [0; BATCH_ROWS],
            line_start: [0; BATCH_ROWS],
            line_len: [0; BATCH_ROWS],
            arena: Vec::new(),
            format: [0; BATCH_ROWS],
            extra: Vec::new(),
            lifetime: None,
        })
    }

    /// Whether no further row fits.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        self.len >= BATCH_ROWS
    }

    /// Whether any row may hold something in one of these columns.
    #[inline(always)]
    pub fn has(&self, columns: Columns) -> bool {
        self.seen.has(columns)
    }

    /// The columns.
    #[inline(always)]
    pub(crate) fn cells(&self) -> &DenseBuckets {
        &self.cells
    }

    /// The texts of a column, if it holds texts.
    pub fn texts(&self, column: Column) -> Option<&[Text; BATCH_ROWS]> {
        self.cells.texts(column)
    }

    /// [`TIMED`], [`REQUEST`], [`ERROR`], [`MEASURED`] of each row.
    #[inline(always)]
    pub fn flags(&self) -> &[u8; BATCH_ROWS] {
        &self.flags
    }

    /// Where the line of each row starts in the block.
    #[inline(always)]
    pub fn line_start(&self) -> &[u32; BATCH_ROWS] {
        &self.line_start
    }

    /// Length of the line of each row without its line end.
    #[inline(always)]
    pub fn line_len(&self) -> &[u32; BATCH_ROWS] {
        &self.line_len
    }

    /// Slot in the registry of the format of each row; kept only where a condition or group table
    /// asks.
    #[inline(always)]
    pub fn format(&self) -> &[u8; BATCH_ROWS] {
        &self.format
    }

    /// Notes the format of some rows.
    #[inline(always)]
    pub fn set_format(&mut self, rows: Range<usize>, index: u8) {
        self.format[rows].fill(index);
    }

    /// Values of one of the [keys](crate::format::keys) that the job asks for.
    pub fn extra(&self, column: usize) -> &[Text; BATCH_ROWS] {
        &self.extra[column]
    }

    /// Sees to it that there are so many columns of keys.
    pub fn want_extra(&mut self, columns: usize) {
        self.extra.resize_with(columns, || Box::new([Text::NONE; BATCH_ROWS]));
    }

    /// Keeps the lifetimes of connections that are no response times.
    pub fn want_lifetimes(&mut self) {
        self.lifetime.get_or_insert_with(|| Box::new([NO_DURATION; BATCH_ROWS]));
    }

    /// The lifetime of a row's connection, in nanoseconds, or [`NO_DURATION`].
    pub fn lifetime(&self, row: usize) -> u64 {
        self.lifetime.as_ref().map_or(NO_DURATION, |lifetime| lifetime[row])
    }

    /// Those of these columns that are stored.
    #[inline(always)]
    fn stored(&self, columns: Columns) -> Columns {
        if !columns.has(Columns::ON_REQUEST) {
            return columns;
        }
        columns.without(Columns::ON_REQUEST.without(self.requested))
    }

    /// Appends a record of the line at `start` of the block; `columns` are those that its format
    /// may fill, all others must be at their defaults.
    ///
    /// # Panics
    /// If the batch is full.
    #[inline(always)]
    pub fn push(&mut self, columns: Columns, record: &Record, start: u32, len: u32) {
        debug_assert!(record.is_within(columns), "{record:?} is not within {columns:?}");
        if self.len == 0 {
            self.begin(columns);
        }
        if columns == self.narrow {
            let row = self.len;
            self.write(row, columns, record, start, len);
            self.flags[row] = flags_of(columns, record);
            self.seen = self.seen.or(self.stored(columns));
            self.len = row + 1;
        } else {
            self.store_whole(columns, record, start, len);
        }
    }

    /// Prepares for rows of these columns: all others get their defaults back.
    #[cold]
    fn begin(&mut self, columns: Columns) {
        if self.open_from.is_some() {
            // The first row is written after others.
            return;
        }
        let stored = self.stored(columns);
        self.cells.clear(self.dirty.without(stored), 0..BATCH_ROWS);
        (self.narrow, self.seen, self.dirty) = (columns, stored, stored);
    }

    /// The columns that only the other formats of this batch fill hold defaults in the rows of the
    /// first one, and their own rows write every column: so every row is right.
    ///
    /// What this writes to columns that are not the format's own must be the default itself: only
    /// the format's own are filled again before the row is used by another batch.
    #[inline(never)]
    fn store_whole(&mut self, columns: Columns, record: &Record, start: u32, len: u32) {
        let row = self.len;
        assert!(row < BATCH_ROWS);
        self.cells.write_whole(row, Columns::ALL.without(Columns::ON_REQUEST), record, start);
        if !self.requested.is_empty() {
            self.cells.write_whole(row, self.requested, record, start);
        }
        self.flags[row] = flags_of(Columns::ALL, record);
        (self.line_start[row], self.line_len[row]) = (start, len);
        let stored = self.stored(columns);
        (self.seen, self.dirty) = (self.seen.or(stored), self.dirty.or(stored));
        self.len = row + 1;
    }

    /// Writes a record to one of the rows that were [opened](Self::open); `columns` are those that
    /// its format may fill.
    ///
    /// # Panics
    /// If there is no such row.
    #[inline(always)]
    pub fn put(&mut self, row: usize, columns: Columns, record: &Record, start: u32, len: u32) {
        debug_assert!(record.is_within(columns), "{record:?} is not within {columns:?}");
        self.write(row, columns, record, start, len);
    }

    /// Writes all of a row but its flags.
    #[inline(always)]
    fn write(&mut self, row: usize, columns: Columns, record: &Record, start: u32, len: u32) {
        assert!(row < BATCH_ROWS);
        self.cells.write(row, columns.without(Columns::ON_REQUEST), record, start);
        if columns.has(Columns::ON_REQUEST) && !self.requested.is_empty() {
            self.write_requested(row, columns, record, start);
        }
        self.line_start[row] = start;
        self.line_len[row] = len;
    }

    #[cold]
    #[inline(never)]
    fn write_requested(&mut self, row: usize, columns: Columns, record: &Record, start: u32) {
        self.cells.write(row, columns.and(self.requested), record, start);
    }

    /// Opens `rows` rows after the last one, to be written by [`put`](Self::put) or through
    /// [`rows`](Self::rows) in any order by formats that all fill the columns `common`. They count
    /// once they are [closed](Self::close).
    ///
    /// # Panics
    /// If they do not fit.
    pub fn open(&mut self, rows: usize, common: Columns) {
        assert!(rows <= BATCH_ROWS - self.len);
        self.fill_others(common, rows);
        // Whatever follows writes every column, too.
        (self.narrow, self.dirty) = (Columns::ALL, self.stored(Columns::ALL));
        self.open_from = Some(self.len);
    }

    /// Takes in the rows up to `len`, all of which were written, by formats that fill `columns`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn close(&mut self, len: usize, columns: Columns) {
        let first = self.open_from.take().expect("rows are open");
        assert!(len <= BATCH_ROWS);
        self.put_flags(first..len, Columns::ALL);
        self.seen = self.seen.or(self.stored(columns));
        self.len = len;
    }

    /// Writes rows after the last one, or those that are [open](Self::open).
    #[inline(always)]
    pub(crate) fn rows(&mut self) -> RowWriter<'_> {
        RowWriter { batch: self }
    }

    #[inline(never)]
    fn fill_others(&mut self, columns: Columns, rows: usize) {
        let stored = self.stored(columns);
        let others = self.stored(Columns::ALL).without(stored);
        self.cells.clear(others, self.len..self.len + rows);
        self.dirty = self.dirty.or(stored);
    }

    /// Writes the flags of rows from these columns; all others hold defaults.
    #[inline(always)]
    fn put_flags(&mut self, rows: Range<usize>, columns: Columns) {
        let (cells, flags) = (&self.cells, &mut self.flags[rows.clone()]);
        let first = rows.start;
        crate::dispatch!(flags_of_rows::<>(cells: &DenseBuckets, first: usize, columns: Columns, flags: &mut [u8]) -> ();
            cells, first, columns, flags);
    }

    /// Writes the columns of keys of a row; the texts are ranges of its line or of the arena.
    pub fn put_extra(&mut self, row: usize, texts: &[Text]) {
        for (column, text) in self.extra.iter_mut().zip(texts) {
            column[row] = text.at(self.line_start[row]);
        }
    }

    /// Keeps the rows of the mask, in their order, and forgets the others.
    pub fn retain(&mut self, rows: &Mask) {
        let kept = rows.count();
        if kept == self.len {
            return;
        }
        self.len = kept;
        if kept == 0 {
            return;
        }
        self.cells.compact(self.seen, rows);
        compact(&mut self.flags, rows);
        compact(&mut self.line_start, rows);
        compact(&mut self.line_len, rows);
        compact(&mut self.format, rows);
        for column in &mut self.extra {
            compact(column, rows);
        }
        if let Some(lifetime) = &mut self.lifetime {
            compact(lifetime, rows);
        }
    }

    /// Checks what every row relies on, given the block that the lines are in.
    ///
    /// # Panics
    /// If a text of a row lies neither in the row's own line nor in a part of the arena that no
    /// other row uses, or if a column that counts as clean holds anything but defaults.
    #[cfg(debug_assertions)]
    pub fn check(&self, block: &[u8]) {
        let mut in_arena = Vec::new();
        for &column in Column::ALL {
            let is_clean = !self.dirty.has(Columns::of(column));
            assert!(
                !is_clean || self.cells.is_clear(column),
                "a row of {column:?} is not the default"
            );
            let Some(texts) = self.texts(column) else { continue };
            if !self.has(Columns::of(column)) {
                continue;
            }
            for (row, text) in texts[..self.len].iter().enumerate() {
                let (start, end) = text.range();
                if text.is_empty() {
                    assert!(*text == Text::NONE || start <= block.len(), "row {row}: {text:?}");
                } else if text.is_of_line() {
                    let line = self.line_start[row] as usize;
                    let line_end = line + self.line_len[row] as usize;
                    let fits = line <= start && end <= line_end && line_end <= block.len();
                    assert!(fits, "row {row} in {line}..{line_end}: {text:?}");
                } else {
                    assert!(end <= self.arena.len(), "row {row}: {text:?}");
                    in_arena.push((start, end, row));
                }
            }
        }
        in_arena.sort_unstable();
        for pair in in_arena.windows(2) {
            let ((_, end, row), (start, _, other)) = (pair[0], pair[1]);
            assert!(end <= start || row == other, "rows {row} and {other} share a text");
        }
    }

    /// Takes the response time from rows of connections that were handed over (status 101, CONNECT):
    /// it is the lifetime of a web socket or a tunnel.
    pub(crate) fn drop_lifetimes(&mut self, block: &[u8]) {
        const CONNECT: &[u8] = b"CONNECT";
        if let Some(lifetime) = &mut self.lifetime {
            lifetime.fill(NO_DURATION);
        }
        let tells = self.has(Columns::STATUS) || self.has(Columns::METHOD);
        if !self.has(Columns::DURATION) || !tells {
            return;
        }
        // Without a branch for each row: hardly any is one.
        let switched = self.cells.status[..self.len].iter();
        let switched = switched.fold(false, |any, &status| any | (status == SWITCHING_PROTOCOLS));
        let is_long = |text: &Text| text.len as usize == CONNECT.len();
        let long =
            self.cells.method[..self.len].iter().fold(false, |any, text| any | is_long(text));
        if !switched && !long {
            return;
        }
        for row in 0..self.len {
            let method = self.cells.method[row];
            if self.cells.status[row] == SWITCHING_PROTOCOLS
                || is_long(&method) && method.bytes(block, &self.arena) == CONNECT
            {
                if let Some(lifetime) = &mut self.lifetime {
                    lifetime[row] = self.cells.duration_ns[row];
                }
                self.cells.duration_ns[row] = NO_DURATION;
                self.flags[row] &= !MEASURED;
                if self.cells.status[row] == NO_STATUS {
                    self.flags[row] &= !REQUEST;
                }
            }
        }
    }

    /// Fills the protocol, where the job asks for it, of rows in whose lines it follows the path, as
    /// in `GET /cart HTTP/1.1`.
    pub(crate) fn find_protocols(&mut self, block: &[u8]) {
        const BEGIN: &[u8] = b" HTTP/";
        const BYTES_MAX: usize = 16;
        if !self.requested.has(Columns::PROTOCOL) || !self.has(Columns::PATH) {
            return;
        }
        for row in 0..self.len {
            let path = self.cells.path[row];
            if path.is_empty() || !path.is_of_line() || !self.cells.protocol[row].is_empty() {
                continue;
            }
            let end = (self.line_start[row] + self.line_len[row]) as usize;
            let start = path.range().1;
            let Some(rest) = block.get(start..end).filter(|rest| rest.starts_with(BEGIN)) else {
                continue;
            };
            let version = rest[BEGIN.len()..].iter().take(BYTES_MAX);
            let len = version.take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            let behind = rest.get(BEGIN.len() + len);
            if len > 0 && behind.is_none_or(|b| !b.is_ascii_alphanumeric()) {
                self.cells.protocol[row] = Text::of_line(start + 1, start + BEGIN.len() + len);
            }
        }
        self.seen = self.seen.or(Columns::PROTOCOL);
        self.dirty = self.dirty.or(Columns::PROTOCOL);
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.seen = Columns::NONE;
        self.len = 0;
        self.arena.clear();
    }

    /// Whether every row carries a timestamp.
    #[inline(always)]
    pub fn all_timed(&self) -> bool {
        // One vector pass: no early exit.
        self.flags[..self.len].iter().fold(TIMED, |all, f| all & f) & TIMED != 0
    }
}

/// The flags of a record that holds nothing but these columns.
#[inline(always)]
fn flags_of(columns: Columns, record: &Record) -> u8 {
    let mut flags = 0;
    if columns.has(Columns::TIME) {
        flags |= u8::from(record.time_ns != NO_TIME) * TIMED;
    }
    if columns.has(Columns::LEVEL) {
        flags |= u8::from(record.level >= Level::Error) * ERROR;
    }
    if columns.has(Columns::DURATION) {
        flags |= u8::from(record.duration_ns != NO_DURATION) * (REQUEST | MEASURED);
    }
    if columns.has(Columns::STATUS) {
        flags |= u8::from(record.status != NO_STATUS) * REQUEST;
        flags |= u8::from(record.status.wrapping_sub(500) < 100) * ERROR;
        flags |= u8::from(record.status.wrapping_sub(400) < 100) * CLIENT_ERROR;
    }
    flags
}

/// The flags of rows from `first` on that hold nothing but these columns.
#[inline(always)]
fn flags_of_rows<S: Simd>(
    _simd: S,
    cells: &DenseBuckets,
    first: usize,
    columns: Columns,
    flags: &mut [u8],
) {
    let rows = first..first + flags.len();
    if columns.has(Columns::TIME) {
        for (flags, &time) in flags.iter_mut().zip(&cells.time_ns[rows.clone()]) {
            *flags = u8::from(time != NO_TIME) * TIMED;
        }
    } else {
        flags.fill(0);
    }
    if columns.has(Columns::DURATION) {
        for (flags, &nanos) in flags.iter_mut().zip(&cells.duration_ns[rows.clone()]) {
            *flags |= u8::from(nanos != NO_DURATION) * (REQUEST | MEASURED);
        }
    }
    if columns.has(Columns::LEVEL) {
        for (flags, &level) in flags.iter_mut().zip(&cells.level[rows.clone()]) {
            *flags |= u8::from(level >= Level::Error as u8) * ERROR;
        }
    }
    if columns.has(Columns::STATUS) {
        for (flags, &status) in flags.iter_mut().zip(&cells.status[rows]) {
            *flags |= u8::from(status != NO_STATUS) * REQUEST;
            *flags |= u8::from(status.wrapping_sub(500) < 100) * ERROR;
            *flags |= u8::from(status.wrapping_sub(400) < 100) * CLIENT_ERROR;
        }
    }
}

/// Writes rows that do not count yet: those after the last one, until they are
/// [finished](Self::finish), or those that are [open](Batch::open).
pub(crate) struct RowWriter<'a> {
    batch: &'a mut Batch,
}

/// What rows consist of, but for what follows from it.
pub(crate) struct Rows<'r> {
    /// The columns.
    pub cells: &'r mut DenseBuckets,
    /// Where lines start in the block.
    pub line_start: &'r mut [u32; BATCH_ROWS],
    /// Lengths of lines.
    pub line_len: &'r mut [u32; BATCH_ROWS],
    /// Text that is not in the lines as such.
    pub arena: &'r mut Vec<u8>,
}

impl RowWriter<'_> {
    /// The first row after those that count.
    #[inline(always)]
    pub fn first(&self) -> usize {
        self.batch.len
    }

    /// What rows consist of.
    #[inline(always)]
    pub fn parts(&mut self) -> Rows<'_> {
        let Batch { cells, line_start, line_len, arena, .. } = &mut *self.batch;
        Rows { cells, line_start, line_len, arena }
    }

    /// Writes these columns of a record to a row whose line is written.
    #[inline(never)]
    pub fn put(&mut self, row: usize, columns: Columns, record: &Record) {
        let (start, columns) = (self.batch.line_start[row], self.batch.stored(columns));
        self.batch.cells.write(row, columns, record, start);
    }

    /// Gives these columns of some rows their defaults.
    #[inline(never)]
    pub fn clear(&mut self, columns: Columns, rows: Range<usize>) {
        let columns = self.batch.stored(columns);
        self.batch.cells.clear(columns, rows);
    }

    /// Takes in `rows` rows after the last one, which were written in the columns `columns` and
    /// have their lines; their flags follow from these, and all other columns get defaults.
    ///
    /// # Panics
    /// If they do not fit.
    #[inline(always)]
    pub fn finish(self, columns: Columns, rows: usize) {
        let batch = self.batch;
        assert!(rows <= BATCH_ROWS - batch.len);
        if batch.len == 0 {
            batch.begin(columns);
        } else if columns != batch.narrow {
            batch.fill_others(columns, rows);
        }
        batch.put_flags(batch.len..batch.len + rows, columns);
        batch.seen = batch.seen.or(batch.stored(columns));
        batch.len += rows;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A record with something in some of these columns, by the bits of a number.
    fn record(columns: Columns, bits: u64) -> Record {
        let text = Text::of_line((bits % 5) as usize, 5 + (bits % 3) as usize);
        let mut full = Record {
            time_ns: bits as i64 >> 1,
            second: bits as i64 >> 31,
            duration_ns: bits >> 2,
            bytes_sent: bits >> 3,
            status: 100 + (bits % 900) as u16,
            level: Level::ALL[(bits % Level::ALL.len() as u64) as usize],
            ..Record::EMPTY
        };
        full.for_each_text(|part| *part = text);
        let mut record = Record::EMPTY;
        let some = |&column: &Column| bits >> (32 + column as u32) & 1 != 0;
        columns.iter().filter(some).for_each(|column| record.take(Columns::of(column), &full));
        record
    }

    /// What a row holds, its texts relative to the line, empty ones as none.
    fn row_of(batch: &Batch, row: usize, start: u32) -> (Record, u8) {
        let mut record = Record {
            time_ns: batch.time_ns()[row],
            second: batch.second()[row],
            duration_ns: batch.duration_ns()[row],
            bytes_sent: batch.bytes_sent()[row],
            status: batch.status()[row],
            level: Level::from_u8(batch.level()[row]).unwrap(),
            ..Record::EMPTY
        };
        for &column in Column::ALL {
            if let Some(texts) = batch.texts(column)
                && !texts[row].is_empty()
            {
                let (from, to) = texts[row].range();
                let text = Text::of_line(from - start as usize, to - start as usize);
                record.set_text(column, text);
            }
        }
        (record, batch.flags()[row])
    }

    proptest! {
        /// Rows of any columns, pushed, opened or written in bulk, are those of a plain list.
        #[test]
        fn a_batch_is_a_list_of_records(
            requested in any::<bool>(),
            batches in prop::collection::vec(
                prop::collection::vec(
                    (0u8..3, any::<u32>(), prop::collection::vec(any::<u64>(), 1..9), any::<u64>()),
                    1..9,
                ),
                1..5,
            ),
        ) {
            let requested = if requested { Columns::ON_REQUEST } else { Columns::NONE };
            let mut batch = Batch::requesting(requested);
            for writes in batches {
                batch.clear();
                let mut model: Vec<(Record, u32)> = Vec::new();
                for (way, set, rows, kept) in writes {
                    let all = Columns::ALL.without(Columns::ON_REQUEST).or(requested);
                    let columns: Columns = all.iter().filter(|&c| set >> c as u32 & 1 != 0)
                        .fold(Columns::NONE, |set, c| set.or(Columns::of(c)));
                    let first = batch.len;
                    let new: Vec<(Record, u32)> = rows.iter().enumerate()
                        .map(|(i, &bits)| (record(columns, bits), 100 * (model.len() + i) as u32))
                        .collect();
                    match way {
                        0 => new.iter().for_each(|(r, start)| batch.push(columns, r, *start, 50)),
                        1 => {
                            batch.open(new.len(), columns);
                            for (i, (r, start)) in new.iter().enumerate().rev() {
                                batch.put(first + i, columns, r, *start, 50);
                            }
                            batch.close(first + new.len(), columns);
                        }
                        _ => {
                            let mut writer = batch.rows();
                            for (i, (r, start)) in new.iter().enumerate() {
                                let Rows { line_start, line_len, .. } = writer.parts();
                                (line_start[first + i], line_len[first + i]) = (*start, 50);
                                writer.put(first + i, columns, r);
                            }
                            writer.finish(columns, new.len());
                        }
                    }
                    model.extend(new);
                    if kept % 4 == 0 {
                        let mut mask = Mask::first(batch.len);
                        for row in (0..batch.len).filter(|&row| kept >> (row % 60 + 2) & 1 != 0) {
                            mask.remove(row);
                        }
                        batch.retain(&mask);
                        let mut row = 0;
                        model.retain(|_| { row += 1; kept >> ((row - 1) % 60 + 2) & 1 == 0 });
                    }
                    #[cfg(debug_assertions)]
                    batch.check(&[0; 100_000]);
                }
                prop_assert_eq!(batch.len, model.len());
                for (row, (record, start)) in model.iter().enumerate() {
                    let (found, flags) = row_of(&batch, row, *start);
                    prop_assert_eq!(&found, record, "row {}", row);
                    prop_assert_eq!(flags, flags_of(Columns::ALL, record));
                    prop_assert_eq!(batch.line_start()[row], *start);
                    for column in Column::ALL.iter().map(|&c| Columns::of(c)) {
                        prop_assert!(batch.has(column) || record.is_within(Columns::ALL.without(column)));
                    }
                }
            }
        }
    }
}
