//! Names of fields, and what their values mean. Part of the [twin](super).

use super::*;

/// A value of a structured record: the keys on the way to it, and what is written.
pub(super) struct Field {
    pub(super) keys: Vec<Vec<u8>>,
    pub(super) raw: Vec<u8>,
    /// With escapes undone; None if it is a number.
    pub(super) text: Option<Vec<u8>>,
    /// Whether it is the first element of a list.
    pub(super) is_element: bool,
}

/// The best value so far for one meaning.
pub(super) struct Best<T> {
    pub(super) rank: u8,
    pub(super) value: Option<T>,
}

impl<T> Default for Best<T> {
    fn default() -> Self {
        Best { rank: 0, value: None }
    }
}

impl<T> Best<T> {
    pub(super) fn offer(&mut self, rank: u8, value: Option<T>) {
        if value.is_some() && rank > self.rank {
            (self.rank, self.value) = (rank, value);
        }
    }
}

/// A number that may be a response time.
#[derive(Clone)]
pub(super) struct OpenNumber {
    key: Vec<u8>,
    raw: Vec<u8>,
    rank: u8,
    rule: Rule,
}

#[derive(Default)]
pub(super) struct Fields {
    pub(super) time: Best<i64>,
    pub(super) level: Best<Level>,
    pub(super) message: Best<Vec<u8>>,
    pub(super) status: Best<u16>,
    pub(super) duration: Best<u64>,
    /// Whether the name of the duration is that of much else.
    is_span: Option<bool>,
    /// Numbers without a unit of their own.
    pub(super) open: Vec<OpenNumber>,
    /// Whether the key of a status says that there was none.
    is_unanswered: bool,
    pub(super) method: Best<Vec<u8>>,
    pub(super) path: Best<Vec<u8>>,
    pub(super) client: Best<Vec<u8>>,
    pub(super) bytes: Best<u64>,
    /// The message as it is written.
    pub(super) raw_message: Vec<u8>,
    bare: Best<u16>,
    /// The method before the path, where a request line stands for one.
    method_of_path: Vec<u8>,
    /// The level as a number whose scale is that of the producer.
    level_number: Best<u32>,
    nanos: i64,
    /// What objects say that the table does not know.
    loose: Option<Box<Fields>>,
}

impl Fields {
    pub(super) fn of(all: &[Field], clock: &TimestampParser) -> Fields {
        let mut fields = Fields::default();
        let mut loose = Fields::default();
        for field in all {
            let may_be = |meaning: &Meaning| {
                !field.is_element || matches!(meaning, Meaning::Client | Meaning::Forwarded)
            };
            if let Some((meaning, rank)) = meaning(&field.keys) {
                if may_be(&meaning) {
                    fields.take(meaning, rank, field, clock);
                }
                continue;
            }
            if let Some((meaning, rank)) = meaning_in_request(&field.keys) {
                if may_be(&meaning) {
                    fields.take(meaning, rank, field, clock);
                }
                continue;
            }
            let inner = (1..field.keys.len()).find_map(|i| meaning(&field.keys[i..]));
            if let Some((meaning, rank)) = inner
                && may_be(&meaning)
                && is_of_request(meaning, &field.raw)
            {
                let meaning =
                    if meaning == Meaning::BareStatus { Meaning::Status } else { meaning };
                loose.take(meaning, rank, field, clock);
            }
        }
        if let Some(number) = fields.level_number.value {
            let level = Scale::ByProducer.level(number);
            let rank = if level == Level::Other { 1 } else { fields.level_number.rank };
            fields.level.offer(rank, Some(level).filter(|level| *level != Level::None));
        }
        fields.loose = Some(Box::new(loose));
        fields
    }

    /// Takes the method before the path, if no key has one.
    pub(super) fn settle_method(&mut self) {
        let method = std::mem::take(&mut self.method_of_path);
        if self.method.rank == 0 && self.path.rank > 0 && !method.is_empty() {
            self.method = Best { rank: 1, value: Some(method) };
        }
    }

    /// Settles nanoseconds beside seconds.
    pub(super) fn settle_nanos(&mut self) {
        if self.nanos > 0
            && let Some(time_ns) = self.time.value.filter(|time_ns| time_ns % SECOND == 0)
        {
            self.time.value = Some(time_ns + self.nanos);
        }
    }

