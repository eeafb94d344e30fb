//! JSON lines: one JSON object per line.
//!
//! # Accepted
//! A line is a record if it is one object by RFC 8259, with white space (space, tab, CR, LF) around
//! it and between its tokens, and at least one known name has a usable value, or a key says a [`late`] time. Which names are known
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
//! A message may be a record of its own, which says what this one lacks: see [`message`].
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

pub mod behind_text;
mod keys;
pub mod late;
mod message;
pub mod templates;
#[cfg(test)]
mod tests;

use super::fields::{Fields, Group, Known, Meaning, Names, Value};
use super::json_text::is_space;
use super::json_text::{number_end, skip_space, string_end};
use super::keys::Found;
use super::{BulkFormat, Entry, Facts, Info, LineFormat, LineSubset, Parse, Run, bulk, for_each};
use crate::bytes::line::Line;
use crate::bytes::simd::{Baseline, Simd};
use crate::fast::FastPath;
use crate::format::json::templates::{Outcome, Templates};
use crate::record::{Columns, NO_TIME, Record};
use crate::time::{eight_digits, leading_digits};
use message::Messages;
use std::ops::Range;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "json",
        title: "JSON lines: one object per line, fields under their usual names",
        example: r#"{"time":"2024-01-24T10:15:33.001Z","level":"INFO","msg":"Request processed","status":200,"duration_ms":95}"#,
        time_field: "time, timestamp, @timestamp, ts, ...",
        duration: Some(("duration, elapsed, latency, took, response_time, ...", "by key")),
    },
    facts: Facts { named_fields: true, ..Facts::PLAIN },
    build: |params| {
        let is_payload = params.is_payload;
        bulk(Json { names: Names::get(), messages: Messages::default(), is_payload })
    },
};

/// Objects and arrays that may be open at once. Logs nest less than ten deep; what does not is made
/// to hurt.
pub const DEPTH_MAX: usize = 64;

struct Json {
    names: &'static Names,
    /// What reads messages that are records.
    messages: Messages,
    /// Whether what is around lines has a time.
    is_payload: bool,
}

impl BulkFormat for Json {
    fn parse_many(&self, run: &mut Run<'_>) {
        let mut memory = run.context.caches.take::<Memory>();
        let kept = &mut *memory;
        crate::dispatch!(many::<>(json: &Json, run: &mut Run<'_>, memory: &mut Memory) -> ();
            self, run, kept);
        run.context.caches.put(memory);
    }

    fn parse_each(&self, lines: &mut LineSubset<'_>) {
        let mut memory = lines.context.caches.take::<Memory>();
        for_each(Self::COLUMNS, lines.lines, lines, |line, cx| self.read(line, &mut memory, cx));
        lines.context.caches.put(memory);
    }
}

impl LineFormat for Json {
    #[inline(always)]
    fn keys<S: Simd>(&self, simd: S, line: Line<'_>, found: &mut Found<'_>) {
        keys::of_json(simd, line, found);
    }

