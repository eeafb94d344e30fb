//! Time: text to instants, and back.
//!
//! [`parser`] reads timestamps of log lines; [`moment`] reads what users write on the command line.

mod civil;
mod digits;
mod epoch;
mod layouts;
pub mod moment;
mod parser;
mod rfc3339;
#[cfg(test)]
mod tests;

pub use civil::civil_from_days;
pub(crate) use digits::{POWERS, eight_digits, leading_digits, trailing_digits};
pub use epoch::epoch;
pub use parser::{DateOrder, NumericDate, Stamp, TimestampParser};
pub use rfc3339::rfc3339;
