//! Chunks of records on their way from the threads that scan to the one that reads, in the order of
//! the input.
//!
//! ```text
//! deliver(source, start, unit): waits until fewer than `window` units lie before it
//! next():                       waits for the unit that comes next
//! ```
//! Threads take chunks in order, so the one whose unit is next never waits: nothing can stick. What
//! is kept is bounded by the window. Units of a *stage* (files, one archive, one stream) are known
//! by their place in it; a stage ends when all that it gives was delivered.

use crate::record::LineCounts;
use arrow_array::RecordBatch;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// A batch of a unit.
#[derive(Debug)]
pub struct Piece {
    /// Its rows.
    pub batch: RecordBatch,
    /// Continuation lines of a record in a chunk before: wanted if that was selected.
    pub leading: bool,
}

/// What a chunk gave.
#[derive(Debug)]
pub struct Unit {
    /// Index of the source.
    pub source: u32,
    /// Its batches, in order.
    pub pieces: Vec<Piece>,
    /// Its lines.
    pub counts: LineCounts,
    /// How many lines begin in it, if lines are numbered; None if that is not known.
    pub lines: Option<u64>,
    /// Whether its last record was selected; None if it has none.
    pub last_kept: Option<bool>,
}

impl Unit {
    /// A chunk that gave nothing.
    pub fn lost(source: u32) -> Unit {
        let counts = LineCounts::default();
        Unit { source, pieces: Vec::new(), counts, lines: None, last_kept: None }
    }
}

/// Bytes of an input of which there are no records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Index of the source.
    pub source: u32,
    /// The first byte.
    pub start: u64,
    /// One past the last one; None if it is not known.
    pub end: Option<u64>,
    /// What kind of failure it is, as a word.
    pub kind: &'static str,
    /// What to tell the user.
    pub why: String,
}

/// How a stage's units are known.
enum Order {
    /// Chunks in this order.
    Listed(BTreeMap<(u32, u64), u64>),
    /// Of a source, cut every so many bytes.
    Grid(u64),
    /// As they come, from one thread.
    Arrival,
}

struct State {
    order: Order,
    /// The place of the stage's first unit among all.
    base: u64,
    /// The place of the unit that is read next.
    next: u64,
    /// One past the last place that was delivered.
    end: u64,
    units: BTreeMap<u64, Unit>,
    failures: VecDeque<Failure>,
    ended: bool,
}

/// Chunks of records, in order.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    window: u64,
    /// The reader is gone. Shared with what scans, which then stops.
    cancel: Arc<AtomicBool>,
    closed: AtomicBool,
}

/// What comes next.
pub enum Next {
    /// A chunk.
    Unit(Unit),
    /// A failure, before anything that was not delivered by then.
    Failure(Failure),
    /// All was read.
    End,
}