    /// Takes what objects say that the table does not know, if they hold a request.
    pub(super) fn settle_loose(&mut self) {
        let mut loose = self.loose.take().unwrap_or_default();
        if self.method.rank == 0
            && self.path.rank == 0
            && loose.method.rank > 0
            && loose.path.rank > 0
            && [loose.status.rank, self.status.rank, self.bare.rank].iter().any(|&rank| rank > 0)
        {
            self.method = std::mem::take(&mut loose.method);
            self.path = std::mem::take(&mut loose.path);
            if self.status.rank == 0 {
                self.status = std::mem::take(&mut loose.status);
            }
            if self.client.rank == 0 {
                self.client = std::mem::take(&mut loose.client);
            }
            if self.bytes.rank == 0 {
                self.bytes = std::mem::take(&mut loose.bytes);
            }
            if self.duration.rank == 0 {
                self.duration = std::mem::take(&mut loose.duration);
            }
            if self.open.len() < 2 {
                self.open.extend(loose.open.into_iter().take(1));
            }
        }
    }

    /// Settles whether a bare status counts.
    pub(super) fn settle_status(&mut self) {
        let Some(bare) = self.bare.value.filter(|_| self.bare.rank > self.status.rank) else {
            return;
        };
        let text = self.raw_message.to_ascii_lowercase();
        let speaks = ["request", "respon", "http"]
            .iter()
            .any(|word| text.windows(word.len()).any(|part| part == word.as_bytes()));
        if self.method.rank > 0
            || self.path.rank > 0
            || is_registered(bare) && (speaks || self.bare.rank == 3 && self.duration.rank > 0)
        {
            self.status = Best { rank: self.bare.rank, value: Some(bare) };
        }
    }

    pub(super) fn take(
        &mut self,
        meaning: Meaning,
        rank: u8,
        field: &Field,
        clock: &TimestampParser,
    ) {
        let raw = &field.raw;
        let text = field.text.as_deref();
        match meaning {
            Meaning::Nothing => {}
            Meaning::Time => self.time.offer(rank, field_time(field, clock)),
            Meaning::Level(scale) => {
                let raw = raw.trim_ascii();
                let number = digits(raw, 0, raw.len()).filter(|_| (1..=18).contains(&raw.len()));
                if let (Some(n), Scale::ByProducer) = (number, scale) {
                    let n = n.try_into().unwrap_or(u32::MAX);
                    return self.level_number.offer(2 * rank, Some(n));
                }
                let (rank, level) = match number {
                    Some(n) => (2 * rank, scale.level(n.try_into().unwrap_or(u32::MAX))),
                    None if raw.is_empty() => return,
                    None => (2 * rank + 1, level_of_field(raw)),
                };
                let rank = if level == Level::Other { 1 } else { rank };
                self.level.offer(rank, Some(level).filter(|level| *level != Level::None));
            }
            Meaning::ShortLevel => self.level.offer(2 * rank + 1, short_level(raw)),
            Meaning::Message => {
                if text.is_some() && rank > self.message.rank {
                    self.raw_message.clone_from(raw);
                }
                self.message.offer(rank, text.map(<[u8]>::to_vec));
            }
            Meaning::Nanos if self.nanos == 0 => {
                let nanos = digits(raw, 0, raw.len()).filter(|_| (1..=9).contains(&raw.len()));
                self.nanos = nanos.unwrap_or(0);
            }
            Meaning::Nanos | Meaning::PairKey | Meaning::PairValue => {}
            Meaning::Status | Meaning::BareStatus => {
                let counts = meaning == Meaning::Status || rank == 3;
                let is_envoys = field.keys.last().is_some_and(|key| key == b"response_code");
                let says = raw == b"-" || raw == b"000" || raw == b"0" && is_envoys;
                self.is_unanswered |= counts && says;
                let status = status_of_key(raw);
                let best = match meaning {
                    Meaning::Status => &mut self.status,
                    _ => &mut self.bare,
                };
                best.offer(rank, status.map(|s| s as u16));
            }
            Meaning::Duration(rule) => self.duration(rule, rank, field),
            Meaning::RequestTime => {
                let time = field_time(field, clock).filter(|_| with_unit(raw).is_none());
                self.time.offer(rank, time);
                if time.is_none() {
                    self.duration(Rule::Open, rank, field);
                }
            }
            Meaning::Method => self.method.offer(
                rank,
                text.filter(|_| (1..=20).contains(&raw.len()))
                    .filter(|_| raw.iter().all(u8::is_ascii_alphabetic))
                    .map(<[u8]>::to_vec),
            ),
            Meaning::Path => {
                let text = text.map(|text| slashes_unescaped(text, raw));
                let text = text.as_deref();
                let (method, path) = match text.and_then(whole_request) {
                    Some((method, path)) => (method, Some(path)),
                    None => (Vec::new(), text.filter(|t| !t.is_empty()).map(path_of_url)),
                };
                let rank = path.as_deref().map_or(0, |path| path_rank(rank, path));
                if rank > self.path.rank {
                    let has_escapes = raw.contains(&b'\\');
                    self.method_of_path = if has_escapes { Vec::new() } else { method };
                }
                self.path.offer(rank, path);
            }
            Meaning::Request => {
                let text = text.map(|text| slashes_unescaped(text, raw));
                let text = text.as_deref();
                if let Some((method, path)) = text.and_then(request_line) {
                    if rank > self.path.rank {
                        self.method_of_path.clear();
                    }
                    self.path.offer(rank, Some(path));
                    self.method.offer(rank, Some(method).filter(|m| !m.is_empty()));
                }
            }
            Meaning::Client => self.client.offer(rank, text.and_then(client_of_address)),
            Meaning::Forwarded => {
                let first = text.map(|text| &text[..run(text, 0, |b| b != b',')]);
                self.client.offer(rank, first.and_then(client_of_address));
            }
            Meaning::OnRequest(_) => {}
            Meaning::Bytes => {
                let fits = (1..=18).contains(&raw.len());
                let count = digits(raw, 0, raw.len()).filter(|_| fits);
                self.bytes.offer(rank, count.map(|n| n as u64));
            }
        }
    }

