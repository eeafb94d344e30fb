//! Figures of bytes that arrive one after the other: standard input, sockets, decoded archives.
//!
//! The bytes are cut on the same grid as a file's, in offsets of the stream, so `cat f | …` gives
//! the figures of `f`. The scanner is given whole lines only: between two pushes it stands between
//! two lines, and the figures so far can be looked at.

use crate::bytes::content::{Content, ContentTap};
use crate::bytes::line::{LINE_BYTES_MAX, first_line_start};
use crate::error::Error;
use crate::panics::caught;
use crate::scan::Scanner;
use crate::spec::Spec;
use crate::summary::Summary;
use std::sync::Arc;

/// Most bytes given to the scanner at once: lines that cross its pieces are copied, so they should
/// be few, and a piece should stay in the processor's caches.
const PIECE_BYTES: usize = 1 << 20;

/// Most bytes kept of a line whose end has not come. The scanner knows by the second byte beyond
/// those that count that there are more, and looks at none of them.
const REST_BYTES_MAX: usize = LINE_BYTES_MAX + 2;

/// Stands for bytes of a line that are too far from its start to count.
static FILLER: [u8; 64 << 10] = [0; 64 << 10];

/// Scans a stream.
pub struct Feed {
    spec: Arc<Spec>,
    source: u32,
    /// Watches what is pushed; what was given to the scanner is settled.
    tap: ContentTap,
    scanner: Scanner,
    chunk_bytes: u64,
    /// Chunks finished.
    chunks: u64,
    kept: Kept,
    /// Offset of the first byte that counts.
    start: u64,
    /// Whether what comes before that was seen elsewhere, and the tap knows of it.
    knows_before: bool,
    /// Bytes given to the scanner.
    position: u64,
    /// The beginning of the line whose end has not come.
    rest: Vec<u8>,
    /// How many more bytes of that line there were.
    dropped: u64,
    /// What the engine's panic said that ended this feed, and over which chunk it was.
    broken: Option<(u64, String)>,
}

/// What was taken out of the scanner.
enum Kept {
    /// All of it.
    Whole {
        /// The merged subtrees over the chunks finished, each with its level, the first and largest
        /// first. Chunks come in order, so these are what the fixed
        /// [tree](crate::summary::merge_tree) holds.
        subtrees: Vec<(u32, Summary)>,
        /// What snapshots took of the chunk at hand.
        taken: Option<Summary>,
    },
    /// What came since the last part was given away.
    Part(Option<Summary>),
}

impl Feed {
    /// A feed for the stream that is source `source` of the spec, cut every `chunk_bytes`.
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec has no such source, or the grid is of no size.
    pub fn new(spec: Arc<Spec>, source: u32, chunk_bytes: u64) -> Result<Feed, Error> {
        Feed::starting_at(spec, source, chunk_bytes, 0, &[])
    }

    /// A feed for what follows byte `start` of the source, where a line begins. `before` are the bytes
    /// that precede it, as many as its lines look back, or as there are: they count nothing, but what
    /// they leave for later lines counts.
    ///
    /// # Errors
    /// As [`Feed::new`]; also if there are more bytes before than there can be.
    pub fn starting_at(
        spec: Arc<Spec>,
        source: u32,
        chunk_bytes: u64,
        start: u64,
        before: &[u8],
    ) -> Result<Feed, Error> {
        if chunk_bytes == 0 {
            return Err(Error::Spec("the chunk size is 0; it must be at least 1".into()));
        }
        let Some(from) = start.checked_sub(before.len() as u64) else {
            return Err(Error::Spec(
                "there are more bytes before the start than its offset".into(),
            ));
        };
        // What comes before may begin within a line.
        let cut = if from == 0 { Some(0) } else { first_line_start(before) };
        let lines = &before[cut.unwrap_or(before.len())..];
        let mut scanner = Scanner::new(spec.clone())?;
        let first = start - lines.len() as u64;
        scanner.begin(source, first, first)?;
        if !lines.is_empty() {
            scanner.push(lines);
            scanner.finish(start);
            scanner.go_on(start);
        }
        Ok(Feed {
            spec,
            source,
            tap: ContentTap::default(),
            scanner,
            chunk_bytes,
            chunks: start / chunk_bytes,
            kept: Kept::Whole { subtrees: Vec::new(), taken: None },
            start,
            knows_before: start == 0,
            position: start,
            rest: Vec::new(),
            dropped: 0,
            broken: None,
        })
    }

