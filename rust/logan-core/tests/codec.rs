//! The canonical bytes of a summary: they come back, they stay what they are from version to
//! version, and nothing that is damaged, foreign or made up gets through or brings anything down.
//!
//! `test_vectors/summary/v4.bin` are the bytes of [`LOG`] by version 4 of the codec, `v3.bin` by version
//! 3, which is read, and `v1.bin` by version 1, which is refused. After a change
//! that must change them (and the version with them, once a version was published):
//! `LOGAN_WRITE_VECTORS=1 cargo test -p logan-core --test properties codec::golden`.

use crate::support::config;
use logan_core::bytes::content::Content;
use logan_core::chunk::Feed;
use logan_core::error::Error;
use logan_core::scan::Scanner;
use logan_core::spec::{Identity, Spec};
use logan_core::summary::Summary;
use logan_core::summary::codec::{VERSION, decode, encode};
use logan_core::summary::packed::Packed;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::path::PathBuf;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A log with something for every figure. Never to be changed: add another one.
const LOG: &str = r#"2024-01-24 10:15:32.123 INFO Request processed in 127ms
2024-01-24 10:15:33.001 ERROR Database connection 7 failed for 'bob'
{"timestamp":"2024-01-24T10:15:33.500Z","level":"WARN","message":"slow caf\u00e9","duration_ms":95,"path":"/api/item/42","method":"GET","status":503,"client_ip":"10.0.0.7","bytes_sent":5}
192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms
192.0.2.7 - bob [24/Jan/2024:10:15:30 +0000] "GET /a/1?x HTTP/1.1" 200 512 "-" "Mozilla/5.0" 0.033
2001:db8::1 - - [24/Jan/2024:11:15:30 +0100] "POST /a/2 HTTP/1.1" 404 -
ts=2024-01-24T10:16:00Z level=fatal msg="out of \"memory\"" took=1.5s
Traceback (most recent call last):
  File "x.py", line 3
ValueError: x

#Fields: date time
Invalid log line
{"broken":
nova.log 2024-01-24 10:17:00.000 [WARN] elapsed: 3s
2024-01-24 ERROR
"#;

fn spec() -> Arc<Spec> {
    Arc::new(Spec { top: 3, ..Spec::plain() })
}

fn scan(bytes: &[u8], spec: &Arc<Spec>) -> Summary {
    let mut scanner = Scanner::new(spec.clone()).unwrap();
    scanner.begin(0, 0, 0).unwrap();
    scanner.push(bytes);
    scanner.finish(bytes.len() as u64)
}

// --------------------------------------------------------------------------------------- golden

/// With all that a summary says of what its figures mean and of what they are.
fn golden_spec() -> Arc<Spec> {
    let mut spec = Spec::clone(&spec());
    spec.meaning.condition = Some("status < 600 or level >= info".into());
    spec.meaning.by = vec!["level".into()];
    spec.sources[0].identity = Identity {
        content: Some(Content::of(LOG.as_bytes(), LOG.as_bytes(), LOG.len() as u64)),
        origin: "/var/log/golden.log".into(),
        name: "golden.log".into(),
    };
    Arc::new(Spec::from_json(&spec.to_json()).unwrap())
}

#[test]
fn golden() {
    let name = format!("../../test_vectors/summary/v{VERSION}.bin");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    let spec = golden_spec();
    let today = encode(&scan(LOG.as_bytes(), &spec));
    if std::env::var_os("LOGAN_WRITE_VECTORS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &today).unwrap();
    }
    let make = "LOGAN_WRITE_VECTORS=1 cargo test -p logan-core --test properties codec::golden";
    let golden = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; to make it: {make}", path.display()));
    let summary = decode(&golden).expect("summaries of this version stay readable");
    assert!(encode(&summary) == golden, "what was read is written differently");
    // If this is meant to differ and the version was published, it needs another version.
    let report = summary.evaluate(10, None);
    assert_eq!(
        report,
        scan(LOG.as_bytes(), &spec).evaluate(10, None),
        "the same log has other figures; if that is meant: {make}"
    );
    assert_eq!(report["lines"]["total"], 16);
    assert_eq!(report["sources"][0]["name"], "golden.log");
    assert_eq!(summary.difference(&spec, spec.plan_digest()), None);
    assert!(today == golden, "the same log gives other bytes; if that is meant: {make}");
}

/// What an older version did not count is not known, neither alone nor together with what is known.
#[test]
fn an_older_version_is_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test_vectors/summary/v3.bin");
    let old = decode(&std::fs::read(path).unwrap()).unwrap();
    let mut today = scan(LOG.as_bytes(), &golden_spec()).evaluate(10, None);
    let mut other = Spec::clone(&golden_spec());
    other.sources[0].identity = Identity { name: "other.log".into(), ..Identity::default() };
    let mut both = old.clone();
    both.merge(&scan(LOG.as_bytes(), &Arc::new(other))).unwrap();
    let both = both.evaluate(10, None);
    assert_eq!(both["lines"]["total"], 32);
    for name in ["unanswered", "throttled", "denied"] {
        assert!(today["analysis"][name].is_array(), "{name}");
        assert!(both["analysis"][name].is_null(), "{name}");
        today["analysis"][name] = serde_json::Value::Null;
    }
    assert_eq!(old.evaluate(10, None), today);
    assert_eq!(decode(&encode(&old)).unwrap(), old);
}

