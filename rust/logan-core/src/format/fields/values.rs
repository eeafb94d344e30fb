//! What values mean, given what their key stands for.

use super::names::FOLD;
use super::{KEY_BYTES_MAX, Unit, Value};
use crate::bytes::line::{Line, PaddedLine};
use crate::bytes::simd::Simd;
use crate::format::http::{is_registered_status, status_of_name};
use crate::format::slices::letters;
use crate::format::text::duration::decimal;
use crate::record::{Level, Text};
use crate::time::{self, Stamp, TimestampParser, eight_digits, leading_digits};
use std::ops::Range;

/// A number before this many seconds after 1970 (1973-03-03) is no time: counters and offsets
/// such as `"t": 12` are far more likely than logs of that age.
pub const EPOCH_SECONDS_MIN: i64 = 100_000_000;
/// The end of the year 2261, after which nanoseconds do not fit 64 bits.
const MILLIS_SECONDS_MAX: i64 = 9_214_646_399;

/// Longest method, in a field of its own or in a request line.
const METHOD_BYTES_MAX: usize = 20;

/// Longest phrase behind a status: those of the registry have up to 31 bytes.
const PHRASE_BYTES_MAX: usize = 64;

pub(super) fn whole_text(text: &[u8]) -> Option<Range<usize>> {
    Some(0..text.len())
}

/// The part of a value that `part` chooses after escapes are undone; no text for None.
#[inline(never)]
pub(super) fn kept(
    value: Value,
    bytes: &[u8],
    arena: &mut Vec<u8>,
    part: impl Fn(&[u8]) -> Option<Range<usize>>,
) -> Text {
    if !value.escaped {
        return part(bytes)
            .map_or(Text::NONE, |r| Text::of_line(value.start + r.start, value.start + r.end));
    }
    let from = arena.len();
    unescape(bytes, arena);
    kept_of_arena(from, arena, part)
}

/// The part that is chosen of what was appended to the arena from `from` on, which is taken back for
/// None.
fn kept_of_arena(
    from: usize,
    arena: &mut Vec<u8>,
    part: impl Fn(&[u8]) -> Option<Range<usize>>,
) -> Text {
    match part(&arena[from..]) {
        Some(r) if !r.is_empty() => Text::of_arena(from + r.start, from + r.end),
        _ => {
            arena.truncate(from);
            Text::NONE
        }
    }
}

/// As [`kept`], of what a request asks for. Where JSON was written into JSON its slashes may be
/// escaped twice.
pub(super) fn kept_target(
    value: Value,
    bytes: &[u8],
    arena: &mut Vec<u8>,
    part: impl Fn(&[u8]) -> Option<Range<usize>>,
) -> Text {
    if !value.escaped || !bytes.contains(&b'/') {
        return kept(value, bytes, arena, part);
    }
    let mut text = Vec::new();
    unescape(bytes, &mut text);
    let from = arena.len();
    unescape_slashes(&text, arena);
    kept_of_arena(from, arena, part)
}

/// Appends `text` to `out` with `/` for each `\/`.
pub(in crate::format) fn unescape_slashes(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memmem::find(text, br"\/") {
        out.extend_from_slice(&text[..at]);
        out.push(b'/');
        text = &text[at + 2..];
    }
    out.extend_from_slice(text);
}

#[inline(always)]
pub(super) fn time(line: Line<'_>, clock: &mut TimestampParser, value: Value) -> Option<Stamp> {
    if !value.number
        && !value.escaped
        && let Some((stamp, end)) = clock.iso(line.until(value.end), value.start)
        && end == value.end
    {
        return Some(stamp);
    }
    other_time(line, clock, value)
}

