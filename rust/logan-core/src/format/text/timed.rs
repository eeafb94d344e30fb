//! A timestamp in a text, with the level that belongs to it; the rule is that of [`app`](super::app).

use super::levels::{self, LEVEL_OFFSET_MAX, level_in, message_start};
use super::{clock, dresses, keyed};
use crate::bytes::line::Line;
use crate::bytes::simd::{Classes, Simd};
use crate::record::Level;
use crate::time::{Prefix, SeenLevel, Stamp, TimestampParser};
use jiff::tz::{self, TimeZone};

/// How far into a line a timestamp is looked for.
const TIME_OFFSET_MAX: usize = 128;
/// How far behind a time of day at the front its date may begin.
const CLOCK_GAP_MAX: usize = 4;

/// Time, level and start of the message of a line with a timestamp and a level near its front.
#[inline(always)]
pub(in crate::format) fn anywhere<S: Simd>(
    simd: S,
    line: Line<'_>,
    clock: &mut TimestampParser,
) -> Option<(Stamp, Level, usize)> {
    let mut limit = line.len().min(TIME_OFFSET_MAX);
    if matches!(line.byte(0), b'0'..=b'9' | b'[')
        && let Some((_, _, end)) = clock::clock(line.bytes())
    {
        // A date further in is one that the message speaks of.
        limit = limit.min(end + CLOCK_GAP_MAX);
    }
    let mut from = 0;
    // What stood before the first byte of these: nothing, and that is no front.
    let mut front = 0;
    // A number with a fraction, which is the time if nothing else is.
    let mut number = None;
    // But those with a month in another language, which begin the line.
    let first = line.byte(0);
    if matches!(first | 0x20, b'd' | b'e' | b'l' | b'i' | b'<' | b'>')
        && is_header_field(line.bytes())
    {
        return None;
    }
    if first == b'<'
        && let Some(event) = keyed::event(line, clock)
    {
        return Some(event);
    }
    if (first.is_ascii_lowercase() || first >= 0x80)
        && TimestampParser::begins_with_month(line, 0)
        && let Some((stamp, level, _, message)) = self::at(line, 0, clock)
    {
        return Some((stamp, level, message));
    }
    'line: while from < limit {
        // All timestamps begin with a digit or a capital.
        let starts = line.range32(simd, from, b'0', b'9') | line.range32(simd, from, b'A', b'Z');
        let fronts = fronts(simd, line, from);
        let mut starts = starts & (fronts << 1 | front);
        front = fronts >> 31;
        while starts != 0 {
            let at = from + starts.trailing_zeros() as usize;
            starts &= starts - 1;
            if at >= limit {
                break 'line;
            }
            if !may_begin_time(line, at) {
                continue;
            }
            if at > 1 && TimestampParser::is_bare(line, at) && !clock.is_in_epoch_column(line, at) {
                number = number.or_else(|| has_fraction(line, at).then_some(at));
                continue;
            }
            if let Some(found) = timed_and_leveled(line, at, clock) {
                return found;
            }
        }
        from += 32;
    }
    match number {
        Some(at) => timed_and_leveled(line, at, clock).flatten(),
        None => keyed::read(line, clock),
    }
}

