//! Keys of group tables that are no plain value of one field: steps of time, inputs and what they
//! lie on, captures, and two parts together.
//!
//! The key of two parts is the first, [`BETWEEN`], and the second. In the first, a zero byte is
//! followed by [`ESCAPED`], so that every pair has a key of its own, and every key is one pair's.
//! A long part is shortened as tables shorten keys, so that both stay.

use crate::bytes::simd::Simd;
use crate::format;
use crate::format::access::request::outgoing_host;
use crate::format::keys::Keys;
use crate::record::{
    Batch, Block, Column, Field, Level, NO_ANSWER, NO_STATUS, NO_TIME, RouteNormalizer,
};
use crate::select::condition::group::{Group, Part, regex};
use crate::sketch::groups::shortened_to;
use crate::spec::Spec;
use crate::time::rfc3339;
use regex::bytes::{CaptureLocations, Regex};

/// What stands between the two parts of a key.
const BETWEEN: &[u8] = &[0, 0];
/// What follows a zero byte of the first part.
const ESCAPED: u8 = 1;

/// Bytes that one of two parts may have: both and what is between them fit a key.
const PART_BYTES_MAX: usize = 126;

/// Reads the keys of rows.
pub(super) struct KeyReader {
    parts: Vec<PartReader>,
    key: Vec<u8>,
}

struct PartReader {
    place: Place,
    capture: Option<(Regex, CaptureLocations)>,
}

/// Where the text of a part is.
enum Place {
    Status,
    Level,
    Format,
    Route(Box<RouteNormalizer>),
    Path,
    Method,
    Client,
    Message,
    Text(Column),
    Extra(usize),
    Outgoing,
    /// Texts by source; one that is empty is absent.
    OfSource(Vec<Vec<u8>>),
    /// Seconds of a step, and the last one with its text.
    Time {
        step_s: i64,
        last: i64,
        text: Vec<u8>,
    },
}

/// The texts of a record that has no value.
const NOTHING: Option<&[u8]> = None;

impl KeyReader {
    /// A reader of a group's keys; None if it asks for a key that is not read.
    pub(super) fn new(group: &Group, spec: &Spec, keys: &Keys) -> Option<KeyReader> {
        let parts: Option<Vec<PartReader>> =
            group.parts.iter().map(|part| PartReader::new(part, spec, keys)).collect();
        Some(KeyReader { parts: parts?, key: Vec::new() })
    }

    /// The key of a row; None if a part of it is absent.
    #[inline(always)]
    pub(super) fn key<'a, S: Simd>(
        &'a mut self,
        simd: S,
        batch: &'a Batch,
        block: Block<'a>,
        row: usize,
    ) -> Option<&'a [u8]> {
        let KeyReader { parts, key } = self;
        if parts.len() == 1 {
            return parts[0].text(simd, batch, block, row);
        }
        key.clear();
        for (i, part) in parts.iter_mut().enumerate() {
            let text = part.text(simd, batch, block, row)?;
            let (room, len);
            let text = if text.len() > PART_BYTES_MAX {
                (room, len) = shortened_to::<PART_BYTES_MAX>(text);
                &room[..len]
            } else {
                text
            };
            if i > 0 {
                key.extend_from_slice(BETWEEN);
                key.extend_from_slice(text);
            } else {
                for &byte in text {
                    key.push(byte);
                    if byte == 0 {
                        key.push(ESCAPED);
                    }
                }
            }
        }
        Some(key)
    }
}

impl PartReader {
    fn new(part: &Part, spec: &Spec, keys: &Keys) -> Option<PartReader> {
        let by_source = |text: &dyn Fn(usize) -> String| {
            let texts = (0..spec.sources.len()).map(|source| text(source).into_bytes());
            Place::OfSource(texts.collect())
        };
        let place = match part {
            Part::Time(step_s) => Place::Time { step_s: *step_s, last: i64::MIN, text: Vec::new() },
            Part::Outgoing => Place::Outgoing,
            Part::Timer => return None,
            Part::Source => by_source(&|i| spec.sources[i].identity.shown(i as u32)),
            Part::Origin => by_source(&|i| spec.sources[i].identity.server().to_string()),
            Part::Field(field) | Part::Capture(field, _) => match field {
                Field::Status => Place::Status,
                Field::Level => Place::Level,
                Field::Format => Place::Format,
                Field::Route => Place::Route(Box::default()),
                Field::Path => Place::Path,
                Field::Method => Place::Method,
                Field::Client => Place::Client,
                Field::Message => Place::Message,
                Field::Text(column) => Place::Text(*column),
                field => Place::Extra(keys.place(field)?),
            },
        };
        let capture = match part {
            Part::Capture(_, pattern) => {
                let regex = regex(pattern)?;
                let locations = regex.capture_locations();
                Some((regex, locations))
            }
            _ => None,
        };
        Some(PartReader { place, capture })
    }