#[inline(never)]
pub(super) fn other_time(
    line: Line<'_>,
    clock: &mut TimestampParser,
    value: Value,
) -> Option<Stamp> {
    let bytes = &line.bytes()[value.start..value.end];
    if matches!(bytes, [b'/' | b'\\', ..]) && !value.number {
        return of_net_date(bytes);
    }
    if value.escaped {
        return None;
    }
    if !value.number && bytes.ends_with(b" ") {
        // As .NET's formatters write it where the format is made for text.
        let end = value.end - (bytes.len() - bytes.trim_ascii_end().len());
        return if end > value.start { time(line, clock, Value { end, ..value }) } else { None };
    }
    if !value.number && bytes.ends_with(b" Z") {
        // As Mattermost writes it: the zone stands apart.
        let text = [&bytes[..bytes.len() - 2], b"Z"].concat();
        let padded = PaddedLine::new(&text);
        let found = clock.any(padded.line(), 0).filter(|&(_, end)| end == text.len());
        return found.map(|(stamp, _)| stamp);
    }
    if !value.number && line.byte(value.start) == b'[' {
        // As in access logs.
        let is_closed = value.end > value.start + 2 && line.byte(value.end - 1) == b']';
        let inner = Value { start: value.start + 1, end: value.end - 1, ..value };
        return if is_closed { other_time(line, clock, inner) } else { None };
    }
    if !value.number
        && let Some((stamp, end)) = clock.any(line.until(value.end), value.start)
        && (end == value.end || is_told_more(&line.bytes()[end..value.end]))
    {
        return Some(stamp);
    }
    usual_epoch(line, value)
        .or_else(|| time::epoch(&line.bytes()[value.start..value.end]))
        .filter(|stamp| stamp.second >= EPOCH_SECONDS_MIN)
}

/// What may follow a time as languages print it: the name of its zone, in parentheses as JavaScript does,
/// or behind the offset as Go does, with its monotonic clock.
#[cold]
fn is_told_more(rest: &[u8]) -> bool {
    let Some(name) = rest.strip_prefix(b" ") else { return false };
    if name.first() == Some(&b'(') {
        return name.last() == Some(&b')');
    }
    let len = name.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let rest = if (3..=5).contains(&len) { &name[len..] } else { rest };
    let is_monotonic = rest
        .strip_prefix(b" m=+")
        .is_some_and(|clock| clock.iter().all(|b| b.is_ascii_digit() || *b == b'.'));
    rest.is_empty() || is_monotonic
}

/// `/Date(1706091332123)/`, `\/Date(1706091332123+0100)\/`: milliseconds of UTC, whatever the offset.
///
/// Source: <https://learn.microsoft.com/dotnet/framework/wcf/feature-details/stand-alone-json-serialization>; PowerShell 5
/// and `JavaScriptSerializer` write it.
#[cold]
fn of_net_date(text: &[u8]) -> Option<Stamp> {
    fn slash(text: &[u8]) -> Option<&[u8]> {
        text.strip_prefix(b"\\").unwrap_or(text).strip_prefix(b"/")
    }
    let text = slash(text)?.strip_prefix(b"Date(")?;
    let (number, rest) = text.split_at(text.iter().take_while(|b| b.is_ascii_digit()).count());
    let rest = match rest {
        [b'+' | b'-', a, b, c, d, rest @ ..] => {
            [a, b, c, d].iter().all(|b| b.is_ascii_digit()).then_some(rest)?
        }
        rest => rest,
    };
    let rest = rest.strip_prefix(b")")?;
    let millis = whole(number).filter(|_| slash(rest).is_some_and(<[u8]>::is_empty))?;
    let second = i64::try_from(millis / 1000).ok()?;
    let nanos = (millis % 1000) as u32 * 1_000_000;
    // Later ones do not fit nanoseconds.
    let fits = (EPOCH_SECONDS_MIN..=MILLIS_SECONDS_MAX).contains(&second);
    fits.then_some(Stamp { second, nanos })
}

