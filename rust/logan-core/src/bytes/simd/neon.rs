//! NEON, which every aarch64 processor has.
//!
//! It has no instruction that gathers one bit of each byte, so a comparison's bytes are first
//! reduced to the bit of their place and then added up in pairs: three times for 32 bytes, four
//! for 64.

use super::{Classes, Simd};
use std::arch::aarch64::*;

/// NEON.
#[derive(Clone, Copy)]
pub struct Neon;

impl super::sealed::Sealed for Neon {}

const PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// One bit for each byte of `a`, then of `b`; all bytes are 0 or 255.
#[inline(always)]
fn mask32(a: uint8x16_t, b: uint8x16_t) -> u32 {
    // SAFETY: 16 readable bytes; NEON is part of the architecture.
    unsafe {
        let places = vld1q_u8(PLACES.as_ptr());
        let pairs = vpaddq_u8(vandq_u8(a, places), vandq_u8(b, places));
        let fours = vpaddq_u8(pairs, pairs);
        vgetq_lane_u32::<0>(vreinterpretq_u32_u8(vpaddq_u8(fours, fours)))
    }
}

/// As [`mask32`], of four.
#[inline(always)]
fn mask64(of: [uint8x16_t; 4]) -> u64 {
    // SAFETY: as above.
    unsafe {
        let places = vld1q_u8(PLACES.as_ptr());
        let low = vpaddq_u8(vandq_u8(of[0], places), vandq_u8(of[1], places));
        let high = vpaddq_u8(vandq_u8(of[2], places), vandq_u8(of[3], places));
        let fours = vpaddq_u8(low, high);
        vgetq_lane_u64::<0>(vreinterpretq_u64_u8(vpaddq_u8(fours, fours)))
    }
}

impl Simd for Neon {
    #[inline(always)]
    unsafe fn eq32(self, p: *const u8, byte: u8) -> u32 {
        // SAFETY: 32 readable bytes by contract; NEON is part of the architecture.
        unsafe {
            let wanted = vdupq_n_u8(byte);
            mask32(vceqq_u8(vld1q_u8(p), wanted), vceqq_u8(vld1q_u8(p.add(16)), wanted))
        }
    }

    #[inline(always)]
    unsafe fn range32(self, p: *const u8, lo: u8, hi: u8) -> u32 {
        // SAFETY: as above.
        unsafe {
            let (base, span) = (vdupq_n_u8(lo), vdupq_n_u8(hi.wrapping_sub(lo)));
            let a = vcleq_u8(vsubq_u8(vld1q_u8(p), base), span);
            mask32(a, vcleq_u8(vsubq_u8(vld1q_u8(p.add(16)), base), span))
        }
    }

    #[inline(always)]
    unsafe fn eq64(self, p: *const u8, byte: u8) -> u64 {
        // SAFETY: 64 readable bytes by contract; NEON is part of the architecture.
        unsafe {
            let wanted = vdupq_n_u8(byte);
            mask64([
                vceqq_u8(vld1q_u8(p), wanted),
                vceqq_u8(vld1q_u8(p.add(16)), wanted),
                vceqq_u8(vld1q_u8(p.add(32)), wanted),
                vceqq_u8(vld1q_u8(p.add(48)), wanted),
            ])
        }
    }

    #[inline(always)]
    unsafe fn classes64<const N: usize>(
        self,
        p: *const u8,
        classes: &Classes,
        sets: [u8; N],
    ) -> [u64; N] {
        // SAFETY: 64 readable bytes by contract; NEON is part of the architecture.
        unsafe {
            let low = vld1q_u8(classes.low.as_ptr());
            let high = vld1q_u8(classes.high.as_ptr());
            let half = vdupq_n_u8(15);
            let mut of = [half; 4];
            let mut i = 0;
            while i < 4 {
                let v = vld1q_u8(p.add(16 * i));
                let by_low = vqtbl1q_u8(low, vandq_u8(v, half));
                of[i] = vandq_u8(by_low, vqtbl1q_u8(high, vshrq_n_u8::<4>(v)));
                i += 1;
            }
            let mut masks = [0; N];
            let mut k = 0;
            while k < N {
                let set = vdupq_n_u8(sets[k]);
                masks[k] = mask64([
                    vtstq_u8(of[0], set),
                    vtstq_u8(of[1], set),
                    vtstq_u8(of[2], set),
                    vtstq_u8(of[3], set),
                ]);
                k += 1;
            }
            masks
        }
    }

    #[inline(always)]
    unsafe fn same32(self, p: *const u8, q: *const u8, mask: *const u8) -> u32 {
        // SAFETY: 32 readable bytes each by contract; NEON is part of the architecture.
        unsafe {
            let a = veorq_u8(vld1q_u8(p), vld1q_u8(q));
            let b = veorq_u8(vld1q_u8(p.add(16)), vld1q_u8(q.add(16)));
            !mask32(vtstq_u8(a, vld1q_u8(mask)), vtstq_u8(b, vld1q_u8(mask.add(16))))
        }
    }
}
