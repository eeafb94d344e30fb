//! Levels in the dress of one program, where the general rule of [`levels`](super::levels) would see
//! none.
//!
//! Behind the timestamp:
//! - `]i301: `, `]w348: `, `]e000: `: a letter and three digits (bootstrappers of WiX);
//! - `| vmx| I125: `: the same in capitals, behind a name between bars (VMware's hosts);
//! - ` info vpxd[1234] `: in small letters, before a name and a number in brackets (VMware's servers);
//! - ` Puppet (notice): `;
//! - ` [ info sync.x ]`: in small letters behind a bracket and a space, before a name (Qt's categories);
//! - `[C][wifi:036]: `: before a name and three digits or more, with `C` for the configuration and `V` or
//!   `VV` for the finest (ESPHome);
//! - ` ANS1228E `: three or four capitals, four digits and a letter of `IWES` (IBM's numbers of messages).
//! - ` *ERROR* [`: between asterisks (Sling).
//! - `0x1b2a     Fault       0x3c5                456    0    `: the type in the third of its columns
//!   (`log show` of macOS), of which `Default` is a message without a level of its own, so INFO;
//! - ` F  mds[456:1b2b] `: the same as `A`, `Df`, `I`, `Db`, `E` or `F` (its style `compact`).
//!
//! Before it:
//! - `[info 2024`: alone behind a bracket (Geode);
//! - `*ERROR* …`: between asterisks at the front (PrestaShop);
//! - `…] debug @`: in small letters behind a group in brackets and before `@` (Dancer);
//! - `!ENTRY org.eclipse.ui 4 0 `: the second of three words, 1 (information), 2 (warning) or 4 (error) (Eclipse).

use crate::format::slices::{digits, letters};
use crate::record::Level;

/// The level at the front of what stands behind a timestamp, and where it ends.
#[inline(always)]
pub(super) fn behind_time(text: &[u8]) -> Option<(Level, usize)> {
    match text {
        [b']', letter @ (b'i' | b'w' | b'e'), rest @ ..] if digits(rest) == 3 => {
            (rest.get(3) == Some(&b':')).then(|| of_letter(*letter, 5))?
        }
        [b']', b'[', rest @ ..] => of_esphome(rest, 2),
        [b'[', rest @ ..] => of_esphome(rest, 1),
        [b'|', b' ', ..] => of_vmware(text),
        [b' ', b'a'..=b'z', ..] => of_server(text),
        [b' ', b'P', b'u', ..] => {
            let word = text.strip_prefix(b" Puppet (")?;
            let len = letters(word);
            let level = Level::from_word(&word[..len]).filter(|_| word[len..].starts_with(b"):"));
            level.map(|level| (level, 9 + len + 1))
        }
        [b' ', b'[', b' ', b'a'..=b'z', ..] => {
            let word = &text[3..];
            let len = letters(word);
            let is_one = is_small(&word[..len]) && matches!(word[len..], [b' ', b'a'..=b'z', ..]);
            Some((Level::from_word(&word[..len]).filter(|_| is_one)?, 3 + len))
        }
        [b' ', b'*', word @ ..] => {
            let len = letters(word);
            let level = Level::from_word(&word[..len]).filter(|_| word[len..].starts_with(b"* "));
            level.map(|level| (level, 2 + len + 1))
        }
        [b' ', b'0', b'x', ..] => of_macos(text),
        [b' ', b'A' | b'D' | b'E' | b'F' | b'I', b' ' | b'b' | b'f', b' ', ..] => {
            of_macos_compact(text)
        }
        [b' ', b'A'..=b'Z', ..] => of_number(text),
        _ => None,
    }
}

fn is_small(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_lowercase)
}

fn of_letter(letter: u8, end: usize) -> Option<(Level, usize)> {
    Level::from_letter(letter.to_ascii_uppercase()).map(|level| (level, end))
}

/// The level of `C][wifi:036]: ` at `at`.
///
/// Source: <https://esphome.io/components/logger/>.
fn of_esphome(text: &[u8], at: usize) -> Option<(Level, usize)> {
    let len = letters(text);
    let level = match &text[..len] {
        b"C" | b"D" => Level::Debug,
        b"V" | b"VV" => Level::Trace,
        [letter @ (b'I' | b'W' | b'E')] => Level::from_letter(*letter)?,
        _ => return None,
    };
    let name = text[len..].strip_prefix(b"][")?;
    let colon = name.iter().position(|b| matches!(b, b':' | b']' | b' '))?;
    let place = name[colon..].strip_prefix(b":")?;
    let count = digits(place);
    let is_one = colon > 0 && count >= 3 && place[count..].starts_with(b"]:");
    is_one.then_some((level, at + len))
}

