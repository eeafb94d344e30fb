//! How many different keys there were: HyperLogLog, with 2^14 registers unless its type says otherwise.
//!
//! With 2^14, each 64-bit hash falls to the register of its highest 14 bits and offers it the position of
//! the first 1 in the other 50 (51 if there is none); a register keeps the largest offer. Merging
//! takes the larger of two registers, so neither order nor split matters, and the estimate (O.
//! Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6) is
//! a function of how many registers hold which value. It needs no table of corrections.
//!
//! As bytes: 0, the number of registers that are not 0, and for each the gap to the one before
//! and its value, if they are at most 4,096; else 1 and all registers with 6 bits each.

use super::varint::{get_u64, put_u64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Standard error of [`Distinct::estimate`] with 2^14 registers, relative: 1.04 / √2^14.
pub const RELATIVE_ERROR: f64 = 0.0081;

/// A set of hashes of which only its size can be asked, about.
#[derive(Clone, PartialEq, Eq)]
pub struct Distinct<const BITS: u32 = 14> {
    registers: Box<[u8]>,
}

impl<const BITS: u32> Default for Distinct<BITS> {
    fn default() -> Self {
        Distinct { registers: vec![0; Self::REGISTERS].into() }
    }
}

impl<const BITS: u32> std::fmt::Debug for Distinct<BITS> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Distinct(about {})", self.estimate())
    }
}

impl<const BITS: u32> Distinct<BITS> {
    const REGISTERS: usize = 1 << BITS;
    /// Largest value of a register.
    const VALUE_MAX: u8 = (64 - BITS + 1) as u8;
    /// Registers in use up to which the sparse bytes (at most 3 each) are not longer than the
    /// others.
    const SPARSE_MAX: usize = Self::REGISTERS / 4;
    const DENSE_BYTES: usize = Self::REGISTERS / 4 * 3;

    /// Adds a hash; all 64 bits must be good.
    #[inline]
    pub fn insert(&mut self, hash: u64) {
        let index = (hash >> (64 - BITS)) as usize;
        // The 1 set below the 50 bits stops the count where they are all 0.
        let rest = hash << BITS | 1 << (BITS - 1);
        let value = rest.leading_zeros() as u8 + 1;
        let register = &mut self.registers[index];
        *register = value.max(*register);
    }

    /// Adds all hashes of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (register, &value) in self.registers.iter_mut().zip(other.registers.iter()) {
            *register = value.max(*register);
        }
    }

    /// How many different hashes were added, with [`RELATIVE_ERROR`].
    pub fn estimate(&self) -> u64 {
        let mut counts = [0u32; 64];
        for &value in self.registers.iter() {
            counts[usize::from(value)] += 1;
        }
        let registers = Self::REGISTERS as f64;
        let share = |count: u32| f64::from(count) / registers;
        let mut z = registers * tau(1.0 - share(counts[usize::from(Self::VALUE_MAX)]));
        for &count in counts[1..usize::from(Self::VALUE_MAX)].iter().rev() {
            z = 0.5 * (z + f64::from(count));
        }
        z += registers * sigma(share(counts[0]));
        (registers * registers / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let used = self.registers.iter().filter(|&&value| value > 0).count();
        if used <= Self::SPARSE_MAX {
            out.push(0);
            put_u64(out, used as u64);
            let mut next = 0;
            for (index, &value) in self.registers.iter().enumerate() {
                if value > 0 {
                    put_u64(out, (index - next) as u64);
                    out.push(value);
                    next = index + 1;
                }
            }
        } else {
            out.push(1);
            for four in self.registers.chunks_exact(4) {
                let bits = four.iter().rev().fold(0, |bits, &v| bits << 6 | u32::from(v));
                out.extend_from_slice(&bits.to_le_bytes()[..3]);
            }
        }
    }

    /// Reads what [`encode`](Self::encode) wrote, all of `bytes`; None if they are anything else.
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut distinct = Self::default();
        let (&kind, rest) = bytes.split_first()?;
        bytes = rest;
        match kind {
            0 => {
                let used = get_u64(&mut bytes)?;
                let mut next = 0;
                for _ in 0..used {
                    let gap = usize::try_from(get_u64(&mut bytes)?).ok()?;
                    let (&value, rest) = bytes.split_first()?;
                    bytes = rest;
                    let index = gap.checked_add(next).filter(|&i| i < Self::REGISTERS)?;
                    if value == 0 {
                        return None;
                    }
                    distinct.registers[index] = value;
                    next = index + 1;
                }
            }
            1 => {
                let (dense, rest) = bytes.split_at_checked(Self::DENSE_BYTES)?;
                bytes = rest;
                let fours = distinct.registers.chunks_exact_mut(4);
                for (four, packed) in fours.zip(dense.chunks_exact(3)) {
                    let bits = u32::from_le_bytes([packed[0], packed[1], packed[2], 0]);
                    for (i, value) in four.iter_mut().enumerate() {
                        *value = (bits >> (6 * i) & 0x3F) as u8;
                    }
                }
            }
            _ => return None,
        }
        let registers = distinct.registers.iter();
        let used = registers.clone().filter(|&&value| value > 0).count();
        let right_kind = (used <= Self::SPARSE_MAX) == (kind == 0);
        if !bytes.is_empty() || !right_kind || registers.clone().any(|&v| v > Self::VALUE_MAX) {
            return None;
        }
        Some(distinct)
    }
}

