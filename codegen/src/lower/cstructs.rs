//! C structs and unions: layout, members, addresses, conversion to dictionaries.

use frontend_bridge::tree::{Entry, Node, Position, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::{Context, missing, missing_node};
use super::ctypes::by_words;
use super::types;
use crate::mir::{Op, StructDef, StructId, Type, Value};
use crate::shims::passed;

impl<'t> Context<'t> {
    /// The MIR type of a struct or union.
    pub(super) fn struct_type(&mut self, ty: TreeType<'t>, at: Option<Position>) -> Result<Type> {
        let name = ty.text("cname").unwrap_or("struct").to_owned();
        if ty.entry("entry").is_some_and(external) {
            if let Some(own) = self.own_twin(ty, &name) {
                return self.struct_type(own, at);
            }
            let Some(known) = known_struct(&name) else {
                return self.external_struct(ty, at);
            };
            let fields = known.iter().map(|(_, ty)| ty.clone()).collect();
            return Ok(Type::Struct(
                self.mir.structure(&format!("C.{name}"), || fields),
            ));
        }
        let Some(scope) = ty.scope("scope") else {
            return missing(&format!("incomplete struct '{name}'"), at);
        };
        let mut fields = Vec::new();
        for entry in scope.entries("var_entries") {
            match entry.ty("type") {
                Some(ty) => fields.push(self.c_type(ty, at)?),
                None => return missing("struct member without a type", at),
            }
        }
        let packed = ty.flag("packed");
        if !ty.flag("is_struct") {
            fields = self.union_fields(&fields);
        }
        if fields.is_empty() {
            return missing("empty struct", at);
        }
        self.mir.structs.push(StructDef {
            name: format!("{name}.{}", self.mir.structs.len()),
            fields,
            packed,
        });
        Ok(Type::Struct(StructId(self.mir.structs.len() as u32 - 1)))
    }

    /// Integers as wide as a union's alignment, as many as its size needs.
    fn union_fields(&self, members: &[Type]) -> Vec<Type> {
        let (mut size, mut align) = (0, 1);
        for member in members {
            let (of, to) = self.size_align(member);
            size = size.max(of);
            align = align.max(to);
        }
        if size == 0 {
            return Vec::new();
        }
        if size <= 16 {
            let size = size.next_multiple_of(align);
            return by_words(size, align, |word| self.union_word(members, word));
        }
        let unit = Type::Int(align as u16 * 8);
        vec![Type::Array(Box::new(unit), size.div_ceil(align))]
    }

    /// How eight bytes of a union are passed: as integers if any member has some there.
    fn union_word(&self, members: &[Type], word: u64) -> i64 {
        let mut how = 0;
        for member in members {
            let mut found = Vec::new();
            self.scalars(member, 0, &mut found);
            for (at, ty) in found.into_iter().filter(|(at, _)| at / 8 == word) {
                how = match ty {
                    _ if how == passed::INTEGER => how,
                    Type::F64 => passed::DOUBLE,
                    Type::F32 if how == passed::DOUBLE => how,
                    Type::F32 if at % 8 == 4 => passed::FLOATS,
                    Type::F32 => how.max(passed::FLOAT),
                    _ => passed::INTEGER,
                };
            }
        }
        how
    }

    /// The scalars of a type, with their offsets in bytes.
    pub(super) fn scalars(&self, ty: &Type, at: u64, found: &mut Vec<(u64, Type)>) {
        match ty {
            Type::Array(item, count) => {
                let size = self.size_align(item).0;
                for index in 0..*count {
                    self.scalars(item, at + index * size, found);
                }
            }
            Type::Struct(id) => {
                let of = &self.mir.structs[id.0 as usize];
                let mut place = 0_u64;
                for field in &of.fields {
                    let (size, align) = self.size_align(field);
                    place = place.next_multiple_of(if of.packed { 1 } else { align });
                    self.scalars(field, at + place, found);
                    place += size;
                }
            }
            _ => found.push((at, ty.clone())),
        }
    }

    /// Size and alignment in bytes on x86-64.
    pub(super) fn size_align(&self, ty: &Type) -> (u64, u64) {
        match ty {
            Type::Void | Type::Int(1) => (1, 1),
            Type::Int(bits) => {
                let bytes = u64::from(*bits).div_ceil(8).next_power_of_two();
                (bytes, bytes.min(16))
            }
            Type::F32 => (4, 4),
            Type::F64 | Type::Ptr | Type::Object => (8, 8),
            Type::F80 => (16, 16),
            Type::Array(item, count) => {
                let (size, align) = self.size_align(item);
                (size * count, align)
            }
            Type::Struct(id) => {
                let found = &self.mir.structs[id.0 as usize];
                let (mut size, mut align) = (0_u64, 1);
                for field in &found.fields {
                    let (of, to) = self.size_align(field);
                    let to = if found.packed { 1 } else { to };
                    size = size.next_multiple_of(to) + of;
                    align = align.max(to);
                }
                (size.next_multiple_of(align), align)
            }
        }
    }

    /// The struct behind a MIR type, and whether it is packed.
    fn struct_of(&self, ty: &Type) -> Option<(StructId, bool)> {
        match ty {
            Type::Struct(id) => Some((*id, self.mir.structs[id.0 as usize].packed)),
            _ => None,
        }
    }
}

/// Whether something is declared in a C header.
pub(super) fn external(entry: Entry<'_>) -> bool {
    matches!(entry.text("visibility"), Some("extern")) || entry.flag("in_cinclude")
}

/// Structs of C's and CPython's headers on x86-64 Linux, all of their members in order.
fn known_struct(name: &str) -> Option<Vec<(&'static str, Type)>> {
    let all =
        |ty: Type, names: &[&'static str]| names.iter().map(|name| (*name, ty.clone())).collect();
    Some(match name {
        "Py_complex" => all(Type::F64, &["real", "imag"]),
        "div_t" => all(Type::I32, &["quot", "rem"]),
        "ldiv_t" | "lldiv_t" => all(Type::I64, &["quot", "rem"]),
        "timespec" => all(Type::I64, &["tv_sec", "tv_nsec"]),
        "timeval" => all(Type::I64, &["tv_sec", "tv_usec"]),
        "__Pyx_memviewslice" => {
            let array = Type::Array(Box::new(Type::I64), 8);
            vec![
                ("memview", Type::Ptr),
                ("data", Type::Ptr),
                ("shape", array.clone()),
                ("strides", array.clone()),
                ("suboffsets", array),
            ]
        }
        "tm" => {
            let mut fields: Vec<(&'static str, Type)> = all(
                Type::I32,
                &[
                    "tm_sec", "tm_min", "tm_hour", "tm_mday", "tm_mon", "tm_year", "tm_wday",
                    "tm_yday", "tm_isdst",
                ],
            );
            fields.push(("tm_gmtoff", Type::I64));
            fields.push(("tm_zone", Type::Ptr));
            fields
        }
        _ => return None,
    })
}

/// Whether the places of a struct's members are those of the tree.
fn plain_members(ty: TreeType<'_>) -> bool {
    !ty.entry("entry").is_some_and(external)
}

/// What a member access is of.
struct Member<'t> {
    /// The struct or union.
    of: TreeType<'t>,
    /// Whether the object is a pointer to it.
    pointer: bool,
    /// The member's number.
    index: u32,
    /// Its place and its type there, where only C's header knows them.
    external: Option<(u64, Type)>,
}

impl<'t> Body<'_, 't> {
    fn member(&mut self, node: Node<'t>) -> Result<Member<'t>> {
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
            return self.external_member_of(node, of, pointer, name, &entries);
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
            }),
            None => missing_node(node, &format!("'{name}' of a C struct")),
        }
    }

    /// A member of a struct of which only C's header knows all.
    fn external_member_of(
        &mut self,
        node: Node<'t>,
        of: TreeType<'t>,
        pointer: bool,
        name: &str,
        entries: &[Entry<'t>],
    ) -> Result<Member<'t>> {
        let entry = entries
            .iter()
            .find(|entry| entry.text("cname") == Some(name));
        let (Some(entry), Some(ty), Some(structure)) = (
            entry,
            entry.and_then(|entry| entry.ty("type")),
            super::ctypes::c_name(of),
        ) else {
            return missing_node(node, &format!("'{name}' of a C struct"));
        };
        let found = self
            .m
            .external_member(&structure, name, ty, entry.position())?;
        Ok(Member {
            of,
            pointer,
            index: 0,
            external: Some(found),
        })
    }

    /// The number in a member whose declared type is not the header's.
    fn read_external_member(
        &mut self,
        node: Node<'t>,
        address: Value,
        there: Type,
    ) -> Result<Value> {
        let value = self.op(Op::Load(there, address));
        match (self.b.ty(value).clone(), self.type_of(node)?) {
            (Type::Int(_), Type::Int(bits)) => {
                let unsigned = types::unsigned(node.expr_type()?);
                Ok(self.widen(value, bits, unsigned))
            }
            (have, wanted) if have.is_float() && wanted.is_float() => {
                Ok(self.convert_float(value, &wanted))
            }
            _ => missing_node(node, "of another type in C"),
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
        let member = self.member(node)?;
        let of = self.c_type(member.of)?;
        let ty = self.type_of(node)?;
        let array = matches!(ty, Type::Array(..));
        if let (Some((_, true)), false, true) =
            (self.m.struct_of(&of), array, member.of.flag("is_struct"))
        {
            let whole = if member.pointer {
                let address = self.expr(obj)?;
                self.op(Op::Load(of, address))
            } else {
                self.expr(obj)?
            };
            return Ok(self.op(Op::Extract(whole, member.index)));
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
        let member = self.member(target)?;
        let of = self.c_type(member.of)?;
        if let (Some((id, true)), true) = (self.m.struct_of(&of), member.of.flag("is_struct")) {
            let base = if member.pointer {
                self.expr(obj)?
            } else {
                self.lvalue(obj)?
            };
            let whole = self.op(Op::Load(of, base));
            let count = self.m.mir.structs[id.0 as usize].fields.len() as u32;
            let mut parts = Vec::new();
            for index in 0..count {
                parts.push(if index == member.index {
                    value
                } else {
                    self.op(Op::Extract(whole, index))
                });
            }
            if matches!(self.type_of(target)?, Type::Array(..)) {
                return missing_node(target, "as a target: an array in a packed struct");
            }
            let whole = self.op(Op::Make(id, parts));
            self.b.effect(Op::Store {
                address: base,
                value: whole,
            });
            return Ok(());
        }
        let address = self.lvalue(target)?;
        if let Some((_, there)) = member.external
            && there != self.type_of(target)?
        {
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
        let size = self.m.size_align(ty).0;
        let size = self.int(i128::from(size), 64);
        self.rt_value("memcpy", "ppl:p", &[to, from, size])?;
        Ok(())
    }

    /// The address of a member of a struct whose type there is the declared one.
    pub(super) fn lvalue_as_declared(&mut self, node: Node<'t>) -> Result<Value> {
        if !self.of_struct(node.child("obj")?)? {
            return missing_node(node, "as a target in place");
        }
        let complex = types::resolve(node.child("obj")?.expr_type()?).flag("is_complex");
        let member = match complex {
            true => return missing_node(node, "as a target in place"),
            false => self.member(node)?,
        };
        let packed = match self.c_type(member.of)? {
            Type::Struct(id) => self.m.mir.structs[id.0 as usize].packed,
            _ => false,
        };
        let declared = self.type_of(node)?;
        if packed || member.external.is_some_and(|(_, there)| there != declared) {
            return missing_node(node, "as a target in place");
        }
        self.lvalue(node)
    }

    /// The address of a C value: its own where it is a variable, else that of a copy.
    pub(super) fn lvalue(&mut self, node: Node<'t>) -> Result<Value> {
        self.at(node);
        match node.kind() {
            "NameNode" => return self.variable_address(node),
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
                let member = self.member(node)?;
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
        let size = self.m.size_align(&mir).0;
        Ok(self.int(i128::from(size), 64))
    }

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
                (Type::Array(..), true) => return self.missing("array in a packed struct"),
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
        if matches!(declared, Type::Array(..)) {
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
                return missing_node(node, "of a packed struct");
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
