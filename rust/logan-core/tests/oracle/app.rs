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
        duration_ns: text_duration(message)
            .or_else(|| millis_of_mongo(message))
            .or_else(|| seconds_of_sidekiq(&line[..behind + dressing], message)),
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
