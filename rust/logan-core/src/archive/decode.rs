//! Unpacking: compressed bytes in, those that were compressed out.
//!
//! The libraries decode one member (gzip's word; frames and streams elsewhere) at a time and this
//! file strings members together, the same way for all: so each kind of archive may be a
//! concatenation of archives, may be padded with zeros, and may have foreign bytes behind its last
//! member, which are looked at no further and said. Knows nothing of lines, threads or files, nor of
//! what is packed.
//!
//! ```text
//! between members:  nothing left -> end;  magic of the kind -> a member begins;
//!                   else: the first member is corrupt, behind others it is foreign bytes
//! in a member:      decode;  stored bytes end -> truncated;  the decoder complains -> corrupt
//! ```
//! Memory is bounded whatever the archive says: a member that needs more than
//! [`DICTIONARY_BYTES_MAX`] of history is refused.

use crate::error::Error;
use bzip2::{Decompress as Bzip2, Status as Bzip2Status};
use flate2::{Decompress as Inflate, FlushDecompress, Status as InflateStatus};
use liblzma::stream::{Action, Error as XzError, Status as XzStatus, Stream as Xz};
use lz4_flex::frame::FrameDecoder;
use std::io;
use std::mem;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

/// Most memory that a decoder may take for its history: what `zstd` itself allows unless told
/// otherwise, and twice what `xz -9` needs.
pub const DICTIONARY_BYTES_MAX: u64 = 1 << DICTIONARY_BITS_MAX;

const DICTIONARY_BITS_MAX: u32 = 27;

/// What xz needs beside its dictionary, generously.
const XZ_STATE_BYTES: u64 = 1 << 20;

/// Stored bytes that are read at once.
const STORED_BYTES: usize = 64 << 10;

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// What `bzip2` writes.
    Bzip2,
    /// What `xz` writes.
    Xz,
    /// Frames of LZ4.
    Lz4,
}

impl Compression {
    /// All there are.
    pub const ALL: [Compression; 5] = [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Xz,
        Compression::Lz4,
    ];

    /// The compression that bytes begin with.
    pub fn of(mut head: &[u8]) -> Option<Compression> {
        while let Some(rest) = behind_skippable(head) {
            head = rest;
        }
        Compression::ALL.into_iter().find(|kind| head.starts_with(kind.magic()))
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        }
    }

    fn magic(self) -> &'static [u8] {
        match self {
            Compression::Gzip => b"\x1f\x8b",
            Compression::Zstd => b"\x28\xb5\x2f\xfd",
            Compression::Bzip2 => b"BZh",
            Compression::Xz => b"\xfd7zXZ\0",
            Compression::Lz4 => b"\x04\x22\x4d\x18",
        }
    }

    /// Whether a member may begin with these bytes.
    fn begins(self, head: &[u8]) -> bool {
        let skippable = matches!(self, Compression::Zstd | Compression::Lz4);
        head.starts_with(self.magic()) || skippable && skippable_magic(head)
    }
}

/// Bytes of the longest magic.
const MAGIC_BYTES: usize = 6;

/// Whether a frame begins that decoders of zstd and lz4 pass over.
fn skippable_magic(head: &[u8]) -> bool {
    head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18]
}

/// What follows the skippable frame at the head, as far as it is there.
fn behind_skippable(head: &[u8]) -> Option<&[u8]> {
    if !skippable_magic(head) || head.len() < 8 {
        return None;
    }
    let len = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
    head.get(8 + len as usize..)
}

/// Where stored bytes come from.
pub trait Stored {
    /// The next bytes, into the buffer; 0 at the end.
    ///
    /// # Errors
    /// Those of whatever is read.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;
}

impl Stored for &[u8] {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        Ok(io::Read::read(self, buffer).expect("memory can be read"))
    }
}

/// Bytes that a layer takes from the one below: stored ones, or what they were unpacked to.
pub(super) trait Bytes {
    /// The next bytes, into the buffer; 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault>;
}

impl<S: Stored> Bytes for S {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        Stored::read(self, buffer).map_err(Fault::Stored)
    }
}

/// Why decoding ended before the archive's end.
#[derive(Debug)]
pub enum Fault {
    /// The stored bytes end in the middle of a member.
    Truncated,
    /// The stored bytes are not what the compressor wrote.
    Corrupt(String),
    /// A member needs more than [`DICTIONARY_BYTES_MAX`].
    Memory,
    /// The stored bytes could not be read.
    Stored(Error),
}

/// Bytes with a look ahead.
pub(super) struct Ahead<R> {
    below: R,
    buffer: Box<[u8]>,
    /// What of the buffer is still to be decoded.
    start: usize,
    end: usize,
    /// Bytes consumed.
    position: u64,
    /// A read found the end.
    ended: bool,
    /// The decoder of lz4 wanted bytes where there were no more.
    starved: bool,
    /// Why the decoder of lz4 could not read.
    fault: Option<Fault>,
}

