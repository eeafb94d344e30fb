//! App text: where its timestamp, level and message are. Part of the [twin](super).

use super::*;

pub(super) fn app_record(line: &[u8], clock: &TimestampParser) -> Option<Record> {
    read_over_colours(line, |line| {
        // Months in other languages at the front are for `text`.
        if line.first().is_some_and(|b| b.is_ascii_lowercase() || *b >= 0x80) {
            return None;
        }
        let open = match line {
            [b'[' | b'<' | b'(' | b'*' | b'.' | b'@' | b'%', ..] => 1,
            [b'-', b' ', ..] => 2,
            _ => 0,
        };
        let special = ["apache-error", "nginx-error", "postgres"];
        let found = timed_record(line, open, clock)?;
        // Lines of which another format says more.
        special.iter().all(|name| delegated(name, line, clock).is_none()).then_some(found)
    })
}

pub(super) fn text_record(line: &[u8], clock: &TimestampParser) -> Option<Record> {
    if line.starts_with(b"{") {
        return None;
    }
    read_over_colours(line, |line| {
        // A month in another language.
        if line.first().is_some_and(|b| b.is_ascii_lowercase() || *b >= 0x80)
            && logan_core::time::month_by_any_name(line).is_some()
            && let Some(stamp) = stamped(line, 0, clock)
        {
            return Some(with_message(line, stamp));
        }
        if let Some(event) = windows_event(line, clock) {
            return Some(event);
        }
        // Inside of a line, a timestamp begins with a digit or a capital.
        let limit = clock_end(line).map_or(128, |end| end + 4).min(128);
        let places: Vec<usize> = (1..line.len().min(limit))
            .filter(|&at| line[at].is_ascii_digit() || line[at].is_ascii_uppercase())
            .filter(|&at| !line.starts_with(b"{") && b" \t[](|<>\"'=;:,@*".contains(&line[at - 1]))
            .collect();
        // A bare number inside the line is its time only if it has a fraction and nothing else is.
        let is_inner = |at: &&usize| **at > 1 && bare_number(line, **at).is_some();
        let has_fraction = |at: &&usize| {
            let end = *at + bare_number(line, **at).unwrap_or(0);
            line.get(end) == Some(&b'.') && line.get(end + 1).is_some_and(u8::is_ascii_digit)
        };
        let timed = |&at: &usize| Some((at, stamped(line, at, clock)?));
        let number = places.iter().filter(is_inner).find(has_fraction);
        let found = places.iter().filter(|at| !is_inner(at)).find_map(timed);
        let (at, stamp) = match (found, number) {
            (Some(found), _) => found,
            (None, Some(number)) => timed(number)?,
            (None, None) => return keyed(line, clock),
        };
        let (severity, priority) =
            level_of_pri(&line[..at]).map_or((None, 0), |(level, end)| (Some(level), end));
        let front = &line[priority..at];
        let word = front.trim_ascii_end();
        let alone = level_of_word(word.strip_suffix(b",").unwrap_or(word));
        let dressed = || level_dressed_before(front);
        match alone.or_else(|| Some(leading_level(front)?.0)).or_else(dressed) {
            Some(_) if is_spoken_of(front) => None,
            Some(level) => Some(with_message(line, Stamped { level, behind: stamp.end, ..stamp })),
            None if stamp.level != Level::None => Some(with_message(line, stamp)),
            None if severity.is_some() => {
                let level = severity?;
                Some(with_message(line, Stamped { level, behind: stamp.end, ..stamp }))
            }
            None => Some(with_message(line, Stamped { level: level_of_front(front)?, ..stamp })),
        }
    })
}

/// `INFO:root:no data after `: a sentence that ends in a word which a date follows.
fn is_spoken_of(front: &[u8]) -> bool {
    let links = "after at before between by for from in is of on since than till to until was";
    let text: String = front.trim_ascii_end().iter().map(|&b| char::from(b)).collect();
    let parts: Vec<&str> = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || "._-/$'".contains(c) || c >= '\u{80}'))
        .collect();
    let words = parts.iter().filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
    let last = parts.last().copied().unwrap_or_default();
    words.count() >= 3 && links.split(' ').any(|link| link == last)
}

