//! The engine in all its ways, and its figures against the twin's.

use crate::oracle::{self, Expected, quantile};
use logan_core::bytes::input::{Fingerprint, Mode, Source};
use logan_core::chunk::Chunk;
use logan_core::engine::{self, Control};
use logan_core::fast::FastPaths;
use logan_core::format::classify::REASONS;
use logan_core::record::Level;
use logan_core::scan::Scanner;
use logan_core::spec::Spec;
use logan_core::summary::Summary;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub fn scanned(bytes: &[u8], spec: &Arc<Spec>) -> Summary {
    scanned_by(bytes, spec, FastPaths::ALL)
}

/// With these fast paths alone.
pub fn scanned_by(bytes: &[u8], spec: &Arc<Spec>, fast: FastPaths) -> Summary {
    let mut scanner = Scanner::with(spec.clone(), fast).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    scanner.push(bytes);
    scanner.finish(bytes.len() as u64)
}

/// A file that goes when this does.
pub struct TempFile(PathBuf);

impl TempFile {
    fn new(bytes: &[u8]) -> TempFile {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("logan-twin-{}-{count}.log", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        TempFile(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn engine_run(
    bytes: &[u8],
    spec: &Arc<Spec>,
    chunk: u64,
    threads: usize,
    mode: Mode,
) -> Summary {
    let file = TempFile::new(bytes);
    let source = Source::open(&file.0, mode).unwrap();
    let size = source.size();
    let fingerprint = Fingerprint::of_source(&source, size).unwrap();
    let chunks: Vec<Chunk> = (0..size.div_ceil(chunk))
        .map(|i| Chunk { source: 0, start: i * chunk, end: size.min((i + 1) * chunk) })
        .collect();
    let control = Control::default();
    let outcome = engine::run(&[(source, fingerprint)], &chunks, spec, threads, &control).unwrap();
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    outcome.summary
}

/// Fails with both sides and what they are.
macro_rules! same {
    ($what:expr, $engine:expr, $naive:expr) => {{
        let (engine, naive) = (&$engine, &$naive);
        prop_assert!(engine == naive, "{}:\n engine {:?}\n naive  {:?}", $what, engine, naive);
    }};
}

pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

pub fn mean_ms(durations: &[u64]) -> Option<f64> {
    let sum: u128 = durations.iter().map(|&ns| u128::from(ns)).sum();
    (!durations.is_empty()).then(|| sum as f64 / durations.len() as f64 / 1e6)
}

pub fn close(
    what: &str,
    found: &Value,
    exact: Option<u64>,
    error: f64,
) -> Result<(), TestCaseError> {
    let within = match (found.as_f64(), exact.map(ms)) {
        (None, None) => found.is_null(),
        (Some(found), Some(exact)) => (found - exact).abs() <= error * exact * (1.0 + 1e-9),
        _ => false,
    };
    prop_assert!(within, "{what}: engine {found}, naive {exact:?} ns");
    Ok(())
}

pub fn rfc3339(nanos: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanos.into()).unwrap();
    let digits = (0..3).find(|i| nanos % 10i64.pow(9 - 3 * i) == 0).unwrap_or(3) * 3;
    format!("{time:.*}", digits as usize)
}

pub fn compare(summary: &Summary, naive: &Expected, bytes: &[u8]) -> Result<(), TestCaseError> {
    let newlines = bytes.iter().filter(|&&b| b == b'\n').count() as u64;
    let unfinished = u64::from(bytes.last().is_some_and(|&b| b != b'\n'));
    same!("total", summary.lines.total(), newlines + unfinished);
    same!("naive total", naive.total, newlines + unfinished);
    compare_lines(summary, naive)?;
    compare_coverage(summary, naive, bytes.len() as u64)?;
    compare_totals(summary, naive)?;
    compare_latency(summary, naive)?;
    compare_series(summary, naive)?;
    compare_groups(summary, naive)?;
    compare_grid(summary, naive)?;
    compare_headline(summary, naive)
}

pub fn compare_lines(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let lines = &summary.lines;
    let parts =
        lines.parsed + lines.malformed_count() + lines.blank + lines.continuation + lines.header;
    same!("identity", lines.total(), parts + lines.filtered);
    let malformed = [lines.malformed_count(), naive.malformed()];
    let engine =
        [lines.parsed, malformed[0], lines.blank, lines.continuation, lines.header, lines.filtered];
    let twin =
        [naive.parsed, malformed[1], naive.blank, naive.continuation, naive.header, naive.filtered];
    same!("parsed, malformed, blank, continuation, header, filtered", engine, twin);
    same!("filtered for want of a time", lines.untimed, naive.untimed);
    let reasons = REASONS.map(|name| naive.reasons.get(name).copied().unwrap_or(0));
    same!("reasons", lines.reasons, reasons);
    let samples: Vec<_> = lines.samples.iter().map(|s| (s.offset, s.text.clone())).collect();
    same!("samples", samples, naive.samples);
    Ok(())
}

pub fn compare_coverage(
    summary: &Summary,
    naive: &Expected,
    size: u64,
) -> Result<(), TestCaseError> {
    let Some(covered) = summary.coverage.0.get(&0) else {
        same!("covered bytes", 0, size);
        return Ok(());
    };
    let segments: Vec<_> = covered.segments.iter().map(|s| (s.start, s.end, s.times)).collect();
    same!("segments", segments, vec![(0, size, naive.ends)]);
    let formats: Vec<_> = covered.formats.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    same!(
        "formats",
        formats,
        naive.formats.iter().map(|(name, n)| (*name, *n)).collect::<Vec<_>>()
    );
    same!("out of order", covered.out_of_order, naive.out_of_order);
    same!("first and last", covered.range, naive.range);
    Ok(())
}

pub fn compare_totals(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let figures = &summary.figures;
    let totals = &figures.totals;
    let engine = [totals.records, totals.timed, totals.requests, totals.errors, totals.measured];
    let measured = naive.durations.len() as u64;
    let twin = [naive.parsed, naive.timed, naive.requests, naive.errors, measured];
    same!("records, timed, requests, errors, measured", engine, twin);
    let mut levels = serde_json::Map::new();
    for level in Level::ALL {
        if let Some(&count) = naive.levels.get(&level) {
            levels.insert(level.name().into(), count.into());
        }
    }
    same!("levels", figures.levels.evaluate(), Value::Object(levels));
    let status = naive.status.iter().map(|(code, n)| (code.to_string(), Value::from(*n)));
    same!("status", figures.http.evaluate(), Value::Object(status.collect()));
    let bytes_sent = naive.bytes_sent.map_or(Value::Null, |n| match u64::try_from(n) {
        Ok(n) => n.into(),
        Err(_) => Value::from(n as f64),
    });
    same!("bytes sent", figures.http.evaluate_bytes(), bytes_sent);
    let slowest: Vec<Value> = naive
        .slowest
        .iter()
        .map(|slow| {
            json!({ "ms": ms(slow.duration_ns), "time": slow.time_ns.map(rfc3339), "input": 0,
                "offset": slow.offset, "text": lossy(&slow.text) })
        })
        .collect();
    same!("slowest", figures.slowest.evaluate(1_000), Value::from(slowest));
    Ok(())
}

/// The exact part of the response times, as the engine writes it.
#[derive(serde::Deserialize, Debug, PartialEq)]
pub struct Latency {
    count: u64,
    sum_ns: u128,
    min_ns: u64,
    max_ns: u64,
}

pub fn compare_latency(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let latency = &summary.figures.latency;
    let written = serde_json::to_string(latency).unwrap();
    let engine: Latency = serde_json::from_str(&written).unwrap();
    let durations = &naive.durations;
    let twin = Latency {
        count: durations.len() as u64,
        sum_ns: durations.iter().map(|&ns| u128::from(ns)).sum(),
        min_ns: durations.first().copied().unwrap_or(u64::MAX),
        max_ns: durations.last().copied().unwrap_or(0),
    };
    same!("response times", engine, twin);
    let report = latency.evaluate(naive.requests);
    let error = report["relative_error"].as_f64().unwrap();
    prop_assert!(error <= 0.01);
    same!("absent", report["absent"], json!(naive.requests - durations.len() as u64));
    same!("mean", report["mean"], json!(mean_ms(durations)));
    for (name, permille) in [("p50", 500), ("p90", 900), ("p95", 950), ("p99", 990), ("p999", 999)]
    {
        close(name, &report[name], quantile(durations, permille), error)?;
    }
    Ok(())
}

pub fn compare_series(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let report = summary.figures.series.evaluate(None);
    let points: Vec<Value> = naive
        .series
        .iter()
        .map(|(index, bucket)| {
            let measured = bucket.measured > 0;
            let mean = bucket.sum_ns as f64 / bucket.measured as f64 / 1e6;
            // A bucket may begin before the first moment that 64 bits of nanoseconds hold.
            let start = (index * naive.step_s).saturating_mul(1_000_000_000);
            json!({ "t": rfc3339(start), "records": bucket.records, "requests": bucket.requests,
                "errors": bucket.errors, "mean_ms": measured.then_some(mean),
                "max_ms": measured.then(|| ms(bucket.max_ns)) })
        })
        .collect();
    same!("series", report, json!({ "step_s": naive.step_s, "points": points }));
    // The earliest of the busiest.
    let most = naive.series.values().map(|b| b.requests).max();
    let busiest = naive.series.iter().find(|(_, b)| Some(b.requests) == most);
    let peak = busiest.map(|(index, b)| (b.requests, index * naive.step_s));
    same!("peak", summary.figures.series.peak(), peak);
    Ok(())
}

pub fn compare_groups(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let by_requests = |groups: &std::collections::BTreeMap<Vec<u8>, oracle::Group>| {
        let mut groups: Vec<_> = groups.clone().into_iter().collect();
        // Stable: equal ones stay in the order of their keys.
        groups.sort_by_key(|(_, group)| Reverse(group.requests));
        groups
    };
    let report = summary.evaluate(usize::MAX, None);
    let sized = naive.bytes_sent.is_some();
    // Of a route that only lines without an answer name, there is nothing to tell.
    let mut routes = naive.routes.clone();
    routes.retain(|_, group| group.requests > 0 || group.errors > 0);
    for (name, key, naive_groups) in [
        ("routes", "route", &routes),
        ("methods", "method", &naive.methods),
        ("not_found", "route", &naive.not_found),
    ] {
        let table = &report[name];
        let found = (&table["exact"], &table["distinct"]);
        same!(name, found, (&json!(true), &json!(naive_groups.len())));
        let error = table["relative_error"].as_f64().unwrap();
        prop_assert!(error <= 0.032);
        let top = table["top"].as_array().unwrap();
        same!(name, top.len(), naive_groups.len());
        for (found, (value, group)) in top.iter().zip(by_requests(naive_groups)) {
            let twin = json!([lossy(&value), mean_ms(&group.durations)]);
            same!(name, json!([found[key], found["mean_ms"]]), twin);
            compare_row(found, &group, (group.requests, naive.requests, sized), error)?;
        }
    }
    let clients = by_requests(&naive.clients);
    let twin: Vec<Value> = clients
        .iter()
        .map(|(client, group)| {
            json!({ "client": lossy(client), "requests": group.requests, "errors": group.errors,
                "client_errors": group.client_errors, "share": share(group.requests, naive.requests),
                "bytes": bytes_of(group, sized) })
        })
        .collect();
    let twin = json!({ "exact": true, "error_bound": 0, "distinct": clients.len(),
        "distinct_error": 0.0, "top": twin });
    same!("clients", report["clients"], twin);
    let days = report["clients_per_day"].as_array().unwrap();
    if naive.clients_per_day.len() <= 512 {
        same!("days", days.len(), naive.clients_per_day.len());
        for (found, (day, clients)) in days.iter().zip(&naive.clients_per_day) {
            let start = rfc3339((day * 86_400).saturating_mul(1_000_000_000));
            same!("day", found["day"], json!(start[..10]));
            let distinct = found["distinct"].as_u64().unwrap();
            let off = distinct.abs_diff(clients.len() as u64);
            prop_assert!(off <= 1 + clients.len() as u64 / 15, "{found}: {}", clients.len());
        }
    }
    for (name, severe) in [("messages", true), ("templates", false)] {
        compare_messages(&report[name], naive, severe)?;
    }
    Ok(())
}

pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub fn bytes_of(group: &oracle::Group, sized: bool) -> Value {
    match u64::try_from(group.bytes) {
        _ if !sized => Value::Null,
        Ok(n) => n.into(),
        Err(_) => Value::from(group.bytes as f64),
    }
}

/// What all tables say of a row; `volume` is that of the row and of all, and whether any record says
/// how large it is.
pub fn compare_row(
    found: &Value,
    group: &oracle::Group,
    volume: (u64, u64, bool),
    error: f64,
) -> Result<(), TestCaseError> {
    let names = ["requests", "errors", "client_errors", "share", "max_ms", "bytes"];
    let twin = json!([
        group.requests,
        group.errors,
        group.client_errors,
        share(volume.0, volume.1),
        group.durations.last().map(|&ns| ms(ns)),
        bytes_of(group, volume.2)
    ]);
    same!("row", json!(names.map(|name| &found[name])), twin);
    for (name, permille) in [("p50_ms", 500), ("p95_ms", 950), ("p99_ms", 990)] {
        // One value says what any quantile of it is; of few, the largest stands for the highest.
        let parts = 1_000 / (1_000 - permille);
        let few = (group.durations.len() as u64) < parts;
        let exact = if few {
            group.durations.last().copied()
        } else {
            quantile(&group.durations, permille)
        };
        close(name, &found[name], exact, error)?;
        if let (Some(found), Some(&least)) = (found[name].as_f64(), group.durations.first()) {
            prop_assert!(found >= ms(least) && found <= ms(*group.durations.last().unwrap()));
        }
    }
    Ok(())
}

pub fn compare_messages(
    found: &Value,
    naive: &Expected,
    severe: bool,
) -> Result<(), TestCaseError> {
    let is_of_table = |level: Level| (level >= Level::Warn) == severe;
    let all = naive.messages.iter().filter(|((Reverse(level), _), _)| is_of_table(*level));
    let mut messages: Vec<_> = all.collect();
    messages.sort_by_key(|(_, message)| Reverse(message.count));
    let twin: Vec<Value> = messages
        .iter()
        .map(|((Reverse(level), template), message)| {
            json!({ "template": lossy(template), "level": level.name(), "count": message.count,
                "share": share(message.count, naive.parsed),
                "first": message.first_ns.map(rfc3339), "last": message.last_ns.map(rfc3339),
                "sample": lossy(&message.sample) })
        })
        .collect();
    let distinct = twin.len();
    let twin = json!({ "exact": true, "error_bound": 0, "distinct": distinct, "top": twin });
    same!("messages", found, &twin);
    Ok(())
}

/// The analysis grid, and percentiles over time.
pub fn compare_grid(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let report = summary.evaluate(10, None);
    let (analysis, response_times) = (&report["analysis"], &report["response_times"]);
    same!("step of the grid", analysis["step_s"], json!(naive.grid_step_s));
    let starts: Vec<i64> = naive.grid.keys().map(|index| index * naive.grid_step_s).collect();
    same!("grid", analysis["buckets"], json!(starts));
    let column = |of: fn(&(oracle::Bucket, Vec<u64>)) -> u64| -> Vec<u64> {
        naive.grid.values().map(of).collect()
    };
    same!("records of the grid", analysis["records"], json!(column(|(bucket, _)| bucket.records)));
    same!("requests of the grid", analysis["requests"], json!(column(|(b, _)| b.requests)));
    same!("errors of the grid", analysis["errors"], json!(column(|(bucket, _)| bucket.errors)));
    same!("times of the grid", analysis["measured"], json!(column(|(_, t)| t.len() as u64)));
    // A sum of logarithms is off by what the buckets of the response times are, and by rounding.
    for (i, (_, times)) in naive.grid.values().enumerate() {
        let log = |&ns: &u64| (ns.max(1) as f64).log2() * 256.0;
        let exact: f64 = times.iter().map(log).sum();
        let found = analysis["log_sum"][i].as_f64().unwrap();
        let most = times.len() as f64 * (256.0 * (1.0f64 + 1.0 / 32.0).log2() + 1.0) + 1e-6;
        prop_assert!((found - exact).abs() <= most, "{found} {exact}");
    }
    let error = response_times["relative_error"].as_f64().unwrap();
    let measured: Vec<_> = naive.grid.iter().filter(|(_, (_, t))| !t.is_empty()).collect();
    let points = response_times["points"].as_array().unwrap();
    same!("points of response times", points.len(), measured.len());
    for (point, (index, (_, times))) in points.iter().zip(measured) {
        let start = (index * naive.grid_step_s).saturating_mul(1_000_000_000);
        same!("point", json!([point["t"], point["count"]]), json!([rfc3339(start), times.len()]));
        for (name, permille, least) in
            [("p50_ms", 500, 20), ("p95_ms", 950, 20), ("p99_ms", 990, 100)]
        {
            let exact = if times.len() < least { None } else { quantile(times, permille) };
            close(name, &point[name], exact, error)?;
        }
    }
    Ok(())
}

/// The five figures, and those beside them.
pub fn compare_headline(summary: &Summary, naive: &Expected) -> Result<(), TestCaseError> {
    let report = summary.evaluate(10, Some(2_000));
    let minute = |ns: i64| ns.div_euclid(60_000_000_000);
    let minutes = naive.range.map_or(0, |(first, last)| minute(last) - minute(first) + 1);
    let per_minute = |n: u64| (minutes > 0).then(|| n as f64 / minutes as f64);
    same!("total_requests", report["total_requests"], json!(naive.requests));
    same!("avg_response_time", report["avg_response_time"], json!(mean_ms(&naive.durations)));
    same!("error_rate", report["error_rate"], json!(per_minute(naive.timed_errors)));
    let rps = per_minute(naive.timed_requests).map(|n| n / 60.0);
    same!("requests_per_second", report["requests_per_second"], json!(rps));
    same!("malformed_lines", report["malformed_lines"], json!(naive.malformed()));
    same!("minutes", report["time"]["minutes"], json!(minutes));
    same!("untimed", report["time"]["untimed"], json!(naive.parsed - naive.timed));
    let span_s =
        naive.range.map(|(first, last)| (i128::from(last) - i128::from(first)) as f64 / 1e9);
    let observed = span_s.filter(|&s| s > 0.0).map(|s| naive.timed_requests as f64 / s);
    same!("observed_rps", report["throughput"]["observed_rps"], json!(observed));
    let range = naive.range.map(|(first, last)| (rfc3339(first), rfc3339(last)));
    same!("first", report["time"]["first"], json!(range.as_ref().map(|r| &r.0)));
    same!("last", report["time"]["last"], json!(range.as_ref().map(|r| &r.1)));
    let points = report["series"]["points"].as_array().map_or(0, Vec::len);
    prop_assert!(points <= 2_000);
    Ok(())
}

pub fn compare_by(summary: &Summary, naive: &Expected, by: &[&str]) -> Result<(), TestCaseError> {
    let report = summary.evaluate(usize::MAX, None);
    let tables = &report["groups"];
    let sized = naive.bytes_sent.is_some();
    for (field, (groups, absent)) in by.iter().zip(&naive.by) {
        let table = &tables[field];
        if groups.is_empty() && *absent == 0 {
            prop_assert!(table.is_null());
            continue;
        }
        same!("absent", table["absent"], json!(absent));
        same!("exact", table["exact"], json!(true));
        let mut groups: Vec<_> = groups.iter().collect();
        groups.sort_by_key(|(_, group)| Reverse(group.records));
        let top = table["top"].as_array().unwrap();
        same!("groups", top.len(), groups.len());
        for (found, (key, group)) in top.iter().zip(groups) {
            let max = group.durations.last().map(|&ns| ms(ns));
            let mean = mean_ms(&group.durations);
            let twin = json!([lossy(key), group.records, group.requests, group.errors, mean, max]);
            let names = ["key", "records", "requests", "errors", "mean_ms", "max_ms"];
            same!(field, json!(names.map(|name| &found[name])), twin);
            compare_row(found, group, (group.records, naive.parsed, sized), 0.032)?;
        }
    }
    Ok(())
}
