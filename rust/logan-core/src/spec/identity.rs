//! What a source is, whatever its index in a job: where it came from, what it is called, and what
//! tells its content from that of others.

use crate::bytes::content::Content;
use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Longest origin or name: far more than systems allow for paths.
const NAME_BYTES_MAX: usize = 32 << 10;

/// What a source is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// What tells its decoded content from that of others. None while that is not known: of a stream
    /// or an archive before its end was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Where it was read: a path, a URL, "-".
    #[serde(default)]
    pub origin: String,
    /// What reports call it.
    #[serde(default)]
    pub name: String,
}

/// What two sources of different jobs are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// One source: of the same name or origin, and as far as can be told with the same content, if
    /// one of them has not grown meanwhile.
    Same,
    /// The same content under another name.
    Copy,
    /// They begin alike, with 4 KiB of the same bytes, but have other names and other ends: perhaps
    /// one is a copy of the other that has grown, perhaps they only have a beginning in common.
    Alike,
    /// Two different sources.
    Different,
}

impl Identity {
    /// What this source and another one, of another job, are to each other.
    pub fn relation(&self, other: &Identity) -> Relation {
        let (Some(ours), Some(theirs)) = (&self.content, &other.content) else {
            let same = self.name == other.name && self.origin == other.origin;
            return if same { Relation::Same } else { Relation::Different };
        };
        if !ours.same_head(theirs) {
            Relation::Different
        } else if self.name == other.name || self.origin == other.origin {
            Relation::Same
        } else if ours == theirs {
            Relation::Copy
        } else if ours.whole_head().is_some() && theirs.whole_head().is_some() {
            Relation::Alike
        } else {
            Relation::Different
        }
    }

    /// Whether the other one may be this source, of the same job, with more or less known of it.
    pub fn agrees(&self, other: &Identity) -> bool {
        self.name == other.name
            && self.origin == other.origin
            && match (&self.content, &other.content) {
                (Some(ours), Some(theirs)) => ours.same_head(theirs),
                _ => true,
            }
    }

    /// Its name for messages; `source` is its index.
    pub fn shown(&self, source: u32) -> String {
        match self.name.as_str() {
            "" => format!("source {source}"),
            "-" => "standard input".into(),
            name => super::printable(name),
        }
    }

    /// The server or bucket that it lies on: of `https://logs.example.org/a.log` the host, of
    /// `s3://bucket/a.log` the bucket; empty for files and streams.
    pub fn server(&self) -> &str {
        let Some((scheme, rest)) = self.origin.split_once("://") else { return "" };
        let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        if !is_scheme || scheme.eq_ignore_ascii_case("file") {
            return "";
        }
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        authority.rsplit_once('@').map_or(authority, |(_, host)| host)
    }

    /// Whether it is within bounds.
    ///
    /// # Errors
    /// [`Error::Spec`].
    pub fn check(&self) -> Result<(), Error> {
        if self.name.len().max(self.origin.len()) > NAME_BYTES_MAX {
            return Err(Error::Spec(format!("a name is longer than {NAME_BYTES_MAX} bytes")));
        }
        if self.content.as_ref().is_some_and(|content| !content.is_valid()) {
            return Err(Error::Spec("the hashes of a source's content are not complete".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str, bytes: &[u8]) -> Identity {
        let content = Some(Content::of(bytes, bytes, bytes.len() as u64));
        Identity { origin: format!("/logs/{name}"), name: name.into(), content }
    }

    #[test]
    fn servers() {
        for (origin, server) in [
            ("https://user:secret@logs.example.org:8443/a.log?x=@y", "logs.example.org:8443"),
            ("s3://bucket/a.log", "bucket"),
            ("s3://bucket", "bucket"),
            ("/var/log/a.log", ""),
            ("/odd/a://b", ""),
            ("file:///var/log/a.log", ""),
            ("-", ""),
        ] {
            let identity = Identity { origin: origin.into(), ..Identity::default() };
            assert_eq!(identity.server(), server, "{origin}");
        }
    }

    #[test]
    fn relations() {
        let log: Vec<u8> = (0..9_000u32).map(|i| (i * i % 253) as u8).collect();
        let mut other = log.clone();
        other[0] ^= 1;
        let noon = identity("a.log", &log[..6_000]);
        let pending = Identity { content: None, ..noon.clone() };
        for (them, expected) in [
            (noon.clone(), Relation::Same),
            (identity("a.log", &log), Relation::Same),
            (identity("a.log", &log[..100]), Relation::Same),
            (identity("a.log", &other), Relation::Different),
            (identity("a.log", b""), Relation::Same),
            (identity("b.log", &log[..6_000]), Relation::Copy),
            (identity("b.log", &log), Relation::Alike),
            (identity("b.log", &log[..100]), Relation::Different),
            (identity("b.log", &other), Relation::Different),
            (Identity { name: "b".into(), ..identity("a.log", &log) }, Relation::Same),
            (pending.clone(), Relation::Same),
            (Identity { name: "b.log".into(), ..pending }, Relation::Different),
        ] {
            assert_eq!(noon.relation(&them), expected, "{them:?}");
            assert_eq!(them.relation(&noon), expected, "{them:?}");
        }
    }
}
