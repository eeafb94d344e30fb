//! Columns of text as Arrow holds them, from bytes that may be anything.
//!
//! The text of a whole batch is checked at once, which is far cheaper than value by value. Where it
//! is not valid UTF-8, or a value ends within a character, what is invalid becomes U+FFFD, value by
//! value.

use arrow_array::StringArray;
use arrow_buffer::{Buffer, NullBuffer, NullBufferBuilder, OffsetBuffer, ScalarBuffer};

/// The rows of a column of text.
pub struct TextRows {
    ends: Vec<i32>,
    bytes: Vec<u8>,
    valid: NullBufferBuilder,
}

impl Default for TextRows {
    fn default() -> TextRows {
        TextRows { ends: vec![0], bytes: Vec::new(), valid: NullBufferBuilder::new(0) }
    }
}

impl TextRows {
    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.ends.len() - 1
    }

    /// Bytes of all rows.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a row.
    pub fn row(&self, row: usize) -> &[u8] {
        &self.bytes[self.ends[row] as usize..self.ends[row + 1] as usize]
    }

    /// Appends a row; empty text is null.
    #[inline(always)]
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as i32);
        self.valid.append(!text.is_empty());
    }

    /// Appends a row of empty text that is not null.
    pub fn push_empty(&mut self) {
        self.ends.push(self.bytes.len() as i32);
        self.valid.append_non_null();
    }

    /// Appends rows without a value.
    pub fn push_nulls(&mut self, rows: usize) {
        self.ends.resize(self.ends.len() + rows, self.bytes.len() as i32);
        self.valid.append_n_nulls(rows);
    }

    /// The rows as an array; there are none afterwards.
    pub fn finish(&mut self) -> StringArray {
        let TextRows { ends, bytes, mut valid } = std::mem::take(self);
        let nulls = valid.finish();
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        let values = Buffer::from_vec(bytes);
        match StringArray::try_new(ends.clone(), values.clone(), nulls.clone()) {
            Ok(array) => array,
            Err(_) => lossy(&ends, &values, nulls.as_ref()),
        }
    }
}

/// The rows, with U+FFFD for what is not UTF-8.
#[cold]
fn lossy(ends: &OffsetBuffer<i32>, bytes: &[u8], nulls: Option<&NullBuffer>) -> StringArray {
    let row = |(i, range): (usize, &[i32])| {
        let text = &bytes[range[0] as usize..range[1] as usize];
        let is_null = nulls.is_some_and(|nulls| nulls.is_null(i));
        (!is_null).then(|| String::from_utf8_lossy(text))
    };
    ends.windows(2).enumerate().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;

    #[test]
    fn invalid_text_becomes_replacement_characters() {
        for texts in [&[&b"a"[..], b"", b"caf\xc3\xa9"][..], &[b"\xff", b"", b"b\xc3", b"\xa9c"]] {
            let mut rows = TextRows::default();
            texts.iter().for_each(|text| rows.push(text));
            rows.push_nulls(2);
            assert_eq!(rows.count(), texts.len() + 2);
            let array = rows.finish();
            for (row, text) in texts.iter().enumerate() {
                assert_eq!(array.is_null(row), text.is_empty());
                assert_eq!(array.value(row), String::from_utf8_lossy(text));
            }
            assert_eq!(array.null_count(), 3);
            assert_eq!(rows.count(), 0);
        }
    }
}
