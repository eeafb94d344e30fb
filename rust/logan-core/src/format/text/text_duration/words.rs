//! The words that decide whether a number in text is a response time: one table for all rules.
//!
//! Words are compared without case. [The rule](super) says how each role is used; a word may have
//! several. English has many verbs of completion, and a verb that is missing here costs the response
//! times of the sentences that use it; a word of another role that is missing costs nothing, because
//! a number counts by the presence of completion and never by the absence of waiting.

/// What a word may stand for, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Roles(u32);

impl Roles {
    pub(super) const NONE: Roles = Roles(0);
    /// Fills in between a word of completion and its number: `took about 5ms`.
    pub(super) const FILLER: Roles = Roles(1);
    /// `in`, which counts after a [`VERB`](Self::VERB): `processed in 5ms`.
    pub(super) const IN: Roles = Roles(1 << 1);
    /// `after`, which counts directly after [`DONE`](Self::DONE): `completed after 5ms`.
    pub(super) const AFTER: Roles = Roles(1 << 2);
    /// `took`, which counts on its own.
    pub(super) const TOOK: Roles = Roles(1 << 3);
    /// Names a response time and nothing else: `latency=5ms`.
    pub(super) const NAME: Roles = Roles(1 << 4);
    /// Names a span of any kind, also that of a connection: `duration: 5ms`.
    pub(super) const SPAN: Roles = Roles(1 << 5);
    /// `time`, which names points in time, too.
    pub(super) const TIME: Roles = Roles(1 << 6);
    /// The sum of several timers, which wins over its parts.
    pub(super) const TOTAL: Roles = Roles(1 << 7);
    /// Something was completed.
    pub(super) const VERB: Roles = Roles(1 << 8);
    /// Something was completed, with no other meaning: counts without `in`, as in `done: 5ms`.
    pub(super) const DONE: Roles = Roles(1 << 9);
    /// Speaks of the future, wherever it stands between the verb and `in`.
    pub(super) const WAIT: Roles = Roles(1 << 10);
    /// A noun of waiting: directly before `in`, or among the three words before a name.
    pub(super) const PAUSE: Roles = Roles(1 << 11);
    /// Waiting that is over: not even `took` makes it a response time.
    pub(super) const STALL: Roles = Roles(1 << 12);
    /// Events that are counted per interval: `100 requests in 60s`.
    pub(super) const EVENT: Roles = Roles(1 << 13);
    /// A limit or a statistic of many: `max latency 5ms`.
    pub(super) const LIMIT: Roles = Roles(1 << 14);
    /// Directly before a name, what makes it another timer: `queue time 5ms`.
    pub(super) const OTHER: Roles = Roles(1 << 15);
    /// Directly before a name, what makes it a part of a response time: `db time 5ms`.
    pub(super) const PART: Roles = Roles(1 << 16);
    /// What has a lifetime: directly before a name, or with [`ENDED`](Self::ENDED).
    pub(super) const SESSION: Roles = Roles(1 << 17);
    /// Says that a session is over.
    pub(super) const ENDED: Roles = Roles(1 << 18);
    /// Speaks of a lifetime by itself.
    pub(super) const LIFETIME: Roles = Roles(1 << 19);
    /// Before a verb: that it was not, or will be.
    pub(super) const MODAL: Roles = Roles(1 << 20);
    /// Before `time` in a name with a unit: makes it a span (`request_time_ms`).
    pub(super) const OF_REQUEST: Roles = Roles(1 << 21);
    /// A method of HTTP, or a word that says that a number is a status.
    pub(super) const HTTP: Roles = Roles(1 << 22);
    /// What is given for a time: with [`GRANTED`](Self::GRANTED).
    pub(super) const HELD: Roles = Roles(1 << 23);
    /// Says that something was given for a time, or longer.
    pub(super) const GRANTED: Roles = Roles(1 << 24);

