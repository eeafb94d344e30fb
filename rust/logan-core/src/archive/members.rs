//! The logs in a container, one after the other, as if they were one log.
//!
//! Each ends with a newline, its own or one that is put there, so that no line runs from one into
//! the next. What is not a log is left out and counted, by the rules for files in a folder, from the
//! first bytes of each member. A member may be compressed itself; containers in it are not opened.
//!
//! ```text
//! between: the container's next header -> a file: what it begins with -> a log: open
//!                                                                     -> none: counted, passing
//! open: its bytes, a newline if it lacks one -> passing
//! passing: what is left of the member -> between
//! ```
//! Passing is done in pieces, so that the reader may stop a job while nothing comes out.

use super::decode::{Ahead, Bytes, Compression, Fault, Stored, Unpacked, Unpacker};
use super::packing::Container;
use super::text::{Decoded, Text};
use crate::archive::containers::tar::Tar;
use crate::archive::containers::zip::Zip;
use crate::detect::detect;
use crate::error::grouped;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;

/// Bytes of a member that are looked at when the first few are of no log: as much as of a file.
const HEAD_BYTES: usize = 64 << 10;

/// Bytes in which a log mostly shows.
const GLANCE_BYTES: usize = 4 << 10;

/// Bytes of a container that are passed over before the reader is asked again.
const PASSED_BYTES_MAX: u64 = 1 << 20;

/// Most bytes of a compressed member of which nothing comes: what is as empty as that is not a log.
const BARREN_BYTES_MAX: u64 = 64 << 20;

/// Names that are kept as examples of what was found.
const NAMES_MAX: usize = 3;

/// Most characters of such a name, of its end.
const NAME_CHARS_MAX: usize = 32;

/// Most bytes of what is told of all members: more does not go where it is told.
const TOLD_BYTES_MAX: usize = 240;

/// What UTF-8 may begin with.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// What a member is by its header.
pub(super) enum EntryKind {
    File,
    /// Nothing that a log could be in, and nothing worth a word.
    Folder,
    /// Left out, and why.
    Other(&'static str),
}

/// A member's header.
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) sort: EntryKind,
}

/// What a container has next.
pub(super) enum Next {
    Member(Entry),
    /// Something that is none was passed over; the next is still to come.
    Later,
    /// No more, but perhaps bytes that are not part of it.
    End {
        foreign: bool,
    },
}

/// What the members of a container were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    logs: Tally,
    left_out: BTreeMap<&'static str, Tally>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    names: Vec<String>,
}

/// The end of a member's name, without what a terminal obeys and what JSON would escape, which takes
/// more room than there is.
fn shown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let plain = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    match name.chars().count().checked_sub(NAME_CHARS_MAX) {
        None | Some(0) => name.chars().map(plain).collect(),
        Some(cut) => ['…'].into_iter().chain(name.chars().skip(cut + 1).map(plain)).collect(),
    }
}

impl Tally {
    fn add(&mut self, name: &[u8]) {
        self.count += 1;
        if self.names.len() < NAMES_MAX {
            self.names.push(shown(name));
        }
    }

    /// Its names in brackets, if they go into so many bytes.
    fn names(&self, room: usize) -> String {
        let mut names = self.names.join(", ");
        if self.count > self.names.len() as u64 {
            names.push_str(", …");
        }
        if names.len() + 3 > room { String::new() } else { format!(" ({names})") }
    }
}

impl Contents {
    /// Members that were read.
    pub fn logs(&self) -> u64 {
        self.logs.count
    }

    /// Members that were left out.
    pub fn left_out(&self) -> u64 {
        self.left_out.values().map(|tally| tally.count).sum()
    }

    /// All of it in words.
    pub fn told(&self) -> String {
        let count = self.logs.count;
        let mut told = match count {
            0 => "no logs".to_string(),
            1 => "1 log".to_string(),
            count => format!("{} logs", grouped(count)),
        };
        let counts = self
            .left_out
            .iter()
            .map(|(why, tally)| (format!("{} {why}", grouped(tally.count)), tally));
        let counts: Vec<_> = counts.collect();
        // All numbers are told, names as far as there is room.
        let numbers: usize = counts.iter().map(|(count, _)| count.len() + 2).sum();
        let mut room = TOLD_BYTES_MAX.saturating_sub(told.len() + "; left out: ".len() + numbers);
        for (i, (count, tally)) in counts.iter().enumerate() {
            let names = tally.names(room);
            room -= names.len();
            let before = if i == 0 { "; left out: " } else { ", " };
            write!(told, "{before}{count}{names}").expect("a string takes all");
        }
        told
    }
}