/// Time, level and message of a line with a timestamp at `at`; None if there is none, Some(None) if
/// there is one and no level.
///
/// What stands before the timestamp counts first: a level there leads.
#[inline(never)]
fn timed_and_leveled(
    line: Line<'_>,
    at: usize,
    clock: &mut TimestampParser,
) -> Option<Option<(Stamp, Level, usize)>> {
    let (stamp, behind, end, message) = self::at(line, at, clock)?;
    // Sentences have words between a date and a time: `backup of 2024-01-24 at 10:15:32 done`.
    if memchr::memmem::find(&line.bytes()[at..end], b" at ").is_some() {
        return None;
    }
    let stamp = match offset_before(&line.bytes()[..at]) {
        Some(offset) => at_offset(line, at, offset).unwrap_or(stamp),
        None => stamp,
    };
    // A priority is the envelope's: it counts where the line itself has no level.
    let (priority, from) = match levels::of_priority(&line.bytes()[..at]) {
        Some((level, end)) => (Some(level), end),
        None => (None, 0),
    };
    let before = line.slice(from, at);
    let word = before.bytes().trim_ascii_end();
    let alone = Level::from_word(word.strip_suffix(b",").unwrap_or(word));
    let dressed = || dresses::before_time(before.bytes());
    let level = alone.or_else(|| level_in(before).map(|(level, _)| level)).or_else(dressed);
    if let Some(level) = level {
        if speaks_of_it(before.bytes()) && !tells_times(clock) {
            // The date is one that the message speaks of.
            return Some(None);
        }
        return Some(Some((stamp, level, message_start(line, end))));
    }
    if let Some(priority) = priority {
        return Some(Some(match behind {
            Level::None => (stamp, priority, message_start(line, end)),
            own => (stamp, own, message),
        }));
    }
    let level = match behind {
        // Without a level anywhere it is more likely a damaged line of another format, unless the
        // source has more of them.
        Level::None => match letter(before.bytes()) {
            Some(level) => level,
            None => match prefix(before.bytes(), clock, message < line.len()) {
                Some(Prefix::Names) => level_of_name(before.bytes()),
                Some(Prefix::Text) => inner_level(before.bytes()),
                None => return Some(None),
            },
        },
        found => found,
    };
    Some(Some((stamp, level, message)))
}

/// The seconds east of UTC of the offset that is all there is before a timestamp: `+0100 2024-01-24 10:15:32`
/// (sing-box).
fn offset_before(before: &[u8]) -> Option<i64> {
    let &[sign @ (b'+' | b'-'), a, b, c, d, b' '] = before else { return None };
    let [a, b, c, d] = [a, b, c, d].map(|digit| digit.wrapping_sub(b'0')).map(i64::from);
    let (hours, minutes) = (a * 10 + b, c * 10 + d);
    let is_one = a < 10 && b < 10 && hours <= 14 && c < 6 && d < 10 && minutes % 15 == 0;
    let east = (hours * 60 + minutes) * 60;
    is_one.then_some(if sign == b'-' { -east } else { east })
}

/// The timestamp at `at`, in the zone at this offset.
#[cold]
fn at_offset(line: Line<'_>, at: usize, offset: i64) -> Option<Stamp> {
    let (stamp, _) = TimestampParser::utc().any(line, at)?;
    // What writes its zone behind it needs none before it.
    let mut elsewhere = TimestampParser::new(TimeZone::fixed(tz::offset(1)), 0);
    let is_zoned = elsewhere.any(line, at)?.0 == stamp;
    (!is_zoned).then_some(Stamp { second: stamp.second - offset, ..stamp })
}

/// Whether a line is a field of a header of HTTP with a date, as messages show them.
fn is_header_field(line: &[u8]) -> bool {
    const NAMES: &[&[u8]] =
        &[b"date", b"expires", b"last-modified", b"if-modified-since", b"if-unmodified-since"];
    let line = line.strip_prefix(b"< ").or_else(|| line.strip_prefix(b"> ")).unwrap_or(line);
    let Some(colon) = memchr::memchr(b':', &line[..line.len().min(24)]) else { return false };
    let value = line[colon + 1..].trim_ascii();
    // `Thu, 19 Nov 1981 08:52:00 GMT`.
    value.len() == 29
        && value[3] == b','
        && value.ends_with(b" GMT")
        && NAMES.iter().any(|name| line[..colon].eq_ignore_ascii_case(name))
}

/// Whether a sentence before a timestamp speaks of it: `INFO:root:no data after `. Names of a thread or a
/// logger end in no such word.
fn speaks_of_it(before: &[u8]) -> bool {
    const WORDS_MIN: usize = 3;
    const LINKS: &[&[u8]] = &[
        b"after", b"at", b"before", b"between", b"by", b"for", b"from", b"in", b"is", b"of", b"on",
        b"since", b"than", b"till", b"to", b"until", b"was",
    ];
    let is_of_word = |b: &u8| b.is_ascii_alphanumeric() || b"._-/$'".contains(b) || *b >= 0x80;
    let text = before.trim_ascii_end();
    let mut words = text.rsplit(|b| !is_of_word(b));
    LINKS.contains(&words.next().unwrap_or_default())
        && words.filter(|word| word.first().is_some_and(u8::is_ascii_alphabetic)).count() + 1
            >= WORDS_MIN
}

