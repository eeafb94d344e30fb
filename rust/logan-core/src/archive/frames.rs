//! JSON objects that are not one line each: bytes in, one line for each object out.
//!
//! Arrays, objects over several lines, objects one after the other or with commas between them, and
//! objects in a wrapper such as `{"Records":[…]}` become JSON lines, without the white space outside
//! of strings. Brackets, commas and wrappers are not lines. Where a wrapper's objects are is learned
//! from the first bytes, once.
//!
//! ```text
//! between objects:  white space, commas, brackets -> nothing;  { -> an object;  else: a line of text
//! in an object:     every token where JSON has it;  its last } -> one line;
//!                   a token out of place, or a line break in a string -> what there is, as one line
//! behind a wrapper's array:  passed over up to the wrapper's }
//! ```
//! Nothing is lost: what is not an object is handed on as lines, which are then malformed. Memory is
//! bounded by [`FRAME_BYTES_MAX`]; of a longer object so much is handed on, which no format takes.

use super::members::MARK;
use memchr::{memchr, memchr3};

/// Bytes of one object; the rest of a longer one is left out, so that it is one malformed line.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// First bytes in which wrappers are looked for.
pub(super) const LEARNED_BYTES: usize = 64 << 10;

/// Objects in objects: more than any log has.
const DEPTH_MAX: usize = 256;

/// Wrappers in wrappers.
const WRAPPERS_MAX: usize = 6;

/// Names that say what an object is of itself: one that has one is a record, not a wrapper.
const RECORD_KEYS: &[&str] = &[
    "time",
    "timestamp",
    "@timestamp",
    "ts",
    "t",
    "datetime",
    "date",
    "@t",
    "level",
    "severity",
    "lvl",
    "loglevel",
    "log_level",
    "levelname",
    "msg",
    "message",
    "@m",
    "log",
    "logger",
    "eventtime",
    "timeunixnano",
    "textpayload",
];

/// Names of the arrays that wrappers are for.
const WRAPPER_KEYS: &[&str] = &[
    "records",
    "logevents",
    "events",
    "logs",
    "entries",
    "items",
    "hits",
    "value",
    "values",
    "data",
    "result",
    "results",
    "rows",
    "messages",
    "resourcelogs",
    "scopelogs",
    "logrecords",
    "response",
    "instrumentationlibrarylogs",
    "payload",
    "documents",
    "lines",
    "content",
    "event",
];

/// What may come next in an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// A key, or the end of an object that has none.
    FirstKey,
    Key,
    Colon,
    Value,
    /// A value, or the end of an array that has none.
    FirstValue,
    /// A comma or the end of what encloses the value; a number or word may go on.
    Scalar,
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Among objects.
    Between,
    /// Behind an opening bracket that is that of an array only if an object follows.
    Bracket,
    /// In a line that is not an object.
    Text,
    Object(Expect),
    String {
        key: bool,
        escaped: bool,
    },
    /// In a wrapper, behind what it wraps: so deep, in a string, behind a backslash.
    Tail {
        depth: u32,
        string: bool,
        escaped: bool,
    },
}

/// What encloses the objects at hand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outer {
    Array,
    Wrapper,
}

/// How many objects there were, and how many were not a line of their own.
#[derive(Default)]
struct Seen {
    whole: u64,
    odd: u64,
    object_bytes: usize,
    text_bytes: usize,
}

/// Makes lines of objects.
pub(super) struct Framer {
    state: State,
    /// The first bytes, until it was learned where objects are; None when that is known.
    head: Option<Vec<u8>>,
    /// The keys that lead to the wrapped objects.
    path: Vec<Vec<u8>>,
    outer: Vec<Outer>,
    /// The object at hand, and the brackets that are open in it.
    frame: Vec<u8>,
    open: Vec<u8>,
    key_start: usize,
    /// Nothing but white space stands before the object in its line; a bracket or comma stands before
    /// it in any; it has a line break.
    fresh: bool,
    marked: bool,
    broken: bool,
    seen: Seen,
}

impl Framer {
    pub(super) fn new() -> Framer {
        Framer { head: Some(Vec::new()), ..Framer::along(Vec::new()) }
    }

