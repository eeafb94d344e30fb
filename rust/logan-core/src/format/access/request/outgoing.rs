//! Calls to other services, which are no requests of this one, and lines of a start.

use super::find::Request;
use crate::format::http::url_host;

/// Words before a request that say that this service made it: names of client libraries and what
/// they write, those that begin with this byte.
fn outgoing(first: u8) -> &'static [&'static [u8]] {
    match first {
        b'h' => &[b"httpx"],
        b'H' => &[b"HTTP Request:", b"HttpClient"],
        b'u' => &[b"urllib3"],
        b'e' => &[b"elastic_transport", b"elasticsearch:"],
        b'b' => &[b"botocore"],
        b'o' => &[b"openai", b"okhttp"],
        b'O' => &[b"OkHttp"],
        b'f' => &[b"feign"],
        b'a' => &[b"axios"],
        b'C' => &[b"Crawled ("],
        b'r' => &[b"resty"],
        b'S' => &[b"Sending HTTP request"],
        _ => &[],
    }
}

/// The host of a call to another service that a line speaks of; None if it speaks of none. What
/// tells is a [client library](outgoing), or an arrow, before a URL.
pub fn outgoing_host(line: &[u8]) -> Option<&[u8]> {
    let urls = memchr::memmem::find_iter(line, b"://").filter_map(|at| {
        let len = line[..at].iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
        let scheme = &line[at - len..at];
        matches!(scheme, b"http" | b"https").then_some(at - len)
    });
    for start in urls {
        let before = &line[..start];
        let calls = before.windows(4).any(|arrow| matches!(arrow, b"--> " | b"<-- "))
            || (0..before.len())
                .any(|at| outgoing(before[at]).iter().any(|name| before[at..].starts_with(name)))
            || memchr::memmem::find(before, b"Received HTTP response").is_some();
        if calls {
            let (from, to) = url_host(&line[start..])?;
            return Some(&line[start + from..start + to]);
        }
    }
    None
}

fn is_url(text: &[u8], request: &Request) -> bool {
    text.get(request.target.0) != Some(&b'/')
}

/// Whether the line is one of key-value pairs, a start line, or a call to another service.
pub(super) fn is_of_another(text: &[u8], request: &Request) -> bool {
    let name = text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(b)).count();
    let before = &text[..request.start];
    if name > 0 && text.get(name) == Some(&b'=') {
        // `remote=192.0.2.7 [24/Jan/2024:10:15:32 +0000] status=200 request="GET / HTTP/1.1"`.
        let is_dated = |at: usize| {
            let date = text[at + 2..].first_chunk();
            matches!(date, Some([a, b, b'/']) if a.is_ascii_digit() && b.is_ascii_digit())
        };
        return !request.is_certain || !memchr::memmem::find_iter(before, b" [").any(is_dated);
    }
    let front = before.trim_ascii_end();
    let front = match memchr::memmem::rfind(front, b"HTTP/") {
        Some(at) if !front[at..].contains(&b' ') => front[..at].trim_ascii_end(),
        _ => front,
    };
    if front.ends_with(b"Request starting")
        || front.ends_with(b"Started")
        || front.ends_with(b"<--") && !is_url(text, request)
    {
        return true;
    }
    let arrow = front.ends_with(b"-->") || front.ends_with(b"<--");
    arrow && is_url(text, request)
        || (0..before.len())
            .any(|at| outgoing(before[at]).iter().any(|name| before[at..].starts_with(name)))
}
