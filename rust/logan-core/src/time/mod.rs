//! Time: text to instants, and back.
//!
//! [`parser`] reads timestamps of log lines; [`moment`] reads what users write on the command line.

mod civil;
mod digits;
mod epoch;
mod layouts;
mod local;
pub mod moment;
mod month_names;
mod parser;
mod reading;
mod rfc3339;
mod seen;
#[cfg(test)]
mod tests;
mod years;
mod zones;

pub use civil::civil_from_days;
pub(crate) use digits::{POWERS, eight_digits, leading_digits, trailing_digits};
pub use epoch::epoch;
pub use month_names::read as month_by_any_name;
pub use parser::{Stamp, TimestampParser};
pub(crate) use reading::TURNS_MAX;
pub use reading::{DateLayout, DateOrder, NumericDate, TimeReading};
pub use rfc3339::rfc3339;
pub use seen::{Prefix, SeenLevel, SeenZone};
pub(crate) use zones::{assumed as zone_assumed, by_siblings as zones_by_siblings};
pub use zones::{fixed_zone, named_zone};
