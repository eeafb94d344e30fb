use super::names::spellings;
use super::*;
use crate::bytes::line::PaddedLine;
use proptest::prelude::*;
use std::ops::Range;

fn known(group: Group, key: &str) -> Known {
    let padded = PaddedLine::new(key.as_bytes());
    Names::get().look_up(padded.line(), group, 0, key.len())
}

fn meaning(key: &str) -> Meaning {
    known(Group::ROOT, key).meaning
}

#[test]
fn the_table_is_loosely_filled() {
    assert!(Names::get().is_loose());
}

#[test]
fn every_name_is_found_in_every_spelling() {
    for &(expected, _, list) in NAMES {
        for name in list.split_whitespace() {
            assert_eq!(meaning(name), expected, "{name}");
            for key in spellings(name) {
                assert_eq!(meaning(&key.to_uppercase()), expected, "{key}");
                assert_eq!(meaning(&format!("@{key}")), expected, "{key}");
                assert_eq!(meaning(&format!("_{key}")), expected, "{key}");
                assert_eq!(meaning(&format!("{key}x")), Meaning::Nothing, "{key}");
                assert_eq!(known(Group::NOWHERE, &key).meaning, Meaning::Nothing, "{key}");
            }
        }
    }
}

fn named(unit: Unit, is_measured: bool) -> Meaning {
    Meaning::Duration(Rule::Named { unit, is_measured })
}

#[test]
fn spelled_out() {
    use Meaning::*;
    for (key, expected) in [
        ("@timestamp", Time),
        ("TimeStamp", Time),
        ("__time", Nothing),
        ("statusCode", Status),
        ("StatusCode", Status),
        ("status-code", Status),
        ("http.response.status_code", Status),
        ("duration_ms", named(Unit::Milliseconds, false)),
        ("durationMs", named(Unit::Milliseconds, false)),
        ("responseTime_ms", Duration(Rule::Fixed(Unit::Milliseconds))),
        ("elapsed-seconds", named(Unit::Seconds, true)),
        ("duration_in_ms", named(Unit::Milliseconds, false)),
        ("responseTimeInMillis", Duration(Rule::Fixed(Unit::Milliseconds))),
        ("time-in-seconds", Duration(Rule::Fixed(Unit::Seconds))),
        ("requestTimeMicro", Duration(Rule::Fixed(Unit::Microseconds))),
        ("seconds", Nothing),
        ("usec", Nothing),
        ("request_time", RequestTime),
        ("request_time_ms", Duration(Rule::Fixed(Unit::Milliseconds))),
        ("DownstreamContentSize", Bytes),
        ("x-status", Nothing),
        ("status\u{1f}code", Nothing),
        ("status_", Nothing),
        ("@@time", Nothing),
        ("", Nothing),
        ("@", Nothing),
        ("tim", Nothing),
        ("a_key_that_is_longer_than_any_name_in_the_table", Nothing),
    ] {
        assert_eq!(meaning(key), expected, "{key:?}");
    }
}

#[test]
fn members_of_objects_about_requests() {
    let of = |object: &str, key: &str| {
        let group = known(Group::ROOT, object).inside;
        let padded = PaddedLine::new(key.as_bytes());
        Names::get().of_member(padded.line(), (group, false), 0, key.len())
    };
    use Meaning::*;
    for (object, key, expected) in [
        ("response", "latency", Duration(Rule::Open)),
        ("http_response", "took", Duration(Rule::Open)),
        ("httpResponse", "elapsedMs", named(Unit::Milliseconds, true)),
        ("http", "duration", Duration(Rule::Open)),
        ("httpRequest", "path", Path),
        ("request", "ip", Client),
        ("res", "statusCode", Status),
    ] {
        let found = of(object, key);
        assert_eq!((found.meaning, found.is_loose), (expected, false), "{object} {key}");
    }
    // Others' times, levels and sizes are not the record's, nor is what other objects hold.
    for (object, key) in [("request", "time"), ("response", "level"), ("request", "bytes")] {
        let found = of(object, key);
        assert!(found.meaning == Nothing || found.is_loose, "{object} {key}");
    }
    assert!(of("client", "duration").is_loose);
    assert!(of("timestamp", "path").is_loose);
}

