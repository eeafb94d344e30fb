//! Summaries that wait in memory until they are asked for, compressed.
//!
//! Tables of clients take about a third of their bytes then. They are not read by anyone else, so nothing
//! about them is checked; summaries that come from elsewhere go through
//! [`codec`](crate::summary::codec).

use crate::spec::Meaning;
use crate::summary::Summary;
use serde::Serialize;
use std::sync::Arc;

/// The fastest level: others find little more in tables of numbers.
const LEVEL: i32 = 1;

/// A summary, compressed.
pub struct Packed {
    meaning: Arc<Meaning>,
    bytes: Box<[u8]>,
    /// How long it is when it is not compressed.
    len: usize,
}

impl Packed {
    /// Compresses a summary.
    pub fn new(summary: &Summary) -> Packed {
        let mut plain = Vec::new();
        let mut serializer = rmp_serde::Serializer::new(&mut plain).with_struct_map();
        summary.serialize(&mut serializer).expect("a summary is plain data, and memory takes it");
        let bytes = zstd::bulk::compress(&plain, LEVEL).expect("memory takes it");
        let (bytes, len) = (bytes.into_boxed_slice(), plain.len());
        Packed { meaning: summary.meaning.clone(), bytes, len }
    }

    /// The summary.
    pub fn summary(&self) -> Summary {
        let plain = zstd::bulk::decompress(&self.bytes, self.len).expect("it was made by `new`");
        let summary: Summary = rmp_serde::from_slice(&plain).expect("it was made by `new`");
        // Summaries of one meaning share it, so that merging them compares pointers.
        Summary { meaning: self.meaning.clone(), ..summary }
    }

    /// How many bytes it takes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}
