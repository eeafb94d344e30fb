//! The slow query log of MySQL, MariaDB and Percona Server: a statement, and before it comments
//! that say how long it took.
//!
//! Lines are of this format only where the plan [lists](crate::format::Params::rejoin) it.
//!
//! # Accepted
//! - `# Time: ` and a timestamp of ISO 8601 or `240124 10:15:32` (or ` 9:15:32`) begins an entry. So
//!   does `# User@Host: `, whose address in brackets, or else the name before it, is the client; a
//!   `# Time: ` right before it is of the same entry.
//! - `# Query_time: ` and seconds: the response time. Other lines that begin with `# ` say more.
//! - Then perhaps `use database;`, and `SET ` with a `timestamp=` of seconds since 1970 and a `;` at
//!   the end.
//! - What comes next is the statement, or `# administrator command: `. Its first line is the record,
//!   if a `# Query_time: ` came before; it ends with the line that ends with `;`.
//!
//! The time is that of `# Time: ` if it has a zone, else that of the `SET`, else that of `# Time: `.
//! All other lines of an entry are continuations, and so are the three lines that a server writes as
//! it begins: what `started with:` ends, `Tcp port: `, and the names of columns.
//!
//! An entry reaches [`LOOK_BACK_BYTES`](crate::format::state::LOOK_BACK_BYTES) from where it began; its
//! lines follow one another, but for empty ones.

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::state::{Chain, reaches};
use crate::format::text::duration::decimal;
use crate::format::{Entry, Facts, Info, Kind, MultiLineFormat, Parse, Part, Unit, listed};
use crate::record::{Columns, NO_DURATION, Text};
use crate::time::{Stamp, TimestampParser};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "mysql-slow",
        title: "slow query log of MySQL, MariaDB and Percona Server",
        example: "# Time: 2024-01-24T10:15:32.123456Z\n\
                  # User@Host: shop[shop] @ web1 [10.0.0.7]  Id:    42\n\
                  # Query_time: 1.250000  Lock_time: 0.000120 Rows_sent: 10  Rows_examined: 20000\n\
                  SET timestamp=1706091331;\n\
                  SELECT * FROM orders;\n",
        time_field: "# Time:, or SET timestamp",
        duration: Some(("Query_time:", "s")),
    },
    facts: Facts { kind: Kind::Stateful, ..Facts::PLAIN },
    build: |params| listed(params, || MysqlSlow),
};

struct MysqlSlow;

/// Bytes between two lines of an entry: line ends, of which some may be of empty lines.
const GAP_BYTES_MAX: u64 = 8;

/// What the lines of the entry at hand said.
#[derive(Default)]
struct Comments {
    lines: Chain,
    /// Where the line with the time starts, the time, and whether it has a zone.
    time: Option<(u64, Stamp, bool)>,
    client: Vec<u8>,
    duration_ns: Option<u64>,
    /// The time that the statement is to be done at; Some(None) if it cannot be read.
    set: Option<Option<Stamp>>,
    has_begun: bool,
}

impl Comments {
    /// Forgets all but the room for a client's name.
    fn clear(&mut self) {
        let mut client = std::mem::take(&mut self.client);
        client.clear();
        *self = Comments { client, ..Comments::default() };
    }

    /// Whether nothing but the time was said.
    fn is_new(&self) -> bool {
        self.duration_ns.is_none()
            && self.client.is_empty()
            && self.set.is_none()
            && !self.has_begun
    }
}

