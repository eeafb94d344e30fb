//! Response times in free text. Part of the [twin](super).

use super::*;

/// A decimal number without exponent, times nanoseconds, rounded half up.
pub(super) fn decimal(number: &[u8], unit_ns: u64) -> Option<u64> {
    let digits: Vec<u8> = number.iter().copied().filter(|&b| b != b'.').collect();
    let decimals = number.iter().rev().take_while(|&&b| b != b'.').count();
    let decimals = if digits.len() == number.len() { 0 } else { decimals };
    scaled(&digits, -(decimals as i64), unit_ns)
}

/// Digits times ten to a power, times nanoseconds, rounded half up.
pub(super) fn scaled(digits: &[u8], power: i64, unit_ns: u64) -> Option<u64> {
    // 24 digits times an hour fit.
    if digits.is_empty() || digits.len() > 24 {
        return None;
    }
    let value: u128 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let value = value * u128::from(unit_ns);
    let ten = |power: i64| 10u128.checked_pow(power as u32);
    let nanos = if value == 0 {
        0
    } else if power >= 0 {
        value.checked_mul(ten(power)?)?
    } else {
        ten(-power).map_or(0, |p| value / p + u128::from(value % p * 2 >= p))
    };
    u64::try_from(nanos).ok().filter(|&nanos| nanos <= i64::MAX as u64)
}

/// The number, possibly with an exponent, that `text` is.
pub(super) fn number(text: &[u8], unit_ns: u64) -> Option<u64> {
    let (mantissa, exponent) = match text.iter().position(|b| b"eE".contains(b)) {
        None => (text, 0),
        Some(i) => {
            let rest = &text[i + 1..];
            let unsigned = rest.strip_prefix(b"-").or(rest.strip_prefix(b"+")).unwrap_or(rest);
            if !(1..=4).contains(&unsigned.len()) {
                return None;
            }
            let exponent = digits(unsigned, 0, unsigned.len())?;
            (&text[..i], if rest.starts_with(b"-") { -exponent } else { exponent })
        }
    };
    let parts: Vec<&[u8]> = mantissa.split(|&b| b == b'.').collect();
    let all = parts.concat();
    if parts.len() > 2 || !all.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let decimals = parts.get(1).map_or(0, |d| d.len()) as i64;
    scaled(&all, exponent - decimals, unit_ns)
}

/// A duration with its unit in any spelling, and nothing else.
pub(super) fn with_unit(text: &[u8]) -> Option<u64> {
    // In a field a number may end with its point.
    let len = run(text, 0, |b| b.is_ascii_digit() || b == b'.');
    let unit = text[len..].strip_prefix(b" ").unwrap_or(&text[len..]);
    if text[..len].ends_with(b".")
        && let Some(unit_ns) = field_unit(unit)
        && let Some(nanos) = number(&text[..len], unit_ns)
    {
        return Some(nanos);
    }
    let (nanos, end, _) = span(text, 0, field_unit)?;
    nanos.filter(|_| end == text.len())
}

/// A span of time at `at`: nanoseconds (none if beyond all), where it ends, whether it is a clock.
fn span(
    text: &[u8],
    at: usize,
    unit_of: fn(&[u8]) -> Option<u64>,
) -> Option<(Option<u64>, usize, bool)> {
    let is_followed = |end: usize| text.get(end).is_some_and(|b| is_of_word(*b));
    if text.get(at) == Some(&b'P') {
        let mut end = at + 1 + run(text, at + 1, |b| b.is_ascii_digit() || b"DTHMS.".contains(&b));
        if text[end - 1] == b'.' {
            end -= 1;
        }
        let nanos = iso_span(&text[at + 1..end])?;
        return (!is_followed(end)).then_some((Some(nanos), end, false));
    }
    if let Some((nanos, end)) = clock(text, at) {
        return Some((nanos, end, true));
    }
    // Parts: the digits and power of the number, the unit; where the part ends.
    let mut nanos = Some(0u64);
    let mut end = None;
    let mut start = at;
    let mut larger = u64::MAX;
    loop {
        if larger == DAY
            && let Some((rest, clock_end)) = clock(text, start)
            && !is_digit(text, start - 1)
        {
            let sum = nanos.zip(rest).and_then(|(a, b)| a.checked_add(b));
            return Some((sum.filter(|&n| n <= i64::MAX as u64), clock_end, false));
        }
        let Some((digits, power, number_end)) = written_number(text, start) else { break };
        let unit_at = number_end + usize::from(text.get(number_end) == Some(&b' '));
        let letters = match text.get(unit_at..unit_at + 2) {
            Some([0xc2, 0xb5] | [0xce, 0xbc]) => {
                2 + run(text, unit_at + 2, |b| b.is_ascii_alphabetic())
            }
            _ => run(text, unit_at, |b| b.is_ascii_alphabetic()),
        };
        let Some(unit_ns) = unit_of(&text[unit_at..unit_at + letters]) else { break };
        if end.is_some_and(|end| end != start) && unit_ns >= larger {
            break;
        }
        let part = scaled(&digits, power, unit_ns);
        nanos = nanos.zip(part).and_then(|(a, b)| a.checked_add(b));
        let behind = unit_at + letters;
        end = Some(behind);
        let joints: &[&str] =
            if unit_ns >= 60 * SECOND as u64 { &["", " ", ":", ", ", " and "] } else { &[""] };
        let next = joints.iter().find_map(|joint| {
            let rest = text[behind..].strip_prefix(joint.as_bytes())?;
            let begins = is_digit(rest, 0) || joint.is_empty() && rest.first() == Some(&b'.');
            let is_loose = joint.is_empty() && unit_at > number_end;
            (begins && !is_loose).then_some(behind + joint.len())
        });
        match next {
            Some(next) => (start, larger) = (next, unit_ns),
            None => break,
        }
    }
    let end = end.filter(|&end| !is_followed(end))?;
    Some((nanos.filter(|&n| n <= i64::MAX as u64), end, false))
}

