//! Columns of text that repeats: the number of each row's value in a list of values.

use super::text::TextRows;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Int32Array};
use arrow_buffer::{NullBufferBuilder, ScalarBuffer};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

const FREE: u32 = u32::MAX;

/// The rows of a column, and the different values that they have.
pub struct DictionaryRows {
    numbers: Vec<i32>,
    valid: NullBufferBuilder,
    values: TextRows,
    hashes: Vec<u64>,
    /// Open addressing: the number of the value, or [`FREE`]. A power of two long.
    slots: Vec<u32>,
    /// The numbers of the values that small codes stand for.
    codes: [u32; 256],
}

impl Default for DictionaryRows {
    fn default() -> DictionaryRows {
        DictionaryRows {
            numbers: Vec::new(),
            valid: NullBufferBuilder::new(0),
            values: TextRows::default(),
            hashes: Vec::new(),
            slots: vec![FREE; 64],
            codes: [FREE; 256],
        }
    }
}

impl DictionaryRows {
    /// Bytes of all different values.
    pub fn bytes(&self) -> usize {
        self.values.bytes()
    }

    /// Appends a row; empty text is null.
    #[inline(always)]
    pub fn push(&mut self, text: &[u8]) {
        if text.is_empty() {
            return self.push_nulls(1);
        }
        let number = match self.numbers.last() {
            // Neighbors are often equal.
            Some(&last) if self.valid_last(last, text) => last as u32,
            _ => self.number_of(text),
        };
        self.numbers.push(number as i32);
        self.valid.append_non_null();
    }

    #[inline(always)]
    fn valid_last(&self, last: i32, text: &[u8]) -> bool {
        (last as usize) < self.values.count() && self.values.row(last as usize) == text
    }

    /// Appends a row with the value that `code` stands for, which is always the same.
    #[inline(always)]
    pub fn push_code(&mut self, code: u8, value: impl FnOnce() -> &'static str) {
        let known = self.codes[usize::from(code)];
        let number = if known == FREE { self.number_of(value().as_bytes()) } else { known };
        self.codes[usize::from(code)] = number;
        self.numbers.push(number as i32);
        self.valid.append_non_null();
    }

    /// Appends rows with the same value.
    pub fn push_all(&mut self, text: &[u8], rows: usize) {
        let number = self.number_of(text) as i32;
        self.numbers.resize(self.numbers.len() + rows, number);
        self.valid.append_n_non_nulls(rows);
    }

    /// Appends rows without a value.
    pub fn push_nulls(&mut self, rows: usize) {
        self.numbers.resize(self.numbers.len() + rows, 0);
        self.valid.append_n_nulls(rows);
    }

    fn number_of(&mut self, text: &[u8]) -> u32 {
        let hash = xxh3_64(text);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let number = self.slots[slot];
            if number == FREE {
                break;
            }
            let at = number as usize;
            if self.hashes[at] == hash && self.values.row(at) == text {
                return number;
            }
            slot = (slot + 1) & mask;
        }
        let number = self.hashes.len() as u32;
        self.values.push(text);
        self.hashes.push(hash);
        self.slots[slot] = number;
        if 2 * self.hashes.len() > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let mask = 2 * self.slots.len() - 1;
        self.slots = vec![FREE; mask + 1];
        for (number, &hash) in self.hashes.iter().enumerate() {
            let mut slot = hash as usize & mask;
            while self.slots[slot] != FREE {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = number as u32;
        }
    }

    /// The rows as an array; there are none afterwards.
    pub fn finish(&mut self) -> ArrayRef {
        let DictionaryRows { numbers, mut valid, mut values, .. } = std::mem::take(self);
        if values.count() == 0 {
            // Readers look at the value of a row before they look whether it has one, and some
            // want no nulls among the values.
            values.push_empty();
        }
        let numbers = Int32Array::new(ScalarBuffer::from(numbers), valid.finish());
        let array = DictionaryArray::<Int32Type>::new(numbers, Arc::new(values.finish()));
        Arc::new(array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_those_of_a_plain_list(rows in prop::collection::vec("[a-c]{0,4}", 0..400)) {
            let mut dictionary = DictionaryRows::default();
            rows.iter().for_each(|row| dictionary.push(row.as_bytes()));
            let array = dictionary.finish();
            let array = array.as_dictionary::<Int32Type>();
            let read = array.downcast_dict::<arrow_array::StringArray>().unwrap();
            let read: Vec<&str> = read.into_iter().map(Option::unwrap_or_default).collect();
            prop_assert_eq!(read, rows.iter().map(String::as_str).collect::<Vec<_>>());
            let mut values: Vec<_> = rows.iter().filter(|row| !row.is_empty()).collect();
            values.sort();
            values.dedup();
            prop_assert_eq!(array.values().len(), values.len().max(1));
        }
    }
}
