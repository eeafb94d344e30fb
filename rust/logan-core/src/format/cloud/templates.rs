//! Logs of cloud services whose fields stand in a fixed order: a line of text for each, as [formats of
//! users' own](crate::format::custom) have it. Fields without a known name are passed over.

use crate::format::custom;
use crate::format::{Entry, Facts, Info};

/// TLS listeners of Network Load Balancers. Their times are those of connections.
///
/// Source: <https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html>.
pub static AWS_NLB: Entry = Entry {
    info: Info {
        name: "aws-nlb",
        title: "access log of an AWS Network Load Balancer",
        example: "tls 2.0 2024-01-24T10:15:32 net/shop/c6e77e28c25b2234 g3d4b5e8bb8464cd \
                  203.0.113.9:51341 10.0.0.5:443 5 2 98 246 - - - ECDHE-RSA-AES128-SHA tlsv12 - \
                  shop.elb.eu-central-1.amazonaws.com - - - 2024-01-24T10:15:31",
        time_field: "third field",
        duration: None,
    },
    facts: Facts::PLAIN,
    build: |_| built("nginx:tls 2.0 $time_iso8601 net/$name $listener $remote_addr $target $rest"),
};

/// Public hosted zones of Route 53.
///
/// Source: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/query-logs.html>.
pub static AWS_ROUTE53: Entry = Entry {
    info: Info {
        name: "aws-route53",
        title: "query log of an AWS Route 53 public hosted zone",
        example: "1.0 2024-01-24T10:15:32.123Z Z123412341234 shop.example.com AAAA NOERROR UDP FRA54 \
                  203.0.113.9 -",
        time_field: "second field",
        duration: None,
    },
    facts: Facts::PLAIN,
    build: |_| {
        built("nginx:1.0 $time_iso8601 Z$zone $name $type $code $protocol $edge $remote_addr $net")
    },
};

fn built(text: &str) -> Box<dyn crate::format::Format> {
    custom::build(text).expect("the text is a constant")
}