impl MultiLineFormat for MysqlSlow {
    const COLUMNS: Columns =
        Columns::TIME.or(Columns::DURATION).or(Columns::MESSAGE).or(Columns::CLIENT);
    type State = Comments;

    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        entry: &mut Comments,
        cx: &mut Parse<'_, S>,
    ) -> Part {
        let text = line.bytes();
        if text.starts_with(b"# Time: ") {
            entry.clear();
            entry.time = time(line, cx.clock()).map(|(stamp, zoned)| (offset, stamp, zoned));
            entry.lines.begin(offset, text.len());
            return Part::Continuation;
        }
        let follows = entry.lines.goes_on(offset, GAP_BYTES_MAX);
        if let Some(who) = text.strip_prefix(b"# User@Host: ") {
            if !(follows && entry.is_new()) {
                entry.clear();
            }
            entry.client.extend_from_slice(client(who));
            entry.lines.begin(offset, text.len());
            return Part::Continuation;
        }
        if !follows {
            return if is_banner(text) { Part::Continuation } else { Part::Foreign };
        }
        entry.lines.extend(offset, text.len());
        if entry.has_begun {
            if text.ends_with(b";") {
                entry.clear();
            }
            return Part::Continuation;
        }
        if text.starts_with(b"# ") && !text.starts_with(b"# administrator command: ") {
            if let Some(seconds) = text.strip_prefix(b"# Query_time: ") {
                let len = seconds.iter().position(|&b| b == b' ').unwrap_or(seconds.len());
                entry.duration_ns = decimal(&seconds[..len], Unit::Seconds);
            }
            return Part::Continuation;
        }
        if entry.set.is_none() {
            if is_use(text) {
                return Part::Continuation;
            }
            if let Some(stamp) = set_timestamp(text) {
                entry.set = Some(stamp);
                return Part::Continuation;
            }
        }
        let Some(duration_ns) = entry.duration_ns else {
            entry.clear();
            return Part::Foreign;
        };
        let time = entry.time.filter(|&(at, ..)| reaches(at, offset));
        let stamp = time
            .filter(|&(_, _, zoned)| zoned)
            .map(|(_, stamp, _)| stamp)
            .or(entry.set.flatten())
            .or(time.map(|(_, stamp, _)| stamp));
        if let Some(stamp) = stamp {
            cx.record.set_time(stamp);
        }
        debug_assert!(duration_ns != NO_DURATION);
        cx.record.duration_ns = duration_ns;
        cx.record.message = Text::of_line(0, text.len());
        cx.record.client = cx.keep(&entry.client);
        entry.has_begun = true;
        if text.ends_with(b";") {
            entry.clear();
        }
        Part::Record
    }
}

