//! Lines that go on with the record before them: how programs of usual languages, databases and virtual
//! machines end a record that has several lines.
//!
//! It must not know any format. A line that no format took is part of a tail only if a record began at
//! most [`LOOK_BACK_BYTES`](super::state::LOOK_BACK_BYTES) before it, so that a scanner
//! that has seen those bytes knows. What is known of the record and of the lines between then decides, too:
//! - a line that [begins](is_tail) as tails do;
//! - any line after a rule (`-----`), the heading of a dump, or a record that announces or opens something:
//!   one that ends with a colon, a comma or an opening bracket, or is a [timestamp](is_timestamp) and
//!   nothing else;
//! - up to [`HANGING_LINES_MAX`] lines after a record that has a quote or a bracket that no other
//!   closes, but none behind the one that closes its brackets;
//! - a message by its [number](is_numbered);
//! - the name of an exception behind the frames of a traceback of Python;
//! - a line that begins with the same UUID as the record, or with any in brackets if the record is one of
//!   Rails that does, too, or with one in brackets that stands in a record with the front of Ruby's logger;
//! - a line without a priority after a record that begins as RFC 5424 says (`<13>1 `): all records begin
//!   so then, and their messages may hold line ends;
//! - a clause of SQL after a record with a statement; a report of a process that terminated; a field of a
//!   header after a record with the first line of a request or an answer;
//! - any [text](is_text) in a source of which detection found that messages have several lines.
//!
//! [Text](is_text) before the first record of a source is no tail. Where detection found that it was
//! printed before the log, its lines are recognized by this: no record begins before them, and they lie
//! in the first [`LOOK_BACK_BYTES`](super::state::LOOK_BACK_BYTES) of the source.

use super::slices::{digits, digits_at_end, priority};
use super::state::reaches;
use crate::record::{Level, NO_TIME};

/// How tails begin, whatever was before them.
const PREFIXES: &[&[u8]] = &[
    b"Traceback (",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    b"Caused by:",
    b"Suppressed:",
    b"Wrapped by:",
    b"at ",
    b"... ",
    b"--- ",
    b"goroutine ",
    b"created by ",
    b"exit status ",
    b"[signal ",
    b"runtime stack:",
    b"note: run with ",
    b"stack backtrace:",
    b"stack traceback:",
    b"coroutine ",
    b"[stacktrace]",
    b"[previous exception]",
    b"Stack trace:",
    b"PHP message: ",
    b"** (",
    b"Node.js v",
    b"Error #",
    b"Trace[",
    b"Tcp port: ",
    b"Version: '",
    b"Time                 Id",
    b"Full thread dump",
    b"Locked ownable synchronizers",
    b"JNI global ",
    b"EXPLANATION:",
    b"ACTION:",
    b"- age ",
    b"** ",
    b";; ",
    b"(Filename: ",
    b"EXECUTE ",
    b"[repeated x",
    b"Enter Management Password:",
    b"exception throw location:",
    b"Time\t\t",
    b"Hibernate: ",
    b"Request URL: ",
    b"Referer URL: ",
    b"Trace:",
    b"!MESSAGE ",
    b"!STACK ",
    b"!SUBENTRY ",
    b"$_",
    // Elements of an event of log4j as XML.
    b"<log4j:message",
    b"<log4j:throwable",
    b"<log4j:locationInfo",
    b"<log4j:properties",
    b"<log4j:data",
    b"<log4j:NDC",
    b"</log4j:",
    b"]]>",
];

/// Bytes of a line that are looked at for what stands within it.
const WITHIN_BYTES_MAX: usize = 512;

/// Bytes of a record's line that are kept: of a longer one it is not known what it leaves open.
const LINE_BYTES_KEPT: usize = 4 << 10;

/// Lines that go on with a record only because it leaves a bracket or a quote open. What is left open
/// longer was cut off, or never to be closed.
const HANGING_LINES_MAX: usize = 32;

fn has(line: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(&line[..line.len().min(WITHIN_BYTES_MAX)], what).is_some()
}

