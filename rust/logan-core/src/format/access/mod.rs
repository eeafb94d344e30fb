//! Access logs of HTTP servers.

pub mod combined;
pub mod gin;
pub mod morgan;
pub mod php_fpm;
pub mod request;
mod tail;
pub mod uwsgi;
