//! What to compute and how to read each source: decided once by the plan, the same for every
//! chunk, wherever it is scanned.
//!
//! A spec has two parts. Its *meaning* says what the figures stand for; only figures of one meaning
//! can be added up. Each source has a *reading*, how its bytes become records, and an *identity*,
//! what it is whatever its index: both belong to the source and may differ between jobs whose
//! figures are added up. How long lists are is neither.

mod identity;
mod meaning;

pub use identity::{Identity, Relation};
pub use meaning::{Meaning, OptionalMetric};

use crate::error::Error;
use crate::format::keys::{KEYS_MAX, Keys};
use crate::format::state::Layouts;
use crate::format::{self, Context, DurationReading, Format, Params, custom, table};
use crate::limits::TABLES_ADDED_MAX;
use crate::record::{Columns, Field, Output};
use crate::select::condition::group::{self, Group};
use crate::select::condition::{self, Condition};
use crate::time::{TURNS_MAX, TimeReading, TimestampParser, named_zone};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The version of [`Spec`] that this code reads and writes.
pub const SPEC_VERSION: u32 = 2;

/// Largest `top`: what the report's lists of single records (slowest) may hold. It bounds what
/// every chunk keeps and sends.
pub const TOP_MAX: u32 = 1_000;

/// Single records (slowest) that every summary keeps, as far as there are as many, so that reports
/// with lists of other lengths can be made of it later, and jobs with other lists added up.
pub const TOP_KEPT_MIN: u32 = 100;

/// What to compute, and how to read each source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// [`SPEC_VERSION`].
    pub version: u32,
    /// What the figures stand for.
    #[serde(default)]
    pub meaning: Meaning,
    /// Canonical texts of what further [group tables](crate::select::condition::group) are made
    /// by, which the plan adds where samples have such fields. They are no part of the meaning:
    /// figures of jobs with and without them add up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// How many of the slowest requests a report of the job shows, 1 to [`TOP_MAX`].
    pub top: u32,
    /// Stands in for a bug of the engine, so that what a bug costs can be tested: a scan panics at
    /// lines with this text. No plan that logan makes has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic_on: Option<String>,
    /// The sources, in the plan's order.
    pub sources: Vec<SourceSpec>,
    /// Where records go, if not into metrics.
    #[serde(skip)]
    pub output: Output,
}

/// What a source is, and how to read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// How to read it.
    pub reading: Reading,
    /// What it is.
    #[serde(default)]
    pub identity: Identity,
}

/// How to read a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Formats in the order in which each line tries them.
    pub formats: Vec<FormatSpec>,
    /// Whether no other formats are tried after these.
    #[serde(default)]
    pub only: bool,
    /// IANA name of the zone of timestamps that carry none.
    pub input_tz: String,
    /// Nanoseconds since 1970; a timestamp without a year is in the latest year that puts it at
    /// or before this, plus 48 hours.
    pub anchor_ns: i64,
    /// What was decided about its timestamps.
    #[serde(default, skip_serializing_if = "TimeReading::is_empty")]
    pub time: TimeReading,
    /// What was decided about its response times.
    #[serde(default, skip_serializing_if = "DurationReading::is_empty")]
    pub durations: DurationReading,
    /// Where the columns of this source's lines change; None if `#Fields:` mean nothing in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layouts: Option<Layouts>,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading {
            formats: Vec::new(),
            only: false,
            input_tz: "UTC".into(),
            anchor_ns: 0,
            time: TimeReading::default(),
            durations: DurationReading::default(),
            layouts: None,
        }
    }
}

impl Reading {
    /// The digest of its canonical JSON.
    pub fn digest(&self) -> u128 {
        xxh3_128(serde_json::to_string(self).expect("it is plain data").as_bytes())
    }
}

impl From<Reading> for SourceSpec {
    /// A source that is read like this, of which nothing else is known.
    fn from(reading: Reading) -> SourceSpec {
        SourceSpec { reading, identity: Identity::default() }
    }
}

/// A format that a source's lines try, and its place in the registry.
pub type Candidate = (usize, Box<dyn Format>);

