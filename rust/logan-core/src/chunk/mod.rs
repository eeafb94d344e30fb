//! Bytes that come in pieces, cut into the plan's chunks.

mod chunk_feed;
mod feed;
mod lookback;

pub use chunk_feed::ChunkFeed;
pub use feed::Feed;
pub(crate) use lookback::{Lead, Past};
