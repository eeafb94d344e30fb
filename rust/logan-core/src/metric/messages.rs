//! Records by template: the message with what varies masked.
//!
//! Counted are records that have a message: those of level WARN and above in one table, all others
//! in another one, so that no flood of the latter costs any of the former. The key is the level (one
//! byte, complemented) and the template. A template is a function of the message's first [`TEMPLATE_OF_BYTES`]
//! bytes alone, so that it merges; nothing is learned from other messages.
//!
//! **Masking.** A *word byte* is a letter, a digit, `_`, or a byte of 0x80 and more; a *boundary*
//! is a place before which (for a start) or at which (for an end) there is no word byte. The text
//! is read from the left for the next *trigger*: a digit, `"`, `'` or `/`. The first of these
//! rules that fits replaces what it describes and reading goes on after it; if none fits, the
//! trigger stays.
//!
//! 1. `"` to the next `"`, or `'` at a boundary to the next `'` at whose end is a boundary, a
//!    quote right after a backslash not counting as the closing one: `<str>`.
//! 2. For a digit, go back over hex digits, `-` and `:`, at most 45 bytes and not into what is
//!    already replaced; then go forward over `-`, and over `:` that no second one follows. If a
//!    boundary is there, a UUID (8-4-4-4-12 hex digits) from there that holds the digit, then a
//!    boundary: `<uuid>`. Or all hex digits, `:` and `.` from there, if they are at most 46 bytes
//!    with `::` or seven `:` among them, hold the digit, and [`Ipv6Addr`] reads them, or reads
//!    them without a last `:` or `.`; then a boundary: `<ip>`.
//! 3. A digit at a boundary and not after `.`: four numbers of 1–3 digits up to 255 with dots
//!    between, possibly `:` and 1–5 digits, then a boundary and no `.` with a digit: `<ip>`.
//! 4. A digit at a boundary: `0x` or `0X`, one or more hex digits, then a boundary: `<hex>`.
//! 5. A digit in at least 8 hex digits, between boundaries, that hold a letter: `<hex>`.
//! 6. `/` at a boundary: it and the bytes after it that are word bytes or in `/.-+@%~=:&?#!*$`,
//!    less any of `.:?!` at the end, if that is two bytes or more: `<path>`.
//! 7. A digit: all digits from there, with one `.` and digits if they follow: `<num>`. So
//!    `127ms` is `<num>ms`.

use super::rows::{Order, Ranked, Rows};
use super::{Metric, State, Whole};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::metric::object::object;
use crate::record::Level;
use crate::record::{Batch, Block, Columns, ERROR, NO_TIME};
use crate::sketch::groups::{GroupTable, Groups, Keys, Payload, Score};
use crate::sketch::varint::{get_bytes, get_u64, put_bytes, put_u64, unzigzag, zigzag};
use crate::time::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;

/// Different templates up to which all counts are exact.
pub const MESSAGES_MAX: usize = 10_000;
/// Bytes of a sample that are kept.
pub const SAMPLE_BYTES_MAX: usize = 200;
/// Bytes of a message that make its template: more than people read, and it bounds the work.
pub const TEMPLATE_OF_BYTES: usize = 1024;
/// Longest text of an IPv6 address, with an IPv4 address in it.
const IPV6_BYTES_MAX: usize = 45;

/// Accumulator: of records of level WARN and above, or of all others.
pub struct Messages<const SEVERE: bool = true> {
    is_on: bool,
    table: GroupTable<Message>,
    keys: Keys,
    /// A message that is not in the block, with padding.
    padded: Vec<u8>,
}

/// What is known of one template.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    count: u64,
    errors: u64,
    /// Earliest and latest timestamp, in nanoseconds since 1970: `i64::MAX` and `i64::MIN` if none
    /// of the records has one.
    first_ns: i64,
    last_ns: i64,
    /// Where the earliest record stands, and what it says.
    source: u32,
    offset: u64,
    sample: Vec<u8>,
}

/// Records of level WARN and above with a message, or all others, by level and template.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageGroups<const SEVERE: bool = true>(Groups<Message>);

impl<const SEVERE: bool> Default for Messages<SEVERE> {
    fn default() -> Self {
        Messages::new(true)
    }
}

impl<const SEVERE: bool> Messages<SEVERE> {
    /// An accumulator, which counts nothing if it is off.
    pub fn new(is_on: bool) -> Self {
        let table = GroupTable::new(MESSAGES_MAX);
        Messages { is_on, table, keys: Keys::default(), padded: Vec::new() }
    }
}

