//! Which bytes are which line, and of which class a line is. Part of the [twin](super).

use super::*;
use logan_core::format::Candidate;

/// Reads the lines of one source.
pub struct Reader {
    pub(super) clock: TimestampParser,
    pub(super) formats: Vec<Parser>,
    before: Before,
}

pub(super) struct Parser {
    pub(super) name: &'static str,
}

impl Reader {
    /// A reader for source `source` of the spec.
    ///
    /// # Panics
    /// If the spec has no such source, or cannot be used.
    pub fn new(spec: &Spec, source: u32) -> Reader {
        let source = &spec.sources[source as usize].reading;
        let zone = TimeZone::get(&source.input_tz).expect("a known zone");
        let mut formats: Vec<Parser> = Vec::new();
        for listed in &source.formats {
            let (_, entry) = by_name(&listed.name).expect("a registered format");
            formats.push(Parser { name: entry.info.name });
        }
        for entry in REGISTRY.iter().filter(|_| !source.only) {
            if !formats.iter().any(|f| f.name == entry.info.name) {
                formats.push(Parser { name: entry.info.name });
            }
        }
        // What takes lines of others, too, comes last.
        formats.sort_by_key(|f| {
            by_name(f.name).is_some_and(|(_, entry)| entry.facts.trial == Candidate::LastResort)
        });
        let durations = source.durations.clone();
        let listed: Vec<String> = source.formats.iter().map(|f| f.name.clone()).collect();
        Reader {
            clock: TimestampParser {
                zone,
                anchor_ns: source.anchor_ns,
                durations,
                weekday: Default::default(),
            },
            formats,
            before: Before::new(&listed, &source.time),
        }
    }

    /// What the next line is: whole, without its end, and where it starts.
    pub fn classify(&mut self, whole: &[u8], offset: u64) -> Class {
        let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
        let class = self.class(whole, offset);
        if let Class::Record(format, record) = &class {
            self.before.add(format, line, offset, record);
        }
        class
    }

    fn class(&mut self, whole: &[u8], offset: u64) -> Class {
        let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
        if line.iter().all(u8::is_ascii_whitespace) {
            return Class::Blank;
        }
        if is_header(line) {
            return Class::Header;
        }
        for format in &self.formats {
            let record = match format.name {
                "json" => json_record(line, &self.clock),
                "logfmt" => logfmt_record(line, &self.clock).map(|r| with_request(r, &self.clock)),
                "app" => app_record(line, &self.clock),
                "text" => text_record(line, &self.clock),
                "crash" => self.before.crash(line, offset),
                "combined" | "common" | "access" | "traefik" | "ingress-nginx" => {
                    let access = access_record(line, &self.clock, &self.clock.durations);
                    access.filter(|(found, _)| *found == format.name).map(|(_, record)| record)
                }
                name => match delegated(name, line, &self.clock) {
                    Some(Class::Record(_, record)) => Some(*record),
                    Some(class) => return class,
                    None => None,
                },
            };
            if let Some(mut record) = record {
                if record.status == Some(101) || record.method == b"CONNECT" {
                    // The lifetime of a web socket or a tunnel.
                    record.duration_ns = None;
                }
                return Class::Record(format.name, Box::new(record));
            }
        }
        match self.before.goes_on(line, offset) {
            true => Class::Continuation,
            // Part of nothing that is parsed: the rule is a list.
            false if logan_core::format::classify::is_preamble(line) => Class::Header,
            false if self.before.is_front(line, offset) => Class::Header,
            false => Class::Malformed(reason(whole)),
        }
    }
}

/// A record whose message may begin with a request, if it has neither status nor path.
fn with_request(mut record: Record, clock: &TimestampParser) -> Record {
    let message = record.message.clone();
    let begins_so = message.len() > 2
        && b"GHPDO".contains(&message[0])
        && message[1..3].iter().all(u8::is_ascii_uppercase);
    if record.status.is_some() || !record.path.is_empty() || !begins_so {
        return record;
    }
    if let Some(Class::Record(_, found)) =
        delegated_with("request", &Params::of_payloads(), &message, clock)
        && message.starts_with(&found.method)
    {
        (record.status, record.method, record.path) = (found.status, found.method, found.path);
        record.duration_ns = record.duration_ns.or(found.duration_ns);
    }
    record
}

