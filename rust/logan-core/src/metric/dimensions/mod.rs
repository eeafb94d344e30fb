//! Requests by what else logs say of them: user agent, referrer, host, method, and routes that were
//! not found; each table as that of routes, with a cap of its own.
//!
//! Texts are counted as they are written; families of user agents are told from the distinct texts
//! when a report is made, never here. A record that is no request is in no table: the host of a
//! line that a program wrote is where it ran, not whom a client asked.

mod memo;

use super::routes::{self, NOWHERE, Route, RouteIndex};
use super::rows::Rows;
use super::{Metric, State, Whole};
use crate::bytes::simd::Simd;
use crate::fast::{FastPath, FastPaths};
use crate::record::{BATCH_ROWS, Batch, Block, Column, Columns, REQUEST, Text};
use crate::sketch::groups::{GroupTable, Groups};
use crate::spec::{OptionalMetric, Spec};
use memo::{End, Memo, ROWS};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A table: its name in the report, the key of its rows, and the number of different values up to
/// which all counts are exact.
struct Kind {
    name: &'static str,
    key: &'static str,
    metric: OptionalMetric,
    cap: usize,
    /// None of routes that were not found.
    column: Option<Column>,
}

const KINDS: [Kind; 5] = [
    Kind {
        name: "hosts",
        key: "host",
        metric: OptionalMetric::Hosts,
        cap: 2_000,
        column: Some(Column::HOST),
    },
    Kind {
        name: "methods",
        key: "method",
        metric: OptionalMetric::Methods,
        cap: 64,
        column: Some(Column::METHOD),
    },
    Kind {
        name: "not_found",
        key: "route",
        metric: OptionalMetric::NotFound,
        cap: 2_000,
        column: None,
    },
    Kind {
        name: "referrers",
        key: "referrer",
        metric: OptionalMetric::Referrers,
        cap: 5_000,
        column: Some(Column::REFERRER),
    },
    Kind {
        name: "user_agents",
        key: "user_agent",
        metric: OptionalMetric::UserAgents,
        cap: 5_000,
        column: Some(Column::USER_AGENT),
    },
];

/// The status of a route that was not found.
const NOT_FOUND: u16 = 404;

/// Rows whose slots in a table are fetched at once.
const AHEAD: usize = 32;

/// Accumulator.
pub struct Dimensions {
    tables: Vec<Table>,
    finder: RouteIndex,
}

/// What is counted of one kind.
struct Table {
    kind: &'static Kind,
    groups: GroupTable<Route>,
    memo: Memo,
}

/// Tables by name; those without a record are left out.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DimensionGroups(BTreeMap<String, Groups<Route>>);

impl Dimensions {
    /// The tables that a spec does not switch off.
    pub fn new(spec: &Spec, fast: FastPaths) -> Dimensions {
        let kinds = KINDS.iter().filter(|kind| !spec.meaning.is_off(kind.metric));
        let table = |kind: &'static Kind| Table {
            kind,
            groups: GroupTable::new(kind.cap),
            memo: Memo::new(fast.has(FastPath::Dimensions)),
        };
        Dimensions { tables: kinds.map(table).collect(), finder: RouteIndex::default() }
    }
}

impl Metric for Dimensions {
    type State = DimensionGroups;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, block: Block<'_>) {
        // Of a request with nothing but a time, logs do not say such things.
        if batch.has(Columns::STATUS.or(Columns::DURATION)) {
            crate::dispatch!(update::<>(dimensions: &mut Dimensions, batch: &Batch, block: Block<'_>) -> ();
                self, batch, block);
        }
    }

    fn take(&mut self) -> DimensionGroups {
        self.finder.restart();
        let take = |Table { kind, groups, memo }: &mut Table| {
            memo.restart();
            let groups = groups.take();
            let some = groups.entries() > 0 || !groups.exact();
            some.then(|| (kind.name.to_string(), groups))
        };
        DimensionGroups(self.tables.iter_mut().filter_map(take).collect())
    }
}

#[inline(always)]
fn update<S: Simd>(simd: S, dimensions: &mut Dimensions, batch: &Batch, block: Block<'_>) {
    let Dimensions { tables, finder } = dimensions;
    for Table { kind, groups: table, memo } in tables {
        match kind.column {
            Some(column) if batch.has(Columns::of(column)) => {
                if let Some(cells) = batch.texts(column) {
                    table.expect(batch.len);
                    if memo.is_off {
                        by_hash(table, cells, batch, block);
                    } else {
                        by_memo(table, memo, cells, batch, block);
                    }
                }
            }
            Some(_) => {}
            None if batch.has(Columns::STATUS) && batch.has(Columns::ROUTE) => {
                table.expect(batch.len);
                for start in (0..batch.len).step_by(AHEAD) {
                    let rows = start..batch.len.min(start + AHEAD);
                    let statuses = &batch.status()[rows.clone()];
                    if !statuses.iter().fold(false, |any, &status| any | (status == NOT_FOUND)) {
                        continue;
                    }
                    for row in rows {
                        if batch.status()[row] == NOT_FOUND
                            && let Some(place) = finder.index(simd, table, batch, block, row)
                        {
                            table.count(place).add(batch, row);
                        }
                    }
                }
            }
            None => {}
        }
    }
}

