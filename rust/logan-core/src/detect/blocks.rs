//! Lines without a timestamp between lines with one: whether they are part of the records before them.
//!
//! Programs whose messages have several lines write these one after the other: a trace, a request
//! with its headers, a table. Damaged lines stand alone, where each is as likely to be damaged as any
//! other: of so many that a fifth of all lines are, 10 % stand in blocks of three. So do those of a damaged
//! stretch, but that is one block. What begins like a record is none of a message.

use crate::format::tails::is_text;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Lines of a block that count, those that are tails by their beginning among them.
const BLOCK_LINES_MIN: u64 = 3;
/// Blocks that it takes.
const BLOCKS_MIN: u64 = 3;
/// Lines of a hundred that have to stand in such blocks.
const IN_BLOCKS_PERCENT: u64 = 80;
/// Lines of a hundred that may look like damaged records.
const DAMAGED_PERCENT: u64 = 10;
/// How many of them have to differ, as a message that is repeated may be a damaged one.
const DIFFERENT_MIN: usize = 3;
/// How far into a line a time of day would be that of a record.
const CLOCK_OFFSET_MAX: usize = 48;

/// What the lines of samples say of it.
#[derive(Default)]
pub(super) struct Blocks {
    /// Whether a record was before, in this sample or at its start.
    follows: bool,
    /// Lines of the block at hand, and those of them that nothing explains.
    lines: u64,
    unread: u64,
    blocks: u64,
    in_blocks: u64,
    /// All that nothing explains after some record, and what of that may be a damaged one.
    texts: u64,
    damaged: u64,
    different: BTreeSet<u64>,
}

impl Blocks {
    /// Begins a sample, perhaps behind a record.
    pub(super) fn begin_sample(&mut self, follows: bool) {
        self.end();
        self.follows = follows;
    }

    /// Takes in a record.
    pub(super) fn record(&mut self) {
        self.end();
        self.follows = true;
    }

    /// Takes in a line that goes on with a record by its beginning.
    pub(super) fn tail(&mut self) {
        self.lines += 1;
    }

    /// Takes in a line that nothing explains.
    pub(super) fn unread(&mut self, line: &[u8]) {
        if !self.follows {
            return;
        }
        if !is_text(line) {
            self.damaged += 1;
            return;
        }
        self.damaged += u64::from(has_clock(line));
        self.lines += 1;
        self.unread += 1;
        self.texts += 1;
        if self.different.len() < DIFFERENT_MIN {
            let mut hasher = DefaultHasher::new();
            line.hash(&mut hasher);
            self.different.insert(hasher.finish());
        }
    }

    fn end(&mut self) {
        if self.unread > 0 && self.lines >= BLOCK_LINES_MIN {
            self.blocks += 1;
            self.in_blocks += self.unread;
        }
        (self.lines, self.unread) = (0, 0);
    }

    /// How many lines are part of the records before them, if that is so in this source, and what is
    /// said of it.
    pub(super) fn decide(mut self) -> Option<(u64, String)> {
        self.end();
        let is_so = self.blocks >= BLOCKS_MIN
            && self.in_blocks * 100 >= self.texts * IN_BLOCKS_PERCENT
            && self.damaged * 100 <= self.texts * DAMAGED_PERCENT
            && self.different.len() >= DIFFERENT_MIN;
        let told = || {
            format!(
                "lines without a timestamp are part of the record before them: {} of {} sampled ones stand \
                 in blocks",
                self.in_blocks, self.texts
            )
        };
        is_so.then(|| (self.texts, told()))
    }
}

/// Whether `10:15:32` stands near the front.
fn has_clock(line: &[u8]) -> bool {
    let front = &line[..line.len().min(CLOCK_OFFSET_MAX)];
    front.windows(8).any(|part| {
        part.iter().enumerate().all(|(at, byte)| match at {
            2 | 5 => *byte == b':',
            _ => byte.is_ascii_digit(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of blocks, `|` between them, after a record each.
    fn decided(text: &str) -> Option<u64> {
        let mut blocks = Blocks::default();
        for block in text.split('|') {
            blocks.record();
            for line in block.split_whitespace() {
                match line {
                    "tail" => blocks.tail(),
                    line => blocks.unread(line.replace('_', " ").as_bytes()),
                }
            }
        }
        blocks.decide().map(|(lines, _)| lines)
    }

    #[test]
    fn blocks_are_parts_of_messages() {
        assert_eq!(decided("a b c|d e f|g h i"), Some(9));
        assert_eq!(decided("a b tail|d tail tail|g h i|x|a b c"), Some(10));
        for none in [
            // Two of them, or too small.
            "a b c|d e f",
            "a b|c d|e f|g h",
            // More stand alone.
            "a b c|d e f|g h i|x|y|z|u|v",
            // The same ones; what may be damaged.
            "a a a|a a a|a a a",
            "a b c|d e f|g h i|2024-01-24_ERROR|10:15:33.001_INFO_Incomplete",
            "a b c|d e f|g h i_10:15:32_x|ERROR_x",
            "tail tail tail|tail tail tail|tail tail tail",
        ] {
            assert_eq!(decided(none), None, "{none}");
        }
        // Before any record, they go on with nothing.
        let mut blocks = Blocks::default();
        for line in ["a", "b", "c"].iter().cycle().take(30) {
            blocks.unread(line.as_bytes());
        }
        assert_eq!(blocks.decide(), None);
    }
}
