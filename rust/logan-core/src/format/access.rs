//! Access logs of web servers: combined, common (CLF) and bare, with or without a request time.
//!
//! One line, one record, bytes only: nothing here knows what other lines hold. Three formats share
//! one head, and no line is of two of them. The grammar, exactly (`SP` is one space, a *digit* is
//! `0`–`9`, a *letter* `A`–`Z` or `a`–`z`):
//!
//! ```text
//! combined = head SP quoted SP number3 SP size SP quoted SP quoted [rest]   (referer, user agent)
//! common   = head SP quoted SP number3 SP size [SP tail]                    and not combined
//! bare     = head SP method SP target [SP protocol] SP number3 [SP after]
//! head     = words SP "[" time "]"
//! ```
//!
//! **head.** The line begins with a letter, a digit, or one of `-:_[`. Its first `[` that follows
//! a space opens the timestamp and lies below position 512; [`Clock::clf`] must read a timestamp
//! right after it, and `]` must follow that. Before the `[` are at least three spaces. Host is
//! what comes before the first space, what follows are ident and user, which may hold spaces.
//! Where there are four spaces or more, the first word ends in `:` and 1–5 digits, and the second
//! word is neither empty nor `-`, the first word is a virtual host and the second one the host
//! (Apache's `vhost_combined`). The host is the client; `-` is none.
//!
//! **quoted** begins with `"` and runs to the first later `"` that an even number of backslashes
//! (0 is even), counted back no further than the opening quote, precedes.
//!
//! **number3** is the status: three digits, the first not `0`; or `000`, which is none. **size** is
//! `-` (none) or 1–19 digits; a space or the end of the line follows it.
//!
//! **Request** (what is inside the first quoted). It has a route if it is `method SP rest`, method
//! being 1–20 letters, `-` or `_`, and either rest is `target SP protocol`, where protocol begins
//! with `HTTP/` and holds no space and target is not empty, or rest begins with `/`, and all of it
//! is the target (HTTP/0.9). The target is the path, as written. Anything else (`-`, TLS
//! handshakes, junk) is a record without method and path. In a *bare* line target and protocol
//! hold no space, and the next word after the target is the protocol if it begins with `HTTP/`.
//!
//! **Response time.** A *number* is 1–19 digits, then possibly `.` and one or more digits, then
//! possibly a unit (`ns us µs ms s`), then the end of the line or one of ` `, `,`, `;`. Its unit
//! is the one written; else seconds if it has decimals; else (it is an *integer*)
//! [`Params::duration_unit`], microseconds if that is not given. Digits after the ninth decimal
//! are ignored, what is less than a nanosecond is rounded half up, and a time above
//! [`DURATION_NS_MAX`] is none.
//!
//! In *combined*, `rest` is looked at if it begins with a space, from after that; in *common*
//! `tail`. Its fields are read from the left, each after one space, until one decides, at most 16:
//!
//! 1. a quoted field: if its inside begins with a number (here the closing quote may end it too,
//!    the end of the line not), that is the time; else it is skipped (nginx's
//!    `"$http_x_forwarded_for"`);
//! 2. a field that begins with a digit: if it begins with a number, that is the time, else there
//!    is none. But after an integer without unit that a space follows, a number with decimals and
//!    without unit right after that space is the time instead (nginx `$request_length
//!    $request_time`, as ingress-nginx has it); and else, if the line ends in `"`, a space, 1–18
//!    digits and `ms`, those are (Traefik, which counts requests in the first field);
//! 3. 1–32 letters, digits or `_`, the first one not a digit, then `=`: if the name is `rt` or
//!    `request_time`, what follows (after a `"`, if there is one) must begin with a number as
//!    in 1, or in 2 without the exceptions, else there is no time; other names are skipped with
//!    their value, which is quoted or ends before the next space;
//! 4. anything else (`-`, an address): no time.
//!
//! A skipped quoted field or value must be closed and a space must follow it, else there is no
//! time. nginx's lists (`0.024, 0.001 : 0.003`) thus give their first number.
//!
//! In *bare*, if `after` begins with a number that has decimals or a unit, that is the time; else
//! if it begins with a size, that is the size, and if a space and a number follow, that is the
//! time. Whatever else follows is ignored.

use super::{Context, Entry, Format, Info, LineFormat, Params, Unit};
use crate::batch::{Columns, DURATION_NS_MAX, NO_BYTES, NO_DURATION, NO_STATUS, Record, Text};
use crate::lines::Line;
use crate::simd::{Plain, Simd};
use crate::timestamp::{Clock, Stamp};

/// The combined log format of Apache and nginx.
pub static COMBINED: Entry = Entry {
    info: Info {
        name: "combined",
        title: "combined access log of Apache, nginx and others, with or without a request time",
        example: "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 512 \
                  \"https://example.com/\" \"Mozilla/5.0\" 0.033",
        time_field: "[time]",
        duration_field: Some("the number after the user agent, rt= or request_time="),
        duration_unit: Some("s"),
    },
    last_resort: false,
    build: |params| Box::new(Quoted::<true> { integer_unit_ns: integer_unit_ns(params) }),
};

/// The common log format (CLF).
pub static COMMON: Entry = Entry {
    info: Info {
        name: "common",
        title: "common access log (CLF), with or without a request time",
        example: "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 512",
        time_field: "[time]",
        duration_field: Some("the number after the size, rt= or request_time="),
        duration_unit: Some("s"),
    },
    last_resort: false,
    build: |params| Box::new(Quoted::<false> { integer_unit_ns: integer_unit_ns(params) }),
};

/// An access log whose request is not quoted and whose response time has its unit.
pub static BARE: Entry = Entry {
    info: Info {
        name: "access",
        title: "access log with an unquoted request and a response time with its unit",
        example: "192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms",
        time_field: "[time]",
        duration_field: Some("the number after the status or the size"),
        duration_unit: Some("in the text"),
    },
    last_resort: false,
    build: |params| -> Box<dyn Format> {
        Box::new(Bare { integer_unit_ns: integer_unit_ns(params) })
    },
};

