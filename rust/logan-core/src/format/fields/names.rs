//! The table of names: what a key stands for, in whichever object and spelling it comes.

use super::Unit;
use super::levels::{Marks, Scale, marked_keys};
use crate::bytes::line::Line;
use crate::record::{Column, Columns};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing known.
    Nothing,
    /// Time of the record.
    Time,
    /// Nanoseconds after the second that the time of the record is.
    Nanos,
    /// Severity; what a number means.
    Level(Scale),
    /// Severity under a key so short that only exact values count.
    ShortLevel,
    /// Message.
    Message,
    /// HTTP status.
    Status,
    /// HTTP status if the record is about a request: of a key that says no more than that.
    BareStatus,
    /// Response time.
    Duration(Rule),
    /// Response time, or the time of the record.
    RequestTime,
    /// HTTP method.
    Method,
    /// Path or URL of the request.
    Path,
    /// Request line.
    Request,
    /// Client.
    Client,
    /// Clients, nearest last, with commas between them.
    Forwarded,
    /// Bytes sent.
    Bytes,
    /// Text of a column on request.
    OnRequest(Column),
    /// Key of a pair that is an object of its own, as OpenTelemetry lists attributes.
    PairKey,
    /// Its value.
    PairValue,
}

impl Meaning {
    /// What the name of a duration means with a unit as its suffix.
    pub fn with_suffix(self, unit: Unit) -> Meaning {
        match self {
            Meaning::Duration(rule) => Meaning::Duration(rule.with_suffix(unit)),
            _ => Meaning::Duration(Rule::Fixed(unit)),
        }
    }
}

/// How a duration without a unit of its own is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The name fixes the unit.
    Fixed(Unit),
    /// The unit is [decided](crate::format::units) for the key.
    Open,
    /// So it is, but the name says so little that a request or its end has to stand beside it.
    Generic {
        /// Whether the name says that it has elapsed, so that it was not agreed on.
        is_measured: bool,
    },
    /// The name of any span fixes the unit: beside a message that speaks of one it is a lifetime.
    Named {
        /// The unit.
        unit: Unit,
        /// Whether the name says that it has elapsed, so that it was not agreed on.
        is_measured: bool,
    },
    /// Not at all.
    Never,
}

impl Rule {
    /// The rule of the same name with the unit as its suffix.
    pub fn with_suffix(self, unit: Unit) -> Rule {
        match self {
            Rule::Generic { is_measured } => Rule::Named { unit, is_measured },
            _ => Rule::Fixed(unit),
        }
    }

    /// The unit that the name fixes.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Rule::Fixed(unit) | Rule::Named { unit, .. } => Some(unit),
            Rule::Open | Rule::Generic { .. } | Rule::Never => None,
        }
    }
}

/// Longest key that can be known.
pub const KEY_BYTES_MAX: usize = 32;

/// Keys of objects whose members count as members of the outermost object.
pub const SEE_THROUGH: &str = "fields attributes properties json_payload extra context ctx mdc meta attr log_processed nginx \
     result";

/// Keys of lists whose only object's members count as members of the outermost object.
const LISTS: &str = "resource_logs scope_logs instrumentation_library_logs log_records records";

/// Keys of lists of [pairs](PAIRS).
const PAIR_LISTS: &str = "attributes";

/// Last words of names of objects that say something of a request: what their members are called by,
/// where the table says nothing else of it, counts for the record as well.
const REQUEST_OBJECTS: &str = "http request req response res resp httprequest httpresponse";

/// The group of objects that are pairs, and names in it.
const PAIR: &str = "<pair>";
const PAIRS: &[(Meaning, &str)] = &[
    (Meaning::PairKey, "<pair>.key"),
    (
        Meaning::PairValue,
        "<pair>.value.string_value <pair>.value.int_value <pair>.value.double_value",
    ),
];

