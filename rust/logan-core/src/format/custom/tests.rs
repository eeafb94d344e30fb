use super::*;
use crate::error::Error;
use crate::scan::Scanner;
use crate::spec::{FormatSpec, Reading, Spec};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
const INGRESS: &str = r#"log_format upstreaminfo '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent" '
    '$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] '
    '$upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id';"#;

/// The figures of bytes whose lines are all tried as one format.
fn figures(name: &str, pattern: Option<&str>, pieces: &[&[u8]]) -> Value {
    let mut format = FormatSpec { name: name.into(), params: Default::default() };
    format.params.pattern = pattern.map(String::from);
    let (formats, anchor_ns) = (vec![format], 1_706_745_600_000_000_000);
    let reading = Reading { formats, only: true, anchor_ns, ..Reading::default() };
    let spec = Spec { sources: vec![reading.into()], ..Spec::plain() };
    let spec = Spec::from_json(&spec.to_json()).unwrap();
    let mut scanner = Scanner::new(Arc::new(spec)).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    for piece in pieces {
        scanner.push(piece);
    }
    let len: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut figures = scanner.finish(len as u64).evaluate(200, None);
    // What names the format.
    figures["sources"].take();
    figures
}

fn own(pattern: &str, text: &str) -> Value {
    figures(NAME, Some(pattern), &[text.as_bytes()])
}

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test_vectors/formats");
    std::fs::read(folder.join(name).join("sample.log")).unwrap()
}

/// The lines of a sample that both read.
fn shared(name: &str, pattern: &str) -> Vec<u8> {
    let parses = |format: &str, pattern: Option<&str>, line: &[u8]| {
        figures(format, pattern, &[line])["lines"]["parsed"] == 1
    };
    let lines = sample(name);
    let format = name.split("-micros").next().unwrap();
    let format = if name.starts_with("combined") { "combined" } else { format };
    lines
        .split_inclusive(|&b| b == b'\n')
        .filter(|line| parses(NAME, Some(pattern), line) && parses(format, None, line))
        .flatten()
        .copied()
        .collect()
}