/// Ten digits with one to seven decimals, or thirteen digits: today's seconds and milliseconds.
///
/// Only up to the year 2128. Where this answers, [`time::epoch`] answers the same, ten times
/// as slowly.
#[inline]
pub(super) fn usual_epoch(line: Line<'_>, value: Value) -> Option<Stamp> {
    let Value { start, end, .. } = value;
    let (count, first) = leading_digits(line.u64_at(start));
    if count < 8 || !(1..5).contains(&(first & 0xff)) || end < start + 12 {
        return None;
    }
    let first = eight_digits(first) as i64;
    let (count, rest) = leading_digits(line.u64_at(start + 8));
    if count == 5 && end == start + 13 {
        let millis = first * 100_000 + eight_digits(rest << 24) as i64;
        return Some(Stamp { second: millis / 1000, nanos: (millis % 1000) as u32 * 1_000_000 });
    }
    let decimals = end - start - 11;
    if count != 2 || line.byte(start + 10) != b'.' || decimals > 7 {
        return None;
    }
    let second = first * 100 + eight_digits(rest << 48) as i64;
    let (count, fraction) = leading_digits(line.u64_at(start + 11));
    if (count as usize) < decimals {
        return None;
    }
    let fraction = eight_digits(fraction << (64 - 8 * decimals)) as u32;
    Some(Stamp { second, nanos: fraction * 10u32.pow(9 - decimals as u32) })
}

/// The level that one of the most usual words is, else NONE.
#[inline(always)]
pub(super) fn level(line: Line<'_>, value: Value, bytes: &[u8]) -> Level {
    // Nearly every level is one of these; a byte that folds to a letter is that letter.
    const fn word(text: [u8; 5]) -> u64 {
        u64::from_le_bytes([text[0], text[1], text[2], text[3], text[4], 0, 0, 0])
    }
    let folded = line.u64_at(value.start) | FOLD;
    match bytes.len() {
        4 => match folded & 0xffff_ffff {
            w if w == word(*b"info\0") => return Level::Info,
            w if w == word(*b"warn\0") => return Level::Warn,
            _ => {}
        },
        5 => match folded & 0xff_ffff_ffff {
            w if w == word(*b"error") => return Level::Error,
            w if w == word(*b"debug") => return Level::Debug,
            _ => {}
        },
        _ => {}
    }
    Level::None
}

/// A level under a short key, or NONE.
pub(super) fn short_level(bytes: &[u8]) -> Level {
    match bytes {
        [letter] => Level::from_letter(*letter),
        [b'D', b'1'..=b'5'] => Some(Level::Debug),
        word => Level::from_word(word),
    }
    .unwrap_or(Level::None)
}

/// A status of three digits.
#[inline(always)]
pub(in crate::format) fn status(bytes: &[u8]) -> Option<u16> {
    let &[a, b, c] = bytes else { return None };
    let digits = [a, b, c].map(|d| u16::from(d.wrapping_sub(b'0')));
    let number = digits[0] * 100 + digits[1] * 10 + digits[2];
    ((1..=5).contains(&digits[0]) && digits[1] < 10 && digits[2] < 10).then_some(number)
}

/// A status as the value of a key: three digits, or a registered status with its phrase, its name or a
/// version.
#[inline(always)]
pub(in crate::format) fn status_of_key(bytes: &[u8]) -> Option<u16> {
    if bytes.len() == 3 { status(bytes) } else { status_with_phrase(bytes) }
}

/// How phrases begin: those of the registry, and of servers that have statuses of their own.
const PHRASES: &str = "accepted already backend bad bandwidth blocked client conflict connection content \
    continue created early enhance expectation failed forbidden found gateway gone http i'm im \
    insufficient internal invalid length locked login loop method misdirected moved multi multiple network \
    no non not ok origin page partial payload payment permanent precondition processing proxy railgun \
    range request requested reset retry see server service site slow ssl success switching temporary \
    timeout too unauthorized unavailable unknown unprocessable unsupported upgrade uri use variant web";

