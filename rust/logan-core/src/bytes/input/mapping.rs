//! One window of a file in memory, at an address that stays the same from window to window.
//!
//! A [`Window`] reserves aligned address space once and maps part after part of the file over it.
//! So file offset and address agree modulo the size of a huge page, which is what the kernel wants
//! before it maps large folios whole; the range that the SIGBUS guard watches is registered once;
//! and at no moment is the watched range free for others to map.

use super::{WINDOW_BYTES, fault};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;

/// Address space for one window at a time.
pub(super) struct Window {
    reserved: *mut libc::c_void,
    watch: Option<fault::Watch>,
}

/// Room for a window that starts at a multiple of its size.
const RESERVED_BYTES: usize = 2 * WINDOW_BYTES;

impl Window {
    /// None if address space or the guard's table is full, or SIGBUS cannot be handled.
    pub(super) fn reserve() -> Option<Window> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let reserved =
            unsafe { libc::mmap(ptr::null_mut(), RESERVED_BYTES, libc::PROT_NONE, flags, -1, 0) };
        if reserved == libc::MAP_FAILED {
            return None;
        }
        let mut window = Window { reserved, watch: None };
        let start = reserved.addr().next_multiple_of(WINDOW_BYTES);
        window.watch = Some(fault::Watch::new(start)?);
        Some(window)
    }

    /// Maps `len` bytes of the file from `offset`, a multiple of [`WINDOW_BYTES`], in place of
    /// the window before.
    ///
    /// The bytes are those of the file as long as [`take_fault`](Self::take_fault) says None.
    pub(super) fn map(&mut self, file: &File, offset: u64, len: usize) -> io::Result<&[u8]> {
        assert!(offset.is_multiple_of(WINDOW_BYTES as u64) && 0 < len && len <= WINDOW_BYTES);
        let Some(watch) = &self.watch else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        if !fault::arm() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let offset = offset.try_into().map_err(io::Error::other)?;
        let start = self.reserved.with_addr(watch.start());
        let flags = libc::MAP_SHARED | libc::MAP_FIXED;
        // SAFETY: start..start+len lies in the reserved space, which no other code uses, and
        // `&mut self` says that no slice of the window before is alive.
        let mapped =
            unsafe { libc::mmap(start, len, libc::PROT_READ, flags, file.as_raw_fd(), offset) };
        if mapped == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            // The kernel may have given up the old mapping before it failed, and another thread
            // may live there by now: the space is abandoned, not unmapped.
            self.watch = None;
            self.reserved = ptr::null_mut();
            return Err(error);
        }
        // SAFETY: just mapped readable for `len` bytes until the next `map` or the drop, and the
        // guard turns pages that vanish into readable zeros. The bytes may change under the
        // slice when a process writes to the file: the module's header says what that forbids.
        Ok(unsafe { std::slice::from_raw_parts(start.cast(), len) })
    }

    /// The position in the window of a page that could not be read since the last call, if any.
    pub(super) fn take_fault(&self) -> Option<usize> {
        self.watch.as_ref()?.take_fault()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // First the guard forgets the range, then the range may belong to others.
        self.watch = None;
        if !self.reserved.is_null() {
            // SAFETY: exactly what `reserve` mapped, and no slice of it outlives the window.
            unsafe { libc::munmap(self.reserved, RESERVED_BYTES) };
        }
    }
}