    /// A recording, which has a length of its own: with [`KEPT`](Self::KEPT).
    pub(super) const RECORDING: Roles = Roles(1 << 26);
    /// Says that a recording was made or moved, which tells of its length rather than of the work.
    pub(super) const KEPT: Roles = Roles(1 << 27);
    /// Between a verb and what negates it: `not yet been`.
    pub(super) const AUXILIARY: Roles = Roles(1 << 25);

    /// Whether the two have a role in common.
    #[inline(always)]
    pub(super) const fn has(self, other: Roles) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn or(self, other: Roles) -> Roles {
        Roles(self.0 | other.0)
    }
}

/// The words by role.
const WORDS: &[(Roles, &str)] = &[
    (
        Roles::FILLER,
        "of was is about only just approximately approx roughly exactly nearly almost around \
         taken spent too long",
    ),
    (Roles::IN, "in"),
    (Roles::AFTER, "after"),
    (Roles::TOOK, "took"),
    (
        Roles::NAME,
        "latency cost rt rtt responsetime resptime requesttime elapsedtime executiontime exectime \
         processingtime processtime querytime walltime timetaken servicetime",
    ),
    (Roles::SPAN, "duration elapsed elapse dur"),
    (Roles::TIME, "time"),
    (Roles::TOTAL, "total totaltime overall"),
    (
        Roles::DONE.or(Roles::VERB),
        "done completed finished processed served handled responded returned executed succeeded \
         succeed success successful answered replied",
    ),
    // As a verb only: `complete` and `failed` also say what has still to be done.
    (
        Roles::VERB,
        "complete successfully failed ran started restarted stopped booted ready initialized \
         initiated loaded reloaded preloaded built rebuilt compiled recompiled bundled \
         generated regenerated created made fetched got read written wrote saved stored persisted \
         sent received delivered synced synchronized updated upgraded refreshed \
         revalidated renewed flushed committed compacted merged indexed reindexed imported exported \
         copied moved renamed deleted removed inserted uploaded downloaded pulled pushed parsed \
         rendered rerendered resolved connected reconnected opened established authenticated \
         authorized verified validated scanned analyzed calculated computed evaluated \
         converted transformed transpiled transcoded encoded decoded compressed decompressed packed \
         unpacked extracted installed deployed undeployed migrated applied restored recovered \
         replayed replicated rebalanced published consumed ingested acknowledged elected assigned \
         collected cleaned cleared cached warmed purged evicted pruned vacuumed optimized \
         prepared queried searched found selected retrieved obtained acquired released \
         allocated mounted passed tested measured dispatched forwarded proxied routed submitted \
         accepted solved dumped archived rotated crawled matched affected changed recorded \
         snapshotted settled drained formatted linted checkpointed sorted joined grouped filtered \
         aggregated registered deregistered provisioned reconciled bootstrapped launched \
         startup minified hashed signed encrypted decrypted serialized deserialized",
    ),
    (
        Roles::WAIT,
        "retrying waiting sleeping again next until will would scheduled scheduling rescheduled \
         reconnecting restarting closing shutting renewing rotating expiring expires starts begins \
         resumes ends trying tries",
    ),
    (
        Roles::PAUSE,
        "retry retries retried reconnect restart timeout timeouts expire expiry expires expiring \
         renewal backoff delay attempt try wait waits waiting sleep sleeping every next interval ttl \
         uptime retrying rekeying reauthentication deadline",
    ),
    (Roles::STALL, "wait waits waiting waited sleep sleeping slept backoff pausing idle"),
    (
        Roles::EVENT,
        "requests attempts failures errors hits connections logins times restarts crashes \
         exceptions retries tries reqs",
    ),
    (
        Roles::LIMIT,
        "max maximum min minimum limit limits threshold allowed expected avg average mean median \
         target budget default configured than timeout stddev mdev percentile p",
    ),
    (
        Roles::OTHER,
        "est estimated remaining queue queued queueing wait lock blocked idle start boot application since last age cpu \
         user sys system poll think play cache lead life up check sampling sample media video audio \
         clip track movie song ban lockout block lease token trial window period visit login \
         contact stay outage downtime rebind rebinding expiration keepalive hold retention \
         reachable",
    ),
    (
        Roles::PART,
        "db database sql view views render rendering redis gc parse serialization network dns tls \
         handshake ssl header headers backend",
    ),
    (
        Roles::SESSION,
        "session sessions connection connections conn connect connected tunnel call calls vpn ftp \
         ssh sshd channel socket websocket peer",
    ),
    (
        Roles::ENDED,
        "closed close closing ended end terminated disconnected teardown down over hangup exited \
         dropped lost",
    ),
    (
        Roles::LIFETIME,
        "lifetime teardown disconnected disconnect disconnection disconnecting disconnects logout \
         hangup vpn",
    ),
    (
        Roles::HELD,
        "lease leases token tokens session sessions lock locks ban bans lockout certificate \
         certificates cert certs ticket tickets reservation reservations subscription license \
         voucher grant grants silence silences credential credentials membership suspension suspensions \
         otp passcode cooldown cooldowns quarantine mute mutes block blocks timeout backoff backoffs \
         penalty",
    ),
    (
        Roles::GRANTED,
        "granted renewed issued acquired obtained extended created refreshed reserved activated \
         registered allocated assigned opened started begun applied sent imposed enforced \
         set added placed",
    ),
    (
        Roles::HELD.or(Roles::GRANTED),
        "banned muted silenced snoozed suspended leased subscribed blocked quarantined",
    ),
    (
        Roles::RECORDING,
        "video videos audio clip clips movie movies song songs track tracks recording recordings podcast \
         podcasts episode episodes voicemail",
    ),
    (
        Roles::KEPT,
        "uploaded saved stored added created published recorded imported received downloaded \
         posted submitted started",
    ),
    (
        Roles::MODAL,
        "not never no nor be to will would must should shall can could may might cannot unable \
         didn hasn haven wasn weren isn doesn don won couldn until unless if when before without \
         expects expect",
    ),
    (Roles::AUXILIARY, "been have has had having already yet all"),
    (
        Roles::OF_REQUEST,
        "response request resp req query processing process execution exec elapsed total run \
         upstream service handling render db sql wall",
    ),
    (Roles::HTTP, "get head post put delete patch options http status code"),
];

