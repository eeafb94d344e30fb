//! Logs of databases.

pub mod mysql_slow;
pub mod oracle_alert;
pub mod postgres;
pub mod redis;
