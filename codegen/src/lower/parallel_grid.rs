//! `prange` on a GPU, what a loop's tree says: the dimensions of its grid, the memoryviews that it
//! touches, and what cannot go there.

use std::collections::{HashMap, HashSet};

use frontend_bridge::tree::{EntryId, Node, NodeId};

use super::Result;
use super::buffers::buffer_name;
use super::memview::is_slice;
use super::parallel_gpu::refuse;
use super::parallel_loops::{inside, privates};

/// Refuses statements whose meaning depends on what threads share.
pub(super) fn refuse_constructs(node: Node<'_>) -> Result<()> {
    for inner in inside(node) {
        let what = match inner.kind() {
            "ReturnStatNode" => "'return'",
            "AmpersandNode" => "the address of a variable",
            "ParallelWithBlockNode" => "'with parallel()'",
            "ParallelThreadIdNode" => "threadid()",
            "TryFinallyStatNode" | "TryExceptStatNode" => "'try'",
            _ => "",
        };
        if !what.is_empty() {
            return refuse(inner, what);
        }
        let base = inner.node("base").filter(|base| {
            inner.kind() == "IndexNode"
                && item_of_view(inner).is_none()
                && inner.flag("is_target")
                && base.ty("type").is_some_and(|ty| ty.flag("is_array"))
        });
        if let Some(base) = base {
            return refuse(base, "assignment to a C array that all threads share");
        }
    }
    for inner in targets(node) {
        if item_of_view(inner).is_some() {
            continue;
        }
        let array = inner.kind() == "IndexNode"
            && inner
                .node("base")
                .and_then(|base| base.ty("type"))
                .is_some_and(|ty| ty.flag("is_array") || ty.flag("is_ptr"));
        let field = inner.kind() == "AttributeNode";
        if array || field {
            return refuse(
                inner,
                "assignment to an array or a field that all threads share",
            );
        }
    }
    Ok(())
}

/// The item of a memoryview that a field, or an item of an array in it, is part of.
fn item_of_view(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    loop {
        node = match node.kind() {
            "AttributeNode" => node.node("obj")?,
            "IndexNode" => node.node("base")?,
            "MemoryViewIndexNode" | "BufferIndexNode" => return Some(node),
            _ => return None,
        };
        // What is behind a pointer is no part of it.
        if node.ty("type").is_none_or(|ty| ty.flag("is_ptr")) {
            return None;
        }
    }
}

/// The left sides of assignments.
fn targets(node: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    for inner in inside(node) {
        match inner.kind() {
            "SingleAssignmentNode" | "InPlaceAssignmentNode" => found.extend(inner.node("lhs")),
            "CascadedAssignmentNode" => found.extend(inner.nodes("lhs_list")),
            _ => {}
        }
    }
    found
}

/// Which memoryviews and buffers a loop reads (1) and writes (2).
pub(super) fn touched(node: Node<'_>) -> HashMap<EntryId, u8> {
    let mut found: HashMap<EntryId, u8> = HashMap::new();
    let mut plain: HashSet<NodeId> = HashSet::new();
    let nodes = inside(node);
    let written: HashSet<NodeId> = targets(node).iter().map(|target| target.id()).collect();
    let in_part: HashSet<NodeId> = targets(node)
        .into_iter()
        .filter_map(item_of_view)
        .map(|item| item.id())
        .collect();
    let both: HashSet<NodeId> = nodes
        .iter()
        .filter(|inner| inner.kind() == "InPlaceAssignmentNode")
        .filter_map(|inner| inner.node("lhs"))
        .map(|target| target.id())
        .collect();
    for inner in &nodes {
        let items = buffer_name(*inner).or(inner.node("base"));
        let (base, flags) = match inner.kind() {
            "MemoryViewIndexNode" | "BufferIndexNode"
                if both.contains(&inner.id()) || in_part.contains(&inner.id()) =>
            {
                (items, 3)
            }
            "MemoryViewIndexNode" | "BufferIndexNode" if written.contains(&inner.id()) => {
                (items, 2)
            }
            "MemoryViewIndexNode" | "BufferIndexNode" => (items, 1),
            "AttributeNode" if inner.node("obj").is_some_and(is_slice) => (inner.node("obj"), 0),
            _ => continue,
        };
        if let Some(base) = base.filter(|base| base.kind() == "NameNode") {
            plain.insert(base.id());
            if let Some(entry) = base.entry("entry") {
                *found.entry(entry.id()).or_default() |= flags;
            }
        }
    }
    for inner in nodes {
        if inner.kind() == "NameNode"
            && is_slice(inner)
            && !plain.contains(&inner.id())
            && let Some(entry) = inner.entry("entry")
        {
            found.insert(entry.id(), 3);
        }
    }
    found
}

/// The loops that are all that the ones around them do, where they are a grid of two or three
/// dimensions: nothing in their bounds changes, and they are never left early.
pub(super) fn grid(node: Node<'_>) -> Vec<Node<'_>> {
    let mut changed: HashSet<EntryId> = privates(node).into_iter().map(|(id, _)| id).collect();
    let mut found = Vec::new();
    let mut around = node;
    while found.len() < 2 {
        let target = around
            .node("target")
            .and_then(|target| target.entry("entry"));
        changed.extend(target.map(|entry| entry.id()));
        let Some(inner) = only_loop(around).filter(|inner| fixed_bounds(*inner, &changed)) else {
            break;
        };
        found.push(inner);
        around = inner;
    }
    // A loop that is left early would have to end its neighbours.
    let leaves = found.first().is_some_and(|inner| {
        inside(*inner)
            .iter()
            .any(|inner| inner.kind() == "BreakStatNode")
    });
    if leaves { Vec::new() } else { found }
}

/// The `prange` that is all that another one does.
fn only_loop(node: Node<'_>) -> Option<Node<'_>> {
    let mut body = node.node("body")?;
    while body.kind() == "StatListNode" {
        let stats = body.nodes("stats");
        let [only] = stats.as_slice() else {
            return None;
        };
        body = *only;
    }
    (body.kind() == "ParallelRangeNode" && body.node("else_clause").is_none()).then_some(body)
}

/// Whether a loop's bounds are the same whenever they are computed.
fn fixed_bounds(node: Node<'_>, changed: &HashSet<EntryId>) -> bool {
    ["start", "stop", "step"].iter().all(|name| {
        node.node(name).is_none_or(|part| {
            inside(part).into_iter().all(|inner| {
                let fixed = inner
                    .entry("entry")
                    .is_none_or(|entry| !changed.contains(&entry.id()));
                let plain = match inner.kind() {
                    "NameNode" | "IntNode" | "CoerceToTempNode" | "IndexNode" | "AttributeNode" => {
                        true
                    }
                    "AddNode" | "SubNode" | "MulNode" | "UnaryMinusNode" => {
                        inner.ty("type").is_some_and(|ty| ty.flag("is_int"))
                            && !inner.flag("overflow_check")
                    }
                    _ => false,
                };
                fixed && plain
            })
        })
    })
}
