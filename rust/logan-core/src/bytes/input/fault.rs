//! The SIGBUS guard: a mapped file that is cut while it is read must not end the process.
//!
//! Touching a mapped page beyond the end of its file raises SIGBUS in the thread that touched it.
//! The handler here looks whether the address lies in a watched window. If so, it maps zero pages
//! from that page to the window's end, notes the fault, and returns: the thread reads zeros, gets
//! to the end of its window, asks [`Watch::take_fault`], and throws its work away. Every other
//! SIGBUS has another cause and is passed on to the action that was installed before.
//!
//! # What the handler may do
//! It runs in the middle of any code, also inside an allocation or with a lock held. It therefore
//! uses lock-free atomics in statics, the stack, and direct system calls (`mmap`, `sigaction`,
//! `pthread_sigmask`, `raise`), and neither allocates, locks, unwinds nor touches thread-locals.
//! POSIX does not list `mmap` as signal-safe, but in every libc it is a bare system call without
//! state of its own. `errno` changes only when a call fails, and then the fault is passed on.
//!
//! # Why it handles no other fault
//! A window always has [`WINDOW_BYTES`] of address space reserved, so a slot of the table is one
//! number, its start: a handler in one thread can never see half of an entry that another thread
//! is writing. A window is entered after its space is reserved and taken out before the space is
//! given back. A slot that is being entered or taken out belongs to a thread that is not touching
//! its window, so no fault is missed. Signals sent by `kill` carry no address and are passed on.
//!
//! # Other handlers of SIGBUS
//! The handlers of before (the default action, Rust's stack guard, Python's faulthandler) are
//! called as the kernel would call them. For the default action that means: it is put back and
//! the instruction runs again, so the core dump shows the true place. Other code may also install a
//! handler after us, as `faulthandler.enable()` does; it would see our faults first and take them
//! for crashes. So [`arm`] looks before each window and, if need be, installs itself again on top,
//! as a handler of its own with its own predecessor: each [level](HANDLERS) is a distinct function,
//! so handlers that call each other in turn always reach the bottom.
//!
//! Where a mapping has huge pages or large folios, cutting the file or mapping over a part of it
//! makes the kernel split them; the guard sees only page addresses and need not know.

use super::WINDOW_BYTES;
use libc::{c_int, c_void, siginfo_t};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Mutex, OnceLock};

/// Windows that can be watched at once: one per scanning thread, so far more than CPUs.
const WATCHES_MAX: usize = 256;

/// Times that the guard can be put on top of a newer handler; after that, files are read.
const LEVELS_MAX: usize = 8;

struct Slot {
    /// The window's first address; 0 is free, [`TAKEN`] is being filled.
    start: AtomicUsize,
    /// An address in the window that could not be read, or 0.
    fault: AtomicUsize,
}

/// No address is in a window that starts here.
const TAKEN: usize = usize::MAX;

static SLOTS: [Slot; WATCHES_MAX] =
    [const { Slot { start: AtomicUsize::new(0), fault: AtomicUsize::new(0) } }; WATCHES_MAX];

static SURVIVED: AtomicU64 = AtomicU64::new(0);

/// The page size, set before the first handler is installed.
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);

/// The action that was in force when the handler of this level was installed.
static PREVIOUS: [OnceLock<libc::sigaction>; LEVELS_MAX] = [const { OnceLock::new() }; LEVELS_MAX];

type Handler = extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

/// One handler per level. They are compared by address, which is taken here and nowhere else.
static HANDLERS: [Handler; LEVELS_MAX] = [
    on_sigbus::<0>,
    on_sigbus::<1>,
    on_sigbus::<2>,
    on_sigbus::<3>,
    on_sigbus::<4>,
    on_sigbus::<5>,
    on_sigbus::<6>,
    on_sigbus::<7>,
];

/// A window in which faults are survived, as long as this lives.
pub(super) struct Watch {
    slot: &'static Slot,
    start: usize,
}

impl Watch {
    /// Watches [`WINDOW_BYTES`] from `start`, a multiple of the page size; None if the table is
    /// full.
    ///
    /// The range must be reserved by the caller for as long as the watch lives: the handler maps
    /// over it.
    pub(super) fn new(start: usize) -> Option<Watch> {
        let slot =
            SLOTS.iter().find(|s| s.start.compare_exchange(0, TAKEN, AcqRel, Relaxed).is_ok())?;
        slot.fault.store(0, Relaxed);
        slot.start.store(start, Release);
        Some(Watch { slot, start })
    }

