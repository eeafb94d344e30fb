//! JSON, and the records that its objects are. Part of the [twin](super).

use super::*;

pub(super) fn json_record(line: &[u8], clock: &TimestampParser) -> Option<Record> {
    let known = known_json_record(line, clock);
    if known.as_ref().is_some_and(|record| record.time_ns.is_some()) {
        return known;
    }
    let Some(time_ns) = late_time(line, clock) else { return known };
    let mut record = known.unwrap_or_else(|| {
        let found = Json::object(line, false).map(|found| Fields::of(&found, clock));
        found.map(Fields::record).unwrap_or_default()
    });
    record.time_ns = Some(time_ns);
    Some(record)
}

/// The time under a key that no table has.
fn late_time(line: &[u8], clock: &TimestampParser) -> Option<i64> {
    let mut json = Json { text: line, at: 0, found: Vec::new(), words: false, members: Vec::new() };
    json.space();
    json.value(Some(&[]), 0)?;
    if json.at < line.len() {
        return None;
    }
    let mut best = (0, None);
    for (key, start) in json.members.iter().map(|(key, start)| (key, *start)) {
        let rank = rank_of_key(key);
        if rank <= best.0 {
            continue;
        }
        let at = || Json { text: line, at: start, found: vec![], words: false, members: vec![] };
        let time_ns = match line[start] {
            b'"' => at().string().and_then(|raw| {
                let (time_ns, end) = clock.any(raw, 0)?;
                (end == raw.len()).then_some(time_ns)
            }),
            b'0'..=b'9' => at().number().and_then(|raw| {
                let digits = run(raw, 0, |b| b.is_ascii_digit());
                epoch(raw).filter(|_| (10..=19).contains(&digits))
            }),
            _ => None,
        };
        let log = 788_918_400 * SECOND..4_102_444_800 * SECOND;
        if let Some(time_ns) = time_ns.filter(|time_ns| log.contains(time_ns)) {
            best = (rank, Some(time_ns));
        }
    }
    if best.1.is_some() {
        return best.1;
    }
    let part = |name: &str| {
        let is_one = |(key, _): &&(Vec<u8>, usize)| key.eq_ignore_ascii_case(name.as_bytes());
        let (_, start) = json.members.iter().find(is_one)?;
        let text = line[*start..].strip_prefix(b"\"")?;
        Some(text[..find(text, 0, b'"')?].to_vec())
    };
    if let (Some(date), Some(time)) = (part("date"), part("time"))
        && date.first().is_some_and(u8::is_ascii_digit)
        && time.get(2) == Some(&b':')
    {
        let both = [&date[..], b" ", &time].concat();
        if let Some((time_ns, _)) = clock.any(&both, 0).filter(|&(_, end)| end == both.len()) {
            return Some(time_ns);
        }
    }
    None
}

fn rank_of_key(key: &[u8]) -> u8 {
    use logan_core::format::json::late::{EVENTS, OTHERS};
    let len = key.len();
    let key = String::from_utf8_lossy(key);
    let joined = key.to_ascii_lowercase().replace(['_', '-'], "");
    let ends = ["time", "timestamp", "date", "timeutc", "timems"];
    let marks = ["_at", "At", "-at", "_ts", "-ts", "Ts"];
    let is_time = ends.iter().any(|end| joined.ends_with(end))
        || marks.iter().any(|mark| key.ends_with(mark));
    if len > 48 || !is_time || OTHERS.iter().any(|part| joined.contains(part)) {
        return 0;
    }
    if EVENTS.iter().any(|part| joined.contains(part)) { 2 } else { 1 }
}

