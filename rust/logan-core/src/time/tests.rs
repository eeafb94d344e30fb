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
        // Nothing is padded: a number behind a colon counts milliseconds.
        ("20171223-22:16:0:9|x", "2017-12-23T22:16:00.009Z", "|x"),
        ("20171224-0:0:1:119|x", "2017-12-24T00:00:01.119Z", "|x"),
        ("20171224-9:15:32:61|x", "2017-12-24T09:15:32.061Z", "|x"),
        ("2024-1-4 9:5:2 x", "2024-01-04T09:05:02Z", " x"),
        ("2024/1/4 9:5:2.5 x", "2024-01-04T09:05:02.5Z", " x"),
        ("01-24 16:13:38.811  17", "2024-01-24T16:13:38.811Z", "  17"),
        ("01-24 16:13:38.811 +0200  17", "2024-01-24T14:13:38.811Z", "  17"),
        ("240124t10:15:32.123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("01-24 16:13:38Z x", "2024-01-24T16:13:38Z", " x"),
        ("01-24 16:13:38 -5 items left", "2024-01-24T16:13:38Z", " -5 items left"),
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
        ("Jun 30, 2022 6:36:09,481 PM PDT> x", "2022-07-01T01:36:09.481Z", "> x"),
        ("Jun 3, 2022 3:36:09.620 PM INFO x", "2022-06-03T15:36:09.62Z", " INFO x"),
        ("Jun 3, 2022 3:36:09.620 INFO x", "2022-06-03T03:36:09.62Z", " INFO x"),
        ("11-19|01:00:14.972] x", "2023-11-19T01:00:14.972Z", "] x"),
        ("2013-09-27\t14:42:26\tINFO", "2013-09-27T14:42:26Z", "\tINFO"),
        ("9/27/2013\t2:42:26 PM\tx", "2013-09-27T14:42:26Z", "\tx"),
        // Days of the week tell the year.
        ("Mon Aug  5 20:21:42 [x", "2019-08-05T20:21:42Z", " [x"),
        ("Mon Aug  5 20:21:42.123 [x", "2019-08-05T20:21:42.123Z", " [x"),
        ("Tue 24 Jan 10:15:32 x", "2023-01-24T10:15:32Z", " x"),
        ("Mon Feb 29 10:15:32 x", "2016-02-29T10:15:32Z", " x"),
        // Zones as they are written.
        ("2024-07-24 10:15:32.123 +03 [7] x", "2024-07-24T07:15:32.123Z", " [7] x"),
        ("2024-07-24 10:15:32 +03", "2024-07-24T07:15:32Z", ""),
        ("2024-07-24 10:15:32 CEST [7] x", "2024-07-24T08:15:32Z", " [7] x"),
        ("2024-07-24 10:15:32 PDT ERROR x", "2024-07-24T17:15:32Z", " ERROR x"),
        ("2024-07-24 10:15:32 Europe/Berlin x", "2024-07-24T08:15:32Z", " x"),
        ("[24-Jan-2024 11:15:32 America/New_York] x", "", ""),
        ("24-Jan-2024 11:15:32 America/New_York] x", "2024-01-24T16:15:32Z", "] x"),
        ("2024-07-24 10:15:32 GMT+8 x", "2024-07-24T02:15:32Z", " x"),
        ("2024-07-24 10:15:32 UTC-05:30 x", "2024-07-24T15:45:32Z", " x"),
        ("2024-07-24 10:15:32 Etc/GMT+8 x", "2024-07-24T18:15:32Z", " x"),
        ("2024-07-24 10:15:32 +0530 IST x", "2024-07-24T04:45:32Z", " IST x"),
        ("24/Jan/2024:10:15:32 GMT]", "2024-01-24T10:15:32Z", "]"),
        ("Jan 24 2024 09:34:34 EST: %ASA", "2024-01-24T14:34:34Z", ": %ASA"),
        ("Jan 24 10:15:32.123 CET: %SYS", "2024-01-24T09:15:32.123Z", ": %SYS"),
        ("Jan 24, 2024 @ 10:15:32.123 x", "2024-01-24T10:15:32.123Z", " x"),
        ("2024-01-24 @ 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("24-JAN-24 10.15.32.123456 AM x", "2024-01-24T10:15:32.123456Z", " x"),
        ("24-JAN-24 10.15.32.123456789 PM +02:00 x", "2024-01-24T20:15:32.123456789Z", " x"),
        ("24-JAN-2024 10.15.32 PM", "2024-01-24T22:15:32Z", ""),
        ("24-JAN-24 12.15.32.5 AM,", "2024-01-24T00:15:32.5Z", ","),
        ("2024年01月24日 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("2024年1月24日 10:15:32.5 x", "2024-01-24T10:15:32.5Z", " x"),
        ("2024年1月24日10:15:32,5 x", "2024-01-24T10:15:32.5Z", " x"),
        ("2024年1月24日 10时15分32秒 x", "2024-01-24T10:15:32Z", " x"),
        ("2024年1月24日10時15分32.123秒 x", "2024-01-24T10:15:32.123Z", " x"),
        ("2024年1月24日 10時15分 x", "2024-01-24T10:15:00Z", " x"),
        ("2024년 1월 24일 10시 15분 32초 x", "2024-01-24T10:15:32Z", " x"),
        ("2024년 1월 24일 10:15:32 x", "2024-01-24T10:15:32Z", " x"),
        ("2024-01-24T10:15:32z x", "2024-01-24T10:15:32Z", " x"),
        ("2024-01-24t10:15:32.123z", "2024-01-24T10:15:32.123Z", ""),
        ("2024-01-24 10:15:32zone", "", ""),
        ("24-JAN-24 10.15 x", "", ""),
        ("2024年1月 10:15:32 x", "", ""),
        ("2024年13月24日 10:15:32 x", "", ""),
        ("2024年1月24日 25时15分32秒 x", "", ""),
        ("2024年1月24日 10时15分32 x", "", ""),
        ("2024年1月24日 x", "", ""),
        // What is none.
        ("2024-01-24 10:15:32 -5 items left", "2024-01-24T10:15:32Z", " -5 items left"),
        ("2024-01-24 10:15:32 SST file 12", "2024-01-24T10:15:32Z", " SST file 12"),
        ("2024-01-24 10:15:32 EST file 12", "2024-01-24T10:15:32Z", " EST file 12"),
        ("2024-01-24 10:15:32 +1530 x", "2024-01-24T10:15:32Z", " +1530 x"),
        ("2024-01-24 10:15:32 +0017 x", "2024-01-24T10:15:32Z", " +0017 x"),
        ("2024-01-24 10:15:32 Foo/Bar x", "2024-01-24T10:15:32Z", " Foo/Bar x"),
        ("2024-01-24 10:15:32 T x", "2024-01-24T10:15:32Z", " T x"),
        ("Jan 24 10:15:32 EST sshd[1]: x", "2024-01-24T10:15:32Z", " EST sshd[1]: x"),
        // Years, wherever they stand.
        ("Wed Jan 24 10:15:32 UTC 2024 x", "2024-01-24T10:15:32Z", " x"),
        ("Tue Jan 24 10:15:32 CET 2023] x", "2023-01-24T09:15:32Z", "] x"),
        ("Tue Jan 24 10:15:32 PM CET 2023 x", "2023-01-24T21:15:32Z", " x"),
        ("Tue 24 Jan 13:15:00 2023 x", "2023-01-24T13:15:00Z", " x"),
        ("24 Jan 13:15:00 2023 x", "2023-01-24T13:15:00Z", " x"),
        ("Tue Jan 24 10:15:32 2023 +0100 x", "2023-01-24T09:15:32Z", " x"),
        ("2023 Jan 24 10:15:32 x", "2023-01-24T10:15:32Z", " x"),
        ("2023-Jan-24 10:15:32 x", "2023-01-24T10:15:32Z", " x"),
        ("24 Jan 2023, 10:15 x", "2023-01-24T10:15:00Z", " x"),
        ("Jan 24, 2023, 2:34:15,191 PM EST> x", "2023-01-24T19:34:15.191Z", "> x"),
        ("01/24/2023 - 10:15:32: x", "2023-01-24T10:15:32Z", ": x"),
        ("01/24/2023:10:15:32 -0000] x", "2023-01-24T10:15:32Z", "] x"),
        ("4/Jan/2023:10:15:32 +0000] x", "2023-01-04T10:15:32Z", "] x"),
        ("Jan/24/2023:10:15:32 +0200] x", "2023-01-24T08:15:32Z", "] x"),
        ("Jan-24 10:15:32.123 [main]", "2024-01-24T10:15:32.123Z", " [main]"),
        ("Wed 2024-01-24 10:15:32 UTC host", "2024-01-24T10:15:32Z", " host"),
        ("20240124.101532,672:DEBUG", "2024-01-24T10:15:32.672Z", ":DEBUG"),
        ("10:15:32 24/01/2023 x", "2023-01-24T10:15:32Z", " x"),
        ("10:15:32.123 2023-01-24 x", "2023-01-24T10:15:32.123Z", " x"),
        // Halves of the day.
        ("2024-01-24 1:15:00 p.m. x", "2024-01-24T13:15:00Z", " x"),
        ("2024-01-24 2:15:00 p. m. x", "2024-01-24T14:15:00Z", " x"),
        ("1/24/2024, 2:15:00\u{202f}PM x", "2024-01-24T14:15:00Z", " x"),
        ("1/24/2024, 12:15:00\u{a0}a.m. x", "2024-01-24T00:15:00Z", " x"),
        // Leap seconds, and hours padded with a space.
        ("2016-12-31 23:59:60 x", "2016-12-31T23:59:59Z", " x"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.5Z", ""),
        ("24/Jan/2024: 9:15:32 +0000]", "2024-01-24T09:15:32Z", "]"),
        ("2024-01-24  9:15:32 x", "2024-01-24T09:15:32Z", " x"),
        // The device's clock ran on after its start.
        ("1970-01-01 00:00:07 x", "1970-01-01T00:00:07Z", " x"),
        ("1970-01-01 10:00:00.123 x", "1970-01-01T10:00:00.123Z", " x"),
    ] {
        if expected.is_empty() {
            assert_eq!(any(&mut clock, text), None, "{text}");
            continue;
        }
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
        "2024-01-24 23:59:61",
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
        "9999-12-30 10:15:32",
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
fn clocks_that_were_never_set() {
    let mut clock = TimestampParser::utc();
    for text in [
        "0001-01-01T00:00:00Z x",
        "1601-01-01 00:00:00 x",
        "1900-01-01 00:00:00 x",
        "1970-01-01T00:00:00Z x",
        "1970-01-01 00:00:00.123 x",
        "01/Jan/1970:00:00:00 +0000] x",
        "9999-12-31 23:59:59.999 x",
        "0000-00-00 00:00:00 x",
        "Thu Jan  1 00:00:00 1970 x",
        "Thu, 01 Jan 1970 00:00:00 GMT x",
        "Jan 1, 1970 12:00:00 AM x",
    ] {
        let padded = PaddedLine::new(text.as_bytes());
        for _ in 0..2 {
            let (stamp, end) = clock.any(padded.line(), 0).unwrap();
            assert_eq!(stamp.nanos_since_epoch(), crate::record::NO_TIME, "{text}");
            assert!(text[end..] == *" x" || text[end..] == *"] x", "{text}");
            // Nothing remembered of it.
            assert_eq!(any(&mut clock, "1970-01-01 00:00:01").unwrap().0, "1970-01-01T00:00:01Z");
        }
    }
}

#[test]
fn decided_orders_of_dates() {
    let reading = |json: &str| serde_json::from_str::<TimeReading>(json).unwrap();
    let read = |json: &str, text: &str| {
        let mut clock = TimestampParser::utc().with_reading(&reading(json));
        any(&mut clock, text).map(|(time, _)| time)
    };
    let day = |text: &str| Some(format!("{text}T10:15:32Z"));
    let day_first = r#"{"date_orders":{"n/n/Y":"dmy","n/n/y":"mdy"}}"#;
    assert_eq!(read(day_first, "03/04/2024 10:15:32 x"), day("2024-04-03"));
    assert_eq!(read(day_first, "04/13/2024 10:15:32 x"), None);
    assert_eq!(read(day_first, "03/04/24 10:15:32 x"), day("2024-03-04"));
    assert_eq!(read("{}", "03/04/24 10:15:32 x"), day("2003-04-24"));
    let chosen = r#"{"date_order":"dmy","date_orders":{"n/n/Y":"mdy"}}"#;
    assert_eq!(read(chosen, "03/04/2024 10:15:32 x"), day("2024-04-03"));
    assert_eq!(read(r#"{"date_order":"ymd"}"#, "03/04/2024 10:15:32 x"), day("2024-03-04"));
    // Neither order, but a timestamp all the same.
    let unknown = r#"{"date_orders":{"n/n/Y":"unknown"}}"#;
    let padded = PaddedLine::new(b"03/04/2024 10:15:32 x");
    let mut clock = TimestampParser::utc().with_reading(&reading(unknown));
    assert_eq!(clock.any(padded.line(), 0), Some((Stamp::ABSENT, 19)));
}

#[test]
fn abbreviations_are_decided() {
    let read = |clock: &mut TimestampParser| any(clock, "2024-07-24 10:15:32 IST [1]").unwrap().0;
    assert_eq!(read(&mut TimestampParser::utc()), "2024-07-24T04:45:32Z");
    let json = r#"{"abbreviations":{"IST":180}}"#;
    let reading = serde_json::from_str::<TimeReading>(json).unwrap();
    let clock = TimestampParser::utc();
    assert_eq!(read(&mut clock.clone().with_reading(&reading)), "2024-07-24T07:15:32Z");
    // The input zone comes first, if it has that name.
    let dublin = TimestampParser::new(TimeZone::get("Europe/Dublin").unwrap(), 0);
    assert_eq!(read(&mut dublin.with_reading(&reading)), "2024-07-24T09:15:32Z");
    let berlin = TimestampParser::new(TimeZone::get("Europe/Berlin").unwrap(), 0);
    assert_eq!(read(&mut berlin.with_reading(&reading)), "2024-07-24T07:15:32Z");
}

#[test]
fn bare_numbers_at_the_front() {
    let anchor = "2024-02-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let mut clock = TimestampParser::new(TimeZone::UTC, anchor.as_nanosecond() as i64);
    let mut read = |text: &str| {
        let padded = PaddedLine::new(text.as_bytes());
        clock.at_front(padded.line(), 0).is_some()
    };
    for time in ["1706091332", "1706091332.5", "1706091332123", "1077804742", "20240124101532"] {
        assert!(read(time), "{time}");
    }
    for id in
        ["140680873617152", "4155551234", "4915112345678", "08203929330290", "139853338433792"]
    {
        assert!(!read(id), "{id}");
    }
}

/// A zone as it is written, and what it is.
fn written_zone() -> impl Strategy<Value = (String, TimeZone)> {
    let offset = (-48i32..=56, 0usize..6).prop_map(|(quarters, style)| {
        let sign = if quarters < 0 { '-' } else { '+' };
        let (h, m) = (quarters.abs() / 4, quarters.abs() % 4 * 15);
        let text = match style {
            0 => format!("{sign}{h:02}:{m:02}"),
            1 => format!(" {sign}{h:02}:{m:02}"),
            2 => format!(" {sign}{h:02}{m:02}"),
            3 if m == 0 => format!(" {sign}{h:02}"),
            4 if m == 0 => format!(" GMT{sign}{h}"),
            _ => format!(" UTC{sign}{h:02}:{m:02}"),
        };
        (text, TimeZone::fixed(jiff::tz::Offset::from_seconds(quarters * 900).unwrap()))
    });
    let abbreviation = proptest::sample::select(&zones::ABBREVIATIONS[..]).prop_map(|each| {
        let offset = jiff::tz::Offset::from_seconds(each.minutes * 60).unwrap();
        (format!(" {}", each.name), TimeZone::fixed(offset))
    });
    let names = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Etc/GMT+8", "US/Pacific"];
    let name = proptest::sample::select(names.to_vec())
        .prop_map(|name| (format!(" {name}"), TimeZone::get(name).unwrap()));
    prop_oneof![2 => offset, 2 => abbreviation, 1 => name]
}

/// Layouts: how jiff writes them, with `{z}` for the zone and `{p}` for the half of the day.
const WRITTEN: [&str; 24] = [
    "%Y-%m-%d %H:%M:%S{z}",
    "%Y-%m-%dT%H:%M:%S.123{z}",
    "%Y/%m/%d %H:%M:%S,123{z}",
    "%Y.%m.%d %H:%M:%S{z}",
    "%Y-%m-%d %I:%M:%S{p}{z}",
    "%Y-%m-%d %-I:%M:%S{p}{z}",
    "%Y %b %d %H:%M:%S{z}",
    "%Y-%b-%d %H:%M:%S{z}",
    "%Y%m%dT%H%M%S{z}",
    "%Y%m%d.%H%M%S{z}",
    "%d/%b/%Y:%H:%M:%S{z}",
    "%-d/%b/%Y:%H:%M:%S{z}",
    "%m/%d/%Y:%H:%M:%S{z}",
    "%b/%d/%Y:%H:%M:%S{z}",
    "%d-%b-%Y %H:%M:%S{z}",
    "%d.%m.%Y %H:%M:%S{z}",
    "%a, %d %b %Y %H:%M:%S{z}",
    "%a %Y-%m-%d %H:%M:%S{z}",
    "%B %d, %Y, %-I:%M:%S{p}{z}",
    "%b %d, %Y %I:%M:%S{p}{z}",
    "%a %b %d %H:%M:%S{z} %Y",
    "%a %b %d %I:%M:%S{p}{z} %Y",
    "%b %d %H:%M:%S.123{z} %Y",
    "%d %b %H:%M:%S{z} %Y",
];

proptest! {
    #[test]
    fn what_is_written_wins(
        second in 800_000_000i64..4_000_000_000,
        layout in proptest::sample::select(&WRITTEN[..]),
        (text_of_zone, zone) in written_zone(),
        half in proptest::sample::select(
            &[" AM", "AM", " am", " a.m.", " a. m.", "\u{202f}AM", "\u{a0}a.m."][..]),
        tail in proptest::sample::select(&["", "]", ": x", " [7] x", " ERROR x", ", x"][..]),
    ) {
        let instant = jiff::Timestamp::from_second(second).unwrap();
        let zoned = instant.to_zoned_datetime(zone);
        let later = zoned.hour() >= 12;
        let half = if later { half.replace('a', "p").replace('A', "P") } else { half.into() };
        let text = zoned.strftime(layout).to_string();
        let text = text.replace("{z}", &text_of_zone).replace("{p}", &half);
        // In a fold, the first of two instants.
        let local = zoned.datetime();
        let first = zoned.time_zone().to_ambiguous_timestamp(local).compatible().unwrap();
        let found = any(&mut TimestampParser::utc(), &format!("{text}{tail}"));
        let fraction = if layout.contains("123") { 123_000_000 } else { 0 };
        let nanos = first.as_nanosecond() + fraction;
        let expected = jiff::Timestamp::from_nanosecond(nanos).unwrap().to_string();
        prop_assert_eq!(found, Some((expected, text.len())), "{}{}", text, tail);
    }

    #[test]
    fn zones_before_words_are_a_column(
        second in 800_000_000i64..4_000_000_000,
        each in proptest::sample::select(&zones::ABBREVIATIONS[2..]),
    ) {
        let instant = jiff::Timestamp::from_second(second).unwrap();
        let text = instant.strftime("%Y-%m-%d %H:%M:%S").to_string();
        let text = format!("{text} {} words", each.name);
        let mut clock = TimestampParser::utc();
        prop_assert_eq!(any(&mut clock, &text), Some((instant.to_string(), 19)));
        let reading = TimeReading { zone_column: true, ..TimeReading::default() };
        let east = jiff::SignedDuration::from_secs(i64::from(each.minutes) * 60);
        let expected = (instant - east).to_string();
        let end = text.len() - " words".len();
        prop_assert_eq!(any(&mut clock.with_reading(&reading), &text), Some((expected, end)));
    }

    #[test]
    fn a_named_zone_never_shows(
        seconds in proptest::collection::vec(1_600_000_000i64..1_900_000_000, 1..9),
        names in proptest::collection::vec(proptest::sample::select(
            &["Europe/Berlin", "Australia/Lord_Howe", "Foo/Bar", "CET", "UTC"][..]), 9),
    ) {
        let mut warm = TimestampParser::utc();
        for (second, name) in seconds.iter().zip(&names) {
            let instant = jiff::Timestamp::from_second(*second).unwrap();
            let text = format!("{} {name} [1]", instant.strftime("%Y-%m-%d %H:%M:%S"));
            prop_assert_eq!(any(&mut warm, &text), any(&mut TimestampParser::utc(), &text));
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
    fn a_day_of_the_week_tells_the_year(
        days in proptest::collection::vec(0i64..9_000, 1..6), // from 2000
        anchor in 10_957i64..20_000,
    ) {
        const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        let mut clock = TimestampParser::new(TimeZone::UTC, anchor * 86_400_000_000_000);
        for days in days {
            let days = 10_957 + days;
            let (_, month, day) = civil_from_days(days);
            let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
                [month as usize - 1];
            let weekday = |days: i64| (days + 3).rem_euclid(7) as usize;
            let text = format!("{} {month} {day:2} 12:00:00 x", NAMES[weekday(days)]);
            let (stamp, _) = clock.any(PaddedLine::new(text.as_bytes()).line(), 0).unwrap();
            let found = stamp.second.div_euclid(86_400);
            prop_assert_eq!(weekday(found), weekday(days));
            prop_assert_eq!(civil_from_days(found).2, day);
            // No later one is possible.
            let later = (found + 1..=anchor + 1).find(|&later| {
                civil_from_days(later).1 == civil_from_days(days).1
                    && civil_from_days(later).2 == day
                    && weekday(later) == weekday(days)
            });
            prop_assert!(found <= anchor + 2 && later.is_none(), "{} {:?}", text, later);
        }
    }

    #[test]
    fn epochs_are_read_as_in_general(
        text in "(0{0,2}[1-9][0-9]{8,19}|[0-9]{0,20})(\\.[0-9]{0,12})?(e\\+?[0-9]{1,2}|\\.| )?",
    ) {
        prop_assert_eq!(epoch(text.as_bytes()), epoch_in_general(text.as_bytes()));
    }

    #[test]
    fn a_prefilter_misses_no_timestamp(
        text in "(Wed|wed|Jan|January|24|4|2024|240124|20240124|081109|1706091332|1.7060913e)[-/., TJ|_;:]{0,2}\
                 (24|4|Jan|jan|January|2024)[-/., ]{0,2}(24|2024|10:15)?[-/., ]{0,2}\
                 (10:15:32|9:05:02|10.15.32|101532)?( AM| 2024|\\.123|Z|\\+09| CET 2024)?( x)?",
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
            prop_assert_eq!(warm.usual_clf(padded.line(), 1), general, "{}", text);
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

/// Months in other languages, as CLDR and the GNU C library name them.
#[test]
fn months_in_other_languages() {
    let anchor = "2024-12-31T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let mut clock = TimestampParser::new(TimeZone::UTC, anchor.as_nanosecond() as i64);
    for (text, expected, rest) in [
        ("gen 23 10:45:17 host", "2024-01-23T10:45:17Z", " host"),
        ("ott  5 17:43:49 host", "2024-10-05T17:43:49Z", " host"),
        ("мар 30 17:13:20 host", "2024-03-30T17:13:20Z", " host"),
        ("Мар 30 17:13:20 host", "2024-03-30T17:13:20Z", " host"),
        ("Mär 24 10:15:32 host", "2024-03-24T10:15:32Z", " host"),
        ("1月 24 10:15:32 host", "2024-01-24T10:15:32Z", " host"),
        ("12월  4 10:15:32 host", "2024-12-04T10:15:32Z", " host"),
        ("févr. 24, 2024 10:15:32 AM x", "2024-02-24T10:15:32Z", " x"),
        ("24 févr. 2024 10:15:32 x", "2024-02-24T10:15:32Z", " x"),
        ("24. Okt 2024 10:15:32 x", "2024-10-24T10:15:32Z", " x"),
        ("24/févr./2024:10:15:32 +0100]", "2024-02-24T09:15:32Z", "]"),
        ("24-dic-2024 10:15:32.5 x", "2024-12-24T10:15:32.5Z", " x"),
        ("Okt 24 2023 10:15:32 x", "2023-10-24T10:15:32Z", " x"),
        ("sept. 4 2024 10:15:32 x", "2024-09-04T10:15:32Z", " x"),
    ] {
        let found = any(&mut clock, text);
        assert_eq!(found, Some((expected.into(), text.len() - rest.len())), "{text}");
    }
    for text in [
        "out 5 times",
        "set 10 items in 5s",
        "led 24",
        "abc 24 10:15:32 x",
        "lipx 24 10:15:32 x",
        "gen 32 10:45:17 host",
        "1x 24 10:15:32 host",
        "13月 24 10:15:32 host",
    ] {
        assert_eq!(any(&mut clock, text), None, "{text}");
    }
}
