//! Members of a zip archive, in order, from bytes that come once: by their local headers, as the
//! directory at the end comes too late.
//!
//! ```text
//! local header -> body -> (sum and sizes behind it, where the header left them open) -> the next
//! directory -> its records are passed over, so that an archive that was cut is noticed
//! behind its end: zeros, another archive, or foreign bytes
//! ```
//! Where neither the header nor the data say how long a body is (stored, or encrypted, by a writer
//! that could not go back), it ends where its sum and sizes come: 12 bytes that say what was counted.

use crate::archive::decode::{Ahead, Bytes, Codec, Fault, Step};
use crate::archive::members::{Entry, EntryKind, Next};
use flate2::Crc;

const LOCAL: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const DIRECTORY: &[u8] = b"PK\x01\x02";
const SIGNATURE: &[u8] = b"PK\x05\x05";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const END: &[u8] = b"PK\x05\x06";

/// Bytes of a local header before the member's name.
const LOCAL_BYTES: usize = 30;

/// Most bytes of a descriptor: signature, sum, two sizes of eight bytes.
const DESCRIPTOR_BYTES_MAX: usize = 24;

/// Bytes of what follows a descriptor that are looked at.
const MARK: &[u8] = b"PK";

const ENCRYPTED: u16 = 1;
const DESCRIBED_BEHIND: u16 = 1 << 3;

/// A 32-bit size that stands for one elsewhere.
const ELSEWHERE: u64 = 0xffff_ffff;

/// Of what follows a header, the piece with sizes of 64 bits.
const SIZES_64: u16 = 1;

