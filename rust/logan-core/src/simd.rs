//! Byte comparisons in bulk, behind one trait, chosen at run time.
//!
//! Formats are generic over [`Simd`]; [`dispatch!`] compiles a function once per instruction set
//! and picks the best that this processor has, so one binary runs on any machine of its
//! architecture. Masks always have one bit per byte, bit 0 for the first byte.

/// Bulk comparisons of 32 and 64 bytes.
///
/// # Safety
/// All functions read so many bytes from each pointer, which must all be readable, and must run on a processor
/// that has the instruction set.
pub trait Simd: Copy + 'static {
    /// Bit `i` is set where byte `i` equals `byte`.
    unsafe fn eq32(p: *const u8, byte: u8) -> u32;
    /// Bit `i` is set where `lo <= byte i <= hi`.
    unsafe fn range32(p: *const u8, lo: u8, hi: u8) -> u32;
    /// As `eq32`, for 64 bytes.
    #[inline(always)]
    unsafe fn eq64(p: *const u8, byte: u8) -> u64 {
        // SAFETY: 64 readable bytes, by contract.
        unsafe {
            u64::from(Self::eq32(p, byte)) | u64::from(Self::eq32(p.add(32), byte)) << 32
        }
    }
    /// As `range32`, for 64 bytes.
    #[inline(always)]
    unsafe fn range64(p: *const u8, lo: u8, hi: u8) -> u64 {
        // SAFETY: 64 readable bytes, by contract.
        unsafe {
            let high = u64::from(Self::range32(p.add(32), lo, hi));
            u64::from(Self::range32(p, lo, hi)) | high << 32
        }
    }
    /// Bit `i` is set where byte `i` of `p` and that of `q` agree in the bits of that of `mask`.
    unsafe fn same32(p: *const u8, q: *const u8, mask: *const u8) -> u32;
}

/// Plain Rust: the fallback of every other architecture, and the oracle in tests.
#[derive(Clone, Copy)]
pub struct Plain;

impl Simd for Plain {
    #[inline(always)]
    unsafe fn eq32(p: *const u8, byte: u8) -> u32 {
        // SAFETY: the caller promises 32 readable bytes; u8 has no alignment.
        let block = unsafe { &*p.cast::<[u8; 32]>() };
        let mut mask = 0;
        for (i, &b) in block.iter().enumerate() {
            mask |= u32::from(b == byte) << i;
        }
        mask
    }

    #[inline(always)]
    unsafe fn range32(p: *const u8, lo: u8, hi: u8) -> u32 {
        // SAFETY: as above.
        let block = unsafe { &*p.cast::<[u8; 32]>() };
        let mut mask = 0;
        for (i, &b) in block.iter().enumerate() {
            mask |= u32::from(b >= lo && b <= hi) << i;
        }
        mask
    }

    #[inline(always)]
    unsafe fn same32(p: *const u8, q: *const u8, mask: *const u8) -> u32 {
        // SAFETY: as above.
        let (p, q, bits) = unsafe {
            (&*p.cast::<[u8; 32]>(), &*q.cast::<[u8; 32]>(), &*mask.cast::<[u8; 32]>())
        };
        let mut same = 0;
        for i in 0..32 {
            same |= u32::from((p[i] ^ q[i]) & bits[i] == 0) << i;
        }
        same
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Simd;
    use std::arch::x86_64::*;

    /// SSE2, which every x86-64 processor has.
    #[derive(Clone, Copy)]
    pub struct Sse2;

    impl Simd for Sse2 {
        #[inline(always)]
        unsafe fn eq32(p: *const u8, byte: u8) -> u32 {
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
        unsafe fn range32(p: *const u8, lo: u8, hi: u8) -> u32 {
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
        unsafe fn same32(p: *const u8, q: *const u8, mask: *const u8) -> u32 {
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

    /// AVX2.
    #[derive(Clone, Copy)]
    pub struct Avx2;

    impl Simd for Avx2 {
        #[inline(always)]
        unsafe fn eq32(p: *const u8, byte: u8) -> u32 {
            // SAFETY: 32 readable bytes, and AVX2, by contract.
            unsafe {
                let v = _mm256_set1_epi8(byte as i8);
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256(p.cast()), v)) as u32
            }
        }

        #[inline(always)]
        unsafe fn range32(p: *const u8, lo: u8, hi: u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let base = _mm256_set1_epi8(lo as i8);
                let span = _mm256_set1_epi8(hi.wrapping_sub(lo) as i8);
                let d = _mm256_sub_epi8(_mm256_loadu_si256(p.cast()), base);
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(d, span), d)) as u32
            }
        }

        #[inline(always)]
        unsafe fn same32(p: *const u8, q: *const u8, mask: *const u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let p = _mm256_loadu_si256(p.cast());
                let q = _mm256_loadu_si256(q.cast());
                let differ = _mm256_and_si256(
                    _mm256_xor_si256(p, q),
                    _mm256_loadu_si256(mask.cast()),
                );
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(differ, _mm256_setzero_si256())) as u32
            }
        }
    }

    /// AVX-512 with byte comparisons: the comparison itself gives the mask.
    #[derive(Clone, Copy)]
    pub struct Avx512;

    impl Simd for Avx512 {
        #[inline(always)]
        unsafe fn eq32(p: *const u8, byte: u8) -> u32 {
            // SAFETY: 32 readable bytes, and AVX-512 BW and VL, by contract.
            unsafe {
                _mm256_cmpeq_epi8_mask(_mm256_loadu_si256(p.cast()), _mm256_set1_epi8(byte as i8))
            }
        }

        #[inline(always)]
        unsafe fn range32(p: *const u8, lo: u8, hi: u8) -> u32 {
            // SAFETY: as above.
            unsafe {
                let base = _mm256_set1_epi8(lo as i8);
                let span = _mm256_set1_epi8(hi.wrapping_sub(lo) as i8);
                let d = _mm256_sub_epi8(_mm256_loadu_si256(p.cast()), base);
                _mm256_cmple_epu8_mask(d, span)
            }
        }

        #[inline(always)]
        unsafe fn eq64(p: *const u8, byte: u8) -> u64 {
            // SAFETY: as above, with 64 bytes.
            unsafe {
                _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p.cast()), _mm512_set1_epi8(byte as i8))
            }
        }

        #[inline(always)]
        unsafe fn range64(p: *const u8, lo: u8, hi: u8) -> u64 {
            // SAFETY: as above.
            unsafe {
                let base = _mm512_set1_epi8(lo as i8);
                let span = _mm512_set1_epi8(hi.wrapping_sub(lo) as i8);
                let d = _mm512_sub_epi8(_mm512_loadu_si512(p.cast()), base);
                _mm512_cmple_epu8_mask(d, span)
            }
        }

        #[inline(always)]
        unsafe fn same32(p: *const u8, q: *const u8, mask: *const u8) -> u32 {
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
pub use x86::{Avx2, Avx512, Sse2};

/// Whether AVX2 and the bit instructions that [`dispatch!`] compiles with are there.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn has_avx2() -> bool {
    // The standard library caches the answer in one atomic.
    is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt")
}