    /// The text of a row; None if it is absent or empty.
    #[inline(always)]
    fn text<'a, S: Simd>(
        &'a mut self,
        simd: S,
        batch: &'a Batch,
        block: Block<'a>,
        row: usize,
    ) -> Option<&'a [u8]> {
        let PartReader { place, capture } = self;
        let text = place.text(simd, batch, block, row).filter(|text| !text.is_empty())?;
        let Some((regex, locations)) = capture else { return Some(text) };
        regex.captures_read(locations, text)?;
        let (start, end) = locations.get(1)?;
        (start < end).then(|| &text[start..end])
    }
}

impl Place {
    #[inline(always)]
    fn text<'a, S: Simd>(
        &'a mut self,
        simd: S,
        batch: &'a Batch,
        block: Block<'a>,
        row: usize,
    ) -> Option<&'a [u8]> {
        let column = match self {
            Place::Status => return status(batch.status()[row]).map(str::as_bytes),
            Place::Level => {
                let level = Level::from_u8(batch.level()[row]).filter(|&l| l != Level::None);
                return level.map(|level| level.name().as_bytes());
            }
            Place::Format => {
                return Some(format::name_at(usize::from(batch.format()[row])).as_bytes());
            }
            Place::Route(folder) => return folder.key(simd, batch, block, row).map(|(key, _)| key),
            Place::Outgoing => return outgoing_host(block.line_of(batch, row)),
            Place::OfSource(texts) => return texts.get(block.source as usize).map(Vec::as_slice),
            Place::Time { step_s, last, text } => {
                if batch.time_ns()[row] == NO_TIME {
                    return NOTHING;
                }
                let index = batch.second()[row].div_euclid(*step_s);
                if index != *last || text.is_empty() {
                    let start = index.saturating_mul(*step_s).saturating_mul(1_000_000_000);
                    (*last, *text) = (index, rfc3339(start).into_bytes());
                }
                return Some(text);
            }
            Place::Path => {
                let path = batch.path()[row].bytes(block.bytes, &batch.arena);
                let end = path.iter().position(|b| matches!(b, b'?' | b'#'));
                return Some(&path[..end.unwrap_or(path.len())]);
            }
            Place::Method => batch.method(),
            Place::Client => batch.client(),
            Place::Message => batch.message(),
            Place::Text(column) => batch.texts(*column)?,
            Place::Extra(column) => batch.extra(*column),
        };
        Some(column[row].bytes(block.bytes, &batch.arena))
    }
}

/// A status as text: three digits, 0 without an answer; None if there is none.
fn status(status: u16) -> Option<&'static str> {
    static DIGITS: [[u8; 3]; 1_000] = {
        let mut all = [[b'0'; 3]; 1_000];
        let mut code = 0;
        while code < 1_000 {
            let n = code as u16;
            all[code] = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
            code += 1;
        }
        all
    };
    match status {
        NO_STATUS => None,
        NO_ANSWER => Some("0"),
        code => DIGITS.get(usize::from(code)).and_then(|text| std::str::from_utf8(text).ok()),
    }
}

/// The two parts of a key that [`KeyReader`] made of two.
pub(super) fn split(key: &[u8]) -> [Vec<u8>; 2] {
    let mut first = Vec::new();
    let mut at = 0;
    while at < key.len() {
        first.push(key[at]);
        match (key[at], key.get(at + 1)) {
            (0, Some(0)) => {
                first.pop();
                return [first, key[at + 2..].to_vec()];
            }
            (0, Some(&ESCAPED)) => at += 2,
            _ => at += 1,
        }
    }
    // A key that was shortened as a whole, as it consists of zero bytes.
    [first, Vec::new()]
}

/// Two parts as one text that no two pairs share: a part in which a comma could end it, or that
/// begins with a quote, stands in quotes as in JSON.
pub(super) fn joined(parts: &[String; 2]) -> String {
    let shown = |part: &String| match part {
        part if part.contains(", ") || part.starts_with('"') || part.ends_with(',') => {
            serde_json::Value::from(part.as_str()).to_string()
        }
        part => part.clone(),
    };
    format!("{}, {}", shown(&parts[0]), shown(&parts[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key_of(first: &[u8], second: &[u8]) -> Vec<u8> {
        let escaped =
            first.iter().flat_map(|&b| [b, ESCAPED].into_iter().take(1 + usize::from(b == 0)));
        escaped.chain(BETWEEN.iter().copied()).chain(second.iter().copied()).collect()
    }

    #[test]
    fn statuses() {
        assert_eq!(
            [0, 1, 99, 100, 404, 999].map(status),
            [None, Some("0"), Some("099"), Some("100"), Some("404"), Some("999")]
        );
    }

    proptest! {
        #[test]
        fn keys_of_two_parts_come_apart(
            first in prop::collection::vec(prop::sample::select(vec![0u8, 1, b'a']), 1..6),
            second in prop::collection::vec(prop::sample::select(vec![0u8, 1, b'a']), 1..6),
        ) {
            prop_assert_eq!(split(&key_of(&first, &second)), [first, second]);
        }

        #[test]
        fn no_two_pairs_share_a_text(
            one in prop::array::uniform2("[a,\" ]{1,4}"),
            other in prop::array::uniform2("[a,\" ]{1,4}"),
        ) {
            prop_assert_eq!(joined(&one) == joined(&other), one == other);
        }
    }
}
