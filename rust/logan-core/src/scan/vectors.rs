//! The vectors of `test_vectors/formats`, as `tests/contract/test_formats.py` explains them: each
//! alone, and any two in one file.

use crate::bytes::line::{PAD, PaddedLine};
use crate::detect::detect;
use crate::format::{Context, Params, REGISTRY, Run};
use crate::record::{Batch, Record};
use crate::scan::Scanner;
use crate::spec::{FormatSpec, Reading, Spec};
use crate::time::TimestampParser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

struct Vector {
    name: String,
    sample: Vec<u8>,
    expected: Value,
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test_vectors/formats");
    let mut vectors: Vec<Vector> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| Vector {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            sample: std::fs::read(path.join("sample.log")).unwrap(),
            expected: serde_json::from_slice(&std::fs::read(path.join("expected.json")).unwrap())
                .unwrap(),
        })
        .collect();
    vectors.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!vectors.is_empty());
    vectors
}

/// The report's figures and the records of each format, by what detection finds.
fn figures(bytes: &[u8]) -> (Value, BTreeMap<String, u64>) {
    let found = detect(&[(0, bytes)]);
    let formats = found["formats"].as_array().unwrap().iter().map(|format| FormatSpec {
        name: format["name"].as_str().unwrap().to_string(),
        params: serde_json::from_value(format["params"].clone()).unwrap(),
    });
    let reading = Reading {
        formats: formats.collect(),
        // 1 February 2024: dates without a year lie before it.
        anchor_ns: 1_706_745_600_000_000_000,
        durations: serde_json::from_value(found["durations"].clone()).unwrap(),
        layouts: found["header"].as_u64().filter(|&n| n > 0).map(|_| Default::default()),
        ..Reading::default()
    };
    let spec = Spec { sources: vec![reading.into()], ..Spec::plain() };
    let mut scanner = Scanner::new(Arc::new(spec)).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    scanner.push(bytes);
    let summary = scanner.finish(bytes.len() as u64);
    let records = summary.coverage.0[&0].formats.clone();
    (summary.evaluate(200, Some(3)), records)
}

/// Appends where `want` is not part of `got`.
fn compare(got: &Value, want: &Value, place: String, wrong: &mut Vec<String>) {
    match want {
        Value::Object(members) if !place.ends_with("status") && !place.ends_with("levels") => {
            for (key, value) in members {
                compare(&got[key], value, format!("{place}.{key}"), wrong);
            }
        }
        Value::Number(want) if want.is_f64() => {
            let want = want.as_f64().unwrap();
            let near = |got: f64| (got - want).abs() <= 1e-9 * want.abs().max(1.0);
            if !got.as_f64().is_some_and(near) {
                wrong.push(format!("{place}: {got}, not {want}"));
            }
        }
        want if got != want => wrong.push(format!("{place}: {got}, not {want}")),
        _ => {}
    }
}

fn records_of(expected: &Value) -> BTreeMap<String, u64> {
    serde_json::from_value(expected["records"].clone()).unwrap()
}

#[test]
fn figures_of_each() {
    let mut wrong = Vec::new();
    for Vector { name, sample, expected } in vectors() {
        let (got, records) = figures(&sample);
        compare(&got, &expected["figures"], name.clone(), &mut wrong);
        if records != records_of(&expected) {
            wrong.push(format!("{name}: records {records:?}"));
        }
        for (table, key) in [("routes", "route"), ("clients", "client")] {
            let rows = got[table]["top"].as_array().unwrap();
            let requests: BTreeMap<&str, &Value> =
                rows.iter().map(|row| (row[key].as_str().unwrap(), &row["requests"])).collect();
            if expected[table].is_object() && json!(requests) != expected[table] {
                wrong.push(format!("{name}: {table} {requests:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn any_two_in_one_file() {
    // Those of formats that are read only where nothing else is stay out of company.
    let mut vectors = vectors();
    vectors.retain(|vector| vector.name != "plain");
    let mut wrong = Vec::new();
    for first in &vectors {
        for second in &vectors {
            let (got, records) = figures(&[&first.sample[..], &second.sample].concat());
            let mut want = records_of(&first.expected);
            for (format, count) in records_of(&second.expected) {
                *want.entry(format).or_default() += count;
            }
            let place = format!("{} then {}", first.name, second.name);
            if records != want {
                wrong.push(format!("{place}: records {records:?}"));
            }
            let sum = |key: &str| {
                [first, second].iter().map(|v| v.expected["figures"]["lines"][key].as_u64()).sum()
            };
            for key in ["total", "parsed", "malformed"] {
                if got["lines"][key].as_u64() != sum(key) {
                    wrong.push(format!("{place}: {key} {}", got["lines"][key]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a format accepts a line does not depend on the other formats: no format accepts a line
/// whose beginning it rules out, alone or among others.
#[test]
fn a_line_of_a_format_begins_as_the_format_says() {
    let mut wrong = Vec::new();
    for entry in REGISTRY {
        let format = (entry.build)(&Params { rejoin: true, ..Params::default() });
        let others: Vec<u8> = (0..=255).filter(|&byte| !format.may_begin_with(byte)).collect();
        for Vector { name, sample, .. } in vectors() {
            for line in sample.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
                let other = |&byte: &u8| [&[byte][..], &line[1..]].concat();
                let before = |&byte: &u8| [&[byte][..], line].concat();
                let lines: Vec<Vec<u8>> =
                    others.iter().map(other).chain(others.iter().map(before)).collect();
                let mut batch = Batch::new();
                let mut context = Context::new(TimestampParser::utc());
                for changed in lines.iter().filter(|line| line[0] != b'\n') {
                    let block = [&[0; PAD][..], changed, b"\n", &[0; PAD]].concat();
                    let ends = [(PAD + changed.len()) as u32];
                    batch.clear();
                    let start = (0, PAD as u32);
                    let mut run = Run::new(&block, &ends, start, &mut batch, &mut context);
                    format.parse_run(&mut run);
                    let alone = PaddedLine::new(changed);
                    let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
                    let line = alone.line();
                    if run.next > 0
                        || format.parse_line(line, &mut context, &mut arena, &mut record)
                    {
                        let text = changed.escape_ascii();
                        wrong.push(format!("{} takes of {name}: {text}", entry.info.name));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines, such as {}", wrong.len(), wrong[0]);
}
