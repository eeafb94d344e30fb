//! Log formats: what an author of one writes, the registry, and what all formats share.
//!
//! A format decides for one line, from its bytes alone, whether it is a record of that format,
//! and what the record says. It knows nothing of files, chunks or metrics, and no other file of the
//! crate knows it (`tests/layers.rs` checks that).
//!
//! # A new format
//! 1. Write `FAMILY/x.rs`: its text says what is accepted, and with which source. Open one that is like
//!    it: [`envoy`](proxy::envoy) (fields in order), [`redis`](database::redis) (text).
//! 2. A type with [`LineFormat`]: the columns that it may fill, which bytes a line begins with, what it
//!    cannot lack, and `parse`, which fills `cx.record` or answers None. Read fields with a
//!    [`Cursor`](cursor), times with `cx.clock()`, numbers and statuses with [`http`], [`fields`] and
//!    [`duration`](text::duration). What the line does not hold as such goes through `cx.keep`.
//! 3. An [`Entry`]: what people are told, the [`Facts`] that are not [`PLAIN`](Facts::PLAIN) (what its
//!    headers are, what it claims from general formats, …), and `build: |_| line_format(X)`.
//! 4. One line in [`REGISTRY`]; its place decides who is asked first about an undetected line.
//! 5. `test_vectors/formats/NAME/`: a sample and its figures by hand. The folder is found by the
//!    format's name, so the entry does not name it.
//!
//! Where one record has several lines, write a [`MultiLineFormat`] and `build: multi_line` (or `listed`,
//! where any line could be one): its state is its own, and is kept for it. Where a format is slow on
//! logs that people have, add a [`BulkFormat`] and `build: bulk`; it must say what `parse` says, and a
//! property test compares them.
//!
//! The registry's order is the order in which formats are tried on a line when detection saw none
//! of them; what detection saw comes first, most frequent first.

pub mod access;
mod address;
pub mod classify;
pub mod cloud;
mod context;
pub(crate) mod cursor;
pub mod custom;
pub mod database;
mod driver;
pub mod envelope;
pub mod fields;
pub(crate) mod http;
pub mod json;
mod json_text;
pub mod keys;
pub mod logfmt;
mod params;
mod preamble;
pub mod prefilter;
pub mod proxy;
mod run;
pub mod security;
pub(crate) mod slices;
mod slots;
pub mod state;
pub mod table;
pub mod tails;
pub mod text;
pub mod units;
pub mod w3c;

pub use context::{Context, Parse};
pub use driver::Format;
use driver::is_never_a_record;
pub(crate) use driver::{bulk, for_each, line_format, listed, multi_line, one_by_one};
pub use params::{ClientPlace, Params, StatusPlace, Unit};
pub(crate) use run::{LINE_REFS_MAX, LineRefs, line_of};
pub use run::{LineRef, LineSubset, Run};
pub use units::DurationReading;

use crate::bytes::line::Line;
use crate::bytes::simd::Simd;
use crate::format::prefilter::RequiredBytes;
use crate::record::Columns;
use crate::time::TimestampParser;
use serde::Serialize;

/// A table of 256 answers: true for the bytes in `members`.
pub(crate) const fn byte_set(members: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut i = 0;
    while i < members.len() {
        set[members[i] as usize] = true;
        i += 1;
    }
    set
}

/// What a registered format is, for people.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Name for `--format`.
    pub name: &'static str,
    /// One line of explanation.
    pub title: &'static str,
    /// A line of this format.
    pub example: &'static str,
    /// Which part of the line is the time.
    pub time_field: &'static str,
    /// Which part of the line is the response time, if any, and its unit: `ns`, `us`, `ms`, `s`, or
    /// where it is to be found.
    pub duration: Option<(&'static str, &'static str)>,
}

/// A log format whose lines are records, each for itself: what an author writes.
pub trait LineFormat: Send + Sync + 'static {
    /// The columns that [`parse`](Self::parse) may fill.
    const COLUMNS: Columns;

    /// What a line of this format cannot lack: a cheap filter, for all formats at once.
    const NEEDS: RequiredBytes = RequiredBytes::NONE;

    /// Whether it is compiled for AVX-512, too, which pays for the formats that most logs have.
    const IN_AVX512: bool = false;

    /// Whether a line that begins with `byte` may be of this format.
    ///
    /// Another cheap filter, and part of what the format accepts: a line that begins with another
    /// byte is not of this format, whatever [`parse`](Self::parse) would say of it.
    fn may_begin_with(&self, byte: u8) -> bool;

    /// Fills `cx.record`, which is empty, if the line is of this format.
    ///
    /// The line is not empty and has no line end. A function of the line, the parameters and the
    /// settings of the clock alone. When it answers None, what it left in record and arena is
    /// ignored.
    fn parse<S: Simd>(&self, line: Line<'_>, cx: &mut Parse<'_, S>) -> Option<()>;

    /// Tells the values of keys of a line that is a record of this format.
    #[inline(always)]
    fn keys<S: Simd>(&self, _simd: S, _line: Line<'_>, _found: &mut keys::Found<'_>) {}
}

