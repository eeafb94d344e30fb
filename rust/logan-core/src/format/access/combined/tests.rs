use super::*;
use crate::bytes::line::{PAD, PaddedLine};
use crate::bytes::simd::Plain;
use crate::format::Context;
use crate::format::access::tail::{bare_time, short_seconds_at};
use crate::format::units::{Bare, TailColumn};
use crate::format::{DurationReading, Params, Unit};
use crate::record::{NO_BYTES, NO_DURATION, NO_TIME};
use proptest::prelude::*;

/// What a line says, with its texts.
#[derive(Debug, Clone, PartialEq)]
struct Said {
    format: &'static str,
    time_ns: i64,
    status: u16,
    bytes_sent: Option<u64>,
    duration_ns: Option<u64>,
    method: Vec<u8>,
    path: Vec<u8>,
    client: Vec<u8>,
}

const ENTRIES: [&Entry; 5] = [&COMBINED, &COMMON, &BARE, &TRAEFIK, &INGRESS_NGINX];

fn context() -> Context {
    Context::new(TimestampParser::utc())
}

fn say_with(entry: &Entry, line: Line<'_>, reading: &DurationReading) -> Option<Said> {
    let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
    let format = (entry.build)(&Params::default());
    let mut context = context();
    context.read_durations(reading);
    if !format.parse_line(line, &mut context, &mut arena, &mut record) {
        return None;
    }
    let bytes = line.bytes();
    assert!(format.may_begin_with(bytes[0]), "the filter must let every record through");
    assert!(record.time_ns != NO_TIME);
    assert_eq!(record.second, record.time_ns.div_euclid(1_000_000_000));
    let text = |text: Text| text.bytes(bytes, &arena).to_vec();
    Some(Said {
        format: entry.info.name,
        time_ns: record.time_ns,
        status: record.status,
        bytes_sent: Some(record.bytes_sent).filter(|&b| b != NO_BYTES),
        duration_ns: Some(record.duration_ns).filter(|&d| d != NO_DURATION),
        method: text(record.method),
        path: text(record.path),
        client: text(record.client),
    })
}

/// The one format that takes the line.
fn say(bytes: &[u8]) -> Option<Said> {
    say_read(bytes, &DurationReading::default())
}

fn say_read(bytes: &[u8], reading: &DurationReading) -> Option<Said> {
    let padded = PaddedLine::new(bytes);
    let said: Vec<_> =
        ENTRIES.into_iter().filter_map(|entry| say_with(entry, padded.line(), reading)).collect();
    assert!(said.len() < 2, "two formats take the line: {said:?}");
    said.into_iter().next()
}

fn said(line: &str) -> Said {
    say(line.as_bytes()).unwrap_or_else(|| panic!("not a record: {line}"))
}

const HEAD: &str = "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000]";
const MS: u64 = 1_000_000;

fn duration(tail: &str) -> Option<u64> {
    let common = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5{tail}"));
    let combined = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\"{tail}"));
    assert_eq!((common.format, combined.format), ("common", "combined"), "{tail}");
    assert_eq!(common.duration_ns, combined.duration_ns, "{tail}");
    combined.duration_ns
}

