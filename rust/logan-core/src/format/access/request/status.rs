//! Which number of a line is the status of its request.
//!
//! # The rule
//! A *code* is three digits that are a registered status, not part of a word, a number, a path or an
//! address: before it stands the line's start, white space or one of ``"'|([=,:>``, behind it the
//! line's end, white space, one of ``"'|)],;\``, or a point before white space or the end. It is
//! none if a unit follows (`ms`, `%`, `bytes`), a word that is counted (`items`), `of`, or a colon (an
//! error number: `(111: Connection refused)`). The status is the first of these:
//! 0. where the request is in pairs of keys and values (`cs-method=GET`), the first code behind a key
//!    that is `status` or `status_code`, or ends in a part of that name (`sc-status=`); else the one
//!    behind the last ` status=` before the request, since then a number right behind that is a size
//!    (`status=204 request="GET /a HTTP/1.1" 404`);
//! 1. the code *right behind* the request, with nothing but white space, dashes, arrows, quotes, bars
//!    and opening brackets between;
//! 2. the code *right before* it, with white space and dashes between, or its reason and a colon
//!    (`404 Not Found: GET /`), unless a plain word stands before the code (`attempt 301 GET /`), or
//!    the one in brackets before a colon (`[404]: GET /`, PHP's own server);
//! 3. the first code *behind* it, with nothing but fields between: addresses, host names, numbers,
//!    dashes, `key=value`, names with `_` in them, quoted texts, brackets, `from`, `for`, `by`, `to`,
//!    `via`. What follows a media type is a length. A plain word ends the search. A colon that closes
//!    the request is passed (`GET /a: (1.5ms) 200`, Kubernetes before 1.20);
//! 4. a code behind a word that *names* it, behind the request or in the 64 bytes before it: `status`,
//!    `status_code`, `response`, `responded`, `returned`, `completed`, `code`, `->`, `=>`, or a version
//!    (`HTTP/1.1 200`);
//! 5. a code *before* the request with nothing but whole numbers, numbers with decimals, dashes and
//!    `key=value` between: of four whole numbers or more the fourth from the end (an AWS load balancer
//!    writes status, status of the target, received and sent bytes), else the last code; not behind a
//!    plain word. With a number with a unit among them, addresses may stand between, too (Iris);
//! 6. where the request is a column between bars, the first column before it that is a code (Negroni,
//!    Beego);
//! 7. a code right behind the bracket of the timestamp that begins the line, if only addresses stand between
//!    it and the request (add-ons of Home Assistant).
//!
//! Of a request without a target (`GET - HTTP/2.0`), rule 2 comes first.
//!
//! A request that is beyond doubt has no answer if none of these is there and right behind it stands
//! `-`, `0`, `000` or `-1`, and then another field or nothing.

use super::find::Request;
use crate::format::http::is_registered_status;
use crate::format::text::duration::with_unit;

/// Bytes behind a request in which its status is looked for.
const BEHIND_BYTES_MAX: usize = 512;
/// Fields between a request and its status.
const FIELDS_MAX: usize = 16;
/// Bytes before a request in which a word may name its status.
const BEFORE_BYTES_MAX: usize = 64;
/// Dashes, arrows and the like right behind a request.
const DRESSING_BYTES_MAX: usize = 16;

/// What answers a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Answer {
    /// A status, and where it stands.
    Status(u16, usize),
    /// Nothing, as is written up to here.
    Nothing(usize),
    /// The line does not say.
    Unknown,
}

/// The answer to a request of a line.
pub(super) fn answer(text: &[u8], request: &Request) -> Option<Answer> {
    let status = |(code, at)| Answer::Status(code, at);
    // Columns with dashes between them have the size behind the version.
    let is_dashed = request.target.0 == request.target.1;
    let found = if is_dashed { right_before(text, request.start) } else { None };
    let found = found
        .or_else(|| of_pairs(text, request))
        .or_else(|| pair_before(text, request.start))
        .or_else(|| right_behind(text, request.end))
        .or_else(|| right_before(text, request.start))
        .or_else(|| behind(text, request.end))
        .or_else(|| named(text, request.end, text.len().min(request.end + BEHIND_BYTES_MAX)))
        .or_else(|| named(text, request.start.saturating_sub(BEFORE_BYTES_MAX), request.start))
        .or_else(|| before(text, request.start))
        .or_else(|| behind_time(text, request))
        .or_else(|| column(text, request.start));
    match found {
        Some(found) => Some(status(found)),
        None if request.is_certain => nothing(text, request.end).map(Answer::Nothing),
        None => None,
    }
}

