//! Reductions of parallel regions into fixed C arrays: `counts[key[i]] += 1`.
//!
//! For Cython such an array is shared, and the statement a race. Where a region does nothing with an
//! array but add to its items (or otherwise combines them by one operator), every thread has a copy,
//! and the copies are combined.

use std::collections::HashSet;

use frontend_bridge::tree::{Entry, Node, NodeId};

use super::Result;
use super::body::{Body, Variable};
use super::parallel::{Captured, Region};
use super::parallel_loops::inside;
use super::types;
use crate::mir::{Op, Type, Value};

/// How large an array may be that every thread has a copy of on its stack.
const LIMIT: u64 = 256 << 10;

/// The items of an array of any number of dimensions; a number is an array of one.
pub(super) fn flat(ty: &Type) -> (&Type, u64) {
    match ty {
        Type::Array(item, count) => {
            let (item, inner) = flat(item);
            (item, inner * count)
        }
        other => (other, 1),
    }
}

/// Whether an array is small enough to be copied, and of numbers.
fn fits(ty: &Type) -> bool {
    let (item, count) = flat(ty);
    let bytes = match item {
        Type::Int(bits) => u64::from(*bits).div_ceil(8),
        Type::F32 => 4,
        Type::F64 => 8,
        Type::F80 => 16,
        // A complex number.
        Type::Struct(_) => 32,
        _ => return false,
    };
    count > 0 && count.saturating_mul(bytes) <= LIMIT
}

/// The operator by which a region combines values with an array's items, if it does nothing else
/// with the array.
pub(super) fn array_operator(region: Node<'_>, entry: Entry<'_>, ty: &Type) -> Option<String> {
    let numbers = {
        let mut item = types::resolve(entry.ty("type")?);
        if !item.flag("is_array") {
            return None;
        }
        while item.flag("is_array") {
            item = types::resolve(item.ty("base_type")?);
        }
        item.flag("is_int") || item.flag("is_float") || item.flag("is_complex")
    };
    if !numbers || !fits(ty) {
        return None;
    }
    let nodes = inside(region);
    let mut covered: HashSet<NodeId> = HashSet::new();
    let mut operator: Option<String> = None;
    for node in &nodes {
        let Some((base, again, how)) = combined_item(*node, entry) else {
            continue;
        };
        let how = match how {
            "+" | "-" => "+",
            "*" | "&" | "|" | "^" => how,
            _ => return None,
        };
        if operator.as_deref().is_some_and(|known| known != how) {
            return None;
        }
        operator = Some(how.to_owned());
        covered.extend([base.id(), again.id()]);
    }
    let elsewhere = nodes
        .iter()
        .any(|node| names(*node, entry) && !covered.contains(&node.id()));
    operator.filter(|_| !elsewhere)
}

/// `array[index] += value`, which Cython writes as an assignment: the array's name on both sides, and
/// the operator.
fn combined_item<'t>(node: Node<'t>, entry: Entry<'_>) -> Option<(Node<'t>, Node<'t>, &'t str)> {
    if node.kind() != "SingleAssignmentNode" {
        return None;
    }
    let left = node.node("lhs").and_then(|item| array_of(item, entry))?;
    let mut value = node.node("rhs")?;
    while !value.flag("inplace") {
        value = value.node("arg")?;
    }
    let mut old = value.node("operand1")?;
    while old.kind() != "IndexNode" {
        old = old.node("arg")?;
    }
    Some((left, array_of(old, entry)?, value.text("operator")?))
}

/// The array's name in an item of it.
fn array_of<'t>(item: Node<'t>, entry: Entry<'_>) -> Option<Node<'t>> {
    let array = types::resolve(item.expr_type().ok()?).flag("is_array");
    let mut base = item;
    while base.kind() == "IndexNode" {
        base = base.node("base")?;
    }
    (!array && base.id() != item.id() && names(base, entry)).then_some(base)
}

fn names(node: Node<'_>, entry: Entry<'_>) -> bool {
    node.kind() == "NameNode"
        && node
            .entry("entry")
            .is_some_and(|one| one.id() == entry.id())
}

impl<'t> Body<'_, 't> {
    /// The operator of a reduction into an array.
    pub(super) fn array_reduction(
        &mut self,
        region: Node<'t>,
        entry: Entry<'t>,
    ) -> Result<Option<String>> {
        let array = entry.ty("type").map(types::resolve);
        match array.filter(|ty| {
            ty.flag("is_array") && (entry.flag("is_cglobal") || entry.flag("is_local"))
        }) {
            Some(ty) => {
                let ty = self.c_type(ty)?;
                Ok(array_operator(region, entry, &ty))
            }
            None => Ok(None),
        }
    }

    /// Gives numbers at an address what a reduction starts from.
    pub(super) fn fill_items(
        &mut self,
        node: Node<'t>,
        operator: &str,
        to: Value,
        (ty, count): (&Type, u64),
    ) -> Result<()> {
        let value = self.identity(node, operator, ty)?;
        if count == 1 {
            self.b.effect(Op::Store { address: to, value });
            return Ok(());
        }
        let count = self.int(i128::from(count), 64);
        self.count_to(count, |body, index| {
            let address = body.op(Op::Index(to, ty.clone(), index));
            body.b.effect(Op::Store { address, value });
            Ok(())
        })
    }

    /// A thread's own copy of an array.
    pub(super) fn own_array(
        &mut self,
        node: Node<'t>,
        one: &Captured<'t>,
        operator: &str,
    ) -> Result<()> {
        let name = one.entry.text("name").unwrap_or("array");
        let id = self.b.local(name, one.ty.clone());
        let owned = false;
        self.variables
            .insert(one.entry.id(), Variable::Local { id, owned });
        let to = self.op(Op::LocalAddr(id));
        self.fill_items(node, operator, to, flat(&one.ty))
    }

    /// Combines a thread's copy of an array with the array; the caller holds the lock.
    pub(super) fn combine_array(
        &mut self,
        one: &Captured<'t>,
        operator: &str,
        mine: Value,
        region: &Region,
    ) -> Result<()> {
        let (ty, count) = flat(&one.ty);
        let all = self.get_field(region.frame, region.structure, one.field, Type::Ptr);
        let count = self.int(i128::from(count), 64);
        self.count_to(count, |body, index| {
            let [from, to] = [mine, all].map(|array| body.op(Op::Index(array, ty.clone(), index)));
            let [mine, old] = [from, to].map(|item| body.op(Op::Load(ty.clone(), item)));
            let value = match ty {
                Type::Struct(_) => body.complex_combined(operator, old, mine)?,
                ty => {
                    let how = body.combining(operator, ty)?;
                    body.op(Op::Binary(how, old, mine))
                }
            };
            body.b.effect(Op::Store { address: to, value });
            Ok(())
        })
    }
}
