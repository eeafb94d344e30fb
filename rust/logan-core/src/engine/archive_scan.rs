//! Figures of compressed logs, and of the logs in tar and zip archives: decoding on one thread,
//! scanning on those of the job.
//!
//! An archive is one unit of work for the plan, since nothing can begin in its middle. What it
//! decodes to is cut on the plan's grid, in decoded offsets, and scanned chunk by chunk, so the
//! figures are those of the decoded file, whatever the number of threads.
//!
//! ```text
//! decoder thread:  stored bytes -> decoder -> buffers -> cut into chunks --+   one queue of
//!                                                                          |   buffers a chunk
//! threads of the pool: take the oldest chunk, scan its buffers as they come, merge along the
//!                  archive's own fixed tree
//! ```
//! Buffers are bounded per archive; where scanning is the slower part several chunks are under way
//! at once: [`decoder_pool`](super::decoder_pool) says why that cannot stick.
//!
//! A chunk whose lines depend on lines before it is given those with its first buffer, as the threads
//! that scan do not tell each other anything.
//!
//! A chunk over which the engine panics is left out, and the fault says which was the first.
//!
//! An archive that is damaged gives the figures of the whole lines before the damage and an error
//! that says where it is.

mod decoding;

use crate::archive::{Container, Contents, Decoder, Stored};
use crate::bytes::input::Source;
use crate::chunk::{Lookback, LookbackBuffer};
use crate::engine::{Control, DecoderPool};
use crate::error::Error;
use crate::panics::caught;
use crate::scan::Scanner;
use crate::summary::Summary;
use crate::summary::merge_tree::{MergeTree, Merged};
use decoding::{Cutter, Decoded, decode_all};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard};

/// Decoded bytes that any archive may give, however small it is: a bomb must be worth the name.
pub const EXPANSION_FREE_BYTES: u64 = 1 << 30;

/// How to read an archive.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Its source's index.
    pub source: u32,
    /// How it is stored.
    pub packing: Container,
    /// Decoded bytes of a chunk.
    pub grid_bytes: u64,
    /// Decoded bytes for each stored one beyond which, and beyond [`EXPANSION_FREE_BYTES`], it is
    /// treated as a decompression bomb; 0 for no limit.
    pub expansion_max: u64,
}

/// What an archive gave.
#[derive(Debug)]
pub struct Scanned {
    /// The figures of what was decoded; of whole lines, if there is a fault.
    pub summary: Summary,
    /// What there is to know beside them.
    pub facts: Facts,
    /// Why the end was not reached.
    pub fault: Option<Error>,
}

/// What is worth telling of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Bytes that it decoded to.
    pub decoded: u64,
    /// Members decoded; of a container those that are logs.
    pub members: u64,
    /// Where bytes begin that are not part of the archive.
    pub foreign_at: Option<u64>,
    /// Of a container: what was in it.
    pub contents: Option<Contents>,
}

/// An archive that is being read.
struct Archive {
    source: u32,
    tree: Mutex<MergeTree>,
    /// Chunks that were cut and are not merged.
    open: AtomicU64,
    /// The decoder has cut its last chunk.
    cut: AtomicBool,
    /// No thread will take its chunks any more.
    abandoned: AtomicBool,
    failed: Mutex<Option<Error>>,
    /// The chunks over which the engine panicked, and what it said.
    lost: Mutex<BTreeMap<u64, String>>,
}

/// What follows in a chunk.
enum Piece {
    Bytes(Arc<Buffer>, Range<usize>),
    /// The chunk ends at this offset. `whole`: with its last line; else an unfinished one is to be
    /// forgotten.
    End {
        end: u64,
        whole: bool,
    },
}

/// A buffer that goes back to its decoder when all have read it.
struct Buffer {
    bytes: Vec<u8>,
    recycle: Sender<Vec<u8>>,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // Refused when the decoder has ended.
        let _ = self.recycle.send(std::mem::take(&mut self.bytes));
    }
}

