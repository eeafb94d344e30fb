//! Figures of an archive whose stored bytes are pushed: compressed standard input, objects of a
//! store, bytes that another process fetched.

use super::{DecoderPool, Request, Scanned};
use crate::archive::{Container, Stored};
use crate::engine::Control;
use crate::error::Error;
use crate::scan::Scanner;
use crate::spec::Spec;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::JoinHandle;

/// Most stored bytes that are handed over at once.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces on their way to the decoder: enough to read on while it decodes.
const PIECES: usize = 8;

/// Takes stored bytes; decodes and scans them on threads of its own.
pub struct ArchiveFeed {
    pieces: Option<SyncSender<Vec<u8>>>,
    cancel: Arc<AtomicBool>,
    reader: Option<JoinHandle<Result<Scanned, Error>>>,
}

/// The other end of the queue.
struct Pushed {
    pieces: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Stored for Pushed {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        while self.at == self.piece.len() {
            match self.pieces.recv() {
                Ok(piece) => (self.piece, self.at) = (piece, 0),
                Err(_) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len() - self.at);
        buffer[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl ArchiveFeed {
    /// A feed for the archive called `name`, scanned by `threads` threads beside the decoder.
    /// Setting `cancel` ends it early.
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec has no such source or the grid is of no size; [`Error::Io`] if
    /// there can be no thread.
    pub fn new(
        spec: Arc<Spec>,
        name: PathBuf,
        request: Request,
        threads: usize,
        cancel: Arc<AtomicBool>,
    ) -> Result<ArchiveFeed, Error> {
        if request.grid_bytes == 0 {
            return Err(Error::Spec("the chunk size is 0; it must be at least 1".into()));
        }
        let mut scanner = Scanner::new(spec.clone())?;
        scanner.begin(request.source, 0, 0)?;
        let (sender, pieces) = mpsc::sync_channel(PIECES);
        let control = Control { cancel: cancel.clone(), ..Control::default() };
        let fail = |source| Error::Io { path: name.clone(), source };
        let path = name.clone();
        let reader = std::thread::Builder::new()
            .name("logan-archive".into())
            .spawn(move || {
                let pool = DecoderPool::new(1, 1);
                let stored = Pushed { pieces, piece: Vec::new(), at: 0 };
                std::thread::scope(|scope| {
                    for _ in 1..threads {
                        let steal = || {
                            // What it lacks, the thread that reads lacks too, and reports.
                            Scanner::new(spec.clone()).map(|mut own| pool.steal(&mut own))
                        };
                        if std::thread::Builder::new().spawn_scoped(scope, steal).is_err() {
                            break;
                        }
                    }
                    let _guard = super::AbortOnPanic(&pool);
                    let scanned = pool.scan(&mut scanner, stored, &path, request, &control);
                    pool.done();
                    scanned
                })
            })
            .map_err(fail)?;
        Ok(ArchiveFeed { pieces: Some(sender), cancel, reader: Some(reader) })
    }

    /// Takes the next stored bytes; waits while the decoder is behind. Whether more are wanted:
    /// not after a fault, or behind the archive's end.
    pub fn push(&self, bytes: &[u8]) -> bool {
        let pieces = self.pieces.as_ref().expect("it is there until the end");
        bytes.chunks(PIECE_BYTES).all(|piece| pieces.send(piece.to_vec()).is_ok())
    }

    /// The figures of everything pushed.
    ///
    /// # Errors
    /// As [`DecoderPool::scan`].
    pub fn finish(mut self) -> Result<Scanned, Error> {
        self.pieces = None;
        let reader = self.reader.take().expect("it is finished once");
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for ArchiveFeed {
    fn drop(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.cancel.store(true, Ordering::Relaxed);
            self.pieces = None;
            let _ = reader.join();
        }
    }
}

/// The packings by name, as an error for a name that is none.
///
/// # Errors
/// [`Error::Spec`].
pub fn packing(name: &str) -> Result<Container, Error> {
    Container::by_name(name).ok_or_else(|| {
        let known: Vec<_> = Container::all().map(Container::name).collect();
        Error::Spec(format!("no compression {name:?}; known compressions: {}", known.join(", ")))
    })
}
