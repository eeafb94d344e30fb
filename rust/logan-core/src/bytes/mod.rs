//! Bytes as the processor and the operating system give them: vectors, lines, files.
//!
//! Knows nothing of what a line means.

pub mod input;
pub mod line;
pub mod simd;
