//! The engine against its slow twin: every figure of generated, mutated and arbitrary logs.
//!
//! Lines are generated from small grammars of every format that has a twin, in the dressings that
//! the formats' texts speak of and a little beyond; then bytes are flipped, cut, copied and removed.
//! `PROPTEST_CASES` sets how many cases each test tries, a failure prints its input.

mod comparison;
mod grammars;
mod narrowing;

use crate::oracle::{self, Expected, analyze};
use crate::support::config;
use crate::support::fast::restricted;
use comparison::*;
use grammars::*;
use logan_core::bytes::input::Mode;
use logan_core::fast::FastPaths;
use logan_core::format::Params;
use logan_core::format::classify::REASONS;
use logan_core::record::Level;
use logan_core::spec::{FormatSpec, Meaning, Reading, Spec};
use logan_core::summary::codec;
use narrowing::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

// SAFETY: what these tests do with bytes does not depend on an earlier look at them.
const MAP: Mode = unsafe { Mode::map() };

fn check(bytes: &[u8], spec: Spec, fast: FastPaths) -> Result<(), TestCaseError> {
    let naive = analyze(bytes, &spec, 0);
    let spec = Arc::new(spec);
    let summary = scanned(bytes, &spec);
    compare(&summary, &naive, bytes)?;
    let encoded = codec::encode(&summary);
    let decoded = codec::decode(&encoded);
    prop_assert!(decoded.is_ok(), "{:?}", decoded.err());
    // Whichever fast paths are left, the bytes are the same.
    prop_assert!(codec::encode(&scanned_by(bytes, &spec, fast)) == encoded, "{fast:?}");
    Ok(())
}

