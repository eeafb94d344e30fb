//! Timestamps: bytes to nanoseconds since 1970-01-01T00:00:00Z.
//!
//! Fixed layouts are read by hand, since this is the hot path; what a named zone means on a given
//! day is asked of jiff and remembered. Readers take a [`Line`] and a position and answer with a
//! [`Stamp`] and the position after the timestamp. Nothing is guessed from other lines: a timestamp
//! depends on the bytes, the input zone, the anchor and the [`TimeReading`] alone, and the caches
//! never show.
//!
//! Accepted: years 1678–2261 (what fits in 64-bit nanoseconds), real calendar days, hours 0–23,
//! minutes and seconds 0–59, one to nine digits of fraction (more are cut), zones as
//! [`zones`](super::zones) lists them. A leap second counts as the second before it. A timestamp
//! without a zone is in the input zone; in a gap of that zone (spring) the offset before the gap
//! counts, in a fold (autumn) the earlier instant. Dates of clocks that were never set are read as
//! [`Stamp::ABSENT`].
//!
//! # Fast path `timestamps`
//! ```text
//! the bytes up to the minute are those of the timestamp before: its second + the seconds here
//! else those of the date are: its midnight + the time of day here
//! else read the date, and keep its bytes with its midnight
//! ```
//! Reference: reading in whole. Compared by `a_cache_never_shows` and its kin in `time/tests.rs`
//! and `tests/fast_paths.rs`. Gain: time without it 1.34 on app text, 1.10 on mixed logs, 1.02
//! on unlike ones (2026-11-28, AMD EPYC with AVX-512, other work beside it).

use super::civil::is_unset_at;
use super::civil::{DAYS, SECONDS_PER_DAY, midnight, month_by_name};
use super::digits::{
    compact_time, day_number, leading_digits, read_clf_day, read_fraction, read_hms, read_iso_day,
    two_digits,
};
use super::epoch::{epoch_at, tai64n_at};
use super::layouts::{date_follows_time, half_day_follows};
use super::local::{KnownOffset, NamedZone};
use super::month_names;
use super::reading::{DateLayout, DateOrder, NumericDate, Orders, TimeReading};
use super::seen::{Prefix, SeenLevel, SeenZone};
use super::zones::{self, ABBREVIATIONS, read_certain};
use crate::bytes::line::Line;
use jiff::tz::TimeZone;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Whole seconds since 1970, rounded toward minus infinity.
    pub second: i64,
    /// Nanoseconds after `second`, 0–999,999,999.
    pub nanos: u32,
}

impl Stamp {
    /// A timestamp that is written and unknown: that of a clock that was never set, or of a date
    /// that may be two. A record keeps its place as one without a time: in nanoseconds this is
    /// [`NO_TIME`](crate::record::NO_TIME).
    pub const ABSENT: Stamp = Stamp { second: -9_223_372_037, nanos: 145_224_192 };

    /// Nanoseconds since 1970.
    #[inline(always)]
    pub fn nanos_since_epoch(self) -> i64 {
        // Wrapping, as the seconds of ABSENT have no such number without its nanoseconds.
        self.second.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanos))
    }

    /// The stamp so many nanoseconds after 1970.
    pub fn from_nanos(nanos: i64) -> Stamp {
        Stamp {
            second: nanos.div_euclid(1_000_000_000),
            nanos: nanos.rem_euclid(1_000_000_000) as u32,
        }
    }
}

