//! Members and addresses of C structs and unions.

use frontend_bridge::tree::{Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::external_members::of_external_structs;
use super::packed_structs::item_of_variable;
use super::struct_types::{external, known_struct};
use super::types;
use crate::mir::{Op, Type, Value};

/// What a member access is of.
pub(super) struct Member<'t> {
    /// The struct or union.
    pub(super) of: TreeType<'t>,
    /// Whether the object is a pointer to it.
    pub(super) pointer: bool,
    /// The member's number.
    pub(super) index: u32,
    /// Its place and its type there, where only C's header knows them.
    pub(super) external: Option<(u64, Type)>,
    /// C's name of the struct, where it is a bit-field.
    pub(super) bits: Option<String>,
}

impl<'t> Body<'_, 't> {
    /// `whole`: the member's type is wanted, not its place alone.
    fn member(&mut self, node: Node<'t>, whole: bool) -> Result<Member<'t>> {
        let mut of = types::resolve(node.child("obj")?.expr_type()?);
        let pointer = of.flag("is_ptr");
        if pointer {
            match of.ty("base_type") {
                Some(base) => of = types::resolve(base),
                None => return missing_node(node, "of a pointer to nothing"),
            }
        }
        if !of.flag("is_struct_or_union") {
            return missing_node(node, "of a C value or an extension type");
        }
        let name = node
            .text("member")
            .or_else(|| node.text("attribute"))
            .unwrap_or_default();
        let entries = of
            .scope("scope")
            .map(|scope| scope.entries("var_entries"))
            .unwrap_or_default();
        if of.entry("entry").is_some_and(external)
            && known_struct(of.text("cname").unwrap_or_default()).is_none()
        {
            return self.external_member_of(node, of, pointer, name, &entries, whole);
        }
        let known = of
            .entry("entry")
            .filter(|entry| external(*entry))
            .and_then(|_| known_struct(of.text("cname").unwrap_or_default()));
        let found = match known {
            Some(known) => known.iter().position(|(field, _)| *field == name),
            None => entries
                .iter()
                .position(|entry| entry.text("cname") == Some(name)),
        };
        match found {
            Some(index) => Ok(Member {
                of,
                pointer,
                index: index as u32,
                external: None,
                bits: None,
            }),
            None => missing_node(node, &format!("'{name}' of a C struct")),
        }
    }

    /// Whether it is a struct, a pointer to one, or a complex number.
    fn of_struct(&self, obj: Node<'t>) -> Result<bool> {
        let mut of = types::resolve(obj.expr_type()?);
        if of.flag("is_ptr") {
            of = of.ty("base_type").map_or(of, types::resolve);
        }
        Ok(of.flag("is_struct_or_union") || of.flag("is_complex"))
    }

    /// `AttributeNode` of a C value: a member, or a part of a complex number.
    pub(super) fn lower_c_attribute(&mut self, node: Node<'t>) -> Result<Value> {
        let obj = node.child("obj")?;
        if !self.of_struct(obj)? {
            return self.lower_field(node);
        }
        if types::resolve(obj.expr_type()?).flag("is_complex") {
            return self.complex_part(node);
        }
        let tree_type = node.expr_type()?;
        if types::resolve(tree_type).flag("is_array") && of_external_structs(tree_type) {
            return self.lvalue(node);
        }
        let member = self.member(node, true)?;
        if member.bits.is_some() {
            return self.read_bit_field(node, &member);
        }
        let ty = self.type_of(node)?;
        let array = matches!(ty, Type::Array(..));
        if self.is_packed(&member)? && !array {
            if !member.pointer && !item_of_variable(obj) {
                let whole = self.expr(obj)?;
                return Ok(self.op(Op::Extract(whole, member.index)));
            }
            let address = self.lvalue(node)?;
            return Ok(self.load_packed(address, ty));
        }
        let address = self.lvalue(node)?;
        if array {
            return Ok(address);
        }
        if let Some((_, there)) = member.external.filter(|(_, there)| *there != ty) {
            return self.read_external_member(node, address, there);
        }
        let value = self.op(Op::Load(ty.clone(), address));
        if ty == Type::Object {
            Ok(self.owned(value))
        } else {
            Ok(value)
        }
    }

    /// Assigns to a member of a struct or a part of a complex number.
    pub(super) fn assign_c_attribute(&mut self, target: Node<'t>, value: Value) -> Result<()> {
        let obj = target.child("obj")?;
        if !self.of_struct(obj)? {
            return self.assign_field(target, value);
        }
        if types::resolve(obj.expr_type()?).flag("is_complex") {
            return self.assign_complex_part(target, value);
        }
        let member = self.member(target, true)?;
        if member.bits.is_some() {
            return self.assign_bit_field(target, &member, value);
        }
        let ty = self.type_of(target)?;
        if self.is_packed(&member)? && !matches!(ty, Type::Array(..)) {
            let address = self.lvalue(target)?;
            let from = self.assigned.unwrap_or(target.expr_type()?);
            let value = self.fit_type(value, from, &ty);
            self.store_packed(address, value);
            return Ok(());
        }
        let address = self.lvalue(target)?;
        if let Some((_, there)) = member.external
            && there != self.type_of(target)?
        {
            if let Type::Array(..) = there {
                return missing_node(target, "as a target that C has as an array");
            }
            let from = self.assigned.unwrap_or(target.expr_type()?);
            let value = self.fit_type(value, from, &there);
            self.store(address, value);
            return Ok(());
        }
        self.store_as(target, address, value)
    }

    /// Overwrites a variable of a target's type; an array's value is an address.
    pub(super) fn store_as(
        &mut self,
        target: Node<'t>,
        address: Value,
        value: Value,
    ) -> Result<()> {
        let ty = self.type_of(target)?;
        if let Type::Array(..) = ty {
            return self.copy_memory(address, value, &ty);
        }
        let from = self.assigned.unwrap_or(target.expr_type()?);
        let value = self.fit_type(value, from, &ty);
        self.store(address, value);
        Ok(())
    }

    /// Copies a value of some type from memory to memory.
    pub(super) fn copy_memory(&mut self, to: Value, from: Value, ty: &Type) -> Result<()> {
        let size = self.m.mir.size_align(ty).0;
        let size = self.int(i128::from(size), 64);
        self.rt_value("memcpy", "ppl:p", &[to, from, size])?;
        Ok(())
    }

    /// The address of a member of a struct whose type there is the declared one, and whether it may lie
    /// anywhere, as in packed ones.
    pub(super) fn lvalue_as_declared(&mut self, node: Node<'t>) -> Result<(Value, bool)> {
        if !self.of_struct(node.child("obj")?)? {
            return missing_node(node, "as a target in place");
        }
        let complex = types::resolve(node.child("obj")?.expr_type()?).flag("is_complex");
        let member = match complex {
            true => return missing_node(node, "as a target in place"),
            false => self.member(node, true)?,
        };
        let declared = self.type_of(node)?;
        if member
            .external
            .as_ref()
            .is_some_and(|(_, there)| *there != declared)
        {
            return missing_node(node, "as a target in place");
        }
        let packed = self.is_packed(&member)?;
        Ok((self.lvalue(node)?, packed))
    }

    /// The address of a C value: its own where it is a variable, else that of a copy.
    pub(super) fn lvalue(&mut self, node: Node<'t>) -> Result<Value> {
        self.at(node);
        match node.kind() {
            "NameNode" => return self.variable_address(node),
            "DereferenceNode" => return self.expr(node.child("operand")?),
            "AttributeNode" if !node.flag("is_py_attr") => {
                let obj = node.child("obj")?;
                if !self.of_struct(obj)? {
                    let (address, _, object) = self.field_address(node)?;
                    if self.temps.contains(&object) {
                        return missing_node(node, "address in a temporary object");
                    }
                    return Ok(address);
                }
                if types::resolve(obj.expr_type()?).flag("is_complex") {
                    return missing_node(node, "address of a complex number's part");
                }
                let member = self.member(node, false)?;
                if member.bits.is_some() {
                    return missing_node(node, "address of a bit-field");
                }
                let base = if member.pointer {
                    self.expr(obj)?
                } else {
                    self.lvalue(obj)?
                };
                if let Some((offset, _)) = member.external {
                    let offset = self.int(i128::from(offset), 64);
                    return Ok(self.op(Op::Index(base, Type::Int(8), offset)));
                }
                if !member.of.flag("is_struct") {
                    return Ok(base);
                }
                return match self.c_type(member.of)? {
                    Type::Struct(id) => Ok(self.op(Op::Field(base, id, member.index))),
                    _ => self.defect("a struct without fields"),
                };
            }
            "BufferIndexNode" => {
                let (address, base) = self.item_of_buffer(node)?;
                // The variable keeps the buffer.
                self.release(base);
                return Ok(address);
            }
            "MemoryViewIndexNode" => {
                let (address, base) = self.item_of_slice(node)?;
                if self.temps.contains(&base) {
                    return missing_node(node, "address in a temporary memoryview");
                }
                return Ok(address);
            }
            "IndexNode" => {
                let (base, index) = (node.child("base")?, node.child("index")?);
                let ty = types::resolve(base.expr_type()?);
                if ty.flag("is_ptr") || ty.flag("is_array") {
                    return self.item_address(node, base, index);
                }
            }
            _ => {}
        }
        let value = self.expr(node)?;
        if let Type::Array(..) = self.type_of(node)? {
            return Ok(value);
        }
        if *self.b.ty(value) == Type::Object {
            return missing_node(node, "address of an object");
        }
        Ok(self.spill(value))
    }

    /// The address of a copy of a value.
    pub(super) fn spill(&mut self, value: Value) -> Value {
        let ty = self.b.ty(value).clone();
        let local = self.b.local("copy", ty);
        self.b.effect(Op::Set(local, value));
        self.op(Op::LocalAddr(local))
    }

    /// `AmpersandNode`: `&x`.
    pub(super) fn lower_ampersand(&mut self, node: Node<'t>) -> Result<Value> {
        let operand = node.child("operand")?;
        if operand.expr_type()?.flag("is_cfunction") {
            return self.expr(operand);
        }
        if operand.expr_type()?.flag("is_pyobject") {
            return missing_node(node, "of an object");
        }
        self.lvalue(operand)
    }

    /// `SizeofTypeNode` and `SizeofVarNode`.
    pub(super) fn lower_sizeof(&mut self, node: Node<'t>) -> Result<Value> {
        let ty = match node.ty("arg_type") {
            Some(ty) => ty,
            None => node.child("operand")?.expr_type()?,
        };
        if ty.flag("is_extension_type") {
            return missing_node(node, "of an extension type");
        }
        let mir = self.c_type(ty)?;
        if matches!(mir, Type::Array(_, 0)) {
            // Declared without a size, or with one that C knows.
            let Some(size) = node.node("operand").and_then(member_size) else {
                return missing_node(node, "of an array of unknown size");
            };
            let size = self.m.c_number(&size, 1, node.position());
            return Ok(self.int(i128::from(size), 64));
        }
        let size = self.m.mir.size_align(&mir).0;
        Ok(self.int(i128::from(size), 64))
    }
}

/// The size of a member of a header's struct, as C has it.
fn member_size(operand: Node<'_>) -> Option<String> {
    let of = operand
        .node("obj")
        .filter(|_| operand.kind() == "AttributeNode")?;
    let mut of = types::resolve(of.expr_type().ok()?);
    if of.flag("is_ptr") {
        of = types::resolve(of.ty("base_type")?);
    }
    let declared = of.flag("is_struct_or_union") && of.entry("entry").is_some_and(external);
    let name = super::ctypes::c_name(of).filter(|_| declared)?;
    let member = operand
        .text("member")
        .or_else(|| operand.text("attribute"))?;
    Some(format!("sizeof((({name} *)0)->{member})"))
}
