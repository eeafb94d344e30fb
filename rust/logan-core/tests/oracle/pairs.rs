//! logfmt. Part of the [twin](super).

use super::*;

pub(super) fn logfmt_record(line: &[u8], clock: &TimestampParser) -> Option<Record> {
    let (pairs, flags) = logfmt_pairs(line)?;
    let mut fields = Fields::of(&pairs, clock);
    fields.settle_method();
    fields.settle(line, &clock.durations);
    fields.settle_nanos();
    fields.settle_status();
    let is_request =
        [&fields.method.rank, &fields.path.rank, &fields.status.rank].iter().all(|&&rank| rank > 0);
    let says =
        fields.time.rank > 0 || fields.level.rank > 0 || fields.message.rank > 1 || is_request;
    (pairs.len() >= 2 && flags <= logfmt::FLAGS_MAX && says).then(|| {
        let mut record = without_request(fields.record());
        if fields_lack_time(&record) {
            record.time_ns = time_of_two_keys(line, clock);
        }
        record
    })
}

fn fields_lack_time(record: &Record) -> bool {
    record.time_ns.is_none()
}

/// Without a status and a path, a method that is not HTTP's is another one's.
fn without_request(mut record: Record) -> Record {
    const METHODS: &str = "GET HEAD POST PUT DELETE PATCH OPTIONS CONNECT TRACE PURGE BAN QUERY SEARCH \
         REPORT PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK MKACTIVITY CHECKOUT";
    let is_http = METHODS.split(' ').any(|known| known.as_bytes() == record.method);
    if record.status.is_none() && record.path.is_empty() && !is_http {
        record.method.clear();
    }
    record
}

/// The pairs of a line, and how many flags it has.
pub(super) fn logfmt_pairs(line: &[u8]) -> Option<(Vec<Field>, usize)> {
    let first = *line.first()?;
    if !first.is_ascii_alphanumeric() && !b"_.-@/".contains(&first) {
        return None;
    }
    let is_blank = |b: u8| b == b' ' || b == b'\t';
    let mut pairs: Vec<Field> = Vec::new();
    let mut flags = 0;
    let mut at = 0;
    while at < line.len() {
        let key_len = run(line, at, |b| !is_blank(b) && b != b'=' && b != b'"');
        let key = &line[at..at + key_len];
        at += key_len;
        match line.get(at) {
            _ if key.is_empty() => return None,
            Some(b'"') => return None,
            Some(b'=') => {
                let (raw, text, end) = logfmt_value(line, at + 1)?;
                pairs.push(Field {
                    keys: vec![key.to_vec()],
                    raw,
                    text: Some(text),
                    is_element: false,
                });
                at = end;
            }
            _ if pairs.is_empty() => return None,
            _ => flags += 1,
        }
        at += run(line, at, is_blank);
    }
    Some((pairs, flags))
}

/// A value as it is written, what it says, and where it ends.
pub(super) fn logfmt_value(line: &[u8], at: usize) -> Option<(Vec<u8>, Vec<u8>, usize)> {
    let is_blank = |b: u8| b == b' ' || b == b'\t';
    if line.get(at) != Some(&b'"') {
        let value = line[at..][..run(line, at, |b| !is_blank(b))].to_vec();
        let end = at + value.len();
        let value = match value.strip_suffix(b",") {
            Some(before) if end < line.len() => before.to_vec(),
            _ => value,
        };
        return Some((value.clone(), value, end));
    }
    let (raw, end) = quoted(line, at)?;
    let has_comma = line.get(end) == Some(&b',');
    if !has_comma && line.get(end).is_some_and(|&b| !is_blank(b)) {
        return None;
    }
    let end = end + usize::from(has_comma);
    Some((raw.to_vec(), unescaped(raw), end))
}