#[test]
fn summaries_come_back() {
    let spec = spec();
    let mut summaries = vec![Summary::empty(&spec), scan(b"", &spec), scan(LOG.as_bytes(), &spec)];
    let mut feed = Feed::new(spec.clone(), 0, 100).unwrap();
    feed.push(LOG.repeat(50).as_bytes()).unwrap();
    summaries.push(feed.finish().unwrap());
    for summary in &summaries {
        let bytes = encode(summary);
        assert_eq!(&decode(&bytes).unwrap(), summary);
        assert_eq!(bytes, encode(&decode(&bytes).unwrap()));
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn summaries_of_any_lines_come_back(
        lines in vec(select(LOG.lines().collect::<Vec<_>>()), 0..60), chunk in 1u64..300,
    ) {
        let mut feed = Feed::new(spec(), 0, chunk).unwrap();
        feed.push(lines.join("\n").as_bytes()).unwrap();
        let summary = feed.finish().unwrap();
        let decoded = decode(&encode(&summary));
        prop_assert!(decoded.is_ok(), "{:?}", decoded.err());
        prop_assert_eq!(decoded.unwrap(), summary.clone());
        let packed = Packed::from_bytes(Packed::new(&summary).as_bytes(), &summary.meaning);
        prop_assert_eq!(packed.summary().unwrap(), summary);
    }
}

// --------------------------------------------------------------------------------------- damage

#[test]
fn every_damaged_byte_of_what_waited_is_noticed() {
    let summary = scan(LOG.as_bytes(), &spec());
    let packed = Packed::new(&summary);
    let bytes = packed.as_bytes();
    for at in 0..bytes.len() {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x55;
        let found = Packed::from_bytes(&damaged, &summary.meaning).summary();
        assert!(found.is_err_and(|e| matches!(e, Error::Summary(_))), "byte {at}");
        assert!(
            Packed::from_bytes(&bytes[..at], &summary.meaning).summary().is_err(),
            "{at} bytes"
        );
    }
}

#[test]
fn every_damaged_bit_is_noticed() {
    let bytes = encode(&scan(LOG.as_bytes(), &spec()));
    let mut damaged = bytes.clone();
    for bit in 0..8 * bytes.len() {
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&damaged).is_err(), "bit {bit}");
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_truncation_and_every_addition_is_noticed() {
    let bytes = encode(&scan(LOG.as_bytes(), &spec()));
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "{len} bytes");
        // With a length and a checksum that agree, as if a writer had stopped there.
        if let Some(payload) = bytes[..len].get(HEADER_BYTES..) {
            assert!(decode(&envelope(payload)).is_err(), "{len} bytes, enveloped");
        }
    }
    for byte in [0, 0xc0, 0xff] {
        let longer = [&bytes[..], &[byte]].concat();
        assert!(decode(&longer).is_err());
        assert!(decode(&envelope(&longer[HEADER_BYTES..])).is_err());
    }
}

