//! Dates that a line writes twice: without a year at its front, as syslog does, and with one further in,
//! as programs do that write a timestamp of their own.
//!
//! Only a date that names the same moment counts, but for whole quarter hours, as the two may be in
//! different time zones: any other one is what the message speaks of. And dates in headers, as
//! `journalctl` prints of which time its records are.

use super::timestamps::nearest_year;
use crate::bytes::line::PaddedLine;
use crate::time::TimestampParser;

/// How far into a line a date is looked for.
const BYTES_MAX: usize = 1024;
/// Dates of a line that are looked at.
const DATES_MAX: usize = 8;
/// How far the two may lie apart, beside whole quarter hours: what is sent arrives later.
const APART_S: i64 = 60;
const QUARTER_S: i64 = 15 * 60;
/// The most that two time zones differ by.
const ZONES_S: i64 = 26 * 3_600;
const NS: i64 = 1_000_000_000;

/// The time with a year that `line` writes beside `time_ns`, whose year is not written.
pub(super) fn repeated(line: &[u8], time_ns: i64) -> Option<i64> {
    dates(line).into_iter().find(|&dated_ns| {
        let Some(nearest) = nearest_year(time_ns, dated_ns) else { return false };
        let apart = (nearest - dated_ns).abs() / NS;
        let beside = (apart % QUARTER_S).min(QUARTER_S - apart % QUARTER_S);
        apart <= ZONES_S && beside <= APART_S
    })
}

/// The end of the time of its records, if a header names begin and end. A begin alone, as of a journal
/// that is followed, may lie years before them.
pub(super) fn of_header(line: &[u8]) -> Option<i64> {
    let dates = dates(line);
    dates.iter().copied().max().filter(|_| dates.len() > 1)
}

/// The first times with a year that stand in a line, but not at its front.
fn dates(line: &[u8]) -> Vec<i64> {
    let text = &line[..line.len().min(BYTES_MAX)];
    let padded = PaddedLine::new(text);
    let mut clock = TimestampParser::utc();
    let is_front = |at: usize| at > 0 && !text[at - 1].is_ascii_alphanumeric();
    let starts = (0..text.len()).filter(|&at| is_front(at) && begins_with_year(&text[at..]));
    let stamps = starts.take(DATES_MAX).filter_map(|at| clock.any(padded.line(), at));
    stamps.filter_map(|(stamp, _)| stamp.second.checked_mul(NS)).collect()
}

/// `2024-01-24 1`, `2024/01/24T1`: a date that begins with its year, and a time.
fn begins_with_year(text: &[u8]) -> bool {
    const SHAPE: &[u8] = b"0000-00-00 0";
    text.len() >= SHAPE.len()
        && text.iter().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'-' => matches!(byte, b'-' | b'/'),
            _ => matches!(byte, b' ' | b'T'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_the_time_of_their_records() {
        let header =
            "-- Logs begin at Mon 2021-05-03 10:12:13 UTC, end at Tue 2021-05-04 10:00:00 UTC. --";
        assert_eq!(of_header(header.as_bytes()), Some(1_620_122_400 * NS));
        assert_eq!(of_header(b"-- Logs begin at Mon 2021-05-03 10:12:13 CEST. --"), None);
        assert_eq!(of_header(b"-- Reboot --"), None);
    }

    #[test]
    fn only_the_same_moment_counts() {
        // 2026-01-24T10:15:32Z, the year of which is a guess.
        const GUESS_NS: i64 = 1_769_249_732 * NS;
        const SECOND: i64 = 1_706_091_332;
        for (text, expected) in [
            ("fw 1,2024/01/24 10:15:32,0016,TRAFFIC", Some(SECOND)),
            ("pg[7]: [3-1] 2024-01-24 10:15:32.918-05:00 LOG:  a", Some(SECOND + 5 * 3_600)),
            ("wg (2024-01-24T11:15:40) firewall: a", Some(SECOND + 3_608)),
            ("a expires 2024-03-01 00:00:00", None),
            ("a since 2024-01-24 10:22:32", None),
            ("a version 12024-01-24 10:15:32", None),
            ("a 2024-01-24", None),
            ("a rt=2023-12-31T23:59:59Z 2024-01-24T10:15:32Z", Some(SECOND)),
        ] {
            let line = format!("Jan 24 10:15:32 {text}");
            let found = repeated(line.as_bytes(), GUESS_NS);
            assert_eq!(found, expected.map(|second| second * NS), "{text}");
        }
    }
}
