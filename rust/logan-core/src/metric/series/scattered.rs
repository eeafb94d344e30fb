//! Rows whose times jump about: kept as they are until the step is known, then counted in cells.

use super::Bucket;
use crate::bytes::simd::prefetch;
use crate::record::{ERROR, MEASURED, REQUEST};

/// A row that is in no bucket yet.
#[derive(Clone, Copy)]
pub(super) struct PendingRow {
    /// The second, and the row's flags in the lowest four bits.
    second_and_flags: i64,
    /// 0 where there is none.
    duration_ns: u64,
}

const FLAG_BITS: u32 = 4;

impl PendingRow {
    #[inline(always)]
    pub(super) fn new(second: i64, flags: u8, duration_ns: u64) -> PendingRow {
        // Nanoseconds fit in 64 bits, so seconds leave thirty of them.
        let second_and_flags = second << FLAG_BITS | i64::from(flags & ((1 << FLAG_BITS) - 1));
        let duration_ns = if flags & MEASURED != 0 { duration_ns } else { 0 };
        PendingRow { second_and_flags, duration_ns }
    }

    #[inline(always)]
    pub(super) fn second(&self) -> i64 {
        self.second_and_flags >> FLAG_BITS
    }

    #[inline(always)]
    fn has(&self, flag: u8) -> bool {
        self.second_and_flags & i64::from(flag) != 0
    }

    /// What it is in the bucket of this index.
    pub(super) fn bucket(&self, index: i64) -> Bucket {
        Bucket {
            index,
            records: 1,
            requests: self.has(REQUEST).into(),
            errors: self.has(ERROR).into(),
            measured: self.has(MEASURED).into(),
            sum_ns: self.duration_ns.into(),
            max_ns: self.duration_ns,
        }
    }
}

/// Most cells: 4 MiB. Days of all years that nanoseconds reach are not many more.
const CELLS_MAX: u64 = 1 << 17;

/// Rows up to which cells cannot overflow.
const ROWS_MAX: usize = 1 << 20;

/// Longest response time that so many rows may have: some hours.
const DURATION_NS_MAX: u64 = u64::MAX / ROWS_MAX as u64;

/// A bucket of few rows.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Cell {
    /// Records, requests, errors, measured.
    counts: [u32; 4],
    sum_ns: u64,
    max_ns: u64,
}

/// What a row adds to the counts of a cell, by its flags.
static COUNTS: [[u32; 4]; 1 << FLAG_BITS] = {
    let mut counts = [[1, 0, 0, 0]; 1 << FLAG_BITS];
    let mut flags = 0;
    while flags < counts.len() {
        counts[flags][1] = (flags & REQUEST as usize != 0) as u32;
        counts[flags][2] = (flags & ERROR as usize != 0) as u32;
        counts[flags][3] = (flags & MEASURED as usize != 0) as u32;
        flags += 1;
    }
    counts
};

/// A cell for each bucket from a first to a last one; none as long as there are too many.
#[derive(Default)]
pub(super) struct DenseBuckets {
    first: i64,
    cells: Vec<Cell>,
    rows: usize,
}

impl DenseBuckets {
    /// Makes cells for these buckets, if they are few enough. There must be none yet.
    pub(super) fn span(&mut self, first: i64, last: i64) {
        debug_assert!(self.cells.is_empty());
        let count = last.abs_diff(first) + 1;
        let count = if count <= CELLS_MAX { count as usize } else { 0 };
        self.cells.reserve_exact(count);
        self.cells.resize(count, Cell::default());
        self.first = first;
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// How many rows may be added before cells must be emptied.
    pub(super) fn room(&self) -> usize {
        ROWS_MAX - self.rows
    }

    /// Asks for the memory of the cell of this bucket; there may be none.
    #[inline(always)]
    pub(super) fn prefetch(&self, index: i64) {
        let at = index.wrapping_sub(self.first) as usize;
        prefetch(self.cells.as_ptr().wrapping_add(at));
    }

    /// Adds a row to the cell of this bucket; false if there is none, or the row is too long.
    #[inline(always)]
    pub(super) fn add(&mut self, index: i64, row: &PendingRow) -> bool {
        let at = index.wrapping_sub(self.first) as usize;
        let fits = row.duration_ns <= DURATION_NS_MAX;
        let Some(cell) = self.cells.get_mut(at).filter(|_| fits) else { return false };
        let counts = &COUNTS[row.second_and_flags as usize % COUNTS.len()];
        for (count, more) in cell.counts.iter_mut().zip(counts) {
            *count += more;
        }
        cell.sum_ns += row.duration_ns;
        cell.max_ns = cell.max_ns.max(row.duration_ns);
        self.rows += 1;
        true
    }

    /// The buckets with records, oldest first.
    pub(super) fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let cells = self.cells.iter().zip(self.first..);
        cells.filter(|(cell, _)| cell.counts[0] > 0).map(|(cell, index)| {
            let [records, requests, errors, measured] = cell.counts.map(u64::from);
            let (sum_ns, max_ns) = (cell.sum_ns.into(), cell.max_ns);
            Bucket { index, records, requests, errors, measured, sum_ns, max_ns }
        })
    }

    /// Leaves none.
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.rows = 0;
    }
}

/// How many different indices there are, all of which are in `first..first + span`.
pub(super) fn distinct(first: i64, span: usize, indices: impl Iterator<Item = i64>) -> usize {
    let mut set = vec![0u64; span.div_ceil(64)];
    for index in indices {
        let at = (index - first) as usize;
        set[at / 64] |= 1 << (at % 64);
    }
    set.iter().map(|word| word.count_ones() as usize).sum()
}
