//! What to compute and how to read each source: decided once by the plan, the same for every
//! chunk, wherever it is scanned.

use crate::error::Error;
use crate::format::keys::{KEYS_MAX, Keys};
use crate::format::state::Layouts;
use crate::format::{self, Context, Format, Params, custom};
use crate::limits::TABLES_MAX;
use crate::record::{Columns, Field};
use crate::select::condition::{self, Condition};
use crate::time::{TimeReading, TimestampParser};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

/// The version of [`Spec`] that this code reads and writes.
pub const SPEC_VERSION: u32 = 1;

/// Largest `top`: what the report's lists of single records (slowest) may hold. It bounds what
/// every chunk keeps and sends.
pub const TOP_MAX: u32 = 1_000;

/// What to compute, and how to read each source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// [`SPEC_VERSION`].
    pub version: u32,
    /// How many of the slowest requests to keep, 1 to [`TOP_MAX`].
    pub top: u32,
    /// IANA name of the zone of timestamps that carry none.
    pub input_tz: String,
    /// Nanoseconds since 1970; a timestamp without a year is in the latest year that puts it at
    /// or before this, plus 48 hours. A source may have its own.
    pub anchor_ns: i64,
    /// Records before this many nanoseconds since 1970 are filtered, and those without a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ns: Option<i64>,
    /// Records at or after this many nanoseconds since 1970 are filtered, and those without a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<i64>,
    /// Canonical text of a [condition](crate::select::condition); records that it does not hold for are
    /// filtered.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Names of [fields](crate::record::Field) by which group tables are made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Stands in for a bug of the engine, so that what a bug costs can be tested: a scan panics at
    /// lines with this text. No plan that logan makes has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic_on: Option<String>,
    /// How to read each source, in the plan's order.
    pub sources: Vec<SourceSpec>,
}

