//! The engine of logan: bytes of logs in, mergeable figures out. No Python in it.
//!
//! ```text
//! input -> lines -> format -> batch -> metric -> summary -> reduction -> evaluate
//! ```
//! [`engine`] runs it over files with threads, [`feed`] over bytes that are pushed, [`archive`]
//! over what is compressed.

pub mod archive;
pub mod batch;
pub mod chunk_feed;
pub mod codec;
pub mod columns;
pub mod coverage;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod feed;
pub mod filter;
pub mod format;
pub mod input;
pub mod level;
pub mod lines;
pub mod metric;
pub mod moment;
#[doc(hidden)]
pub mod naive;
pub mod narrow;
pub mod panics;
pub mod reduction;
pub mod scan;
pub mod seek;
pub mod simd;
pub mod sketch;
pub mod spec;
pub mod summary;
pub mod timestamp;