/// Reads timestamps; holds the input zone, the anchor for missing years, and caches.
#[derive(Clone)]
pub struct TimestampParser {
    pub(super) zone: TimeZone,
    /// Nanoseconds since 1970 at or before which (plus 48 h) a timestamp without a year lies.
    pub(super) anchor_ns: i64,
    /// Local seconds `[from, to)` for which `offset` is the zone's offset.
    offset_from: i64,
    offset_to: i64,
    offset: i64,
    /// The last date read in ISO layout (its ten bytes as 8 + 2) and the seconds at its midnight.
    iso_day: (u64, u16),
    iso_midnight: i64,
    /// The last minute read by `plain` (its sixteen bytes) and the second, in UTC, it begins with.
    minute: (u64, u64),
    minute_start: i64,
    /// The last zone read that was written as ` +0000]`, and its seconds east.
    zone_written: u64,
    zone_offset: i64,
    /// The last date read in CLF layout (its eleven bytes as 8 + 8 overlapping).
    clf_day: (u64, u64),
    clf_midnight: i64,
    /// The last minute in CLF layout (its seventeen bytes as 8 + 8 + 1) before seconds, three
    /// decimals and a bracket, all of one offset from UTC, and the second, in UTC, it begins with.
    clf_minute: (u64, u64, u8),
    clf_minute_start: i64,
    /// The last month and day without a year that all lie in one year whatever the time of day,
    /// and the seconds at its midnight.
    pub(super) yearless_day: (u32, u32, i64),
    /// The day of the week, of which Monday is 0, before the date that is being read.
    pub(super) weekday: Option<u32>,
    /// The last day of the week, month and day without a year, and the seconds at its midnight.
    pub(super) weekday_day: (u32, u32, u32, i64),
    /// The last minute of such a day, written as `Jan 24 10:15` (its twelve bytes as 8 + 4), all of
    /// one offset from UTC, and the second, in UTC, it begins with.
    pub(super) month_minute: (u64, u32),
    month_minute_start: i64,
    /// What was decided about the source.
    pub(super) orders: Orders,
    pub(super) zone_column: bool,
    epoch_column: Option<u32>,
    /// Abbreviations that do not mean what the table says: their place there, and seconds east.
    pub(super) abbreviations: Vec<(usize, i64)>,
    /// The last zone that was written by its name.
    pub(super) named: NamedZone,
    /// The last date of numbers that was read and whose order is not that of ISO. For detection: no
    /// timestamp depends on it.
    pub numeric_date: Option<NumericDate>,
    /// Whether days and minutes are remembered.
    pub(super) remembers: bool,
    /// Whether hours that local time has twice are read as the second ones.
    repeated: bool,
    /// The last [doubtful](super::zones) zone that was read. For detection as well.
    pub seen_zone: Option<SeenZone>,
    /// See [`TimeReading::level_column`].
    pub level_column: Option<u32>,
    /// See [`TimeReading::has_prefixes`].
    pub has_prefixes: bool,
    /// See [`TimeReading::has_inner_dates`].
    pub has_inner_dates: bool,
    /// See [`TimeReading::last_clock`].
    last_clock: Option<u32>,
    /// The second of the day of the last time of day that stood without a date. For detection.
    pub seen_clock: Option<u32>,
    /// Whether [`seen_level`](Self::seen_level) and the like are wanted.
    pub learns_levels: bool,
    /// Where the level beside the last timestamp stands. For detection as well.
    pub seen_level: Option<SeenLevel>,
    /// What stood before a timestamp that counted although no level stands beside it. For detection
    /// as well.
    pub seen_prefix: Option<Prefix>,
    /// A key that is in no table of names and gave the time of a record. For detection as well.
    pub seen_key: Option<Box<str>>,
}

impl TimestampParser {
    /// A clock for timestamps without zone in `zone`, and without year up to 48 h past `anchor_ns`.
    pub fn new(zone: TimeZone, anchor_ns: i64) -> TimestampParser {
        let mut clock = TimestampParser {
            zone,
            anchor_ns,
            offset_from: 0,
            offset_to: 0,
            offset: 0,
            iso_day: ISO_DAY,
            iso_midnight: SECONDS_PER_DAY,
            minute: (0, 0),
            minute_start: 0,
            zone_written: u64::from_le_bytes(*b" +0000]\0"),
            zone_offset: 0,
            clf_day: (0, 0),
            clf_midnight: 0,
            clf_minute: (0, 0, 0),
            clf_minute_start: 0,
            yearless_day: (u32::MAX, 0, 0),
            weekday: None,
            weekday_day: (u32::MAX, 0, 0, 0),
            month_minute: (0, 0),
            month_minute_start: 0,
            orders: Orders::default(),
            zone_column: false,
            epoch_column: None,
            abbreviations: Vec::new(),
            named: NamedZone::default(),
            numeric_date: None,
            remembers: true,
            repeated: false,
            seen_zone: None,
            level_column: None,
            has_prefixes: false,
            has_inner_dates: false,
            last_clock: None,
            seen_clock: None,
            learns_levels: false,
            seen_level: None,
            seen_prefix: None,
            seen_key: None,
        };
        if clock.zone == TimeZone::UTC {
            (clock.offset_from, clock.offset_to) = (i64::MIN, i64::MAX);
        }
        clock
    }

    /// From now on no day and no minute is remembered: each timestamp is read in whole.
    pub fn forget(&mut self) {
        self.remembers = false;
    }

    /// Whether an hour that the input zone has twice is read as the second one from now on.
    pub fn repeat_hours(&mut self, repeated: bool) {
        if self.repeated != repeated {
            self.repeated = repeated;
            (self.minute, self.clf_minute, self.month_minute) = ((0, 0), (0, 0, 0), (0, 0));
            if self.zone != TimeZone::UTC {
                (self.offset_from, self.offset_to) = (0, 0);
            }
        }
    }

    /// The same clock with what was decided about a source.
    pub fn with_reading(mut self, reading: &TimeReading) -> TimestampParser {
        self.orders = reading.orders();
        self.zone_column = reading.zone_column;
        self.epoch_column = reading.epoch_column;
        self.level_column = reading.level_column;
        self.last_clock = reading.last_clock;
        self.has_prefixes = reading.has_prefixes;
        self.has_inner_dates = reading.has_inner_dates;
        self.abbreviations = reading
            .abbreviations
            .iter()
            .filter_map(|(name, &minutes)| {
                let known = ABBREVIATIONS.iter().position(|each| each.name == name)?;
                Some((known, i64::from(minutes) * 60))
            })
            .collect();
        self
    }

    /// Whether times of day without a date are read.
    #[inline(always)]
    pub fn reads_clocks(&self) -> bool {
        self.last_clock.is_some() || self.learns_levels
    }

