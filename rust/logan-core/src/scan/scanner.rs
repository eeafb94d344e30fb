//! The loop: bytes -> lines -> batch -> metrics, for one chunk at a time.
//!
//! A [`Scanner`] belongs to one thread. It is pushed the bytes of a chunk in consecutive blocks of
//! any size (mapped windows, read buffers, pieces of a stream) and knows nothing of where they
//! come from. Lines are parsed in place, from blocks that the processor's caches hold; only what
//! crosses the border of two blocks is copied together first (the *carry*). Parsers may read
//! [`PAD`] bytes around a line, so the first and last few lines of a block take that way too.

use crate::bytes::line::{LINE_BYTES_MAX, PAD, index_newlines};
use crate::error::Error;
use crate::fast::{FastPath, FastPaths};
use crate::format::prefilter::Prefilter;
use crate::format::table::Layout;
use crate::format::text::ansi::ESC;
use crate::format::{
    self, Context, Format, LineRef, LineSubset, PLACES, Part, Run, classify, state,
};
use crate::metric::lines::Lines;
use crate::metric::{Metrics, Steps};
use crate::record::{BATCH_ROWS, Batch, Columns, Level, NO_STATUS};
use crate::record::{Block, LineCounts, Mask, OtherLine, RecordSink};
use crate::scan::interleave::Interleaver;
use crate::scan::order::Order;
use crate::select::condition::group::Group;
use crate::select::row_filter::RowFilter;
use crate::spec::{Meaning, Spec};
use crate::summary::Summary;
use crate::summary::coverage::{Segment, SourceCoverage, SourceId};
use std::mem;
use std::sync::Arc;

/// Lines are indexed and parsed so many bytes at a time: they stay in the first-level cache.
const SLAB_BYTES: usize = 16 << 10;

/// The parsers of one source, in the order of trial.
struct Parsers {
    source: u32,
    id: Arc<SourceId>,
    formats: Vec<(usize, Box<dyn Format>)>,
    /// For each first byte of a line, the formats that may take it.
    candidates: Box<[u64; 256]>,
    /// What else lines of the formats have.
    needs: Prefilter,
    /// The formats whose records end with an empty line.
    framed: u64,
    /// Whether `#Fields:` mean anything.
    has_layouts: bool,
    /// The table that lines are of.
    table: Option<Layout>,
    lanes: Interleaver,
}

/// Scans chunks, one after the other.
pub struct Scanner {
    spec: Arc<Spec>,
    meaning: Arc<Meaning>,
    /// The digest of the spec's sources.
    plan: u128,
    parsers: Option<Parsers>,
    context: Box<Context>,
    batch: Box<Batch>,
    metrics: Box<Metrics>,
    ends: Vec<u32>,
    /// What a format refused of the lines of its lane.
    refused: Vec<LineRef>,
    lines: Lines,
    /// Records by place in the registry.
    records: [u64; PLACES],
    order: Order,
    /// Whether what is pushed lies before the chunk.
    looks_back: bool,
    /// The rows of the batch that [the tail](crate::format::tails::Tail) knows of.
    rows_known: usize,
    /// What becomes of records before they count, if the spec says anything about it.
    narrowing: Option<Box<RowFilter>>,
    /// Where records go, if not into metrics.
    output: Option<Output>,
    /// PAD bytes, then lines that wait, the last of them perhaps unfinished.
    carry: Vec<u8>,
    /// Offset in the source of the carry's first line.
    carry_offset: u64,
    /// Where in the carry the last, unfinished line starts.
    carry_line: usize,
    /// The rest of a line longer than LINE_BYTES_MAX is being passed over.
    overlong: bool,
    /// Lines may have NULs at the front that mean something: a format of the source has such.
    keeps_nuls: bool,
    /// How many of the [turns](crate::time::TimeReading::turns) of local time lie before the lines that come next.
    turned: usize,
    turns: Vec<u64>,
    /// The chunk, and the offset of the byte that comes next.
    start: u64,
    position: u64,
}

/// Where records go, if not into metrics.
struct Output {
    sink: Box<dyn RecordSink>,
    malformed: bool,
    continuation: bool,
    line_numbers: bool,
}

