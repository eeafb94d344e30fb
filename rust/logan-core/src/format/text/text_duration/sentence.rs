//! What the words before a number make of it, by [the rule](super).

use super::words::{Letters, Roles, Words, roles_at};

/// Bytes before a number in which its words are looked for.
pub(super) const SENTENCE_BYTES: usize = 128;
/// Bytes before a number that decide nearly always: those that are remembered.
pub(super) const CONTEXT_BYTES: usize = 32;
/// Words before `in` among which the verb is looked for.
const WORDS_MAX: usize = 24;
/// Words before a word of completion that may make it none.
const WORDS_BEFORE: usize = 3;

/// What the words before a number make of it. A set; none of them: no response time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict(u16);

impl Verdict {
    /// No response time.
    pub(super) const NO: Verdict = Verdict(0);
    /// A response time.
    pub(super) const YES: Verdict = Verdict(1);
    /// One unless the number is a clock, which is a time of day then.
    pub(super) const NO_CLOCK: Verdict = Verdict(1 << 1);
    /// One that wins over others.
    pub(super) const TOTAL: Verdict = Verdict(1 << 2);
    /// One that counts if there is no other.
    pub(super) const PART: Verdict = Verdict(1 << 3);
    /// One unless the beginning of the text speaks of a lifetime.
    pub(super) const SPAN: Verdict = Verdict(1 << 4);
    /// The sum of those before it, if they are response times.
    pub(super) const SUM: Verdict = Verdict(1 << 5);
    /// Decided by more than the last [`CONTEXT_BYTES`]. Beside any of the others.
    pub(super) const FAR: Verdict = Verdict(1 << 6);
    /// Not decided by what stands before the number, or what stands before it belongs to it.
    pub(super) const SLOW: Verdict = Verdict(1 << 7);
    /// No digit stands in the bytes that decided. Beside any of the others.
    pub(super) const ALONE: Verdict = Verdict(1 << 8);
    /// The name is also that of a length which was agreed on. Only beside [`SPAN`](Self::SPAN).
    pub(super) const LENGTH: Verdict = Verdict(1 << 9);
    /// None if it [may be granted](may_be_granted). Beside any of the others.
    pub(super) const GRANT: Verdict = Verdict(1 << 10);

    #[inline(always)]
    pub(super) const fn has(self, other: Verdict) -> bool {
        self.0 & other.0 != 0
    }

    #[inline(always)]
    pub(super) const fn or(self, other: Verdict) -> Verdict {
        Verdict(self.0 | other.0)
    }

    #[inline(always)]
    pub(super) const fn without(self, other: Verdict) -> Verdict {
        Verdict(self.0 & !other.0)
    }
}

/// What may stand right before a number, beside `>` of `=>`.
static OPENING: [bool; 256] = crate::format::byte_set(b" \t=:(\"'[,~");

/// Whether a number may begin behind the last byte of `text`.
#[inline]
pub(super) fn opens(text: &[u8]) -> bool {
    match text {
        [.., b'0'..=b'9', b','] => false,
        [.., b'=', b'>'] => true,
        [.., last] => OPENING[usize::from(*last)],
        [] => false,
    }
}

/// What stands between two words, or before the first one.
#[derive(Clone, Copy)]
struct Gap<'a> {
    bytes: &'a [u8],
    /// The first letter of the word behind it.
    next_letter: u8,
    /// Whether no word is before it.
    is_front: bool,
}

