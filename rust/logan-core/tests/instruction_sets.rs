//! The same bytes of summary whichever of the processor's instruction sets is used, and which those
//! are: `cargo test --test instruction_sets -- --nocapture` prints it, and fails if the processor has
//! one that was not tried.

#[path = "support/logs.rs"]
mod support;

use logan_core::bytes::simd::{Simd, pretend, sets};
use logan_core::fast::FastPaths;
use std::path::PathBuf;
use support::{logs, summary};

/// The instruction sets that the processor has, by what the standard library says.
fn expected() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    return [
        ("SSE2", is_x86_feature_detected!("sse2")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("AVX-512", is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")),
        ("AVX-512 VBMI2", is_x86_feature_detected!("avx512vbmi2")),
    ]
    .into_iter()
    .filter_map(|(name, is_there)| is_there.then_some(name))
    .collect();
    #[cfg(target_arch = "aarch64")]
    return vec!["NEON"];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return vec!["none"];
}

/// The type that `dispatch!` chose.
fn chosen() -> &'static str {
    #[inline(always)]
    fn name<S: Simd>(_simd: S) -> &'static str {
        std::any::type_name::<S>().rsplit("::").next().unwrap()
    }
    logan_core::dispatch!(name::<>() -> &'static str;)
}

#[test]
fn every_instruction_set_gives_the_same_bytes() {
    let logs: Vec<(PathBuf, Vec<u8>)> = logs();
    assert!(logs.len() > 60);
    let mut types = Vec::new();
    let mut expected_bytes: Option<Vec<Vec<u8>>> = None;
    for index in 0..sets().len() {
        pretend(index);
        types.push(chosen());
        let found: Vec<Vec<u8>> = logs
            .iter()
            .map(|(_, log)| summary(log, FastPaths::ALL, Some("not message ~ \"zzz\"")))
            .collect();
        match &expected_bytes {
            None => expected_bytes = Some(found),
            Some(expected) => {
                for ((path, _), (found, expected)) in logs.iter().zip(found.iter().zip(expected)) {
                    assert!(found == expected, "{} with {}", path.display(), sets()[index]);
                }
            }
        }
    }
    let missing: Vec<_> = expected().into_iter().filter(|name| !sets().contains(name)).collect();
    assert!(missing.is_empty(), "this processor has {missing:?}, which nothing was tried with");
    // Each was in use, and not another under its name.
    let all: &[&str] = if cfg!(target_arch = "x86_64") {
        // The last one makes one cache faster and is not a set to dispatch to.
        &["Sse2", "Avx2", "Avx512", "Avx512"]
    } else if cfg!(target_arch = "aarch64") {
        &["Neon"]
    } else {
        &["Plain"]
    };
    assert_eq!(types, all[..types.len()]);
    println!("instruction sets tried: {}, all that this processor has", sets().join(", "));
}
