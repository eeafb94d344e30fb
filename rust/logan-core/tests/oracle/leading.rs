//! Where the level stands among the columns before a message. Part of the [twin](super).

use super::*;

/// What stands at a place of a text.
enum Column {
    /// The level, and where it ends.
    Level(Level, usize),
    /// The first word of a sentence.
    Sentence,
    /// Something else up to a place, if it is counted, and if it may stand before a letter.
    Other { end: usize, counts: bool, is_number: bool },
}

/// How many columns came before, and whether these were numbers.
#[derive(Clone, Copy)]
struct Before {
    columns: usize,
    only_numbers: bool,
}

fn separates(b: u8) -> bool {
    b" \t[]()|<>,;\"'={}".contains(&b)
}

fn is_loud(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_uppercase)
}

fn loud_level(word: &[u8]) -> Option<Level> {
    level_of_word(word).filter(|_| is_loud(word))
}

/// A word that is a level where it stands alone in its column.
fn level_of_column(word: &[u8]) -> Option<Level> {
    level_of_word(word).or_else(|| level_of_weak_word(word))
}

/// Where a text without the white space around it ends.
fn end_of_text(text: &[u8]) -> usize {
    text.trim_ascii_end().len()
}

pub(super) fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// The level before the message, and where it ends.
pub(super) fn leading_level(text: &[u8]) -> Option<(Level, usize)> {
    if let Some(found) = level_of_event(text) {
        return Some(found);
    }
    if let Some(found) = level_dressed(text) {
        return Some(found);
    }
    let mut before = Before { columns: 0, only_numbers: true };
    let mut at = if text.starts_with(b"\",") { 1 } else { 0 };
    // A number in angle brackets that is not at the very front counts if no level is written.
    let mut priority = None;
    while before.columns < 8 {
        at += run(text, at, |b| separates(b) && !b"[(<{\"".contains(&b));
        if at == text.len() {
            return priority;
        }
        match column(text, at, before) {
            Column::Level(level, end) => {
                let inner = if text[at] == b'<' { text.get(at + 1..end) } else { None };
                let close = find(text, at, b'>').filter(|_| at > 0);
                let is_number =
                    inner.filter(|inner| !inner.is_empty() && inner.iter().all(u8::is_ascii_digit));
                let (Some(close), Some(_)) = (close, is_number) else {
                    return Some((level, end));
                };
                priority = Some((level, end));
                before = Before { columns: before.columns + 1, only_numbers: false };
                at = close + 1;
            }
            Column::Sentence => break,
            Column::Other { end, counts, is_number } => {
                before.columns += usize::from(counts);
                before.only_numbers &= is_number;
                at = end;
            }
        }
    }
    level_between_marks(text).or(priority)
}

/// The first level that is alone between two bars, two dashes with spaces, or behind a tab and
/// before another or the end.
fn level_between_marks(text: &[u8]) -> Option<(Level, usize)> {
    if let Some(found) = level_in_angles(text) {
        return Some(found);
    }
    let of = |mark: &[u8]| {
        let mut ends = Vec::new();
        let mut at = 0;
        while ends.len() < 6
            && let Some(found) = position(&text[at..], mark)
        {
            ends.push(at + found);
            at += found + mark.len();
        }
        if mark == b"\t" {
            ends.push(text.len());
        }
        ends.windows(2).find_map(|pair| {
            let start = pair[0] + mark.len();
            let part = text.get(start..pair[1])?;
            if let (b"|", [b' ', letter @ (b'D' | b'I' | b'W' | b'E' | b'F'), b' ']) = (mark, part)
            {
                return Some((level_of_letter(*letter)?, start + 2, pair[1]));
            }
            Some((level_of_column(part.trim_ascii())?, start + end_of_text(part), pair[1]))
        })
    };
    // `, a.b, ping, ERROR, `: in capitals, behind single words.
    let of_commas = || {
        let mut start = 0;
        for _ in 0..6 {
            let end = start + position(&text[start..], b", ")?;
            let part = &text[start..end];
            if part.trim_ascii().contains(&b' ') {
                return None;
            }
            let is_loud = part.len() > 1 && part.iter().all(u8::is_ascii_uppercase);
            if let Some(level) = level_of_column(part).filter(|_| is_loud && start > 0) {
                return Some((level, end, end));
            }
            start = end + 2;
        }
        None
    };
    let found = [of(b"|"), of(b"\t"), of(b" - "), of_commas()];
    // Of those of several marks, the first.
    let first = found.into_iter().flatten().min_by_key(|(_, _, mark)| *mark)?;
    Some((first.0, first.1))
}

