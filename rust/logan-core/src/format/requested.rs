//! Columns on request, in every format that fills them: found if asked for, by group tables and by
//! conditions.

use crate::format::state::Layouts;
use crate::scan::Scanner;
use crate::spec::{FormatSpec, Meaning, Reading, Spec};
use serde_json::Value;
use std::sync::Arc;

/// The figures of lines of one format.
fn figures(format: &str, lines: &str, by: Option<&str>, condition: Option<String>) -> Value {
    let (name, pattern) = match format.split_once(' ') {
        Some((name, pattern)) => (name, Some(pattern.to_string())),
        None => (format, None),
    };
    let mut format = FormatSpec { name: name.into(), params: Default::default() };
    format.params.pattern = pattern;
    // As of a stream: its `#Fields:` lines count.
    let layouts = lines.starts_with('#').then(Layouts::default);
    let anchor_ns = 1_706_745_600_000_000_000;
    let formats = vec![format];
    let reading = Reading { formats, only: true, anchor_ns, layouts, ..Reading::default() };
    let by = by.into_iter().map(String::from).collect();
    let spec = Spec {
        sources: vec![reading.into()],
        meaning: Meaning { condition, by, ..Meaning::default() },
        ..Spec::plain()
    };
    let spec = Spec::from_json(&spec.to_json()).unwrap();
    let mut scanner = Scanner::new(Arc::new(spec)).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    scanner.push(lines.as_bytes());
    scanner.finish(lines.len() as u64).evaluate(200, None)
}

