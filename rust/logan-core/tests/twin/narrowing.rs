//! Conditions and selected times, with a meaning of this test's own.

use crate::oracle;
use logan_core::record::Level;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A condition as a tree of this test's own: how it is written, and what it means of a record.
#[derive(Debug, Clone)]
pub enum Ask {
    All(Vec<Ask>),
    Any(Vec<Ask>),
    Not(Box<Ask>),
    Exists(&'static str),
    /// Field, operator, value as written, value as meant.
    Number(&'static str, &'static str, &'static str, i128),
    Level(&'static str, &'static str, Level),
    Text(&'static str, &'static str, &'static str),
    Among(&'static str, bool, Vec<&'static str>),
    /// A key as a number.
    Key(&'static str, &'static str, &'static str),
}

/// Without the host: formats that the reference leaves to the engine may have one, too.
pub const TEXT_FIELDS: [&str; 8] =
    ["route", "path", "method", "client", "message", "format", "json.a", "json.err.name"];

/// The value of a field as text, by means of its own; None if it is absent.
pub fn text_of(field: &str, format: &str, record: &oracle::Record, line: &[u8]) -> Option<Vec<u8>> {
    let text = match field {
        "route" => oracle::route(b"", &record.path),
        "method and route" => match record.path.as_slice() {
            [] => Vec::new(),
            path => oracle::route(&record.method, path),
        },
        "path" => record.path.split(|b| b"?#".contains(b)).next().unwrap_or(&[]).to_vec(),
        "method" => record.method.clone(),
        "client" => record.client.clone(),
        "message" => record.message.clone(),
        "format" => format.into(),
        "status" => record.status.map(|s| s.to_string()).unwrap_or_default().into(),
        "level" if record.level == Level::None => Vec::new(),
        "level" => record.level.name().into(),
        "host" => match format {
            "json" | "logfmt" => oracle::host_of_fields(format, line),
            "combined" | "common" | "access" | "traefik" | "ingress-nginx" => {
                oracle::virtual_host(line).or_else(|| oracle::host_of_url(line))
            }
            _ => None,
        }
        .unwrap_or_default(),
        key => {
            oracle::value_of_key(format, line, key.split_once('.').unwrap().1).unwrap_or_default()
        }
    };
    (!text.is_empty()).then_some(text)
}

pub fn number_of(field: &str, record: &oracle::Record) -> Option<i128> {
    match field {
        "status" => record.status.map(i128::from),
        "duration" => record.duration_ns.map(i128::from),
        "bytes" => record.bytes_sent.map(i128::from),
        _ => record.time_ns.map(i128::from),
    }
}

pub fn compared<T: PartialOrd>(operator: &str, left: T, right: T) -> bool {
    match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

impl Ask {
    pub fn written(&self) -> String {
        let joined = |parts: &[Ask], word: &str| {
            parts.iter().map(Ask::written).collect::<Vec<_>>().join(word)
        };
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\\\""));
        match self {
            Ask::All(parts) => format!("({})", joined(parts, " and ")),
            Ask::Any(parts) => format!("({})", joined(parts, " || ")),
            Ask::Not(part) => format!("not ({})", part.written()),
            Ask::Exists(field) => format!("{field} exists"),
            Ask::Number(field, operator, value, _) | Ask::Key(field, operator, value) => {
                format!("{field}{operator}{value}")
            }
            Ask::Level(operator, word, _) => format!("level {operator} {word}"),
            Ask::Text(field, operator, text) => format!("{field} {operator} {}", quoted(text)),
            Ask::Among(field, negated, list) => {
                let list: Vec<_> = list.iter().map(|text| quoted(text)).collect();
                format!("{field} {}in ({})", if *negated { "not " } else { "" }, list.join(","))
            }
        }
    }

    pub fn holds(&self, format: &'static str, record: &oracle::Record, line: &[u8]) -> bool {
        let text = |field: &str| text_of(field, format, record, line);
        match self {
            Ask::All(parts) => parts.iter().all(|part| part.holds(format, record, line)),
            Ask::Any(parts) => parts.iter().any(|part| part.holds(format, record, line)),
            Ask::Not(part) => !part.holds(format, record, line),
            Ask::Exists(field @ ("status" | "duration" | "bytes" | "time")) => {
                number_of(field, record).is_some()
            }
            Ask::Exists(field) => text(field).is_some(),
            Ask::Number(field, operator, _, value) => {
                number_of(field, record).is_some_and(|found| compared(operator, found, *value))
            }
            Ask::Level(operator, _, wanted) => {
                let ordered = record.level != Level::Other && *wanted != Level::Other;
                let equal = record.level == *wanted;
                record.level != Level::None
                    && match *operator {
                        "=" | "!=" => compared(operator, record.level, *wanted),
                        operator => {
                            equal && operator.ends_with('=')
                                || ordered && compared(operator, record.level, *wanted)
                        }
                    }
            }
            Ask::Text(field, operator, wanted) => text(field).is_some_and(|found| {
                let also = match *field {
                    "route" => text("method and route"),
                    _ => None,
                };
                let wanted = wanted.as_bytes();
                let equal = found == wanted || also.as_ref().is_some_and(|also| also == wanted);
                let matches = || {
                    let regex = regex::bytes::Regex::new(std::str::from_utf8(wanted).unwrap());
                    let regex = regex.unwrap();
                    regex.is_match(&found) || also.as_ref().is_some_and(|also| regex.is_match(also))
                };
                match *operator {
                    "=" => equal,
                    "!=" => !equal,
                    "~" => matches(),
                    _ => !matches(),
                }
            }),
            Ask::Among(field, negated, list) => text(field).is_some_and(|found| {
                let also = match *field {
                    "route" => text("method and route"),
                    _ => None,
                };
                let among = |text: &[u8]| list.iter().any(|one| one.as_bytes() == text);
                (among(&found) || also.is_some_and(|also| among(&also))) != *negated
            }),
            Ask::Key(field, operator, wanted) => text(field)
                .and_then(|found| String::from_utf8(found).ok()?.parse::<f64>().ok())
                .is_some_and(|found| compared(operator, found, wanted.parse().unwrap())),
        }
    }
}

pub fn ask() -> BoxedStrategy<Ask> {
    let operator = select(&["=", "!=", "<", "<=", ">", ">="][..]);
    let number = select(
        &[
            ("status", "200", 200),
            ("status", "500", 500),
            ("status", "404", 404),
            ("duration", "250ms", 250_000_000),
            ("duration", "0.5", 500_000),
            ("duration", "0", 0),
            ("duration", "1s", 1_000_000_000),
            ("bytes", "5", 5),
            ("bytes", "1KiB", 1_024),
            ("time", "\"2024-01-24 10:16\"", 1_706_091_360_000_000_000),
        ][..],
    );
    let text = select(
        &[
            "/api",
            "/api/item/{id}",
            "GET /api/data",
            "GET",
            "^/api",
            "10.0.0.1",
            "::1",
            "[0-9]",
            "took",
            "json",
            "app",
            "b",
            "x",
            "1",
            "(?i)REQUEST",
            "a$",
            "\"",
        ][..],
    );
    let field = select(&TEXT_FIELDS[..]);
    let leaf = prop_oneof![
        select(&["status", "level", "duration", "bytes", "time", "route", "message", "json.a"][..])
            .prop_map(Ask::Exists),
        (number, operator.clone()).prop_map(|((f, w, n), o)| Ask::Number(f, o, w, n)),
        (
            operator.clone(),
            select(
                &[
                    ("warn", Level::Warn),
                    ("E", Level::Error),
                    ("other", Level::Other),
                    ("INFO", Level::Info)
                ][..]
            )
        )
            .prop_map(|(o, (w, level))| Ask::Level(o, w, level)),
        (field.clone(), select(&["=", "!=", "~", "!~"][..]), text.clone()).prop_map(|(f, o, t)| {
            match t {
                // As a regular expression its braces would count something.
                "/api/item/{id}" if o.ends_with('~') => Ask::Text(f, o, r"^/api/item/\{id\}$"),
                t => Ask::Text(f, o, t),
            }
        }),
        (field, any::<bool>(), vec(text, 1..4)).prop_map(|(f, n, l)| Ask::Among(f, n, l)),
        (operator, select(&["1", "0.5", "-7", "1e3"][..]))
            .prop_map(|(o, n)| Ask::Key("json.a", o, n)),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Ask::All),
            vec(inner.clone(), 2..4).prop_map(Ask::Any),
            inner.prop_map(|part| Ask::Not(Box::new(part))),
        ]
    })
    .boxed()
}

pub const BY: &[&str] =
    &["status", "level", "route", "path", "method", "client", "format", "json.a"];

/// A selected time, a condition, group tables: any of them, or none.
#[allow(clippy::type_complexity)] // named once, used once
pub fn narrowing() -> BoxedStrategy<(Option<i64>, Option<i64>, Option<Ask>, Vec<&'static str>)> {
    let edge = prop_oneof![
        2 => Just(None),
        3 => (0i64..180).prop_map(|s| Some((1_706_091_300 + s) * 1_000_000_000)),
        1 => select(&[Some(i64::MIN), Some(0), Some(i64::MAX)][..]),
    ];
    let by = proptest::sample::subsequence(BY.to_vec(), 0..4);
    (edge.clone(), edge, proptest::option::weighted(0.8, ask()), by)
        .prop_filter("since before until", |(since, until, _, _)| match (since, until) {
            (Some(since), Some(until)) => since < until,
            _ => true,
        })
        .boxed()
}