/// Bytes of a container or a log: stored as they are, or unpacked.
pub(super) enum Below<R: Stored> {
    AsIs(R),
    Unpacked(Box<Unpacked<R>>),
}

impl<R: Stored> Below<R> {
    pub(super) fn new(kind: Option<Compression>, stored: R) -> Below<R> {
        match kind {
            None => Below::AsIs(stored),
            Some(kind) => Below::Unpacked(Box::new(Unpacked::new(kind, stored))),
        }
    }

    pub(super) fn unpacker(&self) -> Option<&Unpacker<R>> {
        match self {
            Below::AsIs(_) => None,
            Below::Unpacked(unpacked) => Some(unpacked.unpacker()),
        }
    }
}

impl<R: Stored> Bytes for Below<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        match self {
            Below::AsIs(stored) => Bytes::read(stored, buffer),
            Below::Unpacked(unpacked) => unpacked.read(buffer),
        }
    }
}

enum OpenContainer {
    Tar(Box<Tar>),
    Zip(Box<Zip>),
}

/// A container on its way.
struct Flow<R: Stored> {
    ahead: Ahead<Below<R>>,
    container: OpenContainer,
    /// Reading failed: below, or in the container.
    failed: bool,
    /// Bytes that a member may take before something must come of it.
    allowed: u64,
}

impl<R: Stored> Flow<R> {
    fn next(&mut self) -> Result<Next, Fault> {
        match &mut self.container {
            OpenContainer::Tar(tar) => tar.next(&mut self.ahead),
            OpenContainer::Zip(zip) => zip.next(&mut self.ahead),
        }
    }

    fn pass(&mut self, scratch: &mut [u8]) -> Result<bool, Fault> {
        match &mut self.container {
            OpenContainer::Tar(tar) => tar.pass(&mut self.ahead),
            OpenContainer::Zip(zip) => zip.pass(&mut self.ahead, scratch),
        }
    }

    /// What went through, of all layers, that may have come from next to nothing.
    fn produced(&self) -> u64 {
        let inflated = match &self.container {
            OpenContainer::Tar(_) => 0,
            OpenContainer::Zip(zip) => zip.produced(),
        };
        self.ahead.position() + inflated
    }
}

/// A member's bytes as the container has them.
struct Body<R: Stored> {
    /// The first, which were looked at, and how many of them were taken.
    head: Vec<u8>,
    taken: usize,
    /// Why no more than those could be read.
    fault: Option<Fault>,
    flow: Rc<RefCell<Flow<R>>>,
}

impl<R: Stored> Bytes for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        if self.taken < self.head.len() {
            let left = &self.head[self.taken..];
            let count = left.len().min(buffer.len());
            buffer[..count].copy_from_slice(&left[..count]);
            self.taken += count;
            return Ok(count);
        }
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let flow = &mut *self.flow.borrow_mut();
        if flow.allowed == 0 {
            let why = format!("{} MiB decode to nothing", BARREN_BYTES_MAX >> 20);
            return Err(Fault::Corrupt(why));
        }
        let read = match &mut flow.container {
            OpenContainer::Tar(tar) => tar.read(&mut flow.ahead, buffer),
            OpenContainer::Zip(zip) => zip.read(&mut flow.ahead, buffer),
        };
        flow.failed |= read.is_err();
        flow.allowed = flow.allowed.saturating_sub(*read.as_ref().unwrap_or(&0) as u64);
        read
    }
}

/// A member's bytes, uncompressed, as lines of UTF-8.
enum Content<R: Stored> {
    AsIs(Body<R>),
    Compressed(Box<Unpacked<Body<R>>>),
    Text(Box<Decoded<Content<R>>>),
}

impl<R: Stored> Bytes for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        match self {
            Content::AsIs(body) => body.read(buffer),
            Content::Compressed(unpacked) => unpacked.read(buffer),
            Content::Text(decoded) => decoded.read(buffer),
        }
    }
}

