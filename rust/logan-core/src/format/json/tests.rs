mod objects;
mod producers;
mod shapes;

use super::*;
use crate::bytes::line::{PAD, PaddedLine};
use crate::format::units::KeyUnit;
use crate::format::{Context, DurationReading, Params, Unit};
use crate::record::{Level, NO_BYTES, NO_DURATION, NO_STATUS, NO_TIME, Text};
use crate::time::TimestampParser;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;

/// What a line says, as text.
#[derive(Debug, PartialEq)]
struct Said {
    time_ns: i64,
    level: Level,
    status: u16,
    duration_ns: u64,
    bytes: u64,
    message: String,
    method: String,
    path: String,
    client: String,
}

const NOTHING: Said = Said {
    time_ns: NO_TIME,
    level: Level::None,
    status: NO_STATUS,
    duration_ns: NO_DURATION,
    bytes: NO_BYTES,
    message: String::new(),
    method: String::new(),
    path: String::new(),
    client: String::new(),
};

/// With units for some of the keys, as detection decides them.
fn context() -> Context {
    use Unit::{Microseconds, Milliseconds, Nanoseconds, Seconds};
    let keys = [
        ("duration", Milliseconds),
        ("elapsed", Seconds),
        ("latency", Nanoseconds),
        ("request_time", Seconds),
        ("responseTime", Milliseconds),
        ("response_time", Microseconds),
        ("took", Milliseconds),
    ];
    let decided = |unit| vec![KeyUnit { producer: None, beside: None, unit: Some(unit) }];
    let mut keys: BTreeMap<_, _> = keys.map(|(key, unit)| (key.to_string(), decided(unit))).into();
    let producer = Some("Caddy".to_string());
    let of_caddy = KeyUnit { producer, beside: None, unit: Some(Seconds) };
    keys.entry("duration".into()).or_default().insert(0, of_caddy);
    let mut context = Context::new(TimestampParser::utc());
    context.read_durations(&DurationReading { keys, ..DurationReading::default() });
    context
}

fn parse_in(context: &mut Context, bytes: &[u8]) -> Option<Said> {
    let padded = PaddedLine::new(bytes);
    let mut arena = Vec::new();
    let mut record = Record::EMPTY;
    let json = (ENTRY.build)(&Params::default());
    if !json.parse_line(padded.line(), context, &mut arena, &mut record) {
        return None;
    }
    let text = |t: Text| String::from_utf8_lossy(t.bytes(bytes, &arena)).into_owned();
    Some(Said {
        time_ns: record.time_ns,
        level: record.level,
        status: record.status,
        duration_ns: record.duration_ns,
        bytes: record.bytes_sent,
        message: text(record.message),
        method: text(record.method),
        path: text(record.path),
        client: text(record.client),
    })
}

fn parse_bytes(bytes: &[u8]) -> Option<Said> {
    // Remembered heads of other lines, and of the line itself, must not show.
    let mut context = context();
    let first = parse_in(&mut context, bytes);
    assert_eq!(parse_in(&mut context, bytes), first);
    first
}

fn parse(line: &str) -> Said {
    parse_bytes(line.as_bytes()).unwrap_or_else(|| panic!("no record: {line}"))
}

/// 2024-01-24T10:15:33.001Z
const TIME_NS: i64 = 1_706_091_333_001_000_000;

fn request(level: Level, status: u16, duration_ns: u64, route: (&str, &str)) -> Said {
    Said {
        time_ns: TIME_NS,
        level,
        status,
        duration_ns,
        method: route.0.into(),
        path: route.1.into(),
        ..NOTHING
    }
}

#[test]
fn the_example_is_a_record() {
    let expected = request(Level::Info, 200, 95_000_000, ("", ""));
    assert_eq!(parse(ENTRY.info.example), Said { message: "Request processed".into(), ..expected });
}

#[test]
fn the_commissioned_line() {
    let found = parse(
        r#"{"timestamp": "2024-01-24 10:15:33.001", "level": "INFO", "message": "Request processed", "duration_ms": 95}"#,
    );
    assert_eq!(found.duration_ns, 95_000_000);
    assert_eq!(found.time_ns, TIME_NS);
    assert_eq!(found.message, "Request processed");
}