const DAY: u64 = 86_400 * SECOND as u64;

fn is_of_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

/// A number as people write it: its digits, the power of ten, and where it ends.
fn written_number(text: &[u8], at: usize) -> Option<(Vec<u8>, i64, usize)> {
    let shape = run(text, at, |b| b.is_ascii_digit() || b == b'.' || b == b',');
    let mut token = &text[at..at + shape];
    // What ends a sentence or a clause is not part of it.
    while token.ends_with(b".") || token.ends_with(b",") {
        token = &token[..token.len() - 1];
    }
    let doubled = |sign: &[u8; 2]| token.windows(2).position(|two| two == sign);
    let cut = [b"..", b",,", b".,", b",."].iter().filter_map(|two| doubled(two)).min();
    let token = &token[..cut.unwrap_or(token.len())];
    let text_of = |parts: &[&[u8]]| parts.concat();
    let commas: Vec<&[u8]> = token.split(|&b| b == b',').collect();
    let points: Vec<&[u8]> = token.split(|&b| b == b'.').collect();
    let (digits, decimals) = match (commas.len(), points.len()) {
        (1, 1) => (token.to_vec(), 0),
        (1, 2) if !points[1].is_empty() => (text_of(&points), points[1].len()),
        (1, _) => return None,
        (2, 1) if commas[1].len() != 3 || commas[0].starts_with(b"0") => {
            (text_of(&commas), commas[1].len())
        }
        (_, 1 | 2) => {
            let last = commas[commas.len() - 1];
            let (group, decimals) = match last.iter().position(|&b| b == b'.') {
                Some(point) => (&last[..point], last.len() - point - 1),
                None => (last, 0),
            };
            let middle = &commas[1..commas.len() - 1];
            let grouped = middle.iter().chain([&group]).all(|g| g.len() == 3 && !g.contains(&b'.'));
            let first = commas[0];
            if !grouped || !(1..=3).contains(&first.len()) || first.contains(&b'.') {
                return None;
            }
            if first.starts_with(b"0") {
                return None;
            }
            let digits = token.iter().copied().filter(u8::is_ascii_digit).collect();
            (digits, decimals)
        }
        _ => return None,
    };
    if digits.is_empty() || token[0] == b',' {
        return None;
    }
    let end = at + token.len();
    let mut power = -(decimals as i64);
    let mut number_end = end;
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let len = run(text, end + 1 + signed, |b| b.is_ascii_digit());
        if (1..=4).contains(&len) {
            let value = self::digits(text, end + 1 + signed, len)?;
            power += if text[end + 1] == b'-' { -value } else { value };
            number_end = end + 1 + signed + len;
        }
    }
    Some((digits, power, number_end))
}

/// `H:MM:SS` and perhaps decimals at `at`: nanoseconds, and where it ends.
fn clock(text: &[u8], at: usize) -> Option<(Option<u64>, usize)> {
    let rest = text.get(at..)?;
    let mut end = run(rest, 0, |b| b.is_ascii_digit() || b == b':');
    let parts: Vec<&[u8]> = rest[..end].split(|&b| b == b':').collect();
    let &[hours, minutes, seconds] = &parts[..] else { return None };
    if !(1..=4).contains(&hours.len()) || minutes.len() != 2 || seconds.len() != 2 {
        return None;
    }
    let (minutes, seconds) = (digits(minutes, 0, 2)?, digits(seconds, 0, 2)?);
    if minutes > 59 || seconds > 59 {
        return None;
    }
    let mut fraction = Vec::new();
    if matches!(rest.get(end), Some(b'.' | b',')) && is_digit(rest, end + 1) {
        let len = run(rest, end + 1, |b| b.is_ascii_digit());
        fraction = rest[end + 1..end + 1 + len].to_vec();
        end += 1 + len;
        if matches!(rest.get(end), Some(b'.' | b',')) && is_digit(rest, end + 1) {
            return None;
        }
    }
    if rest.get(end).is_some_and(|&b| is_of_word(b) || b == b':') {
        return None;
    }
    let whole = (digits(hours, 0, hours.len())? * 60 + minutes) as u64 * 60 * SECOND as u64;
    let mut shown = format!("{seconds:02}").into_bytes();
    let power = -(fraction.len() as i64);
    shown.extend(fraction);
    let nanos = scaled(&shown, power, SECOND as u64).and_then(|n| n.checked_add(whole));
    Some((nanos, at + end))
}

