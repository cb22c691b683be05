//! C enums: their constants and conversions.

use frontend_bridge::tree::{Entry, Node, Type as TreeType, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::{missing, missing_node};
use super::struct_types::external;
use super::types;
use crate::mir::{Callee, Constant, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// A name that stands for a constant.
    pub(super) fn enum_constant(&mut self, node: Node<'t>, entry: Entry<'t>) -> Result<Value> {
        let name = entry.text("qualified_name").unwrap_or_default();
        if external(entry) {
            return self.external_constant(node, entry);
        }
        match (known_value(entry, 0), self.type_of(node)?) {
            (Some(value), Type::Int(bits)) => Ok(self.int(i128::from(value), bits)),
            _ => missing_node(node, &format!("constant '{name}'")),
        }
    }

    /// `CEnumDefNode`: the values of a public enum are names of the module.
    pub(super) fn lower_enum(&mut self, node: Node<'t>) -> Result<()> {
        let public = matches!(node.text("visibility"), Some("public"));
        if node.flag("scoped") || !node.flag("api") && !public && node.text("name").is_none() {
            return Ok(());
        }
        let entry = node.entry("entry");
        for item in entry
            .map(|entry| entry.entries("enum_values"))
            .unwrap_or_default()
        {
            let Some(number) = known_value(item, 0) else {
                return missing_node(node, "public enum with this value");
            };
            self.set_constant(item, number)?;
        }
        Ok(())
    }

    /// Constants of `cpdef enum` without a name: the module gets objects of them.
    pub(super) fn wrap_constants(&mut self) -> Result<()> {
        let Some(scope) = self.m.tree.root().scope("scope") else {
            return Ok(());
        };
        for (_, value) in scope.map("entries") {
            let Attr::Entry(id) = value else { continue };
            let entry = self.m.tree.entry(*id);
            let own = entry.scope("scope").is_some_and(|of| of.id() == scope.id());
            if !own || !entry.flag("create_wrapper") || !entry.flag("is_const") {
                continue;
            }
            let number = match known_value(entry, 0) {
                Some(number) => number,
                None if external(entry) => {
                    let cname = entry.text("cname").unwrap_or_default();
                    self.m.c_number(cname, 0, entry.position())
                }
                None => return missing("cpdef enum with this value", entry.position()),
            };
            self.set_constant(entry, number)?;
        }
        Ok(())
    }

    /// Makes a constant's value a name of the module.
    fn set_constant(&mut self, entry: Entry<'t>, number: i64) -> Result<()> {
        let number = self.int(i128::from(number), 64);
        let value = self.rt_object("PyLong_FromLong", "l:O", &[number])?;
        self.set_global(entry.text("name").unwrap_or_default(), value)?;
        self.release(value);
        Ok(())
    }

    pub(super) fn enum_to_python(
        &mut self,
        value: Value,
        from: TreeType<'t>,
        function: &str,
    ) -> Result<Value> {
        if let Some(id) = self.m.functions_by_name.get(function).copied() {
            return match self.b.call(&self.m.mir, Callee::Function(id), vec![value]) {
                Some(made) => self.checked(made, Raises::Null),
                None => self.defect("no object"),
            };
        }
        if !function.starts_with("__Pyx_PyLong_From_") {
            return self.missing(&format!("C function '{function}'"));
        }
        self.rt_object(enum_helper(types::unsigned(from)), "i:O", &[value])
    }

    pub(super) fn enum_from_python(&mut self, object: Value, to: TreeType<'t>) -> Result<Value> {
        let cname = to.text("cname").unwrap_or_default();
        let name = if to.flag("typedef_flag") {
            cname.to_owned()
        } else {
            format!("enum {cname}")
        };
        let name = self.text(&name);
        let unsigned = self.int(i128::from(types::unsigned(to)), 32);
        let raises = Raises::Maybe(Constant::Int(-1, 32));
        self.rt_status(
            "cyl_enum_from_python",
            "opi:i",
            &[object, name, unsigned],
            raises,
        )
    }

    /// An object as a struct, by a function that Cython put into the module.
    pub(super) fn struct_from_python(&mut self, object: Value, function: &str) -> Result<Value> {
        let Some(id) = self.m.functions_by_name.get(function).copied() else {
            return self.missing(&format!("C function '{function}'"));
        };
        let Some(made) = self.b.call(&self.m.mir, Callee::Function(id), vec![object]) else {
            return self.defect("no struct");
        };
        self.check_occurred()?;
        Ok(made)
    }
}

/// What makes an object of an enum's value.
pub(super) fn enum_helper(unsigned: bool) -> &'static str {
    if unsigned {
        "__Pyx_PyLong_From_unsigned_int"
    } else {
        "__Pyx_PyLong_From_int"
    }
}

/// The deepest nesting of values that is followed.
const DEPTH: u32 = 16;

/// The value of a constant of an enum, computed from others where it is.
pub(super) fn known_value(entry: Entry<'_>, depth: u32) -> Option<i64> {
    if let Some(Attr::Int(number)) = entry.attr("enum_int_value") {
        return Some(*number);
    }
    if depth > DEPTH || external(entry) {
        return None;
    }
    known_number(entry.node("value_node")?, depth + 1)
}

fn known_number(node: Node<'_>, depth: u32) -> Option<i64> {
    if depth > DEPTH {
        return None;
    }
    let operand = |name: &str| known_number(node.node(name)?, depth + 1);
    if let Some(Attr::Int(number)) = node.attr("constant_result") {
        return Some(*number);
    }
    match node.kind() {
        "NameNode" => known_value(node.entry("entry")?, depth + 1),
        "UnaryMinusNode" => operand("operand")?.checked_neg(),
        "AddNode" => operand("operand1")?.checked_add(operand("operand2")?),
        "SubNode" => operand("operand1")?.checked_sub(operand("operand2")?),
        "MulNode" => operand("operand1")?.checked_mul(operand("operand2")?),
        "BitwiseOrNode" => Some(operand("operand1")? | operand("operand2")?),
        "TildeNode" => Some(!operand("operand")?),
        "IntBinopNode" => {
            let (one, other) = (operand("operand1")?, operand("operand2")?);
            match node.text("operator")? {
                "&" => Some(one & other),
                "^" => Some(one ^ other),
                ">>" if (0..32).contains(&other) => Some(one >> other),
                // What does not fit into C's int is another number there.
                "<<" if (0..31).contains(&other) && one >= 0 => {
                    Some(one << other).filter(|made| i32::try_from(*made).is_ok())
                }
                _ => None,
            }
        }
        _ => None,
    }
}
