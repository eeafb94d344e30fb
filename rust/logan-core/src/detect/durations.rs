//! The units of response times that are written without one: what all records of a sample say
//! together, and no record says alone.
//!
//! Decided once per source and written into the spec as a [`DurationReading`]. Of a key, in each group
//! of records that have the same other keys (which are of one producer): the unit that the producer
//! documents, else the one that fits the values: whether they have decimals, how many, and their
//! median. Of the numbers after the user agent or the size of access logs: which column varies as a
//! response time does, and its unit. What was decided is stated with its evidence.

use super::named::names;
use crate::bytes::line::{Line, PaddedLine};
use crate::bytes::simd::Baseline;
use crate::error::grouped;
use crate::format::access::{TAIL_FIELDS_MAX, field_end, is_of_traefik};
use crate::format::fields::{LineKeys, documented, hint};
use crate::format::units::{
    DurationReading, KeyUnit, RESPONSE_TIME, Sample, TailColumn, TailPlace,
};
use crate::format::{Unit, http};
use crate::record::{NO_BYTES, NO_TIME, Record};
use std::collections::{BTreeMap, BTreeSet};

/// Values and tails that are kept.
const KEPT_MAX: usize = 65_536;
/// Keys of response times that are told apart.
const KEYS_MAX: usize = 64;
/// Sets of keys that are told apart.
const KEY_SETS_MAX: usize = 256;

/// So far apart lie values of one producer at most, from a hit in a cache to a time-out: more is
/// another unit.
const ONE_PRODUCER_RATIO: f64 = 1e5;
/// Medians of different producers that are so far apart are of different units.
const PRODUCERS_RATIO: f64 = 100.0;
/// A gap between successive values of one producer that only two units explain, if a tenth of the
/// values, and so many, lie on either side.
const GAP_RATIO: f64 = 1_000.0;
const GAP_VALUES_MIN: usize = 8;

/// Fewer values than this may be any.
const FEW_VALUES: usize = 8;
/// Milliseconds of an hour.
const HOUR_MS: f64 = 3.6e6;

/// So many equal values do not vary as a response time does.
const CONSTANT_VALUES_MIN: usize = 8;

/// A response time as it is written.
#[derive(Clone, Copy)]
struct Value {
    number: f64,
    decimals: u32,
}

/// The values of a key in records that have the same keys.
#[derive(Default, Clone)]
struct Group {
    values: Vec<Value>,
    /// Who wrote them, if the unit is documented.
    documented: Option<(&'static str, Unit)>,
    /// The unit that their logger uses.
    hint: Option<Unit>,
    /// The sets of keys.
    sets: Vec<usize>,
}

/// What the records of a source's samples say about response times.
#[derive(Default)]
pub(super) struct Numbers {
    key_sets: Vec<BTreeSet<String>>,
    /// By key and set of keys.
    keys: BTreeMap<String, BTreeMap<usize, Group>>,
    tails: BTreeMap<TailPlace, Vec<TailLine>>,
    kept: usize,
}

/// The tail of a line of an access log.
struct TailLine {
    text: Vec<u8>,
    bytes_sent: Option<u64>,
    second: Option<i64>,
}

impl Numbers {
    /// Learns from a record.
    pub(super) fn learn(&mut self, sample: Sample, record: &Record) {
        for (key, text, line) in sample.numbers {
            if let Some(value) = Value::read(&text) {
                self.learn_number(key, value, &line);
            }
        }
        if let Some((place, text)) = sample.tail
            && self.kept < KEPT_MAX
        {
            self.kept += 1;
            self.tails.entry(place).or_default().push(TailLine {
                text,
                bytes_sent: (record.bytes_sent != NO_BYTES).then_some(record.bytes_sent),
                second: (record.time_ns != NO_TIME).then_some(record.second),
            });
        }
    }

