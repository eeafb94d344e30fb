//! Files that are cut, rewritten and rotated while they are read: never a dead process, and never
//! a wrong figure that passes for a right one.
//!
//! Each test runs its dangerous part in a child process, this test binary again with the one test
//! selected, so that a death by signal is seen instead of suffered.
//!
//! `LOGAN_RACES` is the number of races (2,000 unless set), `LOGAN_SEED` chooses them.
#![cfg(unix)]

use logan_core::bytes::input::{
    Check, Fingerprint, Mode, READ_BYTES, Source, WINDOW_BYTES, faults_survived,
};
use logan_core::error::{Error, Result};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow::{Break, Continue};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};

// SAFETY: what these tests do with bytes does not depend on an earlier look at them.
const MAP: Mode = unsafe { Mode::map() };

// ---------------------------------------------------------------------------------------------
// Children

/// The folder of a child's files; set in children alone.
const FOLDER: &str = "LOGAN_TEST_FOLDER";

fn this_test(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command
}

/// Runs the test `name` in a child, where this answers None; in the parent, how the child ended.
fn in_child(name: &str) -> Option<Ended> {
    if std::env::var_os(FOLDER).is_some() {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a valid struct; some children are meant to die, and need no core file.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
        return None;
    }
    let folder = std::env::temp_dir().join(format!("logan-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let output = this_test(name).env(FOLDER, &folder).output().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    println!("{text}");
    Some(Ended { status: output.status, text })
}

/// How a child ended, and what it said.
struct Ended {
    status: ExitStatus,
    text: String,
}

impl Ended {
    fn well(&self) {
        assert!(self.status.success(), "{}", self.status);
    }

    fn by_sigbus(&self) {
        assert_eq!(self.status.signal(), Some(libc::SIGBUS), "{}", self.status);
    }

    fn with_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{}", self.status);
    }
}

/// A path in the child's folder.
fn file(name: &str) -> PathBuf {
    Path::new(&std::env::var_os(FOLDER).unwrap()).join(name)
}

/// A file in the child's folder with these bytes.
fn file_of(bytes: &[u8]) -> PathBuf {
    let path = file("a.log");
    fs::write(&path, bytes).unwrap();
    path
}

fn cut(path: &Path, len: u64) {
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

// ---------------------------------------------------------------------------------------------
// The guard, step by step

/// The byte at `i` as it is in memory now: a plain look may be answered from an earlier one.
fn look(block: &[u8], i: usize) -> u8 {
    // SAFETY: a valid reference.
    unsafe { (&raw const block[i]).read_volatile() }
}

/// Whether all bytes are now `byte`.
fn all(block: &[u8], byte: u8) -> bool {
    (0..block.len()).all(|i| look(block, i) == byte)
}

/// Reads a window whose file is cut to nothing after the first byte; the error.
fn read_while_cut(path: &Path) -> Error {
    fs::write(path, vec![b'x'; 1 << 20]).unwrap();
    let source = Source::open(path, MAP).unwrap();
    source
        .windows(0..source.size(), |block, _| {
            assert_eq!(look(block, 0), b'x');
            cut(path, 0);
            assert!(block.iter().all(|&b| b == 0), "the whole window is readable");
            Ok(Continue(()))
        })
        .unwrap_err()
}

#[test]
fn a_page_that_is_gone_is_an_error() {
    let Some(child) = in_child("a_page_that_is_gone_is_an_error") else {
        for time in 1..=3 {
            let error = read_while_cut(&file("a.log"));
            assert!(
                matches!(&error, Error::Changed { why, .. } if why.contains("was gone")),
                "{error}"
            );
            assert_eq!(faults_survived(), time, "one fault per window");
        }
        return;
    };
    child.well();
}

#[test]
fn a_later_window_that_is_gone_is_an_error() {
    let Some(child) = in_child("a_later_window_that_is_gone_is_an_error") else {
        let path = file_of(&vec![b'x'; 2 * WINDOW_BYTES]);
        let source = Source::open(&path, MAP).unwrap();
        let keep = WINDOW_BYTES + 3 * 65_536;
        let outcome = source.windows(0..source.size(), |block, offset| {
            if offset > 0 {
                cut(&path, keep as u64);
                let kept = &block[..keep - WINDOW_BYTES];
                assert!(all(kept, b'x'));
                assert!(all(&block[kept.len()..], 0));
            }
            Ok(Continue(()))
        });
        assert!(matches!(outcome, Err(Error::Changed { .. })));
        assert_eq!(faults_survived(), 1);
        return;
    };
    child.well();
}

#[test]
fn zeros_in_the_last_page_come_without_a_signal_and_are_an_error() {
    let name = "zeros_in_the_last_page_come_without_a_signal_and_are_an_error";
    let Some(child) = in_child(name) else {
        let path = file_of(&[b'x'; 100]);
        let source = Source::open(&path, MAP).unwrap();
        let outcome = source.windows(0..100, |block, _| {
            assert_eq!(look(block, 99), b'x');
            cut(&path, 50);
            assert_eq!(look(block, 99), 0);
            Ok(Continue(()))
        });
        assert!(matches!(outcome, Err(Error::Changed { .. })));
        assert_eq!(faults_survived(), 0);
        return;
    };
    child.well();
}

#[test]
fn a_fault_is_an_error_though_the_size_is_back() {
    let Some(child) = in_child("a_fault_is_an_error_though_the_size_is_back") else {
        let path = file_of(&[b'x'; 10_000]);
        let source = Source::open(&path, MAP).unwrap();
        let outcome = source.windows(0..10_000, |block, _| {
            cut(&path, 0);
            assert!(all(block, 0));
            cut(&path, 10_000);
            Ok(Continue(()))
        });
        assert!(matches!(outcome, Err(Error::Changed { .. })));
        return;
    };
    child.well();
}

#[test]
fn the_change_outweighs_what_the_callback_answers() {
    let Some(child) = in_child("the_change_outweighs_what_the_callback_answers") else {
        let path = file_of(&[b'x'; 10_000]);
        let source = Source::open(&path, MAP).unwrap();
        let outcome = source.windows(0..10_000, |_, _| {
            cut(&path, 0);
            Err(Error::Spec("made of zeros".into()))
        });
        assert!(matches!(outcome, Err(Error::Changed { .. })));
        return;
    };
    child.well();
}

#[test]
fn a_panic_in_the_callback_takes_the_watch_back() {
    let Some(child) = in_child("a_panic_in_the_callback_takes_the_watch_back") else {
        let path = file_of(&[b'x'; 10_000]);
        let source = Source::open(&path, MAP).unwrap();
        std::panic::set_hook(Box::new(|_| ()));
        // More often than the table has slots.
        for _ in 0..300 {
            let scan = || source.windows(0..10_000, |_, _| panic!());
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(scan)).unwrap_err();
        }
        let _ = std::panic::take_hook();
        read_while_cut(&path);
        assert_eq!(faults_survived(), 1, "still mapped and watched");
        return;
    };
    child.well();
}

/// The length of the first block, read while `others` windows are open.
fn first_block(source: &Source, others: usize) -> usize {
    let mut len = 0;
    let outcome = source.windows(0..source.size(), |block, _| {
        len = if others == 0 { block.len() } else { first_block(source, others - 1) };
        Ok(Break(()))
    });
    outcome.unwrap();
    len
}

#[test]
fn more_windows_than_can_be_watched_are_read() {
    let Some(child) = in_child("more_windows_than_can_be_watched_are_read") else {
        let size = READ_BYTES + 5;
        let source = Source::open(file_of(&vec![b'x'; size]), MAP).unwrap();
        assert_eq!(first_block(&source, 255), size);
        assert_eq!(first_block(&source, 256), READ_BYTES);
        assert_eq!(first_block(&source, 255), size, "the places are free again");
        return;
    };
    child.well();
}

// ---------------------------------------------------------------------------------------------
// Faults and signals that are not ours

/// Touches a page of a mapping of our own whose file is gone.
fn fault_elsewhere(path: &Path) {
    fs::write(path, [b'x'; 8192]).unwrap();
    let file = File::open(path).unwrap();
    // SAFETY: a new mapping; reading it raises SIGBUS, which is the point.
    unsafe {
        let fd = file.as_raw_fd();
        let page = libc::mmap(std::ptr::null_mut(), 8192, libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        assert_ne!(page, libc::MAP_FAILED);
        cut(path, 0);
        page.cast::<u8>().read_volatile();
    }
}

/// Installs an action for SIGBUS and returns the one before.
fn install(handler: usize, flags: libc::c_int) -> libc::sigaction {
    // SAFETY: zeros are a valid sigaction, and the handlers of this file fit their flags.
    unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        let mut old: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = handler;
        new.sa_flags = flags;
        assert_eq!(libc::sigaction(libc::SIGBUS, &new, &mut old), 0);
        old
    }
}

fn send_to_self() {
    // SAFETY: no preconditions.
    unsafe { libc::kill(libc::getpid(), libc::SIGBUS) };
}

extern "C" fn exit_42(_: libc::c_int) {
    // SAFETY: _exit is signal-safe.
    unsafe { libc::_exit(42) };
}

extern "C" fn exit_43_at_a_fault(
    _: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: SA_SIGINFO; _exit is signal-safe.
    unsafe {
        let real = !context.is_null() && (1..=5).contains(&(*info).si_code);
        libc::_exit(if real && !(*info).si_addr().is_null() { 43 } else { 1 });
    }
}

#[test]
fn a_fault_elsewhere_still_kills() {
    let Some(child) = in_child("a_fault_elsewhere_still_kills") else {
        install(libc::SIG_DFL, 0);
        read_while_cut(&file("a.log"));
        assert_eq!(faults_survived(), 1);
        fault_elsewhere(&file("b.log"));
        return;
    };
    child.by_sigbus();
}

#[test]
fn a_fault_elsewhere_still_kills_under_the_handler_of_the_runtime() {
    let Some(child) = in_child("a_fault_elsewhere_still_kills_under_the_handler_of_the_runtime")
    else {
        read_while_cut(&file("a.log"));
        fault_elsewhere(&file("b.log"));
        return;
    };
    child.by_sigbus();
}

#[test]
fn a_signal_that_is_sent_still_kills() {
    let Some(child) = in_child("a_signal_that_is_sent_still_kills") else {
        install(libc::SIG_DFL, 0);
        read_while_cut(&file("a.log"));
        send_to_self();
        return;
    };
    child.by_sigbus();
}

#[test]
fn an_ignored_signal_is_still_ignored_and_a_fault_is_not() {
    let Some(child) = in_child("an_ignored_signal_is_still_ignored_and_a_fault_is_not") else {
        install(libc::SIG_IGN, 0);
        read_while_cut(&file("a.log"));
        send_to_self();
        read_while_cut(&file("a.log"));
        assert_eq!(faults_survived(), 2);
        fault_elsewhere(&file("b.log"));
        return;
    };
    child.by_sigbus();
}

#[test]
fn the_handler_of_before_is_called() {
    let Some(child) = in_child("the_handler_of_before_is_called") else {
        install(exit_42 as *const () as usize, 0);
        read_while_cut(&file("a.log"));
        fault_elsewhere(&file("b.log"));
        return;
    };
    child.with_code(42);
}

#[test]
fn the_handler_of_before_gets_the_details() {
    let Some(child) = in_child("the_handler_of_before_gets_the_details") else {
        install(exit_43_at_a_fault as *const () as usize, libc::SA_SIGINFO | libc::SA_RESETHAND);
        read_while_cut(&file("a.log"));
        fault_elsewhere(&file("b.log"));
        return;
    };
    child.with_code(43);
}

/// What [`like_faulthandler`] puts back.
static BEFORE: std::sync::OnceLock<libc::sigaction> = std::sync::OnceLock::new();

/// Reports, puts back what was there before, and raises the signal again: so does Python's.
extern "C" fn like_faulthandler(signal: libc::c_int) {
    // SAFETY: all of these are signal-safe.
    unsafe {
        libc::sigaction(signal, BEFORE.get().unwrap(), std::ptr::null_mut());
        libc::write(1, b"reported\n".as_ptr().cast(), 9);
        libc::raise(signal);
    }
}

#[test]
fn a_handler_that_comes_later_neither_sees_our_faults_nor_misses_its_own() {
    let name = "a_handler_that_comes_later_neither_sees_our_faults_nor_misses_its_own";
    let Some(child) = in_child(name) else {
        install(libc::SIG_DFL, 0);
        read_while_cut(&file("a.log"));
        let handler = like_faulthandler as *const () as usize;
        let before = install(handler, libc::SA_NODEFER);
        BEFORE.set(before).unwrap_or_else(|_| unreachable!());
        read_while_cut(&file("a.log"));
        assert_eq!(faults_survived(), 2);
        println!("survived");
        fault_elsewhere(&file("b.log"));
        return;
    };
    child.by_sigbus();
    let (before, after) = child.text.split_once("survived").expect("our fault is survived");
    assert!(!before.contains("reported"));
    assert_eq!(after.matches("reported").count(), 1);
}

#[test]
fn when_others_keep_taking_the_signal_files_are_read() {
    let Some(child) = in_child("when_others_keep_taking_the_signal_files_are_read") else {
        let path = file_of(&vec![b'x'; 1 << 20]);
        let source = Source::open(&path, MAP).unwrap();
        for _ in 0..20 {
            install(exit_42 as *const () as usize, 0);
            let mut bytes = 0;
            let count = |block: &[u8], _| {
                bytes += block.len();
                Ok(Continue(()))
            };
            source.windows(0..source.size(), count).unwrap();
            assert_eq!(bytes, 1 << 20);
        }
        assert!(!source.is_mapped());
        return;
    };
    child.well();
}

// ---------------------------------------------------------------------------------------------
// Races

/// The pseudo-random numbers of splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Sizes of raced files: inside one page, inside one window, across two.
const SIZES: [usize; 4] = [3_000, 200_001, 1 << 20, WINDOW_BYTES + 77_777];

/// Contents, of which neighbors in time differ everywhere.
const VARIANTS: u64 = 4;

fn content(variant: u64) -> Vec<u8> {
    let mut random = Random(variant);
    let words = SIZES[3] * 5 / 4 / 8 + 100;
    (0..words).flat_map(|_| random.next().to_le_bytes()).collect()
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&b| u64::from(b)).sum()
}

