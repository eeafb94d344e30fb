//! Scans one file and prints the time it took, for profilers and instruction counts.
//!
//! `cargo run --release --example scan -- FILE [THREADS] [RUNS] [FORMAT…]`; the formats are tried
//! in the order given, then all others. `LOGAN_SCAN_MODE=read` or `map` says how the file comes
//! into memory; `LOGAN_SCAN_WHERE` is a condition, `LOGAN_SCAN_BY` a field for a group table,
//! `LOGAN_SCAN_SOURCE` the formats as a plan's JSON has them for a source, with their parameters.

use logan_core::bytes::input::{Fingerprint, Mode, Source};
use logan_core::chunk::Chunk;
use logan_core::engine::{self, Control};
use logan_core::spec::{FormatSpec, Spec};
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("usage: scan FILE [THREADS] [RUNS] [FORMAT…]")?;
    let threads = arguments.get(1).map_or(Ok(1), |n| n.parse())?;
    let runs: usize = arguments.get(2).map_or(Ok(1), |n| n.parse())?;
    let mut spec = Spec::plain();
    for name in arguments.iter().skip(3) {
        let format = FormatSpec { name: name.clone(), params: Default::default() };
        spec.sources[0].reading.formats.push(format);
    }
    if let Ok(source) = std::env::var("LOGAN_SCAN_SOURCE") {
        spec.sources[0].reading = serde_json::from_str(&source)?;
    }
    spec.meaning.condition = std::env::var("LOGAN_SCAN_WHERE").ok();
    spec.meaning.by = std::env::var("LOGAN_SCAN_BY").into_iter().collect();
    let spec = Arc::new(Spec::from_json(&spec.to_json())?);
    let mode = match std::env::var("LOGAN_SCAN_MODE").as_deref() {
        Ok("read") => Mode::READ,
        // SAFETY: scanners do not rely on an earlier look at the same bytes.
        Ok(_) => unsafe { Mode::map() },
        // SAFETY: as above.
        Err(_) => unsafe { Mode::map_where_it_suits() },
    };
    let source = Source::open(path, mode)?;
    let size = source.size();
    let fingerprint = Fingerprint::of_source(&source, size)?;
    let sources = [(source, fingerprint)];
    const CHUNK_BYTES: u64 = 32 << 20;
    let chunks: Vec<Chunk> = (0..size.div_ceil(CHUNK_BYTES))
        .map(|i| Chunk {
            source: 0,
            start: i * CHUNK_BYTES,
            end: ((i + 1) * CHUNK_BYTES).min(size),
        })
        .collect();
    for run in 0..runs {
        let start = Instant::now();
        let outcome = engine::run(&sources, &chunks, &spec, threads, &Control::default())?;
        let seconds = start.elapsed().as_secs_f64();
        let lines = outcome.summary.lines.total();
        eprintln!(
            "{:.1} ms, {:.2} GB/s, {:.1} ns per line and thread, {lines} lines",
            seconds * 1e3,
            size as f64 / seconds / 1e9,
            seconds * threads as f64 * 1e9 / lines.max(1) as f64,
        );
        if run + 1 == runs {
            let mut report = outcome.summary.evaluate(3, Some(3));
            report["slowest"].take();
            println!("{report}");
        }
    }
    Ok(())
}
