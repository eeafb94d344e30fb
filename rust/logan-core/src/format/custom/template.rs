//! Lines by the format of a server: fields with literals between them.
//!
//! ```text
//! line   = first step*
//! step   = field literal
//! ```
//!
//! A field ends where its literal next begins; of the last step, where the line ends with it. A
//! field between quotes ends at a `"` that no odd number of backslashes precedes, the first behind
//! which the literal goes on (servers do not all escape what clients send). A request without quotes
//! around it and with a space behind it ends behind its version, or its target if it has none. A field that may be a
//! list is not ended by a space behind a comma or next to a colon that stands alone. Times,
//! statuses, sizes and response times must be ones, or absent: else the line is not of the format.

use super::pattern::{Field, Fields, Meaning};
use super::{Compiled, Description, Dialect, SyntaxError};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Cursor;
use crate::format::http::{closing_quote, integer_at, nanos_of, number_at, path, route, status_at};
use crate::format::text::duration;
use crate::format::{LineFormat, Parse, Unit, line_format};
use crate::record::{Columns, DURATION_NS_MAX, NO_ANSWER, NO_BYTES, NO_DURATION, Text};

/// Unescaped quotes inside a field that are looked at.
const INNER_QUOTES_MAX: usize = 64;

/// The parser of these fields.
pub(super) fn compile(dialect: Dialect, mut read: Fields) -> Result<Compiled, SyntaxError> {
    if read.fields.is_empty() {
        let message = format!("this {} format has no fields", dialect.name());
        return Err(SyntaxError::new(read.start.min(read.end), message));
    }
    keep_the_best(&mut read.fields);
    let makes_no_record = |m: &Meaning| matches!(m, Meaning::Nothing | Meaning::OnRequest(_));
    if read.fields.iter().all(|field| makes_no_record(&field.meaning)) {
        let message = "none of its fields is a time, a response time, a status, a size, a request \
                       or a client";
        return Err(SyntaxError::new(read.fields[0].at, message));
    }
    let name = |wanted: fn(&Meaning) -> bool| {
        read.fields.iter().find(|field| wanted(&field.meaning)).map(|field| field.name.clone())
    };
    let unit = read.fields.iter().find_map(|field| match field.meaning {
        Meaning::Duration(unit) => Some(unit.name()),
        _ => None,
    });
    let description = Description {
        dialect: dialect.name(),
        time_field: name(|meaning| matches!(meaning, Meaning::Time(_))),
        duration_field: name(|meaning| matches!(meaning, Meaning::Duration(_))),
        duration_unit: unit,
    };
    let mut quoted = read.first.ends_with(b"\"");
    let mut steps = Vec::new();
    for field in read.fields {
        let opens = std::mem::replace(&mut quoted, field.literal.ends_with(b"\""));
        let is_quoted = opens && field.literal.starts_with(b"\"");
        steps.push(Step {
            literal: Literal::new(field.literal),
            meaning: field.meaning,
            is_list: field.is_list,
            is_quoted,
        });
    }
    let last = steps.pop().expect("there are fields");
    let template = Template { first: Literal::new(read.first), steps: steps.into(), last };
    Ok(Compiled { description, format: line_format(template) })
}

