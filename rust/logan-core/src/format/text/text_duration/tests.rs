use super::*;
use crate::bytes::line::PaddedLine;
use crate::bytes::simd::Plain;
use proptest::prelude::*;

fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z ]{0,8}",
        Just(" in ".to_string()),
        Just(" done in ".into()),
        Just("took 1 min ".into()),
        Just("1h".into()),
        Just("2m".into()),
        Just(" and ".into()),
        Just("PT1M".into()),
        Just("5S".into()),
        Just("0:01:07".into()),
        Just("e3".into()),
        Just(" 1 day, ".into()),
        Just("done:".into()),
        Just(" not ".into()),
        Just(" (K) = ".into()),
        Just(" 2M->1M(3M) ".into()),
        Just("total ".into()),
        Just("db time ".into()),
        Just("duration=".into()),
        Just("session closed ".into()),
        Just("12 requests".into()),
        Just(" timeout".into()),
        Just("took=".into()),
        "[0-9.]{1,9}",
        "[0-9]{1,5}",
        "[0-9]{1,4},[0-9]{3}",
        Just(",".into()),
        Just("ms".into()),
        Just(" s".into()),
        Just("ms ".into()),
        Just(" µs".into()),
        Just("retry".into()),
        Just(" Seconds".into()),
        Just("MS".into()),
        Just("us_".into()),
        Just("duration_ms=".into()),
        Just("\"tookMs\": ".into()),
        " [ -~]{60,70}",
    ];
    prop::collection::vec(part, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn instruction_sets_memo_and_rule_agree(text in texts(), from in 0usize..9) {
        let padded = PaddedLine::new(text.as_bytes());
        let plain = find(Plain, padded.line(), from, &mut Cache::default());
        let unnamed = find_with_unit(Plain, padded.line(), from, &mut Cache::default());
        let seen = |found: Found| (found.whole(), found.part);
        let expected = slowly(&text.as_bytes()[from.min(text.len())..], Some(&mut false), false);
        prop_assert_eq!(seen(unnamed), seen(expected));
        let mut memo = Cache::default();
        for _ in 0..2 {
            prop_assert_eq!(find(Plain, padded.line(), from, &mut memo), plain);
        }
        #[cfg(target_arch = "x86_64")]
        prop_assert_eq!(find(crate::bytes::simd::Sse2, padded.line(), from, &mut memo), plain);
    }

    #[test]
    fn many_are_found_as_one_by_one(texts in prop::collection::vec(texts(), 0..12)) {
        let padded: Vec<PaddedLine> = texts.iter().map(|t| PaddedLine::new(t.as_bytes())).collect();
        let mut memo = Cache::default();
        let mut found = vec![NO_DURATION; texts.len()];
        find_many(Plain, texts.len(), |i| padded[i].line(), &mut memo, |i, ns| found[i] = ns);
        for (found, text) in found.iter().zip(&texts) {
            let one = find_one(PaddedLine::new(text.as_bytes()).line(), 0, &mut Cache::default());
            prop_assert_eq!(*found, one, "{}", text);
        }
    }
}
