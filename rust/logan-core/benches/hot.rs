//! The hot pieces one by one, then whole blocks: `cargo bench -p logan-core`.
//!
//! Times of single pieces say where a change went; what users wait for is measured by
//! `tests/bench`. All lines are made up here, with enough variety that no branch predictor learns
//! them by heart, and the same in every run.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use logan_core::bytes::line::{PAD, index_newlines};
use logan_core::bytes::simd::Simd;
use logan_core::format::{self, Format, Run};
use logan_core::metric::routes::Route;
use logan_core::record::Batch;
use logan_core::scan::Scanner;
use logan_core::sketch::groups::GroupTable;
use logan_core::spec::{FormatSpec, Spec};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::Arc;

const BLOCK_BYTES: usize = 4 << 20;
const ROUTES: u64 = 1_000;
const CLIENTS: u64 = 10_000;
const FORMATS: [(&str, Maker); 4] =
    [("app", app_line), ("combined", combined_line), ("json", json_line), ("logfmt", logfmt_line)];

/// Appends one line.
type Maker = fn(&mut String, &mut Chance);

/// A small generator of numbers (splitmix64); the seed is fixed.
struct Chance(u64);

impl Chance {
    /// A number below `limit`.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// A response time in milliseconds: mostly short, sometimes long.
    fn millis(&mut self) -> u64 {
        let digits = self.below(4) as u32;
        1 + self.below(10u64.pow(digits) * 5)
    }

    /// A member of a population: some come up often, most of them rarely.
    fn member(&mut self, population: u64) -> u64 {
        let few = self.below(population) + 1;
        let fewer = self.below(few) + 1;
        self.below(fewer)
    }

    fn status(&mut self) -> u64 {
        [200, 200, 200, 200, 200, 304, 404, 500][self.below(8) as usize]
    }
}

/// Ends a line's timestamp: `10:15:32`, about 3,000 lines a second.
fn clock(text: &mut String) {
    let second = text.len() / (3_000 * 55);
    write!(text, "10:{:02}:{:02}", 15 + second / 60, second % 60).expect("memory");
}

fn path(chance: &mut Chance) -> String {
    let route = chance.member(ROUTES);
    match chance.below(3) {
        0 => format!("/api/v1/items/{}/part{route}", chance.below(1_000_000)),
        1 => format!("/docs/chapter{route}?page={}", chance.below(40)),
        _ => format!("/docs/chapter{route}"),
    }
}

fn client(chance: &mut Chance) -> String {
    let n = chance.member(CLIENTS);
    format!("10.1.{}.{}", n >> 8, n & 255)
}

fn app_line(text: &mut String, chance: &mut Chance) {
    text.push_str("2024-01-24 ");
    clock(text);
    let millis = chance.below(1_000);
    write!(text, ".{millis:03} ").expect("memory");
    let done = match chance.below(20) {
        0 => writeln!(text, "ERROR Database connection failed"),
        1 => writeln!(text, "WARN Payment refused, retrying in {}s", chance.below(100)),
        2 => writeln!(text, "INFO User {} logged in", chance.below(100_000)),
        3 => writeln!(text, "DEBUG Lookup took {}us", 1_000 + chance.below(9_000)),
        4 => writeln!(text, "INFO Page rendered elapsed={}ms", chance.millis()),
        _ => writeln!(text, "INFO Request processed in {}ms", chance.millis()),
    };
    done.expect("memory");
}

fn combined_line(text: &mut String, chance: &mut Chance) {
    write!(text, "{} - - [24/Jan/2024:", client(chance)).expect("memory");
    clock(text);
    let (path, status, sent) = (path(chance), chance.status(), chance.below(40_000));
    writeln!(
        text,
        " +0000] \"GET {path} HTTP/1.1\" {status} {sent} \"-\" \"Mozilla/5.0 (X11; Linux x86_64; \
         rv:121.0) Gecko/20100101 Firefox/121.0\""
    )
    .expect("memory");
}

fn json_line(text: &mut String, chance: &mut Chance) {
    text.push_str("{\"timestamp\":\"2024-01-24T");
    clock(text);
    let (path, status, client) = (path(chance), chance.status(), client(chance));
    let level = if status == 500 { "ERROR" } else { "INFO" };
    writeln!(
        text,
        ".{:03}Z\",\"level\":\"{level}\",\"message\":\"Request processed\",\"method\":\"GET\",\
         \"path\":\"{path}\",\"status\":{status},\"duration_ms\":{}.{},\"client\":\"{client}\"}}",
        chance.below(1_000),
        chance.millis(),
        chance.below(10),
    )
    .expect("memory");
}

