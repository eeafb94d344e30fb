//! Where in a text its level stands; the rule is that of [`app`](super::app).
//!
//! Most texts have none, and most of their words cannot be one. So the borders of words are found 64
//! bytes at a time. Behind the first word, words that begin with a small letter or a digit, have no `:`
//! or `/` in them, and stand between white space or commas are passed together; and of the others only
//! those are looked at whose ends and length are those of a level.

use crate::bytes::line::Line;
use crate::bytes::simd::{Classes, Simd};
use crate::record::Level;

/// How far behind the timestamp a level may begin.
pub(in crate::format) const LEVEL_OFFSET_MAX: usize = 160;
/// Among how many tokens a level is looked for.
const LEVEL_TOKENS_MAX: usize = 8;

/// What may stand between a level and its message.
static DRESSING: [bool; 256] = crate::format::byte_set(b" \t])>|:-,;\"");
/// Where the message starts behind a level or a timestamp that ends at `at`.
pub(in crate::format) fn message_start(line: Line<'_>, at: usize) -> usize {
    at + line.bytes()[at..].iter().take_while(|&&b| DRESSING[usize::from(b)]).count()
}

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

/// Where separators and cuts are among 64 bytes of a text; behind the text there are separators.
#[derive(Clone, Copy)]
struct Masks {
    separators: u64,
    cuts: u64,
}

impl Masks {
    /// Those of the bytes from `base`.
    #[inline(always)]
    fn at<S: Simd>(simd: S, line: Line<'_>, base: usize) -> Masks {
        let [separators, cuts] = line.window_at(base).classes(simd, &CLASSES, [SEPARATORS, CUTS]);
        Masks { separators: separators | behind(line, base), cuts }
    }
}

/// The bits of the 64 bytes from `base` that are behind the text.
#[inline(always)]
fn behind(line: Line<'_>, base: usize) -> u64 {
    let left = line.len() - base;
    if left < 64 { u64::MAX << left } else { 0 }
}

/// What else is asked of 64 bytes, once a word was no level.
#[derive(Clone, Copy)]
struct Dull {
    /// Separators that enclose nothing: white space and commas.
    plain: u64,
    /// Small letters and digits.
    small: u64,
    digits: u64,
}

impl Dull {
    #[inline(always)]
    fn at<S: Simd>(simd: S, line: Line<'_>, base: usize) -> Dull {
        let window = line.window_at(base);
        let plain = window.eq(simd, b' ') | window.eq(simd, b'\t') | window.eq(simd, b',');
        let digits = window.range(simd, b'0', b'9');
        let small = window.range(simd, b'a', b'z') | digits;
        Dull { plain: plain | behind(line, base), small, digits }
    }

    /// How many words from `at` on, which is no word or the end of one, are certainly no level, where
    /// the last of them ends, and whether all of them begin with a digit.
    #[inline(always)]
    fn words(&self, masks: Masks, at: usize) -> (usize, usize, bool) {
        let of_words = !masks.separators & u64::MAX << at;
        let starts = of_words & !(of_words << 1);
        let dull = starts & self.small & self.plain << 1;
        // Adding a run's first bit to it sets the bit behind it.
        let uncut = of_words & !masks.cuts;
        let ends = of_words.wrapping_add(starts) & masks.separators;
        let dull_ends = uncut.wrapping_add(dull) & !uncut & self.plain;
        // Of the words before the first one that is not dull.
        let other = ends & !dull_ends;
        let passed = dull_ends & (other & other.wrapping_neg()).wrapping_sub(1);
        if passed == 0 {
            return (0, at, true);
        }
        let end = 63 - passed.leading_zeros() as usize;
        let only_digits = dull & !self.digits & !(u64::MAX << end) == 0;
        (passed.count_ones() as usize, end, only_digits)
    }
}

/// What the tokens before say of the next one.
struct Search {
    tokens: usize,
    only_numbers: bool,
    /// A word that is a level if no better one follows, and the position behind it.
    weak: Option<(Level, usize)>,
}

