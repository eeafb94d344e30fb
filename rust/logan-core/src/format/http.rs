//! What logs of HTTP servers share: numbers, statuses, quoted fields, request lines.
//!
//! Readers take a [`Line`] and a position and answer with what is there and the position after it.
//! Loads may run over the line's end; no answer depends on what lies beyond. What the words mean
//! exactly is said in the text of [`access`](crate::format::access::combined).

use super::{Unit, fields, slices};
use crate::bytes::line::{Line, PaddedLine};
use crate::bytes::simd::Simd;
use crate::record::{DURATION_NS_MAX, NO_ANSWER, NO_BYTES, NO_DURATION, Record, Text};
use crate::time::{eight_digits, leading_digits};

/// Longest method, in bytes. WebDAV's longest is 16 (`VERSION-CONTROL` and kin).
const METHOD_BYTES_MAX: usize = 20;

/// Bit `k` is set where byte `i + k` equals `byte`, for the 64 bytes from `i` inside the line.
#[inline(always)]
pub(crate) fn eq64<S: Simd>(simd: S, line: Line<'_>, i: usize, byte: u8) -> u64 {
    u64::from(line.eq32(simd, i, byte)) | u64::from(line.eq32(simd, i + 32, byte)) << 32
}

/// The quote that closes a field whose inside begins at `from`.
#[inline(always)]
pub(crate) fn closing_quote<S: Simd>(simd: S, line: Line<'_>, from: usize) -> Option<usize> {
    let mut i = from;
    while i < line.len() {
        let mut mask = eq64(simd, line, i, b'"');
        while mask != 0 {
            let quote = i + mask.trailing_zeros() as usize;
            if line.byte(quote - 1) != b'\\' || !is_escaped(line, from, quote) {
                return Some(quote);
            }
            mask &= mask - 1;
        }
        i += 64;
    }
    None
}

/// Whether the backslashes before `quote`, down to `from`, are odd in number.
#[cold]
fn is_escaped(line: Line<'_>, from: usize, quote: usize) -> bool {
    line.bytes()[from..quote].iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 1
}

/// Three digits, the first not 0, that lie inside the line.
#[inline(always)]
pub(crate) fn status_at(line: Line<'_>, at: usize) -> Option<u16> {
    let word = line.u32_at(at);
    let digits = word & 0x000F_0F0F;
    let high = word & 0x00F0_F0F0;
    // Adding 6 carries into the high half of each byte whose low half is above 9.
    let above_9 = (digits + 0x0006_0606) & 0x00F0_F0F0;
    if high != 0x0030_3030 || above_9 != 0 || at + 3 > line.len() {
        return None;
    }
    if digits & 0xF == 0 {
        // nginx writes 000 where the client went before there was an answer.
        return (digits == 0).then_some(NO_ANSWER);
    }
    // The first digit is in the lowest byte.
    Some(((digits & 0xF) * 100 + (digits >> 8 & 0xF) * 10 + (digits >> 16)) as u16)
}

/// A size and the position after it, where the line ends or a space is.
#[inline(always)]
pub(crate) fn size_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let (value, end) = match integer_at(line, at) {
        Some(found) => found,
        None if at < line.len() && line.byte(at) == b'-' => (NO_BYTES, at + 1),
        None => (NO_BYTES, impossible_size_end(line, at)?),
    };
    (end == line.len() || line.byte(end) == b' ').then_some((value, end))
}

/// The end of 20 digits or more.
#[cold]
#[inline(never)]
fn impossible_size_end(line: Line<'_>, at: usize) -> Option<usize> {
    let count = slices::digits(line.bytes().get(at..)?);
    (count > 19).then_some(at + count)
}

/// 1–19 digits and the position after them; None if there are none, or more.
#[inline(always)]
pub(crate) fn integer_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let (count, values) = leading_digits(line.u64_at(at));
    let count = (count as usize).min(line.len().saturating_sub(at));
    if count == 0 {
        return None;
    }
    if count == 8 {
        return long_integer_at(line, at);
    }
    Some((eight_digits(values << (64 - 8 * count)), at + count))
}

