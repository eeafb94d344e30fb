use super::civil::{SECONDS_PER_DAY, midnight};
use super::epoch::epoch_in_general;
use super::*;
use crate::bytes::line::PaddedLine;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn any(clock: &mut TimestampParser, text: &str) -> Option<(String, usize)> {
    let padded = PaddedLine::new(text.as_bytes());
    let (stamp, end) = clock.any(padded.line(), 0)?;
    let instant = jiff::Timestamp::from_nanosecond(stamp.nanos_since_epoch().into()).unwrap();
    Some((instant.to_string(), end))
}

#[test]
fn layouts() {
    let anchor = "2024-02-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let mut clock = TimestampParser::new(TimeZone::UTC, anchor.as_nanosecond() as i64);
    for (text, expected, rest) in [
        ("2024-01-24 10:15:32.123 INFO x", "2024-01-24T10:15:32.123Z", " INFO x"),
        ("2024-01-24T10:15:32Z", "2024-01-24T10:15:32Z", ""),
        ("2024-01-24 10:15:32,5 - x", "2024-01-24T10:15:32.5Z", " - x"),
        ("2024/01/24 10:15:32 [n", "2024-01-24T10:15:32Z", " [n"),
        ("2024-01-24T10:15:32.123456789+01:00]", "2024-01-24T09:15:32.123456789Z", "]"),
        ("2024-01-24 10:15:32.1234567891 -0530 x", "2024-01-24T15:45:32.123456789Z", " x"),
        ("2024-01-24 10:15:32.123+00 x", "2024-01-24T10:15:32.123Z", " x"),
        ("2024-01-24 10:15:32.123 UTC [1]", "2024-01-24T10:15:32.123Z", " [1]"),
        ("2024-01-24 10:15:32 -12 x", "2024-01-24T10:15:32Z", " -12 x"),
        ("24/Jan/2024:10:15:32 -0500]", "2024-01-24T15:15:32Z", "]"),
        ("24/Jan/2024:10:15:33.125] G", "2024-01-24T10:15:33.125Z", "] G"),
        ("24-Jan-2024 10:15:32.123 INFO", "2024-01-24T10:15:32.123Z", " INFO"),
        ("17/06/09 20:10:40 INFO", "2017-06-09T20:10:40Z", " INFO"),
        ("081109 203615 148 INFO", "2008-11-09T20:36:15Z", " 148 INFO"),
        ("20240124T101532.5Z x", "2024-01-24T10:15:32.5Z", " x"),
        ("20171223-22:15:29:606|x", "2017-12-23T22:15:29.606Z", "|x"),
        ("01-24 16:13:38.811  17", "2024-01-24T16:13:38.811Z", "  17"),
        ("03-17 16:13:38.811  17", "2023-03-17T16:13:38.811Z", "  17"),
        ("Sun Dec 04 04:47:44 2005] [n", "2005-12-04T04:47:44Z", "] [n"),
        ("Fri Jul 23 00:28:19.615325 2021]", "2021-07-23T00:28:19.615325Z", "]"),
        ("Jan 24, 2024 9:15:32 PM org", "2024-01-24T21:15:32Z", " org"),
        ("Jan 24, 2024 12:15:32 AM org", "2024-01-24T00:15:32Z", " org"),
        ("Dec 10 06:55:46 LabSZ", "2023-12-10T06:55:46Z", " LabSZ"),
        ("Feb  2 06:55:46 LabSZ", "2024-02-02T06:55:46Z", " LabSZ"),
        ("Feb  4 06:55:46 LabSZ", "2023-02-04T06:55:46Z", " LabSZ"),
        ("Feb 29 06:55:46 LabSZ", "2020-02-29T06:55:46Z", " LabSZ"),
        ("Wed, 24 Jan 2024 10:15:32 +0000 x", "2024-01-24T10:15:32Z", " x"),
        ("18 Nov 2023 10:15:32.123 * x", "2023-11-18T10:15:32.123Z", " * x"),
        ("1706091332.123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("1706091332123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("1.7060913321234567e+09\tx", "2024-01-24T10:15:32.1234567Z", "\tx"),
        ("01/24/2024 10:15:32 AM x", "2024-01-24T10:15:32Z", " x"),
        ("1/24/2024, 1:15:32 PM x", "2024-01-24T13:15:32Z", " x"),
        ("01/24/2024 12:15:32am", "2024-01-24T00:15:32Z", ""),
        ("03/04/2024 10:15:32 x", "2024-03-04T10:15:32Z", " x"),
        ("24/01/2024 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("24.01.2024 10:15:32.123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("04-03-2024 10:15:32 +0100 x", "2024-03-04T09:15:32Z", " x"),
        ("01-24-2024 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("1/24/24 10:15:32:123 UTC] 0", "2024-01-24T10:15:32.123Z", "] 0"),
        ("24-01-24 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("2024-01-24 10:15:32.5 PM x", "2024-01-24T22:15:32.5Z", " x"),
        ("2024-01-24_10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("2024-01-24 | 10:15:32 | x", "2024-01-24T10:15:32Z", " | x"),
        ("2024/01/24 - 10:15:32 | x", "2024-01-24T10:15:32Z", " | x"),
        ("2024-01-24-10.15.32.675872 x", "2024-01-24T10:15:32.675872Z", " x"),
        ("2024.01.24 10:15:32.5 x", "2024-01-24T10:15:32.5Z", " x"),
        ("2024-1-4 9:05:02 x", "2024-01-04T09:05:02Z", " x"),
        ("2024-01-24T10:15Z x", "2024-01-24T10:15:00Z", " x"),
        ("2024-01-24 10:15 x", "2024-01-24T10:15:00Z", " x"),
        ("20240124101532 x", "2024-01-24T10:15:32Z", " x"),
        ("20240124101532.5 x", "2024-01-24T10:15:32.5Z", " x"),
        ("20240124_101532 x", "2024-01-24T10:15:32Z", " x"),
        ("20240124 101532.123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("240124  9:15:32 [x", "2024-01-24T09:15:32Z", " [x"),
        ("24-Jan-24 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("24-JAN-24 10:15:32 PM x", "2024-01-24T22:15:32Z", " x"),
        ("24Jan2024 10:15:32.123] [m", "2024-01-24T10:15:32.123Z", "] [m"),
        ("24 Jan 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("10.30 16:49:06] x", "2023-10-30T16:49:06Z", "] x"),
        ("10/30-16:49:06.123456  [**]", "2023-10-30T16:49:06.123456Z", "  [**]"),
        ("Jan 24 2024 10:15:32.123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("January 24, 2024 10:15:32 AM x", "2024-01-24T10:15:32Z", " x"),
        ("Wednesday, January 24, 2024 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("Wednesday, 24 January 2024 10:15:32 GMT x", "2024-01-24T10:15:32Z", " x"),
    ] {
        let found = any(&mut clock, text);
        let expected = (expected.to_string(), text.len() - rest.len());
        assert_eq!(found, Some(expected), "{text}");
    }
}

#[test]
fn no_timestamps() {
    let mut clock = TimestampParser::utc();
    for text in [
        "2024-01-24",
        "2024-01-24 ERROR",
        "10:15:33.001 INFO x",
        "2024-13-01 10:15:33",
        "2024-02-30 10:15:33",
        "2023-02-29 10:15:33",
        "2024-01-24 24:00:00",
        "2024-01-24 23:60:00",
        "2024-01-24 23:59:60",
        "2024-01-24 10:15:3",
        "2024-01-24 10:15:325",
        "2024-01-24x10:15:32",
        "2024-01-24 10:6",
        "2024-01-24 10:15.5",
        "2024-01-24 ,, 10:15:32",
        "2024-01-24    10:15:32",
        "13/13/2024 10:15:32",
        "1.2.3 10:15:32",
        "10.0.0.1 10:15:32",
        "2024-13-24 10:15",
        "2024-01-24 25:15:33.001",
        "1.5e3",
        "2024-01/24 10:15:32",
        "9999-12-31 10:15:32",
        "24/Foo/2024:10:15:32",
        "1234",
        "2024-01-24 10:15:32x",
        "",
        "-1",
        "00000000 00:00:00",
        "Jan 24, 2024 13:15:32 PM",
    ] {
        let found = any(&mut clock, text);
        if text == "Jan 24, 2024 13:15:32 PM" {
            // The hour is already on the 24-hour clock; ` PM` is not part of it then.
            assert_eq!(found, Some(("2024-01-24T13:15:32Z".into(), 21)));
        } else {
            assert_eq!(found, None, "{text}");
        }
    }
}

#[test]
fn zone_with_gap_and_fold() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let mut clock = TimestampParser::new(zone, 0);
    for (text, expected) in [
        ("2024-01-24 10:15:32", "2024-01-24T15:15:32Z"),
        ("2024-07-24 10:15:32", "2024-07-24T14:15:32Z"),
        ("2024-03-10 02:30:00", "2024-03-10T07:30:00Z"),
        ("2024-11-03 01:30:00", "2024-11-03T05:30:00Z"),
        ("2024-11-03 01:30:00-05:00", "2024-11-03T06:30:00Z"),
    ] {
        assert_eq!(any(&mut clock, text).unwrap().0, expected, "{text}");
    }
}

#[test]
fn epochs() {
    let nanos = |s: &str| epoch(s.as_bytes()).map(Stamp::nanos_since_epoch);
    assert_eq!(nanos("0"), Some(0));
    assert_eq!(nanos("1706091332"), Some(1_706_091_332_000_000_000));
    assert_eq!(nanos("1706091332.0015"), Some(1_706_091_332_001_500_000));
    assert_eq!(nanos("1.706091332123E9"), Some(1_706_091_332_123_000_000));
    assert_eq!(nanos("1706091332123"), Some(1_706_091_332_123_000_000));
    assert_eq!(nanos("1706091332123456"), Some(1_706_091_332_123_456_000));
    assert_eq!(nanos("1706091332123456789"), Some(1_706_091_332_123_456_789));
    assert_eq!(nanos("99999999999999999999"), None);
    assert_eq!(nanos("12x"), None);
    assert_eq!(nanos(""), None);
}

proptest! {
    #[test]
    fn agrees_with_jiff(nanos in -9_200_000_000_000_000_000i64..9_180_000_000_000_000_000, style in 0usize..3) {
        let instant = jiff::Timestamp::from_nanosecond(nanos.into()).unwrap();
        let layout = ["%Y-%m-%dT%H:%M:%S%.9fZ", "%Y/%m/%d %H:%M:%S%.9f", "%d/%b/%Y:%H:%M:%S%.9f +0000"];
        let text = instant.strftime(layout[style]).to_string();
        let padded = PaddedLine::new(text.as_bytes());
        let (stamp, end) = TimestampParser::utc().any(padded.line(), 0).unwrap();
        prop_assert_eq!(end, text.len());
        prop_assert_eq!(stamp.nanos_since_epoch(), nanos);
    }

    #[test]
    fn a_cache_never_shows(a in "20(19|24)-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]",
                           b in "20(19|24)-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]") {
        let mut warm = TimestampParser::utc();
        any(&mut warm, &a);
        prop_assert_eq!(any(&mut warm, &b), any(&mut TimestampParser::utc(), &b));
    }

    #[test]
    fn a_day_without_a_year_never_shows(
        texts in proptest::collection::vec(
            "(Jan|Feb|Mar|Dec) ( [1-9]|[0-3][0-9]) [0-2][0-9]:[0-5][0-9]:[0-5][0-9]", 1..9),
        zone in proptest::sample::select(&["UTC", "Pacific/Kiritimati", "Pacific/Niue"][..]),
        // Around the turn of a year and around a leap day.
        anchor_hours in proptest::sample::select(&[473_304i64, 474_672, 0][..]),
        hours in -72i64..72,
    ) {
        let anchor_ns = (anchor_hours + hours) * 3_600_000_000_000;
        let clock = || TimestampParser::new(TimeZone::get(zone).unwrap(), anchor_ns);
        let mut warm = clock();
        for text in &texts {
            prop_assert_eq!(any(&mut warm, text), any(&mut clock(), text), "{}", text);
        }
    }

    #[test]
    fn epochs_are_read_as_in_general(
        text in "(0{0,2}[1-9][0-9]{8,19}|[0-9]{0,20})(\\.[0-9]{0,12})?(e\\+?[0-9]{1,2}|\\.| )?",
    ) {
        prop_assert_eq!(epoch(text.as_bytes()), epoch_in_general(text.as_bytes()));
    }

    #[test]
    fn whoever_looks_misses_nothing(
        text in "(Wed|wed|Jan|January|24|4|2024|240124|20240124|081109|1706091332|1.7060913e)[-/., TJ|_;:]{0,2}\
                 (24|4|Jan|jan|January|2024)[-/., ]{0,2}(24|2024|10:15)?[-/., ]{0,2}\
                 (10:15:32|9:05:02|10.15.32|101532)?( AM| 2024|\\.123|Z|\\+09)?( x)?",
    ) {
        let padded = PaddedLine::new(text.as_bytes());
        let found = TimestampParser::utc().any(padded.line(), 0);
        let begins_so = text.as_bytes()[0].is_ascii_digit() || text.as_bytes()[0].is_ascii_uppercase();
        prop_assert!(found.is_none() || !begins_so || TimestampParser::may_begin(padded.line(), 0));
    }

    #[test]
    fn a_minute_of_an_access_log_never_shows(
        minutes in proptest::collection::vec(proptest::sample::select(&[
            "24/Jan/2024:10:15", "24/Jan/2024:10:16", "24/Jan/2024 10:15", "31/Mar/2024:02:59",
            "31/Mar/2024:03:00", "27/Oct/2024:02:30", "30/Jun/1937:23:59", "01/Jul/1937:00:00",
            "01/Jul/1937:00:01", "30/Feb/2024:10:15", "24/Jan/2024:24:15", "24/Jxn/2024:10:15",
        ][..]), 1..12),
        seconds in proptest::collection::vec(
            "(:[0-6][0-9]|[ -~]{3})([.,:][0-9]{3}|[.,][0-9]{0,4}|[ -~]{4}| \\+0[01]00)\\]? ?", 12),
        zone in proptest::sample::select(&["UTC", "Europe/Berlin", "Europe/Amsterdam"][..]),
    ) {
        let clock = || TimestampParser::new(TimeZone::get(zone).unwrap(), 0);
        let mut warm = clock();
        for (minute, seconds) in minutes.iter().zip(&seconds) {
            let text = format!("[{minute}{seconds}");
            let padded = PaddedLine::new(text.as_bytes());
            let general = if text.len() < 21 { None } else { clock().clf_in_general(padded.line(), 1) };
            prop_assert_eq!(warm.clf(padded.line(), 1), general, "{}", text);
        }
    }

    #[test]
    fn a_minute_with_the_name_of_a_month_never_shows(
        minutes in proptest::collection::vec(proptest::sample::select(&[
            "Jan 24 10:15", "Jan 24 10:16", "Jan  4 10:15", "Jan 4 10:15", "Jan 04 10:15",
            "Mar 31 02:59", "Mar 31 03:00", "Oct 27 02:30", "Dec 31 23:59", "Feb 29 10:15",
            "Feb 30 10:15", "Jan 24 24:15", "Jxn 24 10:15", "jan 24 10:15",
        ][..]), 1..12),
        seconds in proptest::collection::vec(
            "(:[0-5][0-9]|[ -~]{3})( (am|AM|PM|2024|20245|x|24 )|[.,][0-9]{0,4}|[ -~]{0,4})x?", 12),
        zone in proptest::sample::select(&["UTC", "Europe/Berlin", "Europe/Amsterdam"][..]),
        // In 1937 the Netherlands were ahead by minutes and seconds; around a turn of the year.
        anchor_hours in proptest::sample::select(&[-284_500i64, 473_304, 474_672][..]),
    ) {
        let clock = || TimestampParser::new(TimeZone::get(zone).unwrap(), anchor_hours * 3_600_000_000_000);
        let mut warm = clock();
        for (minute, seconds) in minutes.iter().zip(&seconds) {
            let text = format!("{minute}{seconds}");
            prop_assert_eq!(any(&mut warm, &text), any(&mut clock(), &text), "{}", text);
        }
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>, at in 0usize..40) {
        let padded = PaddedLine::new(&bytes);
        if let Some((_, end)) = TimestampParser::utc().any(padded.line(), at) {
            prop_assert!(end <= bytes.len());
        }
    }

    #[test]
    fn days(days in -100_000i64..100_000) {
        let (year, month, day) = civil_from_days(days);
        prop_assert_eq!(midnight(year as u32, month, day), Some(days * SECONDS_PER_DAY));
    }
}
