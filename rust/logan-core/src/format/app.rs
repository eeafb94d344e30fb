//! App text: a timestamp, a level, a message, in the usual orders and dressings.
//!
//! # The rule
//! `app` wants the timestamp at the start of the line, `text` (the last resort among formats)
//! finds it further in:
//! - `app`: one `[` or `<` may come first. Then a timestamp of [`Clock::any`](crate::timestamp::Clock::any);
//!   or klog's one letter of `IWEF`, `MMDD` and one space (no year), time and fraction.
//! - `text`: the same at the first of these places where it succeeds: behind each white space or
//!   one of `[(|<"` or `=` in the first 128 bytes of the line.
//!
//! The level is looked for behind the timestamp, within 160 bytes and the first eight tokens, and
//! for `text` in what stands before the timestamp if nothing is found behind it; a line of `text`
//! without a level is none, and neither is one that begins with `{`. Tokens are runs
//! of bytes other than space, tab and ``[]()|<>,;"'={}``; a token of `-`, `:`, `/` or `*` alone is
//! none; a trailing `:` and what stands before the last inner `:` or `/` are taken off
//! (`core:error`, `D/Tag:` is the exception below). A token is the level if its word is known
//! ([`Level::from_word`]) and it is all upper case, or the first token, or enclosed: directly
//! behind one of `[(|<"=` or directly before one of `])|>:"`. One letter counts where only numbers
//! came before it and a space follows (logcat), where `/` follows (old logcat), or in brackets.
//! None found: level NONE.
//!
//! The message is what follows the level (or, without one, the timestamp) and its dressing: any of
//! ``])>|:-,"`` and white space. Its response time is found by the rule of
//! [`text_duration`](super::text_duration).

use super::text_duration::{self, Memo};
use super::{Context, Entry, Info, LineFormat};
use crate::batch::{Columns, Record, Text};
use crate::level::Level;
use crate::lines::Line;
use crate::simd::Simd;
use crate::timestamp::Stamp;

/// Registry entry of the strict form.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "app",
        title: "application log: timestamp, level, message",
        example: "2024-01-24 10:15:32.123 INFO Request processed in 127ms",
        time_field: "start of the line",
        duration_field: Some("number and unit in the message"),
        duration_unit: Some("in the text"),
    },
    last_resort: false,
    build: |_| Box::new(App { anywhere: false }),
};

/// Registry entry of the form with the timestamp anywhere near the front.
pub static ANYWHERE: Entry = Entry {
    info: Info {
        name: "text",
        title: "any text with a timestamp and a level near the front",
        example: "nova-api.log 2024-01-24 10:15:32.123 2931 INFO nova.wsgi [-] accepted",
        time_field: "first timestamp in the line",
        duration_field: Some("number and unit in the message"),
        duration_unit: Some("in the text"),
    },
    last_resort: true,
    build: |_| Box::new(App { anywhere: true }),
};

struct App {
    anywhere: bool,
}

/// How far into a line `text` looks for a timestamp.
const TIME_OFFSET_MAX: usize = 128;
/// How far behind the timestamp a level may begin.
const LEVEL_OFFSET_MAX: usize = 160;
/// Among how many tokens a level is looked for.
const LEVEL_TOKENS_MAX: usize = 8;

impl LineFormat for App {
    const COLUMNS: Columns =
        Columns::TIME.or(Columns::LEVEL).or(Columns::DURATION).or(Columns::MESSAGE);

