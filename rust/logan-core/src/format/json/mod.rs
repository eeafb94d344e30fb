//! JSON lines: one JSON object per line.
//!
//! # Accepted
//! A line is a record if it is one object by RFC 8259, with white space (space, tab, CR, LF) around
//! it and between its tokens, and at least one known name has a usable value. Which names are known
//! and what they mean is in [`fields`](super::fields). The differences to RFC 8259:
//! - bytes below 0x20 and bytes that are no UTF-8 are tolerated inside of strings;
//! - `\u` wants four hexadecimal digits, but surrogates need not come in pairs; a lone one becomes
//!   U+FFFD;
//! - numbers are only looked at as text, so none is too large;
//! - at most [`DEPTH_MAX`] objects and arrays may be open at once, the outermost one included.
//!
//! Everything else that is not JSON makes the line no record, wherever it stands: missing or
//! doubled commas and colons, single quotes, bare words, numbers such as `01`, `1.`, `.5` and `+1`,
//! unknown escapes, brackets that do not match, a second value behind the object.
//!
//! Objects may repeat keys: the first usable value counts. `true`, `false`, `null`, arrays, and
//! objects are never usable themselves; text is where a number is wanted, but a number is no text.
//!
//! # How
//! One pass, and strings are searched for their ends 32 bytes at a time. Lines of one log repeat
//! their keys, so what stands between two values (`,"status":`) is remembered with what it was
//! found to mean ([`Heads`]), and compared as a few integers when the next line comes to the same
//! place. What a head means is a function of its bytes and of what it stands in, both of which are
//! compared, so a remembered answer is the answer. On a miss, the head is read token by token.
//!
//! Whole lines repeat as well, but for their values: [`shapes`](crate::format::json::templates) reads those, and only
//! what it does not know comes here.
//!
//! A [`Line`] answers with arbitrary bytes behind its end. The parser does not ask at each byte: it
//! only ever moves forward, the ends of strings and numbers are searched for inside of the line,
//! and what it accepts must end exactly where the line's last `}` is.

pub mod templates;
#[cfg(test)]
mod tests;

use super::fields::{Fields, Group, Known, Meaning, Names, Value, code_unit};
use super::{Context, Entry, Facts, Info, LineFormat, Run, keys};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::json::templates::Outcome;
use crate::record::{Columns, Record};
use crate::time::{eight_digits, leading_digits};
use std::ops::Range;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "json",
        title: "JSON lines: one object per line, fields under their usual names",
        example: r#"{"time":"2024-01-24T10:15:33.001Z","level":"INFO","msg":"Request processed","status":200,"duration_ms":95}"#,
        time_field: "time, timestamp, @timestamp, ts, ...",
        duration_field: Some("duration, elapsed, latency, took, response_time, ..."),
        duration_unit: Some("by key"),
    },
    facts: Facts { named_fields: true, ..Facts::PLAIN },
    build: |_| Box::new(Json { names: Names::get() }),
};

/// Objects and arrays that may be open at once. Logs nest less than ten deep; what does not is made
/// to hurt.
pub const DEPTH_MAX: usize = 64;

struct Json {
    names: &'static Names,
}

impl LineFormat for Json {
    #[inline(always)]
    fn keys<S: Simd>(&self, simd: S, line: Line<'_>, found: &mut keys::Found<'_>) {
        keys::of_json(simd, line, found);
    }

