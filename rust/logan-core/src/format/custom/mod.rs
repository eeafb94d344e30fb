//! A format of the user's own: the text of a server's `log_format` or `LogFormat`, or a regular
//! expression with named groups.
//!
//! Knows nothing of files or options; a text goes in, a parser or a [`SyntaxError`] with its position
//! comes out. The text travels in [`Params::pattern`](super::Params) and is compiled once per
//! scanner: [`pattern`] turns servers' dialects into fields with literals between them,
//! [`template`] reads lines by them, [`groups`] reads lines by regular expressions, [`moment`]
//! reads their times.
//!
//! # Which dialect
//! A prefix `nginx:`, `apache:` or `regex:` decides (`regex[LAYOUT]:` also says how the time is
//! laid out, in the codes of `strftime`). Without one, in this order: a text that begins with the
//! directive `log_format` is nginx's, with `LogFormat` Apache's; a named group (`(?<` or `(?P<`)
//! makes it a regular expression, `$name` or `${name}` nginx's, and `%` before a letter, `{`, `>`
//! or `<` Apache's.
//!
//! # What fields mean
//! Where several fields say the same, the best one counts and the others are passed over:
//!
//! | | nginx | Apache |
//! |---|---|---|
//! | time | `$msec`, else `$time_local`, `$time_iso8601` | `%t`, `%{…}t` |
//! | response time | `$request_time` [s], else `$upstream_response_time` [s, a list is added up] | `%D`, `%{us}T` [µs], else `%{ms}T`, else `%T` [s] |
//! | status | `$status` | `%>s`, else `%s` |
//! | size | `$body_bytes_sent`, else `$bytes_sent` | `%B` `%b`, else `%O` |
//! | route | `$request`, else `$request_method` and `$request_uri`, else `$uri` | `%r`, else `%m` and `%U` |
//! | client | `$remote_addr`, else `$realip_remote_addr`, else the first of `$http_x_forwarded_for` | `%h` `%a`, else `%{c}a`, else the first of `%{X-Forwarded-For}i` |
//!
//! All other fields are passed over. `-` and nothing at all are an absent value of any field.

mod groups;
mod moment;
mod pattern;
mod template;

use super::{Format, Info};
use crate::error::Error;
use serde::Serialize;

/// The name under which specs and summaries know formats of users' own.
pub const NAME: &str = "custom";

/// Longest text of a format: servers refuse lines of configuration longer than this.
pub const PATTERN_BYTES_MAX: usize = 16 << 10;

/// What is known of every format of users' own.
pub static INFO: Info = Info {
    name: NAME,
    title: "a format of your own: nginx's log_format, Apache's LogFormat, or a regular expression",
    example: "",
    time_field: "as the format says",
    duration: None,
};

/// Where and why a text is no format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Byte of the text.
    at: usize,
    message: String,
}

impl SyntaxError {
    fn new(at: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { at, message: message.into() }
    }
}

/// What a text was understood as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// `nginx`, `apache` or `regex`.
    pub dialect: &'static str,
    /// The field that is the time.
    pub time_field: Option<String>,
    /// The field that is the response time.
    pub duration_field: Option<String>,
    /// Its unit, or `in the text`.
    pub duration_unit: Option<&'static str>,
}

/// A text that was understood.
struct Compiled {
    description: Description,
    format: Box<dyn Format>,
}

/// The parser of a text.
///
/// # Errors
/// [`Error::Format`] with the position of the mistake.
pub fn build(text: &str) -> Result<Box<dyn Format>, Error> {
    Ok(compiled(text)?.format)
}

/// What a text is understood as.
///
/// # Errors
/// [`Error::Format`] with the position of the mistake.
pub fn describe(text: &str) -> Result<Description, Error> {
    Ok(compiled(text)?.description)
}

fn compiled(text: &str) -> Result<Compiled, Error> {
    compile(text).map_err(|misfit| {
        let position = text.char_indices().take_while(|(at, _)| *at < misfit.at).count();
        Error::Format { text: text.into(), position, message: misfit.message }
    })
}

fn compile(text: &str) -> Result<Compiled, SyntaxError> {
    if text.len() > PATTERN_BYTES_MAX {
        let message = format!("a format has at most {PATTERN_BYTES_MAX} bytes");
        return Err(SyntaxError::new(PATTERN_BYTES_MAX, message));
    }
    if let Some(newline) = text.find('\0') {
        return Err(SyntaxError::new(newline, "a format is text without NUL"));
    }
    for (prefix, dialect) in [("nginx:", Dialect::Nginx), ("apache:", Dialect::Apache)] {
        if text.starts_with(prefix) {
            return template::compile(dialect, pattern::fields(dialect, text, prefix.len())?);
        }
    }
    if text.starts_with("regex:") {
        return groups::compile(text, "regex:".len(), None);
    }
    if text.starts_with("regex[") {
        let start = "regex[".len();
        let len = text[start..].find("]:");
        let len =
            len.ok_or_else(|| SyntaxError::new(text.len(), "the layout is not closed by ]:"))?;
        return groups::compile(text, start + len + 2, Some((start, &text[start..start + len])));
    }
    match recognised(text) {
        Some(Dialect::Regex) => groups::compile(text, 0, None),
        Some(dialect) => template::compile(dialect, pattern::fields(dialect, text, 0)?),
        None => Err(SyntaxError::new(
            0,
            "this is not a valid format: it has neither $variables (nginx) nor %directives (Apache) nor \
             named groups (?<name>…)",
        )),
    }
}

/// Whose language a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Nginx,
    Apache,
    Regex,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Dialect::Nginx => "nginx",
            Dialect::Apache => "apache",
            Dialect::Regex => "regex",
        }
    }
}

fn recognised(text: &str) -> Option<Dialect> {
    let follows = |sign: u8, fits: fn(u8) -> bool| {
        text.as_bytes().windows(2).any(|pair| pair[0] == sign && fits(pair[1]))
    };
    let bare = text.trim_start();
    let named = |at: usize| {
        let rest = &text.as_bytes()[at + 2..];
        matches!(rest, [b'P', b'<', ..])
            || matches!(rest, [b'<', next, ..] if !b"=!".contains(next))
    };
    if bare.starts_with("log_format") {
        Some(Dialect::Nginx)
    } else if bare.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("LogFormat")) {
        Some(Dialect::Apache)
    } else if text.match_indices("(?").any(|(at, _)| named(at)) {
        Some(Dialect::Regex)
    } else if follows(b'$', |b| b.is_ascii_alphabetic() || b == b'_' || b == b'{') {
        Some(Dialect::Nginx)
    } else if follows(b'%', |b| b.is_ascii_alphabetic() || b"{<>!^".contains(&b)) {
        Some(Dialect::Apache)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