/// Known names other than durations: meaning, rank, names.
pub const NAMES: &[(Meaning, u8, &str)] = &[
    (
        Meaning::Time,
        3,
        "time timestamp ts datetime date_time date t t.$date asctime event_time event_timestamp \
         logged_at log_time log_timestamp time_local time_iso8601 time_unix_nano time_millis \
         edge_start_timestamp request_time_epoch record.time.repr \
         request_received_timestamp time_stamp last_timestamp ibm_datetime unix_time calendar_time \
         query_timestamp edge_start_time ts.$date timestamp.$date time.$date event_date event_ts \
         event_time_utc time_utc utc_time timestamp_utc timestamp_ms ts_ms timestamp_us \
         timestamp_ns unix_timestamp epoch_time epoch_ms log_date iso_time iso_timestamp \
         time_generated time_created system_time occurred_at occurred_on logged_time \
         time_date event_datetime local_time log_datetime time_stamp_utc timestamp_local \
         timestamp_iso8601 syslog.timestamp source.timestamp info.ts metadata.timestamp \
         time.$date.$numberlong ts.$date.$numberlong t.$date.$numberlong \
         timestamp.$date.$numberlong",
    ),
    (
        Meaning::Time,
        2,
        "start_time started_at start_utc stage_timestamp timestamp.seconds instant.epoch_second \
         created_at created event.created receive_timestamp timestamp_seconds msec \
         observed_time_unix_nano data.date published creation_time created_date \
         created_date_time activity_date_time creation_date_time creation_date generated_at \
         generated_time detected_at detection_time alert_time reported_at recorded_at inserted_at \
         received_at received_time request_timestamp start_timestamp begin_time first_seen \
         update_time updated_at last_update_time ingested_at written_at request_start_time",
    ),
    (Meaning::Nanos, 1, "instant.nano_of_second timestamp.nanos timestamp_nanos"),
    (
        Meaning::Level(Scale::ByProducer),
        3,
        "level lvl log_level level_name log.level severity_text error_severity level.name \
         record.level.name event.level loglevel source.level info.level metadata.level \
         level_display_name event_level_name",
    ),
    (
        Meaning::Level(Scale::ByProducer),
        2,
        "severity priority event.severity syslog.severity source.severity",
    ),
    (Meaning::Level(Scale::ByProducer), 1, "prio pri"),
    (Meaning::Level(Scale::OpenTelemetry), 2, "severity_number"),
    (Meaning::Level(Scale::Python), 2, "levelno level_number record.level.no"),
    (Meaning::Level(Scale::Logback), 2, "level_value"),
    (Meaning::Level(Scale::Nextcloud), 2, "severity_level"),
    // Of a Windows event as XML that was made JSON.
    (Meaning::Level(Scale::Windows), 3, "event.system.level"),
    (Meaning::Level(Scale::Syslog), 2, "syslog_severity_code log.syslog.severity.code"),
    (Meaning::ShortLevel, 3, "l s"),
    (Meaning::ShortLevel, 2, "at"),
    (
        Meaning::Message,
        3,
        "message msg short_message record.message text_payload event.message event.msg",
    ),
    (Meaning::Message, 3, "source.message info.msg"),
    (
        Meaning::Message,
        2,
        "line raw original event.original source.log event text log log.message body body.string_value m full_message rendered_message mt content \
         message_template elasticsearch.slowlog.message",
    ),
    (
        Meaning::Message,
        1,
        "error err error.message err.message err.msg error_message exception exception.message",
    ),
    (
        Meaning::Status,
        3,
        "status_code http_status http_status_code http_code response_status response_code \
         response_status_code http.response.status_code http.status_code http.status \
         res.status_code res.status response.status response.status_code response_status.code \
         http_request.status downstream_status edge_response_status http_response_code \
         http_response_status http.response.status http.response.code resp.status resp_status \
         sc_status proxy.status_code api.status_code response_http_status_code \
         last_status final_status response_code_sent resp_code rsp_code return_status rsp_status \
         downstream_status_code ibm_response_code proxy_response_code http_response.status \
         elb_status_code http_return_code http.code",
    ),
    (Meaning::Status, 1, "origin_status"),
    (Meaning::BareStatus, 3, "status"),
    (Meaning::BareStatus, 2, "code response result_code resp"),
    (Meaning::BareStatus, 1, "result rc"),
    (
        Meaning::Method,
        3,
        "method http_method request_method verb http.method http.request.method request.method \
         req.method http_request.request_method http_request.http_method client_request_method \
         http.http_method cs_method proxy.method req_method ibm_request_method api_method \
         http_verb request_verb \
         http_request.method",
    ),
    (
        Meaning::Path,
        3,
        "path url uri request_uri request_path request_url http_path http_url uri_path \
         resource_path http.url http.target http.path url.path url.original url.full request.uri \
         request.url request.path req.url req.path http_request.request_url http_request.uri \
         client_request_uri client_request_path cs_uri_stem proxy.path req_path requested_uri \
         x_envoy_origin_path x_envoy_original_path ibm_uri_path api_resource_template \
         url_path original_url http_uri request_target pathname url_stem",
    ),
    (Meaning::Path, 2, "route http.route full_path"),
    // Of much else, too: only what begins as a path does.
    (Meaning::Path, 1, "endpoint"),
    (Meaning::Request, 1, "request request_line http_request requested_url route_key"),
    (
        Meaning::Client,
        3,
        "client client_ip remote_addr remote_ip remote_address remote_host remote client_host \
         client_addr client_address source_ip source_ip_address source.ip source.address client.ip \
         client.address request.remote_ip request.remote_addr request.client_ip req.remote_address \
         req.ip http_request.remote_ip http_request.client_ip http.client_ip network.client.ip \
         downstream_remote_address request.remote_address id.orig_h c_ip proxy.client_ip cli_ip \
         source_ips http_request.client_ip_address caller_ip_address client.addr ibm_remote_host \
         client.source_ip client.ip_address identity.source_ip identity.ip source.remote_address \
         client_ip_address",
    ),
    (
        Meaning::Client,
        2,
        "ip real_ip x_real_ip user_ip src_ip ip_client ip_address peer_ip x_client_ip actor_ip",
    ),
    (Meaning::Forwarded, 1, "fwd x_forwarded_for http_x_forwarded_for forwarded_for"),
    (
        Meaning::Bytes,
        3,
        "bytes_sent body_bytes_sent bytes_out bytes_written response_size response_bytes \
         response_length resp_size content_length http.response.body.bytes http.response.bytes \
         http.response_size http_request.response_size response.size res.content_length \
         network.bytes_written downstream_content_size edge_response_bytes \
         res.headers.content_length resp_bytes response_body_len sc_bytes",
    ),
    (Meaning::Bytes, 2, "bytes size"),
    (Meaning::Duration(Rule::Fixed(Unit::Nanoseconds)), 3, "event.duration total_ns"),
    (
        Meaning::Duration(Rule::Fixed(Unit::Seconds)),
        3,
        "http.server.request.duration http.server.duration",
    ),
    (Meaning::Duration(Rule::Fixed(Unit::Nanoseconds)), 3, "api.time_to_response_in_ns"),
    (Meaning::Duration(Rule::Never), 3, "api.time_to_response"),
    (Meaning::RequestTime, 3, "req_time_sec"),
    (
        Meaning::Duration(Rule::Fixed(Unit::Milliseconds)),
        3,
        // Of Exchange's proxy of requests: <https://learn.microsoft.com/en-us/exchange/httpproxy>.
        "total_request_time latencies.request response_latency response_ms request_ms total_ms elasticsearch.slowlog.took \
         record.metrics.duration_ms origin_response_duration_ms time.total grpc.time_ms http.time_ms",
    ),
    // https://openliberty.io/docs/latest/json-log-events-list.html
    (Meaning::Duration(Rule::Fixed(Unit::Microseconds)), 3, "ibm_elapsed_time"),
    (Meaning::Duration(Rule::Fixed(Unit::Nanoseconds)), 2, "time_ns"),
    (Meaning::Duration(Rule::Fixed(Unit::Microseconds)), 2, "time_us"),
    (Meaning::Duration(Rule::Fixed(Unit::Milliseconds)), 2, "time_ms ms"),
    (
        Meaning::Duration(Rule::Open),
        2,
        "upstream_response_time upstream_service_time upstream_request_time",
    ),
    (Meaning::Duration(Rule::Open), 3, "http_request.latency"),
    (Meaning::Duration(Rule::Never), 3, "latency_human"),
    (Meaning::Duration(Rule::Never), 2, "service"),
];

