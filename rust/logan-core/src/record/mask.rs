//! Sets of a batch's rows.

use super::BATCH_ROWS;

const WORDS: usize = BATCH_ROWS / 64;

/// A set of rows of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask([u64; WORDS]);

impl Mask {
    /// No row.
    pub const NONE: Mask = Mask([0; WORDS]);

    /// The rows below `len`.
    pub fn first(len: usize) -> Mask {
        let mut mask = Mask::NONE;
        for (i, word) in mask.0.iter_mut().enumerate() {
            let rows = len.saturating_sub(64 * i);
            *word = if rows >= 64 { u64::MAX } else { (1 << rows) - 1 };
        }
        mask
    }

    /// The rows of these values that `test` accepts.
    #[inline(always)]
    pub fn of<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> Mask {
        let mut mask = Mask::NONE;
        for (word, values) in mask.0.iter_mut().zip(values.chunks(64)) {
            *word = values.iter().enumerate().fold(0, |m, (i, &v)| m | u64::from(test(v)) << i);
        }
        mask
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: usize) {
        self.0[row / 64] &= !(1 << (row % 64));
    }

    /// How many rows.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Rows in both.
    #[must_use]
    pub fn and(self, other: Mask) -> Mask {
        Mask(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    /// Rows in either.
    #[must_use]
    pub fn or(self, other: Mask) -> Mask {
        Mask(std::array::from_fn(|i| self.0[i] | other.0[i]))
    }

    /// Rows in this one only.
    #[must_use]
    pub fn without(self, other: Mask) -> Mask {
        Mask(std::array::from_fn(|i| self.0[i] & !other.0[i]))
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The rows, in order.
    #[inline(always)]
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let row = (rest != 0).then(|| 64 * i + rest.trailing_zeros() as usize);
                rest &= rest.wrapping_sub(1);
                row
            })
        })
    }

    /// The rows of this set that `test` accepts.
    #[inline(always)]
    pub fn filtered(&self, mut test: impl FnMut(usize) -> bool) -> Mask {
        let mut mask = Mask::NONE;
        for row in self.rows() {
            mask.0[row / 64] |= u64::from(test(row)) << (row % 64);
        }
        mask
    }
}