/// Whether a line goes on with a record, by its beginning alone.
pub(super) fn is_tail(line: &[u8]) -> bool {
    let Some(&first) = line.first() else { return false };
    if matches!(first, b' ' | b'\t') || PREFIXES.iter().any(|prefix| line.starts_with(prefix)) {
        return true;
    }
    match first {
        b'-' if is_section(line) => true,
        // PHP numbers the frames: `#0 /app/x.php(12): f()`.
        b'#' => {
            let digits = digits(&line[1..]);
            digits > 0 && line.get(1 + digits) == Some(&b' ') || is_rule(line)
        }
        // So does ClickHouse: `0. DB::f() @ 0x0c6d in /usr/bin/clickhouse`.
        b'0'..=b'9' => line[digits(line)..].starts_with(b". ") && has(line, b" @ 0x"),
        b'"' if has(line, b"\" #") && has(line, b" prio=") => true,
        b'A'..=b'Z' | b'a'..=b'z' | b'/' | b'.' => {
            is_name(line)
                || is_frame(line)
                || is_banner(line)
                || is_php_frame(line)
                || is_go_function(line)
        }
        _ => is_rule(line) || only_closes(line) || is_php_frame(line),
    }
}

/// `App\Controller\Users::index() - APP/Controller/Users.php, line 22`, `[main] - ROOT/index.php, line 40`:
/// a frame as CakePHP prints it.
fn is_php_frame(line: &[u8]) -> bool {
    let number = digits_at_end(line);
    number > 0 && line[..line.len() - number].ends_with(b".php, line ") && has(line, b" - ")
}

/// Nothing but what closes what was opened before.
fn only_closes(line: &[u8]) -> bool {
    let closes = |b: &u8| matches!(b, b'}' | b']' | b')' | b'>');
    line.iter().all(|b| closes(b) || b"\"',; ".contains(b)) && line.iter().any(closes)
}

/// `--a1b2c3d4-B--`: the heading of a part of a transaction in the audit log of ModSecurity.
fn is_section(line: &[u8]) -> bool {
    const ID_BYTES: usize = 8;
    let Some((id, rest)) =
        line.strip_prefix(b"--").and_then(|rest| rest.split_at_checked(ID_BYTES))
    else {
        return false;
    };
    id.iter().all(u8::is_ascii_alphanumeric) && matches!(rest, [b'-', b'A'..=b'Z', b'-', b'-', ..])
}

/// Five times the same mark, perhaps behind the corner of a table.
pub(super) fn is_rule(line: &[u8]) -> bool {
    const MARKS: usize = 5;
    let line = line.strip_prefix(b"+").unwrap_or(line);
    let is_one = |mark: &u8| b"-=*#_".contains(mark);
    line.len() >= MARKS && is_one(&line[0]) && line[..MARKS].iter().all(|b| *b == line[0])
}

/// `ValueError: x`, `java.lang.IllegalStateException: x`: a dotted name that ends so, alone or
/// before a colon.
fn is_name(line: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 5] = [b"Error", b"Exception", b"Warning", b"Interrupt", b"Exit"];
    let of_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$');
    let end = line.iter().take_while(of_name).count();
    let name = &line[..end];
    matches!(line.get(end), None | Some(b':'))
        && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// `requests.exceptions.ConnectTimeout: x`, `Http404`: behind the frames of Python any name is that of an
/// exception, alone or before a colon and a blank.
fn names_exception(line: &[u8]) -> bool {
    let of_name = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_');
    let name = line.iter().take_while(of_name).count();
    line.first().is_some_and(u8::is_ascii_alphabetic)
        && matches!(line[name..], [] | [b':'] | [b':', b' ', ..])
}

/// A frame of Go (`main.(*T).f(0x1)`), Ruby (`a/x.rb:12:in 'f'`), Mono (`A.B () (at <12ab>:0)`), or
/// native code (`/lib/x.so(+0x1) [0x7f]`).
fn is_frame(line: &[u8]) -> bool {
    let opening = memchr::memchr(b'(', line).unwrap_or(line.len());
    let name = &line[..opening];
    let is_go = line.ends_with(b")")
        && name.iter().any(|b| matches!(b, b'.' | b'/'))
        && !name.iter().any(|b| matches!(b, b' ' | b':' | b'='));
    let is_mono = line.ends_with(b")") && has(line, b") (at ");
    is_go
        || is_mono
        || has(line, b".rb:") && has(line, b":in ")
        || line.ends_with(b"]") && has(line, b"[0x")
}

