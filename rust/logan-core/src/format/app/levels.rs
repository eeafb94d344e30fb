//! Where in a text its level stands; the rule is that of [`app`](super).

use super::LEVEL_TOKENS_MAX;
use crate::level::Level;

/// What a byte is to the search for a level.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        if byte.is_ascii_uppercase() {
            kinds[i] |= UPPER;
        }
        if matches!(byte, b'-' | b':' | b'/' | b'*') {
            kinds[i] |= DASHES;
        }
        if matches!(byte, b':' | b'/') {
            kinds[i] |= CUTS;
        }
        i += 1;
    }
    let separators = b" \t[]()|<>,;\"'={}";
    let mut i = 0;
    while i < separators.len() {
        kinds[separators[i] as usize] |= SEPARATOR;
        i += 1;
    }
    kinds
};
/// Separates tokens.
const SEPARATOR: u8 = 1;
const UPPER: u8 = 1 << 1;
/// Tokens of these alone are none.
const DASHES: u8 = 1 << 2;
/// What stands before the last of these in a token is taken off.
const CUTS: u8 = 1 << 3;

/// The level among the first tokens of `text`, and the position behind its token.
pub(in crate::format) fn level_in(text: &[u8]) -> Option<(Level, usize)> {
    let kind = |b: u8| KINDS[usize::from(b)];
    let is_separator = |b: u8| kind(b) & SEPARATOR != 0;
    let (mut at, mut tokens, mut only_numbers) = (0, 0, true);
    let mut weak = None;
    while tokens < LEVEL_TOKENS_MAX {
        let Some(skipped) = text[at..].iter().position(|&b| !is_separator(b)) else { break };
        at += skipped;
        let (mut any, mut all) = (0, u8::MAX);
        let mut is_of_token = |&b: &u8| {
            let kind = kind(b);
            let goes_on = kind & SEPARATOR == 0;
            if goes_on {
                (any, all) = (any | kind, all & kind);
            }
            goes_on
        };
        let end = at + text[at..].iter().take_while(|b| is_of_token(b)).count();
        let token = &text[at..end];
        if all & DASHES != 0 {
            at = end;
            continue;
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
        if any & CUTS != 0
            && token.len() > 2
            && token[1] == b'/'
            && only_numbers
            && let Some(level) =
                Level::from_letter(token[0]).filter(|_| token[0].is_ascii_uppercase())
        {
            return Some((level, at + 2));
        }
        let cut = match any & CUTS {
            0 => None,
            _ => token.iter().rposition(|b| matches!(b, b':' | b'/')),
        };
        let word = cut.map_or(token, |i| &token[i + 1..]);
        let upper = all & UPPER != 0 || any & CUTS != 0 && word.iter().all(u8::is_ascii_uppercase);
        let level = match word {
            [letter] if upper => {
                // `query[A]` is none of a level.
                let indexes =
                    before == Some(b'[') && at > 1 && text[at - 2].is_ascii_alphanumeric();
                let bracketed = before == Some(b'[') || after == Some(b']');
                let spaced = only_numbers
                    && after == Some(b' ')
                    && (tokens > 0 || is_component(*letter, &text[end + 1..]));
                Level::from_letter(*letter).filter(|_| bracketed && !indexes || spaced)
            }
            // Telegraf.
            [letter, b'!'] if tokens == 0 && after == Some(b' ') => {
                Level::from_letter(*letter).filter(|_| letter.is_ascii_uppercase())
            }
            // MongoDB.
            [b'D', b'1'..=b'5']
                if only_numbers && after == Some(b' ') && is_component(b'D', &text[end + 1..]) =>
            {
                Some(Level::Debug)
            }
            _ => Level::from_word(word).filter(|_| upper || enclosed || tokens == 0),
        };
        let level = match level {
            None if cut.is_some() || colon => inner(token, colon),
            level => level,
        };
        if let Some(level) = level {
            return Some((level, end));
        }
        if weak.is_none()
            && let Some(level) = Level::from_weak_word(word)
            && (enclosed
                || upper && after == Some(b' ') && text.get(end + 1) == Some(&b'[')
                || upper && text[..at].ends_with(b"] ")
                || upper && is_column(&text[..at], &text[end..]))
        {
            weak = Some((level, end));
        }
        only_numbers &= matches!(token.first(), Some(b'0'..=b'9' | b'+' | b'-'));
        // A key and its value are one.
        tokens += usize::from(after != Some(b'='));
        at = end;
    }
    weak
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
