//! Whether a line is of another format: for formats whose records go on with any text.
//!
//! Asked are the formats that an envelope's payload is tried with, since no others have lines that
//! can be told alone.

use super::envelope::inner_formats;
use super::marks::Needs;
use super::{Context, Format, Params};
use crate::batch::Record;
use crate::lines::Line;

/// The other formats.
pub(super) struct Others {
    formats: Vec<Box<dyn Format>>,
    needs: Needs,
}

impl Others {
    /// All that there are, or none if nobody will ask.
    pub(super) fn new(wanted: bool) -> Others {
        let entries = inner_formats().filter(|_| wanted);
        let formats: Vec<_> = entries.map(|entry| (entry.build)(&Params::default())).collect();
        Others { needs: Needs::of(formats.iter()), formats }
    }

    /// Whether one of them takes the line, which is not empty. What is in `arena` behind what was
    /// there is of no use.
    pub(super) fn take(&self, line: Line<'_>, context: &mut Context, arena: &mut Vec<u8>) -> bool {
        let met = self.needs.met(line);
        self.formats.iter().enumerate().any(|(i, format)| {
            let mut record = Record::EMPTY;
            met >> i & 1 != 0
                && format.may_begin_with(line.byte(0))
                && format.parse_line(line, context, arena, &mut record)
        })
    }
}
