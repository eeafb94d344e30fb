//! Severity levels: the canonical nine, and the one table that maps other names to them.

/// A canonical severity level, in order of severity where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum Level {
    /// The record carries no level.
    #[default]
    None = 0,
    /// The record carries a level that no table knows.
    Other = 1,
    /// V, T, VERBOSE, VRB, TRACE, TRC, TRCE, FINEST, FINER, SILLY.
    Trace = 2,
    /// D, DEBUG, DEBUG1 to DEBUG5, DEBG, DBUG, DBG, FINE, CONFIG.
    Debug = 3,
    /// I, INFO, INF, INFORMATION, INFORMATIONAL; where a level is certain LOG, NOTE, SYSTEM, SUCCESS.
    Info = 4,
    /// N, NOTICE; where a level is certain NOTI.
    Notice = 5,
    /// W, WARN, WRN, WARNING, WARNI (cut to five letters).
    Warn = 6,
    /// E, ERR, EROR, ERROR, SEVERE; where a level is certain FAIL, ERRS.
    Error = 7,
    /// F, FATAL, FTL, C, CRIT, CRITI, CRITICAL, ALERT, A, EMERG, EMERGENCY, PANIC, PNC, DPANIC.
    Fatal = 8,
}

/// How many levels there are; `Level as usize` is below it.
pub const LEVELS: usize = 9;

/// The words for levels.
const WORDS: [(&[u8], Level); 48] = [
    (b"INFO", Level::Info),
    (b"INFORMATION", Level::Info),
    (b"INFORMATIONAL", Level::Info),
    (b"INF", Level::Info),
    (b"DEBUG", Level::Debug),
    (b"FINE", Level::Debug),
    (b"CONFIG", Level::Debug),
    (b"DEBG", Level::Debug),
    (b"DBUG", Level::Debug),
    (b"DBG", Level::Debug),
    (b"DEBUG1", Level::Debug),
    (b"DEBUG2", Level::Debug),
    (b"DEBUG3", Level::Debug),
    (b"DEBUG4", Level::Debug),
    (b"DEBUG5", Level::Debug),
    (b"WARN", Level::Warn),
    (b"WARNING", Level::Warn),
    (b"WRN", Level::Warn),
    (b"WARNI", Level::Warn),
    (b"ERROR", Level::Error),
    (b"ERR", Level::Error),
    (b"SEVERE", Level::Error),
    (b"EROR", Level::Error),
    (b"FATAL", Level::Fatal),
    (b"CRITICAL", Level::Fatal),
    (b"CRIT", Level::Fatal),
    (b"CRITI", Level::Fatal),
    (b"ALERT", Level::Fatal),
    (b"EMERG", Level::Fatal),
    (b"EMERGENCY", Level::Fatal),
    (b"PANIC", Level::Fatal),
    (b"DPANIC", Level::Fatal),
    (b"FTL", Level::Fatal),
    (b"PNC", Level::Fatal),
    (b"TRACE", Level::Trace),
    (b"VERBOSE", Level::Trace),
    (b"FINEST", Level::Trace),
    (b"FINER", Level::Trace),
    (b"SILLY", Level::Trace),
    (b"TRC", Level::Trace),
    (b"TRCE", Level::Trace),
    (b"VRB", Level::Trace),
    (b"NOTICE", Level::Notice),
    // logrus cuts to four letters.
    (b"TRAC", Level::Trace),
    (b"DEBU", Level::Debug),
    (b"ERRO", Level::Error),
    (b"FATA", Level::Fatal),
    (b"PANI", Level::Fatal),
];

/// By length and first letter of a word: [bits](bit) of the last bytes that it may have.
static LASTS: [[u32; 32]; WORD_BYTES_MAX + 1] = {
    let mut lasts = [[0; 32]; WORD_BYTES_MAX + 1];
    let mut i = 0;
    while i < WORDS.len() + WEAK.len() {
        let word = if i < WORDS.len() { WORDS[i].0 } else { WEAK[i - WORDS.len()].0 };
        assert!(2 <= word.len() && word.len() <= WORD_BYTES_MAX);
        lasts[word.len()][(word[0] & 31) as usize] |= bit(word[word.len() - 1]);
        i += 1;
    }
    lasts
};

/// A word as a number, and the bits in which capitals and small letters differ.
#[derive(Clone, Copy)]
struct Word {
    number: u128,
    cases: u128,
    level: Level,
}

/// The words, each in its [`slot`].
static SLOTS: [Word; 128] = {
    let mut slots = [Word { number: 0, cases: 0, level: Level::None }; 128];
    let mut i = 0;
    while i < WORDS.len() {
        let (word, level) = WORDS[i];
        let (mut cases, mut k) = (0, 0);
        while k < word.len() {
            cases |= (if word[k].is_ascii_alphabetic() { 0x20 } else { 0 }) << (8 * k);
            k += 1;
        }
        let slot = slot(word);
        assert!(slots[slot].number == 0, "no two words in one slot");
        slots[slot] = Word { number: number(word), cases, level };
        i += 1;
    }
    slots
};

