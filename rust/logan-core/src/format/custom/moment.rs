//! Times of formats of users' own: by the clock's layouts where one fits, else by `strftime`'s
//! codes.
//!
//! Knows nothing of formats; a layout is chosen once, a line's time is read at a position.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::time::{Stamp, TimestampParser, epoch};
use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;

/// How a time is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// `24/Jan/2024:10:15:32 +0000`, with a fraction or without, with a zone or without.
    Clf,
    /// `2024-01-24T10:15:32+00:00`, likewise.
    Iso,
    /// Seconds, ms, µs or ns since 1970, with decimals or without, by magnitude.
    Epoch,
    /// Whatever the clock knows.
    Any,
    /// These codes.
    Codes(Box<str>),
}

impl Layout {
    /// The layout of these codes of `strftime`; why it is none.
    pub(super) fn of_codes(codes: &str) -> Result<Layout, String> {
        let has = |starts: &[&str]| starts.iter().any(|start| codes.starts_with(start));
        if has(&["%d/%b/%Y:%H:%M:%S", "%d/%b/%Y:%T"]) && rest_is_usual(codes) {
            return Ok(Layout::Clf);
        }
        let iso = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%T", "%FT%T", "%FT%H:%M:%S"];
        if (has(&iso)
            || has(&iso
                .map(|code| code.replace("dT", "d ").replace("FT", "F "))
                .each_ref()
                .map(String::as_str)))
            && rest_is_usual(codes)
        {
            return Ok(Layout::Iso);
        }
        if matches!(codes, "%s" | "%s.%3N" | "%s.%6N" | "%s%3N" | "%s%6N" | "%s.%9N" | "%s%9N") {
            return Ok(Layout::Epoch);
        }
        // Apache's decimals of a second are `%f` here.
        let codes = codes.replace("%3N", "%f").replace("%6N", "%f").replace("%9N", "%f");
        let sample = Timestamp::from_second(1_706_091_332).expect("a moment in 2024");
        let parts = BrokenDownTime::from(sample);
        let written = parts.to_string(&codes).map_err(|error| error.to_string())?;
        let (parts, _) = BrokenDownTime::parse_prefix(&codes, &written)
            .map_err(|error| format!("such timestamps cannot be parsed: {error}"))?;
        let dated = parts.month().is_some() && parts.day().is_some()
            || parts.to_date().is_ok()
            || parts.timestamp().is_some();
        if !dated || parts.hour().is_none() && parts.timestamp().is_none() {
            return Err("a time needs a day and an hour at least".into());
        }
        Ok(Layout::Codes(codes.into()))
    }

    /// The time at `at` and where it ends.
    #[inline(always)]
    pub(super) fn read<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        at: usize,
        clock: &mut TimestampParser,
    ) -> Option<(Stamp, usize)> {
        match self {
            Layout::Clf => clock.clf(line, at),
            Layout::Iso => clock.iso(line, at),
            _ => self.read_unusual(line, at, clock),
        }
    }

    #[inline(never)]
    fn read_unusual(
        &self,
        line: Line<'_>,
        at: usize,
        clock: &mut TimestampParser,
    ) -> Option<(Stamp, usize)> {
        let text = line.bytes().get(at..)?;
        match self {
            Layout::Epoch => {
                let len = text.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
                Some((epoch(&text[..len])?, at + len))
            }
            Layout::Codes(codes) => {
                let (parts, len) = BrokenDownTime::parse_prefix(codes.as_bytes(), text).ok()?;
                Some((stamp(&parts, clock)?, at + len))
            }
            _ => clock.any(line, at),
        }
    }
}

/// Whether what follows the seconds of a layout is a fraction and a zone, or less.
fn rest_is_usual(codes: &str) -> bool {
    let rest = codes.split_once("%S").or_else(|| codes.split_once("%T")).map_or("", |(_, r)| r);
    let rest = rest.strip_prefix(['.', ',']).map_or(rest, |rest| {
        ["%3N", "%6N", "%9N", "%f"].iter().find_map(|f| rest.strip_prefix(f)).unwrap_or("?")
    });
    matches!(rest, "" | "%z" | " %z" | "%:z" | "Z")
}

fn stamp(parts: &BrokenDownTime, clock: &mut TimestampParser) -> Option<Stamp> {
    if let Some(moment) = parts.timestamp() {
        return Some(Stamp {
            second: moment.as_second(),
            nanos: moment.subsec_nanosecond() as u32,
        });
    }
    let number = |part: Option<i8>| part.map_or(0, i64::from);
    let time = match parts.to_time() {
        Ok(time) => time.hour() as i64 * 3600 + time.minute() as i64 * 60 + time.second() as i64,
        Err(_) => number(parts.hour()) * 3600 + number(parts.minute()) * 60,
    };
    let nanos = parts.subsec_nanosecond().unwrap_or(0) as u32;
    if parts.year().is_none() && parts.to_date().is_err() {
        return clock.yearless(parts.month()? as u32, parts.day()? as u32, time, nanos);
    }
    let date = parts.to_date().ok()?;
    let day = [date.year() as i64, date.month() as i64, date.day() as i64].map(|n| n as u32);
    let second = match parts.offset() {
        Some(offset) => TimestampParser::civil(day, time)? - i64::from(offset.seconds()),
        None => clock.civil_here(day, time)?,
    };
    Some(Stamp { second, nanos })
}
