//! Input: the bytes of a file, a window at a time, from a file that others may change meanwhile.
//!
//! A [`Source`] is an open file of which a planned part is read. [`Source::windows`] hands out any
//! range of it as consecutive blocks of bytes. It knows nothing of lines, formats or chunks.
//!
//! ```text
//! for each window of the range:
//!     map it (at most 4 MiB), or read it (at most 256 KiB, into a buffer that is used again)
//!     hand the bytes to the caller
//!     was the file cut meanwhile?  -> Error::Changed, before the figures are used
//! ```
//!
//! # Mapping or reading
//! A local file is mapped; if the first window takes more than 32 page faults, it is read from then
//! on, since the page cache then holds it in small pages. What was tried instead, as CPU time of
//! scanning a log of 64 MiB, that of this rule being 1 (2026-11-28, AMD EPYC, ext4, other work beside
//! it):
//!
//! | rule | app | combined | JSON | mixed | unlike ones |
//! |---|---|---|---|---|---|
//! | always map | 1.17 | 1.13 to 1.16 | 1.10 | 1.07 | 1.03 |
//! | always read | 0.97 | 0.98 to 1.00 | 0.98 | 0.99 | 0.98 to 1.01 |
//!
//! Counting the newlines of 256 MiB that were written in pieces of 128 KiB, the cheapest use there is,
//! took 102 ms by blocks of 256 KiB, 104 ms by blocks of 1 MiB, 126 ms by mapped windows, 112 ms by
//! windows mapped with `MAP_POPULATE`. So the simplest rule, to read always, would do; files are
//! mapped because that was asked for, and the first window keeps it from costing more.
//!
//! At most one window per call is in memory, so resident memory does not grow with the file.
//!
//! # Files that change
//! A log may grow while it is read: bytes beyond the range are not looked at. A file that becomes
//! shorter ends the call with [`Error::Changed`]; what the callback made of that window must be
//! thrown away. Touching a mapped page that is gone raises SIGBUS, which `fault.rs` survives. A
//! rewrite that leaves the size alone cannot be seen here: [`Fingerprint::check`] after the scan
//! is for that.
//!
//! # What a mapped window is not
//! A private copy. While another process writes to the file its bytes may change between two
//! looks. Code that reads a block must not use `unsafe` on the strength of an earlier look at the
//! same bytes (say, that they were valid UTF-8), and a system call that is given a block whose
//! pages are gone fails with EFAULT. [`Mode::READ`] has neither property, and to ask for anything else
//! is `unsafe`.

#[cfg(unix)]
mod fault;
mod fingerprint;
#[cfg(unix)]
mod mapping;

pub use fingerprint::{Check, Fingerprint};

use crate::error::{Error, Result};
use std::fs::{File, Metadata};
use std::io;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Most bytes of a mapped window; windows start at multiples of it in the file and in memory.
///
/// Twice the size of a huge page: where the page cache keeps a file in large folios, an aligned
/// window costs two page faults instead of sixty-four, and the scan is three times as fast.
pub const WINDOW_BYTES: usize = 4 << 20;

/// Most bytes of a block that is read: it stays in the second-level cache until it was parsed.
pub const READ_BYTES: usize = 256 << 10;

/// The kernel copies pages faster to where the place in the page is the same: reading a file of
/// 1 GiB took 13 % less time than into a buffer 16 bytes behind the beginning of a page, which is
/// where large allocations begin.
const COPY_ALIGN_BYTES: usize = 4 << 10;

/// How the bytes of a file come into memory. To ask for mapping is `unsafe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(Choice);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Map,
    MapWhereItSuits,
    Read,
}

impl Mode {
    /// Blocks of the file are read into a buffer: works everywhere.
    pub const READ: Mode = Mode(Choice::Read);

