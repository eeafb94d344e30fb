//! Response times where programs are known to write them, and numbers with a unit beside a status.

use super::find::Request;
use super::status::Answer;
use super::timestamp::Time;
use crate::format::text::duration::{decimal, with_unit};
use crate::format::{Unit, fields};

/// Fields behind a status among which a number with a unit is looked for.
const FIELDS_MAX: usize = 12;

/// The response time where people put nginx's: under its name, or around the timestamp.
pub(super) fn nginx_time(text: &[u8], request: &Request, time: Option<&Time>) -> Option<u64> {
    const NAME: &[u8] = b"request_time";
    for (part, skip) in [(&text[request.end..], 0), (&text[..request.start], 0)] {
        let found = memchr::memmem::find_iter(part, NAME).find_map(|at: usize| {
            let starts =
                at == skip || !(part[at - 1].is_ascii_alphanumeric() || part[at - 1] == b'_');
            let value = &part[at + NAME.len()..];
            let gap = value.iter().take_while(|b| b" =:\"[".contains(b)).count();
            let value = &value[gap..];
            if starts && gap > 0 { seconds(value, b" \",;])}") } else { None }
        });
        if found.is_some() {
            return found;
        }
    }
    let time = time.filter(|time| time.end < request.start)?;
    if let Some(rest) = text[time.end..].strip_prefix(b"] [")
        && let Some(found) = seconds(rest, b"]")
    {
        return Some(found);
    }
    let is_three = |word: &[u8]| word.len() > 4 && word[word.len() - 4] == b'.';
    let mut words = text[..time.start].strip_suffix(b" [")?.split(|&b| b == b' ');
    let first = words.next().filter(|word| is_three(word))?;
    let found = seconds(first, b"")?;
    match (words.next(), words.next()) {
        (None, None) | (Some(b"-"), None) => Some(found),
        (Some(second), None) if is_three(second) => {
            seconds(second, b"").filter(|&second| second <= found).map(|_| found)
        }
        _ => None,
    }
}

/// A number with decimals at the front of `text`, in seconds, if it ends there or before one of these.
pub(super) fn seconds(text: &[u8], ends: &[u8]) -> Option<u64> {
    let len = text.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let number = &text[..len];
    let point = memchr::memchr(b'.', number)?;
    let decimals = len - 1 - point;
    let is_end = text.get(len).is_none_or(|b| ends.contains(b));
    if decimals == 0 || !is_end { None } else { decimal(number, Unit::Seconds) }
}

/// The response time of Heroku, SOGo, CouchDB, OpenStack and Artifactory.
pub(super) fn documented_time(
    text: &[u8],
    request: &Request,
    answer: Answer,
    time: Option<&Time>,
) -> Option<u64> {
    let Answer::Status(_, at) = answer else { return None };
    if let Some(found) = of_heroku(text).or_else(|| of_gorouter(text, at)) {
        return Some(found);
    }
    if at < request.end {
        return None;
    }
    if let Some(found) = time.and_then(|time| of_shelf(text.get(time.end..request.start)?)) {
        return Some(found);
    }
    let rest = &text[at + 3..];
    if let Some(found) = of_odoo(&text[..request.start], rest) {
        return Some(found);
    }
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if let Some(found) = behind_agent(&text[..at], rest) {
        return Some(found);
    }
    if memchr::memmem::find(&text[..request.start], b" [HTTP-").is_some() {
        // Gerrit: size, milliseconds, processor times and memory.
        let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
        let millis = words.nth(1).filter(|number| is_number(number))?;
        return if words.count() > 3 { decimal(millis, Unit::Milliseconds) } else { None };
    }
    if let Some(number) = rest.strip_prefix(b" ok ").filter(|number| is_number(number)) {
        return decimal(number, Unit::Milliseconds);
    }
    if let Some(found) = of_openstack(rest) {
        return Some(found);
    }
    if let Some(found) = of_bitbucket(rest) {
        return Some(found);
    }
    if request.is_barred && text[at - 1] == b'|' {
        let mut columns = rest.strip_prefix(b"|")?.split(|&b| b == b'|');
        let number = columns.nth(2).filter(|number| is_number(number))?;
        let is_whole = columns.next().is_some() && time.is_some_and(|time| time.start == 0);
        return if is_whole { decimal(number, Unit::Milliseconds) } else { None };
    }
    let mut words = rest.strip_prefix(b" ")?.splitn(3, |&b| b == b' ');
    let (sizes, number) = (words.next()?, words.next()?);
    let slash = memchr::memchr(b'/', sizes)?;
    if is_number(&sizes[..slash]) && is_number(&sizes[slash + 1..]) {
        seconds(number, b"")
    } else {
        None
    }
}

