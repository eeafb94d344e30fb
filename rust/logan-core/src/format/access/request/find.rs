//! Where in a line a request is.
//!
//! # The rule
//! A request is a *method*, something between, and a *target*, perhaps followed by a *version*. It
//! begins in the first [`REQUEST_OFFSET_MAX`] bytes. The first with a version counts; without one,
//! the first at all.
//! - A method is 3 to 20 capitals (`-` and `_` may stand inside) behind the line's start or one of
//!   ``<space><tab>"'`[](){}|,:;=>``. Without a version it is GET, HEAD, POST, PUT, DELETE, PATCH or
//!   OPTIONS.
//! - Between are spaces or tabs, perhaps with one `|` or `-` among them, or `|` alone; or the bracket or
//!   colon that closes the method, and spaces (`[GET] /cart`, `GET: /cart`).
//! - A target is a path, which begins with `/`, or a URL. With a version it may be any word.
//! - Slashes may be escaped, as in JSON (`GET \/cart HTTP\/1.1`).
//! - A version is `HTTP/` with digits and points; behind a target in quotes `1.0`, `1.1`, `2`, `2.0` or
//!   `3` will do (Hypercorn).
//! - In quotes that open right before the method, the target ends before the last space if a version
//!   follows that, so that a path may hold spaces. Elsewhere it ends at white space, a quote, or the
//!   bar that separates, and what closes or separates at its end (`,;:)]}>`) does not belong to it.
//! - `METHOD SCHEME HOST "PATH"` is a request, too (Nginx Proxy Manager), and so are `METHOD UPSTREAM "PATH"
//!   VERSION` (OAuth2 Proxy), `METHOD [200] PATH` (Dart's shelf), `: method PATH QUERY` behind `[response`
//!   (hapi's good), `METHOD 200 12ms ADDRESS PATH` (Hanami), and pairs of keys and values: a path or URL
//!   behind `path=`, `uri=`, `url=` or `target=`, with or without a quote and names and points before,
//!   and `method=` with one of the methods above anywhere in the line.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Span;
use crate::format::http::closing_quote;

/// Position before which a request begins: what stands before it are times, levels and names.
pub(super) const REQUEST_OFFSET_MAX: usize = 1024;
/// Longest method: WebDAV's longest has 16 bytes.
const METHOD_BYTES_MAX: usize = 20;
/// White space between a method and its target: some programs align targets.
const GAP_BYTES_MAX: usize = 16;

/// A request and where it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Request {
    /// Where it begins, with the quote before it.
    pub(super) start: usize,
    pub(super) method: Span,
    /// The path or URL; empty if it is none.
    pub(super) target: Span,
    /// Behind its version and closing quote.
    pub(super) end: usize,
    /// Whether it cannot be anything else: it has a version, or is alone in quotes.
    pub(super) is_certain: bool,
    /// Whether `|` separates fields.
    pub(super) is_barred: bool,
}

impl Request {
    /// One that is not written: where what tells of it begins.
    pub(super) fn unwritten(start: usize) -> Request {
        let nothing = (start, start);
        let (is_certain, is_barred) = (false, false);
        Request { start, method: nothing, target: nothing, end: start, is_certain, is_barred }
    }
}

/// The request of a line.
#[inline(always)]
pub(super) fn find<S: Simd>(simd: S, line: Line<'_>) -> Option<Request> {
    let limit = line.len().min(REQUEST_OFFSET_MAX);
    let mut without_version = None;
    let mut from = 0;
    while from < limit {
        // Every request has a slash: in its target, or in its version.
        let mut slashes = line.eq64(simd, from, b'/');
        while slashes != 0 {
            let at = from + slashes.trailing_zeros() as usize;
            slashes &= slashes - 1;
            if at >= 4 && at < limit {
                match request_at(line, at) {
                    Some((request, true)) => return Some(request),
                    Some((request, false)) => {
                        without_version = without_version.or(Some(request));
                    }
                    None => {}
                }
            }
        }
        from += 64;
    }
    without_version
}

/// The request whose target or version has its first slash at `at`, and whether it has a version.
#[inline(always)]
fn request_at(line: Line<'_>, at: usize) -> Option<(Request, bool)> {
    match line.byte(at - 1) {
        b' ' | b'\t' | b'|' => at_target(line, at),
        b':' => at_url(line, at),
        b'=' => of_pairs(line, at, at).map(|request| (request, false)),
        b'"' if at > 1 && line.byte(at - 2) == b'=' => {
            of_pairs(line, at, at - 1).map(|request| (request, false))
        }
        b'"' => behind_host(line, at)
            .map(|request| (request, false))
            .or_else(|| behind_upstream(line, at).map(|request| (request, true))),
        b'P' => before_version(line, at).map(|request| (request, true)),
        b'\\' => escaped(line, at),
        _ => None,
    }
}

