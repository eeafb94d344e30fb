//! Where a chunk's first line starts, and how its last one ends.

use crate::bytes::input::Source;
use crate::bytes::line::first_line_start;
use crate::error::Error;
use crate::scan::Scanner;
use crate::spec::Spec;

/// Bytes read at a time beyond a chunk's end, to finish its last line.
const TAIL_BYTES: usize = 64 << 10;

/// Consecutive bytes of one source: it owns the lines that start in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the source.
    pub source: u32,
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// What stands between a chunk's start and its first line: the end of a line that is not its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkEdge {
    /// Nothing; the scanner is in the chunk.
    Done,
    /// The end of a line that does not matter, up to this offset as yet.
    Skipped(u64),
    /// The end of a line, which the scanner has begun: later ones may depend on it.
    LookedBack,
}

impl ChunkEdge {
    /// The first byte to look at for a chunk: the one before it, which tells whether a line begins
    /// with it, or as far back as its lines may depend on.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub(crate) fn first_byte(spec: &Spec, chunk: Chunk) -> Result<u64, Error> {
        Ok(chunk.start.saturating_sub(spec.look_back_bytes(chunk.source)?.max(1)))
    }

    pub(crate) fn read(
        scanner: &mut Scanner,
        source: &Source,
        chunk: Chunk,
    ) -> Result<ChunkEdge, Error> {
        let from = ChunkEdge::first_byte(scanner.spec(), chunk)?;
        let mut bytes = vec![0; (chunk.start - from) as usize];
        let filled = source.read_at(from, &mut bytes)?;
        ChunkEdge::begin(scanner, chunk, from, &bytes[..filled])
    }

    /// Begins a chunk behind `bytes`, which were read from its first byte to look at on.
    ///
    /// They are scanned like others and what they counted is dropped, so what they leave to the
    /// chunk's lines is what it would be in one pass.
    pub(crate) fn begin(
        scanner: &mut Scanner,
        chunk: Chunk,
        from: u64,
        bytes: &[u8],
    ) -> Result<ChunkEdge, Error> {
        let Chunk { source, start, .. } = chunk;
        // A line starts behind the first newline, or where the source does.
        let first = if from == 0 { Some(0) } else { first_line_start(bytes) };
        let Some(first) = first.filter(|_| bytes.len() as u64 == start - from) else {
            scanner.begin(source, start, start)?;
            return Ok(ChunkEdge::Skipped(start));
        };
        scanner.begin(source, from, from + first as u64)?;
        scanner.push(&bytes[first..]);
        let mut before = ChunkEdge::LookedBack;
        if !scanner.mid_line() {
            before.end(scanner, chunk, start)?;
        }
        Ok(before)
    }

    /// Pushes bytes of the chunk.
    pub(crate) fn push(
        &mut self,
        scanner: &mut Scanner,
        chunk: Chunk,
        block: &[u8],
    ) -> Result<(), Error> {
        let mut from = 0;
        if *self != ChunkEdge::Done {
            let line = first_line_start(block);
            from = line.unwrap_or(block.len());
            let offset = match self {
                ChunkEdge::Skipped(offset) => {
                    *offset += from as u64;
                    *offset
                }
                _ => {
                    scanner.push(&block[..from]);
                    scanner.position()
                }
            };
            if line.is_some() {
                self.end(scanner, chunk, offset)?;
            }
        }
        if *self == ChunkEdge::Done {
            scanner.push(&block[from..]);
        }
        Ok(())
    }

    /// Ends it where the chunk's first line starts.
    fn end(&mut self, scanner: &mut Scanner, chunk: Chunk, first_line: u64) -> Result<(), Error> {
        if *self == ChunkEdge::LookedBack {
            scanner.finish_look_back(first_line);
            scanner.go_on(chunk.start);
        } else {
            scanner.begin(chunk.source, chunk.start, first_line)?;
        }
        *self = ChunkEdge::Done;
        Ok(())
    }

    /// The chunk has ended: where it lies inside of one line, what was looked at is not its own.
    pub(crate) fn finish(self, scanner: &mut Scanner, start: u64) {
        if self == ChunkEdge::LookedBack {
            scanner.finish_look_back(start);
            scanner.go_on(start);
        }
    }
}

/// Reads on behind the chunk until its last line ends, or has all that counts of it.
pub(crate) fn finish_line(
    scanner: &mut Scanner,
    source: &Source,
    size: u64,
    end: u64,
) -> Result<(), Error> {
    let mut buffer = Vec::new();
    let mut offset = end;
    while scanner.mid_line() && !scanner.line_is_full() && offset < size {
        buffer.resize(TAIL_BYTES.min((size - offset) as usize), 0);
        let filled = source.read_at(offset, &mut buffer)?;
        if filled == 0 {
            return Err(Error::Changed {
                path: source.path().into(),
                why: format!("{offset} bytes, planned {size}"),
            });
        }
        let line_end = first_line_start(&buffer[..filled]).unwrap_or(filled);
        scanner.push(&buffer[..line_end]);
        offset += line_end as u64;
    }
    Ok(())
}
