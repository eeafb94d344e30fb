//! What a line says: one record, and many of them in columns.
//!
//! Knows nothing of formats, which fill records, nor of metrics, which read them.

mod batch;
mod block;
mod columns;
mod field;
mod level;
mod mask;
mod output;
mod route;

pub use batch::{
    BATCH_ROWS, Batch, CLIENT_ERROR, DURATION_NS_MAX, ERROR, MEASURED, NO_ANSWER, NO_BYTES,
    NO_DURATION, NO_STATUS, NO_TIME, REQUEST, TIMED, Text,
};
pub(crate) use batch::{RowWriter, Rows};
pub use block::Block;
pub use columns::{Column, Columns, DenseBuckets, Record};
pub use field::{Field, Prefix};
pub(crate) use field::{Quoted, is_key_byte};
pub use level::{LEVELS, Level};
pub use mask::Mask;
pub use output::{LineCounts, OtherLine, Output, RecordOutput, RecordSink};
#[cfg(test)]
pub(crate) use route::plain_key;
pub use route::{RouteNormalizer, fold};
