//! Evaluates a condition over a batch: columns in, a mask of rows out.
//!
//! Everything about numbers becomes ranges, levels and formats become sets, so that a test of a
//! column is one pass of comparisons. Tests of text run only on rows that the tests before them
//! left open, and within `and` and `or` the cheap ones come first: the order never shows in the
//! outcome.

use super::{Check, Condition, Operator, Value, parse};
use crate::bytes::simd::Simd;
use crate::format::keys::Keys;
use crate::format::{PLACES, name_at};
use crate::record::{
    Batch, Block, Column, Field, Level, Mask, NO_ANSWER, NO_BYTES, NO_DURATION, NO_STATUS, NO_TIME,
    RouteNormalizer,
};
use regex::bytes::Regex;

/// A compiled condition.
pub struct Selector {
    root: Node,
    folder: RouteNormalizer,
}

enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

/// Numbers from the first to the last; none of them stands for an absent value.
type Ranges = Vec<(u64, u64)>;

enum Test {
    Status(Ranges),
    Duration(Ranges),
    Bytes(Ranges),
    /// Times, shifted so that their order is that of unsigned numbers.
    Time(Ranges),
    /// Bit i: `Level as u8 == i`.
    Levels(u16),
    /// Bit i: the format at place i of the registry.
    Formats(u64),
    Text(Place, TextTest),
}

/// Where the text of a field is.
enum Place {
    Route,
    Path,
    Method,
    Client,
    Message,
    Text(Column),
    /// The extra column of this index.
    Extra(usize),
}

enum TextTest {
    Exists,
    /// One of these texts or numbers, or, negated, none of them.
    Among(bool, Vec<Vec<u8>>, Vec<f64>),
    Matches(bool, Box<Regex>),
    /// As a number.
    Compares(Operator, f64),
}

const SIGN: u64 = 1 << 63;

impl Selector {
    /// A selector for a condition, whose keys are among `keys`.
    ///
    /// # Errors
    /// Only for conditions that [`parse`](super::parse()) did not make.
    pub fn new(condition: &Condition, keys: &Keys) -> Result<Selector, String> {
        Ok(Selector { root: compile(condition, keys)?, folder: RouteNormalizer::new() })
    }

    /// The rows of the batch for which the condition holds.
    pub fn select(&mut self, batch: &Batch, block: Block<'_>) -> Mask {
        eval(&self.root, &mut self.folder, batch, block, Mask::first(batch.len))
    }
}

fn compile(condition: &Condition, keys: &Keys) -> Result<Node, String> {
    let sorted = |parts: &[Condition]| -> Result<Vec<Node>, String> {
        let nodes: Result<Vec<Node>, String> =
            parts.iter().map(|part| compile(part, keys)).collect();
        let mut nodes = nodes?;
        nodes.sort_by_key(cost);
        Ok(nodes)
    };
    Ok(match condition {
        Condition::All(parts) => Node::All(sorted(parts)?),
        Condition::Any(parts) => Node::Any(sorted(parts)?),
        Condition::Not(part) => Node::Not(Box::new(compile(part, keys)?)),
        Condition::Test(field, check) => Node::Test(test(field, check, keys)?),
    })
}

/// The most that one row may cost, roughly.
fn cost(node: &Node) -> u32 {
    match node {
        Node::All(parts) | Node::Any(parts) => parts.iter().map(cost).sum(),
        Node::Not(part) => cost(part),
        Node::Test(Test::Text(place, test)) => {
            let folding = if matches!(place, Place::Route) { 50 } else { 2 };
            folding + if matches!(test, TextTest::Matches(..)) { 100 } else { 10 }
        }
        Node::Test(_) => 1,
    }
}