    /// The instant of a time of day without a date: on the latest day on which the last one of the
    /// source lies at or before the anchor.
    pub fn of_clock(&mut self, second: u32, nanos: u32) -> Option<Stamp> {
        self.seen_clock = Some(second);
        let last = i64::from(self.last_clock?);
        let anchor = self.anchor_ns.div_euclid(1_000_000_000);
        let today = anchor.div_euclid(SECONDS_PER_DAY);
        let day = (today - 2..=today + 1)
            .rev()
            .find(|day| self.localised(day * SECONDS_PER_DAY + last) <= anchor)?;
        let second = self.localised(day * SECONDS_PER_DAY + i64::from(second));
        Some(Stamp { second, nanos })
    }

    /// What `read` gives where a zone follows the timestamp in a fixed place.
    pub fn expecting_zone<T>(&mut self, read: impl FnOnce(&mut TimestampParser) -> T) -> T {
        let kept = std::mem::replace(&mut self.zone_column, true);
        let found = read(self);
        self.zone_column = kept;
        found
    }

    /// A clock for UTC with the anchor at 1970, for tests and layouts that need neither.
    pub fn utc() -> TimestampParser {
        TimestampParser::new(TimeZone::UTC, 0)
    }

    /// Seconds since 1970 at so many seconds of a day (year, month, day) of UTC.
    pub(crate) fn civil([year, month, day]: [u32; 3], seconds: i64) -> Option<i64> {
        Some(midnight(year, month, day)? + seconds)
    }

    /// As [`civil`](Self::civil), in the input zone.
    pub(crate) fn civil_here(&mut self, day: [u32; 3], seconds: i64) -> Option<i64> {
        let local = TimestampParser::civil(day, seconds)?;
        Some(self.localised(local))
    }

    /// Seconds of UTC for seconds of local time.
    #[inline(always)]
    pub(super) fn localised(&mut self, local: i64) -> i64 {
        if local < self.offset_from || local >= self.offset_to {
            self.look_up_offset(local);
        }
        local - self.offset
    }

    #[cold]
    fn look_up_offset(&mut self, local: i64) {
        let KnownOffset { from, to, east } = KnownOffset::around(&self.zone, local, self.repeated);
        (self.offset_from, self.offset_to, self.offset) = (from, to, east);
    }

    /// At the start of a line exactly `YYYY-MM-DD HH:MM:SS.mmm ` (or `,mmm`), 24 bytes, which must
    /// not be followed by a zone; the milliseconds too.
    ///
    /// The most usual timestamp of all in three loads: the minute is remembered. Where it answers,
    /// [`iso`](Self::iso) would answer the same.
    #[inline(always)]
    pub fn plain(&mut self, line: Line<'_>) -> Option<(Stamp, i64)> {
        if line.len() < 24 {
            return None;
        }
        self.plain_words([line.u64_at(0), line.u64_at(8), line.u64_at(16)])
    }

    /// As [`plain`](Self::plain), given the 24 bytes.
    #[inline(always)]
    pub fn plain_words(&mut self, words: [u64; 3]) -> Option<(Stamp, i64)> {
        // One branch for both words.
        if (words[0] ^ self.minute.0) | (words[1] ^ self.minute.1) != 0 {
            let minute = (words[0], words[1]);
            self.minute_start = self.read_minute(minute)?;
            if self.remembers {
                self.minute = minute;
            }
        }
        // `:SS.mmm `; one bit tells `,` from `.`.
        let x = (words[2] | 0x0200_0000) ^ u64::from_le_bytes(*b":00.000 ");
        const ROOM: u64 = 0x7f76_7676_7f76_7a7f;
        if (x.wrapping_add(ROOM) | x) & 0x8080_8080_8080_8080 != 0 {
            return None;
        }
        let pairs = x.wrapping_mul(10).wrapping_add(x >> 8);
        let second = self.minute_start + (pairs >> 8 & 0xff) as i64;
        let nanos = ((pairs >> 32 & 0xff) * 10 + (x >> 48 & 0xff)) as u32 * 1_000_000;
        let stamp = Stamp { second, nanos };
        Some((stamp, stamp.nanos_since_epoch()))
    }

    /// The first second, in UTC, of the minute written as `YYYY-MM-DD HH:MM`.
    #[cold]
    fn read_minute(&mut self, (date, rest): (u64, u64)) -> Option<i64> {
        let midnight = read_iso_day((date, rest as u16))?;
        // The separator, then `HH:MM`, completed to a time of day.
        let seconds =
            read_hms(rest >> 24 & 0xff_ffff_ffff | u64::from_le_bytes(*b"\0\0\0\0\0:00"))?;
        let is_plain = rest >> 16 & 0xff == u64::from(b' ') && !may_be_unset(midnight);
        is_plain.then(|| self.localised(midnight + seconds))
    }

    /// `YYYY-MM-DD` (or with `/`), `T` or one space, `HH:MM:SS`, optional fraction after `.` or
    /// `,`, optional zone.
    #[inline(always)]
    pub fn iso(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        // Nineteen bytes at the least.
        if line.len() < at + 19 {
            return None;
        }
        let day = (line.u64_at(at), line.u16_at(at + 8));
        if day != self.iso_day {
            self.iso_midnight = read_iso_day(day)?;
            if self.remembers {
                self.iso_day = day;
            }
            if may_be_unset(self.iso_midnight) {
                return self.iso_of_old_day(line, at);
            }
        }
        let separator = line.byte(at + 10);
        let seconds = read_hms(line.u64_at(at + 11))?;
        if separator != b' ' && separator != b'T' {
            return None;
        }
        let (nanos, end) = read_fraction(line, at + 19)?;
        self.zoned(line, end, self.iso_midnight + seconds, nanos)
    }

