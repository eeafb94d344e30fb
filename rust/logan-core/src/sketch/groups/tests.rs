use super::frozen::Raw;
use super::*;
use crate::sketch::distinct::Distinct;
use crate::sketch::varint::{get_u64, put_bytes, put_u64};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

/// How often, and the sum of something.
#[derive(Debug, Default, Clone, PartialEq)]
struct Sum {
    count: u64,
    sum: u64,
}

impl Payload for Sum {
    type Live = Sum;

    fn freeze(live: &mut Sum, out: &mut Vec<u8>) {
        std::mem::take(live).encode(out);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.count);
        put_u64(out, self.sum);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(Sum { count: get_u64(bytes)?, sum: get_u64(bytes)? })
    }
}

fn key(i: u32) -> Vec<u8> {
    format!("/route/{i}").into_bytes()
}

fn count(table: &mut GroupTable<Sum>, keys: &[u32]) -> Groups<Sum> {
    table.expect(keys.len());
    for &i in keys {
        let sum = table.entry(&key(i));
        sum.count += 1;
        sum.sum += u64::from(i);
    }
    let groups = table.take();
    assert_eq!(groups.check(table.cap), Ok(()));
    groups
}

fn bytes(groups: &Groups<Sum>) -> Vec<u8> {
    rmp_serde::to_vec_named(groups).unwrap()
}

fn merged(groups: &[Groups<Sum>], cap: usize) -> Groups<Sum> {
    let mut all = Groups::default();
    for groups in groups {
        all.merge(groups, cap);
        assert_eq!(all.check(cap), Ok(()));
    }
    all
}

/// What the text above says of merging, in its words.
fn plainly_merged(a: &Groups<Sum>, b: &Groups<Sum>, cap: usize) -> Groups<Sum> {
    let mut all = BTreeMap::<(u64, Vec<u8>), (u64, Sum)>::new();
    let mut keys: Distinct = Distinct::default();
    for groups in [a, b] {
        let mut rest = &groups.blob[..];
        while let Some(raw) = Raw::next(&mut rest) {
            let (weight, sum) = all.entry((hash_of(raw.key), raw.key.to_vec())).or_default();
            *weight += raw.weight;
            sum.merge(&raw.decoded());
            keys.insert(hash_of(raw.key));
        }
        groups.distinct.iter().for_each(|distinct| keys.merge(distinct));
    }
    let mut error = a.error + b.error;
    if all.len() > cap {
        let mut weights: Vec<u64> = all.values().map(|(weight, _)| *weight).collect();
        weights.sort_by_key(|&weight| std::cmp::Reverse(weight));
        all.retain(|_, (weight, _)| *weight > weights[cap]);
        all.values_mut().for_each(|(weight, _)| *weight -= weights[cap]);
        error += weights[cap];
    }
    let mut blob = Vec::new();
    for ((_, key), (weight, sum)) in &all {
        put_bytes(&mut blob, key);
        put_u64(&mut blob, *weight);
        let mut payload = Vec::new();
        sum.encode(&mut payload);
        put_bytes(&mut blob, &payload);
    }
    let distinct = (error > 0).then_some(keys);
    Groups { entries: all.len() as u64, error, distinct, blob, payload: PhantomData }
}

/// Keys of which a few are frequent.
fn keys(n: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![0u32..4, 0u32..20, 0u32..400], n)
}