/// Known names of columns on request, which are looked up only if the job asks for any: column,
/// rank, names.
pub const ON_REQUEST: &[(Column, u8, &str)] = &[
    (
        Column::USER_AGENT,
        3,
        "user_agent http_user_agent user_agent.original headers.user_agent request.user_agent \
         request.headers.user_agent req.headers.user_agent http.user_agent \
         http.request.headers.user_agent http_request.user_agent client_request_user_agent \
         cs_user_agent proxy.user_agent downstream_user_agent",
    ),
    (Column::USER_AGENT, 2, "agent ua"),
    (
        Column::REFERRER,
        3,
        "referrer referer http_referrer http_referer headers.referer request.referer \
         request.referrer request.headers.referer req.headers.referer http.referer http.referrer \
         http.request.referrer http.request.headers.referer http_request.referer \
         client_request_referer cs_referer",
    ),
    (
        Column::HOST,
        3,
        "host request.host http.host vhost virtual_host server_name http_host request_host req_host \
         requested_host authority :authority client_request_host headers.host request.headers.host \
         req.headers.host http.request.headers.host url.domain cs_host",
    ),
    (
        Column::PROTOCOL,
        3,
        "server_protocol http_version http.version http.protocol request_protocol request.proto \
         request.protocol http_request.protocol client_request_protocol http.request.version \
         cs_version downstream_protocol",
    ),
    (Column::PROTOCOL, 2, "protocol proto"),
    (Column::HOST, 2, "hostname host.hostname host.name server.address domain"),
];