    pub(super) fn duration(&mut self, rule: Rule, rank: u8, field: &Field) {
        let raw = &field.raw;
        let fixed = match rule {
            Rule::Fixed(unit) | Rule::Named { unit, .. } => number(raw, unit.nanos()),
            _ => None,
        };
        let is_of_days =
            raw.strip_suffix(b"d").is_some_and(|rest| rest.last().is_some_and(u8::is_ascii_digit));
        let nanos = fixed.or_else(|| with_unit(raw).filter(|_| !is_of_days));
        if nanos.is_some() && rank > self.duration.rank {
            let is_long = nanos >= Some(1_000_000_000) || fixed.is_none();
            self.is_span = is_span(rule).filter(|_| is_long);
        }
        self.duration.offer(rank, nanos);
        let is_open = matches!(rule, Rule::Open | Rule::Generic { .. });
        let is_open = is_open && self.open.len() < 4;
        if nanos.is_none() && is_open && number(raw, 1).is_some() {
            let key = field.keys.last().cloned().unwrap_or_default();
            self.open.push(OpenNumber { key, raw: raw.clone(), rank, rule });
        }
    }

    /// Gives the first number without a unit the one that was decided.
    pub(super) fn settle(&mut self, line: &[u8], durations: &DurationReading) {
        let message = self.message.value.as_deref().unwrap_or_default();
        let mut words = message.split(|b| !b.is_ascii_alphabetic());
        let is_request = self.method.rank > 0
            || self.path.rank > 0
            || self.status.rank > 0
            || self.bare.rank == 3 && self.bare.value.is_some_and(is_registered);
        let raw_message = std::mem::take(&mut self.raw_message);
        let is_lifetime = |nanos: u64, is_elapsed: bool| {
            !is_request && is_lifetime_beside(&raw_message, nanos, is_elapsed)
        };
        let is_over = is_request
            || words
                .any(|word| COMPLETION.contains(&&*String::from_utf8_lossy(word).to_lowercase()));
        let mut open = self.open.clone();
        open.sort_by_key(|number| Reverse(number.rank));
        for OpenNumber { key, raw, rank, rule } in &open {
            if is_span(*rule).is_some() && !is_over {
                continue;
            }
            let decided = std::str::from_utf8(key).ok().and_then(|key| durations.keys.get(key));
            let unit = match decided {
                Some(entries) => entries[0].unit,
                None => fields::documented_unit(fields::LineKeys(line), key),
            };
            let nanos = unit.and_then(|unit| number(raw, unit.nanos()));
            let nanos = nanos.filter(|&nanos| match is_span(*rule) {
                Some(is_elapsed) => nanos < 1_000_000_000 || !is_lifetime(nanos, is_elapsed),
                None => true,
            });
            if nanos.is_some() && *rank > self.duration.rank {
                self.is_span = None;
            }
            self.duration.offer(*rank, nanos);
        }
        if let (Some(is_elapsed), Some(nanos)) = (self.is_span, self.duration.value)
            && is_lifetime(nanos, is_elapsed)
        {
            self.duration.value = None;
        }
        self.raw_message = raw_message;
    }