impl<R: Bytes> Ahead<R> {
    pub(super) fn new(below: R) -> Ahead<R> {
        let buffer = vec![0; STORED_BYTES].into_boxed_slice();
        let (ended, starved, fault) = (false, false, None);
        Ahead { below, buffer, start: 0, end: 0, position: 0, ended, starved, fault }
    }

    /// Where the bytes come from.
    pub(super) fn below(&self) -> &R {
        &self.below
    }

    /// Bytes consumed so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The bytes that come next: at least `wanted`, which is at most [`STORED_BYTES`], unless they
    /// end before.
    pub(super) fn peek(&mut self, wanted: usize) -> Result<&[u8], Fault> {
        if self.end - self.start < wanted && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < wanted && !self.ended {
            let read = self.below.read(&mut self.buffer[self.end..])?;
            self.end += read;
            self.ended = read == 0;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Passes over bytes that were peeked.
    pub(super) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start);
        self.start += count;
        self.position += count as u64;
    }

    /// Moves at most `most` bytes to the buffer: how many; 0 at the end, or for no room.
    pub(super) fn take(&mut self, buffer: &mut [u8], most: u64) -> Result<usize, Fault> {
        let room = most.min(buffer.len() as u64) as usize;
        if room == 0 {
            return Ok(0);
        }
        let bytes = self.peek(1)?;
        let count = bytes.len().min(room);
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }

    /// Passes over at most `most` bytes: how many; 0 at the end, or for none.
    pub(super) fn pass(&mut self, most: u64) -> Result<u64, Fault> {
        if most == 0 {
            return Ok(0);
        }
        let count = most.min(self.peek(1)?.len() as u64);
        self.consume(count as usize);
        Ok(count)
    }
}

/// For the decoder of lz4, which reads for itself.
impl<R: Bytes> io::Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.take(buffer, u64::MAX) {
            Ok(count) => {
                self.starved |= count == 0 && !buffer.is_empty();
                Ok(count)
            }
            Err(fault) => {
                self.fault = Some(fault);
                Err(io::Error::other("the bytes below cannot be read"))
            }
        }
    }
}

/// A member's decoder.
pub(super) enum Codec {
    Gzip(Inflate),
    /// RFC 1951 without anything around it, as zip has it.
    Deflate(Inflate),
    Zstd(DCtx<'static>),
    Bzip2(Bzip2),
    Xz(Xz),
}

/// What a codec did.
pub(super) struct Step {
    pub(super) consumed: usize,
    pub(super) produced: usize,
    /// The member ended, or why it cannot go on.
    pub(super) end: Option<Result<(), Fault>>,
}

impl Codec {
    fn new(kind: Compression) -> Codec {
        match kind {
            Compression::Gzip => Codec::Gzip(Inflate::new_gzip(15)),
            Compression::Zstd => {
                let mut context = DCtx::create();
                let limit = DParameter::WindowLogMax(DICTIONARY_BITS_MAX);
                context.set_parameter(limit).expect("a limit that zstd knows");
                Codec::Zstd(context)
            }
            Compression::Bzip2 => Codec::Bzip2(Bzip2::new(false)),
            Compression::Xz => {
                let limit = DICTIONARY_BYTES_MAX + XZ_STATE_BYTES;
                Codec::Xz(Xz::new_stream_decoder(limit, 0).expect("a decoder that xz knows"))
            }
            Compression::Lz4 => unreachable!("lz4 has a reader of its own"),
        }
    }

    pub(super) fn deflate() -> Codec {
        Codec::Deflate(Inflate::new(false))
    }