/// Of several fields that say the same only the best one goes on saying it.
fn keep_the_best(fields: &mut [Field]) {
    let same = |a: &Meaning, b: &Meaning| match (a, b) {
        (Meaning::OnRequest(a), Meaning::OnRequest(b)) => a == b,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    for i in 0..fields.len() {
        let is_beaten = fields.iter().enumerate().any(|(other, field)| {
            same(&field.meaning, &fields[i].meaning) && (field.rank, other) < (fields[i].rank, i)
        });
        if is_beaten {
            // What stays is still there to beat others of its kind.
            fields[i].rank = u8::MAX;
        }
    }
    let has_request = fields.iter().any(|field| field.meaning == Meaning::Request);
    for field in fields {
        let is_told = has_request && matches!(field.meaning, Meaning::Method | Meaning::Path);
        if field.rank == u8::MAX || is_told {
            field.meaning = Meaning::Nothing;
        }
    }
}

/// Text between fields.
struct Literal {
    text: Box<[u8]>,
    /// Its first eight bytes, and which bits of them there are.
    head: u64,
    mask: u64,
}

impl Literal {
    fn new(text: Vec<u8>) -> Literal {
        let mut head = [0; 8];
        let len = text.len().min(8);
        head[..len].copy_from_slice(&text[..len]);
        let mask = u64::MAX.checked_shr(64 - 8 * len as u32).unwrap_or(0);
        Literal { text: text.into(), head: u64::from_le_bytes(head), mask }
    }

    /// Whether it stands at `at`.
    #[inline(always)]
    fn is_at(&self, line: Line<'_>, at: usize) -> bool {
        line.u64_at(at) & self.mask == self.head
            && at + self.text.len() <= line.len()
            && (self.text.len() <= 8 || line.bytes()[at..].starts_with(&self.text))
    }
}

struct Step {
    meaning: Meaning,
    is_list: bool,
    is_quoted: bool,
    literal: Literal,
}

impl Step {
    /// Whether the field may end at `at`.
    #[inline(always)]
    fn ends_at<const LAST: bool>(&self, line: Line<'_>, at: usize) -> bool {
        self.literal.is_at(line, at) && (!LAST || at + self.literal.text.len() == line.len())
    }

    /// Where the field that begins at `at` ends.
    #[inline(always)]
    fn end<S: Simd, const LAST: bool>(&self, simd: S, line: Line<'_>, at: usize) -> Option<usize> {
        if LAST {
            let end = line.len().checked_sub(self.literal.text.len())?;
            return (at <= end && self.literal.is_at(line, end)).then_some(end);
        }
        if self.is_quoted {
            let mut from = at;
            for _ in 0..INNER_QUOTES_MAX {
                let quote = closing_quote(simd, line, from)?;
                if self.literal.is_at(line, quote) {
                    return Some(quote);
                }
                from = quote + 1;
            }
            return None;
        }
        let first = self.literal.text[0];
        let mut from = at;
        loop {
            let end = line.find(simd, from, first);
            if end >= line.len() {
                return None;
            }
            if self.literal.is_at(line, end) && !(self.is_list && goes_on(line, at, end)) {
                return Some(end);
            }
            from = end + 1;
        }
    }
}

/// Whether a list that begins at `at` goes on behind the space at `end`.
#[inline(never)]
fn goes_on(line: Line<'_>, at: usize, end: usize) -> bool {
    if line.byte(end) != b' ' || end == at {
        return false;
    }
    let before = line.byte(end - 1);
    before == b','
        || line.bytes()[end..].starts_with(b" : ")
        || before == b':' && end - at > 1 && line.byte(end - 2) == b' '
}

struct Template {
    first: Literal,
    steps: Box<[Step]>,
    last: Step,
}

impl LineFormat for Template {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);

    fn may_begin_with(&self, byte: u8) -> bool {
        self.first.text.first().is_none_or(|&first| first == byte)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if !self.first.is_at(line, 0) {
            return None;
        }
        let mut at = self.first.text.len();
        for step in &self.steps {
            at = take::<S, false>(step, line, at, cx)?;
        }
        take::<S, true>(&self.last, line, at, cx).map(|_| ())
    }
}

