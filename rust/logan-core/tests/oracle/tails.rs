//! Lines that go on with the record before them, and heads of crashes. Part of the [twin](super).

use super::*;
use logan_core::format::has_message;
use logan_core::format::state::LOOK_BACK_BYTES;

/// What the lines before one were.
#[derive(Default)]
pub struct Before {
    allowed: bool,
    takes_text: bool,
    text_until: Option<u64>,
    has_preamble: bool,
    /// Whether any record was before.
    any: bool,
    /// The last record: where it starts, and its line.
    record: Option<(u64, Vec<u8>)>,
    /// Where the last record starts that is no crash, and whether it has a time or a level.
    timed: Option<(u64, Option<i64>, bool)>,
    /// Whether its level is one below WARN.
    is_quiet: bool,
    /// Whether a line after the last record lets any line follow.
    open: bool,
    /// How many lines may follow for what the record leaves open, and its open brackets.
    hanging: usize,
    brackets: [i64; 2],
    /// Whether the line before says that another failure came first.
    chained: bool,
}

impl Before {
    /// Nothing, in a source of which these formats are listed.
    pub fn new(listed: &[String], time: &TimeReading) -> Before {
        let allowed = listed.is_empty() || listed.iter().any(|name| has_message(name));
        let TimeReading { undated_go_on: takes_text, undated_until: text_until, .. } = *time;
        let has_preamble = time.has_preamble;
        Before { allowed, takes_text, text_until, has_preamble, ..Before::default() }
    }

    /// Whether a line stands before all records, in what was printed before the log.
    pub fn is_front(&self, line: &[u8], offset: u64) -> bool {
        self.has_preamble && !self.any && offset < LOOK_BACK_BYTES && is_text(line)
    }

    /// Takes in a record.
    pub fn add(&mut self, format: &str, line: &[u8], offset: u64, record: &Record) {
        self.any = true;
        if format != "crash" && (self.allowed || self.has_preamble) {
            let says = record.time_ns.is_some() || record.level != Level::None;
            self.timed = Some((offset, record.time_ns, says));
            let quiet = [Level::Trace, Level::Debug, Level::Info, Level::Notice];
            self.is_quiet = quiet.contains(&record.level);
        }
        if !self.allowed {
            return;
        }
        // A quote that a request leaves open is that of a line cut off.
        let kept = if record.status.is_some() { 0 } else { line.len().min(4 << 10) };
        self.record = Some((offset, line[..kept].to_vec()));
        (self.open, self.chained) = (false, false);
        let text = line[..kept].trim_ascii_end();
        self.brackets = open_brackets(text);
        let hangs = has_open_quote(text) || self.brackets.iter().any(|open| *open > 0);
        self.hanging = if hangs && kept < 4 << 10 { 32 } else { 0 };
    }

    fn timed(&self, offset: u64) -> Option<Option<i64>> {
        let (_, time_ns, _) =
            self.timed.filter(|(start, _, says)| *says && start + LOOK_BACK_BYTES > offset)?;
        Some(time_ns)
    }

    /// The head of a crash.
    pub fn crash(&self, line: &[u8], offset: u64) -> Option<Record> {
        let level = level_of_crash(line)?;
        let is_told = self.timed(offset).is_some() && !self.is_quiet;
        if level == Level::Error && (self.chained || is_told) {
            return None;
        }
        let time_ns = self.timed(offset).flatten();
        Some(Record { time_ns, level, message: line.to_vec(), ..Record::default() })
    }

