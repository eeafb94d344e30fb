//! Response times in free text: `Request processed in 127ms`.
//!
//! # The rule
//! A *span* is a duration in any spelling of [`duration`](super::duration), with a unit or as a clock
//! (units of more than two letters in any case; days only before smaller units). The byte before it is
//! white space, one of `=:("'[,~` or `=>`, and not a comma behind a digit; the byte behind it is not a
//! letter, digit or `_`.
//!
//! What stands before a span decides what it is. Words are runs of ASCII letters, cut further where
//! a lower-case letter is followed by an upper-case one (`responseTime` is two words); [`words`] is the
//! table of all that mean something. Words of a path (`/` on either side) mean nothing. A clause
//! ends at `;` `!` `?`, at `,` or `.` before a space, and at `-` or `|` between spaces.
//!
//! Between span and nearest word stand only such bytes as may stand before a span, at least one. Words that fill in are
//! skipped (`of`, `about`, `too long`, …). The next word, in the 128 bytes before the span, makes it a response time if it is:
//! 1. `took`, without stalling (`wait`, `sleep`, …) among the three words of the clause before it;
//! 2. `in`, if a *verb of completion* (`processed`, `finished`, `responded`, …) stands before it in
//!    the same clause, and nothing between the two that speaks of the future (`retrying`, `next`,
//!    `will`, …), and no noun of waiting directly before `in`. The verb must not be negated (`not`, `to be`,
//!    `will`, `failed to`), and no event be counted between or up to three words before
//!    it (`100 requests in 60s`, `3 failed attempts in 20s`). A status with its reason (`200 OK in 5ms`) or beside a method
//!    (`GET /x 200 in 5ms`) will do for a verb; a status 101 has a lifetime;
//! 3. a word of completion alone and one of `:([=`: `done: 0.008 sec`; or such a word and `after`;
//! 4. a *name*: `latency`, `cost`, `rt`, `duration`, `elapsed`, `time` or `total`, unless one of the
//!    three words of the clause before it speaks of waiting or of a limit (and is not the key of another
//!    value, as in `ttl=60s duration=12ms`), or the one directly
//!    before it makes it another timer (`queue time`, `check duration`, `session duration`), and unless the
//!    name is that of an option (`-search.slowQueryDuration=5s`) or of what a batch job asks for
//!    (`Resource_List.walltime=00:16:40`). `duration`,
//!    `elapsed` and `time` are none either if the first 32 bytes of the text or the 32 before the
//!    span speak of a lifetime: `teardown`, `disconnected`, or `connection`, `session`,
//!    `tunnel` … together with `closed`, `ended`, … Where these speak of what is given for a time
//!    (`lease`, `token`, `session` … together with `granted`, `renewed`, `issued`, …) or of a recording
//!    (`video`, `song`, … together with `uploaded`, `saved`, …), a `duration` or
//!    a `time` of no request is none of whole seconds, or of 30 s or more: `Lease renewed, duration 60s`,
//!    `duration=59.98s`. A request in the same line makes it one all the same.
//!
//! A clock is a time of day behind the word `time` alone, and behind 3.
//! A span before `timeout`, `interval`, `ago` and the like is none, and neither is one of more than 30
//! days, or one of whole ms, µs or ns that is a plausible time since 1970.
//!
//! Of several, the response time is a *total* (the last one), else the first. Parts (`db time`)
//! count only if there is nothing else, also no number whose [name](named) says its unit: `duration_ms=12`.
//! Other numbers without a unit are no response times: their unit is unknown.
//!
//! Some programs have places of their own:
//!
//! | program | text | response time |
//! |---|---|---|
//! | systemd | `2.5s (kernel) + 11.2s (userspace) = 13.7s`, the first one being a response time | the sum |
//! | JVM, unified logging | `1024M->512M(2048M) 12.345ms` | the pause |
//! | JVM 8 and before | `…(251392K), 0.0123 secs]` in a text that holds `GC` | the last one, which includes the others |
//! | JVM 8 and before | `threads were stopped: 0.0114 seconds` | this |
//! | CoreDNS | `… NOERROR qr,rd,ra 82 0.000102s` at the end | this |
//! | Postfix | `, delay=1.3, delays=` or `, delay=1, status=` | `delay`, in seconds |
//! | Solr | `status=0 QTime=127` | `QTime`, in milliseconds |

