//! Records as Arrow batches: which columns there are, rows into arrays, and files of them.
//!
//! ```text
//! scanner -> RowSink (one a scanner: rows of a chunk -> arrays) -> Queue (the order of the input)
//!         -> RecordReader (batches) -> export (Parquet, Arrow, CSV, JSON lines)
//! ```
//! A chunk's rows are a function of its bytes, so nothing here depends on how a log is cut up.

pub mod builder;
mod cells;
pub mod columns;
pub mod dictionary;
pub mod export;
pub mod queue;
pub mod reader;
mod rows;
pub mod text;

pub use columns::{RecordColumn, schema_of};
pub use queue::{Failure, Queue};
pub use reader::RecordReader;
