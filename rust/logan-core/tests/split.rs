//! The same bytes of summary, however the bytes of a log come: cut into chunks anywhere, pushed in
//! blocks of any size, mapped, read or fed, on any number of threads, merged in any order.
//!
//! Beyond the caps of the tables that holds for one grid of chunks. `PROPTEST_CASES` sets how many
//! cases each test tries, a failure prints its input.

use crate::oracle::analyze;
use crate::support::config;
use crate::support::fast::restricted;
use logan_core::bytes::content::Content;
use logan_core::bytes::input::{Fingerprint, Mode, Source};
use logan_core::bytes::line::LINE_BYTES_MAX;
use logan_core::chunk::Chunk;
use logan_core::chunk::Feed;
use logan_core::engine::{self, Control};
use logan_core::fast::FastPaths;
use logan_core::format::Params;
use logan_core::format::classify::REASONS;
use logan_core::format::state::Layouts;
use logan_core::scan::Scanner;
use logan_core::spec::{FormatSpec, Spec};
use logan_core::summary::Summary;
use logan_core::summary::codec::encode;
use logan_core::summary::merge_tree::MergeTree;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

// SAFETY: what these tests do with bytes does not depend on an earlier look at them.
const MAP: Mode = unsafe { Mode::map() };

// ----------------------------------------------------------------------------------------- logs

/// Bytes of a log, which a failure prints as text.
#[derive(Clone)]
struct Log(Vec<u8>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Lines of every kind; `@` becomes a number.
const LINES: &[&str] = &[
    "",
    "x",
    "2024-01-24 10:15:@ INFO Request processed in @ms",
    "2024-01-24 10:15:@.123 ERROR Database connection @ failed: \"été\"",
    "2024-01-24T10:16:@Z [WARN] retrying in 30s, user @",
    "10.0.0.@ - - [24/Jan/2024:10:15:@ +0000] \"GET /item/@?q HTTP/1.1\" 200 5@ \"-\" \"Mozilla\" 0.0@",
    "10.0.1.@ - - [24/Jan/2024:10:15:@ +0000] \"GET /other/@x HTTP/1.1\" 503 -",
    "192.168.1.1 - - [24/Jan/2024:10:15:33.1@] GET /api/data HTTP/1.1 200 1@ms",
    "{\"time\":\"2024-01-24T10:15:@Z\",\"level\":\"error\",\"msg\":\"caf\\u00e9 @\",\"duration_ms\":@}",
    "{\"http\":{\"response\":{\"status_code\":404}},\"url\":\"/ü/@\",\"client_ip\":\"10.1.1.@\"}",
    "ts=2024-01-24T10:15:@Z level=info msg=\"a b\" duration=@ms path=/l/@",
    "\tat com.foo.Bar.baz(Bar.java:@)",
    "Traceback (most recent call last):",
    "#Fields: date time",
    "Invalid log line @",
    "{\"broken @",
    "2024-01-24 ERROR",
    "\u{1f600}\u{1f600} @",
    "I0124 10:15:@.123456 1 f.go:1] took @s",
    "app: 2024-01-24 10:15:@ WARN late, latency=@us",
    // Formats that fill few columns, next to those that fill others.
    "123:M 24 Jan 2024 10:15:@.123 # no room for @",
    "<3>[  @.123456] usb 1-1: device descriptor read failed",
    "[ERROR] [main] took @ms",
    "ERROR:    10.0.0.@:52345 - \"GET /items/@ HTTP/1.1\" 500 OK",
    " \t ",
    "\0\0",
];

fn log(most: usize) -> BoxedStrategy<Log> {
    let end = select(&["\n", "\n", "\n", "\r\n", "\r\r\n", "\n\n"][..]);
    let line = (select(LINES), 10u32..60, end, 0u32..40);
    (vec(line, 1..most), any::<bool>(), any::<bool>())
        .prop_map(|(lines, bom, unfinished)| {
            let mut text = if bom { "\u{feff}".to_string() } else { String::new() };
            for (line, number, end, long) in lines {
                text += &line.replace('@', &number.to_string());
                if long == 0 {
                    // Several blocks of padding, several chunks.
                    text += &" in padding".repeat(40);
                }
                text += end;
            }
            if unfinished {
                text.truncate(text.trim_end().len().max(1));
            }
            Log(text.into_bytes())
        })
        .boxed()
}

fn spec() -> Arc<Spec> {
    Arc::new(Spec { top: 5, ..Spec::plain() })
}

/// Records of formats that fill different columns, with and without texts, one after the other.
#[test]
fn rows_of_a_longer_block_do_not_show_in_a_shorter_one() {
    const APP: &str = "2024-01-24 10:15:32.123 INFO up\n";
    const NO_ROUTE: &str = "123:M 24 Jan 2024 10:15:33.123 # no config file\n";
    const REQUEST: &str =
        "10.0.0.1 - - [24/Jan/2024:10:15:34 +0000] \"GET /item HTTP/1.1\" 200 5\n";
    // Lines at the edges of a block take another way.
    let edge = format!("{}\n", "x".repeat(100));
    let text = [&edge, &"x".repeat(1_000), "\n", APP, NO_ROUTE, NO_ROUTE, APP, &edge].concat();
    let longer = text.len();
    // Rows are used again: where the second and third of these go, records without a request were
    // that began beyond the end of this block.
    let text = [&text, &edge, APP, APP, APP, REQUEST, &edge].concat();
    for formats in [&["app"][..], &["redis", "app"], &[]] {
        let mut spec = Spec::plain();
        spec.sources[0].reading.formats = formats
            .iter()
            .map(|name| FormatSpec { name: name.to_string(), params: Params::default() })
            .collect();
        // Where lines have columns that headers name, formats are tried line by line.
        spec.sources[0].reading.layouts = Some(Layouts::default());
        let spec = Arc::new(spec);
        let one_block = whole(text.as_bytes(), &spec);
        let mut scanner = Scanner::new(spec).unwrap();
        scanner.begin(0, 0, 0).unwrap();
        scanner.push(&text.as_bytes()[..longer]);
        scanner.push(&text.as_bytes()[longer..]);
        assert!(scanner.finish(text.len() as u64) == one_block, "{formats:?}");
        assert_eq!(one_block.lines.parsed, 8);
    }
}

// ----------------------------------------------------------------------------- ways to the figures

/// All bytes in one push.
fn whole(bytes: &[u8], spec: &Arc<Spec>) -> Summary {
    let mut scanner = Scanner::new(spec.clone()).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    scanner.push(bytes);
    scanner.finish(bytes.len() as u64)
}

/// Cuts `bytes` into blocks as long as `lengths` say, over and over.
fn in_blocks<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut blocks = Vec::new();
    let mut rest = bytes;
    let mut lengths = lengths.iter().cycle();
    while !rest.is_empty() {
        let (block, later) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
        blocks.push(block);
        rest = later;
    }
    blocks
}