/// `] <INFO> `, `7fc85a516700 <INFO> `
fn level_in_angles(text: &[u8]) -> Option<(Level, usize)> {
    let front = &text[..text.len().min(160)];
    let open = find(front, 0, b'<')?;
    let close = find(front, open, b'>')?;
    let word = &front[open + 1..close];
    let before = &front[..open];
    let hex = before.iter().rev().skip(1).take_while(|b| b.is_ascii_hexdigit()).count();
    let fits = before.ends_with(b" ")
        && (before.ends_with(b"] ") || hex >= 8)
        && is_loud(word)
        && text[close + 1..].starts_with(b" ");
    Some((level_of_column(word).filter(|_| fits)?, close + 1))
}

/// `%%10IFNET/3/PHY_UPDOWN`, `SHELL/5/SHELL_LOGIN`
fn level_of_comware(word: &[u8]) -> Option<Level> {
    let text = std::str::from_utf8(word).ok()?;
    let version = text.get(2..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let name = if text.starts_with("%%") && version.is_some() { &text[4..] } else { text };
    let [module, severity, event] = name.split('/').collect::<Vec<_>>()[..] else { return None };
    let severity = severity.parse::<i64>().ok().filter(|_| severity.len() == 1)?;
    let other = |text: &str| text.replace(['_', '-'], "");
    let fits = module.len() >= 2
        && module.starts_with(|c: char| c.is_ascii_uppercase())
        && other(module).bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && event.starts_with(|c: char| c.is_ascii_alphabetic())
        && other(event).bytes().all(|b| b.is_ascii_alphanumeric());
    level_of_severity(severity).filter(|_| fits)
}

fn column(text: &[u8], at: usize, before: Before) -> Column {
    if !separates(text[at]) {
        return token(text, at, before);
    }
    let pairs = [(b'[', b']'), (b'(', b')'), (b'<', b'>'), (b'{', b'}'), (b'"', b'"')];
    let (open, close) = *pairs.iter().find(|(open, _)| *open == text[at]).expect("no gap");
    let Some(close) = find(text, at + 1, close) else {
        return Column::Other { end: at + 1, counts: false, is_number: true };
    };
    let inner = &text[at + 1..close];
    let of_name = at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_');
    let (level, is_number) = if open == b'{' {
        let level = level_in_object(&text[at..]);
        if level.is_none() && inner.starts_with(b"\"") {
            return Column::Sentence;
        }
        (level_in_object(&text[at..]).map(|(level, len)| (level, at + len)), true)
    } else if of_name {
        let level = level_of_word(inner).filter(|_| text.get(close + 1) == Some(&b':'));
        (level.map(|level| (level, close)), true)
    } else {
        let level = level_in_group(open, inner, before);
        (level.map(|(level, len)| (level, at + 1 + len)), false)
    };
    match level {
        Some((level, end)) => Column::Level(level, end),
        None => Column::Other { end: close + 1, counts: true, is_number },
    }
}

fn level_in_object(text: &[u8]) -> Option<(Level, usize)> {
    let keys = ["\"level\":", "\"severity\":", "\"lvl\":"];
    let found = |key: &&str| Some(position(text, key.as_bytes())? + key.len());
    let key = keys.iter().find_map(found)?;
    let quote = key + run(text, key, |b| b == b' ');
    let close = find(text, quote + 1, b'"').filter(|_| text[quote] == b'"')?;
    let value = text[quote + 1..close].trim_ascii();
    (!value.is_empty()).then(|| (level_of_field(value), close))
}

fn level_in_group(open: u8, inner: &[u8], before: Before) -> Option<(Level, usize)> {
    let word = inner.trim_ascii();
    let (start, end) = (run(inner, 0, |b| b.is_ascii_whitespace()), end_of_text(inner));
    let is_first = open == b'<' && before.columns == 0;
    if word.len() == 1 {
        let is_letter = word[0].is_ascii_uppercase() && open != b'"';
        let letter = level_of_letter(word[0]).filter(|_| is_letter);
        let severity = || level_of_severity(digits(word, 0, 1).filter(|_| is_first)?);
        return Some((letter.or_else(severity)?, end));
    }
    let is_element = open == b'<' && word == b"System";
    if let Some(level) = level_of_column(word).filter(|_| !is_other_name(word) && !is_element) {
        return Some((level, end));
    }
    if open == b'"' {
        return None;
    }
    if is_first && word.len() <= 3 && word.iter().all(u8::is_ascii_digit) && !word.is_empty() {
        return Some((level_of_priority(word)?, end));
    }
    if let Some(key) = position(inner, b" level=\"") {
        let start = key + " level=\"".len();
        let close = find(inner, start, b'"').filter(|close| *close > start)?;
        return Some((level_of_field(&inner[start..close]), close));
    }
    // Its first or its last word.
    let marks = |b: &u8| b" :/.,".contains(b);
    let first = word.split(marks).next()?;
    let behind = word[first.len()..].trim_ascii_start();
    let named = before.columns == 0 && behind.starts_with(b": ");
    if let Some(level) = loud_level(first).or_else(|| level_of_word(first).filter(|_| named)) {
        return Some((level, start + first.len()));
    }
    if before.columns == 0 && open == b'[' {
        let parts: Vec<&[u8]> = word.split(|b| b"|:".contains(b)).collect();
        let of_first = level_of_word(parts[0]).filter(|_| word.contains(&b'|'));
        let is_small = |part: &&&[u8]| part.iter().all(u8::is_ascii_lowercase);
        let of_others = || parts[1..].iter().filter(is_small).find_map(|part| level_of_word(part));
        let is_numbered = word.last().is_some_and(u8::is_ascii_digit);
        if let Some(level) = of_first.or_else(|| of_others().filter(|_| is_numbered)) {
            return Some((level, end));
        }
    }
    let mark = word.iter().rposition(marks)?;
    let last = &word[mark + 1..];
    let fits = is_loud(last) || b":/".contains(&word[mark]);
    Some((level_of_word(last).filter(|_| fits)?, end))
}

/// Whether a word is a level of java.util.logging, but not as that writes it.
fn is_other_name(word: &[u8]) -> bool {
    let lower = word.to_ascii_lowercase();
    let names: [&[u8]; 4] = [b"config", b"fine", b"finer", b"finest"];
    names.contains(&&lower[..]) && !is_loud(word)
}

fn level_of_priority(number: &[u8]) -> Option<Level> {
    if number.len() > 1 && number[0] == b'0' {
        return None;
    }
    let number = digits(number, 0, number.len()).filter(|_| (1..=3).contains(&number.len()))?;
    if number < 192 { level_of_severity(number % 8) } else { None }
}

fn token(text: &[u8], at: usize, before: Before) -> Column {
    let end = at + run(text, at, |b| !separates(b));
    let token = &text[at..end];
    let other = |end| Column::Other { end, counts: true, is_number: true };
    if token.iter().all(|b| b"-:/*".contains(b)) {
        return Column::Other { end, counts: false, is_number: true };
    }
    let (behind, rest) = (&text[end..], text.get(end + 1..).unwrap_or_default());
    if behind.starts_with(b"=") || token == b"LEVEL:" && behind.starts_with(b" ") {
        let key = token.strip_suffix(b":").filter(|_| behind[0] == b' ').unwrap_or(token);
        let at_of_value = end + 1;
        let (value, start) = value_at(text, at_of_value);
        let end = start + value.len();
        return match level_of_pair(key, value) {
            Some(level) => Column::Level(level, end),
            // Behind the closing quote.
            None => other(end + usize::from(start > at_of_value && text.get(end) == Some(&b'"'))),
        };
    }
    let word = token.strip_suffix(b":").unwrap_or(token);
    let colon = word.len() < token.len();
    if let Some(level) = level_of_bare_word(text, at, before) {
        return Column::Level(level, end);
    }
    if word.len() == 2 && word[0].is_ascii_uppercase() && behind.starts_with(b"(") {
        // `Er(163)`
        let len = run(rest, 0, |b| b.is_ascii_digit());
        if rest.get(len) == Some(&b')')
            && let Some(level) = level_of_priority(&rest[..len])
        {
            // Two bytes less where a colon stood, which is none of them.
            return Column::Level(level, at + word.len() + len + 2);
        }
    }
    if let Some((level, len)) = level_of_parts(word, colon, before) {
        return Column::Level(level, if len == word.len() { end } else { at + len });
    }
    let kinds = "fatal parse core compile internal runtime recoverable syntax critical user";
    let lower = word.to_ascii_lowercase();
    if !colon && behind.starts_with(b" ") && kinds.split(' ').any(|k| k.as_bytes() == lower) {
        // `Parse error:`
        let len = run(rest, 0, |b| b.is_ascii_alphabetic());
        let level = level_of_word(&rest[..len]).filter(|_| rest.get(len) == Some(&b':'));
        if let Some(level) = level {
            let level = if lower == b"fatal" { Level::Fatal } else { level };
            return Column::Level(level, end + 1 + len);
        }
    }
    let is_number = word[0].is_ascii_digit() || b"+-".contains(&word[0]);
    if word == b"PHP" && behind.starts_with(b" ") {
        return Column::Other { end, counts: false, is_number };
    }
    let last = if at == 0 { None } else { Some(text[at - 1]) };
    if !colon && begins_sentence(word, last, behind, before) {
        Column::Sentence
    } else {
        Column::Other { end, counts: true, is_number }
    }
}

/// The value of a key, and where it starts.
fn value_at(text: &[u8], at: usize) -> (&[u8], usize) {
    if text.get(at) == Some(&b'"') {
        let close = find(text, at + 1, b'"').unwrap_or(text.len());
        return (&text[at + 1..close], at + 1);
    }
    let len = run(text, at, |b| !b" \t])|,;".contains(&b));
    (&text[at..at + len], at)
}

fn level_of_pair(key: &[u8], value: &[u8]) -> Option<Level> {
    if key == b"at"
        && let Some(level) = level_of_word(value)
    {
        return Some(level);
    }
    let names = ["level", "lvl", "severity", "loglevel", "levelname", "log_level"];
    let lower = key.to_ascii_lowercase();
    let value = value.trim_ascii();
    let says = names.iter().any(|name| name.as_bytes() == lower) && !value.is_empty();
    says.then(|| level_of_field(value))
}

/// Whether a token is a word of letters that stands for itself.
fn begins_sentence(word: &[u8], last: Option<u8>, behind: &[u8], before: Before) -> bool {
    let ends = match behind {
        [] | [b' ' | b'\'', ..] => true,
        [b',' | b';', rest @ ..] => matches!(rest, [] | [b' ', ..]),
        _ => false,
    };
    let begins = matches!(last, None | Some(b' ' | b'\'' | b'"' | b'('));
    // A host comes before the name and the number of a program.
    let next = behind.get(1..).unwrap_or_default().split(|&b| b == b' ').next();
    let next = next.unwrap_or_default();
    let is_host = before.columns == 0
        && (next.contains(&b'[') && next.ends_with(b":")
            || next.starts_with(b"%%")
            || next.iter().position(|&b| b == b'.').is_some_and(|dot| is_facility(&next[..dot])));
    let of_words = |b: &u8| *b >= 0x80 || b.is_ascii_alphabetic() || b".!?".contains(b);
    let is_camel =
        word.windows(2).any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase());
    let is_letter = word.len() == 1 && word[0].is_ascii_uppercase();
    let is_dotted = word[..word.len() - 1].contains(&b'.');
    let is_plain = word.iter().all(of_words) && !is_camel && !is_letter && !is_dotted;
    ends && begins && !is_host && is_plain
}

