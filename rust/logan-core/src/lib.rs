//! The engine of logan: bytes of logs in, mergeable metrics out. No Python in it.
//!
//! ```text
//! bytes -> format -> record -> metric -> summary -> evaluate
//! ```
//! [`scan`] is the loop over one chunk; [`chunk`] feeds it bytes that are pushed, [`engine`] files
//! and archives, with threads. Modules import only from those before them in the list of
//! `tests/layers.rs`.
//!
//! Two lines of text:
//! ```
//! use logan_core::{scan::Scanner, spec::Spec};
//!
//! let log = b"2024-01-24 10:15:33 INFO started\n2024-01-24 10:15:34 ERROR responded in 30ms\n";
//! let mut scanner = Scanner::new(Spec::plain().into())?;
//! scanner.begin(0, 0, 0)?; // source 0, a chunk and its first line at offset 0
//! scanner.push(log);
//! let report = scanner.finish(log.len() as u64).evaluate(10, None);
//! println!("{report:#}");
//! assert_eq!((&report["lines"]["parsed"], &report["errors"]["total"]), (&2.into(), &1.into()));
//! assert_eq!(report["avg_response_time"], 30.0);
//! # Ok::<(), logan_core::error::Error>(())
//! ```
//!
//! Modules that the documentation does not show are public for this package's tests, benches and
//! fuzz targets, which link to it like any other crate. They are no interface to build on: a
//! feature that opens them would have to be named in every test command, and builds it all twice.

pub mod archive;
pub mod bytes;
pub mod chunk;
#[doc(hidden)]
pub mod detect;
pub mod engine;
pub mod error;
#[doc(hidden)]
pub mod fast;
pub mod format;
#[doc(hidden)]
pub mod intervals;
mod limits;
#[doc(hidden)]
pub mod metric;
pub mod panics;
#[doc(hidden)]
pub mod record;
pub mod records;
pub mod scan;
pub mod select;
#[doc(hidden)]
pub mod sketch;
pub mod spec;
pub mod summary;
pub mod time;
