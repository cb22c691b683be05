//! The reader against a sample, against every kind of damage, and against random bytes.

mod damage;
mod fuzz;
mod sample;
mod values;

use super::{LineMark, NodeId, Tree, TreeError};

/// What the exporter writes for `small.pyx`.
const SMALL: &[u8] = include_bytes!("../../tests/data/small.json");

/// A made-up tree with all the tables: two nodes, and one row in each of the others.
const MADE: &str = r#"{
"schema": 1, "cython": "3.3.1", "module": "pkg.made", "root": 0, "sources": ["made.pyx"],
"directive_defaults": {"d": [["wraparound", true], ["cdivision", false]]},
"delegates": {"CTypedefType": "typedef_base_type", "NeverMet": "x"},
"classes": {
  "Node": {"mro": ["Node"], "own": {"is_name": 0, "is_temp": false, "result_is_used": true}},
  "ExprNode": {"mro": ["ExprNode", "Node"], "own": {"is_temp": true, "type": {"t": 0}}},
  "NameNode": {"mro": ["NameNode", "ExprNode", "Node"], "own": {"is_name": true}},
  "StatNode": {"mro": ["StatNode", "Node"], "own": {}},
  "CIntType": {"mro": ["CIntType"], "own": {"is_int": 1}},
  "CTypedefType": {"mro": ["CTypedefType"], "own": {"is_typedef": 1}},
  "Entry": {"mro": ["Entry"], "own": {}},
  "Scope": {"mro": ["Scope"], "own": {}},
  "Signature": {"mro": ["Signature"], "own": {}}},
"nodes": [
  {"k": "StatNode", "p": [0, 3, 4], "a": {"expr": {"n": 1}, "args": [{"n": 1}, null, {"t": 0}, {"n": 0}],
    "arg_types": [{"t": 1}], "var_entries": [{"e": 0}], "slots": [{"x": 0}], "scope": {"s": 0}, "helper": {"x": 0},
    "directives": {"d": [["cdivision", true]]}, "none": null}},
  {"k": "NameNode", "p": [0, 3, 9], "a": {"name": "x", "entry": {"e": 0}, "result_is_used": false}}],
"types": [
  {"k": "CIntType", "a": {"rank": 2}},
  {"k": "CTypedefType", "a": {"typedef_base_type": {"t": 0}}}],
"entries": [{"k": "Entry", "p": null, "a": {"name": "x", "type": {"t": 0}}}],
"scopes": [{"k": "Scope", "a": {"entries": {"d": [["x", {"e": 0}]]}}}],
"helpers": [{"k": "Signature", "a": {}}]
}"#;

fn made() -> Tree {
    Tree::from_json(MADE.as_bytes()).unwrap()
}

/// Reads [`MADE`] with one part of it replaced.
fn with(part: &str, other: &str) -> Result<Tree, TreeError> {
    assert!(MADE.contains(part), "{part}");
    Tree::from_json(MADE.replacen(part, other, 1).as_bytes())
}

#[test]
fn shared_functions() {
    assert!(made().shared_functions().is_empty());
    let part = r#""root": 0, "#;
    let tree = with(
        part,
        &format!(r#"{part}"shared_functions": [["int (void)", "f"], ["void (int)", "g"]], "#),
    )
    .unwrap();
    let pair = |signature: &str, name: &str| (signature.to_owned(), name.to_owned());
    assert_eq!(
        tree.shared_functions(),
        [pair("int (void)", "f"), pair("void (int)", "g")]
    );
}

#[test]
fn line_marks() {
    assert!(made().line_marks().is_none());
    let part = r#""root": 0, "#;
    let marks =
        r#""line_marks": [[0, 1, "start", "nr", 7, true], [null, null, "", "", 8, false]], "#;
    let tree = with(part, &format!("{part}{marks}")).unwrap();
    let mark = |node: Option<u32>, when: &str, copies: &str, line, nogil| LineMark {
        function: node.map(|_| NodeId(0)),
        node: node.map(NodeId),
        when: when.to_owned(),
        copies: copies.to_owned(),
        line,
        nogil,
    };
    let expected = [
        mark(Some(1), "start", "nr", 7, true),
        mark(None, "", "", 8, false),
    ];
    assert_eq!(tree.line_marks(), Some(&expected[..]));
}
