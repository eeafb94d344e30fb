//! Summaries of different jobs add up: what two jobs counted, each with its own sources, indexes and
//! time zones, is what one job over everything counts; what would be counted twice is refused by
//! name, and then nothing has changed.

use crate::support::config;
use logan_core::bytes::content::Content;
use logan_core::chunk::{Chunk, ChunkFeed, Feed};
use logan_core::error::Error;
use logan_core::spec::{Identity, Meaning, Reading, SourceSpec, Spec};
use logan_core::summary::Summary;
use logan_core::summary::codec::{decode, encode};
use logan_core::summary::merge_tree::MergeTree;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::sync::Arc;

/// A log, or as much of it as there was when a job was planned.
#[derive(Debug, Clone)]
struct Log {
    name: String,
    zone: &'static str,
    bytes: Vec<u8>,
}

impl Log {
    fn new(name: &str, lines: usize) -> Log {
        Log { name: name.into(), zone: "UTC", bytes: text(lines as u64, lines) }
    }

    fn until(&self, end: usize) -> Log {
        Log { bytes: self.bytes[..end].to_vec(), ..self.clone() }
    }

    fn source(&self) -> SourceSpec {
        let content = Content::of(&self.bytes, &self.bytes, self.bytes.len() as u64);
        SourceSpec {
            reading: Reading { input_tz: self.zone.into(), ..Reading::default() },
            identity: Identity {
                content: Some(content),
                origin: format!("/logs/{}", self.name),
                name: self.name.clone(),
            },
        }
    }

    /// Where the line ends that has this byte.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.bytes[at.min(self.bytes.len())..];
        self.bytes.len() - rest.len() + memchr::memchr(b'\n', rest).map_or(0, |n| n + 1)
    }
}

/// Lines with something for every table; no two requests take the same time.
fn text(seed: u64, lines: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..lines as u64 {
        let n = (seed * 1_009 + i) * 7 + 1;
        let (minute, second) = (n / 60 % 60, n % 60);
        let line = match n % 11 {
            0 => format!("nonsense {n}"),
            1 => String::new(),
            2 => {
                format!("2024-01-24 10:{minute:02}:{second:02}.000 ERROR no answer from 10.0.0.{i}")
            }
            3..=6 => format!(
                "10.0.0.{} - - [24/Jan/2024:11:{minute:02}:{second:02} +0000] \
                 \"GET /api/{} HTTP/1.1\" {} {n} \"-\" \"x\" 0.{n:06}",
                n % 5,
                n % 3,
                if n.is_multiple_of(4) { 503 } else { 200 },
            ),
            _ => format!("2024-01-24 10:{minute:02}:{second:02}.250 INFO took {n}ms"),
        };
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
    }
    text
}

fn job_spec(logs: &[&Log], meaning: &Meaning) -> Arc<Spec> {
    let sources = logs.iter().map(|log| log.source()).collect();
    Arc::new(Spec { meaning: meaning.clone(), sources, ..Spec::plain() })
}

/// The chunks of `from..` of each log.
fn chunks(logs: &[&Log], from: &[usize], grid: usize, meaning: &Meaning) -> Vec<Summary> {
    let spec = job_spec(logs, meaning);
    let mut summaries = Vec::new();
    for (i, log) in logs.iter().enumerate() {
        let mut start = from.get(i).copied().unwrap_or(0);
        while start < log.bytes.len() {
            let end = log.bytes.len().min(start + grid);
            let chunk = Chunk { source: i as u32, start: start as u64, end: end as u64 };
            let mut feed = ChunkFeed::new(spec.clone(), chunk).unwrap();
            feed.push(&log.bytes[feed.position() as usize..]).unwrap();
            summaries.push(feed.finish("x".as_ref()).unwrap());
            start = end;
        }
    }
    summaries
}

/// The figures of `from..` of each log.
fn job_from(logs: &[&Log], from: &[usize], meaning: &Meaning) -> Summary {
    let mut tree = MergeTree::new(&job_spec(logs, meaning));
    let size: usize = logs.iter().map(|log| log.bytes.len()).sum();
    let chunks = chunks(logs, from, 700.max(size / 8), meaning);
    let count = chunks.len() as u64;
    for (i, chunk) in chunks.into_iter().enumerate() {
        tree.insert(i as u64, chunk).unwrap();
    }
    let summary = tree.finish(count).unwrap();
    summary.check().unwrap();
    summary
}

