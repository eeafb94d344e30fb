//! Lines that repeat the members of those before, one by one and in groups, against each on its own.

use super::*;
use crate::record::{Batch, CLIENT_ERROR, ERROR, MEASURED, REQUEST, TIMED};

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
    r#""[24/Jan/2024:10:15:33 +0000]""#,
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
    r#""GET /y HTTP/1.1""#,
    r#""/var/log/a.log""#,
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
        (keys(&["path", "url", "route", "request", "uri", "endpoint"]), keys_of(&[PATHS])),
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
    let json = (ENTRY.build)(&Params::default());
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
        time_ns: batch.time_ns()[row],
        level: Level::from_u8(batch.level()[row]).unwrap(),
        status: batch.status()[row],
        duration_ns: batch.duration_ns()[row],
        bytes: batch.bytes_sent()[row],
        message: text(batch.message()[row]),
        method: text(batch.method()[row]),
        path: text(batch.path()[row]),
        client: text(batch.client()[row]),
    };
    let timed = said.time_ns != NO_TIME;
    let measured = said.duration_ns != NO_DURATION;
    let request = measured || said.status != NO_STATUS;
    let error = said.level >= Level::Error || said.status / 100 == 5;
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(timed, TIMED) | flag(measured, MEASURED);
    let flags = flags | flag(request, REQUEST) | flag(error, ERROR);
    let flags = flags | flag(said.status / 100 == 4, CLIENT_ERROR);
    assert_eq!(batch.flags()[row], flags);
    if timed {
        assert_eq!(batch.second()[row], said.time_ns.div_euclid(1_000_000_000));
    }
    said
}

#[test]
fn lines_of_known_shapes_are_read_by_them() {
    let mut context = context();
    let hits = |context: &mut Context| context.caches.get::<Memory>().templates.hits();
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
        assert_eq!(hits(&mut context), i as u32, "{line}");
    }
    // Two shapes by turns are two shapes.
    let before = hits(&mut context);
    for _ in 0..4 {
        parse_in(&mut context, br#"{"level":"info","msg":"x"}"#);
        parse_in(&mut context, br#"{"level":"info","msg":"x","status_code":200}"#);
    }
    assert!(hits(&mut context) >= before.min(1) + 2);
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
    assert_eq!(context.caches.get::<Memory>().templates.hits(), 999);
}

#[test]
fn what_has_no_shape_is_soon_left_alone() {
    let mut context = context();
    for i in 0..2_000 {
        let line = format!(r#"{{"k{i}":1,"status_code":200}}"#);
        assert_eq!(parse_in(&mut context, line.as_bytes()).unwrap().status, 200);
    }
    assert!(context.caches.get::<Memory>().templates.is_pausing());
    // And taken up again.
    for _ in 0..5_000 {
        parse_in(&mut context, br#"{"status_code":200}"#);
    }
    assert!(context.caches.get::<Memory>().templates.hits() > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

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
            // Once more, when its own shape may have been learned.
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
}
