//! Where in a text its level stands; the rule is that of [`app`](super::app).
//!
//! The level leads: it stands in one of the columns before the message, so the search ends at the first
//! word of a sentence, whatever words follow it. Groups in brackets, quoted texts and keys with their
//! values are columns as a whole.

use super::dresses;
use crate::bytes::line::Line;
use crate::format::slices::digits;
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

fn is_number(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

/// What parts tokens.
static SEPARATORS: [bool; 256] = crate::format::byte_set(b" \t[]()|<>,;\"'={}");
/// What tokens of sentences are made of, beside bytes of UTF-8.
static OF_WORDS: [bool; 256] =
    crate::format::byte_set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.!?");

/// What the tokens before say of the next one.
struct Search<'a> {
    text: &'a [u8],
    tokens: usize,
    only_numbers: bool,
    /// A number in angle brackets behind a timestamp: a priority of syslog, unless a level is written
    /// behind it, as where it is the number of a thread.
    priority: Option<(Level, usize)>,
}

/// What a token is.
enum Token {
    /// The level, and the position behind it.
    Level(Level, usize),
    /// A word of a sentence: the message has begun.
    Word,
    /// A column of its own, up to this position; dashes alone do not count.
    Column(usize, bool),
}

/// The level among the columns before a message, and the position behind its token.
pub(in crate::format) fn level_in(text: Line<'_>) -> Option<(Level, usize)> {
    leading(text.bytes())
}

/// As [`level_in`], of bytes.
pub(in crate::format) fn leading(text: &[u8]) -> Option<(Level, usize)> {
    let mut search = Search { text, tokens: 0, only_numbers: true, priority: None };
    if text.starts_with(b"] ")
        && let Some(found) = of_websphere(text)
    {
        return Some(found);
    }
    if let Some(found) = dresses::behind_time(text) {
        return Some(found);
    }
    // What quotes the timestamp ends here.
    let mut at = usize::from(text.starts_with(b"\","));
    while search.tokens < LEVEL_TOKENS_MAX {
        at += text[at..].iter().take_while(|b| is_gap(**b)).count();
        if at >= text.len() {
            return search.priority;
        }
        match search.next(at) {
            Token::Level(level, end) => return Some((level, end)),
            Token::Word => break,
            Token::Column(end, counts) => {
                search.tokens += usize::from(counts);
                at = end;
            }
        }
    }
    between(text).or(search.priority)
}

/// The level that is the only word in column `column` of a text, counted by the spaces before it, and
/// the position behind it; [`Level::Other`] if the word there is written like one and not known.
pub(in crate::format) fn of_column(text: &[u8], column: u32) -> Option<(Level, usize)> {
    let (start, word) = words(text).nth(column as usize)?;
    let inner = undressed(word);
    let known = Level::from_word(inner).or_else(|| Level::from_weak_word(inner));
    let is_place = column == 0 || inner.len() < word.len();
    let level = match known.or_else(|| of_letter(inner).filter(|_| is_place)) {
        Some(level) => level,
        None if (2..=9).contains(&inner.len()) && inner.iter().all(u8::is_ascii_uppercase) => {
            Level::Other
        }
        None => return None,
    };
    Some((level, start + word.len()))
}

/// The first of the front columns that is a known word for a level alone, or, where `of_doubtful`, one of
/// its letters or a word with a capital; that level, and whether it is a word in upper case. What is doubtful
/// stands right behind the time, or has a mark behind it.
pub(in crate::format) fn column_of(text: &[u8], of_doubtful: bool) -> Option<(u32, u8, bool)> {
    words(text).take(LEVEL_TOKENS_MAX).enumerate().find_map(|(i, (_, whole))| {
        let word = undressed(whole);
        let is_doubtful = is_sentence_case(word);
        let is_place = i == 0 || word.len() < whole.len();
        if is_doubtful && !(of_doubtful && is_place) {
            return None;
        }
        let level = if word.len() == 1 { of_letter(word)? } else { Level::from_word(word)? };
        Some((i as u32, level as u8, !is_doubtful && word.iter().all(u8::is_ascii_uppercase)))
    })
}

/// Whether a word is written like the first one of a sentence: with a capital, or as one.
fn is_sentence_case(word: &[u8]) -> bool {
    let [first, rest @ ..] = word else { return false };
    first.is_ascii_uppercase() && rest.iter().all(u8::is_ascii_lowercase)
}

/// The level that a capital alone is in a column of them: `A` stands for an assertion, an alert or an
/// advice.
fn of_letter(word: &[u8]) -> Option<Level> {
    match word {
        b"A" => Some(Level::Other),
        [letter] if letter.is_ascii_uppercase() => Level::from_letter(*letter),
        _ => None,
    }
}

