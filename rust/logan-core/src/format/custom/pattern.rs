//! The dialects of servers: text to fields with literals between them.
//!
//! Knows no lines. Every byte keeps its place in the text, so that a mistake has a position even
//! behind quotes and escapes that were undone.

use super::moment::Layout;
use super::{Dialect, SyntaxError};
use crate::format::Unit;
use crate::record::Column;

/// Most fields of a format. Each is a step for each line.
const FIELDS_MAX: usize = 256;

/// What a field says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Time(Layout),
    /// Method, target and protocol.
    Request,
    Method,
    Path,
    Status,
    Size,
    Duration(Unit),
    Client,
    /// Text of a column on request.
    OnRequest(Column),
    /// Nothing that is kept.
    Nothing,
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) meaning: Meaning,
    /// Among fields of one meaning the one with the lowest rank counts.
    pub(super) rank: u8,
    /// Whether it may be a list: a space behind a comma, or around a colon, does not end it.
    pub(super) is_list: bool,
    /// As written.
    pub(super) name: String,
    /// Byte of the text at which it begins.
    pub(super) at: usize,
    /// What follows, up to the next field or the end.
    pub(super) literal: Vec<u8>,
}

/// What comes before the first field, and the fields.
pub(super) struct Fields {
    pub(super) first: Vec<u8>,
    pub(super) fields: Vec<Field>,
    /// Where the text begins and ends.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A byte and its place in the text.
type Placed = (u8, usize);

/// The fields of `text[from..]`.
pub(super) fn fields(dialect: Dialect, text: &str, from: usize) -> Result<Fields, SyntaxError> {
    let units: Vec<Placed> =
        text.bytes().enumerate().skip(from).map(|(at, byte)| (byte, at)).collect();
    let units = match dialect {
        Dialect::Nginx => nginx_text(&units)?,
        _ => apache_text(&units)?,
    };
    let (start, end) = (units.first().map_or(from, |unit| unit.1), text.len());
    let mut reader = Reader { units: &units, next: 0, end };
    let mut read = Fields { first: Vec::new(), fields: Vec::new(), start, end };
    while let Some(byte) = reader.peek(0) {
        let found = match (dialect, byte) {
            (Dialect::Nginx, b'$') => Some(reader.variable()?),
            (Dialect::Apache, b'%') if reader.peek(1) == Some(b'%') => {
                reader.next += 1;
                None
            }
            (Dialect::Apache, b'%') => reader.directive(read.fields.last_mut())?,
            _ => None,
        };
        match found {
            Some(Found::Brackets(field)) => {
                literal_of(&mut read).push(b'[');
                push(&mut read, Field { literal: b"]".to_vec(), ..field })?;
            }
            Some(Found::Field(field)) => push(&mut read, field)?,
            Some(Found::Joined) => {}
            None => {
                let byte = reader.units[reader.next].0;
                if byte == b'\n' || byte == b'\r' {
                    let at = reader.units[reader.next].1;
                    return Err(SyntaxError::new(at, "a record is one line: no line breaks in it"));
                }
                literal_of(&mut read).push(byte);
                reader.next += 1;
            }
        }
    }
    for field in &mut read.fields {
        // All pieces of a time have come together.
        if let Meaning::Time(Layout::Codes(codes)) = &field.meaning {
            let layout = Layout::of_codes(codes).map_err(|why| SyntaxError::new(field.at, why))?;
            field.meaning = Meaning::Time(layout);
        }
    }
    Ok(read)
}

fn literal_of(read: &mut Fields) -> &mut Vec<u8> {
    match read.fields.last_mut() {
        Some(field) => &mut field.literal,
        None => &mut read.first,
    }
}

fn push(read: &mut Fields, field: Field) -> Result<(), SyntaxError> {
    if let Some(before) = read.fields.last().filter(|before| before.literal.is_empty()) {
        let message = format!(
            "nothing between {} and {} says where the one ends and the other begins",
            before.name, field.name
        );
        return Err(SyntaxError::new(field.at, message));
    }
    if read.fields.len() == FIELDS_MAX {
        return Err(SyntaxError::new(
            field.at,
            format!("a format has at most {FIELDS_MAX} fields"),
        ));
    }
    read.fields.push(field);
    Ok(())
}

/// What was read.
enum Found {
    Field(Field),
    /// A time in brackets.
    Brackets(Field),
    /// A piece of the time before it.
    Joined,
}

/// What follows the name in `log_format name …;`, its pieces joined and their escapes undone; a
/// text without directive and quotes as it is, but for `\t`, which is a tab in both.
fn nginx_text(units: &[Placed]) -> Result<Vec<Placed>, SyntaxError> {
    let mut rest = trimmed(units);
    let directive = starts_with(rest, "log_format");
    if directive {
        rest = trimmed(&rest["log_format".len()..]);
        rest = trimmed(&rest[word(rest)..]);
    } else if rest.first().is_none_or(|unit| unit.0 != b'\'') && !starts_with(rest, "escape=") {
        return Ok(undone(&trimmed_end(rest), b"t"));
    }
    if starts_with(rest, "escape=") {
        let len = word(rest);
        let value: Vec<u8> = rest["escape=".len()..len].iter().map(|unit| unit.0).collect();
        if !matches!(&value[..], b"json" | b"default" | b"none") {
            return Err(SyntaxError::new(
                rest[7.min(rest.len() - 1)].1,
                "escape is json, default or none",
            ));
        }
        rest = trimmed(&rest[len..]);
    }
    let mut joined = Vec::new();
    while let Some(&(quote, at)) = rest.first() {
        match quote {
            b'\'' | b'"' => {
                let (piece, len) = quoted(rest, b"'\"\\$t")
                    .ok_or_else(|| SyntaxError::new(at, "this quote is not closed"))?;
                joined.extend(piece);
                rest = trimmed(&rest[len..]);
            }
            b';' => {
                if let Some(&(_, at)) = trimmed(&rest[1..]).first() {
                    return Err(SyntaxError::new(
                        at,
                        "something follows the ; that ends log_format",
                    ));
                }
                break;
            }
            // A format without spaces needs no quotes.
            _ => {
                let len =
                    rest.iter().take_while(|u| !u.0.is_ascii_whitespace() && u.0 != b';').count();
                joined.extend(&rest[..len]);
                rest = trimmed(&rest[len..]);
            }
        }
    }
    Ok(joined)
}

/// What is between the quotes of `LogFormat "…" name`; a text without directive and quotes as it
/// is. `\"`, `\\` and `\t` are undone in both.
fn apache_text(units: &[Placed]) -> Result<Vec<Placed>, SyntaxError> {
    let mut rest = trimmed(units);
    let head: Vec<u8> = rest.iter().take(9).map(|unit| unit.0).collect();
    let directive = head.eq_ignore_ascii_case(b"LogFormat");
    if directive {
        rest = trimmed(&rest[9..]);
    }
    if let Some(&(quote @ (b'"' | b'\''), at)) = rest.first() {
        let found = quoted(rest, b"'\"\\t");
        let nickname = |len: usize| {
            trimmed(&rest[len..])
                .iter()
                .all(|u| u.0.is_ascii_alphanumeric() || b"_-".contains(&u.0))
        };
        match found {
            Some((piece, len)) if directive || nickname(len) => return Ok(piece),
            None if directive || quote == b'\'' => {
                return Err(SyntaxError::new(at, "this quote is not closed"));
            }
            _ => {}
        }
    }
    Ok(undone(&trimmed_end(rest), b"'\"\\t"))
}

fn undone(units: &[Placed], escapes: &[u8]) -> Vec<Placed> {
    let mut plain = Vec::new();
    let mut i = 0;
    while i < units.len() {
        let next = units.get(i + 1).map(|unit| unit.0).filter(|next| escapes.contains(next));
        match next {
            Some(next) if units[i].0 == b'\\' => {
                plain.push((if next == b't' { b'\t' } else { next }, units[i].1));
                i += 2;
            }
            _ => {
                plain.push(units[i]);
                i += 1;
            }
        }
    }
    plain
}

/// The inside of the quotes that open here, escapes undone, and the length of it all.
fn quoted(units: &[Placed], escapes: &[u8]) -> Option<(Vec<Placed>, usize)> {
    let quote = units[0].0;
    let mut i = 1;
    while units.get(i)?.0 != quote {
        i += if units[i].0 == b'\\' { 2 } else { 1 };
    }
    Some((undone(&units[1..i], escapes), i + 1))
}

fn starts_with(units: &[Placed], word: &str) -> bool {
    units.len() >= word.len() && units.iter().zip(word.bytes()).all(|(unit, byte)| unit.0 == byte)
}

fn word(units: &[Placed]) -> usize {
    units.iter().take_while(|unit| !unit.0.is_ascii_whitespace()).count()
}

fn trimmed(units: &[Placed]) -> &[Placed] {
    &units[units.iter().take_while(|unit| unit.0.is_ascii_whitespace()).count()..]
}

fn trimmed_end(units: &[Placed]) -> Vec<Placed> {
    let blanks = units.iter().rev().take_while(|unit| b"\r\n".contains(&unit.0)).count();
    units[..units.len() - blanks].to_vec()
}

struct Reader<'a> {
    units: &'a [Placed],
    next: usize,
    end: usize,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.units.get(self.next + ahead).map(|unit| unit.0)
    }

    /// Where the next byte is in the text.
    fn place(&self) -> usize {
        self.units.get(self.next).map_or(self.end, |unit| unit.1)
    }

    fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> String {
        let start = self.next;
        while self.peek(0).is_some_and(&fits) {
            self.next += 1;
        }
        let bytes: Vec<u8> = self.units[start..self.next].iter().map(|unit| unit.0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What is between the brace at hand and the next that closes.
    fn braced(&mut self) -> Result<String, SyntaxError> {
        let at = self.place();
        self.next += 1;
        let inside = self.take_while(|byte| byte != b'}');
        if self.peek(0).is_none() {
            return Err(SyntaxError::new(at, "this { is not closed"));
        }
        self.next += 1;
        Ok(inside)
    }

    fn variable(&mut self) -> Result<Found, SyntaxError> {
        let at = self.place();
        self.next += 1;
        let name = match self.peek(0) {
            Some(b'{') => self.braced()?,
            _ => self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
        };
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(SyntaxError::new(at, "$ is not followed by the name of a variable"));
        }
        let (meaning, rank) = variable(&name);
        let is_list = name.starts_with("upstream_")
            || name == "http_x_forwarded_for"
            || name == "proxy_add_x_forwarded_for";
        let name = format!("${name}");
        Ok(Found::Field(Field { meaning, rank, is_list, name, at, literal: Vec::new() }))
    }

    /// A directive, given the field before it.
    fn directive(&mut self, before: Option<&mut Field>) -> Result<Option<Found>, SyntaxError> {
        let (at, from) = (self.place(), self.next);
        self.next += 1;
        self.take_while(|b| b.is_ascii_digit() || b",!<>".contains(&b));
        let argument = match self.peek(0) {
            Some(b'{') => Some((self.place() + 1, self.braced()?)),
            _ => None,
        };
        // `%>{…}` and `%{…}>` are both in use.
        self.take_while(|b| b"<>".contains(&b));
        let letter = match self.peek(0) {
            Some(b'^') => (0..3).filter_map(|i| self.peek(i)).map(char::from).collect::<String>(),
            Some(letter) => char::from(letter).to_string(),
            None => return Err(SyntaxError::new(at, "% is not followed by a directive")),
        };
        let letter_at = self.place();
        self.next += letter.len();
        let units = &self.units[from..self.next.min(self.units.len())];
        let name =
            String::from_utf8_lossy(&units.iter().map(|u| u.0).collect::<Vec<_>>()).into_owned();
        let field = |meaning, rank| Field {
            meaning,
            rank,
            is_list: false,
            name: name.clone(),
            at,
            literal: Vec::new(),
        };
        if letter == "t" {
            return self.time(argument, before, field).map(Some);
        }
        let argument = argument.map(|(_, text)| text);
        let (meaning, rank) = directive(&letter, argument.as_deref(), name.contains('>'))
            .ok_or_else(|| {
                SyntaxError::new(letter_at, format!("Apache has no directive %{letter}"))
            })?;
        let is_list = argument.is_some_and(|text| text.eq_ignore_ascii_case("x-forwarded-for"));
        Ok(Some(Found::Field(Field { is_list, ..field(meaning, rank) })))
    }

    /// `%t` and `%{…}t`: pieces of one time are joined.
    fn time(
        &self,
        argument: Option<(usize, String)>,
        before: Option<&mut Field>,
        field: impl Fn(Meaning, u8) -> Field,
    ) -> Result<Found, SyntaxError> {
        let Some((_, text)) = argument else {
            return Ok(Found::Brackets(field(Meaning::Time(Layout::Clf), 0)));
        };
        let text = text.strip_prefix("begin:").or(text.strip_prefix("end:")).unwrap_or(&text);
        let codes = match text {
            "sec" => "%s".to_string(),
            "msec" => "%s%3N".to_string(),
            "usec" => "%s%6N".to_string(),
            "msec_frac" => "%3N".to_string(),
            "usec_frac" => "%6N".to_string(),
            codes => codes.to_string(),
        };
        let joins = before.filter(|before| {
            matches!(before.meaning, Meaning::Time(_))
                && before.name.starts_with("%{")
                && before.literal.len() <= 1
                && before.literal.iter().all(|b| b" .,:T-".contains(b))
        });
        if let Some(before) = joins {
            let between = String::from_utf8_lossy(&before.literal).into_owned();
            if let Meaning::Time(Layout::Codes(so_far)) = &mut before.meaning {
                *so_far = format!("{so_far}{between}{codes}").into();
            }
            before.name = format!("{}{between}{}", before.name, field(Meaning::Nothing, 0).name);
            before.literal.clear();
            return Ok(Found::Joined);
        }
        Ok(Found::Field(field(Meaning::Time(Layout::Codes(codes.into())), 0)))
    }
}

