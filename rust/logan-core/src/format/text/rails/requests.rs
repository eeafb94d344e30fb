//! Which lines are of one request: `Started`, `Processing` and `Completed`.
//!
//! Lines of one process and with the same tags may be of one request, and are surely so where the tags
//! hold its id. Without one, several requests may be in progress at a time. So a `Processing` is of the
//! `Started` before it if no other `Started` waits for its own, and a `Completed` is of the `Processing`
//! before it if no other request is in progress. Where that is not so, or the lines before are out of
//! [reach](LOOK_BACK_BYTES), nothing is known of the request but what the line says.

use crate::bytes::line::Line;
use crate::format::state::reaches;
use crate::record::{NO_DURATION, NO_TIME, Record};
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_64;

#[cfg(doc)]
use crate::format::state::LOOK_BACK_BYTES;

/// Lines that are looked at for those of one request: a bound for the time that it takes.
const LINES_MAX: usize = 1_024;

/// What a line says of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It came in.
    Started,
    /// It goes to a controller.
    Processing,
    /// Both, as one line said before Rails 3.
    StartedProcessing,
    /// It is answered.
    Completed,
}

/// Process and tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    hashes: [u64; 2],
    /// Whether the tags hold what may be the id of a request.
    pub(super) has_id: bool,
}

/// What the first line of a request said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) time_ns: i64,
    pub(super) method: Box<[u8]>,
    pub(super) path: Box<[u8]>,
    pub(super) client: Box<[u8]>,
}

struct Event {
    offset: u64,
    key: Key,
    step: Step,
    time_ns: i64,
    start: Option<Start>,
}

/// The lines of requests that are in reach, in order.
#[derive(Default)]
pub(super) struct Requests(VecDeque<Event>);

impl Key {
    pub(super) fn of(process: &[u8], tags: &[u8]) -> Key {
        const ID_BYTES_MIN: usize = 16;
        let is_of_id = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
        let has_id = tags
            .split(|b| matches!(b, b'[' | b']'))
            .any(|tag| tag.len() >= ID_BYTES_MIN && tag.iter().all(is_of_id));
        Key { hashes: [xxh3_64(process), xxh3_64(tags)], has_id }
    }
}

impl Start {
    /// Of a line, none of whose texts are elsewhere.
    pub(super) fn of(line: Line<'_>, record: &Record) -> Start {
        let Record { time_ns, method, path, client, .. } = *record;
        let [method, path, client] =
            [method, path, client].map(|text| text.bytes(line.bytes(), &[]).into());
        Start { time_ns, method, path, client }
    }
}

/// Whether a line may be of a request that went to its controller at this time: what has a time of its own
/// and took so long came about then.
fn fits(processing_ns: i64, record: &Record) -> bool {
    let Record { time_ns, duration_ns, .. } = *record;
    if time_ns == NO_TIME || processing_ns == NO_TIME || duration_ns == NO_DURATION {
        return true;
    }
    // What has not the time of a logger is in whole seconds.
    let slack_ns = if processing_ns % 1_000_000_000 == 0 { 1_000_000_000 } else { 10_000_000 };
    let since = u64::try_from(time_ns.saturating_sub(processing_ns)).unwrap_or(0);
    since.abs_diff(duration_ns) <= slack_ns + duration_ns / 32
}

impl Requests {
    /// Adds a line, and gives the start of the request that it goes on with, if that is known. Without an
    /// id the times have to fit, too.
    pub(super) fn add(
        &mut self,
        offset: u64,
        key: Key,
        step: Step,
        record: &Record,
        start: impl FnOnce() -> Start,
    ) -> Option<&Start> {
        let Requests(events) = self;
        // The same line may be read twice.
        while events.back().is_some_and(|last| last.offset >= offset) {
            events.pop_back();
        }
        while events.front().is_some_and(|first| !reaches(first.offset, offset))
            || events.len() >= LINES_MAX
        {
            events.pop_front();
        }
        let known = start_of(events.iter().filter(|event| event.key == key), step);
        let start = matches!(step, Step::Started | Step::StartedProcessing).then(start);
        // What came with several requests is no id.
        let begins = |event: &&Event| event.key == key && event.step == Step::Started;
        let is_id = key.has_id && events.iter().filter(begins).count() < 2;
        let known = known.filter(|(_, time_ns)| is_id || fits(*time_ns, record));
        let offset_of_known = known.map(|(event, _)| event.offset);
        events.push_back(Event { offset, key, step, time_ns: record.time_ns, start });
        let at = events.binary_search_by_key(&offset_of_known?, |event| event.offset).ok()?;
        events[at].start.as_ref()
    }
}

