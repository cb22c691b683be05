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

/// `m = max(m, x)`, `m = max(m, x, y)`, `m = fmax(m, x)`, or `m = x if x > m else m`.
fn assigned(node: Node<'_>, entry: EntryId, covered: &mut HashSet<NodeId>) -> Option<&'static str> {
    let target = node.node("lhs").filter(|target| names(*target, entry))?;
    let mut own = vec![target.id()];
    let greater = carried(node.node("rhs")?, entry, &mut own)??;
    covered.extend(own);
    Some(if greater { "max" } else { "min" })
}

/// Whether an expression is a variable (none), or the greater (or the lesser) of it and others; the
/// variable's names are added.
fn carried(node: Node<'_>, entry: EntryId, own: &mut Vec<NodeId>) -> Option<Option<bool>> {
    let before = own.len();
    let found = carried_by(node, entry, own);
    if found.is_none() {
        own.truncate(before);
    }
    found
}

fn carried_by(node: Node<'_>, entry: EntryId, own: &mut Vec<NodeId>) -> Option<Option<bool>> {
    let node = strip(node)?;
    if names(node, entry) {
        own.push(node.id());
        return Some(None);
    }
    let (first, second, greater) = match node.kind() {
        "CondExprNode" => {
            let (yes, no) = (node.node("true_val")?, node.node("false_val")?);
            let (first, operator, second) = comparison(node.node("condition")?)?;
            let greater = operator.starts_with('>');
            let kind = if same(yes, first) && same(no, second) {
                greater
            } else if same(yes, second) && same(no, first) {
                !greater
            } else {
                return None;
            };
            for part in [yes, no] {
                own.extend(
                    strip(part)
                        .filter(|part| names(*part, entry))
                        .map(|part| part.id()),
                );
            }
            (first, second, kind)
        }
        "SimpleCallNode" => {
            let args = node.nodes("args");
            let [first, second] = args.as_slice() else {
                return None;
            };
            let greater = match libm(node)?.strip_suffix('f').or(libm(node))? {
                "fmax" => true,
                "fmin" => false,
                _ => return None,
            };
            (*first, *second, greater)
        }
        _ => return None,
    };
    let inner = match (carried(first, entry, own), carried(second, entry, own)) {
        (Some(inner), None) | (None, Some(inner)) => inner,
        _ => return None,
    };
    inner
        .is_none_or(|inner| inner == greater)
        .then_some(Some(greater))
}

/// The C name of the function of libm that a call is of.
fn libm(node: Node<'_>) -> Option<&str> {
    let function = node.node("function")?.entry("entry")?;
    let name = function.text("cname")?;
    crate::gpu::of_libm(name).then_some(name)
}

/// `if x > m: m = x`, also with other clauses after it; what these assign depends on the order.
fn replaced(node: Node<'_>, entry: EntryId, covered: &mut HashSet<NodeId>) -> Option<&'static str> {
    let (kind, own) = replacing(*node.nodes("if_clauses").first()?, entry)?;
    covered.extend(own);
    Some(kind)
}

fn replacing(clause: Node<'_>, entry: EntryId) -> Option<(&'static str, [NodeId; 2])> {
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
    Some((if kind { "max" } else { "min" }, [target.id(), own.id()]))
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
            "EvalWithTempExprNode" => node.node("subexpression")?,
            _ => return Some(node),
        };
    }
}

/// Whether two expressions have one value: one node, or the same of plain variables, items, numbers,
/// C's arithmetic with them, and functions of libm.
fn same(a: Node<'_>, b: Node<'_>) -> bool {
    let (Some(a), Some(b)) = (strip(a), strip(b)) else {
        return false;
    };
    if a.id() == b.id() {
        return true;
    }
    let plain = |node: Node<'_>| node.ty("type").is_some_and(|ty| !ty.flag("is_pyobject"));
    if a.kind() != b.kind() || !(plain(a) && plain(b)) {
        return false;
    }
    let text = |name: &str| match (a.attr(name), b.attr(name)) {
        (Some(Attr::Str(x)), Some(Attr::Str(y))) => x == y,
        _ => false,
    };
    let node = |name: &str| match (a.node(name), b.node(name)) {
        (Some(x), Some(y)) => same(x, y),
        _ => false,
    };
    let list = |name: &str| {
        let (left, right) = (a.nodes(name), b.nodes(name));
        left.len() == right.len() && left.iter().zip(&right).all(|(x, y)| same(*x, *y))
    };
    match a.kind() {
        "NameNode" => match (a.entry("entry"), b.entry("entry")) {
            (Some(x), Some(y)) => x.id() == y.id(),
            _ => false,
        },
        "IntNode" | "FloatNode" => text("value"),
        "MemoryViewIndexNode" => node("base") && list("indices"),
        "IndexNode" => node("base") && node("index"),
        "AttributeNode" => text("attribute") && node("obj"),
        "AddNode" | "SubNode" | "MulNode" | "DivNode" => {
            text("operator") && node("operand1") && node("operand2")
        }
        "UnaryMinusNode" => node("operand"),
        "TypecastNode" => {
            a.ty("type").map(|ty| ty.id()) == b.ty("type").map(|ty| ty.id()) && node("operand")
        }
        "SimpleCallNode" => libm(a).is_some() && libm(a) == libm(b) && list("args"),
        _ => false,
    }
}