proptest! {
    #[test]
    fn up_to_the_cap_neither_split_nor_order_shows(
        all in prop::collection::vec(0u32..60, 0..300),
        mut cuts in prop::collection::vec(0usize..300, 2),
        order in Just([0usize, 1, 2]).prop_shuffle(),
    ) {
        const CAP: usize = 60;
        cuts.iter_mut().for_each(|cut| *cut = (*cut).min(all.len()));
        cuts.sort_unstable();
        let mut table = GroupTable::new(CAP);
        let whole = count(&mut table, &all);
        prop_assert!(whole.exact());
        prop_assert_eq!(whole.distinct(), all.iter().collect::<BTreeSet<_>>().len() as u64);
        let parts = [&all[..cuts[0]], &all[cuts[0]..cuts[1]], &all[cuts[1]..]];
        let parts = parts.map(|part| count(&mut table, part));
        let left = merged(&order.map(|i| parts[i].clone()), CAP);
        let mut right = parts[order[1]].clone();
        right.merge(&parts[order[2]], CAP);
        let right = merged(&[parts[order[0]].clone(), right], CAP);
        prop_assert_eq!(bytes(&left), bytes(&whole));
        prop_assert_eq!(bytes(&right), bytes(&whole));

        let mut sums = BTreeMap::<Vec<u8>, Sum>::new();
        for &i in &all {
            let sum = sums.entry(key(i)).or_default();
            sum.merge(&Sum { count: 1, sum: u64::from(i) });
        }
        let found: BTreeMap<Vec<u8>, Sum> =
            whole.iter().map(|(key, sum)| (key.to_vec(), sum)).collect();
        prop_assert_eq!(&found, &sums);
        let mut expected: Vec<_> = sums.iter().map(|(key, sum)| (&key[..], sum.clone())).collect();
        expected.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
        expected.truncate(5);
        prop_assert_eq!(whole.top(5, |sum| sum.count.into()), expected);
    }

    /// Scores tie often: of few different sums, and of a ratio.
    #[test]
    fn candidates_are_the_first_of_every_order(
        all in prop::collection::vec((0u32..90, 0u64..4), 0..200),
        first in 0usize..9,
        others in prop::collection::vec((0u64..3, 0usize..9), 0..4),
        named in 0u32..95,
    ) {
        let mut table = GroupTable::<Sum>::new(60);
        table.expect(all.len());
        for &(i, n) in &all {
            let sum = table.entry(&key(i));
            sum.count += 1;
            sum.sum += n;
        }
        let groups = table.take();
        let score = |sum: &Sum, order: u64| match order {
            0 => Score::Count(sum.count.into()),
            1 => Score::Count(sum.sum.into()),
            _ => Score::Real(sum.sum as f64 / sum.count as f64),
        };
        let orders: Vec<_> = [(0, first)].into_iter().chain(others).collect();
        let named = key(named);
        let found = groups.candidates(&orders, |sum| sum.count, score, |_| true, |key| key == named);

        let mut rows: Vec<(&[u8], Sum)> = groups.iter().collect();
        rows.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
        let mut expected: BTreeSet<&[u8]> =
            rows.iter().map(|(key, _)| *key).filter(|key| *key == named).collect();
        for (&(order, n), &sum) in orders.iter().zip(&found.sums) {
            let value = |row: &(&[u8], Sum)| match score(&row.1, order) {
                Score::Count(count) => count as f64,
                Score::Real(value) => value,
            };
            let mut ordered = rows.clone();
            ordered.sort_by(|a, b| value(b).total_cmp(&value(a))); // stable: by volume, then key
            expected.extend(ordered.iter().take(n).map(|(key, _)| *key));
            let plain: f64 = rows.iter().map(value).sum();
            prop_assert!((sum - plain).abs() <= 1e-12 * plain);
        }
        rows.retain(|(key, _)| expected.contains(key));
        prop_assert_eq!(found.rows, rows);
    }

    #[test]
    fn beyond_the_cap_the_error_is_bounded(
        parts in prop::collection::vec(keys(0..400), 1..6),
        cap in 1usize..50,
    ) {
        let mut table = GroupTable::new(cap);
        let groups: Vec<_> = parts.iter().map(|part| count(&mut table, part)).collect();
        // The same parts and the same tree, with a table that has no past: the same bytes.
        let again: Vec<_> =
            parts.iter().map(|part| count(&mut GroupTable::new(cap), part)).collect();
        prop_assert_eq!(&groups, &again);
        let all = merged(&groups, cap);
        prop_assert_eq!(bytes(&merged(&again, cap)), bytes(&all));

        let mut truth = BTreeMap::<Vec<u8>, u64>::new();
        parts.iter().flatten().for_each(|&i| *truth.entry(key(i)).or_default() += 1);
        let calls: u64 = truth.values().sum();
        prop_assert!(all.error_bound() <= calls / (cap as u64 + 1));
        prop_assert_eq!(all.exact(), all.distinct.is_none());
        prop_assert!(all.exact() || truth.len() > cap);
        let kept: BTreeMap<Vec<u8>, u64> =
            all.iter().map(|(key, sum)| (key.to_vec(), sum.count)).collect();
        prop_assert_eq!(kept.len() as u64, all.entries());
        for (key, &count) in &truth {
            let reported = kept.get(key).copied().unwrap_or(0);
            prop_assert!(reported <= count && count - reported <= all.error_bound());
        }
        for pair in groups.windows(2) {
            let mut both = pair[0].clone();
            both.merge(&pair[1], cap);
            prop_assert_eq!(both, plainly_merged(&pair[0], &pair[1], cap));
        }
        let distinct = all.distinct();
        prop_assert!(distinct.abs_diff(truth.len() as u64) <= 1 + truth.len() as u64 / 30);
    }

    #[test]
    fn serde_round_trips_and_bytes_are_checked(
        all in keys(0..200),
        cap in 1usize..50,
        at: prop::sample::Index,
        byte: u8,
    ) {
        let groups = count(&mut GroupTable::new(cap), &all);
        let bytes = bytes(&groups);
        prop_assert_eq!(&rmp_serde::from_slice::<Groups<Sum>>(&bytes).unwrap(), &groups);
        let mut spoiled = groups.clone();
        if !spoiled.blob.is_empty() {
            let at = at.index(spoiled.blob.len());
            spoiled.blob[at] = byte;
            // Whatever passes may be merged.
            if spoiled.check(cap).is_ok() {
                spoiled.merge(&groups, cap);
                prop_assert_eq!(spoiled.check(cap), Ok(()));
            }
            let mut short = groups.clone();
            short.blob.truncate(at);
            prop_assert!(short.check(cap).is_err());
        }
        let mut wrong = groups.clone();
        wrong.entries += 1;
        prop_assert!(wrong.check(cap).is_err());
        let mut wrong = groups.clone();
        wrong.error ^= if wrong.error == 0 { 1 } else { wrong.error };
        prop_assert!(wrong.check(cap).is_err());
        prop_assert!(groups.entries == 0 || groups.check(groups.entries as usize - 1).is_err());
    }

    #[test]
    fn same_is_equality(a in "[a]{0,60}[ab]{0,4}[a]{0,9}", b in "[a]{0,60}[ab]{0,4}[a]{0,9}") {
        prop_assert_eq!(same(a.as_bytes(), b.as_bytes()), a == b);
        prop_assert!(same(a.as_bytes(), a.clone().as_bytes()));
    }
}

