//! What the words before a number make of it, by [the rule](super).

use super::words::{Roles, Word, Words};

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
    /// Not decided by so few bytes.
    pub(super) const FAR: Verdict = Verdict(1 << 6);
    /// Not decided by what stands before the number, or what stands before it belongs to it.
    pub(super) const SLOW: Verdict = Verdict(1 << 7);
    /// No digit stands in the bytes that decided. Beside any of the others.
    pub(super) const ALONE: Verdict = Verdict(1 << 8);
    /// Other digits in the context might have decided otherwise. Beside any of the others.
    pub(super) const EXACT: Verdict = Verdict(1 << 9);

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

/// What stands between two words.
#[derive(Clone, Copy, Default)]
struct Gap {
    /// The end of a sentence or a clause.
    ends_clause: bool,
    /// A number that stands alone.
    number: Option<u32>,
    has_digit: bool,
    /// Not seen whole: all else is unknown.
    is_unseen: bool,
}

impl Gap {
    const UNSEEN: Gap = Gap { ends_clause: false, number: None, has_digit: false, is_unseen: true };

    /// Reads what stands between two words, or before the first one if `is_front`.
    fn read(gap: &[u8], next_letter: u8, is_front: bool) -> Gap {
        let mut found = Gap::default();
        let mut at = 0;
        while let Some(&byte) = gap.get(at) {
            let next = gap.get(at + 1);
            let apart = next.is_none_or(|&b| b == b' ');
            let spaced = at > 0 && gap[at - 1] == b' ';
            found.ends_clause |= match byte {
                b';' | b'!' | b'?' => true,
                b',' => apart && next.is_some(),
                // A sentence begins with a capital.
                b'.' => {
                    let ends = next.is_some() && gap[at + 1..].iter().all(|&b| b == b' ');
                    ends && next_letter.is_ascii_uppercase()
                }
                b'-' | b'|' => apart && spaced && next.is_some(),
                _ => false,
            };
            if !byte.is_ascii_digit() {
                at += 1;
                continue;
            }
            let digits = gap[at..].iter().take_while(|b| b.is_ascii_digit());
            let (mut number, mut len) = (0u32, 0);
            for digit in digits {
                number = number.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
                len += 1;
            }
            let follows = matches!(gap.get(at + len), Some(b' '));
            let begins = match at {
                0 => is_front,
                _ => matches!(gap[at - 1], b' ' | b'(' | b'[' | b'\t'),
            };
            if begins && follows {
                found.number = Some(number);
            }
            found.has_digit = true;
            at += len;
        }
        found
    }
}

/// The words before a number, nearest first, each with what stands before it. They are read as they
/// are asked for.
struct Sentence<'a> {
    text: &'a [u8],
    rest: Words<'a>,
    /// The word after those that were read.
    next: Option<Word>,
    words: [Entry; WORDS_MAX],
    len: usize,
    /// Whether all were read, up to the end of the clause or of what is in sight.
    is_read: bool,
    /// Whether there may be more, which are out of sight.
    is_cut: bool,
}

/// A word, where it begins and ends, and what stands before it.
#[derive(Clone, Copy)]
struct Entry {
    roles: Roles,
    start: u8,
    end: u8,
    gap: Gap,
}

const _: () = assert!(SENTENCE_BYTES < 256, "a place in a sentence fits a byte");

/// What is before the first word of all.
const NO_ENTRY: Entry = Entry {
    roles: Roles::NONE,
    start: 0,
    end: 0,
    gap: Gap { ends_clause: true, number: None, has_digit: false, is_unseen: false },
};

impl<'a> Sentence<'a> {
    /// The words of `text`, up to the end of a clause. If `is_cut`, it goes on before that.
    fn new(text: &'a [u8], is_cut: bool) -> Self {
        let mut rest = Words::new(text);
        let next = rest.next();
        Sentence { text, rest, next, words: [NO_ENTRY; WORDS_MAX], len: 0, is_read: false, is_cut }
    }

