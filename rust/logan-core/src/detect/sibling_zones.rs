//! The time zone of timestamps without one, where another field of the same records names it.
//!
//! `{"time":"2024-05-01 10:00:00","timezone":"Europe/Berlin"}`, and `event.timezone` of the Elastic
//! Common Schema, "which should be populated when the event's timestamp does not include timezone
//! information". Decided once per source: the zone of nearly all sampled records is that of all its
//! timestamps without one. Where records name several, none is applied, and that is stated.
//!
//! Source: <https://www.elastic.co/guide/en/ecs/current/ecs-event.html#field-event-timezone>.

use super::named::names;
use crate::time::{fixed_zone, named_zone};
use serde_json::Value;
use std::collections::BTreeMap;

/// Share of records, in percent, that have to name the zone.
const RECORDS_PERCENT: u64 = 95;
/// Different values that are kept.
const VALUES_MAX: usize = 64;
/// Different values that are stated.
const VALUES_TOLD_MAX: usize = 3;

/// What records with a timestamp that has no zone say about it.
#[derive(Default)]
pub(super) struct SiblingZones {
    records: u64,
    /// By key and value.
    values: BTreeMap<(String, String), u64>,
}

impl SiblingZones {
    /// Learns from a line with named fields whose timestamp has no zone.
    pub(super) fn learn(&mut self, line: &[u8]) {
        self.records += 1;
        if let Some(found) = zone_of(line)
            && (self.values.len() < VALUES_MAX || self.values.contains_key(&found))
        {
            *self.values.entry(found).or_default() += 1;
        }
    }

    /// The zone, and what is to be said.
    pub(super) fn decide(&self) -> (Option<&str>, Option<String>) {
        let named: u64 = self.values.values().sum();
        let Some(((key, zone), _)) = self.values.iter().max_by_key(|(_, records)| **records) else {
            return (None, None);
        };
        if self.values.len() == 1 && named * 100 >= self.records * RECORDS_PERCENT && is_zone(zone)
        {
            let told = format!(
                "`{key}` gives the time zone of timestamps without one, {zone}; --input-tz decides \
                 (+00:00 for UTC)"
            );
            return (Some(zone), Some(told));
        }
        let mut values: Vec<&str> = self.values.keys().map(|(_, zone)| zone.as_str()).collect();
        values.dedup();
        let why = match values.len() {
            1 if is_zone(zone) => "as not all records have it",
            1 => "as that is not a known one",
            _ => "as records differ",
        };
        let more = if values.len() > VALUES_TOLD_MAX { ", ..." } else { "" };
        values.truncate(VALUES_TOLD_MAX);
        let values = values.join(", ");
        let told = format!(
            "`{key}` beside timestamps without a time zone ({values}{more}) is not applied, {why}; \
             --input-tz decides"
        );
        (None, Some(told))
    }
}

fn is_zone(text: &str) -> bool {
    fixed_zone(text).is_some() || named_zone(text).is_ok()
}

/// Whether a key is one that time zones stand under.
fn is_key(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    let names = ["timezone", "tz", "timezonename", "tzname", "timezoneid", "tzid", "zoneid"];
    let offsets = ["timezoneoffset", "tzoffset", "utcoffset", "event.timezone"];
    names.iter().chain(&offsets).any(|known| plain.eq_ignore_ascii_case(known))
}

/// The first key of a record that time zones stand under, and its text. A bare number is none: whether
/// it counts hours or minutes, east or west, differs between programs.
fn zone_of(line: &[u8]) -> Option<(String, String)> {
    let lower = |b: u8| b.to_ascii_lowercase();
    let has = |part: &[u8]| {
        line.windows(part.len()).any(|w| w.iter().map(|&b| lower(b)).eq(part.iter().copied()))
    };
    if !has(b"zone") && !has(b"tz") && !has(b"offset") {
        return None;
    }
    let found = match serde_json::from_slice::<Value>(line) {
        Ok(Value::Object(fields)) => {
            let of_event = fields.get("event").and_then(|event| event.get("timezone"));
            let own = fields.iter().find(|(key, value)| is_key(key) && value.is_string());
            let (key, value) = own
                .map(|(key, value)| (key.as_str(), value))
                .or(of_event.map(|value| ("event.timezone", value)))?;
            (key.to_string(), value.as_str()?.to_string())
        }
        _ => {
            let name = names(line).into_iter().find(|name| {
                line.get(name.end) == Some(&b'=')
                    && std::str::from_utf8(&line[name.clone()]).is_ok_and(is_key)
            })?;
            let value = &line[name.end + 1..];
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let len = value.iter().position(|b| b" \"\t,;".contains(b)).unwrap_or(value.len());
            (
                String::from_utf8_lossy(&line[name]).into(),
                String::from_utf8_lossy(&value[..len]).into(),
            )
        }
    };
    (!found.1.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(lines: &[&str]) -> (Option<String>, Option<String>) {
        let mut zones = SiblingZones::default();
        lines.iter().for_each(|line| zones.learn(line.as_bytes()));
        let (zone, told) = zones.decide();
        (zone.map(Into::into), told)
    }

    #[test]
    fn the_zone_of_all_records_is_applied() {
        for (line, zone) in [
            (r#"{"time":"2024-05-01 10:00:00","timezone":"Europe/Berlin"}"#, "Europe/Berlin"),
            (r#"{"time":"2024-05-01 10:00:00","tz":"+02:00"}"#, "+02:00"),
            (
                r#"{"time":"2024-05-01 10:00:00","event":{"timezone":"America/New_York"}}"#,
                "America/New_York",
            ),
            (r#"{"time":"2024-05-01 10:00:00","event.timezone":"-0500"}"#, "-0500"),
            (r#"time="2024-05-01 10:00:00" tz=Asia/Kolkata msg=x"#, "Asia/Kolkata"),
        ] {
            let (found, told) = decided(&[line, line]);
            assert_eq!(found.as_deref(), Some(zone), "{line}");
            assert!(told.is_some_and(|told| told.contains(zone)));
        }
    }

    #[test]
    fn what_is_no_zone_of_all_is_stated() {
        let summer = r#"{"time":"2024-05-01 10:00:00","tz":"+02:00"}"#;
        let winter = r#"{"time":"2024-01-01 10:00:00","tz":"+01:00"}"#;
        let unknown = r#"{"time":"2024-01-01 10:00:00","tz":"Mars/Olympus"}"#;
        let without = r#"{"time":"2024-01-01 10:00:00"}"#;
        for (lines, why) in [
            (&[summer, winter][..], "records differ"),
            (&[unknown, unknown], "not a known one"),
            (&[summer, without], "not all records"),
        ] {
            let (zone, told) = decided(lines);
            assert_eq!(zone, None);
            assert!(told.clone().is_some_and(|told| told.contains(why)), "{told:?}");
        }
        // The zone of a user's place, or a number, is none of the timestamp's.
        for line in [
            without,
            r#"{"time":"2024-01-01 10:00:00","geo":{"timezone":"Europe/Berlin"}}"#,
            r#"{"time":"2024-01-01 10:00:00","tz":120}"#,
        ] {
            assert_eq!(decided(&[line]), (None, None), "{line}");
        }
    }
}
