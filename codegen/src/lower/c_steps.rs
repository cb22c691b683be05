//! Operators that C has and Python has not, out of `cython.operator`: `*p`, and `++x` and its like.

use frontend_bridge::tree::Node;

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::types;
use crate::mir::{BinaryOp, Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// `DereferenceNode`: what an address leads to.
    pub(super) fn lower_dereference(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child("operand")?;
        if !types::resolve(operand.expr_type()?).flag("is_ptr") {
            return missing_node(node, "of C++");
        }
        let ty = self.type_of(node)?;
        let address = self.expr(operand)?;
        match ty {
            Type::Void => missing_node(node, "of nothing"),
            Type::Array(..) => Ok(address),
            Type::Object => {
                let value = self.op(Op::Load(Type::Object, address));
                Ok(self.owned(value))
            }
            ty => Ok(self.op(Op::Load(ty, address))),
        }
    }

    /// `DecrementIncrementNode`: `++x`, `x++`, `--x` and `x--`.
    pub(super) fn lower_step(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child("operand")?;
        let ty = operand.expr_type()?;
        let plain = matches!(operand.kind(), "NameNode" | "IndexNode" | "DereferenceNode");
        let address = match operand.kind() {
            "AttributeNode" => match self.lvalue_as_declared(operand)? {
                (address, false) => address,
                (_, true) => return missing_node(node, "of a member of a packed struct"),
            },
            _ if plain => self.lvalue(operand)?,
            _ => return missing_node(node, &format!("of {}", operand.kind())),
        };
        self.at(node);
        let have = self.type_of(operand)?;
        let old = self.op(Op::Load(have.clone(), address));
        let up = node.text("operator") == Some("++");
        let step = if up { 1 } else { -1 };
        let new = match have {
            Type::Int(bits) => {
                let step = self.int(step, bits);
                self.op(Op::Binary(BinaryOp::Add, old, step))
            }
            Type::F32 | Type::F64 | Type::F80 => {
                let step = self.float(step as f64, have.clone());
                self.op(Op::Binary(BinaryOp::FAdd, old, step))
            }
            Type::Ptr => {
                let Some(item) = types::resolve(ty).ty("base_type") else {
                    return missing_node(node, "of an address of nothing");
                };
                let item = match self.c_type(item)? {
                    // As gcc has it.
                    Type::Void => Type::Int(8),
                    item => item,
                };
                let step = self.int(step, 64);
                self.op(Op::Index(old, item, step))
            }
            _ => return missing_node(node, "of this type"),
        };
        self.b.effect(Op::Store {
            address,
            value: new,
        });
        let value = if node.flag("is_prefix") { new } else { old };
        self.convert_number(value, ty, node.expr_type()?)
    }
}
