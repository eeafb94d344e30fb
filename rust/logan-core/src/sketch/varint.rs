//! Integers in as few bytes as they need: LEB128, seven bits a byte, the lowest first.
//!
//! The `get` functions take the bytes off the front of a slice. They accept only what the `put` functions write: a number
//! has one encoding, so equal contents are equal bytes. Everything may come from a peer,
//! so they check, and answer None instead of panicking.

/// Appends `value`: 1–10 bytes.
#[inline]
pub fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends `value`: 1–19 bytes.
#[inline]
pub fn put_u128(out: &mut Vec<u8>, mut value: u128) {
    while value > u128::from(u64::MAX) {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    put_u64(out, value as u64);
}

/// A number for [`put_u64`] that is small where `value` is near 0, of either sign.
#[inline]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The number of which [`zigzag`] made `value`.
#[inline]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Appends the length of `bytes` and the bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u64(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends what `write` appends, behind the number that it answers with.
#[inline]
pub fn put_behind(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> u64) {
    // Most such numbers take one byte; what is behind a longer one is moved.
    let at = out.len();
    out.push(0);
    let mut number = write(out);
    let end = out.len();
    let more = (number | 1).ilog2() as usize / 7;
    if more > 0 {
        out.resize(end + more, 0);
        out.copy_within(at + 1..end, at + 1 + more);
    }
    for byte in &mut out[at..at + more] {
        *byte = number as u8 | 0x80;
        number >>= 7;
    }
    out[at + more] = number as u8;
}

/// Appends numbers.
#[inline]
pub fn put_all(out: &mut Vec<u8>, numbers: &[u32]) {
    let mut eights = numbers.chunks_exact(8);
    for eight in &mut eights {
        if eight.iter().fold(0, |all, &number| all | number) < 0x80 {
            out.extend_from_slice(&std::array::from_fn::<u8, 8, _>(|i| eight[i] as u8));
        } else {
            eight.iter().for_each(|&number| put_u64(out, number.into()));
        }
    }
    eights.remainder().iter().for_each(|&number| put_u64(out, number.into()));
}

/// Takes `count` numbers of 64 bits off the front of both, and appends the sum of each two; None if
/// they are not there.
#[inline]
pub fn put_sums(out: &mut Vec<u8>, a: &mut &[u8], b: &mut &[u8], count: usize) -> Option<()> {
    const LONG: u64 = 0x8080_8080_8080_8080;
    let mut left = count;
    while left > 0 {
        // Eight numbers of one byte, whose sums are too, are added at once.
        if left >= 8
            && let (Some((x, a_rest)), Some((y, b_rest))) =
                (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
        {
            let (x, y) = (u64::from_le_bytes(*x), u64::from_le_bytes(*y));
            if (x | y) & LONG == 0 && (x + y) & LONG == 0 {
                out.extend_from_slice(&(x + y).to_le_bytes());
                (*a, *b) = (a_rest, b_rest);
                left -= 8;
                continue;
            }
        }
        put_u64(out, get_u64(a)?.checked_add(get_u64(b)?)?);
        left -= 1;
    }
    Some(())
}

/// Takes `count` numbers off the front and appends them; None if they are not there.
#[inline]
pub fn put_same(out: &mut Vec<u8>, bytes: &mut &[u8], count: usize) -> Option<()> {
    let mut end = 0;
    for _ in 0..count {
        end += bytes.get(end..)?.iter().position(|&byte| byte < 0x80)? + 1;
    }
    let (numbers, rest) = bytes.split_at(end);
    out.extend_from_slice(numbers);
    *bytes = rest;
    Some(())
}

/// Takes what [`put_u64`] wrote off the front; None if the bytes end too early, or the number is
/// longer than 64 bits or than it need be.
#[inline]
pub fn get_u64(bytes: &mut &[u8]) -> Option<u64> {
    match **bytes {
        [byte @ 0..0x80, ref rest @ ..] => {
            *bytes = rest;
            Some(u64::from(byte))
        }
        _ => get_u128(bytes)?.try_into().ok(),
    }
}

/// A number of at most nine bytes; None if it is longer, or none.
#[inline]
fn get_short(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().take(9).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * i);
        if byte < 0x80 {
            if byte == 0 && i > 0 {
                return None;
            }
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

/// Takes what [`put_u128`] wrote off the front; None if the bytes end too early, or the number is
/// longer than 128 bits or than it need be.
#[inline]
pub fn get_u128(bytes: &mut &[u8]) -> Option<u128> {
    match get_short(bytes) {
        Some(value) => Some(u128::from(value)),
        None => get_long(bytes),
    }
}

#[cold]
fn get_long(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0;
    for (i, &byte) in bytes.iter().enumerate() {
        let shift = 7 * i as u32;
        let bits = u128::from(byte & 0x7F);
        // The last byte of the longest number holds two bits.
        if shift > 126 || shift == 126 && bits > 3 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            if byte == 0 && i > 0 {
                return None;
            }
            *bytes = &bytes[i + 1..];
            return Some(value);
        }
    }
    None
}

/// Takes what [`put_bytes`] wrote off the front; None if the bytes end too early, or there would
/// be more than `len_max` of them.
#[inline]
pub fn get_bytes<'a>(bytes: &mut &'a [u8], len_max: usize) -> Option<&'a [u8]> {
    let len = usize::try_from(get_u64(bytes)?).ok().filter(|&len| len <= len_max)?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_round_trip(small: u64, large: u128, signed: i64, shift in 0u32..128, text: Vec<u8>) {
            let (small, signed) = (small >> (shift / 2), signed >> (shift / 2));
            let large = large >> shift;
            let mut bytes = Vec::new();
            put_u64(&mut bytes, small);
            put_u128(&mut bytes, large);
            put_u64(&mut bytes, zigzag(signed));
            put_bytes(&mut bytes, &text);
            let mut rest = &bytes[..];
            prop_assert_eq!(get_u64(&mut rest), Some(small));
            prop_assert_eq!(get_u128(&mut rest), Some(large));
            prop_assert_eq!(get_u64(&mut rest).map(unzigzag), Some(signed));
            prop_assert_eq!(get_bytes(&mut rest, text.len()), Some(&text[..]));
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn several_numbers_are_as_one_after_the_other(
            pairs in prop::collection::vec(
                prop_oneof![
                    9 => (0u32..0x50, 0u32..0x50),
                    1 => (any::<u32>(), 0u32..0x100),
                ],
                0..60,
            ),
            number: u64,
            shift in 0u32..64,
        ) {
            let (a, b): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
            let plain = |numbers: &mut dyn Iterator<Item = u64>| {
                let mut bytes = vec![7];
                numbers.for_each(|number| put_u64(&mut bytes, number));
                bytes
            };
            let (mut left, mut right) = (vec![7], vec![7]);
            put_all(&mut left, &a);
            put_all(&mut right, &b);
            prop_assert_eq!(&left, &plain(&mut a.iter().map(|&n| n.into())));
            let mut sums = vec![7];
            let (mut left, mut right) = (&left[1..], &right[1..]);
            let (mut ours, mut same) = (left, vec![7]);
            prop_assert_eq!(put_sums(&mut sums, &mut left, &mut right, pairs.len()), Some(()));
            prop_assert!(left.is_empty() && right.is_empty());
            let both = |&(a, b): &(u32, u32)| u64::from(a) + u64::from(b);
            prop_assert_eq!(&sums, &plain(&mut pairs.iter().map(both)));
            prop_assert_eq!(put_sums(&mut sums, &mut left, &mut right, 1), None);
            prop_assert_eq!(put_same(&mut same, &mut ours, a.len()), Some(()));
            prop_assert_eq!(&same, &plain(&mut a.iter().map(|&n| n.into())));
            prop_assert_eq!(put_same(&mut same, &mut ours, 1), None);

            let number = number >> shift;
            let mut behind = vec![7];
            put_behind(&mut behind, |out| {
                out.extend([1, 2, 3]);
                number
            });
            let mut expected = plain(&mut [number].into_iter());
            expected.extend([1, 2, 3]);
            prop_assert_eq!(behind, expected);
        }

        #[test]
        fn what_is_get_is_what_would_be_written(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x80), Just(0)], 0..24),
        ) {
            let mut rest = &bytes[..];
            if let Some(value) = get_u128(&mut rest) {
                let mut again = Vec::new();
                put_u128(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
            let mut rest = &bytes[..];
            if let Some(value) = get_u64(&mut rest) {
                let mut again = Vec::new();
                put_u64(&mut again, value);
                prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
            }
        }
    }

    #[test]
    fn edges() {
        for value in [0, 1, 0x7F, 0x80, u64::MAX] {
            let mut bytes = Vec::new();
            put_u64(&mut bytes, value);
            assert_eq!(get_u64(&mut &bytes[..]), Some(value));
            assert_eq!(get_u64(&mut &bytes[..bytes.len() - 1]), None);
        }
        let mut bytes = Vec::new();
        put_u128(&mut bytes, u128::MAX);
        assert_eq!(bytes.len(), 19);
        assert_eq!(get_u128(&mut &bytes[..]), Some(u128::MAX));
        assert_eq!(get_u64(&mut &bytes[..]), None);
        bytes[18] = 4;
        assert_eq!(get_u128(&mut &bytes[..]), None);
        assert_eq!(get_u64(&mut &[0x80, 0][..]), None);
        assert_eq!(get_bytes(&mut &[3, b'a'][..], 9), None);
        assert_eq!(get_bytes(&mut &[3, b'a'][..], 2), None);
    }
}