fn job(logs: &[&Log]) -> Summary {
    job_from(logs, &[], &Meaning::default())
}

fn sum(a: &Summary, b: &Summary) -> Summary {
    let mut sum = a.clone();
    sum.merge(b).unwrap();
    sum.check().unwrap();
    assert_eq!(decode(&encode(&sum)).unwrap(), sum, "the sum comes back");
    sum
}

/// Why two do not merge; nothing has changed then.
fn refusal(a: &Summary, b: &Summary) -> String {
    let mut sum = a.clone();
    let error = sum.merge(b).unwrap_err();
    assert!(matches!(error, Error::Merge(_)), "{error:?}");
    assert_eq!(encode(&sum), encode(a), "a refused merge changed something");
    error.to_string()
}

/// The report, with the names of sources for their indexes, and without what may depend on these:
/// which of the first malformed lines and of equal messages are shown.
fn figures(summary: &Summary) -> Value {
    let mut report = summary.evaluate(1_000, None);
    let name = |index: &Value| {
        let id = &summary.coverage.0[&(index.as_u64().unwrap() as u32)].id;
        Value::from(format!(
            "{} {:?}",
            id.identity.name,
            id.identity.content.as_ref().map(|c| &c.heads)
        ))
    };
    let mut sources = report["sources"].as_array().unwrap().clone();
    for source in &mut sources {
        source["source"] = name(&source["source"]);
    }
    sources.sort_by_key(Value::to_string);
    report["sources"] = sources.into();
    for slow in report["slowest"].as_array_mut().unwrap() {
        slow["input"] = name(&slow["input"]);
    }
    report["malformed"]["samples"] =
        json!(report["malformed"]["samples"].as_array().unwrap().len());
    for table in ["messages", "templates"] {
        for message in report[table]["top"].as_array_mut().unwrap() {
            message["sample"] = Value::Null;
        }
    }
    report
}

/// That every row that names a source names the one that its text is of.
fn check_rows(summary: &Summary, logs: &[&Log]) {
    let report = summary.evaluate(1_000, None);
    let rows = ["slowest"].iter().flat_map(|list| report[list].as_array().unwrap());
    let samples = report["malformed"]["samples"].as_array().unwrap();
    for row in rows.chain(samples) {
        let source = row["input"].as_u64().unwrap() as u32;
        let id = &summary.coverage.0[&source].id.identity;
        let offset = row["offset"].as_u64().unwrap() as usize;
        let text = row["text"].as_str().unwrap().as_bytes();
        let holds = |log: &&Log| {
            log.source().identity.agrees(id)
                && log.bytes.get(offset..).is_some_and(|rest| rest.starts_with(text))
        };
        assert!(logs.iter().any(holds), "{row} is not a line of {}", id.name);
    }
}

const ZONES: [&str; 3] = ["UTC", "Europe/Berlin", "America/New_York"];

/// Logs of different names and contents, of different zones.
fn logs() -> impl Strategy<Value = Vec<Log>> {
    vec((0usize..40, 0usize..ZONES.len()), 1..6).prop_map(|sizes| {
        let log = |(i, (lines, zone)): (usize, (usize, usize))| Log {
            name: format!("{}.log", (b'a' + i as u8) as char),
            zone: ZONES[zone],
            bytes: text(i as u64, lines + 1),
        };
        sizes.into_iter().enumerate().map(log).collect()
    })
}

