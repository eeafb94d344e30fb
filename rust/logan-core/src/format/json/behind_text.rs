//! Text with a JSON object at its end: what zap's and Caddy's consoles, Fluentd's files, Monolog and
//! many drains write.
//!
//! ```text
//! time blank [words blank] object [blank rest]
//! ```
//!
//! *time* is at the front of the line, perhaps in brackets, and *object* begins with the first `{"` behind
//! a blank after it. *rest* is `[]`, `{}` or another object (Monolog's context is followed by what
//! processors add); else the object ends the line. A line counts only if the object says something that text would not: a level,
//! a request or a status, by the rules of [`json`](super). Its time is the
//! object's, or else the one at the front. Its level leads: it is that of the words, as in those of [app
//! text](crate::format::text::app), or else the object's. The message is the object's where that says the
//! level, too; else it begins behind the level, as in app text. A line with a request in its words is left to
//! [that reader](crate::format::access::request).
//!
//! Sources: <https://pkg.go.dev/go.uber.org/zap/zapcore#NewConsoleEncoder>,
//! <https://docs.fluentd.org/output/file#format>,
//! <https://github.com/Seldaek/monolog/blob/main/src/Monolog/Formatter/LineFormatter.php>.

use super::{Json, Messages};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::access::request;
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
        let text = line.bytes().trim_ascii_end();
        if !matches!(text.last(), Some(b'}' | b']')) {
            return None;
        }
        let open = usize::from(line.byte(0) == b'[');
        let (stamp, mut end) = cx.clock().at_front(line, open)?;
        if open > 0 {
            end += 1;
            if line.byte(end - 1) != b']' {
                return None;
            }
        }
        let (object, object_end) = object(text, end)?;
        if request::stands_in(line.slice(end, object)) {
            return None;
        }
        self.0.parse(line.slice(object, object_end), cx)?;
        let words = line.slice(end, object);
        let leading = levels::level_in(words);
        let said = if leading.is_some() { SAID.without(Columns::LEVEL) } else { SAID };
        if cx.record.is_within(Columns::ALL.without(said)) {
            return None;
        }
        cx.record.for_each_text(|text| *text = text.at(object as u32));
        if cx.record.time_ns == NO_TIME {
            cx.record.set_time(stamp);
        }
        let (level, after) = leading.unwrap_or((Level::None, 0));
        let message = end + levels::message_start(words, after);
        if leading.is_some() || cx.record.level == Level::None {
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

/// Where the object begins and ends.
fn object(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let start = memchr::memmem::find_iter(text.get(from..)?, b"{\"")
        .map(|at| from + at)
        .find(|&at| at > from && matches!(text[at - 1], b' ' | b'\t'))?;
    let kept = text.strip_suffix(b" []").or_else(|| text.strip_suffix(b" {}")).unwrap_or(text);
    // In a text of JSON a backslash stands before the quote.
    let end =
        memchr::memmem::find(&kept[start..], b"} {\"").map_or(kept.len(), |at| start + at + 1);
    kept[..end].ends_with(b"}").then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::format::{Context, Params};
    use crate::record::Record;
    use crate::time::TimestampParser;

    /// Status, path, level, milliseconds and message.
    fn read(line: &str) -> Option<(u16, String, Level, u64, String)> {
        let padded = PaddedLine::new(line.as_bytes());
        let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
        let mut context = Context::new(TimestampParser::utc());
        let format = (ENTRY.build)(&Params::default());
        let text = |text: Text, arena: &[u8]| {
            String::from_utf8_lossy(text.bytes(line.as_bytes(), arena)).into_owned()
        };
        format.parse_line(padded.line(), &mut context, &mut arena, &mut record).then(|| {
            assert_eq!(record.second, 1_706_091_332, "{line}");
            let (path, message) = (text(record.path, &arena), text(record.message, &arena));
            (record.status, path, record.level, record.duration_ns / 1_000_000, message)
        })
    }

    const OBJECT: &str =
        r#"{"method":"GET","path":"/a","status":404,"duration_ms":7,"text":"} []"}"#;

    #[test]
    fn brackets_and_what_follows_the_object() {
        for (front, level) in [
            ("2024-01-24T10:15:32Z INFO done", Level::Info),
            ("[2024-01-24T10:15:32Z] shop.WARNING: done", Level::Warn),
            ("[2024-01-24 10:15:32.000] ERROR (api/7): done", Level::Error),
        ] {
            for rest in ["", " []", " {}", " {\"uid\":\"a\"}", " \r"] {
                let line = format!("{front} {OBJECT}{rest}");
                let (status, path, found, millis, message) = read(&line).expect(&line);
                assert_eq!((status, &*path, found, millis), (404, "/a", level, 7), "{line}");
                assert!(message.contains("done {"), "{line}");
            }
        }
    }

    #[test]
    fn the_level_of_the_text_leads() {
        let said =
            read(r#"2024-01-24T10:15:32Z INFO up {"level":"error","status":200,"path":"/a"}"#);
        assert_eq!(said.expect("a request").2, Level::Info);
        let said =
            read(r#"2024-01-24T10:15:32Z app {"level":"error","message":"m"}"#).expect("a level");
        assert_eq!((said.2, &*said.4), (Level::Error, "m"));
    }

    #[test]
    fn what_is_left_to_app_text() {
        for line in [
            r#"2024-01-24T10:15:32Z INFO up {"level":3}"#,
            r#"2024-01-24T10:15:32Z INFO up {"a":3} []"#,
            r#"[2024-01-24T10:15:32Z INFO up {"status":200,"path":"/a"}"#,
            r#"2024-01-24T10:15:32Z INFO up {"status":200,"path":"/a"} [] []"#,
            r#"2024-01-24T10:15:32Z INFO up {"status":200,"path":"/a"} done"#,
            r#"2024-01-24T10:15:32Z INFO up []"#,
            r#"2024-01-24T10:15:32Z INFO GET /a 404 5ms {"status":200,"path":"/b"}"#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