    const COLUMNS: Columns = Columns::ACCESS.or(Columns::TEXT).or(Columns::ON_REQUEST);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte == b'{' || is_space(byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut memory = cx.context.caches.take::<Memory>();
        let parsed = self.read(line, &mut memory, &mut cx.with(()));
        cx.context.caches.put(memory);
        parsed
    }
}

/// What is remembered of lines, for speed.
#[derive(Default)]
struct Memory {
    /// What the heads of members were found to mean.
    heads: Heads,
    /// What lines have in common.
    templates: Templates,
    /// The heads of objects in messages.
    inner: Heads,
    /// Room for a message, with its pad.
    message: Vec<u8>,
}

/// Parses lines until one is no record; many at once as long as they are alike.
#[inline(always)]
fn many<S: Simd>(simd: S, json: &Json, run: &mut Run<'_>, memory: &mut Memory) {
    let fast = run.context.fast;
    let has_groups = fast.has(FastPath::JsonTemplates) && fast.has(FastPath::JsonGroups);
    while run.next < run.ends.len() && !run.batch.is_full() {
        let group = if has_groups { memory.templates.read_many(simd, run) } else { None };
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
            let (context, arena) = (&mut *run.context, &mut run.batch.arena);
            let cx = &mut Parse { simd: (), context, arena, record: &mut record };
            if super::is_never_a_record(line) || json.read(line, memory, cx).is_none() {
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
        memory.templates.tell(&group, records);
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
    /// Reads any line. Not compiled into its callers.
    #[inline(never)]
    fn read(&self, line: Line<'_>, memory: &mut Memory, cx: &mut Parse<'_, ()>) -> Option<()> {
        #[inline(always)]
        fn read<S: Simd>(
            simd: S,
            json: &Json,
            line: Line<'_>,
            memory: &mut Memory,
            cx: &mut Parse<'_, ()>,
        ) -> Option<()> {
            json.read_with(line, memory, &mut cx.with(simd))
        }
        crate::dispatch!(read::<>(json: &Json, line: Line<'_>, memory: &mut Memory,
            cx: &mut Parse<'_, ()>) -> Option<()>; self, line, memory, cx)
    }

    #[inline(always)]
    fn read_with<S: Simd>(
        &self,
        line: Line<'_>,
        memory: &mut Memory,
        cx: &mut Parse<'_, S>,
    ) -> Option<()> {
        let Memory { heads, templates, inner, message } = memory;
        let fast = cx.context.fast;
        heads.is_off = !fast.has(FastPath::JsonKeys);
        let mut outcome = Outcome::Unknown;
        if fast.has(FastPath::JsonTemplates) {
            outcome = templates.read(cx.simd, line, cx.context, cx.arena, cx.record);
            if outcome == Outcome::Read {
                return Some(());
            }
        }
        heads.is_late = false;
        heads.may_be_late = !self.is_payload;
        let opened = self.parse_generally(line, heads, cx)?;
        let lacks_time = !self.is_payload && (cx.record.time_ns == NO_TIME || heads.is_late);
        // What a key says that the table does not know is no part of a template.
        if outcome == Outcome::New && !(lacks_time && late::asks(line)) {
            let names = self.names.wanted(cx.context.wanted);
            templates.learn(cx.simd, names, &cx.context.durations, line);
        }
        if let Some(text) = opened {
            self.open(line, text, inner, message, &mut cx.with(Baseline));
        }
        if lacks_time && cx.record.time_ns == NO_TIME {
            late::fill(line, &mut cx.context.clock, cx.record);
        }
        Some(())
    }

    /// Whether a line that says nothing else has a time all the same, which it then takes.
    #[cold]
    #[inline(never)]
    fn is_late<S: Simd>(&self, line: Line<'_>, heads: &mut Heads, cx: &mut Parse<'_, S>) -> bool {
        heads.is_late = heads.may_be_late && late::fill(line, &mut cx.context.clock, cx.record);
        heads.is_late
    }

    /// Parses any line, token by token; says where the message is if it may be a record that says what
    /// this one lacks.
    #[inline(always)]
    fn parse_generally<S: Simd>(
        &self,
        line: Line<'_>,
        heads: &mut Heads,
        cx: &mut Parse<'_, S>,
    ) -> Option<Option<Value>> {
        let mut stop = line.len();
        while stop > 0 && is_space(line.byte(stop - 1)) {
            stop -= 1;
        }
        let mut at = skip_space(line, 0);
        // Cheap, and ends the trial of most lines that are not JSON.
        if line.byte(at) != b'{' || stop == 0 || line.byte(stop - 1) != b'}' {
            return None;
        }
        let names = self.names.wanted(cx.context.wanted);
        let mut fields = Fields::new(line);
        let mut open = Open::new();
        let mut scope = Scope::ROOT;
        let mut place = Place { row: 0, way: 0 };
        // What the first element of a list counts as, and the key of a pair.
        let mut element = Known::NOTHING;
        let mut pair = (0, 0);
        // What is known of a member that no head is remembered for.
        let (mut read, mut paired);
        at += 1;
        // One member, element or closing bracket per round.
        loop {
            let mut head = heads.get(place);
            let mut hit = head.is_at(line, at, scope);
            if !hit
                && scope.is_object()
                && line.byte(at) != b'}'
                && let Some(way) = heads.other_way(line, at, scope, place)
            {
                place.way = way;
                head = heads.get(place);
                hit = true;
            }
            let mut key = at + head.key as usize;
            // By reference: of most members hardly anything is asked.
            let mut known = &head.known;
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
                        None => {
                            let is_record =
                                at == stop && (fields.finish(cx) || self.is_late(line, heads, cx));
                            return is_record.then(|| fields.to_open(cx.record));
                        }
                    }
                    continue;
                }
                if !scope.is_fresh() {
                    if line.byte(at) != b',' {
                        return None;
                    }
                    at = skip_space(line, at + 1);
                }
                read = scope.element(element);
                if scope.is_object() {
                    if line.byte(at) != b'"' {
                        return None;
                    }
                    key = at + 1;
                    let (end, escaped) = string_end(cx.simd, line, key)?;
                    if !escaped {
                        read = names.of_member(line, scope.place(), key, end);
                    } else {
                        read = Known::NOTHING;
                    }
                    at = skip_space(line, end + 1);
                    if line.byte(at) != b':' {
                        return None;
                    }
                    at += 1;
                    place.way = heads.remember(line, from..at, key, scope, read, place);
                    place.row += 1;
                }
                known = &read;
            }
            let is_second = !scope.is_fresh();
            scope = scope.begun();
            fields.marks |= known.marks;
            if known.meaning == Meaning::PairValue {
                paired = names.look_up(line, Group::ROOT, pair.0, pair.1);
                known = &paired;
            }
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
                        if let Some((stamp, end)) = cx.clock().iso(line, start)
                            && line.byte(end) == b'"'
                        {
                            fields.take_time(*known, stamp, cx.record);
                            at = end + 1;
                            continue;
                        }
                    }
                    let (end, escaped) = string_end(cx.simd, line, start)?;
                    at = end + 1;
                    if known.meaning != Meaning::Nothing {
                        if known.meaning == Meaning::PairKey {
                            pair = (start, end);
                        }
                        let value = Value { start, end, escaped, number: false };
                        fields.take(*known, key, value, cx);
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
                            fields.take_whole(*known, key, whole, count, cx.record);
                            continue;
                        }
                    }
                    let start = at;
                    let end = number_end(cx.simd, line, at)?;
                    at = end;
                    if known.meaning != Meaning::Nothing {
                        let value = Value { start, end, escaped: false, number: true };
                        fields.take_scalar(*known, key, value, cx.context, cx.record);
                    }
                }
                b'{' | b'[' => {
                    if is_second && scope.is_list_of_records() {
                        // Several records, of which only one could count.
                        return None;
                    }
                    let inner = scope.within(*known, word as u8 == b'{');
                    element = known.as_element();
                    open.open(scope)?;
                    scope = inner;
                    at += 1;
                }
                b't' if word as u32 == u32::from_le_bytes(*b"true") => at += 4,
                b'n' if word as u32 == u32::from_le_bytes(*b"null") => at += 4,
                b'f' if (word >> 8) as u32 == u32::from_le_bytes(*b"alse") => at += 5,
                _ => return None,
            }
        }
    }
}

