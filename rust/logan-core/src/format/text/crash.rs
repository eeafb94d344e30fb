//! Heads of crashes: what virtual machines, runtimes and C libraries print when a program dies, without
//! a time of its own.
//!
//! # Accepted
//! A line that begins with one of [`HEADS`]; `thread '` or `thread "` where ` panicked at ` follows; a
//! time of day and ` UTC - mysqld got `; and
//! Python's `Traceback (most recent call last):`, unless a record of WARN or above, or without a level, comes
//! before it, whose tail it then is, or lines that say that another exception did. The level is FATAL, that of a
//! traceback ERROR. The time is that of the record before it that has one, if that begins within
//! [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES). What follows is its [tail](crate::format::tails).
//! In the payload of an envelope, which says the time, tracebacks are none: their lines cannot be told apart.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::{Candidate, Entry, Facts, Info, MultiLineFormat, Parse, Part, multi_line};
use crate::record::{Columns, Level, NO_TIME, Text};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "crash",
        title: "head of a crash, without a time",
        example: "panic: runtime error: index out of range [3] with length 3",
        time_field: "the record before it",
        duration: None,
    },
    facts: Facts { trial: Candidate::LastResort, ..Facts::PLAIN },
    build: |params| multi_line(Crash { is_payload: params.is_payload }),
};

/// How they begin.
const HEADS: &[&[u8]] = &[
    b"panic: ",
    b"fatal error: ",
    b"Fatal error: ",
    b"Fatal Python error: ",
    b"PHP Fatal error: ",
    b"Exception in thread \"",
    b"Unhandled exception",
    b"Unhandled Exception",
    b"Unhandled rejection",
    b"UnhandledPromiseRejection",
    b"Uncaught ",
    b"uncaught exception",
    b"Segmentation fault",
    b"SIGSEGV: ",
    b"SIGABRT: ",
    b"terminate called ",
    b"*** stack smashing detected ***",
    b"*** Error in ",
    b"double free or corruption",
    b"free(): invalid ",
    b"# A fatal error has been detected by the Java Runtime Environment",
];

const TRACEBACK: &[u8] = b"Traceback (most recent call last)";

struct Crash {
    is_payload: bool,
}

impl MultiLineFormat for Crash {
    const COLUMNS: Columns = Columns::TIME.or(Columns::LEVEL).or(Columns::MESSAGE);
    type State = ();

    fn may_begin_with(&self, byte: u8) -> bool {
        static BEGINS: [bool; 256] = {
            let (mut begins, mut i) = (crate::format::byte_set(b"tT0123456789"), 0);
            while i < HEADS.len() {
                begins[HEADS[i][0] as usize] = true;
                i += 1;
            }
            begins
        };
        BEGINS[usize::from(byte)]
    }

    #[inline(always)]
    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        _state: &mut (),
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let text = line.bytes();
        let Some(level) = level(text) else { return Part::Foreign };
        let tail = &mut cx.context.history.tail;
        if level == Level::Error && (self.is_payload || tail.is_told(offset)) {
            return Part::Foreign;
        }
        if !self.is_payload {
            tail.crash = Some(offset);
            if let Some((time_ns, _)) =
                tail.timed(offset).filter(|(time_ns, _)| *time_ns != NO_TIME)
            {
                cx.record.time_ns = time_ns;
                cx.record.second = time_ns.div_euclid(1_000_000_000);
            }
        }
        cx.record.level = level;
        cx.record.message = Text::of_line(0, text.len());
        Part::Record
    }
}

/// `06:37:41 UTC - mysqld got signal 6 ;`
fn is_of_mysql(text: &[u8]) -> bool {
    const BEHIND: &[u8] = b" UTC - mysqld got ";
    const CLOCK_BYTES: usize = 8;
    let Some((clock, rest)) = text.split_at_checked(CLOCK_BYTES) else { return false };
    rest.starts_with(BEHIND) && clock.iter().all(|b| b.is_ascii_digit() || *b == b':')
}

#[inline(never)]
fn level(text: &[u8]) -> Option<Level> {
    const LINE_BYTES: usize = 256;
    if text.starts_with(TRACEBACK) {
        return Some(Level::Error);
    }
    let front = &text[..text.len().min(LINE_BYTES)];
    let is_thread = (text.starts_with(b"thread '") || text.starts_with(b"thread \""))
        && memchr::memmem::find(front, b" panicked at ").is_some();
    let is_head = is_thread || is_of_mysql(text) || HEADS.iter().any(|head| text.starts_with(head));
    is_head.then_some(Level::Fatal)
}