/// As [`answer`], where a number right behind the request is no status; perhaps the next one is.
pub(super) fn beside_number(text: &[u8], request: &Request, is_next: bool) -> Option<Answer> {
    let rest = &text[request.end..];
    let gap = rest.len() - rest.trim_ascii_start().len();
    let digits = rest[gap..].iter().take_while(|b| b.is_ascii_digit()).count();
    let end = request.end + gap + digits;
    if gap == 0 || digits == 0 || text.get(end).is_some_and(|&b| b != b' ') {
        return answer(text, request);
    }
    let status = |(code, at)| Answer::Status(code, at);
    let next = code_at(text, end + 1).filter(|_| is_next);
    Some(next.map_or(Answer::Unknown, status))
}

/// Rule 0.
fn of_pairs(text: &[u8], request: &Request) -> Option<(u16, usize)> {
    let before = &text[..request.method.0];
    let before = before.strip_suffix(b"\"").unwrap_or(before);
    if !before.ends_with(b"method=") && !before.ends_with(b" verb=") {
        return None;
    }
    let is_of_key = |b: &&u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
    memchr::memchr_iter(b'=', text).find_map(|mark| {
        let key = text[..mark].iter().rev().take_while(is_of_key).count();
        let key = &text[mark - key..mark];
        let names = [&b"status"[..], b"status_code", b"status-code", b"statuscode"];
        let is_one = names.iter().any(|name| {
            let Some(front) = key.len().checked_sub(name.len()) else { return false };
            let is_part = front == 0 || matches!(key[front - 1], b'_' | b'-' | b'.');
            is_part && key[front..].eq_ignore_ascii_case(name)
        });
        let at = mark + 1 + usize::from(text.get(mark + 1) == Some(&b'"'));
        code_at(text, at).filter(|_| is_one)
    })
}

/// The code of a pair before the request, which is no method's.
fn pair_before(text: &[u8], start: usize) -> Option<(u16, usize)> {
    const KEY: &[u8] = b" status=";
    let before = &text[..start];
    code_at(text, memchr::memmem::rfind(before, KEY)? + KEY.len())
}

/// What says by itself how a request was answered, and not which it was.
pub(super) struct Sentence {
    /// Where it begins.
    pub(super) start: usize,
    pub(super) code: u16,
    pub(super) nanos: u64,
}

/// `Sent 200 in 12ms` (Phoenix), `Completed 404 Not Found in 12ms` (Rails), `Request finished in 12.5ms
/// 200 text/html` (ASP.NET Core before 5), behind a space or at the line's start.
///
/// Source: <https://hexdocs.pm/phoenix/Phoenix.Logger.html>,
/// <https://guides.rubyonrails.org/debugging_rails_applications.html>,
/// <https://learn.microsoft.com/en-us/aspnet/core/fundamentals/logging/>.
pub(super) fn sentence(text: &[u8]) -> Option<Sentence> {
    const IN: &[u8] = b" in ";
    memchr::memmem::find_iter(text, IN).find_map(|at| {
        let (before, behind) = (&text[..at], &text[at + IN.len()..]);
        let is_end = |b: &u8| b.is_ascii_whitespace() || *b == b'(';
        let len = behind.iter().position(is_end).unwrap_or(behind.len());
        let nanos = with_unit(&behind[..len])?;
        let (start, code) = match before.strip_suffix(b"Request finished") {
            Some(front) => (front.len(), code_at(text, at + IN.len() + len + 1)?.0),
            None => completed(text, before)?,
        };
        let is_free = start == 0 || text[start - 1] == b' ';
        is_free.then_some(Sentence { start, code, nanos })
    })
}

/// Where `Sent 200` and the like begin that `before` ends with, and the code.
fn completed(text: &[u8], before: &[u8]) -> Option<(usize, u16)> {
    let is_of_reason = |b: &&u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-' | b'\'');
    let reason = before.iter().rev().take_while(is_of_reason).count();
    let (front, reason) = before.split_at(before.len() - reason);
    let at = front.len().checked_sub(3)?;
    let (code, _) = code_at(text, at)?;
    let front = &front[..at];
    match (front.strip_suffix(b"Sent ").or(front.strip_suffix(b"Chunked ")), reason) {
        (Some(front), []) => Some((front.len(), code)),
        (_, [] | [b' ', b'A'..=b'Z', ..]) => {
            front.strip_suffix(b"Completed ").map(|front| (front.len(), code))
        }
        _ => None,
    }
}

