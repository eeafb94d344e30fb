//! Oracle Database's alert log: a timestamp on a line of its own, and lines of text behind it.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it.
//!
//! # Accepted
//! A *head* is a timestamp and nothing else, exactly as `2024-01-24T10:15:32.123456+00:00` (since 12.2)
//! or `Wed Jan 24 10:15:32 2024`: others that stand alone are lines of application text that was cut.
//! The first line behind it is the record, with the head's time. So is a later one that begins with
//! `ORA-` and a digit, unless one before it did. Their level is ERROR, that of others NONE. All other
//! lines up to the next head are continuations, as heads are. Lines that any format of an
//! [envelope's payload](crate::format::envelope) takes are none of them, nor are those that begin with `#` or `=`.
//!
//! What a head began reaches [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES); its lines follow
//! one another, but for empty ones.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::envelope::Inner;
use crate::format::state::Chain;
use crate::format::{Candidate, Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, listed};
use crate::record::{Columns, Level, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "oracle-alert",
        title: "alert log of Oracle Database",
        example: "2024-01-24T10:15:32.123456+00:00\nThread 1 advanced to log sequence 512 (LGWR switch)\n",
        time_field: "line before the text",
        duration: None,
    },
    facts: Facts { kind: Kind::Stateful, trial: Candidate::Outer, ..Facts::PLAIN },
    build: |params| listed(params, || Alert { others: Inner::new() }),
};

struct Alert {
    /// Lines of these are none of a head's text.
    others: Inner,
}

/// Bytes between two lines that belong together: line ends, of which some may be of empty lines.
const GAP_BYTES_MAX: u64 = 8;

/// What the head at hand said.
#[derive(Default)]
struct Alerts {
    lines: Chain,
    stamp: Option<Stamp>,
    has_text: bool,
    has_error: bool,
}

impl MultiLineFormat for Alert {
    const COLUMNS: Columns = Columns::TEXT;
    type State = Alerts;

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        alerts: &mut Alerts,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let text = line.bytes();
        if let Some(stamp) = head(line, cx.clock()) {
            *alerts = Alerts { stamp: Some(stamp), ..Alerts::default() };
            alerts.lines.begin(offset, text.len());
            return Part::Continuation;
        }
        let goes_on = alerts.lines.goes_on(offset, GAP_BYTES_MAX);
        let foreign = matches!(text.first(), None | Some(b'#' | b'='));
        if !goes_on || foreign || self.others.take(line, cx) {
            return Part::Foreign;
        }
        alerts.lines.extend(offset, text.len());
        let is_error = matches!(text, [b'O', b'R', b'A', b'-', b'0'..=b'9', ..]);
        if alerts.has_text && (!is_error || alerts.has_error) {
            return Part::Continuation;
        }
        alerts.has_text = true;
        alerts.has_error |= is_error;
        let Some(stamp) = alerts.stamp else { return Part::Continuation };
        cx.record.set_time(stamp);
        cx.record.level = if is_error { Level::Error } else { Level::None };
        cx.record.message = Text::of_line(0, text.len());
        Part::Record
    }
}

/// The time that is all of the line.
fn head(line: Line<'_>, clock: &mut TimestampParser) -> Option<Stamp> {
    let is_head = match line.bytes() {
        [a, _, _, b' ', b, .., b' ', _, _, _, _] if line.len() == 24 => {
            a.is_ascii_uppercase() && b.is_ascii_uppercase()
        }
        text if text.len() == 32 => {
            let zone = matches!(text[26], b'+' | b'-') && text[29] == b':';
            text[10] == b'T' && text[19] == b'.' && zone
        }
        _ => false,
    };
    if !is_head {
        return None;
    }
    clock.any(line, 0).filter(|&(_, end)| end == line.len()).map(|(stamp, _)| stamp)
}
