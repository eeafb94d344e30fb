//! Bytes that lines of some formats cannot lack.
//!
//! A line that no format of the plan takes meets all others, and a payload of an envelope meets most
//! of them: twenty trials, of which each reads the line's beginning to find that it is no line of
//! its. What most of them look for in vain is one of a few bytes, so a line is searched for these
//! once and only formats that find theirs are tried.

use super::Format;
use crate::lines::Line;
use crate::simd::Simd;

/// A set of bytes that a line has, or that a format needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// None.
    pub const NONE: Marks = Marks(0);
    /// `[`, and `/` or `-` three bytes behind it: a date as access logs have it.
    pub const DATE: Marks = Marks(1);
    /// `=`.
    pub const EQUALS: Marks = Marks(1 << 1);
    /// `|`, or `[` as the first byte.
    pub const BAR: Marks = Marks(1 << 2);
    /// A digit.
    pub const DIGIT: Marks = Marks(1 << 3);
    const ALL: Marks = Marks((1 << 4) - 1);

    /// Those of a line.
    #[inline(always)]
    fn of<S: Simd>(line: Line<'_>) -> Marks {
        /// What follows is not looked at: such a line may have any.
        const BYTES_MAX: usize = 256;
        if line.len() > BYTES_MAX {
            return Marks::ALL;
        }
        let (mut date, mut equals, mut bar, mut digit) = (0, 0, 0, 0);
        let mut at = 0;
        while at < line.len() {
            let separators = line.eq32::<S>(at + 3, b'/') | line.eq32::<S>(at + 3, b'-');
            date |= line.eq32::<S>(at, b'[') & separators;
            equals |= line.eq32::<S>(at, b'=');
            bar |= line.eq32::<S>(at, b'|');
            digit |= line.range32::<S>(at, b'0', b'9');
            at += 32;
        }
        bar |= u32::from(line.byte(0) == b'[');
        let all = [date, equals, bar, digit];
        Marks(all.iter().rev().fold(0, |marks, &found| marks << 1 | u8::from(found != 0)))
    }
}

/// What the formats of a list need.
pub struct Needs {
    /// For each mark, the formats that cannot do without it.
    formats: [u64; Marks::ALL.0.count_ones() as usize],
}

impl Needs {
    /// Those of up to 64 formats.
    pub fn of<'a>(formats: impl Iterator<Item = &'a Box<dyn Format>>) -> Needs {
        let mut needs = Needs { formats: Default::default() };
        for (i, format) in formats.enumerate() {
            for (mark, set) in needs.formats.iter_mut().enumerate() {
                *set |= u64::from(format.needs().0 >> mark & 1) << i;
            }
        }
        needs
    }

    /// The formats all of whose marks the line has.
    pub fn met(&self, line: Line<'_>) -> u64 {
        #[inline(always)]
        fn marks<S: Simd>(line: Line<'_>) -> Marks {
            Marks::of::<S>(line)
        }
        let marks = crate::dispatch!(marks::<>(line: Line<'_>) -> Marks; line);
        let missing = |mark: usize| u64::from(!marks.0 >> mark & 1).wrapping_neg();
        let unmet = self.formats.iter().enumerate().fold(0, |sum, (i, set)| sum | set & missing(i));
        !unmet
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Params, REGISTRY};
    use super::*;
    use crate::batch::Record;
    use crate::lines::PaddedLine;
    use crate::timestamp::Clock;
    use proptest::prelude::*;

    /// Lines of every format, in whole and with bytes taken out.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test_vectors/formats");
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let sample = std::fs::read(entry.unwrap().path().join("sample.log")).unwrap();
            lines.extend(
                sample.split(|&b| b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec),
            );
        }
        lines.sort();
        let gone = prop::sample::select(&b"[=|0123456789\"./-"[..]);
        (prop::sample::select(lines), prop::option::of(gone)).prop_map(|(mut line, gone)| {
            line.retain(|&byte| Some(byte) != gone);
            line
        })
    }

    proptest! {
        #[test]
        fn a_format_has_what_it_needs(line in line()) {
            let padded = PaddedLine::new(&line);
            let line = padded.line();
            prop_assume!(line.len() > 0);
            let formats: Vec<_> =
                REGISTRY.iter().map(|entry| (entry.build)(&Params::default())).collect();
            let met = Needs::of(formats.iter()).met(line);
            for (i, format) in formats.iter().enumerate().filter(|(_, f)| f.may_begin_with(line.byte(0))) {
                let mut context = Context::new(Clock::utc());
                let mut record = Record::EMPTY;
                let taken = format.parse_line(line, &mut context, &mut Vec::new(), &mut record);
                prop_assert!(!taken || met >> i & 1 != 0, "{}", REGISTRY[i].info.name);
            }
        }
    }
}