/// `k8s.io/a/b.(*T).serve.func1`, `net/http.HandlerFunc.ServeHTTP`, `main.main`: a function of Go as zap
/// writes it into a stack, without what it was called with.
fn is_go_function(line: &[u8]) -> bool {
    let is_of_path = |b: &u8| b.is_ascii_alphanumeric() || b"/._-~@".contains(b);
    let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || b"._()*[]".contains(b);
    let slash = line.iter().rposition(|b| *b == b'/').map_or(0, |at| at + 1);
    let (path, name) = line.split_at(slash);
    let Some(point) = name.iter().position(|b| *b == b'.') else { return false };
    let (package, function) = (&name[..point], &name[point + 1..]);
    const STANDARD: &[&[u8]] =
        &[b"net/", b"encoding/", b"database/", b"internal/", b"crypto/", b"os/", b"io/", b"text/"];
    let says_go = slash > 0 && path[..path.len() - 1].contains(&b'.')
        || STANDARD.iter().any(|root| path.starts_with(root))
        || function.starts_with(b"(*")
        || matches!(package, b"main" | b"runtime");
    says_go
        && line[0] != b'/'
        && path.iter().all(is_of_path)
        && !package.is_empty()
        && package.iter().all(is_of_path)
        && function.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'(')
        && function.iter().all(is_of_name)
}

/// Lines that servers print when they start.
fn is_banner(line: &[u8]) -> bool {
    line.ends_with(b"started with:") && has(line, b", Version: ")
        || line.starts_with(b"AMQ") && digits(&line[3..]) == 4
}

/// Whether any line may follow after this one.
fn opens(line: &[u8]) -> bool {
    const HEADINGS: [&[u8]; 9] = [
        b"Full thread dump",
        b"DATA #",
        b"ARG #",
        b"!SESSION ",
        b"goroutine ",
        b"EXPLANATION:",
        b"stack backtrace:",
        b"Stack dump",
        b";; ",
    ];
    is_rule(line)
        || is_section(line)
        // A message of Configuration Manager that goes on in the next line.
        || line.starts_with(b"<![LOG[") && !line.ends_with(b">")
        || HEADINGS.iter().any(|heading| line.starts_with(heading))
        || has(line, b"mysqld got signal ")
}

/// How many more square and curly brackets are opened than closed: `[GC (Allocation Failure) `. Those of
/// colors are not counted.
fn brackets(line: &[u8]) -> [i32; 2] {
    let mut before = 0;
    let (mut square, mut curly) = (0i32, 0i32);
    for &byte in line {
        match byte {
            b'[' if before != 0x1b => square += 1,
            b']' => square -= 1,
            b'{' => curly += 1,
            b'}' => curly -= 1,
            _ => {}
        }
        before = byte;
    }
    [square, curly]
}

/// `TNS-12518: TNS:listener could not hand off client connection`: a message by its number.
fn is_numbered(line: &[u8]) -> bool {
    const NUMBER: std::ops::RangeInclusive<usize> = 5..=6;
    let name = line.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let number = digits(line.get(name + 1..).unwrap_or_default());
    (2..=6).contains(&name)
        && line.get(name) == Some(&b'-')
        && NUMBER.contains(&number)
        && line[name + 1 + number..].starts_with(b": ")
}

/// Whether a line is a timestamp, perhaps behind a name and a colon, and nothing else:
/// `Wed Sep 14 16:18:03 2022 +02:00`, `Start-Date: 2019-07-11  12:25:15`.
fn is_timestamp(line: &[u8]) -> bool {
    const LINE_BYTES: std::ops::RangeInclusive<usize> = 14..=64;
    const NAMES: &[u8] = b"janfebmaraprmayjunjulaugsepoctnovdecmontuewedthufrisatsun";
    if !LINE_BYTES.contains(&line.len()) {
        return false;
    }
    let is_of_label = |b: &&u8| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-');
    let label = line.iter().take_while(is_of_label).count();
    let text = if line[label..].starts_with(b": ") { &line[label + 2..] } else { line };
    let is_name = |word: &[u8]| {
        let first = word.first_chunk::<3>().map(|first| first.map(|b| b | 0x20));
        first.is_some_and(|first| NAMES.chunks(3).any(|name| name == first))
    };
    let is_part = |word: &[u8]| {
        if word.iter().any(u8::is_ascii_digit) {
            return word.iter().all(|b| b.is_ascii_digit() || b":-/.+TZ".contains(b));
        }
        word.iter().all(u8::is_ascii_uppercase) && word.len() <= 5 || is_name(word)
    };
    let mut words = text.split(|b| matches!(b, b' ' | b',')).filter(|word| !word.is_empty());
    let has_time = text.windows(5).any(|part| {
        let &[a, b, mark, c, d] = part else { return false };
        mark == b':' && [a, b, c, d].iter().all(u8::is_ascii_digit)
    });
    words.all(is_part) && (has_time || digits(text) == 14)
}

