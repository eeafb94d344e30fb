//! Access logs. Part of the [twin](super).

use super::*;

/// The record of an access log, and which format of them it is of.
pub(super) fn access_record(
    line: &[u8],
    clock: &TimestampParser,
    durations: &DurationReading,
) -> Option<(&'static str, Record)> {
    let first = *line.first()?;
    if !first.is_ascii_alphanumeric() && !b"-:_[".contains(&first) {
        return None;
    }
    if let Some((record, rest)) = access_head(line, clock) {
        let rest = rest.strip_prefix(b" ")?;
        return match rest.starts_with(b"\"") {
            true => quoted_request(rest, record, durations),
            false => Some(("access", bare_request(rest, record, durations)?)),
        };
    }
    // Nothing but the time before the request.
    let (time_ns, close) = clock.clf(line.strip_prefix(b"[").map(|_| line)?, 1)?;
    let rest = line[close..].strip_prefix(b"] ").filter(|rest| rest.starts_with(b"\""))?;
    quoted_request(
        rest,
        Record { time_ns: Some(time_ns).filter(|&ns| ns != i64::MIN), ..Record::default() },
        durations,
    )
}

/// Time and client of an access line, and what is behind its head.
fn access_head<'a>(line: &'a [u8], clock: &TimestampParser) -> Option<(Record, &'a [u8])> {
    let open = (1..line.len()).find(|&i| line[i] == b'[' && line[i - 1] == b' ')?;
    let (time_ns, close) = clock.clf(line, open + 1)?;
    let before: Vec<&[u8]> = line[..open].split(|&b| b == b' ').collect();
    let spaces = before.len() - 1;
    if open >= 512 || line.get(close) != Some(&b']') || spaces < 3 {
        return None;
    }
    let (first, second) = (before[0], before[1]);
    let behind_host = is_virtual_host(first) && !second.is_empty() && second != b"-"
        || is_address(second) && !is_address(first);
    let host = match first.strip_suffix(b",") {
        Some(address) if spaces >= 4 && !address.is_empty() => address,
        _ if spaces >= 4 && behind_host => second,
        // Behind the last of the spaces, which stands before the bracket, there is an empty word.
        _ if spaces >= 4 && !is_address(first) && is_address(before[spaces - 3]) => {
            before[spaces - 3]
        }
        _ => first,
    };
    let parts: Vec<&[u8]> = host.splitn(3, |&b| b == b':').collect();
    let host = match parts[..] {
        [level, name, client]
            if host[0].is_ascii_uppercase()
                && level_of_word(level).is_some()
                && !name.is_empty()
                && !client.is_empty() =>
        {
            client
        }
        _ => host,
    };
    let mut record =
        Record { time_ns: Some(time_ns).filter(|&ns| ns != i64::MIN), ..Record::default() };
    if host != b"-" {
        record.client = address_in_one_form(host);
    }
    Some((record, &line[close + 1..]))
}

/// An address without port and brackets; IPv6 as RFC 5952 has it, IPv4 inside of it as such.
pub(super) fn address_in_one_form(written: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(written) else { return written.to_vec() };
    let is_port = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|digit| digit.is_ascii_digit())
    };
    let is_v4 = |text: &str| {
        let part = |part: &str| {
            (1..=3).contains(&part.len())
                && part.bytes().all(|digit| digit.is_ascii_digit())
                && part.parse::<u32>().is_ok_and(|n| n < 256)
        };
        text.split('.').count() == 4 && text.split('.').all(part)
    };
    let v6 = |text: &str| {
        let (address, zone) = text.find('%').map_or((text, ""), |at| text.split_at(at));
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        Some(match address.to_ipv4_mapped() {
            Some(v4) => v4.to_string(),
            None => format!("{address}{zone}"),
        })
    };
    if written.len() > 80 || !text.contains(':') {
        return written.to_vec();
    }
    let form = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inner, port)) if port.is_empty() || port.strip_prefix(':').is_some_and(is_port) => {
            v6(inner).or_else(|| is_v4(inner).then(|| inner.to_string()))
        }
        _ => match text.split_once(':') {
            Some((host, port)) if is_v4(host) && is_port(port) => Some(host.to_string()),
            // Five digits, or those behind a whole address, are no part of one.
            _ => v6(text).or_else(|| {
                text.rsplit_once(':')
                    .filter(|(_, port)| is_port(port))
                    .and_then(|(host, _)| v6(host))
            }),
        },
    };
    form.map_or(written.to_vec(), String::into_bytes)
}

