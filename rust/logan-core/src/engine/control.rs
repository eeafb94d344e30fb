//! What the caller of a scan holds while it runs.

use crate::error::Error;
use crate::fast::FastPaths;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the caller may look at and change while a scan runs.
#[derive(Debug, Default)]
pub struct Control {
    /// Set to stop: scans end with [`Error::Cancelled`] at their next window. Shared, since
    /// a caller that stops one scan may mean others too.
    pub cancel: Arc<AtomicBool>,
    /// Bytes scanned so far. Shared, so that it can be read while the scan runs.
    pub bytes: Arc<AtomicU64>,
    /// The fast paths that scanners made for the scan may take.
    #[doc(hidden)]
    pub fast: FastPaths,
}

impl Control {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}
