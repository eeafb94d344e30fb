//! What lines leave for later lines of the same source: the layout that a `#Fields:` directive
//! gave to the lines after it, and the pieces of a record that a later line completes.
//!
//! It must not know how the bytes were cut. Two rules make the figures a function of the bytes,
//! never of the split:
//! - A *layout* reaches any distance. The plan lists where layouts change ([`Layouts`]), so a chunk
//!   in the middle of a file begins with the last one listed before its first line; within a chunk
//!   each directive counts as it comes. A stream carries its layout from chunk to chunk.
//! - *Pieces* reach [`LOOK_BACK_BYTES`]: a line at offset `o` is completed only by pieces that start
//!   behind `o - LOOK_BACK_BYTES`. What started earlier is dropped, even if it was seen. So a
//!   scanner that has seen all bytes from `LOOK_BACK_BYTES` before a line knows all that may count for it, and
//!   scanning those before a chunk, without counting them, is enough (`engine::scan_chunk`).

use super::REGISTRY;
use super::slots::Slots;
use super::tails::Tail;
use crate::bytes::line::{LINE_BYTES_MAX, PAD};
use serde::{Deserialize, Serialize};
use std::any::Any;

/// How far before a line the pieces that it completes may start, and so how many bytes before a
/// chunk have to be looked at. Container runtimes cut lines every 16 KiB and write the pieces of
/// one stream one after the other, so this holds four with what other streams write between them.
pub const LOOK_BACK_BYTES: u64 = 64 << 10;

/// Different layouts of one source: programs write a handful, concatenated logs of many some more.
pub const LAYOUTS_MAX: usize = 256;

/// Changes of layout in one source. Each is some twenty bytes of the spec.
pub const LAYOUT_CHANGES_MAX: usize = 1 << 16;

/// Bytes of a `#Fields:` line that count: a few times what the longest known ones have.
pub const FIELDS_BYTES_MAX: usize = 8 << 10;

/// Where in a source the columns of its lines change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layouts {
    /// The different texts behind `#Fields:`.
    pub fields: Vec<String>,
    /// Offset of each directive whose text differs from the one before it, and the index of its
    /// text; offsets rise.
    pub changes: Vec<(u64, u32)>,
}

impl Layouts {
    /// Whether it is within bounds and makes sense.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.fields.len() > LAYOUTS_MAX || self.changes.len() > LAYOUT_CHANGES_MAX {
            return Err(format!(
                "layouts: at most {LAYOUTS_MAX} different #Fields lines and {LAYOUT_CHANGES_MAX} \
                 changes among them are kept"
            ));
        }
        if !self.changes.is_sorted_by(|a, b| a.0 < b.0)
            || self.changes.iter().any(|&(_, i)| i as usize >= self.fields.len())
        {
            return Err("layouts: changes out of order, or of no text".into());
        }
        Ok(())
    }

    /// The text that counts for a line at `offset`.
    pub fn before(&self, offset: u64) -> Option<&str> {
        let count = self.changes.partition_point(|&(at, _)| at < offset);
        let &(_, index) = self.changes.get(count.checked_sub(1)?)?;
        self.fields.get(index as usize).map(String::as_str)
    }

    /// Adds the directive at `offset`, if it changes anything.
    ///
    /// # Errors
    /// What there would be too much of.
    pub fn add(&mut self, offset: u64, fields: &[u8]) -> Result<(), String> {
        let text = String::from_utf8_lossy(fields);
        let last = self.changes.last().map(|&(_, i)| self.fields[i as usize].as_str());
        if last == Some(text.as_ref()) {
            return Ok(());
        }
        let known = self.fields.iter().position(|known| *known == text);
        let index = known.unwrap_or(self.fields.len());
        if known.is_none() {
            self.fields.push(text.into_owned());
        }
        self.changes.push((offset, index as u32));
        if self.fields.len() > LAYOUTS_MAX || self.changes.len() > LAYOUT_CHANGES_MAX {
            return Err(format!(
                "its columns change too often: logan follows up to {LAYOUT_CHANGES_MAX} changes \
                 among {LAYOUTS_MAX} different #Fields lines; analyze parts of it"
            ));
        }
        Ok(())
    }
}

/// How the line begins that says the columns of those after it, as [one format](super::Facts::layout_header)
/// has it.
pub const LAYOUT_HEADER: &[u8] = {
    let mut i = 0;
    loop {
        if let Some(header) = REGISTRY[i].facts.layout_header {
            break header;
        }
        i += 1;
    }
};

/// The text behind a [layout header](LAYOUT_HEADER) that counts, if the line is one.
pub fn fields_of(line: &[u8]) -> Option<&[u8]> {
    let text = line.strip_prefix(LAYOUT_HEADER)?;
    Some(text[..text.len().min(FIELDS_BYTES_MAX)].trim_ascii())
}

