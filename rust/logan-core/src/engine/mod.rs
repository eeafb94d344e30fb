//! Scanning of files and archives with threads.

mod archive_feed;
mod decoder_pool;
mod run;

pub use archive_feed::{ArchiveFeed, packing};
pub(crate) use decoder_pool::{AbortOnPanic, Crew};
pub use decoder_pool::{EXPANSION_FREE_BYTES, Facts, Request, Scanned, StoredFile};
pub(crate) use run::Before;
pub use run::{
    Archives, Chunk, Control, Failure, Open, Outcome, find_layouts, run, run_all, run_into,
    scan_chunk,
};