#[test]
fn stock_formats_agree_with_the_built_in_ones() {
    let cases = [
        ("combined", "combined", COMBINED),
        (
            "combined",
            "combined",
            r#"LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined"#,
        ),
        ("common", "common", r#"%h %l %u %t "%r" %>s %b"#),
        (
            "combined-vhost",
            "combined",
            r#"%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\""#,
        ),
        ("ingress-nginx", "ingress-nginx", INGRESS),
    ];
    for (sample, format, pattern) in cases {
        let lines = shared(sample, pattern);
        let count = lines.iter().filter(|&&b| b == b'\n').count();
        assert!(count >= 3, "{sample}: only {count} lines are of {pattern}");
        // Only a pattern says that nothing follows a user agent, which may then hold quotes.
        let nameless = |mut figures: Value| {
            for row in figures["user_agents"]["top"].as_array_mut().unwrap() {
                row["user_agent"].take();
            }
            figures
        };
        let want = nameless(figures(format, None, &[&lines]));
        let found = nameless(figures(NAME, Some(pattern), &[&lines]));
        assert_eq!(found, want, "{sample} as {pattern}");
    }
}

#[test]
fn every_directive_has_its_unit() {
    let line = |tail: &str| {
        format!("h - - [24/Jan/2024:10:15:32 +0000] \"GET /a HTTP/1.1\" 200 5 {tail}\n")
    };
    let head = r#"%h %l %u %t "%r" %>s %b "#;
    for (tail, text, millis) in [
        ("%D", "1500", Some(1.5)),
        ("%T", "2", Some(2000.0)),
        ("%{ms}T", "7", Some(7.0)),
        ("%{us}T", "70", Some(0.07)),
        ("%T/%D", "0/1500", Some(1.5)),
        ("%D", "-", None),
        ("%{X}i %400,501{User-agent}i %% %k %^FB %D", "a b % 0 9 3000", Some(3.0)),
    ] {
        let got = own(&format!("{head}{tail}"), &line(text));
        assert_eq!(got["lines"]["parsed"], 1, "{tail}: {got}");
        assert_eq!(got["response_time_ms"]["max"].as_f64(), millis, "{tail}: {got}");
    }
}

#[test]
fn times_of_nginx() {
    for (pattern, line, millis) in [
        ("$msec $request_time", "1706091332.123 0.250", Some(250.0)),
        ("$msec $upstream_response_time", "1706091332.123 0.024, 0.001 : 0.003", Some(28.0)),
        ("$msec $upstream_response_time $status", "1706091332.123 -, 0.003 200", Some(3.0)),
        ("$msec $upstream_response_time $status", "1706091332.123 - 200", None),
        ("$msec $upstream_response_time $request_time", "1706091332.123 9.0 0.5", Some(500.0)),
        ("$msec rt=\"${request_time}s\"", "1706091332.123 rt=\"0.033s\"", Some(33.0)),
    ] {
        let got = own(pattern, line);
        assert_eq!(got["lines"]["parsed"], 1, "{pattern}: {got}");
        assert_eq!(got["time"]["first"], "2024-01-24T10:15:32.123Z", "{pattern}: {got}");
        let max = got["response_time_ms"]["max"].as_f64();
        assert_eq!(max.map(|ms| (ms * 1e6).round()), millis.map(|ms: f64| ms * 1e6), "{pattern}");
    }
}

#[test]
fn times_of_apache_and_of_layouts() {
    for (pattern, line) in [
        ("%{%Y-%m-%d %H:%M:%S}t %s", "2024-01-24 10:15:32 200"),
        ("[%{%d/%b/%Y:%H:%M:%S}t.%{msec_frac}t %{%z}t] %s", "[24/Jan/2024:11:15:32.000 +0100] 200"),
        ("%{sec}t %s", "1706091332 200"),
        ("%{msec}t %s", "1706091332000 200"),
        ("%{usec}t %s", "1706091332000000 200"),
        ("%{%d.%m.%Y}t %{%H:%M:%S}t %s", "24.01.2024 10:15:32 200"),
        (r"regex[%d.%m.%Y %H-%M-%S]:^(?<time>\S+ \S+) (?<status>\d+)", "24.01.2024 10-15-32 200"),
        (r"regex:^(?<time>\S+ \S+) (?<status>\d+)", "2024-01-24 10:15:32 200"),
    ] {
        let got = own(pattern, line);
        assert_eq!(got["lines"]["parsed"], 1, "{pattern}: {got}");
        let start = got["time"]["first"].as_str().unwrap();
        assert!(start.starts_with("2024-01-24T10:15:32"), "{pattern}: {start}");
    }
}

#[test]
fn groups_of_an_expression() {
    let pattern = r"^(?P<time>\S+) (?P<level>\w+) (?P<client>\S+) (?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d{3}|-) (?P<duration_us>\S+)";
    let got = own(pattern, "2024-01-24T10:15:32Z WARN 192.0.2.7 GET /a 503 1500\nnonsense\n");
    assert_eq!(got["response_time_ms"]["max"], 1.5);
    assert_eq!(got["levels"]["WARN"], 1);
    assert_eq!(got["status"]["503"], 1);
    assert_eq!(got["clients"]["top"][0]["client"], "192.0.2.7");
    assert_eq!(got["lines"]["malformed"], 1);
    let got = own(r"^(?<level>\w+): (?<message>.*)", "INFO: Request processed in 127ms\n");
    assert_eq!(got["response_time_ms"]["max"], 127.0);
    let got = own(r"(?<duration>\S+)$", "took 2.5ms");
    assert_eq!(got["response_time_ms"]["max"], 2.5);
}

#[test]
fn quotes_and_escapes() {
    let line = |agent: &str| {
        format!(
            "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET /a\\x22b HTTP/1.1\" 200 5 \"-\" \"{agent}\"\n"
        )
    };
    for agent in ["a \\\" b", "a \" b", "", "\\x22"] {
        let got = own(COMBINED, &line(agent));
        assert_eq!(got["lines"]["parsed"], 1, "{agent}: {got}");
    }
    let json = r#"log_format j escape=json '{"time":"$time_iso8601","status":$status,"uri":"$request_uri","rt":$request_time,"ua":"$http_user_agent"}';"#;
    let text =
        r#"{"time":"2024-01-24T10:15:32+01:00","status":404,"uri":"/a\"b","rt":0.25,"ua":""}"#;
    let got = own(json, text);
    assert_eq!(got["lines"]["parsed"], 1, "{got}");
    assert_eq!(got["response_time_ms"]["max"], 250.0);
}

#[test]
fn mistakes_have_a_position() {
    for (text, position, why) in [
        ("$remote_addr$status", 12, "nothing between"),
        ("$status $", 8, "name of a variable"),
        ("$status ${x", 9, "not closed"),
        ("log_format x '$status", 13, "not closed"),
        ("log_format x escape=jason '$status';", 20, "escape is"),
        ("log_format x '$status'; more", 24, "follows the ;"),
        ("%h %Z", 4, "no directive %Z"),
        ("%h %", 3, "not followed"),
        ("%h %{x", 4, "not closed"),
        ("%h %{%q}t", 3, ""),
        ("é %h%s", 4, "nothing between"),
        ("(?<time>\\S+", 0, "unclosed group"),
        ("(?<time>\\S+) (?<durration>\\d+)", 16, "no field is called durration"),
        ("(?<duration_s>a)(?<duration_ms>b)", 19, "already"),
        ("(?<host>x)", 0, "no named group"),
        ("regex:(?<time>[z-a])", 15, ""),
        ("regex[%Y](?<time>x)", 19, "not closed"),
        ("regex[%M]:(?<time>x)", 6, "a day"),
        ("nginx:$http_referer", 6, "none of its fields"),
        ("plain", 0, "not a valid format"),
    ] {
        let Err(Error::Format { position: at, message, .. }) = describe(text) else {
            panic!("{text} is a format");
        };
        assert!(message.contains(why), "{text}: {message}");
        assert_eq!(at, position, "{text}: {message}");
    }
}

#[test]
fn fields_are_told() {
    let found = describe(INGRESS).unwrap();
    assert_eq!((found.dialect, found.time_field.as_deref()), ("nginx", Some("$time_local")));
    assert_eq!(found.duration_field.as_deref(), Some("$request_time"));
    assert_eq!(found.duration_unit, Some("s"));
}

#[test]
fn cuts_do_not_show() {
    let lines = shared("ingress-nginx", INGRESS);
    let want = figures(NAME, Some(INGRESS), &[&lines]);
    for at in 0..lines.len() {
        let (head, tail) = lines.split_at(at);
        assert_eq!(figures(NAME, Some(INGRESS), &[head, tail]), want, "cut at {at}");
    }
}

#[test]
fn a_pattern_belongs_to_no_other_format() {
    let mut spec = Spec::plain();
    let mut listed = |name: &str, pattern: Option<&str>| {
        let mut format = FormatSpec { name: name.into(), params: Default::default() };
        format.params.pattern = pattern.map(String::from);
        spec.sources[0].reading.formats = vec![format];
        (Spec::from_json(&spec.to_json()).map(|_| ()).map_err(|e| e.to_string()), spec.digest())
    };
    assert!(listed("combined", Some("%h")).0.unwrap_err().contains("does not accept a pattern"));
    assert!(listed(NAME, None).0.unwrap_err().contains("no pattern"));
    assert!(listed(NAME, Some("$status $")).0.unwrap_err().contains("variable"));
    let digests: BTreeMap<u128, ()> =
        ["%h", "%a"].map(|pattern| (listed(NAME, Some(pattern)).1, ())).into();
    assert_eq!(digests.len(), 2);
}

proptest! {
    #[test]
    fn nothing_panics(
        pattern in r#"(nginx:|apache:|regex:|log_format x |LogFormat |)([ "'\[\]:]|\$(status|msec|request|time_local|remote_addr|request_time|upstream_response_time|x)|%(h|t|r|>s|b|D|T|\{%H\}t|\{sec\}t)|\(\?<time>.\*\)|\\.|.){0,12}"#,
        text in r#"([ "'\[\]:\\-]|24/Jan/2024:10:15:32 \+0000|200|0\.5, - : 0\.1|1706091332\.1|.|\n){0,20}"#,
    ) {
        if describe(&pattern).is_ok() {
            let whole = figures(NAME, Some(&pattern), &[text.as_bytes()]);
            let cut = text.len() / 2;
            let (head, tail) = text.as_bytes().split_at(cut);
            prop_assert_eq!(figures(NAME, Some(&pattern), &[head, tail]), whole);
        }
    }
}
