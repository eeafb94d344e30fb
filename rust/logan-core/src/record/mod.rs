//! What a line says: one record, and many of them in columns.
//!
//! Knows nothing of formats, which fill records, nor of metrics, which read them.

mod batch;
mod level;

pub use batch::{
    BATCH_ROWS, Batch, Columns, DURATION_NS_MAX, ERROR, MEASURED, NO_BYTES, NO_DURATION, NO_STATUS,
    NO_TIME, REQUEST, Record, TIMED, Text,
};
pub use level::{LEVELS, Level};