/// The UUID at the front, and what is behind it.
fn uuid(line: &[u8]) -> Option<(&[u8], &[u8])> {
    const UUID_BYTES: usize = 36;
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let (id, rest) = line.split_at_checked(UUID_BYTES)?;
    let is_uuid = id.iter().enumerate().all(|(at, byte)| match DASHES.contains(&at) {
        true => *byte == b'-',
        false => byte.is_ascii_hexdigit(),
    });
    is_uuid.then_some((id, rest))
}

/// Whether both lines begin with the same UUID: the id of a call or request. Other words may stand
/// before all records of a log, such as the owner of a bucket.
fn has_same_id(record: &[u8], line: &[u8]) -> bool {
    uuid(line).is_some_and(|(id, rest)| {
        matches!(rest.first(), None | Some(b' '))
            && record.strip_prefix(id).is_some_and(|rest| rest.starts_with(b" "))
    })
}

/// The UUID in brackets at the front, the tag of a request of Rails, and what is behind it.
fn tag(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (id, rest) = uuid(line.strip_prefix(b"[")?)?;
    matches!(rest, [b']'] | [b']', b' ', ..]).then_some((id, &rest[1..]))
}

/// Whether a record is one of Rails that begins with a tag.
fn is_tagged(record: &[u8]) -> bool {
    const MESSAGES: [&[u8]; 3] = [b" Started ", b" Processing by ", b" Completed "];
    tag(record).is_some_and(|(_, rest)| MESSAGES.iter().any(|message| rest.starts_with(message)))
}

/// Whether a record has the front of Ruby's logger and this tag.
fn has_tag(record: &[u8], id: &[u8]) -> bool {
    record.get(1..4) == Some(b", [") && has(record, id)
}

/// `PID     : 52263`, `DATA #1 : x`, `DETAIL:  x`: what Db2 and PostgreSQL write below a record.
fn is_field(line: &[u8]) -> bool {
    let name = line.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let number = match &line[name..] {
        [b' ', b'#', rest @ ..] if digits(rest) > 0 => 2 + digits(rest),
        _ => 0,
    };
    let gap = line[name + number..].iter().take_while(|b| **b == b' ').count();
    name > 1 && line[name + number + gap..].starts_with(b": ")
}

/// `Content-Type: text/html`: a field of a header of HTTP.
fn is_header_field(line: &[u8]) -> bool {
    const NAME_BYTES_MAX: usize = 40;
    let name = line.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    (2..=NAME_BYTES_MAX).contains(&name)
        && line[0].is_ascii_alphabetic()
        && matches!(line[name..], [b':', b' ', _, ..])
}

/// Whether a line that nothing explains could be part of a message: whether it does not begin like a
/// record that was damaged.
pub(crate) fn is_text(line: &[u8]) -> bool {
    let word = line.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let begins_with_level = || {
        line[..word].iter().all(u8::is_ascii_uppercase)
            && !line.get(word).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
            && Level::from_word(&line[..word]).is_some()
    };
    super::classify::reason(line) == super::classify::Reason::NoTimestamp && !begins_with_level()
}