/// `<Event xmlns='…'><System>…<Level>2</Level>…<TimeCreated SystemTime='2024-01-24T10:15:32Z'/>…`.
fn windows_event(line: &[u8], clock: &TimestampParser) -> Option<(Record, usize)> {
    let text = &line[..line.len().min(1024)];
    if !text.starts_with(b"<Event ") && !text.starts_with(b"<Event>") {
        return None;
    }
    let start = leading::position(text, b" SystemTime=")? + " SystemTime=".len();
    let quote = *text.get(start).filter(|b| b"'\"".contains(b))?;
    let close = find(text, start + 1, quote)?;
    let (time_ns, end) = clock.any(&text[start + 1..close], 0)?;
    if end != close - start - 1 {
        return None;
    }
    let level = match leading::position(text, b"<Level>").map(|at| &text[at + "<Level>".len()..]) {
        Some(number) if number.get(1) == Some(&b'<') => match number[0] {
            b'1' => Level::Fatal,
            b'2' => Level::Error,
            b'3' => Level::Warn,
            b'0' | b'4' => Level::Info,
            b'5' => Level::Debug,
            _ => Level::None,
        },
        _ => Level::None,
    };
    Some(with_message(line, Stamped { time_ns, level, end: 0, behind: 0 }))
}

/// The level of `<165>` at the front, and where that ends.
fn level_of_pri(line: &[u8]) -> Option<(Level, usize)> {
    let close = find(line, 0, b'>').filter(|_| line.starts_with(b"<"))?;
    let number = digits(line, 1, close - 1).filter(|_| (2..=4).contains(&close))?;
    let is_padded = close > 2 && line[1] == b'0';
    let level = level_of_severity(number % 8)?;
    (number < 192 && !is_padded).then_some((level, close + 1))
}

/// Where the time of day at the front of a line ends.
fn clock_end(line: &[u8]) -> Option<usize> {
    let open = usize::from(line.first() == Some(&b'['));
    if !is_digit(line, open) {
        return None;
    }
    let hour_len = run(line, open, |b| b.is_ascii_digit());
    let minute = open + hour_len + 1;
    if hour_len > 2 || line.get(minute - 1) != Some(&b':') {
        return None;
    }
    let hour = digits(line, open, hour_len)?;
    let minutes = digits(line, minute, 2)?;
    let mut end = minute + 2;
    let mut seconds = None;
    if line.get(end) == Some(&b':') {
        seconds = Some(digits(line, end + 1, 2)?);
        end += 3;
        let decimals = run(line, end + 1, |b| b.is_ascii_digit());
        match line.get(end) {
            Some(b'.' | b',') if decimals > 0 => end += 1 + decimals,
            Some(b':') if decimals == 3 => end += 4,
            _ => {}
        }
    }
    let rest = &line[end..];
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let has_half = rest.starts_with(b"AM") || rest.starts_with(b"PM");
    if has_half {
        end = line.len() - rest.len() + 2;
    }
    let hours = if has_half { 1..=12 } else { 0..=23 };
    let next = line.get(end);
    let stops = next.is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b':')
        || line[end..].starts_with(b": ");
    let is_clock = hours.contains(&hour) && minutes < 60 && seconds.unwrap_or(0) <= 60;
    (is_clock && stops && (seconds.is_some() || has_half)).then_some(end)
}

/// Pairs by which a line without a timestamp at its front says its time.
fn keyed(line: &[u8], clock: &TimestampParser) -> Option<(Record, usize)> {
    let text = &line[..line.len().min(1024)];
    let names =
        ["time", "timestamp", "eventtime", "event_time", "epoch", "unixtime", "logtime", "rt"];
    let numbers = names.iter().filter_map(|name| pair(text, name.as_bytes()));
    let log = 788_918_400 * SECOND..4_102_444_800 * SECOND;
    let number = || {
        let times = numbers.filter(|(_, value)| run(value, 0, |b| b.is_ascii_digit()) >= 10);
        times.filter_map(|(_, value)| epoch(value)).find(|time| log.contains(time))
    };
    let time_ns = time_of_two_keys(text, clock).or_else(number)?;
    let priority = level_of_pri(text);
    let start = priority.map_or(0, |(_, end)| end);
    let is_word = |word: &&[u8]| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic);
    let levels = ["level", "severity", "priority", "loglevel", "log_level"];
    let named = levels.iter().filter_map(|name| pair(text, name.as_bytes()));
    let level = match named.map(|(_, value)| value.trim_ascii()).find(is_word) {
        Some(word) => level_of_field(word),
        None => leading_level(&text[start..]).or(priority).map_or(Level::None, |(level, _)| level),
    };
    Some(with_message(line, Stamped { time_ns, level, end: start, behind: start }))
}