/// Counts a column whose texts are mostly those of some rows before.
#[inline(always)]
fn by_memo(
    table: &mut GroupTable<Route>,
    memo: &mut Memo,
    cells: &[Text; BATCH_ROWS],
    batch: &Batch,
    block: Block<'_>,
) {
    let mut rows = memo::Rows::new();
    // The last text and its place: many columns say the same again and again.
    let mut last: Option<(&[u8], u32)> = None;
    for start in (0..batch.len).step_by(ROWS) {
        let range = start..batch.len.min(start + ROWS);
        let cells = &cells[range.clone()];
        if cells.iter().fold(true, |all, cell| all & cell.is_empty()) {
            // A column of which most records say nothing.
            continue;
        }
        let flags = &batch.flags()[range.clone()];
        let durations_ns = &batch.duration_ns()[range.clone()];
        let bytes = &batch.bytes_sent()[range.clone()];
        if let Some((text, place)) = last
            && flags.iter().fold(u8::MAX, |all, &flags| all & flags) & REQUEST != 0
            && is_all(cells, text, batch, block)
        {
            let count = table.count_many(place as usize, range.len());
            count.add_all(flags, durations_ns, bytes);
            continue;
        }
        for ((text, cell), &flags) in rows.texts.iter_mut().zip(cells).zip(flags) {
            let is_counted = flags & REQUEST != 0;
            *text = if is_counted { cell.bytes(block.bytes, &batch.arena) } else { &[] };
        }
        memo.guess(table, &mut rows, range.len());
        let mut from = 0;
        while from < range.len() {
            let end = memo.places(table, &mut rows, from, range.len());
            let places = &rows.places[from..end];
            for (&place, &duration_ns) in places.iter().zip(&durations_ns[from..]) {
                if let Some(live) = table.live(place) {
                    live.prefetch(duration_ns);
                }
            }
            let values = flags[from..].iter().zip(&durations_ns[from..]).zip(&bytes[from..]);
            for (&place, ((&flags, &duration_ns), &bytes)) in places.iter().zip(values) {
                if place != NOWHERE {
                    table.count(place as usize).add_values(flags, duration_ns, bytes);
                }
            }
            from = end;
        }
        last = Some((rows.texts[range.len() - 1], rows.places[range.len() - 1]))
            .filter(|&(_, place)| place != NOWHERE);
    }
    memo.looked_at(batch.len);
}

/// Whether all rows of a column have this text, which is not empty.
#[inline(always)]
fn is_all(cells: &[Text], text: &[u8], batch: &Batch, block: Block<'_>) -> bool {
    let end = End::of(text);
    cells.iter().all(|cell| {
        let other = cell.bytes(block.bytes, &batch.arena);
        other.len() == text.len() && End::of(other) == end && (end.is_all() || other == text)
    })
}

/// Counts a column, one row after the other.
#[inline(always)]
fn by_hash(
    table: &mut GroupTable<Route>,
    cells: &[Text; BATCH_ROWS],
    batch: &Batch,
    block: Block<'_>,
) {
    let mut hashes = [0; AHEAD];
    // The last text and its place: many columns say the same again and again.
    let (mut last, mut place, mut moves) = (&[][..], 0, table.moves());
    for start in (0..batch.len).step_by(AHEAD) {
        let rows = start..batch.len.min(start + AHEAD);
        for (hash, text) in hashes.iter_mut().zip(&cells[rows.clone()]) {
            // Short ones are mostly those of the row before.
            if text.range().1 - text.range().0 > 8 {
                *hash = table.hash_and_prefetch(text.bytes(block.bytes, &batch.arena));
            }
        }
        table.prefetch_entries(&hashes[..rows.len()]);
        for (row, &hash) in rows.zip(&hashes) {
            let text = cells[row].bytes(block.bytes, &batch.arena);
            if text.is_empty() || batch.flags()[row] & REQUEST == 0 {
                continue;
            }
            if text != last || moves != table.moves() {
                place =
                    if text.len() > 8 { table.index_hashed(text, hash) } else { table.index(text) };
                (last, moves) = (text, table.moves());
            }
            table.count(place).add(batch, row);
        }
    }
}

impl DimensionGroups {
    /// Appends the tables of the report that a spec did not switch off.
    pub fn evaluate(
        &self,
        rows: &Rows,
        of: Whole,
        is_off: impl Fn(OptionalMetric) -> bool,
        mut put: impl FnMut(&'static str, Value),
    ) {
        let none = Groups::default();
        for kind in KINDS.iter().filter(|kind| !is_off(kind.metric)) {
            let groups = self.0.get(kind.name).unwrap_or(&none);
            put(kind.name, routes::evaluate(kind.name, groups, kind.key, rows, of));
        }
    }
}

impl State for DimensionGroups {
    fn merge(&mut self, other: &Self) {
        for (name, theirs) in &other.0 {
            if let Some(kind) = KINDS.iter().find(|kind| kind.name == name) {
                self.0.entry(name.clone()).or_default().merge(theirs, kind.cap);
            }
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        for (name, groups) in &self.0 {
            let kind = KINDS.iter().find(|kind| kind.name == name);
            groups.check(kind.ok_or("a table of an unknown name")?.cap)?;
            if groups.entries() == 0 && groups.exact() {
                return Err("a table without a row");
            }
            super::sane(groups.iter().flat_map(|(_, row)| row.counts()))?;
        }
        Ok(())
    }
}