/// Names of durations, which may have a suffix of [`SUFFIXES`]: meaning without one, names.
/// All have rank 3. Of those of [`SPELLED_OUT`] the suffix may begin with `in_`.
pub const DURATIONS: &[(Meaning, &str)] = &[
    (Meaning::Duration(Rule::Generic { is_measured: false }), "duration dur"),
    (Meaning::Duration(Rule::Generic { is_measured: true }), "elapsed elapsed_time time_elapsed"),
    (
        Meaning::Duration(Rule::Open),
        "latency took response_time res.response_time processing_time process_time request_duration \
         request_latency time_taken execution_time exec_time runtime \
         run_time rt cost http.duration total_time total_duration query_time query_duration \
         handler_time service_time req_time resp_time response_duration http_duration turn_around_time \
         request_timetaken request_elapsed elapsed_total request_took duration_total total_elapsed \
         total_latency latency_time time_cost cost_time time_spent time_used ptime rtime \
         processing_duration api_duration call_duration res_time handle_time handling_time server_time api_latency",
    ),
    (Meaning::RequestTime, "request_time"),
];

/// Names of durations whose unit may be spelled out behind them: `duration_in_ms`.
const SPELLED_OUT: &str = "duration elapsed latency took response_time request_time time_taken \
                           processing_time process_time execution_time elapsed_time time runtime";

/// Suffixes of durations.
pub const SUFFIXES: &[(Unit, &str)] = &[
    (Unit::Nanoseconds, "ns nanos nano nanoseconds"),
    (Unit::Microseconds, "us usec usecs micros micro microseconds"),
    (Unit::Milliseconds, "ms msec msecs millis milli milliseconds"),
    (Unit::Seconds, "s sec secs seconds"),
];

/// The unit that a suffix of a name says, in any case.
pub fn unit_of_suffix(suffix: &[u8]) -> Option<Unit> {
    let says = |names: &str| {
        names.split_whitespace().any(|name| name.as_bytes().eq_ignore_ascii_case(suffix))
    };
    SUFFIXES.iter().find(|(_, names)| says(names)).map(|(unit, _)| *unit)
}

/// The objects that a key may stand in, as far as the table tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group(u8);

impl Group {
    /// The outermost object.
    pub const ROOT: Group = Group(0);
    /// An object in which no name is known.
    pub const NOWHERE: Group = Group(u8::MAX);

    /// A number of its own for each group.
    #[inline(always)]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The group of this number.
    #[inline(always)]
    pub const fn from_number(number: u8) -> Group {
        Group(number)
    }
}

/// What the table says of a key.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Meaning of the value.
    pub meaning: Meaning,
    /// Rank among values of the same meaning, 1 to 3.
    pub(super) rank: u8,
    /// What the members of the value are, if it is an object.
    pub inside: Group,
    /// What the elements of the value are, if it is a list.
    pub elements: Group,
    /// Whether it stands in an object that the table does not know, and counts only as part of a
    /// whole request.
    pub is_loose: bool,
    /// What it tells of the producer.
    pub marks: Marks,
}