impl Scanner {
    /// A scanner for chunks of the spec's sources.
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec's zone is unknown.
    pub fn new(spec: Arc<Spec>) -> Result<Scanner, Error> {
        Scanner::with(spec, FastPaths::ALL)
    }

    /// As [`new`](Self::new), with these fast paths alone.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[doc(hidden)]
    pub fn with(spec: Arc<Spec>, fast: FastPaths) -> Result<Scanner, Error> {
        let mut context = Box::new(spec.context()?);
        context.restrict(fast);
        let mut batch = Batch::requesting(spec.requested()?);
        if spec.groups().iter().any(Group::is_timer) {
            batch.want_lifetimes();
        }
        Ok(Scanner {
            meaning: Arc::new(spec.meaning.clone()),
            plan: spec.plan_digest(),
            parsers: None,
            context,
            batch,
            metrics: Box::new(Metrics::new(&spec, fast)),
            ends: Vec::new(),
            refused: Vec::with_capacity(BATCH_ROWS),
            lines: Lines::default(),
            records: [0; PLACES],
            order: Order::default(),
            looks_back: false,
            rows_known: 0,
            narrowing: RowFilter::of(&spec)?,
            output: spec.output.0.as_ref().map(|output| {
                let keys = spec.keys();
                let places: Vec<_> = output.fields().iter().map(|f| keys.place(f)).collect();
                let ((malformed, continuation), sink) =
                    (output.other_lines(), output.sink(&places));
                Output { sink, malformed, continuation, line_numbers: output.line_numbers() }
            }),
            carry: vec![0; PAD],
            carry_offset: 0,
            carry_line: PAD,
            overlong: false,
            keeps_nuls: false,
            turned: 0,
            turns: Vec::new(),
            start: 0,
            position: 0,
            spec,
        })
    }

    /// Begins a chunk that starts at `start` and whose first line starts at `first_line`.
    ///
    /// What an unfinished chunk before it had counted is dropped, and so is all that lines before
    /// left: where those [look back](Spec::look_back_bytes), push what is before the chunk first
    /// and [go on](Self::go_on).
    ///
    /// # Errors
    /// [`Error::Spec`] if the spec has no such source.
    pub fn begin(&mut self, source: u32, start: u64, first_line: u64) -> Result<(), Error> {
        if self.parsers.as_ref().is_none_or(|p| p.source != source) {
            let formats = self.spec.formats(source)?;
            let set = |is_one: &dyn Fn(&dyn Format) -> bool| {
                let ones = formats.iter().enumerate().filter(|(_, (_, f))| is_one(f.as_ref()));
                ones.fold(0, |set, (i, _)| set | 1u64 << i)
            };
            let framed = set(&|format| format.ends_at_blank());
            self.keeps_nuls = set(&|format| format.keeps_nuls()) != 0;
            let candidates =
                Box::new(std::array::from_fn(|byte| set(&|f| f.may_begin_with(byte as u8))));
            let has_layouts = self.spec.reading(source)?.layouts.is_some();
            self.context.clock = self.spec.clock(source)?;
            self.context.read_durations(&self.spec.reading(source)?.durations);
            let fast = self.context.fast;
            if !fast.has(FastPath::Timestamps) {
                self.context.clock.forget();
            }
            let listed = &self.spec.reading(source)?.formats;
            let table = listed.iter().find_map(|format| format.params.table.as_ref());
            let table = table.and_then(Layout::of);
            let is_listed = |index: usize| listed.iter().any(|f| f.name == format::name_at(index));
            // Headers change what the lines behind them mean: there the order of lines matters.
            let lanes = match has_layouts || table.is_some() {
                true => 0,
                false if !fast.has(FastPath::Interleave) => 0,
                false => formats.iter().take_while(|(index, _)| is_listed(*index)).count(),
            };
            let lanes = Interleaver::new(&formats, lanes);
            let needs = match fast.has(FastPath::Prefilter) {
                true => Prefilter::of(formats.iter().map(|(_, format)| format)),
                false => Prefilter::none(),
            };
            let id = Arc::new(SourceId::of(&self.spec, self.plan, source)?);
            self.parsers = Some(Parsers {
                source,
                id,
                formats,
                candidates,
                needs,
                framed,
                has_layouts,
                table,
                lanes,
            });
            if let Some(narrowing) = &mut self.narrowing {
                narrowing.begin(self.spec.formats(source)?);
            }
        }
        self.turns.clone_from(&self.spec.reading(source)?.time.turns);
        self.turned = 0;
        self.context.clock.repeat_hours(false);
        let layouts = self.spec.reading(source)?.layouts.as_ref();
        self.context.history.restart(layouts, first_line);
        self.context.history.tail.allowed = self.spec.has_tails(source)?;
        let time = &self.spec.reading(source)?.time;
        self.context.history.tail.takes_text = time.undated_go_on;
        self.context.history.tail.text_until = time.undated_until;
        self.context.history.tail.has_preamble = time.has_preamble;
        self.reset(start, first_line);
        self.looks_back = self.spec.panic_on.is_some();
        Ok(())
    }