    /// As [`iso`](Self::iso), on a day on which clocks that were never set stand, which is not
    /// remembered; None if this one does.
    #[cold]
    #[inline(never)]
    fn iso_of_old_day(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let midnight = std::mem::replace(&mut self.iso_midnight, SECONDS_PER_DAY);
        self.iso_day = ISO_DAY;
        let separator = line.byte(at + 10);
        let seconds = read_hms(line.u64_at(at + 11))?;
        let is_unset = is_unset_at(midnight, line.u64_at(at + 11));
        if is_unset || separator != b' ' && separator != b'T' {
            return None;
        }
        let (nanos, end) = read_fraction(line, at + 19)?;
        self.zoned(line, end, midnight + seconds, nanos)
    }

    /// `DD/Mon/YYYY:HH:MM:SS`, optional fraction, optional space and zone; with slashes also a day
    /// of one digit, the month first, by its name or a number, and an hour padded with a space.
    #[inline(always)]
    pub fn clf(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        self.usual_clf(line, at).or_else(|| self.unusual_clf(line, at))
    }

    #[cold]
    #[inline(never)]
    fn unusual_clf(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let has_slash = line.bytes().get(at..at + 4)?.contains(&b'/');
        let starts = line.byte(at).is_ascii_digit() || line.byte(at).is_ascii_uppercase();
        if !has_slash || !starts || !TimestampParser::may_begin(line, at) {
            return None;
        }
        self.rare(line, at)
    }

    #[inline(always)]
    pub(super) fn usual_clf(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        if line.len() < at + 20 {
            return None;
        }
        // `:SS.mmm]` or `:SS,mmm]` behind the minute: see `plain_words`.
        let x = (line.u64_at(at + 17) | 0x0200_0000) ^ u64::from_le_bytes(*b":00.000]");
        const ROOM: u64 = 0x7f76_7676_7f76_7a7f;
        if (x.wrapping_add(ROOM) | x) & 0x8080_8080_8080_8080 != 0 || line.len() < at + 25 {
            return self.clf_in_general(line, at);
        }
        let minute = (line.u64_at(at), line.u64_at(at + 8), line.byte(at + 16));
        if minute != self.clf_minute {
            return self.clf_of_minute(line, at, minute);
        }
        let pairs = x.wrapping_mul(10).wrapping_add(x >> 8);
        let second = self.clf_minute_start + (pairs >> 8 & 0xff) as i64;
        let nanos = ((pairs >> 32 & 0xff) * 10 + (x >> 48 & 0xff)) as u32 * 1_000_000;
        Some((Stamp { second, nanos }, at + 24))
    }

    /// As [`clf_in_general`](Self::clf_in_general); remembers the minute.
    #[cold]
    #[inline(never)]
    fn clf_of_minute(
        &mut self,
        line: Line<'_>,
        at: usize,
        minute: (u64, u64, u8),
    ) -> Option<(Stamp, usize)> {
        let (stamp, end) = self.clf_in_general(line, at)?;
        let local = stamp.second + self.offset;
        let start = local - local.rem_euclid(60);
        // Offsets that are not whole minutes change within minutes.
        if self.remembers
            && end == at + 24
            && self.offset_from <= start
            && start + 59 < self.offset_to
        {
            self.clf_minute = minute;
            self.clf_minute_start = start - self.offset;
        }
        Some((stamp, end))
    }

    #[inline(always)]
    pub(super) fn clf_in_general(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let day = (line.u64_at(at), line.u64_at(at + 3));
        if day != self.clf_day {
            self.clf_midnight = read_clf_day(line, at)?;
            if self.remembers {
                self.clf_day = day;
            }
            if may_be_unset(self.clf_midnight) {
                // Not remembered, so that each such line is looked at.
                self.clf_day = (0, 0);
                if is_unset_at(self.clf_midnight, line.u64_at(at + 12)) {
                    return None;
                }
            }
        }
        let separator = line.byte(at + 11);
        if separator != b':' && separator != b' ' {
            return None;
        }
        let seconds = read_hms(line.u64_at(at + 12))?;
        let (nanos, end) = read_fraction(line, at + 20)?;
        self.zoned(line, end, self.clf_midnight + seconds, nanos)
    }

    /// Exactly the date `YYYY-MM-DD` at `at`: its midnight in seconds of UTC.
    #[inline(always)]
    pub fn utc_day(&mut self, line: Line<'_>, at: usize) -> Option<i64> {
        if line.len() < at + 10 {
            return None;
        }
        let day = (line.u64_at(at), line.u16_at(at + 8));
        if day != self.iso_day {
            self.iso_midnight = read_iso_day(day)?;
            if self.remembers {
                self.iso_day = day;
            }
        }
        Some(self.iso_midnight)
    }

