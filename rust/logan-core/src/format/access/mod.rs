//! Access logs of HTTP servers.

pub mod combined;
pub(crate) mod forwarded;
pub mod gin;
pub mod morgan;
pub mod php_fpm;
pub mod request;
mod tail;
pub mod uwsgi;
pub(crate) use tail::{TAIL_FIELDS_MAX, field_end, is_of_traefik};
