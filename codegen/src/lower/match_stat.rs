//! `match` statements.  Cython has made expressions of the patterns, with temporaries for the parts of
//! the subject; what is left is the order of the cases, and the temporaries.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::is_slice;
use crate::mir::{BlockId, LocalId, Op, Type, Value};

/// What the `match` statements around need.
#[derive(Default)]
pub(super) struct Matching {
    /// Where they end, innermost last.
    ends: Vec<BlockId>,
    /// The arrays of keys, and of the places for what is found, of the patterns around.
    arrays: Vec<(Value, Value)>,
}

impl<'t> Body<'_, 't> {
    pub(super) fn lower_match(&mut self, node: Node<'t>) -> Result<()> {
        let subject = node.child("subject")?;
        let mut value = self.expr(subject)?;
        if is_slice(subject) {
            value = self.owned_slice(value, subject.expr_type()?)?;
        } else if *self.b.ty(value) == Type::Object {
            // The targets of the patterns may be what it was read from.
            value = self.owned(value);
        }
        self.results.insert(subject.id(), value);
        if let Some(temp) = node.node("sequence_mapping_temp") {
            self.start_flags(temp)?;
        }
        let end = self.b.block();
        self.matching.ends.push(end);
        let done = node
            .nodes("cases")
            .into_iter()
            .try_for_each(|case| self.match_case(case, end));
        self.matching.ends.pop();
        done?;
        self.b.jump(end);
        self.b.switch_to(end);
        self.release(value);
        Ok(())
    }

    fn match_case(&mut self, case: Node<'t>, end: BlockId) -> Result<()> {
        if case.kind() == "SubstitutedMatchCaseNode" {
            return self.stat(case.child("body")?);
        }
        self.at(case);
        let pattern = case.child("pattern")?;
        let mut owned = Vec::new();
        self.pattern_temps(pattern, &mut owned)?;
        let matched = self.with_locals(&owned, |body| {
            let matched = body.condition(case.child("comp_node")?)?;
            if let Some(targets) = case.node("target_assignments") {
                body.if_else(matched, |body| body.stat(targets), |_| Ok(()))?;
            }
            Ok(matched)
        })?;
        let (run, next) = (self.b.block(), self.b.block());
        self.b.branch(matched, run, next);
        self.b.switch_to(run);
        if let Some(guard) = case.node("guard") {
            let holds = self.condition(guard)?;
            let inside = self.b.block();
            self.b.branch(holds, inside, next);
            self.b.switch_to(inside);
        }
        self.stat(case.child("body")?)?;
        self.b.jump(end);
        self.b.switch_to(next);
        Ok(())
    }

    /// `SubstitutedIfStatListNode`: the body of a case that has become a branch of an `if`.
    pub(super) fn lower_substituted_case(&mut self, node: Node<'t>) -> Result<()> {
        for stat in node.nodes("stats") {
            self.stat(stat)?;
        }
        match self.matching.ends.last().copied() {
            Some(end) => {
                self.b.jump(end);
                Ok(())
            }
            None => missing_node(node, "outside of a match statement"),
        }
    }

    /// Makes the temporaries of a pattern and of those in it; the ones that own objects are listed.
    fn pattern_temps(&mut self, pattern: Node<'t>, owned: &mut Vec<LocalId>) -> Result<()> {
        let mut temps: Vec<Node<'t>> = Vec::new();
        for name in ["length_temp", "which_alternative_temp", "double_star_temp"] {
            temps.extend(pattern.node(name));
        }
        for name in [
            "subject_temps",
            "keyword_subject_temps",
            "positional_subject_temps",
        ] {
            temps.extend(pattern.nodes(name));
        }
        for temp in temps {
            let local = self.match_temp(temp)?;
            if self.b.function.locals[local.0 as usize].ty == Type::Object {
                owned.push(local);
            }
        }
        if let Some(temp) = pattern.node("sequence_mapping_temp") {
            self.start_flags(temp)?;
        }
        for name in [
            "alternatives",
            "patterns",
            "value_patterns",
            "positional_patterns",
            "keyword_pattern_patterns",
        ] {
            for inner in pattern.nodes(name) {
                self.pattern_temps(inner, owned)?;
            }
        }
        Ok(())
    }

    /// The local of a temporary.
    fn match_temp(&mut self, temp: Node<'t>) -> Result<LocalId> {
        if let Some(local) = self.node_locals.get(&temp.id()) {
            return Ok(*local);
        }
        if is_slice(temp) {
            return missing_node(temp, "of a memoryview");
        }
        let local = match self.type_of(temp)? {
            Type::Object => self.owned_local("matched"),
            ty => self.b.local("matched", ty),
        };
        self.node_locals.insert(temp.id(), local);
        Ok(local)
    }

    /// Nothing is known yet of whether the subject is a sequence or a mapping.
    fn start_flags(&mut self, temp: Node<'t>) -> Result<()> {
        let local = self.match_temp(temp)?;
        let Type::Int(bits) = self.b.function.locals[local.0 as usize].ty else {
            return missing_node(temp, "of this type");
        };
        let zero = self.int(0, bits);
        self.b.effect(Op::Set(local, zero));
        Ok(())
    }

    /// `AssignableTempNode`, `TrackTypeTempNode`; an object is borrowed from the temporary.
    pub(super) fn lower_match_temp(&mut self, node: Node<'t>) -> Result<Value> {
        let local = self.match_temp(node)?;
        Ok(self.op(Op::Get(local)))
    }

    /// The same as a target.
    pub(super) fn assign_match_temp(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let local = self.match_temp(target)?;
        self.set_local(target, local, value)
    }

    /// `&` of such a temporary.
    pub(super) fn match_temp_address(&mut self, node: Node<'t>) -> Result<Value> {
        let local = self.match_temp(node)?;
        Ok(self.op(Op::LocalAddr(local)))
    }

    /// `EvaluateWithKeysAndSubjectsArrays`: a test that is handed two arrays.
    pub(super) fn lower_with_match_arrays(&mut self, node: Node<'t>) -> Result<Value> {
        let keys = self.expr_list(node.nodes("keys_array"))?;
        let mut borrowed = Vec::new();
        for key in &keys {
            borrowed.push(self.borrow(*key));
        }
        let keys_array = self.match_array(&borrowed, Type::Object);
        let mut places = Vec::new();
        for place in node.list("subjects_array") {
            places.push(match place {
                frontend_bridge::tree::Value::Node(id) => {
                    let temp = node.tree().node(*id);
                    let local = self.match_temp(temp)?;
                    if self.b.function.locals[local.0 as usize].ty != Type::Object {
                        return missing_node(temp, "of a C type in a mapping or class pattern");
                    }
                    self.op(Op::LocalAddr(local))
                }
                _ => self.null(),
            });
        }
        let places_array = self.match_array(&places, Type::Ptr);
        self.at(node);
        self.matching.arrays.push((keys_array, places_array));
        let result = node
            .child("arg")
            .map_err(Into::into)
            .and_then(|arg| self.expr(arg));
        self.matching.arrays.pop();
        let result = result?;
        for key in keys.into_iter().rev() {
            self.release(key);
        }
        Ok(result)
    }

    fn match_array(&mut self, items: &[Value], ty: Type) -> Value {
        let array = Type::Array(Box::new(ty.clone()), items.len().max(1) as u64);
        let local = self.b.local("match.array", array);
        let base = self.op(Op::LocalAddr(local));
        for (index, item) in items.iter().enumerate() {
            let index = self.int(index as i128, 64);
            let address = self.op(Op::Index(base, ty.clone(), index));
            self.b.effect(Op::Store {
                address,
                value: *item,
            });
        }
        base
    }

    /// The array that a `RawCNameExprNode` names.
    pub(super) fn lower_match_array(&mut self, node: Node<'t>) -> Result<Value> {
        match (self.matching.arrays.last(), node.text("cname")) {
            (Some((keys, _)), Some("__pyx_match_mapping_keys")) => Ok(*keys),
            (Some((_, places)), Some("__pyx_match_mapping_subjects")) => Ok(*places),
            _ => missing_node(node, "outside of a match statement"),
        }
    }
}
