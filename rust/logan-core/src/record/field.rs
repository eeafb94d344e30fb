//! What of a record users may ask for, by name.

use super::{Column, Columns};
use std::fmt;

/// What of a record a condition or a group table asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// HTTP status.
    Status,
    /// Severity.
    Level,
    /// Response time.
    Duration,
    /// Bytes of the response.
    Bytes,
    /// Time of the record.
    Time,
    /// Folded path.
    Route,
    /// Path without query.
    Path,
    /// HTTP method.
    Method,
    /// Client that sent the request.
    Client,
    /// Message.
    Message,
    /// Name of the format.
    Format,
    /// A column of texts that is looked for on request.
    Text(Column),
    /// A key of JSON or logfmt: the prefix that was typed, and the name.
    Key(Prefix, String),
}

/// How the name of a key is introduced; both mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prefix {
    /// `json.`
    Json,
    /// `logfmt.`
    Logfmt,
}

impl Field {
    /// Fields that have names, each with its name.
    pub fn named() -> impl Iterator<Item = (&'static str, Field)> {
        let on_request = Columns::ON_REQUEST.iter();
        let on_request = on_request.map(|column| (column.name(), Field::Text(column)));
        Field::FIXED.into_iter().chain(on_request)
    }

    const FIXED: [(&'static str, Field); 11] = [
        ("status", Field::Status),
        ("level", Field::Level),
        ("duration", Field::Duration),
        ("bytes", Field::Bytes),
        ("time", Field::Time),
        ("route", Field::Route),
        ("path", Field::Path),
        ("method", Field::Method),
        ("client", Field::Client),
        ("message", Field::Message),
        ("format", Field::Format),
    ];

    /// Whether group tables can be made by it: its values are names, not measurements.
    pub fn groups(&self) -> bool {
        !matches!(self, Field::Duration | Field::Bytes | Field::Time | Field::Message)
    }

    /// Whether its values are text.
    pub fn is_text(&self) -> bool {
        !matches!(self, Field::Status | Field::Level | Field::Duration | Field::Bytes | Field::Time)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Field::Key(prefix, name) = self {
            f.write_str(match prefix {
                Prefix::Json => "json",
                Prefix::Logfmt => "logfmt",
            })?;
            return name.split('.').try_for_each(|part| match part {
                part if !part.is_empty() && part.bytes().all(is_key_byte) => {
                    write!(f, ".{part}")
                }
                part => write!(f, ".{}", Quoted(part)),
            });
        }
        let named = Field::named().find(|(_, field)| field == self);
        f.write_str(named.map_or("", |(name, _)| name))
    }
}

/// Whether a byte may stand in an unquoted part of a key's name.
pub(crate) fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'@' | b'$')
}

/// Text in the quotes of conditions.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Backslashes right before a quote are written twice, as those stand for quotes.
        f.write_str("\"")?;
        let mut parts = self.0.split('"').peekable();
        while let Some(part) = parts.next() {
            let backslashes = part.len() - part.trim_end_matches('\\').len();
            write!(f, "{part}{}", "\\".repeat(backslashes))?;
            f.write_str(if parts.peek().is_some() { "\\\"" } else { "\"" })?;
        }
        Ok(())
    }
}
