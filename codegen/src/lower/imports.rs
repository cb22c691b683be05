//! `import` and `from ... import`.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::arithmetic::NEGATIVE;
use super::body::Body;
use super::context::missing_node;
use crate::mir::{ObjectConstant, Op, Type, Value};

impl<'t> Body<'_, 't> {
    /// `ImportNode`: the package on top of a dotted name, or, for `as` and `from`, the module itself.
    pub(super) fn lower_import(&mut self, node: Node<'t>) -> Result<Value> {
        let name_node = node.child("module_name")?;
        let Some(Attr::Str(dotted)) = name_node.attr("value") else {
            return missing_node(node, "of a name that is not text");
        };
        let own = self.m.tree.module_name();
        let mut level = node.int("level").unwrap_or(0);
        if level == -1 && !own.contains('.') {
            // Nothing to be relative to.
            level = 0;
        }
        let qualified = match node.attr("module_qualname") {
            Some(Attr::Str(text)) => self.name(text),
            _ => self.null_object(),
        };
        let (names, count) = match node.attr("imported_names") {
            Some(Attr::List(_)) => {
                let names = self.expr_list(node.nodes("imported_names"))?;
                (self.argument_array(&names), names.len())
            }
            _ => (self.null(), 0),
        };
        let name = self.name(dotted);
        let count = self.int(count as i128, 64);
        let dict = self.module_dict();
        let level = self.int(i128::from(level), 32);
        self.at(node);
        let mut module = self.rt_object(
            "__Pyx__Import",
            "oplooi:O",
            &[name, names, count, qualified, dict, level],
        )?;
        if node.flag("is_import_as_name") {
            for part in dotted.split('.').skip(1) {
                let part = self.name(part);
                let inner = self.rt_object("__Pyx_ImportFrom", "oo:O", &[module, part])?;
                self.release(module);
                module = inner;
            }
        }
        Ok(module)
    }

    /// `FromImportStatNode`: each name, and its assignment, in turn.
    pub(super) fn lower_from_import(&mut self, node: Node<'t>) -> Result<()> {
        let module = self.expr(node.child("module")?)?;
        if node.flag("import_star") {
            let (types, variables) = self.star_names();
            let types = self.m.mir.object(ObjectConstant::Tuple(types));
            let types = self.op(Op::Object(types));
            let setter = match variables.is_empty() {
                true => self.null(),
                false => {
                    let setter = self.star_setter(node, &variables)?;
                    self.function_address(setter)
                }
            };
            let own = self.module_object();
            let args = [own, module, types, setter];
            self.rt_status("cyl_import_star", "ooop:i", &args, NEGATIVE)?;
        }
        for item in node.list("interned_items") {
            let Attr::List(parts) = item else {
                return missing_node(node, "with an item that is not one");
            };
            let (Some(Attr::Str(name)), Some(Attr::Node(target))) = (parts.first(), parts.get(1))
            else {
                return missing_node(node, "with an item that is not one");
            };
            let target = self.m.tree.node(*target);
            self.at(node);
            let name = self.name(name);
            let value = self.rt_object("__Pyx_ImportFrom", "oo:O", &[module, name])?;
            match parts.get(2) {
                Some(Attr::Node(coerced)) => {
                    let placed = node.child("item")?;
                    self.results.insert(placed.id(), value);
                    let converted = self.expr(self.m.tree.node(*coerced))?;
                    self.assign(target, converted)?;
                    self.release(value);
                }
                _ => self.assign(target, value)?,
            }
        }
        self.release(module);
        Ok(())
    }

    /// `RawCNameExprNode`, `ExcValueNode`: a value that the statement around has put in place.
    pub(super) fn lower_placed(&mut self, node: Node<'t>) -> Result<Value> {
        match self.results.get(&node.id()).copied() {
            Some(value) => Ok(self.borrow(value)),
            None => match node.text("cname") {
                Some("NULL") => Ok(self.null()),
                Some(name) if self.type_of(node)?.is_int() => {
                    let bits = self.type_of(node)?;
                    match (self.m.size_in_c(name, node.position()), bits) {
                        (Some(size), Type::Int(bits)) => Ok(self.int(i128::from(size), bits)),
                        _ => missing_node(node, "of an array's size"),
                    }
                }
                Some(name) => self.extern_function_address(node, name),
                None => missing_node(node, "of a value made elsewhere"),
            },
        }
    }
}
