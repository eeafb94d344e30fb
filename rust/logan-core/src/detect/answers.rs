//! Whether the number right behind the requests of a source is their status.
//!
//! Access logs may have the response time or a size there (`"GET /a HTTP/1.1" 127 200 1532`), and lines of
//! apps a response time and no status (`GET /a 127`). Some of these numbers look like statuses, so that
//! the lines by themselves do not tell: the column decides.

use super::{SAMPLE_LINES_MAX, whole_lines};
use crate::format::StatusPlace;
use crate::format::http::is_registered_status;

/// Of so many lines one number that no status can be shows that the column holds none.
const IMPOSSIBLE_ONE_IN: u64 = 20;
/// Lines of a hundred that must have a registered status in the next column for that to hold them.
const REGISTERED_PERCENT: u64 = 95;
/// Fewer lines show nothing.
const LINES_MIN: u64 = 3;

/// Numbers right behind requests.
#[derive(Default)]
struct Column {
    lines: u64,
    impossible: u64,
    /// Lines with a registered status behind the number.
    answered: u64,
}

impl Column {
    fn learn(&mut self, number: &[u8], next: Option<&[u8]>) {
        self.lines += 1;
        self.impossible += u64::from(is_impossible(number));
        self.answered += u64::from(next.and_then(status).is_some_and(is_registered_status));
    }

    fn holds_no_status(&self) -> bool {
        self.lines >= LINES_MIN && self.impossible * IMPOSSIBLE_ONE_IN >= self.lines
    }
}

/// Where the statuses of a source's requests are, and what was assumed.
pub(super) fn find(samples: &[(u64, &[u8])]) -> (StatusPlace, Option<String>) {
    let (mut versioned, mut bare) = (Column::default(), Column::default());
    let lines = samples.iter().flat_map(|(_, bytes)| whole_lines(bytes).take(SAMPLE_LINES_MAX));
    for line in lines {
        if let Some((number, next)) = behind_version(line) {
            versioned.learn(number, next);
        } else if let Some(number) = at_end(line) {
            bare.learn(number, None);
        }
    }
    let told = |column: &Column, place: &str| {
        let Column { lines, impossible, .. } = column;
        let none = format!("{impossible} of {lines} numbers right behind requests are no statuses");
        Some(format!("{none}: {place}"))
    };
    if versioned.holds_no_status()
        && versioned.answered * 100 >= versioned.lines * REGISTERED_PERCENT
    {
        (StatusPlace::Second, told(&versioned, "the next numbers are read as the statuses"))
    } else if versioned.lines == 0 && bare.holds_no_status() {
        (StatusPlace::Nowhere, told(&bare, "none is read as a status"))
    } else {
        (StatusPlace::First, None)
    }
}

/// The number behind a request with its version in quotes, and what follows it.
fn behind_version(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    const VERSION: &[u8] = b" HTTP/";
    let version = &line[memchr::memmem::find(line, VERSION)? + VERSION.len()..];
    let len = version.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let behind = version[len..].strip_prefix(b"\" ")?.trim_ascii_start();
    let mut fields = behind.split(|&b| b == b' ');
    let number = fields.next().filter(|field| is_number(field))?;
    Some((number, fields.next()))
}

/// The number that ends a line behind a method and a path.
fn at_end(line: &[u8]) -> Option<&[u8]> {
    let mut fields = line.rsplit(|&b| b == b' ');
    let (number, path, method) = (fields.next()?, fields.next()?, fields.next()?);
    let is_method =
        matches!(method, b"GET" | b"HEAD" | b"POST" | b"PUT" | b"DELETE" | b"PATCH" | b"OPTIONS");
    (is_method && path.starts_with(b"/") && is_number(number)).then_some(number)
}

fn is_number(field: &[u8]) -> bool {
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

/// A status as a number, if it has three digits.
fn status(field: &[u8]) -> Option<u16> {
    let &[a, b, c] = field else { return None };
    let digits = [a, b, c];
    let is_one = digits.iter().all(u8::is_ascii_digit);
    is_one.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}

/// Whether no server and no user of one writes this number for a status. 0 and 000 stand for no answer.
fn is_impossible(number: &[u8]) -> bool {
    match status(number) {
        None => number != b"0",
        Some(0) => false,
        Some(code) => !(200..1_000).contains(&code) && !is_registered_status(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lines: &[&str]) -> StatusPlace {
        let text = lines.join("\n") + "\n";
        find(&[(0, text.as_bytes())]).0
    }

    fn access(behind: &[&str]) -> StatusPlace {
        let line = |behind: &&str| {
            format!("192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET /a HTTP/1.1\" {behind}")
        };
        let lines: Vec<String> = behind.iter().map(line).collect();
        place(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn a_column_with_other_numbers_is_none_of_statuses() {
        assert_eq!(access(&["127 200 1532", "200 404 17", "404 200 3"]), StatusPlace::Second);
        assert_eq!(access(&["1532 200", "200 404", "12 500", "404 200"]), StatusPlace::Second);
        // Statuses and sizes, odd ones, too.
        assert_eq!(access(&["200 127", "404 200", "500 404"]), StatusPlace::First);
        assert_eq!(access(&["200 200", "999 200", "0 200", "000 200"]), StatusPlace::First);
        assert_eq!(access(&["127 1532", "200 404", "12 0"]), StatusPlace::First);
        // Two lines show nothing.
        assert_eq!(access(&["127 200 1532", "200 404 17"]), StatusPlace::First);
    }

    #[test]
    fn numbers_at_the_end_of_lines_of_apps_are_statuses_if_all_can_be() {
        let line = |number: &&str| format!("2024-01-24 10:15:32 INFO GET /cart {number}");
        let app = |numbers: &[&str]| {
            let lines: Vec<String> = numbers.iter().map(line).collect();
            place(&lines.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(app(&["174", "200", "404"]), StatusPlace::Nowhere);
        assert_eq!(app(&["1404", "200", "404"]), StatusPlace::Nowhere);
        assert_eq!(app(&["200", "299", "404", "101"]), StatusPlace::First);
    }
}
