//! Scans chunks of files: one at a time, or a whole plan with threads.
//!
//! Threads take chunks from an atomic cursor and merge along the fixed tree, so the result is the
//! same bytes for any number of threads. Scoped threads, not a global pool: one would be left
//! without its threads in a forked process.

use crate::archive::Container;
use crate::bytes::input::{Check, Fingerprint, Mode, Source};
use crate::chunk::{Chunk, ChunkEdge, finish_line};
use crate::engine::{AbortOnPanic, Control, DecoderPool, Facts, Request, StoredFile};
use crate::error::Error;
use crate::format::state::{FIELDS_BYTES_MAX, LAYOUT_HEADER, Layouts, fields_of};
use crate::metric::Steps;
use crate::panics::caught;
use crate::scan::Scanner;
use crate::spec::Spec;
use crate::summary::Summary;
use crate::summary::merge_tree::{MergeTree, Merged};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A place at which a chunk is cut in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Where a line starts.
    pub at: u64,
    /// Metrics that go on: what they count of the part comes with a later one.
    pub held: Vec<String>,
}

/// Scans one chunk of an open source whose planned size is `size`.
///
/// If the engine panics, once more with a fresh scanner: what the lines of other chunks left in the
/// first one may be to blame. After that the chunk is given up, and `scanner` is fresh.
///
/// # Errors
/// [`Error::Io`], [`Error::Changed`] if the file is shorter than planned, [`Error::Cancelled`],
/// [`Error::Spec`] if the spec does not have the source, [`Error::Panic`].
pub fn scan_chunk(
    scanner: &mut Scanner,
    source: &Source,
    size: u64,
    chunk: Chunk,
    control: &Control,
) -> Result<Summary, Error> {
    scan_parts(scanner, source, size, chunk, &[], control).map(|mut parts| parts.remove(0))
}

/// As [`scan_chunk`]: the figures up to each of `cuts`, which lie in the chunk in order, and of the
/// rest. They add up to those of the chunk.
///
/// # Errors
/// As [`scan_chunk`]; [`Error::Changed`] also if no line starts at a cut.
pub fn scan_parts(
    scanner: &mut Scanner,
    source: &Source,
    size: u64,
    chunk: Chunk,
    cuts: &[Cut],
    control: &Control,
) -> Result<Vec<Summary>, Error> {
    let mut counted = 0;
    match scan_once(scanner, source, size, chunk, cuts, control, &mut counted) {
        Err(Error::Panic { .. }) => {
            control.bytes.fetch_sub(counted, Ordering::Relaxed);
            scan_once(scanner, source, size, chunk, cuts, control, &mut 0)
        }
        scanned => scanned,
    }
}

/// Scans one chunk; after a panic `scanner` is fresh. Adds to `counted` what it
/// adds to [`Control::bytes`], also if it fails.
fn scan_once(
    scanner: &mut Scanner,
    source: &Source,
    size: u64,
    chunk: Chunk,
    cuts: &[Cut],
    control: &Control,
    counted: &mut u64,
) -> Result<Vec<Summary>, Error> {
    let scanned = caught(|| scan_counted(scanner, source, size, chunk, cuts, control, counted));
    scanned.unwrap_or_else(|why| {
        *scanner = scanner.renewed()?;
        let Chunk { start, end, .. } = chunk;
        Err(Error::Panic { path: source.path().into(), start, end, decoded: false, why })
    })
}

/// As [`scan_once`], but for panics.
fn scan_counted(
    scanner: &mut Scanner,
    source: &Source,
    size: u64,
    chunk: Chunk,
    mut cuts: &[Cut],
    control: &Control,
    counted: &mut u64,
) -> Result<Vec<Summary>, Error> {
    let Chunk { start, end, .. } = chunk;
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut before = ChunkEdge::read(scanner, source, chunk)?;
    source.windows(start..end, |mut block, mut offset| {
        control.check()?;
        control.bytes.fetch_add(block.len() as u64, Ordering::Relaxed);
        *counted += block.len() as u64;
        while let Some((cut, later)) = cuts.split_first()
            && cut.at <= offset + block.len() as u64
        {
            let (first, rest) = block.split_at(cut.at.saturating_sub(offset) as usize);
            before.push(scanner, chunk, first)?;
            if before != ChunkEdge::Done || scanner.mid_line() || scanner.position() != cut.at {
                let why = format!("no line starts at byte {} any more", cut.at);
                return Err(Error::changed(source.path(), why));
            }
            let held: Vec<&str> = cut.held.iter().map(String::as_str).collect();
            parts.push(scanner.cut(&held));
            (block, offset, cuts) = (rest, cut.at, later);
        }
        before.push(scanner, chunk, block)?;
        Ok(ControlFlow::Continue(()))
    })?;
    if before == ChunkEdge::Done {
        finish_line(scanner, source, size, end)?;
    }
    before.finish(scanner, start);
    parts.push(scanner.finish(end));
    Ok(parts)
}

