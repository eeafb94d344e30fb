//! Decoders: stored bytes of a compressed log in, its bytes out.
//!
//! The libraries decode one member (gzip's word; frames and streams elsewhere) at a time and this
//! file strings members together, the same way for all: so each kind of archive may be a
//! concatenation of archives, may be padded with zeros, and may have foreign bytes behind its last
//! member, which are looked at no further and said. Knows nothing of lines, threads or files.
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

/// How a log is compressed.
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

    /// The one with a name.
    pub fn by_name(name: &str) -> Option<Compression> {
        Compression::ALL.into_iter().find(|kind| kind.name() == name)
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

/// Stored bytes with a look ahead.
struct Ahead<R> {
    stored: R,
    buffer: Box<[u8]>,
    /// What of the buffer is still to be decoded.
    start: usize,
    end: usize,
    /// Stored bytes decoded.
    position: u64,
    /// A read found the end.
    ended: bool,
    /// The decoder of lz4 wanted bytes where there were no more.
    starved: bool,
}

impl<R: Stored> Ahead<R> {
    /// The bytes that come next: at least `wanted` unless the stored bytes end before.
    fn peek(&mut self, wanted: usize) -> Result<&[u8], Fault> {
        if self.end - self.start < wanted && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end - self.start < wanted && !self.ended {
            let read = self.stored.read(&mut self.buffer[self.end..]).map_err(Fault::Stored)?;
            self.end += read;
            self.ended = read == 0;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.position += count as u64;
    }
}

/// For the decoder of lz4, which reads for itself.
impl<R: Stored> io::Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = match self.peek(1) {
            Ok(bytes) => bytes,
            Err(Fault::Stored(error)) => return Err(io::Error::other(error)),
            Err(_) => unreachable!("a look ahead fails by reading alone"),
        };
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        self.starved |= count == 0 && !buffer.is_empty();
        Ok(count)
    }
}

/// A member's decoder.
enum Codec {
    Gzip(Inflate),
    Zstd(DCtx<'static>),
    Bzip2(Bzip2),
    Xz(Xz),
}

/// What a codec did.
struct Step {
    consumed: usize,
    produced: usize,
    /// The member ended, or why it cannot go on.
    end: Option<Result<(), Fault>>,
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

    /// Decodes some of `input` to `output`. What was decoded before a fault is counted.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        let corrupt = |why: String| Some(Err(Fault::Corrupt(why)));
        match self {
            Codec::Gzip(inflate) => {
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

enum State<R: Stored> {
    /// A member ended, or none began.
    Between(Ahead<R>),
    /// In a member.
    Member(Ahead<R>, Codec),
    /// In a frame of lz4.
    Lz4(Box<FrameDecoder<Ahead<R>>>),
    /// The end, or a fault.
    Ended,
}

/// Decodes an archive, member after member.
pub struct Decoder<R: Stored> {
    kind: Compression,
    state: State<R>,
    position: u64,
    members: u64,
    foreign_at: Option<u64>,
    /// Zstd's decoder between frames: it is large, and frames may be small and many.
    spare: Option<Codec>,
}

impl<R: Stored> Decoder<R> {
    /// A decoder of what `stored` has.
    pub fn new(kind: Compression, stored: R) -> Decoder<R> {
        let buffer = vec![0; STORED_BYTES].into_boxed_slice();
        let ahead =
            Ahead { stored, buffer, start: 0, end: 0, position: 0, ended: false, starved: false };
        let state = State::Between(ahead);
        Decoder { kind, state, position: 0, members: 0, foreign_at: None, spare: None }
    }

    /// Stored bytes decoded so far.
    pub fn position(&self) -> u64 {
        match &self.state {
            State::Between(ahead) | State::Member(ahead, _) => ahead.position,
            State::Lz4(frame) => frame.get_ref().position,
            State::Ended => self.position,
        }
    }

    /// Members that were decoded to their end.
    pub fn members(&self) -> u64 {
        self.members
    }

    /// Where bytes begin that are no part of the archive, if there are such behind it.
    pub fn foreign_at(&self) -> Option<u64> {
        self.foreign_at
    }

    /// Decodes to `output` until it is full or the archive ends: how many bytes, and why it ended
    /// where it should not have. After fewer bytes than there is room for, nothing comes.
    pub fn read(&mut self, output: &mut [u8]) -> (usize, Result<(), Fault>) {
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
                    let why = "the decoder does not get on".into();
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
                    return Err((position, fault_of(error)));
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
    match error.downcast::<Error>() {
        Ok(error) => Fault::Stored(error),
        Err(error) => Fault::Corrupt(error.to_string()),
    }
}

/// The first bytes of an archive of which `stored` is the beginning: at most `limit`, fewer if
/// they or the archive end before. For detection, which a fault further on does not concern.
pub fn decode_head(kind: Compression, stored: &[u8], limit: usize) -> Vec<u8> {
    let mut head = vec![0; limit];
    let (filled, _) = Decoder::new(kind, stored).read(&mut head);
    head.truncate(filled);
    head
}
