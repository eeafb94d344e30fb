//! Which entry of a table the path of a request line belongs to, without making its key.
//!
//! What a key is made of is put into 64 bytes: the path without its query, every id in it shrunk to
//! one byte [`ID`], zeros behind it, and the method in the last eight bytes. Two requests with the
//! same 64 bytes have the same key. The bytes come from the path's by masks and one instruction
//! that moves those that are kept together, without a branch that depends on the path; a small
//! table remembers the place of each. It is a cache: it never shows in what is counted.
//!
//! # Fast path `routes`
//! ```text
//! for each row: fold path and method into 64 bytes, hash them, prefetch their set of the cache
//! for each row: guess the place by hash, prefetch the 64 bytes that are kept for it
//! for each row: if those are the row's, this is the place in the table
//!               else make the key, look in the table, and keep the 64 bytes
//! leave it for the rest of a chunk whose paths are new more often than not
//! ```
//! Reference: `RouteNormalizer::key` and `GroupTable::index`. Compared by `folding_in_bulk_is_folding`
//! and `tests/fast_paths.rs`. Gain: time without it 1.35 on combined logs, 1.30 to 1.36 on JSON,
//! 0.98 to 0.99 on unlike ones, 0.90 on unlike mixed logs (2026-11-28, AMD EPYC with AVX-512, other
//! work beside it). It stays because without it two of the usual kinds would be a third slower.
//!
//! Only processors with AVX-512 VBMI2 do this, and only for paths in the block, not longer than 63
//! bytes without their query, whose method has at most seven bytes. All others, and paths with
//! control characters, take the way of [`RouteNormalizer`](super::RouteNormalizer).

use crate::bytes::simd::{Vbmi2, prefetch};
use crate::record::{Batch, Block, Text};
use crate::sketch::key_cache::SetAssociativeCache;
use std::arch::x86_64::*;

/// What an id becomes.
const ID: u8 = 1;
/// Bytes of a path that is folded; the method is behind them.
const PATH_BYTES_MAX: u32 = 56;
/// Paths that are remembered; there is room for twice as many.
const KNOWN_MAX: usize = 4096;
const SETS: usize = KNOWN_MAX / 2;
/// Rows that are looked at together.
const ROWS: usize = 32;
/// No index, and the place of a row without a path.
const NOWHERE: u32 = super::NOWHERE;

/// A folded path and its method.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
struct Folded([u8; 64]);

/// What is known.
pub(super) struct Cache {
    ways: SetAssociativeCache,
    known: Vec<Folded>,
    /// The place of each.
    places: Vec<u32>,
    /// The table's `moves` for which the places hold.
    moves: u64,
    /// Paths that were known, and that were not, since the last look at how many.
    hits: u64,
    misses: u64,
    vbmi2: Option<Vbmi2>,
    /// Nearly every path is new: it is not worth it for now.
    pub(super) is_off: bool,
}

impl Default for Cache {
    fn default() -> Self {
        let vbmi2 = Vbmi2::new();
        Cache {
            ways: SetAssociativeCache::new(SETS),
            known: Vec::new(),
            places: Vec::new(),
            moves: 0,
            hits: 0,
            misses: 0,
            vbmi2,
            is_off: vbmi2.is_none(),
        }
    }
}

impl Cache {
    /// From now on nothing is remembered.
    pub(super) fn switch_off(&mut self) {
        (self.vbmi2, self.is_off) = (None, true);
    }

    /// Begins a chunk.
    pub(super) fn restart(&mut self) {
        self.is_off = self.vbmi2.is_none();
        (self.hits, self.misses) = (0, 0);
    }

    fn forget(&mut self) {
        self.ways.clear();
        self.known.clear();
        self.places.clear();
    }