#[cold]
#[inline(never)]
fn long_integer_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let digits = &line.bytes()[at..];
    let count = slices::digits(&digits[..digits.len().min(20)]);
    // Nineteen digits always fit.
    (count < 20).then(|| {
        let value = digits[..count].iter().fold(0, |v, b| v * 10 + u64::from(b - b'0'));
        (value, at + count)
    })
}

/// One or more decimals as billionths, and the position after them.
#[inline(always)]
fn decimals_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let (count, values) = leading_digits(line.u64_at(at));
    let count = (count as usize).min(line.len().saturating_sub(at));
    if count == 0 {
        return None;
    }
    if count == 8 {
        return Some(long_decimals_at(line, at));
    }
    // Zeros in place of what comes after the decimals.
    let kept = (1u64 << (8 * count)) - 1;
    Some((eight_digits(values & kept) * 10, at + count))
}

#[cold]
#[inline(never)]
fn long_decimals_at(line: Line<'_>, at: usize) -> (u64, usize) {
    let digits = &line.bytes()[at..];
    let count = slices::digits(digits);
    let kept = &digits[..count.min(9)];
    let value = kept.iter().fold(0, |v, b| v * 10 + u64::from(b - b'0'));
    let billionths = value * 10u64.pow(9 - kept.len() as u32);
    (billionths, at + count)
}

/// A response time as written.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) whole: u64,
    pub(crate) billionths: u64,
    pub(crate) has_decimals: bool,
    /// Nanoseconds of the unit that is written, or 0.
    pub(crate) unit_ns: u64,
    /// Position after it.
    pub(crate) end: usize,
}

impl Number {
    #[inline(always)]
    pub(crate) fn is_integer(self) -> bool {
        !self.has_decimals && self.unit_ns == 0
    }

    /// Whether the line ends here, or what follows may follow a number.
    #[inline(always)]
    pub(crate) fn ends_field(self, line: Line<'_>) -> bool {
        self.end == line.len() || matches!(line.byte(self.end), b' ' | b',' | b';')
    }
}

#[inline(always)]
pub(crate) fn nanos_of(whole: u64, billionths: u64, unit_ns: u64) -> u64 {
    // Less than 10^9 times at most 10^9; exact for seconds.
    let part = (billionths * unit_ns + 500_000_000) / 1_000_000_000;
    match whole.checked_mul(unit_ns).and_then(|nanos| nanos.checked_add(part)) {
        Some(nanos) if nanos <= DURATION_NS_MAX => nanos,
        _ => NO_DURATION,
    }
}

/// The number at `at`, whatever follows it.
#[inline(always)]
pub(crate) fn number_at(line: Line<'_>, at: usize) -> Option<Number> {
    let (whole, mut end) = integer_at(line, at)?;
    let mut number = Number { whole, billionths: 0, has_decimals: false, unit_ns: 0, end };
    if end < line.len() && line.byte(end) == b'.' {
        (number.billionths, end) = decimals_at(line, end + 1)?;
        number.has_decimals = true;
    }
    if end < line.len() && matches!(line.byte(end), b'm' | b'u' | b'n' | b's' | 0xC2 | 0xCE) {
        let (unit_ns, len) = unit_at(line, end)?;
        number.unit_ns = unit_ns;
        end += len;
    }
    number.end = end;
    Some(number)
}

/// The nanoseconds and the length of the unit at `at`.
#[inline(never)]
fn unit_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    // The micro sign and the Greek letter look the same and both are in use.
    const UNITS: [(&[u8], Unit); 6] = [
        (b"ms", Unit::Milliseconds),
        (b"us", Unit::Microseconds),
        ("\u{b5}s".as_bytes(), Unit::Microseconds),
        ("\u{3bc}s".as_bytes(), Unit::Microseconds),
        (b"ns", Unit::Nanoseconds),
        (b"s", Unit::Seconds),
    ];
    let bytes = &line.bytes()[at..];
    let (name, unit) = UNITS.iter().find(|(name, _)| bytes.starts_with(name))?;
    Some((unit.nanos(), name.len()))
}

/// Whether `HTTP/` is at `at`, inside the line.
#[inline(always)]
pub(crate) fn starts_with_http(line: Line<'_>, at: usize) -> bool {
    const MASK: u64 = (1 << 40) - 1;
    line.u64_at(at) & MASK == u64::from_le_bytes(*b"HTTP/\0\0\0") && at + 5 <= line.len()
}

