//! What must hold of any bytes whatever: one function for each fuzz target, which panics where it
//! does not hold.
//!
//! The targets in `fuzz_targets/` give them to libFuzzer; `logan-core/tests/fuzzing.rs` includes
//! this file and gives them mutated samples, for a few seconds of every test run. The first bytes
//! of the input decide what is done with the others.

use jiff::tz::TimeZone;
use logan_core::archive::{Container, Decoder, Stored, decode_head};
use logan_core::bytes::line::{Line, PAD};
use logan_core::chunk::Feed;
use logan_core::error::Error;
use logan_core::format::state::fields_of;
use logan_core::format::{Context, Entry, Params, REGISTRY};
use logan_core::record::{Record, Text};
use logan_core::scan::Scanner;
use logan_core::select::condition;
use logan_core::spec::{FormatSpec, Meaning, Reading, Spec};
use logan_core::summary::Summary;
use logan_core::summary::codec::{decode, encode};
use logan_core::time::TimestampParser;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Most bytes that an archive is decoded to: what comes later is decoded by the same code.
const DECODED_BYTES_MAX: usize = 1 << 20;

/// Most bytes that come out on the way there, with those that are left out.
const PRODUCED_BYTES_MAX: u64 = 8 << 20;

/// 1 February 2024: dates without a year lie before it.
const ANCHOR_NS: i64 = 1_706_745_600_000_000_000;

/// Takes the first two bytes as a number, and leaves the rest.
fn number(data: &mut &[u8]) -> usize {
    let (head, rest) = data.split_at(data.len().min(2));
    *data = rest;
    head.iter().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

fn plain() -> Spec {
    let reading = Reading { anchor_ns: ANCHOR_NS, ..Reading::default() };
    Spec { sources: vec![reading.into()], ..Spec::plain() }
}

/// The figures of the chunk that has the lines in `blocks`, behind the bytes `before`.
fn scan(spec: &Arc<Spec>, before: &[u8], blocks: &[&[u8]]) -> Summary {
    let mut scanner = Scanner::new(spec.clone()).expect("the spec is sound");
    let start = before.len() as u64;
    // Lines may go on with those within reach before them.
    let back = spec.look_back_bytes(0).expect("there is a source") as usize;
    let from = before.len().saturating_sub(back);
    let line = before[from..].iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let from = if from == 0 { 0 } else { from + line };
    scanner.begin(0, from as u64, from as u64).expect("there is a source");
    if from < before.len() {
        scanner.push(&before[from..]);
    }
    scanner.finish(start);
    scanner.go_on(start);
    blocks.iter().for_each(|block| scanner.push(block));
    scanner.finish(start + blocks.concat().len() as u64)
}

/// Every line is counted once, the summary is sound, and its bytes come back.
fn is_sound(summary: &Summary, log: &[u8]) {
    let unfinished = log.last().is_some_and(|&byte| byte != b'\n');
    let lines = log.iter().filter(|&&byte| byte == b'\n').count() + usize::from(unfinished);
    assert_eq!(summary.lines.total(), lines as u64, "lines are lost or counted twice");
    let bytes = encode(summary);
    let back = decode(&bytes).expect("a summary of a scan is sound");
    assert!(encode(&back) == bytes, "the summary's bytes do not come back");
    summary.evaluate(10, Some(3));
}

fn same(found: &Summary, expected: &Summary, how: &str) {
    if encode(found) != encode(expected) {
        assert_eq!(found, expected, "{how}");
        panic!("{how}: equal summaries have other bytes");
    }
}

/// Two bytes say where to cut, the others are a log that every format may take lines of: the same
/// figures from one push, from two, and from two chunks.
pub fn lines(mut data: &[u8]) {
    let cut = number(&mut data) % (data.len() + 1);
    let spec = Arc::new(plain());
    let whole = scan(&spec, b"", &[data]);
    is_sound(&whole, data);
    let (left, right) = data.split_at(cut);
    same(&scan(&spec, b"", &[left, right]), &whole, "two pushes");

    let cut = left.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    let mut merged = scan(&spec, b"", &[&data[..cut]]);
    merged.merge(&scan(&spec, &data[..cut], &[&data[cut..]])).expect("chunks do not overlap");
    // Coverage joins segments that touch, so the bytes are the same, too.
    same(&merged, &whole, "two chunks");
}

/// What a record says, wherever its texts are kept.
type Said<'a> = (Record, [&'a [u8]; 4]);

fn said<'a>(record: Record, line: &'a [u8], arena: &'a [u8]) -> Said<'a> {
    let texts = [record.message, record.method, record.path, record.client];
    let none = Text::NONE;
    let figures = Record { message: none, method: none, path: none, client: none, ..record };
    // A text that is not a range of its line or of the arena panics here.
    (figures, texts.map(|text| text.bytes(line, arena)))
}

