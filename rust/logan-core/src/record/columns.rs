//! The columns of a record, each said once.
//!
//! [`columns!`](self) lists them; everything that follows from the list is made from it here: the
//! sets ([`Columns`]), the [`Record`] that a format fills and its empty value, the [`DenseBuckets`] of a
//! batch with all that fills, writes, clears and compacts them, the texts that an envelope moves,
//! and the names by which conditions and group tables ask. To add a column, add a line here, and
//! fill it in the parsers that find it. Nothing here knows a format or a metric.
//!
//! A column of type [`Text`] is a range of its line or of the arena; a batch holds it relative to
//! the block. A column marked `on_request` costs nothing unless a job asks for it by its name: no
//! parser looks for it ([`Context::wanted`](crate::format::Context::wanted)), and no batch stores it.

use super::Mask;
use crate::record::Level;
use crate::record::{BATCH_ROWS, NO_BYTES, NO_DURATION, NO_STATUS, NO_TIME, Text};
use crate::time::Stamp;
use std::mem::MaybeUninit;
use std::ops::Range;

/// What a record holds of a column, and what a batch stores of it.
pub trait Value: Copy + PartialEq {
    /// As a batch stores it.
    type Cell: Copy + PartialEq;

    /// What to store, given where the record's line starts in the block.
    fn cell(self, line_start: u32) -> Self::Cell;

    /// The same, but the default itself where there is nothing.
    #[inline(always)]
    fn cell_or_default(self, line_start: u32) -> Self::Cell {
        self.cell(line_start)
    }

    /// The text that it is, if it is one.
    #[inline(always)]
    fn text(&mut self) -> Option<&mut Text> {
        None
    }

    /// The texts that these cells are, if they are texts.
    #[inline(always)]
    fn texts(_cells: &[Self::Cell; BATCH_ROWS]) -> Option<&[Text; BATCH_ROWS]> {
        None
    }
}

macro_rules! plain_values {
    ($($type:ty)+) => {$(
        impl Value for $type {
            type Cell = $type;

            #[inline(always)]
            fn cell(self, _line_start: u32) -> $type {
                self
            }
        }
    )+};
}

plain_values!(i64 u64 u16);

impl Value for Level {
    type Cell = u8;

    #[inline(always)]
    fn cell(self, _line_start: u32) -> u8 {
        self as u8
    }
}

impl Value for Text {
    type Cell = Text;

    #[inline(always)]
    fn cell(self, line_start: u32) -> Text {
        self.at(line_start)
    }

    #[inline(always)]
    fn cell_or_default(self, line_start: u32) -> Text {
        if self.is_empty() { Text::NONE } else { self.at(line_start) }
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&mut Text> {
        Some(self)
    }

    #[inline(always)]
    fn texts(cells: &[Text; BATCH_ROWS]) -> Option<&[Text; BATCH_ROWS]> {
        Some(cells)
    }
}

/// The bit of a column if it is on request.
macro_rules! bit_on_request {
    ($column:ident) => {
        0
    };
    ($column:ident on_request) => {
        1 << Column::$column as u32
    };
}

/// The name of a column of one field.
macro_rules! name_of {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $($more:ident)+) => {
        ""
    };
}

