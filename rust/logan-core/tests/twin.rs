//! The engine against its slow twin: every figure of generated, mutated and arbitrary logs.
//!
//! Lines are generated from small grammars of every format that has a twin, in the dressings that
//! the formats' texts speak of and a little beyond; then bytes are flipped, cut, copied and removed.
//! `PROPTEST_CASES` sets how many cases each test tries, a failure prints its input.

use logan_core::codec;
use logan_core::engine::{self, Chunk, Control};
use logan_core::format::{Params, Unit};
use logan_core::input::{Fingerprint, Mode, Source};
use logan_core::level::Level;
use logan_core::metric::lines::REASONS;
use logan_core::naive::{self, Naive, analyze, quantile};
use logan_core::scan::Scanner;
use logan_core::spec::{FormatSpec, SourceSpec, Spec};
use logan_core::summary::Summary;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// `cases`, unless the environment says otherwise.
fn config(cases: u32) -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

// ------------------------------------------------------------------------------------ grammars

type Text = BoxedStrategy<String>;

/// One of what broken bars separate; the first stand for the usual ones when a failure is shrunk.
fn pick(list: &'static str) -> Text {
    select(list.split('¦').collect::<Vec<_>>()).prop_map(str::to_string).boxed()
}

fn just(text: &str) -> Text {
    Just(text.to_string()).boxed()
}

/// Nearly always one of the first: a line is right only if all its parts are.
fn mostly(usual: &'static str, odd: &'static str) -> Text {
    prop_oneof![20 => pick(usual), 1 => pick(odd)].boxed()
}

/// All of them on end.
fn cat(parts: Vec<Text>) -> Text {
    parts.prop_map(|parts| parts.concat()).boxed()
}

