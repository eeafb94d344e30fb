//! Runs whose records are handed out in the order of the input, instead of being counted.
//!
//! Inputs are read one after the other, in *stages*: runs of files, whose chunks are scanned side
//! by side; an archive, decoded on one thread and scanned on others; a file whose lines depend on
//! all before them; bytes that are pushed. What they give goes through a [`Queue`].
//!
//! Chunks are cut smaller than those of a plan: what is ahead of the reader is kept in memory, and
//! no table depends on how a log is cut.

use super::run::{one_archive, scan_each};
use super::{AbortOnPanic, ArchiveFeed, Archives, Control, DecoderPool, Open, Request};
use crate::archive::Container;
use crate::bytes::input::{Check, Fingerprint};
use crate::chunk::{Chunk, Feed};
use crate::error::Error;
use crate::record::Output;
use crate::records::queue::{Failure, Queue, Unit};
use crate::scan::Scanner;
use crate::spec::Spec;
use std::borrow::Borrow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

/// Bytes of a log whose records are kept together. Arrays take one to three times as many.
pub const UNIT_BYTES: u64 = 4 << 20;

/// Inputs that are read at once.
pub enum Stage {
    /// Chunks of files, in the order in which their records are wanted.
    Files(Vec<Chunk>),
    /// A compressed file.
    Archive(u32),
    /// A file that is read from its beginning, since its lines depend on all before them.
    Serial(u32),
    /// Bytes that come from elsewhere.
    Pushed(Pushed),
}

/// An input whose bytes come from elsewhere.
pub struct Pushed {
    /// Index of the source.
    pub source: u32,
    /// What messages call it.
    pub name: PathBuf,
    /// How it is compressed, if it is.
    pub packing: Option<Container>,
    /// Its bytes; it ends when all senders are gone.
    pub pieces: Receiver<Vec<u8>>,
    /// Why it did not end as it should: kind and reason.
    pub fault: Arc<Mutex<Option<(&'static str, String)>>>,
}

/// Hands out the records of all stages, and ends the queue. What cannot be read is noted there.
pub fn run_in_order<S: Open>(
    stages: Vec<Stage>,
    sources: &[(S, Fingerprint)],
    archives: &Archives,
    spec: &Arc<Spec>,
    threads: usize,
    control: &Control,
    queue: &Queue,
) {
    let run = Run { sources, archives, spec, threads: threads.max(1), control, queue };
    for stage in stages {
        let source = match &stage {
            Stage::Files(chunks) => chunks.first().map_or(0, |chunk| chunk.source),
            Stage::Archive(source) | Stage::Serial(source) => *source,
            Stage::Pushed(pushed) => pushed.source,
        };
        let done = crate::panics::caught(|| match stage {
            Stage::Files(chunks) => run.files(&chunks),
            Stage::Archive(source) => run.archive(source),
            Stage::Serial(source) => run.serial(source),
            Stage::Pushed(pushed) => run.pushed(&pushed),
        });
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => run.fail(source, 0, None, &error),
            Err(why) => {
                let path = PathBuf::new();
                let error = Error::Panic { path, start: 0, end: u64::MAX, decoded: false, why };
                run.fail(source, 0, None, &error);
            }
        }
        if control.check().is_err() {
            break;
        }
    }
    queue.end();
}

struct Run<'r, S> {
    sources: &'r [(S, Fingerprint)],
    archives: &'r Archives,
    spec: &'r Arc<Spec>,
    threads: usize,
    control: &'r Control,
    queue: &'r Queue,
}

