//! Logs in tar and zip archives, against archives that other writers made: the contents come out
//! one after the other, whatever the buffers, the threads and the kind of archive; damage is said.

use logan_core::archive::{Compression, Container, Decoder, decode_head};
use logan_core::chunk::Feed;
use logan_core::engine::{ArchiveFeed, EXPANSION_FREE_BYTES, Request, Scanned};
use logan_core::spec::{FormatSpec, Reading, SourceSpec, Spec};
use logan_core::summary::codec::encode;
use std::io::{Cursor, Read, Write};
use std::sync::Arc;
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// Members that are logs, and one of each kind that is none.
struct Members(Vec<(String, Vec<u8>)>);

fn log(lines: usize, name: &str) -> Vec<u8> {
    let line = |i: usize| {
        format!("2024-01-24 10:{:02}:32.{:03} INFO {name} took {i}ms\n", i / 7 % 60, i % 1000)
    };
    (0..lines).map(line).collect::<String>().into_bytes()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(data, Default::default()).read_to_end(&mut packed).unwrap();
    packed
}

impl Members {
    fn all(lines: usize) -> Members {
        let mut unfinished = log(lines, "unfinished");
        unfinished.truncate(unfinished.len() - 1);
        let marked = [b"\xef\xbb\xbf", &log(lines, "marked")[..]].concat();
        let utf16 = log(9, "wide").into_iter().flat_map(|byte| [byte, 0]).collect();
        Members(vec![
            ("a.log".into(), log(lines, "a")),
            ("empty.log".into(), Vec::new()),
            ("unfinished.log".into(), unfinished),
            ("._a.log".into(), b"\0\x05\x16\x07\0\x02\0\0Mac OS X".to_vec()),
            ("__MACOSX/a.log".into(), log(2, "finder")),
            ("core".into(), [b"\x7fELF", &[0; 900][..]].concat()),
            ("marked.log".into(), marked),
            ("wide.log".into(), utf16),
            ("README".into(), b"What is in here\nand there\n".to_vec()),
            ("folder/".repeat(30) + "long.log", log(lines, "long")),
            ("app.log.1.gz".into(), gzip(&log(3 * lines, "packed"))),
            ("twice.gz".into(), gzip(&gzip(b"x"))),
            (".hidden".into(), log(2, "hidden")),
            ("last.log".into(), log(lines, "last")),
        ])
    }

    /// What comes out of them.
    fn content(&self, lines: usize) -> Vec<u8> {
        [
            log(lines, "a"),
            log(lines, "unfinished"),
            log(lines, "marked"),
            log(9, "wide"),
            log(lines, "long"),
            log(3 * lines, "packed"),
            log(lines, "last"),
        ]
        .concat()
    }

    fn tar(&self, header: tar::Header) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut folder = header.clone();
        folder.set_entry_type(tar::EntryType::Directory);
        folder.set_size(0);
        tar.append_data(&mut folder, "folder/", &b""[..]).unwrap();
        for (name, data) in &self.0 {
            let mut header = header.clone();
            header.set_size(data.len() as u64);
            tar.append_data(&mut header, name, &data[..]).unwrap();
        }
        let mut link = header;
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        tar.append_link(&mut link, "latest.log", "a.log").unwrap();
        tar.into_inner().unwrap()
    }

    fn zip(&self, method: CompressionMethod) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        self.fill(&mut zip, method);
        zip.finish().unwrap().into_inner()
    }

    /// By a writer that cannot go back: sums and sizes come behind the data.
    fn streamed_zip(&self, method: CompressionMethod) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new_stream(Vec::new());
        self.fill(&mut zip, method);
        zip.finish().unwrap().into_inner()
    }

    fn fill<W: Write + std::io::Seek>(
        &self,
        zip: &mut zip::ZipWriter<W>,
        method: CompressionMethod,
    ) {
        let options = SimpleFileOptions::default().compression_method(method);
        zip.add_directory("folder/", options).unwrap();
        for (name, data) in &self.0 {
            zip.start_file(name.as_str(), options).unwrap();
            zip.write_all(data).unwrap();
        }
    }

    /// Archives of all kinds, with names for messages.
    fn archives(&self) -> Vec<(&'static str, Container, Vec<u8>)> {
        let gnu = self.tar(tar::Header::new_gnu());
        let tar = Container::Tar(None);
        let packed = Container::Tar(Some(Compression::Gzip));
        vec![
            ("gnu", tar, gnu.clone()),
            ("ustar", tar, self.tar(tar::Header::new_ustar())),
            ("gzip", packed, gzip(&gnu)),
            ("zip", Container::Zip, self.zip(CompressionMethod::Deflated)),
            ("stored zip", Container::Zip, self.zip(CompressionMethod::Stored)),
            ("streamed zip", Container::Zip, self.streamed_zip(CompressionMethod::Deflated)),
            ("streamed stored zip", Container::Zip, self.streamed_zip(CompressionMethod::Stored)),
        ]
    }
}

