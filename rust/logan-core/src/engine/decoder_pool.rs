//! Threads that scan what decoders of archives give.
//!
//! ```text
//! decoder thread of an archive:  push a job for each chunk that begins
//! thread that reads the archive: run its jobs, oldest first, until the archive is done
//! thread with nothing else to do: steal the oldest job of any archive, until none is left to read
//! ```
//! A job may wait for bytes that its decoder has yet to give. That cannot stick: jobs are taken in
//! order, so all jobs before it are in hands that can go on, and free what the decoder waits for.
//!
//! What a job does is not known here; [`archive_scan`](super::archive_scan) makes them.

use crate::scan::Scanner;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Work for a thread that has a scanner.
pub(super) type Work = Box<dyn FnOnce(&mut Scanner) + Send>;

/// The threads of a job that scan what decoders give.
///
/// A thread that has nothing else to do [steals](DecoderPool::steal) until no archive is left.
pub struct DecoderPool {
    state: Mutex<State>,
    /// There is a job, or a thread that waits for one has to look whether it should.
    job_ready: Condvar,
    /// How many archives may be read side by side.
    at_once: usize,
}

struct State {
    /// Archives that are not finished.
    archives: usize,
    /// Chunks that no thread has taken, oldest first.
    jobs: VecDeque<Job>,
    /// A thread broke down: waiting threads must stop.
    broken: bool,
}

struct Job {
    owner: usize,
    work: Work,
}

impl DecoderPool {
    /// A pool for so many archives, of which at most `at_once` are read side by side.
    pub fn new(archives: usize, at_once: usize) -> DecoderPool {
        DecoderPool {
            state: Mutex::new(State { archives, jobs: VecDeque::new(), broken: false }),
            job_ready: Condvar::new(),
            at_once: at_once.clamp(1, archives.max(1)),
        }
    }

    /// How many archives may be read side by side.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Adds a job of an owner: some number that no other owner has.
    pub(super) fn push(&self, owner: usize, work: Work) {
        self.lock().jobs.push_back(Job { owner, work });
        self.job_ready.notify_all();
    }

    /// Runs jobs of any owner until all archives are done.
    pub fn steal(&self, scanner: &mut Scanner) {
        self.run_while(scanner, |_| true, |state| state.archives > 0);
    }

    /// Runs jobs of one owner, oldest first, until there are none and `is_done` says so.
    pub(super) fn run(&self, scanner: &mut Scanner, owner: usize, is_done: impl Fn() -> bool) {
        self.run_while(scanner, |job| job.owner == owner, |_| !is_done());
    }

    /// Runs the jobs that are `wanted`; waits for more while `may_come` says that there may be some.
    fn run_while(
        &self,
        scanner: &mut Scanner,
        wanted: impl Fn(&Job) -> bool,
        may_come: impl Fn(&State) -> bool,
    ) {
        loop {
            let job = {
                let mut state = self.lock();
                loop {
                    let first = state.jobs.iter().position(&wanted);
                    if let Some(job) = first.and_then(|at| state.jobs.remove(at)) {
                        break job;
                    }
                    if state.broken || !may_come(&state) {
                        return;
                    }
                    state = self.job_ready.wait(state).unwrap_or_else(|e| e.into_inner());
                }
            };
            let _guard = AbortOnPanic(self);
            (job.work)(scanner);
            self.wake();
        }
    }

    /// Has waiting threads look again whether they should.
    pub(super) fn wake(&self) {
        // With the lock: a thread that has looked and does not wait yet would miss it.
        drop(self.lock());
        self.job_ready.notify_all();
    }

    /// Drops the jobs of an owner that no thread has taken.
    pub(super) fn abandon(&self, owner: usize) {
        self.lock().jobs.retain(|job| job.owner != owner);
    }

    /// One archive less, whether it was read or not.
    pub fn done(&self) {
        let mut state = self.lock();
        state.archives = state.archives.saturating_sub(1);
        drop(state);
        self.job_ready.notify_all();
    }

    /// Stops all threads: one broke down.
    pub fn abort(&self) {
        self.lock().broken = true;
        self.job_ready.notify_all();
    }
}

/// Stops the other threads when this one breaks down, so that none waits for it.
pub(crate) struct AbortOnPanic<'a>(pub &'a DecoderPool);

impl Drop for AbortOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abort();
        }
    }
}