    /// Tells `place` for every row of a batch: the place of its path, as known since the table
    /// last had these `moves`, or as `index` answers for the row; None where `index` says so.
    ///
    /// # Panics
    /// If the processor cannot do it.
    #[inline]
    pub(super) fn places(
        &mut self,
        batch: &Batch,
        block: Block<'_>,
        moves: u64,
        index: impl FnMut(usize) -> Option<usize>,
        places: &mut [u32],
    ) {
        assert!(self.vbmi2.is_some());
        if self.moves != moves {
            self.forget();
            self.moves = moves;
        }
        // SAFETY: the value that was just looked at proves that the processor has these features.
        unsafe { self.places_vbmi2(batch, block, index, places) }
        if self.misses >= KNOWN_MAX as u64 {
            self.is_off = self.hits < self.misses;
            (self.hits, self.misses) = (0, 0);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn places_vbmi2(
        &mut self,
        batch: &Batch,
        block: Block<'_>,
        mut index: impl FnMut(usize) -> Option<usize>,
        places: &mut [u32],
    ) {
        // In steps, each for several rows: so no row waits for the memory that another one needs.
        let mut folded = [Folded([0; 64]); ROWS];
        let mut hashes = [0; ROWS];
        let misses = self.misses;
        for first in (0..batch.len).step_by(ROWS) {
            let places = &mut places[first..batch.len.min(first + ROWS)];
            let paths = batch.path()[first..].iter().zip(&batch.method()[first..]);
            let rows = folded.iter_mut().zip(&mut hashes).zip(&mut *places);
            for (((folded, hash), place), (&path, &method)) in rows.zip(paths) {
                *place = NOWHERE;
                // SAFETY: this function has the features; 64 bytes.
                unsafe {
                    if let Some(bytes) = fold(path, method, block.bytes) {
                        *hash = hash_of(bytes);
                        self.ways.prefetch(*hash);
                        *place = 0;
                        _mm512_store_si512(folded.0.as_mut_ptr().cast(), bytes);
                    }
                }
            }
            for (place, &hash) in places.iter_mut().zip(&hashes) {
                if *place == 0 {
                    *place = self.ways.guess(hash).unwrap_or(NOWHERE - 1);
                    prefetch(self.known.as_ptr().wrapping_add(*place as usize));
                }
            }
            for (i, place) in places.iter_mut().enumerate() {
                let known = *place as usize;
                if self.known.get(known).is_some_and(|known| {
                    // SAFETY: as above.
                    unsafe { is_same(known, &folded[i]) }
                }) {
                    *place = self.places[known];
                } else {
                    let folded = (*place != NOWHERE).then_some((&folded[i], hashes[i]));
                    *place = self.place(folded, || index(first + i));
                }
            }
        }
        self.hits += batch.len as u64 - (self.misses - misses);
    }

    /// The place of a path that was not guessed right: what `index` says, if it is not known.
    #[inline(never)]
    fn place(
        &mut self,
        folded: Option<(&Folded, u64)>,
        index: impl FnOnce() -> Option<usize>,
    ) -> u32 {
        let known = |known: u32, folded: &Folded| self.known[known as usize] == *folded;
        if let Some((folded, hash)) = folded
            && let Some(known) = self.ways.find(hash, |index| known(index, folded))
        {
            return self.places[known as usize];
        }
        let Some(place) = index().map(|place| place as u32) else { return NOWHERE };
        if let Some((folded, hash)) = folded {
            self.misses += 1;
            if self.known.len() == KNOWN_MAX {
                self.forget();
            }
            self.ways.put(hash, self.known.len() as u32);
            self.known.push(*folded);
            self.places.push(place);
        }
        place
    }
}

/// Whether two are the same.
///
/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn is_same(a: &Folded, b: &Folded) -> bool {
    // SAFETY: 64 bytes; the features, by contract.
    unsafe {
        let a = _mm512_load_si512(a.0.as_ptr().cast());
        _mm512_cmpneq_epi64_mask(a, _mm512_load_si512(b.0.as_ptr().cast())) == 0
    }
}

/// A hash of 64 bytes that any bit may sway; good enough for slots, and cheap.
///
/// # Safety
/// As [`fold`].
// These are inlined into a function that has the features: a function that had them itself could
// not be `inline(always)`, and 64 bytes would go through memory. Closures would become calls.
#[inline(always)]
unsafe fn hash_of(folded: __m512i) -> u64 {
    // SAFETY: by contract.
    unsafe {
        // Per lane the product of its halves, and the lane, so that no half hides the other.
        let secret = _mm512_setr_epi64(
            0x1cad_21f7_2c81_017c_u64 as i64,
            0xdb97_9083_e96d_d4de_u64 as i64,
            0x1f67_b3b7_a4a4_4072,
            0x78e5_c0cc_4ee6_79cb,
            0x2172_ffcc_7dd0_5a82,
            0x8e24_43f7_744c_608d_u64 as i64,
            0x4c26_3a81_e690_35e0,
            0xcb00_c391_bb52_283c_u64 as i64,
        );
        let mixed = _mm512_xor_si512(folded, secret);
        let product = _mm512_mul_epu32(mixed, _mm512_srli_epi64::<32>(mixed));
        let lanes = _mm512_add_epi64(product, _mm512_rol_epi64::<29>(mixed));
        let hash = (_mm512_reduce_add_epi64(lanes) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^ hash >> 29
    }
}

/// Bits below `n`, which is less than 64.
#[inline(always)]
fn below(n: usize) -> u64 {
    (1 << n) - 1
}

/// Where the byte is this one.
///
/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn is(v: __m512i, byte: u8) -> u64 {
    // SAFETY: by contract.
    unsafe { _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(byte as i8)) }
}

/// Where the byte is in `from..=from + span`.
///
/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn is_within(v: __m512i, from: u8, span: u8) -> u64 {
    // SAFETY: by contract.
    unsafe {
        let above = _mm512_sub_epi8(v, _mm512_set1_epi8(from as i8));
        _mm512_cmple_epu8_mask(above, _mm512_set1_epi8(span as i8))
    }
}

/// For each of the starts, which are in the set, the first place behind it that is not.
///
/// Added to the run of bits that it begins, a start is carried to the first place without a bit.
#[inline(always)]
fn stops(set: u64, starts: u64) -> u64 {
    set.wrapping_add(starts) & !set
}

/// The starts whose stops are among the good ones; each start has one stop, in their order.
///
/// # Safety
/// As [`fold`].
#[inline(always)]
unsafe fn matching(good: u64, stops: u64, starts: u64) -> u64 {
    // SAFETY: by contract.
    unsafe { _pdep_u64(_pext_u64(good, stops), starts) }
}

/// The 64 bytes that stand for a method and a path; None if they must take the other way.
///
/// # Safety
/// The caller must have the features of `places_vbmi2`.
#[inline(always)]
unsafe fn fold(path: Text, method: Text, block: &[u8]) -> Option<__m512i> {
    let (start, end) = path.range();
    let (method_start, method_end) = method.range();
    let method_len = method_end - method_start;
    let len = end - start;
    let is_here = path.is_of_line() && method.is_of_line();
    if !is_here || len == 0 || method_len > 7 {
        return None;
    }
    // Texts begin inside a line, whose pad follows it.
    let word = block.get(method_start..method_start + 8)?;
    let word = u64::from_le_bytes(word.try_into().ok()?);
    let method = word & below(8 * method_len) | (method_len as u64) << 56;
    let bytes = block.get(start..start + 64)?;
    // SAFETY: 64 bytes; the features, by contract.
    unsafe {
        let v = _mm512_loadu_si512(bytes.as_ptr().cast());
        let past = is(v, b'?') | is(v, b'#') | if len < 64 { 1 << len } else { 0 };
        if past == 0 {
            return None;
        }
        let end = past & past.wrapping_neg();
        let n = end - 1;
        if is_within(v, 0, 31) & n != 0 {
            return None;
        }
        let digits = is_within(v, b'0', 9) & n;
        let letters = is_within(_mm512_or_si512(v, _mm512_set1_epi8(0x20)), b'a', 5) & n;
        let dashes = is(v, b'-') & n;
        let slashes = is(v, b'/') & n;
        let (hex, borders, inside) = (digits | letters, slashes | end, n & !slashes);
        let starts = inside & !(inside << 1);

        // Segments of digits alone.
        let digit_starts = starts & digits;
        let digit_stops = stops(digits, digit_starts);
        let digit_ends = digit_stops & borders;
        let digit_starts = matching(digit_ends, digit_stops, digit_starts);
        // Segments of at least eight hex digits, not all of which are letters.
        let two = hex & hex >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        let hex_starts = starts & eight;
        let hex_stops = stops(hex, hex_starts);
        let hex_ends = hex_stops & borders & !stops(letters, hex_starts & letters);
        let hex_starts = matching(hex_ends, hex_stops, hex_starts);
        // A UUID, which needs a digit as well; there is no room for two.
        let dashed = dashes >> 8 & dashes >> 13 & dashes >> 18 & dashes >> 23;
        let groups = eight & four >> 9 & four >> 14 & four >> 19 & eight >> 24 & four >> 32;
        let uuid = starts & borders >> 36 & dashed & groups;
        let uuid_bytes = (uuid << 36).wrapping_sub(uuid);
        let (uuid, uuid_bytes) = if uuid_bytes & digits == 0 { (0, 0) } else { (uuid, uuid_bytes) };

        let ids = digit_starts | hex_starts | uuid;
        let id_bytes =
            digit_ends.wrapping_sub(digit_starts) | hex_ends.wrapping_sub(hex_starts) | uuid_bytes;
        let kept = n & !id_bytes | ids;
        if kept.count_ones() > PATH_BYTES_MAX {
            return None;
        }
        let marked = _mm512_mask_blend_epi8(ids, v, _mm512_set1_epi8(ID as i8));
        let folded = _mm512_maskz_compress_epi8(kept, marked);
        Some(_mm512_mask_set1_epi64(folded, 0x80, method as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PAD;
    use proptest::prelude::*;

    /// What `fold` makes of a request, if anything, as text.
    fn folded(method: &str, path: &[u8]) -> Option<Vec<u8>> {
        let mut block = vec![b'7'; PAD];
        block.extend_from_slice(method.as_bytes());
        block.push(b' ');
        let start = block.len();
        block.extend_from_slice(path);
        let end = block.len();
        block.resize(end + PAD, b'7');
        let method = Text::of_line(PAD, start - 1);
        // SAFETY: the caller asked for the features.
        let folded = unsafe { fold(Text::of_line(start, end), method, &block) }?;
        let mut bytes = [0u8; 64];
        // SAFETY: 64 bytes, and as above.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), folded) };
        let len = bytes[63] as usize;
        let mut text = bytes[56..56 + len].to_vec();
        text.push(b' ');
        for &byte in bytes[..56].iter().take_while(|&&byte| byte != 0) {
            match byte {
                ID => text.extend_from_slice(b"{id}"),
                byte => text.push(byte),
            }
        }
        Some(text)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]
        #[test]
        fn folding_in_bulk_is_folding(
            method in "[A-Z]{0,9}",
            path in prop_oneof![
                "[/a-g0-9?#-]{1,70}",
                "(/|/[a-f0-9]{1,12}|/[0-9]{1,5}|/[a-f0-9]{8}-[a-f0-9]{4}-[0-9]{4}-[a-f]{4}-[0-9A-F]{12}|/[a-f]{8}-[a-f]{4}-[a-f]{4}-[a-f]{4}-[a-f]{12}|/[a-z]{1,9}|1/|[?#\t])+",
            ],
        ) {
            // `tests/instruction_sets.rs` says where this does not run.
            if Vbmi2::new().is_none() {
                return Ok(());
            }
            let mut plain = Vec::new();
            crate::record::plain_key(method.as_bytes(), path.as_bytes(), &mut plain);
            if method.is_empty() {
                plain.insert(0, b' ');
            }
            let end = path.find(['?', '#']).unwrap_or(path.len());
            let text = |key: Vec<u8>| String::from_utf8_lossy(&key).into_owned();
            match folded(&method, path.as_bytes()) {
                Some(key) => prop_assert_eq!(text(key), text(plain)),
                None => prop_assert!(
                    method.len() > 7 || end > 55 || path[..end].contains('\t')
                ),
            }
        }
    }
}
