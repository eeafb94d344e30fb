//! Bounds that several layers share.

/// More of anything than one chunk can hold, and so little that the counts of 16,384 chunks, the
/// most of a job, can be added up.
pub const COUNT_MAX: u64 = 1 << 48;

/// Most tables of a job that its user asks for.
pub const TABLES_MAX: usize = 4;

/// Most tables that a plan adds to them.
pub const TABLES_ADDED_MAX: usize = 4;