    /// Does something with the scanner. A panic ends the feed: its bytes are gone, so the chunk at
    /// hand cannot be scanned again, and what comes after it may depend on what it left.
    fn guarded(&mut self, work: impl FnOnce(&mut Feed) -> Result<(), Error>) -> Result<(), Error> {
        if self.broken.is_none() {
            match caught(|| work(self)) {
                Ok(done) => return done,
                Err(why) => self.broken = Some((self.chunks, why)),
            }
        }
        let (chunk, why) = self.broken.clone().expect("it is broken");
        let start = chunk * self.chunk_bytes;
        let end = start + self.chunk_bytes;
        Err(Error::Panic { path: "".into(), start, end, decoded: false, why })
    }

    /// Offset in the source of the byte that is pushed next: the bytes pushed so far, and those before
    /// the start.
    pub fn bytes(&self) -> u64 {
        self.position + self.rest.len() as u64 + self.dropped
    }

    /// Scans the next bytes.
    ///
    /// # Errors
    /// [`Error::Panic`] if the engine panicked, now or before: a [snapshot](Self::snapshot) gives the
    /// figures of the chunks before. [`Error::Summary`] never in practice: chunks of one feed do not
    /// overlap.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.guarded(|feed| feed.take(bytes))
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        if let Some(last) = memchr::memrchr(b'\n', bytes) {
            self.scan_rest()?;
            self.scan(&bytes[..=last])?;
            self.tap.push(&bytes[..=last]);
            self.tap.settle();
            bytes = &bytes[last + 1..];
        }
        self.tap.push(bytes);
        let kept = bytes.len().min(REST_BYTES_MAX - self.rest.len());
        self.rest.extend_from_slice(&bytes[..kept]);
        self.dropped += (bytes.len() - kept) as u64;
        Ok(())
    }

    /// Gives what was kept of the unfinished line to the scanner.
    fn scan_rest(&mut self) -> Result<(), Error> {
        let mut rest = std::mem::take(&mut self.rest);
        self.scan(&rest)?;
        rest.clear();
        self.rest = rest;
        while self.dropped > 0 {
            let filler = &FILLER[..self.dropped.min(FILLER.len() as u64) as usize];
            self.dropped -= filler.len() as u64;
            self.scan(filler)?;
        }
        Ok(())
    }

    fn scan(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while !bytes.is_empty() {
            let end = (self.chunks + 1) * self.chunk_bytes;
            let len = if self.position < end {
                bytes.len().min((end - self.position).min(PIECE_BYTES as u64) as usize)
            } else {
                // The chunk's last line goes on behind the chunk's end.
                first_line_start(bytes).unwrap_or(bytes.len()).min(PIECE_BYTES)
            };
            self.scanner.push(&bytes[..len]);
            self.position += len as u64;
            bytes = &bytes[len..];
            while self.position >= (self.chunks + 1) * self.chunk_bytes && !self.scanner.mid_line()
            {
                self.end_chunk((self.chunks + 1) * self.chunk_bytes)?;
            }
        }
        Ok(())
    }

    /// Ends the chunk at hand, and goes on with the one behind it.
    fn end_chunk(&mut self, end: u64) -> Result<(), Error> {
        self.take_out(end)?;
        self.chunks += 1;
        if let Kept::Whole { subtrees, taken } = &mut self.kept {
            let (mut level, mut right) = (0, taken.take().expect("it was taken out above"));
            while subtrees.last().is_some_and(|(other, _)| *other == level) {
                let (_, mut left) = subtrees.pop().expect("there is a last one");
                left.merge(&right)?;
                (level, right) = (level + 1, left);
            }
            subtrees.push((level, right));
        }
        Ok(())
    }

    /// Takes the figures of the chunk at hand up to `end` out of the scanner.
    fn take_out(&mut self, end: u64) -> Result<(), Error> {
        let latest = self.scanner.finish(end);
        self.scanner.go_on(end);
        let (Kept::Whole { taken: kept, .. } | Kept::Part(kept)) = &mut self.kept;
        match kept {
            None => *kept = Some(latest),
            Some(before) => before.merge(&latest)?,
        }
        Ok(())
    }

    /// Takes out what was scanned so far. What is left after a panic is what was taken before.
    fn settle(&mut self) -> Result<(), Error> {
        let settled = self.guarded(|feed| {
            if feed.position > (feed.chunks * feed.chunk_bytes).max(feed.start) {
                feed.take_out(feed.position)?;
            }
            Ok(())
        });
        match settled {
            Err(Error::Panic { .. }) => Ok(()),
            other => other,
        }
    }

    /// The figures so far, without an unfinished last line.
    ///
    /// The feed goes on, and its figures in the end are the same bytes as without snapshots, unless
    /// a table was over its cap in a chunk of which one was taken.
    ///
    /// # Errors
    /// As [`Feed::push`].
    pub fn snapshot(&mut self) -> Result<Summary, Error> {
        self.settle()?;
        let Kept::Whole { subtrees, taken } = &self.kept else {
            unreachable!("a feed in parts is asked for nothing else");
        };
        let subtrees = subtrees.iter().map(|(_, subtree)| subtree);
        let mut root = root(&self.spec, subtrees.chain(taken).cloned())?;
        self.identify(&mut root);
        Ok(root)
    }

    /// What the content is, if all of it was seen.
    fn content(&self) -> Option<Content> {
        self.knows_before.then(|| self.tap.content())
    }

    fn identify(&self, root: &mut Summary) {
        if let Some(content) = self.content() {
            root.identify(self.source, content);
        }
    }

    /// Scans the last line even without its newline, as nothing follows.
    ///
    /// # Errors
    /// As [`Feed::push`].
    pub fn close(&mut self) -> Result<(), Error> {
        self.guarded(|feed| {
            feed.scan_rest()?;
            feed.tap.settle();
            // A line that began in the chunk at hand may have run on over several chunks' ends.
            while (feed.chunks * feed.chunk_bytes).max(feed.start) < feed.position {
                feed.end_chunk(((feed.chunks + 1) * feed.chunk_bytes).min(feed.position))?;
            }
            Ok(())
        })
    }

    /// The figures of everything pushed, to the last line.
    ///
    /// # Errors
    /// As [`Feed::push`].
    pub fn finish(mut self) -> Result<Summary, Error> {
        self.close()?;
        let mut root = match std::mem::replace(&mut self.kept, Kept::Part(None)) {
            Kept::Whole { subtrees, taken } => {
                root(&self.spec, subtrees.into_iter().map(|(_, subtree)| subtree).chain(taken))?
            }
            Kept::Part(_) => unreachable!("a feed in parts is asked for nothing else"),
        };
        self.identify(&mut root);
        Ok(root)
    }

    /// The spec.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }
}

