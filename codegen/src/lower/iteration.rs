//! `for` over objects: lists and tuples by index, dicts and sets in place, all else by iterators.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::cleanup::Frame;
use super::context::missing_node;
use super::line_marks::When;
use crate::mir::{
    BinaryOp, BlockId, Callee, Comparison, LocalId, Op, Raises, Signature, Terminator,
};
use crate::mir::{Type, Value};

/// What is known of the iterable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    List,
    Tuple,
    Any,
}

/// A loop that runs: what it goes over, and how far it is.
struct State {
    source: Source,
    /// The sequence or iterator; a temporary.
    object: Value,
    /// The next index; below zero for an iterator.
    index: LocalId,
    /// The iterator's function for the next item.
    next: LocalId,
    reversed: bool,
}

impl<'t> Body<'_, 't> {
    /// `ForInStatNode` over an object.
    pub(super) fn lower_for_in(&mut self, node: Node<'t>) -> Result<()> {
        let iterator = node.child("iterator")?;
        let item = node.child("item")?;
        if iterator.kind() != "IteratorNode" {
            return missing_node(node, &format!("over {}", iterator.kind()));
        }
        if self.lower_for_range(node)? {
            return Ok(());
        }
        let mut next = item;
        while next.kind() != "NextNode" {
            match next.node("arg") {
                Some(arg) => next = arg,
                None => return missing_node(node, "with another kind of item"),
            }
        }
        let sequence = iterator.child("sequence")?;
        if !sequence.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "over C values");
        }
        let state = self.start_loop(iterator, sequence)?;
        let head = self.b.block();
        let exhausted = self.b.block();
        let broken = self.b.block();
        let after = self.b.block();
        self.b.jump(head);
        self.b.switch_to(head);
        self.at(node);
        let value = self.next_item(&state, exhausted)?;
        self.results.insert(next.id(), value);
        let made = self.expr(item)?;
        self.assign(node.child("target")?, made)?;
        self.loop_body(node.child("body")?, broken, head)?;
        self.b.jump(head);
        // The iterator goes before the else clause runs.
        self.b.switch_to(exhausted);
        self.b.effect(Op::DecRef(state.object));
        self.forget_temp(state.object);
        if let Some(clause) = node.node("else_clause") {
            self.stat(clause)?;
        }
        self.b.jump(after);
        self.b.switch_to(broken);
        self.b.effect(Op::DecRef(state.object));
        self.b.jump(after);
        self.b.switch_to(after);
        Ok(())
    }

    fn start_loop(&mut self, iterator: Node<'t>, sequence: Node<'t>) -> Result<State> {
        let ty = sequence.expr_type()?;
        let source = match (ty.flag("is_pylist_type"), ty.flag("is_pytuple_type")) {
            (true, _) => Source::List,
            (_, true) => Source::Tuple,
            _ => Source::Any,
        };
        let reversed = iterator.flag("reversed");
        if reversed && source == Source::Any {
            return missing_node(iterator, "reversed, of this kind");
        }
        let value = self.expr(sequence)?;
        self.at(iterator);
        let index = self.b.local("index", Type::I64);
        let next = self.b.local("next", Type::Ptr);
        if source == Source::Any {
            let (place, function) = (self.op(Op::LocalAddr(index)), self.op(Op::LocalAddr(next)));
            let object = self.rt_object("cyl_iterate", "opp:O", &[value, place, function])?;
            self.release_under(object, &[value]);
            return Ok(State {
                source,
                object,
                index,
                next,
                reversed,
            });
        }
        let object = self.owned(value);
        let first = if reversed {
            let (size, one) = (self.object_size(object), self.int(1, 64));
            self.op(Op::Binary(BinaryOp::Sub, size, one))
        } else {
            self.int(0, 64)
        };
        self.b.effect(Op::Set(index, first));
        Ok(State {
            source,
            object,
            index,
            next,
            reversed,
        })
    }

    /// The next item as a temporary; goes to `exhausted` where there is none.
    fn next_item(&mut self, state: &State, exhausted: BlockId) -> Result<Value> {
        let found = self.b.local("item", Type::Object);
        let ready = self.b.block();
        let index = self.op(Op::Get(state.index));
        if state.reversed || state.source == Source::Any {
            let zero = self.int(0, 64);
            let negative = self.op(Op::Compare(Comparison::SLt, index, zero));
            let indexed = self.b.block();
            if state.reversed {
                self.b.branch(negative, exhausted, indexed);
            } else {
                let iterated = self.b.block();
                self.b.branch(negative, iterated, indexed);
                self.b.switch_to(iterated);
                self.iterator_item(state, found, exhausted)?;
                self.b.jump(ready);
            }
            self.b.switch_to(indexed);
        }
        // The length is read each time: the body may change a list.
        let size = self.object_size(state.object);
        let inside = self.op(Op::Compare(Comparison::SLt, index, size));
        let indexed = self.b.block();
        self.b.branch(inside, indexed, exhausted);
        self.b.switch_to(indexed);
        let one = self.int(1, 64);
        let step = if state.reversed {
            BinaryOp::Sub
        } else {
            BinaryOp::Add
        };
        let moved = self.op(Op::Binary(step, index, one));
        self.b.effect(Op::Set(state.index, moved));
        if state.source == Source::Any {
            let (list, tuple) = (self.b.block(), self.b.block());
            let is_list = self.is_exactly(state.object, "PyList_Type");
            self.b.branch(is_list, list, tuple);
            self.b.switch_to(list);
            self.indexed_item(state, index, true, found);
            self.b.jump(ready);
            self.b.switch_to(tuple);
            self.indexed_item(state, index, false, found);
        } else {
            self.indexed_item(state, index, state.source == Source::List, found);
        }
        self.b.jump(ready);
        self.b.switch_to(ready);
        let item = self.op(Op::Take(found));
        Ok(self.hold(item))
    }

    fn indexed_item(&mut self, state: &State, index: Value, list: bool, found: LocalId) {
        let item = self.sequence_item(state.object, index, list);
        let item = self.op(Op::IncRef(item));
        self.b.effect(Op::Set(found, item));
    }

    fn iterator_item(&mut self, state: &State, found: LocalId, exhausted: BlockId) -> Result<()> {
        let function = self.op(Op::Get(state.next));
        let signature = Signature::new([Type::Object], Type::Object);
        let callee = Callee::Indirect(function, Box::new(signature));
        let Some(item) = self.b.call(&self.m.mir, callee, vec![state.object]) else {
            return self.defect("iterator without a result");
        };
        let (some, none) = (self.b.block(), self.b.block());
        self.b.end(Terminator::Check {
            value: Some(item),
            raises: Raises::Null,
            ok: some,
            error: none,
        });
        self.b.switch_to(none);
        self.rt_status("__Pyx_IterFinish", ":i", &[], NEGATIVE)?;
        self.b.jump(exhausted);
        self.b.switch_to(some);
        self.b.effect(Op::Set(found, item));
        Ok(())
    }

    /// Nodes that stand for a value made elsewhere, which is handed over: `NextNode`, `TempNode`.
    pub(super) fn lower_handed_over(&mut self, node: Node<'t>) -> Result<Value> {
        match self.results.get(&node.id()).copied() {
            Some(value) => Ok(value),
            None => match self.node_locals.get(&node.id()).copied() {
                Some(local) => Ok(self.op(Op::Get(local))),
                None => missing_node(node, "outside its statement"),
            },
        }
    }

    // ---------------------------------------------------------------- dicts and sets

    /// `DictIterationNextNode`: the next entry of a dict, or out of the loop.
    pub(super) fn lower_dict_next(&mut self, node: Node<'t>) -> Result<()> {
        let Some(exhausted) = self.exhausted.last().copied() else {
            return missing_node(node, "outside a loop");
        };
        let object = self.expr(node.child("dict_obj")?)?;
        let size = self.expr(node.child("expected_size")?)?;
        let position = self.temp_ref_address(node.child("pos_index_var")?)?;
        let flag = self.expr(node.child("is_dict_flag")?)?;
        let mut args = vec![object, size, position];
        let mut parts = Vec::new();
        for name in ["key", "value", "tuple"] {
            match node.node(&format!("{name}_target")) {
                Some(target) => {
                    let local = self.b.local(name, Type::Object);
                    let null = self.null_object();
                    self.b.effect(Op::Set(local, null));
                    args.push(self.op(Op::LocalAddr(local)));
                    let reference = node.child(&format!("{name}_ref"))?;
                    parts.push((
                        local,
                        reference,
                        node.child(&format!("coerced_{name}_var"))?,
                        target,
                    ));
                }
                None => args.push(self.null()),
            }
        }
        args.push(flag);
        self.next_entry(
            ("__Pyx_dict_iter_next", "olppppi:i"),
            &args,
            exhausted,
            parts,
        )
    }

    /// `SetIterationNextNode`: the next element of a set, or out of the loop.
    pub(super) fn lower_set_next(&mut self, node: Node<'t>) -> Result<()> {
        let Some(exhausted) = self.exhausted.last().copied() else {
            return missing_node(node, "outside a loop");
        };
        let object = self.expr(node.child("set_obj")?)?;
        let size = self.expr(node.child("expected_size")?)?;
        let position = self.temp_ref_address(node.child("pos_index_var")?)?;
        let flag = self.expr(node.child("is_set_flag")?)?;
        let local = self.b.local("value", Type::Object);
        let null = self.null_object();
        self.b.effect(Op::Set(local, null));
        let address = self.op(Op::LocalAddr(local));
        let parts = vec![(
            local,
            node.child("value_ref")?,
            node.child("coerced_value_var")?,
            node.child("value_target")?,
        )];
        let args = [object, size, position, address, flag];
        self.next_entry(("__Pyx_set_iter_next", "olppi:i"), &args, exhausted, parts)
    }

    fn next_entry(
        &mut self,
        (function, signature): (&str, &str),
        args: &[Value],
        exhausted: BlockId,
        parts: Vec<(LocalId, Node<'t>, Node<'t>, Node<'t>)>,
    ) -> Result<()> {
        let more = self.rt_status(function, signature, args, Raises::MinusOne)?;
        let more = self.truth(more)?;
        let found = self.b.block();
        self.b.branch(more, found, exhausted);
        self.b.switch_to(found);
        for (local, reference, _, _) in &parts {
            let value = self.op(Op::Take(*local));
            let value = self.hold(value);
            self.results.insert(reference.id(), value);
        }
        let mut made = Vec::new();
        for (_, _, coerced, target) in parts {
            made.push((target, self.expr(coerced)?));
        }
        for (target, value) in made {
            self.assign(target, value)?;
        }
        Ok(())
    }

    /// Lowers a loop's body: `continue` and `break` lead to the given blocks.
    pub(super) fn loop_body(
        &mut self,
        body: Node<'t>,
        break_to: BlockId,
        continue_to: BlockId,
    ) -> Result<()> {
        let depth = self.temps.len();
        self.frames.push(Frame::Loop {
            break_to,
            continue_to,
            depth,
        });
        let done = self
            .tell_line(body, When::Iteration)
            .and_then(|()| self.stat(body));
        self.frames.pop();
        done
    }
}
