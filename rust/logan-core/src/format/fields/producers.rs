//! Who wrote a record, by its other keys, where that settles the unit of its response time.
//!
//! Records of the same keys are of the same producer, whatever their values: a template of JSON lines
//! knows no more than the keys, and figures must not depend on the order of lines.
//!
//! Only what a producer documents and always does stands here. What it may do otherwise (zap and
//! slog write durations as seconds and nanoseconds, but programs log numbers of their own under the
//! same keys) is a [`hint`] that the values of the whole sample have to bear out.

use super::Unit;

/// The keys of a record of JSON, logfmt or LTSV, as its text has them; of a table, its header as an
/// object with the names of its columns.
#[derive(Clone, Copy)]
pub struct LineKeys<'a>(pub &'a [u8]);

impl<'a> LineKeys<'a> {
    /// Whether the record has this key, at any depth.
    pub fn has(self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// What stands behind the colon or `=` of a key, to the end of the line.
    pub fn value(self, key: &str) -> Option<&'a [u8]> {
        memchr::memmem::find_iter(self.0, key).find_map(|at| {
            let behind = &self.0[at + key.len()..];
            match self.0[..at].last() {
                Some(b'"') => {
                    let behind = behind.strip_prefix(b"\"")?.trim_ascii_start();
                    behind.strip_prefix(b":").map(<[u8]>::trim_ascii_start)
                }
                // Not in a text of JSON.
                None | Some(b' ' | b'\t') if self.0.first() != Some(&b'{') => {
                    let is_labeled = memchr::memchr(b'\t', self.0).is_some();
                    let labeled = behind.strip_prefix(b":").filter(|_| is_labeled);
                    labeled.or_else(|| behind.strip_prefix(b"="))
                }
                _ => None,
            }
        })
    }

    fn has_all(self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.has(key))
    }

    fn has_any(self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.has(key))
    }
}

/// A producer whose documentation settles the unit of some keys.
struct Producer {
    name: &'static str,
    keys: &'static [&'static str],
    unit: Unit,
    is_of: fn(LineKeys<'_>) -> bool,
}

