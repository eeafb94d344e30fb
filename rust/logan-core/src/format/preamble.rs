//! What virtual machines, frameworks and containers print before a program logs: lines that no format
//! takes, that go on with no record, and that tell of no event. They count as headers.
//!
//! - what begins, behind blanks, with one of [`BEGINNINGS`];
//! - `10-listen-on-ipv6-by-default.sh: info: …`: a numbered script of an image's entry point;
//! - a prompt with a command, as where the output of a terminal was copied: `$ docker logs web`,
//!   `ops@web-1:~$ tail -f app.log`, `[root@web-1 log]# cat app.log`, `PS C:\\> type app.log`;
//! - a comment: `#` and a space, or `#` alone; but not the lines of MySQL's slow log (`# Time: `);
//! - a rule (`=====`), and a drawing: the letters that banners are drawn with.

use super::slices::digits;
use super::tails::is_rule;

/// How they begin, with who prints them.
const BEGINNINGS: &[&[u8]] = &[
    // HotSpot, into its log of collected garbage, and of options in the environment.
    b"Java HotSpot(TM) 64-Bit Server VM (",
    b"OpenJDK 64-Bit Server VM (",
    b"Java HotSpot(TM) 64-Bit Server VM warning: ",
    b"OpenJDK 64-Bit Server VM warning: ",
    b"Memory: 4k page",
    b"CommandLine flags: ",
    b"Picked up JAVA_TOOL_OPTIONS: ",
    b"Picked up _JAVA_OPTIONS: ",
    b"NOTE: Picked up JDK_JAVA_OPTIONS: ",
    // SLF4J and Log4j 1 about their own configuration.
    b"SLF4J: ",
    b"SLF4J(W): ",
    b"SLF4J(I): ",
    b"log4j:WARN ",
    // The texts of the banners of Spring Boot, Micronaut and Quarkus.
    b":: Spring Boot ::",
    b"Micronaut (v",
    b"Powered by Quarkus ",
    // The entry point of nginx's image.
    b"/docker-entrypoint.sh: ",
    // s6-overlay.
    b"[s6-init] ",
    b"[cont-init.d] ",
    b"[fix-attrs.d] ",
    b"[services.d] ",
    b"[cont-finish.d] ",
    b"[s6-finish] ",
    b"s6-rc: info: ",
    // Windows Firewall.
    b"#Time Format:",
    // Node-RED; the DHCP server of Windows.
    b"Welcome to Node-RED",
    b"Microsoft DHCP Service Activity Log",
    b"Event ID  Meaning",
    b"QResult: 0: NoQuarantine,",
    // Sinatra; CodeIgniter, whose logs are scripts that end at once; `log show` of macOS.
    b"== Sinatra (v",
    b"<?php defined('",
    b"Timestamp                       Thread ",
    b"Timestamp               Ty Process[",
];

/// Whether a line that is nothing else is one of those.
#[cold]
#[inline(never)]
pub fn is_preamble(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
        || is_comment(line)
        || is_prompt(text)
        || is_of_script(text)
        || is_rule(text)
        || is_drawing(text)
}

fn is_comment(line: &[u8]) -> bool {
    const OF_MYSQL: [&[u8]; 6] =
        [b"# Time", b"# User@Host", b"# Query_time", b"# Thread_id", b"# Schema", b"# Bytes_sent"];
    (line == b"#" || line.starts_with(b"# ")) && !OF_MYSQL.iter().any(|head| line.starts_with(head))
}

/// A shell's prompt and a command.
fn is_prompt(text: &[u8]) -> bool {
    const PLACE_BYTES_MAX: usize = 64;
    let is_command =
        |text: &[u8]| text.first().is_some_and(|b| b.is_ascii_alphabetic() || b"./~".contains(b));
    if text.starts_with(b"PS C:\\") {
        return text.contains(&b'>');
    }
    if let Some(command) = text.strip_prefix(b"$ ") {
        return is_command(command);
    }
    // `ops@web-1:~$ `, `[root@web-1 log]# `
    let rest = text.strip_prefix(b"[").unwrap_or(text);
    let of_name = |b: &&u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
    let user = rest.iter().take_while(of_name).count();
    let Some(place) = rest[user..].strip_prefix(b"@").filter(|_| user > 0) else { return false };
    let host = place.iter().take_while(of_name).count();
    let ends = |two: &[u8]| matches!(two, [b'$' | b'#' | b'%', b' ']);
    let near = &place[..place.len().min(PLACE_BYTES_MAX)];
    let Some(end) = near.windows(2).position(ends) else { return false };
    let between = &place[host..end.max(host)];
    // The folder, without blanks but those around it.
    host > 0
        && end >= host
        && is_command(&place[end + 2..])
        && !between.trim_ascii().contains(&b' ')
        && !between.starts_with(b": ")
}