/// Lists where in the first `size` bytes of a source a `#Fields:` line changes the columns: one
/// quick pass, so that chunks in the middle know what their lines hold. [`Control::bytes`] counts
/// what was passed over.
///
/// # Errors
/// As [`scan_chunk`]; [`Error::Spec`] if the columns change more often than a spec may say.
pub fn find_layouts(source: &Source, size: u64, control: &Control) -> Result<Layouts, Error> {
    let finder = memchr::memmem::Finder::new(LAYOUT_HEADER);
    let mut layouts = Layouts::default();
    // The end of the block before and the beginning of this one, in which a name may be cut.
    let mut seam: Vec<u8> = Vec::new();
    let mut line = vec![0; 1 + LAYOUT_HEADER.len() + FIELDS_BYTES_MAX];
    let mut found = |at: u64| -> Result<(), Error> {
        // It begins the source, perhaps behind a byte order mark, or stands behind a newline.
        let from = at.saturating_sub(1);
        let filled = source.read_at(from, &mut line)?;
        let text = &line[..filled];
        let text = if at == 0 || at == 3 && starts_with_mark(source)? {
            &text[(at - from) as usize..]
        } else if let Some(text) = text.strip_prefix(b"\n") {
            text
        } else {
            return Ok(());
        };
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let Some(fields) = fields_of(&text[..end]) else { return Ok(()) };
        layouts
            .add(at, fields)
            .map_err(|why| Error::Spec(format!("{}: {why}", source.path().display())))
    };
    source.windows(0..size, |block, offset| {
        control.check()?;
        let front = &block[..block.len().min(LAYOUT_HEADER.len() - 1)];
        let seam_start = offset - seam.len() as u64;
        seam.extend_from_slice(front);
        for at in finder.find_iter(&seam) {
            found(seam_start + at as u64)?;
        }
        for at in finder.find_iter(block) {
            found(offset + at as u64)?;
        }
        seam.clear();
        seam.extend_from_slice(&block[block.len() - front.len()..]);
        control.bytes.fetch_add(block.len() as u64, Ordering::Relaxed);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(layouts)
}

fn starts_with_mark(source: &Source) -> Result<bool, Error> {
    let mut mark = [0; 3];
    Ok(source.read_at(0, &mut mark)? == 3 && mark == *b"\xef\xbb\xbf")
}

/// A source as [`run`] is given it: an open file, or a path.
///
/// A path is opened by each thread that gets to one of its chunks, and closed when the thread goes
/// on to another source: a plan of thousands of files then needs few descriptors, and a file that
/// cannot be opened fails alone.
pub trait Open: Sync {
    /// What opening gives.
    type File<'a>: Borrow<Source>
    where
        Self: 'a;

    /// The open file.
    ///
    /// # Errors
    /// As [`Source::open`].
    fn open(&self) -> Result<Self::File<'_>, Error>;
}

impl Open for Source {
    type File<'a> = &'a Source;

    fn open(&self) -> Result<&Source, Error> {
        Ok(self)
    }
}

impl Open for (PathBuf, Mode) {
    type File<'a> = Source;

    fn open(&self) -> Result<Source, Error> {
        Source::open(&self.0, self.1)
    }
}

/// A chunk that gave no figures.
#[derive(Debug)]
pub struct Failure {
    /// Which.
    pub chunk: Chunk,
    /// Why.
    pub error: Error,
}

/// What a run over a plan gave.
#[derive(Debug)]
pub struct Outcome {
    /// The figures of all chunks but the failed ones.
    pub summary: Summary,
    /// Chunks without figures, in order.
    pub failures: Vec<Failure>,
    /// Sources that were written to during the run, without growing; their figures may mix old
    /// and new bytes.
    pub touched: BTreeSet<u32>,
    /// What the archives gave, by source.
    pub archives: BTreeMap<u32, Facts>,
}

/// Which sources are compressed, and how they are read. Each has one chunk: all stored bytes.
#[derive(Debug, Clone, Default)]
pub struct Archives {
    /// How, by source.
    pub packings: BTreeMap<u32, Container>,
    /// Decoded bytes of a chunk of theirs.
    pub grid_bytes: u64,
    /// See [`Request::expansion_max`].
    pub expansion_max: u64,
}

impl Archives {
    pub(super) fn request(&self, source: u32) -> Option<Request> {
        self.packings.get(&source).map(|&packing| Request {
            source,
            packing,
            grid_bytes: self.grid_bytes,
            expansion_max: self.expansion_max,
        })
    }
}

/// Scans `chunks` of `sources` on `threads` threads. Blocks; stops early when canceled, and then
/// the chunks that were not finished are among the failures.
///
/// # Errors
/// [`Error::Spec`] if the spec does not fit the sources; [`Error::Summary`] if chunks overlap.
/// What goes wrong with one chunk is among the failures.
pub fn run<S: Open>(
    sources: &[(S, Fingerprint)],
    chunks: &[Chunk],
    spec: &Arc<Spec>,
    threads: usize,
    control: &Control,
) -> Result<Outcome, Error> {
    run_all(sources, &Archives::default(), chunks, spec, threads, control)
}

/// As [`run`], with sources that are compressed: what of them was decoded is among the figures
/// even if their chunk is among the failures.
///
/// # Errors
/// As [`run`].
pub fn run_all<S: Open>(
    sources: &[(S, Fingerprint)],
    archives: &Archives,
    chunks: &[Chunk],
    spec: &Arc<Spec>,
    threads: usize,
    control: &Control,
) -> Result<Outcome, Error> {
    let tree = MergeTree::new(spec);
    run_into(tree, sources, archives, chunks, spec, threads, control).map(|(grown, outcome)| {
        Ok(Outcome { summary: grown.finish(chunks.len() as u64)?, ..outcome })
    })?
}

/// As [`run_all`], merging into a tree in which other chunks may be; it comes back, and the
/// outcome's own summary is empty. The chunk at index i of `chunks` is the tree's chunk i.
///
/// # Errors
/// As [`run`].
pub fn run_into<S: Open>(
    tree: MergeTree,
    sources: &[(S, Fingerprint)],
    archives: &Archives,
    chunks: &[Chunk],
    spec: &Arc<Spec>,
    threads: usize,
    control: &Control,
) -> Result<(MergeTree, Outcome), Error> {
    let cursor = AtomicUsize::new(0);
    let tree = Mutex::new(tree);
    let compressed = chunks.iter().filter(|c| archives.packings.contains_key(&c.source));
    let pool = DecoderPool::new(compressed.count(), threads);
    let facts = Mutex::new(BTreeMap::new());
    let failures = Mutex::new(Vec::new());
    let touched = Mutex::new(BTreeSet::new());
    let broken = Mutex::new(None);
    let wanted = if archives.packings.is_empty() { chunks.len() } else { threads };
    let threads = threads.clamp(1, wanted.max(1));
    // Of all that is in the tree or in a pair that is merged, so that the root has none finer.
    let steps = Mutex::new(Steps::default());
    let merge = |id: usize, summary| -> Result<(), Error> {
        let mut merged = Merged::subtree((0, id as u64), summary);
        loop {
            let known = merged.summary().figures.steps();
            // Only the bookkeeping is done under the lock.
            let pair = { lock(&tree).offer(merged)? };
            {
                let mut steps = lock(&steps);
                *steps = steps.or(known);
            }
            let Some(pair) = pair else { return Ok(()) };
            merged = pair.join()?;
        }
    };
    let work = || -> Result<(), Error> {
        let mut scanner = Scanner::with(spec.clone(), control.fast)?;
        let mut file = None;
        loop {
            let id = cursor.fetch_add(1, Ordering::Relaxed);
            if id >= chunks.len() {
                pool.steal(&mut scanner);
                return Ok(());
            }
            let chunk = chunks[id];
            scanner.start_at(*lock(&steps));
            let scanned = if let Some(request) = archives.request(chunk.source) {
                let scanned = one_archive(&pool, &mut scanner, sources, request, control);
                pool.done();
                scanned.map(|(summary, was_touched, known, fault)| {
                    lock(&facts).insert(chunk.source, known);
                    if let Some(error) = fault {
                        lock(&failures).push(Failure { chunk, error });
                    }
                    (summary, was_touched)
                })
            } else {
                one(sources, &mut file, chunk, control, |source, size| {
                    scan_chunk(&mut scanner, source, size, chunk, control)
                })
            };
            match scanned {
                Ok((summary, was_touched)) => {
                    if was_touched {
                        lock(&touched).insert(chunk.source);
                    }
                    merge(id, summary)?;
                }
                Err(error @ Error::Spec(_)) => return Err(error),
                Err(error) => lock(&failures).push(Failure { chunk, error }),
            }
        }
    };
    std::thread::scope(|scope| {
        let work = || {
            let _guard = AbortOnPanic(&pool);
            if let Err(error) = work() {
                cursor.store(chunks.len(), Ordering::Relaxed);
                pool.abort();
                *lock(&broken) = Some(error);
            }
        };
        for _ in 1..threads {
            // Where the system allows no more threads, those that there are do the work.
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    if let Some(error) = broken.into_inner().unwrap_or_else(|e| e.into_inner()) {
        return Err(error);
    }
    let mut failures = failures.into_inner().unwrap_or_else(|e| e.into_inner());
    failures.sort_by_key(|f: &Failure| (f.chunk.source, f.chunk.start));
    let tree = tree.into_inner().unwrap_or_else(|e| e.into_inner());
    let outcome = Outcome {
        summary: Summary::empty(spec),
        failures,
        touched: touched.into_inner().unwrap_or_else(|e| e.into_inner()),
        archives: facts.into_inner().unwrap_or_else(|e| e.into_inner()),
    };
    Ok((tree, outcome))
}

/// Scans chunks of files on threads, which take them in order; what a chunk gives goes to the
/// spec's output, what does not is told to `failed`.
///
/// # Errors
/// [`Error::Spec`] if the spec does not fit the sources.
pub(super) fn scan_each<S: Open>(
    sources: &[(S, Fingerprint)],
    chunks: &[Chunk],
    spec: &Arc<Spec>,
    threads: usize,
    control: &Control,
    failed: impl Fn(Chunk, Error) + Sync,
) -> Result<(), Error> {
    let cursor = AtomicUsize::new(0);
    let broken = Mutex::new(None);
    let work = || -> Result<(), Error> {
        let mut scanner = Scanner::with(spec.clone(), control.fast)?;
        let mut file = None;
        while let Some(&chunk) = chunks.get(cursor.fetch_add(1, Ordering::Relaxed)) {
            let scanned = one(sources, &mut file, chunk, control, |source, size| {
                scan_chunk(&mut scanner, source, size, chunk, control)
            });
            match scanned {
                Ok(_) => {}
                Err(error @ Error::Spec(_)) => return Err(error),
                Err(error) => failed(chunk, error),
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let work = || {
            if let Err(error) = work() {
                cursor.store(chunks.len(), Ordering::Relaxed);
                *lock(&broken) = Some(error);
            }
        };
        for _ in 1..threads.clamp(1, chunks.len().max(1)) {
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    broken.into_inner().unwrap_or_else(|e| e.into_inner()).map_or(Ok(()), Err)
}

/// A panic in one thread is passed on when the scope ends; what it left under a lock is not used.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Scans one archive: its figures, whether it was written to meanwhile, and why it did not end.
pub(super) fn one_archive<S: Open>(
    pool: &DecoderPool,
    scanner: &mut Scanner,
    sources: &[(S, Fingerprint)],
    request: Request,
    control: &Control,
) -> Result<(Summary, bool, Facts, Option<Error>), Error> {
    control.check()?;
    let (source, fingerprint) = sources.get(request.source as usize).ok_or_else(|| {
        let (index, count) = (request.source, sources.len());
        Error::Spec(format!("a chunk names source {index}, but there are {count} sources"))
    })?;
    let file = source.open()?;
    let file = file.borrow();
    let stored = StoredFile::new(file, fingerprint.size);
    let scanned = pool.scan(scanner, stored, file.path(), request, control)?;
    match (scanned.fault, fingerprint.check(file)?) {
        // What else went wrong followed from it.
        (_, Check::Changed(why)) => Err(Error::changed(file.path(), why)),
        (Some(error @ Error::Changed { .. }), _) => Err(error),
        (fault, check) => Ok((scanned.summary, check == Check::Touched, scanned.facts, fault)),
    }
}

/// Scans one chunk with `scan`, which is given the source and its planned size, and looks whether the
/// source was written to; `file` is the source that this thread has open.
fn one<'s, S: Open>(
    sources: &'s [(S, Fingerprint)],
    file: &mut Option<(u32, S::File<'s>)>,
    chunk: Chunk,
    control: &Control,
    scan: impl FnOnce(&Source, u64) -> Result<Summary, Error>,
) -> Result<(Summary, bool), Error> {
    control.check()?;
    let (source, fingerprint) = sources.get(chunk.source as usize).ok_or_else(|| {
        Error::Spec(format!(
            "a chunk names source {}, but there are {} sources",
            chunk.source,
            sources.len()
        ))
    })?;
    if file.as_ref().is_none_or(|(index, _)| *index != chunk.source) {
        // The other one is closed first.
        *file = None;
        *file = Some((chunk.source, source.open()?));
    }
    let (_, source) = file.as_ref().expect("it was opened just now");
    let source = source.borrow();
    let summary = scan(source, fingerprint.size)?;
    match fingerprint.check(source)? {
        Check::Same => Ok((summary, false)),
        Check::Touched => Ok((summary, true)),
        Check::Changed(why) => Err(Error::Changed { path: source.path().into(), why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that goes when this does.
    struct TempFile(PathBuf);

    impl TempFile {
        fn new(name: &str, bytes: &[u8]) -> TempFile {
            let name = format!("logan-engine-{}-{name}.log", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, bytes).unwrap();
            TempFile(path)
        }
    }

    impl Drop for TempFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    const LINE: &str = "2024-01-24 10:15:32.123 INFO Request processed in 127ms\n";

    /// Whatever the number of threads.
    #[test]
    fn a_panic_costs_its_chunk_and_no_other() {
        let mut text = LINE.repeat(1_000);
        text.replace_range(30_000..30_003, "bug");
        text.replace_range(45_000..45_003, "bug");
        let file = TempFile::new("panic", text.as_bytes());
        let spec = Arc::new(Spec { panic_on: Some("bug".into()), ..Spec::plain() });
        let size = text.len() as u64;
        let chunks: Vec<Chunk> = (0..size.div_ceil(500))
            .map(|i| Chunk { source: 0, start: i * 500, end: size.min(i * 500 + 500) })
            .collect();
        let source = Source::open(&file.0, Mode::READ).unwrap();
        let fingerprint = Fingerprint::of_source(&source, size).unwrap();
        let sources = [(source, fingerprint)];
        let scan = |threads: usize| {
            let control = Control::default();
            let outcome = run(&sources, &chunks, &spec, threads, &control).unwrap();
            let failures: Vec<String> =
                outcome.failures.iter().map(|f| f.error.to_string()).collect();
            let starts: Vec<u64> = outcome.failures.iter().map(|f| f.chunk.start).collect();
            // The lines that begin there.
            let lost = |at: usize| text[..at].rfind('\n').unwrap() as u64 / 500 * 500;
            assert_eq!(starts, [lost(30_000), lost(45_000)]);
            assert_eq!(outcome.summary.coverage.bytes(0), size - 1_000);
            let said =
                format!("bytes {} to {}: a planted bug (scanner.rs:", starts[0], starts[0] + 500);
            assert!(failures[0].contains(&said), "{}", failures[0]);
            assert!(failures[0].starts_with(file.0.to_str().unwrap()), "{}", failures[0]);
            (crate::summary::codec::encode(&outcome.summary), failures)
        };
        let alone = scan(1);
        assert!(alone == scan(3));
        // And chunk by chunk, as a worker of a cluster does it.
        let mut tree = MergeTree::new(&spec);
        let mut scanner = Scanner::new(spec.clone()).unwrap();
        let mut failures = Vec::new();
        for (i, &chunk) in chunks.iter().enumerate() {
            let control = Control::default();
            match scan_chunk(&mut scanner, &sources[0].0, size, chunk, &control) {
                Ok(summary) => drop(tree.insert(i as u64, summary).unwrap()),
                Err(error) => failures.push(error.to_string()),
            }
        }
        let merged = crate::summary::codec::encode(&tree.finish(chunks.len() as u64).unwrap());
        assert!(alone == (merged, failures));
    }

    /// An hour in which requests lie so dense that the steps of the grid and of routes over time grow
    /// from chunk to chunk, then some lines without a time, which have no step.
    #[test]
    fn the_step_that_chunks_begin_with_never_shows() {
        let line = |second: u32| {
            let (minute, second) = (second / 60, second % 60);
            format!(
                "10.0.0.{minute} - - [24/Jan/2024:10:{minute:02}:{second:02} +0000] \
                 \"GET /api/r{} HTTP/1.1\" 200 7 \"-\" \"curl/8\" 0.0{second}\n",
                second % 7
            )
        };
        let mut text: String = (0..3_600).map(line).collect();
        text.push_str(&"neither a request nor timed\n".repeat(700));
        let file = TempFile::new("steps", text.as_bytes());
        let spec = Arc::new(Spec::plain());
        let size = text.len() as u64;
        let chunks: Vec<Chunk> = (0..size.div_ceil(9_000))
            .map(|i| Chunk { source: 0, start: i * 9_000, end: size.min(i * 9_000 + 9_000) })
            .collect();
        let source = Source::open(&file.0, Mode::READ).unwrap();
        let fingerprint = Fingerprint::of_source(&source, size).unwrap();
        let sources = [(source, fingerprint)];
        let mut tree = MergeTree::new(&spec);
        for (i, &chunk) in chunks.iter().enumerate() {
            let mut scanner = Scanner::new(spec.clone()).unwrap();
            let scanned =
                scan_chunk(&mut scanner, &sources[0].0, size, chunk, &Control::default()).unwrap();
            tree.insert(i as u64, scanned).unwrap();
        }
        let expected = tree.finish(chunks.len() as u64).unwrap();
        assert_ne!(expected.figures.steps(), Steps::default());
        for threads in [1, 3] {
            let outcome = run(&sources, &chunks, &spec, threads, &Control::default()).unwrap();
            assert!(outcome.summary == expected, "{threads} threads");
        }
        // By itself a chunk shows where it began.
        let mut scanner = Scanner::new(spec.clone()).unwrap();
        scanner.start_at(expected.figures.steps());
        let mut scan = |chunk| {
            scan_chunk(&mut scanner, &sources[0].0, size, chunk, &Control::default()).unwrap()
        };
        assert_eq!(scan(chunks[0]).figures.steps(), expected.figures.steps());
        assert_eq!(scan(chunks[chunks.len() - 1]).figures.steps(), Steps::default());
    }

    #[test]
    fn a_scanner_to_blame_for_a_panic_is_replaced() {
        let file = TempFile::new("again", LINE.repeat(10).as_bytes());
        let source = Source::open(&file.0, Mode::READ).unwrap();
        let chunk = Chunk { source: 0, start: 0, end: source.size() };
        let scan = |scanner: &mut Scanner| {
            let control = Control::default();
            let summary = scan_chunk(scanner, &source, source.size(), chunk, &control).unwrap();
            // What the first scan had passed is not counted twice.
            assert_eq!(control.bytes.load(Ordering::Relaxed), source.size());
            crate::summary::codec::encode(&summary)
        };
        let mut scanner = Scanner::new(Arc::new(Spec::plain())).unwrap();
        let expected = scan(&mut scanner);
        scanner.break_down();
        assert!(caught(|| scanner.push(LINE.repeat(10).as_bytes())).is_err());
        assert!(scan(&mut scanner) == expected);
    }
}
