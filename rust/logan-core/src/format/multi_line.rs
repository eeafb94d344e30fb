//! Formats whose lines mean nothing alone: several say one record, and what a line is hangs on those
//! before it.
//!
//! Any line could be one of theirs, so lines are of such a format only where the plan lists it
//! ([`rejoin`](super::Params::rejoin)).

use super::{Context, Format, LineFormat, Params, Part};
use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::record::{Columns, Record};

/// Such a format, as its author writes it.
pub(super) trait Entries: Send + Sync + 'static {
    /// See [`LineFormat::COLUMNS`].
    const COLUMNS: Columns;

    /// See [`LineFormat::ends_at_blank`].
    const END_AT_BLANK: bool = false;

    /// See [`LineFormat::part`].
    fn take(
        &self,
        line: Line<'_>,
        offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part;
}

/// The format that `make` makes, or one that takes nothing where the plan does not list it.
pub(super) fn listed<E: Entries>(params: &Params, make: impl FnOnce() -> E) -> Box<dyn Format> {
    Box::new(Listed(params.rejoin.then(make)))
}

struct Listed<E>(Option<E>);

impl<E: Entries> LineFormat for Listed<E> {
    const COLUMNS: Columns = E::COLUMNS;
    const PART_SUBSUMES_PARSE: bool = true;

    fn may_begin_with(&self, _byte: u8) -> bool {
        self.0.is_some()
    }

    #[inline(always)]
    fn parse<S: Simd>(
        &self,
        _simd: S,
        _line: Line<'_>,
        _context: &mut Context,
        _arena: &mut Vec<u8>,
        _record: &mut Record,
    ) -> bool {
        false
    }

    fn has_parts(&self) -> bool {
        self.0.is_some()
    }

    fn ends_at_blank(&self) -> bool {
        E::END_AT_BLANK && self.0.is_some()
    }

    #[inline(always)]
    fn part<S: Simd>(
        &self,
        _simd: S,
        line: Line<'_>,
        offset: u64,
        context: &mut Context,
        arena: &mut Vec<u8>,
        record: &mut Record,
    ) -> Part {
        let Some(entries) = &self.0 else { return Part::Foreign };
        entries.take(line, offset, context, arena, record)
    }
}