    /// Whether a line that is no record goes on with the last one.
    pub fn goes_on(&mut self, line: &[u8], offset: u64) -> bool {
        let Some((start, record)) = &self.record else { return false };
        if start + LOOK_BACK_BYTES <= offset {
            return false;
        }
        let whole = record.len() < 4 << 10;
        let text = record.trim_ascii_end();
        let front = &text[..text.len().min(512)];
        let mut words = front.split(|b| !b.is_ascii_alphabetic());
        let has_statement = words.any(|word| begins_with_word(word, VERBS));
        let has_priority = text.first() == Some(&b'<') && {
            let len = run(text, 1, |b| b.is_ascii_digit());
            (1..=3).contains(&len) && text[1 + len..].starts_with(b">1 ")
        };
        let goes_on = self.open
            || self.hanging > 0
            || whole && (leaves_open(text) || is_moment(text))
            || opens(text)
            || is_continuation(line)
            || has_statement && (begins_with_word(line, VERBS) || begins_with_word(line, CLAUSES))
            || has(text, "terminat") && is_entry(line)
            || has_priority && !line.starts_with(b"<")
            || has(text, "HTTP/1.") && is_header_field(line)
            || self.takes_text && self.text_until.is_none_or(|end| offset < end) && is_text(line)
            || has_same_id(record, line)
            || is_field(line)
            || is_message_by_number(line);
        if self.hanging > 0 {
            self.hanging -= 1;
            let before = self.brackets;
            let more = open_brackets(line);
            self.brackets = [before[0] + more[0], before[1] + more[1]];
            let opened = before.iter().any(|open| *open > 0);
            if opened && self.brackets.iter().all(|open| *open <= 0) {
                self.hanging = 0;
            }
        }
        if goes_on {
            self.open |= opens(line);
            self.chained = line.starts_with(b"During handling") || line.starts_with(b"The above");
        }
        goes_on
    }
}

/// `Content-Type: text/html`.
fn is_header_field(line: &[u8]) -> bool {
    let name = run(line, 0, |b| b.is_ascii_alphanumeric() || b == b'-');
    (2..=40).contains(&name)
        && line[0].is_ascii_alphabetic()
        && line[name..].starts_with(b": ")
        && line.len() > name + 2
}

/// What does not begin like a record.
fn is_text(line: &[u8]) -> bool {
    let word = run(line, 0, |b| b.is_ascii_alphabetic());
    let ends = !line.get(word).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let is_loud = line[..word].iter().all(u8::is_ascii_uppercase);
    classes::reason(line) == "no_timestamp"
        && !(ends && is_loud && Level::from_word(&line[..word]).is_some())
}

const VERBS: &str = "SELECT INSERT UPDATE DELETE CREATE ALTER REPLACE";
const CLAUSES: &str = "FROM WHERE AND OR ORDER GROUP HAVING LIMIT OFFSET JOIN LEFT RIGHT INNER OUTER \
    CROSS ON SET VALUES UNION RETURNING WITH";

fn begins_with_word(line: &[u8], words: &str) -> bool {
    let len = run(line, 0, |b| b.is_ascii_alphabetic());
    let word = line[..len].to_ascii_uppercase();
    matches!(line.get(len), None | Some(b' ' | b'(' | b'\t'))
        && words.split_whitespace().any(|other| other.as_bytes() == word)
}

/// Whether something stands in the first 512 bytes.
fn has(line: &[u8], what: &str) -> bool {
    line[..line.len().min(512)].windows(what.len()).any(|window| window == what.as_bytes())
}

/// `ORA-12170: …`
fn is_message_by_number(line: &[u8]) -> bool {
    let mut parts = line.splitn(2, |b| *b == b'-');
    let (name, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let number = run(rest, 0, |b| b.is_ascii_digit());
    let is_name = (2..7).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase);
    is_name && matches!(number, 5 | 6) && rest[number..].starts_with(b": ")
}

/// Whether a record announces something.
fn leaves_open(text: &[u8]) -> bool {
    text.last().is_some_and(|last| b":,{[(".contains(last))
}

/// Whether a quote is not closed.
fn has_open_quote(text: &[u8]) -> bool {
    let mut quotes = 0;
    for (i, b) in text.iter().enumerate() {
        let is_escaped = i > 0 && text[i - 1] == b'\\';
        quotes += usize::from(*b == b'"' && !is_escaped);
    }
    quotes % 2 == 1
}