    /// Says the columns of the lines that come next, where the plan could not list them: a decoded
    /// source says them as it goes.
    ///
    /// # Panics
    /// If no chunk was begun.
    pub fn set_columns(&mut self, fields: &[u8]) {
        assert!(self.parsers.is_some(), "a chunk was begun");
        self.context.history.set_layout(fields);
    }

    /// Begins the chunk at `start` of the same source, whose first line comes next. What the lines
    /// pushed before left for later ones stays, what they counted is dropped.
    ///
    /// # Panics
    /// If no chunk was begun.
    pub fn go_on(&mut self, start: u64) {
        assert!(self.parsers.is_some(), "a chunk was begun");
        self.reset(start, self.position);
        self.looks_back = false;
    }

    fn reset(&mut self, start: u64, first_line: u64) {
        self.batch.clear();
        self.rows_known = 0;
        self.metrics.take();
        self.lines = Lines::default();
        self.records = [0; PLACES];
        self.order = Order::default();
        if let Some(narrowing) = &mut self.narrowing {
            (narrowing.filtered, narrowing.untimed) = (0, 0);
        }
        if let (Some(output), Some(parsers)) = (&mut self.output, &self.parsers) {
            output.sink.begin(parsers.source, start);
        }
        self.carry.truncate(PAD);
        self.carry_line = PAD;
        self.overlong = false;
        (self.start, self.position) = (start, first_line);
    }

    /// Lets the time buckets of the chunks that come next begin with these steps; see [`Steps`].
    pub fn start_at(&mut self, steps: Steps) {
        self.metrics.start_at(steps);
    }

    /// Leaves the scanner in a state in which it panics at the next line of its source.
    #[cfg(test)]
    pub(crate) fn break_down(&mut self) {
        self.parsers.as_mut().expect("a chunk was begun").formats.clear();
    }