impl Meaning {
    /// Whether requests and their answers consist of it.
    pub(in crate::format) fn is_of_request(self) -> bool {
        matches!(
            self,
            Meaning::Status
                | Meaning::BareStatus
                | Meaning::Duration(_)
                | Meaning::Method
                | Meaning::Path
                | Meaning::Request
                | Meaning::Client
                | Meaning::Forwarded
                | Meaning::Bytes
                | Meaning::OnRequest(_)
        )
    }
}

impl Known {
    /// Nothing is known of the key.
    pub const NOTHING: Known = Known {
        meaning: Meaning::Nothing,
        rank: 0,
        inside: Group::NOWHERE,
        elements: Group::NOWHERE,
        is_loose: false,
        marks: 0,
    };

    /// Rank among values of the same meaning, 1 to 3, if the value is usable and no guess.
    pub(in crate::format) fn rank(self) -> u8 {
        self.rank
    }

    /// The same with another meaning.
    pub(in crate::format) fn meaning(self, meaning: Meaning) -> Known {
        Known { meaning, ..self }
    }

    /// What is left of it in an object that the table does not know: what requests consist of.
    fn loosened(self) -> Known {
        let is_kept = self.meaning.is_of_request();
        let meaning = if is_kept { self.meaning } else { Meaning::Nothing };
        Known { meaning, is_loose: true, marks: 0, elements: Group::NOWHERE, ..self }
    }

    /// What the first element of a list under the key counts as: clients, and texts on request, such
    /// as headers.
    pub(in crate::format) fn as_element(self) -> Known {
        match self.meaning {
            Meaning::Client | Meaning::Forwarded | Meaning::OnRequest(_) => self,
            _ => Known::NOTHING,
        }
    }

    /// What is left of it in an object about a request: it counts less than what the record says
    /// itself.
    fn of_request(self) -> Known {
        match self.meaning {
            Meaning::RequestTime => {}
            Meaning::Bytes | Meaning::OnRequest(_) => return self.loosened(),
            meaning if meaning.is_of_request() => {}
            _ => return self.loosened(),
        }
        Known { rank: self.rank.min(2), marks: 0, elements: Group::NOWHERE, ..self }
    }

    fn is_nothing(self) -> bool {
        self.meaning == Meaning::Nothing
            && self.inside == Group::NOWHERE
            && self.elements == Group::NOWHERE
    }
}

/// Keys are compared as integers: the first and the last eight bytes, then the second eight and
/// the last but eight, which overlap. Of keys up to eight bytes only the first word is used.
#[derive(Clone, Copy)]
struct Entry {
    /// The lower-case key.
    words: [u64; 4],
    /// 0x20 where the key has a letter: setting that bit makes the letter lower case.
    folds: [u64; 4],
    /// Length and group.
    size: u32,
    known: Known,
}

/// The table as a hash table with open addressing.
pub struct Names {
    /// Tag in the upper half, index + 1 in the lower; 0 if empty.
    slots: Box<[u32; SLOTS]>,
    entries: Vec<Entry>,
    /// The groups that are [`REQUEST_OBJECTS`], as bits.
    of_requests: [u64; 4],
}

/// At least twice the number of entries, which a test asserts.
const SLOTS: usize = 16384;

/// Upper to lower case, for all bytes at once; not only of letters, which is enough for hashing.
pub(super) const FOLD: u64 = 0x2020_2020_2020_2020;

#[inline(always)]
fn hash(first: u64, last: u64, size: u32) -> u64 {
    ((first | FOLD) ^ (last | FOLD).rotate_left(29) ^ u64::from(size))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline(always)]
fn size_of(group: Group, len: usize) -> u32 {
    len as u32 | u32::from(group.0) << 8
}

impl Names {
    /// Whether the slots are filled so loosely that searches are short and indices fit.
    #[cfg(test)]
    pub(super) fn is_loose(&self) -> bool {
        self.entries.len() * 2 <= SLOTS && self.entries.len() < u16::MAX.into()
    }