/// What a variable of nginx says.
fn variable(name: &str) -> (Meaning, u8) {
    match name {
        "msec" => (Meaning::Time(Layout::Epoch), 0),
        "time_local" => (Meaning::Time(Layout::Clf), 1),
        "time_iso8601" => (Meaning::Time(Layout::Iso), 1),
        "request" => (Meaning::Request, 0),
        "request_method" => (Meaning::Method, 0),
        "request_uri" => (Meaning::Path, 0),
        "uri" => (Meaning::Path, 1),
        "document_uri" => (Meaning::Path, 2),
        "status" => (Meaning::Status, 0),
        "body_bytes_sent" => (Meaning::Size, 0),
        "bytes_sent" => (Meaning::Size, 1),
        "request_time" => (Meaning::Duration(Unit::Seconds), 0),
        "upstream_response_time" => (Meaning::Duration(Unit::Seconds), 1),
        "session_time" => (Meaning::Duration(Unit::Seconds), 2),
        "remote_addr" => (Meaning::Client, 0),
        "realip_remote_addr" => (Meaning::Client, 1),
        "http_referer" => (Meaning::OnRequest(Column::REFERRER), 0),
        "http_user_agent" => (Meaning::OnRequest(Column::USER_AGENT), 0),
        "host" => (Meaning::OnRequest(Column::HOST), 0),
        "http_host" => (Meaning::OnRequest(Column::HOST), 1),
        "server_name" => (Meaning::OnRequest(Column::HOST), 2),
        "server_protocol" => (Meaning::OnRequest(Column::PROTOCOL), 0),
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => (Meaning::Client, 2),
        _ => (Meaning::Nothing, 0),
    }
}

