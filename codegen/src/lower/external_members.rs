//! Members of structs that a header declares: their places and types are the C compiler's to know.

use frontend_bridge::tree::{Entry, Node, Type as TreeType};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::cstructs::Member;
use super::ctypes::c_name;
use super::struct_types::{external, known_struct};
use super::types;
use crate::mir::{Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// A member of a struct of which only C's header knows all.
    pub(super) fn external_member_of(
        &mut self,
        node: Node<'t>,
        of: TreeType<'t>,
        pointer: bool,
        name: &str,
        entries: &[Entry<'t>],
        whole: bool,
    ) -> Result<Member<'t>> {
        let entry = entries
            .iter()
            .find(|entry| entry.text("cname") == Some(name));
        let (Some(entry), Some(ty), Some(structure)) = (
            entry,
            entry.and_then(|entry| entry.ty("type")),
            self.name_by_path(node).or_else(|| declared_name(node)),
        ) else {
            return missing_node(node, &format!("'{name}' of a C struct"));
        };
        let at = entry.position();
        if self.m.is_bit_field(&structure, name, at) {
            return Ok(Member {
                of,
                pointer,
                index: 0,
                external: Some((0, Type::Void)),
                bits: Some(structure),
            });
        }
        let nested = of_external_structs(ty);
        let found = if nested && !whole {
            (self.m.external_offset(&structure, name, at), Type::Ptr)
        } else {
            self.m.external_member(&structure, name, ty, at)?
        };
        Ok(Member {
            of,
            pointer,
            index: 0,
            external: Some(found),
            bits: None,
        })
    }

    /// The number in a member whose declared type is not the header's.
    pub(super) fn read_external_member(
        &mut self,
        node: Node<'t>,
        address: Value,
        there: Type,
    ) -> Result<Value> {
        if let Type::Array(..) = there {
            return Ok(address);
        }
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

    /// C's name of the struct that `node` is a member of, where it is itself a member of one: the
    /// header may call it otherwise than the source, which Cython's C does not notice either.
    fn name_by_path(&self, node: Node<'t>) -> Option<String> {
        path_name(node.node("obj")?)
    }

    /// A type of the size of an item of an array of structs in such a struct.
    pub(super) fn sized_by_path(&mut self, node: Node<'t>) -> Option<Type> {
        let of = types::resolve(node.expr_type().ok()?);
        if !of.flag("is_struct_or_union") || !of.entry("entry").is_some_and(external) {
            return None;
        }
        let name = path_name(node)?;
        let size = self
            .m
            .c_number(&format!("sizeof({name})"), 8, node.position());
        Some(Type::Array(
            Box::new(Type::Int(8)),
            u64::try_from(size).ok()?,
        ))
    }
}

/// C's name of the struct that `node` is a member of, as its declaration has it.
fn declared_name(node: Node<'_>) -> Option<String> {
    let of = node.node("obj")?.expr_type().ok()?;
    let plain = types::resolve(of);
    c_name(if plain.flag("is_ptr") {
        plain.ty("base_type")?
    } else {
        of
    })
}

/// Whether a type is a struct that a header declares, or an array of them.
pub(super) fn of_external_structs(ty: TreeType<'_>) -> bool {
    let mut item = types::resolve(ty);
    while let Some(inner) = item.ty("base_type").filter(|_| item.flag("is_array")) {
        item = types::resolve(inner);
    }
    item.flag("is_struct_or_union") && item.entry("entry").is_some_and(external)
}

/// How C can name the struct that a member of an external struct is, or points to.
fn path_name(node: Node<'_>) -> Option<String> {
    let (obj, after) = match node.kind() {
        "IndexNode" => (node.node("base")?, "[0]"),
        _ => (node, ""),
    };
    if obj.kind() != "AttributeNode" {
        return None;
    }
    let mut outer = types::resolve(obj.node("obj")?.expr_type().ok()?);
    if outer.flag("is_ptr") {
        outer = types::resolve(outer.ty("base_type")?);
    }
    if !outer.flag("is_struct_or_union")
        || !outer.entry("entry").is_some_and(external)
        || known_struct(outer.text("cname")?).is_some()
    {
        return None;
    }
    let member = obj.text("member").or_else(|| obj.text("attribute"))?;
    let outer = path_name(obj.node("obj")?).or_else(|| c_name(outer))?;
    let pointer = types::resolve(node.expr_type().ok()?).flag("is_ptr");
    let star = if pointer { "*" } else { "" };
    Some(format!("__typeof__({star}(({outer} *)0)->{member}{after})"))
}
