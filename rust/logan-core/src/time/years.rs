//! Timestamps without a year: which one they are of.

use super::civil::{SECONDS_PER_DAY, civil_from_days, midnight_of};
use super::{Stamp, TimestampParser};

impl TimestampParser {
    /// The second at or before which a timestamp without a year lies.
    pub(super) fn yearless_limit(&self) -> i64 {
        self.anchor_ns.div_euclid(1_000_000_000) + 2 * SECONDS_PER_DAY
    }

    /// The latest year that puts a date without one at or before the anchor + 48 h, and, if a day of
    /// the week was written before it, on that day.
    pub fn yearless(&mut self, month: u32, day: u32, seconds: i64, nanos: u32) -> Option<Stamp> {
        if let Some(weekday) = self.weekday
            && let Some(stamp) = self.yearless_on(weekday, month, day, seconds, nanos)
        {
            return Some(stamp);
        }
        let kept = self.yearless_day;
        if (kept.0, kept.1) == (month, day) {
            return Some(Stamp { second: self.localised(kept.2 + seconds), nanos });
        }
        let limit = self.yearless_limit();
        let (latest, ..) = civil_from_days(limit.div_euclid(SECONDS_PER_DAY) + 1);
        // Eight years back there is a 29 February, even around 1900.
        for year in (latest - 8..=latest).rev() {
            let Some(midnight) = midnight_of(year, month, day) else { continue };
            let second = self.localised(midnight + seconds);
            if second <= limit {
                // Within two days of the limit the time of day and the zone decide; a year on
                // the date is behind the limit all day long.
                const MARGIN: i64 = 2 * SECONDS_PER_DAY;
                let later = |n: i32| midnight_of(year + n, month, day);
                let is_alone = (1..=8).all(|n| later(n).is_none_or(|m| m - MARGIN > limit));
                if self.remembers && midnight + SECONDS_PER_DAY + MARGIN <= limit && is_alone {
                    self.yearless_day = (month, day, midnight);
                }
                return Some(Stamp { second, nanos });
            }
        }
        None
    }

    /// The latest year that puts a date at or before the anchor + 48 h and on a day of the week; None
    /// if none does, or if the anchor does not tell the century.
    #[cold]
    fn yearless_on(
        &mut self,
        weekday: u32,
        month: u32,
        day: u32,
        seconds: i64,
        nanos: u32,
    ) -> Option<Stamp> {
        /// Within so many years each date was on each day of the week, even around 1900.
        const YEARS: i32 = 40;
        let limit = self.yearless_limit();
        let (kept_weekday, kept_month, kept_day, mut midnight) = self.weekday_day;
        if (kept_weekday, kept_month, kept_day) != (weekday, month, day) {
            let (latest, ..) = civil_from_days(limit.div_euclid(SECONDS_PER_DAY) + 1);
            midnight = (latest - YEARS..=latest).rev().find_map(|year| {
                let midnight = midnight_of(year, month, day)?;
                // 1970 began on a Thursday.
                let is_on = (midnight.div_euclid(SECONDS_PER_DAY) + 3).rem_euclid(7);
                let is_before = self.localised(midnight + seconds) <= limit;
                (is_on == i64::from(weekday) && is_before).then_some(midnight)
            })?;
            // Near the limit the time of day decides.
            if self.remembers && midnight + 3 * SECONDS_PER_DAY <= limit {
                self.weekday_day = (weekday, month, day, midnight);
            }
        }
        Some(Stamp { second: self.localised(midnight + seconds), nanos })
    }

    /// The same clock where dates without a year lie about `stamp`, rather than before the anchor.
    pub fn about(&self, stamp: Stamp) -> TimestampParser {
        let mut clock = self.clone();
        clock.anchor_ns = stamp.nanos_since_epoch();
        clock.yearless_day = (u32::MAX, 0, 0);
        clock.weekday_day = (u32::MAX, 0, 0, 0);
        clock.month_minute = (0, 0);
        clock
    }
}
