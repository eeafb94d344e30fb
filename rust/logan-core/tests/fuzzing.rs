//! The bodies of the fuzz targets in `rust/fuzz`, given damaged samples for a few seconds; and the
//! inputs that once made one of them panic.
//!
//! `PROPTEST_CASES` sets how many inputs each target gets, a failure prints the smallest.
//! `LOGAN_FUZZ_SEEDS=FOLDER cargo test -p logan-core --test properties fuzzing::seeds` writes what libFuzzer
//! starts from, a folder for each target; `just fuzz` does so.

#[path = "../../fuzz/src/lib.rs"]
mod bodies;

use crate::support::config;
use logan_core::archive::Compression;
use logan_core::format::REGISTRY;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a log that a sample has: beginnings have all kinds of lines, and short inputs are
/// mutated more often.
const LOG_BYTES_MAX: usize = 2_000;

/// A target's name, its body, and what to start from.
type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

const TARGETS: [Target; 8] = [
    ("lines", bodies::lines, || logs(&[1, 0])),
    ("format", bodies::format, formats),
    ("summary", bodies::summary, summaries),
    ("archive", bodies::archive, archives),
    ("container", bodies::container, containers),
    ("spec", bodies::spec, || texts(SPECS)),
    ("condition", bodies::condition, || texts(CONDITIONS)),
    ("feed", bodies::feed, || logs(&[0, 64, 0, 17])),
];

const SPECS: &[&str] = &[
    r#"{"version":2,"top":10,"sources":[{"reading":{"formats":[],"input_tz":"UTC","anchor_ns":0}}]}"#,
    r#"{"version":2,"meaning":{"since_ns":1,"until_ns":9,"where":"status>=500 or json.a='x'","by":["route","logfmt.b"]},"top":3,"sources":[{"reading":{"formats":[{"name":"json","params":{"rejoin":true}}],"only":true,"input_tz":"Europe/Berlin","anchor_ns":5,"durations":{"chosen":{"took":null},"keys":{"duration":[{"beside":"a","unit":"ms"}]},"after_agent":{"field":1,"unit":"us"}},"layouts":{"fields":["date time"],"changes":[[0,0]]}},"identity":{"content":{"length":17,"heads":[3],"tail":4},"origin":"/x/y.log","name":"y.log"}}]}"#,
];

const CONDITIONS: &[&str] = &[
    r#"status>=500 and route~"^/api" and duration>250ms"#,
    r#"not (json."user id" in (a, 'b"\'') or time<2024-01-24T10:00:00Z)"#,
    r#"bytes >= 3KiB && logfmt.x.y exists || level not in (warn, error) and !(path !~ '\d+')"#,
];

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test_vectors")
}

/// The beginnings of all formats' samples.
fn samples() -> Vec<Vec<u8>> {
    let folder = std::fs::read_dir(vectors().join("formats")).expect("the samples are there");
    let mut paths: Vec<PathBuf> =
        folder.map(|entry| entry.unwrap().path().join("sample.log")).collect();
    paths.sort();
    let beginning = |path: PathBuf| {
        let mut log = std::fs::read(path).unwrap();
        log.truncate(LOG_BYTES_MAX);
        log
    };
    paths.into_iter().map(beginning).collect()
}

fn logs(head: &[u8]) -> Vec<Vec<u8>> {
    samples().iter().map(|log| [head, log].concat()).collect()
}

/// Every sample for every format.
fn formats() -> Vec<Vec<u8>> {
    let each = |log: Vec<u8>| {
        (0..REGISTRY.len() as u8).map(move |format| [&[format, 1, 0], &log[..]].concat())
    };
    samples().into_iter().flat_map(each).collect()
}

fn summaries() -> Vec<Vec<u8>> {
    vec![std::fs::read(vectors().join("summary/v1.bin")).unwrap()]
}

fn archives() -> Vec<Vec<u8>> {
    let log = &samples()[0];
    let compress = |(i, kind): (usize, &Compression)| {
        let mut stored = vec![i as u8, 7];
        match kind {
            Compression::Gzip => {
                flate2::read::GzEncoder::new(&log[..], Default::default()).read_to_end(&mut stored)
            }
            Compression::Zstd => zstd::stream::read::Encoder::new(&log[..], 3)
                .and_then(|mut encoder| encoder.read_to_end(&mut stored)),
            Compression::Bzip2 => {
                bzip2::read::BzEncoder::new(&log[..], Default::default()).read_to_end(&mut stored)
            }
            Compression::Xz => liblzma::read::XzEncoder::new(&log[..], 6).read_to_end(&mut stored),
            Compression::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(&mut stored);
                encoder.write_all(log).unwrap();
                encoder.finish().unwrap();
                Ok(0)
            }
        }
        .unwrap();
        stored
    };
    Compression::ALL.iter().enumerate().map(compress).collect()
}