#[test]
fn lines_of_several_programs() {
    let get = ("GET", "/x?y=1");
    let cases = [
        // pino-http
        (
            r#"{"level":30,"time":1706091333001,"pid":1,"hostname":"h","req":{"id":1,"method":"GET","url":"/x?y=1","headers":{"host":"a"},"remoteAddress":"::1","remotePort":5},"res":{"statusCode":200},"responseTime":12,"msg":"request completed"}"#,
            Said {
                client: "::1".into(),
                message: "request completed".into(),
                ..request(Level::Info, 200, 12_000_000, get)
            },
        ),
        // bunyan
        (
            r#"{"name":"a","hostname":"h","pid":1,"level":50,"err":{"message":"boom","name":"Error","stack":"x\n"},"time":"2024-01-24T10:15:33.001Z","v":0}"#,
            Said { message: "boom".into(), ..request(Level::Error, 0, NO_DURATION, ("", "")) },
        ),
        // Caddy
        (
            r#"{"level":"info","ts":1706091333.001,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"1.2.3.4","remote_port":"5","proto":"HTTP/2.0","method":"GET","host":"h","uri":"/x?y=1","headers":{"Accept":["*/*"]}},"bytes_read":0,"duration":0.0012,"size":12,"status":200}"#,
            Said {
                bytes: 12,
                client: "1.2.3.4".into(),
                message: "handled request".into(),
                ..request(Level::Info, 200, 1_200_000, get)
            },
        ),
        // Google Cloud
        (
            r#"{"httpRequest":{"requestMethod":"GET","requestUrl":"https://h/x?y=1","status":200,"responseSize":"12","latency":"0.123s","remoteIp":"1.2.3.4"},"severity":"WARNING","timestamp":"2024-01-24T10:15:33.001000Z"}"#,
            Said {
                bytes: 12,
                client: "1.2.3.4".into(),
                ..request(Level::Warn, 200, 123_000_000, get)
            },
        ),
        // Traefik
        (
            r#"{"ClientAddr":"1.2.3.4:5","ClientHost":"1.2.3.4","DownstreamContentSize":12,"DownstreamStatus":200,"Duration":1234567,"OriginStatus":502,"RequestMethod":"GET","RequestPath":"/x?y=1","StartUTC":"2024-01-24T10:15:32.9Z","level":"info","msg":"","time":"2024-01-24T10:15:33.001Z"}"#,
            Said {
                bytes: 12,
                client: "1.2.3.4".into(),
                ..request(Level::Info, 200, 1_234_567, get)
            },
        ),
        // ECS, dotted and nested
        (
            r#"{"@timestamp":"2024-01-24T10:15:33.001Z","log.level":"error","message":"m","http":{"request":{"method":"GET"},"response":{"status_code":503,"body":{"bytes":12}}},"url.path":"/x?y=1","source.ip":"1.2.3.4","event":{"duration":1500,"kind":"event"}}"#,
            Said {
                bytes: 12,
                message: "m".into(),
                client: "1.2.3.4".into(),
                ..request(Level::Error, 503, 1_500, get)
            },
        ),
        // echo
        (
            r#"{"time":"2024-01-24T10:15:33.001Z","id":"","remote_ip":"1.2.3.4","host":"h","method":"GET","uri":"/x?y=1","user_agent":"","status":200,"error":"","latency":430000,"latency_human":"430µs","bytes_in":0,"bytes_out":12}"#,
            Said { bytes: 12, client: "1.2.3.4".into(), ..request(Level::None, 200, 430_000, get) },
        ),
        // nginx, with everything in strings
        (
            r#"{"time_local":"24/Jan/2024:10:15:33 +0000","remote_addr":"1.2.3.4","request":"GET /x?y=1 HTTP/1.1","status": "200","body_bytes_sent":"12","request_time":"0.033","http_referrer":""}"#,
            Said {
                time_ns: TIME_NS - 1_000_000,
                bytes: 12,
                client: "1.2.3.4".into(),
                ..request(Level::None, 200, 33_000_000, get)
            },
        ),
        // API Gateway: `requestTime` is a time
        (
            r#"{"requestId":"a","ip":"1.2.3.4","requestTime":"24/Jan/2024:10:15:33 +0000","httpMethod":"GET","resourcePath":"/x?y=1","status":"200","protocol":"HTTP/1.1","responseLength":"12"}"#,
            Said {
                time_ns: TIME_NS - 1_000_000,
                bytes: 12,
                client: "1.2.3.4".into(),
                ..request(Level::None, 200, NO_DURATION, get)
            },
        ),
        // slog
        (
            r#"{"time":"2024-01-24T10:15:33.001Z","level":"WARN","msg":"slow","method":"GET","path":"/x?y=1","status":200,"latency":1234567}"#,
            Said { message: "slow".into(), ..request(Level::Warn, 200, 1_234_567, get) },
        ),
        // Serilog compact
        (
            r#"{"@t":"2024-01-24T10:15:33.0010000Z","@l":"Error","@m":"HTTP GET","RequestMethod":"GET","RequestPath":"/x?y=1","StatusCode":500,"ElapsedMilliseconds":12.5}"#,
            Said { message: "HTTP GET".into(), ..request(Level::Error, 500, 12_500_000, get) },
        ),
        // Rust tracing
        (
            r#"{"timestamp":"2024-01-24T10:15:33.001000Z","level":"ERROR","fields":{"message":"failed","status":503,"latency":"12 ms"},"target":"app"}"#,
            Said { message: "failed".into(), ..request(Level::Error, 503, 12_000_000, ("", "")) },
        ),
        // MongoDB
        (
            r#"{"t":{"$date":"2024-01-24T10:15:33.001+00:00"},"s":"W","c":"COMMAND","id":51803,"ctx":"conn1","msg":"Slow query","attr":{"type":"command","durationMillis":123}}"#,
            Said { message: "Slow query".into(), ..request(Level::Warn, 0, 123_000_000, ("", "")) },
        ),
        // Monolog: the number is unknown, the name is not
        (
            r#"{"message":"m","context":{"code":404},"level":300,"level_name":"WARNING","channel":"app","datetime":"2024-01-24T10:15:33.001+00:00","extra":[]}"#,
            Said { message: "m".into(), ..request(Level::Warn, 0, NO_DURATION, ("", "")) },
        ),
        // structlog
        (
            r#"{"event": "boom", "level": "critical", "timestamp": "2024-01-24T10:15:33.001Z"}"#,
            Said { message: "boom".into(), ..request(Level::Fatal, 0, NO_DURATION, ("", "")) },
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(parse(line), expected, "{line}");
    }
}

#[test]
fn durations() {
    for (member, nanos) in [
        (r#""duration_ns":5"#, Some(5)),
        (r#""durationUs":5"#, Some(5_000)),
        (r#""latency_ms":1.5"#, Some(1_500_000)),
        (r#""elapsed_seconds":0.25"#, Some(250_000_000)),
        (r#""took_millis":"7""#, Some(7_000_000)),
        (r#""duration":"72ms""#, Some(72_000_000)),
        (r#""duration_s":"72ms""#, Some(72_000_000)),
        (r#""duration":"1h2m3s""#, Some(3_723_000_000_000)),
        (r#""duration":0.5"#, Some(500_000)),
        (r#""duration":1.5e3"#, Some(1_500_000_000)),
        (r#""duration":5"#, Some(5_000_000)),
        (r#""duration":"250.0""#, Some(250_000_000)),
        (r#""duration":999999"#, Some(999_999_000_000)),
        (r#""duration":1000000"#, Some(1_000_000_000_000)),
        // A unit is decided for a key as it is written.
        (r#""DURATION":5"#, None),
        (r#""runtime":5"#, None),
        (r#""runtime":5,"duration":6"#, Some(6_000_000)),
        // What documents say needs no decision.
        (r#""Duration":5,"RouterName":"a""#, Some(5)),
        (r#""timeTaken":"0.250","trackingReference":"x""#, Some(250_000_000)),
        (r#""event.duration":5"#, Some(5)),
        (r#""request_time":2"#, Some(2_000_000_000)),
        (r#""request_time":1706091333"#, None),
        (r#""response_time":5000000"#, Some(5_000_000_000)),
        (r#""elapsed":0.5"#, Some(500_000_000)),
        (r#""latency":2000000"#, Some(2_000_000)),
        (r#""latency_human":"5µs","latency":"x""#, Some(5_000)),
        (r#""latency_human":5"#, None),
        (r#""duration":5,"elapsed_ms":7"#, Some(7_000_000)),
        (r#""elapsed_ms":7,"duration":5"#, Some(7_000_000)),
        (r#""elapsed_ms":7,"took_ms":5"#, Some(7_000_000)),
        (r#""duration":-1"#, None),
        (r#""duration":"""#, None),
        (r#""duration":true"#, None),
        (r#""duration":[5]"#, None),
        (r#""duration":"5\u006ds""#, None),
        (r#""duration":"1 day""#, Some(86_400_000_000_000)),
        // How long something is kept or valid.
        (r#""duration":"30d""#, None),
        (r#""duration":"1 dog""#, None),
        (r#""retry_in":"5s""#, None),
    ] {
        let line = format!(r#"{{"msg":"done",{member}}}"#);
        assert_eq!(parse(&line).duration_ns, nanos.unwrap_or(NO_DURATION), "{member}");
    }
}

#[test]
fn generic_names_need_a_request_or_an_end() {
    for (line, is_time) in [
        (r#"{"msg":"video uploaded","duration":3600}"#, false),
        (r#"{"duration":61.5,"conn_state":"SF","ts":1706091333.5}"#, false),
        (r#"{"msg":"request handled","duration":3600}"#, true),
        (r#"{"msg":"x","duration":3600,"path":"/a"}"#, true),
        (r#"{"duration":3600,"method":"GET"}"#, true),
        (r#"{"msg":"x","status":200,"elapsed":0.5}"#, true),
        (r#"{"msg":"x","latency":5000}"#, true),
        (r#"{"msg":"video uploaded","duration":"36ms"}"#, true),
    ] {
        assert_eq!(parse(line).duration_ns != NO_DURATION, is_time, "{line}");
    }
}

#[test]
fn times() {
    for (value, nanos) in [
        (r#""2024-01-24T10:15:33.001Z""#, Some(TIME_NS)),
        (r#""2024-01-24T11:15:33.001+01:00""#, Some(TIME_NS)),
        (r#""2024-01-24 10:15:33,001""#, Some(TIME_NS)),
        ("1706091333.001", Some(TIME_NS)),
        ("1706091333001", Some(TIME_NS)),
        ("1706091333001000", Some(TIME_NS)),
        ("1706091333001000000", Some(TIME_NS)),
        (r#""1706091333.001""#, Some(TIME_NS)),
        (r#""1706091333001""#, Some(TIME_NS)),
        ("1.706091333001e9", Some(TIME_NS)),
        ("99999999", None),
        ("12", None),
        (r#""2024-01-24T10:15:33.001Z!""#, None),
        (r#""2024-01-24""#, None),
        (r#""24\/Jan\/2024:10:15:33 +0000""#, None),
        ("null", None),
    ] {
        let line = format!(r#"{{"msg":"x","ts":{value}}}"#);
        assert_eq!(parse(&line).time_ns, nanos.unwrap_or(NO_TIME), "{value}");
    }
}

#[test]
fn usable_or_not() {
    assert_eq!(parse(r#"{"path":"/","status":"ok","code":404}"#).status, 404);
    assert_eq!(parse(r#"{"path":"/","code":404,"status":200}"#).status, 200);
    assert!(parse_bytes(br#"{"status":"ok"}"#).is_none());
    assert!(parse_bytes(br#"{"status":600}"#).is_none());
    assert!(parse_bytes(br#"{"status":200.0}"#).is_none());
    assert!(parse_bytes(br#"{"message":5,"level":null,"time":false,"x":1}"#).is_none());
    assert!(parse_bytes(br#"{"a":{"message":"x","status":200}}"#).is_none());
    assert!(parse_bytes(br#"{"fields":[{"message":"x"}]}"#).is_none());
    assert!(parse_bytes(b"{}").is_none());
    assert_eq!(parse(r#"{"level":"audit"}"#).level, Level::Other);
    // The first of two counts.
    assert_eq!(parse(r#"{"http_status":201,"status_code":500}"#).status, 201);
    assert_eq!(parse(r#"{"path":"/","status":null,"status":500}"#).status, 500);
    assert_eq!(parse(r#"{"error":"a","msg":"b","message":"c"}"#).message, "b");
}

#[test]
fn escapes_are_undone() {
    let found = parse(
        r#"{"level":"error","msg":"a \"b\"\n\u00e9\ud83d\ude00\udead","path":"\/a\/b","ip":"\u0031.2.3.4:5","method":"G\u0045T"}"#,
    );
    assert_eq!(found.message, "a \"b\"\né😀\u{fffd}");
    assert_eq!(found.path, "/a/b");
    assert_eq!(found.client, "1.2.3.4");
    assert_eq!(found.method, "");
    // The message of a harmless record is not needed.
    assert_eq!(parse(r#"{"level":"info","msg":"a\n"}"#).message, "");
    assert_eq!(parse(r#"{"msg":"a\n","level":"fatal"}"#).message, "a\n");
    assert_eq!(parse(r#"{"url":"https:\/\/h\/p?q","status":200}"#).path, "/p?q");
    // A key with escapes is no known key.
    assert!(parse_bytes(br#"{"m\u0073g":"x"}"#).is_none());
}

#[test]
fn structure() {
    for line in [
        r#"{"msg":"x"}"#,
        r#"  { "msg" :	"x" , "a" : [ ] , "b" : { } , "c":[1 , {"d":[[]]}] }  "#,
        r#"{"msg":"x","n":[0,-0,10,-1.5,1e5,1E+5,2.25e-10,true,false,null]}"#,
        r#"{"n":123456789012345678901234567890123456789012345678901234567890,"msg":"x"}"#,
        r#"{"n":1234567890123456789012345678901.5e+7,"msg":"x"}"#,
        r#"{"":"","msg":"x"}"#,
        "{\"msg\":\"control \u{1} and \t\"}",
        r#"{"a":{"msg":"}]"},"msg":"x","b":"\\"}"#,
    ] {
        assert!(parse_bytes(line.as_bytes()).is_some(), "{line}");
    }
    assert!(parse_bytes(b"{\"msg\":\"\xff\xfe\"}").is_some());
    for line in [
        "",
        " ",
        "{",
        "}",
        "[]",
        r#"[{"msg":"x"}]"#,
        r#""msg""#,
        r#"{"msg":"x""#,
        r#"{"msg":"x"}}"#,
        r#"{"msg":"x"} {}"#,
        r#"{"msg":"x"} x"#,
        r#"{"msg":"x",}"#,
        r#"{,"msg":"x"}"#,
        r#"{"msg":"x",,"a":1}"#,
        r#"{"msg":"x" "a":1}"#,
        r#"{"msg":"x""a":1}"#,
        r#"{"msg" "x"}"#,
        r#"{"msg"::"x"}"#,
        r#"{"msg":}"#,
        r#"{"msg"}"#,
        r#"{msg:"x"}"#,
        r#"{'msg':'x'}"#,
        r#"{"msg":x}"#,
        r#"{"msg":"x","a":[1,]}"#,
        r#"{"msg":"x","a":[,1]}"#,
        r#"{"msg":"x","a":[1 2]}"#,
        r#"{"msg":"x","a":[1}"#,
        r#"{"msg":"x","a":{1]}"#,
        r#"{"msg":"x","a":{]}"#,
        r#"{"msg":"x","a":[}}"#,
        r#"{"msg":"x","a":["b":1]}"#,
        r#"{"msg":"x","a":tru}"#,
        r#"{"msg":"x","a":nulL}"#,
        r#"{"msg":"x","a":truex}"#,
        r#"{"msg":"x","a":01}"#,
        r#"{"msg":"x","a":-}"#,
        r#"{"msg":"x","a":1.}"#,
        r#"{"msg":"x","a":.5}"#,
        r#"{"msg":"x","a":+1}"#,
        r#"{"msg":"x","a":1e}"#,
        r#"{"msg":"x","a":1e+}"#,
        r#"{"msg":"x","a":1.5.5}"#,
        r#"{"msg":"x","a":0x10}"#,
        r#"{"msg":"x","a":NaN}"#,
        r#"{"msg":"x\"}"#,
        r#"{"msg":"x\q"}"#,
        r#"{"msg":"x\u12"}"#,
        r#"{"msg":"x\u12g4"}"#,
        "{\"msg\":\"x\"\u{0}}",
        "{\"msg\":\"x\"}\u{feff}",
        "\u{feff}{\"msg\":\"x\"}",
    ] {
        assert!(parse_bytes(line.as_bytes()).is_none(), "{line}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |n| format!(r#"{{"msg":"x","a":{}{}}}"#, "[".repeat(n), "]".repeat(n));
    assert!(parse_bytes(nested(DEPTH_MAX - 1).as_bytes()).is_some());
    assert!(parse_bytes(nested(DEPTH_MAX).as_bytes()).is_none());
    assert!(parse_bytes(nested(100_000).as_bytes()).is_none());
}

#[test]
fn heads_are_told_apart() {
    let mut context = context();
    let mut status = |line: &str| parse_in(&mut context, line.as_bytes()).map(|s| s.status);
    // The same bytes behind a bracket and behind a value.
    assert_eq!(status(r#"{"status_code":200}"#), Some(200));
    assert_eq!(status(r#"{"a":{"status_code":200}}"#), None);
    assert_eq!(status(r#"{"res":{"status":201}}"#), Some(201));
    assert_eq!(status(r#"{"req":{"status":201}}"#), None);
    assert_eq!(status(r#"{"a":1,"status_code":202}"#), Some(202));
    assert_eq!(status(r#"{"a":1"status_code":202}"#), None);
    assert_eq!(status(r#"{,"status_code":202}"#), None);
    assert_eq!(status(r#"{"a":1,"status_code" :203}"#), Some(203));
    assert_eq!(status(r#"{"a":1,"status_code":  204}"#), Some(204));
    assert_eq!(status(r#"{"a":1,"status_code":"205"}"#), Some(205));
    // Longer than what is compared in two words, with a difference in the middle.
    assert_eq!(status(r#"{"http.response.status_code":200}"#), Some(200));
    assert_eq!(status(r#"{"http.response_status_code":200}"#), None);
    assert_eq!(status(r#"{"http.rEsponse.status_code":201}"#), Some(201));
    let long = format!(r#"{{"{}":1,"status_code":206}}"#, "k".repeat(300));
    assert_eq!(status(&long), Some(206));
    assert_eq!(status(&long), Some(206));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn order_does_not_matter(order in Just((0..9).collect::<Vec<usize>>()).prop_shuffle()) {
        let members = [
            r#""ts":1706091333.001"#, r#""level":"warn""#, r#""msg":"a\n""#,
            r#""http":{"response":{"status_code":503}}"#, r#""duration_us":12"#,
            r#""req":{"url":"/x","method":"PUT"}"#, r#""client.ip":"1.2.3.4:5""#,
            r#""bytes":7"#, r#""other":[{"a":"}"},null]"#,
        ];
        let line = order.iter().map(|&i| members[i]).collect::<Vec<_>>().join(",");
        prop_assert_eq!(parse(&format!("{{{line}}}")), Said {
            time_ns: TIME_NS,
            level: Level::Warn,
            status: 503,
            duration_ns: 12_000,
            bytes: 7,
            message: "a\n".into(),
            method: "PUT".into(),
            path: "/x".into(),
            client: "1.2.3.4".into(),
        });
    }
}

#[test]
fn a_status_with_its_phrase() {
    let status = |text: &str| {
        parse(&format!(r#"{{"level":"info","method":"GET","path":"/a",{text}}}"#)).status
    };
    for (text, expected) in [
        (r#""status":"200 OK""#, 200),
        (r#""status":"503 Service Unavailable""#, 503),
        (r#""status_code":"500 INTERNAL_SERVER_ERROR""#, 500),
        (r#""http.response.status_code":"203 Non-Authoritative Information""#, 203),
        (r#""response":{"status":"418 I'm a teapot"}"#, 418),
        // As servers, libraries and people have them.
        (r#""status":"499 Client Closed Request""#, 499),
        (r#""status":"416 Requested Range Not Satisfiable""#, 416),
        (r#""status":"520 Web Server Returned an Unknown Error""#, 520),
        (r#""status":"404 NotFound""#, 404),
        (r#""status_code":"404: Not Found""#, 404),
        (r#""status":"502 - Bad Gateway""#, 502),
        (r#""http_status":"HTTP/1.1 502 Bad Gateway""#, 502),
        (r#""status":"HTTP/2 304""#, 304),
        (r#""status":"401 (Unauthorized)""#, 401),
        // Neither a registered status nor a phrase.
        (r#""status":"299 OK""#, NO_STATUS),
        (r#""status":"200 1""#, NO_STATUS),
        (r#""status":"200OK""#, NO_STATUS),
        (r#""status":"200 ""#, NO_STATUS),
        (r#""status":"2000 OK""#, NO_STATUS),
        (r#""status":"HTTP/1.1""#, NO_STATUS),
        (r#""status":"HTTP/one 200 OK""#, NO_STATUS),
        (r#""status":"HTTP/1.1 299""#, NO_STATUS),
        // Counts with their unit.
        (r#""response":"200 ms""#, NO_STATUS),
        (r#""response":"500 bytes""#, NO_STATUS),
        (r#""resp":"500 KB""#, NO_STATUS),
        (r#""status":"500 files left""#, NO_STATUS),
        (r#""status":"226 Transfer complete""#, NO_STATUS),
    ] {
        assert_eq!(status(text), expected, "{text}");
    }
    // Only beside a request.
    assert_eq!(parse(r#"{"level":"info","msg":"job","status":"500 Failed"}"#).status, NO_STATUS);
    let loose = r#"{"level":"info","a":{"method":"GET","path":"/a","status":"502 Bad Gateway"}}"#;
    assert_eq!(parse(loose).status, 502);
}

#[test]
fn times_of_net_and_mongodb() {
    for (time, millis) in [
        (r#""/Date(1706091332123)/""#, Some(1_706_091_332_123)),
        (r#""\/Date(1706091332123)\/""#, Some(1_706_091_332_123)),
        (r#""/Date(1706091332123+0200)/""#, Some(1_706_091_332_123)),
        (r#""\/Date(1706091332123-0530)\/""#, Some(1_706_091_332_123)),
        (r#"{"$date":{"$numberLong":"1706091332123"}}"#, Some(1_706_091_332_123)),
        (r#"{"$date":"2024-01-24T10:15:32.123Z"}"#, Some(1_706_091_332_123)),
        (r#""/Date(-62135596800000)/""#, None),
        (r#""/Date(1706091332123)""#, None),
        (r#""/Date(1706091332123+02)/""#, None),
        (r#""/Date(999999999999999999)/""#, None),
        (r#""/var/log/a""#, None),
    ] {
        let line = format!(r#"{{"level":"info","msg":"x","time":{time}}}"#);
        let expected = millis.map_or(NO_TIME, |millis: i64| millis * 1_000_000);
        assert_eq!(parse(&line).time_ns, expected, "{line}");
    }
}

#[test]
fn levels_of_windows_events() {
    for (line, level) in [
        (
            r#"{"TimeCreated":"2024-01-24T10:15:32Z","Id":41,"Level":1,"LevelDisplayName":"Critical","ProviderName":"K"}"#,
            Level::Fatal,
        ),
        (
            r#"{"TimeCreated":"2024-01-24T10:15:32Z","Id":7000,"Level":2,"LevelDisplayName":null,"ProviderName":"S"}"#,
            Level::Error,
        ),
        (
            r#"{"ProviderName":"S","LevelDisplayName":"","Level":3,"TimeCreated":"2024-01-24T10:15:32Z"}"#,
            Level::Warn,
        ),
        (
            r#"{"TimeCreated":"2024-01-24T10:15:32Z","EventID":7036,"Level":4,"ProviderName":"S"}"#,
            Level::Info,
        ),
        (
            r#"{"TimeGenerated":"2024-01-24T10:15:32Z","EventLevelName":"Error","EventLevel":1}"#,
            Level::Error,
        ),
        (
            r##"{"Event":{"System":{"EventID":41,"Level":1,"Computer":"k"}},"@timestamp":"2024-01-24T10:15:32Z"}"##,
            Level::Fatal,
        ),
        // Without anything of Windows it is not known.
        (r#"{"time":"2024-01-24T10:15:32Z","level":2,"msg":"x"}"#, Level::Other),
    ] {
        let found = parse(line);
        assert_eq!((found.level, found.time_ns), (level, 1_706_091_332_000_000_000), "{line}");
    }
}
