//! Moments as people type them: `2024-01-24`, `2024-01-24 10:15`, RFC 3339.
//!
//! Not the timestamps of logs: those are [`timestamp`](crate::time)'s.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Nanoseconds since 1970 of a date (its midnight), a date and time with `T` or a space between
/// them, or the same with an offset or `Z`; without one it is in `zone`.
///
/// A time that the clocks of the zone skip is read by the offset before the change, one that they
/// show twice is the earlier one. None if it is none of these, or beyond 1678 to 2261.
pub fn parse(text: &str, zone: &TimeZone) -> Option<i64> {
    let text = text.trim();
    let written: Option<Timestamp> = text.parse().ok();
    let moment = match written {
        Some(moment) => moment,
        // A date with an offset would lose it here.
        None if text.ends_with(['Z', 'z']) => return None,
        None => zone.to_timestamp(text.parse::<DateTime>().ok()?).ok()?,
    };
    i64::try_from(moment.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        const DAY_NS: i64 = 1_706_054_400_000_000_000;
        const MINUTE_NS: i64 = 60_000_000_000;
        for (text, zone, nanos) in [
            ("2024-01-24", &TimeZone::UTC, Some(DAY_NS)),
            ("2024-01-24", &berlin, Some(DAY_NS - 60 * MINUTE_NS)),
            ("2024-01-24 10:15", &TimeZone::UTC, Some(DAY_NS + 615 * MINUTE_NS)),
            (
                " 2024-01-24T10:15:00.5 ",
                &TimeZone::UTC,
                Some(DAY_NS + 615 * MINUTE_NS + 500_000_000),
            ),
            ("2024-01-24T10:15:00Z", &berlin, Some(DAY_NS + 615 * MINUTE_NS)),
            ("2024-01-24 10:15:00+02:00", &berlin, Some(DAY_NS + 495 * MINUTE_NS)),
            ("2024-01-24Z", &berlin, None),
            ("yesterday", &berlin, None),
            ("10:15", &berlin, None),
            ("", &berlin, None),
            ("9999-01-01", &berlin, None),
            ("2024-02-30", &berlin, None),
        ] {
            assert_eq!(parse(text, zone), nanos, "{text}");
        }
    }
}