/// What follows the `P` of `P1DT2H3M4.5S`.
pub(super) fn iso_span(text: &[u8]) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    let mut parts = 0;
    for (letter, unit_ns) in [
        (b'D', 86_400 * SECOND as u64),
        (b'T', 0),
        (b'H', 3_600 * SECOND as u64),
        (b'M', 60 * SECOND as u64),
        (b'S', SECOND as u64),
    ] {
        if letter == b'T' {
            match rest {
                [b'T', more @ ..] if !more.is_empty() => rest = more,
                [] if parts > 0 => return Some(sum).filter(|&sum| sum <= i64::MAX as u64),
                _ => return None,
            }
            continue;
        }
        let len = run(rest, 0, |b| b.is_ascii_digit() || b == b'.');
        if rest.get(len) == Some(&letter) {
            let part = number(&rest[..len], unit_ns)?;
            sum = sum.checked_add(part)?;
            rest = &rest[len + 1..];
            parts += 1;
        }
    }
    (rest.is_empty() && parts > 0 && sum <= i64::MAX as u64).then_some(sum)
}

pub(super) fn field_unit(name: &[u8]) -> Option<u64> {
    let units = [
        (1, "ns nsec nsecs nano nanos nanosecond nanoseconds"),
        (1_000, "us µs μs usec usecs micro micros microsecond microseconds"),
        (1_000_000, "ms msec msecs milli millis millisecond milliseconds"),
        (1_000_000_000, "s sec secs second seconds"),
        (60_000_000_000, "m min mins minute minutes"),
        (3_600_000_000_000, "h hr hrs hour hours"),
        (86_400_000_000_000, "d day days"),
    ];
    let found = units.iter().find(|(_, list)| list.split(' ').any(|u| u.as_bytes() == name));
    found.map(|(nanos, _)| *nanos)
}

/// The response time in a message.
pub(super) fn text_duration(message: &[u8]) -> Option<u64> {
    let (mut total, mut first, mut sum, mut part) = (None, None, None, None);
    for (at, nanos, meaning) in spans_of(message) {
        match meaning {
            Meant::Nothing => {}
            Meant::Time => first = first.or(Some((at, nanos))),
            Meant::Total => total = Some(nanos),
            Meant::Part => part = part.or(Some(nanos)),
            Meant::Sum => sum = Some((at, nanos)),
        }
    }
    let summed = match (first, sum) {
        (Some((at, _)), Some((sum_at, sum))) if sum_at > at => Some(sum),
        _ => first.map(|(_, nanos)| nanos),
    };
    let (named, named_part) = named_durations(message);
    total.or(summed).or(named).or(part).or(named_part)
}

#[derive(Clone, Copy, PartialEq)]
enum Meant {
    Nothing,
    Time,
    Total,
    Part,
    Sum,
}

const DAYS_30: u64 = 30 * DAY;

fn text_unit(name: &[u8]) -> Option<u64> {
    let lower = name.to_ascii_lowercase();
    field_unit(if name.len() > 2 { &lower } else { name })
}

/// Where spans stand, their nanoseconds, and what the text makes of them.
fn spans_of(text: &[u8]) -> Vec<(usize, u64, Meant)> {
    let mut spans = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let found = if may_begin(text, at) { span(text, at, text_unit) } else { None };
        let Some((nanos, end, is_clock)) = found else {
            at += 1;
            continue;
        };
        let spelled = &text[at..end];
        let unit_len = spelled.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
        let unit = &spelled[spelled.len() - unit_len..];
        let is_of_days = unit == b"D" || text_unit(unit) == Some(DAY);
        // One number and a unit: what is short of a second may be a time since 1970.
        let number = run(spelled, 0, |b| b.is_ascii_digit() || b == b'.' || b == b',');
        let rest = &spelled[number..];
        let single = text_unit(rest.strip_prefix(b" ").unwrap_or(rest));
        let is_whole = spelled[..number].iter().all(u8::is_ascii_digit);
        let most = match single {
            Some(unit) if unit < SECOND as u64 && is_whole => 999_999_999_999_999,
            _ => DAYS_30,
        };
        let short = !is_clock && single.is_some_and(|unit| unit <= SECOND as u64);
        if let Some(nanos) = nanos.filter(|&nanos| nanos <= most && (is_clock || !is_of_days)) {
            spans.push((at, nanos, meant(text, at, end, is_clock, short, may_be_granted(nanos))));
        }
        at = end;
    }
    spans
}

fn may_begin(text: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else { return false };
    let opens = match text[before] {
        b',' => !(before > 0 && is_digit(text, before - 1)),
        b'>' => before > 0 && text[before - 1] == b'=',
        b => b" \t=:(\"'[~".contains(&b),
    };
    opens && (is_digit(text, at) || text[at] == b'.' || text[at] == b'P')
}

/// A word, and what stands before it.
struct Token {
    word: String,
    is_capital: bool,
    /// The clause begins with it.
    begins: bool,
    /// Whether a `=` stands right behind it.
    is_key: bool,
    /// The last number alone before it.
    number: Option<u64>,
    follows_digit: bool,
}

