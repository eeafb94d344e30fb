//! Clients: how many there were, and who asked most.

use super::{Block, Metric, State};
use crate::batch::{Batch, Columns, ERROR, REQUEST};
use crate::sketch::distinct::RELATIVE_ERROR;
use crate::sketch::groups::{GroupTable, Groups, Payload};
use crate::sketch::varint::{get_u64, put_u64};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Different clients up to which all counts are exact.
pub const CLIENTS_MAX: usize = 100_000;

/// Accumulator.
pub struct Clients {
    table: GroupTable<Client>,
}

/// What one client did.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Client {
    requests: u64,
    errors: u64,
}

/// Records that name a client, by client.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientGroups(Groups<Client>);

impl Default for Clients {
    fn default() -> Self {
        Clients { table: GroupTable::new(CLIENTS_MAX) }
    }
}

impl Metric for Clients {
    type State = ClientGroups;

    #[inline(always)]
    fn update(&mut self, batch: &Batch, block: Block<'_>) {
        if !batch.has(Columns::CLIENT) {
            return;
        }
        let flags = &batch.flags[..batch.len];
        for (text, flags) in batch.client.iter().zip(flags) {
            if text.is_empty() {
                continue;
            }
            let client = self.table.entry(text.bytes(block.bytes, &batch.arena));
            client.requests += u64::from(flags & REQUEST != 0);
            client.errors += u64::from(flags & ERROR != 0);
        }
    }

    fn take(&mut self) -> ClientGroups {
        ClientGroups(self.table.take())
    }
}

impl Payload for Client {
    fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.requests);
        put_u64(out, self.errors);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(Client { requests: get_u64(bytes)?, errors: get_u64(bytes)? })
    }
}

impl State for ClientGroups {
    fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0, CLIENTS_MAX);
    }

    fn check(&self) -> Result<(), &'static str> {
        self.0.check(CLIENTS_MAX)?;
        super::sane(self.0.iter().flat_map(|(_, client)| [client.requests, client.errors]))
    }
}

impl ClientGroups {
    /// The report's `clients`, with the `top` that made most requests.
    pub fn evaluate(&self, top: usize) -> Value {
        let one = |(client, counts): (&[u8], Client)| {
            json!({
                "client": String::from_utf8_lossy(client),
                "requests": counts.requests,
                "errors": counts.errors,
            })
        };
        json!({
            "exact": self.0.exact(),
            "error_bound": self.0.error_bound(),
            "distinct": self.0.distinct(),
            "distinct_error": if self.0.exact() { 0.0 } else { RELATIVE_ERROR },
            "top": self.0.top(top, |c| c.requests).into_iter().map(one).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Record, Text};

    #[test]
    fn requests_and_errors_by_client() {
        let bytes = b"10.0.0.1 10.0.0.2 \xFF";
        let mut batch = Batch::new();
        let columns = Columns::CLIENT.or(Columns::STATUS);
        for (client, status) in
            [((0, 8), 200), ((9, 17), 404), ((9, 17), 503), ((0, 0), 200), ((18, 19), 0)]
        {
            let client = Text::of_line(client.0, client.1);
            batch.push(columns, &Record { client, status, ..Record::EMPTY }, 0, 19);
        }
        let mut clients = Clients::default();
        clients.update(&batch, Block { bytes, offset: 0, source: 0 });
        let mut state = clients.take();
        assert_eq!(clients.take(), ClientGroups::default());
        assert_eq!(state.check(), Ok(()));
        let expected = json!({
            "exact": true, "error_bound": 0, "distinct": 3, "distinct_error": 0.0,
            "top": [
                {"client": "10.0.0.2", "requests": 2, "errors": 1},
                {"client": "10.0.0.1", "requests": 1, "errors": 0},
            ],
        });
        assert_eq!(state.evaluate(2), expected);
        state.merge(&state.clone());
        assert_eq!(
            state.evaluate(9)["top"][2],
            json!({"client": "\u{fffd}", "requests": 0, "errors": 0})
        );
    }
}
