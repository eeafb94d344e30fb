//! The logs of the test vectors, and their summaries as a plan would have them made.

use logan_core::detect::detect;
use logan_core::fast::FastPaths;
use logan_core::scan::Scanner;
use logan_core::spec::{FormatSpec, Spec};
use logan_core::summary::codec::encode;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The samples of all formats and the small logs.
pub fn logs() -> Vec<(PathBuf, Vec<u8>)> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test_vectors");
    let formats = std::fs::read_dir(vectors.join("formats")).unwrap();
    let formats = formats.map(|entry| entry.unwrap().path().join("sample.log"));
    let logs = std::fs::read_dir(vectors.join("logs")).unwrap();
    let logs = logs.map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.extension().is_some_and(|end| end == "log");
    let mut all: Vec<PathBuf> = formats.chain(logs).filter(is_log).collect();
    all.sort();
    all.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// The bytes of the log's summary with group tables, its lines read as detection decides, in blocks
/// as they come from a file.
pub fn summary(log: &[u8], fast: FastPaths, condition: Option<&str>) -> Vec<u8> {
    let found = detect(&[(0, &log[..log.len().min(1 << 20)])]);
    let mut spec = Spec::plain();
    spec.meaning.condition = condition.map(String::from);
    spec.meaning.by = ["route", "client", "json.level"].map(String::from).to_vec();
    let reading = &mut spec.sources[0].reading;
    let format = |format: &Value| FormatSpec {
        name: format["name"].as_str().unwrap().to_string(),
        params: serde_json::from_value(format["params"].clone()).unwrap(),
    };
    reading.formats = found["formats"].as_array().unwrap().iter().map(format).collect();
    reading.time = serde_json::from_value(found["time"].clone()).unwrap();
    reading.durations = serde_json::from_value(found["durations"].clone()).unwrap();
    reading.layouts = found["header"].as_u64().filter(|&n| n > 0).map(|_| Default::default());
    let mut scanner = Scanner::with(Arc::new(spec), fast).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    for block in log.chunks(50_000) {
        scanner.push(block);
    }
    encode(&scanner.finish(log.len() as u64))
}