/// A few of them with something between.
fn several(part: Text, between: Text, most: usize) -> Text {
    vec((part, between), 0..=most)
        .prop_map(|parts| parts.into_iter().map(|(a, b)| a + &b).collect())
        .boxed()
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    year: i64,
    month: usize,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

const MONTHS: [&str; 14] = [
    "Jen", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    "Dez",
];

/// Mostly within minutes, sometimes anywhere, rarely no moment at all.
fn moment() -> BoxedStrategy<Moment> {
    let at =
        |year, month, day, hour, minute, second| Moment { year, month, day, hour, minute, second };
    prop_oneof![
        8 => (15u32..18, 0u32..60).prop_map(move |(m, s)| at(2024, 1, 24, 10, m, s)),
        // Changes of daylight saving time, in both directions.
        2 => (0u32..60, 0u32..4).prop_map(move |(m, h)| at(2024, 3, 31, h, m, 7)),
        2 => (0u32..60, 0u32..4).prop_map(move |(m, h)| at(2024, 10, 27, h, m, 7)),
        2 => (1970i64..2100, 1usize..13, 1u32..29, 0u32..24, 0u32..60, 0u32..60)
            .prop_map(move |(y, o, d, h, m, s)| at(y, o, d, h, m, s)),
        1 => (1676i64..2265, 0usize..14, 0u32..33, 0u32..26, 0u32..62, 0u32..62)
            .prop_map(move |(y, o, d, h, m, s)| at(y, o, d, h, m, s)),
        1 => select(&[(1970, 1, 1, 0), (1969, 12, 31, 23), (1678, 1, 1, 0), (2261, 12, 31, 23),
            (2024, 2, 29, 5), (2023, 2, 29, 5), (2000, 2, 29, 1), (1900, 2, 29, 1)][..])
            .prop_map(move |(y, o, d, h)| at(y, o, d, h, 59, 59)),
    ]
    .boxed()
}

fn fraction() -> Text {
    pick(".123¦¦¦,123¦.5¦.123456¦.123456789¦.9999999999¦,000¦.12345678¦.¦,¦.x")
}

fn zone() -> Text {
    pick(
        "¦¦¦¦Z¦ +0000¦+01:00¦-0530¦ -05:00¦ UTC¦GMT¦+00¦ -12¦+24:00¦+053¦ +05:3x¦\
        -05:¦Zulu¦ Z",
    )
}

/// A timestamp in any layout, of which some may follow others and all may be a little wrong.
fn stamp() -> Text {
    let layout = prop_oneof![4 => Just(0usize), 4 => 0usize..24];
    let usual = (moment(), fraction(), zone(), layout)
        .prop_map(|(m, fraction, zone, layout)| written(m, &fraction, &zone, layout));
    prop_oneof![4 => usual, 1 => rare_stamp()].boxed()
}

/// A timestamp of the rarer layouts: any date, gap and time of day.
fn rare_stamp() -> Text {
    let gap = pick(" ¦ ¦, ¦T¦_¦-¦ - ¦ | ¦; ¦  ¦:¦   ¦    ¦ -- ¦¦,¦-  ");
    let half = pick("¦¦¦ AM¦ PM¦am¦ pm¦PM¦ AMx¦ P");
    (moment(), 0usize..32, gap, (0usize..9, fraction()), half, zone())
        .prop_map(|(m, layout, gap, (clock, fraction), half, zone)| {
            let Moment { hour: h, minute: n, second: s, .. } = m;
            let time = match clock {
                0..4 => format!("{h:02}:{n:02}:{s:02}{fraction}"),
                4 => format!("{h}:{n:02}:{s:02}{fraction}"),
                5 => format!("{h:02}:{n:02}"),
                6 => format!("{h:02}.{n:02}.{s:02}{fraction}"),
                7 => format!("{h:02}{n:02}{s:02}{fraction}"),
                _ => format!("{h}:{n}:{s}"),
            };
            format!("{}{gap}{time}{half}{zone}", rare_date(m, layout))
        })
        .boxed()
}

fn rare_date(moment: Moment, layout: usize) -> String {
    let Moment { year: y, month: o, day: d, .. } = moment;
    let (name, short) = (MONTHS[o], y.rem_euclid(100));
    let whole = ["january", "February", "March", "APRIL", "Janua", "sept"][d as usize % 6];
    match layout {
        0 => format!("{y}-{o}-{d}"),
        1 => format!("{y}/{o}/{d:02}"),
        2 => format!("{y}.{o:02}.{d:02}"),
        3 => format!("{o:02}/{d:02}/{y}"),
        4 => format!("{d}/{o}/{y}"),
        5 => format!("{d:02}-{o:02}-{y}"),
        6 => format!("{o}-{d}-{y}"),
        7 => format!("{d:02}.{o:02}.{y}"),
        8 => format!("{o}.{d}.{y}"),
        9 => format!("{o}/{d}/{short:02}"),
        10 => format!("{d}.{o}.{short:02}"),
        11 => format!("{short:02}-{o:02}-{d:02}"),
        12 => format!("{o}.{d}"),
        13 => format!("{d:02}.{o:02}"),
        14 => format!("{d:02}-{name}-{short:02}"),
        15 => format!("{d}-{}-{y}", name.to_uppercase()),
        16 => format!("{d}/{name}/{y}"),
        17 => format!("{d}{name}{y}"),
        18 => format!("{d} {name}"),
        19 => format!("{d} {whole} {y}"),
        20 => format!("{name} {d} {y}"),
        21 => format!("{name} {d:2} {y}"),
        22 => format!("{whole} {d}, {y}"),
        23 => format!("{name} {d},"),
        24 => format!("Wednesday, {whole} {d}, {y}"),
        25 => format!("Sunday, {d} {whole} {y}"),
        26 => format!("tue {name} {d}"),
        27 => format!("{y:04}{o:02}{d:02}"),
        28 => format!("{short:02}{o:02}{d:02}"),
        29 => format!("{d}-{name}"),
        30 => format!("1.{y:04}{o:02}e+{d:02} {y}-{o:02}-{d:02}"),
        _ => format!("1.70609133{d}e+09"),
    }
}

fn written(moment: Moment, fraction: &str, zone: &str, layout: usize) -> String {
    let Moment { year: y, month: o, day: d, hour: h, minute: m, second: s } = moment;
    let name = MONTHS[o];
    let short = y.rem_euclid(100);
    let days = i64::from(d) + 30 * o as i64 + 365 * (y - 1970);
    let epoch = (days * 86_400 + i64::from(h * 3600 + m * 60 + s)).max(0);
    let time = format!("{h:02}:{m:02}:{s:02}{fraction}");
    match layout {
        0 => format!("{y:04}-{o:02}-{d:02} {time}"),
        1 => format!("{y:04}-{o:02}-{d:02}T{time}{zone}"),
        2 => format!("{y:04}/{o:02}/{d:02} {time}{zone}"),
        3 => format!("{y:04}-{o:02}-{d:02} {time}{zone}"),
        4 => format!("{d:02}/{name}/{y:04}:{time}{zone}"),
        5 => format!("{d:02}-{name}-{y:04} {time}"),
        6 => format!("{short:02}/{o:02}/{d:02} {time}"),
        7 => format!("{y:04}{o:02}{d:02}T{h:02}{m:02}{s:02}{fraction}{zone}"),
        8 => format!("{y:04}{o:02}{d:02} {time}"),
        9 => format!("{y:04}{o:02}{d:02}-{time}"),
        10 => format!("{short:02}{o:02}{d:02} {h:02}{m:02}{s:02}"),
        11 => format!("{o:02}-{d:02} {time}"),
        12 => format!("Sun {name} {d:02} {time} {y}"),
        13 => format!("Tue {name} {d:2} {time}"),
        14 => format!("{name} {d}, {y} {h}:{m:02}:{s:02} PM"),
        15 => format!("{name} {d:02}, {y} {h:02}:{m:02}:{s:02}{zone}"),
        16 => format!("{name} {d:2} {time}"),
        17 => format!("Wed, {d:02} {name} {y} {time}{zone}"),
        18 => format!("{d} {name} {y} {time}"),
        19 => format!("{epoch}{fraction}"),
        20 => format!("{}", i128::from(epoch) * 1_000 + 7),
        21 => format!("{}", i128::from(epoch) * 1_000_000 + 7),
        22 => format!("{}", i128::from(epoch) * 1_000_000_000 + 7),
        _ => format!("{}{o:02}{d:02} {time}", ["I", "W", "E", "F", "K"][m as usize % 5]),
    }
}

fn number() -> Text {
    prop_oneof![
        6 => (0u32..1000).prop_map(|n| n.to_string()),
        2 => (0u32..100, 0u32..1000).prop_map(|(n, d)| format!("{n}.{d:03}")),
        1 => any::<u64>().prop_map(|n| n.to_string()),
        1 => (0u64..10_000_000_000).prop_map(|n| n.to_string()),
        1 => (any::<u32>(), any::<u64>()).prop_map(|(n, d)| format!("{n}.{d}")),
        1 => pick("007¦0¦0.0¦1.¦.5¦1.2.3¦9223372036¦9223372037¦0.0000000005¦0.00000000049¦\
        9223372036854775807¦9223372036854775808¦5e3¦1.5E-3¦-1¦000000000000000000005¦\
        1e400¦1e-400"),
    ]
    .boxed()
}

fn duration() -> Text {
    let unit = pick(
        "ms¦s¦ ms¦us¦ns¦µs¦μs¦ s¦sec¦ seconds¦Millis¦ MSEC¦nanoseconds¦¦m¦min¦h¦MS¦\
        msx¦s_¦ms.¦ms,¦s)¦  ms¦m2s",
    );
    let plain = cat(vec![number(), unit.clone()]);
    let group = (1u32..1_000, 0u32..1_000).prop_map(|(a, b)| format!("{a},{b:03}"));
    let grouped = cat(vec![group.boxed(), pick("¦¦.5¦,678¦,12¦,"), unit]);
    let span = pick(
        "00:00:00.1270000¦0:01:02.5¦00:60:00.5¦12:00:00¦PT0.127S¦PT1M2.5S¦P1DT2H¦PT5¦P5S¦\
        PT1S2M¦PT¦P¦9999999:00:00.5¦P99999999D¦1h2m",
    );
    prop_oneof![8 => plain, 1 => grouped, 1 => span].boxed()
}

const WORDS: &str = "Request¦processed¦in¦took¦time¦duration¦elapsed:¦latency=¦responseTime=¦rt¦\
        of¦was¦retrying¦timeout¦every¦next¦wait¦about¦GET¦/api/item/42¦failed¦\
        user=7¦10.0.0.1:8080¦2001:db8::1¦::1¦0xdeadbeef¦'quoted text'¦it's¦\
        \"a \\\" b\"¦deadbeef01¦123e4567-e89b-12d3-a456-426614174000¦\
        /var/log/x.log.¦ERROR¦[warn]¦a1b2c3d4e5¦256.1.1.1¦1.2.3.4.5¦é¦1-2¦x12¦\
        12:34:56¦fe80::1%eth0¦cost¦spent¦key:¦(¦=¦~¦00:11:22:33:44:55:66:77¦info:¦\
        2024-01-24¦- -";

fn message() -> Text {
    let part = prop_oneof![
        4 => pick(WORDS),
        2 => cat(vec![
            pick("in ¦took ¦duration=¦elapsed (¦latency: ¦time:¦cost = ¦rt=¦in about ¦\
        processed in¦every ¦retrying in ¦in 5 of "),
            duration(),
        ]),
        1 => duration(),
    ];
    let between = pick(" ¦ ¦ ¦, ¦¦=¦  ¦: ¦\t¦;");
    several(part.boxed(), between, 6)
}

fn level() -> Text {
    pick(
        "INFO¦ERROR¦WARN¦DEBUG¦TRACE¦FATAL¦info¦Warning¦SEVERE¦notice¦CRIT¦E¦W¦I¦V¦\
        panic¦OTHER¦Information¦ERR¦emerg¦FINE¦N¦LOG¦SUCCESS¦fail¦Note¦DEBUG3¦WRN¦INF¦\
        INFO+2¦DEBUG-4¦ERROR+¦critical¦System",
    )
}

fn app_line() -> Text {
    let dressing = (
        level(),
        pick(
            "{}¦[{}]¦{}:¦- {} -¦ - {} - ¦<{}>¦[main] {}¦[main] [{}] c.X -¦{} ¦\
        1234 5678 {} Tag:¦{}/Tag(12):¦12 {} a.b.C:¦[core:{}] [pid 1]¦| {} |¦\"{}\"¦\
        ({})¦a b c d e f g {}¦a b c d e f g h {}¦level={},¦[http/{}:]¦x/{}: y¦¦\
        --- [{}] *¦{}[1]¦{}/MainProcess]¦app.{}:¦app.{}¦ | {}  | a:b:1¦|{}|¦{} [x] y¦\
        1 2 {}/Tag¦{} - x¦{} NETWORK [c]¦+0000 {} -¦-1 {} x¦\x1b[32m{}\x1b[0m¦\
        \x1b[2m \x1b[0m\x1b[33m {}\x1b[0m \x1b[1m\x1b[31mx\x1b[0m¦{}\x1b[0m¦\x1b{}",
        ),
    )
        .prop_map(|(level, dressing)| dressing.replace("{}", &level))
        .boxed();
    let front = prop_oneof![
        6 => just(""),
        2 => pick("[¦<¦- ¦\x1b[2m¦\x1b[36m[¦\x1b"),
        2 => pick("a;¦b@¦c,¦'¦d>¦123:M ¦[GIN] ¦nova.log ¦host app[1]: ¦key=¦(¦\"¦x|¦err <¦ERROR at ¦\t¦W x ¦warn: a ¦x¦ "),
    ]
    .boxed();
    let behind = pick(" ¦ ¦ ¦] ¦¦  ¦ - ¦\t¦> ¦][");
    let space = pick(" ¦  ¦¦: ¦ - ¦] ");
    cat(vec![front, stamp(), behind, dressing, space, message()])
}

fn path() -> Text {
    prop_oneof![
        6 => pick("/¦/api/data¦/api/item/42¦/a/123e4567-e89b-12d3-a456-426614174000?x=1¦\
        /deadbeef1/x¦/deadbeef/x¦*¦http://h:80/p?q¦https://h?x¦a¦¦/x#y/1¦/%20¦/a//b¦\
        ?¦/1¦/0123456789abcdef0123456789abcdef¦/a\\\"b¦/é/12¦\
        /00000000-0000-0000-0000-000000000000"),
        2 => (0u32..50).prop_map(|n| format!("/route{n}/{n}")),
        1 => (200usize..300).prop_map(|n| format!("/{}", "y".repeat(n))),
        1 => (50usize..70).prop_map(|n| format!("/7/{}/8", "z".repeat(n))),
    ]
    .boxed()
}

fn method() -> Text {
    mostly("GET¦POST¦PUT¦VERSION-CONTROL¦M_SEARCH¦get", "G3T¦¦AVERYLONGMETHODINDEED")
}

fn protocol() -> Text {
    mostly(" HTTP/1.1¦ HTTP/2.0¦", " HTTP/¦ FTP/1¦ x HTTP/1.0¦  HTTP/1.1")
}

fn address() -> Text {
    prop_oneof![
        4 => (0u8..9).prop_map(|n| format!("10.0.0.{n}")),
        3 => pick("::1¦2001:db8::7¦host.example¦-¦[::1]:80¦[]¦10.0.0.1:443¦:80¦a:b:c¦[x¦_x¦x@y¦"),
    ]
    .boxed()
}

fn access_line() -> Text {
    let client = prop_oneof![
        8 => cat(vec![address(), just(" - - [")]),
        1 => cat(vec![pick("www.x:80 ¦www.x:123456 ¦w:8 ¦x: "), address(), just(" - - [")]),
        1 => cat(vec![address(), just(", "), address(), just(" - - [")]),
        1 => cat(vec![address(), just(" "), address(), just(" - - [")]),
        1 => cat(vec![address(), pick(" - some user [¦ - [¦ - [x] [¦  - - [¦ - - - - [")]),
    ]
    .boxed();
    let time =
        (moment(), fraction(), zone(), prop_oneof![9 => Just(4usize), 1 => Just(5), 1 => Just(1)])
            .prop_map(|(m, f, z, layout)| written(m, &f, &z, layout))
            .boxed();
    let usual = (moment(), Just(())).prop_map(|(m, ())| written(m, "", " +0000", 4)).boxed();
    let time = prop_oneof![6 => usual, 1 => time].boxed();
    let request = prop_oneof![
        6 => cat(vec![method(), just(" "), path(), protocol()]),
        1 => pick("-¦¦\\x16\\x03¦GET¦GET ¦GET  HTTP/1.1¦\\¦a\\\"b c¦GET /a\"b¦\"¦GET /\" 200 x"),
    ]
    .boxed();
    let status = mostly("200¦200¦404¦500¦503¦304¦599¦600¦999", "099¦20¦2000¦-¦-");
    let size = mostly("512¦0¦-¦1234567890123456789¦10", "12345678901234567890¦5x¦");
    let mark = mostly("] ", "]¦]  ¦ ] ");
    let agents = pick(
        "¦¦ \"-\" \"Mozilla/5.0 (X11)\"¦ \"https://a/b\" \"x \\\" y\"¦ \"-\"¦ \"-\" \"\\\\\"¦ \"-\" \"open¦ \"-\"  \"x\"¦ \"a\" \"b\"x¦ \"-\" \"a \"b\" c\"¦ \"x\"y\" \"-\"¦ \"-\" \"\"\"¦ \"-\" \"a\"b\" \"c\"",
    );
    let field = prop_oneof![
        4 => number(),
        2 => cat(vec![number(), pick("ms¦s¦us¦µs¦ns¦x¦,¦;¦, 0.5¦ 0.25¦ : 0.5, -¦, 0.5ms¦ : 0.25m")]),
        1 => pick("-, 0.003¦\"- : 0.003\"¦0.024, 0.001 : 0.003¦7 0.037 [a] []¦395 812¦\"-, x\"¦\
        7 \"r@docker\" \"http://1\" 7ms"),
        2 => pick("-¦\"-\"¦\"10.0.0.1, 10.0.0.2\"¦rt=0.024¦rt=\"0.024\"¦uct=\"0.001\"¦\
        request_time=12¦urt=-¦RT=1¦\"0.5\"¦\"0.5¦rt=¦a=b¦\"x¦gzip¦1_=2¦\
        request_time=\"7\"¦k=\"v\"x¦abcdefghijklmnopqrstuvwxyz_0123456789=1"),
    ]
    .boxed();
    let tail = cat(vec![
        pick("¦ ¦ ¦ ¦  "),
        pick("¦¦¦¦¦¦¦7 \"r@docker\" \"http://1\" 7ms¦7 0.037 [a] []"),
        several(field, pick(" ¦ ¦¦  "), 5),
        pick("¦¦¦ \"r@docker\" \"http://1\" 7ms¦\" 12ms"),
    ]);
    let head = cat(vec![client, time, mark]);
    let quoted = cat(vec![
        head.clone(),
        just("\""),
        request.clone(),
        mostly("\" ", "\"¦\"  "),
        status.clone(),
        just(" "),
        size.clone(),
        agents,
        tail.clone(),
    ]);
    let after = prop_oneof![
        2 => cat(vec![just(" "), duration()]),
        1 => cat(vec![just(" "), size, just(" "), duration()]),
        1 => tail,
    ]
    .boxed();
    let traefik = cat(vec![
        head.clone(),
        just("\""),
        request.clone(),
        just("\" 200 5 \"-\" \"-\" 7 \"r@docker\" \"http://1\" "),
        number(),
        just("ms"),
    ]);
    let bare = cat(vec![head, request, just(" "), status, after]);
    prop_oneof![9 => quoted, 3 => bare, 1 => traefik].boxed()
}

const KEYS: &str = "time¦msg¦level¦status¦duration¦duration_ms¦ts¦@timestamp¦message¦path¦\
        method¦client_ip¦bytes¦Duration¦latency¦latency_human¦elapsed¦took¦rt¦\
        request_time¦request_time_ms¦responseTime¦response-time¦statusCode¦\
        status_code¦http.response.status_code¦severity¦s¦l¦url¦request¦remote_addr¦\
        size¦body_bytes_sent¦error¦err¦log¦event.duration¦elapsed_ns¦tookSeconds¦\
        code¦ip¦route¦t¦x¦¦_time¦@@time¦LEVEL¦Content-Length¦http-status¦\
        http_request.latency¦timestamp.seconds¦durations¦http.duration¦DurationMs¦\
        ti\\u006de¦exception.message¦started_at¦resp_size¦\
        controller¦at¦service¦fwd¦x_forwarded_for¦msec¦created¦time_ms¦ms¦handler_time¦\
        mt¦text_payload¦real_ip¦res.headers.content_length¦elapsed_usecs¦\
        a_key_that_is_much_longer_than_any_known_name";
const GROUPS: &str = "http¦http.response¦response¦fields¦context¦error¦req¦res¦event¦log¦record¦\
        level¦time¦httpRequest¦x¦JSONPayload¦request¦meta¦url¦exception";

/// Values of all kinds, as text without quotes.
fn value() -> Text {
    prop_oneof![
        3 => stamp(),
        2 => level(),
        3 => duration(),
        3 => number(),
        2 => pick("200¦404¦503¦600¦099¦30¦3¦60¦8¦1m2.5s¦1h2m3s¦1.5.s¦D3"),
        1 => cat(vec![method(), just(" "), path(), protocol()]),
        1 => path(),
        1 => method(),
        1 => address(),
        1 => pick("¦-¦x¦GET¦é¦1706091332¦0000000012¦1.706091332e9¦99999999¦true"),
        1 => message(),
    ]
    .boxed()
}

fn in_quotes(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '"' => "\\\"".into(),
            '\\' => "\\\\".into(),
            '/' if text.len().is_multiple_of(3) => "\\/".into(),
            '\t' => "\\t".into(),
            'é' => "\\u00e9".into(),
            c => c.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

fn json_value() -> Text {
    prop_oneof![
        5 => value().prop_map(|text| in_quotes(&text)),
        3 => number(),
        1 => mostly(
            "200¦503¦30¦95¦0.033¦1706091332.5¦1706091332123¦true¦false¦null¦[]¦{}¦\
        [1,\"a\",{\"msg\":\"x\"}]¦-0¦1e5¦1e+3¦\"\\ud83d\\ude00 \\ud83d\"¦\"a\tb\"¦\
        \"\\\\\"",
            "01¦1.¦'x'¦nul¦\"\\q\"¦\"\\u12\"¦--1",
        ),
    ]
    .boxed()
}

fn json_line() -> Text {
    let comma = pick(",¦,¦,¦, ¦ ,\t¦,,¦");
    let colon = pick(":¦:¦:¦: ¦ : ¦=¦");
    let wrap = |inner: Text, comma: Text, colon: Text| -> Text {
        let member =
            (pick(KEYS), colon, inner).prop_map(|(k, c, v)| format!("\"{k}\"{c}{v}")).boxed();
        let object = (vec((member, comma), 0..7), any::<bool>()).prop_map(|(members, spaced)| {
            let mut text = String::new();
            for (i, (member, comma)) in members.iter().enumerate() {
                text += if i > 0 { comma } else { "" };
                text += member;
            }
            if spaced { format!("{{ {text} }}") } else { format!("{{{text}}}") }
        });
        object.boxed()
    };
    // Mistakes in the punctuation are rare: else hardly a line would be JSON.
    let comma = prop_oneof![12 => just(","), 1 => comma].boxed();
    let colon = prop_oneof![12 => just(":"), 1 => colon].boxed();
    let leaf = wrap(json_value(), comma.clone(), colon.clone());
    let nested = (pick(GROUPS), leaf.clone(), pick(GROUPS), leaf.clone(), leaf.clone(), 0usize..6)
        .prop_map(|(outer, a, inner, b, plain, shape)| match shape {
            0 => format!("{{\"{outer}\":{a},{}", plain.trim_start_matches('{')),
            1 => format!("{{\"{outer}\":{{\"{inner}\":{b}}}}}"),
            2 => format!("{{\"{outer}\":[{a}],\"msg\":\"x\"}}"),
            3 => format!("{}{a}{}", "{\"fields\":".repeat(3), "}".repeat(3)),
            4 => format!("{{\"msg\":\"m\",\"x\":{}{}}}", "[".repeat(62), "]".repeat(62)),
            _ => format!("{{\"msg\":\"m\",\"x\":{}{}}}", "[".repeat(63), "]".repeat(63)),
        });
    let edge = mostly("", " ¦\t¦x¦}¦{");
    let any = cat(vec![edge.clone(), prop_oneof![3 => leaf, 2 => nested].boxed(), edge]);
    prop_oneof![6 => any, 1 => json_of_known_writers()].boxed()
}

/// Lines of zap, slog and lograge, or nearly so: who wrote them settles units.
fn json_of_known_writers() -> Text {
    let front = pick(
        "{\"level\":\"info\",\"ts\":1706091332.123,¦{\"time\":\"2024-01-24T10:15:32Z\",\"level\":\"INFO\",¦\
        {\"level\":\"info\",\"ts\":1706091332,¦{\"time\":\"2024-01-24T10:15:32Z\",\"level\":\"info\",¦\
        {\"level\":30,\"ts\":1706091332.5,¦{\"controller\":\"a\",¦{\"msg\":\"x\",\"ts\":1706091332.123,¦\
        { \"level\":\"info\",\"ts\":1706091332.123,¦{",
    );
    let key = pick("duration¦elapsed¦took¦latency¦Duration¦latency_human¦service¦duration_ms");
    let value = prop_oneof![
        2 => number(),
        4 => pick("5¦127¦999¦1000¦9999¦10000¦430000¦999999¦1000000¦0¦0.127¦58.33¦1.2e3¦\"127\"¦\
        \"0.127\"¦\"430000\"¦\"5\"¦\"12345\"¦\"127ms\"¦\"00:00:01.5\"¦007¦null"),
    ];
    let member = (key, value).prop_map(|(key, value)| format!("\"{key}\":{value},")).boxed();
    let members = several(member, just(""), 3);
    cat(vec![front, members, pick("\"msg\":\"m\"}¦\"controller\":\"c\"}¦\"ts\":1706091332.1}")])
}

fn logfmt_line() -> Text {
    let pair = (pick(KEYS), pick("=¦=¦=¦=¦=\"¦==¦¦\""), value(), any::<bool>())
        .prop_map(|(key, eq, value, quoted)| {
            if quoted {
                format!("{key}={}", in_quotes(&value))
            } else {
                format!("{key}{eq}{value}")
            }
        })
        .boxed();
    let usual = (pick(KEYS), value())
        .prop_map(|(key, value)| match value.contains([' ', '\t', '"']) {
            true => format!("{key}={}", in_quotes(&value)),
            false => format!("{key}={value}"),
        })
        .boxed();
    let part = prop_oneof![8 => usual, 1 => pair, 1 => pick("flag¦x¦-¦\"¦=¦==¦k=\"\\n\\q\"")];
    let first = prop_oneof![
        4 => pick("level=info ¦ts=2024-01-24T10:15:32Z ¦msg=\"a b\" "),
        1 => pick("method=GET path=/x controller=C status=200 duration=58.33 ¦\
        method=GET path=/x status=200 ¦at=info fwd=\"10.0.0.1, 10.0.0.2\" service=18ms "),
        1 => just(""),
    ];
    cat(vec![first.boxed(), several(part.boxed(), pick(" ¦ ¦ ¦\t¦  ¦"), 8)])
}

fn other_line() -> Text {
    pick(
        "¦ ¦\t \u{c}¦\u{b}¦\tat com.foo.Bar.baz(Bar.java:12)¦\
        Traceback (most recent call last):¦  File \"x.py\", line 3¦ValueError: x¦\
        java.lang.NullPointerException¦Caused by: x¦... 12 more¦at x¦Error¦\
        Errors: 5¦goroutine 1 [running]:¦Suppressed: y¦#Fields: date time¦\
        #Date: 2024-01-24 10:15:32¦# 2024-01-24 10:15:32 x¦#comment¦\
        Invalid log line¦2024-01-24 ERROR¦10:15:33.001 INFO Incomplete¦{¦{}¦ {\"a\"¦\
        \0¦2024-01-24 10:15:32\0 INFO x¦\u{feff}2024-01-24 10:15:32 INFO x¦\
        A.b$c_9Warning¦{\"a\":1}¦{\"ms\":x}",
    )
}

/// Lines of formats that have no twin, which must be told from those that do.
fn foreign_line() -> Text {
    let day = "2024-01-24 10:15:32.123";
    let fixed = pick(
        "WARNING:root:took 127ms¦INFO:     10.0.0.1:5 - \"GET /x HTTP/1.1\" 200 OK¦\
        [INFO ] x in 5ms¦10:15:32.123 [main] INFO a.B - took 5 ms¦INFO[0005] done in 3s¦\
        [0.005s][info][gc] Pause 1.5ms¦12 [main] WARN a.B - x¦info: x¦[a-1] ERROR b.C - x¦\
        [10:15:32] ERROR x¦\x1b[32mINFO\x1b[0m: x in 5ms¦INFO: at 2024-01-24 10:15:32 x¦\
        [GIN] 2024/01/24 - 10:15:32 | 200 |     127.123µs |  10.0.0.1 | GET      \"/ping\"¦\
        123:M 24 Jan 2024 10:15:32.123 * Ready¦[Wed Jan 24 10:15:32.1 2024] [core:error] [pid 1] x¦\
        [Wed Jan 24 10:15:32 2024] [error] [client 10.0.0.1] x¦\
        2024/01/24 10:15:32 [error] 3#3: *7 open() failed, client: 10.0.0.1, request: \"GET /x HTTP/1.1\"¦\
        I, [2024-01-24T10:15:32.123456 #12]  INFO -- : Completed 200 OK in 127ms (Views: 1ms)¦\
        Started GET \"/x\" for 10.0.0.1 at 2024-01-24 10:15:32 +0000¦Completed 404 Not Found in 5ms",
    );
    let postgres =
        (pick(" UTC [12] ¦ [12] u@d ¦:10.0.0.1(5):u@d:[12]:¦ UTC ¦ "), level(), duration())
            .prop_map(move |(front, level, took)| {
                format!("{day}{front}{level}:  duration: {took}  x")
            });
    prop_oneof![4 => fixed, 1 => postgres].boxed()
}

fn line() -> Text {
    prop_oneof![
        4 => app_line(),
        4 => access_line(),
        4 => json_line(),
        4 => logfmt_line(),
        2 => other_line(),
        1 => foreign_line(),
    ]
    .boxed()
}

/// Bytes of a log, which a failure prints as text.
#[derive(Clone)]
struct Log(Vec<u8>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// A log: lines of one format or of all, line ends, perhaps a byte order mark.
fn log(most: usize) -> BoxedStrategy<Log> {
    let end = pick("\n¦\n¦\n¦\n¦\r\n¦\r\r\n¦\n\n");
    let one = |line: Text, end: Text| vec((line, end), 0..most);
    let lines = prop_oneof![
        one(app_line(), end.clone()),
        one(access_line(), end.clone()),
        one(json_line(), end.clone()),
        one(logfmt_line(), end.clone()),
        one(line(), end),
    ];
    (lines, 0u8..8, any::<bool>())
        .prop_map(|(lines, bom, last_newline)| {
            let mut bytes = if bom == 7 { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
            let last = lines.len().saturating_sub(1);
            for (i, (line, end)) in lines.iter().enumerate() {
                bytes.extend_from_slice(line.as_bytes());
                if i < last || last_newline {
                    bytes.extend_from_slice(end.as_bytes());
                }
            }
            Log(bytes)
        })
        .boxed()
}

#[derive(Debug, Clone)]
enum Mutation {
    Flip(usize, u8),
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Copy(usize, usize, usize),
    Truncate(usize),
}

fn mutation() -> BoxedStrategy<Mutation> {
    let bytes = prop_oneof![
        4 => select(&b"\n\r\0 \t\"'\\{}[]<>|:;,=-/.0129eEZTsmIWEF#%@_~\x7f\x80\xc2\xb5\xff"[..]),
        1 => any::<u8>(),
    ];
    let piece = pick(
        "\r\n¦\n¦\u{feff}¦ in 5ms¦2024-01-24 10:15:32 ¦\\\"¦\\u00¦ 200 ¦[¦\
        ] \"GET / HTTP/1.1\" 200 1¦{\"a\":¦INFO ¦rt=¦  ¦duration=¦\x1b[0m¦\x1b[1;31m¦ PM¦ | ¦\
        01/24/2024 10:15 ¦,123ms¦:  ",
    );
    let any_bytes = vec(any::<u8>(), 0..5);
    prop_oneof![
        3 => (any::<usize>(), any::<u8>()).prop_map(|(i, b)| Mutation::Flip(i, b)),
        4 => (any::<usize>(), bytes).prop_map(|(i, b)| Mutation::Set(i, b)),
        2 => (any::<usize>(), piece).prop_map(|(i, p)| Mutation::Insert(i, p.into_bytes())),
        1 => (any::<usize>(), any_bytes).prop_map(|(i, p)| Mutation::Insert(i, p)),
        2 => (any::<usize>(), 0usize..20).prop_map(|(i, n)| Mutation::Remove(i, n)),
        2 => (any::<usize>(), any::<usize>(), 0usize..200).prop_map(|(i, j, n)| Mutation::Copy(i, j, n)),
        1 => any::<usize>().prop_map(Mutation::Truncate),
    ]
    .boxed()
}

fn mutated(Log(mut bytes): Log, mutations: &[Mutation]) -> Log {
    for mutation in mutations {
        let len = bytes.len();
        let place = |i: &usize| i % (len + 1);
        match mutation {
            Mutation::Flip(i, bit) if len > 0 => bytes[i % len] ^= 1 << (bit % 8),
            Mutation::Set(i, byte) if len > 0 => bytes[i % len] = *byte,
            Mutation::Flip(..) | Mutation::Set(..) => {}
            Mutation::Insert(i, piece) => {
                bytes.splice(place(i)..place(i), piece.iter().copied());
            }
            Mutation::Remove(i, n) => {
                bytes.drain(place(i)..(place(i) + n).min(len));
            }
            Mutation::Copy(i, j, n) => {
                let piece = bytes[place(i)..(place(i) + n).min(len)].to_vec();
                bytes.splice(place(j)..place(j), piece);
            }
            Mutation::Truncate(i) => bytes.truncate(place(i)),
        }
    }
    Log(bytes)
}

/// A log with a few mutations.
fn mutant(most: usize) -> BoxedStrategy<Log> {
    (log(most), vec(mutation(), 1..8)).prop_map(|(log, mutations)| mutated(log, &mutations)).boxed()
}

/// Formats that a plan may have decided on, in its order.
const FORMATS: &[&[&str]] = &[
    &[],
    &[],
    &["app"],
    &["text", "json"],
    &["text"],
    &["logfmt", "app"],
    &["common", "combined", "access"],
    &["access", "text"],
    &["combined"],
    &["traefik", "combined", "ingress-nginx"],
    &["json", "logfmt"],
];

/// Specs that read the same bytes differently.
fn spec() -> BoxedStrategy<Spec> {
    let zones = pick(
        "UTC¦UTC¦Europe/Berlin¦America/New_York¦Asia/Kolkata¦Australia/Lord_Howe¦\
        Africa/Monrovia¦Pacific/Apia",
    );
    let units = select(
        &[None, None, Some(Unit::Milliseconds), Some(Unit::Seconds), Some(Unit::Nanoseconds)][..],
    );
    let names = select(FORMATS);
    (
        zones,
        units,
        names,
        any::<bool>(),
        select(&[0i64, 1_706_000_000_000_000_000, -1, 951_782_400_000_000_000][..]),
        1u32..12,
    )
        .prop_map(|(zone, duration_unit, names, only, anchor_ns, top)| {
            let params = |name: &str| {
                let access = ["common", "combined", "access", "traefik"].contains(&name);
                Params { duration_unit: duration_unit.filter(|_| access), ..Params::default() }
            };
            let formats: Vec<FormatSpec> = names
                .iter()
                .map(|name| FormatSpec { name: name.to_string(), params: params(name) })
                .collect();
            let only = only && !formats.is_empty();
            Spec {
                top,
                input_tz: zone,
                anchor_ns,
                sources: vec![SourceSpec { formats, only, ..SourceSpec::default() }],
                ..Spec::plain()
            }
        })
        .boxed()
}

// ----------------------------------------------------------------------------------- comparison

fn scanned(bytes: &[u8], spec: &Arc<Spec>) -> Summary {
    let mut scanner = Scanner::new(spec.clone()).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    scanner.push(bytes);
    scanner.finish(bytes.len() as u64)
}

/// A file that goes when this does.
struct TempFile(PathBuf);

impl TempFile {
    fn new(bytes: &[u8]) -> TempFile {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("logan-twin-{}-{count}.log", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        TempFile(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn engine_run(bytes: &[u8], spec: &Arc<Spec>, chunk: u64, threads: usize, mode: Mode) -> Summary {
    let file = TempFile::new(bytes);
    let source = Source::open(&file.0, Some(mode)).unwrap();
    let size = source.size();
    let fingerprint = Fingerprint::of_source(&source, size).unwrap();
    let chunks: Vec<Chunk> = (0..size.div_ceil(chunk))
        .map(|i| Chunk { source: 0, start: i * chunk, end: size.min((i + 1) * chunk) })
        .collect();
    let control = Control::default();
    let outcome = engine::run(&[(source, fingerprint)], &chunks, spec, threads, &control).unwrap();
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    outcome.summary
}

/// Fails with both sides and what they are.
macro_rules! same {
    ($what:expr, $engine:expr, $naive:expr) => {{
        let (engine, naive) = (&$engine, &$naive);
        prop_assert!(engine == naive, "{}:\n engine {:?}\n naive  {:?}", $what, engine, naive);
    }};
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

fn mean_ms(durations: &[u64]) -> Option<f64> {
    let sum: u128 = durations.iter().map(|&ns| u128::from(ns)).sum();
    (!durations.is_empty()).then(|| sum as f64 / durations.len() as f64 / 1e6)
}

fn close(what: &str, found: &Value, exact: Option<u64>, error: f64) -> Result<(), TestCaseError> {
    let within = match (found.as_f64(), exact.map(ms)) {
        (None, None) => found.is_null(),
        (Some(found), Some(exact)) => (found - exact).abs() <= error * exact * (1.0 + 1e-9),
        _ => false,
    };
    prop_assert!(within, "{what}: engine {found}, naive {exact:?} ns");
    Ok(())
}

fn rfc3339(nanos: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanos.into()).unwrap();
    let digits = (0..3).find(|i| nanos % 10i64.pow(9 - 3 * i) == 0).unwrap_or(3) * 3;
    format!("{time:.*}", digits as usize)
}

fn compare(summary: &Summary, naive: &Naive, bytes: &[u8]) -> Result<(), TestCaseError> {
    let newlines = bytes.iter().filter(|&&b| b == b'\n').count() as u64;
    let unfinished = u64::from(bytes.last().is_some_and(|&b| b != b'\n'));
    same!("total", summary.lines.total(), newlines + unfinished);
    same!("naive total", naive.total, newlines + unfinished);
    compare_lines(summary, naive)?;
    compare_coverage(summary, naive, bytes.len() as u64)?;
    compare_totals(summary, naive)?;
    compare_latency(summary, naive)?;
    compare_series(summary, naive)?;
    compare_groups(summary, naive)?;
    compare_headline(summary, naive)
}

fn compare_lines(summary: &Summary, naive: &Naive) -> Result<(), TestCaseError> {
    let lines = &summary.lines;
    let parts =
        lines.parsed + lines.malformed_count() + lines.blank + lines.continuation + lines.header;
    same!("identity", lines.total(), parts + lines.filtered);
    let malformed = [lines.malformed_count(), naive.malformed()];
    let engine =
        [lines.parsed, malformed[0], lines.blank, lines.continuation, lines.header, lines.filtered];
    let twin =
        [naive.parsed, malformed[1], naive.blank, naive.continuation, naive.header, naive.filtered];
    same!("parsed, malformed, blank, continuation, header, filtered", engine, twin);
    let reasons = REASONS.map(|name| naive.reasons.get(name).copied().unwrap_or(0));
    same!("reasons", lines.reasons, reasons);
    let samples: Vec<_> = lines.samples.iter().map(|s| (s.offset, s.text.clone())).collect();
    same!("samples", samples, naive.samples);
    Ok(())
}

fn compare_coverage(summary: &Summary, naive: &Naive, size: u64) -> Result<(), TestCaseError> {
    let Some(covered) = summary.coverage.0.get(&0) else {
        same!("covered bytes", 0, size);
        return Ok(());
    };
    let segments: Vec<_> = covered.segments.iter().map(|s| (s.start, s.end, s.times)).collect();
    same!("segments", segments, vec![(0, size, naive.ends)]);
    let formats: Vec<_> = covered.formats.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    same!(
        "formats",
        formats,
        naive.formats.iter().map(|(name, n)| (*name, *n)).collect::<Vec<_>>()
    );
    same!("out of order", covered.out_of_order, naive.out_of_order);
    same!("first and last", covered.range, naive.range);
    Ok(())
}

fn compare_totals(summary: &Summary, naive: &Naive) -> Result<(), TestCaseError> {
    let figures = &summary.figures;
    let totals = &figures.totals;
    let engine = [totals.records, totals.timed, totals.requests, totals.errors, totals.measured];
    let measured = naive.durations.len() as u64;
    let twin = [naive.parsed, naive.timed, naive.requests, naive.errors, measured];
    same!("records, timed, requests, errors, measured", engine, twin);
    let mut levels = serde_json::Map::new();
    for level in Level::ALL {
        if let Some(&count) = naive.levels.get(&level) {
            levels.insert(level.name().into(), count.into());
        }
    }
    same!("levels", figures.levels.evaluate(), Value::Object(levels));
    let status = naive.status.iter().map(|(code, n)| (code.to_string(), Value::from(*n)));
    same!("status", figures.http.evaluate(), Value::Object(status.collect()));
    let bytes_sent = naive.bytes_sent.map_or(Value::Null, |n| match u64::try_from(n) {
        Ok(n) => n.into(),
        Err(_) => Value::from(n as f64),
    });
    same!("bytes sent", figures.http.evaluate_bytes(), bytes_sent);
    let slowest: Vec<Value> = naive
        .slowest
        .iter()
        .map(|slow| {
            json!({ "ms": ms(slow.duration_ns), "time": slow.time_ns.map(rfc3339), "input": 0,
                "offset": slow.offset, "text": lossy(&slow.text) })
        })
        .collect();
    same!("slowest", figures.slowest.evaluate(1_000), Value::from(slowest));
    Ok(())
}

/// The exact part of the response times, as the engine writes it.
#[derive(serde::Deserialize, Debug, PartialEq)]
struct Latency {
    count: u64,
    sum_ns: u128,
    min_ns: u64,
    max_ns: u64,
}

fn compare_latency(summary: &Summary, naive: &Naive) -> Result<(), TestCaseError> {
    let latency = &summary.figures.latency;
    let written = serde_json::to_string(latency).unwrap();
    let engine: Latency = serde_json::from_str(&written).unwrap();
    let durations = &naive.durations;
    let twin = Latency {
        count: durations.len() as u64,
        sum_ns: durations.iter().map(|&ns| u128::from(ns)).sum(),
        min_ns: durations.first().copied().unwrap_or(u64::MAX),
        max_ns: durations.last().copied().unwrap_or(0),
    };
    same!("response times", engine, twin);
    let report = latency.evaluate(naive.requests);
    let error = report["relative_error"].as_f64().unwrap();
    prop_assert!(error <= 0.01);
    same!("absent", report["absent"], json!(naive.requests - durations.len() as u64));
    same!("mean", report["mean"], json!(mean_ms(durations)));
    for (name, permille) in [("p50", 500), ("p90", 900), ("p95", 950), ("p99", 990), ("p999", 999)]
    {
        close(name, &report[name], quantile(durations, permille), error)?;
    }
    Ok(())
}

fn compare_series(summary: &Summary, naive: &Naive) -> Result<(), TestCaseError> {
    let report = summary.figures.series.evaluate(None);
    let points: Vec<Value> = naive
        .series
        .iter()
        .map(|(index, bucket)| {
            let measured = bucket.measured > 0;
            let mean = bucket.sum_ns as f64 / bucket.measured as f64 / 1e6;
            // A bucket may begin before the first moment that 64 bits of nanoseconds hold.
            let start = (index * naive.step_s).saturating_mul(1_000_000_000);
            json!({ "t": rfc3339(start), "records": bucket.records, "requests": bucket.requests,
                "errors": bucket.errors, "mean_ms": measured.then_some(mean),
                "max_ms": measured.then(|| ms(bucket.max_ns)) })
        })
        .collect();
    same!("series", report, json!({ "step_s": naive.step_s, "points": points }));
    // The earliest of the busiest.
    let most = naive.series.values().map(|b| b.requests).max();
    let busiest = naive.series.iter().find(|(_, b)| Some(b.requests) == most);
    let peak = busiest.map(|(index, b)| (b.requests, index * naive.step_s));
    same!("peak", summary.figures.series.peak(), peak);
    Ok(())
}

fn compare_groups(summary: &Summary, naive: &Naive) -> Result<(), TestCaseError> {
    let figures = &summary.figures;
    let by_requests = |groups: &std::collections::BTreeMap<Vec<u8>, naive::Group>| {
        let mut groups: Vec<_> = groups.clone().into_iter().collect();
        // Stable: equal ones stay in the order of their keys.
        groups.sort_by_key(|(_, group)| Reverse(group.requests));
        groups
    };
    let routes = figures.routes.evaluate(usize::MAX);
    same!(
        "routes",
        (&routes["exact"], &routes["distinct"]),
        (&json!(true), &json!(naive.routes.len()))
    );
    let error = routes["relative_error"].as_f64().unwrap();
    prop_assert!(error <= 0.032);
    let top = routes["top"].as_array().unwrap();
    same!("number of routes", top.len(), naive.routes.len());
    for (found, (route, group)) in top.iter().zip(by_requests(&naive.routes)) {
        let twin = json!([
            lossy(&route),
            group.requests,
            group.errors,
            mean_ms(&group.durations),
            group.durations.last().map(|&ns| ms(ns))
        ]);
        let engine = ["route", "requests", "errors", "mean_ms", "max_ms"].map(|key| &found[key]);
        same!("route", json!(engine), twin);
        close("p95 of a route", &found["p95_ms"], quantile(&group.durations, 950), error)?;
    }
    let clients = by_requests(&naive.clients);
    let twin: Vec<Value> = clients
        .iter()
        .map(|(client, group)| {
            json!({ "client": lossy(client), "requests": group.requests, "errors": group.errors })
        })
        .collect();
    let twin = json!({ "exact": true, "error_bound": 0, "distinct": clients.len(),
        "distinct_error": 0.0, "top": twin });
    same!("clients", figures.clients.evaluate(usize::MAX), twin);
    let mut messages: Vec<_> = naive.messages.iter().collect();
    messages.sort_by_key(|(_, message)| Reverse(message.count));
    let twin: Vec<Value> = messages
        .iter()
        .map(|((Reverse(level), template), message)| {
            json!({ "template": lossy(template), "level": level.name(), "count": message.count,
                "first": message.first_ns.map(rfc3339), "last": message.last_ns.map(rfc3339),
                "sample": lossy(&message.sample) })
        })
        .collect();
    let twin = json!({ "exact": true, "error_bound": 0, "top": twin });
    same!("messages", figures.messages.evaluate(usize::MAX), twin);
    Ok(())
}

/// The five figures, and those beside them.
fn compare_headline(summary: &Summary, naive: &Naive) -> Result<(), TestCaseError> {
    let report = summary.evaluate(10, Some(2_000));
    let minute = |ns: i64| ns.div_euclid(60_000_000_000);
    let minutes = naive.range.map_or(0, |(first, last)| minute(last) - minute(first) + 1);
    let per_minute = |n: u64| (minutes > 0).then(|| n as f64 / minutes as f64);
    same!("total_requests", report["total_requests"], json!(naive.requests));
    same!("avg_response_time", report["avg_response_time"], json!(mean_ms(&naive.durations)));
    same!("error_rate", report["error_rate"], json!(per_minute(naive.errors)));
    let rps = per_minute(naive.requests).map(|n| n / 60.0);
    same!("requests_per_second", report["requests_per_second"], json!(rps));
    same!("malformed_lines", report["malformed_lines"], json!(naive.malformed()));
    same!("minutes", report["time"]["minutes"], json!(minutes));
    let range = naive.range.map(|(first, last)| (rfc3339(first), rfc3339(last)));
    same!("first", report["time"]["first"], json!(range.as_ref().map(|r| &r.0)));
    same!("last", report["time"]["last"], json!(range.as_ref().map(|r| &r.1)));
    let points = report["series"]["points"].as_array().map_or(0, Vec::len);
    prop_assert!(points <= 2_000);
    Ok(())
}

// ------------------------------------------------------------------------------------ narrowing

/// A condition as a tree of this test's own: how it is written, and what it means of a record.
#[derive(Debug, Clone)]
enum Ask {
    All(Vec<Ask>),
    Any(Vec<Ask>),
    Not(Box<Ask>),
    Exists(&'static str),
    /// Field, operator, value as written, value as meant.
    Number(&'static str, &'static str, &'static str, i128),
    Level(&'static str, &'static str, Level),
    Text(&'static str, &'static str, &'static str),
    Among(&'static str, bool, Vec<&'static str>),
    /// A key as a number.
    Key(&'static str, &'static str, &'static str),
}

const TEXT_FIELDS: [&str; 9] =
    ["route", "path", "method", "client", "message", "format", "host", "json.a", "json.err.name"];

/// The value of a field as text, by means of its own; None if it is absent.
fn text_of(field: &str, format: &str, record: &naive::Record, line: &[u8]) -> Option<Vec<u8>> {
    let text = match field {
        "route" => naive::route(b"", &record.path),
        "method and route" => match record.path.as_slice() {
            [] => Vec::new(),
            path => naive::route(&record.method, path),
        },
        "path" => record.path.split(|b| b"?#".contains(b)).next().unwrap_or(&[]).to_vec(),
        "method" => record.method.clone(),
        "client" => record.client.clone(),
        "message" => record.message.clone(),
        "format" => format.into(),
        "status" => record.status.map(|s| s.to_string()).unwrap_or_default().into(),
        "level" if record.level == Level::None => Vec::new(),
        "level" => record.level.name().into(),
        "host" => {
            let names = [
                "host",
                "hostname",
                "host.name",
                "host.hostname",
                "request.host",
                "vhost",
                "server_name",
                "http.host",
            ];
            match format {
                "json" | "logfmt" => {
                    names.iter().find_map(|name| naive::value_of_key(format, line, name))
                }
                "combined" | "common" | "access" | "traefik" | "ingress-nginx" => {
                    naive::virtual_host(line)
                }
                _ => None,
            }
            .unwrap_or_default()
        }
        key => {
            naive::value_of_key(format, line, key.split_once('.').unwrap().1).unwrap_or_default()
        }
    };
    (!text.is_empty()).then_some(text)
}

fn number_of(field: &str, record: &naive::Record) -> Option<i128> {
    match field {
        "status" => record.status.map(i128::from),
        "duration" => record.duration_ns.map(i128::from),
        "bytes" => record.bytes_sent.map(i128::from),
        _ => record.time_ns.map(i128::from),
    }
}

fn compared<T: PartialOrd>(operator: &str, left: T, right: T) -> bool {
    match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

impl Ask {
    fn written(&self) -> String {
        let joined = |parts: &[Ask], word: &str| {
            parts.iter().map(Ask::written).collect::<Vec<_>>().join(word)
        };
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\\\""));
        match self {
            Ask::All(parts) => format!("({})", joined(parts, " and ")),
            Ask::Any(parts) => format!("({})", joined(parts, " || ")),
            Ask::Not(part) => format!("not ({})", part.written()),
            Ask::Exists(field) => format!("{field} exists"),
            Ask::Number(field, operator, value, _) | Ask::Key(field, operator, value) => {
                format!("{field}{operator}{value}")
            }
            Ask::Level(operator, word, _) => format!("level {operator} {word}"),
            Ask::Text(field, operator, text) => format!("{field} {operator} {}", quoted(text)),
            Ask::Among(field, negated, list) => {
                let list: Vec<_> = list.iter().map(|text| quoted(text)).collect();
                format!("{field} {}in ({})", if *negated { "not " } else { "" }, list.join(","))
            }
        }
    }

    fn holds(&self, format: &'static str, record: &naive::Record, line: &[u8]) -> bool {
        let text = |field: &str| text_of(field, format, record, line);
        match self {
            Ask::All(parts) => parts.iter().all(|part| part.holds(format, record, line)),
            Ask::Any(parts) => parts.iter().any(|part| part.holds(format, record, line)),
            Ask::Not(part) => !part.holds(format, record, line),
            Ask::Exists(field @ ("status" | "duration" | "bytes" | "time")) => {
                number_of(field, record).is_some()
            }
            Ask::Exists(field) => text(field).is_some(),
            Ask::Number(field, operator, _, value) => {
                number_of(field, record).is_some_and(|found| compared(operator, found, *value))
            }
            Ask::Level(operator, _, wanted) => {
                let ordered = record.level != Level::Other && *wanted != Level::Other;
                let equal = record.level == *wanted;
                record.level != Level::None
                    && match *operator {
                        "=" | "!=" => compared(operator, record.level, *wanted),
                        operator => {
                            equal && operator.ends_with('=')
                                || ordered && compared(operator, record.level, *wanted)
                        }
                    }
            }
            Ask::Text(field, operator, wanted) => text(field).is_some_and(|found| {
                let also = match *field {
                    "route" => text("method and route"),
                    _ => None,
                };
                let wanted = wanted.as_bytes();
                let equal = found == wanted || also.is_some_and(|also| also == wanted);
                let matches = || {
                    let regex = regex::bytes::Regex::new(std::str::from_utf8(wanted).unwrap());
                    regex.unwrap().is_match(&found)
                };
                match *operator {
                    "=" => equal,
                    "!=" => !equal,
                    "~" => matches(),
                    _ => !matches(),
                }
            }),
            Ask::Among(field, negated, list) => text(field).is_some_and(|found| {
                let also = match *field {
                    "route" => text("method and route"),
                    _ => None,
                };
                let among = |text: &[u8]| list.iter().any(|one| one.as_bytes() == text);
                (among(&found) || also.is_some_and(|also| among(&also))) != *negated
            }),
            Ask::Key(field, operator, wanted) => text(field)
                .and_then(|found| String::from_utf8(found).ok()?.parse::<f64>().ok())
                .is_some_and(|found| compared(operator, found, wanted.parse().unwrap())),
        }
    }
}

fn ask() -> BoxedStrategy<Ask> {
    let operator = select(&["=", "!=", "<", "<=", ">", ">="][..]);
    let number = select(
        &[
            ("status", "200", 200),
            ("status", "500", 500),
            ("status", "404", 404),
            ("duration", "250ms", 250_000_000),
            ("duration", "0.5", 500_000),
            ("duration", "0", 0),
            ("duration", "1s", 1_000_000_000),
            ("bytes", "5", 5),
            ("bytes", "1KiB", 1_024),
            ("time", "\"2024-01-24 10:16\"", 1_706_091_360_000_000_000),
        ][..],
    );
    let text = select(
        &[
            "/api",
            "/api/item/{id}",
            "GET /api/data",
            "GET",
            "^/api",
            "10.0.0.1",
            "::1",
            "[0-9]",
            "took",
            "json",
            "app",
            "b",
            "x",
            "1",
            "(?i)REQUEST",
            "a$",
            "\"",
        ][..],
    );
    let field = select(&TEXT_FIELDS[..]);
    let leaf = prop_oneof![
        select(
            &["status", "level", "duration", "bytes", "time", "route", "host", "message", "json.a"]
                [..]
        )
        .prop_map(Ask::Exists),
        (number, operator.clone()).prop_map(|((f, w, n), o)| Ask::Number(f, o, w, n)),
        (
            operator.clone(),
            select(
                &[
                    ("warn", Level::Warn),
                    ("E", Level::Error),
                    ("other", Level::Other),
                    ("INFO", Level::Info)
                ][..]
            )
        )
            .prop_map(|(o, (w, level))| Ask::Level(o, w, level)),
        (field.clone(), select(&["=", "!=", "~", "!~"][..]), text.clone()).prop_map(|(f, o, t)| {
            match t {
                // As a regular expression its braces would count something.
                "/api/item/{id}" if o.ends_with('~') => Ask::Text(f, o, r"^/api/item/\{id\}$"),
                t => Ask::Text(f, o, t),
            }
        }),
        (field, any::<bool>(), vec(text, 1..4)).prop_map(|(f, n, l)| Ask::Among(f, n, l)),
        (operator, select(&["1", "0.5", "-7", "1e3"][..]))
            .prop_map(|(o, n)| Ask::Key("json.a", o, n)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Ask::All),
            vec(inner.clone(), 2..4).prop_map(Ask::Any),
            inner.prop_map(|part| Ask::Not(Box::new(part))),
        ]
    })
    .boxed()
}

const BY: &[&str] =
    &["status", "level", "route", "path", "method", "client", "host", "format", "json.a"];

/// A selected time, a condition, group tables: any of them, or none.
#[allow(clippy::type_complexity)] // named once, used once
fn narrowing() -> BoxedStrategy<(Option<i64>, Option<i64>, Option<Ask>, Vec<&'static str>)> {
    let edge = prop_oneof![
        2 => Just(None),
        3 => (0i64..180).prop_map(|s| Some((1_706_091_300 + s) * 1_000_000_000)),
        1 => select(&[Some(i64::MIN), Some(0), Some(i64::MAX)][..]),
    ];
    let by = proptest::sample::subsequence(BY.to_vec(), 0..4);
    (edge.clone(), edge, proptest::option::weighted(0.8, ask()), by)
        .prop_filter("since before until", |(since, until, _, _)| match (since, until) {
            (Some(since), Some(until)) => since < until,
            _ => true,
        })
        .boxed()
}

fn compare_by(summary: &Summary, naive: &Naive, by: &[&str]) -> Result<(), TestCaseError> {
    let tables = summary.figures.by.evaluate(usize::MAX).unwrap_or_default();
    for (field, (groups, absent)) in by.iter().zip(&naive.by) {
        let table = &tables[field];
        if groups.is_empty() && *absent == 0 {
            prop_assert!(table.is_null());
            continue;
        }
        same!("absent", table["absent"], json!(absent));
        same!("exact", table["exact"], json!(true));
        let mut groups: Vec<_> = groups.iter().collect();
        groups.sort_by_key(|(_, group)| Reverse(group.records));
        let top = table["top"].as_array().unwrap();
        same!("groups", top.len(), groups.len());
        for (found, (key, group)) in top.iter().zip(groups) {
            let max = group.durations.last().map(|&ns| ms(ns));
            let mean = mean_ms(&group.durations);
            let twin = json!([lossy(key), group.records, group.requests, group.errors, mean, max]);
            let names = ["key", "records", "requests", "errors", "mean_ms", "max_ms"];
            same!(field, json!(names.map(|name| &found[name])), twin);
            close("p95", &found["p95_ms"], quantile(&group.durations, 950), 0.032)?;
        }
    }
    Ok(())
}

fn check(bytes: &[u8], spec: Spec) -> Result<(), TestCaseError> {
    let naive = analyze(bytes, &spec, 0);
    let spec = Arc::new(spec);
    let summary = scanned(bytes, &spec);
    compare(&summary, &naive, bytes)?;
    let encoded = codec::encode(&summary);
    let decoded = codec::decode(&encoded);
    prop_assert!(decoded.is_ok(), "{:?}", decoded.err());
    Ok(())
}

// ---------------------------------------------------------------------------------------- tests

/// What once told the two apart, as small as it can be.
#[test]
fn explicit_lines() {
    let app_first = SourceSpec::default();
    let only = |name: &str| SourceSpec {
        formats: vec![FormatSpec { name: name.into(), params: Params::default() }],
        only: true,
        ..SourceSpec::default()
    };
    let mut failures = String::new();
    for (source, line) in [
        // A header is one before any format is asked.
        (only("text"), &b"#Date: 2024-01-24 10:15:32 INFO x"[..]),
        // A line of `text` does not begin with a brace, be it the first format or not.
        (only("text"), b"{\"x\":\"2024-01-24 10:15:32\",\"y\":\"INFO\"}"),
        (app_first.clone(), b"{\"x\":\"2024-01-24 10:15:32\",\"y\":\"INFO\"}"),
        // An hour is digits, and a colon is behind it.
        (app_first.clone(), b"Jan 24, 2024 10;15:00 INFO x"),
        (app_first.clone(), b"Jan 24, 2024 A:15:00 INFO x"),
        // A value ends where it ends, though the line goes on like a zone.
        (app_first.clone(), b"level=info ts=2024-01-24T10:15:32 -05:10 msg=x"),
        (app_first.clone(), b"level=info ts=24/Jan/2024:10:15:32 +0000 msg=x"),
        // A byte above 0x80 right before a digit.
        (app_first.clone(), b"2024-01-24 10:15:32 INFO in \x809us"),
        (app_first.clone(), b"2024-01-24 10:15:32 INFO took \xff95ms"),
        // Traefik, and what only looks like it.
        (
            app_first.clone(),
            b"h - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5 7 \"r\" \"u\" 9ms",
        ),
        (app_first, b"2024-01-24 10:15:32 ERROR 10.0.0.1:80800.0 1.2.3.4:80x 1.2.3.4:80."),
    ] {
        let spec = Spec { sources: vec![source], ..Spec::plain() };
        let checked = std::panic::catch_unwind(|| check(line, spec));
        let checked = checked.unwrap_or_else(|_| Err(TestCaseError::fail("panicked")));
        if let Err(error) = checked {
            failures += &format!("{}: {error}\n", line.escape_ascii());
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// The tests above are worth what their logs hold.
#[test]
fn the_grammars_reach_every_format_and_class() {
    let mut runner = TestRunner::deterministic();
    let mut sum = Naive::default();
    let mut durations = 0;
    for _ in 0..400 {
        let Log(bytes) = mutant(16).new_tree(&mut runner).unwrap().current();
        let naive = analyze(&bytes, &Spec::plain(), 0);
        for (name, count) in &naive.formats {
            *sum.formats.entry(name).or_default() += count;
        }
        for (name, count) in &naive.reasons {
            *sum.reasons.entry(name).or_default() += count;
        }
        for (level, count) in &naive.levels {
            *sum.levels.entry(*level).or_default() += count;
        }
        sum.blank += naive.blank;
        sum.header += naive.header;
        sum.continuation += naive.continuation;
        sum.out_of_order += naive.out_of_order;
        durations += naive.durations.len();
    }
    for name in naive::TWINS {
        // Dialects of combined are rare among its lines.
        let least = if ["traefik", "ingress-nginx"].contains(&name) { 1 } else { 20 };
        assert!(sum.formats.get(name).is_some_and(|&n| n >= least), "{name}: {:?}", sum.formats);
    }
    for name in REASONS.iter().filter(|name| **name != "overlong") {
        assert!(sum.reasons.contains_key(name), "{name}: {:?}", sum.reasons);
    }
    for level in Level::ALL {
        assert!(sum.levels.contains_key(&level), "{level:?}: {:?}", sum.levels);
    }
    assert!(sum.blank > 0 && sum.header > 0 && sum.continuation > 0 && sum.out_of_order > 0);
    assert!(durations > 100, "{durations}");
}

/// A condition that always or never held would say nothing.
#[test]
fn conditions_leave_some_and_take_some() {
    let mut runner = TestRunner::deterministic();
    let (mut mixed, mut asked, mut grouped) = (0, 0, 0);
    for _ in 0..400 {
        let Log(bytes) = log(16).new_tree(&mut runner).unwrap().current();
        let (since_ns, until_ns, ask, by) = narrowing().new_tree(&mut runner).unwrap().current();
        let keep = |format: &'static str, record: &naive::Record, line: &[u8]| {
            ask.as_ref().is_none_or(|ask| ask.holds(format, record, line))
        };
        let key = |format: &'static str, record: &naive::Record, line: &[u8]| {
            text_of(by.first()?, format, record, line)
        };
        let selection = naive::Selection { keep: &keep, by: vec![&key] };
        let spec = Spec { since_ns, until_ns, ..Spec::plain() };
        let naive = naive::analyze_selected(&bytes, &spec, 0, &selection);
        asked += u32::from(ask.is_some());
        mixed += u32::from(naive.filtered > 0 && naive.parsed > 0);
        grouped += u32::from(naive.by[0].0.len() > 1 && naive.by[0].1 > 0);
    }
    assert!(asked > 200 && mixed > 40 && grouped > 4, "{asked} {mixed} {grouped}");
}

/// Bytes that mean something somewhere.
const LIKELY: &[u8] = b"\n\n\n\r \t\"\\{}[]:=-/.,0127aGETINFO\0\xff";

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn generated_lines(bytes in log(16), spec in spec()) {
        check(&bytes.0, spec)?;
    }

    #[test]
    fn mutated_lines(bytes in mutant(10), spec in spec()) {
        check(&bytes.0, spec)?;
    }

    #[test]
    fn arbitrary_bytes(
        any in vec(any::<u8>(), 0..600).prop_map(Log),
        likely in vec(select(LIKELY), 0..400).prop_map(Log),
        spec in spec(),
    ) {
        check(&any.0, spec.clone())?;
        check(&likely.0, spec)?;
    }

    #[test]
    fn json_objects_are_those_of_serde(line in json_line(), mutations in vec(mutation(), 0..4)) {
        let Log(bytes) = mutated(Log(line.into_bytes()), &mutations);
        // The tolerances, one by one: text that only a tolerant reader takes is left alone.
        let text = lossy(&bytes).replace(|c: char| c.is_control() && !"\t\r\n".contains(c), "?");
        let lone = text.contains("\\ud") || text.contains("\\uD");
        let deep = text.matches(['[', '{']).count() > 60;
        let huge = text.contains(['e', 'E']);
        if !lone && !deep && !huge && !text.contains(['\t', '\r', '\n']) {
            let strict = serde_json::from_str::<serde_json::Map<String, Value>>(&text).is_ok();
            prop_assert_eq!(naive::is_json_object(text.as_bytes()), strict, "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    /// Whatever is asked for, the engine counts what the twin counts, however it is cut.
    #[test]
    fn narrowed(
        bytes in log(16), spec in spec(), narrowing in narrowing(), cuts in (1u64..300, 1usize..4),
        cut in 0usize..25,
    ) {
        let Log(bytes) = bytes;
        let (since_ns, until_ns, ask, by) = narrowing;
        let written = ask.as_ref().map(Ask::written);
        let spec = Spec {
            input_tz: "UTC".into(),
            since_ns,
            until_ns,
            condition: written,
            by: by.iter().map(|name| name.to_string()).collect(),
            ..spec
        };
        let keep = |format: &'static str, record: &naive::Record, line: &[u8]| {
            ask.as_ref().is_none_or(|ask| ask.holds(format, record, line))
        };
        let key = |name: &'static str| {
            let name = if name == "route" { "method and route" } else { name };
            move |format: &'static str, record: &naive::Record, line: &[u8]| {
                text_of(name, format, record, line)
            }
        };
        let keys: Vec<_> = by.iter().map(|name| key(name)).collect();
        let by_keys = keys.iter().map(|key| key as naive::Of<'_, Option<Vec<u8>>>).collect();
        let selection = naive::Selection { keep: &keep, by: by_keys };
        let naive = naive::analyze_selected(&bytes, &spec, 0, &selection);
        let spec = Spec::from_json(&spec.to_json()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let spec = Arc::new(spec);
        let summary = scanned(&bytes, &spec);
        compare(&summary, &naive, &bytes)?;
        compare_by(&summary, &naive, &by)?;
        let encoded = codec::encode(&summary);
        prop_assert!(codec::decode(&encoded).is_ok(), "{:?}", codec::decode(&encoded).err());
        if cut == 0 && !bytes.is_empty() {
            let cut = engine_run(&bytes, &spec, cuts.0, cuts.1, Mode::Read);
            prop_assert!(codec::encode(&cut) == encoded);
        }
    }
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn files(
        bytes in mutant(24), spec in spec(), chunk in 1u64..400, threads in 1usize..5,
        map in any::<bool>(),
    ) {
        let Log(bytes) = bytes;
        let naive = analyze(&bytes, &spec, 0);
        let spec = Arc::new(spec);
        let mode = if map { Mode::Map } else { Mode::Read };
        let summary = engine_run(&bytes, &spec, chunk, threads, mode);
        compare(&summary, &naive, &bytes)?;
        // Without bytes there are no chunks, and what is left is the identity.
        if !bytes.is_empty() {
            prop_assert!(codec::encode(&summary) == codec::encode(&scanned(&bytes, &spec)));
        }
    }
}