/// A feed that gives its figures away in parts, and keeps none of them: for logs without an end.
pub struct PartFeed {
    feed: Feed,
    /// Where the part begins that is given next.
    part_start: u64,
}

impl PartFeed {
    /// As [`Feed::starting_at`].
    ///
    /// # Errors
    /// As [`Feed::starting_at`].
    pub fn starting_at(
        spec: Arc<Spec>,
        source: u32,
        chunk_bytes: u64,
        start: u64,
        before: &[u8],
    ) -> Result<PartFeed, Error> {
        let mut feed = Feed::starting_at(spec, source, chunk_bytes, start, before)?;
        feed.kept = Kept::Part(None);
        Ok(PartFeed { feed, part_start: start })
    }

    /// All bytes before the start were counted elsewhere: the source's first ones, and those just
    /// before the start; of each 4 KiB count, if there are as many.
    pub fn know_content(&mut self, head: &[u8], before: &[u8]) {
        self.feed.tap = ContentTap::behind(head, before, self.feed.start);
        self.feed.knows_before = true;
    }

    /// Scans the next bytes.
    ///
    /// # Errors
    /// [`Error::Panic`] if the engine panicked, now or before: a [part](Self::part) has what was taken
    /// out of the scanner before. [`Error::Summary`] never in practice, as for [`Feed::push`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.feed.push(bytes)
    }

    /// The figures of the whole lines pushed since the last call. Parts follow each other, and while
    /// no table is over its cap their sum is what [`Feed::snapshot`] gives, once it is
    /// [identified](Summary::identify) by the [content](Self::content).
    ///
    /// # Errors
    /// [`Error::Summary`] never in practice.
    pub fn part(&mut self) -> Result<Summary, Error> {
        if self.feed.position > self.part_start {
            self.feed.settle()?;
            self.part_start = self.feed.position;
        }
        let Kept::Part(part) = &mut self.feed.kept else { unreachable!("it is made so") };
        Ok(part.take().unwrap_or_else(|| Summary::empty(&self.feed.spec)))
    }

    /// Scans the last line even without its newline, as nothing follows.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn close(&mut self) -> Result<(), Error> {
        self.feed.close()
    }

    /// What the content is, if all of it was seen: what the sum of all parts does not say.
    pub fn content(&self) -> Option<Content> {
        self.feed.content()
    }
}