/// The code at `at`, by itself and by what follows.
fn code_at(text: &[u8], at: usize) -> Option<(u16, usize)> {
    let &[a, b, c] = text.get(at..at + 3)? else { return None };
    if ![a, b, c].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = [a, b, c].iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
    let behind = &text[at + 3..];
    let ends = match behind {
        [] => true,
        [b' ' | b'\t', rest @ ..] => !is_unit(rest),
        [b',', rest @ ..] => !rest.first().is_some_and(u8::is_ascii_digit),
        [b'.', rest @ ..] => matches!(rest.first(), None | Some(b' ')),
        [b'"' | b'\'' | b'|' | b')' | b']' | b'}' | b';' | b'\\', ..] => true,
        _ => false,
    };
    (ends && is_registered_status(code)).then_some((code, at))
}

/// Whether `text` begins with a unit or with what is counted.
fn is_unit(text: &[u8]) -> bool {
    const UNITS: [&[u8]; 27] = [
        b"ms", b"us", b"ns", b"s", b"sec", b"secs", b"msec", b"usec", b"min", b"mins", b"h", b"hr",
        b"B", b"b", b"kB", b"KB", b"kb", b"MB", b"mb", b"GB", b"KiB", b"MiB", b"GiB", b"of",
        b"byte", b"second", b"times",
    ];
    if text.first() == Some(&b'%') || text.starts_with("\u{b5}s".as_bytes()) {
        return true;
    }
    let len = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = &text[..len];
    if text.get(len) == Some(&b'=') {
        // The next pair: `status=200 bytes=1532`.
        return false;
    }
    if UNITS.contains(&word) {
        return true;
    }
    // `404 files`, but not `403 access denied`, `200 success`, `404 does not exist`.
    len >= 4
        && word.iter().all(u8::is_ascii_lowercase)
        && word.ends_with(b"s")
        && ![&b"ss"[..], b"us", b"is"].iter().any(|end| word.ends_with(end))
        && !matches!(word, b"does" | b"always" | b"access" | b"https")
}

/// Rule 1.
fn right_behind(text: &[u8], end: usize) -> Option<(u16, usize)> {
    let at = end + dressing(&text[end..]);
    // A word that goes on is none of the dressing: `GET /a` and then `-x`.
    if at == end && end < text.len() {
        return None;
    }
    code_at(text, at)
}

/// How many bytes of white space, dashes, arrows, quotes, bars and brackets `text` begins with.
fn dressing(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len().min(DRESSING_BYTES_MAX) {
        let is_one = match text[at] {
            b' ' | b'\t' | b'"' | b'\'' | b'|' | b',' | b':' | b';' | b'\\' | b'(' | b'['
            | b')' | b']' | b'>' => true,
            b'-' | b'=' => {
                matches!(text.get(at + 1), None | Some(b' ' | b'\t' | b'-' | b'=' | b'>'))
            }
            _ => false,
        };
        if !is_one {
            break;
        }
        at += 1;
    }
    at
}

/// Rule 2.
fn right_before(text: &[u8], start: usize) -> Option<(u16, usize)> {
    let is_gap = |b: &&u8| matches!(b, b' ' | b'\t' | b'-');
    let gap = text[..start].iter().rev().take_while(is_gap).count();
    if let Some(inner) = text[..start].strip_suffix(b"]: ")
        && inner.len() > 5
        && inner[..inner.len() - 3].ends_with(b" [")
    {
        return code_at(text, inner.len() - 3);
    }
    let end = before_reason(text, start - gap);
    if gap == 0 || end < 3 {
        return None;
    }
    let found = code_at(text, end - 3)?;
    stands_free(text, end - 3).then_some(found)
}

