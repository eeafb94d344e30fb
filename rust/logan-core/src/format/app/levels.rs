//! Where in a text its level stands; the rule is that of [`app`](super).
//!
//! Most texts have none, and most of their words cannot be one, by their ends and length
//! alone. So the borders of words are found 64 bytes at a time, and only words that may be a level,
//! and those with a `:` or `/` in them, are looked at.

use super::LEVEL_TOKENS_MAX;
use crate::level::Level;
use crate::lines::Line;
use crate::simd::{Classes, Simd};

/// What bytes are to the search for a level.
static CLASSES: Classes = Classes::new(&[
    // Separators: `<space> <tab> [ ] ( ) | < > , ; " ' = { }`.
    (1 << 0x0 | 1 << 0x2 | 1 << 0x7 | 1 << 0x8 | 1 << 0x9 | 1 << 0xc, 1 << 0x2),
    (1 << 0x9, 1 << 0x0),
    (1 << 0xb | 1 << 0xd, 1 << 0x3 | 1 << 0x5 | 1 << 0x7),
    (1 << 0xc, 1 << 0x3 | 1 << 0x7),
    (1 << 0xe, 1 << 0x3),
    // `:` and `/`: what stands before the last of these in a token is taken off.
    (1 << 0xa, 1 << 0x3),
    (1 << 0xf, 1 << 0x2),
]);
const SEPARATORS: u8 = (1 << 5) - 1;
const CUTS: u8 = 1 << 5 | 1 << 6;

/// What the tokens before say of the next one.
struct Search {
    tokens: usize,
    only_numbers: bool,
    /// A word that is a level if no better one follows, and the position behind it.
    weak: Option<(Level, usize)>,
}