    fn learn_number(&mut self, key: String, value: Value, line: &[u8]) {
        let text = |name: std::ops::Range<usize>| String::from_utf8_lossy(&line[name]).into_owned();
        let set: BTreeSet<String> = names(line).into_iter().map(text).collect();
        let known = self.key_sets.iter().position(|known| *known == set);
        let is_full = self.keys.len() >= KEYS_MAX && !self.keys.contains_key(&key);
        if self.kept >= KEPT_MAX
            || is_full
            || known.is_none() && self.key_sets.len() >= KEY_SETS_MAX
        {
            return;
        }
        let set = known.unwrap_or_else(|| {
            self.key_sets.push(set);
            self.key_sets.len() - 1
        });
        self.kept += 1;
        let keys = LineKeys(line);
        let name = key.as_bytes();
        let documented = documented(keys, name);
        let group = self.keys.entry(key).or_default().entry(set).or_default();
        group.values.push(value);
        group.documented = group.documented.or(documented);
        group.hint = group.hint.or_else(|| hint(keys));
        group.sets = vec![set];
    }

    /// What is decided, and what is to be said about it.
    pub(super) fn decide(&self) -> (DurationReading, Vec<String>) {
        let (mut reading, mut assumed) = (DurationReading::default(), Vec::new());
        for (key, groups) in &self.keys {
            let (units, told) = self.units_of(key, groups.values());
            reading.keys.insert(key.clone(), units);
            assumed.extend(told);
        }
        for (&place, lines) in &self.tails {
            let is_open = |line: &&TailLine| !is_of_traefik(PaddedLine::new(&line.text).line());
            let lines: Vec<&TailLine> = lines.iter().filter(is_open).collect();
            let (column, told) = column(place, &lines);
            assumed.extend(told);
            match place {
                TailPlace::Agent => reading.after_agent = column,
                TailPlace::Size => reading.after_size = column,
            }
        }
        (reading, assumed)
    }

    /// The units of a key: one for each producer, or one for all.
    fn units_of<'a>(
        &self,
        key: &str,
        groups: impl Iterator<Item = &'a Group>,
    ) -> (Vec<KeyUnit>, Vec<String>) {
        let (mut units, mut told) = (Vec::new(), Vec::new());
        let mut producers: Vec<Group> = Vec::new();
        let mut sorted: Vec<&Group> = groups.collect();
        sorted.sort_by_key(|group| std::cmp::Reverse(group.values.len()));
        for group in sorted {
            let same = producers.iter_mut().find(|known| self.is_of_one(known, group));
            match same {
                Some(known) => known.merge(group),
                None => producers.push(group.clone()),
            }
        }
        let say = |group: &Group, unit: Option<Unit>, who: &str| {
            let evidence = group.evidence();
            match unit {
                Some(unit) => format!("`{key}`{who} in {}: {evidence}", unit.name()),
                None => format!(
                    "`{key}`{who} is left out, as its values are of more than one unit: {evidence}; \
                     --unit {key}=UNIT decides"
                ),
            }
        };
        let (documented, others): (Vec<_>, Vec<_>) =
            producers.into_iter().partition(|group| group.documented.is_some());
        for group in &documented {
            let Some((name, unit)) = group.documented else { continue };
            told.push(say(group, Some(unit), &format!(", as {name} writes it,")));
            units.push(KeyUnit { producer: Some(name.into()), beside: None, unit: Some(unit) });
        }
        let others = self.told_apart(others);
        for (i, (group, unit)) in others.iter().enumerate() {
            let beside = self.key_of_its_own(group, others.iter().map(|(other, _)| other));
            // The first is what all others are, which have something of their own.
            let (beside, unit) = match (others.len(), beside) {
                (1, _) => (None, *unit),
                (_, Some(beside)) => (Some(beside.to_string()), *unit),
                _ if i == 0
                    && others[1..].iter().all(|(other, _)| {
                        self.key_of_its_own(other, [group].into_iter()).is_some()
                    }) =>
                {
                    (None, *unit)
                }
                _ => (None, None),
            };
            let who = beside.as_ref().map_or(String::new(), |key| format!(" beside `{key}`"));
            told.push(say(group, unit, &who));
            units.push(KeyUnit { producer: None, beside, unit });
        }
        units.sort_by_key(|unit| unit.producer.is_none() && unit.beside.is_none());
        if units.iter().all(|each| each.unit == units[0].unit) {
            units = vec![KeyUnit { producer: None, beside: None, unit: units[0].unit }];
        }
        (units, told)
    }