/// The producers, each with the source of the unit.
const PRODUCERS: &[Producer] = &[
    // https://caddyserver.com/docs/logging: seconds as a float, in its records of requests.
    Producer {
        name: "Caddy",
        keys: &["duration", "latency"],
        unit: Unit::Seconds,
        is_of: |keys| keys.has_all(&["logger", "request"]),
    },
    // https://doc.traefik.io/traefik/observability/access-logs/#available-fields: nanoseconds.
    Producer {
        name: "Traefik",
        keys: &["Duration", "OriginDuration", "Overhead"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has_any(&["DownstreamStatus", "RouterName", "OriginStatus"]),
    },
    // https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage:
    // %DURATION% is milliseconds; Istio's default JSON has the same names.
    Producer {
        name: "Envoy",
        keys: &["duration", "upstream_service_time"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_any(&["response_flags", "upstream_cluster"]),
    },
    // https://learn.microsoft.com/azure/frontdoor/monitor-front-door: seconds.
    Producer {
        name: "Azure Front Door",
        keys: &["timeTaken"],
        unit: Unit::Seconds,
        is_of: |keys| keys.has("trackingReference"),
    },
    // https://learn.microsoft.com/azure/application-gateway/monitor-application-gateway-reference:
    // seconds in v2, which alone has these keys; milliseconds in v1.
    Producer {
        name: "Azure Application Gateway",
        keys: &["timeTaken"],
        unit: Unit::Seconds,
        is_of: |keys| keys.has_any(&["serverRouted", "WAFEvaluationTime"]),
    },
    // https://github.com/roidrage/lograge: milliseconds with decimals.
    Producer {
        name: "lograge",
        keys: &["duration"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["controller", "action"]),
    },
    // https://docs.gitlab.com/administration/logs/#api_jsonlog, https://github.com/aserafin/grape_logging:
    // milliseconds with decimals.
    Producer {
        name: "Grape",
        keys: &["duration", "total"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["db", "view", "method"]),
    },
    // https://github.com/sidekiq/sidekiq/wiki/Logging: seconds.
    Producer {
        name: "Sidekiq",
        keys: &["elapsed", "duration"],
        unit: Unit::Seconds,
        is_of: |keys| keys.has_all(&["jid", "class"]),
    },
    // https://echo.labstack.com/docs/middleware/logger: nanoseconds beside the same as text.
    Producer {
        name: "Echo",
        keys: &["latency"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has("latency_human"),
    },
    // https://github.com/zalando/logbook#json: milliseconds.
    Producer {
        name: "Logbook",
        keys: &["duration"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["correlation", "origin", "protocol"]),
    },
    // https://docs.vespa.ai/en/access-logging.html: seconds with decimals.
    Producer {
        name: "Vespa",
        keys: &["duration"],
        unit: Unit::Seconds,
        is_of: |keys| keys.has_all(&["responsesize", "uri"]),
    },
    // https://www.dropwizard.io/en/stable/manual/core.html#json-log-format: milliseconds.
    Producer {
        name: "Dropwizard",
        keys: &["requestTime"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["contentLength", "remoteAddress"]),
    },
    // https://github.com/logfellow/logstash-logback-encoder#accessevent-fields: milliseconds.
    Producer {
        name: "logstash-logback-encoder",
        keys: &["elapsed_time"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["requested_url", "requested_uri"]),
    },
    // https://github.com/ory/x/blob/master/reqlog/middleware.go: a Go duration, nanoseconds.
    Producer {
        name: "Ory",
        keys: &["took"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has_all(&["http_request", "text_status"]),
    },
    // https://opensource.zalando.com/skipper/operation/operation/#access-logs: milliseconds.
    Producer {
        name: "Skipper",
        keys: &["duration"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["flow-id", "requested-host"]),
    },
    // https://github.com/go-chi/httplog/tree/v2: milliseconds with decimals.
    Producer {
        name: "httplog",
        keys: &["elapsed"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["httpRequest", "httpResponse"]),
    },
    // https://docs.datadoghq.com/logs/log_configuration/attributes_naming_convention/#performance: nanoseconds
    // beside the attributes of HTTP and of the client's network.
    Producer {
        name: "standard attributes",
        keys: &["duration"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has_all(&["http", "network"]),
    },
    // https://docs.aws.amazon.com/appsync/latest/devguide/monitoring.html: nanoseconds.
    Producer {
        name: "AWS AppSync",
        keys: &["latency"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has_all(&["graphQLAPIId", "logType"]),
    },
    // https://github.com/tsenart/vegeta#encode-command: nanoseconds.
    Producer {
        name: "Vegeta",
        keys: &["latency"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has_all(&["attack", "bytes_in", "bytes_out"]),
    },
    // https://docs.ceph.com/en/latest/radosgw/config-ref/#logging-settings: milliseconds.
    Producer {
        name: "Ceph RGW",
        keys: &["total_time"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["trans_id", "bucket"]),
    },
    // https://github.com/beego/beego/blob/develop/core/logs/access_log.go: a Go duration, nanoseconds.
    Producer {
        name: "Beego",
        keys: &["elapsed_time"],
        unit: Unit::Nanoseconds,
        is_of: |keys| keys.has_all(&["http_referrer", "body_bytes_sent", "server_protocol"]),
    },
    // https://github.com/pinojs/pino-http: milliseconds.
    Producer {
        name: "pino-http",
        keys: &["responseTime"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["req", "res", "pid"]),
    },
    // https://tyk.io/docs/tyk-pump/: milliseconds.
    Producer {
        name: "Tyk",
        keys: &["request_time"],
        unit: Unit::Milliseconds,
        is_of: |keys| keys.has_all(&["api_key", "raw_path"]),
    },
    // https://github.com/rs/zerolog: `DurationFieldUnit` is milliseconds; the level comes first and
    // the message last.
    Producer {
        name: "zerolog",
        keys: &["duration", "elapsed", "latency", "dur", "took"],
        unit: Unit::Milliseconds,
        is_of: is_of_zerolog,
    },
];

fn is_of_zerolog(keys: LineKeys<'_>) -> bool {
    const LAST: &[u8] = b",\"message\":\"";
    let ends_there = |text: &[u8]| {
        let mut is_escaped = false;
        let end = text.iter().position(|&byte| {
            let closes = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            closes
        });
        end.is_some_and(|end| text[end + 1..].trim_ascii() == b"}")
    };
    keys.0.starts_with(b"{\"level\":\"")
        && keys.has("time")
        && memchr::memmem::find(keys.0, LAST)
            .is_some_and(|at| ends_there(&keys.0[at + LAST.len()..]))
}

/// The unit of a bare number under `key` in a record with these keys, if its producer documents it.
pub fn documented_unit(keys: LineKeys<'_>, key: &[u8]) -> Option<Unit> {
    documented(keys, key).map(|(_, unit)| unit)
}

/// The producer that documents the unit of `key`, and that unit.
pub fn documented(keys: LineKeys<'_>, key: &[u8]) -> Option<(&'static str, Unit)> {
    let key = std::str::from_utf8(key).ok()?;
    let is_one = |producer: &&Producer| producer.keys.contains(&key) && (producer.is_of)(keys);
    PRODUCERS.iter().find(is_one).map(|producer| (producer.name, producer.unit))
}

/// Whether a record with these keys is of the producer of this name.
pub(in crate::format) fn is_of_producer(keys: LineKeys<'_>, name: &str) -> bool {
    PRODUCERS.iter().any(|producer| producer.name == name && (producer.is_of)(keys))
}

/// A unit that the logger behind a record would write a duration in.
pub fn hint(keys: LineKeys<'_>) -> Option<Unit> {
    // https://pkg.go.dev/go.uber.org/zap#NewProductionEncoderConfig: seconds, beside a time of seconds
    // with a fraction.
    let ts = keys.value("ts").unwrap_or_default();
    let digits = crate::format::slices::digits(ts);
    if digits > 0 && ts.get(digits) == Some(&b'.') {
        return Some(Unit::Seconds);
    }
    // https://pkg.go.dev/log/slog#JSONHandler and logrus: Go's durations as whole nanoseconds.
    let is_text = |value: Option<&[u8]>| value.is_some_and(|value| value.starts_with(b"\""));
    let is_of_go = keys.has("msg") && is_text(keys.value("time")) && is_text(keys.value("level"));
    is_of_go.then_some(Unit::Nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A template of lines knows their keys: values must not tell another producer.
    #[test]
    fn values_tell_no_producer() {
        let texts = [
            "x",
            "http.log.access",
            "\\\"duration\\\": 1, \\\"jid\\\":",
            " controller=a action=b",
            "FrontDoorAccessLog",
        ];
        for line in [
            r#"{"logger":"@","request":{"uri":"@"},"duration":1.5}"#,
            r#"{"logger":"@","msg":"@","duration":1.5}"#,
            r#"{"category":"@","trackingReference":"@","timeTaken":"1"}"#,
            r#"{"category":"@","timeTaken":"1"}"#,
            r#"{"level":"info","duration":3,"time":"@","message":"@"}"#,
            r#"{"level":"info","message":"@","duration":3,"time":"@"}"#,
        ] {
            let key: &[u8] = if line.contains("timeTaken") { b"timeTaken" } else { b"duration" };
            let told = |text: &str| documented(LineKeys(line.replace('@', text).as_bytes()), key);
            for text in texts {
                assert_eq!(told(text), told("x"), "{line} {text}");
            }
        }
    }
}