#[test]
fn other_versions_are_named() {
    let mut bytes = encode(&scan(LOG.as_bytes(), &spec()));
    for version in [0, VERSION + 1, u16::MAX] {
        bytes[8..10].copy_from_slice(&version.to_le_bytes());
        let message = decode(&bytes).unwrap_err().to_string();
        assert!(message.contains(&format!("version {version}")), "{message}");
    }
}

/// Magic, version, reserved, length, checksum.
const HEADER_BYTES: usize = 28;

/// The payload as if it were a summary.
fn envelope(payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"LOGANSUM".to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(payload).to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn arbitrary_bytes_are_no_summary(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(decode(&bytes).is_err());
        prop_assert!(decode(&envelope(&bytes)).is_err());
        // Behind the beginning of a real one.
        let real = encode(&scan(LOG.as_bytes(), &spec()));
        let at = HEADER_BYTES + bytes.len() * 7 % (real.len() - HEADER_BYTES);
        prop_assert!(decode(&envelope(&[&real[HEADER_BYTES..at], &bytes].concat())).is_err());
    }

    #[test]
    fn flipped_payloads_with_a_right_checksum(flips in vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut bytes = encode(&scan(LOG.as_bytes(), &spec()));
        for (place, bits) in flips {
            let place = HEADER_BYTES + place.index(bytes.len() - HEADER_BYTES);
            bytes[place] ^= bits;
        }
        survives(&bytes[HEADER_BYTES..]);
    }
}

// -------------------------------------------------------------------------- made up on purpose