/// Position before which the timestamp's bracket must be: long user names are a few dozen bytes.
const HEAD_BYTES_MAX: usize = 512;
/// Fields of a tail that are looked at for the response time.
const TAIL_FIELDS_MAX: usize = 16;
/// Longest method, in bytes. WebDAV's longest is 16 (`VERSION-CONTROL` and kin).
const METHOD_BYTES_MAX: usize = 20;
/// Longest name of a named field of a tail, in bytes.
const NAME_BYTES_MAX: usize = 32;

const COLUMNS: Columns = Columns::TIME
    .or(Columns::STATUS)
    .or(Columns::BYTES)
    .or(Columns::ROUTE)
    .or(Columns::CLIENT)
    .or(Columns::DURATION);

/// The unit of an integer, for one source, from the integer response times of a sample of it.
///
/// By the values alone, so it is an assumption to be reported. The values sorted, the median
/// being the one at half their count: without values microseconds (Apache's `%D` is the usual
/// integer); if the largest is at most 300 and the median at most 1, seconds (`%T` cuts, so that
/// most are 0); if the median is below 1,000 and the largest below 60,000 and either the value at
/// a tenth of their count is below 50 or the largest is below ten times the median, milliseconds
/// (no server answers a tenth of its requests in 50 µs, and microseconds scatter widely); else
/// microseconds.
pub fn guess_unit(values: &[u64]) -> Unit {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let Some(&largest) = sorted.last() else {
        return Unit::Microseconds;
    };
    let median = sorted[sorted.len() / 2];
    let tenth = sorted[sorted.len() / 10];
    if largest <= 300 && median <= 1 {
        Unit::Seconds
    } else if median < 1_000
        && largest < 60_000
        && (tenth < 50 || largest < median.saturating_mul(10))
    {
        Unit::Milliseconds
    } else {
        Unit::Microseconds
    }
}

/// The response time of a combined or common line that is written as an integer without a unit:
/// what [`guess_unit`] wants. None for every other line.
pub fn integer_time(line: Line<'_>, clock: &mut Clock) -> Option<u64> {
    let parts = quoted_parts::<Plain>(line, clock)?;
    let time = tail_time::<Plain>(line, parts.tail);
    time.is_integer.then_some(time.value)
}

fn integer_unit_ns(params: &Params) -> u64 {
    params.duration_unit.unwrap_or(Unit::Microseconds).nanos()
}

/// Combined, or else common.
struct Quoted<const COMBINED: bool> {
    /// Nanoseconds of the unit of a time that is written as an integer.
    integer_unit_ns: u64,
}

impl<const COMBINED: bool> LineFormat for Quoted<COMBINED> {
    const COLUMNS: Columns = COLUMNS;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let Some(parts) = quoted_parts::<S>(line, &mut context.clock) else {
            return false;
        };
        if parts.combined != COMBINED {
            return false;
        }
        parts.head.store(record);
        route(line, parts.request.0, parts.request.1, record);
        record.status = parts.status;
        record.bytes_sent = parts.bytes_sent;
        record.duration_ns = tail_time::<S>(line, parts.tail).nanos(self.integer_unit_ns);
        true
    }
}

/// An unquoted request.
struct Bare {
    /// Nanoseconds of the unit of a time that is written as an integer.
    integer_unit_ns: u64,
}

impl LineFormat for Bare {
    const COLUMNS: Columns = COLUMNS;

    fn may_begin_with(&self, byte: u8) -> bool {
        may_begin(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let Some(head) = head::<S>(line, &mut context.clock) else {
            return false;
        };
        // `] `; what lies beyond the line's end can match too, but then no method is found.
        if line.u16_at(head.end) != u16::from_le_bytes(*b"] ") {
            return false;
        }
        let method = head.end + 2;
        let method_len = method_len(line, method, line.len());
        let target = method + method_len + 1;
        let target_end = line.find::<S>(target, b' ');
        if method_len == 0 || target_end <= target || target_end == line.len() {
            return false;
        }
        let mut at = target_end + 1;
        if starts_with_http(line, at) {
            at = line.find::<S>(at, b' ') + 1;
        }
        let Some(status) = status_at(line, at) else {
            return false;
        };
        let after = at + 3;
        if after < line.len() {
            if line.byte(after) != b' ' {
                return false;
            }
            self.size_and_time(line, after + 1, record);
        }
        head.store(record);
        record.method = Text::of_line(method, method + method_len);
        record.path = Text::of_line(target, target_end);
        record.status = status;
        true
    }
}

impl Bare {
    /// What may follow the status: a time, or a size and a time.
    #[inline(always)]
    fn size_and_time(&self, line: Line<'_>, at: usize, record: &mut Record) {
        let number_at = |at| number_at(line, at).filter(|number| number.ends_field(line));
        if let Some(number) = number_at(at).filter(|number| !number.is_integer()) {
            record.duration_ns = number.time().nanos(self.integer_unit_ns);
        } else if let Some((bytes_sent, end)) = size_at(line, at) {
            record.bytes_sent = bytes_sent;
            if let Some(number) = number_at(end + 1) {
                record.duration_ns = number.time().nanos(self.integer_unit_ns);
            }
        }
    }
}

/// Whether a line may begin so. Control bytes, quotes and brackets other than `[` begin other
/// formats.
#[inline(always)]
fn may_begin(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'_' | b'[')
}

/// What comes before the request.
struct Head {
    /// Where the client is; empty for none.
    client: (usize, usize),
    time: Stamp,
    /// Position of the `]`.
    end: usize,
}

impl Head {
    #[inline(always)]
    fn store(&self, record: &mut Record) {
        record.time_ns = self.time.nanos_since_epoch();
        record.second = self.time.second;
        record.client = Text::of_line(self.client.0, self.client.1);
    }
}

/// Bit `k` is set where byte `i + k` equals `byte`, for the 64 bytes from `i` inside the line.
#[inline(always)]
fn eq64<S: Simd>(line: Line<'_>, i: usize, byte: u8) -> u64 {
    u64::from(line.eq32::<S>(i, byte)) | u64::from(line.eq32::<S>(i + 32, byte)) << 32
}