fn of_vmware(text: &[u8]) -> Option<(Level, usize)> {
    let name = text[2..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    let rest = text[2 + name..].strip_prefix(b"| ").filter(|_| name > 0)?;
    let letter = *rest.first().filter(|letter| matches!(letter, b'I' | b'W' | b'E'))?;
    let is_one = digits(&rest[1..]) == 3 && rest.get(4) == Some(&b':');
    is_one.then(|| of_letter(letter, 2 + name + 2 + 4))?
}

fn of_server(text: &[u8]) -> Option<(Level, usize)> {
    let len = letters(&text[1..]);
    let word = &text[1..1 + len];
    let rest = text[1 + len..].strip_prefix(b" ").filter(|_| is_small(word))?;
    let name = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'-').count();
    let number = rest[name..].strip_prefix(b"[").filter(|_| name > 0)?;
    let count = digits(number);
    let is_one = count > 0 && number.get(count) == Some(&b']');
    Some((Level::from_word(word).filter(|_| is_one)?, 1 + len))
}

/// The level of ` 0x1b2a     Fault       0x3c5                456    0    mds: `.
///
/// Source: <https://developer.apple.com/documentation/os/generating-log-messages-from-your-code>.
#[cold]
#[inline(never)]
fn of_macos(text: &[u8]) -> Option<(Level, usize)> {
    let is_address = |word: &[u8]| {
        let digits = word.strip_prefix(b"0x").unwrap_or_default();
        !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)
    };
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    let mut words = text.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let (thread, kind, activity) = (words.next()?, words.next()?, words.next()?);
    let (process, lasts) = (words.next()?, words.next()?);
    let level = match kind {
        b"Default" | b"Info" | b"Activity" => Level::Info,
        b"Debug" => Level::Debug,
        b"Error" => Level::Error,
        b"Fault" => Level::Fatal,
        _ => return None,
    };
    let is_one =
        is_address(thread) && is_address(activity) && is_number(process) && is_number(lasts);
    let end = lasts.as_ptr() as usize + lasts.len() - text.as_ptr() as usize;
    is_one.then_some((level, end))
}

/// The level of ` Df kernel[0:1b2a] `.
#[cold]
#[inline(never)]
fn of_macos_compact(text: &[u8]) -> Option<(Level, usize)> {
    let len = letters(&text[1..]);
    let level = match &text[1..1 + len] {
        b"A" | b"Df" | b"I" => Level::Info,
        b"Db" => Level::Debug,
        b"E" => Level::Error,
        b"F" => Level::Fatal,
        _ => return None,
    };
    let process = text[1 + len..].trim_ascii_start();
    let name = process.iter().position(|b| *b == b'[').filter(|&name| name > 0)?;
    let ids = &process[name + 1..];
    let id = digits(ids);
    let thread = ids[id..].strip_prefix(b":").filter(|_| id > 0)?;
    let count = thread.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    (count > 0 && thread.get(count) == Some(&b']')).then_some((level, 1 + len))
}

fn of_number(text: &[u8]) -> Option<(Level, usize)> {
    let name = text[1..].iter().take_while(|b| b.is_ascii_uppercase()).count();
    let rest = &text[1 + name..];
    if !matches!(name, 3 | 4) || digits(rest) != 4 || !matches!(rest.get(5), Some(b' ' | b':')) {
        return None;
    }
    let level = match rest[4] {
        b'I' => Level::Info,
        b'W' => Level::Warn,
        b'E' | b'S' => Level::Error,
        _ => return None,
    };
    Some((level, 1 + name + 5))
}

/// The level in what stands before a timestamp.
pub(super) fn before_time(before: &[u8]) -> Option<Level> {
    let text = before.trim_ascii_end();
    match text {
        [b'[' | b'(' | b'<', word @ ..] => match Level::from_word(word) {
            Some(level) => Some(level),
            None => of_dancer(text),
        },
        [b'*', rest @ ..] => {
            let len = letters(rest);
            Level::from_word(&rest[..len]).filter(|_| rest.get(len) == Some(&b'*'))
        }
        [b'!', ..] => {
            let mut words = text.strip_prefix(b"!ENTRY ")?.split(|b| *b == b' ');
            match (words.next(), words.next()?, words.next(), words.next()) {
                (Some(_), b"1", Some(_), None) => Some(Level::Info),
                (Some(_), b"2", Some(_), None) => Some(Level::Warn),
                (Some(_), b"4", Some(_), None) => Some(Level::Error),
                _ => None,
            }
        }
        _ => None,
    }
}

