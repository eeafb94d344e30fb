//! How a source is stored: compressed, as the members of a container, or both. Told by its first
//! bytes, never by its name.

use super::decode::{Compression, Unpacker};
use crate::archive::containers::{tar, zip};

/// How a source is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// One log, compressed.
    Log(Compression),
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
        logs.chain([Container::Tar(None), Container::Zip]).chain(tars)
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
        let outer = Container::outer(head)?;
        let Container::Log(kind) = outer else { return Some(outer) };
        let mut block = [0; tar::BLOCK_BYTES];
        let (filled, _) = Unpacker::new(kind, head).read(&mut block);
        Some(if tar::begins(&block[..filled]) { Container::Tar(Some(kind)) } else { outer })
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Container::Log(kind) => kind.name(),
            Container::Tar(None) => "tar",
            Container::Tar(Some(Compression::Gzip)) => "gzip+tar",
            Container::Tar(Some(Compression::Zstd)) => "zstd+tar",
            Container::Tar(Some(Compression::Bzip2)) => "bzip2+tar",
            Container::Tar(Some(Compression::Xz)) => "xz+tar",
            Container::Tar(Some(Compression::Lz4)) => "lz4+tar",
            Container::Zip => "zip",
        }
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
            assert_eq!(Container::by_name(packing.name()), Some(packing));
        }
        assert_eq!(Container::by_name("rar"), None);
        assert_eq!(Container::of(b"2024-01-24 10:15:32 INFO x\n"), None);
        assert_eq!(Container::of(b""), None);
    }
}