    /// The units of producers that nothing documents: of those whose units differ without their
    /// values lying far apart, it is the unit of all.
    fn told_apart(&self, mut producers: Vec<Group>) -> Vec<(Group, Option<Unit>)> {
        loop {
            let units: Vec<_> = producers.iter().map(Group::unit).collect();
            let close =
                (0..producers.len()).flat_map(|a| (a + 1..producers.len()).map(move |b| (a, b)));
            let close = close.into_iter().find(|&(a, b)| {
                units[a] == units[b] || ratio(&producers[a], &producers[b]) <= PRODUCERS_RATIO
            });
            let Some((a, b)) = close else {
                return producers.into_iter().zip(units).collect();
            };
            let other = producers.remove(b);
            producers[a].merge(&other);
        }
    }

    /// Whether records of these groups are of one producer: the keys of the one are among those of
    /// the other, or most are the same.
    fn is_of_one(&self, a: &Group, b: &Group) -> bool {
        if a.documented.is_some() || b.documented.is_some() {
            return a.documented == b.documented;
        }
        let [x, y] = [a, b].map(|group| &self.key_sets[group.sets[0]]);
        let both = x.intersection(y).count();
        let related = both == x.len().min(y.len()) || both * 10 >= x.union(y).count() * 6;
        related && ratio(a, b) <= ONE_PRODUCER_RATIO
    }

    /// A key that all records of a group have, and none of the others.
    fn key_of_its_own<'a>(
        &'a self,
        group: &Group,
        others: impl Iterator<Item = &'a Group>,
    ) -> Option<&'a str> {
        let others: Vec<&Group> = others.filter(|other| other.sets != group.sets).collect();
        let mut keys = self.key_sets[*group.sets.first()?].iter();
        let has = |set: &usize, key: &String| self.key_sets[*set].contains(key);
        let found = keys.find(|key| {
            group.sets.iter().all(|set| has(set, key))
                && !others.iter().any(|other| other.sets.iter().any(|set| has(set, key)))
        });
        found.map(String::as_str)
    }
}

/// How far apart the medians of two groups lie.
fn ratio(a: &Group, b: &Group) -> f64 {
    let [a, b] = [a, b].map(|group| group.quantile(2).max(f64::MIN_POSITIVE));
    if a.min(b) <= f64::MIN_POSITIVE { 1.0 } else { a.max(b) / a.min(b) }
}

impl Value {
    fn read(text: &str) -> Option<Value> {
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        let decimals = match text.split_once('.') {
            Some((_, behind)) if behind.bytes().all(|b| b.is_ascii_digit()) => behind.len() as u32,
            None if !text.contains(['e', 'E']) => 0,
            // As many as it takes.
            _ => 20,
        };
        Some(Value { number, decimals })
    }
}

