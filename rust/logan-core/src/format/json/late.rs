//! Times under keys that the table of names does not have, of records that have no other.
//!
//! A key asks for it if its last word says so (`createdOn` does not, `eventCreationTime`, `occurred_at` and
//! `LogDate` do), and no word of it says that another time is meant ([`OTHERS`]): when a certificate expires,
//! when an account was changed. Its value counts if it is a timestamp from end to end, or a whole
//! number of seconds to nanoseconds between 1995 and 2100. Of several, the first of those counts whose
//! key speaks of an event ([`EVENTS`]), else the first. It stands in whatever object. `date` and `time` whose
//! values are a date and a time of day are one time, if there is no other.
//!
//! Payloads of envelopes have their time from those. What was assumed is told by detection.

use crate::bytes::line::{Line, PaddedLine};
use crate::record::Record;
use crate::time::{Stamp, TimestampParser, epoch};

/// Parts of keys of which a time is that of what the record tells of.
pub const EVENTS: &[&str] = &[
    "event",
    "log",
    "timestamp",
    "occur",
    "publish",
    "generat",
    "record",
    "receiv",
    "creat",
    "detect",
    "report",
    "datetime",
];
/// Parts of keys of other times.
pub const OTHERS: &[&str] = &[
    "expir",
    "until",
    "valid",
    "notbefore",
    "notafter",
    "updat",
    "modif",
    "chang",
    "last",
    "next",
    "prev",
    "sched",
    "birth",
    "renew",
    "due",
    "deadline",
    "build",
    "releas",
    "boot",
    "install",
    "delet",
    "archiv",
    "end",
    "finish",
    "complet",
    "access",
    "uptime",
    "runtime",
    "timeout",
    "process",
    "file",
    "first",
    "start_of",
    "compil",
    "parent",
    "logon",
    "login",
];
/// Longest key that is looked at.
const KEY_BYTES_MAX: usize = 48;

/// Whether a line has a key that asks for a time.
#[cold]
#[inline(never)]
pub(super) fn asks(line: Line<'_>) -> bool {
    keys(line.bytes()).any(|(key, _)| rank(key) > 0)
}

/// Fills the time of a record; whether there is one.
#[cold]
#[inline(never)]
pub(super) fn fill(line: Line<'_>, clock: &mut TimestampParser, record: &mut Record) -> bool {
    let mut best: Option<(u8, Stamp, &[u8])> = None;
    for (key, value) in keys(line.bytes()) {
        let rank = rank(key);
        if rank > best.map_or(0, |(rank, ..)| rank)
            && let Some(stamp) = time(line, clock, value)
        {
            best = Some((rank, stamp, key));
        }
    }
    let Some((_, stamp, key)) = best else {
        let stamp = in_parts(line, clock);
        stamp.into_iter().for_each(|stamp| record.set_time(stamp));
        return stamp.is_some();
    };
    record.set_time(stamp);
    if clock.learns_levels {
        clock.seen_key.get_or_insert_with(|| String::from_utf8_lossy(key).into());
    }
    true
}

/// The time whose date stands under `date`, and whose time of day under `time`.
fn in_parts(line: Line<'_>, clock: &mut TimestampParser) -> Option<Stamp> {
    let text = |name: &str| {
        let (_, at) =
            keys(line.bytes()).find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))?;
        let text = line.bytes()[at..].strip_prefix(b"\"")?;
        Some(&text[..memchr::memchr(b'"', text)?])
    };
    let (date, time) = (text("date")?, text("time")?);
    if !date.first()?.is_ascii_digit() || time.get(2) != Some(&b':') {
        return None;
    }
    let both = [date, b" ", time].concat();
    let padded = PaddedLine::new(&both);
    let (stamp, end) = clock.any(padded.line(), 0)?;
    (end == both.len()).then_some(stamp)
}

/// 2 for a key of an event's time, 1 for another one of a time, 0 for others.
fn rank(key: &[u8]) -> u8 {
    if key.len() > KEY_BYTES_MAX {
        return 0;
    }
    let ends = |ending: &str| key.ends_with(ending.as_bytes());
    let lower = key.to_ascii_lowercase();
    let joined: Vec<u8> = lower.iter().copied().filter(|b| !matches!(b, b'_' | b'-')).collect();
    let names = |ending: &str| joined.ends_with(ending.as_bytes());
    let is_time = ["time", "timestamp", "date", "timeutc", "timems"].iter().any(|e| names(e))
        || ["_at", "At", "-at", "_ts", "-ts", "Ts"].iter().any(|e| ends(e));
    let has = |parts: &[&str]| {
        parts.iter().any(|part| memchr::memmem::find(&joined, part.as_bytes()).is_some())
    };
    if !is_time || has(OTHERS) {
        return 0;
    }
    1 + u8::from(has(EVENTS))
}