/// Length of the method at `at` if a space follows it before `end`, else 0.
#[inline(always)]
pub(crate) fn method_len(line: Line<'_>, at: usize, end: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    const SPACES: u64 = 0x20 * ONES;
    let word = line.u64_at(at);
    let spaces = word ^ SPACES;
    let spaces = spaces.wrapping_sub(ONES) & !spaces & HIGH;
    let len = spaces.trailing_zeros() as usize / 8;
    // A letter is 0x61–0x7A in its low seven bits once 0x20 is set, and its high bit is not.
    let low = (word | SPACES) & !HIGH;
    let letters = (low + 0x1F * ONES) & !(low + 0x05 * ONES) & !word & HIGH;
    if (1..8).contains(&len) && !letters & HIGH & ((1 << (8 * len)) - 1) == 0 {
        return if at + len < end { len } else { 0 };
    }
    unusual_method_len(line, at, end)
}

#[cold]
#[inline(never)]
fn unusual_method_len(line: Line<'_>, at: usize, end: usize) -> usize {
    let bytes = line.bytes().get(at..end).unwrap_or_default();
    let len = bytes
        .iter()
        .take(METHOD_BYTES_MAX + 1)
        .take_while(|&&b| b.is_ascii_alphabetic() || b == b'-' || b == b'_')
        .count();
    if len <= METHOD_BYTES_MAX && bytes.get(len) == Some(&b' ') { len } else { 0 }
}

/// Stores method and path of the request `at..end`, if it has them.
#[inline(always)]
pub(crate) fn route(line: Line<'_>, at: usize, end: usize, record: &mut Record) {
    let len = method_len(line, at, end);
    if len == 0 {
        return;
    }
    let target = at + len + 1;
    let target_end = target_end(line, target, end);
    if target < target_end {
        record.method = Text::of_line(at, at + len);
        record.path = path(line, target, target_end);
    }
}

/// Whether the slashes of the request `at..end`, of which the record has what [`route`] found, are escaped:
/// its target begins with `\/`, as something that writes JSON leaves it.
#[inline(always)]
pub(crate) fn has_escaped_slashes(line: Line<'_>, at: usize, end: usize, record: &Record) -> bool {
    let is_usual = !record.method.is_empty() && line.byte(record.path.range().0) != b'\\';
    !is_usual && begins_escaped(line, at, end)
}

#[cold]
#[inline(never)]
fn begins_escaped(line: Line<'_>, at: usize, end: usize) -> bool {
    let len = method_len(line, at, end);
    len > 0 && line.bytes()[at + len + 1..end].starts_with(br"\/")
}

/// As [`route`], of a request whose slashes are escaped.
#[cold]
#[inline(never)]
pub(crate) fn escaped_route(
    line: Line<'_>,
    at: usize,
    end: usize,
    arena: &mut Vec<u8>,
    record: &mut Record,
) {
    let from = arena.len();
    fields::unescape_slashes(&line.bytes()[at..end], arena);
    let padded = PaddedLine::new(&arena[from..]);
    let mut found = Record::EMPTY;
    route(padded.line(), 0, arena.len() - from, &mut found);
    let of_arena = |text: Text| {
        let (start, end) = text.range();
        Text::of_arena(from + start, from + end)
    };
    if found.method.is_empty() {
        arena.truncate(from);
    } else {
        (record.method, record.path) = (of_arena(found.method), of_arena(found.path));
    }
}

/// The path of the target `start..end`, which is not empty: of a URL what is behind scheme and host.
#[inline(always)]
pub(crate) fn path(line: Line<'_>, start: usize, end: usize) -> Text {
    if line.byte(start) == b'/' { Text::of_line(start, end) } else { path_of_url(line, start, end) }
}

/// Where in a URL that `text` begins with the host is, without its port; None for anything else.
pub(crate) fn url_host(text: &[u8]) -> Option<(usize, usize)> {
    let scheme =
        text.iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
    let rest = text[scheme..].strip_prefix(b"://").filter(|_| scheme > 0)?;
    let len = match rest {
        [b'[', ..] => memchr::memchr(b']', rest)? + 1,
        _ => rest.iter().take_while(|b| !b"/?#: \"".contains(b)).count(),
    };
    (len > 0).then_some((scheme + 3, scheme + 3 + len))
}

