//! The intervals of a series that differ most from the rest of it, with their evidence.
//!
//! Intervals of about three lengths in each octave are tried at steps of a quarter of their length,
//! the best of each octave are refined bucket by bucket, and their evidence is divided by the
//! dispersion that blocks of the rest show at lengths up to their own: counts that come in clumps or
//! drift over hours must not count as if each event were independent. [`Ratio`] compares counts for
//! each unit of exposure (quasi-Poisson), [`Mean`] sums of measurements (quasi-normal).
//!
//! Sums are integers of 128 bits: squares of the logarithms of 10<sup>11</sup> response times, times
//! as many, fit.

use std::ops::Range;

/// Buckets of a series.
type Span = Range<usize>;

/// How much there must be for an interval to be tried, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// Events (measurements) inside.
    pub events: i128,
    /// Buckets inside, at least one.
    pub inside_buckets: usize,
    /// Buckets outside.
    pub outside_buckets: usize,
    /// Events that a block is expected to have which is compared with others.
    pub block_events: f64,
    /// Blocks that are compared.
    pub blocks: usize,
    /// Intervals of an octave of lengths that are kept.
    pub intervals: usize,
}

/// An interval beyond chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// Its buckets.
    pub span: Span,
    /// Twice the log of the likelihood ratio, as if events were independent.
    pub evidence: f64,
    /// The evidence over the dispersion.
    pub score: f64,
}

/// What is compared.
pub trait Series {
    /// Buckets of the series.
    fn len(&self) -> usize;

    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The evidence of intervals against the rest of a range: twice the log of the likelihood
    /// ratio, 0 if an interval is not higher.
    fn against(&self, range: &Span, thresholds: &Thresholds) -> impl Fn(Span) -> f64;

    /// How many times the variance of independent events blocks within `free` have, of lengths up
    /// to `longest`; at least 1. One above `enough` may be too small.
    fn dispersion(
        &self,
        free: &[Span],
        longest: usize,
        enough: f64,
        thresholds: &Thresholds,
    ) -> f64;
}

/// Events for each unit of exposure, as sums of the first 0, 1, … buckets: errors by requests.
pub struct Ratio {
    /// Sums of events.
    pub events: Vec<i128>,
    /// Sums of exposure.
    pub exposure: Vec<i128>,
}

/// Measurements, as sums of the first 0, 1, … buckets: logarithms of response times.
pub struct Mean {
    /// How many.
    pub counts: Vec<i128>,
    /// Their sums.
    pub sums: Vec<i128>,
    /// The sums of their squares.
    pub squares: Vec<i128>,
}

fn within(sums: &[i128], span: &Span) -> i128 {
    sums[span.end] - sums[span.start]
}

fn total(sums: &[i128], spans: &[Span]) -> i128 {
    spans.iter().map(|span| within(sums, span)).sum()
}

fn buckets(spans: &[Span]) -> usize {
    spans.iter().map(ExactSizeIterator::len).sum()
}

impl Series for Ratio {
    fn len(&self) -> usize {
        self.events.len() - 1
    }

    fn against(&self, range: &Span, thresholds: &Thresholds) -> impl Fn(Span) -> f64 {
        let (all_x, all_n) = (within(&self.events, range), within(&self.exposure, range));
        let least = thresholds.events;
        move |span| {
            let (x, n) = (within(&self.events, &span), within(&self.exposure, &span));
            let (rest_x, rest_n) = (all_x - x, all_n - n);
            if x < least || n <= 0 || rest_n <= 0 || 2 * x * rest_n <= 3 * rest_x * n {
                return 0.0;
            }
            let mean = all_x as f64 / all_n as f64;
            let part = |x: i128, n: i128| x as f64 * (x as f64 / (n as f64 * mean)).ln();
            2.0 * (part(x, n) + if rest_x > 0 { part(rest_x, rest_n) } else { 0.0 })
        }
    }

