//! The response time in what follows the size or the user agent. The rules are in the text of the
//! module above.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::Unit;
use crate::format::cursor::Cursor;
use crate::format::http::{Number, closing_quote, nanos_of, number_at};
use crate::format::text::duration;
use crate::record::{DURATION_NS_MAX, NO_DURATION};
use crate::time::{eight_digits, leading_digits};

/// Fields of a tail that are looked at for the response time.
const TAIL_FIELDS_MAX: usize = 16;
/// Longest name of a named field of a tail, in bytes.
const NAME_BYTES_MAX: usize = 32;

/// Times of a list that are added: nginx does not ask more servers for one request.
const LIST_TIMES_MAX: usize = 64;

/// Whose tail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Nobody's in particular.
    Plain,
    Traefik,
    IngressNginx,
}

/// A response time whose unit may not be known yet.
#[derive(Clone, Copy)]
pub(in crate::format) struct Time {
    /// Nanoseconds or [`NO_DURATION`]; or, of an integer, what is written.
    pub(super) value: u64,
    pub(super) is_integer: bool,
    pub(super) dialect: Dialect,
}

/// As a response time.
impl Number {
    #[inline(always)]
    pub(super) fn time(self) -> Time {
        if self.is_integer() {
            return Time { is_integer: true, ..Time::of_nanos(self.whole) };
        }
        let unit_ns = if self.unit_ns == 0 { Unit::Seconds.nanos() } else { self.unit_ns };
        Time::of_nanos(nanos_of(self.whole, self.billionths, unit_ns))
    }

    /// The same, of this unit.
    fn with_unit(self, unit: Unit) -> Number {
        Number { unit_ns: unit.nanos(), ..self }
    }

    /// Whether it may be one of nginx's times, which have decimals and no unit.
    #[inline(always)]
    fn is_of_nginx(self) -> bool {
        self.has_decimals && self.unit_ns == 0
    }
}

impl Time {
    pub(super) const NONE: Time = Time::of_nanos(NO_DURATION);

    const fn of_nanos(value: u64) -> Time {
        Time { value, is_integer: false, dialect: Dialect::Plain }
    }

    /// Nanoseconds, if the unit is known.
    pub(in crate::format) fn decimal(self) -> Option<u64> {
        (!self.is_integer && self.value != NO_DURATION).then_some(self.value)
    }

    #[inline(always)]
    pub(super) fn nanos(self, integer_unit_ns: u64) -> u64 {
        if self.is_integer { nanos_of(self.value, 0, integer_unit_ns) } else { self.value }
    }
}

/// The response time in what follows the size or the user agent, which ends at `end`.
#[inline(always)]
pub(super) fn tail_time<S: Simd>(simd: S, line: Line<'_>, end: usize) -> Time {
    let at = end + 1;
    if at >= line.len() || line.byte(end) != b' ' {
        // Nothing is left of most lines.
        let is_glued = end < line.len() && is_glued(line, end);
        return if is_glued { fields_time(simd, line, end) } else { Time::NONE };
    }
    if let Some(value) = short_seconds_at(line, at) {
        Time::of_nanos(value)
    } else if line.byte(at).is_ascii_digit() {
        unnamed_time(simd, line, at)
    } else {
        fields_time(simd, line, at)
    }
}

/// The nanoseconds of a number with decimals and without unit, if with what ends it it is at most
/// eight bytes long. What [`unnamed_time`] says too, but at half the price.
#[inline(always)]
pub(super) fn short_seconds_at(line: Line<'_>, at: usize) -> Option<u64> {
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
    Some(value * SCALE[decimals])
}

/// The response time of a field that begins with a digit: rule 2 of the module's text.
#[inline(always)]
pub(super) fn unnamed_time<S: Simd>(simd: S, line: Line<'_>, at: usize) -> Time {
    match number_at(line, at) {
        Some(number) if number.ends_field(line) => {
            if number.unit_ns == 0 && millis_follow(line, number.end) {
                number.with_unit(Unit::Milliseconds).time()
            } else if number.is_integer() && number.end < line.len() {
                after_integer(simd, line, number)
            } else {
                number_or_list(line, at, number)
            }
        }
        _ => Time::NONE,
    }
}

/// Whether ` ms` stands at `at`, and then what may follow a number.
#[inline(always)]
fn millis_follow(line: Line<'_>, at: usize) -> bool {
    const MILLIS: u32 = u32::from_le_bytes(*b" ms\0");
    let end = at + 3;
    line.u32_at(at) & 0x00FF_FFFF == MILLIS
        && (end == line.len() || end < line.len() && matches!(line.byte(end), b' ' | b',' | b';'))
}

/// An integer that does not end the line, unless what follows shows that it is not a time.
#[inline(never)]
fn after_integer<S: Simd>(simd: S, line: Line<'_>, integer: Number) -> Time {
    if line.byte(integer.end) != b' ' {
        return integer.time();
    }
    let at = integer.end + 1;
    match number_at(line, at).filter(|next| next.ends_field(line)) {
        Some(next) if next.unit_ns == 0 && millis_follow(line, next.end) => {
            next.with_unit(Unit::Milliseconds).time()
        }
        Some(next) if next.is_of_nginx() => {
            let mut c = Cursor::new(line, next.end);
            if c.pass_text(b" [").is_some() {
                Time { dialect: Dialect::IngressNginx, ..next.time() }
            } else {
                number_or_list(line, at, next)
            }
        }
        Some(next) if next.is_integer() => millis_of_others(simd, line, next),
        _ => traefik_time(simd, line, integer.end).unwrap_or(integer.time()),
    }
}

