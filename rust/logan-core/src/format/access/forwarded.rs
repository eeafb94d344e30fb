//! Clients in the list of X-Forwarded-For that a line has behind its user agent.

use crate::bytes::line::Line;
use crate::format::Parse;
use crate::record::Text;
use std::net::IpAddr;

/// Quoted fields behind the user agent that are looked at.
const FIELDS_MAX: usize = 8;
/// Quoted fields before the list: request, referer, user agent.
const FIELDS_BEFORE: usize = 3;

/// The address that a line comes from, and the list behind its user agent, which may be `-`.
pub(crate) fn of_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let remote = &line[..memchr::memchr(b' ', line)?];
    address(remote)?;
    let mut fields = line.split(|b| *b == b'"').skip(1).step_by(2).skip(FIELDS_BEFORE);
    let list = fields.by_ref().take(FIELDS_MAX).find(|field| is_list(field))?;
    Some((remote, list))
}

/// Sets the client to the first public address of the list behind the user agent, which ends at `from`.
#[cold]
#[inline(never)]
pub(super) fn take<S>(line: Line<'_>, from: usize, cx: &mut Parse<'_, S>) {
    let text = line.bytes();
    let mut fields = text[from..].split(|b| *b == b'"').skip(1).step_by(2).take(FIELDS_MAX);
    if let Some(list) = fields.find(|field| is_list(field))
        && let Some(client) = first_public(list)
    {
        let start = client.as_ptr() as usize - text.as_ptr() as usize;
        let client = Text::of_line(start, start + client.len());
        cx.record.client = client;
    }
}

/// The first address of a list that is not private.
pub(crate) fn first_public(list: &[u8]) -> Option<&[u8]> {
    list.split(|b| *b == b',').map(host).find(|host| address(host).is_some() && !is_private(host))
}

/// Whether a line has a key of forwarded addresses with one that is public, in the order of the list.
pub(crate) fn is_named_in(line: &[u8]) -> bool {
    const NAME: &[u8] = b"orwarded";
    const VALUE_BYTES_MAX: usize = 96;
    memchr::memmem::find_iter(line, NAME).any(|at| {
        let behind = &line[at + NAME.len()..];
        let behind = &behind[..behind.len().min(VALUE_BYTES_MAX)];
        let is_of_address = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
        behind.split(|b| !is_of_address(b)).any(|part| first_public(part).is_some())
    })
}

/// Whether an address is one of a network of its own, or of the machine itself.
pub(crate) fn is_private(host: &[u8]) -> bool {
    match address(host) {
        // Also what providers share between their users (RFC 6598).
        Some(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || a == 100 && b & 0xc0 == 64
        }
        Some(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
        None => false,
    }
}

/// Whether a field is addresses between commas, or `-`.
fn is_list(field: &[u8]) -> bool {
    let is_one = |part: &[u8]| {
        let host = host(part);
        matches!(host, b"unknown" | b"-") || address(host).is_some()
    };
    !field.is_empty() && field.split(|b| *b == b',').all(is_one)
}

fn address(host: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(host).ok()?.parse().ok()
}

/// An address without blanks, brackets and the port.
fn host(part: &[u8]) -> &[u8] {
    let part = part.trim_ascii();
    match part {
        [b'[', inner @ ..] => &inner[..memchr::memchr(b']', inner).unwrap_or(inner.len())],
        _ if memchr::memchr_iter(b':', part).count() == 1 => {
            &part[..memchr::memchr(b':', part).unwrap_or(part.len())]
        }
        _ => part,
    }
}
