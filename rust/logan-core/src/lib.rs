//! The engine of logan: bytes of logs in, mergeable figures out. No Python in it.
//!
//! ```text
//! input -> lines -> format -> batch -> metric -> summary -> reduction -> evaluate
//! ```
//! [`engine`] runs it over files and archives with threads, [`chunk`] over bytes that are pushed.

pub mod archive;
pub mod bytes;
pub mod chunk;
pub mod detect;
pub mod engine;
pub mod error;
pub mod format;
pub mod metric;
#[doc(hidden)]
pub mod naive;
pub mod panics;
pub mod record;
pub mod scan;
pub mod select;
pub mod sketch;
pub mod spec;
pub mod summary;
pub mod time;
