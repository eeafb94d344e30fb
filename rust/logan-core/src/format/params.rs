//! What a plan decides about a format, beyond its name.

use super::table::Table;
use serde::{Deserialize, Serialize};

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

impl Unit {
    /// Nanoseconds in one unit.
    #[inline(always)]
    pub const fn nanos(self) -> u64 {
        match self {
            Unit::Nanoseconds => 1,
            Unit::Microseconds => 1_000,
            Unit::Milliseconds => 1_000_000,
            Unit::Seconds => 1_000_000_000,
        }
    }

    /// Its usual abbreviation.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "ns",
            Unit::Microseconds => "us",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
        }
    }
}

/// Which number behind a request is its status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusPlace {
    /// The first, if it can be one.
    #[default]
    First,
    /// The one behind it.
    Second,
    /// None.
    Nowhere,
}

/// Which address of a line is that of the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientPlace {
    /// The one that the request comes from.
    #[default]
    Remote,
    /// The first public one that a proxy forwarded, if there is one and the request comes from a private
    /// one.
    Forwarded,
    /// The first public one that a proxy forwarded, if there is one, whatever the request comes from.
    Listed,
}

/// What the plan decided about a format of a source, beyond its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Whether records that an envelope wrote in pieces are put together. Only of formats that
    /// the plan lists: chunks of other sources then need not look back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejoin: bool,
    /// Whether lines are payloads of an envelope, which has their timestamp if they have none. Never
    /// part of a plan: an envelope says it to the formats inside.
    #[serde(skip)]
    pub is_payload: bool,
    /// Blanks before every line, of [`plain`](super::text::plain).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub indent: u32,
    /// Text of a [format of the user's own](super::custom), and of no other format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The table that lines are of, and of no other format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
    /// Which number behind a request is its status, of formats that [can tell](super::Facts::has_status_place).
    #[serde(default, skip_serializing_if = "is_first")]
    pub status_place: StatusPlace,
    /// Which address of a line is that of the client, of formats that [can tell](super::Facts::has_client_place).
    #[serde(default, skip_serializing_if = "is_remote")]
    pub client_place: ClientPlace,
}

fn is_remote(place: &ClientPlace) -> bool {
    *place == ClientPlace::Remote
}

fn is_first(place: &StatusPlace) -> bool {
    *place == StatusPlace::First
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Params {
    /// Those of formats inside of an envelope, unless the plan says more.
    pub fn of_payloads() -> Params {
        Params { is_payload: true, ..Params::default() }
    }
}