    /// Windows of the file are mapped: nothing is copied. Where that fails, blocks are read.
    ///
    /// # Safety
    /// Rust takes the bytes behind a `&[u8]` for constant; those of a mapped window change when
    /// a process writes to that part of the file. The caller must ensure that no code that is given
    /// the blocks uses `unsafe` on the strength of an earlier look at the same bytes.
    pub const unsafe fn map() -> Mode {
        Mode(Choice::Map)
    }

    /// Mapped on local file systems unless the first window shows that reading is cheaper; read on
    /// those whose server or daemon may fail or stall: there a lost connection is an error of a read,
    /// but a signal for code that touches a mapping.
    ///
    /// # Safety
    /// As for [`map`](Self::map).
    pub const unsafe fn map_where_it_suits() -> Mode {
        Mode(Choice::MapWhereItSuits)
    }
}

/// An open regular file.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    file: File,
    size: u64,
    /// Whether windows are mapped; not any more once that failed or proved slower than reading.
    maps: AtomicBool,
    /// Set by the thread that measures what mapping costs.
    probed: AtomicBool,
}

impl Source {
    /// Opens `path`, to be read in the given mode.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened or is not a regular file: the text says what it is.
    /// Never blocks on a pipe without a writer.
    pub fn open(path: impl AsRef<Path>, mode: Mode) -> Result<Source> {
        let path = path.as_ref();
        let fail = |e| Error::io(path, e);
        // Before opening too: to open a pipe waits for its writer, to open a tape rewinds it.
        regular(&std::fs::metadata(path).map_err(fail)?).map_err(fail)?;
        let file = open_for_reading(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        regular(&metadata).map_err(fail)?;
        let maps = match mode.0 {
            Choice::Map => true,
            Choice::MapWhereItSuits => is_local(&file),
            Choice::Read => false,
        };
        let probed = AtomicBool::new(mode.0 == Choice::Map);
        let size = metadata.len();
        Ok(Source { path: path.into(), file, size, maps: AtomicBool::new(maps), probed })
    }

    /// The path as given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Size in bytes when it was opened; the file may have grown since.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether its windows are mapped.
    pub fn is_mapped(&self) -> bool {
        self.maps.load(Ordering::Relaxed)
    }

    /// Calls `f` with the bytes of `range` in order, block by block, and each block's offset in
    /// the file, until the range ends or `f` answers `Break`.
    ///
    /// Blocks are never empty, lie inside one window and end where the window or the range ends.
    /// Several threads may call this on one source.
    ///
    /// # Errors
    /// [`Error::Changed`] if the file is shorter than `range.end` before, between or after the
    /// calls of `f`: then what `f` made of the last block is to be thrown away, whatever it
    /// answered. [`Error::Io`] from the operating system. Errors of `f`.
    pub fn windows<F>(&self, range: Range<u64>, mut f: F) -> Result<()>
    where
        F: FnMut(&[u8], u64) -> Result<ControlFlow<()>>,
    {
        if range.start >= range.end {
            return Ok(());
        }
        self.require_size(range.end)?;
        let read_from = match self.is_mapped() {
            #[cfg(unix)]
            true => match self.map_windows(range.clone(), &mut f)? {
                Mapped::All => return Ok(()),
                Mapped::Until(offset) => offset,
            },
            _ => range.start,
        };
        self.read_windows(read_from..range.end, &mut f)
    }

    /// Fills `buffer` from `offset` on; how many bytes there were before the file's end.
    ///
    /// # Errors
    /// [`Error::Io`] from the operating system.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match pread(&self.file, &mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(&self.path, e)),
            }
        }
        Ok(filled)
    }

    fn read_windows<F>(&self, range: Range<u64>, f: &mut F) -> Result<()>
    where
        F: FnMut(&[u8], u64) -> Result<ControlFlow<()>>,
    {
        let longest = (range.end - range.start).min(READ_BYTES as u64) as usize;
        // Aligned as the pages that are copied are.
        let mut room = vec![0; longest + COPY_ALIGN_BYTES];
        let aligned = room.as_ptr().align_offset(COPY_ALIGN_BYTES).min(COPY_ALIGN_BYTES);
        let buffer = &mut room[aligned..aligned + longest];
        let mut offset = range.start;
        while offset < range.end {
            let len = block_len(offset, range.end, READ_BYTES);
            let filled = self.read_at(offset, &mut buffer[..len])?;
            if filled < len {
                return Err(self.truncated(offset + filled as u64, range.end));
            }
            if f(&buffer[..len], offset)?.is_break() {
                return Ok(());
            }
            offset += len as u64;
        }
        Ok(())
    }

    #[cfg(unix)]
    fn map_windows<F>(&self, range: Range<u64>, f: &mut F) -> Result<Mapped>
    where
        F: FnMut(&[u8], u64) -> Result<ControlFlow<()>>,
    {
        let Some(mut window) = mapping::Window::reserve() else {
            return Ok(Mapped::Until(range.start));
        };
        let mut offset = range.start;
        while offset < range.end {
            let len = block_len(offset, range.end, WINDOW_BYTES);
            let skipped = (offset % WINDOW_BYTES as u64) as usize;
            let Ok(mapped) = window.map(&self.file, offset - skipped as u64, skipped + len) else {
                self.maps.store(false, Ordering::Relaxed);
                return Ok(Mapped::Until(offset));
            };
            if !self.probed.swap(true, Ordering::Relaxed) && faults_to_touch(mapped) > FAULTS_MAX {
                self.maps.store(false, Ordering::Relaxed);
            }
            let answer = f(&mapped[skipped..], offset);
            // First whether the bytes were the file's: if not, the answer means nothing.
            if let Some(position) = window.take_fault() {
                return Err(self.lost(offset - skipped as u64 + position as u64));
            }
            self.require_size(range.end)?;
            if answer?.is_break() {
                break;
            }
            offset += len as u64;
            if !self.is_mapped() {
                return Ok(Mapped::Until(offset));
            }
        }
        Ok(Mapped::All)
    }

    /// Why the page at `offset` could not be had: the file was cut, or the disk failed.
    #[cfg(unix)]
    fn lost(&self, offset: u64) -> Error {
        match self.read_at(offset, &mut [0]) {
            Err(error) => error,
            Ok(_) => Error::changed(
                &self.path,
                format!("truncated while it was read (byte {offset} was gone)"),
            ),
        }
    }

    fn truncated(&self, size: u64, planned_end: u64) -> Error {
        let why = format!("truncated to {size} bytes while bytes up to {planned_end} were planned");
        Error::changed(&self.path, why)
    }

    /// The file's size now, as an error if `end` lies beyond it.
    fn require_size(&self, end: u64) -> Result<()> {
        let size = self.metadata()?.len();
        if size < end { Err(self.truncated(size, end)) } else { Ok(()) }
    }

    fn metadata(&self) -> Result<Metadata> {
        self.file.metadata().map_err(|e| Error::io(&self.path, e))
    }
}