impl<const BITS: u32> Serialize for Distinct<BITS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        serializer.serialize_bytes(&bytes)
    }
}

impl<'de, const BITS: u32> Deserialize<'de> for Distinct<BITS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        Distinct::decode(&bytes)
            .ok_or_else(|| D::Error::custom("these are not the registers of a distinct count"))
    }
}

/// Ertl's σ: x + Σ x^(2^k) · 2^(k−1).
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// Ertl's τ: (1 − x − Σ (1 − x^(2^−k))² · 2^−k) / 3.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    const VALUE_MAX: u8 = Distinct::<14>::VALUE_MAX;
    const DENSE_BYTES: usize = Distinct::<14>::DENSE_BYTES;

    fn of(keys: std::ops::Range<u64>) -> Distinct {
        let mut distinct = Distinct::default();
        for key in keys {
            distinct.insert(xxh3_64(&key.to_le_bytes()));
        }
        distinct
    }

    #[test]
    fn estimates_are_near() {
        assert_eq!(Distinct::<14>::default().estimate(), 0);
        for count in [1, 10, 100, 1_000, 10_000, 50_000, 200_000, 2_000_000] {
            let estimate = of(0..count).estimate();
            let error = estimate.abs_diff(count) as f64 / count as f64;
            // Three standard errors; small counts are nearly exact.
            assert!(error <= 3.0 * RELATIVE_ERROR, "{count}: {estimate}");
        }
        assert_eq!(of(0..10).estimate(), 10);
    }

    #[test]
    fn every_value_of_a_register() {
        let mut distinct = Distinct::<14>::default();
        for shift in 0..=64 {
            distinct.insert(1u64.checked_shl(shift).unwrap_or(0));
        }
        assert_eq!(distinct.registers[0], VALUE_MAX);
        distinct.registers.fill(VALUE_MAX);
        assert_eq!(distinct.estimate(), u64::MAX);
    }

    #[test]
    fn bytes_round_trip_and_are_checked() {
        for count in [0, 1, 100, 4_000, 5_000, 20_000, 100_000] {
            let distinct = of(0..count);
            let mut bytes = Vec::new();
            distinct.encode(&mut bytes);
            assert!(bytes.len() <= DENSE_BYTES + 3);
            assert_eq!(Distinct::decode(&bytes), Some(distinct));
            for len in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
                assert!(Distinct::<14>::decode(&bytes[..len]).is_none());
            }
            bytes.push(0);
            assert!(Distinct::<14>::decode(&bytes).is_none());
        }
        assert!(Distinct::<14>::decode(&[0, 1, 0, 0]).is_none());
        assert!(Distinct::<14>::decode(&[0, 1, 0, VALUE_MAX + 1]).is_none());
        assert!(Distinct::<14>::decode(&[[1].as_slice(), &[0; DENSE_BYTES]].concat()).is_none());
    }

    proptest! {
        #[test]
        fn merging_is_the_same_as_counting_all(a in 0u64..20_000, b in 0u64..20_000, c in 0u64..20_000) {
            let mut merged = of(0..a);
            merged.merge(&of(b..b + c));
            let mut all = of(b..b + c);
            all.merge(&of(0..a));
            prop_assert_eq!(&all, &merged);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            if let Some(distinct) = Distinct::<14>::decode(&bytes) {
                let mut again = Vec::new();
                distinct.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
