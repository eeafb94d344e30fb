use super::*;
use crate::metric::grid::Grid;
use crate::metric::routes::Routes;
use crate::metric::{Metric, State};
use crate::record::{BATCH_ROWS, Block, Record, Text};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A request: second, which of the routes, response time, status.
type Request = (i64, u16, Option<u64>, u16);

fn count(requests: &[Request]) -> (RoutesOverTime, crate::metric::grid::GridBuckets) {
    let mut routes = Routes::default();
    let mut grid = Grid::new(true);
    for part in requests.chunks(BATCH_ROWS) {
        let mut bytes = vec![b' '; 64];
        let mut batch = Batch::new();
        for &(second, route, duration_ns, status) in part {
            let path = format!("/{}", char::from(b'a' + (route % 26) as u8))
                .repeat(1 + usize::from(route / 26));
            let start = bytes.len();
            bytes.extend_from_slice(path.as_bytes());
            // Every seventh route is none, every eleventh second no time.
            let record = Record {
                time_ns: if second % 11 == 3 { NO_TIME } else { second * 1_000_000_000 },
                second,
                path: if route % 7 == 6 { Text::NONE } else { Text::of_line(0, path.len()) },
                duration_ns: duration_ns.unwrap_or(NO_DURATION),
                status,
                ..Record::EMPTY
            };
            let columns = Columns::TIME.or(Columns::ROUTE).or(Columns::DURATION);
            batch.push(columns.or(Columns::STATUS), &record, start as u32, path.len() as u32);
        }
        bytes.resize(bytes.len() + 64, b' ');
        let block = Block { bytes: &bytes, offset: 0, source: 0 };
        routes.update(&batch, block);
        grid.update(&batch, block);
    }
    let state = routes.take();
    assert_eq!(state.check(), Ok(()));
    (state.over_time, grid.take())
}

fn requests(most: usize, routes: u16) -> impl Strategy<Value = Vec<Request>> {
    let second = -1_000_000_000i64..1_000_000_000;
    let time = prop::option::of(0u64..1 << 40);
    let status = prop::sample::select(vec![0u16, 200, 404, 500]);
    (prop::collection::vec((second, 0..routes, time, status), 0..most), 0u32..24).prop_map(
        |(mut all, shift)| {
            all.iter_mut().for_each(|request| request.0 >>= shift);
            all
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_split_in_any_order_gives_equal_bytes(
        requests in requests(1_500, 40), at: prop::sample::Index, second: prop::sample::Index,
    ) {
        let whole = count(&requests);
        let mut cuts = [at.index(requests.len() + 1), second.index(requests.len() + 1)];
        cuts.sort_unstable();
        let parts = [&requests[..cuts[0]], &requests[cuts[0]..cuts[1]], &requests[cuts[1]..]]
            .map(|part| count(part).0);
        let mut forward = RoutesOverTime::default();
        parts.iter().for_each(|part| forward.merge(part));
        let mut backward = RoutesOverTime::default();
        parts.iter().rev().for_each(|part| backward.merge(part));
        prop_assert_eq!(&forward, &whole.0);
        prop_assert_eq!(&backward, &whole.0);
        prop_assert_eq!(forward.check(), Ok(()));

        // The same by other means, at the step of the grid.
        let (over_time, grid) = whole;
        let step_s = grid.step_s();
        let mut expected: BTreeMap<(String, i64), [u64; 5]> = BTreeMap::new();
        for &(second, route, time, status) in &requests {
            if route % 7 == 6 || second % 11 == 3 {
                continue;
            }
            let name = format!("/{}", char::from(b'a' + (route % 26) as u8)).repeat(1 + usize::from(route / 26));
            let log = time.map_or(0, |ns| u64::from(LOG2[buckets::bucket_of::<BITS>(ns)]));
            let row = expected.entry((name, second.div_euclid(step_s) * step_s)).or_default();
            row[0] += u64::from(time.is_some() || status != 0);
            row[1] += u64::from(status == 500);
            row[2] += u64::from(time.is_some());
            row[3] += log;
            row[4] += log * log;
        }
        expected.retain(|_, row| row[0] | row[1] | row[2] > 0);
        let (rows, exact) = over_time.evaluate(grid.step(), &grid.indices());
        prop_assert!(exact);
        let starts: Vec<i64> = grid.indices().iter().map(|index| index * step_s).collect();
        let mut found = BTreeMap::new();
        for row in rows.as_array().unwrap() {
            for i in 0..row["at"].as_array().unwrap().len() {
                let n = |name: &str| row[name][i].as_u64().unwrap();
                let start = starts[n("at") as usize];
                let name = row["name"].as_str().unwrap().to_owned();
                let columns = ["requests", "errors", "measured", "log_sum", "log_sq"].map(n);
                prop_assert!(found.insert((name, start), columns).is_none());
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn beyond_the_cap_the_heavy_routes_stay(requests in requests(2_000, 700)) {
        let (state, grid) = count(&requests);
        prop_assert_eq!(state.check(), Ok(()));
        let (rows, exact) = state.evaluate(grid.step(), &grid.indices());
        prop_assert_eq!(exact, state.groups.exact());
        prop_assert!(rows.as_array().unwrap().len() <= BY_REQUESTS + 2 * BY_TROUBLE);
        let mut twice = state.clone();
        twice.merge(&state);
        prop_assert_eq!(twice.check(), Ok(()));
        prop_assert_eq!(twice.step, state.step);
    }
}
