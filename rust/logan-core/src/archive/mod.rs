//! Decoding of compressed logs, and of the logs in tar and zip archives. No threads.

mod containers;
mod decode;
mod decoder;
mod frames;
mod members;
mod packing;
mod text;

pub use decode::{Compression, DICTIONARY_BYTES_MAX, Fault, Stored};
pub use decoder::{Decoder, decode_head, is_copy};
pub use members::Contents;
pub use packing::Container;
pub use text::Text;

use serde_json::{Value, json};

/// What [detection](crate::detect) finds in samples of a source, and how the source is stored.
///
/// The shape of the answer is in the stub of the Python extension.
pub fn detect(samples: &[(u64, &[u8])]) -> Value {
    let mut found = crate::detect::detect(samples);
    let head = samples.iter().find(|(offset, _)| *offset == 0).map_or(&[][..], |(_, bytes)| bytes);
    found["compression"] = json!(Container::outer(head).map(Container::name));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detection_says_how_a_source_is_stored() {
        assert_eq!(detect(&[(0, b"\x1f\x8b\x08")])["compression"], "gzip");
        assert_eq!(detect(&[(0, b"2024-01-24 10:15:32 a\n")])["compression"], Value::Null);
        // Only a source's first bytes tell.
        assert_eq!(detect(&[(9, b"\x1f\x8b\x08")])["compression"], Value::Null);
    }
}
