//! Parsed records as columns: what every metric reads and every format writes.
//!
//! A format fills a [`Record`] on the stack; [`Batch::push`] stores only the columns that the
//! format ever fills (a constant, so the other stores compile away), as long as all rows of the
//! batch are of one format; the rows of a second one are stored whole. Columns that nobody filled
//! hold defaults, and [`Batch::has`] tells a metric that a column holds nothing else. 512 rows keep
//! the columns in use within the first-level cache.

use super::Mask;
use crate::record::Level;

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

/// Longest response time that a record may carry; longer ones are taken for garbage.
pub const DURATION_NS_MAX: u64 = i64::MAX as u64;

/// Flag of a row that carries a timestamp.
pub const TIMED: u8 = 1;
/// Flag of a row that is a request: it carries a response time or an HTTP status.
pub const REQUEST: u8 = 2;
/// Flag of a row that is an error: level ERROR or FATAL, or status 500–599.
pub const ERROR: u8 = 4;
/// Flag of a row that carries a response time.
pub const MEASURED: u8 = 8;

/// A set of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns(pub u16);

impl Columns {
    /// `time_ns` and `second`.
    pub const TIME: Columns = Columns(1);
    /// `level`.
    pub const LEVEL: Columns = Columns(2);
    /// `duration_ns`.
    pub const DURATION: Columns = Columns(4);
    /// `status`.
    pub const STATUS: Columns = Columns(8);
    /// `bytes_sent`.
    pub const BYTES: Columns = Columns(16);
    /// `message`.
    pub const MESSAGE: Columns = Columns(32);
    /// `method` and `path`.
    pub const ROUTE: Columns = Columns(64);
    /// `client`.
    pub const CLIENT: Columns = Columns(128);
    /// All.
    pub const ALL: Columns = Columns(255);

    /// The columns of this set that are not in the other.
    #[inline(always)]
    pub const fn without(self, other: Columns) -> Columns {
        Columns(self.0 & !other.0)
    }

    /// The columns in both sets.
    pub const fn and(self, other: Columns) -> Columns {
        Columns(self.0 & other.0)
    }

    /// Both sets.
    pub const fn or(self, other: Columns) -> Columns {
        Columns(self.0 | other.0)
    }

    /// Whether the two share a column.
    #[inline(always)]
    pub const fn has(self, other: Columns) -> bool {
        self.0 & other.0 != 0
    }
}

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

    /// The arena's bytes `start..end`.
    #[inline(always)]
    pub fn of_arena(start: usize, end: usize) -> Text {
        debug_assert!(start <= end && end < IN_ARENA as usize);
        Text { start: start as u32 | IN_ARENA, len: (end - start) as u32 }
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

/// What a format finds in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Nanoseconds since 1970-01-01T00:00:00Z, or [`NO_TIME`].
    pub time_ns: i64,
    /// The whole second of `time_ns`, rounded towards minus infinity; meaningless without time.
    pub second: i64,
    /// Response time in nanoseconds, at most [`DURATION_NS_MAX`], or [`NO_DURATION`].
    pub duration_ns: u64,
    /// Bytes of the response, or [`NO_BYTES`].
    pub bytes_sent: u64,
    /// HTTP status, 100–999, or [`NO_STATUS`].
    pub status: u16,
    /// Severity.
    pub level: Level,
    /// The message; needed of WARN and above only, unless the context asks for
    /// [all](crate::format::Context::all_messages).
    pub message: Text,
    /// HTTP method.
    pub method: Text,
    /// Path of the request, with its query if any.
    pub path: Text,
    /// Address or name of the client.
    pub client: Text,
}

impl Record {
    /// A record without anything.
    pub const EMPTY: Record = Record {
        time_ns: NO_TIME,
        second: 0,
        duration_ns: NO_DURATION,
        bytes_sent: NO_BYTES,
        status: NO_STATUS,
        level: Level::None,
        message: Text::NONE,
        method: Text::NONE,
        path: Text::NONE,
        client: Text::NONE,
    };

    /// Whether nothing is there but what these columns hold.
    fn is_within(&self, columns: Columns) -> bool {
        let may = |column: Columns, is_empty: bool| is_empty || columns.has(column);
        may(Columns::TIME, self.time_ns == NO_TIME && self.second == 0)
            && may(Columns::LEVEL, self.level == Level::None)
            && may(Columns::DURATION, self.duration_ns == NO_DURATION)
            && may(Columns::STATUS, self.status == NO_STATUS)
            && may(Columns::BYTES, self.bytes_sent == NO_BYTES)
            && may(Columns::MESSAGE, self.message.is_empty())
            && may(Columns::ROUTE, self.method.is_empty() && self.path.is_empty())
            && may(Columns::CLIENT, self.client.is_empty())
    }
}