/// A chunk to be scanned.
struct Job {
    archive: Arc<Archive>,
    index: u64,
    start: u64,
    first_line: u64,
    lookback: Option<Lookback>,
    pieces: Receiver<Piece>,
}

impl Archive {
    /// What tells its jobs from those of others.
    fn id(self: &Arc<Archive>) -> usize {
        Arc::as_ptr(self).addr()
    }

    /// Whether all chunks were cut and merged.
    fn is_done(&self) -> bool {
        self.cut.load(Ordering::Acquire) && self.open.load(Ordering::Acquire) == 0
    }
}

impl DecoderPool {
    /// Reads an archive and gives its figures. Blocks; other threads may [steal](DecoderPool::steal).
    ///
    /// Stored bytes are counted in `control`. Canceled, it gives what was scanned by then, with
    /// the fault [`Error::Cancelled`].
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec does not have the source, [`Error::Io`] if there can be no
    /// thread for the decoder.
    pub fn scan<R: Stored + Send>(
        &self,
        scanner: &mut Scanner,
        stored: R,
        path: &Path,
        request: Request,
        control: &Control,
    ) -> Result<Scanned, Error> {
        let spec = scanner.spec().clone();
        scanner.begin(request.source, 0, 0)?;
        let past = LookbackBuffer::new(&spec, request.source)?;
        // Of a forced format are all lines, whatever they look like.
        let any_text = spec.reading(request.source)?.only;
        let archive = Arc::new(Archive {
            source: request.source,
            tree: Mutex::new(MergeTree::new(&spec)),
            open: AtomicU64::new(0),
            cut: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            failed: Mutex::new(None),
            lost: Mutex::default(),
        });
        let decoded = std::thread::scope(|scope| {
            let abandon = Abandon { pool: self, archive: &archive };
            let cutter = Cutter::new(self, archive.clone(), request.grid_bytes, past);
            let decoder = std::thread::Builder::new()
                .name("logan-decode".into())
                .spawn_scoped(scope, || {
                    let decoder = Decoder::new(request.packing, stored, any_text);
                    caught(|| decode_all(cutter, decoder, path, request, control))
                })
                .map_err(|source| Error::io(path, source))?;
            self.run(scanner, archive.id(), || archive.is_done());
            drop(abandon);
            Ok(decoder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let decoded = decoded?;
        let lost = std::mem::take(&mut *lock(&archive.lost));
        let panicked = |chunk: u64, why: String, decoded: u64| {
            let start = chunk * request.grid_bytes.max(1);
            let end = (start + request.grid_bytes.max(1)).min(decoded.max(start));
            Error::Panic { path: path.into(), start, end, decoded: true, why }
        };
        let Decoded { facts, content, chunks, fault } = decoded.unwrap_or_else(|why| {
            // Of the decoder: the chunk that it was at is the first that was not ended.
            let chunks = lock(&archive.tree).end().max(lost.keys().last().map_or(0, |n| n + 1));
            let fault = Some(panicked(chunks, why, u64::MAX));
            Decoded { facts: Facts::default(), content: None, chunks, fault }
        });
        let fault = match (fault, lost.into_iter().next()) {
            (None, Some((chunk, why))) => Some(panicked(chunk, why, facts.decoded)),
            (fault, _) => fault,
        };
        if let Some(error) = lock(&archive.failed).take() {
            return Err(error);
        }
        let empty = MergeTree::new(&spec);
        let tree = std::mem::replace(&mut *lock(&archive.tree), empty);
        let mut summary = tree.finish(chunks)?;
        if let Some(content) = content {
            summary.identify(request.source, content);
        }
        Ok(Scanned { summary, facts, fault })
    }
}

/// Ends an archive when the thread that reads it goes, so that its decoder does.
struct Abandon<'a> {
    pool: &'a DecoderPool,
    archive: &'a Arc<Archive>,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        self.archive.abandoned.store(true, Ordering::Release);
        self.pool.abandon(self.archive.id());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Scans one chunk, whatever comes of it.
fn run(scanner: &mut Scanner, job: Job) {
    let (archive, index, start) = (job.archive.clone(), job.index, job.start);
    let scanned = caught(|| scan_chunk(scanner, job)).unwrap_or_else(|why| {
        // Its bytes are gone, so it cannot be scanned again; others can.
        lock(&archive.lost).insert(index, why);
        if let Some(output) = &scanner.spec().output.0 {
            output.lost(archive.source, start);
        }
        *scanner = scanner.renewed()?;
        Ok(())
    });
    if let Err(error) = scanned {
        lock(&archive.failed).get_or_insert(error);
        archive.abandoned.store(true, Ordering::Release);
    }
    archive.open.fetch_sub(1, Ordering::AcqRel);
}

/// Scans one chunk as its bytes come and merges it.
fn scan_chunk(scanner: &mut Scanner, job: Job) -> Result<(), Error> {
    match &job.lookback {
        None => scanner.begin(job.archive.source, job.start, job.first_line)?,
        Some(lookback) => lookback.begin(scanner, job.archive.source, job.start)?,
    }
    for piece in &job.pieces {
        let (end, whole) = match piece {
            Piece::Bytes(buffer, range) => {
                scanner.push(&buffer.bytes[range]);
                continue;
            }
            Piece::End { end, whole } => (end, whole),
        };
        if !whole {
            scanner.forget_line();
        }
        let mut merged = Merged::subtree((0, job.index), scanner.finish(end));
        // Only the bookkeeping is done under the lock.
        while let Some(pair) = { lock(&job.archive.tree).offer(merged)? } {
            merged = pair.join()?;
        }
        return Ok(());
    }
    // The decoder is gone without an end: it panics, and the thread that reads passes that on.
    Ok(())
}

/// The planned bytes of a file, as an archive.
pub struct StoredFile<'a> {
    source: &'a Source,
    position: u64,
    size: u64,
}

impl<'a> StoredFile<'a> {
    /// The first `size` bytes of an open file.
    pub fn new(source: &'a Source, size: u64) -> StoredFile<'a> {
        StoredFile { source, position: 0, size }
    }
}

impl Stored for StoredFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let wanted = (self.size - self.position).min(buffer.len() as u64) as usize;
        let filled = self.source.read_at(self.position, &mut buffer[..wanted])?;
        self.position += filled as u64;
        if filled < wanted {
            let why = format!("{} bytes, planned {}", self.position, self.size);
            return Err(Error::changed(self.source.path(), why));
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Compression;
    use crate::chunk::Feed;
    use crate::engine::{AbortOnPanic, ArchiveFeed};
    use crate::spec::Spec;
    use crate::summary::codec::encode;
    use std::io::Write;

    pub(super) fn text(lines: usize) -> Vec<u8> {
        let mut text = Vec::new();
        for i in 0..lines {
            let (minute, ms) = (i / 7 % 60, i * 37 % 1000);
            let line = match i % 9 {
                4 => format!("nonsense {i}\n"),
                5 => "\n".into(),
                _ => format!("2024-01-24 10:{minute:02}:32.{ms:03} INFO x took {i}ms\n"),
            };
            text.extend(line.into_bytes());
        }
        text
    }

    pub(super) fn compressed(kind: Compression, bytes: &[u8]) -> Vec<u8> {
        match kind {
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Compression::Lz4 => {
                let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
                let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    /// The figures of an archive, with so many threads.
    pub(super) fn scan(
        kind: Compression,
        stored: &[u8],
        grid_bytes: u64,
        threads: usize,
    ) -> Scanned {
        scan_limited(kind, stored, grid_bytes, threads, 0)
    }

    fn scan_limited(
        compression: Compression,
        stored: &[u8],
        grid_bytes: u64,
        threads: usize,
        expansion_max: u64,
    ) -> Scanned {
        let pool = DecoderPool::new(1, 1);
        let spec = Arc::new(Spec::plain());
        let control = Control::default();
        let packing = compression.into();
        let request = Request { source: 0, packing, grid_bytes, expansion_max };
        let scanned = std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| pool.steal(&mut Scanner::new(spec.clone()).unwrap()));
            }
            let _guard = AbortOnPanic(&pool);
            let mut scanner = Scanner::new(spec.clone()).unwrap();
            let scanned = pool.scan(&mut scanner, stored, Path::new("x.gz"), request, &control);
            pool.done();
            scanned.unwrap()
        });
        assert!(control.bytes.load(Ordering::Relaxed) <= stored.len() as u64);
        scanned
    }

    /// The figures of the decoded bytes; of their whole lines unless they are complete.
    fn plain(text: &[u8], grid_bytes: u64, complete: bool) -> Vec<u8> {
        let mut feed = Feed::new(Arc::new(Spec::plain()), 0, grid_bytes).unwrap();
        feed.push(text).unwrap();
        encode(&if complete { feed.finish().unwrap() } else { feed.snapshot().unwrap() })
    }

    #[test]
    fn figures_are_those_of_the_decoded_file() {
        let mut text = text(3_000);
        // A line over several chunks, and longer than what counts of one.
        text.extend(b"2024-01-24 10:15:32.123 ERROR ");
        text.resize(text.len() + 2 * crate::bytes::line::LINE_BYTES_MAX, b'x');
        text.extend(b"\n2024-01-24 10:15:33 INFO no end");
        for grid in [50_000, 1 << 24] {
            let expected = plain(&text, grid, true);
            for kind in Compression::ALL {
                let stored = compressed(kind, &text);
                for threads in [1, 3] {
                    let scanned = scan(kind, &stored, grid, threads);
                    assert!(scanned.fault.is_none(), "{:?}", scanned.fault);
                    assert_eq!(scanned.facts.decoded, text.len() as u64);
                    assert_eq!(scanned.facts.members, 1);
                    assert!(encode(&scanned.summary) == expected, "{kind:?} {grid} {threads}");
                }
            }
        }
    }

    #[test]
    fn members_padding_and_foreign_bytes() {
        let text = text(400);
        for kind in Compression::ALL {
            let (a, b) = text.split_at(text.len() / 3);
            let mut stored = compressed(kind, a);
            stored.extend(compressed(kind, b""));
            stored.extend(compressed(kind, b));
            let expected = plain(&text, 1_000, true);
            let scanned = scan(kind, &stored, 1_000, 2);
            assert!(scanned.fault.is_none(), "{kind:?} {:?}", scanned.fault);
            assert!(encode(&scanned.summary) == expected, "{kind:?}");
            assert_eq!((scanned.facts.members, scanned.facts.foreign_at), (3, None));
            let end = stored.len() as u64;
            stored.extend([0; 1_000]);
            let scanned = scan(kind, &stored, 1_000, 2);
            assert!(scanned.fault.is_none() && scanned.facts.foreign_at.is_none(), "{kind:?}");
            stored.extend(b"garbage");
            let scanned = scan(kind, &stored, 1_000, 2);
            assert!(scanned.fault.is_none(), "{kind:?}");
            assert!(encode(&scanned.summary) == expected, "{kind:?}");
            assert_eq!(scanned.facts.foreign_at, Some(end + 1_000));
        }
        for kind in [Compression::Zstd, Compression::Lz4] {
            let mut stored = b"\x5a\x2a\x4d\x18\x05\0\0\0hello".to_vec();
            stored.extend(compressed(kind, &text));
            assert_eq!(Compression::of(&stored), Some(kind));
            let scanned = scan(kind, &stored, 1_000, 1);
            assert!(encode(&scanned.summary) == plain(&text, 1_000, true), "{kind:?}");
        }
    }

    #[test]
    fn cut_anywhere_gives_the_whole_lines_before() {
        let text = text(60);
        for kind in Compression::ALL {
            let stored = compressed(kind, &text);
            for cut in 1..stored.len() {
                let scanned = scan(kind, &stored[..cut], 500, 1);
                let fault = scanned.fault.expect("it is cut").to_string();
                assert!(fault.contains("ends in the middle"), "{kind:?} {cut}: {fault}");
                let decoded = &text[..scanned.facts.decoded as usize];
                let lines = memchr::memrchr(b'\n', decoded).map_or(0, |n| n + 1);
                assert_eq!(scanned.summary.coverage.bytes(0), lines as u64);
                assert!(encode(&scanned.summary) == plain(decoded, 500, false), "{kind:?} {cut}");
            }
        }
    }

    #[test]
    fn damage_anywhere_is_an_end_and_never_more_than_that() {
        let text = text(60);
        for kind in Compression::ALL {
            let stored = compressed(kind, &text);
            let mut faults = 0;
            for at in 0..stored.len() {
                for flip in [0x01, 0xff] {
                    let mut damaged = stored.clone();
                    damaged[at] ^= flip;
                    let scanned = scan(kind, &damaged, 500, 1);
                    faults += u32::from(scanned.fault.is_some());
                    let covered = scanned.summary.coverage.bytes(0);
                    assert!(covered <= scanned.facts.decoded, "{kind:?} {at}");
                    scanned.summary.check().unwrap();
                }
            }
            // Some bytes mean nothing (times, names of systems); all others are noticed.
            assert!(faults as usize > 2 * stored.len() - 40, "{kind:?} {faults}");
        }
    }

    #[test]
    fn a_panic_costs_its_chunk() {
        let text = text(3_000);
        let at = |what: &str| memchr::memmem::find(&text, what.as_bytes()).unwrap() as u64;
        let spec = Arc::new(Spec { panic_on: Some("nonsense 1003".into()), ..Spec::plain() });
        let chunk = at("nonsense 1003") / 5_000 * 5_000;
        let lead = at("nonsense 4\n") / 5_000 * 5_000;
        assert!(chunk > lead);
        let size = text.len() as u64;
        let mut summaries = Vec::new();
        for threads in [1, 3] {
            let request = Request {
                source: 0,
                packing: Compression::Gzip.into(),
                grid_bytes: 5_000,
                expansion_max: 0,
            };
            let feed =
                ArchiveFeed::new(spec.clone(), "x.gz".into(), request, threads, Arc::default());
            let feed = feed.unwrap();
            feed.push(&compressed(Compression::Gzip, &text));
            let scanned = feed.finish().unwrap();
            let fault = scanned.fault.expect("a panic").to_string();
            let said = format!(
                "x.gz: the engine failed on bytes {chunk} to {} of what it decodes to: a planted",
                chunk + 5_000
            );
            assert!(fault.starts_with(&said), "{fault}");
            assert_eq!(scanned.facts.decoded, size);
            assert_eq!(scanned.summary.coverage.bytes(0), size - 5_000);
            summaries.push(encode(&scanned.summary));
        }
        assert!(summaries[0] == summaries[1]);
    }

    /// Stored bytes whose reading panics after some.
    struct Treacherous(Vec<u8>, usize);

    impl Stored for Treacherous {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
            assert!(self.1 < 20_000, "no more");
            let len = buffer.len().min(1_000).min(self.0.len() - self.1);
            buffer[..len].copy_from_slice(&self.0[self.1..self.1 + len]);
            self.1 += len;
            Ok(len)
        }
    }

    #[test]
    fn a_panic_of_the_decoder_is_an_end() {
        let text = text(20_000);
        let stored = compressed(Compression::Zstd, &text);
        assert!(stored.len() > 30_000);
        let pool = DecoderPool::new(1, 1);
        let request = Request {
            source: 0,
            packing: Compression::Zstd.into(),
            grid_bytes: 5_000,
            expansion_max: 0,
        };
        let mut scanner = Scanner::new(Arc::new(Spec::plain())).unwrap();
        let control = Control::default();
        let stored = Treacherous(stored, 0);
        let scanned = pool.scan(&mut scanner, stored, Path::new("x"), request, &control).unwrap();
        let fault = scanned.fault.expect("a panic").to_string();
        assert!(fault.contains(": no more (archive_scan.rs:"), "{fault}");
        let covered = scanned.summary.coverage.bytes(0);
        assert!(covered > 5_000 && covered.is_multiple_of(5_000), "{covered}");
        assert!(fault.contains(&format!("bytes {covered} to {}", covered + 5_000)), "{fault}");
    }

    #[test]
    fn bombs_end_where_they_are_allowed_to() {
        // More than what is free, from very few bytes.
        let len = EXPANSION_FREE_BYTES + (64 << 20);
        let line = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms padding..\n";
        let block = line.repeat((1 << 20) / line.len());
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        for _ in 0..len.div_ceil(block.len() as u64) {
            encoder.write_all(&block).unwrap();
        }
        let stored = encoder.finish().unwrap();
        assert!((stored.len() as u64) < len / 2_000);
        let scanned = scan_limited(Compression::Zstd, &stored, 1 << 24, 2, 2_000);
        let fault = scanned.fault.expect("a bomb").to_string();
        assert!(fault.contains("--max-expansion"), "{fault}");
        let covered = scanned.summary.coverage.bytes(0);
        assert!(covered >= EXPANSION_FREE_BYTES && covered < len, "{covered}");
        assert!(scan_limited(Compression::Zstd, &stored, 1 << 24, 2, 0).fault.is_none());
    }

    #[test]
    fn too_large_a_window_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(28).unwrap();
        encoder.write_all(&text(10)).unwrap();
        let stored = encoder.finish().unwrap();
        let scanned = scan(Compression::Zstd, &stored, 1 << 24, 1);
        let fault = scanned.fault.expect("too large").to_string();
        assert!(fault.contains("needs more than 128 MiB"), "{fault}");
    }