#[test]
fn nested_names() {
    let http = known(Group::ROOT, "http").inside;
    let response = known(http, "response").inside;
    assert_eq!(known(response, "status_code").meaning, Meaning::Status);
    assert_eq!(known(http, "response.statusCode").meaning, Meaning::Status);
    assert_eq!(known(Group::ROOT, "http.response").inside, response);
    assert_eq!(known(Group::ROOT, "fields").inside, Group::ROOT);
    assert_eq!(known(Group::ROOT, "JSONPayload").inside, Group::ROOT);
    assert_eq!(known(Group::ROOT, "nothing").inside, Group::NOWHERE);
    // Both a message and an object with a message.
    let error = known(Group::ROOT, "error");
    assert_eq!(error.meaning, Meaning::Message);
    assert_eq!(known(error.inside, "message").meaning, Meaning::Message);
    assert_eq!(known(error.inside, "time").meaning, Meaning::Nothing);
}

#[test]
fn paths_requests_and_clients() {
    let cut = |f: fn(&[u8]) -> Option<Range<usize>>, text: &'static str| {
        f(text.as_bytes()).map(|r| &text[r])
    };
    for (text, expected) in [
        ("/a?b=c", "/a?b=c"),
        ("https://host/path?x", "/path?x"),
        ("https://host:8080", "/"),
        ("https://host?x=/1", "/"),
        ("a/b", "a/b"),
        ("://x", "://x"),
        ("*", "*"),
        ("", ""),
    ] {
        assert_eq!(cut(path, text), Some(expected), "{text}");
    }
    for (text, expected) in [
        ("GET /x HTTP/1.1", Some(("GET", "/x"))),
        ("GET /x", Some(("GET", "/x"))),
        ("GET http://h/x?y HTTP/1.0", Some(("GET", "/x?y"))),
        ("OPTIONS * HTTP/1.1", Some(("OPTIONS", "*"))),
        ("/x/y z", Some(("", "/x/y"))),
        ("Update user profile", None),
        ("GET", None),
        ("GET ", None),
        ("", None),
    ] {
        let found = request(text.as_bytes()).map(|(m, p)| (&text[m], &text[p]));
        assert_eq!(found, expected, "{text}");
    }
    for (text, expected) in [
        ("1.2.3.4", Some("1.2.3.4")),
        ("1.2.3.4:567", Some("1.2.3.4")),
        ("[2001:db8::1]:443", Some("2001:db8::1")),
        ("2001:db8::1", Some("2001:db8::1")),
        ("[oops", Some("[oops")),
        (":80", Some(":80")),
        ("-", None),
    ] {
        assert_eq!(cut(client, text), expected, "{text}");
    }
}

#[test]
fn escapes() {
    for (text, expected) in [
        (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
        (r"\b\f\n\r\t", "\u{8}\u{c}\n\r\t"),
        (r"\u00e9\u20AC", "é€"),
        (r"\ud83d\ude00!", "😀!"),
        (r"\ud83d \ude00", "\u{fffd} \u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
        (r"\ud83d", "\u{fffd}"),
        (r"\q\x41\u12", r"\q\x41\u12"),
        (r"\", r"\"),
    ] {
        let mut out = Vec::new();
        unescape(text.as_bytes(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn the_usual_epoch_is_no_other(
        text in prop_oneof![
            "[0-9]{10}\\.[0-9]{1,9}", "[0-9]{12,14}", "[0-9]{8,12}[0-9.eE]{0,6}", "[0-9.]{0,20}",
        ],
        behind in "[0-9.]{0,3}",
    ) {
        let padded = PaddedLine::new(format!("{text}{behind}").as_bytes());
        let value = Value { start: 0, end: text.len(), escaped: false, number: true };
        if let Some(stamp) = usual_epoch(padded.line(), value) {
            prop_assert_eq!(crate::time::epoch(text.as_bytes()), Some(stamp));
        } else if text.len() == 13 && text.as_bytes().iter().all(u8::is_ascii_digit) {
            prop_assert!(!"1234".contains(&text[..1]) || behind.starts_with(|c: char| c != '.'));
        }
    }

    #[test]
    fn any_key_is_survived(key: Vec<u8>, group: u8) {
        let padded = PaddedLine::new(&key);
        Names::get().look_up(padded.line(), Group::from_number(group), 0, key.len());
    }

    #[test]
    fn parts_stay_inside(text: Vec<u8>, likely in "[a-z:/?# \\[\\]\\-\\\\u0-9]{0,30}") {
        for text in [&text[..], likely.as_bytes()] {
            for part in [path(text), client(text), request(text).map(|r| r.1)] {
                prop_assert!(part.is_none_or(|r| text.get(r).is_some()));
            }
            let mut out = Vec::new();
            unescape(text, &mut out);
            prop_assert!(out.len() <= text.len());
        }
    }
}