/// What the rival does to the file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    /// Cuts it.
    Truncate,
    /// Cuts it to nothing and writes another log, as a program that opens it anew.
    Restart,
    /// Writes at its end, in pieces.
    Append,
    /// Writes other bytes over it from its start.
    Overwrite,
    /// Writes a few other bytes somewhere.
    Patch,
    /// Renames it and makes a new one: logrotate with `create`.
    Rotate,
    /// Copies it, cuts it to nothing, and goes on writing: logrotate with `copytruncate`.
    CopyTruncate,
}

const DEEDS: [Deed; 7] = [
    Deed::Truncate,
    Deed::Restart,
    Deed::Append,
    Deed::Overwrite,
    Deed::Patch,
    Deed::Rotate,
    Deed::CopyTruncate,
];

/// One order to the rival.
#[derive(Debug, Clone, Copy)]
struct Order {
    deed: usize,
    delay_ns: u64,
    variant: u64,
    len: u64,
}

impl Order {
    fn to_line(self) -> String {
        format!("{} {} {} {}\n", self.deed, self.delay_ns, self.variant, self.len)
    }

    fn from_line(line: &str) -> Order {
        let n: Vec<u64> = line.split_whitespace().map(|w| w.parse().unwrap()).collect();
        Order { deed: n[0] as usize, delay_ns: n[1], variant: n[2], len: n[3] }
    }

