//! How a source is stored: compressed, as the members of a container, or both. Told by its first
//! bytes, never by its name.

use super::decode::{Compression, Unpacker};
use crate::archive::containers::{tar, zip};

/// How a source is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// One log, compressed.
    Log(Compression),
    /// The members of a tar archive, compressed as a whole or not.
    Tar(Option<Compression>),
    /// The members of a zip archive.
    Zip,
}

impl From<Compression> for Packing {
    fn from(kind: Compression) -> Packing {
        Packing::Log(kind)
    }
}

impl Packing {
    /// All there are.
    pub fn all() -> impl Iterator<Item = Packing> {
        let logs = Compression::ALL.into_iter().map(Packing::Log);
        let tars = Compression::ALL.into_iter().map(Some).map(Packing::Tar);
        logs.chain([Packing::Tar(None), Packing::Zip]).chain(tars)
    }

    /// How a source is stored that begins with `head`, as far as it is seen from outside:
    /// [`Packing::Log`] may turn out to be a [`Packing::Tar`]. None if it is a log as it is.
    pub fn outer(head: &[u8]) -> Option<Packing> {
        if tar::begins(head) {
            return Some(Packing::Tar(None));
        }
        if zip::begins(head) {
            return Some(Packing::Zip);
        }
        Compression::of(head).map(Packing::Log)
    }

    /// How a source is stored that begins with `head`, of which some are decompressed.
    pub fn of(head: &[u8]) -> Option<Packing> {
        let outer = Packing::outer(head)?;
        let Packing::Log(kind) = outer else { return Some(outer) };
        let mut block = [0; tar::BLOCK_BYTES];
        let (filled, _) = Unpacker::new(kind, head).read(&mut block);
        Some(if tar::begins(&block[..filled]) { Packing::Tar(Some(kind)) } else { outer })
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Packing::Log(kind) => kind.name(),
            Packing::Tar(None) => "tar",
            Packing::Tar(Some(Compression::Gzip)) => "gzip+tar",
            Packing::Tar(Some(Compression::Zstd)) => "zstd+tar",
            Packing::Tar(Some(Compression::Bzip2)) => "bzip2+tar",
            Packing::Tar(Some(Compression::Xz)) => "xz+tar",
            Packing::Tar(Some(Compression::Lz4)) => "lz4+tar",
            Packing::Zip => "zip",
        }
    }

    /// The one with a name.
    pub fn by_name(name: &str) -> Option<Packing> {
        Packing::all().find(|packing| packing.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_come_back() {
        for packing in Packing::all() {
            assert_eq!(Packing::by_name(packing.name()), Some(packing));
        }
        assert_eq!(Packing::by_name("rar"), None);
        assert_eq!(Packing::of(b"2024-01-24 10:15:32 INFO x\n"), None);
        assert_eq!(Packing::of(b""), None);
    }
}
