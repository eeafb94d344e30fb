//! Tables without a header: what columns hold, told by the values of many rows.
//!
//! Rows are a table if three of four have as many values, and of these one is a time, one a registered
//! status, and one what was asked for, each in three of four rows that have a value there. What does not
//! agree is malformed, or has no time. Numbers since 1970 are the time only where no column has a written
//! one, and as many agree in their unit. The header that stands for the one they lack ([`header`]) names
//! these, a method and an address of the client as well, and as the response time the largest of the
//! numbers that have exactly three decimals, as nginx writes seconds. All others are `column_N`.

use super::{COLUMNS_MIN, DELIMITERS, Dialect, cells, is_nothing};
use crate::bytes::line::PaddedLine;
use crate::format::fields::{request, status};
use crate::format::http::is_registered_status;
use crate::format::text::duration::with_unit;
use crate::time::{TimestampParser, epoch};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Rows that are enough to tell.
const ROWS_MIN: usize = 3;
/// Of so many rows one may be odd: a log may begin with a row that is cut, or lack the time of some.
const ODD_ONE_IN: usize = 4;
/// Seconds of which half of all requests take less.
const MEDIAN_S_MAX: f64 = 30.0;
/// 1995 and 2100 as seconds since 1970.
const EPOCH_SECONDS: std::ops::Range<i64> = 788_918_400..4_102_444_800;
/// Fewest digits of seconds since 1970: those of 2001 and later.
const EPOCH_DIGITS_MIN: usize = 10;
/// Seconds from the first to the last of a log's rows: ten years.
const EPOCH_SPAN_S_MAX: i64 = 3_653 * 86_400;

/// The header of a table that these lines are, and what was assumed.
pub fn header(lines: &[&[u8]]) -> Option<(String, String)> {
    DELIMITERS.iter().find_map(|&delimiter| Rows::of(lines, delimiter)?.header(delimiter))
}

/// Values by row and column.
struct Rows<'a>(Vec<Vec<&'a [u8]>>);

impl<'a> Rows<'a> {
    fn of(lines: &[&'a [u8]], delimiter: u8) -> Option<Rows<'a>> {
        let dialect = Dialect { delimiter, has_quotes: true };
        let values = |line: &&'a [u8]| {
            let mut values = Vec::new();
            cells(line, dialect, |_, start, end| values.push(&line[start..end])).ok()?;
            Some(values)
        };
        let mut rows: Vec<_> = lines.iter().filter_map(values).collect();
        let columns = most_frequent(rows.iter().map(Vec::len))?;
        rows.retain(|row| row.len() == columns);
        let is_table = columns > COLUMNS_MIN
            && rows.len() >= ROWS_MIN
            && (lines.len() - rows.len()) * ODD_ONE_IN <= lines.len();
        is_table.then_some(Rows(rows))
    }

    fn columns(&self) -> std::ops::Range<usize> {
        0..self.0[0].len()
    }

    /// The values of a column that are there.
    fn values(&self, column: usize) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().map(move |row| row[column]).filter(|value| !is_nothing(value))
    }

    /// Whether nearly all values of a column are such, and most rows have one.
    fn all(&self, column: usize, mut is_such: impl FnMut(&[u8]) -> bool) -> bool {
        let count = self.values(column).count();
        let odd = self.values(column).filter(|value| !is_such(value)).count();
        count * 2 > self.0.len() && odd * ODD_ONE_IN <= count
    }

    /// The first of the columns all of whose values are such.
    fn first(&self, mut is_such: impl FnMut(&[u8]) -> bool) -> Option<usize> {
        self.columns().find(|&column| self.all(column, &mut is_such))
    }

    /// The one of these columns that varies most: a server's own address or a referrer varies less.
    fn liveliest(&self, is_such: impl Fn(&[u8]) -> bool) -> Option<usize> {
        let distinct = |column| self.values(column).collect::<BTreeSet<_>>().len();
        let such = self.columns().rev().filter(|&column| self.all(column, &is_such));
        such.max_by_key(|&column| distinct(column))
    }

    fn header(&self, delimiter: u8) -> Option<(String, String)> {
        let mut clock = TimestampParser::utc();
        let time = self.first(|value| is_written_time(value, &mut clock));
        let time = time.or_else(|| self.epochs())?;
        let status = self.first(|value| status(value).is_some_and(is_registered_status))?;
        let asked =
            self.first(|value| request(value).is_some_and(|(method, _)| !method.is_empty()));
        let url = match asked {
            None => Some(self.liveliest(is_url)?),
            Some(_) => None,
        };
        let named = [
            ("time", Some(time)),
            ("status", Some(status)),
            ("request", asked),
            ("url", url),
            ("method", self.first(is_method).filter(|_| asked.is_none())),
            ("client_ip", self.liveliest(is_address)),
            ("request_time_s", self.timer(time)),
            ("duration", self.first(has_unit)),
        ];
        let name = |column| {
            let found = named.iter().find(|(_, place)| *place == Some(column));
            found.map_or_else(|| format!("column_{}", column + 1), |(name, _)| (*name).into())
        };
        let names: Vec<String> = self.columns().map(name).collect();
        let told: Vec<String> = named
            .iter()
            .filter_map(|(name, place)| Some(format!("{name} is column {}", (*place)? + 1)))
            .collect();
        let assumed = format!("a table without a header, by its values: {}", told.join(", "));
        Some((names.join(&char::from(delimiter).to_string()), assumed))
    }

