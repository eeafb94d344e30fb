//! The rarer layouts of timestamps, read piece by piece: a date, a gap, a time of day.
//!
//! Tried where none of the usual ones fits, so nothing here needs to be fast.
//!
//! - **date**: `2024-1-4` `2024.01.24` `2024/1/4`, these also after the name of a day and a blank;
//!   `2024 Jan 24` `2024-Jan-24`; `20240124`; `240124`; `24-01-24` (year, month, day);
//!   `24 Jan 2024` `24-Jan-24` `24Jan2024` `24 Jan`, `24-Jan` before
//!   a space; `Jan 24 2024` `January 24, 2024` `Jan/24/2024` `January 24` `Jan-24`, these two
//!   perhaps behind the name of a day, a comma or none, and a space;
//!   and two numbers before a year. Their order is that of the [reading](super::TimeReading), or
//!   customary: `01/24/2024` is month and day, unless the first is above 12, but
//!   day and month before ` -- ` (Suricata);
//!   `24.01.2024` and `24-01-2024` are day and month, unless the second is above 12. A year of two
//!   digits may follow slashes and points. `10.30` before a space, `10/30` before a `-` (Snort) or a space and a time with seconds, are
//!   a month and a day, or the other way round if the first is above 12; `10-30` before a `|` (go-ethereum)
//!   is a month and a day. A date without a year behind the name of a day is of a year in which it was
//!   on that day. Names count in any case, whole or by three letters, but at the very
//!   front with a capital. Those of months also in [other languages](super::month_names), perhaps with a
//!   point behind them or behind the day before them (`24. Okt 2024`); `1月 24` is January 24.
//!   `2024年1月24日`, `2024년 1월 24일`: its time may follow directly, and have marks instead of colons
//!   (`10时15分32秒`).
//! - **gap**: one to three bytes, of which at most one is not a space: that one is a tab or of
//!   `Tt@_-|;,:`; or ` -- `, ` at `, `, at ` or ` à `; or a point after eight digits and before six.
//! - **time**: `9:05:02` `10:15:32`, `9:5:2` before the line's end, perhaps with a fraction; `10:15`, with neither `:`, `.` nor a
//!   digit behind it; behind a `-` as gap, or a space behind `24-Jan-24` (Oracle), `10.15.32`; behind eight digits `101532`. Behind it
//!   perhaps the [half of the day](half_day), if the hour is 1 to 12. Then perhaps a
//!   [zone](super::zones), and a space and a year, if the date has none.
//! - `0124/101532.123456`, `0124/101532` before a colon (Chromium): month, day, and the time without colons.
//! - `240124/101532.123` (hapi's good): year, month, day, and the time without colons, with a fraction.
//! - `20240124101532`: date and time on end. `10:15:32 24/01/2024`: time, a space, and a date with a
//!   year.
//! - `1.706091332123e+09`: seconds since 1970 as zap prints them, with exactly this exponent.
//!
//! Dates that stand for an unset clock ([`is_unset`]) are read, and give [`Stamp::ABSENT`].

use super::civil::{is_unset, midnight, midnight_of};
use super::digits::{compact_time, eight_digits, leading_digits, read_fraction};
use super::epoch;
use super::reading::{DateLayout, DateOrder, NumericDate};
use super::zones::{self, Follows, Zone};
use super::{Stamp, TimestampParser, month_names};
use crate::bytes::line::Line;

/// Names of months and days, in lower case; the first three letters are enough.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The first three letters of the names of months and days, as numbers.
macro_rules! names {
    ($($name:ident)*) => {
        $(const $name: u32 = {
            let name = stringify!($name).as_bytes();
            u32::from_le_bytes([name[0], name[1], name[2], 0]) | 0x20_2020
        };)*

        /// Whether the first three of these bytes are those of a month or day, in any case.
        #[inline(always)]
        pub(super) fn may_be_name(bytes: u32) -> bool {
            matches!(bytes & 0xff_ffff | 0x20_2020, $($name)|*)
        }
    };
}

names! {
    JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC
    MON TUE WED THU FRI SAT SUN
}

/// The gap of Suricata.
const DASHES: &[u8] = b" -- ";

/// Words between a date and a time.
const GAP_WORDS: [&[u8]; 3] = [b" at ", b", at ", " \u{e0} ".as_bytes()];