/// The level among the first tokens of a text, and the position behind its token.
pub(in crate::format) fn level_in(text: Line<'_>) -> Option<(Level, usize)> {
    crate::dispatch!(search::<>(text: Line<'_>) -> Option<(Level, usize)>; text)
}

#[inline(always)]
fn search<S: Simd>(line: Line<'_>) -> Option<(Level, usize)> {
    let text = line.bytes();
    let mut search = Search { tokens: 0, only_numbers: true, weak: None };
    let mut base = 0;
    let (mut separators, mut cuts) = masks::<S>(line, base);
    let mut at = 0;
    while search.tokens < LEVEL_TOKENS_MAX {
        // `at` is within the window.
        let words = !separators & u64::MAX << at;
        if words == 0 {
            if text.len() - base <= 64 {
                break;
            }
            (base, at) = (base + 64, 0);
            (separators, cuts) = masks::<S>(line, base);
            continue;
        }
        let start = words.trailing_zeros() as usize;
        let ends = separators & u64::MAX << start;
        if ends == 0 && start > 0 {
            // It goes on behind the window.
            (base, at) = (base + start, 0);
            (separators, cuts) = masks::<S>(line, base);
            continue;
        }
        let len = match ends {
            0 => text[base..].iter().take_while(|&&b| !is_separator(b)).count(),
            _ => ends.trailing_zeros() as usize - start,
        };
        let (start, end) = (base + start, base + start + len);
        let (first, last) = (text[start], text[end - 1]);
        let has_cuts = ends == 0 || (cuts >> (start - base)) << (64 - len) != 0;
        let may_be_level = has_cuts
            || len == 1
            || len == 2 && matches!(last, b'!' | b'1'..=b'5')
            || matches!(first, b'-' | b'*')
            || Level::may_be_word(first, last, len);
        if may_be_level {
            if let Some(found) = search.token(text, start, end) {
                return Some(found);
            }
        } else {
            search.pass(first, text.get(end).copied());
        }
        at = end - base;
        if at >= 64 {
            if end == text.len() {
                break;
            }
            (base, at) = (end, 0);
            (separators, cuts) = masks::<S>(line, base);
        }
    }
    search.weak
}

/// Separators and cuts among the 64 bytes from `base`; behind the line there are separators.
// A function, as closures are not compiled for the instruction set.
#[inline(always)]
fn masks<S: Simd>(line: Line<'_>, base: usize) -> (u64, u64) {
    let [separators, cuts] = line.window_at(base).classes::<S, 2>(&CLASSES, [SEPARATORS, CUTS]);
    let left = line.len() - base;
    (if left < 64 { separators | u64::MAX << left } else { separators }, cuts)
}

#[inline(always)]
fn is_separator(byte: u8) -> bool {
    CLASSES.of(byte) & SEPARATORS != 0
}

impl Search {
    /// Goes on behind a token that begins with `first` and is no level.
    #[inline(always)]
    fn pass(&mut self, first: u8, after: Option<u8>) {
        self.only_numbers &= matches!(first, b'0'..=b'9' | b'+' | b'-');
        // A key and its value are one.
        self.tokens += usize::from(after != Some(b'='));
    }

    /// The level that the token `at..end` is, and the position behind that.
    fn token(&mut self, text: &[u8], at: usize, end: usize) -> Option<(Level, usize)> {
        let token = &text[at..end];
        // Dashes alone are no token.
        if token.iter().all(|b| matches!(b, b'-' | b':' | b'/' | b'*')) {
            return None;
        }
        let before = at.checked_sub(1).map(|i| text[i]);
        let after = text.get(end).copied();
        let colon = token.ends_with(b":");
        let enclosed = matches!(before, Some(b'[' | b'(' | b'|' | b'<' | b'"' | b'='))
            || matches!(after, Some(b']' | b')' | b'|' | b'>' | b'"'))
            || colon;
        let token = token.strip_suffix(b":").unwrap_or(token);
        // Jetty: the level stands between colons, right behind the timestamp.
        if at == 0
            && token.starts_with(b":")
            && let Some(len) = token[1..].iter().position(|&b| b == b':')
            && let Some(level) = loud_word(&token[1..1 + len])
        {
            return Some((level, 1 + len));
        }
        // Old logcat: the letter stands before the slash.
        if token.len() > 2
            && token[1] == b'/'
            && self.only_numbers
            && let Some(level) =
                Level::from_letter(token[0]).filter(|_| token[0].is_ascii_uppercase())
        {
            return Some((level, at + 2));
        }
        let cut = token.iter().rposition(|b| matches!(b, b':' | b'/'));
        let word = cut.map_or(token, |i| &token[i + 1..]);
        let upper = word.iter().all(u8::is_ascii_uppercase);
        let level = match word {
            [letter] if upper => {
                // `query[A]` is none of a level.
                let indexes =
                    before == Some(b'[') && at > 1 && text[at - 2].is_ascii_alphanumeric();
                let bracketed = before == Some(b'[') || after == Some(b']');
                let spaced = self.only_numbers
                    && after == Some(b' ')
                    && (self.tokens > 0 || is_component(*letter, &text[end + 1..]));
                Level::from_letter(*letter).filter(|_| bracketed && !indexes || spaced)
            }
            // Telegraf.
            [letter, b'!'] if self.tokens == 0 && after == Some(b' ') => {
                Level::from_letter(*letter).filter(|_| letter.is_ascii_uppercase())
            }
            // MongoDB.
            [b'D', b'1'..=b'5']
                if self.only_numbers
                    && after == Some(b' ')
                    && is_component(b'D', &text[end + 1..]) =>
            {
                Some(Level::Debug)
            }
            _ => Level::from_word(word).filter(|_| upper || enclosed || self.tokens == 0),
        };
        let level = match level {
            None if cut.is_some() || colon => inner(token, colon),
            level => level,
        };
        if let Some(level) = level {
            return Some((level, end));
        }
        if self.weak.is_none()
            && let Some(level) = Level::from_weak_word(word)
            && (enclosed
                || upper && after == Some(b' ') && text.get(end + 1) == Some(&b'[')
                || upper && text[..at].ends_with(b"] ")
                || upper && is_column(&text[..at], &text[end..]))
        {
            self.weak = Some((level, end));
        }
        // Of a colon alone nothing is left.
        self.only_numbers &= matches!(token.first(), Some(b'0'..=b'9' | b'+' | b'-'));
        // A key and its value are one.
        self.tokens += usize::from(after != Some(b'='));
        None
    }
}

/// Whether a column of its own stands between these two: `| SUCCESS  |`, as loguru writes it.
fn is_column(before: &[u8], behind: &[u8]) -> bool {
    before.trim_ascii_end().ends_with(b"|") && behind.trim_ascii_start().starts_with(b"|")
}

/// Whether this goes on like MongoDB or etcd behind a letter: `-`, `|`, or the name of a component,
/// in capitals; or like CUPS, `[`.
fn is_component(letter: u8, text: &[u8]) -> bool {
    match text {
        [b'-' | b'|', b' ', ..] => true,
        [b'[', ..] => matches!(letter, b'E' | b'W' | b'N' | b'I' | b'D'),
        [a, b, ..] => a.is_ascii_uppercase() && b.is_ascii_uppercase(),
        _ => false,
    }
}

/// The level in upper case before a token's first slash, or behind its last point if a colon
/// follows.
fn inner(token: &[u8], colon: bool) -> Option<Level> {
    let before = token.iter().position(|&b| b == b'/').and_then(|i| loud_word(&token[..i]));
    let behind = || loud_word(&token[token.iter().rposition(|&b| b == b'.')? + 1..]);
    before.or_else(|| if colon { behind() } else { None })
}

/// The level that a word in upper case is.
fn loud_word(word: &[u8]) -> Option<Level> {
    Level::from_word(word).filter(|_| word.iter().all(u8::is_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::PaddedLine;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// The same, byte by byte.
    fn plainly(text: &[u8]) -> Option<(Level, usize)> {
        let mut search = Search { tokens: 0, only_numbers: true, weak: None };
        let is_of_token = |&&b: &&u8| !b" \t[]()|<>,;\"'={}".contains(&b);
        let mut at = 0;
        while search.tokens < LEVEL_TOKENS_MAX {
            at += text[at..].iter().take_while(|b| !is_of_token(b)).count();
            let end = at + text[at..].iter().take_while(is_of_token).count();
            if at == end {
                break;
            }
            if let Some(found) = search.token(text, at, end) {
                return Some(found);
            }
            at = end;
        }
        search.weak
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn words_that_are_passed_are_no_levels(
            parts in vec(
                prop_oneof![
                    6 => select(&[
                        " ", "  ", "\t", "[", "]", "|", " | ", ": ", ",", "=", "-", " - ", "--", "/",
                        ":", "INFO", "info", "WARN", "ERROR:", "a/ERROR", "E/", "LOG", "success",
                        "FAIL", "I", "W", "24", "10:15:32", "+0000", "x", "from", "session", "-1",
                        "CRIT", "DEBUG1", "D2", "I!", ":INFO:x", "a=", "[A]", "emergency", "informational", "informationally", "\u{b5}",
                    ][..]).prop_map(String::from),
                    1 => "[a-zA-Z0-9:/._-]{1,90}",
                    1 => ".{0,4}",
                ],
                0..40,
            ),
        ) {
            let text = parts.concat();
            let padded = PaddedLine::new(text.as_bytes());
            prop_assert_eq!(level_in(padded.line()), plainly(text.as_bytes()), "{}", text);
        }
    }
}
