//! Keys of some rows together: their slots in the table are fetched side by side, where keys that
//! are looked for one after the other would each be waited for.

use super::{GroupTable, Payload};

/// Rows whose keys are put together.
const ROWS: usize = 32;

/// Keys that are yet to be looked for.
#[derive(Default)]
pub struct Keys {
    /// One behind the other, the last one possibly under construction.
    bytes: Vec<u8>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    row: usize,
    /// Where the key begins and ends.
    start: usize,
    end: usize,
}

impl Keys {
    /// What to append the bytes of the next key to.
    #[inline(always)]
    pub fn begin(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the key, which is that of this row; whether there are now so many that they should be
    /// looked for.
    #[inline(always)]
    pub fn end(&mut self, row: usize) -> bool {
        let start = self.waiting.last().map_or(0, |last| last.end);
        self.waiting.push(Waiting { row, start, end: self.bytes.len() });
        self.waiting.len() >= ROWS
    }

    /// Looks for all keys, in order: calls `found` with the row and the place of each, which holds
    /// until the next call at least. There are none left then.
    #[inline(always)]
    pub fn find<P: Payload>(
        &mut self,
        table: &mut GroupTable<P>,
        mut found: impl FnMut(&mut GroupTable<P>, usize, usize),
    ) {
        // Not before all are written: bytes that have just been are not read back at once.
        let mut hashes = [0; ROWS];
        for (hash, key) in hashes.iter_mut().zip(&self.waiting) {
            *hash = table.hash_and_prefetch(&self.bytes[key.start..key.end]);
        }
        table.prefetch_entries(&hashes[..self.waiting.len()]);
        for (&hash, key) in hashes.iter().zip(&self.waiting) {
            let place = table.index_hashed(&self.bytes[key.start..key.end], hash);
            found(table, key.row, place);
        }
        self.waiting.clear();
        self.bytes.clear();
    }
}
