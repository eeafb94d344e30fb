//! Text with a JSON object at its end: what zap's and Caddy's consoles, Fluentd's files and many
//! drains write.
//!
//! ```text
//! time blank [words blank] object
//! ```
//!
//! *time* is at the front of the line, and *object* begins with the first `{"` behind a blank after it
//! and ends the line. A line counts only if the object says something that text would not: a level,
//! a request or a status, by the rules of [`json`](super). Its time is the
//! object's, or else the one at the front; so is its level, which is looked for in the words as
//! in those of [app text](crate::format::text::app). The message is the object's where that says the
//! level, too; else it begins behind the level, as in app text.
//!
//! Sources: <https://pkg.go.dev/go.uber.org/zap/zapcore#NewConsoleEncoder>,
//! <https://docs.fluentd.org/output/file#format>.

use super::{Json, Messages};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::fields::Names;
use crate::format::prefilter::RequiredBytes;
use crate::format::text::{levels, text_duration};
use crate::format::{Entry, Facts, Info, LineFormat, Parse, line_format};
use crate::record::{Columns, Level, NO_DURATION, NO_TIME, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "text-json",
        title: "text with a JSON object at its end: consoles of zap and Caddy, files of Fluentd",
        example: "2024-01-24T10:15:32.123Z INFO request {\"method\":\"GET\",\"path\":\"/cart\",\"status\":200,\"duration_ms\":127}",
        time_field: "the object's, else the one at the front",
        duration: Some(("as in JSON", "by key")),
    },
    facts: Facts::PLAIN,
    build: |_| {
        line_format(BehindText(Json {
            names: Names::get(),
            messages: Messages::default(),
            is_payload: true,
        }))
    },
};

struct BehindText(Json);

/// What an object must say something of.
const SAID: Columns = Columns::LEVEL.or(Columns::STATUS).or(Columns::ROUTE);

impl LineFormat for BehindText {
    const COLUMNS: Columns = Json::COLUMNS;
    const NEEDS: RequiredBytes = RequiredBytes::TIME.or(RequiredBytes::QUOTE);

    fn may_begin_with(&self, byte: u8) -> bool {
        byte > b' ' && byte != b'{'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        if line.byte(line.len() - 1) != b'}' {
            return None;
        }
        let (stamp, end) = cx.clock().at_front(line, 0)?;
        let object = object(line.bytes(), end)?;
        self.0.parse(line.slice(object, line.len()), cx)?;
        if cx.record.is_within(Columns::ALL.without(SAID)) {
            return None;
        }
        cx.record.for_each_text(|text| *text = text.at(object as u32));
        if cx.record.time_ns == NO_TIME {
            cx.record.set_time(stamp);
        }
        let words = line.slice(end, object);
        let (level, after) = levels::level_in(words).unwrap_or((Level::None, 0));
        let message = end + levels::message_start(words, after);
        if cx.record.level == Level::None {
            cx.record.level = level;
            cx.record.message = Text::of_line(message, line.len());
        }
        if cx.record.duration_ns == NO_DURATION {
            let memo = &mut cx.context.memo;
            cx.record.duration_ns = text_duration::find(cx.simd, line.until(object), message, memo);
        }
        Some(())
    }
}

/// Where the object begins.
fn object(line: &[u8], from: usize) -> Option<usize> {
    memchr::memmem::find_iter(line.get(from..)?, b"{\"")
        .map(|at| from + at)
        .find(|&at| at > from && matches!(line[at - 1], b' ' | b'\t'))
}