    const COLUMNS: Columns = Columns::TIME
        .or(Columns::LEVEL)
        .or(Columns::DURATION)
        .or(Columns::STATUS)
        .or(Columns::BYTES)
        .or(Columns::MESSAGE)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT)
        .or(Columns::ON_REQUEST);

    const HAS_MANY: bool = true;

    fn parse_many(&self, run: &mut Run<'_>) {
        crate::dispatch!(many::<>(json: &Json, run: &mut Run<'_>) -> (); self, run);
    }

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'{' || is_space(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let Some(mut shapes) = context.shapes.take() else {
            return self.parse_generally(simd, line, context, arena, record);
        };
        let outcome = shapes.read(simd, line, context, arena, record);
        let parsed = match outcome {
            Outcome::Read => true,
            _ => self.parse_generally(simd, line, context, arena, record),
        };
        if parsed && outcome == Outcome::New {
            shapes.learn(simd, self.names.wanted(context.wanted), line);
        }
        context.shapes = Some(shapes);
        parsed
    }
}

/// Parses lines until one is no record; many at once as long as they are alike.
#[inline(always)]
fn many<S: Simd>(simd: S, json: &Json, run: &mut Run<'_>) {
    while run.next < run.ends.len() && !run.batch.is_full() {
        let Some(mut shapes) = run.context.shapes.take() else { return };
        let group = shapes.read_many(simd, run);
        run.context.shapes = Some(shapes);
        let first = run.batch.len;
        // Without a group it is the next line alone.
        let (rows, mut missed) = group.as_ref().map_or((1, 1), |group| (group.rows, group.missed));
        let mut records = rows;
        while missed != 0 {
            let row = missed.trailing_zeros() as usize;
            missed &= missed - 1;
            let start = if row == 0 { run.start } else { run.batch.line_start()[first + row] };
            let line = super::line_of(run.block, start, run.ends[run.next + row]);
            let mut record = Record::EMPTY;
            if super::is_never_a_record(line)
                || !json.parse(simd, line, run.context, &mut run.batch.arena, &mut record)
            {
                records = row;
                break;
            }
            if group.is_some() {
                run.batch.rows().put(first + row, Json::COLUMNS, &record);
            } else {
                run.batch.push(Json::COLUMNS, &record, start, line.len() as u32);
            }
        }
        let Some(group) = group else {
            if records == 0 {
                return;
            }
            run.advance(run.ends[run.next]);
            continue;
        };
        if let Some(shapes) = &mut run.context.shapes {
            shapes.tell(&group, records);
        }
        if records > 0 {
            run.batch.rows().finish(Json::COLUMNS, records);
            run.next += records;
        }
        if records < group.rows {
            run.start = run.batch.line_start()[first + records];
            // Rows of other formats may follow, which rely on what they do not write.
            run.batch.rows().clear(Columns::ALL, first + records..first + group.rows);
            return;
        }
        run.start = group.after;
    }
}

impl Json {
    /// Parses any line, token by token.
    #[inline(always)]
    fn parse_generally<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        let mut stop = line.len();
        while stop > 0 && is_space(line.byte(stop - 1)) {
            stop -= 1;
        }
        let mut at = skip_space(line, 0);
        // Cheap, and ends the trial of most lines that are not JSON.
        if line.byte(at) != b'{' || stop == 0 || line.byte(stop - 1) != b'}' {
            return false;
        }
        let names = self.names.wanted(context.wanted);
        let mut fields = Fields::new(line);
        let mut open = Open::new();
        let mut scope = Scope::ROOT;
        let mut place = Place { row: 0, way: 0 };
        at += 1;
        // One member, element or closing bracket per round.
        loop {
            let mut head = context.heads.get(place);
            let mut hit = head.is_at(line, at, scope);
            if !hit
                && scope.is_object()
                && line.byte(at) != b'}'
                && let Some(way) = context.heads.other_way(line, at, scope, place)
            {
                place.way = way;
                head = context.heads.get(place);
                hit = true;
            }
            let mut known = head.known;
            let mut key = at + head.key as usize;
            if hit {
                at += head.len as usize;
                place.row += 1;
            } else {
                let from = at;
                at = skip_space(line, at);
                if line.byte(at) == scope.closing_bracket() {
                    at += 1;
                    match open.close() {
                        Some(outer) => scope = outer,
                        // An empty object has no fields and is no record.
                        None => return at == stop && fields.finish(arena, record),
                    }
                    continue;
                }
                if !scope.is_fresh() {
                    if line.byte(at) != b',' {
                        return false;
                    }
                    at = skip_space(line, at + 1);
                }
                known = Known::NOTHING;
                if scope.is_object() {
                    if line.byte(at) != b'"' {
                        return false;
                    }
                    key = at + 1;
                    let Some((end, escaped)) = string_end(simd, line, key) else {
                        return false;
                    };
                    if !escaped {
                        known = names.look_up(line, scope.group(), key, end);
                    }
                    at = skip_space(line, end + 1);
                    if line.byte(at) != b':' {
                        return false;
                    }
                    at += 1;
                    place.way = context.heads.remember(line, from..at, key, scope, known, place);
                    place.row += 1;
                }
            }
            scope = scope.begun();
            let mut word = line.u64_at(at);
            if word as u8 <= b' ' {
                at = skip_space(line, at);
                word = line.u64_at(at);
            }
            match word as u8 {
                b'"' => {
                    let start = at + 1;
                    if known.meaning == Meaning::Time {
                        // A timestamp holds no escapes, so its end is the string's, too.
                        if let Some((stamp, end)) = context.clock.iso(line, start)
                            && line.byte(end) == b'"'
                        {
                            fields.take_time(known, stamp, record);
                            at = end + 1;
                            continue;
                        }
                    }
                    let Some((end, escaped)) = string_end(simd, line, start) else {
                        return false;
                    };
                    at = end + 1;
                    if known.meaning != Meaning::Nothing {
                        let value = Value { start, end, escaped, number: false };
                        fields.take(simd, known, key, value, context, arena, record);
                    }
                }
                digit @ (b'-' | b'0'..=b'9') => {
                    // Nearly all numbers are whole and below ten million.
                    let (count, values) = leading_digits(word);
                    if (1..8).contains(&count) && (digit != b'0' || count == 1) {
                        let behind = (word >> (8 * count)) as u8;
                        if !matches!(behind, b'.' | b'e' | b'E') {
                            at += count as usize;
                            let whole = eight_digits(values << (64 - 8 * count));
                            fields.take_whole(known, key, whole, count, record);
                            continue;
                        }
                    }
                    let start = at;
                    let Some(end) = number_end(simd, line, at) else {
                        return false;
                    };
                    at = end;
                    if known.meaning != Meaning::Nothing {
                        let value = Value { start, end, escaped: false, number: true };
                        fields.take_scalar(known, key, value, context, record);
                    }
                }
                b'{' | b'[' => {
                    let inner = Scope::fresh(known.inside, word as u8 == b'{');
                    match open.open(scope) {
                        true => scope = inner,
                        false => return false,
                    }
                    at += 1;
                }
                b't' if word as u32 == u32::from_le_bytes(*b"true") => at += 4,
                b'n' if word as u32 == u32::from_le_bytes(*b"null") => at += 4,
                b'f' if (word >> 8) as u32 == u32::from_le_bytes(*b"alse") => at += 5,
                _ => return false,
            }
        }
    }
}

