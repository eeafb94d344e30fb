//! Which rows of its tables an evaluation has.
//!
//! A report shows few rows of tables that may have a hundred thousand. Its caller chooses them, and
//! asks here for those among which they are: the first in each order in which it looks for rows, and
//! those that it knows by name.

use crate::sketch::groups::{Candidates, Groups, Payload, Score};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What rows are ordered by, largest first; of what a row does not have, it has 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Requests, records or messages: what the table counts.
    Volume,
    /// Errors.
    Errors,
    /// Requests whose status is 4xx.
    ClientErrors,
    /// Errors by volume.
    Ratio,
    /// Response time in all: the mean times the requests.
    Total,
    /// The 95th percentile of the response times.
    P95,
    /// The longest response time.
    Max,
    /// Bytes sent.
    Bytes,
}

impl Order {
    const NAMES: [(&'static str, Order); 8] = [
        ("requests", Order::Volume),
        ("errors", Order::Errors),
        ("client_errors", Order::ClientErrors),
        ("ratio", Order::Ratio),
        ("total", Order::Total),
        ("p95", Order::P95),
        ("max", Order::Max),
        ("bytes", Order::Bytes),
    ];

    /// The order of that name.
    pub fn of(name: &str) -> Option<Order> {
        Order::NAMES.iter().find(|(known, _)| *known == name).map(|&(_, order)| order)
    }

    fn name(self) -> &'static str {
        Order::NAMES.iter().find(|(_, order)| *order == self).map_or("", |(name, _)| name)
    }
}

/// What is counted for each row of a table.
pub(super) trait Ranked: Payload {
    /// What the table's rows are sorted by.
    fn volume(&self) -> u64;

    /// Whether the table has such a row: one without anything that it counts is none.
    fn is_row(&self) -> bool {
        true
    }

    /// What the row has in an order: to the bit what its caller computes of the row's own figures.
    fn score(&self, order: Order) -> Score;
}

/// The rows of tables that are asked for.
#[derive(Debug, Clone)]
pub struct Rows {
    /// So many of the first rows in these orders; each once.
    orders: Vec<(Order, usize)>,
    /// Tables all rows of which are asked for.
    pub whole: BTreeSet<String>,
    /// For tables, the names of rows that are asked for wherever they stand.
    pub named: BTreeMap<String, BTreeSet<String>>,
}

impl Rows {
    /// The `n` rows of largest volume.
    pub fn first(n: usize) -> Rows {
        let orders = vec![(Order::Volume, n)];
        Rows { orders, whole: BTreeSet::new(), named: BTreeMap::new() }
    }

    /// Asks for the first `n` rows in an order, too.
    pub fn also(&mut self, order: Order, n: usize) {
        match self.orders.iter_mut().find(|(known, _)| *known == order) {
            Some((_, most)) => *most = n.max(*most),
            None => self.orders.push((order, n)),
        }
    }

    /// The most rows of largest volume.
    pub fn top(&self) -> usize {
        self.orders[0].1
    }

    /// A table of the report: how exact it is, what else there is to say of it, and its rows.
    ///
    /// Where other orders are asked for than that of volume, there is `sums`, what all rows have in
    /// each: what a share of them is cannot be told from some rows.
    pub(super) fn table<P: Ranked>(
        &self,
        table: &str,
        groups: &Groups<P>,
        more: Vec<(&str, Value)>,
        name: impl for<'a> Fn(&'a [u8]) -> Cow<'a, str>,
        row: impl Fn(&[u8], &P) -> Value,
    ) -> Value {
        let mut orders = self.orders.clone();
        if self.whole.contains(table) {
            orders[0].1 = usize::MAX;
        }
        let named = self.named.get(table);
        let is_named = |key: &[u8]| named.is_some_and(|names| names.contains(&*name(key)));
        let Candidates { rows, sums, others } =
            groups.candidates(&orders, P::volume, P::score, P::is_row, is_named);
        let mut section = Map::new();
        section.insert("exact".into(), groups.exact().into());
        section.insert("error_bound".into(), groups.error_bound().into());
        section.insert("distinct".into(), groups.distinct().saturating_sub(others).into());
        section.extend(more.into_iter().map(|(name, value)| (name.into(), value)));
        let rows = rows.iter().map(|(key, payload)| row(key, payload));
        section.insert("top".into(), rows.collect());
        if orders.len() > 1 {
            let sums =
                orders.iter().zip(sums).map(|(&(order, _), sum)| (order.name().into(), sum.into()));
            section.insert("sums".into(), Value::Object(sums.collect()));
        }
        section.into()
    }
}

/// Response time in all, in milliseconds: the mean times the requests, to a whole nanosecond. So sums that
/// are equal compare equal, though a mean is rounded; what sums to more than eleven days may still differ.
pub(super) fn total(mean_ms: Option<f64>, requests: u64) -> Score {
    let nanos = mean_ms.map_or(0.0, |mean| (mean * requests as f64 * 1e6 + 0.5).floor());
    Score::Real(nanos / 1e6)
}

/// Errors by volume, of those that have none 0.
pub(super) fn ratio(errors: u64, volume: u64) -> Score {
    Score::Real(if volume > 0 { errors as f64 / volume as f64 } else { 0.0 })
}

/// A sum of bytes as rows say it: beyond 64 bits the nearest floating-point number.
pub(super) fn bytes(sum: u128) -> Score {
    Score::Count(u64::try_from(sum).map_or_else(|_| (sum as f64) as u128, u128::from))
}
