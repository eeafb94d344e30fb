//! Timestamps that keys say: `date=2024-01-24 time=10:15:32 timezone="CEST"` and `time=1706091332|…`, as
//! firewalls write them, in lines whose front has no timestamp.
//!
//! - `date` and `time`, one right behind the other, between them one of ``<space><tab>,;|``, each
//!   perhaps in quotes; with the zone that `tz` or `timezone` says behind them, if it is an offset or a
//!   known abbreviation;
//! - or the first of [`NAMES`] whose value is ten digits or more, perhaps with a fraction, and nothing else.
//!
//! - or, in an event of Windows as XML (a line that begins with `<Event`), the timestamp in quotes behind
//!   `SystemTime=`, with the level that the number in `<Level>` says: 1 FATAL, 2 ERROR, 3 WARN, 5 DEBUG,
//!   and 0 and 4 INFO.
//!
//! A key stands at the front, or behind one of ``<space><tab>,;|>"``, in the first [`FRONT_BYTES`] of the
//! line. What such a line has for a level is behind one of [`LEVELS`], in whatever place.

use super::levels;
use crate::bytes::line::{Line, PaddedLine};
use crate::format::slices;
use crate::record::Level;
use crate::time::{Stamp, TimestampParser, epoch};

/// How much of a line is looked at.
const FRONT_BYTES: usize = 1024;
/// Keys of a number that is the time of the record.
const NAMES: &[&[u8]] =
    &[b"time", b"timestamp", b"eventtime", b"event_time", b"epoch", b"unixtime", b"logtime", b"rt"];
/// Keys of a level.
const LEVELS: &[&[u8]] = &[b"level", b"severity", b"priority", b"loglevel", b"log_level"];
/// What parts pairs.
const GAPS: &[u8] = b" \t,;|";

/// The timestamp that two keys of a line say.
#[cold]
#[inline(never)]
pub(in crate::format) fn of_two_keys(line: &[u8], clock: &mut TimestampParser) -> Option<Stamp> {
    day_and_time(&line[..line.len().min(FRONT_BYTES)], clock)
}

/// Time, level and start of the message.
#[cold]
#[inline(never)]
pub(super) fn read(line: Line<'_>, clock: &mut TimestampParser) -> Option<(Stamp, Level, usize)> {
    let text = &line.bytes()[..line.len().min(FRONT_BYTES)];
    memchr::memchr(b'=', text)?;
    let stamp = day_and_time(text, clock).or_else(|| number(text))?;
    let priority = levels::of_priority(text);
    let start = priority.map_or(0, |(_, end)| end);
    // A number may be the priority of anything.
    let is_word = |word: &&[u8]| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic);
    let mut found = LEVELS.iter().filter_map(|name| value(text, name)).map(<[u8]>::trim_ascii);
    let level = match found.find(is_word) {
        Some(word) => Level::from_field(word),
        None => match (levels::leading(&text[start..]), priority) {
            (Some((level, _)), _) => level,
            (None, Some((priority, _))) => priority,
            (None, None) => Level::None,
        },
    };
    Some((stamp, level, levels::message_start(line, start)))
}

/// Time and level of an event of Windows as XML.
///
/// Source: <https://learn.microsoft.com/en-us/windows/win32/wes/eventschema-systempropertiestype-complextype>.
#[cold]
#[inline(never)]
pub(super) fn event(line: Line<'_>, clock: &mut TimestampParser) -> Option<(Stamp, Level, usize)> {
    const TIME: &[u8] = b" SystemTime=";
    const LEVEL: &[u8] = b"<Level>";
    let text = &line.bytes()[..line.len().min(FRONT_BYTES)];
    if !matches!(text.strip_prefix(b"<Event"), Some([b' ' | b'>', ..])) {
        return None;
    }
    let quoted = &text[memchr::memmem::find(text, TIME)? + TIME.len()..];
    let (quote, quoted) = quoted.split_first().filter(|(quote, _)| b"'\"".contains(quote))?;
    let stamp = stamp(&quoted[..memchr::memchr(*quote, quoted)?], clock)?;
    let number = memchr::memmem::find(text, LEVEL).map(|at| &text[at + LEVEL.len()..]);
    let level = match number {
        Some([b'1', b'<', ..]) => Level::Fatal,
        Some([b'2', b'<', ..]) => Level::Error,
        Some([b'3', b'<', ..]) => Level::Warn,
        Some([b'0' | b'4', b'<', ..]) => Level::Info,
        Some([b'5', b'<', ..]) => Level::Debug,
        _ => Level::None,
    };
    Some((stamp, level, 0))
}

/// The timestamp in two pairs, and a third one for its zone.
fn day_and_time(text: &[u8], clock: &mut TimestampParser) -> Option<Stamp> {
    let day = value(text, b"date")?;
    let behind = &text[day.as_ptr() as usize - text.as_ptr() as usize + day.len()..];
    let behind = behind.strip_prefix(b"\"").unwrap_or(behind);
    let (gap, rest) = behind.split_first()?;
    if !GAPS.contains(gap) || !rest.starts_with(b"time=") {
        return None;
    }
    let time = value(rest, b"time")?;
    let whole = [day, b" ", time].concat();
    let zone = [&b"tz"[..], b"timezone"].iter().find_map(|name| value(text, name));
    let zoned = zone.map(|zone| [&whole[..], b" ", zone].concat());
    zoned.and_then(|text| stamp(&text, clock)).or_else(|| stamp(&whole, clock))
}

