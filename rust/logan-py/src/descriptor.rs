//! Descriptors of the C library: what Python calls a file's number on every system. Windows itself
//! knows them only through that library, so they are read, written and copied by its functions.

use libc::c_int;
use std::io;

/// How long a silent writer may keep a reader from seeing that it is to stop.
#[cfg(unix)]
const WAIT_MS: c_int = 50;

/// Most bytes handed to one call: Windows counts them in 31 bits.
const CALL_BYTES_MAX: usize = 1 << 30;

/// A copy of a descriptor, which is closed when it goes.
pub struct Descriptor(c_int);

impl Descriptor {
    /// A copy of `fd`, which must be open: if it is not, the system says so.
    pub fn copy_of(fd: c_int) -> io::Result<Descriptor> {
        // SAFETY: no memory is involved; a number that names no open file is refused.
        let copy = unsafe { duplicate(fd) };
        if copy < 0 { Err(io::Error::last_os_error()) } else { Ok(Descriptor(copy)) }
    }

    /// The number, for as long as this lives.
    pub fn number(&self) -> c_int {
        self.0
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: it is open, ours, and not used again.
        unsafe { libc::close(self.0) };
    }
}

impl io::Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(CALL_BYTES_MAX);
        // SAFETY: the slice has that many bytes.
        let written = unsafe { libc::write(self.0, bytes.as_ptr().cast(), len as _) };
        if written < 0 { Err(io::Error::last_os_error()) } else { Ok(written as usize) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for bytes and reads them; 0 at the end, or when `stopped`.
pub fn read(fd: c_int, buffer: &mut [u8], stopped: &impl Fn() -> bool) -> io::Result<usize> {
    while !stopped() {
        if !has_bytes(fd) {
            continue;
        }
        // Whatever else is wrong with the descriptor, reading says it.
        let most = buffer.len().min(CALL_BYTES_MAX);
        // SAFETY: the buffer has that many bytes.
        let len = unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), most as _) };
        if len >= 0 {
            return Ok(len as usize);
        }
        let error = io::Error::last_os_error();
        if !matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) {
            return Err(error);
        }
    }
    Ok(0)
}

#[cfg(unix)]
unsafe fn duplicate(fd: c_int) -> c_int {
    // SAFETY: as the caller says. Children that Python starts meanwhile do not get the copy.
    unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) }
}

#[cfg(not(unix))]
unsafe fn duplicate(fd: c_int) -> c_int {
    // SAFETY: as the caller says.
    unsafe { libc::dup(fd) }
}

/// Whether there is something to read, or an end or error to be told; waits a little for it.
#[cfg(unix)]
fn has_bytes(fd: c_int) -> bool {
    let mut waited = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: the pointer is to one struct, as the count says.
    unsafe { libc::poll(&mut waited, 1, WAIT_MS) != 0 }
}

/// Elsewhere a read waits by itself, and is not interrupted.
#[cfg(not(unix))]
fn has_bytes(_: c_int) -> bool {
    true
}
