//! What lines of some formats cannot lack.
//!
//! A line that no format of the plan takes meets all others, and a payload of an envelope meets most
//! of them: twenty trials, of which each reads the line's beginning to find that it is no line of
//! its. What most of them look for in vain is one of a few things, so a line is searched for these
//! once and only formats that find theirs are tried.
//!
//! # Fast path `prefilter`
//! ```text
//! found = which of eight things the line has, by comparisons of 64 bytes
//! candidates = those whose needs are among what was found, from a table of all 256 sets
//! ```
//! Reference: trying every candidate. Compared by `a_format_has_what_it_needs` and
//! `tests/fast_paths.rs`. Gain: time without it 1.00 on logs of few formats, 1.03 on those with
//! a twentieth of lines of others (2026-11-28, AMD EPYC with AVX-512, other work beside it).

use super::Format;
use crate::bytes::line::Line;
use crate::bytes::simd::{Classes, Simd};
use crate::time::leading_digits;

/// A set of things that a line has, or that a format needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequiredBytes(u8);

impl RequiredBytes {
    /// None.
    pub const NONE: RequiredBytes = RequiredBytes(0);
    /// `[`, and `/` or `-` two to four bytes behind it: a date as access logs have it, `24/Jan`, `4/Jan` or
    /// `Jan/24`.
    pub const DATE: RequiredBytes = RequiredBytes(1);
    /// `=`.
    pub const EQUALS: RequiredBytes = RequiredBytes(1 << 1);
    /// `|`, or `[` as the first byte.
    pub const BAR: RequiredBytes = RequiredBytes(1 << 2);
    /// A digit, a colon and two digits: a time of day in its usual form. A line with colors may have
    /// them in between.
    pub const CLOCK: RequiredBytes = RequiredBytes(1 << 3);
    /// A time of day in any form that [`TimestampParser::any`](crate::time::TimestampParser::any) knows: as above, or
    /// with one digit behind the colon, with points, or as six digits or more, or as an epoch. At the
    /// front also with marks of Chinese, Japanese or Korean.
    pub const TIME: RequiredBytes = RequiredBytes(1 << 4);
    /// Four digits and `-` or `/` at the front.
    pub const YEAR_FIRST: RequiredBytes = RequiredBytes(1 << 5);
    /// Anything else at the front.
    pub const NO_YEAR_FIRST: RequiredBytes = RequiredBytes(1 << 6);
    /// `"`.
    pub const QUOTE: RequiredBytes = RequiredBytes(1 << 7);
    const ALL: RequiredBytes = RequiredBytes(u8::MAX);
    const OF_FRONT: RequiredBytes = RequiredBytes::YEAR_FIRST.or(RequiredBytes::NO_YEAR_FIRST);

    /// Both sets.
    pub const fn or(self, other: RequiredBytes) -> RequiredBytes {
        RequiredBytes(self.0 | other.0)
    }

    /// The set, if it is `wanted`.
    #[inline(always)]
    fn when(self, wanted: bool) -> RequiredBytes {
        RequiredBytes(self.0 * u8::from(wanted))
    }

    /// Those of a line.
    #[inline(always)]
    fn of<S: Simd>(simd: S, line: Line<'_>) -> RequiredBytes {
        /// What follows is not looked at: such a line may have any.
        const BYTES_MAX: usize = 256;
        let (digits, _) = leading_digits(line.u64_at(0));
        let year = digits == 4 && line.len() > 4 && matches!(line.byte(4), b'-' | b'/');
        let front = if year { RequiredBytes::YEAR_FIRST } else { RequiredBytes::NO_YEAR_FIRST };
        if line.len() > BYTES_MAX {
            return front.or(RequiredBytes(RequiredBytes::ALL.0 & !RequiredBytes::OF_FRONT.0));
        }
        let (mut date, mut equals, mut bar, mut quote, mut clock, mut time) = (0, 0, 0, 0, 0, 0);
        let mut at = 0;
        while at < line.len() {
            let sets = [DIGIT, OPENING, EQUALS, BAR, COLON, POINT, SEPARATOR, OTHER];
            let left = line.len() - at;
            let kept = if left < 64 { (1u64 << left) - 1 } else { u64::MAX };
            let window = line.window_at(at);
            let [d, opening, equal, bars, colon, point, separator, other] =
                window.classes(simd, &CLASSES, sets);
            let d = d & kept;
            let separator = separator & kept;
            date |= opening & (separator >> 2 | separator >> 3 | separator >> 4);
            equals |= equal & kept;
            bar |= bars & kept;
            quote |= window.eq(simd, b'"') & kept;
            let pairs = d & d >> 1;
            let clocks = d & colon >> 1 & pairs >> 2 | other & kept;
            let points = d & point >> 1 & pairs >> 2 & point >> 4 & pairs >> 5;
            let six = pairs & pairs >> 2 & pairs >> 4;
            // Programs that pad nothing write `0:0:7`.
            let unpadded = d & colon >> 1 & d >> 2;
            clock |= clocks;
            time |= clocks | unpadded | points | six;
            // What begins in the last bytes of a window is seen in whole by the next.
            at += 64 - (SPAN_BYTES - 1);
        }
        let first = line.byte(0) == b'[';
        // `2024年`, perhaps in brackets: behind it may be `10时15分`.
        let is_marked = line.byte(4) | line.byte(5) >= 0x80;
        front
            .or(RequiredBytes::DATE.when(date != 0))
            .or(RequiredBytes::EQUALS.when(equals != 0))
            .or(RequiredBytes::BAR.when(bar != 0 || first))
            .or(RequiredBytes::QUOTE.when(quote != 0))
            .or(RequiredBytes::CLOCK.when(clock != 0))
            .or(RequiredBytes::TIME.when(time != 0 || is_marked))
    }
}

