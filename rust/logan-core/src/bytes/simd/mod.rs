//! Byte comparisons in bulk, behind one trait, chosen at run time.
//!
//! Formats are generic over [`Simd`]; [`dispatch!`] compiles a function once per instruction set
//! and picks the best that this processor has, so one binary runs on any machine of its
//! architecture. Masks always have one bit per byte, bit 0 for the first byte.
//!
//! A value of an instruction set's type proves that the processor has it: there is no other way to
//! one than to ask the processor ([`Avx2::new`], [`Avx512::new`]), and no comparison without one. So
//! functions that take it are safe to call, and pass it on; it has no size and costs nothing.
//!
//! ```compile_fail,E0423
//! use logan_core::lines::PaddedLine;
//! // The processor was not asked.
//! PaddedLine::new(b"log").line().eq32(logan_core::simd::Avx512(()), 0, b'l');
//! ```
//! ```compile_fail,E0277
//! // Positions from masks are not always checked again, so masks come from here alone.
//! #[derive(Clone, Copy)]
//! struct Mine;
//! impl logan_core::simd::Simd for Mine {
//!     unsafe fn eq32(self, _: *const u8, _: u8) -> u32 { 0 }
//!     unsafe fn range32(self, _: *const u8, _: u8, _: u8) -> u32 { 0 }
//!     unsafe fn same32(self, _: *const u8, _: *const u8, _: *const u8) -> u32 { 0 }
//! }
//! ```

/// Classes of bytes, up to eight: class `k` holds the bytes whose low half is in one set of
/// sixteen and whose high half is in another, which two lookups tell for many bytes at once.
#[repr(C, align(16))]
pub struct Classes {
    low: [u8; 16],
    high: [u8; 16],
}

impl Classes {
    /// Class `k` from the two sets of `classes[k]`, bit `i` of which stands for the half byte `i`.
    pub const fn new(classes: &[(u16, u16)]) -> Classes {
        assert!(classes.len() <= 8);
        let mut tables = Classes { low: [0; 16], high: [0; 16] };
        let mut k = 0;
        while k < classes.len() {
            let mut i = 0;
            while i < 16 {
                tables.low[i] |= ((classes[k].0 >> i & 1) as u8) << k;
                tables.high[i] |= ((classes[k].1 >> i & 1) as u8) << k;
                i += 1;
            }
            k += 1;
        }
        tables
    }

    /// The classes of a byte, as a set of bits.
    #[inline(always)]
    pub const fn of(&self, byte: u8) -> u8 {
        self.low[byte as usize & 15] & self.high[byte as usize >> 4]
    }
}

/// Bytes of a page of memory, beyond which the processor does not fetch ahead by itself.
const PAGE_BYTES: usize = 4 << 10;
/// What is fetched of each page: enough for the processor to see where it goes on.
const FETCHED_BYTES: usize = 256;

/// Has the beginnings of the pages in `bytes` fetched into the cache, without waiting for them.
#[inline]
pub fn fetch_ahead(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    let first = bytes.as_ptr().align_offset(PAGE_BYTES).min(bytes.len());
    #[cfg(target_arch = "x86_64")]
    for page in bytes[first..].chunks(PAGE_BYTES) {
        for line in page[..page.len().min(FETCHED_BYTES)].chunks(64) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: part of the architecture; a hint, of an address inside of the slice.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, PAGE_BYTES, FETCHED_BYTES);
}

mod sealed {
    /// Keeps other crates from implementing [`Simd`](super::Simd).
    pub trait Sealed {}
}

