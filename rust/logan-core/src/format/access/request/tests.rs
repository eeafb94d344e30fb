use super::*;
use crate::format::http::is_registered_status;
use crate::format::line_format;
use crate::time::TimestampParser;
use proptest::prelude::*;

/// What a line says. An empty text is none; the timestamp is in seconds.
#[derive(Debug, PartialEq, Default, Clone)]
struct Said {
    second: i64,
    status: u16,
    method: String,
    path: String,
    client: String,
    level: Level,
    ms: Option<f64>,
    size: Option<u64>,
}

fn read_as(line: &str, params: &Params) -> Option<Said> {
    let padded = PaddedLine::new(line.as_bytes());
    let mut context = Context::new(TimestampParser::utc());
    let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
    let format = line_format(AnyRequest::new(params));
    if line.is_empty() || !format.parse_line(padded.line(), &mut context, &mut arena, &mut record) {
        return None;
    }
    let text =
        |text: Text| String::from_utf8_lossy(text.bytes(line.as_bytes(), &arena)).into_owned();
    Some(Said {
        second: record.second,
        status: record.status,
        method: text(record.method),
        path: text(record.path),
        client: text(record.client),
        level: record.level,
        ms: (record.duration_ns != NO_DURATION).then(|| record.duration_ns as f64 / 1e6),
        size: (record.bytes_sent != NO_BYTES).then_some(record.bytes_sent),
    })
}

fn read(line: &str) -> Option<Said> {
    read_as(line, &Params::default())
}

/// 2024-01-24T10:15:32Z.
const SECOND: i64 = 1_706_091_332;

