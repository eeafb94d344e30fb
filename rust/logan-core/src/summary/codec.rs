//! Canonical bytes of a summary.
//!
//! ```text
//! "LOGANSUM"  version: u16  reserved: u16 = 0  length: u64  xxh3-64 of the payload  payload
//! ```
//! All integers little endian; the payload is one MessagePack map with named fields. Equal
//! summaries have equal bytes. Bytes come from other machines, so nothing about them is trusted:
//! lengths and the checksum are verified first, then that the figures make sense.

use crate::error::Error;
use crate::summary::Summary;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 8] = b"LOGANSUM";
const HEADER_BYTES: usize = 28;

/// Version of the layout, and of everything that decides what is in it (hash, caps, buckets).
///
/// 2: a summary says what its figures stand for and what its sources are, so that those of different
/// jobs can be merged, and keeps at least 100 of the slowest requests.
///
/// 3: there are an analysis grid, tables of user agents and the like and of templates below WARN;
/// routes, groups, clients and messages say more (client errors, bytes, shortest time, errors).
///
/// 4: the analysis grid counts requests without an answer, throttled and denied ones. Of version 3 these
/// are not known; all else in it means the same.
pub const VERSION: u16 = 4;

/// The oldest version that is read.
const VERSION_MIN: u16 = 3;

/// Largest encoded summary. All tables at their caps stay far below it.
pub const SUMMARY_BYTES_MAX: usize = 64 << 20;

/// The canonical bytes.
pub fn encode(summary: &Summary) -> Vec<u8> {
    encode_as(summary, VERSION)
}

fn encode_as(summary: &Summary, version: u16) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES];
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    summary.serialize(&mut serializer).expect("a summary is plain data, and memory takes it");
    let payload = &bytes[HEADER_BYTES..];
    let (length, checksum) = (payload.len() as u64, xxh3_64(payload));
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..10].copy_from_slice(&version.to_le_bytes());
    bytes[12..20].copy_from_slice(&length.to_le_bytes());
    bytes[20..28].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The summary whose canonical bytes these are.
///
/// # Errors
/// [`Error::Summary`] for bytes that are damaged, foreign, of another version, or senseless.
pub fn decode(bytes: &[u8]) -> Result<Summary, Error> {
    let fail = |what: String| Err(Error::Summary(what));
    if bytes.len() < HEADER_BYTES || &bytes[..8] != MAGIC {
        return fail("these bytes are not a summary of logan".into());
    }
    let field = |range: std::ops::Range<usize>| {
        let mut value = [0; 8];
        value[..range.len()].copy_from_slice(&bytes[range]);
        u64::from_le_bytes(value)
    };
    let version = field(8..10) as u16;
    if !(VERSION_MIN..=VERSION).contains(&version) {
        let step = if version < VERSION_MIN {
            "analyze its logs again with this logan, or use the older one that made it"
        } else {
            "use the newer logan that made it, here too"
        };
        return fail(format!(
            "it has version {version}, this logan reads {VERSION_MIN} to {VERSION}: {step}"
        ));
    }
    let payload = &bytes[HEADER_BYTES..];
    if bytes.len() > SUMMARY_BYTES_MAX
        || field(10..12) != 0
        || field(12..20) != payload.len() as u64
        || field(20..28) != xxh3_64(payload)
    {
        return Err(Error::damaged("its length or checksum is wrong"));
    }
    let summary: Summary = match rmp_serde::from_slice(payload) {
        Ok(summary) => summary,
        Err(error) => return Err(Error::damaged(error)),
    };
    summary.check()?;
    // What is not canonical did not come from `encode`; accepting it would break the promise that
    // equal summaries have equal bytes.
    if encode_as(&summary, version) != bytes {
        return Err(Error::damaged("not in canonical form"));
    }
    Ok(summary)
}