proptest! {
    #![proptest_config(config(30))]

    /// Each log goes to one of three jobs, in any order; in all groupings the sum is the whole.
    #[test]
    fn jobs_add_up_to_one_over_everything(
        logs in logs(), deal in vec(0usize..3, 6), backwards in any::<bool>(),
    ) {
        let all: Vec<&Log> = logs.iter().collect();
        let part = |number: usize| {
            let mut dealt: Vec<&Log> =
                logs.iter().zip(&deal).filter(|(_, to)| **to == number).map(|(log, _)| log).collect();
            if backwards {
                dealt.reverse();
            }
            job(&dealt)
        };
        let [a, b, c] = [part(0), part(1), part(2)];
        let expected = figures(&job(&all));
        for whole in [
            sum(&sum(&a, &b), &c),
            sum(&a, &sum(&b, &c)),
            sum(&sum(&c, &b), &a),
            sum(&sum(&a, &c), &b),
        ] {
            prop_assert_eq!(figures(&whole), expected.clone());
            check_rows(&whole, &all);
        }
    }

    /// Saved at noon, continued at midnight, when the logs had grown and their order was another.
    #[test]
    fn what_was_counted_at_noon_goes_on_at_midnight(
        logs in logs(), cuts in vec(any::<Index>(), 6), backwards in any::<bool>(),
    ) {
        let mut ends: Vec<usize> = logs
            .iter()
            .zip(&cuts)
            .map(|(log, cut)| log.line_end(cut.index(log.bytes.len())))
            .collect();
        let at_noon: Vec<Log> = logs.iter().zip(&ends).map(|(log, &end)| log.until(end)).collect();
        let noon = job(&at_noon.iter().collect::<Vec<_>>());
        let mut at_midnight: Vec<&Log> = logs.iter().collect();
        let expected = figures(&job(&at_midnight));
        if backwards {
            at_midnight.reverse();
            ends.reverse();
        }
        let rest = job_from(&at_midnight, &ends, &Meaning::default());
        for whole in [sum(&noon, &rest), sum(&rest, &noon)] {
            prop_assert_eq!(figures(&whole), expected.clone());
            check_rows(&whole, &at_midnight);
        }
        // Counting all of it again is an error.
        let again = job(&at_midnight);
        for said in [refusal(&noon, &again), refusal(&again, &noon)] {
            prop_assert!(said.contains(".log is in both, bytes 0–"), "{}", said);
        }
    }

    /// Chunks of one job in any order: the same bytes, and no chunk twice.
    #[test]
    fn chunks_of_one_job_merge_in_any_order(logs in logs(), order in vec(any::<Index>(), 40)) {
        let logs: Vec<&Log> = logs.iter().collect();
        let mut parts = chunks(&logs, &[], 300, &Meaning::default());
        let expected = encode(&job(&logs));
        for (i, with) in order.iter().enumerate() {
            let (i, with) = (i % parts.len(), with.index(parts.len()));
            parts.swap(i, with);
        }
        let mut whole = Summary::empty(&job_spec(&logs, &Meaning::default()));
        for part in &parts {
            whole.merge(part).unwrap();
        }
        prop_assert_eq!(encode(&whole), expected);
        for part in &parts {
            refusal(&whole, part);
        }
    }
}

#[test]
fn a_copy_under_another_name_is_refused_with_both_names() {
    let log = Log::new("a.log", 30);
    let copy = Log { name: "b.log".into(), ..log.clone() };
    let said = refusal(&job(&[&log]), &job(&[&copy]));
    assert!(said.contains("a.log and b.log are the same log under two names"), "{said}");
    // Beside others, and at another index.
    let other = Log::new("c.log", 20);
    let said = refusal(&job(&[&other, &log]), &job(&[&copy]));
    assert!(said.contains("a.log and b.log are the same log"), "{said}");
}

#[test]
fn one_job_may_count_copies() {
    let log = Log::new("a.log", 30);
    let copy = Log { name: "b.log".into(), ..log.clone() };
    let both = job(&[&log, &copy]);
    assert_eq!(both.lines.total(), 60);
    // Whatever has been merged with a part of it.
    let other = job(&[&Log::new("c.log", 20)]);
    let parts = chunks(&[&log, &copy], &[], 1 << 20, &Meaning::default());
    let sum = sum(&sum(&other, &parts[1]), &parts[0]);
    assert_eq!(sum.lines.total(), 80);
    refusal(&sum, &parts[0]);
    refusal(&sum, &parts[1]);
}