#[cold]
#[inline(never)]
fn path_of_url(line: Line<'_>, start: usize, end: usize) -> Text {
    let path = fields::path(&line.bytes()[start..end]).unwrap_or(0..end - start);
    Text::of_line(start + path.start, start + path.end)
}

/// The end of the target that begins at `target` in a request that ends at `end`; not after
/// `target` if there is none.
#[inline(always)]
fn target_end(line: Line<'_>, target: usize, end: usize) -> usize {
    // ` HTTP/1.1` and the like, but for the space and the last digit.
    const VERSION: u64 = u64::from_le_bytes(*b"HTTP/\0.\0");
    const MASK: u64 = 0x00FF_00FF_FFFF_FFFF;
    let last = line.u64_before(end);
    let digits = (last >> 40 & 0xF8 == 0x30) & (last >> 56 & 0xF8 == 0x30);
    if last & MASK == VERSION && digits && target + 9 <= end && line.byte(end - 9) == b' ' {
        return end - 9;
    }
    unusual_target_end(line, target, end)
}

#[cold]
#[inline(never)]
fn unusual_target_end(line: Line<'_>, target: usize, end: usize) -> usize {
    let rest = &line.bytes()[target..end];
    match memchr::memrchr(b' ', rest) {
        Some(space) if rest[space + 1..].starts_with(b"HTTP/") => return target + space,
        _ => {}
    }
    if rest.first() == Some(&b'/') { end } else { target }
}

/// Whether this is what servers of HTTP answer to a request of another protocol, as scanners send
/// them: bad request, method not allowed, request timeout, URI too long, not implemented, version
/// not supported.
const fn is_refusal(status: u16) -> bool {
    matches!(status, 400 | 405 | 408 | 414 | 501 | 505)
}

/// Whether the answer `status` to the request `start..end`, from its method to its version, is not
/// one of HTTP: the request [is of another protocol](is_of_other_protocol), or begins with a
/// [command](is_command) and has no version. A [refusal](is_refusal) is.
#[inline(always)]
pub(crate) fn is_foreign(line: Line<'_>, start: usize, end: usize, status: u16) -> bool {
    // ` HTTP/1.1` and the like.
    const VERSION: u64 = u64::from_le_bytes(*b"HTTP/\0.\0");
    const MASK: u64 = 0x00FF_00FF_FFFF_FFFF;
    line.u64_before(end) & MASK != VERSION
        && !is_refusal(status)
        && is_foreign_request(&line.bytes()[start..end])
}

#[cold]
#[inline(never)]
fn is_foreign_request(request: &[u8]) -> bool {
    let words = || request.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let (Some(first), Some(last)) = (words().next(), words().next_back()) else { return false };
    !last.starts_with(b"HTTP/")
        && (last.contains(&b'/') && is_of_other_protocol(last) && words().count() > 2
            || is_command(first))
}

/// Whether a word is the name of a protocol other than HTTP whose answers are numbers of three digits
/// as well, perhaps with `/` and a version: `SIP/2.0`, `FTP/1.1`, `SMTP`.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc3261#section-7>, <https://www.rfc-editor.org/rfc/rfc7826>,
/// <https://www.rfc-editor.org/rfc/rfc3507>, <https://www.rfc-editor.org/rfc/rfc4975>,
/// <https://www.rfc-editor.org/rfc/rfc6787>.
pub(crate) fn is_of_other_protocol(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"FTP", b"FTPS", b"SFTP", b"SIP", b"RTSP", b"ICAP", b"MSRP", b"MRCP", b"SMTP", b"ESMTP",
        b"LMTP", b"NNTP",
    ];
    let slash = memchr::memchr(b'/', word);
    let version = slash.map_or(&b"0"[..], |slash| &word[slash + 1..]);
    let is_version = version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    is_version && NAMES.contains(&&word[..slash.unwrap_or(word.len())])
}

