//! Tables: values between commas, semicolons, tabs or bars, whose columns a header names.
//!
//! # The rule
//! Detection finds the header, and the plan holds it ([`Table`]), so that each chunk knows what the values
//! of its lines are. A line is a record if it has as many values as the header has names, each of them
//! as it is or in quotes, in which `""` is a quote (RFC 4180), and if its time, unless empty, is one. A
//! line that is the header again is a header. A quoted value with a line break is malformed.
//!
//! A name means what it means as a key of JSON ([`fields`](super::fields)), whatever its case, blanks and brackets are:
//! `Response Time (ms)` is `response_time_ms`. [`ALIASES`] are names that tables have and keys have not.
//! A unit is the name's, else that of a known producer, which the names of all columns tell as keys do,
//! else what detection decided for the column. So do levels that are numbers.
//! `date` and `time` are one timestamp in two columns. Usual names are known in other languages, too
//! (`Zeit;Stufe;Meldung`).
//!
//! - Of two response times `latency` is a part ([JMeter](https://jmeter.apache.org/usermanual/glossary.html)).
//! - Records of flows, which have a port of the destination and no status, have lifetimes, not
//!   response times. A round trip of Zeek's `dns.log` is one.
//! - In k6's table only rows of `http_req_duration` are requests; its values are milliseconds.
//! - Rows without a header may be a table as well: [`untitled`].
//! - Values `-`, `N/A` and `null` are nothing in any table.
//! - Zeek's `#fields` are a header of tabs. So are `#Fields:` with commas
//!   (Exchange). IIS' own format has no header, but always the same columns.

pub mod entry;
pub mod ltsv;
pub mod untitled;

use super::Unit;
use super::classify::{self, Reason};
use super::fields::{Group, Known, LineKeys, Marks, Meaning, Names, Rule, documented_unit};
use super::units::Durations;
use crate::bytes::line::{Line, PaddedLine};
use crate::record::Columns;
use crate::time::{TimestampParser, epoch};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The name of the format.
pub const NAME: &str = "csv";
/// Bytes of a header that can be one.
pub const HEADER_BYTES_MAX: usize = 8 << 10;
/// Fewer columns may be a sentence with a comma.
const COLUMNS_MIN: usize = 3;
/// Columns that a table may have.
const COLUMNS_MAX: usize = 256;
/// Bytes of a name of a column.
const NAME_BYTES_MAX: usize = 64;
/// Values by which a row may have more or fewer than the header: with others it is no row.
const MISSING_MAX: usize = 2;
const DELIMITERS: &[u8] = b"\t;|,";
/// The column that some exports leave out of their header.
const MESSAGE: &[u8] = b"message";

/// IIS' own log file format, which has no header.
///
/// Source: <https://learn.microsoft.com/previous-versions/iis/6.0-sdk/ms525807(v=vs.90)>.
pub const IIS_NATIVE: &str = "c-ip,cs-username,date,time,service,computer,s-ip,time_taken_ms,received,sc-bytes,\
                              sc-status,win32,cs-method,cs-uri-stem,parameters,rest";

/// Names of columns without `_`, `-` and case, and the keys that they are.
const ALIASES: &[(&str, &str)] = &[
    ("dateandtime", "time"),
    ("timecreated", "time"),
    ("timegenerated", "time"),
    ("timegeneratedutc", "time"),
    ("datetimeutc", "time"),
    ("timestamputc", "time"),
    ("receivetime", "time"),
    ("generatetime", "time"),
    ("creationdate", "time"),
    ("creationtime", "time"),
    ("unixtime", "time"),
    // <https://cloud.google.com/storage/docs/access-logs#format>
    ("timemicros", "time"),
    ("timetakenmicros", "duration_us"),
    ("entrytype", "level"),
    ("elbstatuscode", "status"),
    ("resultcode", "status"),
    ("requestverb", "method"),
    ("sourceaddress", "client_ip"),
    ("ipaddress", "client_ip"),
    ("clientipaddress", "client_ip"),
    ("description", "text"),
    ("eventmessage", "message"),
    ("csuri", "url"),
    ("csusername", ""),
    // A round trip.
    ("rtt", "duration_s"),
    ("metricvalue", "duration_ms"),
];

