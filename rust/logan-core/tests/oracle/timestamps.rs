//! Timestamps in all their layouts, digit by digit. Part of the [twin](super).

use super::*;
use logan_core::time::month_by_any_name;
use std::cell::Cell;

/// What timestamps without zone or year mean.
pub(super) struct TimestampParser {
    pub(super) zone: TimeZone,
    pub(super) anchor_ns: i64,
    /// How the response times of the same lines are read.
    pub(super) durations: DurationReading,
    /// The day of the week that stands before the date being read.
    pub(super) weekday: Cell<Option<i64>>,
}

/// Nanoseconds since 1970, and where the timestamp ends.
pub(super) type Stamp = Option<(i64, usize)>;

impl TimestampParser {
    /// A timestamp of any layout that has a date.
    pub(super) fn any(&self, line: &[u8], at: usize) -> Stamp {
        let layouts = [
            TimestampParser::iso,
            TimestampParser::usual_clf,
            TimestampParser::spark,
            TimestampParser::compact,
            TimestampParser::hdfs,
            TimestampParser::logcat,
            TimestampParser::named,
            TimestampParser::day_month,
            TimestampParser::epoch_at,
        ];
        let whole = |found: &(i64, usize)| whole(line, found);
        let found = layouts.iter().find_map(|layout| layout(self, line, at)).filter(whole);
        if let Some((_, end)) = found {
            let blank = line.get(end).is_some_and(|b| *b == b' ' || *b >= 0x80);
            if !blank || half_day(line, end).is_none() {
                return found;
            }
        }
        let rare = match line.get(at)? {
            b'0'..=b'9' => self.rare(line, at),
            initial if b"JFMASONDTW".contains(initial) => self.rare(line, at),
            // The names in other languages are a list, and no twin of one says more.
            _ if month_by_any_name(&line[at..]).is_some() => self.rare(line, at),
            _ => None,
        };
        rare.filter(whole).or(found)
    }

    /// Whether a bare number may be the time of a log: from 1995 to three years after the anchor,
    /// or to 2100 if that is older than all logs.
    pub(super) fn may_be_of_a_log(&self, time_ns: i64) -> bool {
        let anchor = self.anchor_ns.div_euclid(SECOND);
        let first = 788_918_400;
        let end = if anchor < first { 4_102_444_800 } else { anchor + 3 * 366 * 86_400 };
        (first..end).contains(&time_ns.div_euclid(SECOND))
    }

    /// The layouts of `timestamp::layouts`: a pattern for each date, gap and time.
    ///
    /// Of patterns, `Y` is a run of four digits, `y` of two, `n` of one or two, `M` and `D` of two
    /// digits without regard to those around them, `B` the name of a month, and all else itself.
    pub(super) fn rare(&self, line: &[u8], at: usize) -> Stamp {
        const DATES: [&str; 33] = [
            "Y-n-n",
            "Y/n/n",
            "Y.n.n",
            "Y-B-n",
            "Y/B/n",
            "Y.B.n",
            "Y B  n",
            "Y B n",
            "n/n/Y -- ",
            "n/n/Y",
            "n-n-Y",
            "n.n.Y",
            "n/n/y",
            "n.n.y",
            "n-n-y",
            "n.n ",
            "n/n-",
            "n/n ",
            "n-n|",
            "n-B-Y",
            "n/B/Y",
            "n-B-y",
            "n-B ",
            "n B Y",
            "nBY",
            "n B",
            "B n, Y",
            "B  n, Y",
            "B n Y",
            "B  n Y",
            "B/n/Y",
            "B-n-Y",
            "B-n ",
        ];
        let digits_here = run(line, at, |b| b.is_ascii_digit());
        if digits_here == 1 && line.get(at + 1) == Some(&b'.') {
            let number =
                &line[at..][..run(line, at, |b| b.is_ascii_digit() || b".e+".contains(&b))];
            if number.ends_with(b"e+09")
                && let Some(time) = epoch(number)
            {
                return Some((time, at + number.len()));
            }
        }
        // hapi's good: `240124/101532.123`.
        if digits_here == 6
            && line.get(at + 6) == Some(&b'/')
            && run(line, at + 7, |b| b.is_ascii_digit()) == 6
            && line.get(at + 13) == Some(&b'.')
            && line.get(at + 14).is_some_and(u8::is_ascii_digit)
        {
            self.weekday.set(None);
            let year = 2000 + digits(line, at, 2)?;
            let date = (Some(year), digits(line, at + 2, 2)?, digits(line, at + 4, 2)?);
            return self.rare_time(line, at + 7, date, (true, b' '));
        }
        if let 6 | 8 | 14 = digits_here {
            let year_digits = if digits_here == 6 { 2 } else { 4 };
            let century = if digits_here == 6 { 2000 } else { 0 };
            let year = century + digits(line, at, year_digits)?;
            let month = digits(line, at + year_digits, 2)?;
            let day = digits(line, at + year_digits + 2, 2)?;
            let end = at + year_digits + 4;
            let date = (Some(year), month, day);
            if digits_here == 14 {
                return self.rare_time(line, end, date, (true, b' '));
            }
            return self.rare_gap(line, end, date, (digits_here == 8, false));
        }
        // Chromium: `0124/101532.123456`, `0124/101532:`.
        if digits_here == 4
            && line.get(at + 4) == Some(&b'/')
            && run(line, at + 5, |b| b.is_ascii_digit()) == 6
            && (line.get(at + 11) == Some(&b':')
                || line.get(at + 11) == Some(&b'.')
                    && line.get(at + 12).is_some_and(u8::is_ascii_digit))
        {
            self.weekday.set(None);
            let date = (None, digits(line, at, 2)?, digits(line, at + 2, 2)?);
            return self.rare_time(line, at + 5, date, (true, b' '));
        }
        let mut start = at;
        self.weekday.set(None);
        if let Some((weekday, len)) = name_of(line, at, &DAY_NAMES) {
            self.weekday.set(Some(weekday));
            start += len + usize::from(line.get(at + len) == Some(&b','));
            (line.get(start) == Some(&b' ')).then_some(())?;
            start += 1;
        }
        if let Some((seconds, nanos, date_at)) = time_before_date(line, at) {
            let with_year =
                |pattern: &&&str| !pattern.contains('B') && pattern.contains(['Y', 'y']);
            let (date, end) =
                DATES.iter().filter(with_year).find_map(|p| rare_date(line, date_at, p))?;
            return self.dated(line, end, date, seconds, nanos);
        }
        let short_names = ["B n", "B  n"];
        let lead = run(line, start, |b| b.is_ascii_digit());
        for pattern in DATES.iter().chain(&short_names) {
            let fits = match lead {
                0 => pattern.starts_with('B'),
                4 => pattern.starts_with('Y'),
                _ => pattern.starts_with('n') && (start == at || pattern.contains('B')),
            };
            if !fits {
                continue;
            }
            let Some((date, end)) = rare_date(line, start, pattern) else { continue };
            if *pattern == "n/n " && !has_seconds(&line[end + 1..]) {
                continue;
            }
            // Behind `24-JAN-24` Oracle writes `10.15.32.123456 AM`.
            let is_dashed = matches!(*pattern, "n-B-y" | "n-B-Y");
            return self.rare_gap(line, end, date, (false, is_dashed));
        }
        if lead == 4 { self.east_asian(line, start) } else { None }
    }

