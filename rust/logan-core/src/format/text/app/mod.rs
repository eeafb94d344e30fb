//! App text: a timestamp, a level, a message, in the usual orders and dressings.
//!
//! # The rule
//! `app` wants the timestamp at the start of the line, `text` (the last resort among formats)
//! finds it further in:
//! - `app`: one of `[<(*.@%` may come first. Then a timestamp of [`TimestampParser::any`](crate::time::TimestampParser::any);
//!   or klog's one letter of `IWEF`, `MMDD` and one space (no year), time and fraction.
//! - `text`: the same at the first of these places where it succeeds: behind each white space or
//!   one of ``[](|<>"'=;:,@*`` in the first 128 bytes of the line; of a line that begins with a time of
//!   day, right behind that; or, if there is none, what [keys](super::keyed) say.
//!
//! `app` also takes `- ` before the timestamp, and does not take lines of formats that say more
//! about them and [claim](crate::format::Facts::claims) them.
//!
//! The level leads. For `text`, what stands before the timestamp is asked first, and one capital there
//! with dressing alone is a level if nothing behind the timestamp is. A line of `text` without a level
//! is none, unless detection found that the source has lines that begin with a name or a group in
//! brackets; neither is one that begins with `{`. Behind the timestamp, it is looked for within 160 bytes,
//! in the first eight columns. A column is a group in brackets or quotes, a key and its value, or a
//! run of bytes other than space, tab and ``[]()|<>,;"'={}``; runs of `-`, `:`, `/` or `*` alone are
//! none. At the first word of letters that stands for itself the message begins, and the search ends.
//! A word is the level if it is known ([`Level::from_word`]) and
//! - in upper case, or a colon, a bar, a tab or a dash of its own stands beside it;
//! - the group, or its first or last word in upper case (`[thread/INFO]`, `[core:error]`), or its first
//!   one before a colon and a space, if nothing is before the group (`[Info   : Unity Log]`);
//! - the value of `level=`, `lvl=`, `severity=` and the like;
//! - in upper case a part of a token between colons or slashes (`ERROR:root:`, `web1/INFO/a.b:`), behind
//!   the last point before a colon (`app.ERROR:`), or the severity behind a facility of syslog
//!   (`daemon.err`);
//! - behind `fatal`, `parse` and the like, and before a colon (`Parse error:`).
//!
//! One letter counts where only numbers came before it and a space follows (logcat), as the first token
//! before another that is `-` or `|` or begins with two capitals (MongoDB, etcd) or `[` (CUPS), before
//! `/` (old logcat) or `!` (Telegraf), or alone in brackets. `%FACILITY-3-NAME` (Cisco), `Er(163)`
//! (VMware) and `<3>` are syslog's severities. Behind `] `, eight hex digits, a space, a word and spaces
//! one letter or digit before a space is one: `F E W A I C D 1 2 3 > <` (WebSphere). Words of
//! [`Level::from_weak_word`] and [`Level::from_localized`] need dressing. If words come first, a part of
//! the line between two bars, tabs or dashes that is a level alone is one, and so is the word in the
//! column in which nearly all lines of the source have one; a word in capitals there that no table knows
//! is [`Level::Other`]. None found: level NONE.
//!
//! The message is what follows the level (or, without one behind it, the timestamp) and its dressing: any of
//! ``])>|:-,;"`` and white space. Its response time is found by the rule of
//! [`text_duration`](super::text_duration). If there is none, and the message begins with capitals,
//! spaces and `[conn` and ends with a space, digits and `ms` (MongoDB), it is those. If the message is
//! `done` or `fail` and ` elapsed=`, a number of seconds and ` INFO: ` stand before it (Sidekiq), it is
//! that number.
//!
//! Some programs have a [dress](super::dresses) of their own.
//!
//! If the line has no timestamp or no level by these rules, or a byte ESC stands before the message
//! or at its start, and the line has control sequences ([`ansi`](super::ansi)), it is read without
//! them, and that counts if it gives a timestamp.