fn known_json_record(line: &[u8], clock: &TimestampParser) -> Option<Record> {
    let fields = json_fields(line, clock)?;
    let has_request = fields.status.rank + fields.method.rank + fields.path.rank > 0;
    let may_open = !has_request
        && fields.message.rank >= 2
        && (matches!(fields.level.value, None | Some(Level::None))
            || may_hold_request(&fields.raw_message));
    let fields_raw = fields.raw_message.clone();
    let mut record = fields.record();
    if !may_open {
        return Some(record);
    }
    let text = &record.message;
    let text = &text[..run(text, 0, |b| b != b'\n')];
    let text = text.strip_suffix(b"\r").unwrap_or(text).to_vec();
    let read = |text: &[u8]| match text.first() {
        Some(b'{') => json_fields(text, clock).map(Fields::record),
        _ => payload_record(text, clock),
    };
    // So few bytes say nothing, and give no level either.
    if text.len() < 6 {
        return Some(record);
    }
    // Strings of JSON within a string of JSON are escaped twice.
    let is_escaped =
        fields_raw.contains(&b'\\') && text.windows(2).any(|two| two == br#"\""# || two == br"\/");
    let twice = if is_escaped { unescaped(&text) } else { Vec::new() };
    let (found, text) = match read(&text) {
        None if is_escaped => (read(&twice), if read(&twice).is_some() { twice } else { text }),
        found => (found, text),
    };
    if found.is_none() && record.level == Level::None {
        record.level = leading_level(&text);
    }
    if let Some(found) = found {
        record.time_ns = match (record.time_ns, found.time_ns) {
            (Some(outer), Some(inner)) => Some(reconciled(outer, inner, &text)),
            (outer, inner) => outer.or(inner),
        };
        if record.level == Level::None {
            record.level = found.level;
        }
        record.status = record.status.or(found.status);
        record.duration_ns = record.duration_ns.or(found.duration_ns);
        record.bytes_sent = record.bytes_sent.or(found.bytes_sent);
        (record.method, record.path) = (found.method, found.path);
        if record.client.is_empty() {
            record.client = found.client;
        }
        if !found.message.is_empty() {
            record.message = found.message;
        }
    }
    Some(record)
}

fn json_fields(line: &[u8], clock: &TimestampParser) -> Option<Fields> {
    let mut fields = Fields::of(&Json::object(line, false)?, clock);
    fields.settle_loose();
    fields.settle_method();
    fields.settle(line, &clock.durations);
    fields.settle_nanos();
    fields.settle_status();
    fields.any_usable().then_some(fields)
}

/// The level that text begins with, in capitals, enclosed, or before a colon or bar.
fn leading_level(text: &[u8]) -> Level {
    let text = text.trim_ascii_start();
    let enclosed = text.first().is_some_and(|b| b"[(<".contains(b));
    let text = &text[usize::from(enclosed)..];
    let (word, rest) = text.split_at(run(text, 0, |b| b.is_ascii_alphabetic()));
    let next = rest.trim_ascii_start().first().copied().unwrap_or(0);
    let is_marked = enclosed && b"])>".contains(&next) || b":|".contains(&next);
    let is_alone =
        word.iter().all(u8::is_ascii_uppercase) && rest.first().is_none_or(|b| b" \t,".contains(b));
    level_of_word(word).filter(|_| is_marked || is_alone).unwrap_or(Level::None)
}

/// Whether text is an object, or holds a capital, a blank and a path or URL.
fn may_hold_request(text: &[u8]) -> bool {
    if text.starts_with(b"{") && text.ends_with(b"}") {
        return true;
    }
    (0..text.len()).filter(|&i| text[i] == b'/').any(|slash| {
        let mut before = &text[..slash];
        while let Some(shorter) = before.strip_suffix(b"\\") {
            before = shorter;
        }
        if let Some(scheme) = before.strip_suffix(b":") {
            let letters = scheme.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
            before = &scheme[..scheme.len() - letters];
        }
        before.ends_with(b" ") && before.len() > 1 && before[before.len() - 2].is_ascii_uppercase()
    })
}

/// The time of a message by its own zone, or moved by quarters of an hour to within a minute of its
/// collector's, or that.
fn reconciled(outer: i64, inner: i64, text: &[u8]) -> i64 {
    let is_digit = |i: usize| text.get(i).is_some_and(u8::is_ascii_digit);
    let is_clock = |i: usize| {
        text[i] == b':'
            && text.get(i + 3) == Some(&b':')
            && [1, 2, 4, 5].iter().all(|offset| is_digit(i + offset))
    };
    if let Some(clock) = (0..text.len()).find(|&i| is_clock(i)) {
        let mut at = clock + 6;
        if matches!(text.get(at), Some(b'.' | b',')) {
            at += 1 + run(text, at + 1, |b| b.is_ascii_digit());
        }
        at += usize::from(text.get(at) == Some(&b' '));
        let rest = &text[at..];
        let is_offset = matches!(rest.first(), Some(b'+' | b'-'))
            && rest.len() > 4
            && is_digit(at + 1)
            && is_digit(at + 2)
            && is_digit(if rest[3] == b':' { at + 4 } else { at + 3 });
        if is_offset || ["Z", "UTC", "GMT"].iter().any(|name| rest.starts_with(name.as_bytes())) {
            return inner;
        }
    }
    let quarter = 900 * SECOND;
    let quarters = (outer - inner + quarter / 2).div_euclid(quarter);
    let moved = inner + quarters * quarter;
    let fits = quarters.abs() <= 56 && (outer - moved).abs() <= 60 * SECOND;
    if fits { moved } else { outer }
}

/// Whether the line is one object, as far as the format `json` is concerned.
pub fn is_json_object(line: &[u8]) -> bool {
    Json::object(line, false).is_some()
}

/// The first value of this name in a record that is not empty.
pub fn value_of_key(format: &str, line: &[u8], name: &str) -> Option<Vec<u8>> {
    let fields = match format {
        "json" => Json::object(line, true)?,
        "logfmt" => logfmt_pairs(line)?.0,
        _ => return None,
    };
    let named = fields
        .into_iter()
        .filter(|field| !field.is_element && field.keys.join(&b'.') == name.as_bytes());
    named.map(|field| field.text.unwrap_or(field.raw)).find(|value| !value.is_empty())
}

/// The host of a line of JSON or logfmt: the first text of the names of the highest rank.
pub fn host_of_fields(format: &str, line: &[u8]) -> Option<Vec<u8>> {
    let fields = match format {
        "json" => Json::object(line, true)?,
        _ => logfmt_pairs(line)?.0,
    };
    let mut host = Best::default();
    for field in fields {
        let keys = without_envelopes(&field.keys);
        let is_of = |names: &str| names.split_whitespace().any(|name| names_value(name, keys));
        let known = ON_REQUEST.iter().find(|(_, _, names)| is_of(names));
        if let Some(&(record::Column::HOST, rank, _)) = known {
            host.offer(rank, field.text.filter(|text| !text.is_empty() && text != b"-"));
        }
    }
    host.value
}

/// A parser that goes down the grammar of RFC 8259 a byte at a time.
pub(super) struct Json<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) found: Vec<Field>,
    /// Whether `true` and `false` are values.
    pub(super) words: bool,
    /// All keys, and where their values start.
    pub(super) members: Vec<(Vec<u8>, usize)>,
}