    /// The table, which is built once.
    pub fn get() -> &'static Names {
        static NAMES: LazyLock<Names> = LazyLock::new(|| build(&[]));
        &NAMES
    }

    /// The table with the names of columns on request.
    #[cold]
    fn on_request() -> &'static Names {
        static NAMES: LazyLock<Names> = LazyLock::new(|| build(ON_REQUEST));
        &NAMES
    }

    /// This table, or the one with the names of columns on request if any are wanted.
    #[inline(always)]
    pub fn wanted(&'static self, wanted: Columns) -> &'static Names {
        if wanted.is_empty() { self } else { Names::on_request() }
    }

    /// What is known of the key `line[start..end]` in an object of this group, which may be inside of
    /// one that the table does not know.
    #[inline(always)]
    pub(in crate::format) fn of_member(
        &self,
        line: Line<'_>,
        (group, is_loose): (Group, bool),
        start: usize,
        end: usize,
    ) -> Known {
        let known = self.look_up(line, group, start, end);
        match group {
            Group::ROOT if is_loose => known.loosened(),
            Group::ROOT | Group::NOWHERE => known,
            _ if known.is_nothing() => {
                let known = self.look_up(line, Group::ROOT, start, end);
                if is_loose || !self.is_of_request(group) {
                    known.loosened()
                } else {
                    known.of_request()
                }
            }
            _ if is_loose => known.loosened(),
            _ => known,
        }
    }

    fn is_of_request(&self, group: Group) -> bool {
        self.of_requests[usize::from(group.0 >> 6)] >> (group.0 & 63) & 1 != 0
    }

    /// What is known of the key `line[start..end]` in an object of this group.
    #[inline(always)]
    pub fn look_up(&self, line: Line<'_>, group: Group, start: usize, end: usize) -> Known {
        let mark = line.byte(start);
        let start = start + usize::from((mark == b'@' || mark == b'_') && start < end);
        let len = end - start;
        if len.wrapping_sub(1) >= KEY_BYTES_MAX {
            return Known::NOTHING;
        }
        let size = size_of(group, len);
        let (first, last) = if len <= 8 {
            (line.u64_at(start) & (u64::MAX >> (64 - 8 * len)), 0)
        } else {
            (line.u64_at(start), line.u64_before(end))
        };
        let hash = hash(first, last, size);
        let mut slot = (hash >> 32) as usize;
        loop {
            let found = self.slots[slot % SLOTS];
            if found == 0 {
                return Known::NOTHING;
            }
            if found >> 16 == (hash >> 48) as u32 {
                let entry = &self.entries[(found as u16 - 1) as usize];
                let same = entry.size == size
                    && first | entry.folds[0] == entry.words[0]
                    && last | entry.folds[1] == entry.words[1]
                    && (len <= 16
                        || line.u64_at(start + 8) | entry.folds[2] == entry.words[2]
                            && line.u64_before(end - 8) | entry.folds[3] == entry.words[3]);
                if same {
                    return entry.known;
                }
            }
            slot += 1;
        }
    }

    /// Adds a key; of a key that is there already, only what is not known yet.
    fn insert(&mut self, group: Group, key: &str, known: Known) {
        let bytes = key.as_bytes();
        let word = |range: Range<usize>| {
            let mut word = [0; 8];
            word[..range.len()].copy_from_slice(&bytes[range]);
            u64::from_le_bytes(word)
        };
        let len = bytes.len();
        assert!((1..=KEY_BYTES_MAX).contains(&len), "{key}");
        let words = [
            word(0..len.min(8)),
            if len > 8 { word(len - 8..len) } else { 0 },
            if len > 16 { word(8..16) } else { 0 },
            if len > 16 { word(len - 16..len - 8) } else { 0 },
        ];
        let size = size_of(group, len);
        let hash = hash(words[0], words[1], size);
        let mut slot = (hash >> 32) as usize;
        while self.slots[slot % SLOTS] != 0 {
            let old = &mut self.entries[(self.slots[slot % SLOTS] as u16 - 1) as usize];
            if old.size == size && old.words == words {
                if old.known.meaning == Meaning::Nothing {
                    (old.known.meaning, old.known.rank) = (known.meaning, known.rank);
                }
                if old.known.inside == Group::NOWHERE {
                    old.known.inside = known.inside;
                }
                if old.known.elements == Group::NOWHERE {
                    old.known.elements = known.elements;
                }
                old.known.marks |= known.marks;
                return;
            }
            slot += 1;
        }
        let fold = |b: u8| u8::from(b.is_ascii_lowercase()) << 5;
        let folds = words.map(|w| u64::from_le_bytes(w.to_le_bytes().map(fold)));
        self.entries.push(Entry { words, folds, size, known });
        self.slots[slot % SLOTS] = ((hash >> 48) as u32) << 16 | self.entries.len() as u32;
    }
}