    pub(super) fn record(self) -> Record {
        let method = self.method.value.as_deref().unwrap_or_default();
        let is_request = self.method.rank > 0 && self.path.rank > 0 && is_http_method(method);
        let no_answer = (self.is_unanswered && is_request).then_some(0);
        Record {
            time_ns: self.time.value,
            level: self.level.value.unwrap_or(Level::None),
            status: self.status.value.or(no_answer),
            duration_ns: self.duration.value,
            bytes_sent: self.bytes.value,
            method: self.method.value.unwrap_or_default(),
            path: self.path.value.unwrap_or_default(),
            client: self.client.value.unwrap_or_default(),
            message: self.message.value.unwrap_or_default(),
        }
    }

    pub(super) fn any_usable(&self) -> bool {
        [
            self.time.rank,
            self.level.rank,
            self.message.rank,
            self.status.rank,
            self.duration.rank,
            self.method.rank,
            self.path.rank,
            self.client.rank,
            self.bytes.rank,
        ]
        .iter()
        .any(|&rank| rank > 0)
            || !self.open.is_empty()
    }
}

/// Text that was written as `raw`, with the escapes of its slashes undone once more if any were.
fn slashes_unescaped(text: &[u8], raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, &byte) in text.iter().enumerate() {
        if text == raw || byte != b'\\' || text.get(i + 1) != Some(&b'/') {
            out.push(byte);
        }
    }
    out
}

/// The rank of a path: what is neither one from the root nor a URL may be anything.
fn path_rank(rank: u8, path: &[u8]) -> u8 {
    match () {
        () if path.starts_with(b"/var/log/") || path.starts_with(b"/var/lib/") => 0,
        () if path.starts_with(b"/") || path == b"*" || scheme(path).is_some() => rank,
        () if rank > 1 && path.iter().any(u8::is_ascii_alphanumeric) => 1,
        () => 0,
    }
}

/// Whether a value in an object that the table does not know can only be of a request.
fn is_of_request(meaning: Meaning, raw: &[u8]) -> bool {
    match meaning {
        Meaning::Status | Meaning::BareStatus => {
            status_of_key(raw).is_some_and(|status| is_registered(status as u16))
        }
        Meaning::Method => is_http_method(raw),
        Meaning::Path => path_rank(2, raw) == 2,
        Meaning::Request => request_line(raw).is_some_and(|(method, _)| !method.is_empty()),
        Meaning::Client | Meaning::Forwarded | Meaning::Bytes | Meaning::Duration(_) => true,
        _ => false,
    }
}

/// Three digits, or a registered status and a phrase as the registry and servers have them.
fn status_of_key(raw: &[u8]) -> Option<i64> {
    let begins = "accepted already backend bad bandwidth blocked client conflict connection content continue created early enhance expectation failed forbidden found gateway gone http i'm im insufficient internal invalid length locked login loop method misdirected moved multi multiple network no non not ok origin page partial payload payment permanent precondition processing proxy railgun range request requested reset retry see server service site slow ssl success switching temporary timeout too unauthorized unavailable unknown unprocessable unsupported upgrade uri use variant web";
    if raw.len() == 3 {
        return digits(raw, 0, 3).filter(|status| (100..600).contains(status));
    }
    let text = std::str::from_utf8(raw).ok()?;
    let text = match text.strip_prefix("HTTP/").and_then(|rest| rest.split_once(' ')) {
        Some((version, rest))
            if version.split('.').count() <= 2 && {
                let mut parts = version.split('.');
                parts.all(|part| part.len() == 1 && part.as_bytes()[0].is_ascii_digit())
            } =>
        {
            rest
        }
        _ => text,
    };
    let code = digits(text.as_bytes(), 0, 3).filter(|&status| is_registered(status as u16))?;
    let rest = &text[3..];
    if rest.is_empty() || rest == ".0" {
        return Some(code);
    }
    let bracketed = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
    let phrase = bracketed
        .or_else(|| rest.strip_prefix(" - "))
        .or_else(|| rest.strip_prefix(": "))
        .or_else(|| rest.strip_prefix(' '))?;
    let is_of_phrase = |c: char| c.is_ascii_alphabetic() || " _-'".contains(c);
    let mut first = String::new();
    for c in phrase.chars() {
        let is_hump =
            c.is_ascii_uppercase() && first.ends_with(|last: char| last.is_ascii_lowercase());
        if " _-".contains(c) || is_hump {
            break;
        }
        first.push(c);
    }
    let is_phrase = phrase.len() <= 64
        && (phrase.starts_with(|c: char| c.is_ascii_uppercase())
            || status_called(phrase) == Some(code))
        && phrase.chars().all(is_of_phrase)
        && begins.split(' ').any(|known| known == first.to_ascii_lowercase());
    is_phrase.then_some(code)
}

