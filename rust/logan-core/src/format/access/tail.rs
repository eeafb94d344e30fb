//! The response time in what follows the size or the user agent. The rules are in the text of the
//! module above.

use crate::bytes::line::Line;
use crate::bytes::simd::{Baseline, Simd};
use crate::format::Unit;
use crate::format::cursor::Cursor;
use crate::format::http::{Number, closing_quote, nanos_of, number_at};
use crate::format::text::duration;
use crate::format::units::{Bare, Tail};
use crate::record::{DURATION_NS_MAX, NO_DURATION};
use crate::time::{eight_digits, leading_digits};

/// Fields of a tail that are looked at for the response time.
pub(crate) const TAIL_FIELDS_MAX: u32 = 16;
/// Longest name of a named field of a tail, in bytes.
const NAME_BYTES_MAX: usize = 32;

/// Times of a list that are added: nginx does not ask more servers for one request.
const LIST_TIMES_MAX: usize = 64;

/// What is not seconds but a timestamp: nginx writes both with three decimals.
const LIKE_NGINX_S_MAX: u64 = 1_000_000;

/// Whose tail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Of no known program.
    Plain,
    Traefik,
    IngressNginx,
}

/// A response time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Time {
    /// Nanoseconds or [`NO_DURATION`].
    pub(super) nanos: u64,
    pub(super) dialect: Dialect,
}

impl Number {
    /// The nanoseconds of a number, with its own unit if it has one.
    #[inline(always)]
    fn nanos(self, unit: Unit) -> u64 {
        let unit_ns = if self.unit_ns == 0 { unit.nanos() } else { self.unit_ns };
        nanos_of(self.whole, self.billionths, unit_ns)
    }

    /// Whether it may be one of nginx's times, which have decimals and no unit.
    #[inline(always)]
    fn is_of_nginx(self) -> bool {
        self.has_decimals && self.unit_ns == 0
    }
}

impl Time {
    pub(super) const NONE: Time = Time::of_nanos(NO_DURATION);

    const fn of_nanos(nanos: u64) -> Time {
        Time { nanos, dialect: Dialect::Plain }
    }

    fn of_millis(millis: u64) -> Time {
        Time::of_nanos(nanos_of(millis, 0, Unit::Milliseconds.nanos()))
    }
}

/// The response time in what follows the size or the user agent, which ends at `end`.
#[inline(always)]
pub(super) fn tail_time(line: Line<'_>, end: usize, tail: Tail) -> Time {
    let at = end + 1;
    if at >= line.len() || line.byte(end) != b' ' {
        // Nothing is left of most lines.
        let is_glued = end < line.len() && is_glued(line, end);
        return if is_glued { fields_time(line, end, tail) } else { Time::NONE };
    }
    if let Some((nanos, decimals)) = short_seconds_at(line, at)
        && (tail.like_nginx && decimals == 3 || tail.at(0).unit == Some(Unit::Seconds))
    {
        return Time::of_nanos(nanos);
    }
    fields_time(line, at, tail)
}

/// The nanoseconds and decimals of a number with decimals and without unit, if with what ends it it is
/// at most eight bytes long. What [`bare_time`] says too, but at half the price.
#[inline(always)]
pub(super) fn short_seconds_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    const SCALE: [u64; 8] = [0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100];
    let word = line.u64_at(at);
    let (whole, values) = leading_digits(word);
    let whole = whole as usize;
    if whole == 0 || whole > 5 || (word >> (8 * whole)) as u8 != b'.' {
        return None;
    }
    let after = word >> (8 * whole) >> 8;
    let (decimals, fraction) = leading_digits(after);
    let decimals = (decimals as usize).min(line.len().saturating_sub(at + whole + 1));
    let len = whole + 1 + decimals;
    // What a list or a unit may follow takes the long way.
    let ends = at + len == line.len()
        || match (word >> (8 * (len & 7))) as u8 {
            b' ' => {
                let next = line.u16_at(at + len + 1);
                next != u16::from_le_bytes(*b": ") && next != u16::from_le_bytes(*b"ms")
            }
            after => after == b';',
        };
    if decimals == 0 || len > 7 || !ends {
        return None;
    }
    // The digits without the point, as the last ones of eight.
    let digits = values & ((1 << (8 * whole)) - 1) | fraction << (8 * whole);
    let value = eight_digits(digits << (8 * (8 - whole - decimals)));
    Some((value * SCALE[decimals], decimals))
}