impl Group {
    fn merge(&mut self, other: &Group) {
        self.values.extend_from_slice(&other.values);
        self.sets.extend_from_slice(&other.sets);
        self.hint = self.hint.or(other.hint);
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted: Vec<f64> = self.values.iter().map(|value| value.number).collect();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The value at one part in so many of the sorted ones.
    fn quantile(&self, part: usize) -> f64 {
        let sorted = self.sorted();
        sorted.get(sorted.len() / part).copied().unwrap_or(0.0)
    }

    fn decimals(&self) -> impl Iterator<Item = u32> {
        self.values.iter().map(|value| value.decimals)
    }

    fn evidence(&self) -> String {
        let count = self.values.len();
        let whole = self.decimals().filter(|&decimals| decimals == 0).count();
        let median = shown(self.quantile(2));
        format!(
            "{} of {} values whole, median {median}",
            grouped(whole as u64),
            grouped(count as u64)
        )
    }

    /// What the values lie around: the median, or of few, which may be a fast one and a slow one, their
    /// geometric mean.
    fn center(&self) -> f64 {
        let positive: Vec<f64> =
            self.values.iter().map(|value| value.number).filter(|&number| number > 0.0).collect();
        if self.values.len() >= FEW_VALUES || positive.is_empty() {
            return self.quantile(2);
        }
        (positive.iter().map(|number| number.ln()).sum::<f64>() / positive.len() as f64).exp()
    }

    /// The unit that fits the values; None if they are of more than one.
    fn unit(&self) -> Option<Unit> {
        let median = self.center();
        let sorted = self.sorted();
        let slow = sorted.get(sorted.len() * 95 / 100).copied().unwrap_or(0.0);
        let most = self.decimals().max().unwrap_or(0);
        let least = self.decimals().min().unwrap_or(0);
        if self.has_gap() {
            return None;
        }
        Some(match (most, self.hint) {
            // No server answers half of its requests in less than 10 µs, or in more than 16 minutes.
            (0, _) if median >= 1e6 => Unit::Nanoseconds,
            (0, Some(Unit::Nanoseconds)) if median >= 1e4 => Unit::Nanoseconds,
            (0, _) if median >= 1e4 => Unit::Microseconds,
            // Nor is one in twenty still waiting after an hour.
            (0, Some(Unit::Nanoseconds)) if slow > HOUR_MS => Unit::Nanoseconds,
            (0, _) if slow > HOUR_MS => Unit::Microseconds,
            (0, _) => Unit::Milliseconds,
            (_, Some(Unit::Seconds)) => Unit::Seconds,
            // Nanoseconds of a number in seconds, as Go prints it.
            (7..=9, _) => Unit::Seconds,
            // Milliseconds of a number in seconds, as nginx and many others print it.
            (3, _) if least == 3 && median < 30.0 => Unit::Seconds,
            _ if median < 1.0 => Unit::Seconds,
            _ => Unit::Milliseconds,
        })
    }

    /// Whether the values fall into two heaps that no producer writes in one unit.
    fn has_gap(&self) -> bool {
        let sorted = self.sorted();
        let positive = &sorted[sorted.partition_point(|&number| number <= 0.0)..];
        let few = GAP_VALUES_MIN.max(positive.len() / 10);
        (few..positive.len().saturating_sub(few) + 1)
            .any(|at| at < positive.len() && positive[at] > positive[at - 1] * GAP_RATIO)
    }
}

/// What is decided of the columns of tails, and what is to be said.
fn column(place: TailPlace, lines: &[&TailLine]) -> (Option<TailColumn>, Option<String>) {
    let after = match place {
        TailPlace::Agent => "the user agent",
        TailPlace::Size => "the size",
    };
    let mut columns: Vec<Vec<Cell>> = vec![Vec::new(); TAIL_FIELDS_MAX as usize];
    let (mut named, mut named_whole) = (0, Group::default());
    for (row, line) in lines.iter().enumerate() {
        let padded = PaddedLine::new(&line.text);
        fields(padded.line(), |i, field| match field {
            Field::Number(value, is_quoted) => columns[i].push(Cell { row, value, is_quoted }),
            Field::Named(value) => {
                named += 1;
                named_whole.values.extend(Some(value).filter(|value| value.decimals == 0));
            }
            Field::Other => {}
        });
    }
    let named_unit = match named_whole.values.is_empty() {
        true => Unit::Seconds,
        false => whole_unit(&named_whole),
    };
    let nothing = TailColumn { like_nginx: false, field: None, unit: named_unit };
    if named * 2 > lines.len() {
        return (Some(nothing), None);
    }
    // Lines of several layouts may be in one log.
    let (decimal, whole): (Vec<Vec<Cell>>, Vec<Vec<Cell>>) = columns
        .iter()
        .map(|cells| cells.iter().partition::<Vec<Cell>, _>(|cell| cell.value.decimals > 0))
        .unzip();
    let group = |cells: &[Cell]| {
        let values = cells.iter().map(|cell| cell.value).collect();
        Group { values, ..Group::default() }
    };
    let say = |field: usize, group: &Group, unit: Unit| {
        let number = match field {
            0 => "the number".into(),
            _ => format!("field {}", field + 1),
        };
        let (unit, evidence) = (unit.name(), group.evidence());
        format!(
            "{number} after {after} is the response time, in {unit}: {evidence}; \
             --unit {RESPONSE_TIME}=UNIT decides"
        )
    };
    let sizes = of_kind(&whole, lines, Kind::Size);
    // Sizes that come in pairs are those of request and answer.
    let mut integers = of_kind(&whole, lines, Kind::Whole);
    integers.retain(|i| !sizes.contains(&(i + 1)));
    let integer = if integers.len() == 1 { integers.first().copied() } else { None };
    // Of nginx's times the whole one is the largest, wherever it stands.
    let decimals = of_kind(&decimal, lines, Kind::Decimals);
    let larger =
        |best: usize, i: usize| if is_larger(&decimal[i], &decimal[best]) { i } else { best };
    if let Some(field) = decimals.iter().copied().reduce(larger) {
        let is_short = |i: usize| group(&decimal[i]).quantile(2) < 30.0;
        let is_of_nginx =
            |&i: &usize| is_short(i) && decimal[i].iter().all(|cell| cell.value.decimals == 3);
        let unit = if is_short(field) { Unit::Seconds } else { Unit::Milliseconds };
        let told = Some(say(field, &group(&decimal[field]), unit));
        if decimals.iter().all(is_of_nginx) && decimals[0] == field {
            let integer = integer.filter(|&i| !shares_rows(&whole[i], &decimal));
            let unit = integer.map_or(named_unit, |i| whole_unit(&group(&whole[i])));
            let field = integer.map(|i| i as u32);
            return (Some(TailColumn { like_nginx: true, field, unit }), told);
        }
        return (Some(TailColumn { field: Some(field as u32), unit, ..nothing }), told);
    }
    if let Some(field) = only_hundredths(&columns) {
        let told = say(field, &group(&columns[field]), Unit::Seconds);
        let decided = TailColumn { field: Some(field as u32), unit: Unit::Seconds, ..nothing };
        return (Some(decided), Some(told));
    }
    if let Some(field) = integer {
        let times = group(&whole[field]);
        let unit = whole_unit(&times);
        let told = say(field, &times, unit);
        return (Some(TailColumn { field: Some(field as u32), unit, ..nothing }), Some(told));
    }
    let has_numbers = columns.iter().any(|cells| cells.len() * 2 > lines.len());
    let told = has_numbers.then(|| {
        format!(
            "no number after {after} is read as the response time, as none varies like one alone; \
             --unit {RESPONSE_TIME}=UNIT reads the first"
        )
    });
    (Some(nothing).filter(|_| has_numbers), told)
}

/// The only column with numbers, if these are hundredths of seconds: they have two decimals, and most
/// are below 1. A ratio of compression has two as well, but is above 1.
fn only_hundredths(columns: &[Vec<Cell>]) -> Option<usize> {
    let mut filled = (0..columns.len()).filter(|&i| !columns[i].is_empty());
    let (field, None) = (filled.next()?, filled.next()) else { return None };
    let values = || columns[field].iter().map(|cell| cell.value);
    let first = values().next()?.number;
    let below_1 = values().filter(|value| value.number < 1.0).count();
    let fits = values().all(|value| value.decimals == 2)
        && values().any(|value| value.number != first)
        && below_1 * 2 > columns[field].len();
    fits.then_some(field)
}

/// The columns of a kind.
fn of_kind(columns: &[Vec<Cell>], lines: &[&TailLine], wanted: Kind) -> Vec<usize> {
    let is_one = |&i: &usize| kind(&columns[i], lines) == Some(wanted);
    (0..columns.len()).filter(is_one).collect()
}

/// Whether most cells are of lines that have others, too.
fn shares_rows(cells: &[Cell], others: &[Vec<Cell>]) -> bool {
    let rows: BTreeSet<usize> = others.iter().flatten().map(|cell| cell.row).collect();
    cells.iter().filter(|cell| rows.contains(&cell.row)).count() * 2 > cells.len()
}

#[derive(Clone, Copy)]
struct Cell {
    row: usize,
    value: Value,
    is_quoted: bool,
}

/// What a field of a tail is.
enum Field {
    /// A number that has neither name nor unit, and whether it is in quotes.
    Number(Value, bool),
    /// nginx's request time with its name.
    Named(Value),
    Other,
}

/// What the numbers of a column are, if they may be response times or tell which others are not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Numbers with decimals, as many in all.
    Decimals,
    Whole,
    /// The bytes of the answer with its head.
    Size,
}