/// Bulk comparisons of 32 and 64 bytes; a value proves that the processor has the instruction set.
///
/// # Safety
/// All functions read so many bytes from each pointer, which must all be readable.
#[allow(clippy::missing_safety_doc)] // said once, for all functions
pub trait Simd: Copy + sealed::Sealed + 'static {
    /// Bit `i` is set where byte `i` equals `byte`.
    unsafe fn eq32(self, p: *const u8, byte: u8) -> u32;
    /// Bit `i` is set where `lo <= byte i <= hi`.
    unsafe fn range32(self, p: *const u8, lo: u8, hi: u8) -> u32;
    /// As `eq32`, for 64 bytes.
    #[inline(always)]
    unsafe fn eq64(self, p: *const u8, byte: u8) -> u64 {
        // SAFETY: 64 readable bytes, by contract.
        unsafe { u64::from(self.eq32(p, byte)) | u64::from(self.eq32(p.add(32), byte)) << 32 }
    }
    /// As `range32`, for 64 bytes.
    #[inline(always)]
    unsafe fn range64(self, p: *const u8, lo: u8, hi: u8) -> u64 {
        // SAFETY: 64 readable bytes, by contract.
        unsafe {
            let high = u64::from(self.range32(p.add(32), lo, hi));
            u64::from(self.range32(p, lo, hi)) | high << 32
        }
    }
    /// Per set of classes: bit `i` is set where byte `i`, of 64, is in one of them.
    #[inline(always)]
    unsafe fn classes64<const N: usize>(
        self,
        p: *const u8,
        classes: &Classes,
        sets: [u8; N],
    ) -> [u64; N] {
        // SAFETY: 64 readable bytes, by contract.
        let block = unsafe { &*p.cast::<[u8; 64]>() };
        let of = block.map(|byte| classes.of(byte));
        sets.map(|set| (0..64).fold(0, |mask, i| mask | u64::from(of[i] & set != 0) << i))
    }
    /// Bit `i` is set where byte `i` of `p` and that of `q` agree in the bits of that of `mask`.
    unsafe fn same32(self, p: *const u8, q: *const u8, mask: *const u8) -> u32;
}

/// Plain Rust: the fallback of every other architecture, and the oracle in tests.
#[derive(Clone, Copy)]
pub struct Plain;

impl sealed::Sealed for Plain {}

impl Simd for Plain {
    #[inline(always)]
    unsafe fn eq32(self, p: *const u8, byte: u8) -> u32 {
        // SAFETY: the caller promises 32 readable bytes; u8 has no alignment.
        let block = unsafe { &*p.cast::<[u8; 32]>() };
        let mut mask = 0;
        for (i, &b) in block.iter().enumerate() {
            mask |= u32::from(b == byte) << i;
        }
        mask
    }

    #[inline(always)]
    unsafe fn range32(self, p: *const u8, lo: u8, hi: u8) -> u32 {
        // SAFETY: as above.
        let block = unsafe { &*p.cast::<[u8; 32]>() };
        let mut mask = 0;
        for (i, &b) in block.iter().enumerate() {
            mask |= u32::from(b >= lo && b <= hi) << i;
        }
        mask
    }

