//! Time: text to instants, and back.
//!
//! [`parser`] reads timestamps of log lines; [`moment`] reads what users write on the command line.

mod civil;
mod digits;
mod epoch;
mod layouts;
pub mod moment;
mod parser;
#[cfg(test)]
mod tests;

pub use civil::civil_from_days;
pub(crate) use digits::{POWERS, eight_digits, leading_digits, trailing_digits};
pub use epoch::epoch;
pub use parser::{Clock, DateOrder, NumericDate, Stamp};