fn test(field: &Field, check: &Check, keys: &Keys) -> Result<Test, String> {
    let place = match field {
        Field::Status => return Ok(Test::Status(ranges(check, 999)?)),
        Field::Duration => return Ok(Test::Duration(ranges(check, NO_DURATION - 1)?)),
        Field::Bytes => return Ok(Test::Bytes(ranges(check, NO_BYTES - 1)?)),
        Field::Time => return Ok(Test::Time(ranges(check, u64::MAX)?)),
        Field::Level => return levels(check).map(Test::Levels),
        Field::Format => {
            let test = text_test(check)?;
            let set = (0..PLACES).filter(|&place| test.holds(name_at(place).as_bytes(), None));
            return Ok(Test::Formats(set.fold(0, |set, place| set | 1 << place)));
        }
        Field::Route => Place::Route,
        Field::Path => Place::Path,
        Field::Method => Place::Method,
        Field::Client => Place::Client,
        Field::Text(column) => Place::Text(*column),
        Field::Message => Place::Message,
        Field::Key(..) => match keys.place(field) {
            Some(place) => Place::Extra(place),
            None => return Err(format!("{field} is not among the keys that are read")),
        },
    };
    Ok(Test::Text(place, text_test(check)?))
}

/// The numbers from 1 to `most` that pass; 0 stands for an absent status or time, and is a
/// duration or a size like others.
fn ranges(check: &Check, most: u64) -> Result<Ranges, String> {
    // Only these two have values of their own for what is absent at the lower end.
    let least = match most {
        999 => u64::from(NO_STATUS) + 1,
        u64::MAX => (NO_TIME as u64 ^ SIGN) + 1,
        _ => 0,
    };
    let number = |value: &Value| match value {
        // Of statuses.
        Value::Number(0) if most == 999 => Ok(NO_ANSWER.into()),
        Value::Number(number) => Ok(*number),
        Value::Time(nanos) => Ok(*nanos as u64 ^ SIGN),
        other => Err(format!("{other:?} is not a number")),
    };
    let but = |mut values: Vec<u64>| {
        values.sort_unstable();
        let mut from = Some(least);
        let mut ranges = Ranges::new();
        for value in values {
            if let Some(first) = from
                && first < value
            {
                ranges.push((first, value - 1));
            }
            from = value.checked_add(1);
        }
        ranges.extend(from.filter(|&first| first <= most).map(|first| (first, most)));
        ranges
    };
    let ranges = match check {
        Check::Exists => vec![(least, most)],
        Check::In(false, values) => {
            values.iter().map(|v| number(v).map(|n| (n, n))).collect::<Result<_, _>>()?
        }
        Check::In(true, values) => but(values.iter().map(number).collect::<Result<_, _>>()?),
        Check::Compare(operator, value) => {
            let n = number(value)?;
            match operator {
                Operator::Equal => vec![(n, n)],
                Operator::Unequal => but(vec![n]),
                Operator::AtMost => vec![(least, n)],
                Operator::AtLeast => vec![(n, most)],
                Operator::Less => n.checked_sub(1).map(|n| (least, n)).into_iter().collect(),
                Operator::More => n.checked_add(1).map(|n| (n, most)).into_iter().collect(),
                _ => return Err("a number cannot match a regular expression".into()),
            }
        }
    };
    let inside = |&(first, last): &(u64, u64)| first <= last;
    let cut = ranges.into_iter().map(|(first, last)| (first.max(least), last.min(most)));
    Ok(cut.filter(inside).collect())
}