    /// `2024年1月24日 10时15分32秒`, `2024년 1월 24일 10:15:32`, `2024年01月24日10:15:32`.
    fn east_asian(&self, line: &[u8], start: usize) -> Stamp {
        let number = |at: usize, marks: &str| {
            let count = run(line, at, |b| b.is_ascii_digit());
            let found = digits(line, at, count)?;
            let rest = &line[at + count..];
            let mark = marks.split(' ').find(|mark| rest.starts_with(mark.as_bytes()))?;
            Some((found, count, at + count + mark.len()))
        };
        let short = |at: usize, marks: &str| {
            let found = number(at, marks).filter(|(_, count, _)| matches!(count, 1 | 2))?;
            Some((found.0, found.2))
        };
        let behind_blank = |at: usize| at + usize::from(line.get(at) == Some(&b' '));
        let (year, 4, at) = number(start, "年 년")? else { return None };
        let (month, at) = short(behind_blank(at), "月 월")?;
        let (day, at) = short(behind_blank(at), "日 일 号")?;
        let date = (Some(year), month, day);
        let at = behind_blank(behind_blank(at));
        let Some((hour, at)) = short(at, "时 時 点 시") else {
            return self.rare_time(line, at, date, (false, b' '));
        };
        let (minute, at) = short(behind_blank(at), "分 분")?;
        let second_at = behind_blank(at);
        let count = run(line, second_at, |b| b.is_ascii_digit());
        if !matches!(count, 1 | 2) {
            return self.dated(line, at, date, of_day(hour, minute, 0)?, 0);
        }
        let second = digits(line, second_at, count)?;
        let (nanos, at) = fraction(line, second_at + count)?;
        let mark = ["秒", "초"].iter().find(|mark| line[at..].starts_with(mark.as_bytes()))?;
        self.dated(line, at + mark.len(), date, of_day(hour, minute, second)?, nanos)
    }

    pub(super) fn rare_gap(
        &self,
        line: &[u8],
        at: usize,
        date: RareDate,
        (compact, is_dashed): (bool, bool),
    ) -> Stamp {
        let blank = if is_dashed { b'-' } else { b' ' };
        if compact && line[at..].starts_with(b".") {
            let six = run(line, at + 1, |b| b.is_ascii_digit()) == 6;
            return self.rare_time(line, at + 1, date, (six.then_some(true)?, b' '));
        }
        if line[at..].starts_with(b" -- ") {
            return self.rare_time(line, at + 4, date, (compact, blank));
        }
        let words = [" at ", ", at ", " à "].map(str::as_bytes);
        if let Some(word) = words.iter().find(|word| {
            line[at..].starts_with(word)
                && line.get(at + word.len()).is_some_and(u8::is_ascii_digit)
        }) {
            return self.rare_time(line, at + word.len(), date, (compact, blank));
        }
        let gap = &line[at..][..run(line, at, |b| b" Tt@_-|;,:\t".contains(&b))];
        // A second mark ends the gap, and so does its fourth byte, which is one too many.
        let marks: Vec<usize> = (0..gap.len()).filter(|&i| gap[i] != b' ').collect();
        let len = marks.get(1).copied().unwrap_or(gap.len());
        if !(1..=3).contains(&len) {
            return None;
        }
        let mark = marks.first().map_or(blank, |&i| gap[i]);
        self.rare_time(line, at + len, date, (compact, mark))
    }

