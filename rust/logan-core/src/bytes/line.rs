//! Lines: where they begin and end, which chunk owns them, and a view of one for bulk reads.
//!
//! A chunk `[start, end)` owns exactly the lines whose first byte lies in it. The first byte of a
//! line is offset 0 or the byte after a newline, so both edges of a chunk ask the same question,
//! [`first_line_start`]; a chunk skips what comes before its first owned line and reads on past
//! its end to finish its last one.

use crate::bytes::simd::{Classes, Simd};
use std::marker::PhantomData;

/// Readable bytes that a [`Line`] has before its start and after its end.
///
/// Wide loads may then run over either edge without a check: 64 covers two 32-byte loads.
pub const PAD: usize = 64;

/// A line longer than this is parsed from its prefix and still counts as one line.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// The first position in `block` at which a line starts, if `block` begins inside a line.
///
/// None if the line goes on past the block.
pub fn first_line_start(block: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', block).map(|i| i + 1)
}

/// One line without its line end, inside a larger buffer that is readable [`PAD`] bytes around it.
///
/// Loads may reach beyond the line; what they find there is arbitrary but initialized. Masks are
/// cut to the line.
///
/// It does not outlive its buffer:
/// ```compile_fail,E0716
/// let line = logan_core::lines::PaddedLine::new(b"log").line();
/// line.bytes();
/// ```
#[derive(Clone, Copy)]
pub struct Line<'a> {
    start: *const u8,
    len: usize,
    lifetime: PhantomData<&'a [u8]>,
}

impl<'a> Line<'a> {
    /// The line `buffer[start..end]`.
    ///
    /// # Panics
    /// If fewer than [`PAD`] bytes of the buffer lie before or after it.
    #[inline(always)]
    pub fn new(buffer: &'a [u8], start: usize, end: usize) -> Self {
        assert!(PAD <= start && start <= end && end + PAD <= buffer.len());
        Line {
            // SAFETY: start is inside the buffer, as just asserted.
            start: unsafe { buffer.as_ptr().add(start) },
            len: end - start,
            lifetime: PhantomData,
        }
    }

    /// As [`new`](Self::new), without the check.
    ///
    /// # Safety
    /// At least [`PAD`] bytes of the buffer lie before `start` and after `end`, and `start <= end`.
    #[inline(always)]
    pub unsafe fn new_unchecked(buffer: &'a [u8], start: usize, end: usize) -> Self {
        debug_assert!(PAD <= start && start <= end && end + PAD <= buffer.len());
        // SAFETY: start is inside the buffer.
        let start_at = unsafe { buffer.as_ptr().add(start) };
        Line { start: start_at, len: end - start, lifetime: PhantomData }
    }