fn levels(check: &Check) -> Result<u16, String> {
    let level = |value: &Value| match value {
        Value::Level(level) => Ok(*level),
        other => Err(format!("{other:?} is not a valid level")),
    };
    let set = |test: &dyn Fn(Level) -> bool| {
        let present = Level::ALL.into_iter().filter(|&l| l != Level::None && test(l));
        present.fold(0u16, |set, level| set | 1 << level as u8)
    };
    Ok(match check {
        Check::Exists => set(&|_| true),
        Check::In(negated, values) => {
            let values = values.iter().map(level).collect::<Result<Vec<_>, _>>()?;
            set(&|l| values.contains(&l) != *negated)
        }
        Check::Compare(operator, value) => {
            let wanted = level(value)?;
            // OTHER is neither more nor less than any level.
            let ordered = |l: Level| l != Level::Other && wanted != Level::Other;
            match operator {
                Operator::Equal => set(&|l| l == wanted),
                Operator::Unequal => set(&|l| l != wanted),
                Operator::Less => set(&|l| ordered(l) && l < wanted),
                Operator::AtMost => set(&|l| l == wanted || ordered(l) && l < wanted),
                Operator::More => set(&|l| ordered(l) && l > wanted),
                Operator::AtLeast => set(&|l| l == wanted || ordered(l) && l > wanted),
                _ => return Err("a level cannot match a regular expression".into()),
            }
        }
    })
}

fn text_test(check: &Check) -> Result<TextTest, String> {
    let bytes = |value: &Value| match value {
        Value::Text(text) => Ok(text.clone().into_bytes()),
        Value::Decimal(number) => Ok(number.clone().into_bytes()),
        other => Err(format!("{other:?} is not text")),
    };
    Ok(match check {
        Check::Exists => TextTest::Exists,
        Check::In(negated, values) => {
            let (mut texts, mut numbers) = (Vec::new(), Vec::new());
            for value in values {
                match value {
                    Value::Decimal(number) => numbers.push(float(number)?),
                    value => texts.push(bytes(value)?),
                }
            }
            TextTest::Among(*negated, texts, numbers)
        }
        Check::Compare(operator @ (Operator::Matches | Operator::Differs), value) => {
            let text = match value {
                Value::Text(text) | Value::Decimal(text) => text,
                other => return Err(format!("{other:?} is not text")),
            };
            let regex = parse::regex(text).map_err(|e| e.to_string())?;
            TextTest::Matches(*operator == Operator::Differs, Box::new(regex))
        }
        Check::Compare(operator, Value::Decimal(number)) => {
            TextTest::Compares(*operator, float(number)?)
        }
        Check::Compare(operator @ (Operator::Equal | Operator::Unequal), value) => {
            TextTest::Among(*operator == Operator::Unequal, vec![bytes(value)?], Vec::new())
        }
        Check::Compare(..) => return Err("text cannot be ordered".into()),
    })
}

fn float(number: &str) -> Result<f64, String> {
    number.parse().map_err(|_| format!("{number} is not a number"))
}

/// Text as a number, as keys carry them.
fn number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl TextTest {
    /// Whether text that is there passes; `other` is another way to write it.
    #[inline(always)]
    fn holds(&self, text: &[u8], other: Option<&[u8]>) -> bool {
        match self {
            TextTest::Exists => true,
            TextTest::Among(negated, texts, numbers) => {
                let among = |text: &[u8]| texts.iter().any(|one| one == text);
                let found = among(text)
                    || other.is_some_and(among)
                    || !numbers.is_empty() && number(text).is_some_and(|n| numbers.contains(&n));
                found != *negated
            }
            TextTest::Matches(negated, regex) => {
                let found = regex.is_match(text) || other.is_some_and(|text| regex.is_match(text));
                found != *negated
            }
            TextTest::Compares(operator, wanted) => number(text).is_some_and(|n| match operator {
                Operator::Equal => n == *wanted,
                Operator::Unequal => n != *wanted,
                Operator::Less => n < *wanted,
                Operator::AtMost => n <= *wanted,
                Operator::More => n > *wanted,
                _ => n >= *wanted,
            }),
        }
    }
}