/// Where what stands before `NNN Reason:` at `end` ends; `end` if that is none.
fn before_reason(text: &[u8], end: usize) -> usize {
    let Some(reason) = text[..end].strip_suffix(b":") else { return end };
    let is_of_reason = |b: &&u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-' | b'\'');
    let len = reason.iter().rev().take_while(is_of_reason).count();
    let (before, reason) = reason.split_at(reason.len() - len);
    let begins = matches!(reason, [b' ', b'A'..=b'Z', ..]);
    if begins && before.last().is_some_and(u8::is_ascii_digit) { before.len() } else { end }
}

/// Whether a number at `at` does not belong to a plain word before it.
fn stands_free(text: &[u8], at: usize) -> bool {
    let Some(&last) = text[..at].last() else { return true };
    if !matches!(last, b' ' | b'\t') {
        return false;
    }
    let before = text[..at].trim_ascii_end();
    let word = before.iter().rev().take_while(|b| !b.is_ascii_whitespace()).count();
    let word = &before[before.len() - word..];
    // A level, a dash, a number, an address, or what a colon or a bracket closes.
    word.is_empty()
        || word.eq_ignore_ascii_case(b"completed")
        || matches!(word.last(), Some(b':' | b']' | b')' | b'|' | b'-'))
        || !word.iter().any(u8::is_ascii_lowercase)
}

/// Rule 3.
fn behind(text: &[u8], end: usize) -> Option<(u16, usize)> {
    let limit = text.len().min(end + BEHIND_BYTES_MAX);
    let mut at = end + usize::from(text.get(end) == Some(&b':'));
    let mut is_length = false;
    for _ in 0..FIELDS_MAX {
        at += text[at..limit].iter().take_while(|b| b" \t|,;\"'".contains(b)).count();
        if at >= limit {
            return None;
        }
        // What a comma or quote belongs to is passed with it below, so a field begins here.
        let group = match text[at] {
            b'[' => Some(b']'),
            b'(' => Some(b')'),
            _ => None,
        };
        if let Some(close) = group {
            if let Some(found) = code_at(text, at + 1).filter(|_| text.get(at + 4) == Some(&close))
            {
                return Some(found);
            }
            at += memchr::memchr(close, &text[at..limit])? + 1;
            continue;
        }
        if let Some(found) = code_at(text, at)
            && !is_length
        {
            return Some(found);
        }
        let len =
            text[at..limit].iter().take_while(|b| !matches!(b, b' ' | b'\t' | b'|' | b'"')).count();
        let field = &text[at..at + len];
        is_length = is_media_type(field);
        if !is_field(field) {
            return None;
        }
        at += len.max(1);
    }
    None
}

/// `application/json` and the like.
fn is_media_type(field: &[u8]) -> bool {
    [&b"application/"[..], b"text/", b"image/", b"multipart/", b"audio/", b"video/", b"font/"]
        .iter()
        .any(|kind| field.starts_with(kind))
}

/// Whether a status may stand behind `field`: it is no word of a sentence.
fn is_field(field: &[u8]) -> bool {
    let word = field.strip_suffix(b",").unwrap_or(field);
    matches!(word, b"" | b"from" | b"for" | b"by" | b"to" | b"via" | b"msec")
        || word.iter().all(|&b| b == b'-')
        || word.iter().any(|b| matches!(b, b'.' | b':' | b'/' | b'=' | b'_'))
            && !word.ends_with(b":")
            && !word.ends_with(b".")
        || word.iter().any(u8::is_ascii_digit)
            && word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// Rule 4, between two positions.
fn named(text: &[u8], from: usize, to: usize) -> Option<(u16, usize)> {
    const NAMES: [&[u8]; 10] = [
        b"status",
        b"status_code",
        b"statuscode",
        b"response",
        b"responded",
        b"returned",
        b"completed",
        b"code",
        b"->",
        b"=>",
    ];
    let mut at = from;
    while at + 3 <= to {
        let digit = text[at..to].iter().position(u8::is_ascii_digit)?;
        at += digit;
        let len = text[at..to].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let starts = at > 0 && b" \t=:\"'(>".contains(&text[at - 1]);
        if len == 3
            && starts
            && let Some(found) = code_at(text, at)
        {
            let before = &text[from..at];
            let gap = before.iter().rev().take_while(|b| b" \t=:\"'(".contains(b)).count();
            let (mut before, gap) = before.split_at(before.len() - gap);
            if let Some(rest) = before.strip_suffix(b" with") {
                before = rest;
            }
            let word = before
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_alphabetic() || b"_->=".contains(b))
                .count();
            let (front, word) = before.split_at(before.len() - word);
            let is_other = front.ends_with(b"exit ") || front.ends_with(b"error ");
            // A value of a hash, as Ruby prints it: `{"id"=>"404"}`.
            let is_value = word.ends_with(b">") && gap.iter().any(|b| b"\"'".contains(b));
            let last = before.iter().rev().take_while(|b| !b" \t(\"".contains(b)).count();
            let is_http = word == b"HTTP" && gap == b" ";
            let is_named = is_http
                || NAMES.iter().any(|name| word.eq_ignore_ascii_case(name))
                || before[before.len() - last..].starts_with(b"HTTP/") && gap == b" ";
            if !is_other && !is_value && is_named {
                return Some(found);
            }
        }
        at += len.max(1);
    }
    None
}