    /// The `i`th word, if the clause has so many in sight.
    fn entry(&mut self, i: usize) -> Option<Entry> {
        while self.len <= i && !self.is_read {
            self.read_word();
        }
        (i < self.len).then(|| self.words[i])
    }

    fn read_word(&mut self) {
        self.is_read = true;
        let Some(this) = self.next else { return };
        if self.len == WORDS_MAX {
            self.is_cut = false;
            return;
        }
        if this.start == 0 && self.is_cut {
            return;
        }
        self.next = self.rest.next();
        let is_first = self.next.is_none();
        let gap = if is_first && self.is_cut {
            Gap::UNSEEN
        } else {
            let before = self.next.map_or(0, |word| word.end);
            Gap::read(&self.text[before..this.start], self.text[this.start], is_first)
        };
        self.words[self.len] = Entry {
            roles: self.without_path(this).roles,
            start: this.start as u8,
            end: this.end as u8,
            gap,
        };
        self.len += 1;
        if gap.is_unseen {
            return;
        }
        if gap.ends_clause || is_first {
            self.is_cut = false;
        } else {
            self.is_read = false;
        }
    }

    /// A word of a path means nothing.
    fn without_path(&self, word: Word) -> Word {
        let before = word.start.checked_sub(1).map(|at| self.text[at]);
        if before == Some(b'/') || self.text.get(word.end) == Some(&b'/') {
            return Word { roles: Roles::NONE, ..word };
        }
        word
    }

    fn roles(&mut self, i: usize) -> Roles {
        self.entry(i).unwrap_or(NO_ENTRY).roles
    }

    fn gap(&mut self, i: usize) -> Gap {
        self.entry(i).unwrap_or(NO_ENTRY).gap
    }

    /// Whether one of so many words from the `i`th on has such a role.
    fn any(&mut self, i: usize, words: usize, roles: Roles) -> bool {
        (i..i + words).any(|i| self.roles(i).has(roles))
    }

    /// Whether the words up to the `i`th are in sight, or there are no more of them.
    fn shows(&mut self, i: usize) -> bool {
        self.entry(i).is_some() || !self.is_cut
    }

    fn is(&mut self, i: usize, text: &[u8]) -> bool {
        self.entry(i).is_some_and(|word| {
            self.text[word.start.into()..word.end.into()].eq_ignore_ascii_case(text)
        })
    }

    /// Whether the `i`th word names events of which a number is given, as in `5 failed attempts`.
    fn is_counted(&mut self, i: usize) -> bool {
        self.roles(i).has(Roles::EVENT)
            && (i..i + 3).any(|i| self.gap(i).number.is_some() && !self.is(i + 1, b"with"))
    }

    /// The word before a status and its reason, of which the `i`th word is the last, as in
    /// `200 OK`, `504 Gateway Timeout`; `i` if that is none. None if that is out of sight.
    fn before_reason(&mut self, i: usize) -> Option<usize> {
        const REASON_WORDS_MAX: usize = 4;
        for last in i..i + REASON_WORDS_MAX {
            let Some(word) = self.entry(last) else {
                return self.shows(last).then_some(i);
            };
            let is_capital = self.text[usize::from(word.start)].is_ascii_uppercase();
            if !is_capital || word.roles.has(Roles::EVENT) {
                break;
            }
            if word.gap.is_unseen {
                return None;
            }
            if word.gap.number.is_some_and(|number| (200..600).contains(&number)) {
                return Some(last + 1);
            }
        }
        Some(i)
    }
}

/// What `context`, which ends with the byte before a number, makes of the number. If `is_cut`,
/// the text goes on before the context; then the answer may be [`Verdict::FAR`].
#[cold]
#[inline(never)]
pub(super) fn judge(context: &[u8], is_cut: bool) -> Verdict {
    let verdict = judge_words(context, is_cut);
    // Only a number of three digits may be a status.
    let is_status = |text: &[u8]| {
        matches!(text, [b' ' | b'(' | b'[' | b'\t', a, b, c, b' ']
            if [a, b, c].iter().all(|b| b.is_ascii_digit()))
    };
    let has_status = context.windows(5).any(is_status)
        || context.get(..4).is_some_and(|front| front.ends_with(b" ") && front[0].is_ascii_digit());
    let alone = !context.iter().any(u8::is_ascii_digit);
    let verdict = if has_status { verdict.or(Verdict::EXACT) } else { verdict };
    if alone { verdict.or(Verdict::ALONE) } else { verdict }
}