    fn carry_out(self, path: &Path, contents: &[Vec<u8>]) {
        let start = Instant::now();
        while (start.elapsed().as_nanos() as u64) < self.delay_ns {
            std::hint::spin_loop();
        }
        let bytes = &contents[self.variant as usize][..self.len as usize];
        let old = path.with_extension("1");
        let writer = || File::options().write(true).open(path).unwrap();
        match DEEDS[self.deed] {
            Deed::Truncate => cut(path, self.len),
            Deed::Restart => fs::write(path, bytes).unwrap(),
            Deed::Append => {
                let mut file = File::options().append(true).open(path).unwrap();
                bytes.chunks(10_000).for_each(|piece| file.write_all(piece).unwrap());
            }
            Deed::Overwrite => writer().write_all_at(bytes, 0).unwrap(),
            Deed::Patch => {
                let other = &contents[self.variant as usize][self.len as usize..][..100];
                writer().write_all_at(other, self.len).unwrap();
            }
            Deed::Rotate => {
                fs::rename(path, &old).unwrap();
                fs::write(path, bytes).unwrap();
            }
            Deed::CopyTruncate => {
                fs::copy(path, &old).unwrap();
                writer().set_len(0).unwrap();
                let mut file = File::options().append(true).open(path).unwrap();
                bytes.chunks(10_000).for_each(|piece| file.write_all(piece).unwrap());
            }
        }
    }
}

