//! The format `request`: lines that are read by [what reads requests in any text](super).

use super::AnyRequest;
use crate::format::{Candidate, Entry, Facts, Info, line_format};

/// Registry entry.
pub static ENTRY: Entry = Entry {
    info: Info {
        name: "request",
        title: "any line with an HTTP request, its status and a timestamp",
        example: "2024-01-24 10:15:32,123 - uvicorn.access - INFO - 192.0.2.7:51234 - \
                  \"GET /items HTTP/1.1\" 200",
        time_field: "the first timestamp",
        duration: Some((
            "a number with its unit, request_time, or what follows the user agent",
            "in the text, else s",
        )),
    },
    facts: Facts { trial: Candidate::Late, has_status_place: true, ..Facts::PLAIN },
    build: |params| line_format(AnyRequest::new(params)),
};
