//! Reads the fields of a line from the left, for formats whose fields stand in a fixed order.
//!
//! A reader answers None where what it wants is not there; the line is then not of the format.
//! Knows nothing of any format.

use super::http::{closing_quote, integer_at, nanos_of, number_at, size_at, status_at};
use super::{Parse, Unit};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::record::{Column, Columns, NO_DURATION, NO_STATUS, Record, Text};

/// Unescaped quotes inside a field that are looked at.
const QUOTES_MAX: usize = 64;

/// Where something starts and ends in the line.
pub(crate) type Span = (usize, usize);

/// A position in a line.
pub(crate) struct Cursor<'a> {
    pub(crate) line: Line<'a>,
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    /// The cursor at a position of a line.
    #[inline(always)]
    pub(crate) fn new(line: Line<'a>, at: usize) -> Cursor<'a> {
        Cursor { line, at }
    }

    /// Whether this byte is here.
    #[inline(always)]
    pub(crate) fn is(&self, byte: u8) -> bool {
        self.at < self.line.len() && self.line.byte(self.at) == byte
    }

    /// Whether a field may end here: the line does, or a space follows.
    #[inline(always)]
    pub(crate) fn ends_field(&self) -> bool {
        self.at == self.line.len() || self.is(b' ')
    }

    /// Goes past this byte.
    #[inline(always)]
    pub(crate) fn pass(&mut self, byte: u8) -> Option<()> {
        if !self.is(byte) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Goes past this text.
    #[inline(always)]
    pub(crate) fn pass_text(&mut self, text: &[u8]) -> Option<()> {
        if !self.line.bytes().get(self.at..)?.starts_with(text) {
            return None;
        }
        self.at += text.len();
        Some(())
    }

    /// One byte or more, up to the next space or the line's end.
    #[inline(always)]
    pub(crate) fn word<S: Simd>(&mut self, simd: S) -> Option<Span> {
        let start = self.at;
        self.at = self.line.find(simd, start, b' ');
        (start < self.at).then_some((start, self.at))
    }

    /// A space and a word.
    #[inline(always)]
    pub(crate) fn next_word<S: Simd>(&mut self, simd: S) -> Option<Span> {
        self.pass(b' ')?;
        self.word(simd)
    }

    /// The inside of a quoted field.
    #[inline(always)]
    pub(crate) fn quoted<S: Simd>(&mut self, simd: S) -> Option<Span> {
        self.pass(b'"')?;
        let start = self.at;
        let close = closing_quote(simd, self.line, start)?;
        self.at = close + 1;
        Some((start, close))
    }

    /// 1–19 digits.
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Option<u64> {
        let (value, end) = integer_at(self.line, self.at)?;
        self.at = end;
        Some(value)
    }

    /// A space and a number of bytes, or `-`, which is none.
    #[inline(always)]
    pub(crate) fn next_size(&mut self) -> Option<u64> {
        self.pass(b' ')?;
        let (value, end) = size_at(self.line, self.at)?;
        self.at = end;
        Some(value)
    }

    /// A space and a status of three digits, or `-`, which is none.
    #[inline(always)]
    pub(crate) fn next_status(&mut self) -> Option<u16> {
        self.pass(b' ')?;
        let status = if self.pass(b'-').is_some() {
            NO_STATUS
        } else {
            let status = status_at(self.line, self.at)?;
            self.at += 3;
            status
        };
        self.ends_field().then_some(status)
    }

    /// A space and a number of these units in nanoseconds; `-` and `-1` are [`NO_DURATION`].
    #[inline(always)]
    pub(crate) fn next_time(&mut self, unit: Unit) -> Option<u64> {
        self.pass(b' ')?;
        let nanos = if self.pass(b'-').is_some() {
            // `-1`, and whatever a clock that was set back leaves.
            self.integer();
            NO_DURATION
        } else {
            let number = number_at(self.line, self.at).filter(|number| number.unit_ns == 0)?;
            self.at = number.end;
            nanos_of(number.whole, number.billionths, unit.nanos())
        };
        self.ends_field().then_some(nanos)
    }

    /// A space and the inside of a quoted field, or a word. What closes the field is the first quote
    /// that the end of a field follows: not all servers escape what clients send.
    pub(crate) fn next_quoted<S: Simd>(&mut self, simd: S) -> Option<Span> {
        self.pass(b' ')?;
        if !self.is(b'"') {
            return self.word(simd);
        }
        let start = self.at + 1;
        self.at = start;
        for _ in 0..QUOTES_MAX {
            let close = closing_quote(simd, self.line, self.at)?;
            self.at = close + 1;
            if self.ends_field() {
                return Some((start, close));
            }
        }
        None
    }

    /// Sets a column of texts to a span, if the job asks for the column; `-` is none.
    pub(crate) fn request(&self, wanted: Columns, column: Column, span: Span, record: &mut Record) {
        if wanted.has(Columns::of(column)) {
            record.set_text(column, self.text(span));
        }
    }

    /// The same for a span in quotes in which servers escape quotes, backslashes and bytes, as `\"`, `\\`
    /// and `\xHH`.
    pub(crate) fn request_escaped<S: Copy>(
        &self,
        column: Column,
        span: Span,
        cx: &mut Parse<'_, S>,
    ) {
        self.request(cx.context.wanted, column, span, cx.record);
        let escaped = self.bytes(span);
        if memchr::memchr(b'\\', escaped).is_some() && cx.context.wanted.has(Columns::of(column)) {
            let text = cx.keep(&unescaped(escaped));
            cx.record.set_text(column, text);
        }
    }

    /// The same for a span that the line may lack.
    pub(crate) fn request_some(
        &self,
        wanted: Columns,
        column: Column,
        span: Option<Span>,
        record: &mut Record,
    ) {
        if let Some(span) = span {
            self.request(wanted, column, span, record);
        }
    }

    /// The bytes of a span.
    #[inline(always)]
    pub(crate) fn bytes(&self, span: Span) -> &'a [u8] {
        &self.line.bytes()[span.0..span.1]
    }

    /// The text of a span; `-` is none.
    #[inline(always)]
    pub(crate) fn text(&self, span: Span) -> Text {
        if self.bytes(span) == b"-" { Text::NONE } else { Text::of_line(span.0, span.1) }
    }

    /// Where an address with a port ends, before the colon.
    #[inline(always)]
    pub(crate) fn port_of(&self, (start, end): Span) -> Option<usize> {
        let address = self.bytes((start, end));
        let digits = address.iter().rev().take(6).take_while(|b| b.is_ascii_digit()).count();
        let host = address.len() - digits;
        ((1..=5).contains(&digits) && host > 0 && address[host - 1] == b':')
            .then(|| start + host - 1)
    }

    /// An address without its port and without brackets around it; `-` is none.
    #[inline(always)]
    pub(crate) fn client(&self, span: Span) -> Text {
        let (mut start, mut end) = (span.0, self.port_of(span).unwrap_or(span.1));
        if end - start > 2 && self.line.byte(start) == b'[' && self.line.byte(end - 1) == b']' {
            (start, end) = (start + 1, end - 1);
        }
        self.text((start, end))
    }
}

/// What servers write as escapes, undone; other backslashes stay.
fn unescaped(mut text: &[u8]) -> Vec<u8> {
    let hex = |digit: u8| (digit as char).to_digit(16);
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = memchr::memchr(b'\\', text) {
        out.extend_from_slice(&text[..at]);
        let (byte, len) = match text[at..] {
            [_, c @ (b'"' | b'\\'), ..] => (c, 2),
            [_, b'x', a, b, ..] => match (hex(a), hex(b)) {
                (Some(a), Some(b)) => ((a << 4 | b) as u8, 4),
                _ => (b'\\', 1),
            },
            _ => (b'\\', 1),
        };
        out.push(byte);
        text = &text[at + len..];
    }
    out.extend_from_slice(text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_servers() {
        for (written, meant) in [
            (r#"a \"b\" c"#, "a \"b\" c"),
            (r"a\\b", r"a\b"),
            (r"\x22a\x5C\x2", "\"a\\\\x2"),
            (r"c:\temp\", r"c:\temp\"),
        ] {
            assert_eq!(unescaped(written.as_bytes()), meant.as_bytes(), "{written}");
        }
    }
}
