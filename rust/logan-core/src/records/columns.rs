//! The columns of records: their names, their Arrow types, and what they mean.
//!
//! Types are fixed by the column alone, never by the data: what a file holds in one part it holds in
//! all. Names are those of conditions and group tables, where these have the field.

use crate::error::Error;
use crate::record::{Column, Field};
use crate::select::condition;
use arrow_schema::{DataType, Field as ArrowField, Schema, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// Where a column's values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Time of the record.
    Time,
    /// Severity.
    Level,
    /// Message; of a line that is no record, the line.
    Message,
    /// HTTP method.
    Method,
    /// Path of the request without its query.
    Path,
    /// What follows the path.
    Query,
    /// Method and path with ids folded.
    Route,
    /// HTTP status.
    Status,
    /// Response time in milliseconds.
    DurationMs,
    /// Response time in nanoseconds.
    DurationNs,
    /// Bytes of the response.
    Bytes,
    /// Client.
    Client,
    /// Name of the format.
    Format,
    /// Name of the input.
    Source,
    /// Where the line starts.
    Offset,
    /// Number of the line.
    Line,
    /// The line itself.
    Raw,
    /// A column that is looked for on request.
    Text(Column),
    /// A key of JSON or logfmt.
    Key(Field, KeyType),
    /// Whether the row is a record.
    Kind,
    /// Why a line is malformed.
    Reason,
}

/// What the values of a key are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    /// Text as written, escapes undone.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A number.
    Float,
    /// `true` or `false`.
    Boolean,
}

const KEY_TYPES: [(&str, KeyType); 4] = [
    ("str", KeyType::Text),
    ("int", KeyType::Integer),
    ("float", KeyType::Float),
    ("bool", KeyType::Boolean),
];

/// A column of the batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordColumn {
    /// Its name in the schema.
    pub name: String,
    /// Where its values are.
    pub origin: Origin,
}

/// A column with a name of its own, and what users may know of it.
pub struct Named {
    /// The name.
    pub name: &'static str,
    /// Whether it is there unless others are named.
    pub standard: bool,
    /// One sentence.
    pub doc: &'static str,
}

const fn named(name: &'static str, standard: bool, doc: &'static str) -> Named {
    Named { name, standard, doc }
}

/// The columns that have names, in their order.
pub const NAMED: [Named; 21] = [
    named("time", true, "Time of the record; null if it has none."),
    named("level", true, "Severity: TRACE, DEBUG, INFO, WARN, ERROR or FATAL."),
    named("message", true, "First line of the message; of a line that is not a record, the line."),
    named("method", true, "HTTP method."),
    named("path", true, "Path of the request as written, without its query."),
    named("route", true, "Method and path with ids replaced by {id}."),
    named("status", true, "HTTP status; 0 if the request got no answer."),
    named("duration_ms", true, "Response time in milliseconds."),
    named("bytes", true, "Bytes of the response."),
    named("client", true, "Address or name of the client."),
    named("host", true, "Host that the client asked for, or else the host that logged."),
    named("user_agent", true, "User agent of the client as written."),
    named("referrer", true, "URL that led the client here, as written."),
    named("format", true, "Log format that the line was read as."),
    named("source", true, "Name of the input."),
    named("offset", true, "Byte of the input, decoded, at which the line starts."),
    named("line", false, "Number of the line in its input, from 1."),
    named("duration_ns", false, "Response time in nanoseconds."),
    named("query", false, "Query of the request as written, without its question mark."),
    named("protocol", false, "Protocol of the request as written, such as HTTP/1.1."),
    named("raw", false, "Bytes of the line as they are, without its newline."),
];

/// Columns that come with lines that are not records, and what they mean.
const OTHERS: [(&str, Origin, &str); 2] = [
    ("kind", Origin::Kind, "record, malformed or continuation."),
    ("reason", Origin::Reason, "Why a malformed line is malformed."),
];

impl RecordColumn {
    /// The column of this name: one of [`NAMED`], or a key such as `json.user_id` or
    /// `json.user_id:int`. None if it is unknown.
    ///
    /// # Errors
    /// [`Error::Spec`] for a key that cannot be one.
    pub fn parse(text: &str) -> Result<Option<RecordColumn>, Error> {
        let (name, read_as) = match text.rsplit_once(':') {
            Some((name, suffix)) => match KEY_TYPES.iter().find(|(known, _)| *known == suffix) {
                Some((_, read_as)) => (name, Some(*read_as)),
                None => (text, None),
            },
            None => (text, None),
        };
        if let Some(origin) = origin_of(name) {
            let column = RecordColumn { name: name.into(), origin };
            return match read_as {
                None => Ok(Some(column)),
                Some(_) => Err(Error::Spec(format!(
                    "the column {text:?}: only keys such as json.KEY can be given a type"
                ))),
            };
        }
        if !name.starts_with("json.") && !name.starts_with("logfmt.") {
            return Ok(None);
        }
        match condition::field(name) {
            Ok(field @ Field::Key(..)) => {
                let origin = Origin::Key(field.clone(), read_as.unwrap_or(KeyType::Text));
                Ok(Some(RecordColumn { name: field.to_string(), origin }))
            }
            Ok(_) => Ok(None),
            Err(error) => Err(Error::Spec(format!("the column {text:?}: {}", error.message))),
        }
    }

