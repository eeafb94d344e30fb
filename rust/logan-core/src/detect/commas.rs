//! Whether commas in durations stand before decimals: `took 1,500 s` is 1500 s in most logs and 1.5 s in
//! one that has `took 0,250 s`, too.

use super::{SAMPLE_LINES_MAX, whole_lines};
use crate::format::slices::{digits, digits_at_end, letters};

/// Durations with a comma, by what it can only be.
#[derive(Default)]
struct Commas {
    decimal: u64,
    thousands: u64,
    /// Those that may be either.
    open: u64,
    example: Option<String>,
}

/// Whether they do, and what is to be said.
pub(super) fn find(samples: &[(u64, &[u8])]) -> (bool, Option<String>) {
    let mut commas = Commas::default();
    for (_, bytes) in samples {
        let lines = whole_lines(bytes).take(SAMPLE_LINES_MAX);
        // Values of JSON are read each by itself.
        for line in lines.filter(|line| !line.starts_with(b"{")) {
            for at in memchr::memchr_iter(b',', line) {
                commas.learn(line, at);
            }
        }
    }
    let are_decimal = commas.decimal > 0 && commas.thousands == 0;
    let told = commas.example.filter(|_| are_decimal && commas.open > 0);
    let told = told.map(|example| {
        format!(
            "commas in durations are read as decimal points ({example}), as some can only be so"
        )
    });
    (are_decimal, told)
}

impl Commas {
    fn learn(&mut self, line: &[u8], at: usize) {
        let whole = digits_at_end(&line[..at]);
        let group = digits(&line[at + 1..]);
        let before = line[..at - whole].last();
        let is_of_more =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b',' | b'.' | b':' | b'-');
        if whole == 0 || group == 0 || before.is_some_and(is_of_more) {
            return;
        }
        let behind = &line[at + 1 + group..];
        if let [b',' | b'.', digit, ..] = behind
            && digit.is_ascii_digit()
        {
            self.thousands += u64::from(group == 3 && unit_follows(&behind[1..]));
            return;
        }
        if !unit_follows(behind) {
            return;
        }
        if group != 3 || line[at - whole] == b'0' {
            self.decimal += 1;
        } else if whole <= 3 {
            self.open += 1;
            self.example.get_or_insert_with(|| {
                String::from_utf8_lossy(&line[at - whole..at + 1 + group]).into_owned()
            });
        }
    }
}

/// Whether digits, commas and points, and then a unit of time follow.
fn unit_follows(text: &[u8]) -> bool {
    let number = text.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b'.')).count();
    let text = text[number..].strip_prefix(b" ").unwrap_or(&text[number..]);
    let len = letters(text);
    matches!(
        &text[..len],
        b"s" | b"ms"
            | b"us"
            | b"sec"
            | b"secs"
            | b"second"
            | b"seconds"
            | b"min"
            | b"msec"
            | b"millis"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_before_decimals() {
        let found = |text: &str| find(&[(0, text.as_bytes())]);
        let (is_one, told) = found("took 0,250 s\ntook 1,500 s\n");
        assert!(is_one && told.is_some_and(|told| told.contains("(1,500)")));
        assert!(found("took 12,5 ms\n").0);
        for text in [
            "took 1,500 s\n",
            "took 0,250 s\ntook 1,234,567 ms\n",
            "took 0,250 s\ntook 1,234.5 ms\n",
            "2024-01-24 10:15:32,5 s\n",
            "0,250 files\n",
            "{\"a\":\"0,250 s\",\"b\":\"1,500 s\"}\n",
        ] {
            assert!(!found(text).0, "{text}");
        }
    }
}
