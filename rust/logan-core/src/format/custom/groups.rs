//! Lines by a regular expression with named groups.
//!
//! The expression is searched for in the line's bytes (`^` and `$` tie it to the line's ends);
//! `\w`, `\d` and classes are ASCII unless `(?u)` says otherwise, so that lines in any encoding
//! match. Groups that take no part in the match, and empty ones, are absent values. A time, status,
//! size or response time that cannot be read as one makes the line no record.
//!
//! | group | what it is |
//! |---|---|
//! | `time` | any layout that logan knows, or the one in `regex[LAYOUT]:` |
//! | `level` | a word, letter or number |
//! | `status`, `bytes` | a number |
//! | `duration_s`, `_ms`, `_us`, `_ns` | a number of these units |
//! | `duration` | a number with its unit, or of seconds |
//! | `request` | method, target and protocol |
//! | `method`, `path`, `client`, `message` | text |
//! | `user_agent`, `referrer`, `host` | text, read if the job asks for it |
//!
//! Without a group for the response time it is looked for in the message, as in app text.

use super::moment::Layout;
use super::{Compiled, Description, Dialect, SyntaxError};
use crate::bytes::line::Line;
use crate::bytes::simd::{Baseline, Simd};
use crate::format::cursor::Cursor;
use crate::format::http::{path, route, status_at};
use crate::format::text::{duration, text_duration};
use crate::format::{LineFormat, Parse, Unit, line_format};
use crate::record::{Column, Columns, Level, NO_BYTES, NO_DURATION, Text};
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};
use regex_syntax::ast::{self, Ast, GroupKind};
use std::sync::{Mutex, PoisonError};

/// Largest compiled expression, in bytes, and largest cache of its states.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// Deepest nesting of an expression.
const REGEX_NEST_MAX: u32 = 100;

