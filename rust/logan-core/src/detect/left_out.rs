//! Lines by which loggers say that they did not write everything: `last message repeated 4 times`,
//! `Suppressed 500 messages from x.service`, `12 callbacks suppressed`, `imuxsock lost 200 messages from pid 1`.

use memchr::memmem;

/// What such lines have, before the number or behind it.
const REPEATED: &[u8] = b"message repeated ";
const SUPPRESSED: &[u8] = b"Suppressed ";
const CALLBACKS: &[u8] = b" callbacks suppressed";
const LOST: &[u8] = b"imuxsock lost ";
/// Bytes of a message that are told.
const EXAMPLE_BYTES_MAX: usize = 60;

/// The messages that lines say are not there.
#[derive(Default)]
pub(super) struct LeftOut {
    lines: u64,
    messages: u64,
    example: String,
}

impl LeftOut {
    /// Learns from a line that is a record.
    pub(super) fn learn(&mut self, line: &[u8]) {
        let Some((messages, at)) = messages(line) else { return };
        self.lines += 1;
        self.messages = self.messages.saturating_add(messages);
        if self.example.is_empty() {
            let text = &line[at..line.len().min(at + EXAMPLE_BYTES_MAX)];
            self.example = String::from_utf8_lossy(text).trim_end().into();
        }
    }

    /// What is to be said of them.
    pub(super) fn assumed(&self) -> Option<String> {
        let LeftOut { lines, messages, example } = self;
        let say = if *lines == 1 { "line of the sample says" } else { "lines of the sample say" };
        (*lines > 0).then(|| {
            format!(
                "{lines} {say} that {messages} messages were left out of the log (`{example}`), so that \
                 counts are too low"
            )
        })
    }
}

/// How many messages a line says are not there, and where it begins to.
fn messages(line: &[u8]) -> Option<(u64, usize)> {
    let number = |at: usize| {
        let len = line.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
        let text = std::str::from_utf8(&line[at..at + len]).ok()?;
        Some((text.parse::<u64>().ok()?, at + len))
    };
    if let Some(at) = memmem::find(line, REPEATED)
        && let Some((count, end)) = number(at + REPEATED.len())
        && line[end..].starts_with(b" time")
    {
        return Some((count, at));
    }
    if let Some(at) = memmem::find(line, CALLBACKS) {
        let len = line[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let (count, _) = number(at - len)?;
        return Some((count, at - len));
    }
    [SUPPRESSED, LOST].into_iter().find_map(|words| {
        let at = memmem::find(line, words)?;
        let (count, end) = number(at + words.len())?;
        line[end..].starts_with(b" messages from ").then_some((count, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_are_not_there() {
        for (line, count) in [
            ("Jan 24 10:15:31 h last message repeated 4 times", 4),
            ("Jan 24 10:15:31 h a[1]: message repeated 2 times: [ x]", 2),
            ("Jan 24 10:15:32 h kernel: [1.2] net_ratelimit: 12 callbacks suppressed", 12),
            ("Jan 24 10:15:33 h rsyslogd: imuxsock lost 200 messages from pid 1", 200),
            ("Jan 24 10:15:34 h systemd-journald[1]: Suppressed 500 messages from x", 500),
        ] {
            assert_eq!(messages(line.as_bytes()).map(|found| found.0), Some(count), "{line}");
        }
        for line in [
            "message repeated often",
            "lost 5 messages in inbox",
            "user suppressed 3 messages",
            "suppressed: 4",
            "callbacks suppressed",
        ] {
            assert_eq!(messages(line.as_bytes()), None, "{line}");
        }
        let mut left_out = LeftOut::default();
        assert_eq!(left_out.assumed(), None);
        left_out.learn(b"a last message repeated 4 times");
        left_out.learn(b"a last message repeated 3 times");
        let told = left_out.assumed().unwrap();
        for _ in 0..2 {
            left_out.learn(b"last message repeated 18446744073709551615 times");
        }
        assert!(told.starts_with("2 lines of the sample say that 7 messages"), "{told}");
        assert!(told.contains("`message repeated 4 times`"), "{told}");
    }
}