    pub(super) fn rare_time(
        &self,
        line: &[u8],
        at: usize,
        (year, month, day): RareDate,
        (compact, gap): (bool, u8),
    ) -> Stamp {
        let count = |at: usize| run(line, at, |b| b.is_ascii_digit());
        let (hour, minute, second, mut end);
        if compact && count(at) == 6 {
            (hour, minute) = (digits(line, at, 2)?, digits(line, at + 2, 2)?);
            (second, end) = (Some(digits(line, at + 4, 2)?), at + 6);
        } else {
            let hour_digits = count(at);
            hour = digits(line, at, hour_digits).filter(|_| hour_digits <= 2 && hour_digits > 0)?;
            end = at + hour_digits;
            let mark = *line.get(end)?;
            if mark != b':' && !(mark == b'.' && gap == b'-') {
                return None;
            }
            let least = if mark == b'.' { 2 } else { 1 };
            let minute_digits = count(end + 1);
            minute = digits(line, end + 1, minute_digits)
                .filter(|_| (1..=2).contains(&minute_digits))?;
            end += 1 + minute_digits;
            if line.get(end) == Some(&mark) && minute_digits >= least {
                let second_digits = count(end + 1);
                second = Some(
                    digits(line, end + 1, second_digits)
                        .filter(|_| (least..=2).contains(&second_digits))?,
                );
                end += 1 + second_digits;
                if second_digits == 1 && end == line.len() {
                    return None;
                }
            } else if minute_digits == 1 || mark == b'.' || line.get(end) == Some(&b'.') {
                return None;
            } else {
                second = None;
            }
        }
        let mut nanos = 0;
        if second.is_some() {
            (nanos, end) = fraction(line, end)?;
        }
        let mut hour = hour;
        if let Some((is_later, half_end)) = half_day(line, end)
            && (1..=12).contains(&hour)
        {
            hour = hour % 12 + if is_later { 12 } else { 0 };
            end = half_end;
        }
        let seconds = of_day(hour, minute, second.unwrap_or(0))?;
        if year.is_none() {
            return self.year_behind(line, end, (month, day), seconds, nanos);
        }
        if !compact && is_unset(year?, month, day, seconds) {
            return self.dated(line, end, (year, month, day), seconds, nanos);
        }
        self.zoned(line, end, date(year?, month, day)?, seconds, nanos)
    }

    /// Whatever may be behind a timestamp whose date has a year.
    pub(super) fn dated(
        &self,
        line: &[u8],
        end: usize,
        (year, month, day): RareDate,
        seconds: i64,
        nanos: i64,
    ) -> Stamp {
        if is_unset(year?, month, day, seconds) {
            let (_, end) = self.zoned(line, end, Date::constant(2000, 1, 1), 0, 0)?;
            return Some((i64::MIN, end));
        }
        self.zoned(line, end, date(year?, month, day)?, seconds, nanos)
    }

    /// A timestamp without a year in its date: perhaps a zone, then perhaps a year.
    pub(super) fn year_behind(
        &self,
        line: &[u8],
        end: usize,
        (month, day): (i64, i64),
        seconds: i64,
        nanos: i64,
    ) -> Stamp {
        let year_at = |at: usize| {
            let year = digits(line, at + 1, 4).filter(|_| line.get(at) == Some(&b' '))?;
            let alone = !line.get(at + 5).is_some_and(u8::is_ascii_alphanumeric);
            date(year, 1, 1).filter(|_| alone).map(|_| year)
        };
        let written = match zone(line, end) {
            Some((east, end)) => Some((fixed(east), end)),
            None => doubtful(line, end)
                .filter(|(_, end, words)| !words || year_at(*end).is_some())
                .map(|(zone, end, _)| (zone, end)),
        };
        let after = written.as_ref().map_or(end, |(_, end)| *end);
        let dated = year_at(after).and_then(|year| date(year, month, day));
        match (written, dated) {
            (None, Some(date)) => self.zoned(line, after + 5, date, seconds, nanos),
            (Some((zone, _)), Some(date)) => {
                Some((seconds_of(date, &zone, seconds)? * SECOND + nanos, after + 5))
            }
            (Some((zone, end)), None) => {
                Some((self.yearless_in(&zone, month, day, seconds, nanos)?, end))
            }
            (None, None) => {
                let weekday = self.weekday.get();
                let found = weekday.and_then(|weekday| {
                    self.yearless_on(Some(weekday), &self.zone, (month, day), seconds, nanos)
                });
                let any = || self.yearless(month, day, seconds, nanos);
                Some((found.or_else(any)?, end))
            }
        }
    }

    /// `2024-01-24 10:15:32.123 +0000`.
    pub(super) fn iso(&self, line: &[u8], at: usize) -> Stamp {
        let mark = line.get(at + 4).filter(|m| b"-/".contains(m))?;
        if line.get(at + 7) != Some(mark) || !matches!(line.get(at + 10), Some(b' ' | b'T')) {
            return None;
        }
        let date = date(digits(line, at, 4)?, digits(line, at + 5, 2)?, digits(line, at + 8, 2)?)?;
        self.timed(line, at + 11, real(date, time(line, at + 11)?)?)
    }

    /// The timestamp of an access log, in more layouts where the date has slashes.
    pub(super) fn clf(&self, line: &[u8], at: usize) -> Stamp {
        let has_slash = || line.get(at..at + 4).is_some_and(|text| text.contains(&b'/'));
        self.usual_clf(line, at).or_else(|| {
            let first = line.get(at).copied().unwrap_or(0);
            let begins = first.is_ascii_digit() || b"JFMASONDTW".contains(&first);
            if has_slash() && begins {
                self.rare(line, at).filter(|found| whole(line, found))
            } else {
                None
            }
        })
    }