/// Page faults of a window beyond which reading a file is cheaper than mapping it.
///
/// A file that the page cache holds in large folios costs a few faults a window. One that was
/// written in small pieces, as logs are, costs one for every 16 pages, 64 in all, and scanning it
/// through mappings took 2.0 times as long as reading it.
const FAULTS_MAX: i64 = 32;

/// How many page faults it takes this thread to touch every page of a fresh mapping.
#[cfg(target_os = "linux")]
fn faults_to_touch(mapped: &[u8]) -> i64 {
    const PAGE_BYTES: usize = 4096;
    let faults = || {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
        // SAFETY: the structure is valid to write, and read only if it was.
        unsafe {
            match libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) {
                0 => usage.assume_init().ru_minflt,
                _ => 0,
            }
        }
    };
    let before = faults();
    for byte in mapped.iter().step_by(PAGE_BYTES) {
        std::hint::black_box(*byte);
    }
    faults() - before
}

/// Unknown on other systems, where mapping is trusted.
#[cfg(all(unix, not(target_os = "linux")))]
fn faults_to_touch(_mapped: &[u8]) -> i64 {
    0
}

/// How far a range was handed out through mapped windows.
#[cfg(unix)]
enum Mapped {
    /// To its end, or to where the callback wanted no more.
    All,
    /// Up to this offset, where mapping failed.
    Until(u64),
}