impl<R: Stored> Content<R> {
    /// The first `most` bytes, or all; and why there are no more, if that is a fault.
    fn head(&mut self, most: usize) -> (Vec<u8>, Option<Fault>) {
        let (mut head, mut filled) = (vec![0; most], 0);
        let mut fault = None;
        while filled < most {
            match self.read(&mut head[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        head.truncate(filled);
        (head, fault)
    }
}

/// A log that is being read.
struct Open<R: Stored> {
    name: String,
    /// What it begins with, and how many bytes of that were handed out.
    head: Vec<u8>,
    handed: usize,
    /// Why there is no more than the head.
    fault: Option<Fault>,
    content: Content<R>,
    /// The last byte that was handed out.
    last: u8,
}

impl<R: Stored> Open<R> {
    /// What follows, with the newline that may be missing; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let count = if self.handed < self.head.len() {
            let left = &self.head[self.handed..];
            let count = left.len().min(buffer.len());
            buffer[..count].copy_from_slice(&left[..count]);
            self.handed += count;
            count
        } else if let Some(fault) = self.fault.take() {
            return Err(fault);
        } else {
            match self.content.read(buffer)? {
                0 if self.last != b'\n' => {
                    buffer[0] = b'\n';
                    1
                }
                count => count,
            }
        };
        if count > 0 {
            self.last = buffer[count - 1];
        }
        Ok(count)
    }
}

enum State<R: Stored> {
    Between,
    Open(Box<Open<R>>),
    Passing,
    Ended,
}

/// Reads the logs in a container.
pub(super) struct Members<R: Stored> {
    flow: Rc<RefCell<Flow<R>>>,
    state: State<R>,
    contents: Contents,
    /// Text of no known format is taken, too.
    any_text: bool,
    foreign: bool,
    /// Bytes that compressed members before the one at hand came to.
    produced: u64,
    scratch: Box<[u8]>,
}

impl<R: Stored> Members<R> {
    /// For a packing with members. With `any_text` whatever is not a binary is a log.
    pub(super) fn new(packing: Container, stored: R, any_text: bool) -> Members<R> {
        let (kind, container) = match packing {
            Container::Tar(kind) => (kind, OpenContainer::Tar(Box::default())),
            Container::Zip => (None, OpenContainer::Zip(Box::new(Zip::new()))),
            Container::Log(_) | Container::Text(..) => unreachable!("a log has no members"),
        };
        let flow = Flow {
            ahead: Ahead::new(Below::new(kind, stored)),
            container,
            failed: false,
            allowed: BARREN_BYTES_MAX,
        };
        Members {
            flow: Rc::new(RefCell::new(flow)),
            state: State::Between,
            contents: Contents::default(),
            any_text,
            foreign: false,
            produced: 0,
            scratch: vec![0; HEAD_BYTES].into_boxed_slice(),
        }
    }

    /// Stored bytes read so far.
    pub(super) fn position(&self) -> u64 {
        let flow = self.flow.borrow();
        flow.ahead.below().unpacker().map_or(flow.ahead.position(), Unpacker::position)
    }

    /// See [`Decoder::foreign_at`](super::Decoder::foreign_at).
    pub(super) fn foreign_at(&self) -> Option<u64> {
        let flow = self.flow.borrow();
        let behind = flow.ahead.below().unpacker().and_then(Unpacker::foreign_at);
        drop(flow);
        behind.or_else(|| self.foreign.then(|| self.position()))
    }