/// Whether an archive begins with these bytes: with a member, or without any.
pub(in crate::archive) fn begins(head: &[u8]) -> bool {
    head.starts_with(LOCAL) || head.starts_with(END)
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// How the body at hand is read.
enum Body {
    /// As it is.
    Stored,
    Deflated(Codec),
    /// Not at all.
    Closed,
}

/// Where in an archive we are.
pub(in crate::archive) struct Zip {
    body: Body,
    /// Packed bytes of the body that are left; None if its end tells.
    left: Option<u64>,
    /// Sum and size by the header, where it says them.
    said: Option<(u32, u64)>,
    /// They come behind the body.
    described_behind: bool,
    /// What was read of the body: packed bytes, unpacked ones, their sum.
    packed: u64,
    size: u64,
    crc: Crc,
    /// The deflated data came to their end.
    inflated: bool,
    /// The body was read to its end and is right.
    done: bool,
    /// Its sum is of no interest, as not all of it was unpacked.
    abandoned: bool,
    /// Bytes that were inflated, of all members.
    produced: u64,
    /// In the directory: bytes of a record to be passed over.
    record_left: u64,
    in_directory: bool,
    ended: bool,
}

impl Zip {
    pub(in crate::archive) fn new() -> Zip {
        Zip {
            body: Body::Closed,
            left: Some(0),
            said: None,
            described_behind: false,
            packed: 0,
            size: 0,
            crc: Crc::new(),
            inflated: false,
            done: true,
            abandoned: false,
            produced: 0,
            record_left: 0,
            in_directory: false,
            ended: false,
        }
    }

    /// Bytes that were inflated, of all members.
    pub(in crate::archive) fn produced(&self) -> u64 {
        self.produced
    }

    /// The member that follows; the last one's body was passed over.
    pub(in crate::archive) fn next<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
    ) -> Result<Next, Fault> {
        if self.record_left > 0 {
            let passed = ahead.pass(self.record_left)?;
            if passed == 0 {
                return Err(Fault::Truncated);
            }
            self.record_left -= passed;
            return Ok(Next::Later);
        }
        if self.ended {
            let bytes = ahead.peek(LOCAL.len())?;
            let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
            if zeros > 0 {
                ahead.consume(zeros);
                return Ok(Next::Later);
            }
            if !begins(bytes) {
                return Ok(Next::End { foreign: !bytes.is_empty() });
            }
            (self.ended, self.in_directory) = (false, false);
        }
        let position = ahead.position();
        let bytes = ahead.peek(LOCAL.len())?;
        let Some(mark) = bytes.get(..LOCAL.len()) else { return Err(Fault::Truncated) };
        if mark == LOCAL && !self.in_directory {
            return self.local(ahead);
        }
        if [DIRECTORY, SIGNATURE, END_64, LOCATOR_64, END].contains(&mark) {
            self.in_directory = true;
            self.record(ahead)?;
            return Ok(Next::Later);
        }
        Err(Fault::Corrupt(format!("no member begins at byte {position} of it")))
    }

    /// A record of the directory.
    fn record<R: Bytes>(&mut self, ahead: &mut Ahead<R>) -> Result<(), Fault> {
        let bytes = ahead.peek(46)?;
        let fixed = match &bytes[..LOCAL.len()] {
            DIRECTORY => 46,
            SIGNATURE => 6,
            END_64 => 12,
            LOCATOR_64 => 20,
            _ => 22,
        };
        let Some(fields) = bytes.get(..fixed) else { return Err(Fault::Truncated) };
        let more = match &fields[..LOCAL.len()] {
            DIRECTORY => [28, 30, 32].iter().map(|&at| number(fields, at, 2)).sum(),
            SIGNATURE => number(fields, 4, 2),
            END_64 => number(fields, 4, 8),
            LOCATOR_64 => 0,
            _ => number(fields, 20, 2),
        };
        self.ended = fields.starts_with(END);
        self.record_left = more;
        ahead.consume(fixed);
        Ok(())
    }

    fn local<R: Bytes>(&mut self, ahead: &mut Ahead<R>) -> Result<Next, Fault> {
        let bytes = ahead.peek(LOCAL_BYTES)?;
        let Some(fields) = bytes.get(..LOCAL_BYTES) else { return Err(Fault::Truncated) };
        let [flags, method] = [6, 8].map(|at| number(fields, at, 2) as u16);
        let [crc, mut packed, mut size] = [14, 18, 22].map(|at| number(fields, at, 4));
        let [name_len, extra_len] = [26, 28].map(|at| number(fields, at, 2) as usize);
        ahead.consume(LOCAL_BYTES);
        let mut name = text(ahead, name_len)?;
        let extra = text(ahead, extra_len)?;
        let mut wide = piece(&extra, SIZES_64).unwrap_or_default();
        for field in [&mut size, &mut packed] {
            if *field == ELSEWHERE && wide.len() >= 8 {
                *field = number(wide, 0, 8);
                wide = &wide[8..];
            }
        }
        if name.contains(&b'\\') && !name.contains(&b'/') {
            // Written by Windows, against the rules.
            name.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
        }
        let encrypted = flags & ENCRYPTED != 0;
        let sort = match method {
            _ if name.ends_with(b"/") => EntryKind::Folder,
            _ if encrypted => EntryKind::Other("encrypted"),
            0 | 8 => EntryKind::File,
            _ => EntryKind::Other("of an unknown compression"),
        };
        self.body = match method {
            0 | 8 if encrypted => Body::Closed,
            0 => Body::Stored,
            8 => Body::Deflated(Codec::deflate()),
            _ => Body::Closed,
        };
        self.described_behind = flags & DESCRIBED_BEHIND != 0;
        if self.described_behind && packed == 0 && name.ends_with(b"/") {
            // Some that cannot go back announce a descriptor of folders and write none.
            let bytes = ahead.peek(LOCAL.len())?;
            self.described_behind = !(bytes.starts_with(LOCAL) || bytes.starts_with(DIRECTORY));
        }
        let open = self.described_behind && packed == 0;
        self.left = (!open).then_some(packed);
        self.said = (!self.described_behind).then_some((crc as u32, size));
        (self.packed, self.size, self.crc) = (0, 0, Crc::new());
        (self.inflated, self.done, self.abandoned) = (false, false, false);
        Ok(Next::Member(Entry { name, sort }))
    }

    /// What follows of the member's body; 0 at its end, which must be where it should.
    pub(in crate::archive) fn read<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
        buffer: &mut [u8],
    ) -> Result<usize, Fault> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        if self.inflated {
            return self.close(ahead);
        }
        let count = match (&mut self.body, self.left) {
            (Body::Deflated(codec), left) => {
                let step = inflate(codec, ahead, left, buffer)?;
                self.packed += step.consumed as u64;
                self.left = left.map(|left| left - step.consumed as u64);
                self.produced += step.produced as u64;
                self.inflated = step.end.is_some();
                step.produced
            }
            (_, Some(left)) => {
                let count = ahead.take(buffer, left)?;
                if count == 0 && left > 0 {
                    return Err(Fault::Truncated);
                }
                self.left = Some(left - count as u64);
                self.packed += count as u64;
                count
            }
            (_, None) => {
                let count = self.before_descriptor(ahead, buffer)?;
                self.packed += count as u64;
                count
            }
        };
        self.crc.update(&buffer[..count]);
        self.size += count as u64;
        if count == 0 { self.close(ahead) } else { Ok(count) }
    }

    /// Bytes of a body of unknown length before its descriptor.
    fn before_descriptor<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
        buffer: &mut [u8],
    ) -> Result<usize, Fault> {
        let wanted = DESCRIPTOR_BYTES_MAX + MARK.len();
        let bytes = ahead.peek(wanted)?;
        let count = match memchr::memmem::find(bytes, DESCRIPTOR) {
            Some(0) if descriptor(bytes, self.packed, None).is_some() => return Ok(0),
            Some(0) if bytes.len() < wanted => return Err(Fault::Truncated),
            Some(0) => 1,
            Some(at) => at,
            None if bytes.len() < wanted => return Err(Fault::Truncated),
            // The beginning of one may be at the end.
            None => bytes.len() - (DESCRIPTOR.len() - 1),
        };
        ahead.take(buffer, count as u64)
    }

    /// The body is at its end: whether it is what was written.
    fn close<R: Bytes>(&mut self, ahead: &mut Ahead<R>) -> Result<usize, Fault> {
        let closed = matches!(self.body, Body::Closed) || self.abandoned;
        if self.left.is_some_and(|left| left > 0) {
            return Err(Fault::Corrupt("a member ends before its data".into()));
        }
        let said = if self.described_behind {
            let bytes = ahead.peek(DESCRIPTOR_BYTES_MAX + MARK.len())?;
            let size = (!closed).then_some(self.size);
            match descriptor(bytes, self.packed, size) {
                Some((len, crc)) => {
                    ahead.consume(len);
                    (crc, self.size)
                }
                None if bytes.len() < DESCRIPTOR_BYTES_MAX + MARK.len() => {
                    return Err(Fault::Truncated);
                }
                None => {
                    return Err(Fault::Corrupt("a member's length differs from its header".into()));
                }
            }
        } else {
            self.said.unwrap_or((self.crc.sum(), self.size))
        };
        self.done = true;
        if !closed && said.1 != self.size {
            return Err(Fault::Corrupt("a member's length differs from its header".into()));
        }
        if !closed && said.0 != self.crc.sum() {
            return Err(Fault::Corrupt("a member's sum (CRC) is wrong".into()));
        }
        Ok(0)
    }

    /// Passes over some of what is left of the member: whether that was all.
    pub(in crate::archive) fn pass<R: Bytes>(
        &mut self,
        ahead: &mut Ahead<R>,
        scratch: &mut [u8],
    ) -> Result<bool, Fault> {
        if self.done {
            return Ok(true);
        }
        let Some(left) = self.left else {
            return Ok(self.read(ahead, scratch)? == 0 && self.done);
        };
        self.abandoned = true;
        if left == 0 {
            self.close(ahead)?;
            return Ok(true);
        }
        let passed = ahead.pass(left)?;
        if passed == 0 {
            return Err(Fault::Truncated);
        }
        self.left = Some(left - passed);
        self.packed += passed;
        Ok(false)
    }
}