/// The status of a phrase or a name, whatever its case and what parts its words.
fn status_called(phrase: &str) -> Option<i64> {
    let names = "200 ok 201 created 202 accepted 204 nocontent 206 partialcontent 301 movedpermanently \
        302 found 303 seeother 304 notmodified 307 temporaryredirect 308 permanentredirect \
        400 badrequest 401 unauthorized 403 forbidden 404 notfound 405 methodnotallowed \
        406 notacceptable 408 requesttimeout 409 conflict 410 gone 412 preconditionfailed \
        413 payloadtoolarge 413 contenttoolarge 415 unsupportedmediatype 418 iamateapot \
        422 unprocessableentity 422 unprocessablecontent 423 locked 424 faileddependency \
        429 toomanyrequests 500 internalservererror 501 notimplemented 502 badgateway \
        503 serviceunavailable 504 gatewaytimeout";
    let plain = phrase.replace([' ', '_', '-'], "").to_ascii_lowercase();
    let words: Vec<&str> = names.split_whitespace().collect();
    let found = words.chunks(2).find(|pair| pair[1] == plain)?;
    found[0].parse().ok().filter(|_| phrase.len() <= 32)
}

fn is_http_method(text: &[u8]) -> bool {
    "GET HEAD POST PUT DELETE PATCH OPTIONS CONNECT TRACE"
        .split(' ')
        .any(|method| method.as_bytes() == text)
}

/// A request line that begins with a method of HTTP.
fn whole_request(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    request_line(text).filter(|(method, _)| is_http_method(method))
}

/// Last words of names of objects about a request.
const REQUEST_OBJECTS: [&str; 8] =
    ["http", "request", "req", "response", "res", "resp", "httprequest", "httpresponse"];

/// Meaning and rank of what an object about a request holds, if only other objects have a name for it.
/// What such an object is called there may be an object as well.
fn meaning_in_request(keys: &[Vec<u8>]) -> Option<(Meaning, u8)> {
    let keys = without_envelopes(keys);
    let at = (1..keys.len()).find(|&at| !is_object(&keys[..=at]))?;
    let is_known = meaning(&keys[..=at]).is_some();
    if is_known || !is_object(&keys[..at]) || !is_about_request(&keys[..at]) {
        return None;
    }
    let (meaning_here, rank) = meaning(&keys[at..=at])?;
    let fits = matches!(
        meaning_here,
        Meaning::Status
            | Meaning::BareStatus
            | Meaning::Duration(_)
            | Meaning::RequestTime
            | Meaning::Method
            | Meaning::Path
            | Meaning::Request
            | Meaning::Client
            | Meaning::Forwarded
    );
    match &keys[at..] {
        _ if !fits => None,
        [_] => Some((meaning_here, rank.min(2))),
        inner => meaning(inner).or_else(|| meaning_in_request(inner)),
    }
}

/// The names of all objects in the table.
fn object_names() -> impl Iterator<Item = &'static str> {
    let all = NAMES.iter().map(|(_, _, names)| *names);
    let all = all.chain(ON_REQUEST.iter().map(|(_, _, names)| *names));
    let names = all.flat_map(str::split_whitespace);
    names.flat_map(|name| name.match_indices('.').map(|(dot, _)| &name[..dot]))
}

fn is_object(keys: &[Vec<u8>]) -> bool {
    object_names().any(|name| names_value(name, keys))
}