#[test]
fn examples_of_vendors() {
    // Apache's manual.
    let line = "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \
                \"GET /apache_pb.gif HTTP/1.0\" 200 2326";
    let expected = Said {
        format: "common",
        time_ns: 971_211_336_000_000_000,
        status: 200,
        bytes_sent: Some(2326),
        duration_ns: None,
        method: b"GET".to_vec(),
        path: b"/apache_pb.gif".to_vec(),
        client: b"127.0.0.1".to_vec(),
    };
    assert_eq!(said(line), expected);
    let line = format!(
        "{line} \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\""
    );
    assert_eq!(said(&line), Said { format: "combined", ..expected });

    // ingress-nginx's default.
    let line = "10.0.0.5 - - [24/Jan/2024:10:15:32 +0000] \"POST /cart HTTP/2.0\" 201 12 \
                \"-\" \"k6/0.49\" 614 0.037 [shop-cart-80] [] 10.42.0.9:8080 12 0.036 201 \
                6fd1";
    assert_eq!(said(line).duration_ns, Some(37 * MS));

    // Traefik's CLF.
    let line = "10.0.0.5 - - [24/Jan/2024:10:15:32 +0000] \"GET /a HTTP/1.1\" 200 12 \
                \"-\" \"-\" 42 \"web@docker\" \"http://10.0.0.9:80\" 105ms";
    assert_eq!(said(line).duration_ns, Some(105 * MS));

    // The bare one of the commission.
    let line = "192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms";
    let expected = Said {
        format: "access",
        time_ns: 1_706_091_333_125_000_000,
        status: 200,
        bytes_sent: None,
        duration_ns: Some(105 * MS),
        method: b"GET".to_vec(),
        path: b"/api/data".to_vec(),
        client: b"192.168.1.1".to_vec(),
    };
    assert_eq!(said(line), expected);
    assert_eq!(said(&format!("{line} req-17 [worker 4]")), expected);
    for entry in ENTRIES {
        assert_eq!(said(entry.info.example).format, entry.info.name);
    }
}

#[test]
fn clients() {
    let client = |head: &str| {
        let line = format!("{head} [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5");
        say(line.as_bytes()).map(|said| String::from_utf8(said.client).unwrap())
    };
    let some = |client: &str| Some(client.to_string());
    assert_eq!(client("2001:db8::1 - -"), some("2001:db8::1"));
    assert_eq!(client("[2001:db8::1] - -"), some("2001:db8::1"));
    assert_eq!(client("[2001:DB8:0::1]:443 - -"), some("2001:db8::1"));
    assert_eq!(client("::ffff:192.0.2.7 - -"), some("192.0.2.7"));
    assert_eq!(client("::1 - -"), some("::1"));
    assert_eq!(client("host.example.com ident alice"), some("host.example.com"));
    assert_eq!(client("- - -"), some(""));
    assert_eq!(client("unix: - -"), some("unix:"));
    assert_eq!(client("192.0.2.7 - Alice B. Carroll"), some("192.0.2.7"));
    assert_eq!(client("192.0.2.7:80 - Alice B."), some("192.0.2.7"));
    assert_eq!(client("192.0.2.7:80 - -"), some("192.0.2.7"));
    assert_eq!(client("www.example.com:443 192.0.2.7 - -"), some("192.0.2.7"));
    assert_eq!(client("[2001:db8::1]:443 ::1 - al ice"), some("::1"));
    assert_eq!(client("www.example.com 192.0.2.7 - -"), some("192.0.2.7"));
    assert_eq!(client("www.example.com 2001:db8::1 - -"), some("2001:db8::1"));
    assert_eq!(client("- 192.0.2.7 - -"), some("192.0.2.7"));
    assert_eq!(client("203.0.113.9 192.0.2.7 - -"), some("203.0.113.9"));
    assert_eq!(client("203.0.113.9, 10.0.0.1 - -"), some("203.0.113.9"));
    assert_eq!(client("unknown, 203.0.113.9, 10.0.0.1 - -"), some("unknown"));
    assert_eq!(client("2001:db8::1, 10.0.0.1 10.0.0.2 - -"), some("2001:db8::1"));
    assert_eq!(client("www.example.com:443456 192.0.2.7 - -"), some("192.0.2.7"));
    assert_eq!(client("INFO:werkzeug:192.0.2.7 - -"), some("192.0.2.7"));
    assert_eq!(client("WARNING:gunicorn.access:::1 - -"), some("::1"));
    assert_eq!(client("INFO::192.0.2.7 - -"), some("INFO::192.0.2.7"));
    assert_eq!(client("HOST:a:b - -"), some("HOST:a:b"));
    // The time and level of a logger before it count: the line is one of `request`.
    assert_eq!(client("2024-01-24 10:15:32,1 - werkzeug - INFO - 192.0.2.7 - -"), None);
    assert_eq!(client("www.example.com:443456 a - -"), some("www.example.com:443456"));
    let long = "u ".repeat(240);
    assert_eq!(client(&format!("192.0.2.7 - {long}")), some("192.0.2.7"));
    assert_eq!(client(&format!("192.0.2.7 - {long}{long}")), None);
    assert_eq!(client("192.0.2.7 -"), None);
    assert_eq!(client(" - - -"), None);
    assert_eq!(client("\"192.0.2.7 - -"), None);
}

