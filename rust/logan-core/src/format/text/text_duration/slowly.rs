//! The rule without any haste: the reference of all faster ways.

use super::{
    CONTEXT_BYTES, Found, Letters, Verdict, ends_slowly, is_granted, judge, last_unit,
    lifetime_first, opens, plausible, sentence_of, unit_in_text, unit_of_single, with_lifetime,
};
use crate::format::text::duration::{self, Span};

/// What is found in a text, by the rule at the top and nothing else.
#[cold]
#[inline(never)]
///
/// `granted` is set if something is how long something was granted for; without it, that counts, too.
pub(super) fn slowly(text: &[u8], mut granted: Option<&mut bool>, decimal_commas: bool) -> Found {
    let mut found = Found::NOTHING;
    let mut spans = Vec::new();
    let mut at = 1;
    while at < text.len() {
        let begins = matches!(text[at], b'0'..=b'9' | b'.' | b'P') && opens(&text[..at]);
        match begins.then(|| duration::span_at(text, at, unit_in_text, decimal_commas)).flatten() {
            Some(span) => {
                spans.push((at, span));
                at = span.end;
            }
            None => at += 1,
        }
    }
    for &(at, span) in spans.iter().rev() {
        let verdict = judge_slowly(text, at, span);
        let spelled = &text[at..span.end];
        let is_whole = !spelled.iter().any(|b| matches!(b, b'.' | b','));
        let unit = unit_of_single(spelled);
        let is_of_days = last_unit(spelled).is_some_and(|nanos| nanos > 3_600_000_000_000);
        let may_be_epoch = is_whole && unit.is_some_and(|nanos| nanos < 1_000_000_000);
        if verdict != Verdict::NO
            && (span.is_clock || !is_of_days)
            && let Some(nanos) = plausible(span.nanos, may_be_epoch)
        {
            match &mut granted {
                Some(granted) if is_granted(verdict, nanos) => **granted = true,
                _ => found.add(verdict, nanos, at),
            }
        }
    }
    found
}

/// What the text makes of its span at `at`.
fn judge_slowly(text: &[u8], at: usize, span: Span) -> Verdict {
    let before = sentence_of(&text[..at]);
    let verdict = judge(before, Letters::of(before)).without(Verdict::ALONE.or(Verdict::FAR));
    let is_last = span.end == text.len();
    if verdict.has(Verdict::SLOW) {
        let is_of_gc = text[..at].ends_with(b", ")
            && text[at..span.end].ends_with(b" secs")
            && text.get(span.end) == Some(&b']')
            && memchr::memmem::find(&text[..at], b"GC").is_some();
        if is_of_gc {
            return Verdict::TOTAL;
        }
        let is_of_dns = is_last
            && text[at..].ends_with(b"s")
            && matches!(text[..at], [.., b'0'..=b'9', b' '])
            && text[..at].contains(&b'"');
        return if is_of_dns { Verdict::YES } else { Verdict::NO };
    }
    if span.is_clock && verdict.has(Verdict::NO_CLOCK) || !ends_slowly(text, span.end) {
        return Verdict::NO;
    }
    if verdict.has(Verdict::SPAN) {
        let is_short = !span.is_clock
            && unit_of_single(&text[at..span.end]).is_some_and(|nanos| nanos <= 1_000_000_000);
        let shown = if is_short { CONTEXT_BYTES } else { usize::MAX };
        return with_lifetime(verdict, lifetime_first(text, shown)).without(Verdict::NO_CLOCK);
    }
    verdict.without(Verdict::NO_CLOCK)
}