    /// A new scanner in place of one that panicked.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn renewed(&self) -> Result<Scanner, Error> {
        Scanner::with(self.spec.clone(), self.context.fast)
    }

    /// The spec.
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }

    /// Offset of the byte that comes next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether the last line pushed has no newline yet.
    pub fn mid_line(&self) -> bool {
        self.overlong || self.carry.len() > self.carry_line
    }

    /// Whether more bytes of the unfinished line would change nothing.
    pub fn line_is_full(&self) -> bool {
        self.overlong
    }

    /// Forgets the line whose newline has not come: its source is damaged there.
    pub fn forget_line(&mut self) {
        self.carry.truncate(self.carry_line);
        self.overlong = false;
    }

    /// Scans the bytes that follow those pushed before.
    ///
    /// # Panics
    /// If no chunk was begun, or the block has 2 GiB or more.
    pub fn push(&mut self, block: &[u8]) {
        assert!(block.len() < 1 << 31, "blocks are windows, not files");
        let offset = self.position;
        self.position += block.len() as u64;
        let mut at = 0;
        // Lines up to the first that starts at or behind PAD go through the carry, and so does the
        // end of a line whose beginning is there.
        while at < PAD || self.mid_line() {
            if at >= block.len() {
                return;
            }
            let newline = memchr::memchr(b'\n', &block[at..]);
            let end = newline.map_or(block.len(), |i| at + i);
            self.keep(&block[at..end], offset + at as u64);
            if newline.is_none() {
                return;
            }
            self.end_line();
            at = end + 1;
        }
        self.parse_carry();
        at = self.parse_in_place(block, at, offset);
        // The lines near the end, whole or not, wait for what follows.
        while let Some(newline) = memchr::memchr(b'\n', &block[at..]) {
            self.keep(&block[at..at + newline], offset + at as u64);
            self.end_line();
            at += newline + 1;
        }
        if at < block.len() {
            self.keep(&block[at..], offset + at as u64);
        }
    }

    /// Appends bytes of the unfinished line to the carry, of an overlong line only what counts.
    fn keep(&mut self, mut bytes: &[u8], mut offset: u64) {
        let is_after_nuls = || matches!(self.carry[self.carry_line..], [] | [0]);
        if bytes.first() == Some(&0) && !self.keeps_nuls && is_after_nuls() {
            // A log that was truncated under its writer has NULs before a line, by the gigabyte; of
            // these the last is kept.
            if self.carry_line > PAD {
                self.forget_line();
                self.parse_carry();
            }
            self.carry.truncate(PAD);
            let zeros = leading_zeros(bytes);
            (bytes, offset) = (&bytes[zeros - 1..], offset + zeros as u64 - 1);
        }
        if self.carry.len() == PAD {
            self.carry_offset = offset;
        }
        // One byte more than counts, so that a carriage return there is stripped as it would be
        // in place; and three for a byte order mark, which is not part of the line.
        let room = (LINE_BYTES_MAX + 4).saturating_sub(self.carry.len() - self.carry_line);
        self.overlong |= bytes.len() > room;
        self.carry.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Ends the carry's unfinished line with its newline.
    fn end_line(&mut self) {
        self.carry.push(b'\n');
        self.carry_line = self.carry.len();
        if self.overlong {
            // Behind a line that was cut, places in the carry are not those in the source.
            self.overlong = false;
            self.parse_carry();
        }
    }

    /// Parses the lines in `block[at..]` that end at least PAD bytes before its end; where the
    /// first of the others starts.
    fn parse_in_place(&mut self, block: &[u8], mut at: usize, offset: u64) -> usize {
        let limit = block.len().saturating_sub(PAD);
        let mut from = at;
        while from < limit {
            let to = limit.min(from + SLAB_BYTES);
            let mut ends = std::mem::take(&mut self.ends);
            ends.clear();
            index(block, from, to, &mut ends);
            // Of a mapped block, whose bytes are in no cache yet.
            crate::bytes::simd::fetch_ahead(&block[to..block.len().min(to + SLAB_BYTES)]);
            at = self.parse(block, at, &ends, offset as i64);
            self.ends = ends;
            from = to;
        }
        self.flush(self.place(block, offset as i64));
        at
    }

    fn place<'b>(&self, block: &'b [u8], offset: i64) -> Block<'b> {
        let source = self.parsers.as_ref().expect("a chunk was begun").source;
        Block { bytes: block, offset, source }
    }

    /// Parses and empties the carry.
    fn parse_carry(&mut self) {
        let mut carry = std::mem::take(&mut self.carry);
        let end = carry.len();
        carry.resize(end + PAD, 0);
        let mut ends = std::mem::take(&mut self.ends);
        ends.clear();
        index(&carry, PAD, end, &mut ends);
        if ends.last().is_none_or(|&last| last as usize + 1 < end) && end > PAD {
            // The last line of a source, without a newline.
            ends.push(end as u32);
        }
        let bom = self.carry_offset == 0 && carry[PAD..end].starts_with(b"\xef\xbb\xbf");
        let at = PAD + if bom { 3 } else { 0 };
        let offset = self.carry_offset as i64 - PAD as i64;
        self.parse(&carry, at, &ends, offset);
        self.flush(self.place(&carry, offset));
        self.ends = ends;
        carry.truncate(PAD);
        self.carry = carry;
        self.carry_line = PAD;
    }

    /// Parses the lines that end at `ends`, the first of which starts at `start`; where the line
    /// after them starts.
    fn parse(&mut self, block: &[u8], start: usize, ends: &[u32], offset: i64) -> usize {
        let (mut start, mut ends) = (start, ends);
        while let Some(&turn) = self.turns.get(self.turned) {
            let is_before = |&end: &u32| (offset + i64::from(end)) < turn as i64;
            let before = ends.partition_point(is_before);
            if before == ends.len() {
                break;
            }
            start = self.parse_lines(block, start, &ends[..before], offset);
            self.flush(self.place(block, offset));
            self.turned += 1;
            self.context.clock.repeat_hours(self.turned % 2 == 1);
            ends = &ends[before..];
        }
        self.parse_lines(block, start, ends, offset)
    }

    /// As [`parse`](Self::parse), of lines between which local time does not turn.
    fn parse_lines(&mut self, block: &[u8], start: usize, ends: &[u32], offset: i64) -> usize {
        let mut parsers = self.parsers.take().expect("a chunk was begun");
        let place = Block { bytes: block, offset, source: parsers.source };
        if let (Some(text), Some(&end), false) = (&self.spec.panic_on, ends.last(), self.looks_back)
        {
            let lines = &block[start..end as usize];
            assert!(memchr::memmem::find(lines, text.as_bytes()).is_none(), "a planted bug");
        }
        if let Some(output) = self.output.as_mut().filter(|output| output.line_numbers) {
            output.sink.lines(start, ends, offset);
        }
        let mut next = 0;
        let mut start = start as u32;
        while next < ends.len() {
            (next, start) = match parsers.lanes.active {
                true => self.parse_in_lanes(&mut parsers, place, ends, next, start),
                false => self.parse_run(&mut parsers, place, ends, next, start),
            };
            if self.batch.is_full() {
                self.flush(place);
            }
        }
        self.parsers = Some(parsers);
        start as usize
    }

    /// Lets the first format parse as many lines as it can, and one line more; which line follows,
    /// and where it starts.
    fn parse_run(
        &mut self,
        parsers: &mut Parsers,
        place: Block<'_>,
        ends: &[u32],
        next: usize,
        start: u32,
    ) -> (usize, u32) {
        let (index, first) = &parsers.formats[0];
        let rows = self.batch.len;
        let (batch, context) = (&mut *self.batch, &mut self.context);
        let mut run = Run::new(place.bytes, ends, (next, start), batch, context);
        run.offset = place.offset;
        first.parse_run(&mut run);
        let (after, first_start, continuations) = (run.next, start, run.continuations);
        let start = run.start;
        self.lines.continuation += continuations as u64;
        if continuations > 0 && self.output.as_ref().is_some_and(|output| output.continuation) {
            self.hand_out_continuations(place, &ends[next..after], first_start, rows);
        }
        let parsed = after - next - continuations;
        self.records[*index] += parsed as u64;
        if self.wants_format() {
            let end = self.batch.len;
            self.batch.set_format(rows..end, *index as u8);
        }
        if after == ends.len() || self.batch.is_full() {
            return (after, start);
        }
        // The first format has just been tried.
        if self.take_other(parsers, place, ends, after, start, 1) {
            parsers.lanes.saw_other(parsed);
        }
        (after + 1, ends[after] + 1)
    }

    /// Parses lines that are of several formats in turn; which line follows, and where it starts.
    fn parse_in_lanes(
        &mut self,
        parsers: &mut Parsers,
        place: Block<'_>,
        ends: &[u32],
        next: usize,
        start: u32,
    ) -> (usize, u32) {
        let block = place.bytes;
        let base = self.batch.len;
        let rows = (BATCH_ROWS - base).min(ends.len() - next);
        let last = ends[next + rows - 1];
        let escapes = memchr::memchr(ESC, &block[start as usize..last as usize]).is_some();
        parsers.lanes.deal(block, &ends[next..next + rows], start, base);
        self.batch.open(rows, parsers.lanes.common);
        let wants_format = self.wants_format();
        let mut columns = Columns::NONE;
        for lane in 0..parsers.lanes.count() {
            let list = parsers.lanes.take(lane);
            let (index, format) = &parsers.formats[lane];
            if wants_format {
                for spot in &list {
                    let row = spot.row as usize;
                    self.batch.set_format(row..row + 1, *index as u8);
                }
            }
            self.refused.clear();
            if !list.is_empty() {
                format.parse_scattered(&mut LineSubset {
                    block,
                    lines: &list,
                    escapes,
                    batch: &mut self.batch,
                    context: &mut self.context,
                    refused: &mut self.refused,
                });
            }
            let parsed = list.len() - self.refused.len();
            self.records[*index] += parsed as u64;
            if parsed > 0 {
                columns = columns.or(format.columns());
            }
            if lane == 0 {
                parsers.lanes.saw_first(parsed, rows);
            }
            parsers.lanes.pass_on(block, lane, &self.refused);
            parsers.lanes.give_back(lane, list);
        }
        let mut left = parsers.lanes.take(parsers.lanes.count());
        // Several lanes may have left something.
        left.sort_unstable_by_key(|spot| spot.row);
        let mut kept = Mask::first(base + rows);
        for spot in &left {
            let row = spot.row as usize;
            self.batch.len = row;
            let tried = parsers.lanes.trials(block[spot.start as usize]);
            let at = next + row - base;
            if !self.take_other(parsers, place, ends, at, spot.start, tried) {
                kept.remove(row);
                // The row stays empty until all are there.
                self.rows_known = row + 1;
            }
        }
        if !left.is_empty() {
            self.begin_tail(place, base + rows);
        }
        if !left.is_empty() {
            // Rows without a record are still undefined in these columns: they are columns that
            // hold something until those rows are taken out.
            columns = columns.or(parsers.lanes.common);
        }
        self.batch.close(base + rows, columns);
        if !left.is_empty() {
            self.batch.retain(&kept);
            self.rows_known = self.batch.len;
        }
        parsers.lanes.give_back(parsers.lanes.count(), left);
        (next + rows, last + 1)
    }

    /// Hands out those of a run of lines that are not rows of the batch, from row `rows` on.
    #[cold]
    fn hand_out_continuations(
        &mut self,
        place: Block<'_>,
        ends: &[u32],
        mut start: u32,
        rows: usize,
    ) {
        let Some(output) = &mut self.output else { return };
        let records = &self.batch.line_start()[rows..self.batch.len];
        for &end in ends {
            let record = records.partition_point(|&record| record < start);
            if records.get(record).is_none_or(|&record| record > end) {
                let line = &place.bytes[start as usize..end as usize];
                let offset = (place.offset + i64::from(start)) as u64;
                output.sink.other(offset, line, OtherLine::Continuation);
            }
            start = end + 1;
        }
    }

    fn wants_format(&self) -> bool {
        self.narrowing.as_ref().is_some_and(|n| n.wants_format)
    }

    /// Takes the line `ends[next]`, which starts at `start` and which the formats in `tried` did
    /// not take; whether it is a record, which is then the batch's next row.
    fn take_other(
        &mut self,
        parsers: &Parsers,
        place: Block<'_>,
        ends: &[u32],
        next: usize,
        start: u32,
        mut tried: u64,
    ) -> bool {
        let wants_format = self.wants_format();
        let (mut start, bytes) = (start, &place.bytes[start as usize..ends[next] as usize]);
        if bytes.first() == Some(&0) && !self.keeps_nuls {
            // What follows NULs is a line of its own.
            start += leading_zeros(bytes).min(bytes.len() - 1) as u32;
            if place.bytes[start as usize] != 0 {
                tried = 0;
            }
        }
        self.begin_tail(place, self.batch.len);
        let (batch, context) = (&mut *self.batch, &mut self.context);
        let mut run = Run::new(place.bytes, ends, (next, start), batch, context);
        run.offset = place.offset;
        let (line, _) = run.line();
        let whole = &place.bytes[start as usize..ends[next] as usize];
        let offset = (place.offset + i64::from(start)) as u64;
        match other(parsers, &mut run, offset, tried) {
            Class::Record(index) => {
                self.records[index] += 1;
                if wants_format {
                    let row = run.batch.len - 1;
                    run.batch.set_format(row..row + 1, index as u8);
                }
                return true;
            }
            Class::Blank => self.lines.blank += 1,
            Class::Header => {
                self.lines.header += 1;
                let fields = state::fields_of(line.bytes()).filter(|_| parsers.has_layouts);
                if let Some(fields) = fields {
                    run.context.history.set_layout(fields);
                }
            }
            Class::Continuation => {
                self.lines.continuation += 1;
                if let Some(output) = self.output.as_mut().filter(|output| output.continuation) {
                    output.sink.other(offset, whole, OtherLine::Continuation);
                }
            }
            Class::Malformed => {
                let reason = match &parsers.table {
                    Some(table) => table.reason(line.bytes()),
                    None => classify::reason(line.bytes()),
                };
                self.lines.malformed(parsers.source, offset, line.bytes(), reason);
                if let Some(output) = self.output.as_mut().filter(|output| output.malformed) {
                    let reason = classify::REASONS[reason as usize];
                    output.sink.other(offset, whole, OtherLine::Malformed(reason));
                }
            }
        }
        false
    }

    /// Takes in what lines may go on with: the last of the first `rows` rows, if it is new.
    fn begin_tail(&mut self, place: Block<'_>, rows: usize) {
        let tail = &mut self.context.history.tail;
        if rows > self.rows_known && (tail.allowed || tail.has_preamble) {
            let row = rows - 1;
            let start = self.batch.line_start()[row] as usize;
            let line = &place.bytes[start..start + self.batch.line_len()[row] as usize];
            let level = Level::from_u8(self.batch.level()[row]).unwrap_or_default();
            let offset = (place.offset + start as i64) as u64;
            let has_status = self.batch.status()[row] != NO_STATUS;
            tail.begin(line, offset, self.batch.time_ns()[row], level, has_status);
        }
        self.rows_known = rows;
    }

    /// Gives the batch to the metrics; its lines must not outlive their block.
    fn flush(&mut self, block: Block<'_>) {
        if self.batch.len == 0 {
            return;
        }
        self.begin_tail(block, self.batch.len);
        self.rows_known = 0;
        #[cfg(debug_assertions)]
        self.batch.check(block.bytes);
        self.batch.drop_lifetimes(block.bytes);
        self.batch.find_protocols(block.bytes);
        if let Some(output) = self.output.as_mut().filter(|output| output.continuation) {
            output.sink.found(&self.batch, block);
        }
        match &mut self.narrowing {
            None => {
                self.order.update(&self.batch);
                self.take_in(block);
            }
            Some(narrowing) => {
                narrowing.by_time(&mut self.batch);
                if self.batch.len > 0 {
                    self.order.update(&self.batch);
                    narrowing.by_condition(&mut self.batch, block);
                }
                if self.batch.len > 0 {
                    self.take_in(block);
                }
            }
        }
        self.batch.clear();
    }

    /// Gives the batch to the metrics, or hands it out.
    #[inline(always)]
    fn take_in(&mut self, block: Block<'_>) {
        match &mut self.output {
            None => self.metrics.update(&self.batch, block),
            Some(output) => output.sink.batch(&self.batch, block),
        }
    }

    /// Ends what was pushed before a chunk, up to `position`: only what it left for later lines
    /// stays. To [go on](Self::go_on) from.
    pub(crate) fn finish_look_back(&mut self, position: u64) {
        let output = self.output.take();
        self.finish(position);
        self.output = output;
    }

    /// The figures of the chunk `[start, end)`; what was pushed is its lines, whole.
    pub fn finish(&mut self, end: u64) -> Summary {
        self.take(end, &[])
    }

    /// Ends the chunk at hand where the bytes pushed end, which are whole lines, and goes on with
    /// the next: the figures since the last cut, but for those of the metrics `held`, which come
    /// with a later part. All parts add up to the figures of one chunk.
    pub fn cut(&mut self, held: &[&str]) -> Summary {
        let end = self.position;
        let part = self.take(end, held);
        self.start = end;
        part
    }

    fn take(&mut self, end: u64, held: &[&str]) -> Summary {
        self.parse_carry();
        self.overlong = false;
        let mut summary = Summary::empty_with(self.meaning.clone());
        let formats: std::collections::BTreeMap<String, u64> = self
            .records
            .into_iter()
            .enumerate()
            .filter(|(_, n)| *n > 0)
            .map(|(place, n)| (format::name_at(place).to_string(), n))
            .collect();
        let counts =
            |n: &mut Box<RowFilter>| (mem::take(&mut n.filtered), mem::take(&mut n.untimed));
        let (filtered, untimed) = self.narrowing.as_mut().map_or((0, 0), counts);
        (self.lines.filtered, self.lines.untimed) = (filtered, untimed);
        self.lines.parsed = formats.values().sum::<u64>() - filtered;
        if let Some(output) = &mut self.output {
            let Lines { parsed, blank, continuation, header, filtered, .. } = self.lines;
            let malformed = self.lines.reasons.iter().sum();
            output.sink.finish(LineCounts {
                parsed,
                malformed,
                blank,
                continuation,
                header,
                filtered,
            });
        }
        let order = std::mem::take(&mut self.order);
        if end > self.start {
            let parsers = self.parsers.as_ref().expect("a chunk was begun");
            let segment = Segment { start: self.start, end, times: order.times };
            let covered = SourceCoverage {
                id: parsers.id.clone(),
                segments: vec![segment],
                formats,
                out_of_order: order.out_of_order,
                range: order.range,
            };
            summary.coverage.0.insert(parsers.source, covered);
        }
        summary.lines = std::mem::take(&mut self.lines);
        summary.figures = self.metrics.take_without(held);
        self.records = [0; PLACES];
        summary
    }
}