#[test]
fn requests() {
    let route = |request: &str| {
        let said = said(&format!("{HEAD} \"{request}\" 400 -"));
        assert_eq!(said.bytes_sent, None);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(said.method), text(said.path))
    };
    let some = |method: &str, path: &str| (method.to_string(), path.to_string());
    assert_eq!(route("GET /a?b=c&d HTTP/1.1"), some("GET", "/a?b=c&d"));
    assert_eq!(route("GET /"), some("GET", "/"));
    assert_eq!(route("GET /a b"), some("GET", "/a b"));
    assert_eq!(route("GET /a b HTTP/1.1"), some("GET", "/a b"));
    assert_eq!(route("get http://example.com/x HTTP/3"), some("get", "/x"));
    assert_eq!(route("GET http://example.com HTTP/1.1"), some("GET", "/"));
    assert_eq!(route("CONNECT example.com:443 HTTP/1.1"), some("CONNECT", "example.com:443"));
    assert_eq!(route("OPTIONS * HTTP/1.0"), some("OPTIONS", "*"));
    assert_eq!(route("M-SEARCH * HTTP/1.1"), some("M-SEARCH", "*"));
    assert_eq!(route("SSTP_DUPLEX_POST /sra/ HTTP/1.1"), some("SSTP_DUPLEX_POST", "/sra/"));
    assert_eq!(route("ABCDEFGHIJKLMNOPQRST / HTTP/1.1"), some("ABCDEFGHIJKLMNOPQRST", "/"));
    assert_eq!(route(r#"GET /\"q\" HTTP/1.1"#), some("GET", r#"/\"q\""#));
    assert_eq!(route(r"GET /q\\"), some("GET", r"/q\\"));
    // Slashes as JSON may have them.
    assert_eq!(route(r"GET \/a\/b?c=\/d HTTP\/1.1"), some("GET", "/a/b?c=/d"));
    assert_eq!(route(r"PUT \/ HTTP/1.1"), some("PUT", "/"));
    assert_eq!(route(r"GET \/a b"), some("GET", "/a b"));
    assert_eq!(route(r"GET /a\/b HTTP/1.1"), some("GET", r"/a\/b"));
    assert_eq!(route(r"\/a HTTP\/1.1"), some("", ""));
    let none = [
        "",
        "-",
        "\\x16\\x03\\x01",
        "GET",
        "GET ",
        "GET  HTTP/1.1",
        "GET HTTP/1.1",
        "quit",
        "t3 12.1.2",
        "hello world",
        " / HTTP/1.1",
        "ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1",
        "G\u{e9}T / HTTP/1.1",
        "\u{16}\u{3}\u{1}",
    ];
    for request in none {
        assert_eq!(route(request), some("", ""), "{request}");
    }
}

#[test]
fn quotes_that_nobody_escaped() {
    let line = |request: &str, agent: &str, tail: &str| {
        said(&format!("{HEAD} \"{request}\" 200 5 \"-\" \"{agent}\"{tail}"))
    };
    let path = |request: &str| String::from_utf8(line(request, "-", "").path).unwrap();
    assert_eq!(path("GET /a\"b HTTP/1.1"), "/a\"b");
    assert_eq!(path("GET /?q=\"x y\" HTTP/1.1"), "/?q=\"x y\"");
    assert_eq!(path("GET /a\" 200 x HTTP/1.1"), "/a\" 200 x");
    for agent in ["Mozilla \"x\" y", "\"", "x\"y\"z", "a \"b\" \"c"] {
        let said = line("GET / HTTP/1.1", agent, " 0.123");
        assert_eq!((said.format, said.duration_ns), ("combined", Some(123 * MS)), "{agent}");
    }
    let said = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"http://x/\"q\" \"curl\" 0.123"));
    assert_eq!((said.format, said.duration_ns), ("combined", Some(123 * MS)));
    // More quotes than are tried.
    let many = "\"x".repeat(65);
    assert_eq!(say(format!("{HEAD} \"GET /{many} HTTP/1.1\" 200 5").as_bytes()), None);
}

