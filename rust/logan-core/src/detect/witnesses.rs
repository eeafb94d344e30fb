//! The time zone of timestamps without one, where lines name the same moment once more with a zone.
//!
//! What syslog, Docker, container runtimes and journald write around a line has a zone, what the program
//! wrote itself often has none; and where applications log requests as access logs do, it is the other way
//! round. In a file that several programs write, or one with two layouts, the record before has one. Decided
//! once per source: the offset by which nearly all such pairs differ is that of all its timestamps
//! without a zone. Where they differ by several, none is applied, and that is stated.

use super::timestamps::nearest_year;
use crate::bytes::line::PaddedLine;
use crate::format::text::levels;
use crate::time::TimestampParser;
use jiff::tz::{TimeZone, offset};
use std::collections::BTreeMap;

/// How far into a line a moment is looked for.
const BYTES_MAX: usize = 2048;
/// The keys under which envelopes that are JSON have their time: Docker's, and journald's.
const KEYS: [&str; 2] = ["\"time\"", "\"__REALTIME_TIMESTAMP\""];
/// Moments of a line that are looked at.
const MOMENTS_MAX: usize = 16;
/// How far the two may lie apart, beside whole quarter hours: what is collected comes later.
const APART_S: i64 = 60;
const QUARTER_S: i64 = 15 * 60;
/// Offsets that are in use beside whole hours, in quarter hours.
const OFFSETS: std::ops::RangeInclusive<i64> = -48..=56;
const PARTS_OF_HOURS: [i64; 11] = [-38, -14, 14, 18, 22, 23, 26, 35, 38, 42, 51];
/// Share of records without a zone, in percent, that have to have such a moment: what messages speak of
/// may lie whole hours away, too.
const RECORDS_PERCENT: u64 = 50;
/// Share of those, in percent, that have to say the same.
const SAME_PERCENT: u64 = 95;
/// Fewer of other records say nothing.
const OTHERS_MIN: u64 = 2;
/// Nor do fewer than one for so many records without a zone.
const OTHERS_ONE_IN: u64 = 20;
/// Different offsets that are stated.
const OFFSETS_TOLD_MAX: usize = 3;
const NS: i64 = 1_000_000_000;

/// What records say about the zone of timestamps without one.
#[derive(Default)]
pub(super) struct Witnesses {
    /// Those without a zone.
    records: u64,
    /// Of these, by offset in quarter hours: what their own lines say.
    of_lines: Offsets,
    /// What the records beside them say, and stamps without a zone around records with one.
    of_others: Offsets,
    last: Option<Last>,
}

type Offsets = BTreeMap<i64, u64>;

/// The last record.
#[derive(Clone, Copy)]
enum Last {
    /// Without a zone, its time as of UTC.
    Local(i64),
    /// The time, and the offset that is written, in quarter hours.
    Zoned(i64, i64),
}

impl Witnesses {
    /// Learns from a line with a timestamp that has no zone, which is `time_ns` in UTC, and whether it is
    /// one of an envelope.
    pub(super) fn learn(&mut self, line: &[u8], time_ns: i64, is_envelope: bool) {
        self.records += 1;
        let found = moments(line, is_envelope).into_iter().find_map(|(moment, written)| {
            // What is written in local time was written where the line was.
            let east = east_of(time_ns, moment, APART_S)?;
            written.is_none_or(|written| written == east).then_some(east)
        });
        if let Some(quarters) = found {
            *self.of_lines.entry(quarters).or_default() += 1;
        }
        if let Some(Last::Zoned(moment, written)) = self.last {
            self.learn_pair(time_ns, moment, written);
        }
        self.last = Some(Last::Local(time_ns));
    }

    /// Learns from a line with a timestamp that has a zone.
    pub(super) fn learn_zoned(&mut self, line: &[u8], time_ns: i64) {
        if let Some(quarters) = around(line, time_ns) {
            *self.of_others.entry(quarters).or_default() += 1;
        }
        let written = written_in(line, time_ns);
        if let (Some(Last::Local(local)), Some(written)) = (self.last, written) {
            self.learn_pair(local, time_ns, written);
        }
        self.last = written.map(|written| Last::Zoned(time_ns, written));
    }

