//! Whether the clients of an access log are proxies, and the clients stand in a list that these forwarded.
//!
//! nginx's usual configuration writes `"$http_x_forwarded_for"` behind the user agent. Behind a load balancer
//! all requests come from its few private addresses, and who asked is the first public address of that
//! list.

use super::{SAMPLE_LINES_MAX, whole_lines};
use crate::format::access::forwarded;
use std::collections::BTreeSet;

/// Requests of a hundred that have to come from private addresses.
const PRIVATE_PERCENT: u64 = 90;
/// Requests of a hundred whose list has to have a public address.
const LISTED_PERCENT: u64 = 50;
/// More addresses than this are those of users in a network of their own.
const PROXIES_MAX: usize = 16;
/// For so many requests there is one proxy at the most.
const REQUESTS_PER_PROXY: u64 = 2;
/// Fewer show nothing.
const REQUESTS_MIN: u64 = 3;

/// Requests, those from private addresses, and those that forward a public one.
#[derive(Default)]
struct Tally {
    requests: u64,
    private: u64,
    listed: u64,
    /// The private addresses, as far as they are few.
    proxies: BTreeSet<Vec<u8>>,
}

impl Tally {
    fn learn(&mut self, remote: &[u8], is_listed: bool) {
        self.requests += 1;
        self.listed += u64::from(is_listed);
        if forwarded::is_private(remote) {
            self.private += 1;
            if self.proxies.len() <= PROXIES_MAX {
                self.proxies.insert(remote.to_vec());
            }
        }
    }

    /// Whether nearly all come from few proxies.
    fn is_of_proxies(&self) -> bool {
        let Tally { requests, private, listed, proxies } = self;
        *requests >= REQUESTS_MIN
            && private * 100 >= requests * PRIVATE_PERCENT
            && listed * 100 >= requests * LISTED_PERCENT
            && proxies.len() <= PROXIES_MAX
            && proxies.len() as u64 * REQUESTS_PER_PROXY <= *private
    }
}

/// Clients of records whose fields have names, and whether these forward others.
#[derive(Default)]
pub(super) struct Proxies(Tally);

impl Proxies {
    /// Learns from a record with a client.
    pub(super) fn learn(&mut self, line: &[u8], client: &[u8]) {
        let is_listed = forwarded::is_private(client) && forwarded::is_named_in(line);
        self.0.learn(client, is_listed);
    }

    /// What is to be said of clients that are those of proxies.
    pub(super) fn assumed(&self) -> Option<String> {
        self.0.is_of_proxies().then(|| {
            "clients are those that connected, which are proxies: the addresses that these forwarded \
             (X-Forwarded-For) are not counted"
                .into()
        })
    }
}

/// Whether the forwarded addresses are the clients, and what is to be said.
pub(super) fn find(samples: &[(u64, &[u8])]) -> (bool, Option<String>) {
    let mut tally = Tally::default();
    let lines = samples.iter().flat_map(|(_, bytes)| whole_lines(bytes).take(SAMPLE_LINES_MAX));
    for (remote, list) in lines.filter_map(forwarded::of_line) {
        tally.learn(remote, forwarded::first_public(list).is_some());
    }
    if !tally.is_of_proxies() {
        return (false, None);
    }
    let Tally { requests, private, proxies, .. } = tally;
    let from = match proxies.len() {
        1 => "one private address".into(),
        count => format!("{count} private addresses"),
    };
    let told = format!(
        "clients are the first public addresses of the lists behind the user agents (X-Forwarded-For) \
         where there are any, as {private} of {requests} requests come from {from}; any client can \
         write anything there; --client remote decides"
    );
    (true, Some(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[(&str, &str)]) -> bool {
        let line = |(remote, list): &(&str, &str)| {
            format!(
                "{remote} - - [24/Jan/2024:10:15:30 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"curl/8\" \"{list}\"\n"
            )
        };
        let text: String = lines.iter().map(line).collect();
        let (is_one, told) = find(&[(0, text.as_bytes())]);
        assert_eq!(is_one, told.is_some());
        is_one
    }

    #[test]
    fn few_private_addresses_are_proxies() {
        assert!(found(&[("10.0.0.1", "203.0.113.4"); 4]));
        assert!(found(&[("fd00::1", "2001:db8::1, 10.0.0.9"); 4]));
        assert!(found(&[
            ("10.0.0.1", "203.0.113.4"),
            ("10.0.0.1", "-"),
            ("10.0.0.1", "203.0.113.4")
        ]));
        // Public clients, users in a network of their own, no list, few lines.
        assert!(!found(&[("198.51.100.1", "203.0.113.4"); 4]));
        assert!(!found(&[
            ("10.0.0.1", "203.0.113.4"),
            ("10.0.0.2", "203.0.113.4"),
            ("10.0.0.3", "203.0.113.4")
        ]));
        assert!(!found(&[("10.0.0.1", "-"); 4]));
        assert!(!found(&[("10.0.0.1", "10.0.0.7"); 4]));
        assert!(!found(&[("10.0.0.1", "203.0.113.4"); 2]));
    }
}