#[test]
fn statuses_and_sizes_that_are_none() {
    let rest = |rest: &str| {
        let said = said(&format!("{HEAD} \"GET / HTTP/1.1\" {rest} \"-\" \"-\""));
        assert_eq!(said.path, b"/");
        (said.status, said.bytes_sent)
    };
    assert_eq!(rest("- 5"), (NO_ANSWER, Some(5)));
    assert_eq!(rest("0 5031"), (NO_ANSWER, Some(5031)));
    assert_eq!(rest("0 0"), (NO_ANSWER, Some(0)));
    assert_eq!(rest("0 -"), (NO_ANSWER, None));
    assert_eq!(rest("- -"), (NO_ANSWER, None));
    assert_eq!(rest("000 -"), (NO_ANSWER, None));
    assert_eq!(rest("408 12345678901234567890"), (408, None));
    // A time before the status.
    for rest in ["0 200", "0 503 \"-\" \"x\"", "0 200 512", "0 200 512 \"-\" \"x\""] {
        let line = format!("{HEAD} \"GET / HTTP/1.1\" {rest}");
        assert_eq!(say(line.as_bytes()), None, "{rest}");
    }
}

#[test]
fn tails_of_others() {
    let format = |tail: &str| said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"{tail}"));
    for (tail, name, millis) in [
        (" 7 \"a@b\" \"http://h\" 12ms", "traefik", Some(12)),
        (" 7 - - 12ms", "traefik", Some(12)),
        (" 7 \"a@b\" - 0ms", "traefik", Some(0)),
        (" 7 - \"-\" 12ms", "traefik", Some(12)),
        (" 7 - - 12", "combined", None),
        (" 7 -- - 12ms", "combined", Some(12)),
        (" 7 \"a@b\" \"http://h\" 12ms x", "combined", Some(12)),
        (" 7 \"a@b\" 12", "combined", None),
        (" 614 0.037 [a-b-80] [] 10.0.0.1:80", "ingress-nginx", Some(37)),
        (" 614 0.037 x", "combined", Some(37)),
        (" \"-\" 614 0.037 [", "ingress-nginx", Some(37)),
    ] {
        let said = format(tail);
        // Else nothing says what the 7 is.
        let nanos = millis.map(|m: u64| m * MS);
        assert_eq!((said.format, said.duration_ns), (name, nanos), "{tail}");
    }
}