    /// Decodes some of `input` to `output`. What was decoded before a fault is counted.
    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let corrupt = |why: String| Some(Err(Fault::Corrupt(why)));
        match self {
            Codec::Gzip(inflate) | Codec::Deflate(inflate) => {
                let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
                let end = match inflate.decompress(input, output, FlushDecompress::None) {
                    Ok(InflateStatus::StreamEnd) => Some(Ok(())),
                    Ok(_) => None,
                    Err(error) => corrupt(error.message().unwrap_or("damaged data").into()),
                };
                Step {
                    consumed: (inflate.total_in() - before_in) as usize,
                    produced: (inflate.total_out() - before_out) as usize,
                    end,
                }
            }
            Codec::Zstd(context) => {
                let mut from = InBuffer::around(input);
                let mut to = OutBuffer::around(output);
                let end = match context.decompress_stream(&mut to, &mut from) {
                    Ok(0) => Some(Ok(())),
                    Ok(_) => None,
                    Err(code) => match get_error_name(code) {
                        why if why.contains("too much memory") => Some(Err(Fault::Memory)),
                        why => corrupt(why.into()),
                    },
                };
                Step { consumed: from.pos(), produced: to.pos(), end }
            }
            Codec::Bzip2(stream) => {
                let (before_in, before_out) = (stream.total_in(), stream.total_out());
                let end = match stream.decompress(input, output) {
                    Ok(Bzip2Status::StreamEnd) => Some(Ok(())),
                    Ok(Bzip2Status::MemNeeded) => Some(Err(Fault::Memory)),
                    Ok(_) => None,
                    Err(error) => corrupt(error.to_string()),
                };
                Step {
                    consumed: (stream.total_in() - before_in) as usize,
                    produced: (stream.total_out() - before_out) as usize,
                    end,
                }
            }
            Codec::Xz(stream) => {
                let (before_in, before_out) = (stream.total_in(), stream.total_out());
                let end = match stream.process(input, output, Action::Run) {
                    Ok(XzStatus::StreamEnd) => Some(Ok(())),
                    Ok(_) => None,
                    Err(XzError::MemLimit | XzError::Mem) => Some(Err(Fault::Memory)),
                    Err(error) => corrupt(error.to_string()),
                };
                Step {
                    consumed: (stream.total_in() - before_in) as usize,
                    produced: (stream.total_out() - before_out) as usize,
                    end,
                }
            }
        }
    }
}

enum State<R: Bytes> {
    /// A member ended, or none began.
    Between(Ahead<R>),
    /// In a member.
    Member(Ahead<R>, Codec),
    /// In a frame of lz4.
    Lz4(Box<FrameDecoder<Ahead<R>>>),
    /// The end, or a fault.
    Ended,
}

/// Unpacks what was compressed, member after member.
pub(super) struct Unpacker<R: Bytes> {
    kind: Compression,
    state: State<R>,
    position: u64,
    members: u64,
    produced: u64,
    foreign_at: Option<u64>,
    /// Zstd's decoder between frames: it is large, and frames may be small and many.
    spare: Option<Codec>,
}

impl<R: Bytes> Unpacker<R> {
    /// For what `below` has.
    pub(super) fn new(kind: Compression, below: R) -> Unpacker<R> {
        let state = State::Between(Ahead::new(below));
        let (position, members, produced, foreign_at) = (0, 0, 0, None);
        Unpacker { kind, state, position, members, produced, foreign_at, spare: None }
    }

    /// Compressed bytes unpacked so far.
    pub(super) fn position(&self) -> u64 {
        match &self.state {
            State::Between(ahead) | State::Member(ahead, _) => ahead.position,
            State::Lz4(frame) => frame.get_ref().position,
            State::Ended => self.position,
        }
    }

    /// Members that were decoded to their end.
    pub(super) fn members(&self) -> u64 {
        self.members
    }

    /// Bytes that came out so far.
    pub(super) fn produced(&self) -> u64 {
        self.produced
    }

    /// Where bytes begin that are not part of the archive, if there are such behind it.
    pub(super) fn foreign_at(&self) -> Option<u64> {
        self.foreign_at
    }

    /// Decodes to `output` until it is full or the archive ends: how many bytes, and why it ended
    /// where it should not have. After fewer bytes than there is room for, nothing comes.
    pub(super) fn read(&mut self, output: &mut [u8]) -> (usize, Result<(), Fault>) {
        let (filled, result) = self.fill(output);
        self.produced += filled as u64;
        (filled, result)
    }

    fn fill(&mut self, output: &mut [u8]) -> (usize, Result<(), Fault>) {
        let mut filled = 0;
        while filled < output.len() {
            let result = match mem::replace(&mut self.state, State::Ended) {
                State::Between(ahead) => self.between(ahead),
                State::Member(ahead, codec) => self.member(ahead, codec, output, &mut filled),
                State::Lz4(frame) => self.lz4(frame, output, &mut filled),
                State::Ended => break,
            };
            match result {
                Ok(state) => self.state = state,
                Err((position, fault)) => {
                    self.position = position;
                    return (filled, Err(fault));
                }
            }
        }
        (filled, Ok(()))
    }