/// What a member or element stands in: an object of some group, or an array; and whether its
/// opening bracket is the last token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Scope(u16);

impl Scope {
    const FRESH: u16 = 1;
    const ARRAY: u16 = 2;
    pub(super) const ROOT: Scope = Scope::fresh(Group::ROOT, true);
    /// No scope of any object.
    const NONE: Scope = Scope(u16::MAX);

    #[inline(always)]
    pub(super) const fn fresh(group: Group, object: bool) -> Scope {
        Scope((group.number() as u16) << 2 | if object { 0 } else { Scope::ARRAY } | Scope::FRESH)
    }

    #[inline(always)]
    pub(super) fn begun(self) -> Scope {
        Scope(self.0 & !Scope::FRESH)
    }

    #[inline(always)]
    pub(super) fn is_fresh(self) -> bool {
        self.0 & Scope::FRESH != 0
    }

    #[inline(always)]
    pub(super) fn is_object(self) -> bool {
        self.0 & Scope::ARRAY == 0
    }

    #[inline(always)]
    pub(super) fn group(self) -> Group {
        Group::from_number((self.0 >> 2) as u8)
    }

    #[inline(always)]
    pub(super) fn closing_bracket(self) -> u8 {
        if self.is_object() { b'}' } else { b']' }
    }
}

/// The objects and arrays around the innermost one.
pub(in crate::format) struct Open {
    outer: [Scope; DEPTH_MAX - 1],
    count: usize,
}

impl Open {
    #[inline(always)]
    pub(super) fn new() -> Open {
        Open { outer: [Scope::NONE; DEPTH_MAX - 1], count: 0 }
    }

