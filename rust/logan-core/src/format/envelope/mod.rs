//! Envelopes: what syslog, container runtimes and the journal put around the lines of programs.
//!
//! # The rule
//! A line of an envelope says a time, perhaps a level, and a *payload*. The envelope is taken off,
//! and the payload is parsed by the formats of the registry that are not
//! [outer](super::Candidate::Outer), in its order. What the payload says wins: its time and its level;
//! the envelope's fill in for what it does not say, such as the year of its time. Status, response time, route and the rest are
//! the payload's.
//!
//! A payload that no format takes makes a record all the same: its level is found as behind the
//! timestamp of [app text](crate::format::text::app), its response time as in its message, and the message is
//! what follows the level. Without a payload the record has the envelope's time and level alone.
//!
//! Where the envelope is no more than a prefix that other lines may have, such a payload makes the
//! line one of another format.
//!
//! A payload that is blank, or that no format takes and that begins as [continuation
//! lines](crate::format::classify::is_continuation) do, makes the line a continuation. White space at
//! its front does not where the kernel or sudo speaks, which indent what they say, nor does one blank,
//! nor up to three before a name in brackets: that program's lines all begin so.
//!
//! # Pieces
//! Container runtimes cut long lines (Docker every 16 KiB) and mark the pieces. With
//! [`Params::rejoin`] all pieces but the last are continuations, per stream; the line that ends the
//! record is the record, its payload is the pieces' and its own on end, and what it says of time and
//! level is the envelope's. How far pieces reach is in [`history`](crate::format::state). Without
//! `rejoin` pieces that say so are continuations, and the last one stands for itself.
//!
//! # How
//! An envelope's [`Head`] finds the payload, as a range of the line where it stands there as such,
//! so that nothing is copied; else it writes it to a buffer that is kept. Texts in that buffer go
//! to the arena, up to [`TEXT_BYTES_MAX`].

pub mod cri;
pub mod docker;
pub mod journald;
pub(crate) mod object;
pub mod platform;
pub mod prefixed;
pub mod syslog;

use super::state::Pieces;
use super::{Candidate, Entry, Format, MultiLineFormat, Params, Parse, Part, REGISTRY, multi_line};
use crate::bytes::line::{Line, PAD};
use crate::bytes::simd::Simd;
use crate::format::classify::{is_blank, is_continuation};
use crate::format::database::operations;
use crate::format::prefilter::{Prefilter, RequiredBytes};
use crate::format::text::{ansi, levels, text_duration};
use crate::record::{Columns, Level, NO_DURATION, NO_TIME, Record, Text};
use crate::time::{Stamp, TimestampParser};

/// Bytes of a text that are kept where the line does not hold it: four times what templates of
/// messages are made of.
pub const TEXT_BYTES_MAX: usize = 4 << 10;

/// What an envelope says.
pub(crate) struct Opened {
    pub(crate) stamp: Option<Stamp>,
    pub(crate) level: Level,
    pub(crate) payload: Payload,
    /// Which of the envelope's [streams](STREAMS) the line is of, if its lines come in pieces.
    pub(crate) stream: Option<usize>,
    /// Whether the rest of the record is in a later line.
    pub(crate) is_piece: bool,
    /// Whether white space at the front means nothing.
    pub(crate) is_indented: bool,
    /// Whether the line is one of the envelope's only if some format takes the payload.
    pub(crate) is_doubtful: bool,
}

impl Opened {
    /// What says nothing.
    const NOTHING: Opened = Opened {
        stamp: None,
        level: Level::None,
        payload: Payload::None,
        stream: None,
        is_piece: false,
        is_indented: false,
        is_doubtful: false,
    };
}

/// Where the payload is.
#[derive(Clone, Copy)]
pub(crate) enum Payload {
    /// There is none.
    None,
    /// A range of the line.
    Line(usize, usize),
    /// In the buffer, behind [`PAD`] bytes.
    Buffer,
}

/// An envelope, as its author writes it.
pub(crate) trait Head: Send + Sync + 'static {
    /// See [`MultiLineFormat::NEEDS`].
    const NEEDS: RequiredBytes = RequiredBytes::NONE;

    /// See [`MultiLineFormat::may_begin_with`].
    fn may_begin_with(&self, byte: u8) -> bool;

    /// What the envelope says, if the line is one. A payload for the buffer is written behind
    /// [`PAD`] bytes of anything; its pad at the end is not the head's business.
    fn open<S: Simd>(
        &self,
        simd: S,
        line: Line<'_>,
        clock: &mut TimestampParser,
        buffer: &mut Vec<u8>,
    ) -> Option<Opened>;
}