    /// The columns that there are unless others are named.
    pub fn standard() -> Vec<RecordColumn> {
        let names = NAMED.iter().filter(|column| column.standard).map(|column| column.name);
        let column =
            |name: &str| Some(RecordColumn { name: name.into(), origin: origin_of(name)? });
        names.filter_map(column).collect()
    }

    /// The columns that come with lines that are not records.
    pub fn of_other_lines() -> Vec<RecordColumn> {
        let column = |(name, origin, _): &(&str, Origin, &str)| RecordColumn {
            name: (*name).into(),
            origin: origin.clone(),
        };
        OTHERS.iter().map(column).collect()
    }

    /// What a parser has to look for, if it does not anyway.
    pub fn field(&self) -> Option<Field> {
        Some(match &self.origin {
            Origin::Message => Field::Message,
            Origin::Format => Field::Format,
            Origin::Text(column) => Field::Text(*column),
            Origin::Key(field, _) => field.clone(),
            _ => return None,
        })
    }

    /// Its Arrow type.
    pub fn data_type(&self) -> DataType {
        match &self.origin {
            Origin::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
            Origin::Status => DataType::Int16,
            Origin::DurationMs | Origin::Key(_, KeyType::Float) => DataType::Float64,
            Origin::DurationNs
            | Origin::Bytes
            | Origin::Offset
            | Origin::Line
            | Origin::Key(_, KeyType::Integer) => DataType::Int64,
            Origin::Key(_, KeyType::Boolean) => DataType::Boolean,
            Origin::Raw => DataType::Binary,
            Origin::Message
            | Origin::Path
            | Origin::Query
            | Origin::Client
            | Origin::Key(_, KeyType::Text) => DataType::Utf8,
            Origin::Level
            | Origin::Method
            | Origin::Route
            | Origin::Format
            | Origin::Source
            | Origin::Text(_)
            | Origin::Kind
            | Origin::Reason => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
        }
    }

    /// What it means, in one sentence.
    pub fn doc(&self) -> String {
        let other = OTHERS.iter().find(|(name, ..)| *name == self.name).map(|(.., doc)| *doc);
        let known = NAMED.iter().find(|column| column.name == self.name).map(|column| column.doc);
        match (&self.origin, known.or(other)) {
            (Origin::Key(..), _) => format!("Value of the key {}.", self.name),
            (_, Some(doc)) => doc.into(),
            (_, None) => String::new(),
        }
    }
}

fn origin_of(name: &str) -> Option<Origin> {
    Some(match name {
        "time" => Origin::Time,
        "level" => Origin::Level,
        "message" => Origin::Message,
        "method" => Origin::Method,
        "path" => Origin::Path,
        "query" => Origin::Query,
        "route" => Origin::Route,
        "status" => Origin::Status,
        "duration_ms" => Origin::DurationMs,
        "duration_ns" => Origin::DurationNs,
        "bytes" => Origin::Bytes,
        "client" => Origin::Client,
        "format" => Origin::Format,
        "source" => Origin::Source,
        "offset" => Origin::Offset,
        "line" => Origin::Line,
        "raw" => Origin::Raw,
        other => Origin::Text(Column::on_request(other)?),
    })
}

/// The schema of these columns, each with what it means as `description`.
pub fn schema_of(columns: &[RecordColumn]) -> Arc<Schema> {
    let field = |column: &RecordColumn| {
        let nullable = !matches!(column.origin, Origin::Source | Origin::Offset | Origin::Kind);
        ArrowField::new(&column.name, column.data_type(), nullable)
            .with_metadata(HashMap::from([("description".into(), column.doc())]))
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Columns;

    #[test]
    fn every_named_column_is_one() {
        for column in &NAMED {
            let parsed = RecordColumn::parse(column.name).unwrap().expect(column.name);
            assert_eq!(parsed.name, column.name);
            assert_eq!(parsed.doc(), column.doc);
        }
        for column in Columns::ON_REQUEST.iter() {
            assert!(NAMED.iter().any(|named| named.name == column.name()), "{}", column.name());
        }
    }

    #[test]
    fn keys_may_be_typed() {
        let parse = |text| RecordColumn::parse(text).unwrap();
        let read_as = |text| match parse(text).expect(text).origin {
            Origin::Key(_, read_as) => read_as,
            other => panic!("{other:?}"),
        };
        assert_eq!(read_as("json.user_id"), KeyType::Text);
        assert_eq!(read_as("json.user_id:int"), KeyType::Integer);
        assert_eq!(read_as("logfmt.x:float"), KeyType::Float);
        assert_eq!(read_as("json.a.b:bool"), KeyType::Boolean);
        assert_eq!(parse("json.user_id:int").unwrap().name, "json.user_id");
        assert!(parse("statsu").is_none());
        assert!(RecordColumn::parse("status:int").is_err());
        assert!(RecordColumn::parse("json.").is_err());
    }
}