/// What the lines before the one at hand left.
#[derive(Default)]
pub struct ParserState {
    /// What the last header said of columns; empty if there was none.
    layout: Vec<u8>,
    /// What formats keep.
    pub(super) kept: Slots,
    /// What a line goes on with.
    pub tail: Tail,
}

impl ParserState {
    /// Forgets everything, and takes the layout of a line at `offset` from the plan's list.
    pub fn restart(&mut self, layouts: Option<&Layouts>, offset: u64) {
        self.set_layout(layouts.and_then(|l| l.before(offset)).unwrap_or_default().as_bytes());
        self.kept.clear();
        self.tail.clear();
    }

    /// Takes in the text behind a header; nothing in it is no layout.
    pub fn set_layout(&mut self, fields: &[u8]) {
        self.layout.clear();
        self.layout.extend_from_slice(fields);
    }

    /// The text of the layout, if there is one, and what a format keeps beside it.
    pub(super) fn layout<T: Any + Default + Send>(&mut self) -> Option<(&[u8], &mut T)> {
        (!self.layout.is_empty()).then(|| (&*self.layout, self.kept.get()))
    }
}

/// Whether what started at `start` may still count for a line at `offset`.
#[inline(always)]
pub(crate) fn reaches(start: u64, offset: u64) -> bool {
    start + LOOK_BACK_BYTES > offset
}

/// Lines that follow one another and belong to the one that began them.
#[derive(Default)]
pub(super) struct Chain {
    /// Where the first line starts; None if there is none.
    first: Option<u64>,
    /// Where the last one ends, without its line end.
    end: u64,
}

impl Chain {
    /// Begins with the line of so many bytes at `offset`, whatever was before.
    pub(super) fn begin(&mut self, offset: u64, len: usize) {
        *self = Chain { first: Some(offset), end: offset + len as u64 };
    }

    /// Whether a line at `offset` belongs to the first one, if so many bytes may stand between it and
    /// the line before.
    pub(super) fn goes_on(&self, offset: u64, gap_max: u64) -> bool {
        self.first.is_some_and(|first| reaches(first, offset)) && offset <= self.end + gap_max
    }

    /// Adds the line of so many bytes at `offset`, which [goes on](Self::goes_on) with it.
    pub(super) fn extend(&mut self, offset: u64, len: usize) {
        self.end = offset + len as u64;
    }
}

/// The pieces of one stream that no line has completed yet.
///
/// All but the last start less than [`LOOK_BACK_BYTES`] before it and so end there: together they
/// hold at most that much and one line.
#[derive(Default)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    /// Offset in the source of each piece's line, and where in `bytes` the piece begins.
    starts: Vec<(u64, u32)>,
}

impl Pieces {
    /// Whether none was seen since the last line that completed a record.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
    }

    /// Keeps a piece of the line at `offset`.
    pub(crate) fn add(&mut self, offset: u64, piece: &[u8]) {
        self.expire(offset);
        self.starts.push((offset, self.bytes.len() as u32));
        self.bytes.extend_from_slice(piece);
    }

    /// Drops what does not reach `offset`.
    pub(crate) fn expire(&mut self, offset: u64) {
        let gone = self.starts.partition_point(|&(start, _)| !reaches(start, offset));
        if gone == 0 {
            return;
        }
        let from = self.starts.get(gone).map_or(self.bytes.len(), |&(_, at)| at as usize);
        self.bytes.drain(..from);
        self.starts.drain(..gone);
        for (_, at) in &mut self.starts {
            *at -= from as u32;
        }
    }

    /// Writes the pieces and the `last` one, padded, to `out`, of all together what counts of a
    /// line, and forgets them.
    pub(crate) fn join(&mut self, last: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.resize(PAD, 0);
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(last);
        out.truncate(PAD + LINE_BYTES_MAX);
        out.resize(out.len() + PAD, 0);
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_by_offset() {
        let mut layouts = Layouts::default();
        for (offset, fields) in [(10, "a"), (20, "a"), (30, "b"), (40, "a")] {
            layouts.add(offset, fields.as_bytes()).unwrap();
        }
        assert_eq!(layouts.changes, [(10, 0), (30, 1), (40, 0)]);
        layouts.check().unwrap();
        for (offset, fields) in [(10, None), (11, Some("a")), (31, Some("b")), (99, Some("a"))] {
            assert_eq!(layouts.before(offset), fields);
        }
        let full = (0..=LAYOUTS_MAX)
            .try_for_each(|i| layouts.add(1_000 + i as u64, i.to_string().as_bytes()));
        assert!(full.unwrap_err().contains("#Fields"));
        assert!(layouts.check().is_err());
    }

    #[test]
    fn pieces_reach_so_far() {
        let mut pieces = Pieces::default();
        let mut out = Vec::new();
        pieces.add(0, b"a");
        pieces.add(1, b"b");
        pieces.expire(LOOK_BACK_BYTES);
        pieces.join(b"c", &mut out);
        assert_eq!(&out[PAD..out.len() - PAD], b"bc");
        assert!(pieces.is_empty());
    }
}
