//! Figures of one chunk whose bytes are pushed: a range of an object in a store, or bytes that
//! another process read.
//!
//! ```text
//!            first      start                    end      line's end
//! source:  …  |--lead----|---------chunk----------|---tail----|  …
//! pushed:     |-------------------------------------------....|   in order, cut anywhere
//! ```
//! The lead is the byte before the chunk, which tells whether a line begins with the chunk, or
//! more where a format looks back; the tail goes on until the last line that the chunk owns is
//! whole. The caller reads the source once, in one direction, and stops when told so.

use crate::bytes::line::first_line_start;
use crate::chunk::{Chunk, ChunkEdge};
use crate::error::Error;
use crate::panics::caught;
use crate::scan::Scanner;
use crate::spec::Spec;
use crate::summary::Summary;
use std::sync::Arc;

/// Most bytes given to the scanner at once, as in a feed.
const PIECE_BYTES: usize = 1 << 20;

/// Scans one chunk.
pub struct ChunkFeed {
    scanner: Scanner,
    chunk: Chunk,
    /// Offset of the first byte that is looked at, and of the one that comes next.
    first: u64,
    position: u64,
    /// Bytes before the chunk, as yet.
    lead: Vec<u8>,
    /// What is left to pass before the chunk's first line, once the lead is whole.
    before: Option<ChunkEdge>,
    /// What the engine's panic said that ended this feed.
    broken: Option<String>,
}

impl ChunkFeed {
    /// A feed for `chunk`, whose first byte to push is the one at
    /// [`position`](ChunkFeed::position).
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec has no such source.
    pub fn new(spec: Arc<Spec>, chunk: Chunk) -> Result<ChunkFeed, Error> {
        let position = ChunkEdge::first_byte(&spec, chunk)?;
        let scanner = Scanner::new(spec)?;
        let lead = Vec::new();
        let (first, before, broken) = (position, None, None);
        let mut feed = ChunkFeed { scanner, chunk, first, position, lead, before, broken };
        if position == chunk.start {
            feed.begin()?;
        }
        Ok(feed)
    }

