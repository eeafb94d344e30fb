//! Fingerprints: whether a file is still the one that was planned, from its edges and its inode.
//!
//! A log that is only written to at its end keeps the fingerprint of any range that was planned
//! before. Rotation, truncation and rewriting change it: by another inode, a smaller size, or
//! other bytes at the edges of the range. A rewrite in the middle that keeps size and edges shows
//! in the modification time alone, so that is reported apart, as a doubt.

use super::{Mode, Source};
use crate::bytes::content::{Content, EDGE_BYTES, heads_of};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::path::Path;
use std::sync::OnceLock;
use xxhash_rust::xxh3::xxh3_64;

/// What a planned file looked like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Bytes that are planned, from the file's start.
    pub size: u64,
    /// XXH3 of the first 4 KiB of them.
    pub head: u64,
    /// XXH3 of the last 4 KiB of them.
    pub tail: u64,
    /// XXH3 of shorter beginnings, as far as there are as many bytes; see [`Content::heads`].
    #[serde(default)]
    pub heads: Vec<u64>,
    /// The file's number on its device; 0 where there are none.
    pub inode: u64,
    /// The device's number on its host.
    pub device: u64,
    /// A number for the running host, since inodes and devices mean nothing on another one.
    pub host: u64,
    /// Last modification, in nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// What a file is, compared with its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The same, or the same and grown.
    Same,
    /// It was written to, but did not grow, and its edges are the same: perhaps modified in place.
    Touched,
    /// Another file or other bytes: why.
    Changed(String),
}

impl Fingerprint {
    /// The fingerprint of the first `size` bytes of a file, or of all that it has now.
    ///
    /// # Errors
    /// As [`Source::open`]; [`Error::Changed`](crate::error::Error::Changed) if the file is
    /// shorter than `size`.
    pub fn of(path: impl AsRef<Path>, size: Option<u64>) -> Result<Fingerprint> {
        let source = Source::open(path, Mode::READ)?;
        let size = size.unwrap_or(source.size());
        Fingerprint::of_source(&source, size)
    }

    /// The fingerprint of the first `size` bytes of an open file.
    ///
    /// # Errors
    /// [`Error::Changed`](crate::error::Error::Changed) if the file is shorter, and
    /// [`Error::Io`](crate::error::Error::Io).
    pub fn of_source(source: &Source, size: u64) -> Result<Fingerprint> {
        // The time first: a write during the hashing then shows as a time that moved.
        let metadata = source.metadata()?;
        let Edges { head, tail, heads } = match edges(source, size)? {
            Some(edges) => edges,
            None => return Err(source.truncated(source.metadata()?.len(), size)),
        };
        let Identity { inode, device, mtime_ns } = Identity::of(&metadata);
        Ok(Fingerprint { size, head, tail, heads, inode, device, host: host(), mtime_ns })
    }

    /// What tells the planned bytes from other logs; None of a fingerprint that a logan of before
    /// this knew took.
    pub fn content(&self) -> Option<Content> {
        let content = Content { length: self.size, heads: self.heads.clone(), tail: self.tail };
        content.is_valid().then_some(content)
    }

    /// Compares an open file with the fingerprint.
    ///
    /// Before a scan this says whether the plan still holds; after it, on the same source, whether
    /// the bytes that were read were all of one file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io).
    pub fn check(&self, source: &Source) -> Result<Check> {
        let edges = edges(source, self.size)?;
        // The time last: whatever was written before the edges were hashed has moved it.
        let metadata = source.metadata()?;
        let now = Identity::of(&metadata);
        let changed = |why: String| Ok(Check::Changed(why));
        if metadata.len() < self.size {
            return changed(format!("{} bytes, planned {}", metadata.len(), self.size));
        }
        if self.host == host() && self.device == now.device && self.inode != now.inode {
            return changed("another file has taken its place (rotated?)".into());
        }
        let Some(Edges { head, tail, .. }) = edges else {
            return changed("truncated for a moment".into());
        };
        if head != self.head {
            return changed("its first bytes are others than planned (rewritten?)".into());
        }
        if tail != self.tail {
            return changed("the last planned bytes are others than planned (rewritten?)".into());
        }
        if metadata.len() == self.size && self.host == host() && self.mtime_ns != now.mtime_ns {
            return Ok(Check::Touched);
        }
        Ok(Check::Same)
    }
}