impl<'a> Json<'a> {
    /// All scalar values with a name, if the text is one object.
    pub(super) fn object(text: &'a [u8], words: bool) -> Option<Vec<Field>> {
        let mut json = Json { text, at: 0, found: Vec::new(), words, members: Vec::new() };
        json.space();
        if json.peek() != Some(b'{') {
            return None;
        }
        json.value(Some(&[]), 0)?;
        (json.at == text.len()).then_some(json.found)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn space(&mut self) {
        self.at += run(self.text, self.at, |b| b" \t\r\n".contains(&b));
    }

    /// The byte, and white space behind it.
    pub(super) fn token(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at += 1;
        self.space();
        Some(())
    }

    /// A value and white space; `keys` are None inside of arrays; so many objects and arrays are
    /// open.
    pub(super) fn value(&mut self, keys: Option<&[Vec<u8>]>, open: usize) -> Option<()> {
        match self.peek()? {
            b'{' if open < 64 => self.members(keys, open + 1)?,
            b'[' if open < 64 => self.elements(keys, open + 1)?,
            b'"' => {
                let raw = self.string()?;
                let text = Some(unescaped(raw));
                self.found.extend(keys.map(|keys| Field {
                    keys: keys.to_vec(),
                    raw: raw.to_vec(),
                    text,
                    is_element: false,
                }));
            }
            b'-' | b'0'..=b'9' => {
                let raw = self.number()?.to_vec();
                self.found.extend(keys.map(|keys| Field {
                    keys: keys.to_vec(),
                    raw,
                    text: None,
                    is_element: false,
                }));
            }
            _ => {
                let words = [&b"true"[..], b"false", b"null"];
                let word = words.iter().find(|word| self.text[self.at..].starts_with(word))?;
                self.at += word.len();
                self.found.extend(keys.filter(|_| self.words && *word != b"null").map(|keys| {
                    Field { keys: keys.to_vec(), raw: word.to_vec(), text: None, is_element: false }
                }));
            }
        }
        self.space();
        Some(())
    }

    pub(super) fn members(&mut self, keys: Option<&[Vec<u8>]>, open: usize) -> Option<()> {
        self.token(b'{')?;
        if self.peek()? != b'}' {
            loop {
                let key = self.string()?.to_vec();
                self.space();
                self.token(b':')?;
                self.members.push((key.clone(), self.at));
                let inner = keys.map(|keys| [keys, &[key]].concat());
                self.value(inner.as_deref(), open)?;
                if self.peek()? != b',' {
                    break;
                }
                self.token(b',')?;
            }
        }
        (self.peek()? == b'}').then(|| self.at += 1)
    }

    pub(super) fn elements(&mut self, keys: Option<&[Vec<u8>]>, open: usize) -> Option<()> {
        self.token(b'[')?;
        if self.peek()? == b'"'
            && let Some(keys) = keys
        {
            let (text, at) = (self.text, self.at);
            let raw = Json { text, at, found: Vec::new(), words: false, members: Vec::new() }
                .string()?
                .to_vec();
            let text = Some(unescaped(&raw));
            self.found.push(Field { keys: keys.to_vec(), raw, text, is_element: true });
        }
        if self.peek()? != b']' {
            loop {
                self.value(None, open)?;
                if self.peek()? != b',' {
                    break;
                }
                self.token(b',')?;
            }
        }
        (self.peek()? == b']').then(|| self.at += 1)
    }

    /// What is between the quotes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        (self.peek()? == b'"').then_some(())?;
        let start = self.at + 1;
        let mut at = start;
        loop {
            match self.text.get(at)? {
                b'"' => break,
                b'\\' => match self.text.get(at + 1)? {
                    b'u' => {
                        hex(self.text, at + 2)?;
                        at += 6;
                    }
                    escape if b"\"\\/bfnrt".contains(escape) => at += 2,
                    _ => return None,
                },
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Some(&self.text[start..at])
    }

    pub(super) fn number(&mut self) -> Option<&'a [u8]> {
        let text = self.text;
        let count = |at: usize| Some(run(text, at, |b| b.is_ascii_digit())).filter(|&n| n > 0);
        let start = self.at;
        let mut at = start + usize::from(text[start] == b'-');
        let whole = count(at)?;
        if whole > 1 && text[at] == b'0' {
            return None;
        }
        at += whole;
        if text.get(at) == Some(&b'.') {
            at += 1 + count(at + 1)?;
        }
        if matches!(text.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
            at += 1 + sign + count(at + 1 + sign)?;
        }
        self.at = at;
        Some(&text[start..at])
    }
}

/// Four hexadecimal digits.
pub(super) fn hex(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 4).filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Text with JSON's escapes undone; what is not an escape stays.
pub(super) fn unescaped(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let simple = match raw.get(at + 1).filter(|_| raw[at] == b'\\') {
            Some(c @ (b'"' | b'\\' | b'/')) => Some(*c),
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            _ => None,
        };
        if let Some(byte) = simple {
            out.push(byte);
            at += 2;
            continue;
        }
        let unit = |at: usize| {
            raw.get(at..).filter(|rest| rest.starts_with(b"\\u"))?;
            hex(raw, at + 2)
        };
        let Some(high) = unit(at) else {
            out.push(raw[at]);
            at += 1;
            continue;
        };
        at += 6;
        let mut character = char::from_u32(high);
        if (0xd800..0xdc00).contains(&high)
            && let Some(low) = unit(at).filter(|low| (0xdc00..0xe000).contains(low))
        {
            character = char::from_u32(0x1_0000 + (high - 0xd800) * 0x400 + (low - 0xdc00));
            at += 6;
        }
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(character.to_string().as_bytes());
    }
    out
}
