//! Log-linear buckets: each power of two is cut into `1 << BITS` equal parts.
//!
//! A value below `1 << BITS` has a bucket of its own. The middle of a bucket is within
//! `1 / (2 << BITS)` of every value in it: 0.79 % for 6 bits, 3.2 % for 4.

/// The bucket of `value`.
#[inline(always)]
pub fn bucket_of<const BITS: u32>(value: u64) -> usize {
    // With the value's highest bit at position e, the bucket is the BITS bits below it, behind
    // the count of powers of two so far. Values below 1 << BITS fall on themselves by `max`.
    let e = (63 - (value | 1).leading_zeros()).max(BITS);
    let shift = e - BITS;
    ((shift as usize) << BITS) + (value >> shift) as usize
}

/// How many buckets there are.
pub const fn bucket_count<const BITS: u32>() -> usize {
    ((64 - BITS as usize) + 1) << BITS
}

/// Smallest and largest value of a bucket.
pub fn bucket_range<const BITS: u32>(bucket: usize) -> (u64, u64) {
    let parts = 1usize << BITS;
    if bucket < 2 * parts {
        return (bucket as u64, bucket as u64);
    }
    let shift = (bucket >> BITS) - 1;
    let low = ((bucket - (shift << BITS)) as u64) << shift;
    (low, low + ((1u64 << shift) - 1))
}

/// The value that stands for a bucket: its middle.
pub fn bucket_middle<const BITS: u32>(bucket: usize) -> u64 {
    let (low, high) = bucket_range::<BITS>(bucket);
    low + (high - low) / 2
}

/// Largest relative error of [`bucket_middle`].
pub const fn relative_error<const BITS: u32>() -> f64 {
    1.0 / (2u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check<const BITS: u32>(value: u64) {
        let bucket = bucket_of::<BITS>(value);
        assert!(bucket < bucket_count::<BITS>());
        let (low, high) = bucket_range::<BITS>(bucket);
        assert!(low <= value && value <= high, "{value} not in {low}..={high}");
        let error = bucket_middle::<BITS>(bucket).abs_diff(value) as f64;
        assert!(error <= relative_error::<BITS>() * value as f64);
        if high < u64::MAX {
            assert_eq!(bucket_of::<BITS>(high + 1), bucket + 1);
        }
    }

    proptest! {
        #[test]
        fn buckets_hold_their_values(value: u64, shift in 0u32..64) {
            check::<4>(value >> shift);
            check::<6>(value >> shift);
        }
    }

    #[test]
    fn edges() {
        for value in [0, 1, 15, 16, 63, 64, 127, 128, u64::MAX] {
            check::<4>(value);
            check::<6>(value);
        }
    }
}
