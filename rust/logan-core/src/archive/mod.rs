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

use serde_json::{Value, json};

/// What [detection](crate::detect) finds in samples of a source, and how the source is stored.
///
/// The shape of the answer is in the stub of the Python extension.
pub fn detect(samples: &[(u64, &[u8])]) -> Value {
    let mut found = crate::detect::detect(samples);
    let head = samples.iter().find(|(offset, _)| *offset == 0).map_or(&[][..], |(_, bytes)| bytes);
    found["compression"] = json!(Packing::outer(head).map(Packing::name));
    found
}
