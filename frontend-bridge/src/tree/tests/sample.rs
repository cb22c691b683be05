//! Handles, over the exporter's own output and over a made-up tree.

use std::collections::HashSet;

use pretty_assertions::assert_eq;

use super::super::{Position, Tree, Value};
use super::{SMALL, made};

#[test]
fn the_exporters_output_is_read() {
    let tree = Tree::from_json(SMALL).unwrap();
    assert_eq!(tree.module_name(), "small");
    assert_eq!(tree.sources(), ["small.pyx"]);
    assert!(tree.cython_version().starts_with("3."));
    let root = tree.root();
    assert_eq!(root.kind(), "ModuleNode");
    assert_eq!(root.id().index(), 0);
    let function = tree
        .nodes()
        .find(|node| node.kind() == "CFuncDefNode")
        .unwrap();
    assert_eq!(
        function.position(),
        Some(Position {
            source: 0,
            line: 1,
            column: 0
        })
    );
    assert_eq!(function.nodes("args").len(), 2);
    assert_eq!(function.entry("entry").unwrap().text("name"), Some("add"));
    assert_eq!(function.ty("return_type").unwrap().kind(), "CIntType");
    assert!(function.ty("return_type").unwrap().flag("is_int"));
    let sum = tree.nodes().find(|node| node.kind() == "AddNode").unwrap();
    assert!(sum.is_a("ExprNode") && !sum.is_a("StatNode") && !sum.is_a("NoSuchNode"));
    assert_eq!(sum.text("operator"), Some("+"));
    assert_eq!(
        sum.expr_type().unwrap(),
        function.ty("return_type").unwrap()
    );
    for side in ["operand1", "operand2"] {
        assert!(sum.child(side).unwrap().is_a("NameNode"));
    }
}

#[test]
fn every_reference_can_be_followed() {
    let tree = Tree::from_json(SMALL).unwrap();
    let (mut seen, mut open) = (HashSet::new(), vec![tree.root()]);
    while let Some(node) = open.pop() {
        if seen.insert(node) {
            let names = [
                "body", "operand1", "operand2", "value", "lhs", "rhs", "entry",
            ];
            open.extend(names.iter().filter_map(|name| node.node(name)));
            open.extend(["stats", "args"].iter().flat_map(|name| node.nodes(name)));
        }
    }
    assert!(seen.len() > 5);
}

#[test]
fn attributes_come_from_the_object_then_from_its_class() {
    let tree = made();
    let name = tree.root().child("expr").unwrap();
    assert!(!name.flag("result_is_used"), "its own");
    assert!(name.flag("is_name"), "of its class");
    assert!(
        name.flag("is_temp"),
        "of a base, which hides the base's base"
    );
    assert_eq!(
        name.expr_type().unwrap().kind(),
        "CIntType",
        "an object for all instances"
    );
    assert!(tree.root().flag("result_is_used"));
    assert!(!tree.root().flag("is_temp"));
    assert_eq!(name.attr("expr"), None);
    assert_eq!(name.attr("never met"), None);
    assert!(!name.flag("never met"));
}

#[test]
fn a_typedef_answers_with_its_base() {
    let tree = made();
    let typedef = tree.root().types("arg_types")[0];
    assert_eq!(typedef.kind(), "CTypedefType");
    assert_eq!(typedef.int("rank"), Some(2));
    assert_eq!(typedef.int("is_int"), Some(1));
    assert_eq!(typedef.int("is_typedef"), Some(1));
    assert_eq!(typedef.attr("none"), None);
}

#[test]
fn a_delegation_in_circles_ends() {
    let part = r#""typedef_base_type": {"t": 0}"#;
    let tree = super::with(part, r#""typedef_base_type": {"t": 1}"#).unwrap();
    assert_eq!(tree.root().types("arg_types")[0].attr("rank"), None);
}

#[test]
fn typed_lookups() {
    let tree = made();
    let root = tree.root();
    let kinds = |name: &str| {
        root.nodes(name)
            .iter()
            .map(|node| node.kind())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kinds("args"),
        ["NameNode", "StatNode"],
        "neither None nor a type"
    );
    assert_eq!(kinds("absent"), [""; 0]);
    assert_eq!(root.list("args").len(), 4);
    assert_eq!(root.list("expr"), []);
    assert_eq!(root.attr("none"), Some(&Value::None));
    assert_eq!(root.node("none"), None);
    assert_eq!(root.ty("expr"), None);
    assert_eq!(
        root.entries("var_entries")[0]
            .ty("type")
            .unwrap()
            .int("rank"),
        Some(2)
    );
    assert_eq!(root.helper("helper"), Some(root.helpers("slots")[0]));
    assert_eq!(root.helper("helper").unwrap().position(), None);
    let scope = root.scope("scope").unwrap();
    let [(Value::Str(key), Value::Entry(id))] = scope.map("entries") else {
        panic!()
    };
    assert_eq!(
        (key.as_str(), tree.entry(*id)),
        ("x", root.entries("var_entries")[0])
    );
    assert_eq!(root.map("expr"), []);
    assert_eq!(
        root.child("expr").unwrap().int("is_name"),
        Some(1),
        "True is 1"
    );
    assert_eq!(root.text("expr"), None);
    assert_eq!(format!("{root:?}"), "Node(0 StatNode)");
    assert_eq!(
        [
            tree.types().len(),
            tree.entries().len(),
            tree.scopes().len()
        ],
        [2, 1, 1]
    );
}

#[test]
fn directives_have_defaults() {
    let tree = made();
    let root = tree.root();
    assert_eq!(root.directive("cdivision"), Some(&Value::Bool(true)));
    assert_eq!(root.directive("wraparound"), Some(&Value::Bool(true)));
    assert_eq!(root.directive("unknown"), None);
    assert_eq!(
        root.child("expr").unwrap().directive("cdivision"),
        Some(&Value::Bool(false))
    );
}

#[test]
fn what_is_missing_is_named() {
    let tree = made();
    let error = tree.root().child("body").unwrap_err();
    assert_eq!(error.code(), "CYL1605");
    assert_eq!(error.path(), "nodes[0].a.body");
    assert_eq!(
        error.to_string(),
        "made.pyx:3:4: a StatNode has no node in its attribute `body` (nodes[0].a.body)"
    );
    let error = tree.root().expr_type().unwrap_err();
    assert_eq!(error.path(), "nodes[0].a.type");
    let helper = tree.root().helper("helper").unwrap();
    assert!(
        helper
            .missing("x", "type")
            .to_string()
            .starts_with("pkg.made: a Signature has no type")
    );
}

#[test]
fn handles_of_two_trees_differ() {
    let (one, other) = (made(), made());
    assert_eq!(one.root(), one.root());
    assert_ne!(one.root(), other.root());
}

#[test]
fn a_tree_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Tree>();
}
