//! Records of java.util.logging's `SimpleFormatter`: time, class and method on one line, level and
//! message on the next.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it.
//!
//! # Accepted
//! A *head* is a timestamp at the start of the line, and behind it nothing but the name of a class and
//! perhaps of a method. The line right behind it is the record, with the head's time, if it begins with
//! a level in capitals, in [any language](Level::from_localized) that Java has, and a colon. Heads are
//! continuations.

use super::text_duration;
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::state::Chain;
use crate::format::{Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, listed};
use crate::record::{Columns, Level, Text};
use crate::time::Stamp;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "jul",
        title: "java.util.logging in two lines a record",
        example: "Jan 24, 2024 10:15:32 AM com.example.shop.Main main\nINFO: started in 127 ms\n",
        time_field: "the line before the level",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts { kind: Kind::Stateful, ..Facts::PLAIN },
    build: |params| listed(params, || Jul),
};

struct Jul;

/// The head before the line at hand.
#[derive(Default)]
struct Head {
    line: Chain,
    stamp: Option<Stamp>,
}

/// Bytes between two lines: a line end.
const GAP_BYTES_MAX: u64 = 2;

impl MultiLineFormat for Jul {
    const COLUMNS: Columns =
        Columns::TIME.or(Columns::LEVEL).or(Columns::DURATION).or(Columns::MESSAGE);
    type State = Head;

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        head: &mut Head,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let text = line.bytes();
        if let Some(stamp) = head.stamp.take().filter(|_| head.line.goes_on(offset, GAP_BYTES_MAX))
            && let Some((level, message)) = level(text)
        {
            cx.record.set_time(stamp);
            cx.record.level = level;
            cx.record.message = Text::of_line(message, text.len());
            cx.record.duration_ns =
                text_duration::find(cx.simd, line, message, &mut cx.context.memo);
            return Part::Record;
        }
        let found = cx.clock().any(line, 0).filter(|&(_, end)| is_source(&text[end..]));
        let Some((stamp, _)) = found else { return Part::Foreign };
        head.stamp = Some(stamp);
        head.line.begin(offset, text.len());
        Part::Continuation
    }
}

/// Level and start of the message of a record.
fn level(text: &[u8]) -> Option<(Level, usize)> {
    const WORD_BYTES_MAX: usize = 32;
    let colon = text.iter().take(WORD_BYTES_MAX).position(|&b| b == b':')?;
    let word = &text[..colon];
    let is_loud = !word.iter().any(u8::is_ascii_lowercase);
    let level =
        Level::from_word(word).filter(|_| is_loud).or_else(|| Level::from_localized(word))?;
    let blank = text[colon + 1..].iter().take_while(|&&b| b == b' ').count();
    Some((level, colon + 1 + blank))
}

/// Whether this is a space, the name of a class, and perhaps a space and the name of a method.
fn is_source(text: &[u8]) -> bool {
    let Some(names) = text.strip_prefix(b" ") else { return false };
    let mut names = names.split(|&b| b == b' ');
    let of_name = |b: &u8| b.is_ascii_alphanumeric() || b"._$<>".contains(b);
    let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(of_name);
    let (class, method) = (names.next().unwrap_or_default(), names.next());
    // Without a point, any two words would be one.
    let is_class = is_name(class) && !class[0].is_ascii_digit() && class.contains(&b'.');
    is_class && method.is_none_or(is_name) && names.next().is_none()
}
