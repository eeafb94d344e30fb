//! Time zones as they are written after timestamps: offsets, abbreviations and IANA names.
//!
//! Two kinds are told apart, because text goes on after most timestamps:
//!
//! - *certain* ones, which [`read_certain`] accepts wherever they stand: `Z`, `z`, `UTC`, `GMT`,
//!   `GMT+8`, `UTC-05:00` (east of UTC is positive), `±HHMM`, `±HH:MM`, and `±HH` without a blank
//!   before it; those with a name also in parentheses behind a blank, ` (UTC+0100)`;
//! - *doubtful* ones, which [`read_doubtful`] finds after one blank: `±HH`, an abbreviation of
//!   [`ABBREVIATIONS`], the IANA name of a zone with a `/`. A word or a number of a message may look
//!   the same, so that what follows decides ([`Follows`]), or that nearly all lines of the source
//!   have one, which detection finds out.
//!
//! Offsets are those in use: −12:00 to +14:00 in whole quarters of an hour. All else is text.

use super::digits::two_digits;
use crate::bytes::line::Line;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;

/// An abbreviation of the IANA time zone database and what it stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abbreviation {
    pub name: &'static str,
    /// Minutes east of UTC.
    pub minutes: i32,
    /// Where it has that meaning.
    pub place: &'static str,
    /// Another meaning: minutes east of UTC, and where.
    pub other: Option<(i32, &'static str)>,
}

const fn plain(name: &'static str, minutes: i32) -> Abbreviation {
    Abbreviation { name, minutes, place: "", other: None }
}

