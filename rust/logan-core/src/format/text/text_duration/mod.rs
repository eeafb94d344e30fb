//! Response times in free text: `Request processed in 127ms`.
//!
//! # The rule
//! A *candidate* is a number (decimal digits, or one to three of them and groups of a comma and three
//! digits; then perhaps `.` and more digits; or only `.` and digits), a unit, and boundaries: at most
//! one space between number and unit; the byte before the number is white space or one of
//! `=:("'[,~`, and not a comma behind a digit if three digits follow; the byte after the unit is
//! not a letter, digit or `_` (or the text ends). Units: `ns us µs μs ms s`, and in any case `nsec nsecs nanos nanosecond nanoseconds usec
//! usecs micros microsecond microseconds msec msecs millis millisecond milliseconds sec secs second
//! seconds`.
//!
//! The candidates are tried from right to left; the first whose *context* qualifies is the response
//! time, unless it exceeds 2^63 − 1 ns, and then the record has none. The context is the part of the
//! message in the 32 bytes before the number, split into words: runs of ASCII letters, cut further
//! where a lower-case letter is followed by an upper-case one (`responseTime` is two words).
//! Compare without case, from the number leftwards:
//! 1. between number and nearest word stand only spaces, tabs and `=:("'[,~`, at least one byte;
//! 2. skip words that fill in: `of was is about only just approximately taken spent`;
//! 3. the next word is one of `in took duration elapsed latency time cost rt`;
//! 4. none of the three words before it is among `retry retrying retries retried wait waiting waits
//!    sleep sleeping timeout timeouts every next expires expire expiring expiry interval delay
//!    backoff ttl uptime`.
//!
//! Where that gives none, a number counts whose [name](named) says its unit: `duration_ms=12`. Other
//! numbers without a unit are no response times: their unit is unknown.

mod named;

use crate::bytes::line::{Line, Window};
use crate::bytes::simd::{Classes, Simd};
use crate::format::Unit;
use crate::record::{DURATION_NS_MAX, NO_DURATION};
use crate::time::{POWERS, eight_digits, trailing_digits};
use std::mem::MaybeUninit;

/// Bytes before a number that decide whether it is a response time.
const CONTEXT_BYTES: usize = 32;
/// Remembered contexts. The log statements of one program that end with a time are few.
const MEMO_SLOTS: usize = 64;

/// Remembers what was decided about contexts. A context decides alone, so this never shows.
///
/// # Fast path `duration-contexts`
/// ```text
/// slot = hash of the 8 bytes before the number
/// the 32 bytes before the number are the slot's: what was decided about them
/// else decide, and keep them
/// ```
/// Reference: `qualifies_slowly`. Compared by `instruction_sets_memo_and_rule_agree` and
/// `tests/fast_paths.rs`. Gain: time without it 2.1 on app text, 1.11 on mixed logs, 1.01 on
/// unlike ones (2026-11-28, AMD EPYC with AVX-512, other work beside it).
#[derive(Clone)]
pub struct Cache {
    slots: [Slot; MEMO_SLOTS],
    is_off: bool,
}

/// A context, right-aligned, how many bytes of it there are, and what was decided.
#[derive(Clone, Copy)]
struct Slot {
    context: [u8; CONTEXT_BYTES],
    len: u32,
    qualifies: bool,
}

impl Default for Cache {
    fn default() -> Self {
        // No context of no bytes qualifies.
        Cache {
            slots: [Slot { context: [0; CONTEXT_BYTES], len: 0, qualifies: false }; MEMO_SLOTS],
            is_off: false,
        }
    }
}

impl Cache {
    /// From now on each context is judged anew.
    pub fn switch_off(&mut self) {
        self.is_off = true;
    }
}

/// The response time in `line[from..]` in nanoseconds, or [`NO_DURATION`].
#[inline(always)]
pub fn find<S: Simd>(simd: S, line: Line<'_>, from: usize, memo: &mut Cache) -> u64 {
    match find_with_unit(simd, line, from, memo) {
        NO_DURATION => named::find(simd, line, from),
        found => found,
    }
}