/// The virtual host before the client of an access line, without its port.
pub fn virtual_host(line: &[u8]) -> Option<Vec<u8>> {
    let open = (1..line.len()).find(|&i| line[i] == b'[' && line[i - 1] == b' ')?;
    let words: Vec<&[u8]> = line[..open].split(|&b| b == b' ').collect();
    let (first, second) = (words[0], *words.get(1)?);
    let has_port = is_virtual_host(first);
    let named = has_port && !second.is_empty() && second != b"-"
        || is_address(second) && !is_address(first);
    // One piece more than there are spaces; the first of a list of addresses is a client.
    if words.len() <= 4 || !named || first.len() > 1 && first.ends_with(b",") {
        return None;
    }
    let colon = first.iter().rposition(|&b| b == b':').filter(|_| has_port);
    Some(first[..colon.unwrap_or(first.len())].to_vec())
}

/// The host of a URL that the request of an access line has for a target.
pub fn host_of_url(line: &[u8]) -> Option<Vec<u8>> {
    let at = |what: &[u8], from: usize| (from..line.len()).find(|&i| line[i..].starts_with(what));
    let open = if line.starts_with(b"[") { 0 } else { at(b" [", 0)? };
    let request = &line[at(b"] ", open)? + 2..];
    let request = request.strip_prefix(b"\"").unwrap_or(request);
    let words: Vec<&[u8]> = request.splitn(2, |&b| b == b' ').collect();
    let url = words.get(1).filter(|_| is_method(words[0]))?;
    let scheme = run(url, 0, |b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let rest = url[scheme..].strip_prefix(b"://").filter(|_| scheme > 0)?;
    let host = match rest.strip_prefix(b"[") {
        Some(inner) => &rest[..inner.iter().position(|&b| b == b']')? + 2],
        None => &rest[..run(rest, 0, |b| !b"/?#: \"".contains(&b))],
    };
    (!host.is_empty()).then(|| host.to_vec())
}

/// Whether a word ends in `:` and one to five digits.
pub(super) fn is_virtual_host(word: &[u8]) -> bool {
    let port = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    (1..=5).contains(&port) && word[..word.len() - port].ends_with(b":")
}

/// Whether a word is an IPv4 address, or looks like nothing but an IPv6 address.
pub(super) fn is_address(word: &[u8]) -> bool {
    let count = |byte| word.iter().filter(|&&b| b == byte).count();
    let only = |test: fn(&u8) -> bool| word.iter().all(test);
    only(|b| b.is_ascii_digit() || *b == b'.') && count(b'.') == 3
        || only(|b| b.is_ascii_hexdigit() || b":.".contains(b)) && count(b':') >= 2
}

/// The position behind the first quote that closes what the one at `open` opens and that passes,
/// among the first and 64 more.
pub(super) fn closing(text: &[u8], open: usize, passes: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = open;
    for _ in 0..65 {
        let (_, end) = quoted(text, at)?;
        if passes(&text[end..]) {
            return Some(end);
        }
        at = end - 1;
    }
    None
}

/// What the quotes at `at` hold, and the position behind them.
pub(super) fn quoted(text: &[u8], at: usize) -> Option<(&[u8], usize)> {
    if text.get(at) != Some(&b'"') {
        return None;
    }
    let mut escaped = false;
    for i in at + 1..text.len() {
        match text[i] {
            b'"' if !escaped => return Some((&text[at + 1..i], i + 1)),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// Three digits, the first not 0; or 000, which is 0, no answer.
pub(super) fn status(text: &[u8], at: usize) -> Option<Option<u16>> {
    let status = digits(text, at, 3)?;
    match status {
        0 => Some(Some(0)),
        100.. => Some(Some(status as u16)),
        _ => None,
    }
}

/// `-` or digits, of which 20 are too many to say anything, and the position behind, where the line
/// ends or a space is.
pub(super) fn size(text: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let len = run(text, at, |b| b != b' ');
    let word = &text[at.min(text.len())..][..len];
    if word == b"-" {
        return Some((None, at + 1));
    }
    if len == 0 || !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if len > 19 {
        return Some((None, at + len));
    }
    let size = std::str::from_utf8(word).ok()?.parse().ok()?;
    Some((Some(size), at + len))
}

pub(super) fn quoted_request(
    rest: &[u8],
    mut record: Record,
    durations: &DurationReading,
) -> Option<(&'static str, Record)> {
    let request_end = closing(rest, 0, |text| answer(text).is_some())?;
    let request = &rest[1..request_end - 1];
    let rest = &rest[request_end..];
    let (status, bytes_sent, at) = answer(rest)?;
    (record.status, record.bytes_sent) = (status, bytes_sent);
    let is_refusal = status.is_some_and(|status| [400, 405, 408, 414, 501, 505].contains(&status));
    let is_other = !is_refusal && is_of_other_protocol(request);
    let unescaped = without_escaped_slashes(request);
    if let Some((method, path)) = route_of_request(&unescaped) {
        (record.method, record.path) = (method.to_vec(), path_of_url(path));
    }
    let agents = agents_end(rest, at);
    let at = agents.unwrap_or(at);
    let column = if agents.is_some() { durations.after_agent } else { durations.after_size };
    let mut dialect = "combined";
    if rest.get(at) == Some(&b' ') {
        record.duration_ns = time_in_tail(&rest[at + 1..], column, &mut dialect);
    } else if is_glued(&rest[at..]) {
        record.duration_ns = time_in_tail(&rest[at..], column, &mut dialect);
    }
    if is_other {
        record.status = None;
        record.duration_ns = None;
        (record.method, record.path) = (Vec::new(), Vec::new());
    }
    Some((if agents.is_some() { dialect } else { "common" }, record))
}

/// Whether a request is one of FTP, SIP and the like.
fn is_of_other_protocol(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let [first, .., last] = words[..] else { return words.iter().any(|word| is_command(word)) };
    let others =
        "FTP FTPS SFTP SIP RTSP ICAP MSRP MRCP SMTP ESMTP LMTP NNTP".split(' ').collect::<Vec<_>>();
    let names_other = match last.split_once('/') {
        Some((name, version)) => {
            others.contains(&name)
                && version.starts_with(|c: char| c.is_ascii_digit())
                && version.chars().all(|c| c.is_ascii_digit() || c == '.')
        }
        None => false,
    };
    words.len() > 2 && names_other || is_command(first) && !last.starts_with("HTTP/")
}

/// Whether a word is a command of FTP, SMTP or NNTP.
fn is_command(word: &str) -> bool {
    const OF_FTP: &str = "ABOR ACCT ADAT ALLO APPE AUTH CCC CDUP CLNT CWD DELE ENC EPRT EPSV FEAT \
        HELP LANG LIST LPRT LPSV MDTM MFMT MIC MKD MLSD MLST MODE NLST NOOP OPTS PASS PASV PBSZ \
        PORT PROT PWD QUIT REIN REST RETR RMD RNFR RNTO SITE SIZE SMNT STAT STOR STOU STRU SYST \
        TYPE USER XCUP XCWD XMKD XPWD XRMD";
    const OF_MAIL_AND_NEWS: &str =
        "ARTICLE BDAT BODY DATA EHLO ETRN EXPN HELO LHLO MAIL RCPT RSET STARTTLS TURN VRFY";
    let mut all = OF_FTP.split(' ').chain(OF_MAIL_AND_NEWS.split(' '));
    all.any(|command| command.eq_ignore_ascii_case(word))
}

/// Status and size behind a request, and the position behind them.
pub(super) fn answer(text: &[u8]) -> Option<(Option<u16>, Option<u64>, usize)> {
    let is_zero = text.starts_with(b" 0 ");
    let (status, at) = match is_zero || text.starts_with(b" - ") {
        true => (Some(0), 3),
        false => (status(text, 1)?, 5),
    };
    if text[0] != b' ' || text.get(at - 1) != Some(&b' ') {
        return None;
    }
    let (bytes_sent, end) = size(text, at)?;
    let may_be_status = bytes_sent.is_some_and(|size| (100..600).contains(&size));
    if is_zero && (may_be_status || !text[end..].starts_with(b" \"")) {
        return None;
    }
    Some((status, bytes_sent, end))
}

/// The position behind the referer and the user agent that begin with the space at `at`.
pub(super) fn agents_end(text: &[u8], at: usize) -> Option<usize> {
    text.get(at).filter(|&&b| b == b' ')?;
    let referer_end = closing(text, at + 1, |rest| rest.starts_with(b" \""))?;
    let (_, end) = quoted(text, referer_end + 1)?;
    if matches!(text.get(end), None | Some(b' ')) || is_glued(&text[end..]) {
        return Some(end);
    }
    let mut tried = 0;
    let mut open = end - 1;
    while tried < 64
        && let Some((_, end)) = quoted(text, open)
    {
        if begins_tail(&text[end..]) {
            return Some(end);
        }
        (tried, open) = (tried + 1, end - 1);
    }
    Some(end)
}

/// Whether a response time follows a quoted field without a space.
pub(super) fn is_glued(text: &[u8]) -> bool {
    text.starts_with(b"rt=")
        || text.starts_with(b"request_time=")
        || access_number(text, false).is_some_and(|number| number.point)
}

/// Whether the line ends here, or a field of a tail follows.
pub(super) fn begins_tail(text: &[u8]) -> bool {
    let Some(field) = text.strip_prefix(b" ") else {
        return text.is_empty();
    };
    let name = run(field, 0, |b| b.is_ascii_alphanumeric() || b == b'_');
    field.first().is_none_or(|b| b.is_ascii_digit() || b"\"-".contains(b))
        || name > 0 && field.get(name) == Some(&b'=')
}

pub(super) fn is_method(word: &[u8]) -> bool {
    (1..=20).contains(&word.len())
        && word.iter().all(|b| b.is_ascii_alphabetic() || b"-_".contains(b))
}

/// A request with `/` for each `\/` if its target begins with that.
fn without_escaped_slashes(request: &[u8]) -> Vec<u8> {
    let target = find(request, 0, b' ').map_or(0, |space| space + 1);
    if !request[target..].starts_with(br"\/") {
        return request.to_vec();
    }
    let mut bytes = request.iter().copied().peekable();
    let mut found = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' || bytes.peek() != Some(&b'/') {
            found.push(byte);
        }
    }
    found
}

/// Method and path of what is inside the quotes.
pub(super) fn route_of_request(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = find(request, 0, b' ')?;
    let (method, rest) = (&request[..space], &request[space + 1..]);
    if !is_method(method) {
        return None;
    }
    if let Some(last) = rest.iter().rposition(|&b| b == b' ')
        && last > 0
        && rest[last + 1..].starts_with(b"HTTP/")
    {
        return Some((method, &rest[..last]));
    }
    rest.starts_with(b"/").then_some((method, rest))
}

pub(super) fn bare_request(
    rest: &[u8],
    mut record: Record,
    durations: &DurationReading,
) -> Option<Record> {
    let mut words = rest.split(|&b| b == b' ');
    let (method, target) = (words.next()?, words.next()?);
    if !is_method(method) || target.is_empty() {
        return None;
    }
    let mut at = method.len() + 1 + target.len() + 1;
    let word = words.next()?;
    if word.starts_with(b"HTTP/") {
        at += word.len() + 1;
    } else if is_command(&String::from_utf8_lossy(method)) {
        return None;
    }
    record.status = status(rest, at)?;
    (record.method, record.path) = (method.to_vec(), path_of_url(target));
    match rest.get(at + 3) {
        None => return Some(record),
        Some(b' ') => {}
        Some(_) => return None,
    }
    let after = &rest[at + 4..];
    let is_time = access_number(after, false).is_some_and(|n| n.point || n.unit_ns.is_some());
    let (time, field) = match size(after, 0).filter(|_| !is_time) {
        Some((bytes_sent, end)) => {
            record.bytes_sent = bytes_sent;
            (after.get(end + 1..).unwrap_or_default(), 1)
        }
        None => (after, 0),
    };
    if is_digit(time, 0) {
        record.duration_ns = bare_time(time, false, bare_at(durations.after_size, field)).flatten();
    }
    Some(record)
}

/// A response time as an access log writes it.
pub(super) struct AccessNumber {
    pub(super) text: Vec<u8>,
    pub(super) point: bool,
    pub(super) unit_ns: Option<u64>,
    /// Position behind it.
    pub(super) end: usize,
}

/// The number at the beginning of `text`; inside of quotes a quote ends it, but not the line's end.
pub(super) fn access_number(text: &[u8], in_quotes: bool) -> Option<AccessNumber> {
    let whole = run(text, 0, |b| b.is_ascii_digit());
    if !(1..=19).contains(&whole) {
        return None;
    }
    let mut end = whole;
    let mut number = text[..whole].to_vec();
    let point = text.get(end) == Some(&b'.') && is_digit(text, end + 1);
    if point {
        let decimals = run(text, end + 1, |b| b.is_ascii_digit());
        // Those after the ninth are ignored.
        number.extend_from_slice(&text[end..end + 1 + decimals.min(9)]);
        end += 1 + decimals;
    }
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
    ];
    let unit = units.iter().find(|(name, _)| text[end..].starts_with(name.as_bytes()));
    end += unit.map_or(0, |(name, _)| name.len());
    let ended = match text.get(end) {
        None => !in_quotes,
        Some(b'"') => in_quotes,
        Some(b) => b" ,;".contains(b),
    };
    let unit_ns = unit.map(|(_, ns)| *ns);
    ended.then_some(AccessNumber { text: number, point, unit_ns, end })
}

/// How a number without a unit is read: as seconds if it is like nginx's, else in a unit if any.
#[derive(Clone, Copy)]
struct Bare {
    like_nginx: bool,
    unit_ns: Option<u64>,
}

fn bare_at(column: Option<TailColumn>, field: u32) -> Bare {
    let decided = column.filter(|column| column.field == Some(field));
    Bare {
        like_nginx: column.is_none_or(|column| column.like_nginx),
        unit_ns: decided.map(|column| column.unit.nanos()),
    }
}

/// The response time among the fields behind the size or the user agent.
pub(super) fn time_in_tail(
    tail: &[u8],
    column: Option<TailColumn>,
    dialect: &mut &'static str,
) -> Option<u64> {
    let (mut at, mut unnamed) = (0, None);
    for i in 0..16 {
        let Some(field) = tail.get(at..).filter(|field| !field.is_empty()) else { break };
        let bare = bare_at(column, i);
        let end = if field.starts_with(b"\"") {
            let (_, end) = quoted(field, 0)?;
            if let Some(found) = bare_time(&field[1..], true, bare) {
                return found;
            }
            end
        } else if is_digit(field, 0) || field.starts_with(b"-") {
            if unnamed.is_none()
                && let Some(found) = time_of_dialect(field, dialect)
            {
                return found;
            }
            if let Some(found) = bare_time(field, false, bare) {
                return found;
            }
            unnamed = unnamed.or(Some(at));
            let end = list(field, SECOND as u64).1;
            let is_list = end > 0 && matches!(field.get(end), None | Some(b' '));
            if is_list { end } else { run(field, 0, |b| b != b' ') }
        } else {
            match named(field, column) {
                Ok(found) => return found,
                Err(Some(end)) => end,
                Err(None) => {
                    unnamed = unnamed.or(Some(at));
                    run(field, 0, |b| b != b' ')
                }
            }
        };
        if field.starts_with(b"\"") && is_glued(&field[end..]) {
            at += end;
            continue;
        }
        if field.get(end) != Some(&b' ') {
            break;
        }
        at += end + 1;
    }
    last_time(&tail[unnamed?..])
}

/// The response time of a field with a name; else where it ends, if it has one.
fn named(field: &[u8], column: Option<TailColumn>) -> Result<Option<u64>, Option<usize>> {
    let name = run(field, 0, |b| b.is_ascii_alphanumeric() || b == b'_');
    if !(1..=32).contains(&name) || field.get(name) != Some(&b'=') {
        return Err(None);
    }
    let value = &field[name + 1..];
    let (in_quotes, inside) = match value.strip_prefix(b"\"") {
        Some(inside) => (true, inside),
        None => (false, value),
    };
    let end = match in_quotes {
        true => quoted(value, 0).ok_or(None)?.1,
        false => run(value, 0, |b| b != b' '),
    };
    let names = ["duration", "elapsed", "latency", "response_time", "time", "took"];
    if names.iter().any(|known| known.as_bytes() == &field[..name])
        && let Some(number) = either_number(inside, in_quotes)
        && let Some(unit_ns) = number.unit_ns
    {
        return Ok(decimal(&number.text, unit_ns));
    }
    if [&b"rt"[..], b"request_time"].contains(&&field[..name]) {
        let whole = run(inside, 0, |b| b.is_ascii_digit());
        let has_decimals = inside.get(whole) == Some(&b'.') && is_digit(inside, whole + 1);
        let unit_ns = match column {
            _ if has_decimals || inside.starts_with(b"-") => Some(SECOND as u64),
            column => column.map(|column| column.unit.nanos()),
        };
        let bare = Bare { like_nginx: false, unit_ns };
        return Ok(bare_time(inside, in_quotes, bare).flatten());
    }
    Err(Some(name + 1 + end))
}

/// The response time of a number, or of a list that begins with `-`, by its unit or as it is read
/// without one; None if it is none, and None inside if it is too large.
fn bare_time(text: &[u8], in_quotes: bool, bare: Bare) -> Option<Option<u64>> {
    if !text.starts_with(b"-") {
        let number = match in_quotes {
            true => either_number(text, true).filter(|number| number.end < text.len())?,
            false => access_number(text, false)?,
        };
        if let Some(unit_ns) = number.unit_ns {
            return Some(decimal(&number.text, unit_ns));
        }
        if !in_quotes && is_of_millis(text, &number) {
            return Some(decimal(&number.text, 1_000_000));
        }
    }
    let first = run(text, 0, |b| !b.is_ascii_digit());
    let whole = run(text, first, |b| b.is_ascii_digit());
    let decimals = match text.get(first + whole) {
        Some(b'.') => run(text, first + whole + 1, |b| b.is_ascii_digit()),
        _ => 0,
    };
    let value = std::str::from_utf8(&text[first..first + whole]).ok()?.parse::<u64>();
    let is_like_nginx = decimals == 3 && value.is_ok_and(|value| value < 1_000_000);
    let unit_ns = match bare.like_nginx && is_like_nginx {
        true => SECOND as u64,
        false => bare.unit_ns?,
    };
    list(text, unit_ns).0.map(Some)
}

/// The response time of what begins with a whole number, as what follows shows.
fn time_of_dialect(tail: &[u8], dialect: &mut &'static str) -> Option<Option<u64>> {
    let number = access_number(tail, false).filter(|n| !n.point && n.unit_ns.is_none())?;
    let after = tail[number.end..].strip_prefix(b" ")?;
    if let Some(next) = access_number(after, false).filter(|next| next.unit_ns.is_none()) {
        let behind = &after[next.end..];
        if next.point {
            return behind.starts_with(b" [").then(|| {
                *dialect = "ingress-nginx";
                decimal(&next.text, SECOND as u64)
            });
        }
        if is_of_nexus(behind) {
            return Some(decimal(&next.text, 1_000_000));
        }
        return millis_of_haproxy(behind).map(Some);
    }
    let millis = millis_of_traefik(after)?;
    *dialect = "traefik";
    Some(decimal(millis, 1_000_000))
}

/// Whether a quoted user agent and a thread in brackets end the line.
fn is_of_nexus(behind: &[u8]) -> bool {
    let Some(agent) = behind.strip_prefix(b" ") else { return false };
    let Some((_, end)) = quoted(agent, 0) else { return false };
    let thread = agent[end..].strip_prefix(b" [").and_then(|rest| rest.strip_suffix(b"]"));
    thread.is_some_and(|thread| !thread.is_empty() && !thread.contains(&b']'))
}

/// The fifth of the times behind three quoted names, in nanoseconds.
fn millis_of_haproxy(behind: &[u8]) -> Option<u64> {
    let mut rest = behind;
    for _ in 0..3 {
        let name = rest.strip_prefix(b" ")?;
        rest = &name[quoted(name, 0)?.1..];
    }
    let words: Vec<&[u8]> = rest.strip_prefix(b" ")?.split(|&b| b == b' ').collect();
    let is_number =
        |word: &[u8]| (1..=19).contains(&word.len()) && word.iter().all(u8::is_ascii_digit);
    if words.len() < 6 || !words[..4].iter().all(|w| is_number(w.strip_prefix(b"-").unwrap_or(w))) {
        return None;
    }
    let total = words[4].strip_prefix(b"+").unwrap_or(words[4]);
    if is_number(total) { decimal(total, 1_000_000) } else { None }
}

/// Whether a number without a unit has one behind a space.
fn is_of_millis(text: &[u8], number: &AccessNumber) -> bool {
    let behind = text[number.end..].strip_prefix(b" ms");
    number.unit_ns.is_none()
        && behind.is_some_and(|rest| rest.first().is_none_or(|b| b" ,;".contains(b)))
}

/// A number that what ends one outside of quotes ends, or inside of them a quote, too.
fn either_number(text: &[u8], in_quotes: bool) -> Option<AccessNumber> {
    let outside = access_number(text, false);
    outside.or_else(|| access_number(text, true).filter(|_| in_quotes))
}

/// The number with a unit that the line ends with, in brackets or not.
fn last_time(text: &[u8]) -> Option<u64> {
    let text = match text {
        [text @ .., b']' | b')'] => text,
        text => text,
    };
    let letters = text.iter().rev().take_while(|b| **b >= 0x80 || b.is_ascii_alphabetic()).count();
    let (mut rest, unit) = text.split_at(text.len() - letters);
    for mark in [b" ", b"]"] {
        rest = rest.strip_suffix(mark).unwrap_or(rest);
    }
    let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let (before, digits) = rest.split_at(rest.len() - digits);
    if !before.last().is_some_and(|b| b" [(".contains(b)) || [&b"m"[..], b"h"].contains(&unit) {
        return None;
    }
    number(digits, field_unit(unit)?)
}

/// The digits in `"router" "server" 12ms`.
pub(super) fn millis_of_traefik(text: &[u8]) -> Option<&[u8]> {
    let end_of_name = |at: usize| match text.get(at) {
        Some(b'-') => Some(at + 1),
        _ => quoted(text, at).map(|(_, end)| end),
    };
    let router = end_of_name(0)?;
    text.get(router).filter(|&&b| b == b' ')?;
    let server = end_of_name(router + 1)?;
    let millis = text[server..].strip_prefix(b" ")?.strip_suffix(b"ms")?;
    let fits = (1..=18).contains(&millis.len()) && millis.iter().all(u8::is_ascii_digit);
    fits.then_some(millis)
}

/// The sum of a list of nginx's times, or the whole number that `text` begins with; and where it ends.
pub(super) fn list(text: &[u8], unit_ns: u64) -> (Option<u64>, usize) {
    let mut sum = None;
    let (mut at, mut end) = (0, 0);
    for _ in 0..64 {
        if text.get(at) == Some(&b'-') {
            at += 1;
        } else {
            let whole = run(text, at, |b| b.is_ascii_digit());
            let point = text.get(at + whole) == Some(&b'.');
            let decimals =
                if point { run(text, at + whole + 1, |b| b.is_ascii_digit()) } else { 0 };
            let after = at + whole + if point { 1 + decimals } else { 0 };
            // What begins like a unit is none of nginx's.
            let unit = text.get(after).is_some_and(|b| b"muns\xc2\xce".contains(b));
            if !(1..=19).contains(&whole) || point && decimals == 0 || unit {
                break;
            }
            if !point && end > 0 {
                break;
            }
            let kept = if point { after.min(at + whole + 10) } else { after };
            let nanos = decimal(&text[at..kept], unit_ns);
            sum = Some(nanos.map_or(u128::MAX >> 1, u128::from) + sum.unwrap_or(0));
            at = after;
            if !point {
                end = at;
                break;
            }
        }
        end = at;
        at += match &text[at..] {
            rest if rest.starts_with(b", ") => 2,
            rest if rest.starts_with(b" : ") => 3,
            _ => break,
        };
    }
    let sum = sum.and_then(|sum| u64::try_from(sum).ok());
    (sum.filter(|&sum| sum <= record::DURATION_NS_MAX), end)
}