#[cfg(test)]
mod tests;

use super::ansi::{self, ESC};
use super::duration::decimal;
use super::text_duration::{self, Cache, TEXTS_MAX};
use super::timed;
use crate::bytes::line::{LINE_BYTES_MAX, Line, PAD};
use crate::bytes::simd::Simd;
use crate::fast::FastPath;
use crate::format::classify;
use crate::format::database::operations;
use crate::format::prefilter::RequiredBytes;
use crate::format::slices::digits_at_end;
use crate::format::{
    BulkFormat, Candidate, Entry, Facts, Info, LINE_REFS_MAX, LineFormat, LineRef, LineRefs,
    LineSubset, Parse, Run, Unit, bulk, line_format, line_of, one_by_one,
};
use crate::record::{
    BATCH_ROWS, Batch, Columns, Level, NO_DURATION, Record, RowWriter, Rows, Text,
};
use crate::time::{Stamp, TimestampParser};

/// Registry entry of the strict form.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "app",
        title: "application log: timestamp, level, message",
        example: "2024-01-24 10:15:32.123 INFO Request processed in 127ms",
        time_field: "start of the line",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts { is_general: true, ..Facts::PLAIN },
    build: |_| bulk(App { anywhere: false }),
};

/// Registry entry of the form with the timestamp anywhere near the front.
pub static ANYWHERE: Entry = Entry {
    info: Info {
        name: "text",
        title: "any text with a timestamp and a level near the front",
        example: "nova-api.log 2024-01-24 10:15:32.123 2931 INFO nova.wsgi [-] accepted",
        time_field: "first timestamp in the line",
        duration: Some(("number and unit in the message", "in the text")),
    },
    facts: Facts { trial: Candidate::LastResort, ..Facts::PLAIN },
    build: |_| line_format(App { anywhere: true }),
};

struct App {
    anywhere: bool,
}

impl LineFormat for App {
    const COLUMNS: Columns =
        Columns::TIME.or(Columns::LEVEL).or(Columns::DURATION).or(Columns::MESSAGE);

    const NEEDS: RequiredBytes = RequiredBytes::TIME;
    const IN_AVX512: bool = true;

    fn may_begin_with(&self, byte: u8) -> bool {
        self.anywhere && byte != b'{'
            || byte.is_ascii_digit()
            || byte.is_ascii_uppercase()
            || matches!(byte, b'[' | b'<' | b'(' | b'*' | b'.' | b'@' | b'%' | b'-' | ESC)
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        // By far the most usual shape first: an ISO timestamp with milliseconds, a space, a level
        // in upper case, one space or two. It gives what the general way would give.
        if self.anywhere && line.byte(0) == b'{' {
            return None;
        }
        if !self.anywhere
            && let Some((stamp, time_ns)) = cx.clock().plain(line)
            && let Some((level, message)) = plain_level(line, 24)
        {
            cx.record.time_ns = time_ns;
            cx.record.second = stamp.second;
            fill(cx.simd, line, level, message, &mut cx.context.memo, cx.record);
            return Some(());
        }
        let found = self.dissect(cx.simd, line, cx.clock());
        let coloured = match found {
            Some((_, level, message)) if level != Level::None => {
                let end = line.len().min(message + 1);
                line.find(cx.simd, 0, ESC) < end
            }
            _ => line.find(cx.simd, 0, ESC) < line.len(),
        };
        if coloured && self.uncolored(line, &mut cx.again()).is_some() {
            return Some(());
        }
        let (stamp, level, message) = found?;
        cx.record.set_time(stamp);
        fill(cx.simd, line, level, message, &mut cx.context.memo, cx.record);
        if cx.record.duration_ns == NO_DURATION {
            cx.record.duration_ns = of_place(line.bytes(), message);
        }
        Some(())
    }
}

impl BulkFormat for App {
    fn parse_many(&self, run: &mut Run<'_>) {
        if !run.context.fast.has(FastPath::AppLines) {
            return;
        }
        while plain_lines(run) == TEXTS_MAX {}
    }