/// The words of a text between white space, and where each starts.
fn words(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let words = text.split(|b| matches!(b, b' ' | b'\t')).filter(|word| {
        !word.is_empty() && !word.iter().all(|b| matches!(b, b'-' | b'|' | b':' | b']' | b')'))
    });
    words.map(|word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

/// A word without brackets around it and a mark behind it.
fn undressed(word: &[u8]) -> &[u8] {
    let word = word.strip_suffix(b":").or_else(|| word.strip_suffix(b",")).unwrap_or(word);
    match word {
        [b'[' | b'(' | b'<' | b'*', inner @ .., b']' | b')' | b'>' | b'*'] => inner,
        // Tarantool: `main/103/init.lua E> `.
        [letter, b'>'] => std::slice::from_ref(letter),
        _ => word,
    }
}

/// The level that stands alone between two bars, dashes, tabs, or in capitals between two commas behind
/// single words, although words stand before it.
#[inline(never)]
fn between(text: &[u8]) -> Option<(Level, usize)> {
    const PARTS_MAX: usize = 6;
    if let Some(found) = in_angles(text) {
        return Some(found);
    }
    if !text.iter().any(|b| matches!(b, b'|' | b'\t' | b'-' | b',')) {
        return None;
    }
    let mut found = None;
    for mark in [&b"|"[..], b"\t", b" - ", b", "] {
        let mut start = 0;
        let ends = memchr::memmem::find_iter(text, mark).take(PARTS_MAX);
        for end in ends.chain((mark == b"\t").then_some(text.len())) {
            let part = &text[start..end.max(start)];
            let word = part.trim_ascii();
            if mark == b", " && word.contains(&b' ') {
                break;
            }
            // `| E |`: a letter alone.
            if let [b' ', letter @ (b'D' | b'I' | b'W' | b'E' | b'F'), b' '] = part
                && start > 0
                && mark == b"|"
                && found.is_none_or(|(_, at)| end < at)
            {
                found = Level::from_letter(*letter).map(|level| (level, end - 1));
                break;
            }
            if start > 0
                && word.len() > 1
                && (mark != b", " || part.iter().all(u8::is_ascii_uppercase))
                && let Some(level) = Level::from_word(word).or_else(|| Level::from_weak_word(word))
                && found.is_none_or(|(_, at)| end < at)
            {
                let behind = part.trim_ascii_start().len() - word.len();
                found = Some((level, end - behind));
                break;
            }
            start = end + mark.len();
        }
    }
    found
}

/// The level in capitals in `Init Session:7fc85a516700 [Session] <INFO> `, behind a group in brackets or
/// eight hex digits (Vertica).
fn in_angles(text: &[u8]) -> Option<(Level, usize)> {
    const HEX_MIN: usize = 8;
    let front = &text[..text.len().min(LEVEL_OFFSET_MAX)];
    let open = memchr::memchr(b'<', front)?;
    let before = front[..open].strip_suffix(b" ")?;
    let hex = before.iter().rev().take_while(|b| b.is_ascii_hexdigit()).count();
    let len = front[open..].iter().position(|b| *b == b'>')?;
    let word = &front[open + 1..open + len];
    let fits = (before.ends_with(b"]") || hex >= HEX_MIN)
        && word.iter().all(u8::is_ascii_uppercase)
        && text.get(open + len + 1) == Some(&b' ');
    let level = Level::from_word(word).or_else(|| Level::from_weak_word(word));
    Some((level.filter(|_| fits)?, open + len + 1))
}

#[inline(always)]
fn is_separator(byte: u8) -> bool {
    SEPARATORS[usize::from(byte)]
}

/// What may stand between columns; opening brackets and quotes begin one.
#[inline(always)]
fn is_gap(byte: u8) -> bool {
    is_separator(byte) && !matches!(byte, b'[' | b'(' | b'<' | b'{' | b'"')
}

fn closing(opening: u8) -> u8 {
    match opening {
        b'[' => b']',
        b'(' => b')',
        b'<' => b'>',
        b'{' => b'}',
        other => other,
    }
}

impl<'a> Search<'a> {
    /// What begins at `at`, where no gap is.
    fn next(&mut self, at: usize) -> Token {
        let text = self.text;
        let opening = text[at];
        if !is_separator(opening) {
            let end = at + text[at..].iter().take_while(|&&b| !is_separator(b)).count();
            return self.token(at, end);
        }
        let Some(len) = memchr::memchr(closing(opening), &text[at + 1..]) else {
            // What is cut off, or never closed, hides nothing.
            return Token::Column(at + 1, false);
        };
        let (inner, end) = (&text[at + 1..at + 1 + len], at + len + 2);
        // `query[A]` is none of a level.
        let indexes = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
        if opening == b'{' {
            return match of_object(&text[at..]) {
                Some((level, len)) => Token::Level(level, at + len),
                // The message is an object, whatever words there are in it.
                None if text.get(at + 1) == Some(&b'"') => Token::Word,
                None => Token::Column(end, true),
            };
        }
        // `util.py[DEBUG]: ` names a level, though.
        if indexes {
            let level = Level::from_word(inner).filter(|_| text.get(end) == Some(&b':'));
            return level.map_or(Token::Column(end, true), |level| Token::Level(level, end - 1));
        }
        match self.of_group(opening, inner) {
            Some(found) if at > 0 && opening == b'<' && is_number(inner) => {
                self.priority = Some((found.0, at + 1 + found.1));
                self.only_numbers = false;
                Token::Column(end, true)
            }
            // Up to the level's own end, as what follows it in the brackets is part of the message.
            Some((level, len)) => Token::Level(level, at + 1 + len),
            None => {
                self.only_numbers = false;
                Token::Column(end, true)
            }
        }
    }

    /// The level of a group in brackets or quotes, and the position behind it.
    fn of_group(&self, opening: u8, inner: &[u8]) -> Option<(Level, usize)> {
        let word = inner.trim_ascii();
        // The severity in what stands before all else: `<163>`, `<3>`.
        let may_be_priority = opening == b'<' && self.tokens == 0;
        let end = inner.len() - (inner.trim_ascii_start().len() - word.len());
        if let [letter] = word {
            let level = Level::from_letter(*letter).filter(|_| letter.is_ascii_uppercase());
            let severity = match letter {
                b'0'..=b'7' if may_be_priority => Some(Level::from_severity(letter - b'0')),
                _ => None,
            };
            return Some((level.filter(|_| opening != b'"').or(severity)?, end));
        }
        // `<System>` opens a part of an event of Windows.
        let is_element = opening == b'<' && word == b"System";
        if let Some(level) = Level::from_word(word).or_else(|| Level::from_weak_word(word))
            && !is_name_of_other(word)
            && !is_element
        {
            return Some((level, end));
        }
        if opening == b'"' {
            return None;
        }
        if may_be_priority && (2..=3).contains(&word.len()) && word.iter().all(u8::is_ascii_digit) {
            return priority(word).map(|level| (level, end));
        }
        if let Some(key) = memchr::memmem::find(inner, b" level=\"") {
            let value = &inner[key + 8..];
            let len = memchr::memchr(b'"', value).filter(|len| *len > 0)?;
            return Some((Level::from_field(&value[..len]), key + 8 + len));
        }
        let is_mark = |b: &u8| matches!(b, b' ' | b':' | b'/' | b'.' | b',');
        let first = word.iter().position(is_mark).unwrap_or(word.len());
        // `[Info   : Unity Log]` at the front.
        let names_source =
            || self.tokens == 0 && word[first..].trim_ascii_start().starts_with(b": ");
        let named = || Level::from_word(&word[..first]).filter(|_| names_source());
        if let Some(level) = loud_word(&word[..first]).or_else(named) {
            return Some((level, inner.len() - inner.trim_ascii_start().len() + first));
        }
        // `[debug||12 |a.b|c]` (Xen), `[audit:info:2385]` (ONTAP).
        if self.tokens == 0 && opening == b'[' {
            let mut parts = word.split(|b| matches!(b, b'|' | b':'));
            let leads = parts.next().filter(|_| word.contains(&b'|')).and_then(Level::from_word);
            let is_between = |part: &&[u8]| part.iter().all(u8::is_ascii_lowercase);
            let between = || {
                let ends_in_number = word.last().is_some_and(u8::is_ascii_digit);
                parts.filter(is_between).find_map(Level::from_word).filter(|_| ends_in_number)
            };
            if let Some(level) = leads.or_else(between) {
                return Some((level, end));
            }
        }
        let mark = word.iter().rposition(is_mark)?;
        let last = &word[mark + 1..];
        let quiet = || Level::from_word(last).filter(|_| matches!(word[mark], b':' | b'/'));
        Some((loud_word(last).or_else(quiet)?, end))
    }

    /// What the token `at..end` is.
    fn token(&mut self, at: usize, end: usize) -> Token {
        let text = self.text;
        let token = &text[at..end];
        if token.iter().all(|b| matches!(b, b'-' | b':' | b'/' | b'*')) {
            return Token::Column(end, false);
        }
        let before = at.checked_sub(1).map(|i| text[i]);
        let after = text.get(end).copied();
        if after == Some(b'=') {
            return self.of_key(token, end + 1);
        }
        let core = token.strip_suffix(b":").unwrap_or(token);
        let colon = core.len() < token.len();
        // Db2: `LEVEL: Severe`.
        if colon && core == b"LEVEL" && after == Some(b' ') {
            return self.of_key(core, end + 1);
        }
        let rest = text.get(end + 1..).unwrap_or_default();
        let level = self.of_word(core, colon, before, after, rest);
        if let Some((level, len)) = level.or_else(|| self.of_parts(core, colon)) {
            return Token::Level(level, if len == core.len() { end } else { at + len });
        }
        if let Some(level) = two_words(core, rest).filter(|_| !colon && after == Some(b' ')) {
            return Token::Level(level.0, end + 1 + level.1);
        }
        self.only_numbers &= matches!(core.first(), Some(b'0'..=b'9' | b'+' | b'-'));
        // PHP writes its name before the level.
        if core == b"PHP" && after == Some(b' ') {
            return Token::Column(end, false);
        }
        let ends_word = match after {
            None | Some(b' ' | b'\'') => true,
            Some(b',' | b';') => rest.first().is_none_or(|&b| b == b' '),
            _ => false,
        };
        let begins_word = matches!(before, None | Some(b' ' | b'\'' | b'"' | b'('));
        // A host before the name of a program.
        let is_host = self.tokens == 0 && {
            let next = rest.split(|&b| b == b' ').next().unwrap_or_default();
            next.ends_with(b":") && next.contains(&b'[')
                || next.starts_with(b"%%")
                || is_facility(next.split(|&b| b == b'.').next().unwrap_or_default())
                    && next.contains(&b'.')
        };
        let is_camel =
            core.windows(2).any(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase());
        let is_word = !colon
            && !is_host
            && !is_camel
            && ends_word
            && begins_word
            && core.iter().all(|&b| b >= 0x80 || OF_WORDS[usize::from(b)])
            && !(core.len() == 1 && core[0].is_ascii_uppercase())
            && !core[..core.len() - 1].contains(&b'.');
        if is_word { Token::Word } else { Token::Column(end, true) }
    }

    /// A key before its value at `at`, which is the level if the key says so.
    fn of_key(&mut self, key: &[u8], at: usize) -> Token {
        let rest = &self.text[at..];
        let (start, len) = match rest.first() {
            Some(b'"') => (1, memchr::memchr(b'"', &rest[1..]).unwrap_or(rest.len() - 1)),
            _ => (
                0,
                rest.iter()
                    .take_while(|&&b| !matches!(b, b' ' | b'\t' | b']' | b')' | b'|' | b',' | b';'))
                    .count(),
            ),
        };
        let value = &rest[start..start + len];
        // Heroku's router.
        if key == b"at"
            && let Some(level) = Level::from_word(value)
        {
            return Token::Level(level, at + start + len);
        }
        let names = [&b"level"[..], b"lvl", b"severity", b"loglevel", b"levelname", b"log_level"];
        let word = value.trim_ascii();
        if !word.is_empty() && names.iter().any(|name| key.eq_ignore_ascii_case(name)) {
            return Token::Level(Level::from_field(word), at + start + len);
        }
        // The name of a process says no more than a number.
        let end = at + start + len;
        Token::Column(end + usize::from(start == 1 && self.text.get(end) == Some(&b'"')), true)
    }

    /// The level that a word is as a whole, and how long it is.
    fn of_word(
        &self,
        word: &[u8],
        colon: bool,
        before: Option<u8>,
        after: Option<u8>,
        rest: &[u8],
    ) -> Option<(Level, usize)> {
        let whole = |level: Level| Some((level, word.len()));
        let is_bar = |b: Option<u8>| matches!(b, Some(b'|' | b'\t'));
        let behind = rest.trim_ascii_start();
        // A dash, a bar or a colon of its own, or blanks up to the next column.
        let marked = after == Some(b' ')
            && (matches!(behind, [b'|', ..] | [b'-' | b':', b' ' | b'-', ..])
                || rest.first() == Some(&b' '));
        let enclosed = colon || is_bar(before) || is_bar(after) || marked
            // Topics: `dhcp,warning name`.
            || before == Some(b',') && self.tokens <= 3 && matches!(after, Some(b' ' | b',' | b'\t'));
        let upper = word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        match word {
            [letter] if letter.is_ascii_uppercase() => {
                let is_one = after == Some(b' ')
                    && self.only_numbers
                    && (self.tokens > 0 || is_component(*letter, rest))
                    || colon && self.tokens == 0 && is_usual(*letter);
                Level::from_letter(*letter).filter(|_| is_one).and_then(whole)
            }
            [letter, b'!'] if self.tokens == 0 && after == Some(b' ') => {
                Level::from_letter(*letter).filter(|_| letter.is_ascii_uppercase()).and_then(whole)
            }
            [b'D', b'1'..=b'5']
                if self.only_numbers && after == Some(b' ') && is_component(b'D', rest) =>
            {
                whole(Level::Debug)
            }
            // VMware: a severity of two letters, and the priority.
            [_, _] if after == Some(b'(') => {
                let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
                let closes = rest.get(digits) == Some(&b')');
                let level =
                    priority(&rest[..digits]).filter(|_| closes && word[0].is_ascii_uppercase())?;
                Some((level, word.len() + digits + 2))
            }
            [b'%', b'%', ..] => of_comware(word).and_then(whole),
            [b'%', ..] => of_cisco(word).and_then(whole),
            // stunnel writes syslog's severity: `LOG5[ui]: `.
            [b'L', b'O', b'G', digit @ b'0'..=b'7'] if after == Some(b'[') => {
                whole(Level::from_severity(digit - b'0'))
            }
            _ => {
                let known = Level::from_word(word);
                if let Some(level) = known.filter(|_| upper || enclosed) {
                    let is_name = word == b"silly" || is_name_of_other(word);
                    return whole(level).filter(|_| !is_name);
                }
                // BIND numbers its levels of debugging.
                if known == Some(Level::Debug)
                    && matches!(
                        rest,
                        [b'0'..=b'9', b':', ..] | [b'0'..=b'9', b'0'..=b'9', b':', ..]
                    )
                {
                    return whole(Level::Debug);
                }
                let is_weak = enclosed
                    || upper && after == Some(b' ') && rest.first() == Some(&b'[')
                    || upper && self.text[..self.start_of(word)].ends_with(b"] ");
                let weak = Level::from_weak_word(word)
                    .filter(|_| is_weak && !word.eq_ignore_ascii_case(b"system"));
                // In its place right behind the timestamp, if it cannot be a word of a sentence.
                let leads = upper && self.tokens == 0 && after == Some(b' ');
                weak.or_else(|| Level::from_localized(word).filter(|_| enclosed || leads))
                    .and_then(whole)
            }
        }
    }

    fn start_of(&self, part: &[u8]) -> usize {
        part.as_ptr() as usize - self.text.as_ptr() as usize
    }

    /// The level that is one of several parts of a token, and where it ends.
    fn of_parts(&self, token: &[u8], colon: bool) -> Option<(Level, usize)> {
        let end_of = |part: &[u8]| part.as_ptr() as usize - token.as_ptr() as usize + part.len();
        let is_mark = |b: &u8| matches!(b, b':' | b'/');
        if token.iter().any(is_mark) {
            if let Some(level) = of_comware(token).filter(|_| colon && self.tokens <= 2) {
                return Some((level, token.len()));
            }
            // Old logcat: the letter stands before the slash.
            if let [letter, b'/', _, ..] = token
                && self.only_numbers
                && letter.is_ascii_uppercase()
                && let Some(level) = Level::from_letter(*letter)
            {
                return Some((level, 2));
            }
            // Paths and addresses have such parts, too; but `:ERROR:module:/a/path` is none as a whole.
            let is_of_columns = self.tokens == 0 && token[0] == b':';
            let path = memchr::memmem::find(token, b":/").filter(|_| is_of_columns);
            let token = path.map_or(token, |colon| &token[..colon]);
            if token.is_empty() {
                return None;
            }
            if token[0] == b'/' || memchr::memmem::find(token, b"//").is_some() {
                return None;
            }
            let mut parts = token.split(is_mark).filter(|part| !part.is_empty());
            let first = parts.clone().next()?;
            let last = parts.clone().next_back()?;
            let slash = token.contains(&b'/');
            let leads = loud_word(first).filter(|_| self.tokens == 0 || !slash);
            if let Some(level) = leads {
                return Some((level, end_of(first)));
            }
            if slash && !colon {
                return None;
            }
            if let Some(part) = parts.find(|part| loud_word(part).is_some()) {
                return Some((loud_word(part)?, end_of(part)));
            }
            // Icinga: `critical/config:`.
            let quiet = |part: &[u8]| Level::from_word(part).filter(|_| colon && part.len() > 3);
            return match quiet(first) {
                Some(level) => Some((level, end_of(first))),
                None => quiet(last).map(|level| (level, token.len())),
            };
        }
        let point = token.iter().rposition(|&b| b == b'.')?;
        let (name, word) = (&token[..point], &token[point + 1..]);
        let level = loud_word(word).filter(|_| colon);
        // Facility and severity of syslog, perhaps behind the host (BusyBox).
        let severity = || Level::from_word(word).filter(|_| self.tokens < 2 && is_facility(name));
        level.or_else(severity).map(|level| (level, token.len()))
    }
}

/// The level of a JSON object, if it stands near its front, and where it ends.
fn of_object(text: &[u8]) -> Option<(Level, usize)> {
    let keys = [&b"\"level\":"[..], b"\"severity\":", b"\"lvl\":"];
    let at = keys.iter().find_map(|key| Some(memchr::memmem::find(text, key)? + key.len()))?;
    let blank = text[at..].iter().take_while(|b| **b == b' ').count();
    let value = text[at + blank..].strip_prefix(b"\"")?;
    let len = memchr::memchr(b'"', value)?;
    let word = value[..len].trim_ascii();
    (!word.is_empty()).then(|| (Level::from_field(word), at + blank + 1 + len))
}

/// Whether a word that java.util.logging has for a level is one of other things: it has small letters.
pub(super) fn is_name_of_other(word: &[u8]) -> bool {
    let is_one = |name: &&[u8]| word.eq_ignore_ascii_case(name);
    !word.iter().all(u8::is_ascii_uppercase)
        && [&b"config"[..], b"fine", b"finer", b"finest"].iter().any(is_one)
}

/// The level of the priority `<PRI>` that a line begins with, and where that ends.
#[inline(always)]
pub(crate) fn of_priority(line: &[u8]) -> Option<(Level, usize)> {
    let rest = line.strip_prefix(b"<")?;
    let close = rest.iter().take(4).position(|&b| b == b'>')?;
    priority(&rest[..close]).map(|level| (level, close + 2))
}

/// The severity of syslog's priority, which has no zeros in front: `<01>` is the number of a thread.
fn priority(digits: &[u8]) -> Option<Level> {
    if !(1..=3).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    let number = digits.iter().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
    (number < 192).then(|| Level::from_severity((number & 7) as u8))
}

/// The severity in `%ASA-3-106015` and `%LINK-3-UPDOWN`.
pub(in crate::format) fn of_cisco(token: &[u8]) -> Option<Level> {
    let mut parts = token[1..].split(|&b| b == b'-').skip(1).peekable();
    while let Some(part) = parts.next() {
        if let [digit @ b'0'..=b'7'] = part
            && parts.peek().is_some_and(|name| !name.is_empty())
        {
            return Some(Level::from_severity(digit - b'0'));
        }
    }
    None
}

/// The severity of syslog in `%%10IFNET/3/PHY_UPDOWN` and, without the version, `SHELL/5/SHELL_LOGIN`
/// (Comware, VRP): a module in capitals, the severity, and a name.
pub(in crate::format) fn of_comware(token: &[u8]) -> Option<Level> {
    let name = match token {
        [b'%', b'%', a, b, name @ ..] if a.is_ascii_digit() && b.is_ascii_digit() => name,
        name => name,
    };
    // `(t)`, `(l)`: a trap, a log.
    let name = name.split(|b| *b == b'(').next().unwrap_or_default();
    let mut parts = name.split(|b| *b == b'/');
    let (module, severity, event) = (parts.next()?, parts.next()?, parts.next()?);
    let is_of_module = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-".contains(b);
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-".contains(b);
    let [digit @ b'0'..=b'7'] = severity else { return None };
    let fits = parts.next().is_none()
        && module.len() > 1
        && module[0].is_ascii_uppercase()
        && module.iter().all(is_of_module)
        && event.first().is_some_and(u8::is_ascii_alphabetic)
        && event.iter().all(is_of_name);
    fits.then(|| Level::from_severity(digit - b'0'))
}

/// The level of `fatal error: `, `Parse error: ` and the like, and how long its second word is.
fn two_words(first: &[u8], rest: &[u8]) -> Option<(Level, usize)> {
    const KINDS: [&[u8]; 10] = [
        b"fatal",
        b"parse",
        b"core",
        b"compile",
        b"internal",
        b"runtime",
        b"recoverable",
        b"syntax",
        b"critical",
        b"user",
    ];
    let kind = KINDS.iter().position(|kind| first.eq_ignore_ascii_case(kind))?;
    let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let level = Level::from_word(&rest[..len]).filter(|_| rest.get(len) == Some(&b':'))?;
    Some((if kind == 0 { Level::Fatal } else { level }, len))
}

/// Whether this is the name of a facility of syslog.
pub(in crate::format) fn is_facility(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"kern",
        b"user",
        b"mail",
        b"daemon",
        b"auth",
        b"syslog",
        b"lpr",
        b"news",
        b"uucp",
        b"cron",
        b"authpriv",
        b"ftp",
    ];
    NAMES.contains(&name) || matches!(name, [b'l', b'o', b'c', b'a', b'l', b'0'..=b'7'])
}

/// A letter that stands for a level even where words might.
fn is_usual(letter: u8) -> bool {
    matches!(letter, b'E' | b'W' | b'N' | b'I' | b'D' | b'F' | b'V' | b'T')
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

/// Whether the first word is a place in a source file, as TensorFlow has it: `a/b.cc:290]`.
fn is_place(text: &[u8]) -> bool {
    let len = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    let Some(word) = text[..len].strip_suffix(b"]") else { return false };
    let number = crate::format::slices::digits_at_end(word);
    number > 0 && word[..word.len() - number].ends_with(b":") && word.contains(&b'.')
}

/// Whether the numbers of a process and a thread stand here before a bracket that closes: `12 34]` (Ray).
fn is_process(text: &[u8]) -> bool {
    let process = digits(text);
    let Some(rest) = text[process..].strip_prefix(b" ").filter(|_| process > 0) else {
        return false;
    };
    let thread = digits(rest);
    thread > 0 && rest.get(thread) == Some(&b']')
}

/// Whether this goes on like MongoDB or etcd behind a letter: `-`, `|`, or the name of a component,
/// in capitals; or like CUPS, `[`; or like TensorFlow or Ray.
fn is_component(letter: u8, text: &[u8]) -> bool {
    match text.trim_ascii_start() {
        [b'-' | b'|', b' ', ..] => true,
        [b'[', ..] => matches!(letter, b'E' | b'W' | b'N' | b'I' | b'D'),
        text if is_place(text) || is_process(text) => matches!(letter, b'E' | b'W' | b'F' | b'I'),
        [a, b, ..] => a.is_ascii_uppercase() && b.is_ascii_uppercase(),
        _ => false,
    }
}

/// The level that a word in upper case is.
fn loud_word(word: &[u8]) -> Option<Level> {
    Level::from_word(word).filter(|_| word.iter().all(u8::is_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    const LEVELS: [(&str, Level); 9] = [
        ("TRACE", Level::Trace),
        ("DEBUG", Level::Debug),
        ("INFO", Level::Info),
        ("NOTICE", Level::Notice),
        ("WARN", Level::Warn),
        ("WARNING", Level::Warn),
        ("ERROR", Level::Error),
        ("CRITICAL", Level::Fatal),
        ("FATAL", Level::Fatal),
    ];

    fn words() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            4 => "[a-z]{2,9}",
            1 => select(&LEVELS[..]).prop_map(|(word, _)| word.to_string()),
            1 => "[0-9]{1,4}",
        ];
        ("[a-z]{2,9}", vec(word, 1..9))
            .prop_filter("no level", |(first, _)| Level::from_word(first.as_bytes()).is_none())
            .prop_map(|(first, rest)| format!("{first} {}", rest.join(" ")))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_level_in_front_decides(
            (word, level) in select(&LEVELS[..]),
            dressing in select(&[
                " @ ", "\t@\t", " [@] ", " - @ - ", "|@|", " | @     | ", " @: ", " (@) ", " <@> ",
                "::@::", " level=@ ", " level=\"@\" ", " [main] @ ", " [web server] @ ", " 1234 @ ",
                " [12] [@] ", " a.b.C @ ", " web-1 @ ", " [thread/@]: ", " app.@: ", " a=b c=d @ ",
                " name - @ - ", " the name - @ - ", " two words | @ | ", " [app:@] ", " @:root:",
            ][..]),
            message in words(),
        ) {
            let text = dressing.replace('@', word) + &message;
            let found = leading(text.as_bytes());
            prop_assert_eq!(found.map(|(level, _)| level), Some(level), "{}", text);
        }

        #[test]
        fn words_are_no_level(message in words()) {
            for front in [" ", " [main] ", " a.b.C ", " 12 ", ""] {
                let text = format!("{front}{message}");
                prop_assert_eq!(leading(text.as_bytes()), None, "{}", text);
            }
        }

        #[test]
        fn ends_are_behind_levels(text in ".{0,200}") {
            if let Some((_, end)) = leading(text.as_bytes()) {
                prop_assert!(end <= text.len());
            }
        }
    }

    #[test]
    fn levels_in_odd_places() {
        fn level(text: &str) -> Option<(Level, &str)> {
            leading(text.as_bytes()).map(|(level, end)| (level, &text[end..]))
        }
        for (text, expected) in [
            (" I! Starting", Some((Level::Info, " Starting"))),
            (" E! [inputs.disk] x", Some((Level::Error, " [inputs.disk] x"))),
            (" x E! y", None),
            (" D2 QUERY    [conn12] x", Some((Level::Debug, " QUERY    [conn12] x"))),
            (" I  NETWORK  [conn12] x", Some((Level::Info, "  NETWORK  [conn12] x"))),
            (" D2 query", None),
            (":INFO:oejs.Server:main: x", Some((Level::Info, ":oejs.Server:main: x"))),
            (":WARN::x", Some((Level::Warn, "::x"))),
            ("::ERROR::[x:1] boom", Some((Level::Error, "::[x:1] boom"))),
            (" :INFO:x y", Some((Level::Info, ":x y"))),
            (" pid=1 tid=a class=B jid=c elapsed=0.1 INFO: done", Some((Level::Info, " done"))),
            (" dnsmasq[512]: query[A] x", None),
            (" [A] x", Some((Level::Fatal, "] x"))),
            (" E [Job 5] x", Some((Level::Error, " [Job 5] x"))),
            (" A [Job 5] x", None),
            (" [512] LOG stats: 5 xacts/s", Some((Level::Info, " stats: 5 xacts/s"))),
            (" [512] x LOG stats", None),
            (" Error handling enabled", None),
            (" Er(163) hostd[1]: x", Some((Level::Error, " hostd[1]: x"))),
            (": %ASA-3-106015: Deny", Some((Level::Error, " Deny"))),
            (" %SEC-LOGIN-5-X: y", Some((Level::Notice, " y"))),
            (" <3>x y", Some((Level::Error, ">x y"))),
            (" [25376]ERROR:module: x", Some((Level::Error, ":module: x"))),
            (" information/cli: x", Some((Level::Info, "/cli: x"))),
            (" web1/ERROR/a.b: x", Some((Level::Error, "/a.b: x"))),
            (" dhcp,warning dhcp1 x", Some((Level::Warn, " dhcp1 x"))),
            (" daemon.err uhttpd[1]: x", Some((Level::Error, " uhttpd[1]: x"))),
            (" PHP Parse error:  x", Some((Level::Error, ":  x"))),
            (" PHP Fatal error:  x", Some((Level::Fatal, ":  x"))),
            (" PHP Warning:  x", Some((Level::Warn, "  x"))),
            (" PHP Stack trace:", None),
            (" resolver: debug 1: fetch", Some((Level::Debug, " 1: fetch"))),
            (" unbound[1:0] fatal error: x", Some((Level::Fatal, ": x"))),
            (" p=1 u=a n=b | skipping: [web1] => (item=ERROR)", None),
            (" | SUCCESS  | a:b:1 - no ERROR", Some((Level::Info, "  | a:b:1 - no ERROR"))),
            (
                " [nsx@6876 comp=\"a\" level=\"INFO\" x=\"y\"] z",
                Some((Level::Info, "\" x=\"y\"] z")),
            ),
            (" FEHLER:  x", Some((Level::Error, "  x"))),
            (" LOG3[12]: refused", Some((Level::Error, "[12]: refused"))),
            (" LOG8[12]: refused", None),
            (" LOG3 refused", None),
            (" [Config] loaded", None),
            (" [CONFIG] loaded", Some((Level::Debug, "] loaded"))),
            (" <01> Warning  [Stg] slow", Some((Level::Warn, "  [Stg] slow"))),
            (" [error||13 HTTPS 10.0.0.1->|login] x", Some((Level::Error, "] x"))),
            (" [audit:info:2385] 85 :: Error: x", Some((Level::Info, "] 85 :: Error: x"))),
            (" [a:info:b] x", None),
            (
                " | My-Daemon | E | 101 | Setup failed",
                Some((Level::Error, " | 101 | Setup failed")),
            ),
            (" | My-Daemon | A | 101 | Setup failed", None),
            ("/var/ERROR/x y", None),
        ] {
            assert_eq!(level(text), expected, "{text}");
        }
    }
}
