use super::*;
use crate::format::Params;
use crate::spec::FormatSpec;
use crate::summary::codec::encode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The bytes of the summary of a log, with lanes or without.
fn summary(log: &[u8], formats: &[&str], by: &[&str], lanes: bool) -> Vec<u8> {
    let mut spec = Spec::plain();
    spec.sources[0].reading.formats = formats
        .iter()
        .map(|name| FormatSpec { name: name.to_string(), params: Params::default() })
        .collect();
    spec.meaning.by = by.iter().map(|field| field.to_string()).collect();
    let mut scanner = Scanner::new(Arc::new(spec)).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    let parsers = scanner.parsers.as_mut().unwrap();
    match lanes {
        true => parsers.lanes.active = true,
        false => parsers.lanes = Interleaver::new(&parsers.formats, 0),
    }
    scanner.push(log);
    encode(&scanner.finish(log.len() as u64))
}

fn line() -> impl Strategy<Value = String> {
    let usual = select(
        &[
            "2024-01-24 10:15:32.123 INFO Request processed in 127ms",
            "2024-01-24 10:15:32.124 ERROR Database connection failed",
            "2024-01-24T10:15:32Z WARN Slow query took 3323ms",
            r#"{"timestamp": "2024-01-24 10:15:33.001", "level": "INFO", "status": 200, "duration_ms": 95}"#,
            "192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms",
            r#"192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] "GET /a/17?b HTTP/1.1" 503 512 "-" "x""#,
            "10.1.18.103 2024-01-24 10:15:32 INFO accepted in 5 s",
            "time=2024-01-24T10:15:31Z level=error msg=\"no room\" duration=5ms",
        ][..],
    );
    let odd = select(
        &[
            "",
            "\r",
            "   ",
            "\tat Main.run(Main.java:5)",
            "#Fields: date time cs-method cs-uri-stem sc-status",
            "# no header",
            "{\"no\": \"field\"}",
            "{",
            "no format",
            "10.1.18.103 \x1b[0m2024-01-24 10:15:32 INFO coloured",
            "\x1b[32m2024-01-24 10:15:32 INFO\x1b[0m coloured took 5ms",
            "01-24 10:15:32.123 INFO no year",
            "[a-1] ERROR b.C - no time",
            "WARN no time either, took 7ms",
        ][..],
    );
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    (prop_oneof![12 => usual, 1 => odd], end).prop_map(|(line, end)| line.to_string() + end)
}

/// Lines whose records may have more of them.
fn parts() -> impl Strategy<Value = String> {
    let parts = select(
        &[
            "2024-01-24T10:15:32.123456789Z stdout F Request processed in 127ms",
            "2024-01-24T10:15:32.2Z stdout P Request pro",
            "2024-01-24T10:15:33.5Z stdout F cessed in 95ms",
            "2024-01-24T10:15:33.5Z stderr F \tat com.foo.Bar.baz(Bar.java:12)",
            r#"{"log":"2024-01-24T10:15:31Z ERROR failure\n","stream":"stderr","time":"2024-01-24T10:15:32.2Z"}"#,
            r#"{"log":"{\"level\":\"warn\",\"durat","stream":"stdout","time":"2024-01-24T10:15:33Z"}"#,
            r#"{"log":"ion_ms\":95}\n","stream":"stdout","time":"2024-01-24T10:15:33.5Z"}"#,
            r#"{"log":"\n","stream":"stdout","time":"2024-01-24T10:15:35Z"}"#,
            "__REALTIME_TIMESTAMP=1706091332123456",
            "PRIORITY=3",
            "MESSAGE=Request processed in 127ms",
            "MESSAGE",
            "",
            "   ",
            "Jan 24 22:14:20 web-1 app[7]: WARN Request processed in 127ms",
            "Jan 24 22:14:19 web-1 app[7]: Traceback (most recent call last):",
            "web-1  |     at handler (/app/x.js:1:2)",
            "web-1  | 2024-01-24 10:15:33.001 INFO up",
        ][..],
    );
    parts.prop_map(|line| line.to_string() + "\n")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn being_tried_first_does_not_show(
        lines in vec(prop_oneof![6 => parts(), 1 => line()], 0..900),
        first in select(
            &["cri", "docker", "journald-export", "syslog", "compose", "app"][..]
        ),
        rejoin: bool,
    ) {
        let log = lines.concat().into_bytes();
        let figures = |formats: &[&str]| {
            let mut spec = Spec::plain();
            spec.sources[0].reading.formats = formats
                .iter()
                .map(|name| FormatSpec {
                    name: name.to_string(),
                    params: Params { rejoin, ..Params::default() },
                })
                .collect();
            let mut scanner = Scanner::new(Arc::new(spec)).unwrap();
            scanner.begin(0, 0, 0).unwrap();
            scanner.push(&log);
            let mut summary = scanner.finish(log.len() as u64);
            // Which formats were listed is part of what a source is.
            summary.coverage.0.values_mut().for_each(|covered| covered.id = Default::default());
            (summary.lines, summary.figures, summary.coverage)
        };
        // No line is of a W3C format without its header.
        prop_assert!(figures(&[first]) == figures(&["iis", first]));
    }

    #[test]
    fn lanes_do_not_show(
        lines in vec(line(), 0..900),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        formats in vec(select(&[
            "app", "json", "access", "combined", "logfmt", "text", "cri", "docker", "iis",
        ][..]), 1..5),
        by_format: bool,
    ) {
        let mut formats = formats;
        formats.sort_unstable();
        formats.dedup();
        let mut log = lines.concat().into_bytes();
        for (place, byte) in flips.iter().filter(|_| !log.is_empty()).collect::<Vec<_>>() {
            let place = place.index(log.len());
            log[place] = *byte;
        }
        let first = lines.len() % formats.len();
        formats.rotate_left(first);
        let by = if by_format { &["format"][..] } else { &[] };
        let with = summary(&log, &formats, by, true);
        prop_assert!(with == summary(&log, &formats, by, false));
    }
}