    /// The first address.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// The position of the first fault since the last call.
    pub(super) fn take_fault(&self) -> Option<usize> {
        match self.slot.fault.swap(0, AcqRel) {
            0 => None,
            address => Some(address - self.start),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.slot.start.store(0, Release);
    }
}

/// Faults survived since the process started.
pub(super) fn survived() -> u64 {
    SURVIVED.load(Relaxed)
}

/// Makes sure that the guard is the first to hear of a SIGBUS; whether it is.
pub(super) fn arm() -> bool {
    static INSTALLING: Mutex<()> = Mutex::new(());
    if is_ours(&current_action()) {
        return true;
    }
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(|e| e.into_inner());
    // SAFETY: sysconf has no preconditions.
    let page_bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    PAGE_BYTES.store(page_bytes as usize, Relaxed);
    for (level, previous) in PREVIOUS.iter().enumerate() {
        let found = current_action();
        if is_ours(&found) {
            return true;
        }
        // Noted before the handler can run. A level that is in use is not used again: another
        // handler may hold this one as its predecessor.
        if previous.set(found).is_err() {
            continue;
        }
        let replaced = set_action(&our_action(level));
        if replaced.sa_sigaction == found.sa_sigaction {
            return true;
        }
        // Another handler was installed in between: restore it and go on top of it.
        set_action(&replaced);
    }
    false
}

fn our_action(level: usize) -> libc::sigaction {
    // SAFETY: all zeros is a valid sigaction: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = HANDLERS[level] as usize;
    // ONSTACK: a thread may be about to run out of stack, or have a small one (Go, green threads).
    // NODEFER: a handler further down that raises SIGBUS again to die must die there and then.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER | libc::SA_RESTART;
    action
}

fn is_ours(action: &libc::sigaction) -> bool {
    HANDLERS.iter().any(|&h| h as usize == action.sa_sigaction)
}

fn current_action() -> libc::sigaction {
    exchange_action(ptr::null())
}

/// Installs an action and returns the one before. Signal-safe.
fn set_action(action: &libc::sigaction) -> libc::sigaction {
    exchange_action(action)
}

fn exchange_action(new: *const libc::sigaction) -> libc::sigaction {
    let mut old = MaybeUninit::zeroed();
    // SAFETY: `new` is null or a valid action; `old` is large enough. With a valid signal number
    // the call cannot fail, and zeros are a valid sigaction in any case.
    unsafe {
        libc::sigaction(libc::SIGBUS, new, old.as_mut_ptr());
        old.assume_init()
    }
}

extern "C" fn on_sigbus<const LEVEL: usize>(
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo_t.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    // 1 to 5 are BUS_*, a fault at an address. Others are sent by processes.
    let is_fault = (1..=5).contains(&code);
    if !(is_fault && survive(address)) {
        pass_on(LEVEL, signal, info, context);
    }
}

/// Puts zero pages where a window's file is gone; false if `address` is in no window.
fn survive(address: usize) -> bool {
    let Some((slot, start)) = SLOTS.iter().find_map(|slot| {
        let start = slot.start.load(Acquire);
        (start != 0 && start <= address && address - start < WINDOW_BYTES).then_some((slot, start))
    }) else {
        return false;
    };
    let page = address & !(PAGE_BYTES.load(Relaxed) - 1);
    let len = start + WINDOW_BYTES - page;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    let _ = slot.fault.compare_exchange(0, address, AcqRel, Relaxed);
    let page = ptr::without_provenance_mut(page);
    // SAFETY: page..page+len is the rest of a window's reserved space, where only its owner
    // reads, and the owner is stopped at `address` or, in another thread, will find zeros.
    let mapped = unsafe { libc::mmap(page, len, libc::PROT_READ, flags, -1, 0) };
    let survived = mapped != libc::MAP_FAILED;
    SURVIVED.fetch_add(u64::from(survived), Relaxed);
    survived
}

/// Does with a SIGBUS what would have been done without this guard.
fn pass_on(level: usize, signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // Set before the handler was installed.
    let Some(previous) = PREVIOUS[level].get() else {
        return;
    };
    // SAFETY: as in `on_sigbus`.
    let code = unsafe { (*info).si_code };
    // Besides BUS_*, SI_KERNEL: an instruction faulted, and will again.
    let returns_to_fault = (1..=5).contains(&code) || code == 0x80;
    match previous.sa_sigaction {
        // The instruction runs again and meets the action itself.
        libc::SIG_DFL | libc::SIG_IGN if returns_to_fault => {
            set_action(previous);
        }
        libc::SIG_DFL => {
            set_action(previous);
            // SAFETY: raise is signal-safe; SIGBUS is not blocked here, so this ends the process.
            unsafe { libc::raise(signal) };
        }
        libc::SIG_IGN => {}
        handler => call(handler, previous, signal, info, context),
    }
}

/// Calls a handler as the kernel would: its mask, its flags, its arguments.
fn call(
    handler: usize,
    previous: &libc::sigaction,
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    if previous.sa_flags & libc::SA_RESETHAND != 0 {
        // SAFETY: all zeros is a valid sigaction, the default one.
        set_action(&unsafe { MaybeUninit::zeroed().assume_init() });
    }
    // SAFETY: the handler was installed by its owner for exactly this signal with exactly these
    // flags, and gets the arguments that the kernel gave us. The mask is undone by the kernel
    // when our handler returns.
    unsafe {
        let mut mask = previous.sa_mask;
        if previous.sa_flags & libc::SA_NODEFER == 0 {
            libc::sigaddset(&mut mask, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &mask, ptr::null_mut());
        if previous.sa_flags & libc::SA_SIGINFO != 0 {
            let handler: Handler = std::mem::transmute::<usize, Handler>(handler);
            handler(signal, info, context);
        } else {
            let handler = std::mem::transmute::<usize, extern "C" fn(c_int)>(handler);
            handler(signal);
        }
    }
}