impl Default for Message {
    fn default() -> Self {
        Message {
            count: 0,
            errors: 0,
            first_ns: i64::MAX,
            last_ns: i64::MIN,
            source: 0,
            offset: 0,
            sample: Vec::new(),
        }
    }
}

impl<const SEVERE: bool> Metric for Messages<SEVERE> {
    type State = MessageGroups<SEVERE>;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, block: Block<'_>) {
        if !batch.has(Columns::MESSAGE) || !self.is_on {
            return;
        }
        let severe = batch.level()[..batch.len].iter().fold(0, |most, &level| level.max(most));
        if severe >= Level::Warn as u8 || !SEVERE {
            let Messages { table, keys, padded, .. } = self;
            crate::dispatch!(update::<>(table: &mut GroupTable<Message>, keys: &mut Keys, padded: &mut Vec<u8>, severe: bool, batch: &Batch, block: Block<'_>) -> ();
                table, keys, padded, SEVERE, batch, block);
        }
    }

    fn take(&mut self) -> MessageGroups<SEVERE> {
        MessageGroups(self.table.take())
    }
}

#[inline(always)]
fn update<S: Simd>(
    simd: S,
    table: &mut GroupTable<Message>,
    keys: &mut Keys,
    padded: &mut Vec<u8>,
    severe: bool,
    batch: &Batch,
    block: Block<'_>,
) {
    table.expect(batch.len);
    for row in 0..batch.len {
        if (batch.level()[row] >= Level::Warn as u8) != severe || batch.message()[row].is_empty() {
            continue;
        }
        let text = batch.message()[row].bytes(block.bytes, &batch.arena);
        let key = keys.begin();
        // Complemented: of equally frequent messages the more severe ones sort first.
        key.push(!batch.level()[row]);
        mask(simd, as_line(text, block.bytes, padded), key);
        if keys.end(row) {
            count(table, keys, batch, block);
        }
    }
    count(table, keys, batch, block);
}

/// Counts the messages whose keys are there.
#[inline(never)]
fn count(table: &mut GroupTable<Message>, keys: &mut Keys, batch: &Batch, block: Block<'_>) {
    keys.find(table, |table, row, place| {
        let message = table.count(place);
        message.count += 1;
        message.errors += u64::from(batch.flags()[row] & ERROR != 0);
        if batch.time_ns()[row] != NO_TIME {
            message.first_ns = message.first_ns.min(batch.time_ns()[row]);
            message.last_ns = message.last_ns.max(batch.time_ns()[row]);
        }
        // Rows come in the order of their lines.
        if message.count == 1 {
            let text = batch.message()[row].bytes(block.bytes, &batch.arena);
            message.source = block.source;
            message.offset = block.offset_of(batch, row);
            message.sample.clear();
            message.sample.extend_from_slice(sample_of(text));
        }
    });
}

/// The first bytes of a text as a line, where it stands or copied.
#[inline(always)]
fn as_line<'a>(text: &'a [u8], block: &'a [u8], padded: &'a mut Vec<u8>) -> Line<'a> {
    let len = text.len().min(TEMPLATE_OF_BYTES);
    // A position in the block, or something huge.
    let start = (text.as_ptr() as usize).wrapping_sub(block.as_ptr() as usize);
    if start >= PAD && start.saturating_add(len + PAD) <= block.len() {
        return Line::new(block, start, start + len);
    }
    padded.clear();
    padded.resize(PAD, 0);
    padded.extend_from_slice(&text[..len]);
    padded.resize(PAD + len + PAD, 0);
    Line::new(padded, PAD, PAD + len)
}

/// The first bytes of a text, not cut inside a character where there are characters.
fn sample_of(text: &[u8]) -> &[u8] {
    if text.len() <= SAMPLE_BYTES_MAX {
        return text;
    }
    let mut ends = (SAMPLE_BYTES_MAX - 3..=SAMPLE_BYTES_MAX).rev();
    let end = ends.find(|&end| text[end] & 0xC0 != 0x80).unwrap_or(SAMPLE_BYTES_MAX);
    &text[..end]
}

const DIGIT: u8 = 1;
const HEX: u8 = 2;
const WORD: u8 = 4;
const PATH: u8 = 8;
/// Of an IPv6 address, with an IPv4 address in it.
const ADDRESS: u8 = 16;