/// What once told the two apart, as small as it can be.
#[test]
fn explicit_lines() {
    let app_first = Reading::default();
    let only = |name: &str| Reading {
        formats: vec![FormatSpec { name: name.into(), params: Params::default() }],
        only: true,
        ..Reading::default()
    };
    let named = |name: &str| FormatSpec { name: name.into(), params: Params::default() };
    let text_first = Reading { formats: vec![named("text"), named("json")], ..Reading::default() };
    let y = "y".repeat(310);
    let long_path = format!("ts=2024-01-24T10:15:32Z remote_addr=\"GET /{y} HTTP/1.1\" ");
    let mut failures = String::new();
    for (source, line) in [
        // A header is one before any format is asked.
        (only("text"), &b"#Date: 2024-01-24 10:15:32 INFO x"[..]),
        // A line of `text` does not begin with a brace, be it the first format or not.
        (only("text"), b"{\"x\":\"2024-01-24 10:15:32\",\"y\":\"INFO\"}"),
        (app_first.clone(), b"{\"x\":\"2024-01-24 10:15:32\",\"y\":\"INFO\"}"),
        // An hour is digits, and a colon is behind it.
        (app_first.clone(), b"Jan 24, 2024 10;15:00 INFO x"),
        (app_first.clone(), b"Jan 24, 2024 A:15:00 INFO x"),
        // A value ends where it ends, though the line goes on like a zone.
        (app_first.clone(), b"level=info ts=2024-01-24T10:15:32 -05:10 msg=x"),
        (app_first.clone(), b"level=info ts=24/Jan/2024:10:15:32 +0000 msg=x"),
        // A byte above 0x80 right before a digit.
        (app_first.clone(), b"2024-01-24 10:15:32 INFO in \x809us"),
        (app_first.clone(), b"2024-01-24 10:15:32 INFO took \xff95ms"),
        // Traefik, and what only looks like it.
        (
            app_first.clone(),
            b"h - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5 7 \"r\" \"u\" 9ms",
        ),
        (app_first.clone(), b"2024-01-24 10:15:32 ERROR 10.0.0.1:80800.0 1.2.3.4:80x 1.2.3.4:80."),
        // The host of a URL in a request without a version, which has no method.
        (
            only("combined"),
            b"h - - [24/Jan/2024:10:15:32 +0000] \"GET http://x/a\" 200 5 \"-\" \"u\" 0.5",
        ),
        // A time of which nothing is padded, read by a format that others are tried before.
        (text_first, b"2024-3-31 0:0:7 INFO x"),
        (app_first, long_path.as_bytes()),
    ] {
        let spec = Spec { sources: vec![source.into()], ..Spec::plain() };
        let checked =
            std::panic::catch_unwind(AssertUnwindSafe(|| check(line, spec, FastPaths::NONE)));
        let checked = checked.unwrap_or_else(|_| Err(TestCaseError::fail("panicked")));
        if let Err(error) = checked {
            failures += &format!("{}: {error}\n", line.escape_ascii());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The tests above are worth what their logs hold.
#[test]
fn the_grammars_reach_every_format_and_class() {
    let mut runner = TestRunner::deterministic();
    let mut sum = Expected::default();
    let mut durations = 0;
    for _ in 0..400 {
        let Log(bytes) = mutant(16).new_tree(&mut runner).unwrap().current();
        let naive = analyze(&bytes, &Spec::plain(), 0);
        for (name, count) in &naive.formats {
            *sum.formats.entry(name).or_default() += count;
        }
        for (name, count) in &naive.reasons {
            *sum.reasons.entry(name).or_default() += count;
        }
        for (level, count) in &naive.levels {
            *sum.levels.entry(*level).or_default() += count;
        }
        sum.blank += naive.blank;
        sum.header += naive.header;
        sum.continuation += naive.continuation;
        sum.out_of_order += naive.out_of_order;
        durations += naive.durations.len();
    }
    for name in oracle::TWINS {
        // Dialects of combined are rare among its lines.
        let least = if ["traefik", "ingress-nginx"].contains(&name) { 1 } else { 20 };
        assert!(sum.formats.get(name).is_some_and(|&n| n >= least), "{name}: {:?}", sum.formats);
    }
    // Lines so long are the matter of tests of their own, and so are tables, which have a header.
    let elsewhere = ["overlong", "open_quote", "column_count"];
    for name in REASONS.iter().filter(|name| !elsewhere.contains(name)) {
        assert!(sum.reasons.contains_key(name), "{name}: {:?}", sum.reasons);
    }
    for level in Level::ALL {
        assert!(sum.levels.contains_key(&level), "{level:?}: {:?}", sum.levels);
    }
    assert!(sum.blank > 0 && sum.header > 0 && sum.continuation > 0 && sum.out_of_order > 0);
    assert!(durations > 100, "{durations}");
}

/// A condition that always or never held would say nothing.
#[test]
fn conditions_leave_some_and_take_some() {
    let mut runner = TestRunner::deterministic();
    let (mut mixed, mut asked, mut grouped) = (0, 0, 0);
    for _ in 0..400 {
        let Log(bytes) = log(16).new_tree(&mut runner).unwrap().current();
        let (since_ns, until_ns, ask, by) = narrowing().new_tree(&mut runner).unwrap().current();
        let keep = |format: &'static str, record: &oracle::Record, line: &[u8]| {
            ask.as_ref().is_none_or(|ask| ask.holds(format, record, line))
        };
        let key = |format: &'static str, record: &oracle::Record, line: &[u8]| {
            text_of(by.first()?, format, record, line)
        };
        let selection = oracle::Selection { keep: &keep, by: vec![&key] };
        let meaning = Meaning { since_ns, until_ns, ..Meaning::default() };
        let spec = Spec { meaning, ..Spec::plain() };
        let naive = oracle::analyze_selected(&bytes, &spec, 0, &selection);
        asked += u32::from(ask.is_some());
        mixed += u32::from(naive.filtered > 0 && naive.parsed > 0);
        grouped += u32::from(naive.by[0].0.len() > 1 && naive.by[0].1 > 0);
    }
    assert!(asked > 200 && mixed > 40 && grouped > 4, "{asked} {mixed} {grouped}");
}

/// Bytes that mean something somewhere.
const LIKELY: &[u8] = b"\n\n\n\r \t\"\\{}[]:=-/.,0127aGETINFO\0\xff";

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn generated_lines(bytes in log(16), spec in spec(), fast in restricted()) {
        check(&bytes.0, spec, fast)?;
    }

    #[test]
    fn mutated_lines(bytes in mutant(10), spec in spec(), fast in restricted()) {
        check(&bytes.0, spec, fast)?;
    }

    #[test]
    fn arbitrary_bytes(
        any in vec(any::<u8>(), 0..600).prop_map(Log),
        likely in vec(select(LIKELY), 0..400).prop_map(Log),
        spec in spec(),
        fast in restricted(),
    ) {
        check(&any.0, spec.clone(), fast)?;
        check(&likely.0, spec, fast)?;
    }

    #[test]
    fn json_objects_are_those_of_serde(line in json_line(), mutations in vec(mutation(), 0..4)) {
        let Log(bytes) = mutated(Log(line.into_bytes()), &mutations);
        // The tolerances, one by one: text that only a tolerant reader takes is left alone.
        let text = lossy(&bytes).replace(|c: char| c.is_control() && !"\t\r\n".contains(c), "?");
        let lone = text.contains("\\ud") || text.contains("\\uD");
        let deep = text.matches(['[', '{']).count() > 60;
        let huge = text.contains(['e', 'E']);
        if !lone && !deep && !huge && !text.contains(['\t', '\r', '\n']) {
            let strict = serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok();
            prop_assert_eq!(oracle::is_json_object(text.as_bytes()), strict, "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    /// Whatever is asked for, the engine counts what the twin counts, however it is cut.
    #[test]
    fn narrowed(
        bytes in log(16), spec in spec(), narrowing in narrowing(), cuts in (1u64..300, 1usize..4),
        cut in 0usize..25, fast in restricted(),
    ) {
        let Log(bytes) = bytes;
        let (since_ns, until_ns, ask, by) = narrowing;
        let written = ask.as_ref().map(Ask::written);
        let by_names = by.iter().map(|name| name.to_string()).collect();
        let meaning = Meaning { since_ns, until_ns, condition: written, by: by_names, off: vec![] };
        let mut spec = Spec { meaning, ..spec };
        spec.sources[0].reading.input_tz = "UTC".into();
        let keep = |format: &'static str, record: &oracle::Record, line: &[u8]| {
            ask.as_ref().is_none_or(|ask| ask.holds(format, record, line))
        };
        let key = |name: &'static str| {
            let name = if name == "route" { "method and route" } else { name };
            move |format: &'static str, record: &oracle::Record, line: &[u8]| {
                text_of(name, format, record, line)
            }
        };
        let keys: Vec<_> = by.iter().map(|name| key(name)).collect();
        let by_keys = keys.iter().map(|key| key as oracle::Of<'_, Option<Vec<u8>>>).collect();
        let selection = oracle::Selection { keep: &keep, by: by_keys };
        let naive = oracle::analyze_selected(&bytes, &spec, 0, &selection);
        let spec = Spec::from_json(&spec.to_json()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let spec = Arc::new(spec);
        let summary = scanned(&bytes, &spec);
        compare(&summary, &naive, &bytes)?;
        compare_by(&summary, &naive, &by)?;
        let encoded = codec::encode(&summary);
        prop_assert!(codec::decode(&encoded).is_ok(), "{:?}", codec::decode(&encoded).err());
        prop_assert!(codec::encode(&scanned_by(&bytes, &spec, fast)) == encoded, "{:?}", fast);
        if cut == 0 && !bytes.is_empty() {
            let cut = engine_run(&bytes, &spec, cuts.0, cuts.1, Mode::READ);
            prop_assert!(codec::encode(&cut) == encoded);
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn files(
        bytes in mutant(24), spec in spec(), chunk in 1u64..400, threads in 1usize..5,
        map in any::<bool>(),
    ) {
        let Log(bytes) = bytes;
        let naive = analyze(&bytes, &spec, 0);
        let spec = Arc::new(spec);
        let mode = if map { MAP } else { Mode::READ };
        let summary = engine_run(&bytes, &spec, chunk, threads, mode);
        compare(&summary, &naive, &bytes)?;
        // Without bytes there are no chunks, and what is left is the identity.
        if !bytes.is_empty() {
            prop_assert!(codec::encode(&summary) == codec::encode(&scanned(&bytes, &spec)));
        }
    }
}
