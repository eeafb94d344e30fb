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

/// Parts into which [`log2_of`] cuts each power of two.
pub const LOG2_PARTS: u64 = 256;

/// The base-2 logarithm of each bucket's middle in steps of 1/[`LOG2_PARTS`], rounded down; that of
/// 0 is 0, as that of 1. Integers alone, so that sums of them merge exactly.
pub const fn log2_of<const BITS: u32, const COUNT: usize>() -> [u16; COUNT] {
    let mut logs = [0; COUNT];
    let mut bucket = 1;
    while bucket < COUNT {
        // As `bucket_middle`, which is not const.
        let parts = 1usize << BITS;
        let middle = if bucket < 2 * parts {
            bucket as u64
        } else {
            let shift = (bucket >> BITS) - 1;
            (((bucket - (shift << BITS)) as u64) << shift) + ((1u64 << shift) - 1) / 2
        };
        let power = 63 - middle.leading_zeros();
        // In [1, 2), with 63 bits behind the point: each squaring shows the next bit.
        let mut mantissa = middle << (63 - power);
        let mut log = power as u16;
        let mut bit = 1;
        while bit < LOG2_PARTS {
            let square = (mantissa as u128 * mantissa as u128) >> 63;
            let is_two = square >> 64 != 0;
            log = log * 2 + is_two as u16;
            mantissa = if is_two { (square >> 1) as u64 } else { square as u64 };
            bit *= 2;
        }
        logs[bucket] = log;
        bucket += 1;
    }
    logs
}

/// The value of rank `n - n / parts` (the median for 2, the 95th percentile for 20) of `n` values
/// that are counted by bucket in order, as the middle of its bucket; None of no values.
pub fn quantile<const BITS: u32>(
    counts: impl IntoIterator<Item = (usize, u64)>,
    n: u64,
    parts: u64,
) -> Option<u64> {
    let rank = n - n / parts;
    let mut below = 0;
    let mut counts = counts.into_iter();
    let (bucket, _) = counts.find(|&(_, count)| {
        below += count;
        below >= rank && rank > 0
    })?;
    Some(bucket_middle::<BITS>(bucket))
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
    fn logarithms_are_those_of_the_middles() {
        const COUNT: usize = bucket_count::<4>();
        let logs = log2_of::<4, COUNT>();
        for (bucket, &log) in logs.iter().enumerate().skip(1) {
            let exact = (bucket_middle::<4>(bucket) as f64).log2() * LOG2_PARTS as f64;
            let log = f64::from(log);
            assert!(log <= exact + 1e-6 && exact < log + 1.0 + 1e-6, "{bucket}: {log} {exact}");
        }
        assert_eq!(logs[0], 0);
    }

    #[test]
    fn edges() {
        for value in [0, 1, 15, 16, 63, 64, 127, 128, u64::MAX] {
            check::<4>(value);
            check::<6>(value);
        }
    }
}