#[inline(always)]
fn head<S: Simd>(line: Line<'_>, clock: &mut Clock) -> Option<Head> {
    // Nearly always the bracket is within 64 bytes, and one word of masks answers everything.
    let spaces = eq64::<S>(line, 0, b' ');
    let brackets = eq64::<S>(line, 0, b'[') & spaces << 1;
    let (client, open) = if brackets != 0 {
        let open = brackets.trailing_zeros() as usize;
        let spaces = spaces & ((1 << open) - 1);
        let host_end = spaces.trailing_zeros() as usize;
        match spaces.count_ones() {
            0..3 => return None,
            3 => ((0, host_end), open),
            _ => (client_of_many_words(line, host_end), open),
        }
    } else {
        long_head(line)?
    };
    let (time, end) = clock.clf(line, open + 1)?;
    if end >= line.len() || line.byte(end) != b']' || !may_begin(line.byte(0)) {
        return None;
    }
    let client =
        if client.1 - client.0 == 1 && line.byte(client.0) == b'-' { (0, 0) } else { client };
    Some(Head { client, time, end })
}

/// Client and bracket of a line whose first 64 bytes do not hold the timestamp's bracket.
#[cold]
#[inline(never)]
fn long_head(line: Line<'_>) -> Option<((usize, usize), usize)> {
    let bytes = &line.bytes()[..line.len().min(HEAD_BYTES_MAX)];
    let open = memchr::memchr_iter(b'[', bytes).find(|&i| i > 0 && bytes[i - 1] == b' ')?;
    let words = &bytes[..open];
    let host_end = memchr::memchr(b' ', words)?;
    match memchr::memchr_iter(b' ', words).take(4).count() {
        0..3 => None,
        3 => Some(((0, host_end), open)),
        _ => Some((client_of_many_words(line, host_end), open)),
    }
}

/// The client where four spaces or more come before the timestamp: the second word if the first
/// one is a virtual host with its port.
#[cold]
fn client_of_many_words(line: Line<'_>, first_end: usize) -> (usize, usize) {
    let bytes = line.bytes();
    let port = bytes[..first_end].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let has_port =
        (1..=5).contains(&port) && first_end > port && bytes[first_end - port - 1] == b':';
    let second = first_end + 1;
    let second_end = second + memchr::memchr(b' ', &bytes[second..]).unwrap_or(0);
    if has_port && second_end > second && &bytes[second..second_end] != b"-" {
        (second, second_end)
    } else {
        (0, first_end)
    }
}

/// The parts of a combined or common line.
struct Parts {
    head: Head,
    /// Inside the quotes.
    request: (usize, usize),
    status: u16,
    bytes_sent: u64,
    /// Whether a quoted referer and a quoted user agent follow.
    combined: bool,
    /// After the size, or after the user agent: the space before the tail, if there is one.
    tail: usize,
}

#[inline(always)]
fn quoted_parts<S: Simd>(line: Line<'_>, clock: &mut Clock) -> Option<Parts> {
    let head = head::<S>(line, clock)?;
    // Loads that run over the line's end may find anything, but no closing quote is found there.
    if line.u32_at(head.end) & 0x00FF_FFFF != u32::from_le_bytes(*b"] \"\0") {
        return None;
    }
    let request = head.end + 3;
    let request_end = closing_quote::<S>(line, request)?;
    if line.byte(request_end + 1) != b' ' || line.byte(request_end + 5) != b' ' {
        return None;
    }
    let status = status_at(line, request_end + 2)?;
    let (bytes_sent, size_end) = size_at(line, request_end + 6)?;
    let two = two_quoted::<S>(line, size_end);
    Some(Parts {
        head,
        request: (request, request_end),
        status,
        bytes_sent,
        combined: two.is_some(),
        tail: two.unwrap_or(size_end),
    })
}

/// The end of two quoted fields, each after a space, that begin at `at`.
#[inline(always)]
fn two_quoted<S: Simd>(line: Line<'_>, at: usize) -> Option<usize> {
    let open = u16::from_le_bytes(*b" \"");
    if line.u16_at(at) != open {
        return None;
    }
    let first = closing_quote::<S>(line, at + 2)?;
    if line.u16_at(first + 1) != open {
        return None;
    }
    Some(closing_quote::<S>(line, first + 3)? + 1)
}

/// The quote that closes a field whose inside begins at `from`.
#[inline(always)]
fn closing_quote<S: Simd>(line: Line<'_>, from: usize) -> Option<usize> {
    let mut i = from;
    while i < line.len() {
        let mut mask = eq64::<S>(line, i, b'"');
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
fn status_at(line: Line<'_>, at: usize) -> Option<u16> {
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
        return (digits == 0).then_some(NO_STATUS);
    }
    // The first digit is in the lowest byte.
    Some(((digits & 0xF) * 100 + (digits >> 8 & 0xF) * 10 + (digits >> 16)) as u16)
}

/// A size and the position after it, where the line ends or a space is.
#[inline(always)]
fn size_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let (value, end) = match integer_at(line, at) {
        Some(found) => found,
        None if at < line.len() && line.byte(at) == b'-' => (NO_BYTES, at + 1),
        None => return None,
    };
    (end == line.len() || line.byte(end) == b' ').then_some((value, end))
}

/// How many of the bytes of `word`, from the lowest, are digits before the first that is not.
#[inline(always)]
fn leading_digits(word: u64) -> usize {
    let x = word ^ 0x3030_3030_3030_3030;
    // A byte above 9 gets its highest bit; carries only spoil the bytes after the first such one.
    let above_9 = (x.wrapping_add(0x7676_7676_7676_7676) | x) & 0x8080_8080_8080_8080;
    above_9.trailing_zeros() as usize / 8
}