/// The formats that payloads are tried with.
pub(crate) struct Inner {
    formats: Vec<Box<dyn Format>>,
    /// For each first byte, the formats that may take it.
    candidates: Box<[u64; 256]>,
    needs: Prefilter,
}

impl Inner {
    pub(crate) fn new() -> Inner {
        let params = Params::of_payloads();
        let formats: Vec<_> = inner_formats().map(|entry| (entry.build)(&params)).collect();
        let mut candidates = Box::new([0; 256]);
        for (byte, set) in candidates.iter_mut().enumerate() {
            for (i, format) in formats.iter().enumerate() {
                *set |= u64::from(format.may_begin_with(byte as u8)) << i;
            }
        }
        let needs = Prefilter::of(formats.iter());
        Inner { formats, candidates, needs }
    }

    /// Fills the record if one of the formats takes the line; else record and arena stay as they
    /// were.
    pub(crate) fn take<S: Copy>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> bool {
        self.take_with(self.needs.met(line), line, None, &mut cx.with(()))
    }

    /// As [`take`](Self::take), given which formats can do with the line and its offset in the source,
    /// where lines before it count.
    #[inline(always)]
    fn take_with(
        &self,
        met: u64,
        line: Line<'_>,
        offset: Option<u64>,
        cx: &mut Parse<'_, ()>,
    ) -> bool {
        let written = cx.arena.len();
        let mut candidates = line.bytes().first().map_or(0, |&b| self.candidates[usize::from(b)]);
        candidates &= met;
        while candidates != 0 {
            *cx.record = Record::EMPTY;
            let format = &self.formats[candidates.trailing_zeros() as usize];
            if format.part(line, offset, cx) == Part::Record {
                return true;
            }
            cx.arena.truncate(written);
            candidates &= candidates - 1;
        }
        *cx.record = Record::EMPTY;
        false
    }

    /// As [`take_with`](Self::take_with), where dates without a year lie about `stamp`.
    #[cold]
    #[inline(never)]
    fn take_about(
        &self,
        stamp: Stamp,
        met: u64,
        line: Line<'_>,
        offset: u64,
        cx: &mut Parse<'_, ()>,
    ) {
        let about = cx.context.clock.about(stamp);
        let kept = std::mem::replace(&mut cx.context.clock, about);
        self.take_with(met, line, Some(offset), cx);
        let about = std::mem::replace(&mut cx.context.clock, kept);
        (cx.context.clock.seen_zone, cx.context.clock.numeric_date) =
            (about.seen_zone, about.numeric_date);
    }

