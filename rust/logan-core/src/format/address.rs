//! The address of a client in one form, so that one client is counted once.
//!
//! A port is dropped from `IPv4:port`, `[IPv6]:port`, and brackets from `[IPv6]`; from `IPv6:port`
//! where the port cannot be a part of the address (`::1:52134`, as uvicorn writes it). An IPv6 address is
//! written as RFC 5952 says, and one that stands for an IPv4 address (`::ffff:192.0.2.7`) as that
//! address; a zone (`%eth0`) is kept. Anything else (a host's name, with or without a port) stays as
//! it is written.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::record::{Record, Text};
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest address with brackets, a zone and a port.
const ADDRESS_BYTES_MAX: usize = 80;

/// Puts the client of a record into its form. The client's text lies in the line or in the arena.
#[inline(always)]
pub(super) fn in_one_form<S: Simd>(
    simd: S,
    line: Line<'_>,
    arena: &mut Vec<u8>,
    record: &mut Record,
) {
    let (start, end) = record.client.range();
    let len = end - start;
    // Nearly all are IPv4 addresses without a port.
    let has_colon = match record.client.is_of_line() && len <= 32 {
        true => u64::from(line.eq32(simd, start, b':')) & ((1 << len) - 1) != 0,
        false => record.client.bytes(line.bytes(), arena).contains(&b':'),
    };
    if has_colon {
        record.client = of_colons(line.bytes(), arena, record.client);
    }
}

/// The form of a client that holds a colon.
#[cold]
#[inline(never)]
pub(super) fn of_colons(line: &[u8], arena: &mut Vec<u8>, client: Text) -> Text {
    let written = client.bytes(line, arena);
    let form = form(written);
    match form {
        Form::Part(start, end) => client.part(start, end),
        Form::V4(address) => kept(arena, |arena| write!(arena, "{address}")),
        Form::V6(address, zone) => {
            let zone = written[zone.0..zone.1].to_vec();
            kept(arena, |arena| {
                write!(arena, "{address}")?;
                arena.write_all(&zone)
            })
        }
    }
}

fn kept(arena: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Text {
    let from = arena.len();
    // Writing to memory does not fail.
    let _ = write(arena);
    Text::of_arena(from, arena.len())
}

/// What an address is to be written as.
#[derive(Debug, PartialEq)]
enum Form {
    /// A part of what is written.
    Part(usize, usize),
    V4(Ipv4Addr),
    /// The address, and where its zone stands.
    V6(Ipv6Addr, (usize, usize)),
}

fn form(written: &[u8]) -> Form {
    let whole = Form::Part(0, written.len());
    if written.len() > ADDRESS_BYTES_MAX {
        return whole;
    }
    let (start, end) = match written {
        [b'[', rest @ ..] => match memchr::memchr(b']', rest) {
            Some(close) if is_port(&rest[close + 1..]) => (1, close + 1),
            _ => return whole,
        },
        _ => {
            let colon = memchr::memchr(b':', written).unwrap_or(written.len());
            if is_v4(&written[..colon]) && is_port(&written[colon..]) {
                return Form::Part(0, colon);
            }
            (0, without_port(written).len())
        }
    };
    let inner = &written[start..end];
    if is_short_v6(inner) {
        return Form::Part(start, end);
    }
    let zone = memchr::memchr(b'%', inner).unwrap_or(inner.len());
    let Some(address) = v6(&inner[..zone]) else {
        return if start > 0 && is_v4(inner) { Form::Part(start, end) } else { whole };
    };
    match address.to_ipv4_mapped() {
        Some(address) => Form::V4(address),
        None => Form::V6(address, (start + zone, end)),
    }
}

/// What stands before the port of an IPv6 address without brackets; all where there is none.
pub(super) fn without_port(written: &[u8]) -> &[u8] {
    match memchr::memrchr(b':', written) {
        // Up to four digits may be the last group.
        Some(colon)
            if is_port(&written[colon..])
                && v6(&written[..colon]).is_some()
                && v6(written).is_none() =>
        {
            &written[..colon]
        }
        _ => written,
    }
}

/// Whether there is nothing, or a colon and a port.
fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', port @ ..] => (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The IPv6 address that `text` is, without brackets, zone and port.
pub(super) fn v6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether `text` is an IPv4 address, leading zeros or not.
pub(super) fn is_v4(text: &[u8]) -> bool {
    let mut parts = 0;
    for part in text.split(|&b| b == b'.') {
        let is_one = (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit);
        if !is_one || part.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')) > 255 {
            return false;
        }
        parts += 1;
    }
    parts == 4
}

/// Whether `text` is an IPv6 address that is surely in its form: lower case, no group that begins with
/// 0, and `::` for two groups or more, if at all.
fn is_short_v6(text: &[u8]) -> bool {
    let groups = |text: &[u8]| {
        let is_group = |group: &[u8]| {
            (1..=4).contains(&group.len())
                && group[0] != b'0'
                && group.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut groups = text.split(|&b| b == b':');
        let count = if text.is_empty() { 0 } else { groups.clone().count() };
        (count == 0 || groups.all(is_group)).then_some(count)
    };
    match memchr::memmem::find(text, b"::") {
        None => groups(text) == Some(8),
        Some(at) => match (groups(&text[..at]), groups(&text[at + 2..])) {
            (Some(before), Some(after)) => before + after <= 6,
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn formed(written: &str) -> String {
        let mut arena = Vec::new();
        let text = of_colons(written.as_bytes(), &mut arena, Text::of_line(0, written.len()));
        String::from_utf8_lossy(text.bytes(written.as_bytes(), &arena)).into_owned()
    }

    #[test]
    fn forms() {
        for (written, form) in [
            ("192.0.2.7:51234", "192.0.2.7"),
            ("192.0.2.7:", "192.0.2.7:"),
            ("192.0.2.7:123456", "192.0.2.7:123456"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:DB8:0:0::1]", "2001:db8::1"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("::1", "::1"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("::FFFF:c000:0207", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
            ("fe80:0::1%eth0", "fe80::1%eth0"),
            ("2001:db8::9:80", "2001:db8::9:80"),
            ("::1:52134", "::1"),
            ("2001:DB8::9:52134", "2001:db8::9"),
            ("2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2:3:4:5:6"),
            ("::ffff:192.0.2.7:443", "192.0.2.7"),
            ("::1:521345", "::1:521345"),
            ("2001:db8:1:2:3:4:5::", "2001:db8:1:2:3:4:5:0"),
            ("shop.example:8080", "shop.example:8080"),
            ("INFO:web:x", "INFO:web:x"),
            ("[::1]x", "[::1]x"),
            (":", ":"),
            ("::", "::"),
        ] {
            assert_eq!(formed(written), form, "{written}");
        }
    }

    proptest! {
        #[test]
        fn the_quick_test_says_what_the_standard_library_writes(
            groups in prop::collection::vec(prop_oneof![Just(0u16), any::<u16>()], 8),
            text in "[0-9a-f:]{1,40}",
        ) {
            let address = Ipv6Addr::from(<[u16; 8]>::try_from(groups).unwrap());
            prop_assert_eq!(formed(&address.to_string().to_uppercase()),
                address.to_ipv4_mapped().map_or(address.to_string(), |v4| v4.to_string()));
            for text in [address.to_string(), text] {
                if is_short_v6(text.as_bytes()) {
                    prop_assert_eq!(text.parse::<Ipv6Addr>().unwrap().to_string(), text);
                }
            }
        }
    }
}