impl Gap<'_> {
    /// Whether a sentence or a clause ends here.
    #[inline]
    fn ends_clause(self) -> bool {
        // Most are one space.
        self.is_front || self.bytes != b" " && self.has_end()
    }

    fn has_end(self) -> bool {
        let gap = self.bytes;
        gap.iter().enumerate().any(|(at, byte)| {
            let next = gap.get(at + 1);
            let apart = next == Some(&b' ');
            match byte {
                b';' | b'!' | b'?' => true,
                b',' => apart,
                // A sentence begins with a capital.
                b'.' => {
                    let rest = &gap[at + 1..];
                    apart
                        && self.next_letter.is_ascii_uppercase()
                        && rest.iter().all(|&b| b == b' ')
                }
                b'-' | b'|' => apart && at > 0 && gap[at - 1] == b' ',
                _ => false,
            }
        })
    }

    fn has_digit(self) -> bool {
        self.bytes.iter().any(u8::is_ascii_digit)
    }

    /// The last number that stands alone.
    fn number(self) -> Option<u32> {
        let (gap, mut at, mut found) = (self.bytes, 0, None);
        while at < gap.len() {
            let digits = gap[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            let begins = match at {
                0 => self.is_front,
                _ => matches!(gap[at - 1], b' ' | b'(' | b'[' | b'\t'),
            };
            if digits > 0 && begins && gap.get(at + digits) == Some(&b' ') {
                found = Some(gap[at..at + digits].iter().fold(0u32, |number, digit| {
                    number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
                }));
            }
            at += digits.max(1);
        }
        found
    }
}

/// The words before a number, nearest first, up to the end of a clause. They are read as they are
/// asked for.
struct Sentence<'a> {
    text: &'a [u8],
    /// Those of the words that were not read, but for where the next one ends.
    letters: Letters,
    words: [Entry; WORDS_MAX],
    len: usize,
    /// Whether all were read.
    is_read: bool,
    /// The first byte that was looked at.
    seen: usize,
}

/// A word, where it begins and ends, and where the word before it ends; 0 if there is none.
#[derive(Clone, Copy)]
struct Entry {
    roles: Roles,
    start: u8,
    end: u8,
    before: u8,
    /// Without a byte that is none, many are set at once.
    _full: u8,
}

impl Entry {
    const NONE: Entry = Entry { roles: Roles::NONE, start: 0, end: 0, before: 0, _full: 0 };
}

const _: () = assert!(SENTENCE_BYTES < 256, "a place in a sentence fits a byte");

impl<'a> Sentence<'a> {
    /// The words of a text that ends with a letter.
    fn new(text: &'a [u8], letters: Letters) -> Self {
        let words = [Entry::NONE; WORDS_MAX];
        Sentence { text, letters, words, len: 0, is_read: false, seen: text.len() - 1 }
    }

    /// The `i`th word, if the clause has so many.
    #[inline]
    fn word(&mut self, i: usize) -> Option<Entry> {
        while self.len <= i {
            if self.is_read {
                return None;
            }
            self.read_word();
        }
        Some(self.words[i])
    }

    fn read_word(&mut self) {
        let end = match self.len.checked_sub(1) {
            None => self.letters.end(),
            Some(last) => {
                if self.gap(last).ends_clause() || self.len == WORDS_MAX {
                    self.is_read = true;
                    return;
                }
                self.words[last].before.into()
            }
        };
        let start = self.letters.start();
        self.seen = self.seen.min(start.saturating_sub(1));
        self.words[self.len] = Entry {
            roles: self.roles_at(start, end),
            start: start as u8,
            end: end as u8,
            before: self.letters.end() as u8,
            _full: 0,
        };
        self.len += 1;
    }

    /// The roles of a word; one of a path means nothing.
    #[inline]
    fn roles_at(&self, start: usize, end: usize) -> Roles {
        let roles = roles_at(self.text, start, end);
        let is_of_path =
            || start > 0 && self.text[start - 1] == b'/' || self.text.get(end) == Some(&b'/');
        if roles != Roles::NONE && is_of_path() { Roles::NONE } else { roles }
    }

    #[inline]
    fn roles(&mut self, i: usize) -> Roles {
        self.word(i).map_or(Roles::NONE, |word| word.roles)
    }

