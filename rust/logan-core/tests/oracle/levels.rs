//! Words for levels. Part of the [twin](super).

use super::*;

pub(super) fn level_of_word(word: &[u8]) -> Option<Level> {
    let words = [
        (Level::Trace, "VERBOSE TRACE FINEST FINER SILLY TRC TRCE TRAC VRB"),
        (Level::Debug, "DEBUG DEBU DEBG DBUG DBG FINE CONFIG DEBUG1 DEBUG2 DEBUG3 DEBUG4 DEBUG5"),
        (Level::Info, "INFO INFORMATION INFORMATIONAL INF"),
        (Level::Notice, "NOTICE"),
        (Level::Warn, "WARN WARNING WRN WARNI"),
        (Level::Error, "ERR ERRO ERROR SEVERE EROR"),
        (
            Level::Fatal,
            "FATAL FATA CRIT CRITICAL ALERT EMERG EMERGENCY PANIC PANI DPANIC FTL PNC CRITI",
        ),
    ];
    level_in_lists(word, &words)
}

pub(super) fn level_of_weak_word(word: &[u8]) -> Option<Level> {
    let words = [
        (Level::Info, "LOG NOTE SYSTEM SUCCESS"),
        (Level::Notice, "NOTI"),
        (Level::Error, "FAIL ERRS"),
    ];
    level_in_lists(word, &words)
}

pub(super) fn level_in_lists(word: &[u8], words: &[(Level, &str)]) -> Option<Level> {
    let upper = word.to_ascii_uppercase();
    let found = words.iter().find(|(_, list)| list.split(' ').any(|w| w.as_bytes() == upper));
    found.map(|(level, _)| *level)
}

/// A word with a sign and digits behind it, as slog writes what lies between levels.
pub(super) fn level_of_shifted_word(value: &[u8]) -> Option<Level> {
    let word = &value[..run(value, 0, |b| b != b'+' && b != b'-')];
    let offset = value.get(word.len() + 1..).filter(|offset| !offset.is_empty())?;
    offset.iter().all(u8::is_ascii_digit).then(|| level_of_word(word))?
}

pub(super) fn level_of_letter(letter: u8) -> Option<Level> {
    let letters = [
        (Level::Trace, "VT"),
        (Level::Debug, "D"),
        (Level::Info, "I"),
        (Level::Notice, "N"),
        (Level::Warn, "W"),
        (Level::Error, "E"),
        (Level::Fatal, "FCA"),
    ];
    let upper = char::from(letter.to_ascii_uppercase());
    letters.iter().find(|(_, list)| list.contains(upper)).map(|(level, _)| *level)
}

/// The level of a severity of syslog.
pub(super) fn level_of_severity(severity: i64) -> Option<Level> {
    let levels = [
        Level::Fatal,
        Level::Fatal,
        Level::Fatal,
        Level::Error,
        Level::Warn,
        Level::Notice,
        Level::Info,
        Level::Debug,
    ];
    levels.get(severity as usize).copied()
}

/// The level that a field says; it is not empty.
pub(super) fn level_of_field(value: &[u8]) -> Level {
    const BUNYAN: [Level; 6] =
        [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Fatal];
    let known = match (value.len(), digits(value, 0, value.len())) {
        (1, Some(severity)) => level_of_severity(severity),
        (2, Some(number)) => BUNYAN.get((number as usize / 10).wrapping_sub(1)).copied(),
        (1, None) => level_of_letter(value[0]),
        _ => level_of_word(value)
            .or_else(|| Level::from_localized(value))
            .or_else(|| level_of_weak_word(value))
            .or_else(|| level_of_shifted_word(value)),
    };
    known.unwrap_or(Level::Other)
}