/// Parses a line that lies between bytes of `pad`.
fn parse(entry: &Entry, line: &[u8], pad: u8, context: &mut Context) -> Option<(Record, Vec<u8>)> {
    let buffer = [&[pad; PAD][..], line, &[pad; PAD]].concat();
    let view = Line::new(&buffer, PAD, PAD + line.len());
    let (mut record, mut arena) = (Record::EMPTY, Vec::new());
    let format = (entry.build)(&Params::default());
    format.parse_line(view, context, &mut arena, &mut record).then_some((record, arena))
}

/// One byte chooses a format, two say where to cut, the others are a log of that format alone:
/// what a line says hangs neither on the lines before it nor on what is around it in memory, and
/// the figures are the same from one push and from two.
pub fn format(data: &[u8]) {
    let Some((&chosen, mut data)) = data.split_first() else { return };
    let entry = REGISTRY[usize::from(chosen) % REGISTRY.len()];
    let cut = number(&mut data) % (data.len() + 1);

    let context = || Context::new(TimestampParser::new(TimeZone::UTC, ANCHOR_NS));
    let (mut used, mut fields) = (context(), None);
    for line in data.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        if let Some(columns) = fields_of(line) {
            used.history.set_layout(columns);
            fields = Some(columns);
            continue;
        }
        let mut fresh = context();
        fields.iter().for_each(|columns| fresh.history.set_layout(columns));
        let first = parse(entry, line, 0, &mut fresh);
        for (pad, context) in [(b'"', &mut fresh), (b'7', &mut used)] {
            let again = parse(entry, line, pad, context);
            assert_eq!(
                again.as_ref().map(|(record, arena)| said(*record, line, arena)),
                first.as_ref().map(|(record, arena)| said(*record, line, arena)),
                "{}: {:?} is not the same again",
                entry.info.name,
                line.escape_ascii().to_string(),
            );
        }
    }

    let params = Params { rejoin: true, ..Params::default() };
    let formats = vec![FormatSpec { name: entry.info.name.into(), params }];
    let layouts = Some(Default::default());
    let reading =
        Reading { formats, only: true, anchor_ns: ANCHOR_NS, layouts, ..Reading::default() };
    let meaning = Meaning {
        condition: Some("message exists or json.a != 1 or not host exists".into()),
        by: vec!["logfmt.a".into(), "route".into()],
        ..Meaning::default()
    };
    let spec = Arc::new(Spec { meaning, sources: vec![reading.into()], ..Spec::plain() });
    let whole = scan(&spec, b"", &[data]);
    is_sound(&whole, data);
    let (left, right) = data.split_at(cut);
    same(&scan(&spec, b"", &[left, right]), &whole, "two pushes");
}

/// The bytes are a summary or its payload alone, for which a header is made: they are refused, or
/// they are what the summary encodes to, it merges with others, and it makes a report.
pub fn summary(data: &[u8]) {
    const HEADER_BYTES: usize = 28;
    let _ = decode(data);
    let payload =
        if data.starts_with(b"LOGANSUM") { &data[data.len().min(HEADER_BYTES)..] } else { data };
    let mut bytes = encode(&Summary::empty(&plain()));
    bytes.truncate(12);
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(xxh3_64(payload).to_le_bytes());
    bytes.extend(payload);
    let Ok(summary) = decode(&bytes) else { return };
    assert!(encode(&summary) == bytes, "the summary's bytes do not come back");

    // The same figures of other sources, and figures that a scan made.
    let mut moved = summary.clone();
    for covered in moved.coverage.0.values_mut() {
        let id = Arc::make_mut(&mut covered.id);
        id.identity.name.push('x');
        id.plan = !id.plan;
    }
    let mut scanned = scan(&Arc::new(plain()), b"", &[b"2024-01-24 10:15:33 ERROR x took 3ms\n"]);
    scanned.meaning = summary.meaning.clone();
    for other in [&moved, &scanned] {
        let (mut left, mut right) = (summary.clone(), other.clone());
        let merged = left.merge(other).is_ok();
        assert_eq!(merged, right.merge(&summary).is_ok(), "only one of two orders merges");
        if merged {
            // Which of the two keeps its index, and with it which rows are shown, may differ.
            assert_eq!(left.lines.total(), right.lines.total(), "the other order");
            assert_eq!(left.figures.totals, right.figures.totals, "the other order");
            assert_eq!(left.figures.latency, right.figures.latency, "the other order");
            left.check().expect("a merged summary makes sense");
        }
        left.evaluate(10, Some(3));
    }
}

/// Stored bytes that come a few at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Stored for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let count = buffer.len().min(self.0.len()).min(self.1);
        let (head, rest) = self.0.split_at(count);
        buffer[..count].copy_from_slice(head);
        self.0 = rest;
        Ok(count)
    }
}