/// MessagePack, as far as summaries use it.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Nil,
    Bool(bool),
    Int(i128),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn read(bytes: &mut &[u8]) -> Node {
        let mark = take(bytes, 1)[0];
        match mark {
            0x00..=0x7f => Node::Int(mark.into()),
            0x80..=0x8f => Node::map(bytes, usize::from(mark & 15)),
            0x90..=0x9f => Node::list(bytes, usize::from(mark & 15)),
            0xa0..=0xbf => Node::text(bytes, usize::from(mark & 31)),
            0xc0 => Node::Nil,
            0xc2 | 0xc3 => Node::Bool(mark == 0xc3),
            0xc4..=0xc6 => {
                let len = number(bytes, 1 << (mark - 0xc4)) as usize;
                Node::Bytes(take(bytes, len).to_vec())
            }
            0xcc..=0xcf => Node::Int(number(bytes, 1 << (mark - 0xcc)).into()),
            0xd0..=0xd3 => {
                let size = 1 << (mark - 0xd0);
                let shift = 64 - 8 * size as u32;
                Node::Int(((number(bytes, size) << shift) as i64 >> shift).into())
            }
            0xd9..=0xdb => {
                let len = number(bytes, 1 << (mark - 0xd9)) as usize;
                Node::text(bytes, len)
            }
            0xdc | 0xdd => {
                let len = number(bytes, 2 << (mark - 0xdc)) as usize;
                Node::list(bytes, len)
            }
            0xde | 0xdf => {
                let len = number(bytes, 2 << (mark - 0xde)) as usize;
                Node::map(bytes, len)
            }
            0xe0..=0xff => Node::Int((mark as i8).into()),
            _ => panic!("a summary holds no {mark:#x}"),
        }
    }

    fn text(bytes: &mut &[u8], len: usize) -> Node {
        Node::Text(String::from_utf8(take(bytes, len).to_vec()).unwrap())
    }

    fn list(bytes: &mut &[u8], len: usize) -> Node {
        Node::List((0..len).map(|_| Node::read(bytes)).collect())
    }

    fn map(bytes: &mut &[u8], len: usize) -> Node {
        Node::Map((0..len).map(|_| (Node::read(bytes), Node::read(bytes))).collect())
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Node::Nil => out.push(0xc0),
            Node::Bool(value) => out.push(0xc2 + u8::from(*value)),
            Node::Int(value) => write_int(*value, out),
            Node::Text(text) => {
                write_len(text.len(), (31, 0xa0), Some(0xd9), 0xda, out);
                out.extend_from_slice(text.as_bytes());
            }
            Node::Bytes(bytes) => {
                write_len(bytes.len(), (0, 0xc4), Some(0xc4), 0xc5, out);
                out.extend_from_slice(bytes);
            }
            Node::List(items) => {
                write_len(items.len(), (15, 0x90), None, 0xdc, out);
                items.iter().for_each(|item| item.write(out));
            }
            Node::Map(items) => {
                write_len(items.len(), (15, 0x80), None, 0xde, out);
                for (key, value) in items {
                    key.write(out);
                    value.write(out);
                }
            }
        }
    }

    /// Calls `f` with this node and all inside, outermost first.
    fn each(&mut self, f: &mut impl FnMut(&mut Node)) {
        f(self);
        match self {
            Node::List(items) => items.iter_mut().for_each(|item| item.each(f)),
            Node::Map(items) => items.iter_mut().for_each(|(key, value)| {
                key.each(f);
                value.each(f);
            }),
            _ => {}
        }
    }

    fn count(&mut self) -> usize {
        let mut count = 0;
        self.each(&mut |_| count += 1);
        count
    }

    /// Calls `f` with the node of this number.
    fn at(&mut self, place: usize, f: impl FnOnce(&mut Node)) {
        let mut f = Some(f);
        let mut i = 0;
        self.each(&mut |node| {
            if i == place {
                f.take().expect("one place")(node);
            }
            i += 1;
        });
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(len);
    *bytes = rest;
    front
}

fn number(bytes: &mut &[u8], len: usize) -> u64 {
    take(bytes, len).iter().fold(0, |n, &b| n << 8 | u64::from(b))
}

fn write_int(value: i128, out: &mut Vec<u8>) {
    let (mark, size) = match value {
        -32..=127 => return out.push(value as u8),
        128..=0xff => (0xcc, 1),
        0x100..=0xffff => (0xcd, 2),
        0x1_0000..=0xffff_ffff => (0xce, 4),
        0x1_0000_0000.. => (0xcf, 8),
        -0x80..-32 => (0xd0, 1),
        -0x8000..-0x80 => (0xd1, 2),
        -0x8000_0000..-0x8000 => (0xd2, 4),
        _ => (0xd3, 8),
    };
    out.push(mark);
    out.extend_from_slice(&(value as u64).to_be_bytes()[8 - size..]);
}