/// Longest name of a month or day.
const NAME_BYTES_MAX: usize = 9;

struct Date {
    year: Option<u32>,
    month: u32,
    day: u32,
    /// Whether it is eight digits, behind which the time may have no colons.
    compact: bool,
    /// Whether a day, a month's name and a year have dashes between them: the time may have points then.
    dashed: bool,
    /// Whether its numbers have marks of Chinese, Japanese or Korean behind them.
    marked: bool,
    /// Its numbers, if their order is to be decided; the fields above mean nothing then.
    numeric: Option<NumericDate>,
    /// The day of the week before it, of which Monday is 0.
    weekday: Option<u32>,
}

impl Date {
    /// A date whose parts are beyond doubt.
    fn new(year: Option<u32>, month: u32, day: u32) -> Date {
        Date {
            year,
            month,
            day,
            compact: false,
            dashed: false,
            marked: false,
            numeric: None,
            weekday: None,
        }
    }

    /// A date of two numbers and perhaps a year.
    fn of_numbers(layout: DateLayout, numbers: [u32; 3]) -> Date {
        Date { numeric: Some(NumericDate { layout, numbers }), ..Date::new(None, 0, 0) }
    }
}

/// Month, day, and seconds since midnight, of a timestamp whose year is yet to be found.
#[derive(Clone, Copy)]
struct Yearless {
    month: u32,
    day: u32,
    seconds: i64,
}

impl TimestampParser {
    /// A timestamp of one of the rarer layouts at exactly `at`, and where it ends.
    #[cold]
    #[inline(never)]
    pub(super) fn rare(&mut self, line: Line<'_>, at: usize) -> Option<(Stamp, usize)> {
        let mut cursor = Cursor { line, text: line.bytes(), at };
        if let Some(found) = cursor.exponent() {
            return Some(found);
        }
        let fourteen = cursor.digits() == 14;
        let time_first = date_follows_time(line, at);
        let (date, seconds, nanos);
        if time_first {
            (seconds, nanos) = cursor.time_of_day(false, b' ')?;
            cursor.take(b' ')?;
            date = cursor.date(false)?;
        } else if let Some(digits) = cursor.before_slash() {
            let year = if digits == 6 { Some(2000 + cursor.number(2)?) } else { None };
            let (month, day) = (cursor.number(2)?, cursor.number(2)?);
            date = Date::new(year, month, day);
            cursor.take(b'/')?;
            (seconds, nanos) = cursor.time_of_day(true, b' ')?;
        } else {
            date = cursor.date(fourteen)?;
            let gap = if fourteen || date.marked { b' ' } else { cursor.gap(date.compact)? };
            (seconds, nanos) = match gap {
                _ if date.marked => cursor.marked_time_of_day()?,
                b' ' if date.dashed => cursor.time_of_day(false, b'-')?,
                _ => cursor.time_of_day(fourteen || date.compact, gap)?,
            };
        }
        let (year, month, day) = match date.numeric {
            None => (date.year, date.month, date.day),
            Some(numeric) => match self.order_of(numeric)? {
                // Any date will do, since none is known.
                DateOrder::Contradicted => (Some(0), 0, 0),
                order => {
                    let [year, month, day] = numeric.in_order(order)?;
                    ((year > 0).then_some(year), month, day)
                }
            },
        };
        let found = match year {
            Some(year) if !date.compact && is_unset([year, month, day], seconds) => {
                self.zoned(line, cursor.at, 0, 0).map(|(_, end)| (Stamp::ABSENT, end))
            }
            Some(year) => self.zoned(line, cursor.at, midnight(year, month, day)? + seconds, nanos),
            None if time_first => None,
            None => {
                let kept = self.weekday;
                self.weekday = date.weekday.or(kept);
                let date = Yearless { month, day, seconds };
                let found = self.year_follows(line, cursor.at, date, nanos);
                self.weekday = kept;
                found
            }
        };
        let found =
            found.filter(|&(_, end)| !line.bytes().get(end).is_some_and(u8::is_ascii_alphanumeric));
        if found.is_some() && date.numeric.is_some() {
            self.numeric_date = date.numeric;
        }
        found
    }

