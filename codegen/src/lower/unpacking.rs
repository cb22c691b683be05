//! Unpacking assignments: `a, *b = value`.

use frontend_bridge::tree::Node;

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{BinaryOp, Comparison, Op, Type, Value};

/// Offsets in CPython's objects on 64-bit machines, the same in all versions with a GIL.
pub(super) const OB_SIZE: i128 = 2;
pub(super) const OB_ITEM: i128 = 3;

impl<'t> Body<'_, 't> {
    /// Assigns an iterable's items to the targets of a tuple or list; takes the value over.
    pub(super) fn unpack(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let unpacked = target.nodes("unpacked_items");
        let coerced = target.nodes("coerced_unpacked_items");
        let args = target.nodes("args");
        if unpacked.len() != args.len() || coerced.len() != args.len() {
            return missing_node(target, "as a target of this form");
        }
        if *self.b.ty(value) != Type::Object {
            return missing_node(target, "as the target of a C value");
        }
        let items = self.unpacked(target, &args, value)?;
        for (node, item) in unpacked.iter().zip(&items) {
            self.results.insert(node.id(), *item);
        }
        // All conversions before the first assignment.
        let mut made = Vec::new();
        for node in coerced {
            made.push(self.expr(node)?);
        }
        for (arg, value) in args.into_iter().zip(made) {
            self.at(arg);
            self.assign(arg, value)?;
        }
        Ok(())
    }

    /// The items as temporaries.  Takes the value over: it is given back as soon as there is an iterator.
    fn unpacked(
        &mut self,
        target: Node<'t>,
        args: &[Node<'t>],
        value: Value,
    ) -> Result<Vec<Value>> {
        let count = args.len();
        let array = self.b.local(
            "unpacked",
            Type::Array(Box::new(Type::Object), count.max(1) as u64),
        );
        let base = self.op(Op::LocalAddr(array));
        if target.flag("starred_assignment") {
            let Some(starred) = args.iter().position(|arg| arg.flag("is_starred")) else {
                return missing_node(target, "without its starred target");
            };
            let left = self.int(starred as i128, 64);
            let right = self.int((count - starred - 1) as i128, 64);
            let value = self.give(value);
            self.rt_status(
                "cyl_unpack_starred",
                "Ollp:i",
                &[value, left, right, base],
                NEGATIVE,
            )?;
        } else if count <= 4 {
            return self.unpack_inline(value, count, base);
        } else {
            let count = self.int(count as i128, 64);
            let value = self.give(value);
            self.rt_status("cyl_unpack", "Olp:i", &[value, count, base], NEGATIVE)?;
        }
        let mut items = Vec::new();
        for index in 0..count {
            let place = self.int(index as i128, 64);
            let address = self.op(Op::Index(base, Type::Object, place));
            let item = self.op(Op::Load(Type::Object, address));
            let item = self.op(Op::Own(item));
            items.push(self.hold(item));
        }
        Ok(items)
    }

    /// Tuples and lists of the right length in place, all else by the runtime.  Takes the value over.
    fn unpack_inline(&mut self, value: Value, count: usize, base: Value) -> Result<Vec<Value>> {
        let owned = self.temps.contains(&value);
        if owned {
            self.forget_temp(value);
        }
        let items: Vec<_> = (0..count)
            .map(|_| self.b.local("item", Type::Object))
            .collect();
        let from = self.b.local("items", Type::Ptr);
        let [tuple, other, list, sized, fast, slow, done] = std::array::from_fn(|_| self.b.block());
        let class = self.type_of_object(value);
        let tuples = self.symbol_object("PyTuple_Type");
        let is_tuple = self.op(Op::Compare(Comparison::Eq, class, tuples));
        self.b.branch(is_tuple, tuple, other);
        self.b.switch_to(tuple);
        let place = self.int(OB_ITEM, 64);
        let address = self.op(Op::Index(value, Type::Object, place));
        self.b.effect(Op::Set(from, address));
        self.b.jump(sized);
        self.b.switch_to(other);
        let lists = self.symbol_object("PyList_Type");
        let is_list = self.op(Op::Compare(Comparison::Eq, class, lists));
        self.b.branch(is_list, list, slow);
        self.b.switch_to(list);
        let place = self.int(OB_ITEM, 64);
        let address = self.op(Op::Index(value, Type::Object, place));
        let address = self.op(Op::Load(Type::Ptr, address));
        self.b.effect(Op::Set(from, address));
        self.b.jump(sized);
        self.b.switch_to(sized);
        let size = self.object_word(value, OB_SIZE);
        let wanted = self.int(count as i128, 64);
        let right = self.op(Op::Compare(Comparison::Eq, size, wanted));
        self.b.branch(right, fast, slow);
        self.b.switch_to(fast);
        let from = self.op(Op::Get(from));
        for (index, item) in items.iter().enumerate() {
            let place = self.int(index as i128, 64);
            let address = self.op(Op::Index(from, Type::Object, place));
            let found = self.op(Op::Load(Type::Object, address));
            let found = self.op(Op::IncRef(found));
            self.b.effect(Op::Set(*item, found));
        }
        if owned {
            self.b.effect(Op::DecRef(value));
        }
        self.b.jump(done);
        self.b.switch_to(slow);
        let count = self.int(count as i128, 64);
        let value = if owned {
            value
        } else {
            self.op(Op::IncRef(value))
        };
        self.rt_status("cyl_unpack", "Olp:i", &[value, count, base], NEGATIVE)?;
        for (index, item) in items.iter().enumerate() {
            let place = self.int(index as i128, 64);
            let address = self.op(Op::Index(base, Type::Object, place));
            let found = self.op(Op::Load(Type::Object, address));
            let found = self.op(Op::Own(found));
            self.b.effect(Op::Set(*item, found));
        }
        self.b.jump(done);
        self.b.switch_to(done);
        let mut values = Vec::new();
        for item in items {
            let value = self.op(Op::Take(item));
            values.push(self.hold(value));
        }
        Ok(values)
    }

    /// A word of an object, as an integer.
    pub(super) fn object_word(&mut self, object: Value, offset: i128) -> Value {
        let offset = self.int(offset, 64);
        let address = self.op(Op::Index(object, Type::I64, offset));
        self.op(Op::Load(Type::I64, address))
    }

    /// The length in the head of a list, tuple or bytes object.
    pub(super) fn object_size(&mut self, object: Value) -> Value {
        self.object_word(object, OB_SIZE)
    }

    /// An item of a list (`indirect`) or a tuple; borrowed.
    pub(super) fn sequence_item(&mut self, object: Value, index: Value, indirect: bool) -> Value {
        let base = self.int(OB_ITEM, 64);
        let address = if indirect {
            let items = self.op(Op::Index(object, Type::Ptr, base));
            let items = self.op(Op::Load(Type::Ptr, items));
            self.op(Op::Index(items, Type::Object, index))
        } else {
            let place = self.op(Op::Binary(BinaryOp::Add, index, base));
            self.op(Op::Index(object, Type::Object, place))
        };
        self.op(Op::Load(Type::Object, address))
    }

    /// Whether an object is exactly of a built-in type.
    pub(super) fn is_exactly(&mut self, object: Value, symbol: &str) -> Value {
        let class = self.type_of_object(object);
        let wanted = self.symbol_object(symbol);
        self.op(Op::Compare(Comparison::Eq, class, wanted))
    }
}