/// What a member or element stands in: an object of some group, or an array of such objects; whether
/// that is inside of an object that the table does not know; and whether its opening bracket is the
/// last token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::format) struct Scope(u16);

impl Scope {
    const FRESH: u16 = 1;
    const ARRAY: u16 = 2;
    const LOOSE: u16 = 4;
    pub(super) const ROOT: Scope = Scope::fresh(Group::ROOT, Scope::FRESH);
    /// No scope of any object.
    const NONE: Scope = Scope(u16::MAX);

    const fn fresh(group: Group, bits: u16) -> Scope {
        Scope((group.number() as u16) << 3 | bits | Scope::FRESH)
    }

    /// The scope of what is inside of a value. What the table does not know is as the outermost
    /// object, but loose; inside of lists that it does not know there are no names.
    #[inline(always)]
    pub(super) fn within(self, known: Known, is_object: bool) -> Scope {
        let mut loose = self.0 & Scope::LOOSE | if known.is_loose { Scope::LOOSE } else { 0 };
        if !is_object {
            return Scope::fresh(known.elements, loose | Scope::ARRAY);
        }
        let mut group = known.inside;
        if group == Group::NOWHERE && self.is_object() && self.group() != Group::NOWHERE {
            (group, loose) = (Group::ROOT, Scope::LOOSE);
        }
        Scope::fresh(group, loose)
    }

    /// What an element that stands here is, if this is an array: its first one counts as `first`.
    #[inline(always)]
    pub(super) fn element(self, first: Known) -> Known {
        let mut known = if self.is_fresh() { first } else { Known::NOTHING };
        known.inside = self.group();
        known
    }

    /// Whether this is an array whose objects are records.
    #[inline(always)]
    pub(super) fn is_list_of_records(self) -> bool {
        !self.is_object() && self.group() == Group::ROOT
    }

    /// Group, and whether it is loose.
    #[inline(always)]
    pub(super) fn place(self) -> (Group, bool) {
        (self.group(), self.0 & Scope::LOOSE != 0)
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
    fn group(self) -> Group {
        Group::from_number((self.0 >> 3) as u8)
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

    /// Goes into one more; None if it is one too many.
    #[inline(always)]
    pub(super) fn open(&mut self, scope: Scope) -> Option<()> {
        *self.outer.get_mut(self.count)? = scope;
        self.count += 1;
        Some(())
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
struct Heads {
    rows: [[Head; WAYS]; ROWS],
    is_off: bool,
    /// Whether the time of the line is [late].
    is_late: bool,
    /// Whether it may be: not in a message, nor in a payload.
    may_be_late: bool,
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
        Heads {
            rows: [[Head::NONE; WAYS]; ROWS],
            is_off: false,
            is_late: false,
            may_be_late: false,
        }
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