/// What each byte may be part of.
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        if byte.is_ascii_digit() {
            classes[i] |= DIGIT;
        }
        if byte.is_ascii_hexdigit() {
            classes[i] |= HEX | ADDRESS;
        }
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 {
            classes[i] |= WORD | PATH;
        }
        i += 1;
    }
    classes[b':' as usize] |= ADDRESS;
    classes[b'.' as usize] |= ADDRESS;
    let more = b"/.-+@%~=:&?#!*$";
    let mut i = 0;
    while i < more.len() {
        classes[more[i] as usize] |= PATH;
        i += 1;
    }
    classes
};

#[inline(always)]
fn is(class: u8, byte: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// Whether a match may start at `i`: the text starts there, or no word byte is before it.
#[inline(always)]
fn starts(text: &[u8], i: usize) -> bool {
    i == 0 || !is(WORD, text[i - 1])
}

/// Whether a match may end at `i`.
#[inline(always)]
fn ends(text: &[u8], i: usize) -> bool {
    text.get(i).is_none_or(|&b| !is(WORD, b))
}

/// How many bytes from `from` on are of this class.
#[inline(always)]
fn run(class: u8, text: &[u8], from: usize) -> usize {
    let rest = &text[from.min(text.len())..];
    rest.iter().position(|&b| !is(class, b)).unwrap_or(rest.len())
}

/// What is replaced: from where to where, and by what.
type Match = (usize, usize, &'static [u8]);

/// Appends the template of a message.
#[inline(always)]
fn mask<S: Simd>(simd: S, line: Line<'_>, out: &mut Vec<u8>) {
    let text = line.bytes();
    // Everything before `done` is in `out`; triggers before `at` have been looked at.
    let (mut done, mut at) = (0, 0);
    // Per kind of quote: whether there is still one that could close.
    let mut closes = [true; 2];
    while at < text.len() {
        let triggers = line.range32(simd, at, b'0', b'9')
            | line.eq32(simd, at, b'/')
            | line.eq32(simd, at, b'"')
            | line.eq32(simd, at, b'\'');
        if triggers == 0 {
            at += 32;
            continue;
        }
        let trigger = at + triggers.trailing_zeros() as usize;
        let found = match text[trigger] {
            b'/' => path(text, trigger),
            quote @ (b'"' | b'\'') => quoted(text, trigger, quote, &mut closes),
            _ => Some(digit(text, trigger, done)),
        };
        at = trigger + 1;
        if let Some((start, end, name)) = found {
            out.extend_from_slice(&text[done..start]);
            out.extend_from_slice(name);
            (done, at) = (end, end);
        }
    }
    out.extend_from_slice(&text[done..]);
}

#[inline(never)]
fn quoted(text: &[u8], open: usize, quote: u8, closes: &mut [bool; 2]) -> Option<Match> {
    let single = quote == b'\'';
    if !closes[usize::from(single)] || single && !starts(text, open) {
        return None;
    }
    let close = memchr::memchr_iter(quote, &text[open + 1..])
        .map(|i| open + 1 + i)
        .find(|&i| text[i - 1] != b'\\' && (!single || ends(text, i + 1)));
    // What does not close this one closes no later one.
    closes[usize::from(single)] = close.is_some();
    Some((open, close? + 1, b"<str>"))
}

#[inline(always)]
fn path(text: &[u8], slash: usize) -> Option<Match> {
    if !starts(text, slash) {
        return None;
    }
    let mut end = slash + run(PATH, text, slash);
    while matches!(text[end - 1], b'.' | b':' | b'?' | b'!') {
        end -= 1;
    }
    (end >= slash + 2).then_some((slash, end, b"<path>"))
}

/// What a digit belongs to; nothing before `done` does.
#[inline(always)]
fn digit(text: &[u8], at: usize, done: usize) -> Match {
    let mut end = at + run(DIGIT, text, at);
    if !is_plain(text, at, end, done)
        && let Some(found) = rare(text, at, done)
    {
        return found;
    }
    let after = text.get(end).copied().unwrap_or(b' ');
    if after == b'.' {
        let decimals = run(DIGIT, text, end + 1);
        end += if decimals > 0 { decimals + 1 } else { 0 };
    }
    (at, end, b"<num>")
}

/// Whether the neighbors of the digits `at..end` rule out [`rare`], as they nearly always do.
#[inline(always)]
fn is_plain(text: &[u8], at: usize, end: usize, done: usize) -> bool {
    let before = if at > done { text[at - 1] } else { b' ' };
    let after = text.get(end).copied().unwrap_or(b' ');
    !matches!(before, b'-' | b':' | b'a'..=b'f' | b'A'..=b'F')
        && !matches!(after, b'.' | b':' | b'-' | b'x' | b'X' | b'a'..=b'f' | b'A'..=b'F')
}

/// Rules 2 to 5: what is written with digits and is not a number.
#[inline(never)]
fn rare(text: &[u8], at: usize, done: usize) -> Option<Match> {
    let at_boundary = starts(text, at);
    uuid_or_ipv6(text, at, done)
        .or_else(|| if at_boundary { ipv4(text, at).or_else(|| prefixed(text, at)) } else { None })
        .or_else(|| hex_word(text, at, done))
}

fn uuid_or_ipv6(text: &[u8], at: usize, done: usize) -> Option<Match> {
    let floor = done.max(at.saturating_sub(IPV6_BYTES_MAX));
    let mut start = at;
    while start > floor && (is(HEX, text[start - 1]) || matches!(text[start - 1], b'-' | b':')) {
        start -= 1;
    }
    while text[start] == b'-' || text[start] == b':' && text[start + 1] != b':' {
        start += 1;
    }
    if !starts(text, start) {
        return None;
    }
    // Nearly everything else shows after its first hex digits that it is neither.
    let rest = &text[start..];
    let first = run(HEX, rest, 0);
    let (len, name): (_, &[u8]) = match rest.get(first) {
        Some(b'-') if first == 8 => (uuid(rest)?, b"<uuid>"),
        Some(b':') if first <= 4 => (ipv6(rest)?, b"<ip>"),
        _ => return None,
    };
    (at < start + len && ends(rest, len)).then_some((start, start + len, name))
}

/// The length of a UUID that the text begins with.
fn uuid(text: &[u8]) -> Option<usize> {
    let fits = |(i, &b): (usize, &u8)| match i {
        8 | 13 | 18 | 23 => b == b'-',
        _ => is(HEX, b),
    };
    text.get(..36)?.iter().enumerate().all(fits).then_some(36)
}

/// The length of an IPv6 address that the text begins with.
fn ipv6(text: &[u8]) -> Option<usize> {
    let len = run(ADDRESS, text, 0);
    if len > IPV6_BYTES_MAX + 1 {
        return None;
    }
    let is_ip = |text: &&[u8]| {
        let colons = text.iter().filter(|&&b| b == b':').count();
        (colons >= 7 || text.windows(2).any(|pair| pair == b"::"))
            && std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
    };
    let text = &text[..len];
    let shorter = text.strip_suffix(b":").or(text.strip_suffix(b"."));
    Some(text).filter(is_ip).or(shorter.filter(is_ip)).map(<[u8]>::len)
}

fn ipv4(text: &[u8], at: usize) -> Option<Match> {
    if at > 0 && text[at - 1] == b'.' {
        return None;
    }
    let mut end = at;
    for part in 0..4 {
        if part > 0 {
            end += usize::from(text.get(end) == Some(&b'.'));
        }
        let len = run(DIGIT, text, end);
        let value = |digits: &[u8]| digits.iter().fold(0, |v, b| v * 10 + u32::from(b - b'0'));
        if !(1..=3).contains(&len) || value(&text[end..end + len]) > 255 {
            return None;
        }
        end += len;
    }
    let port = if text.get(end) == Some(&b':') { run(DIGIT, text, end + 1) } else { 0 };
    if (1..=5).contains(&port) && ends(text, end + 1 + port) {
        end += 1 + port;
    }
    let more = text.get(end) == Some(&b'.') && run(DIGIT, text, end + 1) > 0;
    (ends(text, end) && !more).then_some((at, end, b"<ip>"))
}

/// `0x` and hex digits.
fn prefixed(text: &[u8], at: usize) -> Option<Match> {
    if text[at] != b'0' || !matches!(text.get(at + 1), Some(b'x' | b'X')) {
        return None;
    }
    let len = run(HEX, text, at + 2);
    let end = at + 2 + len;
    (len > 0 && ends(text, end)).then_some((at, end, b"<hex>"))
}

fn hex_word(text: &[u8], at: usize, done: usize) -> Option<Match> {
    let before = text[done..at].iter().rev().take_while(|&&b| is(HEX, b)).count();
    let start = at - before;
    if !starts(text, start) {
        return None;
    }
    let end = at + run(HEX, text, at);
    let has_letter = || text[start..end].iter().any(u8::is_ascii_alphabetic);
    (end - start >= 8 && ends(text, end) && has_letter()).then_some((start, end, b"<hex>"))
}

impl Payload for Message {
    type Live = Message;

    fn freeze(live: &mut Message, out: &mut Vec<u8>) {
        live.encode(out);
        Message::reset(live);
    }

    fn reset(live: &mut Message) {
        let Message { count, errors, first_ns, last_ns, source, offset, sample } = live;
        (*count, *errors, *first_ns, *last_ns) = (0, 0, i64::MAX, i64::MIN);
        (*source, *offset) = (0, 0);
        sample.clear();
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 || (other.source, other.offset) < (self.source, self.offset) {
            (self.source, self.offset) = (other.source, other.offset);
            self.sample.clone_from(&other.sample);
        }
        self.count += other.count;
        self.errors += other.errors;
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.count);
        put_u64(out, self.errors);
        put_u64(out, u64::from(self.first_ns <= self.last_ns));
        if self.first_ns <= self.last_ns {
            put_u64(out, zigzag(self.first_ns));
            put_u64(out, self.last_ns.abs_diff(self.first_ns));
        }
        put_u64(out, u64::from(self.source));
        put_u64(out, self.offset);
        put_bytes(out, &self.sample);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let (count, errors) = (get_u64(bytes)?, get_u64(bytes)?);
        if errors > count {
            return None;
        }
        let mut message = Message { count, errors, ..Message::default() };
        match get_u64(bytes)? {
            0 => {}
            1 => {
                message.first_ns = unzigzag(get_u64(bytes)?);
                message.last_ns = message.first_ns.checked_add_unsigned(get_u64(bytes)?)?;
            }
            _ => return None,
        }
        message.source = get_u64(bytes)?.try_into().ok()?;
        message.offset = get_u64(bytes)?;
        message.sample = get_bytes(bytes, SAMPLE_BYTES_MAX)?.to_vec();
        Some(message)
    }
}

impl<const SEVERE: bool> State for MessageGroups<SEVERE> {
    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0, MESSAGES_MAX);
    }

    fn renumber(&mut self, number: &dyn Fn(u32) -> u32) {
        self.0.change(|message| message.source = number(message.source));
    }

    fn check(&self) -> Result<(), &'static str> {
        self.0.check(MESSAGES_MAX)?;
        super::sane(self.0.iter().map(|(_, message)| message.count))?;
        let belongs = |key: &[u8]| level_of(key).is_some_and(|l| (l >= Level::Warn) == SEVERE);
        if self.0.iter().any(|(key, message)| !belongs(key) || message.count == 0) {
            return Err("a message template of another level or without a record");
        }
        Ok(())
    }
}