fn is_in(word: &str, list: &str) -> bool {
    list.split(' ').any(|one| one == word)
}

/// The words of `text`, nearest to its end first.
fn tokens(text: &[u8]) -> Vec<Token> {
    let is_letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
    let is_first = |at: usize| {
        is_letter(at)
            && (at == 0
                || !is_letter(at - 1)
                || text[at - 1].is_ascii_lowercase() && text[at].is_ascii_uppercase())
    };
    let mut found = Vec::new();
    let mut last_end = 0;
    for start in (0..text.len()).filter(|&at| is_first(at)) {
        let end = (start + 1..text.len()).find(|&at| !is_letter(at) || is_first(at));
        let end = end.unwrap_or(text.len());
        let gap = &text[last_end..start];
        let at_front = found.is_empty();
        let is_path = start > 0 && text[start - 1] == b'/' || text.get(end) == Some(&b'/');
        let word = String::from_utf8_lossy(&text[start..end]).to_lowercase();
        let is_capital = text[start].is_ascii_uppercase();
        found.push(Token {
            word: if is_path { "/".into() } else { word },
            is_capital,
            is_key: text.get(end) == Some(&b'='),
            begins: ends_clause(gap, is_capital),
            number: number_alone(gap, at_front),
            follows_digit: gap.iter().any(u8::is_ascii_digit),
        });
        last_end = end;
    }
    found.reverse();
    found
}

fn ends_clause(gap: &[u8], before_capital: bool) -> bool {
    let last = gap.len().saturating_sub(1);
    gap.iter().enumerate().any(|(i, b)| {
        let spaced = i < last && gap[i + 1] == b' ';
        match b {
            b';' | b'!' | b'?' => true,
            b',' => spaced,
            b'.' => spaced && before_capital && gap[i + 1..].iter().all(|&b| b == b' '),
            b'-' | b'|' => spaced && i > 0 && gap[i - 1] == b' ',
            _ => false,
        }
    })
}

fn number_alone(gap: &[u8], at_front: bool) -> Option<u64> {
    let mut found = None;
    for start in 0..gap.len() {
        let begins = is_digit(gap, start)
            && match start.checked_sub(1) {
                None => at_front,
                Some(before) => b" ([\t".contains(&gap[before]),
            };
        let end = start + run(gap, start, |b| b.is_ascii_digit());
        if begins && gap.get(end) == Some(&b' ') {
            found = std::str::from_utf8(&gap[start..end]).ok().and_then(|n| n.parse().ok());
            found = found.or(Some(u64::MAX));
        }
    }
    found
}

