//! Requests that two formats of a source tell of: a server's access log and the application's own in one
//! stream. Each is counted twice then.

use crate::record::{NO_STATUS, NO_TIME, Record};
use std::collections::BTreeMap;

/// Requests of a hundred that the other format has to have, too, within [`APART_S`].
const SAME_PERCENT: usize = 80;
const APART_S: i64 = 1;
/// Fewer are alike by chance.
const REQUESTS_MIN: usize = 10;

/// What a request is known by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    method: Vec<u8>,
    path: Vec<u8>,
    status: u16,
}

/// The requests by format, and the seconds in which they were.
#[derive(Default)]
pub(super) struct Doubles {
    requests: BTreeMap<usize, BTreeMap<Request, Vec<i64>>>,
}

impl Doubles {
    /// Learns from a record of a format.
    pub(super) fn learn(&mut self, format: usize, record: &Record, line: &[u8], arena: &[u8]) {
        if record.status == NO_STATUS || record.path.is_empty() || record.time_ns == NO_TIME {
            return;
        }
        let request = Request {
            method: record.method.bytes(line, arena).to_vec(),
            path: record.path.bytes(line, arena).to_vec(),
            status: record.status,
        };
        self.requests.entry(format).or_default().entry(request).or_default().push(record.second);
    }

    /// The first two formats that tell of the same requests, of how many, and how many that is of.
    pub(super) fn found(&self) -> Option<(usize, usize, usize, usize)> {
        let formats: Vec<_> = self.requests.iter().collect();
        let pairs = formats
            .iter()
            .enumerate()
            .flat_map(|(i, one)| formats[i + 1..].iter().map(move |other| (*one, *other)));
        pairs.into_iter().find_map(|((a, ones), (b, others))| {
            let counts: [usize; 2] =
                [ones, others].map(|requests| requests.values().map(Vec::len).sum());
            let fewest = counts[0].min(counts[1]);
            let same = shared(ones, others);
            let is_one = fewest >= REQUESTS_MIN && same * 100 >= fewest * SAME_PERCENT;
            is_one.then_some((*a, *b, same, fewest))
        })
    }
}

/// How many requests of one format the other has within a second, each of them once.
fn shared(ones: &BTreeMap<Request, Vec<i64>>, others: &BTreeMap<Request, Vec<i64>>) -> usize {
    let pairs = ones.iter().filter_map(|(request, times)| Some((times, others.get(request)?)));
    pairs
        .map(|(ones, others)| {
            let (mut ones, mut others) = (ones.clone(), others.clone());
            ones.sort_unstable();
            others.sort_unstable();
            let (mut i, mut j, mut same) = (0, 0, 0);
            while i < ones.len() && j < others.len() {
                let apart = ones[i] - others[j];
                same += usize::from(apart.abs() <= APART_S);
                i += usize::from(apart <= APART_S);
                j += usize::from(apart >= -APART_S);
            }
            same
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Text;

    fn learned(apart: i64, other: &str) -> Option<(usize, usize, usize, usize)> {
        let mut doubles = Doubles::default();
        for second in 0..20i64 {
            for (format, path, at) in [(3, "/a", 10 * second), (7, other, 10 * second + apart)] {
                let line = format!("GET {path}");
                let record = Record {
                    status: 200,
                    second: at,
                    time_ns: at * 1_000_000_000,
                    method: Text::of_line(0, 3),
                    path: Text::of_line(4, line.len()),
                    ..Record::EMPTY
                };
                doubles.learn(format, &record, line.as_bytes(), &[]);
            }
        }
        doubles.found()
    }

    #[test]
    fn requests_that_two_formats_tell_of() {
        assert_eq!(learned(0, "/a"), Some((3, 7, 20, 20)));
        assert_eq!(learned(1, "/a"), Some((3, 7, 20, 20)));
        assert_eq!(learned(3, "/a"), None);
        assert_eq!(learned(0, "/b"), None);
    }
}
