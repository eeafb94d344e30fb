//! Detection: what a source's formats are, from samples of its content, never from its name.
//!
//! Each line of the samples goes to the first format of the registry that takes it; formats that
//! took any are listed, the most frequent first, but those whose lines others would take as well
//! (envelopes; a line of HAProxy behind a syslog header, which is app text too) before all others,
//! so that those leave them theirs. What lines alone cannot say (the unit of a bare
//! integer, the zone and year of timestamps without them, which number of `03/04/2024` is the
//! month) is decided here, once per source, and named among what was assumed.

mod answers;
mod blocks;
mod commas;
mod doubles;
mod durations;
mod forwarded;
mod left_out;
mod levels;
mod named;
mod sibling_zones;
mod table;
mod timestamps;
mod undated;
mod witnesses;
mod years;

use crate::bytes::line::{LINE_BYTES_MAX, PaddedLine};
use crate::fast::{FastPath, FastPaths};
use crate::format::classify::{is_blank, is_header, is_preamble};
use crate::format::envelope::inner_formats;
use crate::format::table::{self as tables, Layout};
use crate::format::units::Sample;
use crate::format::{
    Candidate, ClientPlace, Context, Entry, Format, Fragments, Kind, Params, Parse, Part, REGISTRY,
    StatusPlace, Unit, has_message, state,
};
use crate::record::{NO_DURATION, NO_STATUS, NO_TIME, Record};
use crate::time::{Prefix, TimeReading, TimestampParser};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Lines that are looked at in each sample: enough to see formats that are rare.
pub(crate) const SAMPLE_LINES_MAX: usize = 2_000;

#[derive(Default, Clone)]
struct Seen {
    lines: u64,
    measured: u64,
    answered: u64,
    /// Lines whose response time could be a number without a name.
    tails: u64,
    zoneless: u64,
    zoned: timestamps::Zoned,
    yearless: u64,
    example: Option<String>,
    /// Whether app text would take one of the lines.
    like_app: bool,
    /// Fields that times and durations were found in.
    fields: named::Fields,
    /// Of an envelope, lines by the format of their payload.
    payload: BTreeMap<&'static str, u64>,
    /// Whether any line said that it ends a record which may have more.
    has_fragments: bool,
    /// Lines whose timestamp counts only where others are like them.
    prefixed: u64,
}

/// Stands for the format of payloads that have none.
const TEXT_PAYLOAD: &str = "message";

/// Whether a format's records may come in fragments.
fn rejoins(entry: &Entry, seen: &Seen) -> bool {
    match entry.facts.kind {
        Kind::Stateful => true,
        Kind::Plain => false,
        Kind::Envelope { fragments, .. } => match fragments {
            Fragments::Always => true,
            Fragments::Never => false,
            Fragments::IfAny(_) => seen.has_fragments,
        },
    }
}

/// Of so many lines one that no format takes is reason enough to look for dates behind any text.
const UNREAD_ONE_IN: u64 = 3;

/// Describes samples, each with its offset in the source; those that do not start at 0 begin at a
/// line start. The last line of a sample counts only if it is whole, or alone.
///
/// The shape of the answer, but for how the source is stored, is in the stub of the Python
/// extension.
pub fn detect(samples: &[(u64, &[u8])]) -> Value {
    let found = describe(samples, false, table::find(samples));
    if found.is_of_text
        && let Some(table) = table::untitled(samples)
    {
        let again = describe(samples, false, Some(table));
        if again.is_table && again.told > found.told {
            return again.description;
        }
    }
    if found.unread * UNREAD_ONE_IN < found.lines {
        return found.description;
    }
    // Dates behind any text count only where little else does: elsewhere such lines are damaged ones
    // of other formats, or go on with a record.
    let again = describe(samples, true, table::find(samples));
    if again.unread * 2 <= found.unread { again.description } else { found.description }
}

/// What samples are, of how many lines, and how many of these no format took that looks for dates.
struct Detected {
    description: Value,
    lines: u64,
    unread: u64,
    /// Whether all lines are of formats that take much, or of none.
    is_of_text: bool,
    /// Whether nearly all are rows of a table.
    is_table: bool,
    /// Statuses and response times that were read.
    told: u64,
}