    /// Exactly `HH:MM:SS` with an optional fraction at `at`: the seconds and nanoseconds since
    /// midnight, and where it ends.
    #[inline(always)]
    pub fn time_since_midnight(line: Line<'_>, at: usize) -> Option<(i64, u32, usize)> {
        if line.len() < at + 8 {
            return None;
        }
        let seconds = read_hms(line.u64_at(at))?;
        let (nanos, end) = read_fraction(line, at + 8)?;
        Some((seconds, nanos, end))
    }

    /// Any layout with a date, at exactly `at`. The layouts, in the order in which they are tried:
    ///
    /// | layout | seen in |
    /// |---|---|
    /// | `2024-01-24 10:15:32.123 +0000`, `2024/01/24T…` | most |
    /// | `24/Jan/2024:10:15:32 +0000`, `24-Jan-2024 10:15:32.123` | web servers, Tomcat |
    /// | `17/06/09 20:10:40` (year, month, day) | Spark |
    /// | `20240124T101532`, `20240124 10:15:32.123`, `20240124-10:15:32:123` | compact ISO |
    /// | `081109 203615` (year, month, day) | HDFS |
    /// | `01-24 10:15:32.123` (no year) | logcat |
    /// | `Sun Dec 04 04:47:44.123 2005`, `Jan 24, 2024 10:15:32 AM` | Apache errors, java.util.logging |
    /// | `Jan 24 10:15:32` (no year) | syslog |
    /// | `Wed, 24 Jan 2024 10:15:32 +0000`, `24 Jan 2024 10:15:32.123` | mail, Redis |
    /// | `1706091332.123`, `1706091332123` (ten digits or more) | epoch |
    /// | `4000000065b0e34e075bca00` behind `@` | TAI64N |
    /// | `01/24/2024 10:15:32 AM`, `2024-01-24_10:15`, … | see [`layouts`](super::layouts) |
    ///
    /// No letter or digit may follow. What the half of the day follows is tried as one of `layouts` first.
    #[inline]
    pub fn any(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        // The number of digits at the front leaves one family of layouts, or none: lines that are
        // no app text at all, such as those that begin with an address, end here.
        let (digits, _) = leading_digits(line.u64_at(at));
        let mark = line.byte(at + digits as usize);
        let found = match digits {
            4 => self.iso(line, at),
            2 if mark == b'/' || mark == b'-' => {
                self.usual_clf(line, at).or_else(|| self.short_digits(line, at))
            }
            1 | 2 if mark == b' ' => self.day_month(line, at),
            6 if mark == b' ' => self.short_digits(line, at),
            // A longer number is an epoch or nothing.
            8 if line.byte(at + 8).is_ascii_digit() => match line.byte(at.wrapping_sub(1)) {
                b'@' if at > 0 => tai64n_at(line, at).or_else(|| epoch_at(line, at)),
                _ => epoch_at(line, at),
            },
            8 => self.short_digits(line, at),
            0 if (line.u64_at(at), line.u32_at(at + 8)) == self.month_minute
                && line.byte(at).is_ascii_uppercase()
                && let Some(second) = self.second_of_month_minute(line, at) =>
            {
                return Some((Stamp { second, nanos: 0 }, at + 15));
            }
            0 if line.byte(at).is_ascii_uppercase() => self.named(line, at),
            _ => None,
        };
        let found =
            found.filter(|&(_, end)| !(end < line.len() && line.byte(end).is_ascii_alphanumeric()));
        match found {
            Some((_, end)) if !half_day_follows(line, end) => found,
            _ if matches!(digits, 1 | 2 | 4 | 6 | 8) && TimestampParser::may_begin(line, at) => {
                self.rare(line, at).or(found)
            }
            // Names of months and days, with a capital: most words end here.
            _ if digits == 0
                && line.byte(at).is_ascii_uppercase()
                && crate::time::layouts::may_be_name(line.u32_at(at)) =>
            {
                self.rare(line, at).or(found)
            }
            None if digits == 0 && TimestampParser::begins_with_month(line, at) => {
                self.rare(line, at)
            }
            _ => found,
        }
    }

    /// Whether the name of a month in another language stands at `at`.
    #[inline(always)]
    pub fn begins_with_month(line: Line<'_>, at: usize) -> bool {
        month_names::may_be_name(line.u32_at(at))
            && line.bytes().get(at..).is_some_and(|text| month_names::read(text).is_some())
    }

    /// Whether a date with a month's name in another language may stand at `at`.
    #[inline(always)]
    pub fn may_be_localized(line: Line<'_>, at: usize) -> bool {
        let (digits, _) = leading_digits(line.u64_at(at));
        let end = at + digits as usize;
        match digits {
            0 => month_names::may_be_name(line.u32_at(at)),
            // `1月 24`, `24. Okt`, `24 févr.`
            1 | 2 => match line.byte(end) {
                b'.' => line.byte(end + 1) == b' ',
                b' ' | b'-' | b'/' => month_names::may_be_name(line.u32_at(end + 1)),
                mark => mark >= 0x80,
            },
            _ => false,
        }
    }

