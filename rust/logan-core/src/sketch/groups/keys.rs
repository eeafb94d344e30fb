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
    /// End of the key.
    end: usize,
    hash: u64,
}

impl Keys {
    /// What to append the bytes of the next key to.
    #[inline(always)]
    pub fn next(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the key of this row, which will be looked for in the table; whether there are now so
    /// many that they should be.
    #[inline(always)]
    pub fn end<P: Payload>(&mut self, row: usize, table: &GroupTable<P>) -> bool {
        let start = self.waiting.last().map_or(0, |last| last.end);
        let hash = table.announce(&self.bytes[start..]);
        self.waiting.push(Waiting { row, end: self.bytes.len(), hash });
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
        let mut start = 0;
        for &Waiting { row, end, hash } in &self.waiting {
            let place = table.index_announced(&self.bytes[start..end], hash);
            found(table, row, place);
            start = end;
        }
        self.waiting.clear();
        self.bytes.clear();
    }
}
