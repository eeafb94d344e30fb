//! The values of keys that a condition or a group table asks for, read beside the record.
//!
//! A second look at lines that are known to be records, only when a job asks, so that parsers
//! stay as they are. Which keys there are is decided once ([`Keys`]); formats that have keys
//! implement [`LineFormat::keys`](super::LineFormat::keys) and tell what they find to [`Found`].
//!
//! The name of a value is its key; inside of nested objects all keys on the way joined by dots, as
//! in [`fields`](super::fields), but compared exactly. Text counts, with escapes undone, and so do
//! numbers, `true` and `false` as written; `null`, arrays, objects and empty text are absent. Of
//! repeated keys the first usable value counts. Nothing inside of arrays has a name.

use super::fields::unescape;
use crate::bytes::line::Line;
use crate::record::Field;
use crate::record::Text;

/// Most keys of a job: each costs a column of every batch.
pub const KEYS_MAX: usize = 8;

/// The keys of a job, each with its column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// For each column, what it is.
    fields: Vec<Field>,
    /// For each column, the name that is looked for.
    names: Vec<Vec<u8>>,
}

impl Keys {
    /// The keys among these fields.
    pub fn among<'f>(fields: impl IntoIterator<Item = &'f Field>) -> Keys {
        let mut keys = Keys::default();
        for field in fields {
            if keys.place(field).is_some() {
                continue;
            }
            let Field::Key(_, name) = field else { continue };
            keys.names.push(name.as_bytes().into());
            keys.fields.push(field.clone());
        }
        keys
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.fields.len()
    }

    /// The column of this field.
    pub fn place(&self, field: &Field) -> Option<usize> {
        self.fields.iter().position(|known| match (known, field) {
            (Field::Key(_, a), Field::Key(_, b)) => a == b,
            (a, b) => a == b,
        })
    }
}

/// What was found in one line.
pub struct Found<'a> {
    keys: &'a Keys,
    arena: &'a mut Vec<u8>,
    texts: [Text; KEYS_MAX],
}

impl<'a> Found<'a> {
    /// Nothing yet.
    pub fn new(keys: &'a Keys, arena: &'a mut Vec<u8>) -> Found<'a> {
        Found { keys, arena, texts: [Text::NONE; KEYS_MAX] }
    }

    /// The columns' texts, ranges of the line or of the arena.
    pub fn texts(&self) -> &[Text] {
        &self.texts[..self.keys.columns()]
    }

    /// The names that are looked for; where one stands in this list is its index.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.keys.names.iter().map(Vec::as_slice)
    }

    /// Takes `line[start..end]` for the value of the name `index`.
    pub(super) fn take(
        &mut self,
        index: usize,
        line: Line<'_>,
        start: usize,
        end: usize,
        escaped: bool,
    ) {
        if start >= end || !self.texts[index].is_empty() {
            return;
        }
        self.texts[index] = if escaped {
            let from = self.arena.len();
            unescape(&line.bytes()[start..end], self.arena);
            Text::of_arena(from, self.arena.len())
        } else {
            Text::of_line(start, end)
        };
    }
}