/// The first pair of a key: where its value ends, and that.
fn pair<'a>(text: &'a [u8], key: &[u8]) -> Option<(usize, &'a [u8])> {
    let begins = |at: usize| at == 0 || b" \t,;|>\"".contains(&text[at - 1]);
    for at in (0..text.len()).filter(|&at| begins(at)) {
        let Some(rest) = text[at..].strip_prefix(key).and_then(|rest| rest.strip_prefix(b"="))
        else {
            continue;
        };
        let start = text.len() - rest.len();
        match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                if let Some(len) = find(quoted, 0, b'"') {
                    return Some((start + 1 + len, &quoted[..len]));
                }
            }
            None => {
                let len = run(rest, 0, |b| !b" \t,;|".contains(&b));
                return Some((start + len, &rest[..len]));
            }
        }
    }
    None
}

/// `date=2024-01-24 time="10:15:32" … tz="+0100"`.
pub(super) fn time_of_two_keys(line: &[u8], clock: &TimestampParser) -> Option<i64> {
    let text = &line[..line.len().min(1024)];
    let (end, day) = pair(text, b"date")?;
    let rest = text[end..].strip_prefix(b"\"").unwrap_or(&text[end..]);
    let (gap, rest) = rest.split_first()?;
    if !b" \t,;|".contains(gap) || !rest.starts_with(b"time=") {
        return None;
    }
    let (_, time) = pair(rest, b"time")?;
    let whole = [day, b" ", time].concat();
    let zone = pair(text, b"tz").or_else(|| pair(text, b"timezone"));
    let zoned = zone.map(|(_, zone)| [&whole[..], b" ", zone].concat());
    let read = |text: Vec<u8>| {
        let (time_ns, end) = clock.any(&text, 0)?;
        (end == text.len()).then_some(time_ns)
    };
    zoned.and_then(read).or_else(|| read(whole))
}

/// The level of one letter that stands before a timestamp with dressing alone.
fn level_of_front(front: &[u8]) -> Option<Level> {
    let bare: Vec<u8> = front.iter().copied().filter(|b| !b" \t[]()<>|:-".contains(b)).collect();
    match bare[..] {
        [b'd'] => Some(Level::Debug),
        [letter @ b'A'..=b'Z'] => level_of_letter(letter),
        _ => None,
    }
}

/// What `read` says of the line, or of the line without its colors, if there are some before the
/// message, or no time or level is found. It says where the message starts, too.
pub(super) fn read_over_colours(
    line: &[u8],
    read: impl Fn(&[u8]) -> Option<(Record, usize)>,
) -> Option<Record> {
    let found = read(line);
    let far = match &found {
        Some((record, message)) if record.level != Level::None => message + 1,
        _ => line.len(),
    };
    if line[..far.min(line.len())].contains(&0x1b)
        && let Some(plain) = without_colours(line)
        && let Some((record, _)) = read(&plain)
    {
        return Some(record);
    }
    found.map(|(record, _)| record)
}

/// The line without its control sequences, if it has any.
pub(super) fn without_colours(line: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let inner = run(line, at + 2, |b| (0x20..0x40).contains(&b));
        let is_sequence = line[at..].starts_with(b"\x1b[")
            && line.get(at + 2 + inner).is_some_and(|b| (0x40..0x7f).contains(b));
        if is_sequence {
            at += inner + 3;
        } else {
            plain.push(line[at]);
            at += 1;
        }
    }
    (plain.len() < line.len()).then_some(plain)
}

/// How many digits stand at `at`, if they are ten or more and not the fourteen of a date.
pub(super) fn bare_number(line: &[u8], at: usize) -> Option<usize> {
    let count = run(line, at, |b| b.is_ascii_digit());
    let is_date = count == 14 && line[at] != b'0';
    (count >= 10 && !is_date).then_some(count)
}