    /// As [`any`](Self::any), but a bare number counts only if it is a time that a log may be of: from
    /// 1995 to three years after the anchor. Thread ids, sessions and telephone numbers lie outside.
    /// The anchor of a stream is when it began, and streams may run long.
    #[inline]
    pub fn at_front(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let found = self.any(line, at);
        if TimestampParser::is_bare(line, at) {
            return found.filter(|&(stamp, _)| self.may_be_of_a_log(stamp));
        }
        found
    }

    /// Whether a number of ten digits or more stands at `at` that is not a date without separators.
    #[inline(always)]
    pub fn is_bare(line: Line<'_>, at: usize) -> bool {
        leading_digits(line.u64_at(at)).0 == 8 && {
            let (count, _) = leading_digits(line.u64_at(at + 8));
            // Fourteen digits are a date with its time, unless they begin with 0.
            count > 1 && (count != 6 || line.byte(at) == b'0')
        }
    }

    /// Whether as many spaces stand before `at` as before the column of the source whose bare numbers
    /// are its timestamps.
    #[inline]
    pub fn is_in_epoch_column(&self, line: Line<'_>, at: usize) -> bool {
        self.epoch_column.is_some_and(|column| {
            line.bytes()[..at].iter().filter(|&&b| b == b' ').count() == column as usize
                && line.byte(at - 1) == b' '
        })
    }

    fn may_be_of_a_log(&self, stamp: Stamp) -> bool {
        /// 1995-01-01 and 2100-01-01.
        const SPAN: std::ops::Range<i64> = 788_918_400..4_102_444_800;
        const LATER: i64 = 3 * 366 * SECONDS_PER_DAY;
        let anchor = self.anchor_ns.div_euclid(1_000_000_000);
        // An anchor before all logs says nothing.
        let end = if anchor < SPAN.start { SPAN.end } else { anchor + LATER };
        (SPAN.start..end).contains(&stamp.second)
    }

    /// Whether [`any`](Self::any) may find a timestamp at `at`, where a digit or a capital stands: a
    /// cheap filter for callers that look for one.
    #[inline(always)]
    pub fn may_begin(line: Line<'_>, at: usize) -> bool {
        let (digits, _) = leading_digits(line.u64_at(at));
        let end = at + digits as usize;
        let mark = line.byte(end);
        let named = |at: usize| crate::time::layouts::may_be_name(line.u32_at(at));
        TimestampParser::may_be_localized(line, at)
            || match digits {
                0 => named(at),
                // Above ASCII: `2024年`.
                4 => {
                    matches!(mark, b'-' | b'/' | b'.' | 0xe5 | 0xeb)
                        || mark == b' ' && named(end + 1)
                }
                1 | 2 => match mark {
                    b'-' | b'/' => line.byte(end + 1).is_ascii_alphanumeric(),
                    b'.' => line.byte(end + 1).is_ascii_digit(),
                    b' ' => named(end + 1),
                    b':' => date_follows_time(line, at),
                    _ => named(end),
                },
                6 => {
                    matches!(mark, b' ' | b'T' | b't' | b'@' | b'_')
                        || matches!(mark, b'-' | b'|' | b';' | b',' | b':' | b'/')
                }
                8 => true,
                _ => false,
            }
    }

    /// The second that `:SS ` makes of the last minute with a month's name; None where more may
    /// belong to the timestamp: a year, or `AM`.
    #[inline(always)]
    fn second_of_month_minute(&self, line: Line<'_>, at: usize) -> Option<i64> {
        let x = line.u32_at(at + 12) ^ u32::from_le_bytes(*b":00 ");
        const ROOM: u32 = 0x7f76_7a7f;
        let next = line.byte(at + 16);
        let is_plain = (x.wrapping_add(ROOM) | x) & 0x8080_8080 == 0
            && line.len() > at + 16
            && !next.is_ascii_digit()
            && !zones::may_begin(line.u32_at(at + 16))
            && !half_day_follows(line, at + 15);
        let second = (x >> 8 & 0xff) * 10 + (x >> 16 & 0xff);
        is_plain.then(|| self.month_minute_start + i64::from(second))
    }

    /// The digit layouts that are not ISO: Spark, compact ISO, HDFS, logcat.
    fn short_digits(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let two = |i: usize| two_digits(line, at + i);
        let time_at =
            |i: usize| (line.len() >= at + i + 8).then(|| read_hms(line.u64_at(at + i))).flatten();
        if line.byte(at + 2) == b'/' && line.byte(at + 5) == b'/' && line.byte(at + 8) == b' ' {
            let numbers = [two(0)?, two(3)?, two(6)?];
            let layout = DateLayout::ShortSlashes;
            if self.orders[layout as usize].unwrap_or(DateOrder::ShortYearFirst)
                != DateOrder::ShortYearFirst
            {
                return None;
            }
            let midnight = midnight(2000 + numbers[0], numbers[1], numbers[2])?;
            self.numeric_date = Some(NumericDate { layout, numbers });
            return self.fractioned(line, at + 17, midnight + time_at(9)?);
        }
        if line.byte(at + 2) == b'-' && line.byte(at + 5) == b' ' {
            let (month, day, seconds) = (two(0)?, two(3)?, time_at(6)?);
            let (nanos, end) = read_fraction(line, at + 14)?;
            return self.yearless_zoned(line, end, [month, day], seconds, nanos);
        }
        if line.byte(at + 6) == b' ' && line.len() >= at + 13 {
            let midnight = midnight(2000 + two(0)?, two(2)?, two(4)?)?;
            let seconds = compact_time(two(7)?, two(9)?, two(11)?)?;
            return self.fractioned(line, at + 13, midnight + seconds);
        }
        let midnight = midnight(two(0)? * 100 + two(2)?, two(4)?, two(6)?)?;
        match line.byte(at + 8) {
            b'T' if line.len() >= at + 15 => {
                let seconds = compact_time(two(9)?, two(11)?, two(13)?)?;
                self.fractioned(line, at + 15, midnight + seconds)
            }
            b' ' | b'-' => self.fractioned(line, at + 17, midnight + time_at(9)?),
            _ => None,
        }
    }