    /// Length in bytes.
    #[inline(always)]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.len
    }

    /// The line up to `end`; what follows becomes its pad.
    #[inline(always)]
    pub fn until(self, end: usize) -> Line<'a> {
        Line { len: end.min(self.len), ..self }
    }

    /// The part `start..end` of the line as a line of its own; what is around it becomes its pad.
    ///
    /// # Panics
    /// If the line has no such part.
    #[inline(always)]
    pub fn slice(self, start: usize, end: usize) -> Line<'a> {
        assert!(start <= end && end <= self.len);
        // SAFETY: `start` is at most `len`, and the pads around the line are around its parts.
        Line { start: unsafe { self.start.add(start) }, len: end - start, ..self }
    }

    /// The line's bytes.
    #[inline(always)]
    pub fn bytes(self) -> &'a [u8] {
        // SAFETY: start..start+len lies in the buffer that `new` was given.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// The byte at `i`; any value for `i` beyond the line.
    // These loads check their bound with a branch that is never taken, not with `min`: that would
    // make each load wait for the line's length.
    #[inline(always)]
    pub fn byte(self, i: usize) -> u8 {
        if i > self.len {
            return 0;
        }
        // SAFETY: `i` is at most one past the line's end, where the pad is readable.
        unsafe { *self.start.add(i) }
    }

    /// Eight bytes from `i`, little endian; those beyond the line are arbitrary.
    #[inline(always)]
    pub fn u64_at(self, i: usize) -> u64 {
        if i > self.len {
            return 0;
        }
        // SAFETY: at most `len`, so the load ends inside the pad.
        u64::from_le(unsafe { self.start.add(i).cast::<u64>().read_unaligned() })
    }

    /// Four bytes from `i`, little endian; those beyond the line are arbitrary.
    #[inline(always)]
    pub fn u32_at(self, i: usize) -> u32 {
        if i > self.len {
            return 0;
        }
        // SAFETY: as above.
        u32::from_le(unsafe { self.start.add(i).cast::<u32>().read_unaligned() })
    }

    /// Two bytes from `i`, little endian; those beyond the line are arbitrary.
    #[inline(always)]
    pub fn u16_at(self, i: usize) -> u16 {
        if i > self.len {
            return 0;
        }
        // SAFETY: as above.
        u16::from_le(unsafe { self.start.add(i).cast::<u16>().read_unaligned() })
    }

    /// The eight bytes that end before `i`, the last one in the highest byte; those before the
    /// line are arbitrary.
    #[inline(always)]
    pub fn u64_before(self, i: usize) -> u64 {
        if i > self.len {
            return 0;
        }
        // SAFETY: `i` is at most `len`; the load starts at most 8 bytes before the line.
        u64::from_le(unsafe { self.start.add(i).sub(8).cast::<u64>().read_unaligned() })
    }

    /// Bit `k` is set where byte `i + k` equals `byte`, for the 32 bytes from `i` inside the line.
    #[inline(always)]
    pub fn eq32<S: Simd>(self, simd: S, i: usize, byte: u8) -> u32 {
        let i = i.min(self.len);
        // SAFETY: at most `len`, so 32 bytes end inside the pad.
        cut(unsafe { simd.eq32(self.start.add(i), byte) }, self.len - i)
    }

    /// Bit `k` is set where byte `i + k` equals `byte`, for 64 bytes; those beyond the line count
    /// too, as whatever they are.
    #[inline(always)]
    pub fn all64<S: Simd>(self, simd: S, i: usize, byte: u8) -> u64 {
        if i > self.len {
            return 0;
        }
        // SAFETY: at most `len`, so 64 bytes end inside the pad.
        unsafe { simd.eq64(self.start.add(i), byte) }
    }

    /// Bit `k` is set where byte `i + k` is in `lo..=hi`, for the 32 bytes from `i` in the line.
    #[inline(always)]
    pub fn range32<S: Simd>(self, simd: S, i: usize, lo: u8, hi: u8) -> u32 {
        let i = i.min(self.len);
        // SAFETY: as above.
        cut(unsafe { simd.range32(self.start.add(i), lo, hi) }, self.len - i)
    }

    /// Bit `k` is set where byte `i + k` equals `byte`, for the 64 bytes from `i`, also where those
    /// are beyond the line.
    #[inline(always)]
    pub fn eq64<S: Simd>(self, simd: S, i: usize, byte: u8) -> u64 {
        if i > self.len {
            return 0;
        }
        // SAFETY: at most `len`, so 64 bytes end inside the pad.
        unsafe { simd.eq64(self.start.add(i), byte) }
    }

    /// Whether the 32 bytes from `i` equal `bytes` in the bits of `mask`, also where they are beyond
    /// the line; never for `i` beyond the line.
    #[inline(always)]
    pub fn same32<S: Simd>(self, simd: S, i: usize, bytes: &[u8; 32], mask: &[u8; 32]) -> bool {
        if i > self.len {
            return false;
        }
        // SAFETY: as above.
        unsafe { simd.same32(self.start.add(i), bytes.as_ptr(), mask.as_ptr()) == u32::MAX }
    }

    /// The surroundings of position `at`, or of the line's end if that comes first.
    #[inline(always)]
    pub fn tail(self, at: usize) -> Tail<'a> {
        debug_assert!(at <= self.len);
        // SAFETY: at most `len`.
        Tail(unsafe { self.start.add(at.min(self.len)) }, PhantomData)
    }

    /// The 64 bytes from `i` or, if that comes first, the line's end; those beyond the line count
    /// too, as whatever they are.
    #[inline(always)]
    pub fn window_at(self, i: usize) -> Window<'a> {
        // SAFETY: at most `len`, so 64 bytes end inside the pad.
        Window(unsafe { self.start.add(i.min(self.len)) }, PhantomData)
    }

    /// The 64 bytes that end before `end`; bytes before the line count too, as whatever they are.
    #[inline(always)]
    pub fn window_before(self, end: usize) -> Window<'a> {
        // SAFETY: at most `len`, and 64 bytes before the line's start lie in the pad.
        Window(unsafe { self.start.add(end.min(self.len)).sub(64) }, PhantomData)
    }

    /// The last 64 bytes of the line, as above.
    #[inline(always)]
    pub fn last_window(self) -> Window<'a> {
        // SAFETY: the line's end is in the buffer, and 64 bytes before its start lie in the pad.
        Window(unsafe { self.start.add(self.len).sub(64) }, PhantomData)
    }

    /// Whether the 32 bytes that end before `i` equal `bytes` in the bits of `mask`; those before
    /// the line count too, as whatever they are.
    #[inline(always)]
    pub fn same32_before<S: Simd>(
        self,
        simd: S,
        i: usize,
        bytes: &[u8; 32],
        mask: &[u8; 32],
    ) -> bool {
        // SAFETY: at most `len`, and 32 bytes before the line's start lie in the pad.
        let same = unsafe {
            let p = self.start.add(i.min(self.len)).sub(32);
            simd.same32(p, bytes.as_ptr(), mask.as_ptr())
        };
        same == u32::MAX
    }

    /// The 32 bytes that end before `i`; those before the line are arbitrary.
    #[inline(always)]
    pub fn bytes32_before(self, i: usize) -> [u8; 32] {
        // SAFETY: as above.
        unsafe { self.start.add(i.min(self.len)).sub(32).cast::<[u8; 32]>().read() }
    }

    /// The first position of `byte` at or after `from`, or the line's length.
    #[inline(always)]
    pub fn find<S: Simd>(self, simd: S, from: usize, byte: u8) -> usize {
        let mut i = from;
        while i < self.len {
            let mask = self.eq32(simd, i, byte);
            if mask != 0 {
                return i + mask.trailing_zeros() as usize;
            }
            i += 32;
        }
        self.len
    }
}