/// What the text makes of its span at `at`.
fn meant(
    text: &[u8],
    at: usize,
    end: usize,
    is_clock: bool,
    short: bool,
    may_be_length: bool,
) -> Meant {
    let mut before = &text[at.saturating_sub(128)..at];
    if at > 128 {
        before = &before[run(before, 0, |b| b.is_ascii_alphanumeric())..];
    }
    let open = before.iter().rev().take_while(|b| b" \t=:(\"'[,~>".contains(b)).count();
    let (before, opening) = before.split_at(before.len() - open);
    if opening.contains(&b'>') && !opening.starts_with(b"=>") {
        return Meant::Nothing;
    }
    let behind = &text[end..];
    let gc_of_old = before.ends_with(b")") || before.ends_with(b"]");
    if gc_of_old && opening == b", " {
        let secs = text[at..end].ends_with(b" secs") && behind.starts_with(b"]");
        let is_of_gc = secs && text[..at].windows(2).any(|two| two == b"GC");
        return if is_of_gc { Meant::Total } else { Meant::Nothing };
    }
    let is_tail = |list: &str| {
        let word = &behind[1..][..run(behind, 1, |b| b.is_ascii_alphabetic())];
        std::str::from_utf8(word).is_ok_and(|word| is_in(word, list))
    };
    if matches!(behind.first(), Some(b' ' | b'-')) && is_tail(TAILS) {
        return Meant::Nothing;
    }
    if goes_on_before(before, opening) {
        return Meant::Nothing;
    }
    match before.last() {
        Some(b) if b.is_ascii_alphabetic() => {}
        Some(b')') if opening == b" = " => return Meant::Sum,
        Some(b')') if opening == b" " => {
            // `->512M(2048M)`
            let digits_or_sign = |b: u8| b.is_ascii_digit() || b"KMG(->".contains(&b);
            let inner = &before[..before.len() - 1];
            let size = inner.iter().rev().take_while(|&&b| digits_or_sign(b)).count();
            let sizes = &inner[inner.len() - size..];
            let fits = sizes.windows(2).any(|two| two == b"->")
                && sizes.contains(&b'(')
                && matches!(sizes.last(), Some(b'K' | b'M' | b'G'));
            return if fits { Meant::Time } else { Meant::Nothing };
        }
        Some(b) if b.is_ascii_digit() && opening == b" " => {
            let fields: Vec<&[u8]> = before.rsplitn(4, |&b| b == b' ').collect();
            let [size, flags, code, ..] = fields[..] else { return Meant::Nothing };
            let fits = size.iter().all(u8::is_ascii_digit)
                && !flags.is_empty()
                && flags.iter().all(|b| b.is_ascii_lowercase() || b"-,".contains(b))
                && code.len() >= 4
                && code.iter().all(u8::is_ascii_uppercase);
            let is_of_dns = fits && behind.is_empty() && text.ends_with(b"s");
            let quoted = text[..at].contains(&b'"');
            return if is_of_dns && quoted { Meant::Time } else { Meant::Nothing };
        }
        _ => return Meant::Nothing,
    }
    let mut tokens = tokens(before);
    tokens.truncate(24);
    if let Some(last) = tokens.iter().position(|token| token.begins) {
        tokens.truncate(last + 1);
    }
    let word = |i: usize| tokens.get(i).map_or("", |token| &*token.word);
    let has = |i: usize, list: &str| is_in(word(i), list) && i < tokens.len();
    let number = |i: usize| tokens.get(i).and_then(|token| token.number);
    let counted = |i: usize| {
        has(i, EVENT) && (i..i + 3).any(|i| number(i).is_some() && word(i + 1) != "with")
    };
    let completes = |i: usize| {
        let skipped = (1..=3).take_while(|n| has(i + n, AUXILIARY)).count();
        let near = |n: usize| n <= 3 && has(i + n, MODAL);
        let n = 1 + skipped;
        let negated = near(n) || n < 3 && near(n + 1) && word(i + n + 1) != "to";
        let of_http = (i + 1..=i + 3).any(|i| has(i, HTTP));
        let tunnel = (0..i).any(|i| number(i) == Some(101)) || of_http && number(i) == Some(101);
        let rate = (i + 1..=i + 3).any(counted);
        !negated && !tunnel && !rate && !has(i + 1, WAIT)
    };
    let mut key = 0;
    while has(key, FILLER) && !tokens[key].follows_digit {
        key += 1;
    }
    let taken = (0..key).any(|i| word(i) == "taken");
    let three = |list: &str| (key + 1..=key + 3).any(|i| has(i, list));
    let two = |list: &str| (key + 1..=key + 2).any(|i| has(i, list));
    let yes_if = |fits: bool| if fits { Meant::Time } else { Meant::Nothing };
    let apart = opening.iter().any(|b| b":=".contains(b));
    let completes_nothing = [IN, AFTER, TOOK, NAME, SPAN, TIME, TOTAL, DONE];
    if has(key, OF_REQUEST)
        && !completes_nothing.iter().any(|list| has(key, list))
        && has(key + 1, DONE)
        && apart
        && !tokens[key].follows_digit
        && !(key + 2..=key + 3).any(|i| has(i, MODAL))
    {
        return if is_clock { Meant::Nothing } else { Meant::Time };
    }
    if word(key) == "stopped" && !has(key, DONE) && !has(key, SPAN) {
        return yes_if(word(key + 1) == "were" && word(key + 2) == "threads");
    }
    if has(key, IN) {
        return yes_if(verb_before(&tokens, key + 1, &has, &counted, &completes));
    }
    if has(key, AFTER) {
        let done = has(key + 1, DONE) && !tokens[key].follows_digit;
        return yes_if(done && completes(key + 1));
    }
    if has(key, TOOK) {
        return yes_if(!three(STALL));
    }
    if has(key, DONE) {
        let apart = opening.iter().any(|b| b":([=".contains(b));
        return yes_if(apart && !is_clock && !two(MODAL));
    }
    let is_name = has(key, NAME) || has(key, SPAN) || has(key, TIME) || has(key, TOTAL);
    let name = before.len()
        - before
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_alphanumeric() || b"_.-".contains(b))
            .count();
    let is_option = before[name..].starts_with(b"-")
        && before[..name].last().is_some_and(|b| b" \t\"'(".contains(b));
    let is_asked_for = before[name..].starts_with(b"Resource_List.");
    if is_name && key == 0 && opening == b"=" && (is_option || is_asked_for) {
        return Meant::Nothing;
    }
    let waits = |i: usize| [WAIT, PAUSE, LIMIT, STALL].into_iter().any(|list| has(i, list));
    let waits = (key + 1..=key + 3).any(|i| waits(i) && !tokens[i].is_key);
    if !is_name || waits || has(key + 1, OTHER) {
        return Meant::Nothing;
    }
    if has(key + 1, SESSION) {
        let remote = is_in(word(key + 2), "api rpc grpc http rest service method function");
        if !(is_in(word(key + 1), "call calls") && remote) {
            return Meant::Nothing;
        }
    }
    if has(key, TOTAL) || two(TOTAL) {
        return Meant::Total;
    }
    let kind = if has(key + 1, PART) { Meant::Part } else { Meant::Time };
    if has(key, NAME) {
        return kind;
    }
    if has(key, TIME) && is_clock && !taken && !has(key + 1, OF_REQUEST) {
        return Meant::Nothing;
    }
    let context = &text[at.saturating_sub(32)..at];
    let front = if short { &text[..text.len().min(32)] } else { text };
    let front_is_cut = short && text.len() >= 32;
    if of_lifetime(context, at > 32, false) || of_lifetime(front, false, front_is_cut) {
        return Meant::Nothing;
    }
    // What was agreed on, unless it has elapsed or is of a request.
    let may_be_agreed =
        word(key) != "elapsed" && !(has(key, TIME) && (taken || has(key + 1, OF_REQUEST)));
    let is_granted = of_grant(context, at > 32, false) || of_grant(front, false, front_is_cut);
    if may_be_length && may_be_agreed && is_granted { Meant::Nothing } else { kind }
}

