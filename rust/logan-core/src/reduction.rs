//! The fixed binary tree along which summaries are merged.
//!
//! Its shape is that of RFC 6962's Merkle tree: over n chunks, the left part takes the largest
//! power of two below n, the right part the rest. A node is merged as soon as both its children
//! are there, so the order of arrival decides neither the result nor, for arrivals roughly in
//! order, more memory than one summary per level. The number of chunks need not be known.
//!
//! A chunk that never comes counts as the identity: the tree keeps its shape, and the coverage
//! shows the gap.

use crate::error::Error;
use crate::spec::Spec;
use crate::summary::Summary;
use std::collections::BTreeMap;

/// A merged subtree: the chunks `place << level ..` up to `(place + 1) << level`.
struct Node {
    level: u32,
    place: u64,
    summary: Summary,
}

/// Two siblings that can be merged, by [`Pair::join`], outside of any lock.
pub struct Pair {
    left: Node,
    right: Node,
}

impl Pair {
    /// Merges the two; the result goes back to [`MergeTree::offer`].
    ///
    /// # Errors
    /// [`Error::Summary`] if they do not merge: other specs, or bytes covered by both.
    pub fn join(mut self) -> Result<Merged, Error> {
        // Left before right: beyond a table's cap the order of the two could matter.
        self.left.summary.merge(&self.right.summary)?;
        self.left.level += 1;
        self.left.place >>= 1;
        Ok(Merged(self.left))
    }
}

/// A subtree on its way into the tree.
pub struct Merged(Node);

impl Merged {
    /// The summary of one chunk.
    pub fn chunk(chunk: u64, summary: Summary) -> Merged {
        Merged(Node { level: 0, place: chunk, summary })
    }
}

/// Merges summaries of chunks 0, 1, 2, … in any order of arrival.
pub struct MergeTree {
    identity: Summary,
    /// Complete subtrees whose sibling is missing, by level and place.
    nodes: BTreeMap<(u32, u64), Summary>,
}

impl MergeTree {
    /// A tree without chunks.
    pub fn new(spec: &Spec) -> MergeTree {
        MergeTree { identity: Summary::empty(spec), nodes: BTreeMap::new() }
    }

    /// Adds the summary of a chunk and merges what is complete.
    ///
    /// # Errors
    /// [`Error::Summary`] if it does not merge: another spec, or a chunk that was there already.
    pub fn insert(&mut self, chunk: u64, summary: Summary) -> Result<(), Error> {
        let mut merged = Merged::chunk(chunk, summary);
        while let Some(pair) = self.offer(merged)? {
            merged = pair.join()?;
        }
        Ok(())
    }

    /// Keeps a subtree, or takes its sibling out and answers with both.
    ///
    /// # Errors
    /// [`Error::Summary`] if this subtree was there already.
    pub fn offer(&mut self, Merged(node): Merged) -> Result<Option<Pair>, Error> {
        let (level, place) = (node.level, node.place);
        if let Some(summary) = self.nodes.remove(&(level, place ^ 1)) {
            let sibling = Node { level, place: place ^ 1, summary };
            let (left, right) = if place & 1 == 0 { (node, sibling) } else { (sibling, node) };
            return Ok(Some(Pair { left, right }));
        }
        if self.nodes.insert((level, place), node.summary).is_some() {
            return Err(Error::Summary(format!(
                "chunks {}..{} were merged twice",
                place << level,
                (place + 1) << level
            )));
        }
        Ok(None)
    }

    /// How many summaries wait for their siblings.
    pub fn pending(&self) -> usize {
        self.nodes.len()
    }

    /// The root over chunks `0..chunks`, those that never came counting as empty.
    ///
    /// # Errors
    /// [`Error::Summary`] if neighbours do not merge.
    pub fn finish(mut self, chunks: u64) -> Result<Summary, Error> {
        self.root(0, chunks)
    }

    /// The root of chunks `start..end`, where `start` is a multiple of the subtree's size.
    fn root(&mut self, start: u64, end: u64) -> Result<Summary, Error> {
        let count = end - start;
        if count == 0 {
            return Ok(self.identity.clone());
        }
        if count.is_power_of_two() {
            let level = count.trailing_zeros();
            if let Some(node) = self.nodes.remove(&(level, start >> level)) {
                return Ok(node);
            }
        }
        if count == 1 {
            return Ok(self.identity.clone());
        }
        // The largest power of two below the count.
        let middle = start + count.next_power_of_two() / 2;
        let mut left = self.root(start, middle)?;
        left.merge(&self.root(middle, end)?)?;
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::{Segment, SourceCoverage};

    fn chunk(i: u64) -> Summary {
        let mut summary = Summary::empty(&Spec::plain());
        let segments = vec![Segment { start: i * 10, end: i * 10 + 10, times: None }];
        summary.coverage.0.insert(0, SourceCoverage { segments, ..Default::default() });
        summary
    }

    #[test]
    fn any_order_gives_the_same_root() {
        for chunks in 0..20u64 {
            for step in [1, 7, 11, 13] {
                let mut tree = MergeTree::new(&Spec::plain());
                for i in 0..chunks {
                    // A full cycle through 0..chunks where the step and the count share no factor.
                    let place = if chunks % step == 0 { i } else { i * step % chunks };
                    tree.insert(place, chunk(place)).unwrap();
                }
                assert!(tree.pending() <= 1 + chunks.ilog2_or_zero() as usize);
                let root = tree.finish(chunks).unwrap();
                assert_eq!(root.coverage.bytes(0), chunks * 10);
                let segments = root.coverage.0.get(&0).map_or(0, |s| s.segments.len());
                assert_eq!(segments, usize::from(chunks > 0));
            }
        }
    }

    trait OrZero {
        fn ilog2_or_zero(self) -> u32;
    }
    impl OrZero for u64 {
        fn ilog2_or_zero(self) -> u32 {
            self.checked_ilog2().unwrap_or(0)
        }
    }

    #[test]
    fn missing_chunks_leave_gaps_and_double_ones_are_refused() {
        let mut tree = MergeTree::new(&Spec::plain());
        for i in [0, 1, 3, 4] {
            tree.insert(i, chunk(i)).unwrap();
        }
        assert!(tree.insert(3, chunk(3)).is_err());
        let mut tree = MergeTree::new(&Spec::plain());
        for i in [0, 1, 3, 4] {
            tree.insert(i, chunk(i)).unwrap();
        }
        let root = tree.finish(6).unwrap();
        let segments: Vec<_> =
            root.coverage.0[&0].segments.iter().map(|s| (s.start, s.end)).collect();
        assert_eq!(segments, [(0, 20), (30, 50)]);
    }

    #[test]
    fn merging_the_same_bytes_twice_is_an_error() {
        let mut summary = chunk(0);
        let before = summary.clone();
        assert!(summary.merge(&chunk(0)).is_err());
        assert_eq!(summary, before);
    }
}