/// The rows for which the condition holds, of those that are `open`.
fn eval(
    node: &Node,
    folder: &mut RouteNormalizer,
    batch: &Batch,
    block: Block<'_>,
    open: Mask,
) -> Mask {
    match node {
        Node::All(parts) => {
            let mut rows = open;
            for part in parts {
                if rows.is_empty() {
                    break;
                }
                rows = eval(part, folder, batch, block, rows);
            }
            rows
        }
        Node::Any(parts) => {
            let mut rows = Mask::NONE;
            for part in parts {
                let rest = open.without(rows);
                if rest.is_empty() {
                    break;
                }
                rows = rows.or(eval(part, folder, batch, block, rest));
            }
            rows
        }
        Node::Not(part) => open.without(eval(part, folder, batch, block, open)),
        Node::Test(Test::Text(place, test)) => {
            crate::dispatch!(eval_text::<>(place: &Place, test: &TextTest, folder: &mut RouteNormalizer,
                batch: &Batch, block: Block<'_>, open: Mask) -> Mask;
                place, test, folder, batch, block, open)
        }
        Node::Test(test) => {
            let rows = crate::dispatch!(eval_column::<>(test: &Test, batch: &Batch) -> Mask;
                test, batch);
            rows.and(open)
        }
    }
}

/// A test of numbers, for every row.
#[inline(always)]
fn eval_column<S: Simd>(_simd: S, test: &Test, batch: &Batch) -> Mask {
    match test {
        Test::Status(ranges) => within(ranges, |first, last| {
            let (first, span) = (first as u16, (last - first) as u16);
            Mask::of(&batch.status()[..batch.len], |v| v.wrapping_sub(first) <= span)
        }),
        Test::Duration(ranges) => within(ranges, |first, last| {
            Mask::of(&batch.duration_ns()[..batch.len], |v| v.wrapping_sub(first) <= last - first)
        }),
        Test::Bytes(ranges) => within(ranges, |first, last| {
            Mask::of(&batch.bytes_sent()[..batch.len], |v| v.wrapping_sub(first) <= last - first)
        }),
        Test::Time(ranges) => within(ranges, |first, last| {
            Mask::of(&batch.time_ns()[..batch.len], |v| {
                (v as u64 ^ SIGN).wrapping_sub(first) <= last - first
            })
        }),
        Test::Levels(set) => Mask::of(&batch.level()[..batch.len], |v| set >> (v & 15) & 1 != 0),
        Test::Formats(set) => Mask::of(&batch.format()[..batch.len], |v| set >> (v & 63) & 1 != 0),
        Test::Text(..) => Mask::NONE,
    }
}

#[inline(always)]
fn within(ranges: &Ranges, rows: impl Fn(u64, u64) -> Mask) -> Mask {
    ranges.iter().fold(Mask::NONE, |mask, &(first, last)| mask.or(rows(first, last)))
}

/// A test of text, for the open rows alone.
#[inline(always)]
fn eval_text<S: Simd>(
    simd: S,
    place: &Place,
    test: &TextTest,
    folder: &mut RouteNormalizer,
    batch: &Batch,
    block: Block<'_>,
    open: Mask,
) -> Mask {
    let column = match place {
        Place::Route => {
            return open.filtered(|row| {
                // A path that is nothing but a query leaves no route, as it leaves no path.
                folder
                    .key(simd, batch, block, row)
                    .is_some_and(|(key, at)| at < key.len() && test.holds(&key[at..], Some(key)))
            });
        }
        Place::Path => {
            return open.filtered(|row| {
                let path = batch.path()[row].bytes(block.bytes, &batch.arena);
                let end = path.iter().position(|b| matches!(b, b'?' | b'#'));
                let path = &path[..end.unwrap_or(path.len())];
                !path.is_empty() && test.holds(path, None)
            });
        }
        Place::Method => batch.method(),
        Place::Client => batch.client(),
        Place::Text(column) => match batch.texts(*column) {
            Some(texts) => texts,
            None => return Mask::NONE,
        },
        Place::Message => batch.message(),
        Place::Extra(index) => batch.extra(*index),
    };
    open.filtered(|row| {
        let text = column[row].bytes(block.bytes, &batch.arena);
        !text.is_empty() && test.holds(text, None)
    })
}