fn time(line: Line<'_>, clock: &mut TimestampParser, value: usize) -> Option<Stamp> {
    /// 1995-01-01 and 2100-01-01.
    const SPAN: std::ops::Range<i64> = 788_918_400..4_102_444_800;
    let text = &line.bytes()[value..];
    if text.first() == Some(&b'"') {
        let end = value + 1 + memchr::memchr(b'"', &text[1..])?;
        let (stamp, to) = clock.any(line.until(end), value + 1)?;
        return (to == end && SPAN.contains(&stamp.second)).then_some(stamp);
    }
    let len = text.iter().position(|b| b", \t\r\n]}".contains(b)).unwrap_or(text.len());
    let digits = crate::format::slices::digits(text);
    let stamp = epoch(&text[..len]).filter(|_| (10..=19).contains(&digits))?;
    SPAN.contains(&stamp.second).then_some(stamp)
}

/// The keys of an object and of those in it, and where their values start.
fn keys(text: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + memchr::memchr(b'"', text.get(at..)?)? + 1;
            let mut end = start;
            while *text.get(end)? != b'"' {
                end += if text[end] == b'\\' { 2 } else { 1 };
            }
            let is_blank = |b: &&u8| b" \t\r\n".contains(b);
            let blanks = |at: usize| text[at..].iter().take_while(is_blank).count();
            at = end + 1;
            let colon = at + blanks(at);
            if text.get(colon) == Some(&b':') {
                at = colon + 1;
                at += blanks(at);
                return Some((&text[start..end], at));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::NO_TIME;

    #[test]
    fn keys_that_say_a_time() {
        for (key, expected) in [
            ("eventCreationTime", 2),
            ("occurred_at", 2),
            ("LogDate", 2),
            ("date_create", 0),
            ("begin_ts", 1),
            ("expirationDate", 0),
            ("valid_until_time", 0),
            ("lastLoginAt", 0),
            ("endTime", 0),
            ("what", 0),
            ("format", 0),
            ("runtime", 0),
        ] {
            assert_eq!(rank(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn times_of_records() {
        let found = |text: &str| {
            let padded = PaddedLine::new(text.as_bytes());
            let mut record = Record::EMPTY;
            fill(padded.line(), &mut TimestampParser::utc(), &mut record);
            (record.time_ns != NO_TIME).then_some(record.second)
        };
        // 2024-01-24T10:15:32Z
        const TIME: i64 = 1_706_091_332;
        for (text, expected) in [
            (r#"{"a":{"eventCreationTime":1706091332000,"v":"1.0"}}"#, Some(TIME)),
            (r#"{"id":{"activityTime" : "2024-01-24T10:15:32Z"},"a":[1]}"#, Some(TIME)),
            // An event's own time is before that of a part of it.
            (
                r#"{"hopTime":"2020-01-01T00:00:00Z","event_date":"2024-01-24T10:15:32Z"}"#,
                Some(TIME),
            ),
            (r#"{"date":"2024-01-24","time":"10:15:32","msg":"a"}"#, Some(TIME)),
            (r#"{"Time":"10:15:32.5","Date":"24.01.2024"}"#, Some(TIME)),
            (r#"{"date":"2024-01-24","time":"soon"}"#, None),
            // Others' times, dates alone, numbers that are none, keys in texts.
            (r#"{"expiryTime":"2024-01-24T10:15:32Z"}"#, None),
            (r#"{"passwordLastSetTime":"2024-01-24T10:15:32Z"}"#, None),
            (r#"{"openDate":"2024-01-24"}"#, None),
            (r#"{"responseTime":1706,"waitTime":123456789}"#, None),
            (r#"{"a":"\"eventTime\":\"2024-01-24T10:15:32Z\""}"#, None),
            (r#"{"eventTime":"2024-01-24T10:15:32Z and more"}"#, None),
            (r#"{"eventTime":"0001-01-01T00:00:00Z"}"#, None),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
