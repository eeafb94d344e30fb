//! Properties of the whole engine, a file each, in one program: each program more is as much to link
//! again, and its last test is one that the others do not wait for.
//!
//! `cargo test --test properties twin` runs those of one file. `PROPTEST_CASES` sets how many cases
//! each test tries, `just properties` tries many with new seeds.

mod codec;
mod containers;
mod context;
mod fast_paths;
mod fuzzing;
mod layers;
mod merge;
mod oracle;
mod split;
mod support;
mod twin;