    /// `24/Jan/2024:10:15:32 +0000`, `24-Jan-2024 10:15:32.123`.
    pub(super) fn usual_clf(&self, line: &[u8], at: usize) -> Stamp {
        let mark = line.get(at + 2).filter(|m| b"-/".contains(m))?;
        if line.get(at + 6) != Some(mark) || !matches!(line.get(at + 11), Some(b' ' | b':')) {
            return None;
        }
        let date = date(digits(line, at + 7, 4)?, month(line, at + 3)?, digits(line, at, 2)?)?;
        self.timed(line, at + 12, real(date, time(line, at + 12)?)?)
    }

    /// `17/06/09 20:10:40`.
    pub(super) fn spark(&self, line: &[u8], at: usize) -> Stamp {
        let marks = [line.get(at + 2)?, line.get(at + 5)?, line.get(at + 8)?];
        if marks != [&b'/', &b'/', &b' '] {
            return None;
        }
        let year = 2000 + digits(line, at, 2)?;
        let date = date(year, digits(line, at + 3, 2)?, digits(line, at + 6, 2)?)?;
        self.timed(line, at + 9, date)
    }

    /// `20240124T101532`, `20240124 10:15:32.123`, `20240124-10:15:32:123`.
    pub(super) fn compact(&self, line: &[u8], at: usize) -> Stamp {
        let (year, month) = (digits(line, at, 4)?, digits(line, at + 4, 2)?);
        let date = date(year, month, digits(line, at + 6, 2)?)?;
        match line.get(at + 8)? {
            b'T' => {
                let (nanos, end) = fraction(line, at + 15)?;
                self.zoned(line, end, date, six_digits(line, at + 9)?, nanos)
            }
            b' ' | b'-' => self.timed(line, at + 9, date),
            _ => None,
        }
    }

    /// `081109 203615`.
    pub(super) fn hdfs(&self, line: &[u8], at: usize) -> Stamp {
        let (year, month) = (2000 + digits(line, at, 2)?, digits(line, at + 2, 2)?);
        let date = date(year, month, digits(line, at + 4, 2)?)?;
        if line.get(at + 6) != Some(&b' ') {
            return None;
        }
        let (nanos, end) = fraction(line, at + 13)?;
        self.zoned(line, end, date, six_digits(line, at + 7)?, nanos)
    }

    /// `01-24 10:15:32.123`.
    pub(super) fn logcat(&self, line: &[u8], at: usize) -> Stamp {
        if line.get(at + 2) != Some(&b'-') || line.get(at + 5) != Some(&b' ') {
            return None;
        }
        self.time_of_day(line, at + 6, digits(line, at, 2)?, digits(line, at + 3, 2)?)
    }

    /// `Sun Dec 04 04:47:44.123 2005`, `Wed, 24 Jan 2024 10:15:32`, `Jan 24 10:15:32`.
    pub(super) fn named(&self, line: &[u8], at: usize) -> Stamp {
        let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let name = line.get(at..at + 3)?;
        let weekday = days.iter().position(|day| day.as_bytes() == name);
        self.weekday.set(weekday.map(|weekday| weekday as i64));
        if !days.iter().any(|day| day.as_bytes() == name) {
            let found = self.month_first(line, at);
            return found.or_else(|| self.zone_and_month(line, at));
        }
        match (line.get(at + 3)?, line.get(at + 4)) {
            (b',', Some(b' ')) => self.day_month(line, at + 5),
            (b' ', _) => self.month_first(line, at + 4),
            _ => None,
        }
    }

    /// `[CET Jan 24 10:15:32]`
    fn zone_and_month(&self, line: &[u8], at: usize) -> Stamp {
        let open = at.checked_sub(1).filter(|&open| line[open] == b'[')?;
        let len = run(line, at, |b| b.is_ascii_uppercase());
        let name = &line[at..at + len];
        let zone = match name {
            b"UTC" | b"GMT" => fixed(0),
            _ => doubtful(&[b" ", name].concat(), 0)?.0,
        };
        let text = line.get(at + len..)?.strip_prefix(b" ")?;
        let close = find(text, 0, b']')?;
        let month = month(text, 0)?;
        let rest = text[3..close].strip_prefix(b" ")?;
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let (day, behind) = day(rest, 0)?;
        let clock = rest[behind..].strip_prefix(b" ").filter(|clock| clock.len() == 8)?;
        let seconds = time(clock, 0)?;
        let time_ns = self.yearless_in(&zone, month, day, seconds, 0)?;
        Some((time_ns, open + 1 + len + 1 + close))
    }

    /// `Jan 24, 2024 10:15:32 AM`, `Dec 04 04:47:44.123 2005`, `Jan 24 10:15:32`.
    pub(super) fn month_first(&self, line: &[u8], at: usize) -> Stamp {
        let month = month(line, at)?;
        if line.get(at + 3) != Some(&b' ') {
            return None;
        }
        let padding = usize::from(line.get(at + 4) == Some(&b' '));
        let (day, at) = day(line, at + 4 + padding)?;
        if line.get(at) == Some(&b',') {
            return self.with_noon(line, at, month, day);
        }
        if line.get(at) != Some(&b' ') {
            return None;
        }
        let seconds = time(line, at + 1)?;
        let (nanos, end) = fraction(line, at + 9)?;
        // Four digits that are not a year belong to the message.
        let year = line.get(end).filter(|&&b| b == b' ').and_then(|_| digits(line, end + 1, 4));
        let alone = !line.get(end + 5).is_some_and(u8::is_ascii_alphanumeric);
        if let Some(date) = year.filter(|_| alone).and_then(|year| date(year, month, day)) {
            return self.zoned(line, end + 5, real(date, seconds)?, seconds, nanos);
        }
        self.year_behind(line, end, (month, day), seconds, nanos)
    }

