//! Group tables by what the job names: `--by route`, `--by json.tenant`, `--by route,status`.
//!
//! Every table is one of `sketch::groups` with what `routes` keeps of a route, and the number of
//! records. A record without the field is in no group and counted as absent. Routes and methods
//! are as the report's routes have them, texts as they are written, a path without its query.

mod keys;

use super::routes::{self, NOWHERE, Route, RouteIndex, relative_error};
use super::rows::{Order, Ranked, Rows, ratio};
use super::{Metric, State, Whole};
use crate::bytes::simd::Simd;
use crate::format;
use crate::format::text::timers;
use crate::limits::{TABLES_ADDED_MAX, TABLES_MAX};
use crate::record::Field;
use crate::record::Level;
use crate::record::{BATCH_ROWS, Batch, Block, Column, NO_ANSWER, NO_DURATION, NO_STATUS, Text};
use crate::select::condition::group::{Group as Made, group};
use crate::sketch::groups::{GroupTable, Groups, Payload, Score};
use crate::sketch::varint::{get_u64, put_u64};
use crate::spec::Spec;
use keys::KeyReader;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Different values up to which all counts of a table are exact. Half of what routes have: there
/// may be four such tables in every summary that is alive.
pub const GROUPS_MAX: usize = 5_000;

/// Accumulator.
pub struct By {
    tables: Vec<Table>,
}

struct Table {
    name: String,
    kind: Kind,
    groups: GroupTable<Group>,
    absent: u64,
}

/// Where a field's value is.
enum Kind {
    Status,
    Level,
    Format,
    Route(Box<RouteIndex>),
    Path,
    Method,
    Client,
    Text(Column),
    Extra(usize),
    /// All that is no plain value of a field.
    Made(Box<KeyReader>),
    /// Names of timers; a record may have several.
    Timers(Vec<u8>),
}

/// What is known of one group.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Group {
    records: u64,
    route: Route,
}

/// What is known of one group within one chunk.
#[derive(Debug, Default)]
pub struct Tally {
    records: u32,
    route: routes::Tally,
}

/// One table.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldGroups {
    /// Records without the field.
    absent: u64,
    groups: Groups<Group>,
}

/// Tables by the name of their field; those without a record are left out.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByFields(BTreeMap<String, FieldGroups>);

impl By {
    /// The tables of a spec.
    pub fn new(spec: &Spec) -> By {
        let keys = spec.keys();
        let table = |made: &Made| {
            let kind = match made.plain() {
                None if made.is_timer() => Kind::Timers(Vec::new()),
                None => Kind::Made(Box::new(KeyReader::new(made, spec, &keys)?)),
                Some(Field::Status) => Kind::Status,
                Some(Field::Level) => Kind::Level,
                Some(Field::Format) => Kind::Format,
                Some(Field::Route) => Kind::Route(Box::default()),
                Some(Field::Path) => Kind::Path,
                Some(Field::Method) => Kind::Method,
                Some(Field::Client) => Kind::Client,
                Some(Field::Text(column)) => Kind::Text(*column),
                Some(field) => Kind::Extra(keys.place(field)?),
            };
            let groups = GroupTable::new(GROUPS_MAX);
            Some(Table { name: made.to_string(), kind, groups, absent: 0 })
        };
        let tables = spec.groups().iter().filter_map(table).collect();
        By { tables }
    }
}

impl Metric for By {
    type State = ByFields;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, block: Block<'_>) {
        for table in &mut self.tables {
            crate::dispatch!(update::<>(table: &mut Table, batch: &Batch, block: Block<'_>) -> ();
                table, batch, block);
        }
    }

    fn take(&mut self) -> ByFields {
        let take = |table: &mut Table| {
            let absent = std::mem::take(&mut table.absent);
            if let Kind::Route(finder) = &mut table.kind {
                finder.restart();
            }
            let groups = table.groups.take();
            let some = absent > 0 || groups.entries() > 0 || !groups.exact();
            some.then(|| (table.name.clone(), FieldGroups { absent, groups }))
        };
        ByFields(self.tables.iter_mut().filter_map(take).collect())
    }
}