/// Bitbucket, behind the status: bytes read and written, labels, milliseconds, and the session, between
/// bars.
///
/// Source: <https://confluence.atlassian.com/bitbucketserverkb/how-to-read-the-bitbucket-server-log-formats-779171668.html>
fn of_bitbucket(rest: &[u8]) -> Option<u64> {
    let mut rest = rest.trim_ascii_end().strip_prefix(b" | ")?.strip_suffix(b" |")?;
    let mut columns = [&b""[..]; 4];
    for column in &mut columns {
        let end = memchr::memmem::find(rest, b" | ")?;
        (*column, rest) = (&rest[..end], &rest[end + 3..]);
    }
    let is_size = |text: &[u8]| text == b"-" || text.iter().all(u8::is_ascii_digit);
    let fits = is_size(columns[0]) && is_size(columns[1]) && !rest.contains(&b'|');
    let millis = columns[3];
    let is_number = !millis.is_empty() && millis.iter().all(u8::is_ascii_digit);
    if fits && is_number { decimal(millis, Unit::Milliseconds) } else { None }
}

/// OAuth2 Proxy: size and seconds end the line behind a status that follows the quoted user agent.
///
/// Source: <https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview#request-log-format>
fn behind_agent(before: &[u8], rest: &[u8]) -> Option<u64> {
    let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
    let (size, time) = (words.next()?, words.next()?);
    let fits = before.ends_with(b"\" ")
        && words.next().is_none()
        && size.iter().all(u8::is_ascii_digit)
        && time.len() > 4
        && time[time.len() - 4] == b'.';
    if fits { seconds(time, b"") } else { None }
}