/// What comes out through buffers of this size, what was in it, and why it ended early.
fn decoded(packing: Container, stored: &[u8], buffer: usize) -> (Vec<u8>, String, Option<String>) {
    let mut decoder = Decoder::new(packing, stored, false);
    let (mut all, mut buffer) = (Vec::new(), vec![0; buffer]);
    let mut fault = None;
    while !decoder.ended() && fault.is_none() {
        let (filled, result) = decoder.read(&mut buffer);
        all.extend_from_slice(&buffer[..filled]);
        fault = result.err().map(|fault| format!("{fault:?}"));
    }
    assert!(decoder.position() <= stored.len() as u64);
    (all, decoder.contents().unwrap().told(), fault)
}

fn fed(packing: Container, stored: &[u8], grid_bytes: u64, threads: usize) -> Scanned {
    fed_with(Spec::plain(), packing, stored, grid_bytes, threads, 0)
}

fn fed_with(
    spec: Spec,
    packing: Container,
    stored: &[u8],
    grid_bytes: u64,
    threads: usize,
    expansion_max: u64,
) -> Scanned {
    let request = Request { source: 0, packing, grid_bytes, expansion_max };
    let feed = ArchiveFeed::new(Arc::new(spec), "x".into(), request, threads, Arc::default());
    let feed = feed.unwrap();
    feed.push(stored);
    feed.finish().unwrap()
}

/// The figures of plain text; of its whole lines unless it is complete.
fn plain(text: &[u8], grid_bytes: u64, complete: bool) -> Vec<u8> {
    let mut feed = Feed::new(Arc::new(Spec::plain()), 0, grid_bytes).unwrap();
    feed.push(text).unwrap();
    encode(&if complete { feed.finish().unwrap() } else { feed.snapshot().unwrap() })
}

#[test]
fn the_contents_come_out_one_after_the_other() {
    // Members that are shorter and longer than what is looked at of them.
    for lines in [20, 4_000] {
        let members = Members::all(lines);
        let expected = members.content(lines);
        for (name, packing, stored) in members.archives() {
            assert_eq!(Container::of(&stored), Some(packing), "{name}");
            for buffer in [1 << 18, 4_096, 1] {
                if buffer == 1 && lines > 1_000 {
                    continue;
                }
                let (found, told, fault) = decoded(packing, &stored, buffer);
                assert_eq!(fault, None, "{name}");
                assert!(found == expected, "{name}, {buffer}");
                assert!(told.starts_with("7 logs; left out: "), "{told}");
                for part in [
                    "1 binary",
                    "1 empty",
                    "1 hidden",
                    "2 of macOS",
                    "1 of no known format",
                    "1 packed in it",
                ] {
                    assert!(told.contains(part), "{name}: {told}");
                }
                assert_eq!(told.contains("1 linking elsewhere"), packing != Container::Zip);
            }
        }
    }
}

#[test]
fn figures_are_those_of_the_contents() {
    let members = Members::all(2_000);
    let text = members.content(2_000);
    for grid in [30_000, 1 << 24] {
        let expected = plain(&text, grid, true);
        for (name, packing, stored) in members.archives() {
            for threads in [1, 3] {
                let scanned = fed(packing, &stored, grid, threads);
                assert!(scanned.fault.is_none(), "{name}: {:?}", scanned.fault);
                assert_eq!(scanned.facts.decoded, text.len() as u64, "{name}");
                assert_eq!((scanned.facts.members, scanned.facts.foreign_at), (7, None));
                assert!(encode(&scanned.summary) == expected, "{name} {grid} {threads}");
            }
        }
    }
}

#[test]
fn cut_anywhere_gives_the_whole_lines_before() {
    let members = Members::all(12);
    let text = members.content(12);
    for (name, packing, stored) in members.archives() {
        // The zeros at the end of a tar are two blocks and more: one says that it is the end.
        let end = match packing {
            Container::Tar(None) => stored.len() - 512,
            _ => stored.len(),
        };
        for cut in (1..end).step_by(37).chain(end - 60..end) {
            let (found, _, fault) = decoded(packing, &stored[..cut], 1 << 12);
            assert!(fault.is_some(), "{name} {cut} of {}", stored.len());
            assert!(text.starts_with(&found), "{name} {cut}");
            if cut % 5 == 0 {
                let scanned = fed(packing, &stored[..cut], 500, 1);
                let fault = scanned.fault.expect("it is cut").to_string();
                assert!(fault.contains("in the middle"), "{name} {cut}: {fault}");
                assert!(encode(&scanned.summary) == plain(&found, 500, false), "{name} {cut}");
            }
        }
    }
}

