//! Logs of databases.

pub mod mysql_slow;
pub(in crate::format) mod operations;
pub mod oracle_alert;
pub mod postgres;
pub mod redis;
