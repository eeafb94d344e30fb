//! Scans with fast paths switched off, for tests that compare summaries.

use logan_core::fast::{FastPath, FastPaths};
use proptest::prelude::*;
use proptest::sample::select;

/// One path switched off, all but one, or all.
pub fn restricted() -> impl Strategy<Value = FastPaths> {
    let only = |path: FastPath| {
        let others = FastPath::ALL.iter().filter(|&&other| other != path);
        others.fold(FastPaths::ALL, |paths, &other| paths.without(other))
    };
    prop_oneof![
        4 => select(FastPath::ALL).prop_map(|path| FastPaths::ALL.without(path)),
        1 => select(FastPath::ALL).prop_map(only),
        1 => Just(FastPaths::NONE),
    ]
}
