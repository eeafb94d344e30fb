use super::*;
use crate::batch::{
    Batch, ERROR, MEASURED, NO_BYTES, NO_DURATION, NO_STATUS, NO_TIME, REQUEST, TIMED, Text,
};
use crate::format::Format;
use crate::level::Level;
use crate::lines::{PAD, PaddedLine};
use crate::timestamp::Clock;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value as Tree, json};

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

fn context() -> Context {
    Context::new(Clock::utc())
}

fn parse_in(context: &mut Context, bytes: &[u8]) -> Option<Said> {
    let padded = PaddedLine::new(bytes);
    let mut arena = Vec::new();
    let mut record = Record::EMPTY;
    let json: &dyn Format = &Json { names: Names::get() };
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
            r#"{"time":"2024-01-24T10:15:33.001Z","level":"WARN","msg":"slow","method":"GET","path":"/x?y=1","status":200,"duration":1234567}"#,
            Said { message: "slow".into(), ..request(Level::Warn, 200, 1_234_567, get) },
        ),
        // Serilog compact
        (
            r#"{"@t":"2024-01-24T10:15:33.0010000Z","@l":"Error","@m":"HTTP GET","RequestMethod":"GET","RequestPath":"/x?y=1","StatusCode":500,"Elapsed":12.5}"#,
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
            Said { message: "m".into(), ..request(Level::Warn, 404, NO_DURATION, ("", "")) },
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
        (r#""duration":0.5"#, Some(500_000_000)),
        (r#""duration":1.5e-3"#, Some(1_500_000)),
        (r#""duration":5"#, Some(5_000_000)),
        (r#""duration":999999"#, Some(999_999_000_000)),
        (r#""duration":1000000"#, Some(1_000_000)),
        (r#""Duration":5"#, Some(5)),
        (r#""DURATION":5"#, Some(5_000_000)),
        (r#""event.duration":5"#, Some(5)),
        (r#""request_time":2"#, Some(2_000_000_000)),
        (r#""requestTime":"0.5""#, Some(500_000_000)),
        (r#""responseTime":12.5"#, Some(12_500_000)),
        (r#""response_time":5000000"#, Some(5_000_000_000_000)),
        (r#""elapsed":0.5"#, Some(500_000)),
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
        (r#""duration":"1 day""#, None),
        (r#""retry_in":"5s""#, None),
    ] {
        let line = format!(r#"{{"msg":"x",{member}}}"#);
        assert_eq!(parse(&line).duration_ns, nanos.unwrap_or(NO_DURATION), "{member}");
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
    assert_eq!(parse(r#"{"status":"ok","code":404}"#).status, 404);
    assert_eq!(parse(r#"{"code":404,"status":200}"#).status, 200);
    assert!(parse_bytes(br#"{"status":"ok"}"#).is_none());
    assert!(parse_bytes(br#"{"status":600}"#).is_none());
    assert!(parse_bytes(br#"{"status":200.0}"#).is_none());
    assert!(parse_bytes(br#"{"message":5,"level":null,"time":false,"x":1}"#).is_none());
    assert!(parse_bytes(br#"{"a":{"message":"x","status":200}}"#).is_none());
    assert!(parse_bytes(br#"{"fields":[{"message":"x"}]}"#).is_none());
    assert!(parse_bytes(b"{}").is_none());
    assert_eq!(parse(r#"{"level":"audit"}"#).level, Level::Other);
    // The first of two counts.
    assert_eq!(parse(r#"{"status":201,"status":500}"#).status, 201);
    assert_eq!(parse(r#"{"status":null,"status":500}"#).status, 500);
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
    assert_eq!(status(r#"{"status":200}"#), Some(200));
    assert_eq!(status(r#"{"a":{"status":200}}"#), None);
    assert_eq!(status(r#"{"res":{"status":201}}"#), Some(201));
    assert_eq!(status(r#"{"req":{"status":201}}"#), None);
    assert_eq!(status(r#"{"a":1,"status":202}"#), Some(202));
    assert_eq!(status(r#"{"a":1"status":202}"#), None);
    assert_eq!(status(r#"{,"status":202}"#), None);
    assert_eq!(status(r#"{"a":1,"status" :203}"#), Some(203));
    assert_eq!(status(r#"{"a":1,"status":  204}"#), Some(204));
    assert_eq!(status(r#"{"a":1,"status":"205"}"#), Some(205));
    // Longer than what is compared in two words, with a difference in the middle.
    assert_eq!(status(r#"{"http.response.status_code":200}"#), Some(200));
    assert_eq!(status(r#"{"http.response_status_code":200}"#), None);
    assert_eq!(status(r#"{"http.rEsponse.status_code":201}"#), Some(201));
    let long = format!(r#"{{"{}":1,"status":206}}"#, "k".repeat(300));
    assert_eq!(status(&long), Some(206));
    assert_eq!(status(&long), Some(206));
}

/// Objects as logs have them, with known and unknown keys, nested a little.
fn trees() -> impl Strategy<Value = Tree> {
    let scalar = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        (0u32..1000).prop_map(Tree::from),
        any::<f64>().prop_map(Tree::from),
        "[a-z ]{0,40}".prop_map(Tree::from),
        any::<String>().prop_map(Tree::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "time",
            "level",
            "msg",
            "status",
            "duration",
            "path",
            "http",
            "response",
            "request",
            "fields",
            "a",
            "status_code",
            "a-long-key-that-nobody-knows-at-all",
        ])
        .prop_map(String::from),
        "[a-z\"\\\\é]{0,10}",
    ];
    let value = scalar.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::vec(("[a-z_]{1,12}", value), 0..8).prop_map(|members| {
        let mut tree = json!({ "msg": "x" });
        for (key, value) in members {
            tree[key.as_str()] = value;
        }
        // Whatever the members are called: so there is something usable.
        tree["message"] = "x".into();
        tree
    })
}

/// The text of a tree, compact or with blanks, in which control characters are escaped.
fn texts() -> impl Strategy<Value = String> {
    (trees(), any::<bool>()).prop_map(|(tree, blanks)| {
        let text = tree.to_string();
        if blanks { text.replace("\":", "\": ").replace(",\"", ", \"") } else { text }
    })
}

/// A value of a member, drawn anew for each line.
#[derive(Debug, Clone, Copy)]
struct Slot {
    key: &'static str,
    /// Strings, numbers or words; or what mostly stands under such keys.
    values: &'static [&'static str],
}

const TIMES: &[&str] = &[
    r#""2024-01-24T10:15:33.001Z""#,
    r#""2024-01-24T10:15:59.999Z""#,
    r#""2024-01-24T10:15:33.001""#,
    r#""2024-01-24T10:15:33,001Z""#,
    r#""2024-01-24 10:15:07.120""#,
    r#""2024-01-24 10:16:33.001""#,
    r#""2024-01-24T10:15:60.001Z""#,
    r#""2024-01-24T10:15:33.001X""#,
    r#""2024-01-24T10:15:33.001ZZ""#,
    r#""2024-01-24T10:15:33Z""#,
    r#""2024-01-24T10:15:33.001+01:00""#,
    r#""2024-01-24T10:15:33.123456Z""#,
    r#""24/Jan/2024:10:15:33 +0000""#,
    r#""1706091333.5""#,
    r#""""#,
];
const WORDS: &[&str] = &[
    r#""INFO""#,
    r#""ERROR""#,
    r#""warn""#,
    r#""debug""#,
    r#""E""#,
    r#""D1""#,
    r#""audit""#,
    r#""""#,
    r#""critical""#,
    r#""INF\u004f""#,
    r#""INFO+2""#,
];
const TEXTS: &[&str] = &[
    r#""Request processed""#,
    r#""""#,
    r#""a \"quoted\" text\n""#,
    r#""a text of more than sixty-four bytes, which is about as long as messages are""#,
    r#""and one with an escape behind that, at more than sixty-four bytes: \\""#,
    r#""wrong \q""#,
    "\"bytes \u{1} é\"",
];
const PATHS: &[&str] = &[
    r#""/a/b""#,
    r#""/item/1?x=y""#,
    r#""https://host:8080/p?q""#,
    r#""a""#,
    r#""""#,
    r#""\/a\/b""#,
    r#""GET /x HTTP/1.1""#,
    r#""POST http://h/x HTTP/1.0""#,
    r#""-""#,
    r#""/x y""#,
];
const METHODS: &[&str] =
    &[r#""GET""#, r#""POST""#, r#""DELETE""#, r#""get""#, r#""""#, r#""G-T""#, r#""PROPFIND""#];
const CLIENTS: &[&str] = &[
    r#""1.2.3.4""#,
    r#""1.2.3.4:80""#,
    r#""[::1]:80""#,
    r#""2001:db8::1""#,
    r#""-""#,
    r#""""#,
    r#""h""#,
    r#""1.2.3.4, 5.6.7.8""#,
    r#""a-host-with-a-name-of-many-bytes.example.org""#,
];
const NUMBERS: &[&str] = &[
    "0",
    "7",
    "200",
    "404",
    "503",
    "600",
    "99",
    "30",
    "91.2",
    "0.033",
    "12.345678",
    "123456.7",
    "1234567",
    "12345678",
    "100000",
    "1706091333.001",
    "1706091333001",
    "1e3",
    "1.5e-3",
    "-1",
    "0.0000001",
    "1.",
    "01",
    "00.5",
    "200.0",
    "2e2",
    "123456789012345678901234567890123",
    "1.2.3",
];
const USUAL: &[&str] = &[
    "30",
    "50",
    "1706091333.001",
    "1706091333001",
    "7",
    "999",
    "10000",
    "1000000",
    "99",
    "80",
    "300",
    "1706091333.1234567",
    "99999999.5",
    "3e1",
    "30.0",
];
const NUMBERS_AS_TEXT: &[&str] =
    &[r#""200""#, r#""12ms""#, r#""0.005""#, r#""1m2s""#, r#""430\u00b5s""#, r#""-""#, r#""""#];
const OTHERS: &[&str] = &["true", "false", "null", "[]", "{}", "nul", "truer"];

/// What lines repeat: white space, and members with the values they may have.
#[derive(Debug, Clone)]
struct LineShape {
    slots: Vec<Slot>,
    spaced: bool,
    around: &'static str,
}

fn shapes() -> impl Strategy<Value = LineShape> {
    let keys = |keys: &[&'static str]| prop::sample::select(keys.to_vec());
    let slot = prop_oneof![
        (keys(&["time", "ts", "@timestamp", "created"]), keys_of(&[TIMES, NUMBERS])),
        (keys(&["level", "severity", "l", "at"]), keys_of(&[WORDS, WORDS, NUMBERS])),
        (keys(&["msg", "message", "event", "error"]), keys_of(&[TEXTS])),
        (keys(&["status", "code", "res.status"]), keys_of(&[NUMBERS, NUMBERS_AS_TEXT])),
        (
            keys(&[
                "duration",
                "Duration",
                "duration_ms",
                "elapsed",
                "latency_human",
                "took",
                "request_time",
                "duration_us",
                "time_ms",
                "duration_ns",
                "duration_s",
            ]),
            keys_of(&[NUMBERS, NUMBERS, NUMBERS_AS_TEXT]),
        ),
        (keys(&["method", "verb", "http.method"]), keys_of(&[METHODS])),
        (keys(&["path", "url", "route", "request"]), keys_of(&[PATHS])),
        (keys(&["client", "ip", "x_forwarded_for", "remote_addr"]), keys_of(&[CLIENTS])),
        (keys(&["bytes", "size", "bytes_sent"]), keys_of(&[NUMBERS, NUMBERS_AS_TEXT])),
        (keys(&["level", "severity", "time", "ts", "took", "latency"]), keys_of(&[USUAL])),
        (
            keys(&["a", "controller", "a-key-of-more-than-thirty-two-bytes-and-then-some"]),
            keys_of(&[TEXTS, NUMBERS, OTHERS, WORDS]),
        ),
    ]
    .prop_map(|(key, values)| Slot { key, values });
    let around = prop::sample::select(vec!["", "", "", " ", "\r"]);
    (prop::collection::vec(slot, 1..9), any::<bool>(), around)
        .prop_map(|(slots, spaced, around)| LineShape { slots, spaced, around })
}

fn keys_of(
    lists: &[&'static [&'static str]],
) -> impl Strategy<Value = &'static [&'static str]> + use<> {
    prop::sample::select(lists.to_vec())
}

/// A line of the shape; mostly with values of the first kinds in their lists.
fn line_of_shape(shape: &LineShape, mut seed: u64) -> Vec<u8> {
    let (comma, colon) = if shape.spaced { (", ", ": ") } else { (",", ":") };
    let mut line = format!("{}{{", shape.around);
    for (i, slot) in shape.slots.iter().enumerate() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
        let most = if seed >> 60 == 0 { slot.values.len() } else { slot.values.len().min(5) };
        let value = slot.values[(seed >> 33) as usize % most];
        let comma = if i == 0 { "" } else { comma };
        // Every fifth member stands in an object that may mean something.
        let (open, close) = match slot.key.len() % 5 {
            0 => (r#""http":{"#, "}"),
            _ => ("", ""),
        };
        line += &format!(r#"{comma}{open}"{}"{colon}{value}{close}"#, slot.key);
    }
    line += "}";
    line += shape.around;
    line.into_bytes()
}

#[derive(Debug, Clone)]
enum Mutation {
    None,
    Put(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let byte = || {
        prop_oneof![
            prop::sample::select(br#"{}[]",:\ 0123456789.eE+-tfnuZT"#.to_vec()),
            any::<u8>(),
        ]
    };
    prop_oneof![
        5 => Just(Mutation::None),
        1 => (any::<Index>(), byte()).prop_map(|(at, byte)| Mutation::Put(at, byte)),
        1 => (any::<Index>(), byte()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => any::<Index>().prop_map(Mutation::Remove),
        1 => any::<Index>().prop_map(Mutation::Cut),
    ]
}

impl Mutation {
    fn apply(&self, mut line: Vec<u8>) -> Vec<u8> {
        match self {
            Mutation::None => {}
            Mutation::Put(at, byte) => {
                let at = at.index(line.len());
                line[at] = *byte;
            }
            Mutation::Insert(at, byte) => line.insert(at.index(line.len()), *byte),
            Mutation::Remove(at) => {
                line.remove(at.index(line.len()));
            }
            Mutation::Cut(at) => line.truncate(at.index(line.len())),
        }
        line
    }
}

/// What the lines of a block say, each on its own, when they are parsed in a run.
fn parse_block(context: &mut Context, lines: &[Vec<u8>]) -> Vec<Option<Said>> {
    let mut block = vec![0; PAD];
    let mut ends = Vec::new();
    for line in lines {
        block.extend_from_slice(line);
        ends.push(block.len() as u32);
        block.push(b'\n');
    }
    block.resize(block.len() + PAD, 0);
    let json: &dyn Format = &Json { names: Names::get() };
    let mut batch = Batch::new();
    let mut found = Vec::new();
    let (mut next, mut start, mut row) = (0, PAD as u32, 0);
    while next < ends.len() {
        let mut run = Run::new(&block, &ends, (next, start), &mut batch, context);
        json.parse_run(&mut run);
        (next, start) = (run.next, run.start);
        while row < batch.len {
            found.push(Some(said_in_row(&batch, &block, row)));
            row += 1;
        }
        if batch.is_full() {
            batch.clear();
            row = 0;
        } else if next < ends.len() {
            found.push(None);
            // A row of another format, which writes some columns only.
            let second = TIME_NS / 1_000_000_000;
            let record = Record { time_ns: TIME_NS, second, ..Record::EMPTY };
            batch.push(Columns::TIME, &record, start, 0);
            let said = said_in_row(&batch, &block, row);
            assert_eq!(said, Said { time_ns: TIME_NS, ..NOTHING });
            row += 1;
            (next, start) = (next + 1, ends[next] + 1);
            if batch.is_full() {
                batch.clear();
                row = 0;
            }
        }
    }
    found
}

fn said_in_row(batch: &Batch, block: &[u8], row: usize) -> Said {
    let text = |t: Text| String::from_utf8_lossy(t.bytes(block, &batch.arena)).into_owned();
    let said = Said {
        time_ns: batch.time_ns[row],
        level: Level::from_u8(batch.level[row]).unwrap(),
        status: batch.status[row],
        duration_ns: batch.duration_ns[row],
        bytes: batch.bytes_sent[row],
        message: text(batch.message[row]),
        method: text(batch.method[row]),
        path: text(batch.path[row]),
        client: text(batch.client[row]),
    };
    let timed = said.time_ns != NO_TIME;
    let measured = said.duration_ns != NO_DURATION;
    let request = measured || said.status != NO_STATUS;
    let error = said.level >= Level::Error || said.status / 100 == 5;
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(timed, TIMED) | flag(measured, MEASURED);
    let flags = flags | flag(request, REQUEST) | flag(error, ERROR);
    assert_eq!(batch.flags[row], flags);
    if timed {
        assert_eq!(batch.second[row], said.time_ns.div_euclid(1_000_000_000));
    }
    said
}

#[test]
fn lines_of_known_shapes_are_read_by_them() {
    let mut context = context();
    let hits = |context: &Context| context.shapes.as_ref().unwrap().hits();
    for (i, (time, path, ms)) in [
        ("2024-01-24T10:15:33.001Z", "/a", "7"),
        ("2024-01-24T10:15:34.001Z", "/a/b?c=d", "91.2"),
        ("2024-01-24T10:16:33.001Z", "https://host/x", "1234567.25"),
        ("2024-01-24T10:16:33Z", "/a", "0"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = format!(
            r#"{{"time":"{time}","level":"info","ok":true,"http":{{"method":"GET","path":"{path}","status":200}},"n":[1,2.5],"duration_ms":{ms},"msg":"a\\b"}}"#
        );
        let found = parse_in(&mut context, line.as_bytes()).unwrap();
        assert_eq!((found.status, found.method.as_str()), (200, "GET"));
        assert_eq!(hits(&context), i as u32, "{line}");
    }
    // Two shapes by turns are two shapes.
    let before = hits(&context);
    for _ in 0..4 {
        parse_in(&mut context, br#"{"msg":"x"}"#);
        parse_in(&mut context, br#"{"msg":"x","status":200}"#);
    }
    assert!(hits(&context) >= before.min(1) + 2);
}

#[test]
fn lines_of_one_shape_are_read_in_groups() {
    let lines: Vec<Vec<u8>> = (0..1_000)
        .map(|i| format!(r#"{{"ts":{}.25,"level":30,"msg":"x","took":{i}}}"#, 1_706_091_333 + i))
        .map(String::into_bytes)
        .collect();
    let mut context = context();
    let found = parse_block(&mut context, &lines);
    for (i, found) in found.into_iter().enumerate() {
        let found = found.unwrap();
        assert_eq!(found.duration_ns, i as u64 * 1_000_000);
        assert_eq!(found.level, Level::Info);
    }
    assert_eq!(context.shapes.as_ref().unwrap().hits(), 999);
}

#[test]
fn what_has_no_shape_is_soon_left_alone() {
    let mut context = context();
    for i in 0..2_000 {
        let line = format!(r#"{{"k{i}":1,"status":200}}"#);
        assert_eq!(parse_in(&mut context, line.as_bytes()).unwrap().status, 200);
    }
    assert!(context.shapes.as_ref().unwrap().is_pausing());
    // And taken up again.
    for _ in 0..5_000 {
        parse_in(&mut context, br#"{"status":200}"#);
    }
    assert!(context.shapes.as_ref().unwrap().hits() > 0);
}

/// Whether serde_json takes the line for an object.
fn is_object(bytes: &[u8]) -> bool {
    let mut begin = bytes.iter().filter(|b| !b.is_ascii_whitespace());
    begin.next() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// The line up to differences that are allowed: inside of strings and outside, bytes that
/// serde_json rejects and this parser tolerates in strings become `?`, which neither takes
/// outside of strings.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let clean = |&b: &u8| if (0x20..0x7f).contains(&b) { b } else { b'?' };
    bytes.iter().map(clean).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        parse_bytes(&bytes);
        parse_bytes(&[b"{\"msg\":\"x\",", &bytes[..], b"}"].concat());
    }

    #[test]
    fn likely_bytes_are_survived(text in "[\\{\\}\\[\\]\",:\\\\ u0-9a-fx.é-]{0,200}") {
        parse_bytes(format!("{{\"msg\":\"x\",{text}}}").as_bytes());
        let line = format!("{{\"msg\":\"{text}\"}}");
        let plain = plain(line.as_bytes());
        prop_assert_eq!(parse_bytes(&plain).is_some(), is_object(&plain));
    }

    #[test]
    fn objects_are_records(text in texts()) {
        prop_assert!(parse_bytes(text.as_bytes()).is_some(), "{}", text);
    }

    #[test]
    fn truncated_objects_are_none(text in texts(), at: Index) {
        let bytes = &text.as_bytes()[..at.index(text.len())];
        prop_assert!(parse_bytes(bytes).is_none());
    }

    #[test]
    fn mutated_objects_are_those_of_serde_json(
        text in texts(),
        at: Index,
        byte in prop_oneof![
            prop::sample::select(br#"{}[]",:\ 0123456789.eE+-tfnu"#.to_vec()),
            0x20u8..0x7f,
        ],
        kind in 0..3,
    ) {
        let mut bytes = plain(text.as_bytes());
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        // A mutation may hit the only usable value, so ask with one in front as well.
        let valid = is_object(&bytes);
        prop_assert!(parse_bytes(&bytes).is_none() || valid);
        let mut with = b"{\"msg\":\"x\",".to_vec();
        let start = bytes.iter().position(|&b| b == b'{').unwrap_or(0);
        with.extend_from_slice(&bytes[start + 1..]);
        prop_assert_eq!(
            parse_bytes(&with).is_some(), is_object(&with), "{}", String::from_utf8_lossy(&with)
        );
    }

    #[test]
    fn what_stands_around_the_line_does_not_matter(
        text in texts(),
        from: Index,
        to: Index,
        around in "[\\{\\}\\[\\]\",:\\\\ u0-9a-fx.e-]{64}",
    ) {
        let text = text.as_bytes();
        let (from, to) = (from.index(text.len()), to.index(text.len()) + 1);
        for (from, to) in [(0, text.len()), (0, to), (from, text.len()), (from.min(to), to)] {
            let block = [around.as_bytes(), text, around.as_bytes()].concat();
            let line = Line::new(&block, PAD + from, PAD + to);
            let mut record = Record::EMPTY;
            let json: &dyn Format = &Json { names: Names::get() };
            let found = json.parse_line(line, &mut context(), &mut Vec::new(), &mut record);
            let expected = parse_bytes(&text[from..to]);
            prop_assert_eq!(found, expected.is_some());
            if let Some(expected) = expected {
                prop_assert_eq!(record.time_ns, expected.time_ns);
                prop_assert_eq!(record.level, expected.level);
                prop_assert_eq!(record.status, expected.status);
                prop_assert_eq!(record.duration_ns, expected.duration_ns);
                prop_assert_eq!(record.path.is_empty(), expected.path.is_empty());
            }
        }
    }

    #[test]
    fn remembered_heads_do_not_show(lines in prop::collection::vec(texts(), 1..6)) {
        let mut shared = context();
        for _ in 0..2 {
            for line in &lines {
                let alone = parse_in(&mut context(), line.as_bytes());
                prop_assert_eq!(parse_in(&mut shared, line.as_bytes()), alone);
            }
        }
    }

    #[test]
    fn shapes_do_not_show(
        (shapes, draws) in prop::collection::vec(shapes(), 1..4).prop_flat_map(|shapes| {
            let draw = (0..shapes.len(), any::<u64>(), mutations());
            (Just(shapes), prop::collection::vec(draw, 1..24))
        }),
    ) {
        let mut shared = context();
        let mut with_all = context();
        with_all.all_messages = true;
        for (shape, seed, mutation) in draws {
            let line = mutation.apply(line_of_shape(&shapes[shape], seed));
            let alone = parse_in(&mut context(), &line);
            let text = || String::from_utf8_lossy(&line).into_owned();
            prop_assert_eq!(&parse_in(&mut shared, &line), &alone, "{}", text());
            // Once more, when its own shape may have been learnt.
            prop_assert_eq!(&parse_in(&mut shared, &line), &alone, "{}", text());
            let mut fresh = context();
            fresh.all_messages = true;
            let alone = parse_in(&mut fresh, &line);
            prop_assert_eq!(&parse_in(&mut with_all, &line), &alone, "{}", text());
        }
    }

    #[test]
    fn groups_do_not_show(
        (shapes, draws) in prop::collection::vec(shapes(), 1..4).prop_flat_map(|shapes| {
            let count = shapes.len();
            // Mostly the first shape, mostly without a mutation.
            let mutation = prop_oneof![30 => Just(Mutation::None), 1 => mutations()];
            let draw = (prop_oneof![4 => Just(0), 1 => 0..count], any::<u64>(), mutation);
            (Just(shapes), prop::collection::vec(draw, 1..300))
        }),
        all_messages: bool,
        carriage_returns: bool,
    ) {
        let mut lines = Vec::new();
        for (shape, seed, mutation) in draws {
            let mut line = mutation.apply(line_of_shape(&shapes[shape], seed));
            line.iter_mut().filter(|b| **b == b'\n').for_each(|b| *b = b' ');
            if carriage_returns {
                line.push(b'\r');
            }
            lines.push(line);
        }
        let mut context = context();
        context.all_messages = all_messages;
        let found = parse_block(&mut context, &lines);
        prop_assert_eq!(found.len(), lines.len());
        for (line, found) in lines.iter().zip(found) {
            let mut alone = self::context();
            alone.all_messages = all_messages;
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            let expected = if text.is_empty() { None } else { parse_in(&mut alone, text) };
            prop_assert_eq!(found, expected, "{}", String::from_utf8_lossy(line));
        }
    }

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
