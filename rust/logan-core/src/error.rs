//! What can go wrong in the engine, in words for the user that has to act on it.
//!
//! Every message names the input, says what is at fault (the input, the caller, the disk) and what
//! to do next. Nothing here knows of exit codes or of Python: `logan-py` maps the variants.

use std::io;
use std::path::{Path, PathBuf};

/// The engine's result.
pub type Result<T> = std::result::Result<T, Error>;

/// The kind of an [`Error::Panic`].
pub const PANIC: &str = "panic";
/// The kind of an [`Error::Cancelled`].
pub const CANCELLED: &str = "cancelled";

impl Error {
    /// What kind of failure of an input it is, as a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Changed { .. } => "changed",
            Error::Cancelled => CANCELLED,
            Error::Archive { .. } => "archive",
            Error::Panic { .. } => PANIC,
            _ => "unreadable",
        }
    }
}

/// The engine's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused, or the path is not a file that can be read in any order.
    #[error("{}: {source}{}", path.display(), advice(source.kind()))]
    Io {
        /// The input.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// The input is no longer the one that was planned: its metrics would not be of one file.
    #[error(
        "{}: the file changed: {why}; its results are left out; \
         analyze it again when nothing rewrites it, or analyze a copy",
        path.display()
    )]
    Changed {
        /// The input.
        path: PathBuf,
        /// What was seen.
        why: String,
    },

    /// A compressed input cannot be decoded to its end.
    #[error(
        "{}: {what}; the whole lines of the {decoded} bytes decoded before are counted; {advice}",
        path.display()
    )]
    Archive {
        /// The input.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
        /// Bytes that it had decoded to by then.
        decoded: u64,
        /// The next step.
        advice: &'static str,
    },

    /// The engine panicked over a part of an input, which is our fault.
    #[error(
        "{}the engine failed on bytes {start} to {end}{}: {why}; they are left out; please report \
         it, with the lines in question if you may",
        named(path),
        if *decoded { " of what it decodes to" } else { "" }
    )]
    Panic {
        /// The input; empty if it has no name here.
        path: PathBuf,
        /// The chunk.
        start: u64,
        /// One past its last byte.
        end: u64,
        /// Whether these are offsets in what a compressed input decodes to.
        decoded: bool,
        /// What the panic said, and where it was.
        why: String,
    },

    /// The caller asked to stop.
    #[error("stopped on request before all input was read; run it again for complete results")]
    Cancelled,

    /// The settings that the caller gave cannot be used.
    #[error("the job's settings cannot be used: {0}; correct them and start again")]
    Spec(String),

    /// A condition or the name of a field does not fit.
    #[error("{message}")]
    Condition {
        /// What was given.
        text: String,
        /// The character of it, counted from 0, at which it does not fit.
        position: usize,
        /// Why.
        message: String,
    },

    /// The text of a format of the user's own does not fit.
    #[error("{message}")]
    Format {
        /// What was given.
        text: String,
        /// The character of it, counted from 0, at which it does not fit.
        position: usize,
        /// Why.
        message: String,
    },

    /// Two summaries that are sound do not merge: they stand for different things, or both cover
    /// the same part of a log.
    #[error("these summaries cannot be merged: {0}")]
    Merge(String),

    /// A summary is damaged, or of another version.
    #[error("the summary cannot be used: {0}")]
    Summary(String),
}

impl Error {
    /// A summary whose bytes or figures are not those of any log.
    pub(crate) fn damaged(what: impl std::fmt::Display) -> Error {
        Error::Summary(format!("damaged summary: {what}; scan the part that it stands for again"))
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }

    pub(crate) fn changed(path: &Path, why: impl Into<String>) -> Error {
        Error::Changed { path: path.to_owned(), why: why.into() }
    }
}

/// A path before what is said of it.
fn named(path: &Path) -> String {
    if path.as_os_str().is_empty() { String::new() } else { format!("{}: ", path.display()) }
}

/// The next step after a refusal of the operating system, where one is known.
fn advice(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "; check the path, or whether the log was rotated away",
        io::ErrorKind::PermissionDenied => "; ask for permission to read it",
        io::ErrorKind::IsADirectory => "; name the files in it",
        io::ErrorKind::InvalidInput => "; pipe its bytes into standard input instead",
        io::ErrorKind::StaleNetworkFileHandle => "; the file server lost it: open it again",
        _ => "",
    }
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_input_and_the_next_step() {
        let error = Error::io(Path::new("/var/log/a.log"), io::ErrorKind::NotFound.into());
        let text = error.to_string();
        assert!(text.starts_with("/var/log/a.log: "), "{text}");
        assert!(text.contains("check the path"), "{text}");
        let text = Error::changed(Path::new("b.log"), "truncated").to_string();
        assert!(text.starts_with("b.log: the file changed: truncated;"), "{text}");
        for error in [Error::Cancelled, Error::Spec("x".into()), Error::damaged("x")] {
            assert!(error.to_string().contains("again"), "{error}");
        }
    }
}