fn describe(
    samples: &[(u64, &[u8])],
    has_inner_dates: bool,
    table: Option<(tables::Table, Option<String>)>,
) -> Detected {
    let head = samples.iter().find(|(offset, _)| *offset == 0).map_or(&[][..], |(_, bytes)| bytes);
    let (table, assumed_of_table) = table.unzip();
    let layout = table.as_ref().and_then(Layout::of);
    let (status_place, assumed_of_statuses) = answers::find(samples);
    let (is_forwarded, assumed_of_clients) = forwarded::find(samples);
    let client_place = if is_forwarded { ClientPlace::Forwarded } else { ClientPlace::Remote };
    let formats: Vec<_> = REGISTRY
        .iter()
        .map(|e| {
            // Lines of envelopes stand for themselves here: whether they are fragments is to be found
            // out.
            let rejoin = e.facts.is_stateful();
            let table = table.clone();
            let of_source =
                Params { rejoin, table, status_place, client_place, ..Params::default() };
            (e, (e.build)(&of_source))
        })
        .filter(|(e, _)| e.facts.trial != Candidate::Alone)
        .collect();
    let mut undated = undated::Undated::new(samples);
    let inner: Vec<_> =
        inner_formats().map(|e| (e.info.name, (e.build)(&Params::of_payloads()))).collect();
    let app = formats.iter().position(|(e, _)| e.facts.is_general);
    // Zones before words count here, so that it is found out whether all lines have them.
    let epoch_column = timestamps::epoch_column(samples);
    let lenient = TimeReading {
        zone_column: true,
        epoch_column,
        has_prefixes: !has_inner_dates,
        has_inner_dates,
        ..TimeReading::default()
    };
    let reads = |clock: TimestampParser| Context::new(clock.with_reading(&lenient));
    let mut context = reads(TimestampParser::utc());
    context.clock.learns_levels = true;
    context.history.tail.allowed = true;
    let mut levels = levels::Columns::default();
    let mut blocks = blocks::Blocks::default();
    // A line whose time moves with the clock's zone has none of its own; one whose time moves with
    // the anchor has no year.
    let mut east = reads(TimestampParser::new(jiff::tz::TimeZone::fixed(jiff::tz::offset(1)), 0));
    const DECADE_NS: i64 = 10 * 366 * 86_400_000_000_000;
    let mut later = reads(TimestampParser::new(jiff::tz::TimeZone::UTC, DECADE_NS));
    // What reads lines that go on with a record here, and begin one where records have no messages.
    let mut alone = reads(TimestampParser::utc());
    let is_of_heads = |i: usize| {
        REGISTRY[i].facts.trial == Candidate::LastResort && !REGISTRY[i].facts.is_general
    };
    let mut heads: Option<(usize, String)> = None;
    let mut arena = Vec::new();
    let mut seen = vec![Seen::default(); formats.len()];
    let (mut blank, mut header, mut continuation, mut malformed) = (0u64, 0u64, 0u64, 0u64);
    let mut times = timestamps::Timestamps::default();
    let mut sibling_zones = sibling_zones::SiblingZones::default();
    let mut witnesses = witnesses::Witnesses::default();
    let mut proxies = forwarded::Proxies::default();
    let mut doubles = doubles::Doubles::default();
    let mut left_out = left_out::LeftOut::default();
    let mut numbers = durations::Numbers::default();
    for each in [&mut context, &mut east, &mut later] {
        each.durations.sample = Some(Sample::default());
        // They would hold units.
        each.restrict(FastPaths::ALL.without(FastPath::JsonTemplates));
    }
    for (offset, bytes) in samples {
        let sample_start = bytes.as_ptr() as usize;
        let sample_offset = *offset;
        // Records may go on at the start of every sample but the first.
        context.history.tail.begin_sample(sample_offset);
        blocks.begin_sample(sample_offset, bytes.len());
        let bytes =
            if *offset == 0 { bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes) } else { bytes };
        for line in whole_lines(bytes).take(SAMPLE_LINES_MAX) {
            let offset = sample_offset + (line.as_ptr() as usize - sample_start) as u64;
            if !line.is_empty() && is_blank(line) {
                blank += 1;
                continue;
            }
            let is_of_table = |layout: &Layout| layout.is_header(line);
            if is_header(line) || layout.as_ref().is_some_and(is_of_table) {
                header += 1;
                times.learn_header(line);
                for context in [&mut context, &mut east, &mut later] {
                    if let Some(fields) = state::fields_of(line) {
                        context.history.set_layout(fields);
                    }
                }
                continue;
            }
            let padded = PaddedLine::new(&line[..line.len().min(LINE_BYTES_MAX)]);
            let parse = |format: &dyn Format, context: &mut Context, arena: &mut Vec<u8>| {
                let mut record = Record::EMPTY;
                arena.clear();
                let cx = &mut Parse { simd: (), context, arena, record: &mut record };
                match format.part(padded.line(), Some(offset), cx) {
                    Part::Foreign => None,
                    part => Some((part, record)),
                }
            };
            let is_broken =
                |layout: &Layout| layout.is_broken(padded.line(), &mut TimestampParser::utc());
            if layout.as_ref().is_some_and(is_broken) {
                malformed += 1;
                continue;
            }
            let taken = formats.iter().enumerate().find_map(|(i, (entry, format))| {
                if status_place != StatusPlace::First && entry.facts.is_status_first {
                    return None;
                }
                (context.clock.numeric_date, context.clock.seen_zone) = (None, None);
                context.durations.sample = Some(Sample::default());
                (context.clock.seen_level, context.clock.seen_prefix) = (None, None);
                context.clock.seen_clock = None;
                parse(format.as_ref(), &mut context, &mut arena).map(|found| (i, format, found))
            });
            let Some((i, format, (part, record))) = taken else {
                if line.is_empty() {
                    blank += 1
                } else if context.history.tail.takes(line, offset) {
                    continuation += 1;
                    blocks.tail();
                    if heads.is_none() && !line[0].is_ascii_whitespace() {
                        alone.history.tail.begin_sample(0);
                        let mut late = formats.iter().enumerate().filter(|(i, _)| is_of_heads(*i));
                        let found = late.find(|(_, (_, format))| {
                            let found = parse(format.as_ref(), &mut alone, &mut arena);
                            found.is_some_and(|(_, record)| record.time_ns == NO_TIME)
                        });
                        heads = found.map(|(i, _)| (i, example_of(line)));
                    }
                } else if is_preamble(line) {
                    header += 1;
                    blocks.tail();
                } else {
                    malformed += 1;
                    blocks.unread(line);
                    undated.learn(padded.line(), &mut context);
                }
                continue;
            };
            if part == Part::Record {
                let has_status = record.status != NO_STATUS;
                context.history.tail.begin(line, offset, record.time_ns, record.level, has_status);
                blocks.record();
            }
            undated.learn_record(&record, context.clock.seen_clock);
            let seen_zone = context.clock.seen_zone;
            let sample = std::mem::take(context.durations.sample.get_or_insert_default());
            let has_tail = sample.tail.is_some();
            if part == Part::Record {
                numbers.learn(sample, &record);
            }
            levels.learn(&context.clock, &record);
            doubles.learn(i, &record, line, &arena);
            left_out.learn(line);
            if REGISTRY[i].facts.named_fields && !record.client.is_empty() {
                proxies.learn(line, record.client.bytes(line, &arena));
            }
            let is_prefixed = context.clock.seen_prefix == Some(Prefix::Names);
            let mut time_by = |other: &mut Context| parse(format.as_ref(), other, &mut arena);
            let others = [time_by(&mut east), time_by(&mut later)];
            // What only lines before it, of another format, make a record is not read again.
            // Nor has the head of a crash the time of the record before it.
            let has_time = |other: &Option<(Part, Record)>| {
                other
                    .is_some_and(|(_, other)| other.time_ns != NO_TIME || record.time_ns == NO_TIME)
            };
            let is_read_again = others.iter().all(has_time);
            if part == Part::Continuation {
                continuation += 1;
                blocks.tail();
                continue;
            }
            let facts = &REGISTRY[i].facts;
            let moves = others.map(|other| {
                let moves = other.is_some_and(|(_, r)| r.time_ns != record.time_ns);
                u64::from(moves && is_read_again)
            });
            let is_timed = record.time_ns != NO_TIME && is_read_again;
            if facts.named_fields && record.time_ns == NO_TIME {
                undated.learn_unread(line);
            }
            let time_ns = is_timed.then_some(record.time_ns);
            times.learn(&context.clock, time_ns, moves[1] == 0);
            if moves[1] > 0
                && let Some(time_ns) = time_ns
            {
                times.learn_year(line, time_ns);
            }
            if let Some(app) = app.filter(|&app| i < app && !seen[i].like_app && !line.is_empty()) {
                let app = formats[app].1.as_ref();
                seen[i].like_app =
                    app.may_begin_with(line[0]) && parse(app, &mut context, &mut arena).is_some();
            }
            let seen = &mut seen[i];
            seen.lines += 1;
            seen.prefixed += u64::from(is_prefixed);
            seen.zoneless += moves[0];
            seen.zoned.timed += u64::from(time_ns.is_some());
            seen.zoned.doubtful += u64::from(seen_zone.is_some());
            seen.zoned.before_words += u64::from(seen_zone.is_some_and(|zone| zone.before_words));
            seen.yearless += moves[1];
            seen.measured += u64::from(record.duration_ns != NO_DURATION);
            seen.answered += u64::from(record.status != NO_STATUS);
            seen.tails += u64::from(has_tail);
            seen.example.get_or_insert_with(|| example_of(line));
            if facts.named_fields && moves[0] > 0 {
                sibling_zones.learn(line);
            }
            match time_ns {
                Some(time_ns) if moves[0] > 0 => {
                    let is_envelope = matches!(facts.kind, Kind::Envelope { .. });
                    witnesses.learn(line, time_ns, is_envelope);
                }
                Some(time_ns) => witnesses.learn_zoned(line, time_ns),
                None => {}
            }
            if facts.named_fields {
                seen.fields.learn(line, record, format.as_ref(), &mut context);
            }
            let payload = match facts.kind {
                Kind::Envelope { open, fragments } => {
                    if let Fragments::IfAny(is_one) = fragments {
                        seen.has_fragments |= is_one(padded.line());
                    }
                    open(padded.line(), &mut context.clock)
                }
                _ => None,
            };
            let payload =
                payload.map(|bytes| PaddedLine::new(&bytes[..bytes.len().min(LINE_BYTES_MAX)]));
            if let Some(payload) = &payload {
                let mut is_of = |format: &dyn Format| {
                    let (mut record, mut arena) = (Record::EMPTY, Vec::new());
                    payload.line().len() > 0
                        && format.parse_line(payload.line(), &mut context, &mut arena, &mut record)
                };
                let name = inner.iter().find(|(_, f)| is_of(f.as_ref())).map(|(name, _)| *name);
                *seen.payload.entry(name.unwrap_or(TEXT_PAYLOAD)).or_default() += 1;
            }
        }
    }
    let mut lines: u64 = seen.iter().map(|s| s.lines).sum();
    let trial = |i: usize| REGISTRY[i].facts.trial;
    // Beside lines of a format that says more, they may be damaged ones of that.
    let is_of_text = |i: usize| REGISTRY[i].facts.is_general || trial(i) >= Candidate::LastResort;
    let has_prefixes = (0..seen.len()).all(|i| seen[i].lines == 0 || is_of_text(i))
        && levels::are_prefixes(seen.iter().map(|s| s.prefixed).sum(), lines + malformed);
    if !has_prefixes {
        for seen in &mut seen {
            let prefixed = std::mem::take(&mut seen.prefixed);
            seen.lines -= prefixed;
            lines -= prefixed;
            malformed += prefixed;
        }
    }
    let total = lines + blank + header + continuation + malformed;
    let mut order: Vec<usize> = (0..formats.len()).filter(|&i| seen[i].lines > 0).collect();
    // Access logs have no lines that go on with a record, but what a server of developers prints has
    // tracebacks between its requests: the format of their heads, listed, lets them.
    if let Some((head, example)) = heads
        && !order.is_empty()
        && !order.iter().any(|&i| has_message(REGISTRY[i].info.name))
    {
        seen[head].example = Some(example);
        order.push(head);
    }
    let has_late = order.iter().any(|&i| trial(i) == Candidate::Late);
    order.sort_by_key(|&i| {
        let (entry, seen) = (REGISTRY[i], &seen[i]);
        // Formats whose lines others would take come first, in the registry's order.
        let first = trial(i) == Candidate::Outer || seen.like_app;
        let lines = if first { 0 } else { seen.lines };
        let rank = match trial(i) {
            Candidate::LastResort | Candidate::Alone => 3,
            Candidate::Late => 1,
            // It would take the lines of what comes late.
            _ if has_late && entry.facts.is_general => 2,
            _ => 0,
        };
        (rank, !first, std::cmp::Reverse(lines), i)
    });
    let (mut durations, of_durations) = numbers.decide();
    let assumed_of_commas;
    (durations.decimal_commas, assumed_of_commas) = commas::find(samples);
    let mut assumed: Vec<String> = assumed_of_table.flatten().into_iter().collect();
    let has_requests = order.iter().any(|&i| REGISTRY[i].facts.has_status_place);
    assumed.extend(assumed_of_statuses.filter(|_| has_requests));
    let has_clients = order.iter().any(|&i| REGISTRY[i].facts.has_client_place);
    assumed.extend(assumed_of_clients.filter(|_| has_clients));
    assumed.extend(proxies.assumed());
    assumed.extend(left_out.assumed());
    assumed.extend(doubles.found().map(|(one, other, same, of)| {
        let (one, other) = (REGISTRY[one].info.name, REGISTRY[other].info.name);
        format!(
            "`{one}` and `{other}` tell of the same requests ({same} of {of} in the sample, within a \
             second), which count twice: --where 'format={other}' keeps one of them"
        )
    }));
    assumed.extend(of_durations);
    assumed.extend(assumed_of_commas);
    let tail = durations.after_agent.or(durations.after_size);
    let tail = tail.and_then(|column| match column.field {
        None => column.like_nginx.then_some(Unit::Seconds),
        Some(_) => Some(column.unit),
    });
    let zone_column = seen.iter().any(|seen| seen.zoned.is_column());
    if !zone_column {
        // Nothing but words, then.
        for seen in &mut seen {
            seen.zoneless += seen.zoned.before_words;
        }
    }
    let undated = undated.decide(total - blank - header - continuation, lines);
    let blocks = match undated.format {
        None => blocks.decide(),
        Some(_) => blocks::Decision::default(),
    };
    let text_lines = blocks.lines;
    assumed.extend(undated.assumed);
    let reading = TimeReading {
        last_clock: undated.last_clock,
        level_column: levels.column(),
        has_prefixes,
        has_inner_dates,
        undated_go_on: text_lines.is_some(),
        undated_until: blocks.until,
        has_preamble: blocks.preamble > 0,
        ..times.reading(epoch_column, zone_column)
    };
    assumed.extend(blocks.assumed);
    assumed.extend(times.assumed(&reading));
    let (time_zone, of_time_zone) = match sibling_zones.decide() {
        (None, None) => witnesses.decide(),
        (zone, told) => (zone.map(Into::into), told),
    };
    assumed.extend(of_time_zone);
    assumed.extend(context.assumed.map(String::from));
    assumed.extend(context.clock.seen_key.as_deref().map(|key| {
        format!("records without a usual key for their time have it under another: `{key}`")
    }));
    let describe_one = |&i: &usize| {
        let (entry, seen) = (REGISTRY[i], &seen[i]);
        let mut params = json!({});
        if rejoins(entry, seen) {
            params["rejoin"] = json!(true);
        }
        if entry.info.name == tables::NAME {
            params["table"] = json!(table);
        }
        if entry.facts.has_status_place && status_place != StatusPlace::First {
            params["status_place"] = json!(status_place);
        }
        if entry.facts.has_client_place && client_place != ClientPlace::Remote {
            params["client_place"] = json!(client_place);
        }
        let mut payload: Vec<_> = seen.payload.iter().collect();
        payload.sort_by_key(|(name, lines)| (std::cmp::Reverse(**lines), **name));
        let by_tail = tail.filter(|_| seen.tails > 0);
        let measured = seen.measured > 0 || by_tail.is_some();
        let by_key = || {
            let names = seen.fields.duration.names();
            names.into_iter().find_map(|name| durations.keys.get(last_key(name))?.first()?.unit)
        };
        let decided = by_tail.or_else(by_key).map(Unit::name);
        let duration_unit = decided.or(entry.info.duration.map(|(_, unit)| unit));
        json!({
            "name": entry.info.name,
            "params": params,
            "payload": payload
                .iter()
                .map(|(name, lines)| json!({ "name": name, "lines": lines }))
                .collect::<Vec<_>>(),
            "lines": seen.lines,
            "share": seen.lines as f64 / (total - blank).max(1) as f64,
            "time_field": seen.fields.time.told(entry.info.time_field),
            "duration_field": entry
                .info
                .duration
                .filter(|_| measured)
                .map(|(general, _)| seen.fields.duration.told(general)),
            "duration_unit": duration_unit.filter(|_| measured),
            "timezone": match seen.zoneless {
                0 if seen.zoned.timed == 0 => None,
                0 => Some("written"),
                n if n == seen.lines => Some("not written"),
                _ => Some("written in some lines"),
            },
            "year": if seen.yearless == 0 { "written" } else { "not written" },
            "example": seen.example,
        })
    };
    let description = json!({
        "encoding": encoding(head, lines),
        "lines": total,
        "blank": blank,
        "continuation": continuation + text_lines.unwrap_or(0),
        "header": header + blocks.preamble,
        "malformed": malformed - undated.lines - text_lines.unwrap_or(0) - blocks.preamble,
        "formats": order.iter().map(describe_one).chain(undated.format.clone()).collect::<Vec<_>>(),
        "assumed": assumed,
        "time": reading,
        "time_zone": time_zone,
        "durations": durations,
        "anchor_ns": times.anchor_ns(),
        "date_choices": times.date_choices(),
    });
    let rows = |i: usize| REGISTRY[i].info.name == tables::NAME;
    let rows: u64 = (0..seen.len()).filter(|&i| rows(i)).map(|i| seen[i].lines).sum();
    Detected {
        description,
        lines: total - blank,
        unread: malformed,
        is_of_text: (0..seen.len())
            .all(|i| seen[i].lines == 0 || is_of_text(i) || trial(i) == Candidate::Late),
        told: seen.iter().map(|seen| seen.answered + seen.measured).sum(),
        is_table: rows * 20 >= (total - blank - header) * 19,
    }
}