/// As [`find`], without those whose names say the unit.
#[inline(always)]
fn find_with_unit<S: Simd>(simd: S, line: Line<'_>, from: usize, memo: &mut Cache) -> u64 {
    // Windows of 64 bytes, from the right.
    let mut end = line.len();
    // Units begin below this position; above it they had their turn.
    let mut limit = end;
    loop {
        let below = end.saturating_sub(from);
        if below < 2 {
            return NO_DURATION;
        }
        let mut units = units(simd, line.window_before(end)) & kept(below);
        units &= u64::MAX >> (end - limit);
        while units != 0 {
            let bit = 63 - units.leading_zeros() as usize;
            if let Some(nanos) = candidate(simd, line, from, end + bit - 64, memo) {
                return nanos;
            }
            units &= !(1 << bit);
        }
        if below <= 64 {
            return NO_DURATION;
        }
        // The next window overlaps by what tells of a unit at its end, its second letter, and by
        // the units whose digit was out of sight.
        limit = end - 62;
        end = limit + 1;
    }
}

/// As [`find`], from where no instruction set is chosen yet.
pub fn find_one(line: Line<'_>, from: usize, memo: &mut Cache) -> u64 {
    crate::dispatch!(find::<>(line: Line<'_>, from: usize, memo: &mut Cache) -> u64; line, from, memo)
}

/// What [`units`] asks of a byte. Of a letter's half bytes, the high one tells the half of the
/// alphabet and the case, the low one the letter.
static CLASSES: Classes = Classes::new(&[
    // Digits.
    (0b0000_0011_1111_1111, 1 << 0x3),
    // The space.
    (1 << 0x0, 1 << 0x2),
    // What units begin with: m, n, s, u, and µ and μ with their first bytes.
    (1 << 0xd | 1 << 0xe, 1 << 0x4 | 1 << 0x6),
    (1 << 0x3 | 1 << 0x5, 1 << 0x5 | 1 << 0x7),
    (1 << 0x2 | 1 << 0xe, 1 << 0xc),
    // Letters that are no unit's second, which is one of a, e, i, s.
    (!(1 << 0x0 | 1 << 0x1 | 1 << 0x5 | 1 << 0x9), 1 << 0x4 | 1 << 0x6),
    (0b0000_0111_1111_1111 & !(1 << 0x3), 1 << 0x5 | 1 << 0x7),
]);
const DIGIT: u8 = 1;
const SPACE: u8 = 1 << 1;
const FIRST: u8 = 1 << 2 | 1 << 3 | 1 << 4;
const NEVER_SECOND: u8 = 1 << 5 | 1 << 6;

/// Where in a window something begins that may be a unit behind a number: a superset of those that
/// [`unit_at`] takes. The byte behind the window counts as the end of the text.
#[inline(always)]
fn units<S: Simd>(simd: S, window: Window) -> u64 {
    let sets = [DIGIT, SPACE, FIRST, NEVER_SECOND];
    let [digits, spaces, first, never_second] = window.classes(simd, &CLASSES, sets);
    let after = digits << 1;
    (after | (after & spaces) << 1) & first & !(never_second >> 1)
}

/// The bits of a window for all but the first of the last `below` bytes: what stands there may
/// have a digit before it.
#[inline(always)]
fn kept(below: usize) -> u64 {
    let last = below.min(64) as u32;
    // For no bytes the shift would be one of 64, which the processor takes for none.
    (!1u64).wrapping_shl(64 - last) & u64::from(last > 0).wrapping_neg()
}

/// Texts that are searched at once.
pub const TEXTS_MAX: usize = 128;

/// Calls `found` with the index and the response time of each of so many texts that has one.
///
/// The twin of [`find`] for many texts. The processor cannot predict which lines end with a time,
/// so that is found out for all of them first, without a branch.
///
/// No letter, digit or `_` may stand right behind a text; at the end of a line none does.
///
/// # Panics
/// If there are more than [`TEXTS_MAX`] texts.
#[inline(always)]
pub fn find_many<'a, S: Simd>(
    simd: S,
    texts: usize,
    text: impl Fn(usize) -> Line<'a>,
    memo: &mut Cache,
    mut found: impl FnMut(usize, u64),
) {
    assert!(texts <= TEXTS_MAX);
    // What most texts end with first, in loops that vector code can do: one over words of eight
    // bytes and nothing else.
    let (mut tails, mut digits) = ([0; TEXTS_MAX], [0; TEXTS_MAX]);
    for (i, tail) in tails[..texts].iter_mut().enumerate() {
        let text = text(i);
        // Of a shorter text the word would hold what is before it.
        let kept = u64::from(text.len() >= 8).wrapping_neg();
        *tail = text.tail(text.len()).u64_before(0) & kept;
    }
    for (digits, &tail) in digits.iter_mut().zip(&tails) {
        *digits = digits_at_end(tail);
    }
    const _: () = assert!(TEXTS_MAX == 128, "a power of two that a byte can count");
    let (mut whole, mut others) = ([0u8; TEXTS_MAX], [0u8; TEXTS_MAX]);
    let (mut whole_count, mut other_count) = (0, 0);
    for (i, &digits) in digits[..texts].iter().enumerate() {
        let is_whole = digits != 0;
        whole[whole_count % TEXTS_MAX] = i as u8;
        others[other_count % TEXTS_MAX] = i as u8;
        whole_count += usize::from(is_whole);
        other_count += usize::from(!is_whole);
    }
    for &i in &whole[..whole_count] {
        let i = usize::from(i) % TEXTS_MAX;
        let (text, tail, digits) = (text(i), tails[i], digits[i]);
        let unit = &LAST_UNITS[usize::from((tail >> 48) as u8)];
        let values = (tail << unit.bits ^ 0x3030_3030_3030_3030) & digits;
        let start = text.len() - (unit.bits + digits.count_ones()) as usize / 8;
        if qualifies(simd, text, 0, start, memo) {
            found(i, eight_digits(values) * u64::from(unit.nanos));
        } else {
            others[other_count % TEXTS_MAX] = i as u8;
            other_count += 1;
        }
    }
    let mut waiting = [const { MaybeUninit::<(u64, u32)>::uninit() }; TEXTS_MAX];
    let mut count = 0;
    for &i in &others[..other_count] {
        let text = text(usize::from(i));
        let window = text.last_window();
        let kept = kept(text.len());
        let units = units(simd, window) & kept;
        waiting[count].write((units, u32::from(i)));
        // What does not fit a window is looked at more closely.
        count += usize::from((units | named::signs(simd, window) & kept) != 0 || text.len() > 64);
    }
    for waiting in &waiting[..count] {
        // SAFETY: the loop above wrote all before `count`.
        let (units, i) = unsafe { waiting.assume_init_read() };
        let i = i as usize;
        let text = text(i);
        let nanos = match plain(simd, text, units, memo) {
            Some(nanos) => nanos,
            None => rest(simd, text, units, memo),
        };
        let nanos = if nanos == NO_DURATION { named::find(simd, text, 0) } else { nanos };
        if nanos != NO_DURATION {
            found(i, nanos);
        }
    }
}

/// Whether a text of at least eight bytes, of which these are the last, ends with a number in whole,
/// right behind it `s`, `ms`, `us` or `ns`, and before it in the eight bytes one of the most usual of
/// [`PLAIN_OPENING`]: 0, or ones where the number's digits are once the unit is shifted out.
///
/// Without a branch or a table, so that many are found out at once.
#[inline(always)]
fn digits_at_end(tail: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * EACH;
    let is_s = tail >> 56 == u64::from(b's');
    let before = tail >> 48 & 0xff;
    let is_digit = before.wrapping_sub(u64::from(b'0')) < 10;
    let is_one = |letter: u8| before == u64::from(letter);
    let is_letter = is_one(b'm') | is_one(b'u') | is_one(b'n');
    let shifted = if is_digit { tail << 8 } else { tail << 16 };
    // The high bit of each byte that is no digit, and of all bytes before such a one. What was
    // shifted in is none.
    let x = shifted ^ (0x30 * EACH);
    let mut other = ((x & !HIGH).wrapping_add(0x76 * EACH) | x) & HIGH;
    other |= other >> 8;
    other |= other >> 16;
    other |= other >> 32;
    let others = other | (other - (other >> 7));
    let digits = !others;
    let before = digits >> 8 & others;
    let is = |byte: u8| shifted & before == (u64::from(byte) * EACH) & before;
    let opens = is(b' ') | is(b'=') | is(b':') | is(b'(');
    if is_s & (is_digit | is_letter) & opens { digits } else { 0 }
}

/// A unit that ends with an `s`.
#[derive(Clone, Copy)]
struct LastUnit {
    nanos: u32,
    /// How many bits its letters have.
    bits: u32,
}

/// Units that end with an `s`, by the byte before that.
static LAST_UNITS: [LastUnit; 256] = {
    let mut units = [LastUnit { nanos: 0, bits: 0 }; 256];
    let mut digit = b'0';
    while digit <= b'9' {
        units[digit as usize] = LastUnit { nanos: 1_000_000_000, bits: 8 };
        digit += 1;
    }
    units[b'm' as usize] = LastUnit { nanos: 1_000_000, bits: 16 };
    units[b'u' as usize] = LastUnit { nanos: 1_000, bits: 16 };
    units[b'n' as usize] = LastUnit { nanos: 1, bits: 16 };
    units
};

/// The response time with a unit of a text whose last window has these `units`.
#[inline(always)]
fn rest<S: Simd>(simd: S, text: Line<'_>, mut units: u64, memo: &mut Cache) -> u64 {
    while units != 0 {
        let bit = 63 - units.leading_zeros() as usize;
        if let Some(nanos) = candidate(simd, text, 0, text.len() + bit - 64, memo) {
            return nanos;
        }
        units &= !(1 << bit);
    }
    if text.len() > 64 { find_with_unit(simd, text, 0, memo) } else { NO_DURATION }
}

/// The response time in a text whose last window has these `units`, in the most usual case: the
/// last unit is a short one, behind a number of up to eight digits in a context that qualifies.
///
/// Where it answers, [`candidate`] would answer the same.
#[inline(always)]
fn plain<S: Simd>(simd: S, text: Line<'_>, units: u64, memo: &mut Cache) -> Option<u64> {
    if units == 0 {
        return None;
    }
    let at = text.len() - 1 - units.leading_zeros() as usize;
    let tail = text.tail(at);
    let bytes = tail.u32_after();
    let unit = &SHORT_UNITS[(bytes >> 1 & 7) as usize];
    let is_unit = bytes & unit.mask == unit.bytes && !WORD[(bytes >> unit.bits) as usize & 0xff];
    let spaced = usize::from(tail.byte_before(1) == b' ');
    let (count, values) = trailing_digits(tail.u64_before(spaced));
    let digits = spaced + count as usize;
    // A point before the digits, a comma, or more digits are for the general way.
    let opens = PLAIN_OPENING[usize::from(tail.byte_before(digits + 1))];
    if !(is_unit & opens & (at > digits) & (count > 0)) {
        return None;
    }
    let number = eight_digits(values & !0 << (64 - 8 * count));
    qualifies(simd, text, 0, at - digits, memo).then(|| number * u64::from(unit.nanos))
}

/// The response time whose unit begins at `unit`, if it is one. A digit, or a digit and a space,
/// stand before `unit`, perhaps before `from`.
#[inline(always)]
fn candidate<S: Simd>(
    simd: S,
    line: Line<'_>,
    from: usize,
    unit: usize,
    memo: &mut Cache,
) -> Option<u64> {
    let unit_ns = unit_at(line, unit)?;
    let end = unit - usize::from(line.byte(unit - 1) == b' ');
    let (count, values) = trailing_digits(line.u64_before(end));
    let count = count as usize;
    if end <= from + count {
        return None;
    }
    let start = end - count;
    // Up to seven digits and no point before them; all else is rare.
    let (start, nanos) = if count < 8 && line.byte(start - 1) != b'.' {
        (start, Some(eight_digits(values & !0 << (64 - 8 * count)) * u64::from(unit_ns)))
    } else {
        decimal(line, from, end, unit_ns)?
    };
    if start <= from || !OPENING[usize::from(line.byte(start - 1))] {
        return None;
    }
    if line.byte(start - 1) == b','
        && start > from + 1
        && line.byte(start - 2).is_ascii_digit()
        && let Some(found) = grouped(simd, line, from, start, end, unit_ns, memo)
    {
        return found;
    }
    if !qualifies(simd, line, from, start, memo) {
        return None;
    }
    Some(nanos.filter(|&n| n <= DURATION_NS_MAX).unwrap_or(NO_DURATION))
}

/// The same for a number of which `start..end` is what follows its last comma, if a group of three
/// digits follows that; whether it is a response time then.
#[cold]
#[inline(never)]
fn grouped<S: Simd>(
    simd: S,
    line: Line<'_>,
    from: usize,
    start: usize,
    end: usize,
    unit_ns: u32,
    memo: &mut Cache,
) -> Option<Option<u64>> {
    let bytes = &line.bytes()[..end];
    let digits = |at: usize| bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits(start) != 3 {
        return None;
    }
    let mut first = start;
    // Leftwards over commas, as long as whole groups stand between them.
    while first > from + 1 && bytes[first - 1] == b',' {
        let group = bytes[from..first - 1].iter().rev().take_while(|b| b.is_ascii_digit()).count();
        if group > 3 {
            return Some(None);
        }
        if group == 0 {
            break;
        }
        first -= 1 + group;
        if group < 3 {
            break;
        }
    }
    if first == start || first <= from || !OPENING[usize::from(bytes[first - 1])] {
        return Some(None);
    }
    if !qualifies(simd, line, from, first, memo) {
        return Some(None);
    }
    let mut number = [0; GROUPED_BYTES_MAX];
    let mut len = 0;
    for &b in bytes[first..].iter().filter(|&&b| b != b',') {
        let Some(place) = number.get_mut(len) else { return Some(Some(NO_DURATION)) };
        *place = b;
        len += 1;
    }
    let nanos = unit_of(unit_ns).and_then(|unit| super::duration::decimal(&number[..len], unit));
    Some(Some(nanos.filter(|&n| n <= DURATION_NS_MAX).unwrap_or(NO_DURATION)))
}

/// Digits and point of a number with groups: more are beyond all durations.
const GROUPED_BYTES_MAX: usize = 32;

fn unit_of(unit_ns: u32) -> Option<Unit> {
    [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds]
        .into_iter()
        .find(|unit| unit.nanos() == u64::from(unit_ns))
}

static OPENING: [bool; 256] = crate::format::byte_set(b" \t=:(\"'[,~");
/// The same without the comma, which may stand between groups of digits.
static PLAIN_OPENING: [bool; 256] = crate::format::byte_set(b" \t=:(\"'[~");
static SPELLED_FIRST: [bool; 256] = crate::format::byte_set(b"mnsuMNSU\xc2\xce");
static WORD: [bool; 256] =
    crate::format::byte_set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

/// A number that ends before `end`: where it starts and its nanoseconds (None where they
/// overflow). None if it is no number: two points.
#[inline(never)]
fn decimal(line: Line<'_>, from: usize, end: usize, unit_ns: u32) -> Option<(usize, Option<u64>)> {
    // Up to seven digits on either side of a point, exact in nanoseconds.
    let (decimals, fraction) = trailing_digits(line.u64_before(end));
    let point = end - decimals as usize - 1;
    let (whole_count, whole) = trailing_digits(line.u64_before(point));
    let (decimals, whole_count) = (decimals as usize, whole_count as usize);
    if (1..8).contains(&decimals)
        && (1..8).contains(&whole_count)
        && point > from + whole_count
        && line.byte(point - whole_count - 1) != b'.'
        && POWERS[decimals] <= unit_ns
    {
        let whole = eight_digits(whole & !0 << (64 - 8 * whole_count)) * u64::from(unit_ns);
        let fraction = eight_digits(fraction & !0 << (64 - 8 * decimals));
        let nanos = whole + fraction * u64::from(unit_ns / POWERS[decimals]);
        return Some((point - whole_count, Some(nanos)));
    }
    long_number(line, from, end, unit_ns)
}

#[cold]
fn long_number(
    line: Line<'_>,
    from: usize,
    end: usize,
    unit_ns: u32,
) -> Option<(usize, Option<u64>)> {
    let bytes = &line.bytes()[from..end];
    let start = bytes.iter().rposition(|b| !b.is_ascii_digit() && *b != b'.').map_or(0, |i| i + 1);
    let number = &bytes[start..];
    if number.iter().filter(|&&b| b == b'.').count() > 1 {
        return None;
    }
    Some((from + start, super::duration::decimal(number, unit_of(unit_ns)?)))
}

/// A unit of one letter or two: its bytes, which of two they are, and its nanoseconds.
#[derive(Clone, Copy)]
struct ShortUnit {
    bytes: u32,
    mask: u32,
    nanos: u32,
    bits: u32,
}

/// The short units, by three bits of their first letter, in which no two agree.
static SHORT_UNITS: [ShortUnit; 8] = {
    // Of two letters of which none is in question: no text fits.
    let mut units = [ShortUnit { bytes: 1, mask: 0, nanos: 0, bits: 0 }; 8];
    units[(b's' >> 1 & 7) as usize] =
        ShortUnit { bytes: b's' as u32, mask: 0xff, nanos: 1_000_000_000, bits: 8 };
    let mut i = 0;
    while i < 3 {
        let (letter, nanos) = [(b'm', 1_000_000), (b'u', 1_000), (b'n', 1)][i];
        let bytes = letter as u32 | (b's' as u32) << 8;
        units[(letter >> 1 & 7) as usize] = ShortUnit { bytes, mask: 0xffff, nanos, bits: 16 };
        i += 1;
    }
    units
};

/// Nanoseconds of the unit at `at`, if a unit and nothing but a unit stands there.
#[inline(always)]
fn unit_at(line: Line<'_>, at: usize) -> Option<u32> {
    let bytes = line.u32_at(at);
    let unit = SHORT_UNITS[(bytes >> 1 & 7) as usize];
    let end = at + unit.bits as usize / 8;
    let alone = end == line.len() || !WORD[(bytes >> unit.bits) as usize & 0xff];
    // A unit that the line's end cuts in two is none.
    if bytes & unit.mask == unit.bytes && alone && end <= line.len() {
        return Some(unit.nanos);
    }
    spelled_unit(line, at)
}

#[inline(never)]
fn spelled_unit(line: Line<'_>, at: usize) -> Option<u32> {
    // Most of what stands behind numbers is no unit at all.
    if !SPELLED_FIRST[usize::from(line.byte(at))] {
        return None;
    }
    let rest = line.bytes().get(at..)?;
    if let [0xc2, 0xb5, b's', rest @ ..] | [0xce, 0xbc, b's', rest @ ..] = rest {
        return rest.first().is_none_or(|&b| !WORD[usize::from(b)]).then_some(1_000);
    }
    let len = rest.iter().position(|&b| !WORD[usize::from(b)]).unwrap_or(rest.len());
    let mut word = [0u8; 12];
    let word = word.get_mut(..len)?;
    word.copy_from_slice(&rest[..len]);
    word.make_ascii_lowercase();
    Some(match &*word {
        b"nsec" | b"nsecs" | b"nanos" | b"nanosecond" | b"nanoseconds" => 1,
        b"usec" | b"usecs" | b"micros" | b"microsecond" | b"microseconds" => 1_000,
        b"msec" | b"msecs" | b"millis" | b"millisecond" | b"milliseconds" => 1_000_000,
        b"sec" | b"secs" | b"second" | b"seconds" => 1_000_000_000,
        _ => return None,
    })
}

/// 32 bytes of zeros and 32 of ones: from `n` on, a mask that keeps the last `n` bytes of 32.
static KEEP_LAST: [u8; 64] = {
    let mut mask = [0; 64];
    let mut i = CONTEXT_BYTES;
    while i < 64 {
        mask[i] = 0xff;
        i += 1;
    }
    mask
};

/// Whether the context before the number at `start`, in a message that begins at `from`, makes it
/// a response time.
#[inline(always)]
fn qualifies<S: Simd>(
    simd: S,
    line: Line<'_>,
    from: usize,
    start: usize,
    memo: &mut Cache,
) -> bool {
    let len = (start - from).min(CONTEXT_BYTES);
    // What precedes the message (a time, which is always another one) is masked out.
    let mask = KEEP_LAST[len..len + CONTEXT_BYTES].try_into().expect("32 bytes");
    // The eight bytes before the number tell one log statement from another.
    let slot = (line.u64_before(start).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize;
    let slot = &mut memo.slots[slot % MEMO_SLOTS];
    if slot.len != len as u32 || !line.same32_before(simd, start, &slot.context, mask) {
        *slot = Slot {
            context: line.bytes32_before(start),
            // No context is as long as that.
            len: if memo.is_off { u32::MAX } else { len as u32 },
            qualifies: qualifies_slowly(&line.bytes()[start - len..start]),
        };
    }
    slot.qualifies
}

fn is_filler(word: &[u8]) -> bool {
    matches!(
        word,
        b"of"
            | b"was"
            | b"is"
            | b"about"
            | b"only"
            | b"just"
            | b"approximately"
            | b"taken"
            | b"spent"
    )
}

fn is_keyword(word: &[u8]) -> bool {
    matches!(
        word,
        b"in" | b"took" | b"duration" | b"elapsed" | b"latency" | b"time" | b"cost" | b"rt"
    )
}

fn speaks_of_waiting(word: &[u8]) -> bool {
    matches!(
        word,
        b"retry"
            | b"retrying"
            | b"retries"
            | b"retried"
            | b"wait"
            | b"waiting"
            | b"waits"
            | b"sleep"
            | b"sleeping"
            | b"timeout"
            | b"timeouts"
            | b"every"
            | b"next"
            | b"expires"
            | b"expire"
            | b"expiring"
            | b"expiry"
            | b"interval"
            | b"delay"
            | b"backoff"
            | b"ttl"
            | b"uptime"
    )
}

#[cold]
fn qualifies_slowly(context: &[u8]) -> bool {
    let opening = context.iter().rev().take_while(|&&b| OPENING[usize::from(b)]).count();
    let text = &context[..context.len() - opening];
    if opening == 0 || !text.last().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let mut words = words_from_right(text);
    let keyword = loop {
        match words.next() {
            Some(word) if is(word, is_filler) => {}
            Some(word) => break word,
            None => return false,
        }
    };
    is(keyword, is_keyword) && !words.take(3).any(|word| is(word, speaks_of_waiting))
}

/// Whether a word of [`words_from_right`] passes.
#[inline(always)]
fn is(word: u128, test: fn(&[u8]) -> bool) -> bool {
    let bytes = word.to_le_bytes();
    test(&bytes[..letters(word)])
}

/// How many letters a word of [`words_from_right`] has.
fn letters(word: u128) -> usize {
    16 - word.leading_zeros() as usize / 8
}

/// The words of `text` in lower case, last first: the letters of each from the lowest byte on. Of
/// one that is too long for that only its beginning, which is longer than any that means something.
fn words_from_right(text: &[u8]) -> impl Iterator<Item = u128> + Clone {
    let mut rest = text.iter().rev().copied().peekable();
    std::iter::from_fn(move || {
        let mut first = rest.find(u8::is_ascii_alphabetic)?;
        let lower = |letter: u8| u128::from(letter | 0x20);
        let mut word = lower(first);
        let joins = |before: u8, first: u8| {
            before.is_ascii_alphabetic()
                && !(before.is_ascii_lowercase() && first.is_ascii_uppercase())
        };
        while let Some(before) = rest.next_if(|&before| joins(before, first)) {
            word = word << 8 | lower(before);
            first = before;
        }
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Plain;
    use proptest::prelude::*;

    fn nanos(text: &str) -> Option<u64> {
        let padded = PaddedLine::new(text.as_bytes());
        let found = find(Plain, padded.line(), 0, &mut Cache::default());
        (found != NO_DURATION).then_some(found)
    }

    #[test]
    fn response_times() {
        for (text, expected) in [
            ("Request processed in 127ms", 127_000_000),
            ("Request processed in 127 ms for user 5", 127_000_000),
            ("GET /x took 1.5s", 1_500_000_000),
            ("duration=430µs", 430_000),
            ("duration: 127.3 ms  statement: x", 127_300_000),
            ("responseTime=12ms", 12_000_000),
            ("request_time=0.033s", 33_000_000),
            ("Finished in 2 seconds", 2_000_000_000),
            ("elapsed (15 Milliseconds)", 15_000_000),
            ("Completed 200 OK in 15ms (Views: 7.7ms | ActiveRecord: 0.0ms)", 15_000_000),
            ("took 5ms, then took 7ms", 7_000_000),
            ("took .5ms", 500_000),
            ("took 1,234ms", 1_234_000_000),
            ("took 1,234,567.5 us", 1_234_567_500),
            ("took 1,234 milliseconds", 1_234_000_000),
            ("took 5ms, retrying in 30s", 5_000_000),
            ("time taken: 12ms", 12_000_000),
            ("latency of 12ns", 12),
            ("processed in 12345678ms", 12_345_678_000_000),
            ("in 0.000000001s", 1),
        ] {
            assert_eq!(nanos(text), Some(expected), "{text}");
        }
    }

    /// The rule at the top, read aloud.
    fn slowly(text: &[u8], from: usize) -> u64 {
        let text = &text[from.min(text.len())..];
        for at in (1..text.len()).rev() {
            let spaced = text[at - 1] == b' ';
            let end = at - usize::from(spaced);
            let word = |b: &u8| WORD[usize::from(*b)];
            let Some(unit_ns) = [
                ("ns nsec nsecs nanos nanosecond nanoseconds", 1),
                ("us \u{b5}s \u{3bc}s usec usecs micros microsecond microseconds", 1_000),
                ("ms msec msecs millis millisecond milliseconds", 1_000_000),
                ("s sec secs second seconds", 1_000_000_000),
            ]
            .iter()
            .find_map(|(names, nanos)| {
                let fits = |name: &&str| {
                    let Some(found) = text[at..].get(..name.len()) else { return false };
                    let same = found == name.as_bytes()
                        || found.eq_ignore_ascii_case(name.as_bytes())
                            && name.len() > 2
                            && name.is_ascii();
                    same && !text.get(at + name.len()).is_some_and(word)
                };
                names.split(' ').any(|name| fits(&name)).then_some(*nanos)
            }) else {
                continue;
            };
            let number =
                text[..end].iter().rev().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            let (mut before, number) = text[..end].split_at(end - number);
            let points = number.iter().filter(|&&b| b == b'.').count();
            if !number.last().is_some_and(u8::is_ascii_digit) || points > 1 {
                continue;
            }
            // Groups of three digits, before which stands one of up to three.
            let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
            let digits_before =
                |text: &[u8]| text.iter().rev().take_while(|b| b.is_ascii_digit()).count();
            let mut number = number.to_vec();
            let mut whole = digits(&number);
            while let (3, Some((b',', rest))) = (whole, before.split_last())
                && digits_before(rest) > 0
            {
                whole = digits_before(rest);
                let (rest, group) = rest.split_at(rest.len() - whole);
                number.splice(0..0, group.iter().copied());
                before = rest;
            }
            if whole > 3 && digits(&number) > whole {
                continue;
            }
            if !before.last().is_some_and(|&b| OPENING[usize::from(b)])
                || !qualifies_slowly(&before[before.len().saturating_sub(CONTEXT_BYTES)..])
            {
                continue;
            }
            let unit = [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds]
                .into_iter()
                .find(|unit| unit.nanos() == unit_ns)
                .unwrap();
            return super::super::duration::decimal(&number, unit)
                .filter(|&n| n <= DURATION_NS_MAX)
                .unwrap_or(NO_DURATION);
        }
        NO_DURATION
    }

    fn texts() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            "[a-z ]{0,8}",
            Just(" in ".to_string()),
            Just(" in ".into()),
            Just("took=".into()),
            "[0-9.]{1,9}",
            "[0-9]{1,5}",
            "[0-9]{1,4},[0-9]{3}",
            Just(",".into()),
            Just("ms".into()),
            Just(" s".into()),
            Just("ms ".into()),
            Just(" µs".into()),
            Just("retry".into()),
            Just(" Seconds".into()),
            Just("MS".into()),
            Just("us_".into()),
            Just("duration_ms=".into()),
            Just("\"tookMs\": ".into()),
            " [ -~]{60,70}",
        ];
        prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
    }

    #[test]
    fn no_response_times() {
        for text in [
            "retrying in 30s",
            "will retry in 30 s",
            "next run in 5s",
            "sleeping for time 5s",
            "uptime 5s",
            "127ms",
            "in 127",
            "in 127 messages",
            "in 5m",
            "in x127ms",
            "in 1.2.3s",
            "in ..5s",
            "in x.5s",
            "in 1234,567ms",
            "in 1234,567,890ms",
            "in 127MS",
            "found 12 servers",
            "in 5 sites",
            "in 99999999999999999999s",
            "",
            "in 5s_total",
            "in5s",
            "wait time was about 5 ms",
        ] {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn instruction_sets_memo_and_rule_agree(text in texts(), from in 0usize..9) {
            let padded = PaddedLine::new(text.as_bytes());
            let plain = find(Plain, padded.line(), from, &mut Cache::default());
            let unnamed = find_with_unit(Plain, padded.line(), from, &mut Cache::default());
            prop_assert_eq!(unnamed, slowly(text.as_bytes(), from));
            let mut memo = Cache::default();
            for _ in 0..2 {
                prop_assert_eq!(find(Plain, padded.line(), from, &mut memo), plain);
            }
            #[cfg(target_arch = "x86_64")]
            prop_assert_eq!(find(crate::bytes::simd::Sse2, padded.line(), from, &mut memo), plain);
        }

        #[test]
        fn many_are_found_as_one_by_one(texts in prop::collection::vec(texts(), 0..12)) {
            let padded: Vec<PaddedLine> = texts.iter().map(|t| PaddedLine::new(t.as_bytes())).collect();
            let mut memo = Cache::default();
            let mut found = vec![NO_DURATION; texts.len()];
            find_many(Plain, texts.len(), |i| padded[i].line(), &mut memo, |i, ns| found[i] = ns);
            for (found, text) in found.iter().zip(&texts) {
                let one = find_one(PaddedLine::new(text.as_bytes()).line(), 0, &mut Cache::default());
                prop_assert_eq!(*found, one, "{}", text);
            }
        }
    }
}
