//! The same bytes of summary with each fast path switched off: every vector of every format, alone and
//! among lines of others, and logs at which caches and tables overflow.
//!
//! `tests/twin` and `tests/split.rs` do this with lines that they make up, paths drawn at random.

use logan_core::detect::detect;
use logan_core::fast::{FastPath, FastPaths};
use logan_core::scan::Scanner;
use logan_core::spec::{FormatSpec, Spec};
use logan_core::summary::codec::encode;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The samples of all formats and the small logs, with what their columns are.
fn logs() -> Vec<(PathBuf, Vec<u8>)> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test_vectors");
    let formats = std::fs::read_dir(vectors.join("formats")).unwrap();
    let formats = formats.map(|entry| entry.unwrap().path().join("sample.log"));
    let logs = std::fs::read_dir(vectors.join("logs")).unwrap();
    let logs = logs.map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let mut all: Vec<PathBuf> = formats.chain(logs).filter(is_log).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// The bytes of the log's summary, its lines read as a plan for it would have them read.
fn summary(log: &[u8], fast: FastPaths) -> Vec<u8> {
    let found = detect(&[(0, &log[..log.len().min(1 << 20)])]);
    let mut spec = Spec::plain();
    spec.meaning.by = ["route", "client", "json.level"].map(String::from).to_vec();
    spec.sources[0].reading.formats = found["formats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|format| FormatSpec {
            name: format["name"].as_str().unwrap().to_string(),
            params: serde_json::from_value(format["params"].clone()).unwrap(),
        })
        .collect();
    spec.sources[0].reading.layouts =
        found["header"].as_u64().filter(|&n| n > 0).map(|_| Default::default());
    let mut scanner = Scanner::with(Arc::new(spec), fast).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    for block in log.chunks(50_000) {
        scanner.push(block);
    }
    encode(&scanner.finish(log.len() as u64))
}

/// Compares the log's summary with those of each path switched off, of each alone, and of none.
fn check(name: &str, log: &[u8]) {
    let expected = summary(log, FastPaths::ALL);
    for &path in FastPath::ALL {
        let without = summary(log, FastPaths::ALL.without(path));
        assert!(without == expected, "{name} without {}", path.name());
        let others = FastPath::ALL.iter().filter(|&&other| other != path);
        let only = others.fold(FastPaths::ALL, |paths, &other| paths.without(other));
        assert!(summary(log, only) == expected, "{name} with {} alone", path.name());
    }
    assert!(summary(log, FastPaths::NONE) == expected, "{name} without any");
}

#[test]
fn each_vector() {
    let logs = logs();
    assert!(logs.len() > 60);
    for (path, log) in &logs {
        check(&path.display().to_string(), log);
    }
}

/// Lines of all formats in turn, each often enough for caches to pause and to come back.
#[test]
fn all_vectors_in_turn() {
    let logs = logs();
    let mut lines: Vec<&[u8]> =
        logs.iter().flat_map(|(_, log)| log.split_inclusive(|&b| b == b'\n').take(40)).collect();
    lines.sort_by_key(|line| xxhash(line));
    let log: Vec<u8> = (0..3).flat_map(|_| lines.iter().flat_map(|line| line.to_vec())).collect();
    check("all in turn", &log);
}

fn xxhash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |hash, &b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
}

/// More clients, routes and seconds than any cache holds, in jumps.
#[test]
fn caches_that_overflow() {
    let mut log = String::new();
    for i in 0..60_000u64 {
        let n = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let (year, month, day) = (1990 + n % 30, n % 12 + 1, n % 28 + 1);
        let (minute, second, client) = (n / 7 % 60, n / 3 % 60, n % 40_000);
        log += &format!(
            "10.{}.{}.{} - - [{day:02}/{}/{year}:10:{minute:02}:{second:02} +0000] \
             \"GET /a/{}/b{}?q HTTP/1.1\" {} 5 \"-\" \"x\" 0.0{}\n",
            client >> 16,
            client >> 8 & 255,
            client & 255,
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
                [month as usize - 1],
            n % 1_000,
            n / 11 % 9_000,
            [200, 404, 503][n as usize % 3],
            n % 100,
        );
    }
    check("overflow", log.as_bytes());
}