/// The level among the first tokens of a text, and the position behind its token.
pub(in crate::format) fn level_in(text: Line<'_>) -> Option<(Level, usize)> {
    crate::dispatch!(search_level::<>(text: Line<'_>) -> Option<(Level, usize)>; text)
}

/// As [`level_in`], where an instruction set is chosen.
#[inline(always)]
pub(in crate::format) fn search_level<S: Simd>(simd: S, line: Line<'_>) -> Option<(Level, usize)> {
    let text = line.bytes();
    if text.starts_with(b"] ")
        && let Some(found) = of_websphere(text)
    {
        return Some(found);
    }
    let mut search = Search { tokens: 0, only_numbers: true, weak: None };
    let mut base = 0;
    let mut masks = Masks::at(simd, line, base);
    // Of which window it is told.
    let mut dull = None;
    let mut at = 0;
    while search.tokens < LEVEL_TOKENS_MAX {
        // `at` is within the window.
        if search.tokens > 0 {
            let of_window = match dull {
                Some((window, found)) if window == base => found,
                _ => Dull::at(simd, line, base),
            };
            dull = Some((base, of_window));
            let (words, end, only_digits) = of_window.words(masks, at);
            search.tokens += words;
            search.only_numbers &= only_digits;
            at = end;
            if search.tokens >= LEVEL_TOKENS_MAX {
                break;
            }
        }
        let words = !masks.separators & u64::MAX << at;
        if words == 0 {
            if text.len() - base <= 64 {
                break;
            }
            (base, at) = (base + 64, 0);
            masks = Masks::at(simd, line, base);
            continue;
        }
        let start = words.trailing_zeros() as usize;
        let ends = masks.separators & u64::MAX << start;
        if ends == 0 && start > 0 {
            // It goes on behind the window.
            (base, at) = (base + start, 0);
            masks = Masks::at(simd, line, base);
            continue;
        }
        let len = match ends {
            0 => text[base..].iter().take_while(|&&b| !is_separator(b)).count(),
            _ => ends.trailing_zeros() as usize - start,
        };
        let (start, end) = (base + start, base + start + len);
        let (first, last) = (text[start], text[end - 1]);
        let has_cuts = ends == 0 || (masks.cuts >> (start - base)) << (64 - len) != 0;
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
            masks = Masks::at(simd, line, base);
        }
    }
    search.weak
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

/// The level behind `] 0000001a SystemOut     ` and the position behind it: WebSphere and Liberty write
/// the thread as eight hex digits, a name, and a letter for the kind of event. What is printed to
/// `SystemOut` and `SystemErr` (O and R) has the level that it says.
#[cold]
fn of_websphere(text: &[u8]) -> Option<(Level, usize)> {
    let (thread, rest) = text.get(2..)?.split_at_checked(8)?;
    let rest = rest.strip_prefix(b" ").filter(|_| thread.iter().all(u8::is_ascii_hexdigit))?;
    let name = rest.iter().take_while(|&&b| b != b' ').count();
    let gap = rest[name..].iter().take_while(|&&b| b == b' ').count();
    let [letter, b' ', ..] = rest[name + gap..] else { return None };
    let level = match letter {
        b'F' => Level::Fatal,
        b'E' => Level::Error,
        b'W' => Level::Warn,
        b'A' => Level::Notice,
        b'I' => Level::Info,
        b'C' | b'D' => Level::Debug,
        b'1' | b'2' | b'3' | b'>' | b'<' => Level::Trace,
        _ => return None,
    };
    (name > 0).then_some((level, text.len() - rest.len() + name + gap + 1))
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
    use crate::bytes::line::PaddedLine;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// The same, byte by byte.
    fn plainly(text: &[u8]) -> Option<(Level, usize)> {
        if let Some(found) = of_websphere(text).filter(|_| text.starts_with(b"] ")) {
            return Some(found);
        }
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
                        "CRIT", "DEBUG1", "D2", "I!", ":INFO:x", "a=", "[A]", "emergency", "] 0000001a Name   ", "E ", "informational", "informationally", "\u{b5}",
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

    #[test]
    fn levels_in_odd_places() {
        fn level(text: &str) -> Option<(Level, &str)> {
            let padded = PaddedLine::new(text.as_bytes());
            level_in(padded.line()).map(|(level, end)| (level, &text[end..]))
        }
        for (text, expected) in [
            (" I! Starting", Some((Level::Info, " Starting"))),
            (" E! [inputs.disk] x", Some((Level::Error, " [inputs.disk] x"))),
            (" x E! y", None),
            (" D2 QUERY    [conn12] x", Some((Level::Debug, " QUERY    [conn12] x"))),
            (" D2 query", None),
            (":INFO:oejs.Server:main: x", Some((Level::Info, ":oejs.Server:main: x"))),
            (":WARN::x", Some((Level::Warn, "::x"))),
            (" :INFO:x y", None),
            (" pid=1 tid=a class=B jid=c elapsed=0.1 INFO: done", Some((Level::Info, " done"))),
            (" dnsmasq[512]: query[A] x", None),
            (" [A] x", Some((Level::Fatal, "] x"))),
            (" E [Job 5] x", Some((Level::Error, " [Job 5] x"))),
            (" A [Job 5] x", None),
            (" [512] LOG stats: 5 xacts/s", Some((Level::Info, " stats: 5 xacts/s"))),
            (" [512] x LOG stats", None),
        ] {
            assert_eq!(level(text), expected, "{text}");
        }
    }
}
