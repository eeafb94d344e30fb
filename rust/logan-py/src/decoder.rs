//! The decoded bytes of a compressed file, in pieces.
//!
//! A decoder stays on the thread that made it, so it has one of its own, which is a piece ahead.

use crate::arguments::lock;
use crate::gate::{Fault, detached};
use logan_core::archive::{self, DICTIONARY_BYTES_MAX, Stored};
use logan_core::{engine, error::Error, panics};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Bytes of a piece.
const PIECE_BYTES: usize = 1 << 20;

/// Stored bytes of an open file, up to where it ends when it gets there.
struct StoredBytes {
    file: File,
    path: PathBuf,
}

impl Stored for StoredBytes {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.file.read(buffer).map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

/// Why nothing follows a piece.
enum End {
    /// The file could not be read.
    Unreadable(Error),
    /// The archive is not whole.
    Damaged(String),
    /// A bug.
    Panic(String),
}

type Piece = Result<Vec<u8>, End>;

/// The decoded bytes of a compressed file, in pieces, as the engine decodes them.
#[pyclass(frozen, module = "logan._logan")]
pub struct Decoder(Mutex<Receiver<Piece>>);

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (path, compression, *, any_text=false))]
    fn new(py: Python<'_>, path: PathBuf, compression: &str, any_text: bool) -> PyResult<Decoder> {
        detached(py, || {
            let packing = engine::packing(compression)?;
            let file =
                File::open(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
            let stored = StoredBytes { file, path };
            let (give, taken) = mpsc::sync_channel(1);
            thread::Builder::new().name("logan-decode".into()).spawn(move || {
                let work = || decode(archive::Decoder::new(packing, stored, any_text), &give);
                if let Err(why) = panics::caught(work) {
                    let _ = give.send(Err(End::Panic(why)));
                }
            })?;
            Ok(Decoder(Mutex::new(taken)))
        })
    }

    /// The next piece; none at the end.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let piece = detached(py, || match lock(&self.0)?.recv() {
            Ok(Ok(piece)) => Ok(Ok(piece)),
            Ok(Err(End::Unreadable(error))) => Err(error.into()),
            Ok(Err(End::Damaged(why))) => Ok(Err(why)),
            Ok(Err(End::Panic(why))) => Err(Fault::Panic(why)),
            Err(_) => Ok(Ok(Vec::new())),
        })?;
        match piece {
            Ok(data) => Ok(PyBytes::new(py, &data)),
            Err(why) => Err(PyValueError::new_err(why)),
        }
    }
}

/// Gives pieces until the end, or until no reader is left.
fn decode(mut decoder: archive::Decoder<StoredBytes>, give: &SyncSender<Piece>) {
    while !decoder.ended() {
        let mut data = vec![0; PIECE_BYTES];
        let (filled, result) = decoder.read(&mut data);
        data.truncate(filled);
        if filled > 0 && give.send(Ok(data)).is_err() {
            return;
        }
        if let Err(fault) = result {
            let _ = give.send(Err(end(fault, decoder.position())));
            return;
        }
    }
}

fn end(fault: archive::Fault, at: u64) -> End {
    End::Damaged(match fault {
        archive::Fault::Stored(error) => return End::Unreadable(error),
        archive::Fault::Truncated => format!("its data ends in the middle, after {at} bytes"),
        archive::Fault::Corrupt(why) => format!("its data is damaged near byte {at} ({why})"),
        archive::Fault::Memory => format!(
            "its data at byte {at} needs more than {} MiB of memory to decode",
            DICTIONARY_BYTES_MAX >> 20
        ),
    })
}
