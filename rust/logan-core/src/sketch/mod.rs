//! Bounded approximations that merge: buckets for quantiles, group tables with a cap, distinct
//! counts. Integers only, so that every split gives the same bits.

pub mod buckets;
pub mod distinct;
pub mod groups;
pub mod key_cache;
pub mod time_slots;
pub mod varint;