/// One format of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatSpec {
    /// Name in the registry.
    pub name: String,
    /// What detection or the user decided about it.
    #[serde(default)]
    pub params: Params,
}

impl Spec {
    /// A spec of one source with nothing decided: UTC, every format in the registry's order.
    pub fn plain() -> Spec {
        Spec {
            version: SPEC_VERSION,
            meaning: Meaning::default(),
            also: Vec::new(),
            top: 10,
            panic_on: None,
            sources: vec![SourceSpec::default()],
            output: Output::default(),
        }
    }

    /// Reads and checks JSON.
    ///
    /// # Errors
    /// [`Error::Spec`] that names the key.
    pub fn from_json(json: &str) -> Result<Spec, Error> {
        let mut spec: Spec = serde_json::from_str(json).map_err(|e| Error::Spec(e.to_string()))?;
        spec.check()?;
        // However it was typed, the digest is that of what it means.
        spec.meaning.condition = spec.condition()?.map(|condition| condition.to_string());
        spec.meaning.by = spec.meaning.groups().iter().map(Group::to_string).collect();
        let also = spec.also.iter().filter_map(|text| group_of(text).ok());
        spec.also = also.map(|group| group.to_string()).collect();
        Ok(spec)
    }

    /// Canonical JSON: equal specs, equal text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a spec is plain data")
    }

    /// The digest of all that it says.
    pub fn digest(&self) -> u128 {
        xxh3_128(self.to_json().as_bytes())
    }

    /// The digest of its sources, and of how much summaries keep: within one job, and nowhere else,
    /// an index names a source.
    pub fn plan_digest(&self) -> u128 {
        let plan = (self.top_kept(), &self.sources);
        xxh3_128(serde_json::to_string(&plan).expect("it is plain data").as_bytes())
    }

    /// How many single records a summary keeps.
    pub fn top_kept(&self) -> u32 {
        self.top.max(TOP_KEPT_MIN)
    }

    fn check(&self) -> Result<(), Error> {
        let fail = |message: String| Err(Error::Spec(message));
        if self.version != SPEC_VERSION {
            return fail(format!("version is {}, this logan reads {SPEC_VERSION}", self.version));
        }
        if !(1..=TOP_MAX).contains(&self.top) {
            return fail(format!("top is {}, it must be 1 to {TOP_MAX}", self.top));
        }
        self.meaning.check()?;
        let condition = self.condition()?;
        let mut groups = Vec::new();
        if self.also.len() > TABLES_ADDED_MAX {
            return fail(format!("also names more than {TABLES_ADDED_MAX} fields"));
        }
        for name in self.meaning.by.iter().chain(&self.also) {
            let group = group_of(name)?;
            if groups.contains(&group) {
                return fail(format!("by names {group} twice"));
            }
            groups.push(group);
        }
        let fields = groups.iter().flat_map(Group::fields);
        let asked = condition.iter().flat_map(Condition::fields).chain(fields);
        if Keys::among(asked).columns() > KEYS_MAX {
            return fail(format!("where and by name more than {KEYS_MAX} different keys"));
        }
        for SourceSpec { reading: source, identity } in &self.sources {
            identity.check()?;
            zone(&source.input_tz)?;
            if source.only && source.formats.is_empty() {
                return fail("a source with only: true lists no formats".into());
            }
            let turns = &source.time.turns;
            if turns.len() > TURNS_MAX || !turns.is_sorted() {
                return fail(format!("turns of local time must be in order, at most {TURNS_MAX}"));
            }
            if let Some(layouts) = &source.layouts {
                layouts.check().map_err(Error::Spec)?;
            }
            if source.formats.len() > format::FORMATS_MAX {
                let count = source.formats.len();
                let most = format::FORMATS_MAX;
                return fail(format!("a source lists {count} formats, at most {most} fit"));
            }
            for (i, format) in source.formats.iter().enumerate() {
                if source.formats[..i].iter().any(|before| before.name == format.name) {
                    return fail(format!("a source lists the format {:?} twice", format.name));
                }
                if let Some(table) = &format.params.table
                    && (format.name != table::NAME || table::Layout::of(table).is_none())
                {
                    return fail(format!("the format {:?} has no such table", format.name));
                }
                let pattern = &format.params.pattern;
                if format.name == custom::NAME {
                    let Some(pattern) = pattern else {
                        return fail(format!("a format {} has no pattern", custom::NAME));
                    };
                    custom::describe(pattern)?;
                } else if pattern.is_some() {
                    return fail(format!("the format {:?} does not accept a pattern", format.name));
                } else if format::by_name(&format.name).is_none() {
                    let known: Vec<_> = format::REGISTRY.iter().map(|e| e.info.name).collect();
                    let name = &format.name;
                    return fail(format!(
                        "no format {name:?}; known formats: {}",
                        known.join(", ")
                    ));
                }
            }
        }
        Ok(())
    }

    /// The condition, if there is one. Its timestamps name their time zone, or are in UTC.
    ///
    /// # Errors
    /// [`Error::Condition`].
    pub fn condition(&self) -> Result<Option<Condition>, Error> {
        let Some(text) = &self.meaning.condition else { return Ok(None) };
        condition(text, &TimeZone::UTC).map(Some)
    }

    /// What the group tables are made by.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups = self.meaning.groups();
        groups.extend(self.also.iter().filter_map(|text| group_of(text).ok()));
        groups
    }

    /// The fields that the group tables need, and those of which records are handed out.
    pub fn output_fields(&self) -> Vec<Field> {
        let groups = self.groups();
        let mut fields: Vec<Field> = groups.iter().flat_map(Group::fields).cloned().collect();
        fields.extend(self.output.0.iter().flat_map(|output| output.fields()).cloned());
        fields
    }

    /// Whether records are counted by a metric: not where they are handed out instead.
    fn counts(&self, metric: OptionalMetric) -> bool {
        self.output.0.is_none() && !self.meaning.is_off(metric)
    }

    /// The keys that the condition, the group tables and the output ask for.
    pub fn keys(&self) -> Keys {
        let condition = self.condition().ok().flatten();
        let fields = self.output_fields();
        Keys::among(condition.iter().flat_map(Condition::fields).chain(&fields))
    }

    /// This spec, with its records handed out instead of counted.
    ///
    /// # Errors
    /// [`Error::Spec`] if the output asks for too many fields.
    pub fn with_output(&self, output: Output) -> Result<Spec, Error> {
        let spec = Spec { output, also: Vec::new(), ..self.clone() };
        if spec.keys().columns() > KEYS_MAX {
            return Err(Error::Spec(format!(
                "columns and where name more than {KEYS_MAX} different keys such as json.KEY"
            )));
        }
        Ok(spec)
    }

    /// What one thread needs to parse lines of any source, with the clock of none.
    ///
    /// # Errors
    /// [`Error::Condition`] if the condition is none.
    pub fn context(&self) -> Result<Context, Error> {
        let mut context = Context::new(TimestampParser::new(TimeZone::UTC, 0));
        let (condition, asked) = (self.condition()?, self.output_fields());
        let mut fields = condition.iter().flat_map(Condition::fields).chain(&asked);
        context.all_messages =
            fields.any(|field| *field == Field::Message) || self.counts(OptionalMetric::Templates);
        context.wanted = self.requested()?;
        Ok(context)
    }

    /// The columns on request that metrics, the condition, the group tables and the output ask for.
    ///
    /// # Errors
    /// [`Error::Condition`] if the condition is none.
    pub fn requested(&self) -> Result<Columns, Error> {
        let (condition, fields) = (self.condition()?, self.output_fields());
        let asked = condition.iter().flat_map(Condition::fields).chain(&fields);
        let metrics = [
            (OptionalMetric::Hosts, Columns::HOST),
            (OptionalMetric::Referrers, Columns::REFERRER),
            (OptionalMetric::UserAgents, Columns::USER_AGENT),
        ];
        let needed = metrics.into_iter().filter(|(metric, _)| self.counts(*metric));
        let needed = needed.fold(Columns::NONE, |columns, (_, column)| columns.or(column));
        Ok(asked.fold(needed, |columns, field| match field {
            Field::Text(column) => columns.or(Columns::of(*column)),
            _ => columns,
        }))
    }

    /// The clock for lines of a source.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source, or the zone is unknown.
    pub fn clock(&self, source: u32) -> Result<TimestampParser, Error> {
        let reading = self.reading(source)?;
        let parser = TimestampParser::new(zone(&reading.input_tz)?, reading.anchor_ns);
        Ok(parser.with_reading(&reading.time))
    }

    /// The zone of a source's timestamps that have none.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source, or the zone is unknown.
    pub fn zone(&self, source: u32) -> Result<TimeZone, Error> {
        zone(&self.reading(source)?.input_tz)
    }

    /// How many bytes before a chunk of this source its scan has to look at: 0, or
    /// [`LOOK_BACK_BYTES`](format::state::LOOK_BACK_BYTES) if lines may complete what lines
    /// before them began, or what they are depends on whether a record is before them.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub fn look_back_bytes(&self, source: u32) -> Result<u64, Error> {
        let reading = self.reading(source)?;
        let looks_back = reading.formats.iter().any(|format| format.params.rejoin)
            || reading.time.has_preamble
            || self.has_tails(source)?;
        Ok(if looks_back { format::state::LOOK_BACK_BYTES } else { 0 })
    }

    /// Whether records of a source may go on in lines after them: whether they have messages.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub fn has_tails(&self, source: u32) -> Result<bool, Error> {
        let listed = &self.reading(source)?.formats;
        Ok(listed.is_empty() || listed.iter().any(|format| format::has_message(&format.name)))
    }

    /// How to read a source.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub fn reading(&self, source: u32) -> Result<&Reading, Error> {
        self.source(source).map(|source| &source.reading)
    }

    /// What a source is, and how to read it.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub fn source(&self, source: u32) -> Result<&SourceSpec, Error> {
        let count = self.sources.len();
        self.sources.get(source as usize).ok_or_else(|| {
            Error::Spec(format!("source {source} is not among the spec's {count} sources"))
        })
    }

    /// The formats of a source in the order of trial, each with its place in the registry.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source or it lists too many formats, [`Error::Format`] if
    /// the text of a format of the user's own is none.
    pub fn formats(&self, source: u32) -> Result<Vec<Candidate>, Error> {
        let spec = self.reading(source)?;
        let mut formats = Vec::new();
        for listed in &spec.formats {
            if listed.name == custom::NAME {
                let pattern = listed.params.pattern.as_deref().unwrap_or_default();
                formats.push((format::REGISTRY.len(), custom::build(pattern)?));
                continue;
            }
            let (index, entry) = format::by_name(&listed.name)
                .ok_or_else(|| Error::Spec(format!("no format {:?}", listed.name)))?;
            formats.push((index, (entry.build)(&listed.params)));
        }
        if !spec.only {
            for (index, entry) in format::REGISTRY.iter().enumerate() {
                if !spec.formats.iter().any(|f| f.name == entry.info.name) {
                    formats.push((index, (entry.build)(&Params::default())));
                }
            }
        }
        if formats.len() > format::FORMATS_MAX {
            let most = format::FORMATS_MAX;
            return Err(Error::Spec(format!("source {source} lists more than {most} formats")));
        }
        // What takes any line with a timestamp would take the lines of all formats behind it.
        formats.sort_by_key(|(index, _)| {
            let trial = format::REGISTRY.get(*index).map(|entry| entry.facts.trial);
            trial.filter(|trial| *trial >= format::Candidate::LastResort)
        });
        Ok(formats)
    }
}

