//! Lines of several formats in turn: which format is tried on which line, many lines at a time.
//!
//! A log that holds several formats costs little more than each of them alone if each format parses
//! its lines in one pass. So a stretch of lines is dealt to *lanes*, one for each format that the plan
//! lists, by their first bytes; lane after lane is parsed, in the order of trial; and what a lane
//! refuses goes on to the next one that may take it. Every line meets the same formats in the same
//! order as on its own. What no lane takes is left over, in the order of the lines.
//!
//! Formats whose records may have several lines have no lane, and neither has a format behind such
//! a one for lines that both may take: there the order of the lines matters.
//!
//! # Fast path `interleave`
//! ```text
//! for each line of a batch: deal it to the lane of the first format that its first byte admits
//! for each lane, in the order of trial:
//!     parse its lines in one call, each into the row that it would have
//!     pass each one refused on to the next lane that its first byte admits
//! for what is left, in order: as line by line
//! leave it when fewer than one line in 16 is of another format than the first
//! ```
//! Reference: the scanner's `parse_run`, which tries the formats line by line. Compared by
//! `lanes_do_not_show` and `tests/fast_paths.rs`. Gain: time without it 1.80 on mixed logs, 1.14
//! on unlike ones (2026-11-28, AMD EPYC with AVX-512, other work beside it).

use crate::format::{Format, LineRef};
use crate::record::{BATCH_ROWS, Columns};

/// The lanes of one source.
pub(super) struct Interleaver {
    /// For each first byte of a line, the lanes that may take it.
    trials: Box<[u64; 256]>,
    /// For each first byte, the first of these, or the place of what is left over.
    first: Box<[u8; 256]>,
    /// Columns that the formats of all lanes fill.
    pub common: Columns,
    /// The lines of each lane, and behind them what is left over.
    lists: Vec<Vec<LineRef>>,
    /// Whether lines come in such a mixture that lanes pay.
    pub active: bool,
}

/// The first format parses lines that follow one another faster than those of its lane. Of so many
/// lines, one must be of another format for lanes to pay.
const LINES_OF_FIRST: usize = 16;

impl Interleaver {
    /// Lanes for the first `listed` of the formats.
    pub fn new(formats: &[(usize, Box<dyn Format>)], listed: usize) -> Interleaver {
        let lanes = || formats.iter().take(listed).map(|(_, format)| format).enumerate();
        let ordered = |format: &dyn Format| format.is_multi_line();
        let (mut trials, mut first) = (Box::new([0; 256]), Box::new([listed as u8; 256]));
        for byte in 0..=255u8 {
            // Lines that are blank or a header come before all formats.
            if byte == b'#' || byte.is_ascii_whitespace() {
                continue;
            }
            let may = |format: &dyn Format| format.may_begin_with(byte);
            let before = lanes().find(|(_, f)| ordered(f.as_ref()) && may(f.as_ref()));
            let lanes = lanes().take(before.map_or(listed, |(i, _)| i));
            let set: u64 =
                lanes.filter(|(_, f)| may(f.as_ref())).fold(0, |set, (i, _)| set | 1u64 << i);
            trials[usize::from(byte)] = set;
            if set != 0 {
                first[usize::from(byte)] = set.trailing_zeros() as u8;
            }
        }
        let common = lanes()
            .filter(|(_, format)| !ordered(format.as_ref()))
            .fold(Columns::ALL, |common, (_, format)| common.and(format.columns()));
        let lists = (0..=listed).map(|_| Vec::with_capacity(BATCH_ROWS)).collect();
        Interleaver { trials, first, common, lists, active: false }
    }

    /// How many lanes there are.
    pub fn count(&self) -> usize {
        self.lists.len() - 1
    }

    /// Which lanes are tried on lines that begin with `byte`.
    pub fn trials(&self, byte: u8) -> u64 {
        self.trials[usize::from(byte)]
    }

    /// Deals lines that end at `ends` to the lanes; the first starts at `start` and is of `row`.
    pub fn deal(&mut self, block: &[u8], ends: &[u32], mut start: u32, row: usize) {
        for (&end, row) in ends.iter().zip(row as u32..) {
            // An empty line begins with its newline.
            let lane = self.first[usize::from(block[start as usize])];
            self.lists[usize::from(lane)].push(LineRef { start, end, row });
            start = end + 1;
        }
    }

    /// Takes the lines of a lane, or what is left over in place [`count`](Self::count).
    pub fn take(&mut self, lane: usize) -> Vec<LineRef> {
        std::mem::take(&mut self.lists[lane])
    }

    /// Gives back the room of lines that were taken.
    pub fn give_back(&mut self, lane: usize, mut list: Vec<LineRef>) {
        list.clear();
        self.lists[lane] = list;
    }

    /// Passes on what a lane refused.
    pub fn pass_on(&mut self, block: &[u8], lane: usize, refused: &[LineRef]) {
        for &spot in refused {
            let behind = self.trials(block[spot.start as usize]) & (u64::MAX << lane) << 1;
            let lane = if behind == 0 { self.count() } else { behind.trailing_zeros() as usize };
            self.lists[lane].push(spot);
        }
    }

    /// Told of a line of another format after so many of the first.
    pub fn saw_other(&mut self, run: usize) {
        self.active |= run < LINES_OF_FIRST && self.count() > 1;
    }

    /// Told how many lines of so many the first lane took.
    pub fn saw_first(&mut self, lines: usize, of: usize) {
        // A few lines at the edge of a block say little.
        self.active = of < LINES_OF_FIRST || (of - lines) * LINES_OF_FIRST >= of;
    }
}
