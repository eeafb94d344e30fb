//! What the figures of a job mean: which records count, and by what they are grouped.
//!
//! Figures of the same meaning can be added up, whatever logs they are of and however those were
//! read. The caps of tables, the buckets of quantiles and the hashes are part of what figures mean,
//! too, but not of this: the [codec](crate::summary::codec)'s version stands for them, so summaries
//! that differ in them never meet.

use crate::error::Error;
use crate::limits::TABLES_MAX;
use crate::select::condition::group::Group;
use crate::select::condition::{CONDITION_BYTES_MAX, KEY_BYTES_MAX};
use crate::time::rfc3339;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// Longest canonical text of a condition: it may put every name in quotes, and every moment in full.
const CANONICAL_BYTES_MAX: usize = 8 * CONDITION_BYTES_MAX;

/// Which records count, and by what they are grouped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Records before this many nanoseconds since 1970 are filtered, and those without a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<i64>,
    /// Records at or after this many nanoseconds since 1970 are filtered, and those without a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<i64>,
    /// Canonical text of a [condition](crate::select::condition); records that it does not hold for
    /// are filtered.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Canonical texts of what [group tables](crate::select::condition::group) are made by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Metrics that are not computed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<OptionalMetric>,
}

/// A metric that can be switched off, by the name of its part of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionalMetric {
    /// Distinct clients a day.
    ClientsPerDay,
    /// Requests by the host that was asked for.
    Hosts,
    /// Requests by method.
    Methods,
    /// Requests of routes that were not found.
    NotFound,
    /// Requests by referrer.
    Referrers,
    /// The analysis grid: response times over time, and what findings are made of.
    ResponseTimes,
    /// What findings are made of, by route.
    RoutesOverTime,
    /// Records below WARN by template.
    Templates,
    /// Requests by user agent.
    UserAgents,
}

impl OptionalMetric {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            OptionalMetric::ClientsPerDay => "clients_per_day",
            OptionalMetric::Hosts => "hosts",
            OptionalMetric::Methods => "methods",
            OptionalMetric::NotFound => "not_found",
            OptionalMetric::Referrers => "referrers",
            OptionalMetric::ResponseTimes => "response_times",
            OptionalMetric::RoutesOverTime => "routes_over_time",
            OptionalMetric::Templates => "templates",
            OptionalMetric::UserAgents => "user_agents",
        }
    }
}

impl Meaning {
    /// Canonical JSON: equal meanings, equal text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("it is plain data")
    }

    /// The digest of the canonical JSON; figures of different meanings are not added up.
    pub fn digest(&self) -> u128 {
        xxh3_128(self.to_json().as_bytes())
    }

    /// How another meaning differs from this one, in the words of the options that make them; None
    /// if it does not.
    pub fn difference(&self, other: &Meaning) -> Option<String> {
        let moment = |name: &str, ns: Option<i64>| ns.map(|ns| format!("{name} {}", rfc3339(ns)));
        let mut differences = Vec::new();
        for (ours, theirs) in [
            (moment("--since", self.since_ns), moment("--since", other.since_ns)),
            (moment("--until", self.until_ns), moment("--until", other.until_ns)),
            (shown("--where", self.condition.iter()), shown("--where", other.condition.iter())),
            (shown("--by", self.by.iter()), shown("--by", other.by.iter())),
            (self.shown_off(), other.shown_off()),
        ] {
            match (ours, theirs) {
                (ours, theirs) if ours == theirs => {}
                (Some(ours), Some(theirs)) => {
                    differences.push(format!("one was made with {ours}, the other with {theirs}"));
                }
                (Some(made), None) | (None, Some(made)) => {
                    differences.push(format!("one was made with {made}, the other without"));
                }
                (None, None) => {}
            }
        }
        (!differences.is_empty()).then(|| differences.join("; "))
    }

    fn shown_off(&self) -> Option<String> {
        let names: Vec<_> = self.off.iter().map(|metric| metric.name()).collect();
        (!names.is_empty()).then(|| format!("the metrics {} switched off", names.join(", ")))
    }

    /// Whether it is within bounds; that names and the condition mean something is the
    /// [spec](super::Spec)'s to check.
    ///
    /// # Errors
    /// [`Error::Spec`].
    pub fn check(&self) -> Result<(), Error> {
        let fail = |message: String| Err(Error::Spec(message));
        if let (Some(since), Some(until)) = (self.since_ns, self.until_ns)
            && since >= until
        {
            return fail("since_ns is not before until_ns".into());
        }
        if self.condition.as_ref().is_some_and(|text| text.len() > CANONICAL_BYTES_MAX) {
            return fail(format!("where is longer than {CANONICAL_BYTES_MAX} bytes"));
        }
        if self.by.len() > TABLES_MAX {
            return fail(format!("by names {} fields, at most {TABLES_MAX} fit", self.by.len()));
        }
        if !self.off.is_sorted_by(|a, b| a < b) {
            return fail("off must name metrics once each, in order of their names".into());
        }
        if self.by.iter().any(|name| name.len() > CANONICAL_BYTES_MAX) {
            return fail(format!("by names a key of more than {KEY_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    /// Whether a metric is switched off.
    pub fn is_off(&self, metric: OptionalMetric) -> bool {
        self.off.contains(&metric)
    }

    /// What the group tables are made by.
    pub fn groups(&self) -> Vec<Group> {
        self.by.iter().filter_map(|text| super::group_of(text).ok()).collect()
    }
}

/// An option with its values, as it would be given; None without values.
fn shown<'a>(option: &str, values: impl Iterator<Item = &'a String>) -> Option<String> {
    let values: Vec<_> = values.map(|value| super::printable(value)).collect();
    (!values.is_empty()).then(|| format!("{option} {}", values.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named() {
        let plain = Meaning::default();
        let errors = Meaning { condition: Some("status>=500".into()), ..plain.clone() };
        let grouped = Meaning { by: vec!["route".into(), "level".into()], ..plain.clone() };
        let since = Meaning { since_ns: Some(0), until_ns: Some(60_000_000_000), ..plain.clone() };
        for (a, b, expected) in [
            (&plain, &plain, None),
            (&errors, &plain, Some("one was made with --where status>=500, the other without")),
            (&plain, &errors, Some("one was made with --where status>=500, the other without")),
            (&plain, &grouped, Some("one was made with --by route,level, the other without")),
            (
                &since,
                &Meaning { since_ns: Some(1_000_000_000), ..since.clone() },
                Some(
                    "one was made with --since 1970-01-01T00:00:00Z, the other with --since \
                     1970-01-01T00:00:01Z",
                ),
            ),
        ] {
            assert_eq!(a.difference(b).as_deref(), expected);
            assert_eq!(a.digest() == b.digest(), expected.is_none());
        }
        let two = since.difference(&errors).unwrap();
        assert_eq!(two.matches("; one was made with").count(), 2, "{two}");
    }
}
