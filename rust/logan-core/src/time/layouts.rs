//! The rarer layouts of timestamps, read piece by piece: a date, a gap, a time of day.
//!
//! Tried where none of the usual ones fits, so nothing here needs to be fast.
//!
//! - **date**: `2024-1-4` `2024.01.24` `2024/1/4`; `20240124`; `240124`; `24-01-24` (year, month,
//!   day); `24 Jan 2024` `24-Jan-24` `24Jan2024` `24 Jan`, `24-Jan` before
//!   a space; `Jan 24 2024` `January 24, 2024`
//!   `January 24`, these two perhaps behind the name of a day, a comma or none, and a space;
//!   and two numbers before a year. `01/24/2024` is month and day, unless the first is above 12, but
//!   day and month before ` -- ` (Suricata);
//!   `24.01.2024` and `24-01-2024` are day and month, unless the second is above 12. A year of two
//!   digits may follow slashes and points. `10.30` before a space and `10/30` before a `-` (Snort) are
//!   a month and a day, or the other way round if the first is above 12. Names count in any case, whole or by three letters, but at the very
//!   front with a capital.
//! - **gap**: one to three bytes, of which at most one is not a space: that one is of `T_-|;,:`; or
//!   ` -- `.
//! - **time**: `9:05:02` `10:15:32`, perhaps with a fraction; `10:15`, with neither `:`, `.` nor a
//!   digit behind it; behind a `-` as gap `10.15.32`; behind eight digits `101532`. Behind it
//!   perhaps a space or none, and `AM` or `PM` in any case, if the hour is 1 to 12. Then a zone, if
//!   the date has a year.
//! - `20240124101532`: date and time on end.
//! - `1.706091332123e+09`: seconds since 1970 as zap prints them, with exactly this exponent.

use super::civil::midnight;
use super::digits::{compact_time, eight_digits, leading_digits, read_fraction};
use super::epoch;
use super::{DateOrder, NumericDate, Stamp, TimestampParser};
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

/// Longest name of a month or day.
const NAME_BYTES_MAX: usize = 9;

struct Date {
    year: Option<u32>,
    month: u32,
    day: u32,
    /// Whether it is eight digits, behind which the time may have no colons.
    compact: bool,
    /// How its numbers were told apart, if only their size or a custom could tell.
    numeric: Option<NumericDate>,
}

impl Date {
    /// A date whose parts are beyond doubt.
    fn new(year: Option<u32>, month: u32, day: u32) -> Date {
        Date { year, month, day, compact: false, numeric: None }
    }

    /// A date of two numbers and perhaps a year.
    fn of_numbers(year: Option<u32>, first: u32, second: u32, month_first: bool) -> Date {
        let (month, day) = if month_first { (first, second) } else { (second, first) };
        let order = if month_first { DateOrder::MonthFirst } else { DateOrder::DayFirst };
        let ambiguous = first.max(second) <= 12 && first != second;
        let numeric = Some(NumericDate { order, ambiguous });
        Date { numeric, ..Date::new(year, month, day) }
    }
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
        let date = cursor.date(fourteen)?;
        let gap = if fourteen { b' ' } else { cursor.gap()? };
        let (hour, rest) = cursor.time(fourteen || date.compact, gap)?;
        // A fraction needs the seconds before it.
        let (nanos, end) = match rest {
            (_, Some(_)) => read_fraction(line, cursor.at)?,
            _ => (0, cursor.at),
        };
        cursor.at = end;
        let hour = cursor.half_day(hour).unwrap_or(hour);
        let seconds = compact_time(hour, rest.0, rest.1.unwrap_or(0))?;
        let found = match date.year {
            Some(year) => {
                self.zoned(line, cursor.at, midnight(year, date.month, date.day)? + seconds, nanos)
            }
            None => Some((self.yearless(date.month, date.day, seconds, nanos)?, cursor.at)),
        };
        let found =
            found.filter(|&(_, end)| !line.bytes().get(end).is_some_and(u8::is_ascii_alphanumeric));
        if found.is_some() && date.numeric.is_some() {
            self.numeric_date = date.numeric;
        }
        found
    }
}

