//! Lines of a block, for formats to parse: those that follow one another, and those that stand
//! among lines of other formats.

use super::Context;
use crate::bytes::line::{LINE_BYTES_MAX, Line};
use crate::record::{Batch, Columns, Record};

/// A stretch of lines of one block, being parsed into a batch.
pub struct Run<'a> {
    /// The block: [`PAD`](crate::bytes::line::PAD) bytes are readable around each of its lines.
    pub block: &'a [u8],
    /// Where in the block each line's newline is.
    pub ends: &'a [u32],
    /// The line to parse next, as an index into `ends`.
    pub next: usize,
    /// Where in the block that line starts.
    pub start: u32,
    /// Offset in the source of the block's first byte.
    pub offset: i64,
    /// Lines passed that are parts of records and no records themselves.
    pub continuations: usize,
    /// Where the records go.
    pub batch: &'a mut Batch,
    /// Caches.
    pub context: &'a mut Context,
}

impl<'a> Run<'a> {
    /// The lines from `ends[next]` on, which starts at `start`, of a block at a source's front.
    pub fn new(
        block: &'a [u8],
        ends: &'a [u32],
        (next, start): (usize, u32),
        batch: &'a mut Batch,
        context: &'a mut Context,
    ) -> Run<'a> {
        Run { block, ends, next, start, offset: 0, continuations: 0, batch, context }
    }

    /// The line at hand without its line end (of an overlong line the prefix that counts), and
    /// the position of its newline.
    #[inline(always)]
    pub fn line(&self) -> (Line<'a>, u32) {
        let end = self.ends[self.next];
        (line_of(self.block, self.start, end), end)
    }

    /// Makes the next line a record, which is the batch's next row, and goes on behind it.
    pub(crate) fn push(&mut self, columns: Columns, record: &Record) {
        let (line, end) = self.line();
        self.batch.push(columns, record, self.start, line.len() as u32);
        self.advance(end);
    }

    /// Goes on to the line after the newline at `end`.
    #[inline(always)]
    pub fn advance(&mut self, end: u32) {
        self.start = end + 1;
        self.next += 1;
    }
}

/// A line among others of other formats, and the row of the batch that is its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineRef {
    /// Where in the block the line starts.
    pub start: u32,
    /// Where its newline is.
    pub end: u32,
    /// Its row.
    pub row: u32,
}

/// Lines of one block with others between them, none of them blank or a header.
pub struct LineSubset<'a> {
    /// The block: [`PAD`](crate::bytes::line::PAD) bytes are readable around each of its lines.
    pub block: &'a [u8],
    /// The lines.
    pub lines: &'a [LineRef],
    /// Whether there may be a byte ESC in any of them.
    pub escapes: bool,
    /// Where the records go: into rows that were [opened](Batch::open).
    pub batch: &'a mut Batch,
    /// Caches.
    pub context: &'a mut Context,
    /// Takes the lines that are not of the format.
    pub refused: &'a mut Vec<LineRef>,
}

/// Lines that a format parses together.
pub(crate) const LINE_REFS_MAX: usize = 128;

/// Up to [`LINE_REFS_MAX`] lines.
pub(crate) struct LineRefs {
    spots: [LineRef; LINE_REFS_MAX],
    len: usize,
}

impl Default for LineRefs {
    fn default() -> Self {
        LineRefs { spots: [LineRef { start: 0, end: 0, row: 0 }; LINE_REFS_MAX], len: 0 }
    }
}

impl LineRefs {
    /// Adds one, without a branch; what does not fit is dropped.
    #[inline(always)]
    pub(crate) fn push_if(&mut self, spot: LineRef, wanted: bool) {
        if let Some(place) = self.spots.get_mut(self.len) {
            *place = spot;
            self.len += usize::from(wanted);
        }
    }

    pub(crate) fn all(&self) -> &[LineRef] {
        &self.spots[..self.len]
    }
}

#[inline(always)]
pub(crate) fn line_of(block: &[u8], start: u32, end: u32) -> Line<'_> {
    let (start, mut end) = (start as usize, end as usize);
    // The byte before an empty line is that line's predecessor's newline.
    if block[end - 1] == b'\r' && end > start {
        end -= 1;
    }
    Line::new(block, start, end.min(start + LINE_BYTES_MAX))
}
