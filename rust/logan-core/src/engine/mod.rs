//! Scanning of files and archives with threads.

mod archive_feed;
mod archive_scan;
mod control;
mod decoder_pool;
mod in_order;
mod run;

pub use archive_feed::{ArchiveFeed, packing};
pub use archive_scan::{EXPANSION_FREE_BYTES, Facts, Request, Scanned, StoredFile};
pub use control::Control;
pub(crate) use decoder_pool::{AbortOnPanic, DecoderPool};
pub use in_order::{Pushed, Stage, handing_out, run_in_order};
pub use run::{
    Archives, Cut, Failure, Open, Outcome, find_layouts, run, run_all, run_into, scan_chunk,
    scan_parts,
};