/// The first bytes of a line, for people.
fn example_of(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned()
}

/// The key itself of a name with those of the objects around it.
fn last_key(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The lines of a sample without their ends; the last one only if it is whole or alone.
fn whole_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = match memchr::memrchr(b'\n', bytes) {
        Some(newline) => newline,
        None => bytes.len(),
    };
    let lines = if bytes.is_empty() { None } else { Some(&bytes[..end]) };
    lines
        .into_iter()
        .flat_map(|lines| lines.split(|&b| b == b'\n'))
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// `utf-16` by its mark or its zeros, `binary` if there are NUL bytes and nothing was recognized, else `utf-8`
/// (which stands for all encodings that keep ASCII).
fn encoding(head: &[u8], recognised: u64) -> &'static str {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return "utf-16";
    }
    if recognised > 0 || !head.contains(&0) {
        return "utf-8";
    }
    // Every second byte of ASCII in UTF-16 is 0, and next to none of the others.
    let nuls = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&b| b == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let half = head.len() / 2;
    if even.max(odd) * 10 >= half * 9 && even.min(odd) * 10 <= half { "utf-16" } else { "binary" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_of_its_format() {
        for entry in REGISTRY {
            let example = match entry.facts.example_header {
                Some(fields) => format!("{fields}\n{}\n", entry.info.example),
                None => entry.info.example.to_string(),
            };
            let found = detect(&[(0, example.as_bytes())]);
            assert_eq!(found["formats"][0]["name"], entry.info.name, "{found}");
        }
    }

    #[test]
    fn mixed_lines_are_counted_by_format() {
        let text = "2024-01-24 10:15:32.123 INFO a\n{\"ts\":1706091332,\"msg\":\"b\"}\n\
                    2024-01-24 10:15:32.123 INFO c\n\nnonsense\n\tat x\n2024-01-24 10:15:32.1";
        let found = detect(&[(0, text.as_bytes())]);
        let names: Vec<_> =
            found["formats"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
        assert_eq!(names, ["app", "json"]);
        assert_eq!((&found["blank"], &found["malformed"]), (&json!(1), &json!(1)));
        assert_eq!(found["continuation"], 1);
        assert_eq!(found["formats"][0]["timezone"], "not written");
        assert_eq!(found["formats"][1]["timezone"], "written");
    }

    #[test]
    fn what_is_no_text() {
        assert_eq!(detect(&[(0, b"\xff\xfe2\0")])["encoding"], "utf-16");
        assert_eq!(detect(&[(0, b"\x7fELF\0\0\0")])["encoding"], "binary");
        assert_eq!(detect(&[(0, b"2\x000\x002\x004\0-\0")])["encoding"], "utf-16");
        assert_eq!(detect(&[(0, b"2024-01-24 10:15:32 a\0b\n")])["encoding"], "utf-8");
        assert_eq!(detect(&[])["lines"], 0);
    }

    #[test]
    fn fields_are_named_as_they_are_written() {
        let fields = |line: &str| {
            let found = detect(&[(0, line.as_bytes())]);
            let format = &found["formats"][0];
            (format["time_field"].clone(), format["duration_field"].clone())
        };
        for (line, time, duration) in [
            (
                r#"{"@timestamp":"2024-01-24T10:15:32Z","msg":"a=b","tookMs":5}"#,
                "@timestamp",
                "tookMs",
            ),
            (
                r#"{"ts":"2024-01-24T10:15:32Z","event":{"kind":"x", "duration" : 5}}"#,
                "ts",
                "event.duration",
            ),
            // Whose the unit is does not count.
            (r#"{"level":"info","ts":1706091332.5,"msg":"done","duration":5}"#, "ts", "duration"),
            // The second is there to fall back on.
            (r#"{"time":"2024-01-24T10:15:32Z","duration_ms":5,"took":6}"#, "time", "duration_ms"),
            ("time=2024-01-24T10:15:32Z level=info msg=\"a b=c\" elapsed=5ms", "time", "elapsed"),
        ] {
            assert_eq!(fields(line), (json!(time), json!(duration)), "{line}");
        }
        let (time, duration) = fields(r#"{"level":"info","msg":"no time"}"#);
        assert_eq!(
            (time, duration),
            (json!(crate::format::json::ENTRY.info.time_field), Value::Null)
        );
    }

    #[test]
    fn orders_of_dates_are_told() {
        let assumed = |text: &str| detect(&[(0, text.as_bytes())])["assumed"].clone();
        let said = "numeric dates that could be in another order are read";
        let us = "03/04/2024 10:15:32 INFO x\n";
        assert_eq!(assumed(us), json!([format!("{said} month first (month/day/year)")]));
        assert_eq!(
            assumed(&[us, "24/04/2024 10:15:32 INFO x\n"].concat()),
            json!([
                "numeric dates are read day first (day.month.year), as some of them can only be so"
            ])
        );
        let both = [us, "24/04/2024 10:15:32 INFO x\n", "04/24/2024 10:15:32 INFO x\n"].concat();
        let found = detect(&[(0, both.as_bytes())]);
        assert_eq!(found["time"]["date_orders"], json!({ "n/n/Y": "unknown" }));
        assert!(found["assumed"][0].as_str().unwrap().contains("--date-order"), "{found}");
        let german = "04.03.2024 10:15:32 INFO x\n";
        assert_eq!(assumed(german), json!([format!("{said} day first (day.month.year)")]));
        let short = "24-01-23 10:15:32 INFO x\n";
        assert_eq!(assumed(short), json!([format!("{said} year first (year-month-day)")]));
        for sure in ["01/24/2024 10:15:32 INFO x\n", "2024-01-02 10:15:32 INFO x\n"] {
            assert_eq!(assumed(sure), json!([]), "{sure}");
        }
    }

    #[test]
    fn zones_are_a_column_or_words() {
        let found = |text: &str| {
            let found = detect(&[(0, text.as_bytes())]);
            (found["time"].clone(), found["formats"][0]["timezone"].clone())
        };
        let zoned = "2024-07-24 10:15:32 CEST starting\n";
        let zoned_error = "2024-07-24 10:15:32 CEST ERROR x\n";
        let plain = "2024-07-24 10:15:32 ERROR x\n";
        let text = [zoned_error, zoned].concat();
        assert_eq!(found(&text), (json!({ "zone_column": true }), json!("written")));
        // Where few have one, it is a zone only where no words follow.
        let text = [plain, plain, plain, zoned_error, zoned].concat();
        assert_eq!(found(&text), (json!({}), json!("written in some lines")));
        let cst = detect(&[(0, b"2024-07-24 10:15:32 CST ERROR x\n")]);
        assert!(cst["assumed"][0].as_str().unwrap().contains("UTC-06:00"), "{cst}");
    }

    #[test]
    fn blocks_of_lines_without_a_timestamp_are_parts_of_messages() {
        let log = |block: &str, times: usize| {
            let record = "2024-01-24 10:15:32.123 INFO a\n";
            let found = detect(&[(0, [record, block, record].concat().repeat(times).as_bytes())]);
            let go_on = found["time"]["undated_go_on"] == true;
            let told = found["assumed"].to_string().contains("part of the record before");
            assert_eq!(go_on, told, "{found}");
            (go_on, found["continuation"].clone(), found["malformed"].clone())
        };
        let block = "Upgrade: websocket\nfrom port 4000\nsent by Mozilla\n";
        assert_eq!(log(block, 3), (true, json!(9), json!(0)));
        // Two blocks speak for what was sampled alone, one of three lines for nothing.
        assert_eq!(log(block, 2), (true, json!(6), json!(0)));
        assert_eq!(log(block, 1), (false, json!(0), json!(3)));
        // Lines of damaged records are no text, wherever they stand.
        let damaged = "Invalid log line\n2024-01-24 ERROR\n10:15:33.001 INFO Incomplete\n";
        for (block, times) in [(damaged.repeat(10), 1), (damaged.repeat(3), 5)] {
            let lines = 3 * if times == 1 { 10 } else { 15 };
            assert_eq!(log(&block, times), (false, json!(0), json!(lines)));
        }
        assert_eq!(log(&"Invalid log line\n".repeat(5), 5), (false, json!(0), json!(25)));
    }

    #[test]
    fn years_of_dated_lines_are_the_anchor() {
        let text = "Sep 21 14:54:37 lb1 haproxy[1]: Proxy api started.\n\
                    2020-09-21T14:54:40Z lb1 haproxy[1]: Proxy www started.\n";
        let found = detect(&[(0, text.as_bytes())]);
        assert_eq!(found["anchor_ns"], json!(1_600_700_080_000_000_000i64));
        let line = "Sep 21 14:54:37 lb1 x[1]: y\n";
        assert_eq!(detect(&[(0, line.as_bytes())])["anchor_ns"], Value::Null);
        let header = "-- Logs begin at Sun 2020-09-20 00:00:00 UTC, end at Mon 2020-09-21 15:00:00 UTC. --\n";
        let found = detect(&[(0, [header, line].concat().as_bytes())]);
        assert_eq!(found["anchor_ns"], json!(1_600_700_400_000_000_000i64));
    }

    #[test]
    fn years_and_units() {
        let found = detect(&[(0, b"01-24 16:13:38.811  1702  2395 D Tag: x")]);
        assert_eq!(found["formats"][0]["year"], "not written");
        let line =
            "1.2.3.4 - - [24/Jan/2024:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\" 95200\n";
        let found = detect(&[(0, line.repeat(3).as_bytes())]);
        assert_eq!(found["durations"], json!({"after_agent": {"field": 0, "unit": "us"}}));
        assert_eq!(found["assumed"].as_array().unwrap().len(), 1);
    }
}