    /// Bytes that came out of any layer.
    pub(super) fn produced(&self) -> u64 {
        let open = match &self.state {
            State::Open(open) => unpacked(&open.content),
            _ => 0,
        };
        self.flow.borrow().produced() + self.produced + open
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Whether nothing comes any more.
    pub(super) fn ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Decodes to `output` until it is full, the container ends, or much was passed over.
    pub(super) fn read(&mut self, output: &mut [u8]) -> (usize, Result<(), Fault>) {
        let begun = self.flow.borrow().produced();
        let mut filled = 0;
        while filled < output.len() && !self.ended() {
            self.flow.borrow_mut().allowed = BARREN_BYTES_MAX;
            let result = match &mut self.state {
                State::Open(open) => open.read(&mut output[filled..]).map(Some),
                _ => self.advance().map(|()| None),
            };
            match result {
                Ok(Some(0)) => self.leave(),
                Ok(Some(count)) => filled += count,
                Ok(None) if self.flow.borrow().produced() - begun > PASSED_BYTES_MAX => break,
                Ok(None) => {}
                Err(fault) => return (filled, Err(self.fail(fault))),
            }
        }
        (filled, Ok(()))
    }

    /// The beginning of the next log in whole lines, of at most `most` bytes; None if there is
    /// none any more, or what comes before it is worth more than `produced_max`.
    pub(super) fn sample(&mut self, most: usize, produced_max: u64) -> Option<Vec<u8>> {
        while !matches!(self.state, State::Open(_)) {
            self.flow.borrow_mut().allowed = BARREN_BYTES_MAX;
            if self.ended() || self.produced() > produced_max || self.advance().is_err() {
                return None;
            }
        }
        let State::Open(open) = &mut self.state else { unreachable!("it is open now") };
        let (mut sample, mut filled) = (vec![0; most], 0);
        while filled < most {
            match open.read(&mut sample[filled..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => filled += count,
            }
        }
        let whole = memchr::memrchr(b'\n', &sample[..filled]).map_or(filled, |newline| newline + 1);
        sample.truncate(whole);
        if sample.last().is_some_and(|&byte| byte != b'\n') {
            sample.push(b'\n');
        }
        self.leave();
        Some(sample)
    }

    /// One step on the way to the next log.
    fn advance(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Between => {
                let next = self.flow.borrow_mut().next()?;
                match next {
                    Next::Member(entry) => self.begin(entry)?,
                    Next::Later => {}
                    Next::End { foreign } => {
                        self.foreign = foreign;
                        self.state = State::Ended;
                    }
                }
            }
            State::Passing => {
                if self.flow.borrow_mut().pass(&mut self.scratch)? {
                    self.state = State::Between;
                }
            }
            State::Open(_) | State::Ended => {}
        }
        Ok(())
    }

    /// Looks at a member, and opens it if it is a log.
    fn begin(&mut self, entry: Entry) -> Result<(), Fault> {
        self.state = State::Passing;
        let Entry { name, sort } = entry;
        let opened = match sort {
            EntryKind::Folder => return Ok(()),
            EntryKind::Other(why) => Err(why),
            EntryKind::File => match hidden(&name) {
                Some(why) => Err(why),
                None => self.open(&name)?,
            },
        };
        match opened {
            Ok(open) => {
                self.contents.logs.add(&name);
                self.state = State::Open(Box::new(open));
            }
            Err(why) => self.contents.left_out.entry(why).or_default().add(&name),
        }
        Ok(())
    }

    fn open(&mut self, name: &[u8]) -> Result<Result<Open<R>, &'static str>, Fault> {
        let name = shown(name);
        let flow = self.flow.clone();
        let mut content =
            Content::AsIs(Body { head: Vec::new(), taken: 0, fault: None, flow: flow.clone() });
        let (mut head, mut fault) = content.head(HEAD_BYTES);
        match Container::outer(&head) {
            Some(Container::Log(kind)) => {
                (content, head, fault) = compressed(kind, head, fault, flow.clone());
                if Container::outer(&head).is_some() {
                    self.produced += unpacked(&content);
                    return Ok(Err("packed in it"));
                }
            }
            Some(_) => return Ok(Err("packed in it")),
            None => {}
        }
        if let Some(text) = Text::of(&head) {
            // What cannot be read behind the head comes behind what it decodes to.
            content = Content::Text(Box::new(Decoded::new(text, head, fault, content)));
            (head, fault) = content.head(HEAD_BYTES);
        }
        let why = if head.is_empty() { Some("empty") } else { no_log(&head, self.any_text) };
        if let Some(why) = why {
            self.produced += unpacked(&content);
            // What cannot be looked at is not a matter of taste.
            return match fault {
                Some(fault) => Err(named(fault, &name, flow.borrow().failed)),
                None => Ok(Err(why)),
            };
        }
        let handed = if head.starts_with(MARK) { MARK.len() } else { 0 };
        Ok(Ok(Open { name, head, handed, fault, content, last: b'\n' }))
    }

    /// Done with the log at hand.
    fn leave(&mut self) {
        if let State::Open(open) = std::mem::replace(&mut self.state, State::Passing) {
            self.produced += unpacked(&open.content);
        }
    }

    /// Nothing comes after a fault.
    fn fail(&mut self, fault: Fault) -> Fault {
        let failed = self.flow.borrow().failed;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Open(open) => named(fault, &open.name, failed),
            _ => fault,
        }
    }
}

/// A compressed member: its content, what that begins with, and why there is no more of it.
fn compressed<R: Stored>(
    kind: Compression,
    head: Vec<u8>,
    fault: Option<Fault>,
    flow: Rc<RefCell<Flow<R>>>,
) -> (Content<R>, Vec<u8>, Option<Fault>) {
    let body = Body { head, taken: 0, fault, flow };
    let mut content = Content::Compressed(Box::new(Unpacked::new(kind, body)));
    let (head, fault) = content.head(HEAD_BYTES);
    (content, head, fault)
}

/// Bytes that a compressed member came to.
fn unpacked<R: Stored>(content: &Content<R>) -> u64 {
    match content {
        Content::AsIs(_) => 0,
        Content::Compressed(unpacked) => unpacked.unpacker().produced(),
        Content::Text(decoded) => unpacked(decoded.below()),
    }
}