/// Whether a word is a command of FTP, SMTP or NNTP, and no method of HTTP.
///
/// Source: <https://www.iana.org/assignments/ftp-commands-extensions/>,
/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.1>, <https://www.rfc-editor.org/rfc/rfc3977>.
pub(crate) fn is_command(word: &[u8]) -> bool {
    const COMMANDS: [&[u8]; 73] = [
        b"ABOR",
        b"ACCT",
        b"ADAT",
        b"ALLO",
        b"APPE",
        b"ARTICLE",
        b"AUTH",
        b"BDAT",
        b"BODY",
        b"CCC",
        b"CDUP",
        b"CLNT",
        b"CWD",
        b"DATA",
        b"DELE",
        b"EHLO",
        b"ENC",
        b"EPRT",
        b"EPSV",
        b"ETRN",
        b"EXPN",
        b"FEAT",
        b"HELO",
        b"HELP",
        b"LANG",
        b"LHLO",
        b"LIST",
        b"LPRT",
        b"LPSV",
        b"MAIL",
        b"MDTM",
        b"MFMT",
        b"MIC",
        b"MKD",
        b"MLSD",
        b"MLST",
        b"MODE",
        b"NLST",
        b"NOOP",
        b"OPTS",
        b"PASS",
        b"PASV",
        b"PBSZ",
        b"PORT",
        b"PROT",
        b"PWD",
        b"QUIT",
        b"RCPT",
        b"REIN",
        b"REST",
        b"RETR",
        b"RMD",
        b"RNFR",
        b"RNTO",
        b"RSET",
        b"SITE",
        b"SIZE",
        b"SMNT",
        b"STARTTLS",
        b"STAT",
        b"STOR",
        b"STOU",
        b"STRU",
        b"SYST",
        b"TURN",
        b"TYPE",
        b"USER",
        b"VRFY",
        b"XCUP",
        b"XCWD",
        b"XMKD",
        b"XPWD",
        b"XRMD",
    ];
    COMMANDS.iter().any(|command| command.eq_ignore_ascii_case(word))
}

/// The status that has this phrase or, in an enumeration of a language, this name: `Not Found`,
/// `NOT_FOUND`, `NotFound`.
///
/// Source: <https://www.iana.org/assignments/http-status-codes/>
#[cold]
pub(crate) fn status_of_name(name: &[u8]) -> Option<u16> {
    const NAMES: &[(u16, &str)] = &[
        (200, "ok"),
        (201, "created"),
        (202, "accepted"),
        (204, "nocontent"),
        (206, "partialcontent"),
        (301, "movedpermanently"),
        (302, "found"),
        (303, "seeother"),
        (304, "notmodified"),
        (307, "temporaryredirect"),
        (308, "permanentredirect"),
        (400, "badrequest"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "notfound"),
        (405, "methodnotallowed"),
        (406, "notacceptable"),
        (408, "requesttimeout"),
        (409, "conflict"),
        (410, "gone"),
        (412, "preconditionfailed"),
        (413, "payloadtoolarge"),
        (413, "contenttoolarge"),
        (415, "unsupportedmediatype"),
        (418, "iamateapot"),
        (422, "unprocessableentity"),
        (422, "unprocessablecontent"),
        (423, "locked"),
        (424, "faileddependency"),
        (429, "toomanyrequests"),
        (500, "internalservererror"),
        (501, "notimplemented"),
        (502, "badgateway"),
        (503, "serviceunavailable"),
        (504, "gatewaytimeout"),
    ];
    const BYTES_MAX: usize = 32;
    let letters = name.iter().filter(|b| !matches!(b, b' ' | b'_' | b'-'));
    let plain: Vec<u8> = letters.take(BYTES_MAX).map(u8::to_ascii_lowercase).collect();
    let found = NAMES.iter().find(|(_, known)| known.as_bytes() == plain);
    found.map(|(status, _)| *status).filter(|_| name.len() <= BYTES_MAX)
}

/// Whether a status is one that IANA lists, or one that servers and proxies in use add: those of IIS
/// (440, 449), Laravel (419), nginx (444, 494 to 499), AWS's load balancer (460, 463, 561), Cloudflare (520 to 530),
/// and 598 and 599.
///
/// Source: <https://www.iana.org/assignments/http-status-codes/>
pub(crate) fn is_registered_status(status: u16) -> bool {
    matches!(status,
        100..=104 | 200..=208 | 226 | 300..=308 | 400..=426 | 428 | 429 | 431 | 440 | 444 | 449 | 451
        | 460 | 463 | 494..=499 | 500..=511 | 520..=530 | 561 | 598 | 599)
}