/// Longest word of the table.
pub(super) const LETTERS_MAX: usize = 16;

/// Power of two, and sparse enough for short probes.
const SLOTS: usize = 2048;

/// The table by hash, with open addressing.
static TABLE: [(u128, Roles); SLOTS] = {
    let mut table = [(0, Roles::NONE); SLOTS];
    let mut list = 0;
    while list < WORDS.len() {
        let (roles, words) = WORDS[list];
        let words = words.as_bytes();
        let mut at = 0;
        while at < words.len() {
            let (mut word, mut letters) = (0u128, 0);
            while at < words.len() && words[at] != b' ' {
                assert!(words[at].is_ascii_lowercase() && letters < LETTERS_MAX);
                word |= (words[at] as u128) << (8 * letters);
                letters += 1;
                at += 1;
            }
            while at < words.len() && words[at] == b' ' {
                at += 1;
            }
            let mut slot = slot_of(word);
            while table[slot].0 != 0 && table[slot].0 != word {
                slot = (slot + 1) % SLOTS;
            }
            table[slot] = (word, table[slot].1.or(roles));
        }
        list += 1;
    }
    table
};

#[inline(always)]
const fn slot_of(word: u128) -> usize {
    let folded = word as u64 ^ ((word >> 64) as u64).rotate_left(29);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 53) as usize
}