    #[inline(always)]
    unsafe fn same32(self, p: *const u8, q: *const u8, mask: *const u8) -> u32 {
        // SAFETY: as above.
        let (p, q, bits) =
            unsafe { (&*p.cast::<[u8; 32]>(), &*q.cast::<[u8; 32]>(), &*mask.cast::<[u8; 32]>()) };
        let mut same = 0;
        for i in 0..32 {
            same |= u32::from((p[i] ^ q[i]) & bits[i] == 0) << i;
        }
        same
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::sealed::Sealed;
    use super::{AVX2, AVX512, Classes, Simd, VBMI2, has};
    use std::arch::x86_64::*;

    /// SSE2, which every x86-64 processor has.
    #[derive(Clone, Copy)]
    pub struct Sse2;

    impl Sealed for Sse2 {}

    impl Simd for Sse2 {
        #[inline(always)]
        unsafe fn eq32(self, p: *const u8, byte: u8) -> u32 {
            // SAFETY: 32 readable bytes by contract; SSE2 is part of the architecture.
            unsafe {
                let v = _mm_set1_epi8(byte as i8);
                let a = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(p.cast()), v)) as u32;
                let b =
                    _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(p.add(16).cast()), v)) as u32;
                a | b << 16
            }
        }

        #[inline(always)]
        unsafe fn range32(self, p: *const u8, lo: u8, hi: u8) -> u32 {
            // Unsigned `b - lo <= hi - lo`, by the saturating minimum.
            // SAFETY: as above.
            unsafe {
                let base = _mm_set1_epi8(lo as i8);
                let span = _mm_set1_epi8(hi.wrapping_sub(lo) as i8);
                let half = |q: *const u8| {
                    let d = _mm_sub_epi8(_mm_loadu_si128(q.cast()), base);
                    _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(d, span), d)) as u32
                };
                half(p) | half(p.add(16)) << 16
            }
        }

        #[inline(always)]
        unsafe fn same32(self, p: *const u8, q: *const u8, mask: *const u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let half = |i: usize| {
                    let load = |at: *const u8| _mm_loadu_si128(at.add(i).cast());
                    let differ = _mm_and_si128(_mm_xor_si128(load(p), load(q)), load(mask));
                    _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) as u32
                };
                half(0) | half(16) << 16
            }
        }
    }

    /// AVX2, and the bit instructions that [`dispatch!`](crate::dispatch) compiles with.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    impl Sealed for Avx2 {}

    impl Avx2 {
        /// Asks the processor.
        #[inline(always)]
        pub fn new() -> Option<Avx2> {
            (has() >= AVX2).then_some(Avx2(()))
        }
    }

    impl Simd for Avx2 {
        #[inline(always)]
        unsafe fn eq32(self, p: *const u8, byte: u8) -> u32 {
            // SAFETY: 32 readable bytes, and AVX2, by contract.
            unsafe {
                let v = _mm256_set1_epi8(byte as i8);
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256(p.cast()), v)) as u32
            }
        }

        #[inline(always)]
        unsafe fn range32(self, p: *const u8, lo: u8, hi: u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let base = _mm256_set1_epi8(lo as i8);
                let span = _mm256_set1_epi8(hi.wrapping_sub(lo) as i8);
                let d = _mm256_sub_epi8(_mm256_loadu_si256(p.cast()), base);
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(d, span), d)) as u32
            }
        }

        #[inline(always)]
        unsafe fn same32(self, p: *const u8, q: *const u8, mask: *const u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let p = _mm256_loadu_si256(p.cast());
                let q = _mm256_loadu_si256(q.cast());
                let differ =
                    _mm256_and_si256(_mm256_xor_si256(p, q), _mm256_loadu_si256(mask.cast()));
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(differ, _mm256_setzero_si256())) as u32
            }
        }

        #[inline(always)]
        unsafe fn classes64<const N: usize>(
            self,
            p: *const u8,
            classes: &Classes,
            sets: [u8; N],
        ) -> [u64; N] {
            // Loops and not closures: a closure does not inherit the instruction set, and
            // intrinsics in it would become calls.
            // SAFETY: 64 readable bytes, and AVX2, by contract.
            unsafe {
                let low = _mm256_broadcastsi128_si256(_mm_load_si128(classes.low.as_ptr().cast()));
                let high =
                    _mm256_broadcastsi128_si256(_mm_load_si128(classes.high.as_ptr().cast()));
                let half = _mm256_set1_epi8(15);
                let mut of = [_mm256_setzero_si256(); 2];
                let mut i = 0;
                while i < 2 {
                    let v = _mm256_loadu_si256(p.add(32 * i).cast());
                    let by_low = _mm256_shuffle_epi8(low, _mm256_and_si256(v, half));
                    let above = _mm256_and_si256(_mm256_srli_epi16(v, 4), half);
                    of[i] = _mm256_and_si256(by_low, _mm256_shuffle_epi8(high, above));
                    i += 1;
                }
                let mut masks = [0; N];
                let mut k = 0;
                while k < N {
                    let set = _mm256_set1_epi8(sets[k] as i8);
                    let none = _mm256_setzero_si256();
                    let a = _mm256_cmpeq_epi8(_mm256_and_si256(of[0], set), none);
                    let b = _mm256_cmpeq_epi8(_mm256_and_si256(of[1], set), none);
                    let a = u64::from(_mm256_movemask_epi8(a) as u32);
                    masks[k] = !(a | u64::from(_mm256_movemask_epi8(b) as u32) << 32);
                    k += 1;
                }
                masks
            }
        }
    }

    /// AVX-512 with byte comparisons: the comparison itself gives the mask.
    #[derive(Clone, Copy)]
    pub struct Avx512(());

    impl Sealed for Avx512 {}

    impl Avx512 {
        /// Asks the processor.
        #[inline(always)]
        pub fn new() -> Option<Avx512> {
            (has() >= AVX512).then_some(Avx512(()))
        }
    }

    /// AVX-512 with the instructions that move bytes together, for what has no other use for it than
    /// to know that it is there.
    #[derive(Clone, Copy)]
    pub struct Vbmi2(());

    impl Vbmi2 {
        /// Asks the processor.
        #[inline(always)]
        pub fn new() -> Option<Vbmi2> {
            (has() >= VBMI2).then_some(Vbmi2(()))
        }
    }

    impl Simd for Avx512 {
        #[inline(always)]
        unsafe fn eq32(self, p: *const u8, byte: u8) -> u32 {
            // SAFETY: 32 readable bytes, and AVX-512 BW and VL, by contract.
            unsafe {
                _mm256_cmpeq_epi8_mask(_mm256_loadu_si256(p.cast()), _mm256_set1_epi8(byte as i8))
            }
        }

        #[inline(always)]
        unsafe fn range32(self, p: *const u8, lo: u8, hi: u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let base = _mm256_set1_epi8(lo as i8);
                let span = _mm256_set1_epi8(hi.wrapping_sub(lo) as i8);
                let d = _mm256_sub_epi8(_mm256_loadu_si256(p.cast()), base);
                _mm256_cmple_epu8_mask(d, span)
            }
        }

        #[inline(always)]
        unsafe fn eq64(self, p: *const u8, byte: u8) -> u64 {
            // SAFETY: as above, with 64 bytes.
            unsafe {
                _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p.cast()), _mm512_set1_epi8(byte as i8))
            }
        }

        #[inline(always)]
        unsafe fn range64(self, p: *const u8, lo: u8, hi: u8) -> u64 {
            // SAFETY: as above.
            unsafe {
                let base = _mm512_set1_epi8(lo as i8);
                let span = _mm512_set1_epi8(hi.wrapping_sub(lo) as i8);
                let d = _mm512_sub_epi8(_mm512_loadu_si512(p.cast()), base);
                _mm512_cmple_epu8_mask(d, span)
            }
        }

        #[inline(always)]
        unsafe fn classes64<const N: usize>(
            self,
            p: *const u8,
            classes: &Classes,
            sets: [u8; N],
        ) -> [u64; N] {
            // SAFETY: as above.
            unsafe {
                let low = _mm512_broadcast_i32x4(_mm_load_si128(classes.low.as_ptr().cast()));
                let high = _mm512_broadcast_i32x4(_mm_load_si128(classes.high.as_ptr().cast()));
                let half = _mm512_set1_epi8(15);
                let v = _mm512_loadu_si512(p.cast());
                let by_low = _mm512_shuffle_epi8(low, _mm512_and_si512(v, half));
                let above = _mm512_and_si512(_mm512_srli_epi16(v, 4), half);
                let of = _mm512_and_si512(by_low, _mm512_shuffle_epi8(high, above));
                let mut masks = [0; N];
                let mut k = 0;
                while k < N {
                    masks[k] = _mm512_test_epi8_mask(of, _mm512_set1_epi8(sets[k] as i8));
                    k += 1;
                }
                masks
            }
        }

        #[inline(always)]
        unsafe fn same32(self, p: *const u8, q: *const u8, mask: *const u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let p = _mm256_loadu_si256(p.cast());
                let q = _mm256_loadu_si256(q.cast());
                let bits = _mm256_loadu_si256(mask.cast());
                _mm256_testn_epi8_mask(_mm256_xor_si256(p, q), bits)
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512, Sse2, Sse2 as Baseline, Vbmi2};

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
/// What every processor of the architecture has: for what is not compiled into its callers, and so
/// without their instruction set.
#[cfg(not(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
)))]
pub use Plain as Baseline;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub use neon::Neon as Baseline;