/// A position in a line or at its end: 32 bytes on either side of it can be read without a check.
///
/// It does not outlive the buffer that the line is in:
/// ```compile_fail,E0716
/// let tail = logan_core::lines::PaddedLine::new(b"log").line().tail(1);
/// tail.u32_after();
/// ```
#[derive(Clone, Copy)]
pub struct Tail<'a>(*const u8, PhantomData<&'a [u8]>);

impl Tail<'_> {
    /// The four bytes from here, little endian.
    #[inline(always)]
    pub fn u32_after(self) -> u32 {
        // SAFETY: PAD bytes behind the line's end are readable.
        u32::from_le(unsafe { self.0.cast::<u32>().read_unaligned() })
    }

    /// The byte so many bytes before here; at most 32 count.
    #[inline(always)]
    pub fn byte_before(self, bytes: usize) -> u8 {
        // SAFETY: PAD bytes before the line's start are readable.
        unsafe { *self.0.sub(bytes & 31) }
    }

    /// The eight bytes that end so many bytes before here, little endian; at most 32 count.
    #[inline(always)]
    pub fn u64_before(self, bytes: usize) -> u64 {
        // SAFETY: as above.
        u64::from_le(unsafe { self.0.sub((bytes & 31) + 8).cast::<u64>().read_unaligned() })
    }
}

/// 64 readable bytes, as masks whose bit `k` tells of byte `k`.
///
/// They do not outlive the buffer that the line is in:
/// ```compile_fail,E0716
/// let window = logan_core::lines::PaddedLine::new(b"log").line().window_at(0);
/// window.eq(logan_core::simd::Plain, b'l');
/// ```
#[derive(Clone, Copy)]
pub struct Window<'a>(*const u8, PhantomData<&'a [u8]>);