/// Whether ` ms` stands at `at`, and then what may follow a number.
#[inline(always)]
fn millis_follow(line: Line<'_>, at: usize) -> bool {
    const MILLIS: u32 = u32::from_le_bytes(*b" ms\0");
    let end = at + 3;
    line.u32_at(at) & 0x00FF_FFFF == MILLIS
        && (end == line.len() || end < line.len() && matches!(line.byte(end), b' ' | b',' | b';'))
}

/// The response time of what begins with a whole number and is laid out as a program documents: rule 1.
#[inline(always)]
fn time_of_dialect(line: Line<'_>, at: usize) -> Option<Time> {
    let integer = number_at(line, at).filter(|number| number.is_integer())?;
    if integer.end >= line.len() || line.byte(integer.end) != b' ' {
        return None;
    }
    after_integer(line, integer)
}

#[inline(never)]
fn after_integer(line: Line<'_>, integer: Number) -> Option<Time> {
    match number_at(line, integer.end + 1).filter(|next| next.ends_field(line)) {
        Some(next) if next.is_of_nginx() => {
            let mut c = Cursor::new(line, next.end);
            c.pass_text(b" [")?;
            let time = Time::of_nanos(next.nanos(Unit::Seconds));
            Some(Time { dialect: Dialect::IngressNginx, ..time })
        }
        Some(next) if next.is_integer() => {
            let millis = nexus_time(line, next);
            millis.or_else(|| haproxy_time(line, next.end)).map(Time::of_millis)
        }
        _ => traefik_time(line, integer.end),
    }
}

/// Nexus: size, milliseconds, a quoted user agent, and a thread in brackets that ends the line.
fn nexus_time(line: Line<'_>, second: Number) -> Option<u64> {
    let mut c = Cursor::new(line, second.end);
    c.pass(b' ')?;
    c.quoted(Baseline)?;
    c.pass_text(b" [")?;
    let thread = &line.bytes()[c.at..];
    (thread.len() > 1 && memchr::memchr(b']', thread) == Some(thread.len() - 1))
        .then_some(second.whole)
}

/// HAProxy's `option httplog clf`: port and milliseconds of the start, three quoted names, and five
/// times in milliseconds, of which the last is the total.
fn haproxy_time(line: Line<'_>, end: usize) -> Option<u64> {
    let mut c = Cursor::new(line, end);
    for _ in 0..3 {
        c.pass(b' ')?;
        c.quoted(Baseline)?;
    }
    for _ in 0..4 {
        c.pass(b' ')?;
        let _ = c.pass(b'-');
        c.integer()?;
    }
    c.pass_text(b" ")?;
    let _ = c.pass(b'+');
    let millis = c.integer()?;
    c.is(b' ').then_some(millis)
}

/// The milliseconds at the end of a line of Traefik, given where its count of requests ends.
fn traefik_time(line: Line<'_>, end: usize) -> Option<Time> {
    let mut c = Cursor::new(line, end);
    // Router and URL; without one, versions differ in whether `-` is in quotes.
    for _ in 0..2 {
        c.pass(b' ')?;
        match c.pass(b'-') {
            Some(()) => {}
            None => c.quoted(Baseline).map(|_| ())?,
        }
    }
    c.pass(b' ')?;
    let start = c.at;
    let millis = c.integer()?;
    if c.at - start > 18 || &line.bytes()[c.at..] != b"ms" {
        return None;
    }
    Some(Time { dialect: Dialect::Traefik, ..Time::of_millis(millis) })
}