#[test]
fn damage_anywhere_is_an_end_and_never_more_than_that() {
    let members = Members(vec![
        ("a.log".into(), log(20, "a")),
        ("core".into(), vec![0; 700]),
        ("b.log.gz".into(), gzip(&log(20, "b"))),
    ]);
    for (name, packing, stored) in members.archives() {
        let whole = decoded(packing, &stored, 1 << 12).0;
        let mut unnoticed = 0;
        for at in (0..stored.len()).step_by(3) {
            for flip in [0x01, 0xff] {
                let mut damaged = stored.clone();
                damaged[at] ^= flip;
                let (found, _, fault) = decoded(packing, &damaged, 1 << 12);
                unnoticed += usize::from(fault.is_none() && found != whole);
            }
        }
        // Sums of zip and gzip are of the data; a tar's are of its headers alone.
        let most = if packing == Container::Tar(None) { stored.len() } else { 50 };
        assert!(unnoticed < most, "{name}: {unnoticed}");
    }
}

#[test]
fn archives_behind_archives_padding_and_foreign_bytes() {
    let members = Members::all(10);
    let text = members.content(10);
    for (name, packing, stored) in members.archives() {
        let mut twice = stored.repeat(2);
        let (found, told, fault) = decoded(packing, &twice, 1 << 12);
        assert_eq!(fault, None, "{name}");
        assert!(found == text.repeat(2), "{name}");
        assert!(told.starts_with("14 logs; "), "{told}");
        twice.extend([0; 3_000]);
        assert!(fed(packing, &twice, 500, 2).facts.foreign_at.is_none(), "{name}");
        let end = twice.len() as u64;
        twice.extend(b"garbage");
        let scanned = fed(packing, &twice, 500, 2);
        assert!(scanned.fault.is_none(), "{name}: {:?}", scanned.fault);
        assert_eq!(scanned.facts.foreign_at, Some(end), "{name}");
        assert!(encode(&scanned.summary) == plain(&text.repeat(2), 500, true), "{name}");
    }
}

#[test]
fn sums_of_zip_members_are_checked() {
    let members = Members(vec![("a.log".into(), log(20, "a")), ("b.log".into(), log(20, "b"))]);
    for stored in [
        members.zip(CompressionMethod::Stored),
        members.streamed_zip(CompressionMethod::Stored),
        members.zip(CompressionMethod::Deflated),
    ] {
        // Of the stored ones a digit becomes another, of the others the sum.
        let at = match memchr::memmem::find(&stored, b"took 7ms") {
            Some(at) => at + 5,
            // The first header is that of a folder.
            None => memchr::memmem::rfind(&stored[..200], b"PK\x03\x04").unwrap() + 14,
        };
        let mut damaged = stored;
        damaged[at] ^= 1;
        let (found, _, fault) = decoded(Container::Zip, &damaged, 1 << 12);
        let fault = fault.expect("the sum is wrong");
        assert!(fault.contains("in a.log: a member's sum (CRC) is wrong"), "{fault}");
        assert_eq!(found.len(), log(20, "a").len());
    }
}

#[test]
fn damage_in_a_member_names_it() {
    let packed = gzip(&log(500, "b"));
    let mut wrong = packed.clone();
    wrong[packed.len() - 6] ^= 1;
    for (data, what) in [(&packed[..packed.len() - 9], "b.gz in it ends"), (&wrong[..], "in b.gz")]
    {
        let members = Members(vec![("a.log".into(), log(5, "a")), ("b.gz".into(), data.to_vec())]);
        for (name, packing, stored) in members.archives() {
            let scanned = fed(packing, &stored, 5_000, 2);
            let fault = scanned.fault.expect("it is damaged").to_string();
            assert!(fault.contains(what), "{name}: {fault}");
            assert!(scanned.facts.decoded > log(5, "a").len() as u64, "{name}");
        }
    }
}

