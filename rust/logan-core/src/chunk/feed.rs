//! Figures of bytes that arrive one after the other: standard input, sockets, decoded archives.
//!
//! The bytes are cut on the same grid as a file's, in offsets of the stream, so `cat f | …` gives
//! the figures of `f`. The scanner is given whole lines only: between two pushes it stands between
//! two lines, and the figures so far can be looked at.

use crate::bytes::content::ContentTap;
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
    /// The merged subtrees over the chunks finished, each with its level, the first and largest
    /// first. Chunks come in order, so these are what the fixed [tree](crate::summary::merge_tree) holds.
    subtrees: Vec<(u32, Summary)>,
    /// Chunks finished.
    chunks: u64,
    /// What snapshots took out of the scanner of the chunk at hand.
    taken: Option<Summary>,
    /// Offset of the first byte that counts, and where the part begins that [`Feed::part`] gives next.
    start: u64,
    part_start: u64,
    /// What was finished of that part; None until the first part is asked for.
    part: Option<Summary>,
    /// Bytes given to the scanner.
    position: u64,
    /// The beginning of the line whose end has not come.
    rest: Vec<u8>,
    /// How many more bytes of that line there were.
    dropped: u64,
    /// What the engine's panic said that ended this feed, and over which chunk it was.
    broken: Option<(u64, String)>,
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
            subtrees: Vec::new(),
            chunks: start / chunk_bytes,
            taken: None,
            start,
            part_start: start,
            part: None,
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
        let (mut level, mut right) = (0, self.chunk_so_far(end)?);
        self.scanner.go_on(end);
        self.chunks += 1;
        while self.subtrees.last().is_some_and(|(other, _)| *other == level) {
            let (_, mut left) = self.subtrees.pop().expect("there is a last one");
            left.merge(&right)?;
            (level, right) = (level + 1, left);
        }
        self.subtrees.push((level, right));
        Ok(())
    }

    /// Takes out the figures of the chunk at hand up to `end`.
    fn chunk_so_far(&mut self, end: u64) -> Result<Summary, Error> {
        let latest = self.scanner.finish(end);
        if let Some(part) = &mut self.part {
            part.merge(&latest)?;
        }
        match self.taken.take() {
            None => Ok(latest),
            Some(mut chunk) => chunk.merge(&latest).map(|()| chunk),
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
        let looked = self.guarded(|feed| {
            if feed.position > (feed.chunks * feed.chunk_bytes).max(feed.start) {
                feed.taken = Some(feed.chunk_so_far(feed.position)?);
                feed.scanner.go_on(feed.position);
            }
            Ok(())
        });
        match looked {
            Ok(()) | Err(Error::Panic { .. }) => {}
            Err(error) => return Err(error),
        }
        let subtrees = self.subtrees.iter().map(|(_, subtree)| subtree);
        let mut root = root(&self.spec, subtrees.chain(&self.taken).cloned())?;
        self.identify(&mut root);
        Ok(root)
    }

    /// The figures of the whole lines pushed since the last call, or since the first call was made,
    /// which gives none: parts follow each other, and their sum is what [`snapshot`](Self::snapshot)
    /// gives, but for what tells the content from that of others.
    ///
    /// # Errors
    /// As [`Feed::push`]; what was finished before the panic is still given, once.
    pub fn part(&mut self) -> Result<Summary, Error> {
        if self.part.is_none() {
            // What was pushed before belongs to no part.
            self.snapshot()?;
            self.part_start = self.position;
            self.part = Some(Summary::empty(&self.spec));
        }
        if self.position > self.part_start {
            self.snapshot()?;
            self.part_start = self.position;
        }
        let empty = Summary::empty(&self.spec);
        Ok(self.part.replace(empty).expect("it was made above"))
    }

    /// Says what the content is, if all of it was seen.
    fn identify(&self, root: &mut Summary) {
        if self.start == 0 {
            root.identify(self.source, self.tap.content());
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
        let subtrees = std::mem::take(&mut self.subtrees);
        let mut root = root(&self.spec, subtrees.into_iter().map(|(_, subtree)| subtree))?;
        self.identify(&mut root);
        Ok(root)
    }

    /// The spec.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
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
    use crate::bytes::content::Content;
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
                let mut feed =
                    Feed::starting_at(spec.clone(), 0, chunk_bytes, start as u64, before).unwrap();
                let mut sum = feed.part().unwrap();
                for piece in after.chunks(push_bytes) {
                    feed.push(piece).unwrap();
                    sum.merge(&feed.part().unwrap()).unwrap();
                    let mut snapshot = feed.snapshot().unwrap();
                    for source in snapshot.coverage.0.values_mut() {
                        Arc::make_mut(&mut source.id).identity.content = None;
                    }
                    assert!(
                        encode(&snapshot) == encode(&sum),
                        "{chunk_bytes} {push_bytes} {start}"
                    );
                }
                feed.close().unwrap();
                sum.merge(&feed.part().unwrap()).unwrap();
                let covered = &sum.coverage.0[&0].segments;
                assert_eq!(covered.len(), 1);
                assert_eq!((covered[0].start, covered[0].end), (start as u64, text.len() as u64));
            }
        }
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
        root(feed.spec(), feed.subtrees.iter().map(|(_, subtree)| subtree.clone())).unwrap()
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
