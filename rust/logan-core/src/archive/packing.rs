//! How a source is stored: compressed, as the members of a container, or both. Told by its first
//! bytes, never by its name.

use super::decode::{Compression, Unpacker};
use super::frames::LEARNED_BYTES;
use super::text::Text;
use crate::archive::containers::{tar, zip};

/// How a source is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// One log, compressed.
    Log(Compression),
    /// One log that is not lines of UTF-8, compressed or not.
    Text(Option<Compression>, Text),
    /// The members of a tar archive, compressed as a whole or not.
    Tar(Option<Compression>),
    /// The members of a zip archive.
    Zip,
}

impl From<Compression> for Container {
    fn from(kind: Compression) -> Container {
        Container::Log(kind)
    }
}

impl Container {
    /// All there are.
    pub fn all() -> impl Iterator<Item = Container> {
        let logs = Compression::ALL.into_iter().map(Container::Log);
        let tars = Compression::ALL.into_iter().map(Some).map(Container::Tar);
        let kinds = || std::iter::once(None).chain(Compression::ALL.map(Some));
        let texts = Text::all().flat_map(move |text| kinds().map(move |kind| (kind, text)));
        let texts = texts.map(|(kind, text)| Container::Text(kind, text));
        logs.chain([Container::Tar(None), Container::Zip]).chain(tars).chain(texts)
    }

    /// How a source is stored that begins with `head`, as far as it is seen from outside:
    /// [`Container::Log`] may turn out to be a [`Container::Tar`]. None if it is a log as it is.
    pub fn outer(head: &[u8]) -> Option<Container> {
        if tar::begins(head) {
            return Some(Container::Tar(None));
        }
        if zip::begins(head) {
            return Some(Container::Zip);
        }
        Compression::of(head).map(Container::Log)
    }

    /// How a source is stored that begins with `head`, of which some are decompressed.
    pub fn of(head: &[u8]) -> Option<Container> {
        let kind = match Container::outer(head) {
            None => return Text::of(head).map(|text| Container::Text(None, text)),
            Some(Container::Log(kind)) => kind,
            outer => return outer,
        };
        let mut first = vec![0; LEARNED_BYTES];
        let (filled, _) = Unpacker::new(kind, head).read(&mut first);
        let first = &first[..filled];
        if tar::begins(first) {
            return Some(Container::Tar(Some(kind)));
        }
        let text = Text::of(first).map(|text| Container::Text(Some(kind), text));
        Some(text.unwrap_or(Container::Log(kind)))
    }

    /// What of it is left of a log where its text is not decoded.
    pub(super) fn unpacked(self) -> Container {
        match self {
            Container::Text(Some(kind), _) => Container::Log(kind),
            packing => packing,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> String {
        let (kind, what) = match self {
            Container::Log(kind) => (Some(kind), None),
            Container::Text(kind, text) => (kind, Some(text.name())),
            Container::Tar(kind) => (kind, Some("tar")),
            Container::Zip => (None, Some("zip")),
        };
        let layers: Vec<_> = kind.map(Compression::name).into_iter().chain(what).collect();
        layers.join("+")
    }

    /// The one with a name.
    pub fn by_name(name: &str) -> Option<Container> {
        Container::all().find(|packing| packing.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_come_back() {
        for packing in Container::all() {
            assert_eq!(Container::by_name(&packing.name()), Some(packing));
        }
        assert_eq!(Container::by_name("rar"), None);
        assert_eq!(Container::of(b"2024-01-24 10:15:32 INFO x\n"), None);
        assert_eq!(Container::of(b""), None);
    }
}