/// The time behind `# Time: `, and whether it has a zone.
fn time(line: Line<'_>, clock: &mut TimestampParser) -> Option<(Stamp, bool)> {
    const AT: usize = 8;
    if let Some((stamp, end)) = clock.iso(line, AT)
        && end == line.len()
    {
        let behind_date = &line.bytes()[AT + 10..];
        return Some((stamp, behind_date.iter().any(|b| matches!(b, b'Z' | b'+' | b'-'))));
    }
    let text = &line.bytes()[AT..];
    let number = |text: &[u8]| {
        let all = text.iter().all(u8::is_ascii_digit) && (1..=2).contains(&text.len());
        all.then(|| text.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0')))
    };
    let day = |i: usize| number(text.get(i..i + 2)?);
    let mut parts = text.get(6..)?.trim_ascii_start().split(|&b| b == b':');
    let mut part = |limit: u32| parts.next().and_then(number).filter(|&n| n < limit);
    let (hour, minute, second) = (part(24)?, part(60)?, part(60)?);
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    let second = clock.civil_here([2000 + day(0)?, day(2)?, day(4)?], seconds)?;
    Some((Stamp { second, nanos: 0 }, false)).filter(|_| parts.next().is_none())
}

/// The address in brackets, or the name before it, of `shop[shop] @ web1 [10.0.0.7]  Id:    42`.
fn client(who: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(who, b" @ ") else { return b"" };
    let host = &who[at + 3..];
    let Some(open) = memchr::memchr(b'[', host) else { return host.trim_ascii() };
    let address = &host[open + 1..];
    let address = &address[..memchr::memchr(b']', address).unwrap_or(address.len())];
    if address.is_empty() { host[..open].trim_ascii() } else { address }
}

/// `use database;`
fn is_use(text: &[u8]) -> bool {
    text.strip_prefix(b"use ")
        .and_then(|rest| rest.strip_suffix(b";"))
        .is_some_and(|name| !name.is_empty() && !name.contains(&b' '))
}

/// What a line such as `SET timestamp=1706091331;` or `SET insert_id=5,timestamp=1706091331;` sets;
/// Some(None) if that is no time.
fn set_timestamp(text: &[u8]) -> Option<Option<Stamp>> {
    let sets = text.strip_prefix(b"SET ")?.strip_suffix(b";")?;
    let value = sets.split(|&b| b == b',').find_map(|set| set.strip_prefix(b"timestamp="))?;
    let (second, fraction) = match value.iter().position(|&b| b == b'.') {
        Some(point) => (&value[..point], &value[point + 1..]),
        None => (value, &b""[..]),
    };
    let nanos = fraction
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .take(9)
        .fold((0, 100_000_000), |(sum, unit), d| (sum + u32::from(d - b'0') * unit, unit / 10))
        .0;
    // Years to come have ten digits, too.
    let second = crate::format::fields::whole(second).filter(|&second| second < 10_000_000_000);
    Some(second.map(|second| Stamp { second: second as i64, nanos }))
}

/// Whether a line is one of those that a server writes as it begins.
fn is_banner(text: &[u8]) -> bool {
    text.ends_with(b"started with:") && memchr::memmem::find(text, b", Version: ").is_some()
        || text.starts_with(b"Tcp port: ")
        || text.starts_with(b"TCP Port: ")
        || text.starts_with(b"Time ") && text.ends_with(b" Id Command    Argument")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::line::PaddedLine;
    use crate::format::state::LOOK_BACK_BYTES;
    use crate::format::{Context, Params};
    use crate::record::Record;

    /// What the lines of a log are, from the one that starts at `from`: a letter for each, and of
    /// records time, response time and client.
    fn read(log: &str, from: usize) -> Vec<String> {
        let format = (ENTRY.build)(&Params { rejoin: true, ..Params::default() });
        let mut context = Context::new(TimestampParser::utc());
        let mut found = Vec::new();
        let mut offset = from;
        for line in log[from..].split_terminator('\n') {
            let at = offset as u64;
            offset += line.len() + 1;
            if line.is_empty() {
                continue;
            }
            let padded = PaddedLine::new(line.as_bytes());
            let (mut arena, mut record) = (Vec::new(), Record::EMPTY);
            let context = &mut context;
            let cx = &mut Parse { simd: (), context, arena: &mut arena, record: &mut record };
            found.push(match format.part(padded.line(), Some(at), cx) {
                Part::Foreign => "-".into(),
                Part::Continuation => "+".into(),
                Part::Record => format!(
                    "{} {} {}",
                    record.second,
                    record.duration_ns,
                    String::from_utf8_lossy(record.client.bytes(line.as_bytes(), &arena))
                ),
            });
        }
        found
    }

    const ENTRY_LINES: &str = "# Time: 240124  9:15:32\n\
        # User@Host: shop[shop] @ web1 []\n\
        # Query_time: 1.25  Lock_time: 0\n\
        use shop;\n\
        SET insert_id=5,timestamp=1706091331.5;\n\
        SELECT 1\n\n FROM t;\n\
        nobody's\n";

    #[test]
    fn entries() {
        assert_eq!(
            read(ENTRY_LINES, 0),
            ["+", "+", "+", "+", "+", "1706091331 1250000000 web1", "+", "-"]
        );
        let of_local_time = ENTRY_LINES.replace("SET insert_id=5,timestamp=1706091331.5;\n", "");
        assert_eq!(read(&of_local_time, 0)[4], "1706087732 1250000000 web1");
        let without = ENTRY_LINES.replace("# Query", "# Other");
        assert_eq!(read(&without, 0), ["+", "+", "+", "+", "+", "-", "-", "-"]);
        assert_eq!(
            read(
                "# User@Host: a[a] @  [::1]\n# Query_time: 0\n# administrator command: Quit;\nx",
                0
            ),
            ["+", "+", format!("{} 0 ::1", Record::EMPTY.second).as_str(), "-"]
        );
    }

    #[test]
    fn what_a_line_is_hangs_on_so_much_before_it() {
        let entry = ENTRY_LINES.replace("nobody's\n", "").repeat(3);
        let long = format!(
            "{entry}# User@Host: a[a] @  [::1]\n# Query_time: 1\nSELECT\n{}{entry}",
            format!("{}\n", "x".repeat(999)).repeat(LOOK_BACK_BYTES as usize / 1_000 + 3)
        );
        let whole = read(&long, 0);
        assert_eq!(whole.iter().filter(|what| *what == "-").count(), 2);
        let starts: Vec<usize> = std::iter::once(0)
            .chain(long.match_indices('\n').map(|(i, _)| i + 1).filter(|&i| i < long.len()))
            .collect();
        let counted =
            |from: usize| long[..from].split_terminator('\n').filter(|l| !l.is_empty()).count();
        for (i, &from) in starts.iter().enumerate().step_by(5) {
            let late = read(&long, from);
            let Some(&sure) = starts[i..].iter().find(|&&s| s >= from + LOOK_BACK_BYTES as usize)
            else {
                break;
            };
            assert_eq!(late[counted(sure) - counted(from)..], whole[counted(sure)..], "{from}");
        }
    }
}