/// Reads a field and its literal; where the next field begins.
#[inline(always)]
fn take<S: Simd, const LAST: bool>(
    step: &Step,
    line: Line<'_>,
    at: usize,
    cx: &mut Parse<'_, S>,
) -> Option<usize> {
    let behind = step.literal.text.len();
    if line.byte(at) == b'-' && step.ends_at::<LAST>(line, at + 1) {
        if step.meaning == Meaning::Status {
            cx.record.status = NO_ANSWER;
        }
        return Some(at + 1 + behind);
    }
    let ends_at = |end| step.ends_at::<LAST>(line, end);
    let end = match &step.meaning {
        Meaning::Nothing => step.end::<S, LAST>(cx.simd, line, at)?,
        Meaning::Time(layout) => {
            let Some((time, end)) = layout.read(cx.simd, line, at, cx.clock()) else {
                return ends_at(at).then_some(at + behind);
            };
            if !ends_at(end) {
                return None;
            }
            cx.record.set_time(time);
            end
        }
        Meaning::Status => match status_at(line, at) {
            Some(status) if ends_at(at + 3) => {
                cx.record.status = status;
                at + 3
            }
            _ => return ends_at(at).then_some(at + behind),
        },
        Meaning::Size => match integer_at(line, at) {
            Some((size, end)) if ends_at(end) => {
                cx.record.bytes_sent = size;
                end
            }
            _ => {
                let end = step.end::<S, LAST>(cx.simd, line, at)?;
                if !line.bytes()[at..end].iter().all(u8::is_ascii_digit) {
                    return None;
                }
                // Nothing, or more digits than any size has.
                cx.record.bytes_sent = NO_BYTES;
                end
            }
        },
        Meaning::Duration(unit) => match number_at(line, at) {
            Some(number) if number.unit_ns == 0 && ends_at(number.end) && !step.is_list => {
                cx.record.duration_ns = nanos_of(number.whole, number.billionths, unit.nanos());
                number.end
            }
            _ => {
                let end = step.end::<S, LAST>(cx.simd, line, at)?;
                cx.record.duration_ns = times(&line.bytes()[at..end], *unit)?;
                end
            }
        },
        Meaning::Request => {
            let end = match !LAST && !step.is_quoted && step.literal.text.starts_with(b" ") {
                true => spaced_request(step, line, at)?,
                false => step.end::<S, LAST>(cx.simd, line, at)?,
            };
            route(line, at, end, cx.record);
            end
        }
        Meaning::Method => {
            let end = step.end::<S, LAST>(cx.simd, line, at)?;
            cx.record.method = Text::of_line(at, end);
            end
        }
        Meaning::Path => {
            let end = step.end::<S, LAST>(cx.simd, line, at)?;
            cx.record.path = if at < end { path(line, at, end) } else { Text::NONE };
            end
        }
        Meaning::Client => {
            let end = step.end::<S, LAST>(cx.simd, line, at)?;
            let first = memchr::memchr(b',', &line.bytes()[at..end]).map_or(end, |i| at + i);
            cx.record.client = Text::of_line(at, first);
            end
        }
        Meaning::OnRequest(column) => {
            let end = step.end::<S, LAST>(cx.simd, line, at)?;
            Cursor::new(line, 0).request_escaped(*column, (at, end), cx);
            end
        }
    };
    Some(end + behind)
}

/// Where a request ends that is not in quotes, so that spaces are in it and behind it: behind its
/// version, or else behind its target.
fn spaced_request(step: &Step, line: Line<'_>, at: usize) -> Option<usize> {
    let text = line.bytes();
    let mut target = None;
    let mut last = at;
    for space in memchr::memchr_iter(b' ', text.get(at..)?).map(|space| at + space) {
        if step.literal.is_at(line, space) {
            if last > at && text[last..space].starts_with(b"HTTP/") {
                return Some(space);
            }
            if last > at {
                target = target.or(Some(space));
            }
        }
        last = space + 1;
    }
    target
}

/// The sum of the times of a list, or of the only one; [`NO_DURATION`] of nothing, `-` and times
/// below 0. None if it is no list of times.
#[inline(never)]
fn times(text: &[u8], unit: Unit) -> Option<u64> {
    let mut sum: Option<u64> = None;
    for part in text.split(|b| b",: ".contains(b)) {
        if part.is_empty() || part[0] == b'-' {
            continue;
        }
        sum = Some(sum.unwrap_or(0).saturating_add(duration::decimal(part, unit)?));
    }
    Some(sum.filter(|&nanos| nanos <= DURATION_NS_MAX).unwrap_or(NO_DURATION))
}