impl Ranked for Message {
    fn volume(&self) -> u64 {
        self.count
    }

    fn score(&self, order: Order) -> Score {
        Score::Count(match order {
            Order::Volume => self.count.into(),
            Order::Errors => self.errors.into(),
            // Rows do not say more that could order them.
            _ => 0,
        })
    }
}

/// The level of a template's key.
fn level_of(key: &[u8]) -> Option<Level> {
    key.first().and_then(|&level| Level::from_u8(!level))
}

/// The text of a template's key.
fn text_of(key: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(key.get(1..).unwrap_or_default())
}

/// Templates in `analysis`: so many by count, and as many that are the latest to come first.
const ANALYSIS_MAX: usize = 200;

impl<const SEVERE: bool> MessageGroups<SEVERE> {
    /// The rows of the `templates` of the analysis.
    pub fn evaluate_analysis(&self) -> Vec<Value> {
        let mut rows = self.0.top(ANALYSIS_MAX, |message| message.count.into());
        let timed = |message: &Message| message.first_ns <= message.last_ns;
        let mut names: BTreeSet<&[u8]> = rows.iter().map(|(key, _)| *key).collect();
        let latest = self
            .0
            .top(ANALYSIS_MAX, |m| if timed(m) { m.first_ns.abs_diff(i64::MIN).into() } else { 0 });
        rows.extend(latest.into_iter().filter(|(key, _)| names.insert(key)));
        let one = |(key, message): (&[u8], Message)| {
            let timed = timed(&message);
            object! {
                "text": text_of(key),
                "level": level_of(key).unwrap_or_default().name(),
                "count": message.count,
                "errors": message.errors,
                "first": timed.then_some(message.first_ns),
                "last": timed.then_some(message.last_ns),
            }
        };
        rows.into_iter().map(one).collect()
    }

