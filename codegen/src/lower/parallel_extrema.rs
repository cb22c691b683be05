//! Greatest and least values over a `prange`.
//!
//! Cython takes `m = max(m, x)` in a parallel loop for a variable whose last value counts, which is
//! a race.  Where every use of the variable in the loop keeps the greater (or everywhere the lesser)
//! of itself and something else, it is a reduction here.

use std::collections::HashSet;

use frontend_bridge::tree::{EntryId, Node, NodeId, Value as Attr};

use super::parallel_loops::inside;

/// "max" or "min" where the loop only ever raises, or lowers, a variable.
pub(super) fn extremum(body: Node<'_>, entry: EntryId) -> Option<&'static str> {
    let nodes = inside(body);
    let mut covered: HashSet<NodeId> = HashSet::new();
    let mut found: Option<&'static str> = None;
    for node in &nodes {
        let one = match node.kind() {
            "SingleAssignmentNode" => assigned(*node, entry, &mut covered),
            "IfStatNode" => replaced(*node, entry, &mut covered),
            _ => None,
        };
        match (one, found) {
            (Some(new), Some(old)) if new != old => return None,
            (Some(new), _) => found = Some(new),
            (None, _) => {}
        }
    }
    let elsewhere = nodes
        .iter()
        .any(|node| names(*node, entry) && !covered.contains(&node.id()));
    found.filter(|_| !elsewhere)
}

fn names(node: Node<'_>, entry: EntryId) -> bool {
    node.kind() == "NameNode" && node.entry("entry").is_some_and(|one| one.id() == entry)
}

/// `m = max(m, x)`, or `m = x if x > m else m`.
fn assigned(node: Node<'_>, entry: EntryId, covered: &mut HashSet<NodeId>) -> Option<&'static str> {
    let target = node.node("lhs").filter(|target| names(*target, entry))?;
    let mut value = node.node("rhs")?;
    while value.kind() == "EvalWithTempExprNode" {
        value = value.node("subexpression")?;
    }
    if value.kind() != "CondExprNode" {
        return None;
    }
    let (yes, no) = (
        strip(value.node("true_val")?)?,
        strip(value.node("false_val")?)?,
    );
    let (first, operator, second) = comparison(value.node("condition")?)?;
    let parts = [first, second, yes, no];
    if !(names(first, entry) ^ names(second, entry)) {
        return None;
    }
    let greater = operator.starts_with('>');
    let kind = if same(yes, first) && same(no, second) {
        greater
    } else if same(yes, second) && same(no, first) {
        !greater
    } else {
        return None;
    };
    covered.insert(target.id());
    covered.extend(
        parts
            .iter()
            .filter(|part| names(**part, entry))
            .map(|part| part.id()),
    );
    Some(if kind { "max" } else { "min" })
}

/// `if x > m: m = x`.
fn replaced(node: Node<'_>, entry: EntryId, covered: &mut HashSet<NodeId>) -> Option<&'static str> {
    let clauses = node.nodes("if_clauses");
    let [clause] = clauses.as_slice() else {
        return None;
    };
    if node.node("else_clause").is_some() {
        return None;
    }
    let mut body = clause.node("body")?;
    while body.kind() == "StatListNode" {
        let stats = body.nodes("stats");
        let [only] = stats.as_slice() else {
            return None;
        };
        body = *only;
    }
    let target = body.node("lhs").filter(|target| names(*target, entry))?;
    let value = strip(body.node("rhs")?)?;
    let (first, operator, second) = comparison(clause.node("condition")?)?;
    if body.kind() != "SingleAssignmentNode" || names(value, entry) {
        return None;
    }
    let greater = operator.starts_with('>');
    let (own, kind) = if same(value, first) && names(second, entry) {
        (second, greater)
    } else if same(value, second) && names(first, entry) {
        (first, !greater)
    } else {
        return None;
    };
    covered.extend([target.id(), own.id()]);
    Some(if kind { "max" } else { "min" })
}

/// What a plain comparison compares, and how.
fn comparison(node: Node<'_>) -> Option<(Node<'_>, &str, Node<'_>)> {
    let node = strip(node)?;
    let operator = node.text("operator")?;
    let plain = node.kind() == "PrimaryCmpNode"
        && node.node("cascade").is_none()
        && matches!(operator, "<" | ">" | "<=" | ">=");
    if !plain {
        return None;
    }
    Some((
        strip(node.node("operand1")?)?,
        operator,
        strip(node.node("operand2")?)?,
    ))
}

/// The expression behind temporaries.
fn strip(mut node: Node<'_>) -> Option<Node<'_>> {
    loop {
        node = match node.kind() {
            "ResultRefNode" => node.node("expression")?,
            "CoerceToTempNode" | "CloneNode" | "ProxyNode" => node.node("arg")?,
            _ => return Some(node),
        };
    }
}

/// Whether two expressions have one value: one node, or two of the same plain variable, item or
/// number.
fn same(a: Node<'_>, b: Node<'_>) -> bool {
    let (Some(a), Some(b)) = (strip(a), strip(b)) else {
        return false;
    };
    if a.id() == b.id() {
        return true;
    }
    let entries = || match (a.entry("entry"), b.entry("entry")) {
        (Some(x), Some(y)) => x.id() == y.id(),
        _ => false,
    };
    match (a.kind(), b.kind()) {
        ("NameNode", "NameNode") => entries(),
        ("IntNode" | "FloatNode", "IntNode" | "FloatNode") => {
            matches!((a.attr("value"), b.attr("value")), (Some(Attr::Str(x)), Some(Attr::Str(y))) if x == y)
        }
        ("MemoryViewIndexNode", "MemoryViewIndexNode") => {
            let (left, right) = (a.nodes("indices"), b.nodes("indices"));
            left.len() == right.len()
                && match (a.node("base"), b.node("base")) {
                    (Some(x), Some(y)) => same(x, y),
                    _ => false,
                }
                && left.iter().zip(&right).all(|(x, y)| same(*x, *y))
        }
        _ => false,
    }
}
