//! What tests of several properties need.

pub mod fast;
pub mod logs;

use proptest::prelude::ProptestConfig;

/// `cases`, unless the environment says otherwise.
pub fn config(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