    fn along(path: Vec<Vec<u8>>) -> Framer {
        Framer {
            state: State::Between,
            head: None,
            path,
            outer: Vec::new(),
            frame: Vec::new(),
            open: Vec::new(),
            key_start: 0,
            fresh: true,
            marked: false,
            broken: false,
            seen: Seen::default(),
        }
    }

    /// Takes the bytes that follow and hands on lines.
    pub(super) fn push(&mut self, bytes: &[u8], lines: &mut Vec<u8>) {
        let Some(head) = &mut self.head else { return self.frame(bytes, lines) };
        head.extend_from_slice(bytes);
        if head.len() >= LEARNED_BYTES {
            self.learn(lines);
        }
    }

    /// No more bytes follow: an object without its end is a line.
    pub(super) fn finish(&mut self, lines: &mut Vec<u8>) {
        self.learn(lines);
        match self.state {
            State::Object(_) | State::String { .. } => self.hand_on(lines),
            State::Text => lines.push(b'\n'),
            State::Bracket => lines.extend_from_slice(b"[\n"),
            State::Between | State::Tail { .. } => {}
        }
        self.state = State::Between;
    }

    fn learn(&mut self, lines: &mut Vec<u8>) {
        if let Some(head) = self.head.take() {
            let head = &head[..];
            let head = head.strip_prefix(MARK).unwrap_or(head);
            self.path = wrapper_path(&head[..head.len().min(LEARNED_BYTES)]);
            self.frame(head, lines);
        }
    }