/// `a/b.cc:290]`.
fn is_place(rest: &[u8]) -> bool {
    let word = rest.split(|b| *b == b' ').next().unwrap_or_default();
    let Some(place) = word.strip_suffix(b"]") else { return false };
    let number = place.rsplit(|b| *b == b':').next().unwrap_or_default();
    place.contains(&b':')
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
        && place.contains(&b'.')
}

/// `12 34]`
fn is_of_process(rest: &[u8]) -> bool {
    let Some(close) = find(rest, 0, b']') else { return false };
    let numbers: Vec<&[u8]> = rest[..close].split(|b| *b == b' ').collect();
    let is_number = |n: &&[u8]| !n.is_empty() && n.iter().all(u8::is_ascii_digit);
    numbers.len() == 2 && numbers.iter().all(is_number)
}

/// Whether what follows a letter is what MongoDB, etcd or CUPS write behind it.
fn is_behind_letter(letter: u8, rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_start();
    rest.starts_with(b"- ")
        || rest.starts_with(b"| ")
        || rest.starts_with(b"[") && b"EWNID".contains(&letter)
        || b"EWFI".contains(&letter) && (is_place(rest) || is_of_process(rest))
        || rest.len() >= 2 && is_loud(&rest[..2])
}

/// The level that the token at `at` is, without its colon.
fn level_of_bare_word(text: &[u8], at: usize, before: Before) -> Option<Level> {
    let token = &text[at..at + run(text, at, |b| !separates(b))];
    let word = token.strip_suffix(b":").unwrap_or(token);
    let colon = word.len() < token.len();
    let (front, behind) = (&text[..at], &text[at + token.len()..]);
    let rest = behind.get(1..).unwrap_or_default();
    let spaced = behind.starts_with(b" ");
    if let [letter @ b'A'..=b'Z'] = word {
        let behind_numbers = spaced
            && before.only_numbers
            && (before.columns > 0 || is_behind_letter(*letter, rest));
        let of_colon = colon && before.columns == 0 && b"EWNIDFVT".contains(letter);
        return level_of_letter(*letter).filter(|_| behind_numbers || of_colon);
    }
    match word {
        [letter @ b'A'..=b'Z', b'!'] if before.columns == 0 && spaced => {
            return level_of_letter(*letter);
        }
        [_, b'!'] if before.columns == 0 && spaced => return None,
        [b'D', b'1'..=b'5'] if before.only_numbers && spaced && is_behind_letter(b'D', rest) => {
            return Some(Level::Debug);
        }
        [b'L', b'O', b'G', severity @ b'0'..=b'7'] if behind.starts_with(b"[") => {
            return level_of_severity(i64::from(severity - b'0'));
        }
        [b'%', b'%', ..] => return level_of_comware(word),
        [b'%', name @ ..] => {
            let parts: Vec<&[u8]> = name.split(|&b| b == b'-').collect();
            let is_one = |i: &usize| {
                matches!(parts[*i], [b'0'..=b'7'])
                    && parts.get(i + 1).is_some_and(|p| !p.is_empty())
            };
            let severity = (1..parts.len()).find(is_one)?;
            return level_of_severity(i64::from(parts[severity][0] - b'0'));
        }
        _ => {}
    }
    // What stands beside it.
    let next = rest.trim_ascii_start();
    let marks: [&[u8]; 5] = [b"|", b"- ", b"--", b": ", b":-"];
    let marked = spaced && (rest.starts_with(b" ") || marks.iter().any(|m| next.starts_with(m)));
    let barred =
        matches!(front.last(), Some(b'|' | b'\t')) || matches!(behind.first(), Some(b'|' | b'\t'));
    let topic = front.ends_with(b",")
        && before.columns <= 3
        && matches!(behind.first(), Some(b' ' | b',' | b'\t'));
    let enclosed = colon || barred || marked || topic;
    let loud = word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let known = level_of_word(word);
    if loud || enclosed {
        if let Some(level) = known {
            return Some(level).filter(|_| word != b"silly" && !is_other_name(word));
        }
    } else if known == Some(Level::Debug) {
        // BIND: `debug 3: `.
        let len = run(rest, 0, |b| b.is_ascii_digit());
        return known.filter(|_| (1..=2).contains(&len) && rest.get(len) == Some(&b':'));
    }
    let bracket = spaced && rest.starts_with(b"[") || front.ends_with(b"] ");
    let weak = level_of_weak_word(word)
        .filter(|_| (enclosed || loud && bracket) && !word.eq_ignore_ascii_case(b"SYSTEM"));
    // The names in other languages are a table.
    let leads = loud && before.columns == 0 && spaced;
    weak.or_else(|| Level::from_localized(word).filter(|_| enclosed || leads))
}