    /// Reads a payload of an envelope that says `opened`, on the line at `offset`; a record, or a
    /// continuation.
    fn read<S: Simd>(
        &self,
        payload: Line<'_>,
        opened: &Opened,
        offset: u64,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let (inner, cx) = (self, &mut cx.with(()));
        // Compiled once for all envelopes.
        crate::dispatch!(read::<>(inner: &Inner, payload: Line<'_>, opened: &Opened, offset: u64,
            cx: &mut Parse<'_, ()>) -> Part; inner, payload, opened, offset, cx)
    }
}

/// As [`Inner::read`].
#[inline(always)]
fn read<S: Simd>(
    simd: S,
    inner: &Inner,
    payload: Line<'_>,
    opened: &Opened,
    offset: u64,
    cx: &mut Parse<'_, ()>,
) -> Part {
    cx.context.is_timed_outside = opened.stamp.is_some();
    // Not all formats read over colors.
    let is_colored = payload.find(simd, 0, ansi::ESC) < payload.len();
    let of_plain = |plain: Line<'_>, cx: &mut Parse<'_, ()>| {
        let met = inner.needs.met_by(simd, plain);
        inner.take_with(met, plain, Some(offset), cx).then_some(())
    };
    if is_colored && ansi::uncolored(payload, cx, of_plain).is_some() {
        distrust_number(payload, opened, cx.record);
        fill(opened, cx.record);
        return Part::Record;
    }
    let met = inner.needs.met_by(simd, payload);
    if !inner.take_with(met, payload, Some(offset), cx) {
        if continues(payload.bytes(), opened.is_indented) {
            return Part::Continuation;
        }
        if opened.is_doubtful {
            return Part::Foreign;
        }
        let cx = &mut cx.with(simd);
        let of_text = |plain: Line<'_>, cx: &mut Parse<'_, S>| {
            free_text(plain, cx);
            Some(())
        };
        if !is_colored || ansi::uncolored(payload, cx, of_text).is_none() {
            free_text(payload, cx);
        }
    } else if let Some(stamp) = opened.stamp
        && is_of_another_year(cx.record, stamp)
    {
        inner.take_about(stamp, met, payload, offset, cx);
    }
    distrust_number(payload, opened, cx.record);
    fill(opened, cx.record);
    Part::Record
}

/// Whether a record's time is more than half a year away from that of its envelope.
#[inline(always)]
fn is_of_another_year(record: &Record, stamp: Stamp) -> bool {
    const HALF_YEAR_NS: u64 = 183 * 86_400_000_000_000;
    record.time_ns != NO_TIME && record.time_ns.abs_diff(stamp.nanos_since_epoch()) > HALF_YEAR_NS
}

/// Takes the time from a record whose payload begins with a bare number that is years away from the
/// time of its envelope: it is a session or a telephone number.
#[inline(always)]
fn distrust_number(payload: Line<'_>, opened: &Opened, record: &mut Record) {
    const YEAR_NS: u64 = 366 * 86_400_000_000_000;
    let front = usize::from(matches!(payload.byte(0), b'[' | b'<'));
    if TimestampParser::is_bare(payload, front)
        && record.time_ns != NO_TIME
        && let Some(stamp) = opened.stamp
        && record.time_ns.abs_diff(stamp.nanos_since_epoch()) > YEAR_NS
    {
        record.time_ns = NO_TIME;
        record.second = Record::EMPTY.second;
    }
}

/// Where a payload begins behind the mark that structured syslog puts before JSON: `@cee: {`.
///
/// Source: <https://www.rsyslog.com/doc/configuration/modules/mmjsonparse.html>.
#[inline(always)]
fn behind_cookie(line: Line<'_>, start: usize, end: usize) -> usize {
    if start >= end || line.u32_at(start) != u32::from_le_bytes(*b"@cee") {
        return start;
    }
    let rest = line.bytes()[start..end].strip_prefix(b"@cee:").map(<[u8]>::trim_ascii_start);
    rest.filter(|rest| rest.starts_with(b"{")).map_or(start, |rest| end - rest.len())
}

/// The entries of the formats that payloads are tried with, in order.
pub fn inner_formats() -> impl Iterator<Item = &'static Entry> {
    REGISTRY
        .iter()
        .copied()
        .filter(|entry| !matches!(entry.facts.trial, Candidate::Outer | Candidate::Alone))
}

/// Gives a record what its payload did not say.
fn fill(opened: &Opened, record: &mut Record) {
    if record.time_ns == NO_TIME
        && let Some(stamp) = opened.stamp
    {
        record.set_time(stamp);
    }
    if record.level == Level::None {
        record.level = opened.level;
    }
}

/// Whether a payload that no format took goes on with a record.
fn continues(payload: &[u8], is_indented: bool) -> bool {
    // How rsyslog writes a tab.
    let payload = payload.strip_prefix(b"#011").map_or(payload, |_| b"\t");
    match payload.first() {
        None => true,
        Some(b' ' | b'\t') if is_indented => false,
        _ if is_blank(payload) => true,
        _ => is_continuation(without_slip(payload)),
    }
}

/// A payload without what is no indentation, as in `scylla[17]:  [shard 6] compaction`.
fn without_slip(payload: &[u8]) -> &[u8] {
    let blanks = payload.iter().take_while(|&&byte| byte == b' ').count();
    match &payload[blanks..] {
        rest if blanks == 1 => rest,
        rest @ [b'[', first, ..] if blanks <= 3 && first.is_ascii_alphabetic() => rest,
        _ => payload,
    }
}

/// A payload as the message of a record.
#[inline(always)]
fn free_text<S: Simd>(payload: Line<'_>, cx: &mut Parse<'_, S>) {
    let front = payload.until(levels::LEVEL_OFFSET_MAX);
    let (level, after) = levels::level_in(front).unwrap_or((Level::None, 0));
    let message = levels::message_start(payload, after);
    cx.record.level = level;
    cx.record.message = Text::of_line(message, payload.len());
    let memo = &mut cx.context.memo;
    cx.record.duration_ns = match text_duration::find(cx.simd, payload, message, memo) {
        NO_DURATION => operations::response_time(&payload.bytes()[message..]),
        nanos => nanos,
    };
}

/// Moves texts of a payload at `start` of a line to their place in the line.
fn shift(record: &mut Record, start: usize) {
    record.for_each_text(|text| *text = text.at(start as u32));
}

/// Moves texts of a payload that will be gone to the arena.
pub(crate) fn keep(record: &mut Record, payload: &[u8], arena: &mut Vec<u8>) {
    record.for_each_text(|text| {
        if text.is_of_line() && !text.is_empty() {
            let bytes = text.bytes(payload, &[]);
            let start = arena.len();
            arena.extend_from_slice(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]);
            *text = Text::of_arena(start, arena.len());
        }
    });
}