/// `503 Service Unavailable`, `404 NotFound`, `500 INTERNAL_SERVER_ERROR`, `502: Bad Gateway`, `500.0`,
/// `HTTP/1.1 404 (Not Found)`; `500 files left` and `226 Transfer complete` are none.
#[cold]
#[inline(never)]
fn status_with_phrase(bytes: &[u8]) -> Option<u16> {
    let bytes = behind_version(bytes).unwrap_or(bytes);
    let code = status(bytes.get(..3)?).filter(|&code| is_registered_status(code))?;
    let rest = &bytes[3..];
    if matches!(rest, b"" | b".0") {
        return Some(code);
    }
    let phrase = match rest {
        [b' ', b'(', within @ .., b')'] => within,
        [b' ', b'-', b' ', behind @ ..] | [b':', b' ', behind @ ..] | [b' ', behind @ ..] => behind,
        _ => return None,
    };
    let is_of_phrase = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'_' | b'-' | b'\'');
    let is_known = |known: &str| known.as_bytes().eq_ignore_ascii_case(first_word(phrase));
    let is_phrase = phrase.len() <= PHRASE_BYTES_MAX
        && (phrase.first().is_some_and(u8::is_ascii_uppercase)
            || status_of_name(phrase) == Some(code))
        && phrase.iter().all(is_of_phrase)
        && PHRASES.split_ascii_whitespace().any(is_known);
    is_phrase.then_some(code)
}

/// What stands behind `HTTP/1.1 ` or `HTTP/2 `.
fn behind_version(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"HTTP/")?;
    let blank = memchr::memchr(b' ', rest)?;
    let is_version = matches!(&rest[..blank], [b'0'..=b'9'] | [b'0'..=b'9', b'.', b'0'..=b'9']);
    is_version.then(|| &rest[blank + 1..])
}

/// The first of words that blanks, signs or capitals part: `Not` of `NotFound`.
fn first_word(phrase: &[u8]) -> &[u8] {
    let is_hump =
        |at: usize| phrase[at].is_ascii_uppercase() && phrase[at - 1].is_ascii_lowercase();
    let ends = |&at: &usize| matches!(phrase[at], b' ' | b'_' | b'-') || at > 0 && is_hump(at);
    let end = (0..phrase.len()).find(ends).unwrap_or(phrase.len());
    &phrase[..end]
}

/// Whether a message is about a request or a response.
pub(in crate::format) fn speaks_of_request(message: &[u8]) -> bool {
    [&b"request"[..], b"respon", b"http"]
        .iter()
        .any(|word| message.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word)))
}

/// Whether text, as it is written in JSON, is an object, or holds a capital, a blank and a path or URL,
/// as any line with a request does.
#[cold]
#[inline(never)]
pub(in crate::format) fn may_hold_request(text: &[u8]) -> bool {
    text.first() == Some(&b'{') && text.last() == Some(&b'}')
        || memchr::memchr_iter(b'/', text).any(|slash| is_behind_method(text, slash))
}

fn is_behind_method(text: &[u8], slash: usize) -> bool {
    // PHP writes slashes as escapes, and what writes JSON into JSON escapes those.
    let before = &text[..slash];
    let escapes = before.iter().rev().take_while(|&&b| b == b'\\').count();
    let before = &before[..before.len() - escapes];
    let before = match before.strip_suffix(b":") {
        Some(scheme) => &scheme[..scheme.len() - letters_at_end(scheme)],
        None => before,
    };
    matches!(before, [.., b'A'..=b'Z', b' '])
}

fn letters_at_end(text: &[u8]) -> usize {
    text.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count()
}

/// The rank of a path: text that neither begins with a slash or a scheme nor is `*` may be a name of
/// anything, and is none under a key of rank 1; signs alone are no path, nor is that of a log file.
pub(super) fn path_rank(rank: u8, text: &[u8]) -> u8 {
    match text {
        _ if is_log_file(text) => 0,
        [b'/', ..] | [b'*'] => rank,
        _ if behind_scheme(text).is_some() => rank,
        _ if rank > 1 && text.iter().any(u8::is_ascii_alphanumeric) => 1,
        _ => 0,
    }
}