    /// The first column of numbers since 1970 that go on as a log does: rising, never falling; else
    /// the first that has more than one; else the first.
    fn epochs(&self) -> Option<usize> {
        let all: Vec<_> =
            self.columns().filter_map(|column| Some((column, self.epoch(column)?))).collect();
        let first = |is_such: fn(&[i64]) -> bool| {
            all.iter().find(|(_, seconds)| is_such(seconds)).map(|&(column, _)| column)
        };
        first(|seconds| seconds.is_sorted() && seconds.first() < seconds.last())
            .or_else(|| {
                first(|seconds| seconds.iter().any(|second| Some(second) != seconds.first()))
            })
            .or_else(|| first(|_| true))
    }

    /// The seconds of a column, if nearly all of its values are numbers of one unit since 1970 (s, ms,
    /// µs or ns by their size, seconds perhaps with decimals) that lie no further apart than one log:
    /// other long numbers do.
    fn epoch(&self, column: usize) -> Option<Vec<i64>> {
        let stamp = |row: &Vec<&[u8]>| {
            let text = *row.get(column)?;
            let stamp = epoch(text).filter(|stamp| EPOCH_SECONDS.contains(&stamp.second))?;
            let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
            (digits >= EPOCH_DIGITS_MIN).then_some((digits, stamp.second))
        };
        let stamps: Vec<_> = self.0.iter().filter_map(stamp).collect();
        let digits = most_frequent(stamps.iter().map(|&(digits, _)| digits))?;
        let of_unit = stamps.iter().filter(|stamp| stamp.0 == digits);
        let seconds: Vec<_> = of_unit.map(|&(_, second)| second).collect();
        let span = seconds.iter().max()? - seconds.iter().min()?;
        let count = self.values(column).count();
        let is_one = seconds.len() * 2 > self.0.len()
            && (count - seconds.len()) * ODD_ONE_IN <= count
            && span <= EPOCH_SPAN_S_MAX;
        is_one.then_some(seconds)
    }

    /// The column of response times as nginx writes them; beside that of a server behind it, the
    /// larger one.
    fn timer(&self, time: usize) -> Option<usize> {
        let sum = |column| self.values(column).filter_map(seconds).sum::<f64>();
        let is_one = |&column: &usize| {
            let mut all: Vec<f64> = self.values(column).filter_map(seconds).collect();
            all.sort_by(f64::total_cmp);
            column != time
                && self.all(column, |value| seconds(value).is_some())
                && all.get(all.len() / 2).is_some_and(|&median| median < MEDIAN_S_MAX)
        };
        let such = self.columns().rev().filter(is_one);
        such.max_by(|&a, &b| sum(a).total_cmp(&sum(b)))
    }
}

/// The one of several counts that comes up most often, the first of equals.
fn most_frequent(counts: impl Iterator<Item = usize>) -> Option<usize> {
    let counts: Vec<_> = counts.collect();
    let often = |count: &&usize| counts.iter().filter(|other| other == count).count();
    counts.iter().rev().max_by_key(often).copied()
}

fn is_written_time(value: &[u8], clock: &mut TimestampParser) -> bool {
    let text = value.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(value);
    let padded = PaddedLine::new(text);
    text.contains(&b':') && clock.any(padded.line(), 0).is_some_and(|(_, end)| end == text.len())
}

fn is_url(value: &[u8]) -> bool {
    value.starts_with(b"/") || value.starts_with(b"http://") || value.starts_with(b"https://")
}

fn is_method(value: &[u8]) -> bool {
    const METHODS: [&[u8]; 7] = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"];
    METHODS.contains(&value)
}

fn is_address(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| text.parse::<IpAddr>().is_ok())
}

/// A number with a unit of time below a day: `12ms`, `1.5 s`.
fn has_unit(value: &[u8]) -> bool {
    value.first().is_some_and(u8::is_ascii_digit)
        && value.last().is_some_and(|b| b.is_ascii_alphabetic() && *b != b'd')
        && with_unit(value).is_some()
}