fn is_about_request(keys: &[Vec<u8>]) -> bool {
    object_names().any(|name| {
        let word = name.rsplit('.').next().unwrap_or_default().replace('_', "");
        REQUEST_OBJECTS.contains(&&*word) && names_value(name, keys)
    })
}

/// Whether a status is registered, or one that servers in use add.
fn is_registered(status: u16) -> bool {
    let ranges = [
        (100, 104),
        (200, 208),
        (226, 226),
        (300, 308),
        (400, 426),
        (428, 429),
        (431, 431),
        (440, 440),
        (444, 444),
        (449, 449),
        (451, 451),
        (460, 460),
        (463, 463),
        (494, 499),
        (500, 511),
        (520, 530),
        (561, 561),
        (598, 599),
    ];
    ranges.iter().any(|&(first, last)| (first..=last).contains(&status))
}

/// Words of a message that say that something is over, or name a request.
const COMPLETION: [&str; 28] = [
    "request",
    "requests",
    "response",
    "responded",
    "call",
    "called",
    "query",
    "queried",
    "queries",
    "served",
    "handled",
    "processed",
    "completed",
    "complete",
    "finished",
    "done",
    "took",
    "succeeded",
    "success",
    "failed",
    "executed",
    "returned",
    "answered",
    "rendered",
    "fetched",
    "sent",
    "received",
    "slow",
];

/// Whether the rule is that of a name of any span, and then whether it is `elapsed`.
fn is_span(rule: Rule) -> Option<bool> {
    match rule {
        Rule::Generic { is_measured } | Rule::Named { is_measured, .. } => Some(is_measured),
        Rule::Fixed(_) | Rule::Open | Rule::Never => None,
    }
}

/// Meaning and rank of the name that these keys make.
pub(super) fn meaning(keys: &[Vec<u8>]) -> Option<(Meaning, u8)> {
    let keys = without_envelopes(keys);
    for &(meaning, rank, names) in NAMES {
        if names.split_whitespace().any(|name| names_value(name, keys)) {
            return Some((meaning, rank));
        }
    }
    for &(meaning, names) in DURATIONS {
        for name in names.split_whitespace() {
            if names_value(name, keys) {
                return Some((meaning, 3));
            }
            for &(unit, suffixes) in SUFFIXES {
                for suffix in suffixes.split_whitespace() {
                    if names_value(&format!("{name}_{suffix}"), keys) {
                        return Some((meaning.with_suffix(unit), 3));
                    }
                }
            }
        }
    }
    None
}

/// The keys behind those of objects whose members count as those of the outermost one.
pub(super) fn without_envelopes(mut keys: &[Vec<u8>]) -> &[Vec<u8>] {
    while keys.len() > 1 && SEE_THROUGH.split_whitespace().any(|word| spells(word, &keys[0])) {
        keys = &keys[1..];
    }
    keys
}

/// Whether keys, joined by dots, are this name.
pub(super) fn names_value(name: &str, keys: &[Vec<u8>]) -> bool {
    let [first, rest @ ..] = keys else {
        return false;
    };
    if rest.is_empty() {
        return spells(name, first);
    }
    name.match_indices('.')
        .any(|(dot, _)| spells(&name[..dot], first) && names_value(&name[dot + 1..], rest))
}

/// Whether a key is a spelling of (a part of) a name.
pub(super) fn spells(name: &str, key: &[u8]) -> bool {
    let key = match key {
        [b'@' | b'_', rest @ ..] => rest,
        _ => key,
    };
    if key.len() > KEY_BYTES_MAX {
        return false;
    }
    let key = key.to_ascii_lowercase();
    if name.replace('_', "-").as_bytes() == key {
        return true;
    }
    let mut at = 0;
    for b in name.bytes() {
        if key.get(at) == Some(&b) {
            at += 1;
        } else if b != b'_' {
            return false;
        }
    }
    at == key.len()
}

/// `/Date(1706091332123+0100)/`
fn net_date(raw: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(raw).ok()?.replace("\\/", "/");
    let inner = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let number = match inner.find(['+', '-']) {
        Some(at) if inner.len() == at + 5 && inner[at + 1..].parse::<u16>().is_ok() => &inner[..at],
        Some(_) => return None,
        None => inner,
    };
    let fits = (1..=18).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let millis: i64 = number.parse().ok().filter(|_| fits)?;
    let range = fields::EPOCH_SECONDS_MIN * 1000..9_214_646_400 * 1000;
    range.contains(&millis).then(|| millis * 1_000_000)
}