/// Up to [`BATCH_ROWS`] records in the order of their lines, as columns.
///
/// Only the first `len` rows of a column mean anything. Texts are resolved by [`Batch::text`].
pub struct Batch {
    /// Rows in use.
    pub len: usize,
    /// What rows of this batch may hold.
    seen: Columns,
    /// The columns of the first row's format: rows of such formats are stored narrowly.
    narrow: Columns,
    /// Columns that hold anything but defaults anywhere, be it from an earlier batch.
    dirty: Columns,
    /// Whether rows are [open](Self::open).
    is_open: bool,
    /// Nanoseconds since 1970, or [`NO_TIME`].
    pub time_ns: [i64; BATCH_ROWS],
    /// Whole seconds of `time_ns`.
    pub second: [i64; BATCH_ROWS],
    /// Nanoseconds, or [`NO_DURATION`].
    pub duration_ns: [u64; BATCH_ROWS],
    /// Bytes, or [`NO_BYTES`].
    pub bytes_sent: [u64; BATCH_ROWS],
    /// [`TIMED`], [`REQUEST`], [`ERROR`], [`MEASURED`].
    pub flags: [u8; BATCH_ROWS],
    /// `Level as u8`.
    pub level: [u8; BATCH_ROWS],
    /// HTTP status or [`NO_STATUS`].
    pub status: [u16; BATCH_ROWS],
    /// Message.
    pub message: [Text; BATCH_ROWS],
    /// HTTP method.
    pub method: [Text; BATCH_ROWS],
    /// Path with query.
    pub path: [Text; BATCH_ROWS],
    /// Client.
    pub client: [Text; BATCH_ROWS],
    /// Where the line starts in the block.
    pub line_start: [u32; BATCH_ROWS],
    /// Length of the line without its line end.
    pub line_len: [u32; BATCH_ROWS],
    /// Text that is not in the lines as such.
    pub arena: Vec<u8>,
    /// Place of the format in the registry; kept only where a condition or group table asks.
    pub format: [u8; BATCH_ROWS],
    /// Values of the [keys](crate::format::keys) that the job asks for.
    pub extra: Vec<Box<[Text; BATCH_ROWS]>>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Box<Batch> {
        Box::new(Batch {
            len: 0,
            seen: Columns(0),
            narrow: Columns(0),
            dirty: Columns(0),
            is_open: false,
            time_ns: [NO_TIME; BATCH_ROWS],
            second: [0; BATCH_ROWS],
            duration_ns: [NO_DURATION; BATCH_ROWS],
            bytes_sent: [NO_BYTES; BATCH_ROWS],
            flags: [0; BATCH_ROWS],
            level: [0; BATCH_ROWS],
            status: [NO_STATUS; BATCH_ROWS],
            message: [Text::NONE; BATCH_ROWS],
            method: [Text::NONE; BATCH_ROWS],
            path: [Text::NONE; BATCH_ROWS],
            client: [Text::NONE; BATCH_ROWS],
            line_start: [0; BATCH_ROWS],
            line_len: [0; BATCH_ROWS],
            arena: Vec::new(),
            format: [0; BATCH_ROWS],
            extra: Vec::new(),
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
            self.store(columns, columns, record, start, len);
        } else {
            self.store_whole(columns, record, start, len);
        }
    }

    /// Prepares for rows of these columns: all others get their defaults back.
    #[cold]
    fn begin(&mut self, columns: Columns) {
        if self.is_open {
            // The first row is written after others.
            return;
        }
        let stale = self.dirty.without(columns);
        if stale.has(Columns::TIME) {
            self.time_ns.fill(NO_TIME);
        }
        if stale.has(Columns::LEVEL) {
            self.level.fill(0);
        }
        if stale.has(Columns::DURATION) {
            self.duration_ns.fill(NO_DURATION);
        }
        if stale.has(Columns::STATUS) {
            self.status.fill(NO_STATUS);
        }
        if stale.has(Columns::BYTES) {
            self.bytes_sent.fill(NO_BYTES);
        }
        if stale.has(Columns::MESSAGE) {
            self.message.fill(Text::NONE);
        }
        if stale.has(Columns::ROUTE) {
            self.method.fill(Text::NONE);
            self.path.fill(Text::NONE);
        }
        if stale.has(Columns::CLIENT) {
            self.client.fill(Text::NONE);
        }
        (self.narrow, self.seen, self.dirty) = (columns, columns, columns);
    }

    /// The columns that only the other formats of this batch fill hold defaults in the rows of the
    /// first one, and their own rows write every column: so every row is right.
    ///
    /// What this writes to columns that are not the format's own must be the default itself: only
    /// the format's own are filled again before the row is used by another batch. An empty text
    /// that was moved to its line is not the default: it would point behind a shorter block.
    #[inline(never)]
    fn store_whole(&mut self, columns: Columns, record: &Record, start: u32, len: u32) {
        let row = self.len;
        self.store(Columns::ALL, columns, record, start, len);
        for text in [
            &mut self.message[row],
            &mut self.method[row],
            &mut self.path[row],
            &mut self.client[row],
        ] {
            if text.is_empty() {
                *text = Text::NONE;
            }
        }
        self.dirty = self.dirty.or(columns);
    }

    #[inline(always)]
    fn store(&mut self, written: Columns, columns: Columns, record: &Record, start: u32, len: u32) {
        let row = self.len;
        self.write(row, written, record, start, len);
        self.seen = self.seen.or(columns);
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

    #[inline(always)]
    fn write(&mut self, row: usize, written: Columns, record: &Record, start: u32, len: u32) {
        assert!(row < BATCH_ROWS);
        let mut flags = 0;
        if written.has(Columns::TIME) {
            self.time_ns[row] = record.time_ns;
            self.second[row] = record.second;
            flags |= u8::from(record.time_ns != NO_TIME) * TIMED;
        }
        if written.has(Columns::LEVEL) {
            self.level[row] = record.level as u8;
            flags |= u8::from(record.level >= Level::Error) * ERROR;
        }
        if written.has(Columns::DURATION) {
            self.duration_ns[row] = record.duration_ns;
            flags |= u8::from(record.duration_ns != NO_DURATION) * (REQUEST | MEASURED);
        }
        if written.has(Columns::STATUS) {
            self.status[row] = record.status;
            flags |= u8::from(record.status != NO_STATUS) * REQUEST;
            flags |= u8::from(record.status.wrapping_sub(500) < 100) * ERROR;
        }
        if written.has(Columns::BYTES) {
            self.bytes_sent[row] = record.bytes_sent;
        }
        if written.has(Columns::MESSAGE) {
            self.message[row] = record.message.at(start);
        }
        if written.has(Columns::ROUTE) {
            self.method[row] = record.method.at(start);
            self.path[row] = record.path.at(start);
        }
        if written.has(Columns::CLIENT) {
            self.client[row] = record.client.at(start);
        }
        self.flags[row] = flags;
        self.line_start[row] = start;
        self.line_len[row] = len;
    }

    /// Opens `rows` rows behind the last one, to be written by [`put`](Self::put) in any order by
    /// formats that all fill the columns `common`. They count once they are [closed](Self::close).
    ///
    /// # Panics
    /// If they do not fit.
    pub fn open(&mut self, rows: usize, common: Columns) {
        assert!(rows <= BATCH_ROWS - self.len);
        self.fill_others(common, rows);
        // Whatever follows writes every column, too.
        (self.narrow, self.dirty) = (Columns::ALL, Columns::ALL);
        self.is_open = true;
    }

    /// Takes in the rows up to `len`, all of which were written, by formats that fill `columns`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn close(&mut self, len: usize, columns: Columns) {
        assert!(len <= BATCH_ROWS && self.is_open);
        self.seen = self.seen.or(columns);
        self.len = len;
        self.is_open = false;
    }

    /// Takes in `rows` rows that were written behind the last one, in the columns `columns`, flags
    /// and lines; all other columns of theirs get defaults.
    ///
    /// # Panics
    /// If they do not fit.
    #[inline]
    pub fn extend(&mut self, columns: Columns, rows: usize) {
        assert!(rows <= BATCH_ROWS - self.len);
        if self.len == 0 {
            self.begin(columns);
        } else if columns != self.narrow {
            self.fill_others(columns, rows);
        }
        self.seen = self.seen.or(columns);
        self.len += rows;
    }

    #[inline(never)]
    fn fill_others(&mut self, columns: Columns, rows: usize) {
        let rows = self.len..self.len + rows;
        let others = Columns::ALL.without(columns);
        if others.has(Columns::TIME) {
            self.time_ns[rows.clone()].fill(NO_TIME);
        }
        if others.has(Columns::LEVEL) {
            self.level[rows.clone()].fill(0);
        }
        if others.has(Columns::DURATION) {
            self.duration_ns[rows.clone()].fill(NO_DURATION);
        }
        if others.has(Columns::STATUS) {
            self.status[rows.clone()].fill(NO_STATUS);
        }
        if others.has(Columns::BYTES) {
            self.bytes_sent[rows.clone()].fill(NO_BYTES);
        }
        if others.has(Columns::MESSAGE) {
            self.message[rows.clone()].fill(Text::NONE);
        }
        if others.has(Columns::ROUTE) {
            self.method[rows.clone()].fill(Text::NONE);
            self.path[rows.clone()].fill(Text::NONE);
        }
        if others.has(Columns::CLIENT) {
            self.client[rows].fill(Text::NONE);
        }
        self.dirty = Columns(self.dirty.0 | columns.0);
    }

    /// Writes the extra columns of a row; the texts are ranges of its line or of the arena.
    pub fn put_extra(&mut self, row: usize, texts: &[Text]) {
        for (column, text) in self.extra.iter_mut().zip(texts) {
            column[row] = text.at(self.line_start[row]);
        }
    }

    /// Keeps the rows of the mask, in their order, and forgets the others.
    pub fn retain(&mut self, rows: &Mask) {
        /// Moves what is kept to the front.
        #[inline(always)]
        fn compact<T: Copy>(column: &mut [T; BATCH_ROWS], rows: &Mask) {
            rows.rows().enumerate().for_each(|(to, from)| column[to] = column[from]);
        }
        let kept = rows.count();
        if kept == self.len {
            return;
        }
        self.len = kept;
        if kept == 0 {
            return;
        }
        if self.has(Columns::TIME) {
            compact(&mut self.time_ns, rows);
            compact(&mut self.second, rows);
        }
        if self.has(Columns::LEVEL) {
            compact(&mut self.level, rows);
        }
        if self.has(Columns::DURATION) {
            compact(&mut self.duration_ns, rows);
        }
        if self.has(Columns::STATUS) {
            compact(&mut self.status, rows);
        }
        if self.has(Columns::BYTES) {
            compact(&mut self.bytes_sent, rows);
        }
        if self.has(Columns::MESSAGE) {
            compact(&mut self.message, rows);
        }
        if self.has(Columns::ROUTE) {
            compact(&mut self.method, rows);
            compact(&mut self.path, rows);
        }
        if self.has(Columns::CLIENT) {
            compact(&mut self.client, rows);
        }
        compact(&mut self.flags, rows);
        compact(&mut self.line_start, rows);
        compact(&mut self.line_len, rows);
        compact(&mut self.format, rows);
        for column in &mut self.extra {
            compact(column, rows);
        }
    }

    /// Checks what every row relies on, given the block that the lines are in.
    ///
    /// # Panics
    /// If a text of a row lies neither in the row's own line nor in a part of the arena that no
    /// other row uses, or if a column that counts as clean holds anything but defaults.
    #[cfg(debug_assertions)]
    pub fn check(&self, block: &[u8]) {
        let texts = [
            (Columns::MESSAGE, &self.message),
            (Columns::ROUTE, &self.method),
            (Columns::ROUTE, &self.path),
            (Columns::CLIENT, &self.client),
        ];
        let mut in_arena = Vec::new();
        for (column, texts) in texts {
            if !self.dirty.has(column) {
                let stale = texts.iter().position(|&text| text != Text::NONE);
                assert_eq!(
                    stale,
                    None,
                    "a row of {column:?} holds {:?}",
                    texts[stale.unwrap_or(0)]
                );
            }
            if !self.has(column) {
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
        let clean = |column: Columns, is_default: bool| {
            assert!(is_default || self.dirty.has(column), "a row of {column:?} is not the default");
        };
        clean(Columns::TIME, self.time_ns.iter().all(|&time| time == NO_TIME));
        clean(Columns::LEVEL, self.level.iter().all(|&level| level == 0));
        clean(Columns::DURATION, self.duration_ns.iter().all(|&nanos| nanos == NO_DURATION));
        clean(Columns::STATUS, self.status.iter().all(|&status| status == NO_STATUS));
        clean(Columns::BYTES, self.bytes_sent.iter().all(|&bytes| bytes == NO_BYTES));
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        self.seen = Columns(0);
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
