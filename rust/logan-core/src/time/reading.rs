//! What detection or the user decided about how the timestamps of one source are written, and where
//! the levels beside them stand.
//!
//! A reading travels with the spec, so that all chunks of a source read alike. Without one, each
//! line is read by itself: a date of numbers in the customary order of its layout, a doubtful time
//! zone only where no words follow.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The decisions about one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeReading {
    /// Whether nearly all timestamps are followed by a zone, so that a zone before words is one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zone_column: bool,
    /// How many spaces stand before bare numbers that are the timestamps of nearly all lines, where
    /// these are not at the front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_column: Option<u32>,
    /// The second of the day of the last time of day, where lines have no date: it lies at or before
    /// the anchor, and all others are of its day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_clock: Option<u32>,
    /// How many words stand between the timestamp and the level of nearly all lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_column: Option<u32>,
    /// Whether lines without a level have something before their timestamps, such as the name of a
    /// program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_prefixes: bool,
    /// Whether most lines have a date behind some text, whatever that is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_inner_dates: bool,
    /// Whether lines without a timestamp are part of the record before them, unless they begin like
    /// one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undated_go_on: bool,
    /// Only lines that start before this offset, where so few of them say so that they say it of
    /// themselves alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undated_until: Option<u64>,
    /// Whether lines without a timestamp before the first record are what was printed before the log.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_preamble: bool,
    /// Minutes east of UTC of abbreviations that do not mean what the table says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub abbreviations: BTreeMap<String, i32>,
    /// The order of all dates of numbers, as the user says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// The order of dates of numbers by layout.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub date_orders: BTreeMap<DateLayout, DateOrder>,
    /// Where lines start from which on an hour that local time has twice is the second one, and the
    /// first one again, in turn: two for each autumn, the last one perhaps open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<u64>,
}

/// Turns of one source at most: those of more autumns than any log has.
pub(crate) const TURNS_MAX: usize = 128;

impl TimeReading {
    /// Whether nothing was decided.
    pub fn is_empty(&self) -> bool {
        *self == TimeReading::default()
    }

    /// The order of each layout, if it is decided.
    pub(super) fn orders(&self) -> Orders {
        let mut orders = Orders::default();
        for (&layout, &order) in &self.date_orders {
            orders[layout as usize] = Some(order);
        }
        if let Some(order) = self.date_order {
            for layout in DateLayout::ALL {
                if layout.orders().contains(&order) {
                    orders[layout as usize] = Some(order);
                }
            }
        }
        orders
    }
}

/// The order of each layout, where it is decided.
pub(super) type Orders = [Option<DateOrder>; DateLayout::ALL.len()];

/// The order of a date's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DateOrder {
    /// `01/24/2024`, or `01.24` without a year.
    #[serde(rename = "mdy")]
    MonthFirst,
    /// `24.01.2024`
    #[serde(rename = "dmy")]
    DayFirst,
    /// `24-01-23`
    #[serde(rename = "ymd")]
    ShortYearFirst,
    /// Dates of the source prove two orders, so that such timestamps are unknown.
    #[serde(rename = "unknown")]
    Contradicted,
}

/// The layouts of dates whose numbers may be in more than one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DateLayout {
    /// `01/24/2024`
    #[serde(rename = "n/n/Y")]
    Slashes,
    /// `24-01-2024`
    #[serde(rename = "n-n-Y")]
    Dashes,
    /// `24.01.2024`
    #[serde(rename = "n.n.Y")]
    Points,
    /// `01/24/24`
    #[serde(rename = "n/n/y")]
    ShortSlashes,
    /// `24-01-23`
    #[serde(rename = "n-n-y")]
    ShortDashes,
    /// `24.01.24`
    #[serde(rename = "n.n.y")]
    ShortPoints,
    /// `01/24-`
    #[serde(rename = "n/n")]
    YearlessSlash,
    /// `01.24 `
    #[serde(rename = "n.n")]
    YearlessPoint,
}

impl DateLayout {
    /// All of them, in order.
    pub const ALL: [DateLayout; 8] = [
        DateLayout::Slashes,
        DateLayout::Dashes,
        DateLayout::Points,
        DateLayout::ShortSlashes,
        DateLayout::ShortDashes,
        DateLayout::ShortPoints,
        DateLayout::YearlessSlash,
        DateLayout::YearlessPoint,
    ];

    /// The orders that its numbers may be in.
    pub fn orders(self) -> &'static [DateOrder] {
        use DateOrder::{DayFirst, MonthFirst, ShortYearFirst};
        match self {
            DateLayout::ShortSlashes | DateLayout::ShortDashes | DateLayout::ShortPoints => {
                &[MonthFirst, DayFirst, ShortYearFirst]
            }
            _ => &[MonthFirst, DayFirst],
        }
    }

    /// The order that is usual for one date by itself.
    pub fn customary(self, [first, second, _]: [u32; 3]) -> DateOrder {
        let month_first = match self {
            DateLayout::ShortDashes => return DateOrder::ShortYearFirst,
            DateLayout::ShortPoints => false,
            DateLayout::Dashes | DateLayout::Points => second > 12,
            _ => first <= 12,
        };
        if month_first { DateOrder::MonthFirst } else { DateOrder::DayFirst }
    }
}

/// A date of numbers in an order that only their size, custom or a decision could tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumericDate {
    /// How it is written.
    pub layout: DateLayout,
    /// Its numbers as they stand there; the third is 0 without a year.
    pub numbers: [u32; 3],
}

impl NumericDate {
    /// Year (0 without one), month and day if the numbers are in this order; None if that is no
    /// date.
    pub fn in_order(self, order: DateOrder) -> Option<[u32; 3]> {
        let [a, b, c] = self.numbers;
        let century = if self.layout.orders().len() == 3 { 2000 } else { 0 };
        let [year, month, day] = match order {
            DateOrder::MonthFirst => [century + c, a, b],
            DateOrder::DayFirst => [century + c, b, a],
            DateOrder::ShortYearFirst => [2000 + a, b, c],
            DateOrder::Contradicted => return None,
        };
        // A leap year for what has none.
        let of_day = if year == 0 { 2000 } else { year };
        super::civil::midnight(of_day, month, day).map(|_| [year, month, day])
    }

    /// The day since 1970 if the numbers are in this order; without a year, that of 2000.
    pub fn day(self, order: DateOrder) -> Option<i64> {
        let [year, month, day] = self.in_order(order)?;
        let of_day = if year == 0 { 2000 } else { year };
        Some(super::civil::midnight(of_day, month, day)? / super::civil::SECONDS_PER_DAY)
    }
}