    /// `, 2024 10:15:32 AM`, behind month and day.
    pub(super) fn with_noon(&self, line: &[u8], at: usize, month: i64, day: i64) -> Stamp {
        let date = date(digits(line, at + 2, 4)?, month, day)?;
        let hour_digits = if line.get(at + 8) == Some(&b':') { 1 } else { 2 };
        let mut hour = digits(line, at + 7, hour_digits)?;
        let at_minute = at + 7 + hour_digits + 1;
        let (minute, second) = (digits(line, at_minute, 2)?, digits(line, at_minute + 3, 2)?);
        let marks = [at + 1, at + 6, at_minute - 1, at_minute + 2].map(|i| line[i]);
        if marks != *b"  ::" {
            return None;
        }
        let mut end = at_minute + 5;
        let noon = line.get(end..end + 3).filter(|_| (1..=12).contains(&hour));
        if let Some(half @ (b" AM" | b" PM")) = noon {
            hour = hour % 12 + if half == b" PM" { 12 } else { 0 };
            end += 3;
        }
        let seconds = of_day(hour, minute, second)?;
        self.zoned(line, end, real(date, seconds)?, seconds, 0)
    }

    /// `24 Jan 2024 10:15:32.123`.
    pub(super) fn day_month(&self, line: &[u8], at: usize) -> Stamp {
        let (day, at) = day(line, at)?;
        if [at, at + 4, at + 9].iter().any(|&i| line.get(i) != Some(&b' ')) {
            return None;
        }
        let date = date(digits(line, at + 5, 4)?, month(line, at + 1)?, day)?;
        self.timed(line, at + 10, real(date, time(line, at + 10)?)?)
    }

    /// Ten digits or more, and possibly a fraction.
    pub(super) fn epoch_at(&self, line: &[u8], at: usize) -> Stamp {
        // TAI64N
        if at > 0
            && line[at - 1] == b'@'
            && run(line, at, |b| b.is_ascii_digit()) > 8
            && let Some(label) = line.get(at..at + 24)
            && label.iter().all(u8::is_ascii_hexdigit)
        {
            let number = |from, to| hex(&label[from..to], 0).map(i64::from);
            let number = |from| Some(number(from, from + 4)? << 16 | number(from + 4, from + 8)?);
            let second = (number(0)? << 32 | number(8)?) - (1 << 62) - 10;
            let nanos = number(16)?;
            if second > 0 && second < 9_214_646_400 && nanos < SECOND {
                return Some((second * SECOND + nanos, at + 24));
            }
        }
        let number = &line[at..][..run(line, at, |b| b.is_ascii_digit() || b == b'.')];
        // A full stop at the end is punctuation.
        let number = number.strip_suffix(b".").unwrap_or(number);
        let whole = run(number, 0, |b| b.is_ascii_digit());
        if !(10..=19).contains(&whole) {
            return None;
        }
        Some((epoch(number)?, at + number.len()))
    }

    /// Time of day, fraction and zone, on a date.
    pub(super) fn timed(&self, line: &[u8], at: usize, date: Date) -> Stamp {
        let seconds = time(line, at)?;
        let (nanos, end) = fraction(line, at + 8)?;
        self.zoned(line, end, date, seconds, nanos)
    }

    /// A zone may stand at `at`.
    pub(super) fn zoned(
        &self,
        line: &[u8],
        at: usize,
        date: Date,
        seconds: i64,
        nanos: i64,
    ) -> Stamp {
        let (second, end) = match zone(line, at) {
            Some((east, end)) => (seconds_of(date, &TimeZone::UTC, seconds)? - east, end),
            None => match doubtful(line, at) {
                Some((zone, end, words)) if !words || line[at..end].contains(&b'/') => {
                    (seconds_of(date, &zone, seconds)?, end)
                }
                _ => (self.local(date, seconds)?, at),
            },
        };
        Some((second * SECOND + nanos, end))
    }

    pub(super) fn time_of_day(&self, line: &[u8], at: usize, month: i64, day: i64) -> Stamp {
        let seconds = time(line, at)?;
        let (nanos, end) = fraction(line, at + 8)?;
        if let Some((east, end)) = zone(line, end) {
            return Some((self.yearless_in(&fixed(east), month, day, seconds, nanos)?, end));
        }
        Some((self.yearless(month, day, seconds, nanos)?, end))
    }

    /// The latest year that puts it at or before the anchor and 48 hours.
    pub(super) fn yearless(&self, month: i64, day: i64, seconds: i64, nanos: i64) -> Option<i64> {
        self.yearless_in(&self.zone, month, day, seconds, nanos)
    }

    pub(super) fn yearless_in(
        &self,
        zone: &TimeZone,
        month: i64,
        day: i64,
        seconds: i64,
        nanos: i64,
    ) -> Option<i64> {
        self.yearless_on(None, zone, (month, day), seconds, nanos)
    }