#[test]
fn response_times() {
    assert_eq!(duration(" 0.123"), Some(123 * MS));
    assert_eq!(duration(" 0.000"), Some(0));
    assert_eq!(duration(" 123456.500 x"), Some(123_456_500 * MS));
    assert_eq!(duration(" 105ms"), Some(105 * MS));
    assert_eq!(duration(" 2.5us"), Some(2_500));
    assert_eq!(duration(" 1.4ns"), Some(1));
    assert_eq!(duration(" 1.5ns"), Some(2));
    assert_eq!(duration(" 7\u{b5}s"), Some(7_000));
    assert_eq!(duration(" 7\u{3bc}s 8s"), Some(7_000));
    assert_eq!(duration(" 3s"), Some(3_000 * MS));
    assert_eq!(duration(" rt=0.123 uct=0.001"), Some(123 * MS));
    assert_eq!(duration(" request_time=0.123"), Some(123 * MS));
    assert_eq!(duration(" rt=\"0.123\" x"), Some(123 * MS));
    assert_eq!(duration(" sn=\"my site\" ua=a rt=0.123;"), Some(123 * MS));
    assert_eq!(duration(" \"-\" 0.123"), Some(123 * MS));
    assert_eq!(duration(" \"203.0.113.9, 10.0.0.1\" rt=0.123"), Some(123 * MS));
    assert_eq!(duration(" 0.024, 0.001 : 0.003"), Some(28 * MS));
    assert_eq!(duration(" 0.024 : 0.001"), Some(25 * MS));
    assert_eq!(duration(" 0.024,0.001"), Some(24 * MS));
    assert_eq!(duration(" 0.024, 200"), Some(24 * MS));
    assert_eq!(duration(" 0.024, -, 0.001ms"), Some(24 * MS));
    assert_eq!(duration(" -, 0.003"), Some(3 * MS));
    assert_eq!(duration(" \"- : 0.003\" 9"), Some(3 * MS));
    assert_eq!(duration(" rt=\"0.024, 0.001\""), Some(25 * MS));
    assert_eq!(duration(" 512 0.024, 0.001"), Some(25 * MS));
    assert_eq!(duration(" 0.024 -"), Some(24 * MS));
    assert_eq!(duration(" 512 0.024"), Some(24 * MS));
    assert_eq!(duration(" - 0.123"), Some(123 * MS));
    assert_eq!(duration(" 10.0.0.1:80 0.123"), Some(123 * MS));
    assert_eq!(duration(" 1706091332.123 rt=0.123"), Some(123 * MS));
    for in_words in [
        " in [105] milliseconds",
        " took 105 ms",
        " [105ms]",
        " (105 ms)",
        " - 105.0 ms",
        " -/- 0.105s",
        " a=b [0.105 s]",
        " 105 ms",
        " 105 ms 7",
        " 105.0 ms",
        " 105.0 ms;",
        " 512 105.0 ms",
        " \"-\" 105 ms",
        " time=105ms",
        " a=b duration=\"105ms\"",
        " time=105 took=105000us",
    ] {
        assert_eq!(duration(in_words), Some(105 * MS), "{in_words}");
    }
    let quoted = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"a\" \"b\" \"0.123\""));
    assert_eq!(quoted.duration_ns, Some(123 * MS));
    let quoted = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"0.024, 0.001\""));
    assert_eq!((quoted.format, quoted.duration_ns), ("common", Some(25 * MS)));
    let none = [
        "",
        " ",
        " -",
        " 12.5",
        " 0.123456",
        " 1500",
        " 1706091332.123",
        " \"3.26\"",
        " 0.123x",
        " 1.2.3.4",
        " 12.",
        " .5",
        " 12m",
        " \"-",
        " \"-\"x 0.123",
        " rt=",
        " rt=-",
        " rt=\"0.123",
        " 12345678901234567890",
        " 512 7",
        " 512 7 0.1",
        " 9223372036854776",
        " 0.123\"",
        " rt=12",
        " in 105",
        " x105ms",
        " a:105ms",
        " took 5 m",
        " x ms",
        " time=105",
        " took=\"105ms",
    ];
    for tail in none {
        assert_eq!(duration(tail), None, "{tail}");
    }
}

#[test]
fn columns_that_were_decided() {
    for (field, unit, tail, nanos) in [
        (Some(0), Unit::Milliseconds, "250", Some(250 * MS)),
        (Some(0), Unit::Microseconds, "12.5", Some(12_500)),
        (Some(0), Unit::Seconds, "12.5", Some(12_500 * MS)),
        (Some(0), Unit::Seconds, "0.1234567899", Some(123_456_789)),
        (Some(0), Unit::Nanoseconds, "9223372036854775807", Some(9_223_372_036_854_775_807)),
        (Some(0), Unit::Microseconds, "9223372036854776", None),
        (Some(0), Unit::Seconds, "9223372036.0, 0.9", None),
        (Some(0), Unit::Seconds, "-", None),
        (Some(0), Unit::Seconds, "105ms", Some(105 * MS)),
        (Some(1), Unit::Seconds, "1706091332.123 0.25", Some(250 * MS)),
        (Some(1), Unit::Seconds, "\"a b\" \"0.25\" 7", Some(250 * MS)),
        (Some(1), Unit::Seconds, "0.024, 0.001 0.3", Some(300 * MS)),
        (Some(1), Unit::Seconds, "- : 0.003 0.3", Some(300 * MS)),
        (Some(1), Unit::Microseconds, "8ca3f3d0-b5d3-11ec-88d5-000000000001 1465", Some(1_465_000)),
        (Some(2), Unit::Microseconds, "512 7 95", Some(95_000)),
        (None, Unit::Seconds, "0.123", None),
        (None, Unit::Milliseconds, "0.123 rt=95", Some(95 * MS)),
        (None, Unit::Milliseconds, "2083 rt=0.095", Some(95 * MS)),
    ] {
        let column = Some(TailColumn { like_nginx: false, field, unit });
        let reading = DurationReading {
            after_agent: column,
            after_size: column,
            ..DurationReading::default()
        };
        for (entry, agent) in [(&COMMON, ""), (&COMBINED, " \"-\" \"curl\"")] {
            let line = format!("{HEAD} \"GET / HTTP/1.1\" 200 5{agent} {tail}");
            let padded = PaddedLine::new(line.as_bytes());
            if let Some(said) = say_with(entry, padded.line(), &reading) {
                assert_eq!(said.duration_ns, nanos, "{field:?} {line}");
            }
        }
    }
}

