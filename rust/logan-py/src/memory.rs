//! What this process takes of the machine, as the system counts it.

use std::io;

/// Peak resident memory in bytes.
///
/// On Linux from `/proc`: the figure of getrusage(2) is inherited through fork and exec, so that a
/// small process that a large one started is told the size of the large one.
pub fn peak_rss_bytes() -> io::Result<u64> {
    match high_water_mark() {
        Some(bytes) => Ok(bytes),
        None => resource_usage(),
    }
}

fn high_water_mark() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn resource_usage() -> io::Result<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a struct of the right type, for the call to fill.
    if unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroes are a valid rusage, whatever the call wrote over them.
    let peak = unsafe { usage.assume_init() }.ru_maxrss as u64;
    Ok(if cfg!(target_os = "macos") { peak } else { peak * 1024 })
}
