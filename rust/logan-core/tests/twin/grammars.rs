//! What logs are made of: lines, whole logs, what goes wrong with them, and specs that read them.

use logan_core::format::units::{KeyUnit, TailColumn};
use logan_core::format::{DurationReading, Params, Unit};
use logan_core::spec::{FormatSpec, Reading, Spec};
use logan_core::time::TimeReading;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

pub type Text = BoxedStrategy<String>;

/// One of what broken bars separate; the first stand for the usual ones when a failure is shrunk.
pub fn pick(list: &'static str) -> Text {
    select(list.split('¦').collect::<Vec<_>>()).prop_map(str::to_string).boxed()
}

pub fn just(text: &str) -> Text {
    Just(text.to_string()).boxed()
}

/// Nearly always one of the first: a line is right only if all its parts are.
pub fn mostly(usual: &'static str, odd: &'static str) -> Text {
    prop_oneof![20 => pick(usual), 1 => pick(odd)].boxed()
}

/// All of them on end.
pub fn cat(parts: Vec<Text>) -> Text {
    parts.prop_map(|parts| parts.concat()).boxed()
}

/// A few of them with something between.
pub fn several(part: Text, between: Text, most: usize) -> Text {
    vec((part, between), 0..=most)
        .prop_map(|parts| parts.into_iter().map(|(a, b)| a + &b).collect())
        .boxed()
}

#[derive(Debug, Clone, Copy)]
pub struct Moment {
    year: i64,
    month: usize,
    day: u32,
    hour: u32,
    minute: u32,
    second: u32,
}

pub const MONTHS: [&str; 14] = [
    "Jen", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    "Dez",
];

/// Mostly within minutes, sometimes anywhere, rarely no moment at all.
pub fn moment() -> BoxedStrategy<Moment> {
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

pub fn fraction() -> Text {
    pick(".123¦¦¦,123¦.5¦.123456¦.123456789¦.9999999999¦,000¦.12345678¦.¦,¦.x")
}

pub fn zone() -> Text {
    pick(
        "¦¦¦¦Z¦ +0000¦+01:00¦-0530¦ -05:00¦ UTC¦GMT¦+00¦ -12¦+24:00¦+053¦ +05:3x¦\
        -05:¦Zulu¦ Z¦z¦ z",
    )
}

/// A timestamp in any layout, of which some may follow others and all may be a little wrong.
pub fn stamp() -> Text {
    let layout = prop_oneof![4 => Just(0usize), 4 => 0usize..24];
    let usual = (moment(), fraction(), zone(), layout)
        .prop_map(|(m, fraction, zone, layout)| written(m, &fraction, &zone, layout));
    prop_oneof![4 => usual, 1 => rare_stamp()].boxed()
}

/// A timestamp of the rarer layouts: any date, gap and time of day.
pub fn rare_stamp() -> Text {
    let gap = pick(" ¦ ¦, ¦T¦_¦-¦ - ¦ | ¦; ¦  ¦:¦   ¦    ¦ -- ¦¦,¦-  ¦ @ ¦t¦@ @");
    let half = pick("¦¦¦ AM¦ PM¦am¦ pm¦PM¦ AMx¦ P");
    (moment(), 0usize..34, gap, (0usize..11, fraction()), half, zone())
        .prop_map(|(m, layout, gap, (clock, fraction), half, zone)| {
            let Moment { hour: h, minute: n, second: s, .. } = m;
            let time = match clock {
                0..4 => format!("{h:02}:{n:02}:{s:02}{fraction}"),
                4 => format!("{h}:{n:02}:{s:02}{fraction}"),
                5 => format!("{h:02}:{n:02}"),
                6 => format!("{h:02}.{n:02}.{s:02}{fraction}"),
                7 => format!("{h:02}{n:02}{s:02}{fraction}"),
                8 => format!("{h}时{n}分{s}{fraction}秒"),
                9 => format!("{h}시 {n}분"),
                _ => format!("{h}:{n}:{s}"),
            };
            format!("{}{gap}{time}{half}{zone}", rare_date(m, layout))
        })
        .boxed()
}

pub fn rare_date(moment: Moment, layout: usize) -> String {
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
        31 => format!("{y}年{o}月{d}日"),
        32 => format!("{y}년 {o:02}월 {d:02}일"),
        30 => format!("1.{y:04}{o:02}e+{d:02} {y}-{o:02}-{d:02}"),
        _ => format!("1.70609133{d}e+09"),
    }
}

