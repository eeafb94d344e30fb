//! Formats whose lines need more than the line: the same bytes of summary for any split, and the
//! figures that the parts of a record have together.

use crate::support::config;
use logan_core::archive::Compression;
use logan_core::bytes::content::Content;
use logan_core::bytes::input::{Fingerprint, Mode, Source};
use logan_core::bytes::line::LINE_BYTES_MAX;
use logan_core::chunk::Chunk;
use logan_core::chunk::ChunkFeed;
use logan_core::chunk::Feed;
use logan_core::engine::{self, Control};
use logan_core::engine::{ArchiveFeed, Request};
use logan_core::format::Params;
use logan_core::format::state::{LOOK_BACK_BYTES, Layouts};
use logan_core::spec::{FormatSpec, Reading, Spec};
use logan_core::summary::Summary;
use logan_core::summary::codec::encode;
use logan_core::summary::merge_tree::MergeTree;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

// SAFETY: what these tests do with bytes does not depend on an earlier look at them.
const MAP: Mode = unsafe { Mode::map() };

/// A file that goes when this does.
struct TempFile(PathBuf);

impl TempFile {
    fn new(bytes: &[u8]) -> TempFile {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("logan-context-{}-{count}.log", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        TempFile(path)
    }

    fn source(&self) -> Source {
        Source::open(&self.0, Mode::READ).unwrap()
    }

    /// The figures of the chunks between `edges`.
    fn run(&self, edges: &[u64], threads: usize, spec: &Arc<Spec>) -> Summary {
        let source = self.source();
        let fingerprint = Fingerprint::of_source(&source, source.size()).unwrap();
        let chunks: Vec<Chunk> =
            edges.windows(2).map(|e| Chunk { source: 0, start: e[0], end: e[1] }).collect();
        let sources = [(source, fingerprint)];
        let outcome = engine::run(&sources, &chunks, spec, threads, &Control::default()).unwrap();
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        outcome.summary
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn edges(size: usize, cuts: impl IntoIterator<Item = usize>) -> Vec<u64> {
    let mut edges: Vec<u64> = cuts.into_iter().map(|cut| cut as u64).collect();
    edges.extend([0, size as u64]);
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// A spec that lists these formats, each with its records put together, and where the layouts of
/// these bytes change.
fn spec(names: &[&str], bytes: &[u8]) -> Arc<Spec> {
    let params = Params { rejoin: true, ..Params::default() };
    let formats = names
        .iter()
        .map(|name| FormatSpec { name: name.to_string(), params: params.clone() })
        .collect();
    let mut layouts = Layouts::default();
    let mut at = 0;
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if let Some(fields) = text.strip_prefix(b"#Fields:") {
            layouts.add(at, fields.trim_ascii()).unwrap();
        }
        at += line.len() as u64;
    }
    let reading = Reading {
        formats,
        layouts: Some(layouts),
        anchor_ns: 1_706_200_000_000_000_000,
        ..Reading::default()
    };
    Arc::new(Spec { top: 5, sources: vec![reading.into()], ..Spec::plain() })
}

/// The summary of a stream, without what only a stream finds out: a file's plan knows it before.
fn unidentified(mut summary: Summary, bytes: &[u8]) -> Summary {
    for covered in summary.coverage.0.values_mut() {
        let content = Arc::make_mut(&mut covered.id).identity.content.take();
        assert_eq!(content, Some(Content::of(bytes, bytes, bytes.len() as u64)));
    }
    summary
}

fn fed(bytes: &[u8], chunk: usize, push: usize, spec: &Arc<Spec>) -> Summary {
    let mut feed = Feed::new(spec.clone(), 0, chunk as u64).unwrap();
    for piece in bytes.chunks(push) {
        feed.push(piece).unwrap();
        feed.snapshot().unwrap();
    }
    unidentified(feed.finish().unwrap(), bytes)
}

/// The spec without the layouts that a look at the source would have found.
fn unlisted(spec: &Spec) -> Arc<Spec> {
    let mut spec = spec.clone();
    spec.sources[0].reading.layouts = Some(Layouts::default());
    Arc::new(spec)
}

/// The figures of the compressed bytes.
fn archived(bytes: &[u8], chunk: usize, threads: usize, spec: &Arc<Spec>) -> Summary {
    let stored = zstd::stream::encode_all(bytes, 1).unwrap();
    let request = Request {
        source: 0,
        packing: Compression::Zstd.into(),
        grid_bytes: chunk as u64,
        expansion_max: 0,
    };
    let feed = ArchiveFeed::new(spec.clone(), "x".into(), request, threads, Arc::default());
    let feed = feed.unwrap();
    feed.push(&stored);
    let scanned = feed.finish().unwrap();
    assert!(scanned.fault.is_none(), "{:?}", scanned.fault);
    scanned.summary
}

/// The figures of chunks that are each pushed, as a worker that fetches them does.
fn fetched(bytes: &[u8], chunk: usize, push: usize, spec: &Arc<Spec>) -> Summary {
    let mut tree = MergeTree::new(spec);
    let chunks = bytes.len().div_ceil(chunk);
    for i in 0..chunks {
        let end = bytes.len().min((i + 1) * chunk) as u64;
        let place = Chunk { source: 0, start: (i * chunk) as u64, end };
        let mut feed = ChunkFeed::new(spec.clone(), place).unwrap();
        let first = feed.position() as usize;
        for piece in bytes[first..].chunks(push) {
            if !feed.push(piece).unwrap() {
                break;
            }
        }
        tree.insert(i as u64, feed.finish("x".as_ref()).unwrap()).unwrap();
    }
    tree.finish(chunks as u64).unwrap()
}

fn report(summary: &Summary) -> Value {
    summary.evaluate(10, None)
}

const ALL: &[&str] = &[
    "iis",
    "cloudfront",
    "w3c",
    "cri",
    "docker",
    "journald-json",
    "journald-export",
    "syslog-5424",
    "syslog",
];

/// Lines of all of them; `@` becomes a number, `~` text that is longer in some than in others.
const LINES: &[&str] = &[
    "2024-01-24T10:15:@.123456789Z stdout P 2024-01-24 10:15:32.123 ERROR joined ~",
    "2024-01-24T10:15:@.123456789Z stdout P more of it ~",
    "2024-01-24T10:15:@.123456789Z stderr P {\"level\":\"warn\",\"msg\":\"half ~",
    "2024-01-24T10:15:@.123456789Z stderr F \",\"duration_ms\":@}",
    "2024-01-24T10:15:@.123456789Z stdout F end took @ms",
    "2024-01-24T10:15:@.123456789Z stdout F \tat com.foo.Bar(Bar.java:@)",
    "2024-01-24T10:15:@.123456789Z stdout F ",
    "{\"log\":\"2024-01-24 10:15:33.001 ERROR piece \\\"@\\\" ~\",\"stream\":\"stdout\",\"time\":\"2024-01-24T10:15:@.1Z\"}",
    "{\"log\":\"last in @ms\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-24T10:15:@.1Z\"}",
    "{\"log\":\"WARN other\\tstream @\\r\\n\",\"stream\":\"stderr\",\"time\":\"2024-01-24T10:15:@.1Z\"}",
    "{\"__REALTIME_TIMESTAMP\":\"17060913@123456\",\"PRIORITY\":\"3\",\"MESSAGE\":[69,@,82]}",
    "__CURSOR=s=1",
    "__REALTIME_TIMESTAMP=17060913@123456",
    "PRIORITY=4",
    "MESSAGE=Request processed in @ms ~",
    "MESSAGE\n\u{7}\0\0\0\0\0\0\0two\nmor",
    "MESSAGE\n\n\0\0\0\0\0\0\0ten in @s !",
    "some data",
    "",
    "",
    "<11>1 2024-01-24T10:15:@.5Z h a - - [x a=\"]\\\"\"] failed @",
    "Jan 24 10:15:@ host app[@]: ERROR no @",
    "#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken",
    "#Fields: date time s-ip sc-status sc-win32-status time-taken cs-uri-stem",
    "#Fields: date time x-edge-location sc-status time-taken",
    "2024-01-24 10:15:@ 10.0.0.@ GET /a/@ 200 0.1@",
    "2024-01-24 10:15:@ 10.0.0.1 500 0 1@ /b",
    "2024-01-24\t10:15:@\tFRA\t304\t0.0@",
    "2024-01-24 10:15:@ INFO plain took @ms",
    "junk @",
];

fn log(lines: usize) -> BoxedStrategy<Vec<u8>> {
    let end = select(&["\n", "\n", "\n", "\r\n"][..]);
    // Some are as long as the window is, others a good part of it.
    let size = select(&[0usize, 0, 0, 0, 20, 20_000, 50_000, LOOK_BACK_BYTES as usize][..]);
    vec((select(LINES), 10u32..60, end, size), 1..lines)
        .prop_map(|lines| {
            let mut text = String::new();
            for (line, number, end, size) in lines {
                let line = line.replace('@', &number.to_string());
                text += &line.replace('~', &"y".repeat(size));
                text += end;
            }
            text.into_bytes()
        })
        .boxed()
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn any_split_of_any_lines(
        bytes in log(40), cuts in vec(any::<Index>(), 1..8), threads in 1usize..4,
        push in 1usize..50_000,
    ) {
        let spec = spec(ALL, &bytes);
        let file = TempFile::new(&bytes);
        let whole = file.run(&edges(bytes.len(), []), 1, &spec);
        let edges = edges(bytes.len(), cuts.iter().map(|cut| cut.index(bytes.len())));
        let cut = file.run(&edges, threads, &spec);
        prop_assert_eq!(report(&cut), report(&whole), "{:?}", edges);
        prop_assert!(encode(&cut) == encode(&whole));
        let fed = fed(&bytes, 1 + bytes.len() / 3, push, &spec);
        prop_assert!(encode(&fed) == encode(&whole), "fed by {}", push);
        let chunk = 1 + bytes.len() / 3;
        let fetched = fetched(&bytes, chunk, push, &spec);
        prop_assert!(encode(&fetched) == encode(&whole), "fetched by {}", push);
        let unlisted = unlisted(&spec);
        let archived = archived(&bytes, chunk, threads, &unlisted);
        prop_assert_eq!(report(&archived), report(&whole), "archived in {}", chunk);
        let lines = bytes.iter().filter(|&&b| b == b'\n').count() as u64;
        prop_assert_eq!(whole.lines.total(), lines);
    }
}

/// Every cut of short lines of all formats, one chunk a cut.
#[test]
fn every_cut_of_one_of_each() {
    let text = LINES.join("\n").replace('@', "12").replace('~', "z") + "\n";
    let bytes = text.as_bytes();
    let spec = spec(ALL, bytes);
    let file = TempFile::new(bytes);
    let whole = file.run(&edges(bytes.len(), []), 1, &spec);
    for cut in 1..bytes.len() {
        let found = file.run(&edges(bytes.len(), [cut]), 1, &spec);
        assert_eq!(report(&found), report(&whole), "cut at {cut}");
    }
    for chunk in [1, 2, 7, 64] {
        let found = file.run(&edges(bytes.len(), (0..bytes.len()).step_by(chunk)), 2, &spec);
        assert!(encode(&found) == encode(&whole), "chunks of {chunk}");
        let found = fetched(bytes, chunk, 13, &spec);
        assert!(encode(&found) == encode(&whole), "fetched, {chunk}");
        let found = archived(bytes, chunk, 2, &unlisted(&spec));
        assert_eq!(report(&found), report(&whole), "archived, {chunk}");
    }
    for chunk in [1, 50, 1_000] {
        assert!(encode(&fed(bytes, chunk, 13, &spec)) == encode(&whole), "fed, {chunk}");
    }
    assert!(encode(&fed(bytes, 1 << 20, bytes.len(), &spec)) == encode(&whole));
}

fn figures(name: &str, text: &str) -> Value {
    let spec = spec(&[name], text.as_bytes());
    report(&TempFile::new(text.as_bytes()).run(&edges(text.len(), []), 1, &spec))
}

fn messages(report: &Value) -> Vec<&str> {
    report["messages"]["top"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["sample"].as_str().unwrap())
        .collect()
}

#[test]
fn pieces_are_one_record() {
    let found = figures(
        "cri",
        "2024-01-24T10:15:32.1Z stdout P 2024-01-24 10:15:30.500 ERR\n\
         2024-01-24T10:15:32.2Z stderr F WARN other stream\n\
         2024-01-24T10:15:32.3Z stdout P OR served \n\
         2024-01-24T10:15:32.4Z stdout F in 7ms\n",
    );
    assert_eq!(found["lines"]["parsed"], 2);
    assert_eq!(found["lines"]["continuation"], 2);
    assert_eq!(found["levels"], json!({"WARN": 1, "ERROR": 1}));
    assert_eq!(found["time"]["last"], "2024-01-24T10:15:32.200Z");
    assert_eq!(found["response_time_ms"]["max"], 7.0);
    assert_eq!(messages(&found), ["served in 7ms", "other stream"]);
    let found = figures(
        "docker",
        "{\"log\":\"{\\\"level\\\":\\\"error\\\",\\\"msg\\\":\\\"a\",\"stream\":\"stdout\",\"time\":\"2024-01-24T10:15:32.1Z\"}\n\
         {\"log\":\"b\\\"}\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-24T10:15:33Z\"}\n",
    );
    assert_eq!(
        (&found["lines"]["parsed"], &found["lines"]["continuation"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(messages(&found), ["ab"]);
    assert_eq!(found["time"]["first"], "2024-01-24T10:15:33Z");
}

/// A piece counts if it starts less than the window before the line that completes it.
#[test]
fn pieces_reach_exactly_so_far() {
    for (gap, joined) in [(LOOK_BACK_BYTES - 1, true), (LOOK_BACK_BYTES, false)] {
        let piece = "2024-01-24T10:15:32.1Z stdout P ERROR ";
        let padding = "y".repeat(gap as usize - piece.len() - 1);
        let text = format!("{piece}{padding}\n2024-01-24T10:15:32.4Z stdout F end\n");
        let found = figures("cri", &text);
        assert_eq!(found["levels"], if joined { json!({"ERROR": 1}) } else { json!({"NONE": 1}) });
        let spec = spec(&["cri"], text.as_bytes());
        let file = TempFile::new(text.as_bytes());
        let whole = file.run(&edges(text.len(), []), 1, &spec);
        let at_line = file.run(&edges(text.len(), [gap as usize]), 1, &spec);
        assert!(encode(&at_line) == encode(&whole), "{gap}");
    }
}

#[test]
fn overlong_pieces_are_bounded() {
    let long = "y".repeat(LINE_BYTES_MAX + 100);
    let text = format!(
        "2024-01-24T10:15:32Z stdout P ERROR {long}\n2024-01-24T10:15:32Z stdout P {long}\n\
         2024-01-24T10:15:32Z stdout F {long}\n"
    );
    let spec = spec(&["cri"], text.as_bytes());
    let file = TempFile::new(text.as_bytes());
    let whole = file.run(&edges(text.len(), []), 1, &spec);
    assert_eq!((whole.lines.parsed, whole.lines.continuation), (1, 2));
    let cut = file.run(&edges(text.len(), (0..text.len()).step_by(300_007)), 2, &spec);
    assert!(encode(&cut) == encode(&whole));
}

#[test]
fn entries_of_the_journal() {
    let found = figures(
        "journald-export",
        "__CURSOR=a\n__REALTIME_TIMESTAMP=1706091332123456\nPRIORITY=3\nMESSAGE=no disk\n_PID=1\n\n\
         __CURSOR=b\n__REALTIME_TIMESTAMP=1706091333000000\nMESSAGE\n\u{13}\0\0\0\0\0\0\0ERROR x\n\n took  5ms\nPRIORITY=6\n\n\
         __CURSOR=c\n__REALTIME_TIMESTAMP=1706091334000000\nMESSAGE\n\n\0\0\0\0\0\0\0took  12ms\n\n\
         \nnot of the journal\n",
    );
    assert_eq!(found["lines"]["parsed"], 3);
    assert_eq!(found["lines"]["blank"], 1);
    assert_eq!(found["lines"]["malformed"], 1);
    assert_eq!(found["levels"], json!({"ERROR": 2, "NONE": 1}));
    assert_eq!(found["response_time_ms"]["max"], 12.0);
    assert_eq!(found["response_time_ms"]["min"], 5.0);
    assert_eq!(found["time"]["first"], "2024-01-24T10:15:32.123456Z");
}

#[test]
fn layouts_are_found_wherever_a_block_ends() {
    let mut text = String::from("\u{feff}#Fields: date time sc-status\n");
    let mut expected = Layouts::default();
    expected.add(3, b"date time sc-status").unwrap();
    // Two megabytes cross the edges of windows and of read buffers.
    while text.len() < 2 << 20 {
        let name = format!("x{}", text.len() % 7);
        text += "x #Fields: no\n";
        text += &"y".repeat(text.len() % 97 + 40_000);
        text += "\n";
        expected.add(text.len() as u64, format!("date time sc-status {name}").as_bytes()).unwrap();
        text += &format!("#Fields: date time sc-status {name}\r\n");
    }
    // Buffers of a decoder end anywhere too, and no list says where its columns change.
    text += "2024-01-24 10:15:12 304\n";
    let listed = Arc::new(Spec {
        sources: vec![Reading { layouts: Some(expected.clone()), ..Reading::default() }.into()],
        ..Spec::plain()
    });
    let found = archived(text.as_bytes(), 100_000, 2, &unlisted(&listed));
    let whole = fed(text.as_bytes(), 100_000, 1 << 20, &listed);
    assert_eq!(report(&found), report(&whole));
    let file = TempFile::new(text.as_bytes());
    for mode in [Mode::READ, MAP] {
        let source = Source::open(&file.0, mode).unwrap();
        let found = engine::find_layouts(&source, source.size(), &Control::default()).unwrap();
        assert_eq!(found, expected);
    }
}

#[test]
fn sources_have_their_own_anchor() {
    let text = "Jan 24 10:15:32 host app: x\n";
    let mut spec = Spec::clone(&spec(&["syslog"], text.as_bytes()));
    for (anchor_ns, year) in
        [(1_706_200_000_000_000_000, "2024"), (1_674_600_000_000_000_000, "2023")]
    {
        spec.sources[0].reading.anchor_ns = anchor_ns;
        let spec = Arc::new(spec.clone());
        let found = report(&TempFile::new(text.as_bytes()).run(&edges(text.len(), []), 1, &spec));
        assert_eq!(found["time"]["first"], format!("{year}-01-24T10:15:32Z"));
    }
}
