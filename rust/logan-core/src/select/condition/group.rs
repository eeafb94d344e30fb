//! What a group table is made by: `route`, `route,status`, `time:5m`, `source`, `origin`,
//! `message~"order (\w+)"`.
//!
//! ```text
//! group = part [ "," part ]
//! part  = field | field "~" value | "time" ":" step | "source" | "file" | "origin"
//!       | "timer" | "outgoing"
//! step  = a whole number and one of s m h d
//! ```
//! Fields are those of conditions that are names and no measurements. The value after `~` is a
//! regular expression with one group, whose text is the key; it is looked for in fields of text.
//! `source` is what reports call the input of a record, and `file` another name of it; `origin` is
//! the server or bucket that the input lies on, which files have none of. `timer`, which stands
//! alone, makes a row for each timer of a record but its response time, and `outgoing` one for each
//! host that records of client libraries name. Steps of time are aligned to 1970 in UTC.

use super::parse::{self, Parsed, Parser};
use super::{CONDITION_BYTES_MAX, SyntaxError};
use crate::record::{Field, Quoted};
use jiff::tz::TimeZone;
use regex::bytes::Regex;
use std::fmt;

/// Most parts of a key.
pub const PARTS_MAX: usize = 2;

/// Longest step of time, in seconds: ten years.
const STEP_S_MAX: i64 = 3_650 * 86_400;

/// Units of steps, in seconds, the largest first.
const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];

/// What the key of a group table consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// One part, or two.
    pub parts: Vec<Part>,
}

/// A part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The value of a field.
    Field(Field),
    /// What the only group of this regular expression matches in a field of text.
    Capture(Field, String),
    /// The start of the step of time that the record falls into; in seconds.
    Time(i64),
    /// What reports call the input.
    Source,
    /// The server or bucket that the input lies on.
    Origin,
    /// The names of the timers of a record beside its response time.
    Timer,
    /// The host of a call to another service that a record speaks of.
    Outgoing,
}

impl Part {
    /// The field whose value it needs.
    pub fn field(&self) -> Option<&Field> {
        match self {
            Part::Field(field) | Part::Capture(field, _) => Some(field),
            _ => None,
        }
    }
}

impl Group {
    /// The fields whose values it needs.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(Part::field)
    }

    /// Whether it is made by timers, of which a record may have several.
    pub fn is_timer(&self) -> bool {
        self.parts == [Part::Timer]
    }

    /// The field, if its value is the whole key.
    pub fn plain(&self) -> Option<&Field> {
        match self.parts.as_slice() {
            [Part::Field(field)] => Some(field),
            _ => None,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Field(field) => write!(f, "{field}"),
            Part::Capture(field, pattern) => write!(f, "{field}~{}", Quoted(pattern)),
            Part::Time(step) => {
                let unit = UNITS.iter().find(|(seconds, _)| step % seconds == 0);
                let (seconds, name) = unit.unwrap_or(&UNITS[3]);
                write!(f, "time:{}{name}", step / seconds)
            }
            Part::Source => f.write_str("source"),
            Part::Origin => f.write_str("origin"),
            Part::Timer => f.write_str("timer"),
            Part::Outgoing => f.write_str("outgoing"),
        }
    }
}

impl fmt::Display for Group {
    /// The canonical text: it parses to an equal group, and equal groups have equal text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().enumerate().try_for_each(|(i, part)| {
            let comma = if i > 0 { "," } else { "" };
            write!(f, "{comma}{part}")
        })
    }
}

/// The compiled regular expression of a capture; None if it is not that of a [`Group`].
pub fn regex(pattern: &str) -> Option<Regex> {
    parse::regex(pattern).ok()
}

/// What `text` says that a group table is made by.
///
/// # Errors
/// What does not fit, and the byte at which it stands.
pub fn group(text: &str) -> Parsed<Group> {
    if text.len() > CONDITION_BYTES_MAX {
        let message = format!("longer than {CONDITION_BYTES_MAX} bytes");
        return Err(SyntaxError { position: 0, message });
    }
    let utc = TimeZone::UTC;
    let mut parser = Parser::new(text, &utc);
    let mut parts = Vec::new();
    loop {
        let at = parser.position();
        let part = part(&mut parser)?;
        if parts.contains(&part) {
            return parser.fail(at, format!("{part} stands here twice"));
        }
        parts.push(part);
        if parts.len() > 1 && parts.contains(&Part::Timer) {
            return parser.fail(at, "timer cannot be combined: a record has several");
        }
        parser.skip_space();
        let at = parser.position();
        if at == text.len() {
            return Ok(Group { parts });
        }
        if !parser.sign(",") {
            return parser.fail(at, "expected a comma and another field, or the end");
        }
        if parts.len() == PARTS_MAX {
            let message = "at most two fields can be combined; use --by again for another table";
            return parser.fail(at, message);
        }
    }
}