    /// The order of a date's numbers: as decided, else the customary one, or the only possible one.
    fn order_of(&self, date: NumericDate) -> Option<DateOrder> {
        if let Some(order) = self.orders[date.layout as usize] {
            return Some(order);
        }
        [date.layout.customary(date.numbers), DateOrder::MonthFirst, DateOrder::DayFirst]
            .into_iter()
            .find(|&order| date.in_order(order).is_some())
    }

    /// A timestamp whose date has no year, up to `end`: perhaps a zone and a year follow.
    fn year_follows(
        &mut self,
        line: Line<'_>,
        end: usize,
        date: Yearless,
        nanos: u32,
    ) -> Option<(Stamp, usize)> {
        let Yearless { month, day, seconds } = date;
        let zone = self.zone_of_yearless(line, end);
        let after = zone.map_or(end, |(_, end)| end);
        let year = year_at(line, after);
        if year.is_some_and(|year| is_unset([year, month, day], seconds)) {
            return Some((Stamp::ABSENT, after + YEAR_BYTES));
        }
        let dated = year
            .and_then(|year| Some(midnight(year, month, day)? + seconds))
            .map(|local| (local, after + YEAR_BYTES));
        match (zone, dated) {
            (None, Some((local, end))) => self.zoned(line, end, local, nanos),
            (Some((zone, _)), Some((local, end))) => {
                let second = self.in_zone(line, zone, local)?;
                Some((Stamp { second, nanos }, end))
            }
            (None, None) => Some((self.yearless(month, day, seconds, nanos)?, end)),
            (Some((zone, end)), None) => {
                let second = self.yearless_in(line, zone, [month, day], seconds)?;
                Some((Stamp { second, nanos }, end))
            }
        }
    }

    /// The latest second, in UTC, of a day of a month in a zone that the anchor allows.
    pub(super) fn yearless_in(
        &mut self,
        line: Line<'_>,
        zone: Zone,
        [month, day]: [u32; 2],
        seconds: i64,
    ) -> Option<i64> {
        let limit = self.yearless_limit();
        let (latest, ..) = super::civil_from_days(limit.div_euclid(86_400) + 1);
        (latest - 8..=latest).rev().find_map(|year| {
            let local = midnight_of(year, month, day)? + seconds;
            self.in_zone(line, zone, local).filter(|&second| second <= limit)
        })
    }

    /// The zone after a time without a year. A host may stand there as well, so that words must not
    /// follow a doubtful one, unless a year does.
    fn zone_of_yearless(&mut self, line: Line<'_>, at: usize) -> Option<(Zone, usize)> {
        if let Some((offset, end)) = zones::read_certain(line, at) {
            return Some((Zone::Offset(offset), end));
        }
        let (zone, end, follows) = zones::read_doubtful(line, at)?;
        let is_one = follows == Follows::Mark || year_at(line, end).is_some();
        self.in_zone(line, zone, 0).filter(|_| is_one)?;
        self.note_zone(zone, follows);
        Some((zone, end))
    }
}

/// A space and a year.
const YEAR_BYTES: usize = 5;

/// The year that stands alone after the space at `at`.
pub(super) fn year_at(line: Line<'_>, at: usize) -> Option<u32> {
    let digits = line.bytes().get(at..at + YEAR_BYTES)?.strip_prefix(b" ")?;
    let goes_on = line.bytes().get(at + YEAR_BYTES).is_some_and(u8::is_ascii_alphanumeric);
    let is_year = digits.iter().all(u8::is_ascii_digit) && !goes_on;
    let year = digits.iter().fold(0, |n, &b| n * 10 + u32::from(b.wrapping_sub(b'0')));
    (is_year && midnight(year, 1, 1).is_some()).then_some(year)
}

/// Whether `HH:MM:SS`, perhaps a fraction, a space and something like a date stand at `at`.
#[cold]
#[inline(never)]
pub(super) fn date_follows_time(line: Line<'_>, at: usize) -> bool {
    let Some([a, b, b':', c, d, b':', e, f, rest @ ..]) = line.bytes().get(at..) else {
        return false;
    };
    let fraction = match rest {
        [b'.' | b',', digits @ ..] => 1 + digits.iter().take_while(|b| b.is_ascii_digit()).count(),
        _ => 0,
    };
    let is_date = |text: &[u8]| match text {
        [a, b'/' | b'.' | b'-', ..] => a.is_ascii_digit(),
        [a, b, b'/' | b'.' | b'-', ..] => [a, b].iter().all(|b| b.is_ascii_digit()),
        [a, b, c, d, b'/' | b'.' | b'-', ..] => [a, b, c, d].iter().all(|b| b.is_ascii_digit()),
        _ => false,
    };
    [a, b, c, d, e, f].iter().all(|b| b.is_ascii_digit())
        && rest[fraction..].strip_prefix(b" ").is_some_and(is_date)
}

