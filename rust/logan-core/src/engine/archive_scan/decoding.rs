//! The decoder's thread: stored bytes are decoded into buffers, whose lines are cut into chunks.

use super::{Archive, Buffer, EXPANSION_FREE_BYTES, Facts, Job, Piece, Request, run};
use crate::archive::{Container, DICTIONARY_BYTES_MAX, Decoder, Fault, Stored};
use crate::bytes::content::{Content, ContentTap};
use crate::bytes::line::first_line_start;
use crate::chunk::LookbackBuffer;
use crate::engine::{Control, DecoderPool};
use crate::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Duration;

/// Decoded bytes of a buffer: it stays in the second-level cache until it was scanned. Smaller
/// where chunks are.
const BUFFER_BYTES: usize = 256 << 10;

/// Least bytes of a buffer.
const BUFFER_BYTES_MIN: usize = 4 << 10;

/// Most decoded bytes that wait for being scanned, over all archives: room for two chunks of the
/// usual grid, so that a decoder that is faster than one scanner keeps two busy.
const BUFFERED_BYTES_MAX: usize = 40 << 20;

/// Least buffers of an archive, however many are read at once.
const BUFFERS_MIN: usize = 8;

/// How long a decoder waits for a buffer before it checks whether any thread still scans.
const WAIT: Duration = Duration::from_millis(50);

/// What a decoder thread leaves in the end.
pub(super) struct Decoded {
    pub(super) facts: Facts,
    /// What tells what it decodes to from other logs; None if the decoder panicked.
    pub(super) content: Option<Content>,
    pub(super) chunks: u64,
    pub(super) fault: Option<Error>,
}

/// Decodes everything into the cutter.
pub(super) fn decode_all<R: Stored>(
    mut cutter: Cutter<'_>,
    mut decoder: Decoder<R>,
    path: &Path,
    request: Request,
    control: &Control,
) -> Decoded {
    let len = usize::try_from(request.grid_bytes).unwrap_or(usize::MAX);
    let len = len.clamp(BUFFER_BYTES_MIN, BUFFER_BYTES);
    let buffers = (BUFFERED_BYTES_MAX / BUFFER_BYTES / cutter.pool.at_once()).max(BUFFERS_MIN);
    let (recycle, free) = mpsc::channel();
    let mut made = 0;
    let mut decoded = 0;
    let mut tap = ContentTap::default();
    let fault = loop {
        let Some(mut bytes) = buffer(&free, &mut made, buffers, len, &cutter.archive) else {
            break Some(Error::Cancelled);
        };
        let abandoned = cutter.archive.abandoned.load(Ordering::Acquire);
        if abandoned || control.cancel.load(Ordering::Relaxed) {
            break Some(Error::Cancelled);
        }
        let before = decoder.position();
        let (filled, result) = decoder.read(&mut bytes);
        control.bytes.fetch_add(decoder.position() - before, Ordering::Relaxed);
        decoded += filled as u64;
        // Of what ends in the middle only whole lines are covered.
        let lines = memchr::memrchr(b'\n', &bytes[..filled]).map_or(0, |last| last + 1);
        if lines > 0 {
            tap.push(&bytes[..lines]);
            tap.settle();
        }
        tap.push(&bytes[lines..filled]);
        cutter.cut(&Arc::new(Buffer { bytes, recycle: recycle.clone() }), filled);
        if let Err(fault) = result {
            break Some(fault_error(path, request.packing, fault, decoder.position(), decoded));
        }
        if decoder.ended() {
            break None;
        }
        let allowed = decoder.position().saturating_mul(request.expansion_max);
        if request.expansion_max > 0 && decoder.produced() > allowed.max(EXPANSION_FREE_BYTES) {
            break Some(bomb(path, request.expansion_max, decoder.position(), decoded));
        }
    };
    let facts = Facts {
        decoded,
        members: decoder.members(),
        foreign_at: decoder.foreign_at(),
        contents: decoder.contents().cloned(),
    };
    if fault.is_none() {
        tap.settle();
    }
    let content = Some(tap.content());
    Decoded { facts, content, chunks: cutter.finish(fault.is_none()), fault }
}

/// A buffer to fill: one that came back, a new one while there may be more, or the next to come
/// back. None if no thread scans any more.
fn buffer(
    free: &Receiver<Vec<u8>>,
    made: &mut usize,
    most: usize,
    len: usize,
    archive: &Archive,
) -> Option<Vec<u8>> {
    match free.try_recv() {
        Ok(bytes) => return Some(bytes),
        Err(TryRecvError::Empty) if *made < most => {
            *made += 1;
            return Some(vec![0; len]);
        }
        Err(_) => {}
    }
    loop {
        match free.recv_timeout(WAIT) {
            Ok(bytes) => return Some(bytes),
            Err(RecvTimeoutError::Timeout) if !archive.abandoned.load(Ordering::Acquire) => {}
            Err(_) => return None,
        }
    }
}