impl Window<'_> {
    /// Where the byte is `byte`.
    #[inline(always)]
    pub fn eq<S: Simd>(self, simd: S, byte: u8) -> u64 {
        // SAFETY: 64 readable bytes by construction.
        unsafe { simd.eq64(self.0, byte) }
    }

    /// Where the byte is in `lo..=hi`.
    #[inline(always)]
    pub fn range<S: Simd>(self, simd: S, lo: u8, hi: u8) -> u64 {
        // SAFETY: as above.
        unsafe { simd.range64(self.0, lo, hi) }
    }

    /// Per set of classes: where the byte is in one of them.
    #[inline(always)]
    pub fn classes<S: Simd, const N: usize>(
        self,
        simd: S,
        classes: &Classes,
        sets: [u8; N],
    ) -> [u64; N] {
        // SAFETY: 64 readable bytes by construction.
        unsafe { simd.classes64(self.0, classes, sets) }
    }
}

/// `mask` without the bits at and above `len`.
#[inline(always)]
fn cut(mask: u32, len: usize) -> u32 {
    if len >= 32 { mask } else { mask & ((1u32 << len) - 1) }
}

/// A line's bytes in a buffer of its own, padded: for tests and for lines put together from parts.
#[derive(Debug, Clone)]
pub struct PaddedLine(Vec<u8>);

impl PaddedLine {
    /// Copies `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let mut buffer = vec![0; PAD];
        buffer.extend_from_slice(bytes);
        buffer.resize(buffer.len() + PAD, 0);
        PaddedLine(buffer)
    }

    /// The view that parsers take.
    pub fn line(&self) -> Line<'_> {
        Line::new(&self.0, PAD, self.0.len() - PAD)
    }
}

/// Appends to `ends` the positions in `block[from..to]` of every newline.
///
/// `block` must be readable 64 bytes beyond `to`, as all blocks that the scanner makes are.
#[inline(always)]
pub fn index_newlines<S: Simd>(simd: S, block: &[u8], from: usize, to: usize, ends: &mut Vec<u32>) {
    // So many positions are written whether or not they are there, and the length is set from the
    // count: with lines of about 64 bytes a loop over the bits would mispredict on each.
    const AT_ONCE: usize = 3;
    assert!(from <= to && to + PAD <= block.len());
    // The worst block is all newlines. Blocks are small (scan.rs), so this happens once.
    ends.reserve(to - from + 64 + AT_ONCE);
    let mut i = from;
    while i < to {
        // SAFETY: i < to, and 64 bytes beyond `to` are readable, as asserted.
        let mut mask = unsafe { simd.eq64(block.as_ptr().add(i), b'\n') };
        if to - i < 64 {
            mask &= (1u64 << (to - i)) - 1;
        }
        let count = mask.count_ones() as usize;
        let len = ends.len();
        // SAFETY: a place for each byte and some more are reserved; only the first `count` of them
        // are made visible.
        unsafe {
            let out = ends.as_mut_ptr().add(len);
            let mut k = 0;
            loop {
                for ahead in 0..AT_ONCE {
                    out.add(k + ahead).write((i as u32).wrapping_add(mask.trailing_zeros()));
                    mask &= mask.wrapping_sub(1);
                }
                k += AT_ONCE;
                if k >= count {
                    break;
                }
            }
            ends.set_len(len + count);
        }
        i += 64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::simd::Plain;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn newlines_are_those_of_memchr(
            bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..300),
            from in 0usize..20,
        ) {
            let mut block = bytes.clone();
            block.resize(bytes.len() + PAD, b'\n');
            let from = from.min(bytes.len());
            let mut ends = Vec::new();
            index_newlines(Plain, &block, from, bytes.len(), &mut ends);
            let expected: Vec<u32> =
                memchr::memchr_iter(b'\n', &bytes[from..]).map(|i| (i + from) as u32).collect();
            prop_assert_eq!(ends, expected);
        }

        #[test]
        fn loads_and_masks_stay_in_the_line(bytes: Vec<u8>, byte: u8, i in 0usize..100) {
            let padded = PaddedLine::new(&bytes);
            let line = padded.line();
            prop_assert_eq!(line.bytes(), &bytes[..]);
            let rest = bytes.get(i..).unwrap_or(&[]);
            let expected = rest.iter().take(32).enumerate()
                .fold(0u32, |m, (k, &b)| m | u32::from(b == byte) << k);
            prop_assert_eq!(line.eq32(Plain, i, byte), expected);
            let found = rest.iter().position(|&b| b == byte).map_or(bytes.len(), |k| i + k);
            prop_assert_eq!(line.find(Plain, i, byte), found);
        }
    }
}