/// The roles of a word of [`Words`].
#[inline]
pub(super) fn roles_of(word: u128) -> Roles {
    let mut slot = slot_of(word);
    loop {
        let (known, roles) = TABLE[slot];
        if known == word || known == 0 {
            return if known == word { roles } else { Roles::NONE };
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// What a word alone is for the name of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format::text) enum WordKind {
    /// Names any span, and what it is of stands before it: `queue time`.
    Span,
    /// Says that something was completed, or fills in.
    Filler,
    /// Speaks of waiting, or of a limit.
    Waiting,
    /// All others.
    Other,
}

/// What a word of letters alone is for the name of a timer.
pub(in crate::format::text) fn word_kind(word: &[u8]) -> WordKind {
    const WAITING: Roles = Roles::PAUSE.or(Roles::WAIT).or(Roles::STALL).or(Roles::LIMIT);
    const FILLER: Roles =
        Roles::FILLER.or(Roles::IN).or(Roles::AFTER).or(Roles::VERB).or(Roles::DONE);
    const SPAN: Roles = Roles::SPAN.or(Roles::TIME).or(Roles::TOOK);
    if !word.iter().all(u8::is_ascii_alphabetic) {
        return WordKind::Other;
    }
    let roles = roles_at(word, 0, word.len());
    if roles.has(WAITING) && !roles.has(Roles::OTHER) {
        WordKind::Waiting
    } else if roles.has(SPAN) {
        WordKind::Span
    } else if roles.has(FILLER) {
        WordKind::Filler
    } else {
        WordKind::Other
    }
}

/// A word of a text: a run of ASCII letters, cut further where a small letter is followed by a
/// capital.
#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) roles: Roles,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Word {
    pub(super) const NONE: Word = Word { roles: Roles::NONE, start: 0, end: 0 };
}

/// The words of a text, last first.
#[derive(Clone)]
pub(super) struct Words<'a> {
    text: &'a [u8],
    /// Where the words that were not yet given end.
    end: usize,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Words { text, end: text.len() }
    }
}

impl Iterator for Words<'_> {
    type Item = Word;

    #[inline]
    fn next(&mut self) -> Option<Word> {
        let text = self.text;
        let mut end = self.end;
        while end > 0 && !text[end - 1].is_ascii_alphabetic() {
            end -= 1;
        }
        if end == 0 {
            self.end = 0;
            return None;
        }
        let mut start = end - 1;
        let mut word = u128::from(text[start] | 0x20);
        while start > 0 && joins(text[start - 1], text[start]) {
            start -= 1;
            word = word << 8 | u128::from(text[start] | 0x20);
        }
        self.end = start;
        // Of a longer one the end is lost.
        let roles = if end - start > LETTERS_MAX { Roles::NONE } else { roles_of(word) };
        Some(Word { roles, start, end })
    }
}

#[inline(always)]
fn joins(before: u8, first: u8) -> bool {
    before.is_ascii_alphabetic() && !(before.is_ascii_lowercase() && first.is_ascii_uppercase())
}

/// Where the [`Words`] of a text of up to 128 bytes begin and end, last first.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    starts: Marks,
    ends: Marks,
}

impl Letters {
    /// From a bit for each small letter and each capital of a text of `len` bytes, the highest one
    /// for its last byte. What stands before the text does not count.
    #[inline(always)]
    pub(super) fn new(lower: u128, upper: u128, len: usize) -> Letters {
        let kept = !u128::MAX.checked_shr(len as u32).unwrap_or(0);
        let letters = (lower | upper) & kept;
        let cuts = upper & lower << 1;
        Letters {
            starts: Marks::new(letters & (!(letters << 1) | cuts), len),
            ends: Marks::new(letters & (!(letters >> 1) | cuts >> 1), len),
        }
    }

    /// Asks each byte; where the text is in a line, whole windows can be asked at once.
    pub(super) fn of(text: &[u8]) -> Letters {
        let mask = |is: fn(&u8) -> bool| {
            text.iter().fold(0, |mask, byte| mask >> 1 | u128::from(is(byte)) << 127)
        };
        Letters::new(mask(u8::is_ascii_lowercase), mask(u8::is_ascii_uppercase), text.len())
    }

