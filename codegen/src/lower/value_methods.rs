//! Methods of built-in types and of C numbers that are C functions, and properties that are C functions.

use frontend_bridge::tree::{Entry, Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::class_layout::look_up;
use super::context::missing_node;
use super::types;
use crate::mir::{Callee, Op, Type, UnaryOp, Value};

/// Whether a call is of a C function that takes an object or number as a method of it, other than
/// through the C method table of an extension type.
pub(super) fn is_value_method(call: Node<'_>, function: Node<'_>) -> Result<bool> {
    let Some(own) = call.node("self") else {
        return Ok(false);
    };
    let builtin = function
        .entry("entry")
        .is_some_and(|entry| entry.flag("is_builtin_cmethod"));
    let ty = types::resolve(own.expr_type()?);
    Ok(match function.kind() {
        "AttributeNode" => builtin || ty.flag("is_builtin_type") || !ty.flag("is_pyobject"),
        // A variable that such a method was assigned to.
        "NameNode" => function
            .entry("entry")
            .is_some_and(|entry| entry.flag("is_cmethod") && !entry.flag("is_unbound_cmethod")),
        _ => false,
    })
}

impl<'t> Body<'_, 't> {
    /// A method of a built-in type or number that is a C function, such as `append` of lists.
    pub(super) fn call_value_method(
        &mut self,
        node: Node<'t>,
        function: Node<'t>,
        own: Node<'t>,
        ty: TreeType<'t>,
    ) -> Result<Value> {
        let member = function.text("member");
        let Some(name) = member.or_else(|| {
            function
                .entry("entry")
                .and_then(|entry| entry.text("cname"))
        }) else {
            return missing_node(node, "of a C method");
        };
        let args = node.nodes("args");
        if ty.flag("has_varargs") || args.len() != ty.list("args").len() {
            return missing_node(node, "with optional or variable arguments");
        }
        let mut object = self.expr(own)?;
        if *self.b.ty(object) == Type::Object {
            object = self.owned(object);
        }
        self.results.insert(own.id(), object);
        let mut values = Vec::new();
        for arg in args {
            values.push((self.expr(arg)?, arg.expr_type()?));
        }
        self.at(node);
        let result = match values.as_slice() {
            // `conjugate` of a real number.
            [(value, _)] if name.trim().is_empty() => *value,
            [(value, _)] if name.starts_with("__Pyx_c_conj") => self.conjugate(*value)?,
            _ => {
                let result = self.call_named(node, name, ty, &values)?;
                self.check_result(node, ty, result)?
            }
        };
        for (value, _) in values.into_iter().rev() {
            self.release(value);
        }
        self.release(object);
        Ok(result)
    }

    fn conjugate(&mut self, value: Value) -> Result<Value> {
        let Type::Struct(id) = *self.b.ty(value) else {
            return self.defect("no complex number");
        };
        let (real, imaginary) = self.parts(value);
        let negation = match self.b.ty(imaginary).is_int() {
            true => UnaryOp::Neg,
            false => UnaryOp::FNeg,
        };
        let imaginary = self.op(Op::Unary(negation, imaginary));
        Ok(self.op(Op::Make(id, vec![real, imaginary])))
    }

    /// A C method of a built-in type that is named and not used: there is nothing but the object.
    pub(super) fn unused_method(&mut self, node: Node<'t>) -> Result<Value> {
        let object = self.expr(node.child("obj")?)?;
        self.release(object);
        Ok(self.null())
    }

    /// Assigns to a property whose setter is a C function; takes the value over.
    pub(super) fn assign_c_property(
        &mut self,
        target: Node<'t>,
        property: Entry<'t>,
        value: Value,
    ) -> Result<()> {
        let Some(setter) = property
            .scope("scope")
            .and_then(|scope| look_up(scope, "__set__"))
        else {
            return missing_node(target, "of a property without a setter");
        };
        let Some(ty) = setter.ty("type") else {
            return missing_node(target, "of a property without a setter");
        };
        let owner = target.child("obj")?;
        let object = self.expr(owner)?;
        let from = self.assigned.unwrap_or(target.expr_type()?);
        let args = [(object, owner.expr_type()?), (value, from)];
        let result = match self.own_function(setter) {
            Some(id) => {
                let wanted = self.m.mir.functions[id.0 as usize].signature.clone();
                if wanted.params.len() != args.len() {
                    return missing_node(target, "of a property with this setter");
                }
                let values = args
                    .iter()
                    .zip(&wanted.params)
                    .map(|((value, from), param)| self.fit_type(*value, *from, &param.ty))
                    .collect();
                self.b.call(&self.m.mir, Callee::Function(id), values)
            }
            None => {
                let name = setter.text("cname").unwrap_or_default();
                self.call_named(target, name, ty, &args)?
            }
        };
        self.check_result(target, ty, result)?;
        self.release(value);
        self.release(object);
        Ok(())
    }

    /// Calls a type's `tp_new` where Cython names the function itself.
    pub(super) fn call_tp_new(&mut self, node: Node<'t>) -> Result<Value> {
        let values = self.expr_list(node.nodes("args"))?;
        let [class, args, keywords] = values[..] else {
            return missing_node(node, "of a type's constructor");
        };
        self.at(node);
        let objects = [class, keywords].map(|value| {
            if *self.b.ty(value) == Type::Object {
                value
            } else {
                self.op(Op::Cast(crate::mir::CastOp::Pointer, value, Type::Object))
            }
        });
        let call = [objects[0], args, objects[1]];
        let made = self.rt_object("cyl_call_new", "ooo:O", &call)?;
        self.release_under(made, &values);
        Ok(made)
    }
}