/// The line that started the request that a step goes on with, and when that went to its controller, by
/// the lines before it.
///
/// Asked of all of them each time, so that nothing depends on lines out of reach.
fn start_of<'a>(events: impl Iterator<Item = &'a Event>, step: Step) -> Option<(&'a Event, i64)> {
    // Those that wait for a controller, and those in progress; the last one, if it is known.
    let (mut waiting, mut last_waiting) = (0u32, None);
    let (mut running, mut last_running) = (0u32, None);
    for event in events {
        match event.step {
            Step::Started => {
                (waiting, last_waiting) = (waiting + 1, Some(event));
            }
            Step::Processing => {
                let known = last_waiting.filter(|_| waiting == 1 && running == 0);
                (running, last_running) = (running + 1, known.map(|start| (start, event.time_ns)));
                (waiting, last_waiting) = (waiting.saturating_sub(1), None);
            }
            Step::StartedProcessing => {
                let known = Some((event, event.time_ns)).filter(|_| running == 0);
                (running, last_running) = (running + 1, known);
            }
            Step::Completed => {
                (running, last_running) = (running.saturating_sub(1), None);
            }
        }
    }
    match step {
        Step::Started | Step::StartedProcessing => None,
        Step::Processing => {
            last_waiting.filter(|_| waiting == 1).map(|start| (start, start.time_ns))
        }
        Step::Completed => last_running.filter(|_| running == 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::state::LOOK_BACK_BYTES;
    use proptest::prelude::*;

    const ONE: Key = Key { hashes: [1, 1], has_id: false };

    fn started(number: u64) -> Start {
        let text = |name: &str| format!("{name}{number}").into_bytes().into();
        Start { time_ns: number as i64, method: text("m"), path: text("/"), client: text("c") }
    }

    /// The numbers of the lines that started what these go on with: `S`, `P`, `B` (both) and `C`,
    /// each of the key of its digit, 100 bytes apart.
    fn starts(lines: &str) -> Vec<Option<i64>> {
        let mut requests = Requests::default();
        let lines = lines.split(' ').zip(0u64..);
        let lines = lines.map(|(line, number)| {
            let step = match &line[..1] {
                "S" => Step::Started,
                "P" => Step::Processing,
                "B" => Step::StartedProcessing,
                _ => Step::Completed,
            };
            let key = Key { hashes: [0, line[1..].parse().unwrap_or(0)], ..ONE };
            let start = requests.add(number * 100, key, step, &Record::EMPTY, || started(number));
            start.map(|start| start.time_ns)
        });
        lines.collect()
    }

    #[test]
    fn lines_of_requests() {
        for (lines, expected) in [
            ("S P C", &[None, Some(0), Some(0)][..]),
            ("B C B C", &[None, Some(0), None, Some(2)]),
            // Tags tell those apart that are in progress at a time.
            ("S1 S2 P1 P2 C2 C1", &[None, None, Some(0), Some(1), Some(1), Some(0)]),
            // Without, nothing does.
            ("S S P P C C", &[None; 6]),
            ("S P S P C C", &[None, Some(0), None, Some(2), None, None]),
            // Of what no controller answers nothing tells that it does not wait.
            ("S S P C S P C", &[None; 7]),
            ("C P C", &[None, None, None]),
            ("S C", &[None, None]),
        ] {
            assert_eq!(starts(lines), expected, "{lines}");
        }
    }

    #[test]
    fn ids_and_times() {
        for (tags, expected) in [
            ("[4130dcbd-1006-49cd-ad9d-d7a2a45ea276] ", true),
            ("[shop] [0a1b2c3d4e5f60718293] ", true),
            ("[203.0.113.9] ", false),
            ("[ActiveJob] [SendJob] ", false),
            ("", false),
        ] {
            assert_eq!(Key::of(b"7", tags.as_bytes()).has_id, expected, "{tags}");
        }
        let at = |second: i64, ms: u64| Record {
            time_ns: second * 1_000_000_000,
            duration_ns: ms * 1_000_000,
            ..Record::EMPTY
        };
        for (record, expected) in [
            (at(10, 20), true),
            (at(15, 5_000), true),
            (at(15, 20), false),
            (at(11, 5_000), false),
            (at(11, 20), true),
            (Record { time_ns: NO_TIME, ..at(0, 5_000) }, true),
        ] {
            assert_eq!(fits(10_000_000_000, &record), expected);
        }
        assert!(fits(10_000_000_001, &at(11, 995)));
        assert!(!fits(10_000_000_001, &at(11, 900)));
    }

    #[test]
    fn only_lines_in_reach_count() {
        for (distance, is_known) in [(LOOK_BACK_BYTES - 1, true), (LOOK_BACK_BYTES, false)] {
            let (mut requests, none) = (Requests::default(), &Record::EMPTY);
            requests.add(0, ONE, Step::Started, none, || started(0));
            requests.add(9, ONE, Step::Processing, none, || started(9));
            let start = requests.add(distance, ONE, Step::Completed, none, || started(0));
            assert_eq!(start.is_some(), is_known);
        }
    }

    proptest! {
        #[test]
        fn what_is_out_of_reach_never_shows(
            lines in prop::collection::vec((0usize..4, 0u64..3, 1u64..9_000), 1..80),
            reread: bool,
        ) {
            let steps =
                [Step::Started, Step::Processing, Step::StartedProcessing, Step::Completed];
            let mut at = 0;
            let lines: Vec<_> = lines
                .into_iter()
                .map(|(step, key, bytes)| {
                    at += bytes;
                    (at, Key { hashes: [0, key], ..ONE }, steps[step])
                })
                .collect();
            let mut all = Requests::default();
            for (i, &(offset, key, step)) in lines.iter().enumerate() {
                let mut near = Requests::default();
                for &(offset, key, step) in lines[..i].iter().filter(|l| reaches(l.0, offset)) {
                    near.add(offset, key, step, &Record::EMPTY, || started(offset));
                }
                let expected = near.add(offset, key, step, &Record::EMPTY, || started(offset));
                if reread {
                    all.add(offset, key, step, &Record::EMPTY, || started(offset));
                }
                prop_assert_eq!(all.add(offset, key, step, &Record::EMPTY, || started(offset)), expected);
            }
        }
    }
}
