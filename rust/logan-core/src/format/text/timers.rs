//! Timers beside the response time: `db=12ms`, `"render_ms":3.5`, `(queue time 45 ms)`.
//!
//! A timer is a *name* and a span, in text or in fields:
//! - a number with its unit, in any spelling of [`duration`](super::duration) but clocks. The name is
//!   the word before it, of letters, digits and `_.-`, with nothing between but white space and
//!   `=:("'[~`; a word that names any span (`time`, `duration`, `took`, …) has the word
//!   before it, too: `queue time`. Words of completion (`processed in 5ms`) and of what fills in are
//!   no names;
//! - a plain number after a name that ends in a unit, as `_ms` or `_seconds`, which is then not part
//!   of the name.
//!
//! What waits or limits is no timer (`timeout=30s`, `retry in 5s`, `max_latency_ms`), and neither is
//! a span of more than 30 days. Units that only the format knows, and numbers without a name, are
//! not read.

use super::duration::{self, span_at, unit_nanos};
use super::text_duration::{WordKind as Word, word_kind as word};
use crate::format::Unit;
use crate::format::fields::unit_of_suffix;

/// Longest span that is a timer, in nanoseconds.
const NANOS_MAX: u64 = 30 * 86_400 * 1_000_000_000;

/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Most timers of a line.
const TIMERS_MAX: usize = 32;

/// Calls `found` with the name, in lower case, and the nanoseconds of every timer of a line.
pub fn for_each(line: &[u8], name: &mut Vec<u8>, mut found: impl FnMut(&[u8], u64)) {
    let (mut at, mut count) = (0, 0);
    while let Some(next) = line[at..].iter().position(u8::is_ascii_digit) {
        let start = at + next;
        let number = line[start..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        at = start + number;
        if start == 0 || !b" \t=:(\"'[~".contains(&line[start - 1]) {
            // Part of a word: the rest of it is, too.
            at += line[at..].iter().take_while(|b| is_name_byte(**b)).count();
            continue;
        }
        let Some((from, to)) = name_before(line, start) else { continue };
        let nanos = match span_at(line, start, unit_nanos, false) {
            Some(span) if !span.is_clock => {
                at = at.max(span.end);
                if is_of_waiting(word_after(line, span.end)) || !put_name(line, (from, to), name) {
                    continue;
                }
                span.nanos
            }
            _ => number_of_unit(line, (from, to), (start, at), name),
        };
        let Some(nanos) = nanos.filter(|&nanos| nanos <= NANOS_MAX) else { continue };
        found(name, nanos);
        count += 1;
        if count == TIMERS_MAX {
            return;
        }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Where the word before a value starts and ends.
fn name_before(line: &[u8], value: usize) -> Option<(usize, usize)> {
    let between = |b: &&u8| b" \t=:(\"'[~\\".contains(b);
    let to = value - line[..value].iter().rev().take_while(between).count();
    let from = to - line[..to].iter().rev().take_while(|b| is_name_byte(**b)).count();
    let skipped = line[from..to].iter().take_while(|b| !b.is_ascii_alphabetic()).count();
    let from = from + skipped;
    (from < to && to - from <= NAME_BYTES_MAX).then_some((from, to))
}

fn word_after(line: &[u8], at: usize) -> &[u8] {
    let rest = line[at..].strip_prefix(b" ").unwrap_or_default();
    &rest[..rest.iter().take_while(|b| b.is_ascii_alphabetic()).count()]
}

fn is_of_waiting(text: &[u8]) -> bool {
    text.eq_ignore_ascii_case(b"ago") || word(text) == Word::Waiting
}

/// Whether a part of a name speaks of waiting or of a limit.
fn waits(name: &[u8]) -> bool {
    let parts = name.split(|b| matches!(b, b'_' | b'.' | b'-' | b' '));
    parts.into_iter().any(is_of_waiting)
}

/// Writes the name of a span; whether it has one.
fn put_name(line: &[u8], (from, to): (usize, usize), name: &mut Vec<u8>) -> bool {
    name.clear();
    match word(&line[from..to]) {
        Word::Filler | Word::Waiting => return false,
        Word::Span => {
            let before = name_before(line, from).filter(|&(_, end)| {
                let between = &line[end..from];
                between == b" "
            });
            if let Some((start, end)) = before
                && word(&line[start..end]) != Word::Filler
            {
                name.extend_from_slice(&line[start..end]);
                name.push(b' ');
            }
        }
        Word::Other => {}
    }
    name.extend_from_slice(&line[from..to]);
    name.make_ascii_lowercase();
    !waits(name)
}

/// The nanoseconds of a plain number by the unit in its name, which is then written.
fn number_of_unit(
    line: &[u8],
    (from, to): (usize, usize),
    (start, end): (usize, usize),
    name: &mut Vec<u8>,
) -> Option<u64> {
    if line
        .get(end)
        .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b':' | b'/'))
    {
        return None;
    }
    let key = &line[from..to];
    let cut = key.iter().rposition(|&b| matches!(b, b'_' | b'.' | b'-'));
    let (stem, suffix) = match cut {
        Some(cut) => (&key[..cut], &key[cut + 1..]),
        // `renderMs`
        None => {
            let cut = key.iter().rposition(u8::is_ascii_uppercase).filter(|&cut| cut > 0)?;
            key.split_at(cut)
        }
    };
    let unit: Unit = unit_of_suffix(suffix)?;
    name.clear();
    name.extend_from_slice(stem);
    name.make_ascii_lowercase();
    if stem.is_empty() || waits(name) {
        return None;
    }
    duration::decimal(&line[start..end], unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers(line: &str) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for_each(line.as_bytes(), &mut Vec::new(), |name, nanos| {
            found.push((String::from_utf8(name.to_vec()).unwrap(), nanos / 1_000));
        });
        found
    }

    #[test]
    fn timers_of_lines() {
        for (line, expected) in [
            (
                "Completed 200 OK in 15ms (Views: 10.5ms | ActiveRecord: 4.0ms)",
                &[("views", 10_500), ("activerecord", 4_000)][..],
            ),
            (
                "request took 120ms (queue time 45ms)",
                &[("request took", 120_000), ("queue time", 45_000)],
            ),
            (
                "db=12ms render=1.5ms total=20ms",
                &[("db", 12_000), ("render", 1_500), ("total", 20_000)],
            ),
            (
                r#"{"db_ms":12.5,"cache":"250us","n":5,"renderMs":3}"#,
                &[("db", 12_500), ("cache", 250), ("render", 3_000)],
            ),
            ("db_time_seconds=0.25 user_id=5", &[("db_time", 250_000)]),
            ("duration: 1.5 s parse: 2 ms", &[("duration", 1_500_000), ("parse", 2_000)]),
            ("session duration 35m", &[("session duration", 2_100_000_000)]),
            ("Request processed in 127ms", &[]),
            ("retrying in 30s, timeout=5s, next attempt 10s, max_latency_ms=9", &[]),
            ("last seen 5s ago: idle 3s", &[("idle", 3_000_000)]),
            ("timeout 30s exceeded, waited 30s timeout", &[]),
            ("ts_ms=1706091332000 at 10:15:32 v1.5s x-5ms", &[]),
            ("GET /a5ms HTTP/1.1 200 5", &[]),
            ("", &[]),
        ] {
            let expected: Vec<_> = expected.iter().map(|&(n, us)| (n.to_string(), us)).collect();
            assert_eq!(timers(line), expected, "{line}");
        }
    }
}
