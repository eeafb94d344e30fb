//! Where in a file a span of time lies, by a binary search of a few probes.
//!
//! A probe reads the first record with a time at or behind some place. Probes on an even grid tell
//! whether the file is in the order of time: none may be more than [`SLACK_NS`] earlier than one
//! before it. If so, every record is taken to be at most that much earlier than any before it,
//! which is what makes the search right: before a record that is more than the slack too early,
//! all are too early, and behind one that is more than the slack too late, all are too late. What
//! lies between the last of the ones and the first of the others is the range.
//!
//! It is an assumption: a record that is out of order by more, and that no probe saw, may be left
//! out. The report of a job that uses the range says so.

use crate::bytes::input::Source;
use crate::bytes::line::{LINE_BYTES_MAX, PaddedLine};
use crate::error::Error;
use crate::format::Context;
use crate::format::classify::{is_blank, is_header};
use crate::record::{NO_TIME, Record};
use crate::spec::{Candidate, Spec};
use crate::time::TURNS_MAX;
use std::ops::Range;

/// How much later lines may be earlier in time: buffers of several writers are emptied far sooner.
pub const SLACK_NS: i64 = 60_000_000_000;

/// Probes of the grid: they see disorder that covers a few hundredths of the file.
const GRID_PROBES: u64 = 32;

/// The search ends at a range so small that scanning it costs less than another probe.
const RANGE_BYTES: u64 = 256 << 10;

/// The same where the record itself is wanted: reading so much costs less than another probe.
const PLACE_BYTES: u64 = 16 << 10;

/// Bytes of one read of a probe.
const PROBE_BYTES: usize = 32 << 10;

/// A probe gives up after so many bytes without a timed record.
const PROBE_BYTES_MAX: u64 = 4 << 20;

/// After so many probes without a time it is assumed that there are none.
const VAIN_PROBES_MAX: u32 = 4;

/// What the search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Everything of the span lies in these bytes, which begin and end at line starts or the
    /// file's edges.
    Range(Range<u64>),
    /// The times are not in order: only a whole scan will do.
    Unordered,
    /// No probe found a time.
    Timeless,
}

/// Reads lines of one source.
struct Prober<'a> {
    source: &'a Source,
    size: u64,
    formats: Vec<Candidate>,
    context: Context,
    arena: Vec<u8>,
    buffer: Vec<u8>,
}

/// A timed record: where its line starts, and its time.
type Timed = (u64, i64);

/// The bytes of `source`, of which `size` are planned, that hold the span from `since` up to, but
/// not with, `until` (nanoseconds since 1970).
///
/// # Errors
/// [`Error::Io`]; [`Error::Spec`] if the spec has no source `index`.
pub fn range(
    source: &Source,
    size: u64,
    spec: &Spec,
    index: u32,
    since: Option<i64>,
    until: Option<i64>,
) -> Result<Found, Error> {
    let mut prober = Prober::new(source, size, spec, index)?;
    let mut grid = Vec::new();
    let mut in_vain = 0;
    // Where lines are long or timed records few, the probe before has the answer.
    let mut known_up_to = 0;
    for i in 0..GRID_PROBES {
        let at = (u128::from(size) * u128::from(i) / u128::from(GRID_PROBES)) as u64;
        if i > 0 && at <= known_up_to {
            continue;
        }
        match prober.at(at)? {
            Some(probe) => {
                known_up_to = probe.0;
                grid.push(probe);
            }
            None => {
                known_up_to = at.saturating_add(PROBE_BYTES_MAX);
                in_vain += 1;
                if grid.is_empty() && in_vain == VAIN_PROBES_MAX {
                    break;
                }
            }
        }
    }
    if grid.is_empty() {
        return Ok(Found::Timeless);
    }
    let too_early = since.map(|since| since.saturating_sub(SLACK_NS));
    let too_late = until.map(|until| until.saturating_add(SLACK_NS));
    let start = match too_early {
        Some(bound) => prober.search(&mut grid, |time| time < bound)?.0,
        None => 0,
    };
    let end = match too_late {
        Some(bound) => prober.search(&mut grid, |time| time < bound)?.1,
        None => size,
    };
    grid.sort_unstable();
    let mut latest = i64::MIN;
    for &(_, time) in &grid {
        if time < latest.saturating_sub(SLACK_NS) {
            return Ok(Found::Unordered);
        }
        latest = latest.max(time);
    }
    Ok(Found::Range(start..end.max(start)))
}

/// How far local time steps back at least where an hour is repeated, not lines of several writers.
const STEP_BACK_NS: i64 = 30 * 60 * 1_000_000_000;