    /// Goes into one more; false if it is one too many.
    #[inline(always)]
    pub(super) fn open(&mut self, scope: Scope) -> bool {
        let Some(place) = self.outer.get_mut(self.count) else {
            return false;
        };
        *place = scope;
        self.count += 1;
        true
    }

    /// Back to the one around; None from the outermost.
    #[inline(always)]
    pub(super) fn close(&mut self) -> Option<Scope> {
        self.count = self.count.checked_sub(1)?;
        self.outer.get(self.count).copied()
    }
}

/// Rows of remembered heads, one for each member of a line, counted round.
const ROWS: usize = 32;
/// Heads that are remembered for the same place: so many kinds of lines may be mixed.
const WAYS: usize = 4;
/// Longest head that is remembered.
const HEAD_BYTES_MAX: usize = 32;

/// Remembered heads of members: what stands between two values, up to the colon.
///
/// # Fast path `json-keys`
/// ```text
/// at each member: compare the bytes here with those of the same member of the line before,
///                 then with those of three other lines
/// equal: the key means what it meant; else read it token by token, and keep its bytes
/// ```
/// Reference: reading token by token. Compared by `remembered_heads_do_not_show` and
/// `tests/fast_paths.rs`. Gain: time without it 1.00 on JSON, which templates read, 1.07 on
/// unlike JSON (2026-11-28, AMD EPYC with AVX-512, other work beside it).
///
/// What a head means is a function of its bytes and its scope, both of which are compared, so this
/// never shows in the outcome. The head to compare with first is that of the member's number in the
/// way that the member before was found in: it does not depend on the bytes of the line, so that
/// the processor can be ahead of them.
#[derive(Clone)]
pub struct Heads {
    rows: [[Head; WAYS]; ROWS],
    is_off: bool,
}

#[derive(Clone, Copy)]
struct Head {
    /// The first and the last eight bytes.
    words: [u64; 2],
    /// Which bits of the words are of the head.
    masks: [u64; 2],
    /// Of a head longer than 16 bytes: the second eight and the last but eight.
    inner: [u64; 2],
    scope: Scope,
    len: u8,
    /// Where the key starts.
    key: u8,
    known: Known,
}

impl Default for Heads {
    fn default() -> Self {
        Heads { rows: [[Head::NONE; WAYS]; ROWS], is_off: false }
    }
}

/// Which remembered head is next.
#[derive(Clone, Copy)]
struct Place {
    /// Number of the member.
    row: usize,
    way: usize,
}

impl Heads {
    /// From now on none is remembered.
    pub fn switch_off(&mut self) {
        self.is_off = true;
    }

    #[inline(always)]
    fn get(&self, place: Place) -> &Head {
        &self.rows[place.row % ROWS][place.way % WAYS]
    }

    /// The way in which the head at `at` is remembered.
    #[inline(never)]
    fn other_way(&self, line: Line<'_>, at: usize, scope: Scope, place: Place) -> Option<usize> {
        self.rows[place.row % ROWS].iter().position(|head| head.is_at(line, at, scope))
    }

    /// Puts the head `line[range]` beside those that are there, and says in which way.
    #[cold]
    #[inline(never)]
    fn remember(
        &mut self,
        line: Line<'_>,
        range: Range<usize>,
        key: usize,
        scope: Scope,
        known: Known,
        place: Place,
    ) -> usize {
        let Range { start, end } = range;
        let len = end - start;
        if len > HEAD_BYTES_MAX || self.is_off {
            return place.way;
        }
        let Place { row, way } = place;
        let heads = &mut self.rows[row % ROWS];
        // The same way as long as it is free, so that a line stays in one.
        let way = if heads[way % WAYS].scope == Scope::NONE { way } else { way + 1 } % WAYS;
        let long = len > 16;
        heads[way] = Head {
            words: [line.u64_at(start), line.u64_before(end)],
            // A head has three bytes at least: two quotes and a colon.
            masks: [u64::MAX >> (64 - 8 * len.min(8)), if len > 8 { u64::MAX } else { 0 }],
            inner: if long { [line.u64_at(start + 8), line.u64_before(end - 8)] } else { [0; 2] },
            scope,
            len: len as u8,
            key: (key - start) as u8,
            known,
        };
        way
    }
}