/// Format (and pattern), line, and what it says.
type Sample = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// A text between braces is put in.
const LINES: &[Sample] = &[
    (
        "combined",
        "{host}:443 10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 1 \"{referrer}\" \"{user_agent}\"",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/b?c"),
            ("user_agent", "curl/8.5 (x; \"y\")"),
        ],
    ),
    (
        "combined",
        "10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] \"GET http://{host}/ HTTP/1.1\" 200 1 \"{referrer}\" \"{user_agent}\" 0.005",
        &[("host", "shop.example.com"), ("referrer", "http://a/"), ("user_agent", "a \"b\" c")],
    ),
    (
        "json",
        r#"{"time":"2024-01-24T10:15:33Z","status":200,"vhost":"{host}","http_referer":"{referrer}","http_user_agent":"{user_agent}"}"#,
        &[("host", "shop.example.com"), ("referrer", "http://a/"), ("user_agent", "curl/8.5")],
    ),
    (
        "json",
        r#"{"time":"2024-01-24T10:15:33Z","status":200,"hostname":"-","request":{"headers":{"Host":"{host}","Referer":"{referrer}","User-Agent":"{user_agent}"}}}"#,
        &[("host", "shop.example.com"), ("referrer", "http://a/"), ("user_agent", "curl/8.5")],
    ),
    (
        "json",
        r#"{"ts":1706091333.5,"logger":"http.log.access","request":{"host":"{host}","headers":{"Referer":["{referrer}"],"User-Agent":["{user_agent}","b"]}},"status":200}"#,
        &[("host", "shop.example.com"), ("referrer", "http://a/"), ("user_agent", "curl/8.5")],
    ),
    (
        "cef",
        "CEF:0|Example|WAF|2.1|500|a name|8|rt=1706091332123 request=https://{host}:443/cart \
         requestClientApplication={user_agent} requestContext={referrer}",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0 (X)"),
        ],
    ),
    (
        "logfmt",
        "time=2024-01-24T10:15:33Z status=200 host={host} referer=\"{referrer}\" user_agent=\"{user_agent}\" duration=3ms",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0 (X)"),
        ],
    ),
    (
        "iis",
        "#Fields: date time cs-method cs-uri-stem s-port cs(User-Agent) cs(Referer) cs-host sc-status\n\
         2024-01-24 10:15:32 GET / 443 {user_agent} {referrer} {host} 200",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0+(X)"),
        ],
    ),
    (
        "w3c",
        "#Fields: date time cs-uri cs(Referer) sc-status cs(User-Agent)\n\
         2024-01-24\t10:15:32\t/\t{referrer}\t200\t\"{user_agent}\"",
        &[("referrer", "http://a/"), ("user_agent", "Mozilla/5.0 (X)")],
    ),
    (
        "cloudfront",
        "#Fields: date time x-edge-location cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) x-host-header\n\
         2024-01-24\t10:15:32\tFRA56-C1\tGET\td1.cloudfront.net\t/\t200\t{referrer}\t{user_agent}\t{host}",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0%20(X)"),
        ],
    ),
    (
        "aws-alb",
        "https 2024-01-24T10:15:32.123456Z app/shop/50dc 203.0.113.9:51234 10.0.0.66:8080 0.001 0.034 \
         0.000 200 200 214 1532 \"GET https://{host}:443/cart HTTP/2.0\" \"{user_agent}\" \
         ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x \"Root=1-5\"",
        &[("host", "shop.example.com"), ("user_agent", "Mozilla/5.0 (X; \"y\" \"z\" -)")],
    ),
    (
        "aws-elb",
        "2024-01-24T10:15:32.123456Z shop 203.0.113.9:51234 10.0.0.66:8080 0.000073 0.034048 0.000057 \
         200 200 0 1532 \"GET http://{host}:80/cart HTTP/1.1\" \"{user_agent}\" - -",
        &[("host", "shop.example.com"), ("user_agent", "curl/8.5")],
    ),
    (
        "aws-s3",
        "79a59d shop-assets [24/Jan/2024:10:15:32 +0000] 203.0.113.9 - 3E57427F33A59F07 REST.GET.OBJECT \
         img/logo.png \"GET /shop-assets/img/logo.png HTTP/1.1\" 200 - 2662 2662 41 40 \"{referrer}\" \
         \"{user_agent}\" - id= SigV4 ECDHE-RSA AuthHeader {host} TLSv1.2",
        &[
            ("host", "shop-assets.s3.amazonaws.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0 (X)"),
        ],
    ),
    (
        "envoy",
        "[2024-01-24T10:15:32.123Z] \"GET /cart HTTP/2\" 200 - 0 1532 36 34 \"203.0.113.9\" \
         \"{user_agent}\" \"cc21d9b0\" \"{host}\" \"10.0.0.66:8080\"",
        &[("host", "shop.example.com"), ("user_agent", "Mozilla/5.0 (X)")],
    ),
    (
        "squid",
        "1706091332.123    163 192.0.2.7 TCP_MISS/200 1532 GET http://{host}:80/cart - \
         HIER_DIRECT/203.0.113.80 text/html",
        &[("host", "shop.example.com")],
    ),
    (
        "request",
        "2024-01-24T10:15:32Z INFO \"GET http://{host}/cart HTTP/1.1\" 200 1 \"{referrer}\" \"{user_agent}\"",
        &[("host", "shop.example.com"), ("referrer", "http://a/"), ("user_agent", "curl/8.5")],
    ),
    (
        "custom nginx:$host $status [$time_local] \"$http_referer\" \"$http_user_agent\"",
        "{host} 200 [24/Jan/2024:10:15:32 +0000] \"{referrer}\" \"{user_agent}\"",
        &[("host", "shop.example.com"), ("referrer", "http://a/"), ("user_agent", "a \"b\" c")],
    ),
    (
        "custom apache:%v %>s %t \"%{Referer}i\" \"%{User-agent}i\"",
        "{host} 200 [24/Jan/2024:10:15:32 +0000] \"{referrer}\" \"{user_agent}\"",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0 (X)"),
        ],
    ),
    (
        "custom regex:^(?<time>\\S+) (?<host>\\S+) (?<referrer>\\S+) (?<user_agent>.*)$",
        "2024-01-24T10:15:32Z {host} {referrer} {user_agent}",
        &[
            ("host", "shop.example.com"),
            ("referrer", "http://a/"),
            ("user_agent", "Mozilla/5.0 (X)"),
        ],
    ),
];

/// The columns that these tests look at: those there are.
fn columns() -> impl Iterator<Item = &'static str> {
    // What follows the path of a request is not told by its format.
    let told = crate::record::Columns::ON_REQUEST.without(crate::record::Columns::PROTOCOL);
    told.iter().map(crate::record::Column::name).collect::<Vec<_>>().into_iter()
}

