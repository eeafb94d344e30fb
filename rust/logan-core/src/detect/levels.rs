//! Where the levels of a source's lines stand, and whether names stand before its timestamps.

use crate::record::{Level, NO_TIME, Record};
use crate::time::TimestampParser;

/// Lines of a hundred that have to have a level in the same column.
const COLUMN_PERCENT: u64 = 90;
/// Of so many lines one has to begin with a name before its timestamp.
const PREFIXES_ONE_IN: u64 = 20;
/// Columns that are told apart.
const COLUMNS_MAX: usize = 8;

/// Lines with a timestamp, and those with a level by its column.
#[derive(Default)]
pub(super) struct Columns {
    lines: u64,
    leveled: [u64; COLUMNS_MAX],
    /// The levels in each, as bits; all of them for one in upper case.
    levels: [u16; COLUMNS_MAX],
    /// The columns that tell more than what a line says by itself.
    only_there: u8,
}

impl Columns {
    /// Learns from the record that `clock` was last used for.
    pub(super) fn learn(&mut self, clock: &TimestampParser, record: &Record) {
        let column = match clock.seen_level {
            Some(seen) => {
                self.only_there |= seen.only_there;
                seen.column
            }
            // The usual place, in which nothing is looked for.
            None if record.time_ns != NO_TIME && record.level != Level::None => Some((0, 0, true)),
            None => return,
        };
        self.lines += 1;
        if let Some((column, level, is_loud)) = column
            && let Some(lines) = self.leveled.get_mut(column as usize)
        {
            *lines += 1;
            self.levels[column as usize] |= if is_loud { u16::MAX } else { 1 << level };
        }
    }

    /// The column that holds the level of nearly all lines, if some of them need it. The same word in
    /// small letters in all of them is one of a sentence, and letters or words that are not those of INFO
    /// and of WARN or ERROR stand for something else: drives, grades, sides.
    pub(super) fn column(&self) -> Option<u32> {
        let is_one = |&lines: &u64| lines > 0 && lines * 100 >= self.lines * COLUMN_PERCENT;
        let column = self.leveled.iter().position(is_one)?;
        let levels = self.levels[column];
        let has = |level: Level| levels >> (level as u8) & 1 == 1;
        let differs = has(Level::Info) && (has(Level::Warn) || has(Level::Error));
        (differs && self.only_there >> column & 1 == 1).then_some(column as u32)
    }
}

/// Whether enough of the lines begin with something before their timestamp and have no level.
pub(super) fn are_prefixes(prefixed: u64, lines: u64) -> bool {
    prefixed > 0 && prefixed * PREFIXES_ONE_IN >= lines
}
