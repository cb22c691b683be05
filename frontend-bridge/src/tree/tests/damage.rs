//! Every kind of violation, with its place.

use pretty_assertions::assert_eq;

use super::super::{Tree, TreeError};
use super::{MADE, SMALL, with};

/// The code and place of the error that replacing a part leads to, and its text.
fn refused(part: &str, other: &str) -> (&'static str, String, String) {
    match with(part, other) {
        Ok(_) => panic!("{part} -> {other} is read"),
        Err(error) => (error.code(), error.path().to_owned(), error.to_string()),
    }
}

#[test]
fn references_out_of_their_tables() {
    for (part, other, path) in [
        (r#""root": 0"#, r#""root": 2"#, "root"),
        (
            r#""expr": {"n": 1}"#,
            r#""expr": {"n": 2}"#,
            "nodes[0].a.expr.n",
        ),
        (
            r#"null, {"t": 0}"#,
            r#"null, {"t": 2}"#,
            "nodes[0].a.args[2].t",
        ),
        (
            r#"[["cdivision", true]]"#,
            r#"[["x", [[], {"s": 9}]]]"#,
            "nodes[0].a.directives.d[0][1][1].s",
        ),
        (
            r#"[["cdivision", true]]"#,
            r#"[[{"x": 1}, 1]]"#,
            "nodes[0].a.directives.d[0][0].x",
        ),
        (
            r#""type": {"t": 0}}}]"#,
            r#""type": {"t": 4294967295}}}]"#,
            "entries[0].a.type.t",
        ),
        (
            r#"["x", {"e": 0}]"#,
            r#"["x", {"e": 1}]"#,
            "scopes[0].a.entries.d[0][1].e",
        ),
        (
            r#""typedef_base_type": {"t": 0}"#,
            r#""t": {"t": 7}"#,
            "types[1].a.t.t",
        ),
        (
            r#"{"k": "Signature", "a": {}}"#,
            r#"{"k": "Signature", "a": {"n": {"n": 7}}}"#,
            "helpers[0].a.n.n",
        ),
        (
            r#""is_temp": true, "type": {"t": 0}"#,
            r#""type": {"t": 5}"#,
            "classes.ExprNode.own.type.t",
        ),
        (
            r#"["wraparound", true]"#,
            r#"["wraparound", {"n": 5}]"#,
            "directive_defaults.d[0][1].n",
        ),
        (r#""p": [0, 3, 9]"#, r#""p": [1, 3, 9]"#, "nodes[1].p[0]"),
        (
            r#""root": 0, "#,
            r#""root": 0, "line_marks": [[0, 9, "start", "", 1, false]], "#,
            "line_marks[0][1]",
        ),
    ] {
        let (code, found, text) = refused(part, other);
        assert_eq!((code, found.as_str()), ("CYL1603", path), "{text}");
    }
    let (_, _, text) = refused(r#""expr": {"n": 1}"#, r#""expr": {"n": 2}"#);
    assert_eq!(
        text,
        "the exported tree is damaged: nodes[0].a.expr.n: there is no node 2, but 2 in all"
    );
}

#[test]
fn classes() {
    for (part, other, path, message) in [
        (
            r#"{"k": "NameNode""#,
            r#"{"k": "Mystery""#,
            "nodes[1].k",
            "class `Mystery` is not in `classes`",
        ),
        (
            r#"{"k": "Signature""#,
            r#"{"k": "is_temp""#,
            "helpers[0].k",
            "class `is_temp` is not in `classes`",
        ),
        (
            r#"["StatNode", "Node"]"#,
            r#"["StatNode", "Gone"]"#,
            "classes.StatNode.mro[1]",
            "class `Gone` is not in `classes`",
        ),
        (
            r#"["StatNode", "Node"]"#,
            r#"["Node"]"#,
            "classes.StatNode.mro",
            "does not begin with the class itself",
        ),
        (
            r#"["StatNode", "Node"]"#,
            "[]",
            "classes.StatNode.mro",
            "does not begin with the class itself",
        ),
    ] {
        let (code, found, text) = refused(part, other);
        assert_eq!((code, found.as_str()), ("CYL1604", path), "{text}");
        assert!(text.ends_with(message), "{text}");
    }
}

#[test]
fn form() {
    for (part, other, path, message) in [
        (
            r#""module": "pkg.made", "#,
            "",
            ".",
            "missing field `module`",
        ),
        (
            r#""helpers": ["#,
            r#""other": ["#,
            ".",
            "missing field `helpers`",
        ),
        (
            r#""root": 0"#,
            r#""root": 0, "root": 0"#,
            ".",
            "duplicate field `root`",
        ),
        (
            r#""root": 0"#,
            r#""root": "0""#,
            "root",
            "invalid type: string",
        ),
        (
            r#""module": "pkg.made""#,
            r#""module": 1"#,
            "module",
            "not a string",
        ),
        (
            r#"["made.pyx"]"#,
            r#"["made.pyx", null]"#,
            "sources[1]",
            "not a string",
        ),
        (
            r#""root": 0, "#,
            r#""root": 0, "shared_functions": [["int (void)"]], "#,
            "shared_functions[0]",
            "",
        ),
        (
            r#""directive_defaults": {"d": ["#,
            r#""directive_defaults": [["#,
            "directive_defaults",
            "",
        ),
        (
            r#""NeverMet": "x""#,
            r#""NeverMet": 1"#,
            "delegates.NeverMet",
            "invalid type",
        ),
        (
            r#""NeverMet": "x""#,
            r#""CTypedefType": "x""#,
            "delegates",
            "`CTypedefType` is given twice",
        ),
        (
            r#""classes": {"#,
            r#""classes": {"Node": {"mro": ["Node"], "own": {}}, "#,
            "classes",
            "`Node` is given twice",
        ),
        (
            r#""CIntType": {"mro": ["CIntType"], "#,
            r#""CIntType": {"#,
            "classes.CIntType",
            "missing field `mro`",
        ),
        (
            r#""mro": ["CIntType"]"#,
            r#""mro": [7]"#,
            "classes.CIntType.mro[0]",
            "invalid type",
        ),
        (
            r#""mro": ["CIntType"]"#,
            r#""mro": {}"#,
            "classes.CIntType.mro",
            "invalid type",
        ),
        (
            r#"{"is_int": 1}"#,
            r#"{"is_int": 1, "is_int": 2}"#,
            "classes.CIntType.own",
            "`is_int` is given twice",
        ),
        (
            r#"{"rank": 2}"#,
            r#"{"rank": 2, "a": 1, "rank": 3}"#,
            "types[0].a",
            "`rank` is given twice",
        ),
        (r#"{"rank": 2}"#, "[]", "types[0].a", "invalid type"),
        (r#", "a": {"rank": 2}"#, "", "types[0]", "missing field `a`"),
        (
            r#"{"k": "CIntType", "#,
            "{",
            "types[0]",
            "missing field `k`",
        ),
        (
            r#"{"k": "CIntType""#,
            r#"{"k": "CIntType", "k": "Node""#,
            "types[0]",
            "duplicate field `k`",
        ),
        (
            r#"{"k": "CIntType""#,
            r#"{"k": "CIntType", "z": 1"#,
            "types[0].z",
            "unknown field `z`",
        ),
        (
            r#"{"k": "CIntType""#,
            r#"{"k": null"#,
            "types[0].k",
            "invalid type",
        ),
        (
            r#""p": [0, 3, 9]"#,
            r#""p": [0, 3]"#,
            "nodes[1].p",
            "invalid length 2",
        ),
        (
            r#""p": [0, 3, 9]"#,
            r#""p": [0, 3, -1]"#,
            "nodes[1].p[2]",
            "invalid value",
        ),
        (
            r#""helpers": [{"#,
            r#""helpers": [null, {"#,
            "helpers[0]",
            "invalid type: null, expected an object's row",
        ),
    ] {
        let (code, found, text) = refused(part, other);
        assert_eq!((code, found.as_str()), ("CYL1601", path), "{text}");
        assert!(text.contains(message), "{text}");
    }
}

#[test]
fn unknown_kinds_attributes_and_tables_are_kept_or_passed_over() {
    let new = r#""Novel": {"mro": ["Novel", "Node"], "own": {"fresh": "y"}}, "StatNode": {"#;
    let text = MADE
        .replace(r#""StatNode": {"#, new)
        .replace(r#"{"k": "NameNode""#, r#"{"k": "Novel""#)
        .replace(
            r#""root": 0"#,
            r#""root": 0, "later": [{"any": {"form": []}}]"#,
        );
    let tree = Tree::from_json(text.as_bytes()).unwrap();
    let node = tree.root().child("expr").unwrap();
    assert_eq!((node.kind(), node.text("fresh")), ("Novel", Some("y")));
    assert!(node.is_a("Node"));
}

#[test]
fn newer_parts_may_be_absent_and_names_need_not_be_text() {
    let start = MADE.find(r#""directive_defaults""#).unwrap();
    let end = MADE.find(r#""classes""#).unwrap();
    let text = format!("{}{}", &MADE[..start], &MADE[end..]);
    let tree = Tree::from_json(text.as_bytes()).unwrap();
    assert_eq!(tree.directive_default("wraparound"), None);
    let tree = with(r#"["made.pyx"]"#, r#"[{"w": "edb280"}]"#).unwrap();
    assert!(tree.sources()[0].contains('\u{FFFD}'));
}

#[test]
fn another_schema_is_told_apart_from_damage() {
    let other = TreeError::Schema { found: 2, known: 1 };
    assert_eq!(
        with(r#""schema": 1"#, r#""schema": 2"#).err(),
        Some(other.clone())
    );
    assert_eq!(
        Tree::from_json(br#"{"tables": [], "schema": 2}"#).err(),
        Some(other.clone())
    );
    assert_eq!((other.code(), other.path()), ("CYL1602", "schema"));
    let (code, path, _) = refused(r#""schema": 1"#, r#""schema": "1""#);
    assert_eq!((code, path.as_str()), ("CYL1601", "schema"));
}

#[test]
fn not_json() {
    for (json, message) in [
        (&b""[..], "EOF while parsing"),
        (b"  ", "EOF while parsing"),
        (b"null", "expected an exported tree"),
        (b"[]", "expected an exported tree"),
        (b"\xEF\xBB\xBF{}", "expected value"),
        (b"{\"cython\": \"\xFF\"}", "invalid unicode"),
        (b"{\"\xFF\": 1}", "invalid unicode"),
        (b"\0", "expected value"),
    ] {
        let error = Tree::from_json(json).err().unwrap();
        assert_eq!(error.code(), "CYL1601");
        assert!(error.to_string().contains(message), "{error}");
    }
    let error = Tree::from_json(format!("{MADE} x").as_bytes())
        .err()
        .unwrap();
    assert_eq!(error.path(), ".");
    assert!(error.to_string().contains("trailing characters"), "{error}");
}

#[test]
fn cut_short_anywhere() {
    let whole = MADE.trim_end();
    for end in 0..whole.len() {
        assert_eq!(
            Tree::from_json(&whole.as_bytes()[..end])
                .err()
                .unwrap()
                .code(),
            "CYL1601"
        );
    }
    let error = Tree::from_json(&SMALL[..SMALL.len() / 2]).err().unwrap();
    assert!(error.to_string().contains("EOF"), "{error}");
}

#[test]
fn nesting_has_an_end() {
    for (open, close) in [
        ("[", "]"),
        (r#"{"d": [["#, "]]}"),
        (r#"{"d": [[0, "#, "]]}"),
    ] {
        for depth in [1_000, 300_000] {
            let value = open.repeat(depth) + "0" + &close.repeat(depth);
            let error = with(r#""rank": 2"#, &format!(r#""rank": {value}"#))
                .err()
                .unwrap();
            assert!(error.to_string().contains("recursion limit"), "{error}");
            assert!(
                error.path().starts_with("types[0].a.rank"),
                "{}",
                error.path()
            );
        }
    }
    for text in [
        "[".repeat(1 << 20),
        r#"{"schema":"#.repeat(1 << 18),
        r#"{"z":"#.repeat(1 << 18),
    ] {
        assert!(Tree::from_json(text.as_bytes()).is_err());
    }
    // As deep as the exporter goes.
    let value = r#"{"d": [[0, "#.repeat(40) + r#"{"n": 0}"# + &"]]}".repeat(40);
    assert!(with(r#""rank": 2"#, &format!(r#""rank": {value}"#)).is_ok());
}

#[test]
fn long_numbers() {
    let digits = "9".repeat(100_000);
    let tree = with(r#""rank": 2"#, &format!(r#""rank": {{"i": "{digits}"}}"#)).unwrap();
    assert!(tree.root().types("arg_types")[0].flag("rank"));
    assert!(with(r#""rank": 2"#, &format!(r#""rank": {digits}"#)).is_err());
    assert!(with(r#""rank": 2"#, &format!(r#""rank": {{"n": {digits}}}"#)).is_err());
}