pub(super) fn field_time(field: &Field, clock: &TimestampParser) -> Option<i64> {
    if field.text.is_some() {
        let raw = &field.raw[..];
        if raw.starts_with(b"/") || raw.starts_with(b"\\") {
            return net_date(raw);
        }
        if raw.ends_with(b" ") {
            let inner = raw.trim_ascii_end().to_vec();
            let text = Some(inner.clone()).filter(|inner| !inner.is_empty());
            text.as_ref()?;
            return field_time(&Field { keys: vec![], raw: inner, text, is_element: false }, clock);
        }
        if let Some(before) = raw.strip_suffix(b" Z") {
            let joined = [before, b"Z"].concat();
            return clock
                .any(&joined, 0)
                .filter(|&(_, end)| end == joined.len())
                .map(|found| found.0);
        }
        if let Some(inner) = raw.strip_prefix(b"[") {
            let inner = inner.strip_suffix(b"]").filter(|inner| !inner.is_empty())?;
            let text = Some(inner.to_vec());
            return field_time(
                &Field { keys: vec![], raw: inner.to_vec(), text, is_element: false },
                clock,
            );
        }
        if let Some((time_ns, end)) = clock.any(raw, 0) {
            let rest = &raw[end..];
            let upper = run(rest, 1, |b| b.is_ascii_uppercase());
            let is_named = rest.first() == Some(&b' ') && (3..=5).contains(&upper);
            let behind = if is_named { &rest[1 + upper..] } else { rest };
            let is_clock = behind.strip_prefix(b" m=+");
            let is_clock =
                is_clock.is_some_and(|rest| rest.iter().all(|b| b"0123456789.".contains(b)));
            let is_js = rest.starts_with(b" (") && rest.ends_with(b")");
            if behind.is_empty() || is_clock || is_js {
                return Some(time_ns);
            }
        }
    }
    epoch(&field.raw).filter(|&ns| ns >= fields::EPOCH_SECONDS_MIN * SECOND)
}

pub(super) fn short_level(raw: &[u8]) -> Option<Level> {
    match raw {
        [letter] => level_of_letter(*letter),
        [b'D', b'1'..=b'5'] => Some(Level::Debug),
        word => level_of_word(word),
    }
}

/// How long the scheme and `://` are that a URL begins with.
pub(super) fn scheme(text: &[u8]) -> Option<usize> {
    let len = run(text, 0, |b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    (len > 0 && text[len..].starts_with(b"://")).then_some(len + 3)
}

pub(super) fn path_of_url(text: &[u8]) -> Vec<u8> {
    let Some(host) = scheme(text) else {
        return text.to_vec();
    };
    let end = host + run(text, host, |b| !b"/?#".contains(&b));
    if text.get(end) == Some(&b'/') { text[end..].to_vec() } else { b"/".to_vec() }
}

/// Method (which may be empty) and path of a request line.
pub(super) fn request_line(text: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let word = |text: &[u8]| text[..run(text, 0, |b| b != b' ')].to_vec();
    if text.starts_with(b"/") {
        return Some((Vec::new(), word(text)));
    }
    let method = word(text);
    if !(1..=20).contains(&method.len()) || !method.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    let target = word(text.get(method.len() + 1..)?);
    let fits = target.starts_with(b"/") || target == b"*" || scheme(&target).is_some();
    fits.then(|| (method, path_of_url(&target)))
}

pub(super) fn client_of_address(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"-" || text.is_empty() || text.eq_ignore_ascii_case(b"unknown") {
        return None;
    }
    if text.contains(&b',') {
        let first = text.split(|&b| b == b',').map(<[u8]>::trim_ascii).find(|part| {
            part.iter().all(|b| b.is_ascii_hexdigit() || b".:[]".contains(b))
                && (part.contains(&b'.') || part.contains(&b':'))
        });
        return first.map_or(Some(address_in_one_form(text)), client_of_address);
    }
    if let (Some(b'['), Some(close)) = (text.first(), find(text, 0, b']')) {
        let client = Some(&text[1..close]).filter(|client| !client.is_empty());
        return client.map(address_in_one_form);
    }
    let parts: Vec<&[u8]> = text.split(|&b| b == b':').collect();
    match parts[..] {
        [host, _] if !host.is_empty() => Some(host.to_vec()),
        _ => Some(address_in_one_form(text)),
    }
}
