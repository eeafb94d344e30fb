//! Small questions about bytes, which all the other files ask. Part of the [twin](super).

pub(super) fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// The number written with exactly so many digits at `at`.
pub(super) fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    let part = text.get(at..at + count)?;
    if !part.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(part).ok()?.parse().ok()
}

/// How many bytes from `at` on satisfy `test`.
pub(super) fn run(text: &[u8], at: usize, test: impl Fn(u8) -> bool) -> usize {
    text.iter().skip(at).take_while(|&&b| test(b)).count()
}

pub(super) fn find(text: &[u8], from: usize, byte: u8) -> Option<usize> {
    (from..text.len()).find(|&i| text[i] == byte)
}
