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

/// Sets the client to the first public address of the list behind the user agent, which ends at `from`;
/// where the request comes from a public address, only if `always`.
#[cold]
#[inline(never)]
pub(super) fn take<S>(line: Line<'_>, from: usize, always: bool, cx: &mut Parse<'_, S>) {
    let text = line.bytes();
    if !always && !is_private(host(cx.record.client.bytes(text, cx.arena))) {
        return;
    }
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
        // A key, not a word of a message.
        let name = behind.strip_prefix(b"_").or(behind.strip_prefix(b"-")).unwrap_or(behind);
        let [b'f' | b'F', b'o', b'r', behind @ ..] = name else { return false };
        let behind = &behind[..behind.len().min(VALUE_BYTES_MAX)];
        let is_of_address = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
        behind.split(|b| !is_of_address(b)).any(|part| first_public(part).is_some())
    })
}

/// Whether an address is one of a network of its own, or of the machine itself.
pub(crate) fn is_private(host: &[u8]) -> bool {
    // An address of IPv4 in IPv6 is that of IPv4.
    match address(host).map(|address| address.to_canonical()) {
        // Also what providers share between their users (RFC 6598), and what is no address of a client.
        Some(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            let is_special = a == 0 || a >= 224 || a == 100 && b & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || is_special
        }
        Some(IpAddr::V6(v6)) => {
            let is_special = v6.is_unspecified() || v6.is_multicast();
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || is_special
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