#[test]
fn bare_lines() {
    let rest = |rest: &str| {
        say(format!("{HEAD} GET /x HTTP/1.1 200{rest}").as_bytes())
            .map(|said| (said.bytes_sent, said.duration_ns))
    };
    assert_eq!(rest(""), Some((None, None)));
    assert_eq!(rest(" 5 105ms"), Some((Some(5), Some(105 * MS))));
    assert_eq!(rest(" - 105ms x"), Some((None, Some(105 * MS))));
    assert_eq!(rest(" 0.500"), Some((None, Some(500 * MS))));
    assert_eq!(rest(" 0.5"), Some((None, None)));
    assert_eq!(rest(" 5"), Some((Some(5), None)));
    assert_eq!(rest(" 5 7"), Some((Some(5), None)));
    assert_eq!(rest(" 5 0.007"), Some((Some(5), Some(7 * MS))));
    assert_eq!(rest(" 5 x"), Some((Some(5), None)));
    assert_eq!(rest(" OK 105ms"), Some((None, None)));
    assert_eq!(rest(" 105msx"), Some((None, None)));
    assert_eq!(rest("x"), None);
    assert!(say(format!("{HEAD} GET /x 200 105ms").as_bytes()).is_some());
    assert!(say(format!("{HEAD} GET 200 105ms").as_bytes()).is_none());
    assert!(say(format!("{HEAD} GET /x HTTP/1.1").as_bytes()).is_none());
    assert!(say(format!("{HEAD} GET /x").as_bytes()).is_none());
}

#[test]
fn lines_that_are_no_records() {
    for rest in [
        "",
        " ",
        " \"GET / HTTP/1.1\"",
        " \"GET / HTTP/1.1\" 200",
        " \"GET / HTTP/1.1\" 200 ",
        " \"GET / HTTP/1.1\" 099 5",
        " \"GET / HTTP/1.1\" 20 5",
        " \"GET / HTTP/1.1\" 2000 5",
        " \"GET / HTTP/1.1\" 2x0 5",
        " \"GET / HTTP/1.1\" 200 5x",
        " \"GET / HTTP/1.1\" 200 -1",
        " \"GET / HTTP/1.1\"  200 5",
        "  \"GET / HTTP/1.1\" 200 5",
        " \"GET / HTTP/1.1 200 5",
        " \"GET / HTTP/1.1\\\" 200 5",
        " \"GET / HTTP/1.1\" 2:0 5",
    ] {
        assert_eq!(say(format!("{HEAD}{rest}").as_bytes()), None, "{rest}");
    }
    let rest = "\"GET / HTTP/1.1\" 200 5";
    assert!(say(format!("1 - - [24/Jan/2024:10:15:32 +0000 {rest}").as_bytes()).is_none());
    assert!(say(format!("1 - - [32/Jan/2024:10:15:32 +0000] {rest}").as_bytes()).is_none());
    assert!(say(b"1 - - [24/Jan/2024:10:15:32 +0000").is_none());
    assert!(say(b"1 - - [").is_none());
    // A torn line keeps what it has.
    let torn = said(&format!("{HEAD} {rest} \"-\" \"Mozilla/5.0 (X11"));
    assert_eq!((torn.format, torn.status), ("common", 200));
}

fn word() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-][A-Za-z0-9_./-]{0,12}"
}