/// Makes all that follows from the list of columns; see the module's text.
macro_rules! columns {
    ($(
        $column:ident $($on_request:ident)? {
            $( $(#[$doc:meta])* $field:ident: $type:ty = $empty:expr, )+
        }
    )+) => {
        /// A column.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "said at the fields of the record")]
        #[allow(non_camel_case_types, reason = "named as the set of the column alone is")]
        pub enum Column {
            $( $column, )+
        }

        impl Column {
            /// All columns.
            pub const ALL: &'static [Column] = &[$( Column::$column, )+];

            /// The name by which conditions and group tables ask; empty if it is of several fields.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Column::$column => name_of!($($field)+), )+
                }
            }
        }

        #[allow(missing_docs, reason = "said at the fields of the record")]
        impl Columns {
            $( pub const $column: Columns = Columns(1 << Column::$column as u32); )+
            /// All.
            pub const ALL: Columns = Columns(0 $( | 1 << Column::$column as u32 )+);
            /// Those that are looked for only if the job asks.
            pub const ON_REQUEST: Columns =
                Columns(0 $( | bit_on_request!($column $($on_request)?) )+);
        }

        /// What a format finds in one line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Record {
            $( $( $(#[$doc])* pub $field: $type, )+ )+
        }

        impl Record {
            /// A record without anything.
            pub const EMPTY: Record = Record { $( $( $field: $empty, )+ )+ };

            /// Whether nothing is there but what these columns hold.
            pub(crate) fn is_within(&self, columns: Columns) -> bool {
                $(
                    (columns.has(Columns::$column)
                        || true $( && self.$field == Record::EMPTY.$field )+)
                )&&+
            }

            /// Calls `change` with every text.
            #[inline(always)]
            pub(crate) fn for_each_text(&mut self, mut change: impl FnMut(&mut Text)) {
                $( $(
                    if let Some(text) = self.$field.text() {
                        change(text);
                    }
                )+ )+
            }

            /// Sets the text of a column that holds texts.
            #[inline(always)]
            pub(crate) fn set_text(&mut self, column: Column, text: Text) {
                match column {
                    $( Column::$column => { $(
                        if let Some(place) = self.$field.text() {
                            *place = text;
                        }
                    )+ } )+
                }
            }

            /// Takes these columns from another record.
            #[inline(always)]
            pub(crate) fn take(&mut self, columns: Columns, other: &Record) {
                $(
                    if columns.has(Columns::$column) {
                        $( self.$field = other.$field; )+
                    }
                )+
            }
        }

        /// The columns of a batch's rows.
        pub struct DenseBuckets {
            $( $( $(#[$doc])* pub(crate) $field: [<$type as Value>::Cell; BATCH_ROWS], )+ )+
        }

        impl DenseBuckets {
            /// Rows without anything. They are written where they stay: the stack of the thread that
            /// asks may be smaller than they are.
            pub(crate) fn new() -> Box<DenseBuckets> {
                let mut columns = Box::<DenseBuckets>::new_uninit();
                let all = columns.as_mut_ptr();
                $( $(
                    // SAFETY: the field lies within what was allocated, to which nothing else refers,
                    // and its cells need not hold anything yet.
                    let cells = unsafe {
                        &mut *(&raw mut (*all).$field)
                            .cast::<[MaybeUninit<<$type as Value>::Cell>; BATCH_ROWS]>()
                    };
                    cells.fill(MaybeUninit::new(Record::EMPTY.$field.cell(0)));
                )+ )+
                // SAFETY: every cell of every column was written.
                unsafe { columns.assume_init() }
            }

            /// Gives these columns of some rows their defaults.
            #[inline(always)]
            pub(crate) fn clear(&mut self, columns: Columns, rows: Range<usize>) {
                $(
                    if columns.has(Columns::$column) {
                        $( self.$field[rows.clone()].fill(Record::EMPTY.$field.cell(0)); )+
                    }
                )+
            }

            /// Writes these columns of a record to a row, whose line starts at `start`.
            #[inline(always)]
            pub(crate) fn write(
                &mut self,
                row: usize,
                columns: Columns,
                record: &Record,
                start: u32,
            ) {
                $(
                    if columns.has(Columns::$column) {
                        $( self.$field[row] = record.$field.cell(start); )+
                    }
                )+
            }

            /// Writes a record to a row, whose line starts at `start`, so that columns in which it
            /// holds nothing hold their defaults: an empty text that was moved to its line is
            /// another one, and would point behind a shorter block.
            #[inline(always)]
            pub(crate) fn write_whole(
                &mut self,
                row: usize,
                columns: Columns,
                record: &Record,
                start: u32,
            ) {
                $(
                    if columns.has(Columns::$column) {
                        $( self.$field[row] = record.$field.cell_or_default(start); )+
                    }
                )+
            }

            /// Moves these rows to the front, in these columns.
            #[inline(always)]
            pub(crate) fn compact(&mut self, columns: Columns, rows: &Mask) {
                $(
                    if columns.has(Columns::$column) {
                        $( compact(&mut self.$field, rows); )+
                    }
                )+
            }

            /// The texts of a column, if it holds texts.
            pub(crate) fn texts(&self, column: Column) -> Option<&[Text; BATCH_ROWS]> {
                match column {
                    $( Column::$column => None $( .or(<$type as Value>::texts(&self.$field)) )+, )+
                }
            }

            /// Whether all rows hold the default in a column.
            #[cfg(debug_assertions)]
            pub(crate) fn is_clear(&self, column: Column) -> bool {
                match column {
                    $( Column::$column => true $(
                        && self.$field.iter().all(|&cell| cell == Record::EMPTY.$field.cell(0))
                    )+, )+
                }
            }
        }

        impl crate::record::Batch {
            $( $(
                $(#[$doc])*
                ///
                /// The first `len` rows mean something.
                #[inline(always)]
                pub fn $field(&self) -> &[<$type as Value>::Cell; BATCH_ROWS] {
                    &self.cells().$field
                }
            )+ )+
        }
    };
}

columns! {
    TIME {
        /// Nanoseconds since 1970-01-01T00:00:00Z, or [`NO_TIME`].
        time_ns: i64 = NO_TIME,
        /// The whole second of `time_ns`, rounded toward minus infinity; meaningless without time.
        second: i64 = 0,
    }
    DURATION {
        /// Response time in nanoseconds, at most [`DURATION_NS_MAX`](crate::record::DURATION_NS_MAX),
        /// or [`NO_DURATION`].
        duration_ns: u64 = NO_DURATION,
    }
    BYTES {
        /// Bytes of the response, or [`NO_BYTES`].
        bytes_sent: u64 = NO_BYTES,
    }
    STATUS {
        /// HTTP status, 100–999, or [`NO_ANSWER`](super::NO_ANSWER), or [`NO_STATUS`].
        status: u16 = NO_STATUS,
    }
    LEVEL {
        /// Severity; a batch holds it as `Level as u8`.
        level: Level = Level::None,
    }
    MESSAGE {
        /// The message; needed of WARN and above only, unless the context asks for
        /// [all](crate::format::Context::all_messages).
        message: Text = Text::NONE,
    }
    METHOD {
        /// HTTP method.
        method: Text = Text::NONE,
    }
    PATH {
        /// Path of the request, with its query if any.
        path: Text = Text::NONE,
    }
    CLIENT {
        /// Address or name of the client.
        client: Text = Text::NONE,
    }
    // Columns on request come last.
    USER_AGENT on_request {
        /// User agent of the client, as written.
        user_agent: Text = Text::NONE,
    }
    REFERRER on_request {
        /// URL that led the client here, as written.
        referrer: Text = Text::NONE,
    }
    HOST on_request {
        /// Host that the client asked for, without its port, or else the host that logged.
        host: Text = Text::NONE,
    }
    PROTOCOL on_request {
        /// Protocol of the request, as written: `HTTP/1.1`.
        protocol: Text = Text::NONE,
    }
}

impl Record {
    /// Sets both columns of the time.
    #[inline(always)]
    pub(crate) fn set_time(&mut self, stamp: Stamp) {
        (self.time_ns, self.second) = (stamp.nanos_since_epoch(), stamp.second);
    }
}

/// A set of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns(u32);

impl Columns {
    /// No column.
    pub const NONE: Columns = Columns(0);
    /// `method` and `path`.
    pub const ROUTE: Columns = Columns::METHOD.or(Columns::PATH);
    /// What logs of servers say of requests.
    pub const ACCESS: Columns = Columns::TIME
        .or(Columns::DURATION)
        .or(Columns::STATUS)
        .or(Columns::BYTES)
        .or(Columns::ROUTE)
        .or(Columns::CLIENT);
    /// What logs for people say.
    pub const TEXT: Columns = Columns::TIME.or(Columns::LEVEL).or(Columns::MESSAGE);

    /// The set of one column.
    #[inline(always)]
    pub const fn of(column: Column) -> Columns {
        Columns(1 << column as u32)
    }

    /// The columns of this set that are not in the other.
    #[inline(always)]
    pub const fn without(self, other: Columns) -> Columns {
        Columns(self.0 & !other.0)
    }

    /// The columns in both sets.
    #[inline(always)]
    pub const fn and(self, other: Columns) -> Columns {
        Columns(self.0 & other.0)
    }

    /// Both sets.
    #[inline(always)]
    pub const fn or(self, other: Columns) -> Columns {
        Columns(self.0 | other.0)
    }

    /// Whether the two share a column.
    #[inline(always)]
    pub const fn has(self, other: Columns) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is none.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The columns, in the order of the list.
    #[inline(always)]
    pub fn iter(self) -> impl Iterator<Item = Column> {
        Column::ALL.iter().copied().filter(move |&column| self.has(Columns::of(column)))
    }
}

impl Column {
    /// How many there are.
    pub const COUNT: usize = Column::ALL.len();
    /// How many are not on request; these come first.
    pub const PARSED: usize = COUNT_PARSED;

    /// The column on request of this name.
    pub fn on_request(name: &str) -> Option<Column> {
        Columns::ON_REQUEST.iter().find(|column| column.name() == name)
    }
}

const COUNT_PARSED: usize = Column::COUNT - Columns::ON_REQUEST.0.count_ones() as usize;
const _: () = assert!(Columns::ON_REQUEST.0.trailing_zeros() as usize >= COUNT_PARSED);

/// Moves what is kept to the front.
#[inline(always)]
pub(crate) fn compact<T: Copy>(column: &mut [T; BATCH_ROWS], rows: &Mask) {
    rows.rows().enumerate().for_each(|(to, from)| column[to] = column[from]);
}
