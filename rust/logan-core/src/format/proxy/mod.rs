//! Logs of proxies and load balancers.

pub mod envoy;
pub mod haproxy;
pub mod squid;
