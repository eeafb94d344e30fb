//! Finds the header of a table: a line of names, if the line after it has as many values and a time
//! where the header says so. Rows without one get one that [stands for it](crate::format::table::untitled).

use super::whole_lines;
use crate::bytes::line::{LINE_BYTES_MAX, PaddedLine};
use crate::format::classify::{is_blank, is_header};
use crate::format::table::{HEADER_BYTES_MAX, IIS_NATIVE, Layout, NAME, Table, untitled};
use crate::format::{Context, Params, Unit, by_name};
use crate::record::Record;
use crate::time::TimestampParser;

/// Rows behind a header of which one has to be a record: dates may be of an order that is not known.
const ROWS_MIN: usize = 10;
/// Rows whose response times are looked at.
const ROWS_MAX: usize = 1_000;
/// A median of values with decimals from which on they are milliseconds.
const SECONDS_MAX: f64 = 30.0;

/// The table that samples of a source hold, and what had to be assumed of it.
pub(super) fn find(samples: &[(u64, &[u8])]) -> Option<(Table, Option<String>)> {
    let lines = lines_of(samples);
    let (table, layout) = (0..lines.len())
        .find_map(|at| headed(lines[at], &lines[at + 1..]))
        .or_else(|| native(&lines))?;
    let values = lines.iter().filter(|line| !is_header(line) && !layout.is_header(line));
    let values: Vec<(String, &[u8])> =
        values.take(ROWS_MAX).filter_map(|line| layout.open_value(line)).collect();
    let unit = unit_of(values.iter().map(|(_, value)| *value));
    let (Some(unit), Some((name, _))) = (unit, values.first()) else { return Some((table, None)) };
    let assumed = format!("`{name}` of the table in {}, by its values", unit.name());
    Some((Table { unit: Some(unit), ..table }, Some(assumed)))
}

/// The table without a header that samples are, and what had to be assumed of it.
pub(super) fn untitled(samples: &[(u64, &[u8])]) -> Option<(Table, Option<String>)> {
    let mut lines = lines_of(samples);
    lines.retain(|line| !is_header(line));
    lines.truncate(ROWS_MAX);
    let (header, assumed) = untitled::header(&lines)?;
    Some((Table { header, unit: None }, Some(assumed)))
}

/// The lines of samples that are not blank.
fn lines_of<'a>(samples: &[(u64, &'a [u8])]) -> Vec<&'a [u8]> {
    let lines = samples.iter().flat_map(|(offset, bytes)| {
        let bytes = match offset {
            0 => bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes),
            _ => bytes,
        };
        let is_whole = |line: &&[u8]| !is_blank(line) && line.len() < LINE_BYTES_MAX;
        whole_lines(bytes).filter(is_whole).take(super::SAMPLE_LINES_MAX)
    });
    lines.collect()
}

/// The table whose header `line` is, given the lines after it.
fn headed(line: &[u8], after: &[&[u8]]) -> Option<(Table, Layout)> {
    // What records have and names of columns have not.
    let is_record = |line: &[u8]| line.iter().any(|b| b":={".contains(b));
    if line.len() > HEADER_BYTES_MAX || !is_of_columns(line) && (is_header(line) || is_record(line))
    {
        return None;
    }
    let header = std::str::from_utf8(line).ok()?.trim_end();
    let table = Table { header: header.into(), unit: None };
    let layout = Layout::of(&table)?;
    let rows: Vec<&[u8]> =
        after.iter().copied().filter(|row| !is_header(row)).take(ROWS_MIN).collect();
    let count = rows.first().map(|row| layout.count(row));
    match count {
        None => Some((table, layout)),
        Some(Some(count)) if count == layout.columns() + 1 => {
            let table = Table { header: layout.with_message(), unit: None };
            let layout = Layout::of(&table)?;
            holds(&table, &rows).then_some((table, layout))
        }
        // A line break in a value makes two lines of one.
        _ => holds(&table, &rows).then_some((table, layout)),
    }
}

/// Whether a header that is one of all formats' names columns.
fn is_of_columns(line: &[u8]) -> bool {
    line.starts_with(b"#fields\t") || line.starts_with(b"#Fields:")
}

