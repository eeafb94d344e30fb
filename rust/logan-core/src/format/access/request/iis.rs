//! Lines of IIS without their header, in its default columns.

use super::find::Request;
use crate::bytes::line::Line;
use crate::bytes::simd::Baseline;
use crate::format::cursor::Cursor;
use crate::format::http::path;
use crate::format::text::duration::decimal;
use crate::format::{Parse, Unit, address, fields};
use crate::record::{Column, NO_DURATION, Text};

/// Fills the record from a line of IIS without its header; whether it is one.
pub(super) fn iis(line: Line<'_>, request: &Request, cx: &mut Parse<'_, Baseline>) -> bool {
    const COLUMNS_MAX: usize = 15;
    let text = line.bytes();
    if !text[0].is_ascii_digit() || memchr::memchr_iter(b' ', &text[..request.start]).count() != 3 {
        return false;
    }
    let mut columns = [&b""[..]; COLUMNS_MAX];
    let mut count = 0;
    for column in text.split(|&b| b == b' ') {
        let Some(room) = columns.get_mut(count) else { return false };
        *room = column;
        count += 1;
    }
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_address = |text: &[u8]| address::is_v4(text) || address::v6(text).is_some();
    let (c, last) = (&columns, count - 4);
    let fits = (14..=COLUMNS_MAX).contains(&count)
        && is_address(c[2])
        && is_number(c[6])
        && is_address(c[8])
        && c[last..count].iter().all(|text| is_number(text))
        && c[last].len() == 3;
    let status = fields::status(c[if fits { last } else { 0 }]);
    let Some(status) = status.filter(|_| fits) else { return false };
    let Some((stamp, 19)) = cx.clock().any(line, 0) else { return false };
    cx.record.set_time(stamp);
    cx.record.method = Text::of_line(request.method.0, request.method.1);
    cx.record.path = path(line, request.target.0, request.target.1);
    cx.record.status = status;
    cx.record.client = Text::of_part(text, c[8]);
    cx.record.duration_ns = match status {
        101 => NO_DURATION,
        _ => decimal(c[count - 1], Unit::Milliseconds).unwrap_or(NO_DURATION),
    };
    let cursor = Cursor::new(line, 0);
    let agent = Text::of_part(text, c[9]).range();
    cursor.request(cx.context.wanted, Column::USER_AGENT, agent, cx.record);
    if count == COLUMNS_MAX {
        let referrer = Text::of_part(text, c[10]).range();
        cursor.request(cx.context.wanted, Column::REFERRER, referrer, cx.record);
    }
    true
}
