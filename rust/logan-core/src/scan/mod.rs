//! The loop over the bytes of a chunk: bytes -> lines -> batch -> metrics.

mod interleave;
mod order;
mod scanner;
#[cfg(test)]
mod vectors;

pub use scanner::Scanner;
