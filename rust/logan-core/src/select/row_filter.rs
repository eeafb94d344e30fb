//! Which records count: those of the selected time for which the condition holds.
//!
//! It stands between parsing and metrics and works on whole batches: rows that do not count are
//! taken out of the columns, so that no metric ever sees them. First those outside of the time,
//! which is where order and range of times are taken (rates divide by the minutes of the selected
//! time, whatever the condition finds in it); then those for which the condition fails. Values of
//! keys that a condition or a group table asks for are read here, too.
//!
//! A record without a time is outside of any selected time, and counted.

use crate::bytes::line::Line;
use crate::error::Error;
use crate::format::keys::{Found, Keys};
use crate::record::Batch;
use crate::record::Field;
use crate::record::{Block, Mask, NO_TIME};
use crate::select::condition::evaluate::Selector;
use crate::spec::{Candidate, Spec};

/// What a job asks of its records.
pub struct RowFilter {
    /// Nanoseconds since 1970: from the first up to, but not with, the last.
    window: Option<(i64, i64)>,
    selector: Option<Selector>,
    keys: Keys,
    /// Whether the condition needs the keys, not only group tables.
    keys_first: bool,
    /// The formats of the source at hand, to read keys with.
    formats: Vec<Candidate>,
    /// Whether rows need their format.
    pub wants_format: bool,
    /// Records taken out.
    pub filtered: u64,
    /// Those of them that a time range took out because they have no time.
    pub untimed: u64,
}

impl RowFilter {
    /// What the spec asks for; None if it takes every record as it is.
    ///
    /// # Errors
    /// [`Error::Spec`] or [`Error::Condition`] if the spec's condition is none.
    pub fn of(spec: &Spec) -> Result<Option<Box<RowFilter>>, Error> {
        let condition = spec.condition()?;
        let keys = spec.keys();
        let fields = condition.as_ref().map(|c| c.fields()).unwrap_or_default();
        let by = spec.output_fields();
        let wants_format =
            keys.columns() > 0 || fields.iter().copied().chain(&by).any(|f| *f == Field::Format);
        let narrows = spec.meaning.since_ns.is_some()
            || spec.meaning.until_ns.is_some()
            || condition.is_some();
        if !narrows && !wants_format {
            return Ok(None);
        }
        let window =
            (spec.meaning.since_ns.is_some() || spec.meaning.until_ns.is_some()).then(|| {
                // The least number stands for no time.
                let since = spec.meaning.since_ns.unwrap_or(i64::MIN).max(i64::MIN + 1);
                (since, spec.meaning.until_ns.unwrap_or(i64::MAX))
            });
        let keys_first = fields.iter().any(|field| keys.place(field).is_some());
        let selector = condition.as_ref().map(|c| Selector::new(c, &keys).map_err(Error::Spec));
        Ok(Some(Box::new(RowFilter {
            window,
            selector: selector.transpose()?,
            keys,
            keys_first,
            formats: Vec::new(),
            wants_format,
            filtered: 0,
            untimed: 0,
        })))
    }

    /// Goes on with another source, whose formats these are.
    pub fn begin(&mut self, formats: Vec<Candidate>) {
        self.formats = formats;
    }

    /// Takes out what is outside of the selected time.
    pub fn by_time(&mut self, batch: &mut Batch) {
        let Some((since, until)) = self.window else { return };
        let times = &batch.time_ns()[..batch.len];
        let rows = crate::dispatch!(within::<>(times: &[i64], since: i64, until: i64) -> Mask;
            times, since, until);
        if !batch.all_timed() {
            self.untimed += times.iter().filter(|&&time| time == NO_TIME).count() as u64;
        }
        self.keep(batch, &rows);
    }

    /// Takes out those for which the condition fails, and reads keys.
    pub fn by_condition(&mut self, batch: &mut Batch, block: Block<'_>) {
        if self.keys_first {
            self.read_keys(batch, block);
        }
        if let Some(selector) = &mut self.selector {
            let rows = selector.select(batch, block);
            self.keep(batch, &rows);
        }
        if !self.keys_first {
            self.read_keys(batch, block);
        }
    }

    fn keep(&mut self, batch: &mut Batch, rows: &Mask) {
        let before = batch.len;
        batch.retain(rows);
        self.filtered += (before - batch.len) as u64;
    }

    fn read_keys(&self, batch: &mut Batch, block: Block<'_>) {
        let columns = self.keys.columns();
        if columns == 0 {
            return;
        }
        batch.want_extra(columns);
        let mut arena = std::mem::take(&mut batch.arena);
        for row in 0..batch.len {
            let (start, len) = (batch.line_start()[row] as usize, batch.line_len()[row] as usize);
            let line = Line::new(block.bytes, start, start + len);
            let mut found = Found::new(&self.keys, &mut arena);
            let place = usize::from(batch.format()[row]);
            if let Some((_, format)) = self.formats.iter().find(|(index, _)| *index == place) {
                format.keys(line, &mut found);
            }
            batch.put_extra(row, found.texts());
        }
        batch.arena = arena;
    }
}

#[inline(always)]
fn within<S: crate::bytes::simd::Simd>(_simd: S, times: &[i64], since: i64, until: i64) -> Mask {
    Mask::of(times, |time| since <= time && time < until)
}