/// A hash of words of at least two letters, in any case, by which no two of [`WORDS`] meet.
#[inline(always)]
const fn slot(word: &[u8]) -> usize {
    let (first, last) = (word[0] as usize & 31, word[word.len() - 1] as usize & 31);
    (first * 4 + (word[1] as usize & 31) * 29 + last * 60 + word.len() * 6) & 127
}

/// Bytes of the longest word.
const WORD_BYTES_MAX: usize = 13;

/// A letter in either case, or one of some other bytes, as a bit.
#[inline(always)]
const fn bit(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// Two to sixteen bytes as a number, the first one lowest.
#[inline(always)]
fn short(word: &[u8]) -> u128 {
    // Two loads of a fixed size, which may overlap: copying so few bytes is a call otherwise.
    fn pair<const N: usize>(word: &[u8], load: impl Fn([u8; N]) -> u128) -> u128 {
        let (Some(&first), Some(&last)) = (word.first_chunk(), word.last_chunk()) else { return 0 };
        load(first) | load(last) << (8 * (word.len() - N))
    }
    match word.len() {
        8.. => pair::<8>(word, |b| u64::from_le_bytes(b).into()),
        4.. => pair::<4>(word, |b| u32::from_le_bytes(b).into()),
        _ => pair::<2>(word, |b| u16::from_le_bytes(b).into()),
    }
}

const fn number(word: &[u8]) -> u128 {
    let (mut number, mut i) = (0, 0);
    while i < word.len() {
        number |= (word[i] as u128) << (8 * i);
        i += 1;
    }
    number
}

/// Words that are a level where nothing else can stand.
const WEAK: [(&[u8], Level); 7] = [
    (b"LOG", Level::Info),
    (b"NOTE", Level::Info),
    (b"SYSTEM", Level::Info),
    (b"SUCCESS", Level::Info),
    (b"FAIL", Level::Error),
    // ArubaOS cuts to four letters.
    (b"NOTI", Level::Notice),
    (b"ERRS", Level::Error),
];

/// Names that java.util.logging and PostgreSQL write in other languages.
const LOCALIZED: &[(Level, &[&str])] = &[
    (Level::Trace, &["FEINER"]),
    (Level::Debug, &["FEIN", "KONFIGURATION", "PRÉCIS"]),
    (
        Level::Info,
        &[
            "INFOS",
            "INFORMACIÓN",
            "INFORMAZIONI",
            "INFORMAÇÕES",
            "LOGG",
            "DZIENNIK",
            "СООБЩЕНИЕ",
            "情報",
            "信息",
            "日志",
            "정보",
            "로그",
        ],
    ),
    (
        Level::Notice,
        &["HINWEIS", "NOTIFICA", "NOTA", "NOTIS", "UWAGA", "ЗАМЕЧАНИЕ", "注意", "알림"],
    ),
    (
        Level::Warn,
        &[
            "WARNUNG",
            "AVERTISSEMENT",
            "ATTENTION",
            "ADVERTENCIA",
            "AVVERTENZA",
            "ATTENZIONE",
            "ADVERTÊNCIA",
            "AVISO",
            "VARNING",
            "OSTRZEŻENIE",
            "UYARI",
            "ПРЕДУПРЕЖДЕНИЕ",
            "警告",
            "경고",
        ],
    ),
    (
        Level::Error,
        &[
            "FEHLER",
            "SCHWERWIEGEND",
            "ERREUR",
            "GRAVE",
            "ERRORE",
            "FEL",
            "BŁĄD",
            "HATA",
            "ОШИБКА",
            "エラー",
            "重大",
            "致命的",
            "错误",
            "严重",
            "오류",
            "심각",
        ],
    ),
    (
        Level::Fatal,
        &[
            "PANIK",
            "PANIQUE",
            "PÁNICO",
            "PÂNICO",
            "PANICO",
            "FATALE",
            "FATALT",
            "KATASTROFALNY",
            "ÖLÜMCÜL",
            "ВАЖНО",
            "ПАНИКА",
            "致命错误",
            "치명적오류",
        ],
    ),
];

impl Level {
    /// All levels in the order of reports.
    pub const ALL: [Level; LEVELS] = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Notice,
        Level::Warn,
        Level::Error,
        Level::Fatal,
        Level::Other,
        Level::None,
    ];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::None => "NONE",
            Level::Other => "OTHER",
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Notice => "NOTICE",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        }
    }

    /// The level whose discriminant is `value`.
    pub fn from_u8(value: u8) -> Option<Level> {
        Level::ALL.into_iter().find(|&l| l as u8 == value)
    }

    /// Whether a word may be one of [`from_word`](Self::from_word) or
    /// [`from_weak_word`](Self::from_weak_word), by its first and last byte and its length.
    #[inline(always)]
    pub fn may_be_word(first: u8, last: u8, len: usize) -> bool {
        LASTS.get(len).is_some_and(|lasts| lasts[usize::from(first & 31)] & bit(last) != 0)
    }

    /// A level written as a word of at least two letters, in any case; None for other words.
    pub fn from_word(word: &[u8]) -> Option<Level> {
        // Nearly all words are no level, which their ends and length tell.
        if !Level::may_be_word(*word.first()?, *word.last()?, word.len()) {
            return None;
        }
        let known = &SLOTS[slot(word)];
        ((short(word) ^ known.number) & !known.cases == 0).then_some(known.level)
    }

    /// A word that is a level where nothing else can stand, and a word like others elsewhere.
    ///
    /// PostgreSQL's and NestJS's LOG, MySQL's NOTE and SYSTEM, loguru's SUCCESS, .NET's `fail`.
    pub fn from_weak_word(word: &[u8]) -> Option<Level> {
        if !Level::may_be_word(*word.first()?, *word.last()?, word.len()) {
            return None;
        }
        WEAK.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }

    /// A level in another language than English, as programs with translated messages write it.
    pub fn from_localized(word: &[u8]) -> Option<Level> {
        let is_one = |(_, names): &&(Level, &[&str])| names.iter().any(|n| n.as_bytes() == word);
        LOCALIZED.iter().find(is_one).map(|(level, _)| *level)
    }

    /// A level written as one letter, as logcat and klog do; None for other letters.
    pub fn from_letter(letter: u8) -> Option<Level> {
        Some(match letter.to_ascii_uppercase() {
            b'V' | b'T' => Level::Trace,
            b'D' => Level::Debug,
            b'I' => Level::Info,
            b'N' => Level::Notice,
            b'W' => Level::Warn,
            b'E' => Level::Error,
            b'F' | b'C' | b'A' => Level::Fatal,
            _ => return None,
        })
    }

    /// The value of a level field (JSON, logfmt): a word, a letter, or a number.
    ///
    /// Numbers of 10 and more are those of bunyan and pino (10 trace to 60 fatal), below that
    /// syslog's severities (0 emergency to 7 debug). Of a word with a sign and digits behind it
    /// (slog's `INFO+2`) the word counts; names in other languages are those of
    /// [`from_localized`](Self::from_localized). A value that says nothing known is `Other`, an empty one
    /// `None`.
    pub fn from_field(value: &[u8]) -> Level {
        match value {
            [] => Level::None,
            [digit @ b'0'..=b'7'] => Level::from_severity(digit - b'0'),
            [b'0'..=b'9', b'0'..=b'9'] => match value[0] {
                b'1' => Level::Trace,
                b'2' => Level::Debug,
                b'3' => Level::Info,
                b'4' => Level::Warn,
                b'5' => Level::Error,
                b'6' => Level::Fatal,
                _ => Level::Other,
            },
            [letter] => Level::from_letter(*letter).unwrap_or(Level::Other),
            word => Level::from_word(word)
                .or_else(|| Level::from_localized(word))
                .unwrap_or_else(|| Level::from_rare_word(word)),
        }
    }

    #[cold]
    fn from_rare_word(text: &[u8]) -> Level {
        let sign = text.iter().position(|b| matches!(b, b'+' | b'-')).unwrap_or(text.len());
        let (word, offset) = text.split_at(sign);
        let known = Level::from_weak_word(text);
        let offset_known = offset.len() > 1 && offset[1..].iter().all(u8::is_ascii_digit);
        let shifted = if offset_known { Level::from_word(word) } else { None };
        known.or(shifted).unwrap_or(Level::Other)
    }

    /// A syslog severity, 0 to 7.
    pub fn from_severity(severity: u8) -> Level {
        match severity {
            0..=2 => Level::Fatal,
            3 => Level::Error,
            4 => Level::Warn,
            5 => Level::Notice,
            6 => Level::Info,
            7 => Level::Debug,
            _ => Level::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_words_and_letters() {
        assert_eq!(Level::from_field(b"30"), Level::Info);
        assert_eq!(Level::from_field(b"3"), Level::Error);
        assert_eq!(Level::from_field(b"warning"), Level::Warn);
        assert_eq!(Level::from_field(b"E"), Level::Error);
        assert_eq!(Level::from_field(b"audit"), Level::Other);
        assert_eq!(Level::from_field(b""), Level::None);
        assert_eq!(Level::from_field(b"INFO+2"), Level::Info);
        assert_eq!(Level::from_field(b"DEBUG-4"), Level::Debug);
        assert_eq!(Level::from_field(b"INFO+"), Level::Other);
        assert_eq!(Level::from_field(b"fail"), Level::Error);
        assert_eq!(Level::from_word(b"LOG"), None);
        assert_eq!(Level::from_word(b"I"), None);
    }

    #[test]
    fn words_as_numbers() {
        let text = b"CRITICALITY-01234";
        for len in 2..=16 {
            let mut bytes = [0; 16];
            bytes[..len].copy_from_slice(&text[..len]);
            assert_eq!(short(&text[..len]).to_le_bytes(), bytes);
        }
    }

    #[test]
    fn discriminants_and_list_agree() {
        for level in Level::ALL {
            assert_eq!(Level::from_u8(level as u8), Some(level));
        }
        assert_eq!(Level::from_u8(LEVELS as u8), None);
    }
}
