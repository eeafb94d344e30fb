//! Where the lines of a batch lie.

use super::Batch;

/// What a batch's texts and positions refer to.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    /// The bytes that the batch's lines lie in.
    pub bytes: &'a [u8],
    /// Offset in the source of `bytes[0]`. Negative only where the block begins with padding.
    pub offset: i64,
    /// Index of the source in the plan.
    pub source: u32,
}

impl<'a> Block<'a> {
    /// The bytes of the line in this row, for as long as the block's.
    pub fn line_of(self, batch: &Batch, row: usize) -> &'a [u8] {
        let start = batch.line_start()[row] as usize;
        &self.bytes[start..start + batch.line_len()[row] as usize]
    }

    /// Offset in the source of the line in this row.
    pub fn offset_of(&self, batch: &Batch, row: usize) -> u64 {
        (self.offset + i64::from(batch.line_start()[row])) as u64
    }

    /// The bytes of the line in this row.
    pub fn line<'b>(&'b self, batch: &Batch, row: usize) -> &'b [u8] {
        let start = batch.line_start()[row] as usize;
        &self.bytes[start..start + batch.line_len()[row] as usize]
    }
}