/// Whether any line may follow.
fn opens(line: &[u8]) -> bool {
    let is_message = line.starts_with(b"<![LOG[") && !line.ends_with(b">");
    if is_message || is_section(line) {
        return true;
    }
    let headings = [
        "Full thread dump",
        "DATA #",
        "ARG #",
        "!SESSION ",
        "goroutine ",
        "EXPLANATION:",
        "stack backtrace:",
        "Stack dump",
        ";; ",
    ];
    has(line, "mysqld got signal ")
        || is_rule(line)
        || headings.iter().any(|heading| line.starts_with(heading.as_bytes()))
}

/// How many square and curly brackets more are opened than closed.
fn open_brackets(text: &[u8]) -> [i64; 2] {
    let count = |byte: u8| text.iter().filter(|b| **b == byte).count() as i64;
    let colors = text.windows(2).filter(|pair| *pair == b"\x1b[").count() as i64;
    [count(b'[') - colors - count(b']'), count(b'{') - count(b'}')]
}

/// A timestamp alone, perhaps behind a name.
fn is_moment(text: &[u8]) -> bool {
    if text.len() < 14 || text.len() > 64 {
        return false;
    }
    let label = run(text, 0, |b| b.is_ascii_alphabetic() || b == b' ' || b == b'-');
    let rest = text[label..].strip_prefix(b": ").unwrap_or(text);
    let names = "jan feb mar apr may jun jul aug sep oct nov dec mon tue wed thu fri sat sun";
    let is_part = |word: &&[u8]| {
        let word = String::from_utf8_lossy(word);
        if word.bytes().any(|b| b.is_ascii_digit()) {
            return word.bytes().all(|b| b.is_ascii_digit() || b":-/.+TZ".contains(&b));
        }
        let lower = word.to_ascii_lowercase();
        word.len() <= 5 && word.bytes().all(|b| b.is_ascii_uppercase())
            || names.split(' ').any(|name| lower.starts_with(name))
    };
    let is_clock =
        |part: &[u8]| part[2] == b':' && [0, 1, 3, 4].iter().all(|&i| part[i].is_ascii_digit());
    let words = rest.split(|b| *b == b' ' || *b == b',').filter(|word| !word.is_empty());
    words.clone().all(|word| is_part(&word))
        && (rest.windows(5).any(is_clock) || run(rest, 0, |b| b.is_ascii_digit()) == 14)
}

/// Whether a UUID begins both lines.
fn has_same_id(record: &[u8], line: &[u8]) -> bool {
    let word = |text: &[u8]| text.split(|b| *b == b' ').next().unwrap_or_default().to_vec();
    let id = word(line);
    let parts: Vec<&[u8]> = id.split(|b| *b == b'-').collect();
    id == word(record)
        && record.len() > id.len()
        && parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.iter().all(u8::is_ascii_hexdigit))
}

fn is_rule(line: &[u8]) -> bool {
    let rules = ["-----", "=====", "*****", "#####", "_____"];
    rules.iter().any(|rule| {
        line.starts_with(rule.as_bytes()) || line.starts_with(format!("+{rule}").as_bytes())
    })
}

/// `--a1b2c3d4-B--`
fn is_section(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let parts: Vec<&str> = text.split('-').collect();
    text.len() >= 14
        && parts.len() >= 6
        && parts[..2] == ["", ""]
        && parts[2].len() == 8
        && parts[2].chars().all(|c| c.is_ascii_alphanumeric())
        && parts[3].len() == 1
        && parts[3].chars().all(|c| c.is_ascii_uppercase())
        && parts[4].is_empty()
}

/// `PID     : 52263`, `DATA #1 : x`.
fn is_field(line: &[u8]) -> bool {
    let name = run(line, 0, |b| b.is_ascii_uppercase());
    let mut end = name;
    if line[name..].starts_with(b" #") {
        let number = run(line, name + 2, |b| b.is_ascii_digit());
        end += if number > 0 { 2 + number } else { 0 };
    }
    let blanks = run(line, end, |b| b == b' ');
    name >= 2 && line[end + blanks..].starts_with(b": ")
}