    fn parse_each(&self, lines: &mut LineSubset<'_>) {
        if !lines.context.fast.has(FastPath::AppLines) {
            return one_by_one(self, lines.lines, lines);
        }
        const _: () = assert!(LINE_REFS_MAX <= TEXTS_MAX);
        for some in lines.lines.chunks(LINE_REFS_MAX) {
            crate::dispatch!(plain_each::<>(app: &App, some: &[LineRef], lines: &mut LineSubset<'_>)
                -> (); self, some, lines);
        }
    }
}

/// The response time of a line whose message has none, at a place that a program documents.
#[inline(always)]
fn of_place(line: &[u8], message: usize) -> u64 {
    match &line[message..] {
        b"done" | b"fail" => of_sidekiq(&line[..message]),
        text => match of_mongo(text) {
            NO_DURATION => operations::response_time(text),
            nanos => nanos,
        },
    }
}

/// The seconds of a job of Sidekiq, before the level: `elapsed=1.234 INFO: `.
#[cold]
fn of_sidekiq(front: &[u8]) -> u64 {
    let Some(front) = front.strip_suffix(b" INFO: ") else { return NO_DURATION };
    let is_of_number = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let number = front.iter().rev().take_while(is_of_number).count();
    let (name, number) = front.split_at(front.len() - number);
    let nanos = name.ends_with(b" elapsed=").then(|| decimal(number, Unit::Seconds)).flatten();
    nanos.unwrap_or(NO_DURATION)
}

/// The milliseconds at the end of a line of MongoDB's log, behind its component and connection.
#[inline(always)]
fn of_mongo(message: &[u8]) -> u64 {
    match message {
        [first, .., b'm', b's'] if first.is_ascii_uppercase() => of_component(message),
        _ => NO_DURATION,
    }
}

#[inline(never)]
fn of_component(message: &[u8]) -> u64 {
    let name = message.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let behind = message[name..].trim_ascii_start();
    let number = &message[..message.len() - 2];
    let (before, digits) = number.split_at(number.len() - digits_at_end(number));
    if message[name] != b' ' || !behind.starts_with(b"[conn") || !before.ends_with(b" ") {
        return NO_DURATION;
    }
    decimal(digits, Unit::Milliseconds).unwrap_or(NO_DURATION)
}

/// Shortest and longest line that [`plain_lines`] takes: of a short one the message might not begin
/// in the line, a long one might have to be cut.
const PLAIN_BYTES: std::ops::Range<u32> = 33..LINE_BYTES_MAX as u32;

/// Parses lines of the most usual shape, as many as follow one another, up to [`TEXTS_MAX`]; how
/// many.
///
/// First all times and levels, then all response times: a wrong guess about one line then does
/// not hold up the reading of the next, and each half has the registers to itself.
///
/// # Fast path `app-lines`
/// ```text
/// for each line: the minute is that of the line before, `:SS.mmm `, a level in upper case:
///                write time, level, where the message is; anything else: stop
/// for each of these: the response time in its message (`find_many`)
/// ```
/// Reference: `App::parse`. Compared by `tests/twin` and `tests/fast_paths.rs`. Gain: time
/// without it 1.49 on app text, 1.15 on mixed logs, 1.02 on unlike ones (2026-11-28, AMD EPYC
/// with AVX-512, other work beside it).
fn plain_lines(run: &mut Run<'_>) -> usize {
    let Run { block, ends, next, start, batch, context, .. } = run;
    let rows = TEXTS_MAX.min(BATCH_ROWS - batch.len);
    let ends = &ends[*next..];
    let ends = &ends[..ends.len().min(rows)];
    let clock = &mut context.clock;
    let (rows, after) = crate::dispatch!(heads::<>(block: &[u8], ends: &[u32], start: u32,
        clock: &mut TimestampParser, batch: &mut Batch) -> (usize, u32); block, ends, *start, clock, batch);
    if rows > 0 {
        let memo = &mut context.memo;
        let heads = Heads { block, rows };
        crate::dispatch!(durations::<>(heads: &Heads<'_>, memo: &mut Cache, batch: &mut Batch) -> ();
            &heads, memo, batch);
        (*start, *next) = (after, *next + rows);
        batch.rows().finish(App::COLUMNS, rows);
    }
    rows
}

/// Rows behind a batch's last one that [`heads`] wrote: their messages lie in the block with their
/// pad.
struct Heads<'a> {
    block: &'a [u8],
    rows: usize,
}

/// Writes all but the response times of lines of the most usual shape behind the batch's last
/// row; how many, and where the line after them starts.
#[inline(always)]
fn heads<S: Simd>(
    _simd: S,
    block: &[u8],
    ends: &[u32],
    start: u32,
    clock: &mut TimestampParser,
    batch: &mut Batch,
) -> (usize, u32) {
    let first = batch.len;
    assert!(first + ends.len() <= BATCH_ROWS && start as usize >= PAD);
    // Lines that end up to here have their pad.
    let last_end = block.len().saturating_sub(PAD).min(u32::MAX as usize) as u32;
    let mut at = start;
    let mut count = 0;
    let mut rows = batch.rows();
    // Rows counted up to a constant need no check of their own.
    for (row, &end) in (first..BATCH_ROWS).zip(ends) {
        let len = end.wrapping_sub(at);
        if end > last_end || !PLAIN_BYTES.contains(&len) {
            break;
        }
        // SAFETY: the line lies between the first and the last PAD bytes of the block: it starts
        // at or behind a start that was asserted, and its end was just checked. It has 32 bytes.
        let (words, carriage_return) = unsafe {
            let line = block.as_ptr().add(at as usize);
            let words = line.cast::<[u64; 4]>().read_unaligned().map(u64::from_le);
            (words, *line.add(len as usize - 1) == b'\r')
        };
        let text_end = end - u32::from(carriage_return);
        if !write_head(words, at, text_end, row, clock, &mut rows) {
            break;
        }
        at = end + 1;
        count += 1;
    }
    (count, at)
}

/// Writes all but the response time of a line of the most usual shape, which begins with `words`;
/// false if it is of another.
#[inline(always)]
fn write_head(
    words: [u64; 4],
    start: u32,
    end: u32,
    row: usize,
    clock: &mut TimestampParser,
    rows: &mut RowWriter<'_>,
) -> bool {
    let Some((stamp, nanos)) = clock.plain_words([words[0], words[1], words[2]]) else {
        return false;
    };
    let Some((head, text)) = plain_head(words[3]) else { return false };
    let Rows { cells, line_start, line_len, .. } = rows.parts();
    cells.time_ns[row] = nanos;
    cells.second[row] = stamp.second;
    cells.level[row] = head.level;
    cells.message[row] = Text::of_line((start + 24 + text) as usize, end as usize);
    cells.duration_ns[row] = NO_DURATION;
    line_start[row] = start;
    line_len[row] = end - start;
    true
}

/// Whether a line begins with four numbers with points between them, the first of up to three
/// digits, and a space: no timestamp does.
#[inline(always)]
fn begins_with_address<S: Simd>(simd: S, line: Line<'_>) -> bool {
    let other = !line.range32(simd, 0, b'0', b'9');
    let without_lowest = |mask: u32| mask & mask.wrapping_sub(1);
    let rest = without_lowest(without_lowest(without_lowest(other)));
    // What is not a digit: first three points, not at the very front, then a space.
    let (points, space) = (other ^ rest, rest & rest.wrapping_neg());
    (other & 0b1111 > 1)
        & (other & 1 == 0)
        & (points & !line.eq32(simd, 0, b'.') == 0)
        & (space & line.eq32(simd, 0, b' ') != 0)
}

/// Finds the response times in the messages of rows that [`heads`] has just written.
#[inline(always)]
fn durations<S: Simd>(simd: S, heads: &Heads<'_>, memo: &mut Cache, batch: &mut Batch) {
    let rows = batch.len..batch.len + heads.rows;
    let mut writer = batch.rows();
    let Rows { cells, .. } = writer.parts();
    let message = &cells.message[rows.clone()];
    let duration_ns = &mut cells.duration_ns[rows];
    let text = |i: usize| {
        let (start, end) = message[i].range();
        // SAFETY: the message lies in the block with its pad, or `Heads` would not say so.
        unsafe { Line::new_unchecked(heads.block, start, end) }
    };
    text_duration::find_many(simd, message.len(), text, memo, |i, nanos| duration_ns[i] = nanos);
}

/// A level in upper case and the space behind it.
#[derive(Clone, Copy)]
struct Head {
    bytes: u64,
    mask: u64,
    len: u32,
    level: u8,
}

/// The plain levels, by a hash of their first four letters.
static HEADS: [Head; 8] = {
    const NONE: Head = Head { bytes: 1, mask: 0, len: 0, level: 0 };
    let words: [(&[u8], Level); 6] = [
        (b"TRACE ", Level::Trace),
        (b"DEBUG ", Level::Debug),
        (b"INFO ", Level::Info),
        (b"WARN ", Level::Warn),
        (b"ERROR ", Level::Error),
        (b"FATAL ", Level::Fatal),
    ];
    let mut heads = [NONE; 8];
    let mut i = 0;
    while i < words.len() {
        let (word, level) = words[i];
        let (mut bytes, mut mask, mut k) = (0u64, 0u64, 0);
        while k < word.len() {
            bytes |= (word[k] as u64) << (8 * k);
            mask |= 0xff << (8 * k);
            k += 1;
        }
        let head = &mut heads[head_slot(bytes)];
        assert!(head.mask == 0, "no two levels in one place");
        *head = Head { bytes, mask, len: word.len() as u32, level: level as u8 };
        i += 1;
    }
    heads
};

#[inline(always)]
const fn head_slot(bytes: u64) -> usize {
    ((bytes as u32).wrapping_mul(0x612e7697) >> 29) as usize
}

/// The level in the eight bytes before and around the start of a message, and where it starts.
///
/// None if it is another, or if more than one space or two stand before the message: that is for
/// the general way.
#[inline(always)]
fn plain_head(bytes: u64) -> Option<(&'static Head, u32)> {
    let head = &HEADS[head_slot(bytes)];
    let rest = bytes >> (8 * head.len);
    let spaced = u32::from(rest as u8 == b' ');
    let opening = (rest >> (8 * spaced)) as u8;
    let fits = bytes & head.mask == head.bytes && !NOT_PLAIN[usize::from(opening)];
    fits.then_some((head, head.len + spaced))
}

#[inline(always)]
fn fill<S: Simd>(
    simd: S,
    line: Line<'_>,
    level: Level,
    message: usize,
    memo: &mut Cache,
    record: &mut Record,
) {
    record.level = level;
    record.duration_ns = text_duration::find(simd, line, message, memo);
    record.message = Text::of_line(message, line.len());
}

/// What no message of a line of the most usual shape begins with.
static NOT_PLAIN: [bool; 256] = crate::format::byte_set(b" \t])>|:-,;\"\x1b");

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
    let plain = start < line.len() && !NOT_PLAIN[usize::from(line.byte(start))];
    plain.then_some((level, start))
}