const fn ambiguous(
    name: &'static str,
    minutes: i32,
    place: &'static str,
    other: (i32, &'static str),
) -> Abbreviation {
    Abbreviation { name, minutes, place, other: Some(other) }
}

/// The abbreviations that are read. Of ambiguous ones the first meaning counts unless the input
/// zone uses the name, or other names in the source say otherwise ([`by_siblings`]).
///
/// Samoa's SST is left out: it is a word of storage engines' logs.
pub(super) static ABBREVIATIONS: [Abbreviation; 59] = [
    plain("UTC", 0),
    plain("GMT", 0),
    plain("WET", 0),
    plain("WEST", 60),
    plain("CET", 60),
    plain("CEST", 120),
    plain("EET", 120),
    plain("EEST", 180),
    plain("MSK", 180),
    plain("MSD", 240),
    ambiguous("BST", 60, "Britain", (360, "Bangladesh")),
    ambiguous("IST", 330, "India", (60, "Ireland")),
    plain("IDT", 180),
    plain("WAT", 60),
    plain("CAT", 120),
    plain("SAST", 120),
    plain("EAT", 180),
    plain("PKT", 300),
    plain("ICT", 420),
    plain("WIB", 420),
    plain("WITA", 480),
    plain("WIT", 540),
    plain("SGT", 480),
    plain("HKT", 480),
    plain("PHT", 480),
    plain("JST", 540),
    plain("KST", 540),
    plain("AWST", 480),
    plain("ACST", 570),
    plain("ACDT", 630),
    plain("AEST", 600),
    plain("AEDT", 660),
    plain("NZST", 720),
    plain("NZDT", 780),
    plain("BRT", -180),
    plain("BRST", -120),
    ambiguous("NST", -210, "Newfoundland", (345, "Nepal")),
    plain("NDT", -150),
    ambiguous("AST", -240, "Atlantic Canada", (180, "Arabia")),
    plain("ADT", -180),
    ambiguous("EST", -300, "Eastern United States", (600, "Eastern Australia")),
    plain("EDT", -240),
    ambiguous("CST", -360, "Central United States", (480, "China")),
    plain("CDT", -300),
    ambiguous("MST", -420, "Mountain United States", (480, "Malaysia")),
    plain("MDT", -360),
    ambiguous("PST", -480, "Pacific United States", (480, "the Philippines")),
    plain("PDT", -420),
    plain("AKST", -540),
    plain("AKDT", -480),
    plain("HST", -600),
    plain("HDT", -540),
    plain("CLT", -240),
    plain("CLST", -180),
    plain("COT", -300),
    plain("UYT", -180),
    plain("CVT", -60),
    plain("NPT", 345),
    plain("UZT", 300),
];

/// Longest name that is looked up: `America/Argentina/ComodRivadavia` and some room.
const NAME_BYTES_MAX: usize = 40;

/// What ambiguous abbreviations mean beside others of the same source, by what only one of their
/// places writes.
pub(crate) fn by_siblings<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<(String, i32)> {
    let has = |name: &str| names.clone().any(|each| each == name);
    let mut found = Vec::new();
    let mut decide = |name: &str, sibling: &str, minutes: i32| {
        if has(name) && has(sibling) && !found.iter().any(|(known, _)| known == name) {
            found.push((name.to_string(), minutes));
        }
    };
    decide("IST", "IDT", 120);
    decide("IST", "GMT", 60);
    decide("EST", "AEDT", 600);
    decide("EST", "AEST", 600);
    found
}

/// What was assumed of an abbreviation: nothing if it has one meaning.
pub(crate) fn assumed(name: &str, decided: Option<i32>) -> Option<String> {
    let entry = ABBREVIATIONS.iter().find(|entry| entry.name == name)?;
    let (other, other_place) = entry.other?;
    let shown = |minutes: i32| {
        let (sign, m) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        format!("UTC{sign}{:02}:{:02}", m / 60, m % 60)
    };
    let minutes = decided.unwrap_or(entry.minutes);
    if minutes != entry.minutes {
        return Some(format!(
            "the time zone {name} is {}, by the other time zones of the input",
            shown(minutes)
        ));
    }
    let hours = f64::from(other - minutes).abs() / 60.0;
    Some(format!(
        "the time zone {name} is {} ({}) unless --input-tz names a time zone that uses it; \
         read as that of {other_place} ({}), timestamps move by {hours} h",
        shown(minutes),
        entry.place,
        shown(other),
    ))
}

/// Whether seconds east of UTC are an offset that is in use.
const fn is_in_use(minutes: i32) -> bool {
    -12 * 60 <= minutes && minutes <= 14 * 60 && minutes % 15 == 0
}

/// Seconds east of UTC of the certain zone written at `at`, and where it ends; a letter or digit
/// must not follow.
pub(super) fn read_certain(line: Line<'_>, at: usize) -> Option<(i64, usize)> {
    let spaced = line.byte(at) == b' ';
    if spaced && line.byte(at + 1) == b'(' {
        return in_parentheses(line, at + 2);
    }
    let i = at + usize::from(spaced);
    let (offset, end) = match line.byte(i) {
        b'Z' | b'z' if !spaced => (0, i + 1),
        b'U' if line.u32_at(i) & 0xff_ffff == u32::from_le_bytes(*b"UTC\0") => {
            east_of_utc(line, i + 3).unwrap_or((0, i + 3))
        }
        b'G' if line.u32_at(i) & 0xff_ffff == u32::from_le_bytes(*b"GMT\0") => {
            east_of_utc(line, i + 3).unwrap_or((0, i + 3))
        }
        sign @ (b'+' | b'-') => {
            let hours = two_digits(line, i + 1)?;
            let colon = usize::from(line.byte(i + 3) == b':');
            let (minutes, end) = match two_digits(line, i + 3 + colon) {
                Some(minutes) => (minutes, i + 5 + colon),
                // Db2 writes minutes: `+060`.
                None if !spaced && colon == 0 && line.byte(i + 3).is_ascii_digit() => {
                    let minutes = hours * 10 + u32::from(line.byte(i + 3) - b'0');
                    let east = signed(sign, minutes / 60, minutes % 60)?;
                    return is_alone(line, i + 4).then_some((east, i + 4));
                }
                None if !spaced && colon == 0 => (0, i + 3),
                None => return None,
            };
            (signed(sign, hours, minutes)?, end)
        }
        _ => return None,
    };
    is_alone(line, end).then_some((offset, end))
}

/// `UTC+0100)`, and where it ends.
#[cold]
#[inline(never)]
fn in_parentheses(line: Line<'_>, at: usize) -> Option<(i64, usize)> {
    let is_one = matches!(line.byte(at), b'U' | b'G');
    let (offset, end) = read_certain(line, at).filter(|_| is_one)?;
    (end < line.len() && line.byte(end) == b')').then_some((offset, end + 1))
}

fn is_alone(line: Line<'_>, end: usize) -> bool {
    end == line.len() || (end < line.len() && !line.byte(end).is_ascii_alphanumeric())
}

/// Seconds east of UTC.
fn signed(sign: u8, hours: u32, minutes: u32) -> Option<i64> {
    let east = (hours * 60 + minutes) as i32;
    let east = if sign == b'-' { -east } else { east };
    (minutes < 60 && is_in_use(east)).then_some(i64::from(east) * 60)
}

/// `+8`, `-05`, `+0530` or `+05:30` after `GMT` or `UTC`, and where it ends.
#[cold]
fn east_of_utc(line: Line<'_>, at: usize) -> Option<(i64, usize)> {
    let sign = line.byte(at);
    if at >= line.len() || !matches!(sign, b'+' | b'-') {
        return None;
    }
    let (hours, end) = super::digits::day_number(line, at + 1)?;
    let colon = usize::from(line.byte(end) == b':');
    let (minutes, end) = match two_digits(line, end + colon) {
        Some(minutes) if end == at + 3 || colon == 1 => (minutes, end + colon + 2),
        _ => (0, end),
    };
    let offset = signed(sign, hours, minutes)?;
    is_alone(line, end).then_some((offset, end))
}

/// The time zone of a name: the system's, which may be the newer one, else that which comes with the
/// engine. Systems lack all of them, or those of old names.
///
/// # Errors
/// No zone has this name.
pub fn named_zone(name: &str) -> Result<TimeZone, jiff::Error> {
    static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    TimeZone::get(name).or_else(|error| BUNDLED.get(name).map_err(|_| error))
}

/// The zone of a fixed offset as users write it: `+2`, `+02`, `+0200`, `+02:00`, perhaps behind `UTC` or
/// `GMT`; east of Greenwich is `+`.
pub fn fixed_zone(text: &str) -> Option<TimeZone> {
    let text = text.strip_prefix("UTC").or(text.strip_prefix("GMT")).unwrap_or(text);
    let (&sign, rest) = text.as_bytes().split_first()?;
    let digits = |text: &[u8]| {
        let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        is_number.then(|| text.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
    };
    let (hours, minutes) = match rest {
        [hours @ .., b':', _, _] => (hours, &rest[hours.len() + 1..]),
        [_, _, _, _] => rest.split_at(2),
        _ => (rest, &b"0"[..]),
    };
    if !matches!(sign, b'+' | b'-') || hours.len() > 2 {
        return None;
    }
    let east = signed(sign, digits(hours)?, digits(minutes)?)?;
    Some(TimeZone::fixed(jiff::tz::Offset::from_seconds(east as i32).ok()?))
}

/// Whether [`read_doubtful`] may find something where these bytes stand, after a blank. Names with
/// a `/` are found by their second letter.
#[inline(always)]
pub(super) fn may_begin(word: u32) -> bool {
    let [a, b, c, d] = word.to_le_bytes();
    // Most messages and hosts begin with a small letter, most levels end here.
    a < b'a'
        && match a {
            b'+' | b'-' => b.is_ascii_digit(),
            b'(' => matches!(b, b'U' | b'G'),
            b'A'..=b'Z' => b.is_ascii_lowercase() || may_be_abbreviation([a, b, c, d]),
            _ => false,
        }
}

/// Whether an abbreviation may begin with these letters: all but a few end in `T`.
#[inline(always)]
fn may_be_abbreviation([a, b, c, d]: [u8; 4]) -> bool {
    c == b'T'
        || d == b'T'
        || c == b'/'
        || matches!(&[a, b, c], b"UTC" | b"MSK" | b"MSD" | b"WIB" | b"WIT")
}

/// A doubtful zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// Seconds east of UTC.
    Offset(i64),
    /// Its place in [`ABBREVIATIONS`].
    Abbreviation(usize),
    /// An IANA name; the bytes of the line that hold it.
    Name(usize, usize),
}

/// What follows a doubtful zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// The end of the line, a mark that closes or separates, or a blank and no more words: a
    /// zone.
    Mark,
    /// A blank and a small letter or digit: perhaps the rest of a sentence.
    Words,
}