    /// The latest year that does so and puts the date on a day of the week, of which Monday is 0.
    fn yearless_on(
        &self,
        weekday: Option<i64>,
        zone: &TimeZone,
        (month, day): (i64, i64),
        seconds: i64,
        nanos: i64,
    ) -> Option<i64> {
        let limit = self.anchor_ns.div_euclid(SECOND) + 48 * 3600;
        let anchor = TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(limit).ok()?);
        let latest = i64::from(anchor.year()) + 1;
        let years = if weekday.is_some() { 40 } else { 10 };
        (latest - years..=latest).rev().find_map(|year| {
            let date = date(year, month, day)?;
            let fits =
                weekday.is_none_or(|w| w == i64::from(date.weekday().to_monday_zero_offset()));
            let second = seconds_of(date, zone, seconds).filter(|_| fits)?;
            (second <= limit).then_some(second * SECOND + nanos)
        })
    }

    pub(super) fn local(&self, date: Date, seconds: i64) -> Option<i64> {
        seconds_of(date, &self.zone, seconds)
    }
}

/// Year, if there is one, month and day.
pub(super) type RareDate = (Option<i64>, i64, i64);

pub(super) const DAY_NAMES: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Which of the names stands at `at` as a whole word of letters, in full or by three letters, and
/// how long it is.
pub(super) fn name_of(line: &[u8], at: usize, names: &[&str]) -> Option<(i64, usize)> {
    let word = line.get(at..)?;
    let word = &word[..run(word, 0, |b| b.is_ascii_alphabetic())];
    let lower = String::from_utf8(word.to_ascii_lowercase()).ok()?;
    let place = names.iter().position(|name| *name == lower || name[..3] == lower)?;
    Some((place as i64, word.len()))
}

/// Whether a text begins with hours, minutes and seconds.
fn has_seconds(text: &[u8]) -> bool {
    let hour = run(text, 0, |b| b.is_ascii_digit());
    let shape: Vec<u8> =
        text[hour..].iter().take(6).map(|b| if b.is_ascii_digit() { b'0' } else { *b }).collect();
    (1..=2).contains(&hour) && shape == b":00:00"
}

pub(super) fn rare_date(line: &[u8], start: usize, pattern: &str) -> Option<(RareDate, usize)> {
    let months = "january february march april may june july august september october november \
                  december";
    let months: Vec<&str> = months.split(' ').collect();
    let (mut at, mut year, mut month) = (start, None, None);
    let mut numbers = Vec::new();
    for part in pattern.bytes() {
        let count = run(line, at, |b| b.is_ascii_digit());
        match part {
            b'Y' | b'y' => {
                let fits = count == if part == b'Y' { 4 } else { 2 };
                let century = if part == b'Y' { 0 } else { 2000 };
                year = Some(century + digits(line, at, count).filter(|_| fits)?);
                at += count;
            }
            b'n' => {
                numbers.push(digits(line, at, count).filter(|_| count == 1 || count == 2)?);
                at += count;
            }
            b'B' => {
                let named =
                    || month_by_any_name(&line[at..]).map(|(n, len)| (i64::from(n) - 1, len));
                let (place, len) = name_of(line, at, &months).or_else(named)?;
                month = Some(place + 1);
                at += len;
                // A name that is cut short may have a point.
                let may_have_point = !matches!(pattern, "Y.B.n" | "nBY" | "Y-B-n" | "Y/B/n");
                at += usize::from(may_have_point && line.get(at) == Some(&b'.'));
            }
            byte if line.get(at) == Some(&byte) => at += 1,
            _ => return None,
        }
    }
    let date = match (month, &numbers[..]) {
        (Some(month), [day]) => {
            at -= usize::from(pattern == "n-B " || pattern == "B-n ");
            (year, month, *day)
        }
        (None, [first, second]) => {
            let last = year.unwrap_or(0);
            match pattern {
                "Y-n-n" | "Y/n/n" | "Y.n.n" => (year, *first, *second),
                "n/n/Y -- " => {
                    at -= 4;
                    (year, *second, *first)
                }
                // The last byte tells it from the two numbers of another date, and belongs to the gap.
                "n.n " | "n/n-" | "n/n " => {
                    at -= 1;
                    if *first <= 12 { (None, *first, *second) } else { (None, *second, *first) }
                }
                "n-n|" => {
                    at -= 1;
                    (None, *first, *second)
                }
                "n-n-y" if date(2000 + first, *second, last - 2000).is_some() => {
                    (Some(2000 + first), *second, last - 2000)
                }
                "n-n-y" | "n.n.y" if *first <= 12 && (pattern == "n-n-y" || *second > 12) => {
                    (year, *first, *second)
                }
                "n/n/Y" | "n/n/y" if *first <= 12 => (year, *first, *second),
                "n-n-Y" | "n.n.Y" if *second > 12 => (year, *first, *second),
                _ => (year, *second, *first),
            }
        }
        _ => return None,
    };
    Some((date, at))
}

/// Whether no letter or digit follows a timestamp.
pub(super) fn whole(line: &[u8], found: &(i64, usize)) -> bool {
    !line.get(found.1).is_some_and(u8::is_ascii_alphanumeric)
}

/// A date and a time that clocks show that were never set.
pub(super) fn is_unset(year: i64, month: i64, day: i64, seconds: i64) -> bool {
    let firsts = ["0-0-0", "1-1-1", "1601-1-1", "1900-1-1", "9999-12-31"];
    firsts.contains(&format!("{year}-{month}-{day}").as_str())
        || (year, month, day, seconds) == (1970, 1, 1, 0)
}

/// A date, if it is not of such a clock.
pub(super) fn real(date: Date, seconds: i64) -> Option<Date> {
    let [year, month, day] = [date.year().into(), date.month().into(), date.day().into()];
    (!is_unset(year, month, day, seconds)).then_some(date)
}