fn judge_words(context: &[u8], is_cut: bool) -> Verdict {
    let is_opening = |b: &&u8| OPENING[usize::from(**b)] || **b == b'>';
    let opening = context.iter().rev().take_while(is_opening).count();
    let (text, opening) = context.split_at(context.len() - opening);
    if opening.is_empty() || opening.contains(&b'>') && !opening.starts_with(b"=>") {
        return Verdict::NO;
    }
    if text.is_empty() && is_cut {
        return Verdict::FAR;
    }
    if goes_on(text, opening) {
        return Verdict::SLOW;
    }
    match text.last() {
        Some(last) if last.is_ascii_alphabetic() => {}
        _ => return by_signs(text, opening, is_cut),
    }
    let mut sentence = Sentence::new(text, is_cut);
    let (mut i, mut is_taken) = (0, false);
    while sentence.roles(i).has(Roles::FILLER) && !sentence.gap(i).has_digit {
        is_taken |= sentence.is(i, b"taken");
        i += 1;
    }
    if !sentence.shows(i) {
        return Verdict::FAR;
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
        let is_of_gc = sentence.is(i, b"stopped") && sentence.is(i + 1, b"were");
        return if is_of_gc && sentence.is(i + 2, b"threads") { Verdict::YES } else { Verdict::NO };
    }
    if roles.has(Roles::IN) {
        return judge_verb(&mut sentence, before);
    }
    // A clause ends before the word: nothing before that counts.
    let (before, limit) = if sentence.gap(i).ends_clause {
        (before, 0)
    } else {
        let clause = (before..before + WORDS_BEFORE).find(|&i| sentence.gap(i).ends_clause);
        (before, clause.map_or(WORDS_BEFORE, |last| last + 1 - before))
    };
    if limit > 0 && !sentence.shows(before + limit - 1) {
        return Verdict::FAR;
    }
    let nearest = if limit > 0 { sentence.roles(before) } else { Roles::NONE };
    if roles.has(Roles::AFTER) {
        let is_done = nearest.has(Roles::DONE) && !sentence.gap(i).has_digit;
        return if is_done { verdict_of_verb(&mut sentence, before) } else { Verdict::NO };
    }
    if roles.has(Roles::TOOK) {
        let stalls = sentence.any(before, limit, Roles::STALL);
        return if stalls { Verdict::NO } else { Verdict::YES };
    }
    if roles.has(Roles::DONE) {
        let is_apart = opening.iter().any(|b| b":([=".contains(b));
        return match is_apart && !sentence.any(before, limit.min(2), Roles::MODAL) {
            true => Verdict::YES.or(Verdict::NO_CLOCK),
            false => Verdict::NO,
        };
    }
    if sentence.any(before, limit, Roles::WAIT.or(Roles::PAUSE).or(Roles::LIMIT).or(Roles::STALL))
        || nearest.has(Roles::OTHER)
    {
        return Verdict::NO;
    }
    if nearest.has(Roles::SESSION) {
        let call = sentence.is(before, b"call") || sentence.is(before, b"calls");
        let remote = ["api", "rpc", "grpc", "http", "rest", "service", "method", "function"];
        if !call || !remote.iter().any(|word| sentence.is(before + 1, word.as_bytes())) {
            return Verdict::NO;
        }
    }
    if roles.has(Roles::TOTAL) || sentence.any(before, limit.min(2), Roles::TOTAL) {
        return Verdict::TOTAL;
    }
    let kind = if nearest.has(Roles::PART) { Verdict::PART } else { Verdict::YES };
    if roles.has(Roles::NAME) {
        return kind;
    }
    let shown = &context[context.len().saturating_sub(CONTEXT_BYTES)..];
    if speaks_of_lifetime(shown, is_cut || context.len() > CONTEXT_BYTES, false) {
        return Verdict::NO;
    }
    // `time` and no more is a time of day if a clock follows.
    let is_vague = roles.has(Roles::TIME) && !is_taken && !nearest.has(Roles::OF_REQUEST);
    let kind = if is_vague { kind.or(Verdict::NO_CLOCK) } else { kind };
    kind.or(Verdict::SPAN)
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
    let Some(behind_reason) = sentence.before_reason(first) else { return Verdict::FAR };
    let mut i = behind_reason;
    while let Some(Entry { roles, gap, .. }) = sentence.entry(i) {
        if roles.has(Roles::WAIT) || i == first && roles.has(Roles::PAUSE) {
            return Verdict::NO;
        }
        if roles.has(Roles::EVENT) {
            if !sentence.shows(i + 3) {
                return Verdict::FAR;
            }
            if sentence.is_counted(i) {
                return Verdict::NO;
            }
        }
        if roles.has(Roles::VERB) {
            // What was to be done was not.
            if sentence.is(i, b"failed") && i > first && sentence.is(i - 1, b"to") {
                return Verdict::NO;
            }
            return verdict_of_verb(sentence, i);
        }
        is_of_http |= roles.has(Roles::HTTP);
        if gap.ends_clause {
            break;
        }
        i += 1;
    }
    if sentence.is_cut {
        return Verdict::FAR;
    }
    // `200 OK in 15ms`, `GET /cart 200 in 15ms`: the status tells that it was completed.
    let status = sentence.gap(first - 1).number;
    let is_status = status.is_some_and(|number| (200..600).contains(&number));
    if behind_reason > first || is_of_http && is_status { Verdict::YES } else { Verdict::NO }
}