/// The sum of the times of the list at `at`, None if there are none, and where it ends. A number alone
/// is a list.
#[inline(always)]
fn list(line: Line<'_>, at: usize, unit: Unit) -> (Option<u64>, usize) {
    let (mut sum, mut c) = (None, Cursor::new(line, at));
    let mut end = at;
    for _ in 0..LIST_TIMES_MAX {
        if c.pass(b'-').is_none() {
            let Some(number) = number_at(line, c.at).filter(|n| n.unit_ns == 0) else { break };
            if !number.has_decimals {
                // A whole number stands alone.
                if end == at {
                    (sum, end) = (Some(number.nanos(unit)), number.end);
                }
                break;
            }
            c.at = number.end;
            sum = Some(number.nanos(unit).saturating_add(sum.unwrap_or(0)));
        }
        end = c.at;
        if end >= line.len() || c.pass_text(b", ").is_none() && c.pass_text(b" : ").is_none() {
            break;
        }
    }
    (sum.filter(|&nanos| nanos <= DURATION_NS_MAX), end)
}

/// The response time of a field that begins with a digit or `-` or, in quotes, of what it begins with.
#[inline(always)]
pub(super) fn bare_time(line: Line<'_>, at: usize, is_quoted: bool, bare: Bare) -> Option<Time> {
    if line.byte(at) != b'-' {
        let number = number_at(line, at)?;
        let ends = number.ends_field(line) && (!is_quoted || number.end < line.len())
            || is_quoted && number.end < line.len() && line.byte(number.end) == b'"';
        if !ends {
            return None;
        }
        let is_millis = !is_quoted && number.unit_ns == 0 && millis_follow(line, number.end);
        if number.unit_ns != 0 || is_millis {
            return Some(Time::of_nanos(number.nanos(Unit::Milliseconds)));
        }
    }
    let unit = match bare {
        Bare { like_nginx: true, .. } if list_is_like_nginx(line, at) => Unit::Seconds,
        Bare { unit, .. } => unit?,
    };
    list(line, at, unit).0.map(Time::of_nanos)
}

/// Whether nginx would write a time of a request like this.
#[inline(always)]
fn is_like_nginx(line: Line<'_>, number: Number) -> bool {
    number.is_of_nginx()
        && number.whole < LIKE_NGINX_S_MAX
        && number.end >= 4
        && line.byte(number.end - 4) == b'.'
}

/// Whether the first number of a list, which may begin with `-`, is one of nginx.
#[inline(always)]
fn list_is_like_nginx(line: Line<'_>, at: usize) -> bool {
    let text = &line.bytes()[at..];
    let first = text.iter().position(u8::is_ascii_digit).unwrap_or(0);
    number_at(line, at + first).is_some_and(|number| is_like_nginx(line, number))
}

/// Where the field at `at` ends, which is not in quotes.
pub(crate) fn field_end<S: Simd>(simd: S, line: Line<'_>, at: usize) -> usize {
    match line.byte(at) {
        b'-' | b'0'..=b'9' => match list(line, at, Unit::Seconds).1 {
            end if end > at && (end == line.len() || line.byte(end) == b' ') => end,
            _ => line.find(simd, at, b' '),
        },
        _ => line.find(simd, at, b' '),
    }
}

/// The response time in the fields from `at` on.
#[inline(never)]
fn fields_time(line: Line<'_>, mut at: usize, tail: Tail) -> Time {
    let mut unnamed = None;
    for field in 0..TAIL_FIELDS_MAX {
        if at >= line.len() {
            break;
        }
        let first = line.byte(at);
        let bare = tail.at(field);
        let end = if first == b'"' {
            let Some(close) = closing_quote(Baseline, line, at + 1) else {
                return Time::NONE;
            };
            if matches!(line.byte(at + 1), b'-' | b'0'..=b'9')
                && let Some(time) = bare_time(line, at + 1, true, bare)
            {
                return time;
            }
            close + 1
        } else if first == b'-' || first.is_ascii_digit() {
            if unnamed.is_none()
                && let Some(time) = time_of_dialect(line, at)
            {
                return time;
            }
            if let Some(time) = bare_time(line, at, false, bare) {
                return time;
            }
            unnamed.get_or_insert(at);
            field_end(Baseline, line, at)
        } else {
            match named_field(line, at, tail) {
                Named::Time(time) => return time,
                Named::Other(end) => end,
                Named::No => {
                    unnamed.get_or_insert(at);
                    line.find(Baseline, at, b' ')
                }
            }
        };
        at = match line.byte(end) {
            b' ' => end + 1,
            _ if first == b'"' && is_glued(line, end) => end,
            _ => break,
        };
    }
    unnamed.map_or(Time::NONE, |from| last_time(line, from))
}

