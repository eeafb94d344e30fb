//! The values of keys that a condition or a group table asks for, read beside the record.
//!
//! A second look at lines that are known to be records, only when somebody asks, so that parsers
//! stay as they are. Which keys there are is decided once ([`Keys`]); formats that have keys
//! implement [`LineFormat::keys`](super::LineFormat::keys) and tell what they find to [`Found`].
//!
//! The name of a value is its key; inside of nested objects all keys on the way joined by dots, as
//! in [`fields`](super::fields), but compared exactly. Text counts, with escapes undone, and so do
//! numbers, `true` and `false` as written; `null`, arrays, objects and empty text are absent. Of
//! repeated keys the first usable value counts. Nothing inside of arrays has a name.
//!
//! `host` is the first of [`HOSTS`] that is there.

use super::fields::unescape;
use crate::bytes::line::Line;
use crate::record::Field;
use crate::record::Text;

/// Most keys of a job: each costs a column of every batch.
pub const KEYS_MAX: usize = 8;

/// Most names: eight keys, one of which may be the host.
pub(super) const NAMES_MAX: usize = KEYS_MAX + HOSTS.len();

/// Names of the host that answered or logged, the most telling first.
pub const HOSTS: [&str; 8] = [
    "host",
    "hostname",
    "host.name",
    "host.hostname",
    "request.host",
    "vhost",
    "server_name",
    "http.host",
];

/// The keys of a job, each with its column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// For each column, what it is.
    fields: Vec<Field>,
    /// Names, each with its column and its rank in it: the lowest counts.
    names: Vec<(Vec<u8>, usize, u8)>,
    host: Option<usize>,
}

impl Keys {
    /// The keys among these fields.
    pub fn among<'f>(fields: impl IntoIterator<Item = &'f Field>) -> Keys {
        let mut keys = Keys::default();
        for field in fields {
            if keys.place(field).is_some() {
                continue;
            }
            let column = keys.fields.len();
            match field {
                Field::Host => {
                    let names = HOSTS.iter().zip(0u8..);
                    keys.names
                        .extend(names.map(|(name, rank)| (name.as_bytes().into(), column, rank)));
                    keys.host = Some(column);
                }
                Field::Key(_, name) => keys.names.push((name.as_bytes().into(), column, 0)),
                _ => continue,
            }
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
    ranks: [u8; KEYS_MAX],
}

impl<'a> Found<'a> {
    /// Nothing yet.
    pub fn new(keys: &'a Keys, arena: &'a mut Vec<u8>) -> Found<'a> {
        Found { keys, arena, texts: [Text::NONE; KEYS_MAX], ranks: [u8::MAX; KEYS_MAX] }
    }

    /// The columns' texts, ranges of the line or of the arena.
    pub fn texts(&self) -> &[Text] {
        &self.texts[..self.keys.columns()]
    }

    /// Takes `line[start..end]` for the host, unless one was found.
    pub fn host(&mut self, start: usize, end: usize) {
        if let Some(column) = self.keys.host
            && self.texts[column].is_empty()
        {
            self.texts[column] = Text::of_line(start, end);
        }
    }

    /// Whether anybody asks for the host.
    pub fn wants_host(&self) -> bool {
        self.keys.host.is_some()
    }

    /// The names that are looked for; where one stands in this list is its index.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.keys.names.iter().map(|(name, ..)| name.as_slice())
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
        let (_, column, rank) = self.keys.names[index];
        if start >= end || rank >= self.ranks[column] {
            return;
        }
        self.texts[column] = if escaped {
            let from = self.arena.len();
            unescape(&line.bytes()[start..end], self.arena);
            Text::of_arena(from, self.arena.len())
        } else {
            Text::of_line(start, end)
        };
        self.ranks[column] = rank;
    }
}
