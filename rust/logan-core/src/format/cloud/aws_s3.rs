//! Amazon S3 server access logs.
//!
//! ```text
//! owner SP bucket SP "[" time "]" SP client SP requester SP id SP operation SP key SP request SP
//! status SP error SP bytes SP size SP total SP turnaround [SP …]
//! ```
//!
//! Any field may be `-`, which is none. *operation* begins with a capital letter and holds a `.`
//! (`REST.GET.OBJECT`, `WEBSITE.GET.OBJECT`, `BATCH.DELETE.OBJECT`). *request* is quoted or `-`;
//! its closing quote is the first that a space, a status and a space follow, since keys may hold
//! unescaped quotes; 64 of them are tried. *total* is the response time in milliseconds. Behind
//! *turnaround* come the referrer and the user agent, in quotes, five fields, and the host.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::cursor::Cursor;
use crate::format::http::{closing_quote, route};
use crate::format::prefilter::RequiredBytes;
use crate::format::{Entry, Facts, Info, LineFormat, Parse, Unit, line_format};
use crate::record::{Column, Columns, Record};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "aws-s3",
        title: "server access log of Amazon S3",
        example: "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be shop-assets \
                  [24/Jan/2024:10:15:32 +0000] 203.0.113.9 - 3E57427F33A59F07 REST.GET.OBJECT \
                  img/logo.png \"GET /shop-assets/img/logo.png HTTP/1.1\" 200 - 2662 2662 41 40 \
                  \"-\" \"Mozilla/5.0\" -",
        time_field: "[time]",
        duration: Some(("total time", "ms")),
    },
    facts: Facts::PLAIN,
    build: |_| line_format(S3),
};

/// Quotes of a request that are tried as the closing one.
const QUOTES_MAX: usize = 64;

struct S3;

impl LineFormat for S3 {
    const COLUMNS: Columns = Columns::ACCESS.or(Columns::ON_REQUEST);
    const NEEDS: RequiredBytes = RequiredBytes::DATE;

    fn may_begin_with(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || byte == b'-'
    }

    #[inline(always)]
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()> {
        let mut c = Cursor::new(line, 0);
        c.word(cx.simd)?;
        c.next_word(cx.simd)?;
        c.pass(b' ')?;
        c.pass(b'[')?;
        let (time, end) = cx.clock().clf(line, c.at)?;
        c.at = end;
        c.pass(b']')?;
        let client = c.next_word(cx.simd)?;
        c.next_word(cx.simd)?;
        c.next_word(cx.simd)?;
        let operation = c.next_word(cx.simd)?;
        let name = c.bytes(operation);
        if !name[0].is_ascii_uppercase() || !name.contains(&b'.') {
            return None;
        }
        c.next_word(cx.simd)?;
        c.pass(b' ')?;
        if c.pass(b'-').is_some() {
            cx.record.status = c.next_status()?;
        } else {
            c.pass(b'"')?;
            let request = c.at;
            let mut tried = 0;
            cx.record.status = loop {
                let close = closing_quote(cx.simd, line, c.at)?;
                c.at = close + 1;
                if let Some(status) = c.next_status().filter(|_| c.is(b' ')) {
                    route(line, request, close, cx.record);
                    break status;
                }
                tried += 1;
                if tried == QUOTES_MAX {
                    return None;
                }
                c.at = close + 1;
            };
        }
        c.next_word(cx.simd)?;
        cx.record.bytes_sent = c.next_size()?;
        c.next_size()?;
        cx.record.duration_ns = c.next_time(Unit::Milliseconds)?;
        c.next_time(Unit::Milliseconds)?;
        cx.record.set_time(time);
        cx.record.client = c.text(client);
        if !cx.context.wanted.is_empty() {
            requested(cx.simd, c, cx.context.wanted, cx.record);
        }
        Some(())
    }
}

/// Fills the columns on request from what follows the times.
#[cold]
fn requested<S: Simd>(
    simd: S,
    mut c: Cursor<'_>,
    wanted: Columns,
    record: &mut Record,
) -> Option<()> {
    let referrer = c.next_quoted(simd)?;
    c.request(wanted, Column::REFERRER, referrer, record);
    let user_agent = c.next_quoted(simd)?;
    c.request(wanted, Column::USER_AGENT, user_agent, record);
    // Version, id of the host, signature, cipher, kind of authentication.
    for _ in 0..5 {
        c.next_word(simd)?;
    }
    let host = c.next_word(simd)?;
    c.request(wanted, Column::HOST, host, record);
    Some(())
}
