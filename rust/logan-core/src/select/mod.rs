//! Which records count: conditions over their fields, and ranges of time.

pub mod condition;
pub mod row_filter;
pub mod seek;