    fn between(&mut self, mut ahead: Ahead<R>) -> Result<State<R>, (u64, Fault)> {
        loop {
            let position = ahead.position;
            let head = ahead.peek(MAGIC_BYTES).map_err(|fault| (position, fault))?;
            if head.is_empty() {
                self.position = position;
                return Ok(State::Ended);
            }
            if self.kind.begins(head) {
                break;
            }
            if self.members == 0 {
                let fault = if head.len() < MAGIC_BYTES && self.kind.magic().starts_with(head) {
                    Fault::Truncated
                } else {
                    Fault::Corrupt(format!("no {} data begins here", self.kind.name()))
                };
                return Err((position, fault));
            }
            // Tapes and copies by blocks are padded with zeros, as all these tools accept.
            let zeros = head.iter().take_while(|&&byte| byte == 0).count();
            if zeros == 0 {
                self.foreign_at = Some(position);
                self.position = position;
                return Ok(State::Ended);
            }
            ahead.consume(zeros);
        }
        let skippable = skippable_magic(&ahead.buffer[ahead.start..ahead.end]);
        if self.kind == Compression::Lz4 && skippable {
            return self.skip(ahead);
        }
        Ok(match self.kind {
            Compression::Lz4 => State::Lz4(Box::new(FrameDecoder::new(ahead))),
            kind => State::Member(ahead, self.spare.take().unwrap_or_else(|| Codec::new(kind))),
        })
    }

    /// Passes over a skippable frame, for lz4; zstd does so itself.
    fn skip(&mut self, mut ahead: Ahead<R>) -> Result<State<R>, (u64, Fault)> {
        let position = ahead.position;
        let head = ahead.peek(8).map_err(|fault| (position, fault))?;
        let Some(len) = head.get(4..8) else { return Err((position, Fault::Truncated)) };
        let mut left = 8 + u64::from(u32::from_le_bytes(len.try_into().expect("four bytes")));
        while left > 0 {
            let position = ahead.position;
            let there = ahead.peek(1).map_err(|fault| (position, fault))?.len();
            if there == 0 {
                return Err((position, Fault::Truncated));
            }
            let count = left.min(there as u64);
            ahead.consume(count as usize);
            left -= count;
        }
        Ok(State::Between(ahead))
    }

    fn member(
        &mut self,
        mut ahead: Ahead<R>,
        mut codec: Codec,
        output: &mut [u8],
        filled: &mut usize,
    ) -> Result<State<R>, (u64, Fault)> {
        while *filled < output.len() {
            let position = ahead.position;
            let input = ahead.peek(1).map_err(|fault| (position, fault))?;
            let input_ended = input.is_empty();
            let Step { consumed, produced, end } = codec.step(input, &mut output[*filled..]);
            ahead.consume(consumed);
            *filled += produced;
            match end {
                Some(Ok(())) => {
                    self.members += 1;
                    if let Codec::Zstd(_) = codec {
                        self.spare = Some(codec);
                    }
                    return Ok(State::Between(ahead));
                }
                Some(Err(fault)) => return Err((ahead.position, fault)),
                // The codec had room and gave nothing: what it held back came in earlier steps.
                None if input_ended && produced == 0 => {
                    return Err((ahead.position, Fault::Truncated));
                }
                None if consumed == 0 && produced == 0 => {
                    let why = "the decoder makes no progress".into();
                    return Err((ahead.position, Fault::Corrupt(why)));
                }
                None => {}
            }
        }
        Ok(State::Member(ahead, codec))
    }

    fn lz4(
        &mut self,
        mut frame: Box<FrameDecoder<Ahead<R>>>,
        output: &mut [u8],
        filled: &mut usize,
    ) -> Result<State<R>, (u64, Fault)> {
        while *filled < output.len() {
            match io::Read::read(&mut *frame, &mut output[*filled..]) {
                // The library takes the end of the stored bytes between two blocks for the
                // frame's end.
                Ok(0) if frame.get_ref().starved => {
                    return Err((frame.get_ref().position, Fault::Truncated));
                }
                Ok(0) => {
                    self.members += 1;
                    return Ok(State::Between(frame.into_inner()));
                }
                Ok(produced) => *filled += produced,
                Err(error) => {
                    let position = frame.get_ref().position;
                    let fault = frame.get_mut().fault.take();
                    return Err((position, fault.unwrap_or_else(|| fault_of(error))));
                }
            }
        }
        Ok(State::Lz4(frame))
    }
}

/// Why the decoder of lz4 cannot go on.
fn fault_of(error: io::Error) -> Fault {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Fault::Truncated;
    }
    Fault::Corrupt(error.to_string())
}

/// What an [`Unpacker`] gives, for the layer above: a fault comes behind what was unpacked before.
pub(super) struct Unpacked<R: Bytes> {
    unpacker: Unpacker<R>,
    fault: Option<Fault>,
}

impl<R: Bytes> Unpacked<R> {
    pub(super) fn new(kind: Compression, below: R) -> Unpacked<R> {
        Unpacked { unpacker: Unpacker::new(kind, below), fault: None }
    }

    pub(super) fn unpacker(&self) -> &Unpacker<R> {
        &self.unpacker
    }
}

impl<R: Bytes> Bytes for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        match self.unpacker.read(buffer) {
            (0, Err(fault)) => Err(fault),
            (filled, result) => {
                self.fault = result.err();
                Ok(filled)
            }
        }
    }
}