/// The same in other languages, without letters that ASCII has not: in tables that have no time by another
/// name, as some are words of English.
const FOREIGN: &[(&str, &str)] = &[
    ("zeit", "time"),
    ("zeitpunkt", "time"),
    ("zeitstempel", "time"),
    ("datumuhrzeit", "time"),
    ("datumundzeit", "time"),
    ("dateheure", "time"),
    ("dateetheure", "time"),
    ("horodatage", "time"),
    ("fechahora", "time"),
    ("fechayhora", "time"),
    ("marcadetiempo", "time"),
    ("datahora", "time"),
    ("dataehora", "time"),
    ("dataora", "time"),
    ("tijdstip", "time"),
    ("stufe", "level"),
    ("ebene", "level"),
    ("schweregrad", "level"),
    ("niveau", "level"),
    ("gravit", "level"),
    ("nivel", "level"),
    ("livello", "level"),
    ("gravedad", "level"),
    ("gravedade", "level"),
    ("meldung", "message"),
    ("nachricht", "message"),
    ("mensaje", "message"),
    ("mensagem", "message"),
    ("messaggio", "message"),
    ("bericht", "message"),
    ("methode", "method"),
    ("mthode", "method"),
    ("metodo", "method"),
    ("mtodo", "method"),
    ("pfad", "path"),
    ("chemin", "path"),
    ("ruta", "path"),
    ("percorso", "path"),
    ("statut", "status"),
    ("estado", "status"),
    ("stato", "status"),
    ("dauer", "duration"),
    ("dauerms", "duration_ms"),
    ("dauers", "duration_s"),
    ("antwortzeit", "response_time"),
    ("antwortzeitms", "response_time_ms"),
    ("dure", "duration"),
    ("durems", "duration_ms"),
    ("duracin", "duration"),
    ("duracinms", "duration_ms"),
    ("durata", "duration"),
    ("duratams", "duration_ms"),
];

/// Columns of a day, and of a time of day beside it.
const DAYS_AND_TIMES: &[(&str, &str)] = &[
    ("date", "time"),
    ("datum", "uhrzeit"),
    ("datum", "zeit"),
    ("date", "heure"),
    ("fecha", "hora"),
    ("data", "hora"),
    ("data", "ora"),
];

/// Producers whose tables have columns of their own, and the unit of their response times. What names
/// them as a key of JSON as well is told by [`fields`](super::fields) from the names of all columns.
const PRODUCERS: &[(&[&str], Unit)] = &[
    // <https://jmeter.apache.org/usermanual/listeners.html#csvlogformat>
    (&["elapsed", "label"], Unit::Milliseconds),
    // <https://learn.microsoft.com/azure/azure-monitor/reference/tables/apprequests>
    (&["resultcode", "duration"], Unit::Milliseconds),
    // <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html>
    (&["xedgelocation"], Unit::Seconds),
    // <https://learn.microsoft.com/windows/win32/http/w3c-logging>
    (&["scwin32status"], Unit::Milliseconds),
];

/// Ports of a destination.
const DESTINATION_PORTS: &[&str] =
    &["dstport", "destport", "destinationport", "id.respp", "dport", "destinationportnumber"];

/// What a plan says of the tables of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The header as it is written, or what stands for it.
    pub header: String,
    /// Unit of response times whose column does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}

/// Whether a value stands for none.
fn is_nothing(value: &[u8]) -> bool {
    matches!(value, b"" | b"-" | b"N/A" | b"n/a" | b"null" | b"NULL")
}

/// How the values of a table are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dialect {
    delimiter: u8,
    /// Whether values may be in quotes.
    has_quotes: bool,
}

/// A table that is understood.
pub struct Layout {
    header: Vec<u8>,
    dialect: Dialect,
    /// Where in the header the names are.
    names: Vec<Range<usize>>,
    /// What the columns hold; and what they hold if columns on request are wanted.
    known: [Vec<Known>; 2],
    /// What the names of all columns tell of the producer.
    marks: Marks,
    /// Columns of a day and of a time of day.
    day_and_time: Option<(usize, usize)>,
    /// The column that names the metric of a row.
    metric: Option<usize>,
    /// The column of response times.
    timer: Option<usize>,
    /// The same, if its unit is not documented.
    open: Option<usize>,
    /// The first column of a time, or of a time of day.
    time: Option<usize>,
}