mod named;
mod sentence;
#[cfg(test)]
mod sentences;
mod slowly;
mod words;

use super::duration;
use crate::bytes::line::{Line, Window};
use crate::bytes::simd::{Classes, Simd};
use crate::format::Unit;
use crate::record::NO_DURATION;
use crate::time::{POWERS, eight_digits, trailing_digits};
use sentence::{
    CONTEXT_BYTES, Lifetime, SENTENCE_BYTES, Verdict, judge, lifetime_of, may_be_granted, opens,
};
use slowly::slowly;
use std::mem::MaybeUninit;
use words::Letters;
pub(in crate::format::text) use words::{WordKind, word_kind};

/// Remembered contexts. The log statements of one program that end with a time are few.
const MEMO_SLOTS: usize = 64;
/// Remembered beginnings of texts.
const FRONT_SLOTS: usize = 16;

/// Longer ones are no response times.
const NANOS_MAX: u64 = 30 * 86_400 * 1_000_000_000;
/// From here on, a whole number of a unit below a second is a time since 1970, not a duration:
/// 10^9 ms and more.
const EPOCH_NANOS_MIN: u64 = 1_000_000_000_000_000;

/// Remembers what was decided about contexts. A context decides alone, so this never shows.
///
/// # Fast path `duration-contexts`
/// ```text
/// slot = hash of the 8 bytes before the number
/// the 32 bytes before the number are the slot's: what was decided about them
/// else decide, and keep them
/// ```
/// Reference: `judge`. Compared by `instruction_sets_memo_and_rule_agree` and
/// `tests/fast_paths.rs`. Gain: time without it 2.1 on app text, 1.11 on mixed logs, 1.01 on
/// unlike ones (2026-11-28, AMD EPYC with AVX-512, other work beside it).
#[derive(Clone)]
pub struct Cache {
    contexts: [Slot; MEMO_SLOTS],
    fronts: [Slot; FRONT_SLOTS],
    /// Whether a span was none because it is how long something was granted for.
    has_granted: bool,
    is_off: bool,
    /// Whether commas are before decimals wherever they stand.
    pub(in crate::format) decimal_commas: bool,
}

/// Up to so many bytes, how many of them there are (one more: more), and what was decided.
#[derive(Clone, Copy)]
struct Slot {
    bytes: [u8; CONTEXT_BYTES],
    len: u32,
    verdict: Verdict,
}

impl Slot {
    const EMPTY: Self = Slot { bytes: [0; CONTEXT_BYTES], len: 0, verdict: Verdict::NO };
}

impl Default for Cache {
    fn default() -> Self {
        // Nothing of no bytes counts.
        Cache {
            contexts: [Slot::EMPTY; MEMO_SLOTS],
            fronts: [Slot::EMPTY; FRONT_SLOTS],
            has_granted: false,
            is_off: false,
            decimal_commas: false,
        }
    }
}

/// What was found of a text so far, from right to left.
#[derive(Clone, Copy)]
struct Found {
    total: u64,
    sum: u64,
    sum_at: usize,
    first: u64,
    first_at: usize,
    part: u64,
}

impl Found {
    const NOTHING: Found = Found {
        total: NO_DURATION,
        sum: NO_DURATION,
        sum_at: 0,
        first: NO_DURATION,
        first_at: 0,
        part: NO_DURATION,
    };