/// The figures of the chunks between `cuts`. Which lines a chunk owns is found here from the
/// definition: those whose first byte lies in it.
fn chunks(bytes: &[u8], cuts: &[usize], lengths: &[usize], spec: &Arc<Spec>) -> Vec<Summary> {
    let mut scanner = Scanner::new(spec.clone()).unwrap();
    let starts: Vec<usize> =
        (0..bytes.len()).filter(|&i| i == 0 || bytes[i - 1] == b'\n').collect();
    let one = |edges: &[usize]| {
        let (start, end) = (edges[0], edges[1]);
        let after = |at: usize| starts.iter().copied().find(|&s| s >= at).unwrap_or(bytes.len());
        let (first, behind) = (after(start), after(end));
        // What lines look back to comes before them, as far as it is whole lines.
        let back = spec.look_back_bytes(0).unwrap() as usize;
        let from = starts.iter().copied().find(|&s| s + back >= first).unwrap_or(first).min(first);
        scanner.begin(0, from as u64, from as u64).unwrap();
        if from < first {
            scanner.push(&bytes[from..first]);
        }
        scanner.finish(first as u64);
        scanner.go_on(start as u64);
        for block in in_blocks(&bytes[first..behind], lengths) {
            scanner.push(block);
        }
        scanner.finish(end as u64)
    };
    cuts.windows(2).map(one).collect()
}