impl Layout {
    /// The layout of a table; None if its header is none of a log.
    pub fn of(table: &Table) -> Option<Layout> {
        let header = table.header.as_bytes();
        if header.len() > HEADER_BYTES_MAX {
            return None;
        }
        let (start, dialects) = match header {
            [b'#', b'f', b'i', b'e', b'l', b'd', b's', b'\t', ..] => {
                (8, vec![Dialect { delimiter: b'\t', has_quotes: false }])
            }
            [b'#', rest @ ..] => {
                let names = rest.strip_prefix(b"Fields:")?;
                let blanks = names.len() - names.trim_ascii_start().len();
                (8 + blanks, vec![Dialect { delimiter: b',', has_quotes: true }])
            }
            _ => {
                let with = |&delimiter| Dialect { delimiter, has_quotes: true };
                (0, DELIMITERS.iter().map(with).collect())
            }
        };
        let split = |dialect: Dialect| {
            let mut names = Vec::new();
            let each = |_, at, end| names.push(start + at..start + end);
            cells(&header[start..], dialect, each).ok().map(|_| (dialect, names))
        };
        // The first of those that split it into most names.
        let most =
            dialects.into_iter().rev().filter_map(split).max_by_key(|(_, names)| names.len());
        let (dialect, names) = most?;
        let is_name = |name: &[u8]| {
            name.len() <= NAME_BYTES_MAX
                && name.iter().any(u8::is_ascii_alphabetic)
                && !name[0].is_ascii_digit()
                && !name.iter().any(|b| b":={}\"".contains(b))
        };
        let ends = names.iter().rposition(|name| !name.is_empty())?;
        // CloudWatch's export of `@timestamp,@message`.
        let is_of_fields =
            names.len() > 1 && names.iter().all(|name| header.get(name.start) == Some(&b'@'));
        let fits = is_of_fields || (COLUMNS_MIN..=COLUMNS_MAX).contains(&names.len());
        if !fits || !names[..=ends].iter().all(|name| is_name(&header[name.clone()])) {
            return None;
        }
        Layout::of_names(table, dialect, names)
    }