/// A length in the mark itself up to `most`, or in one byte, two or four behind it.
fn write_len(len: usize, in_mark: (usize, u8), one: Option<u8>, two: u8, out: &mut Vec<u8>) {
    let (most, mark) = in_mark;
    match (len, one) {
        _ if most > 0 && len <= most => out.push(mark + len as u8),
        (..=0xff, Some(one)) => out.extend_from_slice(&[one, len as u8]),
        (..=0xffff, _) => {
            out.push(two);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(two + 1);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

/// Numbers at which something overflows, ends or begins.
const EXTREMES: [i128; 16] = [
    0,
    1,
    -1,
    100,
    255,
    1_000,
    1 << 31,
    (1 << 32) - 1,
    1 << 61,
    1 << 62,
    (1 << 62) + 1,
    i64::MAX as i128,
    1 << 63,
    u64::MAX as i128,
    i64::MIN as i128,
    i64::MIN as i128 + 1,
];

/// Decodes an enveloped payload. If it is accepted as a summary it must be one: it is written as it
/// was read, and it can be merged and evaluated, with itself and with others.
fn survives(payload: &[u8]) -> bool {
    let bytes = envelope(payload);
    let Ok(summary) = decode(&bytes) else {
        return false;
    };
    assert!(encode(&summary) == bytes, "read and written differently");
    use_in_every_way(&summary);
    true
}

fn use_in_every_way(summary: &Summary) {
    summary.evaluate(10, Some(20));
    summary.evaluate(1_000, None);
    // Coverage forbids to merge a summary with itself; a worker may well send the same figures
    // for another chunk.
    let mut elsewhere = summary.clone();
    for source in elsewhere.coverage.0.values_mut() {
        source.segments.clear();
    }
    let mut real = scan(LOG.as_bytes(), &spec());
    real.coverage.0.clear();
    for (left, right) in [(summary, &elsewhere), (summary, &real), (&real, summary)] {
        let mut sum = left.clone();
        if sum.merge(right).is_ok() {
            sum.evaluate(10, Some(20));
            let _ = decode(&encode(&sum));
        }
    }
}

fn payload_of(summary: &Summary) -> Node {
    let bytes = encode(summary);
    let mut rest = &bytes[HEADER_BYTES..];
    let node = Node::read(&mut rest);
    assert!(rest.is_empty());
    node
}

fn written(node: &Node) -> Vec<u8> {
    let mut payload = Vec::new();
    node.write(&mut payload);
    payload
}

#[test]
fn what_is_made_up_is_read_as_it_was_written() {
    let node = payload_of(&scan(LOG.as_bytes(), &spec()));
    assert!(survives(&written(&node)), "the reader of this test is wrong");
}

#[test]
fn every_number_at_every_extreme() {
    let mut node = payload_of(&scan(LOG.as_bytes(), &spec()));
    let mut numbers = Vec::new();
    let mut place = 0;
    node.each(&mut |node| {
        if let Node::Int(value) = node {
            numbers.push((place, *value));
        }
        place += 1;
    });
    for &(place, old) in &numbers {
        for value in EXTREMES {
            let mut one = node.clone();
            one.at(place, |node| *node = Node::Int(value));
            survives(&written(&one));
            // The same figure stands in several places, which must agree.
            let mut all = node.clone();
            all.each(&mut |node| {
                if *node == Node::Int(old) {
                    *node = Node::Int(value);
                }
            });
            survives(&written(&all));
        }
    }
}

#[derive(Debug, Clone)]
enum Change {
    Number(i128),
    Near(i8),
    All(i128),
    Flip(Index, u8),
    Put(Index, Vec<u8>),
    Shorter(Index),
    Remove(Index),
    Twice(Index),
    Swap(Index, Index),
    Become(Node),
}

fn change() -> BoxedStrategy<Change> {
    let extreme = select(&EXTREMES[..]);
    let put = prop_oneof![
        vec(any::<u8>(), 1..4),
        Just(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec()),
        Just(b"\x80\x80\x80\x80\x80\x80\x80\x80\x40".to_vec()),
        Just(vec![0; 16]),
        Just(vec![0xff; 16]),
    ];
    let node = prop_oneof![
        Just(Node::Nil),
        Just(Node::Bool(true)),
        Just(Node::Bytes(vec![])),
        Just(Node::List(vec![])),
        Just(Node::Map(vec![])),
        Just(Node::List(vec![Node::Int(0), Node::Int(0)])),
        Just(Node::List(vec![Node::Int(i64::MIN.into()), Node::Int(i64::MAX.into())])),
        Just(Node::Text("app".into())),
        Just(Node::Text("nonesuch".into())),
    ];
    prop_oneof![
        3 => extreme.clone().prop_map(Change::Number),
        3 => any::<i8>().prop_map(Change::Near),
        3 => extreme.prop_map(Change::All),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(i, b)| Change::Flip(i, b)),
        2 => (any::<Index>(), put).prop_map(|(i, b)| Change::Put(i, b)),
        1 => any::<Index>().prop_map(Change::Shorter),
        1 => any::<Index>().prop_map(Change::Remove),
        1 => any::<Index>().prop_map(Change::Twice),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(i, j)| Change::Swap(i, j)),
        1 => node.prop_map(Change::Become),
    ]
    .boxed()
}

/// Applies a change where it fits the kind of node.
fn apply(node: &mut Node, change: &Change) {
    match (node, change) {
        (node @ Node::Int(_), Change::Number(value)) => *node = Node::Int(*value),
        (Node::Int(value), Change::Near(by)) => *value += i128::from(*by),
        (Node::Bytes(bytes), Change::Flip(place, bits)) if !bytes.is_empty() => {
            let place = place.index(bytes.len());
            bytes[place] ^= bits;
        }
        (Node::Bytes(bytes), Change::Put(place, more)) => {
            let place = place.index(bytes.len() + 1);
            let end = (place + more.len()).min(bytes.len());
            bytes.splice(place..end, more.iter().copied());
        }
        (Node::Bytes(bytes), Change::Shorter(place)) => {
            bytes.truncate(place.index(bytes.len() + 1));
        }
        (Node::List(items), Change::Remove(place)) if !items.is_empty() => {
            items.remove(place.index(items.len()));
        }
        (Node::List(items), Change::Twice(place)) if !items.is_empty() => {
            let place = place.index(items.len());
            items.insert(place, items[place].clone());
        }
        (Node::List(items), Change::Swap(i, j)) if !items.is_empty() => {
            let (i, j) = (i.index(items.len()), j.index(items.len()));
            items.swap(i, j);
        }
        (Node::Map(items), Change::Remove(place)) if !items.is_empty() => {
            items.remove(place.index(items.len()));
        }
        (Node::Map(items), Change::Twice(place)) if !items.is_empty() => {
            let place = place.index(items.len());
            items.insert(place, items[place].clone());
        }
        (Node::Map(items), Change::Swap(i, j)) if !items.is_empty() => {
            let (i, j) = (i.index(items.len()), j.index(items.len()));
            items.swap(i, j);
        }
        (node, Change::Become(other)) => *node = other.clone(),
        _ => {}
    }
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn made_up_summaries(changes in vec((any::<Index>(), change()), 1..6)) {
        let mut root = payload_of(&scan(LOG.as_bytes(), &spec()));
        for (place, change) in &changes {
            let place = place.index(root.count());
            if let Change::All(value) = change {
                let mut old = Node::Nil;
                root.at(place, |node| old = node.clone());
                root.each(&mut |node| {
                    if *node == old && matches!(node, Node::Int(_)) {
                        *node = Node::Int(*value);
                    }
                });
            } else {
                root.at(place, |node| apply(node, change));
            }
        }
        survives(&written(&root));
    }
}

#[test]
fn a_summary_of_another_version_is_refused_with_the_next_step() {
    let old = include_bytes!("../../../test_vectors/summary/v1.bin");
    let said = decode(old).unwrap_err().to_string();
    let reads = format!("this logan reads 3 to {VERSION}");
    assert!(said.contains(&format!("it has version 1, {reads}: analyze its logs again")), "{said}");
    let mut new = encode(&scan(LOG.as_bytes(), &spec()));
    new[8..10].copy_from_slice(&(VERSION + 1).to_le_bytes());
    let said = decode(&new).unwrap_err().to_string();
    let version = VERSION + 1;
    assert!(
        said.contains(&format!("has version {version}, {reads}: use the newer logan")),
        "{said}"
    );
}