/// Whether a path is that of the file which a collector read the record from.
#[inline(always)]
pub(in crate::format) fn is_log_file(text: &[u8]) -> bool {
    text.starts_with(b"/var/log/") || text.starts_with(b"/var/lib/")
}

/// Whether text is a method of HTTP.
pub(super) fn is_http_method(text: &[u8]) -> bool {
    const METHODS: [&[u8]; 9] =
        [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"CONNECT", b"TRACE"];
    METHODS.contains(&text)
}

/// Nanoseconds below a second.
pub(in crate::format) fn nanos_of_second(text: &[u8]) -> Option<u32> {
    whole(text).filter(|&nanos| nanos < 1_000_000_000).map(|nanos| nanos as u32)
}

/// A whole number of 1 to 18 digits.
#[inline(always)]
pub(crate) fn whole(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 18 {
        return None;
    }
    let mut number = 0;
    for &b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

/// Whether a span is a number of days in short, as limits and ages are written: `30d`.
#[inline(always)]
pub(super) fn is_of_days(bytes: &[u8]) -> bool {
    matches!(bytes, [.., b'0'..=b'9', b'd'])
}

/// Whether a value is written like a number without a unit.
#[inline(always)]
pub(super) fn is_bare(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|&last| last.is_ascii_digit() || last == b'.')
        && decimal(bytes, Unit::Nanoseconds).is_some()
}

/// The key that is written at `at` of a line.
pub(in crate::format) fn key_at(line: &[u8], at: usize) -> &[u8] {
    let key = line.get(at..).unwrap_or_default();
    // Of JSON, logfmt and LTSV.
    let ends: &[u8] = if line.first() == Some(&b'{') { b"\"" } else { b"\"=:" };
    let len = key.iter().take(KEY_BYTES_MAX + 2).take_while(|b| !ends.contains(b)).count();
    &key[..len]
}