fn is_facility(name: &[u8]) -> bool {
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp local0 local1 local2 local3 local4 \
        local5 local6 local7"
        .split_whitespace()
        .any(|facility| facility.as_bytes() == name)
}

/// The level that is a part of a token, and where in it that ends.
fn level_of_parts(word: &[u8], colon: bool, before: Before) -> Option<(Level, usize)> {
    // A path behind columns that the timestamp's colon opens.
    if before.columns == 0
        && word.contains(&b'/')
        && word[0] == b':'
        && let Some(end) = position(word, b":/")
    {
        let front = &word[..end];
        return if front.is_empty() { None } else { level_of_parts(front, colon, before) };
    }
    let mut parts: Vec<(usize, &[u8])> = Vec::new();
    let mut at = 0;
    for part in word.split(|b| b":/".contains(b)) {
        if !part.is_empty() {
            parts.push((at + part.len(), part));
        }
        at += part.len() + 1;
    }
    let slash = word.contains(&b'/');
    if !slash && !word.contains(&b':') {
        let point = word.iter().rposition(|&b| b == b'.')?;
        let (name, last) = (&word[..point], &word[point + 1..]);
        let fits = colon && is_loud(last) || before.columns < 2 && is_facility(name);
        return Some((level_of_word(last).filter(|_| fits)?, word.len()));
    }
    if let Some(level) = level_of_comware(word).filter(|_| colon && before.columns < 3) {
        return Some((level, word.len()));
    }
    if let [letter @ b'A'..=b'Z', b'/', _, ..] = word
        && before.only_numbers
        && let Some(level) = level_of_letter(*letter)
    {
        return Some((level, 2));
    }
    if word[0] == b'/' || position(word, b"//").is_some() {
        return None;
    }
    let loud = |(end, part): &(usize, &[u8])| Some((loud_level(part)?, *end));
    let first = *parts.first()?;
    if (before.columns == 0 || !slash)
        && let Some(found) = loud(&first)
    {
        return Some(found);
    }
    if slash && !colon {
        return None;
    }
    if let Some(found) = parts.iter().find_map(loud) {
        return Some(found);
    }
    let quiet = |part: &[u8]| level_of_word(part).filter(|_| colon && part.len() > 3);
    let last = parts.last()?.1;
    let of_first = quiet(first.1).map(|level| (level, first.0));
    of_first.or_else(|| Some((quiet(last)?, word.len())))
}