const TAILS: &str = "timeout timeouts interval intervals ago delay limit window backoff ttl TTL \
                     remaining left old apart grace cooldown period deadline budget";

/// Whether a verb of completion stands before the `in` before the `first` word.
fn verb_before(
    tokens: &[Token],
    first: usize,
    has: &dyn Fn(usize, &str) -> bool,
    counted: &dyn Fn(usize) -> bool,
    completes: &dyn Fn(usize) -> bool,
) -> bool {
    let is_status = |i: usize| {
        tokens.get(i).and_then(|token| token.number).is_some_and(|n| (200..600).contains(&n))
    };
    // The reason of a status does not count: `Completed 504 Gateway Timeout in`.
    let is_reason = |i: &usize| tokens.get(*i).is_some_and(|t| t.is_capital) && !has(*i, EVENT);
    let mut reason = (first..first + 4).take_while(is_reason);
    let behind = reason.find(|&i| is_status(i)).map(|i| i + 1);
    let mut http = false;
    for i in behind.unwrap_or(first)..tokens.len() {
        if has(i, WAIT) || i == first && has(i, PAUSE) || counted(i) {
            return false;
        }
        if has(i, VERB) {
            let undone = tokens[i].word == "failed" && i > first && tokens[i - 1].word == "to";
            return !undone && completes(i);
        }
        http |= has(i, HTTP);
    }
    behind.is_some() || http && is_status(first - 1)
}

/// Whether a number and a larger unit stand before a number.
fn goes_on_before(before: &[u8], opening: &[u8]) -> bool {
    let before = match opening {
        b" " => before.strip_suffix(b" and").unwrap_or(before),
        b":" | b", " => before,
        _ => return false,
    };
    let letters = before.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let (number, unit) = before.split_at(before.len() - letters);
    let number = number.strip_suffix(b" ").unwrap_or(number);
    let large = text_unit(unit).is_some_and(|unit| unit >= 60 * SECOND as u64);
    large && number.last().is_some_and(u8::is_ascii_digit)
}

/// Whether the words of `text` speak of a session that is over.
fn of_lifetime(text: &[u8], cut_before: bool, cut_after: bool) -> bool {
    has_words(text, cut_before, cut_after, &[&[LIFETIME], &[SESSION, ENDED]])
}

/// Whether these are whole seconds, or half a minute.
fn may_be_granted(nanos: u64) -> bool {
    nanos > 0 && nanos.is_multiple_of(SECOND as u64) || nanos >= 30 * SECOND as u64
}

/// Whether the words of `text` speak of something that is given for a time.
fn of_grant(text: &[u8], cut_before: bool, cut_after: bool) -> bool {
    has_words(text, cut_before, cut_after, &[&[HELD, GRANTED], &[RECORDING, KEPT]])
}

/// Whether a `duration` of so many nanoseconds beside a message is a lifetime; `elapsed` is none that was
/// granted.
pub(super) fn is_lifetime_beside(message: &[u8], nanos: u64, is_elapsed: bool) -> bool {
    let front = &message[..message.len().min(32)];
    let is_cut = message.len() >= 32;
    let is_granted = !is_elapsed && may_be_granted(nanos) && of_grant(front, false, is_cut);
    of_lifetime(front, false, is_cut) || is_granted
}

/// Whether a text has words of all lists of one of the sets; those that are cut do not count.
fn has_words(text: &[u8], cut_before: bool, cut_after: bool, sets: &[&[&str]]) -> bool {
    let is_letter = |b: &u8| b.is_ascii_alphabetic();
    let first = if cut_before { first_word_len(text) } else { 0 };
    let last = if cut_after { last_word_len(text) } else { 0 };
    debug_assert!(text.iter().all(|b| !is_letter(b)) || first <= text.len());
    if first + last > text.len() {
        return false;
    }
    let words = tokens_without_paths(&text[first..text.len() - last]);
    let any = |list: &str| words.iter().any(|word| is_in(word, list));
    sets.iter().any(|lists| lists.iter().all(|list| any(list)))
}

/// Letters of the word that a text begins with.
fn first_word_len(text: &[u8]) -> usize {
    (0..text.len())
        .find(|&at| {
            !text[at].is_ascii_alphabetic()
                || at > 0 && text[at - 1].is_ascii_lowercase() && text[at].is_ascii_uppercase()
        })
        .unwrap_or(text.len())
}

/// Letters of the word that a text ends with.
fn last_word_len(text: &[u8]) -> usize {
    let mut len = 0;
    while len < text.len() && text[text.len() - 1 - len].is_ascii_alphabetic() {
        let at = text.len() - 1 - len;
        let cut = len > 0 && text[at].is_ascii_lowercase() && text[at + 1].is_ascii_uppercase();
        if cut {
            break;
        }
        len += 1;
    }
    len
}

