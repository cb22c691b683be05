//! Random input never panics, and what is read can be walked.

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Tree, Value};
use super::{MADE, SMALL};

/// Reads, and where that succeeds asks everything once.
fn survive(json: &[u8]) {
    match Tree::from_json(json) {
        Ok(tree) => {
            for node in tree.nodes() {
                let _ = (
                    node.kind(),
                    node.position(),
                    node.is_a("Node"),
                    node.flag("is_temp"),
                );
                let _ = (
                    node.nodes("args"),
                    node.entries("args"),
                    node.directive("cdivision"),
                );
                let _ = (
                    node.child("body").is_ok(),
                    node.expr_type().is_ok(),
                    format!("{node:?}"),
                );
                for class in ["name", "rank", "type"] {
                    let _ = node
                        .ty("type")
                        .and_then(|ty| ty.attr(class))
                        .map(Value::truth);
                }
            }
            for ty in tree.types() {
                let _ = (ty.attr("rank"), ty.attr("no such thing"));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty() && error.code().starts_with("CYL16")),
    }
}

/// One way to damage a file.
#[derive(Debug, Clone)]
enum Change {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>;
    let text = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "-1",
        "1e5",
        "4294967296",
        "{\"n\":0}",
        "{\"t\":99}",
        "\\u0000",
        "\\ud800",
        "\"k\":",
        "{\"d\":[[",
        "\u{e9}",
    ]);
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        4 => (at(), text).prop_map(|(at, text)| Change::Insert(at, text.into())),
        2 => (at(), vec(any::<u8>(), 1..5)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (at(), 1_usize..40).prop_map(|(at, len)| Change::Remove(at, len)),
        2 => (at(), 1_usize..200).prop_map(|(at, len)| Change::Repeat(at, len)),
        1 => at().prop_map(Change::Cut),
    ]
}

fn damaged(whole: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Remove(at, len) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Change::Repeat(at, len) => {
                let at = at.index(bytes.len());
                let piece = bytes[at..(at + len).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
    bytes
}

/// JSON of any shape, with the reader's own tags and keys among the names.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        (0_u32..4).prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| format!("{value:e}")),
        ".{0,8}".prop_map(|text| format!("{text:?}")),
        "[0-9a-f-]{0,8}".prop_map(|text| format!("\"{text}\"")),
    ];
    let key = prop::sample::select(vec![
        "n", "t", "e", "s", "x", "b", "enc", "w", "i", "f", "c", "d", "u", "o", "k", "p", "a", "q",
    ]);
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            vec((key.clone(), inner), 1..3).prop_map(|pairs| {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", pairs.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_damaged_sample(changes in vec(change(), 1..6)) {
        survive(&damaged(SMALL, &changes));
    }

    #[test]
    fn a_damaged_small_tree(changes in vec(change(), 1..4)) {
        survive(&damaged(MADE.as_bytes(), &changes));
    }

    #[test]
    fn any_json_as_an_attribute(value in json()) {
        survive(MADE.replacen(r#""rank": 2"#, &format!(r#""rank": {value}"#), 1).as_bytes());
    }

    #[test]
    fn any_json_in_place_of_a_part(value in json(), at in 0_usize..12) {
        let key = [
            "schema", "cython", "module", "root", "sources", "directive_defaults", "delegates", "classes", "nodes",
            "types", "entries", "helpers",
        ][at];
        survive(MADE.replacen(&format!("\"{key}\": "), &format!("\"{key}\": {value}, \"_\": "), 1).as_bytes());
    }

    #[test]
    fn any_json(value in json()) {
        survive(value.as_bytes());
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        survive(&bytes);
    }
}
