//! App text: where its timestamp, level and message are. Part of the [twin](super).

use super::*;

pub(super) fn app_record(line: &[u8], clock: &TimestampParser) -> Option<Record> {
    read_over_colours(line, |line| {
        let open = match line {
            [b'[' | b'<', ..] => 1,
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
        let places: Vec<usize> = (1..line.len().min(128))
            .filter(|&at| !line.starts_with(b"{") && b" \t[(|<>\"'=;:,@".contains(&line[at - 1]))
            .collect();
        // A bare number inside the line is its time only if it has a fraction and nothing else is.
        let is_inner = |at: &&usize| **at > 1 && bare_number(line, **at).is_some();
        let has_fraction = |at: &&usize| {
            let end = *at + bare_number(line, **at).unwrap_or(0);
            line.get(end) == Some(&b'.') && line.get(end + 1).is_some_and(u8::is_ascii_digit)
        };
        let timed = |&at: &usize| timed_record(line, at, clock).map(|record| (at, record));
        let (at, (mut record, message)) =
            places.iter().filter(|at| !is_inner(at)).find_map(timed).or_else(|| {
                let number = places.iter().filter(is_inner).find(has_fraction)?;
                timed(number)
            })?;
        if record.level == Level::None {
            record.level = level_among_tokens(&line[..at])?.0;
        }
        Some((record, message))
    })
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

/// The record whose timestamp stands at `at`, and where its message starts.
pub(super) fn timed_record(
    line: &[u8],
    at: usize,
    clock: &TimestampParser,
) -> Option<(Record, usize)> {
    let (time_ns, level, behind) = match clock
        .any(line, at)
        .filter(|found| bare_number(line, at).is_none() || clock.may_be_of_a_log(found.0))
    {
        Some((time_ns, end)) => {
            let text = &line[end..line.len().min(end + 160)];
            let (level, len) = level_among_tokens(text).unwrap_or((Level::None, 0));
            (time_ns, level, end + len)
        }
        None => klog(line, at, clock)?,
    };
    let dressing = run(line, behind, |b| b" \t])>|:-,;\"".contains(&b));
    let message = &line[behind + dressing..];
    let record = Record {
        time_ns: Some(time_ns).filter(|&time_ns| time_ns != i64::MIN),
        level,
        duration_ns: text_duration(message).or_else(|| millis_of_mongo(message)),
        message: message.to_vec(),
        ..Record::default()
    };
    Some((record, behind + dressing))
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

/// `I0124 10:15:32.123456`, `I20240124 10:15:32.123456`.
pub(super) fn klog(line: &[u8], at: usize, clock: &TimestampParser) -> Option<(i64, Level, usize)> {
    let letter = line.get(at).filter(|b| b"IWEF".contains(b))?;
    if digits(line, at + 1, 8).is_some() && line.get(at + 9) == Some(&b' ') {
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

/// The level among the first eight tokens, and where its token ends.
pub(super) fn level_among_tokens(text: &[u8]) -> Option<(Level, usize)> {
    if let Some(found) = level_of_event(text) {
        return Some(found);
    }
    let separates = |b: u8| b" \t[]()|<>,;\"'={}".contains(&b);
    let mut tokens = 0;
    let mut numbers_only = true;
    let mut weak = None;
    let mut at = 0;
    while tokens < 8 {
        at += run(text, at, separates);
        let len = run(text, at, |b| !separates(b));
        if len == 0 {
            break;
        }
        let (token, end) = (&text[at..at + len], at + len);
        let front = &text[..at];
        at = end;
        if token.iter().all(|b| b"-:/*".contains(b)) {
            continue;
        }
        if let Some((level, len)) = level_of_token(token, front, &text[end..], tokens, numbers_only)
        {
            return Some((level, end - token.len() + len));
        }
        if weak.is_none() {
            weak = weak_level(token, front, &text[end..]).map(|level| (level, end));
        }
        numbers_only &= token[0].is_ascii_digit() || b"+-".contains(&token[0]);
        // A key and its value are one.
        if text.get(end) != Some(&b'=') {
            tokens += 1;
        }
    }
    weak
}

/// `] 0000001a SystemOut     E `: WebSphere's kinds of events.
fn level_of_event(text: &[u8]) -> Option<(Level, usize)> {
    let fields: Vec<&[u8]> = text.split(|&b| b == b' ').collect();
    let [b"]", thread, name, rest @ ..] = &fields[..] else { return None };
    let spaces = rest.iter().take_while(|field| field.is_empty()).count();
    let [kind, _, ..] = &rest[spaces..] else { return None };
    let is_thread = thread.len() == 8 && thread.iter().all(u8::is_ascii_hexdigit);
    let kinds: [(&[u8], Level); 7] = [
        (b"F", Level::Fatal),
        (b"E", Level::Error),
        (b"W", Level::Warn),
        (b"A", Level::Notice),
        (b"I", Level::Info),
        (b"CD", Level::Debug),
        (b"123><", Level::Trace),
    ];
    if !is_thread || name.is_empty() || kind.len() != 1 {
        return None;
    }
    let (_, level) = kinds.iter().find(|(letters, _)| letters.contains(&kind[0]))?;
    Some((*level, 2 + 9 + name.len() + 1 + spaces + 1))
}

pub(super) fn is_enclosed(token: &[u8], before: Option<u8>, behind: &[u8]) -> bool {
    before.is_some_and(|b| b"[(|<\"=".contains(&b))
        || behind.first().is_some_and(|b| b"])|>\"".contains(b))
        || token.ends_with(b":")
}

/// A token without its colon, and where behind its last `:` or `/` its word starts.
pub(super) fn word_of(token: &[u8]) -> (&[u8], usize) {
    let bare = token.strip_suffix(b":").unwrap_or(token);
    (bare, bare.iter().rposition(|b| b":/".contains(b)).map_or(0, |i| i + 1))
}

/// A word that is a level if nothing else is.
pub(super) fn weak_level(token: &[u8], front: &[u8], behind: &[u8]) -> Option<Level> {
    let (bare, inner) = word_of(token);
    let word = &bare[inner..];
    let column = front.trim_ascii_end().last() == Some(&b'|')
        && behind.trim_ascii_start().first() == Some(&b'|');
    let alone = column || behind.starts_with(b" [") || front.ends_with(b"] ");
    let loud = word.iter().all(u8::is_ascii_uppercase) && alone;
    (loud || is_enclosed(token, front.last().copied(), behind)).then(|| level_of_weak_word(word))?
}

/// The level that a token says, and how much of it; `place` tokens came before it.
pub(super) fn level_of_token(
    token: &[u8],
    front: &[u8],
    behind: &[u8],
    place: usize,
    numbers_before: bool,
) -> Option<(Level, usize)> {
    let before = front.last().copied();
    let colon = token.ends_with(b":");
    let (bare, inner) = word_of(token);
    // Jetty: `:INFO:name`.
    if front.is_empty()
        && let Some(rest) = bare.strip_prefix(b":")
        && let Some(len) = find(rest, 0, b':')
        && rest[..len].iter().all(u8::is_ascii_uppercase)
        && let Some(level) = level_of_word(&rest[..len])
    {
        return Some((level, 1 + len));
    }
    // Old logcat: `D/Tag`.
    if numbers_before
        && bare.len() > 2
        && bare[0].is_ascii_uppercase()
        && bare[1] == b'/'
        && let Some(level) = level_of_letter(bare[0])
    {
        return Some((level, 2));
    }
    let loud = |word: &[u8]| word.iter().all(u8::is_ascii_uppercase);
    let word = &bare[inner..];
    // MongoDB writes a component in capitals, or a dash, behind the letter.
    let component = behind.starts_with(b" - ")
        || behind.starts_with(b" | ")
        || behind.get(1..3).is_some_and(|two| two.iter().all(u8::is_ascii_uppercase));
    let level = if word.len() == 1 {
        let of_cups = behind.starts_with(b" [") && b"EWNID".contains(&word[0]);
        let component = component || of_cups;
        let logcat = numbers_before && behind.starts_with(b" ") && (place > 0 || component);
        let index = front.strip_suffix(b"[").and_then(|front| front.last());
        let bracketed = (before == Some(b'[') || behind.starts_with(b"]"))
            && !index.is_some_and(u8::is_ascii_alphanumeric);
        (loud(word) && (logcat || bracketed)).then(|| level_of_letter(word[0])).flatten()
    } else if word.len() == 2 && word[1] == b'!' && place == 0 && behind.starts_with(b" ") {
        level_of_letter(word[0]).filter(|_| word[0].is_ascii_uppercase())
    } else if word.len() == 2
        && word[0] == b'D'
        && (b'1'..=b'5').contains(&word[1])
        && numbers_before
        && behind.starts_with(b" ")
        && (component || behind.starts_with(b" ["))
    {
        Some(Level::Debug)
    } else {
        (loud(word) || place == 0 || is_enclosed(token, before, behind))
            .then(|| level_of_word(word))
            .flatten()
    };
    let slash = bare.iter().position(|&b| b == b'/').map(|i| &bare[..i]);
    let point = bare.iter().rposition(|&b| b == b'.').map(|i| &bare[i + 1..]).filter(|_| colon);
    let parts = [slash, point];
    let part = parts.into_iter().flatten().filter(|part| loud(part)).find_map(level_of_word);
    Some((level.or(part)?, token.len()))
}

/// The response time in a message.
pub(super) fn text_duration(message: &[u8]) -> Option<u64> {
    unit_duration(message).or_else(|| named_duration(message))
}

/// The last number whose name says its unit and that it is a response time.
fn named_duration(message: &[u8]) -> Option<u64> {
    for start in (0..message.len()).rev().filter(|&at| is_digit(message, at)) {
        let before = &message[..start];
        let before = before.strip_suffix(b" ").filter(|b| b.ends_with(b":")).unwrap_or(before);
        let Some((b'=' | b':', before)) = before.split_last() else { continue };
        let mut end = start + run(message, start, |b| b.is_ascii_digit());
        if message.get(end) == Some(&b'.') && is_digit(message, end + 1) {
            end += 1 + run(message, end + 1, |b| b.is_ascii_digit());
        }
        let goes_on = message.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        let ends = message.get(end).is_none_or(|b| match b {
            b'.' => !goes_on,
            b => b" \t\n\x0b\x0c\r,;|&)]}\"'".contains(b),
        });
        let name = before.strip_suffix(b"\"").unwrap_or(before);
        let name = &name[name.len().saturating_sub(32)..];
        let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
        let name = &name[name.iter().rposition(|b| !is_of_name(b)).map_or(0, |i| i + 1)..];
        if !ends || !name.last().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let mut words = words_of(name);
        let unit = words.pop()?;
        let units = [
            (1, "ns nanos nsecs nanoseconds"),
            (1_000, "us micros usecs microseconds"),
            (1_000_000, "ms millis msecs milliseconds"),
            (1_000_000_000, "s secs seconds"),
        ];
        let is = |word: &String, list: &str| list.split(' ').any(|w| w == word);
        let Some((unit_ns, _)) = units.iter().find(|(_, list)| is(&unit, list)) else { continue };
        let joint = name[..name.len() - unit.len()].last();
        if !joint.is_some_and(|b| b.is_ascii_alphabetic() || b"_-.".contains(b)) {
            continue;
        }
        while words.last().is_some_and(|word| word == "in" || is(word, FILL)) {
            words.pop();
        }
        let Some(keyword) = words.pop() else { continue };
        let spans = "response request resp req query processing process execution exec elapsed \
                     total run upstream service handling render db sql wall";
        let says = match &*keyword {
            "time" => words.last().is_some_and(|word| is(word, spans)),
            _ => is(&keyword, "took duration elapsed latency cost rt"),
        };
        if says && !words.iter().any(|word| is(word, WAIT)) {
            match decimal(&message[start..end], *unit_ns) {
                Some(nanos) => return Some(nanos),
                None => continue,
            }
        }
    }
    None
}

const FILL: &str = "of was is about only just approximately taken spent";
const WAIT: &str = "retry retrying retries retried wait waiting waits sleep sleeping timeout timeouts \
                    every next expires expire expiring expiry interval delay backoff ttl uptime";

/// Runs of letters in small letters, cut before a capital behind a small one.
fn words_of(text: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = b' ';
    for &b in text {
        if b.is_ascii_alphabetic() {
            if !last.is_ascii_alphabetic() || last.is_ascii_lowercase() && b.is_ascii_uppercase() {
                words.push(String::new());
            }
            words.last_mut().expect("a word").push(char::from(b.to_ascii_lowercase()));
        }
        last = b;
    }
    words
}

/// The last number with a unit that is a response time.
fn unit_duration(message: &[u8]) -> Option<u64> {
    for start in (0..message.len()).rev() {
        let before = start.checked_sub(1).map(|i| message[i]);
        let digit_at = start + usize::from(message[start] == b'.');
        if !is_digit(message, digit_at) || !before.is_some_and(|b| b" \t=:(\"'[,~".contains(&b)) {
            continue;
        }
        // `1,234`: what stands before a comma may belong to the number.
        let group = run(message, start, |b| b.is_ascii_digit());
        if group == 3 && before == Some(b',') && start > 1 && is_digit(message, start - 2) {
            continue;
        }
        let mut len = group;
        while (len == group && group <= 3 || len > group)
            && message.get(start + len) == Some(&b',')
            && run(message, start + len + 1, |b| b.is_ascii_digit()) == 3
        {
            len += 4;
        }
        if message.get(start + len) == Some(&b'.') && is_digit(message, start + len + 1) {
            len += 1 + run(message, start + len + 1, |b| b.is_ascii_digit());
        }
        let number = &message[start..start + len];
        let space = usize::from(message.get(start + len) == Some(&b' '));
        let Some(unit_ns) = text_unit(&message[start + len + space..]) else {
            continue;
        };
        if speaks_of_response_time(&message[start.saturating_sub(32)..start]) {
            let number: Vec<u8> = number.iter().copied().filter(|&b| b != b',').collect();
            return decimal(&number, unit_ns);
        }
    }
    None
}

/// Nanoseconds of the unit at the beginning of `text`.
pub(super) fn text_unit(text: &[u8]) -> Option<u64> {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    for micro in ["µs", "μs"] {
        if let Some(rest) = text.strip_prefix(micro.as_bytes()) {
            return (!rest.first().is_some_and(|&b| is_word(b))).then_some(1_000);
        }
    }
    let word = &text[..run(text, 0, is_word)];
    match word {
        b"ns" => return Some(1),
        b"us" => return Some(1_000),
        b"ms" => return Some(1_000_000),
        b"s" => return Some(1_000_000_000),
        _ => {}
    }
    let spelled = [
        (1, "nsec nsecs nanos nanosecond nanoseconds"),
        (1_000, "usec usecs micros microsecond microseconds"),
        (1_000_000, "msec msecs millis millisecond milliseconds"),
        (1_000_000_000, "sec secs second seconds"),
    ];
    let lower = word.to_ascii_lowercase();
    let found = spelled.iter().find(|(_, list)| list.split(' ').any(|u| u.as_bytes() == lower));
    found.map(|(nanos, _)| *nanos)
}

/// Whether what stands before a number makes it a response time.
pub(super) fn speaks_of_response_time(context: &[u8]) -> bool {
    let behind = context.iter().rev().take_while(|b| b" \t=:(\"'[,~".contains(b)).count();
    let text = &context[..context.len() - behind];
    if behind == 0 || !text.last().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let words = words_of(text);
    let is = |word: &String, list: &str| list.split(' ').any(|w| w == word);
    let say = "in took duration elapsed latency time cost rt";
    let mut words = words.iter().rev().skip_while(|word| is(word, FILL));
    words.next().is_some_and(|word| is(word, say)) && !words.take(3).any(|word| is(word, WAIT))
}