/// A line, then status, route, client, level, milliseconds and size.
type Row = (&'static str, u16, &'static str, &'static str, Level, Option<f64>, Option<u64>);

#[test]
fn layouts() {
    use Level::{Info, None as NoLevel, Warn};
    let rows: [Row; 38] = [
        // One dash, none, and more words than usual.
        (
            r#"192.0.2.7 - [24/Jan/2024:10:15:32 +0000]  "GET /a?b=1 HTTP/1.1" 200 17 "-" "curl/8.5" 0.045 shop.example"#,
            200,
            "GET /a?b=1",
            "192.0.2.7",
            NoLevel,
            Some(45.0),
            Some(17),
        ),
        (
            r#"192.0.2.7 [24/Jan/2024:10:15:32 +0000] "HEAD /a HTTP/1.0" 304 -"#,
            304,
            "HEAD /a",
            "192.0.2.7",
            NoLevel,
            None,
            None,
        ),
        (
            r#""192.0.2.7, 10.0.0.4" 10.2.1.1 - - [24/Jan/2024:10:15:32 +0000] "GET / HTTP/1.1" 200 12"#,
            200,
            "GET /",
            "192.0.2.7",
            NoLevel,
            None,
            Some(12),
        ),
        // ingress-nginx before 0.24.
        (
            r#"192.0.2.7 - [192.0.2.7] - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/2.0" 502 8319 "-" "x" 563 0.302 [shop-web-80] 10.0.0.1:8080, 10.0.0.2:8080 0, 39615 0.100, 0.200 502, 502 de00d569"#,
            502,
            "GET /a",
            "192.0.2.7",
            NoLevel,
            Some(302.0),
            Some(8319),
        ),
        // A day of one digit, cPanel's date, an ISO date, no space behind the bracket.
        (
            r#"192.0.2.7 - - [01/24/2024:10:15:32 -0000] "GET / HTTP/1.1" 200 12 "-" "x" "s" "-" 2083"#,
            200,
            "GET /",
            "192.0.2.7",
            NoLevel,
            None,
            Some(12),
        ),
        (
            r#"192.0.2.7 - - [2024-01-24T10:15:32+00:00] "GET /a HTTP/1.1" 500 12 "-" "x" 0.062"#,
            500,
            "GET /a",
            "192.0.2.7",
            NoLevel,
            Some(62.0),
            Some(12),
        ),
        (
            r#"192.0.2.7 - - [24/Jan/2024:10:15:32 +0000]"GET /a HTTP/1.1" 200 1532 c6af9ac6-7b61-11e6-9a41-000000000001"#,
            200,
            "GET /a",
            "192.0.2.7",
            NoLevel,
            None,
            Some(1532),
        ),
        // SOGo.
        (
            r#"192.0.2.7 - - [24/Jan/2024:10:15:32 GMT] "POST /SOGo/so HTTP/1.1" 403 34/38 0.311 - - 4M"#,
            403,
            "POST /SOGo/so",
            "192.0.2.7",
            NoLevel,
            Some(311.0),
            None,
        ),
        // OpenStack.
        (
            r#"nova-api.log 2024-01-24 10:15:32.008 25746 INFO nova.wsgi [req-38101a0b - - -] 192.0.2.7 "GET /v2/servers/detail HTTP/1.1" status: 200 len: 1893 time: 0.2477829"#,
            200,
            "GET /v2/servers/detail",
            "192.0.2.7",
            Info,
            Some(247.7829),
            None,
        ),
        // nginx with times at the front, behind the timestamp, and named.
        (
            r#"0.250 0.200 [24/Jan/2024:10:15:32 +0000] GET /x.js HTTP/1.1 304 0 "web.example" "-" "Mozilla/5.0" "-" 988 - 10.1.1.1"#,
            304,
            "GET /x.js",
            "",
            NoLevel,
            Some(250.0),
            Some(0),
        ),
        (
            r#"192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] [0.005] [PORT 80] "GET /b HTTP/1.1" 500 831 "-" "P/1" "-""#,
            500,
            "GET /b",
            "192.0.2.7",
            NoLevel,
            Some(5.0),
            Some(831),
        ),
        (
            r#"192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] "GET /c HTTP/1.1" api.example 404 39 "-" "-" to: 10.0.0.62:8080: upstream_response_time 0.003 request_time 0.004"#,
            404,
            "GET /c",
            "192.0.2.7",
            NoLevel,
            Some(4.0),
            Some(39),
        ),
        (
            r#"192.0.2.7 - - - shop.example [24/Jan/2024:10:15:32 +0000] "GET /u HTTP/1.1" 10.0.0.9:80 upstream_response_time 0.000 msec 1706091332.743 request_time 0.001 404 423 "-" Mozilla/5.0 (Macintosh) -"#,
            404,
            "GET /u",
            "192.0.2.7",
            NoLevel,
            Some(1.0),
            Some(423),
        ),
        // Nginx Proxy Manager.
        (
            r#"[24/Jan/2024:10:15:32 +0000] - 502 404 - GET https shop.example "/cart?x=1" [Client 192.0.2.7] [Length 192] [Gzip 3.10] [Sent-to web] "Mozilla/5.0" "-""#,
            404,
            "GET /cart?x=1",
            "192.0.2.7",
            NoLevel,
            None,
            None,
        ),
        // Columns with dashes between; as of a load balancer of AWS.
        (
            r#"[2024-01-24T11:15:32+01:00] - shop.example - 192.0.2.7 - 504 - - - GET - HTTP/2.0 - 404 - 30.001 - "-" - "Mozilla/5.0" - "/cart?id=4""#,
            504,
            "GET /cart?id=4",
            "192.0.2.7",
            NoLevel,
            None,
            None,
        ),
        (
            "2024-01-24T02:15:32-08:00 web.example 192.0.2.7:38242 10.0.0.2:8998 0.003 - - 500 502 404 10 POST /v1/x HTTP/1.1 rmp01-4681-4 Mozilla/5.0 (Windows NT 10.0) api.example",
            500,
            "POST /v1/x",
            "192.0.2.7",
            NoLevel,
            None,
            None,
        ),
        // IIS without its header.
        (
            "2024-01-24 10:15:32 10.0.0.1 GET /api/data x=1 443 - 192.0.2.7 Mozilla/5.0+(X11) https://e.example/ 500 0 0 327",
            500,
            "GET /api/data",
            "192.0.2.7",
            NoLevel,
            Some(327.0),
            None,
        ),
        (
            "2024-01-24 10:15:32 10.0.0.1 GET /api/404 - 80 - 2001:DB8::9 curl/8.5 200 0 0 404",
            200,
            "GET /api/404",
            "2001:db8::9",
            NoLevel,
            Some(404.0),
            None,
        ),
        // Loggers of servers.
        (
            r#"2024-01-24 10:15:32,123 - uvicorn.access - INFO - 192.0.2.7:5341 - "GET /items HTTP/1.1" 500"#,
            500,
            "GET /items",
            "192.0.2.7",
            Info,
            None,
            None,
        ),
        (
            r#"2024-01-24T10:15:32,508+0000 [web-1] WARN  o.e.j.server.RequestLog - [2001:db8:0:0::9] - - [24/Jan/2020:10:15:32 +0000] "GET /m HTTP/1.1" 200 7085 "-" "curl""#,
            200,
            "GET /m",
            "2001:db8::9",
            Warn,
            None,
            Some(7085),
        ),
        (
            r#"2024-01-24T10:15:32,123 [INFO ] epollEventLoopGroup-3-1 ACCESS_LOG - /192.0.2.7:55924 "GET /ping HTTP/1.1" 200 118"#,
            200,
            "GET /ping",
            "192.0.2.7",
            Info,
            Some(118.0),
            None,
        ),
        (
            r#"2024/01/24 10:15:32 [web1/abc-000001] "POST http://shop.example/pay?x=1 HTTP/2.0" from [2001:db8::9]:51235 - 500 36B in 1.25s"#,
            500,
            "POST /pay?x=1",
            "2001:db8::9",
            NoLevel,
            Some(1250.0),
            None,
        ),
        (
            "2024-01-24 10:15:32.160 info: Microsoft.AspNetCore.Hosting.Diagnostics[2] Request finished HTTP/1.1 GET http://shop.example/cart - 200 1532 text/html;+charset=utf-8 36.5ms",
            200,
            "GET /cart",
            "",
            Info,
            Some(36.5),
            None,
        ),
        (
            "2024-01-24 10:15:32.160 [INF] Request finished HTTP/2 POST http://shop.example/pay application/json 404 - 500 - - 3.25ms",
            500,
            "POST /pay",
            "",
            Info,
            Some(3.25),
            None,
        ),
        (
            "[notice] 2024-01-24T10:15:32.123456Z couchdb@127.0.0.1 <0.5012.0> 1a2b3c4d5e shop.example:5984 192.0.2.7 admin GET /o/_all_docs?limit=1 200 ok 12",
            200,
            "GET /o/_all_docs?limit=1",
            "192.0.2.7",
            Level::Notice,
            Some(12.0),
            None,
        ),
        (
            "2024-01-24T10:15:32.123Z|40ea218a769325db|192.0.2.7|anonymous|GET|/api/system/ping|200|-1|2|12|curl/8.5.0",
            200,
            "GET /api/system/ping",
            "192.0.2.7",
            NoLevel,
            Some(12.0),
            None,
        ),
        (
            "2024/01/24 10:15:32 ...eb/routing/logger.go:102:func1() [I] router: completed GET /user/login for 192.0.2.7:51234, 200 OK in 12.5ms @ auth/auth.go:160(auth.SignIn)",
            200,
            "GET /user/login",
            "",
            Info,
            Some(12.5),
            None,
        ),
        (
            "2024-01-24 10:15:32 [INF] HTTP GET /pay responded 404 in 1250.5 ms",
            404,
            "GET /pay",
            "",
            Info,
            Some(1250.5),
            None,
        ),
        (
            "2024-01-24 10:15:32.123 DEBUG Completed: [192.0.2.7:51234] 200 GET /library (12 live) #404 TLS 49ms 1532 bytes",
            200,
            "GET /library",
            "192.0.2.7",
            Level::Debug,
            Some(49.0),
            None,
        ),
        (
            "[2024-01-24 10:15:32 +0000] INFO -- 201 -- total=2.06 db=0.36 -- PATCH /api/endpoint params={\"a\"=>\"404\"}",
            201,
            "PATCH /api/endpoint",
            "",
            Info,
            None,
            None,
        ),
        (
            r#"[2024-01-24 10:15:32 +0000] [9] [INFO] 192.0.2.7:51234 - - [24/Jan/2024:10:15:32 +0000] "GET /cart 1.1" 200 512 "-" "curl/8.5.0""#,
            200,
            "GET /cart",
            "192.0.2.7",
            Info,
            None,
            Some(512),
        ),
        // Pairs.
        (
            "2024-01-24 10:15:32 INFO request{method=GET uri=/cart}: shop::http: handled status=200 latency=36 ms",
            200,
            "GET /cart",
            "",
            Info,
            Some(36.0),
            None,
        ),
        (
            r#"2024-01-24 10:15:32 [INFO] http: request complete: http.path="/v1/a b" http.method="PUT" code=404 took=1.5ms"#,
            404,
            "PUT /v1/a b",
            "",
            Info,
            Some(1.5),
            None,
        ),
        (
            "2024-01-24 10:15:32 INFO response 200 for GET http://shop.example/a (33 ms)",
            200,
            "GET /a",
            "",
            Info,
            Some(33.0),
            None,
        ),
        // An answer that did not come; a connection that stayed open.
        (
            r#"192.0.2.7 - [24/Jan/2024:10:15:32 +0000] "GET /slow HTTP/1.1" 000 0 "-" "curl""#,
            NO_ANSWER,
            "GET /slow",
            "192.0.2.7",
            NoLevel,
            None,
            None,
        ),
        (
            r#"192.0.2.7 - [24/Jan/2024:10:15:32 +0000] "GET /ws HTTP/1.1" 101 12 "-" "curl" 3600.120"#,
            101,
            "GET /ws",
            "192.0.2.7",
            NoLevel,
            None,
            Some(12),
        ),
        // The timestamp behind the request.
        (
            r#""GET /a/2020-02-02T10:00:00Z HTTP/1.1" 200 5 192.0.2.9 [24/Jan/2024:10:15:32 +0000]"#,
            200,
            "GET /a/2020-02-02T10:00:00Z",
            "",
            NoLevel,
            None,
            Some(5),
        ),
        (
            "I0124 10:15:32.123456 1 log.go:25] 192.0.2.7 GET /healthz 200 1.5ms",
            200,
            "GET /healthz",
            "192.0.2.7",
            Info,
            Some(1.5),
            None,
        ),
    ];
    for (line, status, route, client, level, ms, size) in rows {
        let (method, path) = route.split_once(' ').unwrap();
        let said = read(line).unwrap_or_else(|| panic!("not read: {line}"));
        let (method, path) = (method.to_string(), path.to_string());
        let client = client.to_string();
        let second = if line.starts_with('I') { said.second } else { SECOND };
        let expected = Said { second, status, method, path, client, level, ms, size };
        assert_eq!(said, expected, "{line}");
    }
}

#[test]
fn what_is_no_request_of_this_service() {
    for line in [
        // No status: sizes, times, ports, counts, error numbers, parts of paths and addresses.
        "2024-01-24 10:15:32 INFO GET /x took 200ms",
        "2024-01-24 10:15:32 INFO GET /x took 200 ms",
        "2024-01-24 10:15:32 INFO GET /x in 404 ms",
        "2024-01-24 10:15:32 INFO GET /x from port 443",
        "2024-01-24 10:15:32 INFO GET /x from 10.0.0.200:404",
        "2024-01-24 10:15:32 INFO GET /x/404 failed",
        "2024-01-24 10:15:32 INFO GET /x?code=404 failed",
        "2024-01-24 10:15:32 ERROR GET /x failed (101: Network is unreachable)",
        "2024-01-24 10:15:32 INFO GET /x attempt 503",
        "2024-01-24 10:15:32 INFO attempt 301 GET /x",
        "2024-01-24 10:15:32 INFO GET /x 200 of 300",
        "2024-01-24 10:15:32 INFO GET /x 200 items",
        "2024-01-24 10:15:32 INFO GET /x 404 bytes",
        "2024-01-24 10:15:32 INFO GET /x 201.5",
        "2024-01-24 10:15:32 INFO GET /x 2011",
        "2024-01-24 10:15:32 INFO GET /x 299",
        "2024-01-24 10:15:32 INFO GET /x 200%",
        "2024-01-24 10:15:32 INFO [404] GET /x",
        "2024-01-24 10:15:32 INFO order 500 failed after GET /x",
        "2024-01-24 10:15:32 INFO DELETE /tmp/a 404 files in 12ms",
        "2024-01-24 10:15:32 INFO GET /x exit code 200",
        "2024-01-24 10:15:32 INFO method=GET path=/x size=200 duration=404ms",
        "2024-01-24 10:15:32 INFO path=/x mode=200",
        // No method without a version.
        "2024-01-24 10:15:32 INFO MOUNT /data 200",
        "2024-01-24 10:15:32 INFO get /data 200",
        "2024-01-24 10:15:32 INFO FORGET /data 200",
    ] {
        // Method and path are all that it says.
        assert!(read(line).is_none_or(|said| said.status == NO_STATUS), "{line}");
    }
    for line in [
        // No timestamp; a trace id is none.
        r#"192.0.2.7 - - "GET / HTTP/1.1" 200 12"#,
        r#"192.0.2.7 [1706091332123] "GET / HTTP/1.1" 200 12"#,
        // What is no request of this service, or not yet answered.
        r#"2024-01-24 10:15:32 INFO httpx HTTP Request: GET https://api.example/x "HTTP/1.1 200 OK""#,
        r#"2024-01-24 10:15:32 DEBUG urllib3.connectionpool https://a.example:443 "GET /x HTTP/1.1" 200 12"#,
        "2024-01-24 10:15:32 D/OkHttp: --> POST https://a.example/x 200",
        "2024-01-24 10:15:32 info: Request starting HTTP/1.1 POST http://a.example/x application/json 404",
        "2024-01-24 10:15:32 INFO Started GET /x 200",
        // Formats that say more about them.
        r#"{"time":"2024-01-24T10:15:32Z","message":"GET /x 200"}"#,
        r#"ts=2024-01-24T10:15:32Z msg="GET /x 200""#,
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn answers_without_their_request() {
    for (line, status, ms) in [
        ("2024-01-24 10:15:32.123 [info] Sent 200 in 12ms", 200, Some(12.0)),
        ("2024-01-24 10:15:32 request_id=F7 [info] Sent 404 in 812\u{b5}s", 404, Some(0.812)),
        ("2024-01-24 10:15:32 [info] Chunked 200 in 3ms", 200, Some(3.0)),
        ("2024-01-24 10:15:32 [info] Sent 101 in 12ms", 101, None),
        ("2024-01-24 10:15:32 INFO Completed 404 Not Found in 7ms (Views: 1ms)", 404, Some(7.0)),
        ("2024-01-24 10:15:32 INFO Request finished in 16.25ms 304 text/css", 304, Some(16.25)),
        ("2024-01-24 10:15:32 INFO Request finished in 2.5ms 404 ", 404, Some(2.5)),
    ] {
        let said = read(line).expect(line);
        assert_eq!((said.status, said.ms, said.second), (status, ms, SECOND), "{line}");
        assert_eq!((&said.method[..], &said.path[..], said.level), ("", "", Level::Info), "{line}");
    }
    for line in [
        "2024-01-24 10:15:32 INFO Sent 200 mails in 12ms",
        "2024-01-24 10:15:32 INFO Sent 299 in 12ms",
        "2024-01-24 10:15:32 INFO Completed 200 requests in 12s",
        "2024-01-24 10:15:32 INFO Completed 200 in 12 steps",
        "2024-01-24 10:15:32 INFO UnSent 200 in 12ms",
        "2024-01-24 10:15:32 INFO Request finished in 2.5ms",
        "2024-01-24 10:15:32 INFO Request finished in 2.5ms 200 items",
        "Sent 200 in 12ms",
    ] {
        assert_eq!(read(line), None, "{line}");
    }
}

#[test]
fn lines_of_kubernetes() {
    for (line, status, request, ms) in [
        (
            "I0124 10:15:32.000000       1 httplog.go:90] GET /api/v1/pods?limit=5: (12.5ms) 200 [kubectl/v1.17 (linux/amd64) 192.0.2.7:51234]",
            200,
            "GET /api/v1/pods?limit=5",
            Some(12.5),
        ),
        (
            "I0124 10:15:32.000000       1 httplog.go:90] GET /api/v1/pods?watch=true: (5m35s) 200 [kubelet 192.0.2.7:51234]",
            200,
            "GET /api/v1/pods?watch=true",
            None,
        ),
        (
            r#"I0124 10:15:32.000000       1 httplog.go:132] "HTTP" verb="LIST" URI="/api/v1/pods" latency="1.5ms" audit-ID="3c" srcIP="192.0.2.7:51234" resp=403"#,
            403,
            "LIST /api/v1/pods",
            Some(1.5),
        ),
        (
            r#"I0124 10:15:32.000000       1 httplog.go:132] "HTTP" verb="WATCH" URI="/api/v1/pods" latency="5m35s" srcIP="192.0.2.7:51234" resp=200"#,
            200,
            "WATCH /api/v1/pods",
            None,
        ),
        // A film that is watched elsewhere.
        (
            "2024-01-24 10:15:32 INFO GET /films?watch=1 200 12ms",
            200,
            "GET /films?watch=1",
            Some(12.0),
        ),
    ] {
        let said = read(line).expect(line);
        let route = format!("{} {}", said.method, said.path);
        assert_eq!((said.status, &route[..], said.ms), (status, request, ms), "{line}");
    }
}

#[test]
fn names_before_a_request_say_more_than_numbers_behind_it() {
    let line = r#"peer=192.0.2.7 [24/Jan/2024:10:15:32 +0000] status=204 request_time=0.045 request="GET /a HTTP/1.1" 404 "-""#;
    let said = read(line).unwrap();
    assert_eq!((said.status, said.ms, said.size), (204, Some(45.0), None));
    let line = "[24/Jan/2024:10:15:32 +0000] 192.0.2.7 to: 10.0.0.66:80: GET /a HTTP/1.1 upstream_response_time 0.012 msec 1706091332.123 request_time 0.013";
    let said = read(line).unwrap();
    assert_eq!((said.status, said.ms, &said.path[..]), (NO_STATUS, Some(13.0), "/a"));
    assert_eq!(said.client, "192.0.2.7");
    let said = read(&line.replace("192.0.2.7", "shop.example")).unwrap();
    assert_eq!((said.ms, &said.client[..]), (Some(13.0), ""));
    let line = "[Wed Jan 24 10:15:32 2024] 192.0.2.7:51234 [404]: GET /a - No such file";
    let said = read(line).unwrap();
    assert_eq!((said.status, &said.client[..]), (404, "192.0.2.7"));
    assert_eq!(read("2024-01-24 10:15:32 port [404]: GET /a").unwrap().status, 404);
}

#[test]
fn a_plan_may_say_that_a_number_stands_before_the_status() {
    let read = |behind: &str, status_place| {
        let line =
            format!("192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET /a HTTP/1.1\" {behind}");
        read_as(&line, &Params { status_place, ..Params::default() })
    };
    let said = read("200 404 12", StatusPlace::Second).unwrap();
    assert_eq!((said.status, said.size), (404, Some(12)));
    assert_eq!(read("200 - 12", StatusPlace::Second).unwrap().status, NO_STATUS);
    assert_eq!(read("200 404 12", StatusPlace::Nowhere).unwrap().status, NO_STATUS);
    assert_eq!(read("\"-\" 404 12", StatusPlace::Second).unwrap().status, 404);
    assert_eq!(read("200 404 12", StatusPlace::First).unwrap().status, 200);
}

#[test]
fn payloads_need_no_timestamp() {
    let line = r#"192.0.2.7 "-" "-" "GET /cart" 503 12"#;
    assert_eq!(read(line), None);
    let said = read_as(line, &Params::of_payloads()).unwrap();
    assert_eq!((said.status, said.size, &said.path[..]), (503, Some(12), "/cart"));
}

/// What may stand around a request, and says nothing about its status.
fn neighbor() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[0-9]{1,2}",
        "[0-9]{4,9}",
        "took [1-5][0-9]{2}ms",
        "in [1-5][0-9]{2} ms",
        "port [1-5][0-9]{2}",
        "[1-5][0-9]{2} (items|bytes|ms|of)",
        "\\([1-5][0-9]{2}: [a-z]{3}\\)",
        "10\\.0\\.0\\.[12][0-9]{2}(:[1-5][0-9]{2})?",
        "/[a-z]/[1-5][0-9]{2}",
        "[a-z]{2}=[1-5][0-9]{2}[a-z]",
        "\\[[a-z]{1,5}\\]",
        "-",
    ]
}

proptest! {
    /// A request in any text, with its status right behind it, is read; and nothing else is.
    #[test]
    fn any_request_in_any_text(
        front in prop::sample::select(&[
            "2024-01-24 10:15:32 ", "[2024-01-24T10:15:32Z] ", "INFO 2024-01-24 10:15:32.5 ",
            "[24/Jan/2024:10:15:32 +0000] ",
        ][..]),
        before in prop::collection::vec(neighbor(), 0..4),
        after in prop::collection::vec(neighbor(), 0..4),
        method in prop::sample::select(&["GET", "POST", "DELETE", "OPTIONS"][..]),
        path in "(/[a-z0-9.]{1,6}){1,3}(\\?[a-z]=[1-5][0-9]{2})?",
        code in 100u16..600,
        (dress, gap) in (0usize..3, prop::sample::select(&[" ", "  ", " - ", " | "][..])),
    ) {
        let request = match dress {
            0 => format!("\"{method} {path} HTTP/1.1\""),
            1 => format!("{method} {path} HTTP/2.0"),
            _ => format!("{method} {path}"),
        };
        let words = |words: &[String]| words.iter().map(|w| format!("{w} ")).collect::<String>();
        let (before, after) = (words(&before), words(&after));
        let with = format!("{front}{before}{request}{gap}{code} \"-\" {after}");
        let said = read(&with);
        if is_registered_status(code) {
            let said = said.expect(&with);
            prop_assert_eq!(said.status, code, "{}", with);
            prop_assert_eq!((&said.method[..], &said.path[..]), (method, &path[..]), "{}", with);
            prop_assert_eq!(said.second, SECOND, "{}", with);
        }
        // Without it there is none: words and counts around it are no status.
        let without = format!("{front}{before}{request} said {after}");
        prop_assert!(read(&without).is_none_or(|said| said.status == NO_STATUS), "{}", without);
    }

    #[test]
    fn any_bytes_are_survived(text: Vec<u8>, likely in "[GET /HTP.1\"0-9:\\[\\]|-]{0,80}") {
        let line = format!("2024-01-24 10:15:32 {likely}");
        read(&line);
        read(&String::from_utf8_lossy(&text).replace('\n', " "));
    }
}

#[test]
fn pairs_in_text() {
    const FRONT: &str = "2024-01-24T10:15:32Z";
    let row = |rest: &str| {
        let said = read(&format!("{FRONT} {rest}"))?;
        assert_eq!(said.second, SECOND, "{rest}");
        Some((said.status, said.method, said.path, said.level, said.ms))
    };
    let said = |status, method: &str, path: &str, level, ms| {
        Some((status, method.to_string(), path.to_string(), level, ms))
    };
    use Level::{Error, Info, None as NoLevel};
    for (text, expected) in [
        ("INFO done path=/a status=200 duration=5ms", said(200, "", "/a", Info, Some(5.0))),
        ("INFO done: status_code=404, path=\"/a b?c=1\"", said(404, "", "/a b?c=1", Info, None)),
        (
            "[ERROR]  web: failed: request_uri=/a http_status=502 latency=1.5s",
            said(502, "", "/a", Error, Some(1_500.0)),
        ),
        (
            "INFO \"HTTP\" verb=\"GET\" URI=\"/a\" latency=\"5ms\" resp=304",
            said(304, "GET", "/a", Info, Some(5.0)),
        ),
        (
            "INFO finished processing request latency=0 ms status=404",
            said(404, "", "", Info, Some(0.0)),
        ),
        ("INFO response sent {code=404,size=12}", said(404, "", "", Info, None)),
        ("INFO done path=/a status=509", said(509, "", "/a", Info, None)),
        ("called url=https://api.example/a status=200", said(200, "", "/a", NoLevel, None)),
        // What is no key, no status, a file, or nothing that speaks of a request.
        ("INFO opened path=/a mode=200", None),
        ("INFO opened path=/a status=ok", None),
        ("INFO opened path=/a status=200ms", None),
        ("INFO opened path=/a status=2000", None),
        ("INFO opened path=/a exit_statuses=200", None),
        ("INFO opened path=/a x:status=200", None),
        ("INFO rotated path=/var/log/a.log code=200", None),
        ("INFO exited code=200 request_id=7", None),
        ("INFO exited status=137 after 3s", None),
        ("INFO executed path=/bin/sh code=127", None),
        ("INFO backup finished path=/data rc=100", None),
        ("INFO response path=/a code=226.5", None),
    ] {
        assert_eq!(row(text), expected, "{text}");
    }
    assert_eq!(read("INFO done path=/a status=200 at=2024-01-24T10:15:32Z"), None);
}

proptest! {
    /// Whatever parts the pairs, and in whatever order they come.
    #[test]
    fn pairs_in_any_dressing(
        status in prop::sample::select(vec![200u16, 301, 404, 503]),
        key in prop::sample::select(vec!["status", "status_code", "http.status_code", "statusCode"]),
        path in "/[a-z0-9/._-]{0,12}",
        other in "x_[a-z]{1,6}=[a-z0-9:/]{0,6}",
        (open, gap, close) in prop::sample::select(vec![
            ("", " ", ""), ("[", " ", "]"), ("{", ", ", "}"), ("(", ",", ")"), ("| ", "|", ""), ("", "; ", ";"),
        ]),
        order in 0usize..6,
        is_quoted: bool,
    ) {
        let quote = if is_quoted { "\"" } else { "" };
        let path_pair = format!("path={quote}{path}{quote}");
        let mut pairs = [format!("{key}={quote}{status}{quote}"), path_pair, other];
        pairs.rotate_left(order % 3);
        if order > 2 {
            pairs.swap(0, 1);
        }
        let line = format!("2024-01-24T10:15:32Z INFO done {open}{}{close}", pairs.join(gap));
        let said = read(&line).unwrap_or_else(|| panic!("{line}"));
        prop_assert_eq!((said.status, said.path, said.second), (status, path, SECOND), "{}", line);
    }
}
