use super::*;
use crate::bytes::line::PaddedLine;
use crate::format::Context;
use crate::record::Record;
use proptest::prelude::*;

/// What a line says: status, method, path, client, level, nanoseconds, size.
#[derive(Debug, PartialEq, Default)]
struct Said {
    status: u16,
    method: String,
    path: String,
    client: String,
    level: Level,
    ms: Option<f64>,
    size: Option<u64>,
}

fn read(line: &str) -> Option<(Record, Said)> {
    let padded = PaddedLine::new(line.as_bytes());
    let mut context = Context::new(TimestampParser::utc());
    let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
    let format = line_format(AnyRequest::new(&Params::default()));
    if !format.parse_line(padded.line(), &mut context, &mut arena, &mut record) {
        return None;
    }
    let text = |text: Text| String::from_utf8_lossy(text.bytes(line.as_bytes(), &arena)).into_owned();
    let said = Said {
        status: record.status,
        method: text(record.method),
        path: text(record.path),
        client: text(record.client),
        level: record.level,
        ms: (record.duration_ns != NO_DURATION).then(|| record.duration_ns as f64 / 1e6),
        size: (record.bytes_sent != crate::record::NO_BYTES).then_some(record.bytes_sent),
    };
    Some((record, said))
}

#[test]
fn show() {
    for line in std::fs::read_to_string("/tmp/access_show.log").unwrap_or_default().lines() {
        println!("{line}\n   {:?}", read(line).map(|(r, s)| (r.second, s)));
    }
}