/// What the engine's own parser says of a line of a format that has no twin; None if it is not of
/// that format.
pub(super) fn delegated(name: &str, line: &[u8], clock: &TimestampParser) -> Option<Class> {
    delegated_with(name, &Params::default(), line, clock)
}

/// What the formats that payloads of envelopes are read by say of a text.
pub(super) fn payload_record(text: &[u8], clock: &TimestampParser) -> Option<Record> {
    let inner = REGISTRY.iter().filter(|entry| entry.facts.trial != Candidate::Outer);
    inner
        .map(|entry| delegated_with(entry.info.name, &Params::of_payloads(), text, clock))
        .find_map(|class| match class {
            Some(Class::Record(_, record)) => Some(*record),
            _ => None,
        })
}

fn delegated_with(
    name: &str,
    params: &Params,
    line: &[u8],
    clock: &TimestampParser,
) -> Option<Class> {
    let (_, entry) = by_name(name).expect("a registered format");
    let durations = &clock.durations;
    let clock = time::TimestampParser::new(clock.zone.clone(), clock.anchor_ns);
    let (mut arena, mut found) = (Vec::new(), record::Record::EMPTY);
    let format = (entry.build)(params);
    let padded = PaddedLine::new(line);
    let mut context = Context::new(clock);
    context.read_durations(durations);
    let context = &mut context;
    let cx = &mut Parse { simd: (), context, arena: &mut arena, record: &mut found };
    match format.part(padded.line(), Some(0), cx) {
        Part::Foreign => return None,
        Part::Continuation => return Some(Class::Continuation),
        Part::Record => {}
    }
    let text = |text: record::Text| text.bytes(line, &arena).to_vec();
    let record = Record {
        time_ns: Some(found.time_ns).filter(|&t| t != record::NO_TIME),
        level: found.level,
        status: Some(found.status)
            .filter(|&s| s != record::NO_STATUS)
            .map(|s| if s == record::NO_ANSWER { 0 } else { s }),
        duration_ns: Some(found.duration_ns).filter(|&d| d != record::NO_DURATION),
        bytes_sent: Some(found.bytes_sent).filter(|&b| b != record::NO_BYTES),
        method: text(found.method),
        path: text(found.path),
        client: text(found.client),
        message: text(found.message),
    };
    Some(Class::Record(entry.info.name, Box::new(record)))
}

pub(super) fn is_header(line: &[u8]) -> bool {
    let names = ["Version", "Fields", "Software", "Date", "Start-Date", "End-Date", "Remark"];
    let zeek =
        ["set_separator", "empty_field", "unset_field", "path", "open", "close", "fields", "types"];
    names.iter().any(|name| line.starts_with(format!("#{name}:").as_bytes()))
        || zeek.iter().any(|name| line.starts_with(format!("#{name}\t").as_bytes()))
        || line.starts_with(b"#separator ")
        || line.starts_with(b"version account-id ")
        || ["Logs begin at ", "Journal begins at ", "Boot ", "Reboot --", "No entries --"]
            .iter()
            .any(|what| line.starts_with(format!("-- {what}").as_bytes()))
}

pub(super) fn reason(whole: &[u8]) -> &'static str {
    let line = &whole[..whole.len().min(LINE_BYTES_MAX)];
    let date = digits(line, 0, 4).is_some()
        && matches!(line.get(4), Some(b'-' | b'/'))
        && digits(line, 5, 2).is_some()
        && matches!(line.get(7), Some(b'-' | b'/'))
        && digits(line, 8, 2).is_some();
    let time =
        digits(line, 0, 2).is_some() && line.get(2) == Some(&b':') && digits(line, 3, 2).is_some();
    // What was cut, and what is just as long as what is left of that.
    if whole.len() >= LINE_BYTES_MAX {
        "overlong"
    } else if line.contains(&0) {
        "binary"
    } else if line.trim_ascii_start().starts_with(b"{") {
        if serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok() {
            "no_known_field"
        } else {
            "invalid_json"
        }
    } else if date || time {
        "invalid_timestamp"
    } else {
        "no_timestamp"
    }
}