/// Parses some of the lines, at most [`LINE_REFS_MAX`]: those of the most usual shape together,
/// in two phases as [`plain_lines`] does.
#[inline(always)]
fn plain_each<S: Simd>(simd: S, app: &App, some: &[LineRef], lines: &mut LineSubset<'_>) {
    let block = lines.block;
    let last_end = block.len().saturating_sub(PAD).min(u32::MAX as usize) as u32;
    // Without a branch, since no branch predictor can tell which line is of which format.
    let (mut mine, mut others) = (LineRefs::default(), LineRefs::default());
    for &spot in some {
        let line = line_of(block, spot.start, spot.end);
        let other = !lines.escapes & begins_with_address(simd, line);
        mine.push_if(spot, !other);
        others.push_if(spot, other);
    }
    lines.refused.extend_from_slice(others.all());
    let (mut plain, mut odd) = (LineRefs::default(), LineRefs::default());
    for &spot in mine.all() {
        let LineRef { start, end, row } = spot;
        let in_place = start as usize >= PAD && end <= last_end;
        if !in_place || !PLAIN_BYTES.contains(&end.wrapping_sub(start)) {
            odd.push_if(spot, true);
            continue;
        }
        // SAFETY: the line lies between the first and the last PAD bytes of the block, as was
        // just checked. It has 32 bytes.
        let (words, carriage_return) = unsafe {
            let line = block.as_ptr().add(start as usize);
            let words = line.cast::<[u64; 4]>().read_unaligned();
            let words = [words[0], words[1], words[2], words[3]].map(u64::from_le);
            (words, *block.as_ptr().add(end as usize - 1) == b'\r')
        };
        let end = end - u32::from(carriage_return);
        let (clock, mut rows) = (&mut lines.context.clock, lines.batch.rows());
        let written = write_head(words, start, end, row as usize, clock, &mut rows);
        plain.push_if(spot, written);
        odd.push_if(spot, !written);
    }
    let plain = plain.all();
    let (mut rows, memo) = (lines.batch.rows(), &mut lines.context.memo);
    let Rows { cells, .. } = rows.parts();
    let (message, duration_ns) = (&cells.message, &mut cells.duration_ns);
    let text = |i: usize| {
        let (start, end) = message[plain[i].row as usize].range();
        // SAFETY: the message lies in a line that was found to have its pad.
        unsafe { Line::new_unchecked(block, start, end) }
    };
    text_duration::find_many(simd, plain.len(), text, memo, |i, nanos| {
        duration_ns[plain[i].row as usize] = nanos;
    });
    one_by_one(app, odd.all(), lines);
}

