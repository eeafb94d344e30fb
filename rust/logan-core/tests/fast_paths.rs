//! The same bytes of summary with each fast path switched off: every vector of every format, alone and
//! among lines of others, and logs at which caches and tables overflow.
//!
//! `tests/twin` and `tests/split.rs` do this with lines that they make up, paths drawn at random.

use crate::support::logs::{logs, summary};
use logan_core::fast::{FastPath, FastPaths};

/// Compares the log's summary with those of each path switched off, of each alone, and of none.
fn check(name: &str, log: &[u8]) {
    let expected = summary(log, FastPaths::ALL, None);
    for &path in FastPath::ALL {
        let without = summary(log, FastPaths::ALL.without(path), None);
        assert!(without == expected, "{name} without {}", path.name());
        let others = FastPath::ALL.iter().filter(|&&other| other != path);
        let only = others.fold(FastPaths::ALL, |paths, &other| paths.without(other));
        assert!(summary(log, only, None) == expected, "{name} with {} alone", path.name());
    }
    assert!(summary(log, FastPaths::NONE, None) == expected, "{name} without any");
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