/// A fault of what is in a member, not of the container around it, names it.
fn named(fault: Fault, name: &str, failed: bool) -> Fault {
    match fault {
        Fault::Truncated if !failed => Fault::Corrupt(format!("{name} in it ends in the middle")),
        Fault::Corrupt(why) => Fault::Corrupt(format!("in {name}: {why}")),
        fault => fault,
    }
}

/// Why a name is not that of a log.
fn hidden(name: &[u8]) -> Option<&'static str> {
    let mut parts = name.split(|&byte| byte == b'/');
    let file = parts.next_back().unwrap_or_default();
    // Finder's notes about files, which look like them by name.
    if file.starts_with(b"._") || parts.any(|part| part == b"__MACOSX") {
        return Some("of macOS");
    }
    file.starts_with(b".").then_some("hidden")
}

/// Why a member that begins so is not a log: as for files in a folder.
fn no_log(head: &[u8], any_text: bool) -> Option<&'static str> {
    let is_text = !head.starts_with(b"\xff\xfe")
        && !head.starts_with(b"\xfe\xff")
        && memchr::memchr(0, head).is_none();
    if is_text && any_text {
        return None;
    }
    let has_format = |found: &serde_json::Value| {
        found["formats"].as_array().is_some_and(|formats| !formats.is_empty())
    };
    let glance = &head[..head.len().min(GLANCE_BYTES)];
    if is_text && glance.len() < head.len() && has_format(&detect(&[(0, glance)])) {
        return None;
    }
    let found = detect(&[(0, head)]);
    match found["encoding"].as_str() {
        Some("utf-16") => Some("UTF-16"),
        Some("binary") => Some("binary"),
        _ if any_text || has_format(&found) => None,
        _ => Some("of no known format"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_short_and_harmless() {
        assert_eq!(shown(b"logs/a.log"), "logs/a.log");
        assert_eq!(shown(b"a\"\\\x1b[31m\xff"), "a'/\u{fffd}[31m\u{fffd}");
        let long = "ü".repeat(NAME_CHARS_MAX) + "a.log";
        let short = shown(long.as_bytes());
        assert_eq!(short.chars().count(), NAME_CHARS_MAX);
        assert!(short.starts_with("…ü") && short.ends_with("a.log"), "{short}");
    }

    #[test]
    fn what_is_told_is_bounded_and_has_all_numbers() {
        let mut contents = Contents::default();
        assert_eq!(contents.told(), "no logs");
        contents.logs.add(b"a.log");
        contents.left_out.entry("binary").or_default().add(b"core");
        assert_eq!(contents.told(), "1 log; left out: 1 binary (core)");
        for i in 0..1_234 {
            let name = format!("{i}").repeat(NAME_CHARS_MAX);
            contents.logs.add(b"b.log");
            for why in ["binary", "empty", "encrypted", "hidden", "of macOS", "sparse"] {
                contents.left_out.entry(why).or_default().add(name.as_bytes());
            }
        }
        let told = contents.told();
        assert!(told.starts_with("1,235 logs; left out: 1,235 binary (core, "), "{told}");
        assert!(told.ends_with("1,234 sparse") && told.len() <= TOLD_BYTES_MAX, "{told}");
        assert_eq!((contents.logs(), contents.left_out()), (1_235, 6 * 1_234 + 1));
    }

    #[test]
    fn what_is_no_log() {
        let line = b"2024-01-24 10:15:32.123 INFO x took 5ms\n";
        let late = [&b"banner\n".repeat(1_500)[..], line].concat();
        for (head, any_text, why) in [
            (&line[..], false, None),
            (&late[..], false, None),
            (b"key: value\n", false, Some("of no known format")),
            (b"key: value\n", true, None),
            (b"\0\0", true, Some("binary")),
            (b"\xff\xfe2\0", true, Some("UTF-16")),
            (b"2024-01-24 10:15:32.123 INFO a\0b\n", false, None),
        ] {
            assert_eq!(no_log(head, any_text), why, "{:?}", head.escape_ascii().to_string());
        }
        assert_eq!(hidden(b"logs/.a.swp"), Some("hidden"));
        assert_eq!(hidden(b"a/._b"), Some("of macOS"));
        assert_eq!(hidden(b"__MACOSX/b"), Some("of macOS"));
        assert_eq!(hidden(b"./.pm2/logs/b"), None);
        assert_eq!(grouped(1), "1");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