/// Rule 5.
fn before(text: &[u8], start: usize) -> Option<(u16, usize)> {
    let mut integers = [0; FIELDS_MAX];
    let mut count = 0;
    // Where among the integers an address was passed, and whether a time was.
    let (mut address, mut is_timed) = (None, false);
    let mut rest = text[..start].strip_suffix(b"\"").unwrap_or(&text[..start]);
    for _ in 0..FIELDS_MAX {
        let end = rest.trim_ascii_end().len();
        let word = rest[..end].iter().rev().take_while(|b| !b.is_ascii_whitespace()).count();
        let field = &rest[end - word..end];
        let is_number = !field.is_empty() && field.iter().all(u8::is_ascii_digit);
        let is_dash = !field.is_empty() && field.iter().all(|&b| b == b'-');
        let is_decimal = field.first().is_some_and(u8::is_ascii_digit)
            && field.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        let is_pair = memchr::memchr(b'=', field)
            .is_some_and(|at| field[..at].iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'));
        if is_number {
            integers[count] = end - word;
            count += 1;
        } else if field.first().is_some_and(u8::is_ascii_digit) && with_unit(field).is_some() {
            is_timed = true;
        } else if field.len() > 2
            && field.iter().all(|b| b.is_ascii_hexdigit() || b".:".contains(b))
            && field.iter().any(|b| b".:".contains(b))
            && address.is_none()
        {
            address = Some(count);
        } else if !(is_dash || is_decimal || is_pair) {
            break;
        }
        rest = &rest[..end - word];
    }
    let count = if is_timed { count } else { address.unwrap_or(count) };
    let integers = &integers[..count];
    let codes = |&at: &usize| code_at(text, at).filter(|_| stands_free(text, at));
    match integers {
        [.., _, _, _] if count >= 4 => codes(&integers[3]),
        _ => integers.iter().find_map(codes),
    }
}

/// Rule 7.
fn behind_time(text: &[u8], request: &Request) -> Option<(u16, usize)> {
    let at = memchr::memmem::find(&text[..request.start], b"] ")? + 2;
    let found =
        code_at(text, at).filter(|_| text.first() == Some(&b'[') && stands_free(text, at))?;
    let between = text.get(at + 3..request.start)?;
    let is_of_addresses = |b: &u8| b.is_ascii_hexdigit() || b".:, ()-".contains(b);
    between.iter().all(is_of_addresses).then_some(found)
}

/// Rule 6.
fn column(text: &[u8], start: usize) -> Option<(u16, usize)> {
    let before = text[..start].trim_ascii_end().strip_suffix(b"|")?;
    let mut at = memchr::memchr(b'|', before)? + 1;
    for column in before[at..].split(|&b| b == b'|') {
        let inner = column.trim_ascii();
        let from = at + column.len() - column.trim_ascii_start().len();
        if inner.len() == 3
            && let Some(found) = code_at(text, from)
        {
            return Some(found);
        }
        at += column.len() + 1;
    }
    None
}

/// Where the sign ends that there was no answer, right behind a request.
fn nothing(text: &[u8], end: usize) -> Option<usize> {
    let rest = text[end..].strip_prefix(b" ")?;
    let len = rest.iter().take_while(|&&b| b != b' ').count();
    let goes_on = match rest[len..].trim_ascii_start() {
        [] => true,
        [first, ..] => first.is_ascii_digit() || matches!(first, b'-' | b'"'),
    };
    (matches!(&rest[..len], b"-" | b"0" | b"000" | b"-1") && goes_on).then_some(end + 1 + len)
}