/// What a verb of completion, the `i`th word, makes of the number, given the words before it.
fn verdict_of_verb(sentence: &mut Sentence<'_>, i: usize) -> Verdict {
    let clause = (i..i + 1 + WORDS_BEFORE).find(|&i| sentence.gap(i).ends_clause);
    let last = clause.unwrap_or(i + WORDS_BEFORE);
    let words = last - i;
    if !sentence.shows(last)
        || sentence.any(i + 1, words, Roles::EVENT) && !sentence.shows(last + 3)
    {
        return Verdict::FAR;
    }
    // `has not yet been processed`, `to have been processed`.
    let auxiliary = (i + 1..=last).take_while(|&i| sentence.roles(i).has(Roles::AUXILIARY)).count();
    let modal = i + 1 + auxiliary;
    let negated = modal <= last && sentence.roles(modal).has(Roles::MODAL)
        || modal < last
            && sentence.roles(modal + 1).has(Roles::MODAL)
            && !sentence.is(modal + 1, b"to");
    // A switch of protocols and a tunnel last as long as the connection.
    let is_tunnel = (0..=i).any(|i| sentence.gap(i).number == Some(101));
    let counted = (i + 1..=last).any(|i| sentence.is_counted(i));
    let awaited = words > 0 && sentence.roles(i + 1).has(Roles::WAIT);
    if negated || is_tunnel || counted || awaited { Verdict::NO } else { Verdict::YES }
}

/// Whether `text` speaks of the lifetime of a session. Words at an edge where it is cut are not
/// whole and do not count.
pub(super) fn speaks_of_lifetime(text: &[u8], is_cut_before: bool, is_cut_after: bool) -> bool {
    let (mut session, mut ended) = (false, false);
    for word in Words::new(text) {
        if word.start == 0 && is_cut_before || word.end == text.len() && is_cut_after {
            continue;
        }
        if word.roles.has(Roles::LIFETIME) {
            return true;
        }
        session |= word.roles.has(Roles::SESSION);
        ended |= word.roles.has(Roles::ENDED);
    }
    session && ended
}
