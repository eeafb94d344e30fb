//! Small questions about bytes that many formats ask.

/// How many digits `text` begins with.
#[inline(always)]
pub(crate) fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// How many digits `text` ends with.
#[inline(always)]
pub(crate) fn digits_at_end(text: &[u8]) -> usize {
    text.iter().rev().take_while(|b| b.is_ascii_digit()).count()
}

/// How many letters `text` begins with.
#[inline(always)]
pub(crate) fn letters(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_alphabetic()).count()
}

/// How many spaces `text` begins with.
#[inline(always)]
pub(super) fn spaces(text: &[u8]) -> usize {
    text.iter().take_while(|&&b| b == b' ').count()
}

/// The priority `<PRI>` that a line of syslog or of the kernel begins with, and where it ends.
#[inline(always)]
pub(super) fn priority(line: &[u8]) -> Option<(u16, usize)> {
    let rest = line.strip_prefix(b"<")?;
    let digits = digits(&rest[..rest.len().min(4)]);
    if !(1..=3).contains(&digits) || rest.get(digits) != Some(&b'>') {
        return None;
    }
    let value = rest[..digits].iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
    Some((value, digits + 2))
}
