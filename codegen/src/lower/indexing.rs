//! Items: reading, assigning and deleting them, of objects and of C arrays.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, Comparison, Op, Raises, Type, Value};

/// How an index is checked, as the runtime's functions take it.
#[derive(Clone, Copy)]
struct Checks {
    wraparound: bool,
    boundscheck: bool,
    /// An unsigned index of 64 bits, which may be beyond what an object can have.
    wide: bool,
}

impl<'t> Body<'_, 't> {
    pub(super) fn lower_index(&mut self, node: Node<'t>) -> Result<Value> {
        let (base, index) = (node.child("base")?, node.child("index")?);
        let base_type = base.expr_type()?;
        if types::resolve(base_type).flag("is_ctuple") {
            return self.ctuple_item(node);
        }
        if !base_type.flag("is_pyobject") {
            return self.load_item(node, base, index);
        }
        let object = self.expr(base)?;
        let place = self.expr(index)?;
        self.at(node);
        if *self.b.ty(place) != Type::Object {
            let result = self.get_by_number(node, base, index, object, place)?;
            self.release_under(result, &[object]);
            return Ok(result);
        }
        if !node.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of an object as a C value");
        }
        let plain = base_type.kind() == "PyObjectType";
        let function = if base_type.flag("is_pyanydict_type") {
            "__Pyx_PyDict_GetItem"
        } else if plain && index.expr_type()?.flag("is_pystr_type") {
            "__Pyx_PyObject_Dict_GetItem"
        } else {
            "__Pyx_PyObject_GetItem"
        };
        let result = self.rt_object(function, "oo:O", &[object, place])?;
        self.release_under(result, &[object, place]);
        Ok(result)
    }

    fn checks(&self, node: Node<'t>, index: Node<'t>) -> Checks {
        let original = node.ty("original_index_type").or_else(|| index.ty("type"));
        let unsigned = original.is_some_and(types::unsigned);
        let positive =
            matches!(index.attr("constant_result"), Some(Attr::Int(value)) if *value >= 0);
        let bits = original
            .and_then(types::integer)
            .map_or(64, |(bits, _)| bits);
        Checks {
            wraparound: self.directive_on("wraparound") && !unsigned && !positive,
            boundscheck: self.directive_on("boundscheck"),
            wide: unsigned && bits >= 64,
        }
    }

    fn flags(&mut self, checks: Checks) -> [Value; 2] {
        [
            self.int(checks.wraparound.into(), 32),
            self.int(checks.boundscheck.into(), 32),
        ]
    }

    fn index_number(&mut self, index: Node<'t>, place: Value) -> Result<Value> {
        Ok(self.widen(place, 64, types::unsigned(index.expr_type()?)))
    }

    /// Raises where an unsigned index does not fit.
    fn refuse_wide(&mut self, checks: Checks, place: Value, message: &str) -> Result<()> {
        if !checks.wide {
            return Ok(());
        }
        let zero = self.int(0, 64);
        let beyond = self.op(Op::Compare(Comparison::SLt, place, zero));
        self.if_unlikely(beyond, |body| {
            body.raise_builtin("PyExc_IndexError", message)
        })
    }

    /// `object[number]`.
    fn get_by_number(
        &mut self,
        node: Node<'t>,
        base: Node<'t>,
        index: Node<'t>,
        object: Value,
        place: Value,
    ) -> Result<Value> {
        let ty = base.expr_type()?;
        let checks = self.checks(node, index);
        let place = self.index_number(index, place)?;
        if !node.expr_type()?.flag("is_pyobject") {
            let (function, message, shared) = if ty.flag("is_pystr_type") {
                (
                    "__Pyx_GetItemInt_Unicode",
                    "string index out of range",
                    false,
                )
            } else if ty.flag("is_pybytes_type") {
                ("__Pyx_GetItemInt_Bytes", "string index out of range", false)
            } else if ty.flag("is_pybytearray_type") {
                (
                    "__Pyx_GetItemInt_ByteArray",
                    "bytearray index out of range",
                    true,
                )
            } else {
                return missing_node(node, "of an object as a C value");
            };
            self.refuse_wide(checks, place, message)?;
            let [wraparound, boundscheck] = self.flags(checks);
            let mut args = vec![object, place, wraparound, boundscheck];
            let mut short = "olii".to_owned();
            let mut function = function.to_owned();
            if !self.gil {
                // The exception takes the GIL.
                function.push_str("_Fast");
                args.push(self.int(0, 32));
                short.push('i');
            }
            if shared {
                args.push(self.int(0, 32));
                short.push('i');
            }
            let short = format!("{short}:i");
            return self.rt_status(&function, &short, &args, Raises::MinusOne);
        }
        let known = match (ty.flag("is_pylist_type"), ty.flag("is_pytuple_type")) {
            (true, _) => Some(("__Pyx_GetItemInt_List", "list index out of range", true)),
            (_, true) => Some(("__Pyx_GetItemInt_Tuple", "tuple index out of range", false)),
            _ => None,
        };
        if let Some((function, message, list)) = known {
            self.refuse_wide(checks, place, message)?;
            return self.item_inline(object, place, checks, function, list);
        }
        if checks.wide {
            return self.get_by_wide_number(object, place);
        }
        let [wraparound, boundscheck] = self.flags(checks);
        let shared = self.int(0, 32);
        let args = [object, place, wraparound, boundscheck, shared];
        self.rt_object("__Pyx_GetItemInt", "oliii:O", &args)
    }

    /// An index of a type that an object's length may not reach.
    fn get_by_wide_number(&mut self, object: Value, place: Value) -> Result<Value> {
        let key = self.rt_object("PyLong_FromSize_t", "l:O", &[place])?;
        let result = self.rt_object("__Pyx_PyObject_GetItem", "oo:O", &[object, key])?;
        self.release_under(result, &[key]);
        Ok(result)
    }

    /// An item of a list or tuple: in place where the index is inside, else by the runtime.
    fn item_inline(
        &mut self,
        object: Value,
        place: Value,
        checks: Checks,
        function: &str,
        list: bool,
    ) -> Result<Value> {
        let found = self.b.local("item", Type::Object);
        let (inside, outside, done) = (self.b.block(), self.b.cold_block(), self.b.block());
        let mut at = place;
        if checks.wraparound || checks.boundscheck {
            let size = self.object_size(object);
            if checks.wraparound {
                let zero = self.int(0, 64);
                let negative = self.op(Op::Compare(Comparison::SLt, place, zero));
                let wrapped = self.op(Op::Binary(BinaryOp::Add, place, size));
                at = self.op(Op::Select(negative, wrapped, place));
            }
            if checks.boundscheck {
                let fits = self.op(Op::Compare(Comparison::ULt, at, size));
                self.b.branch(fits, inside, outside);
                self.b.switch_to(outside);
                let [wraparound, boundscheck] = self.flags(checks);
                let shared = self.int(0, 32);
                let args = [object, place, wraparound, boundscheck, shared];
                let item = self.rt_object(function, "oliii:O", &args)?;
                self.forget_temp(item);
                self.b.effect(Op::Set(found, item));
                self.b.jump(done);
            } else {
                self.b.jump(inside);
            }
        } else {
            self.b.jump(inside);
        }
        self.b.switch_to(inside);
        let item = self.sequence_item(object, at, list);
        let item = self.op(Op::IncRef(item));
        self.b.effect(Op::Set(found, item));
        self.b.jump(done);
        self.b.switch_to(done);
        let item = self.op(Op::Take(found));
        Ok(self.hold(item))
    }

    /// An item of a C array or behind a pointer.
    fn load_item(&mut self, node: Node<'t>, base: Node<'t>, index: Node<'t>) -> Result<Value> {
        let address = self.item_address(node, base, index)?;
        match self.type_of(node)? {
            Type::Array(..) => Ok(address),
            ty => {
                let value = self.op(Op::Load(ty.clone(), address));
                if ty == Type::Object {
                    Ok(self.owned(value))
                } else {
                    Ok(value)
                }
            }
        }
    }

    /// The address of an item of a C array or behind a pointer.
    pub(super) fn item_address(
        &mut self,
        node: Node<'t>,
        base: Node<'t>,
        index: Node<'t>,
    ) -> Result<Value> {
        let ty = types::resolve(base.expr_type()?);
        if !ty.flag("is_ptr") && !ty.flag("is_array") {
            return missing_node(node, &format!("of {}", ty.kind()));
        }
        let address = self.expr(base)?;
        if !self.b.ty(address).is_pointer() {
            return missing_node(node, "of an array by value");
        }
        let place = self.expr(index)?;
        let place = self.widen(place, 64, types::unsigned(index.expr_type()?));
        let item = match self.sized_by_path(node) {
            Some(item) => item,
            None => self.type_of(node)?,
        };
        Ok(self.op(Op::Index(address, item, place)))
    }

    pub(super) fn assign_index(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let (base, index) = (target.child("base")?, target.child("index")?);
        let ty = base.expr_type()?;
        if types::resolve(ty).flag("is_ctuple") {
            let address = self.ctuple_item_address(target)?;
            return self.store_as(target, address, value);
        }
        if !ty.flag("is_pyobject") {
            let address = self.item_address(target, base, index)?;
            return self.store_as(target, address, value);
        }
        let object = self.expr(base)?;
        let place = self.expr(index)?;
        self.at(target);
        if *self.b.ty(place) != Type::Object {
            self.set_by_number(target, (base, object), (index, place), value)?;
            self.release(object);
            self.release(value);
            return Ok(());
        }
        let dict = ty.flag("is_pydict_type");
        let function = if dict {
            "PyDict_SetItem"
        } else {
            "PyObject_SetItem"
        };
        self.rt_status(function, "ooo:i", &[object, place, value], NEGATIVE)?;
        self.release(object);
        self.release(place);
        self.release(value);
        Ok(())
    }

    fn set_by_number(
        &mut self,
        target: Node<'t>,
        (base, object): (Node<'t>, Value),
        (index, place): (Node<'t>, Value),
        value: Value,
    ) -> Result<()> {
        let checks = self.checks(target, index);
        let place = self.index_number(index, place)?;
        if base.expr_type()?.flag("is_pybytearray_type") {
            return self.set_byte(target, checks, object, place, value);
        }
        if *self.b.ty(value) != Type::Object {
            return missing_node(target, "as a target of a C value");
        }
        if checks.wide {
            let key = self.rt_object("PyLong_FromSize_t", "l:O", &[place])?;
            self.rt_status("PyObject_SetItem", "ooo:i", &[object, key, value], NEGATIVE)?;
            self.release(key);
            return Ok(());
        }
        let [wraparound, boundscheck] = self.flags(checks);
        let shared = self.int(0, 32);
        let args = [object, place, value, wraparound, boundscheck, shared];
        self.rt_status("__Pyx_SetItemInt", "oloiii:i", &args, NEGATIVE)?;
        Ok(())
    }

    /// `bytearray[number] = value`.
    fn set_byte(
        &mut self,
        target: Node<'t>,
        checks: Checks,
        object: Value,
        place: Value,
        value: Value,
    ) -> Result<()> {
        let (Type::Int(_), Some(source)) = (self.b.ty(value).clone(), self.assigned) else {
            return missing_node(target, "as a target, of a bytearray");
        };
        let wide = self.widen(value, 64, types::unsigned(source));
        if !self.gil {
            // Cython does not check the value there.
            self.refuse_wide(checks, place, "bytearray index out of range")?;
            let byte = self.widen(wide, 32, true);
            let [wraparound, boundscheck] = self.flags(checks);
            let (has_gil, shared) = (self.int(0, 32), self.int(0, 32));
            let mask = self.int(255, 32);
            let byte = self.op(Op::Binary(BinaryOp::And, byte, mask));
            let args = [
                object,
                place,
                byte,
                wraparound,
                boundscheck,
                has_gil,
                shared,
            ];
            let function = "__Pyx_SetItemInt_ByteArray_Fast";
            self.rt_status(function, "oliiiii:i", &args, NEGATIVE)?;
            return Ok(());
        }
        let limit = self.int(256, 64);
        let fits = self.op(Op::Compare(Comparison::ULt, wide, limit));
        let (good, bad) = (self.b.block(), self.b.cold_block());
        self.b.branch(fits, good, bad);
        self.b.switch_to(bad);
        self.raise_builtin("PyExc_ValueError", "byte must be in range(0, 256)")?;
        self.b.jump(good);
        self.b.switch_to(good);
        self.refuse_wide(checks, place, "bytearray index out of range")?;
        let byte = self.widen(wide, 32, true);
        let [wraparound, boundscheck] = self.flags(checks);
        let shared = self.int(0, 32);
        let args = [object, place, byte, wraparound, boundscheck, shared];
        self.rt_status("__Pyx_SetItemInt_ByteArray", "oliiii:i", &args, NEGATIVE)?;
        Ok(())
    }

    /// `del object[index]`.
    pub(super) fn delete_index(&mut self, target: Node<'t>) -> Result<()> {
        let (base, index) = (target.child("base")?, target.child("index")?);
        if !base.expr_type()?.flag("is_pyobject") {
            return missing_node(target, "del");
        }
        let object = self.expr(base)?;
        let place = self.expr(index)?;
        self.at(target);
        if *self.b.ty(place) == Type::Object {
            let dict = base.expr_type()?.flag("is_pydict_type");
            let function = if dict {
                "PyDict_DelItem"
            } else {
                "PyObject_DelItem"
            };
            self.rt_status(function, "oo:i", &[object, place], NEGATIVE)?;
            self.release(object);
            self.release(place);
        } else {
            let checks = self.checks(target, index);
            let place = self.index_number(index, place)?;
            if checks.wide {
                let key = self.rt_object("PyLong_FromSize_t", "l:O", &[place])?;
                self.rt_status("PyObject_DelItem", "oo:i", &[object, key], NEGATIVE)?;
                self.release(key);
            } else {
                let [wraparound, boundscheck] = self.flags(checks);
                let shared = self.int(0, 32);
                let args = [object, place, wraparound, boundscheck, shared];
                self.rt_status("__Pyx_DelItemInt", "oliii:i", &args, NEGATIVE)?;
            }
        }
        self.release(object);
        Ok(())
    }
}

/// Whether it is an item of a bytearray, by a C integer.
pub(super) fn is_byte(target: Node<'_>) -> bool {
    let bytes = target.node("base").and_then(|base| base.ty("type"));
    let place = target.node("index").and_then(|index| index.ty("type"));
    target.kind() == "IndexNode"
        && bytes.is_some_and(|ty| ty.flag("is_pybytearray_type"))
        && place.is_some_and(|ty| !ty.flag("is_pyobject"))
}