/// Whether the byte comparisons of AVX-512 are there as well.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
}

/// Calls `body::<S, generics>(arguments)` with the best [`Simd`] `S` of this processor.
///
/// `dispatch!(body::<F>(a: A, b: B) -> R where F: Bound; x, y)` calls `body` with `x` and `y`.
/// `body` must be a generic `#[inline(always)]` function whose first type parameter is the
/// instruction set, so that it is compiled anew, with that set enabled, inside each wrapper.
#[macro_export]
macro_rules! dispatch {
    ($body:ident :: <$($generic:ident),*> ($($arg:ident : $ty:ty),*) -> $ret:ty
        $(where $($name:ident : $bound:path),+)?; $($value:expr),*) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
            fn with_avx2$(<$($name: $bound),+>)?($($arg: $ty),*) -> $ret {
                $body::<$crate::simd::Avx2, $($generic),*>($($arg),*)
            }
            #[target_feature(
                enable = "avx512f,avx512bw,avx512vl,avx2,bmi1,bmi2,lzcnt,popcnt"
            )]
            fn with_avx512$(<$($name: $bound),+>)?($($arg: $ty),*) -> $ret {
                $body::<$crate::simd::Avx512, $($generic),*>($($arg),*)
            }
            if $crate::simd::has_avx512() {
                // SAFETY: the processor has just been asked for these features.
                unsafe { with_avx512($($value),*) }
            } else if $crate::simd::has_avx2() {
                // SAFETY: the processor has just been asked for these features.
                unsafe { with_avx2($($value),*) }
            } else {
                $body::<$crate::simd::Sse2, $($generic),*>($($value),*)
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        $body::<$crate::simd::Plain, $($generic),*>($($value),*)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_set_agrees_with_plain(
            block: [u8; 32], other: [u8; 32], mask: [u8; 32], byte: u8, lo: u8, hi: u8,
        ) {
            let p = block.as_ptr();
            let (lo, hi) = (lo.min(hi), lo.max(hi));
            // SAFETY: 32 bytes; AVX2 only where it is there.
            unsafe {
                let eq = Plain::eq32(p, byte);
                let range = Plain::range32(p, lo, hi);
                let (q, m) = (other.as_ptr(), mask.as_ptr());
                let same = Plain::same32(p, q, m);
                #[cfg(target_arch = "x86_64")]
                {
                    prop_assert_eq!(Sse2::eq32(p, byte), eq);
                    prop_assert_eq!(Sse2::range32(p, lo, hi), range);
                    prop_assert_eq!(Sse2::same32(p, q, m), same);
                    if has_avx512() {
                        prop_assert_eq!(Avx512::eq32(p, byte), eq);
                        prop_assert_eq!(Avx512::range32(p, lo, hi), range);
                        prop_assert_eq!(Avx512::same32(p, q, m), same);
                        let both = [block, other].concat();
                        let b = both.as_ptr();
                        prop_assert_eq!(Avx512::eq64(b, byte), Plain::eq64(b, byte));
                        prop_assert_eq!(Avx512::range64(b, lo, hi), Plain::range64(b, lo, hi));
                    }
                    if has_avx2() {
                        prop_assert_eq!(Avx2::eq32(p, byte), eq);
                        prop_assert_eq!(Avx2::range32(p, lo, hi), range);
                        prop_assert_eq!(Avx2::same32(p, q, m), same);
                    }
                }
                prop_assert_eq!(eq.count_ones() as usize, block.iter().filter(|&&b| b == byte).count());
                prop_assert_eq!(range & 1 == 1, (lo..=hi).contains(&block[0]));
            }
        }
    }
}