impl App {
    /// Timestamp, level and start of the message, by the general way.
    #[inline(always)]
    fn dissect<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
    ) -> Option<(Stamp, Level, usize)> {
        if self.anywhere {
            return timed::anywhere(simd, line, clock);
        }
        let open = match line.byte(0) {
            b'[' | b'<' | b'(' | b'*' | b'.' | b'@' | b'%' => 1,
            b'-' if line.byte(1) == b' ' => 2,
            _ => 0,
        };
        let (stamp, level, end, message) = timed::at(line, open, clock)?;
        (!classify::is_claimed(line.bytes(), end)).then_some((stamp, level, message))
    }

    /// Reads the line as if it had no colors.
    #[cold]
    #[inline(never)]
    fn uncolored<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        ansi::uncolored(line, cx, |line, cx| {
            if !self.may_begin_with(line.byte(0)) {
                return None;
            }
            let (stamp, level, message) = dissected(self, line, cx.clock())?;
            cx.record.set_time(stamp);
            cx.record.level = level;
            cx.record.message = Text::of_line(message, line.len());
            cx.record.duration_ns = text_duration::find_one(line, message, &mut cx.context.memo);
            if cx.record.duration_ns == NO_DURATION {
                cx.record.duration_ns = of_place(line.bytes(), message);
            }
            Some(())
        })
    }
}

/// As [`App::dissect`], from where no instruction set is chosen yet.
fn dissected(
    app: &App,
    line: Line<'_>,
    clock: &mut TimestampParser,
) -> Option<(Stamp, Level, usize)> {
    #[inline(always)]
    fn dissect<S: Simd>(
        simd: S,
        app: &App,
        line: Line<'_>,
        clock: &mut TimestampParser,
    ) -> Option<(Stamp, Level, usize)> {
        app.dissect(simd, line, clock)
    }
    crate::dispatch!(dissect::<>(app: &App, line: Line<'_>, clock: &mut TimestampParser)
        -> Option<(Stamp, Level, usize)>; app, line, clock)
}
