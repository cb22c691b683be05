//! Defaults of arguments that are computed when `def` runs.
//!
//! Where the function object is of Cython's kind they lie in an object that it holds: one place of 8
//! bytes for each, in the order of Cython's names `arg0`, `arg1`, ...  Otherwise they lie in the
//! module's own variables.

use frontend_bridge::tree::{Node, Value as Attr};

use super::Result;
use super::body::Body;
use super::context::missing_node;
use super::memview::is_slice;
use crate::mir::{FuncId, GlobalId, Op, Raises, Type, Value};

impl<'t> Body<'_, 't> {
    /// Whether the argument's default is computed.
    pub(super) fn computed_default(arg: Node<'t>) -> bool {
        arg.flag("is_dynamic")
            || arg
                .node("default")
                .is_some_and(|default| !is_literal(default))
    }

    /// The value of a computed default, as the argument's type; borrowed.
    pub(super) fn read_computed_default(&mut self, arg: Node<'t>) -> Result<Value> {
        let slice = is_slice(arg);
        let ty = if slice { Type::Ptr } else { self.type_of(arg)? };
        if arg.flag("is_dynamic") {
            let own = self.function_object(arg)?;
            let places = self.rt_value("cyl_function_defaults", "o:p", &[own])?;
            let address = self.default_place(arg, places)?;
            return Ok(self.op(Op::Load(ty, address)));
        }
        let Some(global) = self.m.default_globals.get(&arg.id()).copied() else {
            return missing_node(arg, "with a default of a function that is not lowered");
        };
        let address = self.op(Op::GlobalAddr(global));
        Ok(match slice {
            true => address,
            false => self.op(Op::Load(ty, address)),
        })
    }

    /// The place of a default among those of its function.
    fn default_place(&mut self, arg: Node<'t>, places: Value) -> Result<Value> {
        let key = arg.text("defaults_class_key").unwrap_or_default();
        let digits = key.trim_start_matches(|c: char| !c.is_ascii_digit());
        let Ok(index) = digits.parse::<i128>() else {
            return missing_node(arg, "with a default without a place");
        };
        let index = self.int(index, 64);
        Ok(self.op(Op::Index(places, Type::I64, index)))
    }

    /// `DefaultNonLiteralArgNode`: the default in `__defaults__`.
    pub(super) fn lower_default_arg(&mut self, node: Node<'t>) -> Result<Value> {
        let arg = node.child("arg")?;
        if arg.node("default").is_some_and(is_none_slice) {
            let none = self.none();
            return self.slice_from_object(none, arg.expr_type()?);
        }
        self.read_computed_default(arg)
    }

    /// Computes the defaults that the module keeps, where `def` stands.
    pub(super) fn store_defaults(&mut self, def: Node<'t>) -> Result<()> {
        if def.flag("is_wrapper") {
            return Ok(());
        }
        for arg in def.nodes("args") {
            let Some(default) = arg.node("default") else {
                continue;
            };
            if arg.flag("is_dynamic") || is_literal(default) || is_none_slice(default) {
                continue;
            }
            let Some(global) = self.m.default_globals.get(&arg.id()).copied() else {
                return missing_node(arg, "with a default without a place");
            };
            let value = match default.kind() {
                "DefaultLiteralArgNode" => self.expr(default.child("arg")?)?,
                _ => self.expr(default)?,
            };
            self.keep_default((arg, default), value, global)?;
        }
        Ok(())
    }

    /// Stores a default where the module keeps it, as the argument's type.
    pub(super) fn keep_default(
        &mut self,
        (arg, default): (Node<'t>, Node<'t>),
        value: Value,
        global: GlobalId,
    ) -> Result<()> {
        let address = self.op(Op::GlobalAddr(global));
        if is_slice(default) {
            return self.assign_slice_to(address, value, default.expr_type()?);
        }
        let ty = self.type_of(arg)?;
        let value = self.fit_type(value, default.expr_type()?, &ty);
        self.store(address, value);
        Ok(())
    }

    /// Makes the variables for the defaults that the module keeps.
    pub(super) fn declare_defaults(&mut self, def: Node<'t>) -> Result<()> {
        for arg in def.nodes("args") {
            let computed = arg
                .node("default")
                .is_some_and(|default| !is_literal(default) && !is_none_slice(default));
            if computed
                && !arg.flag("is_dynamic")
                && !self.m.default_globals.contains_key(&arg.id())
            {
                let ty = self.type_of(arg)?;
                let global = self.m.variable("default", ty);
                self.m.default_globals.insert(arg.id(), global);
            }
        }
        Ok(())
    }

    /// Computes a function's defaults, and puts them, and what tells of them, into its object.
    pub(super) fn set_defaults(
        &mut self,
        node: Node<'t>,
        def: Node<'t>,
        function: Value,
    ) -> Result<()> {
        let mut args = Vec::new();
        for pair in node.list("defaults") {
            match pair {
                Attr::List(parts) => match parts.first() {
                    Some(Attr::Node(arg)) => args.push(self.m.tree.node(*arg)),
                    _ => return missing_node(node, "with defaults that are not arguments"),
                },
                _ => return missing_node(node, "with defaults that are not arguments"),
            }
        }
        if !args.is_empty() {
            self.fill_defaults(node, &args, function)?;
        }
        for (name, setter) in [
            ("defaults_tuple", "__Pyx_CyFunction_SetDefaultsTuple"),
            ("defaults_kwdict", "__Pyx_CyFunction_SetDefaultsKwDict"),
        ] {
            if let Some(part) = node.node(name) {
                let value = self.expr(part)?;
                self.rt_void(setter, "oo:v", &[function, value])?;
                self.release(value);
            }
        }
        if let Some(getter) = def.node("defaults_getter") {
            let getter = self.lower_defaults_getter(getter)?;
            let address = self.function_address(getter);
            self.rt_void(
                "__Pyx_CyFunction_SetDefaultsGetter",
                "op:v",
                &[function, address],
            )?;
        }
        if let Some(part) = node.node("annotations_dict") {
            let value = self.expr(part)?;
            self.rt_void(
                "__Pyx_CyFunction_SetAnnotationsDict",
                "oo:v",
                &[function, value],
            )?;
            self.release(value);
        }
        Ok(())
    }

    fn fill_defaults(&mut self, node: Node<'t>, args: &[Node<'t>], function: Value) -> Result<()> {
        let objects = node.int("defaults_pyobjects").unwrap_or(0);
        for (index, arg) in args.iter().enumerate() {
            if arg.node("default").is_some_and(is_none_slice) {
                continue;
            }
            let ty = self.type_of(*arg)?;
            let object = ty == Type::Object;
            let small = is_slice(*arg)
                || matches!(ty, Type::Int(bits) if bits <= 64)
                || matches!(ty, Type::F32 | Type::F64 | Type::Ptr | Type::Object);
            if object != ((index as i64) < objects) || !small {
                return missing_node(*arg, "with a default of this type");
            }
        }
        let objects = self.int(i128::from(objects), 64);
        let count = self.int(args.len() as i128, 64);
        let short = "oll:p";
        let places = self.rt_status(
            "cyl_function_defaults_new",
            short,
            &[function, objects, count],
            Raises::Null,
        )?;
        for arg in args {
            let default = match arg.node("default") {
                Some(default) => default,
                None => return missing_node(*arg, "without its default"),
            };
            if is_none_slice(default) {
                continue;
            }
            let address = self.default_place(*arg, places)?;
            if is_slice(default) {
                self.keep_slice_default(default, address)?;
                continue;
            }
            let value = self.expr(default)?;
            let ty = self.type_of(*arg)?;
            let value = self.fit_type(value, default.expr_type()?, &ty);
            self.store(address, value);
        }
        Ok(())
    }

    /// The function that gives `(__defaults__, __kwdefaults__)`.
    fn lower_defaults_getter(&mut self, getter: Node<'t>) -> Result<FuncId> {
        let Some(id) = self.m.def_functions.get(&getter.id()).copied() else {
            return missing_node(getter, "of defaults");
        };
        self.lower_def_body(getter, id)?;
        Ok(id)
    }
}