    /// `24 Jan 2024 10:15:32[.123]`.
    fn day_month(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let (day, i) = day_number(line, at)?;
        if line.byte(i) != b' ' || line.byte(i + 4) != b' ' || line.byte(i + 9) != b' ' {
            return None;
        }
        let month = month_by_name(line, i + 1)?;
        let year = two_digits(line, i + 5)? * 100 + two_digits(line, i + 7)?;
        if line.len() < i + 18 {
            return None;
        }
        let seconds = read_hms(line.u64_at(i + 10))?;
        self.fractioned(line, i + 18, real(midnight(year, month, day)?, seconds)?)
    }

    /// Layouts that begin with the name of a day or month.
    fn named(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let name = line.u32_at(at) & 0xff_ffff;
        if let Some(weekday) = DAYS.iter().position(|&day| day == name) {
            match line.byte(at + 3) {
                b',' if line.byte(at + 4) == b' ' => return self.day_month(line, at + 5),
                b' ' => {
                    self.weekday = Some(weekday as u32);
                    let found = self.month_first(line, at + 4);
                    self.weekday = None;
                    return found;
                }
                _ => return None,
            }
        }
        match self.month_first(line, at) {
            None if at > 0 && line.byte(at - 1) == b'[' => self.zone_first(line, at),
            found => found,
        }
    }

    /// `CET Jan 24 10:15:32]` behind a bracket (Monit).
    #[cold]
    #[inline(never)]
    fn zone_first(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let text = line.bytes().get(at..)?;
        let name = text.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let zone = zones::abbreviation(&text[..name])?;
        let month = month_by_name(line, at + name + 1)?;
        let day = at + name + 5 + usize::from(line.byte(at + name + 5) == b' ');
        let (day, end) = day_number(line, day)?;
        let marks = [line.byte(at + name), line.byte(at + name + 4), line.byte(end)];
        if marks != [b' '; 3] || line.len() <= end + 9 || line.byte(end + 9) != b']' {
            return None;
        }
        let seconds = read_hms(line.u64_at(end + 1))?;
        let second = self.yearless_in(line, zone, [month, day], seconds)?;
        self.note_zone(zone, zones::Follows::Mark);
        Some((Stamp { second, nanos: 0 }, end + 9))
    }

    /// `Dec 04 04:47:44[.123][ 2005]`, `Jan 24, 2024 10:15:32 AM`.
    fn month_first(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let month = month_by_name(line, at)?;
        if line.byte(at + 3) != b' ' {
            return None;
        }
        let name = at;
        // A one-digit day may be padded with a space.
        let at = at + 4 + usize::from(line.byte(at + 4) == b' ');
        let (day, i) = day_number(line, at)?;
        if line.byte(i) == b',' {
            let year = two_digits(line, i + 2)? * 100 + two_digits(line, i + 4)?;
            // The hour has one digit or two.
            let (hour, h) = day_number(line, i + 7)?;
            if line.byte(h) != b':' {
                return None;
            }
            let m = h + 1;
            let (minute, second) = (two_digits(line, m)?, two_digits(line, m + 3)?);
            if line.byte(i + 1) != b' ' || line.byte(i + 6) != b' ' || line.byte(m + 2) != b':' {
                return None;
            }
            let (nanos, after) = read_fraction(line, m + 5)?;
            let (hour, end) = match &line.u32_at(after).to_le_bytes()[..3] {
                b" AM" if (1..=12).contains(&hour) => (hour % 12, after + 3),
                b" PM" if (1..=12).contains(&hour) => (hour % 12 + 12, after + 3),
                _ => (hour, after),
            };
            // A fraction is read with what may follow it.
            if end > line.len() || matches!(line.byte(end), b'.' | b',') && end < line.len() {
                return None;
            }
            let seconds = compact_time(hour, minute, second)?;
            return self.zoned(line, end, real(midnight(year, month, day)?, seconds)?, nanos);
        }
        if line.byte(i) != b' ' || line.len() < i + 9 {
            return None;
        }
        let seconds = read_hms(line.u64_at(i + 1))?;
        let (nanos, end) = read_fraction(line, i + 9)?;
        // A year may follow; four digits that are not a year belong to the message.
        if line.byte(end) == b' '
            && line.len() >= end + 5
            && let (Some(high), Some(low)) = (two_digits(line, end + 1), two_digits(line, end + 3))
        {
            let alone = end + 5 == line.len() || !line.byte(end + 5).is_ascii_alphanumeric();
            if let Some(midnight) = midnight(high * 100 + low, month, day).filter(|_| alone) {
                return self.zoned(line, end + 5, real(midnight, seconds)?, nanos);
            }
        }
        // A zone may follow, and the year after it.
        let zone_follows = match line.byte(end) {
            b' ' => zones::may_begin(line.u32_at(end + 1)),
            b'+' | b'-' => end < line.len(),
            _ => false,
        };
        if zone_follows && let Some(found) = self.rare(line, name) {
            return Some(found);
        }
        let stamp = self.yearless(month, day, seconds, nanos)?;
        let (kept_month, kept_day, midnight) = self.yearless_day;
        let start = midnight + seconds - seconds % 60;
        // Offsets that are not whole minutes change within minutes.
        if self.weekday.is_none()
            && (kept_month, kept_day) == (month, day)
            && (i, end) == (name + 6, name + 15)
            && self.offset_from <= start
            && start + 59 < self.offset_to
        {
            self.month_minute = (line.u64_at(name), line.u32_at(name + 8));
            self.month_minute_start = start - self.offset;
        }
        Some((stamp, end))
    }