    /// Adds a span at `at`, which is to the left of all others.
    #[inline(always)]
    fn add(&mut self, verdict: Verdict, nanos: u64, at: usize) {
        if verdict.has(Verdict::YES) {
            (self.first, self.first_at) = (nanos, at);
        } else if verdict.has(Verdict::PART) {
            self.part = nanos;
        } else if verdict.has(Verdict::TOTAL) && self.total == NO_DURATION {
            self.total = nanos;
        } else if verdict.has(Verdict::SUM) && self.sum == NO_DURATION {
            (self.sum, self.sum_at) = (nanos, at);
        }
    }

    /// The response time, unless it comes to what names with units say: then [`NO_DURATION`].
    #[inline(always)]
    fn whole(&self) -> u64 {
        if self.total != NO_DURATION {
            return self.total;
        }
        let is_summed = self.sum != NO_DURATION && self.first_at < self.sum_at;
        if is_summed && self.first != NO_DURATION { self.sum } else { self.first }
    }

    /// The response time where [`whole`](Self::whole) is none, given what names with units say.
    #[inline(always)]
    fn or_named(&self, named: named::Found) -> u64 {
        match named.whole {
            NO_DURATION if self.part != NO_DURATION => self.part,
            NO_DURATION => named.part,
            whole => whole,
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
    let text = line.slice(from.min(line.len()), line.len());
    // Most texts have nothing that could be a response time.
    if text.len() > 64 {
        return rest(simd, text, 0, memo);
    }
    let kept = kept(text.len());
    let (units, signs) = triggers(simd, text.last_window());
    if (units | signs) & kept == 0 {
        return NO_DURATION;
    }
    let units = units & kept;
    match plain(simd, text, units, memo) {
        Some(nanos) => nanos,
        None => rest(simd, text, units, memo),
    }
}

/// As [`find`], without those whose names say the unit.
#[inline(always)]
fn find_with_unit<S: Simd>(simd: S, line: Line<'_>, from: usize, memo: &mut Cache) -> Found {
    // Windows of 64 bytes, from the right.
    let mut found = Found::NOTHING;
    let mut end = line.len();
    // Units begin below this position; above it they had their turn.
    let mut limit = end;
    loop {
        let below = end.saturating_sub(from);
        if below < 2 {
            return found;
        }
        let mut units = triggers(simd, line.window_before(end)).0 & kept(below);
        units &= u64::MAX >> (end - limit);
        while units != 0 {
            let bit = 63 - units.leading_zeros() as usize;
            if candidate(simd, line, from, end + bit - 64, memo, &mut found) {
                let commas = memo.decimal_commas;
                return slowly(&line.bytes()[from..], Some(&mut memo.has_granted), commas);
            }
            units &= !(1 << bit);
        }
        if below <= 64 {
            return found;
        }
        // The next window overlaps by what tells of a unit or a clock at its end, up to four bytes,
        // and by the units whose digit was out of sight.
        limit = end - 62;
        end = limit + 3;
    }
}

/// As [`find`], from where no instruction set is chosen yet.
pub fn find_one(line: Line<'_>, from: usize, memo: &mut Cache) -> u64 {
    crate::dispatch!(find::<>(line: Line<'_>, from: usize, memo: &mut Cache) -> u64; line, from, memo)
}

/// As [`find_one`], of a text beside a request: that took the time, whatever was granted.
pub fn find_beside_request(line: Line<'_>, from: usize, memo: &mut Cache) -> u64 {
    memo.has_granted = false;
    match find_one(line, from, memo) {
        NO_DURATION if memo.has_granted => {
            slowly(&line.bytes()[from.min(line.len())..], None, memo.decimal_commas).whole()
        }
        nanos => nanos,
    }
}

/// What [`triggers`] asks of a byte. Of a letter's half bytes, the high one tells the half of the
/// alphabet and the case, the low one the letter.
static CLASSES: Classes = Classes::new(&[
    // Digits.
    (0b0000_0011_1111_1111, 1 << 0x3),
    // `:` and `=`.
    (1 << 0xa | 1 << 0xd, 1 << 0x3),
    // What units begin with: h, m, n, s, u, and µ and μ with their first bytes.
    (1 << 0x8 | 1 << 0xd | 1 << 0xe, 1 << 0x4 | 1 << 0x6),
    (1 << 0x3 | 1 << 0x5, 1 << 0x5 | 1 << 0x7),
    (1 << 0x2 | 1 << 0xe, 1 << 0xc),
    // Letters that are no unit's second, which is one of a, e, i, o, r, s.
    (!(1 << 0x0 | 1 << 0x1 | 1 << 0x5 | 1 << 0x9 | 1 << 0xf), 1 << 0x4 | 1 << 0x6),
    (0b0000_0111_1111_1111 & !(1 << 0x2 | 1 << 0x3), 1 << 0x5 | 1 << 0x7),
]);
const DIGIT: u8 = 1;
const SIGN: u8 = 1 << 1;
const FIRST: u8 = 1 << 2 | 1 << 3 | 1 << 4;
const NEVER_SECOND: u8 = 1 << 5 | 1 << 6;

/// Where in a window a span may have its unit, or a clock its first colon; and where a sign stands
/// behind a name that may end with a unit. The byte behind the window counts as the end of the text.
///
/// The first is a superset of what [`candidate`] takes, the second one of what [`named`] does.
#[inline(always)]
fn triggers<S: Simd>(simd: S, window: Window) -> (u64, u64) {
    let sets = [DIGIT, SIGN, FIRST, NEVER_SECOND];
    let [digits, signs, first, never_second] = window.classes(simd, &CLASSES, sets);
    let spaces = window.eq(simd, b' ');
    let after = digits << 1;
    let units = (after | (after & spaces) << 1) & first & !(never_second >> 1);
    let clocks = after & signs & signs >> 3;
    // Hardly any text has a sign so near behind a letter that units begin with.
    let mut named = signs & (first << 1 | first << 2);
    if named != 0 {
        let s = window.eq(simd, b's') | window.eq(simd, b'S');
        named &= s << 1 | (s << 1 & window.eq(simd, b'"')) << 1;
    }
    (units | clocks, named)
}

/// The bits of a window for all but the first of the last `below` bytes: what stands there may
/// have a digit before it.
#[inline(always)]
fn kept(below: usize) -> u64 {
    let last = below.min(64) as u32;
    // For no bytes the shift would be one of 64, which the processor treats as none.
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
        if is_only_one(simd, text, start, memo) {
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
        let (units, signs) = triggers(simd, window);
        let units = units & kept;
        waiting[count].write((units, u32::from(i)));
        // What does not fit a window is looked at more closely.
        count += usize::from((units | signs & kept) != 0 || text.len() > 64);
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

/// Whether the number at `start`, behind which the text ends, is the response time by the words
/// before it, and no other can be in the text. If not, it may be one all the same.
#[inline(always)]
fn is_only_one<S: Simd>(simd: S, text: Line<'_>, start: usize, memo: &mut Cache) -> bool {
    let verdict = with_beginning(remembered(simd, text, 0, start, memo), start, true);
    if verdict == Verdict::YES.or(Verdict::ALONE) && start <= CONTEXT_BYTES {
        return true;
    }
    is_plain(text, verdict, memo)
        && start <= 64
        && triggers(simd, text.window_before(start)).0 & kept(start) == 0
}

/// A verdict about the number at `start` of a text: where the context is all that stands before it and
/// nothing but its unit behind it, the beginning of the text speaks of a lifetime only if the
/// context does, and then the verdict is another.
#[inline(always)]
fn with_beginning(verdict: Verdict, start: usize, is_last: bool) -> Verdict {
    const DECIDED: Verdict = Verdict::SPAN.or(Verdict::LENGTH);
    if is_last && start <= CONTEXT_BYTES { verdict.without(DECIDED) } else { verdict }
}

/// Whether a verdict about a number makes it a plain response time.
#[inline(always)]
fn is_plain(text: Line<'_>, mut verdict: Verdict, memo: &mut Cache) -> bool {
    if verdict.has(Verdict::SPAN) {
        verdict = settled(text, 0, verdict, memo);
    }
    verdict.without(Verdict::ALONE.or(Verdict::NO_CLOCK)) == Verdict::YES
}

/// The response time of a text whose last window has these `units`.
#[inline(always)]
fn rest<S: Simd>(simd: S, text: Line<'_>, mut units: u64, memo: &mut Cache) -> u64 {
    let mut found = Found::NOTHING;
    if text.len() > 64 {
        found = find_with_unit(simd, text, 0, memo);
        units = 0;
    }
    while units != 0 {
        let bit = 63 - units.leading_zeros() as usize;
        if candidate(simd, text, 0, text.len() + bit - 64, memo, &mut found) {
            found = slowly(text.bytes(), Some(&mut memo.has_granted), memo.decimal_commas);
            break;
        }
        units &= !(1 << bit);
    }
    match found.whole() {
        NO_DURATION => found.or_named(named::find(simd, text, 0, &mut memo.has_granted)),
        whole => whole,
    }
}

/// The response time in a text whose last window has these `units`, in the most usual case: there
/// is one, a short one, behind a number of up to eight digits whose context decides.
///
/// Where it answers, [`rest`] would answer the same.
#[inline(always)]
fn plain<S: Simd>(simd: S, text: Line<'_>, units: u64, memo: &mut Cache) -> Option<u64> {
    if units == 0 || units & (units - 1) != 0 || text.len() > 64 {
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
    let nanos = eight_digits(values & !0 << (64 - 8 * count)) * u64::from(unit.nanos);
    let start = at - digits;
    let end = at + unit.bits as usize / 8;
    let verdict = with_beginning(remembered(simd, text, 0, start, memo), start, end == text.len());
    (is_plain(text, verdict, memo) && nanos < EPOCH_NANOS_MIN && ends_well(text, end))
        .then_some(nanos)
}

/// Adds the response time whose unit, or whose first colon, is at `at`, if it is one. A digit, or a
/// digit and a space, stand before `at`, perhaps before `from`.
///
/// True if only [`slowly`] can tell.
#[inline(always)]
fn candidate<S: Simd>(
    simd: S,
    line: Line<'_>,
    from: usize,
    at: usize,
    memo: &mut Cache,
    found: &mut Found,
) -> bool {
    let Some((unit_ns, unit_end)) = unit_at(line, at) else { return false };
    let end = at - usize::from(line.byte(at - 1) == b' ');
    let (count, values) = trailing_digits(line.u64_before(end));
    let count = count as usize;
    if end <= from + count {
        return false;
    }
    let start = end - count;
    let before = line.byte(start - 1);
    // Up to seven digits and no point before them; all else is rare.
    let (start, nanos, is_whole) = if count < 8 && before != b'.' && unit_ns != 0 {
        let nanos = eight_digits(values & !0 << (64 - 8 * count)) * u64::from(unit_ns);
        (start, Some(nanos), true)
    } else {
        match decimal(line, from, end, unit_ns.max(1)) {
            Some((start, nanos)) => (start, nanos, false),
            None => return false,
        }
    };
    if start <= from {
        return false;
    }
    if unit_ns == 0 || !PLAIN_OPENING[usize::from(line.byte(start - 1))] {
        return is_odd(simd, line, from, start, memo);
    }
    let verdict = remembered(simd, line, from, start, memo).without(Verdict::ALONE);
    if verdict == Verdict::NO {
        return false;
    }
    let verdict = settled(line, from, verdict, memo);
    if verdict.has(Verdict::SLOW) {
        return true;
    }
    if nanos.is_some_and(|nanos| is_granted(verdict, nanos)) {
        memo.has_granted = true;
        return false;
    }
    // A number with decimals is none of milliseconds since 1970, unless they are zeros.
    let is_whole = is_whole || !line.bytes()[start..end].contains(&b'.');
    if verdict != Verdict::NO
        && let Some(nanos) = plausible(nanos, is_whole && unit_ns < 1_000_000_000)
        && ends_well(line, unit_end)
    {
        found.add(verdict, nanos, start);
    }
    false
}

/// A duration that can be a response time.
#[inline(always)]
fn plausible(nanos: Option<u64>, may_be_epoch: bool) -> Option<u64> {
    nanos.filter(|&nanos| nanos <= if may_be_epoch { EPOCH_NANOS_MIN - 1 } else { NANOS_MAX })
}

/// Whether the number of which a part begins at `start` may be a response time in a spelling that
/// only [`slowly`] reads.
#[cold]
#[inline(never)]
fn is_odd<S: Simd>(simd: S, line: Line<'_>, from: usize, start: usize, memo: &mut Cache) -> bool {
    /// Longer ones are no spelling of a number.
    const BYTES_MAX: usize = 64;
    let text = line.bytes();
    for first in (from + 1..=start).rev().take(BYTES_MAX) {
        if matches!(text[first], b'0'..=b'9' | b'.' | b'P')
            && opens(&text[from..first])
            && remembered(simd, line, from, first, memo).without(Verdict::ALONE) != Verdict::NO
        {
            return true;
        }
        let is_inside = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80 || b",.:+-".contains(&b);
        if !is_inside(text[first - 1]) {
            return false;
        }
    }
    false
}

/// A verdict that does not depend on the beginning of the text anymore.
#[inline(always)]
fn settled(line: Line<'_>, from: usize, verdict: Verdict, memo: &mut Cache) -> Verdict {
    if !verdict.has(Verdict::SPAN) {
        return verdict;
    }
    with_lifetime(verdict, beginning(&line.bytes()[from..], memo))
}

/// A verdict beside what the beginning of the text says of lifetimes.
fn with_lifetime(verdict: Verdict, lifetime: Lifetime) -> Verdict {
    let settled = verdict.without(Verdict::SPAN.or(Verdict::LENGTH));
    match lifetime {
        Lifetime::Over => Verdict::NO,
        Lifetime::Granted if verdict.has(Verdict::LENGTH) => settled.or(Verdict::GRANT),
        _ => settled,
    }
}

/// Whether a number of so many nanoseconds is how long something was given for.
#[inline(always)]
fn is_granted(verdict: Verdict, nanos: u64) -> bool {
    verdict.has(Verdict::GRANT) && may_be_granted(nanos)
}

/// A number whose unit its name says, or a decision, is asked for being a lifetime from here on: the
/// words are not looked at for each of those below.
pub(in crate::format) const NAMED_LIFETIME_NANOS_MIN: u64 = 1_000_000_000;

/// Whether a `duration` of so many nanoseconds that stands beside a message is a lifetime, by the same
/// words; `is_measured` if its name says that it has elapsed.
#[inline(never)]
pub(in crate::format) fn is_lifetime(
    message: &[u8],
    nanos: u64,
    is_measured: bool,
    memo: &mut Cache,
) -> bool {
    match beginning(message, memo) {
        Lifetime::None => false,
        Lifetime::Over => true,
        Lifetime::Granted => !is_measured && may_be_granted(nanos),
    }
}

/// The bytes of a text before a span that count.
fn sentence_of(text: &[u8]) -> &[u8] {
    let skipped = text.len().saturating_sub(SENTENCE_BYTES);
    let shown = &text[skipped..];
    // Of a word that is cut nothing is seen.
    let is_of_word = |b: &&u8| skipped > 0 && b.is_ascii_alphanumeric();
    &shown[shown.iter().take_while(is_of_word).count()..]
}

/// What the beginning of a text says of lifetimes.
#[inline(never)]
fn beginning(text: &[u8], memo: &mut Cache) -> Lifetime {
    let is_cut = text.len() >= CONTEXT_BYTES;
    let len = text.len().min(CONTEXT_BYTES);
    let mut bytes = [0; CONTEXT_BYTES];
    bytes[..len].copy_from_slice(&text[..len]);
    // Only words count.
    for byte in &mut bytes {
        *byte = if byte.is_ascii_digit() { b'0' } else { *byte };
    }
    let hash = bytes.as_chunks::<8>().0.iter().fold(0, |hash: u64, &part| {
        (hash.rotate_left(23) ^ u64::from_le_bytes(part)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let slot = &mut memo.fronts[(hash >> 50) as usize % FRONT_SLOTS];
    let shown = len as u32 + u32::from(is_cut);
    if slot.len != shown || slot.bytes != bytes || memo.is_off {
        let verdict = match lifetime_of(&bytes[..len], false, is_cut) {
            Lifetime::Over => Verdict::YES,
            Lifetime::Granted => Verdict::GRANT,
            Lifetime::None => Verdict::NO,
        };
        *slot = Slot { bytes, len: shown, verdict };
    }
    match slot.verdict {
        Verdict::YES => Lifetime::Over,
        Verdict::GRANT => Lifetime::Granted,
        _ => Lifetime::None,
    }
}

/// What so many first bytes of a text say of lifetimes.
#[cold]
fn lifetime_first(text: &[u8], bytes: usize) -> Lifetime {
    // A word at their end may go on.
    lifetime_of(&text[..bytes.min(text.len())], false, bytes <= text.len())
}

/// Whether what follows a span lets it be a response time.
#[inline(always)]
fn ends_well(line: Line<'_>, end: usize) -> bool {
    end >= line.len() || !matches!(line.byte(end), b' ' | b'-') || ends_slowly(line.bytes(), end)
}

#[inline(never)]
fn ends_slowly(text: &[u8], end: usize) -> bool {
    let rest = text.get(end + 1..).unwrap_or_default();
    let len = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    !matches!(text.get(end), Some(b' ' | b'-'))
        || !matches!(
            &rest[..len],
            b"timeout"
                | b"timeouts"
                | b"interval"
                | b"intervals"
                | b"ago"
                | b"delay"
                | b"limit"
                | b"window"
                | b"backoff"
                | b"ttl"
                | b"TTL"
                | b"remaining"
                | b"left"
                | b"old"
                | b"apart"
                | b"grace"
                | b"cooldown"
                | b"period"
                | b"deadline"
                | b"budget"
        )
}

fn unit_of(unit_ns: u32) -> Option<Unit> {
    [Unit::Nanoseconds, Unit::Microseconds, Unit::Milliseconds, Unit::Seconds]
        .into_iter()
        .find(|unit| unit.nanos() == u64::from(unit_ns))
}

static PLAIN_OPENING: [bool; 256] = crate::format::byte_set(b" \t=:(\"'[~");
static SPELLED_FIRST: [bool; 256] = crate::format::byte_set(b":hmnsuHMNSU\xc2\xce");
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
    Some((from + start, duration::decimal(number, unit_of(unit_ns)?)))
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

/// Nanoseconds of the unit at `at` and where it ends, if a unit and nothing but a unit stands there.
/// 0 of what [`slowly`] reads: minutes and more, a clock, the end of a duration of ISO 8601.
#[inline(always)]
fn unit_at(line: Line<'_>, at: usize) -> Option<(u32, usize)> {
    let bytes = line.u32_at(at);
    let unit = SHORT_UNITS[(bytes >> 1 & 7) as usize];
    let end = at + unit.bits as usize / 8;
    let alone = end == line.len() || !WORD[(bytes >> unit.bits) as usize & 0xff];
    // A unit that the line's end cuts in two is none.
    if bytes & unit.mask == unit.bytes && alone && end <= line.len() {
        return Some((unit.nanos, end));
    }
    spelled_unit(line, at)
}

#[inline(never)]
fn spelled_unit(line: Line<'_>, at: usize) -> Option<(u32, usize)> {
    // Most of what stands behind numbers is no unit at all.
    if !SPELLED_FIRST[usize::from(line.byte(at))] {
        return None;
    }
    let rest = line.bytes().get(at..)?;
    if rest[0] == b':' {
        let [_, a, b, b':', c, d, ..] = rest else { return None };
        return [a, b, c, d].iter().all(|b| b.is_ascii_digit()).then_some((0, at));
    }
    let micro = if matches!(rest, [0xc2, 0xb5, ..] | [0xce, 0xbc, ..]) { 2 } else { 0 };
    let len = rest[micro..].iter().position(|&b| !WORD[usize::from(b)]);
    let len = micro + len.unwrap_or(rest.len() - micro);
    if len == 1 && matches!(rest[0], b'H' | b'M' | b'S') {
        return Some((0, at + 1));
    }
    let nanos = unit_in_text(&rest[..len])?;
    Some((if nanos > 1_000_000_000 { 0 } else { nanos as u32 }, at + len))
}

/// Nanoseconds of a unit in text: those of more than two letters in any case.
fn unit_in_text(unit: &[u8]) -> Option<u64> {
    const LETTERS_MAX: usize = 12;
    let mut word = [0u8; LETTERS_MAX];
    let word = word.get_mut(..unit.len())?;
    word.copy_from_slice(unit);
    if word.len() > 2 {
        word.make_ascii_lowercase();
    }
    duration::unit_nanos(word)
}

/// The unit of a span that is one number and a unit, without exponent.
fn unit_of_single(span: &[u8]) -> Option<u64> {
    let is_of_number = |b: &&u8| b.is_ascii_digit() || matches!(b, b'.' | b',');
    let unit = &span[span.iter().take_while(is_of_number).count()..];
    unit_in_text(unit.strip_prefix(b" ").unwrap_or(unit))
}

/// The unit that a span ends with; a day's for the `D` of ISO 8601.
fn last_unit(span: &[u8]) -> Option<u64> {
    let letters = span.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    match &span[span.len() - letters..] {
        b"D" => unit_in_text(b"d"),
        unit => unit_in_text(unit),
    }
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

/// What the context before the number at `start`, in a message that begins at `from`, makes of it.
#[inline(always)]
fn remembered<S: Simd>(
    simd: S,
    line: Line<'_>,
    from: usize,
    start: usize,
    memo: &mut Cache,
) -> Verdict {
    let shown = start - from;
    let len = shown.min(CONTEXT_BYTES);
    // Of a longer one the context does not tell where it begins.
    let shown = shown.min(CONTEXT_BYTES + 1) as u32;
    // What precedes the message (a time, which is always another one) is masked out.
    let mask = KEEP_LAST[len..len + CONTEXT_BYTES].try_into().expect("32 bytes");
    // The eight bytes before the number tell one log statement from another.
    let slot = (line.u64_before(start).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize;
    let slot = slot % MEMO_SLOTS;
    let known = &memo.contexts[slot];
    if known.len == shown && line.same32_before(simd, start, &known.bytes, mask) {
        return known.verdict;
    }
    let text = sentence_of(&line.bytes()[from..start]);
    let verdict = judge(text, letters_before(simd, line, start, text.len()));
    // No text is as long as that.
    let kept = if memo.is_off || verdict.has(Verdict::FAR) { u32::MAX } else { shown };
    let verdict = verdict.without(Verdict::FAR);
    memo.contexts[slot] = Slot { bytes: line.bytes32_before(start), len: kept, verdict };
    verdict
}

/// The letters of the `len` bytes before `end`, up to 128.
// No closures: they would be functions without the instruction set.
#[inline(always)]
fn letters_before<S: Simd>(simd: S, line: Line<'_>, end: usize, len: usize) -> Letters {
    let window = line.window_before(end);
    let mut lower = u128::from(window.range(simd, b'a', b'z')) << 64;
    let mut upper = u128::from(window.range(simd, b'A', b'Z')) << 64;
    if len > 64 {
        let window = line.window_before(end - 64);
        lower |= u128::from(window.range(simd, b'a', b'z'));
        upper |= u128::from(window.range(simd, b'A', b'Z'));
    }
    Letters::new(lower, upper, len)
}

#[cfg(test)]
mod tests;
