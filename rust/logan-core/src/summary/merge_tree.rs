//! The fixed binary tree along which summaries are merged.
//!
//! Its shape is that of RFC 6962's Merkle tree: over n chunks, the left part takes the largest
//! power of two below n, the right part the rest. A node is merged as soon as both its children
//! are there, so the order of arrival decides neither the result nor, for arrivals roughly in
//! order, more memory than one summary per level. The number of chunks need not be known.
//!
//! A chunk that never comes counts as the identity: the tree keeps its shape, and the coverage
//! shows the gap.
//!
//! A subtree that is complete is named by its level and place: it covers the chunks
//! `place << level ..` up to `(place + 1) << level`. A caller that keeps a tree on disk stores
//! these, drops those below them, and puts them back later; the root is the same.

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
    /// The summary of a whole subtree; its level is 0 for a chunk.
    pub fn subtree((level, place): Position, summary: Summary) -> Merged {
        Merged(Node { level, place, summary })
    }

    /// The summary.
    pub fn summary(&self) -> &Summary {
        &self.0.summary
    }
}

/// The position of a subtree: its level, 0 for a chunk, and its place among those of its level.
pub type Position = (u32, u64);

/// Merges summaries of chunks 0, 1, 2, … in any order of arrival.
pub struct MergeTree {
    identity: Summary,
    /// Complete subtrees whose sibling is missing, by level and place.
    nodes: BTreeMap<Position, Summary>,
}

impl MergeTree {
    /// A tree without chunks.
    pub fn new(spec: &Spec) -> MergeTree {
        MergeTree { identity: Summary::empty(spec), nodes: BTreeMap::new() }
    }

    /// Adds the summary of a chunk and merges what is complete; answers with the position of the
    /// largest subtree that this completed.
    ///
    /// # Errors
    /// [`Error::Summary`] if it does not merge: another spec, or a chunk that was there already.
    pub fn insert(&mut self, chunk: u64, summary: Summary) -> Result<Position, Error> {
        self.insert_subtree((0, chunk), summary)
    }

    /// Adds the summary of a whole subtree, as [`MergeTree::subtree`] gave it, and answers with the
    /// position of the largest subtree that this completed.
    ///
    /// # Errors
    /// [`Error::Summary`] as [`MergeTree::insert`], and if a part of the subtree was there already.
    pub fn insert_subtree(
        &mut self,
        position: Position,
        summary: Summary,
    ) -> Result<Position, Error> {
        self.check_absent(position)?;
        let (mut level, mut place) = position;
        let mut merged = Merged(Node { level, place, summary });
        while let Some(pair) = self.offer(merged)? {
            (level, place) = (level + 1, place >> 1);
            merged = pair.join()?;
        }
        Ok((level, place))
    }

    /// The summary of a complete subtree; none if it is not complete, or part of a larger one.
    pub fn subtree(&self, position: Position) -> Option<&Summary> {
        self.nodes.get(&position)
    }

    /// The positions of all complete subtrees that are not part of larger ones.
    pub fn positions(&self) -> impl Iterator<Item = Position> + '_ {
        self.nodes.keys().copied()
    }

    /// That neither this subtree nor a part of it nor one around it is there.
    fn check_absent(&self, (level, place): Position) -> Result<(), Error> {
        let highest = self.nodes.last_key_value().map_or(0, |(&(highest, _), _)| highest);
        let around = (level..=highest).any(|l| self.nodes.contains_key(&(l, place >> (l - level))));
        let below = (0..level).any(|l| {
            let first = place << (level - l);
            let past = (place + 1) << (level - l);
            self.nodes.range((l, first)..(l, past)).next().is_some()
        });
        if around || below { Err(twice((level, place))) } else { Ok(()) }
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
            return Err(twice((level, place)));
        }
        Ok(None)
    }

    /// One more than the last chunk that is there.
    pub fn end(&self) -> u64 {
        self.nodes.keys().map(|(level, place)| (place + 1) << level).max().unwrap_or(0)
    }

    /// How many summaries wait for their siblings.
    pub fn pending(&self) -> usize {
        self.nodes.len()
    }

    /// The root over chunks `0..chunks`, those that never came counting as empty.
    ///
    /// # Errors
    /// [`Error::Summary`] if neighbors do not merge.
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

fn twice((level, place): Position) -> Error {
    let (start, end) = (place << level, (place + 1) << level);
    Error::Summary(format!("chunks {start}..{end} were merged twice"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::coverage::{Segment, SourceCoverage};

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
    fn a_tree_that_is_stored_and_restored_halfway_has_the_same_root() {
        for chunks in 1..40u64 {
            let mut whole = MergeTree::new(&Spec::plain());
            for i in 0..chunks {
                whole.insert(i, chunk(i)).unwrap();
            }
            let whole = whole.finish(chunks).unwrap();
            // 17 shares no factor with a prime above all counts: each chunk comes once.
            let order = || (0..41u64).map(|i| i * 17 % 41).filter(|&i| i < chunks);
            for cut in 0..chunks as usize {
                let mut first = MergeTree::new(&Spec::plain());
                let mut stored: BTreeMap<Position, Summary> = BTreeMap::new();
                for i in order().take(cut) {
                    let top = first.insert(i, chunk(i)).unwrap();
                    assert_eq!(top.1 << top.0 >> top.0, i >> top.0, "it covers the chunk");
                    let covered = |p: &Position| p.0 < top.0 && p.1 >> (top.0 - p.0) == top.1;
                    stored.retain(|position, _| !covered(position));
                    stored.insert(top, first.subtree(top).unwrap().clone());
                }
                assert!(first.positions().eq(stored.keys().copied()));
                let mut second = MergeTree::new(&Spec::plain());
                for (position, summary) in stored.into_iter().rev() {
                    assert_eq!(second.insert_subtree(position, summary).unwrap(), position);
                }
                for i in order().skip(cut) {
                    second.insert(i, chunk(i)).unwrap();
                }
                assert_eq!(second.finish(chunks).unwrap(), whole);
            }
        }
    }

    #[test]
    fn a_chunk_inside_or_around_what_is_there_is_refused() {
        let mut tree = MergeTree::new(&Spec::plain());
        for i in 0..4 {
            tree.insert(i, chunk(i)).unwrap();
        }
        tree.insert(5, chunk(5)).unwrap();
        for position in [(0, 3), (1, 1), (2, 0), (3, 0), (0, 5), (1, 2), (2, 1)] {
            assert!(tree.insert_subtree(position, chunk(9)).is_err(), "{position:?}");
        }
        assert_eq!(tree.insert(4, chunk(4)).unwrap(), (1, 2));
        assert_eq!(tree.positions().collect::<Vec<_>>(), [(1, 2), (2, 0)]);
    }

    #[test]
    fn merging_the_same_bytes_twice_is_an_error() {
        let mut summary = chunk(0);
        let before = summary.clone();
        assert!(summary.merge(&chunk(0)).is_err());
        assert_eq!(summary, before);
    }
}
