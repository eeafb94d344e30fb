//! The values of keys that a condition or a group table asks for, read beside the record.
//!
//! A second look at lines that are known to be records, only when somebody asks, so that parsers
//! stay as they are. Which keys there are is decided once ([`Keys`]); formats that have keys
//! implement [`LineFormat::keys`](super::LineFormat::keys) by one of the walks below and tell what
//! they find to [`Found`].
//!
//! The name of a value is its key; inside of nested objects all keys on the way joined by dots, as
//! in [`fields`](super::fields), but compared exactly. Text counts, with escapes undone, and so do
//! numbers, `true` and `false` as written; `null`, arrays, objects and empty text are absent. Of
//! repeated keys the first usable value counts. Nothing inside of arrays has a name.
//!
//! A key lies at most [`DEPTH_MAX`] objects deep. `host` is the first of [`HOSTS`] that is there.

use super::fields::unescape;
use super::{json, logfmt};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::record::Field;
use crate::record::Text;

/// Most keys of a job: each costs a column of every batch.
pub const KEYS_MAX: usize = 8;

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

    /// Takes `line[start..end]` for the value of the name `index`.
    fn take(&mut self, index: usize, line: Line<'_>, start: usize, end: usize, escaped: bool) {
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

/// Most names: eight keys, one of which may be the host.
const NAMES_MAX: usize = KEYS_MAX + HOSTS.len();

/// How deep a key may lie.
const DEPTH_MAX: usize = 16;

/// How far each name is matched by the keys around the member at hand; none where they differ.
#[derive(Clone, Copy)]
struct PathMatch([u8; NAMES_MAX]);

const ASTRAY: u8 = u8::MAX;

/// The keys of a JSON record.
#[inline(always)]
pub fn of_json<S: Simd>(simd: S, line: Line<'_>, found: &mut Found<'_>) {
    let mut at = memchr::memchr(b'{', line.bytes()).map_or(line.len(), |i| i + 1);
    let mut ways = [PathMatch([0; NAMES_MAX]); DEPTH_MAX];
    let mut depth = 0;
    // One member or closing bracket per round.
    while at < line.len() {
        match line.byte(at) {
            b'"' => {}
            b'}' if depth == 0 => return,
            b'}' => {
                depth -= 1;
                at += 1;
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        }
        let key = at + 1;
        let Some((key_end, _)) = json::string_end(simd, line, key) else { return };
        let (here, inner) = follow(found.keys, &ways[depth], &line.bytes()[key..key_end]);
        at = key_end + 1;
        while at < line.len() && matches!(line.byte(at), b':' | b' ' | b'\t' | b'\r') {
            at += 1;
        }
        let start = at;
        match line.byte(at) {
            b'"' => {
                let Some((end, escaped)) = json::string_end(simd, line, start + 1) else { return };
                take_all(here, line, start + 1, end, escaped, found);
                at = end + 1;
            }
            b'{' => match inner {
                Some(inner) if depth + 1 < DEPTH_MAX => {
                    depth += 1;
                    ways[depth] = inner;
                    at += 1;
                }
                _ => {
                    let Some(end) = skip(simd, line, at) else { return };
                    at = end;
                }
            },
            b'[' => {
                let Some(end) = skip(simd, line, at) else { return };
                at = end;
            }
            first => {
                while at < line.len()
                    && !matches!(line.byte(at), b',' | b'}' | b' ' | b'\t' | b'\r')
                {
                    at += 1;
                }
                if first != b'n' {
                    take_all(here, line, start, at, false, found);
                }
            }
        }
    }
}

/// The names, as bits, whose value a member with this key is, and how far the names are matched
/// inside of it.
#[inline(always)]
fn follow(keys: &Keys, way: &PathMatch, key: &[u8]) -> (u32, Option<PathMatch>) {
    let mut here = 0;
    let mut inner = None;
    for (i, (name, _, _)) in keys.names.iter().enumerate() {
        if way.0[i] == ASTRAY {
            continue;
        }
        let rest = &name[usize::from(way.0[i])..];
        if rest.len() < key.len() || rest.first() != key.first() || &rest[..key.len()] != key {
            continue;
        }
        if rest.len() == key.len() {
            here |= 1 << i;
        } else if rest[key.len()] == b'.' {
            let inner = inner.get_or_insert(PathMatch([ASTRAY; NAMES_MAX]));
            inner.0[i] = way.0[i] + key.len() as u8 + 1;
        }
    }
    (here, inner)
}

#[inline(always)]
fn take_all(
    mut names: u32,
    line: Line<'_>,
    start: usize,
    end: usize,
    escaped: bool,
    found: &mut Found<'_>,
) {
    while names != 0 {
        found.take(names.trailing_zeros() as usize, line, start, end, escaped);
        names &= names - 1;
    }
}

/// Where the object or array that begins at `at` ends.
#[inline(always)]
fn skip<S: Simd>(simd: S, line: Line<'_>, mut at: usize) -> Option<usize> {
    let mut open = 0usize;
    while at < line.len() {
        match line.byte(at) {
            b'"' => at = json::string_end(simd, line, at + 1)?.0,
            b'{' | b'[' => open += 1,
            b'}' | b']' => {
                open -= 1;
                if open == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The keys of a logfmt record.
#[inline(always)]
pub fn of_logfmt<S: Simd>(simd: S, line: Line<'_>, found: &mut Found<'_>) {
    logfmt::pairs(simd, line, |key, start, end, escaped| {
        for i in 0..found.keys.names.len() {
            if found.keys.names[i].0 == line.bytes()[key.clone()] {
                found.take(i, line, start, end, escaped);
            }
        }
    });
}
