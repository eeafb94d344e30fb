//! Summaries that wait in memory until they are asked for, compressed.
//!
//! Tables of clients take about a third of their bytes then. They are not read by anyone else, so nothing
//! about their figures is checked; summaries that come from elsewhere go through
//! [`codec`](crate::summary::codec).

use crate::error::Error;
use crate::spec::Meaning;
use crate::summary::Summary;
use serde::Serialize;
use std::sync::Arc;

/// The fastest level: others find little more in tables of numbers.
const LEVEL: i32 = 1;

/// A summary, compressed.
pub struct Packed {
    meaning: Arc<Meaning>,
    /// A frame of Zstandard that says how long its content is, and has its checksum.
    bytes: Box<[u8]>,
}

impl Packed {
    /// Compresses a summary.
    pub fn new(summary: &Summary) -> Packed {
        let mut plain = Vec::new();
        let mut serializer = rmp_serde::Serializer::new(&mut plain).with_struct_map();
        summary.serialize(&mut serializer).expect("a summary is plain data, and memory takes it");
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).expect("memory takes it");
        compressor.include_checksum(true).expect("a setting that all versions have");
        let bytes = compressor.compress(&plain).expect("memory takes it");
        Packed { meaning: summary.meaning.clone(), bytes: bytes.into_boxed_slice() }
    }

    /// What waited elsewhere: the bytes of [`as_bytes`](Self::as_bytes) of a summary of this meaning.
    pub fn from_bytes(bytes: &[u8], meaning: &Arc<Meaning>) -> Packed {
        Packed { meaning: meaning.clone(), bytes: bytes.into() }
    }

    /// The summary.
    ///
    /// # Errors
    /// [`Error::Summary`] if the bytes were damaged where they waited.
    pub fn summary(&self) -> Result<Summary, Error> {
        let len = zstd::zstd_safe::get_frame_content_size(&self.bytes).ok().flatten();
        let len = len.and_then(|len| usize::try_from(len).ok());
        let plain = len.and_then(|len| zstd::bulk::decompress(&self.bytes, len).ok());
        let summary: Option<Summary> = plain.and_then(|plain| rmp_serde::from_slice(&plain).ok());
        let summary = summary.ok_or_else(|| Error::damaged("it does not unpack"))?;
        // Summaries of one meaning share it, so that merging them compares pointers.
        Ok(Summary { meaning: self.meaning.clone(), ..summary })
    }

    /// What it takes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