fn part(parser: &mut Parser<'_>) -> Parsed<Part> {
    let name = parser.peek_word();
    let start = parser.position();
    for (word, part) in [
        ("source", Part::Source),
        ("file", Part::Source),
        ("origin", Part::Origin),
        ("timer", Part::Timer),
        ("outgoing", Part::Outgoing),
    ] {
        if parser.word(word) {
            return Ok(part);
        }
    }
    if name.eq_ignore_ascii_case("time") {
        parser.word(name);
        return step(parser, start).map(Part::Time);
    }
    let is_key = ["json", "logfmt"].iter().any(|word| name.eq_ignore_ascii_case(word));
    let known = || {
        let fields = Field::named().filter(|(_, field)| field.groups()).map(|(name, _)| name);
        let all: Vec<&str> = fields.chain(["source", "origin", "timer", "outgoing"]).collect();
        format!("{}, time:STEP, json.KEY and logfmt.KEY", all.join(", "))
    };
    if !is_key && !Field::named().any(|(known, _)| name.eq_ignore_ascii_case(known)) {
        let message = match name {
            "" => format!("expected a field: {}", known()),
            name => format!("no field {name:?}; known fields: {}", known()),
        };
        return parser.fail(start, message);
    }
    let field = parser.field()?;
    if parser.sign("~") {
        return capture(parser, field, start);
    }
    match field {
        Field::Message => parser.fail(
            start,
            "cannot group by message, which differs in every record: name a part of it, such as \
             message~\"order (\\w+)\"",
        ),
        field if !field.groups() => parser.fail(
            start,
            format!("cannot group by {field}, which is a measurement; known fields: {}", known()),
        ),
        field => Ok(Part::Field(field)),
    }
}

fn step(parser: &mut Parser<'_>, start: usize) -> Parsed<i64> {
    let message = "grouping by time needs a step, such as time:5m (units: s, m, h, d)";
    if !parser.sign(":") {
        return parser.fail(start, message);
    }
    let word = parser.peek_word();
    let at = parser.position();
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let unit = UNITS.iter().find(|(_, name)| word[digits..].eq_ignore_ascii_case(name));
    let count: Option<i64> = word[..digits].parse().ok();
    let Some((count, (seconds, _))) = count.zip(unit) else { return parser.fail(at, message) };
    match count.checked_mul(*seconds).filter(|step| (1..=STEP_S_MAX).contains(step)) {
        Some(step) => {
            parser.word(word);
            Ok(step)
        }
        None => parser.fail(at, "expected a step of time from 1s to 3650d"),
    }
}

fn capture(parser: &mut Parser<'_>, field: Field, start: usize) -> Parsed<Part> {
    if !field.is_text() {
        return parser.fail(start, format!("{field} is not text: nothing can be looked for in it"));
    }
    parser.skip_space();
    let at = parser.position();
    let pattern = parser.pattern()?;
    let groups = parse::regex(&pattern).map_or(0, |regex| regex.captures_len() - 1);
    if groups != 1 {
        let message = format!(
            "expected one group in parentheses, whose text is counted, found {groups}; (?:…) is \
             not counted"
        );
        return parser.fail(at, message);
    }
    Ok(Part::Capture(field, pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts() {
        for (text, written) in [
            ("Route", "route"),
            ("route , STATUS", "route,status"),
            ("time:300s", "time:5m"),
            ("TIME:24h,source", "time:1d,source"),
            ("file", "source"),
            ("origin,json.a.'b c'", "origin,json.a.\"b c\""),
            ("message ~ 'order (\\w+)'", "message~\"order (\\w+)\""),
            ("route~\"^GET /([a-z]+),\",method", "route~\"^GET /([a-z]+),\",method"),
        ] {
            let made = group(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!(made.to_string(), written, "{text}");
            assert_eq!(group(written).unwrap(), made, "{text}");
        }
    }

    #[test]
    fn misfits_know_their_place() {
        for (text, position, words) in [
            ("", 0, "expected a field"),
            ("statos", 0, "no field \"statos\""),
            ("route,", 6, "expected a field"),
            ("route,rute", 6, "no field \"rute\""),
            ("route,Route", 6, "route stands here twice"),
            ("source,file", 7, "source stands here twice"),
            ("route,status,level", 12, "at most two"),
            ("timer,route", 6, "timer cannot be combined"),
            ("route,timer", 6, "timer cannot be combined"),
            ("route status", 6, "expected a comma"),
            ("duration", 0, "cannot group by duration"),
            ("bytes", 0, "cannot group by bytes"),
            ("message", 0, "cannot group by message"),
            ("time", 0, "needs a step, such as time:5m"),
            ("time:", 5, "needs a step"),
            ("time:5", 5, "needs a step"),
            ("time:5w", 5, "needs a step"),
            ("time:0s", 5, "from 1s to 3650d"),
            ("time:99999999999999d", 5, "from 1s to 3650d"),
            ("status~'(5)'", 0, "status is not text"),
            ("message~", 8, "expected a regular expression"),
            (
                "message~'order'",
                8,
                "expected one group in parentheses, whose text is counted, found 0",
            ),
            ("message~'(a)(b)'", 8, "found 2"),
            ("message~'(a'", 9, "not a valid regular expression: unclosed group"),
        ] {
            let error = group(text).unwrap_err();
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.message.contains(words), "{text}: {error}");
        }
    }
}
