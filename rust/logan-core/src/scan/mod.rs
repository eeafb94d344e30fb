//! The loop over the bytes of a chunk: bytes -> lines -> batch -> metrics.

mod interleave;
mod scanner;

pub use scanner::Scanner;