#[inline(always)]
fn update<S: Simd>(simd: S, table: &mut Table, batch: &Batch, block: Block<'_>) {
    let Table { kind, groups, absent, .. } = table;
    groups.expect(batch.len);
    let counted = match kind {
        Kind::Status => tally(groups, batch, |row, count| {
            let status = batch.status()[row];
            if status == NO_ANSWER {
                count(b"0");
            } else if status != NO_STATUS {
                // Three digits, always.
                count(&[status / 100, status / 10 % 10, status % 10].map(|d| b'0' + d as u8));
            }
        }),
        Kind::Level => tally(groups, batch, |row, count| {
            if let Some(level) = Level::from_u8(batch.level()[row]).filter(|&l| l != Level::None) {
                count(level.name().as_bytes());
            }
        }),
        Kind::Format => tally(groups, batch, |row, count| {
            count(format::name_at(usize::from(batch.format()[row])).as_bytes());
        }),
        Kind::Route(finder) => by_route(simd, groups, finder, batch, block),
        Kind::Path => tally(groups, batch, |row, count| {
            let path = batch.path()[row].bytes(block.bytes, &batch.arena);
            let end = path.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(path.len());
            if end > 0 {
                count(&path[..end]);
            }
        }),
        Kind::Method => texts(groups, batch.method(), batch, block),
        Kind::Client => texts(groups, batch.client(), batch, block),
        Kind::Text(column) => match batch.texts(*column) {
            Some(column) => texts(groups, column, batch, block),
            None => 0,
        },
        Kind::Extra(column) => texts(groups, batch.extra(*column), batch, block),
        Kind::Timers(name) => by_timer(groups, name, batch, block),
        Kind::Made(reader) => tally(groups, batch, |row, count| {
            if let Some(key) = reader.key(simd, batch, block, row) {
                count(key);
            }
        }),
    };
    *absent += batch.len as u64 - counted;
}

/// As the report's own routes are counted: all places first, then all counts, unless there is too
/// little room for places to hold.
#[inline(always)]
fn by_route<S: Simd>(
    simd: S,
    groups: &mut GroupTable<Group>,
    finder: &mut RouteIndex,
    batch: &Batch,
    block: Block<'_>,
) -> u64 {
    let mut counted = 0;
    if groups.room() < batch.len {
        for row in 0..batch.len {
            if let Some(index) = finder.index(simd, groups, batch, block, row) {
                groups.count(index).add(batch, row);
                counted += 1;
            }
        }
        return counted;
    }
    let mut places = [NOWHERE; BATCH_ROWS];
    let places = &mut places[..batch.len];
    finder.places(simd, groups, batch, block, places);
    for (row, &place) in places.iter().enumerate() {
        if place != NOWHERE {
            groups.count(place as usize).add(batch, row);
            counted += 1;
        }
    }
    counted
}

/// Counts every record under each of its timers, of which the response time is none; how many
/// records have any.
fn by_timer(
    groups: &mut GroupTable<Group>,
    name: &mut Vec<u8>,
    batch: &Batch,
    block: Block<'_>,
) -> u64 {
    let mut counted = 0;
    for row in 0..batch.len {
        let flags = batch.flags()[row];
        let (mut some, mut response) = (false, batch.duration_ns()[row]);
        let mut count = |name: &[u8], nanos: u64| {
            let tally = groups.entry(name);
            tally.records += 1;
            tally.route.add_timer(flags, nanos);
            some = true;
        };
        timers::for_each(block.line_of(batch, row), name, |name, nanos| {
            if nanos == response {
                response = NO_DURATION;
            } else {
                count(name, nanos);
            }
        });
        let lifetime = batch.lifetime(row);
        if lifetime != NO_DURATION {
            count(b"connection", lifetime);
        }
        counted += u64::from(some);
    }
    counted
}

#[inline(always)]
fn texts(
    groups: &mut GroupTable<Group>,
    column: &[Text; BATCH_ROWS],
    batch: &Batch,
    block: Block<'_>,
) -> u64 {
    tally(groups, batch, |row, count| {
        let text = column[row].bytes(block.bytes, &batch.arena);
        if !text.is_empty() {
            count(text);
        }
    })
}

/// Counts each row under the key that `key` gives for it, if any; how many.
#[inline(always)]
fn tally(
    groups: &mut GroupTable<Group>,
    batch: &Batch,
    mut key: impl FnMut(usize, &mut dyn FnMut(&[u8])),
) -> u64 {
    let mut counted = 0;
    for row in 0..batch.len {
        key(row, &mut |key: &[u8]| {
            groups.entry(key).add(batch, row);
            counted += 1;
        });
    }
    counted
}