#[test]
fn a_table_grows_and_is_emptied() {
    let mut table = GroupTable::new(5_000);
    let many: Vec<u32> = (0..5_000).chain(0..5_000).collect();
    let first = count(&mut table, &many);
    assert_eq!((first.entries(), first.exact()), (5_000, true));
    assert!(first.iter().all(|(_, sum)| sum.count == 2));
    // After many, after few, after none.
    assert_eq!(count(&mut table, &[7]), count(&mut GroupTable::new(5_000), &[7]));
    assert!(table.slots.iter().all(|&slot| slot == 0));
    assert_eq!(table.take(), Groups::default());
    assert_eq!(count(&mut table, &many), first);
}

#[test]
fn more_calls_than_fit_are_counted() {
    let all: Vec<u32> = (0..300).map(|i| i % 70).collect();
    for cap in [50, 100] {
        let mut table = GroupTable::<Sum>::new(cap);
        table.expect(100);
        all[..100].iter().for_each(|&i| table.entry(&key(i)).count += 1);
        table.calls = CALLS_AT_ONCE_MAX;
        table.expect(200);
        assert_eq!(table.calls, 200);
        all[100..].iter().for_each(|&i| table.entry(&key(i)).count += 1);
        let groups = table.take();
        assert_eq!(groups.check(cap), Ok(()));
        assert_eq!(groups.exact(), cap == 100);
        if cap == 100 {
            assert_eq!(groups.iter().map(|(_, sum)| sum.count).sum::<u64>(), 300);
        }
        assert_eq!(table.take(), Groups::default());
    }
}

#[test]
fn idle_keys_make_way() {
    // Keys known from the chunk before do not displace new ones: the result is that of a new table.
    for (before, then) in [(0..90, 80..225), (0..60, 50..70), (0..30, 0..140)] {
        let mut table = GroupTable::new(100);
        count(&mut table, &before.collect::<Vec<_>>());
        let then: Vec<u32> = then.flat_map(|i| [i, i % 7]).collect();
        assert_eq!(count(&mut table, &then), count(&mut GroupTable::new(100), &then));
    }
}

#[test]
fn many_are_sorted_as_few() {
    let mut table = GroupTable::new(5_000);
    let groups = count(&mut table, &(0..5_000).collect::<Vec<_>>());
    assert!(groups.iter().map(|(key, _)| hash_of(key)).is_sorted());
    // Known ones and new ones.
    let groups = count(&mut table, &(1_000..4_900).rev().collect::<Vec<_>>());
    assert_eq!(groups.check(5_000), Ok(()));
    let groups = count(&mut table, &(0..4_990).rev().collect::<Vec<_>>());
    assert_eq!(groups.check(5_000), Ok(()));
}

#[test]
fn heavy_keys_survive_a_flood() {
    let mut table = GroupTable::new(100);
    let all: Vec<u32> = (1_000..21_000).flat_map(|i| [i, i % 7]).collect();
    let groups = count(&mut table, &all);
    assert!(!groups.exact());
    assert!(groups.entries() <= 100);
    assert!(groups.error_bound() <= 40_000 / 101);
    let top = groups.top(7, |sum| sum.count.into());
    let names: BTreeSet<&[u8]> = top.iter().map(|&(key, _)| key).collect();
    assert_eq!(names, (0..7).map(key).collect::<Vec<_>>().iter().map(|k| &k[..]).collect());
    assert!(groups.distinct().abs_diff(20_007) < 600);
}

#[test]
fn long_keys_are_shortened() {
    let mut table = GroupTable::<Sum>::new(10);
    table.expect(5);
    let long = |tail: &str| format!("{}{tail}", "é".repeat(128)).into_bytes();
    let odd = format!("x{}", "é".repeat(128)).into_bytes();
    for key in [&long(""), &long("a"), &long("b"), &long("a"), &odd] {
        table.entry(key).count += 1;
    }
    let groups = table.take();
    assert_eq!(groups.check(10), Ok(()));
    let mut kept: Vec<_> =
        groups.iter().map(|(k, s)| (String::from_utf8(k.to_vec()).unwrap(), s.count)).collect();
    kept.sort();
    assert_eq!(kept.len(), 4);
    assert_eq!(kept[0].0.len(), 239 + 16);
    assert!(kept.iter().all(|(k, _)| k.len() <= KEY_BYTES_MAX));
    assert_eq!(kept.iter().filter(|(k, _)| k.contains('~')).count(), 3);
    assert_eq!(kept.iter().map(|(_, count)| count).max(), Some(&2));
}
