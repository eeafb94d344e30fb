//! Where in a table texts are that columns say again and again, by some of their bytes.
//!
//! A memo never knows anything: the key at a place is compared with the whole text, so that a place
//! that something else has taken meanwhile, or a text with the same sample, is only a look-up more.
//!
//! # Fast path `dimensions`
//! ```text
//! for each row: if the text is that of the row before, so is its place
//!               sample = length and up to six words of the text, mixed into 64 bits
//!               if the memo has a place for the sample whose key is the text, this is the place
//!               else look in the table by the hash of the text, and keep the place
//! leave it for the rest of a chunk whose texts are mostly not in the memo
//! ```
//! Reference: `by_hash` of the module above. Compared by `the_memo_never_shows` and
//! `tests/fast_paths.rs`. Gain: the tables of a combined log of 50 referrers take 421 instructions a
//! line with it, 529 without (callgrind, AVX2, 2026-11-29).

use crate::sketch::groups::{GroupTable, KEY_BYTES_MAX, Payload};

/// Places that a memo keeps.
const SLOTS: usize = 1 << 10;
/// Rows after which a memo that finds too little is switched off, and the share of misses among them,
/// as a divisor, up to which it stays on.
const ROWS_MIN: usize = 1 << 12;
const MISSES_DIVISOR: usize = 4;

/// The upper half of a sample, and a place.
type Slot = (u32, u32);

/// Places by sample.
pub(super) struct Memo {
    slots: Box<[Slot; SLOTS]>,
    rows: usize,
    misses: usize,
    is_on: bool,
    /// Too many texts are not in it: it is not worth it for now.
    pub(super) is_off: bool,
}

/// A text of at most eight bytes and its length, or a length above eight and the last eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    word: u64,
    len: usize,
}

impl Memo {
    pub(super) fn new(is_on: bool) -> Memo {
        Memo { slots: Box::new([(0, 0); SLOTS]), rows: 0, misses: 0, is_on, is_off: !is_on }
    }

    /// Begins a chunk.
    pub(super) fn restart(&mut self) {
        (self.rows, self.misses, self.is_off) = (0, 0, !self.is_on);
    }

    /// Notes that so many rows were looked at.
    #[inline(always)]
    pub(super) fn looked_at(&mut self, rows: usize) {
        self.rows += rows;
        if self.rows >= ROWS_MIN {
            self.is_off = self.misses > self.rows / MISSES_DIVISOR;
            (self.rows, self.misses) = (0, 0);
        }
    }

    /// The place of a text in the table, inserted if it is not there.
    #[inline(always)]
    pub(super) fn place<P: Payload>(
        &mut self,
        table: &mut GroupTable<P>,
        text: &[u8],
        end: End,
    ) -> usize {
        let sample = sample(text, end);
        let (tag, place) = self.slots[sample as usize % SLOTS];
        if tag == (sample >> 32) as u32 && table.is_key(place as usize, text) {
            return place as usize;
        }
        self.look_up(table, text, sample)
    }

    #[inline(never)]
    fn look_up<P: Payload>(
        &mut self,
        table: &mut GroupTable<P>,
        text: &[u8],
        sample: u64,
    ) -> usize {
        self.misses += 1;
        let place = table.index(text);
        if text.len() <= KEY_BYTES_MAX {
            self.slots[sample as usize % SLOTS] = ((sample >> 32) as u32, place as u32);
        }
        place
    }
}

#[inline(always)]
fn word(text: &[u8], at: usize) -> u64 {
    text[at..at + 8].try_into().map_or(0, u64::from_le_bytes)
}

impl End {
    /// Of a text that is not empty.
    #[inline(always)]
    pub(super) fn of(text: &[u8]) -> End {
        let len = text.len();
        let half = |at: usize| text[at..at + 4].try_into().map_or(0, u32::from_le_bytes);
        let word = match len {
            8.. => word(text, len - 8),
            4.. => u64::from(half(0)) | u64::from(half(len - 4)) << 32,
            _ => {
                let byte = |at: usize| u64::from(text[at]);
                byte(0) | byte(len / 2) << 8 | byte(len - 1) << 16
            }
        };
        End { word, len }
    }

    /// Whether it is the whole text.
    #[inline(always)]
    pub(super) fn is_all(self) -> bool {
        self.len <= 8
    }
}

/// 64 bits that nearly any byte of a text sways.
#[inline(always)]
fn sample(text: &[u8], end: End) -> u64 {
    let mix = |a: u64, b: u64| {
        let product = u128::from(a ^ 0x1cad_21f7_2c81_017c) * u128::from(b ^ 0xdb97_9083_e96d_d4de);
        product as u64 ^ (product >> 64) as u64
    };
    let mut mixed = mix(end.word, end.len as u64);
    if let Some(span) = end.len.checked_sub(8).filter(|&span| span > 0) {
        // From the first word to that before the last one, evenly.
        let at = |i: usize| word(text, span * i / 5);
        mixed ^= mix(at(0), at(1)).rotate_left(17);
        if span > 8 {
            mixed ^= mix(at(2), at(3) ^ at(4).rotate_left(29)).rotate_left(31);
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::routes::Route;
    use crate::record::REQUEST;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_memo_never_shows(
            texts in prop::collection::vec(
                prop_oneof![
                    "[ab]{1,9}",
                    // The same samples, mostly: what differs lies between their words.
                    "Mozilla/5[.]0 [(]X11; Linux x86_64; rv:1[0-3]{2}[.]0[)] Gecko/2010 Firefox/1[0-3]{2}",
                    "https://example[.]com/[a-c]{1,3}",
                    "[x]{250,260}",
                ],
                1..200,
            ),
            chunk in 1usize..80,
        ) {
            // So few that tables are reduced and places move.
            let (mut with, mut without) = (GroupTable::<Route>::new(9), GroupTable::new(9));
            let mut memo = Memo::new(true);
            for texts in texts.chunks(chunk) {
                memo.restart();
                for text in texts {
                    let text = text.as_bytes();
                    with.expect(1);
                    without.expect(1);
                    let place = memo.place(&mut with, text, End::of(text));
                    prop_assert_eq!(place, without.index(text));
                    for table in [&mut with, &mut without] {
                        table.count(place).add_values(REQUEST, 5, 7);
                    }
                }
                prop_assert_eq!(with.take(), without.take());
            }
        }

        #[test]
        fn ends_of_short_texts_are_the_texts(a in "[a-c]{1,8}", b in "[a-c]{1,8}") {
            prop_assert_eq!(End::of(a.as_bytes()) == End::of(b.as_bytes()), a == b);
        }
    }

    #[test]
    fn a_memo_that_finds_little_is_left_for_the_rest_of_a_chunk() {
        let mut table = GroupTable::<Route>::new(5_000);
        let mut memo = Memo::new(true);
        table.expect(ROWS_MIN);
        for i in 0..ROWS_MIN {
            let text = i.to_string();
            memo.place(&mut table, text.as_bytes(), End::of(text.as_bytes()));
        }
        assert!(!memo.is_off);
        memo.looked_at(ROWS_MIN);
        assert!(memo.is_off);
        memo.restart();
        assert!(!memo.is_off);
    }
}