/// Dart's shelf: hours, minutes and seconds between the timestamp and the request, `  0:00:00.012345 `.
///
/// Source: <https://pub.dev/documentation/shelf/latest/shelf/logRequests.html>
fn of_shelf(between: &[u8]) -> Option<u64> {
    let mut parts = between.trim_ascii().split(|&b| b == b':');
    let (hours, minutes, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let is_clock = minutes.len() == 2 && rest.len() == 9 && rest[2] == b'.';
    let unit = |number: &[u8], seconds: u64| {
        decimal(number, Unit::Seconds)?.checked_mul(seconds).filter(|_| is_clock)
    };
    let sum = unit(hours, 3_600)?.checked_add(unit(minutes, 60)?)?;
    sum.checked_add(unit(rest, 1)?).filter(|_| parts.next().is_none())
}

/// Cloud Foundry's router: seconds in a field of its own behind the request.
///
/// Source: <https://docs.cloudfoundry.org/concepts/cf-routing-architecture.html#access-logs>
fn of_gorouter(text: &[u8], from: usize) -> Option<u64> {
    const BEFORE: &[u8] = b" response_time:";
    let at = memchr::memmem::find(text.get(from..)?, BEFORE)?;
    seconds(&text[from + at + BEFORE.len()..], b" ")
}

/// Heroku's router: `connect=1ms service=18ms` are the time to reach the app, and its own.
fn of_heroku(text: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b" service=";
    let at = memchr::memmem::find(text, NAME)?;
    let value = &text[at + NAME.len()..];
    let len = value.iter().take_while(|&&b| b != b' ').count();
    memchr::memmem::find(&text[..at], b" dyno=")?;
    with_unit(&value[..len])
}

/// OpenStack's WSGI servers (`wsgi_log_format`): `status: 200  len: 1893 time: 0.2477829`.
fn of_openstack(behind_status: &[u8]) -> Option<u64> {
    let rest = behind_status.trim_ascii_start().strip_prefix(b"len: ")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = rest.get(digits..).filter(|_| digits > 0)?;
    seconds(rest.strip_prefix(b" time: ")?, b" ")
}

/// Odoo's server writes the number of its queries, the seconds that they took, and all others, behind
/// the size: `- 14 0.019 0.023`.
fn of_odoo(before: &[u8], rest: &[u8]) -> Option<u64> {
    let mut words = rest.strip_prefix(b" ")?.split(|&b| b == b' ');
    let (_size, queries) = (words.next()?, words.next()?);
    let (queried, other) = (words.next()?, words.next()?);
    let is_whole = words.next().is_none() && queries.iter().all(u8::is_ascii_digit);
    memchr::memmem::find(before, b" werkzeug: ").filter(|_| is_whole)?;
    seconds(queried, b"")?.checked_add(seconds(other, b"")?)
}

/// The only number with a unit among the fields behind `from`.
pub(super) fn time_with_unit(text: &[u8], from: usize) -> Option<u64> {
    // What follows the response time behind one of these, or before one in brackets, is a part of it.
    const PARTS: &[&[u8]] =
        &[b"db", b"sql", b"view", b"views", b"render", b"redis", b"cache", b"queue", b"gc"];
    let (mut only, mut before) = (None, &b""[..]);
    let mut words = text[from..]
        .split(|b| b" \t|,;".contains(b))
        .filter(|word| !word.is_empty())
        .take(FIELDS_MAX)
        .peekable();
    while let Some(word) = words.next() {
        if word.starts_with(b"\"") {
            break;
        }
        let inner = word.strip_prefix(b"[").or(word.strip_prefix(b"("));
        // Behind a plus is the time since the line before (NestJS).
        if inner.is_none() && word.starts_with(b"+") {
            continue;
        }
        let is_part_named = |word: &[u8]| PARTS.contains(&word.trim_ascii_end());
        let next = words.peek().and_then(|next| next.split(|b| b"])".contains(b)).next());
        let is_part = is_part_named(before) || inner.is_some() && next.is_some_and(is_part_named);
        before = word.strip_suffix(b":").unwrap_or(word);
        if is_part && only.is_some() {
            continue;
        }
        let word = inner.unwrap_or(word);
        let word = word.strip_prefix(b"+").unwrap_or(word);
        let word =
            word.iter().rposition(|b| !b"])\".'".contains(b)).map_or(word, |last| &word[..=last]);
        let value = match word.last() {
            Some(b's') if word[0].is_ascii_digit() || word[0] == b'.' => with_unit(word),
            Some(digit) if digit.is_ascii_digit() && word[0].is_ascii_digit() => {
                let unit =
                    words.peek().filter(|unit| unit_follows(unit) && unit[0].is_ascii_alphabetic());
                unit.and_then(|unit| {
                    let end = unit.iter().position(|b| b"])".contains(b)).unwrap_or(unit.len());
                    with_unit(&[word, b" ", &unit[..end]].concat())
                })
            }
            _ => None,
        };
        match (only, value) {
            (None, Some(_)) => only = value,
            // The line does not tell which of two is the response time.
            (Some(_), Some(_)) => return None,
            _ => {}
        }
    }
    only
}

/// Whether what follows a number is a unit of time.
pub(super) fn unit_follows(text: &[u8]) -> bool {
    let word = text.trim_ascii_start();
    let len = word.iter().take_while(|b| b.is_ascii_alphabetic() || !b.is_ascii()).count();
    matches!(
        &word[..len],
        b"ms" | b"us" | b"ns" | b"s" | b"sec" | b"secs" | b"seconds" | b"msec" | b"millis"
    ) || word.starts_with("\u{b5}s".as_bytes())
        || word.starts_with("\u{3bc}s".as_bytes())
}

/// Whether a line begins with the name of Jetty's logger of requests, whose whole numbers are
/// milliseconds.
pub(super) fn is_of_jetty(before: &[u8]) -> bool {
    memchr::memmem::find(before, b"RequestLog ").is_some()
}

/// The whole number that is all there is behind a space at `at`.
pub(super) fn integer_at_end(text: &[u8], at: usize) -> Option<u64> {
    fields::whole(text[at..].strip_prefix(b" ")?)
}