/// What the processor has: 0 while it was not asked, then [`BASELINE`] and more.
///
/// Lines that several formats are tried on ask several times each, and the standard library looks
/// up every feature on its own.
#[cfg(target_arch = "x86_64")]
static HAS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
#[cfg(target_arch = "x86_64")]
const BASELINE: u8 = 1;
#[cfg(target_arch = "x86_64")]
const AVX2: u8 = 2;
#[cfg(target_arch = "x86_64")]
const AVX512: u8 = 3;
#[cfg(target_arch = "x86_64")]
const VBMI2: u8 = 4;

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has() -> u8 {
    match HAS.load(std::sync::atomic::Ordering::Relaxed) {
        0 => ask(),
        has => has,
    }
}

#[cfg(target_arch = "x86_64")]
#[cold]
fn ask() -> u8 {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    let avx512 = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
    let vbmi2 = is_x86_feature_detected!("avx512vbmi2");
    let has = match (avx2, avx512, vbmi2) {
        (true, true, true) => VBMI2,
        (true, true, false) => AVX512,
        (true, false, _) => AVX2,
        (false, ..) => BASELINE,
    };
    // A thread that asks at the same time stores the same value.
    HAS.store(has, std::sync::atomic::Ordering::Relaxed);
    has
}

/// The instruction sets that this processor has and that anything here is written for; each has all
/// that the ones before it have.
#[cfg(target_arch = "x86_64")]
pub fn sets() -> &'static [&'static str] {
    HAS.store(0, std::sync::atomic::Ordering::Relaxed);
    &["SSE2", "AVX2", "AVX-512", "AVX-512 VBMI2"][..usize::from(has())]
}

