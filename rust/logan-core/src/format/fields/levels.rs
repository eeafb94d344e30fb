//! Levels that are numbers, and what they mean: by their key, or by who writes the record.
//!
//! A producer is told by keys alone, whatever their order: the first row all of whose keys a record
//! has. Each of these keys has a bit in the table of names ([`Marks`]), so that a record is told by a
//! few operations on integers, and not at all where a template is known.
//!
//! What producers document of units is in [`producers`](super::producers).

use crate::record::Level;

/// One producer.
#[derive(Debug, Clone, Copy)]
pub struct Producer {
    /// What it is called.
    pub name: &'static str,
    /// Where it is documented.
    pub source: &'static str,
    /// Names, as in [`NAMES`](super::NAMES), that its records have, all of them. Those of members of
    /// [`SEE_THROUGH`](super::SEE_THROUGH) are without these.
    pub keys: &'static str,
    /// What numbers under its key for the level mean.
    pub levels: Scale,
}

/// What a number under a key for the level means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// What its producer means, else as [`Any`](Self::Any).
    ByProducer,
    /// Without a known producer: 10 to 69 as bunyan, the thousands of Logback; other numbers are a
    /// level that is not known.
    Any,
    /// The key is not a severity, whatever stands there, or one that a collector made up.
    Never,
    /// 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
    Bunyan,
    /// 0 emergency to 7 debug.
    Syslog,
    /// 0 debug, 1 info, 2 warning, 3 error, 4 fatal.
    Nextcloud,
    /// 0 system, 1 error, 2 warning, 3 note.
    Mysql,
    /// 10 debug, 20 info, 30 warning, 40 error, 50 critical.
    Python,
    /// 1 to 24, four each of trace, debug, info, warn, error, fatal.
    OpenTelemetry,
    /// 5000 trace, 10000 debug, 20000 info, 30000 warn, 40000 error.
    Logback,
    /// 100 debug, 200 info, 250 notice, 300 warning, 400 error, 500 critical, 550 and 600.
    Monolog,
    /// 0 none, 100 debug, 200 info, 300 notice, 400 warning, 500 error, 600 to 800 critical and above.
    Google,
    /// 1 critical, 2 error, 3 warning, 4 information, 5 verbose.
    Windows,
}

impl Scale {
    /// The level that a number is.
    pub fn level(self, number: u32) -> Level {
        use Level::{Debug, Error, Fatal, Info, None, Notice, Other, Trace, Warn};
        let of =
            |levels: &[Level], place: u32| levels.get(place as usize).copied().unwrap_or(Other);
        match self {
            Scale::ByProducer | Scale::Any => match number {
                10..70 => Scale::Bunyan.level(number),
                1_000.. => Scale::Logback.level(number),
                _ => Other,
            },
            Scale::Never => None,
            Scale::Bunyan => of(&[Other, Trace, Debug, Info, Warn, Error, Fatal], number / 10),
            Scale::Syslog => u8::try_from(number).map_or(Other, Level::from_severity),
            Scale::Nextcloud => of(&[Debug, Info, Warn, Error, Fatal], number),
            Scale::Mysql => of(&[Info, Error, Warn, Info], number),
            Scale::Python => of(&[Other, Debug, Info, Warn, Error, Fatal], number / 10),
            Scale::OpenTelemetry if number == 0 => None,
            Scale::OpenTelemetry => of(&[Trace, Debug, Info, Warn, Error, Fatal], (number - 1) / 4),
            Scale::Logback => match number {
                5_000 => Trace,
                10_000 => Debug,
                20_000 => Info,
                30_000 => Warn,
                40_000 => Error,
                50_000 => Fatal,
                _ => Other,
            },
            Scale::Monolog => match number {
                250 => Notice,
                550 | 600 => Fatal,
                _ => of(&[Other, Debug, Info, Warn, Error, Fatal], number / 100),
            },
            Scale::Google => {
                of(&[None, Debug, Info, Notice, Warn, Error, Fatal, Fatal, Fatal], number / 100)
            }
            Scale::Windows => of(&[Info, Fatal, Error, Warn, Info, Debug], number),
        }
    }
}

macro_rules! producers {
    ($($name:literal $source:literal: $keys:literal, $levels:ident;)+) => {
        &[$(Producer {
            name: $name,
            source: $source,
            keys: $keys,
            levels: Scale::$levels,
        },)+]
    };
}