impl Tally {
    #[inline(always)]
    fn add(&mut self, batch: &Batch, row: usize) {
        self.records += 1;
        self.route.add(batch, row);
    }
}

impl Payload for Group {
    type Live = Tally;

    fn freeze(live: &mut Tally, out: &mut Vec<u8>) {
        put_u64(out, u64::from(std::mem::take(&mut live.records)));
        Route::freeze(&mut live.route, out);
    }

    fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.route.merge(&other.route);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.records);
        self.route.encode(out);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let group = Group { records: get_u64(bytes)?, route: Route::decode(bytes)? };
        let fits = group.route.counts().iter().all(|&count| count <= group.records);
        (fits && group.records > 0).then_some(group)
    }
}

impl Ranked for Group {
    fn volume(&self) -> u64 {
        self.records
    }

    fn score(&self, order: Order) -> Score {
        match order {
            Order::Volume => Score::Count(self.records.into()),
            Order::Ratio => ratio(self.route.counts()[1], self.records),
            _ => self.route.score(order),
        }
    }
}

impl State for ByFields {
    fn merge(&mut self, other: &Self) {
        for (name, theirs) in &other.0 {
            let ours = self.0.entry(name.clone()).or_default();
            ours.absent += theirs.absent;
            ours.groups.merge(&theirs.groups, GROUPS_MAX);
        }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.0.len() > TABLES_MAX + TABLES_ADDED_MAX {
            return Err("more group tables than a job may have");
        }
        for table in self.0.values() {
            table.groups.check(GROUPS_MAX)?;
            let records = table.groups.iter().map(|(_, group)| group.records);
            super::sane(records.chain([table.absent]))?;
        }
        Ok(())
    }
}

/// What a pair's key consists of.
fn parts_of(key: &[u8]) -> [String; 2] {
    keys::split(key).map(|part| String::from_utf8_lossy(&part).into())
}

/// The `key` of a row.
fn name_of(is_pair: bool, key: &[u8]) -> Cow<'_, str> {
    if is_pair { keys::joined(&parts_of(key)).into() } else { String::from_utf8_lossy(key) }
}

impl ByFields {
    /// The report's `groups`, those of `by`, and its `tables`, the others; None without any. Rows
    /// of both are asked for as those of `groups.NAME`.
    pub fn evaluate(
        &self,
        by: &[String],
        rows: &Rows,
        of: Whole,
    ) -> (Option<Value>, Option<Value>) {
        let one = |is_pair: bool, key: &[u8], group: &Group| {
            let mut row = Map::new();
            row.insert("key".into(), name_of(is_pair, key).into());
            if is_pair {
                row.insert("keys".into(), parts_of(key).to_vec().into());
            }
            row.insert("records".into(), group.records.into());
            group.route.write(&mut row, group.records, of);
            row.into()
        };
        let table = |(name, table): (&String, &FieldGroups)| {
            let is_pair = group(name).is_ok_and(|made| made.parts.len() > 1);
            let more =
                vec![("relative_error", relative_error().into()), ("absent", table.absent.into())];
            let evaluated = rows.table(
                &format!("groups.{name}"),
                &table.groups,
                more,
                |key| name_of(is_pair, key),
                |key, group| one(is_pair, key, group),
            );
            (name.clone(), evaluated)
        };
        let tables = |asked: bool| {
            let some = self.0.iter().filter(|(name, _)| by.contains(name) == asked);
            let tables: Map<_, _> = some.map(table).collect();
            (!tables.is_empty()).then_some(Value::Object(tables))
        };
        (tables(true), tables(false))
    }

    /// Whether each table has so many records in all; those that are not of `by` may have fewer, as
    /// a part of the figures may be without them.
    pub fn records_agree(&self, by: &[String], records: u64) -> bool {
        self.0.iter().all(|(name, table)| {
            if group(name).is_ok_and(|made| made.is_timer()) {
                return table.absent <= records;
            }
            let counted = table.groups.iter().map(|(_, group)| group.records).sum::<u64>();
            let sum = counted + table.absent;
            let is_whole = table.groups.exact() && by.contains(name);
            if is_whole { sum == records } else { sum <= records }
        })
    }
}