#[test]
fn every_format_says_what_its_lines_say() {
    for &(format, line, texts) in LINES {
        // As servers write quotes, but for balancers.
        let escapes = !line.contains("ECDHE-");
        let put = |value: &dyn Fn(&'static str) -> &'static str| {
            let fill = |line: String, &(field, _): &(&'static str, &str)| {
                let text = match escapes {
                    true => value(field).replace('"', "\\\""),
                    false => value(field).to_string(),
                };
                line.replace(&format!("{{{field}}}"), &text)
            };
            texts.iter().fold(line.to_string(), fill) + "\n"
        };
        let of = |field| texts.iter().find(|(name, _)| *name == field).map(|(_, text)| *text);
        let full = put(&|field| of(field).unwrap());
        let absent = put(&|_| "-");
        for field in columns() {
            let table = figures(format, &(full.clone() + &absent), Some(field), None);
            let table = &table["groups"][field];
            let found: Vec<_> = table["top"].as_array().expect(format).iter().collect();
            let keys: Vec<_> = found.iter().filter_map(|row| row["key"].as_str()).collect();
            assert_eq!(keys, of(field).into_iter().collect::<Vec<_>>(), "{field} of {format}");
            let missing = 2 - keys.len();
            assert_eq!(table["absent"], missing, "{field} of {format}: {line}");
            let Some(text) = of(field) else { continue };
            let quoted = text.replace('"', "\\\"");
            let condition = format!("{field} = \"{quoted}\"");
            let selected = figures(format, &full, None, Some(condition));
            assert_eq!(selected["lines"]["parsed"], 1, "{field} of {format}");
            assert_eq!(selected["lines"]["filtered"], 0, "{field} of {format}");
            let others = figures(format, &absent, None, Some(format!("{field} exists")));
            assert_eq!(others["lines"]["parsed"], 0, "{field} of {format}");
        }
    }
}

#[test]
fn protocols_are_found_behind_paths_and_under_their_names() {
    for (format, line, protocol) in [
        (
            "combined",
            r#"10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a?b HTTP/1.1" 200 1 "-" "u""#,
            "HTTP/1.1",
        ),
        (
            "combined",
            r#"10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET http://h/a HTTP/2.0" 200 1 "-" "u""#,
            "HTTP/2.0",
        ),
        (
            "combined",
            r#"10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a" 200 1 "-" "HTTP/1.0""#,
            "",
        ),
        (
            "common",
            r#"10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.0" 200 1"#,
            "HTTP/1.0",
        ),
        (
            "envoy",
            "[2024-01-24T10:15:32.123Z] \"GET /cart HTTP/2\" 200 - 0 1532 36 34 \"-\"",
            "HTTP/2",
        ),
        ("request", "2024-01-24T10:15:32Z INFO \"GET /cart HTTP/3\" 200 1", "HTTP/3"),
        (
            "json",
            r#"{"time":"2024-01-24T10:15:33Z","status":200,"path":"/","server_protocol":"HTTP/1.1"}"#,
            "HTTP/1.1",
        ),
        (
            "json",
            r#"{"time":"2024-01-24T10:15:33Z","status":200,"request":"GET / HTTP/1.1"}"#,
            "HTTP/1.1",
        ),
        ("logfmt", "time=2024-01-24T10:15:33Z status=200 path=/ protocol=h2", "h2"),
        (
            "w3c",
            "#Fields: date time cs-uri-stem cs-version sc-status\n2024-01-24\t10:15:32\t/\tHTTP/1.1\t200",
            "HTTP/1.1",
        ),
        (
            "custom nginx:$status [$time_local] $server_protocol",
            "200 [24/Jan/2024:10:15:32 +0000] HTTP/2.0",
            "HTTP/2.0",
        ),
        ("custom apache:%>s %t %H", "200 [24/Jan/2024:10:15:32 +0000] HTTP/1.1", "HTTP/1.1"),
        (
            "custom nginx:$status [$time_local] \"$request\"",
            "200 [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/2.0\"",
            "HTTP/2.0",
        ),
    ] {
        let table = figures(format, &format!("{line}\n"), Some("protocol"), None);
        let rows = table["groups"]["protocol"]["top"].as_array().expect(format);
        let found: Vec<_> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
        let expected: Vec<_> = Some(protocol).filter(|text| !text.is_empty()).into_iter().collect();
        assert_eq!(found, expected, "{format}: {line}");
    }
}

#[test]
fn a_group_table_tells_what_it_is_made_by() {
    for field in columns() {
        assert!(crate::spec::group_of(field).is_ok());
    }
    let message = crate::spec::group_of("duration").unwrap_err().to_string();
    assert!(columns().all(|field| message.contains(field)), "{message}");
}
