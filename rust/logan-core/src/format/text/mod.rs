//! Lines that people read: a time, a level and a message, and what is found in messages.

pub mod ansi;
pub mod apache_error;
pub mod app;
mod clock;
pub mod cmtrace;
pub mod crash;
pub mod dmesg;
pub mod dotnet;
mod dresses;
pub mod duration;
pub mod erlang;
pub mod gatling;
pub(in crate::format) mod keyed;
pub mod leveled;
pub(crate) mod levels;
pub mod nginx_error;
pub mod plain;
pub mod rails;
pub mod slapd;
pub mod text_duration;
pub(in crate::format) mod timed;
pub mod timers;