/// A timestamp, the level that belongs to it, where the timestamp ends, and where both end.
struct Stamped {
    time_ns: i64,
    level: Level,
    end: usize,
    behind: usize,
}

/// The timestamp at `at`.
fn stamped(line: &[u8], at: usize, clock: &TimestampParser) -> Option<Stamped> {
    let found = clock
        .any(line, at)
        .filter(|found| bare_number(line, at).is_none() || clock.may_be_of_a_log(found.0));
    if let Some((time_ns, end)) = found {
        let text = &line[end..line.len().min(end + 160)];
        let (level, len) = leading_level(text).unwrap_or((Level::None, 0));
        return Some(Stamped { time_ns, level, end, behind: end + len });
    }
    let (time_ns, level, end) = klog(line, at, clock)?;
    Some(Stamped { time_ns, level, end, behind: end })
}

/// The record whose timestamp stands at `at`, and where its message starts.
pub(super) fn timed_record(
    line: &[u8],
    at: usize,
    clock: &TimestampParser,
) -> Option<(Record, usize)> {
    Some(with_message(line, stamped(line, at, clock)?))
}

fn with_message(line: &[u8], stamp: Stamped) -> (Record, usize) {
    let Stamped { time_ns, level, behind, .. } = stamp;
    let dressing = run(line, behind, |b| b" \t])>|:-,;\"".contains(&b));
    let message = &line[behind + dressing..];
    let record = Record {
        time_ns: Some(time_ns).filter(|&time_ns| time_ns != i64::MIN),
        level,
        duration_ns: text_duration(message)
            .or_else(|| millis_of_mongo(message))
            .or_else(|| seconds_of_sidekiq(&line[..behind + dressing], message)),
        message: message.to_vec(),
        ..Record::default()
    };
    (record, behind + dressing)
}

/// The milliseconds at the end of `COMMAND  [conn5] … 12ms`.
fn millis_of_mongo(message: &[u8]) -> Option<u64> {
    let name = run(message, 0, |b| b.is_ascii_uppercase());
    let spaces = run(message, name, |b| b.is_ascii_whitespace());
    let (before, last) = message.split_at(message.iter().rposition(|&b| b == b' ')? + 1);
    let digits = last.strip_suffix(b"ms").filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
    let of_connection = before.get(name + spaces..)?.starts_with(b"[conn");
    let fits = name > 0 && message.get(name) == Some(&b' ') && of_connection;
    fits.then(|| decimal(digits, 1_000_000))?
}

/// The seconds in `elapsed=1.234 INFO: done`.
fn seconds_of_sidekiq(front: &[u8], message: &[u8]) -> Option<u64> {
    let last = front.rsplit(|&b| b == b' ').nth(2)?;
    let fits = matches!(message, b"done" | b"fail") && front.ends_with(b" INFO: ");
    let seconds = last.strip_prefix(b"elapsed=").filter(|_| fits)?;
    let at = front.len() - " INFO: ".len() - last.len();
    let digits = seconds.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    (digits && front[..at].ends_with(b" ")).then(|| number(seconds, SECOND as u64))?
}

/// `I0124 10:15:32.123456`, `I20240124 10:15:32.123456`.
pub(super) fn klog(line: &[u8], at: usize, clock: &TimestampParser) -> Option<(i64, Level, usize)> {
    let letter = line.get(at).filter(|b| b"IWEF".contains(b))?;
    let is_dated =
        |len| digits(line, at + 1, len).is_some() && line.get(at + 1 + len) == Some(&b' ');
    if is_dated(8) || is_dated(6) {
        let (time_ns, end) = clock.any(line, at + 1)?;
        return Some((time_ns, level_of_letter(*letter)?, end));
    }
    let (month, day) = (digits(line, at + 1, 2)?, digits(line, at + 3, 2)?);
    if line.get(at + 5) != Some(&b' ') {
        return None;
    }
    let (time_ns, end) = clock.time_of_day(line, at + 6, month, day)?;
    Some((time_ns, level_of_letter(*letter)?, end))
}
