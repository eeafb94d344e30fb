//! What tells the content of one log from that of another: its length, and hashes of its edges.
//!
//! Hashing all of a log would cost as much as scanning it, so only its edges count: the first
//! 4 KiB, in which a log says when and by what it was begun, and the 4 KiB before its end. The head
//! is hashed at several lengths, so that a log of a few lines can be told from another one, and
//! recognized when it has grown.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes at each edge that are hashed.
pub const EDGE_BYTES: usize = 4096;

/// The lengths at which the head is hashed.
const HEADS: [usize; 5] = [16, 64, 256, 1024, EDGE_BYTES];

/// The first or the last bytes of a log, decoded if it is compressed, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Bytes in all.
    pub length: u64,
    /// XXH3 of the first 16, 64, 256, 1,024 and 4,096 bytes, as far as there are as many.
    pub heads: Vec<u64>,
    /// XXH3 of the last 4,096 bytes, or of all if there are fewer.
    pub tail: u64,
}

impl Content {
    /// The content of `length` bytes that begin with `head` and end with `tail`; of each at most
    /// 4 KiB count, and at least as many must be given where there are as many.
    pub fn of(head: &[u8], tail: &[u8], length: u64) -> Content {
        let tail = &tail[tail.len().saturating_sub(EDGE_BYTES)..];
        Content { length, heads: heads_of(head), tail: xxh3_64(tail) }
    }

    /// Whether it can be the content of anything.
    pub fn is_valid(&self) -> bool {
        self.heads.len() == HEADS.iter().filter(|&&len| len as u64 <= self.length).count()
    }

    /// Whether both begin with the same bytes, as far as their hashes tell; a log of fewer than
    /// 16 bytes may be the beginning of any other.
    pub fn same_head(&self, other: &Content) -> bool {
        let common = self.heads.len().min(other.heads.len());
        // The longest says it all.
        common == 0 || self.heads[common - 1] == other.heads[common - 1]
    }

    /// The hash of the whole head, 4 KiB; None of what is shorter.
    pub fn whole_head(&self) -> Option<u64> {
        self.heads.get(HEADS.len() - 1).copied()
    }
}

/// The hashes of a head, of which at most 4 KiB count.
pub(crate) fn heads_of(head: &[u8]) -> Vec<u64> {
    HEADS.iter().filter_map(|&len| head.get(..len)).map(xxh3_64).collect()
}

/// Watches bytes that pass by once, in order, and knows the content of those that were settled.
///
/// A stream's last line may not be complete: its bytes are *open* until they are settled, and not
/// part of the content before.
#[derive(Debug, Clone, Default)]
pub struct ContentTap {
    /// The first bytes, be they settled or open; at most 4 KiB.
    head: Vec<u8>,
    settled: Tail,
    open: Tail,
}

/// The last bytes of what passed by, and how many there were.
#[derive(Debug, Clone, Default)]
struct Tail {
    length: u64,
    last: Vec<u8>,
}

impl Tail {
    /// `last`: the end of the `length` bytes that follow.
    fn push(&mut self, last: &[u8], length: u64) {
        self.length += length;
        let last = &last[last.len().saturating_sub(EDGE_BYTES)..];
        let kept = EDGE_BYTES - last.len();
        self.last.drain(..self.last.len().saturating_sub(kept));
        self.last.extend_from_slice(last);
    }
}

impl ContentTap {
    /// A tap behind `length` bytes that passed by elsewhere, and are settled: their first and last
    /// ones, at least 4 KiB of each if there are as many.
    pub fn behind(head: &[u8], last: &[u8], length: u64) -> ContentTap {
        let mut tap = ContentTap::default();
        tap.head.extend_from_slice(&head[..head.len().min(EDGE_BYTES)]);
        tap.settled.push(last, length);
        tap
    }

    /// The next bytes pass by; they are open.
    pub fn push(&mut self, bytes: &[u8]) {
        let wanted = EDGE_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
        self.open.push(bytes, bytes.len() as u64);
    }

    /// All that passed by is settled.
    pub fn settle(&mut self) {
        self.settled.push(&self.open.last, self.open.length);
        self.open.length = 0;
        self.open.last.clear();
    }

    /// The content of what is settled.
    pub fn content(&self) -> Content {
        let length = self.settled.length;
        let head = self.head.len().min(usize::try_from(length).unwrap_or(usize::MAX));
        Content::of(&self.head[..head], &self.settled.last, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 % 251) as u8 ^ (i / 251) as u8).collect()
    }

    #[test]
    fn a_tap_knows_the_content_of_what_passed_by() {
        for len in [0, 1, 15, 16, 300, 4095, 4096, 4097, 9_000, 20_000] {
            let all = bytes(len);
            let expected = Content::of(&all, &all, len as u64);
            assert!(expected.is_valid());
            for step in [1, 10, 4096, 5_000, 30_000] {
                for settled_every in [1, 3, usize::MAX] {
                    let mut tap = ContentTap::default();
                    for (i, piece) in all.chunks(step).enumerate() {
                        tap.push(piece);
                        if i % settled_every == 0 {
                            tap.settle();
                        }
                    }
                    tap.settle();
                    assert_eq!(tap.content(), expected, "{len} {step} {settled_every}");
                }
            }
        }
    }

    #[test]
    fn open_bytes_are_not_part_of_it() {
        let all = bytes(10_000);
        for settled in [0, 1, 100, 5_000] {
            let mut tap = ContentTap::default();
            tap.push(&all[..settled]);
            tap.settle();
            for piece in all[settled..].chunks(333) {
                tap.push(piece);
            }
            assert_eq!(
                tap.content(),
                Content::of(&all[..settled], &all[..settled], settled as u64)
            );
        }
    }

    #[test]
    fn a_log_that_grew_has_the_same_head_and_another_one_has_not() {
        let all = bytes(10_000);
        let content = |len: usize| Content::of(&all[..len], &all[..len], len as u64);
        for (short, long) in [(0, 10), (20, 9_000), (1_500, 1_600), (5_000, 10_000)] {
            assert!(content(short).same_head(&content(long)));
            assert!(content(long).same_head(&content(short)));
        }
        let mut other = all.clone();
        other[3] ^= 1;
        for len in [16, 100, 10_000] {
            let other = Content::of(&other[..len], &other[..len], len as u64);
            assert!(!content(10_000).same_head(&other));
        }
    }
}
