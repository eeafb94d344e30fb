//! Any object, whole, cut or damaged, against serde_json.

use super::*;
use serde_json::{Value as Tree, json};

/// Objects as logs have them, with known and unknown keys, nested a little.
fn trees() -> impl Strategy<Value = Tree> {
    let scalar = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        (0u32..1000).prop_map(Tree::from),
        any::<f64>().prop_map(Tree::from),
        "[a-z ]{0,40}".prop_map(Tree::from),
        any::<String>().prop_map(Tree::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "time",
            "level",
            "msg",
            "status",
            "duration",
            "path",
            "http",
            "response",
            "request",
            "fields",
            "a",
            "status_code",
            "a-long-key-that-nobody-knows-at-all",
        ])
        .prop_map(String::from),
        "[a-z\"\\\\é]{0,10}",
    ];
    let value = scalar.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::vec(("[a-z_]{1,12}", value), 0..8).prop_map(|members| {
        let mut tree = json!({ "msg": "x" });
        for (key, value) in members {
            tree[key.as_str()] = value;
        }
        // Whatever the members are called: so there is something usable.
        tree["message"] = "x".into();
        tree
    })
}

/// The text of a tree, compact or with blanks, in which control characters are escaped.
fn texts() -> impl Strategy<Value = String> {
    (trees(), any::<bool>()).prop_map(|(tree, blanks)| {
        let text = tree.to_string();
        if blanks { text.replace("\":", "\": ").replace(",\"", ", \"") } else { text }
    })
}

/// Whether serde_json takes the line for an object.
fn is_object(bytes: &[u8]) -> bool {
    let mut begin = bytes.iter().filter(|b| !b.is_ascii_whitespace());
    begin.next() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

/// The line up to differences that are allowed: inside of strings and outside, bytes that
/// serde_json rejects and this parser tolerates in strings become `?`, which neither takes
/// outside of strings.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let clean = |&b: &u8| if (0x20..0x7f).contains(&b) { b } else { b'?' };
    bytes.iter().map(clean).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        parse_bytes(&bytes);
        parse_bytes(&[b"{\"msg\":\"x\",", &bytes[..], b"}"].concat());
    }

    #[test]
    fn likely_bytes_are_survived(text in "[\\{\\}\\[\\]\",:\\\\ u0-9a-fx.é-]{0,200}") {
        parse_bytes(format!("{{\"msg\":\"x\",{text}}}").as_bytes());
        let line = format!("{{\"msg\":\"{text}\"}}");
        let plain = plain(line.as_bytes());
        prop_assert_eq!(parse_bytes(&plain).is_some(), is_object(&plain));
    }

    #[test]
    fn objects_are_records(text in texts()) {
        prop_assert!(parse_bytes(text.as_bytes()).is_some(), "{}", text);
    }

    #[test]
    fn truncated_objects_are_none(text in texts(), at: Index) {
        let bytes = &text.as_bytes()[..at.index(text.len())];
        prop_assert!(parse_bytes(bytes).is_none());
    }

    #[test]
    fn mutated_objects_are_those_of_serde_json(
        text in texts(),
        at: Index,
        byte in prop_oneof![
            prop::sample::select(br#"{}[]",:\ 0123456789.eE+-tfnu"#.to_vec()),
            0x20u8..0x7f,
        ],
        kind in 0..3,
    ) {
        let mut bytes = plain(text.as_bytes());
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        // A mutation may hit the only usable value, so ask with one in front as well.
        let valid = is_object(&bytes);
        prop_assert!(parse_bytes(&bytes).is_none() || valid);
        let mut with = b"{\"msg\":\"x\",".to_vec();
        let start = bytes.iter().position(|&b| b == b'{').unwrap_or(0);
        with.extend_from_slice(&bytes[start + 1..]);
        prop_assert_eq!(
            parse_bytes(&with).is_some(), is_object(&with), "{}", String::from_utf8_lossy(&with)
        );
    }

    #[test]
    fn what_stands_around_the_line_does_not_matter(
        text in texts(),
        from: Index,
        to: Index,
        around in "[\\{\\}\\[\\]\",:\\\\ u0-9a-fx.e-]{64}",
    ) {
        let text = text.as_bytes();
        let (from, to) = (from.index(text.len()), to.index(text.len()) + 1);
        for (from, to) in [(0, text.len()), (0, to), (from, text.len()), (from.min(to), to)] {
            let block = [around.as_bytes(), text, around.as_bytes()].concat();
            let line = Line::new(&block, PAD + from, PAD + to);
            let mut record = Record::EMPTY;
            let json = (ENTRY.build)(&Params::default());
            let found = json.parse_line(line, &mut context(), &mut Vec::new(), &mut record);
            let expected = parse_bytes(&text[from..to]);
            prop_assert_eq!(found, expected.is_some());
            if let Some(expected) = expected {
                prop_assert_eq!(record.time_ns, expected.time_ns);
                prop_assert_eq!(record.level, expected.level);
                prop_assert_eq!(record.status, expected.status);
                prop_assert_eq!(record.duration_ns, expected.duration_ns);
                prop_assert_eq!(record.path.is_empty(), expected.path.is_empty());
            }
        }
    }

    #[test]
    fn remembered_heads_do_not_show(lines in prop::collection::vec(texts(), 1..6)) {
        let mut shared = context();
        for _ in 0..2 {
            for line in &lines {
                let alone = parse_in(&mut context(), line.as_bytes());
                prop_assert_eq!(parse_in(&mut shared, line.as_bytes()), alone);
            }
        }
    }
}