fn fault_error(
    path: &Path,
    packing: Container,
    fault: Fault,
    position: u64,
    decoded: u64,
) -> Error {
    let name = packing.name();
    let (what, advice) = match fault {
        Fault::Stored(error) => return error,
        Fault::Truncated => (
            format!("the {name} data ends in the middle, after {position} bytes"),
            "fetch or copy it again",
        ),
        Fault::Corrupt(why) => (
            format!("the {name} data is damaged near byte {position} ({why})"),
            "fetch or copy it again",
        ),
        Fault::Memory => (
            format!(
                "the {name} data at byte {position} needs more than {} MiB of memory to decode",
                DICTIONARY_BYTES_MAX >> 20
            ),
            "compress it again with a smaller window, or pipe its decoded bytes into logan",
        ),
    };
    Error::Archive { path: path.into(), what, decoded, advice }
}

fn bomb(path: &Path, expansion_max: u64, position: u64, decoded: u64) -> Error {
    Error::Archive {
        path: path.into(),
        what: format!(
            "{position} stored bytes gave more than {expansion_max} times as many, \
             so reading stopped"
        ),
        decoded,
        advice: "raise --max-expansion if the file is trusted",
    }
}

/// Cuts decoded bytes into chunks, on the grid, as a [`Feed`](crate::chunk::Feed) does.
pub(super) struct Cutter<'a> {
    pool: &'a DecoderPool,
    archive: Arc<Archive>,
    grid_bytes: u64,
    /// Chunks that were ended.
    chunks: u64,
    /// Decoded bytes handed out.
    position: u64,
    /// Where the line starts whose end has not come.
    line: u64,
    /// What later chunks may need of what was handed out; None if their lines need nothing.
    past: Option<LookbackBuffer>,
    /// To the chunk at hand, once it has bytes.
    pieces: Option<Sender<Piece>>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(
        pool: &'a DecoderPool,
        archive: Arc<Archive>,
        grid_bytes: u64,
        past: Option<LookbackBuffer>,
    ) -> Cutter<'a> {
        let grid_bytes = grid_bytes.max(1);
        let (chunks, position, line, pieces) = (0, 0, 0, None);
        Cutter { pool, archive, grid_bytes, chunks, position, line, past, pieces }
    }

    /// Where the chunk at hand ends.
    fn end(&self) -> u64 {
        (self.chunks + 1).saturating_mul(self.grid_bytes)
    }

    /// Hands out the first `len` bytes of a buffer.
    fn cut(&mut self, buffer: &Arc<Buffer>, len: usize) {
        let mut at = 0;
        while at < len {
            let bytes = &buffer.bytes[at..len];
            let count = match self.end().checked_sub(self.position) {
                Some(left) if left > 0 => left.min(bytes.len() as u64) as usize,
                // The chunk's last line goes on behind the chunk's end.
                _ => first_line_start(bytes).unwrap_or(bytes.len()),
            };
            if let Some(newline) = memchr::memrchr(b'\n', &bytes[..count]) {
                self.line = self.position + newline as u64 + 1;
            }
            self.send(Piece::Bytes(buffer.clone(), at..at + count));
            if let Some(past) = &mut self.past {
                past.add(&bytes[..count]);
            }
            self.position += count as u64;
            at += count;
            while self.position >= self.end() && self.line == self.position {
                self.end_chunk(self.end(), true);
            }
        }
    }

    /// Sends a piece to the chunk at hand, which begins with its first.
    fn send(&mut self, piece: Piece) {
        if self.pieces.is_none() {
            let (sender, pieces) = mpsc::channel();
            self.pieces = Some(sender);
            self.archive.open.fetch_add(1, Ordering::AcqRel);
            let job = Job {
                archive: self.archive.clone(),
                index: self.chunks,
                start: self.chunks * self.grid_bytes,
                first_line: self.position,
                lookback: self.past.as_ref().map(LookbackBuffer::lead),
                pieces,
            };
            self.pool.push(self.archive.id(), Box::new(|scanner| run(scanner, job)));
        }
        // Refused when the scanner is gone: then the rest is not wanted either.
        let _ = self.pieces.as_ref().expect("it is there now").send(piece);
    }

    fn end_chunk(&mut self, end: u64, whole: bool) {
        self.send(Piece::End { end, whole });
        self.pieces = None;
        self.chunks += 1;
    }

    /// Ends the last chunks: with an unfinished line if the archive is complete, else without.
    /// How many chunks there are.
    fn finish(mut self, complete: bool) -> u64 {
        if complete {
            while self.chunks * self.grid_bytes < self.position {
                self.end_chunk(self.end().min(self.position), true);
            }
        } else if self.pieces.is_some() || self.line > self.chunks * self.grid_bytes {
            // The last line may have ended in a chunk that has nothing else.
            self.end_chunk(self.line.max(self.chunks * self.grid_bytes), false);
        }
        self.chunks
    }
}

impl Drop for Cutter<'_> {
    fn drop(&mut self) {
        self.pieces = None;
        self.archive.cut.store(true, Ordering::Release);
        self.pool.wake();
    }
}