impl Head {
    /// Nothing remembered.
    const NONE: Head = Head {
        words: [0; 2],
        masks: [0; 2],
        inner: [0; 2],
        scope: Scope::NONE,
        len: 0,
        key: 0,
        known: Known::NOTHING,
    };

    /// Whether this head is at `at`.
    #[inline(always)]
    fn is_at(&self, line: Line<'_>, at: usize, scope: Scope) -> bool {
        let end = at + self.len as usize;
        let first = (line.u64_at(at) ^ self.words[0]) & self.masks[0];
        let last = (line.u64_before(end) ^ self.words[1]) & self.masks[1];
        self.scope == scope
            && first | last == 0
            && (self.len <= 16
                || line.u64_at(at + 8) == self.inner[0]
                    && line.u64_before(end - 8) == self.inner[1])
    }
}

#[inline(always)]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The first position from `at` on without white space.
#[inline(always)]
pub(crate) fn skip_space(line: Line<'_>, at: usize) -> usize {
    if line.byte(at) > b' ' {
        return at;
    }
    // Python's and PostgreSQL's writers put one space behind each comma and colon.
    if line.byte(at) == b' ' && line.byte(at + 1) > b' ' { at + 1 } else { skip_spaces(line, at) }
}

#[cold]
#[inline(never)]
fn skip_spaces(line: Line<'_>, mut at: usize) -> usize {
    while at < line.len() && is_space(line.byte(at)) {
        at += 1;
    }
    at
}

/// Where the number at `at` ends, if it is one.
#[inline(always)]
pub(super) fn number_end<S: Simd>(simd: S, line: Line<'_>, at: usize) -> Option<usize> {
    let start = at + usize::from(line.byte(at) == b'-');
    let digits = line.range32(simd, start, b'0', b'9');
    let whole = digits.trailing_ones() as usize;
    if whole == 0 || whole > 1 && line.byte(start) == b'0' {
        return None;
    }
    let end = start + whole;
    match line.byte(end) {
        b'.' if whole < 31 => {
            let fraction = (digits >> whole >> 1).trailing_ones() as usize;
            let end = end + 1 + fraction;
            match line.byte(end) {
                b'e' | b'E' | b'0'..=b'9' => long_number_end(line, start),
                _ => (fraction > 0).then_some(end),
            }
        }
        b'.' | b'e' | b'E' | b'0'..=b'9' => long_number_end(line, start),
        _ => Some(end),
    }
}

/// The same byte by byte, for a number without sign and needless zeros.
#[cold]
#[inline(never)]
fn long_number_end(line: Line<'_>, start: usize) -> Option<usize> {
    let digits = |from: usize| {
        let rest = line.bytes().get(from..).unwrap_or(&[]);
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        (count > 0).then_some(from + count)
    };
    let at = |i: usize| line.bytes().get(i).copied().unwrap_or(0);
    let mut end = digits(start)?;
    if at(end) == b'.' {
        end = digits(end + 1)?;
    }
    if matches!(at(end), b'e' | b'E') {
        end = digits(end + 1 + usize::from(matches!(at(end + 1), b'+' | b'-')))?;
    }
    Some(end)
}

/// Where the string that starts at `start` has its closing quote, and whether it holds escapes.
#[inline(always)]
pub(crate) fn string_end<S: Simd>(simd: S, line: Line<'_>, start: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = start;
    loop {
        let quotes = line.eq32(simd, at, b'"');
        let first = quotes | line.eq32(simd, at, b'\\');
        if first == 0 {
            at += 32;
            if at >= line.len() {
                return None;
            }
            continue;
        }
        let i = first.trailing_zeros();
        at += i as usize;
        if quotes >> i & 1 != 0 {
            return Some((at, escaped));
        }
        escaped = true;
        at += escape_len(line, at)?;
    }
}

/// Length of the escape at `at`.
#[inline(always)]
fn escape_len(line: Line<'_>, at: usize) -> Option<usize> {
    match line.byte(at + 1) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => code_unit(line.bytes().get(at..)?).map(|_| 6),
        _ => None,
    }
}