/// `] 0000001a SystemOut     E `: WebSphere's kinds of events.
fn level_of_event(text: &[u8]) -> Option<(Level, usize)> {
    let fields: Vec<&[u8]> = text.split(|&b| b == b' ').collect();
    let [b"]", thread, name, rest @ ..] = &fields[..] else { return None };
    let spaces = rest.iter().take_while(|field| field.is_empty()).count();
    let [kind, _, ..] = &rest[spaces..] else { return None };
    let is_thread = thread.len() == 8 && thread.iter().all(u8::is_ascii_hexdigit);
    let kinds: [(&[u8], Level); 7] = [
        (b"F", Level::Fatal),
        (b"E", Level::Error),
        (b"W", Level::Warn),
        (b"A", Level::Notice),
        (b"I", Level::Info),
        (b"CD", Level::Debug),
        (b"123><", Level::Trace),
    ];
    if !is_thread || name.is_empty() || kind.len() != 1 {
        return None;
    }
    let (_, level) = kinds.iter().find(|(letters, _)| letters.contains(&kind[0]))?;
    Some((*level, 2 + 9 + name.len() + 1 + spaces + 1))
}

/// The level in the dress of one program at the front of what follows a timestamp, and where it ends.
fn level_dressed(text: &[u8]) -> Option<(Level, usize)> {
    let letters = |at| run(text, at, |b| b.is_ascii_alphabetic());
    let digits_at = |at| run(text, at, |b| b.is_ascii_digit());
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let is_code = |at: usize| digits_at(at + 1) == 3 && byte(at + 4) == b':';
    let is_small = |at: usize, len: usize| text[at..at + len].iter().all(u8::is_ascii_lowercase);
    if text.starts_with(b"]") {
        let fits = b"iwe".contains(&byte(1)) && is_code(1);
        return Some((level_of_letter(byte(1)).filter(|_| fits)?, 5));
    }
    if text.starts_with(b"| ") {
        let name = run(text, 2, |b| b.is_ascii_alphanumeric() || b == b'-');
        let at = 2 + name + 2;
        let fits = name > 0 && text[2 + name..].starts_with(b"| ");
        let fits = fits && b"IWE".contains(&byte(at)) && is_code(at);
        return Some((level_of_letter(byte(at)).filter(|_| fits)?, at + 4));
    }
    if !text.starts_with(b" ") {
        return None;
    }
    if let Some(found) = level_of_macos(text) {
        return Some(found);
    }
    if text.starts_with(b" Puppet (") {
        let end = 9 + letters(9);
        let fits = text[end..].starts_with(b"):");
        return Some((level_of_word(&text[9..end]).filter(|_| fits)?, end + 1));
    }
    if text.starts_with(b" [ ") {
        let len = letters(3);
        let end = 3 + len;
        let fits =
            len > 0 && is_small(3, len) && byte(end) == b' ' && byte(end + 1).is_ascii_lowercase();
        return Some((level_of_word(&text[3..end]).filter(|_| fits)?, end));
    }
    if byte(1).is_ascii_lowercase() {
        let len = letters(1);
        let name_at = 2 + len;
        let name = run(text, name_at, |b| b.is_ascii_alphanumeric() || b == b'-');
        let number = name_at + name + 1;
        let fits = is_small(1, len)
            && byte(1 + len) == b' '
            && name > 0
            && byte(number - 1) == b'['
            && digits_at(number) > 0
            && byte(number + digits_at(number)) == b']';
        return Some((level_of_word(&text[1..1 + len]).filter(|_| fits)?, 1 + len));
    }
    let name = run(text, 1, |b| b.is_ascii_uppercase());
    let end = 1 + name + 5;
    let fits =
        (3..=4).contains(&name) && digits_at(1 + name) == 4 && matches!(byte(end), b' ' | b':');
    let level = match byte(end - 1) {
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' | b'S' => Level::Error,
        _ => return None,
    };
    fits.then_some((level, end))
}