    fn of_names(table: &Table, dialect: Dialect, names: Vec<Range<usize>>) -> Option<Layout> {
        let header = table.header.as_bytes().to_vec();
        let spelled: Vec<String> =
            names.iter().map(|name| spelled(&header[name.clone()])).collect();
        let short: Vec<String> = spelled.iter().map(|name| name.replace(['_', '-'], "")).collect();
        let place = |name: &str| short.iter().position(|short| short == name);
        let plain = Names::get();
        let key_of = |(name, short): (&'_ String, &String), is_foreign: bool| {
            let alias = ALIASES.iter().find(|(alias, _)| alias == short);
            let foreign = || FOREIGN.iter().find(|(alias, _)| is_foreign && alias == short);
            alias.or_else(foreign).map_or_else(|| name.clone(), |(_, key)| (*key).to_string())
        };
        let all = || spelled.iter().zip(&short);
        let is_foreign = all().all(|names| {
            look_up(plain, &key_of(names, false)).meaning != Meaning::Time || names.1 == "date"
        });
        let keys: Vec<String> = all().map(|names| key_of(names, is_foreign)).collect();
        let mut known: Vec<Known> = keys.iter().map(|key| look_up(plain, key)).collect();
        let mut requested: Vec<Known> =
            keys.iter().map(|key| look_up(plain.wanted(Columns::ON_REQUEST), key)).collect();

        let is_time =
            |known: &Known| matches!(known.meaning, Meaning::Duration(_) | Meaning::RequestTime);
        let has_status = known.iter().any(|known| known.meaning == Meaning::Status);
        let is_flow = !has_status && DESTINATION_PORTS.iter().any(|name| place(name).is_some());
        let chosen = (0..known.len())
            .filter(|&i| is_time(&known[i]) && (!is_flow || short[i] == "rtt"))
            // The first of the best.
            .rev()
            .max_by_key(|&i| (short[i] != "latency", known[i].rank()));
        let producer =
            PRODUCERS.iter().find(|(all, _)| all.iter().all(|name| place(name).is_some()));
        let object = object_of(names.iter().map(|name| &header[name.clone()]));
        let told = producer.map(|&(_, unit)| unit).or_else(|| {
            let name = &header[names[chosen?].clone()];
            documented_unit(LineKeys(&object), name)
        });
        let mut open = None;
        for i in (0..known.len()).filter(|&i| is_time(&known[i])).collect::<Vec<_>>() {
            let is_open = match known[i].meaning {
                _ if Some(i) != chosen => {
                    (known[i], requested[i]) = (Known::NOTHING, Known::NOTHING);
                    continue;
                }
                Meaning::Duration(Rule::Fixed(_) | Rule::Named { .. } | Rule::Never) => false,
                // It is the time where no other column is.
                Meaning::RequestTime => known.iter().any(|known| known.meaning == Meaning::Time),
                _ => true,
            };
            if is_open {
                let unit = told.or(table.unit).unwrap_or(Unit::Milliseconds);
                known[i] = look_up(plain, &format!("duration_{}", unit.name()));
                requested[i] = known[i];
                open = (told.is_none()).then_some(i);
            }
        }
        let marks = known.iter().fold(0, |marks, known| marks | known.marks);
        let both = |&(day, time): &(&str, &str)| place(day).zip(place(time));
        let pairs = if is_foreign { DAYS_AND_TIMES } else { &DAYS_AND_TIMES[..1] };
        let day_and_time = pairs.iter().find_map(both);
        if let Some((_, time)) = day_and_time {
            (known[time], requested[time]) = (Known::NOTHING, Known::NOTHING);
        }
        let has = |meaning| known.iter().any(|known| known.meaning == meaning);
        let is_request = has(Meaning::Method) && has(Meaning::Path) && has_status;
        let time = known.iter().position(|known| known.meaning == Meaning::Time);
        (has(Meaning::Time) || day_and_time.is_some() || is_request).then_some(Layout {
            time: day_and_time.map(|(_, time)| time).or(time),
            timer: chosen,
            metric: place("metricname").filter(|_| place("metricvalue").is_some()),
            known: [known, requested],
            marks,
            header,
            dialect,
            names,
            day_and_time,
            open,
        })
    }

    /// Whether a line is the header, or says how the values are separated.
    pub fn is_header(&self, line: &[u8]) -> bool {
        let rest = self.header.strip_prefix(line.trim_ascii_end());
        let is_left_out =
            |rest: &[u8]| rest.strip_prefix(&[self.dialect.delimiter]) == Some(MESSAGE);
        rest.is_some_and(|rest| !line.is_empty() && (rest.is_empty() || is_left_out(rest)))
            || line.starts_with(b"#TYPE ")
            || line.len() == 5 && line.starts_with(b"sep=")
    }

    /// Why a line is no record. Lines with fewer separators than any table has are none of it.
    pub fn reason(&self, line: &[u8]) -> Reason {
        let reason = classify::reason(line);
        let separators = memchr::memchr_iter(self.dialect.delimiter, line).count();
        if matches!(reason, Reason::Overlong | Reason::Binary) || separators + 1 < COLUMNS_MIN {
            return reason;
        }
        match cells(line, self.dialect, |_, _, _| {}) {
            Err(reason) => reason,
            Ok(count) if count != self.names.len() => Reason::ColumnCount,
            Ok(_) => Reason::InvalidTimestamp,
        }
    }

    /// Whether a line is a row, by the time that is where it should be, but not as many values as it should
    /// have.
    pub fn is_broken(&self, line: Line<'_>, clock: &mut TimestampParser) -> bool {
        let mut is_timed = false;
        let take = |i, start, end| {
            if Some(i) == self.time {
                let text = &line.bytes()[start..end];
                let mut is_time =
                    |line: Line<'_>| clock.any(line, start).is_some_and(|(_, to)| to == end);
                is_timed = match self.day_and_time {
                    Some(_) => TimestampParser::time_since_midnight(line, start).is_some(),
                    None => is_time(line.until(end)) || epoch(text).is_some(),
                };
            }
        };
        let (count, columns) = (cells(line.bytes(), self.dialect, take), self.names.len());
        let separators = memchr::memchr_iter(self.dialect.delimiter, line.bytes()).count();
        let is_near = match count {
            Ok(count) => count != columns && count.abs_diff(columns) <= MISSING_MAX,
            Err(_) => separators < columns,
        };
        is_timed && separators + 1 >= COLUMNS_MIN && is_near
    }