    /// Learns from two records beside each other, one of which writes its offset.
    fn learn_pair(&mut self, local_ns: i64, moment_ns: i64, written: i64) {
        let east = east_of(local_ns, moment_ns, QUARTER_S);
        if let Some(quarters) = east.filter(|&east| east == written || east == 0) {
            *self.of_others.entry(quarters).or_default() += 1;
        }
    }

    /// The offset, and what is to be said.
    pub(super) fn decide(&self) -> (Option<String>, Option<String>) {
        let pairs: u64 = self.of_lines.values().sum();
        if pairs > 0 && pairs * 100 >= self.records * RECORDS_PERCENT {
            return decided(&self.of_lines, "moments that the same lines name with one");
        }
        // Once may be by chance: two logs in one file.
        let others: u64 = self.of_others.values().sum();
        if others < OTHERS_MIN || others * OTHERS_ONE_IN < self.records {
            return (None, None);
        }
        decided(&self.of_others, "those that other records have")
    }
}

/// The offset that nearly all say, and what is to be said.
fn decided(offsets: &Offsets, by: &str) -> (Option<String>, Option<String>) {
    let pairs: u64 = offsets.values().sum();
    let mut offsets: Vec<(i64, u64)> = offsets.iter().map(|(&q, &n)| (q, n)).collect();
    offsets.sort_by_key(|&(quarters, lines)| (std::cmp::Reverse(lines), quarters));
    let Some(&(first, lines)) = offsets.first() else { return (None, None) };
    if lines * 100 >= pairs * SAME_PERCENT {
        let zone = shown(first);
        let of = if lines < pairs { format!("{lines} of {pairs} of the ") } else { String::new() };
        let told = format!(
            "timestamps without a time zone are at {zone}, by {of}{by}; --input-tz decides (+00:00 for UTC)"
        );
        return if first == 0 { (None, None) } else { (Some(zone), Some(told)) };
    }
    let more = if offsets.len() > OFFSETS_TOLD_MAX { ", ..." } else { "" };
    offsets.truncate(OFFSETS_TOLD_MAX);
    let shown: Vec<String> = offsets.iter().map(|&(quarters, _)| shown(quarters)).collect();
    let told = format!(
        "timestamps without a time zone are at several offsets ({}{more}), by {by}, so that none is \
         applied; --input-tz decides",
        shown.join(", ")
    );
    (None, Some(told))
}