/// Text from a log's name or an option as a message may show it, on one line.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// The zone of this IANA name.
///
/// # Errors
/// [`Error::Spec`] if there is none.
pub fn zone(name: &str) -> Result<TimeZone, Error> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    if let Some(zone) = crate::time::fixed_zone(name) {
        return Ok(zone);
    }
    named_zone(name).map_err(|_| {
        Error::Spec(format!(
            "unknown time zone {name:?}; give an IANA name such as Europe/Berlin, an offset such as \
             +02:00, or UTC"
        ))
    })
}

/// The condition that `text` stands for; timestamps without a time zone are in `zone`.
///
/// # Errors
/// [`Error::Condition`].
pub fn condition(text: &str, zone: &TimeZone) -> Result<Condition, Error> {
    condition::parse(text, zone).map_err(|misfit| misfit_error(text, misfit))
}

/// What a group table is made by, from its text.
///
/// # Errors
/// [`Error::Condition`].
pub fn group_of(text: &str) -> Result<Group, Error> {
    group::group(text).map_err(|misfit| misfit_error(text, misfit))
}

fn misfit_error(text: &str, misfit: condition::SyntaxError) -> Error {
    let position = text.char_indices().take_while(|(at, _)| *at < misfit.position).count();
    Error::Condition { text: text.into(), position, message: misfit.message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_key() {
        let good = Spec::plain().to_json();
        assert_eq!(Spec::from_json(&good).unwrap(), Spec::plain());
        for (from, to, expected) in [
            ("\"version\":2", "\"version\":1", "version is 1"),
            ("\"top\":10", "\"top\":0", "top is 0"),
            ("\"UTC\"", "\"Mars/Olympus\"", "Mars/Olympus"),
            ("\"formats\":[]", "\"formats\":[{\"name\":\"x\"}]", "no format \"x\""),
            ("\"top\":10", "\"tap\":10", "tap"),
            (
                "\"formats\":[]",
                "\"formats\":[{\"name\":\"app\"},{\"name\":\"json\"},{\"name\":\"app\"}]",
                "a source lists the format \"app\" twice",
            ),
        ] {
            let message = Spec::from_json(&good.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn more_formats_than_a_set_holds_are_refused() {
        let app = FormatSpec { name: "app".into(), params: Params::default() };
        let mut spec = Spec::plain();
        spec.sources[0].reading.formats = vec![app; format::FORMATS_MAX + 1];
        let message = Spec::from_json(&spec.to_json()).unwrap_err().to_string();
        assert!(message.contains("lists 65 formats, at most 64 fit"), "{message}");
        // However the spec came about.
        let mut scanner = crate::scan::Scanner::new(std::sync::Arc::new(spec)).unwrap();
        assert!(matches!(scanner.begin(0, 0, 0), Err(Error::Spec(_))));
    }

    #[test]
    fn digests_tell_specs_plans_and_meanings_apart() {
        let digests = |spec: &Spec| (spec.digest(), spec.plan_digest(), spec.meaning.digest());
        let plain = digests(&Spec::plain());
        let shown = digests(&Spec { top: 11, ..Spec::plain() });
        assert_ne!(shown.0, plain.0);
        assert_eq!((shown.1, shown.2), (plain.1, plain.2));
        let kept = digests(&Spec { top: TOP_KEPT_MIN + 1, ..Spec::plain() });
        assert_ne!(kept.1, plain.1);
        let mut other = Spec::plain();
        other.sources[0].reading.anchor_ns = 1;
        assert_ne!(digests(&other).1, plain.1);
        assert_eq!(digests(&other).2, plain.2);
        other.meaning.since_ns = Some(1);
        assert_ne!(digests(&other).2, plain.2);
        let added = digests(&Spec { also: vec!["timer".into()], ..Spec::plain() });
        assert_ne!(added.0, plain.0);
        assert_eq!((added.1, added.2), (plain.1, plain.2));
    }

    #[test]
    fn tables_that_a_plan_adds_are_checked_as_those_that_are_asked_for() {
        let spec = |by: &[&str], also: &[&str]| {
            let mut spec = Spec::plain();
            spec.meaning.by = by.iter().map(|name| name.to_string()).collect();
            spec.also = also.iter().map(|name| name.to_string()).collect();
            Spec::from_json(&spec.to_json())
        };
        let groups = spec(&["route"], &["timer", "outgoing"]).unwrap().groups();
        let names: Vec<_> = groups.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["route", "timer", "outgoing"]);
        for (by, also, expected) in [
            (&["timer"][..], &["timer"][..], "by names timer twice"),
            (&[], &["a b c"], ""),
            (&[], &["route", "status", "level", "client", "host"], "also names more than 4"),
        ] {
            let message = spec(by, also).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
