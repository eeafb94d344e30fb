//! How many different clients there were on each day.
//!
//! A day keeps the registers of a distinct count; beyond 512 days with a client, spans of 30 or of
//! 480 days take their place, by the rule of the analysis grid.

use super::NOWHERE;
use crate::metric::State;
use crate::metric::grid::for_each_run;
use crate::metric::object::object;
use crate::record::{Batch, Columns, NO_TIME};
use crate::sketch::distinct::Distinct;
use crate::sketch::groups::{GroupTable, Payload};
use crate::sketch::time_slots::{BUCKETS_MAX, STEPS_S, is_possible, step_that_fits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The step of a day in the ladder.
const DAY: usize = STEPS_S.len() - 3;
const _: () = assert!(STEPS_S[DAY] == 86_400);

/// Each day has 2^12 registers: 3 KiB, and a standard error of 1.6 %.
type Clients = Distinct<12>;

/// Accumulator.
pub struct PerDay {
    pub(super) is_on: bool,
    step: usize,
    /// The day at hand.
    current: Option<(i64, Clients)>,
    others: BTreeMap<i64, Clients>,
    /// The day on which the client of each place in the table was last counted.
    seen: Vec<i64>,
    moves: u64,
}

/// Distinct clients by day.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientsPerDay {
    /// How many steps of the ladder a bucket is above a day.
    step: u8,
    /// By their start in steps since 1970.
    days: BTreeMap<i64, Clients>,
}

impl Default for PerDay {
    fn default() -> Self {
        PerDay {
            is_on: true,
            step: DAY,
            current: None,
            others: BTreeMap::new(),
            seen: Vec::new(),
            moves: u64::MAX,
        }
    }
}

impl PerDay {
    /// Counts a batch, given the places of its rows in the table of clients.
    #[inline(always)]
    pub(super) fn update<P: Payload>(
        &mut self,
        batch: &Batch,
        clients: &GroupTable<P>,
        places: &[u32],
    ) {
        if !batch.has(Columns::TIME) || !self.is_on {
            return;
        }
        if self.moves != clients.moves() {
            self.moves = clients.moves();
            self.seen.clear();
        }
        for_each_run(batch, |second, rows| {
            let day = second.div_euclid(STEPS_S[self.step]);
            for &place in &places[rows] {
                if place != NOWHERE && self.seen.get(place as usize) != Some(&day) {
                    self.count(second, place as usize, clients);
                }
            }
        });
    }

    #[inline(never)]
    fn count<P: Payload>(&mut self, second: i64, place: usize, clients: &GroupTable<P>) {
        // The step may grow.
        self.insert(second, clients.hash(place));
        if self.seen.len() <= place {
            self.seen.resize(place + 1, i64::MIN);
        }
        self.seen[place] = second.div_euclid(STEPS_S[self.step]);
    }

    /// Counts a row whose client has this hash.
    #[inline(always)]
    pub(super) fn add(&mut self, batch: &Batch, row: usize, hash: u64) {
        if self.is_on && batch.time_ns()[row] != NO_TIME {
            self.insert(batch.second()[row], hash);
        }
    }

    #[inline(always)]
    fn insert(&mut self, second: i64, hash: u64) {
        let day = second.div_euclid(STEPS_S[self.step]);
        match &mut self.current {
            Some((current, clients)) if *current == day => clients.insert(hash),
            _ => self.switch_to(second).insert(hash),
        }
    }

    #[cold]
    #[inline(never)]
    fn switch_to(&mut self, second: i64) -> &mut Clients {
        self.settle();
        let day = second.div_euclid(STEPS_S[self.step]);
        if self.others.len() >= BUCKETS_MAX && !self.others.contains_key(&day) {
            let mut days: Vec<i64> = self.others.keys().copied().chain([day]).collect();
            days.sort_unstable();
            let (step, factor) = step_that_fits(days.into_iter(), self.step);
            self.others = coarsened(std::mem::take(&mut self.others), factor);
            self.step = step;
            self.seen.clear();
        }
        let day = second.div_euclid(STEPS_S[self.step]);
        let clients = self.others.remove(&day).unwrap_or_default();
        &mut self.current.insert((day, clients)).1
    }

    fn settle(&mut self) {
        self.others.extend(self.current.take());
    }