/// Calls `found` with the fields of a tail, which begins with the byte after its last field.
fn fields(line: Line<'_>, mut found: impl FnMut(usize, Field)) {
    let bytes = line.bytes();
    let mut at = usize::from(bytes.first() == Some(&b' '));
    for i in 0..TAIL_FIELDS_MAX as usize {
        if at >= bytes.len() {
            return;
        }
        let is_quoted = bytes[at] == b'"';
        let start = at + usize::from(is_quoted);
        let end = match is_quoted {
            true => match http::closing_quote(Baseline, line, start) {
                Some(close) => close,
                None => return,
            },
            false => field_end(Baseline, line, at),
        };
        let text = std::str::from_utf8(&bytes[start..end]).unwrap_or_default();
        let named = text.strip_prefix("rt=").or_else(|| text.strip_prefix("request_time="));
        let first = |text: &str| {
            let mut times = text.split([',', ' ', ':']).map(|text| text.trim_matches('"'));
            times.find(|text| !matches!(*text, "" | "-")).and_then(Value::read)
        };
        found(
            i,
            match (named, first(named.unwrap_or(text))) {
                (Some(_), Some(value)) => Field::Named(value),
                (None, Some(value)) if value.number >= 0.0 => Field::Number(value, is_quoted),
                _ => Field::Other,
            },
        );
        at = end + usize::from(is_quoted);
        at += usize::from(bytes.get(at) == Some(&b' '));
    }
}