    /// Where the last word ends whose end was not yet given; 0 if there is none.
    #[inline(always)]
    pub(super) fn end(&mut self) -> usize {
        self.ends.take().map_or(0, |last| last + 1)
    }

    /// Where the last word begins whose beginning was not yet given; 0 if there is none.
    #[inline(always)]
    pub(super) fn start(&mut self) -> usize {
        self.starts.take().unwrap_or(0)
    }
}

/// Bytes of a text of up to 128, taken last first.
#[derive(Clone, Copy)]
struct Marks {
    near: u64,
    far: u64,
    /// Where in the text the lowest bit of `near` is; below 0 where the text is shorter.
    base: usize,
}

impl Marks {
    #[inline(always)]
    fn new(mask: u128, len: usize) -> Marks {
        Marks { near: (mask >> 64) as u64, far: mask as u64, base: len.wrapping_sub(64) }
    }

    #[inline(always)]
    fn take(&mut self) -> Option<usize> {
        if self.near == 0 {
            if self.far == 0 {
                return None;
            }
            *self = Marks { near: self.far, far: 0, base: self.base.wrapping_sub(64) };
        }
        let bit = 63 - self.near.leading_zeros() as usize;
        self.near ^= 1 << bit;
        Some(self.base.wrapping_add(bit))
    }
}

/// The roles of the word at `text[start..end]`.
#[inline(always)]
pub(super) fn roles_at(text: &[u8], start: usize, end: usize) -> Roles {
    if end - start > LETTERS_MAX { Roles::NONE } else { roles_of(folded(text, start, end)) }
}

/// The letters at `text[start..end]` as a word, up to [`LETTERS_MAX`] and at least one.
#[inline(always)]
fn folded(text: &[u8], start: usize, end: usize) -> u128 {
    const CASE: u64 = u64::MAX / 255 * 0x20;
    let word = &text[start..end];
    if word.len() <= 8 {
        let unread = 64 - 8 * word.len();
        if let Some(last) = text[..end].last_chunk() {
            return u128::from((u64::from_le_bytes(*last) | CASE) >> unread);
        }
        // It ends within the first eight bytes.
        if let Some(first) = text.first_chunk() {
            let shifted = (u64::from_le_bytes(*first) | CASE) >> (8 * start);
            return u128::from(shifted << unread >> unread);
        }
    }
    word.iter().rev().fold(0, |word, &byte| word << 8 | u128::from(byte | 0x20))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_have_all_their_roles() {
        for (roles, words) in WORDS {
            for word in words.split_whitespace() {
                let found = Words::new(word.as_bytes()).next().unwrap().roles;
                assert_eq!(found.or(*roles), found, "{word}");
            }
        }
        assert!(Words::new(b"sprocket").next().unwrap().roles == Roles::NONE);
    }

    proptest! {
        #[test]
        fn words_by_letters_are_the_words(text in "[a-cA-C took_1]{0,128}|([a-z]{1,17}[ _A-Z]?){0,7}") {
            let text = text.as_bytes();
            let (mut letters, mut found) = (Letters::of(text), Vec::new());
            loop {
                let end = letters.end();
                if end == 0 {
                    break;
                }
                let start = letters.start();
                found.push((start, end, roles_at(text, start, end)));
            }
            let told = |word: Word| (word.start, word.end, word.roles);
            prop_assert_eq!(found, Words::new(text).map(told).collect::<Vec<_>>());
        }
    }

    #[test]
    fn words_are_cut_at_capitals() {
        let text = b"the responseTime_ms GETs";
        let words: Vec<&str> = Words::new(text)
            .map(|word| std::str::from_utf8(&text[word.start..word.end]).unwrap())
            .collect();
        assert_eq!(words, ["GETs", "ms", "Time", "response", "the"]);
    }
}
