//! The response times behind percentiles: counts by bucket, for the comparison of summaries.

use crate::metric::object::object;
use crate::summary::Summary;
use serde_json::Value;

impl Summary {
    /// Response times of all requests, and of the `top` routes with most requests.
    ///
    /// Each is `{"bits", "first", "counts"}`: so many values in bucket `first + i` of those that cut
    /// each power of two nanoseconds into `1 << bits` parts; null where there are none.
    pub fn distributions(&self, top: usize) -> Value {
        object! {
            "response_time": self.figures.latency.distribution(),
            "routes": self.figures.routes.distributions(top),
        }
    }
}