/// Inflates some of the next `left` bytes, until something comes out or the data end.
fn inflate<R: Bytes>(
    codec: &mut Codec,
    ahead: &mut Ahead<R>,
    left: Option<u64>,
    buffer: &mut [u8],
) -> Result<Step, Fault> {
    let mut all = Step { consumed: 0, produced: 0, end: None };
    while all.produced == 0 && all.end.is_none() {
        let bytes = ahead.peek(1)?;
        let room = left.map_or(u64::MAX, |left| left - all.consumed as u64);
        let input = &bytes[..room.min(bytes.len() as u64) as usize];
        let (is_cut, is_empty) = (bytes.is_empty(), input.is_empty());
        let step = codec.step(input, buffer);
        ahead.consume(step.consumed);
        all.consumed += step.consumed;
        all.produced += step.produced;
        match step.end {
            Some(Err(fault)) if all.produced == 0 => return Err(fault),
            // It comes again, behind what came out.
            Some(Err(_)) => {}
            Some(Ok(())) => all.end = step.end,
            None if step.produced > 0 || step.consumed > 0 => {}
            None if is_cut => return Err(Fault::Truncated),
            None if is_empty => {
                return Err(Fault::Corrupt("a member's data continue after its end".into()));
            }
            None => return Err(Fault::Corrupt("the decoder makes no progress".into())),
        }
    }
    Ok(all)
}