/// Seconds and nanoseconds of `10:15:32.123` before a space and a date, and where that begins.
pub(super) fn time_before_date(line: &[u8], at: usize) -> Option<(i64, i64, usize)> {
    let text = line.get(at..at + 8)?;
    let colons = text[2] == b':' && text[5] == b':';
    if !colons || (0..8).any(|i| i != 2 && i != 5 && !text[i].is_ascii_digit()) {
        return None;
    }
    let mut end = at + 8;
    let mut nanos = 0;
    if matches!(line.get(end), Some(b'.' | b',')) {
        (nanos, end) = fraction(line, end)?;
    }
    let date_at = end + 1;
    let count = run(line, date_at, |b| b.is_ascii_digit());
    let dated = matches!(count, 1 | 2 | 4)
        && line.get(end) == Some(&b' ')
        && matches!(line.get(date_at + count), Some(b'/' | b'.' | b'-'));
    Some((time(line, at).filter(|_| dated)?, nanos, date_at))
}

/// Whether the half of the day that stands at `at`, perhaps behind a blank, is the second, and where
/// it ends.
pub(super) fn half_day(line: &[u8], at: usize) -> Option<(bool, usize)> {
    let rest = String::from_utf8_lossy(line.get(at..line.len().min(at + 16))?).into_owned();
    let blanks = ["", " ", "\u{a0}", "\u{202f}", "\u{2009}"];
    for blank in blanks {
        for half in ["am", "a.m.", "a. m.", "a.\u{a0}m.", "a.\u{202f}m."] {
            for (is_later, half) in [(false, half.to_string()), (true, half.replacen('a', "p", 1))]
            {
                let written = format!("{blank}{half}");
                let Some(here) = rest.get(..written.len()) else { continue };
                let end = at + written.len();
                if here.to_ascii_lowercase() == written
                    && !line.get(end).is_some_and(u8::is_ascii_alphanumeric)
                {
                    return Some((is_later, end));
                }
            }
        }
    }
    None
}

pub(super) fn fixed(east: i64) -> TimeZone {
    TimeZone::fixed(jiff::tz::Offset::from_seconds(east as i32).expect("an offset of the day"))
}

/// Whether hours and minutes are an offset in use.
pub(super) fn offset(sign: u8, hours: i64, minutes: i64) -> Option<i64> {
    let east = if sign == b'-' { -1 } else { 1 } * (hours * 60 + minutes);
    let in_use = minutes < 60 && minutes % 15 == 0 && (-720..=840).contains(&east);
    in_use.then_some(east * 60)
}

/// The zone behind the blank at `at`, where it ends, and whether words follow.
pub(super) fn doubtful(line: &[u8], at: usize) -> Option<(TimeZone, usize, bool)> {
    const NAMES: &str = "WET 0 WEST 60 CET 60 CEST 120 EET 120 EEST 180 MSK 180 MSD 240 BST 60 \
        IST 330 IDT 180 WAT 60 CAT 120 SAST 120 EAT 180 PKT 300 ICT 420 WIB 420 WITA 480 WIT 540 \
        SGT 480 HKT 480 PHT 480 JST 540 KST 540 AWST 480 ACST 570 ACDT 630 AEST 600 AEDT 660 \
        NZST 720 NZDT 780 BRT -180 BRST -120 NST -210 NDT -150 AST -240 ADT -180 EST -300 EDT -240 \
        CST -360 CDT -300 MST -420 MDT -360 PST -480 PDT -420 AKST -540 AKDT -480 HST -600 HDT -540 \
        CLT -240 CLST -180 COT -300 UYT -180 CVT -60 NPT 345 UZT 300";
    let rest = line.get(at..)?.strip_prefix(b" ")?;
    let first = *rest.first()?;
    let (zone, len) = if b"+-".contains(&first) {
        (fixed(offset(first, digits(rest, 1, 2)?, 0)?), 3)
    } else if first.is_ascii_uppercase() {
        let len = run(rest, 0, |b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b)).min(40);
        let word = std::str::from_utf8(&rest[..len]).ok()?;
        if word.contains('/') {
            (TimeZone::get(word).ok()?, len)
        } else {
            let len = run(rest, 0, |b| b.is_ascii_uppercase());
            let words: Vec<&str> = NAMES.split_whitespace().collect();
            let known = words.chunks(2).find(|pair| pair[0] == &word[..len.min(word.len())])?;
            (fixed(known[1].parse::<i64>().ok()? * 60), len)
        }
    } else {
        return None;
    };
    let words = match (rest.get(len), rest.get(len + 1)) {
        (Some(b' '), Some(next)) => next.is_ascii_lowercase() || next.is_ascii_digit(),
        (Some(next), _) if !b" \t])>}\"',;:|".contains(next) => return None,
        _ => false,
    };
    Some((zone, at + 1 + len, words))
}

pub(super) fn seconds_of(date: Date, zone: &TimeZone, seconds: i64) -> Option<i64> {
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let time = date.at(h as i8, m as i8, s as i8, 0);
    // Compatible: the offset before a gap, the earlier instant of a fold.
    Some(zone.to_ambiguous_timestamp(time).compatible().ok()?.as_second())
}

pub(super) fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    if !(1678..=2261).contains(&year) {
        return None;
    }
    Date::new(year as i16, month as i8, day as i8).ok()
}

pub(super) fn month(line: &[u8], at: usize) -> Option<i64> {
    let names = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";
    let name = line.get(at..at + 3)?;
    names.split(' ').position(|n| n.as_bytes() == name).map(|i| i as i64 + 1)
}