/// Seconds with three decimals.
fn seconds(value: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(value).ok()?;
    let (whole, decimals) = text.split_once('.')?;
    let is_one = decimals.len() == 3
        && !whole.is_empty()
        && whole.bytes().chain(decimals.bytes()).all(|b| b.is_ascii_digit());
    is_one.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<String> {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        header(&lines).map(|(header, _)| header)
    }

    #[test]
    fn columns_are_told_by_their_values() {
        let rows = |row: fn(u32) -> String| (0..4).map(row).collect::<Vec<_>>();
        let told = |rows: Vec<String>| of(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        // Time first; the address of the server and the time of the one behind vary less.
        assert_eq!(
            told(rows(|i| format!(
                "2024-01-24T10:15:3{i}Z\t192.0.2.{i}\t10.0.0.1\tGET\t/a/{i}\t200\t0.0{i}5\t0.0{i}4\t-"
            ))),
            Some("time\tclient_ip\tcolumn_3\tmethod\turl\tstatus\trequest_time_s\tcolumn_8\tcolumn_9".into())
        );
        // A response time with its unit, which goes over into seconds; sizes with theirs are none.
        assert_eq!(
            told(rows(|i| {
                let took = if i == 3 { "1.2s".into() } else { format!("{i}5ms") };
                format!("2024-01-24 10:15:3{i},GET,/a/{i},200,12kb,{took}")
            })),
            Some("time,method,url,status,column_5,duration".into())
        );
        // A request line, a time in brackets, quotes, blanks behind commas.
        assert_eq!(
            told(rows(|i| format!(
                "\"[24/Jan/2024:10:15:3{i} +0000]\", \"POST /pay HTTP/1.1\", \"50{i}\", \"/b\""
            ))),
            Some("time,request,status,column_4".into())
        );
        // A CDN's bars, with milliseconds since 1970 and a referrer.
        assert_eq!(
            told(rows(|i| format!(
                "HIT|200|170609133200{i}|1532|https://a.example/|https://b.example/{i}"
            ))),
            Some("column_1|status|time|column_4|column_5|url".into())
        );
        // A written time comes before long numbers, which are the time in any unit where there is none.
        let numbered = |i: u32| format!("170609133{i},2024-01-24T10:15:3{i}Z,/a,200");
        assert_eq!(told((0..4).map(numbered).collect()), Some("column_1,time,url,status".into()));
        for zeros in ["", "000", "000000", "000000000", ".25"] {
            let row = |i: u32| format!("/a,200,GET,170609133{i}{zeros}");
            assert_eq!(told((0..4).map(row).collect()), Some("url,status,method,time".into()));
        }
        // Of several such columns the one that goes on as a log does.
        let rising = |i: u32| 1_706_091_332 + 7 * i;
        for (other, name) in
            [(1_234_567_890, "constant"), (1_706_177_732, "constant"), (0, "jumping about")]
        {
            let other = |i: u32| if other == 0 { 1_700_000_000 + i * 7_919 % 3_600 } else { other };
            let before = |i: u32| format!("{},/a,200,GET,{}", other(i), rising(i));
            let after = |i: u32| format!("{},/a,200,GET,{}", rising(i), other(i));
            let (last, first) =
                ("column_1,url,status,method,time", "time,url,status,method,column_5");
            assert_eq!(told((0..9).map(before).collect()), Some(last.into()), "{name}");
            assert_eq!(told((0..9).map(after).collect()), Some(first.into()), "{name}");
        }
        // What some rows lack, and rows that are of another kind, do not make it none.
        let odd = |odd: &str, row: fn(u32) -> String| {
            let mut all: Vec<String> = (0..5).map(row).collect();
            all[2] = odd.into();
            told(all)
        };
        let dated = |i: u32| format!("2024-01-24T10:15:3{i}Z,/a,200,GET");
        for time in ["-", "", "N/A", "null", "24 Jan"] {
            let found = odd(&format!("{time},/a,200,GET"), dated);
            assert_eq!(found, Some("time,url,status,method".into()), "{time}");
        }
        let counted = |i: u32| format!("170609133{i},/a,200,GET");
        for time in ["-", "", "N/A", "1706091332123"] {
            let found = odd(&format!("{time},/a,200,GET"), counted);
            assert_eq!(found, Some("time,url,status,method".into()), "{time}");
        }
        let mut cut: Vec<String> = (0..5).map(dated).collect();
        cut[0] = "00,GET".into();
        assert_eq!(told(cut), Some("time,url,status,method".into()));
        for none in [
            // Text with tabs, too few rows, other numbers than statuses, no time.
            &["2024-01-24T10:15:32Z\tINFO\tweb\tstarted"; 4][..],
            &["2024-01-24T10:15:32Z\tGET\t/a\t200"; 2][..],
            &["2024-01-24T10:15:32Z\tGET\t/a\t123"; 4][..],
            &["a\tGET\t/a\t200"; 4][..],
            // Numbers of more than one unit, and such as lie decades apart.
            &[
                "1706091332\tGET\t/a\t200",
                "1706091332123\tGET\t/a\t200",
                "1706091333\tGET\t/a\t200",
            ][..],
            &["1006091332\tGET\t/a\t200", "3706091332\tGET\t/a\t200", "1706091333\tGET\t/a\t200"][..],
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
