//! Bytes that come in pieces, cut into the plan's chunks.

mod chunk_feed;
mod edge;
mod feed;
mod lookback;

pub use chunk_feed::ChunkFeed;
pub use edge::Chunk;
pub(crate) use edge::{ChunkEdge, finish_line};
pub use feed::{Feed, PartFeed};
pub(crate) use lookback::{Lookback, LookbackBuffer};