/// The half of the day at `at`: whether it is the second one, and where it ends.
///
/// Perhaps a space, a no-break space, a narrow no-break space or a thin space; then `AM`, `a.m.` or
/// `a. m.` in any case. No letter or digit may follow.
fn half_day(text: &[u8], at: usize) -> Option<(bool, usize)> {
    let rest = text.get(at..)?;
    let blank = match rest {
        [b' ', ..] => 1,
        [0xc2, 0xa0, ..] => 2,
        [0xe2, 0x80, 0xaf | 0x89, ..] => 3,
        _ => 0,
    };
    let (half, behind) = rest[blank..].split_first()?;
    let is_later = match half {
        b'a' | b'A' => false,
        b'p' | b'P' => true,
        _ => return None,
    };
    let len = match behind {
        [b'm' | b'M', ..] => 1,
        [b'.', b'm' | b'M', b'.', ..] => 3,
        [b'.', b' ', b'm' | b'M', b'.', ..] => 4,
        [b'.', 0xc2, 0xa0, b'm' | b'M', b'.', ..] => 5,
        [b'.', 0xe2, 0x80, 0xaf, b'm' | b'M', b'.', ..] => 6,
        _ => return None,
    };
    let goes_on = behind.get(len).is_some_and(u8::is_ascii_alphanumeric);
    (!goes_on).then_some((is_later, at + blank + 1 + len))
}

/// Whether the [half of the day](half_day) stands at `end`, behind a blank.
#[inline(always)]
pub(super) fn half_day_follows(line: Line<'_>, end: usize) -> bool {
    let mark = line.byte(end);
    let may_follow = match mark {
        b' ' => {
            matches!(line.byte(end + 1) | 0x20, b'a' | b'p')
                && matches!(line.byte(end + 2), b'm' | b'M' | b'.')
        }
        _ => mark >= 0x80,
    };
    may_follow && half_day(line.bytes(), end).is_some()
}