/// Bytes of the longest thing that is looked for: `1.02.03`.
const SPAN_BYTES: usize = 7;

static CLASSES: Classes = Classes::new(&[
    (0b0000_0011_1111_1111, 1 << 0x3),
    (1 << 0xb, 1 << 0x5),
    (1 << 0xd, 1 << 0x3),
    (1 << 0xc, 1 << 0x7),
    (1 << 0xa, 1 << 0x3),
    (1 << 0xe, 1 << 0x2),
    (1 << 0xd | 1 << 0xf, 1 << 0x2),
    // ESC of colors, and `+` of exponents: behind them anything may be a time.
    (1 << 0xb, 1 << 0x1 | 1 << 0x2),
]);
const DIGIT: u8 = 1;
const OPENING: u8 = 1 << 1;
const EQUALS: u8 = 1 << 2;
const BAR: u8 = 1 << 3;
const COLON: u8 = 1 << 4;
const POINT: u8 = 1 << 5;
const SEPARATOR: u8 = 1 << 6;
const OTHER: u8 = 1 << 7;

/// What the formats of a list need.
pub struct Prefilter {
    /// For each set of marks, the formats that can do with them.
    met: Box<[u64; RequiredBytes::ALL.0 as usize + 1]>,
}

impl Prefilter {
    /// Those of up to 64 formats.
    pub fn of<'a>(formats: impl Iterator<Item = &'a Box<dyn Format>>) -> Prefilter {
        let mut met = Box::new([0; RequiredBytes::ALL.0 as usize + 1]);
        for (i, format) in formats.enumerate() {
            let needs = format.needs().0;
            for (marks, set) in met.iter_mut().enumerate() {
                *set |= u64::from(needs & !(marks as u8) == 0) << i;
            }
        }
        Prefilter { met }
    }

    /// A filter that lets all pass.
    pub fn none() -> Prefilter {
        Prefilter { met: Box::new([u64::MAX; RequiredBytes::ALL.0 as usize + 1]) }
    }

    /// The formats all of whose marks the line has.
    pub fn met(&self, line: Line<'_>) -> u64 {
        #[inline(always)]
        fn met_by<S: Simd>(simd: S, needs: &Prefilter, line: Line<'_>) -> u64 {
            needs.met_by(simd, line)
        }
        let needs = self;
        crate::dispatch!(met_by::<>(needs: &Prefilter, line: Line<'_>) -> u64; needs, line)
    }

    /// As [`met`](Self::met), where an instruction set is chosen.
    #[inline(always)]
    pub fn met_by<S: Simd>(&self, simd: S, line: Line<'_>) -> u64 {
        self.met[usize::from(RequiredBytes::of(simd, line).0)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Params, REGISTRY};
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::record::Record;
    use crate::time::TimestampParser;
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
        let gone = prop::sample::select(&b"[=|0123456789\"./-:"[..]);
        (prop::sample::select(lines), prop::option::of(gone)).prop_map(|(mut line, gone)| {
            line.retain(|&byte| Some(byte) != gone);
            line
        })
    }

    #[test]
    fn all_dates_of_access_logs_are_seen() {
        for date in ["24/Jan/2024", "4/Jan/2024", "Jan/24/2024", "01/24/2024"] {
            let text = format!("10.0.0.1 - - [{date}:10:15:32 +0000] \"GET / HTTP/1.1\" 200 5");
            let padded = PaddedLine::new(text.as_bytes());
            let common: Vec<_> = REGISTRY.iter().filter(|e| e.info.name == "common").collect();
            let format = (common[0].build)(&Params::default());
            let (mut context, mut record) = (Context::new(TimestampParser::utc()), Record::EMPTY);
            let taken =
                format.parse_line(padded.line(), &mut context, &mut Vec::new(), &mut record);
            assert!(taken, "{date}");
            assert_eq!(Prefilter::of([format].iter()).met(padded.line()), 1, "{date}");
        }
    }

    proptest! {
        #[test]
        fn each_timestamp_has_its_marks(
            before in "[ -~]{0,70}",
            text in "(Wed|wed|Jan|January|24|4|2024|240124|20240124|081109|1706091332|1\\.7060913e)[-/., TJ|_;:]{0,2}\
                     (24|4|Jan|jan|January|2024|\\+09)[-/., ]{0,2}(24|2024|10:15)?[-/., ]{0,2}\
                     (10:15:32|9:05:02|9:05|10\\.15\\.32|101532)?( AM| 2024|\\.123|Z|\\+09)?( x)?",
        ) {
            let padded = PaddedLine::new(format!("{before}{text}").as_bytes());
            let line = padded.line();
            let found = TimestampParser::utc().any(line, before.len()).is_some();
            let marks = RequiredBytes::of(crate::bytes::simd::Plain, line);
            prop_assert!(!found || marks.0 & RequiredBytes::TIME.0 != 0);
        }

        #[test]
        fn a_format_has_what_it_needs(line in line()) {
            let padded = PaddedLine::new(&line);
            let line = padded.line();
            prop_assume!(line.len() > 0);
            let formats: Vec<_> =
                REGISTRY.iter().map(|entry| (entry.build)(&Params::default())).collect();
            let met = Prefilter::of(formats.iter()).met(line);
            for (i, format) in formats.iter().enumerate().filter(|(_, f)| f.may_begin_with(line.byte(0))) {
                let mut context = Context::new(TimestampParser::utc());
                let mut record = Record::EMPTY;
                let taken = format.parse_line(line, &mut context, &mut Vec::new(), &mut record);
                prop_assert!(!taken || met >> i & 1 != 0, "{}", REGISTRY[i].info.name);
            }
        }
    }
}