    /// What was counted since the last call.
    pub(super) fn take(&mut self) -> ClientsPerDay {
        self.settle();
        self.seen.clear();
        let step = std::mem::replace(&mut self.step, DAY);
        ClientsPerDay { step: (step - DAY) as u8, days: std::mem::take(&mut self.others) }
    }
}

/// Days at a step `factor` times as long.
fn coarsened(days: BTreeMap<i64, Clients>, factor: i64) -> BTreeMap<i64, Clients> {
    if factor == 1 {
        return days;
    }
    let mut coarse: BTreeMap<i64, Clients> = BTreeMap::new();
    for (day, clients) in days {
        coarse.entry(day.div_euclid(factor)).or_default().merge(&clients);
    }
    coarse
}

impl ClientsPerDay {
    fn step_s(&self) -> i64 {
        STEPS_S[DAY + usize::from(self.step)]
    }

    /// The report's `clients_per_day`.
    pub fn evaluate(&self) -> Value {
        let one = |(&day, clients): (&i64, &Clients)| {
            let start = day.saturating_mul(self.step_s() * 1_000_000_000);
            let text = crate::time::rfc3339(start);
            object! {
                "day": text.split('T').next(),
                "days": self.step_s() / STEPS_S[DAY],
                "distinct": clients.estimate(),
            }
        };
        self.days.iter().map(one).collect()
    }
}

impl State for ClientsPerDay {
    fn merge(&mut self, other: &Self) {
        let step = self.step.max(other.step);
        let at = |state: &Self| {
            let factor = STEPS_S[DAY + usize::from(step)] / state.step_s();
            coarsened(state.days.clone(), factor)
        };
        let mut days = at(self);
        for (day, clients) in at(other) {
            days.entry(day).or_default().merge(&clients);
        }
        let indices: Vec<i64> = days.keys().copied().collect();
        let (step, factor) = step_that_fits(indices.into_iter(), DAY + usize::from(step));
        *self = ClientsPerDay { step: (step - DAY) as u8, days: coarsened(days, factor) };
    }

    fn check(&self) -> Result<(), &'static str> {
        let step = DAY + usize::from(self.step);
        if step >= STEPS_S.len()
            || self.days.len() > BUCKETS_MAX
            || self.days.is_empty() && self.step != 0
            || self.days.keys().any(|&day| !is_possible(day, step))
            || self.days.values().any(|clients| *clients == Clients::default())
        {
            return Err("the distinct clients of days are damaged");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xxhash_rust::xxh3::xxh3_64;

    fn count(rows: &[(i64, u16)]) -> ClientsPerDay {
        let mut per_day = PerDay::default();
        for &(second, client) in rows {
            per_day.insert(second, xxh3_64(&client.to_le_bytes()));
        }
        let state = per_day.take();
        assert_eq!(state.check(), Ok(()));
        state
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn any_split_in_any_order_gives_equal_bytes(
            rows in prop::collection::vec((-3_000_000_000i64..3_000_000_000, 0u16..60), 0..1_500),
            shift in 0u32..20,
            at: prop::sample::Index,
        ) {
            let rows: Vec<_> = rows.into_iter().map(|(second, client)| (second >> shift, client)).collect();
            let whole = count(&rows);
            let (left, right) = rows.split_at(at.index(rows.len() + 1));
            let (left, right) = (count(left), count(right));
            let mut forward = left.clone();
            forward.merge(&right);
            let mut backward = right;
            backward.merge(&left);
            prop_assert_eq!(&forward, &whole);
            prop_assert_eq!(&backward, &whole);
            // Few clients a day are counted exactly, or nearly.
            let mut days: BTreeMap<i64, std::collections::BTreeSet<u16>> = BTreeMap::new();
            rows.iter().for_each(|&(s, client)| _ = days.entry(s.div_euclid(whole.step_s())).or_default().insert(client));
            let found = whole.evaluate();
            prop_assert_eq!(found.as_array().unwrap().len(), days.len());
            for (row, clients) in found.as_array().unwrap().iter().zip(days.values()) {
                let distinct = row["distinct"].as_u64().unwrap();
                prop_assert!(distinct.abs_diff(clients.len() as u64) <= 2, "{} {}", row, clients.len());
            }
        }
    }
}