/// How many NULs there are before anything else.
#[cold]
fn leading_zeros(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len())
}

/// What a line is.
enum Class {
    Record(usize),
    Blank,
    Header,
    Continuation,
    Malformed,
}

/// What the run's next line is, which is at `offset` in the source. The formats in `tried` have been
/// tried on it.
fn other(parsers: &Parsers, run: &mut Run<'_>, offset: u64, tried: u64) -> Class {
    let (line, _) = run.line();
    let Some(&first) = line.bytes().first() else { return blank(parsers, run, offset) };
    if first.is_ascii_whitespace() && classify::is_blank(line.bytes()) {
        return Class::Blank;
    }
    let is_of_table = |table: &Layout| table.is_header(line.bytes());
    if classify::is_header(line.bytes()) || parsers.table.as_ref().is_some_and(is_of_table) {
        return Class::Header;
    }
    if let Some(table) = &parsers.table
        && table.is_broken(line, &mut run.context.clock)
    {
        return Class::Malformed;
    }
    let mut candidates = parsers.candidates[usize::from(first)] & !tried;
    let mut needs_met = false;
    while candidates != 0 {
        let i = candidates.trailing_zeros();
        let (index, format) = &parsers.formats[i as usize];
        match format.part_one(run, offset) {
            Part::Foreign => {}
            Part::Continuation => return Class::Continuation,
            Part::Record => return Class::Record(*index),
        }
        candidates &= candidates - 1;
        // Of one or two that is found out faster by trying them.
        if !needs_met && candidates.count_ones() > 1 {
            candidates &= parsers.needs.met(line);
            needs_met = true;
        }
    }
    let tail = &mut run.context.history.tail;
    match tail.takes(line.bytes(), offset) {
        true => Class::Continuation,
        false if classify::is_preamble(line.bytes()) => Class::Header,
        false if tail.precedes(line.bytes(), offset) => Class::Header,
        false => Class::Malformed,
    }
}

/// What an empty line is.
fn blank(parsers: &Parsers, run: &mut Run<'_>, offset: u64) -> Class {
    let mut framed = parsers.framed;
    while framed != 0 {
        let (index, format) = &parsers.formats[framed.trailing_zeros() as usize];
        match format.part_one(run, offset) {
            Part::Foreign => {}
            Part::Continuation => return Class::Continuation,
            Part::Record => return Class::Record(*index),
        }
        framed &= framed - 1;
    }
    Class::Blank
}

#[inline(always)]
fn index_generic<S: crate::bytes::simd::Simd>(
    simd: S,
    block: &[u8],
    from: usize,
    to: usize,
    ends: &mut Vec<u32>,
) {
    index_newlines(simd, block, from, to, ends);
}

fn index(block: &[u8], from: usize, to: usize, ends: &mut Vec<u32>) {
    crate::dispatch!(index_generic::<>(block: &[u8], from: usize, to: usize, ends: &mut Vec<u32>)
        -> (); block, from, to, ends)
}

#[cfg(test)]
mod tests;