prop_compose! {
    /// A line and what it says.
    fn record()(
        client in prop_oneof![word(), Just("2001:db8::7".to_string())],
        user in "[a-z -]{0,70}",
        second in 0u32..60,
        nanos in 0u32..1_000,
        method in "[A-Za-z_-]{1,20}",
        path in "/[ -!#-\\[\\]-~]{0,40}",
        status in 100u16..=999,
        bytes_sent in prop::option::of(0u64..10_000_000_000_000_000_000),
        agents in prop::option::of(("[ -!#-\\[\\]-~]{0,80}", "([ -!#-\\[\\]-~]|\\\\\"|\\\\\\\\){0,150}")),
        micros in prop::option::of(0u64..10_000_000_000),
        style in 0usize..6,
    ) -> (String, Said) {
        let size = bytes_sent.map_or("-".to_string(), |b| b.to_string());
        let mut line = format!(
            "{client} - {user} [24/Jan/2024:10:15:{second:02}.{nanos:03} +0000] \
             \"{method} {path} HTTP/1.1\" {status} {size}"
        );
        if let Some((referer, agent)) = &agents {
            line += &format!(" \"{referer}\" \"{agent}\"");
        }
        if let Some(micros) = micros {
            line += &match style {
                0 => format!(" {micros}"),
                1 => format!(" {micros} trail"),
                2 => format!(" {micros}us"),
                3 => format!(" {}.{:03}ms, 0.1", micros / 1_000, micros % 1_000),
                4 => format!(" rt=\"{}.{:06}\"", micros / 1_000_000, micros % 1_000_000),
                _ => format!(" x=\"a b\" \"-\" {micros}us"),
            };
        }
        let said = Said {
            format: if agents.is_some() { "combined" } else { "common" },
            time_ns: 1_706_091_300_000_000_000
                + i64::from(second) * 1_000_000_000
                + i64::from(nanos) * 1_000_000,
            status,
            bytes_sent,
            duration_ns: micros.map(|m| m * 1_000),
            method: method.into_bytes(),
            path: path.into_bytes(),
            client: if client == "-" { vec![] } else { client.into_bytes() },
        };
        (line, said)
    }
}

proptest! {
    #[test]
    fn a_record_of_fields_round_trips((line, expected) in record()) {
        let first = Some(TailColumn { like_nginx: false, field: Some(0), unit: Unit::Microseconds });
        let reading =
            DurationReading { after_agent: first, after_size: first, ..DurationReading::default() };
        prop_assert_eq!(say_read(line.as_bytes(), &reading), Some(expected));
    }

    #[test]
    fn what_surrounds_the_line_does_not_matter(
        (line, _) in record(),
        cut in 0usize..400,
        edits in prop::collection::vec((0usize..400, prop_oneof![
            any::<u8>(), Just(b'"'), Just(b' '), Just(b'['), Just(b'\\'), Just(b'.'),
        ]), 0..4),
        around in prop_oneof![Just(b' '), Just(b'"'), Just(b'7'), Just(b'.'), any::<u8>()],
    ) {
        let mut bytes = line.into_bytes();
        for (at, byte) in edits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        bytes.truncate(cut.max(1));
        let mut buffer = vec![around; bytes.len() + 2 * PAD];
        buffer[PAD..PAD + bytes.len()].copy_from_slice(&bytes);
        let amid = Line::new(&buffer, PAD, PAD + bytes.len());
        let padded = PaddedLine::new(&bytes);
        for entry in ENTRIES {
            let column = Some(TailColumn { like_nginx: false, field: Some(1), unit: Unit::Seconds });
            for after_agent in [None, column] {
                let reading = DurationReading { after_agent, ..DurationReading::default() };
                let expected = say_with(entry, padded.line(), &reading);
                prop_assert_eq!(say_with(entry, amid, &reading), expected);
            }
        }
        say(&bytes);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 1..600)) {
        let padded = PaddedLine::new(&bytes);
        for at in 0..bytes.len().min(40) {
            let line = padded.line();
            number_at(line, at);
            tail_time(line, at, Tail::default());
            let unit = Some(Unit::Seconds);
            tail_time(line, at, Tail { like_nginx: false, field: Some(1), unit });
            two_quoted(Plain, line, at);
            route(line, at, bytes.len(), &mut Record::EMPTY.clone());
        }
        say(&bytes);
    }

    #[test]
    fn the_short_way_reads_what_the_long_way_reads(text in "[0-9. ,;xms]{1,12}") {
        let padded = PaddedLine::new(text.as_bytes());
        if let Some(nanos) = short_seconds_at(padded.line(), 0) {
            let time = bare_time(padded.line(), 0, false, Bare::of(Unit::Seconds));
            prop_assert_eq!(time.map(|time| time.nanos), Some(nanos.0));
        }
    }
}