/// For speed: a format that parses many lines in one call, as [`LineFormat::parse`] would parse each.
pub trait BulkFormat: LineFormat {
    /// Whether [`parse_many`](Self::parse_many) does anything.
    const HAS_MANY: bool = true;

    /// Parses lines that follow one another, for as long as it can do so in bulk; the next line may
    /// be of this format all the same. What a line [may begin with](LineFormat::may_begin_with) is
    /// its own business.
    fn parse_many(&self, _run: &mut Run<'_>) {}

    /// Parses lines with lines of other formats between them.
    fn parse_each(&self, lines: &mut LineSubset<'_>)
    where
        Self: Sized,
    {
        one_by_one(self, lines.lines, lines);
    }
}

/// A format whose records may have several lines.
pub trait MultiLineFormat: Send + Sync + 'static {
    /// The columns that [`part`](Self::part) may fill.
    const COLUMNS: Columns;

    /// What no line of its records can lack.
    const NEEDS: RequiredBytes = RequiredBytes::NONE;

    /// Whether empty lines end records; [`part`](Self::part) is asked about them, too.
    const ENDS_AT_BLANK: bool = false;

    /// Whether NULs at the front of a line are part of what it says.
    const KEEPS_NULS: bool = false;

    /// What its lines leave for later ones. The driver keeps it, and begins each chunk with a new one.
    type State: Default + Send + 'static;

    /// Whether a line that begins with `byte` may be one of a record.
    fn may_begin_with(&self, _byte: u8) -> bool {
        true
    }

    /// Whether a line that begins so may be one: a look before the state is fetched, where lines of
    /// other formats begin so, too.
    fn may_be(_line: Line<'_>) -> bool {
        true
    }

    /// What a line is, given its offset in the source. Fills `cx.record`, which is empty, if the line
    /// is or completes a record.
    ///
    /// A function of the line and the [`LOOK_BACK_BYTES`](state::LOOK_BACK_BYTES) before it, whatever
    /// is pushed in between.
    fn part<S: Simd>(
        &self,
        line: Line<'_>,
        offset: u64,
        state: &mut Self::State,
        cx: &mut Parse<'_, S>,
    ) -> Part;
}

/// What a line is to a format whose records may have several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// None of its lines.
    Foreign,
    /// It goes on with a record, or is a piece of one that a later line completes.
    Continuation,
    /// It is or completes a record.
    Record,
}

/// How a format's lines make records.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Each line is one.
    Plain,
    /// A line is around a line of another format.
    Envelope {
        /// What is left when the envelope is taken off.
        open: fn(Line<'_>, &mut TimestampParser) -> Option<Vec<u8>>,
        /// Whether one record may be in several lines.
        fragments: Fragments,
    },
    /// What a line is or says depends on lines before it, and is known only where the plan lists the
    /// format.
    Stateful,
}