fn of_dancer(text: &[u8]) -> Option<Level> {
    let text = text.strip_suffix(b"@")?.strip_suffix(b" ")?;
    let start = text.iter().rposition(|b| *b == b' ')? + 1;
    let word = &text[start..];
    Level::from_word(word).filter(|_| is_small(word) && text[..start].ends_with(b"] "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_programs() {
        for (text, level, rest) in [
            ("]i301: x", Level::Info, ": x"),
            ("]w348: x", Level::Warn, ": x"),
            ("]e000: x", Level::Error, ": x"),
            ("| vmx| I125: x", Level::Info, ": x"),
            ("| vcpu-0| E105: x", Level::Error, ": x"),
            (" info vpxd[1234] [x", Level::Info, " vpxd[1234] [x"),
            (" Puppet (notice): x", Level::Notice, ": x"),
            (" [ info sync.x ]:\tx", Level::Info, " sync.x ]:\tx"),
            (" ANS1228E Sending", Level::Error, " Sending"),
            (" *WARN* [main] a", Level::Warn, " [main] a"),
            (" SRVE0242I: x", Level::Info, ": x"),
            (" ANR2017W x", Level::Warn, " x"),
            ("][C][wifi:036]: x", Level::Debug, "][wifi:036]: x"),
            ("[VV][api.connection:1412]: x", Level::Trace, "][api.connection:1412]: x"),
            ("[E][mqtt:034]: x", Level::Error, "][mqtt:034]: x"),
            (" 0x9f3    Fault    0x1c    81    0    sharingd: x", Level::Fatal, "    sharingd: x"),
            (" 0x9f3    Error    0x0    81   14   sharingd: x", Level::Error, "   sharingd: x"),
            (" 0x9f3    Default  0x0    0    0    kernel: x", Level::Info, "    kernel: x"),
            (" 0x9f3    Debug    0x0    0    0    kernel: x", Level::Debug, "    kernel: x"),
            (" Df sharingd[81:9f3] x", Level::Info, " sharingd[81:9f3] x"),
            (" F  Google Chrome[81:9f3] x", Level::Fatal, "  Google Chrome[81:9f3] x"),
            (" Db kernel[0:9f3] x", Level::Debug, " kernel[0:9f3] x"),
        ] {
            let found = behind_time(text.as_bytes());
            assert_eq!(found.map(|(l, end)| (l, &text[end..])), Some((level, rest)), "{text}");
        }
        for none in [
            "]i30: x",
            "][C][wifi]: x",
            "[C][12:34]: x",
            "[C] [wifi:036]: x",
            "]a000: x",
            "| I125: x",
            "| vmx| A125: x",
            " info vpxd: x",
            " error in vpxd[12] x",
            " Puppet (x): y",
            " [ info ] x",
            " ABCD1234X x",
            " AB1234E x",
            " ABC12345E x",
            " 0x9f3 Fault line",
            " 0x9f3    Fault    x    81    0    sharingd: x",
            " 0x9f3    Error    0x0    web    0    x",
            " 0x    Error    0x0    81    0    x",
            " F  sharingd[81] x",
            " Fx sharingd[81:9f3] x",
            " E  failed",
        ] {
            assert_eq!(behind_time(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn levels_before_timestamps() {
        for (text, level) in [
            ("[info ", Some(Level::Info)),
            ("[1234] debug @", Some(Level::Debug)),
            ("[1234] Debug @", None),
            ("x debug @", None),
            ("*ERROR* \tv1.7.8\t", Some(Level::Error)),
            ("!ENTRY org.eclipse.ui 4 0 ", Some(Level::Error)),
            ("!ENTRY org.eclipse.ui 2 1234 ", Some(Level::Warn)),
            ("!ENTRY org.eclipse.ui 7 0 ", None),
            ("!ENTRY 4 0 ", None),
            ("*ERROR ", None),
            ("[web ", None),
        ] {
            assert_eq!(before_time(text.as_bytes()), level, "{text}");
        }
    }
}