/// Whether timestamps behind text count, as enough lines of the source have them.
fn tells_times(clock: &mut TimestampParser) -> bool {
    if clock.has_prefixes {
        clock.seen_prefix = Some(Prefix::Names);
    }
    clock.has_prefixes || clock.has_inner_dates
}

/// The level that is the one letter before a timestamp: `(W) `, `[ N `, `I [`.
fn letter(before: &[u8]) -> Option<Level> {
    let is_dressing = |b: &u8| b" \t[]()<>|:-".contains(b);
    let mut letters = before.iter().filter(|b| !is_dressing(b));
    match (letters.next()?, letters.next()) {
        // The second level of debugging of CUPS.
        (b'd', None) => Some(Level::Debug),
        (letter, None) if letter.is_ascii_uppercase() => Level::from_letter(*letter),
        _ => None,
    }
}

/// What stands before a timestamp without a level, if that is usual in the source.
fn prefix(before: &[u8], clock: &mut TimestampParser, has_message: bool) -> Option<Prefix> {
    let found = if clock.has_prefixes && has_message && are_names(before) {
        Prefix::Names
    } else if clock.has_inner_dates && !before.first()?.is_ascii_whitespace() {
        Prefix::Text
    } else {
        return None;
    };
    clock.seen_prefix = Some(found);
    Some(found)
}

/// The level behind the name before a timestamp: `Zigbee2MQTT:error `.
fn level_of_name(before: &[u8]) -> Level {
    let before = before.trim_ascii_end();
    let len = before.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let (name, word) = before.split_at(before.len() - len);
    match name {
        [.., last, b':'] if last.is_ascii_alphanumeric() => {
            Level::from_word(word).unwrap_or(Level::None)
        }
        _ => Level::None,
    }
}

/// The level that is a word for itself in the text before a timestamp: `[ns_server:error,`.
fn inner_level(before: &[u8]) -> Level {
    let words = before.split(|b| !b.is_ascii_alphabetic());
    let is_even = |word: &&[u8]| {
        word.iter().all(u8::is_ascii_lowercase) || word.iter().all(u8::is_ascii_uppercase)
    };
    words.filter(is_even).find_map(Level::from_word).unwrap_or(Level::None)
}

/// Whether this is what programs write before a timestamp: a name or two, or groups in brackets.
fn are_names(before: &[u8]) -> bool {
    const PREFIX_BYTES_MAX: usize = 48;
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.-/#".contains(b);
    let is_mark = |b: &u8| b" \t[]()<>|:*@".contains(b);
    before.len() <= PREFIX_BYTES_MAX
        && before.iter().all(|b| is_of_name(b) || is_mark(b))
        && before.split(is_mark).filter(|name| !name.is_empty()).count() <= 2
}

/// Whether a point and a digit follow the digits at `at`.
#[cold]
fn has_fraction(line: Line<'_>, at: usize) -> bool {
    let rest = &line.bytes()[at..];
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    matches!(rest[digits..], [b'.', b'0'..=b'9', ..])
}

/// Whether [`at`] may find something at a digit or a capital.
#[inline(always)]
fn may_begin_time(line: Line<'_>, at: usize) -> bool {
    let is_klog =
        || matches!(line.byte(at), b'I' | b'W' | b'E' | b'F') && line.byte(at + 1).is_ascii_digit();
    TimestampParser::may_begin(line, at) || is_klog()
}

