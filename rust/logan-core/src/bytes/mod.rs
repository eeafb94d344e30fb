//! Bytes as the processor and the operating system give them: vectors, lines, files.
//!
//! Knows nothing of what a line means.

pub mod content;
pub mod input;
#[doc(hidden)]
pub mod line;
#[doc(hidden)]
pub mod simd;
