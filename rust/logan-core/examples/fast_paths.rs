//! What each fast path buys on one log: CPU time without it as a share of the time with all.
//!
//! `cargo run --release --example fast_paths -- FILE ROUNDS [FORMAT…]` prints a JSON object a line:
//! the path, the median of the paired ratios over all rounds, their quartiles. Every second run has
//! all paths, and each ratio is to the mean of the runs before and after it, so that a machine that
//! gets slower meanwhile does not show. `LOGAN_SCAN_SOURCE` is as in the example `scan`.

use logan_core::bytes::input::{Fingerprint, Mode, Source};
use logan_core::bytes::simd;
use logan_core::chunk::Chunk;
use logan_core::engine::{self, Control};
use logan_core::fast::{FastPath, FastPaths};
use logan_core::spec::{FormatSpec, Spec};
use logan_core::summary::codec::encode;
use std::sync::Arc;

const CHUNK_BYTES: u64 = 32 << 20;

/// What a run lacks.
#[derive(Clone, Copy)]
enum Without {
    Nothing,
    Path(FastPath),
    /// Mapping, if the file is mapped.
    Mapping,
    /// Reading, if the file is read.
    Reading,
    /// All instruction sets but the first ones.
    SetsFrom(usize),
}

impl Without {
    fn name(self) -> String {
        match self {
            Without::Nothing => "nothing".into(),
            Without::Path(path) => path.name().into(),
            Without::Mapping => "mapping".into(),
            Without::Reading => "reading".into(),
            Without::SetsFrom(index) => simd::sets()[index].into(),
        }
    }
}

fn cpu_seconds() -> f64 {
    let mut time = std::mem::MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the structure is valid to write, and a clock of this kind is there on every system
    // that the bench runs on, so it is written.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: fast_paths FILE ROUNDS [FORMAT…]";
    let path = arguments.first().ok_or(usage)?;
    let rounds: usize = arguments.get(1).ok_or(usage)?.parse()?;
    let mut spec = Spec::plain();
    for name in arguments.iter().skip(2) {
        spec.sources[0]
            .reading
            .formats
            .push(FormatSpec { name: name.clone(), params: Default::default() });
    }
    if let Ok(source) = std::env::var("LOGAN_SCAN_SOURCE") {
        spec.sources[0].reading = serde_json::from_str(&source)?;
    }
    let spec = Arc::new(Spec::from_json(&spec.to_json())?);
    let size = Source::open(path, Mode::READ)?.size();
    let chunks: Vec<Chunk> = (0..size.div_ceil(CHUNK_BYTES))
        .map(|i| (i * CHUNK_BYTES, ((i + 1) * CHUNK_BYTES).min(size)))
        .map(|(start, end)| Chunk { source: 0, start, end })
        .collect();
    let sets = simd::sets().len();
    let run = |without: Without| -> Result<(f64, Vec<u8>), Box<dyn std::error::Error>> {
        let mut control = Control::default();
        // SAFETY: scanners do not rely on an earlier look at the same bytes.
        let (mut mode, map) = unsafe { (Mode::map_where_it_suits(), Mode::map()) };
        match without {
            Without::Nothing => {}
            Without::Path(path) => control.fast = FastPaths::ALL.without(path),
            Without::Mapping => mode = Mode::READ,
            Without::Reading => mode = map,
            Without::SetsFrom(index) => simd::pretend(index - 1),
        }
        let source = Source::open(path, mode)?;
        let fingerprint = Fingerprint::of_source(&source, size)?;
        let start = cpu_seconds();
        let outcome = engine::run(&[(source, fingerprint)], &chunks, &spec, 1, &control)?;
        let seconds = cpu_seconds() - start;
        simd::pretend(sets - 1);
        Ok((seconds, encode(&outcome.summary)))
    };
    let mut variants: Vec<Without> = FastPath::ALL.iter().copied().map(Without::Path).collect();
    variants.extend([Without::Mapping, Without::Reading]);
    variants.extend((1..sets).map(Without::SetsFrom));
    let (_, expected) = run(Without::Nothing)?;
    let mut ratios = vec![Vec::new(); variants.len()];
    let mut all = Vec::new();
    for _ in 0..rounds {
        let (mut before, _) = run(Without::Nothing)?;
        for (variant, ratios) in variants.iter().zip(&mut ratios) {
            let (seconds, bytes) = run(*variant)?;
            assert!(bytes == expected, "other bytes without {}", variant.name());
            let (after, _) = run(Without::Nothing)?;
            ratios.push(2.0 * seconds / (before + after));
            all.push(before);
            before = after;
        }
    }
    let quartile = |values: &mut Vec<f64>, q: usize| {
        values.sort_by(f64::total_cmp);
        values[(values.len() - 1) * q / 4]
    };
    println!(
        "{{\"path\":\"{}\",\"bytes\":{size},\"seconds\":{:.5}}}",
        Without::Nothing.name(),
        quartile(&mut all, 2)
    );
    for (variant, ratios) in variants.iter().zip(&mut ratios) {
        let [low, median, high] = [1, 2, 3].map(|q| quartile(ratios, q));
        println!(
            "{{\"path\":\"{}\",\"ratio\":{median:.4},\"low\":{low:.4},\"high\":{high:.4}}}",
            variant.name()
        );
    }
    Ok(())
}