/// How to read one source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceSpec {
    /// Formats in the order in which each line tries them.
    pub formats: Vec<FormatSpec>,
    /// Whether no other formats are tried after these.
    #[serde(default)]
    pub only: bool,
    /// As [`Spec::anchor_ns`], for this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_ns: Option<i64>,
    /// What was decided about its timestamps.
    #[serde(default, skip_serializing_if = "TimeReading::is_empty")]
    pub time: TimeReading,
    /// Where the columns of this source's lines change; None if `#Fields:` mean nothing in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layouts: Option<Layouts>,
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
            top: 10,
            input_tz: "UTC".into(),
            anchor_ns: 0,
            since_ns: None,
            until_ns: None,
            condition: None,
            by: Vec::new(),
            panic_on: None,
            sources: vec![SourceSpec::default()],
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
        spec.condition = spec.condition()?.map(|condition| condition.to_string());
        spec.by = spec.by_fields().iter().map(Field::to_string).collect();
        Ok(spec)
    }

    /// Canonical JSON: equal specs, equal text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a spec is plain data")
    }

    /// Identity of the spec; summaries of different specs do not merge.
    pub fn digest(&self) -> u128 {
        xxh3_128(self.to_json().as_bytes())
    }

    fn check(&self) -> Result<(), Error> {
        let fail = |message: String| Err(Error::Spec(message));
        if self.version != SPEC_VERSION {
            return fail(format!("version is {}, this logan reads {SPEC_VERSION}", self.version));
        }
        if !(1..=TOP_MAX).contains(&self.top) {
            return fail(format!("top is {}, it must be 1 to {TOP_MAX}", self.top));
        }
        self.zone()?;
        if let (Some(since), Some(until)) = (self.since_ns, self.until_ns)
            && since >= until
        {
            return fail("since_ns is not before until_ns".into());
        }
        let condition = self.condition()?;
        let mut fields = Vec::new();
        for name in &self.by {
            let field = group_field(name)?;
            if fields.contains(&field) {
                return fail(format!("by names {field} twice"));
            }
            fields.push(field);
        }
        if fields.len() > TABLES_MAX {
            return fail(format!("by names {} fields, at most {TABLES_MAX} fit", fields.len()));
        }
        let asked = condition.iter().flat_map(Condition::fields).chain(&fields);
        if Keys::among(asked).columns() > KEYS_MAX {
            return fail(format!("where and by name more than {KEYS_MAX} different keys"));
        }
        for source in &self.sources {
            if source.only && source.formats.is_empty() {
                return fail("a source with only: true lists no formats".into());
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

    /// The condition, if there is one.
    ///
    /// # Errors
    /// [`Error::Condition`], [`Error::Spec`].
    pub fn condition(&self) -> Result<Option<Condition>, Error> {
        let Some(text) = &self.condition else { return Ok(None) };
        condition(text, &self.zone()?).map(Some)
    }

    /// The fields of the group tables.
    pub fn by_fields(&self) -> Vec<Field> {
        self.by.iter().filter_map(|name| group_field(name).ok()).collect()
    }

    /// The keys that the condition and the group tables ask for.
    pub fn keys(&self) -> Keys {
        let condition = self.condition().ok().flatten();
        let by = self.by_fields();
        Keys::among(condition.iter().flat_map(Condition::fields).chain(&by))
    }

    fn zone(&self) -> Result<TimeZone, Error> {
        zone(&self.input_tz)
    }

    /// What one thread needs to parse lines of any source, with the clock of none.
    ///
    /// # Errors
    /// [`Error::Spec`] if the zone is unknown.
    pub fn context(&self) -> Result<Context, Error> {
        let mut context = Context::new(TimestampParser::new(self.zone()?, self.anchor_ns));
        let condition = self.condition()?;
        context.all_messages =
            condition.iter().flat_map(Condition::fields).any(|field| *field == Field::Message);
        context.wanted = self.requested()?;
        Ok(context)
    }

    /// The columns on request that the condition and the group tables ask for.
    ///
    /// # Errors
    /// [`Error::Condition`] if the condition is none.
    pub fn requested(&self) -> Result<Columns, Error> {
        let (condition, by) = (self.condition()?, self.by_fields());
        let asked = condition.iter().flat_map(Condition::fields).chain(&by);
        Ok(asked.fold(Columns::NONE, |columns, field| match field {
            Field::Text(column) => columns.or(Columns::of(*column)),
            _ => columns,
        }))
    }

    /// The clock for lines of a source.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source, or the zone is unknown.
    pub fn clock(&self, source: u32) -> Result<TimestampParser, Error> {
        let read = self.source(source)?;
        let anchor_ns = read.anchor_ns.unwrap_or(self.anchor_ns);
        Ok(TimestampParser::new(self.zone()?, anchor_ns).with_reading(&read.time))
    }

    /// How many bytes before a chunk of this source its scan has to look at: 0, or
    /// [`LOOK_BACK_BYTES`](format::state::LOOK_BACK_BYTES) if lines may complete what lines
    /// before them began.
    ///
    /// # Errors
    /// [`Error::Spec`] if there is no such source.
    pub fn look_back_bytes(&self, source: u32) -> Result<u64, Error> {
        let rejoins = self.source(source)?.formats.iter().any(|format| format.params.rejoin);
        Ok(if rejoins { format::state::LOOK_BACK_BYTES } else { 0 })
    }

    /// How to read a source.
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
        let spec = self.source(source)?;
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
            format::REGISTRY
                .get(*index)
                .is_some_and(|entry| entry.facts.trial == format::Candidate::LastResort)
        });
        Ok(formats)
    }
}

/// The zone of this IANA name.
///
/// # Errors
/// [`Error::Spec`] if there is none.
pub fn zone(name: &str) -> Result<TimeZone, Error> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| {
        Error::Spec(format!(
            "unknown time zone {name:?}; give an IANA name such as Europe/Berlin or UTC"
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

/// The field of this name, by which group tables can be made.
///
/// # Errors
/// [`Error::Condition`].
pub fn group_field(name: &str) -> Result<Field, Error> {
    let field = condition::field(name).map_err(|misfit| misfit_error(name, misfit))?;
    if field.groups() {
        return Ok(field);
    }
    let known = Field::named().filter(|(_, field)| field.groups()).map(|(name, _)| name);
    let message = format!(
        "cannot group by {field}; known fields: {}, json.KEY and logfmt.KEY",
        known.collect::<Vec<_>>().join(", ")
    );
    Err(misfit_error(name, condition::SyntaxError { position: 0, message }))
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
            ("\"version\":1", "\"version\":2", "version is 2"),
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
        spec.sources[0].formats = vec![app; format::FORMATS_MAX + 1];
        let message = Spec::from_json(&spec.to_json()).unwrap_err().to_string();
        assert!(message.contains("lists 65 formats, at most 64 fit"), "{message}");
        // However the spec came about.
        let mut scanner = crate::scan::Scanner::new(std::sync::Arc::new(spec)).unwrap();
        assert!(matches!(scanner.begin(0, 0, 0), Err(Error::Spec(_))));
    }

    #[test]
    fn digest_tells_specs_apart() {
        let mut other = Spec::plain();
        other.top = 11;
        assert_ne!(other.digest(), Spec::plain().digest());
    }
}