#[test]
fn of_a_forced_format_is_all_text() {
    let members = Members(vec![("a".into(), b"one\ntwo\n".to_vec()), ("b".into(), vec![0; 9])]);
    let formats = vec![FormatSpec { name: "app".into(), params: Default::default() }];
    let source = SourceSpec::from(Reading { formats, only: true, ..Reading::default() });
    for (name, packing, stored) in members.archives() {
        let scanned = fed(packing, &stored, 500, 1);
        assert_eq!(scanned.facts.members, 0, "{name}");
        let spec = Spec { sources: vec![source.clone()], ..Spec::plain() };
        let scanned = fed_with(spec, packing, &stored, 500, 1, 0);
        assert_eq!(scanned.facts.members, 1, "{name}");
        assert_eq!(scanned.summary.lines.total(), 2, "{name}");
    }
}

#[test]
fn what_is_left_out_counts_for_a_bomb() {
    // More than what is free, from very few bytes, none of which is a log.
    let len = EXPANSION_FREE_BYTES + (64 << 20);
    let mut header = tar::Header::new_gnu();
    header.set_size(len);
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let mut tar = tar::Builder::new(&mut encoder);
    tar.append_data(&mut header, "core", std::io::repeat(0).take(len)).unwrap();
    tar.finish().unwrap();
    drop(tar);
    let stored = encoder.finish().unwrap();
    let packing = Container::Tar(Some(Compression::Zstd));
    let scanned = fed_with(Spec::plain(), packing, &stored, 1 << 24, 1, 1_000);
    let fault = scanned.fault.expect("a bomb").to_string();
    assert!(fault.contains("--max-expansion"), "{fault}");
    assert_eq!(decode_head(packing, &stored, 1_000), b"");
}

#[test]
fn samples_have_some_of_each_log() {
    let members = Members::all(4_000);
    for (name, packing, stored) in members.archives() {
        let sample = String::from_utf8(decode_head(packing, &stored, 60_000)).unwrap();
        assert!(sample.len() <= 60_000 && sample.ends_with('\n'), "{name}");
        for log in ["a", "unfinished", "marked", "long", "packed", "last"] {
            assert!(sample.contains(&format!("INFO {log} took 1ms\n")), "{name}: {log}");
        }
    }
    // Of one that is alone it is as much as there is room for.
    let alone = Members(vec![("a.log".into(), log(4_000, "a"))]);
    for (name, packing, stored) in alone.archives() {
        assert!(decode_head(packing, &stored, 60_000).len() > 59_900, "{name}");
    }
}

#[test]
fn headers_that_claim_what_is_not_there() {
    let block = |size: &[u8; 12], kind: u8| {
        let mut header = tar::Header::new_ustar();
        header.set_path("a.log").unwrap();
        header.set_entry_type(tar::EntryType::new(kind));
        header.as_mut_bytes()[124..136].copy_from_slice(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let huge = [0xff; 12];
    for kind in [b'0', b'x', b'g', b'L', b'K', b'S', b'?'] {
        for size in [&huge, b"77777777777\0", b"nonsense\0\0\0\0"] {
            let mut stored = block(size, kind);
            stored.extend(log(20, "a"));
            let (found, _, fault) = decoded(Container::Tar(None), &stored, 1 << 12);
            assert!(fault.is_some());
            assert!(log(20, "a").starts_with(&found));
        }
    }
    // A member longer than it says is the next header.
    let mut stored = block(b"00000000100\0", b'0');
    stored.extend(log(40, "a"));
    assert!(decoded(Container::Tar(None), &stored, 1 << 12).2.is_some());
}

#[test]
fn sizes_in_pax_records_and_in_binary() {
    let data = log(30, "a");
    let mut binary = tar::Header::new_gnu();
    binary.set_path("a.log").unwrap();
    let mut size = [0; 12];
    size[0] = 0x80;
    size[4..].copy_from_slice(&(data.len() as u64).to_be_bytes());
    binary.as_mut_bytes()[124..136].copy_from_slice(&size);
    binary.set_cksum();
    let body = |stored: &mut Vec<u8>| {
        stored.extend(&data);
        stored.resize(stored.len().next_multiple_of(512), 0);
    };
    let mut stored = binary.as_bytes().to_vec();
    body(&mut stored);

    let mut tar = tar::Builder::new(stored);
    let length = data.len().to_string();
    tar.append_pax_extensions([("path", &b"b.log"[..]), ("size", length.as_bytes())]).unwrap();
    let mut stored = tar.get_ref().clone();
    let mut header = tar::Header::new_ustar();
    header.set_path("cut").unwrap();
    header.set_size(0);
    header.set_cksum();
    stored.extend(header.as_bytes());
    body(&mut stored);
    stored.extend([0; 1024]);
    let (found, told, fault) = decoded(Container::Tar(None), &stored, 1 << 12);
    assert_eq!((fault, told.as_str()), (None, "2 logs"));
    assert!(found == data.repeat(2));
}