/// `Last message: x`.
fn is_entry(line: &[u8]) -> bool {
    let name = run(line, 0, |b| b.is_ascii_alphabetic() || b == b' ');
    name <= 24 && line.first().is_some_and(u8::is_ascii_uppercase) && line.get(name) == Some(&b':')
}

fn level_of_crash(line: &[u8]) -> Option<Level> {
    let heads = [
        "panic: ",
        "fatal error: ",
        "Fatal error: ",
        "Fatal Python error: ",
        "PHP Fatal error: ",
        "Exception in thread \"",
        "Unhandled exception",
        "Unhandled Exception",
        "Unhandled rejection",
        "UnhandledPromiseRejection",
        "Uncaught ",
        "uncaught exception",
        "Segmentation fault",
        "SIGSEGV: ",
        "SIGABRT: ",
        "terminate called ",
        "*** stack smashing detected ***",
        "*** Error in ",
        "double free or corruption",
        "free(): invalid ",
        "# A fatal error has been detected by the Java Runtime Environment",
    ];
    let begins = |head: &&str| line.starts_with(head.as_bytes());
    let is_thread = ["thread '", "thread \""].iter().any(begins)
        && has(&line[..line.len().min(256)], " panicked at ");
    match () {
        () if line.starts_with(b"Traceback (most recent call last)") => Some(Level::Error),
        () if line.get(8..).is_some_and(|rest| rest.starts_with(b" UTC - mysqld got "))
            && line[..8].iter().all(|b| b.is_ascii_digit() || *b == b':') =>
        {
            Some(Level::Fatal)
        }
        () if is_thread || heads.iter().any(begins) => Some(Level::Fatal),
        () => None,
    }
}

/// Whether a line goes on with whatever record is before it.
pub(super) fn is_continuation(line: &[u8]) -> bool {
    let beginnings = [
        "Traceback (",
        "During handling of the above exception",
        "The above exception was the direct cause",
        "Caused by:",
        "Suppressed:",
        "Wrapped by:",
        "at ",
        "... ",
        "--- ",
        "goroutine ",
        "created by ",
        "exit status ",
        "[signal ",
        "runtime stack:",
        "note: run with ",
        "stack backtrace:",
        "stack traceback:",
        "coroutine ",
        "[stacktrace]",
        "[previous exception]",
        "Stack trace:",
        "PHP message: ",
        "** (",
        "Node.js v",
        "Error #",
        "Trace[",
        "Tcp port: ",
        "Version: '",
        "Time                 Id",
        "Full thread dump",
        "Locked ownable synchronizers",
        "JNI global ",
        "EXPLANATION:",
        "ACTION:",
        "- age ",
        "** ",
        ";; ",
        "(Filename: ",
        "EXECUTE ",
        "[repeated x",
        "Enter Management Password:",
        "exception throw location:",
        "Time\t\t",
        "Hibernate: ",
        "Request URL: ",
        "Referer URL: ",
        "Trace:",
        "!MESSAGE ",
        "!STACK ",
        "!SUBENTRY ",
        "$_",
        "script_filename = ",
        "<log4j:message",
        "<log4j:throwable",
        "<log4j:locationInfo",
        "<log4j:properties",
        "<log4j:data",
        "<log4j:NDC",
        "</log4j:",
        "]]>",
        "<![LOG[",
    ];
    matches!(line.first(), Some(b' ' | b'\t'))
        || beginnings.iter().any(|beginning| line.starts_with(beginning.as_bytes()))
        || is_rule(line)
        || is_section(line)
        || is_numbered_frame(line)
        || is_frame_at_address(line)
        || line.starts_with(b"\"") && has(line, "\" #") && has(line, " prio=")
        || is_closing(line)
        || is_failure(line)
        || is_frame(line)
        || is_of_a_start(line)
        || is_frame_of_php(line)
        || is_function_of_go(line)
}

