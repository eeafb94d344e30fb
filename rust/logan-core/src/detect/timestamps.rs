//! How a source's timestamps are written: what its lines together say and no line says alone.
//!
//! Decided once per source, from the records of its samples, and written into the spec as a
//! [`TimeReading`]: the order of dates of numbers, whether words after timestamps are time zones,
//! what ambiguous abbreviations mean, which column of bare numbers is the timestamp; and the anchor
//! of dates without a year beside dates that have one.

use super::{is_blank, is_header, whole_lines};
use crate::format::classify::is_continuation;
use crate::record::Level;
use crate::time::{
    DateLayout, DateOrder, NumericDate, TimeReading, TimestampParser, civil_from_days,
    zone_assumed, zones_by_siblings,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Share of lines, in percent, that have to have what is a column.
const COLUMN_PERCENT: u64 = 95;
/// Different successive dates that are kept of a layout.
const DATES_MAX: usize = 4_096;
/// Fewest lines that make a column of numbers: the ids of a few lines may be in order by chance.
const EPOCH_LINES_MIN: u64 = 20;
/// Fewest of a hundred numbers in no order that have to differ.
const DISTINCT_PERCENT: u64 = 80;
/// Columns that are looked at for numbers.
const COLUMNS_MAX: usize = 8;
/// Where a number that is not at the front may be a timestamp: 1995 to 2100, in seconds.
const EPOCH_SECONDS: std::ops::Range<i64> = 788_918_400..4_102_444_800;
/// Longest time that the numbers of a column may span: ten years.
const EPOCH_SPAN_S: i64 = 3_653 * 86_400;

const NS: i64 = 1_000_000_000;

/// What the records of a source's samples say about its timestamps.
#[derive(Default)]
pub(super) struct Timestamps {
    /// Successive dates of numbers.
    dates: BTreeMap<DateLayout, Vec<[u32; 3]>>,
    /// Lines by abbreviation: those in which it is one wherever it stands, and those before words.
    zones: BTreeMap<&'static str, [u64; 2]>,
    /// Records in order: whether their year is written, and their time.
    times: Vec<(bool, i64)>,
    /// Of those without a year: how many there are, and the times with a year that say the same.
    yearless: u64,
    repeated: Vec<i64>,
    /// The latest time that a header names.
    of_headers: Option<i64>,
}

/// Lines of one format with a time, and those with a doubtful time zone.
#[derive(Default, Clone, Copy)]
pub(super) struct Zoned {
    pub(super) timed: u64,
    pub(super) doubtful: u64,
    /// Those before words.
    pub(super) before_words: u64,
}

impl Zoned {
    /// Whether nearly all lines have a zone.
    pub(super) fn is_column(self) -> bool {
        self.doubtful > 0 && self.doubtful * 100 >= self.timed * COLUMN_PERCENT
    }
}

impl Timestamps {
    /// Learns from the record that `clock` was last used for.
    pub(super) fn learn(&mut self, clock: &TimestampParser, time_ns: Option<i64>, has_year: bool) {
        if let Some(NumericDate { layout, numbers }) = clock.numeric_date {
            let dates = self.dates.entry(layout).or_default();
            if dates.last() != Some(&numbers) && dates.len() < DATES_MAX {
                dates.push(numbers);
            }
        }
        if let Some(seen) = clock.seen_zone
            && let Some(name) = seen.abbreviation
        {
            self.zones.entry(name).or_default()[usize::from(seen.before_words)] += 1;
        }
        if let Some(time_ns) = time_ns {
            self.times.push((has_year, time_ns));
        }
    }

    /// Learns from a record whose date has no year: the line may say the same moment once more.
    pub(super) fn learn_year(&mut self, line: &[u8], time_ns: i64) {
        self.yearless += 1;
        self.repeated.extend(super::years::repeated(line, time_ns));
    }

    /// Learns from a header.
    pub(super) fn learn_header(&mut self, line: &[u8]) {
        self.of_headers = self.of_headers.max(super::years::of_header(line));
    }

    /// What is decided, given the column of bare numbers, and whether zones are a column.
    pub(super) fn reading(&self, epoch_column: Option<u32>, zone_column: bool) -> TimeReading {
        let names = self.zones.iter().filter(|(_, lines)| zone_column || lines[0] > 0);
        TimeReading {
            zone_column,
            epoch_column,
            abbreviations: zones_by_siblings(names.map(|(&name, _)| name)).into_iter().collect(),
            date_order: None,
            date_orders: self
                .dates
                .iter()
                .map(|(&layout, dates)| (layout, order(layout, dates).0))
                .collect(),
            ..TimeReading::default()
        }
    }

    /// The layouts whose order only custom decides, and the latest day of their dates in each possible one,
    /// in days since 1970: a later one than that on which the source was written can be ruled out.
    pub(super) fn date_choices(&self) -> Vec<Value> {
        let layouts = self.dates.iter().filter_map(|(&layout, dates)| {
            let latest = |order: &DateOrder| {
                let day = |&numbers: &[u32; 3]| NumericDate { layout, numbers }.day(*order);
                let days: Option<Vec<i64>> = dates.iter().map(day).collect();
                Some((json!(order).as_str()?.to_string(), json!(days?.into_iter().max()?)))
            };
            let latest: Map<String, Value> = layout.orders().iter().filter_map(latest).collect();
            let has_year = dates.iter().all(|numbers| numbers[2] > 0);
            let is_open = latest.len() > 1 && has_year && is_by_custom(layout, dates);
            is_open.then(|| json!({ "layout": layout, "latest": latest }))
        });
        layouts.collect()
    }

    /// What of the reading may be otherwise.
    pub(super) fn assumed(&self, reading: &TimeReading) -> Vec<String> {
        let mut assumed = Vec::new();
        for (&layout, dates) in &self.dates {
            assumed.extend(order(layout, dates).1);
        }
        assumed.sort_unstable();
        assumed.dedup();
        if let Some(column) = reading.epoch_column {
            let column = column + 1;
            assumed.push(format!("the numbers in column {column} are timestamps since 1970"));
        }
        let zones = self.zones.iter().filter(|(_, lines)| reading.zone_column || lines[0] > 0);
        assumed.extend(
            zones.filter_map(|(name, _)| {
                zone_assumed(name, reading.abbreviations.get(*name).copied())
            }),
        );
        assumed
    }

    /// The latest time, if some dates have a year and others take that which brings them nearest to
    /// the dated record before them (the first one, before that). If none has a year, what headers
    /// say.
    pub(super) fn anchor_ns(&self) -> Option<i64> {
        if self.yearless > 0 && self.repeated.len() as u64 * 2 >= self.yearless {
            let dated = self.times.iter().filter(|(has_year, _)| *has_year).map(|(_, time)| *time);
            return self.repeated.iter().copied().chain(dated).max();
        }
        let Some(&(_, first)) = self.times.iter().find(|(has_year, _)| *has_year) else {
            return self.of_headers.filter(|_| !self.times.is_empty());
        };
        if self.times.iter().all(|(has_year, _)| *has_year) {
            return None;
        }
        let (mut latest, mut near) = (first, first);
        for &(has_year, time_ns) in &self.times {
            if has_year {
                near = time_ns;
                latest = latest.max(time_ns);
            } else if let Some(time_ns) = nearest_year(time_ns, near) {
                latest = latest.max(time_ns);
            }
        }
        Some(latest)
    }
}

/// The instant of the same month, day and time of day that lies nearest to `near`.
pub(super) fn nearest_year(time_ns: i64, near: i64) -> Option<i64> {
    const DAY_NS: i64 = 86_400 * NS;
    let (_, month, day) = civil_from_days(time_ns.div_euclid(DAY_NS));
    let (year, ..) = civil_from_days(near.div_euclid(DAY_NS));
    (year - 1..=year + 1)
        .filter_map(|year| {
            let midnight = TimestampParser::civil([u32::try_from(year).ok()?, month, day], 0)?;
            (midnight * NS).checked_add(time_ns.rem_euclid(DAY_NS))
        })
        .min_by_key(|time_ns| time_ns.abs_diff(near))
}

/// The order of a layout's dates, and what has to be said about it.
///
/// The one that all dates can be in; of several the one in which most successive dates are a day
/// apart, else the customary one.
fn order(layout: DateLayout, dates: &[[u32; 3]]) -> (DateOrder, Option<String>) {
    let date = |&numbers: &[u32; 3]| NumericDate { layout, numbers };
    let day = |numbers: &[u32; 3], order| date(numbers).day(order);
    let possible: Vec<DateOrder> = layout
        .orders()
        .iter()
        .copied()
        .filter(|&order| dates.iter().all(|each| day(each, order).is_some()))
        .collect();
    let told = |order| match order {
        DateOrder::MonthFirst => "month first (month/day/year)",
        DateOrder::DayFirst => "day first (day.month.year)",
        DateOrder::ShortYearFirst | DateOrder::Contradicted => "year first (year-month-day)",
    };
    // Dates that are the same day in all orders leave nothing to decide.
    let differs = |numbers: &&[u32; 3]| {
        let mut days: Vec<_> =
            layout.orders().iter().filter_map(|&order| day(numbers, order)).collect();
        days.sort_unstable();
        days.dedup();
        days.len() > 1
    };
    let in_doubt = dates.iter().any(|each| differs(&each));
    match possible[..] {
        [] => {
            let message = "numeric dates are month first in some lines and day first in others, so \
                           that their timestamps are left out; --date-order decides";
            (DateOrder::Contradicted, Some(message.into()))
        }
        [only] => {
            let told = told(only);
            let message = format!("numeric dates are read {told}, as some of them can only be so");
            (only, in_doubt.then_some(message))
        }
        _ => {
            let steps = |order: DateOrder| {
                let days = dates.iter().map(|each| day(each, order).unwrap_or(0));
                days.clone().zip(days.skip(1)).filter(|(a, b)| a.abs_diff(*b) == 1).count()
            };
            let usual = customary(layout, dates, &possible);
            let best = possible.iter().copied().max_by_key(|&o| (steps(o), o == usual));
            let order = best.unwrap_or(usual);
            let told = told(order);
            let message = format!("numeric dates that could be in another order are read {told}");
            (order, in_doubt.then_some(message))
        }
    }
}

/// Whether successive dates say nothing of their order.
fn is_by_custom(layout: DateLayout, dates: &[[u32; 3]]) -> bool {
    let day = |&numbers: &[u32; 3], order| NumericDate { layout, numbers }.day(order);
    layout.orders().iter().all(|&order| {
        let days: Vec<_> = dates.iter().map(|each| day(each, order)).collect();
        let follows =
            |pair: &[Option<i64>]| pair[0].zip(pair[1]).is_some_and(|(a, b)| a.abs_diff(b) == 1);
        !days.windows(2).any(follows)
    })
}

/// The customary one of the possible orders.
fn customary(layout: DateLayout, dates: &[[u32; 3]], possible: &[DateOrder]) -> DateOrder {
    let first = dates.first().copied().unwrap_or_default();
    // Spark writes the year first, with slashes. Where that would be a year before 2013 and the last
    // number one from then on, the last is the year.
    let of_spark = layout == DateLayout::ShortSlashes && (first[0] > 12 || first[2] <= 12);
    let usual = if of_spark { DateOrder::ShortYearFirst } else { layout.customary(first) };
    if possible.contains(&usual) { usual } else { possible[0] }
}

/// How many spaces stand before the bare numbers that are the timestamps of nearly all lines: seconds,
/// milliseconds or finer since 1970, not at the front, all within ten years, and in order but for one
/// in ten. A number after a level is part of the message: `INFO order 1712345678 shipped`.
///
/// Numbers in no order (lines of many nodes, collected) are timestamps only if hardly a line has a time
/// of day, hardly two are the same, and no other column has such numbers.
pub(super) fn epoch_column(samples: &[(u64, &[u8])]) -> Option<u32> {
    #[derive(Clone, Default)]
    struct Column {
        seconds: Vec<i64>,
    }
    impl Column {
        fn is_in_order(&self) -> bool {
            let falls = self.seconds.windows(2).filter(|pair| pair[1] < pair[0]).count();
            falls * 10 <= self.seconds.len()
        }

        fn span(&self) -> i64 {
            let (first, last) = (self.seconds.iter().min(), self.seconds.iter().max());
            first.zip(last).map_or(0, |(first, last)| last - first)
        }

        /// In percent.
        fn distinct(&self) -> u64 {
            let distinct: BTreeSet<i64> = self.seconds.iter().copied().collect();
            distinct.len() as u64 * 100 / self.seconds.len().max(1) as u64
        }
    }
    let mut columns = vec![Column::default(); COLUMNS_MAX];
    let (mut lines, mut clocks) = (0, 0);
    for (_, bytes) in samples {
        for line in whole_lines(bytes).take(super::SAMPLE_LINES_MAX) {
            if is_blank(line) || is_header(line) || is_continuation(line) {
                continue;
            }
            lines += 1;
            clocks += u64::from(has_clock(line));
            let words = line.split(|&b| b == b' ').take(COLUMNS_MAX).enumerate();
            let is_level = |word: &[u8]| {
                word.first().is_some_and(u8::is_ascii_uppercase) && Level::from_word(word).is_some()
            };
            for (i, word) in words.take_while(|(_, word)| !is_level(word)).skip(1) {
                let is_number = word.len() >= 10
                    && word[0] != b'0'
                    && word.iter().all(|b| b.is_ascii_digit() || *b == b'.');
                if !is_number {
                    continue;
                }
                let second = crate::time::epoch(word);
                let Some(second) = second.filter(|stamp| EPOCH_SECONDS.contains(&stamp.second))
                else {
                    continue;
                };
                columns[i].seconds.push(second.second);
            }
        }
    }
    let is_full = |column: &Column| {
        let count = column.seconds.len() as u64;
        count >= EPOCH_LINES_MIN
            && count * 100 >= lines * COLUMN_PERCENT
            && column.span() <= EPOCH_SPAN_S
    };
    let full = || columns.iter().enumerate().filter(|(_, column)| is_full(column));
    let ordered = full().find(|(_, column)| column.is_in_order());
    let only = || {
        let mut full = full();
        let found = full.next().filter(|_| full.next().is_none() && clocks * 20 <= lines)?;
        (found.1.distinct() >= DISTINCT_PERCENT).then_some(found)
    };
    ordered.or_else(only).map(|(column, _)| column as u32)
}

/// Whether a time of day such as `10:15` stands in the line.
fn has_clock(line: &[u8]) -> bool {
    memchr::memchr_iter(b':', line).any(|at| {
        let digits = line[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let before = line[..at - digits].last();
        let minute = line[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        matches!(digits, 1 | 2)
            && minute == 2
            && !before.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn order_of(layout: DateLayout, dates: &[[u32; 3]]) -> DateOrder {
        order(layout, dates).0
    }

    #[test]
    fn a_thirteen_decides() {
        use DateOrder::*;
        for (dates, expected) in [
            (&[[3, 4, 2024], [13, 4, 2024]][..], DayFirst),
            (&[[3, 4, 2024], [4, 13, 2024]], MonthFirst),
            (&[[13, 4, 2024], [4, 13, 2024]], Contradicted),
            // A day apart as day and month, a month apart the other way round.
            (&[[3, 4, 2024], [4, 4, 2024]], DayFirst),
            (&[[4, 3, 2024], [4, 4, 2024]], MonthFirst),
            (&[[3, 4, 2024]], MonthFirst),
        ] {
            assert_eq!(order_of(DateLayout::Slashes, dates), expected, "{dates:?}");
        }
        assert_eq!(order_of(DateLayout::Points, &[[3, 4, 2024]]), DayFirst);
        assert_eq!(order_of(DateLayout::Points, &[[3, 4, 2024], [3, 14, 2024]]), MonthFirst);
    }

    #[test]
    fn two_digits_may_be_a_year_in_front() {
        use DateOrder::*;
        for (dates, expected) in [
            (&[[17, 6, 9]][..], ShortYearFirst),
            (&[[3, 4, 24]], MonthFirst),
            (&[[1, 24, 24], [1, 2, 24]], MonthFirst),
            (&[[31, 1, 24], [1, 2, 24]], DayFirst),
            (&[[9, 6, 10], [9, 6, 11]], ShortYearFirst),
        ] {
            assert_eq!(order_of(DateLayout::ShortSlashes, dates), expected, "{dates:?}");
        }
    }

    #[test]
    fn a_column_of_numbers() {
        let column = |text: &str| epoch_column(&[(0, text.as_bytes())]);
        let line = |second: u64| format!("a node-{second} unit state {second} 1 x\n");
        let ordered: String = (0..40).map(|i| line(1_077_804_742 + i)).collect();
        assert_eq!(column(&ordered), Some(4));
        let jumping: String = (0..40).map(|i| line(1_077_804_742 + i * 7 % 40)).collect();
        assert_eq!(column(&jumping), Some(4));
        assert_eq!(column(&jumping.replace(" x", " at 10:15")), None);
        let twice = jumping.replace(" unit ", " 1077804742 ");
        assert_eq!(column(&twice), Some(2), "it is in order");
        let few: String = (0..40).map(|i| line(1_077_804_742 + i * 7 % 20)).collect();
        assert_eq!(column(&few), None);
        let wide: String = (0..40).map(|i| line(1_077_804_742 + i * 10_000_000)).collect();
        assert_eq!(column(&wide), None);
        let orders = ordered.replace("a node", "INFO node");
        assert_eq!(column(&orders), None);
        assert_eq!(column(&line(1_077_804_742)), None);
        assert_eq!(column("1706091332 INFO order 17060 shipped\n"), None);
        assert_eq!(column(""), None);
    }

    #[test]
    fn years_of_neighbors() {
        const DAY: i64 = 86_400 * NS;
        let times = |times: &[(bool, i64)]| {
            let times = times.iter().map(|&(dated, day)| (dated, day * DAY)).collect();
            Timestamps { times, ..Timestamps::default() }.anchor_ns().map(|ns| ns / DAY)
        };
        assert_eq!(times(&[(true, 20_000), (true, 20_001)]), None);
        assert_eq!(times(&[(false, 20)]), None);
        // 2024-10-04 is day 20,000; day 276 of 1970 is 4 October, day 278 the 6th.
        assert_eq!(times(&[(true, 20_000), (false, 276), (false, 278)]), Some(20_002));
        // 31 December before a 1 January belongs to the year before.
        assert_eq!(times(&[(true, 19_723), (false, -1)]), Some(19_723));
    }

    proptest! {
        #[test]
        fn dates_of_one_order_never_contradict_it(
            days in proptest::collection::vec(14_000i64..20_000, 1..40),
            layout in proptest::sample::select(&DateLayout::ALL[..6]),
            which in 0usize..2,
        ) {
            let order = layout.orders()[which];
            let dates: Vec<_> = days.iter().map(|&days| {
                let (year, month, day) = civil_from_days(days);
                let year = if layout.orders().len() == 3 { year - 2000 } else { year } as u32;
                if order == DateOrder::MonthFirst { [month, day, year] } else { [day, month, year] }
            }).collect();
            let found = order_of(layout, &dates);
            prop_assert_ne!(found, DateOrder::Contradicted);
            // A day above 31 as a year, or above 12 as a month, leaves one.
            if dates.iter().any(|d| d[usize::from(order == DateOrder::MonthFirst)] > 12
                && layout.orders().len() == 2) {
                prop_assert_eq!(found, order);
            }
        }
    }
}
