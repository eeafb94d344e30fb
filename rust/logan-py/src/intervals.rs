//! Intervals of a series, for findings.

use crate::gate::detached;
use logan_core::intervals::{self, Mean, Ratio, Series, Thresholds};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

type Found = Vec<(usize, usize, f64, f64)>;

/// Intervals in which there are more events for each unit of exposure.
#[pyfunction]
pub fn ratio_intervals(
    py: Python<'_>,
    events: Vec<i128>,
    exposure: Vec<i128>,
    range: (usize, usize),
    least_score: f64,
    thresholds: (i128, usize, usize, f64, usize, usize),
) -> PyResult<Found> {
    found(py, &Ratio { events, exposure }, range, least_score, thresholds)
}

/// Intervals in which the mean is larger.
#[pyfunction]
pub fn mean_intervals(
    py: Python<'_>,
    counts: Vec<i128>,
    sums: Vec<i128>,
    squares: Vec<i128>,
    range: (usize, usize),
    least_score: f64,
    thresholds: (i128, usize, usize, f64, usize, usize),
) -> PyResult<Found> {
    found(py, &Mean { counts, sums, squares }, range, least_score, thresholds)
}

fn found(
    py: Python<'_>,
    series: &(impl Series + Sync),
    (start, end): (usize, usize),
    least_score: f64,
    (events, inside_buckets, outside_buckets, block_events, blocks, intervals): (
        i128,
        usize,
        usize,
        f64,
        usize,
        usize,
    ),
) -> PyResult<Found> {
    if start > end || end > series.len() || inside_buckets == 0 {
        return Err(PyValueError::new_err(format!("no range of the series: {start} to {end}")));
    }
    let thresholds =
        Thresholds { events, inside_buckets, outside_buckets, block_events, blocks, intervals };
    let found =
        detached(py, || Ok(intervals::intervals(series, start..end, least_score, &thresholds)))?;
    Ok(found
        .into_iter()
        .map(|each| (each.span.start, each.span.end, each.evidence, each.score))
        .collect())
}