fn shown(quarters: i64) -> String {
    let minutes = quarters.abs() * 15;
    let sign = if quarters < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// How many quarter hours east of UTC a timestamp is that names this moment, or one that lies so many
/// seconds apart at most; None if it names another.
fn east_of(time_ns: i64, moment_ns: i64, apart_s: i64) -> Option<i64> {
    let east = time_ns.checked_sub(moment_ns)? / NS;
    let quarters = (east + QUARTER_S / 2).div_euclid(QUARTER_S);
    let is_near = (east - quarters * QUARTER_S).abs() <= apart_s;
    let is_in_use =
        quarters % 4 == 0 && OFFSETS.contains(&quarters) || PARTS_OF_HOURS.contains(&quarters);
    (is_near && is_in_use).then_some(quarters)
}

/// The moments with a zone, or as microseconds since 1970, that are those of the line: where something
/// around it has its timestamp, and that of a request as access logs write it. Any other one may be what a
/// message speaks of, which often lies whole hours away: `expires at 2024-01-24T12:00:00Z`.
///
/// With the offset that is written, in quarter hours, but for what container runtimes put around a line:
/// the moment at which they got it, in the zone of the host, while the program may be in another one.
fn moments(line: &[u8], is_envelope: bool) -> Vec<(i64, Option<i64>)> {
    let text = &line[..line.len().min(BYTES_MAX)];
    let priority = text.starts_with(b"<").then(|| memchr::memchr(b'>', text)).flatten();
    let front = priority.map_or(0, |end| end + 1);
    let front = front + if text[front..].starts_with(b"1 ") { 2 } else { 0 };
    let behind_keys = KEYS.iter().filter_map(|key| {
        let at = memchr::memmem::find(text, key.as_bytes()).filter(|_| is_envelope)? + key.len();
        let blanks = text[at..].iter().take_while(|b| b" :\"".contains(b)).count();
        Some((at + blanks, true))
    });
    let of_requests =
        memchr::memchr_iter(b'[', text).map(|at| (at + 1, false)).filter(|&(at, _)| {
            matches!(text.get(at..at + 12), Some([a, b, b'/', _, _, _, b'/', _, _, _, _, b':'])
            if a.is_ascii_digit() && b.is_ascii_digit())
        });
    let padded = PaddedLine::new(text);
    let mut clock = TimestampParser::utc();
    let mut east = TimestampParser::new(TimeZone::fixed(offset(1)), 0);
    let places = std::iter::once((front, false)).chain(behind_keys).chain(of_requests);
    let found = places.take(MOMENTS_MAX).filter_map(|(at, is_of_utc)| {
        let (stamp, end) = clock.any(padded.line(), at)?;
        // `,2024-06` before `-30` is no fraction with an offset behind it.
        (text.get(end) != Some(&b'-')).then_some(())?;
        // One that moves with the zone of the input has none.
        (east.any(padded.line(), at)?.0 == stamp).then_some(())?;
        let is_of_utc = is_of_utc || at == 0 && is_of_runtime(text, end);
        let written = if is_of_utc { None } else { Some(written_offset(&text[at..end])?) };
        Some((stamp.nanos_since_epoch(), written))
    });
    found.collect()
}

/// The offset that a line writes with its time, in quarter hours.
fn written_in(line: &[u8], time_ns: i64) -> Option<i64> {
    let text = &line[..line.len().min(BYTES_MAX)];
    let padded = PaddedLine::new(text);
    let mut clock = TimestampParser::utc();
    let starts = (0..text.len()).filter(|&at| {
        text[at].is_ascii_alphanumeric() && (at == 0 || !text[at - 1].is_ascii_alphanumeric())
    });
    starts.take(MOMENTS_MAX).find_map(|at| {
        let (stamp, end) = clock.any(padded.line(), at)?;
        written_offset(&text[at..end]).filter(|_| stamp.nanos_since_epoch() == time_ns)
    })
}

/// How many quarter hours east of UTC the timestamp without a zone is that a record has around its own:
/// syslog's before one that the program wrote.
fn around(line: &[u8], time_ns: i64) -> Option<i64> {
    // Whole minutes are what messages speak of.
    if time_ns % (60 * NS) == 0 {
        return None;
    }
    let text = &line[..line.len().min(BYTES_MAX)];
    let front = levels::of_priority(text).map_or(0, |(_, end)| end);
    let padded = PaddedLine::new(text);
    let (stamp, end) = TimestampParser::utc().any(padded.line(), front)?;
    // Another timestamp, further in, has to be that of the record.
    let mut clock = TimestampParser::utc();
    let mut starts = (end..text.len())
        .filter(|&at| text[at].is_ascii_alphanumeric() && !text[at - 1].is_ascii_alphanumeric());
    let has_inner = starts.by_ref().take(MOMENTS_MAX).any(|at| {
        let found = clock.any(padded.line(), at);
        found.is_some_and(|(inner, _)| inner.nanos_since_epoch() == time_ns)
    });
    if !has_inner {
        return None;
    }
    let mut east = TimestampParser::new(TimeZone::fixed(offset(1)), 0);
    let (moved, _) = east.any(padded.line(), front)?;
    let local = stamp.nanos_since_epoch();
    if moved == stamp {
        return None;
    }
    // Without a year it is that of the record.
    [Some(local), nearest_year(local, time_ns)]
        .into_iter()
        .flatten()
        .find_map(|local| east_of(local, time_ns, APART_S))
}

/// Whether the timestamp that ends here is that of a container runtime: with nanoseconds, before a stream
/// (`2024-06-24T10:15:00.123456789Z stdout F `) or right before the line (`docker logs -t`).
fn is_of_runtime(text: &[u8], end: usize) -> bool {
    let fraction =
        text[..end].iter().rposition(|&b| b == b'.').map_or(&text[..0], |at| &text[at + 1..end]);
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    let line = text[end..].strip_prefix(b" ").unwrap_or_default();
    let is_stream = line.starts_with(b"stdout ") || line.starts_with(b"stderr ");
    let starts_dated = line.first().is_some_and(|b| b.is_ascii_digit() || *b == b'[');
    is_stream || digits > 6 && fraction.ends_with(b"Z") && starts_dated
}

/// The offset at the end of a timestamp, in quarter hours: `+0200`, `+02:00`, `+02`, `Z`.
fn written_offset(timestamp: &[u8]) -> Option<i64> {
    if timestamp.ends_with(b"Z") {
        return Some(0);
    }
    let sign = timestamp.iter().rposition(|b| matches!(b, b'+' | b'-'))?;
    let digits: Vec<i64> = timestamp[sign + 1..]
        .iter()
        .filter(|&&b| b != b':')
        .map(|b| b.is_ascii_digit().then(|| i64::from(b - b'0')))
        .collect::<Option<_>>()?;
    let minutes = match digits[..] {
        [a, b] => (a * 10 + b) * 60,
        [a, b, c, d] => (a * 10 + b) * 60 + c * 10 + d,
        _ => return None,
    };
    Some(if timestamp[sign] == b'-' { -minutes } else { minutes } / 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2024-06-24T12:15:00Z.
    const NOON: i64 = 1_719_231_300;

    fn decided(lines: &[(&str, i64)]) -> (Option<String>, Option<String>) {
        let mut witnesses = Witnesses::default();
        let envelope = |line: &str| line.starts_with('{');
        for (line, at) in lines {
            witnesses.learn(line.as_bytes(), (NOON + at) * NS, envelope(line));
        }
        witnesses.decide()
    }

    #[test]
    fn moments_of_the_same_line_tell_the_offset() {
        for (line, zone) in [
            (
                "2024-06-24T12:15:00.200+02:00 web1 app[12]: 2024-06-24 12:15:00,123 ERROR a",
                "+02:00",
            ),
            (
                r#"{"log":"2024-06-24 12:15:00 ERROR a\n","time":"2024-06-24T06:45:02.2Z"}"#,
                "+05:30",
            ),
            (r#"{"__REALTIME_TIMESTAMP":"1719224100000000","MESSAGE":"a"}"#, "+02:00"),
            ("2024-06-24T10:15:00.123456789Z stdout F 2024-06-24 12:15:00 ERROR a", "+02:00"),
            ("2024-06-24T04:15:00.1+01:00 stderr F [2024-06-24 12:15:00] ERROR a", "+09:00"),
            ("2024-06-24T17:15:00.123456789Z 2024-06-24 12:15:00 ERROR a", "-05:00"),
            (
                r#"2024-06-24 12:15:00 INFO ::1 - - [24/Jun/2024:12:14:59 +0100] "GET / HTTP/1.1" 200 1"#,
                "+01:00",
            ),
        ] {
            let (found, told) = decided(&[(line, 0), (line, 1)]);
            assert_eq!(found.as_deref(), Some(zone), "{line}");
            assert!(told.is_some_and(|told| told.contains(zone)));
        }
        // Of half the records.
        let pair = "2024-06-24T12:15:00+02:00 h a: 2024-06-24 12:15:00 b";
        let alone = "2024-06-24 12:15:00 a";
        assert_eq!(decided(&[(pair, 0), (alone, 0)]).0.as_deref(), Some("+02:00"));
        assert_eq!(decided(&[(pair, 0), (alone, 0), (alone, 0)]), (None, None));
    }

    #[test]
    fn other_moments_tell_nothing() {
        for line in [
            "2024-06-24 12:15:00 a",
            "2024-06-24T12:15:00Z h a: 2024-06-24 12:15:00 b",
            "2024-06-24T12:22:10Z h a: 2024-06-24 12:15:00 b",
            "2024-07-24T12:15:00Z h a: 2024-06-24 12:15:00 b",
            "2024-06-24 10:15:00 h a: 2024-06-24 12:15:00 b",
            "2024-06-24T13:15:00.123456Z 2024-06-24 12:15:00 b",
            // What began an hour ago, and what a server elsewhere wrote.
            "2024-06-24T13:15:00Z h a: 2024-06-24 12:15:00 b",
            "2024-06-24 12:15:00 a [24/Jun/2024:10:15:00 +0000] b",
            r#"{"log":"2024-06-24 12:15:00 a\n","time":"2024-06-24T12:30:00Z"}"#,
            "2024-06-24 12:15:00 token expires at 2024-06-24T13:15:00Z",
            r#"{"log":"2024-06-24 12:15:00 a\",\"exp\":\"2024-06-24T13:15:00Z\n"}"#,
        ] {
            assert_eq!(decided(&[(line, 0)]), (None, None), "{line}");
        }
        let summer = ("2024-06-24T12:15:00+02:00 h a: 2024-06-24 12:15:00 b", 0);
        let winter = ("2024-06-24T12:15:00+01:00 h a: 2024-06-24 12:15:00 b", 0);
        let (zone, told) = decided(&[summer, winter]);
        assert_eq!(zone, None);
        assert!(told.is_some_and(|told| told.contains("+01:00, +02:00")));
    }

    #[test]
    fn records_before_tell_the_offset() {
        const ZONED: i64 = NOON - 7_201;
        let after = |zoned: &str, apart: i64| {
            let mut witnesses = Witnesses::default();
            for second in 0..20 {
                witnesses.learn_zoned(zoned.as_bytes(), ZONED * NS);
                let local = NOON + apart + second;
                witnesses.learn(b"2024-06-24 12:15:00 ERROR b", local * NS, false);
            }
            witnesses.decide()
        };
        let access = r#"::1 - - [24/Jun/2024:12:14:59 +0200] "GET / HTTP/1.1" 200 1"#;
        let (zone, told) = after(access, 0);
        assert_eq!(zone.as_deref(), Some("+02:00"));
        assert!(told.is_some_and(|told| told.contains("by those that other records have")));
        assert_eq!(after(access, 5 * 60).0.as_deref(), Some("+02:00"));
        // Before and behind, where nothing says otherwise.
        let mut witnesses = Witnesses::default();
        witnesses.learn(b"2024-06-24 12:15:00 ERROR b", NOON * NS, false);
        witnesses.learn_zoned(access.as_bytes(), ZONED * NS);
        assert_eq!(witnesses.decide().0, None);
        for second in 0..4 {
            witnesses.learn(b"2024-06-24 12:15:00 ERROR b", (NOON + second) * NS, false);
        }
        assert_eq!(witnesses.decide().0.as_deref(), Some("+02:00"));
        for second in 5..9 {
            witnesses.learn_zoned(access.as_bytes(), ZONED * NS);
            witnesses.learn(b"2024-06-24 10:15:00 ERROR b", (NOON - 7_200 + second) * NS, false);
        }
        assert_eq!(witnesses.decide().0, None);
        // A quarter of an hour's silence, another offset than the one that is written, none that is.
        assert_eq!(after(access, 15 * 60), (None, None));
        let other = r#"::1 - - [24/Jun/2024:11:14:59 +0100] "GET / HTTP/1.1" 200 1"#;
        assert_eq!(after(other, 0).0, None);
        assert_eq!(after("1719224099 started", 0), (None, None));
        assert_eq!(after("2024-06-24T10:14:59Z started", 0), (None, None));
    }

    #[test]
    fn stamps_around_a_time_with_a_zone_tell_theirs() {
        let mut witnesses = Witnesses::default();
        let inner = b"Jun 24 07:15:00 h NetworkManager[1]: <info>  [1719231300.5000] a";
        witnesses.learn_zoned(inner, NOON * NS + NS / 2);
        assert_eq!(witnesses.decide().0, None);
        witnesses.learn(b"Jun 24 07:15:01 h kernel: b", (NOON - 5 * 3_600) * NS, false);
        witnesses.learn_zoned(inner, NOON * NS + NS / 2);
        assert_eq!(witnesses.decide().0.as_deref(), Some("-05:00"));
        let mut witnesses = Witnesses::default();
        witnesses
            .learn_zoned(b"Jun 24 12:15:00 h a: <info>  [1719231300.5000] a", NOON * NS + NS / 2);
        assert_eq!(witnesses.decide(), (None, None));
    }
}
