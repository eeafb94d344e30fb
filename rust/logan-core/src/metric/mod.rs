//! Metrics: what is counted, one file each, behind one trait; the registry is the list of fields
//! of [`Metrics`] and [`Figures`], made by one macro.
//!
//! A metric has two lives. Its *accumulator* ([`Metric`]) belongs to one thread, reads batches
//! and is kept from chunk to chunk to save allocations. Its *state* ([`State`]) is what a chunk
//! leaves behind: mergeable, canonical (equal contents, equal bytes) and compact, since a whole
//! tree of them may be alive. A metric knows nothing of formats, files or threads.

pub mod by;
pub mod clients;
pub mod dimensions;
pub mod grid;
pub mod http;
pub mod latency;
pub mod levels;
pub mod lines;
pub mod messages;
pub(crate) mod object;
pub mod routes;
pub mod rows;
pub mod series;
pub mod slowest;
pub mod totals;

use crate::fast::{FastPath, FastPaths};
use crate::record::{Batch, Block};
use crate::spec::{OptionalMetric, Spec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// An accumulator.
pub trait Metric {
    /// What it leaves behind.
    type State: State;

    /// Reads a batch.
    fn update(&mut self, batch: &Batch, block: Block<'_>);

    /// What was counted since the last call; the accumulator is then as new, but keeps its memory.
    fn take(&mut self) -> Self::State;

    /// Lets the time buckets of later states begin with this step, as those states will be merged
    /// with one that has it; see [`Steps`].
    fn start_at(&mut self, _step: u8) {}
}

/// Mergeable figures: a commutative monoid whose identity is `default()`.
pub trait State: Default + Clone + PartialEq + Serialize + DeserializeOwned + Send {
    /// Adds the figures of `other`.
    fn merge(&mut self, other: &Self);

    /// Whether decoded bytes make sense: sorted, within caps, sums that agree. Never panics;
    /// `merge` and `evaluate` may rely on it.
    fn check(&self) -> Result<(), &'static str>;

    /// The step of its time buckets as an index into a ladder of steps, of a state whose sum with any
    /// other has at least this step; 0 of states that do not say.
    fn time_step(&self) -> u8 {
        0
    }

    /// Replaces each index of a source by what `number` gives for it.
    fn renumber(&mut self, _number: &dyn Fn(u32) -> u32) {}
}

/// Makes the struct of all accumulators and that of all states from one list.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $name:ident : $metric:ty = $new:expr),+ $(,)?) => {
        /// The accumulators of one thread.
        pub struct Metrics {
            $($name: $metric,)+
        }

        /// What was counted, one state for each metric.
        #[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Figures {
            $($(#[doc = $doc])+ pub $name: <$metric as Metric>::State,)+
        }

        impl Metrics {
            /// Accumulators for a spec that take these fast paths.
            pub fn new(spec: &Spec, fast: FastPaths) -> Metrics {
                $(let $name = ($new)(spec, fast);)+
                Metrics { $($name,)+ }
            }

            #[inline(always)]
            fn update_all(&mut self, batch: &Batch, block: Block<'_>) {
                $(self.$name.update(batch, block);)+
            }

            /// What was counted since the last call.
            pub fn take(&mut self) -> Figures {
                self.take_without(&[])
            }

            /// What was counted since the last call, but for the named metrics, which count on.
            pub fn take_without(&mut self, held: &[&str]) -> Figures {
                Figures {
                    $($name: if held.contains(&stringify!($name)) {
                        Default::default()
                    } else {
                        self.$name.take()
                    },)+
                }
            }
        }

        impl Metrics {
            /// Lets the time buckets of what is counted next begin with these steps; see [`Steps`].
            pub fn start_at(&mut self, steps: Steps) {
                let mut steps = steps.0.into_iter();
                $(Metric::start_at(&mut self.$name, steps.next().unwrap_or(0));)+
            }
        }

        impl Figures {
            /// The step of each metric.
            pub fn steps(&self) -> Steps {
                Steps([$(State::time_step(&self.$name)),+])
            }

            /// What the metrics are called.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// The same without what the named metrics counted.
            #[must_use]
            pub fn without(&self, names: &[&str]) -> Figures {
                let is_out = |name: &str| names.contains(&name);
                Figures {
                    $($name: if is_out(stringify!($name)) {
                        Default::default()
                    } else {
                        self.$name.clone()
                    },)+
                }
            }

            /// Adds the figures of `other`.
            pub fn merge(&mut self, other: &Figures) {
                $(self.$name.merge(&other.$name);)+
            }

            /// Whether decoded figures make sense, each for itself.
            ///
            /// # Errors
            /// What does not.
            pub fn check(&self) -> Result<(), &'static str> {
                $(self.$name.check()?;)+
                Ok(())
            }

            /// Replaces each index of a source; see [`State::renumber`].
            pub fn renumber(&mut self, number: &dyn Fn(u32) -> u32) {
                $(self.$name.renumber(number);)+
            }
        }
    };
}