    fn dispersion(
        &self,
        free: &[Span],
        longest: usize,
        enough: f64,
        thresholds: &Thresholds,
    ) -> f64 {
        let (x, n) = (total(&self.events, free), total(&self.exposure, free));
        if x <= 0 || n <= 0 {
            return 1.0;
        }
        let mean = x as f64 / n as f64;
        let least = thresholds.block_events / mean * buckets(free) as f64 / n as f64;
        let square = |block: Span| {
            let expected = within(&self.exposure, &block) as f64 * mean;
            let away = within(&self.events, &block) as f64 - expected;
            (expected > 0.0).then(|| away * away / expected)
        };
        largest(free, least.ceil().max(1.0) as usize, longest, enough, thresholds, square)
    }
}

impl Series for Mean {
    fn len(&self) -> usize {
        self.counts.len() - 1
    }

    fn against(&self, range: &Span, thresholds: &Thresholds) -> impl Fn(Span) -> f64 {
        let (all_n, all_s) = (within(&self.counts, range), within(&self.sums, range));
        let all_q = within(&self.squares, range);
        // In integers: of the difference of large floats little is left.
        let scatter = (all_q * all_n - all_s * all_s) as f64 / all_n.max(1) as f64;
        let least = thresholds.events;
        move |span| {
            let n = within(&self.counts, &span);
            let rest_n = all_n - n;
            if n < least || rest_n < least {
                return 0.0;
            }
            let s = within(&self.sums, &span);
            if s * all_n <= all_s * n {
                return 0.0;
            }
            let (n, rest_n, all_n) = (n as f64, rest_n as f64, all_n as f64);
            let away = s as f64 / n - (all_s - s) as f64 / rest_n;
            let between = away * away * n * rest_n / all_n;
            between / ((scatter - between) / all_n).max(1.0)
        }
    }

    fn dispersion(
        &self,
        free: &[Span],
        longest: usize,
        enough: f64,
        thresholds: &Thresholds,
    ) -> f64 {
        let n = total(&self.counts, free);
        if n <= 0 {
            return 1.0;
        }
        let (s, q) = (total(&self.sums, free), total(&self.squares, free));
        let mean = s as f64 / n as f64;
        let variance = ((q * n - s * s) as f64 / (n * n) as f64).max(1.0);
        let least = thresholds.block_events * buckets(free) as f64 / n as f64;
        let square = |block: Span| {
            let n = within(&self.counts, &block) as f64;
            let away = within(&self.sums, &block) as f64 / n - mean;
            (n > 0.0).then(|| away * away * n / variance)
        };
        largest(free, least.ceil().max(1.0) as usize, longest, enough, thresholds, square)
    }
}

/// The largest dispersion of blocks of `least` buckets, and of twice as many up to `longest`; or one
/// that is more than `enough`.
///
/// Long blocks come first: they are few, and drift shows in them.
fn largest(
    free: &[Span],
    least: usize,
    longest: usize,
    enough: f64,
    thresholds: &Thresholds,
    square: impl Fn(Span) -> Option<f64>,
) -> f64 {
    let mut most = 1.0_f64;
    for octave in (0..=(longest / least).max(1).ilog2()).rev() {
        let size = least << octave;
        let blocks = free.iter().flat_map(|span| {
            (0..span.len() / size).map(move |i| span.start + i * size).map(|at| at..at + size)
        });
        most = most.max(pooled(blocks.filter_map(&square).collect(), thresholds));
        if most > enough {
            break;
        }
    }
    most
}

/// The mean of squared deviations, drawn towards 1 where they are few.
///
/// The largest twentieth (at least one) is left out: what is there once is not dispersion.
fn pooled(mut squares: Vec<f64>, thresholds: &Thresholds) -> f64 {
    if squares.len() < thresholds.blocks {
        return 1.0;
    }
    if squares.len() >= 8 {
        squares.sort_unstable_by(f64::total_cmp);
        squares.truncate(squares.len() - (squares.len() / 20).max(1));
    }
    (squares.iter().sum::<f64>() + 2.0) / (squares.len() as f64 + 2.0)
}

/// Lengths of intervals to try, from `least` to `most`, about three in each octave.
fn lengths(least: usize, most: usize) -> Vec<usize> {
    let exact = std::iter::successors(Some(least as f64), |length| Some(length * 1.26));
    let mut found: Vec<usize> = exact
        .map(|length| length.round_ties_even() as usize)
        .take_while(|length| *length <= most)
        .collect();
    found.dedup();
    found
}

