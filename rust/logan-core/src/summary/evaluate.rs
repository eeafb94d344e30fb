//! From the root summary to the report's figures, as JSON with keys in the contract's order.
//!
//! Inputs are named by their index in the spec; what is known of them beyond the figures (paths,
//! what was assumed) is added by the caller, which also owns `performance`.

use crate::format;
use crate::metric::object::object;
use crate::metric::rows::Rows;
use crate::metric::{Figures, Whole};
use crate::spec::OptionalMetric;
use crate::summary::Summary;
use crate::time::rfc3339;
use serde_json::{Map, Value, json};

impl Summary {
    /// The report's figures, with lists of `top` entries and at most `series_points` points, and
    /// `analysis`, what findings are made of.
    pub fn evaluate(&self, top: usize, series_points: Option<usize>) -> Value {
        self.evaluate_rows(&Rows::first(top), series_points, true)
    }

    /// The report's figures with these rows of its tables. `analysis` takes longer than all else on
    /// logs of many routes.
    pub fn evaluate_rows(
        &self,
        rows: &Rows,
        series_points: Option<usize>,
        analysis: bool,
    ) -> Value {
        let figures = &self.figures;
        let totals = &figures.totals;
        let range = self.coverage.range();
        // Whole clock minutes touched from the first to the last timestamp, both included.
        let minutes = range.map_or(0, |(first, last)| minute(last) - minute(first) + 1);
        // What has no timestamp lies in no span of time that could divide it.
        let (requests, errors) = (totals.timed_requests(), totals.timed_errors());
        let per_minute = |count: u64| (minutes > 0).then(|| count as f64 / minutes as f64);
        let rps = per_minute(requests).map(|n| n / 60.0);
        let span_s = range.map(|(first, last)| (i128::from(last) - i128::from(first)) as f64 / 1e9);
        let observed = span_s.filter(|&s| s > 0.0).map(|s| requests as f64 / s);
        let peak = figures.series.peak().filter(|(requests, _)| *requests > 0);
        let step_s = figures.series.step_s();
        let ratio = (totals.records > 0).then(|| totals.errors as f64 / totals.records as f64);
        let sized = !figures.http.evaluate_bytes().is_null();
        let of_requests = Whole { volume: totals.requests, sized };
        let of_records = Whole { volume: totals.records, sized };
        let is_off = |metric| self.meaning.is_off(metric);
        let mut report = object! {
            "total_requests": totals.requests,
            "avg_response_time": figures.latency.mean_ms(),
            "error_rate": per_minute(errors),
            "requests_per_second": rps,
            "malformed_lines": self.lines.malformed_count(),
            "sources": self.sources(),
            "lines": self.lines.evaluate(),
            "malformed": self.lines.evaluate_malformed(),
            "time": object! {
                "first": range.map(|r| rfc3339(r.0)),
                "last": range.map(|r| rfc3339(r.1)),
                "span_s": span_s,
                "minutes": minutes,
                "out_of_order": self.coverage.out_of_order(),
                "untimed": totals.records - totals.timed,
                "untimed_filtered": self.lines.untimed,
            },
            "levels": figures.levels.evaluate(),
            "status": figures.http.evaluate(),
            "bytes_sent": figures.http.evaluate_bytes(),
            "errors": object! {
                "total": totals.errors,
                "per_minute": per_minute(errors),
                "ratio": ratio,
                "request_ratio": figures.http.failing_ratio(),
                "record_ratio": figures.levels.ratio_of(totals.errors),
            },
            "response_time_ms": figures.latency.evaluate(totals.requests),
            "throughput": object! {
                "requests_per_second": rps,
                "observed_rps": observed,
                "peak_rps": peak.map(|(requests, _)| requests as f64 / step_s as f64),
                "peak_at": peak.map(|(_, second)| rfc3339(second * 1_000_000_000)),
                "peak_step_s": step_s,
            },
            "series": figures.series.evaluate(series_points),
            "response_times": figures.grid.evaluate_response_times(),
            "routes": figures.routes.evaluate(rows, of_requests),
            "clients": figures.clients.evaluate(rows, of_requests),
            "clients_per_day": figures.clients.evaluate_per_day(),
            "messages": figures.messages.evaluate(rows, of_records),
            "templates": figures.templates.evaluate(rows, of_records),
            "slowest": figures.slowest.evaluate(rows.top()),
        };
        if let Value::Object(report) = &mut report {
            if analysis {
                report.insert("analysis".into(), self.analysis());
            }
            let (groups, tables) = figures.by.evaluate(&self.meaning.by, rows, of_records);
            for (name, found) in [("groups", groups), ("tables", tables)] {
                if let Some(found) = found {
                    report.insert(name.into(), found);
                }
            }
            let put = |name: &'static str, table| _ = report.insert(name.into(), table);
            figures.dimensions.evaluate(rows, of_requests, is_off, put);
            for metric in [
                OptionalMetric::ClientsPerDay,
                OptionalMetric::ResponseTimes,
                OptionalMetric::Templates,
            ] {
                if is_off(metric) {
                    report.shift_remove(metric.name());
                }
            }
        }
        report
    }