    #[test]
    fn a_cancelled_archive_ends_with_what_there_is() {
        let stored = compressed(Compression::Gzip, &text(1_000));
        let pool = DecoderPool::new(1, 1);
        let control = Control::default();
        control.cancel.store(true, Ordering::Relaxed);
        let request = Request {
            source: 0,
            packing: Compression::Gzip.into(),
            grid_bytes: 100,
            expansion_max: 0,
        };
        let mut scanner = Scanner::new(Arc::new(Spec::plain())).unwrap();
        let scanned = pool.scan(&mut scanner, &stored[..], Path::new("x"), request, &control);
        assert!(matches!(scanned.unwrap().fault, Some(Error::Cancelled)));
    }

    #[test]
    fn pushed_bytes_give_the_same() {
        let text = text(2_000);
        let spec = Arc::new(Spec::plain());
        for (threads, push) in [(1, 1), (2, 1_000), (1, usize::MAX)] {
            let compression = Compression::Gzip;
            let stored = compressed(compression, &text);
            let packing = compression.into();
            let request = Request { source: 0, packing, grid_bytes: 5_000, expansion_max: 0 };
            let cancel = Arc::default();
            let feed =
                ArchiveFeed::new(spec.clone(), "x.gz".into(), request, threads, cancel).unwrap();
            for piece in stored.chunks(push.min(stored.len())) {
                assert!(feed.push(piece));
            }
            let scanned = feed.finish().unwrap();
            assert!(scanned.fault.is_none());
            assert!(encode(&scanned.summary) == plain(&text, 5_000, true));
        }
        // Left alone it ends.
        let request = Request {
            source: 0,
            packing: Compression::Xz.into(),
            grid_bytes: 5_000,
            expansion_max: 0,
        };
        drop(ArchiveFeed::new(spec, "x".into(), request, 2, Arc::default()).unwrap());
    }
}