    /// The report's `messages` or `templates`.
    pub fn evaluate(&self, rows: &Rows, of: Whole) -> Value {
        let one = |key: &[u8], message: &Message| {
            let level = level_of(key).unwrap_or_default();
            let timed = message.first_ns <= message.last_ns;
            object! {
                "template": text_of(key),
                "level": level.name(),
                "count": message.count,
                "share": of.share(message.count),
                "first": timed.then(|| rfc3339(message.first_ns)),
                "last": timed.then(|| rfc3339(message.last_ns)),
                "sample": String::from_utf8_lossy(&message.sample),
            }
        };
        let table = if SEVERE { "messages" } else { "templates" };
        rows.table(table, &self.0, Vec::new(), text_of, one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::bytes::simd::Plain;
    use crate::record::{Record, Text};
    use proptest::prelude::*;
    use serde_json::json;

    fn template(text: &str) -> String {
        let padded = PaddedLine::new(text.as_bytes());
        let mut out = Vec::new();
        mask(Plain, padded.line(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn masks() {
        for (text, expected) in [
            ("Database connection failed", "Database connection failed"),
            ("took 127ms, 0.5 s, 1.2.3", "took <num>ms, <num> s, <num>.<num>"),
            (
                "worker-12 of worker3 at 10:15:33",
                "worker-<num> of worker<num> at <num>:<num>:<num>",
            ),
            ("on 2024-01-24.", "on <num>-<num>-<num>."),
            ("user \"bob\" can't 'log in'", "user <str> can't <str>"),
            ("\"a \\\" b\" c", "<str> c"),
            ("it's 'it's' 'open", "it's <str> 'open"),
            ("say \"x", "say \"x"),
            ("id 123e4567-e89b-12d3-a456-426614174000!", "id <uuid>!"),
            ("id abcdefab-cdef-abcd-a456-426614174000,", "id <uuid>,"),
            ("to 10.0.0.1:8080, 10.0.0.2.", "to <ip>, <ip>."),
            (
                "v1.2.3.4 and 1.2.3.4.5 and 256.1.1.1",
                "v<num>.<num> and <num>.<num>.<num> and <num>.<num>",
            ),
            ("from fe80::1: [::1]:80 2001:db8:0:0:0:0:0:1", "from <ip>: [<ip>]:<num> <ip>"),
            ("std::vec 12::x", "std::vec <num>::x"),
            ("at 0x7ffe12 0xzz", "at <hex> <num>xzz"),
            (
                "commit deadbeef1, 12345678, deadbeef, dead1",
                "commit <hex>, <num>, deadbeef, dead<num>",
            ),
            ("open /var/log/x.log: and/or /", "open <path>: and/or /"),
            ("GET http://h:80/a?b=1 n/a", "GET http:<path> n/a"),
            ("caf\u{e9}'s 5\u{b5}s", "caf\u{e9}'s <num>\u{b5}s"),
            ("x1e-5", "x<num>e-<num>"),
            ("", ""),
        ] {
            assert_eq!(template(text), expected, "{text}");
        }
    }

    #[test]
    fn a_template_is_of_a_bounded_part() {
        let start = "word ".repeat(TEMPLATE_OF_BYTES / 5);
        let (mut padded, mut out) = (Vec::new(), Vec::new());
        let text = format!("{start}abcd and so on");
        mask(Plain, as_line(text.as_bytes(), b"", &mut padded), &mut out);
        assert_eq!(out, text.as_bytes()[..TEMPLATE_OF_BYTES]);
        // Openings that nothing closes are not searched for again and again.
        let hostile = " 'x \"".repeat(200);
        assert_eq!(template(&hostile).len(), template(&hostile).len());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_templates_stay(
            bytes in prop::collection::vec(prop_oneof![
                any::<u8>(), prop::sample::select(&b"0123456789abcdefx.:-/'\"\\ _"[..]),
            ], 0..200),
        ) {
            let padded = PaddedLine::new(&bytes);
            let mut out = Vec::new();
            mask(Plain, padded.line(), &mut out);
            // The same amid other bytes, and with the best instruction set.
            let mut block = vec![b'7'; bytes.len() + 2 * PAD];
            block[PAD..PAD + bytes.len()].copy_from_slice(&bytes);
            let mut again = Vec::new();
            mask(Plain, Line::new(&block, PAD, PAD + bytes.len()), &mut again);
            prop_assert_eq!(&again, &out);
            prop_assert!(!out.iter().any(u8::is_ascii_digit));
            // What counts as a plain number could be nothing else.
            for at in 0..bytes.len() {
                let end = at + run(DIGIT, &bytes, at);
                if end > at && (at == 0 || !is(DIGIT, bytes[at - 1])) && is_plain(&bytes, at, end, 0) {
                    prop_assert_eq!(rare(&bytes, at, 0), None);
                }
            }
        }

        #[test]
        fn payloads_round_trip(
            count: u64,
            times in prop::option::of((any::<i64>(), any::<i64>())),
            source: u32,
            offset: u64,
            sample in prop::collection::vec(any::<u8>(), 0..=SAMPLE_BYTES_MAX),
        ) {
            let (first_ns, last_ns) =
                times.map_or((i64::MAX, i64::MIN), |(a, b)| (a.min(b), a.max(b)));
            let errors = count / 3;
            let message = Message { count, errors, first_ns, last_ns, source, offset, sample };
            let mut bytes = Vec::new();
            message.encode(&mut bytes);
            let mut rest = &bytes[..];
            prop_assert_eq!(Message::decode(&mut rest), Some(message));
            prop_assert!(rest.is_empty());
        }
    }

    /// Messages of (level, seconds, text), one a line.
    fn count(
        messages: &mut Messages,
        source: u32,
        rows: &[(Level, Option<i64>, &str)],
    ) -> MessageGroups {
        let mut bytes = vec![b'7'; PAD];
        let mut batch = Batch::new();
        for &(level, second, text) in rows {
            let start = bytes.len();
            bytes.extend_from_slice(text.as_bytes());
            let record = Record {
                level,
                time_ns: second.map_or(NO_TIME, |s| s * 1_000_000_000),
                message: Text::of_line(0, text.len()),
                ..Record::EMPTY
            };
            let columns = Columns::LEVEL.or(Columns::MESSAGE).or(Columns::TIME);
            batch.push(columns, &record, start as u32, text.len() as u32);
        }
        bytes.resize(bytes.len() + PAD, b'7');
        messages.update(&batch, Block { bytes: &bytes, offset: 1_000 - PAD as i64, source });
        let state = messages.take();
        assert_eq!(state.check(), Ok(()));
        state
    }

    #[test]
    fn the_report() {
        let mut messages = Messages::default();
        let first = count(
            &mut messages,
            0,
            &[
                (Level::Info, Some(1), "started 1"),
                (Level::Error, Some(5), "lost 10.0.0.1"),
                (Level::Error, Some(3), "lost 10.0.0.2"),
                (Level::Warn, None, "slow"),
            ],
        );
        let second = count(&mut messages, 1, &[(Level::Error, Some(9), "lost 10.0.0.3")]);
        assert_eq!(count(&mut messages, 2, &[(Level::Info, None, "x")]), MessageGroups::default());
        let (mut left, mut right) = (first.clone(), second.clone());
        left.merge(&second);
        right.merge(&first);
        assert_eq!(left, right);
        assert_eq!(left.check(), Ok(()));
        let expected = json!({
            "exact": true, "error_bound": 0, "distinct": 2,
            "top": [
                {"template": "lost <ip>", "level": "ERROR", "count": 3, "share": 0.6,
                    "first": "1970-01-01T00:00:03Z", "last": "1970-01-01T00:00:09Z",
                    "sample": "lost 10.0.0.1"},
                {"template": "slow", "level": "WARN", "count": 1, "share": 0.2,
                    "first": null, "last": null, "sample": "slow"},
            ],
        });
        assert_eq!(left.evaluate(&Rows::first(10), Whole { volume: 5, sized: false }), expected);
    }

    #[test]
    fn samples_are_short() {
        let mut messages = Messages::default();
        let long = "\u{e9}".repeat(150);
        let state = count(&mut messages, 0, &[(Level::Fatal, None, &format!("x{long}"))]);
        let (_, message) = state.0.iter().next().unwrap();
        assert_eq!(message.sample.len(), SAMPLE_BYTES_MAX - 1);
        assert_eq!(message.offset, 1_000);
    }
}
