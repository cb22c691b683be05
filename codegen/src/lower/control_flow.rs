//! Assignments, `if`, `switch`, `return`, `del`, `assert`.

use frontend_bridge::tree::{Entry, Node, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::class_layout::look_up;
use super::cleanup::Exit;
use super::context::missing_node;
use super::line_marks::When;
use super::memview::is_slice;
use crate::mir::{BlockId, Op, Terminator, Type, Value};

impl<'t> Body<'_, 't> {
    pub(super) fn lower_assignment(&mut self, node: Node<'t>) -> Result<()> {
        let (target, source) = (node.child("lhs")?, node.child("rhs")?);
        let value = match (source.kind(), source.attr("constant_result")) {
            // A literal has the type of a byte, whether or not it is one.
            ("IntNode", Some(Attr::Int(number))) if super::indexing::is_byte(target) => {
                self.int(i128::from(*number), 64)
            }
            _ => self.expr(source)?,
        };
        self.assign_from(target, source, value)
    }

    /// Assigns a value of an expression to a target; takes the value over.
    fn assign_from(&mut self, target: Node<'t>, source: Node<'t>, value: Value) -> Result<()> {
        if target.kind() == "SliceIndexNode"
            && !target.child("base")?.expr_type()?.flag("is_pyobject")
        {
            return self.assign_c_slice(target, source, value);
        }
        match target.kind() {
            "MemoryCopySlice" => return self.assign_slice_contents(target, source, value),
            "MemoryViewIndexNode" | "MemoryCopyScalar" if *self.b.ty(value) != Type::Object => {
                let value = self.convert_number(value, source.expr_type()?, target.expr_type()?)?;
                return self.assign(target, value);
            }
            _ => {}
        }
        self.assigned = Some(source.expr_type()?);
        let done = self.assign(target, value);
        self.assigned = None;
        done
    }

    /// `a = b = value`: the value once, converted for each target.
    pub(super) fn lower_cascaded_assignment(&mut self, node: Node<'t>) -> Result<()> {
        let source = node.child("rhs")?;
        let value = self.expr(source)?;
        self.assign_cascade(node, value)
    }

    /// Assigns one value to all targets of a cascade; takes the value over.
    fn assign_cascade(&mut self, node: Node<'t>, value: Value) -> Result<()> {
        let source = node.child("rhs")?;
        self.results.insert(source.id(), value);
        let mut coerced = Vec::new();
        for part in node.nodes("coerced_values") {
            let made = self.expr(part)?;
            self.results.insert(part.id(), made);
            coerced.push(made);
        }
        for (target, clone) in node
            .nodes("lhs_list")
            .into_iter()
            .zip(node.nodes("cloned_values"))
        {
            let part = self.expr(clone)?;
            self.assign_from(target, clone, part)?;
        }
        for made in coerced.into_iter().rev() {
            self.release(made);
        }
        self.release(value);
        Ok(())
    }

    /// `a, b = b, a`: all values first, then the targets.
    pub(super) fn lower_parallel_assignment(&mut self, node: Node<'t>) -> Result<()> {
        let stats = node.nodes("stats");
        if self.exchange(&stats) {
            return Ok(());
        }
        let mut values = Vec::new();
        for stat in &stats {
            if !matches!(
                stat.kind(),
                "SingleAssignmentNode" | "CascadedAssignmentNode"
            ) {
                return missing_node(*stat, "in a parallel assignment");
            }
            let value = self.expr(stat.child("rhs")?)?;
            // A later target may be what an earlier value was read from.
            let value = if is_slice(stat.child("rhs")?) {
                self.owned_slice(value, stat.child("rhs")?.expr_type()?)?
            } else if *self.b.ty(value) == Type::Object {
                self.owned(value)
            } else {
                value
            };
            values.push(value);
        }
        for (stat, value) in stats.iter().zip(values) {
            self.at(*stat);
            if stat.kind() == "CascadedAssignmentNode" {
                self.assign_cascade(*stat, value)?;
            } else {
                self.assign_from(stat.child("lhs")?, stat.child("rhs")?, value)?;
            }
        }
        Ok(())
    }

    /// Variables that get each other's objects, of which Cython has found out that no count changes; whether
    /// it is that.
    fn exchange(&mut self, stats: &[Node<'t>]) -> bool {
        let uncounted = |node: &Node<'t>| {
            node.attr("use_managed_ref").is_some() && !node.flag("use_managed_ref")
        };
        let pair = |body: &Self, stat: &Node<'t>| {
            let target = stat.node("lhs").filter(uncounted)?;
            let source = stat.node("rhs").filter(uncounted)?.node("arg")?;
            let bound = !source.flag("cf_maybe_null") && !source.flag("cf_is_null");
            let (from, to) = (body.own_local(source)?, body.own_local(target)?);
            bound.then_some((from, to))
        };
        let pairs: Option<Vec<_>> = stats.iter().map(|stat| pair(self, stat)).collect();
        let Some(pairs) = pairs else {
            return false;
        };
        let taken: Vec<_> = pairs
            .iter()
            .map(|(from, _)| self.op(Op::Take(*from)))
            .collect();
        for ((_, to), value) in pairs.iter().zip(taken) {
            self.b.effect(Op::Set(*to, value));
        }
        true
    }

    pub(super) fn lower_del(&mut self, node: Node<'t>) -> Result<()> {
        for arg in node.nodes("args") {
            self.at(arg);
            match arg.kind() {
                "NameNode" => self.delete_name(arg, node.flag("ignore_nonexisting"))?,
                "AttributeNode" if arg.flag("is_py_attr") || deletes_property(arg) => {
                    let object = self.expr(arg.child("obj")?)?;
                    let name = self.name(arg.text("attribute").unwrap_or_default());
                    let null = self.null_object();
                    self.rt_status("PyObject_SetAttr", "ooo:i", &[object, name, null], NEGATIVE)?;
                    self.release(object);
                }
                "IndexNode" => self.delete_index(arg)?,
                "SliceIndexNode" => self.delete_slice(arg)?,
                _ => return missing_node(arg, "del"),
            }
        }
        Ok(())
    }

    pub(super) fn lower_return(&mut self, node: Node<'t>) -> Result<()> {
        if let Some(region) = self.region.clone() {
            return self.return_from_region(node, &region);
        }
        if let Some(storage) = self.returned_slice {
            self.return_slice(node, storage)?;
            return self.leave_returning();
        }
        let Some(local) = self.returned else {
            if let Some(value) = node.node("value") {
                let value = self.expr(value)?;
                self.release(value);
            }
            return self.leave_returning();
        };
        let object = self.b.function.locals[local.0 as usize].ty == Type::Object;
        let value = match node.node("value") {
            Some(source) => self.expr(source)?,
            None if object && !self.gil => {
                self.with_gil(|body| {
                    let none = body.none();
                    let none = body.op(Op::IncRef(none));
                    body.replace(local, none);
                    Ok(())
                })?;
                return self.leave_returning();
            }
            None if object => self.none(),
            None => match self.b.function.locals[local.0 as usize].ty.clone() {
                Type::Int(bits) => self.int(0, bits),
                _ => return missing_node(node, "without a value"),
            },
        };
        if !object && *self.b.ty(value) == Type::Object {
            // `return None` where C code gets a status.
            let zero = self.int(0, 32);
            self.release(value);
            self.b.effect(Op::Set(local, zero));
            return self.leave_returning();
        }
        if object {
            let value = self.give(value);
            self.replace(local, value);
        } else {
            let value = match node.node("value") {
                Some(source) => self.fit(value, source.expr_type()?, local),
                None => value,
            };
            self.b.effect(Op::Set(local, value));
        }
        self.leave_returning()
    }

    fn leave_returning(&mut self) -> Result<()> {
        // Not in Python's wrappers of cpdef functions.
        if self.directive_on("profile") || self.directive_on("linetrace") {
            self.trace_return()?;
        }
        self.leave(Exit::Return)
    }

    pub(super) fn lower_if(&mut self, node: Node<'t>) -> Result<()> {
        let after = self.b.block();
        for clause in node.nodes("if_clauses") {
            self.at(clause);
            let truth = self.condition(clause.child("condition")?)?;
            let (yes, no) = (self.b.block(), self.b.block());
            self.b.branch(truth, yes, no);
            self.b.switch_to(yes);
            self.stat(clause.child("body")?)?;
            self.b.jump(after);
            self.b.switch_to(no);
        }
        if let Some(otherwise) = node.node("else_clause") {
            self.stat(otherwise)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// `SwitchStatNode`: what Cython made of an if-chain over a C integer.
    pub(super) fn lower_switch(&mut self, node: Node<'t>) -> Result<()> {
        let test = node.child("test")?;
        let value = self.expr(test)?;
        let value = self.promoted_value(value, test.expr_type()?);
        let after = self.b.block();
        let default = self.b.block();
        let mut named = Vec::new();
        let mut cases = Vec::new();
        let mut bodies = Vec::new();
        let mut told = Vec::new();
        for case in node.nodes("cases") {
            let body = self.b.block();
            let conditions = case.nodes("conditions");
            // Where a tracer is told of conditions, each leads to the next one's place, as in C.
            let marked = conditions.iter().any(|one| self.line_of_case(*one));
            let places: Vec<_> = conditions
                .iter()
                .map(|_| if marked { self.b.block() } else { body })
                .collect();
            if marked {
                let next = places[1..].iter().chain([&body]).copied();
                told.extend(places.iter().copied().zip(next).zip(conditions.clone()));
            }
            for (condition, block) in conditions.into_iter().zip(places) {
                let constant = match condition.kind() {
                    "CharNode" => condition.attr("value"),
                    _ => condition.attr("constant_result"),
                };
                let number = match constant {
                    Some(Attr::Int(number)) => i128::from(*number),
                    Some(Attr::Bool(number)) => i128::from(*number),
                    Some(Attr::Bytes { data, .. }) if data.len() == 1 => i128::from(data[0] as i8),
                    Some(Attr::Str(text)) if text.chars().count() == 1 => {
                        i128::from(u32::from(text.chars().next().unwrap_or_default()))
                    }
                    _ => {
                        let entry = condition.entry("entry");
                        named.extend(entry.filter(|entry| super::struct_types::external(*entry)));
                        self.case_by_value(condition, value, block)?;
                        continue;
                    }
                };
                if cases.iter().all(|(known, _)| *known != number) {
                    cases.push((number, block));
                }
            }
            bodies.push((body, case.child("body")?));
        }
        self.distinct_in_c(&named, &cases)?;
        self.b.end(Terminator::Switch(value, cases, default));
        for ((block, next), condition) in told {
            self.b.switch_to(block);
            self.tell_line(condition, When::Case)?;
            self.b.jump(next);
        }
        for (block, body) in bodies {
            self.b.switch_to(block);
            self.stat(body)?;
            self.b.jump(after);
        }
        self.b.switch_to(default);
        if let Some(otherwise) = node.node("else_clause") {
            self.stat(otherwise)?;
        }
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    /// Cases that C finds to be one are an error of C's.
    fn distinct_in_c(&mut self, named: &[Entry<'t>], cases: &[(i128, BlockId)]) -> Result<()> {
        let mut known: Vec<i128> = cases.iter().map(|(number, _)| *number).collect();
        for entry in named {
            let fact = format!("(long long)({})", entry.text("cname").unwrap_or_default());
            let tree = self.m.tree;
            let Some(number) = self.m.shims.number(tree, &fact, entry.position()) else {
                continue;
            };
            if known.contains(&i128::from(number)) {
                return self.missing("switch with a case twice");
            }
            known.push(i128::from(number));
        }
        Ok(())
    }

    /// A case whose value is known when the module is compiled at the latest: a constant of an enum.
    fn case_by_value(&mut self, condition: Node<'t>, value: Value, block: BlockId) -> Result<()> {
        let constant = self.expr(condition)?;
        let (Type::Int(bits), Some(constant)) = (
            self.b.ty(value).clone(),
            self.c_integer(constant, condition.expr_type()?),
        ) else {
            return missing_node(condition, "as a case");
        };
        // It is converted to the type of what is switched on.
        let constant = self.c_value(constant, bits);
        let same = self.op(Op::Compare(crate::mir::Comparison::Eq, value, constant));
        let next = self.b.block();
        self.b.branch(same, block, next);
        self.b.switch_to(next);
        Ok(())
    }

    pub(super) fn lower_assert(&mut self, node: Node<'t>) -> Result<()> {
        let (test, exception) = (node.child("condition")?, node.child("exception")?);
        let enabled = self.rt_value("__pyx_assertions_enabled", ":i", &[])?;
        let enabled = self.truth(enabled)?;
        let (check, after) = (self.b.block(), self.b.block());
        self.b.branch(enabled, check, after);
        self.b.switch_to(check);
        let truth = self.condition(test)?;
        let failed = self.b.cold_block();
        self.b.branch(truth, after, failed);
        self.b.switch_to(failed);
        self.stat(exception)?;
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }
}

/// Whether `del` of an attribute is that of a property, which the object's type knows.
fn deletes_property(node: Node<'_>) -> bool {
    node.entry("entry")
        .and_then(|entry| entry.scope("scope"))
        .is_some_and(|scope| scope.is_a("PropertyScope") && look_up(scope, "__del__").is_some())
}