/// The verbs of SQL, and what else lines of a statement begin with.
const VERBS: &[&str] = &["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "REPLACE"];
const CLAUSES: &[&str] = &[
    "FROM",
    "WHERE",
    "AND",
    "OR",
    "ORDER",
    "GROUP",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "JOIN",
    "LEFT",
    "RIGHT",
    "INNER",
    "OUTER",
    "CROSS",
    "ON",
    "SET",
    "VALUES",
    "UNION",
    "RETURNING",
    "WITH",
];

/// Whether a line begins with one of these words.
fn begins_with(line: &[u8], words: &[&str]) -> bool {
    let len = line.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = &line[..len];
    matches!(line.get(len), None | Some(b' ' | b'(' | b'\t'))
        && words.iter().any(|each| each.as_bytes().eq_ignore_ascii_case(word))
}

/// `Server: shop.example.com`, `Last message: x`: a name in front of a colon.
fn is_entry(line: &[u8]) -> bool {
    const NAME_BYTES_MAX: usize = 24;
    let name = line.iter().take_while(|b| b.is_ascii_alphabetic() || **b == b' ').count();
    (1..=NAME_BYTES_MAX).contains(&name)
        && line[0].is_ascii_uppercase()
        && line.get(name) == Some(&b':')
}

/// What the lines before left for tails.
#[derive(Default)]
pub struct Tail {
    /// Whether the source has formats whose records may have them.
    pub allowed: bool,
    /// Whether any text goes on with a record of this source.
    pub takes_text: bool,
    /// Only where it starts before this offset.
    pub text_until: Option<u64>,
    /// Whether text before the first record of this source is a preamble.
    pub has_preamble: bool,
    /// Where the last record begins.
    record: Option<u64>,
    /// Where the last record begins that has its own time, that time, and its level.
    timed: Option<(u64, i64, Level)>,
    /// Where the last [head of a crash](super::text::crash) is.
    pub(super) crash: Option<u64>,
    /// Whether the lines just before say that what failed failed before.
    chained: bool,
    /// Whether the line just before is a frame of Python's.
    in_traceback: bool,
    /// The line of the last record, of which the flags below are told once they are asked for.
    line: Vec<u8>,
    is_read: bool,
    /// Whether it begins with a tag of Rails.
    is_tagged: bool,
    /// Whether any line goes on with the record.
    open: bool,
    /// How many lines may do so only because the record leaves a bracket or a quote open, and the
    /// brackets that are still open then.
    hanging: usize,
    brackets: [i32; 2],
    has_statement: bool,
    has_entries: bool,
    has_priority: bool,
    has_request: bool,
}

impl Tail {
    /// Forgets all that was before.
    pub(super) fn clear(&mut self) {
        let Tail { allowed, takes_text, text_until, has_preamble, .. } = *self;
        *self = Tail { allowed, takes_text, text_until, has_preamble, ..Tail::default() };
    }

    /// Takes in that a sample begins at `offset`, of a source whose lines before are not known.
    pub fn begin_sample(&mut self, offset: u64) {
        self.clear();
        self.record = (offset > 0).then_some(offset);
    }

    /// Takes in that `line`, at `offset` in the source, is a record. One with a status leaves
    /// nothing open: a quote that is not closed is that of a request cut off.
    pub fn begin(
        &mut self,
        line: &[u8],
        offset: u64,
        time_ns: i64,
        level: Level,
        has_status: bool,
    ) {
        self.record = Some(offset);
        (self.chained, self.in_traceback) = (false, false);
        if self.crash != Some(offset) {
            self.timed = Some((offset, time_ns, level));
        }
        let kept = if has_status { 0 } else { line.len().min(LINE_BYTES_KEPT) };
        self.line.clear();
        self.line.extend_from_slice(&line[..kept]);
        self.is_tagged = is_tagged(line);
        self.is_read = false;
    }

    /// Reads what the line of the last record says of lines after it.
    #[cold]
    fn read(&mut self) {
        self.is_read = true;
        let text = self.line.trim_ascii_end();
        let is_whole = self.line.len() < LINE_BYTES_KEPT;
        let quotes = memchr::memchr_iter(b'"', text).count();
        let escaped = memchr::memmem::find_iter(text, b"\\\"").count();
        self.open = is_whole
            && (matches!(text.last(), Some(b':' | b',' | b'{' | b'[' | b'('))
                || is_timestamp(text))
            || opens(text);
        self.brackets = brackets(text);
        let hangs = (quotes - escaped) % 2 == 1 || self.brackets.iter().any(|&open| open > 0);
        self.hanging = if is_whole && hangs { HANGING_LINES_MAX } else { 0 };
        let front = &text[..text.len().min(WITHIN_BYTES_MAX)];
        self.has_statement =
            front.split(|b| !b.is_ascii_alphabetic()).any(|word| begins_with(word, VERBS));
        self.has_entries = has(text, b"terminat");
        self.has_request = has(text, b"HTTP/1.");
        self.has_priority = priority(text).is_some_and(|(_, end)| text[end..].starts_with(b"1 "));
    }

    /// Whether a line that no format took goes on with the last record.
    pub fn takes(&mut self, line: &[u8], offset: u64) -> bool {
        if !self.allowed || !self.record.is_some_and(|start| reaches(start, offset)) {
            return false;
        }
        if !self.is_read {
            self.read();
        }
        let hangs = self.hanging > 0;
        let takes_text = self.takes_text && self.text_until.is_none_or(|until| offset < until);
        let is_one = self.open
            || hangs
            || super::classify::is_continuation(line)
            || self.has_statement && (begins_with(line, CLAUSES) || begins_with(line, VERBS))
            || self.has_entries && is_entry(line)
            || self.has_priority && !line.starts_with(b"<")
            || self.has_request && is_header_field(line)
            || takes_text && is_text(line)
            || self.in_traceback && names_exception(line)
            || has_same_id(&self.line, line)
            || tag(line).is_some_and(|(id, _)| self.is_tagged || has_tag(&self.line, id))
            || is_field(line)
            || is_numbered(line);
        if hangs {
            self.hang(line);
        }
        if is_one {
            self.in_traceback =
                line.starts_with(b"  File \"") || self.in_traceback && line.starts_with(b"    ");
            self.open |= opens(line);
            self.chained = line.starts_with(b"During handling") || line.starts_with(b"The above");
        }
        is_one
    }

    /// Whether a line that no format took, at `offset`, is part of what stands before the first record.
    pub fn precedes(&self, line: &[u8], offset: u64) -> bool {
        self.has_preamble
            && self.record.is_none()
            && offset < super::state::LOOK_BACK_BYTES
            && is_text(line)
    }

    /// Takes in a line behind a record that leaves a bracket or a quote open: what closes the brackets
    /// is the last one of the record for that reason.
    #[cold]
    fn hang(&mut self, line: &[u8]) {
        self.hanging -= 1;
        let had = self.brackets.iter().any(|&open| open > 0);
        for (open, more) in self.brackets.iter_mut().zip(brackets(line)) {
            *open += more;
        }
        if had && self.brackets.iter().all(|&open| open <= 0) {
            self.hanging = 0;
        }
    }

    /// Time and level of the last record that has its own time, if a line at `offset` is within reach.
    pub(super) fn timed(&self, offset: u64) -> Option<(i64, Level)> {
        let (_, time, level) = self.timed.filter(|&(start, ..)| reaches(start, offset))?;
        Some((time, level)).filter(|_| time != NO_TIME || level != Level::None)
    }

    /// Whether an error at `offset` is told of as one of those before it, or by a record that may be about
    /// it: not one of a level below WARN.
    pub(super) fn is_told(&self, offset: u64) -> bool {
        let is_quiet =
            |level| matches!(level, Level::Trace | Level::Debug | Level::Info | Level::Notice);
        self.chained || self.timed(offset).is_some_and(|(_, level)| !is_quiet(level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_follow_records() {
        let takes = |record: &str, lines: &[&str]| {
            let mut tail = Tail { allowed: true, ..Tail::default() };
            tail.begin(record.as_bytes(), 0, 1, Level::Error, false);
            lines.iter().map(|line| tail.takes(line.as_bytes(), 100)).collect::<Vec<_>>()
        };
        for (record, lines) in [
            ("x", &["\tat a.b.C.d(C.java:1)", "Caused by: x", "... 12 more", "\t... 3 more"][..]),
            (
                "x",
                &["goroutine 19 [running]:", "net/http.(*conn).serve.func1()", "\t/x.go:1 +0xb9"],
            ),
            ("x", &["main.main()", "created by a.b in goroutine 1", "exit status 2"]),
            (
                "x",
                &["k8s.io/a/b@v1.2/c.(*T).serve.func1", "\tk8s.io/a/b@v1.2/c.go:12", "main.main"],
            ),
            ("x", &["go.uber.org/zap.(*Logger).Error", "main.(*app).run", "runtime.goexit"]),
            ("x", &["+-------+---------+", "| Model | Version |", "anything"]),
            ("x", &["$_POST = [", "]"]),
            (
                "x",
                &["Stack trace:", "#0 /a.php(1): f()", "#1 {main}", "  thrown in /a.php on line 3"],
            ),
            ("x", &["System.InvalidOperationException: y", "--- End of stack trace ---"]),
            ("x", &["stack traceback:", "coroutine 0:", "a/b.rb:12:in 'f'"]),
            ("x", &["Shop.Open () (at <12ab>:0)", "A.B (System.Int32 n) (at Assets/A.cs:12)"]),
            (
                "x",
                &["./a.out(+0x1139) [0x55d0c8a2f139]", "0. DB::f() @ 0x0c in /usr/bin/clickhouse"],
            ),
            ("x", &["/usr/sbin/mysqld, Version: 8.0.36. started with:", "Tcp port: 3306  Unix"]),
            ("a Query\tSELECT id", &["FROM orders", "where state = 'ERROR'"]),
            ("slow in the last 4999 msecs:", &["<SELECT * FROM a>, time 612 msec"]),
            ("\"PHP message: a", &["anything until the quote\" ends"]),
            ("<13>1 2024-01-24T10:15:32Z h a - - - x", &["Valid life: 4000", "anything"]),
            ("pid terminated", &["Server: a.example", "Request: POST /pay"]),
            ("LEVEL: Event", &["PID     : 52263", "INSTANCE: db2inst1"]),
            ("x", &["-------", "anything"]),
            ("x", &["--a1b2c3d4-B--", "GET /index.php HTTP/1.1", "Host: shop.example"]),
            ("x", &["<![LOG[Event object:", "instance of Event", "{", "    Type = 23;"]),
            ("<log4j:event logger=\"a\">", &["<log4j:message><![CDATA[x]]></log4j:message>"]),
            ("<log4j:event logger=\"a\">", &["]]></log4j:throwable>", "</log4j:event>"]),
            ("x", &["}", "\"}", "  ],", "})';", ">"]),
            ("x terminating", &["** Last message in was {a}", "** When Server state == {b}"]),
            ("x", &[";; flags: qr aa", ".  IN  DNSKEY"]),
            ("[GC (Allocation Failure) ", &["[PSYoungGen: 15000K->2000K(20480K)]", "45000K"]),
            ("Wed Sep 14 16:18:03 2022 +02:00", &["DATABASE USER:[1] '/'", "anything"]),
            ("Start-Date: 2019-07-11  12:25:15", &["Commandline: apt-get install x"]),
            ("x * 12518", &["TNS-12518: TNS:listener could not hand off", "TNS-00512: y"]),
            ("06:37:41 UTC - mysqld got signal 6 ;", &["This could be because you hit a bug."]),
            (
                "LEVEL: Event",
                &["DATA #1 : String, 26 bytes", "Setting the threshold to:", "1048576"],
            ),
            ("x", &["Request URL: /users", "Trace:", "[main] - ROOT/webroot/index.php, line 40"]),
            ("x", &["Cake\\Http\\Runner::run() - CORE/src/Http/Runner.php, line 51"]),
            ("DEBUG GET / HTTP/1.1", &["Host: 127.0.0.1:12344", "Accept-Language: de"]),
            ("!SESSION 2024-01-24 10:15:32.123", &["java.version=17", "anything"]),
            ("!ENTRY org.eclipse.ui 4 0 2024-01-24 10:15:32.123", &["!MESSAGE x", "!STACK 0"]),
            (
                "x",
                &[
                    "Traceback (most recent call last):",
                    "  File \"a.py\", line 1, in b",
                    "    c()",
                    "requests.exceptions.ConnectTimeout: x",
                ],
            ),
            (
                "[4130dcbd-1006-49cd-ad9d-d7a2a45ea276] Started GET",
                &[
                    "[4130dcbd-1006-49cd-ad9d-d7a2a45ea277] x",
                    "[4130dcbd-1006-49cd-ad9d-d7a2a45ea276]",
                ],
            ),
            (
                "F, [2024-01-24] FATAL -- : [4130dcbd-1006-49cd-ad9d-d7a2a45ea276]",
                &["[4130dcbd-1006-49cd-ad9d-d7a2a45ea276] NoMethodError (x):"],
            ),
            (
                "4130dcbd-1006-49cd-ad9d-d7a2a45ea276 2021-12-30 20:02:49 [DEBUG] x",
                &["4130dcbd-1006-49cd-ad9d-d7a2a45ea276 v=0"],
            ),
        ] {
            let all = takes(record, lines);
            assert_eq!(all, vec![true; lines.len()], "{record} {lines:?}");
        }
        for line in [
            "Invalid log line",
            "2024-01-24 ERROR",
            "10:15:33.001 INFO Incomplete",
            "Errors: 5",
            "attempt 5",
            "A b Error: x",
            "FROM orders",
            "Server: x",
            "#0",
            "\"\"",
            "} x",
            "[0x] f",
            "2024",
            "4130dcbd-1006-49cd-ad9d-d7a2a45ea276 v=0",
            "[4130dcbd-1006-49cd-ad9d-d7a2a45ea276] x",
            "[4130dcbd-1006-49cd-ad9d-d7a2a45ea276]",
            "requests.exceptions.ConnectTimeout: x",
            "TNS-12: x",
            "CVE-2024: x",
            "A-12345: x",
            "UTF-80000 x",
            "Host: 127.0.0.1:12344",
            "DATA #1 x",
            "x.php, line 40",
            "/usr/lib/a.so",
            "a/b.c",
            "main.go: x",
            "example.com",
            "+----",
            "--a1b2c3d4-BB--",
            "--a1b2c3-B--",
            "<log4j:event logger=",
        ] {
            assert_eq!(takes("2024 x", &[line]), [false], "{line}");
        }
    }

    #[test]
    fn what_is_left_open_is_bounded() {
        let takes = |record: &str, lines: &[&str]| {
            let mut tail = Tail { allowed: true, ..Tail::default() };
            tail.begin(record.as_bytes(), 0, 1, Level::Error, false);
            lines.iter().map(|line| tail.takes(line.as_bytes(), 100)).collect::<Vec<_>>()
        };
        // The bracket closes, and so does the record.
        assert_eq!(takes("x [a", &["b", "c] d", "Invalid log line"]), [true, true, false]);
        assert_eq!(takes("x {a [b", &["c]", "d", "e }", "f"]), [true, true, true, false]);
        // It never does.
        let lines = vec!["Invalid log line"; HANGING_LINES_MAX + 2];
        let taken = takes("x [a", &lines);
        assert_eq!(taken.iter().filter(|taken| **taken).count(), HANGING_LINES_MAX);
        assert_eq!(
            takes("x \"a", &lines).iter().filter(|taken| **taken).count(),
            HANGING_LINES_MAX
        );
        // What is a tail by itself goes on all the same.
        let mut tail = Tail { allowed: true, ..Tail::default() };
        tail.begin(b"x [a", 0, 1, Level::Error, false);
        for _ in 0..2 * HANGING_LINES_MAX {
            assert!(tail.takes(b"\tat a.b(C.java:1)", 100));
        }
    }

    #[test]
    fn text_goes_on_where_messages_have_several_lines() {
        let mut tail = Tail { allowed: true, takes_text: true, ..Tail::default() };
        tail.begin(b"x", 0, 1, Level::Error, false);
        for line in ["Invalid log line", "anything", "Errors: 5", "Error handling", "Info x"] {
            assert!(tail.takes(line.as_bytes(), 100), "{line}");
        }
        for line in [
            "2024-01-24 ERROR",
            "10:15:33.001 INFO Incomplete",
            "ERROR x",
            "INFO",
            "{\"a\": 1",
            "a\0b",
        ] {
            assert!(!tail.takes(line.as_bytes(), 100), "{line}");
        }
        // It outlives what is forgotten between chunks.
        tail.clear();
        assert!(tail.takes_text && !tail.takes(b"anything", 100));
    }

    #[test]
    fn nothing_goes_on_with_nothing() {
        let mut tail = Tail { allowed: true, ..Tail::default() };
        assert!(!tail.takes(b"\tat x", 5));
        tail.begin(b"x", 10, 1, Level::Info, false);
        assert!(tail.takes(b"\tat x", 15));
        assert!(!tail.takes(b"\tat x", 10 + crate::format::state::LOOK_BACK_BYTES));
    }
}