/// The response time of HAProxy's and Nexus' lines, behind two whole numbers: none in those of others.
#[inline(never)]
fn millis_of_others<S: Simd>(simd: S, line: Line<'_>, second: Number) -> Time {
    let found = nexus_time(simd, line, second).or_else(|| haproxy_time(simd, line, second.end));
    found.map_or(Time::NONE, |millis| {
        Time::of_nanos(nanos_of(millis, 0, Unit::Milliseconds.nanos()))
    })
}

/// Nexus: size, milliseconds, a quoted user agent, and a thread in brackets that ends the line.
fn nexus_time<S: Simd>(simd: S, line: Line<'_>, second: Number) -> Option<u64> {
    let mut c = Cursor::new(line, second.end);
    c.pass(b' ')?;
    c.quoted(simd)?;
    c.pass_text(b" [")?;
    let thread = &line.bytes()[c.at..];
    (thread.len() > 1 && memchr::memchr(b']', thread) == Some(thread.len() - 1))
        .then_some(second.whole)
}

/// HAProxy's `option httplog clf`: port and milliseconds of the start, three quoted names, and five
/// times in milliseconds, of which the last is the total.
fn haproxy_time<S: Simd>(simd: S, line: Line<'_>, end: usize) -> Option<u64> {
    let mut c = Cursor::new(line, end);
    for _ in 0..3 {
        c.pass(b' ')?;
        c.quoted(simd)?;
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
fn traefik_time<S: Simd>(simd: S, line: Line<'_>, end: usize) -> Option<Time> {
    let mut c = Cursor::new(line, end);
    c.pass(b' ')?;
    c.quoted(simd)?;
    c.pass(b' ')?;
    c.quoted(simd)?;
    c.pass(b' ')?;
    let start = c.at;
    let millis = c.integer()?;
    if c.at - start > 18 || &line.bytes()[c.at..] != b"ms" {
        return None;
    }
    let value = nanos_of(millis, 0, Unit::Milliseconds.nanos());
    Some(Time { dialect: Dialect::Traefik, ..Time::of_nanos(value) })
}

/// The response time that `number`, which stands at `at`, tells alone or as the first of a list.
#[inline(always)]
fn number_or_list(line: Line<'_>, at: usize, number: Number) -> Time {
    let goes_on = number.end < line.len() && matches!(line.byte(number.end), b',' | b' ');
    if goes_on && number.is_of_nginx() { list_time(line, at) } else { number.time() }
}

/// The sum of the times of the list at `at`, none if there are none.
#[inline(never)]
fn list_time(line: Line<'_>, at: usize) -> Time {
    let mut sum = None;
    let mut c = Cursor::new(line, at);
    for _ in 0..LIST_TIMES_MAX {
        if c.pass(b'-').is_none() {
            let Some(number) = number_at(line, c.at).filter(|n| n.is_of_nginx()) else { break };
            c.at = number.end;
            sum = Some(number.time().value.saturating_add(sum.unwrap_or(0)));
        }
        if c.pass_text(b", ").is_none() && c.pass_text(b" : ").is_none() {
            break;
        }
    }
    sum.filter(|&nanos| nanos <= DURATION_NS_MAX).map_or(Time::NONE, Time::of_nanos)
}

/// The response time in fields of which the first is not a bare number: rules 1 to 5.
#[inline(never)]
fn fields_time<S: Simd>(simd: S, line: Line<'_>, mut at: usize) -> Time {
    for _ in 0..TAIL_FIELDS_MAX {
        if at >= line.len() {
            return Time::NONE;
        }
        let first = line.byte(at);
        if first.is_ascii_digit() {
            return unnamed_time(simd, line, at);
        }
        let end = if first == b'-' {
            let time = list_time(line, at);
            return if time.value == NO_DURATION { last_time(line, at) } else { time };
        } else if first == b'"' {
            let Some(close) = closing_quote(simd, line, at + 1) else {
                return Time::NONE;
            };
            if let Some(time) = quoted_time(line, at + 1) {
                return time;
            }
            close + 1
        } else {
            match named_field(simd, line, at) {
                Named::Time(time) => return time,
                Named::Other(end) => end,
                Named::No => return last_time(line, at),
            }
        };
        at = match line.byte(end) {
            b' ' => end + 1,
            _ if first == b'"' && is_glued(line, end) => end,
            _ => return Time::NONE,
        };
    }
    Time::NONE
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

/// The number that a closed quoted field, whose inside begins at `at`, begins with.
fn quoted_time(line: Line<'_>, at: usize) -> Option<Time> {
    if line.byte(at) == b'-' {
        return Some(list_time(line, at)).filter(|time| time.value != NO_DURATION);
    }
    let number = number_at(line, at)?;
    let ends =
        number.end < line.len() && matches!(line.byte(number.end), b' ' | b',' | b';' | b'"');
    ends.then(|| number_or_list(line, at, number))
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

fn named_field<S: Simd>(simd: S, line: Line<'_>, at: usize) -> Named {
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
    let close = if is_quoted { closing_quote(simd, line, value + 1) } else { None };
    if is_quoted && close.is_none() {
        return Named::No;
    }
    if matches!(&bytes[..name_len], b"rt" | b"request_time") {
        return Named::Time(if is_quoted {
            quoted_time(line, value + 1).unwrap_or(Time::NONE)
        } else {
            let number = number_at(line, value).filter(|n| n.ends_field(line));
            number.map_or(Time::NONE, |n| number_or_list(line, value, n))
        });
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
        return Named::Time(number.time());
    }
    Named::Other(close.map_or_else(|| line.find(simd, value, b' '), |close| close + 1))
}
