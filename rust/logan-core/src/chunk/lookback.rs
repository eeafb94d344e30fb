//! What the chunks of a decoded source need of the bytes before them: the columns that the last
//! `#Fields:` line said, and the lines that those of the chunk may complete.
//!
//! It sees the bytes once, in order, and keeps as much of them as lines look back; only sources
//! whose spec says so have one. The rules are those of [`history`](crate::format::state).

use crate::bytes::line::first_line_start;
use crate::error::Error;
use crate::format::state::{FIELDS_BYTES_MAX, LAYOUT_HEADER, fields_of};
use crate::scan::Scanner;
use crate::spec::Spec;
use std::collections::VecDeque;
use std::sync::Arc;

const MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of a line that are kept until its end comes: those that count of a `#Fields:` line, with
/// the mark that may stand before the first.
const LINE_BYTES_KEPT: usize = MARK.len() + LAYOUT_HEADER.len() + FIELDS_BYTES_MAX;

/// What was seen of a source.
pub(crate) struct LookbackBuffer {
    look_back: usize,
    /// The last bytes: at least as many as lines look back, if there were so many.
    tail: VecDeque<u8>,
    position: u64,
    /// None where `#Fields:` mean nothing.
    columns: Option<Columns>,
}

/// Where the columns changed, as far back as the tail reaches and once before.
struct Columns {
    finder: memchr::memmem::Finder<'static>,
    changes: VecDeque<(u64, Arc<[u8]>)>,
    /// The beginning of the line whose end has not come, and where it starts.
    line: Vec<u8>,
    line_start: u64,
}

/// What one chunk needs.
pub(crate) struct Lookback {
    /// The first line of `bytes`, which end where the chunk's first line starts.
    from: u64,
    bytes: Vec<u8>,
    columns: Option<Arc<[u8]>>,
}

impl LookbackBuffer {
    /// For a source; None if its lines need nothing of those before them.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub(crate) fn new(spec: &Spec, source: u32) -> Result<Option<LookbackBuffer>, Error> {
        let look_back = spec.look_back_bytes(source)? as usize;
        let columns = spec.reading(source)?.layouts.is_some().then(|| Columns {
            finder: memchr::memmem::Finder::new(LAYOUT_HEADER),
            changes: VecDeque::new(),
            line: Vec::new(),
            line_start: 0,
        });
        if look_back == 0 && columns.is_none() {
            return Ok(None);
        }
        Ok(Some(LookbackBuffer { look_back, tail: VecDeque::new(), position: 0, columns }))
    }

    /// Takes the bytes that follow.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(self.look_back);
        let excess = (self.tail.len() + kept).saturating_sub(self.look_back);
        self.tail.drain(..excess);
        self.tail.extend(&bytes[bytes.len() - kept..]);
        if let Some(columns) = &mut self.columns {
            columns.add(bytes, self.position);
            columns.forget_before(self.position.saturating_sub(self.look_back as u64));
        }
        self.position += bytes.len() as u64;
    }

    /// What the chunk needs whose first line starts here.
    pub(crate) fn lead(&self) -> Lookback {
        let mut bytes: Vec<u8> = self.tail.iter().copied().collect();
        let mut from = self.position - bytes.len() as u64;
        if from > 0 {
            let first = first_line_start(&bytes).unwrap_or(bytes.len());
            bytes.drain(..first);
            from += first as u64;
        }
        let columns = self.columns.as_ref().and_then(|columns| columns.before(from));
        Lookback { from, bytes, columns }
    }
}

impl Columns {
    fn add(&mut self, bytes: &[u8], offset: u64) {
        let mut at = 0;
        if self.line_start < offset {
            let end = memchr::memchr(b'\n', bytes);
            self.keep(&bytes[..end.unwrap_or(bytes.len())]);
            let Some(end) = end else { return };
            self.end_line();
            at = end + 1;
        }
        // The first line of a source may begin with a mark: it takes the way of cut lines.
        let whole = memchr::memrchr(b'\n', &bytes[at..]).map_or(at, |n| at + n + 1);
        if at == 0 && offset == 0 && whole > 0 {
            at = memchr::memchr(b'\n', bytes).unwrap_or(0);
            self.keep(&bytes[..at]);
            self.end_line();
            at += 1;
        }
        let lines = &bytes[..whole];
        let mut searched = at;
        while let Some(found) = self.finder.find(&lines[searched..]) {
            let found = searched + found;
            let end = memchr::memchr(b'\n', &lines[found..]).map_or(whole, |n| found + n);
            if found == at || lines[found - 1] == b'\n' {
                self.change(offset + found as u64, &lines[found..end]);
            }
            searched = end;
        }
        self.line_start = offset + whole as u64;
        self.keep(&bytes[whole..]);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_KEPT - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let marked = self.line_start == 0 && line.starts_with(MARK);
        self.change(self.line_start, &line[if marked { MARK.len() } else { 0 }..]);
        line.clear();
        self.line = line;
    }

    fn change(&mut self, at: u64, line: &[u8]) {
        if let Some(fields) = fields_of(line) {
            self.changes.push_back((at, fields.into()));
        }
    }

    /// Drops what counts for no line from `offset` on.
    fn forget_before(&mut self, offset: u64) {
        while self.changes.get(1).is_some_and(|&(at, _)| at < offset) {
            self.changes.pop_front();
        }
    }

    /// What counts for a line at `offset`.
    fn before(&self, offset: u64) -> Option<Arc<[u8]>> {
        let count = self.changes.partition_point(|&(at, _)| at < offset);
        Some(self.changes.get(count.checked_sub(1)?)?.1.clone())
    }
}

impl Lookback {
    /// Begins the chunk, with the scanner behind these bytes.
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec has no such source.
    pub(crate) fn begin(
        &self,
        scanner: &mut Scanner,
        source: u32,
        start: u64,
    ) -> Result<(), Error> {
        scanner.begin(source, self.from, self.from)?;
        scanner.set_columns(self.columns.as_deref().unwrap_or_default());
        scanner.push(&self.bytes);
        scanner.finish_look_back(scanner.position());
        scanner.go_on(start);
        Ok(())
    }
}