/// Whether lines of an envelope may hold parts of one payload.
#[derive(Clone, Copy)]
pub enum Fragments {
    /// They do not.
    Never,
    /// Some may.
    Always,
    /// Some may if this is true of any line.
    IfAny(fn(Line<'_>) -> bool),
}

/// When a format is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Candidate {
    /// Before all others: its lines begin with a timestamp or are JSON, so formats that say less
    /// about them would take them, too. It is never looked for in the payload of an envelope.
    Outer,
    /// The more frequent, the earlier.
    Usual,
    /// After all but those with [general lines](Facts::is_general) and the last: it takes lines of
    /// others, too.
    Late,
    /// Last: it takes lines of others, too.
    LastResort,
    /// Only where detection finds that next to no line has a date: it takes any line.
    Alone,
}

/// Lines that go on with a record.
#[derive(Clone, Copy)]
pub struct Continuation {
    /// How they begin.
    pub prefix: &'static [u8],
    /// What must be true of what follows.
    pub is_one: fn(&[u8]) -> bool,
}

/// Lines that a format takes from a general one.
#[derive(Clone, Copy)]
pub struct Claims {
    /// What may stand right behind the timestamp.
    pub behind_time: &'static [u8],
    /// Whether a line with a timestamp up to this position is one.
    pub is_one: fn(&[u8], usize) -> bool,
}

/// What the rest of the crate must know of a format. No other file names one.
#[derive(Clone, Copy)]
pub struct Facts {
    /// How its lines make records.
    pub kind: Kind,
    /// When it is tried.
    pub trial: Candidate,
    /// How lines begin that say what the lines after them are.
    pub headers: &'static [&'static [u8]],
    /// Of the headers the one that says the columns of the lines after it; of one format.
    pub layout_header: Option<&'static [u8]>,
    /// Lines that no format takes and that go on with a record of this one.
    pub continuations: &'static [Continuation],
    /// How lines begin that stand behind a syslog header without a tag.
    pub untagged: &'static [&'static [u8]],
    /// A header that the example needs before it.
    pub example_header: Option<&'static str>,
    /// Which lines with a timestamp it takes that [general](Self::is_general) formats would take, too.
    pub claims: Option<Claims>,
    /// Whether it takes lines with a timestamp of many formats that say more about them. Where it
    /// would take a line of another format, detection puts that one first.
    pub is_general: bool,
    /// Whether fields have names in the line.
    pub named_fields: bool,
    /// Whether the number right behind a request is its status, whatever it is. Where detection finds
    /// that it is not, lines are left to other formats.
    pub is_status_first: bool,
    /// Whether it heeds [where](Params::status_place) statuses are.
    pub has_status_place: bool,
    /// Whether it heeds [where](Params::client_place) clients are.
    pub has_client_place: bool,
    /// Formats that, asked for alone, take lines of this one, too: what is in it, or what is around
    /// it as something simpler.
    pub also_taken_by: &'static [&'static str],
}

impl Facts {
    /// Of a format whose lines are records, each for itself.
    pub const PLAIN: Facts = Facts {
        kind: Kind::Plain,
        trial: Candidate::Usual,
        headers: &[],
        layout_header: None,
        continuations: &[],
        untagged: &[],
        example_header: None,
        claims: None,
        is_general: false,
        named_fields: false,
        is_status_first: false,
        has_status_place: false,
        has_client_place: false,
        also_taken_by: &[],
    };

    /// Whether what a line is or says depends on lines before it.
    pub fn is_stateful(&self) -> bool {
        matches!(self.kind, Kind::Stateful)
    }
}

/// One entry of the registry.
pub struct Entry {
    /// What it is.
    pub info: Info,
    /// What the rest of the crate must know of it.
    pub facts: Facts,
    /// Makes the format with the parameters that a plan gives.
    pub build: fn(&Params) -> Box<dyn Format>,
}

/// What is told of an entry outside of the engine.
#[derive(Serialize)]
pub struct Description {
    name: &'static str,
    title: &'static str,
    example: &'static str,
    time_field: &'static str,
    duration_field: Option<&'static str>,
    duration_unit: Option<&'static str>,
    /// Whether the format takes lines of others, too, and is tried after them.
    is_general: bool,
    /// Whether what a line says depends on lines before it.
    depends_on_earlier_lines: bool,
    also_taken_by: &'static [&'static str],
}

impl Entry {
    /// What is told of it.
    pub fn description(&self) -> Description {
        let Facts { kind, trial, is_general, example_header, also_taken_by, .. } = self.facts;
        let is_whole =
            matches!(kind, Kind::Plain | Kind::Envelope { fragments: Fragments::Never, .. });
        let Info { name, title, example, time_field, duration } = self.info;
        Description {
            name,
            title,
            example,
            time_field,
            duration_field: duration.map(|(field, _)| field),
            duration_unit: duration.map(|(_, unit)| unit),
            is_general: is_general || trial >= Candidate::Late,
            depends_on_earlier_lines: !is_whole || example_header.is_some(),
            also_taken_by,
        }
    }
}

