//! Response times at a place of a message that a server documents.
//!
//! | server | message | response time |
//! |---|---|---|
//! | [OpenLDAP](https://www.openldap.org/doc/admin26/guide.html#loglevel), [389 Directory Server](https://www.port389.org/docs/389ds/FAQ/logconv.html) | `conn=7 op=1 … RESULT … etime=0.012` | `etime`, in seconds |
//! | [Neo4j](https://neo4j.com/docs/operations-manual/current/monitoring/logging/#query-logging) | `id:12 - 127 ms: (planning: 1, …` | the first number |

use crate::format::Unit;
use crate::format::slices::digits;
use crate::format::text::duration::decimal;
use crate::record::NO_DURATION;

/// The response time of a message, or [`NO_DURATION`].
#[inline(always)]
pub(in crate::format) fn response_time(message: &[u8]) -> u64 {
    match message {
        [b'c', b'o', b'n', b'n', b'=', ..] => of_ldap(message).unwrap_or(NO_DURATION),
        [b'i', b'd', b':', ..] => of_neo4j(message).unwrap_or(NO_DURATION),
        _ => NO_DURATION,
    }
}

#[cold]
fn of_ldap(message: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b" etime=";
    let result = memchr::memmem::find(message, b" RESULT ")?;
    let at = result + memchr::memmem::find(&message[result..], NAME)? + NAME.len();
    let is_of_number = |b: &&u8| b.is_ascii_digit() || **b == b'.';
    let len = message[at..].iter().take_while(is_of_number).count();
    decimal(&message[at..at + len], Unit::Seconds)
}

#[cold]
fn of_neo4j(message: &[u8]) -> Option<u64> {
    let behind = &message[b"id:".len()..];
    let number = behind[digits(behind)..].strip_prefix(b" - ")?;
    let len = digits(number);
    let is_one = number[len..].starts_with(b" ms: (");
    if is_one { decimal(&number[..len], Unit::Milliseconds) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (message, nanos) in [
            ("conn=11 op=1 RESULT err=0 tag=101 optime=0.012245000 etime=0.012345000", 12_345_000),
            ("conn=7 op=1 SEARCH RESULT tag=101 err=0 qtime=0.1 etime=0.5 text=", 500_000_000),
            ("id:12 - 127 ms: (planning: 1, waiting: 0) - 1792 B", 127_000_000),
            ("conn=7 fd=12 closed etime=5", NO_DURATION),
            ("id:12 - 127 ms", NO_DURATION),
            ("id:", NO_DURATION),
        ] {
            assert_eq!(response_time(message.as_bytes()), nanos, "{message}");
        }
    }
}