    /// `series` and `response_times` with points of so many seconds, each null if that is no
    /// multiple of what is kept, and the steps that are kept.
    pub fn evaluate_at_step(&self, step_s: i64) -> Value {
        let Figures { series, grid, .. } = &self.figures;
        json!({
            "series": series.evaluate_at(step_s),
            "response_times": grid.evaluate_response_times_at(step_s),
            "series_step_s": series.step_s(),
            "response_times_step_s": grid.step_s(),
        })
    }

    /// What findings are made of; see `metric::grid`. No part of a report.
    fn analysis(&self) -> Value {
        let grid = &self.figures.grid;
        let mut analysis = grid.evaluate();
        let over_time = self.figures.routes.over_time();
        let (routes, exact) = over_time.evaluate(grid.step(), &grid.indices());
        analysis.insert("routes".into(), routes);
        analysis.insert("routes_exact".into(), exact.into());
        let mut templates = self.figures.messages.evaluate_analysis();
        templates.extend(self.figures.templates.evaluate_analysis());
        analysis.insert("templates".into(), templates.into());
        Value::Object(analysis)
    }

    fn sources(&self) -> Value {
        let one = |(&source, covered): (&u32, &crate::summary::coverage::SourceCoverage)| {
            let mut formats: Vec<_> = covered.formats.iter().collect();
            formats.sort_by_key(|(name, lines)| (std::cmp::Reverse(**lines), (*name).clone()));
            let describe = |(name, &lines): (&String, &u64)| {
                let info = format::info(name);
                let mut object = Map::new();
                object.insert("name".into(), name.as_str().into());
                object.insert("lines".into(), lines.into());
                if let Some(info) = info {
                    object.insert("time_field".into(), info.time_field.into());
                    object.insert(
                        "duration_field".into(),
                        info.duration.map(|(field, _)| field).into(),
                    );
                    object
                        .insert("duration_unit".into(), info.duration.map(|(_, unit)| unit).into());
                }
                Value::Object(object)
            };
            object! {
                "source": source,
                "name": covered.id.identity.name.as_str(),
                "bytes": self.coverage.bytes(source),
                "first": covered.range.map(|r| rfc3339(r.0)),
                "last": covered.range.map(|r| rfc3339(r.1)),
                "segments": covered.segments.iter().map(|s| json!([s.start, s.end])).collect::<Vec<_>>(),
                "formats": formats.into_iter().map(describe).collect::<Vec<_>>(),
            }
        };
        self.coverage.0.iter().map(one).collect()
    }
}

fn minute(nanos: i64) -> i64 {
    nanos.div_euclid(60_000_000_000)
}
