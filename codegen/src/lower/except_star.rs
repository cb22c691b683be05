//! `except*`.
//!
//! Cython makes it of `try`/`except` and `if` around four nodes of its own.  What these share lies in
//! locals: the whole exception group, what of it is not handled yet, what the clause in hand has
//! matched, the exceptions that clauses raised, and one that matching raised, which wins.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::{Context, missing_node};
use crate::mir::{Comparison, FuncId, LocalId, Op, Raises, Type, Value};

/// What the statement keeps, in the order of [`NAMES`].
const NAMES: [&str; 5] = [
    "exception_list",
    "original_exception_group",
    "in_progress_exception_group",
    "matched_exception_group",
    "internal_exception_set",
];

impl Context<'_> {
    /// Whether Cython has what joins the exceptions at the end for itself, as before CPython 3.12.
    pub(super) fn reraise_is_own(&self) -> bool {
        self.symbols
            .resolve("PyUnstable_Exc_PrepReraiseStar")
            .is_none()
    }

    fn own_reraise(&self) -> Option<FuncId> {
        let named = |id| {
            let entry = self.tree.entry(id);
            ["func_cname", "cname"]
                .into_iter()
                .any(|name| entry.text(name) == Some("__Pyx__PyExc_PrepReraiseStar"))
        };
        let found = self.functions.iter().find(|(id, _)| named(**id));
        found.map(|(_, function)| *function)
    }
}

impl<'t> Body<'_, 't> {
    /// `ExceptStarChainNode`: the body of an `except` that catches all.
    pub(super) fn lower_except_star(&mut self, node: Node<'t>) -> Result<()> {
        let Some(handled) = self.handled else {
            return missing_node(node, "outside of 'except'");
        };
        if self.in_traceback.is_none() {
            let flag = self.b.local("in_traceback", Type::BOOL);
            self.in_traceback = Some(flag);
        }
        let list = self.int(0, 64);
        let list = self.rt_object("PyList_New", "l:O", &[list])?;
        let mut locals = Vec::new();
        for name in NAMES {
            let local = self.owned_local(name);
            self.node_locals.insert(node.child(name)?.id(), local);
            locals.push(local);
        }
        let list = self.give(list);
        self.replace(locals[0], list);
        for local in &locals[1..3] {
            let group = self.op(Op::Get(handled[1]));
            let group = self.op(Op::XIncRef(group));
            self.replace(*local, group);
        }
        self.with_locals(&locals, |body| {
            node.nodes("stats")
                .into_iter()
                .try_for_each(|stat| body.stat(stat))
        })
    }

    /// `StarExceptTestSetupNode`: what of the exceptions a clause is for.
    pub(super) fn lower_star_test(&mut self, node: Node<'t>) -> Result<()> {
        let internal = self.star_address(node, "internal_exception_set")?;
        let mut patterns = Vec::new();
        for pattern in node.nodes("pattern") {
            let pattern = self.expr(pattern)?;
            self.at(node);
            let args = [pattern, internal];
            self.rt_status("cyl_star_validate", "op:i", &args, Raises::Negative)?;
            patterns.push(pattern);
        }
        self.at(node);
        let array = self.object_array(&patterns);
        let count = self.int(patterns.len() as i128, 64);
        let rest = self.star_address(node, "in_progress_exception_group")?;
        let matched = self.star_address(node, "matched_exception_group")?;
        let args = [array, count, rest, matched, internal];
        self.rt_status("cyl_star_match", "plppp:i", &args, Raises::Negative)?;
        for pattern in patterns.into_iter().rev() {
            self.release(pattern);
        }
        Ok(())
    }

    /// `StarExceptSetExceptionNode`: what was matched is the exception handled now.
    pub(super) fn lower_star_handled(&mut self, node: Node<'t>) -> Result<()> {
        let Some(handled) = self.handled else {
            return missing_node(node, "outside of 'except'");
        };
        let local = self.star_local(node, "exception")?;
        let matched = self.op(Op::Get(local));
        let addresses = self.addresses(handled);
        let args = [matched, addresses[0], addresses[1], addresses[2]];
        self.rt_void("cyl_star_handle", "oppp:v", &args)
    }

    /// `StarExceptPrepAndReraiseNode`: raises what is left and what clauses raised.
    pub(super) fn lower_star_end(&mut self, node: Node<'t>) -> Result<()> {
        let own = match self.m.reraise_is_own() {
            true => match self.m.own_reraise() {
                Some(function) => self.function_address(function),
                None => return missing_node(node, "without Cython's code for it"),
            },
            false => self.null(),
        };
        let mut args = Vec::new();
        for name in &NAMES[..3] {
            let local = self.star_local(node, name)?;
            args.push(self.op(Op::Get(local)));
        }
        args.push(self.star_address(node, "internal_exception_set")?);
        args.push(own);
        let Some(flag) = self.in_traceback else {
            return missing_node(node, "outside its statement");
        };
        let raised = self.rt_status("cyl_star_end", "ooopp:i", &args, Raises::Negative)?;
        let one = self.int(1, 32);
        let known = self.op(Op::Compare(Comparison::Eq, raised, one));
        self.b.effect(Op::Set(flag, known));
        let some = self.truth(raised)?;
        let (leaves, after) = (self.b.cold_block(), self.b.block());
        self.b.branch(some, leaves, after);
        self.b.switch_to(leaves);
        self.pass_on();
        self.b.switch_to(after);
        Ok(())
    }

    fn star_local(&mut self, node: Node<'t>, name: &str) -> Result<LocalId> {
        match self.node_locals.get(&node.child(name)?.id()).copied() {
            Some(local) => Ok(local),
            None => missing_node(node, "outside its statement"),
        }
    }

    fn star_address(&mut self, node: Node<'t>, name: &str) -> Result<Value> {
        let local = self.star_local(node, name)?;
        Ok(self.op(Op::LocalAddr(local)))
    }
}
