//! Logs of firewalls and other security devices.

pub mod cef;
pub mod leef;