fn tokens_without_paths(text: &[u8]) -> Vec<String> {
    let spaced: Vec<u8> = text.iter().map(|&b| if b == b'/' { b' ' } else { b }).collect();
    tokens(&spaced).into_iter().map(|token| token.word).collect()
}

/// The numbers whose names say their unit and that they are response times: the last total or the
/// first of all, and the first part of one.
fn named_durations(message: &[u8]) -> (Option<u64>, Option<u64>) {
    let (mut total, mut first, mut part) = (None, None, None);
    for at in (1..message.len()).filter(|&at| b"=:".contains(&message[at])) {
        let start = match &message[at..] {
            [b'=', b'>', ..] | [b':', b' ', ..] => at + 2,
            _ => at + 1,
        };
        let name = &message[..at];
        if let Some(nanos) = by_documentation(name, &message[start.min(message.len())..]) {
            first = first.or(Some(nanos));
            continue;
        }
        if !is_digit(message, start) {
            continue;
        }
        let mut end = start + run(message, start, |b| b.is_ascii_digit());
        let is_whole = message.get(end) != Some(&b'.') || !is_digit(message, end + 1);
        if !is_whole {
            end += 1 + run(message, end + 1, |b| b.is_ascii_digit());
        }
        let goes_on = message.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        let ends = message.get(end).is_none_or(|b| match b {
            b'.' => !goes_on,
            b => b" \t\n\x0b\x0c\r,;|&)]}\"'".contains(b),
        });
        let name = name.strip_suffix(b"\"").unwrap_or(name);
        let name = &name[name.len().saturating_sub(32)..];
        let is_of_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-.".contains(b);
        let name = &name[name.iter().rposition(|b| !is_of_name(b)).map_or(0, |i| i + 1)..];
        if !ends || !name.last().is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let words = tokens_without_paths(name);
        let units = [
            (1, "ns nanos nsecs nanoseconds"),
            (1_000, "us micros usecs microseconds"),
            (1_000_000, "ms millis msecs milliseconds"),
            (1_000_000_000, "s secs seconds"),
        ];
        let Some((unit_ns, _)) = units.iter().find(|(_, list)| is_in(&words[0], list)) else {
            continue;
        };
        let joint = name[..name.len() - words[0].len()].last();
        if !joint.is_some_and(|b| b.is_ascii_alphabetic() || b"_-.".contains(b)) {
            continue;
        }
        let filled = words[1..].iter().take_while(|word| *word == "in" || is_in(word, FILLER));
        let key = 1 + filled.count();
        let word = |i: usize| words.get(i).map_or("", |word| &**word);
        let before = words.get(key + 1..).unwrap_or_default();
        let any = |list: &str| before.iter().any(|word| is_in(word, list));
        let near = |list: &str| is_in(word(key + 1), list) && key + 1 < words.len();
        let says = match word(key) {
            "" => false,
            "time" => near(OF_REQUEST),
            word => [TOOK, NAME, SPAN].into_iter().any(|list| is_in(word, list)),
        };
        if !says
            || any(WAIT)
            || any(PAUSE)
            || any(STALL)
            || any(LIMIT)
            || near(OTHER)
            || near(SESSION)
        {
            continue;
        }
        let most = if is_whole && *unit_ns < SECOND as u64 { 999_999_999_999_999 } else { DAYS_30 };
        let Some(nanos) = decimal(&message[start..end], *unit_ns).filter(|&nanos| nanos <= most)
        else {
            continue;
        };
        let is_long = nanos >= SECOND as u64;
        let is_elapsed = word(key) == "elapsed";
        if is_long && is_in(word(key), SPAN) && is_lifetime_beside(message, nanos, is_elapsed) {
            continue;
        }
        match () {
            () if any(TOTAL) => total = Some(nanos),
            () if near(PART) => part = part.or(Some(nanos)),
            () => first = first.or(Some(nanos)),
        }
    }
    (total.or(first), part)
}

/// Postfix's `delay` before `delays` or `status`, Solr's `QTime` behind `status`.
fn by_documentation(name: &[u8], value: &[u8]) -> Option<u64> {
    if name.ends_with(b" status") {
        let status = run(value, 0, |b| b.is_ascii_digit());
        if let Some(time) = value[status..].strip_prefix(b" QTime=") {
            let len = run(time, 0, |b| b.is_ascii_digit());
            let decimals = match time.get(len) {
                Some(b'.') => run(time, len + 1, |b| b.is_ascii_digit()),
                _ => 0,
            };
            let end = if decimals > 0 { len + 1 + decimals } else { len };
            let ends = match &time[end..] {
                [] => true,
                [b'.', b, ..] => !b.is_ascii_alphanumeric(),
                [b, ..] => b" \t\n\x0b\x0c\r,;|&)]}\"'.".contains(b),
            };
            let nanos = decimal(&time[..end], 1_000_000).filter(|_| len > 0 && ends)?;
            return Some(nanos).filter(|&nanos| nanos < 1_000_000_000_000_000);
        }
    }
    let rest = [&b", delays"[..], b", status"].iter().find_map(|end| name.strip_suffix(*end))?;
    let len = rest.iter().rev().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let (before, delay) = rest.split_at(rest.len() - len);
    before.strip_suffix(b", delay=")?;
    number(delay, SECOND as u64).filter(|&nanos| nanos <= DAYS_30)
}