/// A tar and zips of both kinds of writers, each with a log, a compressed log and what is none.
fn containers() -> Vec<Vec<u8>> {
    let log = &samples()[0];
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(&log[..], Default::default()).read_to_end(&mut packed).unwrap();
    let long = "folder/".repeat(40) + "app.log";
    let members: [(&str, &[u8]); 4] =
        [("app.log", log), (&long, &log[..log.len() / 2]), ("1.gz", &packed), ("core", &[0; 600])];

    let mut tar = tar::Builder::new(vec![0, 7]);
    for (name, data) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(data.len() as u64);
        tar.append_data(&mut header, name, data).unwrap();
    }
    let mut all = vec![tar.into_inner().unwrap()];
    let options = |i: usize| {
        let method = [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored][i % 2];
        zip::write::SimpleFileOptions::default().compression_method(method)
    };
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut stream = zip::ZipWriter::new_stream(Vec::new());
    for (i, (name, data)) in members.into_iter().enumerate() {
        zip.start_file(name, options(i)).unwrap();
        zip.write_all(data).unwrap();
        stream.start_file(name, options(i)).unwrap();
        stream.write_all(data).unwrap();
    }
    let zips = [zip.finish().unwrap().into_inner(), stream.finish().unwrap().into_inner()];
    all.extend(zips.map(|zip| [&[1, 7], &zip[..]].concat()));
    all
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Pieces that mean something to some parser.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\0",
    b"\"",
    b"\\",
    b"\\u",
    b"{",
    b"}",
    b"[",
    b"(",
    b" ",
    b"#Fields: ",
    b"-",
    b"99999999999999999999",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\x1b[31m",
    b"not ",
    b"::",
    b"\xce",
    b"\x81",
    b"PK\x03\x04",
    b"PK\x07\x08",
    b"ustar",
    b"\xff\xff\xff\xff",
];

/// What becomes of a sample at a place: a piece is put in, bytes go or are doubled, a byte changes.
type Mutation = (u8, Index, &'static [u8], u8);

fn mutated(mut bytes: Vec<u8>, mutations: Vec<Mutation>) -> Vec<u8> {
    for (operation, place, piece, byte) in mutations {
        if bytes.is_empty() {
            bytes.push(byte);
        }
        let at = place.index(bytes.len());
        let end = bytes.len().min(at + usize::from(byte));
        match operation {
            0 => drop(bytes.splice(at..at, piece.iter().copied())),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            3 => bytes.truncate(at),
            _ => bytes[at] = byte,
        }
    }
    bytes
}

/// Gives a target `cases` mutated samples, unless the environment says how many.
fn run(name: &str, cases: u32) {
    let (_, body, seeds) = TARGETS.into_iter().find(|target| target.0 == name).unwrap();
    let seeds = seeds();
    seeds.iter().for_each(|seed| body(seed));
    let mutation = (0u8..8, any::<Index>(), select(PIECES), any::<u8>());
    let input = (select(seeds), vec(mutation, 0..8)).prop_map(|(seed, by)| mutated(seed, by));
    let mut runner = proptest::test_runner::TestRunner::new(config(cases));
    let outcome = runner.run(&input, |input| {
        body(&input);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{name}: {error}");
    }
}

#[test]
fn lines() {
    run("lines", 300);
}

#[test]
fn format() {
    run("format", 300);
}

#[test]
fn summary() {
    run("summary", 500);
}

#[test]
fn archive() {
    run("archive", 300);
}

#[test]
fn container() {
    run("container", 300);
}

#[test]
fn spec() {
    run("spec", 500);
}

#[test]
fn condition() {
    run("condition", 2_000);
}

#[test]
fn feed() {
    run("feed", 100);
}

#[test]
fn seeds() {
    let folder = std::env::var_os("LOGAN_FUZZ_SEEDS").map(PathBuf::from);
    for (name, _, seeds) in TARGETS {
        let seeds = seeds();
        assert!(!seeds.is_empty(), "{name}");
        let Some(folder) = folder.as_ref().map(|folder| folder.join(name)) else { continue };
        std::fs::create_dir_all(&folder).unwrap();
        for (i, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{i}")), seed).unwrap();
        }
    }
}