    /// How many values a line has.
    pub fn count(&self, line: &[u8]) -> Option<usize> {
        cells(line, self.dialect, |_, _, _| {}).ok()
    }

    /// How many values a line has to have.
    pub fn columns(&self) -> usize {
        self.names.len()
    }

    /// The header with a name for the column of messages that it leaves out.
    pub fn with_message(&self) -> String {
        let mut header = self.header.clone();
        header.push(self.dialect.delimiter);
        header.extend_from_slice(MESSAGE);
        String::from_utf8_lossy(&header).into_owned()
    }

    /// What the column of response times holds where the user says its unit, or that it holds none.
    fn as_chosen(&self, durations: &Durations) -> Option<Known> {
        match durations.chosen(&self.header[self.names[self.timer?].clone()])? {
            Some(unit) => Some(look_up(Names::get(), &format!("duration_{}", unit.name()))),
            None => Some(Known::NOTHING),
        }
    }

    /// The name of the column of response times whose unit is not documented, and its value in a line.
    pub fn open_value<'a>(&self, line: &'a [u8]) -> Option<(String, &'a [u8])> {
        let open = self.open?;
        let mut value = None;
        let take = |i, start, end| {
            if i == open {
                value = Some(&line[start..end]);
            }
        };
        cells(line, self.dialect, take).ok()?;
        let name = String::from_utf8_lossy(&self.header[self.names[open].clone()]).into_owned();
        value.map(|value| (name, value))
    }
}

/// An object with names of columns as keys.
fn object_of<'a>(names: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut object = vec![b'{'];
    for name in names {
        object.extend_from_slice(b"\"");
        object.extend(name.iter().filter(|byte| !b"\"\\".contains(byte)));
        object.extend_from_slice(b"\":0,");
    }
    object.push(b'}');
    object
}

/// What is known of a key.
fn look_up(names: &'static Names, key: &str) -> Known {
    if key.is_empty() {
        return Known::NOTHING;
    }
    let padded = PaddedLine::new(key.as_bytes());
    names.look_up(padded.line(), Group::ROOT, 0, key.len())
}

/// A name as a key: in lower case, with `_` for blanks and brackets.
fn spelled(name: &[u8]) -> String {
    let mut key = String::new();
    for &byte in name {
        match byte {
            b'_' | b'-' | b'.' => key.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => key.push(byte.to_ascii_lowercase().into()),
            _ if key.ends_with('_') => {}
            _ => key.push('_'),
        }
    }
    key.trim_matches('_').into()
}

/// Calls `each` with the index of each value and where it begins and ends, without blanks and quotes
/// around it; how many there are.
///
/// # Errors
/// Why they are not values of a table.
fn cells(
    text: &[u8],
    dialect: Dialect,
    mut each: impl FnMut(usize, usize, usize),
) -> Result<usize, Reason> {
    let Dialect { delimiter, has_quotes } = dialect;
    let blanks = |at: usize| text[at..].iter().take_while(|&&b| b == b' ').count();
    let (mut at, mut count) = (0, 0);
    loop {
        let start = at + blanks(at);
        let mut end;
        if has_quotes && text.get(start) == Some(&b'"') {
            let mut close = start + 1;
            loop {
                close += memchr::memchr(b'"', &text[close..]).ok_or(Reason::OpenQuote)?;
                if text.get(close + 1) != Some(&b'"') {
                    break;
                }
                close += 2;
            }
            each(count, start + 1, close);
            end = close + 1;
            end += blanks(end);
            if text.get(end).is_some_and(|&b| b != delimiter) {
                return Err(Reason::ColumnCount);
            }
        } else {
            end = memchr::memchr(delimiter, &text[start..]).map_or(text.len(), |i| start + i);
            let value = text[start..end].trim_ascii_end().len();
            each(count, start, start + value);
        }
        count += 1;
        if end == text.len() {
            return Ok(count);
        }
        at = end + 1;
    }
}
