//! Lines without a timestamp between lines with one: whether they are part of the records before them.
//!
//! Programs whose messages have several lines write these one after the other: a trace, a request
//! with its headers, a table. Damaged lines stand alone, where each is as likely to be damaged as any
//! other: of so many that a fifth of all lines are, 10 % stand in blocks of three. So do those of a damaged
//! stretch, but that is one block. What begins like a record is none of a message.
//!
//! A short log has two traces. If all such lines stand in two blocks of the only sample, they are parts of
//! messages up to its end, and no line after it is for that reason. One block may be a damaged stretch.
//!
//! Before the first record, several such lines are what was printed before the log: a banner, the settings.
//! One or two of them may be damaged records, and what has no more records than such lines is hardly read.

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
/// Blocks that it takes in the only sample, and how many lines there may be in them.
const FEW_BLOCKS_MIN: u64 = 2;
const FEW_LINES_MAX: u64 = 40;
/// Lines before the first record that are a preamble.
const PREAMBLE_LINES_MIN: u64 = 3;
/// How many of them have to differ, as a message that is repeated may be a damaged one.
const DIFFERENT_MIN: usize = 3;
/// How far into a line a time of day would be that of a record.
const CLOCK_OFFSET_MAX: usize = 48;

/// What the lines of samples say of it.
#[derive(Default)]
pub(super) struct Blocks {
    /// Whether a record was before, in this sample or at its start.
    follows: bool,
    /// Whether the samples began at the start of the source, and no record was found since.
    at_front: bool,
    /// Lines before the first record that nothing explains, and what of that may be a damaged record.
    front: u64,
    front_damaged: bool,
    front_different: BTreeSet<u64>,
    /// How many samples there are, and where the last one ends.
    samples: u64,
    end: u64,
    /// Lines of the block at hand, and those of them that nothing explains.
    lines: u64,
    unread: u64,
    blocks: u64,
    in_blocks: u64,
    /// All that nothing explains after some record, and what of that may be a damaged one.
    texts: u64,
    damaged: u64,
    different: BTreeSet<u64>,
    records: u64,
}

/// What was decided.
#[derive(Default)]
pub(super) struct Decision {
    /// How many lines are part of the records before them, if that is so in this source.
    pub(super) lines: Option<u64>,
    /// The offset from which on none is.
    pub(super) until: Option<u64>,
    /// How many lines before the first record were printed before the log.
    pub(super) preamble: u64,
    pub(super) assumed: Vec<String>,
}

impl Blocks {
    /// Begins a sample of so many bytes at this offset; but for the first one, perhaps behind a record.
    pub(super) fn begin_sample(&mut self, offset: u64, len: usize) {
        self.close();
        self.follows = offset > 0;
        self.at_front = offset == 0;
        self.samples += 1;
        self.end = offset + len as u64;
    }

    /// Takes in a record.
    pub(super) fn record(&mut self) {
        self.close();
        self.records += 1;
        (self.follows, self.at_front) = (true, false);
    }

    /// Takes in a line that goes on with a record by its beginning.
    pub(super) fn tail(&mut self) {
        self.lines += 1;
    }