/// SIGBUS faults in windows that were survived since the process started.
pub fn faults_survived() -> u64 {
    #[cfg(unix)]
    return fault::survived();
    #[cfg(not(unix))]
    return 0;
}

/// Bytes from `offset` to the next multiple of `grid`, or to `end`.
fn block_len(offset: u64, end: u64, grid: usize) -> usize {
    let grid = grid as u64;
    (grid - offset % grid).min(end - offset) as usize
}

/// An error that says what it is, unless it is a regular file.
fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "this is a folder, not a file"));
    }
    let what = kind_name(metadata);
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("this is {what}, not a regular file")))
}

#[cfg(unix)]
fn kind_name(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    match () {
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() => "a character device",
        () if kind.is_block_device() => "a block device",
        () => "something special",
    }
}

#[cfg(not(unix))]
fn kind_name(_: &Metadata) -> &'static str {
    "something special"
}

#[cfg(unix)]
fn open_for_reading(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // Should a pipe have taken the file's place since it was looked at, this does not wait for it.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_for_reading(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
fn pread(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn pread(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    match std::os::windows::fs::FileExt::seek_read(file, buffer, offset) {
        // Windows calls it an error to read at or after the end.
        Err(e) if e.raw_os_error() == Some(38) => Ok(0),
        result => result,
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_local(file: &File) -> bool {
    /// `f_type` of file systems with a server or daemon behind them (statfs(2), linux/magic.h).
    const REMOTE: [u32; 15] = [
        0x0000_6969, // NFS
        0x0000_517b, // SMB
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB2
        0x6573_5546, // FUSE
        0x0102_1997, // 9p
        0x0bd0_0bd0, // Lustre
        0x00c3_6400, // Ceph
        0x5346_414f, // OpenAFS
        0x6b41_4653, // AFS of the kernel
        0x7375_7245, // Coda
        0x4750_4653, // GPFS
        0x1983_0326, // BeeGFS
        0x786f_4256, // VirtualBox shared folders
        0xbacb_acbc, // VMware shared folders
    ];
    file_system(file).is_some_and(|s| !REMOTE.contains(&(s.f_type as u32)))
}

#[cfg(target_os = "macos")]
fn is_local(file: &File) -> bool {
    file_system(file).is_some_and(|s| s.f_flags & libc::MNT_LOCAL as u32 != 0)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "macos"))]
fn file_system(file: &File) -> Option<libc::statfs> {
    use std::os::fd::AsRawFd;
    let mut out = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open and the kernel fills the struct when it answers 0.
    unsafe { (libc::fstatfs(file.as_raw_fd(), out.as_mut_ptr()) == 0).then(|| out.assume_init()) }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
fn is_local(_: &File) -> bool {
    cfg!(unix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    // SAFETY: tests only compare what they are given.
    const MAP: Mode = unsafe { Mode::map() };

    /// A path in the temporary folder, gone with the value.
    pub(super) struct Scratch(pub PathBuf);

    impl Scratch {
        pub(super) fn new(name: &str, bytes: &[u8]) -> Scratch {
            let scratch = Scratch::path(name);
            fs::write(&scratch.0, bytes).unwrap();
            scratch
        }

        fn path(name: &str) -> Scratch {
            let name = format!("logan-input-{}-{name}", std::process::id());
            Scratch(std::env::temp_dir().join(name))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
    }

    fn collect(source: &Source, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut next = range.start;
        source.windows(range, |block, offset| {
            assert!(!block.is_empty() && offset == next);
            let grid = if source.is_mapped() { WINDOW_BYTES } else { READ_BYTES } as u64;
            next = offset + block.len() as u64;
            assert_eq!(offset / grid, (next - 1) / grid, "a block lies in one window");
            bytes.extend_from_slice(block);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(bytes)
    }

    #[test]
    fn blocks_tile_every_range_in_both_modes() {
        let bytes = pattern(2 * WINDOW_BYTES + 12_345);
        let file = Scratch::new("tile", &bytes);
        let (window, read) = (WINDOW_BYTES, READ_BYTES);
        let edges = [
            0,
            1,
            4095,
            4096,
            read - 1,
            read,
            read + 1,
            window - 1,
            window,
            window + 1,
            2 * window,
        ];
        for mode in [MAP, Mode::READ] {
            let source = Source::open(&file.0, mode).unwrap();
            assert_eq!(source.is_mapped(), mode == MAP);
            for start in edges {
                for end in edges.into_iter().chain([bytes.len()]) {
                    let expected = bytes.get(start..end).unwrap_or(&[]);
                    let found = collect(&source, start as u64..end as u64).unwrap();
                    assert!(found == expected, "{mode:?} {start}..{end}");
                }
            }
        }
    }

    #[test]
    fn break_and_errors_end_the_call() {
        let file = Scratch::new("break", &pattern(WINDOW_BYTES + 1));
        for mode in [MAP, Mode::READ] {
            let source = Source::open(&file.0, mode).unwrap();
            let mut calls = 0;
            source
                .windows(0..source.size(), |_, _| {
                    calls += 1;
                    Ok(ControlFlow::Break(()))
                })
                .unwrap();
            assert_eq!(calls, 1);
            let outcome = source.windows(0..source.size(), |_, _| Err(Error::Cancelled));
            assert!(matches!(outcome, Err(Error::Cancelled)));
        }
    }

    #[test]
    fn growth_is_not_looked_at_and_loss_is_an_error() {
        for mode in [MAP, Mode::READ] {
            let bytes = pattern(10_000);
            let file = Scratch::new(&format!("size-{mode:?}"), &bytes);
            let source = Source::open(&file.0, mode).unwrap();
            let writer = File::options().write(true).open(&file.0).unwrap();
            writer.set_len(20_000).unwrap();
            assert!(collect(&source, 0..source.size()).unwrap() == bytes);
            writer.set_len(9_999).unwrap();
            let error = collect(&source, 0..source.size()).unwrap_err();
            assert!(matches!(error, Error::Changed { .. }), "{error}");
            assert!(error.to_string().contains("truncated to 9999 bytes"), "{error}");
            assert!(collect(&source, 0..9_999).unwrap() == bytes[..9_999]);
        }
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let missing = Scratch::path("missing");
        let error = Source::open(&missing.0, Mode::READ).unwrap_err().to_string();
        assert!(error.contains("missing") && error.contains("check the path"), "{error}");
        let error = Source::open(std::env::temp_dir(), Mode::READ).unwrap_err().to_string();
        assert!(error.contains("this is a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn special_files_are_named_and_do_not_block() {
        use std::os::unix::ffi::OsStrExt;
        let pipe = Scratch::path("pipe");
        let name = std::ffi::CString::new(pipe.0.as_os_str().as_bytes()).unwrap();
        // SAFETY: a valid C string.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        let socket = Scratch::path("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket.0).unwrap();
        let device = Path::new("/dev/null");
        for (path, what) in
            [(&*pipe.0, "a named pipe"), (&*socket.0, "a socket"), (device, "a character device")]
        {
            let error = Source::open(path, Mode::READ).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("standard input"), "{error}");
        }
    }

    #[test]
    fn an_empty_file_has_no_blocks() {
        let file = Scratch::new("empty", b"");
        for mode in [MAP, Mode::READ] {
            let source = Source::open(&file.0, mode).unwrap();
            assert_eq!(collect(&source, 0..0).unwrap(), b"");
        }
    }
}
