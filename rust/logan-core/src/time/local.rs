//! Seconds of local time to seconds of UTC: what named zones and abbreviations mean on a given day.

use super::civil::{SECONDS_PER_DAY, civil_from_days};
use super::parser::TimestampParser;
use super::seen::SeenZone;
use super::zones::{self, ABBREVIATIONS, Follows, Zone, named_zone};
use crate::bytes::line::Line;
use jiff::tz::TimeZone;

/// A time zone by its IANA name, and its offset for some seconds of local time.
#[derive(Clone, Default)]
pub(super) struct NamedZone {
    name: Vec<u8>,
    /// None if no zone has this name.
    zone: Option<TimeZone>,
    offset: KnownOffset,
}

/// Local seconds `[from, to)` for which `east` is a zone's offset.
#[derive(Clone, Copy, Default)]
pub(super) struct KnownOffset {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) east: i64,
}

impl KnownOffset {
    /// The offset of `zone` at a second of local time, and around it.
    #[cold]
    pub(super) fn around(zone: &TimeZone, local: i64, repeated: bool) -> KnownOffset {
        // Zones change on quarters of an hour, but not before the days of the railways.
        const SPAN: i64 = 900;
        let from = local.div_euclid(SPAN) * SPAN;
        let offset_at = |local| offset_at(zone, local, repeated);
        let east = offset_at(local);
        let same = offset_at(from) == east && offset_at(from + SPAN - 1) == east;
        let (from, to) = if same { (from, from + SPAN) } else { (local, local + 1) };
        KnownOffset { from, to, east }
    }

    fn holds(self, local: i64) -> bool {
        (self.from..self.to).contains(&local)
    }
}

/// The civil date and time that a second of local time is.
fn civil_datetime(local: i64) -> Option<jiff::civil::DateTime> {
    let (year, month, day) = civil_from_days(local.div_euclid(SECONDS_PER_DAY));
    let second_of_day = local.rem_euclid(SECONDS_PER_DAY);
    let time = jiff::civil::time(
        (second_of_day / 3600) as i8,
        (second_of_day / 60 % 60) as i8,
        (second_of_day % 60) as i8,
        0,
    );
    let date = jiff::civil::Date::new(year as i16, month as i8, day as i8).ok()?;
    Some(date.to_datetime(time))
}

/// The instant of a second of local time: by the offset before a gap, the earlier one of a fold, or
/// the later one where an hour is `repeated`.
fn instant_at(zone: &TimeZone, local: i64, repeated: bool) -> Option<jiff::Timestamp> {
    let found = zone.to_ambiguous_timestamp(civil_datetime(local)?);
    if repeated { found.later().ok() } else { found.compatible().ok() }
}

/// Seconds east of UTC at a second of local time.
fn offset_at(zone: &TimeZone, local: i64, repeated: bool) -> i64 {
    instant_at(zone, local, repeated).map_or(0, |instant| local - instant.as_second())
}

impl NamedZone {
    /// The second, in UTC, of a second of local time in the zone of this name.
    fn utc(&mut self, name: &[u8], local: i64) -> Option<i64> {
        if self.name != name {
            let zone = std::str::from_utf8(name).ok().and_then(|name| named_zone(name).ok());
            *self = NamedZone { name: name.to_vec(), zone, offset: KnownOffset::default() };
        }
        let zone = self.zone.as_ref()?;
        if !self.offset.holds(local) {
            self.offset = KnownOffset::around(zone, local, false);
        }
        Some(local - self.offset.east)
    }
}

impl TimestampParser {
    /// The second, in UTC, of a second of local time before a [doubtful](super::zones) zone at `at`,
    /// and where that ends.
    #[cold]
    #[inline(never)]
    pub(super) fn doubtful_zone(
        &mut self,
        line: Line<'_>,
        at: usize,
        local: i64,
    ) -> Option<(i64, usize)> {
        let (zone, end, follows) = zones::read_doubtful(line, at)?;
        let is_name = matches!(zone, Zone::Name(..));
        if follows == Follows::Words && !is_name && !self.zone_column {
            return None;
        }
        let second = self.in_zone(line, zone, local)?;
        self.note_zone(zone, follows);
        Some((second, end))
    }

    /// For detection: that a doubtful zone was read.
    pub(super) fn note_zone(&mut self, zone: Zone, follows: Follows) {
        let abbreviation = match zone {
            Zone::Offset(_) => None,
            Zone::Abbreviation(known) => Some(ABBREVIATIONS[known].name),
            Zone::Name(..) => return,
        };
        self.seen_zone = Some(SeenZone { abbreviation, before_words: follows == Follows::Words });
    }

    /// The second, in UTC, of a second of local time in a zone; None if no zone has its name.
    pub(super) fn in_zone(&mut self, line: Line<'_>, zone: Zone, local: i64) -> Option<i64> {
        match zone {
            Zone::Offset(east) => Some(local - east),
            Zone::Abbreviation(known) => {
                if ABBREVIATIONS[known].other.is_some()
                    && self.zone != TimeZone::UTC
                    && let Some(second) = self.in_input_zone(ABBREVIATIONS[known].name, local)
                {
                    return Some(second);
                }
                let decided = self.abbreviations.iter().find(|each| each.0 == known);
                let east =
                    decided.map_or(i64::from(ABBREVIATIONS[known].minutes) * 60, |&(_, east)| east);
                Some(local - east)
            }
            Zone::Name(start, end) => self.named.utc(&line.bytes()[start..end], local),
        }
    }

    /// The second, in UTC, of a second of local time, if the input zone then has this abbreviation.
    fn in_input_zone(&self, abbreviation: &str, local: i64) -> Option<i64> {
        // In an hour that is repeated the abbreviation says which it is.
        let mut instants =
            [false, true].into_iter().filter_map(|n| instant_at(&self.zone, local, n));
        let is_so =
            |i: &jiff::Timestamp| self.zone.to_offset_info(*i).abbreviation() == abbreviation;
        instants.find(is_so).map(jiff::Timestamp::as_second)
    }
}
