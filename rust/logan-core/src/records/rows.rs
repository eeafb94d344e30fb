//! The rows of one column, of whichever type it is, until they become an array.

use super::columns::{KeyType, Origin};
use super::dictionary::DictionaryRows;
use super::text::TextRows;
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int16Builder, Int64Builder,
    TimestampNanosecondBuilder,
};
use std::sync::Arc;

/// The rows of one column.
pub(super) enum Rows {
    Time(TimestampNanosecondBuilder),
    Status(Int16Builder),
    Integer(Int64Builder),
    Float(Float64Builder),
    Boolean(BooleanBuilder),
    Bytes(BinaryBuilder),
    Text(TextRows),
    Dictionary(Box<DictionaryRows>),
}

impl Rows {
    pub(super) fn new(origin: &Origin) -> Rows {
        match origin {
            Origin::Time => Rows::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            Origin::Status => Rows::Status(Int16Builder::new()),
            Origin::DurationMs | Origin::Key(_, KeyType::Float) => {
                Rows::Float(Float64Builder::new())
            }
            Origin::DurationNs
            | Origin::Bytes
            | Origin::Offset
            | Origin::Line
            | Origin::Key(_, KeyType::Integer) => Rows::Integer(Int64Builder::new()),
            Origin::Key(_, KeyType::Boolean) => Rows::Boolean(BooleanBuilder::new()),
            Origin::Raw => Rows::Bytes(BinaryBuilder::new()),
            Origin::Message
            | Origin::Path
            | Origin::Query
            | Origin::Client
            | Origin::Key(_, KeyType::Text) => Rows::Text(TextRows::default()),
            Origin::Level
            | Origin::Method
            | Origin::Route
            | Origin::Format
            | Origin::Source
            | Origin::Text(_)
            | Origin::Kind
            | Origin::Reason => Rows::Dictionary(Box::default()),
        }
    }

    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Rows::Text(rows) => rows.bytes(),
            Rows::Bytes(rows) => rows.values_slice().len(),
            Rows::Dictionary(rows) => rows.bytes(),
            _ => 0,
        }
    }

    pub(super) fn push_nulls(&mut self, count: usize) {
        match self {
            Rows::Time(rows) => rows.append_nulls(count),
            Rows::Status(rows) => rows.append_nulls(count),
            Rows::Integer(rows) => rows.append_nulls(count),
            Rows::Float(rows) => rows.append_nulls(count),
            Rows::Boolean(rows) => rows.append_nulls(count),
            Rows::Bytes(rows) => rows.append_nulls(count),
            Rows::Text(rows) => rows.push_nulls(count),
            Rows::Dictionary(rows) => rows.push_nulls(count),
        }
    }

    #[inline(always)]
    pub(super) fn push_text(&mut self, text: &[u8]) {
        match self {
            Rows::Text(rows) => rows.push(text),
            Rows::Dictionary(rows) => rows.push(text),
            _ => unreachable!("the column holds text"),
        }
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        match self {
            Rows::Time(rows) => Arc::new(rows.finish()),
            Rows::Status(rows) => Arc::new(rows.finish()),
            Rows::Integer(rows) => Arc::new(rows.finish()),
            Rows::Float(rows) => Arc::new(rows.finish()),
            Rows::Boolean(rows) => Arc::new(rows.finish()),
            Rows::Bytes(rows) => Arc::new(rows.finish()),
            Rows::Text(rows) => Arc::new(rows.finish()),
            Rows::Dictionary(rows) => rows.finish(),
        }
    }
}

/// Appends the value of a key; whether it fits the type.
pub(super) fn push_key(rows: &mut Rows, read_as: KeyType, value: &[u8]) -> bool {
    if value.is_empty() {
        rows.push_nulls(1);
        return true;
    }
    let shown = || std::str::from_utf8(value).ok().map(str::trim);
    let fits = match (read_as, &mut *rows) {
        (KeyType::Integer, Rows::Integer(rows)) => {
            shown().and_then(|text| text.parse().ok()).map(|number| rows.append_value(number))
        }
        (KeyType::Float, Rows::Float(rows)) => shown()
            .and_then(|text| text.parse::<f64>().ok())
            .map(|number| rows.append_value(number)),
        (KeyType::Boolean, Rows::Boolean(rows)) => match value {
            b"true" | b"false" => {
                rows.append_value(value == b"true");
                Some(())
            }
            _ => None,
        },
        (_, rows) => {
            rows.push_text(value);
            Some(())
        }
    };
    if fits.is_none() {
        rows.push_nulls(1);
    }
    fits.is_some()
}
