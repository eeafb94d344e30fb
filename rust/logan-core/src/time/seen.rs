//! What was seen around timestamps, for detection: no timestamp depends on it.

/// What stands before a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefix {
    /// A name or two, or groups in brackets.
    Names,
    /// Something else.
    Text,
}

/// Where a level stands beside a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenLevel {
    /// The column that holds it, if one does, a number for the level, and whether it is in upper case.
    pub column: Option<(u32, u8, bool)>,
    /// The columns, as bits, whose words would be levels only because levels are always there.
    pub only_there: u8,
}

/// A time zone that was written as an abbreviation, or as hours after a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenZone {
    /// The abbreviation, if it is one.
    pub abbreviation: Option<&'static str>,
    /// Whether words follow, so that it counts only in a source whose timestamps all have zones.
    pub before_words: bool,
}