/// Whether one of the rows is a record of the table.
fn holds(table: &Table, rows: &[&[u8]]) -> bool {
    let Some((_, entry)) = by_name(NAME) else { return false };
    let format = (entry.build)(&Params { table: Some(table.clone()), ..Params::default() });
    let mut context = Context::new(TimestampParser::utc());
    rows.iter().any(|row| {
        let padded = PaddedLine::new(row);
        let mut record = Record::EMPTY;
        format.parse_line(padded.line(), &mut context, &mut Vec::new(), &mut record)
    })
}

/// IIS' own table, which has no header.
fn native(lines: &[&[u8]]) -> Option<(Table, Layout)> {
    let table = Table { header: IIS_NATIVE.into(), unit: None };
    let layout = Layout::of(&table)?;
    let first = lines.first()?;
    let fits = layout.count(first) == Some(layout.columns());
    (fits && holds(&table, &lines[..1])).then_some((table, layout))
}

/// The unit of response times without one: seconds have decimals and are small.
fn unit_of<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Unit> {
    let mut numbers: Vec<f64> = Vec::new();
    let mut has_decimals = false;
    for value in values {
        if let Some(number) = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
            numbers.push(number);
            has_decimals |= value.contains(&b'.');
        }
    }
    numbers.sort_by(f64::total_cmp);
    let median = numbers.get(numbers.len() / 2)?;
    Some(if has_decimals && *median < SECONDS_MAX { Unit::Seconds } else { Unit::Milliseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<(String, Option<Unit>)> {
        find(&[(0, text.as_bytes())]).map(|(table, _)| (table.header, table.unit))
    }

    #[test]
    fn headers() {
        let row = "2024-01-24T10:15:32Z,INFO,a\n";
        for (text, expected) in [
            ("time,level,message\n2024-01-24T10:15:32Z,INFO,a\n", "time,level,message"),
            // Alone; behind directives and other lines; before a broken row.
            ("time,level,message\n", "time,level,message"),
            ("sep=,\ntime,level,message\n2024-01-24T10:15:32Z,INFO,a\n", "time,level,message"),
            ("started\n\ntime,level,message\n2024-01-24T10:15:32Z,INFO,a\n", "time,level,message"),
            (
                "time,level,message\n2024-01-24T10:15:32Z,INFO,\"a\nb\"\n2024-01-24T10:15:32Z,INFO,a\n",
                "time,level,message",
            ),
            // Event Viewer leaves out the last name.
            (
                "Level,Date and Time,Source\nError,1/24/2024 10:15:32 AM,DCOM,\"x, y\"\n",
                "Level,Date and Time,Source,message",
            ),
            (
                "192.0.2.7, -, 03/20/01, 7:55:20, W3SVC2, S, 172.21.13.45, 4502, 163, 3223, 200, 0, GET, /a.gif, -,\n",
                IIS_NATIVE,
            ),
        ] {
            assert_eq!(header(text).map(|found| found.0).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "time,level,message\nsoon,INFO,a\n",
            "time,level,message\nhello\n",
            "time, level and message\n",
            "@timestamp,\n2024-01-24T10:15:32Z,\n",
            "name,age,town\nbob,5,Bonn\n",
            "#Fields: date time sc-status\n2024-01-24 10:15:32 200\n",
            row,
            "{\"time\":\"2024-01-24T10:15:32Z\",\"level\":\"INFO\",\"message\":\"a\"}\n",
        ] {
            assert_eq!(header(text), None, "{text}");
        }
    }

    #[test]
    fn units() {
        for (values, unit) in [
            (["0.25", "1.5"], Some(Unit::Seconds)),
            (["250.5", "1500.25"], Some(Unit::Milliseconds)),
            (["250", "1500"], Some(Unit::Milliseconds)),
            (["-", ""], None),
        ] {
            let [a, b] = values;
            let text = format!(
                "time,status,duration\n2024-01-24T10:15:32Z,200,{a}\n2024-01-24T10:15:33Z,200,{b}\n"
            );
            assert_eq!(header(&text), Some(("time,status,duration".into(), unit)), "{text}");
        }
    }
}