/// What a directive of Apache says; None if there is none of this letter.
fn directive(letter: &str, argument: Option<&str>, is_final: bool) -> Option<(Meaning, u8)> {
    Some(match (letter, argument) {
        ("h" | "a", None) => (Meaning::Client, 0),
        ("a", Some(_)) => (Meaning::Client, 1),
        ("i", Some(name)) if name.eq_ignore_ascii_case("x-forwarded-for") => (Meaning::Client, 2),
        ("i", Some(name)) if name.eq_ignore_ascii_case("referer") => {
            (Meaning::OnRequest(Column::REFERRER), 0)
        }
        ("i", Some(name)) if name.eq_ignore_ascii_case("user-agent") => {
            (Meaning::OnRequest(Column::USER_AGENT), 0)
        }
        ("i", Some(name)) if name.eq_ignore_ascii_case("host") => {
            (Meaning::OnRequest(Column::HOST), 0)
        }
        ("V", None) => (Meaning::OnRequest(Column::HOST), 1),
        ("v", None) => (Meaning::OnRequest(Column::HOST), 2),
        ("H", None) => (Meaning::OnRequest(Column::PROTOCOL), 0),
        ("r", None) => (Meaning::Request, 0),
        ("m", None) => (Meaning::Method, 0),
        ("U", None) => (Meaning::Path, 0),
        ("s", None) => (Meaning::Status, u8::from(!is_final)),
        ("B" | "b", None) => (Meaning::Size, 0),
        ("O", None) => (Meaning::Size, 1),
        ("D", None) | ("T", Some("us")) => (Meaning::Duration(Unit::Microseconds), 0),
        ("T", Some("ms")) => (Meaning::Duration(Unit::Milliseconds), 1),
        ("T", None | Some("s")) => (Meaning::Duration(Unit::Seconds), 2),
        ("T", Some(_)) => return None,
        (
            "A" | "c" | "C" | "e" | "f" | "h" | "H" | "i" | "I" | "k" | "l" | "L" | "m" | "n" | "o",
            _,
        )
        | ("p" | "P" | "q" | "R" | "S" | "u" | "U" | "v" | "V" | "x" | "X" | "^FB" | "^FU", _)
        | ("^ti" | "^to", _) => (Meaning::Nothing, 0),
        _ => return None,
    })
}