impl<S: Open> Run<'_, S> {
    fn fail(&self, source: u32, start: u64, end: Option<u64>, error: &Error) {
        let (kind, why) = (error.kind(), error.to_string());
        self.queue.fail(Failure { source, start, end, kind, why });
    }

    fn files(&self, chunks: &[Chunk]) -> Result<(), Error> {
        let cut = |chunk: &Chunk| {
            let Chunk { source, start, end } = *chunk;
            let starts = (start..end).step_by(UNIT_BYTES as usize);
            starts.map(move |start| Chunk { source, start, end: end.min(start + UNIT_BYTES) })
        };
        let units: Vec<Chunk> = chunks.iter().flat_map(cut).collect();
        self.queue.begin_chunks(units.iter().map(|unit| (unit.source, unit.start)).collect());
        scan_each(self.sources, &units, self.spec, self.threads, self.control, |unit, error| {
            let Chunk { source, start, end } = unit;
            self.fail(source, start, Some(end), &error);
            self.queue.deliver(source, start, Unit::lost(source));
        })
    }

    fn archive(&self, source: u32) -> Result<(), Error> {
        let request = self
            .archives
            .request(source)
            .ok_or_else(|| Error::Spec(format!("source {source} is not said to be an archive")))?;
        let request = Request { grid_bytes: UNIT_BYTES, ..request };
        self.queue.begin_grid(UNIT_BYTES);
        let pool = DecoderPool::new(1, 1);
        let (summary, _, _, fault) = std::thread::scope(|scope| {
            for _ in 1..self.threads {
                let steal = || Scanner::new(self.spec.clone()).map(|mut own| pool.steal(&mut own));
                if std::thread::Builder::new().spawn_scoped(scope, steal).is_err() {
                    break;
                }
            }
            let _guard = AbortOnPanic(&pool);
            let scanned = Scanner::new(self.spec.clone()).and_then(|mut scanner| {
                one_archive(&pool, &mut scanner, self.sources, request, self.control)
            });
            pool.done();
            scanned
        })?;
        if let Some(error) = fault {
            self.fail(source, summary.coverage.bytes(source), None, &error);
        }
        Ok(())
    }

    fn serial(&self, source: u32) -> Result<(), Error> {
        let (place, fingerprint) = &self.sources[source as usize];
        let file = place.open()?;
        let file = file.borrow();
        self.queue.begin_arrival();
        let mut feed = Feed::new(self.spec.clone(), source, UNIT_BYTES)?;
        file.windows(0..fingerprint.size, |block, _| {
            self.control.check()?;
            feed.push(block)?;
            self.control.bytes.fetch_add(block.len() as u64, std::sync::atomic::Ordering::Relaxed);
            Ok(ControlFlow::Continue(()))
        })?;
        feed.close()?;
        match fingerprint.check(file)? {
            Check::Changed(why) => Err(Error::changed(file.path(), why)),
            _ => Ok(()),
        }
    }

    fn pushed(&self, pushed: &Pushed) -> Result<(), Error> {
        let ended = match pushed.packing {
            None => self.pushed_log(pushed),
            Some(packing) => self.pushed_archive(pushed, packing),
        };
        let fault = pushed.fault.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some((kind, why)) = fault {
            let (source, start) = (pushed.source, 0);
            self.queue.fail(Failure { source, start, end: None, kind, why });
            return Ok(());
        }
        ended
    }

    fn pushed_log(&self, pushed: &Pushed) -> Result<(), Error> {
        self.queue.begin_arrival();
        let mut feed = Feed::new(self.spec.clone(), pushed.source, UNIT_BYTES)?;
        for piece in &pushed.pieces {
            self.control.check()?;
            feed.push(&piece)?;
        }
        let is_whole = pushed.fault.lock().unwrap_or_else(|e| e.into_inner()).is_none();
        // Without its last line, if that may lack its end.
        if is_whole { feed.close() } else { feed.snapshot().map(drop) }
    }

    fn pushed_archive(&self, pushed: &Pushed, packing: Container) -> Result<(), Error> {
        self.queue.begin_grid(UNIT_BYTES);
        let expansion_max = self.archives.expansion_max;
        let source = pushed.source;
        let request = Request { source, packing, grid_bytes: UNIT_BYTES, expansion_max };
        let cancel = self.control.cancel.clone();
        let (spec, name) = (self.spec.clone(), pushed.name.clone());
        let feed = ArchiveFeed::new(spec, name, request, self.threads, cancel)?;
        for piece in &pushed.pieces {
            self.control.check()?;
            if !feed.push(&piece) {
                break;
            }
        }
        let scanned = feed.finish()?;
        if let Some(error) = scanned.fault {
            self.fail(source, scanned.summary.coverage.bytes(source), None, &error);
        }
        Ok(())
    }
}

/// A spec whose records go to `output`.
///
/// # Errors
/// [`Error::Spec`] if it asks for too many fields.
pub fn handing_out(
    spec: &Spec,
    output: Arc<dyn crate::record::RecordOutput>,
) -> Result<Arc<Spec>, Error> {
    spec.with_output(Output(Some(output))).map(Arc::new)
}