    /// Does something with the scanner. A panic ends the feed.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut ChunkFeed) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let why = match self.broken.take() {
            Some(why) => why,
            None => match caught(|| work(self)) {
                Ok(done) => return done,
                Err(why) => why,
            },
        };
        self.broken = Some(why.clone());
        let Chunk { start, end, .. } = self.chunk;
        Err(Error::Panic { path: "".into(), start, end, decoded: false, why })
    }

    fn begin(&mut self) -> Result<(), Error> {
        let before = ChunkEdge::begin(&mut self.scanner, self.chunk, self.first, &self.lead)?;
        self.before = Some(before);
        self.lead = Vec::new();
        Ok(())
    }

    /// Offset of the byte to push next; before any push, of the first.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether more bytes would change nothing.
    pub fn is_full(&self) -> bool {
        let in_chunk = self.before == Some(ChunkEdge::Done);
        let line_wanted = in_chunk && self.scanner.mid_line() && !self.scanner.line_is_full();
        self.position >= self.chunk.end && !line_wanted
    }

    /// Takes the bytes that follow; those behind the chunk's last line are not looked at. Whether
    /// more are wanted.
    ///
    /// # Errors
    /// [`Error::Panic`] if the engine panicked, now or before. [`Error::Spec`] never in practice: the
    /// source was there before.
    pub fn push(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.guarded(|feed| feed.take(bytes))
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<bool, Error> {
        while !bytes.is_empty() && !self.is_full() {
            let Chunk { start, end, .. } = self.chunk;
            let most = |until: u64| bytes.len().min((until - self.position) as usize);
            let len = match &mut self.before {
                None => {
                    let len = most(start);
                    self.lead.extend_from_slice(&bytes[..len]);
                    len
                }
                Some(before) if self.position < end => {
                    let len = most(end).min(PIECE_BYTES);
                    before.push(&mut self.scanner, self.chunk, &bytes[..len])?;
                    len
                }
                Some(_) => {
                    let line = first_line_start(bytes).unwrap_or(bytes.len()).min(PIECE_BYTES);
                    self.scanner.push(&bytes[..line]);
                    line
                }
            };
            self.position += len as u64;
            bytes = &bytes[len..];
            if self.before.is_none() && self.position == start {
                self.begin()?;
            }
        }
        Ok(!self.is_full())
    }

    /// The figures; the source ended, or no more bytes were wanted.
    ///
    /// # Errors
    /// [`Error::Changed`] if bytes of the chunk itself were not pushed; [`Error::Panic`].
    pub fn finish(mut self, name: &std::path::Path) -> Result<Summary, Error> {
        if self.position < self.chunk.end {
            let why = format!("{} bytes, planned {}", self.position, self.chunk.end);
            return Err(Error::changed(name, why));
        }
        self.guarded(|feed| {
            if let Some(before) = feed.before {
                before.finish(&mut feed.scanner, feed.chunk.start);
            }
            Ok(feed.scanner.finish(feed.chunk.end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::content::Content;
    use crate::bytes::line::LINE_BYTES_MAX;
    use crate::chunk::Feed;
    use crate::summary::codec::encode;
    use crate::summary::merge_tree::MergeTree;
    use std::path::Path;

    fn text() -> Vec<u8> {
        let mut text = b"\xef\xbb\xbf".to_vec();
        for i in 0..300 {
            let line = match i % 5 {
                0 => "\n".into(),
                1 => format!("nonsense {i}\r\n"),
                _ => format!("2024-01-24 10:{:02}:32.123 INFO x took {i}ms\r\n", i % 60),
            };
            text.extend(line.into_bytes());
        }
        text.extend(b"2024-01-24 10:15:32.123 ERROR ");
        text.resize(text.len() + 2 * LINE_BYTES_MAX, b'x');
        text.extend(b"\n2024-01-24 10:15:33 INFO no end");
        text
    }

    #[test]
    fn chunks_give_the_figures_of_the_stream() {
        let text = text();
        let spec = Arc::new(Spec::plain());
        for (grid, push) in [(1_000, 7), (1_000, 70_000), (37_777, 4_096), (1 << 24, 1 << 20)] {
            let text = if grid < 2_000 { &text[..9_000] } else { &text[..] };
            let mut feed = Feed::new(spec.clone(), 0, grid).unwrap();
            feed.push(text).unwrap();
            let mut tree = MergeTree::new(&spec);
            let chunks = (text.len() as u64).div_ceil(grid);
            for i in 0..chunks {
                let end = ((i + 1) * grid).min(text.len() as u64);
                let chunk = Chunk { source: 0, start: i * grid, end };
                let mut one = ChunkFeed::new(spec.clone(), chunk).unwrap();
                let first = one.position() as usize;
                let mut wanted = true;
                for piece in text[first..].chunks(push) {
                    assert!(wanted != one.is_full());
                    if !wanted {
                        break;
                    }
                    wanted = one.push(piece).unwrap();
                }
                tree.insert(i, one.finish(Path::new("x")).unwrap()).unwrap();
            }
            let mut root = tree.finish(chunks).unwrap();
            root.identify(0, Content::of(text, text, text.len() as u64));
            let same = encode(&root) == encode(&feed.finish().unwrap());
            assert!(same, "{grid} {push}");
        }
    }

    #[test]
    fn a_panic_ends_the_feed() {
        let spec = Arc::new(Spec { panic_on: Some("bug".into()), ..Spec::plain() });
        let chunk = Chunk { source: 0, start: 10, end: 100 };
        for text in ["x".repeat(20) + "\nbug\n" + &"y".repeat(200), "bug".repeat(90)] {
            let mut feed = ChunkFeed::new(spec.clone(), chunk).unwrap();
            let mut error = None;
            for byte in text.as_bytes()[feed.position() as usize..].chunks(1) {
                error = feed.push(byte).err().or(error);
            }
            let finished = feed.finish(Path::new("x.log"));
            // Of the second text no line begins in the chunk.
            let is_hit = text.starts_with('x');
            let said = |error: Error| {
                assert!(error.to_string().contains("bytes 10 to 100: a planted bug"), "{error}");
            };
            assert_eq!(finished.is_err(), is_hit);
            finished.map_or_else(said, drop);
            error.into_iter().for_each(said);
        }
    }

    #[test]
    fn a_chunk_that_was_cut_short_is_refused() {
        let spec = Arc::new(Spec::plain());
        let chunk = Chunk { source: 0, start: 0, end: 100 };
        let mut feed = ChunkFeed::new(spec, chunk).unwrap();
        assert!(feed.push(b"2024-01-24 10:15:33 INFO x\n").unwrap());
        let error = feed.finish(Path::new("x.log")).unwrap_err();
        assert!(error.to_string().contains("27 bytes, planned 100"), "{error}");
    }
}