/// The zone of an abbreviation.
pub(super) fn abbreviation(name: &[u8]) -> Option<Zone> {
    let known = ABBREVIATIONS.iter().position(|each| each.name.as_bytes() == name)?;
    Some(Zone::Abbreviation(known))
}

/// The doubtful zone after the blank at `at`, where it ends, and what follows.
#[cold]
#[inline(never)]
pub(super) fn read_doubtful(line: Line<'_>, at: usize) -> Option<(Zone, usize, Follows)> {
    let bytes = line.bytes();
    let rest = bytes.get(at..)?.strip_prefix(b" ")?;
    let start = at + 1;
    let (zone, len) = match rest {
        [sign @ (b'+' | b'-'), a, b, ..] if a.is_ascii_digit() && b.is_ascii_digit() => {
            let hours = u32::from((a - b'0') * 10 + b - b'0');
            (Zone::Offset(signed(*sign, hours, 0)?), 3)
        }
        [b'A'..=b'Z', ..] => {
            let letters = rest.iter().take_while(|b| b.is_ascii_uppercase()).count();
            let of_name = |b: &&u8| b.is_ascii_alphanumeric() || b"/_+-".contains(b);
            let len = rest.iter().take(NAME_BYTES_MAX).take_while(of_name).count();
            if rest[..len].contains(&b'/') {
                (Zone::Name(start, start + len), len)
            } else {
                (abbreviation(&rest[..letters])?, letters)
            }
        }
        _ => return None,
    };
    let follows = match &rest[len..] {
        [] => Follows::Mark,
        [b' ', b'a'..=b'z' | b'0'..=b'9', ..] => Follows::Words,
        [
            b' ' | b'\t' | b']' | b')' | b'>' | b'}' | b'"' | b'\'' | b',' | b';' | b':' | b'|',
            ..,
        ] => Follows::Mark,
        _ => return None,
    };
    Some((zone, start + len, follows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;

    #[test]
    fn fixed_offsets_are_zones() {
        let east = |text: &str| {
            let zone = fixed_zone(text)?;
            Some(zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds())
        };
        for (text, seconds) in [
            ("+02:00", 7_200),
            ("-0530", -19_800),
            ("+2", 7_200),
            ("UTC+8", 28_800),
            ("GMT-03", -10_800),
            ("+00:00", 0),
            ("+14", 50_400),
        ] {
            assert_eq!(east(text), Some(seconds), "{text}");
        }
        for text in ["", "+", "2", "+15", "+02:7", "+02:07", "+02:00:00", "UTC", "+2:0", "Berlin"] {
            assert_eq!(east(text), None, "{text}");
        }
    }

    #[test]
    fn abbreviations_pass_the_filter_and_are_unique() {
        for (i, each) in ABBREVIATIONS.iter().enumerate() {
            let line = PaddedLine::new(format!(" {} x", each.name).as_bytes());
            assert!(may_begin(line.line().u32_at(1)), "{}", each.name);
            assert!(ABBREVIATIONS[..i].iter().all(|other| other.name != each.name));
            assert!(is_in_use(each.minutes) && each.other.is_none_or(|(m, _)| is_in_use(m)));
        }
    }

    #[test]
    fn the_table_agrees_with_the_time_zone_database() {
        // A place for each abbreviation that the database has had in this century, and a moment.
        for (name, place, moment) in [
            ("WET", "Europe/Lisbon", "2024-01-24T12:00:00Z"),
            ("WEST", "Europe/Lisbon", "2024-07-24T12:00:00Z"),
            ("CET", "Europe/Berlin", "2024-01-24T12:00:00Z"),
            ("CEST", "Europe/Berlin", "2024-07-24T12:00:00Z"),
            ("EET", "Europe/Helsinki", "2024-01-24T12:00:00Z"),
            ("EEST", "Europe/Helsinki", "2024-07-24T12:00:00Z"),
            ("MSK", "Europe/Moscow", "2024-01-24T12:00:00Z"),
            ("MSD", "Europe/Moscow", "2008-07-24T12:00:00Z"),
            ("BST", "Europe/London", "2024-07-24T12:00:00Z"),
            ("IST", "Asia/Kolkata", "2024-01-24T12:00:00Z"),
            ("IDT", "Asia/Jerusalem", "2024-07-24T12:00:00Z"),
            ("WAT", "Africa/Lagos", "2024-01-24T12:00:00Z"),
            ("CAT", "Africa/Maputo", "2024-01-24T12:00:00Z"),
            ("SAST", "Africa/Johannesburg", "2024-01-24T12:00:00Z"),
            ("EAT", "Africa/Nairobi", "2024-01-24T12:00:00Z"),
            ("PKT", "Asia/Karachi", "2024-01-24T12:00:00Z"),
            ("WIB", "Asia/Jakarta", "2024-01-24T12:00:00Z"),
            ("WITA", "Asia/Makassar", "2024-01-24T12:00:00Z"),
            ("WIT", "Asia/Jayapura", "2024-01-24T12:00:00Z"),
            ("HKT", "Asia/Hong_Kong", "2024-01-24T12:00:00Z"),
            ("JST", "Asia/Tokyo", "2024-01-24T12:00:00Z"),
            ("KST", "Asia/Seoul", "2024-01-24T12:00:00Z"),
            ("AWST", "Australia/Perth", "2024-01-24T12:00:00Z"),
            ("ACST", "Australia/Adelaide", "2024-07-24T12:00:00Z"),
            ("ACDT", "Australia/Adelaide", "2024-01-24T12:00:00Z"),
            ("AEST", "Australia/Sydney", "2024-07-24T12:00:00Z"),
            ("AEDT", "Australia/Sydney", "2024-01-24T12:00:00Z"),
            ("NZST", "Pacific/Auckland", "2024-07-24T12:00:00Z"),
            ("NZDT", "Pacific/Auckland", "2024-01-24T12:00:00Z"),
            ("NST", "America/St_Johns", "2024-01-24T12:00:00Z"),
            ("NDT", "America/St_Johns", "2024-07-24T12:00:00Z"),
            ("AST", "America/Halifax", "2024-01-24T12:00:00Z"),
            ("ADT", "America/Halifax", "2024-07-24T12:00:00Z"),
            ("EST", "America/New_York", "2024-01-24T12:00:00Z"),
            ("EDT", "America/New_York", "2024-07-24T12:00:00Z"),
            ("CST", "America/Chicago", "2024-01-24T12:00:00Z"),
            ("CDT", "America/Chicago", "2024-07-24T12:00:00Z"),
            ("MST", "America/Denver", "2024-01-24T12:00:00Z"),
            ("MDT", "America/Denver", "2024-07-24T12:00:00Z"),
            ("PST", "America/Los_Angeles", "2024-01-24T12:00:00Z"),
            ("PDT", "America/Los_Angeles", "2024-07-24T12:00:00Z"),
            ("AKST", "America/Anchorage", "2024-01-24T12:00:00Z"),
            ("AKDT", "America/Anchorage", "2024-07-24T12:00:00Z"),
            ("HST", "Pacific/Honolulu", "2024-01-24T12:00:00Z"),
            ("HDT", "America/Adak", "2024-07-24T12:00:00Z"),
        ] {
            let zone = jiff::tz::TimeZone::get(place).unwrap();
            let moment: jiff::Timestamp = moment.parse().unwrap();
            let info = zone.to_offset_info(moment);
            assert_eq!(info.abbreviation(), name, "{place}");
            let entry = ABBREVIATIONS.iter().find(|each| each.name == name).unwrap();
            assert_eq!(info.offset().seconds(), entry.minutes * 60, "{name}");
        }
    }

    #[test]
    fn siblings_decide() {
        let found = |names: &[&'static str]| by_siblings(names.iter().copied());
        assert_eq!(found(&["IST", "IDT"]), [("IST".to_string(), 120)]);
        assert_eq!(found(&["GMT", "IST"]), [("IST".to_string(), 60)]);
        assert_eq!(found(&["CST", "CDT"]), []);
    }

    #[test]
    fn what_is_assumed_is_told() {
        assert_eq!(assumed("CET", None), None);
        let told = assumed("CST", None).unwrap();
        assert!(told.contains("UTC-06:00") && told.contains("14 h"), "{told}");
        assert!(assumed("IST", Some(60)).unwrap().contains("UTC+01:00"));
    }
}
