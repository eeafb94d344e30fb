//! Python bindings of `logan-core`: the private module `logan._logan`, described by `_logan.pyi`.
//!
//! Thin on purpose: `types` turns arguments into the core's types and back, `gate` is the one way
//! into the core. Nothing is decided or computed here.

mod gate;
mod memory;
mod pipe;
mod types;

use pyo3::prelude::*;

/// The native extension of logan.
///
/// Runs without the interpreter's lock where there is none: all classes are frozen, and what
/// changes inside of them is atomic or behind a lock that is never held while attached.
#[pymodule(gil_used = false)]
mod _logan {
    #[pymodule_export]
    use super::types::{
        ArchiveFeed, Cancel, ChunkFeed, Feed, Fingerprint, MergeTree, Outcome, Spec, Summary,
        compression, condition, custom_format, decode_head, detect, formats, group_field,
        last_time, layouts, moment, peak_rss_bytes, scan, seek,
    };

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const LOOK_BACK_BYTES_MAX: u64 = logan_core::format::state::LOOK_BACK_BYTES;
}