fn edges(bytes: &[u8], cuts: &[Index]) -> Vec<usize> {
    let mut edges: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    edges.extend([0, bytes.len()]);
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn grid(size: usize, chunk: usize) -> Vec<usize> {
    (0..size).step_by(chunk).chain([size]).collect()
}

/// Brings items in the order that `order` draws.
fn shuffled<T>(mut items: Vec<T>, order: &[Index]) -> Vec<T> {
    let mut out = Vec::new();
    let mut order = order.iter().cycle();
    while !items.is_empty() {
        let i = order.next().map_or(0, |i| i.index(items.len()));
        out.push(items.remove(i));
    }
    out
}

/// The summary of a stream, without what only a stream finds out: a file's plan knows it before.
fn unidentified(mut summary: Summary, bytes: &[u8]) -> Summary {
    for covered in summary.coverage.0.values_mut() {
        let content = Arc::make_mut(&mut covered.id).identity.content.take();
        assert_eq!(content, Some(Content::of(bytes, bytes, bytes.len() as u64)));
    }
    summary
}

fn fed(bytes: &[u8], chunk: usize, lengths: &[usize], spec: &Arc<Spec>) -> Summary {
    let mut feed = Feed::new(spec.clone(), 0, chunk as u64).unwrap();
    for block in in_blocks(bytes, lengths) {
        feed.push(block).unwrap();
    }
    assert_eq!(feed.bytes(), bytes.len() as u64);
    unidentified(feed.finish().unwrap(), bytes)
}

/// A file that goes when this does.
struct TempFile(PathBuf);

impl TempFile {
    fn new(bytes: &[u8]) -> TempFile {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("logan-split-{}-{count}.log", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        TempFile(path)
    }

    fn run(&self, chunk: usize, threads: usize, mode: Mode, spec: &Arc<Spec>) -> Summary {
        self.run_by(chunk, threads, mode, spec, FastPaths::ALL)
    }

    /// With these fast paths alone.
    fn run_by(
        &self,
        chunk: usize,
        threads: usize,
        mode: Mode,
        spec: &Arc<Spec>,
        fast: FastPaths,
    ) -> Summary {
        let source = Source::open(&self.0, mode).unwrap();
        let size = source.size();
        let fingerprint = Fingerprint::of_source(&source, size).unwrap();
        let chunks: Vec<Chunk> = grid(size as usize, chunk)
            .windows(2)
            .map(|e| Chunk { source: 0, start: e[0] as u64, end: e[1] as u64 })
            .collect();
        let control = Control { fast, ..Control::default() };
        let sources = [(source, fingerprint)];
        let outcome = engine::run(&sources, &chunks, spec, threads, &control).unwrap();
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        outcome.summary
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn merged(spec: &Spec, parts: &[Summary]) -> Summary {
    let mut sum = Summary::empty(spec);
    for part in parts {
        sum.merge(part).unwrap();
    }
    sum
}

/// The same bytes, or where the two differ.
fn same(found: &Summary, expected: &Summary) -> Result<(), TestCaseError> {
    if encode(found) != encode(expected) {
        let (found, expected) = (found.evaluate(100, None), expected.evaluate(100, None));
        prop_assert_eq!(found, expected);
        prop_assert!(false, "other bytes, though the reports are the same");
    }
    Ok(())
}

// ------------------------------------------------------------------------------------ properties

proptest! {
    #![proptest_config(config(800))]

    #[test]
    fn any_blocks(
        log in log(24), lengths in vec(1usize..300, 1..6), fast in restricted(),
    ) {
        let spec = spec();
        let mut scanner = Scanner::with(spec.clone(), fast).unwrap();
        scanner.begin(0, 0, 0).unwrap();
        for block in in_blocks(&log.0, &lengths) {
            scanner.push(block);
            scanner.push(&[]);
        }
        same(&scanner.finish(log.0.len() as u64), &whole(&log.0, &spec))?;
    }

    #[test]
    fn any_chunks_in_any_order(
        log in log(24), cuts in vec(any::<Index>(), 0..12), lengths in vec(1usize..300, 1..4),
        order in vec(any::<Index>(), 24..25),
    ) {
        let spec = spec();
        let expected = whole(&log.0, &spec);
        let edges = edges(&log.0, &cuts);
        let parts = chunks(&log.0, &edges, &lengths, &spec);
        same(&merged(&spec, &shuffled(parts.clone(), &order)), &expected)?;
        // Any pair next, in any direction: any tree.
        let mut forest = parts.clone();
        let mut order = order.iter();
        while forest.len() > 1 {
            let a = forest.remove(order.next().unwrap().index(forest.len()));
            let place = order.next().unwrap().index(forest.len());
            let mut b = forest.remove(place);
            b.merge(&a).unwrap();
            forest.push(b);
        }
        same(&forest[0], &expected)?;
        // What covers anything twice does not merge, and leaves no trace.
        let mut all = expected.clone();
        for part in parts.iter().filter(|part| !part.coverage.0.is_empty()) {
            prop_assert!(all.merge(part).is_err());
        }
        same(&all, &expected)?;
    }

    #[test]
    fn any_grid_through_the_tree(
        log in log(24), chunk in 1usize..500, order in vec(any::<Index>(), 1..8),
    ) {
        let spec = spec();
        let parts = chunks(&log.0, &grid(log.0.len(), chunk), &[4096], &spec);
        let count = parts.len() as u64;
        let mut tree = MergeTree::new(&spec);
        for (i, part) in shuffled(parts.into_iter().enumerate().collect(), &order) {
            tree.insert(i as u64, part).unwrap();
        }
        same(&tree.finish(count).unwrap(), &whole(&log.0, &spec))?;
    }

    #[test]
    fn any_pushes_of_a_feed(
        log in log(24), chunk in 1usize..500, lengths in vec(1usize..400, 1..6),
    ) {
        let spec = spec();
        same(&fed(&log.0, chunk, &lengths, &spec), &whole(&log.0, &spec))?;
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn any_threads_and_modes(
        log in log(40), chunk in 1usize..500, threads in 1usize..5, fast in restricted(),
    ) {
        let spec = spec();
        let expected = whole(&log.0, &spec);
        let file = TempFile::new(&log.0);
        for mode in [MAP, Mode::READ] {
            same(&file.run(chunk, threads, mode, &spec), &expected)?;
            same(&file.run_by(chunk, threads, mode, &spec, fast), &expected)?;
        }
    }
}

// ----------------------------------------------------------------------------------- explicit logs

/// Every cut of this falls somewhere that matters: in the byte order mark, between `\r` and `\n`,
/// inside of characters, before and behind newlines, in an unfinished last line.
const EDGES: &str = "\u{feff}2024-01-24 10:15:32.123 INFO été took 127ms\r\n\r\n\n\
    {\"time\":\"2024-01-24T10:15:33Z\",\"msg\":\"\u{1f600}\",\"level\":\"error\"}\r\n\
    10.0.0.1 - - [24/Jan/2024:10:15:31 +0000] \"GET /ü/1 HTTP/1.1\" 200 5 \"-\" \"-\" 0.5\r\r\n\
    \u{feff}junk\n\r\nlast é\r";

#[test]
fn every_cut_of_a_log_of_edges() {
    let (bytes, spec) = (EDGES.as_bytes(), spec());
    let expected = encode(&whole(bytes, &spec));
    for cut in 1..bytes.len() {
        let parts = chunks(bytes, &[0, cut, bytes.len()], &[cut], &spec);
        assert_eq!(encode(&merged(&spec, &parts)), expected, "cut at {cut}");
        let mut scanner = Scanner::new(spec.clone()).unwrap();
        scanner.begin(0, 0, 0).unwrap();
        scanner.push(&bytes[..cut]);
        scanner.push(&bytes[cut..]);
        assert_eq!(encode(&scanner.finish(bytes.len() as u64)), expected, "blocks cut at {cut}");
    }
    for chunk in 1..bytes.len() {
        assert_eq!(encode(&fed(bytes, chunk, &[7], &spec)), expected, "fed on a grid of {chunk}");
    }
    let file = TempFile::new(bytes);
    for chunk in [1, 2, 3, 5, 8, 13, 50, 127] {
        for mode in [MAP, Mode::READ] {
            let found = file.run(chunk, 2, mode, &spec);
            assert_eq!(encode(&found), expected, "chunks of {chunk}, {mode:?}");
        }
    }
}

#[test]
fn nothing_and_nearly_nothing() {
    let spec = spec();
    let feed = Feed::new(spec.clone(), 0, 10).unwrap().finish().unwrap();
    assert_eq!(encode(&feed), encode(&Summary::empty(&spec)));
    let file = TempFile::new(b"");
    assert_eq!(encode(&file.run(10, 2, MAP, &spec)), encode(&Summary::empty(&spec)));
    for bytes in [&b"\n"[..], b"x", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b"\n\n"] {
        let lines = whole(bytes, &spec).lines;
        let newlines = bytes.iter().filter(|&&b| b == b'\n').count() as u64;
        let unfinished = u64::from(bytes.last() != Some(&b'\n'));
        assert_eq!(lines.total(), newlines + unfinished, "{}", bytes.escape_ascii());
        for chunk in 1..4 {
            let expected = encode(&whole(bytes, &spec));
            assert_eq!(
                encode(&fed(bytes, chunk, &[1], &spec)),
                expected,
                "{}",
                bytes.escape_ascii()
            );
        }
    }
}

/// Lines about as long as a line may be, and far longer, with what surrounds them.
#[test]
fn lines_longer_than_any_buffer() {
    let spec = spec();
    let front = "2024-01-24 10:15:32 ERROR took 5ms ";
    for (len, beginning, end) in [
        (LINE_BYTES_MAX - 1, front, "\n"),
        (LINE_BYTES_MAX, front, "\r\n"),
        (LINE_BYTES_MAX + 1, front, "\r\n"),
        (LINE_BYTES_MAX, "junk ", "\n"),
        (LINE_BYTES_MAX + 2, "junk ", "\n"),
        (LINE_BYTES_MAX + 20, "\u{feff}junk ", "\n"),
        (3 * LINE_BYTES_MAX + 77, "\u{feff}junk ", "\r\n"),
        (5 * LINE_BYTES_MAX, front, ""),
    ] {
        let mut bytes = beginning.as_bytes().to_vec();
        bytes.resize(len - 6, b'y');
        // What must not count of a line that is cut.
        bytes.extend_from_slice(b" in 7s");
        bytes.extend_from_slice(end.as_bytes());
        if !end.is_empty() {
            bytes.extend_from_slice(b"2024-01-24 10:15:33 INFO took 6ms\n");
        }
        let naive = analyze(&bytes, &spec, 0);
        let found = whole(&bytes, &spec);
        assert_eq!(found.lines.total(), naive.total, "{len} {end:?}");
        assert_eq!(found.lines.parsed, naive.parsed, "{len} {end:?}");
        let reasons = REASONS.map(|name| naive.reasons.get(name).copied().unwrap_or(0));
        assert_eq!(found.lines.reasons, reasons, "{REASONS:?} of {len} {beginning:?} {end:?}");
        let sum: u64 = naive.durations.iter().sum();
        let mean = (sum > 0).then(|| sum as f64 / naive.durations.len() as f64 / 1e6);
        assert_eq!(found.figures.latency.mean_ms(), mean, "{len} {end:?}");
        let expected = encode(&found);
        for lengths in [&[100_000][..], &[LINE_BYTES_MAX], &[LINE_BYTES_MAX + 1, 1]] {
            assert!(encode(&fed(&bytes, 300_007, lengths, &spec)) == expected, "{len} {lengths:?}");
        }
        let parts = chunks(&bytes, &grid(bytes.len(), 700_001), &[len, 1], &spec);
        assert!(encode(&merged(&spec, &parts)) == expected, "{len} chunks");
        let file = TempFile::new(&bytes);
        for mode in [MAP, Mode::READ] {
            assert!(encode(&file.run(1 << 18, 2, mode, &spec)) == expected, "{len} {mode:?}");
        }
    }
}

/// A log in which nearly every route, client, message and second differs.
fn hostile(lines: usize) -> Vec<u8> {
    let mut text = String::new();
    for i in 0..lines {
        let (day, hour, minute, second) = (1 + i / 86_400 % 28, i / 3600 % 24, i / 60 % 60, i % 60);
        // Every sixteenth line is one of a few: the heavy ones must be kept.
        let (route, client) = if i % 16 == 0 { (0, 0) } else { (i, i) };
        let word: String = (0..5).map(|k| (b'a' + (i >> (4 * k) & 15) as u8) as char).collect();
        if i % 4 == 3 {
            text +=
                &format!("2024-02-{day:02} {hour:02}:{minute:02}:{second:02} ERROR no {word}\n");
        } else {
            text += &format!(
                "10.{}.{}.{} - - [{day:02}/Jan/2024:{hour:02}:{minute:02}:{second:02} +0000] \
                 \"GET /{word}x{route}x HTTP/1.1\" 200 5\n",
                client >> 16,
                client >> 8 & 255,
                client & 255,
            );
        }
    }
    text.into_bytes()
}

#[test]
fn beyond_the_caps_the_grid_decides_and_nothing_else() {
    let bytes = hostile(150_000);
    let spec = spec();
    let chunk = 1_000_003;
    let expected = fed(&bytes, chunk, &[1 << 20], &spec);
    let report = expected.evaluate(10, Some(10));
    for table in ["routes", "clients", "messages"] {
        assert_eq!(report[table]["exact"], false, "{table} are to be beyond their cap");
    }
    assert!(expected.figures.series.step_s() > 1);
    assert_eq!(report["routes"]["top"][0]["route"].as_str().map(|r| &r[..5]), Some("GET /"));
    assert_eq!(report["clients"]["top"][0]["client"], "10.0.0.0");
    let expected = encode(&expected);
    assert!(encode(&fed(&bytes, chunk, &[777_777, 13], &spec)) == expected);
    let file = TempFile::new(&bytes);
    for (threads, mode) in [(1, Mode::READ), (2, MAP), (3, MAP), (4, Mode::READ)] {
        assert!(encode(&file.run(chunk, threads, mode, &spec)) == expected, "{threads} {mode:?}");
    }
    let parts = chunks(&bytes, &grid(bytes.len(), chunk), &[64 << 10], &spec);
    let count = parts.len();
    for stride in [1, 3, 7] {
        let mut tree = MergeTree::new(&spec);
        for i in (0..stride).flat_map(|first| (first..count).step_by(stride)).rev() {
            tree.insert(i as u64, parts[i].clone()).unwrap();
        }
        assert!(encode(&tree.finish(count as u64).unwrap()) == expected, "stride {stride}");
    }
    // What has no cap, or one that a set decides, does not depend on the grid at all.
    let other = fed(&bytes, 3_000_001, &[1 << 20], &spec).evaluate(10, None);
    let one = fed(&bytes, chunk, &[1 << 20], &spec).evaluate(10, None);
    for part in
        ["lines", "time", "levels", "status", "errors", "response_time_ms", "series", "slowest"]
    {
        assert_eq!(one[part], other[part], "{part}");
    }
}

/// The summaries of all chunks along the tree, each made alone.
fn chunk_by_chunk(file: &TempFile, edges: &[usize], spec: &Arc<Spec>) -> Summary {
    let source = Source::open(&file.0, Mode::READ).unwrap();
    let mut scanner = Scanner::new(spec.clone()).unwrap();
    let mut tree = MergeTree::new(spec);
    for (i, e) in edges.windows(2).enumerate() {
        let chunk = Chunk { source: 0, start: e[0] as u64, end: e[1] as u64 };
        let control = Control::default();
        let size = source.size();
        let summary = engine::scan_chunk(&mut scanner, &source, size, chunk, &control).unwrap();
        tree.insert(i as u64, summary).unwrap();
    }
    tree.finish(edges.len() as u64 - 1).unwrap()
}

#[test]
fn threads_do_not_show_when_a_table_overflows_under_way() {
    // Few routes, then more than are kept.
    let line = |route: String| {
        format!("10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] \"GET /{route} HTTP/1.1\" 200 12\n")
    };
    let word = |i: usize| -> String {
        format!("{i:05}").bytes().map(|digit| char::from(digit - b'0' + b'g')).collect()
    };
    for (few, many) in [(20_000, 0), (20_000, 9_000), (20_000, 12_000), (0, 30_000)] {
        let lines = (0..few).map(|i| line(word(i % 7))).chain((0..many).map(|i| line(word(i))));
        // Some routes come again and again, so that weights differ when light ones are dropped.
        let lines = lines.chain((0..5_000).map(|i| line(word(i % 50))));
        let file = TempFile::new(lines.collect::<String>().as_bytes());
        let len = std::fs::metadata(&file.0).unwrap().len() as usize;
        let edges = grid(len, 1 << 14);
        assert!(edges.len() > 100);
        let spec = spec();
        let expected = chunk_by_chunk(&file, &edges, &spec);
        assert_eq!(expected.evaluate(1, None)["routes"]["exact"], many <= 10_000);
        for threads in 1..4 {
            same(&file.run(1 << 14, threads, MAP, &spec), &expected).unwrap();
        }
    }
}