/// Whether ` AM` or ` PM` stands at `end` and nothing of a word behind it.
#[inline(always)]
pub(super) fn half_day_follows(line: Line<'_>, end: usize) -> bool {
    line.byte(end + 2) | 0x20 == b'm'
        && line.byte(end) == b' '
        && matches!(line.byte(end + 1) | 0x20, b'a' | b'p')
        && end + 3 <= line.len()
        && (end + 3 == line.len() || !line.byte(end + 3).is_ascii_alphanumeric())
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
        Some(self.name(&MONTHS)? + 1)
    }

    fn date(&mut self, fourteen: bool) -> Option<Date> {
        let whole = |year, month, day| Date::new(Some(year), month, day);
        match self.digits() {
            0 => {
                if self.name(&DAYS).is_some() {
                    let _ = self.take(b',');
                    self.take(b' ')?;
                }
                if self.digits() > 0 {
                    return self.day_and_name();
                }
                self.name_and_day()
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
            4 => {
                let year = self.number(4)?;
                let mark = self.byte();
                if !matches!(mark, b'-' | b'/' | b'.') {
                    return None;
                }
                self.take(mark)?;
                let month = self.short()?;
                self.take(mark)?;
                Some(whole(year, month, self.short()?))
            }
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
                if matches!((mark, self.byte()), (b'.', b' ') | (b'/', b'-')) {
                    return Some(Date::of_numbers(None, first, second, first <= 12));
                }
                self.take(mark)?;
                let (year, month_first) = match self.digits() {
                    4 => {
                        let year = self.number(4)?;
                        if mark == b'/' && self.dashes_follow() {
                            return Some(whole(year, second, first));
                        }
                        (year, if mark == b'/' { first <= 12 } else { second > 12 })
                    }
                    // With dashes the year comes first, as in all of Asia.
                    2 if mark == b'-' => {
                        let day = self.number(2)?;
                        let ambiguous = first != day && (1..=31).contains(&first);
                        let order = DateOrder::ShortYearFirst;
                        let numeric = Some(NumericDate { order, ambiguous });
                        return Some(Date { numeric, ..whole(2000 + first, second, day) });
                    }
                    2 => (2000 + self.number(2)?, mark == b'/' && first <= 12),
                    _ => return None,
                };
                Some(Date::of_numbers(Some(year), first, second, month_first))
            }
            _ => None,
        }
    }

    /// `24 Jan 2024`, `24-Jan-24`, `24Jan2024`, `24 Jan`.
    fn day_and_name(&mut self) -> Option<Date> {
        let day = self.short()?;
        let mark = self.byte();
        let marked = matches!(mark, b' ' | b'-' | b'/');
        if marked {
            self.take(mark)?;
        }
        let month = self.month()?;
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
        Some(Date::new(year, month, day))
    }

    /// `Jan 24 2024`, `January 24, 2024`, `January 24`.
    fn name_and_day(&mut self) -> Option<Date> {
        let month = self.month()?;
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

    /// Whether what stands between Suricata's date and time is here.
    fn dashes_follow(&self) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(DASHES))
    }

    /// What stands between date and time: its byte that is not a space, or a space.
    fn gap(&mut self) -> Option<u8> {
        if self.dashes_follow() {
            self.at += DASHES.len();
            return Some(b' ');
        }
        let start = self.at;
        let mut mark = b' ';
        while self.at < self.text.len() && self.at < start + 4 {
            match self.byte() {
                b' ' => {}
                b @ (b'T' | b'_' | b'-' | b'|' | b';' | b',' | b':') if mark == b' ' => mark = b,
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
        if self.digits() != 2 {
            return None;
        }
        let minute = self.number(2)?;
        if self.byte() == mark && self.take(mark).is_some() {
            if self.digits() != 2 {
                return None;
            }
            return Some((hour, (minute, Some(self.number(2)?))));
        }
        let ends = !matches!(self.byte(), b'.' | b':') && mark == b':';
        ends.then_some((hour, (minute, None)))
    }

    /// Takes `AM` or `PM`; the hour as 0 to 23.
    fn half_day(&mut self, hour: u32) -> Option<u32> {
        let at = self.at + usize::from(self.byte() == b' ');
        let half = self.text.get(at..at + 2)?.to_ascii_lowercase();
        let goes_on = self.text.get(at + 2).is_some_and(u8::is_ascii_alphanumeric);
        let later = match &*half {
            b"am" => 0,
            b"pm" => 12,
            _ => return None,
        };
        if goes_on || !(1..=12).contains(&hour) {
            return None;
        }
        self.at = at + 2;
        Some(hour % 12 + later)
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
