//! Where records go that are handed out, not counted.
//!
//! A spec may hold a [`RecordOutput`]; each scanner of it then has a [`RecordSink`] of its own and
//! gives it, chunk by chunk, what it would have counted. Nothing here knows what becomes of it.

use super::{Batch, Block, Field};
use std::fmt;
use std::sync::Arc;

/// Where the records of a job go, and what of them is wanted.
pub trait RecordOutput: Send + Sync {
    /// A sink for one scanner. `places` says for each of the [fields](Self::fields) which of a
    /// batch's columns of keys it is, if it is one.
    fn sink(&self, places: &[Option<usize>]) -> Box<dyn RecordSink>;

    /// The fields that are wanted, beyond those that every parser looks for.
    fn fields(&self) -> &[Field];

    /// Whether lines that are not records are wanted, and which: malformed, continuation.
    fn other_lines(&self) -> (bool, bool);

    /// Whether the numbers of lines are wanted.
    fn line_numbers(&self) -> bool;

    /// A chunk of the source will give nothing.
    fn lost(&self, source: u32, start: u64);
}

/// What a line is that is not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherLine {
    /// No format accepts it, for this reason.
    Malformed(&'static str),
    /// It continues a record.
    Continuation,
}

/// How many lines of a chunk are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Records that were selected.
    pub parsed: u64,
    /// Lines that no format accepts.
    pub malformed: u64,
    /// Lines without anything but white space.
    pub blank: u64,
    /// Lines that continue a record.
    pub continuation: u64,
    /// Directives such as `#Fields`.
    pub header: u64,
    /// Records that were not selected.
    pub filtered: u64,
}

impl LineCounts {
    /// All lines.
    pub fn total(&self) -> u64 {
        let LineCounts { parsed, malformed, blank, continuation, header, filtered } = self;
        parsed + malformed + blank + continuation + header + filtered
    }

    /// Adds those of another chunk.
    pub fn add(&mut self, other: &LineCounts) {
        self.parsed += other.parsed;
        self.malformed += other.malformed;
        self.blank += other.blank;
        self.continuation += other.continuation;
        self.header += other.header;
        self.filtered += other.filtered;
    }
}

/// Takes the records of one scanner, chunk by chunk.
pub trait RecordSink: Send {
    /// A chunk of the source begins; what an unfinished one before it gave is dropped.
    fn begin(&mut self, source: u32, start: u64);

    /// The lines that come next: the first starts at `start`, in offsets of the block, and they end
    /// at `ends`. Only where line numbers are wanted.
    fn lines(&mut self, start: usize, ends: &[u32], block_offset: i64);

    /// A line that is not a record, at `offset` in the source, whole but for its newline. In the
    /// order of lines among each other; the records between them may come later.
    fn other(&mut self, offset: u64, line: &[u8], what: OtherLine);

    /// Records before any are filtered out, in the order of lines. Only where continuation lines
    /// are wanted.
    fn found(&mut self, batch: &Batch, block: Block<'_>);

    /// Records that were selected, in the order of lines.
    fn batch(&mut self, batch: &Batch, block: Block<'_>);

    /// The chunk's end: all of it was given. May wait until there is room for more.
    fn finish(&mut self, lines: LineCounts);
}

/// The output of a spec, if it has one. Not part of what the spec says.
#[derive(Clone, Default)]
pub struct Output(pub Option<Arc<dyn RecordOutput>>);

impl PartialEq for Output {
    fn eq(&self, _: &Output) -> bool {
        true
    }
}

impl Eq for Output {}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Output(records)" } else { "Output(metrics)" })
    }
}