/// `k8s.io/a/b.(*T).serve.func1`, `main.main`.
fn is_function_of_go(line: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(line) else { return false };
    let (folders, name) = text.rsplit_once('/').map_or((None, text), |(f, n)| (Some(f), n));
    let Some((package, function)) = name.split_once('.') else { return false };
    let fits = |part: &str, marks: &str| {
        part.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
    };
    let is_known = folders.is_some_and(|folders| folders.contains('.'))
        || ["main", "runtime"].contains(&package)
        || function.starts_with("(*");
    is_known
        && begins_name(line)
        && line[0] != b'/'
        && fits(folders.unwrap_or(""), "/._-~@")
        && fits(package, "_-~@")
        && !package.is_empty()
        && function.starts_with(|c: char| c == '(' || c.is_ascii_alphabetic())
        && fits(function, "._()*[]")
}

/// `App::index() - APP/Users.php, line 22`
fn is_frame_of_php(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let Some((file, number)) = text.rsplit_once(", line ") else { return false };
    // What begins with a digit, a quote or `#` is asked for less.
    let first = line.first().copied().unwrap_or(0);
    file.ends_with(".php")
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
        && has(line, " - ")
        && !(first.is_ascii_digit() || first == b'#')
}

/// `#0 f()` of PHP, `0. f() @ 0x0c6d in x` of ClickHouse.
fn is_numbered_frame(line: &[u8]) -> bool {
    if let Some(frame) = line.strip_prefix(b"#") {
        let len = run(frame, 0, |b| b.is_ascii_digit());
        return len > 0 && frame.get(len) == Some(&b' ');
    }
    let len = run(line, 0, |b| b.is_ascii_digit());
    len > 0 && line[len..].starts_with(b". ") && has(line, " @ 0x")
}

/// `[0x00007f00] f() x.php:12` of php-fpm.
fn is_frame_at_address(line: &[u8]) -> bool {
    let Some(frame) = line.strip_prefix(b"[0x") else { return false };
    let len = run(frame, 0, |b| b.is_ascii_hexdigit());
    len > 0 && frame[len..].starts_with(b"] ")
}

/// Nothing but what closes a block.
fn is_closing(line: &[u8]) -> bool {
    let closing = line.iter().filter(|b| b"}])>".contains(b)).count();
    let others = line.iter().filter(|b| b"\"',; ".contains(b)).count();
    closing > 0 && closing + others == line.len()
}

/// A dotted name that says what went wrong, alone or before a colon.
fn is_failure(line: &[u8]) -> bool {
    let name = line.split(|&b| b == b':').next().unwrap_or(line);
    let dotted = name.iter().all(|b| b.is_ascii_alphanumeric() || b"._$".contains(b));
    let kinds = ["Error", "Exception", "Warning", "Interrupt", "Exit"];
    dotted && begins_name(line) && kinds.iter().any(|kind| name.ends_with(kind.as_bytes()))
}

fn begins_name(line: &[u8]) -> bool {
    line.first().is_some_and(|b| b.is_ascii_alphabetic() || b"/.".contains(b))
}

/// A frame of Go, Ruby or native code.
fn is_frame(line: &[u8]) -> bool {
    let name = line.split(|&b| b == b'(').next().unwrap_or(line);
    let of_go = line.ends_with(b")")
        && name.iter().any(|b| b"./".contains(b))
        && !name.iter().any(|b| b" :=".contains(b));
    let of_ruby = has(line, ".rb:") && has(line, ":in ");
    let native = line.ends_with(b"]") && has(line, "[0x");
    let of_mono = line.ends_with(b")") && has(line, ") (at ");
    begins_name(line) && (of_go || of_ruby || of_mono || native)
}

/// What MySQL and ActiveMQ print when they start.
fn is_of_a_start(line: &[u8]) -> bool {
    let of_mysql = line.ends_with(b"started with:") && has(line, ", Version: ");
    let code = line.strip_prefix(b"AMQ").map_or(0, |code| run(code, 0, |b| b.is_ascii_digit()));
    begins_name(line) && of_mysql || code == 4
}