    /// What stands before the `i`th word; before the first of all, the end of a clause.
    #[inline]
    fn gap(&mut self, i: usize) -> Gap<'a> {
        let Some(Entry { start, before, .. }) = self.word(i) else {
            return Gap { bytes: b"", next_letter: 0, is_front: true };
        };
        let (before, start) = (usize::from(before), usize::from(start));
        self.seen = self.seen.min(before.saturating_sub(1));
        let (bytes, next_letter) = (&self.text[before..start], self.text[start]);
        Gap { bytes, next_letter, is_front: before == 0 }
    }

    /// Whether one of so many words from the `i`th on has such a role.
    fn any(&mut self, i: usize, words: usize, roles: Roles) -> bool {
        (i..i + words).any(|i| self.roles(i).has(roles))
    }

    /// As [`any`](Self::any), without words that are the key of another value (`ttl=60s duration=12ms`).
    fn any_but_keys(&mut self, i: usize, words: usize, roles: Roles) -> bool {
        (i..i + words).any(|i| self.roles(i).has(roles) && !self.gap(i - 1).bytes.starts_with(b"="))
    }

    fn is(&mut self, i: usize, text: &[u8]) -> bool {
        self.word(i).is_some_and(|word| {
            self.text[word.start.into()..word.end.into()].eq_ignore_ascii_case(text)
        })
    }

    /// Whether the `i`th word names events of which a number is given, as in `5 failed attempts`.
    fn is_counted(&mut self, i: usize) -> bool {
        self.roles(i).has(Roles::EVENT)
            && (i..i + 3).any(|i| self.gap(i).number().is_some() && !self.is(i + 1, b"with"))
    }

    /// Whether the name that ends here is that of an option of the command line (`-search.maxDuration`,
    /// `--duration`) or of what a job asks for (`Resource_List.walltime` of Torque and PBS).
    fn is_setting(&mut self) -> bool {
        let Some(last) = self.word(0) else { return false };
        let text = &self.text[..last.end.into()];
        let of_name = |b: &&u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
        let name = text.iter().rev().take_while(of_name).count();
        let (front, name) = text.split_at(text.len() - name);
        self.seen = self.seen.min(front.len().saturating_sub(1));
        name.starts_with(b"Resource_List.")
            || name[0] == b'-' && front.last().is_some_and(|b| b" \t\"'(".contains(b))
    }

    /// The word before a status and its reason, of which the `i`th word is the last, as in
    /// `200 OK`, `504 Gateway Timeout`; `i` if that is none.
    fn before_reason(&mut self, i: usize) -> usize {
        const REASON_WORDS_MAX: usize = 4;
        for last in i..i + REASON_WORDS_MAX {
            let Some(word) = self.word(last) else { break };
            if !self.text[usize::from(word.start)].is_ascii_uppercase()
                || word.roles.has(Roles::EVENT)
            {
                break;
            }
            if self.gap(last).number().is_some_and(|number| (200..600).contains(&number)) {
                return last + 1;
            }
        }
        i
    }
}

/// What a text, which ends with the byte before a number, makes of the number, given its letters.
#[inline(never)]
pub(super) fn judge(text: &[u8], letters: Letters) -> Verdict {
    let context = &text[text.len().saturating_sub(CONTEXT_BYTES)..];
    let is_cut = context.len() < text.len();
    let mut seen = text.len();
    let verdict = judge_words(text, letters, context, is_cut, &mut seen);
    if is_cut {
        let is_far = seen < text.len() - CONTEXT_BYTES;
        return if is_far { verdict.or(Verdict::FAR) } else { verdict };
    }
    // Each byte is asked, so that they are asked together.
    let has_digit = context.iter().fold(false, |any, byte| any | byte.is_ascii_digit());
    if has_digit { verdict } else { verdict.or(Verdict::ALONE) }
}