const FILLER: &str = "of was is about only just approximately approx roughly exactly nearly almost around \
     taken spent too long";
const IN: &str = "in";
const AFTER: &str = "after";
const TOOK: &str = "took";
const NAME: &str = "latency cost rt rtt responsetime resptime requesttime elapsedtime executiontime exectime \
     processingtime processtime querytime walltime timetaken servicetime";
const SPAN: &str = "duration elapsed elapse dur";
const TIME: &str = "time";
const TOTAL: &str = "total totaltime overall";
const DONE: &str = "done completed finished processed served handled responded returned executed succeeded \
     succeed success successful answered replied";
const VERB: &str = "done completed finished processed served handled responded returned executed succeeded \
     succeed success successful answered replied complete successfully failed ran started \
     restarted stopped booted ready initialized initiated loaded reloaded \
     preloaded built rebuilt compiled recompiled bundled generated regenerated created made \
     fetched got read written wrote saved stored persisted sent received delivered synced \
     synchronized updated upgraded refreshed revalidated renewed flushed \
     committed compacted merged indexed reindexed imported exported copied moved renamed \
     deleted removed inserted uploaded downloaded pulled pushed parsed rendered rerendered \
     resolved connected reconnected opened established authenticated authorized verified \
     validated scanned analyzed calculated computed evaluated converted transformed \
     transpiled transcoded encoded decoded compressed decompressed packed unpacked extracted \
     installed deployed undeployed migrated applied restored recovered replayed replicated \
     rebalanced published consumed ingested acknowledged elected assigned collected cleaned \
     cleared cached warmed purged evicted pruned vacuumed optimized prepared \
     queried searched found selected retrieved obtained acquired released allocated mounted \
     passed tested measured dispatched forwarded proxied routed submitted accepted solved \
     dumped archived rotated crawled matched affected changed recorded snapshotted settled \
     drained formatted linted checkpointed sorted joined grouped filtered aggregated \
     registered deregistered provisioned reconciled bootstrapped launched startup minified \
     hashed signed encrypted decrypted serialized deserialized";
const WAIT: &str = "retrying waiting sleeping again next until will would scheduled scheduling rescheduled \
     reconnecting restarting closing shutting renewing rotating expiring expires starts \
     begins resumes ends trying tries";
const PAUSE: &str = "retry retries retried reconnect restart timeout timeouts expire expiry expires expiring \
     renewal backoff delay attempt try wait waits waiting sleep sleeping every next interval \
     ttl uptime retrying rekeying reauthentication deadline";
const STALL: &str = "wait waits waiting waited sleep sleeping slept backoff pausing idle";
const EVENT: &str = "requests attempts failures errors hits connections logins times restarts crashes \
     exceptions retries tries reqs";
const LIMIT: &str = "max maximum min minimum limit limits threshold allowed expected avg average mean median \
     target budget default configured than timeout stddev mdev percentile p";
const OTHER: &str = "est estimated remaining queue queued queueing wait lock blocked idle start boot application since last age cpu \
     user sys system poll think play cache lead life up check sampling sample media video \
     audio clip track movie song ban lockout block lease token trial window period visit \
     login contact stay outage downtime rebind rebinding expiration keepalive hold retention \
     reachable";
const PART: &str = "db database sql view views render rendering redis gc parse serialization network dns tls \
     handshake ssl header headers backend";
const SESSION: &str = "session sessions connection connections conn connect connected tunnel call calls vpn ftp \
     ssh sshd channel socket websocket peer";
const ENDED: &str = "closed close closing ended end terminated disconnected teardown down over hangup exited \
     dropped lost";
const LIFETIME: &str = "lifetime teardown disconnected disconnect disconnection disconnecting disconnects logout \
     hangup vpn";
const HELD: &str = "lease leases token tokens session sessions lock locks ban bans lockout certificate \
     certificates cert certs ticket tickets reservation reservations subscription license \
     voucher grant grants silence silences credential credentials membership banned muted silenced \
     snoozed suspended leased subscribed suspension suspensions otp passcode cooldown cooldowns \
     quarantine mute mutes block blocks timeout backoff backoffs penalty blocked quarantined";
const GRANTED: &str = "granted renewed issued acquired obtained extended created refreshed reserved activated \
     registered allocated assigned opened banned muted silenced snoozed suspended leased subscribed \
     started begun applied sent imposed enforced set added placed blocked quarantined";
const RECORDING: &str = "video videos audio clip clips movie movies song songs track tracks recording recordings \
     podcast podcasts episode episodes voicemail";
const KEPT: &str = "uploaded saved stored added created published recorded imported received downloaded \
     posted submitted started";
const MODAL: &str = "not never no nor be to will would must should shall can could may might cannot unable \
     didn hasn haven wasn weren isn doesn don won couldn until unless if when before without \
     expects expect";
const AUXILIARY: &str = "been have has had having already yet all";
const OF_REQUEST: &str = "response request resp req query processing process execution exec elapsed total run \
     upstream service handling render db sql wall";
const HTTP: &str = "get head post put delete patch options http status code";
