//! The decoder of a source that is not stored as it is: its layers as one.

use super::decode::{Bytes, Fault, Stored, Unpacker};
use super::members::{Below, Contents, Members};
use super::packing::Container;
use super::text::Decoded;
use crate::detect::SAMPLE_LINES_MAX;

/// Logs of a container that are sampled.
const SAMPLED_LOGS_MAX: usize = 64;

/// Bytes of two files that are compared at once.
const COMPARED_BYTES: usize = 64 << 10;

/// Most bytes that are decoded for a sample, so that a bomb is none there.
const SAMPLE_PRODUCED_MAX: u64 = 64 << 20;

/// Decodes a source: what was compressed, or the logs in a container, one after the other.
pub struct Decoder<R: Stored> {
    layers: Layers<R>,
}

enum Layers<R: Stored> {
    Log { unpacker: Box<Unpacker<R>>, ended: bool },
    Text { decoded: Box<Decoded<Below<R>>>, ended: bool },
    Members(Members<R>),
}

impl<R: Stored> Decoder<R> {
    /// A decoder of what `stored` has. With `any_text` all members of a container are logs but
    /// binary ones, not only those of a known format.
    pub fn new(packing: impl Into<Container>, stored: R, any_text: bool) -> Decoder<R> {
        let layers = match packing.into() {
            Container::Log(kind) => {
                Layers::Log { unpacker: Box::new(Unpacker::new(kind, stored)), ended: false }
            }
            Container::Text(kind, text) => {
                let decoded = Decoded::new(text, Vec::new(), None, Below::new(kind, stored));
                Layers::Text { decoded: Box::new(decoded), ended: false }
            }
            packing => Layers::Members(Members::new(packing, stored, any_text)),
        };
        Decoder { layers }
    }

    /// Stored bytes decoded so far.
    pub fn position(&self) -> u64 {
        match &self.layers {
            Layers::Log { unpacker, .. } => unpacker.position(),
            Layers::Text { decoded, .. } => {
                decoded.below().unpacker().map_or(decoded.position(), Unpacker::position)
            }
            Layers::Members(members) => members.position(),
        }
    }

    /// Members that were decoded: those of a container that are logs, else all to their end.
    pub fn members(&self) -> u64 {
        match &self.layers {
            Layers::Log { unpacker, .. } => unpacker.members(),
            Layers::Text { decoded, .. } => decoded.below().unpacker().map_or(1, Unpacker::members),
            Layers::Members(members) => members.contents().logs(),
        }
    }

    /// Where stored bytes begin that are not part of the archive, if there are such behind it.
    pub fn foreign_at(&self) -> Option<u64> {
        match &self.layers {
            Layers::Log { unpacker, .. } => unpacker.foreign_at(),
            Layers::Text { decoded, .. } => decoded.below().unpacker()?.foreign_at(),
            Layers::Members(members) => members.foreign_at(),
        }
    }

    /// Bytes that were made of the stored ones, also those that were left out.
    pub fn produced(&self) -> u64 {
        match &self.layers {
            Layers::Log { unpacker, .. } => unpacker.produced(),
            Layers::Text { decoded, .. } => decoded.position(),
            Layers::Members(members) => members.produced(),
        }
    }

    /// What the members of a container were; None of what has none.
    pub fn contents(&self) -> Option<&Contents> {
        match &self.layers {
            Layers::Log { .. } | Layers::Text { .. } => None,
            Layers::Members(members) => Some(members.contents()),
        }
    }

    /// Whether nothing comes any more.
    pub fn ended(&self) -> bool {
        match &self.layers {
            Layers::Log { ended, .. } | Layers::Text { ended, .. } => *ended,
            Layers::Members(members) => members.ended(),
        }
    }

    /// Decodes to `output`: how many bytes, and why it ended where it should not have. Fewer bytes
    /// than there is room for come at the [end](Self::ended), and after much that was left out.
    pub fn read(&mut self, output: &mut [u8]) -> (usize, Result<(), Fault>) {
        match &mut self.layers {
            Layers::Log { unpacker, ended } => {
                let (filled, result) = unpacker.read(output);
                *ended = filled < output.len() || result.is_err();
                (filled, result)
            }
            Layers::Text { decoded, ended } => {
                let mut filled = 0;
                while filled < output.len() && !*ended {
                    match decoded.read(&mut output[filled..]) {
                        Ok(count) => (filled, *ended) = (filled + count, count == 0),
                        Err(fault) => {
                            *ended = true;
                            return (filled, Err(fault));
                        }
                    }
                }
                (filled, Ok(()))
            }
            Layers::Members(members) => members.read(output),
        }
    }
}

/// Whether a log is compressed that a plain file has, all of it or its beginning. What the archive
/// lacks, as it is still being written, is not looked for.
pub fn is_copy<R: Stored>(packing: Container, stored: R, mut plain: impl Stored) -> bool {
    if !matches!(packing, Container::Log(_) | Container::Text(Some(_), _)) {
        return false;
    }
    let mut decoder = Decoder::new(packing.unpacked(), stored, true);
    let (mut decoded, mut bytes) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
    let mut compared = false;
    loop {
        let (filled, result) = decoder.read(&mut decoded);
        let mut at = 0;
        while at < filled {
            match plain.read(&mut bytes[..filled - at]) {
                Ok(count) if count > 0 && bytes[..count] == decoded[at..at + count] => at += count,
                _ => return false,
            }
        }
        compared |= filled > 0;
        match result {
            Ok(()) if !decoder.ended() => {}
            Ok(()) | Err(Fault::Truncated) => return compared,
            Err(_) => return false,
        }
    }
}

/// The first bytes of an archive of which `stored` is the beginning: at most `limit`, fewer if
/// they or the archive end before. Of a container the beginnings of its first logs, in whole lines.
/// For detection, which a fault further on does not concern.
pub fn decode_head(packing: Container, stored: &[u8], limit: usize) -> Vec<u8> {
    match packing {
        packing @ (Container::Log(_) | Container::Text(..)) => {
            let mut head = vec![0; limit];
            let (filled, _) = Decoder::new(packing, stored, false).read(&mut head);
            head.truncate(filled);
            head
        }
        packing => {
            // Where there are few logs, there is more of each.
            let samples = |most: usize| {
                let mut members = Members::new(packing, stored, false);
                let next = || members.sample(most, SAMPLE_PRODUCED_MAX);
                std::iter::from_fn(next).take(SAMPLED_LOGS_MAX).collect::<Vec<_>>()
            };
            let logs = samples(0).len().max(1);
            // Detection looks at so many lines in all.
            let lines = SAMPLE_LINES_MAX / logs;
            let cut = |mut sample: Vec<u8>| {
                let last = memchr::memchr_iter(b'\n', &sample).nth(lines - 1);
                sample.truncate(last.map_or(sample.len(), |newline| newline + 1));
                sample
            };
            samples(limit / logs).into_iter().flat_map(cut).collect()
        }
    }
}