/// Sets `seen` to the first byte that was looked at.
fn judge_words(
    text: &[u8],
    letters: Letters,
    context: &[u8],
    is_cut: bool,
    seen: &mut usize,
) -> Verdict {
    let is_opening = |b: &&u8| OPENING[usize::from(**b)] || **b == b'>';
    let opening = text.iter().rev().take_while(is_opening).count();
    let (before, opening) = text.split_at(text.len() - opening);
    *seen = before.len().saturating_sub(1);
    if opening.is_empty() || opening.contains(&b'>') && !opening.starts_with(b"=>") {
        return Verdict::NO;
    }
    let context_before = &context[..context.len().saturating_sub(opening.len())];
    if goes_on(context_before, opening) {
        return Verdict::SLOW;
    }
    match before.last() {
        Some(last) if last.is_ascii_alphabetic() => {}
        _ => return by_signs(context_before, opening, is_cut),
    }
    let mut sentence = Sentence::new(before, letters);
    let verdict = judge_sentence(&mut sentence, opening, context, is_cut);
    *seen = sentence.seen;
    verdict
}

/// The same for a number before which a word stands, and `opening` between.
fn judge_sentence(
    sentence: &mut Sentence<'_>,
    opening: &[u8],
    context: &[u8],
    is_cut: bool,
) -> Verdict {
    let (mut i, mut is_taken) = (0, false);
    while sentence.roles(i).has(Roles::FILLER) && !sentence.gap(i).has_digit() {
        is_taken |= sentence.is(i, b"taken");
        i += 1;
    }
    let roles = sentence.roles(i);
    let before = i + 1;
    let completes = Roles::IN
        .or(Roles::AFTER)
        .or(Roles::TOOK)
        .or(Roles::NAME)
        .or(Roles::SPAN)
        .or(Roles::TIME)
        .or(Roles::TOTAL)
        .or(Roles::DONE);
    if !roles.has(completes) {
        // `Processed request: 0.017sec`.
        let is_done = roles.has(Roles::OF_REQUEST)
            && sentence.roles(before).has(Roles::DONE)
            && opening.iter().any(|b| b":=".contains(b))
            && !sentence.gap(i).has_digit()
            && !sentence.any(before + 1, 2, Roles::MODAL);
        if is_done {
            return Verdict::YES.or(Verdict::NO_CLOCK);
        }
        let is_of_gc = sentence.is(i, b"stopped") && sentence.is(i + 1, b"were");
        return if is_of_gc && sentence.is(i + 2, b"threads") { Verdict::YES } else { Verdict::NO };
    }
    if roles.has(Roles::IN) {
        return judge_verb(sentence, before);
    }
    let nearest = sentence.roles(before);
    if roles.has(Roles::AFTER) {
        let is_done = nearest.has(Roles::DONE) && !sentence.gap(i).has_digit();
        return if is_done { verdict_of_verb(sentence, before) } else { Verdict::NO };
    }
    if roles.has(Roles::TOOK) {
        let stalls = sentence.any(before, WORDS_BEFORE, Roles::STALL);
        return if stalls { Verdict::NO } else { Verdict::YES };
    }
    if roles.has(Roles::DONE) {
        let is_apart = opening.iter().any(|b| b":([=".contains(b));
        return match is_apart && !sentence.any(before, 2, Roles::MODAL) {
            true => Verdict::YES.or(Verdict::NO_CLOCK),
            false => Verdict::NO,
        };
    }
    if i == 0 && opening == b"=" && sentence.is_setting() {
        return Verdict::NO;
    }
    let waiting = Roles::WAIT.or(Roles::PAUSE).or(Roles::LIMIT).or(Roles::STALL);
    if sentence.any_but_keys(before, WORDS_BEFORE, waiting) || nearest.has(Roles::OTHER) {
        return Verdict::NO;
    }
    if nearest.has(Roles::SESSION) {
        let call = sentence.is(before, b"call") || sentence.is(before, b"calls");
        let remote = ["api", "rpc", "grpc", "http", "rest", "service", "method", "function"];
        if !call || !remote.iter().any(|word| sentence.is(before + 1, word.as_bytes())) {
            return Verdict::NO;
        }
    }
    if roles.has(Roles::TOTAL) || sentence.any(before, 2, Roles::TOTAL) {
        return Verdict::TOTAL;
    }
    let kind = if nearest.has(Roles::PART) { Verdict::PART } else { Verdict::YES };
    if roles.has(Roles::NAME) {
        return kind;
    }
    let lifetime = lifetime_of(context, is_cut, false);
    if lifetime == Lifetime::Over {
        return Verdict::NO;
    }
    // `time` and no more is a time of day if a clock follows.
    let is_vague = roles.has(Roles::TIME) && !is_taken && !nearest.has(Roles::OF_REQUEST);
    let kind = if is_vague { kind.or(Verdict::NO_CLOCK) } else { kind };
    if !is_vague && (roles.has(Roles::TIME) || sentence.is(i, b"elapsed")) {
        // What has elapsed was not agreed on.
        return kind.or(Verdict::SPAN);
    }
    let kind = if lifetime == Lifetime::Granted { kind.or(Verdict::GRANT) } else { kind };
    kind.or(Verdict::SPAN).or(Verdict::LENGTH)
}

