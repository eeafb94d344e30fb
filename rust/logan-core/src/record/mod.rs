//! What a line says: one record, and many of them in columns.
//!
//! Knows nothing of formats, which fill records, nor of metrics, which read them.

mod batch;
mod columns;
mod level;

pub use batch::{
    BATCH_ROWS, Batch, DURATION_NS_MAX, ERROR, MEASURED, NO_BYTES, NO_DURATION, NO_STATUS, NO_TIME,
    REQUEST, TIMED, Text,
};
pub(crate) use batch::{RowWriter, Rows};
pub use columns::{Cells, Column, Columns, Record};
pub use level::{LEVELS, Level};