/// Every way to write `key`: each `_` there or left out, or all of them as `-`.
pub(super) fn spellings(key: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for part in key.split_inclusive('_') {
        let (word, separated) = part.strip_suffix('_').map_or((part, false), |w| (w, true));
        let mut next = Vec::new();
        for begun in all {
            if separated && !word.is_empty() {
                next.push(format!("{begun}{word}"));
            }
            next.push(format!("{begun}{part}"));
        }
        all = next;
    }
    if key.contains('_') {
        all.push(key.replace('_', "-"));
    }
    all
}

/// What the name of a duration means with a unit spelled out behind it.
fn spelled_out(name: &str, unit: Unit) -> Meaning {
    let known = DURATIONS.iter().find(|(_, names)| names.split_whitespace().any(|one| one == name));
    known.map_or(Meaning::Duration(Rule::Fixed(unit)), |(meaning, _)| meaning.with_suffix(unit))
}

fn build(on_request: &[(Column, u8, &str)]) -> Names {
    let mut names = Names { slots: Box::new([0; SLOTS]), entries: Vec::new(), of_requests: [0; 4] };
    let mut groups: HashMap<String, Group> = HashMap::from([(String::new(), Group::ROOT)]);
    let mut add = |name: &str, meaning, rank, marks| {
        let segments: Vec<&str> = name.split('.').collect();
        for from in 0..segments.len() {
            let group = groups[&segments[..from].join(".")];
            for to in from + 1..=segments.len() {
                let known = if to == segments.len() {
                    Known { meaning, rank, marks, ..Known::NOTHING }
                } else {
                    let next = Group(groups.len() as u8);
                    let inside = *groups.entry(segments[..to].join(".")).or_insert(next);
                    assert!(inside != Group::NOWHERE, "too many groups");
                    Known { inside, ..Known::NOTHING }
                };
                for key in spellings(&segments[from..to].join(".")) {
                    names.insert(group, &key, known);
                }
            }
        }
    };
    for &(meaning, rank, list) in NAMES {
        list.split_whitespace().for_each(|name| add(name, meaning, rank, 0));
    }
    for &(column, rank, list) in on_request {
        list.split_whitespace().for_each(|name| add(name, Meaning::OnRequest(column), rank, 0));
    }
    for &(meaning, list) in DURATIONS {
        for name in list.split_whitespace() {
            add(name, meaning, 3, 0);
            for &(unit, suffixes) in SUFFIXES {
                let meaning = meaning.with_suffix(unit);
                for suffix in suffixes.split_whitespace() {
                    add(&format!("{name}_{suffix}"), meaning, 3, 0);
                }
            }
        }
    }
    for &(meaning, list) in PAIRS {
        list.split_whitespace().for_each(|name| add(name, meaning, 1, 0));
    }
    for (name, mark) in marked_keys() {
        add(name, Meaning::Nothing, 0, mark);
    }
    for name in SPELLED_OUT.split_whitespace() {
        for &(unit, suffixes) in SUFFIXES {
            for suffix in suffixes.split_whitespace() {
                let known = Known { meaning: spelled_out(name, unit), rank: 3, ..Known::NOTHING };
                let key = format!("{name}_in_{suffix}");
                for key in [key.replace('_', ""), key.replace('_', "-"), key] {
                    names.insert(Group::ROOT, &key, known);
                }
            }
        }
    }
    for (name, group) in &groups {
        let last = name.rsplit('.').next().unwrap_or_default().replace('_', "");
        if REQUEST_OBJECTS.split_whitespace().any(|object| object == last) {
            names.of_requests[usize::from(group.0 >> 6)] |= 1 << (group.0 & 63);
        }
    }
    let pair = groups[PAIR];
    for (lists, elements) in [(LISTS, Group::ROOT), (PAIR_LISTS, pair)] {
        for key in lists.split_whitespace().flat_map(spellings) {
            names.insert(Group::ROOT, &key, Known { elements, ..Known::NOTHING });
        }
    }
    let through = Known { inside: Group::ROOT, ..Known::NOTHING };
    for key in SEE_THROUGH.split_whitespace().flat_map(spellings) {
        names.insert(Group::ROOT, &key, through);
    }
    names
}