/// The names of groups.
const NAMES: [(&str, Meaning); 14] = [
    ("time", Meaning::Time),
    ("level", Meaning::Level),
    ("status", Meaning::Status),
    ("duration", Meaning::Duration(None)),
    ("duration_s", Meaning::Duration(Some(Unit::Seconds))),
    ("duration_ms", Meaning::Duration(Some(Unit::Milliseconds))),
    ("duration_us", Meaning::Duration(Some(Unit::Microseconds))),
    ("duration_ns", Meaning::Duration(Some(Unit::Nanoseconds))),
    ("method", Meaning::Method),
    ("path", Meaning::Path),
    ("request", Meaning::Request),
    ("client", Meaning::Client),
    ("bytes", Meaning::Size),
    ("message", Meaning::Message),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Meaning {
    Time,
    Level,
    Status,
    Duration(Option<Unit>),
    Method,
    Path,
    Request,
    Client,
    Size,
    Message,
    OnRequest(Column),
}

/// The parser of the expression `text[from..]`, whose time is laid out as `layout` (and where that
/// stands) says.
pub(super) fn compile(
    text: &str,
    from: usize,
    layout: Option<(usize, &str)>,
) -> Result<Compiled, SyntaxError> {
    let expression = &text[from..];
    let shifted = |at: usize, why: String| SyntaxError::new(from + at, why);
    let tree = ast::parse::ParserBuilder::new()
        .nest_limit(REGEX_NEST_MAX)
        .build()
        .parse(expression)
        .map_err(|error| shifted(error.span().start.offset, error.kind().to_string()))?;
    let mut named = Vec::new();
    names(&tree, &mut named);
    let mut groups = Vec::new();
    for (index, name, at) in named {
        let known = NAMES.iter().find(|(known, _)| *known == name).map(|&(_, meaning)| meaning);
        let known = known.or_else(|| Column::on_request(&name).map(Meaning::OnRequest));
        let Some(meaning) = known else {
            let names = NAMES.iter().map(|&(known, _)| known);
            let names = names.chain(Columns::ON_REQUEST.iter().map(Column::name));
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(shifted(
                at,
                format!("no field is called {name}; name groups {names}, or leave them unnamed"),
            ));
        };
        groups.push((index as usize, meaning, name));
    }
    let is = |wanted: fn(&Meaning) -> bool| groups.iter().find(|group| wanted(&group.1));
    let measured = |meaning: &Meaning| matches!(meaning, Meaning::Duration(_));
    if let Some(second) = groups.iter().filter(|group| measured(&group.1)).nth(1) {
        let at = expression.find(&format!("<{}>", second.2)).map_or(0, |at| at + 1);
        return Err(shifted(at, "there is already a response time".into()));
    }
    let makes_no_record = |m: &Meaning| matches!(m, Meaning::OnRequest(_));
    if groups.iter().all(|group| makes_no_record(&group.1)) {
        return Err(shifted(0, "it has no named group such as (?<time>…) or (?<status>…)".into()));
    }
    let layout = match layout {
        Some((at, codes)) => Layout::of_codes(codes).map_err(|why| SyntaxError::new(at, why))?,
        None => Layout::Any,
    };
    let regex = RegexBuilder::new(expression)
        .unicode(false)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .nest_limit(REGEX_NEST_MAX)
        .build()
        .map_err(|error| untranslated(expression, from, &error))?;
    let field = |group: &(usize, Meaning, String)| group.2.clone();
    let duration_group = is(measured);
    let in_message = duration_group.is_none() && is(|m| *m == Meaning::Message).is_some();
    let description = Description {
        dialect: Dialect::Regex.name(),
        time_field: is(|m| *m == Meaning::Time).map(field),
        duration_field: duration_group.map(field).or(in_message.then(|| "message".into())),
        duration_unit: match duration_group.map(|group| group.1) {
            Some(Meaning::Duration(Some(unit))) => Some(unit.name()),
            Some(_) => Some("in the text"),
            None => in_message.then_some("in the text"),
        },
    };
    let spans = Mutex::new(regex.capture_locations());
    let groups = groups.into_iter().map(|(index, meaning, _)| (index, meaning)).collect();
    let format = Groups { regex, groups, layout, in_message, spans };
    Ok(Compiled { description, format: line_format(format) })
}

/// The misfit of an expression that parses but means nothing.
fn untranslated(expression: &str, from: usize, error: &regex::Error) -> SyntaxError {
    let parsed =
        regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(expression);
    if let Err(regex_syntax::Error::Translate(error)) = parsed {
        return SyntaxError::new(from + error.span().start.offset, error.kind().to_string());
    }
    SyntaxError::new(
        from,
        match error {
            regex::Error::CompiledTooBig(_) => "the expression is too large".to_string(),
            _ => error.to_string(),
        },
    )
}

/// Index, name and place of every named group.
fn names(tree: &Ast, found: &mut Vec<(u32, String, usize)>) {
    match tree {
        Ast::Group(group) => {
            if let GroupKind::CaptureName { name, .. } = &group.kind {
                found.push((name.index, name.name.clone(), name.span.start.offset));
            }
            names(&group.ast, found);
        }
        Ast::Repetition(repetition) => names(&repetition.ast, found),
        Ast::Alternation(alternation) => alternation.asts.iter().for_each(|t| names(t, found)),
        Ast::Concat(concat) => concat.asts.iter().for_each(|t| names(t, found)),
        _ => {}
    }
}

struct Groups {
    regex: Regex,
    groups: Box<[(usize, Meaning)]>,
    layout: Layout,
    /// Whether the response time is looked for in the message.
    in_message: bool,
    /// Where the groups of the line at hand are. One thread parses, so no thread ever waits.
    spans: Mutex<CaptureLocations>,
}

impl LineFormat for Groups {
    const COLUMNS: Columns = Columns::ALL;

    fn may_begin_with(&self, _byte: u8) -> bool {
        true
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        self.regex.captures_read(&mut spans, line.bytes())?;
        let present = self.groups.iter().filter_map(|&(index, meaning)| {
            spans.get(index).filter(|span| span.0 < span.1).map(|span| (meaning, span))
        });
        for (meaning, span) in present {
            self.read(meaning, span, line, &mut cx.with(Baseline))?;
        }
        Some(())
    }
}

impl Groups {
    fn read(
        &self,
        meaning: Meaning,
        span: (usize, usize),
        line: Line<'_>,
        cx: &mut Parse<'_, Baseline>,
    ) -> Option<()> {
        let (start, end) = span;
        let value = &line.bytes()[start..end];
        let is_absent = value == b"-";
        match meaning {
            Meaning::Message => {
                cx.record.message = Text::of_line(start, end);
                if self.in_message {
                    let memo = &mut cx.context.memo;
                    cx.record.duration_ns =
                        text_duration::find(cx.simd, line.until(end), start, memo);
                }
            }
            _ if is_absent => {}
            Meaning::Time => {
                let (time, _) = self.layout.read(cx.simd, line.until(end), start, cx.clock())?;
                cx.record.set_time(time);
            }
            Meaning::Level => cx.record.level = Level::from_field(value),
            Meaning::Status => {
                cx.record.status = status_at(line, start).filter(|_| value.len() == 3)?;
            }
            Meaning::Size => {
                if !value.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                let digits = std::str::from_utf8(value).ok()?;
                cx.record.bytes_sent = digits.parse().unwrap_or(NO_BYTES);
            }
            Meaning::Duration(_) if value[0] == b'-' => cx.record.duration_ns = NO_DURATION,
            Meaning::Duration(unit) => {
                cx.record.duration_ns = match unit {
                    Some(unit) => duration::decimal(value, unit)?,
                    None => duration::with_unit(value)
                        .or_else(|| duration::decimal(value, Unit::Seconds))?,
                }
            }
            Meaning::Request => route(line, start, end, cx.record),
            Meaning::Method => cx.record.method = Text::of_line(start, end),
            Meaning::Path => cx.record.path = path(line, start, end),
            Meaning::Client => cx.record.client = Text::of_line(start, end),
            Meaning::OnRequest(column) => {
                Cursor::new(line, 0).request(cx.context.wanted, column, span, cx.record);
            }
        }
        Some(())
    }
}