/// What a descriptor says if one begins here: its length and the sum. It may have a signature, and
/// its sizes four bytes or eight, of which nothing tells but that they are right.
fn descriptor(bytes: &[u8], packed: u64, size: Option<u64>) -> Option<(usize, u32)> {
    let signature = DESCRIPTOR.len();
    [(signature, 4), (signature, 8), (0, 4), (0, 8)].into_iter().find_map(|(at, width)| {
        if at > 0 && !bytes.starts_with(DESCRIPTOR) {
            return None;
        }
        let len = at + 4 + 2 * width;
        let fields = bytes.get(at..len)?;
        // Some writers give the lower half of a size that needs more.
        let fits = |found: u64, counted: u64| {
            found == if width == 4 { counted & 0xffff_ffff } else { counted }
        };
        let follows = bytes.get(len..len + MARK.len())? == MARK;
        let is_it = follows
            && fits(number(fields, 4, width), packed)
            && size.is_none_or(|size| fits(number(fields, 4 + width, width), size));
        is_it.then(|| (len, number(fields, 0, 4) as u32))
    })
}

/// So many bytes, at most 64 KiB.
fn text<R: Bytes>(ahead: &mut Ahead<R>, len: usize) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    while text.len() < len {
        let bytes = ahead.peek(1)?;
        let count = bytes.len().min(len - text.len());
        if count == 0 {
            return Err(Fault::Truncated);
        }
        text.extend_from_slice(&bytes[..count]);
        ahead.consume(count);
    }
    Ok(text)
}

/// One of the pieces that follow a header: each an identifier, a length, and so many bytes.
fn piece(mut extra: &[u8], wanted: u16) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let [id, len] = [0, 2].map(|at| number(extra, at, 2) as u16);
        let end = 4 + usize::from(len);
        if id == wanted {
            return extra.get(4..end);
        }
        extra = extra.get(end..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_all_kinds() {
        let crc = [1, 2, 3, 4];
        let four = [&crc[..], &5u32.to_le_bytes(), &9u32.to_le_bytes(), MARK].concat();
        let eight = [&crc[..], &5u64.to_le_bytes(), &9u64.to_le_bytes(), MARK].concat();
        for (plain, len) in [(&four, 12), (&eight, 20)] {
            let signed = [DESCRIPTOR, plain].concat();
            for (bytes, len) in [(plain, len), (&signed, len + 4)] {
                let found = Some((len, 0x0403_0201));
                assert_eq!(descriptor(bytes, 5, Some(9)), found);
                assert_eq!(descriptor(bytes, 5, None), found);
                assert_eq!(descriptor(bytes, 6, None), None);
                assert_eq!(descriptor(bytes, 5, Some(8)), None);
                assert_eq!(descriptor(&bytes[..bytes.len() - 1], 5, None), None);
            }
        }
        let wrapped = descriptor(&four, 5 + (1 << 32), Some(9 + (2 << 32)));
        assert_eq!(wrapped, Some((12, 0x0403_0201)));
    }

    #[test]
    fn pieces_behind_a_header() {
        let extra = b"\x75\x70\x02\0ab\x01\0\x03\0xyz";
        assert_eq!(piece(extra, SIZES_64), Some(&b"xyz"[..]));
        assert_eq!(piece(&extra[..12], SIZES_64), None);
        assert_eq!(piece(&extra[..3], SIZES_64), None);
    }
}
