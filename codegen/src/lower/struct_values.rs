//! Values of C structs and unions: from lists and dictionaries, to dictionaries.

use frontend_bridge::tree::{Entry, Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::struct_types::{known_struct, plain_members};
use super::types;
use crate::mir::{Op, StructId, Type, Value};

impl<'t> Body<'_, 't> {
    /// A struct or union as a dictionary of its members.
    pub(super) fn struct_to_python(&mut self, value: Value, from: TreeType<'t>) -> Result<Value> {
        let from = types::resolve(from);
        let Type::Struct(id) = self.b.ty(value).clone() else {
            return self.defect("no struct");
        };
        let address = self.spill(value);
        let members = from
            .scope("scope")
            .map(|scope| scope.entries("var_entries"))
            .unwrap_or_default();
        let count = self.int(members.len() as i128, 64);
        let dict = self.rt_object("__Pyx_PyDict_NewPresized", "l:O", &[count])?;
        for (index, entry) in members.into_iter().enumerate() {
            let Some(ty) = entry.ty("type") else {
                return self.missing("struct member without a type");
            };
            if !plain_members(from) {
                let (place, part) = self.external_part(from, id, entry, address)?;
                let array = matches!(self.c_type(ty)?, Type::Array(..));
                let object = self.to_python(if array { place } else { part }, ty)?;
                let name = self.name(entry.text("name").unwrap_or_default());
                let args = [dict, name, object];
                self.rt_status(
                    "PyDict_SetItem",
                    "ooo:i",
                    &args,
                    super::arithmetic::NEGATIVE,
                )?;
                self.release(object);
                continue;
            }
            let mir = self.c_type(ty)?;
            let place = if from.flag("is_struct") {
                self.op(Op::Field(address, id, index as u32))
            } else {
                address
            };
            let packed = self.m.mir.structs[id.0 as usize].packed;
            let part = match (&mir, packed) {
                (Type::Array(..), false) => place,
                (Type::Array(..), true) => {
                    // It may lie anywhere.
                    let local = self.b.local("member", mir.clone());
                    let copy = self.op(Op::LocalAddr(local));
                    self.copy_memory(copy, place, &mir)?;
                    copy
                }
                (_, true) => self.op(Op::Extract(value, index as u32)),
                _ => self.op(Op::Load(mir, place)),
            };
            let object = self.to_python(part, ty)?;
            let name = self.name(entry.text("name").unwrap_or_default());
            self.rt_status(
                "PyDict_SetItem",
                "ooo:i",
                &[dict, name, object],
                super::arithmetic::NEGATIVE,
            )?;
            self.release(object);
        }
        Ok(dict)
    }

    /// A member of a struct that C declares: its address, and its value as declared.
    fn external_part(
        &mut self,
        of: TreeType<'t>,
        id: StructId,
        entry: Entry<'t>,
        address: Value,
    ) -> Result<(Value, Value)> {
        let (place, there) = self.external_place(of, id, entry, address)?;
        let Some(ty) = entry.ty("type") else {
            return self.missing("struct member without a type");
        };
        let declared = self.c_type(ty)?;
        if matches!(declared, Type::Array(..)) || matches!(there, Type::Array(..)) {
            return Ok((place, place));
        }
        let value = self.op(Op::Load(there, place));
        match (self.b.ty(value).clone(), &declared) {
            (Type::Int(_), Type::Int(bits)) => {
                Ok((place, self.widen(value, *bits, types::unsigned(ty))))
            }
            (have, wanted) if have.is_float() && wanted.is_float() => {
                Ok((place, self.convert_float(value, wanted)))
            }
            _ => Ok((place, value)),
        }
    }

    /// Where a member of a struct that C declares lies, and its type there.
    fn external_place(
        &mut self,
        of: TreeType<'t>,
        id: StructId,
        entry: Entry<'t>,
        address: Value,
    ) -> Result<(Value, Type)> {
        let member = entry.text("cname").unwrap_or_default();
        if let Some(known) = known_struct(of.text("cname").unwrap_or_default()) {
            let Some(index) = known.iter().position(|(name, _)| *name == member) else {
                return self.missing("struct member that C does not have");
            };
            let place = self.op(Op::Field(address, id, index as u32));
            return Ok((place, known[index].1.clone()));
        }
        let (Some(structure), Some(ty)) = (super::ctypes::c_name(of), entry.ty("type")) else {
            return self.missing("struct member without a type");
        };
        let (offset, there) = self
            .m
            .external_member(&structure, member, ty, entry.position())?;
        let offset = self.int(i128::from(offset), 64);
        Ok((self.op(Op::Index(address, Type::Int(8), offset)), there))
    }

    /// `ListNode` of a struct type: the members in order.
    pub(super) fn lower_struct_list(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = self.type_of(node)?;
        let tree_type = types::resolve(node.expr_type()?);
        let plain = tree_type.flag("is_struct") && plain_members(tree_type);
        let (Some((id, false)), true) = (self.m.struct_of(&ty), plain) else {
            return missing_node(node, "of C values");
        };
        let fields = self.m.mir.structs[id.0 as usize].fields.clone();
        let args = node.nodes("args");
        if node.node("mult_factor").is_some() || args.len() > fields.len() {
            return missing_node(node, "of C values");
        }
        let local = self.b.local("struct", ty);
        let base = self.op(Op::LocalAddr(local));
        let values = self.expr_list(args.clone())?;
        for (index, (value, field)) in values.into_iter().zip(fields).enumerate() {
            let value = self.fit_type(value, args[index].expr_type()?, &field);
            let address = self.op(Op::Field(base, id, index as u32));
            if let Type::Array(..) = field {
                self.copy_memory(address, value, &field)?;
            } else {
                self.store(address, value);
            }
        }
        Ok(self.op(Op::Get(local)))
    }

    /// `DictNode` of a struct type: the members by name.
    pub(super) fn lower_struct_display(&mut self, node: Node<'t>) -> Result<Value> {
        let tree_type = types::resolve(node.expr_type()?);
        let ty = self.c_type(tree_type)?;
        let Some((id, _)) = self.m.struct_of(&ty) else {
            return missing_node(node, "of a C value");
        };
        let members = tree_type
            .scope("scope")
            .map(|scope| scope.entries("var_entries"))
            .unwrap_or_default();
        let local = self.b.local("struct", ty.clone());
        let base = self.op(Op::LocalAddr(local));
        for item in node.nodes("key_value_pairs") {
            let key = item.child("key")?;
            let name = key.text("value").unwrap_or_default();
            let source = item.child("value")?;
            let value = self.expr(source)?;
            let Some(index) = members
                .iter()
                .position(|entry| entry.text("name") == Some(name))
            else {
                return missing_node(node, &format!("member '{name}'"));
            };
            let Some(member) = members[index].ty("type") else {
                return missing_node(node, "member without a type");
            };
            if !plain_members(tree_type) {
                let (place, there) = self.external_place(tree_type, id, members[index], base)?;
                if let Type::Array(..) = there {
                    self.copy_memory(place, value, &there)?;
                } else {
                    let value = self.fit_type(value, source.expr_type()?, &there);
                    self.store(place, value);
                }
                continue;
            }
            let address = if tree_type.flag("is_struct") {
                self.op(Op::Field(base, id, index as u32))
            } else {
                base
            };
            let member = self.c_type(member)?;
            if self.m.mir.structs[id.0 as usize].packed {
                if !tree_type.flag("is_struct") || matches!(member, Type::Array(..)) {
                    return missing_node(node, "of a packed struct");
                }
                let value = self.fit_type(value, source.expr_type()?, &member);
                let address = self.op(Op::Field(base, id, index as u32));
                self.store_packed(address, value);
                continue;
            }
            if let Type::Array(..) = member {
                self.copy_memory(address, value, &member)?;
            } else {
                let value = self.fit_type(value, source.expr_type()?, &member);
                self.store(address, value);
            }
        }
        Ok(self.op(Op::Get(local)))
    }
}