/// Whether a message speaks of a request, or of something that is over.
#[cold]
pub(super) fn speaks_of_completion(message: &[u8]) -> bool {
    const WORDS: &str = "request requests response responded call called query queried queries served \
                         handled processed completed complete finished done took succeeded success \
                         failed executed returned answered rendered fetched sent received slow";
    let mut words = message.split(|b| !b.is_ascii_alphabetic());
    words.any(|word| {
        WORDS.split_whitespace().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// A time written as [`usual_epoch`] reads it, if it is not too early to be one.
#[inline(always)]
pub(in crate::format) fn usual_time(line: Line<'_>, value: Value) -> Option<Stamp> {
    usual_epoch(line, value).filter(|stamp| stamp.second >= EPOCH_SECONDS_MIN)
}

#[inline(always)]
pub(super) fn is_method<S: Simd>(simd: S, line: Line<'_>, value: Value, bytes: &[u8]) -> bool {
    (1..=METHOD_BYTES_MAX).contains(&bytes.len())
        && (line.range32(simd, value.start, b'A', b'Z').trailing_ones() as usize >= bytes.len()
            || bytes.iter().all(u8::is_ascii_alphabetic))
}

/// Where the scheme and `://` of a URL end.
pub(super) fn behind_scheme(text: &[u8]) -> Option<usize> {
    let scheme = text
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
        .count();
    (scheme > 0 && text[scheme..].starts_with(b"://")).then_some(scheme + 3)
}

/// The path of a URL.
pub(in crate::format) fn path(text: &[u8]) -> Option<Range<usize>> {
    let Some(host) = behind_scheme(text) else {
        return Some(0..text.len());
    };
    match text[host..].iter().position(|b| matches!(b, b'/' | b'?' | b'#')) {
        Some(i) if text[host + i] == b'/' => Some(host + i..text.len()),
        // The slash before the host will do.
        _ => Some(host - 1..host),
    }
}

/// Method (empty if there is none) and path of a request line.
pub(in crate::format) fn request(text: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let method = letters(text);
    let start = match text.get(method) {
        Some(b' ') if (1..=METHOD_BYTES_MAX).contains(&method) => method + 1,
        Some(b'/') if method == 0 => 0,
        _ => return None,
    };
    let rest = &text[start..];
    let target = &rest[..rest.iter().position(|&b| b == b' ').unwrap_or(rest.len())];
    if !target.starts_with(b"/") && target != b"*" && behind_scheme(target).is_none() {
        return None;
    }
    let path = path(target)?;
    Some((0..method, start + path.start..start + path.end))
}

/// Whether text is a method of HTTP, a blank, and what a request asks for.
#[inline(never)]
pub(super) fn is_request_line(text: &[u8]) -> bool {
    let method = letters(text);
    text.get(method) == Some(&b' ') && is_http_method(&text[..method]) && request(text).is_some()
}

/// The path of a URL, or of a request line: some programs call that a path.
#[inline(never)]
pub(super) fn path_or_request(text: &[u8]) -> Option<Range<usize>> {
    if is_request_line(text) { request(text).map(|(_, path)| path) } else { path(text) }
}

/// A client without brackets and port; the first address of a list.
pub(in crate::format) fn client(text: &[u8]) -> Option<Range<usize>> {
    if text == b"-" || text.eq_ignore_ascii_case(b"unknown") {
        return None;
    }
    if text.contains(&b',') {
        // Names may hold commas.
        let is_of_address = |b: &u8| b.is_ascii_hexdigit() || b".:[]".contains(b);
        let is_address = |part: &&[u8]| {
            part.iter().all(is_of_address) && part.iter().any(|b| matches!(b, b'.' | b':'))
        };
        let first = text.split(|b| *b == b',').map(<[u8]>::trim_ascii).find(is_address);
        let Some(first) = first else { return Some(0..text.len()) };
        let start = first.as_ptr() as usize - text.as_ptr() as usize;
        return client(first).map(|range| start + range.start..start + range.end);
    }
    if text.first() == Some(&b'[')
        && let Some(end) = text.iter().position(|&b| b == b']')
    {
        return Some(1..end);
    }
    let mut colons = (0..text.len()).filter(|&i| text[i] == b':');
    match (colons.next(), colons.next()) {
        (Some(port), None) if port > 0 => Some(0..port),
        _ => Some(0..text.len()),
    }
}

/// Appends `text` to `out` with the escapes of JSON undone.
///
/// `\uXXXX` in pairs of surrogates is one character; a surrogate alone becomes U+FFFD. What is no
/// escape stays as it is.
pub fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some(i) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..i]);
        let escape = &text[i..];
        let mut len = 2;
        match escape.get(1) {
            Some(&c @ (b'"' | b'\\' | b'/')) => out.push(c),
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'u') if code_unit(escape).is_some() => {
                let (character, used) = character(escape);
                len = used;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => {
                out.push(b'\\');
                len = 1;
            }
        }
        text = &escape[len..];
    }
    out.extend_from_slice(text);
}

/// The number in `\uXXXX`.
pub fn code_unit(escape: &[u8]) -> Option<u32> {
    let &[b'\\', b'u', a, b, c, d, ..] = escape else {
        return None;
    };
    let mut unit = 0;
    for digit in [a, b, c, d] {
        unit = unit << 4 | (digit as char).to_digit(16)?;
    }
    Some(unit)
}

/// The character of the escape `\uXXXX` or two of them, and how many bytes those are.
pub(super) fn character(escape: &[u8]) -> (char, usize) {
    let unit = code_unit(escape).unwrap_or(0xfffd);
    if (0xd800..0xdc00).contains(&unit)
        && let Some(low @ 0xdc00..0xe000) = code_unit(&escape[6..])
    {
        let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
}