/// Whether the numbers of `b` are nowhere below those of `a` in the same row, nearly.
fn is_larger(b: &[Cell], a: &[Cell]) -> bool {
    let of_a: BTreeMap<usize, f64> = a.iter().map(|cell| (cell.row, cell.value.number)).collect();
    let pairs: Vec<(f64, f64)> = b
        .iter()
        .filter_map(|cell| of_a.get(&cell.row).map(|&number| (number, cell.value.number)))
        .collect();
    let count = |is: fn(&(f64, f64)) -> bool| pairs.iter().filter(|pair| is(pair)).count();
    count(|(a, b)| b > a) > 0 && count(|(a, b)| b >= a) * 20 >= pairs.len() * 19
}

/// Ports that logs of control panels and proxies end with.
const PORTS: &[u64] = &[
    80, 443, 8000, 8080, 8081, 8443, 8888, 2077, 2078, 2079, 2080, 2082, 2083, 2086, 2087, 2095,
    2096,
];

/// From here on whole numbers are ids: as microseconds 100 s, and in quotes 10 s.
const ID_MIN: f64 = 1e8;
const QUOTED_ID_MIN: f64 = 1e7;

fn kind(cells: &[Cell], lines: &[&TailLine]) -> Option<Kind> {
    if cells.is_empty() {
        return None;
    }
    let nearly_all = |is: &dyn Fn(&Cell) -> bool| {
        cells.iter().filter(|cell| is(cell)).count() * 10 >= cells.len() * 9
    };
    let number = |cell: &Cell| cell.value.number;
    let is_epoch = |cell: &Cell| {
        let second = lines[cell.row].second.unwrap_or(0) as f64;
        let day = 86_400.0;
        number(cell) >= 1e8
            && [1.0, 1e3, 1e6, 1e9].iter().any(|unit| (number(cell) / unit - second).abs() < day)
    };
    if nearly_all(&is_epoch) {
        return None;
    }
    let decimals = cells[0].value.decimals;
    if decimals > 0 {
        // Two are those of a ratio of compression, unless they are alone (`only_hundredths`).
        let is_time = decimals > 2 && nearly_all(&|cell| cell.value.decimals == decimals);
        return is_time.then_some(Kind::Decimals);
    }
    let is_size = |cell: &Cell| {
        let sent = lines[cell.row].bytes_sent.map_or(-1.0, |bytes| bytes as f64);
        (sent..sent + 4_096.0).contains(&number(cell)) && number(cell) >= 100.0
    };
    let is_port = |cell: &Cell| PORTS.iter().any(|&port| port as f64 == number(cell));
    let is_status = |cell: &Cell| matches!(number(cell) as u64, 200 | 201 | 204 | 206 | 301 | 302 | 304 | 400..=405 | 429 | 499..=504);
    if lines.iter().any(|line| line.bytes_sent.is_some_and(|bytes| bytes > 0))
        && nearly_all(&is_size)
    {
        return Some(Kind::Size);
    }
    let mut neighbors = cells.windows(2);
    let grows = neighbors.clone().filter(|pair| number(&pair[1]) >= number(&pair[0])).count();
    let changes = neighbors.any(|pair| number(&pair[1]) != number(&pair[0]));
    let is_counter = cells.len() >= 20 && changes && grows * 100 >= (cells.len() - 1) * 95;
    // No server takes so many microseconds for nearly all requests. Ids are often in quotes, times hardly.
    let is_id =
        nearly_all(&|cell| number(cell) >= if cell.is_quoted { QUOTED_ID_MIN } else { ID_MIN });
    // Flags, and what is set for the server.
    let is_constant = !changes && (cells.len() >= CONSTANT_VALUES_MIN || number(&cells[0]) == 0.0);
    let is_other =
        nearly_all(&is_port) || nearly_all(&is_status) || is_counter || is_constant || is_id;
    (!is_other).then_some(Kind::Whole)
}