    /// Takes in a line that nothing explains.
    pub(super) fn unread(&mut self, line: &[u8]) {
        if !self.follows {
            if self.at_front {
                self.front += 1;
                self.front_damaged |= !is_text(line) || has_clock(line);
                // What differs in numbers alone is one message, which is repeated.
                let words: Vec<u8> = line.iter().copied().filter(|b| !b.is_ascii_digit()).collect();
                note(&mut self.front_different, &words);
            }
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
        note(&mut self.different, line);
    }

    fn close(&mut self) {
        if self.unread > 0 && self.lines >= BLOCK_LINES_MIN {
            self.blocks += 1;
            self.in_blocks += self.unread;
        }
        (self.lines, self.unread) = (0, 0);
    }

    /// What the lines say.
    pub(super) fn decide(mut self) -> Decision {
        self.close();
        let differ = self.different.len() >= DIFFERENT_MIN;
        let is_so = self.blocks >= BLOCKS_MIN
            && self.in_blocks * 100 >= self.texts * IN_BLOCKS_PERCENT
            && self.damaged * 100 <= self.texts * DAMAGED_PERCENT
            && differ;
        let is_so_of_few = self.samples == 1
            && self.blocks >= FEW_BLOCKS_MIN
            && self.in_blocks == self.texts
            && self.texts <= FEW_LINES_MAX
            && self.damaged == 0
            && differ;
        let has_preamble = !self.at_front
            && self.front >= PREAMBLE_LINES_MIN
            && self.records > self.front
            && !self.front_damaged
            && self.front_different.len() >= DIFFERENT_MIN;
        let told = || {
            format!(
                "lines without a timestamp are part of the record before them: {} of {} sampled ones stand \
                 in blocks",
                self.in_blocks, self.texts
            )
        };
        let front =
            format!("{} lines before the first record were printed before the log", self.front);
        let goes_on = is_so || is_so_of_few;
        Decision {
            lines: goes_on.then_some(self.texts),
            until: (!is_so && is_so_of_few).then_some(self.end),
            preamble: if has_preamble { self.front } else { 0 },
            assumed: goes_on.then(told).into_iter().chain(has_preamble.then_some(front)).collect(),
        }
    }
}

/// Takes in that a line was, unless enough that differ are known.
fn note(lines: &mut BTreeSet<u64>, line: &[u8]) {
    if lines.len() < DIFFERENT_MIN {
        let mut hasher = DefaultHasher::new();
        line.hash(&mut hasher);
        lines.insert(hasher.finish());
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

    /// What is decided of the lines of blocks, `|` between them, after a record each.
    fn decided(text: &str) -> Decision {
        let mut blocks = Blocks::default();
        blocks.begin_sample(0, 1000);
        for block in text.split('|') {
            blocks.record();
            for line in block.split_whitespace() {
                match line {
                    "tail" => blocks.tail(),
                    line => blocks.unread(line.replace('_', " ").as_bytes()),
                }
            }
        }
        blocks.decide()
    }

    #[test]
    fn blocks_are_parts_of_messages() {
        for (text, lines) in [("a b c|d e f|g h i", 9), ("a b tail|d tail tail|g h i|x|a b c", 10)]
        {
            let decided = decided(text);
            assert_eq!((decided.lines, decided.until), (Some(lines), None), "{text}");
        }
        for none in [
            // Too small.
            "a b c",
            "a b|c d|e f|g h",
            // More stand alone.
            "a b c|d e f|g h i|x|y|z|u|v",
            "a b c d|e",
            // The same ones; what may be damaged.
            "a a a|a a a|a a a",
            "a a a a a",
            // One block.
            "a b c d e f g h i",
            "a b c|d e f|g h i|2024-01-24_ERROR|10:15:33.001_INFO_Incomplete",
            "a b c|d e f|g h i_10:15:32_x|ERROR_x",
            "a b c d 10:15:32_x",
            "tail tail tail|tail tail tail|tail tail tail",
        ] {
            assert_eq!(decided(none).lines, None, "{none}");
        }
        // Before any record, they go on with nothing.
        let mut blocks = Blocks::default();
        blocks.begin_sample(0, 1000);
        for line in ["a", "b", "c"].iter().cycle().take(30) {
            blocks.unread(line.as_bytes());
        }
        let decided = blocks.decide();
        assert_eq!((decided.lines, decided.preamble), (None, 0));
    }

    #[test]
    fn few_blocks_speak_for_what_was_sampled() {
        for (text, lines) in [("a b c|d e f", 6), ("a b tail|x c tail", 4)] {
            let decided = decided(text);
            assert_eq!((decided.lines, decided.until), (Some(lines), Some(1000)), "{text}");
        }
        let many: String =
            (0..41).map(|n| format!("x{n} {}", if n == 20 { "| " } else { "" })).collect();
        assert_eq!(decided(&many).lines, None);
    }

    #[test]
    fn several_lines_before_the_first_record_are_a_preamble() {
        let preamble = |lines: &[&str], offset: u64, records: u64| {
            let mut blocks = Blocks::default();
            blocks.begin_sample(offset, 1000);
            lines.iter().for_each(|line| blocks.unread(line.as_bytes()));
            (0..records).for_each(|_| blocks.record());
            blocks.decide().preamble
        };
        assert_eq!(preamble(&["a b", "c", "d"], 0, 4), 3);
        assert_eq!(preamble(&["a b", "c", "d"], 0, 3), 0);
        assert_eq!(preamble(&["a", "b"], 0, 9), 0);
        assert_eq!(preamble(&["a", "a", "a", "a"], 0, 9), 0);
        assert_eq!(preamble(&["bad 1", "bad 2", "bad 3", "bad 4"], 0, 9), 0);
        assert_eq!(preamble(&["a", "b", "c", "2024-01-24 ERROR"], 0, 9), 0);
        assert_eq!(preamble(&["a", "b", "c", "ERROR x"], 0, 9), 0);
        assert_eq!(preamble(&["a", "b", "c"], 4096, 9), 0);
    }
}