pub fn written(moment: Moment, fraction: &str, zone: &str, layout: usize) -> String {
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

pub fn number() -> Text {
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

pub fn duration() -> Text {
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

pub const WORDS: &str = "Request¦processed¦in¦took¦time¦duration¦elapsed:¦latency=¦responseTime=¦rt¦\
        of¦was¦retrying¦timeout¦every¦next¦wait¦about¦GET¦/api/item/42¦failed¦\
        user=7¦10.0.0.1:8080¦2001:db8::1¦::1¦0xdeadbeef¦'quoted text'¦it's¦\
        \"a \\\" b\"¦deadbeef01¦123e4567-e89b-12d3-a456-426614174000¦\
        /var/log/x.log.¦ERROR¦[warn]¦a1b2c3d4e5¦256.1.1.1¦1.2.3.4.5¦é¦1-2¦x12¦\
        12:34:56¦fe80::1%eth0¦cost¦spent¦key:¦(¦=¦~¦00:11:22:33:44:55:66:77¦info:¦\
        2024-01-24¦- -";

pub fn message() -> Text {
    let part = prop_oneof![
        4 => pick(WORDS),
        2 => cat(vec![
            pick("in ¦took ¦duration=¦elapsed (¦latency: ¦time:¦cost = ¦rt=¦in about ¦\
        processed in¦every ¦retrying in ¦in 5 of "),
            duration(),
        ]),
        1 => duration(),
        1 => named(),
    ];
    let between = pick(" ¦ ¦ ¦, ¦¦=¦  ¦: ¦\t¦;");
    several(part.boxed(), between, 6)
}

/// A number behind a name that says its unit, or nearly.
fn named() -> Text {
    let name = several(
        pick("duration¦elapsed¦Time¦time¦response¦request_¦_¦-¦.¦in¦took¦retry¦Latency¦total¦7"),
        pick("¦¦_"),
        4,
    );
    let unit = pick("_ms¦Ms¦MS¦_s¦S¦_us¦ns¦Millis¦_seconds¦.nanos¦_sec¦ms¦\"_ms");
    let sign = pick("=¦=¦: ¦\": ¦:¦ = ¦:  ¦\"=");
    let end = pick("¦¦,¦)¦.¦. ¦x¦ms¦.5.5¦-¦}");
    cat(vec![name, unit, sign, number(), end])
}

pub fn level() -> Text {
    pick(
        "INFO¦ERROR¦WARN¦DEBUG¦TRACE¦FATAL¦info¦Warning¦SEVERE¦notice¦CRIT¦E¦W¦I¦V¦\
        panic¦OTHER¦Information¦ERR¦emerg¦FINE¦N¦LOG¦SUCCESS¦fail¦Note¦DEBUG3¦WRN¦INF¦\
        INFO+2¦DEBUG-4¦ERROR+¦critical¦System¦D2¦A",
    )
}

pub fn app_line() -> Text {
    let dressing = (
        level(),
        pick(
            "{}¦[{}]¦{}:¦- {} -¦ - {} - ¦<{}>¦[main] {}¦[main] [{}] c.X -¦{} ¦\
        1234 5678 {} Tag:¦{}/Tag(12):¦12 {} a.b.C:¦[core:{}] [pid 1]¦| {} |¦\"{}\"¦\
        ({})¦a b c d e f g {}¦a b c d e f g h {}¦level={},¦[http/{}:]¦x/{}: y¦¦\
        --- [{}] *¦{}[1]¦{}/MainProcess]¦app.{}:¦app.{}¦ | {}  | a:b:1¦|{}|¦{} [x] y¦] 0000001a Name   {} x¦] 0000001a Name O {}¦] 0000001g Name {} x¦\
        1 2 {}/Tag¦{} - x¦{} NETWORK [c]¦+0000 {} -¦-1 {} x¦{}! x¦a {}! x¦q[{}] x¦[x[{}]¦{} [x]¦\
        0x9f3    Fault    0x1c    81    0    x¦0x9f3 {} 0x0 81 0 x:¦Df a[81:9f3]¦F  a b[8:9f] {}¦{}  a[1:2]¦\
        a=1 b=2 c=3 d=4 e=5 f=6 {}: x¦\x1b[32m{}\x1b[0m¦\
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

pub fn path() -> Text {
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

pub fn method() -> Text {
    mostly("GET¦POST¦PUT¦VERSION-CONTROL¦M_SEARCH¦get", "RETR¦G3T¦¦AVERYLONGMETHODINDEED")
}

pub fn protocol() -> Text {
    mostly(" HTTP/1.1¦ HTTP/2.0¦", " HTTP/¦ FTP/1¦ SIP/2.0¦ RTSP/x¦ FTP¦ x HTTP/1.0¦  HTTP/1.1")
}

pub fn address() -> Text {
    prop_oneof![
        4 => (0u8..9).prop_map(|n| format!("10.0.0.{n}")),
        3 => pick("::1¦2001:db8::7¦host.example¦-¦[::1]:80¦[]¦10.0.0.1:443¦:80¦a:b:c¦[x¦_x¦x@y¦"),
    ]
    .boxed()
}

pub fn access_line() -> Text {
    let client = prop_oneof![
        8 => cat(vec![address(), just(" - - [")]),
        1 => cat(vec![pick("www.x:80 ¦www.x:123456 ¦w:8 ¦x: "), address(), just(" - - [")]),
        1 => cat(vec![address(), just(", "), address(), just(" - - [")]),
        1 => cat(vec![address(), just(" "), address(), just(" - - [")]),
        1 => cat(vec![address(), pick(" - some user [¦ - [¦ - [x] [¦  - - [¦ - - - - [")]),
        1 => cat(vec![pick("INFO:a.b:¦WARN::¦INFO:¦x:y:¦a - INFO - ¦a ¦["), address(), just(" - - [")]),
        1 => just("["),
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
        1 => pick("-¦¦\\x16\\x03¦GET¦GET ¦GET  HTTP/1.1¦RETR a¦quit¦LIST -al HTTP/1¦INVITE sip:a@b SIP/2.0¦\\¦a\\\"b c¦GET /a\"b¦\"¦GET /\" 200 x"),
    ]
    .boxed();
    let status = mostly("200¦200¦400¦404¦500¦503¦304¦599¦600¦999", "099¦20¦2000¦-¦-");
    let size = mostly("512¦0¦-¦1234567890123456789¦10", "12345678901234567890¦5x¦");
    let mark = mostly("] ", "]¦]  ¦ ] ");
    let agents = pick(
        "¦¦ \"-\" \"Mozilla/5.0 (X11)\"¦ \"https://a/b\" \"x \\\" y\"¦ \"-\"¦ \"-\" \"\\\\\"¦ \"-\" \"open¦ \"-\"  \"x\"¦ \"a\" \"b\"x¦ \"-\" \"a \"b\" c\"¦ \"x\"y\" \"-\"¦ \"-\" \"\"\"¦ \"-\" \"a\"b\" \"c\"",
    );
    let field = prop_oneof![
        4 => number(),
        2 => cat(vec![number(), pick("ms¦s¦us¦µs¦ns¦x¦,¦;¦ ms¦ ms;¦ msx¦] ms¦ ms)¦s]¦, 0.5¦ 0.25¦ : 0.5, -¦, 0.5ms¦ : 0.25m")]),
        1 => pick("-, 0.003¦\"- : 0.003\"¦0.024, 0.001 : 0.003¦7 0.037 [a] []¦395 812¦\"-, x\"¦\
        7 \"r@docker\" \"http://1\" 7ms¦7 - - 7ms¦7 \"-\" - 7ms"),
        1 => cat(vec![pick("[¦(¦in [¦took ¦- ¦time=¦duration=\"¦x"), number(), pick("ms¦ s¦] milliseconds¦ m¦\"")]),
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

pub const KEYS: &str = "time¦msg¦level¦status¦duration¦duration_ms¦ts¦@timestamp¦message¦path¦\
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
pub const GROUPS: &str = "http¦http.response¦response¦fields¦context¦error¦req¦res¦event¦log¦record¦\
        level¦time¦httpRequest¦x¦JSONPayload¦request¦meta¦url¦exception";

/// Values of all kinds, as text without quotes.
pub fn value() -> Text {
    prop_oneof![
        3 => stamp(),
        2 => level(),
        3 => duration(),
        3 => number(),
        2 => pick("200¦404¦503¦600¦099¦30¦3¦60¦8¦1m2.5s¦1h2m3s¦1.5.s¦D3¦200 OK¦\
        503 Service Unavailable¦500 INTERNAL_SERVER_ERROR¦404 not-found¦418 I'm a teapot¦200 ms¦\
        500 KB¦299 x¦200 5¦/Date(1706091332123)/¦/Date(1706091332123+0100)/¦/Date(17)/"),
        1 => cat(vec![method(), just(" "), path(), protocol()]),
        1 => path(),
        1 => method(),
        1 => address(),
        1 => pick("¦-¦x¦GET¦é¦1706091332¦0000000012¦1.706091332e9¦99999999¦true"),
        1 => message(),
    ]
    .boxed()
}

pub fn in_quotes(text: &str) -> String {
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

pub fn json_value() -> Text {
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

pub fn json_line() -> Text {
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

/// Lines of zap, slog and lograge, or nearly so: the logger determines units.
pub fn json_of_known_writers() -> Text {
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

pub fn logfmt_line() -> Text {
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

pub fn other_line() -> Text {
    pick(
        "¦ ¦\t \u{c}¦\u{b}¦\tat com.foo.Bar.baz(Bar.java:12)¦\
        Traceback (most recent call last):¦  File \"x.py\", line 3¦ValueError: x¦\
        java.lang.NullPointerException¦Caused by: x¦... 12 more¦at x¦Error¦\
        Errors: 5¦goroutine 1 [running]:¦Suppressed: y¦#Fields: date time¦\
        #Date: 2024-01-24 10:15:32¦# 2024-01-24 10:15:32 x¦#comment¦\
        Invalid log line¦2024-01-24 ERROR¦10:15:33.001 INFO Incomplete¦{¦{}¦ {\"a\"¦\
        \0¦2024-01-24 10:15:32\0 INFO x¦\u{feff}2024-01-24 10:15:32 INFO x¦\
        A.b$c_9Warning¦{\"a\":1}¦{\"ms\":x}¦[0x7f00] f() x.php:1¦[0x] f¦[0x7g] f¦\
        script_filename = x¦-- Boot 1 --¦-- Logs begin at x¦-- x¦\
        2024-01-24 10:15:32.1:INFO:a:b: x¦2024-01-24 10:15:32:WARN::x¦\
        2024-01-24 10:15:32 I COMMAND  [conn1] x 12ms¦2024-01-24 10:15:32 W A [conn1] 12 12ms¦\
        01/24-10:15:32.123456  [**] x¦1/24-10:15 x",
    )
}

/// Lines of formats that have no twin, which must be told from those that do.
pub fn foreign_line() -> Text {
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
        Started GET \"/x\" for 10.0.0.1 at 2024-01-24 10:15:32 +0000¦Completed 404 Not Found in 5ms¦\
        GET /x 200 12.5 ms - 5¦10.0.0.1 -  24/Jan/2024:10:15:32 +0000 \"GET /x\" 200¦\
        [INFO] 10.0.0.1:5 - 7 \"A IN x. udp 4 false 5\" NOERROR qr 7 0.066s¦\
        2024-01-24 10:15:32 UTC,\"a\",\"b\",5,\"10.0.0.1:5\",c.2,1,\"SELECT\",2024-01-24 10:15:00 UTC,3/5,0,ERROR,42P01,\"x\"",
    );
    let postgres =
        (pick(" UTC [12] ¦ [12] u@d ¦:10.0.0.1(5):u@d:[12]:¦ UTC ¦ "), level(), duration())
            .prop_map(move |(front, level, took)| {
                format!("{day}{front}{level}:  duration: {took}  x")
            });
    prop_oneof![4 => fixed, 1 => postgres].boxed()
}

pub fn line() -> Text {
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
pub struct Log(pub Vec<u8>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// A log: lines of one format or of all, line ends, perhaps a byte order mark.
pub fn log(most: usize) -> BoxedStrategy<Log> {
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
pub enum Mutation {
    Flip(usize, u8),
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
    Copy(usize, usize, usize),
    Truncate(usize),
}

pub fn mutation() -> BoxedStrategy<Mutation> {
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

pub fn mutated(Log(mut bytes): Log, mutations: &[Mutation]) -> Log {
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
pub fn mutant(most: usize) -> BoxedStrategy<Log> {
    (log(most), vec(mutation(), 1..8)).prop_map(|(log, mutations)| mutated(log, &mutations)).boxed()
}

/// Formats that a plan may have decided on, in its order.
pub const FORMATS: &[&[&str]] = &[
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
pub fn spec() -> BoxedStrategy<Spec> {
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
        .prop_map(|(zone, unit, names, only, anchor_ns, top)| {
            let decided = |unit| vec![KeyUnit { producer: None, beside: None, unit: Some(unit) }];
            let durations = unit.map_or_else(DurationReading::default, |unit| DurationReading {
                keys: ["duration", "latency", "took", "request_time"]
                    .map(|key| (key.to_string(), decided(unit)))
                    .into(),
                after_agent: Some(TailColumn { like_nginx: top > 6, field: Some(top % 3), unit }),
                after_size: Some(TailColumn {
                    like_nginx: top % 2 == 0,
                    field: (top > 2).then_some(top % 2),
                    unit,
                }),
                ..DurationReading::default()
            });
            let formats: Vec<FormatSpec> = names
                .iter()
                .map(|name| FormatSpec { name: name.to_string(), params: Params::default() })
                .collect();
            let only = only && !formats.is_empty();
            let reading = Reading {
                formats,
                only,
                input_tz: zone,
                anchor_ns,
                durations,
                time: TimeReading {
                    undated_go_on: top % 4 == 1,
                    undated_until: (top % 8 == 1).then_some(200),
                    has_preamble: top % 3 == 1,
                    ..TimeReading::default()
                },
                ..Reading::default()
            };
            Spec { top, sources: vec![reading.into()], ..Spec::plain() }
        })
        .boxed()
}