/// The text of a column on request of a line.
fn requested(column: Column, line: &str) -> String {
    let mut context = context();
    context.wanted = Columns::of(column);
    let (padded, mut record) = (PaddedLine::new(line.as_bytes()), Record::EMPTY);
    let format = (COMBINED.build)(&Params::default());
    let mut arena = Vec::new();
    assert!(format.parse_line(padded.line(), &mut context, &mut arena, &mut record));
    let mut found = Record::EMPTY;
    found.take(Columns::of(column), &record);
    let mut texts = String::new();
    let text = |t: Text| String::from_utf8(t.bytes(line.as_bytes(), &arena).to_vec()).unwrap();
    found.for_each_text(|t| texts += &text(*t));
    texts
}

#[test]
fn user_agents_on_request() {
    let line = |fields: &str| {
        format!("10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 1 {fields}")
    };
    for (fields, agent) in [
        ("\"-\" \"curl/8.5\"", "curl/8.5"),
        ("\"http://a/\" \"x \\\"y\\\" z\" 0.5", "x \"y\" z"),
        ("\"-\" \"-\"", ""),
        ("\"-\" \"\"", ""),
    ] {
        assert_eq!(requested(Column::USER_AGENT, &line(fields)), agent, "{fields}");
    }
}

#[test]
fn answers_of_other_protocols_are_no_statuses() {
    use crate::record::NO_STATUS;
    for (request, status) in [
        ("RETR /pub/a.iso FTP/1.1", 226),
        ("USER joe", 331),
        ("PASS (hidden)", 530),
        ("CWD /pub", 550),
        ("list -al", 226),
        ("QUIT", 221),
        ("MAIL -?+FROM:<a@example.com> SMTP", 250),
        ("INVITE sip:bob@example.com SIP/2.0", 486),
        ("DESCRIBE rtsp://media.example.com/a RTSP/1.0", 404),
        ("OPTIONS / RTSP/1.0", 200),
    ] {
        for tail in ["", " \"-\" \"x\" 0.500"] {
            let line = format!(
                "192.0.2.7 - joe [24/Jan/2024:10:15:32 +0000] \"{request}\" {status} 1532{tail}"
            );
            let said = said(&line);
            assert_eq!((said.status, said.duration_ns), (NO_STATUS, None), "{line}");
            assert_eq!((said.bytes_sent, &said.client[..]), (Some(1532), &b"192.0.2.7"[..]));
            assert!(said.method.is_empty() && said.path.is_empty(), "{line}");
        }
    }
    // What servers of HTTP answer to scanners, methods that others have, and paths that look so.
    for (request, status, method) in [
        ("OPTIONS / RTSP/1.0", 400, "OPTIONS"),
        ("OPTIONS sip:nm SIP/2.0", 400, ""),
        ("EHLO scanner", 400, ""),
        ("HELP", 501, ""),
        ("OPTIONS / RTSP/1.0", 501, "OPTIONS"),
        ("QUIT", 405, ""),
        ("LIST /v1/secret HTTP/1.1", 200, "LIST"),
        ("GET /docs/SIP/2.0", 200, "GET"),
        ("GET /a SIP", 200, "GET"),
        ("GET /a FTP/x", 404, "GET"),
    ] {
        let line = format!("192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"{request}\" {status} 5");
        let said = said(&line);
        assert_eq!((said.status, &said.method[..]), (status, method.as_bytes()), "{line}");
    }
    let line = "h - - [24/Jan/2024:10:15:33.125] STOR /a 226 105ms";
    assert_eq!(say(line.as_bytes()), None);
}