    fn may_begin_with(&self, byte: u8) -> bool {
        self.anywhere && byte != b'{'
            || byte.is_ascii_digit()
            || byte.is_ascii_uppercase()
            || byte == b'['
            || byte == b'<'
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        line: Line<'_>,
        context: &mut Context,
        _arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> bool {
        // By far the most usual shape first: an ISO timestamp with milliseconds, a space, a level
        // in upper case, one space or two. It gives what the general way would give.
        if !self.anywhere {
            if let Some((stamp, time_ns)) = context.clock.plain(line) {
                if let Some((level, message)) = plain_level(line, 24) {
                    record.time_ns = time_ns;
                    record.second = stamp.second;
                    fill::<S>(line, level, message, &mut context.memo, record);
                    return true;
                }
            }
        }
        let Some((stamp, level, message)) = self.dissect(line, context) else { return false };
        record.time_ns = stamp.nanos_since_epoch();
        record.second = stamp.second;
        fill::<S>(line, level, message, &mut context.memo, record);
        true
    }
}

#[inline(always)]
fn fill<S: Simd>(
    line: Line<'_>,
    level: Level,
    message: usize,
    memo: &mut Memo,
    record: &mut Record,
) {
    record.level = level;
    record.duration_ns = text_duration::find::<S>(line, message, memo);
    record.message = Text::of_line(message, line.len());
}

/// What may stand between a level and its message.
static DRESSING: [bool; 256] = super::byte_set(b" \t])>|:-,\"");

/// One of the five plain upper-case levels at `at` and a space or two: the level and where the
/// message starts.
#[inline(always)]
fn plain_level(line: Line<'_>, at: usize) -> Option<(Level, usize)> {
    const fn word(text: &[u8; 6]) -> u64 {
        u64::from_le_bytes([text[0], text[1], text[2], text[3], text[4], text[5], 0, 0])
    }
    const FIVE: u64 = 0xff_ffff_ffff;
    let bytes = line.u64_at(at) & 0xffff_ffff_ffff;
    let (level, len) = match bytes & FIVE {
        w if w == word(b"INFO \0") => (Level::Info, 5),
        w if w == word(b"WARN \0") => (Level::Warn, 5),
        _ if bytes == word(b"ERROR ") => (Level::Error, 6),
        _ if bytes == word(b"DEBUG ") => (Level::Debug, 6),
        _ if bytes == word(b"TRACE ") => (Level::Trace, 6),
        _ => return None,
    };
    let start = at + len;
    let start = start + usize::from(line.byte(start) == b' ');
    // The message must begin here: more dressing is for the general way.
    let plain = start < line.len() && !DRESSING[usize::from(line.byte(start))];
    plain.then_some((level, start))
}

impl App {
    /// Timestamp, level and start of the message, by the general way.
    fn dissect(&self, line: Line<'_>, context: &mut Context) -> Option<(Stamp, Level, usize)> {
        let open = usize::from(matches!(line.byte(0), b'[' | b'<'));
        if !self.anywhere {
            return timed_at(line, open, context);
        }
        let bytes = line.bytes();
        let limit = bytes.len().min(TIME_OFFSET_MAX);
        for at in 1..limit {
            if matches!(bytes[at - 1], b' ' | b'\t' | b'[' | b'(' | b'|' | b'<' | b'"' | b'=') {
                if let Some((stamp, level, message)) = timed_at(line, at, context) {
                    // Without a level anywhere it is more likely a damaged line of another format.
                    let level = match level {
                        Level::None => level_in(&bytes[..at])?.0,
                        found => found,
                    };
                    return Some((stamp, level, message));
                }
            }
        }
        None
    }
}

fn timed_at(line: Line<'_>, at: usize, context: &mut Context) -> Option<(Stamp, Level, usize)> {
    if let Some((stamp, end)) = context.clock.any(line, at) {
        let rest = &line.bytes()[end..];
        let rest = &rest[..rest.len().min(LEVEL_OFFSET_MAX)];
        let (level, after) = level_in(rest).unwrap_or((Level::None, 0));
        return Some((stamp, level, message_start(line, end + after)));
    }
    let (stamp, level, end) = klog(line, at, context)?;
    Some((stamp, level, message_start(line, end)))
}

/// `I0124 10:15:32.123456`: level, month, day, time.
fn klog(line: Line<'_>, at: usize, context: &mut Context) -> Option<(Stamp, Level, usize)> {
    let bytes = line.bytes().get(at..)?;
    let level = match bytes.first()? {
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' => Level::Error,
        b'F' => Level::Fatal,
        _ => return None,
    };
    if bytes.get(5) != Some(&b' ') {
        return None;
    }
    let two = |i: usize| {
        let pair = bytes.get(i..i + 2)?;
        pair.iter().all(u8::is_ascii_digit).then(|| u32::from((pair[0] - b'0') * 10 + pair[1] - b'0'))
    };
    let (stamp, end) = context.clock.time_of_day(line, at + 6, two(1)?, two(3)?)?;
    Some((stamp, level, end))
}

/// The level among the first tokens of `text`, and the position behind its token.
fn level_in(text: &[u8]) -> Option<(Level, usize)> {
    let is_separator = |b: u8| {
        matches!(
            b,
            b' ' | b'\t' | b'[' | b']' | b'(' | b')' | b'|' | b'<' | b'>' | b',' | b';' | b'"'
                | b'\'' | b'=' | b'{' | b'}'
        )
    };
    let (mut at, mut tokens, mut only_numbers) = (0, 0, true);
    while tokens < LEVEL_TOKENS_MAX {
        at += text[at..].iter().position(|&b| !is_separator(b))?;
        let end = text[at..].iter().position(|&b| is_separator(b)).map_or(text.len(), |n| at + n);
        let token = &text[at..end];
        if token.iter().all(|b| matches!(b, b'-' | b':' | b'/' | b'*')) {
            at = end;
            continue;
        }
        let before = at.checked_sub(1).map(|i| text[i]);
        let after = text.get(end).copied();
        let enclosed = matches!(before, Some(b'[' | b'(' | b'|' | b'<' | b'"' | b'='))
            || matches!(after, Some(b']' | b')' | b'|' | b'>' | b'"'))
            || token.ends_with(b":");
        let word = token.strip_suffix(b":").unwrap_or(token);
        // Old logcat: the letter stands before the slash.
        if word.len() > 2 && word[1] == b'/' && tokens == 0 {
            if let Some(level) = Level::from_letter(word[0]).filter(|_| word[0].is_ascii_uppercase()) {
                return Some((level, at + 2));
            }
        }
        let word = match word.iter().rposition(|b| matches!(b, b':' | b'/')) {
            Some(i) => &word[i + 1..],
            None => word,
        };
        let upper = word.iter().all(u8::is_ascii_uppercase);
        let level = match word {
            [letter] if upper => {
                let bracketed = before == Some(b'[') || after == Some(b']');
                let spaced = only_numbers && tokens > 0 && after == Some(b' ');
                Level::from_letter(*letter).filter(|_| bracketed || spaced)
            }
            _ => Level::from_word(word).filter(|_| upper || enclosed || tokens == 0),
        };
        if let Some(level) = level {
            return Some((level, end));
        }
        only_numbers &= token.iter().all(u8::is_ascii_digit);
        tokens += 1;
        at = end;
    }
    None
}

fn message_start(line: Line<'_>, at: usize) -> usize {
    at + line.bytes()[at..].iter().take_while(|&&b| DRESSING[usize::from(b)]).count()
}