    /// `HH:MM:SS` with an optional fraction and zone, of a month and day without a year.
    pub fn time_of_day(
        &mut self,
        line: Line<'_>,
        at: usize,
        month: u32,
        day: u32,
    ) -> Option<(Stamp, usize)> {
        if line.len() < at + 8 {
            return None;
        }
        let seconds = read_hms(line.u64_at(at))?;
        let (nanos, end) = read_fraction(line, at + 8)?;
        self.yearless_zoned(line, end, [month, day], seconds, nanos)
    }

    /// A date of numbers without a year: in the certain zone written at `end`, if any, else in the
    /// input zone.
    #[inline]
    fn yearless_zoned(
        &mut self,
        line: Line<'_>,
        end: usize,
        [month, day]: [u32; 2],
        seconds: i64,
        nanos: u32,
    ) -> Option<(Stamp, usize)> {
        let zone_may_follow = match line.byte(end) {
            b' ' => zones::may_begin(line.u32_at(end + 1)),
            b'Z' | b'z' | b'+' | b'-' => end < line.len(),
            _ => false,
        };
        if zone_may_follow && let Some((east, end)) = read_certain(line, end) {
            let second =
                self.yearless_in(line, zones::Zone::Offset(east), [month, day], seconds)?;
            return Some((Stamp { second, nanos }, end));
        }
        Some((self.yearless(month, day, seconds, nanos)?, end))
    }

    fn fractioned(&mut self, line: Line<'_>, at: usize, local: i64) -> Option<(Stamp, usize)> {
        // HealthApp and FIX write the milliseconds after a colon.
        let (nanos, end) = read_fraction(line, at)?;
        self.zoned(line, end, local, nanos)
    }

    /// Applies the zone written at `at`, if any, else the input zone.
    #[inline(always)]
    pub(super) fn zoned(
        &mut self,
        line: Line<'_>,
        at: usize,
        local: i64,
        nanos: u32,
    ) -> Option<(Stamp, usize)> {
        // Access logs: the zone of the line before, and a bracket. Seven bytes tell it all.
        const SEVEN: u64 = 0xff_ffff_ffff_ffff;
        let written = line.u64_at(at) & SEVEN;
        if written == self.zone_written {
            return Some((Stamp { second: local - self.zone_offset, nanos }, at + 6));
        }
        // Nearly always a space or a bracket and then no zone.
        let next = line.byte(at);
        let zone_may_follow = match next {
            b' ' => zones::may_begin(line.u32_at(at + 1)),
            b'Z' | b'z' | b'+' | b'-' | b'U' | b'G' => at < line.len(),
            _ => false,
        };
        if zone_may_follow {
            if let Some((offset, end)) = read_certain(line, at) {
                if end == at + 6
                    && line.byte(at) == b' '
                    && line.byte(end) == b']'
                    && end < line.len()
                {
                    (self.zone_written, self.zone_offset) = (written, offset);
                }
                return Some((Stamp { second: local - offset, nanos }, end));
            }
            if let Some((second, end)) = self.doubtful_zone(line, at, local) {
                return Some((Stamp { second, nanos }, end));
            }
        }
        Some((Stamp { second: self.localised(local), nanos }, at))
    }
}

/// A day that a clock starts with which remembers none, and which it would read.
const ISO_DAY: (u64, u16) = (u64::from_le_bytes(*b"1970-01-"), u16::from_le_bytes(*b"02"));

/// The second of local time, unless it is that of a clock that was never set.
fn real(midnight: i64, seconds: i64) -> Option<i64> {
    let is_unset = may_be_unset(midnight) && (midnight != 0 || seconds == 0);
    (!is_unset).then_some(midnight + seconds)
}

/// Whether clocks that were never set may stand on the day of this midnight.
fn may_be_unset(midnight: i64) -> bool {
    is_unset_at(midnight, u64::from_le_bytes(*b"00:00:00"))
}