/// Whether a tail is that of Traefik, which counts requests first and says its unit, so that nothing need
/// be decided for it.
pub(crate) fn is_of_traefik(tail: Line<'_>) -> bool {
    let mut c = Cursor::new(tail, 0);
    c.pass(b' ').and_then(|()| c.integer()).is_some_and(|_| traefik_time(tail, c.at).is_some())
}

/// Whether a response time stands right behind a quoted field that ends at `at`, as where a format
/// lacks a space: `"curl"0.024`, `"curl"rt=0.024`.
#[cold]
#[inline(never)]
pub(super) fn is_glued(line: Line<'_>, at: usize) -> bool {
    let Some(rest) = line.bytes().get(at..) else { return false };
    rest.starts_with(b"rt=")
        || rest.starts_with(b"request_time=")
        || number_at(line, at).is_some_and(|number| number.has_decimals && number.ends_field(line))
}

/// The number and the unit that the line ends with, if they lie behind `from`: rule 5.
#[cold]
#[inline(never)]
fn last_time(line: Line<'_>, from: usize) -> Time {
    let text = &line.bytes()[from..];
    let text = text.strip_suffix(b"]").or_else(|| text.strip_suffix(b")")).unwrap_or(text);
    let is_of_unit = |b: &&u8| b.is_ascii_alphabetic() || !b.is_ascii();
    let unit_len = text.iter().rev().take_while(is_of_unit).count();
    let (text, unit) = text.split_at(text.len() - unit_len);
    let text = text.strip_suffix(b" ").unwrap_or(text);
    let text = text.strip_suffix(b"]").unwrap_or(text);
    let is_of_number = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let number_len = text.iter().rev().take_while(is_of_number).count();
    let (before, number) = text.split_at(text.len() - number_len);
    if !matches!(before.last(), Some(b' ' | b'[' | b'(')) || matches!(unit, b"m" | b"h" | b"d") {
        return Time::NONE;
    }
    duration::of_parts(number, unit).map_or(Time::NONE, Time::of_nanos)
}

enum Named {
    /// It is the response time, or was to be.
    Time(Time),
    /// It is another field, which ends here.
    Other(usize),
    /// It is not a named field, or it is not closed.
    No,
}

fn named_field(line: Line<'_>, at: usize, tail: Tail) -> Named {
    let bytes = &line.bytes()[at..];
    let name_len = bytes
        .iter()
        .take(NAME_BYTES_MAX + 1)
        .take_while(|&&b| b.is_ascii_alphanumeric() || b == b'_')
        .count();
    if !(1..=NAME_BYTES_MAX).contains(&name_len) || bytes.get(name_len) != Some(&b'=') {
        return Named::No;
    }
    let value = at + name_len + 1;
    let is_quoted = bytes.get(name_len + 1) == Some(&b'"');
    let close = if is_quoted { closing_quote(Baseline, line, value + 1) } else { None };
    if is_quoted && close.is_none() {
        return Named::No;
    }
    if matches!(&bytes[..name_len], b"rt" | b"request_time") {
        // With decimals it is nginx's, whatever else there is.
        let value = value + usize::from(is_quoted);
        let has_decimals = number_at(line, value).is_some_and(|number| number.has_decimals);
        let is_list = has_decimals || line.byte(value) == b'-';
        let bare = if is_list { Bare::of(Unit::Seconds) } else { tail.named() };
        return Named::Time(bare_time(line, value, is_quoted, bare).unwrap_or(Time::NONE));
    }
    let speaks_of_time = matches!(
        &bytes[..name_len],
        b"duration" | b"elapsed" | b"latency" | b"response_time" | b"time" | b"took"
    );
    if speaks_of_time
        && let Some(number) = number_at(line, value + usize::from(is_quoted))
        && number.unit_ns != 0
        && (number.ends_field(line) || is_quoted && line.byte(number.end) == b'"')
    {
        return Named::Time(Time::of_nanos(number.nanos(Unit::Seconds)));
    }
    Named::Other(close.map_or_else(|| line.find(Baseline, value, b' '), |close| close + 1))
}