/// The instruction sets that this processor has and that anything here is written for.
#[cfg(not(target_arch = "x86_64"))]
pub fn sets() -> &'static [&'static str] {
    if cfg!(target_arch = "aarch64") { &["NEON"] } else { &["none"] }
}

/// From now on, in the whole process, as if the processor had nothing beyond the one of [`sets`] at
/// `index`: so tests can compare them. Values that were made before stay valid.
///
/// # Panics
/// If there is none.
#[doc(hidden)]
pub fn pretend(index: usize) {
    assert!(index < sets().len());
    #[cfg(target_arch = "x86_64")]
    HAS.store(index as u8 + 1, std::sync::atomic::Ordering::Relaxed);
}

/// Asks for the memory at `p`, which may be anywhere, ahead of its use.
#[inline(always)]
pub fn prefetch<T>(p: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint: no address makes it fail, and nothing is read or written.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(p.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = p;
}

/// Calls `body(simd, arguments)` with the best [`Simd`] of this processor.
///
/// `dispatch!(body::<F>(a: A, b: B) -> R where F: Bound; x, y)` calls `body` with `x` and `y`.
/// `body` must be a generic `#[inline(always)]` function whose first parameter, and first type
/// parameter, is the instruction set, so that it is compiled anew, with that set enabled, inside each
/// wrapper.
///
/// `dispatch!(up to AVX2: …)` goes no further than AVX2: for code of which there is much, as for each
/// format, and in which wider vectors buy less than compiling it once more costs.
#[macro_export]
macro_rules! dispatch {
    ($body:ident :: <$($generic:ident),*> ($($arg:ident : $ty:ty),*) -> $ret:ty
        $(where $($name:ident : $bound:path),+)?; $($value:expr),*) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn with_avx2$(<$($name: $bound),+>)?(simd: $crate::bytes::simd::Avx2, $($arg: $ty),*) -> $ret {
                $body::<_, $($generic),*>(simd, $($arg),*)
            }
            #[target_feature(
                enable = "avx512f,avx512bw,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt"
            )]
            fn with_avx512$(<$($name: $bound),+>)?(
                simd: $crate::bytes::simd::Avx512,
                $($arg: $ty),*
            ) -> $ret {
                $body::<_, $($generic),*>(simd, $($arg),*)
            }
            // Not in the caller, which may be a wrapper itself and be there once for each set.
            #[inline(never)]
            fn with_sse2$(<$($name: $bound),+>)?($($arg: $ty),*) -> $ret {
                $body::<_, $($generic),*>($crate::bytes::simd::Sse2, $($arg),*)
            }
            // Outside of the unsafe blocks, so that no caller's expression gets into them.
            let ($($arg,)*): ($($ty,)*) = ($($value,)*);
            if let Some(simd) = $crate::bytes::simd::Avx512::new() {
                // SAFETY: the value proves that the processor has these features.
                unsafe { with_avx512(simd, $($arg),*) }
            } else if let Some(simd) = $crate::bytes::simd::Avx2::new() {
                // SAFETY: the value proves that the processor has these features.
                unsafe { with_avx2(simd, $($arg),*) }
            } else {
                with_sse2($($arg),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $body::<_, $($generic),*>($crate::bytes::simd::Baseline, $($value),*)
    }};
    (up to AVX2: $body:ident :: <$($generic:ident),*> ($($arg:ident : $ty:ty),*) -> $ret:ty
        $(where $($name:ident : $bound:path),+)?; $($value:expr),*) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn with_avx2$(<$($name: $bound),+>)?(simd: $crate::bytes::simd::Avx2, $($arg: $ty),*) -> $ret {
                $body::<_, $($generic),*>(simd, $($arg),*)
            }
            // Not in the caller, which may be a wrapper itself and be there once for each set.
            #[inline(never)]
            fn with_sse2$(<$($name: $bound),+>)?($($arg: $ty),*) -> $ret {
                $body::<_, $($generic),*>($crate::bytes::simd::Sse2, $($arg),*)
            }
            // Outside of the unsafe block, so that no caller's expression gets into it.
            let ($($arg,)*): ($($ty,)*) = ($($value,)*);
            if let Some(simd) = $crate::bytes::simd::Avx2::new() {
                // SAFETY: the value proves that the processor has these features.
                unsafe { with_avx2(simd, $($arg),*) }
            } else {
                with_sse2($($arg),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $body::<_, $($generic),*>($crate::bytes::simd::Baseline, $($value),*)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn classes_are_those_of_each_byte(
            block in prop::collection::vec(any::<u8>(), 64),
            classes in prop::collection::vec(any::<(u16, u16)>(), 0..9),
            sets: [u8; 3],
        ) {
            let classes = Classes::new(&classes);
            let p = block.as_ptr();
            // SAFETY: 64 bytes.
            unsafe {
                let plain = Plain.classes64(p, &classes, sets);
                for (mask, set) in plain.into_iter().zip(sets) {
                    for (i, &byte) in block.iter().enumerate() {
                        prop_assert_eq!(mask >> i & 1 != 0, classes.of(byte) & set != 0);
                    }
                }
                #[cfg(not(target_arch = "x86_64"))]
                prop_assert_eq!(Baseline.classes64(p, &classes, sets), plain);
                #[cfg(target_arch = "x86_64")]
                {
                    if let Some(avx512) = Avx512::new() {
                        prop_assert_eq!(avx512.classes64(p, &classes, sets), plain);
                    }
                    if let Some(avx2) = Avx2::new() {
                        prop_assert_eq!(avx2.classes64(p, &classes, sets), plain);
                    }
                }
            }
        }

        #[test]
        fn every_set_agrees_with_plain(
            block: [u8; 32], other: [u8; 32], mask: [u8; 32], byte: u8, lo: u8, hi: u8,
        ) {
            let p = block.as_ptr();
            let (lo, hi) = (lo.min(hi), lo.max(hi));
            // SAFETY: 32 bytes, or 64.
            unsafe {
                let eq = Plain.eq32(p, byte);
                let range = Plain.range32(p, lo, hi);
                let (q, m) = (other.as_ptr(), mask.as_ptr());
                let same = Plain.same32(p, q, m);
                #[cfg(not(target_arch = "x86_64"))]
                {
                    prop_assert_eq!(Baseline.eq32(p, byte), eq);
                    prop_assert_eq!(Baseline.range32(p, lo, hi), range);
                    prop_assert_eq!(Baseline.same32(p, q, m), same);
                    let both = [block, other].concat();
                    let b = both.as_ptr();
                    prop_assert_eq!(Baseline.eq64(b, byte), Plain.eq64(b, byte));
                    prop_assert_eq!(Baseline.range64(b, lo, hi), Plain.range64(b, lo, hi));
                }
                #[cfg(target_arch = "x86_64")]
                {
                    prop_assert_eq!(Sse2.eq32(p, byte), eq);
                    prop_assert_eq!(Sse2.range32(p, lo, hi), range);
                    prop_assert_eq!(Sse2.same32(p, q, m), same);
                    if let Some(avx512) = Avx512::new() {
                        prop_assert_eq!(avx512.eq32(p, byte), eq);
                        prop_assert_eq!(avx512.range32(p, lo, hi), range);
                        prop_assert_eq!(avx512.same32(p, q, m), same);
                        let both = [block, other].concat();
                        let b = both.as_ptr();
                        prop_assert_eq!(avx512.eq64(b, byte), Plain.eq64(b, byte));
                        prop_assert_eq!(avx512.range64(b, lo, hi), Plain.range64(b, lo, hi));
                    }
                    if let Some(avx2) = Avx2::new() {
                        prop_assert_eq!(avx2.eq32(p, byte), eq);
                        prop_assert_eq!(avx2.range32(p, lo, hi), range);
                        prop_assert_eq!(avx2.same32(p, q, m), same);
                    }
                }
                prop_assert_eq!(eq.count_ones() as usize, block.iter().filter(|&&b| b == byte).count());
                prop_assert_eq!(range & 1 == 1, (lo..=hi).contains(&block[0]));
            }
        }
    }
}