/// What an archive decodes to, into buffers of this size, and whether it is whole; None if it was
/// not worth the while to find out.
fn decoded(
    packing: Container,
    stored: impl Stored,
    buffer_bytes: usize,
) -> Option<(Vec<u8>, bool)> {
    let mut decoder = Decoder::new(packing, stored, false);
    let (mut all, mut buffer) = (Vec::new(), vec![0; buffer_bytes]);
    while all.len() < DECODED_BYTES_MAX {
        if decoder.produced() > PRODUCED_BYTES_MAX {
            return None;
        }
        let (filled, end) = decoder.read(&mut buffer);
        all.extend_from_slice(&buffer[..filled]);
        if end.is_err() {
            return Some((all, false));
        }
        if decoder.ended() {
            let (more, end) = decoder.read(&mut buffer);
            assert!(more == 0 && end.is_ok(), "something comes behind the end");
            break;
        }
    }
    if let Some(contents) = decoder.contents() {
        assert!(all.last().is_none_or(|&byte| byte == b'\n') || !decoder.ended());
        assert!(contents.told().len() < 1_000);
    }
    Some((all, true))
}

/// One byte chooses a packing, one how many stored bytes come at a time, the others are the
/// stored bytes: they decode to the same whatever the sizes of buffers, or to an error.
pub fn archive(data: &[u8]) {
    let [packing, step, stored @ ..] = data else { return };
    let packings: Vec<Container> = Container::all().collect();
    let packing = packings[usize::from(*packing) % packings.len()];
    Container::of(stored);
    decode_head(packing, stored, 16 << 10);
    let trickle = Trickle(stored, usize::from(*step).max(1));
    let found = (decoded(packing, stored, 64 << 10), decoded(packing, trickle, 4 << 10));
    let (Some((whole, sound)), Some((again, again_sound))) = found else { return };
    assert_eq!(sound, again_sound, "{}: damage is noticed by chance", packing.name());
    if sound {
        assert!(whole == again, "{}: other bytes", packing.name());
    }
}

/// One byte chooses a kind of container, one how many stored bytes come at a time, the others are
/// the container: as [`archive`], for seeds of their own.
pub fn container(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    // Those that are not compressed as a whole: damage is not noticed before it gets to them.
    let wanted = [Container::Tar(None), Container::Zip][usize::from(*kind) % 2];
    let place = Container::all().position(|packing| packing == wanted).expect("it is one of all");
    archive(&[&[place as u8], rest].concat());
}

/// A spec's JSON: it is refused, or it is canonical once written.
pub fn spec(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(spec) = Spec::from_json(text) else { return };
    let json = spec.to_json();
    let back = Spec::from_json(&json).expect("what was written is read");
    assert_eq!(back, spec);
    assert_eq!(back.digest(), spec.digest());
    for source in 0..spec.sources.len() as u32 {
        spec.formats(source).expect("the formats were checked");
    }
    if !spec.sources.is_empty() {
        let mut scanner = Scanner::new(Arc::new(spec)).expect("the spec was checked");
        scanner.begin(0, 0, 0).expect("there is a source");
        scanner.push(b"2024-01-24 10:15:33 ERROR x took 3ms\n");
        scanner.finish(37);
    }
}

/// A condition's text: it does not fit at a place of the text, or its canonical text means the same.
pub fn condition(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match condition::parse(text, &TimeZone::UTC) {
        Ok(condition) => {
            let canonical = condition.to_string();
            let back = condition::parse(&canonical, &TimeZone::UTC);
            assert_eq!(back.as_ref(), Ok(&condition), "{canonical:?}");
        }
        Err(misfit) => assert!(text.is_char_boundary(misfit.position), "{misfit:?}"),
    }
}

/// Two bytes are the grid, two the length of a push, the others a stream: the same figures in one
/// push, in many, and with snapshots between them.
pub fn feed(mut data: &[u8]) {
    let grid_bytes = number(&mut data).max(1) as u64;
    let push_bytes = number(&mut data).max(1);
    let spec = Arc::new(plain());
    let fed = |push_bytes: usize, snapshots: bool| {
        let mut feed = Feed::new(spec.clone(), 0, grid_bytes).expect("there is a source");
        for piece in data.chunks(push_bytes) {
            feed.push(piece).expect("chunks do not overlap");
            if snapshots {
                feed.snapshot().expect("chunks do not overlap");
            }
        }
        assert_eq!(feed.bytes(), data.len() as u64);
        feed.finish().expect("chunks do not overlap")
    };
    let whole = fed(data.len().max(1), false);
    is_sound(&whole, data);
    same(&fed(push_bytes, false), &whole, "many pushes");
    // Each snapshot merges all there is, so that only a few are taken.
    same(&fed(push_bytes.max(data.len() / 8 + 1), true), &whole, "snapshots");
}