/// What may stand before a timestamp further in: ``<space><tab>[](|<>"'=;:,@*``.
static FRONTS: Classes = Classes::new(&[
    (1 << 0x0 | 1 << 0x2 | 1 << 0x7 | 1 << 0x8 | 1 << 0xa | 1 << 0xc, 1 << 0x2),
    (1 << 0xa | 1 << 0xb | 1 << 0xc | 1 << 0xd | 1 << 0xe, 1 << 0x3),
    (1 << 0x9, 1 << 0x0),
    (1 << 0x0, 1 << 0x4),
    (1 << 0xb | 1 << 0xd, 1 << 0x5),
    (1 << 0xc, 1 << 0x7),
]);

/// Which of the 32 bytes from `from` may stand before a timestamp, also beyond the line.
#[inline(always)]
fn fronts<S: Simd>(simd: S, line: Line<'_>, from: usize) -> u32 {
    let [fronts] = line.window_at(from).classes(simd, &FRONTS, [0xff]);
    fronts as u32
}

/// Time, level, where the timestamp ends, where the message starts.
pub(in crate::format) fn at(
    line: Line<'_>,
    at: usize,
    clock: &mut TimestampParser,
) -> Option<(Stamp, Level, usize, usize)> {
    if let Some((stamp, end)) = clock.at_front(line, at) {
        let (level, after) = level_behind(line, end, clock);
        return Some((stamp, level, end, message_start(line, end + after)));
    }
    let (stamp, level, end) = klog(line, at, clock)?;
    Some((stamp, level, end, message_start(line, end)))
}

/// The level behind a timestamp that ends at `end`, and how far behind that it ends.
#[inline(always)]
fn level_behind(line: Line<'_>, end: usize, clock: &mut TimestampParser) -> (Level, usize) {
    let rest = line.slice(end, line.len().min(end + LEVEL_OFFSET_MAX));
    let found = level_in(rest);
    if clock.learns_levels {
        let text = rest.bytes();
        clock.seen_level = Some(match found {
            Some((_, after)) => {
                SeenLevel { column: levels::column_of(&text[..after], false), only_there: 0 }
            }
            None => SeenLevel {
                column: levels::column_of(text, true),
                only_there: (0..8)
                    .filter(|&i| levels::of_column(text, i).is_some())
                    .map(|i| 1 << i)
                    .sum(),
            },
        });
    }
    let in_column = || levels::of_column(rest.bytes(), clock.level_column?);
    found.or_else(in_column).unwrap_or((Level::None, 0))
}

/// `I0124 10:15:32.123456`, `I240124 10:15:32.123456`, `I20240124 10:15:32.123456`: level, perhaps a year, month, day, time.
pub(in crate::format) fn klog(
    line: Line<'_>,
    at: usize,
    clock: &mut TimestampParser,
) -> Option<(Stamp, Level, usize)> {
    let bytes = line.bytes().get(at..)?;
    let level = match bytes.first()? {
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' => Level::Fatal,
        _ => return None,
    };
    let dated =
        |len: usize| bytes.get(len) == Some(&b' ') && bytes[1..len].iter().all(u8::is_ascii_digit);
    if dated(9) || dated(7) {
        let (stamp, end) = clock.any(line, at + 1)?;
        return Some((stamp, level, end));
    }
    if bytes.get(5) != Some(&b' ') {
        return None;
    }
    let two = |i: usize| {
        let pair = bytes.get(i..i + 2)?;
        pair.iter()
            .all(u8::is_ascii_digit)
            .then(|| u32::from((pair[0] - b'0') * 10 + pair[1] - b'0'))
    };
    let (stamp, end) = clock.time_of_day(line, at + 6, two(1)?, two(3)?)?;
    Some((stamp, level, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_that_speak_of_a_time() {
        for (before, expected) in [
            ("INFO ", false),
            ("INFO at ", false),
            ("[INFO] [main thread of it all] ", false),
            ("INFO Catalina utility pool worker ", false),
            ("web-1 | INFO api.main ", false),
            ("ERROR:root:no data after ", true),
            ("INFO:root:loaded prices of ", true),
            ("INFO job done at ", true),
            ("INFO job done at: ", false),
        ] {
            assert_eq!(speaks_of_it(before.as_bytes()), expected, "{before}");
        }
    }
}