impl Queue {
    /// A queue that keeps at most `window` units. Closing it sets `cancel`.
    pub fn new(window: usize, cancel: Arc<AtomicBool>) -> Queue {
        Queue {
            state: Mutex::new(State {
                order: Order::Arrival,
                base: 0,
                next: 0,
                end: 0,
                units: BTreeMap::new(),
                failures: VecDeque::new(),
                ended: false,
            }),
            changed: Condvar::new(),
            window: window.max(1) as u64,
            cancel,
            closed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Begins a stage of these chunks, in this order.
    pub fn begin_chunks(&self, chunks: Vec<(u32, u64)>) {
        self.begin(Order::Listed(chunks.into_iter().zip(0..).collect()));
    }

    /// Begins a stage of one source that is cut every `grid_bytes`.
    pub fn begin_grid(&self, grid_bytes: u64) {
        self.begin(Order::Grid(grid_bytes.max(1)));
    }

    /// Begins a stage of one source that is scanned by one thread.
    pub fn begin_arrival(&self) {
        self.begin(Order::Arrival);
    }

    fn begin(&self, order: Order) {
        let mut state = self.lock();
        state.base = state.end;
        state.order = order;
        drop(state);
        self.changed.notify_all();
    }

    /// Hands over what the chunk at `start` gave. Waits for room; where the reader is gone, it is
    /// dropped.
    pub fn deliver(&self, source: u32, start: u64, unit: Unit) {
        let mut state = self.lock();
        let place = state.base
            + match &state.order {
                Order::Listed(chunks) => {
                    chunks.get(&(source, start)).copied().unwrap_or(chunks.len() as u64)
                }
                Order::Grid(grid) => start / grid,
                Order::Arrival => state.end - state.base,
            };
        while place >= state.next + self.window && !self.closed.load(Ordering::Relaxed) {
            state = self.changed.wait(state).unwrap_or_else(|e| e.into_inner());
        }
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        debug_assert!(place >= state.next && !state.units.contains_key(&place));
        state.end = state.end.max(place + 1);
        state.units.insert(place, unit);
        drop(state);
        self.changed.notify_all();
    }

    /// Notes what is missing.
    pub fn fail(&self, failure: Failure) {
        self.lock().failures.push_back(failure);
        self.changed.notify_all();
    }

    /// No more comes.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Nothing more is read: what scans is to stop.
    pub fn close(&self) {
        self.cancel.store(true, Ordering::Relaxed);
        let state = self.lock();
        self.closed.store(true, Ordering::Relaxed);
        drop(state);
        self.changed.notify_all();
    }

    /// What comes next; waits for it.
    pub fn next(&self) -> Next {
        let mut state = self.lock();
        loop {
            let next = state.next;
            if let Some(unit) = state.units.remove(&next) {
                state.next += 1;
                drop(state);
                self.changed.notify_all();
                return Next::Unit(unit);
            }
            if let Some(failure) = state.failures.pop_front() {
                return Next::Failure(failure);
            }
            // Of a stage before, nothing more comes: what was not delivered is left out.
            if state.ended || state.next < state.base {
                let first = state.units.keys().next().copied();
                state.next = match (first, state.ended) {
                    (Some(place), true) => place,
                    (Some(place), false) => place.min(state.base),
                    (None, true) => return Next::End,
                    (None, false) => state.base,
                };
                self.changed.notify_all();
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(|e| e.into_inner());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(lines: u64) -> Unit {
        Unit { lines: Some(lines), ..Unit::lost(0) }
    }

    fn lines(next: Next) -> Option<u64> {
        match next {
            Next::Unit(unit) => unit.lines,
            Next::Failure(failure) => panic!("{failure:?}"),
            Next::End => None,
        }
    }

    #[test]
    fn units_come_in_order_and_stages_one_after_the_other() {
        let queue = Queue::new(8, Arc::default());
        queue.begin_chunks(vec![(0, 0), (0, 10), (2, 0)]);
        queue.deliver(2, 0, unit(3));
        queue.deliver(0, 10, unit(2));
        queue.deliver(0, 0, unit(1));
        // The first chunk of this one is lost without a word.
        queue.begin_grid(100);
        queue.deliver(3, 100, unit(5));
        queue.begin_arrival();
        queue.deliver(4, 7, unit(6));
        queue.deliver(4, 9, unit(7));
        queue.end();
        let read: Vec<_> = std::iter::from_fn(|| lines(queue.next())).collect();
        assert_eq!(read, [1, 2, 3, 5, 6, 7]);
    }

    #[test]
    fn what_is_ahead_waits_for_room() {
        let queue = Queue::new(2, Arc::default());
        queue.begin_chunks((0..50).map(|i| (0, i)).collect());
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let queue = &queue;
                scope.spawn(move || {
                    (0..50).filter(|i| i % 3 == thread).for_each(|i| {
                        queue.deliver(0, i, unit(i));
                    });
                });
            }
            let read: Vec<_> = (0..50).filter_map(|_| lines(queue.next())).collect();
            assert_eq!(read, (0..50).collect::<Vec<_>>());
        });
        queue.end();
        assert!(matches!(queue.next(), Next::End));
    }

    #[test]
    fn waiting_for_room_ends_when_the_reader_is_gone() {
        let queue = Queue::new(1, Arc::default());
        queue.begin_arrival();
        std::thread::scope(|scope| {
            scope.spawn(|| (0..9).for_each(|i| queue.deliver(0, i, unit(i))));
            assert_eq!(lines(queue.next()), Some(0));
            queue.close();
        });
        assert!(queue.cancel.load(Ordering::Relaxed));
    }
}
