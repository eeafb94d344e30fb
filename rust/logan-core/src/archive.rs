//! Decoding of compressed logs, and of the logs in tar and zip archives. No threads.

mod containers;
mod decode;
mod decoder;
mod members;
mod packing;

pub use decode::{Compression, DICTIONARY_BYTES_MAX, Fault, Stored};
pub use decoder::{Decoder, decode_head};
pub use members::Contents;
pub use packing::Packing;