/// The timestamp that a text is from end to end.
fn stamp(text: &[u8], clock: &mut TimestampParser) -> Option<Stamp> {
    let padded = PaddedLine::new(text);
    let (stamp, end) = clock.any(padded.line(), 0)?;
    (end == text.len()).then_some(stamp)
}

/// The time that a number is.
fn number(text: &[u8]) -> Option<Stamp> {
    /// 1995-01-01 and 2100-01-01.
    const SPAN: std::ops::Range<i64> = 788_918_400..4_102_444_800;
    let is_time = |word: &&[u8]| slices::digits(word) >= 10;
    let stamps = NAMES.iter().filter_map(|name| value(text, name)).filter(is_time);
    stamps.filter_map(epoch).find(|stamp| SPAN.contains(&stamp.second))
}

/// The value of the first pair with this key; without its quotes.
fn value<'a>(text: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find_iter(text, key).find_map(|at| {
        let begins = at == 0 || GAPS.contains(&text[at - 1]) || matches!(text[at - 1], b'>' | b'"');
        let rest = text[at + key.len()..].strip_prefix(b"=").filter(|_| begins)?;
        if let Some(quoted) = rest.strip_prefix(b"\"") {
            return Some(&quoted[..memchr::memchr(b'"', quoted)?]);
        }
        let len = rest.iter().position(|b| GAPS.contains(b)).unwrap_or(rest.len());
        Some(&rest[..len])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_windows() {
        let read = |text: &str| {
            let padded = PaddedLine::new(text.as_bytes());
            let found = event(padded.line(), &mut TimestampParser::utc());
            found.map(|(stamp, level, _)| (stamp.second, level))
        };
        let event_of = |level: &str| {
            format!(
                "<Event xmlns='http://schemas.example'><System><Provider Name='Disk'/>{level}\
                 <TimeCreated SystemTime='2024-01-24T10:15:32.123456700Z'/></System></Event>"
            )
        };
        for (level, expected) in [
            ("<Level>1</Level>", Level::Fatal),
            ("<Level>2</Level>", Level::Error),
            ("<Level>3</Level>", Level::Warn),
            ("<Level>4</Level>", Level::Info),
            ("<Level>0</Level>", Level::Info),
            ("<Level>5</Level>", Level::Debug),
            ("<Level>16</Level>", Level::None),
            ("", Level::None),
        ] {
            let text = event_of(level);
            assert_eq!(read(&text), Some((1_706_091_332, expected)), "{text}");
            assert_eq!(read(&text.replace('\'', "\"")), read(&text));
        }
        for text in [
            event_of("").replace("<Event", "<Events"),
            event_of("").replace("Z'", "Z"),
            event_of("").replace("2024-01-24", "2024-13-24"),
            event_of("").replace("SystemTime", "RawTime"),
        ] {
            assert_eq!(read(&text), None, "{text}");
        }
    }

    #[test]
    fn times_of_keys() {
        let found = |text: &str| {
            let padded = PaddedLine::new(text.as_bytes());
            let found = read(padded.line(), &mut TimestampParser::utc());
            found.map(|(stamp, level, _)| (stamp.second, level))
        };
        // 2024-01-24T10:15:32Z
        const TIME: i64 = 1_706_091_332;
        for (text, expected) in [
            ("device=\"SFW\" date=2024-01-24 time=10:15:32 a=b", (TIME, Level::None)),
            ("<30>device=\"SFW\" date=2024-01-24 time=10:15:32", (TIME, Level::Info)),
            (
                "a=b date=\"2024-01-24\",time=\"11:15:32\",tz=\"+0100\",level=\"warning\"",
                (TIME, Level::Warn),
            ),
            (
                "date=2024-01-24 time=12:15:32 timezone=\"CEST\" priority=Error",
                (TIME, Level::Error),
            ),
            // A zone that nobody knows is none.
            ("date=2024-01-24 time=10:15:32 timezone=\"XYZ\"", (TIME, Level::None)),
            ("time=1706091332|product=IPS|severity=Informational|a=b", (TIME, Level::Info)),
            ("date=2024-01-24 time=10:15:32 priority=1", (TIME, Level::None)),
            ("<190>logver=604 timestamp=1706091332 devname=\"x\"", (TIME, Level::Info)),
            ("a=b,eventtime=1706091332123456789,c=d", (TIME, Level::None)),
        ] {
            assert_eq!(found(text), Some(expected), "{text}");
        }
        for text in [
            // Parts of other keys and of values, sizes, dates alone.
            "uptime=1706091332 a=b",
            "a=time=1706091332",
            "runtime=1706091332 x",
            "time=12345678 a=b",
            "time=170609133212345678901 a=b",
            "time=1706091332x a=b",
            "time=10:15:32 a=b",
            "date=2024-01-24 a=b time=10:15:32",
            "date=2024-13-24 time=10:15:32",
            "born date=2024-01-24 only",
            "time: 1706091332",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