/// Every format, in the order in which undetected ones are tried. The [outer](Candidate::Outer) ones come
/// first: what they hold looks like lines of others. HAProxy knows the syslog header before its
/// lines, and comes before syslog.
pub static REGISTRY: &[&Entry] = &[
    &w3c::IIS,
    &w3c::CLOUDFRONT,
    &w3c::GENERIC,
    &table::entry::ENTRY,
    &envelope::cri::ENTRY,
    &envelope::docker::ENTRY,
    &envelope::journald::JSON,
    &envelope::journald::EXPORT,
    &database::mysql_slow::ENTRY,
    &text::dotnet::ENTRY,
    &text::erlang::ENTRY,
    &proxy::haproxy::HTTP,
    &proxy::haproxy::TCP,
    &cloud::aws_lambda::ENTRY,
    &envelope::syslog::RFC5424,
    &envelope::syslog::RFC3164,
    &envelope::prefixed::ENTRY,
    &envelope::platform::ENTRY,
    &database::oracle_alert::ENTRY,
    &json::ENTRY,
    &json::behind_text::ENTRY,
    &access::combined::COMBINED,
    &access::combined::COMMON,
    &access::combined::BARE,
    &access::combined::TRAEFIK,
    &access::combined::INGRESS_NGINX,
    &cloud::aws_elb::APPLICATION,
    &cloud::aws_elb::CLASSIC,
    &cloud::aws_s3::ENTRY,
    &cloud::aws_vpc::ENTRY,
    &cloud::templates::AWS_NLB,
    &cloud::templates::AWS_ROUTE53,
    &proxy::envoy::ENTRY,
    &proxy::squid::ENTRY,
    &access::uwsgi::ENTRY,
    &text::apache_error::ENTRY,
    &text::nginx_error::ENTRY,
    &database::postgres::ENTRY,
    &database::redis::ENTRY,
    &text::dmesg::ENTRY,
    &text::slapd::ENTRY,
    &text::cmtrace::ENTRY,
    &text::rails::ENTRY,
    &text::gatling::ENTRY,
    &access::gin::ENTRY,
    &access::morgan::ENTRY,
    &access::php_fpm::ENTRY,
    &security::cef::ENTRY,
    &security::leef::ENTRY,
    &table::ltsv::ENTRY,
    &access::request::entry::ENTRY,
    &text::app::ENTRY,
    &logfmt::ENTRY,
    &text::leveled::ENTRY,
    &text::app::ANYWHERE,
    &text::crash::ENTRY,
    &text::plain::ENTRY,
];

/// Places of formats: those of the registry, and behind them that of users' own.
pub const PLACES: usize = REGISTRY.len() + 1;

/// Most formats that lines of one source can try: sets of them are the bits of a `u64`.
pub const FORMATS_MAX: usize = u64::BITS as usize;

const _: () = assert!(PLACES <= FORMATS_MAX, "sets of formats need more bits than a u64 has");

/// What is known of the format of this name, [registered](REGISTRY) or [of users' own](custom).
pub fn info(name: &str) -> Option<&'static Info> {
    if name == custom::NAME {
        return Some(&custom::INFO);
    }
    by_name(name).map(|(_, entry)| &entry.info)
}

/// The name of the format at a place below [`PLACES`].
pub fn name_at(place: usize) -> &'static str {
    REGISTRY.get(place).map_or(custom::NAME, |entry| entry.info.name)
}

/// Whether records of the format of this name may have a message.
pub fn has_message(name: &str) -> bool {
    by_name(name).is_none_or(|(_, entry)| {
        (entry.build)(&Params::default()).columns().has(crate::record::Columns::MESSAGE)
    })
}

/// The registered format of this name, and its place in the registry.
pub fn by_name(name: &str) -> Option<(usize, &'static Entry)> {
    REGISTRY.iter().position(|e| e.info.name == name).map(|i| (i, REGISTRY[i]))
}

#[cfg(test)]
mod requested;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_in_order_of_trial() {
        assert!(REGISTRY.is_sorted_by_key(|e| e.facts.trial >= Candidate::LastResort));
        let place = |entry: &Entry| by_name(entry.info.name).unwrap().0;
        assert!(place(&proxy::haproxy::TCP) < place(&envelope::syslog::RFC5424));
        let named = |name: &&str| by_name(name).is_some();
        assert!(REGISTRY.iter().all(|e| e.facts.also_taken_by.iter().all(named)));
        assert_eq!(REGISTRY.iter().filter(|e| e.facts.layout_header.is_some()).count(), 1);
        let last = REGISTRY.iter().rposition(|e| e.facts.trial == Candidate::Outer).unwrap();
        assert!(last < place(&json::ENTRY) && last < place(&text::app::ENTRY));
    }
}