/// The value of eight digits (or zero bytes in place of leading ones), the first one lowest.
#[inline(always)]
fn eight_digits(word: u64) -> u64 {
    let pairs = (word & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(100 << 16 | 1) >> 16;
    (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(10_000 << 32 | 1) >> 32
}

/// 1–19 digits and the position after them; None if there are none, or more.
#[inline(always)]
fn integer_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let word = line.u64_at(at);
    let count = leading_digits(word).min(line.len().saturating_sub(at));
    if count == 0 {
        return None;
    }
    if count == 8 {
        return long_integer_at(line, at);
    }
    Some((eight_digits(word << (64 - 8 * count)), at + count))
}

#[cold]
#[inline(never)]
fn long_integer_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let digits = &line.bytes()[at..];
    let count = digits.iter().take(20).take_while(|b| b.is_ascii_digit()).count();
    // Nineteen digits always fit.
    (count < 20).then(|| {
        let value = digits[..count].iter().fold(0, |v, b| v * 10 + u64::from(b - b'0'));
        (value, at + count)
    })
}

/// One or more decimals as billionths, and the position after them.
#[inline(always)]
fn decimals_at(line: Line<'_>, at: usize) -> Option<(u64, usize)> {
    let word = line.u64_at(at);
    let count = leading_digits(word).min(line.len().saturating_sub(at));
    if count == 0 {
        return None;
    }
    if count == 8 {
        return Some(long_decimals_at(line, at));
    }
    // Zeros in place of what comes after the decimals.
    let kept = (1u64 << (8 * count)) - 1;
    Some((eight_digits(word & kept) * 10, at + count))
}

#[cold]
#[inline(never)]
fn long_decimals_at(line: Line<'_>, at: usize) -> (u64, usize) {
    let digits = &line.bytes()[at..];
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let kept = &digits[..count.min(9)];
    let value = kept.iter().fold(0, |v, b| v * 10 + u64::from(b - b'0'));
    let billionths = value * 10u64.pow(9 - kept.len() as u32);
    (billionths, at + count)
}

/// A response time as written.
#[derive(Clone, Copy)]
struct Number {
    whole: u64,
    billionths: u64,
    has_decimals: bool,
    /// Nanoseconds of the unit that is written, or 0.
    unit_ns: u64,
    /// Position after it.
    end: usize,
}

impl Number {
    #[inline(always)]
    fn is_integer(self) -> bool {
        !self.has_decimals && self.unit_ns == 0
    }

    /// Whether the line ends here, or what follows may follow a number.
    #[inline(always)]
    fn ends_field(self, line: Line<'_>) -> bool {
        self.end == line.len() || matches!(line.byte(self.end), b' ' | b',' | b';')
    }

    #[inline(always)]
    fn time(self) -> Time {
        if self.is_integer() {
            return Time { value: self.whole, is_integer: true };
        }
        let unit_ns = if self.unit_ns == 0 { Unit::Seconds.nanos() } else { self.unit_ns };
        Time { value: nanos_of(self.whole, self.billionths, unit_ns), is_integer: false }
    }
}

#[inline(always)]
fn nanos_of(whole: u64, billionths: u64, unit_ns: u64) -> u64 {
    // Less than 10^9 times at most 10^9; exact for seconds.
    let part = (billionths * unit_ns + 500_000_000) / 1_000_000_000;
    match whole.checked_mul(unit_ns).and_then(|nanos| nanos.checked_add(part)) {
        Some(nanos) if nanos <= DURATION_NS_MAX => nanos,
        _ => NO_DURATION,
    }
}