#[test]
fn a_copy_that_has_grown_is_refused_and_a_common_beginning_is_not() {
    let log = Log::new("access.log", 400);
    assert!(log.bytes.len() > 10_000);
    // Rotated at midnight, and counted whole under its new name.
    let noon = log.until(log.line_end(6_000));
    let rotated = Log { name: "access.log.1".into(), ..log.clone() };
    let said = refusal(&job(&[&noon]), &job(&[&rotated]));
    assert!(said.contains("access.log and access.log.1 are the same log"), "{said}");
    // Two programs that print the same when they start, at different times.
    let banner = "# an explanation of what is in this log\n".repeat(200).into_bytes();
    let [a, b] = [1, 2].map(|n| Log {
        name: format!("{n}.log"),
        zone: "UTC",
        bytes: [banner.clone(), text(n, 50)].concat(),
    });
    assert_eq!(sum(&job(&[&a]), &job(&[&b])).coverage.0.len(), 2);
}

#[test]
fn a_name_does_not_make_two_logs_one() {
    // As access.log is after rotation.
    let [monday, tuesday] =
        [3, 4].map(|n| Log { name: "access.log".into(), zone: "UTC", bytes: text(n, 40) });
    let sum = sum(&job(&[&monday]), &job(&[&tuesday]));
    assert_eq!(sum.lines.total(), 80);
    assert_eq!(sum.coverage.0.keys().copied().collect::<Vec<_>>(), [0, 1]);
    check_rows(&sum, &[&monday, &tuesday]);
}

#[test]
fn an_overlap_names_the_log_and_the_bytes() {
    let log = Log { name: "access.log".into(), zone: "UTC", bytes: text(1, 20_000) };
    let noon = log.until(log.line_end(1_000_000));
    let end = noon.bytes.len();
    let said = refusal(&job(&[&noon]), &job(&[&log]));
    let shown = format!("1,{:03},{:03}", end / 1_000 % 1_000, end % 1_000);
    assert!(said.contains(&format!("access.log is in both, bytes 0–{shown};")), "{said}");
}

#[test]
fn a_difference_of_meaning_is_named() {
    let log = Log::new("a.log", 30);
    let other = Log::new("b.log", 20);
    let errors = Meaning { condition: Some("status >= 500".into()), ..Meaning::default() };
    let said = refusal(&job(&[&log]), &job_from(&[&other], &[], &errors));
    assert!(said.contains("one was made with --where status >= 500, the other without"), "{said}");
    // How long lists are is not part of it.
    let mut long = Spec::clone(&job_spec(&[&other], &Meaning::default()));
    long.top = 500;
    let mut feed = Feed::new(Arc::new(long), 0, 1_000).unwrap();
    feed.push(&other.bytes).unwrap();
    let sum = sum(&job(&[&log]), &feed.finish().unwrap());
    assert_eq!(sum.evaluate(1_000, None)["slowest"].as_array().unwrap().len(), {
        let of = |log| job(&[log]).evaluate(1_000, None)["slowest"].as_array().unwrap().len();
        of(&log) + of(&other)
    });
}

#[test]
fn streams_are_known_by_what_passed_by() {
    let stream = |bytes: &[u8], pushed: usize| {
        let mut source = Log::new("-", 0).source();
        (source.identity.content, source.identity.origin) = (None, "-".into());
        let spec = Spec { sources: vec![source], ..Spec::plain() };
        let mut feed = Feed::new(Arc::new(spec), 0, 1_000).unwrap();
        bytes.chunks(pushed).for_each(|piece| feed.push(piece).unwrap());
        feed.finish().unwrap()
    };
    let (monday, tuesday) = (text(1, 50), text(2, 50));
    assert_eq!(sum(&stream(&monday, 100), &stream(&tuesday, 7)).lines.total(), 100);
    let said = refusal(&stream(&monday, 100), &stream(&monday, 7));
    assert!(said.contains("standard input is in both, bytes 0–"), "{said}");
    // And a file of the same content is a copy.
    let file = Log { name: "a.log".into(), zone: "UTC", bytes: monday.clone() };
    let said = refusal(&job(&[&file]), &stream(&monday, 100));
    assert!(said.contains("a.log and standard input are the same log"), "{said}");
}