/// `GET \/cart HTTP\/1.1`, as JSON that was written into JSON has it, given the first slash.
#[cold]
#[inline(never)]
fn escaped(line: Line<'_>, at: usize) -> Option<(Request, bool)> {
    let is_first = matches!(line.byte(at - 2), b' ' | b'\t' | b'|');
    if is_first { at_target(line, at - 1) } else { None }
}

#[inline(never)]
fn at_url(line: Line<'_>, at: usize) -> Option<(Request, bool)> {
    let text = line.bytes();
    if text.get(at + 1) != Some(&b'/') {
        return None;
    }
    let scheme = text[..at - 1].iter().rev().take_while(|b| b.is_ascii_alphanumeric()).count();
    let start = at - 1 - scheme;
    if scheme < 2 || start < 2 {
        return None;
    }
    match text[start - 1] {
        b' ' | b'\t' | b'|' => at_target(line, start),
        b'=' => of_pairs(line, start, start).map(|request| (request, false)),
        b'"' if text[start - 2] == b'=' => {
            of_pairs(line, start, start - 1).map(|request| (request, false))
        }
        _ => None,
    }
}

/// The request whose target begins at `at`, behind a separator.
fn at_target(line: Line<'_>, at: usize) -> Option<(Request, bool)> {
    let text = line.bytes();
    let Some((method, is_barred)) = method_before(text, at) else {
        let other = behind_status(text, at).or_else(|| of_good(text, at));
        return other.map(|request| (request, false));
    };
    if let Some(found) = quoted(line, method, at) {
        return Some(found);
    }
    let ends = |b: &u8| matches!(b, b' ' | b'\t' | b'"' | b'`') || is_barred && *b == b'|';
    let end = at + text[at..].iter().position(ends).unwrap_or(text.len() - at);
    let kept = text[at..end].iter().rev().take_while(|b| b",;:)]}>'\\".contains(b)).count();
    let target = (at, end - kept);
    let version = text[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count() + end;
    let version_len = version_len(&text[version..]);
    if version_len == 0 && !is_usual(&text[method.0..method.1]) || target.0 == target.1 {
        return None;
    }
    let has_version = version_len > 0;
    let end = if has_version { version + version_len } else { end - kept };
    let request =
        Request { start: method.0, method, target, end, is_certain: has_version, is_barred };
    Some((request, has_version))
}

/// The request in quotes that open right before its method.
fn quoted(line: Line<'_>, method: Span, target: usize) -> Option<(Request, bool)> {
    let text = line.bytes();
    if method.0 == 0 || text[method.0 - 1] != b'"' || text[..method.0 - 1].ends_with(b"\\") {
        return None;
    }
    let close = closing_quote(crate::bytes::simd::Baseline, line, method.0)?;
    if close < target {
        return None;
    }
    let inside = &text[target..close];
    let last = memchr::memrchr(b' ', inside);
    let version = last.map(|space| &inside[space + 1..]);
    let has_version = version.is_some_and(|version| {
        version_len(version) == version.len()
            || matches!(version, b"1.0" | b"1.1" | b"2" | b"2.0" | b"3")
    });
    let target_end = match last {
        Some(space) if has_version => target + space,
        None if is_usual(&text[method.0..method.1]) || is_of_caches(&text[method.0..method.1]) => {
            close
        }
        _ => return None,
    };
    if target_end == target {
        return None;
    }
    let request = Request {
        start: method.0 - 1,
        method,
        target: (target, target_end),
        end: close + 1,
        is_certain: true,
        is_barred: false,
    };
    Some((request, has_version))
}

/// The request whose target is neither a path nor a URL, given the slash of its version.
fn before_version(line: Line<'_>, at: usize) -> Option<Request> {
    let text = line.bytes();
    let start = at - 4;
    let len = version_len(&text[start..]);
    if len == 0 || start == 0 || text[start - 1] != b' ' {
        return None;
    }
    let end = text[..start].trim_ascii_end().len();
    let target = end - text[..end].iter().rev().take_while(|b| !b.is_ascii_whitespace()).count();
    let (mut method, is_barred) = method_before(text, target)?;
    let mut target = (target, end);
    if text[target.0..target.1] == *b"-" {
        // Columns with dashes between them: `GET - HTTP/2.0`.
        target = (target.0, target.0);
    }
    let mut request =
        Request { start: method.0, method, target, end: start + len, is_certain: true, is_barred };
    if method.0 > 0 && text[method.0 - 1] == b'"' {
        method.0 -= 1;
        request.start = method.0;
        request.end += usize::from(text.get(request.end) == Some(&b'"'));
    }
    Some(request)
}

/// The request whose target is the value at `at` of a pair, whose `=` ends at `end`.
#[inline(never)]
fn of_pairs(line: Line<'_>, at: usize, end: usize) -> Option<Request> {
    const KEY: &[u8] = b"method=";
    let text = line.bytes();
    let is_of_key = |b: &&u8| b.is_ascii_alphanumeric() || b"_.".contains(b);
    let key = text[..end - 1].iter().rev().take_while(is_of_key).count();
    let key = &text[end - 1 - key..end - 1];
    let name = key.rsplit(|b| b"_.".contains(b)).next()?;
    if !matches!(name, b"path" | b"uri" | b"url" | b"target" | b"route") {
        return None;
    }
    let value_len = |from: usize| {
        let is_quoted = text[from - 1] == b'"';
        let ends = |b: &u8| if is_quoted { *b == b'"' } else { b" \t,;})]\"".contains(b) };
        text[from..].iter().position(ends).unwrap_or(text.len() - from)
    };
    let found = memchr::memmem::find(text, KEY)?;
    let method = found + KEY.len() + usize::from(text.get(found + KEY.len()) == Some(&b'"'));
    let method = (method, method + value_len(method));
    if !is_usual(&text[method.0..method.1]) {
        return None;
    }
    let target = (at, at + value_len(at));
    Some(Request {
        start: found.min(end - 1 - key.len()),
        method,
        target,
        end: target.1.max(method.1),
        is_certain: false,
        is_barred: false,
    })
}

/// `GET https shop.example "/cart"`, given where the path begins.
fn behind_host(line: Line<'_>, at: usize) -> Option<Request> {
    let text = line.bytes();
    let before = text[..at - 1].strip_suffix(b" ")?;
    let word = |text: &[u8]| text.iter().rev().take_while(|b| !b.is_ascii_whitespace()).count();
    let host = before.len() - word(before);
    let before = before[..host].strip_suffix(b" ").filter(|_| host + 2 < at)?;
    let scheme = before.len() - word(before);
    if !matches!(&before[scheme..], b"http" | b"https" | b"-") {
        return None;
    }
    let (method, _) = method_before(text, scheme)?;
    if !is_usual(&text[method.0..method.1]) {
        return None;
    }
    let close = closing_quote(crate::bytes::simd::Baseline, line, at)?;
    Some(Request {
        start: method.0,
        method,
        target: (at, close),
        end: close + 1,
        is_certain: true,
        is_barred: false,
    })
}

/// `GET http://10.0.0.7:8080/ "/cart?id=1" HTTP/1.1`, given where the path begins: what answers stands
/// between method and path.
#[inline(never)]
fn behind_upstream(line: Line<'_>, at: usize) -> Option<Request> {
    let text = line.bytes();
    let before = text[..at - 1].strip_suffix(b" ")?;
    let upstream = before.iter().rev().take_while(|b| !b.is_ascii_whitespace()).count();
    let upstream = before.len() - upstream;
    let is_host = |host: &[u8]| {
        let port = host.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        port > 0 && host[..host.len() - port].ends_with(b":")
    };
    let is_one = matches!(&before[upstream..], b"-" | b"/")
        || memchr::memmem::find(&before[upstream..], b"://").is_some()
        || is_host(&before[upstream..]);
    let (method, _) = method_before(text, upstream).filter(|_| is_one)?;
    let close = closing_quote(crate::bytes::simd::Plain, line, at)?;
    let version = text.get(close + 1..)?.strip_prefix(b" ").map(version_len)?;
    if !is_usual(&text[method.0..method.1]) || version == 0 {
        return None;
    }
    Some(Request {
        start: method.0,
        method,
        target: (at, close),
        end: close + 2 + version,
        is_certain: true,
        is_barred: false,
    })
}

/// `GET     [200] /cart`, `GET 200 12ms 192.0.2.7 /cart`, given where the path begins.
#[inline(never)]
fn behind_status(text: &[u8], at: usize) -> Option<Request> {
    let before = |end: usize| {
        let end = text[..end].trim_ascii_end().len();
        (end - text[..end].iter().rev().take_while(|b| !b.is_ascii_whitespace()).count(), end)
    };
    let is_code = |word: &[u8]| word.len() == 3 && word.iter().all(u8::is_ascii_digit);
    let (mut start, mut end) = before(at);
    match &text[start..end] {
        [b'[', code @ .., b']'] if is_code(code) => {}
        address if address.contains(&b'.') || address.contains(&b':') => {
            (start, end) = before(start);
            crate::format::text::duration::with_unit(&text[start..end])?;
            (start, end) = before(start);
            if !is_code(&text[start..end]) {
                return None;
            }
        }
        _ => return None,
    }
    let (method, _) = method_before(text, start)?;
    let ends = |b: &u8| b.is_ascii_whitespace() || *b == b'"';
    let target_end = at + text[at..].iter().position(ends).unwrap_or(text.len() - at);
    is_usual(&text[method.0..method.1]).then_some(Request {
        start: method.0,
        method,
        target: (at, target_end),
        // What stands between method and path is behind the request, too.
        end: method.1,
        is_certain: false,
        is_barred: false,
    })
}

/// `[response] http://localhost:8000: get /cart {"id":"7"} 200 (5ms)` of hapi's good, given where the
/// path begins.
///
/// Source: <https://github.com/hapijs/good-console/blob/master/API.md>.
#[inline(never)]
fn of_good(text: &[u8], at: usize) -> Option<Request> {
    let before = text[..at].strip_suffix(b" ")?;
    let method = before.len() - before.iter().rev().take_while(|b| b.is_ascii_lowercase()).count();
    let server = before[..method].strip_suffix(b": ")?;
    let is_one = matches!(
        &before[method..],
        b"get" | b"head" | b"post" | b"put" | b"delete" | b"patch" | b"options"
    );
    let is_response = || memchr::memmem::find(server, b" [response").is_some();
    let host = server.rsplit(|&b| b == b' ').next()?;
    if !is_one || memchr::memmem::find(host, b"://").is_none() || !is_response() {
        return None;
    }
    let end = at + memchr::memchr(b' ', &text[at..])?;
    // The query stands between path and status.
    let query = memchr::memmem::rfind(&text[end..], b"} ").map_or(end, |close| end + close + 1);
    Some(Request {
        start: method,
        method: (method, before.len()),
        target: (at, end),
        end: query,
        is_certain: true,
        is_barred: false,
    })
}

/// The method before a target at `at`, and whether a bar is between them.
fn method_before(text: &[u8], at: usize) -> Option<(Span, bool)> {
    let mut end = at;
    let mut is_barred = false;
    let mut mark = 0;
    while end > 0 && at - end <= GAP_BYTES_MAX {
        match text[end - 1] {
            b' ' | b'\t' => {}
            b'|' if mark == 0 => (is_barred, mark) = (true, b'|'),
            b'-' if mark == 0 && text[..end - 1].ends_with(b" ") => mark = b'-',
            // The method's own end.
            b']' | b':' if mark == 0 => {
                (mark, end) = (text[end - 1], end - 1);
                break;
            }
            _ => break,
        }
        end -= 1;
    }
    let is_of_method = |b: &&u8| b.is_ascii_uppercase() || matches!(b, b'-' | b'_');
    let len = text[..end].iter().rev().take(METHOD_BYTES_MAX + 1).take_while(is_of_method).count();
    let start = end - len;
    if end == at
        || !(3..=METHOD_BYTES_MAX).contains(&len)
        || !text[start].is_ascii_uppercase()
        || !text[end - 1].is_ascii_uppercase()
        || start > 0 && !b" \t\"'`[](){}|,:;=>".contains(&text[start - 1])
        || mark == b']' && !text[..start].ends_with(b"[")
        || matches!(mark, b']' | b':' | b'-') && !is_usual(&text[start..end])
    {
        return None;
    }
    Some(((start, end), is_barred))
}

/// Whether a method is one that needs no version behind its target.
fn is_usual(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"POST" | b"PUT" | b"DELETE" | b"PATCH" | b"OPTIONS")
}

/// Whether a method is one that, alone in quotes with its target, needs no version: those of caches and
/// of WebDAV.
fn is_of_caches(method: &[u8]) -> bool {
    matches!(
        method,
        b"PURGE" | b"BAN" | b"TRACE" | b"CONNECT" | b"PROPFIND" | b"REPORT" | b"SEARCH"
    )
}

/// How long the version is that `text` begins with: 0 if it does not.
fn version_len(text: &[u8]) -> usize {
    let Some(rest) = text.strip_prefix(b"HTTP") else { return 0 };
    let number = match rest {
        [b'/', number @ ..] | [b'\\', b'/', number @ ..] => number,
        _ => return 0,
    };
    let digits = number.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    if digits == 0 { 0 } else { text.len() - number.len() + digits }
}