/// The level of a line of macOS' `log show`, in its usual style or the compact one.
fn level_of_macos(text: &[u8]) -> Option<(Level, usize)> {
    // Bytes of longer characters are none of what is looked for.
    let text: String =
        text.iter().map(|&b| if b < 0x80 { char::from(b) } else { '\u{1}' }).collect();
    let text = text.as_str();
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let end_of = |word: &str| word.as_ptr() as usize + word.len() - text.as_ptr() as usize;
    let is_of =
        |word: &str, is: fn(&char) -> bool| !word.is_empty() && word.chars().all(|c| is(&c));
    let is_address =
        |word: &str| word.strip_prefix("0x").is_some_and(|hex| is_of(hex, char::is_ascii_hexdigit));
    if let [thread, kind, activity, process, lasts, ..] = words[..]
        && text.starts_with(" 0x")
    {
        let kinds = [
            ("Default", Level::Info),
            ("Info", Level::Info),
            ("Activity", Level::Info),
            ("Debug", Level::Debug),
            ("Error", Level::Error),
            ("Fault", Level::Fatal),
        ];
        let level = kinds.iter().find(|(name, _)| *name == kind)?.1;
        let fits = is_address(thread)
            && is_address(activity)
            && [process, lasts].iter().all(|word| is_of(word, char::is_ascii_digit));
        return fits.then(|| (level, end_of(lasts)));
    }
    let kinds = [
        (" A  ", Level::Info),
        (" Df ", Level::Info),
        (" I  ", Level::Info),
        (" Db ", Level::Debug),
        (" E  ", Level::Error),
        (" F  ", Level::Fatal),
    ];
    let (kind, level) = kinds.iter().find(|(kind, _)| text.starts_with(kind))?;
    let (name, rest) =
        text[kind.len()..].trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']).split_once('[')?;
    let (process, rest) = rest.split_once(':')?;
    let (thread, _) = rest.split_once(']')?;
    let fits = !name.is_empty()
        && is_of(process, char::is_ascii_digit)
        && is_of(thread, char::is_ascii_hexdigit);
    fits.then(|| (*level, kind.trim_end().len()))
}

/// The level in the dress of one program before a timestamp.
pub(super) fn level_dressed_before(front: &[u8]) -> Option<Level> {
    let text = front.trim_ascii_end();
    let words: Vec<&[u8]> = text.split(|b| *b == b' ').collect();
    match (text.first()?, &words[..]) {
        (b'[' | b'(' | b'<', _) if level_of_word(&text[1..]).is_some() => level_of_word(&text[1..]),
        (b'[' | b'(' | b'<', [.., group, word, b"@"]) => {
            let fits = group.ends_with(b"]") && word.iter().all(u8::is_ascii_lowercase);
            level_of_word(word).filter(|_| fits)
        }
        (b'*', _) => {
            let end = 1 + run(text, 1, |b| b.is_ascii_alphabetic());
            level_of_word(&text[1..end]).filter(|_| text.get(end) == Some(&b'*'))
        }
        (_, [b"!ENTRY", _, severity, _]) => match severity {
            [b'1'] => Some(Level::Info),
            [b'2'] => Some(Level::Warn),
            [b'4'] => Some(Level::Error),
            _ => None,
        },
        _ => None,
    }
}
