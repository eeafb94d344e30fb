//! Reads a descriptor to its end, for `push_fd` of feeds.
//!
//! ```text
//! reader thread:  wait until there are bytes -> read them into a free buffer -> hand it over
//! calling thread: scan the buffer -> hand it back
//! ```
//! Reading overlaps with scanning, through a bounded number of buffers. The wait ends now and then
//! to look whether the work is still wanted: a writer may be silent for hours.

use crate::arguments::PROGRESS_INTERVAL;
use crate::cancel::{Cancel, control};
use crate::descriptor;
use crate::gate::{Fault, attended};
use libc::c_int;
use logan_core::engine::Control;
use logan_core::error::Error;
use pyo3::prelude::*;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

/// Most bytes read at once: no pipe hands out more, and two buffers fit a second-level cache.
const BUFFER_BYTES: usize = 256 << 10;

/// Buffers on their way. More would only hide that the scanner is slower than the writer.
const BUFFERS: usize = 4;

/// What a pipe is asked to hold: the most that the system allows to unprivileged processes. The
/// writer then waits for the reader a sixteenth as often.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PIPE_BYTES: c_int = 1 << 20;

type Filled = io::Result<(Vec<u8>, usize)>;

/// As [`drain`], on a thread of its own, while the calling one looks after signals and calls `progress`
/// with the bytes so far.
pub fn attended_drain(
    py: Python<'_>,
    fd: c_int,
    cancel: Option<&Cancel>,
    progress: Option<&Bound<'_, PyAny>>,
    push: impl FnMut(&[u8]) -> Result<bool, Fault> + Send,
) -> PyResult<u64> {
    let control = control(cancel);
    let report = || match progress {
        Some(call) => call.call1((control.bytes.load(Ordering::Relaxed), 0)).map(|_| ()),
        None => Ok(()),
    };
    attended(py, &control.cancel, PROGRESS_INTERVAL, report, || drain(fd, &control, push))
}

/// Gives all that `fd` still has to `push`, piece by piece, and counts it; how much it was. Ends
/// before the end of `fd` when `push` answers that it wants no more.
///
/// `fd` is left open. When `control` is canceled, bytes that were read but not pushed are lost.
pub fn drain(
    fd: c_int,
    control: &Control,
    mut push: impl FnMut(&[u8]) -> Result<bool, Fault>,
) -> Result<u64, Fault> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: no memory is involved. Refused for what is not a pipe, which changes nothing.
    unsafe {
        libc::fcntl(fd, libc::F_SETPIPE_SZ, PIPE_BYTES)
    };
    let stop = &AtomicBool::new(false);
    let stopped = &|| stop.load(Ordering::Relaxed) || control.cancel.load(Ordering::Relaxed);
    let (hand_over, filled) = mpsc::sync_channel::<Filled>(BUFFERS);
    let (hand_back, free) = mpsc::sync_channel(BUFFERS);
    thread::scope(move |scope| {
        // The scope waits for the reader, which waits for bytes or for a buffer. Both waits end
        // when these do, with this block, however that ends.
        let _stop = Stop(stop);
        let (filled, hand_back) = (filled, hand_back);
        thread::Builder::new()
            .name("logan-read".into())
            .spawn_scoped(scope, move || read_all(fd, stopped, free, hand_over))?;
        for _ in 0..BUFFERS {
            let _ = hand_back.send(vec![0; BUFFER_BYTES]);
        }
        let mut total = 0;
        for piece in &filled {
            if control.cancel.load(Ordering::Relaxed) {
                break;
            }
            let (buffer, len) = piece?;
            let wants_more = push(&buffer[..len])?;
            total += len as u64;
            control.bytes.store(total, Ordering::Relaxed);
            if !wants_more {
                break;
            }
            // Refused if the reader has ended.
            let _ = hand_back.send(buffer);
        }
        if control.cancel.load(Ordering::Relaxed) {
            return Err(Error::Cancelled.into());
        }
        Ok(total)
    })
}

/// Tells the reader to stop when it goes.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Fills free buffers until the end of `fd`, an error, or `stopped`.
fn read_all(
    fd: c_int,
    stopped: &impl Fn() -> bool,
    free: Receiver<Vec<u8>>,
    hand_over: SyncSender<Filled>,
) {
    for mut buffer in free {
        let piece = match descriptor::read(fd, &mut buffer, stopped) {
            Ok(0) => return,
            Ok(len) => Ok((buffer, len)),
            Err(error) => Err(error),
        };
        let ends = piece.is_err();
        if hand_over.send(piece).is_err() || ends {
            return;
        }
    }
}
