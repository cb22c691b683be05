//! `except` clauses that do nothing but work on C numbers of the function: nothing can tell whether the
//! exception is handled meanwhile, so that it is dropped before, and without this function's line in its
//! traceback where nobody else has the exception.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use crate::mir::{BlockId, LocalId, Value};

impl<'t> Body<'_, 't> {
    /// The clause where it is one of these; false where it is none.
    pub(super) fn unseen_clause(
        &mut self,
        clause: Node<'t>,
        fetched: [LocalId; 3],
        saved: [LocalId; 3],
        raised_at: Value,
        after: BlockId,
    ) -> Result<bool> {
        let body = clause.child("body")?;
        let target = clause.node("target").or(clause.node("excinfo_target"));
        if target.is_some() || self.trace.is_some() || !is_unseen(body) {
            return Ok(false);
        }
        let (seen, handled) = (self.b.cold_block(), self.b.block());
        let dropped = self.rt_value("cyl_exc_drop", ":i", &[])?;
        let dropped = self.truth(dropped)?;
        self.b.branch(dropped, handled, seen);
        // Somebody has the exception, or its class has code of its own.
        self.b.switch_to(seen);
        self.traceback_of_clause(clause, raised_at)?;
        let failed = self.b.cold_block();
        self.while_handling(fetched, saved, failed, |_| Ok(()))?;
        self.end_handling(fetched, saved)?;
        self.b.jump(handled);
        self.b.switch_to(failed);
        self.end_handling(fetched, saved)?;
        self.pass_on();
        self.b.switch_to(handled);
        self.stat(body)?;
        self.b.jump(after);
        Ok(true)
    }
}

/// Whether a statement works on C numbers in variables of the function alone, and cannot raise.
fn is_unseen(node: Node<'_>) -> bool {
    let all = |name: &str| node.nodes(name).into_iter().all(is_unseen);
    match node.kind() {
        "PassStatNode" | "ContinueStatNode" | "BreakStatNode" => true,
        "StatListNode" => all("stats"),
        "IfStatNode" => all("if_clauses") && node.node("else_clause").is_none_or(is_unseen),
        "IfClauseNode" => {
            node.node("condition").is_some_and(is_number)
                && node.node("body").is_some_and(is_unseen)
        }
        "SingleAssignmentNode" => {
            node.node("lhs").is_some_and(is_own) && node.node("rhs").is_some_and(is_number)
        }
        "ReturnStatNode" => node
            .node("value")
            .is_none_or(|value| is_constant(value) || is_number(value)),
        _ => false,
    }
}

/// A constant, of C or an object that the module has.
fn is_constant(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "NoneNode" | "BoolNode" | "IntNode" | "FloatNode" | "UnicodeNode" | "BytesNode"
    )
}

/// Whether an expression gives a number or truth value of C, computed from the function's own variables,
/// and cannot raise.
fn is_number(node: Node<'_>) -> bool {
    let ty = node.ty("type");
    if !ty.is_some_and(|ty| ty.flag("is_int") || ty.flag("is_float")) {
        return false;
    }
    let of = |name: &str| node.node(name).is_some_and(is_number);
    match node.kind() {
        "IntNode" | "FloatNode" | "BoolNode" | "CharNode" => true,
        "NameNode" => is_own(node),
        "AddNode" | "SubNode" | "MulNode" | "BitwiseOrNode" | "BoolBinopNode" => {
            !node.flag("overflow_check")
                && node.node("overflow_bit_node").is_none()
                && of("operand1")
                && of("operand2")
        }
        "PrimaryCmpNode" => node.node("cascade").is_none() && of("operand1") && of("operand2"),
        "UnaryMinusNode" => !node.flag("overflow_check") && of("operand"),
        "NotNode" => of("operand"),
        "CoerceToTempNode" | "CoerceToBooleanNode" => of("arg"),
        _ => false,
    }
}

/// A number in a variable of this function that nothing outside of it can reach.
fn is_own(node: Node<'_>) -> bool {
    let number = node
        .ty("type")
        .is_some_and(|ty| ty.flag("is_int") || ty.flag("is_float"));
    let own = node.entry("entry").is_some_and(|entry| {
        (entry.flag("is_local") || entry.flag("is_arg"))
            && !entry.flag("in_closure")
            && !entry.flag("from_closure")
            && !entry.flag("is_cglobal")
    });
    node.kind() == "NameNode" && number && own
}