/// The format that an envelope's head makes.
pub(crate) struct Envelope<H> {
    head: H,
    inner: Inner,
    rejoin: bool,
}

/// Streams of one envelope whose records may come in pieces.
const STREAMS: usize = 3;

/// What lines of an envelope leave for later ones.
#[derive(Default)]
pub(crate) struct Streams {
    /// Pieces of records, by stream.
    pieces: [Pieces; STREAMS],
    /// Room for a payload that no line holds as such, with its pad. Nothing in it outlives a line.
    buffer: Vec<u8>,
    /// Room for a payload put together.
    joined: Vec<u8>,
}

impl<H: Head> Envelope<H> {
    pub(crate) fn build(head: H, params: &Params) -> Box<dyn Format> {
        multi_line(Envelope { head, inner: Inner::new(), rejoin: params.rejoin })
    }
}

impl Inner {
    /// Reads a payload that lies in a buffer, between two pads.
    fn buffered<S: Simd>(
        &self,
        buffer: &[u8],
        opened: &Opened,
        offset: u64,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let payload = Line::new(buffer, PAD, buffer.len() - PAD);
        let part = self.read(payload, opened, offset, cx);
        keep(cx.record, payload.bytes(), cx.arena);
        part
    }
}

impl<H: Head> MultiLineFormat for Envelope<H> {
    const COLUMNS: Columns = Columns::ALL;
    const NEEDS: RequiredBytes = H::NEEDS;
    type State = Streams;

    fn may_begin_with(&self, byte: u8) -> bool {
        self.head.may_begin_with(byte)
    }

    #[inline(always)]
    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        state: &mut Streams,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let Streams { pieces, buffer, joined } = state;
        let Some(opened) = self.head.open(cx.simd, line, cx.clock(), buffer) else {
            return Part::Foreign;
        };
        if let Some(stream) = opened.stream {
            let pieces = &mut pieces[stream];
            pieces.expire(offset);
            if opened.is_piece || !pieces.is_empty() {
                let bytes = match opened.payload {
                    Payload::None => &[][..],
                    Payload::Line(start, end) => &line.bytes()[start..end],
                    Payload::Buffer => &buffer[PAD..],
                };
                if !opened.is_piece {
                    pieces.join(bytes, joined);
                    return self.inner.buffered(joined, &opened, offset, cx);
                }
                if self.rejoin {
                    pieces.add(offset, bytes);
                }
                return Part::Continuation;
            }
        }
        match opened.payload {
            Payload::None => {
                fill(&opened, cx.record);
                Part::Record
            }
            Payload::Line(start, end) => {
                let start = behind_cookie(line, start, end);
                let part = self.inner.read(line.slice(start, end), &opened, offset, cx);
                shift(cx.record, start);
                part
            }
            Payload::Buffer => {
                buffer.resize(buffer.len() + PAD, 0);
                self.inner.buffered(buffer, &opened, offset, cx)
            }
        }
    }
}

/// The payload of a line, for detection: what is left when the envelope is taken off.
fn opened<H: Head>(head: &H, line: Line<'_>, clock: &mut TimestampParser) -> Option<Vec<u8>> {
    let mut buffer = Vec::new();
    let opened = head.open(crate::bytes::simd::Baseline, line, clock, &mut buffer)?;
    Some(match opened.payload {
        Payload::None => Vec::new(),
        Payload::Line(start, end) => line.bytes()[behind_cookie(line, start, end)..end].to_vec(),
        Payload::Buffer => buffer.split_off(PAD),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_with_a_record() {
        for payload in [
            "",
            "  ",
            "  File \"x.py\", line 3",
            "    raise ValueError(x)",
            "\tat com.foo.Bar.baz(Bar.java:12)",
            "#011at x",
            "  key: value",
            " at Object.<anonymous> (x.js:1:2)",
            "  [0x00007f00deadbeef] f() /app/x.php:12",
            "  [",
        ] {
            assert!(continues(payload.as_bytes(), false), "{payload:?}");
        }
        for payload in [" QM ns1.example.org", "  [shard 6] compaction", " [shard 6] x", "x"] {
            assert!(!continues(payload.as_bytes(), false), "{payload:?}");
        }
    }
}