fn is_of_script(text: &[u8]) -> bool {
    let len = text.iter().position(|&b| b == b' ').unwrap_or(0);
    (1..=3).contains(&digits(text))
        && text.get(digits(text)) == Some(&b'-')
        && text[..len].ends_with(b".sh:")
}

/// Hardly anything but the marks of which letters are drawn, strokes among them.
fn is_drawing(text: &[u8]) -> bool {
    const STROKES: &[u8] = b"_/\\|=";
    const MARKS: &[u8] = b"()'`.,-<>*#:~^+\"";
    const STROKES_MIN: usize = 6;
    let count = |set: &[u8]| text.iter().filter(|b| set.contains(b)).count();
    let strokes = count(STROKES);
    let others = text.iter().filter(|b| !b.is_ascii_whitespace()).count() - strokes - count(MARKS);
    strokes >= STROKES_MIN && others * 8 <= strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_logs() {
        for line in [
            "  .   ____          _            __ _ _",
            " /\\\\ / ___'_ __ _ _(_)_ __  __ _ \\ \\ \\ \\",
            "( ( )\\___ | '_ | '_| | '_ \\/ _` | \\ \\ \\ \\",
            "  '  |____| .__|_| |_|_| |_\\__, | / / / /",
            " =========|_|==============|___/=/_/_/_/",
            " :: Spring Boot ::                (v3.2.1)",
            "|  \\/  (_) ___ _ __ ___  _ __   __ _ _   _| |_ ",
            "  Micronaut (v4.2.0)",
            "__  ____  __  _____   ___  __ ____  ______ ",
            "SLF4J: Class path contains multiple SLF4J bindings.",
            "Picked up JAVA_TOOL_OPTIONS: -Xmx1g",
            "/docker-entrypoint.sh: Configuration complete; ready for start up",
            "20-envsubst-on-templates.sh: Running envsubst",
            "10-listen-on-ipv6-by-default.sh: info: IPv6 listen already enabled",
            "[cont-init.d] done.",
            "*****************",
            "# rotated at midnight",
            "#",
            "Welcome to Node-RED",
            "$ docker logs web",
            "ops@web-1:~$ tail -f app.log",
            "ops@web-1:/var/log$ sudo cat app.log | head",
            "[root@web-1 log]# cat app.log",
            "root@e5b1c2d3:/# nginx -t",
            "ops@mac logs % cat x",
            "PS C:\\logs> type app.log",
            "== Sinatra (v3.0.5) has taken the stage on 4567 for development with backup from Puma",
            "<?php defined('BASEPATH') OR exit('No direct script access allowed'); ?>",
        ] {
            assert!(is_preamble(line.as_bytes()), "{line}");
        }
        for line in [
            "Invalid log line",
            "2024-01-24 ERROR",
            "10:15:33.001 INFO Incomplete",
            "/usr/lib/a/b/c/d/e/f: not found",
            "a_b/c_d/e_f/g_h",
            "- - [-] \"-\" - - \"-\" \"-\"",
            "10.0.0.1 - - \"GET /a/b/c/d/e/f/g\"",
            "{\"a\":{\"b\":[]}}",
            "SLF4J",
            "10-x.sh",
            "",
            "|",
            "# Time: 240124 10:15:32",
            "#1234 x",
            "#[derive]",
            "  # indented",
            "Welcome",
            "$5 paid",
            "$ 5",
            "user@example.com: mailbox is full",
            "bob@example.com logged in at $ 5",
            "a@b",
            "@x $ y",
        ] {
            assert!(!is_preamble(line.as_bytes()), "{line}");
        }
    }
}