/// Merges subtrees of falling size as the fixed tree does: the smaller ones first.
fn root(spec: &Spec, subtrees: impl DoubleEndedIterator<Item = Summary>) -> Result<Summary, Error> {
    let mut root: Option<Summary> = None;
    for mut left in subtrees.rev() {
        if let Some(right) = root {
            left.merge(&right)?;
        }
        root = Some(left);
    }
    Ok(root.unwrap_or_else(|| Summary::empty(spec)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::codec::encode;
    use crate::summary::merge_tree::MergeTree;

    /// Lines of several classes and lengths, some longer than what counts, the last without an end.
    fn text() -> Vec<u8> {
        let mut text = b"\xef\xbb\xbf".to_vec();
        for i in 0..300 {
            text.extend(
                match i % 7 {
                    0 => "\n".into(),
                    1 => format!("nonsense {i}\r\n"),
                    2 => {
                        format!("2024-01-24 10:15:{:02}.{i:03} ERROR x took {i}ms\n", i % 60)
                    }
                    _ => format!("2024-01-24 10:{:02}:32.123 INFO x took {i}ms\r\n", i % 60),
                }
                .into_bytes(),
            );
        }
        text
    }

    fn long_lines() -> Vec<u8> {
        let mut text = text();
        for len in [LINE_BYTES_MAX, LINE_BYTES_MAX + 1, LINE_BYTES_MAX + 2, 5 * LINE_BYTES_MAX] {
            text.extend(b"2024-01-24 10:15:32.123 ERROR ");
            text.resize(text.len() + len - 30, b'x');
            text.extend(b"\r\n2024-01-24 10:15:33 INFO short\n");
        }
        text.extend(b"2024-01-24 10:15:33 INFO no end");
        text
    }

    /// What the chunks of a file with these bytes give, merged by the tree itself.
    fn of_file(text: &[u8], chunk_bytes: u64) -> Vec<u8> {
        let spec = Arc::new(Spec::plain());
        let mut tree = MergeTree::new(&spec);
        let mut scanner = Scanner::new(spec).unwrap();
        let size = text.len() as u64;
        let chunks = size.div_ceil(chunk_bytes);
        let after = |at: u64| match at {
            0 => 0,
            at => first_line_start(&text[at as usize - 1..]).map_or(size, |n| at - 1 + n as u64),
        };
        for i in 0..chunks {
            let (start, end) = (i * chunk_bytes, ((i + 1) * chunk_bytes).min(size));
            let lines = after(start)..after(end).max(after(start));
            scanner.begin(0, start, lines.start).unwrap();
            scanner.push(&text[lines.start as usize..lines.end as usize]);
            tree.insert(i, scanner.finish(end)).unwrap();
        }
        let mut root = tree.finish(chunks).unwrap();
        // A feed finds out what a file's plan knows before.
        root.identify(0, Content::of(text, text, size));
        encode(&root)
    }

    fn feed(chunk_bytes: u64) -> Feed {
        Feed::new(Arc::new(Spec::plain()), 0, chunk_bytes).unwrap()
    }

    #[test]
    fn any_pushes_give_the_figures_of_the_file() {
        let text = text();
        for chunk_bytes in [1, 37, 1_000, 1 << 24] {
            let expected = of_file(&text, chunk_bytes);
            for push_bytes in [1, 3, 100, 5_000, text.len()] {
                for snapshot in [false, true] {
                    let mut feed = feed(chunk_bytes);
                    for piece in text.chunks(push_bytes) {
                        feed.push(piece).unwrap();
                        if snapshot {
                            feed.snapshot().unwrap();
                        }
                    }
                    assert_eq!(feed.bytes(), text.len() as u64);
                    let same = encode(&feed.finish().unwrap()) == expected;
                    assert!(same, "{chunk_bytes} {push_bytes} {snapshot}");
                }
            }
        }
    }

    #[test]
    fn lines_longer_than_what_counts() {
        let text = long_lines();
        for chunk_bytes in [300_000, 1 << 24] {
            let expected = of_file(&text, chunk_bytes);
            for push_bytes in [70_000, LINE_BYTES_MAX + 1, text.len()] {
                let mut feed = feed(chunk_bytes);
                for piece in text.chunks(push_bytes) {
                    feed.push(piece).unwrap();
                    assert!(feed.rest.len() <= REST_BYTES_MAX);
                    feed.snapshot().unwrap();
                }
                assert_eq!(feed.bytes(), text.len() as u64);
                assert!(encode(&feed.finish().unwrap()) == expected, "{chunk_bytes} {push_bytes}");
            }
        }
    }

    #[test]
    fn a_snapshot_is_the_figures_of_the_whole_lines() {
        let text = text();
        for chunk_bytes in [37, 1_000] {
            let mut feed = feed(chunk_bytes);
            for (i, piece) in text.chunks(61).enumerate() {
                feed.push(piece).unwrap();
                let pushed = &text[..text.len().min((i + 1) * 61)];
                let lines = memchr::memrchr(b'\n', pushed).map_or(0, |n| n + 1);
                let snapshot = encode(&feed.snapshot().unwrap());
                assert!(snapshot == of_file(&text[..lines], chunk_bytes), "{chunk_bytes} {i}");
            }
        }
    }

    #[test]
    fn parts_add_up_to_what_a_feed_of_them_gives() {
        let text = text();
        for (chunk_bytes, push_bytes) in [(37, 61), (1_000, 61), (1_000, 4_000), (1 << 24, 333)] {
            for cut in [0, 1, 3] {
                let start = match cut {
                    0 => 0,
                    n => memchr::memchr_iter(b'\n', &text).nth(n * 20).unwrap() + 1,
                };
                let (before, after) = text.split_at(start);
                let spec = Arc::new(Spec::plain());
                let from = start as u64;
                let mut feed =
                    Feed::starting_at(spec.clone(), 0, chunk_bytes, from, before).unwrap();
                let mut parts = PartFeed::starting_at(spec, 0, chunk_bytes, from, before).unwrap();
                let mut sum = parts.part().unwrap();
                for piece in after.chunks(push_bytes) {
                    feed.push(piece).unwrap();
                    parts.push(piece).unwrap();
                    sum.merge(&parts.part().unwrap()).unwrap();
                    let mut whole = sum.clone();
                    identify(&mut whole, &parts);
                    assert!(
                        encode(&feed.snapshot().unwrap()) == encode(&whole),
                        "{chunk_bytes} {push_bytes} {start}"
                    );
                }
                feed.close().unwrap();
                parts.close().unwrap();
                sum.merge(&parts.part().unwrap()).unwrap();
                assert_eq!(parts.part().unwrap(), Summary::empty(&Spec::plain()));
                let covered = &sum.coverage.0[&0].segments;
                assert_eq!(covered.len(), 1);
                assert_eq!((covered[0].start, covered[0].end), (start as u64, text.len() as u64));
                identify(&mut sum, &parts);
                assert!(encode(&feed.finish().unwrap()) == encode(&sum), "{chunk_bytes} {start}");
            }
        }
    }

    #[test]
    fn what_was_counted_elsewhere_is_part_of_the_content() {
        let text = long_lines();
        for start in memchr::memchr_iter(b'\n', &text).map(|at| at + 1) {
            let (before, after) = text.split_at(start);
            let spec = Arc::new(Spec::plain());
            let look_back = &before[before.len().saturating_sub(8_192)..];
            let mut parts =
                PartFeed::starting_at(spec, 0, 1 << 24, start as u64, look_back).unwrap();
            parts.know_content(&before[..before.len().min(4_096)], look_back);
            assert_eq!(parts.content(), Some(Content::of(before, before, start as u64)));
            parts.push(after).unwrap();
            parts.close().unwrap();
            assert_eq!(parts.content(), Some(Content::of(&text, &text, text.len() as u64)));
        }
    }

    fn identify(sum: &mut Summary, parts: &PartFeed) {
        if let Some(content) = parts.content() {
            sum.identify(0, content);
        }
    }

    #[test]
    fn a_panic_costs_what_no_part_has() {
        let text = text();
        let spec = Arc::new(Spec { panic_on: Some("nonsense 92".into()), ..Spec::plain() });
        let at = memchr::memmem::find(&text, b"nonsense 92").unwrap();
        let mut feed = PartFeed::starting_at(spec.clone(), 0, 1 << 24, 0, b"").unwrap();
        feed.push(&text[..at / 2]).unwrap();
        let first = feed.part().unwrap();
        assert!(matches!(feed.push(&text[at / 2..]), Err(Error::Panic { .. })));
        assert_eq!(feed.part().unwrap(), Summary::empty(&spec));
        let whole = memchr::memrchr(b'\n', &text[..at / 2]).unwrap() as u64 + 1;
        assert_eq!(first.coverage.bytes(0), whole);
    }

    #[test]
    fn a_panic_costs_what_is_not_merged() {
        let text = text();
        let spec = Arc::new(Spec { panic_on: Some("nonsense 92".into()), ..Spec::plain() });
        let at = memchr::memmem::find(&text, b"nonsense 92").unwrap() as u64;
        let mut feed = Feed::new(spec.clone(), 0, 1_000).unwrap();
        let errors = text.chunks(61).filter_map(|piece| feed.push(piece).err()).collect::<Vec<_>>();
        let chunk = at / 1_000 * 1_000;
        for error in &errors {
            let said = format!("bytes {chunk} to {}: a planted bug (scanner.rs:", chunk + 1_000);
            assert!(error.to_string().contains(&said), "{error}");
        }
        assert!(errors.len() > 10, "{}", errors.len());
        assert!(matches!(feed.close(), Err(Error::Panic { .. })));
        let before = feed.snapshot().unwrap();
        assert_eq!(before.coverage.bytes(0), chunk);
        let mut other = Feed::new(spec, 0, 1_000).unwrap();
        other.push(&text[..chunk as usize + 100]).unwrap();
        assert_eq!(before.lines, root_of_whole_chunks(&other).lines);
    }

    fn root_of_whole_chunks(feed: &Feed) -> Summary {
        let Kept::Whole { subtrees, .. } = &feed.kept else { unreachable!() };
        root(feed.spec(), subtrees.iter().map(|(_, subtree)| subtree.clone())).unwrap()
    }

    #[test]
    fn nothing() {
        let empty = encode(&Summary::empty(&Spec::plain()));
        let mut feed = feed(10);
        feed.push(b"").unwrap();
        assert!(encode(&feed.snapshot().unwrap()) == empty);
        assert!(encode(&feed.finish().unwrap()) == empty);
        assert!(Feed::new(Arc::new(Spec::plain()), 0, 0).is_err());
        assert!(Feed::new(Arc::new(Spec::plain()), 1, 10).is_err());
    }
}