/// The steps of the metrics that count by time.
///
/// A step follows from the set of seconds, and a sum never has a finer one than its parts. So what
/// is merged with figures of some step may be counted at that step from the beginning: the sum has
/// the same bytes, and a chunk of a long log has few buckets instead of hundreds that each merge
/// adds up again. By itself a state that was counted so is not what its records alone give: only the
/// sum may leave the process.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Steps([u8; Figures::NAMES.len()]);

impl Steps {
    /// The coarser of each two steps.
    #[must_use]
    pub fn or(mut self, other: Steps) -> Steps {
        self.0.iter_mut().zip(other.0).for_each(|(step, other)| *step = other.max(*step));
        self
    }
}

metrics! {
    /// Records, requests, errors.
    totals: totals::Totals = |_, _| totals::Totals::default(),
    /// Records by level.
    levels: levels::Levels = |_, _| levels::Levels::default(),
    /// Status codes, bytes sent.
    http: http::Http = |_, _| http::Http::default(),
    /// Response times.
    latency: latency::Latency = |_, _| latency::Latency::default(),
    /// Counts over time.
    series: series::Series = |_, _| series::Series::default(),
    /// Counts and response times on the analysis grid.
    grid: grid::Grid = |spec: &Spec, _| grid::Grid::new(!spec.meaning.is_off(OptionalMetric::ResponseTimes)),
    /// Requests by route.
    routes: routes::Routes = |spec: &Spec, fast: FastPaths| routes::Routes::new(
        fast.has(FastPath::Routes),
        !spec.meaning.is_off(OptionalMetric::RoutesOverTime),
    ),
    /// Requests by client.
    clients: clients::Clients = |spec: &Spec, fast: FastPaths| clients::Clients::new(
        fast.has(FastPath::Clients),
        !spec.meaning.is_off(OptionalMetric::ClientsPerDay),
    ),
    /// Errors and warnings by template.
    messages: messages::Messages<true> = |_, _| messages::Messages::new(true),
    /// All other records by template.
    templates: messages::Messages<false> =
        |spec: &Spec, _| messages::Messages::new(!spec.meaning.is_off(OptionalMetric::Templates)),
    /// Requests by user agent and the like.
    dimensions: dimensions::Dimensions =
        |spec: &Spec, fast| dimensions::Dimensions::new(spec, fast),
    /// The slowest requests.
    slowest: slowest::Slowest = |spec: &Spec, _| slowest::Slowest::new(spec.top_kept()),
    /// Records by fields that the job names.
    by: by::By = |spec: &Spec, _| by::By::new(spec),
}

impl Metrics {
    /// Reads a batch into every metric.
    pub fn update(&mut self, batch: &Batch, block: Block<'_>) {
        crate::dispatch!(update::<>(metrics: &mut Metrics, batch: &Batch, block: Block<'_>) -> ();
            self, batch, block)
    }
}

#[inline(always)]
fn update<S: crate::bytes::simd::Simd>(
    _simd: S,
    metrics: &mut Metrics,
    batch: &Batch,
    block: Block<'_>,
) {
    metrics.update_all(batch, block);
}

/// What the rows of a table are parts of.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    /// Requests or records in all.
    pub volume: u64,
    /// Whether any record says how large its response is.
    pub sized: bool,
}

impl Whole {
    fn share(self, part: u64) -> Value {
        (self.volume > 0).then(|| part as f64 / self.volume as f64).into()
    }

    fn bytes(self, sum: u128) -> Value {
        if self.sized { integer(sum) } else { Value::Null }
    }
}

/// Whether counts are such that adding them up cannot overflow.
fn sane(counts: impl IntoIterator<Item = u64>) -> Result<(), &'static str> {
    let sum = counts.into_iter().try_fold(0u64, |sum, n| sum.checked_add(n));
    if sum.is_some_and(|sum| sum <= crate::limits::COUNT_MAX) {
        Ok(())
    } else {
        Err("a count is impossibly large")
    }
}

/// Whether a sum of so many 64-bit numbers can be one.
fn sane_sum(sum: u128, count: u64) -> Result<(), &'static str> {
    let most = u128::from(count) * u128::from(u64::MAX);
    if sum <= most { Ok(()) } else { Err("a sum is larger than its count allows") }
}

/// An integer of any size as JSON: beyond 64 bits as the nearest floating-point number.
fn integer(value: u128) -> Value {
    u64::try_from(value).map_or_else(|_| Value::from(value as f64), Value::from)
}