/// The number at `at`, whatever follows it.
#[inline(always)]
fn number_at(line: Line<'_>, at: usize) -> Option<Number> {
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

/// A response time whose unit may not be known yet.
#[derive(Clone, Copy)]
struct Time {
    /// Nanoseconds or [`NO_DURATION`]; or, of an integer, what is written.
    value: u64,
    is_integer: bool,
}

impl Time {
    const NONE: Time = Time { value: NO_DURATION, is_integer: false };

    #[inline(always)]
    fn nanos(self, integer_unit_ns: u64) -> u64 {
        if self.is_integer { nanos_of(self.value, 0, integer_unit_ns) } else { self.value }
    }
}

/// The response time in what follows the size or the user agent, which ends at `end`.
#[inline(always)]
fn tail_time<S: Simd>(line: Line<'_>, end: usize) -> Time {
    let at = end + 1;
    if at >= line.len() || line.byte(end) != b' ' {
        return Time::NONE;
    }
    if let Some(value) = short_seconds_at(line, at) {
        Time { value, is_integer: false }
    } else if line.byte(at).is_ascii_digit() {
        unnamed_time(line, at)
    } else {
        fields_time::<S>(line, at)
    }
}

/// The nanoseconds of a number with decimals and without unit, if with what ends it it is at most
/// eight bytes long. What [`unnamed_time`] says too, but at half the price.
#[inline(always)]
fn short_seconds_at(line: Line<'_>, at: usize) -> Option<u64> {
    const SCALE: [u64; 8] = [0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100];
    let word = line.u64_at(at);
    let whole = leading_digits(word);
    if whole == 0 || whole > 5 || (word >> (8 * whole)) as u8 != b'.' {
        return None;
    }
    let after = word >> (8 * whole) >> 8;
    let decimals = leading_digits(after).min(line.len().saturating_sub(at + whole + 1));
    let len = whole + 1 + decimals;
    let ends =
        at + len == line.len() || matches!((word >> (8 * (len & 7))) as u8, b' ' | b',' | b';');
    if decimals == 0 || len > 7 || !ends {
        return None;
    }
    // The digits without the point, as the last ones of eight.
    let digits = word & ((1 << (8 * whole)) - 1) | after << (8 * whole);
    let value = eight_digits(digits << (8 * (8 - whole - decimals)));
    Some(value * SCALE[decimals])
}

/// The response time of a field that begins with a digit: rule 2 of the module's text.
#[inline(always)]
fn unnamed_time(line: Line<'_>, at: usize) -> Time {
    match number_at(line, at) {
        Some(number) if number.ends_field(line) => {
            if number.is_integer() && number.end < line.len() {
                after_integer(line, number)
            } else {
                number.time()
            }
        }
        _ => Time::NONE,
    }
}

/// An integer that does not end the line, unless what follows shows that it is not a time.
#[inline(never)]
fn after_integer(line: Line<'_>, integer: Number) -> Time {
    // A space is there: the line goes on.
    let next = if line.byte(integer.end) == b' ' { number_at(line, integer.end + 1) } else { None };
    match next {
        Some(next) if next.has_decimals && next.unit_ns == 0 && next.ends_field(line) => {
            return next.time();
        }
        _ => {}
    }
    traefik_time(line).unwrap_or(integer.time())
}

/// The milliseconds at the end of a line of Traefik.
fn traefik_time(line: Line<'_>) -> Option<Time> {
    let before = line.bytes().strip_suffix(b"ms")?;
    let count = before.iter().rev().take(19).take_while(|b| b.is_ascii_digit()).count();
    let (before, digits) = before.split_at(before.len() - count);
    if !(1..=18).contains(&count) || !before.ends_with(b"\" ") {
        return None;
    }
    let value = digits.iter().fold(0, |v, b| v * 10 + u64::from(b - b'0'));
    Some(Time { value: nanos_of(value, 0, Unit::Milliseconds.nanos()), is_integer: false })
}

/// The response time in fields of which the first is not a bare number: rules 1 to 4.
#[inline(never)]
fn fields_time<S: Simd>(line: Line<'_>, mut at: usize) -> Time {
    for _ in 0..TAIL_FIELDS_MAX {
        if at >= line.len() {
            return Time::NONE;
        }
        let first = line.byte(at);
        if first.is_ascii_digit() {
            return unnamed_time(line, at);
        }
        let end = if first == b'"' {
            let Some(close) = closing_quote::<S>(line, at + 1) else {
                return Time::NONE;
            };
            if let Some(time) = quoted_time(line, at + 1) {
                return time;
            }
            close + 1
        } else {
            match named_field::<S>(line, at) {
                Named::Time(time) => return time,
                Named::Other(end) => end,
                Named::No => return Time::NONE,
            }
        };
        if line.byte(end) != b' ' {
            return Time::NONE;
        }
        at = end + 1;
    }
    Time::NONE
}

/// The number that a closed quoted field, whose inside begins at `at`, begins with.
fn quoted_time(line: Line<'_>, at: usize) -> Option<Time> {
    let number = number_at(line, at)?;
    let ends =
        number.end < line.len() && matches!(line.byte(number.end), b' ' | b',' | b';' | b'"');
    ends.then(|| number.time())
}

enum Named {
    /// It is the response time, or was to be.
    Time(Time),
    /// It is another field, which ends here.
    Other(usize),
    /// It is not a named field, or it is not closed.
    No,
}

fn named_field<S: Simd>(line: Line<'_>, at: usize) -> Named {
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
    let close = if is_quoted { closing_quote::<S>(line, value + 1) } else { None };
    if is_quoted && close.is_none() {
        return Named::No;
    }
    if matches!(&bytes[..name_len], b"rt" | b"request_time") {
        return Named::Time(if is_quoted {
            quoted_time(line, value + 1).unwrap_or(Time::NONE)
        } else {
            number_at(line, value).filter(|n| n.ends_field(line)).map_or(Time::NONE, Number::time)
        });
    }
    Named::Other(close.map_or_else(|| line.find::<S>(value, b' '), |close| close + 1))
}

/// Whether `HTTP/` is at `at`, inside the line.
#[inline(always)]
fn starts_with_http(line: Line<'_>, at: usize) -> bool {
    const MASK: u64 = (1 << 40) - 1;
    line.u64_at(at) & MASK == u64::from_le_bytes(*b"HTTP/\0\0\0") && at + 5 <= line.len()
}

/// Length of the method at `at` if a space follows it before `end`, else 0.
#[inline(always)]
fn method_len(line: Line<'_>, at: usize, end: usize) -> usize {
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
fn route(line: Line<'_>, at: usize, end: usize, record: &mut Record) {
    let len = method_len(line, at, end);
    if len == 0 {
        return;
    }
    let target = at + len + 1;
    let target_end = target_end(line, target, end);
    if target < target_end {
        record.method = Text::of_line(at, at + len);
        record.path = Text::of_line(target, target_end);
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::NO_TIME;
    use crate::lines::{PAD, PaddedLine};
    use proptest::prelude::*;

    /// What a line says, with its texts.
    #[derive(Debug, Clone, PartialEq)]
    struct Said {
        format: &'static str,
        time_ns: i64,
        status: u16,
        bytes_sent: Option<u64>,
        duration_ns: Option<u64>,
        method: Vec<u8>,
        path: Vec<u8>,
        client: Vec<u8>,
    }

    fn context() -> Context {
        Context::new(Clock::utc())
    }

    fn say_with(entry: &Entry, line: Line<'_>, params: &Params) -> Option<Said> {
        let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
        let format = (entry.build)(params);
        if !format.parse_line(line, &mut context(), &mut arena, &mut record) {
            return None;
        }
        let bytes = line.bytes();
        assert!(format.may_begin_with(bytes[0]), "the filter must let every record through");
        assert!(arena.is_empty());
        assert!(record.time_ns != NO_TIME);
        assert_eq!(record.second, record.time_ns.div_euclid(1_000_000_000));
        let text = |text: Text| text.bytes(bytes, &[]).to_vec();
        Some(Said {
            format: entry.info.name,
            time_ns: record.time_ns,
            status: record.status,
            bytes_sent: Some(record.bytes_sent).filter(|&b| b != NO_BYTES),
            duration_ns: Some(record.duration_ns).filter(|&d| d != NO_DURATION),
            method: text(record.method),
            path: text(record.path),
            client: text(record.client),
        })
    }

    /// The one format that takes the line.
    fn say(bytes: &[u8]) -> Option<Said> {
        let padded = PaddedLine::new(bytes);
        let said: Vec<_> = [&COMBINED, &COMMON, &BARE]
            .into_iter()
            .filter_map(|entry| say_with(entry, padded.line(), &Params::default()))
            .collect();
        assert!(said.len() < 2, "two formats take the line: {said:?}");
        said.into_iter().next()
    }

    fn said(line: &str) -> Said {
        say(line.as_bytes()).unwrap_or_else(|| panic!("not a record: {line}"))
    }

    const HEAD: &str = "192.0.2.7 - - [24/Jan/2024:10:15:32 +0000]";
    const MS: u64 = 1_000_000;

    fn duration(tail: &str) -> Option<u64> {
        let common = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5{tail}"));
        let combined = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\"{tail}"));
        assert_eq!((common.format, combined.format), ("common", "combined"), "{tail}");
        assert_eq!(common.duration_ns, combined.duration_ns, "{tail}");
        combined.duration_ns
    }

    #[test]
    fn examples_of_vendors() {
        // Apache's manual.
        let line = "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \
                    \"GET /apache_pb.gif HTTP/1.0\" 200 2326";
        let expected = Said {
            format: "common",
            time_ns: 971_211_336_000_000_000,
            status: 200,
            bytes_sent: Some(2326),
            duration_ns: None,
            method: b"GET".to_vec(),
            path: b"/apache_pb.gif".to_vec(),
            client: b"127.0.0.1".to_vec(),
        };
        assert_eq!(said(line), expected);
        let line = format!(
            "{line} \"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\""
        );
        assert_eq!(said(&line), Said { format: "combined", ..expected });

        // ingress-nginx's default.
        let line = "10.0.0.5 - - [24/Jan/2024:10:15:32 +0000] \"POST /cart HTTP/2.0\" 201 12 \
                    \"-\" \"k6/0.49\" 614 0.037 [shop-cart-80] [] 10.42.0.9:8080 12 0.036 201 \
                    6fd1";
        assert_eq!(said(line).duration_ns, Some(37 * MS));

        // Traefik's CLF.
        let line = "10.0.0.5 - - [24/Jan/2024:10:15:32 +0000] \"GET /a HTTP/1.1\" 200 12 \
                    \"-\" \"-\" 42 \"web@docker\" \"http://10.0.0.9:80\" 105ms";
        assert_eq!(said(line).duration_ns, Some(105 * MS));

        // The bare one of the commission.
        let line = "192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms";
        let expected = Said {
            format: "access",
            time_ns: 1_706_091_333_125_000_000,
            status: 200,
            bytes_sent: None,
            duration_ns: Some(105 * MS),
            method: b"GET".to_vec(),
            path: b"/api/data".to_vec(),
            client: b"192.168.1.1".to_vec(),
        };
        assert_eq!(said(line), expected);
        assert_eq!(said(&format!("{line} req-17 [worker 4]")), expected);
        for entry in [&COMBINED, &COMMON, &BARE] {
            assert_eq!(said(entry.info.example).format, entry.info.name);
        }
    }

    #[test]
    fn clients() {
        let client = |head: &str| {
            let line = format!("{head} [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5");
            say(line.as_bytes()).map(|said| String::from_utf8(said.client).unwrap())
        };
        let some = |client: &str| Some(client.to_string());
        assert_eq!(client("2001:db8::1 - -"), some("2001:db8::1"));
        assert_eq!(client("[2001:db8::1] - -"), some("[2001:db8::1]"));
        assert_eq!(client("::1 - -"), some("::1"));
        assert_eq!(client("host.example.com ident alice"), some("host.example.com"));
        assert_eq!(client("- - -"), some(""));
        assert_eq!(client("unix: - -"), some("unix:"));
        assert_eq!(client("192.0.2.7 - Alice B. Carroll"), some("192.0.2.7"));
        assert_eq!(client("192.0.2.7:80 - Alice B."), some("192.0.2.7:80"));
        assert_eq!(client("www.example.com:443 192.0.2.7 - -"), some("192.0.2.7"));
        assert_eq!(client("[2001:db8::1]:443 ::1 - al ice"), some("::1"));
        assert_eq!(client("www.example.com:443456 192.0.2.7 - -"), some("www.example.com:443456"));
        let long = "u ".repeat(240);
        assert_eq!(client(&format!("192.0.2.7 - {long}")), some("192.0.2.7"));
        assert_eq!(client(&format!("192.0.2.7 - {long}{long}")), None);
        assert_eq!(client("192.0.2.7 -"), None);
        assert_eq!(client(" - - -"), None);
        assert_eq!(client("\"192.0.2.7 - -"), None);
    }

    #[test]
    fn requests() {
        let route = |request: &str| {
            let said = said(&format!("{HEAD} \"{request}\" 400 -"));
            assert_eq!(said.bytes_sent, None);
            let text = |bytes| String::from_utf8(bytes).unwrap();
            (text(said.method), text(said.path))
        };
        let some = |method: &str, path: &str| (method.to_string(), path.to_string());
        assert_eq!(route("GET /a?b=c&d HTTP/1.1"), some("GET", "/a?b=c&d"));
        assert_eq!(route("GET /"), some("GET", "/"));
        assert_eq!(route("GET /a b"), some("GET", "/a b"));
        assert_eq!(route("GET /a b HTTP/1.1"), some("GET", "/a b"));
        assert_eq!(route("get http://example.com/x HTTP/3"), some("get", "http://example.com/x"));
        assert_eq!(route("CONNECT example.com:443 HTTP/1.1"), some("CONNECT", "example.com:443"));
        assert_eq!(route("OPTIONS * HTTP/1.0"), some("OPTIONS", "*"));
        assert_eq!(route("M-SEARCH * HTTP/1.1"), some("M-SEARCH", "*"));
        assert_eq!(route("SSTP_DUPLEX_POST /sra/ HTTP/1.1"), some("SSTP_DUPLEX_POST", "/sra/"));
        assert_eq!(route("ABCDEFGHIJKLMNOPQRST / HTTP/1.1"), some("ABCDEFGHIJKLMNOPQRST", "/"));
        assert_eq!(route(r#"GET /\"q\" HTTP/1.1"#), some("GET", r#"/\"q\""#));
        assert_eq!(route(r"GET /q\\"), some("GET", r"/q\\"));
        let none = [
            "",
            "-",
            "\\x16\\x03\\x01",
            "GET",
            "GET ",
            "GET  HTTP/1.1",
            "GET HTTP/1.1",
            "quit",
            "t3 12.1.2",
            "hello world",
            " / HTTP/1.1",
            "ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1",
            "G\u{e9}T / HTTP/1.1",
            "\u{16}\u{3}\u{1}",
        ];
        for request in none {
            assert_eq!(route(request), some("", ""), "{request}");
        }
    }

    #[test]
    fn response_times() {
        assert_eq!(duration(" 0.123"), Some(123 * MS));
        assert_eq!(duration(" 0.000"), Some(0));
        assert_eq!(duration(" 12.5"), Some(12_500 * MS));
        assert_eq!(duration(" 0.123456"), Some(123_456_000));
        assert_eq!(duration(" 0.1234567899"), Some(123_456_789));
        assert_eq!(duration(" 123456.5 x"), Some(123_456_500 * MS));
        assert_eq!(duration(" 1500"), Some(1_500_000));
        assert_eq!(duration(" 123456789"), Some(123_456_789_000));
        assert_eq!(duration(" 105ms"), Some(105 * MS));
        assert_eq!(duration(" 2.5us"), Some(2_500));
        assert_eq!(duration(" 1.4ns"), Some(1));
        assert_eq!(duration(" 1.5ns"), Some(2));
        assert_eq!(duration(" 7\u{b5}s"), Some(7_000));
        assert_eq!(duration(" 7\u{3bc}s 8s"), Some(7_000));
        assert_eq!(duration(" 3s"), Some(3_000 * MS));
        assert_eq!(duration(" rt=0.123 uct=0.001"), Some(123 * MS));
        assert_eq!(duration(" request_time=0.123"), Some(123 * MS));
        assert_eq!(duration(" rt=\"0.123\" x"), Some(123 * MS));
        assert_eq!(duration(" sn=\"my site\" ua=a rt=0.123;"), Some(123 * MS));
        assert_eq!(duration(" \"-\" 0.123"), Some(123 * MS));
        assert_eq!(duration(" \"203.0.113.9, 10.0.0.1\" rt=0.123"), Some(123 * MS));
        assert_eq!(duration(" 0.024, 0.001 : 0.003"), Some(24 * MS));
        assert_eq!(duration(" 0.024 -"), Some(24 * MS));
        assert_eq!(duration(" 512 0.024"), Some(24 * MS));
        assert_eq!(duration(" 512 7"), Some(512_000));
        let quoted = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"a\" \"b\" \"0.123\""));
        assert_eq!(quoted.duration_ns, Some(123 * MS));
        let quoted = said(&format!("{HEAD} \"GET / HTTP/1.1\" 200 5 \"0.024, 0.001\""));
        assert_eq!((quoted.format, quoted.duration_ns), ("common", Some(24 * MS)));
        let none = [
            "",
            " ",
            " -",
            " - 0.123",
            " x 0.123",
            " 0.123x",
            " 1.2.3.4",
            " 12.",
            " .5",
            " 12m",
            " 10.0.0.1:80 0.123",
            " \"-",
            " \"-\"x 0.123",
            " rt=",
            " rt=-",
            " rt=\"0.123",
            " 12345678901234567890",
            " 9223372036854776",
            " 0.123\"",
        ];
        for tail in none {
            assert_eq!(duration(tail), None, "{tail}");
        }
        assert_eq!(duration(" 9223372036854775"), Some(9_223_372_036_854_775_000));

        let padded = PaddedLine::new(format!("{HEAD} \"GET / HTTP/1.1\" 200 5 250").as_bytes());
        let params = Params { duration_unit: Some(Unit::Milliseconds) };
        let said = say_with(&COMMON, padded.line(), &params).unwrap();
        assert_eq!(said.duration_ns, Some(250 * MS));
        assert_eq!(integer_time(padded.line(), &mut Clock::utc()), Some(250));
    }

    #[test]
    fn bare_lines() {
        let rest = |rest: &str| {
            say(format!("{HEAD} GET /x HTTP/1.1 200{rest}").as_bytes())
                .map(|said| (said.bytes_sent, said.duration_ns))
        };
        assert_eq!(rest(""), Some((None, None)));
        assert_eq!(rest(" 5 105ms"), Some((Some(5), Some(105 * MS))));
        assert_eq!(rest(" - 105ms x"), Some((None, Some(105 * MS))));
        assert_eq!(rest(" 0.5"), Some((None, Some(500 * MS))));
        assert_eq!(rest(" 5"), Some((Some(5), None)));
        assert_eq!(rest(" 5 7"), Some((Some(5), Some(7_000))));
        assert_eq!(rest(" 5 x"), Some((Some(5), None)));
        assert_eq!(rest(" OK 105ms"), Some((None, None)));
        assert_eq!(rest(" 105msx"), Some((None, None)));
        assert_eq!(rest("x"), None);
        assert!(say(format!("{HEAD} GET /x 200 105ms").as_bytes()).is_some());
        assert!(say(format!("{HEAD} GET 200 105ms").as_bytes()).is_none());
        assert!(say(format!("{HEAD} GET /x HTTP/1.1").as_bytes()).is_none());
        assert!(say(format!("{HEAD} GET /x").as_bytes()).is_none());
    }

    #[test]
    fn lines_that_are_no_records() {
        for rest in [
            "",
            " ",
            " \"GET / HTTP/1.1\"",
            " \"GET / HTTP/1.1\" 200",
            " \"GET / HTTP/1.1\" 200 ",
            " \"GET / HTTP/1.1\" 099 5",
            " \"GET / HTTP/1.1\" 20 5",
            " \"GET / HTTP/1.1\" 2000 5",
            " \"GET / HTTP/1.1\" 2x0 5",
            " \"GET / HTTP/1.1\" 200 5x",
            " \"GET / HTTP/1.1\" 200 -1",
            " \"GET / HTTP/1.1\"  200 5",
            "  \"GET / HTTP/1.1\" 200 5",
            " \"GET / HTTP/1.1 200 5",
            " \"GET / HTTP/1.1\\\" 200 5",
            " \"GET / HTTP/1.1\" 200 12345678901234567890",
            " \"GET / HTTP/1.1\" 2:0 5",
        ] {
            assert_eq!(say(format!("{HEAD}{rest}").as_bytes()), None, "{rest}");
        }
        let rest = "\"GET / HTTP/1.1\" 200 5";
        assert!(say(format!("1 - - [24/Jan/2024:10:15:32 +0000 {rest}").as_bytes()).is_none());
        assert!(say(format!("1 - - [32/Jan/2024:10:15:32 +0000] {rest}").as_bytes()).is_none());
        assert!(say(b"1 - - [24/Jan/2024:10:15:32 +0000").is_none());
        assert!(say(b"1 - - [").is_none());
        // A torn line keeps what it has.
        let torn = said(&format!("{HEAD} {rest} \"-\" \"Mozilla/5.0 (X11"));
        assert_eq!((torn.format, torn.status), ("common", 200));
    }

    #[test]
    fn units_of_integers() {
        assert_eq!(guess_unit(&[]), Unit::Microseconds);
        assert_eq!(guess_unit(&[0, 0, 1, 0, 0, 2, 0, 30]), Unit::Seconds);
        assert_eq!(guess_unit(&[3, 12, 45, 8, 1_200, 33, 5]), Unit::Milliseconds);
        assert_eq!(guess_unit(&[95, 105, 127]), Unit::Milliseconds);
        assert_eq!(guess_unit(&[412, 380, 95_200, 700, 1_210, 350]), Unit::Microseconds);
        assert_eq!(guess_unit(&[33_412, 12_380, 95_200]), Unit::Microseconds);
    }

    fn word() -> impl Strategy<Value = String> {
        "[A-Za-z0-9_-][A-Za-z0-9_./-]{0,12}"
    }

    prop_compose! {
        /// A line and what it says.
        fn record()(
            client in prop_oneof![word(), Just("2001:db8::7".to_string())],
            user in "[a-z -]{0,70}",
            second in 0u32..60,
            nanos in 0u32..1_000,
            method in "[A-Za-z_-]{1,20}",
            path in "/[ -!#-\\[\\]-~]{0,40}",
            status in 100u16..=999,
            bytes_sent in prop::option::of(0u64..10_000_000_000_000_000_000),
            agents in prop::option::of(("[ -!#-\\[\\]-~]{0,80}", "([ -!#-\\[\\]-~]|\\\\\"|\\\\\\\\){0,150}")),
            micros in prop::option::of(0u64..10_000_000_000),
            style in 0usize..6,
        ) -> (String, Said) {
            let size = bytes_sent.map_or("-".to_string(), |b| b.to_string());
            let mut line = format!(
                "{client} - {user} [24/Jan/2024:10:15:{second:02}.{nanos:03} +0000] \
                 \"{method} {path} HTTP/1.1\" {status} {size}"
            );
            if let Some((referer, agent)) = &agents {
                line += &format!(" \"{referer}\" \"{agent}\"");
            }
            if let Some(micros) = micros {
                line += &match style {
                    0 => format!(" {}.{:06}", micros / 1_000_000, micros % 1_000_000),
                    1 => format!(" {micros} trail"),
                    2 => format!(" {micros}us"),
                    3 => format!(" {}.{:03}ms, 0.1", micros / 1_000, micros % 1_000),
                    4 => format!(" rt=\"{}.{:06}\"", micros / 1_000_000, micros % 1_000_000),
                    _ => format!(" x=\"a b\" \"-\" {micros}"),
                };
            }
            let said = Said {
                format: if agents.is_some() { "combined" } else { "common" },
                time_ns: 1_706_091_300_000_000_000
                    + i64::from(second) * 1_000_000_000
                    + i64::from(nanos) * 1_000_000,
                status,
                bytes_sent,
                duration_ns: micros.map(|m| m * 1_000),
                method: method.into_bytes(),
                path: path.into_bytes(),
                client: if client == "-" { vec![] } else { client.into_bytes() },
            };
            (line, said)
        }
    }

    proptest! {
        #[test]
        fn a_record_of_fields_round_trips((line, expected) in record()) {
            prop_assert_eq!(say(line.as_bytes()), Some(expected));
        }

        #[test]
        fn what_surrounds_the_line_does_not_matter(
            (line, _) in record(),
            cut in 0usize..400,
            edits in prop::collection::vec((0usize..400, prop_oneof![
                any::<u8>(), Just(b'"'), Just(b' '), Just(b'['), Just(b'\\'), Just(b'.'),
            ]), 0..4),
            around in prop_oneof![Just(b' '), Just(b'"'), Just(b'7'), Just(b'.'), any::<u8>()],
        ) {
            let mut bytes = line.into_bytes();
            for (at, byte) in edits {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate(cut.max(1));
            let mut buffer = vec![around; bytes.len() + 2 * PAD];
            buffer[PAD..PAD + bytes.len()].copy_from_slice(&bytes);
            let amid = Line::new(&buffer, PAD, PAD + bytes.len());
            let padded = PaddedLine::new(&bytes);
            for entry in [&COMBINED, &COMMON, &BARE] {
                let params = Params::default();
                prop_assert_eq!(say_with(entry, amid, &params), say_with(entry, padded.line(), &params));
            }
            say(&bytes);
            integer_time(amid, &mut Clock::utc());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 1..600)) {
            let padded = PaddedLine::new(&bytes);
            for at in 0..bytes.len().min(40) {
                let line = padded.line();
                number_at(line, at);
                tail_time::<Plain>(line, at);
                two_quoted::<Plain>(line, at);
                route(line, at, bytes.len(), &mut Record::EMPTY.clone());
            }
            say(&bytes);
        }

        #[test]
        fn the_short_way_reads_what_the_long_way_reads(text in "[0-9. ,;x]{1,12}") {
            let padded = PaddedLine::new(text.as_bytes());
            if let Some(nanos) = short_seconds_at(padded.line(), 0) {
                let time = unnamed_time(padded.line(), 0);
                prop_assert_eq!((time.value, time.is_integer), (nanos, false));
            }
        }
    }
}