/// What the file system says a file is.
struct Identity {
    inode: u64,
    device: u64,
    mtime_ns: i64,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Identity {
        use std::os::unix::fs::MetadataExt;
        Identity {
            inode: metadata.ino(),
            device: metadata.dev(),
            mtime_ns: metadata
                .mtime()
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec()),
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Identity {
        let since_1970 =
            metadata.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let mtime_ns = since_1970.map_or(0, |d| d.as_nanos() as i64);
        Identity { inode: 0, device: 0, mtime_ns }
    }
}

/// Hashes of the first and the last bytes of a planned range.
struct Edges {
    head: u64,
    tail: u64,
    heads: Vec<u64>,
}

/// The hashes at the edges of the first `size` bytes; None if the file is shorter.
fn edges(source: &Source, size: u64) -> Result<Option<Edges>> {
    let mut buffer = [0; EDGE_BYTES];
    let edge = &mut buffer[..size.min(EDGE_BYTES as u64) as usize];
    if source.read_at(0, edge)? < edge.len() {
        return Ok(None);
    }
    let (head, heads) = (xxh3_64(edge), heads_of(edge));
    if source.read_at(size - edge.len() as u64, edge)? < edge.len() {
        return Ok(None);
    }
    Ok(Some(Edges { head, tail: xxh3_64(edge), heads }))
}

/// A number that is the same for all processes of this host until it starts again.
fn host() -> u64 {
    static HOST: OnceLock<u64> = OnceLock::new();
    *HOST.get_or_init(|| xxh3_64(&host_name()))
}

fn host_name() -> Vec<u8> {
    #[cfg(target_os = "linux")]
    if let Ok(boot) = std::fs::read("/proc/sys/kernel/random/boot_id") {
        return boot;
    }
    #[cfg(unix)]
    {
        let mut name = vec![0u8; 256];
        // SAFETY: the pointer and length are those of the buffer.
        unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len()) };
        name
    }
    #[cfg(not(unix))]
    std::env::var_os("COMPUTERNAME").unwrap_or_default().into_encoded_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Scratch;
    use super::*;
    use crate::error::Error;
    use std::fs::{self, File};
    use std::io::{Seek, SeekFrom, Write};
    use std::time::{Duration, SystemTime};

    const SIZE: usize = 20_000;

    fn file(name: &str) -> Scratch {
        Scratch::new(&format!("fingerprint-{name}"), &[b'x'; SIZE])
    }

    fn check(fingerprint: &Fingerprint, path: &Path) -> Check {
        fingerprint.check(&Source::open(path, Mode::READ).unwrap()).unwrap()
    }

    /// Writes one byte and sets a time that differs, however coarse the clock of files is.
    fn write_at(path: &Path, offset: usize, byte: u8) {
        let mut file = File::options().write(true).open(path).unwrap();
        file.seek(SeekFrom::Start(offset as u64)).unwrap();
        file.write_all(&[byte]).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn a_file_at_rest_or_growing_is_the_same() {
        let file = file("same");
        let fingerprint = Fingerprint::of(&file.0, None).unwrap();
        assert_eq!(fingerprint.size, SIZE as u64);
        assert_eq!(check(&fingerprint, &file.0), Check::Same);
        write_at(&file.0, SIZE, b'y');
        assert_eq!(check(&fingerprint, &file.0), Check::Same);
        let part = Fingerprint::of(&file.0, Some(5_000)).unwrap();
        assert_eq!((part.size, check(&part, &file.0)), (5_000, Check::Same));
    }

    #[test]
    fn a_write_between_the_edges_is_a_doubt() {
        let file = file("touched");
        let fingerprint = Fingerprint::of(&file.0, None).unwrap();
        write_at(&file.0, SIZE / 2, b'y');
        assert_eq!(check(&fingerprint, &file.0), Check::Touched);
    }

    #[test]
    fn other_edges_are_a_change() {
        for (at, word) in [(0, "first"), (4095, "first"), (SIZE - 4096, "last"), (SIZE - 1, "last")]
        {
            let file = file("edges");
            let fingerprint = Fingerprint::of(&file.0, None).unwrap();
            write_at(&file.0, at, b'y');
            let found = check(&fingerprint, &file.0);
            assert!(matches!(&found, Check::Changed(why) if why.contains(word)), "{found:?}");
        }
    }

    #[test]
    fn a_shorter_file_is_a_change() {
        let file = file("shorter");
        let fingerprint = Fingerprint::of(&file.0, None).unwrap();
        File::options().write(true).open(&file.0).unwrap().set_len(SIZE as u64 - 1).unwrap();
        let expected = Check::Changed(format!("{} bytes, planned {SIZE}", SIZE - 1));
        assert_eq!(check(&fingerprint, &file.0), expected);
        let error = Fingerprint::of(&file.0, Some(SIZE as u64)).unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn another_inode_counts_on_the_same_host_only() {
        let file = file("rotated");
        let mut fingerprint = Fingerprint::of(&file.0, None).unwrap();
        let open = Source::open(&file.0, Mode::READ).unwrap();
        let old = Scratch(file.0.with_extension("1"));
        fs::rename(&file.0, &old.0).unwrap();
        fs::write(&file.0, [b'x'; SIZE]).unwrap();
        let found = check(&fingerprint, &file.0);
        assert!(matches!(&found, Check::Changed(why) if why.contains("rotated")), "{found:?}");
        assert_eq!(fingerprint.check(&open).unwrap(), Check::Same, "what is open is still the old");
        fingerprint.host ^= 1;
        assert_eq!(check(&fingerprint, &file.0), Check::Same);
    }

    #[test]
    fn survives_json() {
        for len in [0, 1, 4096, 4097] {
            let file = Scratch::new("fingerprint-json", &vec![b'x'; len]);
            let fingerprint = Fingerprint::of(&file.0, None).unwrap();
            let text = serde_json::to_string(&fingerprint).unwrap();
            assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), fingerprint);
            assert_eq!(check(&fingerprint, &file.0), Check::Same);
        }
    }
}