/// Where the lines start at which local time steps back, as an hour of the input's zone is repeated,
/// and lines from which on that is over, in turn; and whether the source has records in such an hour at
/// all.
///
/// # Errors
/// As [`range`].
pub fn turns(
    source: &Source,
    size: u64,
    spec: &Spec,
    index: u32,
) -> Result<(Vec<u64>, bool), Error> {
    let zone = spec.zone(index)?;
    let mut prober = Prober::new(source, size, spec, index)?;
    let (Some(first), Some(last)) = (prober.at(0)?, last_time(source, size, spec, index)?) else {
        return Ok((Vec::new(), false));
    };
    let instant = |ns: i64| jiff::Timestamp::from_nanosecond(i128::from(ns));
    let Ok(begun) = instant(first.1) else { return Ok((Vec::new(), false)) };
    let (mut turns, mut met) = (Vec::new(), false);
    for transition in zone.following(begun) {
        let turn = transition.timestamp();
        let at = i64::try_from(turn.as_nanosecond()).unwrap_or(i64::MAX);
        let before = jiff::Timestamp::from_nanosecond(turn.as_nanosecond() - 1);
        let Ok(before) = before else { break };
        let back = zone.to_offset(before).seconds() - transition.offset().seconds();
        // What is read as the first pass lies before the transition, whichever it was.
        let window = at - i64::from(back.max(0)) * 1_000_000_000..at;
        if window.start > last || turns.len() + 2 > TURNS_MAX {
            break;
        }
        if back <= 0 {
            continue;
        }
        let mut probes = vec![first];
        let (low, _) = prober.search(&mut probes, |time| time < window.start)?;
        let (mut latest, mut found, mut entered) = (i64::MIN, None, None);
        let before = turns.last().copied();
        prober.lines(low, size, |place, time| {
            let is_in = window.contains(&time);
            if time >= window.start && before.is_none_or(|turn| place > turn) {
                entered.get_or_insert(place);
            }
            met |= is_in;
            if is_in && latest >= window.start && latest - time > STEP_BACK_NS {
                found = Some(place);
            }
            latest = latest.max(time);
            found.is_none() && time < window.end + (window.end - window.start)
        })?;
        if turns.len() % 2 == 1 {
            turns.extend(entered);
        }
        turns.extend(found);
    }
    Ok((turns, met))
}

/// How many of `lines`, which are of another log, a source in the order of time has, too; lines
/// without a time are not looked for.
///
/// # Errors
/// As [`range`].
pub fn occurring(
    source: &Source,
    size: u64,
    spec: &Spec,
    index: u32,
    lines: &[Vec<u8>],
) -> Result<usize, Error> {
    let mut prober = Prober::new(source, size, spec, index)?;
    let (mut probes, mut count) = (Vec::new(), 0);
    for line in lines {
        let Some(wanted) = prober.time(1, line) else { continue };
        let (low, _) = prober.search(&mut probes, |time| time < wanted - SLACK_NS)?;
        let mut places = Vec::new();
        let most = size.min(low.saturating_add(PROBE_BYTES_MAX));
        prober.lines(low, most, |place, time| {
            places.extend((time == wanted).then_some(place));
            time <= wanted + SLACK_NS
        })?;
        let mut bytes = vec![0; line.len()];
        for place in places {
            if source.read_at(place, &mut bytes)? == line.len() && bytes == *line {
                count += 1;
                break;
            }
        }
    }
    Ok(count)
}

/// For each of `times` where the first record of `range` starts that is not older, if they are in
/// order; the end of the range if there is none. The range begins at a line start.
///
/// # Errors
/// As [`range`](self::range).
pub fn places(
    source: &Source,
    range: Range<u64>,
    spec: &Spec,
    index: u32,
    times: &[i64],
) -> Result<Vec<u64>, Error> {
    let mut prober = Prober::new(source, range.end, spec, index)?;
    let mut probes = Vec::new();
    let mut places = Vec::with_capacity(times.len());
    for &wanted in times {
        let early = |time| time < wanted;
        let (low, high) = prober.narrow(range.clone(), PLACE_BYTES, &mut probes, early)?;
        let mut place = high;
        prober.lines(low, high, |at, time| {
            if !early(time) {
                place = at;
            }
            early(time)
        })?;
        places.push(place);
    }
    Ok(places)
}

/// The latest time of the records in the last few blocks of a source; None if none carries one.
///
/// # Errors
/// As [`range`].
pub fn last_time(
    source: &Source,
    size: u64,
    spec: &Spec,
    index: u32,
) -> Result<Option<i64>, Error> {
    let mut prober = Prober::new(source, size, spec, index)?;
    let mut bytes = PROBE_BYTES as u64;
    loop {
        let start = size.saturating_sub(bytes);
        let mut latest = None;
        prober.lines(start, size, |_, time| {
            latest = latest.max(Some(time));
            true
        })?;
        if latest.is_some() || start == 0 || bytes >= PROBE_BYTES_MAX {
            return Ok(latest);
        }
        bytes *= 4;
    }
}