/// The producers, the more telling keys first.
pub static PRODUCERS: &[Producer] = {
    producers! {
        "Kubernetes audit" "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/":
            "audit_id stage", Never;
        "Google Cloud text" "https://cloud.google.com/run/docs/logging#container-logs":
            "text_payload resource", Never;
        "Docker GELF" "https://docs.docker.com/engine/logging/drivers/gelf/":
            "short_message container_id", Never;
        "GELF" "https://go2docs.graylog.org/current/getting_in_log_data/gelf.html":
            "short_message version", Syslog;
        "journald" "https://www.freedesktop.org/software/systemd/man/latest/systemd.journal-fields.html":
            "priority syslog_identifier", Syslog;
        "Nextcloud" "https://docs.nextcloud.com/server/latest/admin_manual/configuration_server/logging_configuration.html":
            "req_id app remote_addr", Nextcloud;
        "MySQL" "https://dev.mysql.com/doc/refman/8.4/en/error-log-json.html":
            "prio err_symbol", Mysql;
        "Azure" "https://learn.microsoft.com/azure/azure-monitor/platform/resource-logs-schema":
            "resource_id category", Windows;
        "Windows events" "https://learn.microsoft.com/windows/win32/wes/eventmanifestschema-leveltype-complextype":
            "provider_name event_id", Windows;
        "Windows events of PowerShell" "https://learn.microsoft.com/dotnet/api/system.diagnostics.eventing.reader.eventrecord.level":
            "provider_name level_display_name", Windows;
        "chosen properties of such events" "https://learn.microsoft.com/dotnet/api/system.diagnostics.eventing.reader.eventrecord":
            "provider_name time_created", Windows;
        "Google Cloud" "https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry":
            "insert_id log_name", Google;
        "WebTrends, of SonicWall and Stormshield" "https://documentation.stormshield.eu/SNS/v4/en/Content/Description_of_Audit_logs/Configuring_logs.htm":
            "fw pri", Syslog;
        "Monolog" "https://seldaek.github.io/monolog/doc/01-usage.html#log-levels":
            "level_name channel", Monolog;
    }
};

/// Keys of producers that a record was found to have, as bits.
pub type Marks = u32;

/// Each key of a row that records are asked for, with its bit.
pub(super) fn marked_keys() -> impl Iterator<Item = (&'static str, Marks)> {
    let rows = PRODUCERS.iter();
    let mut keys: Vec<&str> = rows.flat_map(|producer| producer.keys.split_whitespace()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert!(keys.len() <= Marks::BITS as usize, "more keys than bits");
    keys.into_iter().enumerate().map(|(bit, key)| (key, 1 << bit))
}

/// The scale of the levels of a record with these keys.
pub(crate) fn scale_of(marks: Marks) -> Scale {
    static ROWS: std::sync::LazyLock<Vec<(Marks, Scale)>> = std::sync::LazyLock::new(|| {
        let bits: std::collections::HashMap<_, _> = marked_keys().collect();
        let mask = |producer: &Producer| {
            producer.keys.split_whitespace().fold(0, |mask, key| mask | bits[key])
        };
        PRODUCERS.iter().map(|producer| (mask(producer), producer.levels)).collect()
    });
    if marks == 0 {
        return Scale::Any;
    }
    let row = ROWS.iter().find(|(mask, _)| marks & mask == *mask);
    row.map_or(Scale::Any, |&(_, scale)| scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_source_and_can_be_told() {
        for (i, producer) in PRODUCERS.iter().enumerate() {
            assert!(producer.source.starts_with("https://"), "{}", producer.name);
            let own: Vec<_> = producer.keys.split_whitespace().collect();
            let hides = |row: &&Producer| row.keys.split_whitespace().all(|key| own.contains(&key));
            let found = PRODUCERS.iter().find(hides).unwrap();
            assert_eq!(found.name, producer.name, "row {i} is hidden by {}", found.name);
        }
    }

    #[test]
    fn scales_by_their_documentation() {
        use Level::*;
        let cases: [(Scale, &[(u32, Level)]); 12] = [
            (Scale::Any, &[(0, Other), (3, Other), (10, Trace), (30, Info), (60, Fatal)]),
            (Scale::Any, &[(200, Other), (20_000, Info), (40_000, Error)]),
            (Scale::Bunyan, &[(20, Debug), (35, Info), (70, Other)]),
            (Scale::Syslog, &[(0, Fatal), (3, Error), (4, Warn), (7, Debug), (8, Other)]),
            (Scale::Nextcloud, &[(0, Debug), (1, Info), (2, Warn), (3, Error), (4, Fatal)]),
            (Scale::Mysql, &[(0, Info), (1, Error), (2, Warn), (3, Info)]),
            (Scale::Python, &[(10, Debug), (30, Warn), (50, Fatal)]),
            (Scale::OpenTelemetry, &[(1, Trace), (4, Trace), (9, Info), (17, Error), (24, Fatal)]),
            (Scale::Logback, &[(10_000, Debug), (30_000, Warn), (1, Other)]),
            (Scale::Monolog, &[(100, Debug), (250, Notice), (400, Error), (600, Fatal)]),
            (Scale::Google, &[(0, None), (300, Notice), (500, Error), (800, Fatal)]),
            (Scale::Windows, &[(1, Fatal), (2, Error), (4, Info), (5, Debug)]),
        ];
        for (scale, numbers) in cases {
            for &(number, level) in numbers {
                assert_eq!(scale.level(number), level, "{scale:?} {number}");
            }
        }
    }
}