/// What disturbs the file: a thread or a process.
enum Rival {
    Thread(mpsc::SyncSender<Order>, mpsc::Receiver<()>),
    Process(Child, BufReader<ChildStdout>),
}

impl Rival {
    fn thread(path: PathBuf) -> Rival {
        let (orders, inbox) = mpsc::sync_channel::<Order>(1);
        let (outbox, done) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let contents: Vec<_> = (0..VARIANTS).map(content).collect();
            outbox.send(()).unwrap();
            for order in inbox {
                order.carry_out(&path, &contents);
                outbox.send(()).unwrap();
            }
        });
        Rival::Thread(orders, done)
    }

    fn process(path: PathBuf) -> Rival {
        let mut command = this_test("rival");
        command.env("LOGAN_TEST_FILE", path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take().unwrap();
        Rival::Process(child, BufReader::new(output))
    }

    fn order(&mut self, order: Order) {
        match self {
            Rival::Thread(orders, _) => orders.send(order).unwrap(),
            Rival::Process(child, _) => {
                let orders = child.stdin.as_mut().unwrap();
                orders.write_all(order.to_line().as_bytes()).unwrap();
            }
        }
    }

    /// Waits until the rival is ready for an order; it says so at first and after each.
    fn wait(&mut self) {
        match self {
            Rival::Thread(_, done) => done.recv().unwrap(),
            Rival::Process(_, done) => {
                let mut line = String::new();
                while !line.ends_with("ready\n") {
                    assert_ne!(done.read_line(&mut line).unwrap(), 0, "the rival is gone: {line}");
                }
            }
        }
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        if let Rival::Process(child, _) = self {
            // Its orders end here, and so does it.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// Not a test but the rival's process: it does what standard input says until that ends.
#[test]
fn rival() {
    let Some(path) = std::env::var_os("LOGAN_TEST_FILE").map(PathBuf::from) else {
        return;
    };
    let contents: Vec<_> = (0..VARIANTS).map(content).collect();
    println!("\nready");
    for line in std::io::stdin().lines() {
        Order::from_line(&line.unwrap()).carry_out(&path, &contents);
        println!("ready");
    }
}

/// Sums the planned bytes in two threads, which take parts by turns.
fn scan(source: &Source, size: u64) -> Result<u64> {
    const PART_BYTES: u64 = 300_000;
    let next = AtomicU64::new(0);
    let worker = || -> Result<u64> {
        let mut total = 0;
        loop {
            let start = next.fetch_add(PART_BYTES, Relaxed);
            if start >= size {
                return Ok(total);
            }
            source.windows(start..size.min(start + PART_BYTES), |block, _| {
                total += sum(block);
                Ok(Continue(()))
            })?;
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(worker);
        let mine = worker();
        Ok(mine? + other.join().unwrap()?)
    })
}

#[derive(Debug)]
enum Outcome {
    /// The file is said to be the planned one.
    Same(u64),
    /// The file is said to be written to.
    Touched,
    /// The file is said to be another one.
    Changed,
    /// There was no file at the path.
    Missing,
}

/// What a worker does with one file: check, scan, check again.
fn analyze(path: &Path, plan: &Fingerprint, mode: Mode) -> Outcome {
    let attempt = || -> Result<(Check, u64)> {
        let source = Source::open(path, mode)?;
        let found = plan.check(&source)?;
        if matches!(found, Check::Changed(_)) {
            return Ok((found, 0));
        }
        let total = scan(&source, plan.size)?;
        Ok((plan.check(&source)?, total))
    };
    match attempt() {
        Ok((Check::Same, total)) => Outcome::Same(total),
        Ok((Check::Touched, _)) => Outcome::Touched,
        Ok((Check::Changed(_), _)) | Err(Error::Changed { .. }) => Outcome::Changed,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Outcome::Missing
        }
        Err(error) => panic!("{error}"),
    }
}

#[derive(Debug, Default)]
struct Tally {
    races: u64,
    same: u64,
    touched: u64,
    changed: u64,
    missing: u64,
    faults: u64,
}

fn race(mode: Mode, mut rival: Rival, races: u64, seed: u64) -> Tally {
    let path = file("a.log");
    let contents: Vec<_> = (0..VARIANTS).map(content).collect();
    let mut random = Random(seed);
    let mut tally = Tally::default();
    // How long the scan of each size takes: the rival strikes somewhere in this time.
    let mut scan_ns = [20_000; SIZES.len()];
    rival.wait();
    for race in 0..races {
        let which = [0, 1, 1, 2, 2, 2, 3, 3][random.below(8) as usize];
        let (size, variant) = (SIZES[which], race % VARIANTS);
        let planned = &contents[variant as usize][..size];
        fs::write(&path, planned).unwrap();
        let plan = Fingerprint::of(&path, None).unwrap();

        let deed = random.below(DEEDS.len() as u64) as usize;
        let order = Order {
            deed,
            delay_ns: random.below(scan_ns[which] * 5 / 4),
            variant: (variant + 1) % VARIANTS,
            // At times more than before: a log that is restarted may grow past its old size.
            len: random.below(size as u64 * 5 / 4),
        };
        rival.order(order);
        let start = Instant::now();
        let outcome = analyze(&path, &plan, mode);
        let took = start.elapsed().min(Duration::from_millis(20)).as_nanos() as u64;
        rival.wait();
        scan_ns[which] = (scan_ns[which] * 7 + took) / 8;

        let story = || format!("seed {seed}, race {race}, {mode:?}, {order:?}: {outcome:?}");
        tally.races += 1;
        match outcome {
            Outcome::Same(total) => {
                assert_eq!(total, sum(planned), "{}", story());
                tally.same += 1;
            }
            Outcome::Changed => {
                assert_ne!(DEEDS[deed], Deed::Append, "{}", story());
                tally.changed += 1;
            }
            Outcome::Touched => tally.touched += 1,
            Outcome::Missing => {
                assert_eq!(DEEDS[deed], Deed::Rotate, "{}", story());
                tally.missing += 1;
            }
        }
    }
    tally.faults = faults_survived();
    tally
}

/// `percent` of all races, in a child.
fn races(name: &str, mode: Mode, rival: fn(PathBuf) -> Rival, percent: u64) {
    let number = |name, default| {
        std::env::var(name).ok().map_or(default, |v| v.parse().expect("a number is needed"))
    };
    let Some(child) = in_child(name) else {
        let seed = number("LOGAN_SEED", 1);
        let count = (number("LOGAN_RACES", 2_000) * percent).div_ceil(100);
        let tally = race(mode, rival(file("a.log")), count, seed);
        println!("{mode:?}, seed {seed}: {tally:?}");
        assert_eq!(tally.races, count);
        assert!(tally.same > 0 && tally.changed > 0, "{tally:?}");
        assert_eq!(tally.faults > 0, mode == MAP, "{tally:?}");
        return;
    };
    child.well();
}

#[test]
fn races_with_a_thread_mapped() {
    races("races_with_a_thread_mapped", MAP, Rival::thread, 40);
}

#[test]
fn races_with_a_process_mapped() {
    races("races_with_a_process_mapped", MAP, Rival::process, 30);
}

#[test]
fn races_with_a_thread_read() {
    races("races_with_a_thread_read", Mode::READ, Rival::thread, 15);
}

#[test]
fn races_with_a_process_read() {
    races("races_with_a_process_read", Mode::READ, Rival::process, 15);
}