/// The best intervals of each octave of lengths within a range, as far as their score is
/// `least_score` or more.
pub fn intervals(
    series: &impl Series,
    range: Span,
    least_score: f64,
    thresholds: &Thresholds,
) -> Vec<Interval> {
    let evidence = series.against(&range, thresholds);
    let lengths =
        lengths(thresholds.inside_buckets, range.len().saturating_sub(thresholds.outside_buckets));
    let mut found = Vec::new();
    for octave in lengths.chunk_by(|a, b| a.ilog2() == b.ilog2()) {
        let mut tried = Vec::new();
        for &length in octave {
            let last = range.end - length;
            // The last one may lie between two steps.
            let starts = (range.start..last).step_by((length / 4).max(1)).chain([last]);
            let spans = starts.map(|start| start..start + length);
            tried.extend(spans.map(|span| (evidence(span.clone()), span)));
        }
        tried.retain(|(value, _)| *value > least_score);
        // Those that stand out together are incidents, not each other's dispersion.
        let spans = apart(tried, thresholds.intervals);
        for span in &spans {
            let mut span = refined(&evidence, span.clone(), &range);
            let free = free(spans.iter().chain([&span]).cloned().collect(), &range);
            let mut value = evidence(span.clone());
            let rest = range.end - span.end;
            let lasting =
                (range.end == series.len() && rest > 0).then(|| evidence(span.start..range.end));
            let enough = value.max(lasting.unwrap_or(0.0)) / least_score;
            let dispersion = series.dispersion(&free, span.len(), enough, thresholds);
            // It may end in any of the buckets that are left, or last: that is as likely as all of
            // these together.
            if let Some(lasting) = lasting
                && value - lasting <= 2.0 * ((1 + rest) as f64).ln() * dispersion
            {
                (span.end, value) = (range.end, lasting);
            }
            let score = value / dispersion;
            if score >= least_score {
                found.push(Interval { span, evidence: value, score });
            }
        }
    }
    found
}

/// The best of overlapping intervals, a few of them.
fn apart(mut found: Vec<(f64, Span)>, most: usize) -> Vec<Span> {
    found.sort_by(|(a, span), (b, other)| {
        b.total_cmp(a).then((span.start, span.end).cmp(&(other.start, other.end)))
    });
    let mut taken: Vec<Span> = Vec::new();
    for (_, span) in found {
        if taken.iter().all(|other| span.end <= other.start || span.start >= other.end) {
            taken.push(span);
            if taken.len() == most {
                break;
            }
        }
    }
    taken
}

/// Edges at which the evidence is largest, near the given ones; of buckets that say nothing none is
/// inside.
fn refined(evidence: &impl Fn(Span) -> f64, span: Span, range: &Span) -> Span {
    let reach = (span.len() / 3).max(4);
    let Span { mut start, mut end } = span;
    for _ in 0..3 {
        let before = (start, end);
        let near = range.start.max(start.saturating_sub(reach))..(end - 2).min(start + reach + 1);
        start = at_largest(near, |at| evidence(at..end)).unwrap_or(start);
        let near = (start + 3).max(end.saturating_sub(reach))..range.end.min(end + reach) + 1;
        end = at_largest(near.rev(), |at| evidence(start..at)).unwrap_or(end);
        if (start, end) == before {
            break;
        }
    }
    start..end
}

/// Where the evidence is largest; of equals the last.
fn at_largest(
    places: impl Iterator<Item = usize>,
    evidence: impl Fn(usize) -> f64,
) -> Option<usize> {
    let found = places.map(|at| (evidence(at), at)).max_by(|(a, _), (b, _)| a.total_cmp(b));
    found.map(|(_, at)| at)
}

/// What is left of a range beside some intervals, and not next to them.
fn free(mut spans: Vec<Span>, range: &Span) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut free = Vec::new();
    let mut at = range.start;
    for span in spans {
        if span.start > at + 1 {
            free.push(at..span.start - 1);
        }
        at = at.max(span.end + 1);
    }
    if range.end > at {
        free.push(at..range.end);
    }
    free
}
