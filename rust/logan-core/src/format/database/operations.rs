//! Response times at a place of a message that a server documents.
//!
//! | server | message | response time |
//! |---|---|---|
//! | [OpenLDAP](https://www.openldap.org/doc/admin26/guide.html#loglevel), [389 Directory Server](https://www.port389.org/docs/389ds/FAQ/logconv.html) | `conn=7 op=1 … RESULT … etime=0.012` | `etime`, in seconds |
//! | [Neo4j](https://neo4j.com/docs/operations-manual/current/monitoring/logging/#query-logging) | `id:12 - 127 ms: (planning: 1, …`, perhaps with ` - transaction id:8` before the time | the number before `ms` |
//! | [ClickHouse](https://clickhouse.com/docs/operations/system-tables/query_log) | `executeQuery: Read 120 rows, 1.20 MiB in 0.012 sec., …` | the number before `sec` |
//! | [Tomcat](https://tomcat.apache.org/tomcat-9.0-doc/logging.html) | `Server startup in [1234] milliseconds` at the end | the number in brackets |

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
        [b'e', b'x', b'e', b'c', ..] => of_clickhouse(message).unwrap_or(NO_DURATION),
        [.., b'n', b'd', b's'] => of_tomcat(message).unwrap_or(NO_DURATION),
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
    let mut number = behind[digits(behind)..].strip_prefix(b" - ")?;
    if let Some(id) = number.strip_prefix(b"transaction id:") {
        number = id[digits(id)..].strip_prefix(b" - ")?;
    }
    let len = digits(number);
    let is_one = number[len..].starts_with(b" ms: (");
    if is_one { decimal(&number[..len], Unit::Milliseconds) } else { None }
}

#[cold]
fn of_clickhouse(message: &[u8]) -> Option<u64> {
    const UNIT: &[u8] = b" sec.";
    let read = message.strip_prefix(b"executeQuery: Read ")?;
    let front = &read[..memchr::memmem::find(read, UNIT)?];
    let number = front.rsplit(|&b| b == b' ').next()?;
    let before = &front[..front.len() - number.len()];
    if before.ends_with(b" in ") { decimal(number, Unit::Seconds) } else { None }
}

#[cold]
fn of_tomcat(message: &[u8]) -> Option<u64> {
    let front = message.strip_suffix(b"] milliseconds")?;
    let open = memchr::memrchr(b'[', front)?;
    let (before, number) = (&front[..open], &front[open + 1..]);
    let is_one = before.ends_with(b" startup in ") && digits(number) == number.len();
    if is_one { decimal(number, Unit::Milliseconds) } else { None }
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
            ("id:12 - transaction id:8 - 127 ms: (planning: 1, waiting: 0) - 1792 B", 127_000_000),
            ("id:12 - transaction id:8 - done", NO_DURATION),
            ("executeQuery: Read 120 rows, 1.20 MiB in 0.012345 sec., 9720 rows/sec.", 12_345_000),
            ("executeQuery: (from 192.0.2.7:51234) SELECT 'in 0.5 sec.'", NO_DURATION),
            ("executeQuery: Read 120 rows, 1.20 MiB", NO_DURATION),
            ("org.example.Main.start Server startup in [1234] milliseconds", 1_234_000_000),
            ("org.example.Main.start Next startup planned in [1234] milliseconds", NO_DURATION),
            ("Server startup in [1,234] milliseconds", NO_DURATION),
            ("conn=7 fd=12 closed etime=5", NO_DURATION),
            ("id:12 - 127 ms", NO_DURATION),
            ("id:", NO_DURATION),
        ] {
            assert_eq!(response_time(message.as_bytes()), nanos, "{message}");
        }
    }
}