/// The unit of whole numbers of an access log.
///
/// Without much to go by microseconds (Apache's `%D` is the usual integer); if the largest is at
/// most 300 and the median at most 1, seconds (`%T` cuts, so that most are 0); if the median is below
/// 1,000 and either the value at a tenth of their count is below 50 or the largest is below 60,000 and
/// ten times the median, milliseconds (no server answers a tenth of its requests in 50 µs, and
/// microseconds scatter widely).
fn whole_unit(group: &Group) -> Unit {
    let [largest, median, tenth] = [1, 2, 10].map(|part| match part {
        1 => group.sorted().last().copied().unwrap_or(0.0),
        part => group.quantile(part),
    });
    if largest <= 300.0 && median <= 1.0 {
        Unit::Seconds
    } else if median < 1e3 && (tenth < 50.0 || largest < 6e4 && largest < median * 10.0) {
        Unit::Milliseconds
    } else {
        Unit::Microseconds
    }
}

fn shown(number: f64) -> String {
    let whole = number.trunc();
    let text = number.to_string();
    let behind = text.split_once('.').map_or("", |(_, behind)| behind);
    let point = if behind.is_empty() { "" } else { "." };
    format!("{}{point}{}", grouped(whole as u64), &behind[..behind.len().min(6)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(texts: &[&str]) -> Group {
        let values = texts.iter().filter_map(|text| Value::read(text)).collect();
        Group { values, ..Group::default() }
    }

    #[test]
    fn units_of_whole_numbers_in_access_logs() {
        let unit = |texts: &[&str]| whole_unit(&group(texts));
        assert_eq!(unit(&["0", "0", "1", "0", "0", "2", "0", "30"]), Unit::Seconds);
        assert_eq!(unit(&["3", "12", "45", "8", "1200", "33", "5"]), Unit::Milliseconds);
        assert_eq!(unit(&["95", "105", "127"]), Unit::Milliseconds);
        assert_eq!(unit(&["412", "380", "95200", "700", "1210", "350"]), Unit::Microseconds);
        assert_eq!(unit(&["33412", "12380", "95200"]), Unit::Microseconds);
    }

    #[test]
    fn units_of_keys() {
        for (texts, unit) in [
            (&["12", "12.5"][..], Some(Unit::Milliseconds)),
            (&["0.250"], Some(Unit::Seconds)),
            (&["0.074", "0.126", "31.000"], Some(Unit::Seconds)),
            (&["58.33", "4.00", "1250.00"], Some(Unit::Milliseconds)),
            (&["250.0", "503.0"], Some(Unit::Milliseconds)),
            (&["0.000024323", "2"], Some(Unit::Seconds)),
            (&["5050000", "310000", "12000000"], Some(Unit::Nanoseconds)),
            (&["95", "3", "60001"], Some(Unit::Milliseconds)),
            (&["95200", "12380", "33412"], Some(Unit::Microseconds)),
            // A fast one and a slow one.
            (&["36", "29001"], Some(Unit::Milliseconds)),
            (&["417", "5003000"], Some(Unit::Microseconds)),
            (&["0.036", "12.5"], Some(Unit::Seconds)),
            (&["0.417125", "36.5"], Some(Unit::Milliseconds)),
            // Nobody waits for an hour.
            (&["3092", "7201", "417", "12381455"], Some(Unit::Microseconds)),
        ] {
            assert_eq!(group(texts).unit(), unit, "{texts:?}");
        }
        let two: Vec<String> = (0..40)
            .map(|i| if i % 2 == 0 { i + 5 } else { 5_000_000 + i })
            .map(|n: u64| n.to_string())
            .collect();
        let two: Vec<&str> = two.iter().map(String::as_str).collect();
        assert_eq!(group(&two).unit(), None);
    }

    /// The column that is the response time behind the user agent, its unit, and whether anything is said.
    fn decided(tails: &[&str]) -> (Option<(u32, Unit)>, bool) {
        let line = |text: &&str| TailLine {
            text: format!(" {text}").into_bytes(),
            bytes_sent: Some(512),
            second: Some(1_706_091_332),
        };
        let lines: Vec<TailLine> = tails.iter().map(line).collect();
        let (column, told) = column(TailPlace::Agent, &lines.iter().collect::<Vec<_>>());
        (column.and_then(|column| Some((column.field?, column.unit))), told.is_some())
    }

    #[test]
    fn hundredths_after_the_user_agent() {
        let seconds = Some((0, Unit::Seconds));
        assert_eq!(decided(&["0.02", "0.11", "0.00", "1.25"]), (seconds, true));
        // A ratio of compression, one beside another number, and what is always the same.
        assert_eq!(decided(&["2.50", "3.12", "1.08", "0.97"]), (None, true));
        assert_eq!(decided(&["0.02 1.25", "0.11 3.10"]), (None, true));
        assert_eq!(decided(&["0.02", "0.02", "0.02"]), (None, true));
    }

    #[test]
    fn ids_after_the_user_agent() {
        let found = |tails: &[&str]| decided(tails).0;
        let micros = Some((0, Unit::Microseconds));
        assert_eq!(found(&["\"8123456701\"", "\"5523456702\"", "\"7723456703\""]), None);
        assert_eq!(found(&["8123456701", "552345670255", "772345670377"]), None);
        // Eight digits are ids in quotes only.
        assert_eq!(found(&["\"81234567\"", "\"55234567\"", "\"77234567\""]), None);
        assert_eq!(found(&["81234567", "55234567", "77234567"]), micros);
        assert_eq!(found(&["\"81234\"", "\"5523\"", "\"77234567\""]), micros);
        // The time stands behind the id.
        assert_eq!(
            found(&["\"8123456701\" 412", "\"5523456702\" 95200", "\"7723456703\" 1210"]),
            Some((1, Unit::Microseconds))
        );
    }

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!(grouped(4_096), "4,096");
        assert_eq!(shown(5_050_000.0), "5,050,000");
        assert_eq!(shown(12.5), "12.5");
    }
}