/// Whether the number goes on to the left: a larger unit with its number stands there.
fn goes_on(text: &[u8], opening: &[u8]) -> bool {
    let text = match opening {
        b" " => text.strip_suffix(b" and").unwrap_or(text),
        b":" | b", " => text,
        _ => return false,
    };
    let letters = text.iter().rev().take_while(|b| b.is_ascii_alphabetic()).count();
    let (before, unit) = text.split_at(text.len() - letters);
    let before = before.strip_suffix(b" ").unwrap_or(before);
    before.last().is_some_and(u8::is_ascii_digit) && is_long_unit(unit)
}

fn is_long_unit(unit: &[u8]) -> bool {
    super::unit_in_text(unit).is_some_and(|nanos| nanos >= 60_000_000_000)
}

/// The same for a number before which no word stands.
fn by_signs(text: &[u8], opening: &[u8], is_cut: bool) -> Verdict {
    match (text, opening) {
        // `1024M->512M(2048M) 12.345ms` of a garbage collector.
        ([.., b'K' | b'M' | b'G', b')'], b" ") => {
            let is_of_size = |b: &&u8| b.is_ascii_digit() || b"KMG(->".contains(b);
            let sizes = text[..text.len() - 1].iter().rev().take_while(is_of_size).count();
            let sizes = &text[text.len() - 1 - sizes..];
            let is_of_gc = memchr::memmem::find(sizes, b"->").is_some() && sizes.contains(&b'(');
            if is_of_gc { Verdict::YES } else { Verdict::NO }
        }
        // `…(251392K), 0.0123 secs]` of an older one.
        ([.., b')' | b']'], b", ") => Verdict::SLOW,
        // `2.5s (kernel) + 11.2s (userspace) = 13.7s` of systemd.
        ([.., b')'], b" = ") => Verdict::SUM,
        // `NOERROR qr,rd,ra 82 0.000102s` of CoreDNS.
        ([.., last], b" ") if last.is_ascii_digit() => {
            let mut words = text.rsplit(|&b| b == b' ');
            let size = words.next().unwrap_or_default();
            let flags = words.next().unwrap_or_default();
            let code = words.next().unwrap_or_default();
            let is_of_flags = |b: &u8| b.is_ascii_lowercase() || matches!(b, b',' | b'-');
            let fits = size.iter().all(u8::is_ascii_digit)
                && !flags.is_empty()
                && flags.iter().all(is_of_flags)
                && (code.len() >= 4 || is_cut && words.next().is_none())
                && code.iter().all(u8::is_ascii_uppercase);
            if fits { Verdict::SLOW } else { Verdict::NO }
        }
        _ => Verdict::NO,
    }
}