struct Cursor<'a> {
    line: Line<'a>,
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn byte(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.byte() == byte && self.at < self.text.len()).then(|| self.at += 1)
    }

    /// How many digits stand here.
    fn digits(&self) -> usize {
        let mut at = self.at;
        while at < self.text.len() {
            let (count, _) = leading_digits(self.line.u64_at(at));
            at += count as usize;
            if count < 8 {
                break;
            }
        }
        at.min(self.text.len()).saturating_sub(self.at)
    }

    /// Goes past that many digits, which must be there.
    fn number(&mut self, digits: usize) -> Option<u32> {
        debug_assert!((1..=8).contains(&digits));
        let (count, values) = leading_digits(self.line.u64_at(self.at));
        if (count as usize) < digits || self.at + digits > self.text.len() {
            return None;
        }
        self.at += digits;
        Some(eight_digits(values << (64 - 8 * digits)) as u32)
    }

    /// A number of one digit or two, and no more.
    fn short(&mut self) -> Option<u32> {
        let (count, values) = leading_digits(self.line.u64_at(self.at));
        let left = self.text.len().saturating_sub(self.at);
        let digits = left.min(count as usize);
        if !matches!(digits, 1 | 2) {
            return None;
        }
        self.at += digits;
        Some(eight_digits(values << (64 - 8 * digits)) as u32)
    }

    /// The place of the name that stands here in a list of names.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let rest = self.text.get(self.at..)?;
        let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if !(3..=NAME_BYTES_MAX).contains(&len) {
            return None;
        }
        let name = &rest[..len];
        let first = [name[0], name[1], name[2]].map(|b| b | 0x20);
        let fits = |full: &&str| {
            full.as_bytes()[..3] == first
                && (len == 3 || name.eq_ignore_ascii_case(full.as_bytes()))
        };
        let place = names.iter().position(fits)?;
        self.at += len;
        Some(place as u32)
    }

    fn month(&mut self) -> Option<u32> {
        let start = self.at;
        if let Some(place) = self.name(&MONTHS)
            && self.byte() < 0x80
        {
            return Some(place + 1);
        }
        self.at = start;
        let (month, len) = month_names::read(self.text.get(start..)?)?;
        self.at += len;
        Some(month)
    }

    /// How many digits stand here, four or six, before a slash, six digits, and a fraction or, behind
    /// four, a colon.
    fn before_slash(&self) -> Option<usize> {
        let text = self.text.get(self.at..)?;
        let count = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
        let digits = count(text);
        let time = text[digits..].strip_prefix(b"/").filter(|_| matches!(digits, 4 | 6))?;
        let ends = match time.get(6..)? {
            [b':', ..] => digits == 4,
            [b'.', digit, ..] => digit.is_ascii_digit(),
            _ => false,
        };
        (count(time) == 6 && ends).then_some(digits)
    }

    /// The point behind a month's name that is cut short: `janv.`
    fn point(&mut self) {
        let _ = self.take(b'.');
    }

    fn date(&mut self, fourteen: bool) -> Option<Date> {
        let whole = |year, month, day| Date::new(Some(year), month, day);
        match self.digits() {
            0 => {
                let weekday = self.name(&DAYS);
                if weekday.is_some() {
                    let _ = self.take(b',');
                    self.take(b' ')?;
                }
                let date = match self.digits() {
                    0 => self.name_and_day(),
                    4 => self.year_first(),
                    _ => self.day_and_name(),
                }?;
                Some(Date { weekday, ..date })
            }
            8 | 14 => {
                if !fourteen && self.digits() != 8 {
                    return None;
                }
                let (year, month) = (self.number(4)?, self.number(2)?);
                Some(Date { compact: true, ..whole(year, month, self.number(2)?) })
            }
            6 => {
                let (year, month) = (2000 + self.number(2)?, self.number(2)?);
                Some(whole(year, month, self.number(2)?))
            }
            4 => self.year_first(),
            1 | 2 => {
                let start = self.at;
                let first = self.short()?;
                let mark = self.byte();
                let behind = self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
                if !matches!(mark, b'-' | b'/' | b'.') || !behind {
                    self.at = start;
                    return self.day_and_name();
                }
                self.take(mark)?;
                let second = self.short()?;
                if (mark, self.byte()) == (b'-', b'|') {
                    return Some(Date::new(None, first, second));
                }
                let yearless = match (mark, self.byte()) {
                    (b'.', b' ') => Some(DateLayout::YearlessPoint),
                    (b'/', b'-') => Some(DateLayout::YearlessSlash),
                    (b'/', b' ') if self.seconds_follow() => Some(DateLayout::YearlessSlash),
                    _ => None,
                };
                if let Some(layout) = yearless {
                    return Some(Date::of_numbers(layout, [first, second, 0]));
                }
                self.take(mark)?;
                let digits = self.digits();
                if !matches!(digits, 2 | 4) {
                    return None;
                }
                let year = self.number(digits)?;
                let layout = match (mark, digits) {
                    (b'/', 4) if self.dashes_follow() => return Some(whole(year, second, first)),
                    (b'/', 4) => DateLayout::Slashes,
                    (b'-', 4) => DateLayout::Dashes,
                    (_, 4) => DateLayout::Points,
                    (b'/', _) => DateLayout::ShortSlashes,
                    // With dashes the year comes first, as in all of Asia.
                    (b'-', _) => DateLayout::ShortDashes,
                    _ => DateLayout::ShortPoints,
                };
                Some(Date::of_numbers(layout, [first, second, year]))
            }
            _ => None,
        }
    }

    /// `2024-1-4`, `2024.01.24`, `2024 Jan 24`, `2024-Jan-24`.
    fn year_first(&mut self) -> Option<Date> {
        let year = self.number(4)?;
        if self.byte() >= 0x80 {
            return self.marked_date(year);
        }
        let mark = self.byte();
        if !matches!(mark, b'-' | b'/' | b'.' | b' ') {
            return None;
        }
        self.take(mark)?;
        let month = if mark == b' ' || self.byte().is_ascii_alphabetic() {
            self.month()?
        } else {
            self.short()?
        };
        if mark == b' ' {
            self.point();
        }
        self.take(mark)?;
        // A day of one digit may be padded.
        let _ = if mark == b' ' { self.take(b' ') } else { None };
        Some(Date::new(Some(year), month, self.short()?))
    }

    /// What follows the year of `2024年1月24日`, `2024년 1월 24일`.
    fn marked_date(&mut self, year: u32) -> Option<Date> {
        self.one_of(&["年", "년"])?;
        let _ = self.take(b' ');
        let month = self.short()?;
        self.one_of(&["月", "월"])?;
        let _ = self.take(b' ');
        let day = self.short()?;
        self.one_of(&["日", "일", "号"])?;
        Some(Date { marked: true, ..Date::new(Some(year), month, day) })
    }

    /// Goes past one of these marks.
    fn one_of(&mut self, marks: &[&str]) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let found = marks.iter().find(|mark| rest.starts_with(mark.as_bytes()))?;
        self.at += found.len();
        Some(())
    }

    /// The time behind such a date and perhaps two spaces: `10时15分32秒`, or as usual.
    fn marked_time_of_day(&mut self) -> Option<(i64, u32)> {
        let _ = self.take(b' ').and_then(|()| self.take(b' '));
        let start = self.at;
        let hour = self.short()?;
        if self.one_of(&["时", "時", "点", "시"]).is_none() {
            self.at = start;
            return self.time_of_day(false, b' ');
        }
        let _ = self.take(b' ');
        let minute = self.short()?;
        self.one_of(&["分", "분"])?;
        let before_second = self.at;
        let _ = self.take(b' ');
        let Some(second) = self.short() else {
            self.at = before_second;
            return Some((compact_time(hour, minute, 0)?, 0));
        };
        let (nanos, end) = read_fraction(self.line, self.at)?;
        self.at = end;
        self.one_of(&["秒", "초"])?;
        Some((compact_time(hour, minute, second)?, nanos))
    }

    /// `24 Jan 2024`, `24-Jan-24`, `24Jan2024`, `24 Jan`.
    fn day_and_name(&mut self) -> Option<Date> {
        let day = self.short()?;
        if let Some(len) = month_names::mark(&self.text[self.at..]) {
            self.at += len;
            return self.day_of(day);
        }
        let is_german = self.byte() == b'.' && self.text.get(self.at + 1) == Some(&b' ');
        self.at += usize::from(is_german);
        let mark = self.byte();
        let marked = matches!(mark, b' ' | b'-' | b'/');
        if marked {
            self.take(mark)?;
        }
        let month = self.month()?;
        if marked {
            self.point();
        }
        let before_year = self.at;
        if marked && self.take(mark).is_none() {
            // `24 Jan, 10:15`: another gap than the date's own ends it; of Bacula's `24-Jan 10:15`
            // it is a space.
            let ends = mark == b' ' || mark == b'-' && self.byte() == b' ';
            return ends.then(|| Date::new(None, month, day));
        }
        let year = match self.digits() {
            4 => Some(self.number(4)?),
            2 if mark == b'-' => Some(2000 + self.number(2)?),
            _ if mark == b' ' => {
                self.at = before_year;
                None
            }
            _ => return None,
        };
        Some(Date { dashed: mark == b'-', ..Date::new(year, month, day) })
    }

    /// What follows `1月`: spaces and a day.
    fn day_of(&mut self, month: u32) -> Option<Date> {
        self.take(b' ')?;
        let _ = self.take(b' ');
        Some(Date::new(None, month, self.short()?))
    }

    /// `Jan 24 2024`, `January 24, 2024`, `January 24`, `Jan/24/2024`, `Jan-24`.
    fn name_and_day(&mut self) -> Option<Date> {
        let month = self.month()?;
        self.point();
        let mark = self.byte();
        if matches!(mark, b'/' | b'-') {
            self.take(mark)?;
            let day = self.short()?;
            if self.take(mark).is_some() {
                let is_year = self.digits() == 4;
                return if is_year { Some(Date::new(self.number(4), month, day)) } else { None };
            }
            return (mark == b'-' && self.byte() == b' ').then(|| Date::new(None, month, day));
        }
        self.take(b' ')?;
        let _ = self.take(b' ');
        let day = self.short()?;
        let before_year = self.at;
        let _ = self.take(b',');
        let spaced = self.take(b' ').is_some();
        let year = if spaced && self.digits() == 4 { self.number(4) } else { None };
        if year.is_none() {
            self.at = before_year;
        }
        Some(Date::new(year, month, day))
    }

    /// Whether a space and a time of day with seconds are here: a score or a fraction has none.
    fn seconds_follow(&self) -> bool {
        let clock = self.text.get(self.at + 1..).unwrap_or_default();
        let hour = clock.iter().take_while(|b| b.is_ascii_digit()).count();
        let is_of_clock = |(at, byte): (usize, &u8)| match at {
            0 | 3 => *byte == b':',
            _ => byte.is_ascii_digit(),
        };
        matches!(hour, 1 | 2)
            && clock.len() >= hour + 6
            && clock[hour..hour + 6].iter().enumerate().all(is_of_clock)
    }

    /// Whether what stands between Suricata's date and time is here.
    fn dashes_follow(&self) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(DASHES))
    }

    /// What stands between date and time: its byte that is not a space, or a space.
    fn gap(&mut self, compact: bool) -> Option<u8> {
        if compact && self.byte() == b'.' {
            self.take(b'.')?;
            return (self.digits() == 6).then_some(b'.');
        }
        if self.dashes_follow() {
            self.at += DASHES.len();
            return Some(b' ');
        }
        let rest = self.text.get(self.at..)?;
        if let Some(word) = GAP_WORDS.iter().find(|word| rest.starts_with(word))
            && rest.get(word.len()).is_some_and(u8::is_ascii_digit)
        {
            self.at += word.len();
            return Some(b' ');
        }
        let start = self.at;
        let mut mark = b' ';
        while self.at < self.text.len() && self.at < start + 4 {
            match self.byte() {
                b' ' => {}
                b @ (b'T' | b't' | b'@' | b'_' | b'-' | b'|' | b';' | b',' | b':' | b'\t')
                    if mark == b' ' =>
                {
                    mark = b;
                }
                _ => break,
            }
            self.at += 1;
        }
        (1..=3).contains(&(self.at - start)).then_some(mark)
    }

    /// Hours, and minutes with seconds, if there are any.
    fn time(&mut self, compact: bool, gap: u8) -> Option<(u32, (u32, Option<u32>))> {
        if compact && self.digits() == 6 {
            let (hour, minute) = (self.number(2)?, self.number(2)?);
            return Some((hour, (minute, Some(self.number(2)?))));
        }
        let hour = self.short()?;
        let mark = if gap == b'-' && self.byte() == b'.' { b'.' } else { b':' };
        self.take(mark)?;
        let is_padded = self.digits() == 2;
        let minute = self.short()?;
        if self.byte() == mark && self.take(mark).is_some() {
            if mark == b'.' && !(is_padded && self.digits() == 2) {
                return None;
            }
            let second_at = self.at;
            let second = self.short()?;
            // One digit at the end of the line is what is left of two.
            let is_cut = self.at == self.text.len() && self.at - second_at == 1;
            return (!is_cut).then_some((hour, (minute, Some(second))));
        }
        if !is_padded {
            return None;
        }
        let ends = !matches!(self.byte(), b'.' | b':') && mark == b':';
        ends.then_some((hour, (minute, None)))
    }

    /// Seconds since midnight and nanoseconds: hours and minutes, perhaps seconds with a fraction,
    /// perhaps the half of the day.
    fn time_of_day(&mut self, compact: bool, gap: u8) -> Option<(i64, u32)> {
        let (hour, rest) = self.time(compact, gap)?;
        // A fraction needs the seconds before it.
        let (nanos, end) = match rest {
            (_, Some(_)) => read_fraction(self.line, self.at)?,
            _ => (0, self.at),
        };
        self.at = end;
        let hour = match half_day(self.text, self.at) {
            Some((is_later, end)) if (1..=12).contains(&hour) => {
                self.at = end;
                hour % 12 + if is_later { 12 } else { 0 }
            }
            _ => hour,
        };
        Some((compact_time(hour, rest.0, rest.1.unwrap_or(0))?, nanos))
    }

    /// `1.706091332123e+09`.
    fn exponent(&self) -> Option<(Stamp, usize)> {
        let rest = self.text.get(self.at..)?;
        if self.digits() != 1 || rest.get(1) != Some(&b'.') {
            return None;
        }
        let len = rest.iter().take_while(|b| b.is_ascii_digit() || b".e+".contains(b)).count();
        if !rest[..len].ends_with(b"e+09") || rest.get(len).is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        Some((epoch(&rest[..len])?, self.at + len))
    }
}
