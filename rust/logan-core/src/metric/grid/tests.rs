use super::*;
use crate::record::{BATCH_ROWS, NO_ANSWER, NO_STATUS, Record};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

fn records(seconds: &[i64]) -> Vec<Record> {
    let record = |(i, &second): (usize, &i64)| Record {
        time_ns: if i % 97 == 5 { NO_TIME } else { second * 1_000_000_000 },
        second,
        duration_ns: match i % 5 {
            0 => NO_DURATION,
            1 => DURATION_NS_MAX >> (i % 60),
            _ => second.unsigned_abs() << (i % 30),
        },
        status: [NO_STATUS, 200, 404, 503, NO_ANSWER, 401, 403, 429, 444, 460, 463, 499][i % 12],
        ..Record::EMPTY
    };
    seconds.iter().enumerate().map(record).collect()
}

fn grid(records: &[Record]) -> GridBuckets {
    let mut grid = Grid::new(true);
    for part in records.chunks(BATCH_ROWS) {
        let mut batch = Batch::new();
        for record in part {
            let columns = Columns::TIME.or(Columns::DURATION).or(Columns::STATUS);
            batch.push(columns, record, 0, 0);
        }
        grid.update(&batch, Block { bytes: &[], offset: 0, source: 0 });
    }
    let state = grid.take();
    assert_eq!(state.check(), Ok(()));
    assert_eq!(grid.take(), GridBuckets::default());
    state
}

/// The same by other means: a map of all response times at each step.
#[expect(clippy::type_complexity, reason = "step, buckets, counts, and response times of each")]
fn expected(records: &[Record]) -> (i64, Vec<i64>, Vec<[u64; 7]>, Vec<Vec<u64>>) {
    let timed = || records.iter().filter(|record| record.time_ns != NO_TIME);
    let at = |step: i64| {
        let mut buckets: BTreeMap<i64, ([u64; 7], Vec<u64>)> = BTreeMap::new();
        for record in timed() {
            let (counts, times) = buckets.entry(record.second.div_euclid(step)).or_default();
            let measured = record.duration_ns != NO_DURATION;
            counts[0] += 1;
            counts[1] += u64::from(measured || record.status != NO_STATUS);
            counts[2] += u64::from(record.status >= 500);
            counts[3] += u64::from(measured);
            let ended = [&[NO_ANSWER, 444, 460, 463, 499][..], &[429], &[401, 403]];
            for (count, statuses) in counts[4..].iter_mut().zip(ended) {
                *count += u64::from(statuses.contains(&record.status));
            }
            times.extend(measured.then_some(record.duration_ns));
        }
        buckets
    };
    let step = STEPS_S.into_iter().find(|&step| at(step).len() <= BUCKETS_MAX).unwrap();
    let buckets = at(step);
    let starts = buckets.keys().map(|index| index * step).collect();
    let (counts, times) = buckets.into_values().unzip();
    (step, starts, counts, times)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_split_in_any_order_gives_equal_bytes(
        seconds in prop::collection::vec(-2_000_000_000i64..2_000_000_000, 0..2_000),
        shift in 0u32..26,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let seconds: Vec<i64> = seconds.iter().map(|s| s >> shift).collect();
        let records = records(&seconds);
        let whole = grid(&records);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(records.len() + 1)).collect();
        cuts.sort_unstable();
        let mut parts = Vec::new();
        let mut start = 0;
        for end in cuts.into_iter().chain([records.len()]) {
            parts.push(grid(&records[start..end]));
            start = end;
        }
        let mut forward = GridBuckets::default();
        parts.iter().for_each(|part| forward.merge(part));
        let mut backward = GridBuckets::default();
        parts.iter().rev().for_each(|part| backward.merge(part));
        prop_assert_eq!(&forward, &whole);
        prop_assert_eq!(&backward, &whole);
        prop_assert_eq!(whole.check(), Ok(()));

        let (step, starts, counts, times) = expected(&records);
        let found = whole.evaluate();
        prop_assert_eq!(&found["step_s"], &json!(step));
        prop_assert_eq!(&found["buckets"], &json!(starts));
        let names = ["records", "requests", "errors", "measured", "unanswered", "throttled", "denied"];
        for (i, name) in names.into_iter().enumerate() {
            let column: Vec<u64> = counts.iter().map(|counts| counts[i]).collect();
            prop_assert_eq!(&found[name], &json!(column), "{}", name);
        }
        let log = |ns: &u64| u64::from(LOG2[buckets::bucket_of::<BITS>(*ns)]);
        let sums: Vec<u64> = times.iter().map(|all| all.iter().map(log).sum()).collect();
        prop_assert_eq!(&found["log_sum"], &json!(sums));
        let sums: Vec<u64> = times.iter().map(|all| all.iter().map(|ns| log(ns).pow(2)).sum()).collect();
        prop_assert_eq!(&found["log_sq"], &json!(sums));

        let response_times = whole.evaluate_response_times();
        let measured: Vec<_> = times.iter().filter(|times| !times.is_empty()).collect();
        for (i, times) in measured.iter().enumerate() {
            let point = &response_times["points"][i];
            let mut times = times.to_vec();
            times.sort_unstable();
            for (name, parts, least) in [("p50_ms", 2, 20), ("p95_ms", 20, 20), ("p99_ms", 100, 100)] {
                if times.len() < least {
                    prop_assert!(point[name].is_null());
                    continue;
                }
                let exact = times[times.len() - times.len() / parts - 1] as f64 / 1e6;
                let found = point[name].as_f64().unwrap();
                prop_assert!((found - exact).abs() <= exact / 32.0 + 1e-9, "{} {} {}", name, found, exact);
                prop_assert!(found >= times[0] as f64 / 1e6);
                prop_assert!(found <= times[times.len() - 1] as f64 / 1e6);
            }
            let columns = response_times["heatmap"]["counts"][i].as_array().unwrap();
            let sum: u64 = columns.iter().map(|n| n.as_u64().unwrap()).sum();
            prop_assert_eq!(sum, times.len() as u64);
            prop_assert_eq!(
                columns.len() + 1,
                response_times["heatmap"]["bounds_ms"].as_array().unwrap().len()
            );
        }
        prop_assert_eq!(response_times["points"].as_array().unwrap().len(), measured.len());
    }

    #[test]
    fn bytes_from_elsewhere_never_panic(
        step in 0u8..20,
        count in 0u32..600,
        rows in prop::collection::vec(0u8..140, 0..200),
        outcomes in prop::option::of(prop::collection::vec(0u8..140, 0..200)),
    ) {
        let state = GridBuckets { step, count, rows, outcomes };
        if state.check().is_ok() {
            let mut both = state.clone();
            both.merge(&state);
            prop_assert_eq!(both.check(), Ok(()));
            state.evaluate();
            state.evaluate_response_times();
        }
    }
}
