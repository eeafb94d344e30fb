//! The format `csv`: lines of a [table](super).

use super::{Layout, NAME, cells, is_nothing};
use crate::bytes::line::{Line, PaddedLine};
use crate::bytes::simd::Simd;
use crate::format::fields::{Fields, Meaning, Value};
use crate::format::text::duration::decimal;
use crate::format::{
    Candidate, Entry, Facts, Info, LineFormat, Params, Parse, Unit, keys, line_format,
};
use crate::record::{Columns, NO_DURATION, NO_STATUS, NO_TIME, Text};
use crate::time::TimestampParser;

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: NAME,
        title: "table with a header: values between commas, semicolons, tabs or bars",
        example: "1706091332123,127,Home,200,OK,text,true,1532,https://shop.example.com/cart",
        time_field: "the column that the header names time, timeStamp, Date and Time, ...",
        duration: Some(("the column that the header names elapsed, duration, ...", "by column")),
    },
    facts: Facts {
        trial: Candidate::Outer,
        example_header: Some(
            "timeStamp,elapsed,label,responseCode,responseMessage,dataType,success,bytes,URL",
        ),
        ..Facts::PLAIN
    },
    build: |params| line_format(Csv { layout: layout(params) }),
};

fn layout(params: &Params) -> Option<Layout> {
    params.table.as_ref().and_then(Layout::of)
}

struct Csv {
    /// None where the plan has no table: then no line is one of it.
    layout: Option<Layout>,
}

impl LineFormat for Csv {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::TEXT).or(Columns::ON_REQUEST);

    fn may_begin_with(&self, byte: u8) -> bool {
        self.layout.is_some() && byte != b'#'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let layout = self.layout.as_ref()?;
        read(layout, line, &mut cx.with(crate::bytes::simd::Baseline))
    }

    #[inline(always)]
    fn keys<S: Simd>(&self, _simd: S, line: Line<'_>, found: &mut keys::Found<'_>) {
        let Some(layout) = &self.layout else { return };
        let _ = cells(line.bytes(), layout.dialect, |i, start, end| {
            let Some(name) = layout.names.get(i) else { return };
            for (index, wanted) in found.names().enumerate() {
                if wanted == &layout.header[name.clone()] {
                    found.take(index, line, start, end, false);
                }
            }
        });
    }
}

#[inline(never)]
fn read(
    layout: &Layout,
    line: Line<'_>,
    cx: &mut Parse<'_, crate::bytes::simd::Baseline>,
) -> Option<()> {
    let text = line.bytes();
    if layout.is_header(text) {
        return None;
    }
    let known = &layout.known[usize::from(!cx.context.wanted.is_empty())];
    let timer = layout.as_chosen(&cx.context.durations);
    let mut fields = Fields::new(line);
    fields.marks = layout.marks;
    let mut has_time = false;
    let (mut day, mut time, mut metric, mut last_time) = ((0, 0), (0, 0), (0, 0), (0, 0));
    let count = cells(text, layout.dialect, |i, start, end| {
        let is = |place: Option<usize>| place == Some(i);
        let Some(&known) = known.get(i).filter(|_| !is_nothing(&text[start..end])) else { return };
        let known = timer.filter(|_| is(layout.timer)).unwrap_or(known);
        match () {
            () if is(layout.day_and_time.map(|(day, _)| day)) => day = (start, end),
            () if is(layout.day_and_time.map(|(_, time)| time)) => time = (start, end),
            () if is(layout.metric) => metric = (start, end),
            () => {}
        }
        if let Meaning::Duration(rule) = known.meaning
            && let Some(unit) = rule.unit()
            && memchr::memchr(b',', &text[start..end]).is_some()
        {
            let nanos = of_comma(&text[start..end], unit);
            if nanos != NO_DURATION {
                fields.duration(known.rank(), nanos, cx.record);
            }
        } else if known.meaning != Meaning::Nothing {
            if known.meaning == Meaning::Time {
                (has_time, last_time) = (true, (start, end));
            }
            let value = Value { start, end, escaped: false, number: false };
            fields.take(known, start, value, cx);
        }
    });
    if count.ok()? != layout.names.len() {
        return None;
    }
    if time.1 > 0 && day.1 > 0 {
        joined(line, day, time, cx);
    }
    if has_time && cx.record.time_ns == NO_TIME {
        let (start, end) = last_time;
        parted(&text[start..end], cx);
    }
    if has_time && cx.record.time_ns == NO_TIME {
        return None;
    }
    let is_one = cx.record.time_ns != NO_TIME || fields.looks_like_a_log();
    if !fields.finish(cx) || !is_one {
        return None;
    }
    if layout.metric.is_some() && text[metric.0..metric.1] != *b"http_req_duration" {
        cx.record.duration_ns = NO_DURATION;
        cx.record.status = NO_STATUS;
        (cx.record.method, cx.record.path) = (Text::NONE, Text::NONE);
    }
    Some(())
}

/// A number with a comma before its decimals, as spreadsheets write it where semicolons separate.
#[cold]
fn of_comma(number: &[u8], unit: Unit) -> u64 {
    let with_point: Vec<u8> =
        number.iter().map(|&byte| if byte == b',' { b'.' } else { byte }).collect();
    decimal(&with_point, unit).unwrap_or(NO_DURATION)
}

/// Sets a time whose day and time of day an at sign parts, as Kibana exports it: `Jan 24, 2024 @
/// 10:15:32.123`.
#[cold]
fn parted(text: &[u8], cx: &mut Parse<'_, crate::bytes::simd::Baseline>) {
    const SIGN: &[u8] = b" @ ";
    let Some(at) = memchr::memmem::find(text, SIGN) else { return };
    let both = [&text[..at], b" ", &text[at + SIGN.len()..]].concat();
    let padded = PaddedLine::new(&both);
    if let Some((stamp, end)) = cx.clock().any(padded.line(), 0)
        && end == both.len()
    {
        cx.record.set_time(stamp);
    }
}

/// Sets the time of a day and a time of day in two columns.
#[cold]
fn joined(
    line: Line<'_>,
    day: (usize, usize),
    time: (usize, usize),
    cx: &mut Parse<'_, crate::bytes::simd::Baseline>,
) {
    let text = line.bytes();
    if !text[time.0..time.1].contains(&b':') || !TimestampParser::may_begin(line, day.0) {
        return;
    }
    let both = [&text[day.0..day.1], b" ", &text[time.0..time.1]].concat();
    let padded = PaddedLine::new(&both);
    if let Some((stamp, end)) = cx.clock().any(padded.line(), 0)
        && end == both.len()
    {
        cx.record.set_time(stamp);
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
