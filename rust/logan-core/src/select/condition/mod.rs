//! Conditions on records: `status>=500 and route~"^/api" and duration>250ms`.
//!
//! A condition is text that people type. [`parse`] turns it into a [`Condition`] or says where it
//! does not fit; the condition's `Display` is its canonical text, which the spec carries;
//! [`evaluate::Selector`] evaluates it over batches. Nothing here knows of files, chunks or metrics.
//!
//! # Grammar
//! ```text
//! condition = all { "or" all }                              also ||
//! all       = one { "and" one }                             also &&
//! one       = "not" one | "(" condition ")" | test          also !
//! test      = field "exists"
//!           | field operator value
//!           | field [ "not" ] "in" "(" value { "," value } ")"
//! operator  = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//! value     = string | word
//! ```
//! A string stands in double or single quotes; a backslash before that quote stands for the quote,
//! any other backslash for itself, so that regular expressions need no doubling. A word is all up
//! to a space or one of `()<>=!~&|,"'\`. Words of the grammar and names of fields may be of either
//! case.
//!
//! | field | values | operators |
//! |---|---|---|
//! | `status` | 0 (no answer), 100 to 999 | all but `~` |
//! | `level` | a name that logs use for it; ordered TRACE DEBUG INFO NOTICE WARN ERROR FATAL, OTHER is none of these | all but `~` |
//! | `duration` | a number and `ns us ms s m h`; without unit in ms | all but `~` |
//! | `bytes` | a number, possibly with `kB MB GB KiB MiB GiB` | all but `~` |
//! | `time` | a date, or date and time as [`crate::time::moment`] reads them | all but `~` |
//! | `route` | folded as in the report's routes; and the same with its method and a space before it: one of the two must fit | `= != ~ !~ in` |
//! | `path` | as written, without query | `= != ~ !~ in` |
//! | `method`, `client`, `message`, `format`, `user_agent`, `referrer`, `host` | text | `= != ~ !~ in` |
//! | `json.NAME`, `logfmt.NAME` | text, or a number as a word; both look at JSON and logfmt | all, `< <= > >=` with numbers |
//!
//! `NAME` is a key; inside of nested objects all keys on the way joined by dots; what is not made of
//! letters, digits and `_-@$` is quoted: `json."user id"`. `~` is a search for a regular expression
//! of the [`regex`] crate in the bytes.
//!
//! **Absent values.** A record that does not carry the field fails every comparison with it, `!=`
//! and `!~` too. `field exists` asks for that alone. Empty text counts as absent.

pub mod evaluate;
pub mod group;
mod parse;

pub use parse::{field, parse};

use crate::record::{Field, Level, Quoted};
use crate::time::rfc3339;
use std::fmt;

/// Longest condition in bytes: what people type is far shorter.
pub const CONDITION_BYTES_MAX: usize = 4_096;
/// How deep parentheses and `not` may nest.
pub const DEPTH_MAX: usize = 64;
/// Most tests of a condition, each value of a list counted.
pub const TESTS_MAX: usize = 256;
/// Longest name of a JSON or logfmt key.
pub const KEY_BYTES_MAX: usize = 200;

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `~`
    Matches,
    /// `!~`
    Differs,
}

impl Operator {
    fn name(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::Unequal => "!=",
            Operator::Less => "<",
            Operator::AtMost => "<=",
            Operator::More => ">",
            Operator::AtLeast => ">=",
            Operator::Matches => "~",
            Operator::Differs => "!~",
        }
    }
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A status, a number of bytes, or nanoseconds, as the field has it.
    Number(u64),
    /// A level.
    Level(Level),
    /// Nanoseconds since 1970.
    Time(i64),
    /// A number to compare a key with, as typed.
    Decimal(String),
    /// Text, or a regular expression.
    Text(String),
}

/// A question about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// Whether it is there.
    Exists,
    /// Whether it compares so.
    Compare(Operator, Value),
    /// Whether it is one of these, or, negated, none of them.
    In(bool, Vec<Value>),
}

/// A parsed condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All hold.
    All(Vec<Condition>),
    /// One holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A question.
    Test(Field, Check),
}

impl Condition {
    /// Every field asked for, in the order in which they stand.
    pub fn fields(&self) -> Vec<&Field> {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().flat_map(Condition::fields).collect()
            }
            Condition::Not(part) => part.fields(),
            Condition::Test(field, _) => vec![field],
        }
    }
}

/// What does not fit in a condition, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte of the text at which it does not fit.
    pub position: usize,
    /// Why, in words.
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Nanoseconds in the largest unit that divides them.
struct Nanos(u64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] =
            [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
        let unit = UNITS.iter().find(|(nanos, _)| self.0 != 0 && self.0.is_multiple_of(*nanos));
        let (nanos, name) = unit.unwrap_or(&UNITS[1]);
        write!(f, "{}{name}", self.0 / nanos)
    }
}

struct Shown<'a>(&'a Field, &'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Value::Number(nanos) if *self.0 == Field::Duration => write!(f, "{}", Nanos(*nanos)),
            Value::Number(number) => write!(f, "{number}"),
            Value::Level(level) => f.write_str(level.name()),
            Value::Time(nanos) => write!(f, "{}", Quoted(&rfc3339(*nanos))),
            Value::Decimal(number) => f.write_str(number),
            Value::Text(text) => write!(f, "{}", Quoted(text)),
        }
    }
}

impl fmt::Display for Condition {
    /// The canonical text: it parses to an equal condition, and equal conditions have equal text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Condition], word: &str| {
            parts.iter().enumerate().try_for_each(|(i, part)| {
                let between = if i > 0 { word } else { "" };
                match part {
                    Condition::All(_) | Condition::Any(_) => write!(f, "{between}({part})"),
                    _ => write!(f, "{between}{part}"),
                }
            })
        };
        match self {
            Condition::All(parts) => joined(f, parts, " and "),
            Condition::Any(parts) => joined(f, parts, " or "),
            Condition::Not(part) => match &**part {
                Condition::All(_) | Condition::Any(_) => write!(f, "not ({part})"),
                part => write!(f, "not {part}"),
            },
            Condition::Test(field, Check::Exists) => write!(f, "{field} exists"),
            Condition::Test(field, Check::Compare(operator, value)) => {
                write!(f, "{field} {} {}", operator.name(), Shown(field, value))
            }
            Condition::Test(field, Check::In(negated, values)) => {
                write!(f, "{field} {}in (", if *negated { "not " } else { "" })?;
                values.iter().enumerate().try_for_each(|(i, value)| {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, Shown(field, value))
                })?;
                f.write_str(")")
            }
        }
    }
}