/// What the words before an `in` make of the number behind it: they must hold a verb of
/// completion, the `i`th or one before it.
fn judge_verb(sentence: &mut Sentence<'_>, first: usize) -> Verdict {
    let mut is_of_http = false;
    let behind_reason = sentence.before_reason(first);
    let mut i = behind_reason;
    while let Some(Entry { roles, .. }) = sentence.word(i) {
        if roles.has(Roles::WAIT) || i == first && roles.has(Roles::PAUSE) {
            return Verdict::NO;
        }
        if sentence.is_counted(i) {
            return Verdict::NO;
        }
        if roles.has(Roles::VERB) {
            // What was to be done was not.
            if sentence.is(i, b"failed") && i > first && sentence.is(i - 1, b"to") {
                return Verdict::NO;
            }
            return verdict_of_verb(sentence, i);
        }
        is_of_http |= roles.has(Roles::HTTP);
        i += 1;
    }
    // `200 OK in 15ms`, `GET /cart 200 in 15ms`: the status tells that it was completed.
    let status = sentence.gap(first - 1).number();
    let is_status = status.is_some_and(|number| (200..600).contains(&number));
    if behind_reason > first || is_of_http && is_status { Verdict::YES } else { Verdict::NO }
}

/// What a verb of completion, the `i`th word, makes of the number, given the words before it.
fn verdict_of_verb(sentence: &mut Sentence<'_>, i: usize) -> Verdict {
    let last = i + WORDS_BEFORE;
    // `has not yet been processed`, `to have been processed`.
    let auxiliary = (i + 1..=last).take_while(|&i| sentence.roles(i).has(Roles::AUXILIARY)).count();
    let modal = i + 1 + auxiliary;
    let negated = modal <= last && sentence.roles(modal).has(Roles::MODAL)
        || modal < last
            && sentence.roles(modal + 1).has(Roles::MODAL)
            && !sentence.is(modal + 1, b"to");
    // A switch of protocols and a tunnel last as long as the connection. The number before the verb is
    // a status where a word of HTTP is before it; in `Request 101 processed` it is not.
    let is_switch = |number: Option<u32>| number == Some(101);
    let is_tunnel = (0..i).any(|i| is_switch(sentence.gap(i).number()))
        || is_switch(sentence.gap(i).number())
            && (i + 1..=last).any(|i| sentence.roles(i).has(Roles::HTTP));
    let counted = (i + 1..=last).any(|i| sentence.is_counted(i));
    let awaited = sentence.roles(i + 1).has(Roles::WAIT);
    if negated || is_tunnel || counted || awaited { Verdict::NO } else { Verdict::YES }
}

/// From here on a duration may be the length of what is granted even if it is not of whole seconds,
/// such as what is left of it: hardly any work takes so long.
const GRANTED_NANOS_MIN: u64 = 30_000_000_000;

/// Whether so many nanoseconds may be the length of what is granted: nothing is for a part of a second,
/// and what took only seconds hardly ever took whole ones.
pub(super) fn may_be_granted(nanos: u64) -> bool {
    nanos >= GRANTED_NANOS_MIN || nanos > 0 && nanos.is_multiple_of(1_000_000_000)
}

/// What a text says of the time for which something lasts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// Nothing.
    None,
    /// Something was given for a time, or has a length: `Lease renewed`, `video uploaded`.
    Granted,
    /// Something is over, or lasts: `connection closed`.
    Over,
}

/// What `text` says of lifetimes. Words at an edge where it is cut are not whole and do not count.
pub(super) fn lifetime_of(text: &[u8], is_cut_before: bool, is_cut_after: bool) -> Lifetime {
    let mut said = Roles::NONE;
    for word in Words::new(text) {
        if word.start == 0 && is_cut_before || word.end == text.len() && is_cut_after {
            continue;
        }
        if word.roles.has(Roles::LIFETIME) {
            return Lifetime::Over;
        }
        said = said.or(word.roles);
    }
    if said.has(Roles::SESSION) && said.has(Roles::ENDED) {
        Lifetime::Over
    } else if said.has(Roles::HELD) && said.has(Roles::GRANTED)
        || said.has(Roles::RECORDING) && said.has(Roles::KEPT)
    {
        Lifetime::Granted
    } else {
        Lifetime::None
    }
}