/// A day of one digit or two, and where it ends.
pub(super) fn day(line: &[u8], at: usize) -> Option<(i64, usize)> {
    let two = digits(line, at, 2).map(|day| (day, at + 2));
    two.or_else(|| Some((digits(line, at, 1)?, at + 1)))
}

pub(super) fn of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    // A leap second counts as the one before it.
    let fits = hour < 24 && minute < 60 && second <= 60;
    fits.then_some(hour * 3600 + minute * 60 + second.min(59))
}

/// `10:15:32` as seconds.
pub(super) fn time(line: &[u8], at: usize) -> Option<i64> {
    if line.get(at + 2) != Some(&b':') || line.get(at + 5) != Some(&b':') {
        return None;
    }
    of_day(digits(line, at, 2)?, digits(line, at + 3, 2)?, digits(line, at + 6, 2)?)
}

/// `101532` as seconds.
pub(super) fn six_digits(line: &[u8], at: usize) -> Option<i64> {
    of_day(digits(line, at, 2)?, digits(line, at + 2, 2)?, digits(line, at + 4, 2)?)
}

/// Nanoseconds of the fraction at `at`, and where it ends; None if the seconds have a third digit.
pub(super) fn fraction(line: &[u8], at: usize) -> Option<(i64, usize)> {
    if is_digit(line, at) {
        return None;
    }
    if !matches!(line.get(at), Some(b'.' | b',' | b':')) || !is_digit(line, at + 1) {
        return Some((0, at));
    }
    let count = run(line, at + 1, |b| b.is_ascii_digit());
    let mut nine = line[at + 1..at + 1 + count.min(9)].to_vec();
    if line[at] == b':' && count < 3 {
        // A number of milliseconds.
        nine.splice(0..0, std::iter::repeat_n(b'0', 3 - count));
    }
    nine.resize(9, b'0');
    Some((digits(&nine, 0, 9)?, at + 1 + count))
}

/// Seconds east of UTC, and where the zone ends.
pub(super) fn zone(line: &[u8], at: usize) -> Option<(i64, usize)> {
    let spaced = line.get(at) == Some(&b' ');
    if spaced && line.get(at + 1) == Some(&b'(') {
        let inner = line.get(at + 2).filter(|b| b"UG".contains(b)).and(zone(line, at + 2));
        return inner
            .filter(|&(_, end)| line.get(end) == Some(&b')'))
            .map(|(east, end)| (east, end + 1));
    }
    let at = at + usize::from(spaced);
    let rest = &line[at.min(line.len())..];
    let (east, len) = if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") {
        let sign = rest.get(3).copied().unwrap_or(0);
        let count = run(rest, 4, |b| b.is_ascii_digit());
        let hours_len = count.min(2);
        let hours = digits(rest, 4, hours_len).filter(|_| hours_len > 0 && b"+-".contains(&sign));
        let colon = usize::from(rest.get(4 + hours_len) == Some(&b':'));
        let minutes =
            digits(rest, 4 + hours_len + colon, 2).filter(|_| hours_len == 2 || colon == 1);
        let end = 4 + hours_len + minutes.map_or(0, |_| colon + 2);
        let goes_on = rest.get(end).is_some_and(u8::is_ascii_alphanumeric);
        let east = hours.and_then(|hours| offset(sign, hours, minutes.unwrap_or(0)));
        east.filter(|_| !goes_on).map_or((0, 3), |east| (east, end))
    } else if (rest.starts_with(b"Z") || rest.starts_with(b"z")) && !spaced {
        (0, 1)
    } else {
        if !matches!(rest.first()?, b'+' | b'-') {
            return None;
        }
        let hours = digits(rest, 1, 2)?;
        let colon = usize::from(rest.get(3) == Some(&b':'));
        let (minutes, len) = match digits(rest, 3 + colon, 2) {
            Some(minutes) => (minutes, 5 + colon),
            None if !spaced && colon == 0 => (0, 3),
            None => return None,
        };
        (offset(rest[0], hours, minutes)?, len)
    };
    let goes_on = rest.get(len).is_some_and(u8::is_ascii_alphanumeric);
    (!goes_on).then_some((east, at + len))
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, by magnitude.
pub(super) fn epoch(text: &[u8]) -> Option<i64> {
    let (mantissa, exponent) = match text.iter().position(|b| b"eE".contains(b)) {
        None => (text, 0),
        Some(i) => {
            let exponent = text[i + 1..].strip_prefix(b"+").unwrap_or(&text[i + 1..]);
            if !(1..=2).contains(&exponent.len()) {
                return None;
            }
            (&text[..i], digits(exponent, 0, exponent.len())?)
        }
    };
    let whole = run(mantissa, 0, |b| b.is_ascii_digit());
    let decimals = match mantissa.get(whole) {
        None => &[][..],
        Some(b'.') => &mantissa[whole + 1..],
        Some(_) => return None,
    };
    if whole == 0 || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let zeros = run(mantissa, 0, |b| b == b'0').min(whole - 1);
    let magnitude = whole - zeros + exponent as usize;
    let decimals_of_unit = match magnitude {
        ..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18..=19 => 0,
        _ => return None,
    };
    // All digits down to the nanosecond, those that are not written being 0.
    let mut all = [&mantissa[zeros..whole], decimals].concat();
    all.resize(magnitude + decimals_of_unit, b'0');
    let nanos: i64 = std::str::from_utf8(&all).ok()?.parse().ok()?;
    let year =
        TimeZone::UTC.to_datetime(jiff::Timestamp::from_nanosecond(nanos.into()).ok()?).year();
    (year <= 2261).then_some(nanos)
}