impl<'a> Prober<'a> {
    fn new(source: &'a Source, size: u64, spec: &Spec, index: u32) -> Result<Prober<'a>, Error> {
        Ok(Prober {
            source,
            size,
            formats: spec.formats(index)?,
            context: Context { clock: spec.clock(index)?, ..spec.context()? },
            arena: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// The first timed record whose line starts at or behind `at`.
    fn at(&mut self, at: u64) -> Result<Option<Timed>, Error> {
        let end = self.size.min(at.saturating_add(PROBE_BYTES_MAX));
        let mut found = None;
        self.lines(at, end, |start, time| {
            found = Some((start, time));
            false
        })?;
        Ok(found)
    }

    /// The last probe before which all are early, and the first one from which on none is: places
    /// in the file, 0 and its size where there is no such probe. Probes made are added.
    fn search(
        &mut self,
        probes: &mut Vec<Timed>,
        early: impl Fn(i64) -> bool,
    ) -> Result<(u64, u64), Error> {
        self.narrow(0..self.size, RANGE_BYTES, probes, early)
    }

    /// As [`search`](Self::search) within a part of the file, in which all probes lie, down to so
    /// many bytes.
    fn narrow(
        &mut self,
        within: Range<u64>,
        finest: u64,
        probes: &mut Vec<Timed>,
        early: impl Fn(i64) -> bool,
    ) -> Result<(u64, u64), Error> {
        // The grid is in the order of places; the last early probe counts, wherever others stand.
        probes.sort_unstable();
        let first_late = probes.iter().rposition(|&(_, time)| early(time)).map_or(0, |i| i + 1);
        let mut low = if first_late > 0 { probes[first_late - 1].0 } else { within.start };
        let mut high = probes.get(first_late).map_or(within.end, |probe| probe.0);
        // Up to where nothing between `low` and `high` is known; above it there is no record.
        let mut limit = high;
        while limit - low > finest {
            let middle = low + (limit - low) / 2;
            match self.at(middle)? {
                Some((place, _)) if place >= limit => limit = middle,
                Some(probe) => {
                    probes.push(probe);
                    if early(probe.1) {
                        low = probe.0;
                    } else {
                        (high, limit) = (probe.0, probe.0.min(middle));
                    }
                }
                None => break,
            }
        }
        Ok((low, high))
    }

    /// Calls `take` with each timed record whose line starts in `start..end`, until it answers
    /// false; a line that is not whole at the end of the source counts.
    fn lines(
        &mut self,
        start: u64,
        end: u64,
        mut take: impl FnMut(u64, i64) -> bool,
    ) -> Result<(), Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        // One byte before tells whether a line starts right here.
        let mut offset = start.saturating_sub(1);
        let mut in_line = start > 0;
        let mut read = offset;
        loop {
            let filled = buffer.len();
            buffer.resize(filled + PROBE_BYTES.min((self.size - read) as usize), 0);
            let count = self.source.read_at(read, &mut buffer[filled..])?;
            buffer.truncate(filled + count);
            read += count as u64;
            let ended = count == 0 || read >= self.size;
            let mut at = 0;
            while at < buffer.len() {
                let newline = memchr::memchr(b'\n', &buffer[at..]).map(|i| at + i);
                let line_end = match newline {
                    Some(newline) => newline,
                    None if ended || buffer.len() - at > LINE_BYTES_MAX => buffer.len(),
                    None => break,
                };
                let place = offset + at as u64;
                if !in_line {
                    if place >= end {
                        self.buffer = buffer;
                        return Ok(());
                    }
                    if let Some(time) = self.time(place, &buffer[at..line_end])
                        && !take(place, time)
                    {
                        self.buffer = buffer;
                        return Ok(());
                    }
                }
                // What was cut off goes on as the rest of the same line.
                in_line = newline.is_none();
                at = line_end + usize::from(newline.is_some());
            }
            offset += at as u64;
            buffer.drain(..at);
            if ended || offset >= end {
                self.buffer = buffer;
                return Ok(());
            }
        }
    }

    /// The time of the record that a line is, as the scanner reads it.
    fn time(&mut self, place: u64, line: &[u8]) -> Option<i64> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line =
            if place == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
        let line = &line[..line.len().min(LINE_BYTES_MAX)];
        if is_blank(line) || is_header(line) {
            return None;
        }
        let padded = PaddedLine::new(line);
        for (_, format) in &self.formats {
            let mut record = Record::EMPTY;
            self.arena.clear();
            let Prober { context, arena, .. } = self;
            if format.may_begin_with(line[0])
                && format.parse_line(padded.line(), context, arena, &mut record)
            {
                return (record.time_ns != NO_TIME).then_some(record.time_ns);
            }
        }
        None
    }
}
