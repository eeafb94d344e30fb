//! Python bindings of `logan-core`: the private module `logan._logan`, described by `_logan.pyi`.
//!
//! Thin on purpose: one file a class (and `functions`) turns arguments into the core's types and
//! back, `gate` is the one way into the core. Nothing is decided or computed here.

mod archive_feed;
mod arguments;
mod cancel;
mod chunk_feed;
mod decoder;
mod descriptor;
mod feed;
mod fingerprint;
mod functions;
mod gate;
mod intervals;
mod memory;
mod merge_tree;
mod outcome;
mod packed;
mod part_feed;
mod pipe;
mod records;
mod spec;
mod summary;

use pyo3::prelude::*;

/// The native extension of logan.
///
/// Runs without the interpreter's lock where there is none: all classes are frozen, and what
/// changes inside of them is atomic or behind a lock that is never held while attached.
#[pymodule(gil_used = false)]
mod _logan {
    #[pymodule_export]
    use super::archive_feed::ArchiveFeed;
    #[pymodule_export]
    use super::cancel::Cancel;
    #[pymodule_export]
    use super::chunk_feed::ChunkFeed;
    #[pymodule_export]
    use super::decoder::Decoder;
    #[pymodule_export]
    use super::feed::Feed;
    #[pymodule_export]
    use super::fingerprint::{Fingerprint, content};
    #[pymodule_export]
    use super::functions::{
        compression, condition, custom_format, decode_head, detect, formats, group_field, is_copy,
        last_time, layouts, moment, occurring, peak_rss_bytes, places, seek, turns,
    };
    #[pymodule_export]
    use super::intervals::{mean_intervals, ratio_intervals};
    #[pymodule_export]
    use super::merge_tree::MergeTree;
    #[pymodule_export]
    use super::outcome::{Outcome, scan};
    #[pymodule_export]
    use super::packed::PackedSummary;
    #[pymodule_export]
    use super::part_feed::PartFeed;
    #[pymodule_export]
    use super::records::{Batch, RecordScan, RecordSchema, record_column, record_columns};
    #[pymodule_export]
    use super::spec::Spec;
    #[pymodule_export]
    use super::summary::Summary;

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    const LOOK_BACK_BYTES_MAX: u64 = logan_core::format::state::LOOK_BACK_BYTES;
}