    fn frame(&mut self, bytes: &[u8], lines: &mut Vec<u8>) {
        let mut at = 0;
        while at < bytes.len() {
            at = match self.state {
                State::Object(expect) => self.object(bytes, at, expect, lines),
                State::String { key, escaped } => self.string(bytes, at, key, escaped, lines),
                State::Between | State::Bracket => self.between(bytes, at, lines),
                State::Text => {
                    let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n + 1);
                    lines.extend_from_slice(&bytes[at..end]);
                    self.seen.text_bytes += end - at;
                    if bytes[end - 1] == b'\n' {
                        (self.state, self.fresh) = (State::Between, true);
                    }
                    end
                }
                State::Tail { .. } => self.tail(bytes[at], at),
            };
        }
    }

    /// One byte that is not in an object.
    fn between(&mut self, bytes: &[u8], at: usize, lines: &mut Vec<u8>) -> usize {
        match bytes[at] {
            b'\n' => self.fresh = true,
            // A record separator is that of RFC 7464.
            b' ' | b'\t' | b'\r' => {}
            b'\x1e' => self.marked = true,
            b'{' => {
                if self.state == State::Bracket {
                    self.outer.push(Outer::Array);
                }
                self.begin();
            }
            b'[' => {
                if self.state == State::Bracket {
                    self.outer.push(Outer::Array);
                }
                (self.state, self.marked) = (State::Bracket, true);
            }
            b']' if self.state == State::Bracket => self.closed(),
            b',' if self.state == State::Between => self.marked = true,
            b']' if self.outer.last() == Some(&Outer::Array) => {
                self.outer.pop();
                self.closed();
            }
            _ => {
                if self.state == State::Bracket {
                    lines.push(b'[');
                }
                // Wrapped or not, what follows is not what was announced.
                self.outer.clear();
                (self.state, self.marked) = (State::Text, false);
                return at;
            }
        }
        at + 1
    }

    /// An array has ended.
    fn closed(&mut self) {
        self.fresh = false;
        self.state = match self.outer.last() {
            Some(Outer::Wrapper) => State::Tail { depth: 0, string: false, escaped: false },
            _ => State::Between,
        };
    }

    fn begin(&mut self) {
        self.frame.push(b'{');
        self.open.push(b'{');
        self.broken = false;
        self.state = State::Object(Expect::FirstKey);
    }

    /// Bytes of an object up to a string or its end.
    fn object(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        mut expect: Expect,
        lines: &mut Vec<u8>,
    ) -> usize {
        use Expect::{Colon, End, FirstKey, FirstValue, Key, Scalar, Value};
        while at < bytes.len() {
            let byte = bytes[at];
            expect = match (byte, expect) {
                (b' ' | b'\t' | b'\r' | b'\n', _) => {
                    self.broken |= byte == b'\n';
                    at += 1;
                    if expect == Scalar {
                        expect = End;
                    }
                    continue;
                }
                (b'"', FirstKey | Key | Value | FirstValue) => {
                    let key = matches!(expect, FirstKey | Key);
                    if key {
                        self.key_start = self.frame.len() + 1;
                    }
                    self.keep(b"\"");
                    self.state = State::String { key, escaped: false };
                    return at + 1;
                }
                (b':', Colon) => Value,
                (b'{' | b'[', Value | FirstValue) => {
                    if self.open.len() == 1 && self.wraps() {
                        self.descend(byte);
                        return at + 1;
                    }
                    if self.open.len() == DEPTH_MAX {
                        return self.bad(at, lines);
                    }
                    self.open.push(byte);
                    if byte == b'{' { FirstKey } else { FirstValue }
                }
                (b'}', FirstKey | Scalar | End) if self.open.last() == Some(&b'{') => End,
                (b']', FirstValue | Scalar | End) if self.open.last() == Some(&b'[') => End,
                (b',', Scalar | End) => {
                    if self.open.last() == Some(&b'{') {
                        Key
                    } else {
                        Value
                    }
                }
                (b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.', Value)
                | (b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.', FirstValue)
                | (b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.', Scalar) => Scalar,
                _ => return self.bad(at, lines),
            };
            self.keep(&[byte]);
            at += 1;
            if matches!(byte, b'}' | b']') {
                self.open.pop();
                if self.open.is_empty() {
                    self.end(lines);
                    return at;
                }
            }
        }
        self.state = State::Object(expect);
        at
    }

    /// Bytes of a string.
    fn string(
        &mut self,
        bytes: &[u8],
        mut at: usize,
        key: bool,
        mut escaped: bool,
        lines: &mut Vec<u8>,
    ) -> usize {
        let start = at;
        if escaped {
            escaped = false;
            if bytes[at] != b'\n' {
                at += 1;
            }
        }
        while at < bytes.len() {
            let Some(found) = memchr3(b'"', b'\\', b'\n', &bytes[at..]) else {
                at = bytes.len();
                break;
            };
            at += found;
            match bytes[at] {
                b'"' => {
                    self.keep(&bytes[start..=at]);
                    let expect = if key { Expect::Colon } else { Expect::End };
                    self.state = State::Object(expect);
                    return at + 1;
                }
                b'\\' if at + 1 == bytes.len() => {
                    escaped = true;
                    at += 1;
                }
                b'\\' if bytes[at + 1] != b'\n' => at += 2,
                b'\\' => at += 1,
                _ => {
                    self.keep(&bytes[start..at]);
                    return self.bad(at, lines);
                }
            }
        }
        self.keep(&bytes[start..at]);
        self.state = State::String { key, escaped };
        at
    }

    fn keep(&mut self, bytes: &[u8]) {
        // One byte more than a line may have, so that it is seen to be too long.
        let room = (FRAME_BYTES_MAX + 1).saturating_sub(self.frame.len());
        self.frame.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Whether what begins is what the object wraps.
    fn wraps(&self) -> bool {
        let level = self.outer.iter().filter(|&&each| each == Outer::Wrapper).count();
        self.path.get(level).is_some_and(|key| {
            let name = &self.frame[self.key_start.min(self.frame.len())..];
            name.strip_prefix(&key[..]).is_some_and(|rest| rest.starts_with(b"\":"))
        })
    }

    fn descend(&mut self, byte: u8) {
        self.frame.clear();
        self.open.clear();
        self.outer.push(Outer::Wrapper);
        self.fresh = false;
        if byte == b'[' {
            self.outer.push(Outer::Array);
            self.state = State::Between;
        } else {
            self.begin();
        }
    }

    /// The object has ended.
    fn end(&mut self, lines: &mut Vec<u8>) {
        self.seen.object_bytes += self.frame.len();
        let odd = !self.fresh || self.broken || std::mem::take(&mut self.marked);
        self.seen.odd += u64::from(odd);
        self.seen.whole += u64::from(!odd);
        self.hand_on(lines);
        // A wrapper that wraps one object.
        self.closed();
    }

    /// A byte is out of place: what there is of the object is a line of its own.
    fn bad(&mut self, at: usize, lines: &mut Vec<u8>) -> usize {
        self.seen.text_bytes += self.frame.len();
        self.hand_on(lines);
        self.fresh = true;
        self.state = State::Between;
        at
    }

    fn hand_on(&mut self, lines: &mut Vec<u8>) {
        lines.append(&mut self.frame);
        lines.push(b'\n');
        self.open.clear();
    }

    /// One byte behind what a wrapper wraps.
    fn tail(&mut self, byte: u8, at: usize) -> usize {
        let State::Tail { depth, string, escaped } = &mut self.state else { unreachable!() };
        match byte {
            _ if *escaped => *escaped = false,
            b'\\' if *string => *escaped = true,
            b'"' => *string = !*string,
            _ if *string => {}
            b'{' | b'[' => *depth += 1,
            b'}' | b']' if *depth > 0 => *depth -= 1,
            b'}' | b']' => {
                self.outer.pop();
                self.closed();
            }
            _ => {}
        }
        at + 1
    }
}

/// Whether objects of a log that begins with `head` are not one line each.
pub(super) fn framed(head: &[u8]) -> bool {
    let head = &head[..head.len().min(LEARNED_BYTES)];
    let head = head.strip_prefix(MARK).unwrap_or(head);
    let text = head.trim_ascii_start();
    if !matches!(text.first(), Some(b'{' | b'[' | b'\x1e')) {
        return false;
    }
    if !wrapper_path(head).is_empty() {
        return true;
    }
    let mut framer = Framer::along(Vec::new());
    framer.frame(head, &mut Vec::new());
    let unfinished = match framer.state {
        State::Object(Expect::FirstKey) => false,
        State::Object(_) | State::String { .. } => framer.broken || framer.marked || !framer.fresh,
        _ => false,
    };
    let Seen { whole, mut odd, mut object_bytes, text_bytes } = framer.seen;
    if unfinished {
        odd += 1;
        object_bytes += framer.frame.len();
    }
    odd > 0 && odd * 20 >= whole && object_bytes > text_bytes
}

/// The keys that lead from a log's first object to the records in it; none if it is a record.
fn wrapper_path(head: &[u8]) -> Vec<Vec<u8>> {
    let start = head.iter().position(|byte| !b" \t\r\n[\x1e".contains(byte));
    let object = start.filter(|&at| head[at] == b'{').and_then(|at| Object::read(head, at, 0));
    object.map(|object| object.path).unwrap_or_default()
}

/// What is to know of an object of which the end may be lacking.
#[derive(Default)]
struct Object {
    /// It has a timestamp.
    timed: bool,
    /// It wraps others: the keys that lead to them.
    path: Vec<Vec<u8>>,
    end: Option<usize>,
}

impl Object {
    /// The object that begins at `at`; None if none does.
    fn read(head: &[u8], at: usize, depth: usize) -> Option<Object> {
        let (mut found, mut record) = (Object::default(), false);
        let mut certain = false;
        let mut at = blank(head, at + 1);
        if !matches!(head.get(at), Some(b'"' | b'}')) || depth > WRAPPERS_MAX {
            return None;
        }
        while head.get(at) == Some(&b'"') {
            let Some(end) = string_end(head, at) else { break };
            let key = &head[at + 1..end - 1];
            let name = String::from_utf8_lossy(key).to_ascii_lowercase();
            let colon = blank(head, end);
            if head.get(colon) != Some(&b':') {
                break;
            }
            let value = blank(head, colon + 1);
            let named = WRAPPER_KEYS.contains(&name.as_str());
            let inner = match head.get(value) {
                Some(b'[') => Some(blank(head, value + 1)).filter(|&n| head.get(n) == Some(&b'{')),
                Some(b'{') => Some(value),
                _ => None,
            };
            let is_array = head.get(value) == Some(&b'[');
            let object = inner.and_then(|inner| Object::read(head, inner, depth + 1));
            if !is_array {
                record |= RECORD_KEYS.contains(&name.as_str());
            }
            match object {
                Some(object) if found.path.is_empty() && (is_array || named) => {
                    if !object.path.is_empty() {
                        (found.path, certain) = (object.path, named);
                        found.path.insert(0, key.to_vec());
                    } else if is_array && object.timed {
                        (found.path, certain) = (vec![key.to_vec()], named);
                    } else if !is_array {
                        found.timed |= object.timed;
                    }
                }
                Some(object) if !is_array => found.timed |= object.timed,
                Some(_) => {}
                None => found.timed |= is_timestamp(&name, &head[value.min(head.len())..]),
            }
            let Some(end) = value_end(head, value) else { break };
            at = blank(head, end);
            match head.get(at) {
                Some(b',') => at = blank(head, at + 1),
                Some(b'}') => {
                    found.end = Some(at + 1);
                    break;
                }
                _ => break,
            }
        }
        if record || found.timed && !certain {
            found.path.clear();
        }
        found.timed |= record;
        Some(found)
    }
}

/// Whether a member of an object is when something was.
fn is_timestamp(name: &str, value: &[u8]) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = value.strip_prefix(b"\"").unwrap_or(value);
    let written = digits(text) == 4
        && matches!(text.get(4), Some(b'-' | b'/'))
        && digits(text.get(5..).unwrap_or_default()) == 2;
    let timed = name.contains("time") || name.contains("date") || name.ends_with("ts");
    written || timed && digits(text) >= 9
}

fn blank(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// One past the string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// One past the value that begins at `at`, if it ends in `bytes`.
fn value_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                if depth == 0 {
                    return Some(at);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' if depth == 1 => return Some(at + 1),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn lines_of(pieces: &[&[u8]]) -> String {
        let (mut framer, mut lines) = (Framer::new(), Vec::new());
        for piece in pieces {
            framer.push(piece, &mut lines);
        }
        framer.finish(&mut lines);
        String::from_utf8(lines).unwrap()
    }

    #[track_caller]
    fn check(text: &str, lines: &str) {
        let text = text.as_bytes();
        assert!(framed(text), "not seen");
        assert_eq!(lines_of(&[text]), lines);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines_of(&bytes), lines, "by bytes");
    }

    #[test]
    fn objects_become_lines() {
        check("[{\"a\":1},\n{\"b\":\"x } ]\"}]\n", "{\"a\":1}\n{\"b\":\"x } ]\"}\n");
        check("{\"a\":1}{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n");
        check("{\"a\":1},\n{\"b\":2},\n{\"b\":3}", "{\"a\":1}\n{\"b\":2}\n{\"b\":3}\n");
        check(
            "{\n \"a\" : [ 1 , -2.5e3 , true ]\n}\n{\n \"b\": { }\n}",
            "{\"a\":[1,-2.5e3,true]}\n{\"b\":{}}\n",
        );
        check("\x1e{\"a\":1}\n\x1e{\"a\":2}\n", "{\"a\":1}\n{\"a\":2}\n");
        check("[\n]\n[ {\"a\":\"\\\"\\\\\"} ]", "{\"a\":\"\\\"\\\\\"}\n");
    }

    #[test]
    fn wrapped_objects_become_lines() {
        check(
            r#"{"Records":[{"eventTime":"2024-01-24T10:15:32Z","items":[{"at":"2024-01-02"}]}]}"#,
            "{\"eventTime\":\"2024-01-24T10:15:32Z\",\"items\":[{\"at\":\"2024-01-02\"}]}\n",
        );
        check(
            r#"{"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[
            {"timeUnixNano":"1706091332123000000"},{"timeUnixNano":"1706091332123000001"}]}]},
            {"resource":{"a":"]}"},"scopeLogs":[{"logRecords":[{"body":1}],"x":[{"y":"}"}]}]}]}
            {"resourceLogs":[]} {"error":1}"#,
            "{\"timeUnixNano\":\"1706091332123000000\"}\n{\"timeUnixNano\":\"1706091332123000001\"}\n\
             {\"body\":1}\n{\"error\":1}\n",
        );
        check(
            r#"{"took":2,"hits":{"total":{"value":1},"hits":[{"_id":"a","_source":{"@timestamp":
            "2024-01-24T10:15:32Z"}}]},"timed_out":false}"#,
            "{\"_id\":\"a\",\"_source\":{\"@timestamp\":\"2024-01-24T10:15:32Z\"}}\n",
        );
        check(
            r#"{"exported":"2024-01-25","events":[{"timestamp":1706091332000,"message":"x"}],"n":"]"}"#,
            "{\"timestamp\":1706091332000,\"message\":\"x\"}\n",
        );
    }

    #[test]
    fn json_lines_and_text_are_not_framed() {
        for text in [
            "{\"a\":1}\n{\"b\":2}\n",
            "{\"time\":\"2024-01-24T10:15:32Z\",\"items\":[{\"time\":\"2024-01-24\"}]}\n",
            "{\"events\":[{\"time\":\"2024-01-24\"}],\"level\":\"info\"}\n",
            "{\"a\":1",
            "[2024-01-24 10:15:32] {\"a\":1}\n",
            "[pid: 1] GET /\n{\"a\":1,\"b\":\"cdefghijklmnopqrst\"}\n",
            "{main} starts\n{other}\n",
            "[{main}] starts\n",
            "",
            "{",
        ] {
            assert!(!framed(text.as_bytes()), "{text}");
        }
        let lines = "{\"a\":1}\n".repeat(100);
        assert!(!framed(format!("{lines}{{\"a\":1}}{{\"a\":1}}\n{lines}").as_bytes()));
    }

    #[test]
    fn what_is_broken_is_a_line() {
        check("[{\"a\":1},{\"b\":", "{\"a\":1}\n{\"b\":\n");
        check("[{\"a\":1},\n{\"b\n{\"c\":2}]", "{\"a\":1}\n{\"b\n{\"c\":2}\n");
        check("[{\"a\":1},\n{\"b\":3,{\"c\":2}]", "{\"a\":1}\n{\"b\":3,\n{\"c\":2}\n");
        check("{\n\"a\":1}\nstarted\n{\n\"b\":1}\n", "{\"a\":1}\nstarted\n{\"b\":1}\n");
    }

    #[test]
    fn a_long_object_is_one_line() {
        let long = format!("[{{\"a\":\"{}\"}},{{\"b\":1}}]", "x".repeat(3 << 20));
        let lines = lines_of(&[long.as_bytes()]);
        let (first, rest) = lines.split_once('\n').unwrap();
        assert_eq!((first.len(), rest), (FRAME_BYTES_MAX + 1, "{\"b\":1}\n"));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z{}\\[\\],:\"\\\\\n\u{e4} ]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z{\"]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_objects_in_any_dress_are_their_lines(
            values in prop::collection::vec(value(), 1..6),
            dress in 0..4_u8,
            pieces in prop::collection::vec(1..20_usize, 1..8),
        ) {
            let objects: Vec<Value> = values.into_iter().map(|v| json!({"v": v})).collect();
            let mut wanted = String::new();
            for object in &objects {
                wanted += &format!("{object}\n");
            }
            let text = match dress {
                0 => serde_json::to_string_pretty(&objects).unwrap(),
                1 => Value::from(objects).to_string(),
                2 => objects.iter().map(|o| serde_json::to_string_pretty(o).unwrap()).collect(),
                _ => objects.iter().map(Value::to_string).collect::<Vec<_>>().join(" ,\r\n\t"),
            };
            let (mut framer, mut lines) = (Framer::along(Vec::new()), Vec::new());
            let (mut rest, mut sizes) = (text.as_bytes(), pieces.iter().cycle());
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                framer.push(piece, &mut lines);
                rest = more;
            }
            framer.finish(&mut lines);
            prop_assert_eq!(String::from_utf8(lines).unwrap(), wanted);
        }
    }
}
