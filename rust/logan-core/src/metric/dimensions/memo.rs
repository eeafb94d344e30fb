//! Where in a table texts are that columns say again and again, by some of their bytes.
//!
//! A memo never knows anything: the key at a place is compared with the whole text, so that a place
//! that something else has taken meanwhile, or a text with the same sample, is only a look-up more.
//!
//! # Fast path `dimensions`
//! ```text
//! for each 64 rows whose text is that of the row before them: add them up, count the sum there
//! for each other row: sample = length and up to six words of the text, mixed into 64 bits;
//!                     prefetch its set of the cache
//! for each: guess the place by sample, prefetch the key there
//! for each: if that key is the text, this is the place
//!           else look in the table by the hash of the text, and keep the place
//! for each: prefetch where its response time is counted; then count
//! leave it for the rest of a chunk whose texts are mostly not in the memo
//! ```
//! Reference: `by_hash` of the module above. Compared by `the_memo_never_shows` and
//! `tests/fast_paths.rs`. Gain: the tables of a combined log of 2,000 user agents take 12 % of the
//! processor time with it, and took 18 % with the reference when that did not ask for memory ahead
//! (`perf`, AVX-512, 2026-11-29, other work beside it).

use super::NOWHERE;
use crate::sketch::groups::{GroupTable, KEY_BYTES_MAX, Payload};
use crate::sketch::key_cache::SetAssociativeCache;

/// Rows that are looked at together.
pub(super) const ROWS: usize = 64;
/// Sets of four places that a memo keeps.
const SETS: usize = 1 << 10;
/// Rows after which a memo that finds too little is switched off, and the share of misses among them,
/// as a divisor, up to which it stays on.
const ROWS_MIN: usize = 1 << 12;
const MISSES_DIVISOR: usize = 4;

/// Places by sample.
pub(super) struct Memo {
    ways: SetAssociativeCache,
    /// The table's `moves` when the places were kept.
    moves: u64,
    rows: usize,
    misses: usize,
    is_on: bool,
    /// Too many texts are not in it: it is not worth it for now.
    pub(super) is_off: bool,
}

/// Rows of a column: their texts, empty for those that are not counted, and what is known of them.
pub(super) struct Rows<'a> {
    pub(super) texts: [&'a [u8]; ROWS],
    pub(super) places: [u32; ROWS],
    samples: [u64; ROWS],
}

/// A text of at most eight bytes and its length, or a length above eight and the last eight bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    word: u64,
    len: usize,
}

impl Memo {
    pub(super) fn new(is_on: bool) -> Memo {
        let ways = SetAssociativeCache::new(SETS);
        Memo { ways, moves: 0, rows: 0, misses: 0, is_on, is_off: !is_on }
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

    /// Guesses the places of the first `len` texts.
    #[inline(always)]
    pub(super) fn guess<P: Payload>(
        &mut self,
        table: &GroupTable<P>,
        rows: &mut Rows<'_>,
        len: usize,
    ) {
        if self.moves != table.moves() {
            self.ways.clear();
            self.moves = table.moves();
        }
        for (sample, text) in rows.samples[..len].iter_mut().zip(&rows.texts) {
            if !text.is_empty() {
                *sample = sample_of(text, End::of(text));
                self.ways.prefetch(*sample);
            }
        }
        for (place, &sample) in rows.places[..len].iter_mut().zip(&rows.samples) {
            *place = self.ways.guess(sample).unwrap_or(NOWHERE);
            table.prefetch_key(*place);
        }
    }

    /// The places of the texts `from..len`, inserted if they are not there, up to one before which
    /// places in the table may change: where that one is.
    #[inline(always)]
    pub(super) fn places<P: Payload>(
        &mut self,
        table: &mut GroupTable<P>,
        rows: &mut Rows<'_>,
        from: usize,
        len: usize,
    ) -> usize {
        for row in from..len {
            let text = rows.texts[row];
            if text.is_empty() {
                rows.places[row] = NOWHERE;
                continue;
            }
            if !table.is_key(rows.places[row] as usize, text) {
                if table.room() == 0 && row > from {
                    return row;
                }
                rows.places[row] = self.look_up(table, text, rows.samples[row]);
            }
            table.prefetch(rows.places[row]);
        }
        len
    }

    #[inline(never)]
    fn look_up<P: Payload>(&mut self, table: &mut GroupTable<P>, text: &[u8], sample: u64) -> u32 {
        self.misses += 1;
        // Not of this sample alone, or no more in the set when it was guessed.
        let known = self.ways.find(sample, |place| table.is_key(place as usize, text));
        known.unwrap_or_else(|| {
            let place = table.index(text) as u32;
            if self.moves != table.moves() {
                self.ways.clear();
                self.moves = table.moves();
            }
            if text.len() <= KEY_BYTES_MAX {
                self.ways.put(sample, place);
            }
            place
        })
    }
}

impl<'a> Rows<'a> {
    pub(super) fn new() -> Rows<'a> {
        Rows { texts: [&[]; ROWS], places: [NOWHERE; ROWS], samples: [0; ROWS] }
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
fn sample_of(text: &[u8], end: End) -> u64 {
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
            let (mut with, mut without) =
                (GroupTable::<Route>::new(9), GroupTable::<Route>::new(9));
            let mut memo = Memo::new(true);
            for texts in texts.chunks(chunk) {
                memo.restart();
                for texts in texts.chunks(ROWS) {
                    let mut rows = Rows::new();
                    rows.texts.iter_mut().zip(texts).for_each(|(row, text)| *row = text.as_bytes());
                    with.expect(texts.len());
                    without.expect(texts.len());
                    memo.guess(&with, &mut rows, texts.len());
                    let mut from = 0;
                    while from < texts.len() {
                        let end = memo.places(&mut with, &mut rows, from, texts.len());
                        for &place in &rows.places[from..end] {
                            with.count(place as usize).add_values(REQUEST, 5, 7);
                        }
                        prop_assert!(end > from);
                        from = end;
                    }
                    for text in texts {
                        without.entry(text.as_bytes()).add_values(REQUEST, 5, 7);
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
            let mut rows = Rows::new();
            rows.texts[0] = text.as_bytes();
            memo.guess(&table, &mut rows, 1);
            assert_eq!(memo.places(&mut table, &mut rows, 0, 1), 1);
        }
        assert!(!memo.is_off);
        memo.looked_at(ROWS_MIN);
        assert!(memo.is_off);
        memo.restart();
        assert!(!memo.is_off);
    }
}