fn logfmt_line(text: &mut String, chance: &mut Chance) {
    text.push_str("ts=2024-01-24T");
    clock(text);
    let (path, status, client) = (path(chance), chance.status(), client(chance));
    writeln!(
        text,
        ".{:03}Z level=info msg=\"request processed\" method=GET path={path} status={status} \
         duration={}ms client={client}",
        chance.below(1_000),
        chance.millis(),
    )
    .expect("memory");
}

/// About 4 MiB of whole lines.
fn lines(make: Maker) -> String {
    let (mut text, mut chance) = (String::with_capacity(BLOCK_BYTES + 512), Chance(1));
    while text.len() < BLOCK_BYTES {
        make(&mut text, &mut chance);
    }
    text
}

/// The lines with the room around them that parsers read beyond a line.
fn padded(text: &str) -> Vec<u8> {
    let mut block = vec![0; PAD];
    block.extend_from_slice(text.as_bytes());
    block.resize(block.len() + PAD, 0);
    block
}

#[inline(always)]
fn index_into<S: Simd>(simd: S, block: &[u8], ends: &mut Vec<u32>) {
    index_newlines(simd, block, PAD, block.len() - PAD, ends);
}

fn index(block: &[u8], ends: &mut Vec<u32>) {
    ends.clear();
    logan_core::dispatch!(index_into::<>(block: &[u8], ends: &mut Vec<u32>) -> (); block, ends);
}

/// A spec whose only source lists one format, as a plan for such lines does.
fn spec_of(name: &str) -> Spec {
    let mut spec = Spec::plain();
    spec.sources[0].reading.formats =
        vec![FormatSpec { name: name.into(), params: Default::default() }];
    spec
}

fn newlines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("newlines");
    for (name, make) in FORMATS {
        let block = padded(&lines(make));
        group.throughput(Throughput::Bytes(block.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &block, |bencher, block| {
            let mut ends = Vec::new();
            bencher.iter(|| {
                index(black_box(block), &mut ends);
                ends.len()
            });
        });
    }
}

/// Parses all lines of a block into batches that are dropped; the number of records.
fn parse(
    format: &dyn Format,
    block: &[u8],
    ends: &[u32],
    batch: &mut Batch,
    context: &mut format::Context,
) -> usize {
    let (mut next, mut start, mut records) = (0, PAD as u32, 0);
    while next < ends.len() {
        batch.clear();
        let mut run = Run::new(block, ends, (next, start), batch, context);
        format.parse_run(&mut run);
        assert!(run.next > next, "line {next} is not of this format");
        (next, start) = (run.next, run.start);
        records += batch.len;
    }
    records
}

fn parsing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, make) in FORMATS {
        let block = padded(&lines(make));
        let mut ends = Vec::new();
        index(&block, &mut ends);
        let (_, entry) = format::by_name(name).expect("a registered format");
        let format = (entry.build)(&Default::default());
        let mut context = Spec::plain().context().expect("UTC is known");
        let mut batch = Batch::new();
        group.throughput(Throughput::Elements(ends.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| parse(&*format, black_box(&block), &ends, &mut batch, &mut context));
        });
    }
}

fn groups(criterion: &mut Criterion) {
    let mut chance = Chance(2);
    let keys: Vec<String> =
        (0..100_000).map(|_| format!("GET /docs/chapter{}", chance.member(ROUTES))).collect();
    let mut group = criterion.benchmark_group("groups");
    group.throughput(Throughput::Elements(keys.len() as u64));
    group.bench_function("entry", |bencher| {
        let mut table: GroupTable<Route> = GroupTable::new(10_000);
        bencher.iter(|| {
            table.expect(keys.len());
            for key in &keys {
                black_box(table.entry(black_box(key.as_bytes())));
            }
        });
    });
}

/// A block as a chunk of its own, from empty tables to a summary.
fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("block");
    for (name, make) in FORMATS {
        let text = lines(make);
        let mut scanner = Scanner::new(Arc::new(spec_of(name))).expect("a valid spec");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                scanner.begin(0, 0, 0).expect("the spec has one source");
                scanner.push(black_box(text.as_bytes()));
                scanner.finish(text.len() as u64)
            });
        });
    }
}

criterion_group!(benches, newlines, parsing, groups, blocks);
criterion_main!(benches);
