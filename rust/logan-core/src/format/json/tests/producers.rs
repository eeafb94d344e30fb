//! Producers told by their keys, names anywhere, messages that are records.

use super::*;
use crate::format::fields::{Meaning, NAMES, SEE_THROUGH};
use proptest::sample::select;

fn level(line: &str) -> Level {
    parse(line).level
}

fn status(line: &str) -> u16 {
    parse(line).status
}

#[test]
fn numeric_levels_mean_what_their_producer_says() {
    for (line, expected) in [
        (r#"{"reqId":"a","level":1,"app":"files","remoteAddr":"","message":"x"}"#, Level::Info),
        (r#"{"message":"x","remoteAddr":"","app":"files","level":0,"reqId":"a"}"#, Level::Debug),
        (r#"{"version":"1.1","short_message":"x","level":3}"#, Level::Error),
        (r#"{"version":"1.1","short_message":"x","level":3,"_container_id":"a"}"#, Level::None),
        (r#"{"prio":2,"err_symbol":"ER_X","msg":"x"}"#, Level::Warn),
        (r#"{"prio":0,"err_symbol":"ER_X","msg":"x"}"#, Level::Info),
        (r#"{"level":30,"msg":"x"}"#, Level::Info),
        (r#"{"level":3,"msg":"x"}"#, Level::Other),
        (r#"{"levelno":30,"msg":"x"}"#, Level::Warn),
        (r#"{"levelno":20,"levelname":"INFO","msg":"x"}"#, Level::Info),
        (r#"{"severityNumber":9,"body":{"stringValue":"x"}}"#, Level::Info),
        (r#"{"severityNumber":"21","body":{"stringValue":"x"}}"#, Level::Fatal),
        (r#"{"level_value":20000,"msg":"x"}"#, Level::Info),
        (r#"{"level_value":20000,"level":"WARN","msg":"x"}"#, Level::Warn),
        (r#"{"level":200,"level_name":"INFO","channel":"app","message":"x"}"#, Level::Info),
        (r#"{"level":400,"channel":"app","level_name":"","message":"x"}"#, Level::Error),
        (
            r#"{"resourceId":"/X","category":"Y","level":4,"time":"2024-01-24T10:15:33Z"}"#,
            Level::Info,
        ),
        (
            r#"{"insertId":"a","logName":"b","severity":400,"jsonPayload":{"message":"x"}}"#,
            Level::Warn,
        ),
        (r#"{"level":"INFO ","msg":"x"}"#, Level::Info),
        (r#"{"level":"gold","msg":"x"}"#, Level::Other),
    ] {
        assert_eq!(level(line), expected, "{line}");
    }
}

#[test]
fn keys_that_are_no_severity_are_none() {
    let audit = r#"{"kind":"Event","level":"Request","auditID":"1","stage":"Panic","verb":"get"}"#;
    assert_eq!(parse_bytes(audit.as_bytes()).map(|said| said.level), Some(Level::None));
    let text = |message: &str| {
        format!(
            r#"{{"resource":{{}},"severity":"ERROR","textPayload":"{message}","timestamp":"2024-01-24T10:15:33.001Z"}}"#
        )
    };
    assert_eq!(level(&text("listening on 8080")), Level::None);
    assert_eq!(level(&text("INFO order placed")), Level::Info);
}

#[test]
fn bare_statuses_want_a_request() {
    for (line, expected) in [
        (r#"{"msg":"container exited","code":137}"#, 0),
        (r#"{"msg":"container exited","code":200}"#, 0),
        (r#"{"msg":"request finished","code":200}"#, 200),
        (r#"{"msg":"request finished","code":137}"#, 0),
        (r#"{"msg":"x","code":200,"path":"/a"}"#, 200),
        (r#"{"msg":"x","method":"GET","result":"404"}"#, 404),
        (r#"{"msg":"x","status":503,"duration_ms":5}"#, 503),
        (r#"{"msg":"x","status":137,"duration_ms":5}"#, 0),
        (r#"{"msg":"x","code":503,"duration_ms":5}"#, 0),
        (r#"{"msg":"x","status":200,"status_code":404}"#, 404),
        (r#"{"msg":"x","status_code":404}"#, 404),
        (r#"{"msg":"x","path":"","status":404}"#, 0),
    ] {
        assert_eq!(status(line), expected, "{line}");
    }
}

#[test]
fn requests_in_objects_that_no_table_knows() {
    let line = |fields: &str| format!(r#"{{"msg":"x","@nginx_fields":{{{fields}}}}}"#);
    let whole = parse(&line(r#""url":"/","clientip":"192.0.2.7","status":502,"method":"GET""#));
    assert_eq!((whole.status, &*whole.method, &*whole.path), (502, "GET", "/"));
    assert_eq!(whole.client, "192.0.2.7");
    for fields in [
        r#""url":"/","status":502"#,
        r#""url":"/","method":"GET""#,
        r#""url":"a","method":"GET","status":200"#,
        r#""url":"/","method":"Update","status":200"#,
        r#""url":"/","method":"GET","status":137"#,
    ] {
        assert_eq!(parse(&line(fields)), Said { message: "x".into(), ..NOTHING }, "{fields}");
    }
    let apart = r#"{"status":404,"a":{"b":{"method":"PUT","uri":"/x"}},"path":null}"#;
    assert_eq!(status(apart), 404);
    assert_eq!(parse(apart).path, "/x");
}

#[test]
fn lists() {
    assert_eq!(parse(r#"{"msg":"x","sourceIPs":["10.0.0.1","10.0.0.2"]}"#).client, "10.0.0.1");
    assert_eq!(parse(r#"{"msg":"x","sourceIPs":[]}"#).client, "");
    assert_eq!(parse(r#"{"msg":"x","path":["/a"]}"#).path, "");
    let otlp = |records: &str| {
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{records}]}}]}}]}}"#)
    };
    let record = r#"{"timeUnixNano":"1706091333001000000","severityNumber":17,"attributes":[
        {"key":"http.response.status_code","value":{"intValue":"500"}},
        {"value":{"stringValue":"/lost"},"key":"x"},
        {"key":"url.path","value":{"stringValue":"/cart"}},
        {"key":"http.request.method","value":{"stringValue":"GET"}}],"body":{"stringValue":"x"}}"#;
    let record = record.replace("\n        ", "");
    let expected =
        Said { message: "x".into(), ..request(Level::Error, 500, NO_DURATION, ("GET", "/cart")) };
    assert_eq!(parse(&otlp(&record)), expected);
    // One of several records is not all of the line.
    assert_eq!(parse_bytes(otlp(&format!("{record},{record}")).as_bytes()), None);
    let trail =
        r#"{"Records":[{"eventTime":"2024-01-24T10:15:33.001Z","errorCode":"AccessDenied"}]}"#;
    assert_eq!(parse(trail), Said { time_ns: TIME_NS, ..NOTHING });
}

#[test]
fn nanoseconds_beside_seconds() {
    let line = r#"{"instant":{"epochSecond":1706091333,"nanoOfSecond":1000000},"message":"x"}"#;
    assert_eq!(parse(line).time_ns, TIME_NS);
    let line = r#"{"instant":{"nanoOfSecond":1000000,"epochSecond":1706091333},"message":"x"}"#;
    assert_eq!(parse(line).time_ns, TIME_NS);
}

#[test]
fn messages_that_are_records() {
    let said = |line: &str| {
        let Said { level, status, method, path, .. } = parse(line);
        (level, status, method + " " + &path)
    };
    let get = |status: u16| (Level::None, status, "GET /x".to_string());
    for line in [
        r#"{"message":"10.0.0.1 - - [24/Jan/2024:10:15:33 +0000] \"GET /x HTTP/1.1\" 500 12 \"-\" \"curl\""}"#,
        r#"{"log":"10.0.0.1 - - [24/Jan/2024:10:15:33 +0000] \"GET \/x HTTP/1.1\" 500 12\n","stream":"stderr"}"#,
        r#"{"log":"{\"method\":\"GET\",\"path\":\"/x\",\"status\":500}","kubernetes":{"pod":"x"}}"#,
    ] {
        assert_eq!(said(line), get(500), "{line}");
    }
    let served = r#"{"level":"info","msg":"served \"GET /x HTTP/1.1\" 404 12"}"#;
    assert_eq!(said(served), (Level::Info, 404, "GET /x".into()));
    // What the record says itself stays.
    for line in [
        r#"{"level":"info","msg":"ERROR is what GET said"}"#,
        r#"{"level":"info","msg":"see A/B"}"#,
    ] {
        assert_eq!(said(line), (Level::Info, NO_STATUS, " ".into()), "{line}");
    }
    let plain = parse(r#"{"message":"order placed","user":"bob"}"#);
    assert_eq!(plain, Said { message: "order placed".into(), ..NOTHING });
    // The collector's time, and a local one in the message.
    let shipped = |inner: &str| {
        parse(&format!(
            r#"{{"@timestamp":"2024-01-24T10:15:33.900Z","message":"{inner} ERROR declined"}}"#
        ))
    };
    assert_eq!(shipped("2024-01-24 11:15:33.001").time_ns, TIME_NS);
    assert_eq!(shipped("2024-01-24T10:15:33.001Z").time_ns, TIME_NS);
    assert_eq!(shipped("2024-01-24 11:05:33.001").time_ns, TIME_NS + 899_000_000);
    assert_eq!(shipped("2024-01-24 11:15:33.001").level, Level::Error);
}

/// A name of this meaning as a member: flat, or in objects of their own.
fn member(wanted: fn(Meaning) -> bool, value: &'static str) -> impl Strategy<Value = String> {
    let names = NAMES.iter().filter(|(meaning, ..)| wanted(*meaning));
    let names: Vec<&str> = names.flat_map(|(_, _, names)| names.split_whitespace()).collect();
    (select(names), any::<bool>()).prop_map(move |(name, nested)| {
        if !nested {
            return format!("\"{name}\":\"{value}\"");
        }
        let parts: Vec<_> = name.split('.').collect();
        let open: String = parts.iter().map(|part| format!("\"{part}\":{{")).collect();
        let open = open.strip_suffix('{').unwrap();
        format!("{open}\"{value}\"{}", "}".repeat(parts.len() - 1))
    })
}

proptest! {
    #[test]
    fn names_give_their_figure_wherever_they_are(
        status in member(|m| matches!(m, Meaning::Status | Meaning::BareStatus), "502"),
        method in member(|m| m == Meaning::Method, "POST"),
        path in member(|m| m == Meaning::Path, "/pay"),
        level in member(|m| matches!(m, Meaning::Level(_)), "error"),
        envelopes in prop::collection::vec(select(SEE_THROUGH.split(' ').collect::<Vec<_>>()), 0..3),
        is_unknown in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut request = [status, method, path];
        request.rotate_left((seed % 3) as usize);
        if seed & 4 != 0 {
            request.reverse();
        }
        let mut request = request.join(",");
        if is_unknown {
            request = format!("\"of_nobody\":{{{request}}}");
        }
        let mut members = if seed & 8 != 0 {
            format!("{level},{request}")
        } else {
            format!("{request},{level}")
        };
        for envelope in envelopes {
            members = format!("\"{envelope}\":{{{members}}}");
        }
        let line = format!("{{{members}}}");
        let found = parse(&line);
        prop_assert_eq!((found.level, found.status), (Level::Error, 502), "{}", line);
        prop_assert_eq!((&*found.method, &*found.path), ("POST", "/pay"), "{}", line);
    }
}
