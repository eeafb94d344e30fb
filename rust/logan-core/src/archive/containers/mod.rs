//! Containers of files, read from bytes that come once.

pub(super) mod tar;
pub(super) mod zip;