/// Whether Cython evaluates the default anew at each use.
pub(super) fn is_literal(default: Node<'_>) -> bool {
    if looked_up(default) {
        return false;
    }
    default.flag("is_literal")
        || matches!(
            default.kind(),
            "NoneNode" | "BoolNode" | "NullNode" | "DefaultLiteralArgNode"
        )
}

/// Whether a default is a built-in object that is found by its name, such as `object`: Cython takes it
/// for a literal, and looks it up once.
fn looked_up(default: Node<'_>) -> bool {
    let name = match default.kind() {
        "DefaultLiteralArgNode" => default.node("arg"),
        _ => Some(default),
    };
    name.filter(|node| node.kind() == "NameNode")
        .and_then(|node| node.entry("entry"))
        .and_then(|entry| entry.text("cname"))
        .is_some_and(|cname| cname.starts_with("__pyx_builtin_"))
}

/// Whether a default is None as a memoryview, which needs no place: it is the same each time.
pub(super) fn is_none_slice(default: Node<'_>) -> bool {
    match default.kind() {
        "DefaultLiteralArgNode" | "CoerceToMemViewSliceNode" => default
            .node("arg")
            .is_some_and(|arg| arg.kind() == "NoneNode" || is_none_slice(arg)),
        _ => false,
    }
}
